"""The page in a real browser: accessible by axe in both languages, and nothing is asked of anybody."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.examples.browser import EXAMPLES, NONE, PAGES, WHY, page, started

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.skipif(NONE, reason=WHY)

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with started(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def opened(browser: Chrome, name: str, language: str, folder: Path, width: int) -> list[str]:
    """Open the page of an example and return every address that it asked for."""
    file = folder / f"{language}.html"
    file.write_text(page(name, language), encoding="utf-8")
    browser.get("about:blank")
    browser.get_log("performance")
    browser.set_window_size(width, 1000)
    browser.get(file.as_uri())
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


@pytest.mark.parametrize(("name", "language"), PAGES)
def test_page_asks_nothing_of_anybody_and_passes_axe(browser: Chrome, name: str, language: str, tmp_path: Path) -> None:
    asked = opened(browser, name, language, tmp_path, 1200)
    assert asked == [(tmp_path / f"{language}.html").as_uri()]
    axe = resources.files("axe_selenium_python").joinpath("node_modules/axe-core/axe.min.js").read_text("utf-8")
    # The page forbids every script; the driver's own are not bound by that.
    browser.execute_script(axe)
    found: dict[str, Any] = browser.execute_async_script(
        "axe.run(document, {runOnly: {type: 'tag', values: arguments[0]}}).then(arguments[1])", RULES
    )
    faults = [
        f"{fault['id']} ({fault['impact']}): {node['html'][:200]}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]
    assert faults == []
    passed = {rule["id"] for rule in found["passes"]}
    assert {"color-contrast", "document-title", "html-has-lang", "heading-order", "page-has-heading-one"} <= passed
    assert found["testEngine"]["version"] >= "4.10"
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


OUTSIDE = """
const shown = [...document.querySelectorAll('svg.drawing')].filter(svg => svg.getClientRects().length);
const faults = shown.length ? [] : ['no figure is shown'];
for (const svg of shown) {
  const all = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
  for (const [words, box] of texts)
    if (box.left < all.left - 2 || box.right > all.right + 2 || box.top < all.top - 2 || box.bottom > all.bottom + 2)
      faults.push('outside: ' + words);
  texts.forEach(([words, box], i) => texts.slice(i + 1).forEach(([others, other]) => {
    const wide = Math.min(box.right, other.right) - Math.max(box.left, other.left);
    const high = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
    if (wide > 1 && high > 0.35 * Math.min(box.height, other.height)) faults.push(words + ' over ' + others);
  }));
  if (svg.textContent.includes('…')) faults.push('cut off');
}
return faults;
"""
"""Words of a figure that leave it, lie over each other, or are cut off."""

WIDTHS = {"phone": 390, "screen": 1280}


@pytest.mark.parametrize("device", WIDTHS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_page_fits_and_the_words_of_its_figures_can_be_read(
    browser: Chrome, name: str, device: str, tmp_path: Path
) -> None:
    metrics = {"width": WIDTHS[device], "height": 900, "deviceScaleFactor": 1, "mobile": device == "phone"}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        opened(browser, name, "nl", tmp_path, 1200)
        sizes = browser.execute_script(
            "return [document.documentElement.clientWidth, document.documentElement.scrollWidth]"
        )
        assert sizes == [WIDTHS[device]] * 2
        assert browser.execute_script(OUTSIDE) == []
        scrolled = browser.execute_script(
            "return [...document.querySelectorAll('.scroll')].filter(x => x.scrollWidth > x.clientWidth + 1)"
            ".map(x => x.textContent.trim().slice(0, 60))"
        )
        assert scrolled == [] or device == "screen"
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_on_a_dark_screen_every_colour_of_a_figure_has_its_counterpart(browser: Chrome, tmp_path: Path) -> None:
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    for name in EXAMPLES:
        used = set(re.findall(r"var\((--c-[0-9a-f]{6})", page(name, "nl")))
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
        try:
            opened(browser, name, "nl", tmp_path, 1200)
            known = browser.execute_script(
                "const style = getComputedStyle(document.documentElement);"
                " return arguments[0].filter(name => style.getPropertyValue(name));", sorted(used),
            )  # fmt: skip
        finally:
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        assert set(known) == used


HEADINGS = """
return [...document.querySelectorAll('h2, h3, caption, thead tr')].map(x => x.innerText.replace(/\\s+/g, ' ').trim())
"""


@pytest.mark.parametrize("name", ["caution", "publish"])
def test_no_heading_is_left_at_the_foot_of_a_printed_page(browser: Chrome, name: str, tmp_path: Path) -> None:
    from pypdf import PdfReader

    opened(browser, name, "nl", tmp_path, 1200)
    heads = set(browser.execute_script(HEADINGS))
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})
    pages = PdfReader(io.BytesIO(base64.b64decode(printed["data"]))).pages
    assert len(pages) > 5
    for one in pages[:-1]:
        assert " ".join(one.extract_text().strip().splitlines()[-1].split()) not in heads
        assert one.mediabox.width == pytest.approx(595, abs=2)
