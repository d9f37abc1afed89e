"""The estimator with covariates: golden paths, invariants, what is declared of lists, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

import mse
from mse.answers.posterior import Posterior
from mse.computing.parallel import Compute
from mse.errors import InputError, ModelError
from mse.estimators.single.bestmodel import fit_model
from mse.estimators.stratified.declared import declare
from mse.estimators.stratified.formulas import formula_of, parse_formula
from mse.estimators.stratified.opencells import build_cells
from mse.estimators.stratified.stratasearch import search
from mse.estimators.stratified.stratumfit import fit_strata
from mse.estimators.stratified.withcovariates import CovariatesSpec, estimate
from mse.tables.captures import CaptureTable
from mse.terms import Model

GOLDEN = Path(__file__).parents[1] / "golden"
PATHS = json.loads((GOLDEN / "cruyff_mse" / "mse.json").read_text())


def fitted(table, formula, **options):
    cells = build_cells(table, **options)
    return fit_strata(cells, parse_formula(formula, cells.names, cells.sizes))


def drawn(seed=5, n=6000, dims=None, effects=0.5):
    """A table of four lists by sex and year with known means, unseen left out."""
    rng = np.random.default_rng(seed)
    dims = dims or {"sex": ("f", "m"), "year": ("2018", "2019", "2020")}
    s = int(np.prod([len(x) for x in dims.values()]))
    shape = rng.dirichlet(np.full(s, 8.0))
    on = (np.arange(16)[:, None] >> np.arange(4)) & 1
    logit = np.array([-1.2, -1.5, -1.0, -1.8])
    counts = np.empty((s, 15), dtype=int)
    for row in range(s):
        chance = 1 / (1 + np.exp(-logit - effects * rng.normal(size=4)))
        mass = np.prod(np.where(on, chance, 1 - chance), axis=1)
        counts[row] = rng.multinomial(int(n * shape[row]), mass)[1:]
    return CaptureTable.from_arrays("ABCD", counts, strata=dims, name="drawn")


# ---- golden -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", PATHS, ids=[r["dataset"] for r in PATHS])
def test_the_whole_path_of_cruyffs_search(record):
    """Every model of the walk: change, df, deviance, AIC, BIC, N, to the decimal that is printed there.

    The records show three things that are documented nowhere else: BIC's sample size is the number of persons (its
    distance to AIC is p·(ln n − 2) with n = 2,744, 185 and 4,400); the walk is by AIC, additions and removals; and
    after AIC's minimum it goes on adding terms that lower the deviance by more than 1 (uk-2013-5 ends with + NG:PFNCA
    at 0.95 *above* the minimum). AIC and BIC are printed as distances to the smallest on the path. AICc is not offered.
    """
    found = search(build_cells(mse.load_table(record["dataset"])), walk="long")
    assert [step.change for step in found.path] == [m["Step"] for m in record["models"]]
    for step, there in zip(found.path, record["models"], strict=True):
        fit = step.fit
        model = parse_formula(there["formula"].replace("Freq", "count"), tuple(record_lists(record)), (2,) * 5)
        assert fit.model == model
        assert fit.df == there["Resid..Df"]
        assert fit.deviance == pytest.approx(there["Resid..Dev"], abs=0.051)
        assert fit.aic - record["minima"][0] == pytest.approx(there["AIC"], abs=0.11)
        assert fit.bic - record["minima"][2] == pytest.approx(there["BIC"], abs=0.11)
        assert fit.total == pytest.approx(there["Nhat"], abs=0.051)
    lowest = min(record["models"], key=lambda m: m["BIC"])
    assert found.best.total == pytest.approx(lowest["Nhat"], abs=0.051)


def record_lists(record):
    return mse.load_table(record["dataset"]).lists


def test_without_strata_it_is_the_log_linear_fit():
    table = mse.load_table("uk-2013-5")
    old, new = fit_model(table, "[12,25,35,13,45]"), fitted(table, "~ LA*NG + NG*GP + PFNCA*GP + LA*PFNCA + GO*GP")
    assert new.total == pytest.approx(old.N, rel=1e-9)
    assert new.se == pytest.approx(old.se, rel=1e-7)
    assert (new.aic, new.bic, new.bic_cells) == pytest.approx((old.aic, old.bic, old.bic_cells))
    assert (new.deviance, new.df) == pytest.approx((old.deviance, old.df))


def test_sparse_tables_are_fitted_on_what_is_left():
    """Terms at minus infinity count as parameters and their cells are left out, as in the log-linear estimator."""
    table = mse.load_table("new-orleans-5-n185")
    for notation in ("[12,13,14,15,23,24,25,34,35,45]", "[14,25,3]"):
        old = fit_model(table, notation)
        new = fitted(table, " + ".join(Model.parse(notation, table.lists).named(table.lists).split(" + ")))
        if np.isnan(old.N):
            assert new.status[0] in ("no MLE", "not identifiable")
        else:
            assert new.total == pytest.approx(old.N, rel=1e-8)
            assert new.parameters == old.parameters


# ---- invariants -------------------------------------------------------------------------------------------


def test_a_covariate_that_no_term_joins_to_a_list_changes_nothing():
    table = drawn()
    whole = fit_model(table.collapse(), "[12,3,4]")
    assert fitted(table, "~ A*B").total == pytest.approx(whole.N, rel=1e-9)


def test_all_interactions_with_a_covariate_are_fits_apart():
    table = drawn()
    joint = fitted(table, "~ (A + B + C + D)*sex*year + A*B*sex*year")
    apart = [
        fit_model(table.part({"sex": sex, "year": year}), "[12,3,4]").N
        for sex in ("f", "m") for year in ("2018", "2019", "2020")
    ]  # fmt: skip
    np.testing.assert_allclose(joint.N, apart, rtol=1e-7)
    # strata that share nothing are independent
    np.testing.assert_allclose(joint.covariance - np.diag(np.diag(joint.covariance)), 0.0, atol=1e-4)


def test_relabelling_lists_and_levels_leaves_every_n_alone():
    table = drawn()
    one = fitted(table, "~ (A + B + C + D + sex + year)^2 - C:D")
    turned = table.part({"sex": ["m", "f"], "year": ["2020", "2018", "2019"]}).select("D", "B", "A", "C")
    two = fitted(turned, "~ (A + B + C + D + sex + year)^2 - C:D")
    np.testing.assert_allclose(one.N.reshape(2, 3), two.N.reshape(2, 3)[::-1][:, [1, 2, 0]], rtol=1e-7)
    assert one.se == pytest.approx(two.se)


def test_doubling_counts_doubles_n():
    table = drawn()
    double = CaptureTable.from_arrays(table.lists, 2 * table.counts, strata=table.strata)
    np.testing.assert_allclose(fitted(double, "~ A*sex + B*C").N, 2 * fitted(table, "~ A*sex + B*C").N, rtol=1e-8)


def test_delta_method_against_numerical_resampling_of_the_coefficients():
    """The spread of N over draws of the coefficients from their normal law, small enough to be linear."""
    cells = build_cells(drawn(n=200_000))
    fit = fit_strata(cells, parse_formula("~ A*sex + B*C", cells.names, cells.sizes))
    lower = np.tril(fit.solution.fit.factor)
    rng = np.random.default_rng(0)
    betas = fit.solution.fit.beta + np.linalg.solve(lower.T, rng.normal(size=(lower.shape[0], 4000))).T
    rows = np.flatnonzero(cells.hidden)
    design = (fit.plan.entries[rows][:, :, None] == np.arange(lower.shape[0])).any(axis=1)
    unseen = np.exp(betas @ design.T)
    np.testing.assert_allclose(
        np.cov(unseen.T) + np.diag(fit.unseen), fit.covariance, rtol=0.12, atol=0.05 * np.abs(fit.covariance).max()
    )


# ---- declared of lists: blind, missing, bounded, labels ------------------------------------------------------


def test_blind_and_missing_give_different_n_and_both_are_explained():
    table = drawn()
    counts = table.counts.copy()
    on_d = table.membership()[:, 3]
    row = table.strata["year"].index("2019") + 3  # men in 2019
    for h in np.flatnonzero(on_d):  # who was on D there is known only up to the other lists
        if (h + 1) & ~8:
            counts[row, ((h + 1) & ~8) - 1] += counts[row, h]
        counts[row, h] = 0
    table = CaptureTable.from_arrays(table.lists, counts, strata=table.strata, name="drawn")
    where = {"sex": "m", "year": "2019"}
    options = {"formula": "~ (A + B + C)*sex + C*D", "interval": "lognormal"}
    none = estimate(table, CovariatesSpec(**options), seed=1)
    blind = estimate(table, CovariatesSpec(**options, blind={"D": where}), seed=1)
    missing = estimate(table, CovariatesSpec(**options, missing={"D": where}), seed=1)
    assert len({round(p.point) for p in (none, blind, missing)}) == 3
    assert any("structural zeros" in str(note) and "D is blind to m, 2019" in str(note) for note in blind.notes)
    assert any(
        "estimated under the model" in str(note) and "D is missing in m, 2019" in str(note) for note in missing.notes
    )
    for note in map(str, (*blind.notes, *missing.notes)):
        assert "is missing in" not in note or "gives another N" in note


def test_a_missing_list_that_depends_on_nothing_takes_no_information_from_the_others():
    """With D independent of all, the other lists' strata are fitted as without D; D's part scales by its chance."""
    table = drawn(effects=0.0)
    part = {"year": "2020"}
    collapsed = declare(_forget(table, 3, 2), {}, {"D": part})
    fit = fitted(collapsed, "~ (A + B + C)*year")
    alone = fit_model(table.select("A", "B", "C").part(part).collapse(), "[1,2,3]")
    cells = build_cells(collapsed)
    at = [i for i, name in enumerate(cells.stratum_names()) if name.endswith("2020")]
    assert fit.N[at].sum() == pytest.approx(alone.N, rel=1e-6)


def _forget(table, j, year):
    """Return the table in which nobody is known to be on list j in the year; persons on j alone vanish."""
    counts = table.counts.reshape(2, 3, -1).copy()
    for h in range(1, 16):
        if h >> j & 1:
            if h & ~(1 << j):
                counts[:, year, (h & ~(1 << j)) - 1] += counts[:, year, h - 1]
            counts[:, year, h - 1] = 0
    return CaptureTable.from_arrays(table.lists, counts, strata=table.strata, name=table.name)


def test_missing_labels_keep_every_person_and_agree_with_scaling_when_nothing_depends_on_them():
    """A third of all labels is lost at random: the sizes of the strata come back, and all persons are in the total."""
    dims = {"sex": ("f", "m"), "region": ("n", "s")}
    table = drawn(dims=dims, n=40_000)
    rng = np.random.default_rng(2)
    lost = rng.binomial(table.counts, 1 / 3).reshape(2, 2, -1)
    counts = np.concatenate([table.counts.reshape(2, 2, -1) - lost, lost.sum(axis=0, keepdims=True)])
    wide = CaptureTable.from_arrays(
        "ABCD", counts.reshape(6, -1), strata={"sex": ("f", "m", "unknown"), "region": ("n", "s")}
    )
    formula = "~ (A + B + C + D)*sex*region"
    full, part = fitted(table, formula), fitted(wide, formula, unknown={"sex": "unknown"})
    np.testing.assert_allclose(part.N, full.N, rtol=0.04)
    assert part.total == pytest.approx(full.total, rel=0.03)
    assert part.se > full.se * 0.99
    cells = build_cells(wide, unknown={"sex": "unknown"})
    assert cells.unlabelled == lost.sum()
    assert cells.certain.sum() + cells.unlabelled == table.observed


def test_no_missing_labels_is_the_plain_fit():
    table = drawn()
    wide = CaptureTable.from_arrays(
        "ABCD",
        np.concatenate([table.counts.reshape(2, 3, -1), np.zeros((1, 3, 15), dtype=int)]).reshape(9, -1),
        strata={"sex": ("f", "m", "?"), "year": table.strata["year"]},
    )
    np.testing.assert_allclose(
        fitted(wide, "~ A*sex + B*C", unknown={"sex": "?"}).N, fitted(table, "~ A*sex + B*C").N, rtol=1e-9
    )


def test_a_bound_that_is_never_near_is_a_cell_that_was_left_out():
    """A bound far above the mean carries no information: the fit is that with the cell unobserved."""
    table = drawn(n=800)
    counts = table.counts.copy()
    counts[:, 7] += 100_000
    loose = fitted(CaptureTable.from_arrays("ABCD", counts, strata=table.strata), "~ A*B", bounded={"D": {}})
    cells = build_cells(table, bounded={"D": {}})
    hidden = cells.seen._replace(open=np.where(cells.history == 8, 0.0, cells.seen.open), bounds=-np.ones(96))
    from dataclasses import replace

    left_out = fit_strata(replace(cells, seen=hidden), parse_formula("~ A*B", cells.names, cells.sizes))
    np.testing.assert_allclose(loose.N, left_out.N, rtol=1e-6)


# ---- intervals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interval", ["bootstrap", "lognormal"])
def test_parts_add_up_in_every_draw_and_survive_a_file(tmp_path, interval):
    spec = CovariatesSpec(formula="~ A*sex + B*C", interval=interval, replicates=60, draws=400)
    posterior = estimate(drawn(), spec, seed=3)
    assert posterior.strata is not None
    np.testing.assert_array_equal(posterior.strata.draws.sum(axis=1), posterior.draws)
    assert posterior.point_kind.code == "kind.covariates_named"
    posterior.save(tmp_path / "posterior.nc")
    again = Posterior.load(tmp_path / "posterior.nc")
    assert again.strata is not None
    assert again.strata.dimensions == posterior.strata.dimensions
    np.testing.assert_array_equal(again.strata.covariance, posterior.strata.covariance)
    again.save(tmp_path / "again.nc")
    assert (tmp_path / "again.nc").read_bytes() == (tmp_path / "posterior.nc").read_bytes()
    for dims in (("sex",), ("year",), ("sex", "year"), ()):
        rows = posterior.strata.margin(*dims) if dims else posterior.strata.margin()
        assert rows.point.sum() == pytest.approx(posterior.point)
        frame = posterior.strata.to_pandas(*dims, prob=0.95)
        assert (frame.low <= frame.point).all() and (frame.point <= frame.high).all()
        assert (frame.delta_low <= frame.point).all() and (frame.point <= frame.delta_high).all()


def test_bootstrap_and_delta_method_agree_where_counts_are_large():
    table = drawn(n=60_000)
    boot = estimate(table, CovariatesSpec(formula="~ A*sex + B*C", replicates=200), seed=4).strata
    assert boot is not None
    np.testing.assert_allclose(boot.draws.mean(axis=0), boot.point, rtol=0.01)
    # a population of fixed size is drawn: the total varies as the delta method says less the spread of N itself
    spread = boot.draws.sum(axis=1).std()
    assert spread == pytest.approx(np.sqrt(boot.covariance.sum()), rel=0.2)


def test_the_seed_decides_and_not_the_workers():
    spec = CovariatesSpec(formula="~ A*sex", replicates=40)
    one = estimate(drawn(), spec, seed=9, compute=Compute(workers=1))
    two = estimate(drawn(), spec, seed=9, compute=Compute(workers=2))
    other = estimate(drawn(), spec, seed=10, compute=Compute(workers=1))
    np.testing.assert_array_equal(one.draws, two.draws)
    assert not np.array_equal(one.draws, other.draws)


# ---- what is refused or flagged -----------------------------------------------------------------------------


def test_every_wrong_term_of_a_formula_is_named_at_once():
    table = CaptureTable.from_arrays(
        "ABC", np.arange(1, 15).reshape(2, 7), strata={"sex": ("f", "m"), "year": ("2019",)}
    )
    with pytest.raises(ModelError) as caught:
        estimate(table, CovariatesSpec(formula="deaths ~ A:sx + year + log(B) - 1"), seed=0)
    said = str(caught.value)
    assert len(caught.value.problems) == 5
    for words in ("'sx'", "did you mean sex", "year has one level", "log(B)", "no intercept", "deaths"):
        assert words in said


@pytest.mark.parametrize("text", ["~ A +", "~ (A", "~ A + 3", "~ ."])
def test_what_is_no_formula_is_refused(text):
    with pytest.raises(ModelError, match="no formula"):
        parse_formula(text, ("A", "B"), (2, 2))


def test_formulas_go_there_and_back():
    names = ("A", "B list", "year")
    model = parse_formula("~ (A + `B list`)^2 + A:year", names, (2, 2, 3))
    assert formula_of(model, names) == "A + `B list` + year + A:`B list` + A:year"
    assert parse_formula(formula_of(model, names), names, (2, 2, 3)) == model


def test_a_blind_list_with_people_on_it_is_refused_naming_all_of_them():
    for option, word in (("blind", "blind"), ("missing", "missing")):
        with pytest.raises(InputError) as caught:
            estimate(
                drawn(), CovariatesSpec(**{option: {"D": {"sex": "m"}, "C": [{"sex": "f", "year": "2018"}]}}), seed=0
            )
        assert len(caught.value.problems) == 4
        assert f"list D is declared {word} in m, 2019, and" in str(caught.value)
        assert f"list C is declared {word} in f, 2018, and" in str(caught.value)


def test_a_stratum_with_one_list_is_flagged_or_refused():
    table = drawn()
    counts = table.counts.copy()
    counts[5, 1:] = 0
    table = CaptureTable.from_arrays("ABCD", counts, strata=table.strata)
    where = {"sex": "m", "year": "2020"}
    blind = {name: where for name in "BCD"}
    spec = CovariatesSpec(formula="~ A*B", interval="lognormal", blind=blind)
    posterior = estimate(table, spec, seed=0)
    assert posterior.strata is not None
    assert str(posterior.strata.flags[5][0]).startswith("one list only")
    assert not any(posterior.strata.flags[:5])
    assert posterior.diagnostics["few_lists"] == 1
    assert any("fewer than three lists operate in m, 2020" in str(note) for note in posterior.notes)
    with pytest.raises(ModelError, match=r"not identifiable in m, 2020"):
        estimate(table, CovariatesSpec(formula="~ A*sex*year", interval="lognormal", blind=blind), seed=0)


def test_a_level_on_one_list_only_is_said_and_its_interactions_are_refused():
    table = drawn()
    counts = table.counts.copy().reshape(2, 3, -1)
    counts[:, 1, :] = 0
    counts[:, 1, 0] = 25  # 2019: on A and nothing else
    table = CaptureTable.from_arrays("ABCD", counts.reshape(6, -1), strata=table.strata)
    posterior = estimate(table, CovariatesSpec(formula="~ A*B", interval="lognormal"), seed=0)
    assert any("year = 2019 appears on one list only (A)" in str(note) for note in posterior.notes)
    with pytest.raises(ModelError, match="2019"):
        estimate(table, CovariatesSpec(formula="~ (A + B + C + D)*year", interval="lognormal"), seed=0)


def test_a_level_that_nobody_has_is_empty_and_said():
    table = drawn()
    counts = table.counts.copy().reshape(2, 3, -1)
    counts[:, 2, :] = 0
    table = CaptureTable.from_arrays("ABCD", counts.reshape(6, -1), strata=table.strata)
    posterior = estimate(table, CovariatesSpec(formula="~ A*year", interval="lognormal"), seed=0)
    assert posterior.strata is not None
    assert posterior.strata.margin("year").point[2] == 0
    assert any("nobody was observed" in str(note) for note in posterior.notes)


def test_wrong_options_are_named_at_once():
    with pytest.raises(ModelError) as caught:
        CovariatesSpec(criterion="dic", walk="far", interval="exact", replicates=3, max_order=0)
    assert len(caught.value.problems) == 5
    with pytest.raises(ModelError, match="option blind has a wrong type"):
        CovariatesSpec(blind="D")
    with pytest.raises(ModelError) as caught:
        CovariatesSpec(blind={"D": "m"}, missing={"D": "2019"})
    assert len(caught.value.problems) == 2
    assert "blind = { D = {" in str(caught.value)
    with pytest.raises(ModelError, match="no level x"):
        estimate(drawn(), CovariatesSpec(unknown={"sex": "x"}), seed=0)
    with pytest.raises(ModelError, match="no list E"):
        estimate(drawn(), CovariatesSpec(bounded={"E": {}}), seed=0)
    with pytest.raises(ModelError, match="no covariate place"):
        estimate(drawn(), CovariatesSpec(bounded={"D": {"place": "n"}}), seed=0)
