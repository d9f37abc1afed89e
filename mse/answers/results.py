"""The results folder of one run: what is written, and how it is read again."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.answers.posterior import Posterior
from mse.errors import InputError, Problem

if TYPE_CHECKING:
    import pandas as pd

POSTERIOR, ESTIMATES, MODELS, STRATA, PROVENANCE, REPORT, TABLES, INTAKE = (
    "posterior.nc", "estimates.csv", "models.csv", "strata.csv", "provenance.json", "report.html", "tables", "intake",
)  # fmt: skip
_NAMES = {POSTERIOR, ESTIMATES, MODELS, STRATA, PROVENANCE, TABLES, INTAKE}
_PAGE = re.compile(r"report(\.[a-z]{2})?\.(html|pdf)")


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Everything that one run found, as its folder holds it.

    Parameters
    ----------
    headline : Posterior
        The answer, judged.
    comparison : DataFrame
        One row per method, the headline first, as ``mse.compare`` gives it (``estimates.csv``).
    provenance : mapping
        Inputs with digests, resolved job, overlap of the lists, versions, seed, timings (``provenance.json``).
    tables : mapping of str to DataFrame
        What else the job asked for, by name (``tables/NAME.csv``): ``sensitivity``, ``robustness``, ``consistency``,
        ``fit``, ``coverage``, ``calibrated``, ``flow``, ``truth``, ``indicators``, ``sdg``, ``survey``, ``chain``, ….
    """

    headline: Posterior
    comparison: pd.DataFrame
    provenance: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def write_results(
    folder: str | Path,
    results: Results,
    render: Callable[[Results], str | Mapping[str, str | bytes]],
    *,
    overwrite: bool = False,
    intake: Path | None = None,
) -> None:
    """Write the results folder in one step: either all files are there afterwards, or none.

    Parameters
    ----------
    folder : str or Path
        Where to; made if missing.
    results : Results
        What to write.
    render : callable
        Makes the HTML page from the results, or several pages by file name.
    overwrite : bool
        Replace a folder that exists.
    intake : Path, optional
        Folder with what reading the registers left (rejected rows, quality reports); copied in as ``intake/``.

    Raises
    ------
    InputError
        When the folder exists and `overwrite` is false.
    """
    folder = Path(folder)
    check_free(folder, overwrite)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        fresh = Path(name) / folder.name
        fresh.mkdir()
        results.headline.save(fresh / POSTERIOR)
        results.comparison.to_csv(fresh / ESTIMATES, index=False)
        models = results.headline.models
        if models is not None:
            models.to_pandas().to_csv(fresh / MODELS, index=False)
        strata = results.headline.strata
        if strata is not None:
            rows = strata.to_pandas(*strata.dimensions, prob=results.provenance["prob"])
            rows.to_csv(fresh / STRATA, index=False)
        text = json.dumps(results.provenance, indent=2, sort_keys=True, ensure_ascii=False)
        (fresh / PROVENANCE).write_text(text + "\n", encoding="utf-8")
        for table, frame in results.tables.items():
            (fresh / TABLES).mkdir(exist_ok=True)
            frame.to_csv(fresh / TABLES / f"{table}.csv", index=False)
        rendered = render(results)
        for page, content in ({REPORT: rendered} if isinstance(rendered, str) else rendered).items():
            (fresh / page).write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        if intake is not None:
            shutil.copytree(intake, fresh / INTAKE)
        if folder.exists():
            # Moved aside, into the temporary folder that goes away: at no time is there neither the old nor the new.
            os.replace(folder, Path(name) / "old")
        os.replace(fresh, folder)


