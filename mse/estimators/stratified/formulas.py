"""Models on lists and covariates: formula notation to terms and back, and the 0/1 design of their columns.

A model is a `Model` over *factors*: the lists come first, with two levels each, then the dimensions of the strata. A
term is a set of factors, written as a bitmask. Coding is 0/1 against a reference level: for a list "not on it", for a
covariate its most frequent level, so that a margin of zero persons shows as a column of zero persons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

import numpy as np

from mse.errors import ModelError, Problem
from mse.kernels.arrays import Array, Flags, Integers
from mse.kernels.stratumcells import Rows
from mse.settings.formulatext import ALLOWED, FormulaFault, FormulaTerms, quoted, read_formula, term_text
from mse.terms import Model, members
from mse.words.said import said


class Columns(NamedTuple):
    """The columns of one term.

    Parameters
    ----------
    entry : (R,) int64
        Which of the term's columns is 1 in a cell; −1 for none. A cell never has two.
    levels : tuple of tuple of int
        For each column the levels (above the reference 0) of the term's factors, in the order of the factors.
    """

    entry: Integers
    levels: tuple[tuple[int, ...], ...]


def parse_formula(text: str, names: Sequence[str], sizes: Sequence[int]) -> Model:
    """Read a formula over lists and covariates, ``"~ (A + B + C + year)^2 - A:B"``.

    Parameters
    ----------
    text : str
        As `mse.settings.formulatext` reads it: ``+``, ``-``, ``:``, ``*``, ``^``, parentheses; names with blanks or
        signs in them in backquotes. A left side, if there is one, must be ``count``. The model is the smallest
        hierarchical one with these terms; factors that are not mentioned are in with their main effect.
    names : sequence of str
        Factors: lists, then covariates.
    sizes : sequence of int
        Their numbers of levels.

    Raises
    ------
    ModelError
        With every term that is unknown, constant (a covariate of one level) or no plain name; or when the text is not
        a formula or leaves the intercept out.
    """
    allowed = said("allowed.formula_over_such_2", names=(*names,), quoted=" + ".join(map(quoted, names[:3])))
    read = formula_terms(text)
    problems = []
    if read.left not in (None, "count"):
        found = said("found.left_side_formula", left=read.left)
        problems.append(Problem(found, said("allowed.count_nothing"), said("do.leave_out_2"), value=text))
    terms = []
    place = {name: i for i, name in enumerate(names)}
    for factors in read.terms:
        term, parts = term_text(factors), [x.names[0] if x.plain else x.text for x in factors]
        unknown = [x for x in parts if x not in place]
        for name in unknown:
            near = get_close_matches(name, names, n=1)
            remedy = said("do.did_you_mean", near=near[0]) if near else said("do.correct_name_leave_term")
            problems.append(Problem(said("found.term_has_unknown_factor", term=term), allowed, remedy, value=name))
        for name in parts:
            if name not in unknown and sizes[place[name]] < 2:
                found = said("found.term_constant_has_one", term=term, name=name)
                problems.append(
                    Problem(found, said("allowed.covariates_two_levels_more"), said("do.leave_term_out"), value=name)
                )
        if not unknown:
            terms.append(sum(1 << place[x] for x in parts))
    if not read.constant:
        problems.append(Problem(said("found.formula_has_no_intercept"), allowed, said("do.leave_out_1_0"), value=text))
    if problems:
        raise ModelError(problems)
    return Model(len(names), tuple(terms))


def formula_terms(text: str) -> FormulaTerms:
    """Return what a formula says, read but held against no table.

    Raises
    ------
    ModelError
        When it is no formula.
    """
    try:
        return read_formula(text)
    except FormulaFault as fault:
        raise ModelError(
            Problem(said("found.no_formula", fault=fault.said), ALLOWED, said("do.correct_formula"), value=text)
        ) from None


def term_name(term: int, names: Sequence[str]) -> str:
    """Return a term as a formula writes it, ``"A:year"``."""
    return ":".join(quoted(names[j]) for j in members(term)) or "1"


def formula_of(model: Model, names: Sequence[str]) -> str:
    """Return a formula with every term of a model, main effects first: ``"A + B + year + A:B"``."""
    return " + ".join(term_name(term, names) for term in model.terms if term)


def term_columns(term: int, levels: Integers, sizes: Sequence[int]) -> Columns:
    """Return the 0/1 columns of one term.

    Parameters
    ----------
    term : int
        Bitmask of factors; 0 for the intercept.
    levels : (R, F) int64
        Level of each factor in each cell; 0 is the reference.
    sizes : sequence of int, length F
        Numbers of levels.
    """
    entry = np.zeros(levels.shape[0], dtype=np.int64)
    shape = [sizes[j] - 1 for j in members(term)]
    for j, size in zip(members(term), shape, strict=True):
        entry = np.where((entry < 0) | (levels[:, j] == 0), -1, entry * size + levels[:, j] - 1)
    count = int(np.prod(shape, dtype=np.int64))
    places = np.array(np.unravel_index(np.arange(count), shape)).T + 1 if shape else np.zeros((1, 0), dtype=np.int64)
    return Columns(entry, tuple(tuple(int(x) for x in row) for row in places))


def stack_columns(columns: Sequence[Columns]) -> tuple[Integers, Integers]:
    """Return the columns of several terms side by side.

    Returns
    -------
    entries : (R, T) int64
        For each cell and term the place of the column that is 1; −1 for none.
    first : (T+1,) int64
        Column at which each term begins, and the number of columns.
    """
    first = np.concatenate([[0], np.cumsum([len(c.levels) for c in columns])]).astype(np.int64)
    entries = np.stack([np.where(c.entry < 0, -1, c.entry + at) for c, at in zip(columns, first, strict=False)], axis=1)
    return entries, first


def kernel_rows(entries: Integers, keep: Flags) -> Rows:
    """Return the design as the kernel takes it.

    Parameters
    ----------
    entries : (R, T) int64
        As `stack_columns` gives them.
    keep : (p,) bool
        Columns to use; the others are left out and the rest moves up.
    """
    place = np.append(np.where(keep, np.cumsum(keep) - 1, -1), -1)  # the last entry serves −1
    mapped = place[entries]
    inside = mapped >= 0
    starts = np.concatenate([[0], np.cumsum(inside.sum(axis=1))]).astype(np.int64)
    chosen = mapped[inside].astype(np.int64)
    return Rows(starts, chosen, np.ones(chosen.size))


def dense(rows: Rows, n_columns: int) -> Array:
    """Return a stored design as a plain matrix, (R, n_columns)."""
    out = np.zeros((rows.starts.size - 1, n_columns))
    out[np.repeat(np.arange(out.shape[0]), np.diff(rows.starts)), rows.columns] = rows.values
    return out


def column_labels(
    terms: Sequence[int], columns: Sequence[Columns], names: Sequence[str], level_names: Mapping[int, Sequence[str]]
) -> tuple[str, ...]:
    """Return a name for every column, ``"A:year[2019]"``.

    Parameters
    ----------
    terms, columns : sequence
        The terms and their columns.
    names : sequence of str
        Factors.
    level_names : mapping of int to sequence of str
        Names of the levels of each covariate by its place among the factors, the reference first; lists have none.
    """
    labels = []
    for term, group in zip(terms, columns, strict=True):
        for levels in group.levels:
            parts = [
                quoted(names[j]) + (f"[{level_names[j][at]}]" if j in level_names else "")
                for j, at in zip(members(term), levels, strict=True)
            ]
            labels.append(":".join(parts) or "(Intercept)")
    return tuple(labels)
