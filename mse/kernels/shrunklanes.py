"""The law of the log unseen under every point of a grid, four points side by side.

What is computed is that of `mse.kernels.shrunklaw`, whose `laws_on_grid` comes here where the model fits four
eliminations. A lane that has done with a point, or a side of its law, takes the next one while the others go on.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled
from mse.kernels.copying import copy_to
from mse.kernels.lanes import LANES
from mse.kernels.shrinking import Counted
from mse.kernels.shrunkquartet import (
    Array,
    Integers,
    advance,
    arrives,
    fails,
    log_determinant,
    make_bench,
    make_scene,
    put,
    rest,
    settle,
    solve,
)

MOST_NODES = 40
"""Nodes of one law at most."""

_MOST_STEPS = 60
_SIDES = 2
_ASTRAY = -2


@compiled
def modes_in_lanes(
    seen: Counted, terms: Integers, first: int, last_pair: int, offsets: Array, which: Integers, like: Integers,
    steps: Array, precision: Array, common: Array, cold: Array, tolerance: float, modes: Array, tangents: Array,
    found: Array, failed: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Find the mode under every point of a grid.

    Arguments as in `laws_on_grid`, whose `last` is `last_pair`, and `cold` (p,) to begin from. Writes β to `modes` and
    the direction of the path of held modes there to `tangents`, both (G, p), and F, log|H|, 1ᵀH⁻¹1 and what of the
    last gain lies along 1ᵀβ to `found`, (G, 4).
    """
    grid, p = precision.shape
    scene = make_scene(seen, terms, first, last_pair)
    bench = make_bench(p, offsets.shape[1])
    point = np.full(LANES, -1)
    taken = np.zeros(LANES, np.int64)
    done = np.zeros(grid, np.bool_)
    arrived = np.zeros(LANES, np.bool_)
    start = np.empty(p)
    following = 0
    busy = 0
    latest = -1
    while True:
        for lane in range(LANES):
            if point[lane] >= 0 or following == grid:
                continue
            g = following
            near = like[g]
            copy_to(start, cold)
            if near >= 0 and done[near]:
                copy_to(start, modes[near])
                far = like[near]
                if far >= 0 and done[far]:
                    for i in range(p):
                        start[i] += steps[g] * (modes[near, i] - modes[far, i])
            elif latest >= 0:
                copy_to(start, modes[latest])
            put(bench, lane, precision[g], common[g], offsets[which[g]], start, 0.0)
            point[lane] = g
            taken[lane] = 0
            following += 1
            busy += 1
        if busy == 0:
            break
        settle(scene, bench)
        solve(scene, bench)
        for lane in range(LANES):
            g = point[lane]
            arrived[lane] = True
            if g < 0:
                continue
            taken[lane] += 1
            if fails(bench, p, lane):
                failed[g] = True
            elif arrives(bench, lane, tolerance):
                along = bench.slope[lane]
                found[g, 0] = bench.value[lane] - 0.5 * max(bench.gain[lane], 0.0)
                found[g, 1] = log_determinant(bench, p, lane)
                found[g, 2] = bench.variance[lane]
                found[g, 3] = 0.5 * along * along / bench.variance[lane]
                done[g] = True
            elif taken[lane] >= _MOST_STEPS:
                failed[g] = True
            else:
                arrived[lane] = False
        advance(scene, bench, arrived)
        for lane in range(LANES):
            g = point[lane]
            if g < 0 or not arrived[lane]:
                continue
            if done[g]:
                latest = g
                for i in range(p):
                    modes[g, i] = bench.beta[LANES * i + lane]
                    tangents[g, i] = bench.step[LANES * i + lane] / bench.variance[lane]
            else:
                rest(bench, lane)
            point[lane] = -1
            busy -= 1


