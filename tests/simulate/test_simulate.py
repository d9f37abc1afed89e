"""The simulated nation: totals, every switch, calibration on what was published, and the files."""

import csv
import hashlib
import json
import time
import tomllib
import unicodedata
from dataclasses import replace
from datetime import date
from functools import partial

import numpy as np
import pandas as pd
import pytest

from mse.errors import InputError, ModelError
from mse.intake.contracts.together import check_contracts
from mse.intake.pseudonyms.keyedhash import disguise
from mse.intake.registers.delivered import read_registers
from mse.simulate.calibration import OUTSIDE, REGISTERED, REPORTERS, REPORTS, calibration_table
from mse.simulate.dirt import mistyped, spelled_otherwise, without_accents, wrong_identity
from mse.simulate.lists import draw_captures, solve
from mse.simulate.names import FEMALE, MALE, SURNAMES, read_names
from mse.simulate.national import Simulated, simulate, simulate_captures
from mse.simulate.section import make_spec, national_spec, read_spec
from mse.simulate.spec import Referral
from mse.simulate.suppliers import contract_text
from mse.simulate.victims import draw_population, expected_victims
from mse.simulate.writing import write_registers

CLEAN = {"key_errors": 0.0, "name_variants": 0.0, "missing": {}, "duplicates": 0.0, "late": 0.0}


@pytest.fixture(scope="module")
def nation() -> Simulated:
    return simulate(national_spec(), seed=1)


@pytest.fixture(scope="module")
def clean() -> Simulated:
    return simulate(national_spec(**CLEAN), seed=1)


def normal(*texts: str) -> str:
    """Letters and digits alone, without accents and capitals."""
    return "".join(x for x in without_accents(" ".join(texts)).casefold() if x.isalnum())


def keys(frame: pd.DataFrame) -> list[str]:
    parts = zip(frame["surname"], frame["given_name"], frame["birth_date"], strict=True)
    return [f"{normal(a)} {normal(b)} {c}" for a, b, c in parts]


def odds_ratio(persons: pd.DataFrame, a: str, b: str) -> float:
    """Mantel-Haenszel over the finest strata, the unseen included: 1 when two lists are independent given strata."""
    strata = persons.groupby(["year", "form", "sex", "age", "nationality", "region"], observed=True).ngroup()
    cells = np.zeros((int(strata.max()) + 1, 2, 2))
    np.add.at(cells, (strata, persons[a].astype(int), persons[b].astype(int)), 1)
    size = cells.sum(axis=(1, 2))
    agree, differ = cells[:, 0, 0] * cells[:, 1, 1] / size, cells[:, 0, 1] * cells[:, 1, 0] / size
    return float(agree.sum() / differ.sum())


# ---- totals -----------------------------------------------------------------------------------------------


def test_victims_a_year(nation):
    by_year = nation.truth.groupby("year", observed=True)["truth"].sum()
    expected = expected_victims(nation.spec)
    assert expected.mean() == pytest.approx(5000)
    assert np.all(np.abs(by_year - expected) < 4 * np.sqrt(expected))
    assert by_year.index.tolist() == [str(year) for year in range(2016, 2026)]


def test_truth_persons_and_table_are_the_same_nation(nation):
    persons, lists = nation.persons, list(nation.spec.lists)
    dims = ["year", "form", "sex", "age", "nationality", "region"]
    counted = persons.assign(seen=persons[lists].any(axis=1)).groupby(dims, observed=True)["seen"]
    assert counted.size().tolist() == nation.truth["truth"].tolist()
    assert counted.sum().tolist() == nation.truth["registered"].tolist()
    table, truth = simulate_captures(nation.spec, seed=1)
    assert truth.sum() == len(persons) and table.observed == nation.truth["registered"].sum()
    seen = persons[persons[lists].any(axis=1)]
    again = type(table).from_frame(seen[["year", "form", "sex", "age", *lists]], lists=lists,
                                   covariates=["year", "form", "sex", "age"], count=None)  # fmt: skip
    assert np.array_equal(again.counts, table.counts)
    whole, everybody = simulate_captures(nation.spec, seed=1, dims=())
    assert whole.n_strata == 1 and everybody.tolist() == [persons["person"].nunique()]


