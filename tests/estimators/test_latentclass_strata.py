"""Latent classes with strata: against plain twins, an exact law, and what may not change the answer."""

import json
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ks_2samp

import mse
from mse import CaptureTable, Compute
from mse.answers.posterior import Posterior
from mse.computing.convergence import ess_mean
from mse.errors import InputError, ModelError
from mse.estimators.latentclass.hiddenclasses import LatentClassSpec, estimate, latent_table
from mse.estimators.latentclass.tempered import sample
from mse.estimators.stratified.declared import declare
from mse.estimators.stratified.opencells import build_cells
from mse.kernels.latentclass_density import LatentStrata, LatentTable, latent_work
from mse.kernels.latentclass_histories import lists_of_histories
from mse.kernels.latentclass_moves import draw_prior, follow_gradient, reorder_sticks
from mse.kernels.latentclass_persons import misfit_by_persons
from mse.kernels.latentclass_predictive import misfit_by_histories, predictive_misfit
from mse.kernels.latentclass_strata import density_of, draw_parts, strata_work
from mse.publish.wording.messages import read_catalogue
from tests.twins.latentclass import exact_law, gibbs_of_strata, log_density_of_strata

STORED = json.loads((Path(__file__).parents[1] / "calibration" / "latentclass.json").read_text())
SHORT = LatentClassSpec(classes=4, chains=2, effective=400, longest=1000, strata=True)

PLAIN = CaptureTable.from_arrays(
    ["A", "B", "C"], [[9, 7, 5, 6, 2, 3, 1], [4, 9, 2, 1, 1, 2, 2]], strata={"sex": ["f", "m"]}, name="plain"
)
MIXED = CaptureTable.from_arrays(
    ["A", "B", "C"],
    [
        [[9, 7, 5, 6, 2, 3, 1], [3, 4, 2, 0, 0, 0, 0], [2, 3, 1, 1, 0, 1, 0]],
        [[0, 8, 0, 5, 0, 3, 0], [1, 6, 2, 3, 1, 1, 0], [1, 2, 1, 2, 0, 0, 0]],
    ],
    strata={"year": ["2019", "2020"], "sex": ["f", "m", "not known"]},
    name="mixed",
)
"""C did not deliver on men in 2019, A is blind to women in 2020, and some labels are missing."""
DECLARED = {
    "missing": {"C": {"year": "2019", "sex": "m"}},
    "blind": {"A": {"year": "2020", "sex": "f"}},
    "unknown": {"sex": "not known"},
}


def data_of(table, spec):
    table = declare(table, spec.blind, spec.missing)
    return latent_table(table, spec, build_cells(table, unknown=spec.unknown))


def drawn(table, spec=SHORT, seed=1, **where):
    return sample(data_of(table, spec), chains=spec.chains, effective=spec.effective, longest=spec.longest, seed=seed,
                  compute=Compute(**where))  # fmt: skip


def mixed_by_hand():
    """Return the observations of MIXED, and the lists that operate in its four strata, as the twins take them."""
    operates = np.array([[1, 1, 1], [1, 1, 0], [0, 1, 1], [1, 1, 1]], dtype=bool)
    where = {(0, 0): [0], (0, 1): [1], (1, 0): [2], (1, 1): [3], (0, 2): [0, 1], (1, 2): [2, 3]}
    rows = {
        (year, sex): [(tuple(h >> j & 1 for j in range(3)), strata, int(n))
                      for h, n in enumerate(MIXED.counts.reshape(2, 3, 7)[year, sex], 1) if n]
        for (year, sex), strata in where.items()
    }  # fmt: skip
    return [observation for part in rows.values() for observation in part], operates


def by_persons(rng, spare, *state):
    return misfit_by_persons(spare, *state)


def close(ours, theirs, levels=(0.05, 0.25, 0.5, 0.75, 0.95), errors=4.5):
    """Whole quantiles have ties: both are compared at the same cut."""
    for q in levels:
        cut = np.quantile(ours, q)
        below = [(x <= cut).astype(float) for x in (ours, theirs)]
        error = np.sqrt(sum(max(x.mean() * (1 - x.mean()), 1e-3) / ess_mean(x) for x in below))
        assert abs(below[0].mean() - below[1].mean()) < errors * error, (q, cut)


