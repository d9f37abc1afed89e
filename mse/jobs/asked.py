"""What a job and the command line both ask for: a table, a seed and a probability, a place to compute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.computing.inputfiles import BeyondSettings, check_values
from mse.errors import InputError, Problem, reason_of
from mse.settings.places import JobFile
from mse.settings.specchecks import Checked, Placed
from mse.settings.specfields import Prob, Seed
from mse.settings.specreading import read_spec
from mse.tables.readspec import Reading
from mse.words.said import said

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, slots=True)
class TableSpec(Checked):
    """Which table, and what to do to it.

    Parameters
    ----------
    name : str
        A public table; or
    path : Path
        a file, relative to the job file.
    persons : bool
        Each row of the file is one person; there is no count column.
    sum_duplicates : bool
        Add up rows with the same history.
    lists : tuple of str
        Names of the columns that are lists; found by their values when not given.
    covariates : tuple of str
        Names of the columns that are covariates.
    count : str
        Name of the column with the number of persons; the usual names are found.
    ignore : tuple of str
        Names of columns to leave out.
    id_column : str
        Column that says who somebody is, in a file with one row for each registration.
    list_column : str
        Column that says on which list, in a file with one row for each registration.
    yes : str
        What stands in the cells of lists for persons who are on them.
    blank_is_no : bool
        An empty cell of a list means not on it.
    sheet : str
        Sheet of a workbook.
    merge : mapping of str to tuple of str
        Lists to take together, by the name of what they make.
    drop : tuple of str
        Lists to leave out.
    """

    name: str | None = None
    path: Path | None = None
    persons: bool = False
    sum_duplicates: bool = False
    lists: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    count: str | None = None
    ignore: tuple[str, ...] = ()
    id_column: str | None = None
    list_column: str | None = None
    yes: str | None = None
    blank_is_no: bool = False
    sheet: str | None = None
    merge: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    drop: tuple[str, ...] = ()

    def together(self) -> Placed:
        """Yield what does not fit together."""
        if (self.name is None) == (self.path is None):
            allowed = said("allowed.either_name_public_table")
            yield (), Problem(said("found.no_table_two_tables"), allowed, said("do.correct"))
        reading = {"persons": "--persons", "sum_duplicates": "--sum-duplicates", "lists": "--list",
                   "covariates": "--covariate", "count": "--count", "ignore": "--ignore", "id_column": "--id-column",
                   "list_column": "--list-column", "yes": "--yes", "blank_is_no": "--blank-is-no",
                   "sheet": "--sheet"}  # fmt: skip
        given = [f"{key} (command line: {option})" for key, option in reading.items() if getattr(self, key)]
        if self.name is not None and given:
            found = said("found.public_table_which_says", given=(*given,), name=self.name)
            yield (), Problem(found, said("allowed.these_file_your_own"), said("do.leave_them_out"))

    def reading(self) -> Reading:
        """Return what is said about how the file is to be read."""
        return Reading(
            lists=self.lists or None, covariates=self.covariates or None, count=self.count or "count",
            ignore=self.ignore, persons=self.persons, sum_duplicates=self.sum_duplicates, id_column=self.id_column,
            list_column=self.list_column, yes=self.yes, blank_is_no=self.blank_is_no, sheet=self.sheet,
            merge=self.merge, drop=self.drop,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunSpec(Checked):
    """What everything random and every interval starts from.

    Parameters
    ----------
    seed : int
        Seed of everything random.
    prob : float
        Probability of the intervals.
    """

    seed: Seed = 0
    prob: Prob = 0.95


@dataclass(frozen=True, slots=True)
class ComputeSpec(Checked):
    """Where replicates are computed.

    Parameters
    ----------
    cluster : str
        Address of a Dask scheduler for replicates, tcp://HOST:PORT.
    resume : Path
        Folder that keeps finished replicates.
    """

    cluster: str | None = None
    resume: Path | None = None


def checked_job[J: DataclassInstance](kind: type[J], settings: Mapping[str, Any], file: JobFile | None) -> J:
    """Return a job of a kind from its settings, with the file that its errors name.

    Raises
    ------
    InputError
        With every problem: unknown keys, wrong types, values that do not fit together.
    """
    file = file or JobFile()
    try:
        check_values(settings)
    except BeyondSettings as error:
        found = said("found.settings_cannot_used", error=reason_of(error))
        beyond = Problem(found, said("allowed.settings_toml_holds_them"), said("do.correct_them"))
        raise InputError(file.put(beyond, ())) from None
    job, problems = read_spec(kind, settings, file=file)
    if job is None:
        raise InputError(problems)
    return replace(job, file=file)
