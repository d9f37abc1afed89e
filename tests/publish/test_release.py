"""A release says what the audit record says, and nothing raw; two results are compared with their causes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mse.answers.results import Results, write_results
from mse.computing.provenance import file_digest
from mse.errors import InputError
from mse.evidence.chain import Step, chain
from mse.evidence.survey import SurveyRate, survey_persons
from mse.jobs.job import read_job
from mse.jobs.running import run_job
from mse.jobs.sections import MethodChoice
from mse.publish.changes import KINDS, compare_results, is_results_folder
from mse.publish.changestext import changes_text
from mse.publish.indicators.basis import population_frame
from mse.publish.indicators.measures import indicators
from mse.publish.indicators.sdg import sdg_table
from mse.publish.release.bundle import FIGURES, PACKAGE, write_release
from mse.publish.release.outgoing import published_tables
from mse.publish.release.verification import verify_release
from mse.shipped import shipped_jobs, shipped_path
from tests.examples.parts import national, with_title
from tests.examples.recorded import counts_of, entries_of, with_counts, with_entries
from tests.examples.results import uk
from tests.publish.test_indicators import PEOPLE


@lru_cache
def whole() -> Results:
    """Return a result with every table that is published."""
    steps = chain([Step("registered", 984), Step("reported", 400, "registered"), Step("convicted", 7, "reported")])
    survey = survey_persons([SurveyRate("boys", 0.015, 520_000, n=3000), SurveyRate("girls", 0.026, 500_000, n=3000)])
    moved = pd.DataFrame({"assumption": ["all lists", "P:K"], "odds_ratio": [2.0, 0.5], "point": [1234.5, 1345.6],
                          "low": [1000.1, 1100.2], "high": [1500.3, 1600.4]})  # fmt: skip
    results = national(
        "publish with caution", population=population_frame(PEOPLE), chain=steps,
        survey=survey, sensitivity=moved,
    )  # fmt: skip
    made = {"indicators": indicators(results), "sdg": sdg_table(results)}
    return replace(results, tables={**results.tables, **made})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("written")
    write_results(home / "audit", whole(), lambda results: "page")
    write_release(home / "audit")
    return home


@pytest.fixture
def audit(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written / "audit", tmp_path / "audit")
    return tmp_path / "audit"


@pytest.fixture
def release(written: Path, audit: Path) -> Path:
    shutil.copytree(written / "audit-release", audit.parent / "audit-release")
    return audit.parent / "audit-release"


def test_a_release_is_complete_and_verified(audit: Path) -> None:
    release = write_release(audit)
    assert release.name == "audit-release"
    tables = {"indicators", "counts", "lists", "methods", "sdg", "chain", "survey", "sensitivity", "vintages"}
    assert {path.name for path in release.iterdir()} == {FIGURES, PACKAGE, *(f"{name}.csv" for name in tables)}
    assert verify_release(release) == ()
    assert verify_release(release, audit) == ()
    record = json.loads((release / FIGURES).read_text())
    assert record["verdict"]["level"] == "publish with caution" and record["versions"]["mse-engine"]
    assert record["estimate"]["interval_leaves_out"] and record["estimate"]["citations"]
    for figure in record["figures"]:
        assert set(figure) >= {"name", "value", "low", "high", "prob", "unit", "period", "definition", "verdict"}


def test_the_data_package_describes_every_file(release: Path) -> None:
    package = json.loads((release / PACKAGE).read_text())
    assert {resource["path"] for resource in package["resources"]} == {
        path.name for path in release.iterdir() if path.name != PACKAGE
    }
    for resource in package["resources"]:
        path = release / resource["path"]
        assert resource["hash"] == f"sha256:{file_digest(path)}" and resource["bytes"] == path.stat().st_size
        if resource["format"] == "csv":
            frame = pd.read_csv(path)
            fields = resource["schema"]["fields"]
            assert frame.columns.tolist() == [field["name"] for field in fields]
            for field in fields:
                if field["type"] == "number":
                    assert frame[field["name"]].dtype.kind in "if"
    assert package["name"].isascii() and package["mse"]["written_with"]["mse-engine"]


def test_a_release_of_the_same_results_is_the_same(audit: Path, release: Path, tmp_path: Path) -> None:
    again = write_release(audit, tmp_path / "again")
    for path in release.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()


def test_every_altered_number_is_named(release: Path) -> None:
    """One number in every column of numbers of every table, all at once."""
    expected = set()
    for path in release.glob("*.csv"):
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        for column in frame.columns:
            rows = [i for i, x in enumerate(frame[column]) if x.replace(".", "").lstrip("-").isdigit()]
            if rows:
                frame.loc[rows[-1], column] = str(float(frame.loc[rows[-1], column]) + 1)
                expected.add((path.name, rows[-1] + 2, column))
        frame.to_csv(path, index=False)
    found = [m for m in verify_release(release) if m.file.endswith(".csv")]
    assert len(expected) > 30
    assert {(m.file, int(str(m.name).split()[1]), str(m.name).rsplit("column ", 1)[1]) for m in found} == expected


def test_missing_rows_and_tables_are_named(release: Path) -> None:
    path = release / "survey.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    (release / "chain.csv").unlink()
    found = {(m.file, str(m.name)) for m in verify_release(release) if m.file.endswith(".csv")}
    assert found == {("survey.csv", "rows and columns"), ("chain.csv", "the file")}


def test_an_altered_missing_or_added_figure_is_named(release: Path) -> None:
    path = release / FIGURES
    record = json.loads(path.read_text())
    figures = {figure["name"]: figure for figure in record["figures"]}
    base = figures["indicators: estimated"]
    parts = ("value", "low", "high", "unit", "verdict", "definition", "period", "prob")
    levels = ("f", "m")
    named = [f"indicators: estimated, year {y}, sex {s}" for y in ("2018", "2019", "2020") for s in levels]
    for part, name in zip(parts, [*named, "indicators: estimated, sex f", "indicators: estimated, sex m"], strict=True):
        old = figures[name][part]
        figures[name] = {**figures[name], part: "other" if isinstance(old, str) else old * 1.01}
    del figures["indicators: registered"]
    figures["made up"] = {**base, "name": "made up"}
    changed = {"verdict": {**record["verdict"], "level": "publish"}, "versions": {"mse-engine": "9"}}
    path.write_text(json.dumps({**record, **changed, "figures": list(figures.values())}))
    found = [m for m in verify_release(release) if m.file == FIGURES]
    expected = [f"{n} ({p})" for p, n in zip(parts, [*named, "indicators: estimated, sex f",
                                                     "indicators: estimated, sex m"], strict=True)]  # fmt: skip
    assert {m.name for m in found} == {*expected, "indicators: registered", "made up", "verdict", "versions"}
    assert len(found) == len(expected) + 4
    assert any(str(m).startswith(f"{FIGURES}: indicators: registered: published nothing") for m in found)


def test_a_tampered_audit_record_is_noticed(audit: Path, release: Path) -> None:
    path = audit / "tables" / "indicators.csv"
    frame = pd.read_csv(path)
    frame.loc[1, "point"] += 500.0
    frame.to_csv(path, index=False)
    assert [m.file for m in verify_release(release)] == ["tables/indicators.csv"]
    path = audit / "estimates.csv"
    path.write_text(path.read_text().replace("headline", "headline", 1))
    rows = pd.read_csv(path)
    rows.loc[0, "point"] += 500.0
    rows.to_csv(path, index=False)
    assert any(m.file == "estimates.csv" for m in verify_release(release))


def test_files_that_do_not_belong_and_wrong_digests_are_noticed(release: Path) -> None:
    (release / "extra.csv").write_text("a\n1\n")
    assert [m.file for m in verify_release(release)] == ["extra.csv"]
    (release / "extra.csv").unlink()
    path = release / "counts.csv"
    path.write_text(path.read_text() + "\n")
    assert any(m.file == PACKAGE and "counts.csv" in str(m.name) for m in verify_release(release))


def test_releases_are_refused_where_they_do_not_belong(audit: Path, tmp_path: Path) -> None:
    release = write_release(audit)
    with pytest.raises(InputError, match="exists already"):
        write_release(audit)
    assert write_release(audit, overwrite=True) == release
    with pytest.raises(InputError, match="no release of mse"):
        write_release(audit, audit)
    with pytest.raises(InputError, match="lacks"):
        verify_release(audit)
    shutil.move(audit, tmp_path / "elsewhere")
    with pytest.raises(InputError, match="audit record is not there"):
        verify_release(release)
    assert verify_release(release, tmp_path / "elsewhere") == ()
    (release / FIGURES).write_text("nothing")
    with pytest.raises(InputError, match="damaged"):
        verify_release(release, tmp_path / "elsewhere")
    with pytest.raises(InputError):
        write_release(tmp_path)


# ---- nothing raw -----------------------------------------------------------------------------------


def check_nothing_raw(release: Path, results: Results) -> None:
    """No table tells a full history, and no file holds the record of the overlap, draws or unrounded estimates."""
    lists = results.record.overlap.lists
    assert not {path.suffix for path in release.iterdir()} - {".csv", ".json"}
    for path in release.iterdir():
        text = path.read_text()
        assert '"overlap"' not in text and '"counts": {' not in text
        assert not any(f'"{"+".join(lists[:j])}"' in text for j in range(2, len(lists) + 1))
        if path.suffix == ".csv":
            frame = pd.read_csv(path, dtype=str, keep_default_na=False)
            named = [name for name in lists if name in frame.columns]
            if named:
                assert ((frame[named] != "all").sum(axis=1) <= 2).all()
            if "point" in frame.columns:
                assert repr(results.headline.point) not in set(frame["point"]) or results.headline.point.is_integer()


@pytest.mark.parametrize("name", shipped_jobs())
def test_the_raw_overlap_of_a_shipped_job_never_leaves(name: str, tmp_path: Path) -> None:
    """With a quick method for the job's own, and few registrations: what is released is the same in kind."""
    job = read_job(shipped_path("models", name))
    quick = replace(job, estimate=MethodChoice("independence"), compare=(), assess=None)
    if job.registers is not None and job.simulate is not None:
        exact = replace(job.registers, linkage="exact", draws=0)
        few = replace(job.simulate, registrations=5000)
        quick = replace(quick, registers=exact, simulate=few)
    results = run_job(quick)
    assert counts_of(results)
    write_results(tmp_path / "audit", results, lambda r: "page")
    release = write_release(tmp_path / "audit")
    assert verify_release(release) == ()
    check_nothing_raw(release, results)


