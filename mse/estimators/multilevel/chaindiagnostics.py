"""How far the chains and the model can be trusted, as numbers that the verdict reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from mse.computing.convergence import EFFECTIVE, RELIABLE, RHAT
from mse.estimators.multilevel.effects import Design
from mse.estimators.multilevel.nuts import Chains
from mse.estimators.multilevel.outputs import Persons
from mse.kernels.arrays import Array
from mse.kernels.importance import smooth_weights
from mse.kernels.multilevel_cells import cell_means
from mse.kernels.multilevel_model import is_uniform, positive_values
from mse.words.said import Said, said

EFFECTIVE_TOTAL = 1000
"""Draws that are effective in the total at least, in bulk and tails: the Monte Carlo error of an end of its interval is
then under half the unit to which it is printed, a tenth of the width at most."""
LOO_DRAWS, LOO_NUMBERS = 1000, 50_000_000
"""Draws from which cells are left out one by one, and the most cells of all of them: large tables have fewer draws."""


def convergence(design: Design, chains: Chains, persons: Persons) -> dict[str, float]:
    """Return R̂ (rank-normalised, split), bulk and tail ESS, divergences and E-BFMI.

    ``rhat_max``, ``ess_bulk_min`` and ``ess_tail_min`` are over log N, the log size of every stratum, the average
    effect of every list and pair, every scale, and what neighbours have in common. Vehtari, Gelman, Simpson, Carpenter
    & Bürkner (2021); Betancourt (2016) for E-BFMI.
    """
    import xarray as xr

    az: Any = import_module("arviz")
    shape = chains.x.shape[:2]
    positive = design.model.spreads.size
    watched = [i for i in range(positive) if i < design.model.n_scales or is_uniform(design.model, i)]
    scales = chains.x[:, :, watched]
    monitored = {
        "total": np.log(np.maximum(persons.N.sum(axis=1), 1)).reshape(shape),
        "log_size": persons.log_size.reshape(*shape, -1),
        "lists": persons.lists.reshape(*shape, -1),
        "pairs": persons.pairs.reshape(*shape, -1),
        "scales": scales,
    }
    data = xr.Dataset(
        {name: (("chain", "draw", *([f"{name}_at"] if x.ndim > 2 else [])), x) for name, x in monitored.items()}
    )
    rhat, bulk, tail = az.rhat(data), az.ess(data, method="bulk"), az.ess(data, method="tail")
    change = np.diff(chains.energy, axis=1)
    return {
        "rhat_max": float(_values(rhat).max()),
        "rhat_total": float(rhat["total"]),
        "ess_bulk_min": float(_values(bulk).min()),
        "ess_tail_min": float(_values(tail).min()),
        "ess_bulk_total": float(bulk["total"]),
        "ess_tail_total": float(tail["total"]),
        "divergences": float(chains.diverging.sum()),
        "divergent_share": float(chains.diverging.mean()),
        "max_depth_share": float(chains.deepest.mean()),
        "ebfmi_min": float(((change**2).mean(axis=1) / chains.energy.var(axis=1)).min()),
        "chains": float(shape[0]),
        "draws_per_chain": float(shape[1]),
    }


def settled(diagnostics: Mapping[str, float]) -> bool:
    """Tell whether sampling may stop: chains agree, and draws suffice for quantiles."""
    effective = min(diagnostics["ess_bulk_min"], diagnostics["ess_tail_min"])
    total = min(diagnostics["ess_bulk_total"], diagnostics["ess_tail_total"])
    return diagnostics["rhat_max"] <= RHAT and effective >= EFFECTIVE and total >= EFFECTIVE_TOTAL


def predictive(design: Design, persons: Persons, rng: np.random.Generator) -> dict[str, float]:
    """Return posterior predictive p values of the overlaps (Gelman, Meng & Stern 1996), two-sided but for the first.

    ``ppc_p``: Freeman-Tukey distance of the overlaps of all pairs at all moments, small when they fit badly.
    ``ppc_p_pairs_min``: of the overlap of the pair that fits worst over the whole period, times the number of pairs.
    ``ppc_p_three``: of the persons on three lists or more, which pairs alone may miss. Lists that are missing and
    labels are filled in by the same draw.
    """
    k = design.cells.table.n_lists
    on = (np.arange(2**k)[:, None] >> np.arange(k)) & 1
    pairs = np.array([on[:, i] * on[:, j] for j in range(k) for i in range(j)], dtype=np.float64).T
    replicated = rng.poisson(persons.expected).astype(np.float64)
    found, drawn, expected = persons.observed @ pairs, replicated @ pairs, persons.expected @ pairs
    distances = [((np.sqrt(x) - np.sqrt(expected)) ** 2).sum(axis=(1, 2)) for x in (found, drawn)]
    several = (on.sum(axis=1) >= 3).astype(np.float64)
    by_pair = np.array([_two_sided(a, b) for a, b in zip(found.sum(axis=1).T, drawn.sum(axis=1).T, strict=True)])
    return {
        "ppc_p": float((distances[1] >= distances[0]).mean()),
        "ppc_p_pairs_min": float(min(1.0, by_pair.min() * by_pair.size)),
        "ppc_p_three": _two_sided((persons.observed @ several).sum(axis=1), (replicated @ several).sum(axis=1)),
    }


def leave_one_out(design: Design, x: Array) -> dict[str, float]:
    """Return PSIS-LOO over the cells with persons, x (D, P): ``elpd_loo``, ``p_loo``, ``loo_k_max``, ``loo_k_bad``.

    An observation is the count of one open cell; empty where a label is missing, because its persons then belong to
    several cells at once. Empty cells enter the sums without smoothing; ``loo_k_bad`` is the share of cells with
    persons whose Pareto shape is above 0.7 (Vehtari, Gelman & Gabry 2017; Vehtari et al. 2024).
    """
    from scipy.special import gammaln, logsumexp

    model = design.model
    if design.cells.unlabelled:
        return {}
    s, c = model.possible.shape
    thin = np.ascontiguousarray(x[:: max(1, len(x) // min(LOO_DRAWS, LOO_NUMBERS // (s * c)))])
    k = design.cells.table.n_lists
    log_size, means, terms = np.empty((len(thin), s)), np.empty((len(thin), s, c)), np.empty((len(thin), s, _terms(k)))
    cell_means(model, thin, log_size, means, terms)
    alone = model.open.reshape(-1) > 0
    alone[model.limited] = False
    alone[model.pool_cells] = False
    mean = np.maximum(means.reshape(len(thin), -1)[:, alone], 1e-300)
    count = model.counts.reshape(-1)[alone]
    log_likelihood = count * np.log(mean) - mean - gammaln(count + 1.0)
    in_sample = logsumexp(log_likelihood, axis=0) - math.log(len(thin))
    left_out = math.log(len(thin)) - logsumexp(-log_likelihood, axis=0)
    shapes = []
    for i in np.flatnonzero(count):
        weights = -log_likelihood[:, i]
        shapes.append(float(smooth_weights(weights)))
        left_out[i] = logsumexp(weights + log_likelihood[:, i]) - logsumexp(weights)
    k_values = np.array([k for k in shapes if math.isfinite(k)])
    return {
        "elpd_loo": float(left_out.sum()),
        "p_loo": float((in_sample - left_out).sum()),
        "loo_k_max": float(k_values.max(initial=0.0)),
        "loo_k_bad": float((k_values > RELIABLE).mean()) if k_values.size else 0.0,
    }


def prior_factor(design: Design, x: Array, totals: Array) -> dict[str, float]:
    """Return by which factor the median moves as priors of dependence half as wide become twice as wide: these.

    The narrower ones lie where the draws are: a half-normal law of half its width for the visibility, half the scale of
    the horseshoe's global scale. By importance weights; ``prior_k`` is the Pareto shape of them (Kallioinen, Paananen,
    Bürkner & Vehtari 2024).
    """
    model = design.model
    n = model.n_scales
    positive = np.array([positive_values(model, row) for row in np.ascontiguousarray(x)])
    visibility, overall = positive[:, n] / model.spreads[n], positive[:, n + 1] / model.spreads[n + 1]
    weights = -2.0 * visibility**2 + np.log1p(overall**2) - np.log1p(4.0 * overall**2)
    shape = float(smooth_weights(weights))
    weights = np.exp(weights - weights.max())
    order = np.argsort(totals)
    middle = np.searchsorted(np.cumsum(weights[order]), 0.5 * weights.sum())
    moved = totals[order][min(int(middle), len(order) - 1)] / np.median(totals)
    return {"prior_factor": float(max(moved, 1.0 / moved)), "prior_k": shape if math.isfinite(shape) else 1.0}


def not_converged(diagnostics: Mapping[str, float]) -> list[Said]:
    """Return what is wrong with the chains; empty when they may be used."""
    d = diagnostics
    out = []
    if d["rhat_max"] > 1.05:
        out.append(said("note.wrong_rhat", rhat=d["rhat_max"]))
    if d["ess_bulk_min"] < 100 or d["ess_tail_min"] < 100:
        out.append(said("note.wrong_draws", count=min(d["ess_bulk_min"], d["ess_tail_min"])))
    if d["divergent_share"] > 0.01:
        out.append(said("note.wrong_divergent", count=d["divergences"]))
    if d["ebfmi_min"] < 0.2:
        out.append(said("note.wrong_energy", energy=d["ebfmi_min"]))
    return out


def _two_sided(observed: Array, replicated: Array) -> float:
    """Return twice the smaller tail probability, ties counted half."""
    above = (replicated > observed).mean() + 0.5 * (replicated == observed).mean()
    return float(min(1.0, 2.0 * min(above, 1.0 - above)))


def _values(data: Any) -> Array:
    """Return every finite number of an xarray dataset: constants have no R-hat."""
    values = np.concatenate([np.atleast_1d(data[name].to_numpy()).reshape(-1) for name in data.data_vars])
    out: Array = values[np.isfinite(values)]
    return out


def _terms(n_lists: int) -> int:
    return n_lists * (n_lists + 1) // 2
