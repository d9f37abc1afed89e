"""Shrinkage: tables of many lists, covariates with shared scales, and what it says."""

import numpy as np
import pytest

import mse
from mse.computing.parallel import Compute
from mse.errors import ModelError
from mse.estimators.shrinkage.shrinkspec import ShrinkageSpec, largest_term
from mse.estimators.shrinkage.statements import flags_of, notes, outside
from mse.estimators.shrinkage.together import part_of_many, parts_of
from mse.methods import METHODS, run_method
from mse.tables.histories import HistoryTable
from mse.words.catalogues import catalogue

ALONE = Compute(workers=1)
SPEC = ShrinkageSpec()


def many(lists: int, persons: int = 600) -> HistoryTable:
    """Return a table of independent lists."""
    rng = np.random.default_rng(lists)
    on = rng.random((persons, lists)) < 0.15
    histories, counts = np.unique(on @ (1 << np.arange(lists)), return_counts=True)
    seen = histories > 0
    return HistoryTable(tuple(f"L{j}" for j in range(lists)), histories[seen], counts[seen])


def by_sex() -> mse.CaptureTable:
    """Return a table of three lists and two levels, with nobody in the second."""
    counts = np.array([[40, 30, 9, 25, 8, 6, 4], [0] * 7])
    return mse.CaptureTable.from_arrays(["A", "B", "C"], counts, strata={"sex": ["f", "m"]})


@pytest.mark.parametrize(("lists", "largest"), [(2, 2), (5, 5), (8, 8), (9, 2)])
def test_the_term_of_all_lists_is_in_it_on_up_to_eight_lists(lists, largest):
    assert largest_term(lists, SPEC) == largest
    assert largest_term(3, ShrinkageSpec(saturated=False)) == 2


def test_seventeen_lists_are_read_by_shrinkage_only():
    table = many(17)
    found = run_method(table, "shrinkage", seed=1, compute=ALONE, pair_sd=(0.1,), common_sd=(0.03,))
    assert found.quantile(0.001) < 600 < found.quantile(0.999)
    assert found.diagnostics["left_out"] >= 0.0 and found.diagnostics["visibility"] == 0.0
    with pytest.raises(ModelError, match="shrinkage"):
        run_method(table, "average", seed=1, compute=ALONE)


def test_levels_of_a_covariate_share_their_scales():
    assert METHODS["shrinkage"].together
    found = run_method(by_sex(), "shrinkage", seed=1, compute=ALONE, by=["sex"], pair_sd=(0.1,), visibility=(0.0,))
    assert found.strata is not None and found.spec["by"] == "sex"
    assert "note.scales_shared" in [note.code for note in found.notes]
    assert [[flag.code for flag in flags] for flags in found.strata.flags] == [[], ["flag.nobody"]]


@pytest.mark.parametrize("language", ["en", "nl"])
def test_everything_is_said_in_every_language(language):
    words = catalogue(language)
    for parts in (parts_of(by_sex(), SPEC), (part_of_many(many(17), SPEC),)):
        for said in (*notes(parts), *outside(parts), *(flag for flags in flags_of(parts) for flag in flags)):
            assert "{" not in words.said(said)


def test_too_many_terms_are_refused_with_a_code():
    with pytest.raises(ModelError) as error:
        part_of_many(many(17), ShrinkageSpec(max_order=3))
    assert error.value.problems[0].found.code == "fault.many_coefficients"
