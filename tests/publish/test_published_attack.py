"""Everything that is published of a result, and of pairs of results, against an attacker who knows all of it.

The stored counts over many tables are in ``calibration/published-attack.json``; the slow test writes them.
"""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mse
from mse.answers.results import Results, read_results, write_results
from mse.errors import InputError, ModelError, MseError
from mse.evidence.chain import Step, chain
from mse.publish.disclosure.chaincounts import ChainCount, adding_up, leave_out
from mse.publish.oldrelease import read_old_release
from mse.publish.publishedparts import published_parts
from mse.publish.registered import registered
from mse.publish.release.bundle import FIGURES, release_csv, release_json, release_record, write_release
from mse.publish.release.outgoing import published_tables
from mse.publish.release.verification import verify_release
from mse.publish.report.html import compose, render_report
from mse.publish.report.page import Page, Sheet
from mse.publish.standing import SUPPRESSED, TOO_FEW
from mse.publish.wording.messages import read_catalogue
from mse.publish.wording.sentences import terminal_summary
from mse.tables.captures import CaptureTable
from tests.publish.attacker import (
    Known,
    attacked,
    below_promise,
    place_of,
    random_table,
    raw_count,
    read_release,
    result,
    told_by_rates,
)

STORED = Path(__file__).parents[1] / "calibration" / "published-attack.json"
KINDS = ("last year's", "with a stratum", "without a stratum", "without a level", "fewer years")


def cut(table: CaptureTable, **keep: tuple[str, ...] | None) -> CaptureTable:
    """Return a table with some levels of a dimension only, or summed over it."""
    counts, dims = table.counts.reshape(*map(len, table.strata.values()), -1), {}
    for i, (dim, levels) in enumerate(table.strata.items()):
        chosen = keep.get(dim, levels)
        if chosen is None:
            counts = counts.sum(axis=i, keepdims=True)
            continue
        counts = np.take(counts, [levels.index(x) for x in chosen], axis=i)
        dims[dim] = chosen
    return CaptureTable.from_arrays(table.lists, counts.reshape(-1, 15), strata=dims, name=table.name)


def pair(number: int, kind: str) -> tuple[CaptureTable, CaptureTable]:
    """Return what an earlier release was about, and what the new one is about."""
    table = random_table(number, years=3)
    years, forms = table.strata["year"], table.strata["form"]
    fewer = {"form": forms[:-1]} if len(forms) > 2 else {"year": years[1:]}
    return {
        "last year's": (cut(table, year=years[:2]), table),
        "with a stratum": (cut(table, form=None), table),
        "without a stratum": (table, cut(table, form=None)),
        "without a level": (table, cut(table, **fewer)),
        "fewer years": (table, cut(table, year=years[:2])),
    }[kind]


def released(folder: Path, results: Results, **options: Any) -> Path:
    write_results(folder, results, lambda r: "page")
    return write_release(folder, **options)


def shown(folder: Path, results: Results) -> Path:
    """Write the files of a release as `write_release` does, without an audit record."""
    folder.mkdir(parents=True)
    tables = published_tables(results)
    for name, frame in tables.items():
        (folder / f"{name}.csv").write_text(release_csv(frame))
    (folder / FIGURES).write_text(release_json(release_record(results, tables, folder)))
    return folder


def against(results: Results, *earlier: Path) -> Results:
    """Return results that are protected together with earlier releases."""
    return replace(results, record=replace(results.record, against=tuple(map(read_old_release, earlier))))


def narrow(known: list[Known], tables: list[CaptureTable], base: int = 0) -> tuple[int, list[str]]:
    """Return how many counts were left out or rounded, and those that an attacker bounds below the promise."""
    found = attacked(known)
    bad = []
    for (i, at), (low, high) in found.items():
        value = raw_count(tables[i], at)
        if below_promise(value, low, high, base=base):
            bad.append(f"{i} {at}: {value} in [{low}, {high}]")
    return len(found), bad


def of_release(number: int, folder: Path) -> tuple[int, int, list[str]]:
    """Return counts left out, those of them whose estimate is stated, and those below the promise, of one release."""
    table = random_table(number)
    results = result(table, number)
    known = read_release(shown(folder, results))
    if number % 20 == 0:
        check_page(compose(results, "en"), terminal_summary(results), known)
    hidden, bad = narrow([known], [table])
    return hidden, len(registered(results).stated), bad


