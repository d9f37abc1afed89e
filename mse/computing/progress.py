"""Progress for people: a bar on a terminal, plain lines in a log, both on standard error."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mse.computing.parallel import Compute

if TYPE_CHECKING:
    from rich.progress import TaskID


def compute(workers: int | None, cluster: str | None = None, folder: Path | None = None) -> Compute:
    """Return where to compute, with progress that suits standard error; parameters as in `Compute`."""
    return Compute(workers, _Bar() if sys.stderr.isatty() else _Lines(), cluster, folder)


class _Lines:
    """One line when something long starts, every ten seconds, and when it ends."""

    def __init__(self) -> None:
        self._last = self._start = 0.0
        self._doing = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done == 0 or what != self._doing:  # what is resumed does not start at nought
            self._start = self._last = now
            self._doing = what
            print(f"mse: {what}{_compiling()}", file=sys.stderr)
        elif now - self._last > 10.0 or (done == total and now - self._start > 2.0):
            self._last = now
            print(f"mse: {what}: {done}/{total}, {now - self._start:.0f} s", file=sys.stderr)


class _Bar:
    """A bar of rich that disappears when it is full."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
                             console=Console(stderr=True), transient=True)  # fmt: skip
        self._task: TaskID | None = None

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._task is None:  # what is resumed does not start at nought
            self._bar.start()
            self._task = self._bar.add_task(what + _compiling(), total=total)
        self._bar.update(self._task, completed=done)
        if done == total:
            self._bar.remove_task(self._task)
            self._bar.stop()
            self._task = None


def _compiling() -> str:
    """Say that the first run compiles, which takes longer than the work."""
    from mse.kernels.cache import compiled_before

    return "" if compiled_before() else " (first run: compiling the kernels, about half a minute, once)"
