"""The files of a release as they are read for a check: plain files of the folder itself, and nothing that leads out.

A release that is checked may come from anybody: its manifest may name files elsewhere, its entries may be links, pipes
or devices, and a file may never end.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from mse.errors import InputError, Problem, reason_of
from mse.words.said import Said, said

MOST_BYTES = 200_000_000
"""Size of the largest file that is read; a release holds rounded tables, of kilobytes each."""


def is_plain(name: object) -> bool:
    """Tell whether this is the name of a file in a folder, and no way out of it or to somewhere below."""
    return (
        isinstance(name, str) and name not in ("", ".", "..") and not any(mark in name for mark in "/\\\0:")
        and len(name.encode("utf-8", "replace")) < 256
    )  # fmt: skip


def fault_of(folder: Path, name: object) -> Said | None:
    """Return why an entry of a release is not read; None where it is a plain file of an ordinary size."""
    if not isinstance(name, str) or not is_plain(name):
        return said("release.leads_out")
    try:
        found = os.lstat(folder / name)
    except (FileNotFoundError, ValueError):  # a path that no file system takes is a path to nothing
        return said("found.no_such_file")
    except OSError as error:
        return reason_of(error)
    if stat.S_ISLNK(found.st_mode):
        return said("release.link")
    if not stat.S_ISREG(found.st_mode):
        return said("release.no_file")
    return said("release.large") if found.st_size > MOST_BYTES else None


def read_bytes(folder: Path, name: str) -> bytes:
    """Return the content of a file of the release.

    Raises
    ------
    InputError
        When it is not a plain file of the folder, or too large.
    """
    fault = fault_of(folder, name)
    if fault is None:
        try:
            # What was looked at may have been exchanged since: no link is followed, and no pipe waited for.
            handle = os.open(folder / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    fault = said("release.no_file")
                else:
                    content = file.read(MOST_BYTES + 1)
                    if len(content) <= MOST_BYTES:
                        return content
                    fault = said("release.large")
        except OSError as error:
            fault = reason_of(error)
    raise InputError(
        Problem(said("found.file_release_not_read", fault=fault),
                said("allowed.file_folder_itself_most", most_bytes=MOST_BYTES // 1000000),
                said("do.get_release_again_2"),
                file=str(folder / name))
    )  # fmt: skip


def digest_of(folder: Path, name: str) -> str:
    """Return the SHA-256 of a file of the release, as its manifest writes it."""
    return f"sha256:{hashlib.sha256(read_bytes(folder, name)).hexdigest()}"
