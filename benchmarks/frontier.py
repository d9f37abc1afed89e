"""Coverage against width on both boards: what a wider or narrower law of departures, or a stricter verdict, would do.

    python -m benchmarks.frontier [--tables 4] [--more 20] [--folder FOLDER] [--workers N]

On the populations of known size the law of departures is learned without each study and its scales are changed; on
simulated truths those of the law that ships are. Beside it stands, on the simulated truths, what a further rule of the
verdict would leave of *publish*, and what of that holds where being on one list keeps people off the next (`HIDDEN`).
Written is ``tests/calibration/frontier.json``; ``python -m benchmarks.readme frontier`` puts it into docs/truth.md.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.known_populations import answers, populations
from benchmarks.known_sizes import SHRINKAGE, known_answers
from benchmarks.learning import KnownAnswer, learn_tails, learn_without_each
from benchmarks.scores import Score, score, summarise
from benchmarks.truthkinds import KINDS, simulate_truth
from mse.answers.distribution import Distribution
from mse.answers.estimates import LEVELS
from mse.assess.calibrated import shipped_library
from mse.assess.departures import FEATURES, DepartureModel, departed, features, log_unseen, scale_features
from mse.computing.parallel import Compute
from mse.computing.progress import compute
from mse.estimators.shrinkage.shrinkage import WIDEST, law_of_log_n
from mse.methods import estimate

STORED = Path(__file__).resolve().parents[1] / "tests" / "calibration" / "frontier.json"
COMMAND = "python -m benchmarks.frontier"

NONE, SAME = "none", "**below as far as above**"
"""No departures, and the law that ships."""


def _even(model: DepartureModel) -> DepartureModel:
    return replace(model, scale=max(model.scale, model.upper))


def _both(times: float) -> Callable[[DepartureModel], DepartureModel]:
    return lambda model: replace(_even(model), scale=times * _even(model).scale, upper=times * model.upper)


def _below(times: float) -> Callable[[DepartureModel], DepartureModel]:
    return lambda model: replace(model, scale=times * model.scale)


SCALES: Mapping[str, Callable[[DepartureModel], DepartureModel] | None] = {
    NONE: None,
    "both × ½": _both(0.5),
    SAME: _even,
    "both × 1¼": _both(1.25),
    "both × 1½": _both(1.5),
    "both × 2": _both(2.0),
    "below as known sizes have it": _below(1.0),
    "… × 1½": _below(1.5),
    "… × 3": _below(3.0),
}
"""What is done to the scales that known sizes show, below and above the middle; None leaves departures out."""

HIDDEN = "shy of all"
"""The kind of truth that no table can show."""

RULES: Mapping[str, tuple[str, bool, tuple[float, ...]]] = {
    "log width of the interval at most": ("width", False, (1.2, 1.0, 0.8, 0.6)),
    "log width of the interval at least": ("width", True, (0.7, 0.9, 1.1)),
    "share in view at least": ("view", True, (0.3, 0.5, 0.7)),
    "persons on two lists or more at least": ("overlap", True, (100, 300, 1000)),
    "s₂ learned at least (lists that do not look independent)": ("pair_sd", True, (0.06, 0.08, 0.12)),
    "visibility learned at least": ("visibility", True, (0.2, 0.4)),
}
"""Further rules for *publish*: what is looked at, whether the threshold is a lower one, and thresholds."""


def law_with(
    a: KnownAnswer, model: DepartureModel, change: Callable[[DepartureModel], DepartureModel] | None
) -> Distribution:
    """Return the law of N with other scales of departures, or without any."""
    if change is None:
        values = np.rint(np.exp(a.unseen) - 0.5) + a.observed
        return Distribution.from_mass(*(x.astype(np.float64) for x in np.unique(values, return_counts=True)))
    return departed(a.unseen, a.observed, *change(model).at(a.features, a.about))


def scored(a: KnownAnswer, model: DepartureModel) -> list[Score]:
    """Return the scores of one population under each of `SCALES`."""
    laws = [law_with(a, model, change) for change in SCALES.values()]
    return [score(law, float(law.quantile(0.5)), a.true) for law in laws]


def known_to_shrinkage(where: Compute) -> list[KnownAnswer]:
    """Return what shrinkage says of the populations of known size."""
    problems = populations()
    return known_answers(problems, answers(problems, where, [SHRINKAGE])[SHRINKAGE], range(len(FEATURES)))


def on_known(known: Sequence[KnownAnswer]) -> dict[str, dict[str, Any]]:
    """Return the summary of every law on the populations of known size, each study left out."""
    models = learn_without_each(known, learn_tails)
    found = [scored(a, models[a.study]) for a in known]
    return {name: asdict(summarise([row[i] for row in found])) for i, name in enumerate(SCALES)}


def hold(task: tuple[str, int, tuple[int, ...], float]) -> tuple[npt.NDArray[np.str_]]:
    """Return what is said of the tables of one task, a JSON text each."""
    kind, lists, seeds, below = task
    model = replace(next(x for x in shipped_library().learned if x.method == SHRINKAGE).everything, scale=below)
    rows = []
    for seed in seeds:
        truth = simulate_truth(kind, lists, seed=seed)
        answer = estimate(truth.table, seed=1, compute=Compute(workers=1))
        assert answer.verdict is not None
        found = law_of_log_n(truth.table)
        inside = found.log_means <= WIDEST
        plain = Distribution.poisson_mixture(truth.table.observed, found.log_means[inside], found.mass[inside])
        unseen = log_unseen(plain, truth.table.observed)
        a = KnownAnswer(
            kind, truth.table.observed, truth.size, unseen, features(truth.table, unseen),
            scale_features(truth.table, unseen),
        )  # fmt: skip
        low, high = answer.quantile([0.025, 0.975])
        rows.append({
            "kind": kind, "lists": lists, "seed": seed, "level": answer.verdict.level,
            "width": float(np.log(high / low)), "view": float(np.exp(a.features[2])),
            "overlap": float(np.expm1(a.features[1])), "pair_sd": float(found.weight @ found.grid.pair_sd),
            "visibility": float(found.weight @ found.grid.visibility),
            "headline": bool(low <= truth.size <= high), "scores": [asdict(s) for s in scored(a, model)],
        })  # fmt: skip
    return (np.array([json.dumps(row) for row in rows]),)


def on_simulated(tables: int, more: int, below: float, where: Compute) -> list[dict[str, Any]]:
    """Return what is said of `tables` tables of each kind and number of lists, and of `more` of the hidden kind.

    `below` is the scale below the middle that known sizes show.
    """
    seeds = {kind: range(more if kind == HIDDEN else tables) for kind in KINDS}
    tasks = [(kind, k, (seed,), below) for k in (3, 4, 5) for kind in KINDS for seed in seeds[kind]]
    return [json.loads(text) for (texts,) in where.spread("simulated tables", hold, tasks) for text in texts.tolist()]


def _ratio(rows: Sequence[Mapping[str, Any]], law: int) -> float:
    """Return the median, over tables, of the log width of a law over that without departures, the first."""
    widths = np.array([[row["scores"][at]["log_width"] for at in (law, 0)] for row in rows])
    return round(float(np.median(widths[:, 0] / np.maximum(widths[:, 1], 1e-9))), 3)


def of_scales(rows: Sequence[Mapping[str, Any]], tables: int) -> dict[str, dict[str, Any]]:
    """Return coverage, bias and width of every law: all kinds alike, and the hidden kind with *publish*."""
    alike = [row for row in rows if row["seed"] < tables]
    hidden = [row for row in rows if row["kind"] == HIDDEN]
    out = {}
    for i, name in enumerate(SCALES):

        def share(some: Sequence[Mapping[str, Any]], at: int = i) -> float:
            return round(float(np.mean([row["scores"][at]["covered"][2] for row in some])), 4)

        out[name] = {
            "tables": len(alike),
            "covered": share(alike),
            "covered_without_hidden": share([row for row in alike if row["kind"] != HIDDEN]),
            "publish": share([row for row in alike if row["level"] == LEVELS[0]]),
            "median_width": round(float(np.median([row["scores"][i]["log_width"] for row in alike])), 3),
            "width_ratio": _ratio(alike, i),
            "width_ratio_publish": _ratio([row for row in alike if row["level"] == LEVELS[0]], i),
            "median_bias": round(float(np.median([row["scores"][i]["log_bias"] for row in alike])), 3),
            "hidden": share(hidden),
            "hidden_publish": share([row for row in hidden if row["level"] == LEVELS[0]]),
        }
    return out


def of_rules(rows: Sequence[Mapping[str, Any]], tables: int) -> list[dict[str, Any]]:
    """Return what further rules leave of *publish*: of all kinds but the hidden one, and of that, with what holds."""

    def figures(rule: str, at: float | None, kept: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
        fit = [row for row in rows if row["level"] == LEVELS[0] and kept(row)]
        others = [row for row in fit if row["kind"] != HIDDEN and row["seed"] < tables]
        every = sum(row["kind"] != HIDDEN and row["seed"] < tables for row in rows)
        hidden = [row for row in fit if row["kind"] == HIDDEN]
        return {
            "rule": rule, "at": at, "publish": round(len(others) / every, 4),
            "hold": round(float(np.mean([row["headline"] for row in others])), 4) if others else None,
            "hidden": sum(row["kind"] == HIDDEN for row in rows), "hidden_publish": len(hidden),
            "hidden_hold": sum(row["headline"] for row in hidden),
        }  # fmt: skip

    out = [figures("as it is", None, lambda row: True)]
    for rule, (what, lower, thresholds) in RULES.items():
        for at in thresholds:
            out.append(figures(rule, at, lambda row, w=what, t=at, up=lower: row[w] >= t if up else row[w] <= t))
    return out


def markdown() -> str:
    """Return the stored figures as two tables."""
    found = json.loads(STORED.read_text(encoding="utf-8"))

    def percent(share: float | None) -> str:
        return "–" if share is None else f"{100 * share:.0f} %"

    heads = ("scales of departures", "known sizes: 50 %", "95 %", "CRPS", "interval score", "log width",
             "simulated: 95 %", "… with *publish*", "median bias", "log width",
             "times that without departures (with *publish*)", f"{HIDDEN}: 95 %", "… with *publish*")  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    for name, known in found["known"].items():
        s = found["simulated"][name]
        cells = (name, percent(known["coverage"][0]), f"{100 * known['coverage'][2]:.1f} %", f"{known['crps']:.3f}",
                 f"{known['interval_score']:.2f}", f"{known['median_width']:.2f}", percent(s["covered"]),
                 percent(s["publish"]), f"{s['median_bias']:.3f}".replace("-", "−"), f"{s['median_width']:.2f}",
                 f"{s['width_ratio']:.2f} ({s['width_ratio_publish']:.2f})", percent(s["hidden"]),
                 percent(s["hidden_publish"]))  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    heads = ("a further rule for *publish*", "*publish* of the other kinds", "of which hold", f"*publish* of {HIDDEN}",
             "of which hold")  # fmt: skip
    lines += ["", f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    for row in found["rules"]:
        of = row["hidden_publish"]
        name = row["rule"] + ("" if row["at"] is None else f" {row['at']:,g}")
        held = f"{row['hidden_hold']} ({percent(row['hidden_hold'] / of)})" if of else "–"
        lines.append(
            f"| {name} | {percent(row['publish'])} | {percent(row['hold'])} | {of} of {row['hidden']} | {held} |"
        )
    every = found["simulated"][SAME]["tables"]
    note = (
        f"{every} simulated tables of three to five lists, and {found['rules'][0]['hidden']} of {HIDDEN!r}; written by "
    )
    return "\n".join([*lines, "", f"{note}`{found['command']}`, {found['date']}."])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both boards, store the figures, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=4, help="of every kind and number of lists")
    parser.add_argument("--more", type=int, default=20, help="of the kind that no table shows")
    parser.add_argument("--folder", type=Path, help="keep finished parts here, and go on from them")
    parser.add_argument("--workers", type=int)
    chosen = parser.parse_args(arguments)
    where = compute(chosen.workers, folder=chosen.folder)
    known = known_to_shrinkage(where)
    rows = on_simulated(chosen.tables, chosen.more, learn_tails(known).scale, where)
    record = {
        "command": f"{COMMAND} --tables {chosen.tables} --more {chosen.more}", "date": date.today().isoformat(),
        "known": on_known(known), "simulated": of_scales(rows, chosen.tables), "rules": of_rules(rows, chosen.tables),
    }  # fmt: skip
    STORED.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(markdown())


if __name__ == "__main__":
    main()
