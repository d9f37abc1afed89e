"""General designs: one fit on 6 lists x 96 strata, 6,048 cells and about 100 terms, beside iteratively reweighted QR.

R is not needed: its glm solves each step by a QR of the whole weighted design (LINPACK's dqrdc2). The comparison here
is the same algorithm on LAPACK's QR, which is faster than R's, so that the ratio is a lower bound of the gain over R.

    python -m benchmarks.design            # one fit, and the ratio
    python -m benchmarks.design --search   # the Dutch search on it as well (a minute or two)
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable

import numpy as np

from mse.estimators.stratified.formulas import dense, kernel_rows, parse_formula
from mse.estimators.stratified.opencells import StrataCells, build_cells
from mse.estimators.stratified.solve import make_plan, solve
from mse.estimators.stratified.stratasearch import search
from mse.estimators.stratified.stratumfit import fit_strata
from mse.kernels.anydesign import fit_design, start_design
from mse.tables.captures import CaptureTable

DIMS = {
    "year": ("2018", "2019", "2020", "2021"), "sex": ("f", "m"), "age": ("minor", "adult"),
    "nationality": ("Dutch", "other"), "form": ("sexual", "labour", "criminal"),
}  # fmt: skip
FORMULA = "~ (P + K + I + R + O + Z + year + sex + age + nationality + form)^2"


def problem(seed: int = 1, persons: float = 12_000) -> CaptureTable:
    """Return six lists by year, sex, age, nationality and form: 96 strata, 6,048 cells, about 15 % of 12,000 seen."""
    rng = np.random.default_rng(seed)
    sizes = [2] * 6 + [len(levels) for levels in DIMS.values()]
    grid = np.array(list(itertools.product(*[range(size) for size in sizes])))
    eta = np.zeros(len(grid))
    for j, size in enumerate(sizes):
        effect = rng.normal(-3.0 if j < 6 else 0.0, 0.4, size)
        effect[0] = 0.0
        eta += effect[grid[:, j]]
    for i, j in itertools.combinations(range(11), 2):
        if rng.random() < 0.5:
            effect = rng.normal(0, 0.5, (sizes[i], sizes[j]))
            effect[0], effect[:, 0] = 0.0, 0.0
            eta += effect[grid[:, i], grid[:, j]]
    mean = np.exp(eta)
    counts = rng.poisson(persons * mean / mean.sum())
    history = grid[:, :6] @ (1 << np.arange(6))
    stratum = np.zeros(len(grid), dtype=int)
    for j in range(6, 11):
        stratum = stratum * sizes[j] + grid[:, j]
    table = np.zeros((96, 64), dtype=int)
    table[stratum, history] = counts
    return CaptureTable.from_arrays(list("PKIROZ"), table[:, 1:], strata=DIMS, name="six lists, 96 strata")


def reweighted_qr(design: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, int]:
    """Fit as glm does: weighted least squares by QR until the deviance settles to 1e-8."""
    mu = counts + 0.1
    eta, before = np.log(mu), np.inf
    step = 0
    while step < 25:
        step += 1
        root = np.sqrt(mu)
        q, r = np.linalg.qr(design * root[:, None])
        beta = np.linalg.solve(r, q.T @ (root * (eta + (counts - mu) / mu)))
        eta = design @ beta
        mu = np.exp(eta)
        deviance = 2 * np.sum(np.where(counts > 0, counts * np.log(np.maximum(counts, 1) / mu), 0.0) - counts + mu)
        if abs(deviance - before) < 1e-8 * (abs(deviance) + 0.1):
            break
        before = deviance
    return beta, step


def seconds(function: Callable[[], object], times: int = 7) -> float:
    """Return the median CPU time of a call."""
    found = []
    for _ in range(times):
        begun = time.process_time()
        function()
        found.append(time.process_time() - begun)
    return float(np.median(found))


def one_fit(cells: StrataCells) -> dict[str, float]:
    """Return times of one fit from a cold start, of a warm one, and of reweighted QR."""
    plan = make_plan(cells, parse_formula(FORMULA, cells.names, cells.sizes).terms)
    used = cells.seen.open > 0
    reach = np.bincount(plan.entries[cells.seen.counts > 0].ravel() + 1, minlength=int(plan.first[-1]) + 1)[1:]
    solution = solve(cells, plan)
    keep = reach > 0
    dead = np.append(~keep, False)[plan.entries].any(axis=1)
    used &= ~dead
    rows = kernel_rows(plan.entries[used], keep)
    known = cells.seen
    seen = known._replace(open=known.open[used], counts=known.counts[used], bounds=known.bounds[used])
    precision = np.zeros(int(keep.sum()))
    design, counts = dense(rows, precision.size), seen.counts

    def kernel() -> object:
        return fit_design(rows, seen, precision, start_design(rows, seen, precision, 0.1), 100, 1e-10)

    fit = fit_design(rows, seen, precision, start_design(rows, seen, precision, 0.1), 100, 1e-10)
    beta, qr_steps = reweighted_qr(design, counts)
    start = plan.split(solution.beta)
    slow, fast = seconds(lambda: reweighted_qr(design, counts), 3), seconds(kernel)
    return {
        "cells": float(used.sum()), "columns": float(precision.size), "steps": float(fit.steps),
        "kernel_ms": 1e3 * fast, "whole_fit_ms": 1e3 * seconds(lambda: fit_strata(cells, parse_formula(
            FORMULA, cells.names, cells.sizes))),
        "warm_ms": 1e3 * seconds(lambda: solve(cells, plan, start)),
        "reweighted_qr_ms": 1e3 * slow, "reweighted_qr_steps": float(qr_steps), "ratio": slow / fast,
        "largest_difference": float(np.abs(beta - fit.beta).max()),
    }  # fmt: skip


def main() -> None:
    """Print the figures as JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--search", action="store_true")
    cells = build_cells(problem())
    figures = {"persons": float(cells.persons), **one_fit(cells)}
    if options.parse_args().search:
        begun = time.process_time()
        found = search(cells)
        figures |= {"search_s": time.process_time() - begun, "search_steps": float(len(found.path) - 1)}
        figures["search_parameters"] = float(found.best.parameters)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
