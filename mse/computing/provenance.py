"""Where a result came from: digests of what went in and versions of what computed it."""

from __future__ import annotations

import hashlib
import platform
from importlib import metadata
from pathlib import Path

__version__ = "0.1.0"

_LIBRARIES = ("numpy", "numba", "scipy", "highspy", "pandas", "xarray", "matplotlib", "joblib")


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of the engine, of Python, and of the libraries that take part in a result."""
    found = {"mse-engine": metadata.version("mse-engine"), "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
