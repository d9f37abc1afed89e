"""One call for every method: estimate, check against other methods, judge."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mse.computing.parallel import Compute
from mse.errors import ModelError, MseError, Problem
from mse.tables.captures import CaptureTable

if TYPE_CHECKING:
    import pandas as pd

    from mse.answers.posterior import Posterior
    from mse.assess.verdict import Basis, Thresholds
    from mse.tables.histories import HistoryTable
    from mse.tables.persons import PersonTable
    from mse.tables.repeats import RepeatCounts


@dataclass(frozen=True, slots=True)
class Method:
    """A row of the registry: where an estimator lives.

    Parameters
    ----------
    label : str
        Its name in tables and figures.
    module, spec : str
        Module in ``mse.estimators``, whose function `estimate` is called, and the class of its options.
    basis : str
        ``"models"`` when the choice among many models is inside its interval, ``"one model"`` when it is not, and
        ``"assumed"`` when the dependence between lists is not left to the data; the last are held against nobody.
    reads : str
        The class of table that it takes.
    strata : bool
        Whether it takes a table with covariates; for the others they are summed over.
    asked : bool
        Whether it takes one all the same when its option ``strata``, or one that implies it, is given.
    also : tuple of str
        Other classes of table that it takes.
    together : bool
        Whether the levels of ``by`` are its strata, estimated together, and not tables of their own.
    """

    label: str
    module: str
    spec: str
    basis: Basis
    reads: str = "CaptureTable"
    strata: bool = False
    asked: bool = False
    also: tuple[str, ...] = ()
    together: bool = False


METHODS: Mapping[str, Method] = {
    "average": Method("average over all hierarchical models", "averages.averaging", "AverageSpec", "models"),
    "shrinkage": Method(
        "all interactions, shrunk",
        "shrinkage",
        "ShrinkageSpec",
        "models",
        asked=True,
        also=("HistoryTable",),
        together=True,
    ),
    "decomposable": Method("average over decomposable graphs", "averages.decomposable", "DecomposableSpec", "models"),
    "loglinear": Method("best log-linear model", "single.bestmodel", "LoglinearSpec", "one model"),
    "stepwise": Method("stepwise, pairs by Poisson tails", "single.stepwise", "StepwiseSpec", "models"),
    "downhill": Method("best log-linear model, searched downhill", "single.downhill", "DownhillSpec", "one model"),
    "bootstrap": Method("bootstrap, selection repeated inside", "single.bootstrap", "BootstrapSpec", "models"),
    "profile": Method("profile likelihood of the best model", "single.profile", "ProfileSpec", "one model"),
    "independence": Method("independent lists", "simple.classical", "IndependenceSpec", "assumed"),
    "chapman": Method("Chapman, one pair of lists", "simple.classical", "ChapmanSpec", "assumed"),
    "chao": Method("Chao's lower bound", "simple.classical", "ChaoSpec", "assumed"),
    "sample-coverage": Method("sample coverage", "simple.classical", "CoverageSpec", "assumed"),
    "covariates": Method(
        "log-linear model with covariates", "stratified.withcovariates", "CovariatesSpec", "one model", strata=True
    ),
    "dutch-method": Method(
        "Dutch method, stepwise with covariates", "stratified.dutch", "DutchSpec", "one model", strata=True
    ),
    "average-strata": Method(
        "average over models with covariates", "stratified.strataaverage", "StrataAverageSpec", "models", strata=True
    ),
    "search-average": Method("average over models found by search", "averages.searched", "SearchAverageSpec", "models"),
    "latent-class": Method("latent classes", "latentclass.hiddenclasses", "LatentClassSpec", "models", asked=True),
    "multilevel": Method(
        "multilevel model for strata and years", "multilevel.partialpooling", "MultilevelSpec", "models", strata=True
    ),
    "repeats": Method("one register", "repeats.oneregister", "RepeatsSpec", "assumed", "RepeatCounts"),
    "doubly-robust": Method(
        "doubly robust, one pair of lists", "doublyrobust.onepair", "DoublyRobustSpec", "assumed", "PersonTable"
    ),
}
"""Every method by the name that users give."""

_IN_WORDS = {
    "criterion bic": "by BIC",
    "criterion bic_cells": "by BIC that counts cells",
    "criterion aic": "by AIC",
    "max_order 2": "pairs only",
    "strata True": "by stratum",
}

type Table = CaptureTable | HistoryTable | RepeatCounts | PersonTable
"""What a method may read."""

Request = str | tuple[str, Mapping[str, Any]]
"""A method by name, or by name with options."""


def estimate(
    table: Table, method: str = "average", *, seed: int = 0, compute: Compute | None = None, **options: Any
) -> Posterior:
    """Estimate the size of the population behind a table, and judge the answer.

    Parameters
    ----------
    table : CaptureTable, RepeatCounts or PersonTable
        Who was seen on which lists; how often in one register; or persons with covariates.
    method : str
        ``"average"`` (every hierarchical log-linear model, the default), ``"decomposable"``, ``"loglinear"``,
        ``"independence"``, ``"chapman"``, ``"chao"`` or ``"sample-coverage"``; ``"repeats"`` for one register;
        ``"doubly-robust"`` for persons.
    seed : int
        Seed of everything random; the same seed gives the same answer whatever the number of workers.
    compute : Compute, optional
        Workers and progress.
    **options
        Of the method, for example ``sd``, ``max_order``, ``delta``, ``saturated``; see its spec class. Methods without
        covariates take ``by=["year"]``: an estimate for every level on its own, and their sum.

    Returns
    -------
    Posterior
        ``.summary(prob)`` gives the estimate with its verdict, ``.quantile(q)`` quantiles, ``.draws`` draws of N.
        The verdict holds the answer against other methods that allow for dependence (see `checks`); there are no
        rules yet for one register and for persons, whose answers stay without one.

    Raises
    ------
    ModelError
        When the method or an option is unknown, or does not fit the table.
    """
    compute = compute or Compute()
    posterior = run_method(table, method, seed=seed, compute=compute, **options)
    if not isinstance(table, CaptureTable):
        return posterior
    return judged(
        posterior,
        table,
        [run_or_fail(table, check, seed, compute) for check in checks(table, method, options.get("by", ()))],
    )


def compare(
    table: CaptureTable,
    methods: Sequence[Request] | None = None,
    *,
    seed: int = 0,
    prob: float = 0.95,
    compute: Compute | None = None,
) -> pd.DataFrame:
    """Put several methods side by side.

    Parameters
    ----------
    table : CaptureTable
        Who was seen on which lists.
    methods : sequence, optional
        Names, or pairs of a name and its options: ``["average", ("loglinear", {"criterion": "bic_cells"})]``.
        Every method with its defaults when not given, but for those that take minutes and have to be named
        (``multilevel``; beyond five lists ``bootstrap``, ``profile`` and ``latent-class``), and ``search-average``
        where all models can be enumerated.
    seed, compute
        As in `estimate`.
    prob : float
        Probability of the intervals.

    Returns
    -------
    DataFrame
        One row per method: ``method``, ``label``, ``point``, ``low``, ``high``, ``prob``, ``observed``, ``kind``,
        ``interval_contains``, ``status`` ("ok", or why the method gives no answer here).
    """
    slow = ["multilevel", *(["single.bootstrap", "single.profile", "latent-class"] if table.n_lists > 5 else [])]
    slow += ["search-average"] if table.n_lists < 7 else []
    fitting = [name for name, m in METHODS.items() if m.reads == "CaptureTable" and (table.strata or not m.strata)]
    overlap = [name for name in fitting if name not in slow]
    requests: list[Request] = list(overlap) if methods is None else list(methods)
    problems = [p for request in requests for p in _unknown(_split(request)[0])]
    if problems:
        raise ModelError(problems)
    compute = compute or Compute()
    return comparison(table, [run_or_fail(table, request, seed, compute) for request in requests], prob)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request: a posterior, or the reason why there is none."""

    method: str
    label: str
    result: Posterior | MseError


