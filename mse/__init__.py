"""Multiple systems estimation: from an overlap table to what may be said in public.

The flow, one call per stage::

    table = mse.load_table("uk-2013-5")              # or mse.CaptureTable.from_csv("my-table.csv")
    posterior = mse.estimate(table, seed=1)          # the method is chosen by the table: shrinkage, departures inside
    estimate = posterior.summary(prob=0.95)          # point, interval, what is inside it, verdict
    others = mse.compare(table)                      # every method side by side
    results = mse.run_job(mse.read_job("job.toml"))  # the same from a file: from registers or a table to a report
    results = mse.assess_results(results)            # how far it may be believed

Names are imported when they are first used: ``import mse`` loads none of the heavy libraries.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mse.answers.distribution import Distribution as Distribution
    from mse.answers.estimates import Estimate as Estimate
    from mse.answers.estimates import Reason as Reason
    from mse.answers.estimates import Verdict as Verdict
    from mse.answers.posterior import Posterior as Posterior
    from mse.answers.results import Results as Results
    from mse.answers.results import read_results as read_results
    from mse.answers.results import write_results as write_results
    from mse.assess.calibrated import calibrated as calibrated
    from mse.assess.knownsizes import known_sizes as known_sizes
    from mse.assess.rules import Thresholds as Thresholds
    from mse.assess.verdict import judge as judge
    from mse.computing.parallel import Compute as Compute
    from mse.computing.provenance import __version__ as __version__
    from mse.errors import InputError as InputError
    from mse.errors import ModelError as ModelError
    from mse.errors import MseError as MseError
    from mse.estimators.doublyrobust.onepair import DoublyRobustSpec as DoublyRobustSpec
    from mse.estimators.doublyrobust.pairs import compare_pairs as compare_pairs
    from mse.estimators.multilevel.openmodel import multilevel_model as multilevel_model
    from mse.estimators.multilevel.priorpredictive import prior_predictive as prior_predictive
    from mse.estimators.repeats.countfit import compare_families as compare_families
    from mse.estimators.repeats.oneregister import RepeatsSpec as RepeatsSpec
    from mse.estimators.single.fitted import LoglinearFit as LoglinearFit
    from mse.estimators.single.fitted import fit_model as fit_model
    from mse.estimators.single.profile import profile_interval as profile_interval
    from mse.estimators.single.selection import rank_models as rank_models
    from mse.evidence.surveydesign import SurveyDesign as SurveyDesign
    from mse.evidence.surveyways import survey as survey
    from mse.intake.taking import take_in as take_in
    from mse.jobs.chainjob import ChainJob as ChainJob
    from mse.jobs.chainjob import chain as chain
    from mse.jobs.chainjob import read_chain_job as read_chain_job
    from mse.jobs.figurejob import FiguresJob as FiguresJob
    from mse.jobs.figurejob import figures as figures
    from mse.jobs.figurejob import read_figures as read_figures
    from mse.jobs.forecast import Plan as Plan
    from mse.jobs.forecast import plan as plan
    from mse.jobs.job import Job as Job
    from mse.jobs.job import read_job as read_job
    from mse.jobs.policyjob import PolicyJob as PolicyJob
    from mse.jobs.policyjob import policy as policy
    from mse.jobs.policyjob import read_policy_job as read_policy_job
    from mse.jobs.questionnairejob import questionnaire as questionnaire
    from mse.jobs.questionnairejob import read_questionnaire as read_questionnaire
    from mse.jobs.revising import revision as revision
    from mse.jobs.running import assess_results as assess_results
    from mse.jobs.running import run_job as run_job
    from mse.manytables import estimate_many as estimate_many
    from mse.methods import compare as compare
    from mse.methods import estimate as estimate
    from mse.publish.chainfiles import write_chain as write_chain
    from mse.publish.changes import compare_results as compare_results
    from mse.publish.citing import cite as cite
    from mse.publish.figures.figurefiles import write_figures as write_figures
    from mse.publish.plotting import plot as plot
    from mse.publish.policy.measurepage import write_policy as write_policy
    from mse.publish.questionnaires.questionnairefiles import write_questionnaire as write_questionnaire
    from mse.publish.release.bundle import write_release as write_release
    from mse.publish.release.verification import verify_release as verify_release
    from mse.publish.releaseseries import read_series as read_series
    from mse.publish.releaseseries import write_series as write_series
    from mse.publish.report.html import render_report as render_report
    from mse.publish.revisionfiles import write_revision as write_revision
    from mse.publish.takeaway import take_away as take_away
    from mse.shipped import list_tables as list_tables
    from mse.shipped import load_repeats as load_repeats
    from mse.shipped import load_table as load_table
    from mse.shipped import read_table as read_table
    from mse.shipped import table_info as table_info
    from mse.simulate.national import simulate_captures as simulate_captures
    from mse.simulate.section import national_spec as national_spec
    from mse.tables.captures import CaptureTable as CaptureTable
    from mse.tables.histories import HistoryTable as HistoryTable
    from mse.tables.persons import PersonTable as PersonTable
    from mse.tables.repeats import RepeatCounts as RepeatCounts
    from mse.terms import Model as Model

_HOMES = {
    "__version__": "computing.provenance",
    "CaptureTable": "tables.captures",
    "ChainJob": "jobs.chainjob",
    "Compute": "computing.parallel",
    "Distribution": "answers.distribution",
    "DoublyRobustSpec": "estimators.doublyrobust.onepair",
    "Estimate": "answers.estimates",
    "FiguresJob": "jobs.figurejob",
    "HistoryTable": "tables.histories",
    "InputError": "errors",
    "Job": "jobs.job",
    "LoglinearFit": "estimators.single.fitted",
    "Model": "terms",
    "ModelError": "errors",
    "MseError": "errors",
    "PersonTable": "tables.persons",
    "Plan": "jobs.forecast",
    "PolicyJob": "jobs.policyjob",
    "Posterior": "answers.posterior",
    "Reason": "answers.estimates",
    "RepeatCounts": "tables.repeats",
    "RepeatsSpec": "estimators.repeats.oneregister",
    "Results": "answers.results",
    "SurveyDesign": "evidence.surveydesign",
    "Thresholds": "assess.rules",
    "Verdict": "answers.estimates",
    "assess_results": "jobs.running",
    "calibrated": "assess.calibrated",
    "chain": "jobs.chainjob",
    "cite": "publish.citing",
    "compare": "methods",
    "compare_families": "estimators.repeats.countfit",
    "compare_pairs": "estimators.doublyrobust.pairs",
    "compare_results": "publish.changes",
    "estimate": "methods",
    "figures": "jobs.figurejob",
    "estimate_many": "manytables",
    "fit_model": "estimators.single.fitted",
    "judge": "assess.verdict",
    "known_sizes": "assess.knownsizes",
    "list_tables": "shipped",
    "load_repeats": "shipped",
    "load_table": "shipped",
    "multilevel_model": "estimators.multilevel.openmodel",
    "national_spec": "simulate.section",
    "plan": "jobs.forecast",
    "plot": "publish.plotting",
    "policy": "jobs.policyjob",
    "prior_predictive": "estimators.multilevel.priorpredictive",
    "profile_interval": "estimators.single.profile",
    "questionnaire": "jobs.questionnairejob",
    "rank_models": "estimators.single.selection",
    "read_chain_job": "jobs.chainjob",
    "read_figures": "jobs.figurejob",
    "read_job": "jobs.job",
    "read_policy_job": "jobs.policyjob",
    "read_questionnaire": "jobs.questionnairejob",
    "read_results": "answers.results",
    "read_series": "publish.releaseseries",
    "read_table": "shipped",
    "render_report": "publish.report.html",
    "revision": "jobs.revising",
    "run_job": "jobs.running",
    "simulate_captures": "simulate.national",
    "table_info": "shipped",
    "take_away": "publish.takeaway",
    "take_in": "intake.taking",
    "verify_release": "publish.release.verification",
    "survey": "evidence.surveyways",
    "write_chain": "publish.chainfiles",
    "write_figures": "publish.figures.figurefiles",
    "write_policy": "publish.policy.measurepage",
    "write_questionnaire": "publish.questionnaires.questionnairefiles",
    "write_release": "publish.release.bundle",
    "write_results": "answers.results",
    "write_revision": "publish.revisionfiles",
    "write_series": "publish.releaseseries",
}
__all__ = [name for name in _HOMES if not name.startswith("_")]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mse' has no attribute {name!r}")
    value = getattr(import_module(f"mse.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
