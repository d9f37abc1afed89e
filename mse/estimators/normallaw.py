"""Normal laws: of an estimate of N, not below the persons observed, and mixtures of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mse.answers.distribution import Distribution
from mse.computing.normal import normal_cdf, normal_grid
from mse.kernels.arrays import Array


def mixture_quantiles(weight: Array, mean: Array, sd: Array, q: npt.ArrayLike) -> Array:
    """Return quantiles of a mixture of normals, by bisection to 1e-7 of a unit.

    Parameters
    ----------
    weight, mean, sd : (M,) float64
        The components; weights need not add up to one.
    q : (Q,) array_like
        Probabilities.

    Returns
    -------
    (Q,) float64
    """
    from mse.kernels.mixture import normal_quantiles

    wanted = np.asarray(q, dtype=np.float64)
    weight, mean, sd = (np.ascontiguousarray(x, dtype=np.float64) for x in (weight, mean, sd))
    return normal_quantiles(weight, mean, sd, wanted.ravel() * weight.sum(), 1e-7).reshape(wanted.shape)


def normal_law(observed: int, size: float, se: float) -> Distribution:
    """Return the normal law of an estimate; what lies below the persons observed stands there."""
    if not se > 0:
        return Distribution(np.array([size]), np.array([1.0]), whole=False)
    z, cdf = normal_grid()
    values = size + se * z
    above = values > observed
    if above.all():
        return Distribution(values, cdf, whole=False)
    below = normal_cdf((observed - size) / se)
    return Distribution(np.append(observed, values[above]), np.append(below, cdf[above]), whole=False)
