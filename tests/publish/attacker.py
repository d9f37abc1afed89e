"""An attacker of everything that is published of a result: counts, estimates, words, of one release or of several.

Written without the project's own attack: a plain integer programme over the cells of the strata, by scipy. What is
known is read from the files of the releases alone; raw counts only say whether a range is narrow.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp

from mse.answers.distribution import Distribution
from mse.answers.estimates import LEVELS, Reason, Verdict
from mse.answers.results import Results
from mse.answers.strata import StrataDraws
from mse.assess.parts import judge_parts
from mse.assess.verdict import Thresholds
from mse.publish.indicators.basis import population_frame
from mse.publish.indicators.measures import indicators
from mse.publish.indicators.sdg import sdg_table
from mse.tables.captures import CaptureTable
from mse.tables.population import Population
from tests.examples.recorded import recorded
from tests.examples.results import comparison, posterior

Place = tuple[tuple[str, str], ...]
LISTS = ("A", "B", "C", "D")


# ---- random results ----------------------------------------------------------------------------------


def random_table(number: int, years: int | None = None) -> CaptureTable:
    """Return a table by year and form, and by sex in every third: many small counts."""
    rng = np.random.default_rng([20261128, number])
    dims = {"year": tuple(str(2016 + i) for i in range(years or int(rng.integers(2, 5)))),
            "form": ("lab", "sex", "crim")[: int(rng.integers(2, 4))]}  # fmt: skip
    if number % 3 == 0:
        dims["sex"] = ("f", "m")
    shape = tuple(map(len, dims.values()))
    mean = rng.choice([2.0, 8.0, 25.0, 80.0], size=shape, p=[0.25, 0.3, 0.3, 0.15])
    persons = rng.poisson(mean)
    chance = np.array([0.45, 0.35, 0.3, 0.25])
    seen = np.array([np.prod(np.where([h >> j & 1 for j in range(4)], chance, 1 - chance)) for h in range(1, 16)])
    counts = np.array([rng.multinomial(n, seen / seen.sum()) for n in persons.ravel()])
    return CaptureTable.from_arrays(LISTS, counts, strata=dims, name=f"random {number}")


def result(table: CaptureTable, seed: int = 1, publish: Mapping[str, Any] | None = None, **report: Any) -> Results:
    """Return a made-up answer on a table that is not public; some intervals start close to the registered."""
    rng = np.random.default_rng(seed)
    observed = table.counts.sum(axis=1)
    spread = rng.choice([0.02, 0.3, 1.0], size=observed.size)
    draws = observed + rng.poisson(np.maximum(observed, 0.5) * spread * np.exp(rng.normal(0, 0.15, (400, 1))))
    strata = StrataDraws(table.strata, draws, np.median(draws, axis=0), observed,
                         np.full((observed.size, observed.size), np.nan), ((),) * observed.size)  # fmt: skip
    total = draws.sum(axis=1)
    law = Distribution.from_mass(*(x.astype(float) for x in np.unique(total, return_counts=True)))
    head = posterior(law, table.lists, table.observed, None, draws=total, strata=strata, table=table.name,
                     point=float(law.quantile(0.5)), table_digest=table.digest)  # fmt: skip
    reason = Reason("width", "publish with caution", {"figure": 3.1, "caution_from": 3.0, "forbid_from": 9.0})
    parts = tuple(replace(part, level=max(part.level, reason.level, key=LEVELS.index))
                  for part in judge_parts(head, table, Thresholds()))  # fmt: skip
    head = replace(head, verdict=Verdict(reason.level, (reason,), ("width", "parts"), parts))
    low, high = law.quantile([0.025, 0.975])
    flat = table.collapse()
    overlap = {"+".join(x for j, x in enumerate(table.lists) if (h + 1) >> j & 1): int(c)
               for h, c in enumerate(flat.counts[0]) if c}  # fmt: skip
    record = recorded({
        "title": str(table.name), "table": {"name": table.name, "digest": table.digest, "observed": table.observed,
                                            "public": False},
        "overlap": {"lists": list(table.lists), "counts": overlap}, "job": {"publish": dict(publish or {})},
        "report": {"publisher": "Nobody", **report}, "seed": 1, "prob": 0.95, "versions": {"mse-engine": "0.1.0"},
        "secrets": {"rounding": f"key {seed}"},
    })  # fmt: skip
    rows = comparison([("average", "an average", head.point, low, high, "posterior median", "ok")], table.observed)
    found = Results(head, rows, record, {})
    inner = {dim: levels for dim, levels in table.strata.items() if dim in ("year", "sex")}
    people = [dict(zip(inner, at, strict=True)) | {"population": 900_017 + 1000 * i}
              for i, at in enumerate(itertools.product(*inner.values()))]  # fmt: skip
    found = replace(found, tables={"population": population_frame(Population.from_frame(pd.DataFrame(people)))})
    sdg = sdg_table(found)
    return replace(found, tables={**found.tables, "indicators": indicators(found), "sdg": sdg})


# ---- what is known -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """Sums over cells with the ends that something published puts to them, and the cells that were left out."""

    dims: Mapping[str, tuple[str, ...]]
    ends: Mapping[Place, tuple[float, float]]
    hidden: frozenset[Place]
    years: tuple[str, ...] = ()


def place_of(row: Mapping[str, Any], dims: Sequence[str]) -> Place:
    return tuple((dim, str(row[dim])) for dim in dims if str(row[dim]) != "all")


def read_release(folder: Path, *, few: int = 10, caution: int = 100) -> Known:
    """Return what the files of a release tell: counts, lower ends, rates, words on parts."""
    counts = pd.read_csv(folder / "counts.csv")
    record = json.loads((folder / "figures.json").read_text())
    dims = [c for c in counts.columns if c not in ("count", "status")]
    levels = {d: tuple(x for x in dict.fromkeys(counts[d].astype(str)) if x != "all") for d in dims}
    ends: dict[Place, list[float]] = {}
    hidden = set()
    found = re.search(r"a multiple of (\d)", record["disclosure"])
    off = int(found[1]) - 1 if found else 0
    for row in counts.to_dict("records"):
        at = place_of(row, dims)
        if row["status"] == "suppressed":
            ends[at] = [0.0, np.inf]
            hidden.add(at)
        else:
            off_here = off if row["status"] == "rounded" else 0
            ends[at] = [max(row["count"] - off_here, 0.0), row["count"] + off_here]
            if off_here:
                hidden.add(at)

    def narrow(at: Place, low: float = 0.0, high: float = np.inf) -> None:
        if at in ends:
            ends[at] = [max(ends[at][0], low), min(ends[at][1], high)]

    frame = pd.read_csv(folder / "indicators.csv")
    shown = {(x["indicator"], place_of(x, dims)): x for x in frame.to_dict("records")}
    for (name, at), row in shown.items():
        if name == "registered" and np.isfinite(row["point"]) and not off:
            narrow(at, row["point"], row["point"])
        if name == "estimated" and row["status"] == "too few data" and at in hidden:
            narrow(at, 0.0, few - 1)
        if name == "estimated" and np.isfinite(row["point"]):
            narrow(at, few, max(row["low"], ends[at][0] if off else 0.0))
    for part in record["verdict"]["parts"]:
        at = tuple((dim, part["where"][dim]) for dim in dims if dim in part["where"])
        codes = part["because"]
        if at not in ends:
            ends[at], _ = [0.0, np.inf], hidden.add(at)
        if "too few data" in codes and at in hidden:
            narrow(at, 0.0, few - 1)
        elif "observed" in codes:
            narrow(at, few, caution - 1)
        elif part["level"] == "publish":
            narrow(at, caution)
    return Known(levels, {at: (x[0], x[1]) for at, x in ends.items()}, frozenset(hidden))


def told_by_rates(folder: Path, population: pd.DataFrame) -> Mapping[Place, tuple[float, float]]:
    """Return the registered counts that the published rates give, by year and sex."""
    frame = pd.read_csv(folder / "sdg.csv")
    found = {}
    for row in frame.to_dict("records"):
        if not np.isfinite(row["detected_per_100k"]):
            continue
        sizes = population[population["year"].astype(str) == str(row["year"])]
        if row["sex"] != "all":
            sizes = sizes[sizes["sex"] == row["sex"]]
        persons = float(sizes["population"].sum())
        rate = row["detected_per_100k"] * persons / 1e5
        at = tuple((dim, str(row[dim])) for dim in ("year", "form", "sex") if str(row[dim]) != "all")
        found[at] = (rate * 0.994, rate * 1.006)
    return found


def told_by_page(text: str) -> set[str]:
    """Return the words on single parts that a page has."""
    return set(re.findall(r"Too few data(?=</)|fewer than \d+ observed", text))


# ---- the attack --------------------------------------------------------------------------------------


def attacked(known: Sequence[Known]) -> dict[tuple[int, Place], tuple[float, float]]:
    """Return the range of every count that was left out, whole persons, from all that is known together."""
    dims: dict[str, tuple[str, ...]] = {}
    for one in known:
        for dim, levels in one.dims.items():
            dims[dim] = tuple(dict.fromkeys([*dims.get(dim, ()), *levels]))
    shape = tuple(map(len, dims.values()))
    index = np.arange(int(np.prod(shape))).reshape(shape)

    def vector(one: Known, at: Place) -> np.ndarray:
        where = dict(at)
        own = [
            [dims[d].index(x) for x in ([where[d]] if d in where else one.dims.get(d, (one.years if d == "year" and
             one.years else dims[d])))] for d in dims
        ]  # fmt: skip
        out = np.zeros(index.size)
        out[index[np.ix_(*own)].ravel()] = 1.0
        return out

    rows = [(vector(one, at), *ends) for one in known for at, ends in one.ends.items()]
    matrix = np.array([row[0] for row in rows])
    limits = LinearConstraint(matrix, [row[1] for row in rows], [row[2] for row in rows])
    found = {}
    for i, one in enumerate(known):
        for at in one.hidden:
            cost = vector(one, at)
            ends = []
            for sign in (1.0, -1.0):
                best = milp(sign * cost, constraints=limits, bounds=Bounds(0, np.inf))
                if best.status == 0 and np.abs(best.x - np.rint(best.x)).max() > 1e-6:
                    whole = np.ones(index.size)
                    best = milp(sign * cost, constraints=limits, bounds=Bounds(0, np.inf), integrality=whole)
                assert best.status in (0, 3, 4), (best.status, best.message)
                ends.append(np.inf * -sign if best.status != 0 else sign * best.fun)
            found[i, at] = (round(ends[0]) if np.isfinite(ends[0]) else 0.0, ends[1])
    return found


def raw_count(table: CaptureTable, at: Place) -> int:
    """Return the raw count at some levels."""
    counts = table.counts.sum(axis=1).reshape([len(x) for x in table.strata.values()])
    where = dict(at)
    picks = [[levels.index(where[d])] if d in where else range(len(levels)) for d, levels in table.strata.items()]
    return int(counts[np.ix_(*picks)].sum())


def below_promise(value: int, low: float, high: float, threshold: int = 10, base: int = 0) -> bool:
    """Return whether a range is narrower than what is promised of a count."""
    assert low - 1e-6 <= value <= high + 1e-6, f"{value} is not in [{low}, {high}]: the attacker is wrong"
    if base:
        return high - low < base - 1
    return high - low < threshold - 1e-6 or (value < threshold and (low > 0 or high < threshold))
