"""What became of the rows: counts at every step from delivery to the overlap table, as a frame and as a figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

from mse.intake.contradictions import GIVEN_NAMES
from mse.intake.linkage.linking import COUNTED
from mse.intake.quoting import array
from mse.intake.svg import ACCENT, FAINT, RULE, SOFT, box, drawing, line, words

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from mse.intake.contradictions import Contradiction
    from mse.intake.tabulate import Layout

ALL = "all"
"""Stands for all lists together in the column `list`."""


WITHOUT_KEY = "without a pseudonym"
OTHER_NAMES, OTHER_LEVEL = "equal pseudonym, other given names", "equal pseudonym, other level"
"""Steps of registrations that count as persons of their own, by what contradicts their pseudonym."""


@dataclass(frozen=True, slots=True)
class Count:
    """What was left of a list after a step: rows, registrations or persons."""

    step: str
    list: str
    count: int


def linked_counts(con: duckdb.DuckDBPyConnection, layout: Layout, *, removed: bool) -> Iterator[Count]:
    """Yield the counts from the linkage on.

    Parameters
    ----------
    con : DuckDBPyConnection
        Holds the tables ``coded`` and ``units`` that `mse.intake.tabulate.make_units` wrote, and the registrations that
        count.
    layout : Layout
        What was counted.
    removed : bool
        Whether referrals were removed, which is then a step of its own.
    """
    names = array(layout.lists)
    if removed:
        left = f"FROM {COUNTED} JOIN registrations r ON r.rowid = record"
        yield from _by_list(
            con, "without referrals", f"SELECT list, count(DISTINCT (source, row)) {left} GROUP BY list", layout
        )
        (total,) = con.execute(f"SELECT count(DISTINCT (list, source, row)) {left}").fetchall()[0]
        yield Count("without referrals", ALL, int(total))
    yield from _with_all(con, "persons", "person", names, layout)
    if layout.unit == "person-year":
        yield from _with_all(con, "person-years", "(person, period)", names, layout)
    found = con.execute(
        "SELECT bit_count(history)::INTEGER, history, count(*) FROM units GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    for size in range(1, len(layout.lists) + 1):
        step = f"on {size} list" + ("s" if size > 1 else "")
        for j, name in enumerate(layout.lists):
            yield Count(step, name, sum(n for k, history, n in found if k == size and history >> j & 1))
        yield Count(step, ALL, sum(n for k, _, n in found if k == size))


def unlike_counts(
    con: duckdb.DuckDBPyConnection, lists: Sequence[str], contradictions: Sequence[Contradiction]
) -> Iterator[Count]:
    """Yield how many registrations have no pseudonym, and how many have one that is contradicted; nothing for none.

    Parameters
    ----------
    con : DuckDBPyConnection
        Holds the table ``registrations``.
    lists : sequence of str
        In their order.
    contradictions : sequence of Contradiction
        As the registers were read.
    """
    query = "SELECT list, count(DISTINCT (source, row)) FROM registrations WHERE key IS NULL GROUP BY list"
    found = {WITHOUT_KEY: {str(name): int(count) for name, count in con.execute(query).fetchall()}}
    for row in contradictions:
        counted = found.setdefault(unlike(row), {})
        counted[row.list] = counted.get(row.list, 0) + row.registrations
    for step, counts in found.items():
        if counts:
            yield from (Count(step, name, counts.get(name, 0)) for name in lists)
            yield Count(step, ALL, sum(counts.values()))


def unlike(found: Contradiction) -> str:
    """Return the step that a contradiction stands under."""
    return OTHER_NAMES if found.kind == GIVEN_NAMES else OTHER_LEVEL


def to_frame(counts: Iterable[Count]) -> pd.DataFrame:
    """Return the counts as a frame: step, list, count."""
    import pandas as pd

    return pd.DataFrame([astuple(row) for row in counts], columns=[field.name for field in fields(Count)])


def flow_diagram(flow: pd.DataFrame) -> str:
    """Return the flow as an SVG element: a bar for every step, and its counts by list beside it.

    Parameters
    ----------
    flow : DataFrame
        As from `to_frame`; a step without a row for all lists is summed over its lists.
    """
    steps = list(dict.fromkeys(flow["step"]))
    lists = [x for x in dict.fromkeys(flow["list"]) if x != ALL]
    cells = {(str(s), str(x)): int(n) for s, x, n in zip(flow["step"], flow["list"], flow["count"], strict=True)}
    totals = [cells.get((step, ALL), sum(cells.get((step, x), 0) for x in lists)) for step in steps]
    steps_shown = [
        (step, total) for step, total in zip(steps, totals, strict=True) if total or not step.startswith("on ")
    ]
    label, bar, column, pitch, top = 130.0, 260.0, 62.0, 30.0, 34.0
    width = label + bar + column * len(lists) + 20
    most = max([total for _, total in steps_shown], default=1) or 1
    parts = [words(label, 16, "all lists", size=11, colour=FAINT)]
    parts += [
        words(label + bar + column * (i + 1), 16, x, size=11, at="end", colour=FAINT) for i, x in enumerate(lists)
    ]
    for row, (step, total) in enumerate(steps_shown):
        y = top + pitch * row
        last = step.startswith("on ")
        long = max(1.0, (bar - 75) * total / most)
        parts.append(words(label - 12, y + 13, step, at="end", size=12))
        parts.append(box(label, y, long, 18, SOFT if last else ACCENT))
        parts.append(words(label + long + 6, y + 13, f"{total:,}", bold=True))
        parts += [words(label + bar + column * (i + 1), y + 13, f"{cells.get((step, x), 0):,}", at="end", size=11)
                  for i, x in enumerate(lists)]  # fmt: skip
        if row and last and not steps_shown[row - 1][0].startswith("on "):
            parts.append(line(0, y - 6, width, y - 6, RULE))
    said = "; ".join(f"{step} {total:,}" for step, total in steps_shown)
    return drawing(width, top + pitch * len(steps_shown), f"From delivered rows to persons on lists: {said}.", parts)


def _with_all(con: duckdb.DuckDBPyConnection, step: str, what: str, names: str, layout: Layout) -> Iterator[Count]:
    yield from _by_list(con, step, f"SELECT {names}[place + 1], count(DISTINCT {what}) FROM coded GROUP BY ALL", layout)
    (total,) = con.execute(f"SELECT count(DISTINCT {what}) FROM coded").fetchall()[0]
    yield Count(step, ALL, int(total))


def _by_list(con: duckdb.DuckDBPyConnection, step: str, query: str, layout: Layout) -> Iterator[Count]:
    found = dict(con.execute(query).fetchall())
    for name in layout.lists:
        yield Count(step, name, int(found.get(name, 0)))


def delivered_counts(counts: Sequence[tuple[str, str, int]]) -> Iterator[Count]:
    """Yield the counts of reading, by list and for all lists together, step by step."""
    for step in dict.fromkeys(step for step, _, _ in counts):
        here = [(name, count) for s, name, count in counts if s == step]
        yield from (Count(step, name, count) for name, count in here)
        yield Count(step, ALL, sum(count for _, count in here))
