"""What a notebook shows: one line instead of arrays, small tables, figures that can be taken away, late progress."""

from __future__ import annotations

import pytest

import mse
from mse.computing.progress import LateProgress, ProgressLines
from mse.errors import InputError, ModelError
from mse.publish.plotting import _results
from mse.words.catalogues import catalogue
from mse.words.numerals import capital
from mse.words.said import from_json


@pytest.fixture(scope="module")
def posterior() -> mse.Posterior:
    return mse.estimate(mse.load_table("spina-bifida-3"), "decomposable", seed=1)


def test_values_are_one_line(posterior: mse.Posterior) -> None:
    fit = mse.fit_model(mse.load_table("spina-bifida-3"), "[12,3]")
    results = _results(posterior, None)
    for value in (posterior, posterior.summary(), posterior.verdict, posterior.distribution, fit, results):
        assert "\n" not in repr(value) and len(repr(value)) < 200, repr(value)[:300]


def test_strata_are_one_line_and_a_table() -> None:
    table = mse.load_table("spina-bifida-3-ethnicity")
    found = mse.estimate(table, "covariates", formula="~ S1 + S2 + S3 + eth + S2:S3", seed=1)
    assert found.strata is not None
    assert len(repr(found.strata)) < 200 and "\n" not in repr(found.strata)
    assert "caucasian" in found.strata._repr_html_()
    frame = found.to_pandas()
    assert (frame[list(found.strata.names())].sum(axis=1) == frame["N"]).all()


def test_independent_draws_are_one_chain(posterior: mse.Posterior) -> None:
    tree = posterior.to_datatree()
    assert dict(tree["posterior"].sizes) == {"chain": 1, "draw": len(posterior.draws)}
    assert (posterior.to_pandas()["N"] == posterior.draws).all()


def test_a_notebook_shows_number_verdict_and_reasons(posterior: mse.Posterior) -> None:
    shown = posterior._repr_html_()
    assert "<svg" in shown and "Publish" in shown and "http" not in shown
    assert posterior.verdict is not None
    for reason in posterior.verdict.reasons:
        assert reason.text.replace("'", "&#x27;") in shown
    assert posterior.verdict.level in posterior.verdict._repr_html_()


def test_figures_can_be_taken_away(posterior: mse.Posterior, tmp_path) -> None:
    figure = posterior.plot()
    assert figure.save(tmp_path / "law.svg").read_text(encoding="utf-8").startswith("<svg xmlns")
    assert figure.save(tmp_path / "law.png").read_bytes().startswith(b"\x89PNG")
    others = mse.compare(mse.load_table("spina-bifida-3"), ["chao", "loglinear"])
    dutch = mse.plot(posterior, "intervals", methods=others, language="nl")
    assert "Ondergrens van Chao" in dutch.svg and dutch.png != figure.png
    with pytest.raises(ModelError, match="intervals, posterior"):
        posterior.plot("trend")
    with pytest.raises(InputError, match=r"\.svg or \.png"):
        figure.save(tmp_path / "law.bmp")


@pytest.mark.parametrize("language", ["en", "nl"])
def test_methods_side_by_side_have_a_figure_without_an_answer(tmp_path, language: str) -> None:
    methods = mse.compare(mse.load_table("spina-bifida-3"), ["chao", "loglinear", "independence"])
    figure = mse.plot(methods, language=language)
    say = catalogue(language)
    assert figure.save(tmp_path / "methods.png").read_bytes().startswith(b"\x89PNG")
    assert say("verdict.unjudged.name") in figure.svg and "95%" in figure.finding
    for row in methods.to_dict("records"):
        label = say.said(from_json(row["said"])["label"][0])
        assert capital(label).split(" (")[0][:20] in figure.svg
        # Drawn as a report rounds: a number in full would be in no page either.
        assert f"{row['point']:.4f}" not in figure.svg
    with pytest.raises(ModelError, match="intervals"):
        mse.plot(methods, "trend")
    with pytest.raises(ModelError, match="no such figure"):
        mse.plot(methods.assign(status="no answer"))


