"""Many tables, one row each; and what the verdict asks other methods for."""

import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import mse
from mse.answers.referees import Referee
from mse.assess.refereeing import Asked, settled
from mse.assess.rules import Thresholds
from mse.cli import main
from mse.estimators.methodspecs import make_spec
from mse.methods import checks, judged, run_or_fail
from mse.tables.captures import CaptureTable

ONE = mse.Compute(workers=1)


def tables():
    rng = np.random.default_rng(1)
    return [CaptureTable.from_arrays("ABC", rng.poisson([60, 50, 20, 40, 15, 12, 6]), name=f"t{i}") for i in range(3)]


def test_a_row_is_the_answer_to_its_table(tmp_path):
    one = CaptureTable.from_arrays("ABCDEFG", np.arange(127) % 5, name="seven")
    found = mse.estimate_many([*tables(), one], "chao", seed=3, compute=ONE)
    assert found["table"].tolist() == ["t0", "t1", "t2", "seven"]
    assert found["lists"].tolist() == [3, 3, 3, 7]
    for table, (_, row) in zip(tables(), found.iterrows(), strict=False):
        answer = mse.estimate(table, "chao", seed=3, compute=ONE)
        assert row["registered"] == table.observed and row["status"] == "ok"
        told = answer.summary(0.95)
        assert [row["point"], row["low"], row["high"]] == [told.point, told.low, told.high]
        assert row["verdict"] == answer.verdict.level
        assert row["reasons"] == ",".join(reason.code for reason in answer.verdict.reasons)
    kept = mse.Compute(workers=1, folder=tmp_path / "parts")
    again = mse.estimate_many({t.name: t for t in [*tables(), one]}, "chao", seed=3, compute=kept)
    pd.testing.assert_frame_equal(found, again)
    assert any((tmp_path / "parts").iterdir())


def test_a_table_without_an_answer_is_a_row():
    bad = CaptureTable.from_arrays("AB", [3, 4, 2], name="two")
    found = mse.estimate_many([tables()[0], bad], "decomposable", seed=1, compute=ONE)
    assert found["status"][0] == "ok" and "2 lists" in found["status"][1]
    assert np.isnan(found["point"][1]) and "status" in json.loads(found["said"][1])
    with pytest.raises(mse.MseError):
        mse.estimate_many(tables(), "no such method")
    with pytest.raises(mse.MseError):
        mse.estimate_many([])


def test_several_files_on_the_command_line(tmp_path):
    paths = []
    for table in tables()[:2]:
        path = tmp_path / f"{table.name}.csv"
        rows = [f"{h & 1},{h >> 1 & 1},{h >> 2 & 1},{n}" for h, n in enumerate(table.counts[0], 1)]
        path.write_text("A,B,C,count\n" + "\n".join(rows) + "\n")
        paths.append(str(path))
    said = CliRunner().invoke(main, ["estimate", *paths, str(tmp_path / "none.csv"), "--method", "chao", "--json"])
    assert said.exit_code == 0, said.output
    rows = json.loads(said.stdout)
    assert [row["status"] == "ok" for row in rows] == [True, True, False]
    assert "no such file" in rows[2]["status"]
    wrong = CliRunner().invoke(main, ["estimate", *paths, "--out", str(tmp_path / "out")])
    assert wrong.exit_code == 2 and not (tmp_path / "out").exists()


def test_a_table_that_fails_says_in_its_language_what_to_do(tmp_path):
    two, one = tmp_path / "two.csv", tmp_path / "one.csv"
    two.write_text("A,B,count\n1,0,30\n0,1,40\n1,1,20\n")
    one.write_text("A,B,C,count\n1,0,0,30\n0,1,0,40\n0,0,1,20\n1,1,0,9\n1,0,1,8\n0,1,1,7\n1,1,1,3\n")
    asked = ["estimate", str(one), str(two), "--method", "decomposable", "--language"]
    for language, words in (("en", ("Allowed: ", "Do: ")), ("nl", ("Toegestaan: ", "Doe: "))):
        found = CliRunner().invoke(main, [*asked, language])
        assert found.exit_code == 0, found.output
        status = pd.read_csv(io.StringIO(found.stdout))["status"]
        assert status[0] == "ok" and all(x in status[1] for x in words), status[1]
        assert ("Do: " in status[1]) == (language == "en")


def asked(point, exact, within=1.1, wider=1.2, width=2.0):
    calls = []

    def answer():
        calls.append(point)
        return Referee(exact, exact / width, exact * width, True)

    return Asked(Referee(point, point / width, point * width, True, 0.0, within, wider), answer), calls


def test_a_rough_answer_stands_unless_the_rules_depend_on_it():
    answer = mse.estimate(tables()[0], "chao", seed=1, compute=ONE)
    near, calls = asked(answer.point, answer.point)
    limits = Thresholds(narrower=(1e9, 1e9))
    assert settled(answer, {"near": near}, limits)["near"].within == 1.1 and not calls
    far, calls = asked(4.0 * answer.point, 4.1 * answer.point)
    found = settled(answer, {"far": far}, limits)
    assert found["far"].point == pytest.approx(4.1 * answer.point) and calls
    middle, calls = asked(2.0 * answer.point, 2.0 * answer.point)
    exact, _ = asked(4.0 * answer.point, 4.0 * answer.point, 1.0, 1.0)
    assert settled(answer, {"middle": middle, "exact": exact}, limits)["middle"].within == 1.1 and not calls
    wide, calls = asked(answer.point, answer.point, width=1e6)
    settled(answer, {"wide": wide}, Thresholds())
    assert calls


def test_specs_that_are_kept_keep_their_kinds():
    assert make_spec("average", {"corrected": 0.5}) is make_spec("average", {"corrected": 0.5})
    assert make_spec("shrinkage", {"strata": True}).strata is True
    with pytest.raises(mse.MseError):
        make_spec("shrinkage", {"strata": 1})


PUBLIC = [x.name for x in mse.list_tables() if x.kind == "overlap" and 3 <= len(x.lists) <= 5]


@pytest.mark.parametrize(
    "name", [name if name == "gaza-2023-2024-3" else pytest.param(name, marks=pytest.mark.slow) for name in PUBLIC]
)
def test_the_verdict_is_that_of_exact_answers(name):
    """What the verdict finds and says with answers as rough as it may be, and with every answer whole."""
    table = mse.load_table(name)
    answer = mse.estimate(table, seed=1, compute=ONE)
    asked = [run_or_fail(table, request, 1, ONE) for request in checks(table, answer.method)]
    whole = judged(replace(answer, verdict=None), table, asked)
    assert answer.verdict.level == whole.verdict.level and answer.verdict.checked == whole.verdict.checked
    assert [r.code for r in answer.verdict.reasons] == [r.code for r in whole.verdict.reasons]
    for mine, theirs in zip(answer.verdict.reasons, whole.verdict.reasons, strict=True):
        assert dict(mine.figures) == pytest.approx(dict(theirs.figures), rel=1e-9)
