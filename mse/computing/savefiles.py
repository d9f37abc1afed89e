"""Writing that ends well or leaves nothing: work folders that clean up, and files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from mse.errors import InputError, Problem, reason_of
from mse.words.said import said

MARK = ".mse-work"
"""File in a work folder: held open and locked by the process that works there."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_RANDOM = "[a-z0-9_]{8}"
"""What `tempfile` puts behind the name of a folder."""
_OLD = 7 * 86_400.0
"""Seconds after which a work folder is nobody's where files cannot be locked."""


@contextmanager
def work_folder(target: Path, kind: str = "", *, parents: bool = True) -> Iterator[Path]:
    """Provide a hidden folder beside `target` for what is being written, and remove it however the block ends.

    What a process that was killed left there is removed first; results that it had moved aside are put back.

    Parameters
    ----------
    target : Path
        The folder or file that is to come out of it.
    kind : str
        Part of the name of the folder.
    parents : bool
        Make the folder around `target` if it is missing; otherwise it must be there.

    Raises
    ------
    InputError
        When the machine cannot write: the disk is full, the place may not be written to.
    """
    made = None
    missing = [folder for folder in target.absolute().parents if not folder.exists()]
    try:
        with machine_faults(target):
            if parents:
                target.parent.mkdir(parents=True, exist_ok=True)
            remove_stale(target)
            made = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-{kind}"))
            mark = (made / MARK).open("wb")
            with mark:
                _lock(mark)
                yield made
    finally:
        if made is not None:
            _put_back(made, target)
            shutil.rmtree(made, ignore_errors=True)
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()  # made for nothing; one that holds something stays


def remove_stale(target: Path) -> None:
    """Remove the work folders beside `target` in which nobody works any more."""
    pattern = re.compile(rf"\.{re.escape(target.name)}-([a-z]+-)?{_RANDOM}")
    with suppress(OSError):
        for folder in target.parent.iterdir():
            if pattern.fullmatch(folder.name) and (folder / MARK).is_file() and _abandoned(folder / MARK):
                _put_back(folder, target)
                shutil.rmtree(folder, ignore_errors=True)


def replace_folder(fresh: Path, target: Path, work: Path) -> None:
    """Put a finished folder in the place of `target`: at no time is there neither the old nor the new.

    The old one is moved into `work`, the work folder, and goes away with it.
    """
    if target.exists():
        os.replace(target, work / "old")
    os.replace(fresh, target)


def fill_folder(staged: Path, target: Path) -> None:
    """Move the files of a finished folder into `target`, which is made if missing and keeps its other files."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(staged.iterdir()):
        os.replace(path, target / path.name)


def _put_back(work: Path, target: Path) -> None:
    """Put back what was moved aside, where nothing has come in its place."""
    with suppress(OSError):
        if (work / "old").is_dir() and not os.path.lexists(target):
            os.replace(work / "old", target)


def write_file(path: Path, content: bytes) -> None:
    """Write a file in one step: afterwards it is there whole, or as it was.

    Raises
    ------
    InputError
        When the machine cannot write it.
    """
    with work_folder(path, parents=False) as folder:
        fresh = folder / "fresh"
        fresh.write_bytes(content)
        os.replace(fresh, path)


@contextmanager
def machine_faults(place: str | Path) -> Iterator[None]:
    """Turn what the machine refuses inside the block into one error about `place`.

    Raises
    ------
    InputError
        In the place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise InputError(machine_problem(error, place)) from error


def machine_problem(error: OSError, place: str | Path | None) -> Problem:
    """Return what a machine refused, in words."""
    about = error.filename if place is None else place
    file = None if about is None else _outside(str(about))
    if error.errno in _FULL:
        return Problem(said("found.cannot_written_disk_full", error=reason_of(error)),
                       said("allowed.room_what_written"), said("do.make_room_choose_another"),
                       file=file)  # fmt: skip
    return Problem(said("found.cannot_written_nothing_kept", why=reason_of(error)), said("allowed.place_may_written"),
                   said("do.check_path_its_permissions"), file=file)  # fmt: skip


def _outside(path: str) -> str:
    """Return the target of a work folder for a path in it: nobody but this process knows the folder."""
    return re.sub(rf"(^|[/\\])\.([^/\\]+?)-(?:[a-z]+-)?{_RANDOM}(?=[/\\]|$).*", r"\1\2", path)


def _lock(mark: IO[bytes]) -> bool:
    """Lock a mark, unless somebody has; true where files cannot be locked."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _abandoned(mark: Path) -> bool:
    """Tell whether nobody works in the folder of a mark."""
    try:
        import fcntl
    except ImportError:
        return time.time() - mark.stat().st_mtime > _OLD
    with mark.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return time.time() - mark.stat().st_mtime > _OLD
    return True
