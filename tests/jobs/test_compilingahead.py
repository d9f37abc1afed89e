"""A first run compiles in two processes."""

import subprocess
from typing import Any

import pytest

from mse.jobs import compilingahead, running
from mse.jobs.compilingahead import compiling_ahead, main
from mse.methods import METHODS


class Process:
    """Stands for a second process."""

    started: list[list[str]] = []
    ended = 0

    def __init__(self, words: list[str], **_: object) -> None:
        Process.started.append(words)

    def terminate(self) -> None:
        Process.ended += 1

    def wait(self) -> None:
        Process.ended += 1


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> type[Process]:
    Process.started, Process.ended = [], 0
    monkeypatch.setattr(subprocess, "Popen", Process)
    return Process


@pytest.mark.parametrize(("before", "cores"), [(True, 4), (False, 1)])
def test_nobody_compiles_what_is_there_or_beside_on_one_core(
    processes: type[Process], monkeypatch: pytest.MonkeyPatch, before: bool, cores: int
) -> None:
    monkeypatch.setattr(compilingahead, "compiled_before", lambda: before)
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    with compiling_ahead():
        pass
    assert not processes.started


def test_the_other_process_ends_with_the_work_even_where_that_fails(
    processes: type[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compilingahead, "compiled_before", lambda: False)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    with pytest.raises(KeyError), compiling_ahead():
        raise KeyError
    assert processes.started[0][1:] == ["-m", "mse.jobs.compilingahead"] and processes.ended == 2


def test_it_goes_through_the_methods_beside_an_answer_from_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def run(table: Any, request: Any, seed: int, compute: Any) -> None:
        asked.append(request)

    monkeypatch.setattr("mse.methods.run_or_fail", run)
    main()
    names = [x if isinstance(x, str) else x[0] for x in asked]
    assert names[0] == next(name for name in METHODS if METHODS[name].beside) and "average" in names
    assert len(asked) == len(running.beside_answer(_small(), "shrinkage", ()))


def _small() -> Any:
    from mse.tables.captures import CaptureTable

    return CaptureTable.from_arrays("ABCD", [3] * 15)
