"""A key figure as a sentence of a language, with publisher, period and definition of what it rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mse.publish.figures.figureestimates import ShownEstimate
from mse.publish.figures.figurespec import Chosen, EstimateSpec, SourceSpec
from mse.publish.figures.figurevalues import KeyFigure, in_words
from mse.publish.standing import OK
from mse.publish.wording.rounding import Rounded
from mse.words.catalogues import Catalogue
from mse.words.said import Said, said


@dataclass(frozen=True, slots=True, eq=False)
class Speaker:
    """A language, and what a job calls things in it.

    Parameters
    ----------
    say : Catalogue
        Words of the language.
    names : mapping of str to str
        Words for dimensions and levels.
    prob : float
        Probability of the intervals.
    """

    say: Catalogue
    names: Mapping[str, str]
    prob: float

    def text(self, spec: object, name: str) -> str:
        """Return a text of a source, an estimate or a figure in this language; else as the job has it."""
        own = getattr(spec, "texts", {}).get(self.say.language)
        return str((getattr(own, name, None) if own is not None else None) or getattr(spec, name) or "")

    def level(self, name: str) -> str:
        """Return what a level or dimension is called."""
        return self.names.get(name, name.replace("_", " "))

    def interval(self, value: Rounded, prob: float | None = None, *, points: bool = False) -> str:
        """Return "95% interval 40% to 46%" of a share; empty where there is none."""
        if not (math.isfinite(value.low) and math.isfinite(value.high)):
            return ""
        write = self.points if points else self.say.share
        ends = self.say("format.range", low=write(value.low), high=write(value.high))
        return self.say.said(said("keyfigure.interval", level=self.say.level(prob or self.prob), ends=ends))

    def points(self, share: float) -> str:
        """Return a difference of shares in percentage points, with its sign."""
        return self._signed(share, self.say.number(abs(100 * share), _digits(100 * share)))

    def change(self, share: float) -> str:
        """Return a change in percent, with its sign."""
        return self._signed(share, self.say.share(abs(share)))

    def _signed(self, value: float, text: str) -> str:
        return ("+" if value > 0 else "−" if value < 0 else "") + text

    def persons(self, value: Rounded) -> str:
        """Return "5,000 (95% interval 4,000 to 7,000)"."""
        point = self.say.number(value.point)
        if not math.isfinite(value.low):
            return point
        return self.say.said(said("keyfigure.about", point=point, ends=self.say.range(value.low, value.high)))


def _digits(value: float) -> int:
    return 0 if math.isclose(value, round(value), abs_tol=1e-6) else 1


def sentence(figure: KeyFigure, to: Speaker) -> str:
    """Return a key figure as one or more sentences, its sources last."""
    parts = [_numbers(figure, to) if figure.status == OK else _nothing(figure, to)]
    if figure.status == OK and figure.reasons:
        reasons = to.say.listing([to.say.said(reason) for reason in figure.reasons])
        parts.append(to.say.said(said("keyfigure.caution", reasons=reasons)))
        parts += [to.say.said(said("keyfigure.break", at=x.at, text=to.text(x, "text"))) for x in figure.breaks]
    return " ".join([*parts, *sources_of(figure, to)])


def sources_of(figure: KeyFigure, to: Speaker) -> list[str]:
    """Return publisher, period and definition of everything that a figure rests on."""
    found = []
    if figure.source is not None:
        source = figure.source
        period = period_of(figure, to)
        if figure.spec.against:
            period = f"{figure.spec.against}, {period}"
        extracted = said("keyfigure.extracted", date=to.say.date(source.extracted)) if source.extracted else ""
        found.append(_source(source, period, extracted, to))
    found += [_source(x.spec, _period(x, to), "", to) for x in figure.estimates]
    return list(dict.fromkeys(found))


def _source(spec: SourceSpec | EstimateSpec, period: str, extracted: Said | str, to: Speaker) -> str:
    texts = {name: to.text(spec, name) for name in ("publisher", "definition")}
    return to.say.said(said("keyfigure.source", period=period, extracted=extracted, **texts))


def period_of(figure: KeyFigure, to: Speaker) -> str:
    """Return the period of a figure: its own, that of its source, else that of its first estimate."""
    if figure.source is None:
        return figure.spec.when or _period(figure.estimates[0], to)
    return figure.spec.when or to.text(figure.source, "period") or _span(figure.periods)


def _period(estimate: ShownEstimate, to: Speaker) -> str:
    return to.text(estimate.spec, "period") or estimate.period


def _span(periods: Sequence[str]) -> str:
    return "" if not periods else periods[0] if len(periods) == 1 else f"{periods[0]}–{periods[-1]}"


def _when(figure: KeyFigure) -> Said | str:
    """Return "in 2020", or nothing where the source has no time: its period stands with its publisher."""
    period = figure.spec.when or _span(figure.periods)
    return said("keyfigure.when", period=period) if period else ""


def _levels(chosen: Chosen, to: Speaker) -> str:
    each = [[x] if isinstance(x, str) else list(x) for x in chosen.values()]
    return ", ".join(to.say.listing([to.level(x) for x in names]) for names in each)


def _who(figure: KeyFigure, to: Speaker) -> str:
    """Return what the persons who are meant are called."""
    label = to.text(figure.spec, "label")
    if label:
        return label
    of: Chosen = {} if figure.spec.kind == "multiple" else figure.spec.of
    return _of(figure, {**of, **figure.spec.where}, to)


def _of(figure: KeyFigure, chosen: Chosen, to: Speaker) -> str:
    """Return whom a share is of."""
    assert figure.source is not None
    persons = to.text(figure.source, "persons")
    if not chosen:
        return persons
    return to.say.said(said("keyfigure.who", persons=persons, levels=_levels(chosen, to)))


def _says(figure: KeyFigure, to: Speaker) -> Said | str:
    said_so = to.text(figure.spec, "says")
    return said_so or said("keyfigure.belonged", levels=_levels(figure.spec.where, to))


def _nothing(figure: KeyFigure, to: Speaker) -> str:
    """Return that no number is stated, and why, as far as that may be said."""
    why = to.say.listing([to.say.said(reason) for reason in figure.reasons])
    if figure.source is None:
        persons = to.say.listing([to.text(x.spec, "persons") for x in figure.estimates])
        return to.say.said(said("keyfigure.nothing", who=persons, why=why, when=""))
    return to.say.said(said("keyfigure.nothing", who=_who(figure, to), why=why, when=_when(figure)))


def _numbers(figure: KeyFigure, to: Speaker) -> str:
    spec, say = figure.spec, to.say
    number = say.number
    count = number(figure.count or 0)
    base = number(figure.base or 0)
    told: Said
    match spec.kind:
        case "total":
            told = said("keyfigure.total", count=count, who=_who(figure, to), when=_when(figure))
        case "share":
            told = _share(figure, to)
        case "share change":
            told = said(
                "keyfigure.share_change", share=say.share(figure.now.point), interval=to.interval(figure.now),
                base=base, of=_of(figure, spec.of, to), when=spec.when or "", says=_says(figure, to),
                share_before=say.share(figure.before.point), interval_before=to.interval(figure.before),
                base_before=number(figure.base_before or 0), against=spec.against or "",
                points=to.points(figure.value.point), interval_points=to.interval(figure.value, points=True),
            )  # fmt: skip
        case "change":
            told = said(
                "keyfigure.change", count=count, who=_who(figure, to), when=spec.when or "", before=base,
                against=spec.against or "", change=to.change(figure.value.point), interval=_changed(figure, to),
            )  # fmt: skip
        case "multiple":
            told = _multiple(figure, count, base, to)
        case "rank":
            told = _rank(figure, count, base, to)
        case "in view":
            told = _in_view(figure, count, to)
        case _:
            told = _estimates(figure.estimates, to)
    return say.said(told)


def _share(figure: KeyFigure, to: Speaker) -> Said:
    spec = figure.spec
    values = {
        "share": to.say.share(figure.value.point), "interval": to.interval(figure.value),
        "base": to.say.number(figure.base or 0), "of": _of(figure, spec.of, to), "when": _when(figure),
        "says": _says(figure, to),
    }  # fmt: skip
    found = in_words(figure.value) if spec.fraction else None
    if found is None:
        return said("keyfigure.share", **values)
    part, whole = (to.say.count_word(x) for x in found)
    return said("keyfigure.fraction", part=part, whole=whole, **values)


def _rank(figure: KeyFigure, count: str, base: str, to: Speaker) -> Said:
    spec, chance = figure.spec, figure.probability
    sure = to.say("format.above", share=to.say.number(0.99, 2))
    values = {
        "dimension": to.level(str(spec.dimension)), "level": to.level(figure.level), "base": base,
        "who": _who(figure, to), "when": _when(figure), "count": count, "share": to.say.share(figure.now.point),
        "interval": to.interval(figure.now), "probability": to.say.number(chance, 2) if chance < 0.995 else sure,
    }  # fmt: skip
    return said("keyfigure.first", **values) if spec.place == 1 else said("keyfigure.place", place=spec.place, **values)


def _changed(figure: KeyFigure, to: Speaker) -> str:
    ends = to.say("format.range", low=to.change(figure.value.low), high=to.change(figure.value.high))
    return to.say.said(said("keyfigure.interval", level=to.say.level(to.prob), ends=ends))


def _multiple(figure: KeyFigure, count: str, before: str, to: Speaker) -> Said:
    spec, value = figure.spec, figure.value
    digits = 1 if value.point < 10 else 0
    times = to.say.number(value.point, 0 if math.isclose(value.point, round(value.point), abs_tol=0.05) else digits)
    ends = to.say("format.range", low=to.say.number(value.low, digits), high=to.say.number(value.high, digits))
    interval = said("keyfigure.interval", level=to.say.level(to.prob), ends=ends)
    values = {"times": times, "count": count, "before": before, "who": _who(figure, to), "interval": interval}
    if spec.against is not None:
        return said("keyfigure.multiple", when=spec.when or "", against=spec.against, **values)
    return said("keyfigure.multiple_of", of=_of(figure, spec.of, to), when=_when(figure), **values)


def _in_view(figure: KeyFigure, count: str, to: Speaker) -> Said:
    (estimate,) = figure.estimates
    values = {
        "count": count, "who": _who(figure, to), "when": _when(figure), "estimate": to.persons(estimate.size),
        "persons": to.text(estimate.spec, "persons"), "yearly": _yearly(estimate), "period": _period(estimate, to),
    }  # fmt: skip
    if not math.isfinite(figure.value.point):
        return said("keyfigure.in_view_apart", **values)
    share, interval = to.say.share(figure.value.point), to.interval(figure.value, estimate.prob)
    return said("keyfigure.in_view", share=share, interval=interval, **values)


def _yearly(estimate: ShownEstimate) -> Said | str:
    return said("keyfigure.yearly") if estimate.spec.yearly else ""


def _estimates(estimates: Sequence[ShownEstimate], to: Speaker) -> Said:
    each = [
        said("keyfigure.number", estimate=to.persons(x.size), persons=to.text(x.spec, "persons")) for x in estimates
    ]
    periods = list(dict.fromkeys(_period(x, to) for x in estimates))
    yearly = said("keyfigure.yearly") if all(x.spec.yearly for x in estimates) else ""
    return said("keyfigure.estimates", numbers=tuple(each), period=tuple(periods), yearly=yearly)
