"""Shrinkage: against a plain twin, invariants, strata, two lists and many, and its own claims."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import mse
from mse.cli import main
from mse.computing.parallel import Compute
from mse.errors import InputError, ModelError
from mse.estimators.shrinkage.manylists import check_many, laws_of_many
from mse.estimators.shrinkage.scales import make_grid, priors_of, terms_upto
from mse.estimators.shrinkage.sharedscales import fit_together, parts_of
from mse.estimators.shrinkage.shrinkage import ShrinkageSpec, estimate, law_of_log_n
from mse.estimators.shrinkage.unseen import FINE, MANY, check_laws, counted, unseen_laws
from mse.kernels.rowwise import factorise_rows, solve_rows, solve_rows_back
from mse.kernels.shrinking import Shrinkage, fit_shrunk
from mse.kernels.shrunklaw import ladder
from mse.methods import run_method
from mse.tables.captures import CaptureTable
from mse.tables.histories import HistoryTable
from tests.calibration.shrinkage_nuts import STORED as NUTS
from tests.calibration.shrinkage_nuts import TABLES, agrees, compared
from tests.twins import shrinkage as twin

ONE = Compute(workers=1)
SHORT = {"pair_sd": (0.1, 0.3), "ratio": (0.4,), "common_sd": (0.0, 0.2), "draws": 2000}


def run(table, **options):
    return estimate(table, ShrinkageSpec(**{**SHORT, **options}), seed=1, compute=ONE)


def flat(name):
    table = mse.load_table(name)
    return table.collapse() if table.strata else table


@pytest.mark.parametrize(
    ("name", "largest"), [("hepatitis-taiwan-3", 3), ("kosovo-1999-4", 4), ("uk-2013-5", 4), ("western-us-5", 2)]
)
@pytest.mark.parametrize("scales", [(0.1, 0.5, 0.0), (0.3, 0.25, 0.17)])
def test_modes_and_laws_against_the_twin(name, largest, scales):
    table = flat(name)
    counts, cells = table.dense()
    terms = terms_upto(table.n_lists, largest)
    assert terms.tolist() == twin.terms_of(table.n_lists, largest)
    priors = priors_of(make_grid((scales[0],), (scales[1],), (scales[2],), 3), terms, 3.0)
    prior = Shrinkage(
        priors.precision[0], float(priors.common[0]), priors.first, priors.last, float(priors.log_normaliser[0])
    )
    start = np.zeros(len(terms))
    beta, log_unseen, variance, evidence, failed = fit_shrunk(counted(counts, cells), terms, prior, start, 1e-18)
    told = twin.log_density(counts, cells, list(terms), (*scales, 3.0))
    assert not failed
    assert (evidence, log_unseen, variance) == pytest.approx(told, rel=1e-8)
    rungs = ladder(counted(counts, cells), terms, prior, beta, math.sqrt(variance), 1.5, 8.0, 1e-18)
    assert not rungs.failed
    for at in (0, len(rungs.nodes) // 2, len(rungs.nodes) - 1):
        told = twin.log_density(counts, cells, list(terms), (*scales, 3.0), rungs.nodes[at])
        assert rungs.log_density[at] == pytest.approx(told, rel=1e-8)


def test_the_factor_by_rows():
    rng = np.random.default_rng(1)
    for size in (1, 3, 4, 31, 37, 66):
        half = rng.normal(size=(size, size + 3))
        matrix, b = half @ half.T, rng.normal(size=size)
        upper = matrix.copy()
        assert factorise_rows(upper, size) == 0
        np.testing.assert_allclose(np.triu(upper), np.linalg.cholesky(matrix).T, rtol=1e-9, atol=1e-9)
        x = b.copy()
        solve_rows(upper, size, x)
        solve_rows_back(upper, size, x)
        np.testing.assert_allclose(matrix @ x, b, rtol=1e-7, atol=1e-7)
    assert factorise_rows(-np.eye(3), 3) == 1


def test_importance_sampling_finds_the_evidence_of_a_small_model():
    """Three lists with a single pair's worth of freedom: the evidence by a plain grid over the coefficients."""
    table = CaptureTable.from_arrays(["A", "B"], [9, 6, 4])
    counts, cells = table.dense()
    grid = make_grid((0.2,), (1.0,), (0.0,), 2)
    priors = priors_of(grid, terms_upto(2, 2), 1.0)
    checked = check_laws(
        counted(counts, cells), priors, grid, unseen_laws(counted(counts, cells), priors, grid, FINE), 1
    )
    main = np.linspace(-4, 4, 161)
    pair = np.linspace(-1.4, 1.4, 57)
    a, b, c = np.meshgrid(main, main, pair, indexing="ij")
    # the flat intercept integrates to Γ(n) / S^n, S the sum of exp η over the cells that can be seen
    eta = [-a + b - c, a - b - c, -a - b + c]
    logs = 9 * eta[0] + 6 * eta[1] + 4 * eta[2] - 19 * np.logaddexp.reduce(eta) + math.lgamma(19)
    logs += -0.5 * (a**2 + b**2) - math.log(2 * math.pi) - 0.5 * (c / 0.2) ** 2 - 0.5 * math.log(2 * math.pi * 0.04)
    volume = (main[1] - main[0]) ** 2 * (pair[1] - pair[0])
    exact = float(np.log(np.exp(logs - logs.max()).sum() * volume) + logs.max())
    assert checked.laws.log_evidence[0] == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("name", ["hepatitis-taiwan-3", "kosovo-1999-4", "uk-2013-5"])
