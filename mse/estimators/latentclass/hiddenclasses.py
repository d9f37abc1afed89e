"""Latent classes: an unknown number of kinds of persons, each seen by the lists in its own way.

Manrique-Vallier's Dirichlet process mixture, with what can be summed out summed out and what is left sampled by
tempered chains that have to agree; nothing cuts N off. See `mse.kernels.latentclass_density` for the model.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated

import numpy as np

from mse.answers.distribution import LOG_STEP, Distribution
from mse.answers.posterior import Posterior, Says
from mse.computing.convergence import EFFECTIVE
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.latentclass.classdiagnostics import diagnose, notes
from mse.estimators.latentclass.stratumclasses import parts_of, stratified_table
from mse.estimators.latentclass.tempered import sample
from mse.estimators.stratified.declared import Blind, Missing, Unknown, declare
from mse.estimators.stratified.notes import assumptions, plain
from mse.estimators.stratified.opencells import StrataCells, build_cells
from mse.kernels.arrays import Array, Integers
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Between, Draws, count
from mse.tables.captures import CaptureTable
from mse.words.said import Said, said

if TYPE_CHECKING:
    from mse.kernels.latentclass_density import LatentTable


CITATIONS = (
    "Manrique-Vallier (2016) Bayesian population size estimation using Dirichlet process mixtures. "
    "Biometrics 72:1246-1254",
    "Syed, Bouchard-Côté, Deligiannidis & Doucet (2022) Non-reversible parallel tempering. JRSS B 84:321-350",
    "Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021) Rank-normalization, folding, and localization: an improved "
    "R-hat. Bayesian Analysis 16:667-718",
)


JOINT = "Dunson & Xing (2009) Nonparametric Bayes modeling of multivariate categorical data. JASA 104:1042-1051"
INSIDE = (said("source.classes"), said("source.visibility"), said("source.chance"))
OUTSIDE = (said("source.within_class"), said("source.linkage"), said("source.prior"))
_LABELS = said("source.labels")


Gamma = Annotated[float, Between(0.01, 100)]


@dataclass(frozen=True, slots=True)
class LatentClassSpec:
    """Options of the latent class model.

    Parameters
    ----------
    classes : int
        K*, pieces of the stick: the most classes that there can be.
    shape, rate : float
        Of the gamma prior of α, which says how many classes are expected.
    chains : int
        Chains that start independently, each from draws of the prior.
    effective : int
        Effective draws of N that are wanted, in the middle and in the tails; sampling goes on until they are there
        and the chains agree.
    longest : int
        Rounds of a chain at most; each gives three draws. What is not in agreement then gets no estimate to publish.
    draws : int
        Draws of N to store.
    strata : bool
        Estimate every stratum, with classes that the strata share; otherwise covariates are summed over.
    blind, missing, unknown
        See `mse.estimators.stratified.declared`; each of them asks for strata.
    """

    classes: Annotated[int, Between(2, 50)] = 10
    shape: Gamma = 0.25
    rate: Gamma = 0.25
    chains: Annotated[int, Between(2, 64)] = 4
    effective: Annotated[int, count(EFFECTIVE, 1_000_000)] = 1000
    longest: Annotated[int, Between(1000, 10**7)] = 32_000
    draws: Draws = 10_000
    strata: bool = False
    blind: Blind = field(default_factory=dict)
    missing: Missing = field(default_factory=dict)
    unknown: Unknown = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)

    @property
    def by_stratum(self) -> bool:
        """Whether strata are estimated."""
        return self.strata or bool(self.blind or self.missing or self.unknown)


def estimate(table: CaptureTable, spec: LatentClassSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate N under a mixture of latent classes.

    Parameters
    ----------
    table : CaptureTable
        Two lists or more. Without `strata` covariates are summed over, so that a person with a missing label counts
        like any other, and no list may be blind or absent.
    spec : LatentClassSpec
        Options.
    seed : int
        Seed of everything random; the answer does not depend on the number of workers.
    compute : Compute, optional
        Workers and progress; with a folder, an interrupted run goes on where it stopped.

    Returns
    -------
    Posterior
        Its draws are those of the chains, thinned, one chain after the other; with `strata` when they were asked
        for. Diagnostics: ``rhat_max``, ``ess_bulk_min``, ``ess_tail_min`` (of log N, and of log N of every stratum)
        and the same with ``_total`` (of log N), ``chains_agree`` (1 or 0),
        ``chains``, ``draws_per_chain``, ``warmup``, ``rungs``, ``fresh_starts`` (draws of the prior that reached the
        posterior, warming up included), ``acceptance_min``, ``exchange_min``, ``log_evidence`` and ``log_evidence_sd``
        (between chains), ``classes_mean`` (classes with over 1 % of the population), ``last_class`` (share in the last
        piece), ``ppc_p`` (posterior predictive probability of a worse fit), ``beyond_20n`` (probability of more unseen
        than 20 times the observed), ``alpha_prior_factor`` (factor by which the median moves with α ~ Gamma(1, 1)) and
        ``alpha_prior_weights`` (effective share of the draws behind that); with strata ``few_lists`` (strata with
        fewer than three lists) and ``unlabelled`` (persons whose stratum is known in part).

    Raises
    ------
    ModelError
        When the table has cells that cannot be observed, nobody was seen, a name is unknown, or no list operates in a
        stratum.
    InputError
        When persons are on a list where it is declared blind or missing.

    References
    ----------
    Manrique-Vallier (2016); with strata Dunson & Xing (2009).
    """
    cells = None
    if spec.by_stratum:
        table = declare(table, spec.blind, spec.missing)
        cells = build_cells(table, unknown=spec.unknown)
    data = latent_table(table, spec, cells)
    found = sample(
        data, chains=spec.chains, effective=spec.effective, longest=spec.longest, seed=seed,
        compute=compute or Compute(),
    )  # fmt: skip
    law = law_of(table.observed, found.log_means, min(found.bulks[0], found.tails[0]))
    diagnostics = diagnose(found, table.observed, spec.classes, spec.shape, spec.rate, cells)
    draws = _thinned(found.sizes, spec.draws)
    strata = None
    if cells is not None:
        parts = draws[:, None] if data.strata is None else _thinned(found.parts, spec.draws)
        strata = parts_of(cells, parts, spec.chains)
    says = Says(
        inside=(*INSIDE, *((_LABELS,) if cells is not None and cells.unlabelled else ())),
        outside=OUTSIDE,
        assumptions=_assumptions(spec.classes, cells),
        citations=CITATIONS if cells is None else (*CITATIONS, JOINT),
        notes=notes(diagnostics, found, table, cells),
    )
    return Posterior.of(
        table, spec, law, says, method="latent-class", seed=seed, settled=plain(asdict(spec)), draws=draws,
        diagnostics=diagnostics, strata=strata,
    )  # fmt: skip


