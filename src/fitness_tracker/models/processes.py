"""Members of a classifier are fitted side by side, in one process for each core.

Threads of one process would not do: Keras draws the initial weights from generators that all of them share.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NoReturn, TypeVar

from fitness_tracker.core.errors import UserError
from fitness_tracker.core.machine import worker_count
from fitness_tracker.core.processes import Tick as Tick  # called after each epoch
from fitness_tracker.core.processes import Work, run_in_processes

Task = TypeVar("Task")
Result = TypeVar("Result")

PROCESS_BYTES = 10**9  # of memory: TensorFlow and the windows of all clips


def run_side_by_side(function: Callable[[Task, Tick], Result], tasks: Sequence[Task], tick: Tick) -> list[Result]:
    """`function(task, tick)` of each task, as many at once as there are cores; the results are as if one by one.

    Raises `UserError` if a process dies.
    """
    workers = worker_count(len(tasks), PROCESS_BYTES)
    if workers == 1:
        return [function(task, tick) for task in tasks]
    with run_in_processes(partial(prepare, function), tasks, workers, tick, lost) as results:
        return list(results)


def prepare(function: Work[Task, Result]) -> Work[Task, Result]:
    from fitness_tracker.models import tensorflow_setup as tensorflow_setup  # takes seconds

    return function


def lost(_: object) -> NoReturn:
    raise UserError("a process of the training was killed, perhaps for memory; run it again")
