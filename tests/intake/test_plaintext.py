"""Rows of files as they come: encodings, lines, quotation marks, blanks; the same rows are the same however written."""

from __future__ import annotations

import pytest

from mse.intake.registers import plaintext
from tests.examples.registers import COLUMNS, CONTRACT, contract, row, write
from tests.intake.test_contract import changed
from tests.intake.test_registers import FAULTY, read, reasons, rows_of


@pytest.mark.parametrize(("encoding", "declared"), [("utf-8-sig", "utf-8"), ("cp1252", "cp1252"), ("utf-16", "utf-16")])
def test_encodings(tmp_path, encoding, declared):
    text = changed('codes = { NL = "Dutch" }', 'codes = { "Fryslân" = "Frisian" }')
    write(tmp_path / "u.csv", [row(1, nationality="Fryslân")])
    (tmp_path / "p.csv").write_bytes((tmp_path / "u.csv").read_text(encoding="utf-8").encode(encoding))
    with read(contract(tmp_path, text, encoding=declared), tmp_path) as registers:
        assert rows_of(registers, "nationality") == [("Frisian",)]


def test_bytes_of_another_encoding_are_rejected_row_by_row(tmp_path):
    write(tmp_path / "u.csv", [row(1), row(2, nationality="Frysl\u00e2n"), row(3)])
    (tmp_path / "p.csv").write_bytes((tmp_path / "u.csv").read_text(encoding="utf-8").encode("cp1252"))
    with read(contract(tmp_path), tmp_path, rejects=tmp_path / "r.csv") as registers:
        assert rows_of(registers, "row") == [(2,), (4,)]
        assert reasons(tmp_path / "r.csv") == [(3, "", "encoding")]


def test_lines_are_those_of_an_editor(tmp_path):
    text = changed('name = "sex"', 'name = "office"\nrole = "ignored"\n\n[[fields]]\nname = "sex"')
    head = ",".join([*COLUMNS, "office"])
    lines = [head, "", ",".join([*row(1).values(), '"two\nlines"']), "", ",".join([*row(2).values(), "x"]),
             "a,b", 'x"y,"z"z', ",".join([*row(3, sex="q").values(), "x", "", ""]), " , "]  # fmt: skip
    (tmp_path / "p.csv").write_text("\r\n".join(lines).replace("two\nlines", "two\r\nlines"), newline="")
    with read(contract(tmp_path, text), tmp_path, rejects=tmp_path / "r.csv") as registers:
        assert rows_of(registers, "row") == [(3,), (6,)]
        assert reasons(tmp_path / "r.csv") == [(7, "", "cells"), (8, "", "quotation"), (9, "sex", "unknown_code")]
        assert registers.counts[0].count == 5


def written_in(way: str, head: list[str], rows: list[list[str]]) -> str:
    """Return the same rows, written otherwise."""
    if way == "other order":
        head, rows = head[::-1], [cells[::-1] for cells in rows]
    if way == "column ignored":
        head, rows = ["office", *head], [["x", *cells] if len(cells) == len(head) else cells for cells in rows]
    lines = [",".join(cells) for cells in [head, *rows]]
    if way == "quoted":
        lines = [",".join(f'"{cell}"' for cell in cells) for cells in [head, *rows]]
    if way == "one quoted":
        lines[20] = ",".join(f'"{cell}"' for cell in rows[19])
    end = "\r\n" if way == "other line ends" else "\n"
    return end.join(lines) + (end if way != "no last line end" else "")


@pytest.mark.parametrize(
    "way", ["quoted", "one quoted", "other order", "column ignored", "other line ends", "no last line end"]
)
def test_rows_are_the_same_however_they_are_written(tmp_path, monkeypatch, way):
    monkeypatch.setattr(plaintext, "_BATCH", 7)
    cells = [[*cells.values()] for cells, _ in FAULTY if not any(x in "".join(cells.values()) for x in '\n",')]
    cells += [[f" {cell}\t" for cell in row(i).values()] for i in range(101, 120)]
    cells += [[*row(200, form="SEX\x0b").values()], [*row(201, referred_from="x" * 1001).values()], [], ["a", "b"]]
    cells += [[*row(202, sex="q").values()], [*row(203, nationality="a\x1fb").values()], [*row(204).values()]]
    found = []
    for name in ("plain", way):
        (tmp_path / "p.csv").write_text(written_in(name, [*COLUMNS], cells), newline="")
        office = 'name = "sex"', 'name = "office"\nrole = "ignored"\n\n[[fields]]\nname = "sex"'
        text = changed(*office) if name == "column ignored" else CONTRACT
        with read(contract(tmp_path, text), tmp_path, rejects=tmp_path / "r.csv") as registers:
            kept = rows_of(registers, "row, key, form, sex, nationality, age, birth_year, date")
            found.append((kept, reasons(tmp_path / "r.csv"), registers.counts[0].count))
    assert found[0] == found[1]
    assert {"control", "too_long", "cells"} <= {code for _, _, code in found[0][1]} and len(found[0][0]) > 20


def test_an_open_quotation_mark_takes_no_row_silently(tmp_path):
    write(tmp_path / "p.csv", [row(i) for i in range(1, 40)])
    lines = (tmp_path / "p.csv").read_text().splitlines()
    lines[10] = lines[10].replace("R10", '"R10')
    (tmp_path / "p.csv").write_text("\n".join(lines) + "\n")
    with read(contract(tmp_path), tmp_path, rejects=tmp_path / "r.csv") as registers:
        assert [r for r, _, code in reasons(tmp_path / "r.csv") if code == "quotation"] == list(range(11, 41))
        assert registers.counts[0].count == 39 and len(rows_of(registers, "row")) == 9


# ---- what stops a run -------------------------------------------------------------------------------
