"""Code that is linked into a kernel before it is machine code; loaded only where something is compiled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from llvmlite import binding  # type: ignore[import-untyped]
from numba.core.codegen import JITCodeLibrary


@contextmanager
def linking_all(codegen: Any) -> Iterator[None]:
    """Make what numba compiles on the way, such as ``np.zeros``, code to be linked too; its lock is held."""
    before = codegen.create_library
    codegen.create_library = partial(Linkable, codegen)
    try:
        yield
    finally:
        codegen.create_library = before


class Linkable(JITCodeLibrary):
    """The code of one function and of those it calls, never optimised or run by itself."""

    _kept: bytes | None = None

    @classmethod
    def of(cls, codegen: Any, name: str, kept: bytes) -> Linkable:
        """Return what was kept."""
        library = cls(codegen, name)
        library._kept, library._finalized = kept, True
        return library

    @property
    def codegen(self) -> Linkable:
        """What keeps environments for machine code: there is none."""
        return self

    def set_env(self, name: str, environment: object) -> None:
        """Leave it to the machine code that this ends up in."""

    def get_pointer_to_function(self, name: str) -> int:
        """Return that there is no such machine code."""
        return 0

    def bitcode(self) -> bytes:
        """Return what is to be kept."""
        if self._kept is None:
            self._kept = self._get_module_for_linking().as_bitcode()
        return self._kept

    def _get_module_for_linking(self) -> Any:
        if self._shared_module is None and self._kept is not None:
            self._shared_module = binding.parse_bitcode(self._kept)
        return super()._get_module_for_linking()  # type: ignore[no-untyped-call]

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()  # type: ignore[no-untyped-call]
        self._finalized = True
