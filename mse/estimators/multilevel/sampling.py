"""Sampling a multilevel model with NUTS, in parts that can be kept: an interrupted run goes on where it stopped.

Every chain is drawn in parts. A part starts where the one before it ended, with its own seed and a short adaptation
whose draws are dropped, so that its content depends on nothing but the model, the seed and the part before: with
``Compute.folder`` finished parts are kept there, and a run that is started again gives the very same draws.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mse.chunks import ChunkFolder, definition
from mse.errors import ModelError, Problem
from mse.estimators.multilevel.design import Design
from mse.kernels.multilevel import SIZE_MEAN, Multilevel
from mse.kernels.multilevel_density import log_density
from mse.parallel import Compute

if TYPE_CHECKING:
    from mse.chunks import Chunk

Array = npt.NDArray[np.float64]

WARMUP, READAPT = 500, 100
"""Draws of adaptation before the first part of a chain, and before the others."""
PART = 500
"""Most draws in one part."""
UPHILL = 150
"""Steps of L-BFGS before the first part."""
DEEPEST = 10
"""Doublings of a trajectory at most."""
POLL, ASK = 0.05, 5.0
"""Seconds between two looks at the running chains, and between two questions to one that has not said it is ready."""


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """What was drawn; C chains, D draws of each, P parameters.

    Parameters
    ----------
    x : float64 array, shape (C, D, P)
        Parameters as the kernel takes them.
    diverging, deepest : bool array, shape (C, D)
        Draws whose trajectory diverged, or was the longest that is allowed.
    energy : float64 array, shape (C, D)
        Hamiltonian at each draw.
    step : float64 array, shape (C,)
        Step sizes at the end.
    compile_seconds, seconds : float
        Until the first density was there; in the sampler, summed over chains.
    """

    x: Array
    diverging: npt.NDArray[np.bool_]
    deepest: npt.NDArray[np.bool_]
    energy: Array
    step: Array
    compile_seconds: float
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A piece of a chain: which, how many draws, from where."""

    chain: int
    number: int
    draws: int
    seed: int
    accept: float
    start: Array


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What is sampled: a nutpie model that starts at a given place, and the seconds that its compilation took."""

    at: Callable[[Array], Any]
    seconds: float


def sample(
    design: Design, *, chains: int, draws: int, accept: float, engine: str, seed: int, compute: Compute
) -> Chains:
    """Draw from the posterior with nutpie's NUTS.

    Parameters
    ----------
    design : Design
        The model of a table.
    chains, draws : int
        Chains, and draws of each after adaptation.
    accept : float
        Acceptance that the step size aims at.
    engine : str
        ``"kernel"`` or ``"pymc"``; see `MultilevelSpec`.
    seed : int
        Part p of chain c uses ``[seed, c, p]``, whatever the number of workers.
    compute : Compute
        Chains that run at once; progress; the folder for finished parts.

    Raises
    ------
    ModelError
        When nutpie, ArviZ or PyMC are needed and not installed.
    """
    check_installed("nutpie", "arviz", *(["pymc"] if engine == "pymc" else []))
    compute.progress("compiling the multilevel model", 0, 1)
    model = design.model
    target = kernel_target(model)
    if engine == "pymc":
        from mse.estimators.multilevel.pymc import pymc_target

        target = pymc_target(design)
    compute.progress("compiling the multilevel model", 1, 1)
    kept = None if compute.folder is None else ChunkFolder(compute.folder)
    sizes = part_sizes(draws)
    ends = np.cumsum([size + (READAPT if p else WARMUP) for p, size in enumerate(sizes)])
    parts: list[list[Chunk]] = [[] for _ in range(chains)]
    counts = [0] * chains
    total = chains * int(ends[-1])
    what = f"sampling {chains} chains"
    running: dict[int, _Running] = {}
    workers = compute.workers or os.cpu_count() or 1
    compute.progress(what, 0, total)
    try:
        while any(len(found) < len(sizes) for found in parts):
            # chains that are behind come first, so that what an interruption leaves is as long for all of them
            for p, c in sorted((len(found), c) for c, found in enumerate(parts) if c not in running):
                if p == len(sizes) or len(running) >= workers:
                    continue
                start = parts[c][-1][0][-1] if p else _begin(model, seed, c)
                task = Part(c, p, sizes[p], seed, accept, start)
                digest = "" if kept is None else definition(("multilevel", engine, _version(), model, task))
                found = None if kept is None else kept.read(digest)
                if found is not None:
                    parts[c].append(found)
                    counts[c] = int(ends[p])
                else:
                    running[c] = _start(target, task, digest, int(ends[p - 1]) if p else 0, counts)
            time.sleep(POLL)
            for c in [c for c, run in running.items() if run.finished(counts[c])]:
                run = running.pop(c)
                parts[c].append(run.result())
                if kept is not None:
                    kept.write(run.digest, parts[c][-1])
            compute.progress(what, min(sum(counts), total - 1), total)
    finally:
        for run in running.values():
            run.sampler.cancel()
    compute.progress(what, total, total)
    return _joined(parts, target.seconds)


def check_installed(*packages: str) -> None:
    """Raise ModelError when a package of the extra ``bayes`` is missing."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise ModelError(
            Problem(f"the multilevel model needs {' and '.join(missing)}, which is not installed", "the extra 'bayes'",
                    "install it: pip install 'mse-engine[bayes]'")
        )  # fmt: skip


