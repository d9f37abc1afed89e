"""Multilevel log-linear model for strata and years: partial pooling, random walks, breaks, one posterior for all parts.

In stratum s, log expected size ν, log-odds λ of every list and log odds ratio θ of every pair of lists are

    ν_s = mean + dimensions + random walk over time (and one for every level of a dimension) + rest_s
    λ_sj = mean_j + dimensions + random walk + breaks + rest_sj
    θ_sp = common + own_p + dimensions + rest_s

with half-normal scales of every group of effects, and a regularised horseshoe on what a pair has of its own (Piironen &
Vehtari 2017). The common part is what people who differ in visibility make of all pairs: where visibility is normal
among the unseen, the log-linear model has such a term (Darroch, Fienberg, Glonek & Junker 1993). Counts are Poisson in
open cells; a list that is blind leaves no cell, one that is missing leaves sums of cells, as do missing labels; a
bounded cell is cut off at its bound. The unseen of every stratum are Poisson around their mean. Random walks rather
than Gaussian processes: their steps need no length scale, cross years without data at the cost of width, and are cheap.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from mse.answers.posterior import Posterior, Says
from mse.answers.strata import StrataDraws
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem, names_of
from mse.estimators.multilevel.areas import Areas
from mse.estimators.multilevel.chaindiagnostics import (
    convergence,
    leave_one_out,
    not_converged,
    predictive,
    prior_factor,
    settled,
)
from mse.estimators.multilevel.effects import Design, build_design, find_time
from mse.estimators.multilevel.information import with_information
from mse.estimators.multilevel.nuts import WARMUP, Chains, sample
from mse.estimators.multilevel.outputs import Persons, draw_persons
from mse.estimators.multilevel.priors import Priors
from mse.estimators.multilevel.sizemeasures import measure_notes, with_measures
from mse.estimators.stratified.declared import Blind, Bounded, Missing, Unknown, declare
from mse.estimators.stratified.notes import assumptions, flags, notes_on_cells, plain
from mse.estimators.stratified.opencells import StrataCells, build_cells
from mse.estimators.stratified.stratumdraws import smooth_law
from mse.kernels.arrays import Integers
from mse.kernels.multilevel_model import BREAKS, SIZE_MEAN
from mse.settings.specchecks import Placed, check_spec
from mse.settings.specfields import Between, Check, Example, Longest, count
from mse.tables.areapairs import read_neighbours
from mse.tables.captures import CaptureTable
from mse.words.said import Said, said

Engine = Literal["kernel", "pymc"]

CHAINS = 4
"""Chains of the sampler, and those in which its draws are stored."""

INSIDE = (said("source.dependence_strata"), said("source.sizes_strata"), said("source.chance"))
OUTSIDE = (said("source.beyond_pairs"), said("source.linkage"), said("source.prior"), said("source.truth"))
ASSUMPTIONS = (
    said("assumed.no_three_lists"),
    said("assumed.closed_stratum"),
    said("assumed.linked_lists"),
    said("assumed.alike_strata"),
)
CITATIONS = (
    "Piironen & Vehtari (2017) Sparsity information and regularization in the horseshoe and other shrinkage priors. "
    "Electronic Journal of Statistics 11:5018-5051",
    "Darroch, Fienberg, Glonek & Junker (1993) A three-sample multiple-recapture approach to census population "
    "estimation with heterogeneous catchability. JASA 88:1137-1148",
    "Papaspiliopoulos, Roberts & Sköld (2007) A general framework for the parametrization of hierarchical models. "
    "Statistical Science 22:59-73",
    "Hoffman & Gelman (2014) The No-U-Turn sampler. JMLR 15:1593-1623",
    "Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021) Rank-normalization, folding, and localization: an improved "
    "R-hat. Bayesian Analysis 16:667-718",
)
AREA_CITATIONS = (
    "Riebler, Sørbye, Simpson & Rue (2016) An intuitive Bayesian spatial model for disease mapping that accounts for "
    "scaling. Statistical Methods in Medical Research 25:1145-1165",
    "Freni-Sterrantino, Ventrucci & Rue (2018) A note on intrinsic conditional autoregressive models for disconnected "
    "graphs. Spatial and Spatio-temporal Epidemiology 26:25-34",
)
"""Beside these where areas have neighbours."""

Measures = Annotated[
    Sequence[str], Check(said("example.measures"), lambda dates: len(set(dates)) < len(dates))
]  # each once
Breaks = Annotated[
    Mapping[str, Annotated[Sequence[str], Check(said("example.one_list"), lambda lists: not lists)]],
    Example(said("example.breaks")),
]

Neighbours = Annotated[Path | tuple[tuple[str, str], ...], Longest(100_000), Example(said("example.neighbours"))]


@dataclass(frozen=True, slots=True)
class MultilevelSpec:
    """Options of the multilevel model.

    Parameters
    ----------
    time : str or None
        The dimension with random walks; None finds one by its name (year, jaar, time, period, quarter, month).
    breaks : mapping of str to sequence of str
        Lists that register differently from a moment on: ``{"2018-05": ["R", "O", "Z"]}``. A date within a year counts
        for the part of the year behind it; a level of the time dimension means from that level on.
    areas : str or None
        The dimension whose levels are areas, which with `neighbours` has a prior that is smooth over neighbours.
    neighbours : Path or tuple of (str, str), or None
        Areas that border on each other: a file with a pair of areas on every row, or the pairs.
    islands : tuple of str
        Areas that have no neighbours.
    draws : int
        Draws to store, in four chains; sampling goes on, so many at a time, until R-hat is at most 1.01 and 400 draws
        are effective in everything that is watched, 1,000 in the total.
    longest : int
        Draws from which on it does not go on: chains that still do not agree are said not to.
    accept : float
        Acceptance that the sampler aims at; higher is slower and diverges less.
    dependence : float
        Factor on the priors of dependence between lists: 2 asks how much they matter.
    engine : str
        ``"kernel"``: the density compiled here; ``"pymc"``: the same model in PyMC, whose compilation takes minutes.
    measures : sequence of str
        Dates from which N itself may be other, at once and in its trend, beside the breaks: ``["2018-05"]``.
    blind, missing, bounded, unknown
        See `mse.estimators.stratified.declared`.
    """

    time: str | None = None
    breaks: Breaks = field(default_factory=dict)
    areas: str | None = None
    neighbours: Neighbours | None = None
    islands: Annotated[tuple[str, ...], Longest(100_000)] = ()
    draws: Annotated[int, count(40, 1_000_000)] = 4000
    longest: Annotated[int, count(40, 10_000_000)] = 32_000
    accept: Annotated[float, Between(0.5, 1, below=True)] = 0.9
    dependence: Annotated[float, Between(0, 10, above=True)] = 1.0
    engine: Engine = "kernel"
    measures: Measures = ()
    blind: Blind = field(default_factory=dict)
    missing: Missing = field(default_factory=dict)
    bounded: Bounded = field(default_factory=dict)
    unknown: Unknown = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)

    def together(self) -> Placed:
        """Yield what does not fit together: areas, their neighbours, and islands among them."""
        if (self.areas is None) != (self.neighbours is None):
            name, other = ("neighbours", "areas") if self.areas is None else ("areas", "neighbours")
            yield (name,), Problem(said("found.setting_needs_other", name=name, other=other),
                                   said("allowed.both_or_neither"), said("do.give_other", other=other))  # fmt: skip
        if self.islands and self.areas is None:
            found = said("found.setting_needs_other", name="islands", other="areas")
            yield ("islands",), Problem(found, said("allowed.both_or_neither"), said("do.give_other", other="areas"))


def estimate(table: CaptureTable, spec: MultilevelSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate N of every stratum, and their total, under one multilevel model.

    Parameters
    ----------
    table : CaptureTable
        With or without strata; lists that are blind or absent in some strata as declared in it or in `spec`.
    spec : MultilevelSpec
        Options.
    seed : int
        Seed of everything random; the answer does not depend on the number of workers.
    compute : Compute, optional
        Chains at once; progress; a folder that keeps finished parts of chains, from which an interrupted run goes on.

    Returns
    -------
    Posterior
        With `strata`. When the chains do not agree it is there all the same: its diagnostics, which the verdict reads,
        and its notes say so. Diagnostics: see `mse.estimators.multilevel.chaindiagnostics`; ``compile_seconds``,
        ``sampling_seconds`` (of all chains), ``few_lists``, ``bounded_persons``, ``unlabelled``.

    Raises
    ------
    ModelError
        When nutpie, ArviZ or (with that engine) PyMC are missing, or a name is unknown.
    InputError
        When persons are on a list where it is declared blind or missing; with everything that is wrong with
        neighbours.
    """
    compute = compute or Compute()
    design = design_of(table, spec)
    legs = sample(
        design, chains=CHAINS, draws=-(-spec.draws // CHAINS), longest=-(-spec.longest // CHAINS), accept=spec.accept,
        engine=spec.engine, seed=seed, compute=compute,
    )  # fmt: skip
    for chains in legs:
        x = chains.x.reshape(-1, design.n_parameters)
        rng = np.random.default_rng([seed, CHAINS])
        persons = draw_persons(design, x, rng)
        agreement = convergence(design, chains, persons)
        if settled(agreement):
            break
    totals = persons.N.sum(axis=1)
    diagnostics = {
        **agreement,
        **predictive(design, persons, rng),
        **leave_one_out(design, x),
        **prior_factor(design, x, totals.astype(np.float64)),
        "compile_seconds": chains.compile_seconds,
        "sampling_seconds": chains.seconds,
        "few_lists": float((design.cells.operating < 3).sum()),
        "bounded_persons": float(design.cells.upper.sum()),
        "unlabelled": float(design.cells.unlabelled),
    }
    return _posterior(design, spec, persons, diagnostics, _notes(design, spec, chains, persons, diagnostics), seed)


def design_of(table: CaptureTable, spec: MultilevelSpec) -> Design:
    """Return the model of a table as arrays; raises as `estimate`."""
    design = with_measures(_without_measures(table, spec), spec.measures)
    return replace(design, model=with_information(design.model))


def _without_measures(table: CaptureTable, spec: MultilevelSpec) -> Design:
    table = declare(table, spec.blind, spec.missing)
    cells = build_cells(table, bounded=spec.bounded, unknown=spec.unknown)
    priors = Priors()
    if spec.dependence != 1.0:
        wider = {name: getattr(priors, name) * spec.dependence for name in ("pair_global", "slab")}
        # the dependence is the square of the visibility
        priors = replace(priors, visibility=priors.visibility * math.sqrt(spec.dependence), **wider)
    return build_design(cells, priors, spec.time, spec.breaks, _areas_of(cells, spec))


def _areas_of(cells: StrataCells, spec: MultilevelSpec) -> Areas | None:
    """Return the areas and who borders on whom; None where that is not asked for."""
    if spec.areas is None or spec.neighbours is None:
        return None
    if spec.areas not in cells.dimensions or spec.areas == find_time(cells, spec.time):
        allowed = names_of(cells.dimensions, said("allowed.none_table_has_no"))
        raise ModelError(
            Problem(said("fault.no_areas", dimension=spec.areas), allowed, said("do.correct_name"), value=spec.areas)
        )  # fmt: skip
    return Areas(spec.areas, read_neighbours(spec.neighbours, cells.dimensions[spec.areas], spec.islands))


def _posterior(
    design: Design, spec: MultilevelSpec, persons: Persons, diagnostics: dict[str, float], notes: list[Said], seed: int
) -> Posterior:
    """Return the answer with everything that has to be said beside it."""
    cells = design.cells
    table, s = cells.table, cells.n_strata
    certain = float(cells.certain.sum())
    totals = persons.N.sum(axis=1)
    stored = persons.N[_spaced(len(totals), -(-spec.draws // CHAINS) * CHAINS)]
    law = smooth_law(certain, totals.astype(np.float64) - certain)
    says = Says(
        INSIDE,
        OUTSIDE,
        (*ASSUMPTIONS, *assumptions(cells)),
        CITATIONS if design.areas is None else (*CITATIONS, *AREA_CITATIONS),
        tuple(notes),
        said("kind.posterior_multilevel"),
    )
    return Posterior.of(
        table, spec, law, says, method="multilevel", seed=seed, draws=stored.sum(axis=1),
        settled={
            **plain(asdict(spec)), **_who_borders(design), "time": design.time,
            "sampler": f"nutpie {version('nutpie')}",
        },
        point=float(np.median(totals)), observed=table.observed - int(cells.upper.sum()), diagnostics=diagnostics,
        strata=StrataDraws(
            cells.dimensions, stored, np.quantile(persons.N, 0.5, axis=0), cells.certain, np.full((s, s), np.nan),
            flags(cells, ("ok",) * s), chains=CHAINS, unlabelled=cells.without_label,
        ),
    )  # fmt: skip


def _who_borders(design: Design) -> dict[str, object]:
    """Return how many pairs of areas there were and a digest of their names, as the record of the run has them."""
    if design.areas is None:
        return {}
    levels = design.cells.dimensions[design.areas.dimension]
    named = sorted(sorted((levels[a], levels[b])) for a, b in design.areas.pairs)
    text = "".join(f"{one}\t{other}\n" for one, other in named)
    return {"neighbours": {"pairs": len(named), "sha256": hashlib.sha256(text.encode()).hexdigest()}}


def _notes(
    design: Design, spec: MultilevelSpec, chains: Chains, persons: Persons, diagnostics: Mapping[str, float]
) -> list[Said]:
    """Say what was sampled, what the breaks and the strongest dependence are, and what is wrong if anything is."""
    from scipy.special import ndtr

    cells, model = design.cells, design.model
    draws = chains.x.shape[1]
    out = notes_on_cells(cells, float(np.median(persons.members)) if cells.upper.any() else 0.0)
    walk = said("note.walks", time=design.time) if design.time else said("note.no_time")
    size = {"count": design.n_parameters, "strata": cells.n_strata}
    out.insert(0, said("note.sampled", walk=walk, chains=len(chains.x), draws=draws, **size))
    out += measure_notes(design, spec.measures, chains.x.reshape(-1, design.n_parameters), persons.log_size)
    at = int(model.starts[BREAKS])
    for e, (when, name) in enumerate(design.breaks):
        odds = np.exp(model.break_prior * chains.x[:, :, at + e].reshape(-1))
        low, middle, high = np.quantile(odds, [0.025, 0.5, 0.975])
        out.append(said("note.break", when=when, list=name, low=low, middle=middle, high=high))
    if design.areas is not None:
        shared = ndtr(chains.x[:, :, int(model.starts[SIZE_MEAN]) - 1].reshape(-1))
        low, middle, high = np.quantile(shared, [0.025, 0.5, 0.975])
        areas = {"count": model.area_variances.size, "pairs": len(design.areas.pairs)}
        out.append(said("note.areas", low=low, middle=middle, high=high, **areas))
    odds = np.exp(np.quantile(persons.pairs, [0.025, 0.5, 0.975], axis=0))
    for p in np.argsort(-np.abs(np.log(odds[1])))[:3]:
        if odds[0, p] > 1.0 or odds[2, p] < 1.0:
            a, b = design.pair_names[p].split(":")
            low, middle, high = odds[:, p]
            out.append(said("note.dependence", one=a, other=b, low=low, middle=middle, high=high))
    wrong = not_converged(diagnostics)
    if wrong:
        ways = [said("note.way_longest", longest=str(4 * spec.longest))]
        if diagnostics["divergent_share"] > 0.01:
            ways.insert(0, said("note.way_accept"))
        tried = {"chains": len(chains.x), "warmup": WARMUP, "draws": draws, "accept": spec.accept}
        out.append(said("note.not_converged", wrong=wrong, ways=ways, **tried))
    return out


def _spaced(drawn: int, wanted: int) -> Integers:
    """Return the places of so many draws, evenly spaced: of chains that lie end to end, as many of each."""
    return np.arange(wanted) * drawn // wanted
