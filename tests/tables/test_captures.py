"""The overlap table as a value: what it refuses, what it counts, and what its other forms keep."""

import copy
import dataclasses
import math
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mse.errors import InputError, ModelError
from mse.shipped import load_table
from mse.tables.captures import CaptureTable

ABC = ["A", "B", "C"]
COUNTS = [1, 2, 3, 4, 5, 6, 7]  # A, B, AB, C, AC, BC, ABC
YEARS = {"year": ["2019", "2020"]}
quick = settings(deadline=None, max_examples=60)


@st.composite
def tables(draw, *, strata: bool = True) -> CaptureTable:
    """Any sound table: two to five lists, up to two covariates, some structural zeros and absent lists."""
    k = draw(st.integers(2, 5))
    sizes = draw(st.lists(st.integers(1, 3), max_size=2)) if strata else []
    levels = {f"d{i}": [f"v{j}" for j in range(n)] for i, n in enumerate(sizes)}
    s, m = math.prod(sizes), 2**k - 1
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    counts = rng.poisson(rng.uniform(0.2, 5), (s, m))
    counts[:, -1] += 1  # somebody is on every list, so that the table is sound
    observable = (counts > 0) | (rng.random((s, m)) < 0.7)
    absent = np.zeros((s, k), dtype=bool)
    if s > 1 and draw(st.booleans()):
        j, row = draw(st.integers(0, k - 1)), draw(st.integers(0, s - 1))
        counts[row, (np.arange(1, m + 1) >> j & 1) == 1] = 0
        absent[row, j] = True
    return CaptureTable.from_arrays(
        [f"L{j}" for j in range(k)], counts, strata=levels, observable=observable, absent=absent, name="any"
    )


@pytest.fixture
def abc() -> CaptureTable:
    return CaptureTable.from_arrays(ABC, COUNTS, name="abc")


@pytest.fixture
def two_years() -> CaptureTable:
    return CaptureTable.from_arrays(ABC, [COUNTS, [10 * x for x in COUNTS]], strata=YEARS)


# ---- reading


def test_what_is_counted(abc):
    assert abc.observed == 28 and abc.n_lists == 3 and abc.n_strata == 1
    assert abc.list_totals().tolist() == [1 + 3 + 5 + 7, 2 + 3 + 6 + 7, 4 + 5 + 6 + 7]
    assert abc.overlaps().tolist() == [[16, 10, 12], [10, 18, 13], [12, 13, 22]]
    assert abc.history_counts().tolist() == [1 + 2 + 4, 3 + 5 + 6, 7]
    assert [abc.notation(h) for h in (1, 2, 3, 7)] == ["A", "B", "A & B", "A & B & C"]
    assert repr(abc) == "<CaptureTable 'abc': 3 lists A, B, C; 28 observed>"


@quick
@given(tables())
def test_counts_agree_with_each_other(table):
    assert table.history_counts().sum() == table.observed
    assert table.history_counts() @ np.arange(1, table.n_lists + 1) == table.list_totals().sum()
    assert np.array_equal(table.overlaps(), table.overlaps().T)
    for h in range(1, 2**table.n_lists):
        on = table.membership()[h - 1]
        assert table.notation(h) == " & ".join(x for x, y in zip(table.lists, on, strict=True) if y)


@pytest.mark.parametrize("history", [0, 8, -1])
def test_there_is_no_other_history(abc, history):
    with pytest.raises(ModelError, match="from 1 to 7"):
        abc.notation(history)


def test_dense_leaves_the_never_seen_empty(abc):
    counts, cells = abc.dense()
    assert counts.tolist() == [0, *COUNTS] and cells.tolist() == [0] + [1] * 7
    assert counts.dtype == cells.dtype == np.float64
    blind = CaptureTable.from_arrays(ABC, [1, 2, 0, 4, 5, 6, 7], observable=[1, 1, 0, 1, 1, 1, 1])
    assert blind.dense().cells.tolist() == [0, 1, 1, 0, 1, 1, 1, 1]


