"""The blocks of docs/speed.md that commands fill in: rows of the benchmarks, curves of growth, the account."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "speed.md"


def put(name: str, text: str) -> None:
    """Write a block of the page."""
    page = PAGE.read_text(encoding="utf-8")
    block = re.compile(rf"(<!-- begin: {re.escape(name)} [^\n]*-->\n).*?(<!-- end -->)", re.DOTALL)
    if not block.search(page):
        raise SystemExit(f"docs/speed.md has no block {name!r}")
    PAGE.write_text(block.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page), encoding="utf-8", newline="\n")
