"""The interval that is cited, with departures inside it, and the one if the identifying assumption held exactly.

An interval that takes the identifying assumption for granted holds the truth less often than it says wherever that can
be checked. The answer that is cited has the law of departures inside (`mse.assess.calibrated`), and brings the other
law with it, `Posterior.identified`, which is shown beside it and smaller.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior
from mse.answers.strata import StrataDraws
from mse.assess.calibrated import calibrated
from mse.tables.captures import CaptureTable
from mse.tables.histories import HistoryTable
from mse.words.said import Said, said

DEGREES = 4
"""Of freedom, of Student's t in the law of departures."""


def with_departures(posterior: Posterior, table: CaptureTable | HistoryTable, identified: Distribution) -> Posterior:
    """Return an answer with learned departures inside its interval.

    Parameters
    ----------
    posterior : Posterior
        By a method and setting that departures were learned for.
    table : CaptureTable or HistoryTable
        What it came from.
    identified : Distribution
        The law of N if the identifying assumption held exactly.

    Returns
    -------
    Posterior
        Of the same method, with ``departures`` among its options. Where there are strata, one departure is drawn for
        all of them, so that parts still add up in every draw.

    Raises
    ------
    ModelError
        See `mse.assess.calibrated.calibrated`.
    """
    found = calibrated(posterior, table)
    found = replace(
        found, method=posterior.method, spec={**posterior.spec, "departures": True}, models=posterior.models,
        interactions=posterior.interactions, diagnostics={**posterior.diagnostics, **found.diagnostics},
        notes=(*posterior.notes, *(x for x in found.notes if x.code != "note.assumed")), identified=identified,
    )  # fmt: skip
    return found if posterior.strata is None else _by_stratum(found, posterior.strata, posterior.spec)


def _by_stratum(found: Posterior, strata: StrataDraws, spec: object) -> Posterior:
    """Return the answer with its strata, all unseen of a draw multiplied by one departure."""
    seed = found.spec.get("seed")
    rng = np.random.default_rng([seed if isinstance(seed, int) else 0, 3])
    where = found.diagnostics
    t = rng.standard_t(DEGREES, size=len(strata.draws))
    delta = where["departure_middle"] + t * np.where(t < 0.0, where["departure_scale"], where["departure_upper"])
    unseen = np.maximum(strata.draws - strata.observed, 0) * np.exp(delta)[:, None]
    draws = strata.observed + np.floor(np.minimum(unseen, 1e15) + rng.random(unseen.shape)).astype(np.int64)
    totals = draws.sum(axis=1)
    values, times = np.unique(totals, return_counts=True)
    law = Distribution.from_mass(values.astype(np.float64), times.astype(np.float64))
    parts = replace(strata, draws=draws, point=np.quantile(draws, 0.5, axis=0))
    return replace(found, distribution=law, draws=totals, point=float(law.quantile(0.5)), strata=parts)


def if_identified(posterior: Posterior) -> tuple[Said, Posterior] | None:
    """Return the answer if the identifying assumption held exactly, with what it is called; None without one."""
    law = posterior.identified
    if law is None:
        return None
    label = said("label.independent_lists") if len(posterior.lists) == 2 else said("label.identified")
    label = label if posterior.lists else said("label.shape_held")
    answer = replace(
        posterior, distribution=law, draws=law.draw(1, np.random.default_rng(0)), point=float(law.quantile(0.5)),
        point_kind=said("kind.identified"), inside=tuple(x for x in posterior.inside if x.code not in LEARNED),
        notes=(), verdict=None, strata=None, identified=None, chosen=None,
    )  # fmt: skip
    return label, answer


LEARNED = frozenset({"source.departures_known"})
"""Codes of what the interval with departures holds, and the other one leaves out."""