def test_dense_takes_no_strata(two_years):
    with pytest.raises(ModelError, match=r"strata \(year\).*collapse\(\)"):
        two_years.dense()
    assert two_years.collapse().dense().counts.tolist() == [0, *(11 * x for x in COUNTS)]


# ---- the value


def test_arrays_are_copied_in_and_read_only():
    given_counts = np.array(COUNTS)
    table = CaptureTable.from_arrays(ABC, given_counts)
    given_counts[0] = 99
    assert table.counts[0, 0] == 1
    for array in (table.counts, table.observable, table.absent):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 0
    with pytest.raises(TypeError):
        table.strata["year"] = ("2019",)
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.name = "other"


DIFFERENT = [
    CaptureTable.from_arrays(ABC, COUNTS),
    CaptureTable.from_arrays(ABC, [1, 2, 3, 4, 5, 6, 8]),
    CaptureTable.from_arrays(["A", "B", "D"], COUNTS),
    CaptureTable.from_arrays(["A", "C", "B"], COUNTS),
    CaptureTable.from_arrays(ABC, [1, 2, 0, 4, 5, 6, 7]),
    CaptureTable.from_arrays(ABC, [1, 2, 0, 4, 5, 6, 7], observable=[1, 1, 0, 1, 1, 1, 1]),
    CaptureTable.from_arrays(ABC, [COUNTS], strata={"year": ["2019"]}),
    CaptureTable.from_arrays(ABC, [COUNTS], strata={"year": ["2020"]}),
    CaptureTable.from_arrays(ABC, [COUNTS], strata={"jaar": ["2019"]}),
    CaptureTable.from_arrays(ABC, [COUNTS, [1, 2, 3, 0, 0, 0, 0]], strata=YEARS),
    CaptureTable.from_arrays(ABC, [COUNTS, [1, 2, 3, 0, 0, 0, 0]], strata=YEARS, absent=[[0, 0, 0], [0, 0, 1]]),
]


def test_tables_that_differ_have_different_digests():
    assert len({table.digest for table in DIFFERENT}) == len(DIFFERENT)
    assert len(set(DIFFERENT)) == len(DIFFERENT)
    assert DIFFERENT[0] != "a table"


def test_the_name_and_the_type_of_the_counts_are_not_in_the_digest():
    one = CaptureTable.from_arrays(ABC, np.array(COUNTS, dtype=np.float32), name="one")
    other = CaptureTable.from_arrays(tuple(ABC), np.array([COUNTS], dtype=np.uint8), name="other")
    assert one == other and hash(one) == hash(other) and one.digest == other.digest


def test_the_digest_does_not_change_between_versions():
    # Stored results are compared by it: a change needs another format number in the digest.
    assert DIFFERENT[0].digest == "93773feb9b271ea1813728f19ed607ca5fd27c470027c02aa8487ad663838d12"


@pytest.mark.parametrize("table", DIFFERENT)
def test_copies_are_equal_and_still_read_only(table):
    for other in (pickle.loads(pickle.dumps(table)), copy.deepcopy(table), dataclasses.replace(table)):
        assert other == table and other.name == table.name
        assert not other.counts.flags.writeable


# ---- what is refused

