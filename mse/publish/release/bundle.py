"""The release bundle: what anybody may have of a result.

A release is a folder with one CSV file per published table, ``datapackage.json`` (Frictionless) and ``figures.json``
with every published figure. It holds rounded and controlled numbers only: unrounded ones, draws and raw overlap counts
stay in the results folder, the audit record, from which `mse.publish.release.verification` derives every figure again.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.answers.results import POSTERIOR, Results, plain, read_results
from mse.computing.provenance import file_digest, versions
from mse.errors import InputError, Problem
from mse.publish.facts.entries import mapping
from mse.publish.facts.statements import read_facts
from mse.publish.registered import disclosure_rule, is_public
from mse.publish.release.outgoing import published_tables
from mse.publish.release.publishedfigures import published_figures
from mse.publish.standing import told
from mse.publish.wording.messages import read_catalogue
from mse.publish.wording.sentences import headline as headline_of

if TYPE_CHECKING:
    import pandas as pd

FIGURES, PACKAGE = "figures.json", "datapackage.json"
FORMAT = "mse-release/1"
_GUESSABLE = "withheld: the few small counts behind a digest of the raw table could be guessed back from it"


def write_release(folder: str | Path, out: str | Path | None = None, *, overwrite: bool = False) -> Path:
    """Write the release of a results folder, in one step: either all files are there afterwards, or none.

    Parameters
    ----------
    folder : str or Path
        A results folder, the audit record.
    out : str or Path, optional
        Where to; beside the results folder, with ``-release`` after its name, when not given.
    overwrite : bool
        Replace a release that exists.

    Returns
    -------
    Path
        The folder of the release.

    Raises
    ------
    InputError
        When the results cannot be read, or `out` exists and is no release or may not be replaced.
    """
    results = read_results(folder)
    place = Path(folder).absolute()
    out = place.with_name(f"{place.name}-release") if out is None else Path(out)
    _check_free(out, overwrite)
    tables = published_tables(results)
    record = release_record(results, tables, place)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as name:
        fresh = Path(name) / out.name
        fresh.mkdir()
        for table, frame in tables.items():
            (fresh / f"{table}.csv").write_text(release_csv(frame), encoding="utf-8")
        (fresh / FIGURES).write_text(release_json(record), encoding="utf-8")
        (fresh / PACKAGE).write_text(release_json(_package(results, tables, fresh, record)), encoding="utf-8")
        if out.exists():
            os.replace(out, Path(name) / "old")
        os.replace(fresh, out)
    return out


def release_record(results: Results, tables: Mapping[str, pd.DataFrame], folder: Path) -> dict[str, Any]:
    """Return the content of ``figures.json``."""
    headline, provenance = results.headline, results.provenance
    verdict = headline.verdict
    public = is_public(results)
    estimate = headline.summary(provenance["prob"])
    job = json.dumps(provenance.get("job"), sort_keys=True, ensure_ascii=True)
    say = read_catalogue("en")
    words = headline_of(read_facts(results, say), say)
    reasons = [
        {"code": reason.code, "level": reason.level, "text": said.text}
        for reason, said in zip(verdict.reasons if verdict else (), words.reasons, strict=True)
        if public or reason.code != "observed"  # it states the count
    ]
    return {
        "format": FORMAT,
        "title": provenance["title"],
        "audit": {"folder": folder.name},
        "verdict": None if verdict is None else {
            "level": verdict.level,
            "reasons": reasons,
            "account": list(words.account),
            "checked": list(verdict.checked),
            "parts": [
                {"where": dict(part.levels), "level": part.level, "because": told(part)}
                for part in verdict.parts
            ],  # figures stay inside: they tell counts
        },
        "estimate": {
            "method": estimate.method, "kind": estimate.kind, "interval_contains": list(estimate.inside),
            "interval_leaves_out": list(estimate.outside), "assumptions": list(estimate.assumptions),
            "citations": list(estimate.citations),
        },
        "disclosure": disclosure_rule(results).in_words(),
        "digests": {
            "table": headline.table_digest if public else _GUESSABLE,
            "posterior": f"sha256:{file_digest(folder / POSTERIOR)}" if public else _GUESSABLE,
            "job": f"sha256:{hashlib.sha256(job.encode()).hexdigest()}",
        },
        "versions": dict(provenance["versions"]),
        "figures": [asdict(figure) for figure in published_figures(results, tables)],
    }  # fmt: skip


def _package(
    results: Results, tables: Mapping[str, pd.DataFrame], folder: Path, record: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the content of ``datapackage.json``."""
    about = mapping(results.provenance.get("table"))
    sources = [dict(mapping(x)) if isinstance(x, Mapping) else {"title": str(x)} for x in about.get("sources", ())]
    resources = [
        {"name": f"table-{name.replace('_', '-')}", "type": "table", "title": _TITLES.get(name, name)}
        | _file(folder / f"{name}.csv", "csv", "text/csv")
        | {"schema": {"fields": [{"name": str(c), "type": _type(frame[c])} for c in frame], "missingValues": [""]}}
        for name, frame in tables.items()
    ]  # fmt: skip
    figures = {"name": "figures", "type": "json", "title": "Every published figure"}
    resources.append(figures | _file(folder / FIGURES, "json", "application/json"))
    title = str(results.provenance["title"])
    name = "".join(x if x.isalnum() else "-" for x in title.casefold()).strip("-")
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "-".join(filter(None, name.encode("ascii", "ignore").decode().split("-"))) or "release",
        "title": title,
        **({"sources": sources} if sources else {}),
        "resources": resources,
        "mse": {name: record[name] for name in ("verdict", "estimate", "disclosure", "digests", "versions")}
        | {"written_with": versions()},
    }


