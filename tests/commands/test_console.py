"""The installed command as a process: what it prints, how it ends, what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

import mse
from mse.answers.results import REPORT
from mse.cli import main
from mse.computing.savefiles import MARK, remove_stale, work_folder
from tests.commands.warmstart import Starter, starter

ROOT = Path(__file__).resolve().parents[2]
MSE = shutil.which("mse", path=str(Path(sys.executable).parent)) or "mse"
TABLE = "A,B,C,count\n" + "".join(f"{i & 1},{i >> 1 & 1},{i >> 2 & 1},{40 - 4 * i}\n" for i in range(1, 8))
JOB = """
[table]
path = "t.csv"
[estimate]
method = "loglinear"
model = "[1,2,3]"
[[compare]]
method = "chao"
"""


def start(*arguments: str, cwd: Path, **options: object) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"} | {"PYTHONPATH": str(ROOT)}
    environment |= options.pop("env", {})  # type: ignore[arg-type]
    return subprocess.Popen(
        [MSE, *arguments],
        cwd=cwd,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )  # type: ignore[call-overload, no-any-return]


def call(*arguments: str, cwd: Path, status: int = 0, **options: object) -> tuple[str, str]:
    with start(*arguments, cwd=cwd, **options) as process:
        out, err = process.communicate(timeout=300)
    assert process.returncode == status, (out, err)
    assert "Traceback" not in err and "Exception ignored" not in err, err
    return out, err


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a table, a job, its results, and their release; every step by a process whose output is JSON."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "t.csv").write_text(TABLE)
    (folder / "job.toml").write_text(JOB)
    out, err = call("run", "job.toml", "--out", "res", "--json", cwd=folder)
    assert json.loads(out)["folder"] == "res"
    release, _ = call("release", "res", cwd=folder)
    assert Path(folder / "res-release").samefile(release.strip())
    yield folder


COMMANDS = (
    ("estimate", "t.csv", "--method", "loglinear"), ("compare", "t.csv", "--method", "loglinear", "--method", "chao"),
    ("compare", "res", "res"), ("models", "t.csv"), ("data",), ("data", "uk-2013-5"),
    ("repeats", "irregular-immigrants-netherlands-repeat"), ("verify", "res-release"),
    ("figures", "models/key-figures.toml"), ("chain", "models/justice-chain.toml"),
    ("plan", "models/uk-2013.toml"), ("series", "res-release"), ("policy", "models/consent-rule.toml"),
    ("questionnaire", "sdg-16-2-2", "res-release"),
)  # fmt: skip


@pytest.fixture(scope="module")
def warm() -> Iterator[Starter]:
    with starter() as found:
        yield found


def test_standard_output_is_the_answer_and_nothing_else(home: Path, warm: Starter) -> None:
    """Every command that prints JSON prints one document; progress and remarks are on standard error."""
    people = "A,B,age\n" + "".join(f"{i % 3 < 2:d},{i % 2 or i % 3 == 2:d},{20 + i % 40}\n" for i in range(240))
    (home / "people.csv").write_text(people)
    (home / "rates.csv").write_text("group,rate,population,n,deff\nadults,0.02,10000,500,1.5\n")
    for arguments in (*COMMANDS, ("persons", "people.csv", "--list", "A", "--list", "B"), ("survey", "rates.csv")):
        workers = ("--workers", "1") if arguments[0] in WITH_WORKERS else ()
        status, out, err = warm(*arguments, "--json", *workers, cwd=home)
        assert status == 0, (arguments, err)
        json.loads(out)
        assert "HiGHS" not in out + err and "Traceback" not in err and "Exception ignored" not in err


WITH_WORKERS = ("estimate", "models", "repeats", "persons")


def test_every_command_with_json_is_in_the_test_above() -> None:
    takes = {name for name, command in main.commands.items() if any("--json" in p.opts for p in command.params)}
    assert takes == {x[0] for x in COMMANDS} | {"run", "persons", "survey"}


def test_the_solver_is_made_in_one_place() -> None:
    made = re.compile(r"(import|from) highspy|import (linprog|milp)")
    found = [p for p in (ROOT / "mse").rglob("*.py") if made.search(p.read_text())]
    assert [p.name for p in found] == ["linearsolver.py"]


def test_the_solver_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    from mse.computing.linearsolver import LinearProgramme

    assert LinearProgramme([0.0], [1.0]).optimum() is not None
    assert capfd.readouterr() == ("", "")


def test_progress_names_its_part_and_ends(home: Path) -> None:
    rows = (f"{i & 1},{i >> 1 & 1},{i >> 2 & 1},{year},{60 - 5 * i}\n" for year in (2019, 2020) for i in range(1, 8))
    (home / "years.csv").write_text("A,B,C,year,count\n" + "".join(rows))
    table, seen = mse.CaptureTable.read(home / "years.csv", covariates=["year"]), []
    mse.estimate(table, "average", by=["year"], compute=mse.Compute(progress=lambda *said: seen.append(said)))
    stages = {what for what, _, _ in seen}
    assert all(any(f"year {year}: " in str(what) for what in stages) for year in (2019, 2020)), stages
    assert stages == {what for what, done, total in seen if done == total}


def test_progress_says_once_that_it_compiles(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mse.computing.progress import ProgressBar, ProgressLines

    monkeypatch.setattr("mse.kernels.cache.compiled_before", lambda: False)
    monkeypatch.setattr("mse.computing.progress._LONG", 0.0)
    for kind in (ProgressLines, ProgressBar):
        report = kind()
        for what in ("one", "two", "three"):
            for done in range(3 if what == "two" else 4):  # the second stops early
                report(what, done, 3)
        out, err = capsys.readouterr()
        assert out == "" and err.count("compiling") == 1
        assert (
            "two: ended" in err and "one: done" in err and err.rstrip().splitlines()[-1].startswith("mse: three: done")
        )


@pytest.mark.parametrize("columns", [60, 100])
def test_text_is_as_wide_as_the_terminal(home: Path, columns: int) -> None:
    env = {"COLUMNS": str(columns)}
    text, _ = call("models", "t.csv", cwd=home, env=env)
    _, wrong = call("estimate", "none.csv", "--method", "nonsense", cwd=home, status=2, env=env)
    for line in (text + wrong).splitlines():
        assert len(line) <= columns, line


def test_tables_keep_labels_apart() -> None:
    from mse.publish.wording.terminaltext import cut_apart, table_lines

    long = ["a label that is long and ends in " + x for x in ("one", "two")]
    assert cut_apart(long, 20) == long and cut_apart([*long, "x" * 50], 30)[2] == "x" * 29 + "…"
    rows = [[long[0], "1.0"], [long[1], "22.0"]]
    for width in (None, 80, 30, 10):
        said = table_lines(["label", "N"], rows, [True, False], width)
        assert all(word in said for word in ("one", "two", "22.0"))
        assert width is None or width < 30 or all(len(line) <= width for line in said.splitlines())


def test_version_and_help() -> None:
    from click.testing import CliRunner

    run = CliRunner().invoke
    assert run(main, ["-V"]).output == run(main, ["--version"]).output != ""
    assert run(main, ["help"]).output.startswith("Usage: mse ") or "Commands:" in run(main, ["help"]).output
    assert "--threshold" not in run(main, ["help", "estimate"]).output
    assert "--covariate" in run(main, ["help", "estimate"]).output
    assert "SAMPLE" in run(main, ["help", "contract", "new"]).output
    wrong = run(main, ["help", "nonsense"])
    assert wrong.exit_code == 2 and "no such command" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "begun", "offered"),
    [
        (["estimate"], "uk-2013", {"uk-2013-4", "uk-2013-5", "uk-2013-6"}),
        (["models"], "west", {"western-us-5"}),
        (["data"], "korea", {"korea-palembang-3"}),
        (["run"], "models/uk", {"models/uk-2013.toml", "models/uk-2013-six-lists.toml"}),
        (["estimate", "x.csv", "--method"], "late", {"latent-class"}),
        (["compare", "x.csv", "--method"], "dutch", {"dutch-method"}),
        (["estimate", "x.csv", "--method", "covariates", "--set"], "walk=", {"walk=direct", "walk=long"}),
        (["estimate", "x.csv", "--method", "multilevel", "--set"], "dra", {"draws="}),
        (["estimate", "x.csv", "--criterion"], "bic", {"bic", "bic_cells"}),
        (["repeats", "x.csv", "--family"], "zel", {"zelterman"}),
        (["repeats", "x.csv", "--interval"], "non", {"nonparametric"}),
        (["persons", "uk-2013-4", "--list"], "L", {"LA"}),
        ([], "veri", {"verify"}),
    ],
)  # fmt: skip
def test_completion(arguments: list[str], begun: str, offered: set[str]) -> None:
    found = ShellComplete(main, {}, "mse", "_MSE_COMPLETE").get_completions(arguments, begun)
    assert {x.value for x in found if x.type == "plain"} == offered


# ---- machines --------------------------------------------------------------------------------------


def left_behind(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir() if p.name.startswith((".", "mse-"))}


def test_a_disk_that_is_full(home: Path, warm: Starter, tmp_path: Path) -> None:
    """No file may grow beyond 3 kB: one error, nothing half-written, and what was there stays."""
    for name in ("t.csv", "job.toml"):
        shutil.copy(home / name, tmp_path / name)
    shutil.copytree(home / "res", tmp_path / "old")
    before = sorted(os.listdir(tmp_path))
    for arguments in (
        ("run", "job.toml", "--out", "new"), ("run", "job.toml", "--out", "old", "--overwrite"), ("report", "old"),
        ("release", "old", "--out", "rel"), ("simulate", "models/national-simulated.toml", "--out", "sim"),
    ):  # fmt: skip
        status, out, err = warm(*arguments, cwd=tmp_path, most=3000)
        assert status == 2 and "Traceback" not in err and "Exception ignored" not in err, (arguments, err)
        assert out == "" and "-work" not in err and not re.search(r"/\.\w", err), err
        assert len(re.findall(r"^mse: .*the disk is full", err, re.MULTILINE)) == 1, (arguments, err)
        assert sorted(os.listdir(tmp_path)) == before, arguments
    assert (tmp_path / "old" / REPORT).read_bytes() == (home / "res" / REPORT).read_bytes()


def test_standard_output_that_is_full(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [MSE, "data"], cwd=tmp_path, env=environment, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2 and done.stderr.startswith("mse: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_told_to_stop(home: Path, tmp_path: Path, number: signal.Signals) -> None:
    """It ends with 130 and leaves nothing; one that is killed leaves a folder that the next start removes."""
    slow = JOB.replace('method = "loglinear"\nmodel = "[1,2,3]"', 'method = "bootstrap"\nreplicates = 100000')
    (tmp_path / "job.toml").write_text(slow)
    shutil.copy(home / "t.csv", tmp_path / "t.csv")
    with start("run", "job.toml", "--out", "deep/res", "--workers", "1", cwd=tmp_path) as process:
        until = time.monotonic() + 120
        while not list(tmp_path.glob("deep/.res-work-*/" + MARK)) and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(1.0)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    if number == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL and left_behind(tmp_path / "deep")
        (tmp_path / "job.toml").write_text(JOB)
        call("run", "job.toml", "--out", "deep/res", cwd=tmp_path)
        assert os.listdir(tmp_path / "deep") == ["res"]
    else:
        assert process.returncode == 130 and "Traceback" not in err, err
        assert err.splitlines()[-1] == "mse: interrupted; no results were written"
        assert sorted(os.listdir(tmp_path)) == ["job.toml", "t.csv"]


def test_only_abandoned_work_folders_are_removed(tmp_path: Path) -> None:
    target = tmp_path / "res"
    for name in (".res-backup_1", ".res-12345678", ".other-12345678", ".res-work-12345678"):
        (tmp_path / name).mkdir()
    for name in (".res-12345678", ".other-12345678", ".res-work-12345678"):
        (tmp_path / name / MARK).write_bytes(b"")
    (tmp_path / ".res-12345678" / "old").mkdir()
    with work_folder(target, "work-") as mine:
        assert target.is_dir()  # what the killed process had moved aside is back
        remove_stale(target)
        assert mine.is_dir() and {p.name for p in tmp_path.iterdir()} == {
            "res", mine.name, ".res-backup_1", ".other-12345678"
        }  # fmt: skip
    assert not mine.exists()


def test_interrupted_between_two_moves(tmp_path: Path) -> None:
    """The old results are put back when the new ones do not come in their place."""
    target = tmp_path / "res"
    target.mkdir()
    (target / "mine").write_text("x")
    with pytest.raises(KeyboardInterrupt), work_folder(target) as work:
        os.replace(target, work / "old")
        raise KeyboardInterrupt
    assert (target / "mine").read_text() == "x" and os.listdir(tmp_path) == ["res"]
