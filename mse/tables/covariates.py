"""Covariates of persons: numbers and levels by column, and the design that a formula makes of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mse.errors import ModelError, Problem
from mse.settings.formulatext import ALLOWED, FormulaFault, FormulaTerms, read_formula
from mse.tables.checks import Faults
from mse.tables.grids import Grid

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]
Column = npt.NDArray[np.float64] | npt.NDArray[np.str_]
Columns = Mapping[str, Column]
"""A covariate by name: float64 for a number, text for a level; all of one length."""

MOST_LEVELS = 60
_MISSING = ("", "na", "nan", "n/a", "null", "none", "<na>", "#n/a")


class Design(NamedTuple):
    """What a formula makes of covariates.

    Parameters
    ----------
    names : tuple of str, length P
        Columns, for example ``"Intercept"``, ``"gender[T.male]"``.
    matrix : float64 array, shape (R, P)
        One row per row of the covariates; of full column rank.
    """

    names: tuple[str, ...]
    matrix: Array


def freeze_columns(columns: Mapping[str, npt.ArrayLike], n_rows: int, faults: Faults) -> Columns:
    """Return read-only copies of covariates given as arrays; `faults` receives what is wrong with them."""
    out: dict[str, Column] = {}
    for name, given in columns.items():
        array = np.array(given)
        if array.shape != (n_rows,):
            faults.add(
                f"a covariate has shape {array.shape}", f"one value per row: ({n_rows},)",
                "give one value per row", column=str(name),
            )  # fmt: skip
            continue
        column: Column = array.astype(np.float64) if array.dtype.kind in "iufb" else array.astype(np.str_)
        if column.dtype.kind == "f" and not np.isfinite(column.astype(np.float64)).all():
            faults.add("a covariate is missing or infinite", "finite numbers", _FILL, column=str(name))
        elif column.dtype.kind != "f" and any(x.strip().casefold() in _MISSING for x in np.unique(column)):
            faults.add("a covariate is missing", "a level for every row", _FILL, column=str(name))
        column.flags.writeable = False
        out[str(name)] = column
    return MappingProxyType(out)


_FILL = "fill it in, write a level of its own such as 'unknown', or leave the covariate out"


def read_columns(
    grid: Grid, places: Sequence[int], faults: Faults, levels: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Column]:
    """Return the covariates in these columns of a grid.

    A column of numbers is a number, unless its levels are declared; anything else is a level. A column that is
    mostly numbers with some text among them is a fault, and so is one with a level of its own in most rows.

    Parameters
    ----------
    grid : Grid
        Text cells.
    places : sequence of int
        Columns to read.
    faults : Faults
        Receives what is wrong, by row.
    levels : mapping of str to sequence of str, optional
        Levels that are allowed, by covariate; such a covariate is never a number.
    """
    out: dict[str, Column] = {}
    for i in places:
        name, cells = grid.header[i], grid.columns[i]
        declared = (levels or {}).get(name)
        numbers = [None if declared is not None else _number(cell) for cell in cells]
        given = sum(cell.casefold() not in _MISSING for cell in cells)
        numeric = 2 * sum(x is not None for x in numbers) > given and len(set(cells)) > 2
        numeric = numeric or (given > 0 and sum(x is not None for x in numbers) == given)
        for row, cell, number in zip(grid.rows, cells, numbers, strict=True):
            kind = ""
            if cell.casefold() in _MISSING:
                kind, allowed = "a covariate is empty", "a number" if numeric else "a level"
            elif numeric and number is None:
                kind, allowed = "a covariate has text among its numbers", "numbers throughout"
            elif declared is not None and cell not in declared:
                kind, allowed = "a covariate has a level that was not declared", ", ".join(declared)
            if kind:
                faults.add(kind, allowed, _FILL, row=row, column=name, value=cell or None)
        if numeric:
            out[name] = np.array([0.0 if x is None else x for x in numbers])
            continue
        if len(set(cells)) > max(MOST_LEVELS, 0):
            faults.add(
                f"a covariate has {len(set(cells)):,} levels", f"at most {MOST_LEVELS} levels",
                "put levels together, or leave the column out: an identifier is not a covariate", column=name,
            )  # fmt: skip
        out[name] = np.array(cells, dtype=np.str_)
    return out


def _number(text: str) -> float | None:
    """Return the number that a cell holds, or None."""
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return None
    value = float(text)
    return value if np.isfinite(value) else None


def design(columns: Columns, n_rows: int, formula: str, *, source: str) -> Design:
    """Return the design matrix of a formula such as ``"gender + age"``; ``"1"`` is the constant alone.

    Parameters
    ----------
    columns : mapping
        Covariates by name.
    n_rows : int
        Their length.
    formula : str
        Right-hand side in Wilkinson notation, with or without a leading ``~``. Levels get treatment contrasts.
    source : str
        The table, as messages name it.

    Raises
    ------
    ModelError
        When the formula cannot be read, names something unknown, uses a covariate that never varies, or has
        terms that cannot be told apart.
    """
    text = formula.strip()
    try:
        read = read_formula(text)
        if read.left is not None:
            raise FormulaFault("it has more than a right-hand side")
    except FormulaFault as fault:
        raise ModelError(_unreadable(columns, text, source, str(fault))) from None
    if read.constant and not read.terms:
        return Design(("Intercept",), np.ones((n_rows, 1)))
    problems = _formula_problems(columns, read, text, source)
    if problems:
        raise ModelError(problems)
    formulaic, errors = import_module("formulaic"), import_module("formulaic.errors")  # untyped, and load pandas
    try:
        # What was read, as a plain sum of its terms, over the columns that it names: nothing else is in reach of it.
        with np.errstate(all="ignore"):  # what is not finite is reported below
            made: Any = formulaic.model_matrix(read.text, _frame({x: columns[x] for x in read.names}), context={})
    except (errors.FormulaicError, ValueError, TypeError, ArithmeticError) as error:
        raise ModelError(_unreadable(columns, text, source, _plain(error))) from error
    matrix = np.ascontiguousarray(made.to_numpy(), dtype=np.float64)
    names = tuple(str(x) for x in made.columns)
    if matrix.shape[0] != n_rows or not np.isfinite(matrix).all():
        reason = "a term has no finite value for some rows"
        raise ModelError(_unreadable(columns, text, source, reason))
    scaled = matrix / np.maximum(np.sqrt((matrix**2).sum(axis=0)), 1e-300)
    if np.linalg.matrix_rank(scaled) < matrix.shape[1]:
        raise ModelError(
            Problem(
                f"the formula has terms that cannot be told apart: {matrix.shape[1]} columns ({', '.join(names)}) "
                f"of rank {np.linalg.matrix_rank(scaled)}",
                "terms of which none follows from the others",
                "leave out the term that repeats another, or an interaction with an empty combination of levels",
                file=source, value=text,
            )
        )  # fmt: skip
    return Design(names, matrix)


def _formula_problems(columns: Columns, formula: FormulaTerms, text: str, source: str) -> list[Problem]:
    """Return what can be said about a formula before it is evaluated."""
    known, problems = ", ".join(columns) or "none: this table has no covariates", []
    if not formula.terms:
        problems.append(_unreadable(columns, text, source, "it has no terms"))
    for name in formula.names:
        if name not in columns:
            near = get_close_matches(name, list(columns), n=1)
            remedy = f"did you mean {near[0]!r}" if near else "use covariates of the table, or '1' for none"
            problems.append(Problem("the formula names an unknown covariate", known, remedy, file=source, value=name))
        elif len(np.unique(columns[name])) < 2:
            problems.append(
                Problem(
                    f"the covariate {name!r} is the same for everybody", "covariates that vary",
                    "leave it out of the formula: it cannot be told from the constant", file=source, value=text,
                )
            )  # fmt: skip
    return problems


def _unreadable(columns: Columns, text: str, source: str, reason: str) -> Problem:
    names = ", ".join(columns) or "no covariates"
    return Problem(
        f"the formula cannot be used: {reason}", f"a right-hand side such as '1' or 'a + b:c', with {names}; {ALLOWED}",
        "correct the formula", file=source, value=text,
    )  # fmt: skip


def _plain(error: Exception) -> str:
    """Return the first line of a message without terminal colours."""
    text = re.sub(r"\x1b?⧛?\[[0-9;]*m|⧚|⧛", "", str(error)).strip().splitlines()
    return text[0].rstrip(". ") if text else type(error).__name__


def _frame(columns: Columns) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: column.copy() for name, column in columns.items()})


def columns_digest(columns: Columns) -> str:
    """Return a digest of names, kinds and values."""
    digest = hashlib.sha256()
    for name, column in columns.items():
        values = column.astype("<f8").tobytes() if column.dtype.kind == "f" else "\x1f".join(column).encode()
        digest.update(repr((name, column.dtype.kind, len(values))).encode() + values)
    return digest.hexdigest()
