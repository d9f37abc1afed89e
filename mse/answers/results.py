"""The results folder of one run: what is written, and how it is read again."""

from __future__ import annotations

import io
import json
import math
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.answers.laterframes import Rows
from mse.answers.notebook import Picture, drawn
from mse.answers.posterior import Posterior
from mse.answers.record import Record, seal_record
from mse.answers.recordchecks import RESULTS, Damaged, check_comparison, damage, read_record
from mse.answers.recordform import read_record_json, record_json
from mse.computing.csvtext import read_csv, write_csv
from mse.computing.filemodes import make_open, make_private, private_writing
from mse.computing.inputfiles import read_input
from mse.computing.provenance import file_digest
from mse.computing.savefiles import replace_folder, work_folder, write_file
from mse.computing.sealing import keyed
from mse.errors import InputError, Problem
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

POSTERIOR, ESTIMATES, MODELS, STRATA, PROVENANCE, TABLES, INTAKE = (
    "posterior.nc", "estimates.csv", "models.csv", "strata.csv", "provenance.json", "tables", "intake",
)  # fmt: skip
"""The audit record: its owner's alone."""

PUBLIC = "public"
"""The folder in a results folder that holds what may be shown."""

REPORT = f"{PUBLIC}/report.html"
"""Where the page stands in a results folder."""

