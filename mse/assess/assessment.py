"""The whole assessment of one answer: every check that it asks for, as tables by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args

from mse.answers.posterior import Posterior
from mse.computing.parallel import Compute
from mse.estimators.registry import row_of
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Between
from mse.tables.captures import CaptureTable

if TYPE_CHECKING:
    import pandas as pd

    from mse.assess.refits import Refit

Part = Literal[
    "sensitivity", "prior", "linkage_error", "robustness", "accumulation", "consistency", "fit", "coverage",
    "calibrated",
]  # fmt: skip
PARTS: tuple[Part, ...] = get_args(Part)
"""Checks by the name that users give."""

_Claim = Annotated[float, Between(0, 1e12, above=True, below=True)]


@dataclass(frozen=True, slots=True)
class AssessSpec:
    """What is checked.

    Parameters
    ----------
    parts : tuple of str
        Among `PARTS`; all when not given.
    above, below : tuple of float
        Claims whose tipping points are wanted, persons: the estimate stays above, or below. The ends of the interval
        when both are empty.
    odds_ratios : tuple of float
        Where the curves of sensitivity are computed.
    replicates : int
        Simulated tables of each truth in the check of coverage.
    """

    parts: tuple[Part, ...] = PARTS
    above: tuple[_Claim, ...] = ()
    below: tuple[_Claim, ...] = ()
    odds_ratios: tuple[_Claim, ...] = ()
    replicates: Annotated[int, Between(10, 100_000)] = 200

    def __post_init__(self) -> None:
        """Check every option, and say all that is wrong at once."""
        check_spec(self)


def assess(
    posterior: Posterior,
    table: CaptureTable,
    spec: AssessSpec | None = None,
    *,
    prob: float,
    seed: int,
    unreferred: CaptureTable | None = None,
    compute: Compute | None = None,
) -> Mapping[str, pd.DataFrame]:
    """Check how far an answer may be believed.

    Refits are by the average over all models, by Laplace alone (over models of pairs beyond five lists), with the prior
    of the answer when it is such an average; covariates are summed over. What an answer does not allow for is left out:
    curves for pairs of lists, predicted counts and coverage need an answer that names its models, the calibrated
    interval one by a method and setting that departures were learned for.

    Parameters
    ----------
    posterior : Posterior
        The answer.
    table : CaptureTable
        What it came from.
    spec : AssessSpec, optional
        Everything when not given.
    prob : float
        Probability of the intervals.
    seed : int
        Of everything random.
    unreferred : CaptureTable, optional
        The table without registrations that are there only because another list sent the person.
    compute : Compute, optional
        Workers, progress, and the folder that keeps finished parts.

    Returns
    -------
    mapping of str to DataFrame
        ``sensitivity`` and ``tipping``, ``prior``, ``linkage_error``, ``robustness``, ``accumulation``,
        ``consistency``, ``fit``, ``coverage``, ``calibrated``; columns as their functions say. Empty tables are left
        out.
    """
    from mse.assess import calibrated, coverage, fit, knownsizes, robustness, sensitivity

    spec = spec or AssessSpec()
    flat = table.collapse() if table.strata else table
    bare = unreferred.collapse() if unreferred is not None and unreferred.strata else unreferred
    refit = _refit(posterior)
    out: dict[str, pd.DataFrame] = {}
    if "sensitivity" in spec.parts:
        ratios = spec.odds_ratios or sensitivity.ODDS_RATIOS
        curves = sensitivity.sensitivity(posterior, table, prob=prob, odds_ratios=ratios, compute=compute)
        out["sensitivity"] = curves
        out["tipping"] = sensitivity.tipping(curves, posterior.observed, _claims(posterior, spec, prob))
    if "prior" in spec.parts:
        out["prior"] = sensitivity.prior_sensitivity(posterior, flat, prob=prob)
    if "linkage_error" in spec.parts:
        out["linkage_error"] = sensitivity.linkage_errors(flat, refit, prob=prob, compute=compute)
    if "robustness" in spec.parts:
        out["robustness"] = robustness.robustness(flat, refit, prob=prob, unreferred=bare, compute=compute)
    if "accumulation" in spec.parts:
        out["accumulation"] = robustness.accumulation(flat, refit, prob=prob, seed=seed, compute=compute)
    if "consistency" in spec.parts:
        out["consistency"] = knownsizes.consistency(flat, refit, prob=prob, compute=compute)
    if "calibrated" in spec.parts and posterior.strata is None and calibrated.is_learned(posterior):
        out["calibrated"] = calibrated.calibrated_rows(posterior, flat, prob=prob)
    if "fit" in spec.parts:
        out["fit"] = fit.predicted_overlap(posterior, flat, prob=prob, seed=seed)
    if "coverage" in spec.parts:
        out["coverage"] = coverage.coverage(
            posterior, flat, refit, prob=prob, seed=seed, replicates=spec.replicates, compute=compute
        )
    if "calibrated" in spec.parts and calibrated.is_learned(posterior):
        out["calibrated"] = calibrated.calibrated_rows(posterior, table, prob=prob)
    return {name: frame for name, frame in out.items() if len(frame)}


def _claims(posterior: Posterior, spec: AssessSpec, prob: float) -> Sequence[tuple[str, float]]:
    if spec.above or spec.below:
        return [*(("above", x) for x in spec.above), *(("below", x) for x in spec.below)]
    estimate = posterior.summary(prob)
    return [("above", estimate.low), ("below", estimate.high)]


def _refit(posterior: Posterior) -> Refit:
    from mse.assess.refits import average_refit
    from mse.estimators.averages.averaging import AverageSpec

    row = row_of(posterior.method)
    if row is None or row.prior != "models" or posterior.strata is not None:
        return average_refit()
    given = {name: cast(Any, posterior.spec[name]) for name in ("sd", "max_order", "model_prior")}
    return average_refit(AverageSpec(**given))