def of_pair(number: int, kind: str, folder: Path) -> tuple[int, list[str]] | None:
    """Return counts left out and those below the promise, of a release against an earlier one; None if refused."""
    old, new = pair(number, kind)
    first = shown(folder / "old", result(old, number))
    try:
        second = shown(folder / "new", against(result(new, number + 1000), first))
    except ModelError:
        return None
    return narrow([read_release(first), read_release(second)], [old, new])


def check_page(page: Page, terminal: str, known: Known) -> None:
    """A page and the terminal say nothing of a count that is left out that the release does not say."""
    hidden = {at for at in known.hidden if known.ends[at] == (0.0, math.inf)}
    names = {value: key for key, value in read_catalogue("en").messages.items() if key.startswith("level.")}
    for section in page.sections:
        for block in section.blocks:
            if section.key not in ("trend", "strata") or not isinstance(block, Sheet):
                continue
            heads = [column.title for column in block.columns]
            for row in block.rows:
                words = [cell.words.text for cell in row.cells]
                if heads[1] == "Registered":
                    assert words[1] != "not shown" or words[2] != "Too few data", words
                    continue
                for head, said in zip(heads[1:], words[1:], strict=True):
                    form = names.get(head, f"level.{head}").removeprefix("level.")
                    here = {at for at in hidden if {level for _, level in at} == {words[0], form}}
                    assert not here or said == "Not shown", (words[0], head, said)
        if section.key == "verdict":
            assert "Single strata" not in str(section)
    for line in terminal.splitlines():
        assert "not shown" not in line or "Too few" not in line


@pytest.mark.parametrize("number", range(9))
def test_nothing_published_narrows_a_count(number: int, tmp_path: Path) -> None:
    hidden, _, bad = of_release(number, tmp_path / "audit")
    assert bad == [] and hidden >= 0


@pytest.mark.parametrize(("number", "kind"), list(zip(range(5), KINDS, strict=True)))
def test_two_releases_do_not_narrow_a_count(number: int, kind: str, tmp_path: Path) -> None:
    found = of_pair(number, kind, tmp_path)
    assert found is None or found[1] == []


@pytest.mark.slow
def test_nothing_published_narrows_a_count_over_many_tables_and_pairs(tmp_path: Path) -> None:
    """Counts what is stored in the calibration file; a quarter of an hour of one core."""
    left_out = stated = refused = of_pairs = pairs = 0
    failed: list[str] = []
    for number in range(200):
        hidden, more, bad = of_release(number, tmp_path / f"{number}")
        left_out, stated, failed = left_out + hidden, stated + more, [*failed, *bad]
    for number, kind in itertools.product(range(10), KINDS):
        found = of_pair(number, kind, tmp_path / f"{number} {kind}")
        pairs, refused = pairs + 1, refused + (found is None)
        if found is not None:
            of_pairs, failed = of_pairs + found[0], [*failed, *found[1]]
    record = {
        "date": date.today().isoformat(), "tables": 200, "left_out": left_out, "estimates_stated": stated,
        "pairs": pairs, "pairs_refused": refused, "left_out_in_pairs": of_pairs, "below_the_promise": len(failed),
    }  # fmt: skip
    STORED.write_text(json.dumps(record, indent=2) + "\n")
    assert failed == []


def test_the_stored_attack_is_the_one_that_is_claimed() -> None:
    record = json.loads(STORED.read_text())
    assert record["tables"] >= 200 and record["below_the_promise"] == 0 and record["pairs"] >= 50


# ---- words and ends ------------------------------------------------------------------------------------


def case(name: str) -> CaptureTable:
    """Return one of the tables on which words and ends once narrowed counts."""
    rows = {"tab-46": TAB_46, "tab-194": TAB_194}[name]
    years, forms, counts = rows
    return CaptureTable.from_arrays(("A", "B", "C"), np.array(counts), strata={"year": years, "form": forms}, name=name)


# Counts of the histories A, B, AB, C, AC, BC, ABC by year and form.
TAB_46 = (
    ("2018", "2019"), ("lab", "sex", "crim"),
    [[1, 0, 0, 1, 0, 0, 0], [4, 4, 0, 1, 0, 1, 0], [0] * 7, [9, 9, 2, 11, 4, 2, 1], [2, 1, 0, 1, 1, 0, 0],
     [7, 4, 1, 5, 2, 1, 0]],
)  # fmt: skip
TAB_194 = (
    ("2018", "2019", "2020"), ("lab", "sex"),
    [[3, 5, 3, 7, 2, 1, 1], [17, 16, 1, 19, 5, 2, 2], [2, 3, 0, 2, 2, 1, 0], [12, 8, 5, 15, 6, 6, 2],
     [0, 1, 0, 0, 0, 0, 0], [1, 4, 2, 4, 1, 0, 0]],
)  # fmt: skip


