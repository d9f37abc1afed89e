"""What can be counted of pairs before anything is learned: `mse.intake.linkage.rates` says of which pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mse.intake.linkage.comparing import (
    BOTH_EQUAL,
    DATE,
    GROUPS,
    LABELS,
    NEITHER,
    SCORES,
    TIE,
    levels_of_pairs,
    score_levels,
    tie_by_likeness,
    with_weights,
)
from mse.intake.linkage.evidence import BIRTH_DATE, BIRTH_YEAR, GIVEN, SOUND, SURNAME, Codes
from mse.intake.linkage.namelevels import LATER, name_class
from mse.intake.linkage.pairplan import Comparison, Levels, Plan, are_equal
from mse.intake.linkage.rates import ERRORS, PULL, Counted, Rates, full_classes, may_be_twins, shares
from mse.intake.linkage.twins import Twins, with_alike, with_errors, with_unknown
from mse.kernels.arrays import Array, Integers

SAMPLE = 400_000
"""Pairs of each kind from which probabilities are counted."""
TWINS = 0.02
"""Twins for each match, to start from."""


def sample_pairs(code: Codes | Integers, most: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
    """Return pairs of one code, drawn at random from all of them, -1 left out: at most as many as there are."""
    order = np.argsort(code, kind="stable")
    order = order[int((code < 0).sum()) :]
    value = code[order]
    later = np.searchsorted(value, value, side="right") - np.arange(order.size) - 1
    total = np.concatenate([[0], np.cumsum(later)])
    if not total[-1]:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    drawn = np.arange(total[-1]) if total[-1] <= most else np.sort(rng.integers(0, total[-1], most))
    first = np.searchsorted(total, drawn, side="right") - 1
    left, right = order[first], order[first + 1 + drawn - total[first]]
    return np.minimum(left, right), np.maximum(left, right)


def count_levels(plan: Plan, seed: int) -> tuple[Plan, Counted]:
    """Count what can be counted, with a seeded sample where there are too many pairs.

    Parameters
    ----------
    plan : Plan
        As from `make_plan`, every label a comparison of its own.
    seed : int
        Of the samples.

    Returns
    -------
    Plan, Counted
        The plan with the weights of the labels, and what was counted by its comparisons.
    """
    records, rng = plan.records, np.random.default_rng([seed, 1])
    n = len(records)
    pairs = n * (n - 1) / 2.0
    equal = records.person if _some(records.person) else _fallback(plan)
    matched = levels_of_pairs(plan, *sample_pairs(equal, SAMPLE, rng))
    left, right = rng.integers(0, n, SAMPLE), rng.integers(0, n, SAMPLE)
    apart = records.person[left] != records.person[right]
    random = levels_of_pairs(plan, np.minimum(left, right)[apart], np.maximum(left, right)[apart])
    alike = np.concatenate([random, *(levels_of_pairs(plan, *two) for two in _different(plan, rng))])
    size = np.bincount(records.person)
    same = float((size * (size - 1.0)).sum() / 2.0)
    labels = [i for i, comparison in enumerate(plan.comparisons) if comparison.name in records.labels]
    weights = {plan.comparisons[i].name: _weights(matched[:, i], alike[:, i]) for i in labels}
    whole = with_weights(plan, weights)
    if weights:
        tie = next(i for i, comparison in enumerate(plan.comparisons) if comparison.name == TIE)
        for sample in (matched, random):
            sample[:, tie] = tie_by_likeness(sample[:, tie], _mine(sample[:, labels]), list(weights.values()))
    m: list[Array] = []
    u: list[Array] = []
    matches: list[Array] = []
    others: list[Array] = []
    for column, comparison in enumerate(whole.comparisons):
        if comparison.name == LABELS:
            hit, miss = _score_counts(matched[:, labels], alike[:, labels], list(weights.values()))
        else:
            hit, miss = (_tally(x[:, column], len(comparison.levels)) for x in (matched, random))
        matches.append(hit)
        others.append(miss + 0.5)
        chance = shares(miss + 0.5, comparison.domain)
        u.append(chance)
        context = comparison.kind == "context"
        m.append(shares(hit + PULL * chance, comparison.domain) if context else _start(comparison))
    names, birth = whole.comparisons[:2]
    classes = shares(_tally(matched[:, 0], len(names.levels))[: full_classes(names)] + 1.0)
    m[0][: full_classes(names)] = classes * (1.0 - ERRORS)
    full, dates = _equal_pairs(whole, equal)
    share = max(same, 1.0) / 0.9 / pairs
    start = Rates(tuple(m), tuple(u), min(share, 0.5), _twins(whole, m, u, share, rng), len(classes))
    return whole, Counted(pairs, same, start, tuple(matches), tuple(others), full,
                          dates if birth.levels[0] == "date equal" else 0.0, classes)  # fmt: skip


def _weights(matched: Levels, alike: Levels) -> Array:
    """Return the weights of a label by group, when it is equal and when it is not."""
    levels = 2 * len(GROUPS)
    hit = _tally(matched, levels).reshape(-1, 2).sum(axis=0)
    miss = _tally(alike, levels)
    base = miss.reshape(-1, 2)[NEITHER] + 0.5
    miss = _with_both(miss + PULL * np.tile(base / base.sum(), len(GROUPS))).reshape(-1, 2)
    chance = miss / miss.sum(axis=1, keepdims=True)
    return np.asarray(np.log((hit + PULL * chance) / (hit.sum() + PULL)) - np.log(chance))


def _score_counts(matched: Levels, alike: Levels, weights: Sequence[Array]) -> tuple[Array, Array]:
    """Return how often pairs are on each level of the labels: those of one pseudonym in every group, others in theirs.

    Of pairs of one name and one date of birth too few are sure to be two persons: they are given the ratio of matches
    to others that the same score has among pairs of that name alone.
    """
    levels = len(GROUPS) * (len(SCORES) + 1)
    mine = _mine(matched)
    hit = sum(
        (_tally(score_levels(mine, weights, np.full(len(matched), g)), levels) for g in range(len(GROUPS))),
        np.zeros(levels),
    )
    group = np.where(alike >= 0, alike // 2, -1).max(axis=1)
    found = group >= 0
    miss = _tally(score_levels(_mine(alike[found]), weights, group[found]), levels)
    return hit, _both_equal(hit, miss)


def _both_equal(hit: Array, miss: Array) -> Array:
    """Return counts of others with those of pairs of one name and one date of birth from those of the name alone."""
    one, other = hit.reshape(len(GROUPS), -1), miss.reshape(len(GROUPS), -1).copy()
    for both, name in BOTH_EQUAL:
        odds = (one[name] + 1.0) / one[name].sum() / ((other[name] + 0.5) / (other[name].sum() + 1.0))
        other[both] = one[both] / odds * max(other[name].sum(), 1.0) / max(one[both].sum(), 1.0)
    return other.ravel()


def _twins(plan: Plan, m: Sequence[Array], u: Sequence[Array], share: float, rng: np.random.Generator) -> Twins:
    """Return what is known of twins before any are seen: given names are as those of pairs of one surname.

    They are counted on pairs that were born two years apart or more, and so are two persons.
    """
    parts, names = plan.records.parts, plan.comparisons[0]
    possible = may_be_twins(names, plan.comparisons[1])
    on = possible * u[0] / max(float((possible * u[0]).sum()), 1e-300)
    if possible.any() and BIRTH_YEAR in parts:
        left, right = sample_pairs(parts[SURNAME], SAMPLE // 4, rng)
        a, b = parts[BIRTH_YEAR][left], parts[BIRTH_YEAR][right]
        far = (a >= 0) & (b >= 0) & (np.abs(a - b) > 1)
        left, right = left[far], right[far]
        level, family = levels_of_pairs(plan, left, right)[:, 0], parts[SURNAME][left]
        if LATER in names.levels:  # of other days of birth the later given names cannot be compared
            later = plan.records.later
            level[are_equal(plan.full, left, right) & (later[left] >= 0) & (later[right] >= 0)] = names.levels.index(
                LATER
            )
        # a surname has twins by its registrations, and pairs by their square
        weight = 1.0 / (np.bincount(parts[SURNAME][parts[SURNAME] >= 0])[family] - 1.0)
        on = on + np.bincount(level[level >= 0], weight[level >= 0], len(on)) * possible
        on = on / on.sum()
    beside = {i: 0.5 * (m[i] + u[i]) for i, x in enumerate(plan.comparisons) if x.kind == "context"}
    return Twins(TWINS * share * on, on, beside, errors=with_errors(names), unknown=with_unknown(names),
                 alike=with_alike(names))  # fmt: skip


def _mine(levels: Levels) -> list[Levels]:
    """Return whether labels are equal, by label, without the group of the pair."""
    return [np.where(x < 0, -1, x % 2).astype(np.int16) for x in levels.T]


def _with_both(count: Array) -> Array:
    """Return counts of a label with those of pairs of one name and one date of birth: what each says, multiplied.

    There are too few such pairs that are sure to be two persons.
    """
    out = count.reshape(-1, 2).copy()
    share = out / out.sum(axis=1, keepdims=True)
    for both, name in BOTH_EQUAL:
        differ = share[name, 1] * share[DATE, 1] / share[NEITHER, 1]
        size = min(out[name].sum(), out[DATE].sum())
        out[both] = size * (1.0 - min(differ, 0.999)), size * min(differ, 0.999)
    return out.ravel()


def _some(code: Codes | Integers) -> bool:
    return len(np.unique(code)) < len(code)


def _fallback(plan: Plan) -> Integers:
    """Return codes of full name and date of birth, where nobody has a pseudonym twice."""
    from mse.intake.linkage.evidence import joined_codes

    born = plan.records.parts.get(BIRTH_DATE, plan.records.parts.get(BIRTH_YEAR))
    assert born is not None
    return joined_codes([plan.full, born]).astype(np.int64)


def _different(plan: Plan, rng: np.random.Generator) -> list[tuple[Integers, Integers]]:
    """Return pairs that are sure to be different persons: of one full name, of one date of birth, of one name."""
    parts = plan.records.parts
    found = []
    year = parts.get(BIRTH_YEAR, parts.get(BIRTH_DATE))
    for code in (plan.full, parts.get(GIVEN, plan.full), parts.get(SURNAME, plan.full)):
        left, right = sample_pairs(code, SAMPLE, rng)
        if year is not None:
            a, b = year[left], year[right]
            far = (a >= 0) & (b >= 0) & (np.abs(a - b) > 1)
            found.append((left[far], right[far]))
    if BIRTH_DATE in parts:
        left, right = sample_pairs(parts[BIRTH_DATE], SAMPLE, rng)
        unlike = plan.records.person[left] != plan.records.person[right]
        for name in (SOUND, SURNAME, GIVEN):
            if name in parts:
                a, b = parts[name][left], parts[name][right]
                unlike &= (a >= 0) & (b >= 0) & (a != b)
        found.append((left[unlike], right[unlike]))
    return found


def _equal_pairs(plan: Plan, person: Integers) -> tuple[Array, float]:
    """Return the pairs of different pseudonyms with one full name, by class, and with one date of birth."""
    classes = full_classes(plan.comparisons[0])
    known = plan.full >= 0
    both = np.unique(np.stack([person[known], plan.full[known]]), axis=1, return_counts=True)
    size = np.bincount(plan.full[known]).astype(np.float64)
    common = np.zeros(len(size), dtype=np.int64)
    common[plan.full[known]] = name_class(plan.common[known] - 1)
    full = np.bincount(common, weights=size * (size - 1.0) / 2.0, minlength=classes)
    kept = both[1].astype(np.float64)
    full -= np.bincount(common[both[0][1]], weights=kept * (kept - 1.0) / 2.0, minlength=classes)
    if BIRTH_DATE not in plan.records.parts:
        return full, 0.0
    date = plan.records.parts[BIRTH_DATE]
    size = np.bincount(date[date >= 0]).astype(np.float64)
    _, one = np.unique(np.stack([person[date >= 0], date[date >= 0]]), axis=1, return_counts=True)
    return full, float((size * (size - 1.0)).sum() / 2.0 - (one * (one - 1.0)).sum() / 2.0)


def _start(comparison: Comparison) -> Array:
    """Return the probabilities among matches that EM starts from."""
    out = np.full(len(comparison.levels), 1.0)
    domain = np.array(comparison.domain)
    first = np.zeros(len(domain), dtype=bool)
    first[: full_classes(comparison) if comparison.kind == "names" else 1] = True
    first |= np.array([level.endswith(" equal") for level in comparison.levels]) & (domain > 0)
    for d in np.unique(domain):
        one, rest = (domain == d) & first, (domain == d) & ~first
        out[one], out[rest] = (1.0 - ERRORS) / max(one.sum(), 1), ERRORS / max(rest.sum(), 1)
    return out


def _tally(level: Levels, levels: int) -> Array:
    return np.bincount(level[level >= 0], minlength=levels).astype(np.float64)
