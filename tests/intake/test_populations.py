"""Victims and suspects in one set of registers: linked once, counted apart, never mixed in silence."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mse.cli import main
from mse.errors import InputError
from mse.intake.planning import IntakeSpec
from mse.intake.taking import take_in
from mse.jobs.job import make_job
from mse.jobs.running import run_job
from mse.words.catalogues import catalogue
from tests.examples.registers import hashed, row, write
from tests.intake.test_contract import changed

VICTIMS, SUSPECTS = {"P": 0.4, "K": 0.3}, {"Q": 0.5, "S": 0.4}


def registers(folder: Path, counts: bool = True) -> list[Path]:
    """Write four registers: persons 0 to 599 are victims, 500 to 899 suspects, so that 100 are both."""
    rng, paths = np.random.default_rng(5), []
    for names, people, population in ((VICTIMS, range(600), "victims"), (SUSPECTS, range(500, 900), "suspects")):
        for name, share in names.items():
            seen = [i for i in people if rng.random() < share]
            rows = [row(i, record=f"{name}{i}", key=hashed(f"k{i}"), surname_hash=hashed(f"s{i}")) for i in seen]
            write(folder / f"{name}.csv", rows)
            text = changed('list = "P"', f'list = "{name}"').replace('["p.csv"]', f'["{name}.csv"]')
            text = text.replace('codes = { KMAR = "K", none = "" }', 'codes = { none = "" }')
            text = text.replace('path = ["', f'counts = "{population}"\npath = ["' if counts else 'path = ["')
            (folder / f"{name}.toml").write_text(text)
            paths.append(folder / f"{name}.toml")
    return paths


def test_each_population_has_its_own_table_and_who_is_both_is_counted(tmp_path):
    paths = registers(tmp_path)
    found = take_in(paths, tmp_path, IntakeSpec(counts="victims", unit="person"), seed=1)
    assert found.table.lists == ("P", "K")
    (other,) = found.others
    assert other.name == "suspects" and other.table is not None and other.table.lists == ("Q", "S")
    assert other.registered == other.table.observed and 0 < other.both < 100
    assert any(note.code == "population.apart" for note in found.told)
    back = take_in(paths, tmp_path, IntakeSpec(counts="suspects", unit="person"), seed=1)
    assert back.table == other.table and back.others[0].both == other.both and back.others[0].table == found.table
    alone = take_in(paths[:2], tmp_path, IntakeSpec(unit="person"), seed=1)
    assert alone.table == found.table and not alone.others


def test_populations_are_never_mixed_in_silence(tmp_path):
    paths = registers(tmp_path)
    with pytest.raises(InputError, match=r"victims \(P.*suspects \(Q.*counts ="):
        take_in(paths, tmp_path, seed=1)
    with pytest.raises(InputError, match="no register counts buyers"):
        take_in(paths, tmp_path, IntakeSpec(counts="buyers"), seed=1)
    paths[3].write_text(paths[3].read_text().replace('counts = "suspects"\n', ""))
    with pytest.raises(InputError, match="do not say which population"):
        take_in(paths, tmp_path, IntakeSpec(counts="victims"), seed=1)


def test_definitions_are_printed_and_those_that_differ_stand_apart(tmp_path):
    paths = registers(tmp_path)
    paths[1].write_text(paths[1].read_text().replace("Anybody with the slightest sign", "Anybody with a strong sign"))
    result = CliRunner().invoke(main, ["contract", "check", *map(str, paths)])
    assert result.exit_code == 0, result.output
    assert (
        "victims (P): Anybody with the slightest" in result.output
        and "victims (K): Anybody with a strong" in result.output
    )
    assert "suspects (Q, S): Anybody with the slightest" in result.output


def test_a_job_estimates_both_and_those_who_are_both(tmp_path):
    paths = [str(path) for path in registers(tmp_path)]
    job = make_job({"registers": {"contracts": paths, "counts": "victims", "unit": "person"},
                    "estimate": {"method": "chapman"}, "compare": []})  # fmt: skip
    rows = run_job(job).tables["populations"].set_index("population")
    assert list(rows.index) == ["victims", "suspects", "victims + suspects"]
    for name, truth in (("victims", 600), ("suspects", 400), ("victims + suspects", 100)):
        assert rows.loc[name, "low"] < truth < rows.loc[name, "high"]


ROLE = '[[fields]]\nname = "rol"\nrole = "population"\ncodes = { V = "victims", S = "suspects" }\n\n'


def one_file(folder: Path) -> list[Path]:
    """Write the registers P of victims and Q of suspects as one file with a column that says which."""
    paths = registers(folder)
    rows = []
    for name, code in (("P", "V"), ("Q", "S")):
        with (folder / f"{name}.csv").open(newline="") as file:
            # What is a fault in a row of a victim is none in a row that is nobody's business here.
            rows += [
                one | {"rol": code, "form": one["form"].replace("SEX", "SEX" if code == "V" else "ZED")}
                for one in csv.DictReader(file)
            ]
        text = (folder / f"{name}.toml").read_text().replace(f'"{name}.csv"', '"both.csv"')
        text = text.replace("max_rejects = 1.0", "max_rejects = 0.05")
        text = text.replace('SEX = "sexual"', 'ZED = "sexual"') if code == "S" else text
        (folder / f"{name}.toml").write_text(text.replace("[[fields]]", f"{ROLE}[[fields]]", 1))
    write(folder / "both.csv", rows)
    return paths


def test_one_file_of_two_populations_is_two_lists(tmp_path):
    (tmp_path / "apart").mkdir()
    spec = IntakeSpec(counts="victims", unit="person")
    apart = take_in(registers(tmp_path / "apart"), tmp_path, spec, seed=1)
    paths = one_file(tmp_path)
    found = take_in(paths, tmp_path, spec, seed=1, rejects=tmp_path / "rejects.csv")
    assert found.table == apart.table and found.others[0].table == apart.others[0].table
    said = (tmp_path / "rejects.csv").read_text()
    assert said.count("other_population") == said.count("\n") - 1 > 300
    result = CliRunner().invoke(main, ["quality", str(paths[0]), "--out", str(tmp_path / "q"), "--language", "nl"])
    assert result.exit_code == 0, result.output
    assert "De rij telt een andere populatie (geen fout)" in (tmp_path / "q" / "quality-P.html").read_text()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('counts = "victims"\n', "", "no code of this column leads to it"),
        ('counts = "victims"\n', 'counts = "suspects"\n', "claims the same file"),
        (
            'role = "population"\ncodes = { V = "victims", S = "suspects" }',
            'role = "population"',
            "which code is which",
        ),
    ],
)
def test_a_column_of_populations_that_does_not_say_which(tmp_path, old, new, words):
    paths = one_file(tmp_path)
    paths[0].write_text(paths[0].read_text().replace(old, new))
    with pytest.raises(InputError, match=words):
        take_in([paths[0], paths[2]], tmp_path, IntakeSpec(counts="victims"), seed=1)


def test_a_row_that_does_not_say_whom_it_counts_is_a_fault(tmp_path):
    paths = one_file(tmp_path)
    text = (tmp_path / "both.csv").read_text().splitlines()
    (tmp_path / "both.csv").write_text("\n".join([text[0], *(line.removesuffix(",V") + "," for line in text[1:])]))
    with pytest.raises(InputError, match="a value that is required is missing.*rol"):
        take_in([paths[0]], tmp_path, seed=1)


def test_too_many_bad_rows_are_told_with_where_to_find_them(tmp_path):
    paths = one_file(tmp_path)
    paths[0].write_text(paths[0].read_text().replace('SEX = "sexual"', 'ZED = "sexual"'))
    with pytest.raises(InputError, match=r"run mse quality, whose rejects-P.csv names the rows") as caught:
        take_in([paths[0]], tmp_path, seed=1)
    dutch = catalogue("nl").said(caught.value.problems[0].found)
    assert "x de code staat niet in de afgesproken codelijst (kolom form)" in dutch and re.search(r"\(\d+,\d%\)", dutch)
    result = CliRunner().invoke(main, ["quality", str(paths[0]), "--out", str(tmp_path / "q")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "q" / "rejects-P.csv").read_text().count("unknown_code") > 100
