"""Files and frames as people have them: each is the same table, or a question with the option that answers it."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from itertools import product
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest
import xarray as xr

from mse.errors import InputError
from mse.shipped import read_table
from mse.tables.captures import CaptureTable

COUNTS = {(1, 0, 0): 40, (0, 1, 0): 30, (1, 1, 0): 12, (0, 0, 1): 25, (1, 0, 1): 9, (0, 1, 1): 7, (1, 1, 1): 3}
TABLE = CaptureTable.from_arrays(["A", "B", "C"], list(COUNTS.values()))
NUMBERED = TABLE.rename({"A": "list_1", "B": "list_2", "C": "list_3"})
FRAME = pd.DataFrame([(*history, n) for history, n in COUNTS.items()], columns=["A", "B", "C", "n"])
PERSONS = FRAME.loc[FRAME.index.repeat(FRAME["n"])].drop(columns="n").reset_index(drop=True)
YEARS = pd.concat([FRAME.assign(year=2019), FRAME.assign(year=2020)])[["A", "B", "C", "year", "n"]]
CSV = FRAME.to_csv(index=False)


def text(frame: pd.DataFrame, **options: object) -> str:
    return str(frame.to_csv(index=False, **options))


def mapped(words: dict[object, object], frame: pd.DataFrame = FRAME) -> pd.DataFrame:
    return frame.assign(**{name: frame[name].map(words).astype(object) for name in "ABC"})


def histories(frame: pd.DataFrame = FRAME) -> list[str]:
    return ["".join(map(str, row)) for row in frame[["A", "B", "C"]].to_numpy()]


BY_HISTORY = dict(zip(histories(), FRAME["n"].tolist(), strict=True))


def twice(name: str, first: object, second: object) -> str:
    return text(pd.concat([FRAME.assign(**{name: first}), FRAME.assign(**{name: second})]))


def book(*sheets: tuple[str, list[list[object]]]) -> bytes:
    made, out = openpyxl.Workbook(), io.BytesIO()
    made.remove(made.active)
    for name, rows in sheets:
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made.save(out)
    return out.getvalue()


def rows(frame: pd.DataFrame = FRAME) -> list[list[object]]:
    return [list(frame.columns), *frame.to_numpy().tolist()]


def packed(name: str, content: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


def expand_grid(*, unseen: str = "NA") -> str:
    """Return what R writes of expand.grid with row names: the first column varies fastest, nobody's count is NA."""
    cells = [(*reversed(h),) for h in product((0, 1), repeat=3)]
    lines = [f'"{i}",{",".join(map(str, h))},{COUNTS.get(h, unseen)}' for i, h in enumerate(cells, 1)]
    return '"","A","B","C","Freq"\n' + "\n".join(lines) + "\n"


def print_frame() -> str:
    return FRAME.rename(index=lambda i: i + 1).to_string() + "\n"


LONG = pd.DataFrame(
    [(f"p{i:03}", name) for i, row in enumerate(PERSONS.to_numpy()) for name, on in zip("ABC", row, strict=True) if on],
    columns=["person_id", "list"],
)
CUBE = np.zeros((2, 2, 2), dtype=int)
for place, number in COUNTS.items():
    CUBE[place] = number

