"""The effect of a measure on registered counts as it may be published: rounded, judged, in sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mse.answers.estimates import LEVELS
from mse.computing.csvtext import csv_text
from mse.evidence.interruption import Alike, Effect, Interruption, read_date, read_period
from mse.publish.figures.figuresentences import Speaker
from mse.publish.figures.figurespec import Chosen, SourceSpec
from mse.publish.openfolders import as_json, speaker_of
from mse.publish.policy.measurespec import MeasureSpec, PolicyLimits
from mse.publish.standing import OK, TOO_FEW, WITHHELD
from mse.publish.wording.rounding import Rounded, round_point, rounded_values
from mse.words.said import Said, said

FORMAT = "mse-policy/1"


@dataclass(frozen=True, slots=True, eq=False)
class ShownMeasure:
    """The effect of a measure, all of which may leave the house.

    Parameters
    ----------
    title : str
        Of the job.
    measure : MeasureSpec
        When, and what.
    source : SourceSpec
        Who is counted, and who publishes it.
    where : mapping
        Of whom.
    found : Interruption
        What became of the published counts.
    left_out : tuple of str
        Periods whose count may not be published, or was not there.
    limits : PolicyLimits
        Of the verdict.
    rule : Said
        How counts were controlled.
    speakers : mapping of str to Speaker
        Languages, the first is the job's.
    titles : mapping of str to str
        The title by language.
    pdf : bool
        Whether the job asks for the pages as PDF too.
    """

    title: str
    measure: MeasureSpec
    source: SourceSpec
    where: Chosen
    found: Interruption
    left_out: tuple[str, ...]
    limits: PolicyLimits
    rule: Said
    speakers: Mapping[str, Speaker]
    titles: Mapping[str, str]
    pdf: bool = False

    @property
    def status(self) -> str:
        """``"ok"``, or why no effect is stated."""
        found, limits = self.found, self.limits
        if found.counts.mean() < limits.few[1]:
            return TOO_FEW
        return WITHHELD if math.exp(found.level.high - found.level.low) > limits.wide[1] else OK

    @property
    def reasons(self) -> tuple[Said, ...]:
        """What asks for caution."""
        found, limits, reasons = self.found, self.limits, []
        if found.counts.mean() < limits.few[0]:
            reasons.append(said("policy.few", limit=limits.few[0]))
        if math.exp(found.level.high - found.level.low) > limits.wide[0]:
            reasons.append(said("keyfigure.wide"))
        if found.alike.times_as_wide > limits.alike:
            reasons.append(said("policy.reason_alike"))
        if found.placebos and found.placebo_share > limits.placebo:
            reasons.append(said("policy.reason_placebo"))
        if self.left_out:
            reasons.append(said("policy.reason_left_out"))
        if self.breaks():
            reasons.append(said("policy.reason_break"))
        return tuple(reasons)

    @property
    def verdict(self) -> str:
        """Of the effect."""
        return LEVELS[2 if self.status != OK else 1 if self.reasons else 0]

    def breaks(self) -> tuple[int, ...]:
        """Return the breaks in how the source counts that lie in the period of the date or next to it."""
        date = read_date(self.measure.at) or 0.0
        length = getattr(read_period(self.found.periods[0]), "length", 1.0)
        starts = ((i, read_period(x.at)) for i, x in enumerate(self.source.breaks))
        return tuple(i for i, x in starts if x is not None and abs(x.start - date) <= length)

    def change(self, effect: Effect) -> Rounded:
        """Return an effect as a change: −0.4 is two fifths less; none where no effect is stated."""
        if self.status != OK:
            return Rounded(math.nan, math.nan, math.nan, 1.0)
        return rounded_values(math.expm1(effect.point), math.expm1(effect.low), math.expm1(effect.high), "share")

    # ---- words ---------------------------------------------------------------------------------------------

    def speaker(self, language: str | None = None) -> Speaker:
        """Return who speaks a language.

        Raises
        ------
        InputError
            When the job does not ask for that language.
        """
        return speaker_of(self.speakers, language)

    def who(self, to: Speaker) -> str:
        """Return who is counted, in words."""
        levels = [
            to.level(x) for chosen in self.where.values() for x in ([chosen] if isinstance(chosen, str) else chosen)
        ]
        persons = to.text(self.source, "persons")
        if not levels:
            return persons
        return to.say.said(said("keyfigure.who", persons=persons, levels=", ".join(levels)))

    def sentences(self, language: str | None = None) -> tuple[str, ...]:
        """Return what became of the counts, what stands against it, and the source, in the first language at first.

        Raises
        ------
        InputError
            When the job does not ask for that language.
        """
        to = self.speaker(language)
        told = [*self._effects(to), said("policy.meaning"), self._alike(), self._placebo()]
        for i in self.breaks():
            told.append(said("policy.same_date", text=to.text(self.source.breaks[i], "text")))
        if self.left_out:
            told.append(said("policy.left_out", periods=self.left_out))
        if self.status == OK and self.reasons:
            told.append(said("keyfigure.caution", reasons=self.reasons))
        texts = {name: to.text(self.source, name) for name in ("publisher", "definition")}
        extracted: Said | str = ""
        if self.source.extracted:
            extracted = said("keyfigure.extracted", date=to.say.date(self.source.extracted))
        period = f"{self.found.periods[0]}–{self.found.periods[-1]}"
        told.append(said("keyfigure.source", period=period, extracted=extracted, **texts))
        return tuple(to.say.said(x) for x in told)

    def _effects(self, to: Speaker) -> list[Said]:
        who, text, at = self.who(to), to.text(self.measure, "text"), self.measure.at
        if self.status == TOO_FEW:
            why = said("keyfigure.why_few", limit=self.limits.few[1])
            return [said("policy.nothing", who=who, text=text, at=at, why=why)]
        if self.status != OK:
            return [said("policy.nothing", who=who, text=text, at=at, why=said("keyfigure.why_wide"))]
        level, slope, last = (self.change(x) for x in (self.found.level, self.found.slope, self.found.last))
        shown = level.low > 0 or level.high < 0
        values = {"who": who, "text": text, "at": at, "change": to.change(level.point), "interval": _ends(level, to)}
        sentences = [said("policy.level", **values) if shown else said("policy.level_none", **values)]
        sentences.append(said("policy.slope", change=to.change(slope.point), interval=_ends(slope, to)))
        sentences.append(
            said("policy.last", period=self.found.periods[-1], count=int(self.found.counts[-1]), who=who,
                 without=int(round_point(float(self.found.without[-1]))), change=to.change(last.point),
                 interval=_ends(last, to))
        )  # fmt: skip
        return sentences

    def _alike(self) -> Said:
        point, low, high, times = self.found.alike
        if times > self.limits.alike:
            return said("policy.alike_unknown", low=low, high=high, times=times)
        return said("policy.alike", alike=point, low=low, high=high, times=times, prob=self.found.prob)

    def _placebo(self) -> Said:
        placebos = self.found.placebos
        if not placebos:
            return said("policy.no_placebo")
        larger = sum(abs(x.level.z) >= abs(self.found.level.z) for x in placebos)
        return said("policy.placebo", count=len(placebos), larger=larger)

    # ---- files ---------------------------------------------------------------------------------------------

    def to_pandas(self) -> pd.DataFrame:
        """Return a row per period: ``period``, ``count``, ``expected``, ``without`` (the trend before), rounded.

        The last two are missing where no effect is stated.
        """
        found = self.found
        frame = pd.DataFrame({"period": found.periods, "count": found.counts})
        for name in ("expected", "without"):
            fitted = [int(round_point(float(x))) if self.status == OK else None for x in getattr(found, name)]
            frame[name] = pd.array(fitted, dtype="Int64")
        return frame

    def as_record(self) -> dict[str, Any]:
        """Return what `policy.json` holds."""
        found = self.found
        return {
            "format": FORMAT, "title": self.title, "at": self.measure.at, "text": self.measure.text,
            "persons": self.source.persons, "publisher": self.source.publisher, "definition": self.source.definition,
            "where": {dim: x if isinstance(x, str) else list(x) for dim, x in self.where.items()},
            "prob": found.prob, "status": self.status, "verdict": self.verdict,
            "reasons": [x.as_record() for x in self.reasons],
            "level": _entry(self.change(found.level)), "slope_per_year": _entry(self.change(found.slope)),
            "last_period": _entry(self.change(found.last)),
            "spread": round(found.spread, 2), **_alike_entry(found.alike),
            "placebos": [{"period": x.period, **_entry(self.change(x.level)), "z": round(x.level.z, 1)}
                         for x in found.placebos],
            "placebo_share": round(found.placebo_share, 3) if found.placebos else None,
            "periods": [{k: None if v is pd.NA else v for k, v in row.items()}
                        for row in self.to_pandas().to_dict("records")], "left_out": list(self.left_out),
            "disclosure": str(self.rule),
            "sentences": {language: list(self.sentences(language)) for language in self.speakers},
        }  # fmt: skip


def policy_json(found: ShownMeasure) -> str:
    """Return the effect of a measure as JSON."""
    return as_json(found.as_record())


def policy_csv(found: ShownMeasure) -> str:
    """Return the periods as CSV."""
    return csv_text(found.to_pandas())


def _alike_entry(alike: Alike) -> dict[str, float]:
    """Return the correlation of neighbouring periods as `policy.json` has it."""
    return {"alike": round(alike.point, 2), "alike_low": round(alike.low, 2), "alike_high": round(alike.high, 2),
            "alike_times_as_wide": round(alike.times_as_wide, 2)}  # fmt: skip


def _ends(value: Rounded, to: Speaker) -> str:
    ends = to.say("format.range", low=to.change(value.low), high=to.change(value.high))
    return to.say.said(said("keyfigure.interval", level=to.say.level(to.prob), ends=ends))


def _entry(value: Rounded) -> dict[str, float | None]:
    return {x: getattr(value, x) if math.isfinite(getattr(value, x)) else None for x in ("point", "low", "high")}
