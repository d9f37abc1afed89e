"""Steps of the build of the site: formulas become MathML, which browsers draw without any script."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from latex2mathml.converter import convert

FORMULA = re.compile(r'<(span|div) class="arithmatex">(.*?)</\1>', re.DOTALL)


def on_page_content(html: str, **_: Any) -> str:
    """Replace the formulas of a page, as `pymdownx.arithmatex` leaves them, by MathML."""
    return FORMULA.sub(_mathml, html)


def _mathml(found: re.Match[str]) -> str:
    block = found[1] == "div"
    source = unescape(found[2]).strip()
    inner = re.sub(r"^\\[\[(]|\\[\])]$", "", source).strip()
    drawn = convert(inner, display="block" if block else "inline")
    drawn = re.sub(r"(<mi>log</mi>)(?=<m)", r'\1<mspace width="0.17em"/>', drawn)
    return f'<{found[1]} class="formula">{drawn}</{found[1]}>'
