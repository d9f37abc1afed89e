"""Populations with a known size and a known kind of dependence between their lists: what an interval is held against.

Each kind of `KINDS` breaks the assumptions of an estimator in its own way, or in none. Odds ratios are set on the
probabilities of the 2^K cells, whose margins are then fitted to the share of the population that each list covers
(iterative proportional fitting keeps odds ratios), so that dependence and cover can be chosen apart; kinds that act on
persons (behaviour, referral, errors of linkage) change the cells or the counts afterwards. The same kind, number of
lists and seed give the same table.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from benchmarks.cellshares import fitted, logistic, membership, mixed, pair_odds, referred, visible
from mse.errors import ModelError, Problem
from mse.tables.captures import CaptureTable

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

LEAST_OVERLAP = 3
"""Persons on two lists or more that a table has; one with fewer is drawn again, as nobody would analyse it."""


@dataclass(frozen=True, slots=True)
class Truth:
    """A table and the size that it came from.

    Parameters
    ----------
    kind : str
        Of `KINDS`.
    seed : int
        Of the draw.
    size : int
        Persons of the population.
    table : CaptureTable
        What the lists saw of them.
    """

    kind: str
    seed: int
    size: int
    table: CaptureTable


@dataclass(frozen=True, slots=True)
class Kind:
    """How populations of one kind are drawn.

    Parameters
    ----------
    said : str
        What it is, in a line.
    cells : callable
        Probabilities of the 2^K cells, shape (2^K,), from the random source and the cover of each list, shape (K,).
    smallest, largest : float
        Ends of the range of N, uniform in its log.
    cover : tuple of float
        Ends of the range of the share of the population that a list covers, uniform in its log.
    seen : tuple of int, optional
        Ends of the range of the persons observed, from which N follows; in place of the range of N.
    after : callable, optional
        What happens to the counts of the 2^K cells afterwards.
    """

    said: str
    cells: Callable[[np.random.Generator, Array], Array]
    smallest: float = 500.0
    largest: float = 20_000.0
    cover: tuple[float, float] = (0.05, 0.4)
    seen: tuple[int, int] | None = None
    after: Callable[[np.random.Generator, Counts], Counts] | None = None


def simulate_truth(kind: str, lists: int, *, seed: int) -> Truth:
    """Draw a population of one kind, and its table.

    Parameters
    ----------
    kind : str
        Of `KINDS`.
    lists : int
        How many, at least 2.
    seed : int
        Of everything random.

    Raises
    ------
    ModelError
        When the kind is unknown or there are fewer than two lists.
    """
    if kind not in KINDS or lists < 2:
        raise ModelError(
            Problem("no populations of this kind can be drawn", f"two lists or more, and one of {', '.join(KINDS)}",
                    "choose one of these", value=f"{kind}, {lists} lists")
        )  # fmt: skip
    how = KINDS[kind]
    rng = np.random.default_rng([zlib.crc32(kind.encode()), lists, seed])
    while True:
        least, most = how.cover
        covers = np.exp(rng.uniform(np.log(least), np.log(most), lists))
        share = how.cells(rng, covers)
        if how.seen is None:
            size = int(np.exp(rng.uniform(np.log(how.smallest), np.log(how.largest))))
        else:
            size = int(rng.integers(*how.seen, endpoint=True) / (1.0 - share[0]))
        counts = rng.multinomial(size, share)
        if how.after is not None:
            counts = how.after(rng, counts)
        on = membership(lists)
        if counts[on.sum(axis=1) >= 2].sum() >= LEAST_OVERLAP and (counts @ on > 0).all():
            name = f"{kind}-{lists}-{seed}"
            table = CaptureTable.from_arrays([f"L{j + 1}" for j in range(lists)], counts[1:], name=name)
            return Truth(kind, seed, size, table)


def _independent(rng: np.random.Generator, covers: Array) -> Array:
    return fitted(np.ones(2 ** len(covers)), covers)


def _paired(rng: np.random.Generator, covers: Array) -> Array:
    return fitted(pair_odds(rng, len(covers), 0.5), covers)


def _positive(rng: np.random.Generator, covers: Array) -> Array:
    return fitted(pair_odds(rng, len(covers), 0.5, positive=True), covers)


def _three_way(rng: np.random.Generator, covers: Array) -> Array:
    """One log odds ratio of three lists, 0.5 to 1.5 up or down, over weak pairs."""
    lists = len(covers)
    three = rng.choice(lists, min(3, lists), replace=False)
    ratio = rng.uniform(0.5, 1.5) * rng.choice([-1.0, 1.0])
    both = membership(lists)[:, three].all(axis=1)
    return fitted(pair_odds(rng, lists, 0.25) * np.exp(ratio * both), covers)


def _heterogeneous(rng: np.random.Generator, covers: Array) -> Array:
    return visible(1.0, covers)


def _classes(rng: np.random.Generator, covers: Array) -> Array:
    """Two groups, the smaller a fifth to a half: log odds on each list apart by N(0, 1) around a common part."""
    weight = rng.uniform(0.2, 0.5)
    apart = rng.normal(rng.normal(0.0, 0.7), 1.0, len(covers))
    return mixed(np.stack([apart, np.zeros(len(covers))]), np.array([weight, 1.0 - weight]), covers)


def _subgroup(rng: np.random.Generator, covers: Array) -> Array:
    """One list sees only a group of a fifth to two thirds, whom other lists see better or worse too."""
    lists, weight = len(covers), rng.uniform(0.2, 0.67)
    apart = rng.normal(0.0, 0.5, lists)
    at = int(rng.integers(lists))
    apart[at] = 30.0
    covers = covers.copy()
    covers[at] = min(covers[at], 0.8 * weight)
    return mixed(np.stack([apart, np.zeros(lists)]), np.array([weight, 1.0 - weight]), covers)


def _referral(rng: np.random.Generator, covers: Array) -> Array:
    """Independent lists, one of which then sends 20 to 60 % of its persons to another."""
    share, on = fitted(np.ones(2 ** len(covers)), covers), membership(len(covers)).astype(bool)
    return referred(rng, share, on)


def _strongly(rng: np.random.Generator, covers: Array) -> Array:
    return visible(1.5, covers)


def _frail(rng: np.random.Generator, covers: Array) -> Array:
    """Each list finds a person at a rate times the person's own gamma variate of shape 1 to 3."""
    at, weights = np.polynomial.laguerre.laggauss(60)
    shape = rng.uniform(1.0, 3.0)
    weights = weights * at ** (shape - 1.0)
    weights /= weights.sum()
    rates = np.zeros(len(covers))
    for j, cover in enumerate(covers):
        low, high = 0.0, 100.0
        for _ in range(80):
            middle = (low + high) / 2.0
            low, high = (middle, high) if weights @ -np.expm1(-middle * at) < cover else (low, middle)
        rates[j] = low
    p = -np.expm1(-at[:, None] * rates)[:, None, :]
    share: Array = weights @ np.where(membership(len(covers))[None], p, 1.0 - p).prod(axis=2)
    return share


