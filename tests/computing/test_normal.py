"""The normal distribution function against SciPy's."""

import math

import numpy as np
from scipy.special import ndtr

from mse.computing.normal import normal_cdf, normal_grid


def test_as_scipy_has_it() -> None:
    z, below = normal_grid()
    np.testing.assert_allclose(below, ndtr(z), rtol=1e-13)
    far = [-37.0, -12.0, 0.0, -0.0, 12.0, 40.0]
    np.testing.assert_allclose([normal_cdf(x) for x in far], ndtr(np.array(far)), rtol=1e-12)
    assert math.isnan(normal_cdf(math.nan))
