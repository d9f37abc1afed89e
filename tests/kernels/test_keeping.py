"""Compiled kernels are kept by their source alone, and no two processes compile the same one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mse
from mse.kernels import keeping
from mse.kernels.cache import folder
from mse.kernels.cholesky import factorise
from mse.kernels.keeping import Kept

ASK = """
import numpy as np
from mse.kernels.cholesky import factorise
factorise(np.eye(2), 2, 1e-9)
print(sum(factorise.stats.cache_hits.values()), sum(factorise.stats.cache_misses.values()))
"""


def copied(*kernels: str, into: Path) -> None:
    """Copy what compiles kernels, and some of them."""
    source = Path(mse.__file__).parent
    ours = ("__init__", "cache", "keeping", "linkedforms", "linkable", "compiled", *kernels)
    (into / "mse" / "kernels").mkdir(parents=True)
    for name in ("__init__.py", *(f"kernels/{x}.py" for x in ours)):
        shutil.copy(source / name, into / "mse" / name)


def test_the_folder_is_that_of_the_source() -> None:
    factorise(np.eye(2), 2, 1e-9)
    assert factorise.stats.cache_path == str(folder("cholesky"))  # type: ignore[attr-defined]


def test_a_copy_of_the_package_does_not_compile_again(tmp_path: Path) -> None:
    copied("cholesky", into=tmp_path)
    factorise(np.eye(2), 2, 1e-9)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(folder("cholesky").parent)}
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "0"]


KERNELS = """
from mse.kernels.compiled import compiled

@compiled
def halved(x, by=2):
    if x < 0:
        raise ValueError("negative", x)
    return x / by

@compiled
def quartered(x):
    return halved(halved(x))
"""

CALL = """
import sys
from mse.kernels.calling import quartered
print(quartered(8.0), sum(quartered.stats.cache_hits.values()), "numba.np.arraymath" in sys.modules)
try:
    quartered(-8.0)
except ValueError as error:
    print(error.args)
"""


def test_what_kernels_alone_call_is_linked_and_not_made_machine_code(tmp_path: Path) -> None:
    """A second process loads one file, without what numba compiles with; an error inside says what it said."""
    copied(into=tmp_path)
    (tmp_path / "mse" / "kernels" / "calling.py").write_text(KERNELS, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    said = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", CALL], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        said.append(done.stdout.splitlines())
    assert said == [["2.0 0 True", "('negative', -8.0)"], ["2.0 1 False", "('negative', -8.0)"]]
    kept = sorted(x.name.split("-")[0] for x in (tmp_path / "kept").rglob("*.nbc"))
    assert kept == ["calling.quartered", "linked"]


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """What numba's own cache would have on disk."""
    found: dict[str, str] = {}

    def load(cache: object, sig: str, context: object) -> str | None:
        return found.get(sig)

    def save(cache: object, sig: str, data: str) -> None:
        found[sig] = data

    monkeypatch.setattr(keeping, "folder", lambda module: tmp_path / module)
    monkeypatch.setattr(keeping._Store, "load_overload", load)
    monkeypatch.setattr(keeping._Store, "save_overload", save)
    return found


def kept() -> Any:
    return Kept(factorise.__wrapped__)  # type: ignore[attr-defined]


def test_one_compiles_and_the_other_waits_for_it(stored: dict[str, str]) -> None:
    first, second, found = kept(), kept(), list[str]()
    assert first.load_overload("types", None) is None
    waiting = threading.Thread(target=lambda: found.append(second.load_overload("types", None)))
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive() and not found
    first.save_overload("types", "compiled")
    waiting.join(5.0)
    assert found == ["compiled"]
    assert kept().load_overload("other types", None) is None  # nobody holds the lock


def test_nobody_waits_for_ever(stored: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that compiles without an end, or fails to, does not keep the others."""
    monkeypatch.setattr(keeping, "PATIENCE", 0.2)
    first, second = kept(), kept()
    assert first.load_overload("types", None) is None and second.load_overload("types", None) is None
    second.save_overload("types", "compiled")
    assert first.load_overload("types", None) == "compiled"
