"""Every piece of work that somebody waits for, beside its target: one table.

    python -m benchmarks [NAME ...] [--long] [--repeats 5] [--many FILE.csv] [--out FILE.json] [--write]

CPU seconds of one process and of those it starts, medians, after everything is compiled (what `--long` adds is timed
once, and compiles the first time). The machine may be slow or shared, so every figure stands as a ratio too, to a loop
of the same minute, `reference`: two hundred log-linear fits by iterated least squares in plain NumPy, timed before and
after each row. NAME takes the rows whose name holds it. Rows of minutes are timed with `--long`, or by name. `--many`
is a file of many lists, for a row of its own. `--write` fills docs/speed.md; rows that were not timed stay as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

import mse
from benchmarks.speedpage import block, put
from mse.computing.parallel import Compute
from mse.computing.yardstick import fits_by_least_squares
from mse.tables.captures import CaptureTable
from mse.tables.histories import HistoryTable

ROOT = Path(__file__).resolve().parents[1]
ONE = Compute(workers=1)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its name, the CPU seconds to reach, the work, and whether it takes minutes."""

    name: str
    target: float
    work: Callable[[], object]
    long: bool = False
    once: bool = False


def reference() -> None:
    """Fit the pairs of five lists two hundred times by iterated least squares, as a general program does."""
    fits_by_least_squares(200)


def cpu() -> float:
    """Return the CPU seconds of this process and of those that it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def timed(work: Callable[[], object]) -> float:
    """Return the CPU seconds of some work, or what it says itself that it took."""
    start = cpu()
    said = work()
    return said if isinstance(said, float) else cpu() - start


def by_clock(work: Callable[[], object]) -> float:
    """Return the seconds of some work by the clock: that of workers who stay is nobody's child."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def million() -> float:
    """Return the CPU seconds of a million registrations from files to the table, written beforehand."""
    command = [sys.executable, "-m", "benchmarks.intake", "--parts", "exact"]
    found = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return float(json.loads(found.stdout)["exact"]["cpu"])


def on_of(lists: int) -> np.ndarray:
    """Return who is on what, 0 or 1: one row a history, one column a list."""
    return (np.arange(1, 2**lists)[:, None] >> np.arange(lists)) & 1


def simulated(lists: int, tables: int, persons: int = 1500, seed: int = 1) -> list[CaptureTable]:
    """Return tables of persons who differ in visibility."""
    rng = np.random.default_rng(seed)
    on = on_of(lists)
    found = []
    for i in range(tables):
        odds = rng.normal(-1.5, 0.4, lists)[None, :] + rng.normal(0.0, rng.choice([0.0, 0.5, 1.0]), 60)[:, None]
        chance = 1.0 / (1.0 + np.exp(-odds))[:, None, :]
        share = np.where(on[None], chance, 1.0 - chance).prod(axis=2).mean(axis=0)
        counts = rng.poisson(persons * share)
        found.append(CaptureTable.from_arrays("ABCDEFGHIJ"[:lists], counts, name=f"simulated {i + 1}"))
    return found


def strata(number: int) -> CaptureTable:
    """Return strata of four lists, about 60 persons each."""
    on = on_of(4)
    share = np.where(on, 0.25, 0.75).prod(axis=1)
    counts = np.random.default_rng(1).poisson(90 * share, size=(number, 15))
    return CaptureTable.from_arrays("ABCD", counts, strata={"part": [str(i) for i in range(number)]})


@cache
def load(name: str) -> CaptureTable:
    """Return a public table, read once: reading is not what is timed."""
    return mse.load_table(name)


def shell(*words: str) -> object:
    """Run a command of ours and throw away what it prints."""
    return subprocess.run([sys.executable, "-m", "mse.cli", *words], check=True, capture_output=True, cwd=ROOT)


def many_by(method: str) -> object:
    return mse.estimate(strata(100), method, by=["part"], seed=1, compute=ONE)


