"""Findings on the overlap of the lists itself: what an answer rests on before any model speaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from mse.answers.aggregates import CONFLICT
from mse.answers.estimates import Level, Reason
from mse.answers.posterior import Posterior
from mse.assess.findings import Checked, above, below
from mse.tables.captures import CaptureTable
from mse.tables.histories import HistoryTable
from mse.tables.overlapshape import by_list_bound, lonely_lists, nested_lists
from mse.words.said import Said, said

if TYPE_CHECKING:
    from mse.assess.rules import Thresholds

Z = 1.959963984540054
CAUTION: Level = "publish with caution"


def table_findings(posterior: Posterior, table: CaptureTable | HistoryTable, limits: Thresholds) -> Iterator[Checked]:
    """Yield the rules that hold the answer against the table alone.

    Parameters
    ----------
    posterior : Posterior
        The answer.
    table : CaptureTable or HistoryTable
        The table that it came from.
    limits : Thresholds
        Of the verdict.
    """
    yield "no_overlap", _no_overlap(table)
    yield "nested", _nested(table, limits)
    yield "outside", _outside(table, limits)
    bound = by_list_bound(table)
    if bound is not None and posterior.method != "chao":
        yield "bound", _bound(posterior, bound, table.observed, limits)
    if CONFLICT in posterior.diagnostics:
        yield "aggregate", above(posterior.diagnostics[CONFLICT], limits.aggregate, "aggregate")
    if _p_of(posterior) is not None:
        yield "deviance", fit_found(posterior, limits)


def _no_overlap(table: CaptureTable | HistoryTable) -> Reason | None:
    names = lonely_lists(table)
    if not names:
        return None
    return Reason("no_overlap", CAUTION, {"figure": float(len(names))}, {"what": names})


def _nested(table: CaptureTable | HistoryTable, limits: Thresholds) -> Reason | None:
    pairs = nested_lists(table, limits.nested)
    if not pairs:
        return None
    inner, outer = pairs[0]
    return Reason("nested", CAUTION, {"figure": float(len(pairs))}, {"inner": inner, "outer": outer})


def _outside(table: CaptureTable | HistoryTable, limits: Thresholds) -> Reason | None:
    """Hold the persons who are not on the largest list: they alone say how many that list misses."""
    totals = table.list_totals()
    largest = int(totals.argmax())
    few = float(table.observed - totals[largest])
    return below(few, (limits.outside, 0.0), "outside", names={"what": table.lists[largest]})


def _bound(posterior: Posterior, found: tuple[float, float], observed: int, limits: Thresholds) -> Reason | None:
    """Hold the interval against a bound that is sure to lie above the estimate: its own lower end does."""
    bound, se = found
    high = float(posterior.distribution.quantile(0.975))
    ratio = bound / high if high > 0 else float("inf")
    unseen = bound - observed
    least = observed + unseen / np.exp(Z * np.sqrt(np.log1p((se / unseen) ** 2))) if unseen > 0 else float(observed)
    if not ratio > limits.bound or least < posterior.point:
        return None
    figures = {"figure": ratio, "caution_from": limits.bound, "bound": bound, "high": high}
    return Reason("bound", CAUTION, figures)


def deviance_p(deviance: float, df: float) -> float | None:
    """Return the probability of a deviance as large as this on so many degrees of freedom; None without any."""
    from scipy.special import chdtrc

    return float(chdtrc(df, max(deviance, 0.0))) if df >= 1 and np.isfinite(deviance) else None


def fit_found(posterior: Posterior, limits: Thresholds) -> Reason | None:
    """Hold the deviance of the single model behind an answer against its degrees of freedom."""
    p = _p_of(posterior)
    if p is None:
        return None
    found = posterior.diagnostics
    more = {"deviance": found["deviance"], "df": found["df"]}
    return below(p, (limits.deviance, 0.0), "deviance", more=more)


def bad_fit(posterior: Posterior) -> Said | None:
    """Return how badly the single model behind an answer fits; None where it fits, or where there is no such model."""
    from mse.assess.rules import usual_thresholds

    reason = fit_found(posterior, usual_thresholds())
    if reason is None:
        return None
    return said("finding.bad_fit", deviance=reason.figures["deviance"], df=int(reason.figures["df"]))


def _p_of(posterior: Posterior) -> float | None:
    found = posterior.diagnostics
    apart = "by" in posterior.spec  # of several models, the worst of each
    if apart or "deviance" not in found or "df" not in found:
        return None
    return deviance_p(found["deviance"], found["df"])