@pytest.fixture(scope="module")
def mixed():
    return drawn(MIXED, replace(SHORT, **DECLARED))


# ---- the density -----------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [2, 5, 10])
def test_density_and_gradient_are_those_of_the_plain_twin(classes):
    data = data_of(MIXED, LatentClassSpec(classes=classes, shape=0.4, rate=0.7, **DECLARED))
    parts, d = strata_work(data), (3 + 1 + 4) * classes - 1
    work = latent_work(3, classes, 4)
    gradient, unused = np.empty(d), np.empty(d)
    observations, operates = mixed_by_hand()
    differences = []
    for seed in range(4):
        x = np.random.default_rng(seed).logistic(size=d)
        found = density_of(data, parts, 0.7, x, gradient, work)
        likelihood, prior = log_density_of_strata(observations, operates, classes, 0.4, 0.7, x)
        assert found.log_likelihood == pytest.approx(likelihood, rel=1e-11)
        differences.append(found.log_prior - prior)

        def tempered(y):
            value = density_of(data, parts, 0.7, y, unused, work)  # noqa: B023
            return 0.7 * value.log_likelihood + value.log_prior

        slopes = [(tempered(x + 1e-5 * e) - tempered(x - 1e-5 * e)) / 2e-5 for e in np.eye(d)]
        np.testing.assert_allclose(gradient, slopes, atol=2e-6 * data.total)
    np.testing.assert_allclose(differences, 0.0, atol=1e-9)


def test_unseen_and_labels_are_divided_by_their_probabilities():
    data = data_of(MIXED, LatentClassSpec(classes=3, **DECLARED))
    parts, work, rng = strata_work(data), latent_work(3, 3, 4), np.random.default_rng(2)
    x = rng.normal(size=(3 + 1 + 4) * 3 - 1)
    unseen, labelled = np.empty(4), np.empty((2000, 4), dtype=np.int64)
    for row in labelled:
        draw_parts(rng, data, parts, x, np.empty(len(x)), work, unseen, row)
    caught, stick = 1 / (1 + np.exp(-x[:9].reshape(3, 3))), 1 / (1 + np.exp(-x[9:11]))
    weight = np.append(stick, 1.0) * np.append(1.0, np.cumprod(1 - stick))
    share = np.exp(x[11:].reshape(4, 3)) / np.exp(x[11:].reshape(4, 3)).sum(axis=0)
    observations, operates = mixed_by_hand()
    missed = np.array([[np.prod((1 - caught)[here, k]) for k in range(3)] for here in operates])
    hidden = (share * missed) @ weight
    np.testing.assert_allclose(unseen, hidden / hidden.sum(), rtol=1e-12)
    mean = np.zeros(4)
    for row, where, count in observations:
        if len(where) == 2:
            on = np.array(row, dtype=bool)
            p = np.array([
                0.0 if (on & ~operates[s]).any()
                else (weight * share[s] * np.where(on[:, None], caught, 1 - caught)[operates[s]].prod(axis=0)).sum()
                for s in where
            ])  # fmt: skip
            # somebody on a list that operates in one of the two is known to be there
            mean[where] += count * p / p.sum() if p.all() else 0.0
    assert (labelled.sum(axis=1) == mean.sum().round()).all()
    np.testing.assert_allclose(labelled.mean(axis=0), mean, atol=4.5 * np.sqrt(mean.max() / 2000))


