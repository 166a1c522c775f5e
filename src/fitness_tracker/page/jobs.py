"""The clips that people gave: they wait, are looked at and drawn on, and are deleted.

Each has a folder of its own with a name that nobody guesses. The clip is deleted as soon as it was used, the pictures
when the browser has them or left, after `KEEP` seconds at the latest, and everything when the server ends.
"""

import os
import secrets
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fitness_tracker.answering.answer import Answer
from fitness_tracker.core.errors import UserError
from fitness_tracker.core.params import Limits
from fitness_tracker.drawing.overlay import write_overlay
from fitness_tracker.drawing.strip import write_strip
from fitness_tracker.models.classifier import Classifier
from fitness_tracker.models.pose.classifier import PosePrediction
from fitness_tracker.page.messages import FAULT, explain
from fitness_tracker.prediction.inputs import read_input
from fitness_tracker.prediction.predict import predict_clip
from fitness_tracker.video.ffmpeg import run_ffmpeg, seconds_of, too_long_error, wait_for_exit

KEEP = 600.0  # seconds that pictures wait to be fetched
GRACE = 10.0  # seconds after which a clip is given up that no browser asks for any more: connections break and return
MOST = 20  # clips at once, of any state
SIDE_BY_SIDE = max(1, (os.cpu_count() or 1) // 2)  # clips looked at: ffmpeg takes the other core of each pair

OVERLAY, STRIP = "overlay.mp4", "strip.png"


class CancelledError(Exception):
    """Nobody waits for the answer any more."""


@dataclass
class Job:
    """One clip's way; one thread works on it, others only read."""

    folder: Path
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    stage: str = "receiving"  # then 'waiting', 'looking', 'drawing', 'done' or 'failed'
    frames: int = 0  # looked at
    expected: int | None = None  # frames in all, if the file tells
    drawn: float = 0.0  # 0 to 1
    error: str = ""
    answer: dict[str, Any] | None = None
    person: bool = False  # whether anybody was in sight
    cancelled: threading.Event = field(default_factory=threading.Event)
    future: Future[None] | None = None
    watchers: int = 0  # browsers that listen
    since: float = field(default_factory=time.monotonic)  # when it ended, or the last browser left

    @property
    def clip(self) -> Path:
        return self.folder / "video.mp4"  # whatever it is: ffmpeg goes by the content

    @property
    def over(self) -> bool:
        return self.stage in ("done", "failed")

    @contextmanager
    def watched(self) -> Iterator[None]:
        self.watchers += 1
        try:
            yield
        finally:
            self.watchers -= 1
            self.since = time.monotonic()


class Jobs:
    """All of them. Its methods are called from one thread."""

    def __init__(self, classifier: Classifier, folder: Path, limits: Limits) -> None:
        """`folder` is private, and empty."""
        self.classifier, self.folder, self.limits = classifier, folder, limits
        self.jobs: dict[str, Job] = {}
        self.workers = ThreadPoolExecutor(SIDE_BY_SIDE)

    def begin(self) -> Job | None:
        """A new one, for a clip that arrives; None if there are too many."""
        if len(self.jobs) >= MOST:
            return None
        job = Job(self.folder)
        job.folder = self.folder / job.id
        job.folder.mkdir(mode=0o700)
        self.jobs[job.id] = job
        return job

    def submit(self, job: Job) -> None:
        """The clip is there."""
        job.stage, job.since = "waiting", time.monotonic()
        job.future = self.workers.submit(self.work, job)
        job.future.add_done_callback(lambda future: end(job, future))

    def drop(self, job: Job) -> None:
        """Ends it, whatever its state, and deletes all of it."""
        self.jobs.pop(job.id, None)
        job.cancelled.set()
        if not job.future or job.future.done() or job.future.cancel():
            delete(job)  # else `end` does

    def sweep(self) -> None:
        """Drops those that nobody waits for."""
        now = time.monotonic()
        for job in list(self.jobs.values()):
            patience = KEEP if job.over else GRACE
            if job.stage != "receiving" and not job.watchers and now - job.since > patience:
                self.drop(job)

    def close(self) -> None:
        for job in list(self.jobs.values()):
            self.drop(job)
        self.workers.shutdown(wait=True)

    def describe(self, job: Job) -> dict[str, Any]:
        """What the page is told."""
        ahead = [other for other in self.jobs.values() if other.stage in ("waiting", "looking", "drawing")]
        return {
            "stage": job.stage,
            "before": ahead.index(job) if job in ahead else 0,
            "frames": job.frames,
            "expected": job.expected,
            "drawn": round(job.drawn, 2),
            "error": job.error,
            "answer": job.answer,
            "person": job.person,
        }

    def work(self, job: Job) -> None:
        try:
            job.stage = "looking"
            answer = self.look(job)
            job.answer, job.person = answer.to_json(), is_person_in(answer)
            job.stage = "drawing"
            self.draw(job, answer)
            job.clip.unlink()
            job.stage = "done"
        except (UserError, OSError) as error:
            job.clip.unlink(missing_ok=True)
            job.error, job.stage = explain(error, self.limits.seconds / 60), "failed"

    def look(self, job: Job) -> Answer:
        seconds = clip_seconds(job.clip, self.limits)
        if seconds and seconds > self.limits.seconds:
            raise too_long_error(self.limits)
        job.expected = max(1, round(seconds * self.classifier.fps)) if seconds else None
        frames = read_input(job.clip, self.classifier.fps, self.classifier.fit, self.limits)
        return predict_clip(count_frames(frames, job), self.classifier)

    def draw(self, job: Job, answer: Answer) -> None:
        def progress(share: float) -> None:
            job.drawn = share
            stop_if_cancelled(job)

        def go_on(share: float) -> None:  # the strip takes a small part of the time
            stop_if_cancelled(job)

        write_strip(job.clip, answer, self.classifier, job.folder / STRIP, self.limits, go_on)
        write_overlay(job.clip, answer, self.classifier, job.folder / OVERLAY, self.limits, progress)


def count_frames(frames: Iterable[np.ndarray], job: Job) -> Iterator[np.ndarray]:
    for frame in frames:
        stop_if_cancelled(job)
        job.frames += 1
        yield frame


def stop_if_cancelled(job: Job) -> None:
    if job.cancelled.is_set():
        raise CancelledError


def end(job: Job, future: Future[None]) -> None:
    """What is left to do after the work, in whatever way it ended."""
    error = None if future.cancelled() else future.exception()
    if error and not isinstance(error, CancelledError):
        traceback.print_exception(error, file=sys.stderr)
        job.error, job.stage = FAULT, "failed"
    job.since = time.monotonic()
    if job.cancelled.is_set() or job.stage == "failed":
        delete(job)


def delete(job: Job) -> None:
    shutil.rmtree(job.folder, ignore_errors=True)


def is_person_in(answer: Answer) -> bool:
    """Whether anybody was in sight; true if the classifier does not look for people."""
    return not isinstance(answer.prediction, PosePrediction) or bool(answer.prediction.landmarks.found.any())


def clip_seconds(clip: Path, limits: Limits) -> float | None:
    """How long a clip's file is, by its packets, which costs little more than to read it; None if they do not tell."""
    with run_ffmpeg(clip, ["-c", "copy", "-progress", "pipe:1", "-f", "null", "-"], limits) as (run, _):
        assert run.stdout
        progress = run.stdout.read()
        code, _ = wait_for_exit(run)
    return None if code else seconds_of(progress) or None
