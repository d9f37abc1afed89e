"""Multiple systems estimation: from an overlap table to what may be said in public.

The flow, one call per stage::

    table = mse.load_table("uk-2013-5")              # or mse.CaptureTable.from_csv("my-table.csv")
    posterior = mse.estimate(table, seed=1)          # the average over every hierarchical log-linear model
    estimate = posterior.summary(prob=0.95)          # point, interval, what is inside it, verdict
    others = mse.compare(table)                      # every method side by side
    results = mse.run_job(mse.read_job("job.toml"))  # the same from a file: from registers or a table to a report
    results = mse.assess_results(results)            # how far it may be believed

Names are imported when they are first used: ``import mse`` loads none of the heavy libraries.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mse.assess.calibrated import calibrated as calibrated
    from mse.assess.knownsizes import known_sizes as known_sizes
    from mse.assess.verdict import Thresholds as Thresholds
    from mse.assess.verdict import judge as judge
    from mse.captures import CaptureTable as CaptureTable
    from mse.distribution import Distribution as Distribution
    from mse.errors import InputError as InputError
    from mse.errors import ModelError as ModelError
    from mse.errors import MseError as MseError
    from mse.estimates import Estimate as Estimate
    from mse.estimates import Reason as Reason
    from mse.estimates import Verdict as Verdict
    from mse.estimation import compare as compare
    from mse.estimation import estimate as estimate
    from mse.estimators.doublyrobust import DoublyRobustSpec as DoublyRobustSpec
    from mse.estimators.doublyrobust.pairs import compare_pairs as compare_pairs
    from mse.estimators.fitted import LoglinearFit as LoglinearFit
    from mse.estimators.fitted import fit_model as fit_model
    from mse.estimators.repeats import RepeatsSpec as RepeatsSpec
    from mse.estimators.repeats.checks import compare_families as compare_families
    from mse.estimators.selection import rank_models as rank_models
    from mse.intake.taking import take_in as take_in
    from mse.jobruns import assess_results as assess_results
    from mse.jobruns import run_job as run_job
    from mse.jobs import Job as Job
    from mse.jobs import read_job as read_job
    from mse.parallel import Compute as Compute
    from mse.persons import PersonTable as PersonTable
    from mse.posterior import Posterior as Posterior
    from mse.publish.changes import compare_results as compare_results
    from mse.publish.release import write_release as write_release
    from mse.publish.report import render_report as render_report
    from mse.publish.verification import verify_release as verify_release
    from mse.registrations import RepeatCounts as RepeatCounts
    from mse.results import Results as Results
    from mse.results import read_results as read_results
    from mse.results import write_results as write_results
    from mse.shipped import list_tables as list_tables
    from mse.shipped import load_repeats as load_repeats
    from mse.shipped import load_table as load_table
    from mse.shipped import table_info as table_info
    from mse.simulate.national import simulate_captures as simulate_captures
    from mse.terms import Model as Model

_HOMES = {
    "CaptureTable": "captures",
    "Compute": "parallel",
    "Distribution": "distribution",
    "DoublyRobustSpec": "estimators.doublyrobust",
    "Estimate": "estimates",
    "InputError": "errors",
    "Job": "jobs",
    "LoglinearFit": "estimators.fitted",
    "Model": "terms",
    "ModelError": "errors",
    "MseError": "errors",
    "PersonTable": "persons",
    "Posterior": "posterior",
    "Reason": "estimates",
    "RepeatCounts": "registrations",
    "RepeatsSpec": "estimators.repeats",
    "Results": "results",
    "Thresholds": "assess.verdict",
    "Verdict": "estimates",
    "assess_results": "jobruns",
    "calibrated": "assess.calibrated",
    "compare": "estimation",
    "compare_families": "estimators.repeats.checks",
    "compare_pairs": "estimators.doublyrobust.pairs",
    "compare_results": "publish.changes",
    "estimate": "estimation",
    "fit_model": "estimators.fitted",
    "judge": "assess.verdict",
    "known_sizes": "assess.knownsizes",
    "list_tables": "shipped",
    "load_repeats": "shipped",
    "load_table": "shipped",
    "rank_models": "estimators.selection",
    "read_job": "jobs",
    "read_results": "results",
    "render_report": "publish.report",
    "run_job": "jobruns",
    "simulate_captures": "simulate.national",
    "table_info": "shipped",
    "take_in": "intake.taking",
    "verify_release": "publish.verification",
    "write_release": "publish.release",
    "write_results": "results",
}
__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mse' has no attribute {name!r}")
    value = getattr(import_module(f"mse.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