def run_method(table: Table, method: str, *, seed: int, compute: Compute, **options: Any) -> Posterior:
    """Run one estimator without judging its answer; parameters as in `estimate`."""
    from mse.settings.optionchecks import check_seed

    check_seed(seed)
    spec = make_spec(method, options)
    kind = type(table).__name__
    if kind not in (METHODS[method].reads, *METHODS[method].also):
        fitting = ", ".join(name for name, other in METHODS.items() if kind in (other.reads, *other.also))
        raise ModelError(
            Problem(f"the method {method!r} reads a {METHODS[method].reads}, and this is a {kind}",
                    f"for this table: {fitting or 'no method'}", "choose one of these")
        )  # fmt: skip
    estimator = import_module(f"mse.estimators.{METHODS[method].module}").estimate
    if "by" in options and isinstance(table, CaptureTable):
        from mse.estimators.separate import estimate_separately, margin_of

        if METHODS[method].together:
            shared = make_spec(method, {**{k: v for k, v in options.items() if k != "by"}, "strata": True})
            found: Posterior = estimator(margin_of(table, options["by"]), shared, seed=seed, compute=compute)
            said = {**found.spec, "by": ", ".join(options["by"])}
            return replace(found, table=table.name, table_digest=table.digest, spec=said)

        def run(part: CaptureTable, seed: int) -> Posterior:
            alone: Posterior = estimator(part, spec, seed=seed, compute=compute)
            return alone

        return estimate_separately(table, options["by"], run, seed=seed)
    posterior: Posterior = estimator(table, spec, seed=seed, compute=compute)
    return posterior