def check_free(folder: Path, overwrite: bool) -> None:
    """Raise InputError when `folder` cannot be written, exists and may not be replaced, or holds anything else."""
    place = str(folder)
    home = next((p for p in (folder, *folder.absolute().parents) if p.exists()), Path("/"))
    if not home.is_dir() or not os.access(home, os.W_OK):
        raise InputError(
            Problem("the results folder cannot be made there", "a place in a folder that you may write to",
                    "choose another folder with --out", file=place)
        )  # fmt: skip
    if folder.is_symlink():
        raise InputError(
            Problem("the results folder is a link", "a folder itself", "choose another folder with --out", file=place)
        )
    if not folder.exists() or not any(folder.iterdir()):
        return
    foreign = sorted(p.name for p in folder.iterdir() if p.name not in _NAMES and not _PAGE.fullmatch(p.name))
    if foreign or not _ours(folder):
        more = f" (for example {foreign[0]})" if foreign else ""
        raise InputError(
            Problem(f"the folder holds files that are not results of mse{more}", "a new folder, or one that mse wrote",
                    "choose another folder with --out", file=place)
        )  # fmt: skip
    if not overwrite:
        raise InputError(
            Problem("the results folder exists already", "a new folder, or leave to replace it",
                    "add --overwrite, or choose another folder with --out", file=place)
        )  # fmt: skip


def _ours(folder: Path) -> bool:
    """Tell whether the provenance in a folder is one that mse wrote."""
    try:
        record = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and "mse-engine" in record.get("versions", {})


def read_results(folder: str | Path) -> Results:
    """Read a results folder.

    Raises
    ------
    InputError
        With every file that is missing or cannot be read.
    """
    import pandas as pd

    folder = Path(folder)
    missing = [name for name in (POSTERIOR, ESTIMATES, PROVENANCE) if not (folder / name).is_file()]
    if missing:
        raise InputError(
            [Problem(f"the results folder lacks {name}", "a folder written by mse run or mse estimate --out",
                     "check the path, or run the job again", file=str(folder)) for name in missing]
        )  # fmt: skip
    try:
        provenance = json.loads((folder / PROVENANCE).read_text(encoding="utf-8"))
        comparison = pd.read_csv(folder / ESTIMATES)
        if "headline" not in comparison.columns:
            raise ValueError(ESTIMATES)
        tables = {path.stem: pd.read_csv(path) for path in sorted((folder / TABLES).glob("*.csv"))}
    except ValueError as error:
        raise InputError(
            Problem("a file of the results folder is damaged", "JSON and CSV as mse wrote them",
                    "run the job again", file=str(folder))
        ) from error  # fmt: skip
    return Results(Posterior.load(folder / POSTERIOR), comparison, provenance, tables)


def summary_record(results: Results) -> dict[str, Any]:
    """Return the results as plain values for JSON: ``title``, ``estimate``, ``humps``, ``methods``, ``models``, ….

    Numbers that do not exist are null. ``estimate`` has the fields of `mse.answers.estimates.Estimate` with the verdict
    in full; ``methods`` is the comparison; ``models`` holds the ten heaviest; ``interactions`` their probabilities;
    ``summed_over`` the covariates whose levels were added up, ``columns_not_read`` what was left of the file.
    """
    headline = results.headline
    models = [] if headline.models is None else headline.models.to_pandas().head(10).to_dict("records")
    record = {
        "title": results.provenance["title"],
        "estimate": headline.summary(results.provenance["prob"]).as_dict(),
        "humps": [asdict(hump) for hump in headline.humps()],
        "methods": results.comparison.to_dict("records"),
        "models": models,
        "interactions": dict(headline.interactions),
        "diagnostics": dict(headline.diagnostics),
        "notes": list(headline.notes),
        "summed_over": list(results.provenance["table"].get("summed_over", ())),
        "columns_not_read": list(results.provenance["table"].get("columns_not_read", ())),
        "seed": results.provenance["seed"],
        "versions": results.provenance["versions"],
    }
    values: dict[str, Any] = plain(record)
    return values


def plain(value: Any) -> Any:
    """Return `value` with numpy scalars as Python numbers and non-finite numbers as None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
