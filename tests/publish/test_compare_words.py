"""Two results set side by side: years with the same years, periods however they are written, in both languages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from mse.answers.results import Results, write_results
from mse.cli import main
from mse.jobs.revising import changed_kinds
from mse.publish.changes import COMPLETING, LINKING, Cause, Changes, compare_results
from mse.publish.changestext import changes_text, read_words
from mse.publish.revisionfiles import sentences
from mse.publish.revisions import Number, Revision, Side, YearRevision
from mse.publish.standing import SUPPRESSED, TOO_FEW, UNJUDGED, WITHHELD, missing
from mse.tables.captures import CaptureTable
from tests.publish.attacker import LISTS, result


def by_year(first: int, years: int, form: bool = False) -> CaptureTable:
    """Return a table of large counts by year, of which each year has its own."""
    dims = {"year": tuple(str(first + i) for i in range(years))} | ({"form": ("lab", "sex")} if form else {})
    cells = [np.arange(15) + 40 + 10 * (first + i - 2016) for i in range(years) for _ in range(1 + form)]
    return CaptureTable.from_arrays(LISTS, np.array(cells), strata=dims, name=f"from {first}, {years} years")


def text_of(tmp_path: Path, old: Results, new: Results, language: str) -> str:
    for name, found in (("old", old), ("new", new)):
        if not (tmp_path / name).exists():
            write_results(tmp_path / name, found, lambda r: "page")
    return changes_text(compare_results(tmp_path / "old", tmp_path / "new"), language)


@pytest.mark.parametrize("form", [False, True])
def test_three_years_are_not_set_against_four(tmp_path: Path, form: bool) -> None:
    old, new = result(by_year(2016, 3, form), 1), result(by_year(2016, 4, form), 2)
    english, dutch = (text_of(tmp_path, old, new, language) for language in ("en", "nl"))
    assert "over different years, 2016–2018 before and 2016–2019 now, and are not set side by side" in english
    assert "Like with like are the years that both have: 2016, 2017 and 2018." in english
    assert "verschillende jaren, eerst 2016–2018 en nu 2016–2019" in dutch
    assert "Vergelijkbaar zijn de jaren die beide hebben: 2016, 2017 en 2018." in dutch
    for text, registered, answer in ((english, "Registered", "In short"), (dutch, "Geregistreerd", "Kortom")):
        lines = text.splitlines()
        assert not [line for line in lines if line.startswith(registered)]
        for year in ("2016", "2017", "2018"):
            assert [line for line in lines if line.startswith(f"  {year}: {registered}")]
        assert [line for line in lines if line.startswith(f"2018: {answer}")] and "  2019:" not in text
    frame = compare_results(tmp_path / "old", tmp_path / "new").estimates
    assert set(frame["year"]) == {"2016", "2017", "2018"}
    old_sums = {float(x) for x in (old.headline.observed, new.headline.observed)}
    assert not old_sums & set(frame["old"]) and not old_sums & set(frame["new"])


def test_years_of_which_none_is_in_both_have_nothing_beside_each_other(tmp_path: Path) -> None:
    old, new = result(by_year(2012, 2), 1), result(by_year(2016, 3), 2)
    assert "There is no year that both have" in text_of(tmp_path, old, new, "en")
    assert "Er is geen jaar dat beide hebben" in text_of(tmp_path, old, new, "nl")
    assert compare_results(tmp_path / "old", tmp_path / "new").estimates.empty


@pytest.mark.parametrize(
    ("one", "other"),
    [("2013", {"start": "2013", "end": "2013"}), ({"start": 2013, "end": 2013}, "2013"),
     ("2012-2013", {"start": "2012", "end": "2013"})],
)  # fmt: skip
def test_a_period_is_the_same_however_it_is_written(tmp_path: Path, one: object, other: object) -> None:
    table = CaptureTable.from_arrays(LISTS, np.arange(15) + 40, strata={"sex": ("f",)}, name="one")
    old, new = result(table, 1, period=one), result(table, 1, period=other)
    text = text_of(tmp_path, old, new, "en")
    changes = compare_results(tmp_path / "old", tmp_path / "new")
    assert changes.causes == () and changes.years is None
    assert "Nothing that goes into the estimate changed" in text and "Registered" in text
    assert "Niets van wat de schatting bepaalt is veranderd" in text_of(tmp_path, old, new, "nl")


TABLE = "A,B,C,sex,count\n" + "".join(
    f"{h & 1},{h >> 1 & 1},{h >> 2},{sex},{40 - 4 * h}\n" for h in range(1, 8) for sex in ("f", "m")
)


def told(tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    done = CliRunner().invoke(main, [arguments[0], str(path), *arguments[1:]])
    return done.exit_code, done.stdout, done.stderr


def test_what_is_summed_over_is_said_in_the_language_that_was_asked_for(tmp_path: Path) -> None:
    for command in (("compare", "--method", "independence", "--method", "chao"), ("models", "--max-order", "1")):
        status, english, _ = told(tmp_path, *command)
        assert status == 0 and "Summed over sex: everybody in the table counts as one population" in english
        status, dutch, _ = told(tmp_path, *command, "--language", "nl")
        assert status == 0 and "Summed over" not in dutch
        assert "Opgeteld over sex: iedereen in de tabel telt als één populatie" in dutch
    _, dutch, _ = told(tmp_path, "compare", "--method", "independence", "--language", "nl")
    assert "onafhankelijke lijsten" in dutch and "independent lists" not in dutch
    _, record, _ = told(tmp_path, "compare", "--method", "independence", "--language", "nl", "--json")
    assert json.loads(record)[0]["method"] == "independence"


def test_a_refusal_is_said_in_the_language_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    rows = "".join(f"{i % 2},1,persoon{i}@example.org,1\n" for i in range(12))
    path.write_text(f"A,B,contact,count\n{rows}")
    done = CliRunner().invoke(main, ["models", str(path), "--covariate", "contact", "--language", "nl"])
    assert done.exit_code == 2 and "de kolom lijkt op e-mailadressen" in done.stderr and "Doe: verwijder" in done.stderr
    done = CliRunner().invoke(main, ["models", str(path), "--covariate", "contact"])
    assert done.exit_code == 2 and "the column looks like e-mail addresses" in done.stderr


def test_nothing_that_is_published_is_told_apart_by_the_start_of_a_sentence() -> None:
    """A status, a change of the table and an indicator are codes, each with one home."""
    room = Path(__file__).resolve().parents[2] / "mse" / "publish"
    text = "\n".join(path.read_text("utf-8") for path in room.rglob("*.py"))
    told = re.findall(r"\b(?:status|change|indicator|verdict|stands)\b[^\n]*\.startswith\([^\n]*", text)
    assert told == []


@pytest.mark.parametrize(
    ("status", "why"),
    [(TOO_FEW, "too_few"), (WITHHELD, "not_cited"), (f"{WITHHELD} (width, converged)", "not_cited"),
     (UNJUDGED, "withheld"), (SUPPRESSED, "withheld"), ("withheld: do not publish it", "withheld")],
)  # fmt: skip
def test_a_status_says_why_there_is_no_number(status: str, why: str) -> None:
    assert missing(status) == why


def test_what_differs_is_named_and_counted_in_the_language(tmp_path: Path) -> None:
    old, new = result(by_year(2016, 3), 1), result(by_year(2017, 3), 2)
    english, dutch = (text_of(tmp_path, old, new, language) for language in ("en", "nl"))
    causes = compare_results(tmp_path / "old", tmp_path / "new").causes
    persons = [cause for cause in causes if cause.of == "persons"]
    assert persons
    for cause in persons:
        numbers = [f"{int(x):,}" for x in (cause.old, cause.new)]
        assert f"persons on {cause.what}: {numbers[0]} → {numbers[1]}" in english
        assert f"personen op {cause.what}: {' → '.join(numbers).replace(',', '.')}" in dutch
    assert "levels of year" in english and "niveaus van year" in dutch
    assert not [word for word in ("persons", "levels", "counts of") if word in dutch]


@pytest.mark.parametrize(
    ("name", "kinds", "closing"),
    [
        ("nowcast", {"data", "model"}, "several"),
        ("linkage", {"data", "linkage"}, "several"),
        ("contracts", {"data"}, "data"),
    ],
)
def test_a_setting_that_completes_or_links_is_no_change_of_the_data(name: str, kinds: set[str], closing: str) -> None:
    of = "method" if name in (*LINKING, *COMPLETING) else "data"
    causes = (Cause("data", "P/p.csv", "", "", "content"), Cause(of, f"[registers] {name}", "a", "b"))
    found = Changes("old", "new", ("publish", "publish"), causes, pd.DataFrame(columns=["indicator", "unit"]))
    assert changed_kinds(found) == kinds
    assert read_words("en")["closing"][closing] in changes_text(found)


def test_the_sentences_are_on_the_last_year_and_not_on_the_period() -> None:
    many, more = Number(100.0, 80.0, 130.0), Number(110.0, 90.0, 140.0)
    sides = [Side("x", i, "2026-01-01", {}) for i in (1, 2)]
    years = tuple(YearRevision(year, 50, 60, many, more) for year in ("2024", "2025", "2024/2025"))
    for language in ("en", "nl"):
        for sentence in sentences(Revision(*sides, years, ()), language):
            assert "2025" in sentence and "2024" not in sentence
