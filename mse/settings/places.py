"""Where the settings of a job stand in its file, and what is wrong with them in plain words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from mse.errors import MseError, Problem, names_of
from mse.words.said import Said, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

Place = tuple[str, ...]

_HEADER = re.compile(r"\s*(\[\[?)([^\[\]=]+)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([^\[\]{}#=]+?)\s*=")

# What pydantic calls a wrong type or range, and what is allowed; braces hold its limits.


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
        """Give the problems that are raised inside the place of a setting: the first of `places` in the file."""
        try:
            yield
        except MseError as error:
            place = next((x for x in places if x in self.lines), places[0])
            raise type(error)([self.put(p, place) for p in error.problems]) from error


def plain_problem(error: ErrorDetails, job: type[BaseModel], file: JobFile) -> Problem:
    """Return a fault that pydantic found in plain words, with its place in the file."""
    place = tuple(str(part) for part in error["loc"])
    where, kind = ".".join(place), str(error["type"])
    value: str | None = str(error["input"])
    keys = _keys(job, place[:-1])
    if kind == "extra_forbidden":
        near = get_close_matches(place[-1], keys, n=1)
        remedy = said("do.did_you_mean", near=repr(near[0])) if near else said("do.correct_delete")
        found, allowed = said("found.unknown_key"), names_of(keys)
    elif kind == "missing" and not keys:
        found, allowed, remedy, value = said("found.value_missing"), said("allowed.list_two"), said("do.add"), None
    elif kind == "missing":
        found, allowed, remedy, value = said("found.required_key_missing"), names_of(keys), said("do.add"), None
    elif kind == "value_error":
        found, allowed, remedy = said("found.value_not_allowed"), said("type.date"), said("do.correct")
    elif kind.startswith(("model", "dict", "mapping")):
        inside = _keys(job, place)
        found, remedy = said("found.no_section"), said("do.write_section")
        allowed = said("allowed.section_keys_2", inside=(*inside,)) if inside else said("allowed.section_keys_values")
    else:
        found, remedy = said("found.value_not_allowed"), said("do.correct")
        allowed = _allowed(kind, error.get("ctx", {}))
    return replace(file.put(Problem(found, allowed, remedy, value=value), place), column=where or None)


def _allowed(kind: str, limits: Mapping[str, object]) -> Said:
    """Return what a value may be, by the kind of fault that pydantic found."""
    some = {name: str(x) for name, x in limits.items()}
    if kind.startswith(("string", "path")):
        return said("type.quoted")
    if kind.startswith("too_short"):
        return said("type.list_at_least", least=some["min_length"])
    if kind.startswith("too_long"):
        return said("type.list_at_most", most=some["max_length"])
    if kind.startswith("greater_than_equal"):
        return said("range.or_more", low=some["ge"])
    if kind.startswith("less_than_equal"):
        return said("type.or_less", high=some["le"])
    if kind.startswith("greater_than"):
        return said("type.more_than", low=some["gt"])
    if kind.startswith("less_than"):
        return said("type.less_than", high=some["lt"])
    if kind.startswith("literal"):
        *words, last = re.findall(r"'[^']*'", some["expected"])
        return said("type.words", words=words, last=last) if words else names_of([last])
    plain = {
        "int": said("type.whole_number"), "float": said("type.number"), "bool": said("type.flag"),
        "tuple": said("type.bracketed"), "finite_number": said("type.finite"),
    }  # fmt: skip
    return next((x for start, x in plain.items() if kind.startswith(start)), said("type.manual"))


def _keys(job: type[BaseModel], place: Place) -> list[str]:
    """Return the keys of a section of the job; none when it has no keys of its own."""
    from pydantic import BaseModel

    section: Any = job
    for part in place:
        if part.isdigit():
            continue
        known = getattr(section, "model_fields", {})
        if part not in known:
            return []
        kind = known[part].annotation
        inside = [kind, *getattr(kind, "__args__", ())]
        inside += [x for part in inside for x in getattr(part, "__args__", ())]
        section = next((x for x in inside if isinstance(x, type) and issubclass(x, BaseModel)), None)
    return list(getattr(section, "model_fields", {}))


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
