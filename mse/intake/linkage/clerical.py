"""A sample of pairs for clerks who may see the files of the suppliers, and what they decide.

The sample is drawn from the pairs with different pseudonyms, as many from every tenth of the match probability as there
are, so that few say much about all. A row of it names two registrations by list, file and line, and their pseudonyms;
it holds no name, no date, and not what the model thinks, which would lead whoever decides. Suppliers look the two up
and write `yes` or `no` (or `ja`, `nee`; nothing where nobody can tell) into the last column.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mse.computing.csvtext import csv_text, read_csv
from mse.computing.savefiles import work_folder
from mse.errors import InputError, Problem, names_of
from mse.intake.linkage.pairmodel import SURE, PairModel, train_model
from mse.tables.checks import Faults
from mse.words.said import said

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from mse.intake.registers.delivered import Registers

COLUMNS = ("left_list", "left_file", "left_row", "left_key", "right_list", "right_file", "right_row", "right_key",
           "decision")  # fmt: skip
ANSWERS = {"yes": True, "ja": True, "no": False, "nee": False}


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """What clerks decided.

    Parameters
    ----------
    pairs : mapping of (int, int) to bool
        Numbers of two registrations, the smaller first, and whether they are one person.
    open : int
        Pairs without a decision.
    """

    pairs: Mapping[tuple[int, int], bool]
    open: int


def sample_for_clerks(con: duckdb.DuckDBPyConnection, model: PairModel, size: int, *, seed: int) -> pd.DataFrame:
    """Return pairs to decide on, in random order; the columns are `COLUMNS`.

    Parameters
    ----------
    con : DuckDBPyConnection
        Holds the table ``linkage_records`` of the model.
    model : PairModel
        As trained.
    size : int
        Pairs that are wanted; fewer where there are no more.
    seed : int
        Of the sample.
    """
    import pandas as pd

    rng = np.random.default_rng([seed, 5])
    unsure = np.flatnonzero(model.log_odds < SURE)
    tenth = np.minimum((model.probability[unsure] * 10).astype(np.int64), 9)
    left_over, chosen = size, []
    filled = sorted((int((tenth == k).sum()), k) for k in range(10) if (tenth == k).any())
    for number, (count, k) in enumerate(filled):  # the smallest first: what it lacks the others have
        some = min(count, left_over // (len(filled) - number))
        chosen.append(rng.choice(unsure[tenth == k], some, replace=False))
        left_over -= some
    pairs = rng.permutation(np.concatenate([np.zeros(0, dtype=np.int64), *chosen]))
    rows = con.execute("SELECT list, source, row, key FROM linkage_records ORDER BY id").df()
    left, right = (rows.iloc[side[pairs]].reset_index(drop=True) for side in (model.left, model.right))
    columns = [*(left[name] for name in left.columns), *(right[name] for name in right.columns)]
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=False))).assign(decision="")


def write_sample(frame: pd.DataFrame, path: Path, *, overwrite: bool = False) -> None:
    """Write a sample in one step, readable by its owner only.

    Raises
    ------
    InputError
        When the file exists.
    """
    if os.path.lexists(path) and not overwrite:
        raise InputError(Problem(said("found.file_write_exists_already"), said("allowed.new_file"),
                                 said("do.choose_another_name"),
                                 file=str(path)))  # fmt: skip
    with work_folder(path, parents=False) as work:
        fresh = work / "fresh"
        fresh.touch(mode=0o600)
        fresh.write_text(csv_text(frame), encoding="utf-8", newline="")
        os.replace(fresh, path)


def read_decisions(con: duckdb.DuckDBPyConnection, path: Path) -> Decisions:
    """Read what clerks decided.

    Parameters
    ----------
    con : DuckDBPyConnection
        Holds the table ``linkage_records``.
    path : Path
        A sample with its last column filled in.

    Raises
    ------
    InputError
        With every problem: columns, answers that are none, registrations that are not there or have another pseudonym.
    """
    faults = Faults(str(path), private=True)
    try:
        frame = read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError, UnicodeError, csv.Error) as error:
        raise InputError(
            Problem(said("decisions.unreadable"), said("decisions.file"), said("decisions.again"), file=str(path))
        ) from error
    absent = [name for name in COLUMNS if name not in frame.columns]
    if absent:
        raise InputError(Problem(said("decisions.columns", names=absent), names_of(COLUMNS), said("decisions.again"),
                                 file=str(path)))  # fmt: skip
    rows = con.execute("SELECT list, source, row, id, coalesce(key, '') FROM linkage_records").fetchall()
    known = {(name, source, str(row)): (int(number), key) for name, source, row, number, key in rows}
    pairs: dict[tuple[int, int], bool] = {}
    open_ = 0
    for line, cells in enumerate(frame[list(COLUMNS)].itertuples(index=False), 2):
        ends = [known.get(tuple(cells[i : i + 3])) for i in (0, 4)]
        for side, found, key in (("left", ends[0], cells[3]), ("right", ends[1], cells[7])):
            if found is None or found[1] != key:
                faults.add(said("decisions.not_there"), said("decisions.same_files"), said("decisions.again"),
                           row=line, column=f"{side}_row")  # fmt: skip
        answer = str(cells[8]).strip().casefold()
        if answer and answer not in ANSWERS:
            faults.add(said("decisions.answer"), names_of(ANSWERS), said("decisions.correct"), row=line,
                       column="decision")  # fmt: skip
        elif not answer:
            open_ += 1
        elif ends[0] is not None and ends[1] is not None:
            a, b = sorted((ends[0][0], ends[1][0]))
            if pairs.setdefault((a, b), ANSWERS[answer]) is not ANSWERS[answer]:
                faults.add(said("decisions.twice"), said("decisions.once"), said("decisions.correct"), row=line,
                           column="decision")  # fmt: skip
    faults.raise_if_any()
    return Decisions(pairs, open_)


def reliability(model: PairModel, decisions: Decisions) -> pd.DataFrame:
    """Return what the model says of the pairs that were decided on, and what clerks say, by tenth of the probability.

    Parameters
    ----------
    model : PairModel
        As trained, without the decisions.
    decisions : Decisions
        As read.

    Returns
    -------
    DataFrame
        least, most (of the probability), pairs, said (mean probability), found (share that are one person).
    """
    import pandas as pd

    pairs = enumerate(zip(model.left.tolist(), model.right.tolist(), strict=True))
    place = {pair: i for i, pair in pairs}
    judged = [(place[pair], match) for pair, match in decisions.pairs.items() if pair in place]
    p = model.probability[[i for i, _ in judged]]
    match = np.array([x for _, x in judged], dtype=np.float64)
    tenth = np.minimum((p * 10).astype(np.int64), 9)
    rows = [(k / 10, (k + 1) / 10, int(at.sum()), float(p[at].mean()), float(match[at].mean()))
            for k in range(10) if (at := tenth == k).any()]  # fmt: skip
    return pd.DataFrame(rows, columns=["least", "most", "pairs", "said", "found"])


@contextmanager
def trained(contracts: Sequence[str | Path], seed: int) -> Iterator[tuple[Registers, PairModel]]:
    """Read the registers of some contracts and train the model of pairs on them."""
    from mse.intake.contracts.together import check_contracts
    from mse.intake.registers.delivered import read_registers

    checked = check_contracts(contracts)
    with tempfile.TemporaryDirectory() as home, read_registers(checked, home) as registers:
        yield (
            registers,
            train_model(registers.connection, registers.lists, registers.parts, registers.dimensions, seed=seed),
        )
