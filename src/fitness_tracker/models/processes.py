"""Members of a classifier are fitted side by side, in one process for each core.

Threads of one process would not do: Keras draws the initial weights from generators that all of them share.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.queues import SimpleQueue
from threading import Thread
from typing import TypeVar

from fitness_tracker.core.errors import UserError, quiet_native_stderr
from fitness_tracker.core.machine import worker_count

Task = TypeVar("Task")
Result = TypeVar("Result")

Tick = Callable[[], object]  # called after each epoch

PROCESS_BYTES = 10**9  # of memory: TensorFlow and the windows of all clips

TICKS: list[SimpleQueue] = []  # of a process of the pool: where it reports its epochs


def run_side_by_side(function: Callable[[Task, Tick], Result], tasks: Sequence[Task], tick: Tick) -> list[Result]:
    """`function(task, tick)` of each task, as many at once as there are cores; the results are as if one by one.

    Raises `UserError` if a process dies.
    """
    workers = worker_count(len(tasks), PROCESS_BYTES)
    if workers == 1:
        return [function(task, tick) for task in tasks]
    context, others = multiprocessing.get_context("spawn"), multiprocessing.active_children()
    ticks = context.SimpleQueue()
    Thread(target=lambda: [tick() for _ in iter(ticks.get, None)], daemon=True).start()
    with ProcessPoolExecutor(workers, context, initializer=start_worker, initargs=(ticks,)) as pool:
        try:
            return list(pool.map(partial(run_in_worker, function), tasks))
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():  # nobody waits for the other members
                if process not in others:
                    process.terminate()
            if isinstance(error, BrokenProcessPool):
                raise UserError("a process of the training was killed, perhaps for memory; run it again") from None
            raise
        finally:
            Thread(target=ticks.put, args=(None,), daemon=True).start()  # it waits if a process died in `put`


def run_in_worker(function: Callable[[Task, Tick], Result], task: Task) -> Result:
    return function(task, partial(TICKS[0].put, True))


def start_worker(ticks: SimpleQueue) -> None:
    """A process of the pool ends when the process that started it says so, or ends, in whatever way."""
    TICKS.append(ticks)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is sent to all of them
    parent = multiprocessing.parent_process()
    assert parent is not None
    Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()
    with quiet_native_stderr():
        from fitness_tracker.models import tensorflow_setup as tensorflow_setup
