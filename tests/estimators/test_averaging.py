"""Exact averaging: against a plain twin, published results, invariants, and its own claims."""

import math

import numpy as np
import pytest

import mse
from mse.computing.parallel import Compute
from mse.errors import ModelError
from mse.estimators.averages.averaging import AverageSpec, check_size, estimate
from mse.kernels.batch import fit_models
from mse.terms import candidates, model_of
from tests.twins.loglinear import all_masks

ONE = Compute(workers=1)


def plain_average(table, sd, max_order=None):
    """Twin: every model fitted on its own, weights and mixture summed in NumPy; Laplace throughout."""
    subsets = candidates(table.n_lists, max_order)
    masks = all_masks(subsets)
    rows = fit_models(*table.dense(), subsets, masks, sd**-2)
    weight = np.exp(rows[:, 0] - rows[:, 0].max())
    return masks, weight / weight.sum(), rows


@pytest.mark.parametrize(("name", "sd"), [("kosovo-1999-4", 1.0), ("uk-2013-5", 2.0), ("hepatitis-taiwan-3", 1.0)])
def test_against_the_twin(name, sd):
    table = mse.load_table(name)
    masks, weight, rows = plain_average(table, sd)
    found = estimate(table, AverageSpec(sd=sd, corrected=0.0), seed=1, compute=ONE)
    order = np.argsort(-weight)[:20]
    subsets = candidates(table.n_lists)
    assert list(found.models.notation[:3]) == [
        model_of(int(masks[i]), subsets, table.n_lists).notation for i in order[:3]
    ]
    assert found.models.weight[:20] == pytest.approx(weight[order], rel=1e-5)
    assert found.diagnostics["effective_models"] == pytest.approx(1 / (weight**2).sum(), rel=1e-5)
    for i, term in enumerate(subsets):
        name = ":".join(x for j, x in enumerate(table.lists) if term >> j & 1)
        assert found.interactions[name] == pytest.approx(weight[(masks >> i) & 1 == 1].sum(), abs=1e-6)
    rng = np.random.default_rng(7)
    which = rng.choice(len(weight), 300_000, p=weight)
    unseen = rng.poisson(np.exp(rng.normal(rows[which, 1], np.sqrt(rows[which, 2]))))
    for q in (0.025, 0.5, 0.975):
        size = table.observed + np.quantile(unseen, q)
        assert found.distribution.probability_below(size) == pytest.approx(q, abs=0.004)


def test_uk_six_lists_pairs_only():
    """The heaviest of 32,768 pairwise models, found by an independent prototype of the method."""
    found = mse.estimate(mse.load_table("uk-2013-6"), max_order=2, sd=1.0, seed=1)
    heaviest = mse.Model.parse(found.models.notation[0], found.lists).named(found.lists)
    assert set(heaviest.split(" + ")) == {"LA:NG", "LA:PF", "NG:GP", "PF:GP", "GO:GP", "PF:NCA"}
    humps = found.distribution.humps()
    assert len(humps) == 2 and 18_000 < humps[1].peak < 23_000
    assert found.distribution.mean() == pytest.approx(13_533, rel=0.03)
    assert found.verdict.level == "publish with caution"


def test_correction_widens_sparse_tables_little():
    """On a dense table correction changes nothing that matters; where it changes something, it says how much."""
    table = mse.load_table("congenital-massachusetts-5")
    plain, corrected = (estimate(table, AverageSpec(corrected=c), seed=1) for c in (0.0, 0.99))
    assert corrected.quantile([0.025, 0.5, 0.975]) == pytest.approx(plain.quantile([0.025, 0.5, 0.975]), rel=0.02)
    assert corrected.diagnostics["corrected_weight"] > 0.98
    assert corrected.diagnostics["unreliable_weight"] < 0.01
    assert 0.0 < corrected.diagnostics["correction_largest"] < 0.5
    assert plain.diagnostics["corrected_weight"] == 0.0


@pytest.mark.parametrize("workers", [1, 2])
def test_same_seed_same_answer(workers):
    table = mse.load_table("uk-2013-5")
    reference = estimate(table, AverageSpec(), seed=5, compute=ONE)
    again = estimate(table, AverageSpec(), seed=5, compute=Compute(workers=workers))
    assert np.array_equal(reference.draws, again.draws)
    assert np.array_equal(reference.distribution.cdf, again.distribution.cdf)
    assert np.array_equal(reference.models.weight, again.models.weight)
    other = estimate(table, AverageSpec(), seed=6, compute=ONE)
    assert not np.array_equal(reference.draws, other.draws)
    assert other.quantile([0.025, 0.5, 0.975]) == pytest.approx(reference.quantile([0.025, 0.5, 0.975]), rel=0.02)


