"""Numbers of key figures with their intervals and verdicts, from published counts and published estimates alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from mse.answers.estimates import LEVELS, Level
from mse.evidence.chain import proportion_interval, ratio_interval
from mse.kernels.arrays import Array
from mse.publish.figures.figurespec import Break, FigureLimits, FigureSpec, SourceSpec
from mse.publish.figures.figuretables import Cell, ShownSource
from mse.publish.standing import OK, SUPPRESSED, TOO_FEW, WITHHELD
from mse.publish.wording.rounding import Rounded, rounded_values
from mse.words.said import Said, said

if TYPE_CHECKING:
    from mse.publish.figures.figureestimates import ShownEstimate

NONE = Rounded(math.nan, math.nan, math.nan, 1.0)
MOST_WHOLE = 10
"""Largest denominator of a share in words."""
NEAR = 0.025
"""How far a share in words may be from the share."""


@dataclass(frozen=True, slots=True, eq=False)
class KeyFigure:
    """A key figure: what it is about, its numbers as they are published, and how far they may be cited.

    Parameters
    ----------
    spec : FigureSpec
        What was asked for; `when` is one period.
    source : SourceSpec or None
        Of the counts.
    status : str
        "ok", or why there is no number (`mse.publish.standing`).
    verdict : str
        "publish", "publish with caution" or "do not publish".
    reasons : tuple of Said
        What asks for caution, or forbids.
    unit : str
        "persons", "share", "points" (difference of shares), "change" (share of what it was), "ratio".
    value : Rounded
        The number with its interval; not-a-number where there is none.
    count, base : int or None
        Persons meant, and those that they are a share of or compared with.
    count_before, base_before : int or None
        The same in the period that it is compared with.
    now, before : Rounded
        Shares of a difference of shares; the share of what is ranked.
    level : str
        What was found to be the most frequent.
    probability : float
        Of a rank.
    estimates : tuple of ShownEstimate
        Estimates that it names.
    periods : tuple of str
        The periods of the source.
    breaks : tuple of Break
        Breaks in how the source counts between the two periods.
    deviation : int
        The most that its counts may be off, where they are rounded.
    left_out : tuple of Cell
        Cells for the sake of which no number is stated.
    ranked : tuple of (Cell, int or None)
        Of a rank the total and every level with its count, None for one that is left out: place, probability and
        verdict follow from all of them.
    """

    spec: FigureSpec
    source: SourceSpec | None
    status: str = OK
    verdict: Level = "publish"
    reasons: tuple[Said, ...] = ()
    unit: str = "persons"
    value: Rounded = NONE
    count: int | None = None
    base: int | None = None
    count_before: int | None = None
    base_before: int | None = None
    now: Rounded = NONE
    before: Rounded = NONE
    level: str = ""
    probability: float = math.nan
    estimates: tuple[ShownEstimate, ...] = ()
    periods: tuple[str, ...] = ()
    breaks: tuple[Break, ...] = ()
    deviation: int = 0
    left_out: tuple[Cell, ...] = ()
    ranked: tuple[tuple[Cell, int | None], ...] = ()


def cell(time: str | None, when: str | None, *chosen: Mapping[str, str | tuple[str, ...]]) -> Cell:
    """Return the cell of some levels in a period; later choices stand in for earlier ones of a dimension."""
    levels: dict[str, tuple[str, ...]] = {}
    for one in chosen:
        levels |= {dim: (x,) if isinstance(x, str) else tuple(x) for dim, x in one.items()}
    if time is not None and when is not None:
        levels[time] = (when,)
    return tuple(sorted(levels.items()))


def cells_behind(figure: FigureSpec, time: str | None, levels: Mapping[str, Sequence[str]]) -> list[Cell]:
    """Return the cells that a figure rests on, in the order in which `key_figure` takes them."""

    def at(when: str | None, *chosen: Mapping[str, str | tuple[str, ...]]) -> Cell:
        return cell(time, when, *chosen)

    now, then, where, of = figure.when, figure.against, figure.where, figure.of
    match figure.kind:
        case "share":
            return [at(now, of, where), at(now, of)]
        case "share change":
            return [at(now, of, where), at(now, of), at(then, of, where), at(then, of)]
        case "change":
            return [at(now, where), at(then, where)]
        case "multiple":
            return [at(now, where), at(then, where) if then is not None else at(now, of)]
        case "rank":
            dim = str(figure.dimension)
            return [at(now, where), *(at(now, where, {dim: x}) for x in levels[dim])]
        case "total" | "in view":
            return [at(now, where)]
    return []


def told_cells(figure: KeyFigure) -> list[tuple[Cell, int | None]]:
    """Return the cells of which a figure tells, with their counts; None for one that it leaves out.

    The words of a rank tell of all levels: which are smaller, and by its probability how much. So all of them count as
    told, as far as they were protected to be.
    """
    if figure.source is None:
        return []
    if figure.spec.kind == "rank":
        return list(figure.ranked)
    cells = cells_behind(figure.spec, figure.source.time, {})
    counts = (figure.count, figure.base, figure.count_before, figure.base_before)
    stated = [(at, n) for at, n in zip(cells, counts, strict=False) if n is not None]
    return [*stated, *((at, None) for at in figure.left_out)]


def key_figure(
    figure: FigureSpec,
    source: ShownSource | None,
    estimates: Sequence[ShownEstimate],
    limits: FigureLimits,
    prob: float,
) -> KeyFigure:
    """Return a key figure.

    Parameters
    ----------
    figure : FigureSpec
        What is asked for, of one period.
    source : ShownSource or None
        Its source, as it may be published.
    estimates : sequence of ShownEstimate
        Estimates that it names, as they may be published.
    limits : FigureLimits
        What the verdict holds it against.
    prob : float
        Probability of the intervals.
    """
    made = KeyFigure(figure, None if source is None else source.spec, estimates=tuple(estimates))
    if source is None:
        return _estimated(made)
    made = replace(made, periods=source.periods, deviation=source.deviation)
    cells = cells_behind(figure, source.spec.time, source.dimensions)
    counts = [source.counts[x] for x in cells]
    if figure.kind == "rank":
        made = replace(made, ranked=tuple(zip(cells, counts, strict=True)))
        return _ranked(made, counts, source.dimensions[str(figure.dimension)], limits, prob)
    if any(count is None for count in counts):
        hidden = tuple(x for x, count in zip(cells, counts, strict=True) if count is None)
        made = replace(made, left_out=tuple(dict.fromkeys(hidden)))
        return replace(made, status=SUPPRESSED, verdict="do not publish", reasons=(said("keyfigure.why_suppressed"),))
    whole = [count for count in counts if count is not None]
    match figure.kind:
        case "share":
            return _share(made, whole, limits, prob)
        case "share change":
            return _across_breaks(_share_change(made, whole, limits, prob))
        case "change" | "multiple":
            return _across_breaks(_compared(made, whole, limits, prob))
        case "in view":
            return _in_view(made, whole[0])
    return replace(made, count=whole[0], value=Rounded(float(whole[0]), math.nan, math.nan, 1.0))


# ---- the kinds ---------------------------------------------------------------------------------------------


def _share(made: KeyFigure, counts: Sequence[int], limits: FigureLimits, prob: float) -> KeyFigure:
    count, base = min(counts[0], counts[1]), counts[1]  # rounded counts may be one multiple apart the wrong way
    made = replace(made, unit="share", count=counts[0], base=base)
    if base < max(1, limits.few[1]):
        return _without(made, TOO_FEW, said("keyfigure.why_few", limit=limits.few[1]))
    value = rounded_values(count / base, *proportion_interval(count, base, prob), "share")
    made = _warned(replace(made, value=value), base, limits)
    return _width(made, value.high - value.low, limits.wide_share)


def _share_change(made: KeyFigure, counts: Sequence[int], limits: FigureLimits, prob: float) -> KeyFigure:
    """Return a difference of two shares; its interval by MOVER from those of the shares (Newcombe 1998, method 10)."""
    count, base, count_before, base_before = counts
    made = replace(made, unit="points", count=count, base=base, count_before=count_before, base_before=base_before)
    if min(base, base_before) < max(1, limits.few[1]):
        return _without(made, TOO_FEW, said("keyfigure.why_few", limit=limits.few[1]))
    x, y = min(count, base), min(count_before, base_before)
    p, q = x / base, y / base_before
    a, b = proportion_interval(x, base, prob), proportion_interval(y, base_before, prob)
    low = p - q - math.hypot(p - a.low, b.high - q)
    high = p - q + math.hypot(a.high - p, q - b.low)
    value = rounded_values(p - q, max(low, -1.0), min(high, 1.0), "share")
    now, before = rounded_values(p, *a, "share"), rounded_values(q, *b, "share")
    made = _warned(replace(made, value=value, now=now, before=before), min(base, base_before), limits)
    return _width(made, value.high - value.low, limits.wide_share)


def _compared(made: KeyFigure, counts: Sequence[int], limits: FigureLimits, prob: float) -> KeyFigure:
    """Return one count over another: as a multiple, or less one as a change."""
    count, before = counts
    change = made.spec.kind == "change"
    made = replace(made, unit="change" if change else "ratio", count=count, base=before)
    if before < max(1, limits.few[1]):
        return _without(made, TOO_FEW, said("keyfigure.why_few", limit=limits.few[1]))
    ends = ratio_interval(count, before, prob)
    less = 1.0 if change else 0.0
    value = rounded_values(count / before - less, ends.low - less, ends.high - less, "share")
    made = _warned(replace(made, value=value), min(count, before) if count else before, limits)
    return _width(made, ends.high / ends.low if ends.low > 0 else math.inf, limits.wide_change)


def _in_view(made: KeyFigure, count: int) -> KeyFigure:
    """Return registered persons beside an estimate, and as a share of it where both are about one period."""
    made = replace(made, unit="share", count=count)
    (estimate,) = made.estimates
    if estimate.status != OK:
        return replace(made, status=estimate.status, verdict="do not publish", reasons=estimate.reasons)
    made = replace(made, verdict=estimate.verdict, reasons=estimate.reasons)
    size = estimate.size
    if made.spec.when is None or estimate.period != made.spec.when or size.point < max(count, 1):
        return made
    ends = (count / size.high, min(count / size.low, 1.0)) if math.isfinite(size.low) else (math.nan, math.nan)
    return replace(made, value=rounded_values(count / size.point, *ends, "share"))


def _estimated(made: KeyFigure) -> KeyFigure:
    """Return estimates side by side, with the strictest of their verdicts."""
    strictest = max(made.estimates, key=lambda x: LEVELS.index(x.verdict))
    reasons = tuple(dict.fromkeys(reason for x in made.estimates for reason in x.reasons))
    stop = next((x.status for x in made.estimates if x.status != OK), OK)
    return replace(made, status=stop, verdict=strictest.verdict, reasons=reasons, value=made.estimates[0].size)


def _ranked(
    made: KeyFigure, counts: Sequence[int | None], levels: Sequence[str], limits: FigureLimits, prob: float
) -> KeyFigure:  # fmt: skip
    """Return the level at a place of the ranking, and the probability that it truly stands there.

    Whoever is left out might be anywhere below what the others leave of the total: only a place that is sure whatever
    was left out is stated.
    """
    total, each = counts[0], counts[1:]
    seen = sorted(((n, x) for n, x in zip(each, levels, strict=True) if n is not None), key=lambda a: (-a[0], a[1]))
    out = sum(n is None for n in each)
    made = replace(made, unit="probability", base=total)
    place = made.spec.place
    if total is None or len(seen) < place:
        return replace(made, status=SUPPRESSED, verdict="do not publish", reasons=(said("keyfigure.why_suppressed"),))
    count, level = seen[place - 1]
    rest = max(total - sum(n for n, _ in seen), 0) if out else 0
    if rest >= count and out:
        return replace(made, status=SUPPRESSED, verdict="do not publish", reasons=(said("keyfigure.why_suppressed"),))
    if total < max(1, limits.few[1]):
        return _without(made, TOO_FEW, said("keyfigure.why_few", limit=limits.few[1]))
    others = [n for i, (n, _) in enumerate(seen) if i != place - 1] + ([rest] if out else [])
    chance = rank_probability(count, others, place)
    share = rounded_values(min(count / total, 1.0), *proportion_interval(min(count, total), total, prob), "share")
    made = replace(made, level=level, count=count, now=share, probability=chance,
                   value=Rounded(chance, math.nan, math.nan, 1.0))  # fmt: skip
    made = _warned(made, total, limits)
    if chance < limits.rank[1]:
        return replace(_without(made, WITHHELD, said("keyfigure.why_rank")), count=None)
    return _with_caution(made, said("keyfigure.rank")) if chance < limits.rank[0] else made


def rank_probability(count: int, others: Sequence[int], place: int = 1) -> float:
    """Return the probability that a count stands at a place of the ranking, Poisson rates with Jeffreys' prior.

    A rate is Gamma(count + 1/2); the chance that exactly place - 1 of the others are higher is an integral over the
    rate of the number of others above it (a Poisson-binomial law), by Gauss-Legendre on the quantiles of the rate.
    """
    import numpy as np
    from scipy.stats import gamma

    points, weights = _nodes()
    rates = gamma.ppf((points + 1) / 2, count + 0.5)
    law = np.zeros((len(others) + 1, rates.size))
    law[0] = 1.0
    for n in others:
        above = gamma.sf(rates, n + 0.5)
        law[1:] = law[1:] * (1 - above) + law[:-1] * above
        law[0] *= 1 - above
    return round(float((weights / 2 * law[place - 1]).sum()), 4) if place <= len(others) + 1 else 0.0


@cache
def _nodes() -> tuple[Array, Array]:
    """Return points and weights of Gauss and Legendre's rule, which take longer to find than to use."""
    import numpy as np

    points, weights = np.polynomial.legendre.leggauss(400)
    return points, weights


