"""Key figures: their numbers, sentences, verdicts; that nothing in them tells of a count that is left out."""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.stats import beta

import mse
from mse.answers.results import write_results
from mse.cli import main
from mse.errors import InputError, ModelError
from mse.publish.figures.figurefiles import json_text, write_figures
from mse.publish.figures.figurevalues import in_words, rank_probability
from mse.publish.release.bundle import write_release
from mse.publish.report.html import render_pages
from mse.publish.wording.rounding import Rounded
from mse.tables.captures import CaptureTable
from tests.publish.attacker import LISTS, result
from tests.publish.figureattacker import conditions, ranges

SOURCE = {"name": "r", "persons": "victims", "publisher": "centre", "definition": "reported", "time": "year"}


def rows(counts: dict[tuple[str, str], int]) -> list[dict[str, object]]:
    return [{"year": year, "form": form, "count": n} for (year, form), n in counts.items()]


def job(counts: dict[tuple[str, str], int], *figures: dict[str, Any], **more: Any) -> dict[str, Any]:
    source = SOURCE | {"counts": rows(counts)} | more.pop("source", {})
    return {"source": [source], "figure": [{"source": "r", **x} for x in figures], **more}


BIG = {("2016", "a"): 300, ("2016", "b"): 100, ("2020", "a"): 150, ("2020", "b"): 250}


def test_the_shipped_job_has_the_sentences_of_the_page() -> None:
    found = mse.figures("models/key-figures.toml")
    english, dutch = " ".join(found.sentences("en")), " ".join(found.sentences("nl"))
    for words in ("984 registered victims of human trafficking in 2020; about 5,000 (4,000 to 7,000)", "43% (",
                  "11% (95% interval 9.1% to 13.1%)", "against 24%", "45% (", "7,800 boys", "13,000 girls", "48% (",
                  "41% (", "75% (", "against 50%", "24% (", "170 suspects", "−40% against the 283 of 2016",
                  "About one in three", "5 times as many reports"):  # fmt: skip
        assert words in english, words
    for words in ("5.000 (4.000 tot 7.000)", "ongeveer 7.800 jongens", "Ongeveer één op de drie", "5 keer zo veel",
                  "−40% ten opzichte van de 283 van 2016", "tegen 24%"):  # fmt: skip
        assert words in dutch, words
    for sentence in (*found.sentences("en"), *found.sentences("nl")):
        assert re.search(r"(Source|Bron): [^;]+; [^;]+; ", sentence)


def test_numbers_are_those_of_the_counts() -> None:
    found = mse.figures(job(
        BIG, {"kind": "share", "when": "2020", "where": {"form": "a"}},
        {"kind": "change", "when": "2020", "against": "2016", "where": {"form": "a"}},
        {"kind": "multiple", "when": "2020", "where": {"form": "b"}, "of": {"form": "a"}},
        {"kind": "share change", "when": "2020", "against": "2016", "where": {"form": "a"}},
    )).figures  # fmt: skip
    share, change, multiple, points = (x.value for x in found)
    low, high = beta.ppf([0.025, 0.975], 150.5, 250.5)
    assert share.point == pytest.approx(0.375, abs=0.005)
    assert share.low <= low < share.low + 0.01 and share.high - 0.01 < high <= share.high
    p = beta.ppf([0.025, 0.975], 150.5, 300.5)
    assert change.point == pytest.approx(-0.5, abs=0.01)
    assert change.low <= p[0] / (1 - p[0]) - 1 < change.low + 0.02
    assert multiple.point == pytest.approx(5 / 3, abs=0.05)
    assert points.point == pytest.approx(-0.375, abs=0.01) and points.low < -0.375 < points.high
    assert found[3].now.point == share.point


