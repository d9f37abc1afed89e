"""A walk through hierarchical models on lists and covariates, one term at a time, by an information criterion."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.stratified.formulas import Columns, formula_of, term_name
from mse.estimators.stratified.notes import strata_named
from mse.estimators.stratified.opencells import StrataCells
from mse.estimators.stratified.solve import COARSE, Start, make_plan, solve
from mse.estimators.stratified.stratumfit import StrataFit, fit_strata
from mse.settings.specfields import Criterion
from mse.terms import Model, members, term_of
from mse.words.said import said

Walk = Literal["direct", "long"]
MAX_STEPS = 500
BATCH = 4
"""Neighbours in one task."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One model on the walk.

    Parameters
    ----------
    change : str
        ``"+ A:B"``, ``"- A:B"``, or empty for the model at which the walk began.
    fit : StrataFit
        The model.
    tried, refused : int
        Neighbours that were fitted, and those of them in which some stratum has no estimate.
    """

    change: str
    fit: StrataFit
    tried: int
    refused: int


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a search came to.

    Parameters
    ----------
    best : StrataFit
        The model on the walk with the smallest criterion.
    path : tuple of Step
        Every model of the walk, in order.
    """

    best: StrataFit
    path: tuple[Step, ...]


def search(
    cells: StrataCells,
    *,
    criterion: Criterion = "bic",
    max_order: int = 2,
    walk: Walk = "direct",
    begin: Model | None = None,
    compute: Compute | None = None,
) -> Found:
    """Walk from main effects to a model with a small criterion.

    Parameters
    ----------
    cells : StrataCells
        The table.
    criterion : str
        ``"bic"`` (penalty ln n, persons), ``"bic_cells"`` (ln of the observed counts) or ``"aic"``.
    max_order : int
        Most factors in a term.
    walk : str
        ``"direct"``: in each step the addition or removal that lowers the criterion most, until none does. ``"long"``:
        the same by AIC, then further additions as long as one lowers the deviance by more than 1; the model on the
        way with the smallest criterion is taken. That is the rule of Cruyff's
        software as its results show it, not each of its steps: on netherlands-2010-2015-5 that program adds a term at
        step 11 and stops at 121,522, where this drops one and ends at 46,331 with the better BIC.
    begin : Model, optional
        Where to start; main effects when not given.
    compute : Compute, optional
        Workers and progress.

    Returns
    -------
    Found
        Neighbours in which some stratum has no estimate are refused; the counts are in the steps.

    Raises
    ------
    ModelError
        When the model at which to start gives no estimate.
    """
    compute = compute or Compute()
    factors = len(cells.names)
    allowed = join_candidates(cells, max_order)
    store: dict[int, Columns] = {}
    model = begin or Model(factors, ())
    fit = fit_strata(cells, model, plan=make_plan(cells, model.terms, store))
    require(cells, fit)
    path = [Step("", fit, 0, 0)]
    first: Criterion = criterion if walk == "direct" else "aic"
    phases = [(_price(first, cells), True)] + ([(1.0, False)] if walk == "long" else [])
    for price, both in phases:
        while len(path) < MAX_STEPS:
            near = sorted(moves(model, allowed, both))
            start = fit.plan.split(fit.solution.beta)
            task = partial(_deviances, cells, model, start, store)
            what = said("stage.models_with", terms=len(model.terms) - 1)
            values = list(compute.map(what, task, [near[i : i + BATCH] for i in range(0, len(near), BATCH)]))
            scored = [pair for group in values for pair in group]
            refused = sum(math.isnan(value) for _, value, _ in scored)
            now = -2.0 * fit.log_likelihood + price * fit.parameters
            options = [(value + price * p, term) for term, value, p in scored if not math.isnan(value)]
            lowest, term = min(options, default=(math.inf, 0))
            if not lowest < now - 1e-7:
                break
            sign = "-" if term in set(model.terms) else "+"
            model = changed(model, term)
            fit = fit_strata(cells, model, start=start, plan=make_plan(cells, model.terms, store))
            path.append(Step(f"{sign} {term_name(term, cells.names)}", fit, len(scored), refused))
    best = min(path, key=lambda step: float(getattr(step.fit, criterion)))
    return Found(best.fit, tuple(path))


