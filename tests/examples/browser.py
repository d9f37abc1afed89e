"""A real browser for pages, and the pages that are opened in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mse.answers.results import Results
from mse.publish.report.html import render_report
from tests.examples.national import national, uk_assessed
from tests.examples.results import chapman, many_lists, netherlands

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
NONE = not (CHROMIUM and DRIVER)
WHY = "no chromium with its driver is installed"

QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-sync", "--disable-component-update", "--disable-default-apps", "--disable-extensions",
    "--disable-dev-shm-usage", "--hide-scrollbars",
)  # fmt: skip

EXAMPLES: dict[str, Callable[[], Results]] = {
    "caution": uk_assessed,
    "publish": national,
    "refuse": netherlands,
    "unjudged": chapman,
    "long names": lambda: many_lists(8),
}

PAGES = [("publish", "nl"), *((name, ("nl", "en")[number % 2]) for number, name in enumerate(EXAMPLES))]
"""Every example in one language, and the one with every table in both."""


@cache
def page(name: str, language: str) -> str:
    """Return the page of an example."""
    return render_report(EXAMPLES[name](), language)


@contextmanager
def started(profile: Path) -> Iterator[Chrome]:
    """Start a browser with a profile of its own, and end it."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in (*QUIET, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    try:
        yield driver
    finally:
        driver.quit()
