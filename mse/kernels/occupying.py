"""State occupation probabilities through time by Aalen and Johansen, with Greenwood's covariance."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


class Occupied(NamedTuple):
    """Probabilities at U times of K states.

    Parameters
    ----------
    share : float64 array, shape (U, K)
        Probability of being in a state.
    variance : float64 array, shape (U, K)
        Its variance.
    moved : float64 array, shape (K, K)
        Probability of a direct move from one state to another, by the last time.
    """

    share: Array
    variance: Array
    moved: Array


@compiled
def occupy(counts: Integers, origin: Integers, target: Integers, risk: Integers, first: int) -> Occupied:
    """Return occupation probabilities from moves and risk sets.

    Parameters
    ----------
    counts : int64 array, shape (U, M)
        Moves of kind m at time u; times ascend.
    origin, target : int64 array, shape (M,)
        States of a kind of move.
    risk : int64 array, shape (U, K)
        Persons in a state just before time u, and under observation.
    first : int
        The state in which everybody is at time 0.

    Notes
    -----
    p(u) = p(u-) (I + dA(u)), dA_hj = dN_hj / Y_h (Andersen, Borgan, Gill & Keiding 1993, eq. 4.4.1). The covariance
    of p goes (I + dA)' V (I + dA) + sum_h p_h(u-)^2 C_h, where C_h is the covariance of row h of dA as multinomial
    shares of Y_h (the Greenwood-type estimator, eq. 4.4.20). A move from a state in which nobody is at risk cannot be.
    """
    times, kinds = counts.shape
    k = risk.shape[1]
    p, old = np.zeros(k), np.zeros(k)
    v, w, step = np.zeros((k, k)), np.zeros((k, k)), np.zeros((k, k))
    share, variance, moved = np.zeros((times, k)), np.zeros((times, k)), np.zeros((k, k))
    p[first] = 1.0
    for u in range(times):
        for h in range(k):
            for j in range(k):
                step[h, j] = 1.0 if h == j else 0.0
        for m in range(kinds):
            if counts[u, m] > 0 and risk[u, origin[m]] > 0:
                a = counts[u, m] / risk[u, origin[m]]
                step[origin[m], target[m]] += a
                step[origin[m], origin[m]] -= a
                moved[origin[m], target[m]] += p[origin[m]] * a
        for j in range(k):
            old[j] = p[j]
        for j in range(k):
            p[j] = 0.0
            for h in range(k):
                p[j] += old[h] * step[h, j]
        for i in range(k):
            for j in range(k):
                w[i, j] = 0.0
                for h in range(k):
                    w[i, j] += v[i, h] * step[h, j]
        for i in range(k):
            for j in range(k):
                v[i, j] = 0.0
                for h in range(k):
                    v[i, j] += step[h, i] * w[h, j]
        for h in range(k):
            if risk[u, h] > 0 and old[h] > 0.0:
                scale = old[h] * old[h] / risk[u, h]
                for i in range(k):
                    for j in range(k):
                        same = step[h, i] if i == j else 0.0
                        v[i, j] += scale * (same - step[h, i] * step[h, j])
        for j in range(k):
            share[u, j] = p[j]
            variance[u, j] = max(v[j, j], 0.0)
    return Occupied(share, variance, moved)
