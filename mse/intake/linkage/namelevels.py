"""On which level of the names a pair is: one comparison of surname and given name together, from both equal to neither.

Of pairs of one surname and other given names it matters whether both are names that people of other surnames have too:
an error makes a name that nobody has, and twins have names as others do. Pairs of one surname, one first given name
and one date of birth whose later given names contradict each other (`mse.intake.contradictions`) have a level of their
own: they are not of one full name.
"""

from __future__ import annotations

import numpy as np

from mse.intake.linkage.evidence import (
    EITHER_NAME,
    GIVEN,
    INITIAL,
    SOUND,
    SURNAME,
    Codes,
    Records,
    dice,
)
from mse.intake.linkage.pairplan import Comparison, Levels, Plan, are_equal, equality
from mse.kernels.arrays import Flags, Integers

COMMON = (2, 4, 8, 16)
"""Most persons with one full name in each class but the last."""
NAME_BINS = (0.85, 0.7, 0.55)
"""Dice similarities from which a level begins."""
NAME_CLK = "name_clk"
EXCHANGED, FIRST_WORD = "names in either order equal", "given name and first word of surname equal"
LATER = "first given name and surname equal, later given names not"
OTHERS = " (given names that others have)"
FILTERED = (
    ("given name equal", True, False), ("surname and initial equal", False, True), ("surname equal", False, True),
    (f"surname and initial equal{OTHERS}", False, True), (f"surname equal{OTHERS}", False, True),
    ("neither equal", False, False),
)  # fmt: skip
"""What may be equal of the names beside their Bloom filters, and whether that is given name and surname."""
_MANY = 3
"""Surnames from which a given name is one that others have: two may be one, with an error in it."""


def name_comparison(records: Records, both: bool) -> Comparison:
    """Return the comparison; `both` tells whether there are surnames and given names."""
    persons = [f"up to {n} persons" for n in COMMON] + ["more persons"]
    found = [(f"equal, a name of {text}", 0, True, True) for text in persons]
    if both and (records.later >= 0).any():
        found.append((LATER, 0, False, True))
    if both and NAME_CLK in records.filters:
        for word, given, surname in FILTERED:
            found += [(f"{word}, similarity from {x}", 0, given, surname) for x in NAME_BINS]
        found += [(f"{word}, else", 0, given, surname) for word, given, surname in FILTERED[:-1]]
    elif both:
        if EITHER_NAME in records.parts:
            found += [(EXCHANGED, 0, False, False), (FIRST_WORD, 0, True, False)]
        found += [("sound and given name equal", 0, True, False), ("given name equal", 0, True, False)]
        found += [(f"{word}{more}", 0, False, True) for more in ("", OTHERS)
                  for word in ("surname and initial equal", "surname equal")]  # fmt: skip
        found += [("sound and initial equal", 0, False, False), ("sound equal", 0, False, False)]
    elif SURNAME in records.parts:
        found.append(("sound equal", 0, False, False))
    else:
        found.append(("initial equal", 0, False, False))
    found.append(("different", 0, False, False))
    if both:
        found += [("surname missing, given name equal", 1, True, False),
                  ("surname missing, given name different", 1, False, False),
                  ("given name missing, surname equal", 2, False, True),
                  ("given name missing, surname different", 2, False, False)]  # fmt: skip
    levels, domain, equal, family = zip(*found, strict=True)
    return Comparison("names", levels, domain, "names", equal, family)


def how_common(records: Records, full: Codes) -> Integers:
    """Return how many pseudonyms have the full name of a registration."""
    first = (records.person == np.arange(len(records))) & (full >= 0)
    return np.bincount(full[first], minlength=int(full.max(initial=0)) + 1)[np.maximum(full, 0)]


def given_of_others(records: Records, full: Codes) -> Flags:
    """Return whether people of other surnames have the given name of a registration; of none where there are none."""
    given = records.parts.get(GIVEN)
    if given is None or SURNAME not in records.parts:
        return np.zeros(len(records), dtype=bool)
    known = full >= 0
    _, first = np.unique(full[known], return_index=True)  # a full name is a surname of a given name
    count = np.bincount(given[known][first], minlength=int(given.max(initial=0)) + 1)
    return np.asarray((count[np.maximum(given, 0)] >= _MANY) & (given >= 0))


