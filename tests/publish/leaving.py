"""Everything that stands in what leaves the house, element by element, for the test of the inventory."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "br", "path", "use", "rect", "link", "img", "input"}


class _Page(HTMLParser):
    """The elements of a page, with the section and, in a drawing, the figure in which they stand."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str]] = []
        self.numbers: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.drawing = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and its attributes."""
        if tag == "svg" or self.drawing:
            self.drawing += tag not in VOID
        where = "drawing" if self.drawing else "page"
        self.found.append((where, tag))
        for name, value in attrs:
            self.found.append((where, f"{tag}@{name}"))
            self.numbers += [(f"{where} {tag}@{name}", x) for x in _numbers(value or "")]
            if name == "id" and (value or "").startswith("section-"):
                self.found.append(("section", str(value).removeprefix("section-")))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element without content."""
        before = self.drawing
        self.handle_starttag(tag, attrs)
        self.drawing = before
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        if self.drawing and tag not in VOID:
            self.drawing -= 1
        if self.open and tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Note the numbers of a text."""
        if self.open and self.open[-1] != "style":
            self.numbers += [("text", x) for x in _numbers(data)]

    def handle_comment(self, data: str) -> None:
        """Note a comment."""
        self.found.append(("page", "comment"))

    def handle_pi(self, data: str) -> None:
        """Note an instruction."""
        self.found.append(("page", "instruction"))

    def unknown_decl(self, data: str) -> None:
        """Note anything else."""
        self.found.append(("page", "declaration"))


def _numbers(text: str) -> list[str]:
    return re.findall(r"\d[\d.,]*\d|\d", text)


def page_elements(html: str) -> set[tuple[str, str]]:
    """Return the elements and attributes of a page, its sections, and those of its drawings."""
    page = _Page()
    page.feed(html)
    return set(page.found) | {
        ("drawing", f"figure {name}") for name in re.findall(r'aria-labelledby="figure-([\w-]+)"', html)
    }


def page_numbers(html: str) -> list[tuple[str, str]]:
    """Return every number of a page with the place where it stands: text, and attributes."""
    page = _Page()
    page.feed(html)
    return page.numbers


def json_keys(value: object, at: str = "") -> Iterator[str]:
    """Yield the path of every entry: ``verdict.reasons[].code``."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from json_keys(item, f"{at}.{key}" if at else str(key))
    elif isinstance(value, list):
        for item in value:
            yield from json_keys(item, f"{at}[]")
        if not value:
            yield f"{at}[]"
    else:
        yield at


def csv_columns(path: Path) -> list[str]:
    """Return the columns of a CSV file."""
    return next(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))


def pdf_entries(content: bytes) -> set[str]:
    """Return the entries of the document's information and the elements of its XMP metadata."""
    found = {
        f"info {name}"
        for name in re.findall(rb"/(Title|Author|Subject|Keywords|Creator|Producer|CreationDate|ModDate)\b", content)
    }
    parts = [content]
    for stream in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
        try:
            parts.append(zlib.decompress(stream[1]))
        except zlib.error:
            parts.append(stream[1])
    for part in parts:
        if b"<x:xmpmeta" in part:
            found |= {f"xmp {name.decode()}" for name in re.findall(rb"<([A-Za-z]+:[A-Za-z]+)", part)}
    return {x.replace("b'", "").replace("'", "") for x in found}


def pdf_attachments(content: bytes) -> bool:
    """Tell whether a PDF carries files."""
    return b"/EmbeddedFile" in content


def release_elements(folder: Path) -> set[tuple[str, str]]:
    """Return the files of a release, the columns of its tables, and the keys of its JSON."""
    found = set()
    for path in sorted(folder.iterdir()):
        found.add(("release", path.name))
        if path.suffix == ".csv":
            found |= {("table", f"{path.stem}.{column}") for column in csv_columns(path)}
        elif path.suffix == ".json":
            found |= {(path.name, key) for key in json_keys(json.loads(path.read_text(encoding="utf-8")))}
    return found


def modes(folder: Path) -> dict[str, int]:
    """Return the modes of a folder and of everything in it, by path."""
    found = {".": stat.S_IMODE(folder.stat().st_mode)}
    for path in sorted(folder.rglob("*")):
        found[path.relative_to(folder).as_posix()] = stat.S_IMODE(path.stat().st_mode)
    return found
