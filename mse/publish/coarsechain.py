"""A chain through time as it may be published: probabilities too coarse to tell of a few persons.

A probability times the persons of a cohort is a count, so it is told no more finely than the threshold of disclosure
control: to a unit that is worth as many persons, and below or above that many as no more than that. Ends of intervals
are made from what is printed. An attacker who knows every printed number, that states add up, that cohorts add up and
that nobody comes back is run on it (linear programmes), and the units are made wider until nobody can be told apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from mse.computing.linearsolver import new_solver
from mse.evidence.eventfile import ALL
from mse.evidence.occupation import TimeChain, jeffreys
from mse.publish.disclosure.attack import SLACK, run_to_end
from mse.publish.disclosure.control import Disclosure
from mse.publish.disclosure.counts import CountTable
from mse.publish.disclosure.protecting import protect

if TYPE_CHECKING:
    import highspy

UNITS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
STEP = 5
"""Days to which the medians of stays are rounded."""
Kind = Literal["inside", "reached", "moved"]
Bound = Literal["", "below", "above", "withheld"]


@dataclass(frozen=True, slots=True)
class CoarseChance:
    """A probability as it may be published.

    Parameters
    ----------
    cohort, state, origin : str
        Whose, of which state, and of a move the state that it is from.
    kind : str
        Of being there, of having been there, or of a move.
    years : float
        After the beginning.
    persons : int or None
        Of the cohort, where they may be told.
    share, low, high : float
        Not-a-number where it is withheld; at a bound the share is that bound, and there is no interval.
    bound : str
        ``"below"``, ``"above"``: no more than that may be told; ``"withheld"``: nothing.
    """

    cohort: str
    state: str
    origin: str
    kind: Kind
    years: float
    persons: int | None
    share: float
    low: float
    high: float
    bound: Bound


@dataclass(frozen=True, slots=True)
class CoarseStay:
    """Median of stays in a state in days, as it may be published; not-a-number where it may not."""

    state: str
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CoarseChain:
    """A chain as it may be published.

    Parameters
    ----------
    states : tuple of str
        In order.
    chances : tuple of CoarseChance
        By cohort, time and state; moves last.
    stays : tuple of CoarseStay
        By state.
    prob : float
        Probability of the intervals.
    threshold : int
        Persons that nothing tells apart; 1 where the events are public.
    """

    states: tuple[str, ...]
    chances: tuple[CoarseChance, ...]
    stays: tuple[CoarseStay, ...]
    prob: float
    threshold: int


@dataclass(frozen=True, slots=True)
class _Raw:
    """One probability before it is made coarse."""

    cohort: str
    state: str
    origin: str
    kind: Kind
    years: float
    n: int
    share: float
    worth: float


def coarse_chain(found: TimeChain, threshold: int, public: bool = False) -> CoarseChain:
    """Return a chain as it may be published.

    Parameters
    ----------
    found : TimeChain
        Unrounded.
    threshold : int
        Persons that nothing may tell apart.
    public : bool
        The events are public: numbers are rounded, but nothing is hidden.
    """
    sizes = dict(found.sizes)
    shown = dict(found.sizes) if public else _sizes(found, threshold)
    kinds: tuple[Kind, ...] = ("inside", "reached")
    raw = [
        _Raw(x.cohort, x.state, "", kind, x.years, sizes[x.cohort], law.share, law.persons)
        for x in found.chances for kind, law in zip(kinds, (x.inside, x.reached), strict=True)
        if not (kind == "reached" and x.state == found.states[0])
    ]  # fmt: skip
    last = max(x.years for x in found.chances)
    raw += [_Raw(ALL, x.target, x.origin, "moved", last, sizes[ALL], x.share, float(sizes[ALL])) for x in found.moves]
    least = 1 if public else threshold
    for wider in range(len(UNITS)):
        chances = [_coarse(x, shown.get(x.cohort), least, wider, found.prob) for x in raw]
        if public or not _told_apart(found, chances, sizes, threshold):
            break
    else:
        chances = [replace(x, share=math.nan, low=math.nan, high=math.nan, bound="withheld") for x in chances]
    stays = tuple(_stay(x.state, (x.median, x.low, x.high), x.stays >= 2 * least and x.ended >= least)
                  for x in found.stays)  # fmt: skip
    return CoarseChain(found.states, tuple(chances), stays, found.prob, least)


def _sizes(found: TimeChain, threshold: int) -> dict[str, int | None]:
    """Return the persons by cohort, small ones left out, and others so that they stay in doubt."""
    cohorts = [(name, n) for name, n in found.sizes if name != ALL]
    total = dict(found.sizes)[ALL]
    rule = Disclosure(threshold=max(threshold, 2))
    if not cohorts:
        return {ALL: total if total >= threshold else None}
    names, counts = tuple(x for x, _ in cohorts), np.array([n for _, n in cohorts])
    table = CountTable({"cohort": names}, counts, np.ones(counts.size, dtype=bool), margins=((), ("cohort",)))
    safe = protect(table, rule)
    return {cell.place[0] or ALL: cell.count for cell in safe.cells}


def _unit(n: int, least: int, wider: int, width: float) -> float | None:
    """Return the unit of a probability of n persons: as many as may not be told apart, and a tenth of its interval."""
    wanted = max(least / max(n, 1), width / 10) * 2**wider
    return next((x for x in UNITS if x >= wanted - 1e-12), None)


def _coarse(x: _Raw, persons: int | None, least: int, wider: int, prob: float) -> CoarseChance:
    def made(share: float, low: float, high: float, bound: Bound) -> CoarseChance:
        return CoarseChance(x.cohort, x.state, x.origin, x.kind, x.years, persons, share, low, high, bound)

    nothing = math.nan
    first, last = jeffreys(np.array([x.share]), np.array([x.worth]), prob)
    unit = _unit(x.n, least, wider, 0.0 if least > 1 else float(last[0] - first[0]))
    if persons is None or unit is None:
        return made(nothing, nothing, nothing, "withheld")
    edge = math.ceil(least / x.n / unit - 1e-9) * unit if least > 1 else 0.0
    if least > 1 and x.share < edge:
        return made(round(edge, 6), nothing, nothing, "below")
    if least > 1 and x.share > 1 - edge:
        return made(round(1 - edge, 6), nothing, nothing, "above")
    share = min(max(math.floor(x.share / unit + 0.5) * unit, 0.0), 1.0)
    if x.kind == "moved":
        return made(round(share, 6), nothing, nothing, "")
    # For as many persons as its variance is worth, told to two digits: the ends say nothing that the share does not.
    digits = 10.0 ** (math.floor(math.log10(max(x.worth, 1.0))) - 1)
    worth = max(math.floor(x.worth / digits) * digits, 1.0)
    low, high = jeffreys(np.array([share]), np.array([worth]), prob)
    half = 0.5 * unit if least > 1 else 0.0
    low_end = max(math.floor((float(low[0]) - half) / unit + 1e-9) * unit, 0.0)
    high_end = min(math.ceil((float(high[0]) + half) / unit - 1e-9) * unit, 1.0)
    return made(round(share, 6), round(low_end, 6), round(high_end, 6), "")


def _stay(state: str, days: Sequence[float], enough: bool) -> CoarseStay:
    if not enough:
        return CoarseStay(state, math.nan, math.nan, math.nan)
    median, low, high = days
    return CoarseStay(state, _rounded(median, round), _rounded(low, math.floor), _rounded(high, math.ceil))


def _rounded(days: float, how: object) -> float:
    return float(how(days / STEP) * STEP) if math.isfinite(days) else days  # type: ignore[operator]


# ---- the attack --------------------------------------------------------------------------------------------


def _told_apart(found: TimeChain, chances: Sequence[CoarseChance], sizes: dict[str, int], threshold: int) -> bool:
    """Tell whether everything that is printed, taken together, leaves a count in a range narrower than promised.

    Counts behind the probabilities are taken as if nobody were censored, which is the most that they can tell.
    """
    at = {(x.cohort, x.kind, x.origin, x.state, x.years): i for i, x in enumerate(chances)}
    for sums in (True, False):  # of censored persons cohorts need not add up: then nothing follows from their sums
        solver = new_solver()
        for x in chances:
            solver.addVar(*_ends(x, chances, sizes[x.cohort]))
        _structure(found, chances, at, sizes, solver, sums)
        if all(map(math.isfinite, _range(solver, 0, len(chances)))):
            break
    for i, x in enumerate(chances):
        low, high = _range(solver, i, len(chances))
        free = x.bound in ("below", "above")
        least = min(threshold, sizes[x.cohort]) - (1 if free else 0)
        if high - low < least - SLACK:
            return True
    return False


def _ends(x: CoarseChance, chances: Sequence[CoarseChance], n: int) -> tuple[float, float]:
    """Return the fewest and most persons that a printed probability allows."""
    if x.bound == "withheld":
        return 0.0, float(n)
    if x.bound == "below":
        return 0.0, x.share * n
    if x.bound == "above":
        return x.share * n, float(n)
    half = 0.5 * _printed_unit(x, chances)
    return max(0.0, (x.share - half) * n), min(float(n), (x.share + half) * n)


def _printed_unit(x: CoarseChance, chances: Sequence[CoarseChance]) -> float:
    """Return the unit that anybody sees: the largest of which every probability of the cohort is a multiple."""
    shares = [y.share for y in chances if y.cohort == x.cohort and math.isfinite(y.share)]
    return max((u for u in UNITS if all(abs(s / u - round(s / u)) < 1e-6 for s in shares)), default=UNITS[0])


def _structure(
    found: TimeChain, chances: Sequence[CoarseChance], at: dict[tuple[str, Kind, str, str, float], int],
    sizes: dict[str, int], solver: highspy.Highs, sums: bool,
) -> None:  # fmt: skip
    """Add what an attacker knows of a chain: states, cohorts and moves add up; who was there once was there."""
    first, years = found.states[0], sorted({x.years for x in chances})
    cohorts = [name for name, _ in found.sizes if name != ALL]
    last = years[-1]

    def row(low: float, high: float, terms: Sequence[tuple[int, float]]) -> None:
        columns = np.array([i for i, _ in terms], dtype=np.int32)
        solver.addRow(low, high, columns.size, columns, np.array([w for _, w in terms]))

    for name in sizes:
        if (name, "inside", "", first, last) not in at:
            continue
        for t, year in enumerate(years):
            row(sizes[name], sizes[name], [(at[name, "inside", "", s, year], 1.0) for s in found.states])
            for s in found.states[1:]:
                here, ever = at[name, "inside", "", s, year], at[name, "reached", "", s, year]
                row(0.0, math.inf, [(ever, 1.0), (here, -1.0)])
                if t:
                    row(0.0, math.inf, [(ever, 1.0), (at[name, "reached", "", s, years[t - 1]], -1.0)])
    for kind, _, s, year in {(x.kind, x.origin, x.state, x.years) for x in chances if x.cohort == ALL}:
        parts = [(at[c, kind, "", s, year], -1.0) for c in cohorts if (c, kind, "", s, year) in at]
        if kind != "moved" and parts and sums:
            row(0.0, 0.0, [(at[ALL, kind, "", s, year], 1.0), *parts])
    for s in found.states[1:]:
        moves = [(i, -1.0) for i, x in enumerate(chances) if x.kind == "moved" and x.state == s]
        if moves:
            row(0.0, 0.0, [(at[ALL, "reached", "", s, last], 1.0), *moves])


def _range(solver: highspy.Highs, i: int, size: int) -> tuple[float, float]:
    import highspy

    found = []
    solver.changeColsCost(size, np.arange(size, dtype=np.int32), np.zeros(size))
    solver.changeColCost(i, 1.0)
    for sense in (highspy.ObjSense.kMinimize, highspy.ObjSense.kMaximize):
        solver.changeObjectiveSense(sense)
        status = run_to_end(solver)
        ok = status == highspy.HighsModelStatus.kOptimal
        found.append(float(solver.getObjectiveValue()) if ok else math.nan)
    return (found[0], found[1]) if all(map(math.isfinite, found)) else (-math.inf, math.inf)
