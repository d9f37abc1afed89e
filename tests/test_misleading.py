"""Inputs that once gave a misleading number or word, and their kinds: each with the right answer."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import mse
from mse import CaptureTable
from mse.cli import main
from mse.errors import InputError, ModelError
from mse.estimators.repeats.countfit import compare_families, one_inflation
from mse.estimators.simple.classical import ChaoSpec
from mse.estimators.simple.classical import estimate as simple
from mse.estimators.single.facefit import fit_on_face
from mse.terms import Model
from mse.words.said import said


def written(folder: Path, text: str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def call(*args: object):
    return CliRunner().invoke(main, [str(x) for x in args])


def independent(*chances: float, size: int = 100_000) -> CaptureTable:
    k = len(chances)
    p = [np.prod([c if h >> j & 1 else 1 - c for j, c in enumerate(chances)]) for h in range(1, 2**k)]
    return CaptureTable.from_arrays([*"ABCDE"[:k]], np.rint(size * np.array(p)).astype(int))


# ---- Chao


def test_chao_on_k_lists():
    three = CaptureTable.from_arrays([*"ABC"], [1280, 1280, 320, 1280, 320, 320, 80])
    assert mse.estimate(three, "chao").point == pytest.approx(10_000)
    assert mse.estimate(CaptureTable.from_arrays([*"AB"], [100, 100, 50]), "chao").point == pytest.approx(450)


@pytest.mark.parametrize("chances", [(0.2, 0.2, 0.2), (0.5, 0.1, 0.05), (0.4, 0.3, 0.02, 0.1), (0.6, 0.1)])
def test_no_bound_above_the_truth_on_independent_lists(chances):
    table = independent(*chances)
    by_list = simple(table, ChaoSpec("by list"), seed=1).point
    assert by_list == pytest.approx(100_000, rel=0.005)
    found = simple(table, ChaoSpec(), seed=1)
    f = table.history_counts()
    k = len(chances)
    assert found.point == pytest.approx(table.observed + f[0] ** 2 * (k - 1) / (2 * k * f[1]))
    # where unequal lists raise it, that is said with the number that is a bound
    assert (found.point > 1.05 * by_list) == any("differ in size" in str(note) for note in found.notes)


@pytest.mark.parametrize(("language", "word"), [("en", "at least about"), ("nl", "ten minste ongeveer")])
def test_a_bound_is_said_with_its_condition(tmp_path, language, word):
    written(tmp_path, "A,B,C,count\n1,0,0,1280\n0,1,0,1280\n0,0,1,1280\n1,1,0,320\n1,0,1,320\n0,1,1,320\n1,1,1,80\n")
    job = written(
        tmp_path, f'[table]\npath="t.csv"\n[estimate]\nmethod="chao"\n[report]\nlanguage="{language}"\n', "j.toml"
    )
    told = " ".join(call("run", job, "--out", tmp_path / "out").stdout.split())
    assert word not in told and ("if lists are" in told or "als lijsten" in told)


def test_an_interval_below_the_bound_is_a_reason():
    easy, hard = independent(0.7, 0.7, 0.7, size=2000), independent(0.1, 0.1, 0.1, size=20_000)
    table = CaptureTable.from_arrays([*"ABC"], easy.counts[0] + hard.counts[0])
    assert "bound" in {reason.code for reason in mse.estimate(table, "independence").verdict.reasons}
    assert "bound" not in {reason.code for reason in mse.estimate(easy, "independence").verdict.reasons}


# ---- lists inside others, the same, alone

SUBSET = "A,B,C,count\n1,0,0,500\n0,1,0,0\n0,0,1,90\n1,1,0,120\n1,0,1,60\n0,1,1,0\n1,1,1,20\n"


def test_a_list_inside_another(tmp_path):
    table = CaptureTable.from_csv(written(tmp_path, SUBSET))
    ranked = mse.rank_models(table).set_index("model")
    assert ranked.loc["[12,3]", "N"] == pytest.approx(1487.5) and 111 <= ranked.loc["[12,3]", "se"] <= 114.5
    assert ranked.loc["[12,23]", "N"] == pytest.approx(1540.0)
    assert ranked.loc["[12,3]", "p_value"] > 0.4 and ranked.loc["[1,2,3]", "p_value"] < 1e-30
    found = mse.estimate(table, "loglinear")
    assert found.point == pytest.approx(1487.5) and found.spec["model"] == "[12,3]"
    codes = {reason.code: reason for reason in found.verdict.reasons}
    assert codes["nested"].names == {"inner": "B", "outer": "A"}
    with pytest.raises(ModelError, match="fewer than the 790 persons"):
        mse.estimate(table, "chapman", pair=("A", "B"))
    rows = mse.compare(table, ["independence", "loglinear", "chapman", "chao", "sample-coverage"])
    assert (rows["point"].dropna() >= 790).all()
    assert rows["fit"].iloc[0] == "bad: deviance 158.0 on 3 df" and rows["fit"].iloc[1] == ""


def test_a_face_is_the_merged_table_where_lists_are_the_same():
    """A and B are one list: N is that of two lists, 140 × 110 / 20."""
    table = CaptureTable.from_arrays([*"ABC"], [0, 0, 120, 90, 0, 0, 20])
    found = fit_on_face(table, Model.parse("[12,3]", table.lists))
    assert found is not None and found.N == pytest.approx(140 * 110 / 20)


def test_a_list_alone_is_named():
    counts = np.array([40, 50, 12, 60, 9, 11, 4, 330, 0, 0, 0, 0, 0, 0, 0])
    verdict = mse.estimate(CaptureTable.from_arrays([*"ABCJ"], counts), "loglinear").verdict
    (reason,) = (reason for reason in verdict.reasons if reason.code == "no_overlap")
    assert reason.names["what"] == ("J",) and verdict.level != "publish"


def test_a_single_model_that_fits_badly_is_said_to():
    table = CaptureTable.from_arrays([*"ABC"], [300, 300, 200, 300, 20, 20, 5])
    assert "deviance" in {reason.code for reason in mse.estimate(table, "independence").verdict.reasons}


# ---- what columns are

GOLF = (
    "team1,team2,{0},{1},count\n0,1,0,0,10\n1,0,0,0,3\n1,1,0,0,1\n0,1,0,1,9\n1,0,0,1,1\n1,1,0,1,30\n0,1,1,0,13\n"
    "1,0,1,0,11\n1,1,1,0,22\n0,1,1,1,6\n1,0,1,1,5\n1,1,1,1,51\n"
)


@pytest.mark.parametrize("names", [("sex", "exposure"), ("geslacht", "minderjarig"), ("x1", "x2")])
def test_covariates_coded_0_and_1_are_asked_about(tmp_path, names):
    path = written(tmp_path, GOLF.format(*names))
    with pytest.raises(InputError, match="not clear whether this column is a list") as caught:
        CaptureTable.from_csv(path)
    assert {p.column for p in caught.value.problems} == set(names)
    assert CaptureTable.from_csv(path, covariates=names).lists == ("team1", "team2")
    assert CaptureTable.from_csv(path, lists=["team1", "team2", *names]).n_lists == 4
    assert call("estimate", path).exit_code == 2


def test_a_list_that_draws_from_several_others_is_a_list(tmp_path):
    """Nobody is on the last alone, and who is on it is on several others: like the funeral parlour of Caloocan."""
    rows = ["1,0,0,0,300", "0,1,0,0,200", "0,0,1,0,150", "1,1,0,0,80", "1,0,1,0,60", "0,1,1,0,50", "1,1,1,0,30"]
    members = ["1,0,0,1,3", "0,1,0,1,2", "1,1,0,1,20", "1,0,1,1,20", "1,1,1,1,20"]
    path = written(tmp_path, "\n".join(["A,B,C,parlour,count", *rows, *members]) + "\n")
    assert CaptureTable.from_csv(path).lists == ("A", "B", "C", "parlour")
    path = written(tmp_path, "\n".join(["A,B,C,parlour,count", *rows, "1,0,0,1,30", "0,1,0,1,20", *members[2:]]) + "\n")
    with pytest.raises(InputError, match="nobody is on it alone"):
        CaptureTable.from_csv(path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A,B,C,count\n1,0,1,9\n0,1,1,8\n1,1,1,4\n", "everybody is on it"),
        ("A,B,C,count\n1,1,0,9\n0,0,1,8\n1,1,1,4\n", "the same persons"),
        ("A,m,v,count\n1,1,0,9\n1,0,1,8\n0,1,0,4\n0,0,1,3\n", "nobody on both"),
    ],
)
def test_lists_that_hold_everybody_or_the_same_are_asked_about(tmp_path, text, why):
    with pytest.raises(InputError, match=why):
        CaptureTable.from_csv(written(tmp_path, text))


@pytest.mark.parametrize("coding", ["TRUE FALSE", "true false", "T F", "yes no", "ja nee", "Y N", "J N", "1 0"])
def test_cells_that_say_yes_or_no(tmp_path, coding):
    yes, no = coding.split()
    rows = [(40, 1, 0, 0), (50, 0, 1, 0), (60, 0, 0, 1), (12, 1, 1, 0), (9, 1, 0, 1), (11, 0, 1, 1), (4, 1, 1, 1)]
    lines = [",".join([*(yes if on else no for on in row[1:]), str(row[0])]) for row in rows]
    table = CaptureTable.from_csv(written(tmp_path, "A,B,C,count\n" + "\n".join(lines) + "\n"))
    assert table.counts[0].tolist() == [40, 50, 12, 60, 9, 11, 4]
    persons = "A,B,C\n" + "".join(line.rsplit(",", 1)[0] + "\n" for line in lines)
    assert CaptureTable.from_csv(written(tmp_path, persons), persons=True).observed == 7


@pytest.mark.parametrize("name", "count n N freq Freq aantal frequency weight".split())
def test_counts_by_the_names_that_people_give(tmp_path, name):
    path = written(tmp_path, f"A,B,{name}\n1,0,40\n0,1,50\n1,1,6\n")
    assert CaptureTable.from_csv(path).observed == 96
    path = written(tmp_path, f"nbcap,{name},note\n1,40,\n2,9,x\n3,2,\n")
    assert mse.RepeatCounts.from_csv(path, covariates=[]).observed == 51


def test_histories_as_strings(tmp_path):
    table = CaptureTable.from_csv(written(tmp_path, "ch,freq\n001,40\n010,50\n011,12\n100,60\n101,9\n110,11\n111,4\n"))
    assert table.n_lists == 3 and table.list_totals().tolist() == [84, 77, 65]
    lost = CaptureTable.from_csv(written(tmp_path, "ch,freq\n1,40\n10,50\n11,12\n100,60\n101,9\n110,11\n111,4\n"))
    assert lost == table and "put back" in str(lost.read_as)  # a spreadsheet took the zeros at their start


def test_columns_that_are_not_needed_do_not_stop_a_run(tmp_path):
    path = written(
        tmp_path, "id,date,sex,A,B\n1,2016-01-01,f,1,0\n2,2016-01-02,NA,0,1\n3,2016-01-02,,1,1\n4,2016-01-09,m,1,1\n"
    )
    assert CaptureTable.from_csv(path, persons=True).unread == ("id", "date", "sex")
    rows = written(tmp_path, "registrations,count,sex\n1,500,f\n2,60,f\n1,300,m\n2,30,m\n1,10,NA\n2,1,\n", "r.csv")
    done = call("repeats", rows)
    assert done.exit_code == 0 and "901 of them are in the register" in done.stdout and "not read: sex" in done.stdout
    assert call("repeats", rows, "--formula", "sex").exit_code == 2


def test_merge_and_drop_come_before_the_checks(tmp_path):
    path = written(tmp_path, "A,B,C,D\n1,1,0,0\n1,0,0,0\n0,1,0,0\n0,0,0,1\n")
    assert CaptureTable.from_csv(path, persons=True, drop=["C"]).observed == 4
    assert CaptureTable.from_csv(path, persons=True, drop=["C", "D"]).observed == 3
    assert CaptureTable.from_csv(path, persons=True, merge={"CD": ["C", "D"]}).lists == ("A", "B", "CD")
    with pytest.raises(ModelError, match="no list 'X'"):
        CaptureTable.from_csv(path, persons=True, drop=["X"])


# ---- strata

YEARS = (
    "A,B,year,count\n1,0,2019,40\n0,1,2019,50\n1,1,2019,6\n1,0,2020,40\n0,1,2020,50\n1,1,2020,9\n"
    "1,0,2021,0\n0,1,2021,0\n1,1,2021,0\n"
)


def test_a_stratum_with_nobody_has_no_number_and_stops_nothing(tmp_path):
    found = mse.estimate(CaptureTable.from_csv(written(tmp_path, YEARS)), "loglinear", by=["year"])
    assert found.strata.point[:2] == pytest.approx([429.33, 321.22], abs=0.01)
    assert found.strata.flags[2] == (said("flag.unregistered"),)
    assert said("note.unregistered", names=["2021"]) in found.notes


def test_what_was_summed_over_is_said(tmp_path):
    path = written(tmp_path, YEARS)
    assert "Summed over year" in call("estimate", path, "--method", "independence").stdout
    record = call("estimate", path, "--method", "independence", "--json").stdout
    assert json.loads(record[record.index("{") :])["summed_over"] == ["year"]


def test_everybody_is_registered_whatever_label_is_missing():
    rng = np.random.default_rng(1)
    counts = rng.integers(20, 60, size=(2, 3, 7))
    strata = {"year": ["2021", "2022"], "form": ["labour", "not known", "sexual"]}
    table = CaptureTable.from_arrays([*"ABC"], counts, strata=strata)
    formula = "~ A + B + C + year + form"
    found = mse.estimate(table, "covariates", unknown={"form": "not known"}, interval="lognormal", formula=formula)
    assert found.observed == counts.sum()
    assert found.strata.margin("year").observed.tolist() == counts.sum(axis=(1, 2)).tolist()
    assert found.strata.margin().observed.tolist() == [counts.sum()]
    assert found.strata.observed.tolist() == counts[:, [0, 2]].sum(axis=2).ravel().tolist()


# ---- one register, surveys


def test_too_many_ones_are_named():
    table = mse.RepeatCounts.from_arrays([1, 2, 3, 4, 5], [500, 60, 30, 12, 4])
    found = mse.estimate(table, "repeats", family="chao")
    assert any("were registered once" in str(note) for note in found.notes) and "no lower bound" in str(
        found.point_kind
    )
    assert mse.estimate(table, "repeats", family="chao-one-inflated").point == pytest.approx(
        606 + 2 * 60**3 / (9 * 30**2)
    )
    assert "chao-one-inflated" in set(compare_families(table)["family"])
    poisson = mse.RepeatCounts.from_arrays([1, 2, 3, 4, 5], [335, 251, 126, 47, 14])
    assert one_inflation(poisson).p_value > 0.2


def test_a_survey_prints_its_interval(tmp_path):
    path = written(tmp_path, "y\n" + "1\n" * 6 + "0\n" * 300)
    path.write_text("y\n" + "1\n" * 12 + "0\n" * 600)
    told = call("survey", path, "--outcome", "y").stdout.splitlines()[1].split()
    low, high = (float(told[i].rstrip("%")) for i in (2, 4))
    assert 0.5 < low < 1.96 < high < 6
    path.write_text("y\n" + "1\n" * 6 + "0\n" * 300)
    assert "not stated" in call("survey", path, "--outcome", "y").stdout


# ---- jobs


def test_every_setting_of_a_job_is_checked_before_anything_is_computed(tmp_path):
    written(tmp_path, YEARS)
    job = (
        '[table]\npath="t.csv"\n[estimate]\nmethod="independence"\n[assess]\nparts=["nonsense"]\n'
        "[registers]\nthreshold=1.5\n"
    )
    with pytest.raises(InputError, match="`parts` has a word that is unknown"):
        mse.read_job(str(written(tmp_path, job, "j.toml")))
    job = '[table]\npath="t.csv"\n[estimate]\nmethod="independence"\nby=["year"]\n'
    job += '[publish]\nchain="no.csv"\nsurvey="none.csv"\n'
    with pytest.raises(InputError) as caught:
        mse.run_job(mse.read_job(written(tmp_path, job, "j.toml")))
    assert len(caught.value.problems) == 2
    job = (
        '[table]\npath="t.csv"\n[estimate]\nmethod="independence"\nby=["year"]\n'
        '[[publish.at_risk]]\nname="x"\npersons=10\nwhere={ form = "labour" }\n[report]\ntime="quarter"\n'
    )
    with pytest.raises(InputError) as caught:
        mse.run_job(mse.read_job(written(tmp_path, job, "j.toml")))
    assert {p.value for p in caught.value.problems} == {"form", "quarter"}


def test_paths_are_texts_or_paths(tmp_path):
    written(tmp_path, YEARS)
    job = written(tmp_path, '[table]\npath="t.csv"\n[estimate]\nmethod="independence"\n', "j.toml")
    results = mse.run_job(mse.read_job(str(job)))
    for name in ("old", "new"):
        mse.write_results(str(tmp_path / name), results, lambda _: "")
    assert mse.read_results(str(tmp_path / "old")).headline.point == results.headline.point
    changes = mse.compare_results(str(tmp_path / "old"), str(tmp_path / "new"))
    assert changes.causes == () and changes.years is None
    release = mse.write_release(str(tmp_path / "old"), str(tmp_path / "given"))
    assert mse.verify_release(str(release), str(tmp_path / "old")) == ()


def test_the_table_of_the_tutorial_works_when_pasted(tmp_path):
    text = (Path(__file__).parent.parent / "docs" / "tutorial.md").read_text(encoding="utf-8")
    block = text[text.index("LA,NG,PFNCA") :].split("```")[0]
    assert CaptureTable.from_csv(written(tmp_path, block)).observed == mse.load_table("uk-2013-5").observed


@pytest.mark.slow
def test_the_flow_of_the_package_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, '[table]\nname="uk-2013-5"\n[estimate]\nmethod="loglinear"\n', "job.toml")
    names = {"mse": mse}
    for line in (line for line in (mse.__doc__ or "").splitlines() if line.startswith("    ")):
        exec(line.strip(), names)
    assert names["estimate"].observed == names["table"].observed and names["results"].tables
