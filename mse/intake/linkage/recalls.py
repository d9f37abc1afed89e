"""What a linkage finds and what it misses, by list, as the model of pairs sees it.

Of two lists i and j, let L be the pairs of registrations that the linkage puts together, and T the sum of the match
probabilities over all pairs. Then the *precision* is the mean match probability of L, and the *recall* the sum of the
match probabilities of L over T. To T are added the matches that no combination of parts would have compared (errors in
both name and date of birth: (1 - m_name)(1 - m_date) of them, less those that other combinations brought) and those of
registrations without a usable identity, of which as many are matches as of the others.

Of a missed pair of lists i and j the registration on either may be the one that cannot be linked. The share of list i
that cannot is found from recall_ij ≈ (1 - e_i)(1 - e_j) by alternating least squares.

The shift of N that follows: with two lists N is estimated by n_i n_j / overlap, so that a linkage with recall r and
precision p estimates N · p / r in its place (Ding & Fienberg 1994, Survey Methodology 20, 149; De Wolf, van der Laan &
Zult 2019, Journal of Official Statistics 35, 577). With more lists it is of that size too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mse.intake.linkage.evidence import BIRTH_DATE, Records
from mse.intake.linkage.pairmodel import SURE, PairModel
from mse.intake.linkage.rates import full_classes
from mse.kernels.arrays import Array, Flags, Integers

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class LinkageQuality:
    """How good a linkage is.

    Parameters
    ----------
    lists : DataFrame
        list, registrations, unlinkable (of them without a usable identity), linked (pairs with another list), expected
        (matches with another list), recall, precision; a last row for ``all``.
    lost : float64 array, shape (K,)
        Share of each list that is not linked though it should be.
    beyond : float64 array, shape (K,)
        The same of what no pair that was compared can bring back: what drawn linkages still lack.
    seen : float64 array, shape (K,)
        How many registrations those shares rest on.
    recall, precision : float
        Of all pairs of lists together.
    """

    lists: pd.DataFrame
    lost: Array
    beyond: Array
    seen: Array
    recall: float
    precision: float


def linkage_quality(model: PairModel, person: Integers, lists: Sequence[str]) -> LinkageQuality:
    """Return how good a linkage is.

    Parameters
    ----------
    model : PairModel
        With what it was learned from.
    person : int64 array, shape (R,)
        Person of every registration under the linkage.
    lists : sequence of str
        In their order.
    """
    import pandas as pd

    assert model.learned is not None
    records = model.learned.plan.records
    k, place = len(lists), records.place.astype(np.int64)
    unsure = model.log_odds < SURE
    left, right, p = model.left[unsure], model.right[unsure], model.probability[unsure]
    together = person[left] == person[right]
    linked = _pairs_by_list(person, place, k)
    sure = _pairs_by_list(records.person, place, k)
    hit = np.maximum(linked - _added(place, left[together], right[together], 1.0 - p[together], k), 0.0)
    expected = sure + _added(place, left, right, p, k)
    hidden, unlinkable = _never_compared(model, expected)
    expected = expected / np.maximum(1.0 - hidden, 0.05)
    off = ~np.eye(k, dtype=bool)
    lost = _lost(np.where(off, hit, 0.0), np.where(off, expected, 0.0))
    beyond = _lost(np.where(off, expected * (1.0 - hidden), 0.0), np.where(off, expected, 0.0))
    rows = []
    for i, name in enumerate((*lists, "all")):
        mask = off & ((np.arange(k) == i)[:, None] if i < k else np.triu(off))
        true, found, right_ones = (float(x[mask].sum()) for x in (expected, linked, hit))
        size = np.bincount(place, minlength=k)
        rows.append(
            {"list": name, "registrations": int(size[i] if i < k else size.sum()),
             "unlinkable": int(unlinkable[i] if i < k else unlinkable.sum()), "linked": found, "expected": true,
             "recall": right_ones / true if true else np.nan, "precision": right_ones / found if found else np.nan}
        )  # fmt: skip
    frame = pd.DataFrame(rows)
    seen = np.where(off, expected, 0.0).sum(axis=1)
    return LinkageQuality(
        frame, lost, beyond, seen, float(frame["recall"].iloc[-1]), float(frame["precision"].iloc[-1])
    )


def _pairs_by_list(person: Integers, place: Integers, k: int) -> Array:
    """Return the pairs of registrations of one person by their lists, shape (K, K), symmetric."""
    from scipy.sparse import coo_array

    _, who = np.unique(person, return_inverse=True)
    on = coo_array((np.ones(len(who)), (who, place)), shape=(int(who.max(initial=0)) + 1, k)).tocsr()
    both = np.asarray((on.T @ on).todense(), dtype=np.float64)
    return both


def _added(place: Integers, left: Integers, right: Integers, weight: Array, k: int) -> Array:
    """Return the sum of weights of pairs by their lists, shape (K, K), symmetric."""
    total = np.bincount(place[left] * k + place[right], weights=weight, minlength=k * k).reshape(k, k)
    return np.asarray(total + total.T)


def _never_compared(model: PairModel, expected: Array) -> tuple[Array, Integers]:
    """Return the share of the matches of two lists that no combination compares, and the rows that nothing links."""
    known = model.learned
    assert known is not None
    records = known.plan.records
    names = known.plan.comparisons[0]
    classes = full_classes(names)
    full = float(known.rates.m[0][:classes].sum())
    date = float(known.rates.m[1][0]) if BIRTH_DATE in records.parts else 0.0
    born = records.parts[BIRTH_DATE] >= 0 if BIRTH_DATE in records.parts else np.zeros(len(records), dtype=bool)
    named = known.plan.full >= 0
    both, only_name, only_date = (_shares(records, x) for x in (born & named, named, born))
    found = _found_otherwise(model)
    other = max((1.0 - full) * (1.0 - date) - found / max(float(np.triu(expected, 1).sum()), 1.0), 0.0)
    two = np.outer(both, both)
    names_left = np.outer(only_name, only_name) - two
    dates_left = np.outer(only_date, only_date) - two
    reached = two * (1.0 - other) + names_left * full + dates_left * date
    neither = ~(born | named)
    unlinkable = np.bincount(records.place[neither], minlength=records.lists)
    return np.clip(1.0 - reached, 0.0, 1.0), unlinkable


def _shares(records: Records, mask: Flags) -> Array:
    """Return the share of each list of which something holds."""
    size = np.maximum(np.bincount(records.place, minlength=records.lists), 1)
    return np.asarray(np.bincount(records.place, weights=mask.astype(np.float64), minlength=records.lists) / size)


def _found_otherwise(model: PairModel) -> float:
    """Return the matches expected among pairs of two lists that differ in name and in date of birth, both known."""
    known = model.learned
    assert known is not None
    levels = known.compared[known.kept]
    first = len(model.left) - len(known.kept)
    place = known.plan.records.place
    apart = place[model.left[first:]] != place[model.right[first:]]
    names, birth = known.plan.comparisons[:2]
    classes = full_classes(names)
    main = np.isin(levels[:, 0], np.flatnonzero(np.array(names.domain) == 0)) & (levels[:, 0] >= classes)
    main &= np.isin(levels[:, 1], np.flatnonzero(np.array(birth.domain) == 0)) & (levels[:, 1] > 0)
    return float(model.probability[first:][main & apart].sum())


def _lost(hit: Array, expected: Array) -> Array:
    """Return the share of every list that is not linked, from hit ≈ expected (1 - e_i)(1 - e_j)."""
    kept = np.full(len(hit), 0.9)
    for _ in range(200):
        new = (hit.sum(axis=1) + 0.5) / (expected @ kept + 0.5)
        new = np.sqrt(np.clip(new, 0.05, 1.0) * kept)
        if np.abs(new - kept).max() < 1e-9:
            break
        kept = new
    return np.asarray(1.0 - kept)
