"""The method when none is named: what is chosen, what it says, and which interval is the one to cite."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import mse
from mse.assess.calibrated import calibrated
from mse.cli import main
from mse.computing.parallel import Compute
from mse.errors import ModelError
from mse.estimators.automatic import choose
from mse.estimators.registry import CHOICES, METHODS
from mse.jobs.job import make_job
from mse.jobs.running import run_job
from mse.methods import make_spec, run_method
from mse.publish.facts.statements import read_facts
from mse.publish.report.html import render_report
from mse.publish.wording.messages import read_catalogue
from mse.publish.wording.sentences import headline, terminal_summary
from mse.tables.histories import HistoryTable

ONE = Compute(workers=1)
FOUR = "kosovo-1999-4"


@pytest.fixture(scope="module")
def results():
    job = {"table": {"name": FOUR}, "estimate": {"draws": 400}, "compare": [{"method": "chao"}], "run": {"seed": 1}}
    return run_job(make_job(job), ONE)


def table_of(lists, rng):
    counts = rng.poisson(30.0 * 0.6 ** np.array([bin(h).count("1") for h in range(1, 2**lists)]))
    return mse.CaptureTable.from_arrays([f"L{j}" for j in range(lists)], counts, name="made")


def test_rule_has_a_line_for_every_table_and_number_of_lists():
    made = np.random.default_rng(1)
    for lists in (2, 3, 6, 8, 9, 11):
        table = table_of(lists, made)
        for one in (table, HistoryTable.from_table(table)):
            found = choose(one, {})
            assert found.method == "shrinkage" and found.options["departures"] is True
            assert found.why.code == f"chosen.{'two_lists' if lists == 2 else 'all_orders' if lists <= 8 else 'pairs'}"
    assert choose(mse.load_repeats("taxicab-edinburgh-repeat"), {}).method == "repeats"
    assert {line.method for line in CHOICES} <= set(METHODS)


def test_headline_is_the_interval_with_departures_and_the_other_stands_beside(results):
    head = results.headline
    assert head.method == "shrinkage" and head.spec["departures"] is True
    assert head.chosen is not None and head.chosen.code == "chosen.all_orders"
    low, high = head.quantile([0.025, 0.975])
    ends = head.identified.quantile([0.025, 0.975])
    assert low < ends[0] < ends[1] < high
    rows = results.comparison
    assert list(rows["headline"][:2]) == [True, False]
    assert rows["label"][1] == "if the identifying assumption held exactly"
    assert (rows["low"][1], rows["high"][1]) == pytest.approx(ends)


def test_headline_is_what_the_board_measured():
    table = mse.load_table("scotland-pwid-2006-4").collapse()
    plain = run_method(table, "shrinkage", seed=0, compute=ONE, draws=400)
    expected = calibrated(plain, table)
    found = mse.estimate(table, seed=0, draws=400)
    q = [0.025, 0.25, 0.5, 0.75, 0.975]
    assert found.quantile(q) == pytest.approx(expected.quantile(q))
    assert found.spec["departures"] and found.assumptions[0].code == "assumed.transfer"
    with pytest.raises(ModelError, match="no departures were learned"):
        calibrated(found, table)  # they are inside already


def test_page_and_terminal_say_which_to_cite_and_why(results):
    for language, words in (("en", "Cite this interval"), ("nl", "Citeer dit interval")):
        say = read_catalogue(language)
        said = headline(read_facts(results, say), say)
        assert said.beside.startswith(words) and said.chosen
        page = render_report(results, language)
        assert page.index(said.sentence[:40]) < page.index('<p class="beside">') and said.chosen[:60] in page
    text = terminal_summary(results)
    assert text.index("Cite this interval") > text.index("Verdict:") and "Method chosen for 4 lists" in text
    assert "If the identifying assumption held exactly" in text


def test_json_says_what_was_chosen_and_what_was_summed_over():
    done = CliRunner().invoke(main, ["estimate", "golf-tees-2", "--set", "draws=400", "--json"])
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    estimate = record["estimate"]
    assert estimate["said"]["chosen"][0]["code"] == "chosen.two_lists" and "two lists" in estimate["chosen"]
    assert estimate["verdict"]["level"] == "do not publish"
    assert record["summed_over"] and set(estimate["identified"]) == {"point", "low", "high"}
    assert record["methods"][1]["label"] == "if the two lists were independent"
    assert estimate["low"] <= 250 <= estimate["high"]  # the true size; Chapman ends at 180
    assert not estimate["identified"]["low"] <= 250 <= estimate["identified"]["high"]


def test_departures_go_into_every_stratum_alike_and_parts_add_up():
    table = mse.load_table("spina-bifida-3-ethnicity")
    dim = next(iter(table.strata))
    found = mse.estimate(table, seed=2, draws=2000, by=[dim])
    assert np.array_equal(found.strata.draws.sum(axis=1), found.draws)
    assert found.spec["departures"] and found.identified is not None
    plain = mse.estimate(table, "shrinkage", seed=2, draws=2000, by=[dim])
    wider = [np.subtract(*np.log(x.quantile([0.975, 0.025]))) for x in (found, plain)]
    assert wider[0] > wider[1]
    summed = mse.estimate(table, seed=2, draws=400)
    assert [note for note in summed.notes if note.code == "note.summed_strata"] and summed.strata is None


def test_eleven_lists_and_histories_are_answered_and_judged():
    table = mse.load_table("philippines-caloocan-2016-2017-11").collapse()
    few = HistoryTable.from_table(table)
    found = mse.estimate(few, seed=1, draws=400)
    assert found.chosen.code == "chosen.pairs" and "lists" in found.verdict.checked
    assert found.point == pytest.approx(mse.estimate(table, seed=1, draws=400).point, rel=0.01)
    assert np.array_equal(few.overlaps(), table.overlaps()) and np.array_equal(few.alone(), table.alone())
    assert np.array_equal(few.history_counts(), table.history_counts())


def test_average_with_departures_does_not_take_the_assumption_for_granted():
    table = mse.load_table(FOUR)
    plain, found = (mse.estimate(table, "average", seed=1, draws=400, **x) for x in ({}, {"departures": True}))
    assert "identifying" in [r.code for r in plain.verdict.reasons]
    assert "identifying" not in [r.code for r in found.verdict.reasons]
    assert found.identified.quantile(0.5) == plain.distribution.quantile(0.5)


def test_options_of_the_default_are_checked_before_anything_is_computed():
    with pytest.raises(ModelError, match="did you mean 'sd'"):
        make_spec("auto", {"sdd": 1.0})
    with pytest.raises(ModelError, match="departures"):
        make_spec("shrinkage", {"departures": "yes"})
    with pytest.raises(ModelError, match="departures"):
        make_spec("loglinear", {"departures": True})


def test_an_option_of_another_method_chooses_that_method():
    found = mse.estimate(mse.load_table(FOUR), max_order=2, sd=1.0, draws=400, seed=1)
    assert found.method == "average" and found.identified is None
    assert found.chosen.code == "chosen.by_options" and "max_order and sd" in str(found.chosen)
    assert choose(mse.load_table(FOUR), {"criterion": "bic_cells"}).method == "loglinear"
    bare = mse.estimate(mse.load_table(FOUR), departures=False, draws=400, seed=1)
    assert bare.method == "shrinkage" and bare.identified is None


def test_what_was_chosen_and_the_other_law_are_read_back(results, tmp_path):
    path = tmp_path / "posterior.nc"
    results.headline.save(path)
    again = mse.Posterior.load(path)
    assert again.chosen == results.headline.chosen
    assert np.array_equal(again.identified.cdf, results.headline.identified.cdf)
    replace(results.headline, identified=None, chosen=None).save(path)
    assert mse.Posterior.load(path).identified is None
