"""Latent classes: an unknown number of kinds of persons, each seen by the lists in its own way.

Manrique-Vallier's Dirichlet process mixture, with what can be summed out summed out and what is left sampled by
tempered chains that have to agree; nothing cuts N off. See `mse.kernels.latentclass` for the model.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mse.captures import CaptureTable
from mse.distribution import LOG_STEP, Distribution
from mse.errors import Problem
from mse.estimators.latentclass.sampling import EFFECTIVE, RHAT, Sampled, sample
from mse.estimators.options import check_draws, check_least, check_types, raise_if_any
from mse.parallel import Compute
from mse.posterior import Posterior

if TYPE_CHECKING:
    from mse.kernels.latentclass import LatentTable

Array = npt.NDArray[np.float64]

CITATIONS = (
    "Manrique-Vallier (2016) Bayesian population size estimation using Dirichlet process mixtures. "
    "Biometrics 72:1246-1254",
    "Syed, Bouchard-Côté, Deligiannidis & Doucet (2022) Non-reversible parallel tempering. JRSS B 84:321-350",
    "Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021) Rank-normalization, folding, and localization: an improved "
    "R-hat. Bayesian Analysis 16:667-718",
)

CUT = 20.0
"""Another program drops every draw with more unseen than this many times the observed; the mass there is reported."""


_OTHER_PRIOR = 1.0, 1.0
"""Shape and rate of the prior of α that the answer is held against."""


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
    """

    classes: int = 10
    shape: float = 0.25
    rate: float = 0.25
    chains: int = 4
    effective: int = 1000
    longest: int = 32_000
    draws: int = 10_000

    def __post_init__(self) -> None:
        """Check every option, and say all that is wrong at once."""
        check_types(self)
        problems = check_draws(self.draws)
        for name, low, high, usual in (
            ("classes", 2, 50, "10"), ("chains", 2, 64, "4"), ("longest", 1000, 10**7, "32000"),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                problems.append(Problem(f"{name} is out of range", f"from {low} to {high:,}", f"leave it at {usual}",
                                        value=str(getattr(self, name))))  # fmt: skip
        problems += check_least("effective", self.effective, EFFECTIVE, "leave it at 1000")
        for name in ("shape", "rate"):
            if not 0.01 <= getattr(self, name) <= 100.0:
                problems.append(Problem(f"{name} is out of range", "from 0.01 to 100", "leave it at 0.25",
                                        value=str(getattr(self, name))))  # fmt: skip
        raise_if_any(problems)


def estimate(table: CaptureTable, spec: LatentClassSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate N under a mixture of latent classes.

    Parameters
    ----------
    table : CaptureTable
        Without blind or absent lists; two lists or more. Covariates are summed over, so that a person with a missing
        label counts like any other.
    spec : LatentClassSpec
        Options.
    seed : int
        Seed of everything random; the answer does not depend on the number of workers.
    compute : Compute, optional
        Workers and progress; with a folder, an interrupted run goes on where it stopped.

    Returns
    -------
    Posterior
        Its draws are those of the chains, thinned, one chain after the other. Diagnostics: ``rhat_max``,
        ``ess_bulk_min``, ``ess_tail_min`` and the same with ``_total`` (of log N), ``chains_agree`` (1 or 0),
        ``chains``, ``draws_per_chain``, ``warmup``, ``rungs``, ``fresh_starts`` (draws of the prior that reached the
        posterior), ``acceptance_min``, ``exchange_min``, ``log_evidence`` and ``log_evidence_sd`` (between chains),
        ``classes_mean`` (classes with over 1 % of the population), ``last_class`` (share in the last piece),
        ``ppc_p`` (posterior predictive probability of a worse fit), ``beyond_20n`` (probability of more unseen than
        20 times the observed), ``alpha_prior_factor`` (factor by which the median moves with α ~ Gamma(1, 1)) and
        ``alpha_prior_weights`` (effective share of the draws behind that).

    Raises
    ------
    ModelError
        When the table has cells that cannot be observed, or nobody was seen.

    References
    ----------
    Manrique-Vallier (2016).
    """
    data = latent_table(table, spec)
    found = sample(
        data, chains=spec.chains, effective=spec.effective, longest=spec.longest, seed=seed,
        compute=compute or Compute(),
    )  # fmt: skip
    law = law_of(table.observed, found.log_means, min(found.bulk, found.tail))
    diagnostics = _diagnostics(found, table.observed, spec)
    point = float(law.quantile(0.5))
    return Posterior(
        method="latent-class",
        kind="posterior",
        table=table.name,
        table_digest=table.digest,
        lists=table.lists,
        observed=table.observed,
        spec={**asdict(spec), "seed": seed},
        distribution=law,
        draws=_thinned(found.sizes, spec.draws),
        point=point,
        point_kind="posterior median and equal-tailed credible interval",
        inside=("how many classes of persons there are", "how visible each class is to every list",
                "chance in who was registered"),
        outside=("dependence between lists that is left within a class", "errors in linking persons between lists",
                 "the choice of prior"),
        assumptions=(
            "every person could have been on every list, and nobody entered or left the population",
            f"the population is a mixture of at most {spec.classes} classes, and within a class the lists are "
            "independent of each other",
        ),
        citations=CITATIONS,
        diagnostics=diagnostics,
        notes=_notes(diagnostics, found, table),
    )  # fmt: skip


def latent_table(table: CaptureTable, spec: LatentClassSpec) -> LatentTable:
    """Return what the kernels take, or say everything that keeps this method from the table.

    Raises
    ------
    ModelError
        See `estimate`.
    """
    from mse.kernels.latentclass import LatentTable

    problems = []
    if not table.observable.all() or table.absent.any():
        problems.append(
            Problem("some histories cannot be observed", "a table in which every list could see everybody",
                    "drop the lists that are blind or absent, or use a log-linear method",
                    file=f"table {table.name!r}")
        )  # fmt: skip
    if table.observed < 1:
        problems.append(
            Problem("nobody was seen", "one person on a list, at least", "without them nothing can be estimated",
                    file=f"table {table.name!r}")
        )  # fmt: skip
    raise_if_any(problems)
    counts = np.append(0.0, table.counts.sum(axis=0, dtype=np.float64))
    histories = np.flatnonzero(counts)
    on = (histories[:, None] >> np.arange(table.n_lists)) & 1 == 1
    return LatentTable(on, counts[histories], float(table.observed), spec.classes, float(spec.shape), float(spec.rate))


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


def _thinned(sizes: npt.NDArray[np.int64], draws: int) -> npt.NDArray[np.int64]:
    """Return about `draws` draws of N, as many from each chain, evenly spaced, one chain after the other."""
    each = min(max(1, draws // sizes.shape[0]), sizes.shape[1])
    return sizes[:, np.linspace(0, sizes.shape[1] - 1, each).astype(np.int64)].ravel()


def _diagnostics(found: Sampled, observed: int, spec: LatentClassSpec) -> dict[str, float]:
    evidences = found.log_evidences
    return {
        "rhat_max": found.rhat,
        "rhat_total": found.rhat,
        "ess_bulk_min": found.bulk,
        "ess_bulk_total": found.bulk,
        "ess_tail_min": found.tail,
        "ess_tail_total": found.tail,
        "chains_agree": float(found.agree),
        "chains": float(found.sizes.shape[0]),
        "draws_per_chain": float(found.sizes.shape[1]),
        "warmup": float(found.warmup),
        "rungs": float(len(found.powers)),
        "fresh_starts": float(found.fresh),
        "acceptance_min": float(found.accepted.min()),
        "exchange_min": float(1.0 - found.refused.max()),
        "log_evidence": float(np.logaddexp.reduce(evidences) - np.log(len(evidences))),
        "log_evidence_sd": float(evidences.std(ddof=1)),
        "classes_mean": float(found.classes.mean()),
        "last_class": float(np.exp(found.log_last).mean()),
        **_other_prior(found, spec),
        "ppc_p": float((found.misfit[:, :, 1] >= found.misfit[:, :, 0]).mean()),
        "beyond_20n": float((found.sizes - observed > CUT * observed).mean()),
    }


def _other_prior(found: Sampled, spec: LatentClassSpec) -> dict[str, float]:
    """Return how the median moves when α ~ Gamma(1, 1) instead, by reweighting, and what the weights are worth."""
    t = -found.log_last
    shape, rate = _OTHER_PRIOR
    logs = (spec.shape + spec.classes - 1) * np.log(spec.rate + t) - (shape + spec.classes - 1) * np.log(rate + t)
    weights = np.exp(logs - logs.max()).ravel()
    sizes = found.sizes[:, found.sizes.shape[1] // t.shape[1] - 1 :: found.sizes.shape[1] // t.shape[1]].ravel()
    order = np.argsort(sizes, kind="stable")
    middle = np.searchsorted(np.cumsum(weights[order]), 0.5 * weights.sum())
    ratio = float(sizes[order[middle]] / np.median(sizes))
    return {
        "alpha_prior_factor": max(ratio, 1.0 / ratio),
        "alpha_prior_weights": float(weights.sum() ** 2 / (weights.size * np.square(weights).sum())),
    }


def _notes(diagnostics: dict[str, float], found: Sampled, table: CaptureTable) -> tuple[str, ...]:
    notes = []
    if not found.agree:
        notes.append(
            f"{len(found.sizes)} chains of {found.sizes.shape[1]:,} draws do not agree: R-hat of log N is "
            f"{found.rhat:.3f} (at most {RHAT} is wanted), effective draws {min(found.bulk, found.tail):,.0f} "
            f"(at least {EFFECTIVE}). Their answer is not to be used; run longer, with a larger `longest`, or choose "
            "another method."
        )
    if diagnostics["beyond_20n"] > 0.001:
        notes.append(
            f"With probability {diagnostics['beyond_20n']:.2g} more than {CUT:.0f} times as many are unseen as were "
            f"observed. The tail of N is heavy, P(N > x) falls about as 1/x^{table.n_lists}: quantiles are given, "
            "no mean."
        )
    if table.strata:
        notes.append(f"The covariates ({', '.join(table.strata)}) were summed over; N is that of all strata together.")
    if diagnostics["alpha_prior_factor"] > 1.15:
        notes.append(
            f"The prior matters: the median moves by a factor {diagnostics['alpha_prior_factor']:.2f} when more "
            "classes are expected (α ~ Gamma(1, 1))."
        )
    if diagnostics["last_class"] > 0.02:
        notes.append(
            f"The last of the classes holds {diagnostics['last_class']:.0%} of the population on average: allow more "
            "of them with a larger `classes`."
        )
    return tuple(notes)
