"""Sampling a multilevel model with NUTS in legs, until the chains agree; parts can be kept, so that a run goes on.

A leg is as many draws of all chains as are wanted at least; whoever asked looks at them and may ask for another. Every
chain is drawn in parts. A part starts where the one before it ended, with its own seed and a short adaptation whose
draws are dropped, so that its content depends on nothing but the model, the seed and the part before: with
``Compute.folder`` finished parts are kept there, and a run that is started again gives the very same draws.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from mse.computing.chunks import ChunkFolder, definition
from mse.computing.parallel import Compute
from mse.computing.provenance import __version__
from mse.estimators.multilevel.effects import Design
from mse.estimators.multilevel.targets import Target, check_installed, density_of, kernel_target
from mse.kernels.arrays import Array, Flags
from mse.kernels.multilevel_model import Multilevel
from mse.words.said import said

if TYPE_CHECKING:
    from mse.computing.chunks import Chunk


WARMUP, READAPT = 500, 100
"""Draws of adaptation before the first part of a chain, and before the others."""
PART = 1000
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
    diverging: Flags
    deepest: Flags
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
class _Run:
    """What all parts of all chains have in common."""

    target: Target
    model: Multilevel
    engine: str
    accept: float
    seed: int
    compute: Compute


def sample(
    design: Design, *, chains: int, draws: int, longest: int, accept: float, engine: str, seed: int, compute: Compute
) -> Iterator[Chains]:
    """Draw from the posterior with nutpie's NUTS, leg by leg.

    Parameters
    ----------
    design : Design
        The model of a table.
    chains, draws, longest : int
        Chains; draws of each in a leg, after adaptation; and draws of each from which on there is no other leg.
    accept : float
        Acceptance that the step size aims at.
    engine : str
        ``"kernel"`` or ``"pymc"``; see `MultilevelSpec`.
    seed : int
        Part p of chain c uses ``[seed, c, p]``, whatever the number of workers.
    compute : Compute
        Chains that run at once; progress; the folder for finished parts.

    Yields
    ------
    Chains
        Everything drawn so far, after every leg.

    Raises
    ------
    ModelError
        When nutpie, ArviZ or PyMC are needed and not installed.
    """
    check_installed("nutpie", "arviz", *(["pymc"] if engine == "pymc" else []))
    compute.progress(said("stage.compiling_model"), 0, 1)
    model = design.model
    target = kernel_target(model)
    if engine == "pymc":
        from mse.estimators.multilevel.pymcmodel import pymc_target

        target = pymc_target(design)
    compute.progress(said("stage.compiling_model"), 1, 1)
    run = _Run(target, design.model, engine, accept, seed, compute)
    parts: list[list[Chunk]] = [[] for _ in range(chains)]
    sizes: list[int] = []
    while not sizes or sum(sizes) < longest:
        sizes += part_sizes(draws)
        _leg(run, parts, sizes)
        yield _joined(parts, target.seconds)


def _leg(run: _Run, parts: list[list[Chunk]], sizes: list[int]) -> None:
    """Draw the parts of these sizes that every chain does not have yet."""
    compute, chains = run.compute, len(parts)
    kept = None if compute.folder is None else ChunkFolder(compute.folder)
    ends = np.cumsum([size + (READAPT if p else WARMUP) for p, size in enumerate(sizes)])
    counts = [int(ends[len(found) - 1]) if found else 0 for found in parts]
    total = chains * int(ends[-1])
    what = said("stage.sampling", chains=chains, draws=sum(sizes))
    running: dict[int, _Running] = {}
    workers = compute.workers or os.cpu_count() or 1
    compute.progress(what, sum(counts), total)
    try:
        while any(len(found) < len(sizes) for found in parts):
            # chains that are behind come first, so that what an interruption leaves is as long for all of them
            for p, c in sorted((len(found), c) for c, found in enumerate(parts) if c not in running):
                if p == len(sizes) or len(running) >= workers:
                    continue
                start = parts[c][-1][0][-1] if p else _begin(run.model, run.seed, c)
                task = Part(c, p, sizes[p], run.seed, run.accept, start)
                digest = "" if kept is None else definition(("multilevel", run.engine, __version__, run.model, task))
                found = None if kept is None else kept.read(digest)
                if found is not None:
                    parts[c].append(found)
                    counts[c] = int(ends[p])
                else:
                    running[c] = _start(run.target, task, digest, int(ends[p - 1]) if p else 0, counts)
            time.sleep(POLL)
            for c in [c for c, part in running.items() if part.finished(counts[c])]:
                part = running.pop(c)
                parts[c].append(part.result())
                if kept is not None:
                    kept.write(part.digest, parts[c][-1])
            compute.progress(what, min(sum(counts), total - 1), total)
    finally:
        for part in running.values():
            part.sampler.cancel()
    compute.progress(what, total, total)


def part_sizes(draws: int) -> list[int]:
    """Return the draws of each part of a chain: as few parts as there can be, of about the same size."""
    n = -(-draws // PART)
    return [draws // n + (i < draws % n) for i in range(n)]


def _begin(model: Multilevel, seed: int, chain: int) -> Array:
    """Return where a chain starts: from a random place in the prior some steps uphill, out of the far tails."""
    from scipy.optimize import minimize

    x: Array = np.random.default_rng([seed, chain]).normal(0.0, 0.5, int(model.starts[-1]))

    def downhill(x: Array) -> tuple[float, Array]:
        value, gradient = density_of(model, x)
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
