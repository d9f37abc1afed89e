"""How pages look, small enough to be stored: ``python -m tests.publish.snapshots`` measures them again.

Of every block of a page (heads, the answer, key figures, figures, tables) its words, place, width and height; of every
figure a picture of sixteen squares across, one digit of darkness each. Places and widths are twentieths of the page,
heights are lines. What may differ is said by `differences`: other fonts break lines elsewhere and shade squares
otherwise, and that is no change of the page.
"""

from __future__ import annotations

import base64
import io
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.examples.browser import PAGES, page, started

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

STORED = Path(__file__).parent / "snapshots.json"
DEVICES = {"phone": (390, ""), "screen": (1280, ""), "print": (680, "print")}
"""Width, and the medium; 680 is a sheet of A4 between its margins."""

ACROSS = 16
"""Squares of the picture of a figure from left to right."""

PALE = 0.25
"""Share of the darkness of a figure that may be elsewhere: another font moves up to 0.18, loss of all words 0.3 to 0.8.
"""

BLOCKS = """
const all = document.documentElement.clientWidth, found = [];
for (const x of document.querySelectorAll('h1, h2, .answer, .keys, svg.drawing, table')) {
  const box = x.getBoundingClientRect();
  if (!x.getClientRects().length || box.width < 2) continue;
  const kind = x.matches('svg') ? 'figure' : x.matches('.answer') ? 'answer' : x.matches('.keys') ? 'keys' :
    x.tagName.toLowerCase();
  const named = kind === 'table' ? x.querySelector('caption') : kind[0] === 'h' ? x : null;
  found.push([kind, named ? named.textContent.replace(/\\s+/g, ' ').trim() : '',
    box.left / all, box.width / all, box.height, box.left, box.top + window.scrollY, box.width]);
}
return [document.documentElement.scrollWidth / all, found];
"""

Snapshot = dict[str, Any]


def measured(browser: Chrome, file: Path, device: str) -> Snapshot:
    """Return how a page looks: its width in pages, its blocks, and the pictures of its figures."""
    from PIL import Image

    width, medium = DEVICES[device]
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": device == "phone"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium})
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        browser.get(file.as_uri())
        browser.execute_script("document.querySelectorAll('details').forEach(x => x.open = true)")
        wide, found = browser.execute_script(BLOCKS)
        shot = {"format": "png", "captureBeyondViewport": True}
        pictures = []
        for kind, _, _, _, high, left, top, across in found:
            if kind != "figure":
                continue
            clip = {"x": left, "y": top, "width": across, "height": high, "scale": 1}
            data = browser.execute_cdp_cmd("Page.captureScreenshot", {**shot, "clip": clip})["data"]
            image = Image.open(io.BytesIO(base64.b64decode(data))).convert("L")
            rows = max(1, round(ACROSS * high / across))
            dark = 255.0 - np.asarray(image.resize((ACROSS, rows), Image.Resampling.BOX), dtype=float)
            pictures.append(["".join(f"{x:x}" for x in row) for row in np.clip(dark / 8, 0, 15).astype(int)])
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    blocks = [[kind, words, round(20 * left), round(20 * share), round(high / 16)]
              for kind, words, left, share, high, *_ in found]  # fmt: skip
    return {"width": round(wide, 2), "blocks": blocks, "pictures": pictures}


def differences(old: Snapshot, new: Snapshot) -> list[str]:
    """Return what differs by more than fonts make: order, words, places, sizes, and the darkness of figures."""
    if new["width"] > 1:
        return [f"the page is {new['width']} times as wide as the screen"]
    before, after = ([" ".join(x[:2]) for x in some["blocks"]] for some in (old, new))
    if before != after:
        shorter = min(len(before), len(after))
        at = next((i for i in range(shorter) if before[i] != after[i]), shorter)
        return [f"block {at + 1}: {before[at : at + 2]} became {after[at : at + 2]}"]
    found = []
    for (kind, words, *was), (_, _, *now) in zip(old["blocks"], new["blocks"], strict=True):
        room = (1, 1, max(4, was[2] // 4))
        if any(abs(a - b) > most for a, b, most in zip(was, now, room, strict=True)):
            found.append(f"{kind} {words}: left, width and height were {was} and are {now}")
    for i, (was, now) in enumerate(zip(old["pictures"], new["pictures"], strict=True)):
        a, b = _shades(was), _shades(now)
        if abs(len(a) - len(b)) > 1 + len(a) // 8:
            found.append(f"figure {i + 1}: {len(a)} rows of squares became {len(b)}")
            continue
        rows = min(len(a), len(b))
        a, b = _smooth(a[:rows]), _smooth(b[:rows])
        if (apart := float(np.abs(a - b).sum() / max(a.sum(), 1.0))) > PALE:
            found.append(f"figure {i + 1}: {apart:.0%} of its darkness is elsewhere")
    return found


def _shades(picture: list[str]) -> np.ndarray:
    return np.array([[int(x, 16) for x in row] for row in picture], dtype=float)


def _smooth(shades: np.ndarray) -> np.ndarray:
    """Return the mean of every square with those above and below it: a line of text may move by half a square."""
    padded = np.pad(shades, ((1, 1), (0, 0)), mode="edge")
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3


def taken(browser: Chrome, folder: Path) -> dict[str, Snapshot]:
    """Return every page on every device."""
    found = {}
    for name, language in PAGES:
        file = folder / "page.html"
        file.write_text(page(name, language), encoding="utf-8")
        for device in DEVICES:
            found[f"{name}, {language}, {device}"] = measured(browser, file, device)
    return found


def main() -> None:
    """Measure the pages and store how they look."""
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile"
        with started(profile) as browser:
            found = taken(browser, Path(folder))
    lines = []
    for name, x in found.items():
        blocks = ",\n  ".join(json.dumps(block, ensure_ascii=False) for block in x["blocks"])
        pictures = ",\n  ".join(json.dumps(picture) for picture in x["pictures"])
        lines.append(
            f'{json.dumps(name)}: {{"width": {x["width"]}, "blocks": [\n  {blocks}],\n "pictures": [\n  {pictures}]}}'
        )
    STORED.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
