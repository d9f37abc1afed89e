"""What is said of Chao's bound in each of its forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mse.words.said import Said, said

Form = Literal["finite", "by list", "classical"]

BOUNDS: Mapping[Form, Said] = {
    "finite": said("kind.chao_alike"),
    "by list": said("kind.chao_any"),
    "classical": said("kind.chao_many"),
}

UNLIKE = 1.05
"""Factor by which unequal lists raise the bound, in the number of persons, from which that is said."""


def bound_notes(form: Form, n_lists: int, bound: float, by_list: float) -> tuple[Said, ...]:
    """Return what must be said beside a bound that needs equal lists, or many of them."""
    notes = []
    if form == "classical":
        notes.append(said("note.many_lists", factor=n_lists / (n_lists - 1), count=n_lists))
    if form != "by list" and bound > UNLIKE * by_list:
        notes.append(said("note.unlike_lists", bound=by_list))
    return tuple(notes)
