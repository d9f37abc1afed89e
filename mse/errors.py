"""Errors that a user can put right: each names the place, what was found, what was allowed, and the remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mse.words.said import Said


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in an input.

    Parameters
    ----------
    found : str or Said
        What stands there now, in words; as a code with values where a page may have to say it.
    allowed : str
        What may stand there.
    remedy : str
        What to do about it.
    file, column, value : str or None
        Where it stands; `value` is the offending text itself.
    row : int or None
        Line of the file as an editor counts it (the header is line 1).
    """

    found: str | Said
    allowed: str
    remedy: str
    file: str | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None

    def __str__(self) -> str:
        """Return it as a sentence."""
        place = [self.file] if self.file else []
        if self.row is not None:
            place.append(f"row {self.row}")
        if self.column is not None:
            place.append(f"column {self.column!r}")
        where = ", ".join(place)
        value = "" if self.value is None else f" (value {_shorten(self.value)!r})"
        return f"{where + ': ' if where else ''}{self.found}{value}. Allowed: {self.allowed}. Do: {self.remedy}."


class MseError(Exception):
    """Something that the user can put right; the command line prints it and exits with status 2.

    Parameters
    ----------
    problems : Problem or sequence of Problem
        Everything that is wrong, not only the first thing.
    """

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        """Return it as a sentence."""
        if len(self.problems) == 1:
            return str(self.problems[0])
        head = f"{len(self.problems)} problems were found:"
        return "\n".join([head, *(f"  {i}. {p}" for i, p in enumerate(self.problems, 1))])


class InputError(MseError):
    """A table, job file or folder cannot be used as it is."""


class ModelError(MseError):
    """A model or an option does not fit the table that it was asked for."""


def _shorten(text: str, limit: int = 40) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