def name_class(persons: Integers) -> Levels:
    """Return the class of a full name that so many persons have."""
    return np.searchsorted(np.array(COMMON), persons, side="left").astype(np.int16)


def _full_class(plan: Plan, left: Integers, right: Integers) -> Levels:
    """Return the class of the full name of pairs that have one, were each pair one person.

    Two pseudonyms of one person are counted once: a name would be more common for every error in it otherwise, among
    matches and not among others.
    """
    twice = plan.records.person[left] != plan.records.person[right]
    return name_class(plan.common[left] - twice)


def name_levels(plan: Plan, comparison: Comparison, left: Integers, right: Integers) -> Levels:
    """Return the level of every pair, -1 where nothing can be compared."""
    parts, place = plan.records.parts, {level: i for i, level in enumerate(comparison.levels)}
    both = SURNAME in parts and GIVEN in parts
    full = are_equal(plan.full, left, right)
    if not both:
        near = SOUND if SURNAME in parts else INITIAL
        known = (plan.full[left] >= 0) & (plan.full[right] >= 0)
        level = np.full(len(left), place["different"])
        if near in parts:
            level[are_equal(parts[near], left, right)] = len(COMMON) + 1
        level = np.where(full, _full_class(plan, left, right), level)
        return np.where(known, level, -1).astype(np.int16)
    family, first = (equality(parts[x], left, right) for x in (SURNAME, GIVEN))
    others = plan.shared[left] & plan.shared[right]
    level = np.full(len(left), place["different"])
    sound, initial = (are_equal(parts[x], left, right) if x in parts else np.zeros(len(left), dtype=bool)
                      for x in (SOUND, INITIAL))  # fmt: skip
    if NAME_CLK in plan.records.filters:
        alike = dice(plan.records.filters[NAME_CLK], left, right)
        bin_ = np.searchsorted(-np.array(NAME_BINS), -np.nan_to_num(alike), side="left")
        which = np.where(first == 0, 0, np.where(family == 0, np.where(initial, 1, 2) + 2 * others, 5))
        inside = bin_ < len(NAME_BINS)
        start = place[f"{FILTERED[0][0]}, similarity from {NAME_BINS[0]}"]
        level = np.where(inside, start + which * len(NAME_BINS) + bin_, level)
        for i, (word, _, _) in enumerate(FILTERED[:-1]):
            level[~inside & (which == i)] = place[f"{word}, else"]
    else:
        one = family == 0
        for mask, word in ((sound, "sound equal"), (sound & initial, "sound and initial equal"),
                           (first == 0, "given name equal"), (one, "surname equal"),
                           (one & initial, "surname and initial equal"), (one & others, f"surname equal{OTHERS}"),
                           (one & initial & others, f"surname and initial equal{OTHERS}"),
                           ((first == 0) & sound, "sound and given name equal")):  # fmt: skip
            level[mask] = place[word]
        if EITHER_NAME in parts:
            either = are_equal(parts[EITHER_NAME], left, right)
            level[either & (first == 1) & (family == 1)] = place[EXCHANGED]
            level[either & (first == 0) & (family == 1)] = place[FIRST_WORD]
    level = np.where(full, _full_class(plan, left, right), level)
    if LATER in place:
        level[full & later_differ(plan.records, left, right)] = place[LATER]
    lacks_family, lacks_first = family < 0, first < 0
    level = np.where(lacks_family, place["surname missing, given name equal"] + first, level)
    level = np.where(lacks_first, place["given name missing, surname equal"] + family, level)
    return np.where(lacks_family & lacks_first, -1, level).astype(np.int16)


def later_differ(records: Records, left: Integers, right: Integers) -> Flags:
    """Return whether one identity stands with different given names after the first."""
    return are_equal(records.identity, left, right) & np.asarray(equality(records.later, left, right) == 1)
