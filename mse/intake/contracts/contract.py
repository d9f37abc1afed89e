"""The data contract of one supplier: which files, which columns, what they mean, and what the list cannot see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from mse.computing.inputfiles import matching
from mse.errors import InputError, Problem, reason_of
from mse.intake.contracts.clauses import (
    Blind,
    Closed,
    ContractField,
    Dimension,
    Identity,
    Interval,
    License,
    Place,
    Role,
    Source,
    Texts,
)
from mse.intake.contracts.versions import Layout
from mse.settings.places import JobFile
from mse.settings.specchecks import Checked
from mse.settings.specfields import SHARE, keys_of
from mse.settings.specreading import written
from mse.words.said import said


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract(Checked):
    """The data contract of one supplier; `read_contract` reads and checks one.

    Parameters
    ----------
    list : str
        Name of the list that the files become.
    title : str
        The register in words.
    publisher : str
        Who keeps it.
    description : str or None
        More about it.
    path : tuple of str
        Files, or patterns that they match, relative to the contract.
    delimiter, encoding : str
        Of files of text.
    sheet : str or None
        Of a workbook; the first when not given.
    header : bool
        Whether the first line of a file of fixed width holds names.
    places : mapping of str to (int, int)
        By column: first character, from 1, and number of characters, in files of fixed width.
    territory : str
        Where the persons are.
    victim : str
        Who is counted: the definition by which somebody is in the register.
    counts : str or None
        Population that the list counts, where registers of several come together.
    period : Interval
        Days of the registrations.
    extraction_date : date
        Day on which the files were drawn.
    max_rejects : float
        Share of the rows that may be rejected before the files are refused.
    missingValues : tuple of str
        Texts that mean "not known", beside the empty cell.
    key_id : str or None
        Which key the pseudonyms were made with, as ``mse pseudonymise`` prints it.
    personal : tuple of str
        Columns that may look personal and are not.
    fields : tuple of ContractField
        The columns.
    layout : tuple of Layout
        How files were written before or after a change.
    dimensions : mapping of str to Dimension
        What is done with several labels of one registration, by dimension.
    blind : tuple of Blind
        Strata that the list cannot see.
    closed : tuple of Closed
        Days on which it did not operate.
    identity : Identity or None
        Columns with the identity in the supplier's own file.
    sources : tuple of Source
        Where the data come from.
    licenses : tuple of License
        Under which terms.
    file : JobFile
        Where the settings stand, for messages.
    folder : Path
        What its paths are relative to.
    """

    list: str
    title: str
    publisher: str
    description: str | None = None
    path: Texts
    delimiter: str = ","
    encoding: str = "utf-8"
    sheet: str | None = None
    header: bool = True
    places: Mapping[str, Place] = field(default_factory=dict)
    territory: str
    victim: str
    counts: str | None = None
    period: Interval
    extraction_date: date
    max_rejects: Annotated[float, SHARE] = 0.05
    missingValues: tuple[str, ...] = ("",)
    key_id: str | None = None
    personal: tuple[str, ...] = ()
    fields: tuple[ContractField, ...]
    layout: tuple[Layout, ...] = ()
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    blind: tuple[Blind, ...] = ()
    closed: tuple[Closed, ...] = ()
    identity: Identity | None = None
    sources: tuple[Source, ...] = ()
    licenses: tuple[License, ...] = ()
    file: JobFile = field(default_factory=JobFile, compare=False, repr=False, metadata={"key": False})
    folder: Path = field(default_factory=Path, compare=False, repr=False, metadata={"key": False})

    def with_role(self, *roles: Role) -> tuple[ContractField, ...]:
        """Return the fields with one of these roles, in the order of the contract."""
        return tuple(field for field in self.fields if field.role in roles)

    @property
    def parts(self) -> tuple[str, ...]:
        """Columns of the registrations that hold parts of the identity, hashed or coarse."""
        return tuple(field.target for field in self.with_role("hash", "coarse"))

    @property
    def strata(self) -> tuple[str, ...]:
        """Dimensions that it fills; the year of the registration is always one."""
        return tuple(dict.fromkeys(["year", *(field.target for field in self.with_role("stratum"))]))

    def levels(self, dimension: str) -> tuple[str, ...]:
        """Return the levels of a dimension that can occur on the list, in the order of the contract."""
        fields = [field for field in self.with_role("stratum") if field.target == dimension]
        if dimension == "year" and not fields:
            return tuple(str(year) for year in range(self.period.first.year, self.period.last.year + 1))
        rule = self.dimensions.get(dimension)
        named = [*(rule.order if rule else ()), *(level for field in fields for level in field.levels)]
        return tuple(dict.fromkeys([*named, *((rule.level,) if rule and rule.level else ())]))

    def missing(self, field: ContractField) -> tuple[str, ...]:
        """Return the texts that mean "not known" in a field; the empty cell is always one."""
        said = self.missingValues if field.missingValues is None else field.missingValues
        return tuple(dict.fromkeys(["", *said]))

    def files(self) -> tuple[Path, ...]:
        """Return the files that its paths and those of its layouts stand for, sorted within each pattern, each once.

        Raises
        ------
        InputError
            When a pattern asks for folders at any depth, or stands for too many files.
        """
        found: dict[Path, None] = {}
        for pattern in (*self.path, *(pattern for layout in self.layout for pattern in layout.path or ())):
            try:
                names = matching(pattern, self.folder)
            except OSError as error:
                found_there = said("found.path_cannot_used", error=reason_of(error))
                problem = Problem(found_there, said("allowed.file_pattern_such_deliveries"), said("do.correct_path"),
                                  value=pattern)  # fmt: skip
                raise InputError(self.file.put(problem, ("path",))) from None
            found |= dict.fromkeys(self.folder / name for name in names)
        return tuple(found)

    def to_datapackage(self) -> dict[str, Any]:
        """Return the contract as a Frictionless data package with one resource; what is only ours is under ``mse``."""
        own = {"list", "title", "description", "path", "delimiter", "encoding", "fields", "missingValues",
               "sources", "licenses"}  # fmt: skip
        files = [path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else path.as_posix()
                 for path in self.files()] or list(self.path)  # fmt: skip
        kind = next((end for end in ("parquet", "xlsx", "ods") if files[0].endswith(f".{end}")), "csv")
        text = {"encoding": self.encoding, "dialect": {"delimiter": self.delimiter}}
        settings = written(self)
        resource: dict[str, Any] = {
            "name": _slug(self.list), "type": "table", "title": self.title,
            "path": files[0] if len(files) == 1 else files,
            "format": kind,
            **(text if kind == "csv" else {}),
            "schema": {"fields": [_table_field(field) for field in self.fields],
                       "missingValues": list(dict.fromkeys(["", *self.missingValues]))},
        }  # fmt: skip
        package: dict[str, Any] = {
            "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
            "name": _slug(self.list),
            "title": self.title,
            "contributors": [{"title": self.publisher, "roles": ["publisher"]}],
        }
        for key in ("description", "sources", "licenses"):
            if getattr(self, key):
                package[key] = settings[key]
        package["resources"] = [resource]
        own |= {key for key in ("places", "layout") if not getattr(self, key)} | ({"header"} if self.header else set())
        package["mse"] = {"list": self.list} | {key: value for key, value in settings.items() if key not in own}
        return package


def _slug(text: str) -> str:
    """Return a name as Frictionless allows it."""
    return re.sub(r"[^a-z0-9._/-]+", "-", text.casefold()).strip("-") or "list"


def _table_field(field: ContractField) -> dict[str, Any]:
    """Return a field in the words of Table Schema."""
    known = keys_of(ContractField)
    said = {key: value for key, value in written(field).items() if getattr(field, key) != known[key].default}
    out: dict[str, Any] = {"name": field.name, "type": field.type}
    out |= {key: said[key] for key in ("format", "title", "description", "missingValues") if key in said}
    constraints = {key: value for key, value in said.get("constraints", {}).items() if value}
    constraints |= {"required": True} if field.required else {}
    constraints |= {"pattern": field.pattern} if field.pattern else {}
    if field.separator is not None:
        constraints.pop("enum", None)  # the codes of one cell, not the cell
    elif field.codes and field.other is None:
        constraints["enum"] = list(field.codes)
    out |= {"constraints": constraints} if constraints else {}
    own = {key: said[key] for key in ("role", "into", "codes", "other", "classes", "separator") if key in said}
    return out | {"mse": own}
