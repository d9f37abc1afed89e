"""An answer from one register as it leaves: a page in every language, CSV and JSON, small counts left out."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mse.answers.estimates import JUDGEMENTS, Reason, reason_from
from mse.answers.posterior import Posterior
from mse.computing.csvtext import csv_text
from mse.computing.provenance import versions
from mse.computing.savefiles import write_file
from mse.errors import InputError, Problem
from mse.estimators.repeats.families import Family
from mse.estimators.repeats.registersize import LABELS
from mse.publish.disclosure.smallclasses import SMALL, one_number_only
from mse.publish.drawings.axes import NARROW, WIDE
from mse.publish.drawings.registerbars import Bar, register_bars
from mse.publish.openfolders import write_open
from mse.publish.report.html import page_template
from mse.publish.report.page import Cell, Column, Drawing, Row, Sheet
from mse.publish.wording.messages import Words, read_catalogue
from mse.publish.wording.plainanswer import register_sentence
from mse.publish.wording.rounding import Rounded, rounded_values
from mse.tables.repeats import RepeatCounts
from mse.words.numerals import as_sentence, capital
from mse.words.said import Said, from_json, said, to_json

if TYPE_CHECKING:
    import pandas as pd

    from mse.words.catalogues import Catalogue

JSON, ROWS, FREQUENCIES, PAGE = "register.json", "estimates.csv", "frequencies.csv", "register"
FORMAT = "mse-register/1"


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """One number of the page: the headline, the same if a shape held, a family, or a group.

    Parameters
    ----------
    kind : str
        ``"headline"``, ``"held"``, ``"family"`` or ``"group"``.
    name : str
        Of the family, or levels of the group.
    observed : int or None
        Persons in the register; None where they are too few to be told, and with them the estimate.
    point, low, high : float or None
        Rounded, persons; None where there is no estimate.
    """

    kind: str
    name: str
    observed: int | None
    point: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class PublishedRegister:
    """An answer from one register, all of which may leave the house.

    Parameters
    ----------
    title : str
        Of the page.
    prob : float
        Probability of the intervals.
    rows : tuple of RegisterRow
        The headline first.
    frequencies : tuple of (str, int, float or None)
        Class ("1", "2", "3+"), persons in it, and as many as the answer expects; None where that would tell counts that
        are left out.
    level : str
        The verdict.
    reasons : tuple of Reason
        Its findings, without counts that are too small to be told.
    notes, assumptions : tuple of Said
        What must be said beside the number.
    citations : tuple of str
        Publications.
    made : mapping
        Seed, settings and versions.
    titles : mapping of str to str
        Of the page in other languages, as far as known.
    """

    title: str
    prob: float
    rows: tuple[RegisterRow, ...]
    frequencies: tuple[tuple[str, int, float | None], ...]
    level: str
    reasons: tuple[Reason, ...]
    notes: tuple[Said, ...]
    assumptions: tuple[Said, ...]
    citations: tuple[str, ...]
    made: Mapping[str, Any]
    titles: Mapping[str, str] = field(default_factory=dict)

    @property
    def fitted(self) -> bool:
        """Whether it is told how many of each class the answer expects."""
        return all(expected is not None for *_, expected in self.frequencies)

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per number: kind, name, observed, point, low, high, prob."""
        import pandas as pd

        rows = [[r.kind, r.name, r.observed, r.point, r.low, r.high, self.prob] for r in self.rows]
        frame = pd.DataFrame(rows, columns=["kind", "name", "observed", "point", "low", "high", "prob"])
        return frame.astype({"observed": "Int64"})

    def as_record(self) -> dict[str, Any]:
        """Return what `register.json` holds."""
        told = [("note", self.notes), ("assumption", self.assumptions)]
        return {
            "format": FORMAT, "title": self.title, "titles": dict(self.titles), "prob": self.prob,
            "rows": [[r.kind, r.name, r.observed, r.point, r.low, r.high] for r in self.rows],
            "frequencies": [list(x) for x in self.frequencies], "verdict": self.level,
            "reasons": [r.as_record() for r in self.reasons],
            "said": json.loads(to_json(told)), "citations": list(self.citations), "made": dict(self.made),
        }  # fmt: skip


