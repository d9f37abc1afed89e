"""Are the posteriors of the averaging estimators calibrated? Ranks under their own priors, and a simulated nation.

The scheme, and why it is exact under improper priors, is in `tests.calibration.ranks`. On the simulated national
register persons differ in how visible they are, lists refer to each other and none of the models holds, so that
coverage there is a test of robustness and not of calibration. Run ``python -m tests.calibration.sbc`` to repeat all and
store the results, or with names (``average-3``, ``"national average"``) to repeat and replace some.
"""

import json
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np

from mse import Compute
from mse.errors import MseError
from mse.estimators import averaging, decomposable, stochastic
from mse.estimators.decomposable import DecomposableSpec
from mse.estimators.stochastic.pool import represent
from mse.estimators.stochastic.search import make_space
from mse.estimators.strata import average as strata_average
from mse.estimators.strata import walks as strata_walks
from mse.estimators.weighing import correct
from mse.simulate.national import simulate_captures
from mse.simulate.reading import national_spec
from tests.calibration import ranks

STORED = Path(__file__).with_name("sbc.json")
DRAWS = 999
ONE = Compute(workers=1)
DEADLINE = 300.0
"""Seconds after which no further table is drawn."""


def mixed(pool, corrected, observed, seed):
    """Draw N from the mixture that an average makes its law of N of, without the exact sum of Poisson laws."""
    _, found = correct(pool, corrected, seed, ONE)
    rng = np.random.default_rng([seed, 7])
    means = np.exp(rng.choice(found.grid, DRAWS, p=found.mass / found.mass.sum()))
    return observed + rng.poisson(np.minimum(means, 1e18))


def average(corrected):
    spec = averaging.AverageSpec(corrected=corrected)
    return lambda table, seed: mixed(averaging.laplace_pool(table, spec, ONE)[0], corrected, table.observed, seed)


def searched(table, seed):
    spec = stochastic.SearchAverageSpec(max_order=None, models=1000)
    subsets = stochastic.check_terms(table.n_lists, None)
    space = make_space(table.dense(), subsets, np.zeros(len(subsets) + 1), 1.0)
    found = represent([stochastic.explore(space, spec, seed, ONE)], spec.corrected, seed)
    return mixed(found.pool, 1.0, table.observed, seed)


def with_covariates(table, seed):
    spec = strata_average.StrataAverageSpec(draws=DRAWS)
    return strata_average.estimate(table, spec, seed=seed, compute=ONE).draws


def graphs(delta):
    spec = DecomposableSpec(delta=delta, draws=DRAWS, limit=10**12)
    return lambda table, seed: decomposable.estimate(table, spec, seed=seed, compute=ONE).draws


def graph_tables(n_lists, delta):
    every = ranks.graphs_of(n_lists)
    return lambda rng: ranks.decomposable(n_lists, rng, delta, every)


CASES = {
    "average-3": (1000, lambda rng: ranks.loglinear(3, rng), average(0.99)),
    "average-3 Laplace": (1000, lambda rng: ranks.loglinear(3, rng), average(0.0)),
    "average-4": (500, lambda rng: ranks.loglinear(4, rng), average(0.99)),
    "average-4 Laplace": (500, lambda rng: ranks.loglinear(4, rng), average(0.0)),
    "decomposable-3 delta=1": (1000, graph_tables(3, 1.0), graphs(1.0)),
    "decomposable-3 delta=1/8": (500, graph_tables(3, 0.125), graphs(None)),
    "decomposable-4 delta=1": (500, graph_tables(4, 1.0), graphs(1.0)),
    "search-average-4": (200, lambda rng: ranks.loglinear(4, rng), searched),
    "average-strata-3": (250, lambda rng: ranks.loglinear(3, rng, levels=2), with_covariates),
}
"""Tables to draw at most, where from, and the estimator."""


def repeated(name):
    """Return the judgement on the ranks of one case."""
    most, draw, estimator = CASES[name]
    found, refused, begin = [], 0, time.monotonic()
    for i, rng in enumerate(np.random.default_rng([sum(map(ord, name)), 1]).spawn(most)):
        if time.monotonic() - begin > DEADLINE:
            break
        table, unseen = draw(rng)
        if table is None:
            refused += 1
            continue
        found.append(ranks.rank(estimator(table, i) - table.observed, unseen, rng))
    return {**ranks.judged(found), "refused": refused}


def national(method, years):
    """Return how often intervals hold the truth of single years of simulated nations, all strata of a year together."""
    options = {
        "average": lambda t: averaging.estimate(t, averaging.AverageSpec(max_order=2), seed=1, compute=ONE),
        "search-average": lambda t: stochastic.estimate(
            t, stochastic.SearchAverageSpec(models=3000, window=1e-3), seed=1, compute=ONE
        ),
        "decomposable": lambda t: decomposable.estimate(t, DecomposableSpec(), seed=1, compute=ONE),
        "average-strata": lambda t: strata_average.estimate(
            t, strata_average.StrataAverageSpec(window=0.05), seed=1, compute=ONE
        ),
    }
    dims = ("year", "age") if method == "average-strata" else ("year",)
    spec = national_spec()
    inside, errors, tried, begin = {p: 0 for p in ranks.PROBS}, [], 0, time.monotonic()
    for i in range(years):
        if time.monotonic() - begin > DEADLINE:
            break
        table, truth = simulate_captures(spec, seed=i, dims=dims)
        levels = table.strata["year"]
        year = levels[i % len(levels)]
        part = table.at({"year": year})
        size = int(np.asarray(truth).reshape(len(levels), -1)[i % len(levels)].sum())
        try:
            found = options[method](part)
        except MseError:
            continue
        tried += 1
        errors.append(float(np.log(found.point / size)))
        for p in ranks.PROBS:
            low, high = found.quantile([0.5 - p / 2, 0.5 + p / 2])
            inside[p] += bool(low <= size <= high)
    return {
        "tables": tried,
        "covered": {str(p): round(k / tried, 4) for p, k in inside.items()},
        "median_log_error": round(float(np.median(errors)), 4),
    }


NATIONAL = {"average": 25, "search-average": 25, "decomposable": 50, "average-strata": 6}


def main(names):
    # the walks only measure what was visited; short ones do here
    strata_walks.STEPS = 300
    for name in names or [*CASES, *(f"national {m}" for m in NATIONAL)]:
        begin = time.process_time()
        method = name.removeprefix("national ")
        found = repeated(name) if name in CASES else national(method, NATIONAL[method])
        stored = json.loads(STORED.read_text()) if STORED.exists() else {"ranks": {}, "national": {}}
        section = stored["ranks" if name in CASES else "national"]
        section[name if name in CASES else method] = {
            "date": date.today().isoformat(), **found, "cpu_seconds": round(time.process_time() - begin, 1),
        }  # fmt: skip
        STORED.write_text(json.dumps(stored, indent=2) + "\n")
        print(name, found, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
