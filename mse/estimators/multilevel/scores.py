"""Where the effects of strata are drawn to, as the fit without them tells."""

from __future__ import annotations

import numpy as np

from mse.estimators.multilevel.targets import density_of
from mse.kernels.arrays import Array
from mse.kernels.multilevel_model import (
    LIST_REST,
    PAIR_REST,
    SIZE_MEAN,
    SIZE_REST,
    Multilevel,
    effect_scales,
    positive_values,
)

FITTING = 100
"""Steps of L-BFGS."""


def with_scores(model: Multilevel) -> Multilevel:
    """Return the model with the slopes of its log likelihood in the effects of strata, at a fit without these."""
    from scipy.optimize import minimize

    at = model.starts
    rests = np.concatenate([np.arange(at[block], at[block + 1]) for block in (SIZE_REST, LIST_REST, PAIR_REST)])
    held = np.concatenate([np.arange(at[SIZE_MEAN]), rests])

    def downhill(x: Array) -> tuple[float, Array]:
        value, gradient = density_of(model, x)
        gradient[held] = 0.0
        return (-value, -gradient) if np.isfinite(value) else (1e12, np.zeros_like(x))

    x = minimize(downhill, np.zeros(at[-1]), jac=True, method="L-BFGS-B", options={"maxiter": FITTING}).x
    gradient = density_of(model, x)[1]
    scales = effect_scales(model, positive_values(model, x))
    scores = np.zeros(at[-1])
    for first, last, place in model.runs:
        scale = scales[place]
        scores[first:last] = gradient[first:last] * np.sqrt(1.0 + scale**2 * model.information[first:last]) / scale
    scores[np.setdiff1d(np.arange(at[-1]), rests)] = 0.0
    return model._replace(scores=scores)
