"""Damaged results, releases, job files, key files, and what is no file: one error each, and nothing left behind."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from mse.answers.posterior import Posterior
from mse.answers.results import read_results, write_results
from mse.computing.inputfiles import matching, parse_settings, read_input
from mse.computing.parallel import Compute
from mse.errors import InputError, MseError
from mse.evidence.survey import read_rates
from mse.intake.contracts.contractfile import read_contract
from mse.intake.contracts.draft import new_contract
from mse.intake.pseudonyms.keyedhash import read_key
from mse.intake.quality.completeness import read_quality, report_quality
from mse.intake.registers.delivered import read_registers
from mse.jobs.job import make_job, read_job
from mse.jobs.sources import open_source
from mse.publish.release.bundle import write_release
from mse.publish.release.verification import verify_release
from mse.publish.report.html import write_pages
from mse.simulate.section import read_spec
from mse.tables.captures import CaptureTable
from mse.tables.persons import PersonTable
from mse.tables.population import Population
from mse.tables.repeats import RepeatCounts
from tests.calibration.damage import STORED, outcome
from tests.examples.registers import CONTRACT, contract
from tests.publish.test_release import whole


def test_damaged_records_are_used_or_refused() -> None:
    """Sixteen cases; the stored run is of two thousand others."""
    counts, faults = outcome(16, 10_000, whole())
    assert not faults, faults[0][1]
    assert sum(counts.values()) == 16 and counts["folder", "refused"] > 1


def test_the_stored_run_had_no_faults() -> None:
    stored = json.loads(STORED.read_text())
    assert stored["cases"] >= 2000 and stored["faults"] == 0
    assert sum(row["cases"] for row in stored["rows"]) == stored["cases"]


@pytest.mark.slow
def test_two_thousand_damaged_records() -> None:
    _, faults = outcome(2000, 20_000, whole())
    assert not faults, faults[0][1]


READERS = {
    "table": CaptureTable.from_csv,
    "register": RepeatCounts.from_csv,
    "persons": lambda path: PersonTable.from_csv(path, lists=("A", "B")),
    "population": Population.from_csv,
    "rates": read_rates,
    "job": read_job,
    "simulation": read_spec,
    "contract": read_contract,
    "sample": new_contract,
    "key": read_key,
    "quality": read_quality,
    "posterior": Posterior.load,
    "results": read_results,
    "release": verify_release,
}


@pytest.fixture(params=["pipe", "device", "folder", "endless", "nul", "long", "nowhere", "surrogate", "huge"])
def no_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A path at which there is nothing that can be read."""
    path = tmp_path / "x.csv"
    match request.param:
        case "pipe":
            os.mkfifo(path, 0o600)
        case "device":
            return Path("/dev/null")
        case "endless":
            return Path("/dev/zero")
        case "folder":
            path.mkdir()
        case "nul":
            return tmp_path / "a\0b"
        case "long":
            return tmp_path / ("a" * 300)
        case "surrogate":
            return tmp_path / "\ud800"
        case "huge":
            with path.open("wb") as file:
                file.truncate(2**40)
            path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return path


@pytest.mark.parametrize("kind", READERS)
def test_what_is_no_file_is_refused_before_it_is_read(kind: str, no_file: Path) -> None:
    with pytest.raises(InputError) as caught:
        READERS[kind](no_file)
    assert caught.value.problems and len(str(caught.value)) < 3000


def test_registers_that_are_no_files(no_file: Path, tmp_path: Path) -> None:
    if "\0" in str(no_file) or "\ud800" in str(no_file):
        pytest.skip("TOML cannot hold it")
    with pytest.raises(InputError):
        read_registers([contract(tmp_path, path=str(no_file))], tmp_path, threads=1)
    job = make_job({"registers": {"contracts": [str(no_file)]}})
    with pytest.raises(InputError):
        open_source(job, tmp_path / "work", Compute())


@pytest.mark.parametrize("pattern", ["/**/*", "**", "a/**/b.csv", "/*/*/*/*", "\0*", "/proc/*/task/*/*"])
def test_patterns_without_end_are_refused(pattern: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="pattern|path"):
        matching(pattern)
    with pytest.raises(InputError):
        open_source(make_job({"registers": {"contracts": [pattern]}}), tmp_path, Compute())
    with pytest.raises(InputError):
        contract(tmp_path, CONTRACT, path=pattern).files()


def test_patterns_that_end(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "c.txt"):
        (tmp_path / name).write_text("x")
    assert matching("*.csv", tmp_path) == ["a.csv", "b.csv"] and matching("c.txt") == ["c.txt"]
    assert read_input(tmp_path / "a.csv") == b"x"


@pytest.mark.parametrize(
    "text",
    ["x = " + "[" * 100_000, "x = " + "[" * 60 + "]" * 60, "x = " + "{a=" * 3000 + "1" + "}" * 3000,
     "[" + ".".join("a" * 200) + "]\n", "x = 99999999999999999999", "x = 1" + "0" * 5000, "\ufeff\x00", "x = '\x00'"],
    ids=range(8),
)  # fmt: skip
def test_settings_beyond_what_toml_holds(text: str, tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError):
        parse_settings(text)
    for read in (read_job, read_contract, read_spec):
        with pytest.raises(MseError, match=r"job\.toml"):
            read(path)


def test_a_quality_report_that_is_refused_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "P.toml").write_text(CONTRACT)
    (tmp_path / "p.csv").write_text("nothing\nof,this\n")
    before = sorted(os.listdir(tmp_path))
    for folder in (tmp_path / "q", tmp_path / "deep" / "er" / "q"):
        with pytest.raises(InputError):
            report_quality([tmp_path / "P.toml"], folder)
        assert sorted(os.listdir(tmp_path)) == before


def test_a_posterior_is_the_one_of_its_provenance(tmp_path: Path) -> None:
    """One byte of it changed is found before HDF5 reads it."""
    write_results(tmp_path / "res", whole(), lambda found: "page")
    path = tmp_path / "res" / "posterior.nc"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"posterior\.nc is not the one that was written"):
        read_results(tmp_path / "res")


@pytest.mark.filterwarnings("ignore:Attempting to set identical")  # made-up figures have no width
def test_folders_that_may_not_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as root, whom modes do not stop: the machine refuses in their place."""
    write_results(tmp_path / "res", whole(), lambda found: "page")

    def refuse(*arguments: object, **options: object) -> str:
        raise PermissionError(30, "Read-only file system", str(tmp_path))

    monkeypatch.setattr("mse.computing.savefiles.tempfile.mkdtemp", refuse)
    for act in (
        lambda: write_results(tmp_path / "new", whole(), lambda found: "page"),
        lambda: write_release(tmp_path / "res"),
        lambda: write_pages(tmp_path / "res", ["en"]),
        lambda: whole().headline.save(tmp_path / "p.nc"),
    ):
        with pytest.raises(InputError, match="Read-only file system"):
            act()
    assert os.listdir(tmp_path) == ["res"]
