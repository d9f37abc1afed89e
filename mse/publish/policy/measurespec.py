"""What a job says of a measure, and what the verdict on its effect is held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from mse.errors import Problem, names_of
from mse.evidence.interruption import read_date
from mse.publish.figures.figurespec import BreakTexts, Language, Limits, Persons
from mse.settings.specchecks import Checked, Placed
from mse.settings.specfields import WITHIN, Between
from mse.words.said import said


@dataclass(frozen=True, slots=True)
class MeasureSpec(Checked):
    """A measure: when, and what.

    Parameters
    ----------
    at : str
        From when on: "2018", "2018-05" or "2018-05-01"; of a period around it the part behind it counts.
    text : str
        What was decided, in words: "the law asks consent of victims".
    texts : mapping of str to BreakTexts
        The same text in other languages, by language.
    """

    at: str
    text: str
    texts: Mapping[Language, BreakTexts] = field(default_factory=dict)

    def together(self) -> Placed:
        """Yield what does not fit together."""
        if read_date(self.at) is None:
            yield ("at",), Problem(said("policy.date"), said("policy.date_allowed"), said("do.correct"), value=self.at)


@dataclass(frozen=True, slots=True)
class PolicyLimits(Checked):
    """What the verdict on an effect is held against: of a pair, the first asks for caution and the second forbids.

    Parameters
    ----------
    few : tuple of int
        Fewer persons a period than this, on average.
    wide : tuple of float
        Upper over lower end of what the level change leaves.
    alike : float
        How many times as wide the interval of level or slope may be for one correlation of neighbouring periods as for
        another that the series leaves possible, before caution is asked for.
    placebo : float
        A larger share of other dates with a change as large than this: caution.
    """

    few: Persons = (30, 10)
    wide: Limits = (2.0, 5.0)
    alike: Annotated[float, Between(1.0, 100.0)] = 2.5
    placebo: Annotated[float, WITHIN] = 0.2

    def together(self) -> Placed:
        """Yield the pairs in which what forbids comes before what asks for caution."""
        for name, falls in (("few", True), ("wide", False)):
            pair = tuple(getattr(self, name))
            if pair != tuple(sorted(pair, reverse=falls)):
                yield (name,), Problem(said("setting.order", name=name), said("allowed.caution_then_forbids"),
                                       said("do.correct"), value=str(names_of(pair)))  # fmt: skip
