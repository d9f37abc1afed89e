"""Progress for people: a bar on a terminal, plain lines in a log, both on standard error and nowhere else."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mse.computing.parallel import Compute, Progress, Stage
from mse.words.catalogues import catalogue
from mse.words.said import Said, as_said, said

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

_EVERY = 10.0
"""Seconds between two lines about one stage."""
_LONG = 2.0
"""Seconds from which on a stage is worth a word at its end, and work a word at all."""


COMPILING = said("stage.compiling")
"""What is said before the first stage of a run that compiles."""


def compute(
    workers: int | None, cluster: str | None = None, folder: Path | None = None, language: str = "en"
) -> Compute:  # fmt: skip
    """Return where to compute, with progress that suits standard error, in a language; parameters as in `Compute`."""
    shown = ProgressBar(language) if sys.stderr.isatty() else ProgressLines(language)
    return Compute(workers, LateProgress(shown), cluster, folder)


def if_watched() -> Compute:
    """Return where to compute when nobody said: whoever sits at a terminal or a notebook sees what takes long."""
    if sys.stderr.isatty():
        return Compute(progress=LateProgress(ProgressBar()))
    return Compute(progress=LateProgress(ProgressLines())) if "ipykernel" in sys.modules else Compute()


class LateProgress:
    """Nothing for the first two seconds, unless kernels compile; then what is being done, as another progress shows it.

    Parameters
    ----------
    shown : callable
        The other progress.
    after : float
        Seconds.
    """

    def __init__(self, shown: Progress, after: float = _LONG) -> None:
        self._shown, self._after = shown, 0.0 if compiles() else after
        self._since: float | None = None
        self._open: Stage | None = None

    def __call__(self, what: Stage, done: int, total: int) -> None:
        """Report that `done` of `total` parts of a stage are done, if it is time."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if self._open != what and (done >= total or now - self._since < self._after):
            return
        self._open = None if done >= total else what
        self._shown(what, done, total)


class ProgressLines:
    """A line when a stage starts, every ten seconds, with how long it will take, and when one of two seconds ends.

    Before the first it says that the kernels compile, where they do.

    Parameters
    ----------
    language : str
        Two letters.
    """

    def __init__(self, language: str = "en") -> None:
        self._language = language
        self._last = self._start = 0.0
        self._doing: Stage | None = None
        self._compiling = compiles()

    def __call__(self, what: Stage, done: int, total: int) -> None:
        """Report that `done` of `total` parts of a stage are done."""
        now = time.monotonic()
        if what != self._doing:
            if self._doing is not None:
                self._end(now, done=False)
            if self._compiling:
                self._say(COMPILING)
                self._compiling = False
            self._start = self._last = now
            self._doing = what
            self._say(what)
        if done >= total:
            self._end(now, done=True)
        elif now - self._last > _EVERY:
            self._last = now
            took = now - self._start
            values = {"what": what, "done": done, "total": total, "seconds": took}
            self._say(
                said("stage.of_about", **values, whole=took * total / done) if done else said("stage.of", **values)
            )

    def _end(self, now: float, *, done: bool) -> None:
        if self._doing is not None and now - self._start >= _LONG:
            self._say(_ended(self._doing, now - self._start, done=done))
        self._doing = None

    def _say(self, what: Stage) -> None:
        text = in_words(what, self._language)
        sys.stderr.write(f"mse: {text}\n")  # in one piece: an interrupt cannot leave half a line
        sys.stderr.flush()


class ProgressBar:
    """A bar of rich for the stage at hand, which gives way to a closing line if it took two seconds.

    Parameters
    ----------
    language : str
        Two letters.
    """

    def __init__(self, language: str = "en") -> None:
        self._language = language
        self._start = 0.0
        self._doing: Stage | None = None
        self._bar: Bar | None = None
        self._console: Console | None = None
        self._task: TaskID | None = None
        self._compiling = compiles()

    def __call__(self, what: Stage, done: int, total: int) -> None:
        """Report that `done` of `total` parts of a stage are done."""
        if what != self._doing:
            self._close(done=False)
            self._open(what, total)
        assert self._bar is not None and self._task is not None
        self._bar.update(self._task, completed=done)
        if done >= total:
            self._close(done=True)

    def _open(self, what: Stage, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._console = self._console or Console(stderr=True, highlight=False)
        if self._compiling:
            self._console.print(f"mse: {in_words(COMPILING, self._language)}", markup=False)
            self._compiling = False
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn(),
                   TimeRemainingColumn())  # fmt: skip
        self._bar = Progress(*columns, console=self._console, transient=True, redirect_stdout=False)
        self._bar.start()
        self._start, self._doing = time.monotonic(), what
        self._task = self._bar.add_task(in_words(what, self._language), total=total)

    def _close(self, *, done: bool) -> None:
        if self._bar is not None and self._console is not None and self._doing is not None:
            self._bar.stop()
            took = time.monotonic() - self._start
            if took >= _LONG:
                words = in_words(_ended(self._doing, took, done=done), self._language)
                self._console.print(f"mse: {words}", markup=False)
        self._bar = self._task = self._doing = None


def _ended(what: Stage, seconds: float, *, done: bool) -> Said:
    return said("stage.done", what=what, seconds=seconds) if done else said("stage.ended", what=what, seconds=seconds)


def in_words(what: Stage, language: str) -> str:
    """Return what is being done in a language."""
    return catalogue(language).said(as_said(what))


def compiles() -> bool:
    """Tell whether this is the first run, which compiles, and takes longer than the work."""
    from mse.kernels.cache import compiled_before

    return not compiled_before()
