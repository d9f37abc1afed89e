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

from mse.errors import ModelError, Problem, names_of
from mse.kernels.arrays import Array
from mse.settings.formulatext import ALLOWED, FormulaFault, FormulaTerms, read_formula
from mse.tables.checks import Faults
from mse.tables.grids import Grid
from mse.words.said import Said, said, verbatim

if TYPE_CHECKING:
    import pandas as pd

Column = Array | npt.NDArray[np.str_]
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
                said("found.covariate_has_shape", shape=str(array.shape)),
                said("allowed.one_value_per_row", n_rows=n_rows),
                said("do.give_one_value_per"), column=str(name),
            )  # fmt: skip
            continue
        column: Column = array.astype(np.float64) if array.dtype.kind in "iufb" else array.astype(np.str_)
        if column.dtype.kind == "f" and not np.isfinite(column.astype(np.float64)).all():
            faults.add(
                said("found.covariate_missing_infinite"), said("allowed.finite_numbers"), _FILL, column=str(name)
            )
        elif column.dtype.kind != "f" and any(x.strip().casefold() in _MISSING for x in np.unique(column)):
            faults.add(said("found.covariate_missing"), said("allowed.level_every_row"), _FILL, column=str(name))
        column.flags.writeable = False
        out[str(name)] = column
    return MappingProxyType(out)


_FILL = said("do.fill_write_level_its")


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
            kind: Said | None = None
            if cell.casefold() in _MISSING:
                kind, allowed = (
                    said("found.covariate_empty"),
                    said("allowed.number") if numeric else said("allowed.level"),
                )
            elif numeric and number is None:
                kind, allowed = said("found.covariate_has_text_among"), said("allowed.numbers_throughout")
            elif declared is not None and cell not in declared:
                kind, allowed = said("found.covariate_has_level_not"), names_of(declared)
            if kind is not None:
                faults.add(kind, allowed, _FILL, row=row, column=name, value=cell or None)
        if numeric:
            out[name] = np.array([0.0 if x is None else x for x in numbers])
            continue
        if len(set(cells)) > max(MOST_LEVELS, 0):
            faults.add(
                said("found.covariate_has_levels", cells=len(set(cells))),
                said("allowed.most_levels", most_levels=MOST_LEVELS),
                said("do.put_levels_together_leave_2"), column=name,
            )  # fmt: skip
        out[name] = np.array(cells, dtype=np.str_)
    return out


def _number(text: str) -> float | None:
    """Return the number that a cell holds, or None."""
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return None
    value = float(text)
    return value if np.isfinite(value) else None


def design(columns: Columns, n_rows: int, formula: str, *, source: str | Said) -> Design:
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
            raise FormulaFault(said("formula.right_only"))
    except FormulaFault as fault:
        raise ModelError(_unreadable(columns, text, source, fault.said)) from None
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
        raise ModelError(_unreadable(columns, text, source, verbatim(_plain(error)))) from error
    matrix = np.ascontiguousarray(made.to_numpy(), dtype=np.float64)
    names = tuple(str(x) for x in made.columns)
    if matrix.shape[0] != n_rows or not np.isfinite(matrix).all():
        reason = said("formula.not_finite")
        raise ModelError(_unreadable(columns, text, source, reason))
    scaled = matrix / np.maximum(np.sqrt((matrix**2).sum(axis=0)), 1e-300)
    if np.linalg.matrix_rank(scaled) < matrix.shape[1]:
        raise ModelError(
            Problem(
                said("found.formula_has_terms_cannot", shape=str(matrix.shape[1]), names=(*names,),
                     scaled=np.linalg.matrix_rank(scaled)),
                said("allowed.terms_which_none_follows"),
                said("do.leave_out_term_repeats"),
                file=source, value=text,
            )
        )  # fmt: skip
    return Design(names, matrix)


def _formula_problems(columns: Columns, formula: FormulaTerms, text: str, source: str | Said) -> list[Problem]:
    """Return what can be said about a formula before it is evaluated."""
    known, problems = names_of(columns, said("allowed.none_table_has_no_3")), []
    if not formula.terms:
        problems.append(_unreadable(columns, text, source, said("formula.no_terms")))
    for name in formula.names:
        if name not in columns:
            near = get_close_matches(name, list(columns), n=1)
            remedy = said("do.did_you_mean", near=repr(near[0])) if near else said("do.use_covariates_table_1")
            problems.append(
                Problem(said("found.formula_names_unknown_covariate"), known, remedy, file=source, value=name)
            )
        elif len(np.unique(columns[name])) < 2:
            problems.append(
                Problem(
                    said("found.covariate_same_everybody", name=repr(name)), said("allowed.covariates_vary"),
                    said("do.leave_out_formula_cannot"), file=source, value=text,
                )
            )  # fmt: skip
    return problems


def _unreadable(columns: Columns, text: str, source: str | Said, reason: Said) -> Problem:
    names = names_of(columns, said("what.no_covariates"))
    return Problem(
        said("found.formula_cannot_used", reason=reason),
        said("allowed.right_hand_side_such", names=names, allowed=ALLOWED),
        said("do.correct_formula"), file=source, value=text,
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
