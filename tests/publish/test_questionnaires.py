"""Questionnaires of international bodies: filled from what is published and from nothing else, every gap by name."""

from __future__ import annotations

import io
import itertools
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from click.testing import CliRunner

import mse
from mse.answers.results import write_results
from mse.cli import main
from mse.errors import InputError
from mse.jobs.questionnairejob import make_questionnaire, questionnaires
from mse.publish.questionnaires.filling import FilledFigure
from mse.publish.questionnaires.questionnairefiles import Questionnaire, workbook
from mse.publish.release.bundle import FIGURES, PACKAGE, write_release
from mse.publish.report.html import render_pages
from mse.tables.captures import CaptureTable
from tests.publish.attacker import LISTS, result
from tests.publish.figureattacker import ranges
from tests.publish.test_release import whole

COUNTS = [
    {"year": year, "sex": sex, "age": age, "count": n}
    for year, sex, age, n in (("2019", "f", "minor", 25), ("2019", "f", "adult", 31), ("2019", "m", "minor", 26),
                              ("2019", "m", "adult", 252), ("2020", "f", "minor", 20), ("2020", "f", "adult", 24))
]  # fmt: skip
CROSSED: dict[str, Any] = {
    "source": [
        {"name": "victims", "persons": "victims", "publisher": "centre", "definition": "reported", "time": "year",
         "counts": COUNTS},
        {"name": "verdachten", "persons": "suspects", "publisher": "prosecution", "definition": "registered",
         "time": "year", "counts": [{"year": "2019", "sex": "f", "count": 60}, {"year": "2019", "sex": "m", "count": 4},
                                    {"year": "2020", "sex": "m", "count": 90}]},
    ],
    "figure": [
        {"kind": "total", "source": "victims", "when": "2019", "where": {"sex": "f", "age": "minor"}},
        {"kind": "total", "source": "verdachten", "when": "2019"},
        {"kind": "total", "source": "verdachten", "when": "2019", "where": {"sex": "m"}},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("asked")
    write_results(home / "audit", whole(), lambda results: "page")
    write_release(home / "audit")
    mse.write_figures(home / "figures", mse.figures(CROSSED))
    mse.write_chain(home / "chain", mse.chain("models/justice-chain.toml"))
    return home


def of(found: Questionnaire, name: str, **levels: str) -> FilledFigure:
    (figure,) = (x for x in found.figures if x.asked.name == name and dict(x.levels) == levels)
    return figure


def test_every_questionnaire_that_ships_is_filled_and_names_its_gaps(home: Path) -> None:
    assert questionnaires() == ("eurostat-trafficking", "greta", "sdg-16-2-2", "tip-report")
    for name in questionnaires():
        found = mse.questionnaire(name, home / "audit-release", figures=[home / "figures"], chain=home / "chain")
        assert found.year == "2020" and 0 < len(found.gaps) < len(found.figures)
        for language in ("en", "nl"):
            frame = found.to_pandas(language)
            filled = frame["value"].astype(str) != ""
            assert (frame["source"].ne("") == filled).all() and (frame["missing"].eq("") == filled).all()
            assert (frame["fill"].ne("") == ~filled).all() and len(frame) == len(found.figures)
            text = "\n".join(found.lines(language))
            assert all(x.source in text for x in found.figures if x.gap is None)
        english = {x.asked.label for x in found.figures}
        assert not english & set(found.to_pandas("nl")["label"]), "every label has its Dutch"


def test_every_number_is_the_cell_that_it_names(home: Path) -> None:
    release, figures = home / "audit-release", json.loads((home / "figures" / "key-figures.json").read_text())
    chances = json.loads((home / "chain" / "chain.json").read_text())["chances"]
    seen = 0
    for name in questionnaires():
        found = mse.questionnaire(name, release, figures=[home / "figures"], chain=home / "chain", year="2019")
        for x in found.figures:
            if x.cell is None:
                continue
            place, row, column = x.source.split(", ")
            folder, file = place.split("/")
            number, seen = int(row.split()[1]), seen + 1
            if folder == "audit-release":
                told = pd.read_csv(release / file, dtype=str, keep_default_na=False).iloc[number - 2]
                assert float(told[column]) == x.cell.value
                if column == "point":
                    assert float(told["low"]) == x.cell.low and told["status"] == "ok"
            elif file == "chain.json":
                assert chances[number - 1][column] == x.cell.value and chances[number - 1]["status"] == "ok"
            else:
                assert figures["figures"][number - 1][column] == x.cell.value
    assert seen > 60


def test_figures_come_from_where_they_may(home: Path) -> None:
    release = home / "audit-release"
    alone = mse.questionnaire("eurostat-trafficking", release, year="2019")
    both = mse.questionnaire("eurostat-trafficking", release, year="2019", figures=[home / "figures"])
    assert of(alone, "V1").cell.value == of(both, "V1").cell.value == 334  # type: ignore[union-attr]
    crossed, left_out = of(alone, "V1", sex="female", age="child"), of(both, "V1", sex="female", age="child")
    assert crossed.gap is not None and crossed.gap.code == "crossing" and left_out.cell is not None
    assert left_out.cell.value == 25 and left_out.source == "figures/key-figures.json, figure 1, count"
    assert of(alone, "S1").gap.code == "persons"  # type: ignore[union-attr]
    assert of(both, "S1", sex="male").gap.code == "suppressed"  # type: ignore[union-attr]
    assert of(both, "S1", citizenship="own").gap.code == "dimension"  # type: ignore[union-attr]
    assert of(alone, "V1", form="organs").gap.code == "level"  # type: ignore[union-attr]
    assert "sexual, labour, criminal" in str(of(alone, "V1", form="organs").gap.why)  # type: ignore[union-attr]
    lists = mse.questionnaire("eurostat-trafficking", release, called={"organisation.police": ["p"]})
    assert of(lists, "V2", organisation="police").gap.code == "period"  # type: ignore[union-attr]
    chain = mse.questionnaire("greta", release, chain=home / "chain", year="2019")
    share = of(chain, "16").cell
    assert share is not None and share.unit == "share" and share.low < share.value < share.high  # type: ignore
    assert of(chain, "15").gap.code == "period", "a step over three years is no count of one"  # type: ignore
    assert of(mse.questionnaire("greta", release), "16").gap.code == "chain"  # type: ignore[union-attr]


def test_nothing_leaves_that_disclosure_control_left_out(home: Path) -> None:
    """The counts of labour and criminal exploitation of 2020 are left out; no figure of them is in any file."""
    release = home / "audit-release"
    counts = pd.read_csv(release / "counts.csv", dtype=str, keep_default_na=False)
    for name in questionnaires():
        for year in ("2018", "2019", "2020"):
            found = mse.questionnaire(name, release, year=year)
            for x in found.figures:
                if x.asked.what != "count" or set(x.levels) != {"form"} or x.asked.persons != "victims":
                    continue
                row = counts[(counts["year"] == year) & (counts["form"] == x.levels["form"])]
                there = len(row) == 1 and row["count"].iloc[0] != ""
                assert (x.cell is not None) == there
                if len(row) == 1 and not there:
                    assert x.gap is not None and x.gap.code == "suppressed"
    marks = mse.questionnaire("sdg-16-2-2", release).to_pandas().set_index(["figure", "form"])["mark"]
    assert marks["D1", "forced labour or services"] == "c" and marks["D1", "removal of organs"] == ":"


def test_rounded_counts_stay_rounded(home: Path, tmp_path: Path) -> None:
    release = tmp_path / "audit-release"
    shutil.copytree(home / "audit-release", release)
    text = (
        (release / "counts.csv").read_text().replace("2019,all,all,all,334,published", "2019,all,all,all,335,rounded")
    )
    (release / "counts.csv").write_text(text)
    resealed(release, "counts.csv")
    found = mse.questionnaire("sdg-16-2-2", release, year="2019")
    cell = of(found, "D1").cell
    assert cell is not None and cell.value == 335 and cell.rounded
    assert found.to_pandas()["mark"].iloc[0] == "r"


def resealed(release: Path, name: str) -> None:
    import hashlib

    package = json.loads((release / PACKAGE).read_text())
    for resource in package["resources"]:
        if resource["path"] == name:
            resource["hash"] = f"sha256:{hashlib.sha256((release / name).read_bytes()).hexdigest()}"
    (release / PACKAGE).write_text(json.dumps(package))


def test_a_release_without_strata_and_years(tmp_path: Path) -> None:
    from tests.examples.results import uk

    write_results(tmp_path / "audit", uk(), lambda results: "page")
    release = write_release(tmp_path / "audit")
    found = mse.questionnaire("sdg-16-2-2", release)
    assert of(found, "D1").cell.value == 2744  # type: ignore[union-attr]
    assert of(found, "U2").cell is not None and of(found, "U3").gap.code == "population"  # type: ignore[union-attr]
    assert of(found, "D1", sex="male").gap.code == "dimension"  # type: ignore[union-attr]
    called = mse.questionnaire(
        "tip-report", release, called={"organisation.police": ["PFNCA"], "organisation.ngo": ["NG"]}
    )
    on = {x.source for x in called.figures if x.asked.name == "B2" and x.cell is not None}
    assert len(on) == 2 and all("lists.csv" in x for x in on)


def test_files_are_the_same_each_time_and_run_nothing(home: Path, tmp_path: Path) -> None:
    spec = asked()
    spec["title"] = "=HYPERLINK(1)"
    found = mse.questionnaire(spec, home / "audit-release")
    out = mse.write_questionnaire(tmp_path / "out", found, language="nl")
    names = {"questionnaire.csv", "questionnaire.en.csv", "questionnaire.xlsx", "questionnaire.en.xlsx"}
    assert {x.name for x in out.iterdir()} == {*names, "questionnaire.json"}
    assert b"1980-01-01T00:00:00Z</dcterms:modified>" in zipfile.ZipFile(out / "questionnaire.xlsx").read(
        "docProps/core.xml"
    )
    assert (out / "questionnaire.xlsx").read_bytes() == workbook(found, "nl")
    book = openpyxl.load_workbook(io.BytesIO(workbook(found, "en")))
    assert book.sheetnames == ["About", "A", "Gaps"]
    assert book["About"]["A1"].value == "'=HYPERLINK(1)" and book["About"]["A1"].data_type == "s"
    assert book["A"]["A3"].value == "1" and book["A"]["C4"].value == "female"
    record = json.loads((out / "questionnaire.json").read_text())
    assert record["filled"] + len(found.gaps) == record["figures_asked"] == len(record["figures"])
    with pytest.raises(InputError, match="exists already"):
        mse.write_questionnaire(out, found)
    mse.write_questionnaire(out, found, overwrite=True)
    assert (out / "questionnaire.csv").is_file()


# ---- bad input ---------------------------------------------------------------------------------------------


def asked(**more: Any) -> dict[str, Any]:
    levels = [
        {"name": "female", "label": "female", "called": ["f"]},
        {"name": "male", "label": "male", "called": ["m"]},
    ]
    figure = {"name": "1", "label": "Victims", "persons": "victims", "by": [[], ["sex"]]}
    return {
        "title": "Mine", "dimension": [{"name": "sex", "label": "sex", "level": levels}],
        "persons": [{"name": "victims", "label": "victims", "registered": True}],
        "table": [{"name": "A", "title": "All", "figure": [figure]}],
    } | more  # fmt: skip


def test_a_file_of_ones_own_is_checked_like_any_input(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        make_questionnaire(asked(table=[{"name": "A", "title": "All", "figure": [
            {"name": "1", "label": "x", "persons": "suspects", "by": [["age"]], "where": {"sex": "other"}},
            {"name": "1", "label": "y", "what": "method", "persons": "victims", "by": [["sex", "sex"]]},
            {"name": "2", "label": "z", "what": "estimate"},
        ]}], dimensions=[]))  # fmt: skip
    said = str(caught.value)
    for words in ("dimensions", "estimate", "dark figure"):
        assert words in said, words
    with pytest.raises(InputError) as caught:
        make_questionnaire(asked(table=[{"name": "A", "title": "All", "figure": [
            {"name": "1", "label": "x", "persons": "suspects", "by": [["age"]], "where": {"sex": "other"}},
            {"name": "1", "label": "y", "persons": "victims", "by": [["sex", "sex"]]},
        ]}]))  # fmt: skip
    problems = {(x.column, x.value) for x in caught.value.problems}
    assert problems == {("table.0.figure.0.persons", "suspects"), ("table.0.figure.0.by", "age"),
                        ("table.0.figure.0.where.sex", "other"), ("table.0.figure.1.by", "sex"),
                        ("table.0.figure.1.name", "1")}  # fmt: skip
    with pytest.raises(InputError, match="persons with count and reached"):
        make_questionnaire(asked(table=[{"name": "A", "title": "All", "figure": [{"name": "1", "label": "x"}]}]))
    with pytest.raises(InputError, match="asks for no figure"):
        make_questionnaire(asked(table=[]))
    many = [{"name": f"l{i}", "label": "l"} for i in range(80)]
    with pytest.raises(InputError, match="asks for 6,400 figures"):
        make_questionnaire(asked(
            dimension=[{"name": x, "label": x, "level": many} for x in ("sex", "age")],
            table=[{"name": "A", "title": "t", "figure": [
                {"name": "1", "label": "x", "persons": "victims", "by": [["sex", "age"]]}]}],
        ))  # fmt: skip
    (tmp_path / "mine.toml").write_text('title = "x"\nspin = 3\n')
    with pytest.raises(InputError, match="mine.toml"):
        mse.read_questionnaire(tmp_path / "mine.toml")
    with pytest.raises(InputError, match="greta"):
        mse.read_questionnaire("gretta")


def test_bad_folders_are_told_together_and_nothing_is_written(home: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        mse.questionnaire("greta", home / "audit", figures=[home / "audit"], chain=tmp_path, called={"sx": ["f"]})
    assert len(caught.value.problems) == 4 and "must not leave the house" in str(caught.value)
    with pytest.raises(InputError, match=r"no such year.*2018, 2019, 2020"):
        mse.questionnaire("greta", home / "audit-release", year="2031")
    release = tmp_path / "audit-release"
    shutil.copytree(home / "audit-release", release)
    (release / "counts.csv").write_text((release / "counts.csv").read_text().replace("334", "5"))
    with pytest.raises(InputError, match=r"counts\.csv is not as it was written"):
        mse.questionnaire("greta", release)
    (release / FIGURES).write_text("[]")
    with pytest.raises(InputError, match="damaged"):
        mse.questionnaire("greta", release)
    figures = tmp_path / "figures"
    figures.mkdir()
    for text in ("{", '{"format": "other/1"}', '{"format": "mse-key-figures/2", "figures": [{}]}'):
        (figures / "key-figures.json").write_text(text)
        with pytest.raises(InputError, match="make it again"):
            mse.questionnaire("greta", home / "audit-release", figures=[figures])
    out = tmp_path / "out"
    done = CliRunner().invoke(
        main, ["questionnaire", "greta", str(home / "audit"), "--called", "sex", "--out", str(out)]
    )
    assert done.exit_code == 2 and "NAME=CALLED" in done.stderr and not out.exists()
    assert CliRunner().invoke(main, ["questionnaire", "greta"]).exit_code == 2


def test_levels_that_mean_the_same_are_not_added_up(home: Path) -> None:
    found = mse.questionnaire("sdg-16-2-2", home / "audit-release", called={"form.other": ["labour", "criminal"]})
    gap = of(found, "D1", form="other").gap
    assert gap is not None and gap.code == "several" and "not added up" in str(gap.why)


def test_the_command(home: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(main, ["questionnaire"]).stdout.split() == list(questionnaires())
    arguments = ["questionnaire", "sdg-16-2-2", str(home / "audit-release"), "--year", "2019", "--language", "nl"]
    done = runner.invoke(main, [*arguments, "--out", str(tmp_path / "q"), "--called", "form.other=criminal"])
    assert done.exit_code == 0 and "334" in done.stdout and "Niet in wat is gegeven" in done.stdout
    assert "Waargenomen slachtoffers" in (tmp_path / "q" / "questionnaire.csv").read_text()
    told = json.loads(runner.invoke(main, [*arguments, "--json"]).stdout)
    assert told["format"] == "mse-questionnaire/1" and told["year"] == "2019"


# ---- several folders together --------------------------------------------------------------------------------

FORMS: dict[str, Any] = {
    "title": "Forms",
    "dimension": [{"name": "form", "label": "form", "level": [{"name": x, "label": x} for x in "abcd"]},
                  {"name": "sex", "label": "sex", "level": [{"name": x, "label": x} for x in "fm"]}],
    "persons": [{"name": "victims", "label": "victims", "registered": True}],
    "table": [{"name": "A", "title": "A", "figure": [
        {"name": "1", "label": "victims", "persons": "victims", "by": [[], ["form"], ["sex"], ["form", "sex"]]},
    ]}],
}  # fmt: skip


def _crossed(number: int) -> tuple[list[tuple[str, str, str]], np.ndarray]:
    """Return made-up counts by year, form and sex, of which some forms are small."""
    rng = np.random.default_rng(number)
    places = list(itertools.product(("2019", "2020"), "abcd", "fm"))
    counts = rng.integers(12, 60, size=len(places))
    counts[rng.choice(len(places), 3, replace=False)] = rng.integers(1, 9, size=3)
    return places, counts


@pytest.mark.parametrize("number", range(8))
def test_cells_of_two_folders_tell_of_no_few_persons(number: int, tmp_path: Path) -> None:
    """An attacker with the release and the written questionnaire: an integer programme without the project's own."""
    places, counts = _crossed(number)
    whole_counts = np.zeros((2, 15), dtype=np.int64)
    for y, year in enumerate(("2019", "2020")):
        whole_counts[y, [1, 2, 3, 7]] = 20
        whole_counts[y, 0] = sum(n for n, p in zip(counts, places, strict=True) if p[0] == year) - 80
    table = CaptureTable.from_arrays(LISTS, whole_counts, strata={"year": ("2019", "2020")}, name="totals")
    write_results(tmp_path / "audit", result(table), render_pages)
    release = write_release(tmp_path / "audit")
    rows = [dict(zip(("year", "form", "sex"), p, strict=True)) | {"count": int(n)}
            for n, p in zip(counts, places, strict=True)]  # fmt: skip
    source = {"name": "registered", "persons": "victims", "publisher": "p", "definition": "d", "time": "year"}
    forms = [
        {"kind": "total", "source": "registered", "when": "2020", "where": {"form": x}} for x in "abcd"[number % 2 :]
    ]
    sexes = [{"kind": "total", "source": "registered", "when": "2020", "where": {"form": "a", "sex": x}} for x in "fm"]
    folders = []
    for name, wanted in (("forms", forms), ("sexes", sexes)):
        found = mse.figures({"source": [source | {"counts": rows}], "figure": wanted})
        folders.append(mse.write_figures(tmp_path / name, found))
    spec = make_questionnaire(FORMS | {"persons": [FORMS["persons"][0] | {"called": ["registered"]}]})
    asked = mse.questionnaire(spec, release, figures=folders, year="2020")
    out = mse.write_questionnaire(tmp_path / "out", asked)
    told = []
    for row in pd.read_csv(release / "counts.csv", dtype=str, keep_default_na=False).to_dict("records"):
        if row["count"]:
            weights = np.array([float(row["year"] in ("all", p[0])) for p in places])
            told.append((weights, float(row["count"]), float(row["count"])))
    for row in pd.read_csv(out / "questionnaire.csv", dtype=str, keep_default_na=False).to_dict("records"):
        if row["value"]:
            weights = np.array([float(p[0] == "2020" and row["form"] in ("", p[1]) and row["sex"] in ("", p[2]))
                                for p in places])  # fmt: skip
            told.append((weights, float(row["value"]), float(row["value"])))
    sums = [np.array([float(p[0] == "2020" and p[1] in x) for p in places]) for x in "abcd"]
    sums += list(np.eye(len(places)))
    few = [x for x in sums if 0 < x @ counts < 10]
    for (low, high), weights in zip(ranges(told, few), few, strict=True):
        assert high - low >= 10, (low, high, [p for p, w in zip(places, weights, strict=True) if w])


def test_a_count_that_would_tell_of_few_persons_is_a_gap_and_its_remedy_works(tmp_path: Path) -> None:
    """The release has 134 of 2020, key figures 60 and 70 of two forms: four persons are of the third."""
    counts = np.zeros((1, 15), dtype=np.int64)
    counts[:, [1, 2, 3, 7]] = 20
    counts[:, 0] = 134 - 80
    table = CaptureTable.from_arrays(LISTS, counts, strata={"year": ("2020",)}, name="totals")
    write_results(tmp_path / "audit", result(table), render_pages)
    release = write_release(tmp_path / "audit")
    rows = [{"year": "2020", "form": x, "count": n} for x, n in (("a", 4), ("b", 60), ("c", 70))]
    source = {"name": "victims", "persons": "victims", "publisher": "p", "definition": "d", "time": "year"}
    wanted = [{"kind": "total", "source": "victims", "when": "2020", "where": {"form": x}} for x in "bc"]
    settings = {"source": [source | {"counts": rows}], "figure": wanted}
    spec = make_questionnaire(FORMS | {"persons": [FORMS["persons"][0] | {"called": ["victims"]}]})
    mse.write_figures(tmp_path / "apart", mse.figures(settings))
    asked = mse.questionnaire(spec, release, figures=[tmp_path / "apart"], year="2020")
    assert of(asked, "1", form="b").cell is not None
    gap = of(asked, "1", form="c").gap
    assert gap is not None and gap.code == "together" and "few persons" in str(gap.why)
    assert asked.to_pandas().set_index(["form", "sex"])["mark"]["c", ""] == "c"
    assert "samen met de publicatie beschermd" in "\n".join(asked.lines("nl"))
    mse.write_figures(tmp_path / "beside", mse.figures(settings, against=[release]))
    held = mse.questionnaire(spec, release, figures=[tmp_path / "beside"], year="2020")
    assert "together" not in [x.gap.code for x in held.figures if x.gap is not None]
    other = make_questionnaire(FORMS | {"persons": [{"name": "victims", "label": "victims"}]})
    assert of(mse.questionnaire(other, release, figures=[tmp_path / "apart"], year="2020"), "1", form="c").cell
