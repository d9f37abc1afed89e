"""What a simulated nation is like: its victims, the lists that see them, and what goes wrong on paper."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from mse.errors import ModelError

SEXES = ("female", "male")
AGES = ("minor", "adult")


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
    share: float
    trend: float
    female: float
    minor: float
    nationality: Mapping[str, float]
    also: Mapping[str, float] = field(default_factory=dict)


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
    registered: tuple[float, ...]
    odds: Mapping[str, float] = field(default_factory=dict)
    blind: tuple[str, ...] = ()
    consent: float = 1.0
    apart: float = 1.0


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
    share: float


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

    Raises
    ------
    ModelError
        With everything that is out of range or does not fit together.
    """

    victims: float
    first_year: int
    last_year: int
    forms: tuple[Form, ...]
    regions: Mapping[str, float]
    registers: tuple[Register, ...]
    referrals: tuple[Referral, ...] = ()
    trend: float = 0.0
    visibility: float = 0.0
    returns: float = 0.0
    consent_from: date | None = None
    consent_rule: bool = True
    blindness: bool = True
    apartness: bool = True
    two_forms: bool = True
    key_errors: float = 0.0
    name_variants: float = 0.0
    missing: Mapping[str, float] = field(default_factory=dict)
    duplicates: float = 0.0
    late: float = 0.0
    registrations: int | None = None

    def __post_init__(self) -> None:
        """Check everything, and report it all at once."""
        from mse.simulate.speccheck import spec_problems

        problems = [problem for _, problem in spec_problems(self)]
        if problems:
            raise ModelError(problems)

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
