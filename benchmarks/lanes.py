"""What the lanes of the kernels earn: the sweep of all models as it is, against the same sweep one model at a time.

    python -m benchmarks.lanes [--rounds 5] [--out FILE.json]

The other side is a copy of the package in which a lane holds one number: the same walk, starts, primal and dual, with
libm's exponential, fused multiply-adds allowed, and loops left to LLVM to put into vectors. The two run in turn, a
fresh process each time, one core; CPU seconds of the fastest of three sweeps, and the ratio of the two within a round.
Of all models of six lists every fiftieth sub-tree is swept.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# name of the table, largest order of a term (None: all but the saturated), one sub-tree in so many
PROBLEMS = (
    ("uk-2013-5", None, 1),
    ("uk-2013-6", 2, 1),
    ("uk-2013-6", None, 50),
)

SINGLE = '''
"""One number where the package has eight."""

import math

import numpy as np
from numpy.typing import NDArray

from mse.kernels.compiled import compiled

LANES = WIDE = 1
type Lanes = float


@compiled
def load(x, index):
    if x.ndim == 1:
        return x[index]
    return x[index, 0]


@compiled
def store(x, index, value):
    if x.ndim == 1:
        x[index] = value
    else:
        x[index, 0] = value


@compiled
def pick(x, places, row):
    return x[places[row, 0], 0]


@compiled
def pick_both(x, places, row, other):
    return x[places[row, 0] ^ places[other, 0], 0]


@compiled
def put(x, places, row, value):
    x[places[row, 0], 0] = value


@compiled
def spread_wide(value):
    return float(value)
'''

EXPONENTIAL = '''
"""The exponential of libm."""

import math

from mse.kernels.compiled import compiled


@compiled
def exponential(x):
    return math.exp(min(max(x, -700.0), 700.0))
'''

# what says eight outside `lanes.py`
CHANGES = (
    ("octets.py", "places[j, 0]) >> 3", "places[j, 0])"),
    ("compiled.py", 'error_model="numpy"', 'error_model="numpy", fastmath={"contract"}'),
)

TIMED = """
import json, sys, time
import numpy as np
from mse.kernels.sweep import sweep_evidence
from mse.tables.captures import CaptureTable
from mse.terms import candidates

path, largest, part = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
table = CaptureTable.from_csv(path)
counts, cells = table.dense()
subsets = candidates(table.n_lists, largest)

def run(task, roots):
    return [task(root) for root in roots[::part]]

def sweep():
    begun = time.process_time()
    found = sweep_evidence(counts, cells, subsets, 1.0, np.zeros(len(subsets) + 1), keep=1000, run=run)
    return time.process_time() - begun, found

sweep()
times = [sweep() for _ in range(3)]
found = times[0][1]
value = found.reference + float(np.log(found.total))
print(json.dumps({"seconds": min(t for t, _ in times), "models": found.models, "log_evidence": value}))
"""


def single_number(folder: Path) -> None:
    """Write a copy of the package in which a lane holds one number."""
    shutil.copytree(ROOT / "mse", folder / "mse", ignore=shutil.ignore_patterns("__pycache__"))
    kernels = folder / "mse" / "kernels"
    (kernels / "lanes.py").write_text(SINGLE, encoding="utf-8")
    (kernels / "exponential.py").write_text(EXPONENTIAL, encoding="utf-8")
    for name, old, new in CHANGES:
        text = (kernels / name).read_text(encoding="utf-8")
        if old not in text:
            raise SystemExit(f"{name} has changed: {old!r} is not in it")
        (kernels / name).write_text(text.replace(old, new), encoding="utf-8")


def timed(package: Path, cache: Path, problem: tuple[str, int | None, int]) -> dict[str, float]:
    """Return seconds, models and log evidence of one side in a fresh process."""
    name, largest, part = problem
    environment = {**os.environ, "PYTHONPATH": str(package), "NUMBA_CACHE_DIR": str(cache)}
    arguments = [str(ROOT / "data" / name / "table.csv"), json.dumps(largest), str(part)]
    done = subprocess.run([sys.executable, "-c", TIMED, *arguments], env=environment, cwd=package,
                          capture_output=True, text=True, check=True)  # fmt: skip
    return dict(json.loads(done.stdout))


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "lanes.json")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as home:
        copy, caches = Path(home) / "single", [Path(home) / "cache-8", Path(home) / "cache-1"]
        for place in (copy, *caches):
            place.mkdir()
        single_number(copy)
        for problem in PROBLEMS:
            pairs = [(timed(ROOT, caches[0], problem), timed(copy, caches[1], problem)) for _ in range(options.rounds)]
            eight, one = pairs[0]
            if abs(eight["log_evidence"] - one["log_evidence"]) > 1e-5:
                raise SystemExit(f"{problem[0]}: {eight['log_evidence']} against {one['log_evidence']}")
            ratios = sorted(b["seconds"] / a["seconds"] for a, b in pairs)
            per_model = [1e6 * statistics.median(side["seconds"] for side in sides) / eight["models"]
                         for sides in zip(*pairs, strict=True)]  # fmt: skip
            rows.append({
                "problem": problem[0], "terms": "pairs" if problem[1] == 2 else "all but the saturated",
                "models": int(eight["models"]), "eight_us": per_model[0], "one_us": per_model[1],
                "ratio": statistics.median(ratios), "least": ratios[0], "most": ratios[-1],
            })  # fmt: skip
            print(
                f"{problem[0]:<16}{rows[-1]['terms']:<24}{rows[-1]['models']:>9,} models"
                f"{per_model[0]:>8.2f} µs{per_model[1]:>8.2f} µs  x{rows[-1]['ratio']:.2f}"
                f" ({ratios[0]:.2f}-{ratios[-1]:.2f})",
                flush=True,
            )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"rounds": options.rounds, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
