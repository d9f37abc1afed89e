"""The multilevel model in PyMC as the twin of its kernel."""

import numpy as np

from mse.estimators.multilevel.pymcmodel import build_model
from mse.kernels.multilevel_density import log_density


def assert_kernel_is_the_pymc_model(design):
    """Same density up to one constant, and the same gradient, at three random places."""
    twin = build_model(design).logp_dlogp_function(ravel_inputs=True, mode="FAST_COMPILE")
    twin.set_extra_values({})
    rng = np.random.default_rng(0)
    apart = []
    for _ in range(3):
        x = rng.normal(0, 0.5, design.n_parameters)
        gradient = np.empty_like(x)
        value = log_density(design.model, x, gradient)
        expected, slope = twin(x)
        apart.append(value - expected)
        np.testing.assert_allclose(gradient, slope, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(apart, apart[0], rtol=0, atol=1e-8)
