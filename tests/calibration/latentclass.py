"""Are the chains of the latent class model one, and is their law of N right?

Agreement: independent chains on tables where those of LCMCR do not agree. Ranks (Talts et al. 2018): log N uniform
between 20 and 400 persons, weights and visibility drawn from the prior, one table each; our prior of N is 1/N without
ends, so the posterior under this one is ours given N between 20 and 400. Given the table the rank of the true N among
posterior draws is uniform, whichever tables are left out for what is in them. Run
``python -m tests.calibration.latentclass [part …]`` to repeat it and store the result.
"""

import json
import sys
from datetime import date
from pathlib import Path

import numpy as np

from mse import CaptureTable, Compute, load_table
from mse.errors import MseError
from mse.estimators.latentclass import LatentClassSpec, latent_table
from mse.estimators.latentclass.sampling import sample
from mse.kernels.latentclass_moves import draw_prior

STORED = Path(__file__).with_name("latentclass.json")
PROBS = (0.5, 0.8, 0.95)
CUTS = {"uk-2013-5": 14_000, "uk-2013-6": 16_000, "diabetes-italy-4": 2_470}
SMALLEST, LARGEST = 20, 400


def agreement(name, seed):
    """Return how the chains agree on a table: R-hat, effective sizes, each chain's law, the share below a valley."""
    table, spec = load_table(name), LatentClassSpec(effective=2000)
    found = sample(
        latent_table(table, spec), chains=4, effective=spec.effective, longest=spec.longest, seed=seed,
        compute=Compute(),
    )  # fmt: skip
    return {
        "table": name, "seed": seed, "rhat": found.rhat, "ess_bulk": found.bulk, "ess_tail": found.tail,
        "draws_per_chain": found.sizes.shape[1], "fresh": found.fresh,
        "log_evidence": float(found.log_evidences.mean()),
        "quantiles": np.quantile(found.sizes, [0.025, 0.25, 0.5, 0.75, 0.975]).tolist(), "cut": CUTS[name],
        "below": float((found.sizes < CUTS[name]).mean()),
        "chains": [
            {"median": float(np.median(x)), "low": float(np.quantile(x, 0.025)), "high": float(np.quantile(x, 0.975)),
             "below": float((x < CUTS[name]).mean())}
            for x in found.sizes
        ],
    }  # fmt: skip


def simulate(lists, spec, rng):
    """Return a table from the prior, or None when it has no overlap to speak of, and the true N."""
    size = int(np.floor(SMALLEST * (LARGEST / SMALLEST) ** rng.random()))
    layout = latent_table(CaptureTable.from_arrays([f"L{j}" for j in range(lists)], np.ones(2**lists - 1, int)), spec)
    x = np.empty((lists + 1) * spec.classes - 1)
    draw_prior(rng, layout, x)
    caught = 1.0 / (1.0 + np.exp(-x[: lists * spec.classes].reshape(lists, spec.classes)))
    lost = -np.logaddexp(0.0, x[lists * spec.classes :])
    weights = np.exp(np.append(lost + x[lists * spec.classes :], 0.0) + np.append(0.0, np.cumsum(lost)))
    kinds = rng.choice(spec.classes, size, p=weights / weights.sum())
    histories = ((rng.random((lists, size)) < caught[:, kinds]) << np.arange(lists)[:, None]).sum(axis=0)
    counts = np.bincount(histories, minlength=2**lists)
    try:
        return CaptureTable.from_arrays([f"L{j}" for j in range(lists)], counts[1:]), size
    except MseError:
        return None, size


def ranks(lists, repeats, seed):
    """Return the ranks of the true N among posterior draws, in tenths, and the coverage of central intervals."""
    found = []
    spec = LatentClassSpec(effective=400, longest=1000, chains=2)
    for i, rng in enumerate(np.random.default_rng(seed).spawn(repeats)):
        table, size = simulate(lists, spec, rng)
        if table is None:
            continue
        sizes = sample(
            latent_table(table, spec), chains=2, effective=400, longest=1000, seed=i, compute=Compute()
        ).sizes
        inside = sizes[(sizes >= SMALLEST) & (sizes <= LARGEST)]
        below, same = float((inside < size).mean()), float((inside == size).mean())
        found.append(below + rng.random() * same)
    found = np.array(found)
    tenths = np.histogram(found, 10, (0, 1))[0]
    return {
        "lists": lists, "tables": len(found), "tenths": tenths.tolist(),
        "chi_square": float(((tenths - len(found) / 10) ** 2 / (len(found) / 10)).sum()),
        "covered": {str(p): float(np.mean(np.abs(found - 0.5) < p / 2)) for p in PROBS},
    }  # fmt: skip


PARTS = {
    "agreement": lambda: [agreement(name, seed=1) for name in CUTS],
    "three lists": lambda: ranks(3, 300, seed=31),
    "five lists": lambda: ranks(5, 300, seed=51),
}


if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        found = {"date": date.today().isoformat(), "results": PARTS[part]()}
        record = json.loads(STORED.read_text()) if STORED.exists() else {}
        STORED.write_text(json.dumps(record | {part: found}, indent=2) + "\n")
