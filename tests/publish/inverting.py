"""An attacker who inverts the estimators: which tables give the published counts and, by the methods, the numbers.

Three lists, so that all tables that agree with what is published can be gone through. The attacker knows the methods to
the letter: every candidate is estimated, rounded as a release does it, and kept where each number is the published one.
Where there are too many candidates only some are gone through; the range of a count is then wider than what is found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mse.answers.estimates import Reason, Verdict
from mse.answers.results import Results
from mse.computing.parallel import Compute
from mse.errors import MseError
from mse.methods import run_method
from mse.publish.disclosure.counts import CountTable
from mse.publish.registered import one_number_only
from mse.publish.release.outgoing import published_tables
from mse.publish.wording.rounding import COARSER, rounding_unit
from mse.tables.captures import CaptureTable
from tests.examples.recorded import recorded
from tests.examples.results import comparison

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
LISTS = ("A", "B", "C")
Z = 1.959963984540054
TENTH = 0.1
MOST = 60_000
"""Candidates that are gone through at a time."""

METHODS: Mapping[str, Mapping[str, Any]] = {
    "chao": {}, "chapman": {}, "independence": {}, "loglinear": {"model": "[12,13,23]"},
}  # fmt: skip


def small_table(number: int) -> CaptureTable:
    """Return a table of three lists with a few small counts."""
    rng = np.random.default_rng([20261129, number])
    persons = int(rng.integers(40, 400))
    chance = rng.uniform(0.05, 0.5, 3)
    seen = np.array([np.prod(np.where([h >> j & 1 for j in range(3)], chance, 1 - chance)) for h in range(1, 8)])
    return CaptureTable.from_arrays(LISTS, rng.multinomial(persons, seen / seen.sum()), name=f"small {number}")


def released(table: CaptureTable) -> Results | None:
    """Return a result on a table that is not public, by simple methods; None where they give nothing."""
    rows, head = [], None
    for method, options in METHODS.items():
        try:
            made = run_method(table, method, seed=1, compute=Compute(workers=1), **options)
        except MseError:
            continue
        low, high = made.distribution.quantile([0.025, 0.975])
        rows.append((method, method, made.point, low, high, "estimate", "ok"))
        head = made if head is None else head
    if head is None:
        return None
    level = "publish with caution"
    head = replace(head, verdict=Verdict(level, (Reason("width", level),), ("width",), ()))
    overlap = {"+".join(x for j, x in enumerate(LISTS) if h >> j & 1): int(table.counts[0, h - 1]) for h in range(1, 8)}
    record = recorded({
        "title": str(table.name), "table": {"name": table.name, "observed": table.observed, "public": False},
        "overlap": {"lists": list(LISTS), "counts": overlap}, "job": {}, "report": {}, "seed": 1, "prob": 0.95,
        "versions": {"mse-engine": "0.1.0"},
    })  # fmt: skip
    return Results(head, comparison(rows, table.observed), record, {})


# ---- the methods, for many tables at once ---------------------------------------------------------------


def _lognormal(seen: Array, unseen: Array, variance: Array) -> tuple[Array, Array, Array]:
    with np.errstate(all="ignore"):
        spread = np.exp(Z * np.sqrt(np.log1p(variance / unseen**2)))
        low, high = seen + unseen / spread, seen + unseen * spread
    some = unseen > 0
    return seen + unseen, np.where(some, low, seen), np.where(some, high, seen)


def chao(x: Array) -> tuple[Array, Array, Array]:
    once, f2 = x[:, [0, 1, 3]], x[:, [2, 4, 5]].sum(axis=1)
    f1 = once.sum(axis=1)
    with np.errstate(all="ignore"):
        unseen = f1**2 / (3 * f2)
        gradient = 2 * f1 / (3 * f2)
        variance = unseen + f1 * gradient**2 + f2 * (unseen / f2) ** 2
    return _lognormal(x.sum(axis=1), unseen, variance)


def chapman(x: Array) -> tuple[Array, Array, Array]:
    on = x @ np.array([[h >> j & 1 for j in range(3)] for h in range(1, 8)], dtype=float)
    pairs = ((0, 1), (0, 2), (1, 2))
    both = np.stack([x @ np.array([(h >> i & 1) * (h >> j & 1) for h in range(1, 8)], dtype=float) for i, j in pairs])
    telling = np.stack([both[k] < np.minimum(on[:, i], on[:, j]) for k, (i, j) in enumerate(pairs)])
    ranked = np.where(telling.any(axis=0), np.where(telling, both, -1.0), both)
    best = ranked.argmax(axis=0)
    first, second = (np.choose(best, [on[:, pair[side]] for pair in pairs]) for side in (0, 1))
    m = np.choose(best, list(both))
    point = (first + 1) * (second + 1) / (m + 1) - 1
    variance = (first + 1) * (second + 1) * (first - m) * (second - m) / ((m + 1) ** 2 * (m + 2))
    seen = first + second - m
    return _lognormal(seen, point - seen, variance)


def pairs_model(x: Array) -> tuple[Array, None, None]:
    with np.errstate(all="ignore"):
        return x.sum(axis=1) + x[:, 6] * x[:, 0] * x[:, 1] * x[:, 3] / (x[:, 2] * x[:, 4] * x[:, 5]), None, None


INVERTED: Mapping[str, Callable[[Array], Any]] = {"chao": chao, "chapman": chapman, "loglinear": pairs_model}


def agrees(made: Any, row: Mapping[str, Any], seen: int) -> npt.NDArray[np.bool_]:
    """Tell of which candidates the numbers would have been published as they were: rounding is known to the letter."""
    point, low, high = made
    tenth_of = TENTH * (COARSER if row["coarse"] else 1.0)
    with np.errstate(all="ignore"):
        if low is None:  # the interval is not inverted: the unit is that of the published one, or the next
            units = np.unique([rounding_unit(min((row["high"] - row["low"]) * f, row["point"])) for f in (0.8, 1.0)])
            near = [np.maximum(np.floor(point / u + 0.5) * u, seen) == row["point"] for u in units]
            return np.isfinite(point) & np.logical_or.reduce(near)
        tenth = np.maximum(np.minimum(high - low, point) * tenth_of, 1e-9)
        power = 10.0 ** np.floor(np.log10(tenth) + 1e-12)
        unit = np.where(tenth <= 1, 1.0, np.where(5 * power <= tenth * (1 + 1e-12), 5 * power, power))
        rounded = (np.floor(point / unit + 0.5), np.floor(low / unit + 1e-6), np.ceil(high / unit - 1e-6))
        shown = (row["point"], row["low"], row["high"])
        good = np.isfinite(point)
        for value, told in zip(rounded, shown, strict=True):
            good &= np.abs(np.maximum(value * unit, seen) - told) < 1e-6 * np.maximum(told, 1)
    return good


# ---- the attack ------------------------------------------------------------------------------------------


def basis_of(rows: Counts, rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Return histories that the published sums settle, and those that stay free; in a random order."""
    settled: list[int] = []
    rank = 0
    for column in rng.permutation(rows.shape[1]).tolist():
        now = np.linalg.matrix_rank(rows[:, [*settled, column]])
        if now > rank:
            settled, rank = [*settled, column], now
    return settled, [x for x in range(rows.shape[1]) if x not in settled]


