"""A citation has interval and verdict with it, in both languages; of a refused result it has no number."""

from __future__ import annotations

import pytest

import mse
from mse.errors import ModelError

JOB = """
title = "Spina bifida & more"
[table]
name = "spina-bifida-3"
[estimate]
method = "decomposable"
[report]
publisher = "A rapporteur"
date = "2026-11-28"
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> mse.Results:
    path = tmp_path_factory.mktemp("job") / "job.toml"
    path.write_text(JOB)
    return mse.run_job(mse.read_job(path))


def test_a_citation_has_its_interval_and_verdict(results: mse.Results) -> None:
    for style in ("plain", "apa", "bibtex"):
        said = mse.cite(results, style)
        assert "690 to 790" in said and "Verdict: Publish with caution" in said and mse.__version__ in said
    assert mse.cite(results).startswith("A rapporteur (2026). Spina bifida & more.")
    dutch = mse.cite(results, "apa", language="nl")
    assert (
        "690 tot 790" in dutch and "Oordeel: Publiceren met voorbehoud" in dutch and "Methode" not in mse.cite(results)
    )


def test_bibtex_can_be_read(results: mse.Results) -> None:
    entry = mse.cite(results, "bibtex")
    assert entry.startswith("@techreport{spina-bifida-3-2026,\n") and entry.endswith("\n}")
    assert r"Spina bifida \& more" in entry and entry.count("{") == entry.count("}")


def test_a_refused_result_is_cited_without_a_number(tmp_path) -> None:
    path = tmp_path / "job.toml"
    path.write_text('[table]\nname="golf-tees-2"\n[estimate]\nmethod="chapman"\n')
    said = mse.cite(mse.run_job(mse.read_job(path)))
    assert "Do not publish" in said and "171" not in said and "165" not in said


def test_an_unknown_style_is_refused(results: mse.Results) -> None:
    with pytest.raises(ModelError, match="plain, apa, bibtex"):
        mse.cite(results, "mla")  # type: ignore[arg-type]
