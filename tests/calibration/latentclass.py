"""Are the chains of the latent class model one, and is their law of N right?

Agreement: independent chains on tables where those of LCMCR do not agree, and on tables with strata. Ranks (Talts et
al. 2018): log N uniform between 20 and 400 persons, weights and visibility drawn from the prior, one table each; our
prior of N is 1/N without ends, so the posterior under this one is ours given N between 20 and 400. Given the table the
rank of the true N among posterior draws is uniform, whichever tables are left out for what is in them. With strata the
same for N and for N of one of three strata, where a list did not deliver; a fifth of the labels is missing. Run
``python -m tests.calibration.latentclass [part …]`` to repeat it and store the result.
"""

import json
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np

from mse import CaptureTable, Compute, load_table
from mse.errors import MseError
from mse.estimators.latentclass.hiddenclasses import LatentClassSpec, latent_table
from mse.estimators.latentclass.tempered import sample
from mse.estimators.stratified.declared import declare
from mse.estimators.stratified.opencells import build_cells
from mse.kernels.latentclass_moves import draw_prior
from mse.simulate.national import simulate_captures
from mse.simulate.section import national_spec

STORED = Path(__file__).with_name("latentclass.json")
PROBS = (0.5, 0.8, 0.95)
CUTS = {"uk-2013-5": 14_000, "uk-2013-6": 16_000, "diabetes-italy-4": 2_470}
NATION = "simulated by year"
WITH_STRATA = ("spina-bifida-3-ethnicity", "scotland-pwid-2006-4", NATION)
SMALLEST, LARGEST = 20, 400
STRATA = 400
"""Populations that are drawn; a few have no lists that overlap."""


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


def agreement_of_strata(name, seed):
    """Return how the chains agree on log N and on log N of every stratum, and each chain's medians."""
    truth = None
    if name == NATION:
        table, truth = simulate_captures(national_spec(), seed=1, dims=("year",))
    else:
        table = load_table(name)
    spec = LatentClassSpec(strata=True)
    cells = build_cells(table)
    start = time.process_time()
    found = sample(
        latent_table(table, spec, cells), chains=4, effective=spec.effective, longest=spec.longest, seed=seed,
        compute=Compute(workers=1),
    )  # fmt: skip
    return {
        "table": name, "seed": seed, "seconds": round(time.process_time() - start), "rungs": len(found.powers),
        "draws_per_chain": found.sizes.shape[1], "fresh": found.fresh, "rhat": found.rhat,
        "rhat_total": float(found.rhats[0]), "ess_bulk": found.bulk, "ess_tail": found.tail,
        "quantiles": np.quantile(found.sizes, [0.025, 0.25, 0.5, 0.75, 0.975]).tolist(),
        "chains": np.median(found.sizes, axis=1).tolist(),
        "strata": [
            {"stratum": name, "chains": np.median(found.parts[:, :, s], axis=1).tolist(),
             "interval": np.quantile(found.parts[:, :, s], [0.025, 0.975]).tolist(),
             **({} if truth is None else {"truth": int(truth[s])})}
            for s, name in enumerate(cells.stratum_names())
        ],
    }  # fmt: skip


def population(lists, strata, spec, rng):
    """Return the history and the stratum of every person of a population from the prior, those not seen too."""
    size = int(np.floor(SMALLEST * (LARGEST / SMALLEST) ** rng.random()))
    layout = latent_table(CaptureTable.from_arrays([f"L{j}" for j in range(lists)], np.ones(2**lists - 1, int)), spec)
    plain = (lists + 1) * spec.classes - 1
    x = np.empty(plain + strata * spec.classes)
    draw_prior(rng, layout, x)
    caught = 1.0 / (1.0 + np.exp(-x[: lists * spec.classes].reshape(lists, spec.classes)))
    lost = -np.logaddexp(0.0, x[lists * spec.classes : plain])
    weights = np.exp(np.append(lost + x[lists * spec.classes : plain], 0.0) + np.append(0.0, np.cumsum(lost)))
    kinds = rng.choice(spec.classes, size, p=weights / weights.sum())
    histories = ((rng.random((lists, size)) < caught[:, kinds]) << np.arange(lists)[:, None]).sum(axis=0)
    if not strata:
        return histories, np.zeros(size, dtype=int)
    odds = np.exp(x[plain:].reshape(strata, spec.classes))[:, kinds].cumsum(axis=0)
    return histories, (odds < rng.random(size) * odds[-1]).sum(axis=0)


