"""A first run compiles in several processes."""

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
    for cores, others in ((2, 1), (3, 2), (64, 2)):
        processes.started, processes.ended = [], 0
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        with pytest.raises(KeyError), compiling_ahead():
            raise KeyError
        assert [x[1:] for x in processes.started] == [["-m", "mse.jobs.compilingahead", str(i)] for i in range(others)]
        assert processes.ended == 2 * others


def test_they_go_through_the_methods_beside_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def run(table: Any, request: Any, seed: int, compute: Any) -> None:
        nonlocal asked
        asked += [request]

    monkeypatch.setattr("mse.methods.run_or_fail", run)
    main(0)
    first, asked = asked, []
    main(1)
    names = [x if isinstance(x, str) else x[0] for x in first]
    assert names[0] == next(name for name in METHODS if METHODS[name].beside) and "average" in names
    assert sorted(map(str, first)) == sorted(map(str, asked)) and asked[0] == "decomposable"
    assert first == running.beside_answer(_small(), "shrinkage", ())[::-1]


def _small() -> Any:
    from mse.tables.captures import CaptureTable

    return CaptureTable.from_arrays("ABCD", [3] * 15)
