"""Where the settings of a job stand in its file,."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.errors import MseError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

Place = tuple[str, ...]

_HEADER = re.compile(r"\s*(\[\[?)([^\[\]=]+)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([^\[\]{}#=]+?)\s*=")


@dataclass(frozen=True, slots=True)
class JobFile:
    """A job file as far as messages need it.

    Parameters
    ----------
    name : str or None
        Its path; None for settings that never were in a file.
    lines : mapping of tuple of str to int
        Line of every section and key, from 1, by the names on the way there; sections of a list by number from 0.
    """

    name: str | None = None
    lines: Mapping[Place, int] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, text: str) -> JobFile:
        """Return it for the text of a file."""
        lines: dict[Place, int] = {}
        section: Place = ()
        lists: dict[Place, int] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if header := _HEADER.fullmatch(line):
                section = ()
                for part in _parts(header[2]):
                    section = (*section, part)
                    if section in lists and header[1] == "[":
                        section = (*section, str(lists[section]))
                if header[1] == "[[":
                    lists[section] = lists.get(section, -1) + 1
                    section = (*section, str(lists[section]))
                lines.setdefault(section, number)
            elif key := _KEY.match(line):
                lines.setdefault((*section, *_parts(key[1])), number)
        return cls(name, lines)

    def line(self, place: Place) -> int | None:
        """Return the line of a setting, or of the innermost section around it that is in the file."""
        around = (place[:end] for end in range(len(place), 0, -1))
        return next((self.lines[part] for part in around if part in self.lines), None)

    def put(self, problem: Problem, place: Place) -> Problem:
        """Return the problem with the file and line of a setting; as it was when there is no file."""
        return problem if self.name is None else replace(problem, file=self.name, row=self.line(place))

    @contextmanager
    def blame(self, *places: Place) -> Iterator[None]:
        """Give the problems that are raised inside the place of a setting: the first of `places` in the file.

        A problem in a row of another file, or of a file as a whole that is there, stays there.
        """
        try:
            yield
        except MseError as error:
            place = next((x for x in places if x in self.lines), places[0])
            raise type(error)([p if _of_another(p) else self.put(p, place) for p in error.problems]) from error


def _of_another(problem: Problem) -> bool:
    return problem.row is not None or (isinstance(problem.file, str) and Path(problem.file).is_file())


def _parts(key: str) -> Place:
    """Return the parts of a key of TOML, ``a."b c"``; none when it is not a key."""
    try:
        found: Any = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    parts: Place = ()
    while isinstance(found, dict):
        ((part, found),) = found.items()
        parts = (*parts, part)
    return parts
