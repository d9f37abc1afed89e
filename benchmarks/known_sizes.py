"""Populations of known size: every method on the members of every list of every public table.

    python -m benchmarks.known_sizes [--settings NAME …] [--folder FOLDER] [--workers N] [--rows]

A problem is the population of the members of one list, estimated from the other lists (`mse.assess.knownsizes`).
Every method and default is scored by the coverage of its intervals, bias, width, and the CRPS and interval score of
log N; then departures from the identifying assumption are learned and the calibrated interval is scored on the studies
that were left out. With `--folder` an interrupted run goes on. Written are ``benchmarks/results/known-sizes.json``
(the leaderboard), ``known-sizes.csv`` (every setting on every problem), ``mse/assess/calibrated.json`` (what was
learned) and ``tests/calibration/known-sizes.json`` (the leaderboard again, for docs and tests); ``python -m
benchmarks.readme known-sizes`` then puts it into the docs. With `--rows` only the rows of these settings are
scored again, learned from again, and put in the place of the stored ones. With `--verdicts`
the headline of shrinkage, departures of the other studies inside, is scored by the verdict that `mse estimate` gives.
"""

import argparse
import csv
import hashlib
import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import known_verdicts
from benchmarks.known_populations import SETTINGS, Answer, Population, answers, populations, sources, study_of
from benchmarks.learning import ALL_SCALES, KnownAnswer, learn, learn_even, learn_without_each, log_score
from benchmarks.scores import PROBS, Score, score, summarise
from mse.answers.distribution import Distribution
from mse.assess.calibrated import STORED, Learned, Library, shipped_library, write_library
from mse.assess.departures import FEATURES, DepartureModel, departed
from mse.computing.progress import compute
from mse.computing.provenance import versions
from mse.estimators.averages.averaging import AverageSpec
from mse.shipped import load_table

Learner = Callable[[Sequence[KnownAnswer]], DepartureModel]

RESULTS = Path(__file__).resolve().parent / "results"
CALIBRATION = RESULTS.parents[1] / "tests" / "calibration" / "known-sizes.json"
COMMAND = "python -m benchmarks.known_sizes"

LEARNED: Mapping[str, Learner] = {
    "shrinkage": learn_even,
    "average, σ = 1": learn,
    "average, σ = 2": learn,
    "average, σ = 1, pairs": learn,
    "average, σ = 2, pairs": learn,
    "decomposable, δ = 2^−K": learn,
}
"""Settings for which departures are learned, and how: with a shift and features, or the two tails alone."""

SHIFTED = ("average, σ = 1", "average, σ = 2")
"""Settings that are shown with a law of departures without features too: a shift and a scale."""

SHRINKAGE = "shrinkage"

NESTED = "average, σ = 1"
"""The setting whose features and prior are chosen anew without each study."""

CHOICE = "calibrated, nested choice"
"""Stands for laws whose features were chosen without the study too."""

SLOPE_SDS = (0.1, 0.3, 1.0)
"""Choices of the nested check."""

GROUPS: Mapping[str, Callable[[Population], str]] = {
    "other lists": lambda p: str(p.members.n_lists),
    "true size": lambda p: "up to 499" if p.true < 500 else "500 to 1,499" if p.true < 1500 else "1,500 or more",
    "share seen": lambda p: _third(p.members.observed / p.true),
    "study": lambda p: p.study,
}
"""Parts of the problems by which coverage is reported."""

SHOWN = ("other lists", "true size", "share seen")
"""Those that the docs show."""


def _third(share: float) -> str:
    return "1 to 25 %" if share < 0.25 else "25 to 60 %" if share < 0.6 else "60 % or more"


def known_answers(problems: Sequence[Population], said: Sequence[Answer], chosen: Sequence[int]) -> list[KnownAnswer]:
    """Return what is learned from: the answers of one setting, with some of the features; no answer teaches nothing."""
    out = []
    for p, answer in zip(problems, said, strict=True):
        if answer.law is None:
            continue
        out.append(known_verdicts.known_answer(p, answer.law, chosen))
    return out


def left_out(said: Sequence[Answer], known: Sequence[KnownAnswer], learner: Learner = learn) -> list[Answer]:
    """Return the calibrated law of every problem, learned from the other studies."""
    models = learn_without_each(known, learner)
    laws = iter(departed(a.unseen, a.observed, *models[a.study].at(a.features, a.about)) for a in known)
    return [a if a.law is None else _answer(next(laws)) for a in said]


def _answer(law: Distribution) -> Answer:
    return Answer(law, float(law.quantile(0.5)), "ok", {})


