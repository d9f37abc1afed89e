"""Data frames as a terminal shows them: heads and codes in the words of a language, numbers of a readable length."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mse.publish.wording.messages import read_catalogue
from mse.publish.wording.terminaltext import table_lines
from mse.words.said import from_json

if TYPE_CHECKING:
    from pandas import DataFrame

    from mse.words.catalogues import Catalogue

_SHARES = ("prob", "p_value", "rate", "rate_low", "rate_high", "se", "low_rate", "covered", "log_bias", "ratio")
_CODES = ("change", "claim", "assumption", "test", "verdict", "covered", "status", "kind")
"""Columns that hold codes; what stands in others is what somebody called a list, a level or a model."""


def frame_text(frame: DataFrame, language: str, width: int | None) -> str:
    """Return a frame as an aligned table.

    Parameters
    ----------
    frame : DataFrame
        Rows; a column `said` with the words of others as codes, JSON, is read and not shown.
    language : str
        Of heads and of codes. Names of columns stay as they are in JSON and in Python.
    width : int or None
        Characters of a line.
    """
    say = read_catalogue(language)
    if "said" in frame:
        frame = in_words_of(frame, language).drop(columns="said")
    words = [kind.kind not in "iufb" for kind in frame.dtypes]
    # Shares and factors keep three digits, persons one decimal: what is no more than 1 anywhere is a share.
    small = [
        str(name) in _SHARES
        or str(name).startswith("ratio_")
        or (frame[name].dtype.kind == "f" and bool((frame[name].dropna().abs() <= 1).all()))
        for name in frame.columns
    ]
    cells = [
        [_cell(value, share, str(name), say) for value in frame[name]]
        for name, share in zip(frame.columns, small, strict=True)
    ]
    heads = [say.messages.get(f"column.{name}", str(name)) for name in frame.columns]
    return table_lines(heads, list(zip(*cells, strict=True)), words, width)


def in_words_of(rows: DataFrame, language: str) -> DataFrame:
    """Return rows with what stands as codes in their column `said` in the words of a language."""
    say = read_catalogue(language)
    told = [from_json(text) for text in rows["said"]]
    found = rows.copy()
    for name in {name for codes in told for name in codes} & {*rows}:
        found[name] = [
            "; ".join(map(say.said, codes[name])) if name in codes else old
            for codes, old in zip(told, rows[name], strict=True)
        ]
    return found


def _cell(value: object, share: bool, column: str, say: Catalogue) -> str:
    """Return a value as a table shows it: "–" for a number that does not exist."""
    if isinstance(value, float) and (column == "cohort" or f"column.{column}" not in say.messages):
        return f"{value:g}"  # a level of a covariate, such as a year
    if isinstance(value, float):
        if math.isnan(value):
            return "–"
        short = f"{value:.3g}".replace(".", say.number(0.5, 1)[1])
        return short if share and abs(value) < 100 else say.number(value, 1).replace("−", "-")  # as it can be pasted
    text = "" if value is None else " ".join(str(value).split())
    text = "–" if text == "<NA>" else text
    return say.messages.get(f"cell.{text}", text) if column in _CODES else text
