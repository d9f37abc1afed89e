"""The multilevel model: kernel against PyMC, sampling that goes on, coherent parts, bad input."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest

import mse
from mse.answers.posterior import Posterior
from mse.computing.parallel import Compute
from mse.errors import InputError, ModelError
from mse.estimators.multilevel.chaindiagnostics import not_converged, settled
from mse.estimators.multilevel.effects import contrasts, moments_of
from mse.estimators.multilevel.nuts import part_sizes
from mse.estimators.multilevel.outputs import draw_persons
from mse.estimators.multilevel.partialpooling import MultilevelSpec, design_of, estimate
from mse.estimators.multilevel.priors import Priors
from mse.estimators.shrinkage.shrinkspec import ShrinkageSpec
from mse.kernels.multilevel_cells import cell_means
from mse.kernels.multilevel_density import log_density
from mse.kernels.multilevel_model import positive_values
from mse.tables.captures import CaptureTable
from tests.twins.multilevel import assert_kernel_is_the_pymc_model

CALIBRATION = Path(__file__).parents[1] / "calibration"
YEARS = ("2017", "2018", "2019")


@cache
def small_table():
    """Three years, two forms, three lists, drawn from a model with one dependent pair; one list blind to one form."""
    rng = np.random.default_rng(5)
    size = np.array([[300, 120], [260, 140], [330, 100]])
    counts = np.zeros((3, 2, 7), dtype=int)
    for y in range(3):
        for f in range(2):
            on = rng.random((size[y, f], 3)) < [0.3, 0.2, 0.15]
            on[:, 1] |= on[:, 0] & (rng.random(size[y, f]) < 0.15)
            on[:, 2] &= f == 0
            histories = (on * [1, 2, 4]).sum(axis=1)
            counts[y, f] = np.bincount(histories, minlength=8)[1:]
    table = CaptureTable.from_arrays("ABC", counts, strata={"year": YEARS, "form": ("x", "y")}, name="small")
    return table.blind("C", {"form": "y"})


TOTAL = ("ess_bulk_total", "ess_tail_total")
QUICK = {"draws": 400, "longest": 400, "breaks": {"2018-07": ["A"]}}


@pytest.fixture(autouse=True)
def short_adaptation(request, monkeypatch):
    """Tests that are not slow hold the machinery to account, not the chains."""
    if "slow" not in request.keywords:
        monkeypatch.setattr("mse.estimators.multilevel.nuts.WARMUP", 200)


@cache
def small_posterior():
    return estimate(small_table(), MultilevelSpec(**QUICK), seed=3, compute=Compute(workers=2))


def incomplete_table():
    """The small table with a missing list, missing labels and counts that are bounds."""
    table = small_table()
    strata = {"year": YEARS, "form": ("x", "y", "unknown")}
    counts = np.zeros((3, 3, 7), dtype=int)
    counts[:, :2] = table.counts.reshape(3, 2, 7)
    counts[:, 2, :3] = [[3, 2, 1], [0, 4, 0], [2, 0, 1]]
    counts[0, :, 1:3] = 0
    counts[0, :, 5:7] = 0
    return CaptureTable.from_arrays("ABC", counts, strata=strata, name="incomplete")


def incomplete_design():
    spec = MultilevelSpec(
        breaks={"2018": ["A", "B"]}, missing={"B": {"year": "2017"}}, bounded={"A": {"year": ["2018", "2019"]}},
        blind={"C": {"form": "y"}}, unknown={"form": "unknown"},
    )  # fmt: skip
    return design_of(incomplete_table(), spec)


# ---- the density -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("design", [lambda: design_of(small_table(), MultilevelSpec(**QUICK)), incomplete_design])
def test_kernel_is_the_pymc_model(design):
    """Same density up to one constant, same gradient, with blind, missing, bounded and unlabelled cells."""
    design = design()
    assert_kernel_is_the_pymc_model(design)


def test_the_pymc_model_is_there_to_be_extended():
    """Its parameters are those of the kernel in that order, and what is added counts."""
    import pymc as pm

    table = CaptureTable.from_arrays("ABC", [[20, 30, 8, 25, 6, 9, 3]] * 2, strata={"form": ("x", "y")}, name="two")
    design = design_of(table, MultilevelSpec())
    model = mse.multilevel_model(table)
    assert isinstance(model, pm.Model)
    assert [v.name for v in model.free_RVs] == [block.name for block in design.blocks]
    assert [v.type.shape for v in model.free_RVs] == [block.shape for block in design.blocks]
    with model:
        pm.Potential("known", pm.logp(pm.Normal.dist(12.0, 0.5), model["log_size"].sum()))
    density = model.logp_dlogp_function(ravel_inputs=True, mode="FAST_COMPILE")
    density.set_extra_values({})
    rng = np.random.default_rng(0)
    apart = []
    for x in rng.normal(0, 0.5, (3, design.n_parameters)):
        log_size, means, terms = np.empty((1, 2)), np.empty((1, 2, 8)), np.empty((1, 2, 6))
        cell_means(design.model, x[None], log_size, means, terms)
        known = -0.5 * ((log_size.sum() - 12.0) / 0.5) ** 2
        apart.append(log_density(design.model, x, np.empty_like(x)) + known - density(x)[0])
    np.testing.assert_allclose(apart, apart[0], rtol=0, atol=1e-8)


def test_gradient_is_the_slope_of_the_density():
    design = incomplete_design()
    rng = np.random.default_rng(1)
    x, unused = rng.normal(0, 0.4, design.n_parameters), np.empty(design.n_parameters)
    gradient = np.empty_like(x)
    log_density(design.model, x, gradient)
    for i in range(x.size):
        step = np.zeros_like(x)
        step[i] = 1e-5
        ends = [log_density(design.model, x + sign * step, unused) for sign in (1, -1)]
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(gradient[i], rel=1e-4, abs=1e-4)


def test_density_of_impossible_parameters_is_zero():
    design = design_of(small_table(), MultilevelSpec())
    x = np.zeros(design.n_parameters)
    x[design.model.starts[1]] = 1e6
    assert log_density(design.model, x, np.empty_like(x)) == -np.inf


# ---- the design --------------------------------------------------------------------------------------------


def test_contrasts_are_orthonormal_and_sum_to_zero():
    for levels in (2, 3, 7):
        q = contrasts(levels)
        np.testing.assert_allclose(q.T @ q, np.eye(levels - 1), atol=1e-12)
        np.testing.assert_allclose(q.sum(axis=0), 0, atol=1e-12)


def test_time_is_found_by_its_name_and_years_may_have_gaps():
    assert design_of(small_table(), MultilevelSpec()).time == "year"
    assert design_of(small_table().rename({}), MultilevelSpec(time="form")).time == "form"
    np.testing.assert_allclose(moments_of(["2011", "2012", "2014"]), [2011, 2012, 2014])
    np.testing.assert_allclose(moments_of(["2018-01", "2018-07"]), [2018, 2018.5])


def test_a_break_counts_the_part_of_the_year_behind_it():
    design = design_of(small_table(), MultilevelSpec(breaks={"2018-07-02": ["A"], "2019": ["B", "C"]}))
    assert design.breaks == (("2018-07-02", "A"), ("2019", "B"), ("2019", "C"))
    np.testing.assert_allclose(design.model.breaks[::2, 0], [0, 183 / 365, 1], atol=0.003)
    np.testing.assert_allclose(design.model.breaks[::2, 1], [0, 0, 1])


def test_priors_in_terms_of_persons_and_shares():
    """The documented claim: between a thirtieth and nearly everybody is seen, and no N is favoured."""
    frame = mse.prior_predictive(small_table(), draws=2000, seed=1).set_index("quantity")
    assert frame.loc["share seen", "q2.5"] < 0.08
    assert 0.15 < frame.loc["share seen", "q50"] < 0.5
    assert frame.loc["share seen", "q97.5"] > 0.7
    assert frame.loc["N", "q97.5"] / frame.loc["N", "q2.5"] > 1e4
    assert frame.loc["odds ratio of a pair", "q2.5"] < 0.5 < 5 < frame.loc["odds ratio of a pair", "q97.5"]


# ---- the answer --------------------------------------------------------------------------------------------


def test_posterior_is_near_the_truth_and_coherent(tmp_path):
    posterior = small_posterior()
    low, high = posterior.quantile([0.005, 0.995])
    assert low < 1250 < high
    assert posterior.draws.shape == (400,)
    assert (posterior.strata.draws >= posterior.strata.observed).all()
    np.testing.assert_array_equal(posterior.strata.margin("year").draws.sum(axis=1), posterior.draws)
    change = posterior.strata.change("year", "2017", "2018")
    assert 0 <= change.fell <= 1
    posterior.save(tmp_path / "p.nc")
    again = Posterior.load(tmp_path / "p.nc")
    np.testing.assert_array_equal(again.draws, posterior.draws)
    assert again.diagnostics == posterior.diagnostics


def test_diagnostics_are_all_there():
    d = small_posterior().diagnostics
    assert {
        "rhat_max", "rhat_total", "ess_bulk_min", "ess_tail_min", "ess_bulk_total", "divergences", "divergent_share",
        "ebfmi_min", "ppc_p", "ppc_p_pairs_min", "ppc_p_three", "loo_k_max", "loo_k_bad", "elpd_loo", "p_loo",
        "prior_factor", "compile_seconds", "sampling_seconds", "max_depth_share", "few_lists", "unlabelled",
    } <= set(d)  # fmt: skip
    assert all(np.isfinite(x) for x in d.values())
    assert d["rhat_total"] < 1.2
    assert d["ppc_p_pairs_min"] > 0.01
    assert any("from 2018-07 the odds of being on list A" in str(note) for note in small_posterior().notes)


def test_interrupted_sampling_keeps_its_parts_and_goes_on(tmp_path):
    """Stopped after some chains, the second run draws only the rest; the answer is that of one run of two workers."""
    calls = []

    def stop(what, done, total):
        if what.code == "stage.sampling" and len(list(tmp_path.glob("*.chunk"))) >= 2 and not calls:
            calls.append(done)
            raise KeyboardInterrupt

    spec = MultilevelSpec(**QUICK)
    with pytest.raises(KeyboardInterrupt):
        estimate(small_table(), spec, seed=3, compute=Compute(workers=1, folder=tmp_path, progress=stop))
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.chunk")}
    assert 2 <= len(kept) < 4
    whole = estimate(small_table(), spec, seed=3, compute=Compute(workers=1, folder=tmp_path))
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())
    assert len(list(tmp_path.glob("*.chunk"))) == 4
    np.testing.assert_array_equal(whole.strata.draws, small_posterior().strata.draws)


def test_parts_of_a_chain():
    assert part_sizes(2000) == [1000, 1000]
    assert part_sizes(2001) == [667, 667, 667]
    assert part_sizes(10) == [10]


def test_persons_fill_missing_lists_labels_and_bounds():
    """Every draw holds the persons who are known, and bounded cells hold no more than was counted."""
    design = incomplete_design()
    x = np.random.default_rng(2).normal(0, 0.3, (50, design.n_parameters))
    persons = draw_persons(design, x, np.random.default_rng(3))
    known = design.cells.certain.sum() + design.cells.unlabelled
    assert (persons.N.sum(axis=1) >= known).all()
    assert (persons.members <= design.cells.upper.sum()).all()
    inside = persons.observed.sum(axis=(1, 2))
    np.testing.assert_allclose(inside, design.cells.table.observed - design.cells.upper.sum() + persons.members)


def test_sampling_stops_when_the_total_is_known_well_enough_to_print_its_interval():
    enough = dict.fromkeys(("ess_bulk_min", "ess_tail_min"), 400) | dict.fromkeys(TOTAL, 1000) | {"rhat_max": 1.01}
    assert settled(enough)
    assert not any(settled({**enough, name: 999}) for name in ("rhat_max", *TOTAL))


def test_chains_that_do_not_agree_are_said():
    good = {"rhat_max": 1.0, "ess_bulk_min": 500.0, "ess_tail_min": 500.0, "divergent_share": 0.0, "divergences": 0.0,
            "ebfmi_min": 0.9}  # fmt: skip
    assert not_converged(good) == []
    for name, value, words in (
        ("rhat_max", 1.2, "do not agree"), ("ess_bulk_min", 20.0, "effective draws"),
        ("divergent_share", 0.1, "diverged"), ("ebfmi_min", 0.1, "energy"),
    ):  # fmt: skip
        assert words in " ".join(map(str, not_converged({**good, name: value})))


# ---- bad input ---------------------------------------------------------------------------------------------


def tiny(counts, **more):
    return CaptureTable.from_arrays("ABC", counts, name="tiny", **more)


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(lambda: tiny([20, 15, 6, 12, 4, 3, 1]), id="one stratum"),
        pytest.param(lambda: small_table().part({"year": ["2018"]}), id="one year"),
        pytest.param(
            lambda: tiny([[20, 15, 6, 12, 4, 3, 1], [0] * 7, [9, 8, 3, 5, 1, 1, 0]], strata={"year": YEARS}),
            id="a stratum with nobody",
        ),
        pytest.param(
            lambda: tiny([[20, 15, 6, 12, 4, 3, 1], [20, 15, 0, 12, 0, 0, 0]], strata={"form": ("x", "y")}),
            id="no overlap in a stratum",
        ),
        pytest.param(
            lambda: tiny([[20, 15, 6, 12, 4, 3, 1], [0] * 7], strata={"form": ("x", "y")}, absent=[[0] * 3, [1] * 3]),
            id="no list works in a stratum",
        ),
    ],
)
def test_thin_tables_have_an_answer(table):
    table = table()
    posterior = estimate(table, MultilevelSpec(draws=40, longest=40), seed=1, compute=Compute(workers=2))
    assert posterior.strata.n_strata == table.n_strata
    assert np.isfinite(posterior.point)
    assert posterior.point >= table.observed
    if posterior.diagnostics["rhat_max"] > 1.05:
        assert any("DID NOT CONVERGE" in str(note) for note in posterior.notes)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"time": "month"}, "no dimension month"),
        ({"breaks": {"2018-05": ["Q"]}}, "a list Q that there is not"),
        ({"breaks": {"2030-05": ["A"]}}, "outside the period"),
        ({"breaks": {"next May": ["A"]}}, "no place in time"),
        ({"breaks": {"2018-05": "A"}}, "option breaks has a wrong type"),
        ({"draws": 10}, "too few draws"),
        ({"accept": 1.5}, "`accept` is out of range"),
        ({"engine": "stan"}, "the engine is unknown"),
        ({"dependence": 0.0}, "`dependence` is out of range"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ModelError, match=words):
        design_of(small_table(), MultilevelSpec(**options))


def test_lists_blind_everywhere_and_no_overlap_are_refused():
    with pytest.raises(InputError, match="declared blind"):
        design_of(small_table(), MultilevelSpec(blind={"A": {}}))
    with pytest.raises(InputError, match="never overlap"):
        tiny([20, 15, 0, 12, 0, 0, 0])


def test_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setattr("mse.estimators.multilevel.targets.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"mse-engine\[bayes\]"):
        estimate(small_table(), MultilevelSpec(), seed=1)


# ---- over repeated registers -------------------------------------------------------------------------------


def test_the_visibility_has_the_law_of_shrinkage():
    """One scale, one home: uniform up to half a step beyond the values of the grid."""
    grid = ShrinkageSpec().visibility
    steps = np.diff(grid)
    assert np.ptp(steps) < 1e-12 and Priors().visibility == pytest.approx(grid[-1] + steps[0] / 2)
    design = design_of(small_table(), MultilevelSpec())
    n, x = design.model.n_scales, np.zeros(design.n_parameters)
    drawn = []
    for u in np.random.default_rng(1).standard_normal(4000):
        x[n] = u
        drawn.append(positive_values(design.model, x)[n])
    assert kstest(drawn, "uniform", (0.0, Priors().visibility)).pvalue > 1e-3


def test_stored_coverage_says_what_the_prior_did():
    """Where persons differ much: no larger error than before, by more than so few repeats are off by chance."""
    record = json.loads((CALIBRATION / "multilevel-switched.json").read_text())
    now, before = record["summary"], record["before"]["summary"]
    chance = 2.0 * before["log_error_total_rms"] / np.sqrt(2.0 * record["repeats"])
    assert record["repeats"] >= 3 and now["rhat_largest"] < 1.02
    assert now["log_error_total_rms"] < before["log_error_total_rms"] + chance


def test_stored_coverage_is_nominal():
    """Yearly totals and strata of repeated simulated registers are in their intervals as often as these claim."""
    record = json.loads((CALIBRATION / "multilevel.json").read_text())
    n = record["repeats"]
    for prob in (0.5, 0.8, 0.95):
        # years of one register go together: the binomial error is that of its repeats
        error = np.sqrt(prob * (1 - prob) / n)
        for what in ("years", "strata"):
            assert abs(record["summary"][what][f"{prob:.2f}"] - prob) < 3 * error


def test_stored_ranks_are_uniform():
    """Simulation-based calibration of the sampler: complete tables, and tables where much is hidden."""
    record = json.loads((CALIBRATION / "multilevel-ranks.json").read_text())
    assert len(record) == 2
    for case in record.values():
        judged = [x for x in case.values() if isinstance(x, dict)]
        assert len(judged) == 4
        assert all(x["tables"] >= 160 and x["band_p"] > 0.05 / 8 for x in judged)


def test_stored_national_run_meets_its_numbers():
    record = json.loads((CALIBRATION / "multilevel-national.json").read_text())
    assert record["diagnostics"]["rhat_max"] <= 1.01
    assert record["cpu_seconds"] / 2 <= 600
    assert record["rmse_log_N_multilevel"] <= 0.7 * record["rmse_log_N_separate"]
    assert sum(y["low"] <= y["truth"] <= y["high"] for y in record["years"]) >= 8


@pytest.mark.slow
def test_repeats_give_the_stored_ranks():
    from tests.calibration.multilevel import one_repeat

    record = json.loads((CALIBRATION / "multilevel.json").read_text())
    again = one_repeat(record["each"][0]["seed"])
    np.testing.assert_allclose(again["years"], record["each"][0]["years"], atol=0.1)


@pytest.mark.slow
def test_pymc_engine_gives_the_same_law():
    """The model compiled by PyMC and the kernel have the same posterior, within Monte Carlo error."""
    kernel = estimate(small_table(), MultilevelSpec(draws=4000), seed=1)
    pymc = estimate(small_table(), MultilevelSpec(draws=4000, engine="pymc"), seed=2)
    q = [0.1, 0.5, 0.9]
    np.testing.assert_allclose(np.log(pymc.quantile(q)), np.log(kernel.quantile(q)), atol=0.05)
