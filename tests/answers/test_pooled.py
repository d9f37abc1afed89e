"""One posterior from several: the mixture of laws, draws, strata and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import mse
from mse.answers.distribution import Distribution
from mse.answers.pooled import LINKAGE, mix, pool
from mse.answers.posterior import Posterior
from mse.errors import ModelError
from mse.tables.captures import CaptureTable

COUNTS = np.array([60, 55, 12, 70, 14, 11, 5])


def table(extra: int = 0) -> CaptureTable:
    counts = COUNTS.copy()
    counts[2] += extra
    return CaptureTable.from_arrays(("A", "B", "C"), counts, name=f"linkage {extra}")


@pytest.fixture(scope="module")
def posteriors() -> list[Posterior]:
    return [mse.estimate(table(extra), "average", seed=1, draws=400) for extra in (0, 4, 9)]


def test_quantiles_are_those_of_the_mixture(posteriors: list[Posterior]) -> None:
    pooled = pool(posteriors)
    for size in (250, 300, 400, 600):
        expected = np.mean([p.distribution.probability_below(size) for p in posteriors])
        assert pooled.distribution.probability_below(size) == pytest.approx(expected, abs=1e-9)
    low, high = pooled.quantile([0.025, 0.975])  # type: ignore[misc]
    assert min(p.quantile(0.025) for p in posteriors) <= low <= max(p.quantile(0.025) for p in posteriors)
    assert min(p.quantile(0.975) for p in posteriors) <= high <= max(p.quantile(0.975) for p in posteriors)
    assert pooled.point == pooled.quantile(0.5)


def test_one_posterior_alone_stays_what_it_was(posteriors: list[Posterior]) -> None:
    (one, *_) = posteriors
    pooled = pool([one])
    assert pooled.summary().low == one.summary().low
    assert pooled.summary().high == one.summary().high
    assert pooled.point == one.point
    assert np.array_equal(np.sort(pooled.draws), np.sort(one.draws))
    assert pooled.diagnostics["between_share"] == 0.0


def test_weights_and_the_point_table(posteriors: list[Posterior]) -> None:
    first, second, third = posteriors
    assert pool([first, second], weights=[0, 2]).summary().high == second.summary().high
    pooled = pool([second, third], point=first)
    assert pooled.observed == first.observed
    assert (pooled.table, pooled.table_digest) == (first.table, first.table_digest)
    assert LINKAGE in pooled.inside
    assert LINKAGE not in pooled.outside
    assert pooled.verdict is None
    assert "mixed over 2 linkages, with 231 to 236 persons observed (227 in the one" in str(pooled.notes[-1])


def test_variance_between_is_that_of_the_means(posteriors: list[Posterior]) -> None:
    pooled = pool(posteriors)
    means = np.array([p.distribution.mean() for p in posteriors])
    assert pooled.diagnostics["between_sd"] == pytest.approx(means.std())
    grid, cdf = pooled.distribution.values, pooled.distribution.cdf
    mass = np.diff(cdf, prepend=0.0)
    whole = float(mass @ (grid - grid @ mass) ** 2)
    assert pooled.diagnostics["between_share"] == pytest.approx(means.var() / whole, rel=0.02)


def test_models_and_interactions_are_averaged(posteriors: list[Posterior]) -> None:
    pooled = pool(posteriors, weights=[1, 1, 2])
    name = posteriors[0].models.notation[0]  # type: ignore[union-attr]
    each = [dict(zip(p.models.notation, p.models.weight, strict=True))[name] for p in posteriors]  # type: ignore[union-attr]
    assert pooled.models is not None
    at = pooled.models.notation.index(name)
    assert pooled.models.weight[at] == pytest.approx(np.average(each, weights=[1, 1, 2]))
    assert np.isnan(pooled.models.log_evidence).all()
    term = next(iter(posteriors[0].interactions))
    expected = np.average([p.interactions[term] for p in posteriors], weights=[1, 1, 2])
    assert pooled.interactions[term] == pytest.approx(expected)


def test_strata_add_up_in_every_draw() -> None:
    tables = [
        CaptureTable.from_arrays(("A", "B", "C"), np.stack([COUNTS + e, COUNTS]), strata={"sex": ("f", "m")})
        for e in (0, 3)
    ]
    parts = [mse.estimate(t, "covariates", seed=1, draws=200) for t in tables]
    assert all(part.strata is not None for part in parts)
    pooled = pool(parts)
    assert pooled.strata is not None
    assert np.array_equal(pooled.strata.draws.sum(axis=1), pooled.draws)
    points = np.mean([part.strata.point for part in parts], axis=0)  # type: ignore[union-attr]
    assert pooled.strata.point == pytest.approx(points)
    assert pooled.strata.observed.tolist() == parts[0].strata.observed.tolist()  # type: ignore[union-attr]


def test_a_mass_point_keeps_its_jump() -> None:
    point = Distribution(np.array([500.0]), np.array([1.0]))
    other = Distribution(np.array([100.0, 1000.0]), np.array([0.5, 1.0]))
    law = mix([point, other], np.array([0.5, 0.5]))
    assert law.probability_below(499.0) == pytest.approx(0.5 * np.interp(499, [100, 1000], [0.5, 1.0]))
    assert law.probability_below(500.0) == pytest.approx(0.5 + 0.5 * np.interp(500, [100, 1000], [0.5, 1.0]))


def test_the_answer_can_be_written_and_read(posteriors: list[Posterior], tmp_path: object) -> None:
    place = f"{tmp_path}/pooled.nc"
    pooled = pool(posteriors)
    pooled.save(place)
    again = Posterior.load(place)
    assert again.summary() == pooled.summary()
    assert again.notes == pooled.notes


def test_what_does_not_fit_is_said_at_once(posteriors: list[Posterior]) -> None:
    with pytest.raises(ModelError, match="there is nothing to pool"):
        pool([])
    other = replace(posteriors[1], method="chao", lists=("A", "B", "Z"))
    with pytest.raises(ModelError) as caught:
        pool([posteriors[0], other], weights=[1, -1])
    assert len(caught.value.problems) == 3