def test_moves_leave_the_prior_alone():
    data = data_of(PLAIN, LatentClassSpec(strata=True))
    parts, d, rng = strata_work(data), (3 + 1 + 2) * 10 - 1, np.random.default_rng(3)
    work, order = latent_work(3, 10, 2), np.empty(10, dtype=np.int64)
    start, moved = np.empty((300, d)), np.empty((300, d))
    trial, speed, slope, gradient = (np.empty(d) for _ in range(4))
    for i in range(300):
        x = np.empty(d)
        draw_prior(rng, data, x)
        draw_prior(rng, data, start[i])
        for _ in range(5):
            reorder_sticks(rng, data, x, trial, work, order)
            now = density_of(data, parts, 0.0, x, gradient, work)
            follow_gradient(rng, data, parts, 0.0, 0.5, 2.0, x, now, gradient, trial, speed, slope, work)
        moved[i] = x

    def views(x):
        share = 1 / (1 + np.exp(x[:, 49:59] - x[:, 39:49]))  # uniform for two strata
        return [x[:, 0], x[:, 30], x[:, 39], x[:, 55], share[:, 0], share[:, 9], (share[:, 0] > share[:, 1]) * x[:, 0]]

    assert min(ks_2samp(a, b).pvalue for a, b in zip(views(start), views(moved), strict=True)) > 1e-4


def test_order_of_sticks_takes_the_strata_along():
    """A new order changes neither the likelihood nor who is where."""
    data = data_of(PLAIN, LatentClassSpec(strata=True, classes=5))
    parts, d, rng = strata_work(data), (3 + 1 + 2) * 5 - 1, np.random.default_rng(3)
    work, order, x = latent_work(3, 5, 2), np.empty(5, dtype=np.int64), np.empty(d)
    draw_prior(rng, data, x)
    before = density_of(data, parts, 1.0, x, np.empty(d), work).log_likelihood
    changed = 0
    for _ in range(20):
        old = x.copy()
        reorder_sticks(rng, data, x, np.empty(d), work, order)
        changed += not np.array_equal(old, x)
        assert density_of(data, parts, 1.0, x, np.empty(d), work).log_likelihood == pytest.approx(before, rel=1e-9)
    assert changed > 3


@pytest.mark.parametrize("misfit", [misfit_by_histories, by_persons], ids=["by history", "by person"])
@pytest.mark.parametrize("strata", [0, 2])
def test_predictive_counts_are_those_of_the_model(strata, misfit):
    """Over every cell, also where hardly any holds somebody; the observed distance is known exactly."""
    counts = np.zeros((2, 15), dtype=int)
    counts[0, [0, 2, 4, 10]], counts[1, [1, 2, 6]] = (3, 2, 1, 1), (2, 1, 2)
    table = CaptureTable.from_arrays(["A", "B", "C", "D"], counts, strata={"sex": ["f", "m"]})
    data = data_of(table, LatentClassSpec(classes=3, strata=True)) if strata else latent_table(
        table.collapse(), LatentClassSpec(classes=3)
    )  # fmt: skip
    parts, work, rng = strata_work(data), latent_work(4, 3, strata), np.random.default_rng(1)
    x, gradient = rng.normal(size=(4 + 1 + strata) * 3 - 1), np.empty((4 + 1 + strata) * 3 - 1)
    now = density_of(data, parts, 1.0, x, gradient, work)
    draw_parts(rng, data, parts, x, gradient, work, np.empty(strata), np.empty(strata, dtype=np.int64))
    caught, stick = 1 / (1 + np.exp(-x[:12].reshape(4, 3))), 1 / (1 + np.exp(-x[12:14]))
    weight = np.append(stick, 1.0) * np.append(1.0, np.cumprod(1 - stick))
    share = np.exp(x[14:].reshape(2, 3)) / np.exp(x[14:].reshape(2, 3)).sum(axis=0) if strata else np.ones((1, 3))
    on = table.membership()
    chance = share * weight @ np.where(on[:, :, None], caught, 1 - caught).prod(axis=1).T
    expected = 12 * chance / chance.sum()
    held = counts if strata else counts.sum(axis=0, keepdims=True)
    found = np.array([misfit(rng, rng, data, parts, now, work) for _ in range(4000)])
    np.testing.assert_allclose(found[:, 0], ((np.sqrt(held) - np.sqrt(expected)) ** 2).sum(), rtol=1e-9)
    drawn = rng.multinomial(12, chance.ravel() / chance.sum(), size=4000)
    plain = ((np.sqrt(drawn) - np.sqrt(expected.ravel())) ** 2).sum(axis=1)
    assert ks_2samp(found[:, 1], plain).pvalue > 1e-4