def nested(problems: Sequence[Population], said: Sequence[Answer]) -> list[Answer]:
    """Return calibrated laws whose features and prior were chosen without the study too.

    For every study the subset of the features and the prior of the slopes are those with the best log score when each
    of the other studies is left out in turn.
    """
    every = [c for r in range(len(FEATURES) + 1) for c in itertools.combinations(range(len(FEATURES)), r)]
    known = {chosen: known_answers(problems, said, chosen) for chosen in every}
    laws: dict[int, Distribution] = {}
    for study in sorted({p.study for p in problems}):
        choices = {}
        for chosen, sd in itertools.product(every, SLOPE_SDS):
            others = [a for a in known[chosen] if a.study != study]
            models = learn_without_each(others, partial(learn, slope_sd=sd))
            size = {s: sum(a.study == s for a in others) for s in models}
            scores = (log_score(a, *models[a.study].at(a.features, a.about)) / math.sqrt(size[a.study]) for a in others)
            choices[chosen, sd] = sum(scores)
        chosen, sd = max(choices, key=lambda c: choices[c])
        model = learn([a for a in known[chosen] if a.study != study], sd)
        for i, a in enumerate(known[chosen]):
            if a.study == study:
                laws[i] = departed(a.unseen, a.observed, *model.at(a.features, a.about))
    ordered = iter(laws[i] for i in range(len(laws)))
    return [a if a.law is None else _answer(next(ordered)) for a in said]


def nested_tails(problems: Sequence[Population], said: Sequence[Answer]) -> list[Answer]:
    """Return calibrated laws without a shift, what their scales grow with chosen without the study too."""
    every = [c for r in range(len(ALL_SCALES) + 1) for c in itertools.combinations(ALL_SCALES, r)]
    known = known_answers(problems, said, range(len(FEATURES)))
    models = {}
    for study in sorted({a.study for a in known}):
        others = [a for a in known if a.study != study]
        size = {s: sum(a.study == s for a in others) for s in {a.study for a in others}}
        choices = {}
        for chosen in every:
            found = learn_without_each(others, partial(learn_even, chosen=chosen))
            choices[chosen] = sum(
                log_score(a, *found[a.study].at(a.features, a.about)) / math.sqrt(size[a.study]) for a in others
            )
        models[study] = learn_even(others, max(choices, key=lambda c: choices[c]))
    laws = iter(departed(a.unseen, a.observed, *models[a.study].at(a.features, a.about)) for a in known)
    return [a if a.law is None else _answer(next(laws)) for a in said]


def library(problems: Sequence[Population], said: Mapping[str, Sequence[Answer]]) -> Library:
    """Return what the settings learn; of settings that did not compete now, what was learned before stays."""
    studies = {p.study for p in problems}
    origin = {load_table(name).collapse().digest: study_of(name) for name in sources()}
    learned = []
    for name, learner in LEARNED.items():
        if name not in said:
            continue
        known = known_answers(problems, said[name], range(len(FEATURES)))
        options = next(a.options for a in said[name] if a.law is not None)
        learned.append(Learned(SETTINGS[name][0], options, learner(known), learn_without_each(known, learner)))
    now = [(x.method, x.setting) for x in learned]
    learned += [x for x in shipped_library().learned if (x.method, x.setting) not in now]
    sha = hashlib.sha256("".join(f"{p.study} {p.members.digest} {p.true}\n" for p in problems).encode())
    return Library({d: s for d, s in origin.items() if s in studies}, tuple(learned), sha.hexdigest())


def leaderboard(problems: Sequence[Population], said: Mapping[str, Sequence[Answer]]) -> dict[str, object]:
    """Return the summary of every setting, over all problems and over one version of each study, and by groups."""
    newest = [p.study == p.table for p in problems]
    rows, groups = [], {}
    for name, given in said.items():
        scores = [
            None if a.law is None else score(a.law, a.point, p.true) for p, a in zip(problems, given, strict=True)
        ]
        every = [s for s in scores if s is not None]
        once = [s for s, keep in zip(scores, newest, strict=True) if keep and s is not None]
        failed = sorted({a.status for a in given if a.law is None})
        rows.append(
            {
                "setting": name,
                **asdict(summarise(every)),
                "standard_errors": standard_errors(problems, scores),
                "one_version": asdict(summarise(once)),
                "failed": failed,
            }
        )
        if name in (*LEARNED, *(f"{x}, calibrated" for x in LEARNED)):
            groups[name] = {what: by_group(problems, scores, of) for what, of in GROUPS.items()}
    return {"results": rows, "groups": groups}


def earlier(now: set[str]) -> list[dict[str, Any]]:
    """Return the stored rows of settings that do not compete now, with when and on how many problems they did."""
    before = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    rows = [{**row, "of": before["problems"], "date": before["date"]} for row in before["results"]]
    return [row for row in [*rows, *before.get("earlier", [])] if row["setting"] not in now]


