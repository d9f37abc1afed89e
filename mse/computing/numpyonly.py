"""xarray without Dask where arrays are NumPy's: it would load Dask and its cluster, half a second, to ask of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_COSTLY = ("dask.array", "distributed")
_ASKED = ("dask", *_COSTLY)


@contextmanager
def numpy_arrays() -> Iterator[None]:
    """Let xarray find no Dask inside; afterwards, and where Dask is loaded already, everything is as it was."""
    from xarray.namedarray import pycompat, utils

    asked = getattr(pycompat, "_cached_duck_array_modules", None)  # what xarray remembers of what it asked
    if asked is None or any(name in sys.modules for name in _COSTLY):
        yield
        return
    forget = getattr(utils.module_available, "cache_clear", tuple)
    missing = [name for name in _ASKED if name not in sys.modules]
    sys.modules |= dict.fromkeys(missing)  # type: ignore[arg-type]  # how Python notes that there is no such module
    forget()
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]
        asked.pop("dask", None)
        forget()
