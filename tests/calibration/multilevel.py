"""Coverage of the multilevel model over repeated simulated registers, its error beside separate estimates, its time.

``python -m tests.calibration.multilevel coverage 100`` and ``python -m tests.calibration.multilevel national`` write
``tests/calibration/multilevel.json`` and ``multilevel-national.json``; the slow tests read and repeat a part of it.
``coverage 100 switched`` does the same where persons differ much in visibility and nobody is referred, into
``multilevel-switched.json``; ``coverage 100 both`` where they differ as much and are referred as well; ``coverage 100
varied`` in nations each of which is another: visibility uniform from 0 to 1.2, referrals from none to those of the
nation that ships. A word more, ``on``, goes on after the stored repeats. Repeats of one nation have in common what no
list shows of it; those of the last do not. What stands as ``before`` is what an earlier prior gave, and is kept.
``dependence 12`` stores in ``multilevel-dependence.json`` how lists truly depend on each other in the nations that
repeat, from complete tables, and what the model says of the part that all pairs share.
``three_lists 24`` stores there what terms of three lists would do: their true values, and for models without a prior,
fitted to all nations at once, the log error of the total, its standard error for one nation, and the deviance.
``python -m tests.calibration.multilevel seed 2`` fits the whole nation of another seed, and prints how that went.
"""

import itertools
import json
import os
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from mse.computing.parallel import Compute
from mse.estimators.multilevel.nuts import sample
from mse.estimators.multilevel.partialpooling import MultilevelSpec, design_of, estimate
from mse.kernels.multilevel_model import positive_values
from mse.simulate.national import simulate_captures
from mse.simulate.section import national_spec

HERE = Path(__file__).parent
YEARS = ("2016", "2017", "2018", "2019")
FORMS = ("labour", "criminal")
LISTS = ("P", "R", "O", "Z")
BREAKS = {"2018-05": ["R", "O", "Z"]}
NATIONS = ("shipped", "switched", "both", "varied")
STORED = {name: HERE / f"multilevel-{name}.json" for name in NATIONS} | {"shipped": HERE / "multilevel.json"}


def nation_of(name, seed):
    """Return the simulated nation of a name; of ``varied`` every seed has its own."""
    if name == "varied":
        rng = np.random.default_rng([seed, 13])
        visibility, times = rng.uniform(0.0, 1.2), rng.uniform(0.0, 1.0)
        referrals = tuple(replace(r, share=times * r.share) for r in national_spec().referrals)
        return national_spec(visibility=round(float(visibility), 3), referrals=referrals)
    changes = {"shipped": {}, "switched": {"visibility": 1.0, "referrals": ()}, "both": {"visibility": 1.0}}
    return national_spec(**changes[name])


def small_register(seed, nation="shipped"):
    """Four years, two forms of exploitation, four lists of the simulated nation; and the truth, (8,)."""
    table, truth = simulate_captures(nation_of(nation, seed), seed=seed, dims=("year", "form"))
    levels = table.strata
    keep = [levels["year"].index(y) * len(levels["form"]) + levels["form"].index(f) for y in YEARS for f in FORMS]
    return table.part({"year": YEARS, "form": FORMS}).select(*LISTS), truth[keep]


def one_repeat(seed, draws=2000, nation="shipped"):
    """Ranks of the truth among the draws (share below), log errors, and what the chains say."""
    table, truth = small_register(seed, nation)
    begun = time.process_time()
    posterior = estimate(table, MultilevelSpec(draws=draws, breaks=BREAKS), seed=seed, compute=Compute(workers=1))
    seconds = time.process_time() - begun
    years = posterior.strata.margin("year").draws
    ranks = (years < truth.reshape(4, 2).sum(axis=1)).mean(axis=0)
    total = float((posterior.draws < truth.sum()).mean())
    strata = (posterior.strata.draws < truth).mean(axis=0)
    return {
        "seed": seed,
        "years": ranks.round(4).tolist(),
        "total": round(total, 4),
        "strata": strata.round(4).tolist(),
        "log_error_total": round(float(np.log(np.median(posterior.draws) / truth.sum())), 4),
        "log_width_total": round(float(np.ptp(np.log(posterior.quantile([0.025, 0.975])))), 4),
        "rhat": round(posterior.diagnostics["rhat_max"], 4),
        "ess": round(posterior.diagnostics["ess_bulk_min"]),
        "divergences": int(posterior.diagnostics["divergences"]),
        "cpu_seconds": round(seconds, 2),
    }


