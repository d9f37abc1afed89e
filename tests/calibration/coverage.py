"""Does exact averaging cover? Tables from its own prior, with a known number of unseen.

A model is drawn uniformly, its coefficients from N(0, 1), and log N uniformly between 500 and 5,000 persons; the
table is a multinomial draw. Under these the intervals must cover at their nominal rate, up to chance and to the edges
of the range of N. Run ``python -m tests.calibration.coverage`` to repeat it and store the result.
"""

import json
from datetime import date
from pathlib import Path

import numpy as np

from mse import CaptureTable
from mse.errors import MseError
from mse.estimators.averages.averaging import AverageSpec, estimate
from mse.terms import candidates, model_of
from tests.twins.loglinear import all_masks

STORED = Path(__file__).with_name("coverage.json")
PROBS = (0.5, 0.8, 0.95)


def simulate(n_lists, rng):
    """Return a table, or None when it is not one that anybody would analyse, and the true N."""
    subsets = candidates(n_lists)
    model = model_of(int(rng.choice(all_masks(subsets))), subsets, n_lists)
    terms = np.array(model.terms)
    signs = np.array([[(-1.0) ** int(t & h).bit_count() for t in terms] for h in range(2**n_lists)])
    eta = signs[:, 1:] @ rng.normal(0.0, 1.0, len(terms) - 1)
    share = np.exp(eta - eta.max())
    size = int(np.exp(rng.uniform(np.log(500), np.log(5000))))
    counts = rng.multinomial(size, share / share.sum())
    try:
        return CaptureTable.from_arrays([f"L{j}" for j in range(n_lists)], counts[1:]), size
    except MseError:
        return None, size


def coverage(n_lists, repeats, seed):
    """Return the share of tables whose interval holds the truth, by probability, and the ranks of the truth."""
    ranks = []
    for rng in np.random.default_rng(seed).spawn(repeats):
        table, size = simulate(n_lists, rng)
        if table is not None:
            law = estimate(table, AverageSpec(draws=4), seed=1).distribution
            below, upto = law.probability_below(size - 1) if size > table.observed else 0.0, law.probability_below(size)
            ranks.append(below + rng.random() * (upto - below))
    ranks = np.array(ranks)
    return {
        "lists": n_lists, "tables": len(ranks),
        "covered": {str(p): float(np.mean(np.abs(ranks - 0.5) < p / 2)) for p in PROBS},
        "mean_rank": float(ranks.mean()), "deciles": np.histogram(ranks, 10, (0, 1))[0].tolist(),
    }  # fmt: skip


if __name__ == "__main__":
    rows = [coverage(3, 600, 31), coverage(4, 600, 41)]
    STORED.write_text(json.dumps({"date": date.today().isoformat(), "results": rows}, indent=2) + "\n")
    print(STORED.read_text())
