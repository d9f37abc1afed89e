"""The house: names that are unique, modules that can be read at once, rooms without code of their own, no circles."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import grimp
import pytest

import mse
from benchmarks.readme import map_of_rooms
from mse.estimators.registry import METHODS

HOME = Path(__file__).parents[1]
MODULES = sorted((HOME / "mse").rglob("*.py"))
NO_ROOMS = {"calibration", "examples", "golden", "twins"}
"""Folders of tests that are no room of the package: stored runs, made-up inputs, results of others, plain twins."""


def test_names_of_modules_are_unique() -> None:
    names = Counter(path.stem for path in MODULES if path.stem != "__init__")
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("folder", ["mse", "tests", "benchmarks"])
def test_modules_are_short(folder: str) -> None:
    longest = 400 if folder == "mse" else 600
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (HOME / folder).rglob("*.py")}
    assert {str(path.relative_to(HOME)): n for path, n in lengths.items() if n > longest} == {}


def test_rooms_have_a_sentence_and_no_code() -> None:
    for path in (HOME / "mse").rglob("__init__.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), path
        assert len(tree.body) == 1 or path.parent.name == "mse", path


def test_few_files_lie_loose() -> None:
    assert len([path for path in (HOME / "mse").glob("*.py") if path.stem != "__init__"]) <= 6


def test_tests_mirror_the_rooms() -> None:
    rooms = {path.name for path in (HOME / "mse").iterdir() if (path / "__init__.py").is_file()}
    folders = {path.name for path in (HOME / "tests").iterdir() if (path / "__init__.py").is_file()}
    assert folders - NO_ROOMS - rooms == set()
    assert rooms - folders == set()


def test_the_map_is_that_of_the_rooms() -> None:
    page = (HOME / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert map_of_rooms() in page, "run: python -m benchmarks.readme map"


def test_no_circles_of_imports() -> None:
    """Of modules, imports for types included: what is left when ends are taken away, again and again."""
    graph = grimp.build_graph("mse", exclude_type_checking_imports=False, cache_dir=None)
    left = {name: set(graph.find_modules_directly_imported_by(name)) - {"mse"} for name in graph.modules - {"mse"}}
    while ends := [x for x in left if not left[x] & left.keys() or not any(x in left[other] for other in left)]:
        for name in ends:
            del left[name]
    assert sorted(left) == []


def test_every_module_is_reached() -> None:
    """From a command, a public name or the registry; the inventory of what leaves is what tests and the manual read."""
    graph = grimp.build_graph("mse", exclude_type_checking_imports=False, cache_dir=None)
    waiting = {"mse.cli", "mse.publish.inventory", *(f"mse.{home}" for home in mse._HOMES.values())}
    waiting |= {f"mse.estimators.{row.module}" for row in METHODS.values()}
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= set(graph.find_modules_directly_imported_by(name)) - reached
    rooms = {name for name in graph.modules if graph.find_children(name)}
    assert sorted(graph.modules - reached - rooms) == []
