"""Twins among the pairs: registered together or apart, they are not taken for one person, nor one person for twins."""

from __future__ import annotations

from datetime import date as Day
from datetime import timedelta
from hashlib import md5

import duckdb
import numpy as np
import pandas as pd
import pytest

from mse.intake.linkage.comparing import levels_of_pairs, make_plan
from mse.intake.linkage.evidence import write_records
from mse.intake.linkage.linkagereport import link_at
from mse.intake.linkage.namelevels import LATER, NAME_BINS, OTHERS
from mse.intake.linkage.pairmodel import SURE, PairModel, train_model
from mse.intake.linkage.twins import AS_ALIKE, AS_OTHERS, Twins
from mse.intake.pseudonyms.keyedhash import disguise

LISTS, LABELS = ("A", "B"), ("region", "sex")
PARTS = ("surname_hash", "surname_sound_hash", "given_hash", "initial_hash", "birthdate_hash", "birth_year")
PERSONS, PAIRS, ERRORS, DAYS = 3_000, 150, 0.06, 1_400
GIVEN = [f"{a}{b}{c}" for a in "abcdefghijklm" for b in "aeiou" for c in ("na", "ro", "lis")]


def hashed(text: str) -> str | None:
    return md5(text.encode()).hexdigest() if text else None


def registers(seed: int, together: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """Return registrations of two lists with twins among the persons, and the person and family of every one."""
    rng = np.random.default_rng(seed)
    surname, given = rng.integers(0, 400, PERSONS), rng.integers(0, len(GIVEN), PERSONS)
    born, region, sex = rng.integers(0, 12_000, PERSONS), rng.integers(0, 12, PERSONS), rng.integers(0, 2, PERSONS)
    day, on = rng.integers(0, DAYS, PERSONS), rng.random((PERSONS, 2)) < 0.5
    of = np.arange(2 * PAIRS) // 2 * 2
    surname[: 2 * PAIRS], born[: 2 * PAIRS], region[: 2 * PAIRS] = surname[of], born[of], region[of]
    given[1 : 2 * PAIRS : 2] = (given[: 2 * PAIRS : 2] + rng.integers(1, len(GIVEN), PAIRS)) % len(GIVEN)
    if together:
        day[: 2 * PAIRS], on[: 2 * PAIRS] = day[of], on[of]
    rows = []
    for place, name in enumerate(LISTS):
        for who in np.flatnonzero(on[:, place]).tolist():
            first = GIVEN[given[who]]
            if rng.random() < ERRORS:
                first = first[0] + GIVEN[int(rng.integers(len(GIVEN)))] if rng.random() < 0.9 else "x" + first
            date = Day(1970, 1, 1) + timedelta(days=int(born[who]))
            rows.append({
                "list": name, "source": "f", "row": len(rows), "person": who,
                "key": hashed(f"{surname[who]}|{first}|{date}"), "surname_hash": hashed(f"s{surname[who]}"),
                "surname_sound_hash": hashed(f"t{surname[who] // 2}"), "given_hash": hashed(first),
                "initial_hash": hashed("i" + first[0]), "birthdate_hash": hashed(f"d{date}"),
                "birth_year": str(date.year),
                "date": Day(2020, 1, 1) + timedelta(days=min(int(day[who]) + int(rng.exponential(20)), DAYS)),
                "region": str(region[who]), "sex": str(sex[who]),
            })  # fmt: skip
    frame = pd.DataFrame(rows)
    return frame.drop(columns="person"), frame["person"].to_numpy()


def trained(seed: int, together: bool) -> tuple[PairModel, np.ndarray]:
    frame, person = registers(seed, together)
    with duckdb.connect() as con:
        con.execute("CREATE TABLE registrations AS SELECT * REPLACE (date::DATE AS date) FROM frame")
        return train_model(con, LISTS, PARTS, LABELS, seed=seed), person


@pytest.mark.parametrize("together", [True, False])
def test_twins_are_two_and_errors_are_one(together: bool) -> None:
    said = real = wrong = found = 0.0
    for seed in (1, 2, 3):
        model, person = trained(seed, together)
        unsure = model.log_odds < SURE
        left, right, p = model.left[unsure], model.right[unsure], model.probability[unsure]
        match, kin = (
            person[left] == person[right],
            (person[left] // 2 == person[right] // 2) & (person[left] < 2 * PAIRS),
        )
        said, real = said + p.sum(), real + match.sum()
        linked = link_at(model, 0.9)
        one = linked[left] == linked[right]
        wrong, found = wrong + (one & kin & ~match).sum(), found + (one & match).sum()
        assert model.learned is not None
        twins = model.learned.rates.twins
        near = model.learned.plan.comparisons[3].levels.index("two lists, up to 7 days (labels alike)")
        u, m = (x[3][near] for x in (model.learned.rates.u, model.learned.rates.m))
        assert (twins.beside[3][near] > 0.5 * (u + m)) == together  # what twins share is learned from twins
    assert abs(said - real) < 0.2 * real
    assert wrong < 0.04 * found and found > 0.75 * real


def test_given_names_of_twins_are_as_alike_as_those_of_others() -> None:
    names = np.array([0.0, 0.0, 0.2, 0.8])
    twins = Twins(np.zeros(4), names, {})
    found = twins.found(np.array([1, 2, 2, 3]), np.array([9.0, 30.0, 10.0, 10.0]), 1000.0)
    assert found[:2].tolist() == [0.0, 0.0]
    assert found.sum() == pytest.approx(50.1 / 1000.0)
    assert found[2] / found[3] == pytest.approx((40 + 0.2 * AS_OTHERS) / (10 + 0.8 * AS_OTHERS))


def test_given_names_of_twins_are_alike_as_often_as_the_pairs_say() -> None:
    names = np.array([0.0, 0.1, 0.2, 0.3, 0.4])
    twins = Twins(np.zeros(5), names, {}, alike=(1, 2))
    found = twins.found(np.array([1, 2, 3, 4]), np.array([50.0, 100.0, 20.0, 30.0]), 1000.0)
    assert found.sum() == pytest.approx(200.1 / 1000.0)
    assert found[1:3].sum() / found[3:].sum() == pytest.approx((150 + 0.3 * AS_ALIKE) / (50 + 0.7 * AS_ALIKE))
    assert found[1] / found[2] == pytest.approx((50 + 0.1 * AS_OTHERS) / (100 + 0.2 * AS_OTHERS))


@pytest.mark.parametrize("clk", [False, True])
def test_twins_have_errors_in_their_surname_and_names_that_are_missing(clk: bool) -> None:
    frame, _ = registers(1, True)
    frame["name_clk"] = [f"{int(x[:8], 16):0128x}" for x in frame["given_hash"]]
    with duckdb.connect() as con:
        con.execute("CREATE TABLE registrations AS SELECT * REPLACE (date::DATE AS date) FROM frame")
        model = train_model(con, LISTS, (*PARTS, *(["name_clk"] if clk else [])), LABELS, seed=1)
    assert model.learned is not None
    names, rates = model.learned.plan.comparisons[0], model.learned.rates
    share = dict(zip(names.levels, rates.twins.everywhere(rates.m[0], rates.equal), strict=True))
    alone, m = dict(zip(names.levels, rates.twins.share, strict=True)), dict(zip(names.levels, rates.m[0], strict=True))
    equal = sum(rates.m[0][: rates.equal])
    if clk:
        moves = ((0.85, 0.85, 0.85), (0.85, 0.7, 0.7), (0.7, 0.85, 0.7), (0.85, 0.55, 0.55), (0.7, 0.7, 0.55),
                 (0.55, 0.85, 0.55))  # fmt: skip
        words = [f"surname{x}equal{y}" for x in (" ", " and initial ") for y in ("", OTHERS)]
        for near in NAME_BINS:
            by_hand = sum(
                alone[f"{word}, similarity from {a}"] * m[f"given name equal, similarity from {b}"] / equal
                for word in words for a, b, c in moves if c == near
            )  # fmt: skip
            assert share[f"neither equal, similarity from {near}"] == pytest.approx(by_hand)
    else:
        by_hand = sum(alone[f"surname and initial equal{x}"] for x in ("", OTHERS)) * m["sound and given name equal"]
        assert share["sound and initial equal"] == pytest.approx(by_hand / equal)
    everybody = pytest.approx(rates.twins.share.sum())
    assert share["given name missing, surname equal"] == share["surname missing, given name different"] == everybody
    assert share["surname missing, given name equal"] == share["different"] == 0.0


def test_later_given_names_that_differ_are_a_level_of_their_own_and_errors_have_names_of_nobody() -> None:
    who = [("Nguyen", "Thi Lan"), ("Nguyen", "Thi Mai"), ("Nguyen", "Thi"), ("Tran", "Thi Lan"), ("Pham", "Thi Lan"),
           ("Tran", "Anna"), ("Tran", "Anan"), ("Pham", "Anna"), ("Le", "Anna"), ("Le", "Thi Lan")]  # fmt: skip
    frame = pd.DataFrame(who, columns=["surname", "given_name"]).assign(birth_date="1990-02-03")
    frame.loc[9, "birth_date"] = "1990-02-04"
    frame = disguise(frame, b"a key of thirty-two bytes and up").assign(list="A", source="f", row=range(len(who)))
    with duckdb.connect() as con:
        con.execute("CREATE TABLE registrations AS SELECT * FROM frame")
        plan = make_plan(write_records(con, LISTS, [x for x in frame.columns if x.endswith(("_hash", "_year"))], ()))
    pairs = {(0, 1): LATER, (0, 2): "equal, a name of up to 2 persons", (3, 5): f"surname equal{OTHERS}",
             (5, 6): "surname and initial equal"}  # fmt: skip
    left, right = (np.array([pair[side] for pair in pairs]) for side in (0, 1))
    level = levels_of_pairs(plan, left, right)[:, 0]
    assert [plan.comparisons[0].levels[x] for x in level] == [*pairs.values()]


def test_there_are_none_without_surnames() -> None:
    twins = Twins(np.zeros(3), np.zeros(3), {})
    assert twins.found(np.array([0, 1]), np.array([1.0, 1.0]), 10.0).tolist() == [0.0, 0.0, 0.0]
