"""Is the sampler of the multilevel model right? Ranks of the truth among its draws, on tables from its own prior.

Simulation-based calibration as in `tests.calibration.ranks`: parameters from the prior, Poisson counts given them, what
is hidden taken away, and the rank of the truth among posterior draws. The average log size has its prior around a fixed
value here, where the estimator takes it from the table. Tables that are left out (too few persons, no overlap) are left
out for what is in them, which does no harm. ``python -m tests.calibration.multilevel_ranks [--minutes 40] [case …]``
repeats cases, for so many minutes by the clock on each of two seeds at most, and stores them in
``multilevel-ranks.json``.
"""

import argparse
import dataclasses
import json
import time
from datetime import date
from pathlib import Path

import numpy as np

from mse.computing.parallel import Compute
from mse.errors import MseError
from mse.estimators.multilevel.chaindiagnostics import convergence
from mse.estimators.multilevel.nuts import sample
from mse.estimators.multilevel.outputs import draw_persons
from mse.estimators.multilevel.partialpooling import MultilevelSpec, design_of
from mse.estimators.multilevel.priorpredictive import draw_prior
from mse.kernels.multilevel_cells import cell_means
from mse.kernels.multilevel_model import positive_values
from mse.tables.captures import CaptureTable
from tests.calibration import ranks

STORED = Path(__file__).with_name("multilevel-ranks.json")
TABLES, DRAWS = 120, 199
FEWEST, MOST = 40, 5000
"""Persons observed."""
LOG_SIZE = np.log(120.0)
"""Centre of the prior of the average log size of a stratum."""
MINUTES = 40.0
"""After which no further table of a seed is drawn."""

PLAIN = {"lists": "ABCD", "strata": {"year": ("2018", "2019"), "form": ("x", "y")}, "spec": {}, "unlabelled": 0.0}
INCOMPLETE = {
    "lists": "ABC",
    "strata": {"year": ("2017", "2018", "2019"), "form": ("x", "y")},
    "spec": {
        "blind": {"C": {"form": "y"}}, "missing": {"B": {"year": "2017"}}, "breaks": {"2018-07": ["A"]},
        "unknown": {"form": "unknown"},
    },
    "unlabelled": 0.15,
}  # fmt: skip
CASES = {
    "four lists, two years, two forms": PLAIN,
    "a list blind, one missing, labels missing, a break": INCOMPLETE,
}


def model_of(case, counts):
    """Return the design of a table, its prior of sizes around a fixed value; None where no such table is taken."""
    strata = dict(case["strata"])
    if case["unlabelled"]:
        strata["form"] = (*strata["form"], "unknown")
    try:
        table = CaptureTable.from_arrays(case["lists"], counts, strata=strata)
        design = design_of(table, MultilevelSpec(**case["spec"]))
    except MseError:
        return None
    model = design.model._replace(size_prior=np.array([LOG_SIZE, design.model.size_prior[1]]))
    return dataclasses.replace(design, model=model)


