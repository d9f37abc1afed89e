"""The value that estimators, findings and errors say: a code and values, of which every catalogue makes words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mse.words.catalogues import catalogue

type Value = int | float | str | Said | tuple[Value, ...]
"""What is filled in: a number, a name, something said, or several of these."""


@dataclass(frozen=True, slots=True)
class Said:
    """Something said, by a code under which every catalogue has words.

    Parameters
    ----------
    code : str
        Key of the catalogues, for example ``"note.model"``.
    values : tuple of (str, value)
        What the words name, sorted by name.
    """

    code: str
    values: tuple[tuple[str, Value], ...] = ()

    def __str__(self) -> str:
        """Return the words of the English catalogue."""
        return catalogue("en").said(self)

    def as_record(self) -> dict[str, Any]:
        """Return code and values as JSON has them."""
        return {"code": self.code, "values": {name: plain_value(value) for name, value in self.values}}


def said(code: str, /, **values: object) -> Said:
    """Return something said, from its code and values by name; numpy's numbers and lists are taken too."""
    if not values:
        return _bare(code)
    return Said(code, tuple(sorted((name, _value(value)) for name, value in values.items())))


@cache
def _bare(code: str) -> Said:
    """Return what has no values, the same each time: a file with a fault in every cell says it as often."""
    return Said(code)


def verbatim(text: str) -> Said:
    """Return a text that has no code: what a user wrote, or what a result says that was saved before there were any."""
    return said("verbatim", text=text)


def as_said(what: Said | str) -> Said:
    """Return something said; a text stands for itself."""
    return what if isinstance(what, Said) else verbatim(what)


def from_record(record: object) -> Said:
    """Return what `Said.as_record` wrote; a plain text stands for itself."""
    if not isinstance(record, Mapping):
        return verbatim(str(record))
    return said(record["code"], **{name: read_value(value) for name, value in record["values"].items()})


def to_json(what: Iterable[tuple[str, Said | tuple[Said, ...]]]) -> str:
    """Return what is said under several keys as one line of JSON, for a cell of a table."""
    record = {
        key: words.as_record() if isinstance(words, Said) else [x.as_record() for x in words] for key, words in what
    }
    return json.dumps(record, ensure_ascii=False)


def from_json(text: object) -> dict[str, tuple[Said, ...]]:
    """Return what `to_json` wrote; nothing of a cell that is empty."""
    record = json.loads(text) if isinstance(text, str) and text else {}
    return {
        key: tuple(map(from_record, words)) if isinstance(words, list) else (from_record(words),)
        for key, words in record.items()
    }


def _value(value: Any) -> Value:
    if isinstance(value, Said | str):
        return value
    if isinstance(value, list | tuple):
        return tuple(_value(item) for item in value)
    plain: int | float = value.item() if hasattr(value, "item") else value
    return plain


def plain_value(value: Value) -> object:
    """Return a value as JSON has it."""
    if isinstance(value, Said):
        return value.as_record()
    return [plain_value(item) for item in value] if isinstance(value, tuple) else value


def read_value(value: object) -> object:
    """Return what `plain_value` wrote."""
    if isinstance(value, Mapping):
        return from_record(value)
    return tuple(map(read_value, value)) if isinstance(value, list) else value