def in_words(value: Rounded) -> tuple[int, int] | None:
    """Return a share as "one in three": the smallest such fraction that is near it and in its interval, or none."""
    for whole in range(2, MOST_WHOLE + 1):
        part = round(value.point * whole)
        share = part / whole
        if 0 < part < whole and value.low <= share <= value.high and abs(share - value.point) <= NEAR:
            return part, whole
    return None


# ---- the verdict -------------------------------------------------------------------------------------------


def _without(made: KeyFigure, status: str, reason: Said) -> KeyFigure:
    """Return a figure without its numbers, and why."""
    return replace(made, status=status, verdict="do not publish", reasons=(reason,), value=NONE, now=NONE, before=NONE,
                   probability=math.nan, level="")  # fmt: skip


def _with_caution(made: KeyFigure, reason: Said) -> KeyFigure:
    return replace(made, verdict="publish with caution", reasons=(*made.reasons, reason))


def _warned(made: KeyFigure, persons: int, limits: FigureLimits) -> KeyFigure:
    few = persons < limits.few[0]
    return _with_caution(made, said("keyfigure.few", limit=limits.few[0])) if few else made


def _width(made: KeyFigure, width: float, limits: tuple[float, float]) -> KeyFigure:
    if width > limits[1] + 1e-9:
        return _without(made, WITHHELD, said("keyfigure.why_wide"))
    return _with_caution(made, said("keyfigure.wide")) if width > limits[0] + 1e-9 else made


def _across_breaks(made: KeyFigure) -> KeyFigure:
    """Return a comparison with caution where the source began to count otherwise between its periods."""
    assert made.source is not None
    now, then = made.spec.when, made.spec.against
    if made.status != OK or now is None or then is None:
        return made
    order = list(made.periods)
    first, last = sorted((order.index(now), order.index(then)))
    found = tuple(one for one in made.source.breaks if one.at in order[first + 1 : last + 1])
    if not found:
        return made
    return replace(_with_caution(made, said("keyfigure.broken")), breaks=found)