def test_filled_in_persons_are_the_same_by_history_and_by_person():
    """With labels, and lists that did not deliver, drawn for those who lack them."""
    data = data_of(MIXED, LatentClassSpec(classes=3, **DECLARED))
    parts, work, rng = strata_work(data), latent_work(3, 3, 4), np.random.default_rng(2)
    x = rng.normal(size=(3 + 1 + 4) * 3 - 1)
    found = np.empty((2, 3000, 2))
    for misfit, rows in zip((misfit_by_histories, by_persons), found, strict=True):
        for row in rows:
            draw_parts(rng, data, parts, x, np.empty(len(x)), work, np.empty(4), np.empty(4, dtype=np.int64))
            now = density_of(data, parts, 1.0, x, np.empty(len(x)), work)
            row[:] = misfit(rng, rng, data, parts, now, work)
    # tables that are equal differ in the last digit, by which way the sum was taken: a tie has to stay one
    found = found.round(9)
    assert len(np.unique(found[:, :, 0])) > 100
    assert min(ks_2samp(*found[:, :, i]).pvalue for i in (0, 1)) > 1e-4


@pytest.mark.parametrize("strata", [0, 2])
def test_lists_that_hardly_anybody_is_on_cost_no_more_histories(strata):
    """With 28 lists there are 2^28 histories: counting over them would take seconds a look, and gigabytes."""
    on = np.zeros((30, 28), dtype=bool)
    on[np.arange(30), np.arange(30) % 28], on[:12, 27] = True, True
    plain = LatentTable(on, np.ones(30), 30.0, 3, 0.25, 0.25, lists_of_histories(on))
    if strata:
        rows = np.vstack([np.zeros((1, 28), dtype=bool), on])
        places = LatentStrata(
            np.ones((31, 28), dtype=bool), np.zeros(2, np.int64), np.arange(1, 31), np.arange(30) % 2,
            np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64),
        )  # fmt: skip
        plain = plain._replace(on=rows, histories=lists_of_histories(rows), strata=places)
    parts, work, rng = strata_work(plain), latent_work(28, 3, strata), np.random.default_rng(1)
    d = (28 + 1 + strata) * 3 - 1
    x, gradient = rng.normal(size=d) - 1.0, np.empty(d)
    now = density_of(plain, parts, 1.0, x, gradient, work)
    draw_parts(rng, plain, parts, x, gradient, work, np.empty(strata), np.empty(strata, dtype=np.int64))
    predictive_misfit(rng, rng, plain, parts, now, work)
    start = time.process_time()
    found = [predictive_misfit(rng, rng, plain, parts, now, work) for _ in range(200)]
    assert time.process_time() - start < 2.0
    assert all(0.0 < value <= 60.0 for pair in found for value in pair)


# ---- the law of N ----------------------------------------------------------------------------------


def test_law_is_the_exact_one_on_a_tiny_table():
    table = CaptureTable.from_arrays(["A", "B"], [[2, 1, 1], [1, 3, 2]], strata={"sex": ["f", "m"]})
    largest = 80
    on = np.array([[1, 0], [0, 1], [1, 1]] * 2, dtype=bool)
    sizes, mass, unseen = exact_law(on, table.counts.ravel(), largest, stratum=[0, 0, 0, 1, 1, 1])
    found = drawn(table, LatentClassSpec(classes=2, effective=4000, longest=2000, strata=True))
    inside = found.sizes <= largest
    for size in sizes[[0, 1, 2, 4, 7, 12, 20, 40]]:
        share, exact = (found.sizes <= size).sum() / inside.sum(), mass[sizes <= size].sum()
        error = np.sqrt(exact * (1 - exact) / ess_mean((found.sizes <= size).astype(float)))
        assert abs(share - exact) < 4.5 * error, (size, share, exact)
    low = found.sizes <= 30
    women = np.where(low, found.parts[:, :, 0] - 4, 0.0)
    error = women.std() / np.sqrt(ess_mean(women))
    exact = (mass * unseen)[sizes <= 30].sum() / mass[sizes <= 30].sum()
    assert abs(women.sum() / low.sum() - exact) < 4.5 * error / low.mean()


