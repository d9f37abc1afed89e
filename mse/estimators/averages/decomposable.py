"""Exact averaging over decomposable graphs, every one of them, by their closed form.

Which pairs of lists depend on one another is left open: each decomposable graph on the lists is weighed by
its posterior probability, and so is each number of unseen persons (Madigan & York 1997). Nothing is sampled
and nothing is approximated but the width of the cells in which large unseen counts are taken together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import ModelWeights, Posterior, Says
from mse.answers.referees import Referee
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.registry import METHODS
from mse.kernels.arrays import Array
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Between, Draws, Example
from mse.tables.captures import CaptureTable
from mse.terms import Model
from mse.words.said import Said, said

if TYPE_CHECKING:
    from mse.kernels.graphs import GraphPosterior, Graphs, Grid


FEWEST_LISTS, MOST_LISTS = METHODS["decomposable"].lists

ROUGH = 50
"""Resolution of a rough answer: a fiftieth of n0."""

HEAVIEST = 1000
"""Graphs that are listed at most; the list stops earlier when it holds 99.99 % of the weight."""

CITATIONS = (
    "Madigan & York (1997) Bayesian methods for estimation of the size of a closed population. Biometrika 84:19-31",
)


_Positive = Annotated[float, Between(0, math.inf, above=True, below=True)]
ShapeScale = Annotated[tuple[_Positive, _Positive], Example(said("example.shape_scale"))]


@dataclass(frozen=True, slots=True)
class DecomposableSpec:
    """Options of averaging over decomposable graphs.

    Parameters
    ----------
    delta : float or None
        Prior count in each of the 2^K cells of the complete table; None is 2^-K, one prior person in all.
    prior : str or (float, float)
        Prior of N: ``"jeffreys"`` is 1/N; two numbers are the shape a and the scale b of a negative binomial,
        a Poisson count whose mean is Gamma with mean ab and variance ab^2.
    saturated : bool
        Let the complete graph take part, under which the lists say nothing about N.
    tolerance : float
        Posterior probability that may lie beyond the grid of unseen counts.
    limit : int
        Largest number of unseen persons that is looked at.
    draws : int
        Draws of N to store.
    """

    delta: Annotated[float, Between(0, 1000, above=True)] | None = None
    prior: Literal["jeffreys"] | ShapeScale = "jeffreys"
    saturated: bool = False
    tolerance: Annotated[float, Between(0, 0.1, above=True, below=True)] = 1e-9
    limit: Annotated[int, Between(1000, 10**12)] = 10**8
    draws: Draws = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)

    @property
    def shape_scale(self) -> tuple[float, float]:
        """The prior of N as the two numbers of `mse.kernels.graphs.log_prior_total`."""
        return (0.0, math.inf) if self.prior == "jeffreys" else (float(self.prior[0]), float(self.prior[1]))


def estimate(table: CaptureTable, spec: DecomposableSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Average the unseen over every decomposable graph on the lists.

    Parameters
    ----------
    table : CaptureTable
        Without strata, blind or absent lists; 3 to 7 lists.
    spec : DecomposableSpec
        Options.
    seed : int
        Seed of the draws of N; nothing else is random.
    compute : Compute, optional
        Not needed: the whole answer takes a fraction of a second, three seconds on seven lists.

    Returns
    -------
    Posterior
        With the weights of the heaviest graphs, the probability of an edge between each two lists, and
        diagnostics: ``graphs``, ``effective_graphs``, ``complete_weight``, ``log_evidence``, ``cells``,
        ``grid_end`` (largest N of the grid), ``grid_end_mass`` (share of the mass beyond, by its power law),
        ``tail_exponent`` (that power, where it can be told), ``dropped`` (bound on the mass skipped),
        ``near_observed`` (probability that fewer than 5 in 100 of the observed are unseen), and, when delta
        is not 2^-K, ``median_at_usual_delta``.

    Raises
    ------
    ModelError
        When the table has strata, cells that cannot be observed, lists that were absent, or too few or too
        many lists.

    References
    ----------
    Madigan & York (1997).
    """
    from mse.kernels.graphpanels import posterior_by_panels
    from mse.kernels.graphs import decomposable_graphs, without_complete

    counts = _check(table)
    graphs = decomposable_graphs(table.n_lists)
    if not spec.saturated:
        graphs = without_complete(graphs)
    usual = 2.0**-table.n_lists
    delta = usual if spec.delta is None else float(spec.delta)
    shape, scale = spec.shape_scale

    def posterior(prior_count: float) -> GraphPosterior:
        return posterior_by_panels(
            counts, graphs, prior_count,
            shape=shape, scale=scale, tolerance=spec.tolerance, limit=spec.limit,
        )  # fmt: skip

    found = posterior(delta)
    law, beyond = law_of(found, table.observed), found.beyond_end
    diagnostics = {
        "graphs": float(len(graphs.edges)),
        "effective_graphs": 1.0 / float(np.square(found.weights).sum()),
        "complete_weight": float(found.weights[-1]) if spec.saturated else 0.0,
        "log_evidence": found.log_evidence,
        "cells": float(found.mass.size),
        "grid_end": float(law.values[-1]),
        "grid_end_mass": beyond / (1.0 + beyond) if math.isfinite(beyond) else 1.0,
        "dropped": found.dropped,
        "near_observed": float(found.mass[found.grid.unseen < 0.05 * table.observed].sum()),
    }
    if math.isfinite(found.tail_exponent):
        diagnostics["tail_exponent"] = found.tail_exponent
    if delta != usual:
        diagnostics["median_at_usual_delta"] = float(law_of(posterior(usual), table.observed).quantile(0.5))
    point = float(law.quantile(0.5))
    says = Says(
        inside=(said("source.pairs"), said("source.pairs_strength"), said("source.chance")),
        outside=(said("source.not_decomposable"), said("source.linkage"), said("source.prior")),
        assumptions=(
            said("assumed.every_list"),
            said("assumed.no_path"),
            said("assumed.some_graph") if spec.saturated else said("assumed.some_graph_not_complete"),
        ),
        citations=CITATIONS,
        notes=_notes(diagnostics, table, delta, point),
    )
    return Posterior.of(
        table, spec, law, says, method="decomposable", seed=seed, settled={"delta": delta}, point=point,
        models=_heaviest(found, graphs), interactions=_edges(found, graphs, table.lists), diagnostics=diagnostics,
    )  # fmt: skip