def published_register(
    found: Posterior, table: RepeatCounts, families: pd.DataFrame, groups: pd.DataFrame | None = None, *,
    prob: float = 0.95, title: str | None = None, titles: Mapping[str, str] | None = None, public: bool = False,
) -> PublishedRegister:  # fmt: skip
    """Return what may leave the house of an answer from one register.

    Numbers are rounded as everywhere; classes and groups of fewer than ten persons are joined or left out, and with a
    group whose count could be worked out from the others the next smallest. Where classes are joined, whoever knows the
    methods could go through all registers that agree with what is told: then one number alone is told, coarsely.

    Parameters
    ----------
    found : Posterior
        With its verdict.
    table : RepeatCounts
        What it came from.
    families : DataFrame
        From `mse.compare_families`.
    groups : DataFrame, optional
        From `mse.estimators.repeats.oneregister.subgroups`.
    prob : float
        Probability of the intervals.
    title : str, optional
        Of the page; the name of the table when not given.
    titles : mapping of str to str, optional
        The same in other languages.
    public : bool
        The counts are public, so that no number can tell more.
    """
    from mse.estimators.repeats.registeraverage import expected_frequencies

    few, one = table.observed < SMALL, not public and one_number_only(table)
    summary = found.summary(prob)
    observed = None if few else table.observed
    rows = [_row("headline", "", observed, summary.point, summary.low, summary.high, coarse=one)]
    if summary.identified is not None and not one:
        held = summary.identified
        rows.append(_row("held", "", observed, held.point, held.low, held.high))
    for f in () if one else families.to_dict("records"):
        number = None if few or f["status"] != "ok" else table.observed
        rows.append(_row("family", str(f["family"]), number, float(f["N"]), float(f["low"]), float(f["high"])))
    if groups is not None:
        hidden = _hidden(groups["observed"].to_numpy(dtype=np.int64))
        names = [c for c in groups.columns if c not in ("observed", "N", "se", "low", "high")]
        for hide, g in zip(hidden, groups.to_dict("records"), strict=True):
            name = ", ".join(f"{n} = {g[n]}" for n in names)
            size = (math.nan, math.nan, math.nan) if one else (g["N"], g["low"], g["high"])
            rows.append(_row("group", name, None if hide else int(g["observed"]), *size))
    verdict = found.verdict
    reasons = () if verdict is None else tuple(_safe(r, one) for r in verdict.reasons)
    notes = [x for x in found.notes if x.code in _PLAIN or not (one or x.code in _TELL)]
    return PublishedRegister(
        title=title or table.name, titles=titles or {}, prob=prob, rows=tuple(rows),
        frequencies=() if few else _classes(table.frequencies(), expected_frequencies(found, table), one),
        level="do not publish" if verdict is None else verdict.level, reasons=reasons,
        notes=(*(() if found.chosen is None else (found.chosen,)), *notes, *((said("register.one_number"),) * one)),
        assumptions=found.assumptions, citations=found.citations,
        made={"settings": {k: v for k, v in found.spec.items() if isinstance(v, str | int | float | bool)},
              "versions": versions()},
    )  # fmt: skip


_TELL = frozenset({"note.one_inflated", "note.one_inflated_instead", "note.misfit"})
"""Notes with figures from which single counts could be worked out."""
_PLAIN = frozenset({"note.register_departures", "note.register_departures_without"})
"""Notes that are the same whatever the counts are."""


