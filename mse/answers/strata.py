"""Draws of N for every stratum: parts that add up to the total in every draw."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from mse.answers import quantities
from mse.answers.notebook import Picture, drawn
from mse.answers.storedgroups import Layout
from mse.errors import ModelError, Problem, names_of
from mse.kernels.arrays import Array, Integers
from mse.words.said import Said, from_json, said, to_json, verbatim

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from mse.answers.storedgroups import Group, Variables


ALL = "all"
"""Stands in the column of a dimension that is summed over."""

EMPTY = said("flag.unregistered")
"""Flag of a stratum that is no part of the total."""


@dataclass(frozen=True, slots=True, eq=False)
class StrataDraws:
    """The law of N by stratum; S strata in C order of the dimensions, D draws.

    Parameters
    ----------
    dimensions : mapping of str to tuple of str
        Dimensions and their levels.
    draws : int64 array, shape (D, S)
        Persons; each row sums to the total of that draw.
    point : float64 array, shape (S,)
        What is reported, persons.
    observed : int64 array, shape (S,)
        Persons known to belong to the stratum.
    covariance : float64 array, shape (S, S)
        Of `point` by the delta method, persons squared; NaN where the method has none.
    flags : tuple of tuple of Said, length S
        What should be said of a stratum before its number is used; empty for nothing.
    chains : int
        The draws are those of this many chains of equal length, one after the other; 0 when they are independent.
    unlabelled : int64 array or None
        Persons with a missing label, in C order of the levels of every dimension with one more at its end, for "not
        known"; they are in no `observed` of a stratum, and in that of every margin whose labels they have. None
        where nobody's label is missing.

    Raises
    ------
    ModelError
        When the shapes do not fit each other.
    """

    dimensions: Mapping[str, tuple[str, ...]]
    draws: Integers
    point: Array
    observed: Integers
    covariance: Array
    flags: tuple[tuple[Said, ...], ...]
    chains: int = 0
    unlabelled: Integers | None = None

    def __post_init__(self) -> None:
        """Copy the arrays in, make them read-only, and check their shapes."""
        dimensions = {str(dim): tuple(map(str, levels)) for dim, levels in self.dimensions.items()}
        s = math.prod(map(len, dimensions.values()))
        object.__setattr__(self, "dimensions", MappingProxyType(dimensions))
        object.__setattr__(self, "flags", tuple(self.flags))
        for name, kind, shape in (
            ("draws", np.int64, (len(self.draws), s)),
            ("point", np.float64, (s,)),
            ("observed", np.int64, (s,)),
            ("covariance", np.float64, (s, s)),
        ):
            array = np.array(getattr(self, name), dtype=kind)
            if array.shape != shape or len(self.flags) != s:
                found = said("found.strata_has_shape_flags", name=name, shape=str(array.shape), flags=len(self.flags))
                raise ModelError(
                    Problem(
                        found, said("allowed.strata", shape=str(shape), s=s), said("do.name_dimensions_arrays_have")
                    )
                )
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if self.unlabelled is not None:
            missing = np.array(self.unlabelled, dtype=np.int64).reshape([len(x) + 1 for x in dimensions.values()])
            missing.setflags(write=False)
            object.__setattr__(self, "unlabelled", missing.ravel() if missing.any() else None)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle through the constructor: a read-only mapping cannot be pickled."""
        return (
            StrataDraws,
            (dict(self.dimensions), self.draws, self.point, self.observed, self.covariance, self.flags, self.chains,
             self.unlabelled),
        )  # fmt: skip

    def __repr__(self) -> str:
        """One line: the dimensions with how many levels they have."""
        dims = " x ".join(f"{dim} ({len(levels)})" for dim, levels in self.dimensions.items()) or "the total"
        return f"<StrataDraws {dims}; {len(self.draws):,} draws>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: every stratum with its number and interval."""
        frame = self.to_pandas(*self.dimensions, prob=0.95)
        shown = frame[[*self.dimensions, "observed", "point", "low", "high"]].round()
        return str(shown.to_html(index=False, max_rows=30, float_format="{:,.0f}".format))

    def plot(self, kind: str | None = None, *, language: str = "en") -> Picture:
        """Return a figure as the report draws it, see `mse.plot`: ``"trend"`` over years, or ``"strata"``."""
        return drawn(self, kind, language)

    @property
    def n_strata(self) -> int:
        """Number of strata, S."""
        return int(self.point.size)

    def names(self) -> tuple[str, ...]:
        """Return a name for every stratum, ``"2019, f"``."""
        return tuple(", ".join(levels) for levels in itertools.product(*self.dimensions.values()))

    def margin(self, *dims: str) -> StrataDraws:
        """Return the strata summed to some dimensions, in the order of the table; to the total when none is named.

        Raises
        ------
        ModelError
            When a dimension is unknown.
        """
        unknown = [dim for dim in dims if dim not in self.dimensions]
        if unknown:
            allowed = names_of(self.dimensions, said("allowed.none_no_dimensions"))
            raise ModelError(
                [
                    Problem(said("found.no_dimension_strata", x=repr(x)), allowed, said("do.correct_name"))
                    for x in unknown
                ]
            )
        kept = {dim: levels for dim, levels in self.dimensions.items() if dim in dims}
        into = np.zeros((self.n_strata, math.prod(map(len, kept.values()))))
        index = np.indices([len(levels) for levels in self.dimensions.values()]).reshape(len(self.dimensions), -1)
        place = np.zeros(self.n_strata, dtype=np.int64)
        for dim, at in zip(self.dimensions, index, strict=True):
            if dim in kept:
                place = place * len(kept[dim]) + at
        into[np.arange(self.n_strata), place] = 1.0
        whole = into.astype(np.int64)
        flags = tuple(
            tuple(dict.fromkeys(x for said, at in zip(self.flags, place, strict=True) if at == new for x in said))
            for new in range(into.shape[1])
        )
        observed, unlabelled = self.observed @ whole, None
        if self.unlabelled is not None:
            shape = [len(levels) + 1 for levels in self.dimensions.values()]
            gone = tuple(i for i, dim in enumerate(self.dimensions) if dim not in kept)
            unlabelled = np.array(self.unlabelled.reshape(shape).sum(axis=gone))
            known = tuple(slice(0, len(levels)) for levels in kept.values())
            observed = observed + unlabelled[known].ravel()
            unlabelled[known] = 0
        draws = self.draws if len(kept) == len(self.dimensions) else self.draws @ whole
        return StrataDraws(
            kept, draws, self.point @ into, observed, into.T @ self.covariance @ into, flags,
            self.chains, unlabelled,
        )  # fmt: skip

    # ---- derived quantities: methods that are written in quantities.py ----------------------------------

    size = quantities.size
    share = quantities.share
    ratio = quantities.ratio
    rate = quantities.rate
    change = quantities.change

    # ---- tables and files -------------------------------------------------------------------------------

    def to_pandas(self, *dims: str, prob: float) -> pd.DataFrame:
        """Return one row per stratum, or per level of a margin.

        Parameters
        ----------
        *dims : str
            Dimensions of the margin; all of them when none is named (``margin()`` gives the total).
        prob : float
            Probability of the intervals.

        Returns
        -------
        DataFrame
            The dimensions; ``observed``; ``point``; ``low``, ``high`` (equal-tailed, from the draws); ``se``,
            ``delta_low``, ``delta_high`` (log-normal, delta method); ``prob``; ``flag`` (in English) and ``said`` (the
            same as codes with values, JSON).
        """
        import pandas as pd

        part = self.margin(*dims) if dims else self
        low, high = np.quantile(part.draws, [(1 - prob) / 2, (1 + prob) / 2], axis=0)
        ends = part.delta_intervals(prob)
        rows = list(itertools.product(*part.dimensions.values()))
        columns: dict[str, object] = {dim: [row[i] for row in rows] for i, dim in enumerate(part.dimensions)}
        columns |= {"observed": part.observed, "point": part.point, "low": low, "high": high}
        columns |= {"se": np.sqrt(np.diag(part.covariance)), "delta_low": ends[:, 0], "delta_high": ends[:, 1]}
        flags = ["; ".join(map(str, said)) for said in part.flags]
        codes = [to_json([("flag", said)]) if said else "" for said in part.flags]
        return pd.DataFrame({**columns, "prob": prob, "flag": flags, "said": codes})

    def delta_intervals(self, prob: float) -> Array:
        """Return log-normal intervals n + n_0 exp(∓z √ln(1 + se²/n_0²)), shape (S, 2)."""
        z = NormalDist().inv_cdf(0.5 + prob / 2.0)
        unseen = self.point - self.observed
        with np.errstate(divide="ignore", invalid="ignore"):
            log_sd = np.where(unseen > 0, np.sqrt(np.log1p(np.diag(self.covariance) / unseen**2)), 0.0)
        return np.stack([self.observed + unseen * np.exp(sign * z * log_sd) for sign in (-1, 1)], axis=1)

    def stored(self, chains: int) -> tuple[Variables, Layout]:
        """Return what a file holds of the draws, ``N_stratum`` over chain, draw and the dimensions, and the rest.

        Parameters
        ----------
        chains : int
            Chains of equal length; draws beyond a multiple of it are left out.
        """
        keep = len(self.draws) // chains * chains
        shape = tuple(len(levels) for levels in self.dimensions.values())
        dims = tuple(map(_stored, self.dimensions))
        coords = {
            dim: ((dim,), np.array(levels, dtype=object))
            for dim, levels in zip(dims, self.dimensions.values(), strict=True)
        }
        flags = np.array([to_json([("flag", x)]) if x else "" for x in self.flags], dtype=object)
        missing = {} if self.unlabelled is None else {"unlabelled": (("label_combination",), self.unlabelled)}
        drawn = {"N_stratum": (("chain", "draw", *dims), self.draws[:keep].reshape(chains, -1, *shape)), **coords}
        rest = {
            **missing, "point": (dims, self.point.reshape(shape)), "observed": (dims, self.observed.reshape(shape)),
            "covariance": (("stratum", "stratum_2"), self.covariance), "flag": (("stratum",), flags), **coords,
        }  # fmt: skip
        return drawn, Layout(rest, {"chains": self.chains, "dims": json.dumps(list(self.dimensions))})

    @classmethod
    def from_stored(cls, draws: npt.NDArray[Any], rest: Group, dims: Sequence[str]) -> StrataDraws:
        """Build from what `stored` gave: the variable ``N_stratum``, the group with the rest, the dimensions."""
        dimensions = {dim: tuple(map(str, rest[_stored(dim)])) for dim in dims}
        s = math.prod(map(len, dimensions.values()))
        return cls(
            dimensions,
            draws.reshape(-1, s),
            rest["point"].reshape(s),
            rest["observed"].reshape(s),
            rest["covariance"],
            tuple(map(_flags, rest["flag"])),
            int(rest.attrs.get("chains", 0)),
            rest["unlabelled"] if "unlabelled" in rest else None,
        )


