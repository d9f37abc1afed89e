"""Nations over which the multilevel model is repeated, and what their complete tables say of dependence."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import multilevels
from benchmarks.calibration import nations
from benchmarks.readme import METHODS_PAGE, MULTILEVEL_PAGE
from tests.calibration.multilevel import fit_terms, nation_of

CALIBRATION = Path(__file__).parent


def complete(odds):
    """Return expected counts of two strata of four lists with these log odds ratios, no interaction of three."""
    on = (np.arange(16)[:, None] >> np.arange(4)) & 1
    both = np.stack([on[:, a] * on[:, b] for a, b in itertools.combinations(range(4), 2)], axis=1)
    return np.exp([8.0 + on @ x + both @ odds for x in ([-1.0, -2.0, -2.5, -2.0], [-1.5, -1.0, -3.0, -2.0])])


def test_pairs_are_found_with_the_unseen_and_without_them():
    odds = np.array([0.8, 0.7, 2.2, -0.1, 0.0, 0.3])
    table = complete(odds)
    for seen_only in (False, True):
        found, total, _, _ = fit_terms(table, seen_only)
        assert found == pytest.approx(odds, abs=1e-6) and total == pytest.approx(table.sum(), rel=1e-6)
        behind, same, error, deviance = fit_terms(table, seen_only, "one with those referred")
        assert behind[6:] == pytest.approx([0.0], abs=1e-6) and same == pytest.approx(total, rel=1e-6)
        # with the unseen counted, the total is known as a Poisson count is
        assert deviance == pytest.approx(0.0, abs=1e-6) and (error > 1.2 * total**-0.5) == seen_only


def test_every_seed_is_another_nation_only_where_that_is_asked_for():
    varied = [nation_of("varied", seed) for seed in range(1, 21)]
    assert len({x.visibility for x in varied}) == 20 and 0 <= min(x.visibility for x in varied)
    shares = {r.share for r in nation_of("shipped", 1).referrals}
    assert max(r.share for x in varied for r in x.referrals) <= max(shares)
    assert nation_of("both", 1) == nation_of("both", 2) and nation_of("both", 1).referrals
    assert not nation_of("switched", 1).referrals and nation_of("switched", 1).visibility == 1.0


def test_the_pages_show_what_is_stored():
    told = "run: python -m benchmarks.readme multilevel"
    methods = METHODS_PAGE.read_text(encoding="utf-8")
    for part in (nations(), multilevels.seeds(), multilevels.areas()):
        assert part in methods, told
    assert multilevels.measures() in MULTILEVEL_PAGE.read_text(encoding="utf-8"), told


def test_stored_chains_agree_without_divergences():
    for record in json.loads((CALIBRATION / "multilevel-seeds.json").read_text()).values():
        assert record["divergences"] == 0 and record["rhat_largest"] <= 1.01
        assert all(min(row["ess_bulk_min"], row["ess_tail_min"]) >= 400 for row in record["each"])


def test_stored_coverage_of_measures_is_nominal():
    """Level and slope where something happened to N, and a placebo that claims a change no more often than it says."""
    record = json.loads((CALIBRATION / "multilevel-measures.json").read_text())
    for kind in ("measure", "placebo"):
        for what in ("level", "slope"):
            for prob in (0.5, 0.8, 0.95):
                error = np.sqrt(prob * (1 - prob) / record[kind]["tables"])
                assert abs(record[kind]["summary"][what][f"{prob:.2f}"] - prob) < 3 * error