REFUSED = [
    (["A"], [5], {}, ("1 list", "at least two")),
    ([], np.zeros(0), {}, ("0 lists",)),
    (list("ABCDEFGHIJKLMNOPQ"), np.ones(2**17 - 1), {}, ("17 lists", "2 to 16")),
    (["A", "A"], [1, 2, 3], {}, ("used twice", "'A'")),
    (["A", ""], [1, 2, 3], {}, ("name of a list",)),
    (["A", "B,C"], [1, 2, 3], {}, ("name of a list", "'B,C'")),
    (["A", "count"], [1, 2, 3], {}, ("meaning of its own",)),
    (ABC, COUNTS[:-1], {}, ("shape (1, 6)", "(1, 7)")),
    (ABC, [0, *COUNTS], {}, ("shape (1, 8)", "never-seen")),
    (ABC, [COUNTS, COUNTS], {}, ("shape (2, 7)", "name the strata")),
    (ABC, COUNTS, {"strata": YEARS}, ("shape (1, 7)", "(2, 7)")),
    (ABC, COUNTS, {"observable": [True, False]}, ("`observable` has shape",)),
    (ABC, COUNTS, {"absent": [True, False]}, ("`absent` has shape",)),
    (ABC, [-1, *COUNTS[1:]], {}, ("negative", "'-1'")),
    (ABC, [0.5, *COUNTS[1:]], {}, ("whole number", "'0.5'")),
    (ABC, [math.nan, *COUNTS[1:]], {}, ("whole number", "'nan'")),
    (ABC, [math.inf, *COUNTS[1:]], {}, ("whole number", "'inf'")),
    (ABC, [2e9, *COUNTS[1:]], {}, ("too large",)),
    (ABC, [9e8, 9e8, *COUNTS[2:]], {}, ("add up to 1,800,000,025",)),
    (ABC, ["1"] * 7, {}, ("not numbers",)),
    (ABC, [COUNTS, [1]], {}, ("not numbers",)),
    (ABC, [1, 2, 3, 0, 0, 0, 0], {}, ("column 'C'", "nobody is on this list")),
    (ABC, [1, 2, 0, 4, 0, 0, 0], {}, ("never overlap",)),
    (ABC, COUNTS, {"observable": [0, 1, 1, 1, 1, 1, 1]}, ("unobservable", "1 persons")),
    (ABC, COUNTS, {"absent": [0, 0, 1]}, ("column 'C'", "absent", "22 persons")),
    (ABC, [COUNTS] * 2, {"strata": {"A": ["x", "y"]}}, ("used twice", "'A'")),
    (ABC, [COUNTS] * 2, {"strata": {"list": ["x", "y"]}}, ("meaning of its own",)),
    (ABC, [COUNTS] * 2, {"strata": {"year": ["x", "x"]}}, ("column 'year'", "repeated")),
    (ABC, np.zeros((0, 7)), {"strata": {"year": []}}, ("column 'year'", "missing")),
]


@pytest.mark.parametrize(("lists", "counts", "options", "fragments"), REFUSED)
def test_a_table_that_makes_no_sense_is_refused(lists, counts, options, fragments):
    with pytest.raises(InputError) as caught:
        CaptureTable.from_arrays(lists, counts, name="odd", **options)
    assert all(x in str(caught.value) for x in ("table 'odd'", *fragments))


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(InputError) as caught:
        CaptureTable.from_arrays(ABC, [3, 4, 0, 0, 0, 0, 0], observable=[0, 1, 1, 1, 1, 1, 1])
    assert len(caught.value.problems) == 3


# ---- other forms


def test_merge_gives_the_published_five_and_four_lists():
    six = load_table("uk-2013-6")
    five = six.merge_lists({"PFNCA": ["PF", "NCA"]})
    assert five == load_table("uk-2013-5")
    assert five.leave_out("GP") == load_table("uk-2013-4")
    dutch = load_table("netherlands-2010-2015-6").merge_lists({"IO": ["I", "O"]})
    assert dutch == load_table("netherlands-2010-2015-5")


@quick
@given(tables(), st.data())
def test_relabelling_is_a_permutation(table, data):
    order = data.draw(st.permutations(table.lists))
    other = table.select(*order)
    places = [table.lists.index(x) for x in order]
    assert other.observed == table.observed
    assert np.array_equal(other.history_counts(), table.history_counts())
    assert np.array_equal(other.overlaps(), table.overlaps()[np.ix_(places, places)])
    assert np.array_equal(other.absent, table.absent[:, places])
    assert other.select(*table.lists) == table
    assert table.rename({x: f"new {x}" for x in order}).counts.tolist() == table.counts.tolist()