def test_registers_hold_the_persons_on_the_lists(clean):
    for name, register in clean.registers.items():
        on = clean.persons[clean.persons[name]]
        listed = pd.MultiIndex.from_arrays([register["person"], register["date"].str[:4]])
        assert listed.is_unique and register["record"].is_unique
        assert set(listed) == set(zip(on["person"], on["year"].astype(str), strict=True))


def test_expectations_agree_with_the_mean_of_many_nations():
    """The solver integrates over strata and visibility; the draws know nothing of it."""
    for changes in ({}, {"consent_rule": False}, {"apartness": False, "visibility": 0.8, "referrals": ()}):
        spec, seeds = national_spec(**changes), 12
        expected, lists, seen = solve(spec), 0.0, 0.0
        for seed in range(seeds):
            population = draw_population(spec, seed)
            on = draw_captures(spec, population, seed).on
            year = population.codes["year"]
            lists = lists + np.stack([np.bincount(year[x], minlength=10) for x in on.T], axis=1) / seeds
            seen = seen + np.bincount(year[on.any(axis=1)], minlength=10) / seeds
        assert np.abs((lists - expected.on_list) / np.sqrt(expected.on_list / seeds)).max() < 4
        assert np.abs((seen - expected.registered) / np.sqrt(expected.registered / seeds)).max() < 4
        if spec.consent_rule:
            published = np.array([register.registered for register in spec.registers]).T
            assert np.allclose(expected.on_list, published, rtol=1e-5)


# ---- calibration ------------------------------------------------------------------------------------------


def test_calibration_on_the_published_totals():
    """Stated bounds: expected within 1 % of every published figure, one nation within four standard deviations."""
    frame = calibration_table(national_spec(), seed=1)
    published = frame[frame["published"].notna()]
    assert len(published) == len(REGISTERED) + len(REPORTERS) + len(OUTSIDE)
    assert published["ratio"].between(0.99, 1.01).all()
    away = (published["simulated"] - published["expected"]).abs()
    assert (away < 4 * np.sqrt(published["expected"])).all()
    later = frame[(frame["year"] > 2021) & (frame["reporter"] == "all registers")]
    assert later["published"].isna().all() and later["expected"].between(950, 1300).all()


def test_calibration_without_a_register():
    spec = national_spec()
    fewer = replace(spec, registers=tuple(x for x in spec.registers if x.name not in ("O", "K")), referrals=())
    frame = calibration_table(fewer, seed=1)
    assert REPORTS not in set(frame["reporter"]) and "K" not in set(frame["reporter"])


# ---- every mechanism and its switch -----------------------------------------------------------------------


def large(**changes: object) -> Simulated:
    return simulate(national_spec(registrations=80_000, **CLEAN, **changes), seed=3)


def test_referrals():
    plain = {"visibility": 0.0, "apartness": False}
    without, with_them = large(referrals=(), **plain), large(**plain)
    assert odds_ratio(without.persons, "P", "O") == pytest.approx(1, abs=0.15)
    assert odds_ratio(with_them.persons, "P", "O") > 2.5
    assert odds_ratio(with_them.persons, "P", "R") == pytest.approx(1, abs=0.15)
    assert all(x["referred_from"].isna().all() for x in without.registers.values())
    sent = with_them.registers["O"].dropna(subset="referred_from")
    assert set(sent["referred_from"]) == {"P"} and len(sent) > 300
    police = with_them.registers["P"]
    first = {(p, d[:4]): d for p, d in zip(police["person"], police["date"], strict=True)}
    dates = [(d, first[p, d[:4]]) for p, d in zip(sent["person"], sent["date"], strict=True)]
    assert all(here > there or here[5:] >= "12-30" for here, there in dates)


