"""Files that others open: cells that no spreadsheet runs, the layout of results, releases that lead nowhere else."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mse.answers.results import PROVENANCE, PUBLIC, REPORT, Results, read_results, write_results
from mse.computing.csvtext import csv_text, defused, read_csv, restored, write_csv
from mse.errors import InputError
from mse.publish.release import releasefiles
from mse.publish.release.bundle import FIGURES, PACKAGE, write_release
from mse.publish.release.verification import verify_release
from mse.publish.report.html import write_pages
from tests.examples import parts
from tests.examples.results import uk

LOADED = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "＝1+1",
    "x;=1",
    'a;"=1',
    "'=1",
    "''-x",
    " =1",
]


@given(st.text("=+-@\t\r\n;,|\"' 1aé＝＠", max_size=9))
def test_every_text_is_read_back_as_it_was(text: str) -> None:
    assert restored(defused(text)) == text


@pytest.mark.parametrize("text", LOADED)
def test_formulas_are_not_run(text: str) -> None:
    for separator in (",", ";", "\t"):
        for cell in next(csv.reader(io.StringIO(defused(text), newline=""), delimiter=separator)):
            assert cell.lstrip(' "')[:1] not in tuple("=+-@\t\r＝"), cell


@pytest.mark.parametrize("text", ["-5", "+3", "-1.5e-3", "1", "ordinary", "log-normal", "", "2010-15"])
def test_numbers_and_words_stay_as_they_are(text: str) -> None:
    assert defused(text) == text


def test_tables_come_back_with_their_numbers_and_names(tmp_path: Path) -> None:
    frame = pd.DataFrame({
        "=cmd|' /C calc'!A0": LOADED, "change": -np.arange(len(LOADED)) - 0.5, "flag": [True, False] * 6,
        "mixed": [1, None, "@x"] * 4,
    })  # fmt: skip
    write_csv(frame, tmp_path / "t.csv")
    back = read_csv(tmp_path / "t.csv")
    assert list(back) == list(frame) and list(back.iloc[:, 0]) == LOADED
    assert back["change"].tolist() == frame["change"].tolist() and back["flag"].tolist() == frame["flag"].tolist()
    assert csv_text(frame).splitlines()[1].split(",")[1:] == ["-0.5", "True", "1"]


def formulas() -> Results:
    """Return results in which a list, a level and a title are formulas."""
    found = parts.national(chain=pd.DataFrame(
        [("=1+1|cmd", None, 984, np.nan, np.nan, np.nan, np.nan, ""),
         ("@b", "=1+1|cmd", 214, 984, 0.2, 0.1, 0.3, "share")],
        columns=["step", "of", "count", "base", "rate", "low", "high", "kind"],
    ))  # fmt: skip
    rows = found.comparison.assign(label=["=HYPERLINK(1)", "+a", "-b"])
    return Results(found.headline, rows, found.record, found.tables)


def test_no_file_of_results_or_release_holds_a_formula(tmp_path: Path) -> None:
    found = formulas()
    write_results(tmp_path / "run", found, lambda _: "page")
    release = write_release(tmp_path / "run")
    files = [*(tmp_path / "run").rglob("*.csv"), *release.glob("*.csv")]
    cells = [x for path in files for row in csv.reader(io.StringIO(path.read_text("utf-8"), newline="")) for x in row]
    assert "'=HYPERLINK(1)" in cells and "'=1+1|cmd" in cells
    for cell in cells:
        assert cell[:1] not in tuple("=+@") and (cell[:1] != "-" or float(cell) < 0), cell
    stored = read_results(tmp_path / "run")
    assert list(stored.comparison["label"]) == ["=HYPERLINK(1)", "+a", "-b"]
    assert list(stored.tables["chain"]["step"]) == ["=1+1|cmd", "@b"]
    assert verify_release(release) == ()


# ---- layout ------------------------------------------------------------------------------------------


def test_results_of_earlier_are_read_and_their_page_moves_to_where_pages_stand(tmp_path: Path) -> None:
    write_results(tmp_path / "run", uk(), lambda _: "page")
    old = tmp_path / "run"
    shutil.move(old / REPORT, old / "report.html")
    (old / PUBLIC).rmdir()
    for path in (old, *old.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert read_results(old).headline.observed == 2744
    assert write_pages(old) == (old / PUBLIC / "report.html",)
    assert not (old / "report.html").exists() and (old / PROVENANCE).stat().st_mode & 0o777 == 0o600
    write_results(old, uk(), lambda _: "page", overwrite=True)


def test_what_somebody_put_into_public_is_not_deleted(tmp_path: Path) -> None:
    write_results(tmp_path / "run", uk(), lambda _: "page")
    (tmp_path / "run" / PUBLIC / "press.txt").write_text("mine")
    with pytest.raises(InputError, match=r"public/press\.txt"):
        write_results(tmp_path / "run", uk(), lambda _: "page", overwrite=True)


# ---- releases of others ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    write_results(folder / "run", parts.national(), lambda _: "page")
    return write_release(folder / "run")


@pytest.fixture
def release(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made.with_name("run"), tmp_path / "run")
    return Path(shutil.copytree(made, tmp_path / made.name))


@pytest.mark.parametrize("name", ["/etc/passwd", "../run/posterior.nc", "run/../x", "..", "", "a\0b", 7, None, "C:x"])
def test_a_manifest_leads_nowhere_else(release: Path, name: object, monkeypatch: pytest.MonkeyPatch) -> None:
    package = json.loads((release / PACKAGE).read_text())
    package["resources"][0]["path"] = name
    (release / PACKAGE).write_text(json.dumps(package))
    opened: list[str] = []
    # The audit record is read elsewhere: what counts is which files the release makes its reader open.
    watched = {**vars(os), "open": lambda path, *rest: opened.append(str(path)) or os.open(path, *rest)}
    monkeypatch.setattr(releasefiles, "os", SimpleNamespace(**watched))
    found = verify_release(release)
    assert any(mismatch.file == PACKAGE for mismatch in found)
    assert all(Path(path).parent == release for path in opened)


def test_links_pipes_and_endless_files_are_not_opened(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = release.with_name("secret.csv")
    secret.write_text("secret,1\n")
    for file, make in (
        ("counts.csv", lambda path: path.symlink_to(secret)),
        ("lists.csv", os.mkfifo),
        ("methods.csv", Path.mkdir),
    ):
        (release / file).unlink()
        make(release / file)
    most = (release / FIGURES).stat().st_size
    monkeypatch.setattr(releasefiles, "MOST_BYTES", most)
    (release / "indicators.csv").write_bytes(b"x" * (most + 1))
    found = verify_release(release)
    said = {x.file: str(x.published) for x in found if str(x.name) == "the file"}
    assert said["counts.csv"] == "a link" and said["lists.csv"] == "no file" and said["methods.csv"] == "no file"
    assert said["indicators.csv"] == "the file is too large"
    assert "secret" not in " ".join(map(str, found))


@pytest.mark.parametrize("file", [FIGURES, PACKAGE])
def test_the_manifest_itself_is_no_link(release: Path, file: str) -> None:
    shutil.move(release / file, release.with_name("elsewhere.json"))
    (release / file).symlink_to(release.with_name("elsewhere.json"))
    with pytest.raises(InputError, match="a link"):
        verify_release(release)


@pytest.mark.parametrize("name", ["../run", "/", "..", ".", 3, None])
def test_a_release_names_no_audit_record_elsewhere(release: Path, name: object) -> None:
    record = json.loads((release / FIGURES).read_text())
    record["audit"]["folder"] = name
    (release / FIGURES).write_text(json.dumps(record))
    with pytest.raises(InputError, match="--audit"):
        verify_release(release)


def test_files_that_are_no_text_are_told(release: Path) -> None:
    (release / "counts.csv").write_bytes(b"\xff\xfe\x00")
    assert any(str(mismatch.published) == "no CSV" for mismatch in verify_release(release))
    (release / FIGURES).write_bytes(b"\xff{")
    with pytest.raises(InputError, match="damaged"):
        verify_release(release)
