"""Answers for many files: as many at once as there are cores, in the order of the files."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from fitness_tracker.answering.answer import Answer
from fitness_tracker.core.errors import UserError, printable, quiet_native_stderr
from fitness_tracker.core.machine import worker_count
from fitness_tracker.core.processes import Tick, run_in_processes
from fitness_tracker.models.classifier import Classifier, Prediction
from fitness_tracker.prediction.enrolment import Enrolled
from fitness_tracker.prediction.predict import load_once, predict_clip

PROCESS_BYTES = 5 * 10**8  # of memory: a process that answers (200 MiB for a short clip), and its ffmpeg

SECONDS_BAR = "{desc}: {n:.0f} s of the clip, {elapsed}"  # how long a clip is, is not known before its end
NO_PREDICTION = Prediction(np.empty((0, 0), np.float32), np.empty(0, np.float32))


class Answered(NamedTuple):
    path: Path
    answer: Answer  # without the prediction that it was made from, which has a row for each frame
    notes: list[str]  # on the clip, for people


class Failed(NamedTuple):
    path: Path
    reason: str


class NotDrawn(NamedTuple):
    reason: str  # names the file


Result = Answered | Failed | NotDrawn
# draw(clip, its answer, the classifier, whether to show progress): writes pictures; yields why one cannot be written
Draw = Callable[[Path, Answer, Classifier, bool], Iterable[str]]


@contextmanager
def answer_files(
    files: Sequence[Path], folder: Path, draw: Draw, enrolled: Sequence[Enrolled] = ()
) -> Iterator[Iterator[Result]]:
    """Yields the results for `files`, in their order, each as soon as it and all before it are there.

    Of each file it is a line of text or a few, so those that wait for one before them, at most
    `core.processes.AHEAD`, take little memory. For one file, or on one core, no process is started. Progress is shown
    on a terminal, but not while the block uses a result. Raises `UserError` if `folder` holds no classifier.
    """
    one = len(files) == 1
    workers = worker_count(len(files), PROCESS_BYTES)
    with tqdm(total=len(files), unit="file", miniters=1, leave=False, disable=True if one else None) as bar:
        if workers == 1:
            answer = partial(answer_file, load_quietly(folder), enrolled, draw, one, bar.update)
            yield aside(bar, chain.from_iterable(map(answer, files)))
            return
        prepare, lost = partial(prepare_process, folder, enrolled, draw), partial(lost_file, bar.update)
        with run_in_processes(prepare, files, workers, bar.update, lost) as lists:
            yield aside(bar, chain.from_iterable(lists))


def aside(bar: tqdm, results: Iterable[Result]) -> Iterator[Result]:
    """The same results; the progress bar makes way while one is used."""
    for result in results:
        bar.clear()
        yield result
        bar.refresh()


def load_quietly(folder: Path) -> Classifier:
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `limits.pixels` says it plainly
    with quiet_native_stderr():
        return load_once(folder)


def prepare_process(folder: Path, enrolled: Sequence[Enrolled], draw: Draw) -> Callable[[Path, Tick], list[Result]]:
    return partial(answer_in_process, load_quietly(folder), enrolled, draw)


def answer_in_process(
    classifier: Classifier, enrolled: Sequence[Enrolled], draw: Draw, path: Path, tick: Tick
) -> list[Result]:
    return list(answer_file(classifier, enrolled, draw, False, tick, path))


def lost_file(tick: Tick, path: Path) -> list[Result]:
    """The result for a file whose process died."""
    tick()
    return [Failed(path, "the process that answers was killed, perhaps for memory")]


def answer_file(
    classifier: Classifier, enrolled: Sequence[Enrolled], draw: Draw, show: bool, tick: Tick, path: Path
) -> Iterator[Result]:
    """The results for a file, and at its end a call of `tick`; with progress bars of its own if `show`."""
    notes: list[str] = []
    try:
        with progress_bar(show, desc=printable(path), unit=" s", bar_format=SECONDS_BAR, delay=1) as advance:
            answer = predict_clip(path, classifier, progress=advance, tell=notes.append, enrolled=enrolled)
    except UserError as error:
        yield Failed(path, str(error))
    except MemoryError:
        yield Failed(path, "there is not enough memory for it")
    else:
        yield Answered(path, replace(answer, prediction=NO_PREDICTION), notes)
        yield from map(NotDrawn, draw(path, answer, classifier, show))
    tick()


@contextmanager
def progress_bar(show: bool, **options: Any) -> Iterator[Callable[[float], None]]:
    """A bar on a terminal if `show`; yields a function to be called with all that is done so far."""
    if not show:  # no bar at all: it has a semaphore, which a process that is killed would leave behind
        yield lambda done: None
        return
    with tqdm(leave=False, disable=None, **options) as bar:

        def advance(done: float) -> None:
            bar.update(done - bar.n)

        yield advance
