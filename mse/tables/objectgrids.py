"""What lies in memory as cells: frames of any library, series, arrays, mappings, contingency tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mse.tables.checks import Faults
from mse.tables.grids import Grid, as_text
from mse.tables.headers import ROW_NAMES
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

_ORDERED = 2
"""Dimensions from which an array of counts is a contingency table and no matrix of rows."""


def object_grid(source: Any, faults: Faults, count: str = "count") -> Grid:
    """Return the cells of an object in memory; rows are named by position from 0.

    Parameters
    ----------
    source : object
        A data frame of pandas, polars, Arrow or any library that narwhals knows; a series of pandas whose index holds
        the histories; a wide table of counts as `pandas.crosstab` makes it; an array of rows (lists, then a count), or
        of counts with one dimension of length 2 for each list; a mapping of columns, of counts by history, or of sets
        (who is on each list); records.
    faults : Faults
        Receives what is wrong.
    count : str
        Name of the count column, for counts without a name.

    Raises
    ------
    InputError
        When it is none of these, or has no rows.
    """
    module = type(source).__module__.partition(".")[0]
    if module == "pyarrow" and type(source).__name__ == "RecordBatch":  # a frame of which narwhals does not know
        source = source.to_pydict()
    if module == "pandas":
        grid = _of_pandas(source, faults, count)
    elif module == "numpy":
        grid = _of_array(source, faults, count)
    elif module == "xarray":
        grid = _of_labelled(source, faults, count)
    elif isinstance(source, Mapping | list | tuple):
        from mse.tables.jsongrids import bare_rows, grid_of_values

        plain = list(source) if isinstance(source, tuple) else source
        if bare_rows(plain):
            import numpy as np

            grid = _of_array(np.array(plain, dtype=object), faults, count)
        elif isinstance(plain, Mapping) and plain and all(isinstance(x, set | frozenset) for x in plain.values()):
            grid = _of_sets(plain)
        else:
            grid = grid_of_values(plain, faults, first=0)
    else:
        grid = _of_any_frame(source, faults)
    if not grid.columns or not grid.columns[0]:
        faults.add(said("found.no_rows"), said("allowed.one_row_per_history"), said("do.check_step_made_frame"))
        faults.raise_if_any()
    return grid


def _of_sets(source: Mapping[Any, Any]) -> Grid:
    """Return one row for each person of who is on which list; nobody's code is kept."""
    everybody = dict.fromkeys(who for on in source.values() for who in on)
    columns = [["1" if who in on else "0" for who in everybody] for on in source.values()]
    return Grid([str(x).strip() for x in source], columns, list(range(len(everybody))), True, True,
                sure=frozenset(map(str, source)))  # fmt: skip


def _of_pandas(source: Any, faults: Faults, count: str) -> Grid:
    import pandas as pd

    series = isinstance(source, pd.Series)
    bare = not series and not isinstance(source, pd.DataFrame)
    if bare or (series and isinstance(source.index, pd.RangeIndex)):  # numbers without a history
        faults.add(said("object.unknown", kind=type(source).__name__), said("object.allowed"), said("object.remedy"))
        faults.raise_if_any()
    if source.index.nlevels == 1 and source.index.name is None and (series or source.shape[1] == 1):
        if series or not isinstance(source.index, pd.RangeIndex):
            source = source.rename_axis(index="history")
    if isinstance(source, pd.Series):
        name = count if source.name is None or source.name == 0 else str(source.name)
        source = source.rename(name).reset_index()
    frame: Any = source
    if any(name is not None for name in frame.columns.names):
        frame = frame.loc[[not _margin(x) for x in frame.index], [not _margin(x) for x in frame.columns]]
    if any(name is not None for name in frame.columns.names) and _zero_one(frame.columns):
        frame = frame.stack(list(range(frame.columns.nlevels)), future_stack=True).rename(count).reset_index()
    elif isinstance(frame.index, pd.MultiIndex) or (frame.index.name is not None and frame.index.name not in frame):
        named = [name for name in frame.index.names if name is not None and str(name).casefold() not in ROW_NAMES]
        frame = frame.reset_index() if named else frame
    return _pandas_cells(frame)


