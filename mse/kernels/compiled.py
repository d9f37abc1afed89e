"""The decorators of compiled functions, with the types that mypy is to see."""

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:

    def compiled[F: Callable[..., object]](function: F) -> F:
        """Compile `function` with numba: cached on disk, GIL released, divisions as in NumPy."""
        return function

    def inlined[F: Callable[..., object]](function: F) -> F:
        """Compile `function` like `compiled`, as a part of whatever calls it: for a piece of an innermost loop."""
        return function

else:
    # Numba words every error that it meets on its way to a type, thousands of them, and would colour each.
    os.environ.setdefault("NUMBA_DISABLE_ERROR_MESSAGE_HIGHLIGHTING", "1")
    from numba import njit

    from mse.kernels.keeping import Kept
    from mse.kernels.linkedforms import Part, called_from_python

    def compiled(function, inline="never"):
        """Compile `function` with numba: cached on disk, GIL released, divisions as in NumPy.

        Python calls machine code; other kernels link a form without any, `Part`.
        """
        kernel = njit(nogil=True, error_model="numpy", inline=inline, no_cfunc_wrapper=True)(function)
        kernel._compiler.compile = partial(called_from_python, kernel)
        kernel._cache = Kept(function)  # as njit(cache=True) does with numba's own
        part = Part(kernel)
        kernel.get_call_template = part.template
        kernel.get_overload = part.key
        return kernel

    def inlined(function):
        """Compile `function` like `compiled`, as a part of whatever calls it: for a piece of an innermost loop."""
        return compiled(function, inline="always")
