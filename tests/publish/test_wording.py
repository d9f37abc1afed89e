"""Rounding, sentences and the terminal summary."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mse.answers.estimates import Level, PartVerdict, Reason, Verdict
from mse.answers.results import Results
from mse.errors import InputError
from mse.publish.facts.statements import read_facts
from mse.publish.wording.captions import titled
from mse.publish.wording.messages import Catalogue, Figure, Name, Words, read_catalogue
from mse.publish.wording.rounding import round_interval, round_point, rounding_unit
from mse.publish.wording.sentences import MOST_PART_LINES, _as_many_as_fit, headline, reason_sentence, terminal_summary
from mse.shipped import shipped_names, shipped_path
from tests.examples.national import national
from tests.examples.results import chapman, many_lists, netherlands, uk

EN, NL = read_catalogue("en"), read_catalogue("nl")
NAMES = re.compile(r"{(\w+)(?::\w+)?}")


# ---- rounding ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "printed"),
    [
        ((13_100, 9_050, 21_900), (13_000, 9_000, 22_000, 1_000)),
        ((13_100, 9_000, 22_000), (13_000, 9_000, 22_000, 1_000)),  # round ends stay where they are
        ((11_313, 8_785, 14_701), (11_500, 8_500, 15_000, 500)),
        ((6_254.6, 6_250.1, 6_258.9), (6_255, 6_250, 6_259, 1)),  # never finer than a person
        ((5, 5, 5), (5, 5, 5, 1)),
        ((310_500, 60_100, 9.1e8), (310_000, 60_000, 9.1e8, 10_000)),  # the tail does not eat the point
        ((100, 80, math.inf), (100, 80, math.inf, 1)),
        ((2.5, 0, 30), (3, 0, 30, 1)),
    ],
)
def test_round_interval(numbers: tuple[float, float, float], printed: tuple[float, ...]) -> None:
    assert round_interval(*numbers) == printed


def test_rounding_stops_at_the_observed() -> None:
    assert round_interval(2_900, 2_750, 5_150) == (2_900, 2_700, 5_200, 100)
    assert round_interval(2_900, 2_750, 5_150, observed=2_744) == (2_900, 2_744, 5_200, 100)
    assert round_interval(2_849, 2_849, 9_000, observed=2_849)[:2] == (2_849, 2_849)


@given(
    low=st.floats(1, 1e7),
    below=st.floats(0, 1e7),
    above=st.floats(0, 1e7),
    observed=st.integers(0, 10_000_000),
)
def test_rounding_widens_by_less_than_a_unit_each_way(low: float, below: float, above: float, observed: int) -> None:
    point, high = low + below, low + below + above
    out = round_interval(point, low, high)
    slack = 1e-6 * out.unit
    assert low - out.unit - slack < out.low <= low + slack
    assert high - slack <= out.high < high + out.unit + slack
    assert out.low <= out.point <= out.high
    assert abs(out.point - point) <= out.unit / 2 + slack
    assert out.unit == 1 or out.unit <= (high - low) / 10 * (1 + 1e-9)
    assert str(int(out.unit)).rstrip("0") in ("1", "5")
    floored = round_interval(point, low, high, observed=observed)
    assert min(floored.low, floored.point) >= observed


def test_unit_is_the_largest_that_is_allowed() -> None:
    assert [rounding_unit(width) for width in (0, 9, 10, 20, 49, 50, 13_000, 99_999, 1e6)] == [
        1, 1, 1, 1, 1, 5, 1_000, 5_000, 100_000,
    ]  # fmt: skip


def test_a_number_without_an_interval_keeps_three_digits() -> None:
    assert [round_point(x) for x in (9_871, 123.4, 0.0, 7, 310_499)] == [9_870, 123, 0, 7, 310_000]


# ---- numbers in words -------------------------------------------------------------------------------


def test_shares_never_claim_certainty() -> None:
    shares = [EN.percent(share) for share in (0, 0.001, 0.005, 0.5, 0.994, 0.9999, 1)]
    assert shares == ["0%", "under 1%", "under 1%", "50%", "99%", "over 99%", "100%"]


def test_numbers_follow_the_catalogue() -> None:
    assert NL.number(1_234_567) == "1.234.567"
    assert NL.number(0.83, 2) == "0,83" and EN.number(0.83, 2) == "0.83"
    assert NL.figure(2.03) == "2,03"
    assert NL.range(5_000, 7_500) == "5.000 tot 7.500" and NL.range(10, math.inf) == "10 of meer"
    assert NL.listing(["a", "b", "c"]) == "a, b en c"
    assert NL.date("2026-11-20") == "20 november 2026" and EN.date("2026-11-20") == "20 November 2026"
    assert NL.date("autumn 2026") == "autumn 2026" and NL.date("2026-13-01") == "2026-13-01"
    assert [NL.change(x) for x in (0.1, -0.1, 0.001)] == ["+11%", "−10%", "0%"]
    assert [NL.share(x) for x in (0.2, 0.265, 1.0)] == ["20%", "26,5%", "100%"]
    assert EN.figure(0.00001234) == "1.2e-05"
    assert EN.level(0.95) == "95%" and EN.level(0.995) == "99.5%"
    assert EN.range(10, math.inf) == "10 or more"
    assert EN.listing(["a"]) == "a" and EN.listing(["a", "b", "c"]) == "a, b and c"


def test_an_unknown_language_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="en"):
        read_catalogue("tlh")


# ---- the headline -----------------------------------------------------------------------------------


def test_headline_names_period_register_territory_and_interval() -> None:
    said = headline(read_facts(uk(), EN), EN)
    assert said.sentence == (
        "In 2013, 2,744 potential victims of modern slavery in the United Kingdom were registered on at "
        "least one of five lists; the estimate of all of them, registered or not, is about 13,000 (95% "
        "credible interval 10,000 to 24,000)."
    )
    assert said.verdict == "Publish with caution" and said.record is None
    assert tuple(map(str, said.reasons)) == (
        "The data support two different answers, around 13,000 (80% of the probability) and around 21,000 "
        "(20% of the probability); one interval over them hides that.",
        "Methods that all allow for lists influencing each other differ by a factor of 2.0: from 11,300 to 23,000.",
    )
    assert "Local authorities (LA)" in said.remarks[0]
    assert said.remarks[2] == "Counts published by: Home Office (Silverman 2014)."


def test_headline_in_dutch() -> None:
    said = headline(read_facts(uk(), NL), NL)
    assert said.sentence == (
        "In 2013 zijn 2.744 mogelijke slachtoffers van moderne slavernij in het Verenigd Koninkrijk geregistreerd op "
        "ten minste één van vijf lijsten; het totale aantal, geregistreerd of niet, wordt geschat op ongeveer 13.000 "
        "(95%-geloofwaardigheidsinterval: 10.000 tot 24.000)."
    )
    assert said.verdict == "Publiceren met voorbehoud"
    assert not any(reason.language for reason in said.reasons)
    bare = headline(read_facts(chapman(), NL), NL)
    assert bare.record is not None and "Er zijn 312 personen geregistreerd op ten minste één van twee" in bare.record


def test_last_year_and_whole_are_told_apart() -> None:
    """A year, the mean of the years and their sum are three numbers, each with its own words."""
    results = national()
    facts = read_facts(results, NL)
    said = headline(facts, NL)
    assert said.latest is not None and said.latest.startswith("In 2020 zijn 630 slachtoffers van mensenhandel")
    assert "het totale aantal in dat jaar" in said.latest
    assert said.sentence.startswith("Van 2011 tot en met 2020 zijn ")
    assert any("één keer telt in elk jaar" in remark for remark in said.remarks)
    assert not any("niet voor één jaar" in remark for remark in said.remarks)
    assert terminal_summary(results).splitlines()[1].startswith("In 2020 zijn 630")
    assert "Oordeel: PUBLICEREN" in terminal_summary(results)
    refused = replace(results.headline, verdict=Verdict("do not publish", (), ()))
    results = Results(refused, results.comparison, results.record, results.tables)
    facts = read_facts(results, NL)
    assert headline(facts, NL).latest is None


def test_a_year_with_caution_says_so_where_the_whole_has_none() -> None:
    """The page of a total to be published may not give the number of a year as if that were, too."""
    results = national()
    verdict = results.headline.verdict
    assert verdict is not None and verdict.level == "publish"
    doubt = (Reason("width", "publish with caution", {"figure": 5.0}),)
    year = PartVerdict({"year": "2020"}, "publish with caution", doubt, {})
    rest = tuple(part for part in verdict.parts if part.levels != year.levels)
    judged = replace(results, headline=replace(results.headline, verdict=replace(verdict, parts=(*rest, year))))
    for catalogue, words in ((EN, "2020 is to be cited only with caution."), (NL, "2020 is alleen met voorbehoud")):
        said = headline(read_facts(judged, catalogue), catalogue).latest
        assert said is not None and words in said
        plain = headline(read_facts(results, catalogue), catalogue).latest
        assert plain is not None and words not in plain


def test_refusal_cites_nothing_and_keeps_the_number_for_the_record() -> None:
    said = headline(read_facts(netherlands(), EN), EN)
    assert said.sentence == (
        "This table does not support one interval for the number of presumed victims of human trafficking in "
        "the Netherlands from 2010 to 2015, so no total from it should be cited."
    )
    assert said.record is not None and said.record.startswith("For the record, not for citation: 8,234")
    assert "The estimate is for the whole period 2010–2015 taken together, not for one year." in said.remarks


def test_an_estimate_that_nobody_judged_is_not_for_citation() -> None:
    said = headline(read_facts(chapman(), EN), EN)
    assert said.judgement == "unjudged"
    assert not re.search(r"\d", said.sentence)
    assert said.record is not None and said.record.startswith("Not for citation")
    assert "confidence interval" in said.record  # frequentist


def test_a_rule_without_words_in_the_catalogue_speaks_for_itself() -> None:
    results = uk()
    verdict = Verdict(
        "do not publish", (Reason("moon", "do not publish", {"phase": 1.0}, told="the moon is full"),), ("moon",)
    )
    results = Results(replace(results.headline, verdict=verdict), results.comparison, results.record)
    assert headline(read_facts(results, EN), EN).reasons == (Words("The moon is full."),)


@pytest.mark.parametrize("say", [EN, NL], ids=["en", "nl"])
@pytest.mark.parametrize("level", ["publish with caution", "do not publish"])
def test_every_rule_of_the_verdict_has_words(level: Level, say: Catalogue) -> None:
    from mse.assess.rules import RULES

    results = uk()
    # Whatever a sentence may name: figures and names that the rule itself would give.
    asked = {name for key, text in say.messages.items() if key.startswith("reason.") for name in NAMES.findall(text)}
    figures = dict.fromkeys(asked, 0.8)
    verdict = Verdict(level, tuple(Reason(code, level, figures, told="untranslated") for code in RULES), RULES)
    results = Results(replace(results.headline, verdict=verdict), results.comparison, results.record)
    reasons = [str(reason) for reason in headline(read_facts(results, say), say).reasons]
    assert len(set(reasons)) == len(RULES)
    assert not any("ntranslated" in reason or "{" in reason for reason in reasons)
    assert all(f"rule.{code}" in say.messages for code in RULES)


def test_a_finding_names_the_lists_that_it_is_about() -> None:
    reason = Reason("pair_share", "publish with caution", {"figure": 0.8}, {"pair": "P:R"})
    facts = read_facts(uk(), NL)
    said = reason_sentence(reason, facts, headline(facts, NL).rounded, NL)
    assert str(said) == "Eén paar lijsten, P en R, draagt 80% van alle overlap; de schatting staat of valt daarmee."
    older = Reason("pair_share", "publish with caution", {"figure": 0.8})
    assert "Police forces or National Crime Agency en Government organisations" in str(
        reason_sentence(older, facts, headline(facts, NL).rounded, NL)
    )


def test_figures_in_a_sentence_are_written_as_it_asks() -> None:
    written = "{x} {x:share} {x:factor} {x:persons} {x:number} {x:word} {x:.2f} {list} {pair:pair} {pair:terms}".format(
        x=Figure(3.0, NL), list=Name("P", NL), pair=Name("P:R", NL)
    )
    assert written == "3 300% 3,0 3 3 drie 3,00 P P en R P × R"
    assert f"{Figure(11_312.7, NL):persons} {Figure(0.016, NL)} {Figure(2.034, NL)}" == "11.300 0,016 2,03"


# ---- the terminal -----------------------------------------------------------------------------------


def test_terminal_summary() -> None:
    lines = terminal_summary(uk(), report="results/uk/report.html").splitlines()
    assert lines[0] == "Modern slavery, United Kingdom 2013, five lists"
    assert "Verdict: PUBLISH WITH CAUTION" in lines
    assert "* All hierarchical models, averaged    13,000  95%: 10,000 to 24,000" in lines
    assert lines[-1] == "Report: results/uk/report.html"


def test_terminal_summary_of_a_refusal_gives_no_number_to_cite() -> None:
    text = terminal_summary(netherlands())
    assert "DO NOT PUBLISH" in text and "so no total from it should be cited" in text.replace("\n", " ")
    assert text.index("not for citation") < text.index("150,000")


def test_humps_are_told_where_no_reason_tells_them() -> None:
    results = uk()
    quiet = replace(results.headline, verdict=Verdict("publish", (), ("lists",)))
    text = terminal_summary(Results(quiet, results.comparison, results.record))
    assert "Humps: 80% around 13,000 and 20% around 21,000." in text
    assert "Humps:" not in terminal_summary(uk())


@pytest.mark.parametrize(
    "results",
    [uk(), netherlands(), chapman(), many_lists(3), many_lists(8), many_lists(4, failing=True), national()],
    ids=["uk", "nl", "chapman", "three", "eight", "failing", "national"],
)
def test_terminal_summary_is_short_and_narrow(results: Results) -> None:
    lines = terminal_summary(results, report="out/report.html").splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 100
    assert sum(line.startswith("* ") for line in lines) == 1  # the headline is always there


# ---- catalogues -------------------------------------------------------------------------------------


def flat(tree: dict[str, object], prefix: str = "") -> set[str]:
    keys: set[str] = set()
    for key, value in tree.items():
        keys |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key}
    return keys


def test_every_message_that_is_asked_for_is_there_and_none_is_idle() -> None:
    room = Path(__file__).parents[2] / "mse"
    templates = shipped_path("reports/templates", "report.html").parent
    ours = [path for part in ("publish", "commands") for path in (room / part).rglob("*.py")]
    ours += [templates / name for name in ("report.html", "pieces.html", "report.typ", "pieces.typ", "plain.typ")]
    text = "\n".join(path.read_text("utf-8") for path in ours)
    asked = set(re.findall(r"[\"']([a-z]+\.[a-z_.]+)[\"']", text))
    keys = flat(tomllib.loads((templates / "messages.en.toml").read_text("utf-8")))
    sections = {key.split(".")[0] for key in keys}
    endings = ("html", "typ", "csv", "json", "svg", "png", "xlsx", "docx")
    elsewhere = {key for key in asked if key.rsplit(".", 1)[1] in endings or key.startswith("setting.")}
    assert {key for key in asked - elsewhere if key.split(".")[0] in sections} - keys <= {"section.", "period.opening_"}
    # Keys that are put together from a name at run time.
    built = (
        r"(territory|rule|reason|setting|truth|quality_item|quality_measure|section|verdict|interval|dimension|level"
        r"|indicator|unit|step|group|figure|tipping|keyfigures|timechain|cite|card|registerpage|surveypage|policypage"
        r"|change|quality_column|calibrated|fit|plain|gather|sdg|survey|strata|full|part|column|cell)\..*|meaning\.(in|out|ass).*"
        r"|format\.[a-z_]+|period\.(opening|tail)_.*|headline\.(years?|bound_).*|models\.(missing|assumed|apart|unlisted)|terminal\.(summed_over|columns_not_read)"
    )
    assert {key for key in keys - asked if not re.fullmatch(built, key)} == set()


@pytest.mark.parametrize("name", [n for n in shipped_names("reports/templates") if n.startswith("messages.")])
def test_catalogues_have_the_same_keys_and_names(name: str) -> None:
    there = tomllib.loads(shipped_path("reports/templates", name).read_text("utf-8"))
    other = read_catalogue(name.split(".")[1])
    keys = flat(tomllib.loads(shipped_path("reports/templates", "messages.en.toml").read_text("utf-8")))
    ours = {key for key in keys if not key.startswith("territory.")}
    assert {key for key in flat(there) if not key.startswith("territory.")} == ours
    for key, message in EN.messages.items():
        if key in ours:
            assert set(NAMES.findall(other.messages[key])) == set(NAMES.findall(message)), key


def test_parts_that_do_not_fit_are_counted_and_no_sentence_is_cut() -> None:
    say = read_catalogue("en")
    named = [f"{year} (width of the interval 5.8)" for year in range(2001, 2021)]
    lines = _as_many_as_fit(named, partial(say, "terminal.doubtful", dimension="year", bad=20, count=20), say)
    assert len(lines) == MOST_PART_LINES and lines[-1].endswith("more.")
    assert (
        len(_as_many_as_fit(named[:1], partial(say, "terminal.doubtful", dimension="year", bad=1, count=20), say)) < 3
    )


def test_lists_in_reasons_are_called_by_their_names() -> None:
    titles = {"LA": "Local authorities", "GO": "Government"}
    for written in ("LA:GO", "LA & GO", "LA, GO"):
        between = written[2:-2]
        assert titled(written, titles) == f"Local authorities{between}Government"
    assert titled("LAGO", titles) == "LAGO"
