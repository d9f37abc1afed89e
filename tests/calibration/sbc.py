"""Are the posteriors of the averaging estimators calibrated? Ranks under their own priors, and a simulated nation.

The scheme, and why it is exact under improper priors, is in `tests.calibration.ranks` and, for tables with a covariate,
`tests.calibration.stratified`. On the simulated national register persons differ in how visible they are, lists refer
to each other and none of the models holds, so that coverage there is a test of robustness and not of calibration. Run
``python -m tests.calibration.sbc`` to repeat all and store the results, or with names (``average-3``, ``"national
average"``) to repeat and replace some. The latent classes have `tests.calibration.latentclass`, the multilevel model
`tests.calibration.multilevel`; intervals of the former on the nation are here.
"""

import json
import sys
import time
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np

from mse import Compute
from mse.errors import MseError
from mse.estimators.averages import averaging, decomposable
from mse.estimators.averages import searched as stochastic
from mse.estimators.averages.decomposable import DecomposableSpec
from mse.estimators.averages.listmodels import ListModels
from mse.estimators.averages.weighing import corrected_mass
from mse.estimators.latentclass import hiddenclasses as latentclass
from mse.estimators.modelspace.modelfamilies import make_space
from mse.estimators.modelspace.modelsearch import Effort
from mse.estimators.modelspace.pool import represent
from mse.estimators.modelspace.walking import explore
from mse.estimators.shrinkage import shrinkage as shrunk
from mse.estimators.shrinkage.shrinkspec import COMMON_SD, ShrinkageSpec
from mse.estimators.stratified import strataaverage as strata_average
from mse.simulate.national import simulate_captures
from mse.simulate.section import national_spec
from tests.calibration import ranks
from tests.calibration.stratified import stratified

STORED = Path(__file__).with_name("sbc.json")
DRAWS = 999
ONE = Compute(workers=1)
DEADLINE = 900.0
"""Seconds of processor time after which no further table is drawn."""
GRID = {0.5: 1.0, 2.0: 1.0}
"""Prior standard deviations of the average over a grid of them."""
SHRUNK = {"visibility": (0.0,), "common_sd": COMMON_SD}
"""Shrinkage towards independence: the Rasch model that it is shrunk towards otherwise takes the list totals from the
table, so that there is no prior to draw from; all kernels are the same."""


def mixed(pool, corrected, observed, seed):
    """Draw N from the mixture that an average makes its law of N of, without the exact sum of Poisson laws."""
    _, _, grid, mass = corrected_mass(pool, corrected, seed, ONE)
    rng = np.random.default_rng([seed, 7])
    means = np.exp(rng.choice(grid, DRAWS, p=mass / mass.sum()))
    return observed + rng.poisson(np.minimum(means, 1e18))


def average(corrected=0.99, **options):
    spec = averaging.AverageSpec(corrected=corrected, **options)
    return lambda table, seed: mixed(averaging.laplace_pool(table, spec, ONE)[0], corrected, table.observed, seed)


def searched(table, seed):
    spec = stochastic.SearchAverageSpec(max_order=None, models=1000)
    subsets = stochastic.check_terms(table.n_lists, None)
    space = make_space(ListModels(table.dense(), subsets), np.zeros(len(subsets) + 1), 1.0)
    found = represent([explore(space, Effort(spec.window, spec.models), seed, ONE)], spec.corrected, seed)
    return mixed(found.pool, 1.0, table.observed, seed)


def with_covariates(one_stratum=False, **declared):
    """Return the average with covariates: N of all, or of the first stratum."""
    spec = strata_average.StrataAverageSpec(draws=DRAWS, **declared)

    def draws(table, seed):
        found = strata_average.estimate(table, spec, seed=seed, compute=ONE)
        return found.strata.draws[:, 0] if one_stratum else found.draws

    return draws


def graphs(delta):
    spec = DecomposableSpec(delta=delta, draws=DRAWS, limit=10**12)
    return lambda table, seed: decomposable.estimate(table, spec, seed=seed, compute=ONE).draws


def shrinkage(checked=True, **options):
    """Return shrinkage: draws of N, with the correction by importance sampling or without."""
    spec = ShrinkageSpec(draws=DRAWS, **SHRUNK, **options)

    def draws(table, seed):
        if checked:
            return shrunk.estimate(table, spec, seed=seed, compute=ONE).draws
        law = shrunk.law_of_log_n(table, spec)
        rng = np.random.default_rng([seed, 7])
        means = np.exp(rng.choice(law.log_means, DRAWS, p=law.mass / law.mass.sum()))
        return table.observed + rng.poisson(np.minimum(means, 1e15))

    return draws


def shrunk_tables(n_lists, **prior):
    """Draw tables without strata from the prior of shrinkage, and N."""
    spec = ShrinkageSpec(**SHRUNK)
    return lambda rng: sized(*ranks.shrunk(n_lists, rng, (spec.pair_sd, spec.ratio, spec.common_sd), **prior))


def flat_tables(n_lists, **prior):
    """Draw tables without strata from the log-linear prior, and N."""
    return lambda rng: sized(*ranks.loglinear(n_lists, rng, **prior))


def graph_tables(n_lists, delta):
    every = ranks.graphs_of(n_lists)
    return lambda rng: sized(*ranks.decomposable(n_lists, rng, delta, every))


def sized(table, unseen):
    """Return the table and N, observed and unseen."""
    return table, unseen + (table.observed if table is not None else 0)


def strata_tables(one_stratum=False, **shape):
    """Draw tables of three lists and two strata, and N of all or of the first stratum."""

    def drawn(rng):
        table, sizes = stratified(3, rng, **shape)
        return table, int(sizes[0] if one_stratum else sizes.sum())

    return drawn


