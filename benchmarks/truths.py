"""Simulated truths: any method, with its verdict, on populations of every kind whose size is known.

    python -m benchmarks.truths METHOD [--options JSON] [--kinds KIND …] [--lists 3 4 5 6] [--tables 60 …]
                                [--folder FOLDER] [--workers 2]

Tables are those of `benchmarks.truthkinds`: the same kind, lists and seed are the same table for every method. Held
against the truth are the interval of the method and, where departures were learned for it, its calibrated one, each by
the verdict that the method got. With `--folder` an interrupted run goes on. A run replaces what is stored of its method
in ``tests/calibration/truths.json``; ``python -m benchmarks.readme truths`` puts the tables into docs/truth.md.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.scores import Score, score, summarise
from benchmarks.truthkinds import KINDS, simulate_truth
from mse.answers.estimates import LEVELS
from mse.assess.calibrated import calibrated, is_learned
from mse.computing.parallel import Compute
from mse.computing.progress import compute
from mse.computing.provenance import versions
from mse.errors import MseError
from mse.methods import estimate

STORED = Path(__file__).resolve().parents[1] / "tests" / "calibration" / "truths.json"
CHUNK = 5
"""Tables in one task."""

FAILED = "no answer"
"""Stands for the verdict of a table on which the method says nothing."""

ONLY = "publish, but for `identifying`"
"""Stands for tables with which nothing is wrong but that the method takes its identifying assumption for granted."""

Task = tuple[str, int, tuple[int, ...], str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Held:
    """One interval held against the size of one population.

    Parameters
    ----------
    kind : str
        Of `benchmarks.truthkinds.KINDS`.
    lists, seed : int
        Of the table.
    level : str
        The verdict, or `FAILED`.
    codes : tuple of str
        Rules behind the verdict.
    score : Score or None
        None without an answer.
    """

    kind: str
    lists: int
    seed: int
    level: str
    codes: tuple[str, ...]
    score: Score | None


def hold(task: Task) -> tuple[np.ndarray]:
    """Estimate the tables of one task; one JSON text per interval and table."""
    kind, lists, seeds, method, options = task
    rows: list[dict[str, object]] = []
    for seed in seeds:
        truth = simulate_truth(kind, lists, seed=seed)
        try:
            answer = estimate(truth.table, method, seed=1, compute=Compute(workers=1), **options)
        except MseError as error:
            said = {"seed": seed, "level": FAILED, "codes": [str(error.problems[0].found)]}
            rows.append({"name": method, **said, "score": None})
            continue
        assert answer.verdict is not None
        said = {
            "seed": seed,
            "level": answer.verdict.level,
            "codes": [reason.code for reason in answer.verdict.reasons],
        }
        laws = {method: answer}
        if is_learned(answer):
            laws[f"{method}, calibrated"] = calibrated(answer, truth.table)
        for name, law in laws.items():
            rows.append({"name": name, **said, "score": asdict(score(law.distribution, law.point, truth.size))})
    return (np.array([json.dumps(row) for row in rows]),)


def run(
    method: str,
    options: Mapping[str, Any],
    kinds: Sequence[str],
    lists: Mapping[int, int],
    compute: Compute,
) -> dict[str, list[Held]]:
    """Hold a method against the truth.

    Parameters
    ----------
    method : str
        Of `mse.estimate`.
    options : mapping
        Its options.
    kinds : sequence of str
        Of `benchmarks.truthkinds.KINDS`.
    lists : mapping of int to int
        Tables of every kind, by their number of lists.
    compute : Compute
        Workers, progress, and the folder that keeps finished parts.

    Returns
    -------
    dict of str to list of Held
        By interval: the method's own, and "…, calibrated".
    """
    tasks: list[Task] = [
        (kind, k, tuple(range(first, min(first + CHUNK, tables))), method, dict(options))
        for k, tables in lists.items() for kind in kinds for first in range(0, tables, CHUNK)
    ]  # fmt: skip
    found: dict[str, list[Held]] = {}
    for task, (texts,) in zip(tasks, compute.spread("tables of known size", hold, tasks), strict=True):
        for row in map(json.loads, texts.tolist()):
            measured = row["score"]
            if measured is not None:
                measured = Score(**{**measured, "covered": tuple(measured["covered"])})
            held = Held(task[0], task[1], row["seed"], row["level"], tuple(row["codes"]), measured)
            found.setdefault(row["name"], []).append(held)
    return found


def summaries(rows: Sequence[Held]) -> dict[str, dict[str, Any]]:
    """Return figures by verdict, then by kind and number of lists; "all" is everything together."""
    groupings: Mapping[str, Callable[[Held], str]] = {
        "all": lambda r: "all", "kind": lambda r: r.kind, "lists": lambda r: str(r.lists),
        "kind and lists": lambda r: f"{r.kind}, {r.lists}",
    }  # fmt: skip
    out: dict[str, dict[str, Any]] = {}
    for level in ("all", *LEVELS, ONLY):
        part = [r for r in rows if r.score is not None and level in ("all", r.level, _only(r))]
        out[level] = {
            what: {group: _figures(of_group) for group, of_group in _grouped(part, name)}
            for what, name in groupings.items()
        }
    return out


def _only(row: Held) -> str:
    return ONLY if row.codes == ("identifying",) else ""


def _grouped(rows: Sequence[Held], name: Callable[[Held], str]) -> Iterator[tuple[str, list[Held]]]:
    for group in dict.fromkeys(map(name, rows)):
        yield group, [r for r in rows if name(r) == group]


def _figures(rows: Sequence[Held]) -> dict[str, object]:
    found = summarise([r.score for r in rows if r.score is not None])
    return {
        "tables": found.problems,
        "coverage": [round(c, 4) for c in found.coverage],
        **{name: round(getattr(found, name), 4) for name in ("median_bias", "rms", "median_width", "crps")},
        "missed_above": round(float(np.mean([r.score.high < r.score.true for r in rows if r.score is not None])), 4),
    }


def stored() -> dict[str, Any]:
    """Return what is stored, by name of the interval."""
    if not STORED.is_file():
        return {}
    found: dict[str, Any] = json.loads(STORED.read_text(encoding="utf-8"))
    return found


def markdown() -> str:
    """Return the stored figures as tables: by verdict, by kind, and by number of lists."""
    return pages(stored())


def pages(found: Mapping[str, Any]) -> str:
    """Return figures as tables; `found` is as `stored` gives it."""
    parts = ["| interval | verdict | tables | 50 % | 80 % | 95 % | median bias | RMS | median log width |",
             "|---|---|---:|---:|---:|---:|---:|---:|---:|"]  # fmt: skip
    for name, held in found.items():
        for level in ("all", *LEVELS, ONLY):
            if held["figures"].get(level, {}).get("all"):
                parts.append(f"| {name} | {level} | {_row(held['figures'][level]['all']['all'])} |")
    for what, title in (("kind", "kind of truth"), ("lists", "lists")):
        for name, held in found.items():
            parts += ["", f"{name}, by {title}: all tables, and those with *publish*", "",
                      f"| {title} | tables | 95 % | median bias | log width | *publish* | 50 % | 80 % | 95 % | "
                      "median bias | log width |", "|---|" + "---:|" * 10]  # fmt: skip
            for group, every in held["figures"]["all"][what].items():
                fit = held["figures"][LEVELS[0]][what].get(group)
                parts.append(f"| {group} | {_short(every)} | {_long(fit) if fit else '0 | | | | | '} |")
    dates = sorted({held["date"] for held in found.values()})
    commands = "; ".join(f"`{command}`" for command in dict.fromkeys(held["command"] for held in found.values()))
    note = f"Written by `python -m benchmarks.readme truths` from {commands}; last run {dates[-1]}."
    return "\n".join([*parts, "", note])


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _signed(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


def _row(f: Mapping[str, Any]) -> str:
    covered = " | ".join(map(_percent, f["coverage"]))
    return f"{f['tables']:,} | {covered} | {_signed(f['median_bias'])} | {f['rms']:.3f} | {f['median_width']:.2f}"


def _short(f: Mapping[str, Any]) -> str:
    return f"{f['tables']:,} | {_percent(f['coverage'][2])} | {_signed(f['median_bias'])} | {f['median_width']:.2f}"


def _long(f: Mapping[str, Any]) -> str:
    covered = " | ".join(map(_percent, f["coverage"]))
    return f"{f['tables']:,} | {covered} | {_signed(f['median_bias'])} | {f['median_width']:.2f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a method, store its figures, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method")
    parser.add_argument("--options", default="{}", help="of the method, as JSON")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--lists", nargs="+", type=int, default=[3, 4, 5, 6])
    parser.add_argument("--tables", nargs="+", type=int, default=[60], help="of every kind; one, or one per --lists")
    parser.add_argument("--folder", type=Path, help="keep finished parts here, and go on from them")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--rows", type=Path, help="write every table's figures here too, as JSON lines")
    chosen = parser.parse_args(arguments)
    options = json.loads(chosen.options)
    where = compute(chosen.workers, folder=chosen.folder)
    tables = chosen.tables if len(chosen.tables) > 1 else chosen.tables * len(chosen.lists)
    held = run(chosen.method, options, chosen.kinds, dict(zip(chosen.lists, tables, strict=True)), where)
    command = f"python -m benchmarks.truths {chosen.method}" + (f" --options '{chosen.options}'" if options else "")
    if chosen.lists != parser.get_default("lists"):
        command += f" --lists {' '.join(map(str, chosen.lists))}"
    command += f" --tables {' '.join(map(str, chosen.tables))}"
    record = stored()
    for name, rows in held.items():
        failed = sum(r.score is None for r in rows)
        record[name] = {"command": command, "date": date.today().isoformat(), "versions": versions(),
                        "without_answer": failed, "figures": summaries(rows)}  # fmt: skip
    STORED.write_text(json.dumps(record, ensure_ascii=False) + "\n", encoding="utf-8")
    if chosen.rows is not None:
        lines = (json.dumps({"name": name, **asdict(r)}) for name, rows in held.items() for r in rows)
        chosen.rows.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(markdown())


if __name__ == "__main__":
    main()
