"""Finished parts of a long computation, kept in a folder so that an interrupted run goes on where it stopped.

One file per part, named by the digest of what it holds the answer to: the function, everything it was given, and
the version of the engine. A file is written beside its place and moved there, so that it is whole or absent; its
first line is the digest of the rest.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt

from mse.computing.filemodes import PRIVATE_FOLDER
from mse.computing.inputfiles import read_input
from mse.errors import InputError, Problem, reason_of
from mse.words.said import said

type Chunk = tuple[npt.NDArray[Any], ...]

_HEAD = b"mse-chunk/1 "
_log = logging.getLogger(__name__)


def definition(value: object) -> str:
    """Return the digest of a task: of a function, its bound arguments and its input.

    Parameters
    ----------
    value : object
        Plain values, arrays, and functions of modules, in tuples, lists, mappings, dataclasses, named tuples
        and partial applications.

    Raises
    ------
    TypeError
        When something in it has no definite content, for example a function inside a function.
    """
    sha = hashlib.sha256()
    _feed(sha, value)
    return sha.hexdigest()


def _feed(sha: Any, value: object) -> None:
    """Add a value to a digest, kind and length first so that no two values look alike."""
    kind = type(value).__name__
    if value is None or isinstance(value, (bool, int, float, str, bytes, Path)):
        text = repr(value).encode()
        sha.update(f"{kind}:{len(text)}:".encode() + text)
    elif isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.hasobject:
            raise TypeError("an array of objects has no definite content")
        sha.update(f"array:{array.dtype.str}:{array.shape}:".encode() + np.ascontiguousarray(array).tobytes())
    elif isinstance(value, partial):
        _feed(sha, ("partial", value.func, value.args, dict(value.keywords)))
    elif isinstance(value, FunctionType) and "<" not in value.__qualname__:
        _feed(sha, f"{_stem(value)}.{value.__qualname__}")
    elif isinstance(value, Mapping):
        _feed(sha, ("mapping", *((name, value[name]) for name in sorted(value))))
    elif is_dataclass(value) and not isinstance(value, type):
        _feed(sha, (f"{_stem(type(value))}.{kind}", *((f.name, getattr(value, f.name)) for f in fields(value))))
    elif isinstance(value, (tuple, list)):
        sha.update(f"{kind}:{len(value)}:".encode())
        for part in value:
            _feed(sha, part)
    elif isinstance(value, range):
        _feed(sha, ("range", value.start, value.stop, value.step))
    else:
        raise TypeError(f"a {kind} has no definite content: {value!r}")


def _stem(value: FunctionType | type) -> str:
    """Return the name of the module of a function or class: unique in the house, whatever room it stands in."""
    return value.__module__.rpartition(".")[2]


class ChunkFolder:
    """A folder of finished parts.

    Parameters
    ----------
    folder : Path
        Made when it is not there.

    Raises
    ------
    InputError
        When it cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(exist_ok=True, mode=PRIVATE_FOLDER)  # names and parts tell of the table they come from
            with NamedTemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise InputError(
                Problem(
                    said("found.finished_parts_cannot_kept", error=reason_of(error)),
                    said("allowed.folder_can_written"),
                    said("do.choose_another_folder_go"),
                    file=str(folder),
                )
            ) from error

    def path(self, digest: str) -> Path:
        """Return where the part with this digest is kept."""
        return self.folder / f"{digest}.chunk"

    def read(self, digest: str) -> Chunk | None:
        """Return a finished part; None when there is none or its file is damaged, which is logged by name."""
        path = self.path(digest)
        try:
            content = read_input(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("%s cannot be read (%s); this part is computed again", path, error.strerror)
            return None
        head, _, body = content.partition(b"\n")
        if head != _HEAD + hashlib.sha256(body).hexdigest().encode():
            _log.warning("%s is damaged (its content does not match its digest); this part is computed again", path)
            return None
        with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
            return tuple(arrays[f"part{i}"] for i in range(len(arrays.files)))

    def write(self, digest: str, chunk: Chunk) -> None:
        """Keep a finished part."""
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **{f"part{i}": array for i, array in enumerate(chunk)})
        body = buffer.getvalue()
        with NamedTemporaryFile(dir=self.folder, delete=False) as file:
            file.write(_HEAD + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        os.replace(file.name, self.path(digest))
