"""Start commands from one process that has imported them already: every command is a process of its own.

A command takes seconds to import what it needs and less to do its work. The process of this module imports once, and
forks for every command that it is sent; the child sets its folder, its environment and its limits, takes over the
two ends that were sent with it, and ends as the installed command does.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Starter:
    """Starts commands; see `starter`."""

    def __init__(self, place: socket.socket) -> None:
        self.place = place

    def __call__(self, *arguments: str, cwd: Path, most: int | None = None) -> tuple[int, str, str]:
        """Return the status, the standard output and the standard error of a command; no file beyond `most` bytes."""
        ends = [os.pipe(), os.pipe()]
        asked = json.dumps({"arguments": arguments, "cwd": str(cwd), "most": most}).encode()
        socket.send_fds(self.place, [asked], [written for _, written in ends])
        for _, written in ends:
            os.close(written)
        with ThreadPoolExecutor(len(ends)) as pool:
            out, err = pool.map(_read, [read for read, _ in ends])
        return int(self.place.recv(64)), out, err


def _read(end: int) -> str:
    with os.fdopen(end, encoding="utf-8") as file:
        return file.read()


@contextmanager
def starter() -> Iterator[Starter]:
    """Hold the process that forks."""
    ours, theirs = socket.socketpair()
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"} | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, __file__, str(theirs.fileno())]
    with theirs, ours, subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()]):
        theirs.close()
        yield Starter(ours)
        ours.close()


def _serve(place: socket.socket) -> None:
    """Fork for every command that comes, until nobody sends any."""
    from importlib import import_module

    for name in ("mse.cli", "mse.jobs.running", "mse.publish.report.html", "matplotlib.figure", "xarray"):
        import_module(name)
    while True:
        asked, ends, _, _ = socket.recv_fds(place, 1 << 16, 2)
        if not asked:
            return
        child = os.fork()
        if child == 0:
            place.close()
            _become(json.loads(asked), ends)
            return
        for end in ends:
            os.close(end)
        _, status = os.waitpid(child, 0)
        place.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(asked: dict[str, object], ends: list[int]) -> None:
    """Be the command that was asked for."""
    from mse.cli import main

    os.chdir(str(asked["cwd"]))
    for number, end in enumerate(ends, start=1):
        os.dup2(end, number)
        os.close(end)
    if isinstance(most := asked["most"], int):
        sys.dont_write_bytecode = True  # or modules that are new would be kept cut off
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    sys.argv = ["mse", *map(str, asked["arguments"])]  # type: ignore[call-overload]
    main(prog_name="mse")


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