def agrees_with_gibbs(ours, sweeps, levels):
    """N and N of each of four strata, with a blind list, a missing one and missing labels."""
    observations, operates = mixed_by_hand()
    rng = np.random.default_rng(18)
    twin = np.stack([gibbs_of_strata(observations, operates, 4, sweeps, rng)[300:] for _ in range(2)])
    close(ours.sizes, twin.sum(axis=2), levels)
    for s in range(4):
        close(ours.parts[:, :, s], twin[:, :, s], levels)


def test_law_is_that_of_a_plain_gibbs_run(mixed):
    agrees_with_gibbs(mixed, 1500, (0.25, 0.5, 0.75))


@pytest.mark.slow
def test_law_is_that_of_a_long_plain_gibbs_run():
    """Its tails take long: a tenth of the draws is effective, and they come in clumps."""
    ours = drawn(MIXED, replace(SHORT, chains=4, effective=20_000, longest=3000, **DECLARED))
    agrees_with_gibbs(ours, 12_000, (0.05, 0.25, 0.5, 0.75, 0.95))


def test_stored_ranks_are_uniform():
    row = STORED["strata"]["results"]
    assert row["tables"] >= 200
    for which in ("total", "stratum"):
        assert row[which]["chi_square"] < 27.9, row  # 99.9 % point with 9 degrees of freedom
        for prob, share in row[which]["covered"].items():
            p = float(prob)
            assert abs(share - p) < 3.5 * np.sqrt(p * (1 - p) / row["tables"])


@pytest.mark.slow
def test_fresh_ranks_are_uniform():
    from tests.calibration.latentclass import ranks_of_strata

    fresh = ranks_of_strata(120, seed=5)
    assert max(fresh["total"]["chi_square"], fresh["stratum"]["chi_square"]) < 27.9


def test_stored_runs_agree_on_every_stratum():
    rows = {row["table"]: row for row in STORED["strata agreement"]["results"]}
    assert set(rows) == {"spina-bifida-3-ethnicity", "scotland-pwid-2006-4", "simulated by year"}
    for row in rows.values():
        assert row["rhat"] <= 1.01 and min(row["ess_bulk"], row["ess_tail"]) >= 400, row["table"]
        assert max(row["chains"]) / min(row["chains"]) < 1.03, row["table"]


@pytest.mark.slow
def test_fresh_runs_agree_with_the_stored_ones():
    from tests.calibration.latentclass import agreement_of_strata

    name = "spina-bifida-3-ethnicity"
    stored = next(row for row in STORED["strata agreement"]["results"] if row["table"] == name)
    fresh = agreement_of_strata(name, seed=77)
    assert fresh["rhat"] <= 1.01 and min(fresh["ess_bulk"], fresh["ess_tail"]) >= 400
    np.testing.assert_allclose(fresh["quantiles"], stored["quantiles"], rtol=0.02)


# ---- what may not change the answer ----------------------------------------------------------------


def test_parts_add_up_and_chains_agree_on_strata_too(mixed):
    np.testing.assert_array_equal(mixed.parts.sum(axis=2), mixed.sizes)
    assert mixed.rhats.shape == mixed.bulks.shape == (5,)
    assert mixed.rhat == mixed.rhats.max() and mixed.bulk == mixed.bulks.min() and mixed.tail == mixed.tails.min()
    assert mixed.parts.min(axis=(0, 1)).tolist() >= [35, 9, 16, 16]


@pytest.mark.parametrize("unknown", [False, True])
def test_one_stratum_is_none(unknown):
    counts = [[4, 5, 2, 3, 1, 1, 0]] + [[1, 0, 1, 0, 0, 0, 1]] * unknown
    table = CaptureTable.from_arrays(["A", "B", "C"], counts, strata={"sex": ["f", "not known"][: 1 + unknown]})
    spec = replace(SHORT, unknown={"sex": "not known"} if unknown else {})
    one, none = estimate(table, spec, seed=3), estimate(table.collapse(), replace(SHORT, strata=False), seed=3)
    np.testing.assert_array_equal(one.draws, none.draws)
    np.testing.assert_array_equal(one.strata.draws[:, 0], none.draws)
    assert one.point == none.point and one.quantile(0.975) == none.quantile(0.975)
    bare = estimate(table.collapse(), SHORT, seed=3)
    np.testing.assert_array_equal(bare.strata.draws[:, 0], none.draws)


