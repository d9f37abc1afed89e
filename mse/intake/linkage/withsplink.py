"""Splink at work: settings, training and prediction, on DuckDB or Spark; `mse.intake.linkage.pairmodel` says of what.

Only equality of columns is asked for, so that no functions of the database beyond standard SQL are needed.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from mse.computing.parallel import Progress
from mse.errors import InputError, Problem
from mse.intake.quoting import identifier
from mse.words.said import Said, said, verbatim

if TYPE_CHECKING:
    import duckdb

Backend = Literal["duckdb", "spark"]

PAIRS = 5_000_000
"""Random pairs from which u is estimated; pairs that one run of EM takes at most."""

CHUNKS: dict[Backend, int] = {"duckdb": 10, "spark": 1}
"""Parts in which the random pairs are counted: few at a time spare memory here; each costs Spark a round of jobs."""

UID = "mse"
"""Name of every linker: Splink would draw one, and no two models would be alike."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared between two registrations.

    Parameters
    ----------
    name : str
        Name of it.
    needed : tuple of str
        Columns without which, on either side, it says nothing.
    levels : tuple of tuple of str
        Columns that must agree, from the narrowest level to the widest; a last level for all else follows.
    rare : tuple of (str or None)
        For each of these levels, the column of which a rare value counts for more.
    start : tuple of float
        Probability of every level among matches, all else included: where EM starts, and what stays where it has
        nothing to learn from.
    differ : tuple of float or None
        Probability of every level among pairs that do not match, where random pairs are not to say so; neither of
        the two is then trained.
    """

    name: str
    needed: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    rare: tuple[str | None, ...]
    start: tuple[float, ...]
    differ: tuple[float, ...] | None = None


class ScoredPairs(NamedTuple):
    """Pairs by the ids of their records, `left` < `right`, sorted; `weight` is log2 of the odds of a match."""

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]


def run_splink(
    con: duckdb.DuckDBPyConnection,
    lists: Sequence[str],
    columns: Sequence[str],
    comparisons: Sequence[Comparison],
    blocks: Sequence[Sequence[str]],
    training: Sequence[Sequence[str]],
    *,
    share: float,
    settle: Callable[[dict[str, Any]], None],
    least: float,
    seed: int,
    backend: Backend,
    progress: Progress,
) -> tuple[dict[str, Any], ScoredPairs]:
    """Train a model and score the pairs within the blocks.

    Parameters
    ----------
    con : DuckDBPyConnection
        Holds the table ``linkage_records`` with id, list, person (a first guess) and the columns.
    lists, columns : sequence of str
        Lists to link, columns that are used.
    comparisons : sequence of Comparison
        The comparisons of the model.
    blocks, training : sequence of sequence of str
        Pairs that agree on all the columns of one entry are scored; EM is run on those of each entry.
    share : float
        Share of matches among all pairs.
    settle : callable
        Changes the trained model, a dictionary as Splink writes it, before pairs are scored with it.
    least : float
        Pairs with a smaller match probability are left out.
    seed : int
        Of the random pairs.
    backend : {"duckdb", "spark"}
        Where to compute.
    progress : callable
        Receives what is being done, and how far it is.

    Returns
    -------
    dict, ScoredPairs
        The model as it was used, and the pairs.

    Raises
    ------
    InputError
        When a library is not installed, or when EM finds no pairs to train on.
    """
    splink = _imported(
        "splink", said("what.probabilistic"), said("allowed.splink_5_newer"), "linkage", said("do.set_exact")
    )
    alias = {column: f"part{i}" for i, column in enumerate(columns)}
    rule = [splink.block_on(*(alias[column] for column in block)) for block in (*blocks, *training)]
    settings = splink.SettingsCreator(
        link_type="link_and_dedupe",
        comparisons=[_comparison(comparison, alias) for comparison in comparisons],
        blocking_rules_to_generate_predictions=rule[: len(blocks)],
        probability_two_random_records_match=share,
        linker_uid=UID,
        retain_matching_columns=False,
        em_convergence=1e-4,
        max_iterations=100,
    )
    steps = len(training) + 2
    progress("linkage", 0, steps)
    with _quiet(), _inputs(con, lists, alias, backend) as (api, frames):
        rare = sorted({column for comparison in comparisons for column in comparison.rare if column is not None})
        counts = {alias[x]: api.register(_frequencies(con, x, alias[x], backend)) for x in rare}
        trainer = _linker(splink, frames, settings, counts)
        trainer.training.estimate_u_using_random_sampling(
            max_pairs=PAIRS, seed=seed, min_count_per_level=None, num_chunks=CHUNKS[backend]
        )
        trained = 0
        for done, pairs in enumerate(rule[len(blocks) :], 1):
            progress("linkage", done, steps)
            trained += _maximise(trainer, pairs)
        if not trained:
            raise InputError(
                Problem(said("found.no_registrations_agree_parts"),
                        said("allowed.registers_which_some_persons"),
                        said("do.check_all_suppliers_used"))
            )  # fmt: skip
        model = trainer.misc.save_model_to_json()
        settle(model)
        progress("linkage", steps - 1, steps)
        found = _linker(splink, frames, model, counts).inference.predict(
            threshold_match_probability=least, warning_mode="never"
        )
        rows = found.as_pyarrow_table().to_pandas() if backend == "spark" else found.as_pandas_dataframe()
    first, second = (rows[f"unique_id_{side}"].to_numpy(dtype=np.int64) for side in "lr")
    left, right = np.minimum(first, second), np.maximum(first, second)
    order = np.lexsort((right, left))
    progress("linkage", steps, steps)
    return model, ScoredPairs(left[order], right[order], rows["match_weight"].to_numpy(dtype=np.float64)[order])


def _linker(splink: Any, frames: Sequence[Any], settings: Any, counts: Mapping[str, Any]) -> Any:
    """Return a linker that knows how rare values are."""
    linker = splink.Linker(frames, settings, log_level=None)
    for column, table in counts.items():
        linker.table_management.register_term_frequency_lookup(table, column)
    return linker


def _frequencies(con: duckdb.DuckDBPyConnection, column: str, alias: str, backend: Backend) -> Any:
    """Return the share of every value of a column, each person of the first guess counted once.

    Counted over registrations, the name of somebody who is registered again and again would look common.
    """
    query = (
        f"SELECT {identifier(column)} AS {alias}, count(DISTINCT person)::DOUBLE / sum(count(DISTINCT person)) OVER () "
        f"AS tf_{alias} FROM linkage_records WHERE {identifier(column)} IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    if backend == "spark":
        return con.sql(query).to_arrow_table()
    con.execute(f"CREATE OR REPLACE TEMP TABLE linkage_tf_{alias} AS {query}")
    return f"linkage_tf_{alias}"


def _comparison(comparison: Comparison, alias: Mapping[str, str]) -> dict[str, Any]:
    """Return a comparison as Splink reads it."""
    missing = " OR ".join(f"{alias[x]}_l IS NULL OR {alias[x]}_r IS NULL" for x in comparison.needed)
    levels: list[dict[str, Any]] = [{"sql_condition": missing, "is_null_level": True, "label_for_charts": "missing"}]
    for columns, rare in zip(comparison.levels, comparison.rare, strict=True):
        same = " AND ".join(f"{alias[x]}_l = {alias[x]}_r" for x in columns)
        level: dict[str, Any] = {"sql_condition": same, "label_for_charts": "same " + " and ".join(columns)}
        if rare is not None:
            level |= {"tf_adjustment_column": alias[rare], "tf_adjustment_weight": 1.0}
        levels.append(level)
    levels.append({"sql_condition": "ELSE", "label_for_charts": "different"})
    for at, level in enumerate(levels[1:]):
        level["m_probability"] = comparison.start[at]
        if comparison.differ is not None:
            level["u_probability"] = comparison.differ[at]
            level |= {"fix_m_probability": True, "fix_u_probability": True}
    return {"output_column_name": comparison.name, "comparison_levels": levels}


def _maximise(linker: Any, pairs: Any) -> bool:
    """Run EM on some pairs; return whether there were any to learn from."""
    exceptions = import_module("splink.internals.exceptions")
    try:
        linker.training.estimate_parameters_using_expectation_maximisation(
            pairs, max_pairs=PAIRS, estimate_without_term_frequencies=True
        )
    except exceptions.EMTrainingException:
        return False
    return True


@contextmanager
def _inputs(
    con: duckdb.DuckDBPyConnection, lists: Sequence[str], alias: Mapping[str, str], backend: Backend
) -> Iterator[tuple[Any, list[Any]]]:
    """Give Splink one table for each list, and drop its tables afterwards."""
    named = ", ".join(f"{identifier(column)} AS {short}" for column, short in alias.items())
    query = f"SELECT id AS unique_id, {named} FROM linkage_records WHERE list = ? ORDER BY id"
    if backend == "spark":
        api = _spark()
        tables: list[Any] = [con.sql(query, params=[name]).to_arrow_table() for name in lists]
    else:
        api = import_module("splink.backends.duckdb").DuckDBAPI(con)
        tables = [f"linkage_list{i}" for i in range(len(lists))]
        for table, name in zip(tables, lists, strict=True):
            con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {query}", [name])
    try:
        yield api, [api.register(table, dataset_display_name=f"list{i}") for i, table in enumerate(tables)]
    finally:
        api.delete_tables_created_by_splink_from_db()
        if backend == "duckdb":
            for (name,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall():
                if name.startswith(("linkage_list", "linkage_tf_")):
                    con.execute(f"DROP TABLE {name}")


def _spark() -> Any:
    """Return Splink's way to Spark: the session of the environment, or one on this machine."""
    sql = _imported(
        "pyspark.sql",
        verbatim('backend = "spark"'),
        said("allowed.pyspark_java_runtime"),
        "spark",
        said("do.set_duckdb"),
    )
    session = sql.SparkSession.builder.appName(UID).getOrCreate()
    context = session.sparkContext
    if context.master.startswith("local") and "PYSPARK_PYTHON" not in os.environ:
        context.pythonExec = sys.executable  # not whichever python3 comes first on the path
    backend = import_module("splink.backends.spark")
    return backend.SparkAPI(spark_session=session, break_lineage_method="persist", register_udfs_automatically=False)


def _imported(module: str, asked: Said, allowed: Said, extra: str, otherwise: Said) -> Any:
    """Return a library, with a clear word when it is not there."""
    try:
        return import_module(module)
    except ImportError as error:
        found = said("found.asked_but_library_not", asked=asked)
        raise InputError(
            Problem(found, allowed, said("do.pip_install_mse_engine_2", extra=extra, otherwise=otherwise))
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Splink has to say about its progress out of our log."""
    logger = logging.getLogger("splink")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
