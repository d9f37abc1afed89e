"""Measure what the guard refuses of what says who somebody is, and what it refuses wrongly.

    python -m benchmarks.guard [--seeds 3] [--nations 3] [--docs docs/registers.md]

Columns under a neutral name, of the kinds of `tests/examples/identifying.py` (with which the guard was made) and of
`tests/examples/heldout.py` (written after it), in five roles; columns that are harmless; and every column of the
registers of simulated nations. The same in tables without a contract, and every column of the tables that ship. With
`--docs` the table replaces the one between the marks in that file.
"""

import argparse
import csv
import random
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from itertools import product
from pathlib import Path

from mse.errors import InputError
from mse.identifying.table_columns import table_kind
from mse.intake.contracts.clauses import ContractField, Interval
from mse.intake.contracts.contractfile import read_contract
from mse.intake.pseudonyms.keyedhash import disguise
from mse.intake.registers.delivered import read_registers
from mse.intake.registers.guard import personal_kind
from mse.shipped import shipped_names, shipped_path
from mse.simulate.national import simulate
from mse.simulate.section import national_spec
from mse.simulate.writing import write_registers
from tests.examples.heldout import HELD_OUT
from tests.examples.identifying import GIVEN_OUT, HARMLESS, PERSONAL, Make

SPAN = Interval(first=date(2016, 1, 1), last=date(2026, 2, 1))
ROLES = {
    "not declared": ContractField(name="x", role="ignored"),
    "record": ContractField(name="x", role="record"),
    "entered": ContractField(name="x", role="entered", type="date"),
    "stratum": ContractField(name="x", role="stratum", codes={"A": "a", "B": "b"}),
    "stratum with `other`": ContractField(name="x", role="stratum", codes={"A": "a"}, other="other"),
}
SIZES = (12, 40, 150, 500)
KEY = bytes.fromhex("9a1fd2075ce833b460af0d917e26cb58f1843daa19e072c54b960ed763b82f8c")


def refused(kinds: Mapping[str, Sequence[Make]], role: str, seeds: int) -> tuple[int, int]:
    """Return how many columns of some kinds are refused in a role, of how many."""
    count, total = 0, 0
    for kind, variants in kinds.items():
        for i, make in enumerate(variants):
            for seed in range(seeds):
                for n in SIZES:
                    r = random.Random(f"{kind} {i} {seed} {n}")
                    count += personal_kind("x", [make(r) for _ in range(n)], ROLES[role], SPAN) is not None
                    total += 1
    return count, total


def records_refused(seeds: int) -> tuple[int, int]:
    """Return how many columns of numbers that a system gave out are refused, of how many."""
    found = [
        personal_kind("x", make(random.Random(f"{kind} {seed} {n}"), n), ROLES["record"], SPAN) is not None
        for kind, make in GIVEN_OUT.items() for seed in range(seeds) for n in SIZES
    ]  # fmt: skip
    return sum(found), len(found)


def nations_refused(nations: int) -> tuple[int, int]:
    """Return how many files of simulated registers are refused, of how many."""
    refusals, total = 0, 0
    for seed in range(nations):
        with tempfile.TemporaryDirectory() as folder:
            paths = write_registers(
                Path(folder) / "n", simulate(national_spec(), seed=seed), partial(disguise, key=KEY)
            )
            for path in paths:
                total += 1
                try:
                    read_registers([read_contract(path)], folder, stop=False).close()
                except InputError:
                    refusals += 1
    return refusals, total


def tables_refused(kinds: Mapping[str, Sequence[Make]], counted: bool, seeds: int) -> tuple[int, int]:
    """Return how many columns of some kinds are refused in a table: of persons, or with a count of 1 to 3 a row."""
    found = []
    for kind, variants in kinds.items():
        for (i, make), seed, n in product(enumerate(variants), range(seeds), SIZES):
            r = random.Random(f"{kind} {i} {seed} {n}")
            values = [make(r) for _ in range(n)]
            found.append(table_kind("x", values, [r.choice((1, 1, 2, 3)) for _ in values] if counted else None))
    return sum(x is not None for x in found), len(found)


def shipped_refused() -> tuple[int, int]:
    """Return how many columns of the tables that ship are refused, of how many that are no list and no count."""
    found = []
    for name in shipped_names("data"):
        for path in shipped_path("data", name).glob("*.csv"):
            header, *rows = list(csv.reader(path.read_text("utf-8").splitlines()))
            at = header.index("count")
            for i, column in enumerate(header):
                cells = [row[i] for row in rows]
                if i != at and not set(cells) <= {"0", "1"}:
                    found.append(table_kind(column, cells, [int(row[at]) for row in rows]) is not None)
    return sum(found), len(found)


def table(seeds: int, nations: int) -> str:
    """Return the result as a table."""
    lines = ["| columns | role | refused | of | share |", "|---|---|---:|---:|---:|"]

    def line(what: str, role: str, found: tuple[int, int]) -> None:
        lines.append(f"| {what} | {role} | {found[0]:,} | {found[1]:,} | {found[0] / found[1]:.1%} |")

    for what, kinds in (
        (f"{len(PERSONAL)} kinds it was made with", PERSONAL),
        (f"{len(HELD_OUT)} kinds held out", HELD_OUT),
    ):
        for role in ROLES:
            line(what, role, refused(kinds, role, seeds))
    for role in ("not declared", "stratum with `other`"):
        line(f"{len(HARMLESS)} harmless kinds", role, refused(HARMLESS, role, seeds))
    line(f"{len(GIVEN_OUT)} ways to number records", "record", records_refused(seeds))
    for what, kinds in (
        ("kinds it was made with", PERSONAL),
        ("kinds held out", HELD_OUT),
        ("harmless kinds", HARMLESS),
    ):
        for counted in (False, True):
            role = "in a table of counts" if counted else "in a file of persons"
            line(f"{len(kinds)} {what}", role, tables_refused(kinds, counted, seeds))
    line("tables that ship", "covariates", shipped_refused())
    line(f"registers of {nations} simulated nations", "as declared", nations_refused(nations))
    return "\n".join(lines)


def main() -> None:
    """Print the table, or write it where the documents show it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--nations", type=int, default=3)
    parser.add_argument("--docs", type=Path)
    options = parser.parse_args()
    text = table(options.seeds, options.nations)
    if options.docs is None:
        print(text)
        return
    first, last = "<!-- guard -->", "<!-- /guard -->"
    before, _, rest = options.docs.read_text(encoding="utf-8").partition(first)
    options.docs.write_text(f"{before}{first}\n{text}\n{last}{rest.partition(last)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
