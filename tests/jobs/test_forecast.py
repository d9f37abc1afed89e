"""What a job will compute, and how long: stages, workers that pay, machines that are slower."""

import json
from importlib import import_module

import pytest
from click.testing import CliRunner

from mse import MseError, load_table, plan, read_job
from mse.cli import main
from mse.estimators.registry import METHODS
from mse.jobs.forecast import Plan, Stage, cost_at, costs
from mse.words.said import said


def test_every_method_for_lists_was_measured():
    named = {name for name, row in METHODS.items() if row.reads == "CaptureTable" and name != "auto"}
    assert set(costs()["methods"]) == named
    assert all(seconds > 0 for by in costs()["methods"].values() for seconds in by.values())


def test_two_thousand_tables_take_two_thousand_times_the_work_and_are_worth_many_workers():
    one = plan(load_table("kosovo-1999-4"), speed=1.0)
    many = plan(load_table("kosovo-1999-4"), tables=2000, workers=8, speed=1.0)
    start = one.stages[0].seconds
    assert many.seconds - start == pytest.approx(2000 * (one.seconds - start))
    assert one.paying == 1 and many.paying > 8
    assert many.seconds / 9 < many.lasts(8) < many.seconds / 6


def test_strata_apart_are_shared_by_workers_and_fill_memory():
    table = load_table("spina-bifida-3-ethnicity")
    dim = next(iter(table.strata))
    few = plan(table, "average", by=[dim], speed=1.0)
    many = plan(table, "average", by=[dim], strata=2000, speed=1.0)
    assert few.strata == len(table.strata[dim]) and many.mebibytes > few.mebibytes + 500
    assert max(stage.tasks for stage in many.stages) == 200


def test_a_slower_machine_takes_longer():
    job = read_job("models/uk-2013.toml")
    assert plan(job, speed=0.5).seconds == pytest.approx(2 * plan(job, speed=1.0).seconds)


def test_registers_are_planned_from_what_they_will_be():
    found = plan(read_job("models/national-simulated.toml"), speed=1.0)
    codes = [stage.what.code for stage in found.stages]
    assert "plan.registers" in codes and found.lists >= 3


def test_costs_are_carried_on_beyond_what_was_measured():
    assert cost_at({"3": 1.0, "4": 2.0}, 4) == (2.0, True)
    assert cost_at({"3": 1.0, "4": 2.0}, 6) == (8.0, False)
    assert cost_at({"3": 1.0, "4": 2.0}, 2) == (1.0, False)


def test_workers_pay_as_long_as_each_saves_a_twentieth():
    alone = Plan((Stage(said("plan.start"), 1, 60.0),), 3, 1, 1, 300.0, None, 1.0)
    both = Plan((Stage(said("plan.start"), 1, 1.0), Stage(said("plan.verdict"), 64, 64.0, 64)), 3, 1, 1, 9.0, 4, 1.0)
    assert alone.paying == 1 and both.lasts(4) == 17.0 and 8 <= both.paying <= 64


def test_what_is_wrong_is_said_at_once():
    with pytest.raises(MseError) as caught:
        plan(load_table("kosovo-1999-4"), tables=0, workers=-1)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(("language", "word"), [("en", "workers pay"), ("nl", "rekenprocessen loont")])
def test_the_command_speaks_both_languages(language, word):
    found = CliRunner().invoke(main, ["plan", "models/uk-2013.toml", "--language", language])
    assert found.exit_code == 0 and word in found.output.replace("\n", " ")


def test_json_holds_codes_and_numbers():
    found = CliRunner().invoke(main, ["plan", "kosovo-1999-4", "--tables", "2000", "--json"])
    record = json.loads(found.output)
    assert record["tables"] == 2000 and record["workers_that_pay"] > 2
    assert {stage["said"]["code"] for stage in record["stages"]} >= {"plan.start", "plan.estimate", "plan.verdict"}
    assert import_module("mse").plan is plan
