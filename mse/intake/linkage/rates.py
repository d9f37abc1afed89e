"""How often pairs are on a level when they match (m), and when they do not (u): counted, and learned by EM.

* **u** of the identity: of all pairs where that can be counted exactly (equal full names by class, equal dates of
  birth), else of random pairs. **u** of what stands beside it: of pairs that are surely two persons, apart for pairs
  of one full name (born two years apart or more), of one date of birth (of other names), and others.
* **m** of what stands beside the identity: of pairs of one pseudonym. An error in a name has nothing to do with the
  region or the day, so that these pairs stand for all matches.
* **m** of the identity, and the share of matches: by EM over the compared pairs, with the evidence beside it. Names
  are learned on pairs of one date of birth, birth on pairs of one full name: among those, and pairs of one pseudonym,
  nothing that is learned was selected on.
* **Twins** are a class of their own: `mse.intake.linkage.twins`.

References: Fellegi & Sunter (1969), JASA 64, 1183; Winkler (1988), ASA Survey Research Methods, 667.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mse.intake.linkage.pairplan import Comparison, Levels, Plan
from mse.intake.linkage.twins import Twins
from mse.kernels.arrays import Array

FLOOR = 1e-4
"""Least probability of a level among matches: no register is right about a thing every time."""
ERRORS = 0.04
"""Share of the matches that are not on the first levels of names, or of birth, for EM to start from."""
PULL = 5.0
"""Pairs that what is counted is worth before it is: it pulls to what random pairs say, and a weight to none."""
ROUNDS, CLOSE = 200, 1e-5
"""Most steps of EM; change of the share of matches at which it has arrived."""


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """What the model of pairs says of every level of every comparison.

    Parameters
    ----------
    m, u : tuple of float64 array
        Probabilities of the levels among matches, and among other pairs.
    share : float
        Share of matches among all pairs.
    twins : Twins
        What is known of twins.
    equal : int
        Levels of the names on which full names are equal: the first ones.
    """

    m: tuple[Array, ...]
    u: tuple[Array, ...]
    share: float
    twins: Twins
    equal: int

    def log_odds(self, levels: Levels) -> Array:
        """Return the log odds of a match of pairs on these levels, shape (pairs,)."""
        match, twin = self._against_others(levels)
        return match - np.log1p(np.exp(np.minimum(twin, 700.0)))

    def probabilities(self, levels: Levels) -> tuple[Array, Array]:
        """Return the probabilities that pairs are matches, and that they are twins, each of shape (pairs,)."""
        match, twin = (np.exp(np.minimum(x, 700.0)) for x in self._against_others(levels))
        return match / (1.0 + match + twin), twin / (1.0 + match + twin)

    def _against_others(self, levels: Levels) -> tuple[Array, Array]:
        """Return the log odds of matches, and of twins, against pairs that are neither."""
        match = np.full(len(levels), np.log(self.share / (1.0 - self.share)))
        for column, (m, u) in enumerate(zip(self.m, self.u, strict=True)):
            ratio = np.append(np.log(m) - np.log(u), 0.0)  # the last one is what -1 finds
            match += ratio[levels[:, column]]
        with np.errstate(divide="ignore"):
            share = self.twins.everywhere(self.m[0], self.equal)
            names = np.append(np.log(share) - np.log(self.u[0]), -np.inf)
        twin = np.where(levels[:, 1] == 0, names[levels[:, 0]] - np.log(self.u[1][0]), -np.inf)
        for column, twins in self.twins.beside.items():
            twin = twin + np.append(np.log(twins) - np.log(self.u[column]), 0.0)[levels[:, column]]
        return match, twin


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """What was counted before anything is learned.

    Parameters
    ----------
    pairs, same : float
        All pairs of registrations, and those of one pseudonym.
    start : Rates
        Where EM starts.
    matches, others : tuple of float64 array
        Of each comparison, counts of the pairs of one pseudonym, and of those that do not match, by level.
    full, dates : float64 array, float
        Pairs of different pseudonyms with one full name, by class, and with one date of birth.
    classes : float64 array
        Shares of the classes of full names among pairs of one pseudonym.
    """

    pairs: float
    same: float
    start: Rates
    matches: tuple[Array, ...]
    others: tuple[Array, ...]
    full: Array
    dates: float
    classes: Array


def learn(counted: Counted, plan: Plan, levels: Levels, start: Rates, rounds: int = ROUNDS,
          weights: Array | None = None, same: float | None = None) -> Rates:  # fmt: skip
    """Return the probabilities at which EM arrives.

    Parameters
    ----------
    counted : Counted
        As from `count_levels`.
    plan : Plan
        What is compared.
    levels : int16 array, shape (P, comparisons)
        Of the compared pairs.
    start : Rates
        Where it starts; what stands beside the identity stays as it is there.
    rounds : int
        Most steps.
    weights : float64 array, shape (P,), optional
        Of the pairs; 1 when not given.
    same : float, optional
        Pairs of one pseudonym, as they are to count.
    """
    names, birth = plan.comparisons[:2]
    classes, rates = full_classes(names), start
    whole = counted.same if same is None else same
    weight = np.ones(len(levels)) if weights is None else weights
    on_date = levels[:, 1] == 0 if birth.levels[0] == "date equal" else np.zeros(len(levels), dtype=bool)
    on_name = (levels[:, 0] >= 0) & (levels[:, 0] < classes)
    birth_known = (levels[:, 1] >= 0) & np.isin(levels[:, 1], np.flatnonzero(np.array(birth.domain) == 0))
    names_known = (levels[:, 0] >= 0) & np.isin(levels[:, 0], np.flatnonzero(np.array(names.domain) == 0))
    prior = counted.start.m
    for _ in range(rounds):
        p, q = (weight * x for x in rates.probabilities(levels))
        m, u = list(rates.m), list(rates.u)
        chosen = on_date & names_known
        found = np.bincount(levels[chosen, 0], weights=p[chosen], minlength=len(names.levels)) + 2.0 * prior[0]
        found[:classes] += whole * counted.classes
        m[0] = _floored(found, names.domain)
        chosen = on_name & birth_known
        found = np.bincount(levels[chosen, 1], weights=p[chosen], minlength=len(birth.levels)) + 2.0 * prior[1]
        found[0] += whole
        m[1] = _floored(found, birth.domain)
        u[0] = _exact(u[0], counted.full - _sums(levels[:, 0], p, classes), counted.pairs, names)
        if counted.dates:
            u[1] = _exact(u[1], np.array([counted.dates - float(p[on_date].sum())]), counted.pairs, birth)
        _derive(names, birth, m, u)
        for column, comparison in enumerate(plan.comparisons):
            if comparison.kind == "part":
                known = (levels[:, column] >= 0) & (on_date | on_name)
                found = np.bincount(levels[known, column], weights=p[known], minlength=2) + 2.0 * prior[column]
                m[column] = _floored(found + counted.matches[column], comparison.domain)
        share = min((whole + float(p.sum())) / counted.pairs, 0.5)
        change = abs(share / rates.share - 1.0)
        before = float(rates.twins.share.sum())
        seen = on_date & (levels[:, 0] >= 0)
        share_of_twins = rates.twins.found(levels[seen, 0], q[seen], counted.pairs)
        beside = {column: _twins_beside(rates, plan.comparisons[column], levels[on_date, column], q[on_date], column)
                  for column in rates.twins.beside}  # fmt: skip
        twins = replace(rates.twins, share=share_of_twins, beside=beside)
        rates = Rates(tuple(m), tuple(u), max(share, 1.0 / counted.pairs), twins, classes)
        if change < CLOSE and abs(float(share_of_twins.sum()) - before) <= 100.0 * CLOSE * before:
            break
    return rates


def _twins_beside(rates: Rates, comparison: Comparison, level: Levels, weight: Array, column: int) -> Array:
    expected = rates.twins.expected(rates.m[column], rates.u[column])
    return shares(_sums(level, weight, len(expected)) + expected, comparison.domain)


def full_classes(names: Comparison) -> int:
    """Return on how many levels the full names are equal: the first ones."""
    return sum(level.startswith("equal, ") for level in names.levels)


def may_be_twins(names: Comparison, birth: Comparison) -> Array:
    """Return 1 for the levels of the names on which twins can be: one surname, other given names, both known."""
    found = np.array(names.surname) & ~np.array(names.given) & (np.array(names.domain) == 0)
    return np.asarray(found * float(birth.levels[0] == "date equal"))


def _sums(level: Levels, weight: Array, levels: int) -> Array:
    inside = (level >= 0) & (level < levels)
    return np.bincount(level[inside], weights=weight[inside], minlength=levels)


def shares(count: Array, domain: Sequence[int] | None = None) -> Array:
    """Return counts as shares, within each domain."""
    group = np.zeros(len(count), dtype=np.int64) if domain is None else np.array(domain)
    return np.asarray(count / np.bincount(group, weights=count)[group])


def _floored(count: Array, domain: Sequence[int]) -> Array:
    return shares(np.maximum(shares(count, domain), FLOOR), domain)


def _exact(u: Array, first: Array, pairs: float, comparison: Comparison) -> Array:
    """Return u with its first levels as they are counted, and the others of that domain in their proportions."""
    out, k = u.copy(), len(first)
    out[:k] = (np.maximum(first, 0.0) + 0.5) / (pairs + 1.0)
    inside = np.array(comparison.domain) == 0
    inside[:k] = False
    out[inside] *= (1.0 - out[:k].sum()) / out[inside].sum()
    return out


def _derive(names: Comparison, birth: Comparison, m: list[Array], u: list[Array]) -> None:
    """Put the domains with something missing where those without say: equal in what is left."""
    main = np.array(names.domain) == 0
    for d, flag in ((1, names.given), (2, names.surname)):
        if d in names.domain:
            at = names.domain.index(d)
            agree = float(m[0][main & np.array(flag)].sum())
            m[0][at : at + 2] = max(min(agree, 1.0 - FLOOR), FLOOR), max(1.0 - agree, FLOOR)
            chance = float(u[0][main & np.array(flag)].sum())
            u[0][at : at + 2] = chance, 1.0 - chance
    if 1 in birth.domain:
        at = birth.domain.index(1)
        off = float(m[1][birth.levels.index("different")])
        m[1][at : at + 2] = 1.0 - off, off
