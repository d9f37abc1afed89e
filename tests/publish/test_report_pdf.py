"""The PDF: the same words as the page, accessible and archival, the same bytes every time."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import tomllib
import zlib
from contextlib import suppress
from pathlib import Path
from shutil import which

import pytest
from click.testing import CliRunner, Result

import mse
from mse.answers.results import Results, write_results
from mse.cli import main
from mse.errors import InputError
from mse.publish.figures.figurefiles import write_figures
from mse.publish.report.html import compose, render_pages, render_report, write_pages
from mse.publish.report.pdf import fonts, render_pdf
from mse.shipped import shipped_path
from tests.examples.national import national, uk_assessed
from tests.examples.results import chapman, many_lists

pytest.importorskip("typst", reason="the extra pdf is not installed")


def unpacked(pdf: bytes) -> bytes:
    """Return the file with its compressed streams written out."""
    parts = [pdf]
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, flags=re.DOTALL):
        with suppress(zlib.error):
            parts.append(zlib.decompress(stream))
    return b"".join(parts)


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize("results", [uk_assessed(), national(), many_lists(8)], ids=["uk", "national", "long names"])
def test_pdf_is_tagged_archival_and_in_its_language(results: Results, language: str) -> None:
    """Typst refuses to write PDF/UA-1 without a title, a language, alternative texts and headings in order."""
    pdf = render_pdf(results, language)
    assert pdf.startswith(b"%PDF-1.7")
    record = pdf[pdf.index(b"<?xpacket begin") : pdf.index(b"<?xpacket end")].decode("utf-8")
    assert re.search(r"pdfuaid:part[=>\"]+1", record)
    assert re.search(r"pdfaid:part[=>\"]+2", record) and re.search(r"pdfaid:conformance[=>\"]+A", record)
    assert f"<dc:language><rdf:Bag><rdf:li>{language}</rdf:li>" in record
    inside = unpacked(pdf)
    assert set(re.findall(rb"/FontName ?/[A-Z]{6}\+(\w+)", inside)) <= {b"DejaVuSans", b"DejaVuSansMono"}
    assert b"/StructTreeRoot" in inside and b"/Figure" in inside and b"/TH" in inside


@pytest.mark.parametrize(
    ("command", "job", "page"),
    [
        ("figures", "key-figures.toml", "key-figures"),
        ("chain", "justice-chain.toml", "chain"),
        ("policy", "consent-rule.toml", "policy"),
    ],
)
def test_pages_of_other_numbers_have_a_pdf_in_every_language(
    tmp_path: Path, command: str, job: str, page: str
) -> None:  # fmt: skip
    raw = tomllib.loads(shipped_path("models", job).read_text("utf-8"))
    raw["report"]["pdf"] = True
    if command == "chain":
        raw["chain"]["path"] = str(shipped_path("models", raw["chain"]["path"]))
    if command == "policy":
        raw["source"]["path"] = str(shipped_path("models", raw["source"]["path"]))
    make, write = getattr(mse, command), getattr(mse, f"write_{command}")
    outs = [write(tmp_path / name, make(raw)) for name in ("one", "two")]
    for language, name in (("en", f"{page}.pdf"), ("nl", f"{page}.nl.pdf")):
        pdf = (outs[0] / name).read_bytes()
        assert pdf == (outs[1] / name).read_bytes()
        record = pdf[pdf.index(b"<?xpacket begin") : pdf.index(b"<?xpacket end")].decode("utf-8")
        assert re.search(r"pdfuaid:part[=>\"]+1", record)
        assert f"<dc:language><rdf:Bag><rdf:li>{language}</rdf:li>" in record
        inside = unpacked(pdf)
        assert b"/TH" in inside and (command == "figures" or b"/Figure" in inside)


@pytest.mark.parametrize(
    ("command", "job"), [("figures", "key-figures"), ("chain", "justice-chain"), ("policy", "consent-rule")]
)
def test_the_command_writes_a_pdf_where_it_is_asked_for(
    command: str, job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def run(*options: str) -> Result:
        return CliRunner().invoke(main, [command, f"models/{job}.toml", *options])

    out = tmp_path / "out"
    assert run("--out", str(out), "--pdf").exit_code == 0
    assert len(list(out.glob("*.pdf"))) == 2
    assert run("--out", str(out), "--overwrite").exit_code == 0
    assert not list(out.glob("*.pdf"))
    without = run("--pdf", "--language", "nl")
    assert without.exit_code == 2 and "geen map" in without.output
    monkeypatch.setitem(sys.modules, "typst", None)
    missing = run("--out", str(tmp_path / "none"), "--pdf")
    assert missing.exit_code == 2 and "mse-engine[pdf]" in missing.output and not (tmp_path / "none").exists()


@pytest.mark.skipif(which("pdftotext") is None, reason="poppler is not installed")
def test_a_pdf_of_key_figures_says_every_sentence(tmp_path: Path) -> None:
    found = mse.figures("models/key-figures.toml")
    out = write_figures(tmp_path / "out", found, pdf=True)
    for language, name in (("en", "key-figures.pdf"), ("nl", "key-figures.nl.pdf")):
        text = subprocess.run(["pdftotext", "-layout", str(out / name), "-"], capture_output=True, check=True).stdout
        words = re.sub(r"\s+", "", text.decode("utf-8"))
        for one in found.sentences(language):
            assert re.sub(r"\s+", "", one)[:60] in words, one


def test_pdf_has_the_same_bytes_every_time() -> None:
    assert render_pdf(national(), "nl") == render_pdf(national(), "nl")


def test_pdf_writes_every_kind_of_block_and_all_that_a_block_says() -> None:
    """Both templates are fed from the same page: what a page may hold, each of them writes."""
    template = "".join(shipped_path("reports/templates", x).read_text("utf-8") for x in ("report.typ", "pieces.typ"))
    pieces = shipped_path("reports/templates", "pieces.html").read_text("utf-8")
    kinds = {block.kind for section in compose(uk_assessed()).sections for block in section.blocks}
    assert kinds == {"paragraph", "heading", "bullets", "sheet", "drawing", "listing"}
    for kind in kinds - {"listing"}:  # what is left in either
        assert f'kind == "{kind}"' in template and f'kind == "{kind}"' in pieces
    for part in ("title", "subtitle", "keys", "remarks", "sections", "none_found", "said.record", "said.reasons",
                 "said.latest", "said.sentence", "said.meaning", "labels.made", "labels.stamp"):  # fmt: skip
        assert f"page.{part}" in template and f"page.{part}" in shipped_path(
            "reports/templates", "report.html"
        ).read_text("utf-8")


def test_pages_of_a_job_have_their_names(tmp_path: Path) -> None:
    pages = render_pages(national())
    assert list(pages) == ["report.html", "report.pdf", "report.en.html", "report.en.pdf"]
    assert '<html lang="nl">' in str(pages["report.html"]) and '<html lang="en">' in str(pages["report.en.html"])
    write_results(tmp_path / "run", national(), lambda _: pages)
    assert (tmp_path / "run" / "public" / "report.en.pdf").read_bytes() == pages["report.en.pdf"]
    again = write_pages(tmp_path / "run", ("en",), pdf=False)
    assert again == (tmp_path / "run" / "public" / "report.en.html",)


def test_without_typst_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(InputError, match=r"mse-engine\[pdf\]"):
        render_pdf(chapman())


def test_reports_are_rendered_in_time() -> None:
    """The whole page with every table of an assessment within 5 s of computing, the PDF within 10 s."""
    results = national()
    for render, seconds in ((render_report, 5.0), (render_pdf, 10.0)):
        start = time.process_time()
        render(results, "nl")
        assert time.process_time() - start < seconds


def test_the_fonts_are_there_and_free() -> None:
    assert (fonts() / "DejaVuSans.ttf").is_file() and (fonts() / "LICENSE_DEJAVU").is_file()