def test_order_of_strata_permutes_the_answer():
    turned = CaptureTable.from_arrays(PLAIN.lists, PLAIN.counts[::-1], strata={"sex": ["m", "f"]})
    ours, theirs = drawn(PLAIN), drawn(turned, seed=2)
    close(ours.sizes, theirs.sizes)
    close(ours.parts[:, :, 0], theirs.parts[:, :, 1])


def test_labels_by_lot_leave_the_total_alone():
    """With labels that tell nothing the classes are what they were, and every stratum has its share."""
    table = CaptureTable.from_arrays(["A", "B", "C"], [90, 70, 25, 110, 30, 40, 35])
    f = np.random.default_rng(4).binomial(table.counts[0], 0.3)
    split = CaptureTable.from_arrays(table.lists, [f, table.counts[0] - f], strata={"sex": ["f", "m"]})
    whole, parts = estimate(table, replace(SHORT, strata=False), seed=1), estimate(split, SHORT, seed=1)
    for q in (0.1, 0.5, 0.9):
        assert parts.quantile(q) == pytest.approx(whole.quantile(q), rel=0.05)
    share = parts.strata.draws[:, 0] / parts.draws
    assert share.mean() == pytest.approx(f.sum() / table.observed, abs=0.03)


def test_blind_and_missing_are_the_same_here():
    """Within a class no list tells of another: what a list would have seen where it was not cancels."""
    table = CaptureTable.from_arrays(
        ["A", "B", "C"], [[9, 7, 5, 6, 2, 3, 1], [4, 9, 2, 0, 0, 0, 0]], strata={"sex": ["f", "m"]}
    )
    where = {"C": {"sex": "m"}}
    blind, missing = (data_of(table, replace(SHORT, **{option: where})) for option in ("blind", "missing"))
    flat = [(*data[:-2], *data.histories, *data.strata) for data in (blind, missing)]
    for a, b in zip(*flat, strict=True):
        np.testing.assert_array_equal(a, b)


def test_same_seed_same_draws_whatever_the_workers_and_after_an_interruption(tmp_path):
    one, two = drawn(PLAIN, workers=1), drawn(PLAIN, workers=2, folder=tmp_path)
    np.testing.assert_array_equal(one.parts, two.parts)
    np.testing.assert_array_equal(drawn(PLAIN, folder=tmp_path).parts, one.parts)
    files = sorted(tmp_path.glob("*.chunk"))
    files[3].unlink()
    np.testing.assert_array_equal(drawn(PLAIN, folder=tmp_path).parts, one.parts)


# ---- the posterior ---------------------------------------------------------------------------------


def test_posterior_holds_the_parts_and_survives_a_file(tmp_path):
    posterior = estimate(MIXED, replace(SHORT, **DECLARED), seed=4)
    strata = posterior.strata
    assert strata.names() == ("2019, f", "2019, m", "2020, f", "2020, m")
    np.testing.assert_array_equal(strata.draws.sum(axis=1), posterior.draws)
    assert (strata.draws >= strata.observed).all() and strata.observed.tolist() == [35, 9, 16, 16]
    assert posterior.observed == MIXED.observed and posterior.draws.min() >= MIXED.observed
    assert [bool(flag) for flag in strata.flags] == [False, True, True, False]
    d = posterior.diagnostics
    assert d["rhat_max"] >= d["rhat_total"] and d["ess_bulk_min"] <= d["ess_bulk_total"]
    assert d["unlabelled"] == 14 and d["few_lists"] == 2
    said = " ".join(map(str, posterior.notes))
    for word in ("C is missing in 2019, m", "A is blind to 2020, f", "gives the same N", "14 persons with a missing"):
        assert word in said
    assert "summed over" not in said
    dutch = read_catalogue("nl")
    words = [
        *posterior.inside,
        *posterior.outside,
        *posterior.assumptions,
        *posterior.notes,
        *(flag for flags in strata.flags for flag in flags),
    ]
    assert [x for x in words if dutch.said(x) == str(x)] == []
    posterior.save(tmp_path / "p.nc")
    again = Posterior.load(tmp_path / "p.nc")
    np.testing.assert_array_equal(again.strata.draws, strata.draws)
    assert again.spec["unknown"] == {"sex": "not known"}


