"""Data frames in the terminal: heads and codes in the language that was asked for, names of columns where data are."""

import numpy as np
import pandas as pd
import pytest

import mse
from mse.assess.registercohorts import register_cohorts
from mse.estimators.repeats.counttests import count_tests, ratio_plot
from mse.evidence.chain import Step
from mse.publish.disclosure.control import Disclosure
from mse.publish.publishedchain import chain_of_counts
from mse.publish.wording.frametext import frame_text
from mse.words.catalogues import catalogue

REGISTER = mse.RepeatCounts.from_arrays(
    [1, 2, 3, 1, 2, 3], [400, 60, 9, 300, 41, 8], covariates={"year": [2019] * 3 + [2020] * 3}, name="r"
)


def frames():
    table = mse.load_table("kosovo-1999-4")
    yield mse.compare(table, ["independence", "chao"])
    yield mse.rank_models(table).head(2)
    yield mse.compare_families(REGISTER)
    yield count_tests(REGISTER, "year")
    yield ratio_plot(REGISTER)
    yield register_cohorts(REGISTER, "year")
    yield chain_of_counts([Step("a", 90, None), Step("b", 40, "a", within=False)], Disclosure())
    on = np.random.default_rng(1).random((900, 2)) < 0.5
    people = pd.DataFrame({"A": on[:, 0], "B": on[:, 1], "age": np.arange(900) % 3})[on.any(axis=1)].astype(int)
    yield mse.compare_pairs(mse.PersonTable.from_frame(people, lists=["A", "B"], covariates=["age"]), seed=0).estimates


def test_every_head_has_words_and_english_ones_are_the_names() -> None:
    dutch, english = (catalogue(language).messages for language in ("nl", "en"))
    names = {str(name) for frame in frames() for name in frame} - {"said", "kind", "interval_contains", "summed_over"}
    assert {name for name in names if f"column.{name}" not in dutch} == set()
    heads = {key: text for key, text in english.items() if key.startswith(("column.", "cell."))}
    assert all(key.partition(".")[2] == text for key, text in heads.items())


def test_in_dutch_heads_codes_numbers_and_reasons_are_dutch() -> None:
    text = frame_text(mse.compare(mse.load_table("uk-2013-5"), ["independence", "chao"]), "nl", None)
    assert "methode" in text and "slecht: deviantie 118,5" in text and "goed" in text and "13.444,1" in text
    assert "said" not in text and "{" not in text
    tests = frame_text(count_tests(REGISTER), "nl", None)
    assert "Poisson binnen negatief-binomiaal" in tests


@pytest.mark.parametrize("language", ["en", "nl"])
def test_names_that_people_gave_stay_as_they_are(language: str) -> None:
    frame = pd.DataFrame({"list": ["ok", "none"], "status": ["ok", "none"], "covered": pd.array([True, None])})
    lines = frame_text(frame, language, None).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["ok", "none"] and lines[2].endswith("–")
