"""How compiled kernels are kept: by the digest of their source alone, and compiled by one process at a time."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.compiler import compile_result
from numba.core.runtime.nrt import rtsys

from mse.kernels.cache import folder

_ENVIRONMENT = re.compile(r"_ZN08NumbaEnv\w+")

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


class _Called(CompileResultCacheImpl):
    """Machine code that Python calls: kept without what numba would link it by."""

    _locator_classes: list[type[object]] = [OneFolder]  # noqa: RUF012

    def reduce(self, data: Any) -> tuple[Any, ...]:
        """Return what is written of a compiled form."""
        data.fndesc.typemap = data.fndesc.calltypes = None
        code = data.library._get_compiled_object()
        within = _used(data)
        _point_at(within, data.codegen)
        return data.library.name, code, data.fndesc, data.environment, data.signature, within

    def rebuild(self, target_context: Any, reduced_data: tuple[Any, ...]) -> Any:
        """Return a form that was kept."""
        name, code, fndesc, environment, signature, within = reduced_data
        codegen = target_context.codegen()
        library = codegen.create_library(name)
        library.enable_object_caching()
        library._set_compiled_object(code)
        library._finalize_final_module()
        codegen._engine._defined_symbols.add(fndesc.llvm_cpython_wrapper_name)
        entry = target_context.get_executable(library, fndesc, environment)
        _point_at(within, codegen)
        return _result(target_context, library=library, environment=environment, entry_point=entry, fndesc=fndesc,
                       signature=signature)  # fmt: skip


class _Linked(CompileResultCacheImpl):
    """Code that kernels link: kept beside what Python calls."""

    _locator_classes: list[type[object]] = [OneFolder]  # noqa: RUF012

    def get_filename_base(self, fullname: str, abiflags: str) -> str:
        """Return what names of files begin with."""
        return f"linked-{super().get_filename_base(fullname, abiflags)}"  # type: ignore[no-untyped-call]

    def reduce(self, data: Any) -> tuple[Any, ...]:
        """Return what is written of a compiled form."""
        data.fndesc.typemap = data.fndesc.calltypes = None
        return data.library.name, data.library.bitcode(), data.fndesc, data.environment, data.signature

    def rebuild(self, target_context: Any, reduced_data: tuple[Any, ...]) -> Any:
        """Return a form that was kept."""
        from mse.kernels.linkable import Linkable

        name, bitcode, fndesc, environment, signature = reduced_data
        library = Linkable.of(target_context.codegen(), name, bitcode)
        return _result(target_context, library=library, environment=environment, fndesc=fndesc, signature=signature)


def _result(context: Any, **parts: Any) -> Any:
    return compile_result(target_context=context, typing_context=context.typing_context, objectmode=False, **parts)  # type: ignore[no-untyped-call]


class _Store(FunctionCache):
    """Numba's files of one function, read without all that it can compile: that takes longer than the reading."""

    def __init__(self, function: Callable[..., object], form: type[CompileResultCacheImpl]) -> None:
        self._impl_class: Any = form
        super().__init__(function)  # type: ignore[no-untyped-call]

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return a form that was kept; None where there is none."""
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]


class Kept:
    """The compiled forms of one function on disk, for Python to call.

    Whoever finds none compiles it and holds a lock meanwhile; other processes wait for that instead of compiling the
    same. Kernels call each other in no circle, so that no two wait for each other; the lock of a process that ends is
    gone with it.
    """

    _form: type[CompileResultCacheImpl] = _Called
    _lock: int | None = None

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    @cached_property
    def _store(self) -> Any:
        return _Store(self._function, self._form)

    @property
    def cache_path(self) -> str:
        """The folder."""
        return str(self._store.cache_path)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled form for these types; None where it is to be compiled by this process."""
        found = self._store.load_overload(sig, target_context)
        if found is None and self._lock is None:
            self._lock = _locked(self._store._impl.locator.folder, self._store._impl.filename_base)
            found = self._store.load_overload(sig, target_context)
            if found is not None:
                self._unlock()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled form, and let those go on that wait for it."""
        try:
            self._store.save_overload(sig, data)
        finally:
            self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class Linked(Kept):
    """The forms of one function on disk, for other kernels to link."""

    _form = _Linked


def _used(form: Any) -> tuple[Any, ...]:
    """Return what machine code points at, beside its own; most of what was linked into it only names what it has."""
    named = Counter(_ENVIRONMENT.findall(str(form.library._final_module)))
    found = form._find_referenced_environments()
    return tuple(x for x in found if named[x.env_name] > 1 and x is not form.environment)


def _point_at(environments: tuple[Any, ...], codegen: Any) -> None:
    """Let machine code find what was linked into it."""
    for environment in environments:
        codegen.set_env(environment.env_name, environment)


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
