"""Which prior of shrinkage holds: coverage, width and scores on simulated tables and on lists of known size.

    python -m benchmarks.scales [--tables 25]

Tables of 3, 4 and 5 lists from five kinds of truth, 1,000 to 5,000 persons, lists that see 5 to 40 % of them: pairs
with log odds ratios N(0, 0.5²), persons of logit-normal visibility (sd 1), one three-way term of 0.7 to 1.3, two
referrals of 20 to 60 % from list to list, and lists so short that 60 to 200 persons are seen; and the members of every
list of the public tables, estimated from the other lists. The law is `law_of_log_n`. Printed are, for every prior, the
coverage of 95 % intervals, their median log width, the root mean square of the error of log N, and the mean interval
score.
"""

import argparse
import itertools
import math

import numpy as np

import mse
from mse.assess.knownsizes import known_sizes
from mse.errors import MseError
from mse.estimators.shrinkage.shrinkage import ShrinkageSpec, law_of_log_n
from mse.tables.captures import CaptureTable

KINDS = ("pairs", "heterogeneity", "three-way", "referral", "sparse")
PRIORS = {
    "as it is": ShrinkageSpec(),
    "without the term of all lists": ShrinkageSpec(saturated=False),
    "towards independence": ShrinkageSpec(visibility=(0.0,)),
    "towards independence, with a common part": ShrinkageSpec(visibility=(0.0,), common_sd=(0.03, 0.17)),
    "τ up to 2": ShrinkageSpec(visibility=(0.0, 0.4, 0.8, 1.2, 1.6, 2.0)),
    "r = 0.25": ShrinkageSpec(ratio=(0.25,)),
    "r = 1": ShrinkageSpec(ratio=(1.0,)),
    "six s₂, three r": ShrinkageSpec(pair_sd=(0.025, 0.05, 0.1, 0.2, 0.4, 0.8), ratio=(0.125, 0.25, 0.5)),
    "main effects N(0, 1.5²)": ShrinkageSpec(main_sd=1.5),
}
Q = (0.025, 0.5, 0.975)


def log_linear(rng: np.random.Generator, on: np.ndarray, cover: np.ndarray, persons: int, kind: str) -> np.ndarray:
    """Draw counts of all histories under interactions, with main effects that let lists cover what they should."""
    lists = on.shape[1]
    eta = on @ np.log(cover / (1 - cover))
    for j, k in itertools.combinations(range(lists), 2):
        eta += rng.normal(0, 0.5) * on[:, j] * on[:, k]
    if kind == "three-way":
        eta += rng.choice([-1, 1]) * rng.uniform(0.7, 1.3) * on[:, rng.choice(lists, 3, replace=False)].prod(axis=1)
    for _ in range(30):
        share = np.exp(eta - eta.max())
        met = share @ on / share.sum()
        eta += 0.7 * on @ (np.log(cover / (1 - cover)) - np.log(met / (1 - met)))
    share = np.exp(eta - eta.max())
    return rng.multinomial(persons, share / share.sum())


def simulated(kind: str, lists: int, rng: np.random.Generator) -> tuple[CaptureTable, int]:
    """Return one table with the number of persons behind it."""
    on = (np.arange(2**lists)[:, None] >> np.arange(lists)) & 1
    while True:
        persons = int(math.exp(rng.uniform(math.log(1000), math.log(5000))))
        cover = rng.uniform(0.05, 0.4, lists)
        if kind == "sparse":
            cover = rng.uniform(0.005, 0.06, lists)
        if kind in ("heterogeneity", "referral"):
            visible = rng.normal(0, 1, persons) if kind == "heterogeneity" else np.zeros(persons)
            logit = np.log(cover / (1 - cover)) + visible[:, None]
            seen = rng.random((persons, lists)) < 1 / (1 + np.exp(-logit))
            for _ in range(2 if kind == "referral" else 0):
                i, j = rng.choice(lists, 2, replace=False)
                seen[:, j] |= seen[:, i] & (rng.random(persons) < rng.uniform(0.2, 0.6))
            counts = np.bincount(seen @ (1 << np.arange(lists)), minlength=2**lists)
        else:
            counts = log_linear(rng, on, cover, persons, kind)
        overlap = counts[on.sum(axis=1) > 1].sum()
        if kind == "sparse" and not 60 <= counts[1:].sum() <= 200:
            continue
        try:
            table = CaptureTable.from_arrays([f"L{j}" for j in range(lists)], counts[1:])
        except MseError:
            continue
        if overlap >= 5:
            return table, persons


def problems(tables: int) -> dict[str, list[tuple[CaptureTable, int]]]:
    """Return all tables with their true sizes, by kind."""
    out = {}
    for kind, lists in itertools.product(KINDS, (3, 4, 5)):
        rng = np.random.default_rng([KINDS.index(kind), lists])
        out[f"{kind} {lists}"] = [simulated(kind, lists, rng) for _ in range(tables)]
    out["known sizes"] = [
        (known.table, known.true)
        for info in mse.list_tables()
        if info.kind == "overlap"
        for known in known_sizes(mse.load_table(info.name))
        if known.table is not None and known.table.n_lists <= 6
    ]
    return out


def scored(spec: ShrinkageSpec, known: list[tuple[CaptureTable, int]]) -> np.ndarray:
    """Return whether covered, log width, error and interval score of every table."""
    rows = []
    for table, size in known:
        low, middle, high = np.log(law_of_log_n(table, spec).quantile(Q))
        truth = math.log(size)
        missed = max(low - truth, truth - high, 0.0)
        rows.append((low <= truth <= high, high - low, middle - truth, high - low + 40 * missed))
    return np.array(rows, dtype=np.float64)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", type=int, default=25)
    given = parser.parse_args()
    known = problems(given.tables)
    for name, spec in PRIORS.items():
        found = {kind: scored(spec, tables) for kind, tables in known.items()}
        every = np.concatenate([rows for kind, rows in found.items() if kind != "known sizes"])
        for kind, rows in {**found, "all simulated": every}.items():
            print(f"{name} | {kind} | {len(rows)} | {100 * rows[:, 0].mean():.0f} % | {np.median(rows[:, 1]):.2f} | "
                  f"{math.sqrt((rows[:, 2] ** 2).mean()):.3f} | {rows[:, 3].mean():.2f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
