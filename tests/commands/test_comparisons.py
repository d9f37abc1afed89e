"""Methods side by side as a page."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from mse.cli import main


def test_methods_side_by_side_are_a_page_in_both_languages(tmp_path: Path) -> None:
    out = tmp_path / "side"
    asked = [
        "compare",
        "spina-bifida-3",
        "--method",
        "loglinear",
        "--method",
        "chao",
        "--out",
        str(out),
        "--language",
        "nl",
    ]
    ran = CliRunner().invoke(main, asked)
    assert ran.exit_code == 0, ran.output
    assert "Oordeel" in ran.stdout and "Ondergrens van Chao" in ran.stdout
    dutch, english = (out / "public" / name for name in ("report.html", "report.en.html"))
    assert "Ondergrens van Chao" in dutch.read_text("utf-8") and "Chao" in english.read_text("utf-8")
    again = CliRunner().invoke(main, asked)
    assert again.exit_code != 0 and not isinstance(again.exception, AssertionError)
