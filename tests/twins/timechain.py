"""State occupation person by person and day by day, in plain Python: what the compiled estimator is held against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Stay = tuple[int, int, float, float]
"""State, state after it (-1: not seen), from when on under observation, until when."""


def occupation(stays: Sequence[Stay], k: int, time: float) -> tuple[np.ndarray, np.ndarray]:
    """Return occupation probabilities at a time, everybody in state 0 at 0, and their covariance.

    The covariance is that of the whole matrix P(0, t), by Kronecker products (Andersen et al. 1993, eq. 4.4.20).
    """
    p, cov = np.eye(k), np.zeros((k * k, k * k))
    for u in sorted({end for _, after, _, end in stays if after >= 0 and end <= time}):
        step, noise = np.eye(k), np.zeros((k * k, k * k))
        for h in range(k):
            risk = sum(state == h and begin < u <= end for state, _, begin, end in stays)
            moves = np.array([sum(s == h and a == j and e == u for s, a, _, e in stays) for j in range(k)], float)
            if not risk:
                continue
            step[h] += moves / risk
            step[h, h] -= moves.sum() / risk
            row = np.zeros((k, k))
            for i in range(k):
                for j in range(k):
                    row[i, j] = ((moves[i] if i == j else 0.0) * risk - moves[i] * moves[j]) / risk**3
            row[h, :] = row[:, h] = 0.0
            row[h, :] = -row.sum(axis=0)
            row[:, h] = -row.sum(axis=1)
            for i in range(k):
                for j in range(k):
                    noise[h * k + i, h * k + j] = row[i, j]
        move = np.kron(np.eye(k), step.T)
        cov = move @ cov @ move.T + np.kron(p, np.eye(k)) @ noise @ np.kron(p, np.eye(k)).T
        p = p @ step
    return p[0], cov[:k, :k]