@pytest.mark.parametrize("language", ["en", "nl"])
def test_strata_have_a_figure(language: str) -> None:
    cells = [
        [40, 30, 20, 50, 9, 8, 4],
        [50, 35, 25, 44, 11, 7, 5],
        [45, 30, 22, 60, 10, 9, 6],
        [42, 28, 21, 70, 8, 9, 5],
    ]
    strata = {"year": ("2019", "2020"), "sex": ("f", "m")}
    table = mse.CaptureTable.from_arrays("ABC", cells, strata=strata, name="years")
    found = mse.estimate(table, "independence", by=["year", "sex"], seed=1).strata
    assert found is not None
    trend, rows = found.plot(language=language), found.plot("strata", language=language)
    say = catalogue(language)
    for figure in (trend, rows):
        assert figure.png.startswith(b"\x89PNG") and "95%" in figure.finding
        assert say("verdict.unjudged.name") in figure.svg
    years = found.margin("year").plot(language=language)
    assert ">2019<" in trend.svg and ">2020<" in trend.svg and trend.svg == years.svg
    assert all(x in rows.svg for x in ("2019, ", "2020, "))
    women, men = (say.known("level", x) for x in ("f", "m"))
    margin = found.margin("sex").plot(language=language)
    assert f">{women}<" in margin.svg and f">{men}<" in margin.svg
    with pytest.raises(ModelError, match="strata"):
        found.margin("sex").plot("trend")


def test_a_survey_is_one_line_and_a_table_without_counts_of_respondents(tmp_path) -> None:
    rows = [f"{i % 2},{'mf'[i % 2 if i < 5 else i % 3 % 2]}" for i in range(300)]
    (tmp_path / "s.csv").write_text("\n".join(["yes,sex", *rows]))
    answer = mse.survey(tmp_path / "s.csv", mse.SurveyDesign("yes", by=("sex",)))
    assert repr(answer).startswith("<SurveyAnswer: 3 rates by sex; all 50.00% (95%: ") and "\n" not in repr(answer)
    assert "cases" not in repr(answer) and "publish" in answer._repr_html_()


def test_what_has_no_figure_is_told_so_in_words() -> None:
    with pytest.raises(mse.ModelError, match="no figure of its own: DataFrame.*methods=comparison"):
        mse.plot(mse.compare("artificial-3", ["independence", "chao"])[["method", "point"]])


def test_what_is_quick_shows_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    now, seen = [0.0], []
    monkeypatch.setattr("mse.kernels.cache.compiled_before", lambda: True)
    monkeypatch.setattr("mse.computing.progress.time.monotonic", lambda: now[0])
    late = LateProgress(lambda *said: seen.append(said))
    for moment, said in ((0.0, ("a", 0, 2)), (1.0, ("a", 2, 2)), (2.5, ("b", 0, 2)), (2.6, ("b", 1, 2)),
                         (9.0, ("b", 2, 2)), (9.1, ("c", 3, 3))):  # fmt: skip
        now[0] = moment
        late(*said)
    assert seen == [("b", 0, 2), ("b", 1, 2), ("b", 2, 2)]


def test_what_compiles_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr("mse.kernels.cache.compiled_before", lambda: False)
    LateProgress(lambda *said: seen.append(said))("a", 0, 2)
    assert seen == [("a", 0, 2)]


def test_a_stage_of_less_than_two_seconds_has_no_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr("mse.kernels.cache.compiled_before", lambda: True)
    monkeypatch.setattr("mse.computing.progress.time.monotonic", lambda: now[0])
    lines = ProgressLines()
    for moment, said in ((0.0, ("a", 0, 2)), (1.0, ("a", 2, 2)), (1.5, ("b", 0, 2)), (9.0, ("b", 2, 2))):
        now[0] = moment
        lines(*said)
    assert capsys.readouterr().err.splitlines() == ["mse: a", "mse: b", "mse: b: done, 8 s"]


def test_tables_jobs_and_fits_are_cards_without_counts_of_cells() -> None:
    table = mse.load_table("spina-bifida-3-ethnicity")
    shown = table._repr_html_()
    assert all(name in shown for name in (*table.lists, "caucasian", f"{table.observed:,}"))
    cells = {f">{x:,}<" for x in table.counts.ravel() if x > 9}
    assert not any(x in shown for x in cells)
    fit = mse.fit_model(mse.load_table("spina-bifida-3"), "[12,3]")
    assert f"{fit.N:,.0f}" in fit._repr_html_() and "(Intercept)" in fit._repr_html_()
    job = mse.read_job("models/uk-2013.toml")
    assert "\n" not in repr(job) and len(repr(job)) < 200
    assert all(words in job._repr_html_() for words in ("uk-2013-5", "auto", "95%"))


def test_a_fit_without_an_estimate_says_so() -> None:
    table = mse.CaptureTable.from_arrays(("A", "B", "C"), [5, 4, 0, 3, 2, 1, 0])
    assert "no estimate" in mse.fit_model(table, "[12,13,23]")._repr_html_()