@pytest.mark.parametrize("name", ["tab-46", "tab-194"])
@pytest.mark.parametrize("seed", range(3))
def test_words_and_ends_leave_every_count_in_doubt(name: str, seed: int, tmp_path: Path) -> None:
    table = case(name)
    hidden, bad = narrow([read_release(released(tmp_path / "audit", result(table, seed)))], [table])
    assert hidden and bad == []


def test_what_is_said_of_a_count_that_is_left_out_is_the_same_for_all_or_withstood() -> None:
    results = result(random_table(3), 3)
    found = registered(results)
    dims = found.table.dimensions
    hidden = 0
    for part in published_parts(results).parts:
        place = tuple(part.levels.get(dim) for dim in dims)
        if part.levels and part.observed is None and place not in found.stated:
            hidden += 1
            assert (part.status, part.verdict) == (SUPPRESSED, "do not publish")
        elif part.status == TOO_FEW:
            assert part.observed is not None
    assert hidden


def test_estimates_of_counts_left_out_are_stated_where_they_tell_nothing() -> None:
    """Large counts that hide small ones keep their estimates, as a rule."""
    found = [registered(result(random_table(number), number)) for number in range(6)]
    assert sum(len(x.stated) for x in found) > 0


def test_a_total_that_is_left_out_takes_every_number_with_it(tmp_path: Path) -> None:
    counts = np.zeros((2, 15), dtype=np.int64)
    counts[:, [0, 6, 8]] = [[1, 1, 0], [2, 1, 1]]
    table = CaptureTable.from_arrays(("A", "B", "C", "D"), counts, strata={"year": ("2019", "2020")}, name="few")
    results = result(table)
    release = released(tmp_path / "audit", results)
    frame = pd.read_csv(release / "indicators.csv")
    assert frame["point"].isna().all() and pd.read_csv(release / "methods.csv")["point"].isna().all()
    page = render_report(results, "nl")
    assert "zo weinig personen geregistreerd" in page and 'id="intervals"' not in page and 'id="trend"' not in page


# ---- derived figures -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["random", "controlled"])
@pytest.mark.parametrize("base", [3, 5])
def test_rates_and_ends_do_not_undo_rounding(method: str, base: int, tmp_path: Path) -> None:
    table = random_table(6)
    results = result(table, 6, {"method": method, "base": base})
    release = released(tmp_path / "audit", results)
    known = read_release(release)
    rates = told_by_rates(release, results.tables["population"])
    ends = dict(known.ends)
    assert rates
    for at, (low, high) in rates.items():
        assert low <= ends[at][0] + base or high >= ends[at][1] - base
    frame = pd.read_csv(release / "counts.csv")
    shown = {place_of(row, list(known.dims)): row["count"] for row in frame.to_dict("records")}
    for at, (low, high) in rates.items():
        assert low - 1e-9 <= shown[at] <= high + 1e-9
    _, bad = narrow([known], [table], base)
    assert bad == []


def test_every_derived_figure_follows_from_published_ones() -> None:
    for method in ("suppress", "random", "controlled"):
        frame = published_tables(result(random_table(9), 9, {"method": method, "base": 5}))["indicators"]
        dims = [c for c in ("year", "form", "sex") if c in frame.columns]
        by = {(row["indicator"], *(row[d] for d in dims)): row for row in frame.to_dict("records")}
        for (name, *at), row in by.items():
            if name == "in view" and row["status"] == "ok":
                seen, whole = by["registered", *at]["point"], by["estimated", *at]
                assert row["point"] == pytest.approx(seen / whole["point"], abs=0.05)
                assert row["low"] <= seen / whole["high"] + 1e-9 and row["high"] >= seen / whole["low"] - 1e-9
            if name == "dark figure" and row["status"] == "ok":
                whole, seen = by["estimated", *at], by["registered", *at]["point"]
                assert row["low"] <= whole["low"] - seen <= row["point"] + 50


def test_the_lot_is_drawn_by_a_secret_that_no_file_of_a_release_holds(tmp_path: Path) -> None:
    table = random_table(6)
    one, other = (result(table, 6, {"method": "random"}) for _ in range(2))
    other = replace(other, record=replace(other.record, rounding="another key"))
    release = released(tmp_path / "one", one)
    assert verify_release(release) == ()
    assert not published_tables(one)["counts"].equals(published_tables(other)["counts"])
    assert published_tables(one)["counts"].equals(published_tables(one)["counts"])
    for path in [*release.iterdir(), *(tmp_path / "one").glob("*.html")]:
        assert "key 6" not in path.read_text("utf-8")
    # Without a key, as results in memory are, nobody can know the lot either; it is the same in every table.
    bare = replace(one, record=replace(one.record, rounding=None))
    assert published_tables(bare)["counts"].equals(published_tables(bare)["counts"])


