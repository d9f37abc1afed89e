"""The search beyond six lists: against exact enumeration where that is possible, plain twins, and its own claims."""

import math

import numpy as np
import pytest

import mse
from mse.answers.posterior import Posterior
from mse.computing.parallel import Compute
from mse.errors import ModelError
from mse.estimators.averages import averaging
from mse.estimators.averages.listmodels import ListModels
from mse.estimators.averages.searched import SearchAverageSpec, check_terms, estimate, log_prior_by_size
from mse.estimators.modelspace.modelfamilies import held, joined, make_space
from mse.estimators.modelspace.modelsearch import Effort, added, nothing, search, starting_models
from mse.estimators.modelspace.walking import explore, walk
from mse.kernels.batch import fit_models
from mse.kernels.enumeration import BITS, count_models, facet_masks, facet_words
from mse.kernels.modelstore import (
    Store,
    changes,
    flip,
    fresh_neighbours,
    hierarchical,
    index_models,
    new_store,
    rows_of,
)
from mse.kernels.neighbours import fit_neighbours
from mse.kernels.treelevels import list_levels
from mse.terms import candidates
from tests.twins.loglinear import all_masks

ONE = Compute(workers=1)


def every_model(facets):
    return list_levels(facets, count_models(facets, 0, 0), 0, 0, 1).masks.tolist()


def space_of(name, max_order, sd=1.0):
    table = mse.load_table(name)
    subsets = candidates(table.n_lists, max_order)
    return make_space(ListModels(table.dense(), subsets), np.zeros(len(subsets) + 1), sd)


@pytest.mark.parametrize(
    ("name", "max_order"), [("kosovo-1999-4", None), ("uk-2013-5", None), ("uk-2013-6", 2)]
)  # fmt: skip
def test_it_finds_what_enumeration_finds(name, max_order):
    """Weights of all models that exact averaging lists, inclusion, and quantiles of N: the same to 0.01."""
    table = mse.load_table(name)
    exact = averaging.estimate(table, averaging.AverageSpec(max_order=max_order), seed=1)
    found = estimate(table, SearchAverageSpec(max_order=max_order), seed=1)
    ours = dict(zip(found.models.notation, found.models.weight, strict=True))
    assert found.models.notation[:3] == exact.models.notation[:3]
    for notation, weight in zip(exact.models.notation[:200], exact.models.weight[:200], strict=True):
        assert ours.get(notation, 0.0) == pytest.approx(weight, abs=0.01)
    for term, share in exact.interactions.items():
        assert found.interactions[term] == pytest.approx(share, abs=0.01)
    for q in (0.025, 0.5, 0.975):
        assert found.quantile(q) == pytest.approx(exact.quantile(q), rel=0.005)
    assert found.diagnostics["effective_models"] == pytest.approx(exact.diagnostics["effective_models"], rel=0.01)
    assert found.diagnostics["visited"] > 0.999
    assert found.diagnostics["rhat_max"] < 1.02
    assert found.diagnostics["models"] < exact.diagnostics["models"]


def test_the_share_visited_is_the_share_of_the_weight():
    """With few models visited, the walks' estimate against the exact share, and the law of N is still right."""
    space = space_of("uk-2013-5", None)
    effort = Effort(1e-6, 300)
    few = search(space, effort, 3, ONE)
    masks = all_masks(space.family.terms)
    evidence = space.family.fit(masks[:, None], 1.0)[:, 0]
    weight = np.exp(evidence - evidence.max())
    weight /= weight.sum()
    share = float(weight[few.rows(masks[:, None]) >= 0].sum())
    walks = walk(space, few, effort, 0, 3, ONE)
    assert 0.2 < share < 0.995
    assert abs(walks.share - share) < 4 * walks.error + 0.005
    assert 0.0 < walks.error < 0.1
    assert (few.rows(walks.outside) < 0).all()


