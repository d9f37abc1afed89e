"""A chain through time as it leaves: too coarse to tell few persons, whole or not at all, in every language."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.optimize import linprog

import mse
from mse.cli import main
from mse.errors import InputError
from mse.jobs.chainjob import estimated

T = 10
STEPS = {"reported": ["investigated", "dismissed"], "investigated": ["convicted", "acquitted"]}


def job(tmp_path: Path, seed: int, n: int, cohorts: int = 2, **more: Any) -> dict[str, Any]:
    """Return a job of n persons, all of whom are seen to the end."""
    rng = np.random.default_rng([4, seed])
    lines = ["person,state,date,cohort"]
    for i in range(n):
        t, state, cohort = datetime.date(2015, 1, 1), "reported", i % cohorts
        t += datetime.timedelta(days=int(rng.integers(0, 300)))
        lines.append(f"p{i:05d},{state},{t},{'abc'[cohort]}")
        while state in STEPS and rng.random() < 0.9:
            state = str(rng.choice(STEPS[state], p=[0.85, 0.15]))
            t += datetime.timedelta(days=int(rng.exponential(250)))
            lines.append(f"p{i:05d},{state},{t},{'abc'[cohort]}")
    (tmp_path / "events.csv").write_text("\n".join(lines) + "\n")
    section = {"path": tmp_path / "events.csv", "until": datetime.date(2040, 1, 1), "cohort": "cohort",
               "start": "reported", "steps": STEPS}  # fmt: skip
    return {"chain": section, "about": {"persons": "suspects", "publisher": "office", "definition": "made up"}, **more}


def known(frame: pd.DataFrame) -> list[tuple[tuple[str, str, str, float], float, float, int]]:
    """Return what the rows say of counts: the place, fewest and most, by the digits that are printed."""
    found = []
    for row in frame[frame["kind"] != "moved"].to_dict("records"):
        place = (row["cohort"], row["kind"], row["state"], row["years"])
        low, high = {"ok": (row["share"] - row["unit"] / 2, row["share"] + row["unit"] / 2), "below": (0, row["share"]),
                     "above": (row["share"], 1), "withheld": (0, 1)}[row["status"]]  # fmt: skip
        n = row["persons"]
        found.append((place, max(low, 0) * n, min(high, 1) * n, int(n)))
    return found


@pytest.mark.parametrize(("seed", "n"), [(1, 300), (2, 900), (3, 2500)])
def test_no_few_persons_can_be_told_apart(seed: int, n: int, tmp_path: Path) -> None:
    settings = job(tmp_path, seed, n)
    frame = mse.chain(settings).to_pandas()
    told = known(frame)
    at = {place: i for i, (place, *_) in enumerate(told)}
    equal, below = [], []
    sizes = {place[0]: size for place, _, _, size in told}
    for cohort, size in sizes.items():
        for years in (1.0, 2.0, 5.0):
            row = np.zeros(len(told) + 1)
            for place, i in at.items():
                row[i] = place[0] == cohort and place[1] == "inside" and place[3] == years
            row[-1] = size
            equal.append(row)
    for kind, state, years in {p[1:] for p in at}:
        row = np.zeros(len(told) + 1)
        for cohort in "ab":
            row[at[cohort, kind, state, years]] = 1
        row[at["all", kind, state, years]] = -1
        equal.append(row)
    for (cohort, kind, state, years), i in at.items():
        if kind == "inside" and (cohort, "reached", state, years) in at:
            row = np.zeros(len(told))
            row[i], row[at[cohort, "reached", state, years]] = 1, -1
            below.append(row)
    a = np.array(equal)
    raw = {(x.cohort, x.state, x.years): x for x in estimated(settings).chances}
    for place, i in at.items():
        ends = []
        for sign in (1, -1):
            cost = np.zeros(len(told))
            cost[i] = sign
            done = linprog(cost, A_ub=np.array(below), b_ub=np.zeros(len(below)), A_eq=a[:, :-1], b_eq=a[:, -1],
                           bounds=[(x[1], x[2]) for x in told])  # fmt: skip
            ends.append(sign * done.fun)
        one = raw[place[0], place[2], place[3]]
        law = one.inside if place[1] == "inside" else one.reached
        assert ends[0] - 1e-6 <= law.share * sizes[place[0]] <= ends[1] + 1e-6
        assert ends[1] - ends[0] >= T - 1 - 1e-6, (place, ends)


def test_small_cohorts_and_what_rests_on_them_are_left_out(tmp_path: Path) -> None:
    settings = job(tmp_path, 5, 12, cohorts=2)
    frame = mse.chain(settings).to_pandas()
    assert (frame["status"] == "withheld").all() and frame["share"].isna().all()
    public = mse.chain(settings | {"publish": {"public": True}}).to_pandas()
    assert (public["status"] == "ok").all()


def test_a_table_that_differs_in_few_persons_gives_the_same_numbers_or_ones_a_unit_away(tmp_path: Path) -> None:
    settings = job(tmp_path, 6, 600, cohorts=1)
    one = mse.chain(settings).to_pandas()
    text = (tmp_path / "events.csv").read_text().splitlines()
    text.remove(next(x for x in text if ",dismissed," in x))
    (tmp_path / "events.csv").write_text("\n".join(text) + "\n")
    other = mse.chain(settings).to_pandas()
    assert (abs(one["share"] - other["share"]).fillna(0) <= one["unit"].max() + 1e-9).all()


def test_a_folder_is_written_with_page_tables_and_sentences(tmp_path: Path) -> None:
    job(tmp_path, 7, 800)
    (tmp_path / "job.toml").write_text(
        'title = "Chain"\n[about]\npersons = "suspects"\npublisher = "office"\ndefinition = "made up"\n'
        'texts.nl.persons = "verdachten"\n[chain]\npath = "events.csv"\nuntil = 2040-01-01\nstart = "reported"\n'
        'cohort = "cohort"\n[chain.steps]\nreported = ["investigated", "dismissed"]\n'
        'investigated = ["convicted", "acquitted"]\n'
        '[report]\nlanguages = ["en", "nl"]\n[report.nl.names]\nconvicted = "veroordeeld"\n'
    )
    out = tmp_path / "out"
    done = CliRunner().invoke(main, ["chain", str(tmp_path / "job.toml"), "--out", str(out), "--language", "nl"])
    assert done.exit_code == 0, done.stderr
    assert (
        "Van de 800 verdachten kwam tot ‘veroordeeld’:" in done.stdout
        and "Bron: office; 2015–2040; made up." in done.stdout
    )
    assert sorted(x.name for x in out.iterdir()) == [
        "chain.csv",
        "chain.html",
        "chain.json",
        "chain.nl.html",
        "stays.csv",
    ]
    page = (out / "chain.nl.html").read_text("utf-8")
    assert (
        "<svg" in page
        and "veroordeeld" in page
        and "http" not in page.replace("http-equiv", "").replace("http://www.w3", "")
    )
    record = json.loads((out / "chain.json").read_text("utf-8"))
    assert record["format"] == "mse-chain/1" and set(record["sentences"]) == {"en", "nl"}
    again = CliRunner().invoke(main, ["chain", str(tmp_path / "job.toml"), "--out", str(out)])
    assert again.exit_code == 2 and again.stdout == ""
    assert "p00" not in page + json.dumps(record)


def test_bad_events_leave_nothing(tmp_path: Path) -> None:
    settings = job(tmp_path, 8, 50)
    with (tmp_path / "events.csv").open("a") as file:
        file.write("p00000,convicted,2039-01-01,a\nzz,reported,soon,a\n")
    with pytest.raises(InputError) as caught:
        mse.chain(settings)
    assert len(caught.value.problems) >= 1
    (tmp_path / "job.toml").write_text(
        '[chain]\npath = "events.csv"\nuntil = 2040-01-01\nstart = "reported"\nsteps = {}\n'
    )
    done = CliRunner().invoke(main, ["chain", str(tmp_path / "job.toml"), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2 and not (tmp_path / "out").exists()


def test_a_chain_of_counts_leaves_out_what_is_small(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("step,count,of,within\na,984,,\nb,470,a,yes\nc,466,b,yes\nd,30,b,no\n")
    done = CliRunner().invoke(main, ["chain", str(tmp_path / "c.csv"), "--json"])
    rows = {row["step"]: row for row in json.loads(done.stdout)}
    assert rows["d"]["kind"] == "ratio"
    assert "suppressed" in (rows["b"]["status"], rows["c"]["status"])  # all but four of those in b
    assert CliRunner().invoke(main, ["chain", str(tmp_path / "c.csv"), "--out", "x"]).exit_code == 2


def test_the_shipped_chain_is_told_in_dutch() -> None:
    found = mse.chain("models/justice-chain.toml")
    text = " ".join(found.sentences("nl"))
    assert "kwam tot ‘veroordeeld’" in text and "Bron: openbaar ministerie; 2015–2020" in text
    assert "ame to" not in text and "interval" in text