@quick
@given(tables(), st.data())
def test_merging_keeps_everybody(table, data):
    assume(table.n_lists > 2)
    a, b = data.draw(st.permutations(table.lists))[:2]
    other = table.merge_lists({"both": [a, b]})
    i, j = table.lists.index(a), table.lists.index(b)
    overlaps, new = table.overlaps(), other.lists.index("both")
    assert other.observed == table.observed and new == min(i, j)
    assert other.list_totals()[new] == overlaps[i, i] + overlaps[j, j] - overlaps[i, j]
    assert np.array_equal(other.absent[:, new], table.absent[:, i] & table.absent[:, j])


@quick
@given(tables(), st.data())
def test_dropping_loses_those_who_were_on_no_other_list(table, data):
    assume(table.n_lists > 2)
    gone = data.draw(st.sampled_from(table.lists))
    other = table.leave_out(gone)
    alone = table.counts[:, 2 ** table.lists.index(gone) - 1].sum()
    kept = [j for j, x in enumerate(table.lists) if x != gone]
    assert other.observed == table.observed - alone
    assert np.array_equal(other.overlaps(), table.overlaps()[np.ix_(kept, kept)])
    assert other == table.select(*(x for x in table.lists if x != gone))


@quick
@given(tables(), st.data())
def test_collapsing_adds(table, data):
    dims = data.draw(st.permutations(list(table.strata)))
    whole = table.collapse()
    assert not whole.strata and np.array_equal(whole.counts[0], table.counts.sum(axis=0))
    assert np.array_equal(whole.observable[0], table.observable.any(axis=0))
    assert np.array_equal(whole.absent[0], table.absent.all(axis=0))
    step = table
    for dim in dims:
        step = step.collapse(dim)
    assert step == whole


@quick
@given(tables())
def test_the_parts_are_the_whole(table):
    assume(not table.absent.any())  # a part may then have too few lists
    for dim, levels in table.strata.items():
        parts = [table.part({dim: [level]}) for level in levels]
        assert sum(part.observed for part in parts) == table.observed
        assert all(list(part.strata) == list(table.strata) for part in parts)
        assert table.part({dim: levels}) == table
        for part, level in zip(parts, levels, strict=True):
            assert list(table.part({dim: level}).strata) == [x for x in table.strata if x != dim]
            assert part.collapse(dim).counts.tolist() == table.part({dim: level}).counts.tolist()


def test_at_leaves_out_a_list_nobody_is_on_there():
    table = CaptureTable.from_arrays(ABC, [COUNTS, [3, 2, 1, 0, 0, 0, 0]], strata=YEARS)
    part = table.part({"year": "2020"})
    assert part.lists == ("A", "B") and part.counts.tolist() == [[3, 2, 1]] and not part.strata


def test_a_blind_list_has_no_cells_and_an_absent_one_keeps_them():
    table = CaptureTable.from_arrays(ABC, [COUNTS, [3, 2, 1, 0, 0, 0, 0]], strata=YEARS)
    blind, without = table.blind("C", {"year": "2020"}), table.without("C", {"year": ["2020"]})
    assert blind.observable.tolist() == [[True] * 7, [True] * 3 + [False] * 4] and not blind.absent.any()
    assert without.absent.tolist() == [[False] * 3, [False, False, True]] and without.observable.all()
    assert blind.observed == without.observed == table.observed and blind != without
    assert blind.collapse().observable.all() and not without.collapse().absent.any()
    for marked in (blind, without):
        assert len(marked.to_pandas()) == 7 + 3
    with pytest.raises(InputError, match="unobservable"):
        table.blind("C", {"year": "2019"})
    with pytest.raises(InputError, match="column 'B'.*absent"):
        table.without("B", {"year": "2020"})