def candidates(rows: Counts, sums: Counts, truth: Counts, rng: np.random.Generator) -> Counts:
    """Return tables that agree with the published sums; where they are too many those near the truth in a way."""
    settled, free = basis_of(rows, rng)
    if not free:
        return truth[None]
    total = int(truth.sum())
    side = max(3, int(MOST ** (1 / min(len(free), 3))))
    moved = rng.permutation(free)[:3].tolist()
    grids = [
        np.arange(max(0, truth[c] - side // 2), min(total, max(0, truth[c] - side // 2) + side) + 1) if c in moved
        else np.array([truth[c]]) for c in free
    ]  # fmt: skip
    found = np.zeros((int(np.prod([len(g) for g in grids])), rows.shape[1]), dtype=np.int64)
    found[:, free] = np.stack(np.meshgrid(*grids, indexing="ij"), axis=-1).reshape(-1, len(free))
    rest = sums[None] - found[:, free] @ rows[:, free].T
    solved = np.rint(rest @ np.linalg.pinv(rows[:, settled].astype(float)).T).astype(np.int64)
    found[:, settled] = solved
    return found[(solved >= 0).all(axis=1) & (found @ rows.T == sums[None]).all(axis=1)]


def inverted(
    table: CaptureTable, results: Results, rounds: int = 12, more: int = 150
) -> list[tuple[str, int, int, int]]:
    """Return the place, the count, and the range that is left of every count on the lists that was left out.

    After `rounds` around the truth, up to `more` go on from the tables that agree with everything and lie furthest out,
    for the counts of which the range is too narrow yet: each of these, too, cannot be excluded by anybody.
    """
    tables = published_tables(results)
    lists, methods = tables["lists"], tables["methods"].set_index("method")
    cells = CountTable.from_lists(table).published()
    sums = cells.sums.toarray()[:, [sum(1 << (2 - j) for j in range(3) if not h >> j & 1) for h in range(1, 8)]]
    truth = table.counts[0].astype(np.int64)
    known = lists["count"].notna().to_numpy()
    coarse = one_number_only(results)
    hidden = np.flatnonzero(~known)
    counts = sums[hidden] @ truth
    low, high = counts.copy(), counts.copy()
    lowest, highest = np.tile(truth, (hidden.size, 1)), np.tile(truth, (hidden.size, 1))
    rng = np.random.default_rng(7)
    for step in range(rounds + more if hidden.size else 0):
        start = truth
        if step >= rounds:
            narrow = [c for c, ends in enumerate(zip(counts, low, high, strict=True)) if told_apart(*ends)]
            if not narrow:
                break
            chosen = rng.choice(narrow)
            start = (lowest if low[chosen] and rng.random() < 0.7 else highest)[chosen]
        tried = candidates(sums[known], lists["count"][known].to_numpy(dtype=np.int64), start, rng)
        as_floats = tried.astype(float)
        good = np.ones(len(tried), dtype=bool)
        for name, method in INVERTED.items():
            if name in methods.index and methods.loc[name, "status"] == "ok":
                row = {**methods.loc[name].to_dict(), "coarse": coarse}
                good &= agrees(method(as_floats), row, table.observed)
        kept = rng.permutation(tried[good])
        assert (kept == start).all(axis=1).any(), "the attacker threw a table away that agrees"
        left = kept @ sums[hidden].T
        for c in range(hidden.size):
            least, most = left[:, c].argmin(), left[:, c].argmax()
            if left[least, c] <= low[c]:
                low[c], lowest[c] = left[least, c], kept[least]
            if left[most, c] >= high[c]:
                high[c], highest[c] = left[most, c], kept[most]
    places = lists[list(LISTS)].astype(str).agg(" ".join, axis=1).to_list()
    return [
        (places[c], int(n), int(a), int(b)) for c, n, a, b in zip(hidden, counts, low, high, strict=True)
    ]  # fmt: skip


def told_apart(value: int, low: int, high: int, threshold: int = 10) -> bool:
    """Return whether the range of a count that was left out is narrower than what is promised."""
    return high - low < threshold or (value < threshold and (low > 0 or high < threshold))


def over_tables(numbers: range) -> tuple[int, int, list[str]]:
    """Return tables with counts left out, those counts, and the ones that an attacker bounds below the promise."""
    tables, hidden, bad = 0, 0, []
    for number in numbers:
        table = small_table(number)
        results = released(table)
        if results is None:
            continue
        found = inverted(table, results)
        tables, hidden = tables + bool(found), hidden + len(found)
        bad += [f"{number} {x}" for x in found if told_apart(*x[1:])]
    return tables, hidden, bad
