"""Times of the other evidence at full size: a chain of persons, a survey with replicates, small areas by a model.

Crossed groups are direct ones, with the search for those that must be held back; the model's end with its draws.

``python -m benchmarks.evidencetimes`` makes the data, times each once and stores the times; ``python -m
benchmarks.readme evidencetimes`` writes them into the documentation. CPU seconds are those of all threads; the clock is
that of the machine as it was, with whatever else ran on it.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from mse.evidence.surveydesign import SurveyDesign
from mse.evidence.surveyways import SurveyModel, survey
from mse.jobs.chainjob import chain, make_chain_job
from mse.publish.publishedsurvey import SurveyAbout, publish_survey

STORED = Path(__file__).parent / "evidencetimes.json"
PERSONS, RESPONDENTS, REPLICATES = 100_000, 20_000, 500
REGIONS, AGES = 250, 20
CROSSED = ((25, 40), (50, 50), (100, 50))
"""Regions and ages, of two sexes: 2,000, 5,000 and 10,000 groups, of thirty respondents on average."""
LEADS = {
    "reported": (("investigated", "dismissed"), 100, 0.85),
    "investigated": (("prosecuted", "dropped"), 100, 0.6),
    "prosecuted": (("convicted", "acquitted"), 160, 0.7),
    "convicted": (("sentenced",), 45, 1.0),
}
"""What follows on a state, the days that it lasts on average, and the chance of the first."""


def events(path: Path, persons: int) -> int:
    """Write dated events of so many persons, and return how many events there are."""
    rng, rows, end = np.random.default_rng(2), [], date(2020, 12, 31)
    for person in range(persons):
        day, state = date(2015, 1, 1) + timedelta(days=int(rng.integers(1826))), "reported"
        while day <= end:
            rows.append(f"p{person},{state},{day}")
            if state not in LEADS:
                break
            ways, days, chance = LEADS[state]
            day += timedelta(days=int(rng.exponential(days)) + 1)
            state = ways[0] if rng.random() < chance else ways[-1]
    path.write_text("person,state,date\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return len(rows)


def respondents(
    path: Path, people: Path, replicates: int, n: int = RESPONDENTS, regions: int = REGIONS, ages: int = AGES
) -> None:
    """Write microdata by region, age and sex, with weights of a bootstrap, and the population of every cell."""
    rng = np.random.default_rng(1)
    region, age, sex = rng.integers(regions, size=n), rng.integers(ages, size=n), rng.integers(2, size=n)
    logit = -2.5 + rng.normal(0, 0.4, regions)[region] + rng.normal(0, 0.5, ages)[age] + 0.4 * sex
    yes = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    weight = rng.uniform(50, 150, n).round(1)
    drawn = rng.poisson(1.0, (n, replicates)) * weight[:, None]
    names = ["y", "weight", "region", "age", "sex", *(f"rep{i + 1}" for i in range(replicates))]
    rows = [
        ",".join([str(yes[i]), str(weight[i]), f"r{region[i]:03d}", f"a{age[i]:02d}", "mf"[sex[i]],
                  *(f"{x:.1f}" for x in drawn[i])]) for i in range(n)
    ]  # fmt: skip
    path.write_text(",".join(names) + "\n" + "\n".join(rows) + "\n", encoding="utf-8")
    cells = [
        f"r{r:03d},a{a:02d},{s},{rng.integers(50, 400)}" for r in range(regions) for a in range(ages) for s in "fm"
    ]
    people.write_text("region,age,sex,population\n" + "\n".join(cells) + "\n", encoding="utf-8")


def timed(what: Callable[[], object]) -> dict[str, float]:
    """Return the seconds that something takes, of the clock and of all threads."""
    clock, cpu = time.perf_counter(), time.process_time()
    what()
    return {"seconds": round(time.perf_counter() - clock, 1), "cpu": round(time.process_time() - cpu, 1)}


def measure() -> dict[str, object]:
    """Return the times of all."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        path, people = Path(folder) / "file.csv", Path(folder) / "people.csv"
        count = events(path, PERSONS)
        steps = {state: list(ways) for state, (ways, _, _) in LEADS.items()}
        job = make_chain_job({"chain": {"path": str(path), "person": "person", "start": "reported", "steps": steps,
                                        "until": "2020-12-31", "cohort": "year", "within": [1, 2, 4]}})  # fmt: skip
        rows.append({"what": f"`mse chain`, {PERSONS:,} persons with {count:,} events", "target": 5,
                     **timed(lambda: chain(job))})  # fmt: skip
        respondents(path, people, REPLICATES)
        design = SurveyDesign("y", "weight", by=("age", "sex"), replicates="rep", replication="bootstrap")
        rows.append({"what": f"`mse survey`, {RESPONDENTS:,} respondents with {REPLICATES} replicate weights",
                     "target": 5, **timed(lambda: survey(path, design, people))})  # fmt: skip
        cells = SurveyDesign("y", "weight", by=("region", "age", "sex"))
        for regions, ages in CROSSED:
            groups = regions * ages * 2
            respondents(path, people, 0, 30 * groups, regions, ages)
            rows.append({"what": f"`mse survey`, {groups:,} crossed groups, {30 * groups:,} respondents", "target": 60,
                         **timed(lambda: publish_survey(survey(path, cells, people), SurveyAbout()))})  # fmt: skip
        respondents(path, people, 0)
        settled: dict[str, object] = {}
        rows.append({"what": f"`mse survey --method mrp`, {REGIONS} × {AGES} × 2 cells, {RESPONDENTS:,} respondents",
                     "target": 180, **timed(lambda: settled.update(survey(
                         path, cells, people, model=SurveyModel("mrp")).notes[0].values))})  # fmt: skip
        rows[-1] |= {name: settled[name] for name in ("rhat", "ess")}
    return {"date": date.today().isoformat(), "cores": os.cpu_count(), "rows": rows}


def markdown(command: str) -> str:
    """Return the stored times of a command as a table."""
    found = json.loads(STORED.read_text(encoding="utf-8"))
    rows = [f"On {found['cores']} cores that others used too ({found['date']}; `python -m benchmarks.evidencetimes`):"]
    rows += ["", "| what | seconds | CPU seconds | at most |", "|---|---|---|---|"]
    mine = [x for x in found["rows"] if f"`{command}" in x["what"]]
    rows += [f"| {x['what']} | {x['seconds']:g} | {x['cpu']:g} | {x['target']:g} |" for x in mine]
    rows += [
        f"\nThe chains of the model had settled: largest R-hat {x['rhat']:.3f}, fewest effective draws {x['ess']:,.0f}."
        for x in mine if "rhat" in x
    ]  # fmt: skip
    return "\n".join(rows)


if __name__ == "__main__":
    STORED.write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