def _flags(text: object) -> tuple[Said, ...]:
    """Return what a file says of a stratum; older files have words, with a semicolon between them."""
    stored = str(text)
    if stored.startswith("{"):
        return from_json(stored)["flag"]
    return tuple(verbatim(part) for part in stored.split("; ") if part)


def _stored(dim: str) -> str:
    """Return the name of a dimension in a file, where some names are taken."""
    return f"{dim}_" if dim in ("chain", "draw", "stratum", "stratum_2", "N", "N_stratum") else dim


def time_dimension(dimensions: Mapping[str, tuple[str, ...]], named: str | None) -> str | None:
    """Return the dimension that is time: the one that is named, else `year`, else one whose levels are all years."""
    if named in dimensions:
        return named
    years = [d for d, levels in dimensions.items() if all(re.fullmatch(r"\d{4}", x) for x in levels)]
    several = [dim for dim in years if len(dimensions[dim]) > 1]
    return "year" if "year" in several else next(iter(several), None)


def shown_margins(dimensions: Sequence[str], time: str | None) -> tuple[tuple[str, ...], ...]:
    """Return the margins that are published: the total, every dimension, and every dimension by time."""
    crossed = [tuple(d for d in dimensions if d in (time, dim)) for dim in dimensions if time and dim != time]
    return ((), *((dim,) for dim in dimensions), *crossed)
