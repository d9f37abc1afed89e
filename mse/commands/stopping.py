"""What happens when somebody asks a process to end: everything is cleaned up, and the process is gone."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

STATUS = 130
"""Status of a command that was told to stop."""

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_AGAIN, _AT_MOST = 0.05, 20.0
"""Seconds after which a signal is looked at again while a kernel is made or calls Python, and how long that goes on."""


@contextmanager
def told_to_stop() -> Iterator[list[int]]:
    """Take the signals that ask a process to end for the interrupt of a keyboard, so that everything is cleaned up.

    Yields
    ------
    list of int
        The signals that came: empty where nobody asked this process to end.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = {}
    since = [0.0]

    def interrupt(number: int, frame: FrameType | None) -> None:
        since[0] = since[0] or time.monotonic()
        for name in ("SIGTERM", "SIGHUP"):  # once is enough: what follows cleans up
            if hasattr(signal, name) and getattr(signal, name) != number:
                signal.signal(getattr(signal, name), signal.SIG_IGN)
        if (_compiling() or _in_kernel(frame)) and time.monotonic() - since[0] < _AT_MOST:
            # A compiler that is left half-way frees what it has freed already, and compiled code that calls Python does
            # not look whether that raised: both are let finish.
            timer = threading.Timer(_AGAIN, os.kill, (os.getpid(), number))
            timer.daemon = True
            timer.start()
            return
        came.append(number)
        for name in _SIGNALS:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN if name != "SIGINT" else signal.default_int_handler)
        # What a compiler had half made complains when it is dropped; that is nobody's business.
        sys.unraisablehook = lambda unraisable: None
        raise KeyboardInterrupt

    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            before[number] = signal.signal(number, interrupt)
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_at_once() -> None:
    """End the process, after what has to be done at its end, and without taking its memory apart.

    Threads in compiled code hold no lock of the interpreter; taking apart under them what they use ends in a fault.
    """
    with suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(STATUS)


def _in_kernel(frame: FrameType | None) -> bool:
    """Tell whether what is interrupted was called by a kernel, or makes one."""
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in ("numba", "llvmlite"):
            return True
        frame = frame.f_back
    return False


def _compiling() -> bool:
    """Tell whether this thread is in the middle of compiling a kernel."""
    module = sys.modules.get("numba.core.compiler_lock")
    lock = getattr(module, "global_compiler_lock", None)
    return bool(lock is not None and lock.is_locked())
