"""Areas with neighbours: the law against its plain twin and worked maps, the density against PyMC, what is refused."""

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

from mse.cli import main
from mse.computing.parallel import Compute
from mse.errors import InputError, ModelError
from mse.estimators.multilevel.areas import scaling_factor, smooth_axes
from mse.estimators.multilevel.outputs import draw_persons
from mse.estimators.multilevel.partialpooling import MultilevelSpec, design_of, estimate
from mse.jobs.job import read_job
from mse.kernels.multilevel_density import log_density
from mse.kernels.multilevel_model import (
    AREA,
    SIZE_MEAN,
    area_effects,
    area_spreads,
    parameters_of,
    positive_values,
)
from mse.tables.areapairs import read_neighbours
from mse.tables.captures import CaptureTable
from tests.examples.areas import country
from tests.twins.areas import effects_log_density, smooth_covariance
from tests.twins.multilevel import assert_kernel_is_the_pymc_model

STORED = Path(__file__).parents[1] / "calibration" / "multilevel-areas.json"
AREAS = ("a", "b", "c", "d", "e", "f")
PAIRS = (("a", "b"), ("b", "c"), ("a", "c"), ("d", "e"))
MAP = np.array([[0, 1], [1, 2], [0, 2], [3, 4]])


@cache
def six_areas():
    """Three years, six areas, three lists: a triangle, a pair and an island."""
    counts = np.random.default_rng(1).integers(0, 30, (3, 6, 7))
    strata = {"year": ("2018", "2019", "2020"), "area": AREAS}
    return CaptureTable.from_arrays("ABC", counts, strata=strata, name="six areas")


def spec(**more):
    return MultilevelSpec(**{"areas": "area", "neighbours": PAIRS, "islands": ("f",), **more})


# ---- the law -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "pairs", "variances"),
    [
        pytest.param(2, [[0, 1]], [1 / 4, 1 / 4], id="two areas"),
        pytest.param(3, [[0, 1], [1, 2]], [5 / 9, 2 / 9, 5 / 9], id="a chain"),
        pytest.param(4, [[0, 1], [0, 2], [0, 3]], [3 / 16, 11 / 16, 11 / 16, 11 / 16], id="a star"),
        pytest.param(7, [[i, (i + 1) % 7] for i in range(7)], [48 / 84] * 7, id="a ring: (n² − 1) / 12 n"),
        pytest.param(
            5, [[i, j] for j in range(5) for i in range(j)], [4 / 25] * 5, id="all border on all: (n − 1) / n²"
        ),
    ],
)
def test_scaling_of_maps_worked_by_hand(count, pairs, variances):
    """Variances of the intrinsic autoregression whose effects sum to nought, and their geometric mean."""
    basis, scaled = smooth_axes(count, np.array(pairs))
    factor = scaling_factor(np.array(variances))
    np.testing.assert_allclose(np.diag(basis.T @ np.diag(scaled) @ basis) * factor, variances, atol=1e-12)
    assert factor == pytest.approx(np.prod(variances) ** (1 / count))


def test_every_component_is_scaled_apart_and_sums_to_nought():
    basis, variances = smooth_axes(6, MAP)
    np.testing.assert_allclose(basis @ basis.T, np.eye(6), atol=1e-12)
    smooth = basis[:5].T @ np.diag(variances[:5]) @ basis[:5]
    np.testing.assert_allclose(smooth, smooth_covariance(6, MAP), atol=1e-12)
    for members in ([0, 1, 2], [3, 4]):
        np.testing.assert_allclose(smooth[members].sum(axis=0), 0.0, atol=1e-12)
        assert scaling_factor(np.diag(smooth)[members]) == pytest.approx(1.0)
    # the island has the whole variance, none of it in common
    np.testing.assert_allclose(basis[5], [0, 0, 0, 0, 0, 1])
    assert variances[5] == 1.0