def require(cells: StrataCells, fit: StrataFit, refused: Sequence[str] = ("no MLE", "not identifiable")) -> None:
    """Raise when some stratum has one of the statuses that are refused, naming all of them."""
    wrong = [
        (name, status) for name, status in zip(cells.stratum_names(), fit.status, strict=True) if status in refused
    ]
    if not wrong:
        return
    problems = []
    for status in dict.fromkeys(status for _, status in wrong):
        where = strata_named([name for name, other in wrong if other == status], 6)
        no_mle, open_there = said("fault.no_mle_in", where=where), said("fault.not_identifiable_in", where=where)
        problems.append(
            Problem(
                no_mle if status == "no MLE" else open_there,
                said("allowed.model_fixes_unseen_every"),
                said("do.leave_out_terms_formula"),
                file=said("what.table", name=cells.table.name),
                value=fit.formula,
            )
        )
    raise ModelError(problems)


def _price(criterion: Criterion, cells: StrataCells) -> float:
    """Return the cost of one parameter."""
    if criterion == "aic":
        return 2.0
    return math.log(cells.persons if criterion == "bic" else cells.observations)


def join_candidates(cells: StrataCells, max_order: int) -> list[int]:
    """Return the terms of two factors and more that some open cell has with all factors off their reference."""
    out = []
    varied = [j for j, size in enumerate(cells.sizes) if size > 1]
    is_open = cells.seen.open > 0
    above = cells.levels[is_open] > 0
    for order in range(2, min(max_order, len(varied)) + 1):
        for chosen in itertools.combinations(varied, order):
            if order == cells.table.n_lists and max(chosen) < order:
                continue  # the term of all lists leaves the unseen open
            if above[:, chosen].all(axis=1).any():
                out.append(term_of(chosen))
    return out


def moves(model: Model, allowed: list[int], both: bool) -> list[int]:
    """Return the terms whose coming or going leaves the model hierarchical."""
    present = set(model.terms)
    out = [term for term in allowed if term not in present and all(term & ~(1 << j) in present for j in members(term))]
    if both:
        out += [g for g in model.generators if g.bit_count() > 1 and g in set(allowed)]
    return out


def changed(model: Model, term: int) -> Model:
    """Return the model with the term in it if it was out, and out of it if it was in."""
    present = set(model.terms)
    return Model(model.n_lists, tuple(present - {term} if term in present else present | {term}))


def _deviances(
    cells: StrataCells, model: Model, start: Start, store: dict[int, Columns], terms: list[int]
) -> list[tuple[int, float, int]]:
    """Return term, −2 log likelihood (NaN where some stratum has no estimate) and parameters of each neighbour."""
    out = []
    for term in terms:
        plan = make_plan(cells, changed(model, term).terms, store)
        solution = solve(cells, plan, start, tolerance=COARSE)
        value = -2.0 * solution.fit.log_likelihood if solution.fine else math.nan
        out.append((term, value, solution.parameters))
    return out


def path_rows(found: Found, names: tuple[str, ...]) -> list[dict[str, object]]:
    """Return the walk as plain rows: change, formula, df, deviance, aic, bic, bic_cells, N, refused."""
    return [
        {
            "change": step.change,
            "formula": formula_of(step.fit.model, names),
            "df": step.fit.df,
            "deviance": step.fit.deviance,
            "aic": step.fit.aic,
            "bic": step.fit.bic,
            "bic_cells": step.fit.bic_cells,
            "N": float(np.nansum(step.fit.N)),
            "refused": step.refused,
        }
        for step in found.path
    ]
