"""N by stratum as a page may state it: margins of the draws beside registered counts that may leave the house."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from mse.publish.facts.margins import margin_points
from mse.publish.registered import Registered, registered, stated_values
from mse.publish.standing import SUPPRESSED, TOO_FEW, parts_by_levels, standing
from mse.publish.wording.rounding import Rounded

if TYPE_CHECKING:
    from mse.answers.estimates import PartVerdict, Reason
    from mse.answers.results import Results
    from mse.answers.strata import StrataDraws
    from mse.publish.facts.statements import Facts
    from mse.words.said import Said


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
        Persons, unrounded: they order parts, and are never shown.
    rounded : Rounded
        As printed; it stops at the registered count only where that one is printed too.
    status : str
        "ok", or why its number may not be stated (`mse.publish.standing`).
    judged : PartVerdict or None
        Its verdict; None where nobody judged it, and for what is no part of its own.
    flag : tuple of Said
        What the method says of it.
    """

    levels: tuple[str, ...]
    observed: int | None
    point: float
    low: float
    high: float
    rounded: Rounded
    status: str
    judged: PartVerdict | None
    flag: tuple[Said, ...]

    @property
    def stated(self) -> bool:
        """Whether its number may be stated."""
        return self.status == "ok"

    @property
    def too_few(self) -> bool:
        """Whether there are too few data for a number of its own."""
        return self.status == TOO_FEW

    @property
    def unstated(self) -> str:
        """Why there is no number, as the catalogue calls it."""
        if self.status == SUPPRESSED:
            return "suppressed"
        return "too_few" if self.too_few else "not_cited"

    @property
    def against(self) -> tuple[Reason, ...]:
        """What forbids its own number, other than too few data."""
        own = () if self.stated or self.too_few or self.judged is None else self.judged.reasons
        return tuple(reason for reason in own if reason.level == "do not publish")

    @property
    def doubtful(self) -> tuple[Reason, ...]:
        """What asks for caution with its own number."""
        return self.judged.reasons if self.stated and self.judged is not None else ()

    @property
    def sizes(self) -> tuple[float, float, float]:
        """Point and ends of the interval, unrounded."""
        return self.point, self.low, self.high


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
    credible : bool
        Whether these are draws of a posterior: a number is then the median of its own draws.
    judged : mapping of set of pairs to PartVerdict
        Verdicts by levels.
    safe : Registered or None
        The registered counts of `shown_margins` as they may be published; None where all of them may be.
    """

    strata: StrataDraws
    time: str | None
    prob: float
    credible: bool
    judged: Mapping[frozenset[tuple[str, str]], PartVerdict]
    safe: Registered | None

    def margin(self, *dims: str) -> list[Part]:
        """Return the strata summed to some of the dimensions, in the order of their levels."""
        part = self.strata.margin(*dims)
        ends = np.quantile(part.draws, [(1 - self.prob) / 2, (1 + self.prob) / 2], axis=0)
        points = margin_points(part, self.credible)
        found = []
        for i, levels in enumerate(product(*part.dimensions.values())):
            raw, point = int(part.observed[i]), float(points[i])
            low, high = float(ends[0, i]), float(ends[1, i])
            where = dict(zip(part.dimensions, levels, strict=True))
            observed = self._published(raw, where)
            judged = self.judged.get(frozenset(where.items()))
            status = standing(judged) if raw or part.draws[:, i].any() else TOO_FEW
            rounded = stated_values(self.safe, point, low, high, observed)
            found.append(Part(levels, observed, point, low, high, rounded, status, judged, part.flags[i]))
        return found

    def yearly_mean(self) -> Part:
        """Return the mean over the levels of time: what one year holds on average."""
        years = len(self.strata.dimensions[self.time]) if self.time else 1
        draws = self.strata.draws.sum(axis=1) / years
        low, high = map(float, np.quantile(draws, [(1 - self.prob) / 2, (1 + self.prob) / 2]))
        point = float(margin_points(self.strata.margin(), self.credible)[0]) / years
        everybody = self._published(int(self.strata.margin().observed[0]), {})
        if everybody is None:
            return Part((), None, point, low, high, stated_values(None, point, low, high, None), "ok", None, ())
        floor = math.floor(everybody / years)
        return Part(
            (), round(everybody / years), point, low, high, stated_values(self.safe, point, low, high, floor), "ok",
            None, (),
        )  # fmt: skip

    def _published(self, raw: int, levels: Mapping[str, str]) -> int | None:
        return raw if self.safe is None else self.safe.table.at(**levels).count


def read_parts(results: Results, facts: Facts) -> Parts | None:
    """Return the strata of a result; None where it has none."""
    strata = results.headline.strata
    if strata is None or not strata.dimensions:
        return None
    safe = None if facts.public else registered(results)
    judged = parts_by_levels(facts.estimate.verdict)
    return Parts(strata, facts.time, facts.estimate.prob, facts.credible, judged, safe)


def truth_of(results: Results, dim: str, levels: Sequence[str]) -> list[float] | None:
    """Return the true numbers of a simulated population by level of a dimension; None where nobody knows them."""
    frame = results.tables.get("truth")
    if frame is None or dim not in frame.columns or "truth" not in frame.columns:
        return None
    sums = frame.groupby(frame[dim].astype(str))["truth"].sum()
    return [float(sums[level]) for level in levels] if set(levels) <= set(sums.index) else None
