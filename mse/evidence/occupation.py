"""Where persons are through time: state occupation and first entry by Aalen and Johansen, and how long stays last.

Persons may come under observation after they began (left truncation) and be seen until a last day (censoring). Both
must tell nothing of what happens next beyond the state that a person is in, and a state's risk must depend on nothing
but the time since the beginning (Markov); of the time spent in a state, on nothing but that time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mse.evidence.eventfile import ALL, Spells
from mse.kernels.arrays import Array, Flags, Integers
from mse.kernels.occupying import occupy

YEAR = 365.25
"""Days."""


class Chance(NamedTuple):
    """A probability, its interval, and for how many persons without censoring it would be as certain."""

    share: float
    low: float
    high: float
    persons: float


@dataclass(frozen=True, slots=True)
class StateChance:
    """The probability of a state at a time.

    Parameters
    ----------
    cohort, state : str
        Whose and where; ``"all"`` for all cohorts together.
    years : float
        After the beginning.
    persons : int
        Persons of the cohort.
    at_risk : int
        Of these under observation then, in any state.
    inside, reached : Chance
        Of being in the state then, and of having been in it by then.
    """

    cohort: str
    state: str
    years: float
    persons: int
    at_risk: int
    inside: Chance
    reached: Chance


@dataclass(frozen=True, slots=True)
class Stay:
    """How long stays in a state last, in days: the median with its interval, infinite where it is not reached.

    Parameters
    ----------
    state : str
        The state.
    stays, ended : int
        Stays under observation, and how many of them were seen to end.
    median, low, high : float
        Days.
    """

    state: str
    stays: int
    ended: int
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Move:
    """The probability of a move from one state to another by the last time: the width of an arrow."""

    origin: str
    target: str
    share: float


@dataclass(frozen=True, slots=True)
class TimeChain:
    """A chain through time, unrounded: it stays inside.

    Parameters
    ----------
    states : tuple of str
        In order; the first is where everybody begins.
    sizes : tuple of (str, int)
        Persons by cohort; all together first.
    chances : tuple of StateChance
        By cohort, time and state.
    stays : tuple of Stay
        By state that is no exit.
    moves : tuple of Move
        Of all cohorts, by the last of the times.
    prob : float
        Probability of the intervals.
    outside : int
        Persons whose history had ended before observation began.
    first : int
        The year in which the first of them began.
    """

    states: tuple[str, ...]
    sizes: tuple[tuple[str, int], ...]
    chances: tuple[StateChance, ...]
    stays: tuple[Stay, ...]
    moves: tuple[Move, ...]
    prob: float
    outside: int
    first: int


def time_chain(spells: Spells, within: Sequence[float], prob: float = 0.95) -> TimeChain:
    """Return probabilities of states at some years after the beginning, by cohort, and medians of stays.

    Parameters
    ----------
    spells : Spells
        Stays of persons.
    within : sequence of float
        Years.
    prob : float
        Probability of the intervals.

    Notes
    -----
    Occupation: Aalen & Johansen (1978), Scandinavian Journal of Statistics 5:141-150. First entry into a state is the
    same with that state as an exit. Intervals: Jeffreys' for the number of persons that gives the variance (Dorey &
    Korn 1987, Statistics in Medicine 6:679-687), which without censoring is Jeffreys' for the persons there are. Stays:
    Kaplan & Meier from the day on which a state was entered; the interval of a median holds the times at which the
    interval of the share that ended holds a half (Brookmeyer & Crowley 1982).
    """
    years = sorted(set(within))
    names = ((ALL, np.ones(spells.cohort.size, dtype=bool)),)
    if len(spells.cohorts) > 1 or spells.cohorts != (ALL,):
        names += tuple((name, spells.cohort == i) for i, name in enumerate(spells.cohorts))
    chances: list[StateChance] = []
    sizes = []
    for name, kept in names:
        n = int(spells.sizes.sum()) if name == ALL else int(spells.sizes[spells.cohorts.index(name)])
        sizes.append((name, n))
        if n:
            chances += _cohort(name, n, spells, kept, years, prob)
    stays = [_stay(spells, h, prob) for h in range(len(spells.states))]
    return TimeChain(
        spells.states, tuple(sizes), tuple(chances), tuple(x for x in stays if x is not None),
        _moves(spells, years[-1]), prob, spells.outside, spells.first,
    )  # fmt: skip


def _cohort(name: str, n: int, spells: Spells, kept: Flags, years: Sequence[float], prob: float) -> list[StateChance]:
    ends = np.array([_last(x) for x in years])
    begin, end = spells.begin[kept], spells.end[kept]
    state, following = spells.state[kept], spells.following[kept]
    inside = probabilities(state, following, begin, end, len(spells.states), ends)
    at_risk = [int(((begin < t) & (end >= t)).sum()) for t in ends]
    found = []
    reached = []
    for j in range(len(spells.states)):
        if j == 0:
            reached.append((np.ones(ends.size), np.zeros(ends.size)))
            continue
        before = _before(spells.person[kept], state, spells.entered[kept], j)
        share, variance = probabilities(state[before], following[before], begin[before], end[before],
                                        len(spells.states), ends)  # fmt: skip
        reached.append((share[:, j], variance[:, j]))
    for t, x in enumerate(years):
        for j, label in enumerate(spells.states):
            there = chance(inside[0][t, j], inside[1][t, j], n, prob)
            ever = Chance(1.0, 1.0, 1.0, n) if j == 0 else chance(reached[j][0][t], reached[j][1][t], n, prob)
            found.append(StateChance(name, label, x, n, at_risk[t], there, ever))
    return found


def _last(years: float) -> float:
    """Return the last moment of the day that ends so many years."""
    return math.floor(years * YEAR + 1e-9) + 0.98


def _before(person: Integers, state: Integers, entered: Array, target: int) -> Flags:
    """Return the stays before a person first entered a state."""
    first = np.full(int(person.max(initial=0)) + 1, np.inf)
    here = state == target
    np.minimum.at(first, person[here], entered[here])
    return np.asarray(entered < first[person])


def probabilities(
    state: Integers, following: Integers, begin: Array, end: Array, k: int, times: Array
) -> tuple[Array, Array]:
    """Return occupation probabilities and their variances at some times, both (times, k), everybody in state 0 at 0.

    Parameters
    ----------
    state, following : int64 array, shape (S,)
        The state of a stay, and the one after it; -1 where the end was not seen.
    begin, end : float64 array, shape (S,)
        When the stay came under observation, and when it ended or was last seen.
    k : int
        Number of states.
    times : float64 array
        Ascending.
    """
    moment, counts, origin, target, risk = _moves_and_risks(state, following, begin, end, k, float(times[-1]))
    if moment.size == 0:
        share = np.zeros((times.size, k))
        share[:, 0] = 1.0
        return share, np.zeros((times.size, k))
    found = occupy(counts, origin, target, risk, 0)
    at = np.searchsorted(moment, times, side="right") - 1
    share, variance = found.share[np.maximum(at, 0)], found.variance[np.maximum(at, 0)]
    share[at < 0], variance[at < 0] = np.eye(k)[0], 0.0
    return share, variance


def _moves_and_risks(
    state: Integers, following: Integers, begin: Array, end: Array, k: int, last: float
) -> tuple[Array, Integers, Integers, Integers, Integers]:
    seen = (following >= 0) & (end <= last)
    moment, at = np.unique(end[seen], return_inverse=True)
    kinds, kind = np.unique(state[seen] * k + following[seen], return_inverse=True)
    counts = np.zeros((moment.size, kinds.size), dtype=np.int64)
    np.add.at(counts, (at, kind), 1)
    risk = np.zeros((moment.size, k), dtype=np.int64)
    for h in range(k):
        here = state == h
        starts, stops = np.sort(begin[here]), np.sort(end[here])
        risk[:, h] = np.searchsorted(starts, moment, side="left") - np.searchsorted(stops, moment, side="left")
    return moment, counts, kinds // k, kinds % k, risk


def _moves(spells: Spells, years: float) -> tuple[Move, ...]:
    k = len(spells.states)
    moment, counts, origin, target, risk = _moves_and_risks(
        spells.state, spells.following, spells.begin, spells.end, k, _last(years)
    )
    if moment.size == 0:
        return ()
    moved = occupy(counts, origin, target, risk, 0).moved
    pairs = sorted(zip(origin.tolist(), target.tolist(), strict=True))
    return tuple(Move(spells.states[h], spells.states[j], float(moved[h, j])) for h, j in pairs)


def chance(share: float, variance: float, n: int, prob: float) -> Chance:
    """Return a probability with Jeffreys' interval for as many persons as its variance is worth, at most `n`."""
    share = min(max(float(share), 0.0), 1.0)
    worth = _worth(np.array([share]), np.array([variance]), n)
    low, high = jeffreys(np.array([share]), worth, prob)
    return Chance(share, float(low[0]), float(high[0]), float(worth[0]))


