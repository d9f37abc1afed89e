"""The ``[simulate]`` section of a job file, read into a spec."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, replace
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from mse.computing.inputfiles import read_settings
from mse.errors import InputError, Problem
from mse.settings.places import JobFile, Place
from mse.shipped import shipped_names, shipped_path
from mse.simulate.spec import Form, Referral, Register, SimulateSpec
from mse.simulate.speccheck import spec_problems

SECTION = "simulate"
NATIONAL = "national-simulated.toml"


def national_spec(**changes: Any) -> SimulateSpec:
    """Return the simulated nation that ships, with some of its settings changed.

    Parameters
    ----------
    **changes
        Fields of `SimulateSpec`, for example ``referrals=()`` or ``key_errors=0.0``.
    """
    spec = read_spec(shipped_path("models", NATIONAL))
    return replace(spec, **changes)


def read_spec(path: Path) -> SimulateSpec:
    """Read the ``[simulate]`` section of a job file; a name under models/ that is not here is one that ships.

    Raises
    ------
    InputError
        With every problem: not TOML, no such section, unknown keys, wrong types, values out of range.
    """
    if not os.path.exists(path) and path.name in shipped_names("models"):
        path = shipped_path("models", path.name)
    try:
        text, settings = read_settings(path)
    except (OSError, ValueError) as error:
        raise InputError(
            Problem("the job file cannot be read as TOML", "a TOML file in UTF-8 with a section [simulate]",
                    "check the path and the file", file=str(path))
        ) from error  # fmt: skip
    return make_spec(settings.get(SECTION), JobFile.of(str(path), text))


def make_spec(settings: object, file: JobFile | None = None) -> SimulateSpec:
    """Check the settings of the section ``[simulate]`` and return them as a spec.

    Parameters
    ----------
    settings : mapping
        As TOML reads it.
    file : JobFile, optional
        Where it stands, for the messages.

    Raises
    ------
    InputError
        With every problem: no such section, unknown keys, wrong types, values out of range.
    """
    reader = _Reader(file or JobFile())
    if not isinstance(settings, Mapping):
        problem = Problem("there is no section [simulate]", f"one as in models/{NATIONAL}", "copy it from there")
        raise InputError(reader.file.put(problem, (SECTION,)))
    values = reader.section(SimulateSpec, settings, (SECTION,))
    if reader.problems:
        raise InputError(reader.problems)
    spec = object.__new__(SimulateSpec)
    for field in fields(SimulateSpec):
        object.__setattr__(spec, field.name, values[field.name])
    found = [reader.file.put(problem, (SECTION, *place)) for place, problem in spec_problems(spec)]
    if found:
        raise InputError(found)
    return spec


class _Reader:
    """Reads sections into dataclasses by their annotations and gathers what is wrong."""

    def __init__(self, file: JobFile) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def section(self, kind: type[Any], settings: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """Return the values of all fields of a dataclass."""
        known = {field.name: field for field in fields(kind)}
        hints = get_type_hints(kind)
        for key, value in settings.items():
            if key not in known:
                near = get_close_matches(key, known, n=1)
                self.say((*place, key), "unknown key", ", ".join(known),
                         f"did you mean {near[0]!r}" if near else "correct or delete it", value)  # fmt: skip
        return {
            name: self.value(hints[name], settings[name], (*place, name)) if name in settings
            else self.default(field, place)
            for name, field in known.items()
        }  # fmt: skip

    def default(self, field: Field[Any], place: Place) -> Any:
        """Return the default of a field, or say that it must be given."""
        if field.default is not MISSING:
            return field.default
        if field.default_factory is not MISSING:
            return field.default_factory()
        self.say(place, f"the key {field.name!r} is missing", "a value for it", "add it")
        return None

    def value(self, kind: Any, given: Any, place: Place) -> Any:
        """Return a value of an annotated type."""
        parts = [x for x in get_args(kind) if x is not type(None)]
        origin = get_origin(kind)
        if origin is UnionType:
            return self.value(parts[0], given, place)
        if origin is tuple and isinstance(given, list):
            return tuple(self.value(parts[0], x, (*place, str(i))) for i, x in enumerate(given))
        if origin is Mapping and isinstance(given, dict):
            return {key: self.value(parts[1], x, (*place, key)) for key, x in given.items()}
        if kind in (Form, Register, Referral) and isinstance(given, dict):
            before = len(self.problems)
            values = self.section(kind, given, place)
            return kind(**values) if len(self.problems) == before else None
        if kind is float and isinstance(given, int | float) and not isinstance(given, bool):
            return float(given)
        if kind is date and isinstance(given, date) and not isinstance(given, datetime):
            return given
        if kind in (int, str, bool) and type(given) is kind:
            return given
        self.say(place, "the value is not allowed", _in_words(kind), "correct it", given)
        return None

    def say(self, place: Sequence[str], found: str, allowed: str, remedy: str, value: object = None) -> None:
        """Record one problem."""
        shown = None if value is None else str(value)
        problem = Problem(found, allowed, remedy, column=".".join(place), value=shown)
        self.problems.append(self.file.put(problem, tuple(place)))


def _in_words(kind: Any) -> str:
    words = {int: "a whole number", float: "a number", str: "a text in quotation marks", bool: "true or false",
             date: "a date such as 2018-05-01, without quotation marks"}  # fmt: skip
    if get_origin(kind) is tuple:
        return "a list of sections" if get_args(kind)[0] in (Form, Register, Referral) else "a list in square brackets"
    return words.get(kind, "a section of names and numbers")
