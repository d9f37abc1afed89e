"""One map over joblib: how work is spread, and how it reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many parts are done, and how many there are."""


def silent(what: str, done: int, total: int) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class Compute:
    """Where and how visibly to compute; never changes a result.

    Parameters
    ----------
    workers : int or None
        Threads for compiled loops, which release the interpreter lock; None takes every core.
    progress : callable
        Receives ``(what, done, total)``.
    """

    workers: int | None = None
    progress: Progress = silent

    def map[T, R](self, what: str, function: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """Yield ``function(task)`` for every task, in the order of the tasks whatever the number of workers."""
        total = len(tasks)
        self.progress(what, 0, total)
        if self.workers == 1 or total < 2:
            results: Iterator[R] = map(function, tasks)
        else:
            from joblib import Parallel, delayed

            pool = Parallel(n_jobs=self.workers or -1, backend="threading", return_as="generator")
            results = iter(pool(delayed(function)(task) for task in tasks))
        for done, result in enumerate(results, 1):
            self.progress(what, done, total)
            yield result
