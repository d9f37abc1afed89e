"""A made-up result with strata for the tests of what is published. The numbers are NOT estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from mse.answers.distribution import Distribution
from mse.answers.estimates import LEVELS, Reason, Verdict
from mse.answers.posterior import Posterior
from mse.answers.results import Results
from mse.answers.strata import StrataDraws
from mse.assess.parts import judge_parts
from mse.assess.rules import Thresholds
from mse.tables.captures import CaptureTable
from tests.examples.recorded import recorded, with_entries
from tests.examples.results import comparison, posterior

DIMENSIONS = {
    "year": ("2018", "2019", "2020"),
    "form": ("sexual", "labour", "criminal"),
    "sex": ("f", "m"),
    "age": ("minor", "adult"),
}
LISTS = ("P", "K", "I", "Z")


def capture(scale: float = 1.0) -> CaptureTable:
    """Return a table of four lists by year, form, sex and age, in which many counts are small."""
    rng = np.random.default_rng(2020)
    shape = tuple(map(len, DIMENSIONS.values()))
    size = np.exp(rng.normal(2.5, 1.2, size=shape)) * scale
    size[:, 2, :, 1] = 0  # criminal exploitation of adults: nobody, and nobody could be seen
    chance = np.array([0.3, 0.06, 0.15, 0.2])
    counts = np.zeros((int(np.prod(shape)), 15), dtype=np.int64)
    for h in range(1, 16):
        on = np.array([h >> j & 1 for j in range(4)])
        counts[:, h - 1] = rng.poisson(size.ravel() * np.prod(np.where(on, chance, 1 - chance)))
    possible = np.broadcast_to((size > 0).reshape(-1, 1), counts.shape)
    return CaptureTable.from_arrays(LISTS, counts, strata=DIMENSIONS, observable=possible, name="made-up")


def headline(table: CaptureTable, level: str = "publish") -> Posterior:
    """Return a posterior whose strata add up to its total in every draw."""
    observed = table.counts.sum(axis=1)
    rng = np.random.default_rng(1)
    factor = np.exp(rng.normal(0.3, 0.2, size=(800, 1)) + rng.normal(0, 0.1, size=(800, observed.size)))
    draws = observed + rng.poisson(np.maximum(observed, 0.5 * table.observable.any(axis=1)) * factor)
    point = np.median(draws, axis=0)
    blank = np.full((observed.size, observed.size), np.nan)
    strata = StrataDraws(table.strata, draws, point, observed, blank, ((),) * observed.size)
    total = np.sort(draws.sum(axis=1))
    law = Distribution.from_mass(np.unique(total).astype(float), np.unique(total, return_counts=True)[1].astype(float))
    reason = Reason("width", level, {"figure": 3.1, "caution_from": 3.0, "forbid_from": 9.0})  # type: ignore[arg-type]
    answer = posterior(
        law, table.lists, table.observed, None, draws=draws.sum(axis=1), strata=strata, table_digest=table.digest,
        table=table.name, point=float(law.quantile(0.5)), method="average-strata",
    )  # fmt: skip
    parts = judge_parts(answer, table, Thresholds())
    parts = tuple(replace(part, level=max(part.level, reason.level, key=LEVELS.index)) for part in parts)
    verdict = Verdict(reason.level, (reason,) if level != "publish" else (), ("width",), parts)
    return replace(answer, verdict=verdict)


def national(
    level: str = "publish", *, public: bool = False, publish: Mapping[str, Any] | None = None, **tables: pd.DataFrame
) -> Results:
    """Return a result by year, form, sex and age."""
    table = capture()
    answer = headline(table, level)
    low, high = answer.distribution.quantile([0.025, 0.975])
    rows = comparison(
        [
            ("average-strata", "average over models", answer.point, low, high, "posterior median", "ok"),
            ("chao", "Chao's lower bound", 900.0, 800.0, 1000.0, "Chao's lower bound", "ok"),
            ("chapman", "Chapman", np.nan, np.nan, np.nan, "", "needs two lists"),
        ],
        table.observed,
    )
    summed = table.collapse()
    counts = {
        "+".join(x for j, x in enumerate(table.lists) if (h + 1) >> j & 1): int(c)
        for h, c in enumerate(summed.counts[0])
        if c
    }
    record = recorded({
        "title": "Victims of trafficking, made up",
        "table": {"name": table.name, "digest": table.digest, "observed": table.observed, "public": public},
        "overlap": {"lists": list(table.lists), "counts": counts},
        "job": {"publish": dict(publish or {})},
        "report": {"period": "2018-2020", "publisher": "Nobody", "extracted": "2021-02-01", "territory": "Netherlands"},
        "seed": 1,
        "prob": 0.95,
        "versions": {"mse-engine": "0.1.0"},
    })  # fmt: skip
    return Results(answer, rows, record, dict(tables))


def with_title(results: Results, title: str) -> Results:
    """Return the result under another title."""
    return with_entries(results, title=title)