def _three_classes(rng: np.random.Generator, covers: Array) -> Array:
    """Three groups of 10 % or more: log odds on each list apart by N(0, 1) around a common part N(0, 1)."""
    weights = 0.1 + 0.7 * rng.dirichlet(np.ones(3))
    effects = rng.normal(0.0, 1.0, (3, 1)) + rng.normal(0.0, 1.0, (3, len(covers)))
    return mixed(effects, weights, covers)


def _pooled(rng: np.random.Generator, covers: Array) -> Array:
    """Five years or regions, summed: the log odds of every list differ between them by N(0, 0.7²)."""
    return mixed(rng.normal(0.0, 0.7, (5, len(covers))), rng.dirichlet(np.full(5, 5.0)), covers)


def _blind(rng: np.random.Generator, covers: Array) -> Array:
    """Let one list never see a group of 10 to 40 %, whom others see better or worse by N(0, 0.5²)."""
    lists, weight = len(covers), rng.uniform(0.1, 0.4)
    apart = rng.normal(0.0, 0.5, lists)
    apart[int(rng.integers(lists))] = -30.0
    return mixed(np.stack([apart, np.zeros(lists)]), np.array([weight, 1.0 - weight]), covers)


def _reached_by_one(rng: np.random.Generator, covers: Array) -> Array:
    """Let all lists but one see a group of 10 to 30 % less, by 1 to 2 in log odds."""
    lists, weight = len(covers), rng.uniform(0.1, 0.3)
    apart = np.full(lists, -rng.uniform(1.0, 2.0))
    apart[int(rng.integers(lists))] = 0.0
    return mixed(np.stack([apart, np.zeros(lists)]), np.array([weight, 1.0 - weight]), covers)


def _inner(rng: np.random.Generator, covers: Array) -> Array:
    """Pairs of sd 0.25, and a list that draws 80 to 98 % of its persons from another, larger one."""
    lists = len(covers)
    inner, outer = rng.choice(lists, 2, replace=False)
    covers = covers.copy()
    covers[inner] = min(covers[inner], 0.5 * covers[outer])
    inside = rng.uniform(0.8, 0.98)
    both = inside * covers[inner]
    neither = 1.0 - covers[inner] - covers[outer] + both
    ratio = both * neither / ((1.0 - inside) * covers[inner] * (covers[outer] - both))
    on = membership(lists)
    return fitted(pair_odds(rng, lists, 0.25) * np.where(on[:, inner] * on[:, outer] > 0, ratio, 1.0), covers)


def _changed(rng: np.random.Generator, covers: Array, change: float) -> Array:
    """Whoever has been on a list is more or less likely, by `change` in log odds, to get on any later one.

    Those who were seen look independent whatever the size of it: no table can show it.
    """
    on = membership(len(covers))
    before = np.concatenate([np.zeros((len(on), 1), dtype=np.int64), np.cumsum(on, axis=1)[:, :-1]], axis=1) > 0
    p = logistic(np.log(covers / (1.0 - covers)) + change * before)
    share: Array = np.where(on > 0, p, 1.0 - p).prod(axis=1)
    return share


