"""Who may read what is written: the audit record its owner alone, what may be shown everybody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
OPEN_FILE, OPEN_FOLDER = 0o644, 0o755


@contextmanager
def private_writing() -> Iterator[None]:
    """Give whatever is made meanwhile to its owner alone, from its first byte on, whatever the umask of the shell."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def make_private(folder: Path, *, but: str | None = None) -> None:
    """Let nobody but the owner read a folder and all that is in it; the folder `but` in it stays as it is."""
    _set(folder, PRIVATE_FOLDER, PRIVATE_FILE, but)


def make_open(folder: Path) -> None:
    """Let everybody read a folder and all that is in it."""
    _set(folder, OPEN_FOLDER, OPEN_FILE, None)


def _set(folder: Path, folders: int, files: int, but: str | None) -> None:
    """Set modes from the outside in; links are left alone, for what they point to is not ours."""
    folder.chmod(folders)
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink() or entry.name == but:
            continue
        if entry.is_dir():
            _set(entry, folders, files, None)
        else:
            entry.chmod(files)
