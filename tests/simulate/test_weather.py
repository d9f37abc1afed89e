"""The weather of the simulator: every switch does what it says, and none changes what others do."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mse.errors import InputError, ModelError
from mse.intake.planning import IntakeSpec
from mse.intake.pseudonyms.keyedhash import disguise
from mse.intake.taking import take_in
from mse.simulate.foulweather import half, heard, particle_elsewhere
from mse.simulate.national import Simulated, simulate
from mse.simulate.section import make_spec, national_spec
from mse.simulate.weather import Weather
from mse.simulate.writing import write_registers

CLEAN = {"key_errors": 0.0, "name_variants": 0.0, "missing": {}, "duplicates": 0.0, "late": 0.0}


def nation(**switches: object) -> Simulated:
    return simulate(national_spec(**CLEAN, weather=Weather(**switches)), seed=1)


def rows(found: Simulated) -> pd.DataFrame:
    return pd.concat([frame.assign(list=name) for name, frame in found.registers.items()], ignore_index=True)


@pytest.fixture(scope="module")
def calm() -> pd.DataFrame:
    return rows(nation())


@pytest.mark.parametrize(
    ("switch", "share", "columns"),
    [
        ("births_missing", 0.03, ["birth_date"]), ("transliterations", 0.1, ["surname", "given_name"]),
        ("placeholders", 0.02, ["surname", "birth_date"]), ("regions_wrong", 0.1, ["region"]),
    ],
)  # fmt: skip
def test_a_switch_changes_its_columns_in_its_share_of_the_rows(
    calm: pd.DataFrame, switch: str, share: float, columns: list[str]
) -> None:
    found = rows(nation(**{switch: share}))
    differ = (found[columns].fillna("") != calm[columns].fillna("")).any(axis=1)
    off = 1 / 12 if switch == "regions_wrong" else 0.0  # another region may be the same one
    assert differ.mean() == pytest.approx(share * (1 - off), abs=4 * np.sqrt(share / len(calm)) + 0.02 * share)
    rest = [name for name in calm.columns if name not in columns]
    pd.testing.assert_frame_equal(found[rest], calm[rest])


def test_names_collide_when_there_are_few(calm: pd.DataFrame) -> None:
    few = rows(nation(names=5))
    persons = [frame.drop_duplicates("person") for frame in (calm, few)]
    shared = [frame.duplicated(["surname", "given_name"], keep=False).mean() for frame in persons]
    assert shared[1] > 0.9 > shared[0]
    assert not persons[1].duplicated(["surname", "given_name", "birth_date"]).any()


def test_relatives_share_surname_and_region_and_twins_the_day(calm: pd.DataFrame) -> None:
    found = rows(nation(relatives=0.1)).drop_duplicates("person")
    plain = calm.drop_duplicates("person")
    same_day = ["surname", "birth_date", "region"]
    assert found.duplicated(same_day).sum() > 5 * max(plain.duplicated(same_day).sum(), 1)
    assert not found.duplicated(["surname", "given_name", "birth_date"]).any()


def test_halves_and_particles_and_other_ears() -> None:
    assert half("Jansen-Bakker", 0.1) == "Jansen" and half("Jansen-Bakker", 0.9) == "Bakker"
    assert particle_elsewhere("van den Berg", 0.1) == "Berg"
    assert particle_elsewhere("van den Berg", 0.9) == "Berg, van den" and particle_elsewhere("Bos", 0.1) == "Bos"
    assert heard("Schouten", 0.0) != "Schouten" and heard("X", 0.5) == "X"
    double = rows(nation(double_surnames=0.3)).drop_duplicates("person")
    assert double["surname"].str.contains("-").mean() == pytest.approx(0.3, abs=0.02)
    assert rows(nation(double_surnames=0.3, half_surnames=1.0))["surname"].str.contains("-").mean() < 0.005


def test_some_referrals_do_not_name_their_sender(calm: pd.DataFrame) -> None:
    found = rows(nation(senders_named=0.5))
    assert found["referred_from"].notna().sum() == pytest.approx(calm["referred_from"].notna().sum() / 2, rel=0.2)


def test_files_every_quarter_counts_only_and_another_key(tmp_path: Path) -> None:
    keys = [partial(disguise, key=letter * 32) for letter in (b"a", b"b")]
    weather = Weather(quarterly=True, aggregated=("O",), other_key=("Z",))
    found = simulate(replace(national_spec(**CLEAN, weather=weather), registrations=1_000), seed=1)
    paths = write_registers(tmp_path / "out", found, keys[0], other=keys[1])
    assert [path.stem for path in paths] == ["P", "K", "I", "R", "Z"]
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"P-2016-q1.csv", "P-2025-q4.csv", "O-counts.csv"} <= names and "O.toml" not in names
    counts = pd.read_csv(tmp_path / "out" / "O-counts.csv")
    assert counts["persons"].sum() == len(found.registers["O"])
    with pytest.raises(InputError, match="list Z shares no value of any hashed part with the other lists"):
        take_in(paths, tmp_path, IntakeSpec(strata=("year",)), seed=1)


def test_other_columns_and_codes_from_some_year_on_are_read_as_before(tmp_path: Path) -> None:
    small = replace(national_spec(**CLEAN), registrations=1_000)
    tables = []
    for number, weather in enumerate((Weather(), Weather(layout_from=2021, quarterly=True))):
        found = simulate(replace(small, weather=weather), seed=1)
        paths = write_registers(tmp_path / str(number), found, partial(disguise, key=b"k" * 32))
        tables.append(take_in(paths, tmp_path, IntakeSpec(strata=("year", "form", "region"), draws=0), seed=1).table)
    assert (tmp_path / "1" / "P-later-2021-q1.csv").exists()
    assert tables[0] == tables[1]


def test_a_section_of_weather_is_checked() -> None:
    settings = {"weather": {"births_missing": 2.0, "other_key": ["Q"], "storm": True}}
    base = national_spec()
    with pytest.raises(ModelError, match="no such register"):
        national_spec(weather=Weather(other_key=("Q",)))
    with pytest.raises(ModelError, match="fewer than two registers have rows"):
        national_spec(weather=Weather(aggregated=base.lists[1:]))
    with pytest.raises(InputError) as caught:
        make_spec({"victims": 10.0, **settings})
    assert any("storm" in str(problem) for problem in caught.value.problems)
