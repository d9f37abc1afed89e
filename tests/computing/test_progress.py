"""Progress on standard error: codes of stages in the language of the command, and no word that a catalogue lacks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mse.computing.parallel import Compute
from mse.computing.progress import ProgressBar, ProgressLines, in_words
from mse.words.catalogues import catalogue
from mse.words.said import said


def test_lines_are_in_the_language_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr("mse.kernels.cache.compiled_before", lambda: False)
    monkeypatch.setattr("mse.computing.progress.time.monotonic", lambda: now[0])
    lines = ProgressLines("nl")
    for moment, done in ((0.0, 0), (20.0, 1000), (100.0, 5000)):
        now[0] = moment
        lines(said("stage.resamples", count=5000), done, 5000)
    assert capsys.readouterr().err.splitlines() == [
        "mse: eerste keer: de rekenkern wordt gecompileerd, een halve tot een hele minuut, eenmalig",
        "mse: 5.000 hertrekkingen",
        "mse: 5.000 hertrekkingen: 1.000/5.000, 20 s van ongeveer 100 s",
        "mse: 5.000 hertrekkingen: klaar, 100 s",
    ]


def test_the_bar_ends_in_its_language(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("mse.kernels.cache.compiled_before", lambda: True)
    monkeypatch.setattr("mse.computing.progress._LONG", 0.0)
    bar = ProgressBar("nl")
    for done in range(2):
        bar(said("stage.reading"), done, 3)
    bar(said("stage.linkage"), 1, 1)
    err = capsys.readouterr().err
    assert "registers lezen: beëindigd, 0 s" in err and "koppeling: klaar, 0 s" in err


def test_a_stage_within_a_part_is_said_whole_in_each_language() -> None:
    seen: list[object] = []
    compute = Compute(progress=lambda *report: seen.append(report[0])).within(
        said("stage.drawn_linkage", number=2, count=9)
    )
    compute.progress(said("stage.law"), 0, 1)
    (what,) = seen
    assert str(what) == "drawn linkage 2 of 9: law of N"
    assert in_words(what, "nl") == "getrokken koppeling 2 van 9: verdeling van N"  # type: ignore[arg-type]
    assert in_words("a text of one's own", "nl") == "a text of one's own"


def test_every_stage_has_its_words_and_none_is_a_plain_text() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in Path("mse").rglob("*.py"))
    used = set(re.findall(r'"(stage\.\w+)"', source))
    for language in ("en", "nl"):
        assert used == {key for key in catalogue(language).messages if key.startswith("stage.")}
    plain = re.findall(r'\b(?:progress|spread|map|refit_all)\(f?"[^"]+",', source)
    assert not plain, plain


def test_nothing_more_is_loaded_to_report() -> None:
    code = "import sys, mse.computing.progress; print([x for x in ('babel', 'rich', 'joblib') if x in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