def test_visibility():
    plain = {"referrals": (), "apartness": False}
    assert odds_ratio(large(visibility=0.0, **plain).persons, "P", "R") == pytest.approx(1, abs=0.1)
    assert odds_ratio(large(visibility=1.0, **plain).persons, "P", "R") > 1.5


def test_border_police_stand_apart():
    plain = {"visibility": 0.0, "referrals": ()}
    assert odds_ratio(large(**plain).persons, "K", "P") < 0.35
    assert odds_ratio(large(apartness=False, **plain).persons, "K", "P") == pytest.approx(1, abs=0.35)


def test_inspectorate_is_blind():
    table, _ = simulate_captures(national_spec(), seed=1)
    sexual = np.array([form.endswith("sexual") for form in table.strata["form"]])
    cells = table.observable.reshape(10, 4, 4, -1)
    on = table.membership()[:, table.lists.index("I")]
    assert not cells[:, sexual][..., on].any()
    assert cells[:, ~sexual].all() and cells[..., ~on].all()
    seeing, _ = simulate_captures(national_spec(blindness=False), seed=1)
    assert seeing.observable.all()
    assert seeing.part({"form": "domestic sexual"}).counts.sum() > 0 and "I" in seeing.part({"form": "labour"}).lists
    assert seeing.counts.reshape(10, 4, 4, -1)[:, sexual][..., on].sum() > 0
    year_only, _ = simulate_captures(national_spec(), seed=1, dims=["year"])
    assert year_only.observable.all()


def test_consent_break_of_may_2018():
    def reports(**changes: object) -> tuple[int, int]:
        nation = simulate(national_spec(registrations=60_000, **CLEAN, **changes), seed=2)
        dates = pd.concat([nation.registers[x]["date"] for x in "ROZ"])
        return int(dates.between("2018-01-01", "2018-04-30").sum()), int(
            dates.between("2018-05-15", "2018-09-14").sum()
        )

    before, after = reports()
    assert after < 0.6 * before
    before, after = reports(consent_rule=False)
    assert after == pytest.approx(before, rel=0.15)
    with_rule, without = solve(national_spec()), solve(national_spec(consent_rule=False))
    assert np.array_equal(with_rule.intercepts, without.intercepts)
    outside, police = [3, 4, 5], 0
    assert (without.on_list[3:, outside] > 1.5 * with_rule.on_list[3:, outside]).all()
    # The police register no more of their own; shelters that see more people send them more.
    assert (without.on_list[:, police] / with_rule.on_list[:, police]).max() < 1.1


def test_persons_who_return(nation):
    persons = nation.persons
    assert not persons.duplicated(["person", "year"]).any()
    times = persons.groupby("person").size()
    assert 0.04 < (times > 1).mean() < 0.08
    same = persons.groupby("person")[["form", "sex", "nationality", "region", "birth_year"]].nunique()
    assert (same == 1).all().all()
    assert ((persons["year"].astype(int) - persons["birth_year"] < 18) == (persons["age"] == "minor")).all()
    gaps = persons.assign(y=persons["year"].astype(int)).groupby("person")["y"].diff().dropna()
    assert set(gaps) == {1, 2, 3}
    registered = pd.concat([x[["person", "date"]] for x in nation.registers.values()])
    assert registered.assign(y=registered["date"].str[:4]).groupby("person")["y"].nunique().max() > 1
    assert simulate(national_spec(returns=0.0), seed=1).persons["person"].is_unique


def test_trend_over_the_years():
    steady = expected_victims(national_spec(trend=0.0))
    assert np.allclose(steady, 5000)
    falling = expected_victims(national_spec())
    assert np.allclose(np.diff(np.log(falling)), -0.02)


