"""What is said beside an estimate by shrinkage: what its interval holds, what must be true, what was done."""

from __future__ import annotations

from collections.abc import Sequence

from mse.estimators.shrinkage.manylists import LEFT_OUT
from mse.estimators.shrinkage.sharedscales import Part
from mse.words.said import Said, said

INSIDE = (said("source.strength_alike"), said("source.chance"))
CITATIONS = (
    "Tierney & Kadane (1986) Accurate approximations for posterior moments and marginal densities. JASA 81:82-86",
    "Gelman & Ghitza (2013) Deep interactions with MRP: election turnout and voting patterns among small electoral "
    "subgroups. American Journal of Political Science 57:762-776",
    "Darroch, Fienberg, Glonek & Junker (1993) A three-sample multiple-recapture approach to census population "
    "estimation with heterogeneous catchability. JASA 88:1137-1148",
    "Vehtari, Simpson, Gelman, Yao & Gabry (2024) Pareto smoothed importance sampling. JMLR 25(72)",
)
_ASSUMPTIONS = (
    said("assumed.closed"),
    said("assumed.linked_belong"),
    said("assumed.differences"),
)

SHOWN = 5
"""Strata that are named where nobody was observed."""


def _saturated(part: Part) -> bool:
    return part.largest == len(part.lists)


def outside(parts: Sequence[Part]) -> tuple[Said, ...]:
    """Return the sources of uncertainty that the interval leaves out."""
    first = () if all(_saturated(p) for p in parts) else (said("source.all_lists"),)
    return (*first, said("source.linkage"), said("source.prior"), said("source.truth"))


def assumptions(parts: Sequence[Part]) -> tuple[Said, ...]:
    """Return what must hold."""
    k = max(len(part.lists) for part in parts)
    largest = max(part.largest for part in parts)
    if largest == k:
        return (said("assumed.all_lists_alike"), *_ASSUMPTIONS)
    first = said("assumed.no_all_lists")
    if largest < k - 1:
        more = said("assumed.no_more_than", order=largest) if largest > 1 else said("assumed.independent")
        return (more, first, *_ASSUMPTIONS)
    return (first, *_ASSUMPTIONS)


def notes(parts: Sequence[Part], left_out: float) -> tuple[Said, ...]:
    """Say what was done; `left_out` are the persons expected in cells that are not in the sum."""
    k = max(len(part.lists) for part in parts)
    largest = max(part.largest for part in parts)
    out = [said("note.two_lists_prior") if k == 2 else said("note.shrunk", order=largest)]
    if left_out > LEFT_OUT * sum(part.observed for part in parts):
        out.append(said("note.cells_left_out", count=left_out))
    if len(parts) > 1:
        out.append(said("note.scales_shared"))
        empty = [part.name for part in parts if not part.observed]
        if empty:
            more = len(empty) - SHOWN
            where = said("where.more", names=empty[:SHOWN], more=more) if more > 0 else said("where.some", names=empty)
            out.append(said("note.nobody_in", strata=where))
    return tuple(out)


def flags_of(parts: Sequence[Part]) -> tuple[tuple[Said, ...], ...]:
    """Return what to say of each stratum before its number is used."""
    out: list[tuple[Said, ...]] = []
    for part in parts:
        if not part.observed:
            out.append((said("flag.nobody"),))
        else:
            out.append((said("flag.two_lists"),) if len(part.lists) == 2 else ())
    return tuple(out)
