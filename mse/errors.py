"""Errors that a user can put right: each names the place, what was found, what was allowed, and the remedy."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mse.words.catalogues import catalogue
from mse.words.said import Said, said, verbatim

_SYSTEM = {
    errno.ENOENT: said("system.no_file"), errno.EACCES: said("system.denied"),
    errno.EPERM: said("system.not_permitted"), errno.EMFILE: said("system.many_files"),
    errno.EISDIR: said("system.folder"), errno.ENOTDIR: said("system.no_folder"), errno.ENOSPC: said("system.full"),
    errno.EROFS: said("system.read_only"), errno.ENAMETOOLONG: said("system.long_name"),
    errno.ELOOP: said("system.loop"), errno.EFBIG: said("system.large_file"),
    errno.EIO: said("system.device"), errno.EDQUOT: said("system.quota"), errno.EEXIST: said("system.exists"),
}  # fmt: skip
"""What a system refuses, by its number."""


def reason_of(error: BaseException) -> Said:
    """Return why something could not be done: the code that an error carries, or the reason of the system."""
    own = getattr(error, "said", None)
    if isinstance(own, Said):
        return own
    if isinstance(error, OSError) and error.errno in _SYSTEM:
        return _SYSTEM[error.errno]
    text = error.strerror if isinstance(error, OSError) else str(error)
    return verbatim(text or type(error).__name__)


def names_of(items: Iterable[object], none: Said | None = None) -> Said:
    """Return names one after the other, as what is allowed; `none` where there are none of them."""
    names = tuple(map(str, items))
    return said("list.names", names=names) if names else none or said("list.none")


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in an input.

    Parameters
    ----------
    found : Said
        What stands there now.
    allowed : Said
        What may stand there.
    remedy : Said
        What to do about it.
    file : str, Said or None
        Where it stands: a file, or what is called otherwise.
    column : str or None
        The column there.
    value : str, Said or None
        The offending text itself; something said where it is in words.
    row : int or None
        Line of the file as an editor counts it (the header is line 1).
    """

    found: Said
    allowed: Said
    remedy: Said
    file: str | Said | None = None
    row: int | None = None
    column: str | None = None
    value: str | Said | None = None

    def __str__(self) -> str:
        """Return it as an English sentence."""
        return self.in_words("en")

    def in_words(self, language: str) -> str:
        """Return it as a sentence of a language."""
        return catalogue(language).said(self.as_said())

    def as_said(self) -> Said:
        """Return it whole as something said, of which every language makes its sentence."""
        place: list[str | Said] = [self.file] if self.file else []
        if self.row is not None:
            place.append(said("problem.row", row=str(self.row)))
        if self.column is not None:
            place.append(said("problem.column", name=repr(self.column)))
        return said(
            "problem.sentence", where=said("problem.place", place=place) if place else "", found=self.found,
            value="" if self.value is None else said("problem.value", value=self.value),
            allowed=self.allowed, remedy=self.remedy,
        )  # fmt: skip


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
        """Return it as an English sentence."""
        return self.in_words("en")

    def in_words(self, language: str) -> str:
        """Return everything that is wrong in the words of a language."""
        if len(self.problems) == 1:
            return self.problems[0].in_words(language)
        head = catalogue(language).said(said("problem.several", count=len(self.problems)))
        return "\n".join([head, *(f"  {i}. {p.in_words(language)}" for i, p in enumerate(self.problems, 1))])


class InputError(MseError):
    """A table, job file or folder cannot be used as it is."""


class ModelError(MseError):
    """A model or an option does not fit the table that it was asked for."""
