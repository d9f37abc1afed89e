"""What is derived from the draws of N by stratum: sizes, shares, ratios, rates and changes, each with its own draws.

Everything is computed draw by draw, so that parts that vary together are compared as they vary together: a share, a
ratio or a change between years is as sure as the draws make it, which separate intervals cannot tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from mse.errors import InputError, ModelError, Problem
from mse.kernels.arrays import Array, Flags, Integers
from mse.tables.levels import Where, selected
from mse.words.said import said

if TYPE_CHECKING:
    from mse.tables.population import Population

Unit = Literal["persons", "share", "ratio", "per 100,000"]


class Drawn(Protocol):
    """What these functions read of draws by stratum: `StrataDraws` describes both."""

    @property
    def dimensions(self) -> Mapping[str, tuple[str, ...]]: ...  # noqa: D102
    @property
    def draws(self) -> Integers: ...  # noqa: D102


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """A number with its draws.

    Parameters
    ----------
    name : str
        What it is, in words.
    unit : str
        ``"persons"``, ``"share"`` (0 to 1), ``"ratio"`` or ``"per 100,000"``.
    draws : float64 array, shape (D,)
        In that unit; not a number in draws where a denominator is zero.
    """

    name: str
    unit: Unit
    draws: Array

    def __post_init__(self) -> None:
        """Copy the draws in and make them read-only."""
        draws = np.array(self.draws, dtype=np.float64)
        draws.setflags(write=False)
        object.__setattr__(self, "draws", draws)

    def __repr__(self) -> str:
        """One line: middle and ends."""
        low, high = self.interval(0.95)
        return f"<{self.name}: {self.point:,.4g} (95%: {low:,.4g} to {high:,.4g}) {self.unit}>"

    @property
    def undefined(self) -> float:
        """Share of the draws without a value, because a denominator is zero; they are left out of everything else."""
        return float(np.isnan(self.draws).mean())

    @property
    def point(self) -> float:
        """Median of the draws; not a number when no draw has a value."""
        return float(np.median(self._defined())) if self.undefined < 1.0 else float("nan")

    def interval(self, prob: float) -> tuple[float, float]:
        """Return the ends of the equal-tailed interval with this probability.

        Raises
        ------
        InputError
            When `prob` is not strictly between 0 and 1.
        """
        if not 0.0 < prob < 1.0:
            raise InputError(
                Problem(said("found.probability_interval_out_range"), said("allowed.number_between_0_1"),
                        said("do.ask_example_0_95"), value=str(prob))
            )  # fmt: skip
        if self.undefined == 1.0:
            return float("nan"), float("nan")
        low, high = np.quantile(self._defined(), [(1.0 - prob) / 2.0, (1.0 + prob) / 2.0])
        return float(low), float(high)

    def probability(self, *, below: float | None = None, above: float | None = None) -> float:
        """Return the probability that the quantity is below, above, or between two values (ends excluded).

        Raises
        ------
        InputError
            When neither is given.
        """
        if below is None and above is None:
            raise InputError(
                Problem(said("found.no_value_given_hold"), said("allowed.below_above_both"),
                        said("do.ask_example_probability_below"))
            )  # fmt: skip
        draws = self._defined()
        inside = np.ones(draws.size, dtype=np.bool_)
        if below is not None:
            inside &= draws < below
        if above is not None:
            inside &= draws > above
        return float(inside.mean()) if draws.size else float("nan")

    def _defined(self) -> Array:
        return self.draws[~np.isnan(self.draws)]


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """A change between two levels of a dimension, from the same draws.

    Parameters
    ----------
    dim, start, end : str
        The dimension, from where and to where.
    difference : Quantity
        End minus start, persons.
    ratio : Quantity
        End over start.
    """

    dim: str
    start: str
    end: str
    difference: Quantity
    ratio: Quantity

    @property
    def fell(self) -> float:
        """Probability that the size at the end is smaller than at the start."""
        return self.difference.probability(below=0.0)


def size(strata: Drawn, where: Where | None = None) -> Quantity:
    """Return the persons in some strata; in all of them when none are named."""
    where = where or {}
    return Quantity(f"persons{_said(where)}", "persons", _persons(strata, where))


def share(strata: Drawn, part: Where, of: Where | None = None) -> Quantity:
    """Return the share of the persons `of` some strata that are also in `part`; both are levels by dimension."""
    of = of or {}
    whole, inside = _selected(strata, of), _selected(strata, part)
    name = f"share{_said(part)} of persons{_said(of)}"
    return Quantity(name, "share", _over(_summed(strata, whole & inside), _summed(strata, whole)))


def ratio(strata: Drawn, top: Where, bottom: Where) -> Quantity:
    """Return the persons in some strata for each person in others."""
    name = f"persons{_said(top)} for each{_said(bottom)}"
    return Quantity(name, "ratio", _over(_persons(strata, top), _persons(strata, bottom)))


def rate(
    strata: Drawn, population: Population | float, where: Where | None = None, *, ignore: Sequence[str] = ()
) -> Quantity:
    """Return the persons in some strata per 100,000 of the population at risk.

    Parameters
    ----------
    strata : StrataDraws
        The draws.
    population : Population or float
        The population by its own dimensions, or the number of persons at risk itself.
    where : mapping of str to str or sequence of str, optional
        Levels by dimension, of strata and population alike; not naming a dimension of the strata takes all its levels.
    ignore : sequence of str
        Dimensions of `where` by which the population at risk is not divided: a form of exploitation, say.

    Raises
    ------
    ModelError
        When a dimension or level is unknown, to the strata or to the population, or the population is not positive.
    """
    where = where or {}
    if isinstance(population, int | float):
        at_risk = float(population)
    else:
        at_risk = population.size({dim: levels for dim, levels in where.items() if dim not in ignore})
    if not 0.0 < at_risk < np.inf:
        raise ModelError(
            Problem(said("found.population_risk_not_positive"), said("allowed.persons_more_than_0"),
                    said("do.correct_population"),
                    value=str(at_risk))
        )  # fmt: skip
    return Quantity(f"persons{_said(where)} per 100,000", "per 100,000", _persons(strata, where) / at_risk * 1e5)


def change(strata: Drawn, dim: str, start: str, end: str, where: Where | None = None) -> Change:
    """Return how the size changed between two levels of a dimension, within the strata of `where`."""
    where = where or {}
    if dim in where:
        raise ModelError(
            Problem(said("found.change_along_where_fixes", dim=repr(dim)), said("allowed.other_dimensions_where"),
                    said("do.leave_out", dim=repr(dim)))
        )  # fmt: skip
    before, after = (_persons(strata, {**where, dim: level}) for level in (start, end))
    within = f"{_said(where)} in {end} against {start}"
    return Change(
        dim, start, end,
        Quantity(f"change of persons{within}", "persons", after - before),
        Quantity(f"ratio of persons{within}", "ratio", _over(after, before)),
    )  # fmt: skip


def _selected(strata: Drawn, where: Where) -> Flags:
    return selected(strata.dimensions, where, said("what.the_strata"))


def _summed(strata: Drawn, chosen: Flags) -> Array:
    return strata.draws[:, chosen].sum(axis=1).astype(np.float64)


def _persons(strata: Drawn, where: Where) -> Array:
    return _summed(strata, _selected(strata, where))


def _over(top: Array, bottom: Array) -> Array:
    out: Array = np.divide(top, bottom, out=np.full(top.size, np.nan), where=bottom > 0)
    return out


def _said(where: Where) -> str:
    """Return the levels in words, ``" in 2019, minor"``."""
    parts = [levels if isinstance(levels, str) else " or ".join(levels) for levels in where.values()]
    return f" in {', '.join(parts)}" if parts else ""
