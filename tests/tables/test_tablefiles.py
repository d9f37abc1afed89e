"""Every way in which a file can be wrong, and what the message must then say."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mse.errors import InputError, ModelError
from mse.tables.captures import CaptureTable

GOOD = "A,B,count\n1,0,5\n0,1,4\n1,1,3\n"


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "t.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def message(content: str | bytes, folder: Path, **options) -> str:
    """Return what is said about the file, having checked that every problem has its place and remedy."""
    path = write(folder, content)
    with pytest.raises(InputError) as caught:
        CaptureTable.from_csv(path, **options)
    for problem in caught.value.problems:
        assert problem.file == str(path)
        assert problem.found and problem.allowed and problem.remedy
    return str(caught.value)


def count_of(cell: str) -> str:
    return f'A,B,count\n1,0,5\n0,1,"{cell}"\n1,1,3\n'


def list_cell(cell: str) -> str:
    return f"A,B,count\n1,0,5\n0,1,4\n1,1,3\n{cell},1,2\n"


AT_COUNT = ("row 3", "column 'count'")
AT_LIST = ("row 5", "column 'A'", "a list column must be 0/1", "write 1 or 0")

BAD = [
    # --- the count column
    (
        "two counts",
        "A,B,n,freq\n1,0,5,5\n0,1,4,4\n",
        ("no count column", "rename the column 'n' to 'count'", "--persons"),
    ),
    ("no count, no hint", "A,B\n1,0\n0,1\n", ("no count column", "add a column 'count'", "persons=True")),
    ("negative", count_of("-4"), (*AT_COUNT, "negative", "'-4'", "correct it")),
    ("negative with a minus sign", count_of("−4"), (*AT_COUNT, "negative")),
    ("fraction", count_of("4.5"), (*AT_COUNT, "fraction", "'4.5'", "whole persons")),
    ("decimal comma", count_of("4,5"), (*AT_COUNT, "fraction", "'4,5'")),
    ("thousands comma", count_of("1,234") + "1,1,4000\n", (*AT_COUNT, "separator for thousands", "write 1234")),
    ("thousands point", count_of("1.234.567") + "1,1,4000\n", (*AT_COUNT, "separator for thousands", "write 1234567")),
    ("thousands space", count_of("1 234") + "1,1,4000\n", (*AT_COUNT, "separator for thousands", "write 1234")),
    ("text", count_of("five"), (*AT_COUNT, "not a number", "'five'", "plain digits")),
    ("exponent", count_of("1e3"), (*AT_COUNT, "not a number", "'1e3'")),
    ("superscript digit", count_of("²"), (*AT_COUNT, "not a number")),
    ("suppressed", count_of("<10"), (*AT_COUNT, "suppressed", "'<10'", "ask the supplier")),
    ("masked", count_of("**"), (*AT_COUNT, "suppressed")),
    ("empty", count_of(""), (*AT_COUNT, "missing", "write 0")),
    ("NA", count_of("NA"), (*AT_COUNT, "missing", "'NA'")),
    ("nan", count_of("NaN"), (*AT_COUNT, "missing")),
    ("inf", count_of("inf"), (*AT_COUNT, "infinite")),
    ("-inf", count_of("-Infinity"), (*AT_COUNT, "infinite")),
    ("huge", count_of("1000000001"), (*AT_COUNT, "too large", "1,000,000,000", "unit")),
    ("hundreds of digits", count_of("9" * 5000), (*AT_COUNT, "too large", "…")),
    (
        "huge total",
        "A,B,count\n1,0,900000000\n1,1,900000000\n",
        ("column 'count'", "add up", "1,800,000,000"),
    ),
    # --- list cells
    ("2", list_cell("2"), (*AT_LIST, "'2'", "--covariate)")),
    ("x", list_cell("x"), (*AT_LIST, "'x'")),
    ("empty list cell", list_cell(""), (*AT_LIST, "empty")),
    (
        "yes",
        "A,B,C,count\nyes,1,0,4\nno,1,1,5\nyes,1,1,6\n",
        ("column 'A'", "another coding", "write 0 and 1"),
    ),
    ("x or blank", "A,B,C,count\nx,1,0,4\n,1,1,5\nx,0,1,6\n", ("column 'A'", "another coding")),
    ("1 or blank", "A,B,C,count\n1,1,0,4\n,1,1,5\n1,0,1,6\n", ("column 'A'", "0 or 1 stands next to")),
    ("empty column", "A,B,C,count\n,1,0,4\n,1,1,5\n", ("column 'A'", "every cell is empty")),
    (
        "0, 1, 2 evenly",
        "A,B,age,count\n1,0,0,4\n0,1,2,5\n1,1,3,6\n1,1,2,6\n",
        ("column 'age'", "name it as one"),
    ),
    (
        "an identifier",
        "A,B,id,count\n1,0,k7,1\n0,1,k8,1\n1,1,k9,1\n1,1,k2,1\n",
        ("column 'id'", "identifier"),
    ),
    # --- histories
    ("twice", GOOD + "1,0,6\n", ("row 5", "stand in two rows", "first in row 2", "--sum-duplicates")),
    ("never seen", GOOD + "0,0,60\n", ("row 5", "on no list", "'60'", "what is to be estimated")),
    # --- lists
    (
        "nobody",
        "A,B,count\n1,0,5\n1,0,3\n",
        ("column 'B'", "nobody is on this list", "remove"),
    ),
    ("nobody, as counts are 0", "A,B,count\n1,0,5\n0,1,0\n", ("column 'B'", "nobody is on")),
    ("one list", "A,count\n1,5\n", ("1 list", "2 to 16 lists", "repeat counts")),
    ("no list", "year,count\n2019,5\n2020,4\n", ("0 lists", "so covariates: year")),
    ("no overlap", "A,B,count\n1,0,5\n0,1,4\n1,1,0\n", ("never overlap", "linkage")),
    (
        "17 lists",
        ",".join(f"L{i}" for i in range(17)) + ",count\n" + "1," * 17 + "3\n",
        ("17 lists", "2 to 16", "merge"),
    ),
    ("name with a star", "A*B,C,count\n1,0,5\n0,1,4\n1,1,3\n", ("name of a list", "'A*B'", "rename")),
    ("name on two lines", '"A\nB",C,count\n1,0,5\n0,1,4\n1,1,3\n', ("name of a list", "one line")),
    ("reserved covariate", "A,B,history,count\n1,0,x1,5\n1,1,x2,3\n", ("meaning of its own", "'history'")),
    # --- the header
    ("name twice", "A,A,B,count\n1,1,0,5\n0,0,1,4\n1,1,1,3\n", ("column 'A'", "used twice", "rename")),
    ("no name", "A,,count\n1,0,5\n0,1,4\n1,1,3\n", ("row 1", "no name", "column 2")),
    ("no header", "1,0\n0,1\n1,1\n", ("row 1", "numbers, not names", "put a header")),
    ("no header, with a name", "Jansen,0,1\nPieters,1,1\n", ("row 1", "numbers, not names")),
    (
        "several separators",
        "A,B;count,x\n1,0;5,1\n",
        ("row 1", "several kinds of separator", "comma, semicolon, tab"),
    ),
    ("colons", "A:B:count\n1:0:5\n", ("row 1", "no separator", "comma, semicolon, tab")),
    # --- rows
    ("too few cells", GOOD + "1,0\n", ("row 5", "too few cells: 2", "3 cells")),
    ("too many cells", "A,B,count\n1,0,1,234\n0,1,4\n", ("row 2", "too many cells: 4", "thousands")),
    ("open quotation", 'A,B,count\n1,0,5\n0,1,"4\n1,1,3\n', ("row 3", "quotation mark", "remove")),
    # --- nothing there
    ("zero bytes", b"", ("the file is empty",)),
    ("only a mark", b"\xef\xbb\xbf", ("the file is empty",)),
    ("blank lines", "\n\n  \n", ("the file is empty",)),
    ("only separators", ",,\n,,\n", ("the file has no rows",)),
    ("header only", "A,B,count\n\n", ("a header but no rows",)),
    # --- not this kind of file
    (
        "two encodings",
        "A,B,naam,count\n1,0,Zoë,5\n".encode("cp1252") + "1,1,Zoë,5\n".encode(),
        ("row 2", "0xeb", "'ë'", "UTF-8"),
    ),
    ("damaged Excel", b"PK\x03\x04\x14\x00\x06\x00", ("damaged", "zip")),
    ("damaged old Excel", b"\xd0\xcf\x11\xe0\xa1\xb1", ("no workbook", "damaged")),
    ("damaged Parquet", b"PAR1\x15\x04", ("Parquet", "damaged")),
    ("damaged gzip", b"\x1f\x8b\x08\x00", ("gzip", "damaged")),
    ("HTML", "\n<!DOCTYPE html><html>", ("web page",)),
    ("XML", '<?xml version="1.0"?>', ("XML",)),
    ("JSON", '[{"A": [1]}]', ("no rows can be made", "records")),
    ("damaged JSON", '[{"A": 1}', ("no JSON",)),
    ("binary", b"A,B,count\n1,0,\x00\x01\n", ("not text", "0x00")),
]


@pytest.mark.parametrize(("content", "fragments"), [x[1:] for x in BAD], ids=[x[0] for x in BAD])
def test_bad_input_is_named_with_its_place_and_its_remedy(content, fragments, tmp_path):
    said = message(content, tmp_path)
    for fragment in fragments:
        assert fragment in said


ALONE = (
    "2|x|empty list cell|twice|never seen|negative|empty|too few cells|name twice|no name|no count|"
    "an identifier|empty column|1 or blank|one list"
).split("|")
SINGLE = [x for x in BAD if x[0] in ALONE]


@pytest.mark.parametrize("content", [x[1] for x in SINGLE], ids=[x[0] for x in SINGLE])
def test_one_mistake_makes_one_message(content, tmp_path):
    assert "problems were found" not in message(content, tmp_path)


def test_all_problems_of_a_file_at_once(tmp_path):
    said = message("A,B,C,count\n1,0,0,-5\n0,2,0,4\n1,1,0,1.5\n0,0,0,7\n1,1,0\n1,0,0,3\n1,0,0,4\n", tmp_path)
    assert said.startswith("7 problems were found:")
    for line, what in (
        (2, "negative"),
        (3, "0/1"),
        (4, "fraction"),
        (5, "no list"),
        (6, "few"),
        (7, "row 2"),
        (8, "row 2"),
    ):
        assert re.search(rf"row {line}\b.*{what}", said)


def test_a_bad_cell_does_not_make_a_second_fault(tmp_path):
    # C would be empty, and nothing would overlap, if the unreadable cells counted as 0.
    said = message("A,B,C,count\n1,0,0,5\n0,1,0,4\n0,0,1,many\n1,?,0,1\n", tmp_path)
    assert said.startswith("2 problems") and "nobody" not in said and "overlap" not in said


@pytest.mark.parametrize("last", ["1,1,0,3\n", "1,1,0,3\n0,0,1,0\n"])
def test_a_list_on_which_nobody_is_goes_and_that_is_said(last, tmp_path):
    (tmp_path / "t.csv").write_text("A,B,C,count\n1,0,0,5\n0,1,0,4\n" + last)
    table = CaptureTable.from_csv(tmp_path / "t.csv")
    assert table.lists == ("A", "B") and table.observed == 12
    assert "nobody is on C, left out" in str(table.read_as)
    with pytest.raises(InputError, match="column 'C': nobody is on this list"):
        CaptureTable.from_csv(tmp_path / "t.csv", lists=("A", "B", "C"))


def test_an_open_question_on_a_column_does_not_make_duplicates(tmp_path):
    rows = "".join(f"{a},{b},{a + b * 2}.{y},5\n" for y in range(3) for a, b in ((1, 0), (0, 1), (1, 1)))
    assert "two rows" not in message("A,B,rate,count\n" + rows, tmp_path)


def test_many_problems_of_one_kind_do_not_flood(tmp_path):
    said = message("A,B,count\n" + "1,0,x\n0,y,1\n" * 500, tmp_path)
    assert len(said.splitlines()) < 45
    assert "… and" in said and "more of the same kind (a count is not a number), the last in row 1000" in said


def test_many_bad_columns_do_not_flood(tmp_path):
    header = ",".join(f"c{i}" for i in range(300))
    rows = "".join(",".join(f"0{i}x{k}" for i in range(300)) + ",1\n" for k in range(6))
    said = message(f"{header},count\n{rows}", tmp_path)
    assert len(said.splitlines()) < 25 and "more kinds of problem" in said


def test_encoding_is_reported_beside_the_other_problems(tmp_path):
    windows = "A,B,naam,count\n1,0,Zoë,5\n0,1,Zoë,-1\n".encode("cp1252")
    said = message(windows + "1,1,é,2\n".encode(), tmp_path)
    assert "row 2" in said and "row 3" in said and "negative" in said


def test_a_long_value_is_shortened(tmp_path):
    assert "y" * 41 not in message(count_of("y" * 400), tmp_path)


# ---- paths


def test_a_missing_file_suggests_its_neighbour(tmp_path):
    write(tmp_path, GOOD)
    with pytest.raises(InputError, match=r"no such file.*did you mean t\.csv"):
        CaptureTable.from_csv(tmp_path / "tt.csv")
    with pytest.raises(InputError, match="check the path"):
        CaptureTable.from_csv(tmp_path / "nowhere" / "zzz.csv")


def test_a_folder(tmp_path):
    with pytest.raises(InputError, match="this is a folder"):
        CaptureTable.from_csv(tmp_path)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path, GOOD)
    monkeypatch.setattr("mse.tables.files.read_input", refuse)  # the tests may run as root, who may read everything
    with pytest.raises(InputError, match="cannot be opened: Permission denied.*permissions"):
        CaptureTable.from_csv(path)


# ---- what is accepted

SAME = [
    ("byte-order mark", b"\xef\xbb\xbf" + GOOD.encode()),
    ("CRLF", GOOD.replace("\n", "\r\n")),
    ("CR", GOOD.replace("\n", "\r")),
    ("no last newline", GOOD.rstrip()),
    ("semicolons", GOOD.replace(",", ";")),
    ("tabs", GOOD.replace(",", "\t")),
    ("bars", GOOD.replace(",", "|")),
    ("UTF-16", GOOD.encode("utf-16")),
    ("UTF-16 without a mark", GOOD.encode("utf-16-be")),
    ("sep= line of Excel", "sep=;\r\n" + GOOD.replace(",", ";")),
    ("quotes", 'A,B,"count"\n"1","0","5"\n0,1,4\n1,1,3\n'),
    ("padding", " A , B,count \n 1,0 ,  5\n0,1,4\n1,1,\t3\n"),
    ("blank lines", "\n" + GOOD.replace("\n", "\n\n")),
    ("trailing separators", "A,B,count,,\n1,0,5,,\n0,1,4\n1,1,3,,,\n,,,,\n".replace("0,1,4\n", "0,1,4,,\n")),
    ("Count", GOOD.replace("count", "Count")),
    ("another order of rows", "A,B,count\n1,1,3\n0,1,4\n1,0,5\n"),
    ("the count first", "count,A,B\n5,1,0\n4,0,1\n3,1,1\n"),
    ("a never-seen row with 0", GOOD + "0,0,0\n"),
    ("what pandas makes of missing values", "A,B,count\n1.0,0.0,5.0\n0.0,1.0,4.0\n1.0,1.0,3.0\n"),
    ("leading zeros", "A,B,count\n1,0,005\n0,1,4\n1,1,3\n"),
]


@pytest.mark.parametrize("content", [x[1] for x in SAME], ids=[x[0] for x in SAME])
def test_these_are_all_the_same_table(content, tmp_path):
    table = CaptureTable.from_csv(write(tmp_path, content))
    assert table == CaptureTable.from_arrays(["A", "B"], [5, 4, 3])
    assert table.name == "t"


def test_a_separator_inside_a_name_does_not_confuse(tmp_path):
    table = CaptureTable.from_csv(write(tmp_path, GOOD.replace("A,B", "police; north,B")))
    assert table.lists == ("police; north", "B")


def test_duplicates_add_up_when_asked(tmp_path):
    table = CaptureTable.from_csv(write(tmp_path, GOOD + "1,0,6\n"), sum_duplicates=True)
    assert table.counts.tolist() == [[11, 4, 3]]


def test_the_order_of_named_lists_is_kept(tmp_path):
    table = CaptureTable.from_csv(write(tmp_path, GOOD), lists=["B", "A"])
    assert table.lists == ("B", "A") and table.counts.tolist() == [[4, 5, 3]]


# ---- roles of columns

YEARS = "A,B,year,count\n1,0,2019,5\n0,1,2019,4\n1,1,2019,3\n1,0,2020,6\n1,1,2020,2\n"


def test_a_column_with_levels_is_a_covariate(tmp_path):
    table = CaptureTable.from_csv(write(tmp_path, YEARS))
    assert dict(table.strata) == {"year": ("2019", "2020")}
    assert table.counts.tolist() == [[5, 4, 3], [6, 0, 2]]


def test_levels_are_sorted_as_numbers_or_as_declared(tmp_path):
    path = write(tmp_path, YEARS.replace("2019", "9").replace("2020", "10"))
    assert CaptureTable.from_csv(path).strata["year"] == ("9", "10")
    declared = CaptureTable.from_csv(path, levels={"year": ["11", "10", "9"]})
    assert declared.strata["year"] == ("11", "10", "9")
    assert declared.counts.tolist() == [[0, 0, 0], [6, 0, 2], [5, 4, 3]]
    said = message(path.read_bytes(), tmp_path, levels={"year": ["9"]})
    assert "row 5" in said and "not declared" in said and "'10'" in said


def test_a_covariate_of_0_and_1_must_be_named(tmp_path):
    path = write(tmp_path, YEARS.replace("2019", "0").replace("2020", "1"))
    said = message(path.read_bytes(), tmp_path, lists=["A", "B"])
    assert "column 'year'" in said and "neither a list (0/1) nor named as a covariate" in said
    assert CaptureTable.from_csv(path, covariates=["year"]).strata["year"] == ("0", "1")


def test_when_covariates_are_named_there_are_no_others(tmp_path):
    text = YEARS.replace("year,", "year,sex,").replace("20,", "20,f,").replace("19,", "19,m,")
    said = message(text, tmp_path, covariates=["year"])
    assert "column 'sex'" in said and "neither" in said and "year" not in said.split("Allowed")[0]


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        ({"lists": ["A", "C"]}, "column 'C': there is no column for this list. Allowed: one of A, B, year"),
        ({"covariates": ["sex"]}, "column 'sex': there is no column for this covariate"),
        ({"covariates": ["count"]}, "column 'count': there is no column for this covariate"),
        ({"lists": ["A", "B"], "covariates": ["B"]}, "column 'B': named both as list and covariate"),
        ({"count": "n"}, "there is no count column. Allowed: a column 'n'"),
    ],
)
def test_names_that_do_not_fit_the_file(options, fragment, tmp_path):
    assert fragment in message(YEARS, tmp_path, **options)


def test_an_empty_covariate_is_an_error(tmp_path):
    said = message(YEARS.replace("1,1,2020", "1,1,"), tmp_path)
    assert "row 6" in said and "column 'year'" in said and "a covariate is empty" in said and "'unknown'" in said


def test_too_many_strata(tmp_path):
    levels = "".join(f"1,{k % 2},a{k // 2},b{k // 2},5\n" for k in range(12000))
    assert "too many cells" in message("A,B,u,v,count\n" + levels, tmp_path)


# ---- one row per person

PERSONS = "A,B,year\n1,0,2019\n1,1,2019\n0,1,2020\n1,1,2020\n1,0,2019\n"


def test_persons_are_counted(tmp_path):
    path = write(tmp_path, PERSONS)
    table = CaptureTable.from_csv(path, persons=True, covariates=["year"])
    assert table.counts.tolist() == [[2, 0, 1], [0, 1, 1]] and table.observed == 5


PERSONS_BAD = [
    (PERSONS.replace("1,1,2020", "SECRET,1,2020"), {"covariates": ["year"]}, ("row 5", "column 'A'", "0/1")),
    (PERSONS + "0,0,2019\n", {"covariates": ["year"]}, ("row 7", "none of the lists")),
    (PERSONS + "1,0,\n", {"covariates": ["year"]}, ("row 7", "column 'year'", "empty")),
    (GOOD, {}, ("column 'count'", "each row is said to be one person")),
    (PERSONS.replace("2019", "0").replace("2020", "SECRET"), {}, ("column 'year'", "0/1")),
]


@pytest.mark.parametrize(("content", "options", "fragments"), PERSONS_BAD)
def test_bad_files_of_persons_are_reported_without_their_cells(content, options, fragments, tmp_path):
    said = message(content, tmp_path, persons=True, **options)
    assert all(fragment in said for fragment in fragments)
    assert "SECRET" not in said and "2019" not in said


def test_a_file_of_persons_read_as_a_table_gives_no_cells_away(tmp_path):
    said = message("A,B,name\n1,0,SECRET\n0,SECRET,x\n1,0,y\n0,1,z\n", tmp_path)
    assert "row 3" in said and "SECRET" not in said


# ---- frames


def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame({"A": [1, 0, 1], "B": [0, 1, 1], "count": [5, 4, 3]} | columns)


def test_a_frame_is_the_same_table():
    expected = CaptureTable.from_arrays(["A", "B"], [5, 4, 3])
    assert CaptureTable.from_frame(frame()) == expected
    assert CaptureTable.from_frame(frame(A=[True, False, True], count=[5.0, 4.0, 3.0])) == expected
    assert CaptureTable.from_frame(frame().set_index(pd.Index([7, 8, 9]))) == expected
    assert CaptureTable.from_frame(frame().rename(columns={"count": "n"}), count="n") == expected
    whole = frame().loc[lambda x: x.index.repeat(x["count"])].drop(columns="count")
    assert CaptureTable.from_frame(whole, count=None) == expected
    assert CaptureTable.from_frame(frame().astype("Int64")) == expected


@pytest.mark.parametrize(
    ("columns", "fragments"),
    [
        ({"count": [5, -4, 3]}, ("row 1", "negative")),
        ({"count": [5, np.nan, 3]}, ("row 1", "missing")),
        ({"count": [5, np.inf, 3]}, ("row 1", "infinite")),
        ({"count": [5, 4.5, 3]}, ("row 1", "fraction", "'4.5'")),
        ({"A": [1, 0, 7]}, ("row 2", "column 'A'", "0/1", "'7'")),
        ({"A": [1, 0, None]}, ("row 2", "column 'A'", "empty")),
        ({"B": [0, 0, 0]}, ("column 'B'", "nobody")),
    ],
)
def test_frames_get_the_same_checks(columns, fragments):
    with pytest.raises(InputError) as caught:
        CaptureTable.from_frame(frame(**columns))
    assert all(fragment in str(caught.value) for fragment in ("data frame", *fragments))


def test_frames_without_rows_or_count():
    with pytest.raises(InputError, match="there are no rows"):
        CaptureTable.from_frame(frame().iloc[:0])
    with pytest.raises(InputError, match="count=None"):
        CaptureTable.from_frame(frame().drop(columns="count"))


# ---- anything at all


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_table_or_an_input_error(tmp_path_factory, data):
    path = write(tmp_path_factory.getbasetemp(), data)
    try:
        CaptureTable.from_csv(path)
    except InputError as error:
        assert all(problem.remedy for problem in error.problems)


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet='01AB,;\t"\n\r x9-.', max_size=60), st.booleans())
def test_any_text_gives_a_table_or_an_input_error(tmp_path_factory, text, persons):
    path = write(tmp_path_factory.getbasetemp(), "A,B,count\n" + text if not persons else text)
    try:
        table = CaptureTable.from_csv(path, persons=persons)
    except InputError as error:
        assert all(problem.remedy for problem in error.problems)
    else:
        assert table.observed > 0


def test_a_cell_that_is_too_long_is_no_open_quote(tmp_path):
    for content in (count_of("9" * 300_000), "A,B,count," + "x" * 300_000 + "\n1,0,5,1\n"):
        said = message(content, tmp_path)
        assert "too long to be read" in said and "131,072" in said and "quotation" not in said


def test_a_row_with_damaged_bytes_has_no_other_faults(tmp_path):
    content = b"A,B,town,count\n1\xff,0,Z\xfcrich,5\n0,1,Z\xc3\xbcrich,4\xa0\n1,1,Bern,-3\n"
    said = message(content, tmp_path, covariates=["town"], levels={"town": ["Zürich", "Bern"]})
    assert said.count("not UTF-8") == 2 and "row 4" in said and "negative" in said
    assert "0/1" not in said and "declared" not in said and said.startswith("3 problems")


@pytest.mark.parametrize("name", ["A:B", "~A"])
def test_names_of_lists_can_be_written_in_a_model(name, tmp_path):
    said = message(f"{name},B,count\n1,0,5\n0,1,4\n1,1,3\n", tmp_path)
    assert "cannot be the name of a list" in said and ":" in said and "~" in said


@pytest.mark.parametrize("path", ["a\0b.csv", "x" * 300 + ".csv"])
def test_a_path_that_no_file_can_have(path):
    with pytest.raises(InputError) as caught:
        CaptureTable.from_csv(path)
    assert "path" in str(caught.value) or "cannot be opened" in str(caught.value)


def test_every_unknown_list_is_named():
    table = CaptureTable.from_arrays("ABC", [5, 5, 3, 5, 3, 3, 1])
    for act in (
        lambda: table.leave_out("XX", "A", "YY"),
        lambda: table.merge_lists({"P": ["A", "XX"], "Q": ["YY", "B"]}),
    ):
        with pytest.raises(ModelError, match="'XX', 'YY'"):
            act()