def test_relabelling_lists_changes_nothing(name):
    table = flat(name)
    a, b = (
        law_of_log_n(t, ShrinkageSpec()).quantile([0.05, 0.5, 0.95]) for t in (table, table.select(*table.lists[::-1]))
    )
    assert b == pytest.approx(a, rel=1e-3)


def test_scales_learn_from_the_table():
    """Independent lists give small scales and a narrow law; doubling all counts narrows it further."""
    shares = np.array([[0.3, 0.2, 0.25, 0.15][j] for j in range(4)])
    on = (np.arange(1, 16)[:, None] >> np.arange(4)) & 1
    counts = np.rint(4000 * np.where(on, shares, 1 - shares).prod(axis=1))
    one, two = (
        run_method(CaptureTable.from_arrays("ABCD", k * counts), "shrinkage", seed=1, compute=ONE) for k in (1, 2)
    )
    assert one.diagnostics["pair_sd"] < 0.08
    assert abs(math.log(one.point / 4000)) < 0.1
    widths = [math.log(x.quantile(0.975) / x.quantile(0.025)) for x in (one, two)]
    assert widths[1] < widths[0]
    assert two.point == pytest.approx(2 * one.point, rel=0.05)


def test_the_fast_law_is_that_of_the_estimate():
    for name in ("kosovo-1999-4", "uk-2013-5"):
        table, q = mse.load_table(name), [0.025, 0.25, 0.5, 0.75, 0.975]
        found = run_method(table, "shrinkage", seed=1, compute=ONE)
        assert law_of_log_n(table).quantile(q) == pytest.approx(found.quantile(q), rel=0.03)
        assert found.diagnostics["corrected_weight"] > 0.99
        assert found.diagnostics["mc_error"] < 0.05


def test_same_seed_same_answer_whatever_the_workers():
    table = mse.load_table("spina-bifida-3-ethnicity")
    a, b = (estimate(table, ShrinkageSpec(strata=True, **SHORT), seed=4, compute=Compute(workers=n)) for n in (1, 2))
    np.testing.assert_array_equal(a.draws, b.draws)
    assert a.strata is not None
    np.testing.assert_array_equal(a.strata.draws.sum(axis=1), a.draws)


def test_strata_share_the_scales():
    """Evidence of a scale is the product of the evidence of the strata; alike strata say twice as much."""
    rng = np.random.default_rng(2)
    counts = rng.poisson(30, size=7)
    twice = CaptureTable.from_arrays("ABC", [counts, counts], strata={"year": ("1", "2")})
    alone = CaptureTable.from_arrays("ABC", counts)
    spec = ShrinkageSpec(**SHORT)
    grid = make_grid(spec.pair_sd, spec.ratio, spec.common_sd, 3)
    both, single = (fit_together(parts_of(t, spec), grid, 3.0, 1, ONE) for t in (twice, alone))
    np.testing.assert_allclose(both.log_evidence, 2 * single.log_evidence, rtol=1e-6)
    found = estimate(twice, ShrinkageSpec(strata=True, **SHORT), seed=1, compute=ONE)
    assert found.strata is not None
    assert found.strata.point[0] == pytest.approx(found.strata.point[1], rel=0.05)


def test_by_is_a_way_to_ask_for_strata_that_borrow():
    table = mse.load_table("spina-bifida-3-ethnicity")
    dim = next(iter(table.strata))
    found = run_method(table, "shrinkage", seed=1, compute=ONE, by=[dim], **SHORT)
    same = estimate(table, ShrinkageSpec(strata=True, **SHORT), seed=1, compute=ONE)
    np.testing.assert_array_equal(found.draws, same.draws)
    assert found.spec["by"] == dim
    with pytest.raises(ModelError, match="collapse"):
        run(table)


