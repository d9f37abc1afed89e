"""Strata that are estimated one by one, shared out over processes or a cluster: what their sum needs comes back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior
from mse.computing.chunks import Chunk
from mse.computing.parallel import Compute
from mse.errors import MseError
from mse.tables.captures import CaptureTable
from mse.words.said import from_json, said, to_json

type Run = Callable[[CaptureTable, int, Compute], Posterior]
"""Estimates one table without strata from a seed: a function of a module, or a partial application of one."""

type Part = tuple[int, CaptureTable, int]
"""Place, table and seed of a stratum."""

FEWEST = 40
"""Strata from which processes are worth their start."""

BATCH = 10
"""Strata in one task."""

SPOKEN = ("inside", "outside", "assumptions")


def shared_out(run: Run, parts: Sequence[Part], compute: Compute) -> Mapping[int, Posterior]:
    """Return the answers of strata by their places, without those that have none.

    Parameters
    ----------
    run : callable
        See `Run`.
    parts : sequence of Part
        The strata; the first that has an answer says what they have in common.
    compute : Compute
        Workers, cluster, folder and progress.
    """
    found: dict[int, Posterior] = {}
    waiting = list(parts)
    while waiting and not found:
        place, table, seed = waiting.pop(0)
        try:
            found[place] = run(table, seed, replace(compute, workers=1))
        except MseError:
            continue
    first = next(iter(found.values()), None)
    if first is None:
        return {}
    tasks = [tuple(waiting[i : i + BATCH]) for i in range(0, len(waiting), BATCH)]
    for numbers, values, cdf, words in compute.spread(said("stage.strata"), partial(_batch, run), tasks):
        start = 0
        for row, text in zip(numbers, words.tolist(), strict=True):
            place, size, observed = (int(x) for x in row[:3])
            if size:
                law = Distribution(values[start : start + size], cdf[start : start + size], whole=bool(row[4]))
                told = from_json(text)
                spoken: dict[str, Any] = {name: told.get(name, ()) for name in SPOKEN}
                found[place] = replace(first, distribution=law, observed=observed, point=float(row[3]),
                                       diagnostics=json.loads(text)["diagnostics"][0]["values"], **spoken)  # fmt: skip
            start += size
    return found


def _batch(run: Run, parts: tuple[Part, ...]) -> Chunk:
    """Return numbers (n, 5), values and cumulative probabilities of all laws one after the other, and words (n,)."""
    numbers, words = np.zeros((len(parts), 5)), [""] * len(parts)
    values, cdf = [np.zeros(0)], [np.zeros(0)]
    for i, (place, table, seed) in enumerate(parts):
        numbers[i, 0] = place
        try:
            answer = run(table, seed, Compute(workers=1))
        except MseError:
            continue
        law = answer.distribution
        numbers[i, 1:] = len(law.values), answer.observed, answer.point, law.whole
        values.append(law.values)
        cdf.append(law.cdf)
        told = json.loads(to_json([(name, getattr(answer, name)) for name in SPOKEN]))
        told["diagnostics"] = [{"code": "diagnostics", "values": dict(answer.diagnostics)}]
        words[i] = json.dumps(told, ensure_ascii=False)
    return numbers, np.concatenate(values), np.concatenate(cdf), np.array(words, dtype=np.str_)
