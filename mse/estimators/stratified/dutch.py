"""The Dutch method: lists and covariates in one log-linear model of pairs, found stepwise, with parametric bootstrap.

Main effects and pair terms among lists, year, sex, age, nationality and form of exploitation are chosen by stepwise
BIC, and the interval comes from populations drawn from the chosen model (van Dijk, Cruyff, van der Heijden &
Kragten-Heerdink 2017; Cruyff, van Dijk & van der Heijden 2017). It is conditional on the selected model, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mse.answers.posterior import Posterior
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.registry import METHODS
from mse.estimators.stratified import withcovariates
from mse.estimators.stratified.declared import Blind, Bounded, Missing, Unknown
from mse.estimators.stratified.stratasearch import Walk
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Criterion
from mse.tables.captures import CaptureTable
from mse.words.said import said


@dataclass(frozen=True, slots=True)
class DutchSpec:
    """Options of the Dutch method; what is not an option is what makes it that method.

    Parameters
    ----------
    criterion : str
        ``"bic"`` (penalty ln n, persons, as there), ``"bic_cells"`` or ``"aic"``.
    walk : str
        ``"long"``, the rule of Cruyff's software (its steps may part from it, see
        `search`), from which the model with the smallest criterion is taken; or
        ``"direct"``, steps that lower the criterion itself.
    replicates : int
        Of the parametric bootstrap.
    blind, missing, bounded, unknown
        See `mse.estimators.stratified.declared`.
    """

    criterion: Criterion = "bic"
    walk: Walk = "long"
    replicates: withcovariates.BootstrapReplicates = 1000
    blind: Blind = field(default_factory=dict)
    missing: Missing = field(default_factory=dict)
    bounded: Bounded = field(default_factory=dict)
    unknown: Unknown = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)

    def steps(self) -> withcovariates.CovariatesSpec:
        """Return the same as options of the estimator with covariates."""
        return withcovariates.CovariatesSpec(
            criterion=self.criterion, walk=self.walk, max_order=2, interval="bootstrap", replicates=self.replicates,
            blind=self.blind, missing=self.missing, bounded=self.bounded, unknown=self.unknown,
        )  # fmt: skip


def estimate(table: CaptureTable, spec: DutchSpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate N of every stratum, and their total, by the Dutch method.

    Parameters
    ----------
    table : CaptureTable
        Three lists or more, by year, sex, age, nationality, form, or whatever is known; without covariates it is the
        method for the lists alone.
    spec : DutchSpec
        Options.
    seed : int
        Seed of the bootstrap.
    compute : Compute, optional
        Workers and progress.

    Returns
    -------
    Posterior
        As from `mse.estimators.stratified.withwithcovariates.estimate`.

    Raises
    ------
    ModelError
        When there are fewer than three lists, or as there.
    InputError
        As there.
    """
    if table.n_lists < METHODS["dutch-method"].lists[0]:
        raise ModelError(
            Problem(
                said("fault.table_lists", count=table.n_lists), said("allowed.three_lists_more_so"),
                said("do.use_method_chapman_two"), file=said("what.table", name=table.name),
            )
        )  # fmt: skip
    posterior = withcovariates.estimate(table, spec.steps(), seed=seed, compute=compute)
    return replace(posterior, method="dutch-method")
