"""Folders that anybody may read, written in one step: either all files are there afterwards, or none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mse.computing.filemodes import make_open
from mse.computing.savefiles import replace_folder, work_folder
from mse.errors import InputError, Problem, names_of
from mse.words.said import said


def write_open(out: Path, files: Mapping[str, str | bytes], ours: str, *, overwrite: bool) -> None:
    """Write texts, and bytes, into a folder that anybody may read.

    Parameters
    ----------
    out : Path
        Where to.
    files : mapping of str to str or bytes
        Contents by the name of their file.
    ours : str
        The file by which a folder that may be replaced is known.
    overwrite : bool
        Replace such a folder where it exists.

    Raises
    ------
    InputError
        When the folder exists and may not be replaced, or cannot be written.
    """
    if out.exists() and not (overwrite and out.is_dir() and (not any(out.iterdir()) or (out / ours).is_file())):
        allowed = said("figures.free_ours") if overwrite else said("figures.free")
        raise InputError(Problem(said("figures.exists"), allowed, said("figures.free_remedy"), file=str(out)))
    with work_folder(out) as work:
        fresh = work / out.name
        fresh.mkdir()
        for name, content in files.items():
            (fresh / name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        make_open(fresh)
        replace_folder(fresh, out, work)


def speaker_of[Speaker](speakers: Mapping[str, Speaker], language: str | None) -> Speaker:
    """Return who speaks a language; the first of the job when none is named.

    Raises
    ------
    InputError
        When the job does not ask for that language.
    """
    chosen = language or next(iter(speakers))
    if chosen not in speakers:
        allowed, remedy = names_of(speakers), said("do.add_languages_under_report")
        raise InputError(Problem(said("figures.language"), allowed, remedy, value=chosen))
    return speakers[chosen]


def pages[Page: (str, bytes)](
    name: str, languages: Iterable[str], page: Callable[[str], Page], kind: str = "html"
) -> dict[str, Page]:  # fmt: skip
    """Return the page of every language by the name of its file; the first has the plain name."""
    return {f"{name}.{x}.{kind}" if i else f"{name}.{kind}": page(x) for i, x in enumerate(languages)}


def as_json(record: Mapping[str, object]) -> str:
    """Return a record as the text of a file."""
    return json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
