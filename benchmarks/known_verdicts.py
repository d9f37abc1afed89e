"""The headline on populations of known size, by its verdict: what *publish* has been worth where that can be checked.

The interval is that of `mse estimate` with departures learned from the other studies; the verdict is that of
`mse estimate`. Beside the problems of the leaderboard stand those of parts of the public tables, one sex or one period
of a table at a time (`parts_of_tables`): nothing was learned or chosen from them, and they are of the same few studies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np

from benchmarks.known_populations import SEED, Answer, Population, answers, sources, study_of
from benchmarks.learning import KnownAnswer
from benchmarks.scores import Score, score, summarise
from mse.answers.distribution import Distribution
from mse.answers.estimates import LEVELS
from mse.assess.departures import FEATURES, DepartureModel, departed, features, log_unseen, scale_features
from mse.assess.knownsizes import known_sizes
from mse.computing.parallel import Compute
from mse.errors import MseError
from mse.estimators.registry import ALL_ORDERS
from mse.methods import estimate
from mse.shipped import load_table
from mse.tables.captures import CaptureTable

Z = 1.959963984540054

FEWEST_PERSONS = 100
"""Persons observed of a part: with fewer nothing gets *publish*."""


def wilson(hits: int, tries: int) -> tuple[float, float]:
    """Return the 95 % interval of a share by Wilson's score."""
    share, z2 = hits / tries, Z**2
    middle = (share + z2 / (2 * tries)) / (1 + z2 / tries)
    half = Z * math.sqrt(share * (1 - share) / tries + z2 / (4 * tries**2)) / (1 + z2 / tries)
    return middle - half, middle + half


def levels_of(problems: Sequence[Population], compute: Compute) -> list[str | None]:
    """Return the verdicts of `mse estimate`; None without an answer."""
    tasks = [(p.members,) for p in problems]
    return [str(level[0]) or None for (level,) in compute.spread("verdicts", _level, tasks)]


def _level(task: tuple[CaptureTable]) -> tuple[np.ndarray]:
    try:
        verdict = estimate(task[0], seed=SEED, compute=Compute(workers=1)).verdict
    except MseError:
        return (np.array([""]),)
    return (np.array(["" if verdict is None else verdict.level]),)


def by_verdict(
    problems: Sequence[Population], said: Sequence[Answer], levels: Sequence[str | None]
) -> dict[str, dict[str, Any]]:
    """Return the summary of laws by verdict, with how many hold, and the studies that they are from."""
    found: dict[str, list[Score]] = {}
    studies: dict[str, set[str]] = {}
    for p, answer, level in zip(problems, said, levels, strict=True):
        if answer.law is not None and level is not None:
            found.setdefault(level, []).append(score(answer.law, answer.point, p.true))
            studies.setdefault(level, set()).add(p.study)
    return {
        level: {
            **asdict(summarise(found[level])),
            "hold": sum(s.covered[2] for s in found[level]),
            "too_low": sum(s.high < s.true for s in found[level]),
            "studies": sorted(studies[level]),
        }
        for level in LEVELS
        if level in found
    }


def parts_of_tables() -> list[Population]:
    """Return the lists of every single level of every covariate of a public table that could get *publish*."""
    found = []
    for name in sources():
        table = load_table(name)
        if table.n_lists < 5:
            continue
        for dimension, levels in table.strata.items():
            for level in levels:
                part = table.part({dimension: level})
                where = f"{name}, {dimension} {level}"
                found += [
                    Population(study_of(name), where, k.list, k.true, k.table)
                    for k in known_sizes(part.collapse() if part.strata else part)
                    if k.table is not None and 3 < k.table.n_lists <= ALL_ORDERS and k.table.observed >= FEWEST_PERSONS
                ]
    return found


def held_parts(without: Mapping[str, DepartureModel], compute: Compute) -> dict[str, dict[str, Any]]:
    """Return `by_verdict` of the parts, with the laws of departures that were learned without their studies."""
    parts = parts_of_tables()
    said = []
    for part, plain in zip(parts, answers(parts, compute, ["shrinkage"])["shrinkage"], strict=True):
        law = None
        if plain.law is not None:
            known = known_answer(part, plain.law, range(len(FEATURES)))
            law = departed(known.unseen, known.observed, *without[part.study].at(known.features, known.about))
        said.append(Answer(law, math.nan if law is None else float(law.quantile(0.5)), plain.status, {}))
    return by_verdict(parts, said, levels_of(parts, compute))


def known_answer(p: Population, law: Distribution, chosen: Sequence[int]) -> KnownAnswer:
    """Return what is learned from an answer, with some of the features of its middle."""
    unseen = log_unseen(law, p.members.observed)
    some = features(p.members, unseen)[list(chosen)]
    return KnownAnswer(p.study, p.members.observed, p.true, unseen, some, scale_features(p.members, unseen))


def stored_now(**parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored, with the date."""
    return {"date": date.today().isoformat(), **parts}


def markdown(found: Mapping[str, Any], command: str) -> list[str]:
    """Return both tables by verdict, as lines; nothing where that was not scored."""
    if not found:
        return []
    heads = ("problems", "verdict", "how many", "studies", "95 % hold", "of which the truth may be (Wilson)", "50 %",
             "80 %", "missed: too low", "median bias", "median log width", "interval score")  # fmt: skip
    said = f"The headline, departures of the other studies inside, by its verdict (`{command} --verdicts`, "
    said += f"{found['date']}):"
    lines = ["", said, "", f"| {' | '.join(heads)} |", "|---|---|" + "---:|" * (len(heads) - 2)]
    for what, title in (("leaderboard", "of the leaderboard"), ("parts", "parts of these tables")):
        for level, row in found.get(what, {}).items():
            low, high = wilson(row["hold"], row["problems"])
            covered = [f"{100 * c:.0f} %" for c in row["coverage"]]
            cells = (title, level, row["problems"], len(row["studies"]), f"{row['hold']} ({covered[2]})",
                     f"{100 * low:.0f}–{100 * high:.0f} %", covered[0], covered[1], row["too_low"],
                     f"{row['median_bias']:.2f}".replace("-", "−"), f"{row['median_width']:.2f}",
                     f"{row['interval_score']:.1f}")  # fmt: skip
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines
