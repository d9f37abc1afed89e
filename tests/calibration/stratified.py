"""Tables with a covariate from the prior of the average over models with covariates, in every shape that it takes.

The scheme is that of `tests.calibration.ranks`: a flat intercept, and given the persons n that are certain, a Gamma law
of their mean. What is not certain is drawn beside them:

* a *blind* list has no cells in the second stratum;
* a list that is *missing* there is forgotten, and those on no other list are unseen;
* a *bounded* cell has Y ~ Poisson persons of whom nobody knows; its bound b is drawn without regard to Y, and the whole
  table again until Y ≤ b. Given b, therefore, all else has its prior times P(Y ≤ b), the likelihood of a bound;
* *labels* are lost at random: persons stand in the stratum ``?``.
"""

import numpy as np

from mse import CaptureTable
from mse.errors import MseError
from tests.calibration.ranks import observed_persons, prior_shares

LOST = 0.3
"""Chance that a label is lost."""


def stratified(n_lists, rng, *, blind=(), missing=(), bounded=(), labels=False):
    """Draw a table of two strata ``f`` and ``m`` and the true size of both, (2,); None where the house takes none.

    `blind`, `missing` and `bounded` hold numbers of lists: blind or missing in ``m``, the only-cell as a bound in both.
    """
    histories = np.arange(2**n_lists)
    absent, unable = (sum(1 << j for j in chosen) for chosen in (missing, blind))
    while True:
        share = prior_shares(n_lists + 1, rng, max_order=2).reshape(2, -1)
        share[1, histories & unable > 0] = 0.0
        kept = np.stack([histories, histories & ~absent])
        limited = np.isin(kept, [1 << j for j in bounded])
        certain = (kept > 0) & ~limited
        total = share[certain].sum()
        n = observed_persons(rng)
        persons = np.zeros(share.shape, dtype=np.int64)
        persons[certain] = rng.multinomial(n, share[certain] / total)
        persons[~certain] = rng.poisson(rng.gamma(n) * share[~certain] / total)
        bounds = np.floor(n * 10.0 ** (-2.0 * rng.random(share.shape))).astype(np.int64)
        if (persons[limited] <= bounds[limited]).all():
            break
    seen = np.where(limited, bounds, persons)
    seen[kept == 0] = 0
    counts = np.zeros_like(seen)
    for stratum in (0, 1):
        np.add.at(counts[stratum], kept[stratum], seen[stratum])
    strata = ("f", "m")
    if labels:
        gone = rng.binomial(counts, LOST)
        counts, strata = np.vstack([counts - gone, gone.sum(axis=0)]), ("f", "m", "?")
    try:
        table = CaptureTable.from_arrays(
            [f"L{j}" for j in range(n_lists)], counts[:, 1:], strata={"sex": strata}
        )  # fmt: skip
    except MseError:
        table = None
    return table, persons.sum(axis=1)
