"""Bytes as text: UTF-8, UTF-16 as spreadsheets write it, and Windows text, which is said."""

from __future__ import annotations

import re

from mse.tables.checks import Faults
from mse.words.said import Said, said

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"),
          (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))  # fmt: skip
_SIGNS = frozenset("€‚„…‘’“”–—™•\u00a0«»°§©®·´¨ºª½¼¾²³±×÷µ£")
"""What stands in Windows text beside letters."""


def decoded(data: bytes, faults: Faults) -> tuple[str, tuple[Said, ...]]:
    """Return the text that bytes are, and what had to be understood about them.

    What is not UTF-8 but reads as Windows text throughout is taken for it and said. Where UTF-8 and other bytes stand
    in one file it is damaged: `faults` receives every such line, and the text is returned all the same.

    Raises
    ------
    InputError
        When it is no text.
    """
    encoding = _encoding(data)
    if encoding is not None and encoding != "utf-8-sig":
        try:
            return data.decode(encoding).lstrip("\ufeff"), ()
        except UnicodeError:
            faults.add(said("file.damaged_text"), said("file.allowed"), said("file.ask_again"))
            faults.raise_if_any()
    if control := re.search(rb"[\x00-\x08\x0e-\x19\x1b-\x1f]", data.rstrip(b"\x1a\x00")):
        faults.add(said("found.not_text_control_character", hex=control[0].hex()), said("file.allowed"),
                   said("file.export"))  # fmt: skip
        faults.raise_if_any()
    data = data.rstrip(b"\x1a")  # how old programs end a file
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        return _windows(data) or (_damaged(data, faults), ())


def _encoding(data: bytes) -> str | None:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    if len(data) > 3 and data[1:20:2].count(0) > 5:
        return "utf-16-le"
    return "utf-16-be" if len(data) > 3 and data[:20:2].count(0) > 5 else None


def _windows(data: bytes) -> tuple[str, tuple[Said, ...]] | None:
    """Return Windows text; None where it is none, or holds UTF-8 too."""
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return None
    if re.search(rb"[\xc3-\xf4][\x80-\xbf]", data):  # a letter of UTF-8 would be two signs
        return None
    odd = {x for x in text if not x.isascii()}
    inside = all(x.isalpha() or x in _SIGNS for x in odd)
    # A lone sign such as a thorn or a no-break space at an end is more likely damage than a letter.
    return (text, (said("read.windows"),)) if inside and not odd & set("ÿþ\u00a0") else None


def _damaged(data: bytes, faults: Faults) -> str:
    """Return the lines of a damaged text, and name every one that is."""
    lines, unreadable = [], set()
    for row, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            lines.append(line.decode())
        except UnicodeDecodeError as error:
            lines.append(line.decode("cp1252", "replace"))
            unreadable.add(row)
            byte = line[error.start : error.start + 1]
            guess = byte.decode("cp1252", "replace")
            faults.add(
                said("found.byte_not_utf_8"), said("allowed.text_utf_8"), said("do.save_file_csv_encoding"),
                detail=said("found.byte_at", byte=byte.hex(), position=str(error.start + 1), guess=repr(guess)),
                row=row,
            )  # fmt: skip
    faults.unreadable = unreadable
    # Read on, to name the other faults too.
    return "\n".join(lines)
