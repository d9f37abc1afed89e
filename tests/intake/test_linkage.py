"""Who is who: probabilities of pairs, clusters, linkages drawn from them, and the way from contracts to the table."""

from __future__ import annotations

import itertools
import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from mse.errors import InputError
from mse.intake.contracts.together import check_contracts
from mse.intake.linkage import drawnlinkages as linkage_draws
from mse.intake.linkage.comparing import levels_of_pairs
from mse.intake.linkage.drawnlinkages import (
    ABSENT,
    draw_linkages,
    draw_partitions,
    listed_partitions,
    partition_weights,
)
from mse.intake.linkage.linkagereport import link_at, threshold_table, weight_chart
from mse.intake.linkage.linking import components
from mse.intake.linkage.namelevels import COMMON
from mse.intake.linkage.pairmodel import AVERAGED, SURE, UNSURE, PairModel, redraw, train_model
from mse.intake.planning import IntakeSpec
from mse.intake.pseudonyms.keyedhash import disguise
from mse.intake.registers.delivered import read_registers
from mse.intake.taking import Intake, take_in, take_in_registers
from mse.simulate.national import simulate
from mse.simulate.section import national_spec
from mse.simulate.writing import write_registers
from tests.examples import registers as examples

LISTS = ("P", "K", "I", "R", "O", "Z")
PARTS = ("surname_hash", "surname_sound_hash", "given_hash", "initial_hash", "birthdate_hash", "birth_year",
         "birth_either_hash", "names_hash")  # fmt: skip
DIMENSIONS = ("year", "sex", "age", "nationality", "region", "form")


def logit(p: float) -> float:
    return math.log(p / (1.0 - p))