def test_two_forms(nation):
    both = nation.persons.dropna(subset="also")
    assert 0.02 < len(both) / len(nation.persons) < 0.06
    # The first in the order of the multi-coding rule is the one that counts.
    assert (both["form"].cat.codes < both["also"].cat.codes).all()
    police = nation.registers["P"].dropna(subset="form")
    merged = police[police["form"].str.contains("|", regex=False)].merge(both, on="person", suffixes=("", "_true"))
    written = merged["form_true"].astype(str) + "|" + merged["also"].astype(str)
    assert len(merged) > 100 and (merged["form"] == written).all()
    single = simulate(national_spec(two_forms=False), seed=1)
    assert single.persons["also"].isna().all()
    assert not any(x["form"].str.contains("|", regex=False).any() for x in single.registers.values())


def test_without_dirt_exact_keys_are_persons(clean):
    rows = pd.concat(clean.registers.values())
    key = pd.Series(keys(rows), index=rows.index)
    assert rows.groupby(key)["person"].nunique().max() == 1
    assert key.groupby(rows["person"]).nunique().max() == 1


def test_key_errors_and_name_variants(clean):
    def share(**changes: float) -> tuple[float, float]:
        dirty = simulate(national_spec(**CLEAN | changes), seed=1)
        true = pd.concat(clean.registers.values())
        rows = pd.concat(dirty.registers.values())
        assert (true["record"] == rows["record"]).all() and (true["person"] == rows["person"]).all()
        identity = ["surname", "given_name", "birth_date"]
        wrong = np.array([a != b for a, b in zip(keys(true), keys(rows), strict=True)])
        return float(wrong.mean()), float((true[identity] != rows[identity]).any(axis=1).mean())

    assert share() == (0.0, 0.0)
    wrong, other = share(key_errors=0.02)
    assert 0.016 < wrong < 0.024 and wrong == other
    wrong, other = share(name_variants=0.1)
    assert wrong == 0.0 and 0.09 < other < 0.11


def test_missing_labels(nation, clean):
    rows, spec = pd.concat(nation.registers.values()), nation.spec
    for label, share in spec.missing.items():
        assert rows[label].isna().mean() == pytest.approx(share, abs=4 * np.sqrt(share / len(rows)))
    assert not pd.concat(clean.registers.values())[list(spec.missing)].isna().any().any()


def test_duplicates(nation, clean):
    for name, register in nation.registers.items():
        again = register.assign(year=register["date"].str[:4]).duplicated(["person", "year"])
        assert len(register) - again.sum() == len(clean.registers[name])
    rows = pd.concat(nation.registers.values())
    copies = rows.duplicated("record").sum()
    assert copies == rows.duplicated().sum()
    assert 0.006 < copies / len(rows) < 0.014
    assert 0.014 < 1 - len(pd.concat(clean.registers.values())) / len(rows) < 0.026


def test_late_deliveries(nation, clean):
    rows = pd.concat(nation.registers.values())
    late = rows[rows["delivery"] == 2]
    last = rows["date"].str[:4] == "2025"
    assert len(late) / last.sum() == pytest.approx(0.1, abs=0.03)
    assert late["entered"].between("2026-02-01", "2026-07-31").all() and late["date"].str.startswith("2025").all()
    assert (rows.loc[rows["delivery"] == 1, "entered"] <= "2026-01-31").all()
    assert (rows["entered"] >= rows["date"]).all()
    assert (pd.concat(clean.registers.values())["delivery"] == 1).all()


def test_what_is_switched_off_leaves_the_rest_alone():
    base = simulate_captures(national_spec(), seed=5)[0]
    assert simulate_captures(national_spec(two_forms=False, **CLEAN), seed=5)[0] == base
    on = {
        key: draw_captures(spec := national_spec(**changes), draw_population(spec, 5), 5).on
        for key, changes in {"base": {}, "no referrals": {"referrals": ()}}.items()
    }
    untouched = [0.99 < (on["base"][:, j] == on["no referrals"][:, j]).mean() for j in range(6)]
    assert all(untouched) and np.array_equal(on["base"][:, 1], on["no referrals"][:, 1])


