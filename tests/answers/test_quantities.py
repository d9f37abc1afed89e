"""Shares, ratios, rates and changes from the draws of the strata, and the population that rates are divided by."""

import numpy as np
import pytest

from mse.answers.quantities import Quantity
from mse.answers.strata import StrataDraws
from mse.errors import InputError, ModelError
from mse.tables.population import Population


def strata(draws):
    """Two years by two sexes."""
    draws = np.asarray(draws)
    return StrataDraws(
        {"year": ("2018", "2019"), "sex": ("f", "m")}, draws, draws.mean(axis=0), np.zeros(4, dtype=int),
        np.full((4, 4), np.nan), ((),) * 4,
    )  # fmt: skip


DRAWS = [[10, 20, 5, 5], [10, 30, 20, 20], [40, 0, 10, 10], [0, 0, 1, 1]]


def test_sizes_add_up_in_every_draw():
    s = strata(DRAWS)
    np.testing.assert_array_equal(s.size().draws, np.sum(DRAWS, axis=1))
    years = sum(s.size({"year": y}).draws for y in ("2018", "2019"))
    np.testing.assert_array_equal(years, s.size().draws)
    np.testing.assert_array_equal(s.size({"sex": ["f", "m"]}).draws, s.size().draws)


def test_shares_and_ratios_are_taken_within_draws():
    s = strata(DRAWS)
    share = s.share({"sex": "f"}, of={"year": "2018"})
    np.testing.assert_allclose(share.draws, [1 / 3, 0.25, 1.0, np.nan])
    assert share.undefined == 0.25
    assert share.point == pytest.approx(1 / 3)
    np.testing.assert_allclose(s.ratio({"sex": "f"}, {"sex": "m"}).draws, [15 / 25, 30 / 50, 5.0, 1.0])
    assert s.share({"sex": "f"}).unit == "share"


def test_change_says_with_what_probability_it_fell():
    change = strata(DRAWS).change("year", "2018", "2019")
    np.testing.assert_array_equal(change.difference.draws, [-20, 0, -20, 2])
    assert (change.fell, change.difference.probability(above=0.0)) == (0.5, 0.25)
    np.testing.assert_allclose(change.ratio.draws, [1 / 3, 1.0, 0.5, np.nan])
    of_girls = strata(DRAWS).change("year", "2018", "2019", {"sex": "f"})
    np.testing.assert_array_equal(of_girls.difference.draws, [-5, 10, -30, 1])


def test_interval_and_probability():
    q = Quantity("x", "persons", np.arange(101.0))
    assert q.interval(0.9) == pytest.approx((5.0, 95.0))
    assert q.probability(below=10) == pytest.approx(10 / 101)
    assert q.probability(above=9, below=20) == pytest.approx(10 / 101)
    nothing = Quantity("x", "ratio", np.full(3, np.nan))
    assert np.isnan(nothing.point)
    assert np.isnan(nothing.interval(0.5)).all()
    for bad in (0.0, 1.0):
        with pytest.raises(InputError, match="probability of an interval"):
            q.interval(bad)
    with pytest.raises(InputError, match="no value is given"):
        q.probability()


def test_rates_by_a_population_file(tmp_path):
    path = tmp_path / "population.csv"
    path.write_text("sex,year,population\nf,2018,1000\nm,2018,3000\nf,2019,2000\nm,2019,4000\n")
    population = Population.from_csv(path)
    s = strata(DRAWS)
    assert population.size({"year": "2019"}) == 6000
    np.testing.assert_allclose(s.rate(population, {"year": "2018"}).draws, s.size({"year": "2018"}).draws * 25)
    np.testing.assert_allclose(s.rate(population, {"year": "2018", "sex": "f"}).draws, np.array([10, 10, 40, 0]) * 100)
    np.testing.assert_allclose(s.rate(50_000).draws, s.size().draws * 2)
    only_year = Population({"year": ("2018", "2019")}, [100, 200])
    np.testing.assert_allclose(s.rate(only_year, {"year": "2018", "sex": "f"}, ignore=["sex"]).draws[0], 10_000)
    with pytest.raises(ModelError, match="no dimension 'sex' in the population"):
        s.rate(only_year, {"sex": "f"})
    with pytest.raises(ModelError, match="not a positive number"):
        s.rate(0)


def test_every_fault_of_a_population_file_at_once(tmp_path):
    path = tmp_path / "population.csv"
    path.write_text("year,sex,population\n2018,f,many\n2018,f,10\n2019,m,-5\n")
    with pytest.raises(InputError) as caught:
        Population.from_csv(path)
    said = str(caught.value)
    assert len(caught.value.problems) == 5
    for words in ("row 2", "row 3", "row 4", "there twice", "'many'", "2018, m", "2019, f"):
        assert words in said
    with pytest.raises(InputError, match="no such file"):
        Population.from_csv(tmp_path / "none.csv")
    path.write_text("year,persons\n2018,3\n")
    with pytest.raises(InputError, match="no column 'population'"):
        Population.from_csv(path)
    assert Population.from_csv(path, count="persons").size() == 3


def test_unknown_names_are_said_all_at_once():
    s = strata(DRAWS)
    with pytest.raises(ModelError) as caught:
        s.size({"month": "1", "sex": ["f", "x"], "year": "2017"})
    assert len(caught.value.problems) == 3
    with pytest.raises(ModelError, match="the change is along 'year'"):
        s.change("year", "2018", "2019", {"year": "2018"})
