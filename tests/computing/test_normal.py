"""The normal distribution function against SciPy's."""

import numpy as np
from scipy.special import ndtr

from mse.computing.normal import normal_cdf


def test_to_the_last_bit() -> None:
    near = np.linspace(-9.0, 9.0, 7201)
    far = np.array([-40.0, -38.0, -12.0, -11.4, 11.4, 40.0, 0.0, -0.0, np.sqrt(2.0), -np.sqrt(2.0)])
    drawn = np.random.default_rng(1).normal(0.0, 4.0, (50, 200))
    for x in (near, far, drawn):
        assert np.array_equal(normal_cdf(x), ndtr(x))


def test_what_is_no_number_stays_none() -> None:
    assert np.isnan(normal_cdf(np.array([np.nan]))).all()