def covered(ranks, prob):
    """Share of the ranks within the equal-tailed interval."""
    ranks = np.asarray(ranks)
    return float(((ranks > (1 - prob) / 2) & (ranks < (1 + prob) / 2)).mean())


def summarise(repeats):
    out = {}
    for what in ("years", "total", "strata"):
        ranks = np.concatenate([np.atleast_1d(r[what]) for r in repeats])
        out[what] = {f"{prob:.2f}": round(covered(ranks, prob), 3) for prob in (0.5, 0.8, 0.95)}
    out["log_error_total_mean"] = round(float(np.mean([r["log_error_total"] for r in repeats])), 3)
    out["log_error_total_rms"] = round(float(np.sqrt(np.mean([r["log_error_total"] ** 2 for r in repeats]))), 3)
    out["log_width_total_median"] = round(float(np.median([r["log_width_total"] for r in repeats])), 3)
    out["rhat_largest"] = max(r["rhat"] for r in repeats)
    out["cpu_seconds_median"] = float(np.median([r["cpu_seconds"] for r in repeats]))
    return out


def coverage(n, nation="shipped", on=None):
    """Repeat the register of `n` seeds and store as it goes; with `on` after those stored, under the same prior."""
    path = STORED[nation]
    kept = json.loads(path.read_text()) if path.exists() else {}
    before = kept.get("before")
    repeats = kept["each"] if on else []
    for seed in range(len(repeats) + 1, n + 1):
        repeats.append(one_repeat(seed, nation=nation))
        record = {
            "what": "4 years x 2 forms, lists P R O Z of the simulated nation; shares of intervals that hold the truth",
            "nation": nation,
            "command": f"python -m tests.calibration.multilevel coverage {seed} {nation}",
            "date": date.today().isoformat(),
            "repeats": len(repeats),
            **({"before": before} if before else {}),
            "summary": summarise(repeats),
            "each": repeats,
        }
        fresh = path.with_suffix(".part")
        fresh.write_text(json.dumps(record, indent=1) + "\n")
        os.replace(fresh, path)
        print(seed, repeats[-1], flush=True)


REFERRED = "PO"
"""Lists of which one refers to the other."""
FARTHEST = 10.0
"""Coefficients beyond this run off to infinity."""


def terms_of_lists(three):
    """Return the terms of pairs, (cells, 6), and behind them those of three lists: none, one for all, …."""
    on = (np.arange(2 ** len(LISTS))[:, None] >> np.arange(len(LISTS))) & 1
    pairs = [on[:, list(x)].prod(axis=1) for x in itertools.combinations(range(len(LISTS)), 2)]
    triples = {"".join(LISTS[i] for i in x): on[:, list(x)].prod(axis=1)
               for x in itertools.combinations(range(len(LISTS)), 3)}  # fmt: skip
    behind = {
        "none": [], "one for all": [sum(triples.values())], "each": list(triples.values()),
        "one with those referred": [sum(x for name, x in triples.items() if set(REFERRED) <= set(name))],
    }[three]  # fmt: skip
    return np.stack([*pairs, *behind], axis=1)