def scores(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return precision and recall over pairs, counted one by one."""

    def pairs(*names: np.ndarray) -> int:
        groups = pd.Series(1, index=range(len(names[0]))).groupby([*names]).sum()
        return sum(math.comb(int(n), 2) for n in groups)

    both = pairs(found, truth)
    return both / pairs(found), both / pairs(truth)


# ---- drawn linkages -----------------------------------------------------------------------------------


def test_partitions_are_all_listed_once() -> None:
    for n, bell in ((1, 1), (2, 2), (3, 5), (4, 15), (5, 52), (6, 203), (7, 877)):
        found = listed_partitions(n)
        assert len(np.unique(found, axis=0)) == len(found) == bell
        assert (found[np.arange(bell)[:, None], found] == found).all()  # the first of a person stands for itself


def test_two_nodes_are_one_person_with_their_match_probability() -> None:
    for p in (0.05, 0.5, 0.93):
        weights = partition_weights(np.array([[0.0, logit(p)], [logit(p), 0.0]]))
        share = np.exp(weights) / np.exp(weights).sum()
        assert share[listed_partitions(2)[:, 1] == 0] == pytest.approx(p)


def test_weights_of_partitions_equal_plain_sums() -> None:
    rng = np.random.default_rng(3)
    odds = rng.normal(0, 3, (5, 5))
    odds = odds + odds.T
    np.fill_diagonal(odds, 0.0)
    for partition, weight in zip(listed_partitions(5), partition_weights(odds), strict=True):
        expected = 0.0
        for person in set(partition.tolist()):
            nodes = [i for i in range(5) if partition[i] == person]
            pairs = [odds[a, b] for a, b in itertools.combinations(nodes, 2)]
            expected += (len(nodes) - 1) * float(np.mean(pairs)) if pairs else 0.0
        assert weight == pytest.approx(expected)


def test_an_impossible_pair_forbids_a_person_of_three() -> None:
    odds = np.array([[0.0, logit(0.6), ABSENT], [logit(0.6), 0.0, logit(0.6)], [ABSENT, logit(0.6), 0.0]])
    drawn = draw_partitions(odds, 20_000, np.random.default_rng(1))
    assert (drawn == 0).all(axis=1).mean() < 0.01
    # each pair alone: 1.5 / (1 + 1.5 + 1.5)
    assert (drawn[:, 1] == 0).mean() == pytest.approx(1.5 / 4.0, abs=0.02)


def test_gibbs_sampling_agrees_with_the_list_of_all_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    odds = rng.normal(-0.5, 1.5, (5, 5))
    odds = np.triu(odds, 1) + np.triu(odds, 1).T
    weight = np.exp(partition_weights(odds))
    expected = {tuple(p): w for p, w in zip(listed_partitions(5).tolist(), weight / weight.sum(), strict=True)}
    monkeypatch.setattr(linkage_draws, "LISTED", 1)
    monkeypatch.setattr(linkage_draws, "THIN", 2)
    drawn = draw_partitions(odds, 3_000, rng)
    found = {p: (drawn == p).all(axis=1).mean() for p in expected}
    assert sum(found.values()) == pytest.approx(1.0)
    assert sum(abs(found[p] - expected[p]) for p in expected) / 2 < 0.06


def test_persons_over_draws_agree_with_the_probabilities() -> None:
    rng = np.random.default_rng(2)
    pairs = 4_000
    p = rng.uniform(0.02, 0.99, pairs)
    left = np.arange(pairs) * 2
    sizes = [len(np.unique(z)) for z in draw_linkages(2 * pairs, left, left + 1, np.log(p / (1 - p)), 40, seed=1)]
    assert np.mean(sizes) == pytest.approx(2 * pairs - p.sum(), abs=4 * math.sqrt((p * (1 - p)).sum() / 40))
    assert np.std(sizes) == pytest.approx(math.sqrt((p * (1 - p)).sum()), rel=0.4)


def test_draws_differ_in_uncertain_links_only_and_components_have_their_own_stream() -> None:
    left = np.array([0, 1, 3, 5, 6])
    right = np.array([1, 2, 4, 6, 7])
    odds = np.array([SURE, logit(0.5), logit(0.4), logit(0.6), logit(0.5)])
    drawn = np.stack(list(draw_linkages(9, left, right, odds, 200, seed=7)))
    assert (drawn[:, 0] == drawn[:, 1]).all()
    assert (drawn[:, 8] == 8).all()
    assert 0 < (drawn[:, 3] == drawn[:, 4]).mean() < 1
    # without the first component the others are drawn as before
    fewer = np.stack(list(draw_linkages(9, left[2:], right[2:], odds[2:], 200, seed=7)))
    assert np.array_equal(fewer[:, 3:], drawn[:, 3:])
    again = np.stack(list(draw_linkages(9, left, right, odds, 200, seed=7)))
    assert np.array_equal(again, drawn)
    assert not np.array_equal(np.stack(list(draw_linkages(9, left, right, odds, 200, seed=8))), drawn)


def test_components_are_named_by_their_first() -> None:
    found = components(7, np.array([5, 2, 1]), np.array([6, 5, 3]))
    assert found.tolist() == [0, 1, 2, 1, 4, 2, 2]


# ---- the model of pairs, on the simulated nation --------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("nation")
    write_registers(home / "registers", simulate(national_spec(), seed=1), partial(disguise, key=b"k" * 32))
    return home


@pytest.fixture(scope="module")
def contracts(folder: Path) -> list[Path]:
    return [folder / "registers" / f"{name}.toml" for name in LISTS]


@pytest.fixture(scope="module")
def con(folder: Path, contracts: list[Path]) -> Iterator[duckdb.DuckDBPyConnection]:
    with read_registers(check_contracts(contracts), folder) as registers:
        assert registers.lists == LISTS
        yield registers.connection


@pytest.fixture(scope="module")
def model(con: duckdb.DuckDBPyConnection) -> PairModel:
    return train_model(con, LISTS, PARTS, DIMENSIONS, seed=1)


@pytest.fixture(scope="module")
def truth(folder: Path, con: duckdb.DuckDBPyConnection, model: PairModel) -> np.ndarray:
    rows = con.execute("SELECT list, source, row FROM linkage_records ORDER BY id").df()
    links = pd.read_csv(folder / "registers" / "links.csv")
    rows["source"] = rows["source"].str.split("/").str[-1]
    person = rows.merge(links, on=["list", "source", "row"], validate="1:1")["person"]
    assert len(person) == model.records
    return person.to_numpy(dtype=np.int64)


def test_precision_and_recall_with_two_percent_of_errors_in_the_keys(model: PairModel, truth: np.ndarray) -> None:
    precision, recall = scores(link_at(model, 0.8), truth)
    exact = scores(link_at(model, 1.0), truth)
    assert precision >= 0.99
    assert recall >= 0.95
    assert recall > exact[1]
    assert exact[0] == 1.0


def test_the_truth_is_within_the_persons_of_the_draws(model: PairModel, truth: np.ndarray) -> None:
    persons = len(np.unique(truth))
    drawn = [
        len(np.unique(z)) for z in draw_linkages(model.records, model.left, model.right, model.log_odds, 20, seed=1)
    ]
    assert np.mean(drawn) == pytest.approx(persons, rel=0.003)
    missed = len(np.unique(link_at(model, 1.0))) - persons
    assert abs(np.mean(drawn) - persons) < 0.5 * missed  # most of what exact linkage misses is found
    assert np.std(drawn) > 0


def test_a_probability_is_the_mean_over_the_draws_of_the_parameters(model: PairModel) -> None:
    unsure = model.log_odds < UNSURE
    mean = np.mean([1 / (1 + np.exp(-odds)) for odds in redraw(model, AVERAGED, seed=1)], axis=0)
    assert model.probability[unsure] == pytest.approx(mean[unsure], abs=1e-12)


def test_two_pseudonyms_of_a_pair_count_once_in_how_common_its_name_is(model: PairModel) -> None:
    assert model.learned is not None
    plan, unsure = model.learned.plan, model.log_odds < SURE
    left, right = model.left[unsure], model.right[unsure]
    full = (plan.full[left] == plan.full[right]) & (plan.full[left] >= 0)
    person = plan.records.person
    ends = [*COMMON, np.inf]
    for a, b in list(zip(left[full], right[full], strict=True))[:200]:
        others = {person[i] for i in np.flatnonzero(plan.full == plan.full[a])} - {person[a], person[b]}
        level = levels_of_pairs(plan, np.array([a]), np.array([b]))[0, 0]
        assert level == next(i for i, end in enumerate(ends) if 1 + len(others) <= end)


def test_probabilities_of_pairs_are_calibrated(model: PairModel, truth: np.ndarray) -> None:
    unsure = model.log_odds < SURE
    p, match = model.probability[unsure], (truth[model.left] == truth[model.right])[unsure]
    assert abs(match.sum() - p.sum()) < 4 * math.sqrt((p * (1 - p)).sum() + 1)
    assert match[p < 0.05].mean() < 0.1
    assert match[p > 0.9].mean() > 0.85


def test_a_number_that_registers_share_is_evidence(
    con: duckdb.DuckDBPyConnection, model: PairModel, truth: np.ndarray
) -> None:
    cases = [f"{person:032x}" if i % 5 < 3 else None for i, person in enumerate(truth)]  # three in five give it
    rows = con.execute("SELECT list, source, row FROM linkage_records ORDER BY id").df().assign(case_hash=cases)
    con.execute("CREATE OR REPLACE TEMP TABLE numbered AS SELECT r.*, n.case_hash FROM registrations r JOIN rows n "
                "USING (list, source, row)")  # fmt: skip
    kept = "linkage_records", "registrations"
    for name in kept:
        con.execute(f"ALTER TABLE {name} RENAME TO {name}_kept")
    con.execute("ALTER TABLE numbered RENAME TO registrations")
    try:
        numbered = train_model(con, LISTS, [*PARTS, "case_hash"], DIMENSIONS, seed=1)
    finally:
        con.execute("DROP TABLE registrations")
        con.execute("DROP TABLE linkage_records")
        for name in kept:
            con.execute(f"ALTER TABLE {name}_kept RENAME TO {name}")
    assert len(rows) == numbered.records
    precision, recall = scores(link_at(numbered, 0.8), truth)
    assert precision >= 0.99 and 1 - recall < 0.9 * (1 - scores(link_at(model, 0.8), truth)[1])


def test_identical_runs_give_the_identical_model(
    con: duckdb.DuckDBPyConnection, model: PairModel, intake: Intake
) -> None:
    assert intake.linkage is not None
    assert intake.linkage.settings == model.settings  # files read again, in another database
    assert intake.linkage.thresholds["persons"].tolist()[:2] == [
        len(np.unique(link_at(model, 1.0))), len(np.unique(link_at(model, 0.5))),
    ]  # fmt: skip
    settings = json.loads(model.settings)
    assert settings["share"] == pytest.approx(model.share)
    assert [x["name"] for x in settings["comparisons"]] == ["names", "birth", "lists", "tie", "labels"]
    assert list(settings["label_weights"]) == ["age", "form", "nationality", "region", "sex"]


def test_threshold_table(model: PairModel, truth: np.ndarray) -> None:
    place = np.arange(model.records) % 3
    found = threshold_table(model, place, 0.75)
    assert found["threshold"].isna().tolist() == [True] + [False] * 9
    assert found.loc[found["used"], "threshold"].tolist() == [0.75]
    by_threshold = found[1:]
    assert by_threshold["persons"].is_monotonic_increasing
    assert by_threshold["links"].is_monotonic_decreasing
    assert found["persons"][0] >= by_threshold["persons"].max()
    for value in (0.5, 0.9):
        row = found[found["threshold"] == value].iloc[0]
        groups = pd.DataFrame({"person": link_at(model, value), "list": place}).groupby("person")
        assert row["persons"] == groups.ngroups
        assert row["links"] == sum(math.comb(n, 2) for n in groups.size())
        on = groups["list"].nunique()
        assert row["overlaps"] == (on > 1).sum()
        once, twice = (on == 1).sum(), (on == 2).sum()
        assert row["chao"] == pytest.approx(len(on) + once**2 / (2 * twice))
        assert row["ratio"] == pytest.approx(row["chao"] / row["persons"])


def test_the_chart_stands_alone(model: PairModel) -> None:
    chart = weight_chart(model.levels)
    assert chart == weight_chart(model.levels)
    root = ET.fromstring(chart)
    said = root.find("{http://www.w3.org/2000/svg}title")
    assert said is not None and said.text is not None
    assert said.text.startswith(f"Match weights of {len(model.levels)} levels of agreement, from +")
    assert "href" not in chart and chart.count("http") == 1
    weights = {(level.comparison, level.level): level.weight for level in model.levels}
    assert weights["birth", "date equal"] > 10
    assert weights["names", "different"] < -3


# ---- from contracts to the table -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def intake(folder: Path, contracts: list[Path]) -> Intake:
    spec = IntakeSpec(linkage="probabilistic", draws=3, strata=("year", "form"), referrals="remove")
    return take_in(contracts, folder, spec, seed=1)


def test_one_call_gives_table_draws_and_flow(intake: Intake, contracts: list[Path]) -> None:
    table = intake.table
    assert table.lists == LISTS
    assert list(table.strata) == ["year", "form"]
    assert intake.unknown == {"form": "not known"}
    assert len(intake.draws) == 3
    for drawn in intake.draws:
        assert (drawn.lists, dict(drawn.strata)) == (table.lists, dict(table.strata))
        assert np.array_equal(drawn.observable, table.observable)
        assert abs(drawn.observed - table.observed) < 60
    assert len({drawn.digest for drawn in intake.draws}) == 3
    inspectorate = table.membership()[:, LISTS.index("I")]
    sexual = [level.endswith("sexual") for level in table.strata["form"]] * len(table.strata["year"])
    assert not table.observable[np.array(sexual)][:, inspectorate].any()
    flow = intake.flow[intake.flow["list"] == "all"].set_index("step")["count"]
    assert list(flow.index[:7]) == [
        "delivered", "valid", "distinct", "in period", "without referrals", "persons", "person-years",
    ]  # fmt: skip
    assert flow["person-years"] == table.observed
    assert flow["on 2 lists"] == table.history_counts()[1]
    assert any("referrals from another list; they are left out" in str(note) for note in intake.notes)
    assert set(intake.digests) and all(len(digest) == 64 for digest in intake.digests.values())
    assert intake.linkage is not None and intake.linkage.thresholds["used"].sum() == 1


def test_exact_linkage_misses_links(tmp_path: Path, contracts: list[Path], intake: Intake) -> None:
    exact = take_in(contracts, tmp_path, IntakeSpec(strata=("year", "form"), referrals="remove"), seed=1)
    assert exact.linkage is None and exact.unreferred is None
    assert exact.table.observed > intake.table.observed
    assert exact.quality is not None and intake.quality is not None
    assert exact.quality.recall < 0.97 < intake.quality.recall
    # what exact linkage lost is put back at random, as often as the model of pairs says
    observed = [table.observed for table in exact.draws]
    assert len(observed) == 20 and max(observed) < exact.table.observed
    assert abs(np.mean(observed) - intake.table.observed) < 0.5 * (exact.table.observed - intake.table.observed)
    again = take_in(contracts, tmp_path, IntakeSpec(strata=("year", "form")), seed=2, threads=1)
    assert again.unreferred == exact.table
    assert again.table.list_totals().sum() > exact.table.list_totals().sum()
    assert any("referrals from another list; they are counted on both lists" in str(note) for note in again.notes)
    assert list(tmp_path.iterdir()) == []  # the workspace is empty again


def test_what_is_closed_is_missing(folder: Path, contracts: list[Path], tmp_path: Path) -> None:
    closed = [tmp_path / path.name for path in contracts]
    for path in sorted((folder / "registers").iterdir()):
        text = path.read_text(encoding="utf-8")
        if path.name.startswith("K-"):
            head, *lines = text.splitlines(keepends=True)
            at = head.split(";").index("date")
            days = [x.split(";")[at].split("-")[::-1] for x in lines]  # written 22-01-2016
            open_ = [x for x, day in zip(lines, days, strict=True) if not "2018-01" <= "-".join(day)[:7] <= "2018-09"]
            text = "".join([head, *(x for x in open_ if x.split(";")[at][-4:] != "2016")])
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    contract = tmp_path / "K.toml"
    extra = (
        '\n[[closed]]\nfirst = 2016-01-01\nlast = 2016-12-31\nreason = "Not begun."\n'
        '\n[[closed]]\nfirst = 2018-01-01\nlast = 2018-09-30\nreason = "System moved."\n'
    )
    contract.write_text(contract.read_text(encoding="utf-8") + extra, encoding="utf-8")
    found = take_in(closed, tmp_path, IntakeSpec(strata=("year",)), seed=1)
    assert found.table.absent.sum(axis=0).tolist() == [0, 1, 0, 0, 0, 0]
    assert found.table.absent[found.table.strata["year"].index("2016"), 1]
    assert any("list K covers 2018 in part only" in str(note) for note in found.notes)
    whole = take_in(closed, tmp_path, IntakeSpec(), seed=1)
    assert not whole.table.absent.any()
    assert any("list K is missing in year 2016, which this table does not show" in str(note) for note in whole.notes)
    assert any("list I is blind in form" in str(note) for note in whole.notes)


def test_registrations_without_a_pseudonym_and_with_several_codes(tmp_path: Path) -> None:
    both = {"form": {"several": "both"}}
    examples.write(tmp_path / "p.csv", [
        examples.row(1, form="SEX|LAB"), examples.row(2, key="", form="LAB|CRI"),
        examples.row(3),
    ])  # fmt: skip
    examples.write(tmp_path / "q.csv", [
        examples.row(1, form="CRI"), examples.row(2, key=""), examples.row(4, form="UNK"),
    ])  # fmt: skip
    checked = [examples.contract(tmp_path, list=name, path=[f"{name.lower()}.csv"], dimensions=both) for name in "PQ"]
    (tmp_path / "work").mkdir()
    with read_registers(checked, tmp_path / "work") as registers:
        found = take_in_registers(registers, IntakeSpec(strata=("form",)), seed=1)
    assert found.table.observed == 5
    assert "2 registrations have no pseudonym; each is counted as a person of its own" in map(str, found.notes)
    forms = dict(zip(found.table.strata["form"], found.table.counts.sum(axis=1).tolist(), strict=True))
    assert forms == {
        "sexual": 2, "labour + criminal": 1, "sexual + labour + criminal": 1, "not known": 1,
    }  # fmt: skip
    assert found.table.history_counts().tolist() == [4, 1]


# ---- bad input -------------------------------------------------------------------------------------------


def test_too_few_parts_of_the_identity(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(InputError, match="too few parts of the identity"):
        train_model(con, LISTS, ("surname_hash", "given_hash"), seed=1)


def test_registers_without_anybody_twice_cannot_be_trained_on() -> None:
    con = duckdb.connect()
    con.execute(
        "CREATE TABLE registrations AS SELECT ['A', 'B'][1 + i % 2] AS list, 'f' AS source, i AS row, "
        "md5('k' || i) AS key, md5('s' || i) AS surname_hash, md5('b' || i) AS birthdate_hash FROM range(200) t(i)"
    )
    with pytest.raises(InputError, match="no registrations agree on parts of the identity"):
        train_model(con, ("A", "B"), ("surname_hash", "birthdate_hash"), seed=1)


def test_bad_options_are_named_all_at_once() -> None:
    with pytest.raises(InputError) as caught:
        IntakeSpec(linkage="fuzzy", threshold=0.2, draws=-1, referrals="drop", strata="year", unit="household")  # type: ignore[arg-type]
    assert len(caught.value.problems) == 6
    with pytest.raises(InputError, match="threshold has a wrong type"):
        IntakeSpec(threshold=True)


def test_strata_that_are_no_columns_are_named_all_at_once(folder: Path, contracts: list[Path]) -> None:
    with pytest.raises(InputError) as caught:
        take_in(contracts, folder, IntakeSpec(strata=("religion", "year", "shoe size")), seed=1)
    assert [problem.value for problem in caught.value.problems] == ["religion", "shoe size"]
    with pytest.raises(InputError, match="a rule is for a dimension that is not asked for"):
        take_in(contracts, folder, IntakeSpec(strata=("year",), rules={"form": "first"}), seed=1)