TEXTS: dict[str, str | bytes] = {
    "comma": CSV,
    "semicolons": text(FRAME, sep=";"),
    "tabs": text(FRAME, sep="\t"),
    "bars": text(FRAME, sep="|"),
    "semicolons, decimal comma": text(FRAME.astype({"n": float}), sep=";", decimal=","),
    "decimal comma everywhere": text(FRAME.astype(float), sep=";", decimal=","),
    "UTF-8 with a mark": b"\xef\xbb\xbf" + CSV.encode(),
    "Excel's Unicode text": text(FRAME, sep="\t").encode("utf-16"),
    "UTF-16, big end first, no mark": CSV.encode("utf-16-be"),
    "UTF-32": CSV.encode("utf-32"),
    "an end of file of old programs": CSV.encode() + b"\x1a",
    "sep line": "sep=;\r\n" + text(FRAME, sep=";"),
    "CR LF": CSV.replace("\n", "\r\n"),
    "a title above": "Overlap of three registers\n\n" + CSV,
    "remarks above": "# made on Monday\n# by the team\n" + CSV,
    "a row of totals": CSV + "Totaal,,,126\n",
    "a row of totals with that of every list": CSV + "64,52,44,126\n",
    "a row of totals under a column of numbers": "nr," + "".join(
        f"{i or ''}{',' if i else ''}{line}\n" for i, line in enumerate(CSV.splitlines())) + "Totaal,,,,126\n",
    "a note below": CSV + "\nSource: three registers, own linkage\n",
    "write.csv with row names": FRAME.rename(index=lambda i: i + 1).to_csv(),
    "pandas with its index": FRAME.to_csv(),
    "pandas' index under a name": FRAME.reset_index().rename(columns={"index": "Unnamed: 0"}).to_csv(index=False),
    "write.table": '"A" "B" "C" "n"\n' + "".join(f'"{i}" {a} {b} {c} {n}\n' for i, ((a, b, c), n) in
                                                 enumerate(COUNTS.items(), 1)),  # fmt: skip
    "write.table with tabs": "A\tB\tC\tn\n" + "".join(f"{i}\t{a}\t{b}\t{c}\t{n}\n" for i, ((a, b, c), n) in
                                                       enumerate(COUNTS.items(), 1)),  # fmt: skip
    "print of a data frame": print_frame(),
    "spaces": text(FRAME, sep=" "),
    "expand.grid": expand_grid(),
    "expand.grid, nobody's cell empty": expand_grid(unseen=""),
    "as.data.frame(table), a subset of its rows": "\n".join(np.delete(expand_grid().splitlines(), 1)),
    "frequency": CSV.replace(",n\n", ",frequency\n"),
    "aantal": CSV.replace(",n\n", ",aantal\n"),
    "N": CSV.replace(",n\n", ",N\n"),
    "Freq": CSV.replace(",n\n", ",Freq\n"),
    "weight": CSV.replace(",n\n", ",weight\n"),
    "cases": CSV.replace(",n\n", ",cases\n"),
    "Frequentie": CSV.replace(",n\n", ",Frequentie\n"),
    "Aantal personen": CSV.replace(",n\n", ",Aantal personen\n"),
    "No. of persons": CSV.replace(",n\n", ",No. of persons\n"),
    "# slachtoffers": CSV.replace(",n\n", ",# slachtoffers\n"),
    "Freq.": CSV.replace(",n\n", ",Freq.\n"),
    "n_obs": CSV.replace(",n\n", ",n_obs\n"),
    "len, of polars": CSV.replace(",n\n", ",len\n"),
    "floats": text(FRAME.astype(float)),
    "TRUE and FALSE": text(mapped({1: "TRUE", 0: "FALSE"})),
    "True and False": text(mapped({1: True, 0: False})),
    "T and F": text(mapped({1: "T", 0: "F"})),
    "TRUE and NA": text(mapped({1: "TRUE", 0: "NA"})),
    "yes and no": text(mapped({1: "yes", 0: "No"})),
    "ja en nee": text(mapped({1: "Ja", 0: "Nee"})),
    "un and obs of conting": text(mapped({1: "obs", 0: "un"}).rename(columns={"n": "y"})),
    "wel en niet": text(mapped({1: "wel", 0: "niet"})),
    "bekend en onbekend": text(mapped({1: "Bekend", 0: "Onbekend"})),
    "plus and minus": text(mapped({1: "+", 0: "-"})),
    "J en N": text(mapped({1: "J", 0: "N"})),
    "WAAR en ONWAAR": text(mapped({1: "WAAR", 0: "ONWAAR"}), sep=";"),
    "row numbers under a name": text(FRAME.reset_index().rename(columns={"index": "nr"})),
    "x and blank": text(mapped({1: "x", 0: ""})),
    "1 and blank": text(mapped({1: "1", 0: ""})),
    "1 and 2": text(mapped({1: 1, 0: 2})),
    "2 is yes, as only that leaves nobody on no list": text(mapped({1: 2, 0: 1})),
    "JSON records": FRAME.to_json(orient="records"),
    "JSON lines": FRAME.to_json(orient="records", lines=True),
    "JSON columns": FRAME.to_json(orient="columns"),
    "JSON split": FRAME.to_json(orient="split"),
    "JSON rows by number": FRAME.to_json(orient="index"),
    "JSON table": FRAME.to_json(orient="table", index=False),
    "JSON arrays": json.dumps({name: FRAME[name].tolist() for name in FRAME}),
    "JSON rows under a header": json.dumps(rows()),
    "gzip": gzip.compress(CSV.encode()),
    "bz2": bz2.compress(CSV.encode()),
    "xz": lzma.compress(CSV.encode()),
    "zip": packed("folder/table.csv", CSV),
    "gzip in UTF-16": gzip.compress(text(FRAME, sep="\t").encode("utf-16")),
    "workbook": book(("Sheet1", rows())),
    "workbook with an empty sheet": book(("Sheet1", []), ("Data", rows())),
    "workbook with notes": book(("Read me", [["Made by the team"], ["in 2026"]]), ("Data", rows())),
    "workbook with a title": book(("Sheet1", [["Overlap of three registers"], [], *rows()])),
    "workbook, table not in the corner": book(("Sheet1", [[], [], *[[None, *row] for row in rows()]])),
    "workbook of logicals": book(("Sheet1", rows(mapped({1: True, 0: False})))),
    "workbook of marks": book(("Sheet1", rows(mapped({1: "X", 0: None})))),
    "workbook with a header of two rows": book(("S", [["Overlap"], ["Registers", None, None, "Personen"], *rows()])),
    "workbook with a header of two rows, joined": book(("S", [["Registers", None, None, "n"],
                                                             ["A", "B", "C", None], *rows()[1:]])),
    "workbook with a sum that nobody filled in": book(("S", [*rows(), ["Totaal", None, None, "=SUM(D2:D8)"]])),
    "MARK without groups": "".join(f"{h} {n};\n" for h, n in BY_HISTORY.items()),
    "persons": text(PERSONS),
    "persons with ids": text(PERSONS.assign(id=[f"p{i:03}" for i in range(len(PERSONS))])),
    "persons by number": text(PERSONS.reset_index().rename(columns={"index": "id"})),
    "persons by record_id": text(mapped({1: 1, 0: "NA"}, PERSONS).assign(record_id=range(1, 127), sex=["m", "f"] * 63)),
    "persons in words": text(mapped({1: "ja", 0: "nee"}, PERSONS)),
    "persons with sex": text(PERSONS.assign(sex=["m", "f"] * 63)),
    "long": text(LONG),
    "long, with a count of 1": text(LONG.assign(n=1)),
    "long under other usual names": text(LONG.rename(columns={"person_id": "clientNr_id", "list": "organisatie_naam"})),
    "long with dates": text(LONG.assign(date=[f"2020-{i % 12 + 1:02}-{i % 28 + 1:02}" for i in range(len(LONG))])),
    "long in Dutch": text(LONG.rename(columns={"person_id": "persoon", "list": "bron"}), sep=";"),
    "lists in words": "lists,n\n" + "".join(
        f"{' & '.join(x for x, on in zip('ABC', h, strict=True) if on)},{n}\n" for h, n in COUNTS.items()),
    "lists in words with plus": "overlap;aantal\n" + "".join(
        f"{'+'.join(x for x, on in zip('ABC', h, strict=True) if on)};{n}\n" for h, n in COUNTS.items()),
    "persons with their lists in words": text(pd.DataFrame({"Bron": PERSONS.apply(
        lambda row: ",".join(row.index[row == 1]), axis=1)})),
}  # fmt: skip