# ---- names ------------------------------------------------------------------------------------------------


def test_names_are_different_ones():
    assert set(SURNAMES) == set(FEMALE) == set(MALE) == set(national_spec().nationalities)
    surnames = {name for text in SURNAMES.values() for name in read_names(text)}
    assert len({normal(name) for name in surnames}) == len(surnames)
    for sign in (" ", "'"):
        assert any(sign in name for name in surnames)
    assert any(unicodedata.normalize("NFD", name) != name for name in surnames)
    assert any("-" in name for text in FEMALE.values() for name in read_names(text))


def test_errors_change_the_key_and_variants_do_not():
    rng = np.random.default_rng(1)
    for identity in (
        ("van der Berg-'t Hart", "Zoë", "1999-02-03"),
        ("Li", "Jo", "2001-12-31"),
        ("Wu", "Mei", "1980-01-01"),
    ):
        for _ in range(300):
            wrong = wrong_identity(identity, rng)
            assert [normal(x) for x in wrong] != [normal(x) for x in identity]
            assert date.fromisoformat(wrong[2]) and all(wrong)
            other = spelled_otherwise(identity[0], identity[1], rng.random())
            assert [normal(x) for x in other] == [normal(x) for x in identity[:2]]
    assert {mistyped("van der Li", rng)[:8] for _ in range(50)} == {"van der "}


# ---- files ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small() -> Simulated:
    return simulate(national_spec(registrations=4000), seed=9)


def hidden(frame: pd.DataFrame) -> pd.DataFrame:
    key = [hashlib.sha256(x.encode()).hexdigest()[:32] for x in keys(frame)]
    return frame.drop(columns=["surname", "given_name", "birth_date"]).assign(key=key)


def test_folder(small, tmp_path):
    contracts = write_registers(tmp_path / "nation", small, hidden)
    assert [x.name for x in contracts] == [f"{x}.toml" for x in small.spec.lists]
    links = pd.read_csv(tmp_path / "nation" / "links.csv")
    for path in contracts:
        contract = tomllib.loads(path.read_text(encoding="utf-8"))
        name = contract["list"]
        columns = {field["name"] for field in contract["fields"]}
        for file in contract["path"]:
            with (path.parent / file).open(encoding="utf-8", newline="") as text:
                rows = list(csv.DictReader(text, delimiter=contract["delimiter"]))
            header = (path.parent / file).read_text(encoding="utf-8").partition("\n")[0].split(contract["delimiter"])
            assert set(header) <= columns and not set(header) & {"person", "delivery", "surname"}
            of_file = links[links["source"] == file]
            assert of_file["row"].tolist() == list(range(2, len(rows) + 2))
            true = small.registers[name].set_index("record")["person"]
            assert [true[row["record"]].max() for row in rows] == of_file["person"].tolist()
            labels = {field["name"]: field for field in contract["fields"] if field["role"] == "stratum"}
            for label, field in labels.items():
                allowed = {"", *field.get("codes", {}), *field.get("constraints", {}).get("enum", ())}
                assert {part for row in rows for part in row[label].split(field.get("separator"))} <= allowed
    truth = pd.read_csv(tmp_path / "nation" / "truth.csv")
    assert truth["truth"].sum() == len(small.persons)
    record = json.loads((tmp_path / "nation" / "simulation.json").read_text(encoding="utf-8"))
    assert record["seed"] == 9 and record["pseudonyms"] is True
    digest = hashlib.sha256((tmp_path / "nation" / "truth.csv").read_bytes()).hexdigest()
    assert record["files"]["truth.csv"] == digest
    calibration = pd.read_csv(tmp_path / "nation" / "calibration.csv")
    assert {"year", "reporter", "published", "expected", "simulated", "ratio"} == set(calibration)