def rows_again(problems: Sequence[Population], said: Mapping[str, Sequence[Answer]]) -> dict[str, Any]:
    """Return the stored leaderboard with the rows of some settings in the place of those that were stored."""
    stored: dict[str, Any] = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    known = {row["setting"] for row in stored["results"]}
    if len(problems) != stored["problems"] or not set(said) <= known:
        raise SystemExit(f"run all of them; of these problems single rows can be scored again: {', '.join(known)}")
    made: Any = leaderboard(problems, {**said, **with_learned(problems, said)})
    new = {row["setting"]: {**row, "again": date.today().isoformat()} for row in made["results"]}
    stored["results"] = [new.pop(row["setting"], row) for row in stored["results"]] + list(new.values())
    stored["groups"].update(made["groups"])
    return stored


def with_learned(problems: Sequence[Population], said: Mapping[str, Sequence[Answer]]) -> dict[str, list[Answer]]:
    """Return the calibrated laws of the settings for which departures are learned."""
    out = {}
    for x, learner in LEARNED.items():
        if x in said:
            out[f"{x}, calibrated"] = left_out(said[x], known_answers(problems, said[x], range(len(FEATURES))), learner)
    for x in SHIFTED:
        if x in said:
            out[f"{x}, shift and scale learned"] = left_out(said[x], known_answers(problems, said[x], ()))
    if NESTED in said:
        out[f"{NESTED}, {CHOICE}"] = nested(problems, said[NESTED])
    if SHRINKAGE in said:
        out[f"{SHRINKAGE}, {CHOICE}"] = nested_tails(problems, said[SHRINKAGE])
        plain = known_answers(problems, said[SHRINKAGE], range(len(FEATURES)))
        out[f"{SHRINKAGE}, one scale learned"] = left_out(said[SHRINKAGE], plain, partial(learn_even, chosen=()))
    return out


def standard_errors(problems: Sequence[Population], scores: Sequence[Score | None]) -> dict[str, float]:
    """Return standard errors of means over problems, with studies, not problems, taken as drawn independently."""
    kept = [(p.study, s) for p, s in zip(problems, scores, strict=True) if s is not None]
    figures = {
        "covered_50": [float(s.covered[0]) for _, s in kept],
        "covered_95": [float(s.covered[2]) for _, s in kept],
        "crps": [s.crps for _, s in kept],
        "interval_score": [s.interval_score for _, s in kept],
    }
    out = {}
    for what, values in figures.items():
        away: dict[str, float] = {}
        for (study, _), value in zip(kept, values, strict=True):
            away[study] = away.get(study, 0.0) + value - sum(values) / len(values)
        many = len(away)
        spread = sum(x**2 for x in away.values()) * many / max(many - 1, 1)
        out[what] = math.sqrt(spread) / len(values)
    return out


def by_group(
    problems: Sequence[Population], scores: Sequence[Score | None], of: Callable[[Population], str]
) -> dict[str, dict[str, object]]:
    """Return a summary for each group of problems."""
    names = [of(p) for p, s in zip(problems, scores, strict=True) if s is not None]
    scores = [s for s in scores if s is not None]
    return {
        group: asdict(summarise([s for s, name in zip(scores, names, strict=True) if name == group and s is not None]))
        for group in sorted(set(names))
    }


def write_problems(path: Path, problems: Sequence[Population], said: Mapping[str, Sequence[Answer]]) -> None:
    """Write one row per setting and problem."""
    heads = ("setting", "study", "table", "list", "lists", "true", "observed", "point", "low", "high", "log_bias",
             "log_width", "crps", "interval_score", *(f"covered_{p:g}" for p in PROBS), "status")  # fmt: skip
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(heads)
        for name, given in said.items():
            for p, a in zip(problems, given, strict=True):
                row = [name, p.study, p.table, p.list, p.members.n_lists, p.true, p.members.observed]
                if a.law is None:
                    out.writerow([*row, *[""] * (len(heads) - len(row) - 1), a.status])
                    continue
                s = score(a.law, a.point, p.true)
                figures = [s.point, s.low, s.high, s.log_bias, s.log_width, s.crps, s.interval_score]
                out.writerow([*row, *(f"{x:.6g}" for x in figures), *map(int, s.covered), a.status])


