"""What is compared between two registrations, and on which level a pair is: identity first, then what stands beside it.

A comparison has levels in one or more *domains*; the level of a pair is one of its domain, and probabilities add up to
one within a domain. Level -1 says nothing.

* **Names** are one comparison, from both equal to neither, since people of one nationality share surnames and given
  names and two comparisons would count that twice. To be equal in a rare name says more: full names have a level for
  each of some classes of how many persons have them. Where Bloom filters are there, the Dice similarity of two of them
  takes the place of the sound. A name that is missing on one side leaves a domain of its own.
* **Birth**: the date, with Bloom filters a similar date, the year, else; without a date the year alone.
* **Every further hashed or coarse part** of the identity: equal or not.
* **Lists**: which two lists; **tie**: on one list or two, whether one names the other as sender, how many days apart,
  for pairs that are alike in their labels apart from others: those who are found together are registered together.
* **Labels** of the strata: for each whether it is equal, apart for pairs of one full name, of one given name or
  surname, of one date of birth, and others, since a name or a year of birth tells sex, nationality and age already.
  Labels depend on each other, so that their weights are added up to a score; the level of a pair is the bin of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from mse.intake.linkage.evidence import (
    BIRTH_DATE,
    BIRTH_YEAR,
    EITHER_DAY,
    GIVEN,
    KNOWN,
    NO_DAY,
    SURNAME,
    Records,
    dice,
    joined_codes,
)
from mse.intake.linkage.namelevels import given_of_others, how_common, name_comparison, name_levels
from mse.intake.linkage.pairplan import Comparison, Levels, Plan, are_equal, equality
from mse.kernels.arrays import Array, Flags, Integers

BIRTH_BINS = (0.8, 0.6, 0.45)
"""Dice similarities from which a level begins."""
DAY_OR_MONTH = "day and month in either order equal"
DAYS = (7, 30, 70, 180, 366)
SENT_DAYS = (-7, 30, 90)
"""Days between two registrations, and from the sender's to the receiver's, up to which a level reaches."""
BIRTH_CLK = "birth_clk"

GROUPS = ("full name equal", "given name equal", "surname equal", "neither equal", "given name and date equal",
          "surname and date equal", "date equal")  # fmt: skip
"""Domains of the labels."""
BOTH_EQUAL = ((4, 1), (5, 2))
"""Domains of one name and one date of birth, each with that of the name alone."""
NEITHER, DATE = 3, 6
SCORES = (-6.0, -3.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
"""Scores of the labels, natural logs, at which a bin ends."""
LABELS, TIE = "labels", "tie"
ALIKE = (0.0, 3.0)
"""Scores of the labels, as of pairs of other names, from which labels are partly alike, and alike."""
LIKENESS = ("unlike", "partly alike", "alike")


def with_weights(plan: Plan, weights: Mapping[str, Array]) -> Plan:
    """Return the plan with one comparison in the place of the labels."""
    kept = tuple(x for x in plan.comparisons if x.name not in plan.records.labels)
    if weights:
        kept = tuple(_by_likeness(x) if x.name == TIE else x for x in kept)
    ends = [f"up to {x:g}" for x in SCORES] + ["more"]
    levels = tuple(f"score {end} ({group})" for group in GROUPS for end in ends)
    domain = tuple(np.repeat(np.arange(len(GROUPS)), len(ends)).tolist())
    labels = (Comparison(LABELS, levels, domain, "context"),) if weights else ()
    return replace(plan, comparisons=(*kept, *labels), weights=MappingProxyType(dict(weights)))


def _by_likeness(tie: Comparison) -> Comparison:
    """Return the comparison of the tie, apart for each likeness of the labels."""
    levels = tuple(f"{level} (labels {word})" for word in LIKENESS for level in tie.levels)
    domains = max(tie.domain) + 1
    return replace(tie, levels=levels, domain=tuple(d + i * domains for i in range(len(LIKENESS)) for d in tie.domain))


def tie_by_likeness(tie: Levels, equal: Sequence[Levels], weights: Sequence[Array]) -> Levels:
    """Return the levels of the tie, apart for each likeness of the labels; labels as in `score_levels`."""
    score = np.zeros(len(tie))
    for level, weight in zip(equal, weights, strict=True):
        score += np.where(level < 0, 0.0, weight[NEITHER, np.maximum(level, 0)])
    ties = 2 * (len(DAYS) + 1) + len(SENT_DAYS) + 1
    return np.where(tie < 0, -1, tie + ties * np.searchsorted(np.array(ALIKE), score, side="right")).astype(np.int16)


def score_levels(equal: Sequence[Levels], weights: Sequence[Array], group: Levels) -> Levels:
    """Return the level of pairs in the comparison of the labels: 0 for equal, 1 for different, -1 missing, by label."""
    score = np.zeros(len(group))
    known = np.zeros(len(group), dtype=bool)
    for level, weight in zip(equal, weights, strict=True):
        score += np.where(level < 0, 0.0, weight[group, np.maximum(level, 0)])
        known |= level >= 0
    level = group * (len(SCORES) + 1) + np.searchsorted(np.array(SCORES), score, side="left")
    return np.where(known, level, -1).astype(np.int16)


def make_plan(records: Records) -> Plan:
    """Return what can be compared."""
    parts = records.parts
    names = [name for name in (SURNAME, GIVEN) if name in parts]
    full = joined_codes([parts[name] for name in names])
    comparisons = [name_comparison(records, len(names) == 2), _birth(records)]
    for name in parts:
        if name not in KNOWN:
            comparisons.append(Comparison(name, ("equal", "different"), (0, 0), "part"))
    lists = [f"{i}:{j}" for i in range(records.lists) for j in range(i, records.lists)]
    comparisons.append(Comparison("lists", tuple(lists), (0,) * len(lists), "context"))
    spans = [f"up to {days} days" for days in DAYS] + ["later"]
    tie = [*(f"one list, {x}" for x in spans), *(f"two lists, {x}" for x in spans),
           "sent, before", *(f"sent, up to {days} days" for days in SENT_DAYS[1:]), "sent, later"]  # fmt: skip
    comparisons.append(Comparison(TIE, tuple(tie), (0,) * len(spans) + (1,) * (len(tie) - len(spans)), "context"))
    domain = tuple(np.repeat(np.arange(len(GROUPS)), 2).tolist())
    for name in records.labels:
        levels = tuple(f"{word} ({group})" for group in GROUPS for word in ("equal", "different"))
        comparisons.append(Comparison(name, levels, domain, "context"))
    return Plan(records, tuple(comparisons), full, how_common(records, full), given_of_others(records, full))


def _birth(records: Records) -> Comparison:
    found = [("date equal", 0)] if BIRTH_DATE in records.parts else []
    if EITHER_DAY in records.parts and found:
        found.append((DAY_OR_MONTH, 0))
    if BIRTH_CLK in records.filters and found:
        found += [(f"similarity from {x}", 0) for x in BIRTH_BINS]
    if BIRTH_YEAR in records.parts:
        found.append(("year equal", 0))
    found.append(("different", 0))
    if BIRTH_DATE in records.parts and BIRTH_YEAR in records.parts:
        found += [("date missing, year equal", 1), ("date missing, year different", 1)]
    levels, domain = zip(*found, strict=True)
    return Comparison("birth", levels, domain, "birth")


def levels_of_pairs(plan: Plan, left: Integers, right: Integers) -> Levels:
    """Return the level of every pair in every comparison, shape (pairs, comparisons); -1 says nothing."""
    records = plan.records
    out = np.full((len(left), len(plan.comparisons)), -1, dtype=np.int16)
    group = np.full(len(left), NEITHER)
    equal, weights = (
        [equality(records.labels[name], left, right) for name in plan.weights],
        list(plan.weights.values()),
    )
    for column, comparison in enumerate(plan.comparisons):
        if comparison.kind == "names":
            out[:, column] = name_levels(plan, comparison, left, right)
        elif comparison.kind == "birth":
            out[:, column] = birth = _birth_levels(records, comparison, left, right)
            group = _groups(plan, (birth == 0) & (comparison.levels[0] == "date equal"), left, right)
        elif comparison.kind == "part":
            out[:, column] = equality(records.parts[comparison.name], left, right)
        elif comparison.name == "lists":
            low, high = (f(records.place[left], records.place[right]) for f in (np.minimum, np.maximum))
            out[:, column] = low * records.lists - low * (low - 1) // 2 + high - low
        elif comparison.name == TIE:
            tie = _tie_levels(records, left, right)
            out[:, column] = tie_by_likeness(tie, equal, weights) if plan.weights else tie
        elif comparison.name == LABELS:
            out[:, column] = score_levels(equal, weights, group)
        else:
            level = equality(records.labels[comparison.name], left, right)
            out[:, column] = np.where(level < 0, -1, 2 * group + level)
    return out


def _groups(plan: Plan, same_date: Flags, left: Integers, right: Integers) -> Levels:
    """Return the domain of the labels of every pair."""
    parts, none = plan.records.parts, np.zeros(len(left), dtype=bool)
    given = are_equal(parts[GIVEN], left, right) if GIVEN in parts else none
    family = are_equal(parts[SURNAME], left, right) if SURNAME in parts else none
    group = np.where(given, 1, np.where(family, 2, NEITHER))
    group = np.where(same_date, np.array([0, 4, 5, DATE])[group], group)
    return np.where(are_equal(plan.full, left, right), 0, group).astype(np.int16)


def _birth_levels(records: Records, comparison: Comparison, left: Integers, right: Integers) -> Levels:
    place = {level: i for i, level in enumerate(comparison.levels)}
    none = np.full(len(left), -1, dtype=np.int16)
    date = equality(records.parts[BIRTH_DATE], left, right) if BIRTH_DATE in records.parts else none
    year = equality(records.parts[BIRTH_YEAR], left, right) if BIRTH_YEAR in records.parts else none
    level = np.full(len(left), place["different"])
    if BIRTH_YEAR in records.parts:
        level[year == 0] = place["year equal"]
    if BIRTH_CLK in records.filters and BIRTH_DATE in records.parts:
        alike = np.nan_to_num(dice(records.filters[BIRTH_CLK], left, right))
        bin_ = np.searchsorted(-np.array(BIRTH_BINS), -alike, side="left")
        level = np.where(bin_ < len(BIRTH_BINS), place[f"similarity from {BIRTH_BINS[0]}"] + bin_, level)
    if DAY_OR_MONTH in place:
        level[are_equal(records.parts[EITHER_DAY], left, right)] = place[DAY_OR_MONTH]
    if BIRTH_DATE not in records.parts:
        return np.where(year < 0, -1, level).astype(np.int16)
    level = np.where(date == 0, 0, level)
    if BIRTH_YEAR in records.parts:
        level = np.where(date < 0, np.where(year < 0, -1, place["date missing, year equal"] + year), level)
        return level.astype(np.int16)
    return np.where(date < 0, -1, level).astype(np.int16)


def _tie_levels(records: Records, left: Integers, right: Integers) -> Levels:
    day, place, sender = records.day, records.place, records.sender
    apart = day[right].astype(np.int64) - day[left]
    span = np.searchsorted(np.array(DAYS), np.abs(apart), side="left")
    two = place[left] != place[right]
    level = span + two * (len(DAYS) + 1)
    after = two & (sender[right] == place[left])
    before = two & (sender[left] == place[right])
    since = np.where(after, apart, -apart)
    sent = 2 * (len(DAYS) + 1) + np.searchsorted(np.array(SENT_DAYS), since, side="left")
    level = np.where(after | before, sent, level)
    return np.where((day[left] == NO_DAY) | (day[right] == NO_DAY), -1, level).astype(np.int16)