def _row(
    kind: str, name: str, observed: int | None, point: float, low: float, high: float, *, coarse: bool = False
) -> RegisterRow:  # fmt: skip
    if observed is None or not np.isfinite(point):
        return RegisterRow(kind, name, observed if kind != "family" else None, None, None, None)
    made = rounded_values(point, low, high, "persons", observed=observed, coarse=coarse)
    return RegisterRow(kind, name, observed, made.point, made.low, made.high)


def _safe(reason: Reason, plain: bool) -> Reason:
    small = reason.code in ("observed", "repeated") and reason.figures.get("figure", SMALL) < SMALL
    return Reason(reason.code, reason.level) if plain or small else reason


def _hidden(counts: np.ndarray[Any, np.dtype[np.int64]]) -> list[bool]:
    """Return which groups are left out: the small ones, and more until those left out are not told by the others."""
    hidden = (counts > 0) & (counts < SMALL)
    order = np.argsort(counts)
    for place in order:
        if not hidden.any() or (hidden.sum() > 1 and counts[hidden].sum() >= 2 * SMALL):
            break
        hidden[place] = True
    return [bool(x) for x in hidden]


def _classes(
    seen: np.ndarray[Any, Any], expected: np.ndarray[Any, Any], one: bool
) -> tuple[tuple[str, int, float | None], ...]:  # fmt: skip
    """Return classes of registrations, from the first one of fewer than ten persons on joined into one."""
    small = next((k for k, count in enumerate(seen) if 0 < count < SMALL), len(seen))
    rest = int(seen[small:].sum())
    while small > 0 and 0 < rest < SMALL:
        small -= 1
        rest = int(seen[small:].sum())
    out = [(str(k + 1), int(seen[k]), float(expected[k])) for k in range(small)]
    if rest:
        out.append((f"{small + 1}+", rest, float(seen.sum() - expected[:small].sum())))
    return tuple((name, count, None if one else round(max(fitted, 0.0), 1)) for name, count, fitted in out)


