"""HiGHS, made in one place: quiet from its first moment, one thread, the same answer on every machine."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import highspy


def new_solver() -> highspy.Highs:
    """Return a solver of linear and integer programmes that prints nothing.

    Simplex without presolve on one thread, and integer programmes to the optimum itself.
    """
    solver = _quiet()()
    for name, value in _OPTIONS.items():
        solver.setOptionValue(name, value)
    return solver


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