def simulate(case, rng):
    """Return a design with counts drawn from the prior, or None; and what is true of it."""
    k = len(case["lists"])
    shape = tuple(map(len, case["strata"].values()))
    template = np.ones((*shape, 2**k - 1), dtype=int)
    if case["unlabelled"]:
        template = np.concatenate([template, np.zeros((shape[0], 1, 2**k - 1), dtype=int)], axis=1)
    template[..., :] = np.where(_declared(case, template.shape[:-1]), template, 0)
    design = model_of(case, template)
    x = draw_prior(design, 1, rng)
    plain = design.model._replace(follow=np.zeros_like(design.model.follow))
    s, c = design.model.possible.shape
    log_size, means, terms = np.empty((1, s)), np.empty((1, s, c)), np.empty((1, s, k * (k + 1) // 2))
    cell_means(plain, x, log_size, means, terms)
    if means.sum() > 50 * MOST:
        return None, {}
    persons = rng.poisson(means[0] * design.model.possible)
    truth = {"total": persons.sum(), "first stratum": persons[0].sum(), **parameters(plain, x)}
    counts = np.zeros((s, c), dtype=int)
    for h in range(c):
        for at in range(s):
            counts[at, h & ~_out(case, at, shape)] += persons[at, h]
    counts = counts.reshape(*shape, c)[..., 1:]
    if case["unlabelled"]:
        lost = rng.binomial(counts, case["unlabelled"])
        counts = np.concatenate([counts - lost, lost.sum(axis=1, keepdims=True)], axis=1)
    if not FEWEST <= counts.sum() <= MOST:
        return None, truth
    return model_of(case, counts), truth


def parameters(model, x):
    """Return what is ranked beside persons, one number for each row of `x`."""
    positive = np.array([positive_values(model, row) for row in x])
    return {"scale of the walk": positive[:, 0], "common dependence": positive[:, model.n_scales] ** 2}


def _out(case, at, shape):
    """Return the bits of the lists that did not deliver in a stratum."""
    if not case["spec"].get("missing"):
        return 0
    year = case["strata"]["year"][at // shape[1]]
    return sum(1 << case["lists"].index(x) for x, where in case["spec"]["missing"].items() if where["year"] == year)


def _declared(case, shape):
    """Return which counts may be above nought in each stratum, (…, 2^K − 1)."""
    histories = np.arange(1, 2 ** len(case["lists"]))
    out = np.ones((*shape, histories.size), dtype=bool)
    for at in np.ndindex(shape):
        bits = _out(case, at[0] * len(case["strata"]["form"]), tuple(map(len, case["strata"].values())))
        for x, where in case["spec"].get("blind", {}).items():
            if at[1] < 2 and case["strata"]["form"][at[1]] == where["form"]:
                bits |= 1 << case["lists"].index(x)
        out[at] = (histories & bits) == 0
    return out


def posterior(design, seed):
    """Return draws of what is ranked, thinned until they are about independent, and what the chains say."""
    for chains in sample(design, chains=2, draws=600, longest=4800, accept=0.9, engine="kernel", seed=seed,
                         compute=Compute(workers=1)):  # fmt: skip
        x = chains.x.reshape(-1, design.n_parameters)
        persons = draw_persons(design, x, np.random.default_rng([seed, 4]))
        agreement = convergence(design, chains, persons)
        if agreement["rhat_max"] < 1.03 and agreement["ess_bulk_min"] > DRAWS:
            break
    kept = np.linspace(0, len(x) - 1, DRAWS).astype(int)
    found = {
        "total": persons.N[kept].sum(axis=1),
        "first stratum": persons.N[kept, 0],
        **parameters(design.model, np.ascontiguousarray(x[kept])),
    }
    return found, agreement


def repeated(name, minutes=MINUTES):
    """Return the judgement on the ranks of one case, over tables of two seeds."""
    case, found, refused, apart = CASES[name], {}, 0, 0
    for seed in (1, 2):
        begun, tables = time.monotonic(), 0
        for i, rng in enumerate(np.random.default_rng([sum(map(ord, name)), seed]).spawn(10 * TABLES)):
            if time.monotonic() - begun > 60.0 * minutes or tables == TABLES:
                break
            design, truth = simulate(case, rng)
            if design is None:
                refused += 1
                continue
            draws, agreement = posterior(design, i)
            tables += 1
            apart += agreement["rhat_max"] > 1.05
            for what, values in draws.items():
                found.setdefault(what, []).append(ranks.rank(values, float(np.squeeze(truth[what])), rng))
            print(tables, {k: round(v[-1], 3) for k, v in found.items()}, flush=True)
    return {"refused": refused, "rhat_above_1.05": apart, **{what: ranks.judged(found[what]) for what in found}}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("cases", nargs="*", metavar="case")
    chosen = parser.parse_args(arguments)
    for name in chosen.cases or CASES:
        begun = time.process_time()
        found = {"date": date.today().isoformat(), **repeated(name, chosen.minutes)}
        found["cpu_seconds"] = round(time.process_time() - begun)
        stored = json.loads(STORED.read_text()) if STORED.exists() else {}
        STORED.write_text(json.dumps({**stored, name: found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
