"""Work spread over threads, processes and a Dask cluster: the same answers, whole, also when workers die."""

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mse.computing.chunks import definition
from mse.computing.parallel import Compute
from mse.errors import MseError
from mse.estimators.single.bootstrap import BootstrapSpec, estimate
from mse.shipped import load_table

ROOT = Path(__file__).parents[2]
TABLE = load_table("uk-2013-5")
SPEC = BootstrapSpec(replicates=400)


def slowly(x):
    time.sleep(0.05)
    return square(x)


def square(task):
    return np.array([task**2]), np.array([os.getpid()])


def fail(task):
    raise ValueError(f"task {task}")


def die_once(marker, task):
    """Kill the own process at task 3, the first time."""
    if task == 3 and not marker.exists():
        marker.touch()
        os._exit(1)
    return (np.array([task]),)


def always_die(task):
    os._exit(1)


def values(chunks):
    return [int(chunk[0][0]) for chunk in chunks]


class Counter:
    """Progress that remembers, and may interrupt."""

    def __init__(self, interrupt_at=None):
        self.seen, self.interrupt_at = [], interrupt_at

    def __call__(self, what, done, total):
        self.seen.append((done, total))
        if done == self.interrupt_at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("threads", [True, False])
@pytest.mark.parametrize("workers", [1, 2])
def test_order_and_progress(threads, workers):
    progress = Counter()
    compute = Compute(workers=workers, progress=progress)
    chunks = list(compute.spread("squares", square, range(9), threads=threads))
    assert values(chunks) == [i**2 for i in range(9)]
    assert progress.seen == [(i, 9) for i in range(10)]
    away = {int(chunk[1][0]) for chunk in chunks} - {os.getpid()}
    assert bool(away) == (not threads and workers > 1)


def test_nothing_to_do():
    assert list(Compute().spread("nothing", square, [])) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_task_comes_through(workers):
    with pytest.raises(ValueError, match="task"):
        list(Compute(workers=workers).spread("failing", fail, range(3)))


def test_a_dead_process_is_replaced(tmp_path):
    chunks = Compute(workers=2).spread("dying", partial(die_once, tmp_path / "died"), range(8))
    assert values(chunks) == list(range(8))
    assert (tmp_path / "died").exists()


def test_processes_that_keep_dying():
    with pytest.raises(MseError, match="worker processes died"):
        list(Compute(workers=2).spread("dying", always_die, range(3)))


# ---- resuming --------------------------------------------------------------------------------------


def test_interrupted_and_resumed(tmp_path):
    """An interruption in the middle keeps what is finished, and the rest gives the same answer as one go."""
    whole = estimate(TABLE, SPEC, seed=3, compute=Compute(workers=1))
    with pytest.raises(KeyboardInterrupt):
        estimate(TABLE, SPEC, seed=3, compute=Compute(workers=1, progress=Counter(interrupt_at=2), folder=tmp_path))
    assert len(list(tmp_path.glob("*.chunk"))) == 2
    progress = Counter()
    resumed = estimate(TABLE, SPEC, seed=3, compute=Compute(workers=2, progress=progress, folder=tmp_path))
    assert progress.seen[0][0] == 2
    assert np.array_equal(resumed.distribution.values, whole.distribution.values)
    assert np.array_equal(resumed.distribution.cdf, whole.distribution.cdf)
    # another seed, another table or another option has nothing to resume
    for table, spec, seed in (
        (TABLE, SPEC, 4),
        (TABLE.select(*TABLE.lists[::-1]), SPEC, 3),
        (TABLE, BootstrapSpec(replicates=400, criterion="aic"), 3),
    ):
        with pytest.raises(KeyboardInterrupt):
            estimate(table, spec, seed=seed, compute=Compute(1, Counter(interrupt_at=0), folder=tmp_path))


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-7], lambda b: b"", lambda b: b[:99] + b"\x00" + b[100:], lambda b: b"{}"]
)
def test_a_damaged_part_is_named_and_computed_again(tmp_path, caplog, damage):
    compute = Compute(workers=1, folder=tmp_path)
    first = values(compute.spread("squares", square, range(4)))
    path = sorted(tmp_path.glob("*.chunk"))[1]
    path.write_bytes(damage(path.read_bytes()))
    progress = Counter()
    with caplog.at_level(logging.WARNING, logger="mse"):
        again = values(Compute(workers=1, folder=tmp_path, progress=progress).spread("squares", square, range(4)))
    assert again == first
    assert progress.seen[0] == (3, 4)
    assert str(path) in caplog.text and "damaged" in caplog.text
    caplog.clear()
    list(compute.spread("squares", square, range(4)))
    assert not caplog.text


def test_a_folder_that_cannot_be_used(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MseError) as caught:
        list(Compute(folder=tmp_path / "file").spread("squares", square, range(2)))
    assert "file" in str(caught.value.problems[0].file)


def test_definitions_tell_tasks_apart():
    one = np.arange(4.0)
    different = [
        (square, 1), (fail, 1), (square, 1.0), (square, True), (square, "1"), (square, None), (square, (1, 2)),
        (square, [1, 2]), (square, ("1", 2)), (square, range(2)), (square, one), (square, one.astype(np.float32)),
        (square, one.reshape(2, 2)), (partial(square, 1), 1), (partial(square, task=1), 1), (square, {"a": 1}),
        (square, {"a": 2}), (square, SPEC), (square, BootstrapSpec(replicates=401)),
    ]  # fmt: skip
    digests = [definition(pair) for pair in different]
    assert len(set(digests)) == len(digests)
    assert definition((square, one.copy(), {"b": 1, "a": 2})) == definition((square, one, {"a": 2, "b": 1}))
    for open_ended in (lambda x: x, object(), np.array([object()])):
        with pytest.raises(TypeError):
            definition(open_ended)


