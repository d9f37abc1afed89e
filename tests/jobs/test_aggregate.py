"""Suppliers of counts without persons: the answer lies nowhere below them, and says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mse.answers.aggregates import CONFLICT, Aggregate, bounded
from mse.answers.results import read_results, write_results
from mse.errors import InputError
from mse.jobs.job import read_job
from mse.jobs.running import run_job
from mse.methods import estimate
from mse.publish.report.html import render_report
from mse.tables.captures import CaptureTable
from mse.words.catalogues import catalogue

TABLE = "A,B,C,year,count\n" + "".join(
    f"{h & 1},{h >> 1 & 1},{h >> 2},{year},{(60 if year == 2020 else 90) - 8 * h}\n"
    for h in range(1, 8)
    for year in (2020, 2021)
)


def job(tmp_path: Path, counts: str, role: str = "bound", strata: bool = True) -> Path:
    (tmp_path / "table.csv").write_text(TABLE)
    (tmp_path / "shelters.csv").write_text(counts)
    by = 'by = ["year"]\n' if strata else ""
    path = tmp_path / "job.toml"
    path.write_text(
        f'compare = []\n[table]\npath = "table.csv"\n[estimate]\nmethod = "average"\n{by}[run]\nseed = 1\n'
        f'[report]\ntime = "year"\n[[aggregate]]\nname = "Shelters"\npath = "shelters.csv"\n'
        f'role = "{role}"\nsource = "annual report"\n'
    )
    return path


def counted(first: int, second: int) -> str:
    """Counts by year and sex, of which the answer has the year only."""
    return f"year,sex,count\n2020,f,{first - 10}\n2020,m,10\n2021,f,{second}\n2021,m,0\n"


def test_a_year_lies_nowhere_below_what_was_counted(tmp_path: Path) -> None:
    path = job(tmp_path, counted(20, 20))
    free = run_job(read_job(path)).headline
    assert free.strata is not None
    least = int(np.quantile(free.strata.draws[:, 0], 0.4))
    path = job(tmp_path, counted(least, 20), "list")
    results = run_job(read_job(path))
    held = results.headline
    assert held.strata is not None and held.strata.draws[:, 0].min() >= least
    assert abs(np.median(held.strata.draws[:, 1]) - np.median(free.strata.draws[:, 1])) < 3
    assert held.point > free.point and held.distribution.quantile(0.0001) >= least
    assert 0.3 < held.diagnostics[CONFLICT] < 0.5 and free.diagnostics[CONFLICT] == 0.0
    codes = [note.code for note in held.notes]
    assert "note.aggregate" in codes and "note.aggregate_list" in codes and "note.aggregate_raised" not in codes
    assert results.tables["aggregates"]["count"].sum() == least + 20
    for language in ("en", "nl"):
        said = [catalogue(language).said(note) for note in held.notes]
        assert [x for x in said if "Shelters" in x and not x.startswith("note.")]


def test_counts_far_above_the_lists_raise_the_numbers_and_forbid_them(tmp_path: Path) -> None:
    results = run_job(read_job(job(tmp_path, counted(9000, 20))))
    held = results.headline
    assert held.strata is not None and held.strata.draws[:, 0].min() >= 9000 and held.point >= 9000
    assert held.verdict is not None and held.verdict.level == "do not publish"
    reason = next(x for x in held.verdict.reasons if x.code == "aggregate")
    assert reason.level == "do not publish"
    write_results(tmp_path / "out", results, lambda r: "page")
    again = read_results(tmp_path / "out")
    for language, words in (("en", "lists and counts contradict"), ("nl", "lijsten en aantallen spreken elkaar tegen")):
        assert words in render_report(again, language)


@pytest.mark.parametrize("method", ["average", "chapman", "loglinear"])
def test_without_strata_the_law_is_cut_off_at_the_count(method: str) -> None:
    table = CaptureTable.from_arrays(("A", "B"), np.array([50, 40, 20])) if method == "chapman" else None
    table = table or CaptureTable.from_arrays(("A", "B", "C"), np.array([50, 40, 20, 30, 12, 9, 5]))
    free = estimate(table, method, seed=1)
    middle = float(free.distribution.quantile(0.5))
    held = bounded(free, [Aggregate("Z", {}, np.array([middle]))])
    low, high = held.distribution.quantile([0.025, 0.975])
    assert low >= middle - 1 and high >= free.distribution.quantile(0.975) - 1 and held.draws.min() >= middle - 1
    assert held.point >= middle - 1 and held.distribution.cdf[-1] == pytest.approx(free.distribution.cdf[-1], abs=0.02)
    untouched = bounded(free, [Aggregate("Z", {}, np.array([1.0]))])
    assert untouched.point == free.point and np.array_equal(untouched.distribution.cdf, free.distribution.cdf)


def test_what_is_wrong_with_the_counts_is_said_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        run_job(read_job(job(tmp_path, "year,count\n2020,5\n2031,7.5\n")))
    assert len(caught.value.problems) == 2
    with pytest.raises(InputError):
        run_job(read_job(job(tmp_path, "region,count\nnorth,5\n")))
