"""What share of the probability the visited models with covariates hold: random walks over models, made afterwards.

Metropolis walks (MC³, Madigan & York 1995, International Statistical Review 63:215) start far apart and propose to add
or drop one term, or to exchange two; they spend among the visited models the share of their time that is the share of
the probability there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from mse.computing.convergence import WARM_UP, time_inside
from mse.computing.parallel import Compute
from mse.estimators.stratified.opencells import Array, StrataCells
from mse.estimators.stratified.stratasearch import changed, moves
from mse.estimators.stratified.strataweights import Balanced, Weighed, weigh
from mse.terms import Model, members

CHAINS, STEPS = 4, 4000
"""Walks, and proposals in each; those that are not hierarchical cost nothing."""

Terms = frozenset[int]
"""The terms of a model."""


@dataclass(frozen=True, slots=True, eq=False)
class StrataWalks:
    """What the walks say.

    Parameters
    ----------
    share, error : float
        Share of the probability on the visited models, and its Monte Carlo standard error.
    rhat : float
        R-hat of the log posterior of the models.
    outside : tuple of Weighed
        Models met outside that are in the window.
    """

    share: float
    error: float
    rhat: float
    outside: tuple[Weighed, ...]


def walk(
    cells: StrataCells,
    design: Balanced,
    sd: float,
    window: float,
    found: list[Weighed],
    seed: tuple[int, ...],
    compute: Compute,
) -> StrataWalks:
    """Walk over models, and tell which share of the time is spent among those that were found.

    Parameters
    ----------
    cells, design
        The table, and the columns of every candidate term.
    sd, window : float
        As in `StrataAverageSpec`.
    found : list of Weighed
        Visited models, the heaviest first.
    seed : tuple of int
        Of the walks.
    compute : Compute
        Workers and progress.
    """
    known = {frozenset(w.model.terms): w.log_evidence for w in found}
    task = partial(_walk, cells, design, sd, known, seed)
    walks = list(compute.map("walking over models", task, range(CHAINS)))
    warm = int(WARM_UP * STEPS)
    values = np.stack([values[warm:] for values, _, _ in walks])
    inside = np.stack([inside[warm:] for _, inside, _ in walks])
    limit = found[0].log_evidence + math.log(window)
    outside = {w.model: w for _, _, met in walks for w in met if w.log_evidence >= limit}
    time = time_inside(inside, (values,))
    return StrataWalks(time.share, time.error, time.rhat, tuple(outside.values()))


def _walk(
    cells: StrataCells, design: Balanced, sd: float, known: dict[Terms, float], seed: tuple[int, ...], number: int
) -> tuple[Array, npt.NDArray[np.bool_], list[Weighed]]:
    """Make one walk: log evidence after each step, whether the model was known, and the others met."""
    rng = np.random.default_rng([*seed, number])
    allowed = [term for term in design.place if term.bit_count() > 1]
    met: dict[Terms, Weighed | None] = {}

    def value(terms: Terms) -> float:
        if terms in known:
            return known[terms]
        if terms not in met:
            met[terms] = weigh(cells, design, sd, Model(len(cells.names), tuple(terms)))
        weighed = met[terms]
        return -math.inf if weighed is None else weighed.log_evidence

    here = frozenset(_start(len(cells.names), allowed, number, rng).terms)
    level = value(here)
    values, inside = np.empty(STEPS), np.empty(STEPS, dtype=bool)
    for step in range(STEPS):
        if allowed:
            proposed = _proposal(here, allowed, rng)
            reached = -math.inf if proposed is None else value(proposed)
            if proposed is not None and math.log(rng.random()) < reached - level:
                here, level = proposed, reached
        values[step], inside[step] = level, here in known
    return values, inside, [w for w in met.values() if w is not None]


def _start(factors: int, allowed: list[int], number: int, rng: np.random.Generator) -> Model:
    """Return where a walk starts: main effects only, all terms, or some of the terms at random."""
    model = Model(factors, ())
    if number == 0:
        return model
    share = 1.0 if number == 1 else rng.random()
    for term in allowed:
        if term in moves(model, [term], False) and rng.random() <= share:
            model = changed(model, term)
    return model


def _proposal(here: Terms, allowed: list[int], rng: np.random.Generator) -> Terms | None:
    """Return the terms with one changed, or one put in the place of another; None when they are not hierarchical."""
    chosen = {allowed[int(rng.integers(len(allowed)))]}
    if rng.random() < 0.5:
        chosen.add(allowed[int(rng.integers(len(allowed)))])
        if len(chosen & here) != 1 or len(chosen) != 2:
            return None
    terms = here ^ chosen
    # pairs hang on main effects, which are always there
    if any(term & ~(1 << j) not in terms for term in terms if term.bit_count() > 2 for j in members(term)):
        return None
    return terms
