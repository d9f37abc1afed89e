"""What one kernel links of another: code before it is made machine code.

Numba makes of each function that a kernel calls machine code too, with a way in from Python, and optimises it once for
itself and once more in every caller. Most kernels are called by kernels alone: of those there is only what the callers
link, optimised once, where it ends up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple, cast

from mse.kernels.keeping import Linked


class Form(NamedTuple):
    """The code of a function for arguments of some types."""

    key: object
    """What stands for it in numba's table of functions."""
    signature: Any
    environment: Any
    """What machine code that the form ends up in points at."""


class Part:
    """The forms of one function for kernels that call it."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._forms: dict[tuple[Any, ...], Form] = {}

    def template(self, args: Any, kws: Mapping[str, Any]) -> Any:
        """Return how a call with arguments of these types is typed, as numba's `Dispatcher.get_call_template`.

        One form serves `True`, `0` and `1`, where numba would compile one for each that a caller writes out.
        """
        from numba.core.types.misc import unliteral
        from numba.core.typing.templates import make_concrete_template

        plain: Callable[[Any], Any] = unliteral
        args, kws = [plain(x) for x in args], {name: plain(x) for name, x in kws.items()}
        pysig, args = self._kernel._compiler.fold_argument_types(args, kws)
        name = self._kernel.py_func.__name__
        form = self._form(tuple(args))
        template = make_concrete_template(f"CallTemplate({name})", key=name, signatures=[form.signature])  # type: ignore[no-untyped-call]
        return template, pysig, args, {}

    def key(self, sig: Any) -> object:
        """Return what stands for the form of these types, as numba's `Dispatcher.get_overload`."""
        from numba.core.sigutils import normalize_signature

        return self._forms[tuple(normalize_signature(sig)[0])].key  # type: ignore[no-untyped-call]

    @cached_property
    def _kept(self) -> Linked:
        return Linked(self._kernel.py_func)

    def _form(self, args: tuple[Any, ...]) -> Form:
        from numba.core.compiler_lock import global_compiler_lock

        with global_compiler_lock:
            if args not in self._forms:
                context = self._kernel.targetctx
                found = self._kept.load_overload(args, context)
                if found is None:
                    found = self._compiled(args)
                    self._kept.save_overload(args, found)
                form = self._forms[args] = Form(object(), found.signature, found.environment)
                context.insert_user_function(form.key, found.fndesc, [found.library])
            return self._forms[args]

    def _compiled(self, args: tuple[Any, ...]) -> Any:
        return _compiled(self._kernel, args, {"no_cpython_wrapper": True}, no_compile=True)


def called_from_python(kernel: Any, args: tuple[Any, ...], return_type: Any) -> Any:
    """Compile the form that Python calls, as the compiler of numba's `Dispatcher` does."""
    return _compiled(kernel, args, {}, no_compile=False)


def _compiled(kernel: Any, args: tuple[Any, ...], options: dict[str, bool], no_compile: bool) -> Any:
    from numba.core import codegen, compiler

    from mse.kernels.linkable import Linkable, linking_all

    compiling, context = cast(Any, compiler), kernel.targetctx
    flags = compiling.Flags()
    kernel.targetdescr.options.parse_as_flags(flags, kernel.targetoptions | options)
    flags.no_compile = no_compile
    library = cast(Any, Linkable if no_compile else codegen.JITCodeLibrary)(context.codegen(), kernel.__qualname__)
    library.enable_object_caching()
    with linking_all(context.codegen()):
        return compiling.compile_extra(
            kernel.typingctx, context, kernel.py_func, args, None, flags, {}, library=library
        )
