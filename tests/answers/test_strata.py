"""Draws by stratum: margins add up, names and shapes are checked, nothing is lost in a file."""

import pickle

import numpy as np
import pytest

import mse
from mse.answers.posterior import Posterior
from mse.answers.strata import StrataDraws
from mse.errors import ModelError
from mse.words.said import said

FEW, ALONE = said("flag.two_lists"), said("flag.one_list")
FLAGS = ((), (FEW,), (), (), (FEW,), (ALONE,))
DIMS = {"sex": ("f", "m"), "draw": ("a", "b", "c")}  # a dimension may bear a name that ArviZ uses


def example(draws=40):
    rng = np.random.default_rng(0)
    root = rng.normal(size=(6, 6))
    parts = rng.poisson(50, size=(draws, 6))
    return StrataDraws(DIMS, parts, parts.mean(axis=0), np.arange(6), root @ root.T, FLAGS)


def test_margins_add_up_in_every_draw_and_in_their_covariance():
    strata = example()
    for dims in ((), ("sex",), ("draw",), ("draw", "sex")):
        part = strata.margin(*dims)
        np.testing.assert_array_equal(part.draws.sum(axis=1), strata.draws.sum(axis=1))
        assert part.point.sum() == pytest.approx(strata.point.sum())
        assert part.covariance.sum() == pytest.approx(strata.covariance.sum())
    sex = strata.margin("sex")
    np.testing.assert_array_equal(sex.draws[:, 1], strata.draws[:, 3:].sum(axis=1))
    assert sex.flags == ((FEW,), (FEW, ALONE))
    assert strata.margin("draw").margin().draws.shape == (40, 1)
    assert strata.names()[4] == "m, b"


def test_unknown_dimensions_and_wrong_shapes_are_refused():
    with pytest.raises(ModelError, match="no dimension 'year'"):
        example().margin("year")
    with pytest.raises(ModelError, match="shape"):
        StrataDraws(DIMS, np.zeros((4, 5)), np.zeros(6), np.zeros(6), np.eye(6), ((),) * 6)


def test_it_is_read_only_and_survives_a_pickle():
    strata = pickle.loads(pickle.dumps(example()))
    assert strata.dimensions == DIMS
    with pytest.raises(ValueError, match="read-only"):
        strata.draws[0, 0] = 1


def test_a_posterior_keeps_its_strata_in_a_file_and_refuses_parts_that_do_not_add_up(tmp_path):
    from dataclasses import replace

    plain = mse.estimate(mse.load_table("kosovo-1999-4"), "independence", draws=40)
    strata = example()
    whole = replace(plain, draws=strata.draws.sum(axis=1), strata=strata)
    whole.save(tmp_path / "one.nc")
    again = Posterior.load(tmp_path / "one.nc")
    again.save(tmp_path / "two.nc")
    assert (tmp_path / "one.nc").read_bytes() == (tmp_path / "two.nc").read_bytes()
    assert again.strata is not None
    assert dict(again.strata.dimensions) == DIMS
    assert again.strata.flags == strata.flags
    for name in ("draws", "point", "observed", "covariance"):
        np.testing.assert_array_equal(getattr(again.strata, name), getattr(strata, name))
    tree = whole.to_datatree()
    assert tree["posterior"]["N_stratum"].dims == ("chain", "draw", "sex", "draw_")
    np.testing.assert_array_equal(
        tree["posterior"]["N_stratum"].sum(("sex", "draw_")).to_numpy(), tree["posterior"]["N"].to_numpy()
    )
    with pytest.raises(ModelError, match="add up"):
        replace(plain, draws=strata.draws.sum(axis=1) + 1, strata=strata)
