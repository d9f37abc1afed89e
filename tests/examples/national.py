"""A made-up national result, and every table that a run may bring. The numbers are NOT estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from mse.answers.estimates import Verdict
from mse.answers.results import Results
from mse.answers.strata import StrataDraws
from mse.assess.parts import judge_parts
from mse.assess.rules import Thresholds
from mse.tables.captures import CaptureTable
from mse.words.said import said
from tests.examples.recorded import recorded
from tests.examples.results import CHECKED, MEDIAN, comparison, mixture, posterior, uk

FORMS = ("domestic sexual", "cross-border sexual", "labour", "criminal")
YEARS = tuple(str(year) for year in range(2011, 2021))


def national(public: bool = False) -> Results:
    """Four forms by ten years, not public, with every table that a run may bring. The numbers are made up."""
    rng = np.random.default_rng(11)
    level = np.array([[1300, 900, 1900, 500]]) * np.exp(np.outer(np.linspace(0.12, -0.1, 10), [1.0, 1.2, -0.8, 0.5]))
    seen = np.array([0.3, 0.25, 0.2, 0.18]) * np.where(np.arange(10)[:, None] >= 8, 0.6, 1.0)
    observed = np.rint(level * seen).astype(np.int64)
    observed[0, 3], level[0, 3] = 6, 20.0
    noise = np.exp(rng.normal(0, 0.1, (800, 1, 1)) + rng.normal(0, 0.12, (800, 10, 4)))
    draws = observed + rng.poisson((level - observed)[None] * noise)
    flat, shape = draws.reshape(800, -1).astype(np.int64), {"year": YEARS, "form": FORMS}
    strata = StrataDraws(
        shape, flat, np.median(flat, axis=0), observed.ravel(), np.full((40, 40), np.nan), ((),) * 40
    )  # fmt: skip
    lists = ("K", "I", "O", "P", "R", "Z")
    total = flat.sum(axis=1)
    law = mixture(int(observed.sum()), [(1.0, float(np.median(total)) - observed.sum(), 0.1)])
    head = posterior(
        law, lists, int(observed.sum()), None, method="multilevel", draws=total, strata=strata, table="registers",
        point=float(np.median(total)), spec={"seed": 1},
    )  # fmt: skip
    everywhere = CaptureTable.from_arrays(lists, np.ones((40, 63), dtype=np.int64), strata=shape, name="registers")
    verdict = Verdict("publish", (), CHECKED, judge_parts(head, everywhere, Thresholds()))
    head = replace(head, verdict=verdict)
    low, high = law.quantile([0.025, 0.975])
    rows = [
        ("multilevel", said("method.multilevel"), head.point, low, high, MEDIAN, "ok"),
        ("average", said("method.average"), 41e3, 32e3, 56e3, MEDIAN, "ok"),
    ]  # fmt: skip
    made = {
        "title": "Victims of trafficking in human beings, 2011-2020",
        "table": {"name": "registers", "public": False, "digest": "cd" * 32, "unit": "person-year", "lists": [
            {"name": name, "title": title} for name, title in zip(lists, (
                "Border police", "Labour inspectorate", "Care", "Police", "Shelters", "Others"), strict=True)]},
        "overlap": {"lists": list(lists), "counts": {
            "P": 6_200, "P+R": 7, "K+P": 41, "K": 840, "I": 610, "O+P": 310, "O": 900, "R": 650, "Z": 425}},
        "job": {"seed": 1}, "seed": 1, "prob": 0.95, "versions": {"mse-engine": "0.1.0"},
        "report": {
            "languages": ["nl", "en"], "pdf": True, "population": "victims of trafficking in human beings",
            "period": "2011-2020", "territory": "Netherlands", "date": "2026-11-20", "publisher": "A made-up office",
            "breaks": [{"at": "2018-05", "text": "written consent needed for reports from outside law enforcement"}],
            "nl": {
                "title": "Slachtoffers van mensenhandel, 2011–2020", "population": "slachtoffers van mensenhandel",
                "territory": "Nederland", "publisher": "Een verzonnen bureau",
                "breaks": ["schriftelijke toestemming vereist voor meldingen van buiten de opsporing"],
                "names": {"P": "Politie", "K": "Koninklijke Marechaussee", "I": "Arbeidsinspectie",
                          "O": "Zorgcoördinatoren", "R": "Opvang", "Z": "Overig"},
            },
        },
    }  # fmt: skip
    made["table"]["public"] = public
    return Results(head, comparison(rows, head.observed), recorded(made), national_tables(level))


def national_tables(level: Any) -> dict[str, pd.DataFrame]:
    """Every further table of a run, with the columns that the engine gives them."""
    truth = [
        {"year": year, "form": form, "truth": round(level[i, j] * 1.04)}
        for i, year in enumerate(YEARS)
        for j, form in enumerate(FORMS)
    ]
    flow = [
        (step, name, round(n * share))
        for step, share in [("delivered", 1.0), ("valid", 0.985), ("distinct", 0.96), ("in period", 0.95)]
        for name, n in zip("KIOPRZ", [900, 650, 2_100, 7_800, 1_400, 1_050], strict=True)
    ]
    flow += [("persons", "all", 8_611), ("person-years", "all", 9_983), ("on 3 lists", "all", 654_321)]
    return assessed(4_600.0 * 10, 9_000, tuple("KIOPRZ")) | beside() | {
        "sdg": pd.DataFrame({"year": ["asked for"]}),
        "truth": pd.DataFrame(truth),
        "flow": pd.DataFrame(flow, columns=["step", "list", "count"]),
        "quality": quality_rows(),
    }  # fmt: skip


def quality_rows() -> pd.DataFrame:
    """Return the quality of two registers as the intake has it: small counts, and a column that is full."""
    rows = [
        ("P", "rows", "delivered", 7_800, 7_800), ("P", "rows", "in period", 7_410, 7_800),
        ("P", "completeness", "date", 7_800, 7_800), ("P", "completeness", "entered", 7_000, 7_800),
        ("P", "completeness", "sex", 7_791, 7_800), ("P", "validity", "date", 7_691, 7_800),
        ("P", "validity", "entered", 7_000, 7_000), ("P", "validity", "sex", 7_791, 7_791),
        ("P", "rejected", "unknown_code, sex", 9, 7_800), ("P", "days", "entry, median", 12.5, np.nan),
        ("P", "days", "entry, nine in ten", 40, np.nan), ("P", "late", "more than 90 days", 71, 6_650),
        ("K", "rows", "delivered", 900, 900), ("K", "rows", "in period", 855, 900),
        ("K", "completeness", "date", 900, 900), ("K", "validity", "date", 896, 900),
        ("K", "completeness", "form", 820, 900), ("K", "validity", "form", 820, 820),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["list", "measure", "item", "count", "of"])
    return frame.assign(share=frame["count"] / frame["of"], previous=np.nan, change=np.nan)


def beside() -> dict[str, pd.DataFrame]:
    """Return the tables beside the estimate: survey, chain, and the request for indicators."""
    survey = pd.DataFrame(
        [("boys", 0.0160, 487_500, 7_800, 6_300, 9_500), ("girls", 0.0279, 466_000, 13_000, 11_100, 15_200)],
        columns=["group", "rate", "population", "persons", "low", "high"],
    ).assign(prob=0.95, interval="published", source="A published survey of 12 to 16 year olds")
    survey["rate_low"], survey["rate_high"] = 0.8 * survey["rate"], 1.2 * survey["rate"]
    chain = [
        ("registered", None, 984, None, np.nan, np.nan, np.nan, ""),
        ("reported", "registered", 214, 984, 0.217, 0.193, 0.244, "share"),
        ("prosecuted", "reported", 139, 214, 0.650, 0.567, 0.747, "ratio"),
        ("convicted", "prosecuted", 105, 139, 0.755, 0.678, 0.819, "share"),
    ]
    columns = ["step", "of", "count", "base", "rate", "low", "high", "kind"]
    none = pd.DataFrame({"indicator": ["asked for"]})
    return {"survey": survey, "chain": pd.DataFrame(chain, columns=columns), "indicators": none}


def assessed(point: float, observed: int, lists: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return every table of an assessment, shaped as ``mse.assess`` gives them."""
    unseen = point - observed

    def rows(changes: Sequence[tuple[Any, ...]], names: Sequence[str]) -> pd.DataFrame:
        """Return rows of names and a factor on the unseen, with an interval around it."""
        frame = pd.DataFrame([change[:-1] for change in changes], columns=list(names))
        factor = np.array([change[-1] for change in changes])
        for name, wider in (("point", 1.0), ("low", 0.85), ("high", 1.22)):
            frame[name] = observed + unseen * factor * wider
        return frame

    ratios = (0.25, 0.5, 1.0, 2.0, 4.0)
    pairs = [":".join(pair) for pair in combinations(lists, 2)]
    curves = [("all lists", xi, 1 / xi) for xi in ratios]
    curves += [(pair, xi, xi ** (0.05 * (i % 5) - 0.1)) for i, pair in enumerate(pairs) for xi in ratios]
    changes = [("none", "", 1.0), *(("without list", name, 0.9 + 0.06 * i) for i, name in enumerate(lists))]
    changes += [("merged", pair, 1.0 + 0.01 * i) for i, pair in enumerate(pairs[:4])]
    changes += [("cell +1", " & ".join(lists[:3]), 1.07), ("cell -1", " & ".join(lists[:2]), 0.98)]
    changes += [("without referrals", "", 1.11)]
    robust = rows(changes, ["change", "what"]).assign(observed=observed, status="ok")
    robust["ratio"] = robust["point"] / point
    true = np.array([120 * (i + 1) for i in range(len(lists))])
    factor = np.array([0.8 + 0.08 * i for i in range(len(lists))])
    known = {
        "list": lists,
        "true": true,
        "point": factor * true,
        "low": 0.8 * factor * true,
        "high": 1.3 * factor * true,
    }
    consistency = pd.DataFrame(known).assign(log_bias=np.log(factor), covered=True, status="ok")
    consistency.loc[0, ["point", "low", "high", "log_bias"]] = np.nan
    consistency.loc[0, "status"] = "fewer than 3 other lists with 5 of its members (2)"
    fit = [("marginal", "A", 118, 120.2, 98, 140, 0.8), ("conditional", "A & B", 31, 20.1, 12, 29, 0.02)]
    return {
        "sensitivity": rows(curves, ["assumption", "odds_ratio"]),
        "tipping": pd.DataFrame(
            [("all lists", "above", 4e3, 1.73), ("all lists", "below", 9e4, 0.42), (pairs[0], "above", 4e3, np.nan)],
            columns=["assumption", "claim", "value", "odds_ratio"],
        ),
        "prior": rows([("sd of the interactions", "0.5", 0.93), ("sd of the interactions", "2.0", 1.1),
                       ("prior over models", "size", 1.02)], ["setting", "value"]),
        "linkage_error": rows([(0.0, 0.0, 1.0), (0.05, 0.0, 0.88), (0.0, 0.02, 1.13)], ["alpha", "beta"]),
        "robustness": robust,
        "accumulation": rows([(0.25, 0.93), (0.5, 0.97), (0.75, 1.01), (1.0, 1.0)], ["share"]),
        "consistency": consistency,
        "fit": pd.DataFrame(fit, columns=["kind", "history", "observed", "expected", "low", "high", "p_value"]),
        "coverage": pd.DataFrame(
            [("fitted model", 5e3, 200, 0.95, 0.94, -0.01, 0.4),
             ("fitted model, half the unseen", 3e3, 198, 0.95, 0.61, 0.35, 0.4)],
            columns=["truth", "size", "replicates", "prob", "covered", "log_bias", "log_width"]),
        "calibrated": rows([("ordinary", 1.0), ("calibrated", 1.3)], ["interval"]).assign(prob=0.95),
    }  # fmt: skip


def uk_assessed() -> Results:
    """A public table with everything that an assessment and a monitor may bring, but no strata."""
    results = uk()
    tables = assessed(13_000.0, 2744, results.headline.lists) | beside()
    return Results(results.headline, results.comparison, results.record, tables)
