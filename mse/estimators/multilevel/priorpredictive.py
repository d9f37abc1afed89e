"""What the priors of the multilevel model imply before any data: sizes, shares seen, dependence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mse.estimators.multilevel.effects import Design
from mse.estimators.multilevel.partialpooling import MultilevelSpec, design_of
from mse.kernels.arrays import Array
from mse.kernels.multilevel_cells import cell_means
from mse.kernels.multilevel_model import half_normal, parameters_of
from mse.tables.captures import CaptureTable

if TYPE_CHECKING:
    import pandas as pd


def prior_predictive(
    table: CaptureTable,
    spec: MultilevelSpec | None = None,
    *,
    draws: int = 1000,
    seed: int = 0,
    probs: Sequence[float] = (0.025, 0.25, 0.5, 0.75, 0.975),
) -> pd.DataFrame:
    """Return what the priors of the multilevel model imply before any count is looked at, in persons and shares.

    Parameters
    ----------
    table : CaptureTable
        Its lists and strata. Of its counts only the average enters, as the centre of the wide prior of sizes.
    spec : MultilevelSpec, optional
        Options of the model; those of `MultilevelSpec()` when not given.
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

    design = design_of(table, spec or MultilevelSpec())
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
    halves = np.abs(x[:, : model.n_scales])
    x[:, : halves.shape[1]] = np.interp(np.log(halves), np.log(values), at)
    return np.array([parameters_of(model, row) for row in x])
