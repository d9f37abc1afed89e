"""Twins among the pairs, who share surname and date of birth, and may be found and registered together.

Independent comparisons would take twins for one person with an error in the given name. They are therefore a class of
their own in the mixture, beside matches and all others: pairs of one surname and one date of birth with other given
names. Their given names are as alike as those of any two persons of one surname, which is counted; how many there are,
and what they share beside the identity (days apart, sender, labels), EM learns from the pairs themselves. Where there
are too few to tell, they are between two persons who have nothing to do with each other and one person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mse.intake.linkage.comparing import Levels
from mse.kernels.arrays import Array

PRIOR = 15.0
"""Twins that what is known before is worth."""
AS_OTHERS = 100.0
"""Twins that it is worth that their given names are as alike as those of any two persons of one surname."""


@dataclass(frozen=True, slots=True, eq=False)
class Twins:
    """Twins, by the levels of the comparisons.

    Parameters
    ----------
    share : float64 array
        Of all pairs, by level of the names; 0 where they cannot be.
    names : float64 array
        Shares of the levels of the names among pairs of one surname and other given names; 0 on all others.
    beside : mapping of int to float64 array
        By the column of a comparison: probabilities of its levels among twins, within its domains.
    shared : float
        How far they are, where there are none to tell, from any two persons to one person in what stands beside the
        identity.
    """

    share: Array
    names: Array
    beside: Mapping[int, Array]
    shared: float = 0.5

    def found(self, level: Levels, weight: Array, pairs: float) -> Array:
        """Return their share by level of the names, from pairs that are twins with these weights."""
        possible = self.names > 0
        seen = np.bincount(level, weights=weight, minlength=len(possible)) * possible
        profile = seen + AS_OTHERS * self.names
        return np.asarray(profile / max(float(profile.sum()), 1e-300) * (seen.sum() + 0.1) / pairs)

    def expected(self, m: Array, u: Array) -> Array:
        """Return what is expected of a comparison before any twins are seen, as pairs."""
        return PRIOR * ((1.0 - self.shared) * u + self.shared * m)
