"""Files from outside, opened so that nothing in their place can hang, fill the memory or surprise: one way in for all.

A path in a job or on the command line may name a pipe, a device, a folder or a file without end. What is read here is a
regular file of a bounded size; anything else is an `OSError` that says what it is, before a byte is read.
"""

from __future__ import annotations

import glob
import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mse.words.said import Said, said

LARGEST = 2**30
"""Bytes of a file that is read whole: tables, job files, results."""
LARGEST_REGISTER = 2**35
"""Bytes of the file of a register, which is read in pieces."""
LARGEST_SETTINGS = 2**24
"""Bytes of a file of settings."""
MOST_MATCHES = 10_000
"""Files that one pattern may stand for."""
DEEPEST = 40
"""Sections within sections of a file of settings."""

_KINDS = (
    (stat.S_ISDIR, said("unreadable.folder")),
    (stat.S_ISFIFO, said("unreadable.pipe")),
    (stat.S_ISSOCK, said("unreadable.socket")),
    (stat.S_ISCHR, said("unreadable.device")),
    (stat.S_ISBLK, said("unreadable.device")),
)


class NotReadable(OSError):
    """What stands at a path is no file that may be read; `said` says why."""

    def __init__(self, why: Said, path: str | Path) -> None:
        super().__init__(None, str(why), str(path))
        self.strerror = str(why)
        self.said = why


class BeyondSettings(ValueError):
    """Settings are what no file of TOML holds; `said` says which."""

    def __init__(self, what: Said) -> None:
        super().__init__(str(what))
        self.said = what


def read_input(path: str | Path, most: int = LARGEST) -> bytes:
    """Return the content of a regular file.

    Parameters
    ----------
    path : str or Path
        The file.
    most : int
        Bytes that it may have.

    Raises
    ------
    OSError
        When it is not there, may not be read, is no regular file (`NotReadable`) or is larger.
    """
    # Without waiting: to open a pipe that nobody writes to would never end.
    handle = os.open(_checked(path), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb") as file:
        _check_status(os.fstat(handle), path, most)
        data = file.read(most + 1)
    if len(data) > most:
        raise NotReadable(_too_large(most), path)
    return data


def check_input(path: str | Path, most: int = LARGEST_REGISTER) -> None:
    """Raise what `read_input` raises for a file that is to be read in pieces by something else.

    Raises
    ------
    OSError
        As there.
    """
    _check_status(os.stat(_checked(path)), path, most)


def matching(pattern: str, folder: str | Path | None = None) -> list[str]:
    """Return the files that a pattern with ``*``, ``?`` or ``[…]`` stands for, in order; itself without any of these.

    Raises
    ------
    OSError
        `NotReadable` when it can be no path, asks for folders at any depth, or stands for too many files.
    """
    _checked(pattern)
    if not re.search(r"[*?[]", pattern):
        return [pattern]
    parts = re.split(r"[/\\]", pattern)
    if any("**" in part for part in parts):
        raise NotReadable(said("unreadable.any_depth"), pattern)
    if sum(bool(re.search(r"[*?[]", part)) for part in parts) > 2:
        raise NotReadable(said("unreadable.wildcards"), pattern)
    found: list[str] = []
    for name in glob.iglob(pattern, root_dir=folder):
        found.append(name)
        if len(found) > MOST_MATCHES:
            raise NotReadable(said("unreadable.many_files", most=MOST_MATCHES), pattern)
    return sorted(found)


def read_settings(path: str | Path) -> tuple[str, dict[str, Any]]:
    """Return the text of a TOML file in UTF-8, and what it says.

    Raises
    ------
    OSError
        As `read_input`.
    ValueError
        When it is not TOML, or its values are beyond what TOML holds; the message says what and where.
    """
    text = read_input(path, LARGEST_SETTINGS).decode("utf-8-sig")
    return text, parse_settings(text)


def parse_settings(text: str) -> dict[str, Any]:
    """Return what a TOML text says.

    Raises
    ------
    ValueError
        When it is not TOML; a `BeyondSettings` when it is nested too deeply, or a whole number has more than 64 bits.
    """
    try:
        found = tomllib.loads(text)
        check_values(found)
    except RecursionError:
        raise BeyondSettings(said("settings.nested", most=DEEPEST)) from None
    return found


def check_values(settings: Mapping[str, Any]) -> None:
    """Refuse settings that no file of TOML could hold.

    Raises
    ------
    BeyondSettings
        When they are nested too deeply, or a whole number has more than 64 bits.
    """
    for place, value in _walk(settings, (), 0):
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise BeyondSettings(said("settings.whole_number", place=".".join(place)))


def _walk(value: Any, place: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], Any]]:
    if depth > DEEPEST:
        raise BeyondSettings(said("settings.nested", most=DEEPEST))
    if isinstance(value, Mapping):
        for key, inside in value.items():
            yield from _walk(inside, (*place, str(key)), depth + 1)
    elif isinstance(value, list | tuple):
        for i, inside in enumerate(value):
            yield from _walk(inside, (*place, str(i)), depth + 1)
    else:
        yield place, value


def _checked(path: str | Path) -> str:
    """Return a path that a system call can take."""
    text = os.fspath(path)
    if "\0" in text:
        raise NotReadable(said("unreadable.nul"), path)
    try:
        os.fsencode(text)
    except UnicodeError:
        raise NotReadable(said("unreadable.no_bytes"), "") from None
    return text


def _check_status(status: os.stat_result, path: str | Path, most: int) -> None:
    for is_kind, why in _KINDS:
        if is_kind(status.st_mode):
            raise NotReadable(why, path)
    if status.st_size > most:
        raise NotReadable(_too_large(most), path)


def _too_large(most: int) -> Said:
    return said("unreadable.large", most=most // 2**20)