def referee(table: CaptureTable, spec: DecomposableSpec, *, seed: int, compute: Compute, rough: bool) -> Referee:
    """Return what a verdict reads of `estimate`; `rough` from the first look at the whole grid alone.

    Raises
    ------
    ModelError
        As `estimate`.
    """
    found = _graphs_of(table, spec, rough)
    law = law_of(found, table.observed)
    low, point, high = (float(x) for x in law.quantile([0.025, 0.5, 0.975]))
    beyond = found.beyond_end / (1.0 + found.beyond_end) if math.isfinite(found.beyond_end) else 1.0
    # a cell of the rough grid is a fiftieth of n0 wide, and no interval is told to less than two cells
    within, wider = (1.05, 1.1 + 0.1 / math.log(high / low) if high > low else math.inf) if rough else (1.0, 1.0)
    return Referee(point, low, high, True, max(law.beyond, beyond), within, wider)


def rough_draws(table: CaptureTable, spec: DecomposableSpec, draws: int, rng: np.random.Generator) -> Array:
    """Return draws of N from the first look at the whole grid, persons, (draws,)."""
    return law_of(_graphs_of(table, spec, True), table.observed).draw(draws, rng).astype(np.float64)


def settled_draws(table: CaptureTable, spec: DecomposableSpec, draws: int, seed: int) -> Array:
    """Return draws of N from the law on the grid that fits it, persons, (draws,)."""
    found = law_of(_graphs_of(table, spec, False), table.observed)
    return found.draw(draws, np.random.default_rng([seed, 5])).astype(np.float64)


def _graphs_of(table: CaptureTable, spec: DecomposableSpec, rough: bool) -> GraphPosterior:
    """Return the joint posterior of graph and unseen, roughly or on the grid that fits it."""
    from mse.kernels.graphpanels import posterior_by_panels
    from mse.kernels.graphs import decomposable_graphs, posterior_on, without_complete

    counts = _check(table)
    graphs = decomposable_graphs(table.n_lists)
    graphs = graphs if spec.saturated else without_complete(graphs)
    delta = 2.0**-table.n_lists if spec.delta is None else float(spec.delta)
    shape, scale = spec.shape_scale
    if rough:
        found = posterior_on(counts, graphs, delta, geometric_grid(spec.limit, ROUGH), shape=shape, scale=scale)
    else:
        found = posterior_by_panels(
            counts, graphs, delta, shape=shape, scale=scale, tolerance=spec.tolerance, limit=spec.limit
        )  # fmt: skip
    return found


