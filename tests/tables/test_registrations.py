"""Tables of repeat registrations: reading, every fault at once, and the value itself."""

import pickle

import numpy as np
import pandas as pd
import pytest

from mse.errors import InputError, ModelError
from mse.shipped import load_repeats, load_table
from mse.tables.covariates import design
from mse.tables.repeats import RepeatCounts

DUTCH = "irregular-immigrants-netherlands-repeat"


def written(tmp_path, text):
    path = tmp_path / "register.csv"
    path.write_text(text, encoding="utf-8")
    return path


def refused(tmp_path, text, **options):
    with pytest.raises(InputError) as caught:
        RepeatCounts.from_csv(written(tmp_path, text), **options)
    return caught.value.problems


def test_the_public_table():
    table = load_repeats(DUTCH)
    assert table.frequencies().tolist() == [1645, 183, 37, 13, 1, 1]
    assert (table.observed, table.total, table.name) == (1880, 2185, DUTCH)


def test_each_kind_of_table_says_how_the_other_is_loaded():
    with pytest.raises(ModelError, match="load_repeats"):
        load_table(DUTCH)
    with pytest.raises(ModelError, match="load_table"):
        load_repeats("uk-2013-5")


def test_file_frame_and_arrays_agree(tmp_path):
    text = "registrations;count;gender;age\n1;10;f;30\n2;3;f;30\n1;7;m;41.5\n3;0;m;41.5\n2;1;m;50\n"
    table = RepeatCounts.from_csv(written(tmp_path, text), name="x")
    assert table == RepeatCounts.from_frame(table.to_pandas())
    assert table == RepeatCounts.from_arrays(
        [1, 2, 1, 2], [10, 3, 7, 1], covariates={"gender": ["f", "f", "m", "m"], "age": [30, 30, 41.5, 50]}
    )
    assert table.covariates["gender"].dtype.kind == "U" and table.covariates["age"].dtype.kind == "f"
    assert table == pickle.loads(pickle.dumps(table)) and hash(table) == hash(pickle.loads(pickle.dumps(table)))
    with pytest.raises(ValueError):
        table.counts[0] = 1


def test_persons_are_added_up(tmp_path):
    text = "id,registrations,gender\na,1,f\nb,1,f\nc,2,m\nd,1,m\n"
    table = RepeatCounts.from_csv(written(tmp_path, text), persons=True, covariates=["gender"])
    assert table.counts.tolist() == [2, 1, 1] and table.observed == 4
    frame = pd.read_csv(tmp_path / "register.csv")
    assert table == RepeatCounts.from_frame(frame, count=None, covariates=["gender"])


def test_covariates_that_are_left_out_are_summed_over(tmp_path):
    text = "registrations,count,gender\n1,10,f\n1,7,m\n2,3,f\n2,1,m\n"
    table = RepeatCounts.from_csv(written(tmp_path, text), covariates=[])
    assert table.counts.tolist() == [17, 4] and not table.covariates


def test_digest_depends_on_the_content_alone():
    one = RepeatCounts.from_arrays([1, 2], [5, 2], covariates={"a": ["x", "y"]}, name="one")
    assert one == RepeatCounts.from_arrays([1, 2], [5, 2], covariates={"a": ["x", "y"]}, name="two")
    for other in ([1, 3], [5, 2], ["x", "y"]), ([1, 2], [5, 3], ["x", "y"]), ([1, 2], [5, 2], ["x", "z"]):
        assert one != RepeatCounts.from_arrays(other[0], other[1], covariates={"a": other[2]})


