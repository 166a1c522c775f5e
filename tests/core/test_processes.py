"""Tasks in processes of their own: order, what is lost, and that nobody goes on working when they are stopped."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Thread

import psutil
import pytest

from fitness_tracker.core import processes
from fitness_tracker.core.errors import UserError, exit_with_message
from fitness_tracker.core.processes import Tick, run_in_processes
from tests.projects import ROOT

TORTURE = int(os.environ.get("TORTURE", "30"))  # random moments

Work = Callable[[str, Tick], tuple[str, int]]


def work_in(folder: Path) -> Work:
    return partial(work, folder)


def work(folder: Path, task: str, tick: Tick) -> tuple[str, int]:
    """(the task, this process); a task is what is done in a folder, some words."""
    verb, *words = task.split()
    match verb:
        case "await":
            while not (folder / words[0]).exists():
                time.sleep(0.01)
        case "write":
            (folder / words[0]).touch()
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "fail":
            raise KeyError("nothing")
        case "hold":
            with (folder / f"{words[0]}.partial").open("wb") as file:
                try:
                    time.sleep(60)
                finally:
                    file.close()
                    (folder / f"{words[0]}.partial").unlink()
    tick()
    return task, os.getpid()


def lost(task: str) -> tuple[str, int]:
    return f"lost {task}", 0


def run(folder: Path, *tasks: str, tick: Tick = lambda: None) -> Iterator[tuple[str, int]]:
    with run_in_processes(partial(work_in, folder), tasks, 2, tick, lost) as results:
        yield from results


def test_results_come_in_order_whoever_is_done_first(tmp_path: Path) -> None:
    """The first task waits for the last, which the other process does after all others."""
    tasks, ticks = ["await c", "write a", "write b", "write c"], []
    results = list(run(tmp_path, *tasks, tick=lambda: ticks.append(1)))
    assert [task for task, _ in results] == tasks
    assert len(ticks) == 4
    first, *others = (process for _, process in results)
    assert len(set(others)) == 1
    assert first not in others


def test_a_result_comes_as_soon_as_it_and_all_before_it_are_there(tmp_path: Path) -> None:
    results = run(tmp_path, "write a", "write b", "await seen", "write c")
    assert [next(results)[0], next(results)[0]] == ["write a", "write b"]
    (tmp_path / "seen").touch()
    assert [task for task, _ in results] == ["await seen", "write c"]


def test_nobody_works_far_ahead_of_a_slow_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "AHEAD", 3)
    done: list[str] = []

    def look_and_let_go() -> None:
        while not (tmp_path / "2").exists():
            time.sleep(0.01)
        time.sleep(0.3)
        done.extend(sorted(path.name for path in tmp_path.iterdir()))
        (tmp_path / "go").touch()

    Thread(target=look_and_let_go, daemon=True).start()
    tasks = ["await go", *(f"write {number}" for number in range(1, 8))]
    assert [task for task, _ in run(tmp_path, *tasks)] == tasks
    assert done == ["1", "2"]


def test_a_process_that_is_killed_costs_its_task_only(tmp_path: Path) -> None:
    tasks = ["write a", "die", "write b", "die", "die", "write c"]
    results = [task for task, _ in run(tmp_path, *tasks)]
    assert results == [f"lost {task}" if task == "die" else task for task in tasks]


def test_what_a_task_raises_is_raised_in_its_turn(tmp_path: Path) -> None:
    results = run(tmp_path, "await b", "fail", "write b", "write c")
    assert next(results)[0] == "await b"
    with pytest.raises(KeyError, match="nothing") as raised:
        next(results)
    assert "in work" in raised.value.__notes__[0]  # the traceback


def refuse() -> Work:
    raise UserError("there is no such thing")


def die() -> Work:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.mark.parametrize(("prepare", "message"), [(refuse, "there is no such thing"), (die, "killed as it began")])
def test_processes_that_cannot_begin_are_an_error_before_the_first_result(
    prepare: Callable[[], Work], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        run_in_processes(prepare, ["write a", "write b"], 2, lambda: None, lost).__enter__()
    assert not psutil.Process().children()[1:]  # but for the resource tracker


def start(folder: Path) -> subprocess.Popen[str]:
    """Two processes at work for ever, in a group of their own, as if a terminal had started them."""
    command, paths = [sys.executable, "-m", "tests.core.test_processes", str(folder)], f"{ROOT / 'src'}:{ROOT}"
    environment = os.environ | {"PYTHONPATH": paths}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def at_work(folder: Path, running: subprocess.Popen[str]) -> list[psutil.Process]:
    while len(list(folder.iterdir())) < 2:
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)
    return psutil.Process(running.pid).children(recursive=True)


def assert_ended(some: list[psutil.Process], seconds: float) -> None:
    """Within so many seconds; for init to take note of it may take longer."""
    end = time.monotonic() + seconds
    while any(map(is_alive, some)):
        assert time.monotonic() < end, some
        time.sleep(0.02)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_ctrl_c_ends_all_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    running = start(tmp_path)
    others = at_work(tmp_path, running)
    begin = time.monotonic()
    os.killpg(running.pid, signal.SIGINT)
    assert running.communicate(timeout=10) == ("", "test: stopped; what is finished is kept\n")
    assert time.monotonic() - begin < 1
    assert running.returncode == 130
    assert_ended(others, 1)
    assert list(tmp_path.iterdir()) == []


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    running = start(tmp_path)
    others = at_work(tmp_path, running)
    running.kill()
    assert running.communicate(timeout=10) == ("", "")
    assert_ended(others, 2)
    assert list(tmp_path.iterdir()) == []


def session_of(leader: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(process.pid) == leader:
                found.append(process)
    return found


@pytest.mark.parametrize("moments", [2, pytest.param(TORTURE, marks=pytest.mark.torture, id="torture")])
def test_ctrl_c_while_they_begin_shows_no_traceback(tmp_path: Path, moments: int) -> None:
    for _ in range(moments):
        running = start(tmp_path)
        while len(session_of(running.pid)) < 3 and running.poll() is None:  # it, resource tracker, a process
            time.sleep(0.005)
        time.sleep(0.3 * random.random())
        os.killpg(running.pid, signal.SIGINT)
        assert running.communicate(timeout=10) == ("", "test: stopped; what is finished is kept\n")
        assert_ended(session_of(running.pid), 2)
        assert list(tmp_path.iterdir()) == []


if __name__ == "__main__":
    with exit_with_message("test"):
        list(run(Path(sys.argv[1]), "hold a", "hold b", "hold c"))
