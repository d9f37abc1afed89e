"""What the overlap of lists shows at a glance: lists alone, lists inside others, and Chao's lower bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mse.tables.captures import CaptureTable
    from mse.tables.histories import HistoryTable


def by_list_bound(table: CaptureTable | HistoryTable) -> tuple[float, float] | None:
    """Return Chao's lower bound for lists of any size and its standard error: n + Σ_{i<j} f_1i f_1j / f_2.

    None where some cell cannot be observed, some list was absent, or nobody is on exactly two lists.
    """
    from mse.tables.captures import CaptureTable

    if isinstance(table, CaptureTable) and (not table.observable.all() or table.absent.any()):
        return None
    twice = float(table.history_counts()[1])
    if twice == 0:
        return None
    once = table.alone().astype(np.float64)
    unseen = (once.sum() ** 2 - float(once @ once)) / 2.0 / twice
    slopes = (once.sum() - once) / twice
    return table.observed + unseen, float(np.sqrt(unseen + once @ slopes**2 + unseen**2 / twice))


def lonely_lists(table: CaptureTable | HistoryTable) -> tuple[str, ...]:
    """Return the lists with persons of whom nobody is on any other list."""
    both = table.overlaps()
    shared = both.sum(axis=1) - np.diagonal(both)
    return tuple(name for name, n, k in zip(table.lists, np.diagonal(both), shared, strict=True) if n > 0 and k == 0)


def nested_lists(table: CaptureTable | HistoryTable, least: int = 1) -> tuple[tuple[str, str], ...]:
    """Return the pairs (inner, outer) of lists where everybody on the first, `least` persons or more, is on the other.

    Two lists with the same persons are named once, in their order.
    """
    both = table.overlaps().tolist()
    totals = [row[i] for i, row in enumerate(both)]
    found = []
    for i, inner in enumerate(table.lists):
        for j, outer in enumerate(table.lists):
            same = totals[i] == totals[j] and i < j
            if i != j and totals[i] >= least and both[i][j] == totals[i] and not same:
                found.append((inner, outer))
    return tuple(found)
