"""Whether a log-linear model has a maximum-likelihood estimate on a table, and whether it fixes N.

A term whose margin n*_θ = Σ_{ω⊇θ} n_ω is zero has the estimate −∞ in 0/1 coding: it goes, with every cell
that contains it, and the rest is fitted (the *extended* estimate; Fienberg & Rinaldo 2012, Annals of
Statistics 40; Chan, Silverman & Vincent 2021, JASA 116). Write A for the 0/1 design of the rest, rows cells
and columns terms.

* *Not identifiable*: the columns of A are linearly dependent.
* *No estimate*: some y has Ay ≥ 0, with Ay = 0 wherever somebody was counted but Ay ≠ 0. The likelihood then
  keeps rising along −y. By Gordan's alternative this is the same as optimum 0 of the programme "maximise s
  subject to Aᵀx = Aᵀn, x ≥ s" of those papers; the y that our programme returns is a certificate that other
  models share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from mse.estimators.single.recession import NONZERO, Family, Programme
from mse.kernels.arrays import Array, Flags, Integers
from mse.terms import Model
from mse.words.said import Said, said

MOST_KEPT = 200
"""Models of a family whose answer is kept: a table of four lists at most, a few kilobytes."""

Limit = Literal["settles", "falls to 0", "rises without bound", "open"]


class Existence(IntEnum):
    """What is wrong with a model on a table; the codes are those of the R package MultipleSystemsEstimation.

    Attributes
    ----------
    FINE
        The extended estimate exists and is unique.
    NO_MLE
        The likelihood has no maximum. Remedy: drop interactions, merge lists, or use a method with a proper
        prior ("average"), whose answer then leans on that prior.
    NOT_IDENTIFIABLE
        The counts leave several values of N equally likely. Remedy: drop interactions.
    NO_MLE_NOT_IDENTIFIABLE
        Both.
    """

    FINE = 0
    NO_MLE = 1
    NOT_IDENTIFIABLE = 2
    NO_MLE_NOT_IDENTIFIABLE = 3

    @property
    def words(self) -> str:
        """Its name in tables, which other rows compare with."""
        return ("ok", "no MLE", "not identifiable", "no MLE, not identifiable")[self]

    @property
    def said(self) -> Said:
        """The same for messages."""
        return _STATUS[self]


_STATUS = (
    said("existence.fine"),
    said("existence.no_mle"),
    said("existence.not_identifiable"),
    said("existence.neither"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Extended:
    """What is left of a model to fit, once terms with a zero margin are at −∞.

    Parameters
    ----------
    finite : (p,) int64
        Terms that are estimated, the intercept first.
    infinite : tuple of int
        Terms at −∞ in 0/1 coding.
    cells : (2^K,) float64
        1 where a cell takes part in the fit; the others have fitted mean 0 or cannot be observed.
    """

    finite: Integers
    infinite: tuple[int, ...]
    cells: Array


def margins(counts: Array) -> Array:
    """Return n*_θ = Σ_{ω⊇θ} n_ω for every subset θ: shape (2^K,), index = bitmask."""
    sums = counts.astype(np.float64)
    k = counts.size.bit_length() - 1
    cube = sums.reshape((2,) * k)
    for axis in range(k):
        absent = (slice(None),) * axis + (0,)
        present = (slice(None),) * axis + (1,)
        cube[absent] += cube[present]
    return sums


def extended(counts: Array, cells: Array, terms: Sequence[int]) -> Extended:
    """Take the terms with a zero margin out of a model, and their cells out of the table.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        As `CaptureTable.dense` gives them.
    terms : sequence of int
        All terms of a hierarchical model.

    Returns
    -------
    Extended
        A term that no observable cell contains is in neither group: there is nothing to estimate.
    """
    totals, reach = margins(counts * cells), margins(cells)
    finite = [t for t in terms if t == 0 or totals[t] > 0]
    kept = cells.copy()
    histories = np.arange(counts.size)
    for term in set(terms) - set(finite):
        kept[(histories & term) == term] = 0.0
    infinite = tuple(t for t in terms if t and totals[t] == 0 and reach[t] > 0)
    return Extended(np.array(finite, dtype=np.int64), infinite, kept)


def check_model(counts: Array, cells: Array, model: Model) -> Existence:
    """Check one model; `counts` and `cells` as `CaptureTable.dense` gives them."""
    subsets = np.array([t for t in model.terms if t.bit_count() > 1], dtype=np.int64)
    mask = np.array([(1 << subsets.size) - 1], dtype=np.int64)
    return Existence(int(check_models(counts, cells, mask, subsets)[0]))


def check_models(counts: Array, cells: Array, masks: Integers, subsets: Integers) -> npt.NDArray[np.int8]:
    """Check a family of models, most of them without a linear programme of their own.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        As `CaptureTable.dense` gives them.
    masks : (m,) int64
        Models over `subsets`; all with the main effects.
    subsets : (c,) int64
        Candidate terms, as `mse.terms.candidates` gives them; c ≤ 62.

    Returns
    -------
    (m,) int8
        Values of `Existence`.

    Notes
    -----
    Larger models go first, and each programme settles others by these rules (M ⊂ M'; Z the zero-margin terms
    of M, which are the part of Z' in M).

    * M' exists and is identifiable ⇒ so does and is M. A positive solution for M' matches the margins of M;
      on the cells that only M has, a small positive amount can be put, because the full rank of M' lets their
      rows be cancelled on the other cells. So one programme on the largest model clears many tables.
    * M' exists and Z' = Z ⇒ M exists: the same cells and fewer constraints.
    * M does not exist with certificate y ⇒ neither does any model that estimates the terms of y, unless it
      deleted all the cells where Ay > 0 or holds a cell where Ay < 0.
    * M is not identifiable ⇒ neither is M': more columns, fewer rows.

    Only which cells have persons matters, not how many: of small families the answer is kept for the next table.
    """
    if masks.size > MOST_KEPT:
        return _checked(counts, cells, masks, subsets)
    return _kept((counts > 0).tobytes(), cells.tobytes(), masks.tobytes(), subsets.tobytes())


@lru_cache(maxsize=256)
def _kept(anybody: bytes, cells: bytes, masks: bytes, subsets: bytes) -> npt.NDArray[np.int8]:
    counts = np.frombuffer(anybody, dtype=bool).astype(np.float64)
    codes = _checked(counts, np.frombuffer(cells), *(np.frombuffer(x, dtype=np.int64) for x in (masks, subsets)))
    codes.setflags(write=False)
    return codes


def _checked(counts: Array, cells: Array, masks: Integers, subsets: Integers) -> npt.NDArray[np.int8]:
    """Check a family of models of which nothing is known yet; arguments as in `check_models`."""
    totals = margins(counts * cells)
    family = family_of(counts, cells, masks, subsets)
    lists = int(np.count_nonzero(totals[1 << np.arange(counts.size.bit_length() - 1)]))
    complete = family.seen.sum() == 2**lists - 1
    loose = _loose_complete(family) if complete else _loose_by_rank(family, totals)
    missing = _without_estimate(family, counts, totals, loose)
    return (missing + 2 * loose).astype(np.int8)


def unseen_limit(counts: Array, cells: Array, model: Model) -> Limit:
    """Tell where n̂_0 goes along the rise of the likelihood of one model that has no estimate.

    Parameters
    ----------
    counts, cells : (2^K,) float64
        As `CaptureTable.dense` gives them.
    model : Model
        With existence `NO_MLE`: identifiable, but without a maximum.

    Notes
    -----
    η_0 moves by −y_∅. Every way to the supremum sends all cells where some Ay > 0 to mean 0. If y_∅ is 0 for
    all y, n_0 settles; if that takes y_∅ of one sign, n_0 falls to 0 or rises without bound; if it can be
    done with y_∅ = 0 although y_∅ varies, the likelihood leaves n_0 open.
    """
    subsets = np.array([t for t in model.terms if t.bit_count() > 1], dtype=np.int64)
    mask = np.array([(1 << subsets.size) - 1], dtype=np.int64)
    family = family_of(counts, cells, mask, subsets)
    programme = Programme(family, counts, margins(counts * cells))
    low, high = programme.intercept_range()
    if max(-low, high) < NONZERO:
        return "settles"
    if (low < -NONZERO and high > NONZERO) or programme.vanishing(False) == programme.vanishing(True):
        return "open"
    return "falls to 0" if high > NONZERO else "rises without bound"


def family_of(counts: Array, cells: Array, masks: Integers, subsets: Integers) -> Family:
    """Return the models with their terms at −∞ told apart, and the cells that such terms take away."""
    totals = margins(counts * cells)
    empty = totals[subsets] == 0
    bits = np.int64(1) << np.arange(subsets.size, dtype=np.int64)
    zero = masks & np.int64(bits[empty].sum())
    finite = masks & np.int64(bits[~empty].sum())
    histories = np.arange(counts.size, dtype=np.int64)
    inside = (histories[:, None] & subsets[None, :]) == subsets[None, :]
    blockers = (inside & empty[None, :]) @ bits
    dead = np.array([j for j in range(counts.size.bit_length() - 1) if totals[1 << j] == 0], dtype=np.int64)
    seen = cells * (1.0 - ((histories[:, None] >> dead) & 1).any(axis=1))
    seen[0] = 0.0
    return Family(masks, finite, zero, blockers, subsets, seen)


def _loose_complete(family: Family) -> Flags:
    """Find the unidentifiable models when every cell can be observed.

    Then the fitted cells and ∅ are closed downwards, and by Möbius inversion the only coefficients whose sums
    vanish on all those cells are multiples of (−1)^|φ|: dependent iff every fitted cell is also a term.
    """
    index = {int(term): i for i, term in enumerate(family.subsets)}
    everyone = np.arange(family.masks.size)
    loose = np.ones(family.masks.size, dtype=bool)
    for cell in np.flatnonzero(family.seen > 0):
        if int(cell).bit_count() > 1:
            fitted = family.holds(int(cell), everyone)
            if int(cell) in index:
                fitted &= (family.finite >> index[int(cell)]) & 1 == 0
            loose &= ~fitted
            if not loose.any():
                break
    return loose


def _loose_by_rank(family: Family, totals: Array) -> Flags:
    """Find the unidentifiable models by rank, largest first; both answers carry over to other models."""
    rows, terms, design = family.design(totals)
    loose = np.zeros(family.masks.size, dtype=np.int8) - 1
    for row in np.argsort(np.bitwise_count(family.masks), kind="stable")[::-1]:
        if loose[row] >= 0:
            continue
        fitted = (family.masks[row] & family.blockers[rows]) == 0
        part = design[np.ix_(fitted, family.estimated(family.finite[row], terms.size))]
        mask = family.masks[row]
        if np.linalg.matrix_rank(part) < part.shape[1]:
            loose[(family.masks & mask) == mask] = 1
        else:
            loose[(family.masks & ~mask) == 0] = 0
    answer: Flags = loose == 1
    return answer


def _without_estimate(family: Family, counts: Array, totals: Array, loose: Flags) -> Flags:
    """Find the models whose likelihood has no maximum."""
    programme = Programme(family, counts, totals)
    if programme.fixed(np.bitwise_or.reduce(family.finite)):
        return np.zeros(family.masks.size, dtype=bool)  # the cells with persons settle the terms of all models together
    missing = np.zeros(family.masks.size, dtype=np.int8) - 1
    order = np.argsort(np.bitwise_count(family.masks), kind="stable")
    while order.size:
        row = int(order[-1])
        found = programme.rise(row)
        if found is None:
            settled = (family.masks[order] & ~family.masks[row]) == 0
            if loose[row]:
                settled &= family.zero[order] == family.zero[row]
            missing[order[settled]] = 0
        else:
            direction, change = found
            settled = (family.finite[order] & direction) == direction
            rising = np.zeros(order.size, dtype=bool)
            for cell in np.flatnonzero(change > NONZERO):
                rising |= family.holds(int(programme.rows[cell]), order)
            for cell in np.flatnonzero(change < -NONZERO):
                settled &= ~family.holds(int(programme.rows[cell]), order)
            missing[order[settled & rising]] = 1
            missing[row] = 1
        order = order[missing[order] < 0]
    answer: Flags = missing == 1
    return answer