def test_effects_have_the_density_of_the_plain_twin():
    model = design_of(six_areas(), spec()).model
    rng = np.random.default_rng(2)
    at = model.starts[AREA]
    for _ in range(5):
        x = rng.normal(0, 1, int(model.starts[-1]))
        positive, z = positive_values(model, x), x[at : at + 6]
        own = -0.5 * z @ z - np.log(area_spreads(model, positive)).sum() - 3.0 * np.log(2.0 * np.pi)
        effects = area_effects(model, area_spreads(model, positive), z)
        scale, shared = positive[model.area_scale], positive[-1]
        assert own == pytest.approx(effects_log_density(effects, scale, shared, 6, MAP.tolist()), abs=1e-8)


def test_without_data_the_density_is_that_of_the_prior():
    """Units are standard normal whatever the scales: times what a step of the coordinate moves each of them."""
    model = design_of(six_areas(), spec()).model
    empty = {name: np.zeros_like(getattr(model, name)) for name in ("open", "open_fours", "counts", "known_fours")}
    model = model._replace(**empty)
    first, scales = model.starts[SIZE_MEAN], slice(0, model.n_scales)
    rng = np.random.default_rng(3)
    apart = []
    for _ in range(4):
        units = rng.normal(0.0, 1.0, int(model.starts[-1]))
        x = parameters_of(model, units)
        moved = parameters_of(model, np.concatenate([units[:first], units[first:] + 1.0]))
        expected = stats.norm.logpdf(units[first:]).sum() - np.log((moved - x)[first:]).sum()
        # a scale is s (u Φ(u) + φ(u)), of slope s Φ(u); other positive parameters have a standard normal coordinate
        values = positive_values(model, x)[scales] / model.spreads[scales]
        expected += (stats.halfnorm.logpdf(values) + stats.norm.logcdf(units[scales])).sum()
        expected += stats.norm.logpdf(units[model.n_scales : first]).sum()
        apart.append(log_density(model, x, np.empty_like(x)) - expected)
    np.testing.assert_allclose(apart, apart[0], atol=1e-8)


def test_kernel_is_the_pymc_model():
    """Same density up to one constant, same gradient, with a triangle, a pair and an island."""
    design = design_of(six_areas(), spec(breaks={"2019": ["A"]}))
    assert_kernel_is_the_pymc_model(design)


def test_density_is_finite_where_all_is_shared():
    """At ρ = 1, to the last digit, what a component has in common has no variance left."""
    design = design_of(six_areas(), spec())
    x = np.zeros(design.n_parameters)
    x[design.model.starts[1] - 1] = 12.0
    gradient = np.empty_like(x)
    assert np.isfinite(log_density(design.model, x, gradient)) and np.isfinite(gradient).all()


def test_the_order_of_pairs_does_not_matter():
    one = design_of(six_areas(), spec()).model
    turned = [pair[::-1] for pair in PAIRS[::-1]]
    for pairs in (turned, [*PAIRS, *turned]):
        other = design_of(six_areas(), spec(neighbours=tuple(pairs))).model
        np.testing.assert_array_equal(one.area_basis, other.area_basis)


# ---- the file ----------------------------------------------------------------------------------------------


def test_everything_wrong_with_a_file_is_said_at_once(tmp_path):
    path = tmp_path / "neighbours.csv"
    path.write_text("area,borders on\na,b\nb,a\na,c\na,z\nd,d\na,b\n")
    with pytest.raises(InputError) as found:
        read_neighbours(path, AREAS, ("a", "q"))
    problems = [(x.row, x.value, str(x)) for x in found.value.problems]
    assert {(row, value) for row, value, _ in problems} == {
        (5, "z"), (6, "d"), (4, "a, c"), (7, "a, b"), (None, "d"), (None, "e"), (None, "f"), (None, "a"), (None, "q")
    }  # fmt: skip
    words = " ".join(text for *_, text in problems)
    for part in ("there is no such area", "borders on itself", "there twice, first in row 2", "one way",
                 "no neighbours", "an island has neighbours"):  # fmt: skip
        assert part in words, words
    for problem in found.value.problems:
        assert problem.in_words("nl") != str(problem)