def fits(name: str, model: str) -> object:
    table = load(name)
    return [mse.fit_model(table, model) for _ in range(1000)]


def huge() -> CaptureTable:
    on = on_of(4)
    return CaptureTable.from_arrays("ABCD", np.rint(1e8 * np.where(on, 0.2, 0.8).prod(axis=1)).astype(np.int64))


def repeated() -> object:
    from mse.tables.repeats import RepeatCounts

    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "register.csv"
        sex, age, region = rng.integers(0, 2, 100_000), rng.integers(0, 5, 100_000), rng.integers(0, 10, 100_000)
        times = np.maximum(rng.poisson(0.4 + 0.1 * sex), 1)
        rows = [f"{t},s{s},a{a},r{r}" for t, s, a, r in zip(times, sex, age, region, strict=True)]
        path.write_text("registrations,sex,age,region\n" + "\n".join(rows) + "\n", encoding="utf-8")
        table = RepeatCounts.from_csv(path, covariates=["sex", "age", "region"], persons=True)
    return mse.estimate(table, "repeats", formula="sex + age + region", seed=1, compute=ONE)


def deep() -> CaptureTable:
    """Return 160 strata of six lists, some 40 persons each."""
    share = np.where(on_of(6), 0.2, 0.8).prod(axis=1)
    counts = np.random.default_rng(1).poisson(50 * share, size=(160, 63))
    return CaptureTable.from_arrays("ABCDEF", counts, strata={"part": [str(i) for i in range(160)]})


def compiled_anew() -> object:
    """Estimate from the shell with an empty store of compiled kernels."""
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([sys.executable, "-m", "mse.cli", "estimate", "uk-2013-5"], check=True, cwd=ROOT,
                              capture_output=True, env={**os.environ, "NUMBA_CACHE_DIR": folder})  # fmt: skip


def law(name: str) -> object:
    from mse.estimators.shrinkage.shrinkage import law_of_log_n

    return law_of_log_n(load(name))


def many_lists(path: Path) -> object:
    from mse.estimators.shrinkage.manylists import laws_of_many
    from mse.estimators.shrinkage.scales import make_grid
    from mse.estimators.shrinkage.shrinkspec import common_values, usual_spec
    from mse.estimators.shrinkage.unseen import QUICK

    header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
    table = HistoryTable.from_csv(path, lists=[x for x in header if x.startswith("in_")] or None)
    grid = make_grid(usual_spec().pair_sd, usual_spec().ratio, common_values(usual_spec(), True), 2)
    return laws_of_many(table.n_lists, table.histories, table.counts.astype(np.float64), grid, 3.0, QUICK)


