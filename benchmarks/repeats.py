"""Time the estimators of one register and of persons: fits, bootstraps, cross-fitting.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.repeats [--repeats 5] [--out FILE.json]

CPU seconds in one process, medians. `persons` is a simulated register of 20,000 persons with a number and a level, each
person a row. `drpop` in the last table is what the R package took for its logistic learner on another machine: an
order of size, no ratio. With more BLAS threads their idle turns count as CPU time.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mse.computing.parallel import Compute
from mse.errors import MseError
from mse.estimators.doublyrobust.onepair import DoublyRobustSpec, estimate_pair
from mse.estimators.repeats.families import FAMILIES
from mse.estimators.repeats.oneregister import RepeatsSpec, estimate, fit_repeats
from mse.shipped import load_repeats
from mse.tables.persons import PersonTable
from mse.tables.repeats import RepeatCounts

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "golden" / "drpop"
DUTCH = "irregular-immigrants-netherlands-repeat"


def median(task: Callable[[], object], repeats: int) -> float:
    """Return the median CPU time of a task, after one run that is not counted."""
    task()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        task()
        times.append(time.process_time() - start)
    return statistics.median(times)


def persons(size: int, rng: np.random.Generator) -> RepeatCounts:
    """Return a register with gamma-distributed rates and two covariates."""
    age, form = rng.normal(size=size), rng.choice(["a", "b", "c"], size)
    times = rng.poisson(np.exp(-0.4 + 0.4 * age + (form == "b") * 0.5) * rng.gamma(2.0, 0.5, size))
    seen = times > 0
    return RepeatCounts.from_arrays(times[seen], covariates={"age": age[seen], "form": form[seen]})


def registers(repeats: int) -> list[dict[str, object]]:
    """Time one fit and the bootstraps on the Dutch register, and one fit on 20,000 persons."""
    dutch, large = load_repeats(DUTCH), persons(45_000, np.random.default_rng(1))
    rows = []
    for family in FAMILIES:
        row: dict[str, object] = {"family": family, "rows": len(large.counts)}
        try:
            row["dutch"] = median(lambda f=family: fit_repeats(dutch, f), repeats)
            row |= {
                kind: median(
                    lambda f=family, k=kind: estimate(dutch, RepeatsSpec(f, interval=k), seed=1, compute=Compute(1)), 3
                )
                for kind in ("parametric", "nonparametric")
                if not (kind == "parametric" and family in ("zelterman", "chao"))
            }
        except MseError:
            pass  # the negative binomial has no estimate on this register
        row["persons"] = median(lambda f=family: fit_repeats(large, f, "age + form"), repeats)
        rows.append(row)
    return rows


def pairs(repeats: int) -> list[dict[str, object]]:
    """Time five-fold cross-fitting of one pair, every variant."""
    rows = []
    for file, peer in (
        ("drpop_sim_n3000_l3_seed1.csv", "drpop.json"), ("drpop_sim_n5000_l3_epm2_seed1.csv", "drpop_ep-2.json")
    ):  # fmt: skip
        table = PersonTable.from_csv(GOLDEN / file, lists=["y1", "y2"])
        spec = DoublyRobustSpec()
        taken = json.loads((GOLDEN / peer).read_text())["results"]["logit"]["elapsed_s"]
        seconds = median(lambda t=table, s=spec: estimate_pair(t, (0, 1), s, 1), repeats)
        rows.append({"table": file, "persons": table.observed, "seconds": seconds, "drpop": taken})
    return rows


def main() -> None:
    """Measure, print, and write the figures if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    one, two = registers(options.repeats), pairs(options.repeats)
    print(f"{'family':<12}{'one fit':>10}{'1,000 parametric':>18}{'1,000 nonparametric':>21}{'persons':>10}")
    for row in one:
        cells = [row.get(name) for name in ("dutch", "parametric", "nonparametric", "persons")]
        text = ["–" if x is None else f"{x:.4f}" for x in cells]
        print(f"{row['family']:<12}{text[0]:>10}{text[1]:>18}{text[2]:>21}{text[3]:>10}")
    print(f"\n{'persons':>8}{'cross-fit':>11}{'drpop (R, elsewhere)':>22}")
    for row in two:
        print(f"{row['persons']:>8}{row['seconds']:>11.4f}{row['drpop']:>22.1f}")
    if options.out is not None:
        figures = {"unit": "CPU seconds", "repeats": options.repeats, "registers": one, "pairs": two}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
