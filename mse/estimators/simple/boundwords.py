"""What is said of Chao's bound in each of its forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Form = Literal["finite", "by list", "classical"]

BOUNDS: Mapping[Form, str] = {
    "finite": "Chao's lower bound for lists that are alike",
    "by list": "Chao's lower bound for lists of any size",
    "classical": "Chao's lower bound for many lists",
}

ALIKE = "all lists see a person with the same chance: lists of unequal size raise it above the bound"

UNLIKE = 1.05
"""Factor by which unequal lists raise the bound, in the number of persons, from which that is said."""


def bound_notes(form: Form, n_lists: int, bound: float, by_list: float) -> tuple[str, ...]:
    """Return what must be said beside a bound that needs equal lists, or many of them."""
    notes = []
    if form == "classical":
        notes.append(f"the form for many lists is {n_lists / (n_lists - 1):.2f} times too high for {n_lists} lists")
    if form != "by list" and bound > UNLIKE * by_list:
        notes.append(
            f"the lists differ in size, which raises this number: for lists of any size the bound is {by_list:,.0f}"
        )
    return tuple(notes)