def test_shares_within_groups_are_those_of_every_level() -> None:
    found = mse.figures(job(BIG, {"kind": "share", "when": "each", "within": "form", "where": {"sex": "f"}},
                            source={"counts": [x | {"sex": s, "count": int(x["count"]) // k}  # type: ignore[call-overload]
                                               for x in rows(BIG) for s, k in (("f", 5), ("m", 1))]}))  # fmt: skip
    assert [(x.spec.when, x.spec.of) for x in found.figures] == [
        (y, {"form": f}) for y in ("2016", "2020") for f in ("a", "b")
    ]
    assert [(x.count, x.base) for x in found.figures] == [(60, 360), (20, 120), (30, 180), (50, 300)]
    assert found.sentences()[0].startswith("16.5% (95% interval 13% to 21%) of the 360 victims (a) in 2016 belonged")
    shipped = mse.figures("models/key-figures.toml")
    assert any("of the 57 suspects of human trafficking (under 23) in 2020 were convicted" in x
               for x in shipped.sentences("en"))  # fmt: skip
    assert any("van de 113 verdachten van mensenhandel (23 en ouder) in 2020 werd veroordeeld" in x
               for x in shipped.sentences("nl"))  # fmt: skip


def test_the_probability_of_a_rank_is_that_of_draws() -> None:
    rng = np.random.default_rng(5)
    counts = np.array([60, 52, 50, 9])
    draws = rng.gamma(counts + 0.5, size=(400_000, 4))
    order = (-draws).argsort(axis=1)
    for place in (1, 2, 3):
        share = (order[:, place - 1] == 0).mean()
        assert rank_probability(60, [52, 50, 9], place) == pytest.approx(share, abs=0.003)
    assert rank_probability(60, [60]) == pytest.approx(0.5) and rank_probability(900, [10, 0]) == 1.0


@pytest.mark.parametrize(("value", "words"), [
    ((0.335, 0.27, 0.41), (1, 3)), ((0.5, 0.45, 0.55), (1, 2)), ((0.4, 0.38, 0.42), (2, 5)),
    ((0.447, 0.44, 0.455), (4, 9)),
    ((0.002, 0.001, 0.003), None), ((0.99, 0.98, 1.0), None),
])  # fmt: skip
def test_a_share_in_words(value: tuple[float, float, float], words: tuple[int, int] | None) -> None:
    assert in_words(Rounded(*value, 0.001)) == words


def test_one_more_level_that_nobody_asks_for_changes_nothing() -> None:
    asked = {"kind": "share", "when": "2020", "where": {"form": "a"}}
    split = {**BIG, ("2020", "b"): 246, ("2020", "c"): 4}
    one, other = (mse.figures(job(x, asked)) for x in (BIG, split))
    assert one.to_pandas().equals(other.to_pandas())


def test_verdicts() -> None:
    few = {("2016", "a"): 14, ("2016", "b"): 12, ("2020", "a"): 30, ("2020", "b"): 12}
    wide, cautious, tiny, rank = mse.figures(job(
        few, {"kind": "change", "when": "2020", "against": "2016", "where": {"form": "a"}},
        {"kind": "share", "when": "2020", "where": {"form": "a"}},
        {"kind": "share", "when": "2016", "where": {"form": "a"}},
        {"kind": "rank", "when": "2016", "dimension": "form"},
        verdict={"few": [50, 30]},
    )).figures  # fmt: skip
    assert (wide.status, wide.verdict) == ("too few data", "do not publish") and math.isnan(wide.value.point)
    assert cautious.verdict == "publish with caution" and cautious.reasons[0].code == "keyfigure.few"
    assert tiny.status == "too few data" and rank.status == "too few data"
    same = {("2020", "a"): 60, ("2020", "b"): 60}
    (tied,) = mse.figures(job(same, {"kind": "rank", "when": "2020", "dimension": "form"})).figures
    assert tied.verdict == "publish with caution" and tied.reasons[0].code == "keyfigure.rank"
    (broken,) = mse.figures(job(
        BIG, {"kind": "change", "when": "2020", "against": "2016"},
        source={"breaks": [{"at": "2020", "text": "a new form", "texts": {"nl": {"text": "een nieuw formulier"}}}]},
        report={"languages": ["nl"]},
    )).sentences()  # fmt: skip
    assert "Vanaf 2020: een nieuw formulier." in broken


def test_estimates_of_another_period_give_no_share() -> None:
    estimate = {"name": "n", "persons": "victims", "publisher": "rapporteur", "definition": "all", "point": 1000,
                "low": 800, "high": 1600}  # fmt: skip
    asked = {"kind": "in view", "when": "2020", "estimate": ["n"]}
    same, other = (mse.figures(job(BIG, asked, estimate=[estimate | {"period": x}])) for x in ("2020", "2018-2019"))
    assert same.figures[0].value[:3] == (0.4, 0.25, 0.5) and "were in view" in same.sentences()[0]
    assert math.isnan(other.figures[0].value.point) and "no share is stated" in other.sentences()[0]


# ---- disclosure --------------------------------------------------------------------------------------------


def random_job(number: int, method: str = "suppress") -> tuple[dict[str, Any], dict[tuple[str, str], int]]:
    rng = np.random.default_rng([17, number])
    years, forms = ("2018", "2019", "2020")[: int(rng.integers(2, 4))], ("a", "b", "c", "d")[: int(rng.integers(3, 5))]
    counts = {(y, f): int(rng.poisson(rng.choice([3, 8, 30, 120]))) for y in years for f in forms}
    kinds: list[dict[str, Any]] = []
    for year in years:
        kinds += [{"kind": "total", "when": year}, {"kind": "rank", "dimension": "form", "when": year}]
        kinds += [{"kind": "share", "when": year, "where": {"form": f}} for f in forms]
        kinds += [{"kind": "multiple", "when": year, "where": {"form": forms[0]}, "of": {"form": forms[1]}}]
    for f in forms:
        kinds += [{"kind": "change", "when": years[-1], "against": years[0], "where": {"form": f}},
                  {"kind": "share change", "when": years[-1], "against": years[0], "where": {"form": f}}]  # fmt: skip
    kinds.append({"kind": "share", "when": years[0], "where": {"form": [forms[0], forms[1]]}})
    chosen = rng.permutation(len(kinds))[: int(rng.integers(4, len(kinds)))]
    return job(counts, *[kinds[i] for i in chosen], publish={"method": method}), counts


@pytest.mark.parametrize("number", range(8))
def test_no_small_count_can_be_worked_out(number: int) -> None:
    settings, counts = random_job(number)
    dims = {"year": sorted({y for y, _ in counts}), "form": sorted({f for _, f in counts})}
    frame = mse.figures(settings).to_pandas()
    told = conditions(frame, dims, "year", 0)
    places = list(itertools.product(*dims.values()))
    small = [i for i, p in enumerate(places) if 0 < counts[p] < 10]
    if not told or not small:
        return
    sums = [np.eye(len(places))[i] for i in small]
    for (low, high), i in zip(ranges(told, sums), small, strict=True):
        assert low <= 0 and high >= 10, (places[i], counts[places[i]], low, high)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(8, 60))
