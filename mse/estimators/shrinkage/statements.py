"""What is said beside an estimate by shrinkage: what its interval holds, what must be true, what was done."""

from __future__ import annotations

from collections.abc import Sequence

from mse.estimators.shrinkage.together import Part

INSIDE = (
    "how strong the interactions between lists are, and how alike",
    "chance in who was registered",
)
CITATIONS = (
    "Tierney & Kadane (1986) Accurate approximations for posterior moments and marginal densities. JASA 81:82-86",
    "Gelman & Ghitza (2013) Deep interactions with MRP: election turnout and voting patterns among small electoral "
    "subgroups. American Journal of Political Science 57:762-776",
    "Darroch, Fienberg, Glonek & Junker (1993) A three-sample multiple-recapture approach to census population "
    "estimation with heterogeneous catchability. JASA 88:1137-1148",
    "Vehtari, Simpson, Gelman, Yao & Gabry (2024) Pareto smoothed importance sampling. JMLR 25(72)",
)
_ASSUMPTIONS = (
    "nobody enters or leaves the population during the period",
    "persons are linked between lists without error, and every person on a list belongs to the population",
    "persons differ in their chance to be seen only in ways that interactions between lists can take up",
)


def _saturated(part: Part) -> bool:
    return part.largest == len(part.lists)


def outside(parts: Sequence[Part]) -> tuple[str, ...]:
    """Return the sources of uncertainty that the interval leaves out."""
    out = [] if all(_saturated(p) for p in parts) else [
        "an interaction among all lists at once, which no data can show"
    ]  # fmt: skip
    return (
        *out,
        "errors in linking persons between lists",
        "the choice of prior",
        "how far the assumptions are from the truth: on populations of known size such intervals cover less "
        "often than they claim",
    )


def assumptions(parts: Sequence[Part]) -> tuple[str, ...]:
    """Return what must hold."""
    k = max(len(part.lists) for part in parts)
    largest = max(part.largest for part in parts)
    first = "there is no interaction among all lists at once (the identifying assumption)"
    if largest == k:
        first = "an interaction among all lists at once is as strong as the others let expect (the prior decides)"
    elif largest < k - 1:
        more = f"there is no interaction among more than {largest} lists"
        return (more if largest > 1 else "lists are independent of each other", first, *_ASSUMPTIONS)
    return (first, *_ASSUMPTIONS)


def notes(parts: Sequence[Part]) -> tuple[str, ...]:
    """Say what was done."""
    k = max(len(part.lists) for part in parts)
    largest = max(part.largest for part in parts)
    said = []
    if k == 2:
        said.append(
            "two lists say nothing about how much they depend on each other: how far the estimate may be off for that "
            "reason comes from the prior alone"
        )
    else:
        said.append(
            f"one model with every term of up to {largest} lists; how strongly they are shrunk is learned from the "
            "table"
        )
    if len(parts) > 1:
        said.append("every stratum has coefficients of its own; the scales of the interactions are shared")
        empty = [part.name for part in parts if not part.observed]
        if empty:
            shown = ", ".join(empty[:5]) + (f" and {len(empty) - 5} more" if len(empty) > 5 else "")
            said.append(f"nobody was observed in {shown}: estimated as empty")
    return tuple(said)


def flags_of(parts: Sequence[Part]) -> tuple[str, ...]:
    """Return what to say of each stratum before its number is used."""
    out = []
    for part in parts:
        if not part.observed:
            out.append("nobody observed: estimated as empty")
        elif len(part.lists) == 2:
            out.append("2 lists only: no interaction between them can be tested here")
        else:
            out.append("")
    return tuple(out)
