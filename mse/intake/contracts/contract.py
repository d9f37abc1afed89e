"""The data contract of one supplier: which files, which columns, what they mean, and what the list cannot see."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, StrictBool, StrictStr

from mse.computing.inputfiles import matching
from mse.errors import InputError, Problem, reason_of
from mse.intake.contracts.clauses import (
    Blind,
    Closed,
    ContractField,
    Day,
    Dimension,
    Identity,
    Interval,
    License,
    Place,
    Role,
    Section,
    Source,
    Texts,
)
from mse.intake.contracts.versions import Layout
from mse.settings.places import JobFile
from mse.words.said import said


class Contract(Section):
    """The data contract of one supplier; `read_contract` reads and checks one."""

    list: StrictStr
    title: StrictStr
    publisher: StrictStr
    description: StrictStr | None = None
    path: Texts
    delimiter: StrictStr = ","
    encoding: StrictStr = "utf-8"
    sheet: StrictStr | None = None
    header: StrictBool = True
    places: dict[str, Place] = Field(default_factory=dict)
    territory: StrictStr
    victim: StrictStr
    counts: StrictStr | None = None
    period: Interval
    extraction_date: Day
    max_rejects: Annotated[float, Field(ge=0, le=1)] = 0.05
    missingValues: tuple[StrictStr, ...] = ("",)
    key_id: StrictStr | None = None
    personal: tuple[StrictStr, ...] = ()
    fields: tuple[ContractField, ...]
    layout: tuple[Layout, ...] = ()
    dimensions: dict[str, Dimension] = Field(default_factory=dict)
    blind: tuple[Blind, ...] = ()
    closed: tuple[Closed, ...] = ()
    identity: Identity | None = None
    sources: tuple[Source, ...] = ()
    licenses: tuple[License, ...] = ()
    _file: JobFile = PrivateAttr(default_factory=JobFile)
    _folder: Path = PrivateAttr(default_factory=Path)

    @property
    def file(self) -> JobFile:
        """Where the settings stand, for messages."""
        return self._file

    @property
    def folder(self) -> Path:
        """The folder that its paths are relative to."""
        return self._folder

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
                raise InputError(self._file.put(problem, ("path",))) from None
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
            if value := self.model_dump(mode="json", exclude_none=True)[key] if getattr(self, key) else None:
                package[key] = value
        package["resources"] = [resource]
        own |= {key for key in ("places", "layout") if not getattr(self, key)} | ({"header"} if self.header else set())
        package["mse"] = {"list": self.list} | self.model_dump(mode="json", exclude_none=True, exclude=own)
        return package


def _slug(text: str) -> str:
    """Return a name as Frictionless allows it."""
    return re.sub(r"[^a-z0-9._/-]+", "-", text.casefold()).strip("-") or "list"


def _table_field(field: ContractField) -> dict[str, Any]:
    """Return a field in the words of Table Schema."""
    said = field.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
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
