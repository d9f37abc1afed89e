"""Measure the way from registers to the table: how right the linkage is, how fast, and in how much memory.

    python -m benchmarks.intake [--parts accuracy probabilistic exact] [--out benchmarks/results/intake.json]

`accuracy`: the national simulation (2 % errors in the keys), several seeds: pairwise precision and recall against the
truth, exact linkage beside it, and N with and without the uncertainty of the linkage beside the truth.
`probabilistic`: 100,000 registrations (`--registrations`) linked by probability. `exact`: 1,000,000 registrations read,
checked, linked on the pseudonym and tabulated by year, form, sex and age, in a process of its own, with the most memory
it ever held (as Linux tells it; what `getrusage` says counts the process that started it).
Seconds are those of the clock; `cpu` adds up those of both cores, which a busy machine does not change as much.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mse.intake.contracts.together import check_contracts
from mse.intake.linkage.drawnlinkages import drawn_from
from mse.intake.linkage.linkagereport import link_at
from mse.intake.linkage.pairmodel import PairModel, train_model
from mse.intake.pseudonyms.keyedhash import disguise
from mse.intake.registers.delivered import read_registers
from mse.simulate.national import simulate, simulate_captures
from mse.simulate.section import national_spec
from mse.simulate.writing import write_registers

ROOT = Path(__file__).resolve().parents[1]
THRESHOLD, DRAWS, KEY = 0.9, 20, b"benchmark key of 32 bytes and up"
CHILD = """
import json, sys, time
from pathlib import Path
from mse.intake.taking import IntakeSpec, take_in
start = time.perf_counter()
intake = take_in(sys.argv[2:], sys.argv[1], IntakeSpec(strata=("year", "form", "sex", "age")), seed=1)
seconds, cpu = time.perf_counter() - start, time.process_time()
peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024**2
flow = {f"{step}": int(n) for step, name, n in intake.flow.itertuples(index=False) if name == "all"}
print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_gib": peak, "flow": flow, "strata": intake.table.n_strata}))
"""


def written(folder: Path, seed: int, *, stand_ins: bool = False, **changes: Any) -> tuple[Path, ...]:
    """Write a simulated nation in pseudonyms, or in what looks like them, and return its contracts."""
    nation = simulate(national_spec(**changes), seed=seed)
    return write_registers(folder, nation, looks_disguised if stand_ins else partial(disguise, key=KEY))


def looks_disguised(frame: pd.DataFrame) -> pd.DataFrame:
    """Return hashes without a key in the places of the pseudonyms: millions of those are work of the suppliers."""
    surname, given, birth = (frame[x].fillna("") for x in ("surname", "given_name", "birth_date"))
    parts = {
        "key": surname + "|" + given + "|" + birth, "surname_hash": surname, "surname_sound_hash": surname.str[:3],
        "given_hash": given, "initial_hash": given.str[:1], "birthdate_hash": birth,
    }  # fmt: skip
    hashed = {name: [f"{x:032x}" for x in pd.util.hash_pandas_object(column, index=False).tolist()]
              for name, column in parts.items()}  # fmt: skip
    kept = frame.drop(columns=["surname", "given_name", "birth_date"])
    return kept.assign(**hashed, birth_year=birth.str.extract(r"(\d{4})", expand=False))


def pair_scores(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return precision and recall over pairs of registrations."""

    def pairs(*names: np.ndarray) -> float:
        size = pd.Series(1, index=range(len(names[0]))).groupby(list(names)).sum()
        return float((size * (size - 1) / 2).sum())

    both = pairs(found, truth)
    return {"precision": both / max(pairs(found), 1.0), "recall": both / pairs(truth)}


def trained(contracts: tuple[Path, ...], workspace: Path, seed: int) -> tuple[PairModel, np.ndarray, dict[str, float]]:
    """Return the trained model, the true person of every registration, and the seconds that training took."""
    with read_registers(check_contracts(contracts), workspace) as registers:
        start, cpu = time.perf_counter(), time.process_time()
        model = train_model(registers.connection, registers.lists, registers.parts, registers.dimensions, seed=seed)
        seconds = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
        rows = registers.connection.execute("SELECT list, source, row FROM linkage_records ORDER BY id").df()
    links = pd.read_csv(contracts[0].parent / "links.csv")
    rows["source"] = rows["source"].str.split("/").str[-1]
    person = rows.merge(links, on=["list", "source", "row"], how="left", validate="1:1")["person"]
    return model, person.to_numpy(dtype=np.int64), seconds