def simulate(lists, spec, rng):
    """Return a table from the prior, or None when it has no overlap to speak of, and the true N."""
    histories, _ = population(lists, 0, spec, rng)
    counts = np.bincount(histories, minlength=2**lists)
    try:
        return CaptureTable.from_arrays([f"L{j}" for j in range(lists)], counts[1:]), len(histories)
    except MseError:
        return None, len(histories)


def simulate_strata(spec, rng):
    """Return a table of three lists and three strata, or None, and the true N of each; the last has no list L2."""
    histories, stratum = population(3, 3, spec, rng)
    truth = np.bincount(stratum, minlength=3)
    histories = np.where(stratum == 2, histories & 3, histories)
    stratum = np.where(rng.random(len(stratum)) < 0.2, 3, stratum)
    counts = np.bincount(stratum * 8 + histories, minlength=32).reshape(4, 8)
    try:
        table = CaptureTable.from_arrays(["L0", "L1", "L2"], counts[:, 1:], strata={"s": ("a", "b", "c", "?")})
    except MseError:
        return None, truth
    return table, truth


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
    return {"lists": lists, **judged(np.array(found))}


def ranks_of_strata(repeats, seed):
    """Return the ranks of the true N, and of N of the stratum that a list missed, as `ranks` does."""
    found = []
    spec = LatentClassSpec(
        effective=400, longest=1000, chains=2, missing={"L2": {"s": "c"}}, unknown={"s": "?"}
    )  # fmt: skip
    for i, rng in enumerate(np.random.default_rng(seed).spawn(repeats)):
        table, truth = simulate_strata(spec, rng)
        if table is None:
            continue
        table = declare(table, {}, spec.missing)
        data = latent_table(table, spec, build_cells(table, unknown=spec.unknown))
        drawn = sample(data, chains=2, effective=400, longest=1000, seed=i, compute=Compute(workers=1))
        inside = (drawn.sizes >= SMALLEST) & (drawn.sizes <= LARGEST)
        pairs = (drawn.sizes[inside], truth.sum()), (drawn.parts[inside][:, 2], truth[2])
        found.append([(x < true).mean() + rng.random() * (x == true).mean() for x, true in pairs])
    total, stratum = np.array(found).T
    return {"lists": 3, "strata": 3, "tables": len(found), "total": judged(total), "stratum": judged(stratum)}


def judged(found):
    """Return the tenths of ranks, their chi-square, and the coverage of central intervals."""
    tenths = np.histogram(found, 10, (0, 1))[0]
    return {
        "tables": len(found), "tenths": tenths.tolist(),
        "chi_square": float(((tenths - len(found) / 10) ** 2 / (len(found) / 10)).sum()),
        "covered": {str(p): float(np.mean(np.abs(found - 0.5) < p / 2)) for p in PROBS},
    }  # fmt: skip


PARTS = {
    "agreement": lambda: [agreement(name, seed=1) for name in CUTS],
    "three lists": lambda: ranks(3, 300, seed=31),
    "five lists": lambda: ranks(5, 300, seed=51),
    "strata agreement": lambda: [agreement_of_strata(name, seed=1) for name in WITH_STRATA],
    "strata": lambda: ranks_of_strata(STRATA, seed=71),
}


if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        found = {"date": date.today().isoformat(), "results": PARTS[part]()}
        record = json.loads(STORED.read_text()) if STORED.exists() else {}
        STORED.write_text(json.dumps(record | {part: found}, indent=2) + "\n")
