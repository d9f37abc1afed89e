"""What is declared of lists in some strata: blind, missing, or holding more people than belong to the population."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np

from mse.errors import InputError, ModelError, Problem, names_of
from mse.kernels.arrays import Flags
from mse.settings.specfields import Example
from mse.tables.captures import CaptureTable
from mse.tables.levels import Where
from mse.words.said import Said, said, verbatim

Wheres = Where | Sequence[Where]
Blind = Annotated[
    Mapping[str, Wheres],
    Example(said("example.blind")),
    "Lists that cannot see some strata: structural zeros.",
]
Missing = Annotated[
    Mapping[str, Wheres],
    Example(said("example.missing")),
    "Lists that did not operate or deliver in some strata.",
]
Bounded = Annotated[
    Mapping[str, Wheres],
    Example(said("example.bounded")),
    "Lists whose only-cell counts people who may not belong: an upper bound.",
]
Unknown = Annotated[
    Mapping[str, str],
    Example(said("example.unknown")),
    "The level of a dimension that means that the label is missing.",
]
"""Some strata: levels by dimension, ``{"sex": "m", "year": ["2019", "2020"]}``, or several of these; ``{}`` for all."""


def declare(table: CaptureTable, blind: Mapping[str, Wheres], absent: Mapping[str, Wheres]) -> CaptureTable:
    """Return the table with lists declared blind to, or missing in, some strata.

    Raises
    ------
    InputError
        With every list that has persons where it is declared blind or missing.
    ModelError
        When a list, dimension or level is unknown.
    """
    problems = []
    on, names = table.membership(), tuple(", ".join(x) for x in itertools.product(*table.strata.values()))
    for declared, word in ((blind, "blind"), (absent, "missing")):
        for name, where in declared.items():
            _known_list(table, name)
            for part in _parts(where):
                rows = _rows_of(table, part)
                persons = table.counts[:, on[:, table.lists.index(name)]].sum(axis=1)
                for row in np.flatnonzero(rows & (persons > 0)):
                    problems.append(
                        Problem(
                            _contradicted(name, word, names[row], int(persons[row])),
                            said("allowed.nobody_list_where_cannot"),
                            said("do.correct_declaration_find_out"),
                            file=said("what.table", name=table.name),
                        )
                    )
    if problems:
        raise InputError(problems)
    for name, where in blind.items():
        for part in _parts(where):
            table = table.blind(name, part)
    for name, where in absent.items():
        for part in _parts(where):
            table = table.without(name, part)
    return table


def bounded_cells(table: CaptureTable, bounded: Mapping[str, Wheres]) -> Flags:
    """Return which cells of the table are upper bounds: shape of its counts."""
    out = np.zeros(table.counts.shape, dtype=bool)
    for name, where in bounded.items():
        _known_list(table, name)
        for part in _parts(where):
            out[_rows_of(table, part), (1 << table.lists.index(name)) - 1] = True
    return out


def _contradicted(name: str, word: str, stratum: str, persons: int) -> Said:
    where = verbatim(stratum) if stratum else said("where.table")
    about = {"list": name, "where": where, "count": persons}
    return said("fault.declared_blind", **about) if word == "blind" else said("fault.declared_missing", **about)


def _no_level(dim: str, level: str, levels: Sequence[str]) -> Problem:
    return Problem(said("fault.no_level", dimension=dim, level=level), names_of(levels), said("do.correct_level"))


def _known_list(table: CaptureTable, name: str) -> None:
    if name not in table.lists:
        raise ModelError(Problem(said("fault.no_list", list=name), names_of(table.lists), said("do.correct_name")))


def _rows_of(table: CaptureTable, where: Where) -> Flags:
    """Return the strata of the table that `where` means, (rows of the table,)."""
    shape = tuple(len(levels) for levels in table.strata.values())
    out = np.ones(shape, dtype=bool)
    for dim, asked in where.items():
        if dim not in table.strata:
            allowed = names_of(table.strata, said("allowed.none_table_has_no"))
            raise ModelError(Problem(said("fault.no_covariate", name=dim), allowed, said("do.correct_name")))
        wanted = {asked} if isinstance(asked, str) else set(asked)
        levels = table.strata[dim]
        for level in wanted.difference(levels):
            raise ModelError(_no_level(dim, level, levels))
        axis = list(table.strata).index(dim)
        inside = np.array([level in wanted for level in levels])
        out &= inside.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return out.reshape(-1)


def _parts(where: Wheres) -> list[Where]:
    return [where] if isinstance(where, Mapping) else list(where)
