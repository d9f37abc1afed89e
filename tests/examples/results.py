"""Made-up results of realistic shape for the tests of the publishing room. The numbers are NOT estimates."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from mse.answers.distribution import Distribution
from mse.answers.estimates import Level, Reason, Verdict
from mse.answers.posterior import ModelWeights, Posterior
from mse.answers.results import Results
from mse.shipped import shipped_path
from mse.words.said import as_said, said, to_json, verbatim
from tests.examples.recorded import recorded

CHECKED = (
    "lists",
    "observed",
    "pair_share",
    "humps",
    "disagreement",
    "prior",
    "width",
    "grid_end",
    "sampling",
    "below_observed",
    "one_model",
    "dependence",
    "narrower",
    "correction",
    "monte_carlo",
)


MEDIAN, PROFILE = said("kind.posterior"), verbatim("maximum likelihood and profile interval")


def reason(code: str, level: Level, figure: float, caution: float, forbid: float, **more: float) -> Reason:
    """Return a finding as older results have it, whose words must not reach the page: the catalogue has its own."""
    figures = {"figure": figure, "caution_from": caution, "forbid_from": forbid, **more}
    return Reason(code, level, figures, told="words of the rule")


def mixture(observed: int, parts: Sequence[tuple[float, float, float]]) -> Distribution:
    """Return observed + a mixture of log-normals, given as (weight, centre, log sd)."""
    unseen = np.geomspace(
        min(c * np.exp(-6 * s) for _, c, s in parts), max(c * np.exp(6 * s) for _, c, s in parts), 4000
    )
    mass = sum(w / s * np.exp(-0.5 * (np.log(unseen / c) / s) ** 2) for w, c, s in parts)
    return Distribution.from_mass(observed + unseen, mass)


def overlap_of(table: str) -> dict[str, Any]:
    with (shipped_path("data", table) / "table.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lists = [name for name in rows[0] if name != "count"]
    return {
        "lists": lists,
        "counts": {"+".join(name for name in lists if row[name] == "1"): int(row["count"]) for row in rows},
    }


def comparison(rows: Sequence[tuple[Any, ...]], observed: int) -> pd.DataFrame:
    """Return the frame that ``mse.compare`` gives, from (method, label, point, low, high, kind, status)."""
    frame = pd.DataFrame(rows, columns=["method", "label", "point", "low", "high", "kind", "status"])
    frame["prob"], frame["observed"] = 0.95, observed
    held = [
        (said("source.interactions"), said("source.strength")) if k == MEDIAN else (said("source.sampling"),)
        for k in frame["kind"]
    ]
    frame["said"] = [
        to_json([("label", as_said(label)), ("kind", as_said(kind)), ("interval_contains", x),
                 *([] if status == "ok" else [("status", as_said(status))])])
        for label, kind, status, x in zip(frame["label"], frame["kind"], frame["status"], held, strict=True)
    ]  # fmt: skip
    frame["interval_contains"] = ["; ".join(map(str, x)) for x in held]
    for name in ("label", "kind", "status"):
        frame[name] = frame[name].map(str)
    frame["headline"] = [i == 0 for i in range(len(frame))]
    return frame


def posterior(
    law: Distribution, lists: Sequence[str], observed: int, verdict: Verdict | None, **more: Any
) -> Posterior:
    values: dict[str, Any] = {
        "method": "average",
        "kind": "posterior",
        "table": "example",
        "table_digest": "ab" * 32,
        "lists": tuple(lists),
        "observed": observed,
        "spec": {"sd": 1.0, "max_order": None, "seed": 1},
        "distribution": law,
        "draws": law.draw(400, np.random.default_rng(1)),
        "point": float(law.quantile(0.5)),
        "point_kind": MEDIAN,
        "inside": (
            said("source.interactions"),
            said("source.strength"),
            said("source.chance"),
        ),
        "outside": (
            said("source.all_lists"),
            said("source.linkage"),
        ),
        "assumptions": (
            said("assumed.no_all_lists"),
            said("assumed.closed"),
            said("assumed.linked_belong"),
        ),
        "citations": (
            "Madigan & York (1997) Bayesian methods for estimation of the size of a closed population. "
            "Biometrika 84:19-31",
        ),
        "verdict": verdict,
    }
    return Posterior(**(values | more))


def models(notation: Sequence[str], weights: Sequence[float], sizes: Sequence[float]) -> ModelWeights:
    none = np.full(len(notation), np.nan)
    return ModelWeights(tuple(notation), np.array(weights), none, np.array(sizes), none, none)


def uk() -> Results:
    """Two humps, publish with caution."""
    law = mixture(2744, [(0.8, 9900, 0.11), (0.2, 18200, 0.13)])
    lists = ("LA", "NG", "PFNCA", "GO", "GP")
    low, high = law.quantile([0.025, 0.975])
    median = float(law.quantile(0.5))
    verdict = Verdict(
        "publish with caution",
        (
            reason("humps", "publish with caution", 1.67, 1.25, 3.0),
            reason("disagreement", "publish with caution", 2.03, 1.5, 2.5, lowest=11_300, highest=22_990),
        ),
        CHECKED,
    )
    notation = [
        "[12,13,23,25,34]",
        "[123,25,34]",
        "[12,13,25,34]",
        "[12,23,34,5]",
        "[12,13,23,25,34,45]",
        "[123,34,5]",
        "[12,13,14,25,34]",
        "[13,14,24,5]",
        "[12,34,35,5]",
        "[12,13,23,24,25,34]",
        "[12,3,4,5]",
        "[12,14,3,5]",
    ]
    pairs = {
        ":".join(pair): p
        for pair, p in zip(combinations(lists, 2), [1, 0.83, 0.41, 0.12, 0.77, 0.3, 0.91, 0.97, 0.5, 0.08], strict=True)
    }
    triples = {":".join(t): 0.003 * i for i, t in enumerate(combinations(lists, 3))}
    quadruples = {":".join(t): 0.0004 * i for i, t in enumerate(combinations(lists, 4))}
    rows = [
        ("average", "All hierarchical models, averaged", median, low, high, MEDIAN, "ok"),
        ("decomposable", "Decomposable graphs, averaged", 22990, 10387, 33510, MEDIAN, "ok"),
        (
            "stepwise",
            "Stepwise selection, bootstrap",
            11313,
            8785,
            14701,
            "estimate and BCa confidence interval",
            "ok",
        ),
        ("bic", "Best model by BIC", 22964, 17991, 30142, PROFILE, "ok"),
        ("independence", "Independent lists", 13438, 11985, 15166, PROFILE, "ok"),
        ("chao", "Chao lower bound", 13564, 12086, 15323, "lower bound and confidence interval", "ok"),
        ("coverage", "Sample coverage", 9871, np.nan, np.nan, "estimate", "ok"),
        (
            "latent",
            "Latent classes",
            np.nan,
            np.nan,
            np.nan,
            MEDIAN,
            "the chains do not agree (R-hat 1.9); run more or longer ones",
        ),
    ]
    head = posterior(
        law,
        lists,
        2744,
        verdict,
        table="uk-2013-5",
        models=models(
            notation,
            [0.11, 0.09, 0.08, 0.06, 0.05, 0.045, 0.04, 0.03, 0.028, 0.02, 0.018, 0.015],
            [22964, 25279, 12262, 11313, 23100, 28790, 11900, 12010, 11800, 23050, 13001, 13404],
        ),
        interactions=pairs | triples | quadruples,
        diagnostics={
            "models": 6893.0,
            "effective_models": 41.37,
            "unreliable_weight": 0.0012,
            "prior_factor": 1.08,
        },
        notes=(verbatim("the interval is the union of two separate answers"),),
    )
    return Results(
        head,
        comparison(rows, 2744),
        recorded(provenance("uk-2013-5", "Modern slavery, United Kingdom 2013, five lists")),
    )


TITLES = {
    "uk-2013-5": [
        "Local authorities",
        "Non-government organisations",
        "Police forces or National Crime Agency",
        "Government organisations",
        "General public",
    ],
    "netherlands-2010-2015-6": [
        "Labour inspectorate",
        "Border police",
        "With R: regional care coordinators and residential or shelter organisations",
        "Police",
        "With O: regional care coordinators and residential or shelter organisations",
        "Other reporters",
    ],
}


def provenance(table: str, title: str) -> dict[str, Any]:
    overlap = overlap_of(table)
    british = table.startswith("uk")
    return {
        "title": title,
        "table": {
            "name": table,
            "title": title,
            "public": True,
            "digest": "cd" * 32,
            "population": "Potential victims of modern slavery known to at least one of the lists"
            if british
            else "Presumed victims of human trafficking registered at the Dutch coordination centre",
            "territory": "United Kingdom" if british else "Netherlands",
            "period": {"start": "2013", "end": "2013"} if british else {"start": "2010", "end": "2015"},
            "lists": [{"name": n, "title": t} for n, t in zip(overlap["lists"], TITLES[table], strict=True)],
            "publisher": "Home Office (Silverman 2014)"
            if british
            else "UNODC and the Dutch National Rapporteur (2017)",
            "sources": [
                {
                    "title": "Silverman, B.W. (2020). Multiple-systems analysis for the quantification of "
                    "modern slavery. JRSS A 183(3), 691-736",
                    "path": "https://doi.org/10.1111/rssa.12505",
                },
                {"title": "A source without an address"},
            ],
            "notes": ["BIC's sample size matters here: log(persons) leads to 22,991 and log(cells) to 11,175."]
            if british
            else [
                "The answer on this table is NOT STABLE.",
                "A person registered in several years counts once or more according to how the years were "
                "pooled; the sources do not say.",
            ],
        },
        "overlap": overlap,
        "job": {
            "name": table,
            "table": {"name": table},
            "seed": 1,
            "headline": {"method": "average", "sd": 1.0},
            "compare": ["bic", "stepwise"],
        },
        "seed": 1,
        "prob": 0.95,
        "versions": {"mse-engine": "0.1.0", "python": "3.13.9", "numpy": "2.5.5", "numba": "0.68.1"},
        "timing_seconds": {"total": 1.234},
        "report": {
            "population": "potential victims of modern slavery" if british else "presumed victims of human trafficking",
            "date": "2026-11-20",
            "nl": {
                "population": "mogelijke slachtoffers van moderne slavernij"
                if british
                else "vermoedelijke slachtoffers van mensenhandel",
                "territory": "Verenigd Koninkrijk" if british else "Nederland",
            },
        },
    }


def netherlands() -> Results:
    """Wide and two-humped: do not publish."""
    law = mixture(8234, [(0.35, 48000, 0.25), (0.65, 190000, 0.4)])
    overlap = overlap_of("netherlands-2010-2015-6")
    low, high = law.quantile([0.025, 0.975])
    verdict = Verdict(
        "do not publish",
        (
            reason("humps", "do not publish", 3.45, 1.25, 3.0),
            reason("disagreement", "do not publish", 3.5, 1.5, 2.5, lowest=43_585, highest=152_000),
            reason("width", "do not publish", 10.1, 3.0, 6.0),
            reason("prior", "publish with caution", 1.31, 1.15, 1.5),
        ),
        CHECKED,
    )
    rows = [
        ("average", "All hierarchical models, averaged", float(law.quantile(0.5)), low, high, MEDIAN, "ok"),
        ("bic-persons", "Best model by BIC (persons)", 43585, 39120, 48700, PROFILE, "ok"),
        ("bic-cells", "Best model by BIC (cells)", 116667, 96012, 141870, PROFILE, "ok"),
        (
            "saturated",
            "Every interaction but the last",
            310500,
            60100,
            9.1e8,
            "maximum likelihood and log-normal interval",
            "ok",
        ),
    ]
    head = posterior(
        law,
        overlap["lists"],
        8234,
        verdict,
        table="netherlands-2010-2015-6",
        models=models(["[123,145,16,24,35,46,56]", "[12,13,14,15,16,456,2346]"], [0.31, 0.22], [191234.5, 51234.5]),
        interactions={"I:K": 0.4, "P:R": 1.0, "P:Z": 0.999, "I:K:O": 0.02},
        diagnostics={"models": 7785061.0, "effective_models": 8.2},
    )
    made = provenance("netherlands-2010-2015-6", "Human trafficking, Netherlands 2010-2015, six reporter classes")
    return Results(head, comparison(rows, 8234), recorded(made))


def chapman() -> Results:
    """Two lists, no models, no interactions, nothing about the table, frequentist."""
    law = Distribution.lognormal(312, 205.0, 0.14)
    head = replace(
        posterior(law, ("hospital", "shelter"), 312, None),
        kind="sampling distribution",
        method="chapman",
        point_kind=said("kind.chapman", lists=("A", "B")),
        notes=(),
        inside=(),
        outside=(),
        assumptions=(),
        citations=(),
        spec={},
    )
    return Results(head, pd.DataFrame(), recorded({}))


def many_lists(n_lists: int, long: bool = True, failing: bool = False) -> Results:
    """A table with so many lists, with long names, not public, and the answer extremely skewed."""
    rng = np.random.default_rng(n_lists)
    lists = [
        f"{name} & co ${j}$" if long else f"L{j}"
        for j, name in enumerate(
            [
                "regional care coordinators",
                "labour <inspectorate>",
                "border police of the realm",
                "residential shelters",
                "municipal counters",
                "hospital emergency wards",
                "child protection boards",
                "anonymous helplines",
            ][:n_lists]
        )
    ]
    counts = {}
    for size in range(1, n_lists + 1):
        for chosen in combinations(lists, size):
            counts["+".join(chosen)] = int(rng.poisson(300 / 6**size * (1 + rng.random())))
    observed = sum(counts.values())
    law = mixture(observed, [(0.9, 900, 0.3), (0.1, 9000, 1.4)])
    low, high = law.quantile([0.025, 0.975])
    status = "no maximum likelihood estimate exists" if failing else "ok"
    rows = [
        (
            "average",
            "A method with a really rather long name that goes on",
            float(law.quantile(0.5)),
            low,
            high,
            "posterior median and a credible interval of some kind or other",
            status,
        ),
        ("bic", "Best model by BIC", observed + 700, observed + 500, observed + 1100, PROFILE, status),
    ]
    verdict = Verdict("publish", (), ("lists", "observed", "humps"))
    made = {
        "table": {"title": "Persons on <many> lists & more", "public": False, "period": 2025},
        "overlap": {"lists": lists, "counts": counts},
        "prob": 0.8,
    }
    return Results(posterior(law, lists, observed, verdict), comparison(rows, observed), recorded(made))