def latent_table(table: CaptureTable, spec: LatentClassSpec, cells: StrataCells | None = None) -> LatentTable:
    """Return what the kernels take, or say everything that keeps this method from the table.

    Parameters
    ----------
    table : CaptureTable
        Who was seen on which lists.
    spec : LatentClassSpec
        Options.
    cells : StrataCells, optional
        Of the table, when strata are estimated.

    Raises
    ------
    ModelError
        See `estimate`.
    """
    from mse.kernels.latentclass_density import LatentTable
    from mse.kernels.latentclass_histories import lists_of_histories

    problems = []
    if cells is None and (not table.observable.all() or table.absent.any()):
        problems.append(
            Problem(said("fault.unobservable"), said("allowed.table_which_every_list"),
                    said("do.estimate_stratum_strata_true"),
                    file=said("what.table", name=table.name))
        )  # fmt: skip
    if table.observed < 1:
        problems.append(
            Problem(said("fault.nobody"), said("allowed.one_person_list_least"), said("do.without_them_nothing_can"),
                    file=said("what.table", name=table.name))
        )  # fmt: skip
    if problems:
        raise ModelError(problems)
    if cells is not None:
        return stratified_table(cells, spec.classes, float(spec.shape), float(spec.rate))
    counts = np.append(0.0, table.counts.sum(axis=0, dtype=np.float64))
    histories = np.flatnonzero(counts)
    on = (histories[:, None] >> np.arange(table.n_lists)) & 1 == 1
    return LatentTable(
        on, counts[histories], float(table.observed), spec.classes, float(spec.shape), float(spec.rate),
        lists_of_histories(on),
    )  # fmt: skip


def _assumptions(classes: int, cells: StrataCells | None) -> tuple[Said, ...]:
    if cells is None:
        return said("assumed.every_list"), said("assumed.mixture", count=classes)
    return (
        said("assumed.every_list_stratum"),
        said("assumed.mixture_strata", count=classes),
        *assumptions(cells),
    )


def law_of(observed: int, log_means: Array, effective: float) -> Distribution:
    """Return the law of observed + Poisson(μ), the draws of log μ smoothed a little.

    Parameters
    ----------
    observed : int
        Persons on at least one list.
    log_means : float64 array
        Draws of log μ.
    effective : float
        How many independent ones they are worth: the normal kernel has half the usual standard deviation,
        0.45 s S^(-1/5), s that of a normal law whose shortest half is as long. Two humps keep their shapes.
    """
    logs = np.maximum(log_means.ravel(), -20.0)
    ordered = np.sort(logs)
    half = len(ordered) // 2
    shortest = float((ordered[half:] - ordered[: len(ordered) - half]).min())
    width = 0.45 * shortest / 1.349 * max(effective, 2.0) ** -0.2
    reach = int(np.ceil(5.0 * width / LOG_STEP))
    first = int(np.floor(logs.min() / LOG_STEP)) - reach
    places = np.rint(logs / LOG_STEP).astype(np.int64) - first
    mass = np.bincount(places, minlength=int(places.max()) + reach + 1).astype(np.float64)
    if reach > 0:
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * LOG_STEP / width) ** 2)
        mass = np.convolve(mass, kernel / kernel.sum(), mode="same")
    grid = LOG_STEP * (first + np.arange(len(mass), dtype=np.float64))
    return Distribution.poisson_mixture(observed, grid, np.maximum(mass, 0.0).astype(np.float64))


def _thinned(sizes: Integers, draws: int) -> Integers:
    """Return about `draws` draws of N, as many from each chain, evenly spaced, one chain after the other."""
    each = min(max(1, draws // sizes.shape[0]), sizes.shape[1])
    return sizes[:, np.linspace(0, sizes.shape[1] - 1, each).astype(np.int64)].reshape(-1, *sizes.shape[2:])