def write_register(
    folder: str | Path, found: PublishedRegister, languages: Sequence[str] = ("en", "nl"), *, overwrite: bool = False
) -> Path:
    """Write an answer from one register into a folder, in one step.

    Raises
    ------
    InputError
        When the folder exists and may not be replaced, or cannot be written.
    """
    import pandas as pd

    out = Path(folder)
    classes = pd.DataFrame(found.frequencies, columns=["registrations", "persons", "expected"])
    record = json.dumps(found.as_record(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    files = {ROWS: csv_text(found.to_pandas()), FREQUENCIES: csv_text(classes), JSON: record}
    write_open(out, files | register_pages(found, languages), JSON, overwrite=overwrite)
    return out


def register_pages(found: PublishedRegister, languages: Sequence[str]) -> dict[str, str]:
    """Return the pages by the name of their file; the first language has the plain name."""
    names = [f"{PAGE}.html" if i == 0 else f"{PAGE}.{x}.html" for i, x in enumerate(languages)]
    return {name: register_page(found, language) for name, language in zip(names, languages, strict=True)}


def read_register(folder: str | Path) -> PublishedRegister:
    """Read what `write_register` wrote.

    Raises
    ------
    InputError
        When it is not there, or is damaged.
    """
    path = Path(folder) / JSON
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        told = from_json(json.dumps(record["said"]))
        return PublishedRegister(
            record["title"], record["prob"], tuple(RegisterRow(*r) for r in record["rows"]),
            tuple((str(a), int(b), None if c is None else float(c)) for a, b, c in record["frequencies"]),
            record["verdict"],
            tuple(reason_from(r | {"text": ""}) for r in record["reasons"]), told.get("note", ()),
            told.get("assumption", ()), tuple(record["citations"]), record["made"],
            record.get("titles", {}),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            Problem(said("register.damaged"), said("register.damaged_allowed"), said("register.damaged_remedy"),
                    file=str(path))
        ) from error  # fmt: skip


def is_register(folder: str | Path) -> bool:
    """Return whether a folder holds an answer from one register."""
    return (Path(folder) / JSON).is_file()


def rewrite_pages(folder: str | Path, languages: Sequence[str] = ()) -> list[Path]:
    """Write the pages of a folder of one register again, and return their paths.

    Raises
    ------
    InputError
        When the folder is damaged.
    """
    pages = register_pages(read_register(folder), languages or ("en", "nl"))
    for name, text in pages.items():
        write_file(Path(folder) / name, text.encode("utf-8"))
    return [Path(folder) / name for name in pages]


def register_page(found: PublishedRegister, language: str) -> str:
    """Return the page of a language: one HTML file that loads nothing, the same bytes for the same numbers."""
    say = read_catalogue(language)
    first = found.rows[0]
    judgement = JUDGEMENTS[found.level]  # type: ignore[index]
    drawing = register_drawing(found, language)
    return page_template("register.html").render(
        language=language, title=found.titles.get(language, found.title), tone=judgement,
        verdict=say(f"verdict.{judgement}.name"),
        meaning=say(f"verdict.{judgement}.meaning"), sentence=_sentence(first, found.prob, judgement, say),
        reasons=[say.said(r.said) for r in found.reasons], drawing=drawing, sheets=_sheets(found, say),
        notes=[as_sentence(say.said(x)) for x in found.notes],
        assumptions=[as_sentence(say.said(x)) for x in found.assumptions],
        citations=found.citations,
        labels={x: say(f"registerpage.{x}") for x in ("why", "picture", "numbers", "assumed", "sources", "notes")},
    )  # fmt: skip


def register_drawing(found: PublishedRegister, language: str) -> Drawing | None:
    """Return the figure of the page; None where counts are too small to be told."""
    say = read_catalogue(language)
    first = found.rows[0]
    finding = say("registerpage.finding" if found.fitted else "registerpage.finding_counts")
    bars = [Bar(name, float(count), fitted) for name, count, fitted in found.frequencies]
    if not bars or first.point is None or first.low is None or first.high is None:
        return None
    unseen = tuple(max(x - sum(b.seen for b in bars), 0.0) for x in (first.point, first.low, first.high))
    wide, narrow = (register_bars(bars, unseen, say, finding, width) for width in (WIDE, NARROW))
    return Drawing(wide, narrow, finding)


def _sentence(first: RegisterRow, prob: float, judgement: str, say: Catalogue) -> str:
    if first.point is None or first.observed is None or first.low is None or first.high is None:
        return say("registerpage.withheld")
    size = Rounded(first.point, first.low, first.high, 1.0)
    return register_sentence(size, first.observed, prob, judgement, say)


def _sheets(found: PublishedRegister, say: Catalogue) -> list[Sheet]:
    """Return the numbers, and the groups where there are any, as tables."""
    sheets = []
    first = "table" if len({r.kind for r in found.rows} - {"group"}) > 1 else "answer"
    for caption, kinds in ((first, ("headline", "held", "family")), ("groups", ("group",))):
        rows = []
        for r in found.rows:
            if r.kind not in kinds:
                continue
            name = capital(say.said(LABELS[cast(Family, r.name)])) if r.kind == "family" else r.name
            name = name if r.kind in ("family", "group") else say(f"registerpage.{r.kind}")
            seen = "–" if r.observed is None else say.number(r.observed)
            point = "–" if r.point is None else say.number(r.point)
            known = r.low is not None and r.high is not None
            ends = say("format.range", low=say.number(r.low), high=say.number(r.high)) if known else ""  # type: ignore[arg-type]
            cells = tuple(Cell(Words(x)) for x in (name, seen, point, ends))
            rows.append(Row(cells, "main" if r.kind == "headline" else ""))
        if rows:
            heads = [Column(say("registerpage.what"))]
            heads += [Column(say(f"registerpage.{x}"), numeric=True) for x in ("seen", "number", "interval")]
            sheets.append(Sheet(say(f"registerpage.{caption}"), tuple(heads), tuple(rows)))
    return sheets
