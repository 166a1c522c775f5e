"""Tasks side by side, in processes of their own; their results come in the order of the tasks.

The processes end with the block that they work for, and with this program, in whatever way it ends.
"""

import contextlib
import multiprocessing
import os
import pickle
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from threading import Thread
from typing import Any, Generic, TypeVar

from fitness_tracker.core import environment as environment  # first, before NumPy
from fitness_tracker.core.errors import UserError, quiet_native_stderr

Task = TypeVar("Task")
Result = TypeVar("Result")

Tick = Callable[[], object]
Work = Callable[[Task, Tick], Result]

AHEAD = 1000  # tasks that may be done before the first whose result is missing
STOP_S = 1.0  # that a process has to clean up in when it is stopped

READY, TICK, DONE, RAISED = range(4)  # kinds of messages from a process


@contextmanager
def run_in_processes(
    prepare: Callable[[], Work[Task, Result]],
    tasks: Sequence[Task],
    count: int,
    tick: Tick,
    lost: Callable[[Task], Result],
) -> Iterator[Iterator[Result]]:
    """Yields the results of `tasks` in their order, each as soon as it and all before it are there.

    Each of `count` processes calls `prepare`, and what that returns, with one task after another and a function that
    calls `tick` here. If a process dies, `lost` makes the result of its task, and another process takes its place.
    Results wait in memory for those before them, at most `AHEAD` of them. What native code writes to stderr during
    `prepare` is kept quiet.

    What `prepare` raises is raised as the block begins; what a task raises, when its result would come. Raises
    `UserError` if a process dies in `prepare`.
    """
    crew: list[Worker[Task, Result]] = []
    try:
        for _ in range(min(count, len(tasks))):
            crew.append(Worker(prepare))  # one by one: if one cannot start, the others are stopped
        for worker in crew:
            worker.wait_until_ready()
        yield results_in_order(crew, prepare, tasks, tick, lost)
    finally:
        stop(crew)


def results_in_order(
    crew: "list[Worker[Task, Result]]",
    prepare: Callable[[], Work[Task, Result]],
    tasks: Sequence[Task],
    tick: Tick,
    lost: Callable[[Task], Result],
) -> Iterator[Result]:
    """As `run_in_processes` says. In `crew` processes that died are replaced."""
    waiting: dict[int, Callable[[], Result]] = {}  # number of a task -> what returns its result, or raises
    given = returned = 0  # tasks
    while returned < len(tasks):
        for worker in crew:
            if worker.number is None and given < min(len(tasks), returned + AHEAD):
                worker.give(given, tasks[given])
                given += 1
        busy = [worker for worker in crew if worker.number is not None]
        wait([worker.connection for worker in busy])
        for worker in busy:
            if not worker.connection.poll():
                continue
            assert worker.number is not None
            try:
                kind, value = worker.connection.recv()
            except (EOFError, OSError):
                stop([worker])
                crew[crew.index(worker)] = Worker(prepare)
                kind, value = DONE, lost(tasks[worker.number])
            if kind == TICK:
                tick()
            elif kind != READY:
                waiting[worker.number] = partial(raise_error if kind == RAISED else returned_value, value)
                worker.number = None
        while returned in waiting:
            yield waiting.pop(returned)()
            returned += 1


def returned_value(value: Result) -> Result:
    return value


def raise_error(error: Exception) -> Any:
    raise error


class Worker(Generic[Task, Result]):
    """A process that does one task at a time, and our end of the connection to it."""

    def __init__(self, prepare: Callable[[], Work[Task, Result]]) -> None:
        context = multiprocessing.get_context("spawn")
        self.number: int | None = None  # of the task that it does
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, pickle.dumps(prepare)), daemon=True)
        with ThreadPoolExecutor(1) as thread:  # which a KeyboardInterrupt waits for, so nothing is started by half
            thread.submit(start_without_sigint, self.process).result()
        theirs.close()  # else the connection would not end with the process

    def wait_until_ready(self) -> None:
        try:
            kind, value = self.connection.recv()
        except (EOFError, OSError):
            raise UserError("a process was killed as it began, perhaps for memory; run it again") from None
        if kind == RAISED:
            raise value

    def give(self, number: int, task: Task) -> None:
        self.number = number
        with contextlib.suppress(OSError):  # it died, and reading from it will fail
            self.connection.send(task)


def start_without_sigint(process: SpawnProcess) -> None:
    """To be called in a thread of its own: Ctrl-C goes to all processes, and only the first of them is to answer it, so
    here it is blocked for the thread and for the process that it starts.
    """
    resource_tracker.ensure_running()  # of itself it begins with the first process, and lets SIGINT in again
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    process.start()


def stop(crew: "Sequence[Worker[Any, Any]]") -> None:
    """Ends processes; those that do not end in time are killed."""
    for worker in crew:
        worker.process.terminate()
    end = time.monotonic() + STOP_S
    for worker in crew:
        worker.process.join(max(0, end - time.monotonic()))
        worker.process.kill()
        worker.process.join()
        worker.connection.close()


# ------------------------------------------------------------------------------------------------------ in the process


def serve(connection: Connection, prepare: bytes) -> None:
    """Does the tasks that come through the connection until the process is ended; `prepare` is pickled."""
    signal.signal(signal.SIGTERM, end_process)
    Thread(target=end_with_parent, daemon=True).start()
    try:
        try:
            with quiet_native_stderr():
                work = pickle.loads(prepare)()  # imports what it needs
        except Exception as error:  # noqa: BLE001 - raised where the process was started
            connection.send((RAISED, with_traceback(error)))
            return
        connection.send((READY, None))
        while True:
            task = connection.recv()
            try:
                message: tuple[int, object] = DONE, work(task, partial(connection.send, (TICK, None)))
            except Exception as error:  # noqa: BLE001 - as above
                message = RAISED, with_traceback(error)
            connection.send(message)
    except (SystemExit, EOFError, ConnectionError):  # from `end_process`, or nobody is at the other end
        os._exit(0)  # some libraries take long to end


def with_traceback(error: Exception) -> Exception:
    """The same, with its traceback as a note: of itself it does not travel."""
    error.add_note(traceback.format_exc())
    return error


def end_process(*_: object) -> None:
    """Ends it by an exception, so that files and programs are closed, and half a file is deleted."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit


def end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_S)
    os._exit(1)
