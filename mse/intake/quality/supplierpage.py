"""The quality of a delivery as one page for its supplier, in the words of one language."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mse.errors import InputError, Problem, names_of
from mse.shipped import shipped_names, shipped_path
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

    from mse.intake.contracts.contract import Contract

SHARES = ("completeness", "validity", "rejected", "duplicates", "late")
"""Measures that are compared as shares; the others as numbers."""

_NOTABLE = {"completeness": 0.05, "validity": 0.02, "rejected": 0.02, "duplicates": 0.02, "late": 0.05}
_NOT_ASKED = ("out_of_period", "other_population")
_NOTABLE_CHANGE, _NOTABLE_COUNT = 0.2, 20
"""Change of a number that is pointed out, when there were at least so many."""


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of the page in one language; templates by dotted key."""

    language: str
    messages: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Return a sentence with its names filled in."""
        return self.messages[key].format(**values)

    def known(self, section: str, name: str) -> str:
        """Return what a name is called, or the name."""
        return self.messages.get(f"{section}.{name}", name)

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with the marks of the language; nothing for what is not there."""
        if not math.isfinite(value):
            return ""
        marks = {",": self.messages["format.thousands"], ".": self.messages["format.decimal"]}
        return "".join(marks.get(mark, mark) for mark in f"{value:,.{digits}f}")

    def percent(self, share: float) -> str:
        """Return a share in percent with one decimal; nothing for what is not there."""
        return self("format.percent", number=self.number(100 * share, 1)) if math.isfinite(share) else ""

    def points(self, change: float) -> str:
        """Return the change of a share in points of a percent, with its sign."""
        return self("format.points", number=self.signed(100 * change)) if math.isfinite(change) else ""

    def signed(self, value: float) -> str:
        """Return a number with one decimal and its sign."""
        text = self.number(abs(value), 1)
        return text if not text.strip("0.,") else ("+" if value > 0 else "−") + text

    def change(self, part: float) -> str:
        """Return the change of a number in percent, with its sign."""
        return self("format.percent", number=self.signed(100 * part)) if math.isfinite(part) else ""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table of the page: a figure, its share, the delivery before, the change; all as they are printed."""

    name: str
    count: str
    said: str
    before: str
    change: str


def quality_page(table: pd.DataFrame, contract: Contract, files: Sequence[str], language: str = "en") -> str:
    """Return the page: self-contained, with every figure of the table and no row of any file.

    Parameters
    ----------
    table : pandas.DataFrame
        As `mse.intake.quality.completeness.quality_table` returns it.
    contract : Contract
        Of the list.
    files : sequence of str
        Names of the files.
    language : {"en", "nl"}
        Of the words.

    Raises
    ------
    InputError
        When there are no words in that language.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    say = read_words(language)
    page = shipped_path("reports/templates", "quality.html")
    environment = Environment(
        loader=FileSystemLoader(page.parent), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=StrictUndefined, keep_trailing_newline=True,
    )  # fmt: skip
    groups = {measure: table[table["measure"] == measure].to_dict("records") for measure in table["measure"].unique()}
    columns = {field.name: field.title or field.name for field in contract.fields}
    return environment.get_template(page.name).render(
        say=say,
        contract=contract,
        files=files,
        compared=bool(table["previous"].notna().any()),
        steps=[_line(row, say.known("step", str(row["item"])), say) for row in groups["rows"]],
        columns=_columns(groups, columns, say),
        rejected=[
            _line(row, _reason(str(row["item"]), columns, say), say)
            for row in sorted(groups.get("rejected", []), key=lambda row: -row["count"])
        ],
        duplicates=[_line(row, say.known("duplicates", str(row["item"])), say) for row in groups["duplicates"]],
        times=[
            _line(row, say.known("times", str(row["item"])), say)
            for key in ("days", "late")
            for row in groups.get(key, [])
        ],
        years=[_line(row, str(row["item"]), say) for row in groups.get("year", [])],
        levels=_levels(groups.get("level", []), columns, say),
        notable=_notable(table, columns, say),
    )


def _line(row: Mapping[str, Any], name: str, say: Words) -> Line:
    shared = row["measure"] in SHARES
    before = say.percent(row["previous"]) if shared else say.number(row["previous"])
    change = say.points(row["change"]) if shared else say.change(row["change"])
    return Line(name, say.number(row["count"]), say.percent(row["share"]), before, change)


def _columns(
    groups: Mapping[str, Sequence[Mapping[str, Any]]], titles: Mapping[str, str], say: Words
) -> list[tuple[Line, Line]]:
    """Return completeness and validity of every column."""
    valid = {row["item"]: row for row in groups.get("validity", [])}
    return [
        (_line(row, titles.get(str(row["item"]), str(row["item"])), say), _line(valid[row["item"]], "", say))
        for row in groups.get("completeness", [])
    ]


def _levels(rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str], say: Words) -> dict[str, list[Line]]:
    """Return the registrations by level, by dimension."""
    found: dict[str, list[Line]] = {}
    for row in rows:
        dimension, _, level = str(row["item"]).partition(", ")
        found.setdefault(titles.get(dimension, dimension), []).append(_line(row, level or say("levels.unknown"), say))
    return found


def _reason(item: str, titles: Mapping[str, str], say: Words) -> str:
    reason, _, column = item.partition(", ")
    said = say.known("reason", reason)
    return say("rejected.column", reason=said, column=titles.get(column, column)) if column else said


def _notable(table: pd.DataFrame, titles: Mapping[str, str], say: Words) -> list[str]:
    """Return sentences on what stands out, now or against the delivery before."""
    found = []
    for row in table.to_dict("records"):
        measure, item, share, change = str(row["measure"]), str(row["item"]), row["share"], row["change"]
        name = titles.get(item, item)
        if measure == "rejected":
            name = _reason(item, titles, say)
        if measure in _NOTABLE and math.isfinite(change) and abs(change) > _NOTABLE[measure]:
            values = {"name": name, "now": say.percent(share), "before": say.percent(row["previous"])}
            found.append(say(f"notable.{measure}_change", **values))
        elif (
            measure in ("rejected", "duplicates")
            and share > _NOTABLE[measure]
            and item.partition(", ")[0] not in _NOT_ASKED
        ):
            found.append(say(f"notable.{measure}", name=name, share=say.percent(share)))
        elif measure == "year" and math.isfinite(change) and abs(change) > _NOTABLE_CHANGE:
            if row["previous"] >= _NOTABLE_COUNT:
                values = {"name": item, "now": say.number(row["count"]), "before": say.number(row["previous"])}
                found.append(say("notable.year_change", **values))
    return found


@lru_cache(maxsize=8)
def read_words(language: str) -> Words:
    """Read the words of one language.

    Raises
    ------
    InputError
        When there are none.
    """
    found = [name.split(".") for name in shipped_names("reports/templates")]
    languages = [parts[1] for parts in found if parts[0] == "quality" and parts[-1] == "toml"]
    if language not in languages:
        raise InputError(
            Problem(said("found.no_words_language"), names_of(languages), said("do.choose_one"), value=language)
        )
    text = shipped_path("reports/templates", f"quality.{language}.toml").read_text(encoding="utf-8")
    sections = tomllib.loads(text)
    return Words(language, {f"{part}.{key}": said for part, rows in sections.items() for key, said in rows.items()})
