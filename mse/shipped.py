"""What lies outside the package and ships with it: public tables, example jobs, report templates."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from mse.errors import InputError, ModelError, Problem, names_of
from mse.tables.captures import CaptureTable
from mse.tables.checks import MAX_LISTS, MOST_LISTS
from mse.tables.histories import HistoryTable
from mse.tables.persons import PersonTable
from mse.tables.reading import read_overlap, stem
from mse.tables.readspec import Reading
from mse.tables.repeats import RepeatCounts
from mse.words.beside import folder_beside
from mse.words.catalogues import languages_there_are
from mse.words.said import said

Kind = Literal["data", "models", "reports/questionnaires", "reports/templates"]


@dataclass(frozen=True, slots=True)
class TableInfo:
    """What the data package of a public table says about it.

    Parameters
    ----------
    name, title, description : str
        Short name, as `load_table` takes it; one line; a few lines.
    kind : str
        ``"overlap"`` for a table of lists, ``"repeat-counts"`` for repeated registrations in one register.
    lists, covariates : tuple of str
        Columns of the table by role.
    list_titles : mapping of str to str
        What each list is, by its column.
    observed : int
        Persons in the table.
    sources : tuple of str
        Publications that the counts come from: cite these.
    addresses : mapping of str to str
        Where a source can be found, by its title, as far as known.
    notes : tuple of str
        What one should know before using the table.
    mse : mapping of str to object
        Everything else that the data package says under that key (population, territory, period, ...).
    """

    name: str
    title: str
    description: str
    kind: str
    lists: tuple[str, ...]
    covariates: tuple[str, ...]
    list_titles: Mapping[str, str]
    observed: int
    sources: tuple[str, ...]
    addresses: Mapping[str, str]
    notes: tuple[str, ...]
    mse: Mapping[str, object]

    @property
    def titles(self) -> dict[str, str]:
        """The title in other languages than English, by language."""
        found = {language: self.mse.get(language) for language in languages_there_are()}
        return {language: str(x["title"]) for language, x in found.items() if isinstance(x, Mapping) and "title" in x}


def shipped_jobs() -> tuple[str, ...]:
    """Return the names under models/ of estimation jobs; jobs of key figures, chains and measures stand beside them."""
    import tomllib

    names = [name for name in shipped_names("models") if name.endswith(".toml")]
    texts = {name: tomllib.loads(shipped_path("models", name).read_text(encoding="utf-8")) for name in names}
    return tuple(name for name, text in texts.items() if not {"figure", "chain", "measure"} & text.keys())


def shipped_path(kind: Kind, name: str) -> Path:
    """Return where something that ships with the package lies.

    Parameters
    ----------
    kind : {"data", "models", "reports/questionnaires", "reports/templates"}
        The folder.
    name : str
        A file or folder in it.

    Raises
    ------
    InputError
        When there is nothing of that name; the message lists what there is.
    """
    names = shipped_names(kind)
    if name in names:
        return folder_beside(kind) / name
    near = get_close_matches(name, names, n=1)
    remedy = said("do.did_you_mean", near=near[0]) if near else said("do.choose_one_these")
    raise InputError(
        Problem(said("found.nothing_name", kind=kind), names_of(names, said("allowed.nothing")), remedy, value=name)
    )


def shipped_names(kind: Kind) -> tuple[str, ...]:
    """Return the names of everything of one kind that ships with the package, sorted."""
    folder = folder_beside(kind)
    if not folder.is_dir():
        return ()
    # A name that starts with a dot or has no other use (README) is not something to be asked for.
    found = (x.name for x in folder.iterdir() if not x.name.startswith((".", "README")))
    return tuple(sorted(found))


def list_tables() -> tuple[TableInfo, ...]:
    """Return what is known about each public table, sorted by name."""
    return tuple(table_info(x) for x in shipped_names("data") if (folder_beside("data") / x / "table.csv").is_file())


def table_info(name: str) -> TableInfo:
    """Return what the data package of a public table says.

    Raises
    ------
    InputError
        When there is no such table; the message lists those there are.
    """
    package = _package(name)
    own, columns = package["mse"], package["resources"][0]["schema"]["fields"]
    return TableInfo(
        name=name,
        title=package["title"],
        description=package.get("description", ""),
        kind=own["kind"],
        lists=tuple(own["lists"]),
        covariates=tuple(own["covariates"]),
        list_titles={x["name"]: x["title"] for x in columns if x["name"] in own["lists"] and "title" in x},
        observed=own["observed"],
        sources=tuple(x["title"] for x in package["sources"]),
        addresses={x["title"]: x["path"] for x in package["sources"] if "path" in x},
        notes=tuple(own.get("notes", ())),
        mse=own,
    )


def load_table(name: str) -> CaptureTable:
    """Return a public overlap table.

    Parameters
    ----------
    name : str
        As in `list_tables`, for example ``"uk-2013-5"``.

    Raises
    ------
    InputError
        When there is no such table.
    ModelError
        When it is not a table of lists but of repeated registrations in one register.
    """
    info = table_info(name)
    path = shipped_path("data", name) / "table.csv"
    if info.kind != "overlap":
        raise ModelError(
            Problem(
                said("found.not_overlap_table_but", kind=info.kind), said("allowed.table_two_more_lists"),
                said("do.load_load_repeats_use"), file=name,
            )
        )  # fmt: skip
    fields = _package(name)["resources"][0]["schema"]["fields"]
    levels = {
        field["name"]: [str(x) for x in field["constraints"]["enum"]]
        for field in fields
        if field["name"] in info.covariates and "enum" in field.get("constraints", {})
    }
    return CaptureTable.from_csv(
        path, name=name, lists=info.lists, covariates=info.covariates,
        count=str(info.mse.get("count", "count")), levels=levels,
    )  # fmt: skip


def read_table(
    source: Any, reading: Reading | None = None, **said_of_it: Any
) -> CaptureTable | HistoryTable | RepeatCounts | PersonTable:
    """Return the table that a source is, names, or holds.

    Parameters
    ----------
    source : object
        A table, which is returned as it is; the name of a public table; else what `CaptureTable.read` takes.
    reading, **said_of_it
        As there.

    Returns
    -------
    CaptureTable, HistoryTable, RepeatCounts or PersonTable
        A table with more lists than a `CaptureTable` has is a `HistoryTable`.

    Raises
    ------
    InputError
        With every problem, and every question with the option that answers it.
    """
    if isinstance(source, CaptureTable | HistoryTable | RepeatCounts | PersonTable):
        return source
    if isinstance(source, str) and names_public(source):
        return load_table(source) if table_info(source).kind == "overlap" else load_repeats(source)
    cells = read_overlap(source, replace(reading or Reading(**said_of_it), most=MOST_LISTS))
    kind = CaptureTable if len(cells.lists) <= MAX_LISTS else HistoryTable
    return kind.from_cells(cells, stem(source))


def names_public(source: str) -> bool:
    """Return whether this is the name of a public table, and not the path of a file.

    Raises
    ------
    InputError
        When it looks like the name of a public table and there is neither such a table nor such a file.
    """
    public = shipped_names("data")
    if source in public:
        return not os.path.isfile(source)
    if re.fullmatch(r"[\w -]{1,80}", source) and not os.path.exists(source):
        near = get_close_matches(source, public, n=1)
        remedy = said("ask.did_you_mean", name=near[0]) if near else said("object.see_data")
        raise InputError(Problem(said("object.no_name"), said("object.allowed"), remedy, value=source))
    return False


def load_repeats(name: str) -> RepeatCounts:
    """Return a public table of repeat registrations in one register.

    Parameters
    ----------
    name : str
        As in `list_tables`, for example ``"irregular-immigrants-netherlands-repeat"``.

    Raises
    ------
    InputError
        When there is no such table.
    ModelError
        When it is a table of lists.
    """
    info = table_info(name)
    if info.kind != "repeat-counts":
        raise ModelError(
            Problem(
                said("found.not_table_repeat_registrations", kind=info.kind),
                said("allowed.table_how_often_persons"), said("do.load_load_table"), file=name,
            )
        )  # fmt: skip
    return RepeatCounts.from_csv(
        shipped_path("data", name) / "table.csv", name=name, covariates=info.covariates,
        registrations=str(info.mse["registrations"]), count=str(info.mse.get("count", "count")),
    )  # fmt: skip


def _package(name: str) -> dict[str, Any]:
    path = shipped_path("data", name) / "datapackage.json"
    package: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return package
