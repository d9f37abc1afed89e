"""One call for every method: estimate, check against other methods, judge."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mse.assess.registerverdict import judged_register
from mse.computing.parallel import Compute, silent
from mse.computing.progress import if_watched
from mse.errors import ModelError, MseError, Problem
from mse.estimators.automatic import choose
from mse.estimators.methodspecs import by_stratum as by_stratum
from mse.estimators.methodspecs import make_spec as make_spec
from mse.estimators.methodspecs import named, unknown_method
from mse.estimators.naming import label_of as label_of
from mse.estimators.registry import ALL_ORDERS, Basis
from mse.estimators.registry import METHODS as METHODS
from mse.settings.specchecks import check_value
from mse.settings.specfields import Seed
from mse.shipped import read_table
from mse.tables.captures import CaptureTable
from mse.tables.checks import MAX_LISTS
from mse.tables.histories import HistoryTable
from mse.tables.repeats import RepeatCounts
from mse.words.said import Said, as_said, from_json, said, to_json

if TYPE_CHECKING:
    import pandas as pd

    from mse.answers.posterior import Posterior
    from mse.answers.referees import Referee
    from mse.assess.rules import Thresholds
    from mse.tables.persons import PersonTable


AVERAGED: tuple[Basis, ...] = ("models", "identified")
"""What rests on many models, or on one with all terms."""

type Table = CaptureTable | HistoryTable | RepeatCounts | PersonTable
"""What a method may read."""

Request = str | tuple[str, Mapping[str, Any]]
"""A method by name, or by name with options."""


def estimate(
    table: Table | Any, method: str | object = "auto", *, seed: int = 0, compute: Compute | None = None, **options: Any
) -> Posterior:
    """Estimate the size of the population behind a table, and judge the answer.

    Parameters
    ----------
    table : CaptureTable, HistoryTable, RepeatCounts or PersonTable
        Who was seen on which lists; how often in one register; or persons with covariates. The name of a public table,
        the path of a file, a data frame or an array are read first, as `mse.read_table` does.
    method : str or spec
        A name of the registry (`mse.estimators.registry`): ``"average"``, ``"shrinkage"``, ``"loglinear"``, …;
        ``"auto"``, the default, chooses by its rule `CHOICES`, for a table of lists shrinkage with learned departures.
        The spec of a method, ``LoglinearSpec(criterion="aic")``, stands for the method with these options.
    seed : int
        Seed of everything random; the same seed gives the same answer whatever the number of workers.
    compute : Compute, optional
        Workers and progress.
    **options
        Of the method, for example ``sd``, ``max_order``, ``delta``, ``saturated``; see its spec class. Methods without
        covariates take ``by=["year"]``: an estimate for every level on its own, and their sum. ``departures=True``
        puts learned departures from the identifying assumption into the interval, where there are any.

    Returns
    -------
    Posterior
        ``.summary(prob)`` gives the estimate with its verdict, ``.quantile(q)`` quantiles, ``.draws`` draws of N.
        The verdict holds the answer against other methods that allow for dependence (see `checks`); one register has
        rules of its own (`mse.assess.registerverdict`), and there are none yet for persons, whose answers stay without.
        ``.chosen`` says what was chosen and why, ``.identified`` is the law of N if the identifying assumption held
        exactly.

    Raises
    ------
    ModelError
        When the method or an option is unknown, or does not fit the table.
    """
    table = read_table(table)
    compute = compute or if_watched()
    method, given = named(method, options)
    posterior = run_method(table, method, seed=seed, compute=compute, **given)
    if isinstance(table, RepeatCounts):
        return judged_register(posterior, table)
    if not isinstance(table, CaptureTable):
        return judged(posterior, table, ()) if isinstance(table, HistoryTable) else posterior
    asked = checks(table, posterior.method, given.get("by", ()))
    return _verdict(posterior, table, _referees(posterior, table, asked, seed, compute))


def _referees(
    posterior: Posterior, table: CaptureTable, requests: Sequence[Request], seed: int, compute: Compute
) -> dict[str, Referee]:
    """Return what the verdict reads of the answers that it asks for, as far as it depends on them."""
    from mse.assess.refereeing import Asked, added_exactly, added_roughly, settled
    from mse.assess.rules import usual_thresholds
    from mse.estimators.separate import parts_by

    flat = table.collapse() if table.strata else table
    asked: dict[str, Asked] = {}
    parts: list[CaptureTable] | None = None
    for request in requests:
        method, options = _split(request)
        home = import_module(f"mse.estimators.{METHODS[method].answers_referee}")
        spec = make_spec(method, {name: value for name, value in options.items() if name != "by"})
        where = compute if compute.progress is silent else compute.within(label_of(method, options))
        with suppress(MseError):
            if "by" in options:
                parts = parts_by(table, options["by"]) if parts is None else parts
                rough = added_roughly(parts, spec, home, seed)
                asked[repr(request)] = Asked(rough, partial(added_exactly, parts, spec, home, seed))
            else:
                answer = partial(home.referee, flat, spec, seed=seed, compute=where)
                asked[repr(request)] = Asked(answer(rough=True), partial(answer, rough=False))
    return settled(posterior, asked, usual_thresholds())


def compare(
    table: CaptureTable | Any,
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
        Who was seen on which lists; or what `mse.read_table` makes one of.
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
        ``interval_contains``, ``status`` ("ok", or why the method gives no answer here), ``said`` (the words of
        the row as codes with values, JSON), ``fit`` (empty, or how badly a single model fits), and ``summed_over``
        (the covariates whose levels were added up).
    """
    import pandas as pd

    from mse.assess.tablefindings import bad_fit

    table = _of_lists(table)
    requests: list[Request] = list(usual_methods(table) if methods is None else methods)
    problems = [p for request in requests for p in unknown_method(_split(request)[0])]
    if problems:
        raise ModelError(problems)
    compute = compute or if_watched()
    outcomes = [run_or_fail(table, request, seed, compute) for request in requests]
    rows = pd.DataFrame(comparison_rows(table, outcomes, prob))
    fits = [None if isinstance(o.result, MseError) else bad_fit(o.result) for o in outcomes]
    rows["fit"] = ["" if fit is None else str(fit) for fit in fits]
    rows["said"] = [
        told if fit is None else to_json([*from_json(told).items(), ("fit", fit)])
        for told, fit in zip(rows["said"], fits, strict=True)
    ]
    rows["summed_over"] = [_summed(table, *_split(request)) for request in requests]
    return rows


