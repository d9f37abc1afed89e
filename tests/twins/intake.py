"""Slow plain versions of linkage, referrals and tabulation: dictionaries and loops over rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

Row = dict[str, Any]


def link_exactly(rows: list[Row]) -> list[int]:
    """Return the person of every row by union-find over equal keys, and over rows of one registration."""
    parent = list(range(len(rows)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    first: dict[Any, int] = {}
    for i, row in enumerate(rows):
        same = ("key", row["key"]) if row["key"] is not None else ("row", row["list"], row["source"], row["row"])
        if same in first:
            parent[root(i)] = root(first[same])
        first.setdefault(same, i)
    return [root(i) for i in range(len(rows))]


def without_referrals(rows: list[Row], person: list[int], lists: list[str]) -> list[int]:
    """Return the rows that stay when referrals are removed."""
    on = defaultdict(set)
    for row, who in zip(rows, person, strict=True):
        on[who].add(row["list"])
    referral = [
        row["referred_from"] not in (None, row["list"]) and row["referred_from"] in on[who]
        for row, who in zip(rows, person, strict=True)
    ]
    keep = {i for i, gone in enumerate(referral) if not gone}
    for who in set(person):
        mine = [i for i, x in enumerate(person) if x == who]
        if not keep.intersection(mine):
            keep.add(
                min(
                    mine,
                    key=lambda i: (rows[i]["date"], lists.index(rows[i]["list"]), rows[i]["source"], rows[i]["row"]),
                )
            )
    return sorted(keep)


def decide(rule: str, given: list[tuple[str, str]], lists: list[str], levels: list[str]) -> str | None:
    """Return the label of a unit from what was given, pairs of list and label."""
    labels = {label for _, label in given}
    if not labels:
        return None
    if rule == "first":
        return min(labels, key=levels.index)
    if rule == "combined":
        return " + ".join(sorted(labels, key=levels.index))
    voters = {label: {name for name, x in given if x == label} for label in labels}
    return min(labels, key=lambda x: (-len(voters[x]), min(map(lists.index, voters[x])), levels.index(x)))


def tabulate(
    rows: list[Row], person: list[int], lists: list[str], levels: dict[str, list[str]], *, unit: str = "person-year",
    rules: dict[str, str] | None = None, blind: dict[str, dict[str, list[str]]] | None = None,
) -> Counter[tuple[Any, ...]]:  # fmt: skip
    """Return units by history (a frozen set of lists) and labels."""
    years = defaultdict(set)
    for row, who in zip(rows, person, strict=True):
        if row["year"] is not None:
            years[who].add(row["year"])
    units = defaultdict(list)
    for row, who in zip(rows, person, strict=True):
        year = row["year"]
        if year is None and len(years[who]) == 1:
            year = next(iter(years[who]))
        units[(who, year) if unit == "person-year" else (who, 0)].append({**row, "year": year})
    out: Counter[tuple[Any, ...]] = Counter()
    for members in units.values():
        labels: dict[str, str | None] = {}
        for dim, order in levels.items():
            given = [(row["list"], row[dim]) for row in members if row[dim] is not None]
            rule = "first" if dim == "year" else (rules or {}).get(dim, "majority")
            labels[dim] = decide(rule, given, lists, order)
        on = frozenset(row["list"] for row in members)
        for last in (False, True):
            for name, where in (blind or {}).items():
                (dim, cannot), *_ = where.items()
                if name in on and labels[dim] in cannot:
                    own = [x[dim] for x in members if x["list"] == name and x[dim] is not None and x[dim] not in cannot]
                    labels[dim] = min(own, key=levels[dim].index) if own and not last else None
        out[(on, *labels.values())] += 1
    return out
