"""The effect of a measure on registered counts: found where there is one, not found where there is none, and judged."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.optimize import minimize
from scipy.stats import poisson
from scipy.stats import t as t_law

import mse
from mse.cli import main
from mse.errors import InputError
from mse.evidence.interruption import (
    _ALIKE,
    _SPREADS,
    _design,
    _Law,
    _modes,
    interruption,
    read_date,
    read_period,
    sides,
)
from mse.publish.policy.measurepage import policy_page
from tests.calibration.interruption import MONTHS, YEARS, drawn, held

YEARLY = dict(zip(
    ("2011", "2012", "2014", "2015", "2016", "2017", "2018", "2019", "2020", "2021"),
    (1222, 1711, 1255, 1150, 952, 958, 668, 1334, 984, 791), strict=True,
))  # fmt: skip


def job(counts: dict[str, int], at: str = "2018-05", **more: Any) -> dict[str, Any]:
    rows = [{"year": year, "count": n} for year, n in counts.items()]
    source = {"name": "r", "persons": "victims", "publisher": "centre", "definition": "reported", "time": "year"}
    return {
        "source": source | {"counts": rows} | more.pop("source", {}), "measure": {"at": at, "text": "a rule"}, **more,
    }  # fmt: skip


# ---- the numbers -------------------------------------------------------------------------------------------


def _apart(periods: tuple[str, ...]) -> tuple[list[Any], np.ndarray]:
    times = [x for x in map(read_period, periods) if x is not None]
    at = np.arange(len(times))
    return times, np.abs(at[:, None] - at)


def test_the_modes_are_those_of_the_plain_likelihood() -> None:
    """A slow twin: the log density of coefficients and scatter together, maximised by a general method."""
    periods = YEARS[20]
    counts, date = drawn(np.random.default_rng(1), periods, 40.0, 0.2, 0.5)
    times, apart = _apart(periods)
    design, sds = _design(times, date, True)
    for spread, alike in ((0.05, 0.06), (0.2, 0.54), (0.6, 0.9)):
        made = _modes(design, apart, counts.astype(float), sds, np.array([spread]), np.array([alike]))
        cov = spread**2 * alike**apart

        def loss(both: np.ndarray, root: np.ndarray, spread: float) -> float:
            beta, own = both[: len(sds)], both[len(sds) :]
            eta = design @ beta + root @ own - spread**2 / 2
            prior = 0.5 * ((beta / sds)[np.isfinite(sds)] ** 2).sum() + 0.5 * (own**2).sum()
            return float(prior - poisson.logpmf(counts, np.exp(eta)).sum())

        root = np.linalg.cholesky(cov)
        start = np.concatenate([made.beta[0] + 0.05, np.zeros(len(counts))])
        found = minimize(loss, start, args=(root, spread), method="BFGS", options={"gtol": 1e-6})
        np.testing.assert_allclose(made.beta[0], found.x[: len(sds)], atol=2e-5)
        np.testing.assert_allclose(made.scatter[0], root @ found.x[len(sds) :], atol=5e-5)


def test_the_law_is_that_of_the_whole_posterior() -> None:
    """A slow twin: level and slope by importance sampling of coefficients, scatter, spread and correlation together."""
    counts, date = drawn(np.random.default_rng(2), YEARS[10], 200.0, 0.15, 0.3)
    times, apart = _apart(YEARS[10])
    design, sds = _design(times, date, True)
    law = _Law(design, times, counts.astype(float), sds)
    spreads, alikes = (x.ravel() for x in np.meshgrid(_SPREADS, _ALIKE, indexing="ij"))
    width = np.repeat(np.gradient(_SPREADS) / (1 + _SPREADS**2), len(_ALIKE))
    made = _modes(design, apart, counts.astype(float), sds, spreads, alikes)
    rng = np.random.default_rng(3)
    size, cells = design.shape[1], len(law.weight)
    chance = 0.8 * law.weight + 0.2 / cells
    drawn_of = rng.multinomial(60_000, chance)
    logs, values = [], []
    for i in np.flatnonzero(drawn_of):
        prior = np.linalg.inv(spreads[i] ** 2 * alikes[i] ** apart)
        mean = np.exp(design @ made.beta[i] + made.scatter[i] - spreads[i] ** 2 / 2)
        both = np.hstack([design, np.eye(len(counts))])
        precision = both.T @ (mean[:, None] * both)
        precision[:size, :size] += np.diag(1 / sds**2)
        precision[size:, size:] += prior
        root = np.linalg.cholesky(1.3 * np.linalg.inv(precision))
        raw = rng.standard_t(8, size=(drawn_of[i], len(precision)))
        at = np.concatenate([made.beta[i], made.scatter[i]]) + raw @ root.T
        beta, own = at[:, :size], at[:, size:]
        log = poisson.logpmf(counts, np.exp(beta @ design.T + own - spreads[i] ** 2 / 2)).sum(axis=1)
        log -= 0.5 * ((beta / sds)[:, np.isfinite(sds)] ** 2).sum(axis=1)
        log += 0.5 * np.linalg.slogdet(prior)[1] - 0.5 * np.einsum("np,pq,nq->n", own, prior, own)
        log += np.log(width[i] / chance[i]) + np.linalg.slogdet(root)[1] - t_law(8).logpdf(raw).sum(axis=1)
        logs.append(log)
        values.append(beta)
    log, beta = np.concatenate(logs), np.concatenate(values)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    assert 1 / (weight**2).sum() > 2_000, "draws enough"
    for column in (-2, -1):
        effect = law.effect(size + column, 0.95)
        order = np.argsort(beta[:, column])
        ends = np.interp([0.025, 0.5, 0.975], np.cumsum(weight[order]), beta[order, column])
        np.testing.assert_allclose([effect.low, effect.point, effect.high], ends,
                                   atol=0.06 * (effect.high - effect.low))  # fmt: skip


def test_nothing_hangs_on_likeness_where_counts_scatter_by_chance_alone() -> None:
    """And a series of years that scatters more cannot tell how alike they are, which is said and asks for caution."""
    flat, date = drawn(np.random.default_rng(6), MONTHS, 30.0, 0.0, 0.0)
    found = interruption(MONTHS, flat, date, prob=0.95, placebo=False)
    assert found.alike.times_as_wide < 2.5
    rough, date = drawn(np.random.default_rng(7), YEARS[20], 400.0, 0.2, 0.0)
    short = interruption(YEARS[20], rough, date, prob=0.95, placebo=False)
    assert short.alike.times_as_wide > 2.5 and short.alike.high - short.alike.low > 0.6


def test_periods_and_dates() -> None:
    assert read_period("2018-Q2") == (2018.25, 0.25) and read_period("2018-13") is None and read_period("x") is None
    assert read_date("2018-05") == pytest.approx(2018 + 4 / 12) and read_date("2018-02-40") is None
    design, _ = _design([x for x in map(read_period, YEARS[10]) if x is not None], 2005.25, True)
    assert design[:, -2].tolist() == [0, 0, 0, 0, 0, 0.75, 1, 1, 1, 1]
    assert design[5, -1] == pytest.approx(0.75**2 / 2) and design[6, -1] == pytest.approx(1.25)
    assert sides(YEARS[10], 2005.25) == (5, 5)


def test_the_same_seed_gives_the_same_answer_and_the_order_of_years_does_not_matter() -> None:
    settings = job(YEARLY)
    one, other = mse.policy(settings), mse.policy(job(dict(reversed(YEARLY.items()))))
    assert one.as_record() == other.as_record()


def test_a_change_is_found_and_its_neighbours_are_none() -> None:
    counts, date = drawn(np.random.default_rng(4), MONTHS, 100.0, 0.1, 0.0)
    found = interruption(MONTHS, counts, date, prob=0.95)
    assert all(held(found)) and found.level.high < 0 and found.placebo_share < 0.1
    assert len(found.placebos) == 62 and found.alike.low < 0.1
    alike, date = drawn(np.random.default_rng(5), MONTHS, 400.0, 0.2, 0.9)
    assert interruption(MONTHS, alike, date, prob=0.95, placebo=False).alike.low > 0.3


@pytest.mark.parametrize(("spread", "alike"), [(0.0, 0.0), (0.2, 0.0), (0.2, 0.6)])
def test_intervals_hold_the_truth(spread: float, alike: float) -> None:
    rng = np.random.default_rng([8, int(10 * spread)])
    found = []
    for _ in range(120):
        counts, date = drawn(rng, YEARS[10], 200.0, spread, alike)
        found.append(held(interruption(YEARS[10], counts, date, prob=0.95, placebo=False)))
    assert (np.mean(found, axis=0) > 0.88).all()


def test_stored_coverage_holds_whether_neighbours_are_alike_or_not() -> None:
    stored = json.loads((Path(__file__).parents[1] / "calibration" / "interruption.json").read_text())
    rows = stored["coverage"]
    assert len(rows) == 30 and all(x["runs"] == (500 if x["periods"] == 72 else 1_000) for x in rows)
    assert {x["alike"] for x in rows} >= {0.0, 0.3, 0.6, 0.85, 0.95}
    for x in rows:
        assert min(x["level"], x["slope"]) > 0.92, x
    assert stored["placebo"][0]["share"] < 0.25


# ---- what is said ------------------------------------------------------------------------------------------


def test_the_shipped_job_says_what_happened_and_what_it_does_not_tell() -> None:
    found = mse.policy("models/consent-rule.toml")
    english, dutch = " ".join(found.sentences("en")), " ".join(found.sentences("nl"))
    for words in ("changed by −69% at once", "(95% interval −77% to −60%)", "Counts alone do not tell",
                  "neighbouring periods may be alike",
                  "Of 25 other dates, at which nothing was decided, 0 have", "Source: coordination"):  # fmt: skip
        assert words in english, words
    for words in ("ineens met −69%", "Aantallen alleen zeggen niet", "melders buiten de opsporing"):
        assert words in dutch, words
    assert found.verdict == "publish" and found.to_pandas()["without"].iloc[-1] == 116


def test_years_alone_do_not_show_what_the_published_totals_did() -> None:
    found = mse.policy(job(YEARLY, source={"public": True}))
    assert found.verdict == "do not publish" and found.left_out == ("2013",)
    text = " ".join(found.sentences())
    assert "No effect on victims from 2018-05 on (a rule) is stated: the interval is too wide" in text
    assert "No other date could be tried" in text and "Without a count: 2013" in text
    assert found.to_pandas()["expected"].isna().all() and math.isnan(found.change(found.found.level).point)
    assert found.as_record()["level"] == {"point": None, "low": None, "high": None}
    assert "<svg" in policy_page(found, "en")


def test_a_break_at_the_same_date_cannot_be_told_apart() -> None:
    settings = job(YEARLY, verdict={"wide": [2.0, 50.0]},
                   source={"breaks": [{"at": "2018", "text": "a form", "texts": {"nl": {"text": "een formulier"}}}]},
                   report={"languages": ["nl"]})  # fmt: skip
    found = mse.policy(settings)
    assert found.verdict == "publish with caution"
    assert "ging de bron anders tellen (een formulier)" in " ".join(found.sentences())
    assert [x.code for x in found.reasons] == ["keyfigure.wide", "policy.reason_left_out", "policy.reason_break"]
    apart = mse.policy(settings | {"source": settings["source"] | {"breaks": [{"at": "2013", "text": "x"}]}})
    assert not apart.breaks()


def test_few_persons_and_left_out_counts() -> None:
    few = {str(2005 + i): n for i, n in enumerate((14, 12, 11, 13, 3, 15, 12, 11, 4, 10, 12, 11))}
    found = mse.policy(job(few, "2012"))
    left_out = set(found.left_out)
    assert {"2009", "2013"} <= left_out and not left_out & set(found.found.periods)
    small = mse.policy(job({x: n // 3 for x, n in few.items()}, "2012", source={"public": True}))
    assert small.status == "too few data" and "fewer than 10 persons" in small.sentences()[0]
    moved = few | {"2009": 8, "2013": 2}
    assert mse.policy(job(moved, "2012")).as_record() == found.as_record(), "nothing of a count that is left out"


def test_files_load_nothing_and_are_the_same_each_time(tmp_path: Path) -> None:
    found = mse.policy("models/consent-rule.toml")
    out = mse.write_policy(tmp_path / "out", found)
    assert {x.name for x in out.iterdir()} == {"policy.csv", "policy.json", "policy.html", "policy.nl.html"}
    page = (out / "policy.html").read_text()
    assert page == policy_page(found, "en") and "http://" not in page.replace("http://www.w3.org", "")
    assert json.loads((out / "policy.json").read_text())["placebo_share"] == pytest.approx(1 / 26, abs=1e-3)
    with pytest.raises(InputError, match="exists already"):
        mse.write_policy(out, found)


def test_bad_input_is_told_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    for settings, words in (
        (job(YEARLY, "May 2018"), "this is no date"),
        (job(YEARLY, "2010"), "0 periods with a count before the date, and 10"),
        (job(YEARLY, "2020-03", where={"form": "labour"}), "no such dimension"),
        (job(YEARLY | {"2020-05": 5, "soon": 3}), "this is no period"),
        (job(YEARLY, source={"time": None, "period": "2020"}), "no dimension of time"),
        (job(YEARLY, verdict={"few": [5, 10]}), "caution"),
        (job(YEARLY, placebo=True), "placebo"),
    ):
        with pytest.raises(InputError, match=words):
            mse.policy(settings)
    with pytest.raises(InputError) as caught:
        mse.policy(job(YEARLY | {"2020-05": 5, "soon": 3}))
    assert {x.value for x in caught.value.problems} == {"2020-05", "soon"}
    with pytest.raises(InputError) as caught:
        mse.policy(job({f"2018-{i:02d}": 30 for i in range(1, 13)} | {"2017": 400}, "2018-05"))
    assert [x.value for x in caught.value.problems] == ["2017"], "of another length than most"
    (tmp_path / "job.toml").write_text('[measure]\nat = "2018-5"\ntext = "x"\n')
    done = CliRunner().invoke(main, ["policy", str(tmp_path / "job.toml"), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2 and "source" in done.stderr and "this is no date" in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_command(tmp_path: Path) -> None:
    arguments = ["policy", "models/consent-rule.toml", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(main, [*arguments, "--language", "nl"])
    assert done.exit_code == 0 and "ineens met −69%" in done.stdout and (tmp_path / "out" / "policy.csv").is_file()
    told = json.loads(CliRunner().invoke(main, [*arguments, "--overwrite", "--json"]).stdout)
    assert told["format"] == "mse-policy/1" and told["slope_per_year"]["low"] < 0 < told["slope_per_year"]["high"]
