"""How cells of tables and entries of files are read, and the words of a record: what is of another kind is nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mse.answers.record import BreakMark, Source
from mse.publish.wording.messages import Catalogue, Words


@dataclass(frozen=True, slots=True)
class Break:
    """A break in the registration: where on the axis of time it lies (2018.33 is May 2018), and what happened."""

    at: float
    label: str
    text: str


def mapping(value: object) -> Mapping[str, Any]:
    """Return a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> list[Any]:
    """Return the entries of a list, one of anything else, none of nothing."""
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def text(value: object) -> str | None:
    """Return non-empty text, else None; a number that stands for a text (a year) is one."""
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return str(value).strip() or None
    return None


def number(value: object) -> float | None:
    """Return a number, None for what is missing."""
    if isinstance(value, (int, float, np.integer, np.floating)) and not math.isnan(value):
        return float(value)
    return None


def sources(found: Iterable[Source]) -> Iterable[Words]:
    """Return publications by title; only addresses of the web become links: nothing that a browser would run."""
    for item in found:
        address = item.address
        yield Words(item.title, None, address if address and address.startswith(("https://", "http://")) else None)


def names(*sections: Mapping[str, str]) -> dict[str, str]:
    """Return words for lists, dimensions and levels; a later section goes before an earlier one."""
    return {name: words for section in sections for name, words in section.items() if words.strip()}


def breaks(marks: Sequence[BreakMark], local: Sequence[str], say: Catalogue) -> tuple[Break, ...]:
    """Return the breaks in the registration that a job names, in the words of the language where it has them."""
    found = []
    for i, mark in enumerate(marks):
        at = re.fullmatch(r"(\d{4})(?:-(\d{2}))?(?:-\d{2})?", mark.at)
        if at is None:
            continue
        said = (local[i].strip() if i < len(local) else "") or mark.text
        label = say.month(int(at[1]), int(at[2])) if at[2] and 1 <= int(at[2]) <= 12 else at[1]
        # A year's own place is its middle: May 2018 lies four twelfths after the start of 2018, at 2017.5.
        start = int(at[1]) - 0.5
        found.append(Break(start + ((int(at[2]) - 1) / 12 if at[2] else 0.0), label, said))
    return tuple(sorted(found, key=lambda item: item.at))
