"""Is the law of shrinkage that of its model? The same model in PyMC by NUTS, which knows nothing of Laplace or grids.

The joint density: Poisson counts, log means η of all cells as parameters, and the mixture over the grid of scales as
the prior of the coefficients of η less the offsets of the Rasch model. In these coordinates the likelihood knows no
scale, so that the chains need not jump between visibilities. The offsets are the engine's
(`tests.estimators.test_visibility` holds them against quadrature). Compared is the share of N by NUTS below quantiles
of the engine's law. ``python -m tests.calibration.shrinkage_nuts [table …]`` repeats tables and stores them in
``shrinkage-nuts.json``; the slow tests repeat all of them.
"""

import json
import math
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np

from mse.computing.convergence import ess_bulk, rhat
from mse.computing.parallel import Compute
from mse.estimators.shrinkage.scales import make_grid
from mse.estimators.shrinkage.shrinkage import estimate
from mse.estimators.shrinkage.shrinkspec import ShrinkageSpec, common_values, largest_term
from mse.estimators.shrinkage.unseen import counted, towards_rasch
from mse.shipped import load_table
from tests.twins import shrinkage as twin
from tests.twins.loglinear import walsh_matrix

STORED = Path(__file__).with_name("shrinkage-nuts.json")
TABLES = ("hepatitis-taiwan-3", "korea-palembang-3", "spina-bifida-3", "artificial-3", "kosovo-1999-4",
          "diabetes-italy-4", "hiv-rome-4", "lesbian-allegheny-4", "congenital-massachusetts-5",
          "uk-2013-5", "uk-2013-6")  # fmt: skip
LEVELS = (0.025, 0.25, 0.5, 0.75, 0.975)


def prior_of(table, counts, cells, spec):
    """Return means, precisions and log weights of the mixture of normals that all coefficients but the first have."""
    lists = table.n_lists
    grid = make_grid(spec.pair_sd, spec.ratio, common_values(spec, False), largest_term(lists, spec), spec.visibility)
    terms = twin.terms_of(lists, lists)
    design = walsh_matrix(lists)[:, terms]
    seen = counted(counts, cells)
    offsets = {tau: towards_rasch(seen, tau).offset for tau in set(grid.visibility.tolist())}
    means, precisions, logs = [], [], []
    for s, r, m, tau in zip(grid.pair_sd, grid.ratio, grid.common_sd, grid.visibility, strict=True):
        sigma = twin.covariance(terms, s, r, m, spec.main_sd)
        means.append(np.linalg.solve(design, offsets[tau])[1:])
        precisions.append(np.linalg.inv(sigma))
        logs.append(-0.5 * np.linalg.slogdet(sigma)[1])
    return design, np.array(means), np.array(precisions), np.array(logs) + grid.log_prior


def sampled(table, spec, draws=1500):
    """Return log expected unseen by NUTS, (chains, draws)."""
    import pymc as pm
    import pytensor.tensor as pt

    counts, cells = table.dense()
    use = np.flatnonzero(cells > 0)
    design, means, precisions, logs = prior_of(table, counts, cells, spec)
    begin = np.linalg.lstsq(design[use], np.log(counts[use] + 0.5), rcond=None)[0]
    with pm.Model():
        theta = pm.Flat("theta", shape=design.shape[1], initval=begin)
        eta = pt.dot(design[use], theta)
        away = theta[1:][None, :] - means
        quadratic = pt.sum(pt.sum(precisions * away[:, None, :], axis=2) * away, axis=1)
        pm.Potential("prior", pt.logsumexp(logs - 0.5 * quadratic))
        pm.Potential("cells", pt.sum(counts[use] * eta - pt.exp(eta)))
        pm.Deterministic("log_unseen", pt.sum(theta))
        kept = pm.sample(draws, tune=draws, chains=4, cores=1, random_seed=3, target_accept=0.95, progressbar=False,
                         compute_convergence_checks=False)  # fmt: skip
    return kept.posterior["log_unseen"].to_numpy(), int(kept.sample_stats["diverging"].sum())


def compared(name):
    """Return the share of N by NUTS below quantiles of the engine's law, and how far chance may have it off."""
    table = load_table(name)
    table = table.collapse() if table.strata else table
    spec, begun = ShrinkageSpec(), time.process_time()
    found = estimate(table, spec, seed=1, compute=Compute(workers=1))
    x, divergent = sampled(table, spec)
    worth = ess_bulk(x)
    sizes = table.observed + np.random.default_rng(5).poisson(np.exp(np.minimum(x.ravel(), 30.0)))
    below = [float(np.mean(sizes <= found.quantile(q))) for q in LEVELS]
    chance = [math.sqrt(q * (1.0 - q) / worth) for q in LEVELS]
    return {
        "table": name, "rhat": round(float(rhat(x)), 4), "ess_bulk": round(float(worth)), "divergences": divergent,
        "quantiles": [round(float(found.quantile(q))) for q in LEVELS],
        "nuts": [round(float(np.quantile(sizes, q))) for q in LEVELS],
        "below": [round(b, 4) for b in below],
        "errors": [round((b - q) / e, 2) for b, q, e in zip(below, LEVELS, chance, strict=True)],
        "cpu_seconds": round(time.process_time() - begun),
    }  # fmt: skip


def agrees(row):
    """Return whether NUTS agrees within four Monte Carlo errors and half a percent of the probability."""
    chance = [math.sqrt(q * (1.0 - q) / row["ess_bulk"]) for q in LEVELS]
    return row["ess_bulk"] > 100 and all(
        abs(b - q) < 4.0 * e + 0.005 for b, q, e in zip(row["below"], LEVELS, chance, strict=True)
    )


def main(names):
    for name in names or TABLES:
        row = {**compared(name), "date": date.today().isoformat()}
        stored = json.loads(STORED.read_text()) if STORED.exists() else {}
        STORED.write_text(json.dumps({**stored, name: row}, indent=1) + "\n")
        print(row, agrees(row), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
