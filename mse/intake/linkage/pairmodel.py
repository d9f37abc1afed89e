"""How probable it is that two registrations are one person: the model of Fellegi & Sunter, trained by Splink.

Names and dates are keyed hashes, so that two of them are equal or not: a typing error changes the whole of one. What
helps are the parts: a surname that sounds the same, an initial, a year of birth.

* **Names** are compared together, from both equal to neither, because surnames and given names go together (people of
  one nationality share them) and two comparisons would count that twice. To agree on a rare name counts for more; how
  rare it is, is counted over pseudonyms and not over registrations.
* **Birth**: date, year, else.
* **Sex and nationality**, as far as they are dimensions of the registers: a name tells them already, so that to agree
  on them says little; how little, pairs of one name and two pseudonyms say (u), and pairs of one pseudonym (m).
* **Every further hashed or coarse part** of the contracts: equal or not.

A comparison says nothing where one of the two is missing. The probabilities of the levels among pairs that do not
match (u) come from random pairs, those among matches (m) from EM on two sets of pairs in which matches are not too few
for it: pairs with one date of birth, for the names; pairs with one name that at most two registrations have, for birth.
(On all pairs with one name EM is led astray: most of those are different persons.) The share of matches among all pairs
starts from the pairs with the same pseudonym; then it is put where the match probabilities of the compared pairs add up
to it, which is one more step of EM over all of them.

Only pairs that agree on one of several combinations of columns are compared (`BLOCKS`); a pair with errors in so many
parts that it agrees on none of them is never found. Equal pseudonyms are one person, whatever the rest says.

References: Fellegi & Sunter (1969), JASA 64, 1183; Linacre et al. (2022), Int. J. Population Data Science 7(3).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mse.computing.parallel import Progress, silent
from mse.errors import InputError, Problem
from mse.intake.linkage.withsplink import PAIRS, Backend, Comparison, run_splink
from mse.intake.quoting import identifier
from mse.words.said import said

if TYPE_CHECKING:
    import duckdb

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SURNAME, SOUND, GIVEN, INITIAL = "surname_hash", "surname_sound_hash", "given_hash", "initial_hash"
BIRTH_DATE, BIRTH_YEAR, SEX, NATIONALITY = "birthdate_hash", "birth_year", "sex", "nationality"
KNOWN = (SURNAME, SOUND, GIVEN, INITIAL, BIRTH_DATE, BIRTH_YEAR)

FULL, SCARCE = "full_name", "scarce_name"
"""Columns that are made: all names together; the same where at most two registrations have it."""

NAMES: tuple[tuple[tuple[str, ...], str | None], ...] = (
    ((FULL,), FULL), ((SOUND, GIVEN), GIVEN), ((SURNAME, INITIAL), SURNAME), ((SURNAME,), SURNAME), ((GIVEN,), GIVEN),
    ((SOUND, INITIAL), None), ((SOUND,), None),
)  # fmt: skip
"""Levels of the names: columns that agree, and the one of which a rare value counts for more."""

BLOCKS = (
    (FULL,), (BIRTH_DATE, GIVEN), (BIRTH_DATE, SURNAME), (BIRTH_DATE, SOUND), (BIRTH_DATE, INITIAL),
    (SOUND, INITIAL, BIRTH_YEAR), (SURNAME, BIRTH_YEAR),
)  # fmt: skip
"""Pairs that agree on all the columns of one of these are compared."""

FLOOR = 1e-4
"""Least probability of a level among matches: no register is right about a thing every time."""

ERRORS = 0.04
"""Share of the matches that do not agree fully on a comparison, for EM to start from."""

KEY_RECALL = 0.9
"""Share of the matches that have the same pseudonym, to start from."""

COMPARED, LEAST = 1e-4, 1e-3
"""Match probabilities from which a pair is returned by Splink, and is kept once the share of matches is settled."""

SURE = math.log(1e6)
"""Log odds of two registrations with the same pseudonym."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a comparison: how often pairs are on it when they match, and when they do not."""

    comparison: str
    level: str
    m: float
    u: float

    @property
    def weight(self) -> float:
        """The match weight, log2 of m/u."""
        return math.log2(self.m / self.u)


@dataclass(frozen=True, slots=True, eq=False)
class PairModel:
    """A trained model and the pairs that it thinks may be one person.

    Parameters
    ----------
    records : int
        Registrations, R; they are numbered from 0 by list, file and line.
    left, right : int64 array, shape (P,)
        Numbers of registrations, `left` < `right`. First those with the pseudonym of an earlier one, which it is paired
        with, then the pairs with different pseudonyms.
    log_odds : float64 array, shape (P,)
        Natural log of the odds that they are one person.
    levels : tuple of Level
        Every level of every comparison.
    share : float
        Share of matches among all pairs.
    settings : str
        The model with all its settings, JSON as Splink reads it; byte-identical between identical runs.
    """

    records: int
    left: Integers
    right: Integers
    log_odds: Array
    levels: tuple[Level, ...]
    share: float
    settings: str

    @property
    def probability(self) -> Array:
        """Match probabilities, shape (P,)."""
        return np.asarray(1.0 / (1.0 + np.exp(-self.log_odds)))


