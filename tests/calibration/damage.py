"""Damaged results, releases, job files and key files: every one is used or refused in one error, and nothing is left.

``python -m tests.calibration.damage 2000`` repeats it on so many cases and stores the outcome in ``damage.json``.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import mse.jobs.running
from mse.answers.recordchecks import sealed, unsealed
from mse.answers.results import Results, read_results, write_results
from mse.errors import MseError
from mse.intake.pseudonyms.keyedhash import read_key
from mse.jobs.job import make_job, read_job
from mse.jobs.running import assess_results, run_job
from mse.publish.changes import compare_results
from mse.publish.changestext import changes_text
from mse.publish.release.bundle import write_release
from mse.publish.release.verification import verify_release
from mse.publish.report.html import write_pages

STORED = Path(__file__).with_name("damage.json")

JOB = b"""title = "A study"

[table]
path = "t.csv"
covariates = ["year"]
merge = { AB = ["A", "B"] }

[estimate]
method = "covariates"
formula = "~ (A + B + C)*year"
interval = "lognormal"
unknown = { year = "unknown" }

[[compare]]
method = "chao"

[run]
seed = 1
prob = 0.95

[verdict]
prior = [1.15, 1.5]

[assess]
parts = ["sensitivity"]
above = [10000]

[publish]
threshold = 10
population = "population.csv"