# ---- a cluster -------------------------------------------------------------------------------------


def silent_server():
    """A port that takes connections and never says anything."""
    server = socket.create_server(("127.0.0.1", 0))
    return server, f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("address", ["nonsense", "http://127.0.0.1:8786", "tcp://127.0.0.1"])
def test_an_address_that_is_none(address):
    pytest.importorskip("distributed")
    with pytest.raises(MseError, match="does not answer") as caught:
        list(Compute(cluster=address).spread("squares", square, range(3)))
    assert caught.value.problems[0].value == address


@pytest.mark.parametrize("silent", [True, False])
def test_a_cluster_that_does_not_answer(silent, tmp_path, monkeypatch):
    """A clear error within the patience (10 s outside tests; 15 s are allowed), and nothing lost."""
    pytest.importorskip("distributed")
    monkeypatch.setattr("mse.computing.parallel.PATIENCE", 1.0)
    list(Compute(workers=1, folder=tmp_path).spread("squares", square, range(2)))
    server, address = silent_server()
    if not silent:
        server.close()
    begin = time.monotonic()
    with pytest.raises(MseError, match="does not answer"):
        list(Compute(cluster=address, folder=tmp_path).spread("squares", square, range(3)))
    server.close()
    assert time.monotonic() - begin < 5.0
    assert len(list(tmp_path.glob("*.chunk"))) == 2


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MseError, match="cluster"):
        list(Compute(cluster="tcp://127.0.0.1:8786").spread("squares", square, range(3)))


def ended(process):
    """Ask a process to end, and see to it: one that is left running is an error wherever its object is collected."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def cluster():
    """A Dask scheduler and two worker processes on loopback: address, worker processes, scheduler."""
    pytest.importorskip("distributed")
    from distributed import Client

    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    dask = [sys.executable, "-m", "dask"]
    with ExitStack() as stack:
        scheduler = stack.enter_context(subprocess.Popen(
            [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter"],
            stderr=subprocess.PIPE, text=True, env=environment,
        ))  # fmt: skip
        stack.callback(ended, scheduler)
        found = next(m for line in scheduler.stderr if (m := re.search(r"Scheduler at:\s+(tcp://\S+)", line)))
        drain = threading.Thread(target=scheduler.stderr.read, daemon=True)
        drain.start()
        stack.callback(drain.join)
        stack.callback(ended, scheduler)  # or its pipe would not end, nor the thread that reads it
        workers = []
        for _ in range(2):
            workers.append(subprocess.Popen(
                [*dask, "worker", found[1], "--no-nanny", "--nthreads", "1", "--no-dashboard"],
                stderr=subprocess.DEVNULL, env=environment,
            ))  # fmt: skip
            stack.callback(ended, workers[-1])
        with Client(found[1], set_as_default=False) as client:
            client.wait_for_workers(2, timeout=120)
        yield found[1], workers, scheduler


def test_on_a_cluster(cluster):
    """Other processes do the work, in the order of the tasks, and an error in a task comes through."""
    address, workers, _ = cluster
    chunks = list(Compute(cluster=address).spread("squares", square, range(20)))
    assert values(chunks) == [i**2 for i in range(20)]
    assert {int(chunk[1][0]) for chunk in chunks} <= {worker.pid for worker in workers}
    with pytest.raises(ValueError, match="task"):
        list(Compute(cluster=address).spread("failing", fail, range(3)))


def test_a_worker_of_the_cluster_dies(cluster, tmp_path):
    """One of two worker processes is killed in the middle: the answer is complete, and that of one process."""
    address, workers, _ = cluster
    alone = estimate(TABLE, SPEC, seed=6, compute=Compute(workers=1))

    def kill_one(what, done, total):
        assert total > 6
        if done == 3 and workers[0].poll() is None:
            workers[0].kill()
            workers[0].wait()

    found = estimate(TABLE, SPEC, seed=6, compute=Compute(cluster=address, progress=kill_one, folder=tmp_path))
    assert workers[0].returncode == -signal.SIGKILL
    assert np.array_equal(found.distribution.values, alone.distribution.values)
    assert np.array_equal(found.distribution.cdf, alone.distribution.cdf)
    assert np.array_equal(found.draws, alone.draws)
    # what is finished needs no cluster any more
    again = estimate(TABLE, SPEC, seed=6, compute=Compute(cluster="tcp://127.0.0.1:9", folder=tmp_path))
    assert np.array_equal(again.distribution.values, alone.distribution.values)


def test_the_scheduler_of_the_cluster_dies(cluster, tmp_path, caplog):
    """One error, without the tracebacks that Dask would log, and what was finished is kept; the last test of these."""
    address, _, scheduler = cluster

    def kill(what, done, total):
        if done == 2 and scheduler.poll() is None:
            scheduler.kill()
            scheduler.wait()

    with pytest.raises(MseError, match="scheduler of the cluster is gone"):
        list(Compute(cluster=address, progress=kill, folder=tmp_path).spread("squares", slowly, range(200)))
    assert len(list(tmp_path.glob("*.chunk"))) >= 2
    assert not [record for record in caplog.records if record.exc_info]
