"""The calibrated interval: beside the ordinary one, with room for departures as large as known sizes show.

An ordinary interval takes the identifying assumption for granted. On populations of known size such intervals cover
far less often than they claim. The calibrated one lets the odds ratio ξ of all lists follow the law of departures
(`mse.assess.departures`) learned from the known sizes of other studies: a public table is never calibrated with its
own.

That departures in a new study are like those seen among the members of lists elsewhere is an assumption in its own
right (`TRANSFER`); everything that shows a calibrated interval carries it. What was learned ships as
``calibrated.json``, written by ``python -m benchmarks.known_sizes``, with the digest of what it was learned from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mse.answers.posterior import Posterior
from mse.assess.departures import (
    FEATURES,
    SCALE_FEATURES,
    DepartureModel,
    departed,
    features,
    log_unseen,
    scale_features,
)
from mse.errors import ModelError, Problem, names_of
from mse.tables.captures import CaptureTable
from mse.tables.histories import HistoryTable
from mse.words.said import said, to_json

if TYPE_CHECKING:
    import pandas as pd

ARRAYS = ("slopes", "centre", "spread", "low", "high", "stretch", "nearest", "farthest")
"""Fields of a law of departures that are arrays."""

STORED = Path(__file__).with_name("calibrated.json")
"""What was learned."""

TRANSFER = said("assumed.transfer")
"""The assumption of every calibrated interval."""

NOW_INSIDE = frozenset({"source.all_lists", "source.truth"})
"""Codes of what the interval of an answer leaves out, and the calibrated one holds."""

NOW_RELAXED = frozenset({"assumed.no_all_lists"})
"""Codes of the assumptions of an answer that the calibrated one does without."""

CITATIONS = (
    "Binette & Steorts (2022) On the reliability of multiple systems estimation for the quantification of modern "
    "slavery. JRSS A 185:640-676",
    "Aleshin-Guendel, Sadinle & Wakefield (2024) The central role of the identifying assumption in population size "
    "estimation. Biometrics 80(1)",
)

SETTINGS = (
    "sd", "max_order", "model_prior", "delta", "prior", "saturated", "pair_sd", "ratio", "common_sd", "visibility",
    "main_sd",
)  # fmt: skip
"""Options on which the law of N depends: what was learned for one set of them holds for no other."""


@dataclass(frozen=True, slots=True)
class Learned:
    """Departures as learned for one method with one setting.

    Parameters
    ----------
    method : str
        Of `mse.estimate`.
    setting : mapping of str to value
        Its options among `SETTINGS`.
    everything : DepartureModel
        From all studies: for a table of none of them.
    without : mapping of str to DepartureModel
        By study, from the others: for a table of that study.
    """

    method: str
    setting: Mapping[str, object]
    everything: DepartureModel
    without: Mapping[str, DepartureModel]


@dataclass(frozen=True, slots=True)
class Library:
    """Everything that was learned.

    Parameters
    ----------
    studies : mapping of str to str
        Study by the digest of a table, for every version of its table.
    learned : tuple of Learned
        One for each method and setting.
    digest : str
        SHA-256 of the populations that it was learned from.
    """

    studies: Mapping[str, str]
    learned: tuple[Learned, ...]
    digest: str


def calibrated(posterior: Posterior, table: CaptureTable | HistoryTable, library: Library | None = None) -> Posterior:
    """Return the answer with departures from the identifying assumption inside its interval.

    Parameters
    ----------
    posterior : Posterior
        By a method and setting that departures were learned for: the average over all models, or over decomposable
        graphs, with their usual settings. Without draws there are as many as its options say.
    table : CaptureTable or HistoryTable
        What it came from.
    library : Library, optional
        What was learned; the one that ships when not given.

    Returns
    -------
    Posterior
        Labelled: `method`, `point_kind`, `inside`, `assumptions` and `notes` say what it is. Without a verdict, strata
        and models of its own. The diagnostics hold the middle of δ = −log ξ and its scales below and above.

    Raises
    ------
    ModelError
        When nothing was learned for this method and setting, or the table is not the one behind the answer.
    """
    library = library or shipped_library()
    learned = _fitting(posterior, library)
    flat = table.collapse() if isinstance(table, CaptureTable) and table.strata else table
    if posterior.table_digest not in (table.digest, flat.digest):
        raise ModelError(
            Problem(said("found.answer_came_another_table"), said("allowed.table_estimated",
                                                                  table=repr(posterior.table)),
                    said("do.give_table_answer_came"), file=said("what.table", name=table.name))
        )  # fmt: skip
    study = library.studies.get(flat.digest)
    model = learned.everything if study is None else learned.without.get(study, learned.everything)
    unseen = log_unseen(posterior.distribution, posterior.observed)
    middle, scale, upper = model.at(features(flat, unseen), scale_features(flat, unseen))
    law = departed(unseen, posterior.observed, middle, scale, upper)
    learned_from = {"problems": model.problems, "studies": len(model.studies)}
    seed = posterior.spec.get("seed")
    rng = np.random.default_rng([seed if isinstance(seed, int) else 0, 2])
    return replace(
        posterior,
        method=f"{posterior.method}, calibrated",
        distribution=law,
        draws=law.draw(len(posterior.draws) or int(str(posterior.spec["draws"])), rng),
        point=float(law.quantile(0.5)),
        point_kind=said("kind.calibrated"),
        inside=(*posterior.inside, said("source.departures_known")),
        outside=tuple(x for x in posterior.outside if x.code not in NOW_INSIDE),
        assumptions=(TRANSFER, *(x for x in posterior.assumptions if x.code not in NOW_RELAXED)),
        citations=(*posterior.citations, *CITATIONS),
        models=None,
        interactions={},
        diagnostics={
            "departure_middle": middle,
            "departure_scale": scale,
            "departure_upper": upper,
            "departure_problems": float(model.problems),
        },
        notes=(
            said("note.calibrated", **learned_from)
            if study is None
            else said("note.calibrated_without", study=study, **learned_from),
            said("note.assumed", what=TRANSFER),
        ),
        verdict=None,
        strata=None,
    )


def calibrated_rows(posterior: Posterior, table: CaptureTable, *, prob: float) -> pd.DataFrame:
    """Return the ordinary and the calibrated interval side by side.

    Returns
    -------
    DataFrame
        ``interval`` ("ordinary", "calibrated"), ``point``, ``low``, ``high`` (persons), ``prob``, ``assumption`` (what
        the interval rests on), ``said`` (the same as a code with values, JSON).

    Raises
    ------
    ModelError
        See `calibrated`.
    """
    import pandas as pd

    both = {"ordinary": posterior, "calibrated": calibrated(posterior, table)}
    rows = []
    for name, answer in both.items():
        e = answer.summary(prob)
        rests = answer.assumptions[:1]
        rows.append({"interval": name, "point": e.point, "low": e.low, "high": e.high, "prob": prob,
                     "assumption": "".join(map(str, rests)), "said": to_json([("assumption", rests)])})  # fmt: skip
    return pd.DataFrame(rows)


def setting_of(posterior: Posterior) -> dict[str, object]:
    """Return the options on which the law of N depends, usual ones as they are for every number of lists.

    The usual prior count of graphs is "2^-K"; shrinkage has the term of all lists in its model unless told
    otherwise.
    """
    given = {name: posterior.spec[name] for name in SETTINGS if name in posterior.spec}
    setting = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
    if posterior.method == "shrinkage" and setting.get("saturated") is None:
        setting["saturated"] = True
    if setting.get("delta") == 2.0 ** -len(posterior.lists):
        setting["delta"] = "2^-K"
    return setting


def is_learned(posterior: Posterior, library: Library | None = None) -> bool:
    """Return whether departures were learned for the method and setting of this answer."""
    return _found(posterior, library or shipped_library()) is not None


def _found(posterior: Posterior, library: Library) -> Learned | None:
    setting = setting_of(posterior)
    if posterior.spec.get("departures"):
        return None  # they are inside already
    fitting = (x for x in library.learned if x.method == posterior.method and x.setting == setting)
    return next(fitting, None)


def _fitting(posterior: Posterior, library: Library) -> Learned:
    found = _found(posterior, library)
    if found is not None:
        return found
    known = names_of(f"{x.method} ({_said(x.setting)})" for x in library.learned)
    raise ModelError(
        Problem(said("found.no_departures_were_learned"), known,
                said("do.estimate_one_these_leave"),
                value=said("what.method_with", method=posterior.method, setting=_said(setting_of(posterior))))
    )  # fmt: skip


def _said(setting: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in setting.items())


@cache
def shipped_library() -> Library:
    """Return what was learned and ships with the package."""
    return read_library(STORED)


def read_library(path: Path) -> Library:
    """Read what `write_library` wrote."""
    stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Library(
        studies={digest: study for study, digests in stored["studies"].items() for digest in digests},
        learned=tuple(
            Learned(x["method"], x["setting"], _model(x["everything"]), {s: _model(m) for s, m in x["without"].items()})
            for x in stored["learned"]
        ),
        digest=stored["digest"],
    )


def write_library(library: Library, path: Path, provenance: Mapping[str, object]) -> None:
    """Write a library as JSON, with how it was made.

    Parameters
    ----------
    library : Library
        What was learned.
    path : Path
        Where to; it is whole or as it was.
    provenance : mapping
        Command, date, versions: plain values.
    """
    studies: dict[str, list[str]] = {}
    for digest, study in library.studies.items():
        studies.setdefault(study, []).append(digest)
    stored = {
        "format": "mse-departures/3",
        "provenance": dict(provenance),
        "digest": library.digest,
        "features": FEATURES,
        "scale_features": SCALE_FEATURES,
        "studies": studies,
        "learned": [
            {
                "method": x.method,
                "setting": dict(x.setting),
                "everything": _plain(x.everything),
                "without": {s: _plain(m) for s, m in x.without.items()},
            }
            for x in library.learned
        ],
    }
    half = path.with_suffix(".tmp")
    half.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    half.replace(path)


def _plain(model: DepartureModel) -> dict[str, object]:
    values = ((f.name, getattr(model, f.name)) for f in fields(model))
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values}


def _model(stored: Mapping[str, Any]) -> DepartureModel:
    shift, scale, upper = (stored[name] for name in ("shift", "scale", "upper"))
    arrays = {name: np.array(stored[name]) for name in ARRAYS}
    return DepartureModel(
        shift=shift, scale=scale, upper=upper, problems=stored["problems"], studies=tuple(stored["studies"]), **arrays
    )