[report]
languages = ["en", "nl"]
period = "2013"
breaks = [{ at = "2018-05", text = "consent" }]
names = { A = "police" }
"""
STRANGE = (
    None, True, 0, -1, 1.5, 10**30, float("nan"), float("inf"), "", "x", "\x00", "a" * 300, "<b>", [], [[]], {},
    {"": 0}, [1, "a", None], "../../x", "2013", ["x"] * 50, {"a": {"b": {"c": []}}},
)  # fmt: skip
NOISE = (
    b"\x00",
    b"\xff\xfe",
    b"\xc3",
    b"\n",
    b",,,,",
    b'"',
    b"}",
    b"[[",
    b"NaN",
    b"1e999",
    b"\xef\xbb\xbf",
    b"x" * 3000,
)


def sound(folder: Path, rich: Results) -> None:
    """Write what is going to be damaged: rich results, those of a small job, and the releases of both."""
    (folder / "t.csv").write_text(
        "A,B,C,count\n" + "".join(f"{i & 1},{i >> 1 & 1},{i >> 2 & 1},{60 - 4 * i}\n" for i in range(1, 8))
    )
    job = make_job(
        {"table": {"path": folder / "t.csv"}, "estimate": {"method": "average", "max_order": 1}, "compare": []}
    )
    for name, results in (("rich", rich), ("small", run_job(job))):
        write_results(folder / name, results, lambda found: "page")
        write_release(folder / name)


def damage(data: bytes, name: str, rng: random.Random) -> bytes:
    """Return the content of a file after something happened to it."""
    kind = rng.choice(["flip", "cut", "noise", "value", "value", "value", "value", "empty", "words", "swap"])
    at = rng.randrange(len(data) + 1)
    if kind == "value" and name.endswith(".json"):
        return json.dumps(_changed(json.loads(data), rng)).encode()
    if kind == "value" and name.endswith(".toml"):
        lines = data.split(b"\n")
        place = rng.choice([i for i, line in enumerate(lines) if b"=" in line] or [0])
        said = rng.choice([b"''", b"[]", b"{}", b"true", b"-1", b"1e999", b"nan", b"9" * 40, b"2013-01-01", b"[" * 200,
                           b"[" * 60 + b"]" * 60, b'"\\u0000"', b'"' + b"a" * 300 + b'"', b'["**/*"]'])  # fmt: skip
        lines[place] = lines[place].partition(b"=")[0] + b"= " + said
        return b"\n".join(lines)
    if kind == "value" and name.endswith(".csv"):
        rows = [line.split(b",") for line in data.rstrip(b"\n").split(b"\n")]
        row = rng.choice(rows)
        row[rng.randrange(len(row))] = rng.choice([b"", b"x", b"-1", b"1e400", b"nan", b"\xff", b"true", b"a" * 400])
        return b"\n".join(map(b",".join, rows)) + b"\n"
    if kind == "swap" and name.endswith(".csv"):
        rows = [line.split(b",") for line in data.rstrip(b"\n").split(b"\n")]
        gone = rng.randrange(len(rows[0]))
        return b"\n".join(b",".join(x for i, x in enumerate(row) if i != gone) for row in rows) + b"\n"
    if kind == "flip" and at < len(data):
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    if kind == "words":
        return data.decode("utf-8", "replace").encode(rng.choice(["utf-16", "utf-32"]))
    if kind == "noise":
        return data[:at] + rng.choice(NOISE) + data[at:]
    return b"" if kind == "empty" else data[:at]


def _changed(tree: Any, rng: random.Random) -> Any:
    """Return a tree of JSON with an entry of another kind, or without one."""
    places = list(_places(tree))
    if not places or rng.random() < 0.05:
        return rng.choice(STRANGE)
    *way, last = rng.choice(places)
    at = tree
    for key in way:
        at = at[key]
    if rng.random() < 0.3:
        del at[last]
    else:
        at[last] = rng.choice(STRANGE)
    return tree


def _places(tree: Any, way: tuple[Any, ...] = ()) -> Any:
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield (*way, key)
        yield from _places(value, (*way, key))


def _tamper_posterior(path: Path, rng: random.Random) -> None:
    """Change an entry of the record inside a posterior: the file itself stays sound and sealed."""
    import h5py

    content = io.BytesIO(unsealed(path.read_bytes()))
    with h5py.File(content, "r+") as file:
        if rng.random() < 0.7:
            file.attrs["mse"] = json.dumps(_changed(json.loads(file.attrs["mse"]), rng))
        else:
            group = file[rng.choice(list(file) or ["posterior"])]
            names = [x for x in group if group[x].dtype.kind in "iuf"]
            if names:
                values = group[rng.choice(names)]
                values[...] = (
                    rng.choice([np.nan, -1, 0, 1e18]) if values.dtype.kind == "f" else rng.choice([-1, 0, 2**60])
                )
    path.write_bytes(sealed(content.getvalue()))
    record = path.with_name("provenance.json")
    record.write_text(json.dumps({k: v for k, v in json.loads(record.read_text()).items() if k != "files"}))


def _job(folder: Path, rng: random.Random) -> Callable[[], object]:
    data = JOB
    for _ in range(rng.randint(1, 3)):
        data = damage(data, "job.toml", rng)
    (folder / "job.toml").write_bytes(data)
    return lambda: read_job(folder / "job.toml")


def _key(folder: Path, rng: random.Random) -> Callable[[], object]:
    path = folder / "key"
    kind = rng.choice(["bytes", "bytes", "folder", "pipe", "large", "none", "text"])
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path, 0o600)
    elif kind != "none":
        size = 2**17 if kind == "large" else rng.randrange(100)
        path.write_bytes(rng.randbytes(size) if kind != "text" else b"ab" * size)
        path.chmod(rng.choice([0o600, 0o600, 0o644]))
    where = rng.choice([path, path, folder / "\0", folder / ("a" * 300)])
    return lambda: read_key(where)


def _folder(folder: Path, sounds: Path, rng: random.Random) -> Callable[[], object]:
    """Damage results or a release, and return what is then asked of them."""
    name = rng.choice(["rich", "small", "small"])
    for part in (name, f"{name}-release"):
        shutil.copytree(sounds / part, folder / part)
    results, release = folder / name, folder / f"{name}-release"
    use = rng.choice(["read", "release", "verify", "verify", "compare", "assess", "report"])
    files = sorted(
        p for p in (release if use == "verify" and rng.random() < 0.7 else results).rglob("*") if p.is_file()
    )
    for _ in range(rng.randint(1, 2)):
        path = rng.choice(files)
        if not path.is_file():
            continue  # the blow before was enough
        if path.name == "posterior.nc" and rng.random() < 0.7:
            try:
                _tamper_posterior(path, rng)
            except (OSError, ValueError, KeyError, TypeError, IndexError):  # as it was
                path.write_bytes(b"")
        elif rng.random() < 0.1:
            path.unlink()
            make = rng.choice([None, os.mkdir, os.mkfifo])
            if make is not None:
                make(path)
        else:
            try:
                path.write_bytes(damage(path.read_bytes(), path.name, rng))
            except ValueError:  # it is no JSON any more
                path.write_bytes(b"{")
    return {
        "read": lambda: read_results(results),
        "release": lambda: write_release(results, folder / "out"),
        "verify": lambda: verify_release(release),
        "compare": lambda: changes_text(compare_results(sounds / name, results)),
        "assess": lambda: assess_results(read_results(results)),
        "report": lambda: write_pages(results, ["en"]),
    }[use]


def one(seed: int, sounds: Path) -> tuple[str, str, str]:
    """Return what was damaged, how it ended (used, refused, fault), and the fault."""
    rng = random.Random(seed)
    what = rng.choices(["folder", "job", "key"], [0.7, 0.22, 0.08])[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        act = _folder(folder, sounds, rng) if what == "folder" else (_job if what == "job" else _key)(folder, rng)
        before = {str(p) for p in folder.rglob("*")}
        try:
            with warnings.catch_warnings(), mock.patch.object(mse.jobs.running, "run_assessment", lambda *_: {}):
                warnings.simplefilter("ignore")
                act()
        except MseError as error:
            left = sorted({str(p) for p in folder.rglob("*")} - before)
            told = bool(error.problems) and all(p.found and p.remedy for p in error.problems)
            return what, "refused" if told and not left else "fault", f"left {left}" if left else ""
        except Exception:  # what must not be
            return what, "fault", traceback.format_exc()
        hidden = [p for p in folder.rglob(".*") if p.name.startswith(".")]
        return what, "fault" if hidden else "used", f"left {hidden}" if hidden else ""


def outcome(cases: int, seed: int, rich: Results) -> tuple[Counter[tuple[str, str]], list[tuple[int, str]]]:
    """Return how many cases ended how, and the faults with their seeds."""
    counts: Counter[tuple[str, str]] = Counter()
    faults = []
    with tempfile.TemporaryDirectory() as name:
        sound(Path(name), rich)
        for case in range(seed, seed + cases):
            what, how, fault = one(case, Path(name))
            counts[what, how] += 1
            faults += [(case, fault)] if how == "fault" else []
    return counts, faults


def main(cases: int) -> None:
    """Store the outcome of so many cases."""
    from tests.publish.test_release import whole

    store(*outcome(cases, 0, whole()))


def store(counts: Counter[tuple[str, str]], faults: list[tuple[int, str]]) -> None:
    """Write the outcome beside this file, and print the first faults."""
    for case, fault in faults[:20]:
        print(case, fault)
    rows = [{"damaged": what, "ended": how, "cases": n} for (what, how), n in sorted(counts.items())]
    today = datetime.now(UTC).date().isoformat()
    record = {"date": today, "cases": counts.total(), "faults": len(faults), "rows": rows}
    STORED.write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
