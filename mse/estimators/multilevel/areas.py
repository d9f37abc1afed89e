"""Areas that have neighbours: the axes along which the smooth part of their effects has independent parts.

Effects of areas are σ (√(1 − ρ) v + √ρ u), v independent, u smooth over neighbours (an intrinsic autoregression),
scaled so that its variance is on average 1 whatever the map (Riebler, Sørbye, Simpson & Rue 2016). Where the map falls
apart, u sums to nought in every component and each component is scaled by itself, and an island has σ v alone
(Freni-Sterrantino, Ventrucci & Rue 2018). Along the eigenvectors of the map both parts are independent, so that their
sum has one coordinate for each area, and no ridge between the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mse.kernels.arrays import Array, Integers


@dataclass(frozen=True, slots=True, eq=False)
class Areas:
    """The dimension of areas, and their neighbours.

    Parameters
    ----------
    dimension : str
        Its name.
    pairs : int64 array, shape (P, 2)
        Places of two areas that border on each other among the levels; each pair once.
    """

    dimension: str
    pairs: Integers


def smooth_axes(count: int, pairs: Integers) -> tuple[Array, Array]:
    """Return the axes of the smooth part of the effects of areas, and its scaled variances along them.

    Parameters
    ----------
    count : int
        Number of areas A.
    pairs : int64 array, shape (P, 2)
        Neighbours, each pair once.

    Returns
    -------
    basis : float64 array, shape (A, A)
        Orthonormal; a row for every axis.
    variances : float64 array, shape (A,)
        Of the smooth part: 0 for what a component has in common; 1 for an island, whose variance is that of all areas.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    joined = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, component = connected_components(joined, directed=False)
    basis, variances = np.zeros((count, count)), np.ones(count)
    at = 0
    for c in range(int(component.max()) + 1):
        members = np.flatnonzero(component == c)
        rows = slice(at, at + members.size)
        at += members.size
        if members.size == 1:
            basis[rows, members] = 1.0
            continue
        inside = np.searchsorted(members, pairs[component[pairs[:, 0]] == c])
        values, vectors = np.linalg.eigh(_precision(members.size, inside))
        smooth = np.concatenate([[0.0], 1.0 / values[1:]])
        variances[rows] = smooth / scaling_factor(vectors**2 @ smooth)
        basis[rows, members] = vectors.T
    return basis, variances


def scaling_factor(variances: Array) -> float:
    """Return the typical variance of a smooth part: the geometric mean over the areas of a component.

    Sørbye & Rue (2014) Scaling intrinsic Gaussian Markov random field priors in spatial modelling. Spatial Statistics
    8:39-51.
    """
    return float(np.exp(np.log(variances).mean()))


def _precision(count: int, pairs: Integers) -> Array:
    """Return the precision of an intrinsic autoregression: neighbours on the diagonal, −1 for each of them."""
    out = np.zeros((count, count))
    np.add.at(out, (pairs[:, 0], pairs[:, 1]), -1.0)
    out += out.T
    out[np.diag_indices(count)] = -out.sum(axis=1)
    return out