def test_a_job_keeps_a_secret_for_rounding(tmp_path: Path) -> None:
    from mse.jobs.job import make_job
    from mse.jobs.running import run_job

    key = tmp_path / "mse.key"
    key.write_text("8c1f0e7ad94b62357fe1d0a6b3498c25e6075bd2913af84c6d20b7f95e1a3c48")
    key.chmod(0o600)
    table = {"name": "korea-palembang-3"}
    job = {"table": table, "estimate": {"method": "independence"}, "compare": [], "publish": {"method": "random"}}
    first, second = (run_job(make_job(job)).record.rounding for _ in range(2))
    assert first is not None and first != second and len(first) == 64
    keyed = {**job, "publish": {"method": "random", "key": str(key)}}
    one, same = (run_job(make_job(keyed)).record.rounding for _ in range(2))
    assert one is not None and one == same and "8c1f0e7ad94b6235" not in one
    assert run_job(make_job({**job, "publish": {}})).record.rounding is None
    with pytest.raises(InputError):
        make_job({**job, "publish": {"seed": 0}})


# ---- chains --------------------------------------------------------------------------------------------


def chain_ranges(steps: list[ChainCount], shown: list[int | None]) -> list[tuple[float, float]]:
    """Return what a plain attacker works out of every step: what is within what, and what adds up."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    rows, low = [], []
    at = {step.name: i for i, step in enumerate(steps)}
    for i, step in enumerate(steps):
        if step.of is not None and step.within:
            row = np.zeros(len(steps))
            row[[at[step.of], i]] = 1.0, -1.0
            rows.append(row)
            low.append((0.0, np.inf))
    for whole, group in adding_up(steps):
        row = np.zeros(len(steps))
        row[[whole, *group]] = [1.0, *[-1.0] * len(group)]
        rows.append(row)
        low.append((0.0, 0.0))
    ends = Bounds([0 if x is None else x for x in shown], [np.inf if x is None else x for x in shown])
    limits = [LinearConstraint(np.array(rows), *zip(*low, strict=True))] if rows else []
    found = []
    for i in range(len(steps)):
        cost = np.eye(len(steps))[i]
        least, most = (milp(sign * cost, constraints=limits, bounds=ends, integrality=np.ones(len(steps)))
                       for sign in (1.0, -1.0))  # fmt: skip
        found.append((round(least.fun), -most.fun if most.status == 0 else math.inf))
    return found


@pytest.mark.parametrize("seed", range(25))
def test_steps_that_add_up_give_no_small_count_away(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = rng.choice([3, 7, 15, 60, 200], size=int(rng.integers(2, 5)))
    steps = [ChainCount("all", int(parts.sum()), None, False)]
    steps += [ChainCount(f"part {i}", int(n), "all", True) for i, n in enumerate(parts)]
    steps.append(ChainCount("of the first", int(rng.integers(0, parts[0] + 1)), "part 0", True))
    hidden = leave_out(steps, 10, False)
    found = chain_ranges(steps, [None if out else step.count for out, step in zip(hidden, steps, strict=True)])
    for step, out, (low, high) in zip(steps, hidden, found, strict=True):
        if out:
            assert not below_promise(step.count, low, high), step


def test_a_chain_of_a_result_is_a_table_with_rates_of_published_counts() -> None:
    made = chain([Step("tried", 220), Step("convicted", 213, "tried"), Step("acquitted", 7, "tried")])
    for method in ("suppress", "random"):
        results = result(random_table(1), 1, {"method": method, "base": 5})
        frame = published_tables(replace(results, tables={**results.tables, "chain": made}))["chain"]
        if method == "suppress":
            assert frame["count"].isna().tolist() == [False, True, True] and frame["rate"].isna().all()
        else:
            assert (frame["count"] % 5 == 0).all()
            assert frame["rate"][1] == pytest.approx(frame["count"][1] / frame["count"][0], abs=0.02)


# ---- earlier releases ----------------------------------------------------------------------------------


def test_a_release_says_what_it_was_held_against_and_can_be_verified(tmp_path: Path) -> None:
    old, new = pair(4, "last year's")
    first = released(tmp_path / "old", result(old, 4))
    alone = json.loads((first / FIGURES).read_text())["earlier_releases"]
    assert alone["code"] == "alone" and "mse release --against" in alone["text"] and alone["held_against"] == []
    write_results(tmp_path / "new", result(new, 5), lambda r: render_report(r, "en"))
    second = write_release(tmp_path / "new", against=[first])
    told = json.loads((second / FIGURES).read_text())["earlier_releases"]
    assert told["code"] == "together" and [x["release"] for x in told["held_against"]] == ["old-release"]
    assert verify_release(second) == ()
    # The page shows what the release shows, and the record stays as it is when the release is written again.
    kept = read_results(tmp_path / "new")
    assert (tmp_path / "new" / "public" / "report.html").read_text("utf-8") == render_report(kept, "en")
    again = write_release(tmp_path / "new", tmp_path / "again")
    assert (again / "counts.csv").read_bytes() == (second / "counts.csv").read_bytes()


def test_what_an_earlier_release_made_exact_is_refused(tmp_path: Path) -> None:
    """Rounded by two persons then, left out in a range of ten now: that cannot be."""
    table = random_table(4, years=3)
    first = released(tmp_path / "old", result(table, 4, {"method": "controlled", "base": 3}))
    write_results(tmp_path / "new", result(table, 4), lambda r: "page")
    with pytest.raises(ModelError, match="worked out from what is known elsewhere"):
        write_release(tmp_path / "new", against=[first])
    assert not (tmp_path / "new-release").exists()
    assert read_results(tmp_path / "new").record.against == ()


@pytest.mark.parametrize("damage", ["missing", "not json", "no columns"])
def test_damaged_earlier_releases_are_refused(damage: str, tmp_path: Path) -> None:
    table = random_table(4)
    first = released(tmp_path / "old", result(table, 4))
    if damage == "missing":
        (first / FIGURES).unlink()
    elif damage == "not json":
        (first / FIGURES).write_text("{")
    else:
        (first / "counts.csv").write_text("nothing\n1\n")
    with pytest.raises(MseError):
        write_release(tmp_path / "old", tmp_path / "out", against=[first])


@pytest.mark.parametrize("more", [3, 40])
def test_few_persons_by_whom_two_periods_differ_are_not_told(more: int, tmp_path: Path) -> None:
    """Pooled 2016-2019, then 2016-2020, by form: the difference is who came in 2020."""
    counts = np.zeros((2, 15), dtype=np.int64)
    counts[:, [0, 1, 3, 7]] = [[60, 40, 30, 20], [70, 50, 40, 30]]
    counts[:, 2] = counts[:, 12] = 20
    later = counts.copy()
    later[0, 0] += more
    later[1, 0] += 40
    old, new = (
        CaptureTable.from_arrays(("A", "B", "C", "D"), x, strata={"form": ("lab", "sex")}, name="pooled")
        for x in (counts, later)
    )
    first = released(tmp_path / "old", result(old, 1, period="2016-2019"))
    write_results(tmp_path / "new", result(new, 1, period="2016-2020"), lambda r: "page")
    second = write_release(tmp_path / "new", against=[first])
    frame = pd.read_csv(second / "counts.csv").set_index("form")["count"]
    assert frame.isna()["lab"] == (more < 10) and frame["all"] == new.observed


def test_rounded_counts_are_not_rounded_anew_in_the_next_release(tmp_path: Path) -> None:
    table = random_table(5, years=3)  # of others differences would tell too much, and are refused
    publish = {"method": "random", "base": 5}
    first = released(tmp_path / "old", result(cut(table, year=table.strata["year"][:2]), 1, publish))
    write_results(tmp_path / "new", result(table, 2, publish), lambda r: "page")
    second = write_release(tmp_path / "new", against=[first])
    old, new = (pd.read_csv(x / "counts.csv", dtype=str) for x in (first, second))
    old = old[old["year"] != "all"]
    both = old.merge(new, on=["year", "form"])
    assert len(both) == len(old) and (both["count_x"] == both["count_y"]).all()


def test_the_command_takes_earlier_releases(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from mse.cli import main

    old, new = pair(4, "last year's")
    first = released(tmp_path / "old", result(old, 4))
    write_results(tmp_path / "new", result(new, 5), lambda r: "page")
    done = CliRunner().invoke(main, ["release", str(tmp_path / "new"), "--against", str(first)])
    assert done.exit_code == 0 and done.output.strip().endswith("new-release")
    assert mse is not None