def test_a_table_that_is_not_public_gives_no_digest_away(release: Path) -> None:
    """The few small counts behind a digest could be found by trying."""
    results = whole()
    check_nothing_raw(release, results)
    digest = results.headline.table_digest
    assert all(digest not in path.read_text() for path in release.iterdir())
    assert "withheld" in json.loads((release / FIGURES).read_text())["digests"]["table"]
    frame = pd.read_csv(release / "counts.csv")
    assert frame["count"].isna().any() and not ((frame["count"] > 0) & (frame["count"] < 10)).any()


# ---- comparison ------------------------------------------------------------------------------------


def folder(tmp_path: Path, name: str, results: Results) -> Path:
    write_results(tmp_path / name, results, lambda r: "page")
    return tmp_path / name


def test_the_same_results_have_not_changed(audit: Path) -> None:
    assert is_results_folder(audit) and not is_results_folder(audit.parent)
    changes = compare_results(audit, audit)
    assert changes.causes == ()
    known = changes.estimates.dropna(subset=["old", "new"])
    assert (known["difference"] == 0).all() and len(known) > 10
    assert "Nothing that goes into the estimate changed" in changes_text(changes)


def test_every_kind_of_change_is_told_with_its_cause(tmp_path: Path) -> None:
    old = uk()
    spec = {**old.headline.spec, "sd": 2.0, "max_order": 2, "seed": 99}
    was = entries_of(old)
    new = with_entries(
        replace(old, headline=replace(old.headline, spec=spec, table_digest="cd" * 32)),
        title="Next year",
        versions={**was["versions"], "mse-engine": "9.9"},
        report={**was["report"], "extracted": "2022-01-01"},
        job={**was.get("job", {}), "publish": {"threshold": 5}},
        table={**was["table"], "digest": "cd" * 32, "name": "uk-2014"},
    )
    new = with_counts(new, {**counts_of(old), "LA": 254})
    changes = compare_results(folder(tmp_path, "old", old), folder(tmp_path, "new", new))
    assert {cause.kind for cause in changes.causes} == set(KINDS)
    told = {cause.what: (cause.old, cause.new) for cause in changes.causes}
    assert (
        told["sd"] == ("1.0", "2.0")
        and told["seed"] == ("1", "99")
        and ("persons", "LA") in {(cause.of, cause.what) for cause in changes.causes}
    )
    text = changes_text(changes)
    for said in (
        "sd: 1.0 → 2.0",
        "mse-engine",
        "The definitions changed",
        "its difference" if False else "not a trend",
    ):
        assert said in text
    dutch = changes_text(changes, "nl")
    assert "De definities zijn veranderd" in dutch and "Geregistreerd" in dutch


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": 3}, "Neither data, definitions nor method changed"),
        ({"sd": 3.0}, "Only the method"),
        ({"max_order": 2}, "Only the method"),
    ],
)
def test_what_may_be_said_of_a_difference(tmp_path: Path, changed: dict[str, object], said: str) -> None:
    old = uk()
    new = replace(old, headline=replace(old.headline, spec={**old.headline.spec, **changed}))
    changes = compare_results(folder(tmp_path, "old", old), folder(tmp_path, "new", new))
    assert said in changes_text(changes)


def test_small_counts_of_lists_are_not_told(tmp_path: Path) -> None:
    old, new = national(), with_title(national(), "again")
    smaller = {name: max(count // 2, 1) for name, count in counts_of(new).items()}
    new = with_counts(new, smaller)
    changes = compare_results(folder(tmp_path, "old", old), folder(tmp_path, "new", new))
    told = [cause for cause in changes.causes if cause.of == "persons"]
    assert told
    for cause in told:
        for text in (cause.old, cause.new):
            assert text == "–" or int(text) >= 10


def test_what_is_compared_is_what_is_published(tmp_path: Path) -> None:
    old = national()
    changes = compare_results(folder(tmp_path, "old", old), folder(tmp_path, "new", national("do not publish")))
    row = changes.estimates[(changes.estimates["indicator"] == "estimated")].iloc[0]
    safe = published_tables(old)["indicators"]
    assert row["old"] == safe[safe["indicator"] == "estimated"].iloc[0]["point"]
    assert np.isnan(row["new"]) and row["status"] == "withheld: do not publish"
    assert changes.verdicts == ("publish", "do not publish")
    assert "not published" in changes_text(changes)