_NAMES = {POSTERIOR, ESTIMATES, MODELS, STRATA, PROVENANCE, TABLES, INTAKE, PUBLIC}
_PAGE = re.compile(r"report(\.[a-z]{2})?\.(html|pdf|docx)")


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Everything that one run found, as its folder holds it.

    Parameters
    ----------
    headline : Posterior
        The answer, judged.
    methods : Rows or DataFrame
        One row per method, the headline first, as ``mse.compare`` gives it (``estimates.csv``); ``.comparison`` is the
        data frame of them.
    record : Record
        Inputs with digests, resolved job, overlap of the lists, versions, seed (``provenance.json``).
    tables : mapping of str to DataFrame
        What else the job asked for, by name (``tables/NAME.csv``): ``sensitivity``, ``robustness``, ``consistency``,
        ``fit``, ``coverage``, ``calibrated``, ``flow``, ``truth``, ``indicators``, ``sdg``, ``survey``, ``chain``, ….
    """

    headline: Posterior
    methods: Rows | pd.DataFrame
    record: Record
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def comparison(self) -> pd.DataFrame:
        """One row per method, the headline first."""
        return self.methods.frame if isinstance(self.methods, Rows) else self.methods

    @property
    def method_rows(self) -> Sequence[Mapping[Any, Any]]:
        """The same row by row."""
        return self.methods.records if isinstance(self.methods, Rows) else self.methods.to_dict("records")

    def __repr__(self) -> str:
        """One line: what it is of, and the headline."""
        return f"<Results {self.record.title!r}: {repr(self.headline)[1:]}"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the headline."""
        return self.headline._repr_html_()

    def plot(self, kind: str = "intervals", *, language: str = "en") -> Picture:
        """Return a figure of the report, see `mse.plot`."""
        return drawn(self, kind, language)


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
        Where to; made if missing. It is its owner's alone (0700, files 0600); ``public`` in it holds what may be shown.
    results : Results
        What to write. Where the table is not public its digests are keyed with a secret that stays in the record.
    render : callable
        Makes the HTML page from the results, or several pages by file name; they go to ``public``.
    overwrite : bool
        Replace a folder that exists.
    intake : Path, optional
        Folder with what reading the registers left (rejected rows, quality reports); copied in as ``intake/``.

    Raises
    ------
    InputError
        When the folder exists and `overwrite` is false, or the machine cannot write it.
    """
    folder = Path(folder)
    check_free(folder, overwrite)
    with private_writing(), work_folder(folder) as work:
        fresh = work / folder.name
        fresh.mkdir()
        _fill(fresh, _sealed(results))
        write_public(fresh, render(results))
        if intake is not None:
            shutil.copytree(intake, fresh / INTAKE)
        make_private(fresh, but=PUBLIC)
        replace_folder(fresh, folder, work)


def _fill(folder: Path, results: Results) -> None:
    """Write the audit record into an empty folder."""
    results.headline.save(folder / POSTERIOR)
    write_csv(results.comparison, folder / ESTIMATES)
    models, strata = results.headline.models, results.headline.strata
    if models is not None:
        write_csv(models.to_pandas(), folder / MODELS)
    if strata is not None:
        write_csv(strata.to_pandas(*strata.dimensions, prob=results.record.prob), folder / STRATA)
    write_record(folder, results.record)
    for table, frame in results.tables.items():
        (folder / TABLES).mkdir(exist_ok=True)
        write_csv(frame, folder / TABLES / f"{table}.csv")


def write_record(folder: Path, record: Record) -> bool:
    """Write the record of a results folder, whose posterior is there, and return whether anything is new in it."""
    about = record_json(replace(record, files={POSTERIOR: file_digest(folder / POSTERIOR)}))
    content = (json.dumps(about, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8")
    path = folder / PROVENANCE
    if path.is_file() and path.read_bytes() == content:
        return False
    with private_writing():
        write_file(path, content)
    return True


def _sealed(results: Results) -> Results:
    """Return the results with keyed digests where the table is not public."""
    record = seal_record(results.record)
    if record.secret is None:
        return results
    digest = keyed(record.secret, results.headline.table_digest)
    return replace(results, headline=replace(results.headline, table_digest=digest), record=record)


def write_public(folder: Path, pages: str | Mapping[str, str | bytes]) -> tuple[Path, ...]:
    """Write pages into ``public`` of a results folder, where everybody may read them, and return where they are.

    Parameters
    ----------
    folder : Path
        A results folder; a page that an earlier version of the engine left in it, beside the audit record, goes.
    pages : str or mapping of str to str or bytes
        The page in HTML, or several by the name of their file.
    """
    home = folder / PUBLIC
    home.mkdir(exist_ok=True)
    made = {Path(REPORT).name: pages} if isinstance(pages, str) else pages
    for page, content in made.items():
        write_file(home / page, content.encode("utf-8") if isinstance(content, str) else content)
        (folder / page).unlink(missing_ok=True)
    make_open(home)
    return tuple(home / page for page in made)


def check_free(folder: Path, overwrite: bool) -> None:
    """Raise InputError when `folder` cannot be written, exists and may not be replaced, or holds anything else."""
    place = str(folder)
    home = next((p for p in (folder, *folder.absolute().parents) if p.exists()), Path("/"))
    if not home.is_dir() or not os.access(home, os.W_OK):
        raise InputError(
            Problem(said("found.results_folder_cannot_made"), said("allowed.place_folder_you_may"),
                    said("do.choose_another_folder_out"), file=place)
        )  # fmt: skip
    if folder.is_symlink():
        raise InputError(
            Problem(
                said("found.results_folder_link"),
                said("allowed.folder_itself"),
                said("do.choose_another_folder_out"),
                file=place,
            )
        )
    if not folder.exists() or not any(folder.iterdir()):
        return
    foreign = sorted(p.name for p in folder.iterdir() if p.name not in _NAMES and not _PAGE.fullmatch(p.name))
    shown = folder / PUBLIC
    foreign += (
        sorted(f"{PUBLIC}/{p.name}" for p in shown.iterdir() if not _PAGE.fullmatch(p.name)) if shown.is_dir() else []
    )
    if foreign or not _ours(folder):
        more = said("found.for_example", name=foreign[0]) if foreign else ""
        raise InputError(
            Problem(said("found.folder_holds_files_not", more=more), said("allowed.new_folder_one_mse"),
                    said("do.choose_another_folder_out"), file=place)
        )  # fmt: skip
    if not overwrite:
        raise InputError(
            Problem(said("found.results_folder_exists_already"), said("allowed.new_folder_leave_replace"),
                    said("do.add_overwrite_choose_another"), file=place)
        )  # fmt: skip


def _ours(folder: Path) -> bool:
    """Tell whether the record in a folder is one that mse wrote."""
    try:
        versions = read_record(folder / PROVENANCE).get("versions")
    except (OSError, Damaged):
        return False
    return isinstance(versions, dict) and "mse-engine" in versions


def read_results(folder: str | Path) -> Results:
    """Read a results folder.

    Raises
    ------
    InputError
        With every file that is missing; or with the one that is not what was written, and why.
    """
    folder = Path(folder)
    missing = [name for name in (POSTERIOR, ESTIMATES, PROVENANCE) if not os.path.isfile(folder / name)]
    if missing:
        raise InputError(
            [Problem(said("found.results_folder_lacks", name=str(name)), said("allowed.folder_written_mse_run"),
                     said("do.check_path_run_job"), file=str(folder)) for name in missing]
        )  # fmt: skip
    with damage(RESULTS, folder):
        entries = read_record(folder / PROVENANCE)
        record = read_record_json(entries, PROVENANCE)
        comparison = _table(folder / ESTIMATES)
        check_comparison(comparison, ESTIMATES)
        tables = {path.stem: _table(path) for path in sorted((folder / TABLES).glob("*.csv"))}
        written = record.files.get(POSTERIOR)
        if written is not None and written != file_digest(folder / POSTERIOR):
            raise Damaged(said("damage.not_beside", place=POSTERIOR, other=PROVENANCE))
    early = "format" not in entries and written is None  # from before files were sealed
    return Results(Posterior.load(folder / POSTERIOR, early=early), comparison, record, tables)


def _table(path: Path) -> pd.DataFrame:
    """Return a table of the results folder."""
    try:
        return read_csv(io.StringIO(read_input(path).decode("utf-8"), newline=""))
    except UnicodeDecodeError:
        raise Damaged(said("damage.utf8", place=path.name)) from None
    except ValueError:
        raise Damaged(said("damage.csv", place=path.name)) from None


def summary_record(results: Results) -> dict[str, Any]:
    """Return the results as plain values for JSON: ``title``, ``estimate``, ``humps``, ``methods``, ``models``, ….

    Numbers that do not exist are null. ``estimate`` has the fields of `mse.answers.estimates.Estimate` with the verdict
    in full; ``methods`` is the comparison; ``models`` holds the ten heaviest; ``interactions`` their probabilities;
    ``summed_over`` the covariates whose levels were added up, ``columns_not_read`` what was left of the file.
    """
    headline = results.headline
    models = [] if headline.models is None else headline.models.to_pandas().head(10).to_dict("records")
    record = {
        "title": results.record.title,
        "estimate": headline.summary(results.record.prob).as_dict(),
        "humps": [asdict(hump) for hump in headline.humps()],
        "methods": [dict(row) for row in results.method_rows],
        "models": models,
        "interactions": dict(headline.interactions),
        "diagnostics": dict(headline.diagnostics),
        "notes": [str(note) for note in headline.notes],
        "summed_over": list(results.record.table.summed_over),
        "columns_not_read": list(results.record.table.columns_not_read),
        "seed": results.record.seed,
        "versions": dict(results.record.versions),
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
