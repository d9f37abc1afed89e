"""Where compiled kernels are kept between runs."""

import os
import tempfile
from pathlib import Path

_HERE = Path(__file__).parent


def folder() -> Path | None:
    """Return a folder that numba must be told to use, or None when it finds one by itself.

    By itself it takes ``__pycache__`` beside the source, or else the user's cache; where neither can be written, as in
    a container with a read-only file system, caching would raise at import.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return Path(os.environ["NUMBA_CACHE_DIR"])
    if _writable(_HERE / "__pycache__") or _writable(Path.home() / ".cache" / "numba"):
        return None
    return Path(tempfile.gettempdir()) / f"mse-numba-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


def compiled_before() -> bool:
    """Tell whether the kernel of the sweep was compiled and kept since its source last changed."""
    own = folder()
    places = [_HERE / "__pycache__", Path.home() / ".cache" / "numba"] if own is None else [own]
    changed = (_HERE / "sweep.py").stat().st_mtime
    return any(
        index.stat().st_mtime >= changed for place in places if place.is_dir() for index in place.rglob("sweep.*.nbi")
    )


def _writable(path: Path) -> bool:
    """Tell whether `path` is a folder that can be written, or can be made."""
    while not path.exists():
        if path == path.parent:
            return False
        path = path.parent
    return path.is_dir() and os.access(path, os.W_OK)