def train_model(
    con: duckdb.DuckDBPyConnection,
    lists: Sequence[str],
    parts: Sequence[str],
    *,
    seed: int,
    backend: Backend = "duckdb",
    progress: Progress = silent,
) -> PairModel:
    """Train the model on the registrations and return the pairs that may be one person.

    Parameters
    ----------
    con : DuckDBPyConnection
        Holds the table ``registrations``.
    lists : sequence of str
        Lists to link; persons may stand on one of them more than once.
    parts : sequence of str
        Hashed and coarse columns of the identity.
    seed : int
        Of the sample of random pairs.
    backend : {"duckdb", "spark"}
        Where Splink computes: in this process, or on the Spark cluster that the environment is set up for.
    progress : callable
        Receives what is being done, and how far it is.

    Raises
    ------
    InputError
        When Splink is not installed, when the columns are too few, when no pairs agree on enough to be trained on.
    """
    columns = _columns_in_use(con, parts)
    names = [column for column in (SURNAME, GIVEN) if column in columns]
    birth = [column for column in (BIRTH_DATE, BIRTH_YEAR) if column in columns]
    if not names or not birth:
        raise InputError(
            Problem(said("found.registers_have_too_few"),
                    said("allowed.contracts", surname=SURNAME, given=GIVEN, birth_date=BIRTH_DATE,
                         birth_year=BIRTH_YEAR),
                    said("do.ask_suppliers_them_mse"),
                    value=", ".join(columns) or "none")
        )  # fmt: skip
    keyed = _write_records(con, columns, names)
    records, pairs = len(keyed), len(keyed) * (len(keyed) - 1) / 2.0
    size = np.bincount(keyed)
    same = float((size * (size - 1.0)).sum() / 2.0)
    others = [column for column in parts if column in columns and column not in KNOWN]
    usable = {*columns, FULL, SCARCE}
    blocks = [block for block in BLOCKS if set(block) <= usable]
    model, rows = run_splink(
        con, lists, sorted(usable), _comparisons(con, columns, names, birth, others),
        [*blocks, *((column,) for column in others if column.endswith("_hash"))], [(birth[0],), (FULL, SCARCE)],
        share=max(same, 1.0) / KEY_RECALL / pairs, settle=_settle, least=COMPARED, seed=seed, backend=backend,
        progress=progress,
    )  # fmt: skip
    open_ = keyed[rows.left] != keyed[rows.right]
    left, right, weights = rows.left[open_], rows.right[open_], rows.weight[open_] * math.log(2.0)
    share, shift = _settled_share(weights, model["probability_two_random_records_match"], same, pairs)
    model["probability_two_random_records_match"] = share
    kept = weights + shift >= math.log(LEAST / (1.0 - LEAST))
    again = np.flatnonzero(keyed != np.arange(records))
    return PairModel(
        records,
        np.concatenate([keyed[again], left[kept]]),
        np.concatenate([again, right[kept]]),
        np.concatenate([np.full(len(again), SURE), weights[kept] + shift]),
        _levels(model), share, json.dumps(model, indent=2, sort_keys=True),
    )  # fmt: skip


def _comparisons(
    con: duckdb.DuckDBPyConnection, columns: Sequence[str], names: Sequence[str], birth: Sequence[str],
    others: Sequence[str],
) -> list[Comparison]:  # fmt: skip
    """Return what is compared, as far as the registers have it."""
    here = {*columns, FULL}
    levels = [
        (level, rare) for level, rare in NAMES if set(level) <= here and not (len(names) == 1 and level == tuple(names))
    ]
    found = [
        Comparison(
            "names", tuple(names), tuple(level for level, _ in levels), tuple(_rare(levels)), _start(len(levels))
        ),
        Comparison("birth", (birth[0],), tuple((x,) for x in birth), (None,) * len(birth), _start(len(birth))),
    ]
    for label in (SEX, NATIONALITY):
        if label in columns:
            match = min(_agreement(con, label, "person"), 1.0 - FLOOR)
            differ = min(_agreement(con, label, FULL), match)  # to disagree is never a sign of a match
            found.append(
                Comparison(label, (label,), ((label,),), (None,), (match, 1.0 - match), (differ, 1.0 - differ))
            )
    return found + [Comparison(x, (x,), ((x,),), (x,), _start(1)) for x in others]


def _rare(levels: Sequence[tuple[tuple[str, ...], str | None]]) -> Iterator[str | None]:
    """Yield for every level the column of which a rare value counts for more, where it has a level of its own."""
    single = {level[0] for level, _ in levels if len(level) == 1}
    for _, rare in levels:
        yield rare if rare in single else None


