"""JSON as cells: records, columns, what pandas writes, JSON lines, and counts by history."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mse.tables.checks import Faults
from mse.tables.grids import Grid, as_text
from mse.words.said import said


def json_values(text: str, faults: Faults) -> Any:
    """Return what stands in a text in JSON, or in one value a line.

    Raises
    ------
    InputError
        When it is no JSON.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        try:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            faults.add(said("file.no_json"), said("file.allowed"), said("file.ask_again"))
            faults.raise_if_any()
    return found


def bare_rows(found: Any) -> bool:
    """Return whether these are rows without a header."""
    rows = isinstance(found, list) and bool(found) and all(isinstance(row, list | tuple) for row in found)
    return rows and not all(isinstance(x, str) for x in found[0])


def grid_of_values(found: Any, faults: Faults, first: int = 1) -> Grid:
    """Return the cells of plain values: a mapping of columns or of counts by history, records, or rows with a header.

    Raises
    ------
    InputError
        When they are none of these.
    """
    rows = _records(found)
    if not rows:
        faults.add(said("file.no_table"), said("file.table_forms"), said("file.give_records"))
        faults.raise_if_any()
    header = list(dict.fromkeys(str(name).strip() for row in rows for name in row))
    cells = [{str(name).strip(): _cell(value) for name, value in row.items()} for row in rows]
    columns = [[row.get(name, "") for row in cells] for name in header]
    return Grid(header, columns, list(range(first, first + len(rows))), True, True)


def _cell(value: Any) -> str:
    return ("1" if value else "0") if isinstance(value, bool) else as_text(value)


def _records(found: Any) -> list[Mapping[Any, Any]]:
    """Return one mapping by row; none where no rows can be made."""
    if isinstance(found, Mapping):
        return _of_mapping(found)
    if not isinstance(found, Sequence) or isinstance(found, str) or not found:
        return []
    if all(isinstance(row, Mapping) for row in found):
        flat = all(not isinstance(value, list | tuple | Mapping) for row in found for value in row.values())
        return list(found) if flat else []
    if all(isinstance(row, list | tuple) for row in found):
        head = found[0]
        if all(isinstance(x, str) for x in head) and all(len(row) == len(head) for row in found):
            return [dict(zip(head, row, strict=True)) for row in found[1:]]
    return []


def _of_mapping(found: Mapping[Any, Any]) -> list[Mapping[Any, Any]]:
    columns, data = found.get("columns"), found.get("data")
    if isinstance(data, list) and isinstance(columns, list) and all(isinstance(row, list) for row in data):
        return [dict(zip(map(_column, columns), row, strict=False)) for row in data]
    if isinstance(data, list) and "schema" in found:  # as pandas writes it, with the numbers of the rows
        return [{k: v for k, v in row.items() if k != "index"} for row in data if isinstance(row, Mapping)]
    values = list(found.values())
    if isinstance(data, list | Mapping) and len(found) < 4 and not all(isinstance(x, list) for x in values):
        return _records(data)
    if not values:
        return []
    if all(_single(value) for value in values):
        return _counts(found)
    if all(isinstance(value, list | tuple) or hasattr(value, "tolist") for value in values):
        lists = [value.tolist() if hasattr(value, "tolist") else value for value in values]
        if len(set(map(len, lists))) != 1 or any(isinstance(x, list | tuple | Mapping) for row in lists for x in row):
            return []
        return [dict(zip(found, row, strict=True)) for row in zip(*lists, strict=True)]
    if all(isinstance(value, Mapping) for value in values):
        keys = [list(value) for value in values]
        if all(key == keys[0] for key in keys) and all(str(x).isdigit() for x in keys[0]):  # columns of rows
            return [{name: value[key] for name, value in found.items()} for key in keys[0]]
        if all(str(x).isdigit() for x in found):  # rows of columns
            return values
    return []


def _column(name: Any) -> Any:
    return "_".join(map(str, name)) if isinstance(name, list) else name


def _single(value: Any) -> bool:
    return isinstance(value, int | float) or (hasattr(value, "item") and getattr(value, "ndim", 1) == 0)


def _counts(found: Mapping[Any, Any]) -> list[Mapping[Any, Any]]:
    """Return the histories that counts are given by: ``"0110"``, ``(0, 1, 1, 0)``, ``"A & B"``, ``("A", "B")``."""
    keys = list(found)
    if all(isinstance(key, tuple | frozenset) for key in keys):
        if all({*key} <= {0, 1} for key in keys) and all(isinstance(key, tuple) for key in keys):
            return [{**{f"list_{j + 1}": int(x) for j, x in enumerate(key)}, "count": n} for key, n in found.items()]
        return [{"history": " & ".join(sorted(map(str, key))), "count": n} for key, n in found.items()]
    return [{"history": str(key), "count": n} for key, n in found.items()]