def test_a_search_cut_short_gives_the_same_answer_and_says_so():
    table = mse.load_table("uk-2013-5")
    exact = averaging.estimate(table, averaging.AverageSpec(), seed=1)
    short = estimate(table, SearchAverageSpec(max_order=None, models=1000, window=0.2), seed=2)
    assert short.diagnostics["models"] < 2500
    assert short.diagnostics["visited"] < 0.97
    assert any(f"{short.diagnostics['visited']:.1%}" in str(note) for note in short.notes)
    for q in (0.1, 0.5, 0.9):
        assert short.distribution.probability_below(float(exact.quantile(q))) == pytest.approx(q, abs=0.05)
    for term, inclusion in exact.interactions.items():
        assert short.interactions[term] == pytest.approx(inclusion, abs=0.08)


def test_a_walk_has_the_law_of_the_models():
    """Occupation of each model against its exact weight, without and with known models; the same walk either way."""
    space = space_of("kosovo-1999-4", None)
    masks = np.sort(all_masks(space.family.terms))[:, None]
    fits = space.family.fit(masks, 1.0)
    weight = np.exp(fits[:, 0] - fits[:, 0].max())
    weight /= weight.sum()
    every = added(space, nothing(space), masks, fits)
    half = added(space, nothing(space), masks[::2], fits[::2])
    effort = Effort(1e-6, 1000, steps=15_000, segments=1)
    cold, mixed, warm = (walk(space, known, effort, 0, 8, ONE) for known in (nothing(space), half, every))
    assert cold.share == 0.0 and warm.share == 1.0 and len(warm.outside) == 0
    assert cold.times.sum() == 4 * 12_000
    rows = every.rows(cold.outside)
    assert len(np.unique(rows)) == len(rows) and (rows >= 0).all()
    np.testing.assert_allclose(cold.outside_fits, fits[rows], rtol=1e-5)  # begun elsewhere, they stop elsewhere
    met = np.zeros(len(masks))
    met[rows] = cold.times / cold.times.sum()
    assert mixed.share == pytest.approx(met[::2].sum())
    np.testing.assert_allclose(met, weight, atol=0.02)


def test_a_walk_is_on_hierarchical_models_only():
    facets = facet_masks(candidates(4))
    listed = set(every_model(facets))
    for mask in range(1 << 10):
        assert hierarchical(np.array([mask]), facets[:, None]) == (mask in listed)
    space = space_of("uk-2013-5", None)
    for mask in starting_models(space, 40, np.random.default_rng(0)):
        assert hierarchical(mask, space.facets)


