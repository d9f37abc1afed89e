"""What a change may touch: a toy estimator, a toy rule and a toy language, added to a copy of the house.

The files that each of them touches are counted; `CONTRIBUTING.md` shows the same. Nothing else is changed in the copy.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mse.kernels.cache import place
from mse.words.catalogues import FILES, catalogue

HOME = Path(__file__).parent.parent

ESTIMATOR = '''"""Toy: twice the persons observed."""

from __future__ import annotations

from dataclasses import dataclass

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior, Says
from mse.computing.parallel import Compute
from mse.tables.captures import CaptureTable
from mse.words.said import said


@dataclass(frozen=True, slots=True)
class ToySpec:
    """Options: how many times the observed, and draws."""

    times: float = 2.0
    draws: int = 100


def estimate(table: CaptureTable, spec: ToySpec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate N as a multiple of the persons observed."""
    law = Distribution.lognormal(table.observed, (spec.times - 1.0) * table.observed, 0.1)
    says = Says(
        inside=(said("source.chance"),), outside=(said("source.linkage"),), assumptions=(said("assumed.toy"),),
        citations=(), notes=(said("note.toy", times=spec.times),),
    )
    return Posterior.of(table, spec, law, says, method="toy", seed=seed)
'''

RUN = """
import sys
from mse.jobs.job import make_job
from mse.jobs.running import run_job
from mse.publish.report.html import render_report
from mse.publish.wording.sentences import terminal_summary

asked = {"name": "kosovo-1999-4"}
report = {"languages": sys.argv[2:]}
method = {"method": sys.argv[1]}
job = make_job({"table": asked, "estimate": method, "compare": [], "report": report})
results = run_job(job)
print(terminal_summary(results))
for language in sys.argv[2:]:
    print(render_report(results, language))
"""


class House:
    """A copy of the package and of what ships with it, and the files of it that were changed or added."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.touched = folder, list[str]()
        shutil.copytree(HOME / "mse", folder / "mse", ignore=shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc"))
        shutil.copytree(HOME / "reports" / "templates", folder / "reports" / "templates")
        shutil.copytree(HOME / "data" / "kosovo-1999-4", folder / "data" / "kosovo-1999-4")

    def write(self, name: str, text: str) -> None:
        """Add a file."""
        self.touched.append(name)
        (self.folder / name).write_text(text, encoding="utf-8")

    def change(self, name: str, edit: Callable[[str], str]) -> None:
        """Change a file."""
        before = (self.folder / name).read_text(encoding="utf-8")
        after = edit(before)
        assert after != before, name
        self.write(name, after)

    def after(self, name: str, mark: str, text: str) -> None:
        """Add text to a file after a line of it."""
        self.change(name, lambda old: old.replace(mark, mark + text, 1))

    def run(self, *arguments: str) -> str:
        """Return what the copy prints when it carries out a job; its kernels are those that are compiled already."""
        environment = os.environ | {
            "PYTHONPATH": str(self.folder), "PYTHONIOENCODING": "utf-8", "NUMBA_CACHE_DIR": str(place())
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", RUN, *arguments], env=environment, cwd=self.folder, capture_output=True,
            text=True, encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def add_estimator(house: House) -> None:
    house.write("mse/estimators/toy.py", ESTIMATOR)
    row = '    "toy": Method("toy", "ToySpec", "one model"),\n'
    house.after("mse/estimators/registry.py", "METHODS: Mapping[str, Method] = {\n", row)
    for language, method, held, note in (
        ("en", "toy method", "everything is a toy", "{times:g} times the observed"),
        ("nl", "speelmethode", "alles is speelgoed", "{times:g} keer de waargenomen personen"),
    ):
        name = f"reports/templates/said.{language}.toml"
        house.change(
            name,
            lambda old, words=(method, held, note): re.sub(  # type: ignore[misc]
                r"\[(method|assumed|note)\]\n",
                lambda m: m[0] + "toy = " + repr(words[("method", "assumed", "note").index(m[1])]) + "\n",
                old,
            ),
        )


def test_an_estimator_is_its_file_its_row_and_its_words(house: House) -> None:
    add_estimator(house)
    assert len(set(house.touched)) <= 4  # the fifth is its section of the docs
    said = house.run("toy", "nl")
    assert "Speelmethode" in said and "Alles is speelgoed." in said and "2 keer de waargenomen personen." in said
    assert (
        catalogue("nl").messages["reason.one_model.text"] in said
    )  # its row says "one model": the verdict asks for caution


def test_a_rule_is_its_row_its_finding_and_its_words(house: House) -> None:
    house.change("mse/assess/rules.py", lambda old: old.replace(
        "    parts: Limit = 0.5\n", "    parts: Limit = 0.5\n    odd: Limits = (0.5, 2.0)\n"
    ).replace('"coverage",\n)', '"coverage", "odd",\n)'))  # fmt: skip
    house.change("mse/assess/findings.py", lambda old: old.replace(
        "    yield from _searches(posterior, limits)\n",
        "    yield from _searches(posterior, limits)\n"
        '    yield "odd", above(1.0 - posterior.observed % 2, limits.odd, "odd")\n', 1
    ))  # fmt: skip
    for language, rule, text in (
        ("en", "even number", "It is even."),
        ("nl", "even aantal", "Het is even."),
    ):
        name = f"reports/templates/messages.{language}.toml"
        house.change(name, lambda old, words=(rule, text): old.replace(  # type: ignore[misc]
            "\n[rule]\n", f'\n[rule]\nodd = "{words[0]}"\n').replace(
            "\n[reason.lists]\n", f'\n[reason.odd]\ntext = "{words[1]}"\n\n[reason.lists]\n'))  # fmt: skip
    assert len(set(house.touched)) <= 4
    add_estimator(house)  # a method that is quick
    said = house.run("toy", "en", "nl")
    assert "It is even." in said and "Het is even." in said and "even aantal" in said


def test_a_language_is_its_catalogues(house: House) -> None:
    for name in FILES:
        english = (house.folder / "reports" / "templates" / f"{name}.en.toml").read_text(encoding="utf-8")
        house.write(f"reports/templates/{name}.de.toml", english.replace('locale = "en_GB"', 'locale = "de_DE"'))
    assert {Path(name).parent for name in house.touched} == {Path("reports/templates")}
    add_estimator(house)
    for name in ("method", "assumed", "note"):
        house.change("reports/templates/said.de.toml", lambda old, name=name: old.replace(  # type: ignore[misc]
            f"\n[{name}]\n", f'\n[{name}]\ntoy = "Spielzeug"\n', 1))  # fmt: skip
    said = house.run("toy", "de")
    assert "4.400" in said and "Spielzeug" in said and 'lang="de"' in said
