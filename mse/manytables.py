"""Many tables, one row each: the default answer with its verdict, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mse.answers.posterior import Posterior
from mse.computing.chunks import Chunk
from mse.computing.parallel import Compute
from mse.computing.progress import if_watched
from mse.errors import InputError, ModelError, MseError, Problem
from mse.estimators.methodspecs import make_spec, named
from mse.kernels.arrays import Array, Texts
from mse.methods import Table, estimate
from mse.settings.specchecks import check_value
from mse.settings.specfields import Seed
from mse.shipped import read_table
from mse.words.said import Said, said, to_json

if TYPE_CHECKING:
    import pandas as pd

BATCH = 20
"""Tables in one task: half a second of work."""

NUMBERS = ("point", "low", "high", "identified_low", "identified_high")
WORDS = ("verdict", "reasons", "chosen", "status", "said")


def estimate_many(
    tables: Iterable[Any] | Mapping[str, Any],
    method: str | object = "auto",
    *,
    seed: int = 0,
    prob: float = 0.95,
    compute: Compute | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Estimate from every table and judge every answer, as `mse.estimate` does with each.

    Parameters
    ----------
    tables : iterable, or mapping by name
        Tables of any kind that the method reads, or what `mse.estimate` reads one from: names, paths, data frames. A
        table that cannot be read is a row that says why, and so is an `MseError` in its place.
    method, **options
        As in `mse.estimate`, for all tables.
    seed : int
        Of every table: a row does not depend on the others, nor on the number of workers.
    prob : float
        Probability of the intervals.
    compute : Compute, optional
        Workers or a cluster, progress, and the folder from which an interrupted run goes on.

    Returns
    -------
    DataFrame
        One row per table, in their order: ``table``, ``lists``, ``registered``, ``point``, ``low``, ``high`` (persons),
        ``identified_low`` and ``identified_high`` (the interval if the identifying assumption held exactly, where there
        is one), ``prob``, ``verdict`` (empty for a method without), ``reasons`` (codes of what it rests on, by commas),
        ``chosen`` (which method, and why), ``status`` ("ok", or why there is no answer), ``said`` (the words as codes
        with values, JSON).

    Raises
    ------
    MseError
        When the method, an option, the seed or `prob` is wrong: what concerns one table alone is in its row.
    """
    import pandas as pd

    check_value("seed", seed, Seed)
    name, given = named(method, options)
    make_spec(name, given)
    if not 0.0 < prob < 1.0:
        raise InputError(
            Problem(said("found.probability_interval_out_range"), said("allowed.number_between_0_1"),
                    said("do.ask_example_prob_0"), value=str(prob))
        )  # fmt: skip
    given_names = tables.items() if isinstance(tables, Mapping) else ((None, x) for x in tables)
    pairs = [(label or _name(x), x) for label, x in ((label, _read(x)) for label, x in given_names)]
    if not pairs:
        raise ModelError(
            Problem(said("found.no_tables"), said("allowed.one_table_more"), said("do.give_tables_estimate"))
        )
    whole = [x for _, x in pairs if not isinstance(x, MseError)]
    tasks = [tuple(whole[i : i + BATCH]) for i in range(0, len(whole), BATCH)]
    work = partial(_rows, name, dict(given), seed, prob)
    found = list((compute or if_watched()).spread(said("stage.tables"), work, tasks))
    numbers, words = _in_place([x for _, x in pairs], found)
    return pd.DataFrame(
        {
            "table": [label for label, _ in pairs],
            "lists": [0 if isinstance(x, MseError) else len(getattr(x, "lists", ())) for _, x in pairs],
            "registered": [0 if isinstance(x, MseError) else x.observed for _, x in pairs],
            **{column: numbers[:, i] for i, column in enumerate(NUMBERS)},
            "prob": prob,
            **{column: words[:, i] for i, column in enumerate(WORDS)},
        }
    )


def _read(table: object) -> Table | MseError:
    """Return a table as it is read; an error in its place when it cannot be."""
    if isinstance(table, MseError):
        return table
    try:
        return read_table(table)
    except MseError as error:
        return error


def _name(table: Table | MseError) -> str:
    """Return what a table is called; for an error in its place, the file that it is about."""
    return str(table.problems[0].file or "") if isinstance(table, MseError) else table.name


def _in_place(tables: list[Table | MseError], found: list[Chunk]) -> tuple[Array, Texts]:
    """Return the numbers and words of all tables, with rows for those that could not be read."""
    numbers = np.full((len(tables), len(NUMBERS)), math.nan)
    words = np.full((len(tables), len(WORDS)), "", dtype=object)
    read = [i for i, x in enumerate(tables) if not isinstance(x, MseError)]
    if read:
        numbers[read] = np.concatenate([x for x, _ in found])
        words[read] = np.concatenate([x for _, x in found])
    for i, table in enumerate(tables):
        if isinstance(table, MseError):
            words[i] = _failure(table)
    return numbers, words


def _rows(method: str, options: Mapping[str, Any], seed: int, prob: float, tables: tuple[Table, ...]) -> Chunk:
    """Return numbers (n, 5) and words (n, 5) of some tables."""
    numbers, words = np.full((len(tables), len(NUMBERS)), math.nan), [("",) * len(WORDS)] * len(tables)
    for i, table in enumerate(tables):
        try:
            answer = estimate(table, method, seed=seed, compute=Compute(workers=1), **options)
        except MseError as error:
            words[i] = _failure(error)
            continue
        numbers[i] = _numbers(answer, prob)
        verdict = answer.verdict
        chosen: tuple[Said, ...] = () if answer.chosen is None else (answer.chosen,)
        words[i] = (
            "" if verdict is None else verdict.level,
            "" if verdict is None else ",".join(reason.code for reason in verdict.reasons),
            "".join(map(str, chosen)), "ok", to_json([("chosen", chosen)]),
        )  # fmt: skip
    return numbers, np.array(words, dtype=np.str_).reshape(len(tables), len(WORDS))


def _numbers(answer: Posterior, prob: float) -> tuple[float, ...]:
    found = answer.summary(prob)
    held = found.identified
    return found.point, found.low, found.high, *((math.nan, math.nan) if held is None else (held.low, held.high))


def _failure(error: MseError) -> tuple[str, ...]:
    """Return the words of a row without an answer: everything that is wrong, on one line."""
    why = tuple(problem.as_said() for problem in error.problems)
    return "", "", "", " ".join(str(error).split()), to_json([("status", why)])
