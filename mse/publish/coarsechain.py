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
from typing import Literal

import numpy as np

from mse.computing.linearsolver import LinearProgramme
from mse.evidence.eventfile import ALL
from mse.evidence.occupation import TimeChain, jeffreys
from mse.publish.disclosure.attack import SLACK
from mse.publish.disclosure.control import Disclosure
from mse.publish.disclosure.counts import CountTable
from mse.publish.disclosure.protecting import protect

UNITS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.1, 0.2)
END = 0.01
"""What ends of intervals are rounded to, outward."""
MOST_TRIES = 40
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
    unit : float
        What the share is a multiple of; the true one is at most half of it off.
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
    unit: float
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
    wider = [0] * len(raw)
    for _ in range(1 if public else MOST_TRIES):
        chances = [_coarse(x, shown.get(x.cohort), least, w, found.prob) for x, w in zip(raw, wider, strict=True)]
        narrow = [] if public else _told_apart(found, chances, sizes, threshold)
        if not narrow:
            break
        for i in narrow:
            for j in _cause(raw, i):
                wider[j] += 1
    else:
        chances = [replace(x, share=math.nan, low=math.nan, high=math.nan, bound="withheld") for x in chances]
    stays = tuple(_stay(x.state, (x.median, x.low, x.high), x.stays >= 2 * least and x.ended >= least)
                  for x in found.stays)  # fmt: skip
    return CoarseChain(found.states, tuple(chances), stays, found.prob, least)


def _cause(raw: Sequence[_Raw], i: int) -> list[int]:
    """Return what is made coarser where a count is told too finely: its cohorts, for the sum is what is read first.

    Without cohorts, and where it is one of a cohort, everything of that cohort at that time.
    """
    x = raw[i]
    cohorts = [
        j for j, y in enumerate(raw)
        if y.cohort != ALL and (y.kind, y.state, y.years) == (x.kind, x.state, x.years)
    ]  # fmt: skip
    if x.cohort == ALL and cohorts:
        return cohorts
    return [j for j, y in enumerate(raw) if (y.cohort, y.years) == (x.cohort, x.years)]


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
    wanted = max(least / max(n, 1), width / 10)
    fitting = [x for x in UNITS if x >= wanted - 1e-12]
    return fitting[wider] if wider < len(fitting) else None


def _coarse(x: _Raw, persons: int | None, least: int, wider: int, prob: float) -> CoarseChance:
    first, last = jeffreys(np.array([x.share]), np.array([x.worth]), prob)
    unit = _unit(x.n, least, wider, 0.0 if least > 1 else float(last[0] - first[0]))

    def made(share: float, low: float, high: float, bound: Bound) -> CoarseChance:
        return CoarseChance(x.cohort, x.state, x.origin, x.kind, x.years, persons, round(share, 6), round(low, 6),
                            round(high, 6), math.nan if unit is None else unit, bound)  # fmt: skip

    nothing = math.nan
    if persons is None or unit is None:
        return made(nothing, nothing, nothing, "withheld")
    # The classes of all shares are a unit wide, but for the lowest and the highest, which are one and a half.
    edge = 1.5 * unit if least > 1 else 0.0
    if least > 1 and x.share < edge:
        return made(edge, nothing, nothing, "below")
    if least > 1 and x.share >= 1 - edge:
        return made(1 - edge, nothing, nothing, "above")
    share = min(max(math.floor(x.share / unit + 0.5) * unit, 0.0), 1.0)
    if x.kind == "moved":
        return made(share, nothing, nothing, "")
    # For as many persons as its variance is worth, told to two digits, and for any share of the class: the ends say
    # nothing that the share does not.
    digits = 10.0 ** (math.floor(math.log10(max(x.worth, 1.0))) - 1)
    worth = np.array([max(math.floor(x.worth / digits) * digits, 1.0)])
    half, end = (0.5 * unit, END) if least > 1 else (0.0, unit)
    low, _ = jeffreys(np.array([max(share - half, 0.0)]), worth, prob)
    _, high = jeffreys(np.array([min(share + half, 1.0)]), worth, prob)
    low_end = max(math.floor(float(low[0]) / end + 1e-9) * end, 0.0)
    return made(share, low_end, min(math.ceil(float(high[0]) / end - 1e-9) * end, 1.0), "")


def _stay(state: str, days: Sequence[float], enough: bool) -> CoarseStay:
    if not enough:
        return CoarseStay(state, math.nan, math.nan, math.nan)
    median, low, high = days
    return CoarseStay(state, _rounded(median, round), _rounded(low, math.floor), _rounded(high, math.ceil))


def _rounded(days: float, how: object) -> float:
    return float(how(days / STEP) * STEP) if math.isfinite(days) else days  # type: ignore[operator]


# ---- the attack --------------------------------------------------------------------------------------------


def _told_apart(
    found: TimeChain, chances: Sequence[CoarseChance], sizes: dict[str, int], threshold: int
) -> list[int]:  # fmt: skip
    """Return the chances whose counts everything that is printed, taken together, leaves in too narrow a range.

    Counts behind the probabilities are taken as if nobody were censored, which is the most that they can tell.
    """
    at = {(x.cohort, x.kind, x.origin, x.state, x.years): i for i, x in enumerate(chances)}
    for sums in (True, False):  # of censored persons cohorts need not add up: then nothing follows from their sums
        ends = np.array([_ends(x, sizes[x.cohort]) for x in chances])
        solver = LinearProgramme(ends[:, 0], ends[:, 1])
        _structure(found, chances, at, sizes, solver, sums)
        if all(map(math.isfinite, _range(solver, 0, len(chances)))):
            break
    narrow = []
    for i, x in enumerate(chances):
        low, high = _range(solver, i, len(chances))
        if high - low < min(threshold - 1, sizes[x.cohort]) - SLACK:
            narrow.append(i)
    return narrow


def _ends(x: CoarseChance, n: int) -> tuple[float, float]:
    """Return the fewest and most persons that a printed probability allows."""
    if x.bound == "withheld":
        return 0.0, float(n)
    if x.bound == "below":
        return 0.0, x.share * n
    if x.bound == "above":
        return x.share * n, float(n)
    return max(0.0, (x.share - 0.5 * x.unit) * n), min(float(n), (x.share + 0.5 * x.unit) * n)


def _structure(
    found: TimeChain, chances: Sequence[CoarseChance], at: dict[tuple[str, Kind, str, str, float], int],
    sizes: dict[str, int], solver: LinearProgramme, sums: bool,
) -> None:  # fmt: skip
    """Add what an attacker knows of a chain: states, cohorts and moves add up; who was there once was there."""
    first, years = found.states[0], sorted({x.years for x in chances})
    cohorts = [name for name, _ in found.sizes if name != ALL]
    last = years[-1]

    def row(low: float, high: float, terms: Sequence[tuple[int, float]]) -> None:
        solver.add_row(low, high, [i for i, _ in terms], [w for _, w in terms])

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


def _range(solver: LinearProgramme, i: int, size: int) -> tuple[float, float]:
    solver.set_costs(0, np.eye(1, size, i)[0])
    least, most = solver.optimum(), solver.optimum(largest=True)
    known = least is not None and most is not None and math.isfinite(least.value) and math.isfinite(most.value)
    return (least.value, most.value) if least and most and known else (-math.inf, math.inf)
