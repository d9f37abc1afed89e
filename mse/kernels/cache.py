"""Where compiled kernels are kept between runs.

Numba looks only at the file of the function that it compiles, so that a change in a callee would leave a stale caller
behind. Each module therefore keeps its compiled functions in a folder that bears the digest of its own source and of
the kernels that it imports. Nothing else says where they stand, so that copies of one source share what is compiled.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
_IMPORT = re.compile(r"^\s*from mse\.kernels\.(\w+) import", re.MULTILINE)


def folder(module: str) -> Path:
    """Return the folder of the compiled functions of one kernel module, and drop those of its earlier versions."""
    kept = place()
    own = kept / f"{module}-{_digest(module)}"
    if not own.exists():
        for stale in kept.glob(f"{module}-*"):
            shutil.rmtree(stale, ignore_errors=True)
    return own


def compiled_before() -> bool:
    """Tell whether the kernels of the sweep were compiled and kept since their source last changed."""
    return any(folder("sweep").rglob("*.nbi"))


@cache
def place() -> Path:
    """Return the first place that can be written.

    ``NUMBA_CACHE_DIR`` if it is set; else beside the source; else the user's cache; else the temporary files.
    """
    places = [_HERE / "__pycache__", Path.home() / ".cache" / "mse", Path(tempfile.gettempdir()) / "mse-kernels"]
    if os.environ.get("NUMBA_CACHE_DIR"):
        places.insert(0, Path(os.environ["NUMBA_CACHE_DIR"]))
    return next((place for place in places if _writable(place)), places[-1])


@cache
def _digest(module: str) -> str:
    """Return a digest of a module and of all kernels that it imports, directly or not."""
    source = (_HERE / f"{module}.py").read_text(encoding="utf-8")
    within = "".join(_digest(name) for name in sorted(set(_IMPORT.findall(source))))
    return hashlib.sha256((source + within).encode()).hexdigest()[:16]


def _writable(path: Path) -> bool:
    """Tell whether `path` is a folder that can be written, or can be made."""
    while not path.exists():
        if path == path.parent:
            return False
        path = path.parent
    return path.is_dir() and os.access(path, os.W_OK)