def fit_terms(complete, seen_only=False, three="none"):
    """Return coefficients of pairs and of three lists, the fitted total, its standard error (log) and the deviance.

    Main effects by stratum; no prior. `complete` has the counts of all cells, those on no list too: (S, 2^K). With
    `seen_only` that cell is not looked at.
    """
    strata, cells = complete.shape
    on = (np.arange(cells)[:, None] >> np.arange(len(LISTS))) & 1
    own = np.kron(np.eye(strata), np.column_stack([np.ones(cells), on]))
    design = np.column_stack([own, np.tile(terms_of_lists(three), (strata, 1))])
    use = np.tile((np.arange(cells) > 0) | (not seen_only), strata)
    counts, rows = complete.ravel().astype(float)[use], design[use]
    eta = np.log(counts + 0.5)
    for _ in range(200):
        mean = np.exp(eta)
        weighted = rows.T * mean
        beta = np.linalg.solve(weighted @ rows, weighted @ (eta + (counts - mean) / mean))
        eta = rows @ beta
    mean = np.exp(eta)
    likely = np.where(counts > 0, counts * np.log(np.maximum(counts, 1.0) / mean), 0.0)
    hidden = np.exp(design @ beta).reshape(complete.shape)[:, 0]
    total = float(hidden.sum() + complete[:, 1:].sum())
    slope = hidden @ design.reshape(strata, cells, -1)[:, 0] / total
    error = float(np.sqrt(slope @ np.linalg.solve((rows.T * mean) @ rows, slope)))
    return beta[own.shape[1] :], total, error, float(2.0 * (likely - counts + mean).sum())


def complete_tables(nation, n):
    """Return the counts of all cells, those on no list too, summed over the nations of `n` seeds: (S, 2^K)."""
    out = 0
    for seed in range(1, n + 1):
        table, truth = small_register(seed, nation)
        seen = table.counts.reshape(len(truth), -1)
        out = out + np.column_stack([truth - seen.sum(axis=1), seen])
    return out


def shared_dependence(nation, seed):
    """Return quantiles of the log odds ratio that all pairs share, under the model."""
    design = design_of(small_register(seed, nation)[0], MultilevelSpec(breaks=BREAKS))
    chains = next(iter(sample(design, chains=4, draws=500, longest=500, accept=0.9, engine="kernel", seed=seed,
                              compute=Compute(workers=1))))  # fmt: skip
    x = chains.x.reshape(-1, design.n_parameters)
    common = [positive_values(design.model, row)[design.model.n_scales] ** 2 for row in x]
    return np.quantile(common, [0.025, 0.5, 0.975]).round(3).tolist()


def dependence(n, *nations):
    """Store true log odds ratios over the nations of `n` seeds together, and what the model makes of the first three.

    Also stored is the log error of the total by the model of pairs without a prior, all these nations at once.
    """
    path = HERE / "multilevel-dependence.json"
    record = json.loads(path.read_text()) if path.exists() else {"nations": {}}
    for nation in nations or ("shipped", "switched", "both"):
        complete = complete_tables(nation, n)
        names = [a + b for a, b in itertools.combinations(LISTS, 2)]
        record["nations"][nation] = {
            "seeds": n,
            "log_odds_ratios": dict(zip(names, fit_terms(complete)[0].round(3).tolist(), strict=True)),
            "pooled_log_error": round(float(np.log(fit_terms(complete, seen_only=True)[1] / complete.sum())), 3),
            "common_of_seeds_1_to_3": [shared_dependence(nation, seed) for seed in (1, 2, 3)],
        }
        record["command"] = f"python -m tests.calibration.multilevel dependence {n}"
        record["date"] = date.today().isoformat()
        path.write_text(json.dumps(record, indent=1) + "\n")
        print(nation, record["nations"][nation], flush=True)


def three_lists(n, *nations):
    """Store what terms of three lists are over the nations of `n` seeds together, and what a model with them makes."""
    path = HERE / "multilevel-dependence.json"
    record = json.loads(path.read_text())
    found = {}
    for nation in nations or ("shipped", "switched", "both"):
        complete = complete_tables(nation, n)
        names = ["".join(x) for x in itertools.combinations(LISTS, 3)]
        found[nation] = {
            "true": dict(zip(names, fit_terms(complete, three="each")[0][6:].round(2).tolist(), strict=True))
        }
        for three in ("none", "one with those referred", "one for all"):
            terms, total, error, deviance = fit_terms(complete, seen_only=True, three=three)
            if np.abs(terms).max() > FARTHEST:
                found[nation][three] = None  # the likelihood has no maximum
                continue
            found[nation][three] = {
                "log_error": round(float(np.log(total / complete.sum())), 3),
                "standard_error_of_one_nation": round(error * n**0.5, 2),
                "deviance": round(deviance, 1), "terms": terms[6:].round(2).tolist(),
            }  # fmt: skip
        print(nation, found[nation], flush=True)
    record["three_lists"] = {
        "command": f"python -m tests.calibration.multilevel three_lists {n}", "date": date.today().isoformat(),
        "seeds": n, **found,
    }  # fmt: skip
    path.write_text(json.dumps(record, indent=1) + "\n")


