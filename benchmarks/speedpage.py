"""The blocks of docs/speed.md that commands fill in: rows of the benchmarks, curves of growth, the account."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "speed.md"


def _block(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- begin: {re.escape(name)} [^\n]*-->\n)(.*?)\n(<!-- end -->)", re.DOTALL)


def block(name: str) -> str:
    """Return what stands in a block of the page."""
    if not (found := _block(name).search(PAGE.read_text(encoding="utf-8"))):
        raise SystemExit(f"docs/speed.md has no block {name!r}")
    return found[2]


def put(name: str, text: str) -> None:
    """Write a block of the page."""
    block(name)
    page = _block(name).sub(lambda found: f"{found[1]}{text}\n{found[3]}", PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(page, encoding="utf-8", newline="\n")