def test_intake_reads_what_the_suppliers_write(tmp_path):
    """Contracts, codes and dates agree with the files; without dirt one key is one person, with it 2 % are wrong."""

    clean, nation = (simulate(national_spec(registrations=5000, **x), seed=1) for x in (CLEAN, {}))

    def read(nation: Simulated, folder: str) -> pd.DataFrame:
        contracts = write_registers(tmp_path / folder, nation, partial(disguise, key=bytes(range(40))))
        workspace = tmp_path / f"{folder}-work"
        workspace.mkdir()
        with read_registers(check_contracts(contracts), workspace) as registers:
            found = registers.connection.execute("select * from registrations").df()
            reasons = {rejected.reason for rejected in registers.rejected}
            blind = {contract.list: contract.blind for contract in registers.contracts}
        assert blind["I"][0].where == {"form": ("domestic sexual", "cross-border sexual")} and not blind["P"]
        assert reasons == (set() if nation is clean else {"duplicate"})
        links = pd.read_csv(tmp_path / folder / "links.csv")
        return found.merge(links, on=["list", "source", "row"], validate="one_to_one")

    rows = read(clean, "clean")
    assert len(rows) == sum(map(len, clean.registers.values()))
    assert rows.groupby("person")["key"].nunique().max() == 1 == rows.groupby("key")["person"].nunique().max()
    true = rows.drop_duplicates("person").set_index("person")
    rows = read(nation, "dirty")
    assert (rows["key"] != rows["person"].map(true["key"])).mean() == pytest.approx(0.02, abs=0.008)
    persons = nation.persons.assign(year=nation.persons["year"].astype(str)).set_index(["person", "year"])
    for label in ("form", "sex", "age", "nationality", "region"):
        known = rows.dropna(subset=label)
        right = persons[label].loc[pd.MultiIndex.from_frame(known[["person", "year"]])]
        assert known[label].tolist() == right.tolist()


def test_same_seed_same_bytes(small, tmp_path):
    write_registers(tmp_path / "a", small)
    write_registers(tmp_path / "b", simulate(small.spec, seed=9))
    write_registers(tmp_path / "c", simulate(small.spec, seed=10))
    read = [{x.name: x.read_bytes() for x in (tmp_path / folder).iterdir()} for folder in "abc"]
    assert read[0] == read[1]
    assert read[0]["P-1.csv"] != read[2]["P-1.csv"] and read[0].keys() == read[2].keys()


def test_one_file_a_register_without_late_deliveries(tmp_path):
    write_registers(tmp_path / "nation", simulate(national_spec(registrations=2000, late=0.0), seed=1))
    names = {x.name for x in (tmp_path / "nation").iterdir()}
    assert {"P.csv", "P.toml", "Z.csv"} <= names and not any("-" in name for name in names)
    raw = pd.read_csv(tmp_path / "nation" / "K.csv", sep=";", dtype="str")
    assert raw["birth_date"].str.fullmatch(r"\d\d-\d\d-\d{4}").all()


def test_a_folder_is_replaced_only_when_it_is_ours_and_asked_for(small, tmp_path):
    folder = tmp_path / "nation"
    write_registers(folder, small)
    with pytest.raises(InputError, match="exists already"):
        write_registers(folder, small)
    write_registers(folder, small, overwrite=True)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        write_registers(folder, small, overwrite=True)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="a link or a file"):
        write_registers(tmp_path / "file", small, overwrite=True)


def test_nothing_is_half_written(small, tmp_path):
    def breaks(frame: pd.DataFrame) -> pd.DataFrame:
        if frame["record"].str.startswith("R").any():
            raise OSError(28, "No space left on device")
        return frame

    with pytest.raises(InputError, match="No space left on device"):
        write_registers(tmp_path / "nation", small, breaks)
    assert list(tmp_path.iterdir()) == []


def test_contract_of_a_blind_register():
    spec = national_spec()
    contract = tomllib.loads(contract_text(spec, "I", ["I.csv"]))
    assert contract["blind"][0]["where"] == {"form": ["domestic sexual", "cross-border sexual"]}
    assert contract["dimensions"]["form"]["order"] == list(spec.levels["form"])
    assert "blind" not in tomllib.loads(contract_text(national_spec(blindness=False), "I", ["I.csv"]))


