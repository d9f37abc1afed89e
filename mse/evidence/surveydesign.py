"""What a sample survey is: its design, and its respondents, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt

from mse.errors import InputError, Problem, names_of
from mse.kernels.arrays import Array, Integers
from mse.settings.specchecks import Placed, check_spec
from mse.settings.specfields import Between
from mse.words.said import Said, said, verbatim

Replication = Literal["brr", "fay", "jk1", "jkn", "bootstrap"]
Calibration = Literal["raking", "greg"]
Factor = Annotated[float, Between(0)]


@dataclass(frozen=True, slots=True)
class SurveyDesign:
    """Which columns of microdata say what, and how weights are used.

    Parameters
    ----------
    outcome : str
        Column with 0 or 1. Empty for whoever did not answer, who then counts for the design but not for the rate.
    weight : str or None
        Column of weights above 0. How many persons the respondent stands for, up to a factor; all alike when None.
    stratum : str or None
        Column of strata of the sample. One when None.
    psu : str or None
        Column of primary sampling units. Schools, municipalities, numbered within strata; every respondent when None.
    by : tuple of str
        Column whose levels get a rate each, crossed where there are several.
    fpc : str or None
        Column for the finite population. Share of the units of the stratum that was drawn, or, above 1, how many units
        it has; the same throughout a stratum.
    replicates : str or None
        What the names of columns of replicate weights start with, before a number. They replace strata and units.
    replication : {"brr", "fay", "jk1", "jkn", "bootstrap"} or None
        How replicate weights were made, which gives the factor of each.
    rho : float
        Fay's coefficient, of ``replication = "fay"``.
    factors : Path or None
        CSV file with the factor of each replicate, columns replicate and factor; ``"jkn"`` without strata needs it.
    compare : str or None
        Column of `by` whose levels are compared, two and two: differences and ratios.
    totals : Path or None
        CSV file of known totals, columns variable, level and total, to which weights are calibrated.
    calibration : {"raking", "greg"}
        How weights are calibrated: multiplicatively, or linearly (generalised regression).
    bounds : tuple of float or None
        Lowest and highest factor by which calibration may change a weight.
    mode : str or None
        Column that says how an answer was given, whose effect is taken out by a weighted logistic model.
    reference : str or None
        Level of `mode` to which rates are standardised.
    known : str or None
        Column with 1 or 0 of whoever has the outcome: known to a register or organisation.
    """

    outcome: str
    weight: str | None = None
    stratum: str | None = None
    psu: str | None = None
    by: tuple[str, ...] = ()
    fpc: str | None = None
    replicates: str | None = None
    replication: Replication | None = None
    rho: Annotated[float, Between(0, 1, below=True)] = 0.5
    factors: Path | None = None
    compare: str | None = None
    totals: Path | None = None
    calibration: Calibration = "raking"
    bounds: tuple[Factor, Factor] | None = None
    mode: str | None = None
    reference: str | None = None
    known: str | None = None

    def __post_init__(self) -> None:
        """Check every setting."""
        check_spec(self, InputError)

    def together(self) -> Placed:
        """Yield what does not fit together."""

        def lacks(name: str, other: str) -> tuple[tuple[str], Problem]:
            return (name,), Problem(said("found.setting_needs_other", name=name, other=other),
                                    said("allowed.both_or_neither"), said("do.give_other", other=other))  # fmt: skip

        if (self.replicates is None) != (self.replication is None):
            yield lacks("replicates", "replication") if self.replicates else lacks("replication", "replicates")
        if self.compare is not None and self.compare not in self.by:
            yield (
                ("compare",),
                Problem(said("found.compare_not_grouping"), names_of(self.by), said("do.name_by"), value=self.compare),
            )
        if self.bounds is not None and self.totals is None:
            yield lacks("bounds", "totals")
        if self.bounds is not None and not self.bounds[0] < 1 < self.bounds[1]:
            yield ("bounds",), Problem(said("found.bounds_do_not_hold_1"), said("allowed.bounds_around_1"),
                                       said("do.correct"), value=str(self.bounds))  # fmt: skip
        if (self.mode is None) != (self.reference is None):
            yield lacks("mode", "reference") if self.mode else lacks("reference", "mode")

    def columns(self) -> tuple[tuple[Said, str], ...]:
        """Return what the named columns are, and their names."""
        roles = (
            (said("what.outcome"), self.outcome), (said("what.weight"), self.weight),
            (said("what.stratum"), self.stratum), (said("what.psu"), self.psu), (said("what.fpc"), self.fpc),
            (said("what.mode"), self.mode), (said("what.known"), self.known),
        )  # fmt: skip
        return (*((role, name) for role, name in roles if name is not None), *((verbatim(x), x) for x in self.by))


@dataclass(frozen=True, slots=True, eq=False)
class Respondents:
    """Microdata of a survey, checked; n respondents.

    Parameters
    ----------
    outcome : float64 array, shape (n,)
        0 or 1; not a number for no answer.
    weight : float64 array, shape (n,)
        Above 0.
    psu, stratum : int64 array, shape (n,)
        Primary sampling unit, numbered over all strata from 0; stratum of each respondent, from 0.
    groups : mapping of str to tuple of str, each of length n
        Level by grouping column.
    drawn : float64 array, shape (strata,), or None
        Share of the units of each stratum that was drawn; None: as if drawn with replacement.
    replicates : float64 array, shape (n, R), or None
        Replicate weights; strata and units then count for degrees of freedom alone.
    factors : float64 array, shape (R,), or None
        Of the squared deviation of each replicate.
    others : mapping of str to tuple of str, each of length n
        Further columns: those of known totals, the mode.
    known : float64 array, shape (n,), or None
        Whether somebody with the outcome was known; not a number where not asked or answered.
    """

    outcome: Array
    weight: Array
    psu: Integers
    stratum: Integers
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    drawn: Array | None = None
    replicates: Array | None = None
    factors: Array | None = None
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    known: Array | None = None

    def __post_init__(self) -> None:
        """Freeze the arrays, and check that every stratum holds two primary sampling units.

        Raises
        ------
        InputError
            Otherwise: nothing is known about the variance within such a stratum.
        """
        for name in ("outcome", "weight", "psu", "stratum", "drawn", "replicates", "factors", "known"):
            given = getattr(self, name)
            if given is not None:
                array = np.array(given)
                array.setflags(write=False)
                object.__setattr__(self, name, array)
        for name in ("groups", "others"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        whole = np.zeros(int(self.stratum.max()) + 1) if self.drawn is None else self.drawn
        lonely = int(((np.bincount(self.strata_of_units()) == 1) & (whole < 1)).sum())
        if lonely and self.replicates is None:
            raise InputError(
                Problem(said("found.strata_sample_hold_one", lonely=lonely), said("allowed.two_more_each"),
                        said("do.put_such_stratum_together"))
            )  # fmt: skip

    def strata_of_units(self) -> Integers:
        """Return the stratum of every unit."""
        stratum_of = np.zeros(int(self.psu.max()) + 1, dtype=np.int64)
        stratum_of[self.psu] = self.stratum
        return stratum_of


def make_respondents(
    outcome: npt.ArrayLike,
    weight: npt.ArrayLike,
    stratum: Sequence[object],
    psu: Sequence[object],
    groups: Mapping[str, Sequence[object]] | None = None,
    **more: Any,
) -> Respondents:
    """Build microdata from columns of one length; the same name of a unit in two strata is two units.

    `more` are further fields of `Respondents`; strata are numbered in the order in which they come.
    """
    strata = {name: i for i, name in enumerate(dict.fromkeys(stratum))}
    units = {name: i for i, name in enumerate(dict.fromkeys(zip(stratum, psu, strict=True)))}
    return Respondents(
        np.asarray(outcome, dtype=np.float64),
        np.asarray(weight, dtype=np.float64),
        np.array([units[pair] for pair in zip(stratum, psu, strict=True)], dtype=np.int64),
        np.array([strata[name] for name in stratum], dtype=np.int64),
        {dim: tuple(map(str, levels)) for dim, levels in (groups or {}).items()},
        **more,
    )
