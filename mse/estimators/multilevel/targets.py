"""The density of a multilevel model as nutpie takes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from mse.errors import ModelError, Problem
from mse.kernels.arrays import Array
from mse.kernels.multilevel_density import log_density
from mse.kernels.multilevel_model import Multilevel
from mse.words.said import said


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What is sampled: a nutpie model that starts at a given place, and the seconds that its compilation took."""

    at: Callable[[Array], Any]
    seconds: float


def check_installed(*packages: str) -> None:
    """Raise ModelError when a package of the extra ``bayes`` is missing."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise ModelError(
            Problem(said("fault.not_installed", names=missing), said("allowed.extra_bayes"),
                    said("do.install_pip_install_mse"))
        )  # fmt: skip


def kernel_target(model: Multilevel) -> Target:
    """Return the density of the kernel as nutpie takes it."""
    begun = time.monotonic()
    density = partial(density_of, model)
    size = int(model.starts[-1])
    density(np.zeros(size))

    def at(start: Array) -> Any:
        return import_module("nutpie.compiled_pyfunc").from_pyfunc(
            size, lambda: density, lambda *_: lambda x: {"x": x}, [np.dtype(np.float64)], [(size,)], ["x"],
            make_initial_point_fn=lambda _: start,
        )  # fmt: skip

    return Target(at, time.monotonic() - begun)


def density_of(model: Multilevel, x: Array) -> tuple[float, Array]:
    """Return the log density and its gradient."""
    gradient = np.empty_like(x)
    return log_density(model, x, gradient), gradient