def test_a_file_has_two_columns(tmp_path):
    path = tmp_path / "neighbours.csv"
    path.write_text("one,other,length\na,b,3\n")
    with pytest.raises(InputError, match="3 columns"):
        read_neighbours(path, AREAS)


def test_areas_without_neighbours_are_refused_unless_they_are_islands():
    with pytest.raises(InputError, match="no neighbours") as found:
        design_of(six_areas(), spec(islands=()))
    assert [x.value for x in found.value.problems] == ["f"]
    assert design_of(six_areas(), spec(neighbours=(), islands=AREAS)).model.area_variances.tolist() == [1.0] * 6


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"neighbours": None}, "areas is given without neighbours"),
        ({"areas": None, "islands": ()}, "neighbours is given without areas"),
        ({"areas": None, "neighbours": None}, "islands is given without areas"),
        ({"areas": "place"}, "no dimension place"),
        ({"areas": "year"}, "no dimension year"),
        ({"neighbours": (("a",),)}, "wrong type"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ModelError, match=words):
        design_of(six_areas(), spec(**options))


def test_a_job_finds_the_file_beside_it_and_writes_nothing_when_it_is_wrong(tmp_path):
    six_areas().to_pandas().to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "neighbours.csv").write_text("one,other\na,b\nb,c\nd,e\nx,f\n")
    (tmp_path / "job.toml").write_text(
        '[table]\npath = "table.csv"\n'
        '[estimate]\nmethod = "multilevel"\nareas = "area"\nneighbours = "neighbours.csv"\n'
    )
    job = read_job(tmp_path / "job.toml")
    assert job.estimate.options["neighbours"] == tmp_path / "neighbours.csv"
    ran = CliRunner().invoke(main, ["run", str(tmp_path / "job.toml"), "--out", str(tmp_path / "out")])
    assert ran.exit_code == 2
    said = " ".join(ran.stderr.split())
    assert "row 5" in said and "there is no such area" in said and "islands" in said, said
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


# ---- the answer --------------------------------------------------------------------------------------------


def test_the_answer_says_what_neighbours_have_in_common(monkeypatch):
    monkeypatch.setattr("mse.estimators.multilevel.nuts.WARMUP", 200)
    found = estimate(six_areas(), spec(draws=200, longest=200), seed=1, compute=Compute(workers=2))
    assert any("6 areas with 4 pairs of neighbours" in str(note) for note in found.notes)
    digest = hashlib.sha256(b"a\tb\na\tc\nb\tc\nd\te\n").hexdigest()
    assert found.spec["neighbours"] == {"pairs": 4, "sha256": digest}
    np.testing.assert_array_equal(found.strata.margin("area").draws.sum(axis=1), found.draws)


def test_persons_are_drawn_from_effects_of_areas():
    table, truth, pairs, alone = country(3, 4, 3)
    design = design_of(table, MultilevelSpec(areas="area", neighbours=pairs, islands=alone))
    units = np.zeros(design.n_parameters)
    units[design.model.starts[AREA] :] = 1.0
    x = parameters_of(design.model, units)
    persons = draw_persons(design, x[None], np.random.default_rng(1))
    spreads = area_spreads(design.model, positive_values(design.model, x))
    effects = area_effects(design.model, spreads, np.ones_like(spreads))
    np.testing.assert_allclose(persons.log_size[0] - persons.log_size[0, 0], (effects - effects[0])[design.model.area])


def test_stored_coverage_of_areas_is_nominal():
    """Areas of repeated made-up countries are in their intervals about as often as these claim."""
    record = json.loads(STORED.read_text())
    for prob in (0.5, 0.8, 0.95):
        # areas of one country go together: the binomial error is that of its repeats, and of a tenth of its areas
        error = np.sqrt(prob * (1 - prob) / (record["repeats"] * record["areas"] / 10))
        assert abs(record["summary"]["areas"][f"{prob:.2f}"] - prob) < 3 * error
    assert record["summary"]["log_error_rms"] <= 1.02 * record["summary"]["log_error_rms_without_neighbours"]
