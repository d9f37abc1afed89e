"""Where a result came from: digests of what went in and versions of what computed it."""

from __future__ import annotations

import hashlib
import platform
import re
from importlib import metadata
from pathlib import Path

__version__ = "0.1.0"

_LIBRARIES = ("numpy", "numba", "scipy", "highspy", "pandas", "xarray", "matplotlib", "joblib")

_VERSION = re.compile(r"^Version:(.*)$", re.MULTILINE)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of the engine, of Python, and of the libraries that take part in a result."""
    found = {"mse-engine": _version("mse-engine"), "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = _version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _version(name: str) -> str:
    """Return the version of a package, as ``metadata.version`` does, which reads all that is said of it as a letter."""
    found = _VERSION.search(metadata.distribution(name).read_text("METADATA") or "")
    return metadata.version(name) if found is None else found[1].strip()
