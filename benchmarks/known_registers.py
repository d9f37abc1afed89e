"""Registers of known size: every family on counts of which those with none are known too.

    python -m benchmarks.known_registers [--write]

Each register holds how many were counted once, twice and so on; how many were not counted at all is known and kept from
the methods. The default is the average over shapes with departures (`mse.estimators.repeats.registerlaw`) learned from
the other studies: all motor claims are one study. With ``--write`` the law goes to
``mse/estimators/repeats/departures.json`` and the leaderboard to ``tests/calibration/known-registers.json``.
"""

import argparse
import csv
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.learning import KnownAnswer
from benchmarks.scores import Score, score, summarise
from mse.answers.distribution import Distribution
from mse.computing.provenance import versions
from mse.errors import MseError
from mse.estimators.repeats.average import average_shapes
from mse.estimators.repeats.families import FAMILIES
from mse.estimators.repeats.registerlaw import STORED, RegisterLaw, frequency_digest, with_hidden
from mse.estimators.repeats.registersize import fit_repeats, size_of
from mse.tables.repeats import RepeatCounts

Array = npt.NDArray[np.float64]

HERE = Path(__file__).resolve().parent
BOARD = HERE / "known_registers.csv"
CALIBRATION = HERE.parent / "tests" / "calibration" / "known-registers.json"
COMMAND = "python -m benchmarks.known_registers --write"
SCALE, HIDDEN, LOG_SD = 0.3, 0.05, 0.7
"""Prior medians of τ and of the mean of h, and prior standard deviation of the log of each."""

DEFAULT, HELD = "average, with departures", "average, if a shape held"


@dataclass(frozen=True, slots=True)
class Known:
    """A register whose size is known."""

    study: str
    true: int
    table: RepeatCounts


def board() -> list[Known]:
    """Return the registers of known size."""
    with BOARD.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    out = []
    for row in rows:
        f = [int(x) for x in row["frequencies"].split()]
        out.append(
            Known(
                row["study"], int(row["true"]), RepeatCounts.from_arrays(range(1, len(f) + 1), f, name=row["register"])
            )
        )
    return out


def known_answers(known: Sequence[Known]) -> list[KnownAnswer]:
    """Return what is learned from: the average over shapes on every register."""
    found = ((k, average_shapes(k.table, np.ones((len(k.table.counts), 1)))) for k in known)
    return [KnownAnswer(k.study, k.table.observed, k.true, a.unseen, np.zeros(0)) for k, a in found]


def learn(answers: Sequence[KnownAnswer]) -> RegisterLaw:
    """Return the law of departures that these known sizes show: the best penalised log score of log(n_0 + ½).

    A study of m registers counts as √m of them.
    """
    from scipy.optimize import minimize

    studies = sorted({a.study for a in answers})
    size = {s: sum(a.study == s for a in answers) for s in studies}
    usual = np.log([SCALE, SCALE, HIDDEN])

    def lost(logs: Array) -> float:
        scale, upper, hidden = np.exp(logs)
        value = 0.5 * float((((logs - usual) / LOG_SD) ** 2).sum())
        for a in answers:
            away = math.log(a.true - a.observed + 0.5) - with_hidden(a.unseen[2::5], a.observed, hidden)
            tau = np.where(away < 0.0, scale, upper)
            density = float(np.mean(0.375 * (1.0 + (away / tau) ** 2 / 4.0) ** -2.5 / tau))
            value -= size[a.study] ** -0.5 * math.log(density)
        return value

    found = np.exp(minimize(lost, usual, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-6}).x)
    return RegisterLaw(float(found[0]), float(found[1]), float(found[2]), len(answers), len(studies))


def without_each(answers: Sequence[KnownAnswer]) -> dict[str, RegisterLaw]:
    """Return, for every study, what the other studies show."""
    return {s: learn([a for a in answers if a.study != s]) for s in sorted({a.study for a in answers})}


def laws(known: Sequence[Known]) -> dict[str, list[tuple[Distribution, float] | None]]:
    """Return the law of N and the point of every setting on every register, None where there is none."""
    answers = known_answers(known)
    without = without_each(answers)
    out: dict[str, list[tuple[Distribution, float] | None]] = {DEFAULT: [], HELD: []}
    for k, answer in zip(known, answers, strict=True):
        found = average_shapes(k.table, np.ones((len(k.table.counts), 1)))
        law = without[k.study].law(answer.unseen, k.table.observed)
        held = found.law(k.table.observed)
        out[DEFAULT].append((law, float(law.quantile(0.5))))
        out[HELD].append((held, float(held.quantile(0.5))))
    for family in FAMILIES:
        out[family] = []
        for k in known:
            try:
                fit, columns = fit_repeats(k.table, family)
                size = size_of(fit, k.table, columns.matrix)
            except MseError:
                out[family].append(None)
                continue
            out[family].append((Distribution.lognormal(size.observed, size.unseen, size.log_sd), size.size))
    return out


def scores(known: Sequence[Known], found: Sequence[tuple[Distribution, float] | None]) -> list[Score | None]:
    """Return the scores of one setting."""
    return [None if f is None else score(f[0], f[1], k.true) for k, f in zip(known, found, strict=True)]


def main() -> None:
    """Score, print, and write what was learned if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    known = board()
    every = {name: scores(known, found) for name, found in laws(known).items()}
    for k, s in zip(known, every[DEFAULT], strict=True):
        assert s is not None
        mark = "holds" if s.covered[2] else "MISSES"
        found = f"{s.point:>11,.0f}{s.low:>11,.0f}{s.high:>13,.0f}"
        print(f"{k.table.name:20}{k.table.observed:>8,}{k.true:>9,}{found} {mark}")
    rows = []
    print(f"\n{'setting':28}{'of':>4}{'50 %':>7}{'80 %':>7}{'95 %':>7}{'bias':>8}{'width':>8}{'CRPS':>8}")
    for name, given in every.items():
        kept = [s for s in given if s is not None]
        row = {"setting": name, **asdict(summarise(kept)), "failed": len(given) - len(kept)}
        rows.append(row)
        cover = "".join(f"{100 * x:7.0f}" for x in row["coverage"])
        print(f"{name:28}{len(kept):>4}{cover}{row['median_bias']:8.2f}{row['median_width']:8.2f}{row['crps']:8.3f}")
    if options.write:
        write(known, every, rows)


def write(known: Sequence[Known], every: dict[str, list[Score | None]], rows: list[dict[str, object]]) -> None:
    """Write the law of departures and the leaderboard."""
    answers = known_answers(known)
    studies: dict[str, list[str]] = {}
    for k in known:
        studies.setdefault(k.study, []).append(frequency_digest(k.table.frequencies()))
    made = {"command": COMMAND, "date": date.today().isoformat(), "versions": versions()}
    sha = hashlib.sha256(BOARD.read_bytes()).hexdigest()
    stored = {
        "provenance": made, "board": sha, "everything": asdict(learn(answers)),
        "without": {s: asdict(m) for s, m in without_each(answers).items()}, "studies": studies,
    }  # fmt: skip
    STORED.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    names = {"register": [k.table.name for k in known], "study": [k.study for k in known]}
    each = {
        name: [None if s is None else [round(s.point), round(s.low), round(s.high), s.covered[2]] for s in given]
        for name, given in every.items()
    }
    board_of = {"provenance": made, "board": sha, "problems": len(known), "results": rows, **names, "each": each}
    CALIBRATION.write_text(json.dumps(board_of, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
