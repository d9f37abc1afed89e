"""The population at risk, by dimensions such as year, sex and age: what rates per 100,000 are divided by."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from mse.errors import InputError, Problem, names_of
from mse.kernels.arrays import Array
from mse.tables.checks import Faults
from mse.tables.grids import Grid
from mse.tables.levels import Where, selected
from mse.tables.reading import called, source_grid
from mse.words.said import said

MOST_STRATA = 2**20
"""Combinations of levels in a table of a population."""


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Persons at risk in every stratum of a population.

    Parameters
    ----------
    dimensions : mapping of str to tuple of str
        Dimensions and their levels, named as in the table of captures.
    persons : float64 array, shape (S,)
        Persons; S runs through the product of the levels in C order.
    source : str
        Where the numbers come from, for citation.
    """

    dimensions: Mapping[str, tuple[str, ...]]
    persons: Array
    source: str = ""

    def __post_init__(self) -> None:
        """Copy the array in, make it read-only, and check its shape."""
        dimensions = {str(dim): tuple(map(str, levels)) for dim, levels in self.dimensions.items()}
        persons = np.array(self.persons, dtype=np.float64)
        wanted = (math.prod(map(len, dimensions.values())),)
        if persons.shape != wanted:
            raise InputError(
                Problem(
                    said("found.persons_has_shape", shape=str(persons.shape)),
                    names_of([wanted]),
                    said("do.name_levels_has"),
                )
            )
        persons.setflags(write=False)
        object.__setattr__(self, "dimensions", MappingProxyType(dimensions))
        object.__setattr__(self, "persons", persons)

    def size(self, where: Where | None = None) -> float:
        """Return the persons at risk in some strata, in all when none are named.

        Raises
        ------
        ModelError
            When a dimension or level is unknown.
        """
        return float(self.persons[selected(self.dimensions, where or {}, said("what.the_population"))].sum())

    @classmethod
    def from_csv(cls, path: str | Path, *, count: str = "population", source: str = "") -> Population:
        """Read a file of any kind: one column per dimension, and the persons in `count`.

        Raises
        ------
        InputError
            With every row that is wrong: a number that is none, a stratum twice, strata that are missing.
        """
        faults = Faults(called(path))
        grid = source_grid(path, faults, count)
        faults.raise_if_any()
        return cls._built(grid, count, source or Path(path).name, faults)

    @classmethod
    def from_frame(cls, frame: Any, *, count: str = "population", source: str = "") -> Population:
        """Build from a data frame; as `from_csv`, rows named by position from 0."""
        faults = Faults(said("what.population"))
        return cls._built(source_grid(frame, faults, count), count, source, faults)

    @classmethod
    def _built(cls, grid: Grid, count: str, source: str, faults: Faults) -> Population:
        place = faults.source
        number_at = _count_place(grid.header, count)
        if number_at is None:
            raise InputError(
                Problem(said("found.no_column_persons", count=repr(count)), names_of(grid.header),
                        said("do.name_column_count"), file=place)
            )  # fmt: skip
        dims = [name for i, name in enumerate(grid.header) if i != number_at]
        labels = {dim: grid.columns[grid.header.index(dim)] for dim in dims}
        levels = {dim: tuple(dict.fromkeys(labels[dim])) for dim in dims}
        if (strata := math.prod(map(len, levels.values()))) > MOST_STRATA:
            raise InputError(
                Problem(said("found.columns_beside_have_combinations", count=repr(count), strata=strata),
                        said("allowed.most_4", most_strata=MOST_STRATA), said("do.leave_out_columns_no"),
                        file=place)
            )  # fmt: skip
        index = np.full([len(x) for x in levels.values()], -1)
        values, problems = np.zeros(index.shape), []
        for i, text in enumerate(grid.columns[number_at]):
            at = tuple(levels[dim].index(labels[dim][i]) for dim in dims)
            number = _number(text)
            if number is None:
                problems.append(
                    Problem(said("found.population_not_number"), said("allowed.persons_0_more_without"),
                            said("do.correct_number"), file=place, row=grid.rows[i], column=count, value=str(text))
                )  # fmt: skip
            if index[at] >= 0:
                problems.append(
                    Problem(said("found.stratum_twice_first_row_2", rows=grid.rows[index[at]]),
                            said("allowed.one_row_each_stratum"), said("do.keep_one_them"), file=place,
                            row=grid.rows[i],
                            value=", ".join(labels[d][i] for d in dims))
                )  # fmt: skip
            index[at], values[at] = i, number or 0.0
        for gone in np.argwhere(index < 0):
            absent = ", ".join(levels[dim][j] for dim, j in zip(dims, gone, strict=True))
            problems.append(
                Problem(said("found.stratum_population_missing"), said("allowed.row_every_combination_levels"),
                        said("do.add"),
                        file=place, value=absent)
            )  # fmt: skip
        if problems:
            raise InputError(problems)
        return cls(levels, values.reshape(-1), source)


def _count_place(header: Sequence[str], count: str) -> int | None:
    """Return the place of the persons: the column of that name, whatever the case of its letters."""
    alike = [i for i, name in enumerate(header) if name.casefold() == count.casefold()]
    return header.index(count) if count in header else alike[0] if len(alike) == 1 else None


def _number(text: str) -> float | None:
    """Return a number of persons; None when it is none."""
    try:
        value = float(text.replace(",", ".") if re.fullmatch(r"\d+,\d{1,2}", text) else text)
    except ValueError:
        return None
    return value if 0.0 <= value < math.inf else None
