"""Four numbers side by side: one vector register, so that four models are fitted in the time of one.

numba does not pack scalars into vectors (its SLP pass is off) and cannot see that two rows of one array do
not overlap, so the lanes are a type of their own: ``a * b + c`` on lanes is one instruction. With
``NUMBA_DISABLE_JIT=1`` lanes are NumPy arrays of length four and the same code runs in plain Python.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

LANES = 4
# adding this to a double rounds it to a whole number, which is left in its low bits
ROUND = 6755399441055744.0

type Lanes = NDArray[np.float64]


def _plain_load(x: NDArray[np.float64], index: int) -> Lanes:
    """Return the four numbers of entry `index`: ``x[4·index : 4·index + 4]``."""
    return x[LANES * index : LANES * index + LANES].copy()


def _plain_store(x: NDArray[np.float64], index: int, value: Lanes) -> None:
    """Write the four numbers of entry `index`."""
    x[LANES * index : LANES * index + LANES] = value


def _plain_gather(x: NDArray[np.float64], a: int, b: int, c: int, d: int) -> Lanes:
    """Return four single numbers of `x` as lanes."""
    return x[[a, b, c, d]]


def _plain_scatter(x: NDArray[np.float64], a: int, b: int, c: int, d: int, value: Lanes) -> None:
    """Write four lanes to four places of `x`."""
    x[[a, b, c, d]] = value


def _plain_spread(value: float) -> Lanes:
    """Return four times the same number."""
    return np.full(LANES, value)


def _plain_two_to(value: Lanes) -> Lanes:
    """Return 2^k of whole numbers k to which `ROUND` was added."""
    return np.exp2(value - ROUND)


def _plain_clip(value: Lanes, lowest: Lanes, highest: Lanes) -> Lanes:
    """Cut off each number at both ends; what is not a number becomes the lowest."""
    return np.fmin(np.fmax(value, lowest), highest)


if TYPE_CHECKING:
    load = _plain_load
    store = _plain_store
    gather = _plain_gather
    scatter = _plain_scatter
    spread = _plain_spread
    two_to = _plain_two_to
    clip = _plain_clip
else:
    import operator

    from llvmlite import ir
    from numba import config, types
    from numba.core.typing.templates import AbstractTemplate, infer_global, signature
    from numba.extending import intrinsic, lower_builtin, models, register_model

    class _LanesType(types.Type):
        """The numba type of lanes."""

        def __init__(self):
            super().__init__(name="Lanes")

    _LANES = _LanesType()
    _VECTOR = ir.VectorType(ir.DoubleType(), LANES)
    _INDEX = ir.IntType(64)

    @register_model(_LanesType)
    class _LanesModel(models.PrimitiveModel):
        """Lanes are held as one LLVM vector."""

        def __init__(self, manager, kind):
            super().__init__(manager, kind, _VECTOR)

    def _pointer(context, builder, kind, array, index):
        """Return the address of entry `index` as a pointer to a vector."""
        data = context.make_array(kind)(context, builder, array).data
        offset = builder.mul(index, ir.Constant(_INDEX, LANES))
        return builder.bitcast(builder.gep(data, [offset]), _VECTOR.as_pointer())

    @intrinsic
    def load(typing, x, index):
        """Return the four numbers of entry `index`."""

        def emit(context, builder, sig, args):
            index = context.cast(builder, args[1], sig.args[1], types.int64)
            return builder.load(_pointer(context, builder, sig.args[0], args[0], index), align=8)

        return signature(_LANES, x, index), emit

    @intrinsic
    def store(typing, x, index, value):
        """Write the four numbers of entry `index`."""

        def emit(context, builder, sig, args):
            index = context.cast(builder, args[1], sig.args[1], types.int64)
            address = _pointer(context, builder, sig.args[0], args[0], index)
            builder.store(args[2], address, align=8)
            return context.get_dummy_value()

        return signature(types.none, x, index, value), emit

    @intrinsic
    def gather(typing, x, a, b, c, d):
        """Return four single numbers of `x` as lanes."""

        def emit(context, builder, sig, args):
            data = context.make_array(sig.args[0])(context, builder, args[0]).data
            lanes = ir.Constant(_VECTOR, ir.Undefined)
            for lane in range(LANES):
                index = context.cast(builder, args[1 + lane], sig.args[1 + lane], types.int64)
                number = builder.load(builder.gep(data, [index]))
                lanes = builder.insert_element(lanes, number, ir.Constant(ir.IntType(32), lane))
            return lanes

        return signature(_LANES, x, a, b, c, d), emit

    @intrinsic
    def scatter(typing, x, a, b, c, d, value):
        """Write four lanes to four places of `x`."""

        def emit(context, builder, sig, args):
            data = context.make_array(sig.args[0])(context, builder, args[0]).data
            for lane in range(LANES):
                index = context.cast(builder, args[1 + lane], sig.args[1 + lane], types.int64)
                number = builder.extract_element(args[5], ir.Constant(ir.IntType(32), lane))
                builder.store(number, builder.gep(data, [index]))
            return context.get_dummy_value()

        return signature(types.none, x, a, b, c, d, value), emit

    @intrinsic
    def spread(typing, value):
        """Return four times the same number."""

        def emit(context, builder, sig, args):
            number = context.cast(builder, args[0], sig.args[0], types.float64)
            lanes = ir.Constant(_VECTOR, ir.Undefined)
            for lane in range(LANES):
                lanes = builder.insert_element(lanes, number, ir.Constant(ir.IntType(32), lane))
            return lanes

        return signature(_LANES, value), emit

    @intrinsic
    def two_to(typing, value):
        """Return 2^k of whole numbers k to which `ROUND` was added."""

        def emit(context, builder, sig, args):
            whole = ir.VectorType(_INDEX, LANES)
            bits = builder.bitcast(args[0], whole)
            biased = builder.add(bits, ir.Constant(whole, [1023] * LANES))
            return builder.bitcast(builder.shl(biased, ir.Constant(whole, [52] * LANES)), _VECTOR)

        return signature(_LANES, value), emit

    @intrinsic
    def clip(typing, value, lowest, highest):
        """Cut off each number at both ends; what is not a number becomes the lowest."""

        def emit(context, builder, sig, args):
            above = builder.fcmp_ordered(">", args[0], args[1])
            raised = builder.select(above, args[0], args[1])
            below = builder.fcmp_ordered("<", raised, args[2])
            return builder.select(below, raised, args[2])

        return signature(_LANES, value, lowest, highest), emit

    def _define(symbol, instruction):
        """Give lanes one arithmetic operator; a product may be contracted into a fused multiply-add."""

        @infer_global(symbol)
        class _Typing(AbstractTemplate):
            def generic(self, args, kws):
                if len(args) == 2 and args[0] is _LANES and args[1] is _LANES:
                    return signature(_LANES, _LANES, _LANES)
                return None

        @lower_builtin(symbol, _LanesType, _LanesType)
        def _emit(context, builder, sig, args):
            return getattr(builder, instruction)(args[0], args[1], flags=("contract",))

    for _symbol, _inplace, _instruction in (
        (operator.add, operator.iadd, "fadd"),
        (operator.sub, operator.isub, "fsub"),
        (operator.mul, operator.imul, "fmul"),
        (operator.truediv, operator.itruediv, "fdiv"),
    ):
        _define(_symbol, _instruction)
        _define(_inplace, _instruction)

    if config.DISABLE_JIT:
        load = _plain_load
        store = _plain_store
        gather = _plain_gather
        scatter = _plain_scatter
        spread = _plain_spread
        two_to = _plain_two_to
        clip = _plain_clip
