"""The weather in which registers are kept: names that collide, identities that fail, suppliers that differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from mse.errors import Problem, names_of
from mse.settings.specchecks import Placed, check_spec
from mse.settings.specfields import SHARE, Between
from mse.words.said import said

Share = Annotated[float, SHARE]


@dataclass(frozen=True, slots=True)
class Weather:
    """What goes wrong in real files, each with a switch of its own; without any the registers are as they were.

    Parameters
    ----------
    births_missing : float
        Part of the registrations without a date of birth; off: 0.
    placeholders : float
        Part with something that stands for what is not known: "Onbekend", "N.N.", 1 January 1900; off: 0.
    transliterations : float
        Part with a name written after other ears, which normalisation does not undo; off: 0.
    particles : float
        Part in which the particles of a surname are left out or stand behind it; off: 0.
    half_surnames : float
        Of the registrations of persons with a double surname, the part with one half of it; off: 0.
    double_surnames : float
        Part of the persons with two surnames.
    names : int or None
        Surnames and given names of a kind in use within a group, the common ones first: fewer collide more often.
        None for all of them.
    relatives : float
        Part of the persons who have the surname of another one of their group and region, half of those born in the
        same year on the same day: siblings and twins; off: 0.
    regions_wrong : float
        Part with another region than that of the person; off: 0, and a region agrees within a person.
    senders_named : float
        Part of the referred registrations that name their sender.
    quarterly : bool
        Whether suppliers deliver a file every quarter; off: false.
    layout_from : int or None
        Year from which every supplier writes other names of columns and other codes; None for one layout.
    entry_days : float or None
        Mean days until a registration is entered, in every year; who is entered after the first delivery comes with the
        second. None: as a supplier that is quick.
    other_key : tuple of str
        Registers whose pseudonyms were made with another key; off: none.
    aggregated : tuple of str
        Registers that deliver counts by year and sex and nobody's row; off: none.
    """

    births_missing: Share = 0.0
    placeholders: Share = 0.0
    transliterations: Share = 0.0
    particles: Share = 0.0
    half_surnames: Share = 0.0
    double_surnames: Share = 0.04
    names: Annotated[int, Between(2)] | None = None
    relatives: Share = 0.0
    regions_wrong: Share = 0.0
    senders_named: Share = 1.0
    quarterly: bool = False
    layout_from: int | None = None
    entry_days: Annotated[float, Between(0)] | None = None
    other_key: tuple[str, ...] = ()
    aggregated: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check every switch."""
        check_spec(self)

    def unknown(self, lists: Sequence[str]) -> Placed:
        """Yield the registers that are named and not there, and say where too few would be left."""
        for name in ("other_key", "aggregated"):
            for register in (x for x in getattr(self, name) if x not in lists):
                problem = Problem(
                    said("found.no_such_register"), names_of(lists), said("do.correct_name"), value=register
                )
                yield ("weather", name), problem
        if len(set(lists) - set(self.aggregated)) < 2:
            problem = Problem(
                said("found.fewer_than_two_registers"), said("allowed.two_more"), said("do.let_fewer_deliver_counts")
            )
            yield ("weather", "aggregated"), problem