ALSO_NUMBERED: dict[str, str | bytes] = {
    "histories": text(pd.DataFrame({"ch": histories(), "n": FRAME["n"]})),
    "histories that Excel shortened": text(pd.DataFrame({"ch": list(map(int, histories())), "freq": FRAME["n"]})),
    "shortened, with a decimal": text(pd.DataFrame({"history": list(map(float, histories())), "n": FRAME["n"]})),
    "histories as formulas": "ch;n\n" + "".join(f'"=""{h}""";{n}\n' for h, n in BY_HISTORY.items()),
    "histories with dashes": "hist,n\n" + "".join(f"{'-'.join(h)},{n}\n" for h, n in BY_HISTORY.items()),
    "histories as row names": pd.DataFrame({"n": FRAME["n"].tolist()}, index=histories()).to_csv(),
    "histories under any name": text(pd.DataFrame({"pattern": histories(), "count": FRAME["n"]})),
    "histories, one row per person": text(pd.DataFrame({"ch": histories(PERSONS)})),
    "MARK": "/* three */\n" + "".join(f"/* a */ {h} {n};\n" for h, n in BY_HISTORY.items()),
    "MARK, one row for each animal": "".join(f"{h} 1;\n" for h in histories(PERSONS)),
    "JSON rows without a header": FRAME.to_json(orient="values"),
    "JSON of a series": FRAME.set_index(["A", "B", "C"])["n"].to_json(),
    "JSON by history": json.dumps(dict(zip(histories(), FRAME["n"].tolist(), strict=True))),
    "a workbook that lost zeros": book(("S", [["ch", "n"], *[[int(h), n] for h, n in BY_HISTORY.items()]])),
    "no header": text(FRAME, header=False),
    "no header, spaces": text(FRAME, header=False, sep=" "),
}  # fmt: skip


