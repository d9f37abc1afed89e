"""Microdata of a survey read from a file, with replicate weights and their factors."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mse.errors import names_of
from mse.evidence.chain import plain_number
from mse.evidence.surveydesign import Respondents, SurveyDesign, make_respondents
from mse.kernels.arrays import Array
from mse.tables.checks import Faults
from mse.tables.files import read_grid
from mse.tables.grids import Grid
from mse.tables.identifyingcolumns import add_identifying_faults
from mse.words.said import said

Columns = Mapping[str, Sequence[str]]


def read_respondents(path: Path, design: SurveyDesign, more: Sequence[str] = ()) -> Respondents:
    """Read microdata from a file with one row per respondent; no value of a row is ever quoted.

    Parameters
    ----------
    path : Path
        The file.
    design : SurveyDesign
        Its columns.
    more : sequence of str
        Further columns that are needed: those of known totals.

    Raises
    ------
    InputError
        With every problem of the file.
    """
    faults = Faults(str(path), private=True)
    fast = _fast_replicates(path, design.replicates)
    grid, weights = fast if fast is not None else (read_grid(path, faults, design.outcome), None)
    others = list(dict.fromkeys([*more, *([design.mode] if design.mode else [])]))
    for role, name in design.columns():
        if name not in grid.header:
            faults.add(said("found.no_column_2", role=role), names_of(grid.header), said("do.correct_name"), value=name)
    for name in more:
        if name not in grid.header:
            faults.add(said("found.no_column_totals"), names_of(grid.header), said("do.correct_name"), value=name)
    own_replicates = [] if design.replicates is None else replicate_names(grid.header, design.replicates)
    if design.replicates is not None and weights is None and len(own_replicates) < 2:
        faults.add(said("found.no_replicates"), names_of(grid.header), said("do.correct_name"), value=design.replicates)
    faults.raise_if_any()
    own = {design.outcome, design.weight, design.stratum, design.psu, design.fpc, *own_replicates}
    add_identifying_faults(grid, faults, [i for i, name in enumerate(grid.header) if name not in own])
    columns = dict(zip(grid.header, grid.columns, strict=True))
    n = len(grid.rows)
    outcome = _answers(columns, design.outcome, grid, faults)
    weight = _numbers(columns, design.weight, grid, faults, above=True) if design.weight else np.ones(n)
    for name in [x for x in (design.stratum, design.psu, *design.by, *others) if x]:
        for row, text in zip(grid.rows, columns[name], strict=True):
            if not text:
                faults.add(said("found.cell_empty"), said("allowed.name_number"), said("do.fill"), row=row, column=name)
    if own_replicates and weights is None:
        weights = np.column_stack([_numbers(columns, x, grid, faults, above=False) for x in own_replicates])
    share = _numbers(columns, design.fpc, grid, faults, above=True) if design.fpc else None
    known = _answers(columns, design.known, grid, faults) if design.known else None
    if design.reference is not None and design.reference not in columns[design.mode or ""]:
        faults.add(said("found.reference_no_level"), names_of(dict.fromkeys(columns[design.mode or ""])),
                   said("do.correct_name"), column=design.mode, value=design.reference)  # fmt: skip
    faults.raise_if_any()
    strata = columns[design.stratum] if design.stratum else [""] * n
    units = columns[design.psu] if design.psu else [str(i) for i in range(n)]
    drawn = None if share is None else _drawn(share, strata, units, design.fpc, faults)
    factors = None
    if weights is not None:
        if weights.shape[0] != n or (weights < 0).any() or not (weights.sum(axis=0) > 0).all():
            faults.add(said("found.replicate_of_nobody"), said("allowed.replicate_weights"), said("do.correct"),
                       value=design.replicates)  # fmt: skip
        faults.raise_if_any()
        factors = _factors(design, weights, strata, units, faults)
    faults.raise_if_any()
    return make_respondents(
        outcome, weight, strata, units, {name: tuple(columns[name]) for name in design.by}, drawn=drawn,
        replicates=weights, factors=factors, others={name: tuple(columns[name]) for name in others}, known=known,
    )  # fmt: skip


def replicate_names(header: Sequence[str], prefix: str) -> list[str]:
    """Return the columns of replicate weights, in the order of their numbers."""
    numbers = {x: x.removeprefix(prefix) for x in header if x.startswith(prefix)}
    found = [(int(number), name) for name, number in numbers.items() if number.isdecimal()]
    return [name for _, name in sorted(found)]


def _fast_replicates(path: Path, prefix: str | None) -> tuple[Grid, Array] | None:
    """Return a plain CSV file with its replicate weights as numbers: millions of cells are not read as texts.

    None where it is another kind of file, or one with something wrong in it, which the slow way then tells.
    """
    import pandas as pd

    if prefix is None or not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            first = lines.readline()
        separator = ";" if first.count(";") > first.count(",") else ","
        header = [x.strip() for x in next(csv.reader([first], delimiter=separator))]
        names = replicate_names(header, prefix)
        if len(names) < 2 or len(set(header)) < len(header):
            return None
        kinds = {x: np.float64 if x in set(names) else str for x in header}
        frame = pd.read_csv(path, sep=separator, header=0, names=header, dtype=kinds, keep_default_na=False,
                            skip_blank_lines=False, encoding="utf-8-sig", index_col=False)  # fmt: skip
    except (OSError, ValueError, StopIteration):  # pandas' ParserError and UnicodeDecodeError are ValueErrors
        return None
    weights = frame[names].to_numpy(dtype=np.float64)
    if not np.isfinite(weights).all():
        return None
    rest = [x for x in header if x not in set(names)]
    cells = [[str(text).strip() for text in frame[name]] for name in rest]
    return Grid(rest, cells, list(range(2, len(frame) + 2)), True, True), weights


def _answers(columns: Columns, name: str, grid: Grid, faults: Faults) -> list[float]:
    found = []
    for row, text in zip(grid.rows, columns[name], strict=True):
        if text not in ("0", "1", ""):
            faults.add(said("found.not_outcome"), said("allowed.n0_1_empty_no"), said("do.correct"), row=row,
                       column=name, value=text)  # fmt: skip
        found.append(float(text) if text in ("0", "1") else math.nan)
    return found


def _numbers(columns: Columns, name: str, grid: Grid, faults: Faults, *, above: bool) -> Array:
    """Return a column of weights: above 0, or, for replicate weights, 0 as well."""
    found = np.ones(len(grid.rows))
    for i, (row, text) in enumerate(zip(grid.rows, columns[name], strict=True)):
        value = plain_number(text)
        if value is None or not math.isfinite(value) or value < 0 or (above and value == 0):
            allowed = said("allowed.number_above_0") if above else said("allowed.n0_more")
            faults.add(said("found.not_weight"), allowed, said("do.correct_leave_out_who"), row=row, column=name,
                       value=text)  # fmt: skip
        else:
            found[i] = value
    return found


def _drawn(share: Array, strata: Sequence[str], units: Sequence[str], name: str | None, faults: Faults) -> Array:
    """Return the share of the units of every stratum that was drawn."""
    found = []
    for stratum in dict.fromkeys(strata):
        inside = np.array([x == stratum for x in strata])
        values = set(share[inside].tolist())
        n = len({unit for unit, x in zip(units, inside, strict=True) if x})
        value = values.pop()
        if values or (value > 1 and value < n):
            faults.add(said("found.fpc_of_stratum", units=n), said("allowed.fpc"), said("do.correct"), column=name,
                       value=stratum)  # fmt: skip
        found.append(value if value <= 1 else n / value)
    return np.array(found)


def _factors(
    design: SurveyDesign, weights: Array, strata: Sequence[str], units: Sequence[str], faults: Faults
) -> npt.NDArray[np.float64]:
    """Return the factor of the squared deviation of every replicate (Wolter 2007, chapters 3 to 5)."""
    size = weights.shape[1]
    if design.factors is not None:
        return _factor_file(design.factors, size)
    if design.replication == "jkn":
        return _jkn_factors(weights, strata, units, faults)
    one = {"fay": 1 / (size * (1 - design.rho) ** 2), "jk1": (size - 1) / size}.get(str(design.replication), 1 / size)
    return np.full(size, one)


def _jkn_factors(weights: Array, strata: Sequence[str], units: Sequence[str], faults: Faults) -> Array:
    """Return (n_h − 1)/n_h of the stratum whose unit each replicate leaves out."""
    names = list(zip(strata, units, strict=True))
    number = {unit: i for i, unit in enumerate(dict.fromkeys(names))}
    of = np.array([number[x] for x in names])
    held = np.stack([np.bincount(of, weights=weights[:, r], minlength=len(number)) for r in range(weights.shape[1])])
    stratum_of = [stratum for stratum, _ in number]
    found = []
    for r in range(weights.shape[1]):
        out = {stratum_of[i] for i in np.flatnonzero(held[r] == 0)}
        if len(out) != 1:
            faults.add(
                said("found.jkn_replicate"), said("allowed.jkn_replicate"), said("do.give_factors"), value=str(r + 1)
            )
            found.append(1.0)
        else:
            n = stratum_of.count(out.pop())
            found.append((n - 1) / n)
    return np.array(found)


def _factor_file(path: Path, size: int) -> Array:
    """Read the factors of replicates: as many as there are replicates.

    Raises
    ------
    InputError
        With every problem of the file.
    """
    faults = Faults(str(path))
    grid = read_grid(path, faults, "factor")
    for name in ("replicate", "factor"):
        if name not in grid.header:
            faults.add(said("found.column_missing"), names_of(("replicate", "factor")),
                       said("do.add_column_2", name=name), value=name)  # fmt: skip
    faults.raise_if_any()
    columns = dict(zip(grid.header, grid.columns, strict=True))
    found = _numbers(columns, "factor", grid, faults, above=True)
    order = [int(x) if re.fullmatch(r"\d{1,9}", x) else 0 for x in columns["replicate"]]
    if sorted(order) != list(range(1, size + 1)):
        faults.add(said("found.factors_other_length", factors=len(order), replicates=size),
                   said("allowed.factor_of_every_replicate"), said("do.correct"))  # fmt: skip
    faults.raise_if_any()
    return found[np.argsort(order)]
