"""What kind of file it is, told by its bytes and not by its name; compressed files are unpacked on the way."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mse.computing.inputfiles import LARGEST
from mse.words.said import Said, said

UNREAD = (
    (b"%PDF", said("file.pdf")),
    (b"\x89HDF", said("file.hdf")),
    (b"ARROW1", said("file.arrow")),
    (b"RDX", said("file.r")),
    (b"RDA", said("file.r")),
    (b"X\n\x00", said("file.r")),
    (b"SQLite format 3", said("file.sqlite")),
    (b"{\\rtf", said("file.rtf")),
    (b"7z\xbc\xaf", said("file.archive")),
    (b"Rar!", said("file.archive")),
)
"""Kinds of files that are known and not read, with what they are."""

_PACKED = ((b"\x1f\x8b", "gzip", "gzip"), (b"BZh", "bz2", "bzip2"), (b"\xfd7zXZ\x00", "lzma", "xz"))
_BOOKS = ("xl/", "[Content_Types].xml", "mimetype", "content.xml", "META-INF/")
PACKED = (".gz", ".bz2", ".xz")
"""Ends of the names of files that are unpacked."""


class NotUnpacked(Exception):
    """A compressed file cannot be unpacked; its one argument is the reason, said."""

    @property
    def why(self) -> Said:
        """What is wrong with it."""
        reason: Said = self.args[0]
        return reason


def unpacked(data: bytes, most: int = LARGEST) -> bytes:
    """Return the content of a file: of a gzip, bz2 or xz file, or of a zip file with one file in it, what was packed.

    Raises
    ------
    NotUnpacked
        When it is damaged, holds several files, or more bytes than `most`.
    """
    for magic, module, kind in _PACKED:
        if data.startswith(magic):
            from importlib import import_module

            return unpacked(_bounded(import_module(module).open, io.BytesIO(data), most, kind), most)
    if data.startswith(b"PK\x03\x04"):
        import zipfile

        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                names = [x for x in archive.namelist() if not x.endswith("/") and not x.startswith("__MACOSX")]
                if any(name.startswith(_BOOKS) for name in names):
                    return data  # a workbook is a zip file
                if len(names) != 1:
                    raise NotUnpacked(said("file.zip_several", count=len(names)))
                return unpacked(_bounded(lambda file: archive.open(names[0]), io.BytesIO(), most, "zip"), most)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError):
            raise NotUnpacked(said("file.damaged", kind="zip")) from None
    return data


def _bounded(opened: Callable[[Any], IO[bytes]], file: IO[bytes], most: int, kind: str) -> bytes:
    """Return what a stream holds, which may not be more than `most` however small it was packed."""
    import lzma
    import zlib

    try:
        with opened(file) as stream:
            data = stream.read(most + 1)
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        raise NotUnpacked(said("file.damaged", kind=kind)) from None
    if len(data) > most:
        raise NotUnpacked(said("file.too_large", most=most // 2**20))
    return data


def kind_of(data: bytes) -> str:
    """Return what content is: ``workbook``, ``parquet``, ``sav``, ``dta``, …, ``json``, ``markup``, or ``text``."""
    start = data[:200]
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "workbook"
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith((b"$FL2", b"$FL3")):
        return "sav"
    if start.startswith(b"<stata_dta>") or (
        len(start) > 10 and start[0] in range(0x69, 0x74) and start[1] in (1, 2) and start[2:4] == b"\x01\x00"
    ):
        return "dta"
    if start.startswith(b"\x00" * 12 + b"\xc2\xea\x81\x60"):
        return "sas7bdat"
    if start.startswith(b"HEADER RECORD*******LIB"):
        return "xport"
    plain = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if plain.startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        return "markup"
    if plain.startswith(b"{") and not plain.startswith(b"{\\rtf") or re.match(rb"\[\s*[\[{\]]", plain):
        return "json"
    return "text"


@contextmanager
def as_file(data: bytes, suffix: str) -> Iterator[Path]:
    """Give a private file with some content, for libraries that read nothing else."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="mse-") as folder:
        path = Path(folder) / f"table{suffix}"
        path.write_bytes(data)
        yield path
