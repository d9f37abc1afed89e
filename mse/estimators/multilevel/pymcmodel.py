"""The multilevel model in PyMC, written as one reads it, over the coordinates that the kernel has.

The kernel of `mse.kernels.multilevel_model` is this model with its gradient written by hand; a test holds the two
together. Both take coordinates and priors from `mse.estimators.multilevel.coordinates`. Everything that changes between
tables of one shape is `pm.Data`, so that a compiled model serves them all.
"""

from __future__ import annotations

import dataclasses
import os
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mse.estimators.multilevel.effects import Design
from mse.estimators.multilevel.fourbyfour import matrix_of
from mse.estimators.multilevel.targets import Target, check_installed
from mse.kernels.arrays import Array
from mse.kernels.multilevel_model import AREA, LIST, LIST_REST, PAIR, PAIR_MEAN, PAIR_REST, SIZE, SIZE_REST


def build_model(design: Design, *, named: bool = False) -> Any:
    """Return the `pymc.Model` of a table; its free parameters, end to end, are those of the kernel.

    Where `named`, log sizes, list effects and pairs are kept with the draws; see `mse.multilevel_model`.

    Raises
    ------
    ModelError
        When PyMC is not installed.
    """
    check_installed("pymc")
    pm: Any = import_module("pymc")
    pt: Any = import_module("pytensor.tensor")
    m = design.model
    s, c = m.possible.shape
    k, q = m.rotation.shape[0], len(design.pair_names)
    on = ((np.arange(c)[:, None] >> np.arange(k)) & 1).astype(np.float64)
    both = np.array([on[:, i] * on[:, j] for j in range(k) for i in range(j)]).T.reshape(c, q)
    x_size, x_lists, x_pairs = (matrix_of(columns, places.size) for columns, places in (
        (m.size, m.size_scale), (m.lists, m.list_scale), (m.pairs, m.pair_scale)))  # fmt: skip
    with pm.Model() as model:
        x = {block.name: pm.Normal(block.name, shape=block.shape) if block.law in ("normal", "uniform", "half-cauchy")
              else pm.Flat(block.name, shape=block.shape) for block in design.blocks}  # fmt: skip
        half = {"half-normal": _half_normal, "uniform": _uniform, "half-cauchy": _half_cauchy}
        positive = pt.concatenate([half[block.law](x[block.name]) for block in design.blocks if block.law in half])
        positive = m.spreads * positive
        n = m.n_scales
        scales = pt.concatenate([positive[:n], [1.0]])  # the last for effects whose spread is fixed
        rest = scales[m.rest_scale]

        def effects(block: int, scale: Any, z: Any) -> Any:
            """Return σ v of a block, v = a z + σ a² u and a = 1 / √(1 + σ² I); v has the prior in place of z."""
            told, score = (y[m.starts[block] : m.starts[block + 1]] for y in (m.information, m.scores))
            if z.ndim == 2:
                told, score = (y.reshape(-1, z.type.shape[1]) for y in (told, score))
            a = 1.0 / pt.sqrt(1.0 + scale**2 * told)
            v = a * z + scale * a**2 * score
            pm.Potential(f"prior_of_block_{block}", (pt.log(a) - 0.5 * (v**2 - z**2)).sum())
            return scale * v

        turned = m.list_prior[1] * x["list_mean"] + effects(LIST_REST, rest[1], x["list_rest"])
        turned += pt.dot(x_lists, effects(LIST, scales[m.list_scale][:, None], x["list_effects"]))
        changes = pt.dot(m.breaks * m.break_prior, x["changes"][:, None] * np.eye(k)[m.break_list])
        lists = m.list_prior[0] + pt.dot(turned, m.rotation.T) + changes
        reach = positive[n + 1] * positive[n + 2 : n + 2 + q]
        width = m.slab * reach / pt.sqrt(m.slab**2 + reach**2)
        pairs = positive[n] ** 2 + effects(PAIR_MEAN, width, x["pair_mean"])
        pairs = pairs + effects(PAIR_REST, rest[2], x["pair_rest"])[:, None]
        pairs += pt.dot(x_pairs, effects(PAIR, scales[m.pair_scale][:, None], x["pair_effects"]))
        weights = pt.exp(pt.dot(lists, on.T) + pt.dot(pairs, both.T)) * pm.Data("possible", m.possible)
        is_open = pm.Data("open", m.open)
        every, seen = weights.sum(axis=1), (weights * is_open).sum(axis=1)
        works = m.open.any(axis=1)
        log_seen = pt.log(pt.switch(works, seen / every, 1.0))
        # the mean and fixed effects of size move with the share seen: the prior is on what is left
        z = pt.concatenate([x["size_mean"], x["size_effects"]]) - pt.dot(pm.Data("follow", m.follow), log_seen)
        pm.Potential("size_prior", pm.logp(pm.Normal.dist(), z).sum())
        log_size = m.size_prior[0] + m.size_prior[1] * z[0] + effects(SIZE_REST, rest[0], x["size_rest"])
        log_size = log_size + pt.dot(x_size, effects(SIZE, scales[m.size_scale], z[1:]))
        if m.area_variances.size:
            shared = positive[m.spreads.size - 1]
            spread = scales[m.area_scale] * pt.sqrt(1.0 - shared + shared * m.area_variances)
            log_size = log_size + pt.dot(effects(AREA, spread, x["areas"]), m.area_basis)[m.area]
        log_mean = pt.log(weights + 1e-300) + (log_size - pt.log(every))[:, None]
        mean = pt.exp(log_mean)
        counts = pm.Data("counts", m.counts)
        pm.Potential("cells", (counts * log_mean).sum() - (mean * is_open).sum())
        if m.limited.size:
            limited = mean.reshape((-1,))[m.limited]
            pm.Potential("bounds", (pt.log(pt.gammaincc(m.bounds + 1.0, limited)) + limited).sum())
        if m.pool_counts.any():
            owner = np.repeat(np.arange(m.pool_counts.size), np.diff(m.pool_starts))
            pooled = pt.zeros(m.pool_counts.size)[owner].inc(mean.reshape((-1,))[m.pool_cells])
            held = m.pool_counts > 0
            pm.Potential("pools", (m.pool_counts[held] * pt.log(pooled[held])).sum())
        if named:
            for name, value in (("log_size", log_size), ("lists", lists), ("pairs", pairs)):
                pm.Deterministic(name, value)
    return model


