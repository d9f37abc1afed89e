"""A job carried out: from its table to results that can be written and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mse.captures import CaptureTable
from mse.estimation import METHODS, Outcome, Request, checks, comparison, judged, label_of, run_method, run_or_fail
from mse.jobs import Job, load_job_table
from mse.parallel import Compute
from mse.provenance import file_digest, versions
from mse.results import Results
from mse.shipped import TableInfo


def run_job(job: Job, compute: Compute | None = None) -> Results:
    """Carry out a job: estimate, compare, judge; nothing is written.

    Raises
    ------
    MseError
        When the table or the headline method does not work; another method that fails is a row that says so.
    """
    from mse.assess.verdict import Thresholds

    compute = compute or Compute()
    whole, info = load_job_table(job)
    table = whole.collapse() if whole.strata else whole
    seed, prob = job.run.seed, job.run.prob
    method, options = job.estimate.method, job.estimate.options
    strata = METHODS[method].strata
    with job.file.blame(("estimate", "model"), ("estimate", "method"), ("estimate",)):
        headline = run_method(whole if strata else table, method, seed=seed, compute=compute, **options)
    if whole.strata and not strata:
        summed = f"summed over the covariates {', '.join(whole.strata)}: this method takes none"
        headline = replace(headline, notes=(*headline.notes, summed))
    asked: list[Request] = (
        [*checks(table, method), "sample-coverage", "chao", "independence"]
        if job.compare is None
        else [(c.method, c.options) for c in job.compare]
    )
    others = [run_or_fail(whole, r, seed, compute) for r in asked if r not in (method, (method, options))]
    given = job.verdict.model_dump(exclude_none=True)
    headline = judged(headline, table, others, Thresholds(**given))
    rows = comparison(
        table,
        [Outcome(method, label_of(method, {} if METHODS[method].basis == "models" else options), headline), *others],
        prob,
    )
    rows.insert(2, "headline", [True] + [False] * len(others))
    return Results(headline, rows, _provenance(job, table, info, headline.spec, headline.diagnostics))


def _provenance(
    job: Job, table: CaptureTable, info: TableInfo | None, spec: Mapping[str, object], diagnostics: Mapping[str, float]
) -> dict[str, Any]:
    """Return the record of inputs, settings and versions that is stored with the results."""
    about: dict[str, Any] = {
        "name": table.name,
        "digest": table.digest,
        "observed": table.observed,
        "public": info is not None,
    }
    titles: Mapping[str, str] = {}
    if info is not None:
        sources = [{"title": x} | ({"path": info.addresses[x]} if x in info.addresses else {}) for x in info.sources]
        about |= {"title": info.title, "sources": sources, "notes": list(info.notes)}
        about |= {k: info.mse[k] for k in ("population", "territory", "period", "publisher") if k in info.mse}
        titles = info.list_titles
    elif job.table.path is not None:
        about["file"] = {"name": job.table.path.name, "sha256": file_digest(job.table.path)}
    about["lists"] = [{"name": name, "title": titles.get(name, name)} for name in table.lists]
    report = job.report.model_dump(exclude_none=True)
    about |= {k: report[k] for k in ("publisher",) if k in report}
    counts = {
        "+".join(x for j, x in enumerate(table.lists) if (h + 1) >> j & 1): int(c)
        for h, c in enumerate(table.counts[0]) if c
    }  # fmt: skip
    return {
        "title": job.title or about.get("title") or table.name,
        "table": about,
        "overlap": {"lists": list(table.lists), "counts": counts},
        "job": job.model_dump(mode="json", exclude_none=True),
        "report": report,
        "seed": job.run.seed,
        "prob": job.run.prob,
        "estimator": dict(spec),
        "diagnostics": dict(diagnostics),
        "versions": versions(),
    }
