"""What a job says of dated events of persons or cases: columns, states, which may follow which, and since when."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from mse.errors import InputError, Problem, names_of
from mse.settings.specchecks import Placed, check_spec
from mse.settings.specfields import Between
from mse.words.said import said

MOST_STATES = 20
Years = Annotated[float, Between(0, 100, above=True)]


@dataclass(frozen=True, slots=True)
class ChainSpec:
    """Dated events per person or case, and the states that they lead through.

    Parameters
    ----------
    path : Path
        CSV file with a row for every event.
    until : date
        The last day on which events were seen.
    start : str
        The state in which everybody begins.
    steps : mapping of str to tuple of str
        The states that may follow a state; those that none may follow are exits.
    since : date
        The first day on which events were seen, where some began earlier: they count from then on.
    person, state, date : str
        Columns: a pseudonym, the state that was entered, the day (2020-12-31).
    cohort : str
        A column whose levels are cohorts; ``"year"`` for the year in which a person began; none when not given.
    within : tuple of float
        Years after the beginning at which probabilities are stated.
    once : bool
        Of several rows of one person with one state, take the first.
    """

    path: Path
    until: datetime.date
    start: str
    steps: Mapping[str, tuple[str, ...]]
    since: datetime.date | None = None
    person: str = "person"
    state: str = "state"
    date: str = "date"
    cohort: str | None = None
    within: tuple[Years, ...] = (1.0, 2.0, 5.0)
    once: bool = False

    def __post_init__(self) -> None:
        """Check every setting."""
        check_spec(self, InputError)

    @property
    def states(self) -> tuple[str, ...]:
        """The states, so that every one stands behind those that lead to it where there is no way back."""
        found = dict.fromkeys([self.start, *self.steps, *(x for after in self.steps.values() for x in after)])
        waiting, order = list(found), list[str]()
        while waiting:
            free = [x for x in waiting if not any(x in self.steps.get(y, ()) for y in waiting if y != x)]
            order += free or waiting
            waiting = [x for x in waiting if x not in order]
        return tuple(order)

    def together(self) -> Placed:
        """Yield what does not fit together."""
        if self.start not in self.steps:
            yield ("start",), Problem(said("chain.start"), names_of(self.steps), said("do.correct"), value=self.start)
        for state, after in self.steps.items():
            if state in after:
                yield (
                    ("steps", state),
                    Problem(said("chain.itself"), said("allowed.other_states"), said("do.leave_out_2"), value=state),
                )
        into = {x for after in self.steps.values() for x in after}
        for state in self.steps:
            if state != self.start and state not in into:
                allowed = said("allowed.state_may_follow_another")
                yield ("steps", state), Problem(said("chain.unreached"), allowed, said("do.correct"), value=state)
        if len(self.states) > MOST_STATES:
            yield ("steps",), Problem(said("chain.states"), said("allowed.most_8", most_states=MOST_STATES),
                                      said("do.put_states_together"),
                                      value=str(len(self.states)))  # fmt: skip
        if self.since is not None and self.since > self.until:
            yield (
                ("since",),
                Problem(
                    said("chain.since"),
                    said("allowed.most_9", until=self.until),
                    said("do.correct"),
                    value=str(self.since),
                ),
            )
        if not self.within:
            yield (
                ("within",),
                Problem(said("chain.within"), said("allowed.example_1_2_5"), said("do.name_one_year_least")),
            )
