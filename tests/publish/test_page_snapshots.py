"""Pages look as they did on a phone, on a screen and in print; what changed on purpose is stored by one command."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples.browser import NONE, PAGES, WHY, page, started
from tests.publish.snapshots import DEVICES, STORED, Snapshot, differences, measured

KEPT: dict[str, Snapshot] = json.loads(STORED.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    with started(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.mark.skipif(NONE, reason=WHY)
@pytest.mark.parametrize(("name", "language"), PAGES)
def test_pages_look_as_they_did(browser: object, name: str, language: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(name, language), encoding="utf-8")
    found = {
        device: differences(KEPT[f"{name}, {language}, {device}"], measured(browser, file, device))  # type: ignore[arg-type]
        for device in DEVICES
    }
    assert not any(found.values()), (found, "if it was meant: python -m tests.publish.snapshots, and look at the page")


def test_every_page_is_stored_on_every_device() -> None:
    assert set(KEPT) == {f"{name}, {language}, {device}" for name, language in PAGES for device in DEVICES}
    assert all(x["width"] == 1 and x["pictures"] and x["blocks"] for x in KEPT.values())


def test_what_goes_wrong_on_pages_is_seen() -> None:
    old = KEPT["caution, nl, phone"]
    assert differences(old, old) == []
    broken = {"a": copy.deepcopy(old), "b": copy.deepcopy(old), "c": copy.deepcopy(old), "d": copy.deepcopy(old)}
    broken["a"]["width"] = 1.3
    broken["b"]["blocks"][4][3] += 4
    del broken["c"]["blocks"][2]
    broken["d"]["pictures"][0] = ["0" * len(row) for row in old["pictures"][0]]
    assert all(len(differences(old, x)) == 1 for x in broken.values())