def test_no_small_count_can_be_worked_out_of_many(number: int) -> None:
    test_no_small_count_can_be_worked_out(number)


@pytest.mark.parametrize("number", range(2))
def test_rounded_counts_stay_in_doubt(number: int) -> None:
    settings, counts = random_job(number, "controlled")
    dims = {"year": sorted({y for y, _ in counts}), "form": sorted({f for _, f in counts})}
    frame = mse.figures(settings).to_pandas()
    for key in ("count", "base", "count_before", "base_before"):
        assert (frame[key].dropna() % 3 == 0).all()
    told = conditions(frame, dims, "year", 2)
    places = list(itertools.product(*dims.values()))
    for low, high in ranges(told, [np.eye(len(places))[i] for i in range(len(places))]):
        assert high - low >= 2


def test_everything_follows_from_what_is_published() -> None:
    """Two tables with the same published counts give the same bytes: a share has no digits of its own."""
    one = {("2020", "a"): 4, ("2020", "b"): 7, ("2020", "c"): 300, ("2019", "a"): 100, ("2019", "b"): 90}
    one[("2019", "c")] = 80
    other = {**one, ("2020", "a"): 6, ("2020", "b"): 5}
    kinds = [
        {"kind": k, "when": "2020", **x} for k, x in (
            ("total", {}), ("rank", {"dimension": "form"}), ("change", {"against": "2019"}),
            *(("share", {"where": {"form": f}}) for f in "abc"),
            *(("change", {"where": {"form": f}, "against": "2019"}) for f in "abc"),
            *(("multiple", {"where": {"form": f}, "of": {"form": "c"}}) for f in "ab"),
        )
    ]  # fmt: skip
    found = [mse.figures(job(x, *kinds)) for x in (one, other)]
    assert json_text(found[0]) == json_text(found[1])
    assert {x.status for x in found[0].figures} == {"ok", "suppressed"}
    assert "suppressed" in {x.status for x in found[0].figures if x.spec.kind == "share"}