def _start(levels: int) -> tuple[float, ...]:
    """Return the probabilities among matches that EM starts from, the last one for all else."""
    return (1.0 - ERRORS, *(ERRORS / levels,) * levels)


def _columns_in_use(con: duckdb.DuckDBPyConnection, parts: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that can tell one person from another: those with two values or more."""
    there = {row[0] for row in con.execute("DESCRIBE registrations").fetchall()}
    asked = [column for column in dict.fromkeys([*parts, SEX, NATIONALITY]) if column in there]
    query = ", ".join(f"count(DISTINCT {identifier(column)})" for column in asked)
    found = con.execute(f"SELECT {query} FROM registrations").fetchall()[0] if asked else ()
    return tuple(column for column, values in zip(asked, found, strict=True) if values > 1)


def _write_records(con: duckdb.DuckDBPyConnection, columns: Sequence[str], names: Sequence[str]) -> Integers:
    """Write the table ``linkage_records``, one row per registration, numbered whatever the order of the rows.

    A registration with several codes stands in several rows of ``registrations``; it is one here.

    Returns
    -------
    int64 array, shape (R,)
        The first registration with the same pseudonym; its own number where there is none.
    """
    kept = "".join(f", any_value({identifier(column)}) AS {identifier(column)}" for column in columns)
    full = " || '|' || ".join(names)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE linkage_records AS WITH numbered AS (SELECT row_number() OVER "
        f"(ORDER BY list, source, row) - 1 AS id, list, source, row, any_value(key) AS key{kept} FROM registrations "
        f"GROUP BY list, source, row), named AS (SELECT *, {full} AS {FULL} FROM numbered) "
        "SELECT *, CASE WHEN key IS NULL THEN id ELSE min(id) OVER (PARTITION BY key) END AS person, "
        f"CASE WHEN count(*) OVER (PARTITION BY {FULL}) <= 2 THEN {FULL} END AS {SCARCE} FROM named"
    )
    found = con.execute("SELECT person FROM linkage_records ORDER BY id").fetchnumpy()["person"]
    return np.asarray(found, dtype=np.int64)


def _agreement(con: duckdb.DuckDBPyConnection, label: str, group: str) -> float:
    """Return the share of pairs that agree on a label, of those of one pseudonym, or of one name and two."""
    once = "" if group == "person" else "DISTINCT"
    equal, every = con.execute(
        f"WITH one AS (SELECT {once} person, {group} AS grp, {label} AS label FROM linkage_records "
        f"WHERE {group} IS NOT NULL AND {label} IS NOT NULL), "
        "cells AS (SELECT grp, label, count(*) AS n FROM one GROUP BY ALL), "
        "sums AS (SELECT sum(n * (n - 1) / 2) AS same, sum(n) AS total FROM cells GROUP BY grp) "
        "SELECT coalesce(sum(same), 0), coalesce(sum(total * (total - 1) / 2), 0) FROM sums"
    ).fetchall()[0]
    return float((equal + 1.0) / (every + 2.0))


def _settle(model: dict[str, Any]) -> None:
    """Put a floor under the probabilities of a trained model."""
    for comparison in model["comparisons"]:
        levels = [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]
        for name, least in (("m_probability", FLOOR), ("u_probability", 1.0 / PAIRS)):
            floored = [max(float(level.get(name) or 0.0), least) for level in levels]
            for level, value in zip(levels, floored, strict=True):
                level[name] = value / sum(floored)


def _levels(model: dict[str, Any]) -> tuple[Level, ...]:
    """Return the levels of a model, the narrowest of each comparison first."""
    return tuple(
        Level(
            comparison["output_column_name"], level["label_for_charts"], level["m_probability"], level["u_probability"]
        )
        for comparison in model["comparisons"]
        for level in comparison["comparison_levels"]
        if not level.get("is_null_level")
    )


def _settled_share(weights: Array, share: float, same: float, pairs: float) -> tuple[float, float]:
    """Return the share of matches at which the match probabilities add up to it, and the shift of the log odds.

    Parameters
    ----------
    weights : float64 array, shape (P,)
        Log odds under `share` of the pairs with different pseudonyms.
    share : float
        Where to start.
    same : float
        Pairs with the same pseudonym, which match.
    pairs : float
        All pairs of registrations, compared or not.
    """
    start = math.log(share / (1.0 - share))
    shift = 0.0
    for _ in range(200):
        matches = max(same + float(np.sum(1.0 / (1.0 + np.exp(-(weights + shift))))), 1.0)
        share = min(matches / pairs, 0.5)
        moved = math.log(share / (1.0 - share)) - start
        if abs(moved - shift) < 1e-12:
            break
        shift = moved
    return share, shift
