"""Specs read from a job file or the options of a command: every problem at once, with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin

from mse.errors import MseError, Problem, names_of
from mse.settings.places import JobFile, Place
from mse.settings.specchecks import fits, misfits, unfit, value_problems, wrong_type
from mse.settings.specfields import OneOrMore, Setting, keys_of, members, plain_kind, settings_of
from mse.words.said import Said, said


def read_spec[Spec](
    kind: type[Spec],
    settings: object,
    place: Place = (),
    file: JobFile | None = None,
    also: Iterable[str] = (),
    near: Callable[[], Sequence[str]] = tuple,
) -> tuple[Spec | None, list[Problem]]:
    """Read settings into a spec.

    Parameters
    ----------
    kind : type
        The class of the spec.
    settings : mapping
        As TOML has them: lists for tuples, texts for paths and keys; what is a spec already passes.
    place : tuple of str
        Names on the way to them, for messages.
    file : JobFile, optional
        Where they stand.
    also : iterable of str
        Keys that may be named beside those of the spec, and are read elsewhere.
    near : callable
        Returns the keys that may be meant by one that is not known; those that are known when there are none.

    Returns
    -------
    spec : object or None
        None when something is wrong.
    problems : list of Problem
        Unknown keys, missing keys, wrong types, values out of range; and what does not fit together where all of it
        could be read.
    """
    reading = _Reading(file or JobFile(), place, near)
    spec = reading.section(kind, settings, place, also)
    if reading.problems:
        return None, reading.problems
    try:
        reading.finish()
    except MseError as error:
        return None, [reading.file.put(problem, place) for problem in error.problems]
    return spec, []


def unknown_key(key: str, known: Sequence[str], found: Said, near: Sequence[str] = ()) -> Problem:
    """Return the problem of a key that is not known, with the one that may be meant."""
    meant = get_close_matches(key, near or known, n=1)
    remedy = said("do.did_you_mean_2", meant=repr(meant[0])) if meant else said("do.correct_delete")
    return Problem(found, names_of(known), remedy, value=key)


class _Reading:
    """Reads sections into specs whose checks wait until all of them are read, and gathers what is wrong."""

    def __init__(self, file: JobFile, root: Place, near: Callable[[], Sequence[str]]) -> None:
        self.file = file
        self.near = near
        self.named = bool(root or file.name)
        self.problems: list[Problem] = []
        self.made: list[Any] = []
        self.unread = 0

    def say(self, problem: Problem, place: Place) -> None:
        """Record a problem; the place is named where the settings have one."""
        where = ".".join(place) if self.named or len(place) > 1 else None
        self.problems.append(self.file.put(replace(problem, column=where), place))

    def finish(self) -> None:
        """Have the specs do what they do when they are made, the innermost first."""
        for spec in self.made:
            if hasattr(spec, "__post_init__"):
                spec.__post_init__()

    def section(self, kind: type[Any], settings: object, place: Place, also: Iterable[str] = ()) -> Any:
        """Return a spec that nothing has been checked of but its types."""
        if isinstance(settings, kind):
            return settings
        known = keys_of(kind)
        if not isinstance(settings, Mapping):
            said_so = Problem(said("setting.section"), said("allowed.section_keys", known=(*known,)),
                              said("do.write_section"), value=str(settings))  # fmt: skip
            self.say(said_so, place)
            self.unread += 1
            return None
        if hasattr(kind, "read"):
            read, problems = kind.read(settings, place, self.file)
            self.problems += problems
            return read
        unknown = said("setting.key") if self.named or place else said("setting.option")
        spelled = {name: x.spelled if x.spelled in settings else name for name, x in known.items()}
        names = [x.spelled for x in known.values()]
        for key in settings:
            if key not in spelled.values():
                self.say(unknown_key(str(key), (*names, *also), unknown, self.near()), (*place, str(key)))
        spec, before, wrong = object.__new__(kind), self.unread, set[str]()
        for field in fields(kind):
            setting = known.get(field.name)
            if setting is None:
                value: Any = settings_of(kind)[field.name].default
            elif (key := spelled[field.name]) not in settings:
                value = setting.default
                if setting.required:
                    self.unread += 1
                    wrong.add(field.name)
                    missing = said("setting.missing", name=field.name)
                    self.say(Problem(missing, names_of(names), said("do.add")), (*place, setting.spelled))
            else:
                sound = self.unread
                value = self.value(setting, settings[key], (*place, key))
                if self.unread > sound:
                    wrong.add(field.name)
            object.__setattr__(spec, field.name, value)
        self.made.append(spec)
        found = [*value_problems(spec, [name for name in known if name not in wrong], inside=False)]
        if self.unread == before:
            found += misfits(spec)
        for inner, problem in found:
            self.say(problem, (*place, *inner))
        return spec

    def value(self, setting: Setting, given: object, place: Place) -> Any:
        """Return the value of a setting; a problem of its own where it has the wrong type."""
        before = self.unread
        value = self.converted(setting.kind, given, place)
        if self.unread == before and not fits(value, setting.kind):
            self.unread += 1
            for where, kind, part in unfit(value, setting.kind, place):
                whole = where == place
                inner = setting if whole else Setting(".".join(where[len(place) - 1 :]), kind, None, True, "")
                self.say(wrong_type(inner, given if whole else part), where)
        return value

    def converted(self, kind: Any, given: object, place: Place) -> Any:
        """Return a value as its declared type has it, where TOML writes that otherwise; anything else as it is."""
        for part in members(kind):
            plain, rules = plain_kind(part)
            origin, parts = get_origin(plain), get_args(plain)
            if isinstance(given, str) and any(isinstance(rule, OneOrMore) for rule in rules):
                return (given,)
            if is_dataclass(plain) and isinstance(plain, type):
                if isinstance(given, Mapping | plain) or len(members(kind)) == 1 or type(None) in members(kind):
                    return None if given is None else self.section(plain, given, place)
            elif origin is tuple and isinstance(given, list | tuple):
                each = [parts[0]] * len(given) if parts[-1] is Ellipsis or len(parts) != len(given) else parts
                return tuple(
                    self.converted(one, x, (*place, str(i))) for i, (one, x) in enumerate(zip(each, given, strict=True))
                )
            elif origin is Mapping and isinstance(given, Mapping):
                inside, value = parts
                return {_key(inside, k): self.converted(value, x, (*place, str(k))) for k, x in given.items()}
            elif plain is Path and isinstance(given, str):
                return Path(given)
            elif plain is date and isinstance(given, str):
                try:
                    return date.fromisoformat(given)
                except ValueError:
                    return given
        return given


def _key(kind: Any, key: object) -> object:
    """Return the key of a mapping: TOML has texts only, a grid of prior standard deviations numbers."""
    if plain_kind(kind)[0] is float and isinstance(key, str):
        try:
            return float(key)
        except ValueError:
            return key
    return key


def written(spec: Any) -> dict[str, Any]:
    """Return the settings of a spec as JSON and TOML have them, without those that are None."""
    if hasattr(spec, "as_settings"):
        return {name: _written(value) for name, value in spec.as_settings().items()}
    found = {setting.spelled: getattr(spec, name) for name, setting in keys_of(type(spec)).items()}
    return {name: _written(value) for name, value in found.items() if value is not None}


def _written(value: Any) -> Any:
    if is_dataclass(value):
        return written(value)
    if isinstance(value, Mapping):
        return {str(key): _written(x) for key, x in value.items()}
    if isinstance(value, tuple | list):
        return [_written(x) for x in value]
    if isinstance(value, Path):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value
