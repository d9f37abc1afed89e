"""Files of SPSS, Stata and SAS with the labels of their values, and Parquet files, as cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mse.tables.checks import Faults
from mse.tables.grids import Grid, as_text
from mse.words.said import said

_READERS = {"sav": ("read_sav", ".sav"), "dta": ("read_dta", ".dta"), "sas7bdat": ("read_sas7bdat", ".sas7bdat"),
            "xport": ("read_xport", ".xpt")}  # fmt: skip
_SAYS_NOT = re.compile(
    r"(no|nee|niet|not|geen|never|absent|false|onwaar|nein|nicht|non|onbekend|unknown|afwezig|unobserved)\b|0$",
    re.IGNORECASE,
)


def stat_grid(data: bytes, kind: str, faults: Faults) -> Grid:
    """Return the cells of a file of a statistical package: labels where values have some, else the values.

    A variable of 0 and 1 keeps these where one of its labels denies the other (no and yes, not registered and
    registered): then it says who is on a list.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    import pyreadstat

    from mse.tables.unpacking import as_file

    name, suffix = _READERS[kind]
    with as_file(data, suffix) as path:
        try:
            columns, meta = getattr(pyreadstat, name)(str(path), output_format="dict")
        except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeError, ValueError, OSError):
            faults.add(said("file.damaged", kind=_READERS[kind][1]), said("file.allowed"), said("file.ask_again"))
            faults.raise_if_any()
    labels: Mapping[str, Mapping[Any, str]] = meta.variable_value_labels
    cells, levels, labelled = [], {}, []
    for column, values in columns.items():
        known = {as_text(value): " ".join(str(text).split()) for value, text in labels.get(column, {}).items()}
        texts = [as_text(value) for value in _values(values)]
        if known and not _says_who(texts, known):
            texts = [known.get(text, text) for text in texts]
            used = {*texts}
            levels[column.strip()] = [x for x in dict.fromkeys(known.values()) if x in used]
            labelled.append(column)
        cells.append(texts)
    levels = {x: order for x, order in levels.items() if x in labelled and _covers(order, cells[[*columns].index(x)])}
    grid = _checked(Grid([x.strip() for x in columns], cells, list(range(1, len(cells[0]) + 1)) if cells else [], True,
                         True, levels=levels), faults)  # fmt: skip
    return grid.with_told(said("read.labels", names=labelled)) if labelled else grid


def _values(values: Any) -> Sequence[object]:
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _says_who(texts: Sequence[str], known: Mapping[str, str]) -> bool:
    """Return whether a labelled variable is one of 0 and 1 of which one label denies."""
    if not {*texts} <= {"0", "1", ""}:
        return False
    return bool(_SAYS_NOT.match(known.get("0", "no"))) and not _SAYS_NOT.match(known.get("1", "yes"))


def _covers(order: Sequence[str], texts: Sequence[str]) -> bool:
    return {*texts} - {""} <= {*order}


def parquet_grid(data: bytes, faults: Faults) -> Grid:
    """Return the cells of a Parquet file.

    Raises
    ------
    InputError
        When it is damaged, or a column holds lists or structures.
    """
    import duckdb

    from mse.tables.unpacking import as_file

    try:
        with as_file(data, ".parquet") as path, duckdb.connect(":memory:") as connection:
            found = connection.read_parquet(str(path))
            names, rows = found.columns, found.fetchall()
    except duckdb.Error:
        faults.add(said("file.damaged", kind="Parquet"), said("file.allowed"), said("file.ask_again"))
        faults.raise_if_any()
    columns = [[as_text(row[i]) for row in rows] for i in range(len(names))]
    kept = [i for i, name in enumerate(names) if not name.startswith("__index_level_") or any(columns[i])]
    header = [names[i].strip() for i in kept]
    return _checked(Grid(header, [columns[i] for i in kept], list(range(1, len(rows) + 1)), True, True), faults)


def _checked(grid: Grid, faults: Faults) -> Grid:
    if not grid.rows:
        faults.add(said("found.header_but_no_rows"), said("allowed.header_row_one_row"),
                   said("do.check_step_made_file"))  # fmt: skip
        faults.raise_if_any()
    return grid
