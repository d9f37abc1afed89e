"""Measures in the multilevel model: a level and a slope of N beside the breaks, and what cannot be told from them."""

import numpy as np
import pytest

from mse.errors import ModelError
from mse.estimators.multilevel.outputs import moments
from mse.estimators.multilevel.partialpooling import MultilevelSpec, design_of, estimate
from mse.estimators.multilevel.priors import Priors
from mse.estimators.multilevel.sizemeasures import measure_columns, measure_notes, told
from mse.kernels.multilevel_cells import cell_means
from mse.kernels.multilevel_model import BREAKS, SIZE, parameters_of
from mse.tables.captures import CaptureTable
from mse.words.catalogues import catalogue
from tests.estimators.test_multilevel import small_table
from tests.twins.multilevel import assert_kernel_is_the_pymc_model


def of(measures, **breaks):
    return design_of(small_table(), MultilevelSpec(measures=measures, **breaks))


def test_a_year_around_the_date_counts_by_the_part_behind_it():
    cells = of([]).cells
    level, slope = (x.reshape(3, 2)[:, 0] for x in measure_columns(cells, "year", "2018-07"))
    part = 1 - 181 / 365
    np.testing.assert_allclose(level, [0, part, 1])
    np.testing.assert_allclose(slope, [0, part**2 / 2, part + 0.5])
    level, slope = (x.reshape(3, 2)[:, 1] for x in measure_columns(cells, "year", "2018"))
    np.testing.assert_allclose([*level, *slope], [0, 1, 1, 0, 0.5, 1.5])


def test_the_kernel_with_measures_is_the_pymc_model():
    design = of(["2018-07"], breaks={"2018-07": ["A"]})
    assert_kernel_is_the_pymc_model(design)


def test_coordinates_of_a_measure_move_log_sizes_and_nothing_else():
    plain, design = of([]), of(["2018-07", "2019"])
    assert of(()).n_parameters == plain.n_parameters == design.n_parameters - 4
    first = int(design.model.starts[SIZE]) + plain.model.size_scale.size
    rng = np.random.default_rng(1)
    x = rng.normal(0, 0.5, plain.n_parameters)
    z = np.array([0.7, -1.2, 0.4, 2.0])
    longer = np.insert(x, first, z)
    made = []
    for model, at in ((plain.model, x), (design.model, longer)):
        log_size, means, terms = np.empty((1, 6)), np.empty((1, 6, 8)), np.empty((1, 6, 6))
        cell_means(model, parameters_of(model, at)[None], log_size, means, terms)
        made.append((log_size[0], terms[0]))
    columns = [x for when in ("2018-07", "2019") for x in measure_columns(plain.cells, "year", when)]
    spread = np.array([Priors().measure_level, Priors().measure_slope] * 2)
    np.testing.assert_allclose(made[1][0] - made[0][0], np.column_stack(columns) @ (spread * z), atol=1e-12)
    np.testing.assert_allclose(made[1][1], made[0][1])


def test_what_cannot_be_told_apart_is_said_by_correlation_and_width():
    design = of(["2018-07"], breaks={"2018-07": ["A", "B", "C"]})
    model = design.model
    rng = np.random.default_rng(2)
    x = rng.normal(size=(4000, design.n_parameters))
    first, at = int(model.starts[SIZE]) + model.size_scale.size - 2, int(model.starts[BREAKS])
    x[:, at : at + 3] = -0.9 * x[:, [first]] + 0.3 * x[:, at : at + 3]
    (found,) = told(design, ["2018-07"], x)
    assert found.together < -0.95 and found.known < 0.3
    np.testing.assert_allclose(found.level, Priors().measure_level * x[:, first])
    log_size = np.zeros((4000, 6)) + np.where(moments(design.cells, "year") == 2, -1.0, 0.0)
    notes = measure_notes(design, ["2018-07"], x, log_size)
    assert [x.code for x in notes] == ["note.measure", "note.measure_slope", "note.measure_all"]
    english, dutch = ([catalogue(language).said(x) for x in notes] for language in ("en", "nl"))
    assert "does not tell a change in how all of them register" in english[2] and "hun overlap wel" in dutch[2]
    some = of(["2018-07"], breaks={"2018-07": ["A"]})
    assert measure_notes(some, ["2018-07"], x[:, : some.n_parameters], log_size)[2].code == "note.measure_apart"
    none = of(["2018-07"])
    assert measure_notes(none, ["2018-07"], x[:, : none.n_parameters], log_size)[2].code == "note.measure_alone"


def test_other_spans_of_years_are_held_against_that_of_the_date():
    years = tuple(str(y) for y in range(2014, 2022))
    table = CaptureTable.from_arrays("ABC", [[20, 30, 8, 25, 6, 9, 3]] * 8, strata={"year": years})
    design = design_of(table, MultilevelSpec(measures=["2018-07"]))
    log_size = np.tile(np.array([0.0, 0.1, 0.0, 0.1, 0.2, -0.6, -0.5, -0.6]), (50, 1))
    x = np.random.default_rng(3).normal(size=(50, design.n_parameters))
    note = measure_notes(design, ["2018-07"], x, log_size)[-1]
    assert note.code == "note.measure_elsewhere" and dict(note.values)["as_large"] == 0
    assert dict(note.values)["count"] == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"measures": ["2030-05"]}, "outside the period"),
        ({"measures": ["next May"]}, "no place in time"),
        ({"measures": ["2018", "2018"]}, "measures"),
        ({"measures": "2018"}, "option measures has a wrong type"),
    ],
)
def test_bad_measures(options, words):
    with pytest.raises(ModelError, match=words):
        design_of(small_table(), MultilevelSpec(**options))


def test_an_answer_says_what_became_of_n(monkeypatch):
    monkeypatch.setattr("mse.estimators.multilevel.nuts.WARMUP", 200)
    spec = MultilevelSpec(draws=400, longest=400, breaks={"2018-07": ["A"]}, measures=["2018-07"])
    found = estimate(small_table(), spec, seed=3)
    codes = [note.code for note in found.notes]
    assert {"note.measure", "note.measure_slope", "note.measure_apart", "note.break"} <= set(codes)
    values = dict(next(x for x in found.notes if x.code == "note.measure").values)
    assert 0 < values["low"] < values["middle"] < values["high"] < 10 and 0 <= values["fell"] <= 1