def make_spec(method: str, options: Mapping[str, Any]) -> object:
    """Return the checked options of a method; `by`, which methods without covariates of their own have, is checked too.

    Raises
    ------
    ModelError
        When the method is unknown, or an option is unknown or out of range.
    """
    problems = _unknown(method)
    if problems:
        raise ModelError(problems)
    entry = METHODS[method]
    spec_class = getattr(import_module(f"mse.estimators.{entry.module}"), entry.spec)
    known = [f.name for f in fields(spec_class)]
    if entry.reads == "CaptureTable" and not entry.strata:
        known.append("by")
        if "by" in options and by_stratum(method, options):
            raise ModelError(Problem("`by` and the strata of the method are both asked for", "one of the two",
                                     "leave out `by` to estimate all strata at once"))  # fmt: skip
        names = options.get("by", ("",))
        if not isinstance(names, list | tuple) or not names or not all(isinstance(x, str) for x in names):
            raise ModelError(Problem("`by` is no list of covariates", 'for example ["year"]', "correct it",
                                     value=str(names)))  # fmt: skip
    problems = [
        Problem(
            "the option is unknown", f"{', '.join(known)} (method {method})", _did_you_mean(name, known), value=name
        )
        for name in options
        if name not in known
    ]
    if problems:
        raise ModelError(problems)
    try:
        spec: object = spec_class(**{name: value for name, value in options.items() if name != "by"})
    except (TypeError, ValueError) as error:
        said = ", ".join(f"{name} = {value!r}" for name, value in options.items())
        raise ModelError(
            Problem(
                "an option has a wrong type", f"the types in the manual of method {method}", "correct it", value=said
            )
        ) from error
    return spec


def by_stratum(method: str, options: Mapping[str, Any]) -> bool:
    """Return whether a method with these options estimates the strata of a table; for others they are summed over."""
    asking = ("strata", "blind", "missing", "unknown")
    return METHODS[method].strata or (METHODS[method].asked and any(options.get(name) for name in asking))


def run_or_fail(table: CaptureTable, request: Request, seed: int, compute: Compute) -> Outcome:
    """Run one request; a method that does not fit the table is an outcome, not an exception."""
    method, options = _split(request)
    label = label_of(method, options)
    if table.strata and method in METHODS and not by_stratum(method, options) and "by" not in options:
        table = table.collapse()
    try:
        return Outcome(method, label, run_method(table, method, seed=seed, compute=compute, **options))
    except MseError as error:
        return Outcome(method, label, error)