@pytest.mark.parametrize("terms", [candidates(4), candidates(5), candidates(7)])
def test_masks_of_any_number_of_words_against_plain_sets(terms):
    """Seven lists of every order are 119 terms, two words: neighbours and look-ups as plain Python finds them."""
    facets, number = facet_words(terms), len(terms)
    assert facets.shape[1] == -(-number // BITS)
    inside = {int(t): {int(u) for u in terms if u & t == u and u != t} for t in terms}
    rng = np.random.default_rng(5)
    models, plain = [], []
    for _ in range(12):
        mask, own = np.zeros(facets.shape[1], np.int64), set()
        for i in rng.permutation(number)[: number // 2].tolist():
            if inside[int(terms[i])] <= own:
                flip(mask, i)
                own.add(int(terms[i]))
        models.append(mask)
        plain.append(frozenset(own))

    def near(own):
        add = [t for t in inside if t not in own and inside[t] <= own]
        return {own ^ {t} for t in [*add, *(t for t in own if not any(t in inside[u] for u in own))]}

    def as_set(mask):
        return frozenset(terms[held(mask[None], number)[0]].tolist())

    masks = np.unique(np.array(models), axis=0)
    known = index_models(new_store(masks[:0]).slots, masks, 0)
    for mask, own in zip(models, plain, strict=True):
        assert as_set(mask) == own and hierarchical(mask, facets)
        assert sum(1 << i for i, t in enumerate(terms) if int(t) in own) == joined(mask)
        assert {own ^ {t} for t in as_set(changes(facets, mask))} == near(own)
    flips, children = fresh_neighbours(facets, known, masks)
    found = [as_set(child) for child in children]
    assert len(set(found)) == len(found) == held(flips, number).sum()
    assert set(found) == set().union(*(near(own) for own in plain)) - set(plain)
    assert rows_of(known, masks).tolist() == list(range(len(masks)))
    assert (rows_of(known, children) == -1).all()
    grown = index_models(known.slots, np.concatenate([masks, children]), len(masks))
    assert rows_of(Store(*grown), children).tolist() == list(range(len(masks), len(masks) + len(children)))


@pytest.mark.parametrize(("name", "max_order"), [("uk-2013-5", None), ("new-orleans-8-n185", 2)])
def test_neighbours_in_lanes_are_the_models_fitted_one_by_one(name, max_order):
    space = space_of(name, max_order)
    models = np.unique(starting_models(space, 6, np.random.default_rng(1)), axis=0)
    flips, children = fresh_neighbours(space.facets, new_store(models[:0]), models)
    fits = fit_neighbours(*space.family.dense, space.family.terms, 1.0, models[:, 0], flips[:, 0])
    single = fit_models(*space.family.dense, space.family.terms, children[:, 0], 1.0)
    np.testing.assert_allclose(fits, single, atol=2e-4)


def test_priors_on_size():
    spec = SearchAverageSpec(model_prior="size")
    pairs = candidates(8, 2)
    by_size = log_prior_by_size(pairs, 8, spec)
    assert np.exp(by_size) * [math.comb(28, i) for i in range(29)] == pytest.approx(np.ones(29))
    triples = SearchAverageSpec(model_prior="size", max_order=3)
    of_five = np.bitwise_count(every_model(facet_masks(candidates(5, 3))))
    from mse.estimators.averages.searched import _three_way_models

    assert _three_way_models(5).tolist() == np.bincount(of_five, minlength=21).tolist()
    assert len(log_prior_by_size(candidates(7, 3), 7, triples)) == 57


@pytest.mark.parametrize(
    ("n_lists", "max_order", "says"),
    [(8, None, "max_order=2"), (8, 3, "max_order=2"), (12, 2, "merge"), (7, 4, "max_order=2")],
)
def test_too_many_terms_are_refused_with_a_remedy(n_lists, max_order, says):
    with pytest.raises(ModelError) as caught:
        check_terms(n_lists, max_order)
    assert says in str(caught.value) and "62" in str(caught.value)


def test_eleven_lists_and_three_way_terms_of_seven_fit():
    assert len(check_terms(11, 2)) == 55
    assert len(check_terms(7, 3)) == 56
    assert len(check_terms(6, None)) == 56


def test_options_out_of_range_are_named_at_once():
    with pytest.raises(ModelError) as caught:
        SearchAverageSpec(models=5, window=2.0, sd=-1.0, draws=1)
    assert len(caught.value.problems) == 4


def test_strata_are_refused_with_a_remedy():
    with pytest.raises(ModelError, match="collapse"):
        estimate(mse.load_table("spina-bifida-3-ethnicity"), SearchAverageSpec(), seed=1)


def test_same_seed_same_answer_for_any_number_of_workers_and_after_an_interruption(tmp_path):
    table = mse.load_table("uk-2013-4")
    spec = SearchAverageSpec(max_order=3, models=1000, window=0.1, draws=500)
    one = estimate(table, spec, seed=4, compute=ONE)
    two = estimate(table, spec, seed=4, compute=Compute(workers=2, folder=tmp_path))
    kept = len(list(tmp_path.glob("*.chunk")))
    again = estimate(table, spec, seed=4, compute=Compute(workers=1, folder=tmp_path))
    assert kept > 4 and len(list(tmp_path.glob("*.chunk"))) == kept
    for other in (two, again):
        np.testing.assert_array_equal(one.draws, other.draws)
        assert one.diagnostics == other.diagnostics
    one.save(tmp_path / "p.nc")
    assert Posterior.load(tmp_path / "p.nc").diagnostics["visited"] == one.diagnostics["visited"]
    assert one.draws.min() >= table.observed


def test_models_without_a_maximum_weigh_nothing():
    space = space_of("kosovo-1999-4", None)
    masks = np.array([[5], [1], [0]])
    found = added(space, nothing(space), masks, np.array([[3.0, 0, 1], [2.0, 0, 1], [math.nan, 0, 1]]))
    assert found.values.tolist() == [3.0, 2.0, -math.inf]
    assert found.rows(np.array([[0], [2], [5]])).tolist() == [2, -1, 0]


def test_a_grid_of_priors_weighs_its_members():
    table = mse.load_table("kosovo-1999-4")
    exact = averaging.estimate(table, averaging.AverageSpec(sd={0.5: 1.0, 2.0: 1.0}), seed=1)
    found = estimate(table, SearchAverageSpec(sd={0.5: 1.0, 2.0: 1.0}, max_order=None), seed=1)
    for q in (0.1, 0.5, 0.9):
        assert found.quantile(q) == pytest.approx(exact.quantile(q), rel=0.01)


@pytest.mark.parametrize(("counts", "max_order"), [([60, 50, 20], 2), ([30, 25, 9, 28, 8, 7, 3], 1)])
def test_one_model_alone(counts, max_order):
    """Nothing to search: independent lists, all of the probability seen."""
    table = mse.CaptureTable.from_arrays(list("ABC"[: len(counts).bit_length()]), counts)
    exact = averaging.estimate(table, averaging.AverageSpec(max_order=max_order), seed=1)
    found = estimate(table, SearchAverageSpec(max_order=max_order), seed=1)
    assert found.diagnostics["models"] == 1 and found.diagnostics["visited"] == 1.0
    assert found.quantile(0.5) == pytest.approx(exact.quantile(0.5), abs=1)


def test_structural_zeros_are_left_out_as_in_exact_averaging():
    counts = np.array([60, 50, 20, 40, 18, 0, 6, 30, 12, 9, 3, 11, 4, 0, 2])
    seen = np.ones(15, dtype=bool)
    seen[[5, 13]] = False
    table = mse.CaptureTable.from_arrays("ABCD", counts, observable=seen)
    exact = averaging.estimate(table, averaging.AverageSpec(), seed=1)
    found = estimate(table, SearchAverageSpec(max_order=None), seed=1)
    for q in (0.1, 0.5, 0.9):
        assert found.quantile(q) == pytest.approx(exact.quantile(q), rel=0.02)
    assert found.diagnostics["unidentified_weight"] == pytest.approx(exact.diagnostics["unidentified_weight"], abs=0.01)


def test_models_of_weight_that_walks_find_are_added_and_followed():
    """A window that stops at once leaves most models to the walks; the second set is made after they are added."""
    space = space_of("uk-2013-5", None)
    effort = Effort(0.3, 1000)
    searched = explore(space, effort, 5, ONE)
    first = search(space, effort, 5, ONE)
    top = searched.visited.values.max()
    assert searched.visited.values.max() >= first.values.max()
    heavy = searched.visited.values >= top + math.log(effort.window)
    assert searched.visited.followed[heavy].all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["new-orleans-8-n185", "new-orleans-8-n186"])
def test_new_orleans_eight_lists(name):
    """2²⁸ models of pairs, none with a thousandth of the weight: two searches of different length agree on N."""
    table = mse.load_table(name)
    answers = [estimate(table, SearchAverageSpec(models=m), seed=s) for m, s in ((50_000, 1), (200_000, 2))]
    assert 0.02 < answers[0].diagnostics["visited"] < answers[1].diagnostics["visited"] < 0.6
    for found in answers:
        assert found.diagnostics["rhat_max"] < 1.02
        assert found.diagnostics["corrected_weight"] == pytest.approx(1.0)
    for q in (0.1, 0.5, 0.9):
        assert answers[0].distribution.probability_below(float(answers[1].quantile(q))) == pytest.approx(q, abs=0.04)