def test_every_fault_at_once(tmp_path):
    text = (
        "registrations,count,age,gender\n0,4,30,f\n1,x,31,f\n2.5,3,32,m\n3,-1,33,m\n1,5,old,m\n2,3,34,\n"
        "4+,2,35,f\n1,7,30.5,f\n2,1,29,f\n99999,1,28,m\n"
    )
    found = [(p.row, p.column) for p in refused(tmp_path, text)]
    for place in (
        (2, "registrations"), (3, "count"), (4, "registrations"), (5, "count"), (6, "age"), (7, "gender"),
        (8, "registrations"), (11, "registrations"),
    ):  # fmt: skip
        assert place in found
    assert len(found) == 8


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("registrations,count\n1,50\n", {}, "nobody was registered more than once"),
        ("registrations,count\n1,0\n2,0\n", {}, "nobody in the table"),
        ("registrations,gender\n1,f\n2,m\n", {}, "there is no count column"),
        ("registrations,count\n1,1\n2,1\n", {"persons": True}, "although each row is said to be one person"),
        ("tally,count\n1,5\n2,3\n", {}, "no column of registrations"),
        ("registrations,count\n1,5\n1,6\n2,3\n", {}, "stand in two rows"),
        ("registrations,count,a\n1,5,x\n2,6,y\n", {"covariates": ["b"]}, "no such covariate"),
        ("registrations,count,a,a\n1,5,x,x\n2,6,y,y\n", {}, "a column name is used twice"),
        ("registrations,count,a\n1,5,x\n2,6,y\n", {"levels": {"a": ["x"]}}, "a level that was not declared"),
        ("registrations,count\n1,5\n2,6,7\n", {}, "too many cells"),
        ("", {}, "the file is empty"),
    ],
)
def test_faults(tmp_path, text, options, said):
    problems = refused(tmp_path, text, **options)
    assert any(said in str(p.found) for p in problems), [str(p) for p in problems]
    assert all(p.allowed and p.remedy for p in problems)


def test_files_of_persons_are_not_quoted(tmp_path):
    text = "registrations,age\n1,30\n2,secret\n1,41\n1,44\n"
    problems = refused(tmp_path, text, persons=True)
    assert problems[0].row == 3 and "secret" not in "".join(map(str, problems))


def test_an_identifier_is_no_covariate(tmp_path):
    rows = "".join(f"{1 + k % 2},p{k}\n" for k in range(100))
    assert "100 levels" in str(refused(tmp_path, "registrations,id\n" + rows, persons=True)[0].found)


def test_arrays_that_do_not_fit():
    with pytest.raises(InputError, match="shape"):
        RepeatCounts.from_arrays([1, 2], [5])
    with pytest.raises(InputError, match="shape"):
        RepeatCounts.from_arrays([1, 2], [5, 2], covariates={"a": ["x"]})
    with pytest.raises(InputError, match="missing or infinite"):
        RepeatCounts.from_arrays([1, 2], [5, 2], covariates={"a": [1.0, np.nan]})
    with pytest.raises(InputError, match="less than one"):
        RepeatCounts.from_arrays([0, 2], [5, 2])


def test_designs():
    columns = {"g": np.array(["f", "m", "m", "x"]), "age": np.array([1.0, 2.0, 4.0, 9.0])}
    found = design(columns, 4, "g + age", source="t")
    assert found.names == ("Intercept", "g[T.m]", "g[T.x]", "age")
    assert found.matrix.tolist() == [[1, 0, 0, 1], [1, 1, 0, 2], [1, 1, 0, 4], [1, 0, 1, 9]]
    assert design(columns, 4, "~ g + age", source="t").names == found.names
    assert design({}, 3, "1", source="t").matrix.tolist() == [[1.0]] * 3


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("gendr", "did you mean 'gender'"),
        ("gender + same", "'same' is the same for everybody"),
        ("gender + gender2", "cannot be told apart"),
        ("gender +", "the formula cannot be used"),
        ("y ~ gender", "more than a right-hand side"),
        ("log(zero)", "no finite value"),
        ("unknown1 + unknown2", "2 problems"),
    ],
)
def test_bad_formulas(formula, said):
    text = np.array(["f", "m", "f", "m"])
    columns = {"gender": text, "gender2": text, "same": np.array(["a"] * 4), "zero": np.array([0.0, 1.0, 2.0, 3.0])}
    with pytest.raises(ModelError) as caught:
        design(columns, 4, formula, source="register")
    assert said in str(caught.value)