def _check(table: CaptureTable) -> Array:
    """Return counts by history, or say everything that keeps this method from the table."""
    dense, problems = table.dense(), []
    if not FEWEST_LISTS <= table.n_lists <= MOST_LISTS:
        few = table.n_lists < FEWEST_LISTS
        problems.append(
            Problem(said("fault.table_lists", count=table.n_lists),
                    said("allowed.lists", fewest_lists=FEWEST_LISTS, most_lists=MOST_LISTS),
                    said("do.two_lists_no_dependence") if few
                    else said("do.merge_drop_lists_use"),
                    file=said("what.table", name=table.name))
        )  # fmt: skip
    if not dense.cells[1:].all() or table.absent.any():
        problems.append(
            Problem(said("fault.unobservable"), said("allowed.table_which_every_list"),
                    said("do.drop_lists_blind_absent"),
                    file=said("what.table", name=table.name))
        )  # fmt: skip
    if problems:
        raise ModelError(problems)
    return dense.counts


def law_of(found: GraphPosterior, observed: int) -> Distribution:
    """Return the law of N; all the mass of a cell is reached at its last whole number."""
    return Distribution.from_mass(observed + found.grid.unseen + (found.grid.widths - 1.0) / 2.0, found.mass)


def _heaviest(found: GraphPosterior, graphs: Graphs) -> ModelWeights:
    order = np.argsort(-found.weights, kind="stable")[:HEAVIEST]
    order = order[: 1 + int(np.searchsorted(np.cumsum(found.weights[order]), 0.9999))]
    weight = found.weights[order]
    return ModelWeights(
        notation=tuple(Model(graphs.n_lists, tuple(map(int, graphs.cliques[g]))).notation for g in order),
        weight=weight,
        log_evidence=np.log(weight) + (found.log_evidence + math.log(len(graphs.edges))),
        size=found.means[order],
        log_sd=found.log_sds[order],
        pareto_k=np.full(len(order), np.nan),
    )


def _edges(found: GraphPosterior, graphs: Graphs, lists: Sequence[str]) -> dict[str, float]:
    from mse.kernels.graphs import edge_pairs

    chance = {
        f"{lists[a]}:{lists[b]}": float(found.weights[(graphs.edges >> e) & 1 == 1].sum())
        for e, (a, b) in enumerate(edge_pairs(graphs.n_lists))
    }
    return dict(sorted(chance.items(), key=lambda item: -item[1]))


def _notes(diagnostics: dict[str, float], table: CaptureTable, delta: float, point: float) -> tuple[Said, ...]:
    notes = []
    if diagnostics["grid_end_mass"] > 1e-6:
        notes.append(said("note.grid_end", share=diagnostics["grid_end_mass"], end=diagnostics["grid_end"]))
    if diagnostics["near_observed"] > 0.5 and diagnostics["complete_weight"] > 0.5:
        weight = diagnostics["complete_weight"]
        notes.append(said("note.complete_graph", share=weight, observed=table.observed, delta=delta))
    usual = diagnostics.get("median_at_usual_delta", point) - table.observed
    here = point - table.observed
    if max(usual, here) > 1.5 * max(min(usual, here), 1.0):
        persons = delta * 2**table.n_lists
        ends = {"point": point, "usual": usual + table.observed}
        notes.append(said("note.prior_drives", delta=delta, persons=persons, **ends))
    return tuple(notes)


# --- the grid of unseen counts ---------------------------------------------------------------------


def geometric_grid(last: int, resolution: int) -> Grid:
    """Return cells that cover 0 to `last`, or just past it.

    A cell is one whole number up to twice `resolution`, and beyond that about 1 / `resolution` of n0 wide;
    its width is odd, so that its middle is a whole number.
    """
    from mse.kernels.graphs import Grid

    starts, unseen, widths = _cells(len(str(last)), resolution)
    upto = int(np.searchsorted(starts, last, side="right"))
    return Grid(unseen[:upto], widths[:upto])


@lru_cache(maxsize=32)
def _cells(digits: int, resolution: int) -> tuple[Array, Array, Array]:
    """Return start, middle and width of the cells that cover all numbers of so many digits: shorter grids begin so."""
    starts, start = [], 0
    while start < 10**digits:
        starts.append(start)
        start += 2 * (start // (2 * resolution)) + 1
    first = np.array(starts, dtype=np.int64)
    half = first // (2 * resolution)
    return first.astype(np.float64), (first + half).astype(np.float64), (2 * half + 1).astype(np.float64)
