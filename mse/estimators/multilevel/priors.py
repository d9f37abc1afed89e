"""Priors of the multilevel model, in one place, and what they imply before any data: sizes, shares seen, dependence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mse.kernels.multilevel_model import cell_means, half_normal

if TYPE_CHECKING:
    import pandas as pd

    from mse.estimators.multilevel.effects import Design

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Priors:
    """Spreads of the priors; effects are on the log scale for sizes and on the log-odds scale for lists.

    Parameters
    ----------
    size : float
        Standard deviation of the average log size of a stratum around log(3 × mean observed): wide, near p(N) ∝ 1/N.
    size_dimension, size_cross, size_walk, size_walk_dimension, size_rest : float
        Half-normal spreads of the scales of log size: differences between the levels of a dimension; between the
        crossings of all dimensions but time; steps of the random walk over time, and of its own walk for every level
        of a dimension, per square root of a unit of time; what is left in every stratum.
    on_lists : float
        Prior median of the chance to be on a list for somebody on no other list, times the number of lists: the more
        lists there are, the smaller each is taken to be.
    list_spread : float
        Standard deviation of the log-odds of a list around that.
    list_dimension, list_cross, list_walk, list_rest : float
        Half-normal spreads of the scales of list effects, as for sizes.
    break_spread : float
        Standard deviation of the change of a list's log-odds at a break.
    common : float
        Half-normal spread of the log odds ratio that all pairs of lists share: people differ in how visible they are.
    pair_global : float
        Scale of the half-Cauchy global scale of the regularised horseshoe on every pair's own log odds ratio.
    slab : float
        Width of its slab: a pair that truly depends has a log odds ratio of about this spread around the common one.
    pair_dimension, pair_rest : float
        Half-normal spreads of how interactions differ between levels of a dimension, and what is common to all pairs
        of one stratum.
    """

    size: float = 3.0
    size_dimension: float = 1.0
    size_cross: float = 0.5
    size_walk: float = 0.3
    size_walk_dimension: float = 0.15
    size_rest: float = 0.3
    on_lists: float = 0.15
    list_spread: float = 1.5
    list_dimension: float = 0.7
    list_cross: float = 0.4
    list_walk: float = 0.3
    list_rest: float = 0.3
    break_spread: float = 1.0
    common: float = 0.5
    pair_global: float = 0.2
    slab: float = 2.0
    pair_dimension: float = 0.2
    pair_rest: float = 0.2


def prior_predictive(
    design: Design, *, draws: int = 1000, seed: int = 0, probs: Sequence[float] = (0.025, 0.25, 0.5, 0.75, 0.975)
) -> pd.DataFrame:
    """Return what the priors imply for a table before any count is looked at, in terms of persons and shares.

    Parameters
    ----------
    design : Design
        The model of a table (`mse.estimators.multilevel.partialpooling.design_of`): its lists, strata and breaks. Of
        its counts only the average enters, as the centre of the wide prior of sizes.
    draws, seed : int
        Draws from the prior.
    probs : sequence of float
        Quantiles to report.

    Returns
    -------
    DataFrame
        One row per ``quantity``: ``N`` of all strata together; ``share seen``, on at least one list; ``share on one
        list`` of an average stratum; ``odds ratio of a pair``; ``strata differ``, the largest stratum's share seen
        over the smallest's; ``year on year``, size of a year over the one before. Columns ``q2.5``, ….
    """
    import pandas as pd

    model, cells = design.model, design.cells
    rng = np.random.default_rng(seed)
    x = draw_prior(design, draws, rng)
    s, c = model.possible.shape
    k = cells.table.n_lists
    # the prior holds for what is left of the effects of size once the share seen is taken off
    plain = model._replace(follow=np.zeros_like(model.follow))
    log_size, means, terms = np.empty((draws, s)), np.empty((draws, s, c)), np.empty((draws, s, k * (k + 1) // 2))
    cell_means(plain, x, log_size, means, terms)
    size = np.exp(log_size)
    seen = (means * model.open).sum(axis=2)
    share = seen / size
    on = ((np.arange(c)[:, None] >> np.arange(k)) & 1).astype(np.float64)
    found = {
        "N": size.sum(axis=1),
        "share seen": seen.sum(axis=1) / size.sum(axis=1),
        "share on one list": ((means @ on).mean(axis=1) / size.mean(axis=1)[:, None]).reshape(-1),
        "odds ratio of a pair": np.exp(terms[:, :, k:].mean(axis=1)).reshape(-1),
    }
    if s > 1:
        found["strata differ"] = share.max(axis=1) / share.min(axis=1)
    if design.time is not None:
        index = np.indices([len(x) for x in cells.dimensions.values()]).reshape(-1, s)
        moment = index[list(cells.dimensions).index(design.time)]
        by_time = np.stack([size[:, moment == t].sum(axis=1) for t in range(int(moment.max()) + 1)], axis=1)
        found["year on year"] = (by_time[:, 1:] / by_time[:, :-1]).reshape(-1)
    rows = [[name, *np.quantile(values, probs)] for name, values in found.items()]
    return pd.DataFrame(rows, columns=["quantity", *(f"q{100 * p:g}" for p in probs)])


def draw_prior(design: Design, draws: int, rng: np.random.Generator) -> Array:
    """Return parameters drawn from the prior, as the kernel takes them, (D, P).

    Those of size are what is left once the share seen is taken off: for a model whose `follow` is nought.
    """
    model = design.model
    x = rng.standard_normal((draws, design.n_parameters))
    at = np.linspace(-12.0, 12.0, 24_001)
    values = np.array([half_normal(u) for u in at])
    halves = np.abs(x[:, : model.scale_priors.size + 1])
    x[:, : halves.shape[1]] = np.interp(np.log(halves), np.log(values), at)
    return x
