"""What a simulated nation is like: its victims, the lists that see them, and what goes wrong on paper."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal

from mse.errors import Problem, names_of
from mse.settings.specchecks import Placed, check_spec
from mse.settings.specfields import SHARE, Between, Check
from mse.simulate.weather import Weather
from mse.words.said import said

SEXES = ("female", "male")
AGES = ("minor", "adult")
MOST_VICTIMS = 50_000_000
"""Over all years; so many take about 12 GiB."""

Label = Literal["form", "sex", "age", "nationality", "region"]
"""Columns whose label can be missing; the year is that of the date."""
Share = Annotated[float, SHARE]
Positive = Annotated[float, Between(0, math.inf, above=True, below=True)]
Weights = Annotated[
    Mapping[str, Annotated[float, Between(0, math.inf, below=True)]],
    Check(said("example.weights"), lambda weights: not sum(weights.values()) > 0),
]
Year = Annotated[int, Between(1900, 2200)]


@dataclass(frozen=True, slots=True)
class Form:
    """A form of exploitation and who its victims are.

    Parameters
    ----------
    name : str
        The label.
    share : float
        Part of all victims in the middle of the period; the shares of all forms are scaled to add up to 1.
    trend : float
        Change of the share a year, on the log scale.
    female, minor : float
        Part of the victims that is female, and under eighteen.
    nationality : mapping of str to float
        Parts by nationality group, scaled to add up to 1; every form has the same groups.
    also : mapping of str to float
        Probability that the same victim also suffers another form, which comes later in the list of forms.
    """

    name: str
    share: Positive
    trend: float
    female: Share
    minor: Share
    nationality: Weights
    also: Mapping[str, Share] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Register:
    """A list: how many it registers, whom it sees more or less often, and whom never.

    Parameters
    ----------
    name, title : str
        Short name, and what it is.
    registered : tuple of float, length years
        Expected persons a year, with everything switched on.
    odds : mapping of str to float
        Odds of being registered by level of any stratum (``labour``, ``minor``, ``Utrecht``), relative to the others.
    blind : tuple of str
        Forms that the list can never register: structural zeros.
    consent : float
        Probability that a victim agrees to being reported, from the day on which consent is required; 1 where
        it is not needed.
    apart : float
        Odds of being on any other list are multiplied by this for persons on this one; 1 for no effect,
        below 1 for negative dependence. At most one register may have it.
    """

    name: str
    title: str
    registered: tuple[Annotated[float, Between(0)], ...]
    odds: Mapping[str, Positive] = field(default_factory=dict)
    blind: tuple[str, ...] = ()
    consent: Annotated[float, Between(0, 1, above=True)] = 1.0
    apart: Positive = 1.0


@dataclass(frozen=True, slots=True)
class Referral:
    """Persons whom one list sends on to another: positive dependence.

    Parameters
    ----------
    sender, receiver : str
        Names of the registers.
    share : float
        Probability that a person registered by the sender, and not by the receiver on its own, is sent on.
    """

    sender: str
    receiver: str
    share: Share


@dataclass(frozen=True, slots=True)
class SimulateSpec:
    """A simulated nation. Every mechanism has its own switch; what switches it off stands at each.

    Parameters
    ----------
    victims : float
        Expected victims a year, mean over the years.
    first_year, last_year : int
        Period, both included.
    forms : tuple of Form
        In the order of the multi-coding rule: a victim of two forms counts under the one that comes first.
    regions : mapping of str to float
        Parts of the victims by region, scaled to add up to 1.
    registers : tuple of Register
        The lists, in the order of the table.
    referrals : tuple of Referral
        Positive dependence between lists; off: none.
    trend : float
        Change of the number of victims a year, on the log scale; off: 0.
    visibility : float
        Standard deviation of a latent visibility that all lists share, on the log-odds scale; off: 0.
    returns : float
        Probability that a victim of one year is a victim again one to three years later; off: 0.
    consent_from : date or None
        Day from which the registers with `consent` below 1 need it; None where there is no such rule and
        the numbers of the registers stand without it.
    consent_rule : bool
        Whether the rule exists; off: false, and the registers are what they would have been without it.
    blindness, apartness : bool
        Whether `blind` and `apart` of the registers count; off: false.
    two_forms : bool
        Whether some victims suffer two forms; off: false.
    key_errors : float
        Part of the registrations whose identity is wrong even after normalisation: typing errors, another
        given name, digits of the birth date; off: 0.
    name_variants : float
        Part of the registrations written in another way that normalisation undoes: capitals, accents, hyphens,
        particles; off: 0.
    missing : mapping of str to float
        Probability that a label is missing in a registration, by column (form, sex, age, nationality, region);
        off: empty.
    duplicates : float
        Part of the registrations that is in the same register a second time: half of them the same row again,
        half a new one some days later; off: 0.
    late : float
        Part of the registrations of the last year that is entered after the first delivery and comes with a
        second one; off: 0.
    registrations : int or None
        Expected registrations in all, duplicates not counted; scales population and registers alike. None for
        the numbers as they stand.
    weather : Weather
        What else goes wrong in files, each with a switch of its own; off: leave the section out.

    Raises
    ------
    ModelError
        With everything that is out of range or does not fit together.
    """

    victims: Positive
    first_year: Year
    last_year: Year
    forms: Annotated[tuple[Form, ...], Check(said("example.forms"), lambda forms: not forms)]
    regions: Weights
    registers: Annotated[
        tuple[Register, ...], Check(said("example.registers"), lambda found: not 2 <= len(found) <= 16)
    ]
    referrals: tuple[Referral, ...] = ()
    trend: Annotated[float, Between(-1, 1, above=True, below=True)] = 0.0
    visibility: Annotated[float, Between(0, 10, below=True)] = 0.0
    returns: Annotated[float, Between(0, 1, below=True)] = 0.0
    consent_from: date | None = None
    consent_rule: bool = True
    blindness: bool = True
    apartness: bool = True
    two_forms: bool = True
    key_errors: Share = 0.0
    name_variants: Share = 0.0
    missing: Mapping[Label, Share] = field(default_factory=dict)
    duplicates: Share = 0.0
    late: Share = 0.0
    registrations: Annotated[int, Between(1)] | None = None
    weather: Weather = Weather()

    def __post_init__(self) -> None:
        """Check everything, and report it all at once."""
        check_spec(self)

    def together(self) -> Placed:
        """Yield what does not fit together."""
        yield from self._period()
        yield from self._many_forms()
        yield from self._seen()
        yield from self._sent()
        yield from self.weather.unknown(self.lists)

    def _period(self) -> Placed:
        if self.first_year > self.last_year:
            found = f"{self.first_year}-{self.last_year}"
            yield ("last_year",), Problem(said("found.period_empty"), said("allowed.years_order"),
                                          said("do.correct_first_year_last"),
                                          value=found)  # fmt: skip
        if self.registers and self.victims * len(self.years) * self.scale > MOST_VICTIMS:
            place = "registrations" if self.registrations else "victims"
            allowed = said("allowed.most_victims_over_all", most_victims=MOST_VICTIMS)
            yield (place,), Problem(said("found.nation_too_large"), allowed, said("do.choose_lower_number"))

    def _many_forms(self) -> Placed:
        names = [form.name for form in self.forms]
        yield from _once("forms", names)
        for i, form in enumerate(self.forms):
            place = ("forms", str(i))
            if list(form.nationality) != list(self.nationalities):
                found = said("found.nationality_groups_differ_those")
                yield (*place, "nationality"), Problem(found, names_of(self.nationalities),
                                                       said("do.write_same_groups_same"))  # fmt: skip
            later = names[i + 1 :]
            for other in (x for x in form.also if x not in later):
                found = said("found.second_form_must_come")
                allowed = names_of(later, said("allowed.none_after_last"))
                yield (*place, "also", other), Problem(found, allowed, said("do.correct_name"), value=other)
            if sum(form.also.values()) > 1:
                yield (
                    (*place, "also"),
                    Problem(said("found.probabilities_add_up_more"), said("allowed.most_1"), said("do.lower_them")),
                )

    def _seen(self) -> Placed:
        yield from _once("registers", self.lists)
        dimensions = {dim: levels for dim, levels in self.levels.items() if dim != "year"} if self.forms else {}
        levels = [level for names in dimensions.values() for level in names]
        forms = dimensions.get("form", ())
        for level in dict.fromkeys(x for x in levels if levels.count(x) > 1):
            found, allowed = said("found.two_dimensions_share_name"), said("allowed.every_level_its_own")
            yield ("forms",), Problem(found, allowed, said("do.rename_one"), value=level)
        for i, register in enumerate(self.registers):
            place = ("registers", str(i))
            if len(register.registered) != len(self.years):
                allowed = said("allowed.one_each_years", first_year=str(self.first_year), last_year=str(self.last_year))
                found = said("found.numbers_years", registered=len(register.registered))
                yield (*place, "registered"), Problem(found, allowed, said("do.add_remove_some"))
            if any(x >= self.victims for x in register.registered):
                found, allowed = said("found.more_persons_than_victims"), said("allowed.n0", victims=self.victims)
                yield (*place, "registered"), Problem(found, allowed, said("do.correct_numbers"))
            for level in (x for x in register.odds if x not in levels):
                unknown = Problem(said("found.no_such_level"), names_of(levels), said("do.correct_name"), value=level)
                yield (*place, "odds", level), unknown
            for form in (x for x in register.blind if x not in forms):
                yield (
                    (*place, "blind"),
                    Problem(said("found.no_such_form"), names_of(forms), said("do.correct_name"), value=form),
                )
            if forms and set(forms) <= set(register.blind):
                found, allowed = said("found.register_sees_no_form"), said("allowed.least_one_form_sees")
                yield (*place, "blind"), Problem(found, allowed, said("do.remove_register_form"))
        if sum(register.apart != 1 for register in self.registers) > 1:
            found, remedy = (
                said("found.several_registers_stand_apart"),
                said("do.leave_apart_out_all"),
            )
            yield ("registers",), Problem(found, said("allowed.most_one"), remedy)

    def _sent(self) -> Placed:
        for i, referral in enumerate(self.referrals):
            place = ("referrals", str(i))
            for end in ("sender", "receiver"):
                name = getattr(referral, end)
                if name not in self.lists:
                    unknown = Problem(
                        said("found.no_such_register"), names_of(self.lists), said("do.correct_name"), value=name
                    )
                    yield (*place, end), unknown
            if referral.sender == referral.receiver:
                yield (
                    place,
                    Problem(
                        said("found.register_refers_itself"), said("allowed.two_registers"), said("do.correct_names")
                    ),
                )

    def __hash__(self) -> int:
        """Hash of the numbers; what they leave open equality decides."""
        return hash((self.victims, self.years, self.lists, self.trend, self.visibility, self.registrations))

    @property
    def years(self) -> tuple[int, ...]:
        """Calendar years of the period."""
        return tuple(range(self.first_year, self.last_year + 1))

    @property
    def nationalities(self) -> tuple[str, ...]:
        """Nationality groups, in the order of the first form."""
        return tuple(self.forms[0].nationality)

    @property
    def lists(self) -> tuple[str, ...]:
        """Names of the registers."""
        return tuple(register.name for register in self.registers)

    @property
    def levels(self) -> dict[str, tuple[str, ...]]:
        """Levels of all dimensions of the strata."""
        return {
            "year": tuple(map(str, self.years)),
            "form": tuple(form.name for form in self.forms),
            "sex": SEXES,
            "age": AGES,
            "nationality": self.nationalities,
            "region": tuple(self.regions),
        }

    @property
    def scale(self) -> float:
        """Factor by which the population and the registers are larger than they stand in the spec."""
        if self.registrations is None:
            return 1.0
        whole = math.fsum(x for register in self.registers for x in register.registered)
        return self.registrations / whole if whole else 1.0

    def blind_forms(self, register: Register) -> tuple[str, ...]:
        """Return the forms that a register can never see."""
        return register.blind if self.blindness else ()

    def places(self) -> Iterator[tuple[int, Referral, int, int]]:
        """Yield every referral with its number and the places of sender and receiver."""
        for number, referral in enumerate(self.referrals):
            yield number, referral, self.lists.index(referral.sender), self.lists.index(referral.receiver)


def _once(name: str, names: Sequence[str]) -> Placed:
    for twice in dict.fromkeys(x for x in names if names.count(x) > 1):
        yield (
            (name,),
            Problem(said("found.name_used_twice"), said("allowed.every_name_once"), said("do.rename_one"), value=twice),
        )
