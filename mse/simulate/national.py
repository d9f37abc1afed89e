"""A simulated nation, drawn: the truth, the persons, the registers, or only the overlap table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from mse.errors import ModelError, Problem, names_of
from mse.kernels.arrays import Integers
from mse.simulate.lists import draw_captures
from mse.simulate.registering import draw_registers
from mse.simulate.spec import SimulateSpec
from mse.simulate.victims import Population, draw_population
from mse.tables.captures import CaptureTable
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """A simulated nation: what is true, and what stands on paper.

    Parameters
    ----------
    spec : SimulateSpec
        The nation.
    seed : int
        Of everything random.
    persons : DataFrame
        One row per person and year of victimhood, seen or not: ``person`` (number), ``year``, ``form``, ``also``
        (second form, if any), ``sex``, ``age``, ``nationality``, ``region``, ``birth_year``, ``visibility``, and one
        bool column for every list.
    registers : mapping of str to DataFrame
        One row per registration, text as in the supplier's system: ``record`` (number in the register; copies
        share it), ``surname``, ``given_name``, ``birth_date``, ``sex``, ``age``, ``nationality``, ``region``, ``form``
        (two parted by ``|``), ``date``, ``entered``, ``referred_from``; and what no supplier knows: ``delivery``
        (1 or 2), ``person``. Dates are YYYY-MM-DD; a missing value is NA.
    truth : DataFrame
        Victims (``truth``) and those of them on any list (``registered``) by year, form, sex, age, nationality and
        region; only strata with victims.
    """

    spec: SimulateSpec
    seed: int
    persons: pd.DataFrame
    registers: Mapping[str, pd.DataFrame]
    truth: pd.DataFrame


def simulate(spec: SimulateSpec, *, seed: int) -> Simulated:
    """Draw a nation with its registers.

    Parameters
    ----------
    spec : SimulateSpec
        The nation, for example `mse.simulate.section.national_spec()`.
    seed : int
        Of everything random; the same seed gives the same rows.

    Raises
    ------
    ModelError
        See `mse.simulate.lists.solve`.
    """
    import pandas as pd

    population = draw_population(spec, seed)
    captures = draw_captures(spec, population, seed)
    dims = spec.levels
    columns: dict[str, object] = {"person": population.person}
    for dim, names in dims.items():
        columns[dim] = pd.Categorical.from_codes(population.codes[dim], categories=pd.Index(names), ordered=True)
        if dim == "form":
            second = np.where(population.also == population.codes["form"], -1, population.also)
            columns["also"] = pd.Categorical.from_codes(second, categories=pd.Index(names), ordered=True)
    columns |= {"birth_year": population.birth_year, "visibility": population.visibility}
    columns |= {name: captures.on[:, j] for j, name in enumerate(spec.lists)}
    stratum, strata = _stratum(population, dims), math.prod(map(len, dims.values()))
    everybody = np.bincount(stratum, minlength=strata)
    seen = np.bincount(stratum[captures.on.any(axis=1)], minlength=strata)
    rows = np.flatnonzero(everybody)
    codes = np.unravel_index(rows, tuple(map(len, dims.values())))
    truth = pd.DataFrame(
        {
            dim: pd.Categorical.from_codes(code, categories=pd.Index(names), ordered=True)
            for (dim, names), code in zip(dims.items(), codes, strict=True)
        }
        | {"truth": everybody[rows], "registered": seen[rows]}
    )
    registers = draw_registers(spec, population, captures, seed)
    return Simulated(spec, seed, pd.DataFrame(columns), MappingProxyType(registers), truth)


def simulate_captures(
    spec: SimulateSpec, *, seed: int, dims: Sequence[str] = ("year", "form", "sex", "age")
) -> tuple[CaptureTable, Integers]:
    """Draw an overlap table with perfect linkage and complete labels, and the truth behind it.

    Parameters
    ----------
    spec : SimulateSpec
        The nation. What happens on paper (key errors, missing labels, duplicates, late deliveries) plays no part.
    seed : int
        Of everything random; `simulate` with the same seed draws the same persons on the same lists.
    dims : sequence of str
        Dimensions of the strata, out of year, form, sex, age, nationality and region. Without the year a person
        who returns counts once, in the stratum of the first time.

    Returns
    -------
    table : CaptureTable
        Lists as in the spec. Where a list is blind its cells are structural zeros, as long as form is a dimension.
    truth : int64 array, shape (S,)
        Victims of every stratum, in the order of the table's rows.

    Raises
    ------
    ModelError
        For an unknown dimension, and see `mse.simulate.lists.solve`.
    InputError
        When nobody is on some list: the nation is too small for so many lists.
    """
    unknown = [dim for dim in dims if dim not in spec.levels]
    if unknown:
        allowed = names_of(spec.levels)
        raise ModelError(
            [Problem(said("found.no_such_dimension_2"), allowed, said("do.correct_name"), value=dim) for dim in unknown]
        )
    population = draw_population(spec, seed)
    on = draw_captures(spec, population, seed).on
    levels = {dim: spec.levels[dim] for dim in dims}
    stratum = _stratum(population, levels)
    history = (on.astype(np.int64) << np.arange(on.shape[1])).sum(axis=1)
    if "year" not in dims:
        first = np.unique(population.person, return_index=True)[1]
        stratum = stratum[first]
        once = np.zeros(first.size, dtype=np.int64)
        np.bitwise_or.at(once, population.person, history)
        history = once
    strata, cells = math.prod(map(len, levels.values())), 2 ** on.shape[1]
    counts = np.bincount(stratum * cells + history, minlength=strata * cells).reshape(strata, cells)
    table = CaptureTable.from_arrays(spec.lists, counts[:, 1:], strata=levels, name="simulated")
    if "form" in levels:
        for register in spec.registers:
            if blind := spec.blind_forms(register):
                table = table.blind(register.name, {"form": blind})
    return table, counts.sum(axis=1)


def _stratum(population: Population, levels: dict[str, tuple[str, ...]]) -> Integers:
    """Return the row of every victim in a table of these dimensions."""
    out = np.zeros(population.person.size, dtype=np.int64)
    for dim, names in levels.items():
        out = out * len(names) + population.codes[dim]
    return out
