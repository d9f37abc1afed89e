"""The one decorator of compiled functions, with the type that mypy is to see."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:

    def compiled[F: Callable[..., object]](function: F) -> F:
        """Compile `function` with numba: cached on disk, GIL released, divisions as in NumPy."""
        return function

else:
    from numba import config, njit

    from mse.kernels.cache import folder

    if (_folder := folder()) is not None:
        config.CACHE_DIR = str(_folder)
    compiled = njit(cache=True, nogil=True, error_model="numpy")