def kernel_target(model: Multilevel) -> Target:
    """Return the density of the kernel as nutpie takes it."""
    begun = time.monotonic()
    density = partial(_density, model)
    size = int(model.starts[-1])
    density(np.zeros(size))

    def at(start: Array) -> Any:
        return import_module("nutpie.compiled_pyfunc").from_pyfunc(
            size, lambda: density, lambda *_: lambda x: {"x": x}, [np.dtype(np.float64)], [(size,)], ["x"],
            make_initial_point_fn=lambda _: start,
        )  # fmt: skip

    return Target(at, time.monotonic() - begun)


def _density(model: Multilevel, x: Array) -> tuple[float, Array]:
    """Return the log density and its gradient."""
    gradient = np.empty_like(x)
    return log_density(model, x, gradient), gradient


def part_sizes(draws: int) -> list[int]:
    """Return the draws of each part of a chain: as few parts as there can be, of about the same size."""
    n = -(-draws // PART)
    return [draws // n + (i < draws % n) for i in range(n)]


def _begin(model: Multilevel, seed: int, chain: int) -> Array:
    """Return where a chain starts: from a random place in the prior some steps uphill, out of the far tails."""
    from scipy.optimize import minimize

    at = model.starts
    x: Array = np.random.default_rng([seed, chain]).normal(0.0, 0.5, int(at[-1]))
    x[: model.scale_priors.size] += np.log(0.5 * model.scale_priors)
    x[model.scale_priors.size : at[SIZE_MEAN]] -= 1.0

    def downhill(x: Array) -> tuple[float, Array]:
        value, gradient = _density(model, x)
        return (-value, -gradient) if np.isfinite(value) else (1e12, np.zeros_like(x))

    found: Array = minimize(downhill, x, jac=True, method="L-BFGS-B", options={"maxiter": UPHILL}).x
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Running:
    """A part that is being drawn: `last` draws of its chain when it is ready, `asked` the last time."""

    sampler: Any
    digest: str
    last: int
    begun: float
    asked: list[float]

    def finished(self, drawn: int) -> bool:
        """Tell whether it is drawn, or has failed; nutpie is asked seldom, as it raises for one that runs."""
        now = time.monotonic()
        if drawn < self.last and now - self.asked[0] < ASK:
            return False
        self.asked[0] = now
        try:
            return bool(self.sampler.is_finished)
        except TimeoutError:
            return False

    def result(self) -> Chunk:
        """Return parameters (D, P), then diverging, depth and energy (D, 3), then step size and seconds."""
        tree = self.sampler.wait()
        stats = tree["sample_stats"]
        columns = [stats[name].to_numpy()[0].astype(np.float64) for name in ("diverging", "depth", "energy")]
        step = float(stats["step_size_bar"].to_numpy()[0, -1])
        seconds = time.monotonic() - self.begun
        return stats["unconstrained_draw"].to_numpy()[0], np.stack(columns, axis=1), np.array([step, seconds])


def _start(target: Target, part: Part, digest: str, before: int, counts: list[int]) -> _Running:
    """Start to draw a part in the background; `counts` keeps how many draws its chain has made."""

    def heard(chains: list[Any]) -> None:
        counts[part.chain] = before + int(chains[0].finished_draws)

    tune = READAPT if part.number else WARMUP
    number = int(np.random.SeedSequence([part.seed, part.chain, part.number]).generate_state(1, np.uint64)[0])
    sampler = import_module("nutpie").sample(
        target.at(part.start), draws=part.draws, tune=tune, chains=1, cores=1,
        seed=number, save_warmup=False, progress_bar=False, progress_callback=heard, progress_rate=100, blocking=False,
        target_accept=part.accept, maxdepth=DEEPEST, store_unconstrained=True,
    )  # fmt: skip
    now = time.monotonic()
    return _Running(sampler, digest, before + part.draws + tune, now, [now])


def _joined(parts: list[list[Chunk]], compile_seconds: float) -> Chains:
    """Return the parts of all chains end to end."""
    x = np.stack([np.concatenate([part[0] for part in found]) for found in parts])
    stats = np.stack([np.concatenate([part[1] for part in found]) for found in parts])
    last = np.array([found[-1][2] for found in parts])
    seconds = sum(float(part[2][1]) for found in parts for part in found)
    return Chains(x, stats[..., 0] > 0, stats[..., 1] >= DEEPEST, stats[..., 2], last[:, 0], compile_seconds, seconds)


def _version() -> str:
    from mse import __version__

    return __version__
