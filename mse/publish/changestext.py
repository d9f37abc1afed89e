"""What changed between two results in plain words, one finding a line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mse.answers.strata import ALL
from mse.publish.changes import KINDS, Changes
from mse.publish.facts.entries import number
from mse.publish.wording.messages import Catalogue, read_catalogue
from mse.shipped import shipped_path

if TYPE_CHECKING:
    import pandas as pd


def read_words(language: str) -> dict[str, Any]:
    """Return the words of a language."""
    path = shipped_path("reports/templates", f"changes.{language}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def changes_text(changes: Changes, language: str = "en") -> str:
    """Return the comparison in plain words, one finding a line.

    Raises
    ------
    InputError
        When there are no messages in that language.
    """
    say = read_catalogue(language)
    words = read_words(language)
    lines = [words["head"].format(old=changes.old, new=changes.new)]
    rows = [row for row in changes.estimates.to_dict("records") if row["indicator"] in ("registered", "estimated")]
    lines += [_estimate_line(row, words, say) for row in rows if _whole(row, changes.estimates)]
    dims = [] if changes.time not in changes.estimates.columns else list(changes.estimates.columns)
    others = [dim for dim in dims[1 : dims.index("unit")] if dim != changes.time] if dims else []
    years = [row for row in rows if dims and row[changes.time] != ALL and all(row[dim] == ALL for dim in others)]
    if changes.years is not None:
        lines.append(words["years_differ"].format(old=changes.years[0], new=changes.years[1]))
        alike = list(dict.fromkeys(str(row[changes.time]) for row in years))
        lines.append(words["years_alike" if alike else "years_apart"].format(years=say.listing(alike)))
    for row in years:
        lines.append(f"  {row[changes.time]}: " + _estimate_line(row, words, say))
    told_on = [row for row in rows if row["indicator"] == "estimated" and _whole(row, changes.estimates)]
    told_on = told_on or [row for row in years if row["indicator"] == "estimated"]
    if told_on:
        lines.append(_answer(told_on[-1], changes, words))
    judged = [words["verdict"].get(level, level) for level in changes.verdicts]
    same = judged[0] == judged[1]
    lines.append(words["verdict_same" if same else "verdict_changed"].format(old=judged[0], new=judged[1]))
    for kind in KINDS:
        told = [cause for cause in changes.causes if cause.kind == kind]
        if told:
            lines.append(words["kind"][kind])
        for cause in told:
            form = "added" if cause.new else "removed" if cause.old else "differs"
            form = "changed" if cause.old and cause.new else form
            what = words["what"][cause.of].format(what=cause.what)
            ends = [_shown(value, cause.of, say) for value in (cause.old, cause.new)]
            lines.append("  - " + words[form].format(what=what, old=ends[0], new=ends[1]))
    lines.append(words["closing"][_closing({cause.kind for cause in changes.causes})])
    return "\n".join(lines)


def _shown(value: str, of: str, say: Catalogue) -> str:
    """Return a value as a language writes it."""
    return say.number(int(value)) if of == "persons" and value.isdigit() else value


def _answer(row: Mapping[Any, Any], changes: Changes, words: Mapping[str, Any]) -> str:
    """Return in words whether the estimate moved, and whether by more than its intervals allow."""
    old, new = number(row["old"]), number(row["new"])
    where = "" if changes.time not in row or row[changes.time] == ALL else f"{row[changes.time]}: "
    if old is None or new is None:
        return where + str(words["answer"]["unknown"])
    moved = "same" if old == new else "up" if new > old else "down"
    ends = [number(row[name]) for name in ("old_low", "old_high", "new_low", "new_high")]
    said = str(words["answer"][moved])
    if moved != "same" and not any(end is None for end in ends):
        low, high, low_now, high_now = (float(end or 0.0) for end in ends)
        said += " " + str(words["answer"]["overlap" if low <= high_now and low_now <= high else "apart"])
    return where + said


def _closing(kinds: set[str]) -> str:
    """Return the name of what may be said of a difference, given the kinds of causes."""
    if not kinds:
        return "same"
    if "definitions" in kinds:
        return "incomparable"
    telling = kinds - {"seed", "software", "publishing"}
    if not telling:
        return "small"
    if telling == {"data"}:
        return "data"
    return "several" if "data" in telling else "method"


def _whole(row: Mapping[Any, Any], frame: pd.DataFrame) -> bool:
    """Return whether a row is summed over every dimension."""
    at = list(frame.columns)
    return all(str(row[dim]) == ALL for dim in at[1 : at.index("unit")])


def _estimate_line(row: Mapping[Any, Any], words: Mapping[str, Any], say: Catalogue) -> str:
    def said(which: str) -> str:
        value, low, high = (number(row[f"{which}{end}"]) for end in ("", "_low", "_high"))
        if value is None:
            return str(words["withheld"])
        ends = f" ({say.range(low, high)})" if low is not None and high is not None else ""
        return say.number(value) + ends

    line = str(words[row["indicator"]]).format(old=said("old"), new=said("new"))
    factor = number(row["factor"])
    return line if factor is None else line + words["factor"].format(factor=say.number(factor, 2))
