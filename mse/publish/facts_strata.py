"""N by stratum as a page may state it: margins of the draws beside registered counts that may leave the house."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from mse.assess.verdict import Thresholds
from mse.publish.counts import CountTable
from mse.publish.disclosure import Disclosure, SafeTable, protect
from mse.publish.facts_reading import mapping
from mse.publish.wording_rounding import Rounded, round_interval

if TYPE_CHECKING:
    from mse.publish.facts import Facts
    from mse.results import Results
    from mse.strata import StrataDraws


@dataclass(frozen=True, slots=True)
class Part:
    """One stratum or margin.

    Parameters
    ----------
    levels : tuple of str
        Of the dimensions that were asked for.
    observed : int or None
        Persons registered; None where the count may not be published.
    point, low, high : float
        Persons, unrounded.
    rounded : Rounded
        As printed; it stops at the registered count only where that one is printed too.
    too_few : bool
        Fewer registered than an estimate of its own may be stated for.
    flag : str
        What the method says of it, in English.
    """

    levels: tuple[str, ...]
    observed: int | None
    point: float
    low: float
    high: float
    rounded: Rounded
    too_few: bool
    flag: str


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Margins of the strata of a result; counts of a table that is not public have been through disclosure control.

    Parameters
    ----------
    strata : StrataDraws
        Of the headline.
    time : str or None
        The dimension that is time.
    prob : float
        Probability of the intervals.
    safe : SafeTable or None
        The registered counts of `shown_margins` as they may be published; None where all of them may be.
    """

    strata: StrataDraws
    time: str | None
    prob: float
    safe: SafeTable | None

    def margin(self, *dims: str) -> list[Part]:
        """Return the strata summed to some of the dimensions, in the order of their levels."""
        part = self.strata.margin(*dims)
        ends = np.quantile(part.draws, [(1 - self.prob) / 2, (1 + self.prob) / 2], axis=0)
        fewest = Thresholds().observed[1]
        found = []
        for i, levels in enumerate(product(*part.dimensions.values())):
            raw, point = int(part.observed[i]), float(part.point[i])
            low, high = float(ends[0, i]), float(ends[1, i])
            observed = self._published(raw, dict(zip(part.dimensions, levels, strict=True)))
            rounded = round_interval(point, low, high, observed=observed)
            found.append(Part(levels, observed, point, low, high, rounded, raw < fewest, part.flags[i]))
        return found

    def yearly_mean(self) -> Part:
        """Return the mean over the levels of time: what one year holds on average."""
        years = len(self.strata.dimensions[self.time]) if self.time else 1
        draws = self.strata.draws.sum(axis=1) / years
        low, high = map(float, np.quantile(draws, [(1 - self.prob) / 2, (1 + self.prob) / 2]))
        point, mean = float(self.strata.point.sum()) / years, int(self.strata.observed.sum()) / years
        rounded = round_interval(point, low, high, observed=math.floor(mean))
        return Part((), round(mean), point, low, high, rounded, False, "")

    def _published(self, raw: int, levels: Mapping[str, str]) -> int | None:
        return raw if self.safe is None else self.safe.at(**levels).count


def read_parts(results: Results, facts: Facts) -> Parts | None:
    """Return the strata of a result; None where it has none."""
    strata = results.headline.strata
    if strata is None or not strata.dimensions:
        return None
    safe = None
    if not facts.public:
        publish = mapping(mapping(results.provenance.get("job")).get("publish"))
        options: dict[str, Any] = {f.name: publish[f.name] for f in fields(Disclosure) if f.name in publish}
        possible = np.ones(strata.n_strata, dtype=bool)
        margins = shown_margins(tuple(strata.dimensions), facts.time)
        safe = protect(CountTable(strata.dimensions, strata.observed, possible, margins=margins), Disclosure(**options))
    return Parts(strata, facts.time, facts.estimate.prob, safe)


def shown_margins(dimensions: Sequence[str], time: str | None) -> tuple[tuple[str, ...], ...]:
    """Return the margins that a report shows: the total, every dimension, and every dimension by time."""
    crossed = [tuple(d for d in dimensions if d in (time, dim)) for dim in dimensions if time and dim != time]
    return ((), *((dim,) for dim in dimensions), *crossed)


def truth_of(results: Results, dim: str, levels: Sequence[str]) -> list[float] | None:
    """Return the true numbers of a simulated population by level of a dimension; None where nobody knows them."""
    frame = results.tables.get("truth")
    if frame is None or dim not in frame.columns or "truth" not in frame.columns:
        return None
    sums = frame.groupby(frame[dim].astype(str))["truth"].sum()
    return [float(sums[level]) for level in levels] if set(levels) <= set(sums.index) else None
