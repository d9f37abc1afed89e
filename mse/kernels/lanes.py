"""Four or eight numbers side by side: vector registers, so that as many models are fitted in the time of one.

numba does not pack scalars into vectors (its SLP pass is off) and cannot see that two rows of one array do
not overlap, so lanes are types of their own: ``a * b + c`` on lanes is one instruction. Entry i of an array with one
axis is four lanes, ``x[4 i : 4 i + 4]``, and row i of an array (n, 8) is eight; where registers hold four, LLVM takes
two. What is a single number stands for as many. With ``NUMBA_DISABLE_JIT=1`` lanes are NumPy arrays and the same code
runs in plain Python.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

LANES = 4
WIDE = 8
# adding this to a double rounds it to a whole number, which is left in its low bits
ROUND = 6755399441055744.0

type Lanes = NDArray[np.float64]


def _plain_load(x: NDArray[np.float64], index: int) -> Lanes:
    """Return the numbers of entry `index`."""
    return x[index].copy() if x.ndim == 2 else x[LANES * index : LANES * index + LANES].copy()


def _plain_store(x: NDArray[np.float64], index: int, value: Lanes) -> None:
    """Write the numbers of entry `index`."""
    if x.ndim == 2:
        x[index] = value
    else:
        x[LANES * index : LANES * index + LANES] = value


def _plain_gather(x: NDArray[np.float64], a: int, b: int, c: int, d: int) -> Lanes:
    """Return four single numbers of `x` as lanes."""
    return x[[a, b, c, d]]


def _plain_pick(x: NDArray[np.float64], places: NDArray[np.int64], row: int) -> Lanes:
    """Return eight single numbers of `x`, (n, 8): those at ``places[row]`` in it laid flat."""
    found: Lanes = np.take(x, places[row])
    return found


def _plain_pick_both(x: NDArray[np.float64], places: NDArray[np.int64], row: int, other: int) -> Lanes:
    """Return what `pick` does of entry s xor t of each lane, s and t the entries at two rows of `places`."""
    found: Lanes = np.take(x, places[row] ^ places[other] ^ np.arange(WIDE))
    return found


def _plain_put(x: NDArray[np.float64], places: NDArray[np.int64], row: int, value: Lanes) -> None:
    """Write eight lanes to where `pick` reads them."""
    x.reshape(-1)[places[row]] = value


def _plain_spread(value: float) -> Lanes:
    """Return four times the same number."""
    return np.full(LANES, value)


def _plain_spread_wide(value: float) -> Lanes:
    """Return eight times the same number."""
    return np.full(WIDE, value)


def _plain_two_to(value: Lanes) -> Lanes:
    """Return 2^k of whole numbers k to which `ROUND` was added."""
    return np.exp2(value - ROUND)


def _plain_clip(value: Lanes, lowest: Lanes | float, highest: Lanes | float) -> Lanes:
    """Cut off each number at both ends; what is not a number becomes the lowest."""
    return np.fmin(np.fmax(value, lowest), highest)


if TYPE_CHECKING:
    load = _plain_load
    store = _plain_store
    gather = _plain_gather
    pick = _plain_pick
    pick_both = _plain_pick_both
    put = _plain_put
    spread = _plain_spread
    spread_wide = _plain_spread_wide
    two_to = _plain_two_to
    clip = _plain_clip
else:
    import operator

    from llvmlite import ir
    from numba import config, types
    from numba.core.typing.templates import AbstractTemplate, infer_global, signature
    from numba.extending import intrinsic, lower_builtin, models, register_model

    class _LanesType(types.Type):
        """The numba type of so many lanes."""

        def __init__(self, width):
            self.width = width
            super().__init__(name=f"Lanes({width})")

        @property
        def vector(self):
            """What they are to LLVM."""
            return ir.VectorType(ir.DoubleType(), self.width)

    _FOUR, _EIGHT = _LanesType(LANES), _LanesType(WIDE)
    _INDEX, _SHORT = ir.IntType(64), ir.IntType(32)
    _INDICES = ir.VectorType(_INDEX, WIDE)

    @register_model(_LanesType)
    class _LanesModel(models.PrimitiveModel):
        """Lanes are held as one LLVM vector."""

        def __init__(self, manager, kind):
            super().__init__(manager, kind, kind.vector)

    def _data(context, builder, kind, array):
        """Return the address of what an array holds."""
        return context.make_array(kind)(context, builder, array).data

    def _pointer(context, builder, sig, args, vector):
        """Return the address of entry ``args[1]`` of array ``args[0]`` as a pointer to a vector."""
        index = context.cast(builder, args[1], sig.args[1], types.int64)
        offset = builder.mul(index, ir.Constant(_INDEX, vector.count))
        return builder.bitcast(builder.gep(_data(context, builder, sig.args[0], args[0]), [offset]),
                               vector.as_pointer())  # fmt: skip

    def _repeated(builder, number, vector):
        """Return a vector of the same number."""
        lanes = ir.Constant(vector, ir.Undefined)
        for lane in range(vector.count):
            lanes = builder.insert_element(lanes, number, ir.Constant(_SHORT, lane))
        return lanes

    def _as_lanes(context, builder, value, kind, wanted):
        """Return lanes as they are, and a single number as lanes."""
        if isinstance(kind, _LanesType):
            return value
        return _repeated(builder, context.cast(builder, value, kind, types.float64), wanted.vector)

    def _gathered(context, builder, kind, array, places):
        """Return the numbers of an array at a vector of places."""
        start = _repeated(builder, builder.ptrtoint(_data(context, builder, kind, array), _INDEX), _INDICES)
        bytes_on = builder.shl(places, ir.Constant(_INDICES, [3] * WIDE))
        pointers = ir.VectorType(ir.DoubleType().as_pointer(), WIDE)
        mask = ir.VectorType(ir.IntType(1), WIDE)
        gathering = builder.module.declare_intrinsic(
            f"llvm.masked.gather.v{WIDE}f64.v{WIDE}p0",
            fnty=ir.FunctionType(_EIGHT.vector, [pointers, _SHORT, mask, _EIGHT.vector]),
        )
        return builder.call(gathering, [
            builder.inttoptr(builder.add(start, bytes_on), pointers), ir.Constant(_SHORT, 8),
            ir.Constant(mask, [1] * WIDE), ir.Constant(_EIGHT.vector, ir.Undefined),
        ])  # fmt: skip

    def _row(context, builder, sig, args, at):
        """Return the row of `places`, ``args[1]``, that argument `at` tells."""
        pointer = _pointer(context, builder, signature(types.none, sig.args[1], sig.args[at]), [args[1], args[at]],
                           _INDICES)  # fmt: skip
        return builder.load(pointer, align=8)

    @intrinsic
    def load(typing, x, index):
        """Return the numbers of entry `index`."""
        kind = _EIGHT if x.ndim == 2 else _FOUR

        def emit(context, builder, sig, args):
            return builder.load(_pointer(context, builder, sig, args, kind.vector), align=8)

        return signature(kind, x, index), emit

    @intrinsic
    def store(typing, x, index, value):
        """Write the numbers of entry `index`."""
        kind = _EIGHT if x.ndim == 2 else _FOUR

        def emit(context, builder, sig, args):
            builder.store(args[2], _pointer(context, builder, sig, args, kind.vector), align=8)
            return context.get_dummy_value()

        return signature(types.none, x, index, kind), emit

    @intrinsic
    def gather(typing, x, a, b, c, d):
        """Return four single numbers of `x` as lanes."""

        def emit(context, builder, sig, args):
            data = _data(context, builder, sig.args[0], args[0])
            lanes = ir.Constant(_FOUR.vector, ir.Undefined)
            for lane in range(LANES):
                index = context.cast(builder, args[1 + lane], sig.args[1 + lane], types.int64)
                number = builder.load(builder.gep(data, [index]))
                lanes = builder.insert_element(lanes, number, ir.Constant(_SHORT, lane))
            return lanes

        return signature(_FOUR, x, a, b, c, d), emit

    @intrinsic
    def pick(typing, x, places, row):
        """Return eight single numbers of `x`, (n, 8): those at ``places[row]`` in it laid flat."""

        def emit(context, builder, sig, args):
            return _gathered(context, builder, sig.args[0], args[0], _row(context, builder, sig, args, 2))

        return signature(_EIGHT, x, places, row), emit

    @intrinsic
    def pick_both(typing, x, places, row, other):
        """Return what `pick` does of entry s xor t of each lane, s and t the entries at two rows of `places`."""

        def emit(context, builder, sig, args):
            both = builder.xor(_row(context, builder, sig, args, 2), _row(context, builder, sig, args, 3))
            own = ir.Constant(_INDICES, list(range(WIDE)))
            return _gathered(context, builder, sig.args[0], args[0], builder.xor(both, own))

        return signature(_EIGHT, x, places, row, other), emit

    @intrinsic
    def put(typing, x, places, row, value):
        """Write eight lanes to where `pick` reads them."""

        def emit(context, builder, sig, args):
            data, at = _data(context, builder, sig.args[0], args[0]), _row(context, builder, sig, args, 2)
            for lane in range(WIDE):
                which = ir.Constant(_SHORT, lane)
                place = builder.gep(data, [builder.extract_element(at, which)])
                builder.store(builder.extract_element(args[3], which), place)
            return context.get_dummy_value()

        return signature(types.none, x, places, row, value), emit

    @intrinsic
    def spread(typing, value):
        """Return four times the same number."""

        def emit(context, builder, sig, args):
            return _as_lanes(context, builder, args[0], sig.args[0], _FOUR)

        return signature(_FOUR, value), emit

    @intrinsic
    def spread_wide(typing, value):
        """Return eight times the same number."""

        def emit(context, builder, sig, args):
            return _as_lanes(context, builder, args[0], sig.args[0], _EIGHT)

        return signature(_EIGHT, value), emit

    @intrinsic
    def two_to(typing, value):
        """Return 2^k of whole numbers k to which `ROUND` was added."""

        def emit(context, builder, sig, args):
            whole = ir.VectorType(_INDEX, value.width)
            bits = builder.bitcast(args[0], whole)
            biased = builder.add(bits, ir.Constant(whole, [1023] * value.width))
            return builder.bitcast(builder.shl(biased, ir.Constant(whole, [52] * value.width)), value.vector)

        return signature(value, value), emit

    @intrinsic
    def clip(typing, value, lowest, highest):
        """Cut off each number at both ends; what is not a number becomes the lowest."""

        def emit(context, builder, sig, args):
            low, high = (_as_lanes(context, builder, args[i], sig.args[i], value) for i in (1, 2))
            above = builder.fcmp_ordered(">", args[0], low)
            raised = builder.select(above, args[0], low)
            below = builder.fcmp_ordered("<", raised, high)
            return builder.select(below, raised, high)

        return signature(value, value, lowest, highest), emit

    def _define(symbol, instruction):
        """Give lanes one arithmetic operator; a product may be contracted into a fused multiply-add."""

        @infer_global(symbol)
        class _Typing(AbstractTemplate):
            def generic(self, args, kws):
                kinds = {x for x in args if isinstance(x, _LanesType)}
                single = all(x in kinds or x in (types.float64, types.int64) for x in map(types.unliteral, args))
                if len(args) == 2 and len(kinds) == 1 and single:
                    return signature(kinds.pop(), *map(types.unliteral, args))
                return None

        def emit(context, builder, sig, args):
            both = [_as_lanes(context, builder, x, kind, sig.return_type)
                    for x, kind in zip(args, sig.args, strict=True)]  # fmt: skip
            return getattr(builder, instruction)(*both, flags=("contract",))

        for kinds in ((_LanesType, _LanesType), (_LanesType, types.Number), (types.Number, _LanesType)):
            lower_builtin(symbol, *kinds)(emit)

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
        pick = _plain_pick
        pick_both = _plain_pick_both
        put = _plain_put
        spread = _plain_spread
        spread_wide = _plain_spread_wide
        two_to = _plain_two_to
        clip = _plain_clip
