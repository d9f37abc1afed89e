"""What methods say of themselves in English has its Dutch words: no report in Dutch falls back to English."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from mse.methods import METHODS, checks, estimate, label_of
from mse.publish.disclosure.control import Disclosure
from mse.publish.wording.messages import Words, read_catalogue
from mse.shipped import load_repeats, load_table, shipped_path

NL, EN = read_catalogue("nl"), read_catalogue("en")
FEW: dict[str, dict[str, Any]] = {"bootstrap": {"replicates": 50}, "stepwise": {"replicates": 50}}
QUICK = [name for name, method in METHODS.items() if method.reads != "PersonTable" and method.module != "multilevel"]


@pytest.mark.parametrize("name", QUICK)
def test_every_word_of_a_method_has_a_dutch_one(name: str) -> None:
    method = METHODS[name]
    table = load_table("spina-bifida-3-ethnicity" if method.strata else "kosovo-1999-4")
    found = estimate(
        load_repeats("irregular-immigrants-netherlands-repeat") if method.reads == "RepeatCounts" else table,
        name,
        seed=1,
        **FEW.get(name, {}),
    )
    said = [*found.inside, *found.outside, *found.assumptions, *found.notes, found.point_kind, label_of(name, {})]
    assert [text for text in said if NL.phrase(text).language] == []


def test_every_label_of_the_comparison_has_a_dutch_one() -> None:
    for table in ("kosovo-1999-4", "uk-2013-5", "uk-2013-6"):
        for request in checks(load_table(table), "average"):
            label = label_of(*((request, {}) if isinstance(request, str) else request))
            assert NL.phrase(label).language is None, label


@pytest.mark.parametrize(
    "rule", [Disclosure(), Disclosure(threshold=5), Disclosure("controlled"), Disclosure("random")]
)
def test_every_rule_of_disclosure_control_has_dutch_words(rule: Disclosure) -> None:
    assert NL.phrase(rule.in_words()).language is None


def test_a_phrase_is_said_with_its_numbers_in_the_language() -> None:
    said = NL.phrase("averaged over all 7,785,061 hierarchical models of every order; the saturated model, under which "
                     "the data say nothing about the unseen, is left out")  # fmt: skip
    assert said.text.startswith("gemiddeld over alle 7.785.061 hiërarchische modellen")
    assert NL.phrase("best log-linear model (by BIC)").text == "beste loglineaire model (naar BIC)"
    assert NL.phrase("coverage is below 0.55: version n1 is meant for that, n is unstable").text.startswith(
        "de dekking is lager dan 0,55:"
    )


def test_a_name_with_a_year_is_no_method_with_options() -> None:
    text = "UNODC and the Dutch National Rapporteur (2017)"
    assert NL.phrase(text) == Words(text, "en")
    assert NL.phrase("best log-linear model (2017)").text == "beste loglineaire model (2017)"


def test_what_has_no_dutch_words_stays_and_is_marked() -> None:
    assert NL.phrase("the moon is full") == Words("the moon is full", "en")
    assert EN.phrase("the moon is full") == Words("the moon is full")


def test_phrases_fill_in_the_same_names() -> None:
    phrases = tomllib.loads(shipped_path("reports/templates", "phrases.nl.toml").read_text("utf-8"))["phrase"]
    for english, dutch in phrases.items():
        assert set(re.findall(r"{(\w+)}", english)) == set(re.findall(r"{(\w+)}", dutch)), english
        assert re.findall(r"\d+", re.sub(r"[.,]", "", english)) == re.findall(r"\d+", re.sub(r"[.,]", "", dutch)), (
            english
        )