SHORT = partial(strata_average.EFFORT, steps=300, segments=1)
IN_M = {"L2": {"sex": "m"}}
CASES = {
    "average-3": (1000, flat_tables(3), average()),
    "average-3 Laplace": (1000, flat_tables(3), average(0.0)),
    "average-3 sd grid": (1000, flat_tables(3, sd=list(GRID)), average(sd=GRID)),
    "average-3 prior by size": (500, flat_tables(3, model_prior="size"), average(model_prior="size")),
    "average-4": (500, flat_tables(4), average()),
    "average-4 Laplace": (500, flat_tables(4), average(0.0)),
    "shrinkage-3": (400, shrunk_tables(3), shrinkage()),
    "shrinkage-4": (200, shrunk_tables(4), shrinkage()),
    "shrinkage-4 without the highest term": (400, shrunk_tables(4, saturated=False), shrinkage(saturated=False)),
    "shrinkage-4 Laplace": (1000, shrunk_tables(4), shrinkage(False)),
    "shrinkage-5 Laplace": (500, shrunk_tables(5), shrinkage(False)),
    "decomposable-3 delta=1": (1000, graph_tables(3, 1.0), graphs(1.0)),
    "decomposable-3 delta=1/8": (500, graph_tables(3, 0.125), graphs(None)),
    "decomposable-4 delta=1": (500, graph_tables(4, 1.0), graphs(1.0)),
    "search-average-4": (300, flat_tables(4), searched),
    "average-strata-3": (300, strata_tables(), with_covariates()),
    "average-strata-3 blind": (300, strata_tables(blind=(2,)), with_covariates(blind=IN_M)),
    "average-strata-3 missing": (300, strata_tables(missing=(2,)), with_covariates(missing=IN_M)),
    "average-strata-3 bounded": (300, strata_tables(bounded=(2,)), with_covariates(bounded={"L2": {}})),
    "average-strata-3 labels": (
        300, strata_tables(True, labels=True), with_covariates(True, unknown={"sex": "?"}),
    ),
}  # fmt: skip
"""Tables to draw at most, where from, and the estimator."""


def repeated(name):
    """Return the judgement on the ranks of one case."""
    most, draw, estimator = CASES[name]
    found, refused, begin = [], 0, time.process_time()
    for i, rng in enumerate(np.random.default_rng([sum(map(ord, name)), 1]).spawn(most)):
        if time.process_time() - begin > DEADLINE:
            break
        table, size = draw(rng)
        if table is None:
            refused += 1
            continue
        found.append(ranks.rank(estimator(table, i), size, rng))
    return {**ranks.judged(found), "refused": refused}


NATIONAL = {
    "average": (25, lambda t: averaging.estimate(t, averaging.AverageSpec(max_order=2), seed=1, compute=ONE)),
    "search-average": (
        50, lambda t: stochastic.estimate(
            t, stochastic.SearchAverageSpec(models=3000, window=1e-3), seed=1, compute=ONE),
    ),
    "decomposable": (50, lambda t: decomposable.estimate(t, DecomposableSpec(), seed=1, compute=ONE)),
    "average-strata": (
        25, lambda t: strata_average.estimate(
            t, strata_average.StrataAverageSpec(window=0.05), seed=1, compute=ONE),
    ),
    "latent-class": (
        25, lambda t: latentclass.estimate(
            t, latentclass.LatentClassSpec(effective=400, longest=2000), seed=1, compute=ONE),
    ),
}  # fmt: skip
"""Years of simulated nations at most, and the estimator."""


def national(method):
    """Return how often intervals hold the truth of single years of simulated nations, all strata of a year together."""
    years, estimator = NATIONAL[method]
    dims = ("year", "age") if method == "average-strata" else ("year",)
    spec = national_spec()
    inside, errors, refused, begin = {p: 0 for p in ranks.PROBS}, [], 0, time.process_time()
    for i in range(years):
        if time.process_time() - begin > DEADLINE:
            break
        table, truth = simulate_captures(spec, seed=i, dims=dims)
        levels = table.strata["year"]
        year = i % len(levels)
        size = int(np.asarray(truth).reshape(len(levels), -1)[year].sum())
        try:
            found = estimator(table.part({"year": levels[year]}))
        except MseError:
            refused += 1
            continue
        errors.append(float(np.log(found.point / size)))
        for p in ranks.PROBS:
            low, high = found.quantile([0.5 - p / 2, 0.5 + p / 2])
            inside[p] += bool(low <= size <= high)
    return {
        "tables": len(errors), "refused": refused,
        "covered": {str(p): round(k / len(errors), 4) for p, k in inside.items()},
        "median_log_error": round(float(np.median(errors)), 4),
        "rms_log_error": round(float(np.sqrt(np.mean(np.square(errors)))), 4),
    }  # fmt: skip


def main(names):
    # the walks only measure what was visited; short ones do here
    strata_average.EFFORT = SHORT
    for name in names or [*CASES, *(f"national {m}" for m in NATIONAL)]:
        begin = time.process_time()
        method = name.removeprefix("national ")
        found = repeated(name) if name in CASES else national(method)
        stored = json.loads(STORED.read_text()) if STORED.exists() else {"ranks": {}, "national": {}}
        section = stored["ranks" if name in CASES else "national"]
        section[name if name in CASES else method] = {
            "date": date.today().isoformat(), **found, "cpu_seconds": round(time.process_time() - begin, 1),
        }  # fmt: skip
        STORED.write_text(json.dumps(stored, indent=2) + "\n")
        print(name, found, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
