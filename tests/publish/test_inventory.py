"""Everything that leaves the house is in the inventory, and nothing that leaves lets a guess be checked."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mse.answers.results import INTAKE, PUBLIC, Results, read_results, write_results
from mse.jobs.job import make_job
from mse.jobs.running import run_job
from mse.publish.changes import compare_results
from mse.publish.changestext import changes_text
from mse.publish.inventory import INVENTORY, unlisted
from mse.publish.release.bundle import write_release
from mse.publish.report.html import render_pages, render_report
from mse.publish.report.pdf import render_pdf
from mse.words.said import said
from tests.examples import national, parts
from tests.examples.recorded import counts_of, entries_of, with_counts, with_entries
from tests.publish.leaving import modes, page_elements, page_numbers, pdf_attachments, pdf_entries, release_elements

DIGESTS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s", "sha3_256")


def several() -> dict[str, Results]:
    """Return results that bring every section and table there is."""
    chain = national.beside()["chain"]
    return {
        "national": national.national(),
        "public": national.national(True),
        "assessed": national.uk_assessed(),
        "strata": parts.national(chain=chain, sdg=pd.DataFrame({"year": ["asked for"]})),
        "refused": parts.national("do not publish"),
    }


@cache
def results(name: str) -> Results:
    return several()[name]


@pytest.fixture(scope="module", params=["national", "public", "assessed", "strata", "refused"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Path, Path]:
    """Return results, the folder in which they are written with their pages, and their release."""
    found = results(request.param)
    folder = tmp_path_factory.mktemp("leaving") / request.param
    before = os.umask(0o002)
    try:
        write_results(folder, found, pages)
        return found, folder, write_release(folder)
    finally:
        os.umask(before)


def pages(found: Results) -> dict[str, str | bytes]:
    return {"report.html": render_report(found, "en"), "report.nl.html": render_report(found, "nl")}


def names_of(found: Results) -> dict[str, list[str]]:
    strata = found.headline.strata
    return {
        "dimension": list(strata.dimensions) if strata is not None else [],
        "list": list(found.headline.lists),
        "library": "mse-engine python numpy numba scipy highspy pandas xarray matplotlib joblib".split(),
        "language": ["nl", "en"],
    }


def test_every_element_of_pages_and_releases_is_listed(written: tuple[Results, Path, Path]) -> None:
    found, folder, release = written
    names = names_of(found)
    there = {("results", path.relative_to(folder).as_posix()) for path in (folder / PUBLIC).rglob("*")}
    there |= {("results", PUBLIC)} | release_elements(release)
    for path in (folder / PUBLIC).glob("*.html"):
        there |= {
            (where, re.sub(r"^(figure \w+)-\d+$", r"\1", x)) for where, x in page_elements(path.read_text("utf-8"))
        }
    assert unlisted(there, names) == ()


def test_what_is_not_listed_is_noticed() -> None:
    html = '<html><body><!-- 7 --><p data-count="7">x</p><svg><path d="M 0 0" data-raw="7"/></svg></body></html>'
    assert set(unlisted(page_elements(html))) == {
        ("page", "comment"), ("page", "p@data-count"), ("drawing", "path@data-raw"),
    }  # fmt: skip
    assert unlisted([("table", "counts.raw"), ("figures.json", "overlap.A+B")]) != ()
    assert len({(row.artefact, row.element) for row in INVENTORY}) == len(INVENTORY)


def test_metadata_of_a_pdf_are_listed_and_nothing_is_attached() -> None:
    pytest.importorskip("typst")
    content = render_pdf(results("national"), "nl")
    assert unlisted(("pdf", x.replace("info ", "/").replace("xmp ", "")) for x in pdf_entries(content)) == ()
    assert not pdf_attachments(content)


def test_who_may_read_what(written: tuple[Results, Path, Path]) -> None:
    _, folder, release = written
    for path, mode in modes(folder).items():
        shown = path == PUBLIC or path.startswith(f"{PUBLIC}/")
        of_folder = (folder / path).is_dir()
        assert mode == ((0o755 if of_folder else 0o644) if shown else (0o700 if of_folder else 0o600)), path
    assert set(modes(release).values()) == {0o755, 0o644}


def test_the_audit_record_is_closed_whatever_the_umask_and_its_pages_stay_open(tmp_path: Path) -> None:
    left = tmp_path / "left"
    (left / "quality").mkdir(parents=True)
    (left / "quality" / "a.csv").write_text("x\n")
    (left / "quality" / "a.csv").chmod(0o666)
    for umask in (0o000, 0o077):
        before = os.umask(umask)
        try:
            write_results(tmp_path / "out", results("refused"), lambda _: "page", overwrite=True, intake=left)
        finally:
            os.umask(before)
        found = modes(tmp_path / "out")
        assert found[f"{INTAKE}/quality/a.csv"] == 0o600 and found[f"{INTAKE}/quality"] == 0o700
        assert found["."] == 0o700 and found[f"{PUBLIC}/report.html"] == 0o644 and found[PUBLIC] == 0o755
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("out", "left")] == []


# ---- nothing by which a guess can be checked ---------------------------------------------------------


def published_texts(folder: Path, release: Path) -> Iterator[tuple[str, str]]:
    for path in sorted([*(folder / PUBLIC).iterdir(), *release.iterdir()]):
        yield path.name, path.read_text("utf-8")


def test_no_digest_of_anything_inside_is_published(written: tuple[Results, Path, Path]) -> None:
    found, folder, release = written
    stored = read_results(folder)
    public = found.record.table.public
    inside = [x.read_bytes() for x in folder.rglob("*") if x.is_file() and PUBLIC not in x.parts]
    entries = entries_of(found)
    inside += [json.dumps(entries["overlap"]).encode(), json.dumps(entries.get("job")).encode()]
    inside += [json.dumps(counts_of(found)).encode()]
    tried = {hashlib.new(kind, content).hexdigest()[:8] for kind in DIGESTS for content in inside}
    tried |= {found.headline.table_digest[:8], str(found.record.table.digest)[:8]}
    for name, text in published_texts(folder, release):
        if public and name.endswith(".json"):
            continue  # what is public already may be recognised
        assert not [x for x in tried if x in text], name
        assert str(stored.record.secret or "none at all") not in text
        if name.endswith(".html"):
            assert not re.findall(r"\b[0-9a-f]{12,}\b", text), name


def test_digests_of_a_table_that_is_not_public_are_keyed_in_the_record(tmp_path: Path) -> None:
    found = results("refused")
    plain = found.headline.table_digest
    for name in ("one", "two"):
        write_results(tmp_path / name, found, lambda _: "page")
    one, two = (read_results(tmp_path / name) for name in ("one", "two"))
    for path in (tmp_path / "one").rglob("*"):
        assert path.is_dir() or plain.encode() not in path.read_bytes(), path.name
    assert one.record.table.digest != two.record.table.digest != plain
    write_results(tmp_path / "again", one, lambda _: "page")
    assert read_results(tmp_path / "again").record == one.record


def test_settings_that_undo_disclosure_control_are_on_no_page() -> None:
    found = parts.national(publish={"method": "random", "seed": 918273645})
    job = {
        **found.record.job.settings,
        "table": {"path": "/srv/very/inside/table.csv"},
        "compute": {"cluster": "tcp://in:1"},
    }
    found = with_entries(found, job=job, secret="b" * 64)
    html = render_report(found, "en")
    assert "918273645" not in html and "/srv/very" not in html and "tcp://in" not in html and "b" * 64 not in html


def moved(found: Results, persons: float) -> Results:
    """Return the results with unrounded numbers that differ by less than rounding shows."""
    rows = found.comparison.copy()
    rows[["point", "low", "high"]] += persons
    tables = {}
    for name, frame in found.tables.items():
        frame = frame.copy()
        if name in ("sensitivity", "prior", "linkage_error", "robustness", "accumulation", "calibrated"):
            frame[["point", "low", "high"]] += persons
        tables[name] = frame
    diagnostics = {name: value * 1.001 for name, value in found.headline.diagnostics.items()}
    head = replace(found.headline, diagnostics=diagnostics, table_digest="ef" * 32)
    record = replace(found.record, table=replace(found.record.table, digest="ef" * 32))
    return Results(head, rows, record, tables)


def test_pages_of_two_results_that_round_alike_are_the_same_bytes() -> None:
    """Bars, curves, points, ids, digests: nothing on a page depends on more than what it prints."""
    found = results("national")
    grid = 10_000.0  # on a multiple of every unit of rounding, and away from the edges of one
    tables = {**found.tables}
    for name in ("sensitivity", "prior", "linkage_error", "robustness", "accumulation", "calibrated"):
        frame = tables[name].copy()
        frame["point"] = np.round(frame["point"] / grid) * grid + 20
        frame["low"] = np.floor(frame["low"] / grid) * grid + 20
        frame["high"] = np.ceil(frame["high"] / grid) * grid - 20
        tables[name] = frame
    rows = found.comparison.copy()
    rows["point"], rows["low"], rows["high"] = [40_020.0] * len(rows), [30_020.0] * len(rows), [59_980.0] * len(rows)
    one = Results(found.headline, rows, found.record, tables)
    first, second = (render_report(x, "en") for x in (one, moved(one, 3.0)))
    assert first == second


def test_sizes_of_single_models_and_diagnostics_are_for_public_tables_only() -> None:
    public = parts.national(public=True)
    closed = parts.national()
    for found, there in ((public, True), (closed, False)):
        note = said("note.pair", lists=("A", "B"), count=4, how=said("how.largest"))
        head = replace(found.headline, diagnostics={"mc_error": 0.00114832}, notes=(note,))
        html = render_report(replace(found, headline=head), "en")
        assert ("0.001148" in html) is there and ("4 persons on both" in html) is there


def test_raw_counts_that_are_left_out_stand_nowhere(written: tuple[Results, Path, Path]) -> None:
    found, folder, release = written
    if found.record.table.public:
        return
    raw = set(found.record.overlap.counts)
    strata = found.headline.strata
    assert strata is not None
    told = {int(x) for x in pd.read_csv(release / "counts.csv")["count"].dropna()}
    told |= {int(x) for x in pd.read_csv(release / "lists.csv")["count"].dropna()}
    secret = {n for n in raw | set(map(int, strata.observed)) if n >= 100 and n % 10} - told
    flow = found.tables.get("flow")
    secret -= set() if flow is None else set(map(int, flow["count"]))
    assert secret or folder.name == "national"
    for path in (folder / PUBLIC).glob("*.html"):
        for place, number in page_numbers(path.read_text("utf-8")):
            if place == "text" or "label" in place:
                grouped = re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+|\d+", number)
                plain = re.sub("[.,]", "", number) if grouped else ""
                assert not (plain.isdigit() and int(plain) in secret), (place, number)


def test_a_job_on_a_table_of_its_own_gives_no_digest_of_it(tmp_path: Path) -> None:
    """With the list totals all seven histories were found after 50 tries."""
    rows = "A,B,C,count\n1,0,0,310\n0,1,0,95\n0,0,1,120\n1,1,0,22\n1,0,1,31\n0,1,1,15\n1,1,1,4\n"
    (tmp_path / "table.csv").write_text(rows)
    job = make_job({"table": {"path": tmp_path / "table.csv"}, "estimate": {"method": "chao"}, "compare": []})
    found = run_job(job)
    write_results(tmp_path / "run", found, render_pages)
    plain = {hashlib.sha256(rows.encode()).hexdigest(), found.headline.table_digest}
    (tmp_path / "table.csv").unlink()
    release = write_release(tmp_path / "run")
    for path in (*(tmp_path / "run").rglob("*"), *release.iterdir()):
        assert path.is_dir() or not [x for x in plain if x[:10].encode() in path.read_bytes()], path.name
    assert unlisted(release_elements(release), names_of(found)) == ()


def test_what_changed_between_two_results_is_told_without_their_digests(tmp_path: Path) -> None:
    old = parts.national()
    new = with_counts(old, {**counts_of(old), "P": 1234})
    for name, found in (("old", old), ("same", old), ("new", new)):
        write_results(tmp_path / name, found, lambda _: "page")
    assert compare_results(tmp_path / "old", tmp_path / "same").causes == ()
    changes = compare_results(tmp_path / "old", tmp_path / "new")
    assert ("counts", "", "") in {(x.of, x.old, x.new) for x in changes.causes}
    told_in = {"en": "counts of the table: not the same", "nl": "aantallen in de tabel: niet hetzelfde"}
    for language, told in told_in.items():
        text = changes_text(changes, language)
        assert told in text and not re.findall(r"[0-9a-f]{12,}", text)


def test_a_file_whose_folder_changed_is_told_once_and_only_where_it_is_another(tmp_path: Path) -> None:
    old, new = parts.national(), parts.national()
    quarters = {f"P/2025/P-{year}-q{i}.csv": f"{year}{i}" for year in (2023, 2024) for i in range(1, 5)}
    moved = {name.replace("/2025/", "/2026/from/"): x for name, x in quarters.items()}
    changed = {**moved, "P/2026/from/P-2024-q4.csv": "other", "P/2026/from/P-2025-q1.csv": "more"}
    twice = {"P/2025/q1.csv": "a", "P/2026/q1.csv": "b"}
    for name, found, files in (("old", old, quarters), ("moved", new, moved), ("changed", new, changed),
                               ("twice", old, twice), ("thrice", new, {**twice, "P/2027/q1.csv": "c"})):  # fmt: skip
        table = {**entries_of(found)["table"], "registers": files}
        write_results(tmp_path / name, with_entries(found, table=table), lambda _: "page")

    def told(one: str, other: str) -> list[str]:
        return [x.what for x in compare_results(tmp_path / one, tmp_path / other).causes if x.of == "content"]

    assert told("old", "moved") == []
    assert told("old", "changed") == ["P/P-2025-q1.csv"]  # under two secrets contents cannot be compared
    assert told("twice", "thrice") == ["P/2027/q1.csv"]
