"""One vector into another, entry by entry.

Numba checks `target[:] = source` and has words for what is wrong with the shapes, which are compiled into every kernel
that holds such a line, text handling and all.
"""

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled


@compiled
def copy_to(target: NDArray[np.generic], source: NDArray[np.generic]) -> None:
    """Write all of `source` to the first entries of `target`, which is at least as long; both have one axis."""
    for i in range(source.shape[0]):
        target[i] = source[i]
