"""What may be read off a posterior: a point, an interval, what is inside it, and the verdict on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

Level = Literal["publish", "publish with caution", "do not publish"]
LEVELS: tuple[Level, ...] = ("publish", "publish with caution", "do not publish")
"""The verdicts, from best to worst."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One finding of the assessment, with the figure that tripped its rule.

    Parameters
    ----------
    code : str
        Name of the rule, for example ``"humps"``; message catalogues translate by it.
    level : str
        The verdict that this finding alone would give.
    text : str
        The finding in one English sentence.
    figures : mapping of str to float
        The numbers behind it and the thresholds that they were held against.
    names : mapping of str to str
        Lists, methods and whatever else the finding names.
    """

    code: str
    level: Level
    text: str
    figures: Mapping[str, float] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PartVerdict:
    """How far the number of one part of the total may be believed on its own.

    Parameters
    ----------
    levels : mapping of str to str
        Which part: a stratum (a level of every dimension) or a margin (of one or two of them).
    level : str
        The worst of its reasons and of the verdict on the whole: no part is better than what it is a part of.
    reasons : tuple of Reason
        Its own findings, the gravest first.
    figures : mapping of str to float
        What the rules looked at: ``observed`` (persons), ``lists`` (with anybody on them), ``width`` (upper over lower
        end of the 95 % interval), and ``rhat``, ``ess_bulk``, ``ess_tail`` of log N where there are chains.
    """

    levels: Mapping[str, str]
    level: Level
    reasons: tuple[Reason, ...]
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far an estimate may be believed: the worst of its reasons.

    Parameters
    ----------
    level : str
        ``"publish"``, ``"publish with caution"`` or ``"do not publish"``.
    reasons : tuple of Reason
        Every rule that spoke, the gravest first; empty when nothing was found.
    checked : tuple of str
        Codes of all the rules that were applied, so that silence can be told from not looking.
    parts : tuple of PartVerdict
        The same for every part that the method gives a number of: margins first, then single strata.
    """

    level: Level
    reasons: tuple[Reason, ...]
    checked: tuple[str, ...]
    parts: tuple[PartVerdict, ...] = ()

    def __str__(self) -> str:
        """Return it as a sentence."""
        return self.level

    def part(self, **levels: str) -> PartVerdict | None:
        """Return the verdict on one part, for example ``part(year="2018")``; None where there is none."""
        return next((part for part in self.parts if part.levels == levels), None)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A population size with its interval and everything needed to cite it.

    Parameters
    ----------
    point, low, high : float
        Persons. `low` and `high` are the ends of the equal-tailed interval.
    prob : float
        Probability that the interval claims, for example 0.95.
    observed : int
        Persons on at least one list.
    method : str
        Name of the estimator, as given to ``mse.estimate``.
    kind : str
        What point and interval are, in words ("posterior median and credible interval", …).
    inside : tuple of str
        The sources of uncertainty that the interval contains.
    outside : tuple of str
        Those that it leaves out.
    assumptions : tuple of str
        What has to hold for the number to mean what it says.
    citations : tuple of str
        Publications of the method that was used.
    verdict : Verdict or None
        None only where nobody judged it, which the text then says.
    table : str
        Name of the table that was used.
    """

    point: float
    low: float
    high: float
    prob: float
    observed: int
    method: str
    kind: str
    inside: tuple[str, ...]
    outside: tuple[str, ...]
    assumptions: tuple[str, ...]
    citations: tuple[str, ...]
    verdict: Verdict | None
    table: str

    def __str__(self) -> str:
        """Return it as a sentence."""
        judged = "not judged" if self.verdict is None else self.verdict.level
        return (
            f"{self.point:,.0f} persons ({self.prob:.0%} interval {self.low:,.0f} to {self.high:,.0f}; "
            f"{self.observed:,} observed; {self.kind}); verdict: {judged}"
        )

    def as_dict(self) -> dict[str, object]:
        """Return the estimate as plain values, for JSON."""
        return asdict(self)
