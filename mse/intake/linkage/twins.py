"""Twins among the pairs, who share surname and date of birth, and may be found and registered together.

Independent comparisons would take twins for one person with an error in the given name. They are therefore a class of
their own in the mixture, beside matches and all others: pairs of one surname and one date of birth with other given
names. Their given names are as alike as those of any two persons of one surname, which is counted; how many there are,
and what they share beside the identity (days apart, sender, labels), EM learns from the pairs themselves. Where there
are too few to tell, they are between two persons who have nothing to do with each other and one person. Their surname
is written with an error, or missing, as often as anybody's; of whom no given name is known may be a twin as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mse.intake.linkage.namelevels import FILTERED, LATER, NAME_BINS, OTHERS
from mse.intake.linkage.pairplan import Comparison, Levels
from mse.kernels.arrays import Array

PRIOR = 15.0
"""Twins that what is known before is worth."""
AS_OTHERS, AS_ALIKE = 100.0, 20.0
"""Twins that it is worth that their given names are as those of any two persons of one surname: among names that are
alike and among those that are not, and how many of them are alike."""


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
    errors : tuple of (int, int, int)
        What an error in the surname does: a level of twins, that of matches with the error, and that of twins with it.
    unknown : tuple of int
        Levels of a missing name on which twins are.
    alike : tuple of int
        Levels on which given names are alike: parents choose such names for twins more often than chance does.
    """

    share: Array
    names: Array
    beside: Mapping[int, Array]
    shared: float = 0.5
    errors: tuple[tuple[int, int, int], ...] = ()
    unknown: tuple[int, ...] = ()
    alike: tuple[int, ...] = ()

    def everywhere(self, m: Array, equal: int) -> Array:
        """Return their share by level of the names, with errors in the surname and names that are missing.

        Parameters
        ----------
        m : float64 array
            Probabilities of the levels of the names among matches.
        equal : int
            Levels on which full names are equal: the first ones.
        """
        out = self.share.copy()
        whole = float(m[:equal].sum())
        for twins, matches, there in self.errors:
            out[there] += self.share[twins] * float(m[matches]) / whole
        out[list(self.unknown)] = self.share.sum()
        return out

    def found(self, level: Levels, weight: Array, pairs: float) -> Array:
        """Return their share by level of the names, from pairs that are twins with these weights."""
        possible = self.names > 0
        seen = np.bincount(level, weights=weight, minlength=len(possible)) * possible
        alike = np.isin(np.arange(len(seen)), self.alike)
        out = np.zeros(len(seen))
        for group in (alike, ~alike):
            profile, many = (np.where(group, seen + weight * self.names, 0.0) for weight in (AS_OTHERS, AS_ALIKE))
            out += profile / max(float(profile.sum()), 1e-300) * many.sum()
        return np.asarray(out / max(float(out.sum()), 1e-300) * (seen.sum() + 0.1) / pairs)

    def expected(self, m: Array, u: Array) -> Array:
        """Return what is expected of a comparison before any twins are seen, as pairs."""
        return PRIOR * ((1.0 - self.shared) * u + self.shared * m)


def with_errors(names: Comparison) -> tuple[tuple[int, int, int], ...]:
    """Return on which levels twins are whose surname is written with an error (`Twins.errors`)."""
    place = {level: i for i, level in enumerate(names.levels)}
    near = "similarity from"
    if f"{FILTERED[0][0]}, {near} {NAME_BINS[0]}" not in place:
        moves = [(f"surname and initial equal{x}", "sound and given name equal", "sound and initial equal")
                 for x in ("", OTHERS)]  # fmt: skip
        moves += [(f"surname equal{x}", "sound and given name equal", "sound equal") for x in ("", OTHERS)]
        moves.append((LATER, "sound and given name equal", "sound and given name equal"))
        return tuple((place[a], place[b], place[c]) for a, b, c in moves if {a, b, c} <= {*place})
    found = []
    for word in (word for word, given, surname in FILTERED if surname and not given):
        for mine in NAME_BINS:
            for other in NAME_BINS:
                # a surname with an error takes from the similarity what it takes from that of one given name
                both = round(mine + other - 0.85, 6)
                if (least := next((x for x in NAME_BINS if both >= x), None)) is not None:
                    with_error = f"{FILTERED[0][0]}, {near} {other}"
                    there = f"neither equal, {near} {least}"
                    found.append((place[f"{word}, {near} {mine}"], place[with_error], place[there]))
    return tuple(found)


def with_alike(names: Comparison) -> tuple[int, ...]:
    """Return on which levels the given names of twins are alike (`Twins.alike`)."""
    near = ("and initial equal", *(f"similarity from {x}" for x in NAME_BINS[:2]))
    return tuple(i for i, level in enumerate(names.levels) if any(x in level for x in near))


def with_unknown(names: Comparison) -> tuple[int, ...]:
    """Return on which levels twins are of whom one name is missing (`Twins.unknown`)."""
    there = ("surname missing, given name different", "given name missing, surname equal")
    return tuple(i for i, level in enumerate(names.levels) if level in there)
