"""The registrations as arrays: what the parts of an identity are, and what else stands beside it, by role.

Hashed and coarse parts, labels of the strata, days and referrals become integers, equal where the texts are; a Bloom
filter (a part whose name ends in ``_clk``) becomes bits. Names of columns decide nothing but which part of an identity
a hash is of, and those are the names that `mse.intake.pseudonyms.keyedhash` gives them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mse.intake.pseudonyms.canonical import MOST
from mse.intake.pseudonyms.keyedhash import DIGITS, MORE
from mse.intake.quoting import array, identifier
from mse.kernels.arrays import Array, Flags, Integers

if TYPE_CHECKING:
    import duckdb

Codes = npt.NDArray[np.int32]
Bits = npt.NDArray[np.uint64]

SURNAME, SOUND, GIVEN, INITIAL = "surname_hash", "surname_sound_hash", "given_hash", "initial_hash"
BIRTH_DATE, BIRTH_YEAR = "birthdate_hash", "birth_year"
EITHER_NAME, EITHER_DAY = "names_hash", "birth_either_hash"
KNOWN = (SURNAME, SOUND, GIVEN, INITIAL, BIRTH_DATE, BIRTH_YEAR, EITHER_NAME, EITHER_DAY)
FILTER = "_clk"
"""How the name of a part ends that is a Bloom filter; "name_clk" and "birth_clk" are those of `mse pseudonymise`."""

NOT_EVIDENCE = ("year",)
"""Dimensions that the date says already."""

LATER_NAMES = f"^[0-9a-f]{{{DIGITS}}}((?:[0-9a-f]{{{MORE}}}){{1,{MOST}}})(?:/|$)"
"""What follows the identity in a pseudonym that `mse pseudonymise` made."""

MISSING = -1


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Registrations, numbered from 0 by list, file and line; -1 stands for what is missing.

    Parameters
    ----------
    person : int64 array, shape (R,)
        The first registration with the same pseudonym; its own number where there is none.
    keyed : bool array, shape (R,)
        Whether there is a pseudonym.
    place : int32 array, shape (R,)
        Place of the list.
    sender : int32 array, shape (R,)
        Place of the list that sent the person.
    day : int32 array, shape (R,)
        Of the registration, since 1970; the smallest int32 where it is missing.
    parts : mapping of str to int32 array, shape (R,)
        Parts of the identity.
    filters : mapping of str to uint64 array, shape (R, words)
        Bloom filters; all zero where missing.
    labels : mapping of str to int32 array, shape (R,)
        Labels of the strata.
    identity : int32 array, shape (R,)
        What of the pseudonym is of surname, first given name and date of birth.
    later : int32 array, shape (R,)
        Given names after the first; those of equal identities alone can be compared.
    lists : int
        Number of lists.
    """

    person: Integers
    keyed: Flags
    place: Codes
    sender: Codes
    day: Codes
    parts: Mapping[str, Codes]
    filters: Mapping[str, Bits]
    labels: Mapping[str, Codes]
    identity: Codes
    later: Codes
    lists: int

    def __len__(self) -> int:
        """Return the number of registrations."""
        return len(self.person)


NO_DAY = np.iinfo(np.int32).min


