"""Linear and integer programmes by HiGHS: quiet from its first moment, one thread, the same on every machine."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from mse.kernels.arrays import Array, Integers

if TYPE_CHECKING:
    import highspy


class Optimum(NamedTuple):
    """What a programme came to.

    Attributes
    ----------
    value : float
        The optimum; infinite when there is none.
    at : (n,) float64
        The variables there; empty when there is none.
    """

    value: float
    at: Array


class LinearProgramme:
    """A programme that is solved again and again, each time from where it ended.

    Parameters
    ----------
    low, high : (n,) array_like
        Ends of the variables; they may be infinite.
    whole : bool
        Whether the variables are whole numbers.
    presolve : bool
        Whether HiGHS may simplify the programme and choose how to solve it, which pays for one large solution; without
        it the simplex method starts from the last basis.
    """

    def __init__(self, low: npt.ArrayLike, high: npt.ArrayLike, *, whole: bool = False, presolve: bool = False) -> None:
        self.size, self.whole = 0, np.zeros(0, dtype=bool)
        self._costs, self._low, self._high = np.zeros(0), np.zeros(0), np.zeros(0)
        self._solver = _quiet()()
        for name, value in _OPTIONS.items():
            self._solver.setOptionValue(name, value)
        if presolve:
            self._solver.setOptionValue("presolve", "on")
            self._solver.setOptionValue("solver", "choose")
        self.add_variables(low, high)
        self.set_whole(whole)

    def add_variables(self, low: npt.ArrayLike, high: npt.ArrayLike) -> None:
        """Add variables with these ends, which need not be whole."""
        ends = [np.atleast_1d(np.asarray(x, dtype=np.float64)) for x in (low, high)]
        for a, b in zip(ends[0].tolist(), ends[1].tolist(), strict=True):
            self._solver.addVar(a, b)
            self.size += 1
        self._low, self._high = np.append(self._low, ends[0]), np.append(self._high, ends[1])
        self._costs = np.append(self._costs, np.zeros(self.size - self._costs.size))
        self.whole = np.append(self.whole, np.zeros(self.size - self.whole.size, dtype=bool))

    def add_row(self, low: float, high: float, columns: npt.ArrayLike, weights: npt.ArrayLike = 1.0) -> None:
        """Add a row: the sum of some variables, each with its weight, between two ends."""
        at = np.asarray(columns, dtype=np.int32)
        of_each = np.broadcast_to(np.asarray(weights, dtype=np.float64), at.shape)
        self._solver.addRow(float(low), float(high), at.size, at, np.ascontiguousarray(of_each))

    def set_costs(self, first: int, costs: Array) -> None:
        """Change the costs of the variables from `first` on, at first 0; the solver is told of what is other alone."""
        other = np.flatnonzero(self._costs[first : first + costs.size] != costs)
        if other.size:
            self._solver.changeColsCost(other.size, (first + other).astype(np.int32), costs[other])
            self._costs[first + other] = costs[other]

    def set_ends(self, first: int, low: Array, high: Array) -> None:
        """Change the ends of the variables from `first` on; the solver is told of what is other alone."""
        here = slice(first, first + low.size)
        other = np.flatnonzero((self._low[here] != low) | (self._high[here] != high))
        if other.size:
            self._solver.changeColsBounds(other.size, (first + other).astype(np.int32), low[other], high[other])
            self._low[first + other], self._high[first + other] = low[other], high[other]

    def set_whole(self, whole: bool, number: int | None = None) -> None:
        """Ask the first so many variables (all) to be whole numbers, or allow any."""
        import highspy

        kind = highspy.HighsVarType.kInteger if whole else highspy.HighsVarType.kContinuous
        for j in np.flatnonzero(self.whole[:number] != whole).tolist():
            self._solver.changeColIntegrality(j, kind)
            self.whole[j] = whole

    def optimum(self, *, largest: bool = False) -> Optimum | None:
        """Return the least cost, or the largest; None when nothing is feasible.

        Raises
        ------
        RuntimeError
            When HiGHS finds no end.
        """
        from highspy import HighsModelStatus as Status
        from highspy import ObjSense

        solver = self._solver
        solver.changeObjectiveSense(ObjSense.kMaximize if largest else ObjSense.kMinimize)
        solver.run()
        if solver.getModelStatus() in (Status.kUnknown, Status.kSolveError):
            # from scratch once more where the last basis led nowhere
            solver.clearSolver()
            solver.run()
        status = solver.getModelStatus()
        if status == Status.kInfeasible:
            return None
        if status in (Status.kUnbounded, Status.kUnboundedOrInfeasible):
            return Optimum(math.inf if largest else -math.inf, np.zeros(0))
        if status != Status.kOptimal:
            raise RuntimeError(f"a linear programme ended with {status}")
        return Optimum(float(solver.getObjectiveValue()), np.asarray(solver.getSolution().col_value, dtype=np.float64))

    def binding(self) -> tuple[Integers, Integers]:
        """Return the rows, and the variables, whose ends keep the last optimum from being better."""
        solution = self._solver.getSolution()
        rows, columns = (np.abs(np.asarray(x)) > 1e-9 for x in (solution.row_dual, solution.col_dual))
        return np.flatnonzero(rows), np.flatnonzero(columns)


@cache
def _quiet() -> type[highspy.Highs]:
    """Return the class of HiGHS that is silent before its constructor can say anything."""
    import highspy

    class Quiet(highspy.Highs):
        """HiGHS without its banner."""

        def enableCallbacks(self) -> None:  # noqa: N802
            """Turn output off first: the constructor calls this, which from 1.16 on prints on C's standard output."""
            self.setOptionValue("output_flag", False)
            super().enableCallbacks()  # type: ignore[no-untyped-call]

    return Quiet


_OPTIONS: dict[str, bool | int | float | str] = {
    "threads": 1, "mip_rel_gap": 0.0, "presolve": "off", "solver": "simplex",
}  # fmt: skip
"""Simplex without presolve on one thread, and integer programmes to the optimum itself."""
