"""What the chains of the latent class model tell about themselves, as numbers that the verdict reads and in words."""

from __future__ import annotations

import numpy as np

from mse.computing.convergence import EFFECTIVE, RHAT
from mse.estimators.latentclass.tempered import Sampled
from mse.estimators.stratified.notes import notes_on_cells
from mse.estimators.stratified.opencells import StrataCells
from mse.tables.captures import CaptureTable
from mse.words.said import Said, said

CUT = 20.0
"""Another program drops every draw with more unseen than this many times the observed; the mass there is reported."""

_OTHER_PRIOR = 1.0, 1.0
"""Shape and rate of the prior of α that the answer is held against."""


def diagnose(
    found: Sampled, observed: int, classes: int, shape: float, rate: float, cells: StrataCells | None
) -> dict[str, float]:
    """Return the diagnostics that `estimate` names.

    Parameters
    ----------
    found : Sampled
        The chains.
    observed : int
        Persons on at least one list.
    classes : int
        K*.
    shape, rate : float
        Of the prior of α.
    cells : StrataCells or None
        The strata, when they are estimated.
    """
    strata = {} if cells is None else {
        "few_lists": float((cells.operating < 3).sum()), "unlabelled": float(cells.unlabelled),
    }  # fmt: skip
    evidences = found.log_evidences
    return {
        "rhat_max": found.rhat,
        "rhat_total": float(found.rhats[0]),
        "ess_bulk_min": found.bulk,
        "ess_bulk_total": float(found.bulks[0]),
        "ess_tail_min": found.tail,
        "ess_tail_total": float(found.tails[0]),
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
        **_other_prior(found, classes, shape, rate),
        "ppc_p": float((found.misfit[:, :, 1] >= found.misfit[:, :, 0]).mean()),
        "beyond_20n": float((found.sizes - observed > CUT * observed).mean()),
        **strata,
    }


def _other_prior(found: Sampled, classes: int, shape: float, rate: float) -> dict[str, float]:
    """Return how the median moves when α ~ Gamma(1, 1) instead, by reweighting, and what the weights are worth."""
    t = -found.log_last
    other_shape, other_rate = _OTHER_PRIOR
    logs = (shape + classes - 1) * np.log(rate + t) - (other_shape + classes - 1) * np.log(other_rate + t)
    weights = np.exp(logs - logs.max()).ravel()
    sizes = found.sizes[:, found.sizes.shape[1] // t.shape[1] - 1 :: found.sizes.shape[1] // t.shape[1]].ravel()
    order = np.argsort(sizes, kind="stable")
    middle = np.searchsorted(np.cumsum(weights[order]), 0.5 * weights.sum())
    ratio = float(sizes[order[middle]] / np.median(sizes))
    return {
        "alpha_prior_factor": max(ratio, 1.0 / ratio),
        "alpha_prior_weights": float(weights.sum() ** 2 / (weights.size * np.square(weights).sum())),
    }


def notes(
    diagnostics: dict[str, float], found: Sampled, table: CaptureTable, cells: StrataCells | None
) -> tuple[Said, ...]:
    """Return what has to be said beside the number."""
    out = [] if cells is None else notes_on_cells(cells, 0.0, alike=True)
    if not found.agree:
        tried = {"chains": len(found.sizes), "draws": found.sizes.shape[1], "effective": min(found.bulk, found.tail)}
        out.append(said("note.chains_disagree", rhat=found.rhat, limit=RHAT, least=EFFECTIVE, **tried))
    if diagnostics["beyond_20n"] > 0.001:
        p = float(f"{diagnostics['beyond_20n']:.2g}")
        out.append(said("note.heavy_tail", p=p, times=CUT, lists=table.n_lists))
    if table.strata and cells is None:
        out.append(said("note.summed_together", names=list(table.strata)))
    if diagnostics["alpha_prior_factor"] > 1.15:
        out.append(said("note.prior_classes", factor=diagnostics["alpha_prior_factor"]))
    if diagnostics["last_class"] > 0.02:
        out.append(said("note.last_class", share=diagnostics["last_class"]))
    return tuple(out)
