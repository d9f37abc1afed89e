"""The problems of the leaderboard, the settings that compete on them, and what each says of each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mse.answers.distribution import Distribution
from mse.assess.calibrated import setting_of
from mse.assess.knownsizes import known_sizes
from mse.computing.parallel import Compute
from mse.errors import MseError
from mse.methods import run_method
from mse.shipped import list_tables, load_table, table_info
from mse.tables.captures import CaptureTable

SEED = 1

EVERYBODY = "everybody"
"""Stands for the list where the whole table is the population."""

SETTINGS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "shrinkage": ("shrinkage", {}),
    "shrinkage, identified": ("shrinkage", {"saturated": False}),
    "shrinkage, towards independence": ("shrinkage", {"visibility": (0.0,), "common_sd": (0.03, 0.17)}),
    "average, σ = 1": ("average", {"sd": 1.0}),
    "average, σ = 0.5": ("average", {"sd": 0.5}),
    "average, σ = 2": ("average", {"sd": 2.0}),
    "average, σ = 4": ("average", {"sd": 4.0}),
    "average, σ among 0.5, 1, 2": ("average", {"sd": {0.5: 1.0, 1.0: 1.0, 2.0: 1.0}}),
    "average, σ = 1, prior by size": ("average", {"sd": 1.0, "model_prior": "size"}),
    "average, σ = 2, prior by size": ("average", {"sd": 2.0, "model_prior": "size"}),
    "average, σ = 1, pairs": ("average", {"sd": 1.0, "max_order": 2}),
    "average, σ = 2, pairs": ("average", {"sd": 2.0, "max_order": 2}),
    "search, σ = 1, pairs": ("search-average", {}),
    "decomposable, δ = 2^−K": ("decomposable", {}),
    "decomposable, saturated in": ("decomposable", {"saturated": True}),
    "decomposable, δ = 0.5": ("decomposable", {"delta": 0.5}),
    "decomposable, δ = 1": ("decomposable", {"delta": 1.0}),
    "log-linear, BIC": ("loglinear", {"criterion": "bic"}),
    "log-linear, BIC of cells": ("loglinear", {"criterion": "bic_cells"}),
    "log-linear, AIC": ("loglinear", {"criterion": "aic"}),
    "log-linear, BIC, pairs": ("loglinear", {"criterion": "bic", "max_order": 2}),
    "downhill": ("downhill", {}),
    "profile, BIC": ("profile", {}),
    "Dutch method": ("dutch-method", {}),
    "stepwise, BCa": ("stepwise", {"replicates": 200}),
    "bootstrap, BCa": ("bootstrap", {"replicates": 200}),
    "independence": ("independence", {}),
    "Chapman": ("chapman", {}),
    "Chao": ("chao", {}),
    "Chao, bias-corrected": ("chao", {"bias_corrected": True}),
    "sample coverage": ("sample-coverage", {}),
    "latent classes": ("latent-class", {}),
}
"""Methods that read an overlap table, with the settings that users choose among.

Without covariates `covariates` is the Dutch method and `average-strata` the average, and `multilevel` has nothing to
pool.
"""


@dataclass(frozen=True, slots=True)
class Population:
    """The members of one list of a public table, or everybody where the true size is known.

    Parameters
    ----------
    study : str
        The table that all versions of this study come from.
    table, list : str
        Where the members are from.
    true : int
        How many they are.
    members : CaptureTable
        The members over the other lists.
    """

    study: str
    table: str
    list: str
    true: int
    members: CaptureTable


@dataclass(frozen=True, slots=True)
class Answer:
    """What one setting says of one population, or why it says nothing.

    Parameters
    ----------
    law : Distribution or None
        Of N.
    point : float
        The number that is reported.
    status : str
        ``"ok"``, or why there is no answer.
    options : mapping
        Options on which the law depends.
    """

    law: Distribution | None
    point: float
    status: str
    options: Mapping[str, object]


def study_of(name: str) -> str:
    """Return the study of a public table: the one it names, the table it is a merged version of, or its own name."""
    own = table_info(name).mse
    if "study" in own:
        return str(own["study"])
    origin = own.get("derived_from")
    return study_of(str(origin["table"])) if isinstance(origin, Mapping) else name


def sources() -> list[str]:
    """Return the public overlap tables that hold populations of known size: of four lists, or with a true size."""
    return [
        info.name
        for info in list_tables()
        if info.kind == "overlap" and (len(info.lists) >= 4 or ("true_size" in info.mse and len(info.lists) >= 3))
    ]


def populations() -> list[Population]:
    """Return every list of every public table that is a problem, and every table whose true size is known."""
    found = []
    for name in sources():
        table, size = load_table(name), table_info(name).mse.get("true_size")
        if isinstance(size, int):
            found.append(Population(study_of(name), name, EVERYBODY, size, table.collapse()))
        found += [
            Population(study_of(name), name, k.list, k.true, k.table) for k in known_sizes(table) if k.table is not None
        ]
    return found


def answers(
    problems: list[Population], compute: Compute, names: Sequence[str] = tuple(SETTINGS)
) -> dict[str, list[Answer]]:
    """Return what every setting, or those named, says of every population."""
    tasks = [(*SETTINGS[name], p.members) for name in names for p in problems]
    found = [
        Answer(
            Distribution(values, cdf, bool(whole)) if len(values) else None,
            float(point),
            str(said[0]),
            json.loads(str(said[1])),
        )
        for values, cdf, (point, whole), said in compute.spread("settings on populations", solve, tasks)
    ]
    return {name: found[i * len(problems) :][: len(problems)] for i, name in enumerate(names)}


def solve(task: tuple[str, Mapping[str, Any], CaptureTable]) -> tuple[np.ndarray, ...]:
    """Return grid and probabilities of the law of N; point, and whether N is whole; status and options."""
    method, options, members = task
    try:
        answer = run_method(members, method, seed=SEED, compute=Compute(workers=1), **options)
    except MseError as error:
        return np.zeros(0), np.zeros(0), np.full(2, np.nan), np.array([error.problems[0].found, "{}"])
    law, said = answer.distribution, json.dumps(setting_of(answer))
    return law.values, law.cdf, np.array([answer.point, float(law.whole)]), np.array(["ok", said])
