"""How compiled kernels are kept: by the digest of their source alone, and compiled by one process at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba.core.caching import CompileResultCacheImpl, FunctionCache

from mse.kernels.cache import folder

PATIENCE = 60.0
"""Seconds that a process waits for another that compiles a function; then it compiles that itself."""


class OneFolder:
    """Where numba keeps the compiled forms of one function; the digest in the folder's name says that they are fresh.

    Numba's own places bear a digest of the path of the source: a copy of the package would compile it all again.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        self.folder = folder(function.__module__.rpartition(".")[2])
        self.line = function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, function: Callable[..., object], file: str) -> OneFolder:
        """Return the place of a function."""
        return cls(function)

    def ensure_cache_path(self) -> None:
        """Make the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        """Return the folder."""
        return str(self.folder)

    def get_source_stamp(self) -> str:
        """Return what is another when the source is."""
        return self.folder.name

    def get_disambiguator(self) -> str:
        """Return what tells functions of one name apart."""
        return str(self.line)


class _Form(CompileResultCacheImpl):
    _locator_classes: list[type[object]] = [OneFolder]  # noqa: RUF012


class Kept(FunctionCache):
    """The compiled forms of one function on disk.

    Whoever finds none compiles it and holds a lock meanwhile; other processes wait for that instead of compiling the
    same. Kernels call each other in no circle, so that no two wait for each other; the lock of a process that ends is
    gone with it.
    """

    _impl_class = _Form
    _lock: int | None = None

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled form for these types; None where it is to be compiled by this process."""
        found = super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        if found is None and self._lock is None:
            self._lock = _locked(self._impl.locator.folder, self._impl.filename_base)
            found = super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
            if found is not None:
                self._unlock()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled form, and let those go on that wait for it."""
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        finally:
            self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(place: Path, name: str) -> int | None:
    """Return an open file that nobody else holds locked; None where there is none to be had in a minute."""
    try:
        import fcntl

        place.mkdir(parents=True, exist_ok=True)
        file = os.open(place / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except (ImportError, OSError):
        return None
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        except OSError:
            break
        else:
            return file
    os.close(file)
    return None