# ---- settings ---------------------------------------------------------------------------------------------


def test_all_problems_of_a_spec_at_once():
    spec = national_spec()
    with pytest.raises(ModelError) as caught:
        replace(spec, returns=1.0, victims=-1.0, missing={"year": 0.1}, referrals=(Referral("P", "X", 2.0),))
    text = str(caught.value)
    for part in (
        "`returns` is out of range",
        "`victims` is out of range",
        "missing.year",
        "no such register",
        "referrals.0.share",
    ):
        assert part in text


def test_section_of_a_job_file(tmp_path):
    whole = tmp_path / "job.toml"
    with pytest.raises(InputError, match="cannot be read"):
        read_spec(whole)
    whole.write_text("[table]\nname = 'uk-2013-5'\n")
    with pytest.raises(InputError, match="no section"):
        read_spec(whole)
    whole.write_text("[simulate]\nvictim = 5000.0\nfirst_year = '2016'\nlast_year = 2017\nforms = 3\n"
                     "[simulate.regions]\nall = 1\n[[simulate.registers]]\nname = 'P'\n")  # fmt: skip
    with pytest.raises(InputError) as caught:
        read_spec(whole)
    text = str(caught.value)
    assert "did you mean 'victims'" in text and "row 2" in text and "row 3" in text and "a whole number" in text
    assert "'registered' is missing" in text and "row 8" in text and "a list of sections" in text
    good = tomllib.loads(shipped())["simulate"]
    assert make_spec(good) == national_spec()
    good["returns"] = 2
    good["forms"][3]["also"] = {"labour": 0.1}
    with pytest.raises(InputError, match="`returns` is out of range") as caught:
        make_spec(good)
    assert "none after the last" in str(caught.value)


def shipped() -> str:
    from mse.shipped import shipped_path

    return shipped_path("models", "national-simulated.toml").read_text(encoding="utf-8")


def test_what_no_register_can_do():
    spec = national_spec(referrals=(Referral("P", "O", 0.9),))
    with pytest.raises(ModelError, match="register O cannot register"):
        simulate_captures(spec, seed=1)
    with pytest.raises(ModelError, match="no such dimension"):
        simulate_captures(national_spec(), seed=1, dims=["jaar"])


def test_other_nations(tmp_path):
    """One year, two registers, groups without names of their own, hardly anybody on any list."""
    base = national_spec()
    forms = tuple(replace(x, nationality={"here": 1.0, "there": 1.0}, also={}) for x in base.forms)
    police, border = (replace(base.registers[j], registered=(30.0 - 20 * j,), odds={}, apart=1.0) for j in (0, 1))
    spec = replace(base, first_year=2018, last_year=2018, forms=forms, registers=(police, border), referrals=())
    nation = simulate(spec, seed=1)
    assert {x: 0 < len(y) < 60 for x, y in nation.registers.items()} == {"P": True, "K": True}
    write_registers(tmp_path / "nation", simulate(replace(spec, registrations=1), seed=1))
    assert nation.persons["year"].unique().tolist() == ["2018"]
    with pytest.raises(ModelError, match="nobody|too large"):
        replace(spec, registrations=10**9)
    with pytest.raises(InputError, match="nobody is on this list"):
        simulate_captures(replace(spec, registrations=1), seed=1)


def test_repeated_simulation_is_cheap():
    spec = national_spec()
    simulate_captures(spec, seed=0)
    began = time.process_time()
    simulate_captures(spec, seed=1)
    assert time.process_time() - began < 0.5


@pytest.mark.slow
def test_a_million_registrations():
    began = time.process_time()
    nation = simulate(national_spec(registrations=1_000_000), seed=1)
    assert time.process_time() - began < 20
    assert sum(map(len, nation.registers.values())) == pytest.approx(1_020_000, rel=0.01)