def test_blind_and_missing_lists_leave_the_table_of_the_others():
    rng = np.random.default_rng(3)
    counts = rng.poisson(25, size=(2, 15))
    counts[1, [h - 1 for h in range(1, 16) if h & 8]] = 0
    table = CaptureTable.from_arrays("ABCD", counts, strata={"year": ("1", "2")})
    only = CaptureTable.from_arrays("ABC", counts[1, :7])
    blind, missing = (
        estimate(table, ShrinkageSpec(**SHORT, **{word: {"D": {"year": "2"}}}), seed=1, compute=ONE)
        for word in ("blind", "missing")
    )
    np.testing.assert_array_equal(blind.draws, missing.draws)
    spec = ShrinkageSpec(**SHORT)
    grid = make_grid(spec.pair_sd, spec.ratio, spec.common_sd, 4)
    first = CaptureTable.from_arrays("ABCD", counts[0])
    alone = [fit_together(parts_of(t, spec), grid, 3.0, 1, ONE).log_evidence for t in (first, only)]
    gone = fit_together(parts_of(table.without("D", {"year": "2"}), spec), grid, 3.0, 1, ONE)
    # points that do not carry the weight are not corrected, and which those are depends on who has a say
    np.testing.assert_allclose(gone.log_evidence, alone[0] + alone[1], atol=0.1)
    heavy = gone.weight > 0.01
    np.testing.assert_allclose(gone.log_evidence[heavy], (alone[0] + alone[1])[heavy], rtol=1e-6)


def test_a_structural_zero_is_not_an_empty_cell():
    counts, seen = np.array([60, 50, 20, 40, 18, 0, 6]), np.ones(7, dtype=bool)
    seen[5] = False
    closed, empty = (run(CaptureTable.from_arrays("ABC", counts, observable=x)).point for x in (seen, None))
    assert closed != pytest.approx(empty, rel=0.01)


def test_strata_without_anybody_are_empty_and_single_lists_are_refused():
    counts = np.array([[20] * 7, [0] * 7])
    table = CaptureTable.from_arrays("ABC", counts, strata={"year": ("1", "2")})
    found = run(table, strata=True)
    assert found.strata is not None and found.strata.draws[:, 1].max() == 0
    assert found.strata.flags[1][0].code == "flag.nobody"
    assert any("nobody was observed in 2" in str(note) for note in found.notes)
    counts[1, 0] = 9
    lone = CaptureTable.from_arrays("ABC", counts, strata={"year": ("1", "2")})
    with pytest.raises(ModelError, match="2: 9 persons, and the number of lists"):
        run(lone, missing={"B": {"year": "2"}, "C": {"year": "2"}})


def test_two_lists_rest_on_the_prior_and_say_so():
    table = CaptureTable.from_arrays(["A", "B"], [60, 50, 20])
    narrow, wide = (run(table, pair_sd=(sd,), common_sd=(0.0,), visibility=(0.0,)) for sd in (0.01, 0.25))
    assert narrow.point == pytest.approx(130 + 60 * 50 / 20, rel=0.1)
    assert wide.quantile(0.975) > 1.5 * narrow.quantile(0.975)
    assert any("from the prior alone" in str(note) for note in wide.notes)
    judged = mse.estimate(table, "shrinkage", seed=1)
    assert judged.verdict is not None and judged.verdict.level == "do not publish"


def test_the_term_of_all_lists_widens_the_law():
    table = mse.load_table("hepatitis-taiwan-3")
    without, with_it = (run(table, saturated=x) for x in (False, True))
    assert with_it.quantile(0.975) / with_it.quantile(0.025) > without.quantile(0.975) / without.quantile(0.025)
    assert any("identifying" in str(x) for x in without.assumptions)
    assert not any("identifying" in str(x) for x in with_it.assumptions)


def simulated(n_lists, persons, seed, most=0.25, sd=0.7):
    rng = np.random.default_rng(seed)
    theta, chance = rng.normal(0, sd, persons), rng.uniform(0.01, most, n_lists)
    on = rng.random((persons, n_lists)) < 1 / (1 + np.exp(-(np.log(chance / (1 - chance)) + theta[:, None])))
    histories, counts = np.unique(on @ (1 << np.arange(n_lists)), return_counts=True)
    seen = histories > 0
    return histories[seen].astype(np.int64), counts[seen]


def test_many_lists_agree_with_all_cells_written_down():
    """Ten lists both ways: over 1,023 cells in sum-to-zero coding, and over those that matter in corner coding."""
    histories, counts = simulated(10, 3000, 1)
    grid = make_grid((0.05, 0.15), (1.0,), (0.0, 0.1), 2)
    many = laws_of_many(10, histories, counts.astype(float), grid, 3.0, FINE)
    dense, cells = np.zeros(1024), np.ones(1024)
    dense[histories], cells[0] = counts, 0.0
    seen, priors = counted(dense, cells), priors_of(grid, terms_upto(10, 2), 3.0)
    laws = unseen_laws(seen, priors, grid, FINE)
    assert many.left_out < 1.0
    assert many.laws.mode == pytest.approx(laws.mode, abs=2e-3)
    assert many.laws.variance == pytest.approx(laws.variance, rel=5e-3)
    best = laws.log_evidence.max()
    assert many.laws.log_evidence - many.laws.log_evidence.max() == pytest.approx(laws.log_evidence - best, abs=0.05)
    ratios = [check(g) for check, g in ((lambda g: check_many(many, g, 3.0, 1), grid),
                                        (lambda g: check_laws(seen, priors, g, laws, 1), grid))]  # fmt: skip
    heavy = np.isfinite(ratios[0].log_ratio) & np.isfinite(ratios[1].log_ratio)
    assert ratios[0].log_ratio[heavy] == pytest.approx(ratios[1].log_ratio[heavy], abs=0.15)


