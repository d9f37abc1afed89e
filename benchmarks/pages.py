"""Run what the pages under docs/ show, and write what it prints into them: ``python -m benchmarks.pages [PAGE …]``.

On a page of `RUN`, a block ``python`` and the lines of a block ``sh`` that begin with ``mse`` are run in order, in one
folder and one Python for the page; a block with a title (``csv title="table.csv"``) is a file in that folder. What a
block prints stands in a block ``output`` right below it. ``<!-- figure: posterior of FOLDER -->`` draws the report's
own figure of a results folder into docs/figures and the picture stands below it.

A block under ``<!-- slow -->`` is run only with ``--slow``; the mark then holds the day, the seconds, and a digest of
what was run, by which a test sees that a block was changed and not run again.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
FIGURES = DOCS / "figures"
RUN = ("tutorial.md", "notebook.md", "from-registers.md", "which-method.md", "faq.md", "index.md", "method/*.md")
"""Pages whose blocks are run from top to bottom."""

FENCE = re.compile(r"^```(?P<kind>[a-z]+)(?P<info>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
OUTPUT = re.compile(r"\n\n```output\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SLOW = re.compile(r"<!-- slow(?:: (?P<day>[\d-]+),(?: (?P<seconds>\d+) s,)? (?P<digest>\w+))? -->\n$")
FIGURE = re.compile(
    r"<!-- figure: (?P<what>\w+) of (?P<folder>[\w/-]+)(?P<language> in \w\w)? -->\n!\[[^\]]*\]\([^)]*\)"
)
TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Step:
    """Something on a page that is run or written, in the order of the page.

    Parameters
    ----------
    kind : str
        ``"python"``, ``"sh"``, ``"file"`` or ``"figure"``.
    code : str
        What is run; the content of a file; the name of a figure, its folder and its language.
    start, end : int
        Where it stands on the page.
    output : str or None
        What stands as its output; None where it has none.
    slow : bool
        Whether it is run only on demand.
    digest, stored : str or None
        Of everything that was run up to here, and the one in the mark of a slow block.
    """

    kind: str
    code: str
    start: int
    end: int
    output: str | None
    slow: bool
    digest: str
    stored: str | None


def steps(text: str) -> list[Step]:
    """Return what a page runs, writes and draws, in order."""
    found: list[Step] = []
    seen = hashlib.sha256()
    marks = sorted([*FENCE.finditer(text), *FIGURE.finditer(text)], key=lambda mark: mark.start())
    for mark in marks:
        if mark.re is FIGURE:
            code = f"{mark['what']} {mark['folder']} {(mark['language'] or ' in en')[-2:]}"
            slow = any(step.slow and mark["folder"] in step.code for step in found)
            found.append(Step("figure", code, mark.start(), mark.end(), None, slow, "", None))
            continue
        title = TITLE.search(mark["info"])
        if mark["kind"] in ("python", "sh"):
            kind, code = mark["kind"], mark["code"]
        elif title:
            kind, code = "file", f"{title[1]}\n{mark['code']}"
        else:
            continue
        seen.update(code.encode())
        below = OUTPUT.match(text, mark.end())
        flag = SLOW.search(text[: mark.start()])
        found.append(
            Step(kind, code, mark.start(), mark.end(), below and below["text"], flag is not None,
                 seen.hexdigest()[:10], flag and flag["digest"])
        )  # fmt: skip
    return found


def commands(code: str) -> list[list[str]]:
    """Return the commands of a shell block that are ours, without remarks; others are for the reader."""
    lines = code.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("mse ")]


def run_step(step: Step, names: dict[str, Any]) -> str:
    """Run one step in the present folder, and return what it prints on standard output."""
    if step.kind == "file":
        name, _, content = step.code.partition("\n")
        Path(name).write_text(content, encoding="utf-8")
        return ""
    printed, remarks = io.StringIO(), io.StringIO()
    with redirect_stdout(printed), redirect_stderr(remarks):
        if step.kind == "python":
            exec(compile(step.code, "<page>", "exec"), names)
        for words in commands(step.code) if step.kind == "sh" else ():
            into = io.StringIO()
            with redirect_stdout(into if ">" in words else printed):
                _command(words[: words.index(">")] if ">" in words else words, remarks)
            if ">" in words:
                Path(words[-1]).write_text(into.getvalue(), encoding="utf-8")
    return printed.getvalue().replace(f"{Path.cwd()}/", "")


def _command(words: Sequence[str], remarks: io.StringIO) -> None:
    from mse.cli import main

    expanded = [name for word in words for name in (sorted(map(str, Path().glob(word))) if "*" in word else [word])]
    try:
        main(expanded, prog_name="mse")
    except SystemExit as end:
        if end.code not in (0, None):
            raise RuntimeError(remarks.getvalue()) from end


def draw(step: Step, page: str) -> str:
    """Write a figure of a results folder as the report draws it, and return the picture for the page."""
    from mse.answers.results import read_results
    from mse.publish.registerpages import is_register, read_register, register_drawing
    from mse.publish.report.composing import compose
    from mse.publish.report.page import Drawing

    what, folder, language = step.code.split()
    if is_register(folder):
        picture = register_drawing(read_register(folder), language)
        assert picture is not None
        drawn = picture
    else:
        sections = compose(read_results(folder), language).sections
        blocks = (block for part in sections if part.key == what for block in part.blocks)
        drawn = next(block for block in blocks if isinstance(block, Drawing))
    parts = [*Path(page).with_suffix("").parts, Path(folder).name, what, *([] if language == "en" else [language])]
    name = "-".join(parts)
    svg = drawn.svg.replace(
        "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" font-family="Helvetica, Arial, sans-serif" ', 1
    )
    FIGURES.mkdir(exist_ok=True)
    (FIGURES / f"{name}.svg").write_text(svg + "\n", encoding="utf-8", newline="\n")
    said = re.search(r"<title>(.*?)</title>", svg, re.DOTALL)
    alt = " ".join(said[1].split()) if said else what
    up = "../" * page.count("/")
    suffix = "" if language == "en" else f" in {language}"
    return f"<!-- figure: {what} of {folder}{suffix} -->\n![{alt}]({up}figures/{name}.svg)"


def run_page(page: str, slow: bool = False, draws: bool = True) -> Iterator[tuple[Step, str, float]]:
    """Run a page in a folder of its own, and yield every step with what it prints and the seconds that it took."""
    text = (DOCS / page).read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "__page__"}
    os.environ["COLUMNS"] = "80"
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for step in steps(text):
            if step.slow and not slow or step.kind == "figure" and not draws:
                continue
            started = time.perf_counter()
            made = draw(step, page) if step.kind == "figure" else run_step(step, names)
            yield step, made, time.perf_counter() - started


def rewritten(page: str, slow: bool = False) -> str:
    """Return a page with the output of its blocks as it is now."""
    text = (DOCS / page).read_text(encoding="utf-8")
    done = list(run_page(page, slow))
    for step, printed, seconds in reversed(done):
        if step.kind == "figure":
            text = text[: step.start] + printed + text[step.end :]
        elif step.output is not None or printed.strip():
            below = OUTPUT.match(text, step.end)
            rest = text[below.end() if below else step.end :]
            text = f"{text[: step.end]}\n\n```output\n{tidy(printed)}\n```{rest}"
        if step.slow and step.kind != "figure":
            before = SLOW.sub("", text[: step.start])
            mark = f"<!-- slow: {date.today().isoformat()}, {seconds:.0f} s, {step.digest} -->\n"
            text = before + mark + text[step.start :]
    return text


def tidy(printed: str) -> str:
    """Return output without blanks at the ends of lines."""
    return "\n".join(line.rstrip() for line in printed.rstrip().splitlines())


NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")


def agree(stored: str, fresh: str, tolerance: float = 0.02) -> bool:
    """Return whether two outputs have the same words, and numbers that differ by little: machines round differently."""
    one, other = NUMBER.findall(stored), NUMBER.findall(fresh)
    words = [" ".join(NUMBER.sub("#", text).split()) for text in (stored, fresh)]
    return words[0] == words[1] and all(
        abs(float(a.replace(",", "")) - float(b.replace(",", "")))
        <= tolerance * max(1.0, abs(float(a.replace(",", ""))))
        for a, b in zip(one, other, strict=True)
    )


def pages(named: Sequence[str] = ()) -> list[str]:
    """Return the pages whose blocks are run, or those of them that are named."""
    found = sorted({path.relative_to(DOCS).as_posix() for pattern in RUN for path in DOCS.glob(pattern)})
    return [page for page in found if not named or any(name in page for name in named)]


def main(arguments: list[str]) -> None:
    """Rewrite the named pages, or all."""
    slow = "--slow" in arguments
    for page in pages([x for x in arguments if x != "--slow"]):
        started = time.perf_counter()
        text = rewritten(page, slow)
        (DOCS / page).write_text(text, encoding="utf-8", newline="\n")
        print(f"{page}: {time.perf_counter() - started:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
