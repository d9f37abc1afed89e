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
    from numba import njit
    from numba.core.types import unliteral

    from mse.kernels.keeping import Kept

    def compiled(function, inline="never"):
        """Compile `function` with numba: cached on disk, GIL released, divisions as in NumPy."""
        kernel = njit(nogil=True, error_model="numpy", inline=inline)(function)
        kernel._cache = Kept(function)  # as njit(cache=True) does with numba's own
        template = kernel.get_call_template

        def for_any_value(args, kws):
            """Compile one form for `True`, `0` and `1`, where numba would one for each that a caller writes out."""
            return template([unliteral(x) for x in args], {name: unliteral(x) for name, x in kws.items()})

        kernel.get_call_template = for_any_value
        return kernel

    def inlined(function):
        """Compile `function` like `compiled`, as a part of whatever calls it: for a piece of an innermost loop."""
        return compiled(function, inline="always")
