"""Calls of other packages and ours, with their numbers beside each other: ``python -m benchmarks.phrasebook [--slow]``.

``benchmarks/phrases.toml`` has the pairs; numbers of other packages are read from ``tests/golden``, each with the call
that made it; ours are computed, stored with their date in ``benchmarks/phrasebook.json``, and written with
theirs into ``docs/phrasebook.md``. ``--slow`` computes the slow ones again too.
"""

from __future__ import annotations

import gzip
import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from benchmarks.pages import DOCS, ROOT

PAGE = DOCS / "phrasebook.md"
GOLDEN = ROOT / "tests" / "golden"
STORED = ROOT / "benchmarks" / "phrasebook.json"
PACKAGES = {
    "Rcapture": "Rcapture 1.4-4",
    "SparseMSE": "SparseMSE 2.0.1",
    "MultipleSystemsEstimation": "MultipleSystemsEstimation 1.2.0",
    "dga": "dga 2.0.2",
    "LCMCR": "LCMCR 0.4.14",
    "conting": "conting 1.7",
    "singleRcapture": "singleRcapture",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A number of theirs, and ours.

    Parameters
    ----------
    what : str
        What it is.
    theirs : float
        As stored in ``tests/golden``.
    expression : str
        What gives ours after the code of the phrase.
    digits : int
        Behind the point.
    error : float
        By which share the two may differ: rounding for exact methods, the Monte Carlo error of theirs for others.
    """

    what: str
    theirs: float
    expression: str
    digits: int
    error: float


@dataclass(frozen=True, slots=True)
class Phrase:
    """One thing to do, in another package and here.

    Parameters
    ----------
    package, title : str
        Whose call it is, and what it does.
    table : str
        Name of the public table.
    repeats : bool
        Whether it is a table of one register.
    call, code, command, note : str
        Their call; ours in Python and as a command; what a reader should know.
    rows : tuple of Row
        Numbers of both.
    slow : bool
        Whether ours is computed only on demand.
    stored : mapping or None
        Where ours stand, when a run of ``tests/calibration`` stores them: its file, the way to them, the command.
    """

    package: str
    title: str
    table: str
    repeats: bool
    call: str
    code: str
    command: str
    note: str
    rows: tuple[Row, ...]
    slow: bool
    stored: Mapping[str, Any] | None

    @property
    def key(self) -> str:
        """Name under which our numbers are stored."""
        return f"{self.package}: {self.title}"


@cache
def golden(name: str) -> Any:
    """Return a stored file of results of another package."""
    path = GOLDEN / name
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return json.loads(raw)


def found_at(name: str, way: Sequence[str | int]) -> Any:
    """Return what stands at the end of a way of keys and positions in a stored file."""
    value = golden(name)
    for step in way:
        value = value[step]
    return value


def phrases() -> list[Phrase]:
    """Return all pairs."""
    listed = tomllib.loads((ROOT / "benchmarks" / "phrases.toml").read_text(encoding="utf-8"))["phrase"]
    return [_phrase(entry) for entry in listed]


def _phrase(entry: Mapping[str, Any]) -> Phrase:
    rows = tuple(
        Row(row["what"], float(found_at(row["file"], row["at"])), row["ours"], row.get("digits", 0),
            row.get("error", 1e-4))
        for row in entry["rows"]
    )  # fmt: skip
    call = entry.get("call") or str(found_at(entry["rows"][0]["file"], entry["call_at"]))
    return Phrase(
        entry["package"], entry["title"], entry.get("table") or entry["repeats"], "repeats" in entry,
        call.partition(" # ")[0].strip(), entry["code"].strip(), entry["command"], entry.get("note", ""), rows,
        entry.get("slow", False), entry.get("stored"),
    )  # fmt: skip


def ours(phrase: Phrase) -> list[float]:
    """Compute our numbers of one pair."""
    import mse

    if phrase.stored is not None:
        run = _stored_run(phrase)
        return [float(_along(run, row.expression.split("."))) for row in phrase.rows]
    table = mse.load_repeats(phrase.table) if phrase.repeats else mse.load_table(phrase.table)
    names: dict[str, Any] = {"mse": mse, "table": table}
    exec(phrase.code, names)
    return [float(eval(row.expression, names)) for row in phrase.rows]


def stored() -> dict[str, dict[str, Any]]:
    """Return our numbers as they were last computed, by pair, each with its day."""
    known = json.loads(STORED.read_text(encoding="utf-8")) if STORED.is_file() else {}
    return {phrase.key: known[phrase.key] for phrase in phrases() if phrase.key in known}


def _stored_run(phrase: Phrase) -> Any:
    """Return the stored run that has our numbers, with its date."""
    assert phrase.stored is not None
    path = ROOT / "tests" / "calibration" / phrase.stored["file"]
    return _along(json.loads(path.read_text(encoding="utf-8")), phrase.stored["at"])


def _along(value: Any, way: Sequence[str]) -> Any:
    for step in way:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def written(known: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the pairs as they stand on the page."""
    parts: list[str] = []
    for phrase in (phrase for phrase in phrases() if phrase.key in known):
        if not any(f"## {phrase.package}" == part for part in parts):
            parts.append(f"## {phrase.package}")
        load = f'table = mse.load_{"repeats" if phrase.repeats else "table"}("{phrase.table}")'
        found = known[phrase.key]
        lines = [f"| | {PACKAGES[phrase.package]} | mse |", "|---|---:|---:|"]
        for row, value in zip(phrase.rows, found["ours"], strict=True):
            lines.append(f"| {row.what} | {row.theirs:,.{row.digits}f} | {value:,.{row.digits}f} |")
        parts += [
            f"### {phrase.title}",
            f"```r\n{phrase.call}\n```",
            f"```python\n{load}\n{phrase.code}\n```",
            f"```sh\n{phrase.command}\n```",
            "\n".join(lines),
            *([phrase.note] if phrase.note else []),
        ]
    days = sorted({entry["day"] for entry in known.values()})
    span = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return "\n\n".join([*parts, f"Written by `python -m benchmarks.phrasebook --slow`; our numbers are of {span}."])


def main(arguments: Sequence[str]) -> None:
    """Compute what is asked for, store it, and write the page."""
    from benchmarks.readme import put

    known = stored()
    asked = [word for word in arguments if word != "--slow"]
    for phrase in phrases():
        named = not asked or any(word in phrase.key for word in asked)
        if named and (phrase.key not in known or not phrase.slow or "--slow" in arguments):
            day = date.today().isoformat() if phrase.stored is None else _stored_run(phrase)["date"]
            known[phrase.key] = {"day": day, "ours": [round(x, 6) for x in ours(phrase)]}
            print(phrase.key, known[phrase.key]["ours"], file=sys.stderr)
            STORED.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8", newline="\n")
    put("phrases", written(stored()), code=False, file=PAGE)


if __name__ == "__main__":
    main(sys.argv[1:])
