"""A small register with its contract, for the tests of intake: every test changes what it is about."""

from __future__ import annotations

import csv
import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from mse.intake.contracts.contract import Contract
from mse.intake.contracts.contractfile import make_contract

KEY = b"7d9f01c4b6e23a58f4017be9d2c86a35"

CONTRACT = """\
list = "P"
title = "Police"
publisher = "National Police"
path = ["p.csv"]
territory = "Netherlands"
victim = "Anybody with the slightest sign of trafficking in human beings"
period = { first = 2016-01-01, last = 2025-12-31 }
extraction_date = 2026-02-01
max_rejects = 1.0

[[fields]]
name = "record"
role = "record"
constraints = { unique = true }

[[fields]]
name = "key"
role = "key"

[[fields]]
name = "surname_hash"
role = "hash"

[[fields]]
name = "birth_year"
role = "coarse"
type = "year"

[[fields]]
name = "date"
role = "date"
type = "date"

[[fields]]
name = "entered"
role = "entered"
type = "date"

[[fields]]
name = "form"
role = "stratum"
separator = "|"
codes = { SEX = "sexual", LAB = "labour", CRI = "criminal", UNK = "" }

[[fields]]
name = "sex"
role = "stratum"
constraints = { enum = ["f", "m"] }

[[fields]]
name = "nationality"
role = "stratum"
codes = { NL = "Dutch" }
other = "other"

[[fields]]
name = "age"
role = "stratum"
type = "integer"
classes = [{ level = "minor", maximum = 17 }, { level = "adult", minimum = 18, maximum = 120 }]

[[fields]]
name = "referred_from"
role = "referred_from"
codes = { KMAR = "K", none = "" }

[dimensions.form]
several = "priority"
order = ["sexual", "labour", "criminal"]
"""

COLUMNS = (
    "record", "key", "surname_hash", "birth_year", "date", "entered", "form", "sex", "nationality", "age",
    "referred_from",
)  # fmt: skip


def hashed(text: str) -> str:
    """Return something that looks like a pseudonym."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def row(number: int, **changes: str) -> dict[str, str]:
    """Return a good row: person `number`, with changes."""
    good = {
        "record": f"R{number}", "key": hashed(f"k{number}"), "surname_hash": hashed(f"s{number}"), "birth_year": "1990",
        "date": "2019-03-04", "entered": "2019-03-10", "form": "SEX", "sex": "f", "nationality": "NL", "age": "29",
        "referred_from": "",
    }  # fmt: skip
    return good | changes


def write(path: Path, rows: Sequence[Mapping[str, str]], delimiter: str = ",") -> Path:
    """Write rows with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def contract(folder: Path, text: str = CONTRACT, **changes: object) -> Contract:
    """Return the contract, with other settings at its top."""
    return make_contract(tomllib.loads(text) | changes, folder=folder)