def label_of(method: str, options: Mapping[str, Any]) -> str:
    """Return the name of a method with its options, for tables and figures."""
    if method == "loglinear" and options.get("model"):
        return f"log-linear model {options['model']}"
    shown = {name: " and ".join(value) if name == "by" else value for name, value in options.items()}
    said = ", ".join(_IN_WORDS.get(words, words) for words in (f"{name} {v}" for name, v in shown.items()))
    return METHODS[method].label + (f" ({said})" if said else "")


def checks(table: CaptureTable, method: str, by: Sequence[str] = ()) -> list[Request]:
    """Return what an answer by `method` is held against on this table: cheap methods that allow for dependence.

    An answer that is the sum of separate estimates, `by` covariates, is held against sums of the same kind.
    """
    if table.n_lists < 3 or table.n_lists > 6:
        return []
    order: dict[str, Any] = {"max_order": 2} if table.n_lists == 6 else {}
    apart: dict[str, Any] = {"by": list(by)} if by else {}
    averages = ["decomposable", *(["average"] if table.n_lists < 6 else [])]
    return [
        ("loglinear", {"criterion": "bic", **order, **apart}),
        ("loglinear", {"criterion": "bic_cells", **order, **apart}),
        *((other, apart) if apart else other for other in averages if other != method),
    ]


def judged(
    posterior: Posterior,
    table: CaptureTable,
    others: Sequence[Outcome],
    thresholds: Thresholds | None = None,
    assessment: Mapping[str, pd.DataFrame] | None = None,
    time: str | None = None,
) -> Posterior:
    """Return the posterior with its verdict, held against the outcomes that allow for dependence and the assessment.

    `table` has its strata where the posterior has any, whose parts are then judged too; `time` names one of them.
    """
    from mse.assess.findings import not_settled
    from mse.assess.verdict import Thresholds, judge

    held_against = {
        o.label: o.result
        for o in others
        if not isinstance(o.result, MseError) and METHODS[o.method].basis != "assumed" and math.isfinite(o.result.point)
        and not_settled(o.result, thresholds or Thresholds()) is None
    }  # fmt: skip
    basis = METHODS[posterior.method].basis
    return replace(posterior, verdict=judge(posterior, table, held_against, basis, thresholds, assessment, time))


def comparison(table: CaptureTable, outcomes: Sequence[Outcome], prob: float) -> pd.DataFrame:
    """Return the outcomes as a data frame, columns as in `compare`; an answer with a verdict keeps its number."""
    import pandas as pd

    from mse.assess.findings import not_settled
    from mse.assess.verdict import Thresholds

    rows = []
    for o in outcomes:
        row: dict[str, object] = {"method": o.method, "label": o.label}
        failure = o.result.problems[0].found if isinstance(o.result, MseError) else None
        if not isinstance(o.result, MseError) and o.result.verdict is None:
            # Nobody judges a method that stands beside the headline: chains that do not agree give no number.
            reason = not_settled(o.result, Thresholds())
            failure = None if reason is None else reason.text
        if isinstance(o.result, MseError) or failure is not None:
            nothing = dict.fromkeys(("point", "low", "high"), math.nan)
            rows.append({**row, **nothing, "prob": prob, "observed": table.observed, "kind": "",
                         "interval_contains": "", "status": failure})  # fmt: skip
            continue
        e = o.result.summary(prob)
        rows.append({**row, "point": e.point, "low": e.low, "high": e.high, "prob": prob, "observed": e.observed,
                     "kind": e.kind, "interval_contains": "; ".join(e.inside), "status": "ok"})  # fmt: skip
    return pd.DataFrame(rows)


def _split(request: Request) -> tuple[str, Mapping[str, Any]]:
    return (request, {}) if isinstance(request, str) else request


def _unknown(method: str) -> list[Problem]:
    if method in METHODS:
        return []
    return [
        Problem("the method is unknown", ", ".join(METHODS), _did_you_mean(str(method), METHODS), value=str(method))
    ]


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}" if near else "choose one of these"
