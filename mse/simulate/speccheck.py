"""Whether a simulated nation is possible: ranges, names, and what does not fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mse.errors import Problem

if TYPE_CHECKING:
    from mse.simulate.spec import SimulateSpec

Place = tuple[str, ...]
Found = Iterator[tuple[Place, Problem]]

MOST_VICTIMS = 50_000_000
"""Over all years; so many take about 12 GiB."""
LABELS = ("form", "sex", "age", "nationality", "region")
"""Columns whose label can be missing; the year is that of the date."""


def spec_problems(spec: SimulateSpec) -> Found:
    """Yield every problem with the place of the setting, as names on the way there."""
    yield from _numbers(spec)
    yield from _forms(spec)
    yield from _registers(spec)
    yield from _referrals(spec)


def _numbers(spec: SimulateSpec) -> Found:
    for name in ("returns", "key_errors", "name_variants", "duplicates", "late"):
        yield from _share((name,), getattr(spec, name), below_one=name == "returns")
    for column, share in spec.missing.items():
        if column in LABELS:
            yield from _share(("missing", column), share)
        else:
            yield from _say(("missing", column), "no such label", ", ".join(LABELS), "correct the name", column)
    yield from _positive(("victims",), spec.victims)
    if spec.registrations is not None:
        yield from _positive(("registrations",), spec.registrations)
    if spec.visibility < 0 or not spec.visibility < 10:
        yield from _say(("visibility",), "the spread of visibility is out of range", "0 to 10", "give for example 0.3",
                        spec.visibility)  # fmt: skip
    if not -1 < spec.trend < 1:
        yield from _say(("trend",), "the trend is out of range", "between -1 and 1 a year", "give for example -0.02",
                        spec.trend)  # fmt: skip
    if not 1900 <= spec.first_year <= spec.last_year <= 2200:
        yield from _say(("last_year",), "the period is empty or out of range", "years from 1900 to 2200, in order",
                        "correct first_year and last_year", f"{spec.first_year}-{spec.last_year}")  # fmt: skip
    yield from _weights(("regions",), spec.regions)

    years = spec.last_year - spec.first_year + 1
    if spec.registers and spec.victims * years * spec.scale > MOST_VICTIMS:
        yield from _say(("registrations",) if spec.registrations else ("victims",), "the nation is too large",
                        f"at most {MOST_VICTIMS:,} victims over all years", "choose a lower number")  # fmt: skip


def _forms(spec: SimulateSpec) -> Found:
    if not spec.forms:
        yield from _say(("forms",), "there is no form of exploitation", "one or more", "add [[simulate.forms]]")
        return
    names = [form.name for form in spec.forms]
    yield from _once(("forms",), names)
    for i, form in enumerate(spec.forms):
        place = ("forms", str(i))
        yield from _positive((*place, "share"), form.share)
        yield from _share((*place, "female"), form.female)
        yield from _share((*place, "minor"), form.minor)
        yield from _weights((*place, "nationality"), form.nationality)
        if list(form.nationality) != list(spec.nationalities):
            yield from _say((*place, "nationality"), "the nationality groups differ from those of the first form",
                            ", ".join(spec.nationalities), "write the same groups in the same order")  # fmt: skip
        for other, share in form.also.items():
            yield from _share((*place, "also", other), share)
            if other not in names[i + 1 :]:
                later = ", ".join(names[i + 1 :]) or "none after the last"
                said = "a second form must come later in the list of forms"
                yield from _say((*place, "also", other), said, later, "correct the name", other)
        if sum(form.also.values()) > 1:
            yield from _say((*place, "also"), "probabilities add up to more than 1", "at most 1", "lower them")


def _registers(spec: SimulateSpec) -> Found:
    if not 2 <= len(spec.registers) <= 16:
        yield from _say(("registers",), f"{len(spec.registers)} registers", "2 to 16", "add or remove some")
    yield from _once(("registers",), [register.name for register in spec.registers])
    dimensions = {dim: levels for dim, levels in spec.levels.items() if dim != "year"} if spec.forms else {}
    levels = [level for names in dimensions.values() for level in names]
    forms = dimensions.get("form", ())
    for level in dict.fromkeys(x for x in levels if levels.count(x) > 1):
        yield from _say(("forms",), "two dimensions share the name of a level", "every level its own name",
                        "rename one", level)  # fmt: skip
    for i, register in enumerate(spec.registers):
        place = ("registers", str(i))
        if len(register.registered) != spec.last_year - spec.first_year + 1:
            allowed = f"one for each of the years {spec.first_year} to {spec.last_year}"
            said = f"{len(register.registered)} numbers for the years"
            yield from _say((*place, "registered"), said, allowed, "add or remove some")
        if any(not 0 <= x < spec.victims for x in register.registered):
            yield from _say((*place, "registered"), "more persons than there are victims, or fewer than 0",
                            f"0 to {spec.victims:g}", "correct the numbers")  # fmt: skip
        for level, odds in register.odds.items():
            yield from _positive((*place, "odds", level), odds)
            if level not in levels:
                yield from _say((*place, "odds", level), "no such level", ", ".join(levels), "correct the name", level)
        for form in register.blind:
            if form not in forms:
                yield from _say((*place, "blind"), "no such form", ", ".join(forms), "correct the name", form)
        if forms and set(forms) <= set(register.blind):
            yield from _say((*place, "blind"), "the register sees no form at all", "at least one form that it sees",
                            "remove the register, or a form")  # fmt: skip
        yield from _share((*place, "consent"), register.consent, above_zero=True)
        yield from _positive((*place, "apart"), register.apart)
    if sum(register.apart != 1 for register in spec.registers) > 1:
        yield from _say(("registers",), "several registers stand apart from the others", "at most one",
                        "leave `apart` out of all registers but one")  # fmt: skip


def _referrals(spec: SimulateSpec) -> Found:
    for i, referral in enumerate(spec.referrals):
        place = ("referrals", str(i))
        yield from _share((*place, "share"), referral.share)
        for end in ("sender", "receiver"):
            name = getattr(referral, end)
            if name not in spec.lists:
                yield from _say((*place, end), "no such register", ", ".join(spec.lists), "correct the name", name)
        if referral.sender == referral.receiver:
            yield from _say(place, "a register refers to itself", "two registers", "correct the names")


def _share(place: Place, value: float, *, below_one: bool = False, above_zero: bool = False) -> Found:
    if not 0 <= value <= 1 or (below_one and value == 1) or (above_zero and value == 0):
        allowed = "0 to 1" + (", 1 excluded" if below_one else "") + (", 0 excluded" if above_zero else "")
        yield from _say(place, f"{place[-1]} is not a part of the whole", allowed, "correct it", value)


def _positive(place: Place, value: float) -> Found:
    if not 0 < value < float("inf"):
        yield from _say(place, f"{place[-1]} is out of range", "a finite number above 0", "correct it", value)


def _weights(place: Place, weights: Mapping[str, float]) -> Found:
    if not weights or any(not 0 <= x < float("inf") for x in weights.values()) or not sum(weights.values()) > 0:
        yield from _say(place, "these are no parts of a whole", "numbers from 0 on, not all 0", "correct them")


def _once(place: Place, names: Sequence[str]) -> Found:
    for name in dict.fromkeys(x for x in names if names.count(x) > 1):
        yield from _say(place, "a name is used twice", "every name once", "rename one", name)


def _say(place: Place, found: str, allowed: str, remedy: str, value: object = None) -> Found:
    yield place, Problem(found, allowed, remedy, column=".".join(("simulate", *place)),
                         value=None if value is None else str(value))  # fmt: skip