def _margin(label: Any) -> bool:
    """Return whether a row or column holds the totals that `pandas.crosstab` writes."""
    return bool((label[0] if isinstance(label, tuple) else label) == "All")


def _zero_one(columns: Any) -> bool:
    """Return whether the columns of a frame are cells of a table: 0 and 1 for one list or several."""
    found = {as_text(x).casefold() for column in columns for x in (column if isinstance(column, tuple) else (column,))}
    return found <= {"0", "1"} or found <= {"false", "true"} or found <= {"no", "yes"}


def _pandas_cells(frame: pd.DataFrame) -> Grid:
    header = ["_".join(map(str, x)).strip("_ ") if isinstance(x, tuple) else str(x).strip() for x in frame.columns]
    columns, levels = [], {}
    for i, name in enumerate(header):
        series = frame.iloc[:, i]
        columns.append([as_text(x, bool(gone)) for x, gone in zip(series, series.isna(), strict=True)])
        order = getattr(series.dtype, "categories", None)
        if order is not None:
            levels[name] = [as_text(x) for x in order]
    return Grid(header, columns, list(range(len(frame))), True, True, levels=levels)


def _of_array(array: Any, faults: Faults, count: str) -> Grid:
    """Return the cells of an array: one dimension for each list, or rows of lists with a count behind them."""
    if array.dtype.names:
        columns = [[as_text(x) for x in array[name].tolist()] for name in array.dtype.names]
        return Grid(list(array.dtype.names), columns, list(range(len(array))), True, True)
    square = array.ndim >= _ORDERED and set(array.shape) == {2}
    if square and (array.ndim > _ORDERED or any(as_text(x) not in ("0", "1") for x in array.ravel())):
        return _of_cells(array, [f"list_{j + 1}" for j in range(array.ndim)], count)
    if array.ndim != _ORDERED:
        kind = said("object.array", shape=", ".join(map(str, array.shape)))
        faults.add(kind, said("object.array_allowed"), said("object.array_remedy"))
        faults.raise_if_any()
    columns = [[as_text(x) for x in array[:, j].tolist()] for j in range(array.shape[1])]
    header = [f"list_{j + 1}" for j in range(len(columns))]
    if columns and not {*columns[-1]} <= {"0", "1"}:
        header[-1] = count
    return Grid(header, columns, list(range(len(array))), True, True, (said("read.no_names"),))


def _of_cells(array: Any, names: Sequence[str], count: str) -> Grid:
    """Return the cells of a contingency table: place 1 is on its list; the cell of nobody may be empty."""
    import numpy as np

    places = list(np.ndindex(*array.shape))
    columns = [[str(place[j]) for place in places] for j in range(array.ndim)]
    numbers = [as_text(array[place].item() if hasattr(array[place], "item") else array[place]) for place in places]
    return Grid([*names, count], [*columns, numbers], list(range(len(places))), True, True,
                (said("read.contingency"),))  # fmt: skip


def _of_labelled(source: Any, faults: Faults, count: str) -> Grid:
    dims, shape = [str(dim) for dim in getattr(source, "dims", ())], getattr(source, "shape", ())
    if not shape or set(shape) != {2}:
        faults.add(said("object.unknown", kind=type(source).__name__), said("object.allowed"), said("object.remedy"))
        faults.raise_if_any()
    return _of_cells(source.values, dims, count)


def _of_any_frame(source: Any, faults: Faults) -> Grid:
    """Return the cells of a frame of another library."""
    import narwhals as nw

    try:
        frame: Any = nw.from_native(source)
        frame = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    except (TypeError, ValueError, ImportError, AttributeError):
        faults.add(said("object.unknown", kind=type(source).__name__), said("object.allowed"), said("object.remedy"))
        faults.raise_if_any()
    header, columns, levels = [str(name).strip() for name in frame.columns], [], {}
    for name in frame.columns:
        series = frame[name]
        columns.append([as_text(x) for x in series.to_list()])
        if isinstance(series.dtype, nw.Enum):
            levels[str(name).strip()] = [str(x) for x in series.dtype.categories]
    return Grid(header, columns, list(range(len(frame))), True, True, levels=levels)