def _worth(share: Array, variance: Array, n: int) -> Array:
    """Return for how many persons without censoring shares would have these variances; `n` where they have none."""
    inside = (variance > 1e-15) & (share > 0) & (share < 1)
    found = np.full(share.size, float(n))
    found[inside] = np.minimum(share[inside] * (1 - share[inside]) / variance[inside], float(n))
    return found


def jeffreys(share: Array, persons: Array, prob: float) -> tuple[Array, Array]:
    """Return the ends of Jeffreys' interval for shares of so many persons, whole or not."""
    from scipy.special import betaincinv

    tail = (1 - prob) / 2
    a, b = share * persons + 0.5, (1 - share) * persons + 0.5
    low = np.where(share <= 0, 0.0, betaincinv(a, b, tail))
    return low, np.where(share >= 1, 1.0, betaincinv(a, b, 1 - tail))


def _stay(spells: Spells, h: int, prob: float) -> Stay | None:
    """Return how long stays in a state last; None for an exit, or where no stay was seen."""
    here = spells.state == h
    if not here.any() or not (spells.following[here] >= 0).any():
        return None
    begin = spells.begin[here] - spells.entered[here]
    end = spells.end[here] - spells.entered[here]
    over = np.where(spells.following[here] >= 0, 1, -1)
    times = np.unique(end[over == 1])
    share, variance = probabilities(np.zeros(end.size, dtype=np.int64), over, begin, end, 2, times)
    n = int(here.sum())
    ended = np.clip(share[:, 1], 0.0, 1.0)
    low, high = jeffreys(ended, _worth(ended, variance[:, 1], n), prob)

    def first(values: Array) -> float:
        return next((math.floor(float(t)) + 0.0 for t in times[values >= 0.5]), math.inf)

    return Stay(spells.states[h], n, int((over == 1).sum()), first(ended), first(high), first(low))
