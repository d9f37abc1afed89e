"""Tables as CSV: the one way in which they are written, so that no spreadsheet runs a cell; read back as they were.

A program for spreadsheets takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, also where a tab or
a line break stands before it, and where a cell holds the separator of another country. Such a text gets an apostrophe
in front of the sign, numbers stay numbers, and `read_csv` takes the apostrophe off again.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Signs of a formula, those of full width too; a tab or a carriage return in front makes some programs look at the next.
_SIGNS = r"[=+\-@＝＋－＠\t\r]"
_START = r"(?:^|(?<=[;,|\t\r\n]))[ \"]*"
_LOADED = re.compile(rf"({_START})('*{_SIGNS})")
_DEFUSED = re.compile(rf"({_START})'('*{_SIGNS})")
SQL_LOADED, SQL_DEFUSED = rf"(^|[;,|\t\r\n])([ \"]*)('*{_SIGNS})", r"\1\2'\3"
"""The same for a database, whose patterns cannot look back."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def defused(text: str) -> str:
    """Return a text that no spreadsheet runs; a plain number, with a sign or without, stays as it is.

    Apostrophes that stand there already are kept apart from the one that is added: `restored` is the inverse.
    """
    return text if _NUMBER.fullmatch(text) else _LOADED.sub(r"\1'\2", text)


def restored(text: str) -> str:
    """Return the text that `defused` was given."""
    return _DEFUSED.sub(r"\1\2", text)


def csv_text(frame: pd.DataFrame, separator: str = ",") -> str:
    """Return a table as CSV without its index; texts, and the names of the columns, are `defused`."""
    import numpy as np

    safe = frame.copy()
    for place in range(frame.shape[1]):
        if frame.iloc[:, place].dtype.kind not in "biufcmM":
            safe.isetitem(place, np.array([_cell(x) for x in frame.iloc[:, place]], dtype=object))
    safe.columns = [_cell(name) for name in frame.columns]
    return str(safe.to_csv(index=False, sep=separator, lineterminator="\n"))


def write_csv(frame: pd.DataFrame, path: Path, separator: str = ",") -> None:
    """Write a table as `csv_text` gives it."""
    path.write_text(csv_text(frame, separator), encoding="utf-8", newline="")


def read_csv(source: str | Path | IO[str], **options: Any) -> pd.DataFrame:
    """Read a table that `write_csv` wrote; `options` are those of pandas, with the names of columns as in the file."""
    import numpy as np
    import pandas as pd

    frame: pd.DataFrame = pd.read_csv(source, **options)
    for place, kind in enumerate(frame.dtypes):
        if kind.kind not in "biufcmM":
            frame.isetitem(place, np.array([_back(x) for x in frame.iloc[:, place]], dtype=object))
    frame.columns = [_back(name) for name in frame.columns]
    return frame


def _cell(value: object) -> object:
    return defused(value) if isinstance(value, str) else value


def _back(value: object) -> object:
    return restored(value) if isinstance(value, str) else value
