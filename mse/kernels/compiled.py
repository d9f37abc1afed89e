"""The decorators of compiled functions, with the types that mypy is to see."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:

    def compiled[F: Callable[..., object]](function: F) -> F:
        """Compile `function` with numba: cached on disk, GIL released, divisions as in NumPy."""
        return function

    def inlined[F: Callable[..., object]](function: F) -> F:
        """Compile `function` like `compiled`, as a part of whatever calls it: for a piece of an innermost loop."""
        return function

else:
    from numba import config, njit

    from mse.kernels.cache import folder

    def compiled(function, inline="never"):
        """Compile `function` with numba: cached on disk, GIL released, divisions as in NumPy."""
        others, config.CACHE_DIR = config.CACHE_DIR, str(folder(function.__module__.rpartition(".")[2]))
        try:
            return njit(cache=True, nogil=True, error_model="numpy", inline=inline)(function)
        finally:
            config.CACHE_DIR = others

    def inlined(function):
        """Compile `function` like `compiled`, as a part of whatever calls it: for a piece of an innermost loop."""
        return compiled(function, inline="always")