def _shy(rng: np.random.Generator, covers: Array) -> Array:
    return _changed(rng, covers, -rng.uniform(0.2, 0.8))


def _eager(rng: np.random.Generator, covers: Array) -> Array:
    return _changed(rng, covers, rng.uniform(0.2, 0.8))


def _avoided(rng: np.random.Generator, covers: Array) -> Array:
    """Whoever is on one of the lists is less likely, by 0.3 to 1.2 in log odds, to be on each other."""
    lists = len(covers)
    on, at = membership(lists), int(rng.integers(lists))
    return fitted(np.exp(-rng.uniform(0.3, 1.2) * on[:, at] * (on.sum(axis=1) - on[:, at])), covers)


def _near_empty(rng: np.random.Generator, covers: Array) -> Array:
    """Pair interactions, and a list that covers 0.3 to 2 % only."""
    covers = covers.copy()
    covers[int(rng.integers(len(covers)))] = rng.uniform(0.003, 0.02)
    return _paired(rng, covers)


def _mixture(rng: np.random.Generator, covers: Array) -> Array:
    """Visibility of sd 0.3 to 1, pair interactions of sd 0.3, and in half of the populations referral."""
    share = fitted(visible(rng.uniform(0.3, 1.0), covers) * pair_odds(rng, len(covers), 0.3), covers)
    return referred(rng, share, membership(len(covers)).astype(bool)) if rng.random() < 0.5 else share


def _mislinked(rng: np.random.Generator, counts: Counts) -> Counts:
    """Lose 1 to 5 % of the links between lists, and join 0.5 to 2 % of the persons on one list to another person."""
    lists = len(counts).bit_length() - 1
    counts = counts.copy()
    lost, joined = rng.uniform(0.01, 0.05), rng.uniform(0.005, 0.02)
    for cell in range(1, len(counts)):
        places = [j for j in range(lists) if cell >> j & 1]
        if len(places) > 1:
            away = int(rng.binomial(counts[cell], lost))
            for j, number in zip(places, rng.multinomial(away, np.full(len(places), 1 / len(places))), strict=True):
                counts[cell] -= number
                counts[cell ^ (1 << j)] += number
                counts[1 << j] += number
    for j in range(lists):
        for number, other in zip(rng.multinomial(rng.binomial(counts[1 << j], joined), np.full(lists, 1 / lists)),
                                 range(lists), strict=True):  # fmt: skip
            both = min(int(number), int(counts[1 << other]), int(counts[1 << j])) if other != j else 0
            counts[1 << j] -= both
            counts[1 << other] -= both
            counts[1 << j | 1 << other] += both
    return counts


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "independent": Kind("lists that do not depend on each other", _independent),
        "pairs": Kind("log odds ratio of every pair of lists N(0, 0.5²)", _paired),
        "positive pairs": Kind("log odds ratio of every pair |N(0, 0.5²)|", _positive),
        "heterogeneity": Kind("visibility of persons, normal of sd 1 in log odds", _heterogeneous),
        "two groups": Kind("two groups that lists see differently", _classes),
        "strong heterogeneity": Kind("visibility of persons, normal of sd 1.5 in log odds", _strongly),
        "frailty": Kind("a rate of being found, gamma of shape 1 to 3", _frail),
        "three classes": Kind("three groups that lists see differently", _three_classes),
        "pooled": Kind("five years or regions with other covers, summed", _pooled),
        "three-way": Kind("a log odds ratio of three lists, 0.5 to 1.5 up or down", _three_way),
        "referral": Kind("a list sends 20 to 60 % of its persons to another", _referral),
        "shy of one": Kind("whoever is on one of the lists gets on the others less", _avoided),
        "shy of all": Kind("whoever is on any list gets on later ones less, which no table can show", _shy),
        "eager of all": Kind("whoever is on any list gets on later ones more, which no table can show", _eager),
        "subgroup": Kind("a list that sees only a part of the population", _subgroup),
        "never by one": Kind("a group that one list never sees", _blind),
        "reached by one": Kind("a group that all lists but one hardly see", _reached_by_one),
        "nested": Kind("a list that draws nearly all of its persons from another", _inner),
        "near-empty": Kind("pairs, and a list that covers 0.3 to 2 %", _near_empty),
        "mixture": Kind("visibility, pairs and referral together", _mixture),
        "linkage": Kind("pairs, with links lost and persons joined by mistake", _paired, after=_mislinked),
        "sparse": Kind("pairs, 60 to 200 persons observed", _paired, cover=(0.03, 0.25), seen=(60, 200)),
        "sparse heterogeneity": Kind(
            "visibility of sd 1, 60 to 200 persons observed", _heterogeneous, cover=(0.03, 0.25), seen=(60, 200)
        ),
        "huge": Kind("pairs, N 50,000 to 200,000", _paired, smallest=50_000.0, largest=200_000.0),
        "huge mixture": Kind("mixture, N 50,000 to 200,000", _mixture, smallest=50_000.0, largest=200_000.0),
        "millions": Kind("mixture, N 1 to 5 million", _mixture, smallest=1e6, largest=5e6),
    }
)  # fmt: skip
"""Kinds of truth by name."""
