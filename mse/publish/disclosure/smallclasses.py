"""Classes of one register that hold too few persons to be told."""

from __future__ import annotations

from mse.tables.repeats import RepeatCounts

SMALL = 10
"""Counts of fewer persons are not told, and joined with others."""


def one_number_only(table: RepeatCounts) -> bool:
    """Return whether no number but the headline may be stated, for there are classes of fewer than ten persons."""
    counts = table.frequencies()
    return bool(((counts > 0) & (counts < SMALL)).any())