def test_sources_of_the_same_persons_are_held_against_each_other(tmp_path: Path) -> None:
    """One gives the total of 2020, the other all forms but a small one: the difference would be that one."""
    by_form = {("2020", "a"): 4, ("2020", "b"): 60, ("2020", "c"): 70, ("2019", "a"): 50, ("2019", "b"): 60}
    by_form[("2019", "c")] = 7
    parts = [{"kind": "total", "when": "2020", "where": {"form": f}, "source": "r"} for f in "bc"]
    whole = {"kind": "total", "when": "2020", "source": "t"}
    total = SOURCE | {"name": "t", "counts": [{"year": "2019", "count": 117}, {"year": "2020", "count": 134}]}
    settings = job(by_form, *parts, whole)
    settings["source"].append(total)
    found = mse.figures(settings)
    assert [x.status for x in found.figures].count("suppressed") >= 1
    dims = {"year": ["2019", "2020"], "form": ["a", "b", "c"]}
    told = conditions(found.to_pandas(), dims, "year", 0)
    ((low, high),) = ranges(told, [np.array([0, 0, 0, 1.0, 0, 0])])
    assert low <= 0 and high >= 10
    apart = settings | {"source": [settings["source"][0], total | {"persons": "others"}]}
    assert {x.status for x in mse.figures(apart).figures} == {"ok"}
    pd.DataFrame(rows(by_form)).to_csv(tmp_path / "r.csv", index=False)
    file = {"path": tmp_path / "r.csv"}
    twice = [SOURCE | file, SOURCE | {"name": "t", "persons": "others"} | file]
    assert "suppressed" in {x.status for x in mse.figures(settings | {"source": twice}).figures}
    public = settings | {"source": [settings["source"][0], total | {"public": True}]}
    assert found.figures[-1].status in ("ok", "suppressed") and mse.figures(public).figures[-1].count == 134


@pytest.mark.parametrize("method", ["suppress", "controlled"])
def test_an_earlier_release_and_the_figures_together_tell_of_no_few_persons(tmp_path: Path, method: str) -> None:
    """The release has the total of every year; the figures all forms of 2020 but one of four persons."""
    by_form = {("2019", "a"): 50, ("2019", "b"): 60, ("2019", "c"): 40}
    by_form |= {("2020", "a"): 4, ("2020", "b"): 60, ("2020", "c"): 70}
    totals = {"2019": 150, "2020": 134}
    counts = np.zeros((2, 15), dtype=np.int64)
    counts[:, [1, 2, 3, 7]] = 20
    counts[:, 0] = [n - 80 for n in totals.values()]
    table = CaptureTable.from_arrays(LISTS, counts, strata={"year": tuple(totals)}, name="totals")
    write_results(tmp_path / "out", result(table), render_pages)
    release = write_release(tmp_path / "out")
    frame = pd.read_csv(release / "counts.csv", dtype=str, keep_default_na=False)
    places = list(by_form)
    before = [
        (np.array([float(row["year"] in ("all", year)) for year, _ in places]), *[float(row["count"])] * 2)
        for row in frame.to_dict("records") if row["count"]
    ]  # fmt: skip
    assert len(before) == 3
    parts = [{"kind": "total", "when": "2020", "where": {"form": f}} for f in "bc"]
    parts.append({"kind": "change", "when": "2020", "against": "2019", "where": {"form": "b"}})
    settings = job(by_form, *parts, publish={"method": method})
    dims, small = {"year": ["2019", "2020"], "form": ["a", "b", "c"]}, [np.array([0, 0, 0, 1.0, 0, 0])]
    off = 0 if method == "suppress" else 2

    def seen(against: list[Path]) -> tuple[float, float]:
        told = conditions(mse.figures(settings, against=against).to_pandas(), dims, "year", off)
        return ranges([*before, *told], small)[0]

    if method == "suppress":
        assert seen([]) == (4, 4), "alone, the figures and the release give the four away"
    try:
        low, high = seen([release])
    except ModelError as refused:
        assert method == "controlled" and refused.problems
    else:
        assert low <= 0 and high >= 10 if method == "suppress" else high - low >= 2
    if method == "controlled":
        return
    apart = mse.figures(job({k: 10 * n for k, n in by_form.items()}, *parts), against=[release])
    assert {x.status for x in apart.figures} == {"ok"}, "other persons: nothing follows from the release"
    done = CliRunner().invoke(main, ["figures", "models/key-figures.toml", "--against", str(tmp_path)])
    assert done.exit_code == 2 and "figures.json" in done.output
    out = write_figures(tmp_path / "figures", mse.figures(settings | {"report": {"languages": ["en", "nl"]}},
                                                          against=[release]))  # fmt: skip
    assert json.loads((out / "key-figures.json").read_text("utf-8"))["held_against"][0]["title"] == "totals"
    for page, words in (
        ("key-figures.html", "Protected together with"),
        ("key-figures.nl.html", "Beschermd samen met"),
    ):
        assert words in (out / page).read_text("utf-8")