def accuracy(seeds: int) -> list[dict[str, object]]:
    """Return what the linkage of the national simulation is worth."""
    from mse import estimate
    from mse.answers.pooled import pool
    from mse.intake.taking import IntakeSpec, take_in

    rows: list[dict[str, object]] = []
    for seed in range(1, seeds + 1):
        with tempfile.TemporaryDirectory() as name:
            home = Path(name)
            contracts = written(home / "registers", seed)
            model, truth, seconds = trained(contracts, home, seed)
            sizes = [len(np.unique(z)) for z in drawn_from(model, DRAWS, seed=seed)]  # fmt: skip
            row: dict[str, object] = {
                "seed": seed, "registrations": model.records, **seconds, "persons": len(np.unique(truth)),
                "persons_exact": len(np.unique(link_at(model, 1.0))),
                "persons_point": len(np.unique(link_at(model, THRESHOLD))), "persons_draws": float(np.mean(sizes)),
                "persons_draws_sd": float(np.std(sizes, ddof=1)),
            }  # fmt: skip
            for kind, threshold in (("exact", 1.0), ("probabilistic", THRESHOLD)):
                row |= {f"{what}_{kind}": x for what, x in pair_scores(link_at(model, threshold), truth).items()}
            spec = IntakeSpec(linkage="probabilistic", threshold=THRESHOLD, draws=DRAWS, strata=("year",))
            intake = take_in(contracts, home, spec, seed=seed)
            exact = take_in(contracts, home, IntakeSpec(strata=("year",)), seed=seed)
            perfect, victims = simulate_captures(national_spec(), seed=seed, dims=("year",))
            options = {"max_order": 2}

            def size(table: Any, options: dict[str, int] = options) -> Any:
                return estimate(table.collapse(), "average", seed=1, **options)

            point = size(intake.table)
            mixed = pool([size(table) for table in intake.draws], point=point)
            row["N_truth"] = int(victims.sum())
            for word, posterior in (("perfect", size(perfect)), ("exact", size(exact.table)), ("point", point),
                                    ("draws", mixed)):  # fmt: skip
                said = posterior.summary(0.95)
                row |= {f"N_{word}": said.point, f"N_{word}_low": said.low, f"N_{word}_high": said.high}
            row["between_share"] = mixed.diagnostics["between_share"]
            rows.append(row)
    return rows


def probabilistic(registrations: int) -> dict[str, object]:
    """Return the seconds that so many registrations take, and how right they are linked."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        model, truth, seconds = trained(written(home / "registers", 2, registrations=registrations), home, 1)
        start = time.perf_counter()
        sizes = [len(np.unique(z)) for z in drawn_from(model, DRAWS, seed=1)]  # fmt: skip
        return {
            "registrations": model.records, **seconds, "seconds_draws": time.perf_counter() - start,
            "persons": len(np.unique(truth)), "persons_draws": float(np.mean(sizes)),
            **pair_scores(link_at(model, THRESHOLD), truth),
            **{f"{key}_exact": x for key, x in pair_scores(link_at(model, 1.0), truth).items()},
        }  # fmt: skip


def exact(repeats: int) -> dict[str, object]:
    """Return seconds and memory of a million registrations from files to the table."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        contracts = written(home / "registers", 3, stand_ins=True, registrations=985_000)
        command = [sys.executable, "-c", CHILD, str(home), *map(str, contracts)]
        runs = [json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout)
                for _ in range(repeats)]  # fmt: skip
    fastest = min(runs, key=lambda run: run["seconds"])
    return {**fastest, "runs": [run["seconds"] for run in runs], "peak_gib": max(run["peak_gib"] for run in runs)}


def main() -> None:
    """Run the parts and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", default=["accuracy", "probabilistic", "exact"])
    parser.add_argument("--seeds", type=int, default=3, help="simulated nations for the accuracy")
    parser.add_argument("--registrations", type=int, default=98_000, help="asked for, of the probabilistic linkage")
    parser.add_argument("--repeats", type=int, default=2, help="runs of the million, of which the fastest is reported")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    found: dict[str, object] = {}
    if asked.out is not None and asked.out.exists():
        found = json.loads(asked.out.read_text(encoding="utf-8"))
    found |= {"date": time.strftime("%Y-%m-%d"), "cores": os.cpu_count()}
    for part in asked.parts:
        run = {"accuracy": partial(accuracy, asked.seeds), "probabilistic": partial(probabilistic, asked.registrations),
               "exact": partial(exact, asked.repeats)}  # fmt: skip
        found[part] = run[part]()
        print(json.dumps({part: found[part]}, indent=1))
        if asked.out is not None:
            asked.out.parent.mkdir(parents=True, exist_ok=True)
            asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
