"""Groups of a survey without a number: an attacker with all that is printed cannot work them out."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.optimize import linprog
from scipy.sparse import csr_array

from mse.assess.rules import SurveyLimits
from mse.cli import main
from mse.evidence.survey import ALL
from mse.evidence.surveyanswer import SurveyAnswer, SurveyFigure
from mse.evidence.surveydesign import SurveyDesign
from mse.evidence.surveyverdict import judge_survey
from mse.evidence.surveyways import survey
from mse.publish.publishedsurvey import PublishedSurvey, ShownRate, SurveyAbout, publish_survey
from mse.publish.wording.rounding import Rounded, rounding_unit
from mse.words.said import Said

LIMITS = SurveyLimits()


def attacked(shown: PublishedSurvey, answers: dict[tuple[str, ...], int]) -> list[tuple[tuple[str, ...], float, float]]:
    """Return the fewest and most persons of every group without a number, by linear programmes of scipy.

    Where no groups are crossed, the levels of every column are everybody. Populations that weights were not made for
    need not add up: the attacker allows as little for that as must be.
    """
    crossed = [x for x in shown.rates if x.levels and ALL not in x.levels]
    alone = [] if crossed else [[x for x in shown.rates if x.levels and x.levels[d] != ALL]
                                for d in range(len(shown.dims))]  # fmt: skip
    crossed = crossed or [x for column in alone for x in column]
    size = {x.levels: answers[x.levels] if math.isnan(x.population) else x.population for x in shown.rates}

    def inside(levels: tuple[str, ...]) -> np.ndarray:
        if alone and not levels:
            return np.repeat([1.0, 0.0], [len(alone[0]), len(crossed) - len(alone[0])])
        return np.array([float(all(y in (ALL, z) for y, z in zip(levels, c.levels, strict=bool(levels))))
                         for c in crossed])  # fmt: skip

    rows, low, high = [], [], []
    for x in shown.rates:
        for value, times in ((x.rate, size[x.levels]), (x.persons, 1.0)):
            if math.isfinite(value.point):
                rows.append(inside(x.levels))
                low.append((value.point - value.unit / 2) * times)
                high.append((value.point + value.unit / 2) * times)
    for column in alone[1:]:
        rows.append(inside(()) - np.array([float(c in column) for c in crossed]))
        low, high = [*low, 0.0], [*high, 0.0]
    a, least, most = np.array(rows), np.array(low), np.array(high)
    bounds, both = [(0, size[c.levels]) for c in crossed], csr_array(np.vstack([a, -a]))
    for slack in (0.0, 0.003, 0.01, 0.03, 0.1, 0.3):
        ends = np.concatenate([most * (1 + slack), slack * most - least])
        if linprog(np.zeros(len(crossed)), both, ends, bounds=bounds).success:
            break
    found = []
    for x in shown.rates:
        if not math.isfinite(x.rate.point):
            ends_of = [s * linprog(s * inside(x.levels), both, ends, bounds=bounds).fun for s in (1, -1)]
            found.append((x.levels, *ends_of))
    return found


def check(shown: PublishedSurvey, answers: dict[tuple[str, ...], int], size: dict[tuple[str, ...], float]) -> int:
    """Assert that nothing follows of a group that the verdict gives no number; return how many there are."""
    beside = {x.levels for x in shown.rates if [r.code for r in x.reasons] == ["surveyreason.beside"]}
    found = [x for x in attacked(shown, answers) if x[0] not in beside]
    for levels, low, high in found:
        assert high > LIMITS.width[1] * max(low, 0.0) * 0.999, (levels, low, high)
        assert high / size[levels] * answers[levels] >= min(10, answers[levels]) * 0.999, (levels, low, high)
    return len(found)


def crossed_survey(folder: Path, number: int) -> tuple[Path, Path, Path]:
    """Write answers of regions, ages and sexes of very different size, the persons there are, and known totals."""
    rng = np.random.default_rng(number)
    places = list(itertools.product(("n", "e", "s", "w"), ("12-13", "14-16"), "fm"))
    sizes = rng.choice([18, 60, 140, 300], len(places), p=[0.25, 0.2, 0.25, 0.3])
    rows, people = ["y,region,age,sex"], ["region,age,sex,population"]
    margins: dict[tuple[str, str], int] = {}
    for (region, age, sex), n in zip(places, sizes.tolist(), strict=True):
        chance = rng.uniform(0.08, 0.35)
        rows += [f"{int(rng.random() < chance)},{region},{age},{sex}" for _ in range(n)]
        persons = n * int(rng.integers(18, 24))
        people.append(f"{region},{age},{sex},{persons}")
        for name, level in (("region", region), ("age", age), ("sex", sex)):
            margins[name, level] = margins.get((name, level), 0) + persons
    paths = tuple(folder / x for x in ("s.csv", "people.csv", "totals.csv"))
    totals = ["variable,level,total", *(f"{name},{level},{n}" for (name, level), n in margins.items())]
    for path, lines in zip(paths, (rows, people, totals), strict=True):
        path.write_text("\n".join(lines))
    return paths  # type: ignore[return-value]


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("kind", ["direct", "raking", "greg", "poststratified"])
def test_nothing_follows_of_a_group_without_a_number(kind: str, number: int, tmp_path: Path) -> None:
    path, people, totals = crossed_survey(tmp_path, number)
    design = SurveyDesign("y", by=("region", "age", "sex"))
    if kind in ("raking", "greg"):
        design = replace(design, totals=totals, calibration=kind)
    answer = survey(path, design, people)
    if kind == "poststratified":
        answer = summed(answer)
    shown = publish_survey(answer, SurveyAbout())
    answers = {x.levels: x.n or 0 for x in answer.figures}
    assert check(shown, answers, {x.levels: x.population for x in answer.figures}) > 0
    assert any(math.isfinite(x.rate.point) for x in shown.rates)


def summed(answer: SurveyAnswer) -> SurveyAnswer:
    """Return the figures as a model gives them: rates drawn together, every margin the sum of its crossed groups."""
    crossed = [x for x in answer.figures if x.levels and ALL not in x.levels]
    middle = sum(x.rate * x.population for x in crossed) / sum(x.population for x in crossed)
    rate = {x.levels: (x.rate * (x.n or 0) + 40 * middle) / ((x.n or 0) + 40) for x in crossed}
    figures = []
    for x in answer.figures:
        inside = [c for c in crossed if all(y in (ALL, z) for y, z in zip(x.levels, c.levels, strict=bool(x.levels)))]
        size = sum(c.population for c in inside)
        own = sum(rate[c.levels] * c.population for c in inside) / size
        low, high = x.low if x.low == x.low else own / 3, x.high if x.high == x.high else min(own * 3, 1.0)
        figures.append(replace(x, rate=own, low=min(low, own), high=max(high, own), population=size, persons=own * size,
                               persons_low=min(low, own) * size, persons_high=max(high, own) * size))  # fmt: skip
    return replace(answer, figures=tuple(figures))


# ---- written files of a model -------------------------------------------------------------------------------


def unit_of(point: float, low: float, high: float, scale: float) -> float:
    """Return the unit that a number was rounded to, as a reader finds it: the smaller one where two may be."""
    width = min(high - low, point) * scale
    larger = rounding_unit(width)
    if rounding_unit(max(width - 2 * larger, 0.0)) == larger:
        return larger / scale
    return rounding_unit(larger * 9.99) / scale


def as_written(folder: Path, dims: list[str]) -> PublishedSurvey:
    """Return what somebody reads in ``survey.csv``, and nothing else."""
    frame = pd.read_csv(folder / "survey.csv", dtype={x: str for x in dims})
    rates = []
    for row in frame.to_dict("records"):
        levels = tuple(str(row[x]) for x in dims)
        values = []
        for names, scale in ((("rate", "rate_low", "rate_high"), 1e6), (("persons", "low", "high"), 1.0)):
            point, low, high = (float(row[x]) for x in names)
            values.append(Rounded(point, low, high, unit_of(point, low, high, scale) if math.isfinite(point) else 1.0))
        reasons = tuple(Said(x) for x in str(row["reasons"]).split("; ") if x and x != "nan")
        rates.append(ShownRate(() if set(levels) == {ALL} else levels, *values, float(row["population"]), None,
                               math.nan, row["verdict"], reasons))  # fmt: skip
    return PublishedSurvey(SurveyAbout(), tuple(dims), tuple(rates), 0.95, "", ())


@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("crossed", [True, False])
def test_nothing_follows_of_a_group_without_a_number_in_the_files_of_a_model(
    number: int, crossed: bool, tmp_path: Path
) -> None:
    """As the command writes them, crossed groups or their margins alone; rare outcomes in groups of any size."""
    rng = np.random.default_rng([4, number])
    regions, ages = [f"r{i}" for i in range(5 if crossed else 31)], ["12-13", "14-16", "17"][: 2 if crossed else 3]
    sexes = ["f", "m"] if crossed else ["f", "m", "x", "y", "z"]
    rows, people, answers = ["y,region,age,sex"], ["region,age,sex,population"], {}
    for at in itertools.product(regions, ages, sexes):
        n = int(rng.choice([4, 20, 150, 500] if crossed else [1, 2, 3]))
        chance = rng.choice([0.01, 0.05, 0.15]) if crossed else 0.3 * (regions.index(at[0]) % 3 > 0)
        rows += [",".join([str(int(rng.random() < chance)), *at]) for _ in range(n)]
        people.append(",".join([*at, str(n * int(rng.integers(15, 25)))]))
        for levels in {tuple(y if keep else ALL for y, keep in zip(at, kept, strict=True))
                       for kept in itertools.product((True, False), repeat=3)}:  # fmt: skip
            answers[levels] = answers.get(levels, 0) + n
    for name, lines in (("s.csv", rows), ("p.csv", people)):
        (tmp_path / name).write_text("\n".join(lines))
    arguments = ["--outcome", "y", "--by", "region", "--by", "age", "--by", "sex", "--method", "mrp", "--draws", "200"]
    files = ["--population", str(tmp_path / "p.csv"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(main, ["survey", str(tmp_path / "s.csv"), *arguments, *files])
    assert done.exit_code == 0, done.output
    shown = as_written(tmp_path / "out", ["region", "age", "sex"])
    assert any(x.levels and ALL not in x.levels for x in shown.rates) is crossed
    answers[()] = answers[(ALL,) * 3]
    assert any(not math.isfinite(x.rate.point) for x in shown.rates) and math.isfinite(shown.rates[-1].rate.point)
    check(shown, answers, {x.levels: x.population for x in shown.rates})


def figure(levels: tuple[str, ...], persons: float, few: bool, groups: int) -> SurveyFigure:
    n, size = (20, 1_000.0) if few else (400, 1_000.0 * groups)
    rate = persons / size
    level, reasons = judge_survey(rate * 0.7, rate * 1.4, LIMITS, n=n, cases=max(n // 3, 4), df=40)
    return SurveyFigure(levels, rate, rate * 0.7, rate * 1.4, n, n // 3, 1.0, size, persons, persons * 0.7,
                        persons * 1.4, level, reasons)  # fmt: skip


@pytest.mark.parametrize("more", [0, 200])
def test_what_only_all_sums_together_tell_is_held_back(more: int) -> None:
    """Four groups in a block, each sum of two of them given: no sum leaves one of them alone, all of them do.

    Hundreds of groups of other levels make no difference.
    """
    cells = {("a", "f"): 95.0, ("a", "m"): 5.0, ("b", "f"): 55.0, ("b", "m"): 5.0, ("a", "x"): 300.0, ("b", "x"): 400.0,
             ("c", "f"): 200.0, ("c", "m"): 250.0, ("c", "x"): 150.0}  # fmt: skip
    cells |= {(f"d{i}", sex): 150.0 for i in range(more) for sex in "gh"}
    figures = [figure(at, n, at[0] in "ab" and at[1] in "fm", 1) for at, n in cells.items()]
    for d in range(2):
        for name in dict.fromkeys(at[d] for at in cells):
            inside = [n for at, n in cells.items() if at[d] == name]
            figures.append(figure((name, ALL) if d == 0 else (ALL, name), sum(inside), False, len(inside)))
    figures.append(figure((), sum(cells.values()), False, len(cells)))
    answer = SurveyAnswer(("region", "sex"), tuple(figures), 0.95, limits=LIMITS)
    hidden = {x.levels for x in figures if x.level == "do not publish"}
    assert hidden == {("a", "f"), ("a", "m"), ("b", "f"), ("b", "m")}
    answers, size = {x.levels: x.n or 0 for x in figures}, {x.levels: x.population for x in figures}
    bare = publish_survey(replace(answer, published=True), SurveyAbout())
    known = {levels: (low, high) for levels, low, high in attacked(bare, answers)}
    assert known["a", "f"][0] > 70, "from all sums together the large one of the four follows"
    shown = publish_survey(answer, SurveyAbout())
    check(shown, answers, size)
    held = [x for x in shown.rates if [r.code for r in x.reasons] == ["surveyreason.beside"]]
    assert held and shown.rates[-1].level != "do not publish"
    assert all(math.isnan(x.rate.point) and math.isnan(x.persons.point) for x in held)