def test_relabelling_lists_changes_nothing():
    table = mse.load_table("kosovo-1999-4")
    turned = table.select(*reversed(table.lists))
    a, b = (estimate(t, AverageSpec(), seed=1) for t in (table, turned))
    assert b.quantile([0.1, 0.5, 0.9]) == pytest.approx(a.quantile([0.1, 0.5, 0.9]), rel=0.01)
    flip = {":".join(sorted(k.split(":"))): v for k, v in b.interactions.items()}
    for name, share in a.interactions.items():
        assert flip[":".join(sorted(name.split(":")))] == pytest.approx(share, abs=0.02)


def test_grid_of_priors_lies_between_its_members():
    table = mse.load_table("kosovo-1999-4")
    narrow, wide = (estimate(table, AverageSpec(sd=sd), seed=1).point for sd in (0.5, 2.0))
    grid = estimate(table, AverageSpec(sd={0.5: 1.0, 2.0: 1.0}), seed=1)
    assert 0.99 * min(narrow, wide) <= grid.point <= 1.01 * max(narrow, wide)
    assert grid.spec["sd"] == {0.5: 0.5, 2.0: 0.5}


def test_prior_on_size_gives_every_size_the_same_weight():
    from mse.estimators.averages.averaging import log_prior_by_size

    log_prior = log_prior_by_size(candidates(4), "size")
    assert sum(np.exp(log_prior)[[int(m).bit_count() for m in all_masks(candidates(4))]]) == pytest.approx(1.0)
    assert np.exp(log_prior_by_size(candidates(4), "uniform")[0]) == pytest.approx(1 / 113)
    table = mse.load_table("kosovo-1999-4")
    assert estimate(table, AverageSpec(model_prior="size"), seed=1).diagnostics["models"] == 113


def test_structural_zero_is_not_an_empty_cell():
    """A cell that cannot be seen says nothing; the same cell, observable and empty, says that it is rare."""
    counts = np.array([60, 50, 20, 40, 18, 0, 6])
    seen = np.ones(7, dtype=bool)
    seen[5] = False
    closed = mse.CaptureTable.from_arrays(["A", "B", "C"], counts, observable=seen)
    assert closed.dense().cells[6] == 0.0
    empty = mse.CaptureTable.from_arrays(["A", "B", "C"], counts)
    a, b = (estimate(t, AverageSpec(), seed=1).point for t in (closed, empty))
    assert a < b


def test_two_lists_give_independence_and_a_refusal():
    table = mse.CaptureTable.from_arrays(["A", "B"], [60, 50, 20])
    found = mse.estimate(table, "average", seed=1)
    assert found.diagnostics["models"] == 1
    assert found.point == pytest.approx(130 + 60 * 50 / 20, rel=0.1)
    assert found.verdict.level == "do not publish"
    assert found.verdict.reasons[0].code == "lists"


@pytest.mark.parametrize(
    ("n_lists", "max_order", "says"),
    [(7, None, "max_order=2"), (8, None, "merge"), (8, 2, "merge"), (7, 3, "max_order=2")],
)
def test_too_many_models(n_lists, max_order, says):
    with pytest.raises(ModelError, match=says):
        check_size(n_lists, max_order)


def test_sizes_that_can_be_enumerated():
    assert [check_size(k, None) for k in (2, 3, 4, 5, 6)] == [1, 8, 113, 6893, 7785061]
    assert check_size(7, 2) == 2**21


@pytest.mark.parametrize(
    "options",
    [{"sd": 0.0}, {"sd": -1.0}, {"sd": math.nan}, {"sd": {}}, {"sd": {1.0: 0.0}}, {"max_order": 0},
     {"model_prior": "flat"}, {"corrected": 1.0}, {"draws": 0}],
)  # fmt: skip
def test_options_out_of_range(options):
    with pytest.raises(ModelError) as error:
        AverageSpec(**options)
    assert "Allowed" in str(error.value)


def test_strata_are_refused_with_a_remedy():
    with pytest.raises(ModelError, match="collapse"):
        estimate(mse.load_table("spina-bifida-3-ethnicity"), AverageSpec(), seed=1)


@pytest.mark.slow
def test_every_six_list_model():
    """All 7,785,061 models of the six-list UK table within bounded memory."""
    import resource

    found = mse.estimate(mse.load_table("uk-2013-6"), "average", seed=1)
    assert found.diagnostics["models"] == 7_785_061
    assert found.diagnostics["not_converged"] == 0
    assert found.models.weight.sum() <= 1.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1024**2
