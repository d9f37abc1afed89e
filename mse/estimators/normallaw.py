"""The normal law of an estimate of N, as a distribution that does not go below the persons observed."""

from __future__ import annotations

import numpy as np

from mse.answers.distribution import Distribution


def normal_law(observed: int, size: float, se: float) -> Distribution:
    """Return the normal law of an estimate; what lies below the persons observed stands there."""
    if not se > 0:
        return Distribution(np.array([size]), np.array([1.0]), whole=False)
    from scipy.special import ndtr

    z = np.linspace(-9.0, 9.0, 7201)
    values, cdf = size + se * z, ndtr(z)
    above = values > observed
    if above.all():
        return Distribution(values, cdf, whole=False)
    below = float(ndtr((observed - size) / se))
    return Distribution(np.append(observed, values[above]), np.append(below, cdf[above]), whole=False)
