"""Releases of a series: number, day, predecessor, the table of vintages, and an attacker who subtracts two of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.optimize import Bounds, LinearConstraint, milp

from mse.answers.results import read_results, write_results
from mse.cli import main
from mse.errors import InputError
from mse.publish.release.bundle import write_release
from mse.publish.release.verification import verify_release
from mse.tables.captures import CaptureTable
from tests.publish.attacker import random_table, result

THRESHOLD = 10


def later(old: CaptureTable, seed: int, *, corrected: bool, most: float = 0.3) -> CaptureTable:
    """Return a table with late persons, and some of the persons moved to another year or form where `corrected`."""
    rng = np.random.default_rng([20261128, seed])
    counts = old.counts + rng.poisson(rng.choice([0.0, 0.05, most], size=(len(old.counts), 1)), size=old.counts.shape)
    if corrected:
        gone = rng.binomial(counts, 0.02)
        counts = counts - gone + rng.permutation(gone)
    return CaptureTable.from_arrays(old.lists, counts, strata=old.strata, name=f"{old.name}, later")


def series(tmp_path: Path, tables: Sequence[CaptureTable], publish: Mapping[str, object] | None = None) -> list[Path]:
    """Write releases that follow each other, each with another key of the lot."""
    releases: list[Path] = []
    for i, (name, table) in enumerate(zip(("first", "second", "third"), tables, strict=False)):
        write_results(tmp_path / name, result(table, 1 + i, publish, date="2026-01-15"), lambda r: "page")
        before = {"after": releases[-1], "date": "2026-11-28"} if releases else {}
        write_release(tmp_path / name, **before)
        releases.append(tmp_path / f"{name}-release")
    return releases


# ---- the attacker who subtracts --------------------------------------------------------------------------


def subtracted(folders: Sequence[Path], name: str, added: bool) -> Iterator[tuple[str, int, int, float, float]]:
    """Yield the range of the difference of every count that two releases of a series state, from their files alone.

    A plain programme: for every base cell the persons in the first release and how each later one differs from that
    before it; `added`: the attacker takes it that persons were only added. A count that is rounded may be off by what
    the release says.
    """
    frames = [pd.read_csv(folder / f"{name}.csv", dtype=str) for folder in folders]
    off = "deviation" if name == "counts" else "lists_deviation"
    offs = [json.loads((folder / "figures.json").read_text())["rounding"][off] for folder in folders]
    dims = [c for c in frames[0].columns if c not in ("count", "status")]
    levels = [
        ["on", "off"] if name == "lists" else [x for x in dict.fromkeys(frames[-1][d]) if x != "all"] for d in dims
    ]
    index = np.arange(int(np.prod([len(x) for x in levels]))).reshape([len(x) for x in levels])
    size, number = index.size, len(folders)

    def inside(row: dict[str, str]) -> np.ndarray:
        where = (range(len(x)) if row[d] == "all" else [x.index(row[d])] for d, x in zip(dims, levels, strict=True))
        return index[np.ix_(*where)].ravel()

    def line(at: np.ndarray, first: int, last: int) -> np.ndarray:
        out = np.zeros(number * size)
        for k in range(first, last + 1):
            out[at + k * size] = 1.0
        return out

    rows, low, high = [], [], []
    for side, (frame, off) in enumerate(zip(frames, offs, strict=True)):
        for row in frame.to_dict("records"):
            known = row["status"] != "suppressed"
            reach = off if row["status"] == "rounded" else 0
            rows.append(line(inside(row), 0, side))
            low.append(max(float(row["count"]) - reach, 0.0) if known else 0.0)
            high.append(float(row["count"]) + reach if known else np.inf)
    if not added:
        rows += [line(np.array([i]), 0, k) for k in range(1, number) for i in range(size)]
        low, high = [*low, *[0.0] * (number - 1) * size], [*high, *[np.inf] * (number - 1) * size]
    limits = LinearConstraint(np.array(rows), low, high)
    ends = Bounds(np.concatenate([np.zeros(size), np.full((number - 1) * size, 0.0 if added else -np.inf)]), np.inf)
    if milp(np.zeros(number * size), constraints=limits, bounds=ends).status == 2:
        return  # what stands there contradicts whoever thinks so
    for every in zip(*(frame.to_dict("records") for frame in frames), strict=True):
        assert len({tuple(row[d] for d in dims) for row in every}) == 1
        for j, k in combinations(range(number), 2):
            if "suppressed" not in (every[j]["status"], every[k]["status"]):
                cost = line(inside(every[0]), j + 1, k)
                found = [milp(sign * cost, constraints=limits, bounds=ends) for sign in (1.0, -1.0)]
                low_end, high_end = (x.fun if x.status == 0 else -np.inf for x in found)
                yield "|".join(every[0][d] for d in dims), j, k, low_end, -high_end


def raw(table: CaptureTable, name: str) -> dict[str, int]:
    """Return the raw counts by place, as `subtracted` names them."""
    if name == "counts":
        shape = [len(x) for x in table.strata.values()]
        whole, levels = table.counts.sum(axis=1).reshape(shape), [["all", *x] for x in table.strata.values()]
        picks = [[range(len(x) - 1), *([i] for i in range(len(x) - 1))] for x in levels]
    else:
        k = len(table.lists)
        whole = np.zeros((2,) * k, dtype=int)
        for h in range(1, 2**k):
            whole[tuple(0 if h >> j & 1 else 1 for j in range(k))] = table.counts[:, h - 1].sum()
        levels, picks = [["all", "on", "off"]] * k, [[range(2), [0], [1]]] * k
    places = np.array(np.meshgrid(*(range(len(x)) for x in levels), indexing="ij")).reshape(len(levels), -1).T
    return {"|".join(x[i] for x, i in zip(levels, at, strict=True)):
            int(whole[np.ix_(*(p[i] for p, i in zip(picks, at, strict=True)))].sum()) for at in places}  # fmt: skip


def attacked(releases: Sequence[Path], tables: Sequence[CaptureTable], values: int = THRESHOLD) -> int:
    """Return how many small differences an attacker tried to read off; none is known to fewer than so many values."""
    few = 0
    for name in ("counts", "lists"):
        persons = [raw(table, name) for table in tables]
        for added in (True, False):
            for place, j, k, low, high in subtracted(releases, name, added):
                difference = persons[k][place] - persons[j][place]
                inside = low - 1e-6 <= difference <= high + 1e-6
                assert inside or added, "the attacker is wrong"
                if inside and 0 < abs(difference) < values:
                    few += 1
                    assert high - low >= values - 1 - 1e-6, (name, place, j, k, difference, low, high)
    return few


@pytest.mark.parametrize("number", [0, 1, *(pytest.param(x, marks=pytest.mark.slow) for x in range(2, 30))])
def test_a_difference_of_two_vintages_tells_of_no_few_persons(tmp_path: Path, number: int) -> None:
    old = random_table(number, 3)
    new = later(old, number, corrected=number % 2 == 1)
    releases = series(tmp_path, [old, new])
    assert attacked(releases, [old, new]) or number > 1, "nothing was tried"
    assert verify_release(releases[1]) == ()


@pytest.mark.parametrize("number", [5, *(pytest.param(x, marks=pytest.mark.slow) for x in (*range(5), *range(6, 20)))])
def test_three_vintages_together_tell_of_no_few_persons(tmp_path: Path, number: int) -> None:
    tables = [random_table(number, 3)]
    for more in (1000, 2000):
        tables.append(later(tables[-1], number + more, corrected=number % 2 == 1))
    releases = series(tmp_path, tables)
    assert attacked(releases, tables) > 10
    assert verify_release(releases[-1]) == ()


ROUNDED = [("controlled", 5, 3), ("random", 3, 1)]
MORE = [(method, base, n) for method in ("controlled", "random") for base in (3, 5) for n in range(8)]


@pytest.mark.parametrize(
    ("method", "base", "number"), [*ROUNDED, *(pytest.param(*x, marks=pytest.mark.slow) for x in MORE)]
)
def test_rounded_vintages_together_tell_of_no_few_persons(tmp_path: Path, method: str, base: int, number: int) -> None:
    tables = [random_table(number, 3)]
    for more in (1000, 2000):
        tables.append(later(tables[-1], number + more, corrected=number % 2 == 1))
    releases = series(tmp_path, tables, {"method": method, "base": base})
    assert attacked(releases, tables, base) > 10
    assert verify_release(releases[-1]) == ()


def test_a_rounded_count_that_did_not_change_is_not_rounded_anew(tmp_path: Path) -> None:
    """Three keys of the lot, one table: from three roundings of one count most counts would be known."""
    releases = series(tmp_path, [random_table(2, 3)] * 3, {"method": "random", "base": 5})
    for name in ("counts", "lists"):
        first, *others = ((folder / f"{name}.csv").read_text() for folder in releases)
        assert [first, first] == others


def test_every_release_of_a_series_must_be_there(tmp_path: Path) -> None:
    first, second, third = series(tmp_path, [random_table(1, 3)] * 3)
    first.rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="follows one that is not there"):
        write_release(tmp_path / "third", tmp_path / "again", after=second)
    shutil.copytree(third, first)
    with pytest.raises(InputError, match="follows another than stands there"):
        write_release(tmp_path / "third", tmp_path / "again", after=second)
    assert not (tmp_path / "again").exists()


def test_without_a_predecessor_the_attacker_reads_the_few_off(tmp_path: Path) -> None:
    """What a series is for: the same two tables, released apart, give differences of a few persons away."""
    old = random_table(0, 3)
    first, _ = series(tmp_path, [old, later(old, 0, corrected=False)])
    write_results(tmp_path / "apart", result(later(old, 0, corrected=False), 1), lambda r: "page")
    write_release(tmp_path / "apart")
    apart = [first, tmp_path / "apart-release"]
    ranges = [(low, high) for *_, low, high in subtracted(apart, "counts", True)]
    assert any(low == high and 0 < low < THRESHOLD for low, high in ranges)


def test_a_count_moves_once_it_moved_by_ten(tmp_path: Path) -> None:
    """Held counts do not lag for ever: a series of small revisions is told as soon as they are together ten."""
    dims = {"year": ("2020", "2021")}
    base = np.array([np.arange(15) + 60, np.arange(15) + 90])
    counts = [base.copy() for _ in range(3)]
    counts[1][1, 0] += 6
    counts[2][1, 0] += 12
    said = []
    for i, cells in enumerate(counts):
        table = CaptureTable.from_arrays(("A", "B", "C", "D"), cells, strata=dims, name="moving")
        write_results(tmp_path / f"r{i}", result(table, 1), lambda r: "page")
        write_release(tmp_path / f"r{i}", after=tmp_path / f"r{i - 1}-release" if i else None)
        frame = pd.read_csv(tmp_path / f"r{i}-release" / "counts.csv", dtype=str).set_index("year")
        said.append([int(frame.loc[x, "count"]) for x in ("2020", "2021", "all")])
    then = [int(base[0].sum()), int(base[1].sum()), int(base.sum())]
    assert said[0] == said[1] == then
    assert said[2] == [then[0], then[1] + 12, then[2] + 12]


# ---- number, day, predecessor -----------------------------------------------------------------------------


def test_a_release_has_a_number_a_day_and_a_predecessor(tmp_path: Path) -> None:
    old = random_table(1, 3)
    first, second = series(tmp_path, [old, later(old, 1, corrected=False)])
    told = [json.loads((folder / "figures.json").read_text())["release"] for folder in (first, second)]
    assert told[0] == {"number": 1, "date": "2026-01-15", "predecessor": None}
    assert told[1]["number"] == 2 and told[1]["date"] == "2026-11-28"
    before = told[1]["predecessor"]
    assert (before["release"], before["number"], before["date"]) == ("first-release", 1, "2026-01-15")
    assert json.loads((second / "datapackage.json").read_text())["mse"]["release"] == told[1]
    assert read_results(tmp_path / "second").record.predecessor is not None
    frame = pd.read_csv(second / "vintages.csv", dtype=str, keep_default_na=False)
    assert list(frame.columns[-2:]) == ["RELEASE", "RELEASE_DATE"]
    kept = frame[frame["RELEASE"] == "1"].reset_index(drop=True)
    own = pd.read_csv(first / "vintages.csv", dtype=str, keep_default_na=False)
    assert kept.equals(own) and set(frame["RELEASE"]) == {"1", "2"}


def test_a_number_below_the_predecessor_and_a_day_that_is_none_are_refused_together(tmp_path: Path) -> None:
    first, _ = series(tmp_path, [random_table(1, 3)] * 2)
    with pytest.raises(InputError) as caught:
        write_release(tmp_path / "second", tmp_path / "no", after=first, number=1, date="28-11-2026")
    assert len(caught.value.problems) == 2 and not (tmp_path / "no").exists()
    ran = CliRunner().invoke(
        main, ["release", f"{tmp_path}/second", "--after", f"{first}", "--number", "7", "--overwrite"]
    )
    assert ran.exit_code == 0
    assert json.loads((tmp_path / "second-release" / "figures.json").read_text())["release"]["number"] == 7
