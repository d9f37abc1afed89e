"""The normal distribution function without SciPy, whose special functions take longer to load than an answer does."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

_ERF = (
    (9.60497373987051638749e0, 9.00260197203842689217e1, 2.23200534594684319226e3, 7.00332514112805075473e3,
     5.55923013010394962768e4),
    (1.0, 3.35617141647503099647e1, 5.21357949780152679795e2, 4.59432382970980127987e3, 2.26290000613890934246e4,
     4.92673942608635921086e4),
)  # fmt: skip
_NEAR = (
    (2.46196981473530512524e-10, 5.64189564831068821977e-1, 7.46321056442269912687e0, 4.86371970985681366614e1,
     1.96520832956077098242e2, 5.26445194995477358631e2, 9.34528527171957607540e2, 1.02755188689515710272e3,
     5.57535335369399327526e2),
    (1.0, 1.32281951154744992508e1, 8.67072140885989742329e1, 3.54937778887819891062e2, 9.75708501743205489753e2,
     1.82390916687909736289e3, 2.24633760818710981792e3, 1.65666309194161350182e3, 5.57535340817727675546e2),
)  # fmt: skip
_FAR = (
    (5.64189583547755073984e-1, 1.27536670759978104416e0, 5.01905042251180477414e0, 6.16021097993053585195e0,
     7.40974269950448939160e0, 2.97886665372100240670e0),
    (1.0, 2.26052863220117276590e0, 9.39603524938001434673e0, 1.20489539808096656605e1, 1.70814450747565897222e1,
     9.60896809063285878198e0, 3.36907645100081516050e0),
)  # fmt: skip
"""Numerators and denominators, highest power first: of erf below 1, and of erfc / exp(-z²) below 8 and beyond."""

_LARGEST = 7.09782712893383996843e2
"""Beyond it Cephes takes exp(-z²) for nothing."""


def normal_cdf(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return P(Z <= x) of a standard normal Z, shape of `x`, to the last bit as ``scipy.special.ndtr`` gives it.

    References
    ----------
    Moshier (1989), Methods and programs for mathematical functions (Cephes: ``ndtr``, ``erf``, ``erfc``).
    """
    x = x * math.sqrt(0.5)
    z = np.abs(x)
    middle = 0.5 + 0.5 * _times(x, _ERF, x * x)
    fall = np.array([0.0 if y < -_LARGEST else math.exp(y) for y in (-z * z).ravel().tolist()]).reshape(z.shape)
    tail = 0.5 * np.where(z < 8.0, _times(fall, _NEAR, z), _times(fall, _FAR, z))
    return np.where(z < 1.0, middle, np.where(x > 0.0, 1.0 - tail, tail))


@cache
def normal_grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points from −9 to 9 standard deviations, a four-hundredth apart, and `normal_cdf` there; read-only."""
    z = np.linspace(-9.0, 9.0, 7201)
    below = normal_cdf(z)
    z.setflags(write=False)
    below.setflags(write=False)
    return z, below


def _times(by: NDArray[np.float64], pair: tuple[tuple[float, ...], ...], z: NDArray[np.float64]) -> NDArray[np.float64]:
    return by * _polynomial(pair[0], z) / _polynomial(pair[1], z)


def _polynomial(coefficients: tuple[float, ...], z: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.full_like(z, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * z + coefficient
    return total