def write_records(
    con: duckdb.DuckDBPyConnection, lists: Sequence[str], parts: Sequence[str], dimensions: Sequence[str]
) -> Records:
    """Write the table ``linkage_records`` (id, list, source, row) and return the registrations as arrays.

    A registration with several codes stands in several rows of ``registrations``; it is one here.

    Parameters
    ----------
    con : DuckDBPyConnection
        Holds the table ``registrations``.
    lists : sequence of str
        In their order.
    parts : sequence of str
        Hashed and coarse columns of the identity.
    dimensions : sequence of str
        Strata.
    """
    there = {row[0] for row in con.execute("DESCRIBE registrations").fetchall()}
    parts = [name for name in dict.fromkeys(parts) if name in there]
    labels = [name for name in dict.fromkeys(dimensions) if name in there and name not in NOT_EVIDENCE]
    texts = [*parts, *labels]
    kept = "".join(f", any_value({identifier(name)}) AS x{i}" for i, name in enumerate(texts))
    n = len(texts)
    kept += f", left(any_value(key), {DIGITS}) AS x{n}"
    kept += f", nullif(regexp_extract(any_value(key), '{LATER_NAMES}', 1), '') AS x{n + 1}"
    extra = [name for name in ("date", "referred_from") if name in there]
    more = "".join(f", any_value({name}) AS {name}" for name in extra)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE linkage_records AS SELECT row_number() OVER (ORDER BY list, source, row) - 1 "
        f"AS id, list, source, row, any_value(key) AS key{kept}{more} FROM registrations GROUP BY list, source, row"
    )
    day = f"coalesce(date_diff('day', DATE '1970-01-01', date), {NO_DAY})" if "date" in extra else f"{NO_DAY}"
    sender = f"list_position({array(lists)}, referred_from)" if "referred_from" in extra else "NULL"
    found = con.execute(
        "SELECT CASE WHEN key IS NULL THEN id ELSE min(id) OVER (PARTITION BY key) END AS person, key IS NOT NULL AS "
        f"keyed, (list_position({array(lists)}, list) - 1)::INTEGER AS place, coalesce(nullif({sender}, 0), 0)::INTEGER"
        f" - 1 AS sender, ({day})::INTEGER AS day FROM linkage_records ORDER BY id"
    ).fetchnumpy()
    codes = {name: _codes(con, f"x{i}") for i, name in enumerate(texts) if not name.endswith(FILTER)}
    filters = {name: _bits(con, f"x{i}") for i, name in enumerate(parts) if name.endswith(FILTER)}
    identity, later = _codes(con, f"x{n}"), _codes(con, f"x{n + 1}")
    drop = "".join(f", DROP COLUMN x{i}" for i in range(n + 2))
    for piece in drop.split(", ")[1:]:
        con.execute(f"ALTER TABLE linkage_records {piece}")
    return Records(
        np.asarray(found["person"], dtype=np.int64), np.asarray(found["keyed"], dtype=bool),
        np.asarray(found["place"], dtype=np.int32), np.asarray(found["sender"], dtype=np.int32),
        np.asarray(found["day"], dtype=np.int32),
        MappingProxyType({x: codes[x] for x in parts if x in codes and _two(codes[x])}),
        MappingProxyType({x: bits for x, bits in filters.items() if bits.any()}),
        MappingProxyType({x: codes[x] for x in labels if _two(codes[x])}), identity, later, len(lists),
    )  # fmt: skip


def _two(code: Codes) -> bool:
    """Tell whether there are two values, so that they can tell one person from another."""
    return bool(code.max(initial=MISSING) >= 1)


def _codes(con: duckdb.DuckDBPyConnection, column: str) -> Codes:
    """Return a column of texts as numbers in the order of the texts, -1 for what is missing."""
    query = (
        f"WITH known AS (SELECT {column}, (row_number() OVER (ORDER BY {column}) - 1)::INTEGER AS code FROM "
        f"(SELECT DISTINCT {column} FROM linkage_records WHERE {column} IS NOT NULL)) "
        f"SELECT coalesce(code, {MISSING})::INTEGER AS code FROM linkage_records LEFT JOIN known USING ({column}) "
        "ORDER BY id"
    )
    return np.asarray(con.execute(query).fetchnumpy()["code"], dtype=np.int32)


def _bits(con: duckdb.DuckDBPyConnection, column: str) -> Bits:
    """Return a column of Bloom filters in hexadecimal digits as words of 64 bits."""
    query = f"SELECT coalesce({column}, '') AS text FROM linkage_records ORDER BY id"
    texts = con.execute(query).fetchnumpy()["text"]
    width = max((len(text) for text in texts), default=0)
    digits = -(-width // 16) * 16
    joined = "".join(str(text).ljust(digits, "0") for text in texts)
    words = np.frombuffer(bytes.fromhex(joined), dtype=">u8").astype(np.uint64)
    return words.reshape(len(texts), digits // 16) if digits else np.zeros((len(texts), 1), dtype=np.uint64)


def joined_codes(columns: Sequence[Codes]) -> Codes:
    """Return numbers that are equal where all the columns are, -1 where one of them is missing."""
    out = columns[0].astype(np.int64)
    for column in columns[1:]:
        both = out * (np.int64(column.max(initial=0)) + 1) + column
        missing = (out < 0) | (column < 0)
        out = np.unique(np.where(missing, np.int64(-1), both), return_inverse=True)[1].astype(np.int64)
        out -= bool(missing.any())
    return out.astype(np.int32)


def dice(bits: Bits, left: Integers, right: Integers) -> Array:
    """Return the Dice similarity of pairs of Bloom filters, NaN where one of them is missing."""
    one, other = bits[left], bits[right]
    common = np.bitwise_count(one & other).sum(axis=1, dtype=np.int64)
    a, b = (np.bitwise_count(x).sum(axis=1, dtype=np.int64) for x in (one, other))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((a > 0) & (b > 0), 2.0 * common / (a + b), np.nan)
