"""An attribute that one list alone records: who has it on the other lists is told by the model, against the truth."""

import numpy as np
import pytest

import mse
from mse.jobs.job import read_job
from mse.shipped import shipped_path
from tests.examples.onerecorder import LISTS, UNKNOWN, victims

WITH = "~ P + Z + R + G + disability + (P + Z + R + G):disability"
WITHOUT = "~ P + Z + R + G + disability + (P + Z + R):disability"


def answer(seed, formula, **more):
    table, truth = victims(seed)
    found = mse.estimate(table, "covariates", formula=formula, unknown=UNKNOWN, seed=seed, **more)
    low, high = np.quantile(found.strata.draws, [0.025, 0.975], axis=0)
    return found, (low <= truth) & (truth <= high), (high / low)


def test_the_truth_is_held_with_the_term_of_the_recorder_and_missed_without():
    """G sees people with a disability two and a half times as often: a model that leaves it out is sure and wrong."""
    for seed in (1, 3, 5):
        _, held, wide = answer(seed, WITH, replicates=200)
        _, without, narrow = answer(seed, WITHOUT, replicates=200)
        assert held.all() and not without.any()
        assert (wide > narrow).all()


def test_the_answer_says_what_no_overlap_tells():
    notes = [str(note) for note in answer(1, WITH, replicates=40)[0].notes]
    assert any("known of persons on list G alone" in note and "G:disability" in note for note in notes)
    table, _ = victims(1)
    counts = table.counts.copy()
    counts[0, 0] = 5  # five on P alone whose disability is known
    other = mse.CaptureTable.from_arrays(LISTS, counts, strata=table.strata, name="two recorders")
    found = mse.estimate(other, "covariates", formula=WITH, unknown=UNKNOWN, seed=1, replicates=40)
    assert not any("alone" in str(note) for note in found.notes)


def test_the_job_that_ships_is_this_table():
    job = read_job(shipped_path("models", "attribute-of-one-list.toml"))
    assert job.estimate.options["formula"] == WITH and job.estimate.options["unknown"] == UNKNOWN
    shipped = mse.CaptureTable.from_csv(job.table.path, covariates=["disability"])
    table, truth = victims(3)
    assert truth.tolist() == [769, 5231]
    for level in table.strata["disability"]:
        one, other = (t.part({"disability": level}) for t in (shipped, table))
        np.testing.assert_array_equal(one.counts.ravel(), other.counts.ravel())


@pytest.mark.slow
def test_the_multilevel_model_holds_the_truth_too():
    """Its prior says how far G may see one level more often than the other: no term has to be named."""
    table, truth = victims(3)
    found = mse.estimate(table, "multilevel", unknown=UNKNOWN, seed=1)
    low, high = np.quantile(found.strata.draws, [0.025, 0.975], axis=0)
    assert ((low <= truth) & (truth <= high)).all()
