"""A computation that has not settled: no number without its verdict, what was tried, and what to change."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from mse.answers.posterior import Posterior
from mse.answers.results import Results, write_results
from mse.assess.findings import UNSETTLED, not_settled
from mse.assess.rules import RULES, Thresholds
from mse.assess.verdict import judge
from mse.methods import Outcome, comparison_rows, judged, label_of
from mse.publish.changes import compare_results
from mse.publish.changestext import changes_text
from mse.publish.release.bundle import FIGURES, write_release
from mse.publish.release.outgoing import published_tables
from mse.publish.report.html import compose as composed
from mse.publish.report.html import render_pages
from mse.publish.report.page import Page
from mse.publish.wording.sentences import terminal_summary
from tests.assess.test_verdict import posterior, table
from tests.examples.national import national

BAD = {"rhat_max": 1.8, "ess_bulk_min": 13.0, "ess_tail_min": 20.0, "chains": 4.0, "draws_per_chain": 250.0}
ACCOUNT = {
    "en": ("four chains from different starting places", "R-hat of 1.800 and 13 independent", "longest = 4000"),
    "nl": ("vier ketens vanaf verschillende beginpunten", "R-hat van 1,800 en 13 onafhankelijke", "longest = 4000"),
}  # fmt: skip


@cache
def unsettled(language: str = "en", **more: float) -> Results:
    """Return a result whose chains do not agree, with strata."""
    results = national()
    head = replace(results.headline, diagnostics={**BAD, **more}, spec={"seed": 1, "longest": 1000, "accept": 0.9})
    head = replace(head, verdict=judge(replace(head, strata=None), table(6, None, 10)))
    head = replace(head, verdict=replace(head.verdict, parts=tuple(
        replace(x, level="do not publish") for x in results.headline.verdict.parts
    )))  # fmt: skip
    report = replace(results.record.report, languages=(language,), pdf=False)
    return replace(results, headline=head, record=replace(results.record, report=report))


@cache
def compose(results: Results, language: str) -> Page:
    return composed(results, language)


def test_rules_on_chains_are_rules() -> None:
    assert set(RULES) > UNSETTLED


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_page_refuses_and_says_what_was_tried_and_what_to_change(language: str) -> None:
    found = compose(unsettled(language), language)
    assert found.said.judgement == "refuse" and found.keys == ()
    assert found.said.meaning != compose(spoiled_by_data(), language).said.meaning
    assert found.said.sentence != compose(spoiled_by_data(), language).said.sentence
    tried, change = found.said.account
    for words in ACCOUNT[language]:
        assert words in f"{tried} {change}"
    assert (
        "accept" not in change and "accept = 0.98" in compose(unsettled(divergent_share=0.2), language).said.account[1]
    )


@cache
def spoiled_by_data() -> Results:
    """Return a result that the data, not the computation, forbid."""
    results = unsettled()
    few = judge(replace(results.headline, diagnostics={}, strata=None), table(2, None, 10))
    return replace(results, headline=replace(results.headline, diagnostics={}, verdict=few))


def test_what_the_data_forbid_has_no_such_account() -> None:
    assert spoiled_by_data().headline.verdict.level == "do not publish"
    assert compose(spoiled_by_data(), "en").said.account == ()


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_terminal_and_both_pages_have_it(language: str) -> None:
    results = unsettled(language)
    said = terminal_summary(results).replace("\n", " ")
    html = str(render_pages(results)["report.html"])
    for words in ACCOUNT[language]:
        assert words in said and words in html


def test_the_release_and_the_comparison_have_no_number(tmp_path) -> None:
    for name, results in (("old", national()), ("new", unsettled())):
        write_results(tmp_path / name, results, lambda _: "")
    tables = published_tables(unsettled())
    estimates = tables["indicators"][tables["indicators"]["indicator"] != "registered"]
    assert estimates["point"].isna().all() and tables["methods"]["point"].isna().all()
    text = (write_release(tmp_path / "new") / FIGURES).read_text(encoding="utf-8")
    assert "longest = 4000" in text and '"level": "do not publish"' in text
    for language, words in (("en", "not published now"), ("nl", "niet gepubliceerd nu")):
        assert words in changes_text(compare_results(tmp_path / "old", tmp_path / "new"), language)


def answers() -> tuple[Posterior, Posterior]:
    good = posterior()
    return good, replace(good, method="latent-class", diagnostics=BAD, point=50_000.0)


def test_beside_other_methods_it_is_a_row_without_a_number() -> None:
    good, bad = answers()
    rows = comparison_rows(
        table(),
        [Outcome(name, label_of(name, {}), x) for name, x in (("average", good), ("latent-class", bad))],
        0.95,
    )
    assert rows[0]["status"] == "ok" and "do not agree (R-hat 1.8)" in str(rows[1]["status"])
    assert all(np.isnan(rows[1][name]) for name in ("point", "low", "high"))
    # With its verdict, as the headline, it keeps its number.
    own = judged(bad, table(), [])
    assert own.verdict is not None and own.verdict.level == "do not publish"
    (row,) = comparison_rows(table(), [Outcome("latent-class", label_of("latent-class", {}), own)], 0.95)
    assert row["point"] == 50_000.0


def test_nothing_is_held_against_it() -> None:
    good, bad = answers()
    verdict = judged(good, table(), [Outcome("latent-class", "b", bad)]).verdict
    assert verdict is not None and "disagreement" not in verdict.checked
    assert not_settled(good, Thresholds()) is None


@pytest.mark.parametrize(
    ("figure", "settled"), [({"rhat_max": 1.04}, True), ({"rhat_max": 1.06}, False), ({"ess_bulk_min": 99.0}, False)]
)
def test_only_a_refusal_counts_as_not_settled(figure: dict[str, float], settled: bool) -> None:
    found = replace(posterior(), diagnostics=figure)
    assert (not_settled(found, Thresholds()) is None) == settled
