"""Jobs and the command line: the whole path, and every way in which a job can be wrong."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import mse
from mse.answers.results import ESTIMATES, MODELS, POSTERIOR, PROVENANCE, PUBLIC, REPORT, TABLES, read_results
from mse.assess.rules import Thresholds
from mse.cli import main
from mse.errors import InputError
from mse.jobs.chainjob import make_chain_job
from mse.jobs.figurejob import make_figures
from mse.jobs.job import make_job, read_job
from mse.jobs.running import run_job
from mse.settings.specfields import settings_of
from mse.shipped import shipped_jobs, shipped_path

FILES = {POSTERIOR, ESTIMATES, MODELS, PROVENANCE, PUBLIC, TABLES}
GOLDEN = Path(__file__).parents[1] / "golden"
SMALL = '[table]\nname = "hepatitis-taiwan-3"\n[run]\nseed = 4\n'


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)


def test_run_writes_its_files_and_nothing_else(here):
    (here / "job.toml").write_text(SMALL)
    done = call("run", "job.toml")
    assert done.exit_code == 0
    assert set(os.listdir(here)) == {"job.toml", "results"}
    assert set(os.listdir(here / "results" / "job")) == FILES - {MODELS}  # the default has one model
    assert "Verdict" in done.stdout and "report.html" in done.stdout
    rows = pd.read_csv(here / "results" / "job" / ESTIMATES)
    assert rows["headline"].tolist()[0] and rows["headline"].sum() == 1
    beside = {"average", "loglinear", "decomposable", "sample-coverage", "chao", "independence"}
    assert {"shrinkage", *beside} == set(rows["method"])
    record = json.loads((here / "results" / "job" / PROVENANCE).read_text())
    assert record["table"]["digest"] == mse.load_table("hepatitis-taiwan-3").digest
    assert record["seed"] == 4 and record["versions"]["mse-engine"] == mse.__version__


def test_run_twice_is_byte_identical(here):
    (here / "job.toml").write_text(SMALL)
    call("run", "job.toml", "--out", "a", "--workers", "1")
    call("run", "job.toml", "--out", "b", "--workers", "2")
    files = {x.relative_to(here / "a") for x in (here / "a").rglob("*") if x.is_file()}
    assert {str(x.parts[0]) for x in files} == FILES - {MODELS}
    for name in files:
        assert (here / "a" / name).read_bytes() == (here / "b" / name).read_bytes(), name


def test_folder_that_exists_is_kept_unless_asked(here):
    (here / "job.toml").write_text(SMALL)
    (here / "out").mkdir()
    assert call("run", "job.toml", "--out", "out").exit_code == 0
    before = (here / "out" / PROVENANCE).stat().st_mtime_ns
    again = call("run", "job.toml", "--out", "out")
    assert again.exit_code == 2 and "--overwrite" in again.stderr
    assert (here / "out" / PROVENANCE).stat().st_mtime_ns == before
    assert call("run", "job.toml", "--out", "out", "--overwrite").exit_code == 0
    (here / "other").mkdir()
    (here / "other" / "precious.txt").write_text("mine")
    refused = call("run", "job.toml", "--out", "other", "--overwrite")
    assert refused.exit_code == 2 and (here / "other" / "precious.txt").read_text() == "mine"


def test_files_that_are_not_ours_are_never_deleted(here):
    (here / "job.toml").write_text(SMALL)
    call("run", "job.toml", "--out", "out")
    (here / "out" / "mynotes.txt").write_text("mine")
    refused = call("run", "job.toml", "--out", "out", "--overwrite")
    assert refused.exit_code == 2 and "mynotes.txt" in refused.stderr
    assert (here / "out" / "mynotes.txt").read_text() == "mine"
    (here / "fake").mkdir()
    (here / "fake" / PROVENANCE).write_text("{}")
    assert call("run", "job.toml", "--out", "fake", "--overwrite").exit_code == 2


def test_places_that_cannot_be_written_are_refused_before_anything_is_computed(here):
    (here / "job.toml").write_text(SMALL)
    (here / "afile").write_text("x")
    (here / "link").symlink_to(here)
    for place in ("afile/x", "afile", "link"):
        done = call("run", "job.toml", "--out", place)
        assert done.exit_code == 2 and "--out" in done.stderr and "fitting" not in done.stderr, place


def test_report_renders_again_to_the_same_bytes(here):
    (here / "job.toml").write_text(SMALL)
    call("run", "job.toml", "--out", "out")
    page = (here / "out" / REPORT).read_bytes()
    (here / "out" / REPORT).unlink()
    assert call("report", "out").exit_code == 0
    assert (here / "out" / REPORT).read_bytes() == page


def test_results_read_back(here):
    (here / "job.toml").write_text(SMALL)
    call("run", "job.toml", "--out", "out")
    direct, stored = run_job(read_job(Path("job.toml"))), read_results(Path("out"))
    assert stored.headline.summary() == direct.headline.summary()
    assert stored.comparison["point"].tolist() == pytest.approx(direct.comparison["point"].tolist(), nan_ok=True)


@pytest.mark.parametrize("missing", [POSTERIOR, ESTIMATES, PROVENANCE])
def test_damaged_results(here, missing):
    (here / "job.toml").write_text(SMALL)
    call("run", "job.toml", "--out", "out")
    (here / "out" / missing).unlink()
    done = call("report", "out")
    assert done.exit_code == 2 and missing in done.stderr
    (here / "out" / missing).write_text("{")
    assert call("report", "out").exit_code == 2


def test_relative_path_is_relative_to_the_job(here):
    (here / "sub").mkdir()
    mse.load_table("hepatitis-taiwan-3").to_pandas(zeros=False).to_csv(here / "sub" / "mine.csv", index=False)
    (here / "sub" / "job.toml").write_text('[table]\npath = "mine.csv"\n[report]\npopulation = "students"\n')
    done = call("run", "sub/job.toml", "--json")
    assert done.exit_code == 0
    record = json.loads(done.stdout)
    assert record["folder"] == "results/job" and record["estimate"]["observed"] == 271
    assert "not" in (here / "results" / "job" / REPORT).read_text().lower()
    stored = json.loads((here / "results" / "job" / PROVENANCE).read_text())
    assert stored["table"]["public"] is False and stored["table"]["file"]["digest"].startswith("hmac-sha256:")
    assert str(here) not in json.dumps(stored)


def test_merge_and_drop(here):
    (here / "job.toml").write_text(
        '[table]\nname = "uk-2013-6"\ndrop = ["GP"]\n[table.merge]\nPFNCA = ["PF", "NCA"]\n[estimate]\nmax_order = 2\n'
    )
    assert run_job(read_job(Path("job.toml"))).headline.table_digest == mse.load_table("uk-2013-4").digest


def test_headline_may_be_any_method_and_the_comparison_is_chosen(here):
    (here / "job.toml").write_text(
        SMALL + '[estimate]\nmethod = "decomposable"\ndelta = 0.5\n'
        '[[compare]]\nmethod = "loglinear"\nmodel = "[12,3]"\n[[compare]]\nmethod = "average"\n'
        '[compare.sd]\n"0.5" = 1\n"2.0" = 1\n'
    )
    results = run_job(read_job(Path("job.toml")))
    assert results.comparison["method"].tolist() == ["decomposable", "loglinear", "average"]
    assert (results.comparison["status"] == "ok").all()


def test_thresholds_of_the_job(here):
    (here / "job.toml").write_text(SMALL + "[verdict]\nobserved = [10000, 5000]\n")
    assert "observed" in {r.code for r in run_job(read_job(Path("job.toml"))).headline.verdict.reasons}


BAD = {
    "unknown key": (SMALL + "[report]\npopulatoin = 'x'\n", ["row 6", "report.populatoin", "unknown key"]),
    "unknown section": (SMALL + "[reprot]\n", ["row 5", "reprot", "unknown key"]),
    "wrong type": ("[table]\nname = 5\n", ["row 2", "table.name", "a text", "'5'"]),
    "wrong range": (SMALL + "prob = 95\n", ["row 5", "run.prob", "above 0 and below 1"]),
    "no table": ("[run]\nseed = 1\n", ["table", "no source of data"]),
    "two tables": ("[table]\nname = 'uk-2013-5'\npath = 'x.csv'\n", ["either name"]),
    "unknown method": (SMALL + "[estimate]\nmethod = 'averge'\n", ["row 6", "unknown", "did you mean 'average'"]),
    "unknown option": (SMALL + "[estimate]\nmethod='average'\nsdd = 1\n", ["row 7", "sdd", "did you mean 'sd'"]),
    "option out of range": (
        SMALL + "[estimate]\nmethod='average'\nsd = -1.0\n",
        ["estimate.sd", "`sd` is out of range", "above 0"],
    ),
    "option of a wrong type": (SMALL + "[estimate]\nmethod='average'\nsd = 'wide'\n", ["wrong type"]),
    "not TOML": ("[table\n", ["not TOML", "line 1"]),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_job(here, kind):
    text, fragments = BAD[kind]
    (here / "job.toml").write_text(text)
    done = call("run", "job.toml")
    assert done.exit_code == 2 and done.stdout == ""
    for fragment in ["job.toml", "Allowed", "Do", *fragments]:
        assert fragment in done.stderr, done.stderr
    assert os.listdir(here) == ["job.toml"]


def test_all_problems_of_a_job_at_once(here):
    (here / "job.toml").write_text("[table]\nnam = 'x'\n[run]\nseed = -1\nprob = 'high'\n[extra]\n")
    with pytest.raises(InputError) as error:
        read_job(Path("job.toml"))
    assert len(error.value.problems) >= 4


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ('[table]\nname = "uk-2031"\n', ["uk-2031", "did you mean"]),
        ('[table]\npath = "none.csv"\n', ["none.csv"]),
        ('[table]\nname = "uk-2013-5"\n[estimate]\nmethod = "loglinear"\nmodel = "[12,9]"\n', ["9"]),
        ('[table]\nname = "uk-2013-5"\n[estimate]\nmethod = "loglinear"\nmodel = "XX:NG"\n', ["XX"]),
        ('[table]\nname = "uk-2013-5"\ndrop = ["XX"]\n', ["XX"]),
        ('[table]\nname = "new-orleans-8-n185"\n[estimate]\nmethod = "average"\n', ["8 lists", "merge"]),
        ('[table]\nname = "irregular-immigrants-netherlands-repeat"\n', ["not an overlap table"]),
    ],
)
def test_job_that_does_not_fit_its_table(here, text, fragments):
    (here / "job.toml").write_text(text)
    done = call("run", "job.toml")
    assert done.exit_code == 2
    for fragment in fragments:
        assert fragment in done.stderr
    assert os.listdir(here) == ["job.toml"]


def test_job_file_that_is_not_there(here):
    done = call("run", "nothing.toml")
    assert done.exit_code == 2 and "uk-2013.toml" in done.stderr


def test_shipped_job_runs_from_any_folder(here):
    assert read_job(Path("models/uk-2013.toml")).table.name == "uk-2013-5"
    for name in shipped_jobs():
        read_job(shipped_path("models", name))


def test_estimate_own_table(here):
    mse.load_table("hepatitis-taiwan-3").to_pandas(zeros=False).to_csv("mine.csv", index=False)
    done = call("estimate", "mine.csv", "--json")
    assert done.exit_code == 0 and os.listdir(here) == ["mine.csv"]
    record = json.loads(done.stdout)
    assert {"title", "estimate", "humps", "methods", "models", "interactions", "diagnostics"} <= set(record)
    assert record["estimate"]["verdict"]["level"] in ("publish", "publish with caution", "do not publish")
    assert call("estimate", "mine.csv", "--method", "decomposable", "--delta", "1", "--saturated").exit_code == 0
    wrong = call("estimate", "mine.csv", "--method", "chao", "--delta", "1")
    assert wrong.exit_code == 2 and "delta" in wrong.stderr


def test_estimate_from_persons(here):
    rows = ["A,B,C"] + ["1,0,0"] * 30 + ["0,1,0"] * 20 + ["0,0,1"] * 25 + ["1,1,0"] * 8 + ["0,1,1"] * 6 + ["1,0,1"] * 4
    (here / "persons.csv").write_text("\n".join(rows) + "\n")
    done = call("estimate", "persons.csv", "--persons", "--method", "independence", "--json")
    assert done.exit_code == 0 and json.loads(done.stdout)["estimate"]["observed"] == 93
    understood = call("estimate", "persons.csv", "--method", "independence", "--json")
    assert json.loads(understood.stdout)["estimate"] == json.loads(done.stdout)["estimate"]
    assert "3 lists (A, B, C), 6 histories, one row per person" in understood.stderr
    (here / "few.csv").write_text("A,B,C\n1,0,0\n0,1,0\n0,0,1\n1,1,0\n")  # no row twice: counts may be missing
    refused = call("estimate", "few.csv")
    assert refused.exit_code == 2 and "--persons" in refused.stderr


def test_bad_table_from_the_command_line(here):
    (here / "bad.csv").write_text("A,B,C,count\n1,0,0,-5\n0,2,0,3\n1,1,0,x\n1,0,1,2\n0,1,1,2\n0,0,1,4\n0,1,0,3\n")
    done = call("estimate", "bad.csv", "--out", "out")
    assert done.exit_code == 2 and done.stdout == ""
    for fragment in ("row 2", "row 3", "row 4", "'-5'", "'2'", "'x'"):
        assert fragment in done.stderr
    assert os.listdir(here) == ["bad.csv"]


def test_models_and_compare_and_data(here):
    ranked = json.loads(call("models", "kosovo-1999-4", "--top", "3", "--json").stdout)
    assert ranked[0]["model"] == "[123,14,34]" and ranked[0]["N"] == pytest.approx(10356.5189572519)
    assert "[123,14,34]" in call("models", "kosovo-1999-4").stdout
    rows = json.loads(call("compare", "kosovo-1999-4", "--method", "chao", "--method", "average", "--json").stdout)
    assert [row["method"] for row in rows] == ["chao", "average"]
    listed = call("data")
    assert listed.exit_code == 0 and listed.stdout.count("\n") == 38
    assert {info["name"] for info in json.loads(call("data", "--json").stdout)} >= {"uk-2013-5", "western-us-5"}
    one = call("data", "uk-2013-5")
    assert "Local authorities" in one.stdout and "22,991" in one.stdout
    assert call("data", "uk").exit_code == 2


def test_help_names_every_command():
    shown = call("--help").stdout
    for command in ("run", "estimate", "compare", "models", "data", "report"):
        assert f"\n  {command}" in shown
        assert call(command, "--help").exit_code == 0
    assert mse.__version__ in call("--version").stdout


def test_one_register_from_the_command_line(here):
    done = call("repeats", "irregular-immigrants-netherlands-repeat", "--family", "poisson", "--interval", "normal",
                "--json")  # fmt: skip
    record = json.loads(done.stdout)
    assert done.exit_code == 0 and round(record["estimate"]["point"]) == 7080
    assert {row["family"] for row in record["families"]} == {"poisson", "geometric", "negbin", "zelterman", "chao"}
    (here / "register.csv").write_text("registrations,sex,count\n1,f,80\n1,m,300\n2,f,9\n2,m,60\n3,m,12\n3,f,1\n")
    done = call("repeats", "register.csv", "--formula", "sex", "--by", "sex")
    assert done.exit_code == 0 and "Verdict: PUBLISH WITH CAUTION" in done.stdout and "sex" in done.stdout
    done = call("repeats", "register.csv", "--by", "sex", "--out", "one")
    assert done.exit_code == 0 and call("report", "one", "--language", "nl").exit_code == 0
    shown = "".join(path.read_text() for path in (here / "one").iterdir())
    assert "Publiceren" in shown and "sex = m" in shown
    assert call("repeats", "register.csv", "--out", "one").exit_code == 2
    assert call("repeats", "register.csv", "--out", "one", "--overwrite").exit_code == 0
    wrong = call("repeats", "register.csv", "--formula", "age")
    assert wrong.exit_code == 2 and "age" in wrong.stderr
    assert call("repeats", "register.csv", "--family", "normal").exit_code == 2


def test_persons_from_the_command_line(here):
    table = GOLDEN / "drpop" / "drpop_sim_n3000_l3_seed1.csv"
    done = call("persons", table, "--list", "y1", "--list", "y2", "--json")
    record = json.loads(done.stdout)
    assert done.exit_code == 0 and record["estimate"]["point"] == pytest.approx(3000, rel=0.05)
    assert len(record["pairs"]) == 1
    wrong = call("persons", table, "--list", "y1", "--list", "y9")
    assert wrong.exit_code == 2 and "y9" in wrong.stderr


CHAO = "[[compare]]\nmethod = 'chao'\n"
WRONG = {
    "a grid that is none": (SMALL + "[estimate]\nsd = {a=1}\n", ["row 6", "sd"]),
    "order of thresholds": (SMALL + "[verdict]\nobserved = [9, 1]\nwidth = [9, 1]\n", ["row 7", "wrong order"]),
    "a number too few": (SMALL + "[verdict]\nwidth = [1]\n", ["row 6", "a list of two"]),
    "yes and no": (SMALL.replace("[run]", "persons = 'no'\n[run]"), ["row 3", "true or false"]),
    "a section that is none": ("table = 5\n", ["row 1", "a section with the keys name, path, persons"]),
    "keys of the section": (SMALL + "[report]\nperson = 'x'\n", ["row 6", "population, period, territory"]),
    "reading a public table": (SMALL.replace("[run]", "persons = true\n[run]"), ["row 1", "file of your own"]),
    "the key in its section": ("title = 'seed'\n" + SMALL.replace("4", "-1"), ["row 5", "run.seed", "0 or more"]),
    "an option in its section": (SMALL + CHAO + CHAO + "form = 'x'\n", ["row 9"]),
    "unknown table": ('[table]\nname = "uk-2031"\n', ["row 2"]),
    "wrong lists": ('[table]\nname = "uk-2013-5"\ndrop = ["XX", "YY"]\n', ["row 3", "XX", "YY"]),
    "wrong merge": ('[table]\nname = "uk-2013-5"\n[table.merge]\nP = ["XX"]\n', ["row 3", "XX"]),
    "impossible model": (SMALL + "[estimate]\nmethod = 'loglinear'\nmodel = '[12,9]'\n", ["row 7"]),
    "no such path": ('[table]\npath = "a\\u0000b.csv"\n', ["NUL"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_told_with_its_row_and_in_plain_words(here, kind):
    text, fragments = WRONG[kind]
    (here / "job.toml").write_text(text)
    done = call("run", "job.toml")
    assert done.exit_code == 2 and done.stdout == ""
    for fragment in fragments + ([] if kind == "no such path" else ["job.toml"]):
        assert fragment in done.stderr, done.stderr
    assert "valid" not in done.stderr and "instance" not in done.stderr


def test_unknown_keys_do_not_hide_wrong_options(here):
    text = "extra = 1\n" + SMALL + "[estimate]\nsdd = 1\n[[compare]]\nmethod = 'averge'\n"
    (here / "job.toml").write_text(text)
    done = call("run", "job.toml")
    assert done.stderr.startswith("mse: 3 problems")
    for fragment in ("row 1,", "row 7", "row 9", "did you mean 'average'"):
        assert fragment in done.stderr


def test_a_byte_order_mark_is_no_fault(here):
    (here / "job.toml").write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert read_job(Path("job.toml")).run.seed == 4
    with pytest.raises(InputError, match="cannot be read"):
        read_job(Path("a\0b.toml"))


def test_command_lines_that_cannot_be(here):
    for arguments, fragment in (
        (["estimate", "x" * 300], "cannot be opened"),
        (["estimate", "uk-2013-55"], "did you mean uk-2013-5?"),
        (["repeats", "taxicab-edinburg-repeat"], "did you mean taxicab-edinburgh-repeat?"),
        (["estimate", "a\0b"], "NUL"),
        (["models", "kosovo-1999-4", "--persons"], "--persons"),
        (["compare", "kosovo-1999-4", "--covariate", "sex"], "--covariate"),
        (["repeats", "irregular-immigrants-netherlands-repeat", "--sum-duplicates"], "--sum-duplicates"),
        (["estimate", "kosovo-1999-4", "--set", "sd={a=1}"], "sd"),
        (["estimate", "kosovo-1999-4", "--set", "method=3"], "method"),
        (["estimate", "kosovo-1999-4", "--method", "chao", "--set", "bias_corrected=no"], "true or false"),
    ):
        done = call(*arguments)
        assert done.exit_code == 2 and fragment in done.stderr, done.output


def test_printed_probabilities_keep_their_digits(here):
    done = call("compare", "kosovo-1999-4", "--method", "chao", "--prob", "0.95")
    assert " 0.95 " in done.stdout
    assert call("models", "kosovo-1999-4", "--workers", "1").stdout == call("models", "kosovo-1999-4").stdout


def test_every_threshold_can_be_set_in_a_job():
    for name, setting in settings_of(Thresholds).items():
        pair = [1, 1] if isinstance(setting.default, tuple) else 1
        job = make_job({"table": {"name": "uk-2013-4"}, "verdict": {name: pair}})
        assert getattr(job.verdict, name) == (tuple(pair) if isinstance(pair, list) else pair)
        assert job.as_record()["verdict"] in ({name: pair}, {})


@pytest.mark.parametrize("make", [make_job, make_figures, make_chain_job])
def test_settings_that_no_file_can_hold_are_refused_by_every_kind_of_job(make):
    with pytest.raises(InputError, match="the settings cannot be used"):
        make({"title": 2**70})
