"""The pinned environment holds whatever the project says that it needs, each in a version that it allows."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements-dev.lock").read_text()
PINS = {canonicalize_name(x[1]): x[2] for x in re.finditer(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;]+)", LOCK, re.MULTILINE)}


def needed() -> list[Requirement]:
    """Return what the project needs to run and to be tested; an extra that names others stands for theirs."""
    found = [Requirement(x) for x in PROJECT["dependencies"]]
    todo, extras = ["test"], PROJECT["optional-dependencies"]
    while todo:
        for one in map(Requirement, extras[todo.pop()]):
            if canonicalize_name(one.name) == PROJECT["name"]:
                todo += sorted(one.extras)
            else:
                found.append(one)
    return [x for x in found if x.marker is None or x.marker.evaluate(default_environment())]


@pytest.mark.parametrize("need", needed(), ids=str)
def test_what_is_needed_is_pinned_in_a_version_that_is_allowed(need: Requirement) -> None:
    assert need.specifier.contains(PINS[canonicalize_name(need.name)])


def test_every_pin_has_a_digest_and_no_line_an_address_or_a_path() -> None:
    for block in re.split(r"\n(?=[a-z])", LOCK)[1:]:
        assert "--hash=sha256:" in block, block[:60]
    assert not re.search(r"https?:|file:|/(?:tmp|home|opt|work)\b", LOCK)
