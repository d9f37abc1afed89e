"""Data frames that are made where one is asked for."""

import subprocess
import sys

import pandas as pd
import pytest

from mse.answers.laterframes import LaterFrames, Rows

ESTIMATE = """
import sys
sys.argv = ["mse", "estimate", "kosovo-1999-4"]
from mse.cli import main
try:
    main()
except SystemExit:
    pass
print(sorted({"pandas", "xarray", "matplotlib", "scipy.special"} & set(sys.modules)))
"""


def test_rows_are_a_frame_where_one_is_asked_for() -> None:
    rows = Rows(
        [{"method": "chao", "point": 1.5, "headline": True}, {"method": "auto", "point": 2.0, "headline": False}]
    )
    assert rows.frame.to_dict("records") == list(rows.records)
    assert list(rows.frame.columns) == ["method", "point", "headline"] and rows.frame is rows.frame


def test_tables_are_made_when_they_are_looked_at_and_once() -> None:
    made: list[str] = []

    def later() -> pd.DataFrame:
        made.append("later")
        return pd.DataFrame({"a": [1]})

    tables = LaterFrames({"first": pd.DataFrame()}, {"last": later}).after({"before": pd.DataFrame()})
    assert list(tables) == ["before", "first", "last"] and len(tables) == 3 and "last" in tables and not made
    assert tables["last"] is tables["last"] and made == ["later"]
    with pytest.raises(KeyError):
        tables["nothing"]


def test_an_answer_in_the_terminal_loads_no_library_of_tables() -> None:
    done = subprocess.run([sys.executable, "-c", ESTIMATE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