def test_a_stratum_where_nobody_is_registered():
    table = CaptureTable.from_arrays(
        ["A", "B", "C"], [[9, 7, 5, 6, 2, 3, 1], [0] * 7, [4, 9, 2, 1, 1, 2, 2]], strata={"year": ["1", "2", "3"]}
    )
    strata = estimate(table, SHORT, seed=1).strata
    assert strata.observed[1] == 0 and np.median(strata.draws[:, 1]) < 0.3 * np.median(strata.draws[:, 0])


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"unknown": {"sex": "x"}}, ModelError, "no level x"),
        ({"unknown": {"age": "x"}}, ModelError, "no covariate age"),
        ({"blind": {"D": {}}}, ModelError, "no list D"),
        ({"blind": {"A": {"sex": "m"}}}, InputError, "declared blind in m"),
        ({"missing": {"A": {"sex": "m"}}}, InputError, "declared missing in m"),
        ({"blind": ["A"]}, ModelError, "option blind has a wrong type"),
    ],
)
def test_wrong_declarations_are_told(options, error, words):
    with pytest.raises(error, match=words):
        estimate(PLAIN, LatentClassSpec(**options), seed=1)


@pytest.mark.parametrize("how", ["blind", "missing"])
def test_a_stratum_that_no_list_can_see_is_refused(how):
    table = CaptureTable.from_arrays(["A", "B"], [[3, 4, 2], [0, 0, 0]], strata={"year": ["2019", "2020"]})
    with pytest.raises(ModelError, match="no list can see anybody in 2020"):
        estimate(table, LatentClassSpec(**{how: {"A": {"year": "2020"}, "B": {"year": "2020"}}}), seed=1)


def test_histories_that_lists_do_not_explain_are_refused():
    seen = np.ones((2, 7), dtype=bool)
    seen[1, 6] = False
    table = CaptureTable.from_arrays(
        PLAIN.lists, [*PLAIN.counts[:1], [4, 9, 2, 1, 1, 2, 0]], strata={"sex": ["f", "m"]}, observable=seen
    )
    with pytest.raises(ModelError, match="some histories cannot be observed in m"):
        estimate(table, SHORT, seed=1)


def test_without_strata_a_blind_list_is_refused_and_the_way_out_is_named():
    table = CaptureTable.from_arrays(["A", "B"], [[0, 2, 0], [4, 5, 6]], strata={"sex": ["f", "m"]})
    with pytest.raises(ModelError, match="strata = true"):
        estimate(table.blind("A", {"sex": "f"}), LatentClassSpec(), seed=1)


def test_the_one_call_knows_when_strata_are_asked_for():
    options = {"classes": 4, "chains": 2, "effective": 400, "longest": 1000}
    rows = mse.compare(PLAIN, [("latent-class", options), ("latent-class", {**options, "strata": True})], seed=1)
    assert rows["status"].tolist() == ["ok", "ok"] and rows["label"].str.contains("by stratum").tolist() == [
        False,
        True,
    ]
    with pytest.raises(ModelError, match="`by` and the strata"):
        mse.estimate(PLAIN, "latent-class", strata=True, by=["sex"])
    judged = mse.estimate(PLAIN, "latent-class", seed=1, strata=True, **options)
    assert judged.verdict is not None and judged.strata is not None


def test_every_place_of_a_crossed_table_is_there_once():
    data = data_of(MIXED, LatentClassSpec(**DECLARED))
    places = list(zip(data.strata.row, data.strata.stratum, strict=True))
    assert len(set(places)) == len(places) and data.counts.sum() + data.strata.pool_counts.sum() == data.total
    assert len({tuple(x) for x in np.hstack([data.on, data.strata.operates])}) == len(data.on)
    assert all(not (on & ~operates).any() for on, operates in zip(data.on, data.strata.operates, strict=True))
    assert sorted(product([0], data.strata.silent.tolist())) == [(0, 0), (0, 0), (0, 1), (0, 2)]
