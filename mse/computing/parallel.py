"""One map over joblib: how work is spread, how it reports, and how it goes on after an interruption."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.computing.provenance import __version__
from mse.errors import InputError, MseError, Problem
from mse.words.said import Said, said

if TYPE_CHECKING:
    from mse.computing.chunks import Chunk

Stage = Said | str
"""What is being done: a code with its values, of which `str` makes English words, or a text of one's own."""

Progress = Callable[[Stage, int, int], None]
"""Called with what is being done, how many parts are done, and how many there are."""

PATIENCE = 10.0
"""Seconds that a cluster gets to answer."""

_RESTARTS = 2


def silent(what: Stage, done: int, total: int) -> None:
    """Report nothing."""


def _of_part(progress: Progress, part: Stage, what: Stage, done: int, total: int) -> None:
    progress(said("stage.within", part=part, what=what), done, total)


@dataclass(frozen=True, slots=True)
class Compute:
    """Where and how visibly to compute; never changes a result.

    Parameters
    ----------
    workers : int or None
        Threads or processes on this machine; None takes every core.
    progress : callable
        Receives ``(what, done, total)``; ``str(what)`` says it in English.
    cluster : str or None
        Address of a Dask scheduler, ``"tcp://host:8786"``, for what `spread` is given; None stays on this machine.
    folder : Path or None
        Where `spread` keeps finished parts, so that a run that was interrupted goes on; None keeps nothing.
    """

    workers: int | None = None
    progress: Progress = silent
    cluster: str | None = None
    folder: Path | None = None

    def within(self, part: Stage) -> Compute:
        """Return the same, with what is being done named as a stage of `part`: a year, a drawn linkage, a method."""
        return replace(self, progress=partial(_of_part, self.progress, part)) if self.progress is not silent else self

    def map[T, R](self, what: Stage, function: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """Yield ``function(task)`` for every task, in the order of the tasks whatever the number of workers.

        For compiled loops that share large arrays: threads of this process, always.
        """
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

    def spread[T](
        self, what: Stage, function: Callable[[T], Chunk], tasks: Sequence[T], *, threads: bool = False
    ) -> Iterator[Chunk]:
        """Yield ``function(task)`` for every task in their order, from processes or a cluster, resuming if it can.

        Parameters
        ----------
        what : Said or str
            What is being done, for the progress.
        function : callable
            Of a module, or a partial application of one: it is sent to other processes. Returns a tuple of
            arrays. Everything random in it must be seeded by the task.
        tasks : sequence
            Plain values, each worth 50 ms of work or more. With `folder`, see `mse.computing.chunks.definition`.
        threads : bool
            The function spends its time in compiled loops: on this machine threads do, without the start of
            processes.

        Raises
        ------
        MseError
            When the cluster does not answer, has no workers or loses them again and again; when processes on this
            machine keep dying; when `folder` cannot be written.
        """
        total = len(tasks)
        kept, digests = None, [""] * total
        finished: dict[int, Chunk] = {}
        if self.folder is not None:
            from mse.computing.chunks import ChunkFolder, definition

            kept = ChunkFolder(self.folder)
            digests = [definition((__version__, function, task)) for task in tasks]
            found = ((i, kept.read(digest)) for i, digest in enumerate(digests))
            finished = {i: chunk for i, chunk in found if chunk is not None}
        done = len(finished)
        self.progress(what, done, total)
        following = 0
        waiting = [(i, task) for i, task in enumerate(tasks) if i not in finished]
        with self._runner(function, len(waiting), threads) as run:
            for i, chunk in run(waiting):
                if kept is not None:
                    kept.write(digests[i], chunk)
                finished[i] = chunk
                done += 1
                self.progress(what, done, total)
                while following in finished:
                    yield finished.pop(following)
                    following += 1
        while following < total:
            yield finished.pop(following)
            following += 1

    @contextmanager
    def _runner[T](
        self, function: Callable[[T], Chunk], tasks: int, threads: bool
    ) -> Generator[Callable[[list[tuple[int, T]]], Iterator[tuple[int, Chunk]]]]:
        """Provide a function that runs numbered tasks and yields the answers as they come."""
        numbered = partial(_numbered, function)
        if self.cluster is not None and tasks:
            with _without_log(), _client(self.cluster) as client:
                yield partial(_on_cluster, client, self.cluster, numbered)
        elif self.workers == 1 or tasks < 2:
            yield partial(map, numbered)
        elif threads:
            yield partial(_on_threads, self.workers or -1, numbered)
        else:
            yield partial(_on_processes, self.workers or -1, numbered)


def _numbered[T](function: Callable[[T], Chunk], task: tuple[int, T]) -> tuple[int, Chunk]:
    """Run one task and say which it was."""
    return task[0], function(task[1])


def _on_threads[T](
    workers: int, function: Callable[[tuple[int, T]], tuple[int, Chunk]], tasks: list[tuple[int, T]]
) -> Iterator[tuple[int, Chunk]]:
    """Run tasks on threads of this process."""
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=workers, backend="threading", return_as="generator_unordered", batch_size=1)
    return iter(pool(delayed(function)(task) for task in tasks))