def _last_and_this(number: int) -> tuple[dict[tuple[str, str], int], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return made-up counts, what last year's page asked of two years of them, and this year's page of all three."""
    rng = np.random.default_rng(number)
    counts = {(y, f): int(rng.integers(2, 60)) for y in ("2018", "2019", "2020") for f in "abcd"}
    counts["2019", "a"] = int(rng.integers(1, 8))
    last = [{"kind": "total", "when": y} for y in ("2018", "2019")]
    last += [
        {"kind": "total", "when": "2019", "where": {"form": ["b", "c"]}},
        {"kind": "total", "where": {"form": "b"}},
    ]
    now = [{"kind": "total", "when": "each"}, {"kind": "share", "when": "2019", "where": {"form": "d"}}]
    now += [{"kind": "change", "when": "2020", "against": "2019", "where": {"form": ["b", "c"]}}]
    now += [{"kind": "total", "when": "2018", "where": {"form": "d"}}]
    return counts, last, now


@pytest.mark.parametrize("number", range(6))
def test_last_years_page_and_this_years_together_tell_of_no_few_persons(tmp_path: Path, number: int) -> None:
    counts, last, now = _last_and_this(number)
    before = {k: n for k, n in counts.items() if k[0] != "2020"}
    page = write_figures(tmp_path / "last", mse.figures(job(before, *last)))
    found = mse.figures(job(counts, *now), against=[page])
    dims = {"year": ["2018", "2019", "2020"], "form": list("abcd")}
    earlier = {"year": ["2018", "2019"], "form": list("abcd")}
    old = conditions(pd.read_csv(page / "key-figures.csv"), earlier, "year", 0)
    told = [(np.concatenate([w, np.zeros(4)]), low, high) for w, low, high in old]
    told += conditions(found.to_pandas(), dims, "year", 0)
    small = [i for i, n in enumerate(counts.values()) if n < 10]
    for i, (low, high) in zip(small, ranges(told, [np.eye(12)[i] for i in small]), strict=True):
        assert low <= 0 and high >= 10, (list(counts)[i], low, high)
    assert found.as_record()["held_against"][0]["title"] == "Key figures"


def test_pages_that_tell_of_few_persons_together_are_told_apart_from_each_alone(tmp_path: Path) -> None:
    """Last year all of 2019, this year all but the form of four persons; of other persons nothing follows."""
    counts = {("2019", "a"): 4, ("2019", "b"): 60, ("2019", "c"): 70, ("2020", "a"): 30, ("2020", "b"): 50}
    page = write_figures(tmp_path / "last", mse.figures(job(counts, {"kind": "total", "when": "2019"})))
    now = {"kind": "total", "when": "2019", "where": {"form": ["b", "c"]}}
    (alone,), (held,) = mse.figures(job(counts, now)).figures, mse.figures(job(counts, now), against=[page]).figures
    assert alone.count == 130 and held.count is None and held.status == "suppressed"
    other = job(counts, now, source={"persons": "suspects"})
    assert mse.figures(other, against=[page]).figures[0].count == 130
    again = mse.figures(job(counts, {"kind": "total", "when": "2019"}), against=[page]).figures[0]
    assert again.count == 134, "what stood last year stands"
    hidden = write_figures(tmp_path / "hidden", mse.figures(job(counts, {"kind": "total", "when": "2019",
                                                                          "where": {"form": "a"}})))  # fmt: skip
    (cell,) = json.loads((hidden / "key-figures.json").read_text("utf-8"))["figures"][0]["cells"]
    assert cell == {"levels": {"form": ["a"], "year": ["2019"]}, "count": None}
    parts = [{"kind": "total", "when": "2019"}, now]
    beside = mse.figures(job(counts, *parts), against=[hidden]).figures
    assert None in [x.count for x in beside], "a count that was left out last year stays in doubt"


def test_the_words_of_an_earlier_rank_tell_of_all_levels(tmp_path: Path) -> None:
    """Last year: a is the most frequent. This year: how many are b. The other two are 43, none more than 40."""
    counts = {("2019", "a"): 40, ("2019", "b"): 17, ("2019", "c"): 5, ("2019", "d"): 38}
    dims = {"year": ["2019"], "form": list("abcd")}
    page = write_figures(tmp_path / "last", mse.figures(job(counts, {"kind": "rank", "when": "2019",
                                                                      "dimension": "form"})))  # fmt: skip
    last = conditions(pd.read_csv(page / "key-figures.csv", dtype={"period": str, "against": str}), dims, "year", 0)
    now = [{"kind": "total", "when": "2019"}, {"kind": "total", "when": "2019", "where": {"form": "b"}}]
    small = [np.array([0, 0, 1.0, 0])]
    alone = mse.figures(job(counts, *now))
    ((low, _),) = ranges([*last, *conditions(alone.to_pandas(), dims, "year", 0)], small)
    assert low >= 3, "the two pages give away that there are at least three"
    held = mse.figures(job(counts, *now), against=[page])
    ((low, high),) = ranges([*last, *conditions(held.to_pandas(), dims, "year", 0)], small)
    assert low <= 0 and high >= 10
    told = json.loads((page / "key-figures.json").read_text("utf-8"))["figures"][0]["cells"]
    assert [x["count"] for x in told] == [100, 40, None, None, 38]


@pytest.mark.parametrize("number", range(6))
def test_earlier_ranks_and_this_years_page_together_tell_of_no_few_persons(tmp_path: Path, number: int) -> None:
    rng = np.random.default_rng([29, number])
    forms = "abcde"
    counts = {("2019", f): int(n) for f, n in zip(forms, rng.permutation([40, 38, 36, 16, int(rng.integers(1, 9))]),
                                                  strict=True)}  # fmt: skip
    dims = {"year": ["2019"], "form": list(forms)}
    last = [{"kind": "rank", "when": "2019", "dimension": "form"}]
    page = write_figures(tmp_path / "last", mse.figures(job(counts, *last)))
    asked = rng.permutation(list(forms))[:2].tolist()
    now = [{"kind": "share", "when": "2019", "where": {"form": f}} for f in asked]
    found = mse.figures(job(counts, *now), against=[page])
    told = conditions(pd.read_csv(page / "key-figures.csv", dtype={"period": str, "against": str}), dims, "year", 0)
    told += conditions(found.to_pandas(), dims, "year", 0)
    small = [i for i, n in enumerate(counts.values()) if n < 10]
    for low, high in ranges(told, [np.eye(5)[i] for i in small]):
        assert low <= 0 and high >= 10, (counts, asked, low, high)


def test_earlier_key_figures_that_are_damaged_are_one_error(tmp_path: Path) -> None:
    page = write_figures(tmp_path / "last", mse.figures(job(BIG, {"kind": "total", "when": "2020"})))
    text = (page / "key-figures.json").read_text("utf-8")
    for wrong in (
        text[:100],
        text.replace("mse-key-figures/2", "mse-key-figures/0"),
        text.replace('"deviation"', '"off"'),
    ):
        (page / "key-figures.json").write_text(wrong, encoding="utf-8")
        with pytest.raises(InputError, match="key-figures.json is damaged") as caught:
            mse.figures(job(BIG, {"kind": "total", "when": "2020"}), against=[page])
        assert len(caught.value.problems) == 1
    done = CliRunner().invoke(main, ["figures", "models/key-figures.toml", "--against", str(page), "--language", "nl"])
    assert done.exit_code == 2 and "key-figures.json" in done.output


def test_a_rank_that_a_hidden_count_might_have_is_not_stated() -> None:
    counts = {("2020", "a"): 5, ("2020", "b"): 12, ("2020", "c"): 14}
    (found,) = mse.figures(job(counts, {"kind": "rank", "when": "2020", "dimension": "form"})).figures
    assert found.status == "suppressed" and found.level == ""


# ---- files and faults --------------------------------------------------------------------------------------


def test_a_folder_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = CliRunner().invoke(main, ["figures", "models/key-figures.toml", "--out", str(out), "--language", "nl"])
    assert done.exit_code == 0 and done.stdout.startswith("Er waren 984")
    assert sorted(x.name for x in out.iterdir()) == ["key-figures.csv", "key-figures.html", "key-figures.json",
                                                      "key-figures.nl.html"]  # fmt: skip
    record = json.loads((out / "key-figures.json").read_text("utf-8"))
    assert record["format"] == "mse-key-figures/2" and len(record["figures"]) == 17
    assert all({"publisher", "definition", "period", "sentence"} <= set(x) for x in record["figures"])
    page = (out / "key-figures.nl.html").read_text("utf-8")
    assert 'lang="nl"' in page and "http" not in page.replace("http-equiv", "")
    told = re.findall(r"<td[^>]*>(?:<[^>]+>)*([^<]+)", page)
    assert "één jaar" in told and not {"one year", "yes", "minor", "under 23", "reported", "convicted"} & set(told)
    with pytest.raises(InputError, match="exists already"):
        write_figures(out, mse.figures("models/key-figures.toml"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(InputError, match="exists already"):
        write_figures(tmp_path / "mine", mse.figures("models/key-figures.toml"), overwrite=True)


def test_every_problem_at_once_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text("year,form,count\n2019,a,12\n2019,a,3\n2020,a,-4\n2020,,7\n2020,b,1.5\n")
    (tmp_path / "job.toml").write_text(
        '[[source]]\nname = "r"\npersons = "v"\npublisher = "p"\ndefinition = "d"\ntime = "year"\npath = "counts.csv"\n'
        '[[source]]\nname = "s"\npersons = "w"\npublisher = "p"\ndefinition = "d"\nperiod = "2020"\n'
        'counts = [{ form = "a", count = 30 }, { form = "b", count = 20 }]\n'
        '[[figure]]\nkind = "share"\nsource = "s"\nwhere = { form = "c" }\n'
        '[[figure]]\nkind = "total"\nsource = "q"\n'
        '[[figure]]\nkind = "total"\nsource = "s"\nwhen = "2020"\n'
    )
    out = tmp_path / "out"
    done = CliRunner().invoke(main, ["figures", str(tmp_path / "job.toml"), "--out", str(out)])
    assert done.exit_code == 2 and done.stdout == "" and not out.exists()
    text = " ".join(done.stderr.split())
    for words in ("counts.csv, row 3", "counts.csv, row 4, column 'count'", "row 5, column 'form'", "row 6",
                  "job.toml, row 18", "'c'", "'q'", "no dimension of time"):  # fmt: skip
        assert words in text, words


def test_counts_may_be_called_as_people_call_them(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("year;form;Aantal personen\n2020;a;120\n2020;b;60\n")
    found = mse.figures(job({}, {"kind": "total", "when": "2020"}, source={"path": tmp_path / "r.csv", "counts": []}))
    assert found.figures[0].count == 180
    (tmp_path / "r.csv").write_text("year;form;freq;aantal\n2020;a;120;3\n")
    with pytest.raises(InputError, match="a column is missing"):
        mse.figures(job({}, {"kind": "total", "when": "2020"}, source={"path": tmp_path / "r.csv", "counts": []}))


@pytest.mark.parametrize(("more", "code"), [
    ({"kind": "share", "when": "2020"}, "figures.needs"), ({"kind": "multiple", "when": "2020"}, "figures.multiple"),
    ({"kind": "change", "when": "each", "against": "2016"}, "figures.each"),
    ({"kind": "total", "when": "2016", "within": "form"}, "figures.within"),
    ({"kind": "share", "when": "2016", "within": "form", "where": {"form": "a"}}, "figures.within_twice"),
    ({"kind": "share", "when": "2016", "within": "age", "where": {"form": "a"}}, "figures.unknown_dimension"),
    ({"kind": "share", "when": "2016", "within": "year", "where": {"form": "a"}}, "figures.unknown_dimension"),
    ({"kind": "multiple", "when": "2020", "where": {"form": "a"}, "of": {"form": ["a", "b"]}}, "figures.overlap"),
    ({"kind": "share", "when": "2020", "where": {"form": "a"}, "of": {"form": "b"}}, "figures.wider"),
    ({"kind": "share", "when": "1999", "where": {"form": "a"}}, "figures.unknown_level"),
    ({"kind": "rank", "when": "2020", "dimension": "sort"}, "figures.unknown_dimension"),
    ({"kind": "in view", "when": "2020", "estimate": ["x"]}, "figures.unknown_estimate"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(more: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        mse.figures(job(BIG, more))
    assert code in [getattr(p.found, "code", "") for p in caught.value.problems]


def test_a_lot_without_a_key_is_refused() -> None:
    with pytest.raises(InputError, match="needs a key"):
        mse.figures(job(BIG, {"kind": "total", "when": "2020"}, publish={"method": "random"}))


def test_identifying_columns_are_refused() -> None:
    settings = job(BIG, {"kind": "total", "when": "2020"})
    settings["source"][0]["counts"] = [{"year": "2020", "bsn": x, "count": 1} for x in ("111222333", "123456782")]
    with pytest.raises((InputError, ModelError)):
        mse.figures(settings)


# ---- registers and results ---------------------------------------------------------------------------------


def test_registers_are_counted_by_year_form_and_list(tmp_path: Path) -> None:
    """Two lists, linked by key: persons once a year, and who is on a list."""
    from tests.examples.registers import CONTRACT, row, write

    people = [row(i, date=f"{2018 + i % 2}-03-04", entered=f"{2018 + i % 2}-03-10", form=("SEX", "LAB", "LAB")[i % 3])
              for i in range(120)]  # fmt: skip
    write(tmp_path / "p.csv", people)
    write(tmp_path / "k.csv", people[60:90])
    (tmp_path / "p.toml").write_text(CONTRACT)
    border = CONTRACT.replace('list = "P"', 'list = "K"').replace('"p.csv"', '"k.csv"').replace("Police", "Border")
    (tmp_path / "k.toml").write_text(border.replace('KMAR = "K"', 'KMAR = "P"'))
    source = {k: v for k, v in SOURCE.items() if k != "time"} | {"time": "year", "by": ["year", "form"]}
    settings = {
        "source": [source | {"contracts": [str(tmp_path / "p.toml"), str(tmp_path / "k.toml")]}],
        "figure": [
            {"kind": "share", "source": "r", "when": "2018", "where": {"form": "labour"}},
            {"kind": "total", "source": "r", "when": "2019", "where": {"list": "K"}},
            {"kind": "rank", "source": "r", "when": "2019", "dimension": "form"},
        ],
    }  # fmt: skip
    share, on_list, rank = mse.figures(settings).figures
    assert (share.count, share.base) == (40, 60) and on_list.count == 15 and rank.level == "labour"
    assert "victims (K) in 2019" in mse.figures(settings).sentences()[1]


def test_results_are_taken_as_they_are_published(tmp_path: Path) -> None:
    from mse.answers.results import write_results
    from mse.publish.publishedparts import published_parts
    from tests.examples.national import national

    results = national()
    write_results(tmp_path / "results", results, lambda r: {})
    parts = published_parts(results)
    time = str(parts.time)
    year = parts.dimensions[time][-1]
    part = next(x for x in parts.parts if dict(x.levels) == {time: year})
    settings = {
        "source": [{"name": "r", "persons": "victims", "publisher": "p", "definition": "d",
                    "results": tmp_path / "results"}],
        "estimate": [{"name": "n", "persons": "victims", "publisher": "p", "definition": "d",
                      "results": tmp_path / "results", "where": {time: year}}],
        "figure": [{"kind": "in view", "source": "r", "when": year, "estimate": ["n"]},
                   {"kind": "total", "source": "r", "when": "each"}],
    }  # fmt: skip
    found = mse.figures(settings).figures
    assert found[0].count == part.observed and found[0].estimates[0].size == part.size
    assert found[0].value.point == pytest.approx(part.view.point, abs=0.01)
    assert [x.count for x in found[1:]] == [x.observed for x in parts.margin(time)]