def test_twenty_lists_are_read_and_estimated(tmp_path: Path):
    histories, counts = simulated(20, 4000, 2, most=0.12, sd=0.4)
    names = [f"L{j}" for j in range(20)]
    table = HistoryTable(tuple(names), histories, counts, "many")
    found = mse.estimate(table, "shrinkage", seed=1, **SHORT)
    low, high = found.quantile([0.025, 0.975])
    assert low < 4000 < 1.1 * high
    assert found.diagnostics["left_out"] < 0.02 * table.observed
    rows = [",".join([*names, "count"])]
    rows += [",".join([*(str(h >> j & 1) for j in range(20)), str(n)]) for h, n in zip(histories, counts, strict=True)]
    path = tmp_path / "many.csv"
    path.write_text("\n".join(rows) + "\n")
    assert HistoryTable.from_csv(path) == table
    with pytest.raises(InputError, match="shrinkage reads up to 62"):
        CaptureTable.from_csv(path)
    with pytest.raises(ModelError, match="shrinkage"):
        mse.estimate(table, "average")
    said = CliRunner().invoke(
        main, ["estimate", str(path), "--method", "shrinkage", "--json", "--set", "pair_sd=[0.1, 0.3]"]
    )
    assert said.exit_code == 0, said.output
    assert low * 0.9 < json.loads(said.stdout)["estimate"]["point"] < high * 1.1


def test_histories_that_are_left_out_are_told_or_not_left_out():
    """Persons of whom many are on very many lists: all cells where they can be written down, a note where not."""
    many = HistoryTable(tuple(f"L{j}" for j in range(18)), *simulated(18, 1500, 2, most=0.3), "many")
    found = mse.estimate(many, "shrinkage", seed=1, **SHORT)
    left = found.diagnostics["left_out"]
    assert (left > 1e-3 * many.observed) == any("approximate" in str(note) for note in found.notes)


def test_history_tables_are_checked():
    with pytest.raises(InputError) as caught:
        HistoryTable(("A", "B"), np.array([1, 1, 7]), np.array([2, 3, 1]))
    assert len(caught.value.problems) == 2
    table = mse.load_table("kosovo-1999-4")
    assert HistoryTable.from_table(table).observed == table.observed
    assert HistoryTable.from_table(table) != HistoryTable(("A", "B"), np.array([1, 3]), np.array([4, 1]))


def test_seven_lists_and_more_have_an_answer():
    table = mse.load_table("new-orleans-8-n185")
    found = run_method(table, "shrinkage", seed=1, compute=ONE, max_order=2, **SHORT)
    assert found.quantile(0.025) > table.observed
    with pytest.raises(ModelError, match="max_order=2"):
        run(CaptureTable.from_arrays([f"L{j}" for j in range(12)], np.ones(4095, dtype=int)), max_order=5)


@pytest.mark.parametrize(
    "options",
    [{"pair_sd": ()}, {"pair_sd": (0.0,)}, {"ratio": (math.nan,)}, {"common_sd": (-1.0,)}, {"main_sd": 0.0},
     {"max_order": 0}, {"draws": 0}, {"blind": 3}],
)  # fmt: skip
def test_options_out_of_range(options):
    with pytest.raises(ModelError) as error:
        ShrinkageSpec(**options)
    assert "Allowed" in str(error.value)


def test_effort_for_many_lists_is_fine_enough():
    histories, counts = simulated(9, 1500, 5)
    grid = make_grid((0.1,), (1.0,), (0.1,), 2)
    quick, fine = (laws_of_many(9, histories, counts.astype(float), grid, 3.0, x).laws for x in (MANY, FINE))
    assert quick.log_evidence == pytest.approx(fine.log_evidence, abs=0.01)
    assert quick.mode == pytest.approx(fine.mode, abs=0.01)


@pytest.mark.parametrize("name", TABLES)
def test_stored_agreement_with_nuts(name):
    row = json.loads(NUTS.read_text())[name]
    assert agrees(row) and row["rhat"] < 1.02


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_against_nuts(name):
    """The same model in PyMC, which knows the joint density and nothing of Laplace."""
    pytest.importorskip("pymc")
    assert agrees(compared(name))
