"""A part of the total with its numbers: registered, N, in view, dark figure, rate; unrounded, or as published."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mse.publish.standing import SUPPRESSED, TOO_FEW
from mse.publish.wording.rounding import Rounded, round_point, rounded_values

if TYPE_CHECKING:
    from mse.answers.estimates import PartVerdict, Reason
    from mse.words.said import Said

Levels = Mapping[str, str]
_NONE = (math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Part:
    """The victims at some levels: registered, N with its interval, what follows from both, and what may be said of it.

    Parameters
    ----------
    levels : mapping of str to str
        By dimension; empty for the whole.
    observed : int or None
        Persons registered; None where the count is left out of what is published.
    size : Rounded
        N with its interval, persons.
    view, hidden, ratio : Rounded
        Registered as a share of N; N less registered; the latter for each registered person. Not-a-number where the
        count is left out.
    rate : Rounded or None
        N per 100,000 of `population`; None where that is not known.
    seen_rate : float
        Registered per 100,000.
    population : float or None
        Persons of the population at these levels.
    status : str
        "ok", or why its number may not be stated (`mse.publish.standing`).
    verdict : str
        Of the estimate.
    judged : PartVerdict or None
        Its own verdict; None where nobody judged it, and for the whole.
    flag : tuple of Said
        What the method says of it.
    possible : bool
        Whether anybody can be there.
    coarse : bool
        Whether its count is a rounded one.
    """

    levels: Levels
    observed: int | None
    size: Rounded
    view: Rounded
    hidden: Rounded
    ratio: Rounded
    rate: Rounded | None
    seen_rate: float
    population: float | None
    status: str
    verdict: str
    judged: PartVerdict | None = None
    flag: tuple[Said, ...] = ()
    possible: bool = True
    coarse: bool = False

    @property
    def stands(self) -> tuple[str, str]:
        """Status and verdict."""
        return self.status, self.verdict

    @property
    def stated(self) -> bool:
        """Whether its number may be stated."""
        return self.status == "ok"

    @property
    def followed(self) -> str:
        """Status of what follows from registered and N: none of it is stated where the count is left out."""
        return SUPPRESSED if self.stated and self.observed is None else self.status

    @property
    def standing(self) -> str:
        """Say ``"published"``, ``"coarsened"`` where its count is rounded on purpose, or ``"withheld"``."""
        return "withheld" if not self.stated else "coarsened" if self.coarse else "published"

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


def part_of(
    levels: Levels, observed: int | None, size: Rounded, population: float | None, *, status: str, verdict: str,
    judged: PartVerdict | None = None, flag: tuple[Said, ...] = (), possible: bool = True, coarse: bool = False,
    published: bool = False,
) -> Part:  # fmt: skip
    """Return a part, with everything that follows from registered, N and population.

    Parameters
    ----------
    levels, observed, size, population, status, verdict, judged, flag, possible, coarse
        As `Part` has them.
    published : bool
        Whether `size` is rounded, so that what follows from it is rounded, too. In view, dark figure, ratio and rate
        are one-to-one in N: their intervals are those of N carried over, so that no two numbers disagree.
    """
    n = math.nan if observed is None else float(observed)
    point, low, high = size[:3]

    def made(values: tuple[float, float, float], unit: str) -> Rounded:
        return rounded_values(*values, unit) if published else Rounded(*values, 1.0)

    scale = 1e5 / population if population else math.nan
    seen = n * scale
    return Part(
        levels, observed, size,
        view=made((_share(n, point), _share(n, high), _share(n, low)), "share"),
        hidden=made((point - n, low - n, high - n), "persons"),
        ratio=made(((point - n) / n, (low - n) / n, (high - n) / n) if n else _NONE, "ratio"),
        rate=made((point * scale, low * scale, high * scale), "per 100,000") if population else None,
        seen_rate=round_point(seen * 1e6) / 1e6 if published and math.isfinite(seen) else seen,
        population=population, status=status, verdict=verdict, judged=judged, flag=flag, possible=possible,
        coarse=coarse,
    )  # fmt: skip


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan
