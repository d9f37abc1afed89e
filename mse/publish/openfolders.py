"""Folders that anybody may read, written in one step: either all files are there afterwards, or none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mse.computing.filemodes import make_open
from mse.computing.savefiles import replace_folder, work_folder
from mse.errors import InputError, Problem
from mse.words.said import said


def write_open(out: Path, files: Mapping[str, str], ours: str, *, overwrite: bool) -> None:
    """Write texts into a folder that anybody may read.

    Parameters
    ----------
    out : Path
        Where to.
    files : mapping of str to str
        Texts by the name of their file.
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
        for name, text in files.items():
            (fresh / name).write_text(text, encoding="utf-8", newline="")
        make_open(fresh)
        replace_folder(fresh, out, work)