WRONG_NAMES = [
    (lambda t: t.leave_out("X"), "no list 'X'. Allowed: A, B, C"),
    (lambda t: t.select("A", "X"), "no list 'X'"),
    (lambda t: t.rename({"X": "Y"}), "no list 'X'"),
    (lambda t: t.merge_lists({"AB": ["A", "X"]}), "no list 'X'"),
    (lambda t: t.merge_lists({"AB": ["A", "B"], "BC": ["B", "C"]}), "names a list twice"),
    (lambda t: t.merge_lists({"AB": []}), "empty group"),
    (lambda t: t.collapse("sex"), "no covariate 'sex'. Allowed: year"),
    (lambda t: t.part({"year": "1999"}), "'year' has no level '1999'. Allowed: 2019, 2020"),
    (lambda t: t.blind("X", {"year": "2019"}), "no list 'X'"),
    (lambda t: t.without("A", {"sex": "f"}), "no covariate 'sex'"),
]


@pytest.mark.parametrize(("call", "fragment"), WRONG_NAMES)
def test_a_wrong_name_lists_the_right_ones(two_years, call, fragment):
    with pytest.raises(ModelError) as caught:
        call(two_years)
    assert fragment in str(caught.value)


NO_TABLE_ANY_MORE = [
    (lambda t: t.leave_out("A", "B"), "1 list"),
    (lambda t: t.select("A", "A"), "used twice"),
    (lambda t: t.merge_lists({"ABC": ABC}), "1 list"),
    (lambda t: t.merge_lists({"C": ["A", "B"]}), "used twice"),
    (lambda t: t.rename({"A": "B"}), "used twice"),
]


@pytest.mark.parametrize(("call", "fragment"), NO_TABLE_ANY_MORE)
def test_a_result_that_is_no_table_is_refused(two_years, call, fragment):
    with pytest.raises(InputError, match=fragment):
        call(two_years)


# ---- round trips


@quick
@given(tables(), st.booleans())
def test_through_a_frame_and_back(table, zeros):
    table = dataclasses.replace(table, observable=np.ones_like(table.observable), absent=table.absent & False)
    frame = table.to_pandas(zeros=zeros)
    assert len(frame) == (table.counts.size if zeros else (table.counts > 0).sum())
    back = CaptureTable.from_frame(frame.sample(frac=1, random_state=1), covariates=list(table.strata))
    assert back == table


def test_through_a_file_and_back(two_years, tmp_path):
    path = tmp_path / "t.csv"
    two_years.to_pandas().to_csv(path, index=False)
    assert CaptureTable.from_csv(path) == two_years


@quick
@given(tables())
def test_through_a_dataset_and_back(table):
    dataset = table.to_xarray()
    assert dataset["count"].dims == (*table.strata, "history")
    assert int(dataset["count"].sum()) == table.observed
    on = dataset["on_list"].sel(list=table.lists[0])
    assert int((dataset["count"] * on).sum()) == table.list_totals()[0]
    back = CaptureTable.from_xarray(dataset)
    assert back == table and back.name == table.name and dataset.attrs["digest"] == back.digest


def test_counts_may_come_with_one_axis_per_dimension():
    counts = np.arange(2 * 3 * 7).reshape(2, 3, 7)
    strata = {"sex": ["f", "m"], "year": ["1", "2", "3"]}
    table = CaptureTable.from_arrays(ABC, counts, strata=strata)
    assert table == CaptureTable.from_arrays(ABC, counts.reshape(6, 7), strata=strata)
    assert table.part({"sex": "m", "year": "2"}).counts[0].tolist() == counts[1, 1].tolist()


def test_a_frame_of_categories_keeps_their_order():
    age = pd.Categorical(["old", "young", "old"], ["young", "mid", "old"])
    frame = pd.DataFrame({"A": [1, 0, 1], "B": [1, 1, 0], "age": age, "count": [1, 2, 3]})
    table = CaptureTable.from_frame(frame)
    assert table.strata["age"] == ("young", "mid", "old")
    assert table.counts.sum(axis=1).tolist() == [2, 0, 4]


def test_importing_the_table_loads_neither_pandas_nor_xarray():
    code = "import sys, mse.tables.captures, mse.shipped; print([x for x in ('pandas', 'xarray') if x in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
