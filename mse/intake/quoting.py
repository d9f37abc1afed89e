"""Names and texts as SQL takes them."""

from __future__ import annotations

from collections.abc import Iterable


def identifier(name: str) -> str:
    """Return the name of a column or table."""
    return '"' + name.replace('"', '""') + '"'


def literals(texts: Iterable[str]) -> str:
    """Return texts with commas between them."""
    return ", ".join("'" + text.replace("'", "''") + "'" for text in texts)


def array(texts: Iterable[str]) -> str:
    """Return an array of texts."""
    return f"[{literals(texts)}]"