def _on_processes[T](
    workers: int, function: Callable[[tuple[int, T]], tuple[int, Chunk]], tasks: list[tuple[int, T]]
) -> Iterator[tuple[int, Chunk]]:
    """Run tasks on processes of this machine; when one dies, what is not finished is started again."""
    from joblib import Parallel, delayed

    died = import_module("joblib.externals.loky.process_executor").TerminatedWorkerError
    left = dict(tasks)
    for _ in range(_RESTARTS + 1):
        pool = Parallel(n_jobs=workers, backend="loky", return_as="generator_unordered", batch_size=1)
        try:
            for i, chunk in pool(delayed(function)(task) for task in list(left.items())):
                del left[i]
                yield i, chunk
            return
        except died:
            continue
    raise MseError(
        Problem(
            said("found.worker_processes_died_times", restarts=_RESTARTS + 1, left=len(left), tasks=len(tasks)),
            said("allowed.enough_memory_every_worker"),
            said("do.lower_number_workers_set"),
        )
    )


def _on_cluster[T](
    client: Any, address: str, function: Callable[[tuple[int, T]], tuple[int, Chunk]], tasks: list[tuple[int, T]]
) -> Iterator[tuple[int, Chunk]]:
    """Run tasks on the workers of a Dask cluster; Dask runs those of a worker that died on another one.

    Dask's own client, not joblib's backend for it: that one (1.6) waits for ever when a task fails.
    """
    distributed = import_module("distributed")
    try:
        futures = client.map(function, tasks, pure=False)
    except OSError as error:
        raise _scheduler_gone(address) from error
    for future in distributed.as_completed(futures, loop=client.loop):
        try:
            # an answer can be lost with its worker after it was announced; this waits until Dask has it again
            answer = future.result()
        except (CancelledError, distributed.comm.CommClosedError) as error:
            raise _scheduler_gone(address) from error
        except distributed.KilledWorker as error:
            raise MseError(
                Problem(
                    said("found.workers_cluster_died_again"),
                    said("allowed.enough_memory_every_worker"),
                    said("do.give_workers_more_memory"),
                    value=address,
                )
            ) from error
        except (ImportError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "deserialization" not in str(error):
                raise
            raise MseError(
                Problem(
                    said("found.cluster_cannot_read_work", name=str(type(error).__name__)),
                    said("allowed.same_versions_mse_python"),
                    said("do.install_them_start_cluster"),
                    value=address,
                )
            ) from error
        future.release()
        yield answer


def _scheduler_gone(address: str) -> MseError:
    return MseError(
        Problem(
            said("found.scheduler_cluster_gone_connection"),
            said("allowed.scheduler_runs_until_end"),
            said("do.start_cluster_again_repeat"),
            value=address,
        )
    )


@contextmanager
def _without_log() -> Generator[None]:
    """Keep Dask from writing tracebacks of its own beside the one error that is raised."""
    loggers = [logging.getLogger(name) for name in ("distributed.client", "distributed.core", "distributed.utils")]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled


@contextmanager
def _client(address: str) -> Generator[Any]:
    """Connect to a Dask scheduler that has workers."""
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise MseError(
            Problem(
                said("found.work_go_cluster_but"),
                said("allowed.dask_distributed"),
                said("do.pip_install_mse_engine"),
                value=address,
            )
        ) from error
    _knock(address)
    client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    try:
        if not client.scheduler_info(n_workers=-1)["workers"]:
            raise InputError(
                Problem(
                    said("found.cluster_has_no_workers"),
                    said("allowed.one_worker_more"),
                    said("do.start_dask_worker_machines", address=address),
                    value=address,
                )
            )
        yield client
    finally:
        client.close(timeout=PATIENCE)


def _knock(address: str) -> None:
    """Raise when no Dask scheduler answers; a client that fails to connect would linger and print for 20 s."""
    import asyncio
    from threading import Thread

    failed: list[Exception] = []

    async def greet() -> None:
        connect = import_module("distributed.comm").connect
        comm = await asyncio.wait_for(connect(address, timeout=PATIENCE), PATIENCE)
        await comm.close()

    def run() -> None:
        try:
            asyncio.run(greet())
        except Exception as error:  # whatever a stranger at that address answers, it is not a scheduler
            failed.append(error)

    thread = Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise InputError(
            Problem(
                said("found.cluster_does_not_answer", name=str(type(failed[0]).__name__)),
                said("allowed.address_running_dask_scheduler"),
                said("do.start_dask_scheduler_check"),
                value=address,
            )
        ) from failed[0]