def national(seed=1):
    """160 strata, six lists: time, convergence, yearly totals, and small strata beside separate estimates."""
    from mse.methods import run_method

    table, truth = simulate_captures(national_spec(), seed=seed)
    begun, cpu = time.monotonic(), time.process_time()
    posterior = estimate(table, MultilevelSpec(breaks=BREAKS), seed=seed, compute=Compute(workers=2))
    seconds, cpu = time.monotonic() - begun, time.process_time() - cpu
    small = (truth < 200) & (truth > 0)
    separate = np.full(truth.size, np.nan)
    for s, name in enumerate(posterior.strata.names()):
        where = dict(zip(table.strata, name.split(", "), strict=True))
        try:
            part = table.part(where)
            order = {"max_order": 2} if part.n_lists > 5 else {}
            separate[s] = run_method(part, "average", seed=seed, compute=Compute(workers=2), **order).point
        except Exception as error:  # no overlap in a small stratum: there is no separate estimate
            print(name, type(error).__name__)
    both = small & np.isfinite(separate)

    def rmse(values, which):
        return round(float(np.sqrt(np.mean(np.log(values[which] / truth[which]) ** 2))), 3)

    years = posterior.strata.to_pandas("year", prob=0.95)
    true_years = truth.reshape(10, -1).sum(axis=1)
    record = {
        "what": "10 years x 4 forms x 2 sexes x 2 ages = 160 strata, six lists, simulated nation",
        "command": "python -m tests.calibration.multilevel national",
        "date": date.today().isoformat(),
        "seed": seed,
        "wall_seconds": round(seconds),
        "cpu_seconds": round(cpu),
        "diagnostics": {k: round(v, 4) for k, v in posterior.diagnostics.items()},
        "truth": int(truth.sum()),
        "estimate": [round(float(x)) for x in posterior.quantile([0.025, 0.5, 0.975])],
        "years": [
            {"year": y, "truth": int(t), "observed": int(o), "point": round(p), "low": round(lo), "high": round(hi)}
            for y, t, o, p, lo, hi in zip(
                years["year"], true_years, years["observed"], years["point"], years["low"], years["high"], strict=True
            )
        ],
        "strata_covered_95": round(covered((posterior.strata.draws < truth).mean(axis=0), 0.95), 3),
        "small_strata": int(small.sum()),
        "small_strata_with_separate_estimate": int(both.sum()),
        "rmse_log_N_multilevel_all_small": rmse(posterior.strata.point, small),
        "rmse_log_N_multilevel": rmse(posterior.strata.point, both),
        "rmse_log_N_separate": rmse(separate, both),
        "notes": list(map(str, posterior.notes)),
    }
    (HERE / "multilevel-national.json").write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record, indent=1))


def one_seed(seed):
    """Print time, convergence and N of the whole nation of one seed."""
    table, truth = simulate_captures(national_spec(), seed=seed)
    begun, cpu = time.monotonic(), time.process_time()
    posterior = estimate(table, MultilevelSpec(breaks=BREAKS), seed=seed, compute=Compute(workers=2))
    seconds, cpu = time.monotonic() - begun, time.process_time() - cpu
    found = {name: posterior.diagnostics[name] for name in ("rhat_max", "ess_bulk_min", "draws_per_chain")}
    print(f"wall {seconds:.0f} s, CPU {cpu:.0f} s, {found}")
    print(f"N {posterior.quantile([0.025, 0.5, 0.975])}, true {truth.sum()}")


if __name__ == "__main__":
    if sys.argv[1] == "national":
        national()
    else:
        {"coverage": coverage, "dependence": dependence, "three_lists": three_lists, "seed": one_seed}[sys.argv[1]](
            int(sys.argv[2]), *sys.argv[3:]
        )
