"""How single entries of a record are read: each is of the kind that was written, is missing, or is damaged."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mse.answers.record import AtRisk, JobSettings, Limit, PublishSettings
from mse.answers.recordchecks import Damaged
from mse.words.said import said


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a record, and where it stands.

    Parameters
    ----------
    entries : mapping
        What it holds. Anything else is damage.
    place : str
        The file, or the names that lead to it.
    """

    entries: Any
    place: str

    def __post_init__(self) -> None:
        """Refuse what is no section."""
        if not isinstance(self.entries, Mapping):
            raise Damaged(said("damage.section", place=self.place))

    def text(self, key: str) -> str | None:
        """Return a text that is not empty, else None; a whole number that stands for one (a year) is taken."""
        value = self.entries.get(key)
        if value is None:
            return None
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise Damaged(said("damage.text", place=self.place, key=repr(key)))
        return str(value).strip() or None

    def needed(self, key: str) -> str:
        """Return a text that has to be there."""
        found = self.text(key)
        if found is None:
            raise Damaged(said("damage.lacks", place=self.place, key=repr(key)))
        return found

    def number(self, key: str) -> float | None:
        """Return a number; None for what is missing."""
        value = self.entries.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise Damaged(said("damage.number", place=self.place, key=repr(key)))
        return value

    def whole(self, key: str) -> int | None:
        """Return a whole number; None for what is missing."""
        value = self.number(key)
        if value is not None and not isinstance(value, int):
            raise Damaged(said("damage.whole", place=self.place, key=repr(key)))
        return value

    def flag(self, key: str) -> bool:
        """Return true or false, which is also what is missing."""
        value = self.entries.get(key)
        if value is not None and not isinstance(value, bool):
            raise Damaged(said("damage.flag", place=self.place, key=repr(key)))
        return value is True

    def items(self, key: str) -> Sequence[Any]:
        """Return the entries of a list, one of a single text, none of nothing."""
        value = self.entries.get(key)
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list | tuple):
            raise Damaged(said("damage.list", place=self.place, key=repr(key)))
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts."""
        found = self.items(key)
        if not all(isinstance(x, str) for x in found):
            raise Damaged(said("damage.texts", place=self.place, key=repr(key)))
        return tuple(found)

    def section(self, key: str) -> Section:
        """Return a section inside; an empty one where there is none."""
        value = self.entries.get(key)
        return Section({} if value is None else value, f"{self.place}: {key}")

    def sections(self, key: str) -> tuple[Section, ...]:
        """Return a list of sections."""
        return tuple(Section(value, f"{self.place}: {key}") for value in self.items(key))

    def texts_by_name(self, key: str) -> dict[str, str]:
        """Return texts by name."""
        part = self.section(key)
        if not all(isinstance(x, str) for x in part.entries.values()):
            raise Damaged(said("damage.only_texts", place=part.place))
        return {str(name): text for name, text in part.entries.items()}

    def languages(self) -> Iterator[tuple[str, Section]]:
        """Return the sections that hold words of a language, by its two letters."""
        for key, value in self.entries.items():
            if re.fullmatch("[a-z]{2}", key) and value is not None:
                yield key, Section(value, f"{self.place}: {key}")


def period_of(section: Section, key: str) -> tuple[str, ...]:
    """Return first and last year of a period, however it was written; one entry when they are the same."""
    if isinstance(section.entries.get(key), Mapping):
        part = section.section(key)
        ends = [part.text("start"), part.text("end")]
        return tuple(dict.fromkeys(end for end in ends if end))
    text = section.text(key)
    years = re.fullmatch(r"(\d{4})\s*[-–/]\s*(\d{4})", text or "")
    return tuple(dict.fromkeys(years.groups())) if years else (text,) if text else ()


def given_settings(job: Section) -> JobSettings:
    """Return the settings of a job that its results are read with."""
    publish, merged = job.section("publish"), job.section("table").section("merge")
    return JobSettings(
        settings=job.entries,
        publish=PublishSettings(
            threshold=publish.whole("threshold"), method=publish.text("method"), base=publish.whole("base"),
            zeros=publish.text("zeros"), percent=publish.number("percent"),
            at_risk=tuple(
                AtRisk(x.text("name"), x.number("persons"), _levels(x.section("where")), x.text("source"))
                for x in publish.sections("at_risk")
            ),
            sdg=publish.texts_by_name("sdg"),
        ),
        limits={name: _limit(value, job) for name, value in job.section("verdict").entries.items()
                if value is not None},
        contracts=job.section("registers").texts("contracts"),
        merged={name: merged.texts(name) for name in merged.entries},
        dropped=job.section("table").texts("drop"),
    )  # fmt: skip


def _levels(where: Section) -> dict[str, str]:
    """Return the levels of a stratum; a year may have been written as a number."""
    return {str(dim): where.needed(dim) for dim in where.entries}


def _limit(value: object, job: Section) -> Limit:
    """Return a threshold, or the two of a rule."""
    ends = value if isinstance(value, list | tuple) else (value,)
    if len(ends) not in (1, 2) or any(isinstance(x, bool) or not isinstance(x, int | float) for x in ends):
        raise Damaged(said("damage.only_thresholds", place=job.place))
    return (ends[0], ends[1]) if len(ends) == 2 else ends[0]