def written(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("case", TEXTS)
def test_the_same_table_in_every_kind_of_file(case, tmp_path):
    assert read_table(written(tmp_path, TEXTS[case])) == (TABLE if not case.startswith("MARK") else NUMBERED)


@pytest.mark.parametrize("case", ALSO_NUMBERED)
def test_histories_are_taken_apart(case, tmp_path):
    table = read_table(written(tmp_path, ALSO_NUMBERED[case]))
    assert table == NUMBERED


def test_files_of_statistical_packages(tmp_path):
    labels = {name: {0: "Not registered", 1: "Registered"} for name in "ABC"}
    pyreadstat.write_sav(FRAME, str(tmp_path / "t.sav"), variable_value_labels=labels)
    pyreadstat.write_dta(FRAME, str(tmp_path / "t.dta"))
    pyreadstat.write_xport(FRAME, str(tmp_path / "t.xpt"))
    one_two = FRAME.assign(**{x: 2 - FRAME[x] for x in "ABC"})
    pyreadstat.write_sav(
        one_two, str(tmp_path / "labels.sav"), variable_value_labels={x: {1: "Ja", 2: "Nee"} for x in "ABC"}
    )
    sex = pd.concat([FRAME.assign(man=0), FRAME.assign(man=1)])
    pyreadstat.write_dta(sex, str(tmp_path / "sex.dta"), variable_value_labels={"man": {0: "woman", 1: "man"}})
    FRAME.to_parquet(tmp_path / "t.parquet")
    for name in ("t.sav", "t.dta", "t.xpt", "labels.sav", "t.parquet"):
        assert read_table(tmp_path / name) == TABLE, name
    (tmp_path / "t.sav.gz").write_bytes(gzip.compress((tmp_path / "t.sav").read_bytes()))
    assert read_table(tmp_path / "t.sav.gz") == TABLE
    assert dict(read_table(tmp_path / "sex.dta").strata) == {"man": ("woman", "man")}


def test_cells_that_a_workbook_joins_below_each_other_stand_in_every_row(tmp_path):
    made = openpyxl.Workbook()
    for row in [
        ["year", *FRAME.columns],
        *([year, *row] for year in (2019, 2020) for row in FRAME.to_numpy().tolist()),
    ]:
        made.active.append(row)
    for top in (2, 9):
        made.active.merge_cells(f"A{top}:A{top + 6}")
    made.save(tmp_path / "years.xlsx")
    assert read_table(tmp_path / "years.xlsx") == read_table(YEARS)


def test_a_labelled_variable_of_known_and_unknown_stays_a_list(tmp_path):
    labels = {name: {0: "Onbekend", 1: "Bekend"} for name in "ABC"}
    pyreadstat.write_sav(FRAME, str(tmp_path / "t.sav"), variable_value_labels=labels)
    assert read_table(tmp_path / "t.sav") == TABLE


def test_names_of_files_do_not_matter_and_make_the_name_of_the_table(tmp_path):
    path = written(tmp_path, gzip.compress(book(("S", rows()))), "overlap 2020.csv.gz")
    assert read_table(path).name == "overlap 2020"
    assert read_table(written(tmp_path, CSV, "t.xlsx")) == TABLE


MEMORY = {
    "frame": FRAME,
    "multi-index series": FRAME.set_index(["A", "B", "C"])["n"],
    "sizes of groups": PERSONS.groupby(["A", "B", "C"]).size(),
    "value counts": PERSONS.value_counts(),
    "multi-index frame": FRAME.set_index(["A", "B", "C"]),
    "crosstab": pd.crosstab(PERSONS["A"], [PERSONS["B"], PERSONS["C"]]),
    "crosstab with margins": pd.crosstab(PERSONS["A"], [PERSONS["B"], PERSONS["C"]], margins=True),
    "sizes of groups as a frame": PERSONS.groupby(["A", "B", "C"], as_index=False).size(),
    "sets": {name: {*np.flatnonzero(PERSONS[name]).tolist()} for name in "ABC"},
    "persons": PERSONS,
    "booleans": PERSONS.astype(bool),
    "nullable integers": FRAME.astype("Int64"),
    "categories": FRAME.astype({"A": "category"}),
    "columns": {name: FRAME[name].tolist() for name in FRAME},
    "arrays by column": {name: FRAME[name].to_numpy() for name in FRAME},
    "records": FRAME.to_dict("records"),
    "words by lists": {tuple(x for x, on in zip("ABC", h, strict=True) if on): n for h, n in COUNTS.items()},
    "lists with a sign": {" & ".join(x for x, on in zip("ABC", h, strict=True) if on): n for h, n in COUNTS.items()},
    "structured array": FRAME.to_records(index=False),
    "labelled array": xr.DataArray(CUBE, dims=["A", "B", "C"]),
}  # fmt: skip
NUMBERED_MEMORY = {
    "matrix with counts": FRAME.to_numpy(),
    "matrix of persons": PERSONS.to_numpy(),
    "contingency table": CUBE,
    "contingency table without nobody": np.where(CUBE == 0, np.nan, CUBE),
    "rows": FRAME.to_numpy().tolist(),
    "tuples by history": COUNTS,
    "series by history": pd.Series(FRAME["n"].tolist(), index=histories()),
    "frame by history": pd.DataFrame({"n": FRAME["n"].tolist()}, index=histories()),
    "strings by history": dict(BY_HISTORY.items()),
}


@pytest.mark.parametrize("case", MEMORY)
def test_the_same_table_in_memory(case):
    assert read_table(MEMORY[case]) == TABLE


@pytest.mark.parametrize("case", NUMBERED_MEMORY)
def test_arrays_have_numbered_lists(case):
    assert read_table(NUMBERED_MEMORY[case]) == NUMBERED


def test_frames_of_other_libraries():
    pyarrow = pytest.importorskip("pyarrow")
    assert read_table(pyarrow.Table.from_pandas(FRAME)) == TABLE
    assert read_table(pyarrow.RecordBatch.from_pandas(FRAME)) == TABLE
    polars = pytest.importorskip("polars")
    assert read_table(polars.from_pandas(FRAME)) == TABLE == read_table(polars.from_pandas(FRAME).lazy())
    assert read_table(polars.from_pandas(YEARS)).strata == {"year": ("2019", "2020")}
    with pytest.raises(InputError, match="is no table: Series"):
        read_table(polars.from_pandas(FRAME)["n"])


# ---- what is told

TOLD = [
    (CSV, {}, ("3 lists (A, B, C)", "7 histories", "count in `n`")),
    (text(YEARS), {}, ("by year",)),
    (ALSO_NUMBERED["MARK, one row for each animal"], {}, ("rows with the same history added up",)),
    (TEXTS["long, with a count of 1"], {}, ("not read: n", "one row per registration")),
    (TEXTS["persons with sex"], {}, ("one row per person", "not read: sex")),
    (TEXTS["persons with ids"], {}, ("one row per person", "not read: id")),
    (TEXTS["long"], {}, ("one row per registration: persons by `person_id`, lists by `list`",)),
    (TEXTS["long with dates"], {}, ("differs within persons: date",)),
    (TEXTS["1 and 2"], {}, ("1 is on the list, 2 is not",)),
    (TEXTS["2 is yes, as only that leaves nobody on no list"], {}, ("2 is on the list, 1 is not",)),
    (TEXTS["x and blank"], {}, ("`x` is on the list, an empty cell is not",)),
    (ALSO_NUMBERED["histories that Excel shortened"], {}, ("zeros that a spreadsheet took", "3 places")),
    (TEXTS["lists in words"], {}, ("from the words in `lists`: exactly these",)),
    (TEXTS["expand.grid"], {}, ("names of the rows not read", "count in `Freq`")),
    (TEXTS["workbook with notes"], {}, ("sheet Data",)),
    (TEXTS["a title above"], {}, ("a line beside the table not read",)),
    (text(YEARS.assign(year="é")).encode("cp1252"), {"sum_duplicates": True}, ("Windows-1252",)),
    (text(YEARS), {"ignore": ["year"], "sum_duplicates": True}, ("left out as asked: year",)),
]  # fmt: skip


@pytest.mark.parametrize(("content", "options", "fragments"), TOLD)
def test_what_was_understood_is_told(content, options, fragments, tmp_path):
    told = str(read_table(written(tmp_path, content), **options).read_as)
    assert all(fragment in told for fragment in fragments), told


# ---- what is asked

THREE_ROWS = "A,B,n\n1,0,5\n0,1,4\n1,1,3\n"
ASKED: dict[str, tuple[object, tuple[str, ...], dict[str, object]]] = {
    "two sheets": (book(("S1", rows()), ("S2", rows())), ("S1, S2", "--sheet"), {"sheet": "S2"}),
    "two counts": ("A,B,n,freq\n1,0,5,6\n0,1,4,4\n1,1,3,2\n", ("n, freq", "--count"),
                   {"count": "n", "ignore": ["freq"]}),
    "a second count": ("A,B,n,total\n1,0,5,6\n0,1,4,4\n1,1,3,4\n", ("'total'", "--ignore"), {"ignore": ["total"]}),
    "a count under another name": (CSV.replace(",n\n", ",slachtoffers\n"), ("--count slachtoffers",),
                                   {"count": "slachtoffers"}),
    "persons with a size, no count": (text(PERSONS.assign(id=range(1, 127), size=[1, 2, 3] * 42)), ("--persons",),
                                             {"persons": True}),
    "no count, no row twice": (text(FRAME.drop(columns="n")), ("--persons",), {"persons": True}),
    "sex as 0 and 1": (twice("sex", 0, 1), ("'sex'", "--covariate"), {"covariates": ["sex"]}),
    "minor as 0 and 1": (twice("minor", 0, 1), ("'minor'",), {"covariates": ["minor"]}),
    "is_minor as logical": (twice("is_minor", False, True), ("'is_minor'",),
                            {"covariates": ["is_minor"]}),
    "minderjarig in words, lists as 0 and 1": (twice("minderjarig", "ja", "nee"),
                                               ("'minderjarig'", "--covariate"), {"covariates": ["minderjarig"]}),
    "a covariate that everybody has": (text(FRAME.assign(urban=1)), ("'urban'",), {"covariates": ["urban"]}),
    "1 and 2 that the counts do not settle": (text(mapped({1: 2, 0: 1}).iloc[:6]), ("--yes 1, --yes 2",), {"yes": "2"}),
    "yes, no and unknown": (text(mapped({1: "yes", 0: "no"}).assign(C=[*"yes no unknown yes no yes unknown".split()])),
                            ("'C'", "neither yes nor no"), {}),
    "yes beside 0 and 1": (text(FRAME.assign(C=FRAME["C"].map({1: "yes", 0: "no"}))), ("'C'", "another coding"),
                           {"lists": ["A", "B", "C"]}),
    "TRUE, FALSE and NA": (text(mapped({1: "TRUE", 0: "FALSE"})).replace("FALSE,FALSE,TRUE,25", "NA,FALSE,TRUE,25"),
                           ("--blank-is-no", "'A'"), {"blank_is_no": True}),
    "a gap in a list": (CSV.replace("0,0,1,25", ",0,1,25"), ("'A'", "empty", "--blank-is-no"), {"blank_is_no": True}),
    "own words": (text(mapped({1: "gemeld", 0: "anders"})), ("0 lists", "so covariates", "--yes"), {"yes": "gemeld"}),
    "a share": (text(FRAME.assign(share=FRAME["n"] / 131)), ("'share'", "--ignore"), {"ignore": ["share"]}),
    "persons and lists under other names": (text(LONG.rename(columns={"person_id": "kenmerk", "list": "waar"})),
                                            ("--id-column, --list-column",),
                                            {"id_column": "kenmerk", "list_column": "waar"}),
    "MARK with covariates": ("10 1 3.5;\n01 1 2.1;\n11 1 0.4;\n", ("by group or covariates", "ch, freq"), {}),
    "MARK, groups or covariates": ("10 1 35;\n01 1 21;\n11 1 4;\n", ("by group or covariates",), {}),
    "rounded histories": ("ch,n\n1.01E+15,5\n1.10E+15,4\n1.00E+15,3\n", ("'ch'", "rounded", "as text"), {}),
    "a row of totals that is none": (CSV + "Total,,,127\n", ("row 9", "another number"), {}),
    "a covariate beside histories": (text(pd.DataFrame([(h, n, q) for q in (0, 1) for h, n in BY_HISTORY.items()],
                                                       columns=["ch", "n", "q"])),
                                     ("'q'", "histories are of other lists"), {"covariates": ["q"]}),
    "names in place of persons": (text(LONG.assign(person_id="Jan de Vries " + LONG["person_id"])), ("looks like",),
                                  {}),
    "thousands": (CSV.replace("40", "1.040").replace("25", "1250"), ("write 1040 if thousands",), {}),
    "list names misspelt": (CSV, ("did you mean 'A'",), {"lists": ["a", "B", "C"]}),
    "count misspelt": (CSV.replace(",n\n", ",personnes\n"), ("did you mean 'personnes'",), {"count": "persones"}),
    "ignore misspelt": (text(YEARS), ("did you mean year",), {"ignore": ["yaer"]}),
    "a sheet that is not there": (book(("Data", rows())), ("no such sheet", "did you mean Data"), {"sheet": "Dat"}),
    "R data": (gzip.compress(b"RDX3\nX\n\x00\x00"), ("a file of R", "write.csv"), {}),
    "Arrow file": (b"ARROW1\x00\x00", ("Arrow or Feather", "Parquet"), {}),
    "a locked workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, ("no workbook that can be read",), {}),
    "several files in a zip": (None, ("zip file with 2 files",), {}),
}  # fmt: skip
UNANSWERED = ("MARK", "rounded", "a row of", "thousands", "misspelt", "a sheet that", "R data", "Arrow",
              "locked", "unknown", "several", "names in")  # fmt: skip


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", CSV)
        archive.writestr("b.csv", CSV)
    return out.getvalue()


@pytest.mark.parametrize("case", ASKED)
def test_what_cannot_be_decided_is_asked_with_the_option_that_decides_it(case, tmp_path):
    content, fragments, answer = ASKED[case]
    path = written(tmp_path, zipped() if content is None else content)  # type: ignore[arg-type]
    wrong = any(x in case for x in UNANSWERED)
    with pytest.raises(InputError) as caught:
        read_table(path, **(answer if wrong else {}))
    assert all(fragment in str(caught.value) for fragment in fragments), str(caught.value)
    if not wrong:
        table = read_table(path, **answer)
        assert table.observed > 0 and not {"sex", "minor", "year"} & {*table.lists}


GIVEN_WRONGLY = [
    (42, "is no table: int"),
    (None, "is no table: NoneType"),
    (np.array([40, 30, 12]), "shape .3."),
    (np.zeros((3, 3, 3)), "shape .3, 3, 3."),
    (FRAME["n"], "is no table: Series"),
    (FRAME.index, "is no table: RangeIndex"),
    ("uk-2013-55", "did you mean uk-2013-5"),
    ([], "no rows can be made"),
    ({"A": [1, 0], "B": [1]}, "no rows can be made"),
    (object(), "is no table: object"),
]


@pytest.mark.parametrize(("given", "words"), GIVEN_WRONGLY)
def test_what_is_no_table_is_told_so_in_words(given, words):
    with pytest.raises(InputError, match=words):
        read_table(given)


def test_the_command_reads_its_file_once(tmp_path, monkeypatch):
    from mse.commands.estimating import estimate
    from mse.tables import reading

    opened, read = [], reading.read_grid
    monkeypatch.setattr(reading, "read_grid", lambda *given: opened.append(given[0]) or read(*given))
    for names in ([written(tmp_path, CSV)], [written(tmp_path, CSV, name) for name in ("a.csv", "b.csv")]):
        estimate.main([*map(str, names), "--language", "nl"], standalone_mode=False)
        assert opened == names
        opened.clear()


def test_the_command_speaks_dutch_of_one_table_of_several_and_of_many_lists(tmp_path, capsys):
    from mse.commands.estimating import estimate

    wide = pd.DataFrame(np.eye(18, dtype=int), columns=[f"L{i}" for i in range(18)]).assign(n=20)
    wide.loc[0, "L1"] = 1
    asked = {
        "Oordeel: ": [written(tmp_path, CSV)],
        "personen geregistreerd op ten minste één van 18 lijsten": [written(tmp_path, text(wide), "wide.csv")],
        "methode gekozen bij 3 lijsten": [written(tmp_path, CSV), tmp_path / "gone.csv"],
        "dit bestand is er niet": [written(tmp_path, CSV), tmp_path / "gone.csv"],
    }
    for words, names in asked.items():
        estimate.main([*map(str, names), "--language", "nl"], standalone_mode=False)
        assert words in capsys.readouterr().out


def test_numbered_lists_are_not_asked_about_though_nobody_is_alone_on_one():
    rows = [[1, 1, 0, 60], [1, 1, 1, 20], [0, 1, 0, 90], [0, 0, 1, 80], [0, 1, 1, 30]]
    assert read_table(pd.DataFrame(rows, columns=["o1", "o2", "o3", "count"])).lists == ("o1", "o2", "o3")


def test_a_public_table_by_its_name():
    assert read_table("uk-2013-5").observed == 2744
    assert type(read_table("irregular-immigrants-netherlands-repeat")).__name__ == "RepeatCounts"
    assert read_table(TABLE) is TABLE


def test_more_lists_than_a_table_has_are_read_all_the_same(tmp_path):
    wide = pd.DataFrame(np.eye(18, dtype=int), columns=[f"L{i}" for i in range(18)]).assign(n=2)
    wide.loc[0, "L1"] = 1
    table = read_table(written(tmp_path, text(wide)))
    assert type(table).__name__ == "HistoryTable" and table.n_lists == 18