def rows(many: Path | None) -> list[Row]:
    """Return every row; targets are CPU seconds of one quiet core."""
    run = partial(mse.estimate, seed=1, compute=ONE)
    results = str(ROOT / "results" / "benchmark")
    long = partial(Row, long=True, once=True)
    tables = simulated(4, 1000)
    out = [
        Row("mse.estimate, K = 4", 0.015, lambda: run(load("kosovo-1999-4"))),
        Row("mse.estimate, K = 5", 0.05, lambda: run(load("uk-2013-5"))),
        Row("estimate_many, 1,000 tables K = 4, two workers, by the clock", 10.0,
            lambda: by_clock(lambda: mse.estimate_many(tables, seed=1, compute=Compute(workers=2))), True, True),
        *(Row(f"{method} by 100 strata, K = 4", 1.5, partial(many_by, method), once=True)
          for method in ("auto", "chao", "loglinear", "decomposable", "average")),
        Row("mse estimate, five lists, from the shell", 1.2, lambda: shell("estimate", "uk-2013-5"), once=True),
        Row("mse run models/uk-2013.toml", 2.5,
            lambda: shell("run", "models/uk-2013.toml", "--out", results, "--overwrite"), once=True),
        Row("mse report", 1.2, lambda: shell("report", results), once=True),
        Row("mse plan models/uk-2013.toml", 1.2, lambda: shell("plan", "models/uk-2013.toml"), once=True),
        Row("mse assess", 10.0, lambda: shell("assess", results), once=True),
        Row("mse.compare, five lists", 6.0, lambda: mse.compare(load("uk-2013-5"), seed=1, compute=ONE), once=True),
        Row("decomposable, 10⁸ persons", 0.2, lambda: run(huge(), "decomposable")),
        *(Row(f"a thousand times fit_model, K = {load(name).n_lists}", target * 1000, partial(fits, name, model))
          for name, model, target in (("kosovo-1999-4", "[12,13,24]", 5e-5), ("uk-2013-5", "[12,13,24,15]", 8e-5),
                                      ("uk-2013-6", "[12,13,24,15,56]", 12e-5))),
        Row("repeats, 100,000 rows, three covariates", 2.0, repeated, once=True),
        Row("law of shrinkage, K = 4", 0.001, partial(law, "kosovo-1999-4")),
        Row("law of shrinkage, K = 5", 0.002, partial(law, "uk-2013-5")),
        Row("law of shrinkage, K = 6", 0.01, partial(law, "uk-2013-6")),
        Row("law of shrinkage, K = 8", 0.2, partial(law, "new-orleans-8-n185")),
        Row("shrinkage, 160 strata that share the scales", 5.0,
            lambda: run(strata(160), "shrinkage", strata=True), once=True),
        long("all 7,785,061 six-list models", 20.0, lambda: run(load("uk-2013-6"), "average", corrected=0.0)),
        Row("decomposable, seven lists", 3.0, lambda: run(simulated(7, 1, 3000)[0], "decomposable"), True, True),
        long("multilevel, 160 strata of six lists", 120.0, lambda: run(deep(), "multilevel")),
        Row("first compile of the kernels in all", 15.0, compiled_anew, True, True),
        long("search-average, ten lists", 20.0, lambda: run(simulated(10, 1, 3000)[0], "search-average")),
        long("latent classes, 8 lists", 5.0, lambda: run(load("new-orleans-8-n185"), "latent-class")),
        long("latent classes, 11 lists, 286 persons", 8.0,
             lambda: run(load("philippines-caloocan-2016-2017-11").part({"perp": "police"}), "latent-class")),
        long("1,000,000 registrations to a table", 10.0, million),
    ]  # fmt: skip
    if many is not None:
        out.append(Row(f"law of shrinkage, {many.stem}", 2.0, partial(many_lists, many)))
    return out


def write(found: dict[str, dict[str, float]], order: list[str]) -> None:
    """Fill the table of docs/speed.md; rows that were not timed stay as they are."""
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in block("rows").splitlines()[2:]}
    for name, x in found.items():
        lines[name] = f"| {name} | {x['seconds']:.3g} | {x['target']:g} | {x['ratio']:.3g} |"
    head = ["| work | CPU s | target | over reference |", "|---|---:|---:|---:|"]
    put("rows", "\n".join([*head, *(lines[name] for name in order if name in lines)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--many", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--write", action="store_true", help="fill the table of docs/speed.md")
    given = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    reference()
    print(f"{'work':48} {'CPU s':>9} {'target':>8} {'reference':>9} {'ratio':>8}")
    for row in rows(given.many):
        wanted = any(name in row.name for name in given.names) if given.names else given.long or not row.long
        if not wanted:
            continue
        if not row.long:
            row.work()  # compiles
        before = timed(reference)
        times = [timed(row.work) for _ in range(1 if row.once else given.repeats)]
        base = 0.5 * (before + timed(reference))
        seconds = statistics.median(times)
        found[row.name] = {"seconds": seconds, "target": row.target, "reference": base, "ratio": seconds / base}
        print(f"{row.name:48} {seconds:9.4f} {row.target:8.3f} {base:9.3f} {seconds / base:8.3f}", flush=True)
    if given.write:
        write(found, [row.name for row in rows(given.many)])
    if given.out:
        given.out.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
