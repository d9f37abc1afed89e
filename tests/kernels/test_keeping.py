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
from numba.core.caching import FunctionCache

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


def test_the_folder_is_that_of_the_source() -> None:
    factorise(np.eye(2), 2, 1e-9)
    assert factorise.stats.cache_path == str(folder("cholesky"))  # type: ignore[attr-defined]


def test_a_copy_of_the_package_does_not_compile_again(tmp_path: Path) -> None:
    source = Path(mse.__file__).parent
    for name in ("__init__.py", "kernels/__init__.py", "kernels/cache.py", "kernels/keeping.py", "kernels/compiled.py",
                 "kernels/cholesky.py"):  # fmt: skip
        (tmp_path / "mse" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, tmp_path / "mse" / name)
    factorise(np.eye(2), 2, 1e-9)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(folder("cholesky").parent)}
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "0"]


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """What numba's own cache would have on disk."""
    found: dict[str, str] = {}

    def load(cache: object, sig: str, context: object) -> str | None:
        return found.get(sig)

    def save(cache: object, sig: str, data: str) -> None:
        found[sig] = data

    monkeypatch.setattr(keeping, "folder", lambda module: tmp_path / module)
    monkeypatch.setattr(FunctionCache, "load_overload", load)
    monkeypatch.setattr(FunctionCache, "save_overload", save)
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
