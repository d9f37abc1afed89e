"""What may be read off a posterior: a point, an interval, what is inside it, and the verdict on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from mse.words.cards import card
from mse.words.catalogues import catalogue
from mse.words.said import Said, Value, plain_value, read_value, said, verbatim

Level = Literal["publish", "publish with caution", "do not publish"]
LEVELS: tuple[Level, ...] = ("publish", "publish with caution", "do not publish")
"""The verdicts, from best to worst."""

JUDGEMENTS: Mapping[Level, Literal["publish", "caution", "refuse"]] = {
    "publish": "publish",
    "publish with caution": "caution",
    "do not publish": "refuse",
}
"""Short names of the verdicts, under which the catalogues speak of them."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One finding of the assessment, with the figure that tripped its rule.

    Parameters
    ----------
    code : str
        Name of the rule, for example ``"humps"``; the catalogues have its words under ``reason``.
    level : str
        The verdict that this finding alone would give.
    figures : mapping of str to float
        The numbers behind it and the thresholds that they were held against.
    names : mapping of str to value
        Lists, methods and whatever else the finding names; two lists are "A:B".
    told : str
        Its English sentence in a result that was saved when findings brought their own; else empty.
    """

    code: str
    level: Level
    figures: Mapping[str, float] = field(default_factory=dict)
    names: Mapping[str, Value] = field(default_factory=dict)
    told: str = ""

    @property
    def said(self) -> Said:
        """The finding as a code and values; the words that it was saved with, where the catalogues have none for it."""
        words = catalogue().messages
        # A finding whose figure would tell of counts has none.
        plain = () if self.figures else (f"reason.{self.code}.plain",)
        keys = (*plain, f"reason.{self.code}.{JUDGEMENTS[self.level]}", f"reason.{self.code}.text")
        key = next((key for key in keys if key in words), None)
        return verbatim(self.told or self.code) if key is None else said(key, **self.figures, **self.names)

    @property
    def text(self) -> str:
        """The finding in one English sentence."""
        try:
            return str(self.said)
        except KeyError:  # an older record lacks what the words name
            return self.told

    def as_record(self, *, words: bool = True) -> dict[str, Any]:
        """Return it as JSON has it, with its words in English or without them."""
        names = {name: plain_value(value) for name, value in self.names.items()}
        record = {"code": self.code, "level": self.level, "figures": dict(self.figures), "names": names}
        return record | ({"text": self.text} if words else {"told": self.told} if self.told else {})


def reason_from(record: Mapping[str, Any]) -> Reason:
    """Return a finding from its plain values; those of older results hold its English words."""
    told = record.get("told") or record.get("text", "")
    names: dict[str, Any] = {name: read_value(value) for name, value in record.get("names", {}).items()}
    return Reason(record["code"], record["level"], record["figures"], names, told)


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

    def __repr__(self) -> str:
        """One line: the verdict and the codes of its reasons."""
        because = ", ".join(reason.code for reason in self.reasons)
        return f"<Verdict {self.level}{f': {because}' if because else ''}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return card(self.level, (), self.level, [reason.text for reason in self.reasons])

    def as_record(self, *, words: bool = True) -> dict[str, Any]:
        """Return it as JSON has it, with the words of the findings in English or without them."""

        def told(reasons: tuple[Reason, ...]) -> list[dict[str, Any]]:
            return [reason.as_record(words=words) for reason in reasons]

        parts = [
            {"levels": dict(x.levels), "level": x.level, "reasons": told(x.reasons), "figures": dict(x.figures)}
            for x in self.parts
        ]
        return {"level": self.level, "reasons": told(self.reasons), "checked": list(self.checked), "parts": parts}

    def part(self, **levels: str) -> PartVerdict | None:
        """Return the verdict on one part, for example ``part(year="2018")``; None where there is none."""
        return next((part for part in self.parts if part.levels == levels), None)


def verdict_from(record: Mapping[str, Any]) -> Verdict:
    """Return a verdict from its plain values."""
    parts = tuple(
        PartVerdict(x["levels"], x["level"], tuple(map(reason_from, x["reasons"])), x["figures"])
        for x in record.get("parts", ())
    )
    reasons = tuple(map(reason_from, record["reasons"]))
    return Verdict(record["level"], reasons, tuple(record["checked"]), parts)


@dataclass(frozen=True, slots=True)
class Span:
    """A point with the ends of its interval, persons."""

    point: float
    low: float
    high: float


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
    kind : Said
        What point and interval are ("posterior median and equal-tailed credible interval", …).
    inside : tuple of Said
        The sources of uncertainty that the interval contains.
    outside : tuple of Said
        Those that it leaves out.
    assumptions : tuple of Said
        What has to hold for the number to mean what it says.
    citations : tuple of str
        Publications of the method that was used.
    verdict : Verdict or None
        None only where nobody judged it, which the text then says.
    table : str
        Name of the table that was used.
    identified : Span or None
        The same if the identifying assumption held exactly, where departures from it are inside the interval: it stands
        beside the interval, and is not the one to cite.
    chosen : Said or None
        Which method was chosen and why, where none was named.
    """

    point: float
    low: float
    high: float
    prob: float
    observed: int
    method: str
    kind: Said
    inside: tuple[Said, ...]
    outside: tuple[Said, ...]
    assumptions: tuple[Said, ...]
    citations: tuple[str, ...]
    verdict: Verdict | None
    table: str
    identified: Span | None = None
    chosen: Said | None = None

    def __str__(self) -> str:
        """Return it as an English sentence."""
        return self.in_words("en")

    def in_words(self, language: str) -> str:
        """Return it as a sentence of a language."""
        say = catalogue(language)
        judged = "unjudged" if self.verdict is None else JUDGEMENTS[self.verdict.level]
        return say(
            "card.answer", point=say.number(self.point), level=say.level(self.prob), low=say.number(self.low),
            high=say.number(self.high), observed=say.number(self.observed), kind=say.said(self.kind),
            verdict=say(f"verdict.{judged}.name").lower(),
        )  # fmt: skip

    def __repr__(self) -> str:
        """One line: number, interval, verdict."""
        judged = "not judged" if self.verdict is None else self.verdict.level
        return f"<Estimate {self.point:,.0f} ({self.prob:.0%}: {self.low:,.0f} to {self.high:,.0f}), {judged}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return self.as_html()

    def as_html(self, picture: str = "") -> str:
        """Return it as a small table in HTML, with a picture in SVG where there is one."""
        say = catalogue()
        judged = "unjudged" if self.verdict is None else JUDGEMENTS[self.verdict.level]
        rows = [
            (say("key.observed"), say.number(self.observed)),
            (say("intervals.point"), say.number(self.point)),
            (say("intervals.interval"), f"{self.prob:.0%}: {say.range(self.low, self.high)}"),
        ]
        if self.identified is not None:
            held = self.identified
            span = f"{say.number(held.point)} ({say.range(held.low, held.high)})"
            rows.append((say("label.identified").capitalize(), span))
        rows.append((say("intervals.method"), say.known("method", self.method)))
        rows.append((say("verdict.label"), say(f"verdict.{judged}.name")))
        notes = () if self.verdict is None else tuple(reason.text for reason in self.verdict.reasons)
        return card(self.table, rows, "" if self.verdict is None else self.verdict.level, notes, picture)

    def as_dict(self) -> dict[str, object]:
        """Return the estimate as plain values, for JSON: words in English, and their codes under ``said``."""
        spoken = ("inside", "outside", "assumptions")
        record: dict[str, object] = {f.name: getattr(self, f.name) for f in fields(self)}
        record |= {name: [str(x) for x in getattr(self, name)] for name in spoken}
        codes = {name: [x.as_record() for x in getattr(self, name)] for name in spoken}
        verdict = None if self.verdict is None else self.verdict.as_record()
        record["identified"] = None if self.identified is None else asdict(self.identified)
        if self.chosen is not None:
            record["chosen"], codes["chosen"] = str(self.chosen), [self.chosen.as_record()]
        return {**record, "kind": str(self.kind), "citations": list(self.citations), "verdict": verdict,
                "said": {"kind": self.kind.as_record(), **codes}}  # fmt: skip