@compiled
def climb_in_lanes(
    seen: Counted, terms: Integers, first: int, last_pair: int, offsets: Array, which: Integers, precision: Array,
    common: Array, constant: Array, chosen: Integers, modes: Array, tangents: Array, central: Array, spacing: Array,
    depth: float, tolerance: float, nodes: Array, density: Array, rungs: Array, length: Integers,
    failed: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Follow the laws of the `chosen` points to both sides of their modes.

    Parameters
    ----------
    constant : (G,) float64
        What log densities have beside −F − ½ log|H| − ½ log 1ᵀH⁻¹1.
    chosen : (C,) int64
        Points.
    modes, tangents : (G, p) float64
        From `modes_in_lanes`.
    central, spacing : (G,) float64
        Log density at the mode, and distance of the nodes.
    nodes, density, rungs : (G, M), (G, M), (G, M, p) float64
        Written: nodes, log densities and β there.
    length : (G,) int64
        Written: how many there are.
    failed : (G,) bool
        Written.

    Other arguments as in `laws_on_grid`; `last_pair` is its `last`.
    """
    grid, p = precision.shape
    half = MOST_NODES // 2
    # the mode stands in the middle until all is known
    ends = np.zeros((grid, _SIDES), np.int64)
    scene = make_scene(seen, terms, first, last_pair)
    bench = make_bench(p, offsets.shape[1])
    highest = central.copy()
    for g in chosen:
        nodes[g, half] = modes[g].sum()
        density[g, half] = central[g]
        copy_to(rungs[g, half], modes[g])
        ends[g, 0] = half
        ends[g, 1] = half
    tasks = _SIDES * chosen.shape[0]
    task = np.full(LANES, -1)
    away = np.zeros(LANES, np.int64)
    taken = np.zeros(LANES, np.int64)
    arrived = np.zeros(LANES, np.bool_)
    last = np.zeros((LANES, p))
    following = 0
    busy = 0
    while True:
        for lane in range(LANES):
            if task[lane] >= 0 or following == tasks:
                continue
            g = chosen[following % chosen.shape[0]]
            sign = 2.0 * (following // chosen.shape[0]) - 1.0
            copy_to(last[lane], tangents[g])
            start = modes[g] + sign * spacing[g] * tangents[g]
            put(bench, lane, precision[g], common[g], offsets[which[g]], start, 1.0)
            task[lane] = following
            taken[lane] = 0
            away[lane] = 1
            following += 1
            busy += 1
        if busy == 0:
            break
        settle(scene, bench)
        solve(scene, bench)
        for lane in range(LANES):
            arrived[lane] = True
            if task[lane] < 0:
                continue
            taken[lane] += 1
            astray = fails(bench, p, lane)
            arrived[lane] = astray or arrives(bench, lane, tolerance)
            if astray or (not arrived[lane] and taken[lane] >= _MOST_STEPS):
                failed[chosen[task[lane] % chosen.shape[0]]] = True
                arrived[lane] = True
                task[lane] = _ASTRAY
        advance(scene, bench, arrived)
        for lane in range(LANES):
            if task[lane] == _ASTRAY:
                rest(bench, lane)
                task[lane] = -1
                busy -= 1
            if task[lane] < 0 or not arrived[lane]:
                continue
            g = chosen[task[lane] % chosen.shape[0]]
            side = task[lane] // chosen.shape[0]
            sign = 2.0 * side - 1.0
            at = half + int(sign) * away[lane]
            height = constant[g] - bench.value[lane] + 0.5 * max(bench.gain[lane], 0.0)
            height -= 0.5 * (log_determinant(bench, p, lane) + math.log(bench.variance[lane]))
            total = 0.0
            for i in range(p):
                here = bench.beta[LANES * i + lane]
                total += here
                rungs[g, at, i] = here
                # two points' tangents: the path bends, and one or two factorisations are to do
                tangent = bench.step[LANES * i + lane] / bench.variance[lane]
                bench.beta[LANES * i + lane] = here + sign * spacing[g] * (1.5 * tangent - 0.5 * last[lane, i])
                last[lane, i] = tangent
            nodes[g, at] = total
            density[g, at] = height
            ends[g, side] = at
            highest[g] = max(highest[g], height)
            taken[lane] = 0
            away[lane] += 1
            if height < highest[g] - depth or away[lane] > half:
                task[lane] = -1
                busy -= 1
    for g in chosen:
        low = ends[g, 0]
        length[g] = ends[g, 1] + 1 - low
        for i in range(length[g]):
            nodes[g, i] = nodes[g, low + i]
            density[g, i] = density[g, low + i]
            copy_to(rungs[g, i], rungs[g, low + i])