def pymc_target(design: Design) -> Target:
    """Return the PyMC model, compiled by nutpie with PyTensor's numba backend, as the sampler takes it."""
    begun = time.monotonic()
    _writable_cache()
    compiled: Any = import_module("nutpie").compile_pymc_model(build_model(design), backend="numba")

    def at(start: Array) -> Any:
        return dataclasses.replace(compiled, initial_point_func=lambda _: start)

    return Target(at, time.monotonic() - begun)


def _writable_cache() -> None:
    """Let PyTensor keep what it compiles beside our kernels where the home folder cannot be written."""
    if not os.access(Path.home(), os.W_OK) and "base_compiledir" not in os.environ.get("PYTENSOR_FLAGS", ""):
        from mse.kernels.cache import folder

        place = f"base_compiledir={folder('multilevel') / 'pytensor'}"
        os.environ["PYTENSOR_FLAGS"] = ",".join(filter(None, (os.environ.get("PYTENSOR_FLAGS"), place)))


def _half_normal(u: Any) -> Any:
    """Return the value at a coordinate, u Φ(u) + φ(u), with the density that makes it half-normal."""
    pm: Any = import_module("pymc")
    pt: Any = import_module("pytensor.tensor")
    below = 0.5 * pt.erfc(-u / np.sqrt(2.0))
    value = u * below + pt.exp(-0.5 * u**2) / np.sqrt(2.0 * np.pi)
    pm.Potential(f"prior_of_{u.name}", (pt.log(below) - 0.5 * value**2).sum())
    return value


def _uniform(u: Any) -> Any:
    """Return the value at a standard normal coordinate, Φ(u)."""
    return 0.5 * import_module("pytensor.tensor").erfc(-u / np.sqrt(2.0))


def _half_cauchy(u: Any) -> Any:
    """Return the value at a standard normal coordinate."""
    pt: Any = import_module("pytensor.tensor")
    return pt.tan(0.25 * np.pi * pt.erfc(-u / np.sqrt(2.0)))
