"""Log-linear models on lists alone, as `mse.estimators.modelspace` takes them: by Walsh transforms, eight at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mse.estimators.modelspace.modelfamilies import Peak
from mse.kernels.arrays import Array, Integers
from mse.tables.captures import DenseCells

if TYPE_CHECKING:
    from mse.kernels.modelwalks import Walk


@dataclass(frozen=True, slots=True, eq=False)
class ListModels:
    """A family of models (`mse.estimators.modelspace.modelfamilies.Family`).

    Parameters
    ----------
    dense : DenseCells
        The table.
    terms : (c,) int64
        Candidate terms, 62 at most.
    """

    dense: DenseCells
    terms: Integers

    def fit(self, masks: Integers, sd: float) -> Array:
        """Fit models one by one, (m, 3)."""
        from mse.kernels.batch import fit_models

        return fit_models(*self.dense, self.terms, masks[:, 0], sd**-2)

    def fit_near(self, models: Integers, flips: Integers, sd: float) -> Array:
        """Fit neighbours eight at a time, (n, 3)."""
        from mse.kernels.neighbours import fit_neighbours

        return fit_neighbours(*self.dense, self.terms, sd**-2, models[:, 0], flips[:, 0])

    def finish(self, walk: Walk, fitted: int, sd: float) -> int:
        """Walk to the end in one compiled loop."""
        from mse.kernels.listwalks import walk_over_lists

        return walk_over_lists(walk, fitted, *self.dense, self.terms, sd**-2)

    def peak(self, mask: Integers, sd: float) -> Peak:
        """Fit one model and return where its posterior lies."""
        from mse.kernels.importance import information_factor, log_targets
        from mse.kernels.newton import cold_start, fit_loglinear

        (counts, cells), terms, precision = self.dense, self.terms_of(mask), sd**-2
        start = cold_start(counts, cells, terms, precision)
        mode = fit_loglinear(counts, cells, terms, precision, start, 100, 1e-10).beta
        factor = information_factor(cells, terms, precision, mode)
        return Peak(mode, factor, np.ones(len(terms)), partial(log_targets, counts, cells, terms, precision))

    def terms_of(self, mask: Integers) -> Integers:
        """Return intercept, single lists and the candidates in a mask (1,): (p,)."""
        from mse.kernels.batch import terms_of

        return terms_of(int(mask[0]), self.terms, len(self.dense.counts).bit_length() - 1)