def _file(path: Path, form: str, mediatype: str) -> dict[str, object]:
    """Return what Frictionless wants to know of a file."""
    size, digest = path.stat().st_size, f"sha256:{file_digest(path)}"
    return {
        "path": path.name,
        "format": form,
        "mediatype": mediatype,
        "encoding": "utf-8",
        "bytes": size,
        "hash": digest,
    }


_TITLES = {
    "indicators": "Indicators: in view and hidden, rates, shares, change",
    "counts": "Registered persons after disclosure control",
    "lists": "Persons on each list and each two lists, after disclosure control",
    "methods": "The estimate beside other methods",
    "sdg": "SDG 16.2.2: victims per 100,000, detected and undetected",
    "chain": "Rates along the chain",
    "survey": "Survey prevalence",
    "sensitivity": "The estimate under departures from the identifying assumption",
    "prior": "The estimate under other priors",
    "linkage_error": "The estimate under errors of linkage",
    "robustness": "The estimate without one list, and with lists taken together",
    "calibrated": "The ordinary and the calibrated interval",
}


def _type(column: pd.Series[Any]) -> str:
    """Return the type of Frictionless for a column."""
    if column.dtype.kind == "b":
        return "boolean"
    return "number" if column.dtype.kind in "iuf" else "string"


def release_csv(frame: pd.DataFrame) -> str:
    """Return a table as CSV: whole numbers without a fraction, nothing where there is no number."""
    return str(frame.map(_cell).to_csv(index=False, lineterminator="\n"))


def _cell(value: object) -> str:
    import pandas as pd

    if isinstance(value, bool) or type(value).__name__ == "bool":
        return str(value).casefold()
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def release_json(record: Mapping[str, Any]) -> str:
    """Return a record as JSON; numbers that do not exist are null."""
    return json.dumps(plain(record), indent=2, ensure_ascii=False) + "\n"


def _check_free(out: Path, overwrite: bool) -> None:
    """Raise InputError when a release cannot be written there."""
    place = str(out)
    home = next((p for p in out.absolute().parents if p.exists()), Path("/"))
    if out.is_symlink() or not home.is_dir() or not os.access(home, os.W_OK):
        raise InputError(
            Problem("the release cannot be written there", "a place in a folder that you may write to",
                    "choose another folder with --out", file=place)
        )  # fmt: skip
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    ours = out.is_dir() and (out / FIGURES).is_file() and (out / PACKAGE).is_file()
    if not ours:
        raise InputError(
            Problem("the folder holds files that are no release of mse", "a new folder, or a release to replace",
                    "choose another folder with --out", file=place)
        )  # fmt: skip
    if not overwrite:
        raise InputError(
            Problem("the release exists already", "a new folder, or leave to replace it",
                    "add --overwrite, or choose another folder with --out", file=place)
        )  # fmt: skip