def markdown() -> str:
    """Return the stored leaderboard as a table, the best CRPS first."""
    stored = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    heads = ("method", "50 %", "80 %", "95 %", "median bias", "RMS", "median log width", "CRPS", "interval score")
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    lines += [_line(row, stored["problems"]) for row in sorted(stored["results"], key=lambda r: r["crps"])]
    note = f"{stored['problems']} problems from {stored['studies']} studies; written by `{COMMAND}`, {stored['date']}."
    later = [row for row in stored["results"] if "again" in row]
    if later:
        note += f" Scored again on {later[0]['again']}: {', '.join(row['setting'] for row in later)}."
    before = sorted(stored.get("earlier", []), key=lambda r: r["crps"])
    if before:
        note += f" Settings that did not compete then, on the {before[0]['of']} problems of {before[0]['date']}:"
        note = "\n".join([note, "", *lines[:2], *(_line(row, row["of"]) for row in before)])
    errors = [
        f"{row['setting']}: 95 % covers {100 * row['coverage'][2]:.1f} ± "
        f"{100 * row['standard_errors']['covered_95']:.1f} %, CRPS {row['crps']:.3f} ± "
        f"{row['standard_errors']['crps']:.3f}"
        for row in stored["results"]
        if row["setting"].removesuffix(", calibrated") in LEARNED
    ]
    said = f"Standard errors, with studies and not problems as what was drawn: {'; '.join(errors)}." if errors else ""
    return "\n".join([*lines, "", note, "", said, "", *_by_group(stored["groups"]),
                      *known_verdicts.markdown(stored.get("verdicts", {}), COMMAND)])  # fmt: skip


def _line(row: Mapping[str, Any], problems: int) -> str:
    name = f"**{row['setting']}**" if row["setting"].endswith("calibrated") else row["setting"]
    missing = problems - row["problems"]
    name += f" ({missing} without an answer)" if missing else ""
    covered = " | ".join(f"{100 * c:.0f} %" for c in row["coverage"])
    figures = f"{row['median_bias']:.2f} | {row['rms']:.2f} | {row['median_width']:.2f} | {row['crps']:.3f}"
    return f"| {name} | {covered} | {figures.replace('-', '−')} | {row['interval_score']:.1f} |"


def _by_group(groups: Mapping[str, Any]) -> list[str]:
    """Return shrinkage, alone and with departures, by kinds of problems; the average where it did not compete."""
    name = SHRINKAGE if SHRINKAGE in groups else f"average, σ = {AverageSpec().sd:g}"
    heads = (name, "problems", "95 % covers", "CRPS", "calibrated covers", "CRPS")
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    for what in SHOWN:
        for group, plain in groups[name][what].items():
            wide = groups[f"{name}, calibrated"][what][group]
            figures = [f"{100 * x['coverage'][2]:.0f} % | {x['crps']:.3f}" for x in (plain, wide)]
            lines.append(f"| {what}: {group} | {plain['problems']} | {figures[0]} | {figures[1]} |")
    return lines


def main() -> None:
    """Run everything, write the results, and print the leaderboard."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keep finished parts here, and go on from them")
    parser.add_argument("--workers", type=int)
    parser.add_argument(
        "--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS), help="those that compete"
    )
    parser.add_argument("--rows", action="store_true", help="score the rows of these settings again, nothing else")
    parser.add_argument("--verdicts", action="store_true", help="score the headline by its verdict, nothing else")
    options = parser.parse_args()
    problems = populations()
    if options.verdicts:
        alone = answers(problems, compute(options.workers, folder=options.folder), [SHRINKAGE])[SHRINKAGE]
        known = known_answers(problems, alone, range(len(FEATURES)))
        where = compute(options.workers, folder=options.folder)
        levels = known_verdicts.levels_of(problems, where)
        held = known_verdicts.by_verdict(problems, left_out(alone, known, LEARNED[SHRINKAGE]), levels)
        parts = known_verdicts.held_parts(learn_without_each(known, LEARNED[SHRINKAGE]), where)
        stored = json.loads(CALIBRATION.read_text(encoding="utf-8"))
        stored["verdicts"] = known_verdicts.stored_now(leaderboard=held, parts=parts)
        CALIBRATION.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(markdown())
        return
    said = answers(problems, compute(options.workers, folder=options.folder), options.settings)
    if options.rows:
        again = rows_again(problems, said)
        if set(said) & set(LEARNED):
            names = " ".join(map(repr, options.settings))
            head = {
                "command": f"{COMMAND} --rows --settings {names}",
                "date": date.today().isoformat(),
                "versions": versions(),
            }
            write_library(library(problems, said), STORED, head)
        CALIBRATION.write_text(json.dumps(again, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(markdown())
        return
    made = library(problems, said)
    said.update(with_learned(problems, said))
    fewer = list(options.settings) != list(SETTINGS)
    command = COMMAND + (f" --settings {' '.join(map(repr, options.settings))}" if fewer else "")
    head = {"command": command, "date": date.today().isoformat(), "versions": versions()}
    counts = {"problems": len(problems), "studies": len({p.study for p in problems})}
    stored = {**head, **counts, "digest": made.digest, **leaderboard(problems, said)}
    stored["earlier"] = earlier(set(said))
    RESULTS.mkdir(exist_ok=True)
    for path in (RESULTS / "known-sizes.json", CALIBRATION):
        path.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_problems(RESULTS / "known-sizes.csv", problems, said)
    write_library(made, STORED, head)
    print(markdown())


if __name__ == "__main__":
    main()