def usual_methods(table: CaptureTable) -> tuple[str, ...]:
    """Return the methods that are put side by side on a table where none are named."""
    return tuple(name for name, row in METHODS.items() if row.compared(table.n_lists, bool(table.strata)))


def _of_lists(source: Any) -> CaptureTable:
    """Return the table of lists that a source is or holds."""
    table = read_table(source)
    if not isinstance(table, CaptureTable):
        allowed = said("allowed.overlap_table_2_lists", max_lists=MAX_LISTS)
        raise ModelError(Problem(said("found.methods_cannot_put_side", name=type(table).__name__), allowed,
                                 said("do.estimate_each_method_its")))  # fmt: skip
    return table


def _summed(table: CaptureTable, method: str, options: Mapping[str, Any]) -> str:
    return "" if by_stratum(method, options) else ", ".join(x for x in table.strata if x not in options.get("by", ()))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one request: a posterior, or the reason why there is none."""

    method: str
    label: Said
    result: Posterior | MseError


def run_method(
    table: Table, method: str, *, seed: int, compute: Compute, way: str = "estimate", **options: Any
) -> Posterior:
    """Run one estimator without judging its answer, in a `way` of its own where it has one: beside another, undrawn."""
    if type(seed) is not int or seed < 0:
        check_value("seed", seed, Seed)
    spec = make_spec(method, options)
    kind = type(table).__name__
    if kind not in (METHODS[method].reads, *METHODS[method].also):
        fitting = ", ".join(name for name, other in METHODS.items() if kind in (other.reads, *other.also))
        raise ModelError(
            Problem(said("found.method_reads", method=repr(method), reads=METHODS[method].reads, kind=kind),
                    said("allowed.table", fitting=fitting or said("allowed.no_method")), said("do.choose_one_these"))
        )  # fmt: skip
    if method == "auto":
        return _chosen(table, options, seed, compute)
    if options.get("departures"):
        return _departing(table, method, options, seed, compute)
    home = import_module(f"mse.estimators.{METHODS[method].module}")
    estimator = getattr(home, way, home.estimate)
    if "by" in options and isinstance(table, CaptureTable):
        from mse.estimators.separate import estimate_separately, margin_of

        if METHODS[method].together:
            shared = make_spec(method, {**{k: v for k, v in options.items() if k != "by"}, "strata": True})
            found: Posterior = estimator(margin_of(table, options["by"]), shared, seed=seed, compute=compute)
            shown = {**found.spec, "by": ", ".join(options["by"])}
            return replace(found, table=table.name, table_digest=table.digest, spec=shown)

        run = partial(_part_alone, method, spec)
        return estimate_separately(table, options["by"], run, seed=seed, compute=compute or Compute())
    posterior: Posterior = estimator(table, spec, seed=seed, compute=compute)
    return posterior


def _part_alone(method: str, spec: object, part: CaptureTable, seed: int, compute: Compute) -> Posterior:
    """Estimate one of several tables that are added up."""
    home = import_module(f"mse.estimators.{METHODS[method].module}")
    answer: Posterior = getattr(home, "estimate_part", home.estimate)(part, spec, seed=seed, compute=compute)
    return answer


def _chosen(table: Table, options: Mapping[str, Any], seed: int, compute: Compute) -> Posterior:
    """Return the answer of the method that `auto` chooses; covariates that nobody asks for are summed over."""
    found = choose(table, options)
    summed: tuple[str, ...] = ()
    if isinstance(table, CaptureTable) and not by_stratum(found.method, options) and "by" not in options:
        summed, table = tuple(table.strata), table.collapse() if table.strata else table
    answer = run_method(table, found.method, seed=seed, compute=compute, **found.options)
    told = (said("note.summed_strata", names=list(summed)),) if summed else ()
    return replace(answer, chosen=found.why, notes=(*answer.notes, *told))


def _departing(table: Table, method: str, options: Mapping[str, Any], seed: int, compute: Compute) -> Posterior:
    """Return an answer with learned departures inside, and with the law if the identifying assumption held exactly."""
    from mse.assess.headlines import with_departures

    assert isinstance(table, CaptureTable | HistoryTable)
    plain = {name: value for name, value in options.items() if name != "departures"}
    taking = METHODS[method].identified or {}
    answer = run_method(table, method, seed=seed, compute=compute, way="estimate_undrawn", **plain)
    held = answer.distribution
    if taking and table.n_lists <= ALL_ORDERS and isinstance(table, CaptureTable):
        if answer.strata is None:
            module = import_module(f"mse.estimators.{METHODS[method].module}")
            held = module.identified_law(table, make_spec(method, plain))
        else:
            held = run_method(table, method, seed=seed, compute=compute, **plain, **taking).distribution
    return with_departures(answer, table, held)


def run_or_fail(table: CaptureTable, request: Request, seed: int, compute: Compute) -> Outcome:
    """Run one request; a method that does not fit the table is an outcome, not an exception."""
    method, options = _split(request)
    label = label_of(method, options)
    if table.strata and method in METHODS and not by_stratum(method, options) and "by" not in options:
        table = table.collapse()
    try:
        where = compute.within(label)
        return Outcome(
            method, label, run_method(table, method, seed=seed, compute=where, way="estimate_beside", **options)
        )
    except MseError as error:
        return Outcome(method, label, error)


def checks(table: CaptureTable, method: str, by: Sequence[str] = ()) -> list[Request]:
    """Return what an answer by `method` is held against on this table: cheap methods that allow for dependence.

    An answer that is the sum of separate estimates, `by` covariates, is held against sums of the same kind.
    """
    referees = [(name, row) for name, row in METHODS.items() if row.referee and table.n_lists <= row.referee_lists]
    referees.reverse()
    if table.n_lists < 3 or not referees:
        return []
    apart: dict[str, Any] = {"by": list(by)} if by else {}
    found: list[Request] = []
    # One model is held against an average in any case, an average never against itself.
    for name, row in sorted(referees, key=lambda item: item[1].basis in AVERAGED):
        if row.basis in AVERAGED and name == method:
            continue
        order: dict[str, Any] = {"max_order": 2} if row.basis == "one model" and table.n_lists == 6 else {}
        for options in row.referee:
            given = {**options, **order, **apart}
            found.append((name, given) if given else name)
    return found


def judged(
    posterior: Posterior,
    table: CaptureTable | HistoryTable,
    others: Sequence[Outcome],
    thresholds: Thresholds | None = None,
    assessment: Mapping[str, pd.DataFrame] | None = None,
    time: str | None = None,
) -> Posterior:
    """Return the posterior with its verdict, held against the outcomes that allow for dependence and the assessment.

    `table` has its strata where the posterior has any, whose parts are then judged too; `time` names one of them. The
    known sizes of the table itself are held against what its other lists give, unless the assessment has done so.
    """
    from mse.assess.findings import not_settled
    from mse.assess.rules import usual_thresholds

    held_against = {
        str(o.label): o.result
        for o in others
        if not isinstance(o.result, MseError) and METHODS[o.method].basis != "assumed" and math.isfinite(o.result.point)
        and not_settled(o.result, thresholds or usual_thresholds()) is None
    }  # fmt: skip
    return _verdict(posterior, table, held_against, thresholds, assessment, time)


def _verdict(
    posterior: Posterior,
    table: CaptureTable | HistoryTable,
    others: Mapping[str, Posterior | Referee],
    thresholds: Thresholds | None = None,
    assessment: Mapping[str, pd.DataFrame] | None = None,
    time: str | None = None,
) -> Posterior:
    """Return the posterior with its verdict; arguments as in `judged`, the others by name."""
    from mse.assess.knownsizes import quick_consistency
    from mse.assess.rules import usual_thresholds
    from mse.assess.verdict import judge

    basis: Basis = "models" if posterior.identified is not None else METHODS[posterior.method].basis
    if METHODS[posterior.method].stands_for_unseen:
        limits = thresholds or usual_thresholds()
        thresholds = replace(limits, visited=(limits.visited[0], 0.0))
    known = None if "consistency" in (assessment or {}) else quick_consistency(table)
    return replace(posterior, verdict=judge(posterior, table, others, basis, thresholds, assessment, time, known))


def comparison_rows(
    table: CaptureTable | Posterior, outcomes: Sequence[Outcome], prob: float
) -> list[dict[str, object]]:
    """Return the outcomes as rows, columns as in `compare`; an answer with a verdict keeps its number."""
    from mse.assess.findings import not_settled
    from mse.assess.rules import usual_thresholds

    rows = []
    for o in outcomes:
        label = ("label", o.label)
        row: dict[str, object] = {"method": o.method, "label": str(o.label)}
        failure = as_said(o.result.problems[0].found) if isinstance(o.result, MseError) else None
        if not isinstance(o.result, MseError) and o.result.verdict is None:
            # Nobody judges a method that stands beside the headline: chains that do not agree give no number.
            reason = not_settled(o.result, usual_thresholds())
            failure = None if reason is None else reason.said
        if isinstance(o.result, MseError) or failure is not None:
            assert failure is not None
            nothing = dict.fromkeys(("point", "low", "high"), math.nan)
            rows.append({**row, **nothing, "prob": prob, "observed": table.observed, "kind": "",
                         "interval_contains": "", "status": str(failure),
                         "said": to_json([label, ("status", failure)])})  # fmt: skip
            continue
        e = o.result.summary(prob)
        codes = to_json([label, ("kind", e.kind), ("interval_contains", e.inside)])
        rows.append({**row, "point": e.point, "low": e.low, "high": e.high, "prob": prob, "observed": e.observed,
                     "kind": str(e.kind), "interval_contains": "; ".join(map(str, e.inside)), "status": "ok",
                     "said": codes})  # fmt: skip
    return rows


def _split(request: Request) -> tuple[str, Mapping[str, Any]]:
    return (request, {}) if isinstance(request, str) else request
