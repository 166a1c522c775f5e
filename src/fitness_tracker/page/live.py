"""Names and counts an exercise while it is done: a camera's frames go in one by one, what is known so far comes out.

Every frame is tracked. Landmarks are kept at the classifier's own pace, whatever the camera's, and about once a second
the answer for the last minute is made anew, as for a clip. What is older is remembered as sets.
"""

import math
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from time import thread_time

import numpy as np

from fitness_tracker.answering.answer import Segment, answer_prediction
from fitness_tracker.blazepose.tracker import FramePose, PoseTracker, stack_poses
from fitness_tracker.models.classifier import NONE, Classifier, Prediction
from fitness_tracker.models.pose.classifier import PoseClassifier
from fitness_tracker.prediction.inputs import check_frame
from fitness_tracker.video.ffmpeg import JUMP_GAP_S
from fitness_tracker.video.letterbox import HEIGHT, WIDTH, fit_frame, unfit_points

ANSWER_EVERY = 0.7  # seconds between answers, at the least
SHARE = 1 / 3  # of one core's time, the most that answers take: slower cores answer less often
MEMORY, FORGET = 60.0, 15.0  # seconds that an answer looks back on, and how many are let go at once
FIRST_LOOK = 1.0  # seconds that are seen before the first answer
UNSEEN, LEFT = 1.0, 3.0  # seconds after which a person who is not found is gone, and after which their set is over
BRIDGE = 0.5  # seconds between frames up to which the landmarks between them are interpolated
PICTURES = 10  # latest answers of a classifier of frames that count

LOOKING, NOBODY, NO_EXERCISE, UNKNOWN = "looking", "nobody in sight", "no exercise", "unknown exercise"


@dataclass(frozen=True)
class LiveState:
    """What is known after a frame; seconds count from the first frame."""

    landmarks: np.ndarray | None  # (33, 3) float64: x and y in pixels of the frame as given, visibility 0-1
    text: str  # the exercise, or why there is none: 'looking', 'nobody in sight', 'no exercise', 'unknown exercise'
    exercise: str | None  # 'none' included; None: too little was seen
    confidence: float  # 0 to 1, in `exercise`
    repetitions: int | None  # of the set that goes on
    held_s: float | None
    sets: tuple[Segment, ...]  # all so far, with the one that goes on


class LiveSession:
    """One person in front of one camera. Not for several threads at once; sessions share nothing but the classifier."""

    def __init__(self, classifier: Classifier, executor: Executor | None = None) -> None:
        """`executor`: where answers are made, so that no frame waits for them; None: within `add`."""
        self.classifier, self.executor = classifier, executor
        pose = isinstance(classifier, PoseClassifier)
        self.tracker = PoseTracker(**classifier.pose_networks) if isinstance(classifier, PoseClassifier) else None
        self.grid = LandmarkGrid(classifier.fps) if pose else None
        self.pictures: deque[np.ndarray] = deque(maxlen=PICTURES)  # (K,) probabilities each
        self.pose: FramePose | None = None
        self.last: FramePose | None = None  # of whoever was found last
        self.given: float | None = None  # the last frame's time, as given
        self.clock = self.found = self.answered = 0.0  # seconds from the first frame: now, last found, last answer
        self.pause = ANSWER_EVERY
        self.pending: Future[list[Segment]] | None = None
        self.log = SetLog()

    def add(self, frame: np.ndarray, seconds: float) -> LiveState:
        """Looks at a frame (H, W, 3) uint8 RGB, taken at `seconds` by any clock.

        The clock's jumps count as in clips: backwards not at all, ahead as `JUMP_GAP_S` at most. Raises `ValueError`
        if the frame is no such array or the time no number.
        """
        if not math.isfinite(seconds):
            raise ValueError("the time of a frame is no number")
        step = 0.0 if self.given is None else min(max(seconds - self.given, 0.0), float(JUMP_GAP_S))
        self.given, self.clock = seconds, self.clock + step
        fitted = fit_frame(check_frame(frame), self.classifier.fit)
        if self.tracker and self.grid:
            self.pose = self.tracker.locate(fitted, self.pose, self.last)
            self.grid.add(self.pose, self.clock)
        self.take_answer(wait=False)
        if self.pose or not self.tracker:
            returns = self.clock - self.found > LEFT
            self.last, self.found = self.pose, self.clock
            if returns:
                self.let_go(self.clock)
        if self.grid and self.clock - self.grid.begin > MEMORY:
            self.let_go(self.grid.begin + FORGET)
        if not self.pending and self.clock >= max(FIRST_LOOK, self.answered + self.pause) and not self.is_gone():
            self.ask(fitted)
        return self.state(frame.shape[:2])

    def finish(self) -> LiveState:
        """The state after an answer to everything that was given; without landmarks."""
        self.take_answer(wait=True)
        if self.grid and self.grid.poses:
            self.executor = None
            self.ask(None)
        self.pose = None
        return self.state((HEIGHT, WIDTH))

    def is_gone(self) -> bool:
        return self.clock - self.found > UNSEEN

    def ask(self, fitted: np.ndarray | None) -> None:
        """Starts to make an answer, or makes it."""
        self.answered = self.clock
        question = self.about_landmarks() if self.grid else self.about_picture(fitted)
        if self.executor:
            self.pending = self.executor.submit(question)
        else:
            self.pending = Future()
            self.pending.set_result(question())
            self.take_answer(wait=True)

    def about_landmarks(self) -> Callable[[], list[Segment]]:
        """Up to where somebody was found: who left does not hold still."""
        assert self.grid
        poses, begin, fps = list(self.grid.poses), self.grid.begin, self.classifier.fps
        while len(poses) > 1 and poses[-1] is None:
            poses.pop()

        def segments() -> list[Segment]:
            started = thread_time()
            landmarks = stack_poses(poses, [number / fps for number in range(len(poses))])
            assert isinstance(self.classifier, PoseClassifier)
            answer = answer_prediction(self.classifier.predict_landmarks(landmarks), self.classifier)
            self.pause = max(ANSWER_EVERY, (thread_time() - started) / SHARE)
            return [later(segment, begin) for segment in answer.segments]

        return segments

    def about_picture(self, fitted: np.ndarray | None) -> Callable[[], list[Segment]]:
        def segments() -> list[Segment]:
            started = thread_time()
            assert fitted is not None
            self.pictures.append(self.classifier.predict_frames([fitted]).probabilities)
            frames = np.stack(self.pictures)
            exercise, confidence = self.classifier.decide_label(Prediction(frames, frames.mean(axis=0)))
            self.pause = max(ANSWER_EVERY, (thread_time() - started) / SHARE)
            return [Segment(0.0, self.clock, exercise, confidence, None, None, ())]

        return segments

    def take_answer(self, wait: bool) -> None:
        if self.pending and (wait or self.pending.done()):
            self.log.segments, self.pending = self.pending.result(), None

    def let_go(self, seconds: float) -> None:
        """Of all that was before that; later answers begin there."""
        self.take_answer(wait=True)
        if self.grid:
            self.grid.forget(self.log.forget(seconds, self.classifier.fps))

    def state(self, shape: tuple[int, int]) -> LiveState:
        everything = self.log.everything()
        now = everything[-1] if everything else None
        points = None
        if self.pose:
            places = unfit_points(self.pose.image_landmarks[:, :2], shape[1], shape[0], self.classifier.fit)
            points = np.column_stack([places, self.pose.image_landmarks[:, 3]])
        sets = tuple(filter(is_set, everything)) if self.grid else ()
        if self.is_gone():
            return LiveState(None, NOBODY, None, 0.0, None, None, sets)
        if not now:
            return LiveState(points, LOOKING, None, 0.0, None, None, sets)
        text = (UNKNOWN if is_set(now) else NO_EXERCISE) if now.exercise == NONE else now.exercise
        return LiveState(points, text, now.exercise, now.confidence, now.repetitions, now.held_s, sets)


class LandmarkGrid:
    """Poses at the times begin, begin + 1/fps, …, from frames at any times, of which some may be lost or doubled."""

    def __init__(self, fps: float) -> None:
        self.fps, self.first = fps, 0  # the first one's number, from the first frame on
        self.poses: list[FramePose | None] = []
        self.before: tuple[float, FramePose | None] | None = None

    @property
    def begin(self) -> float:
        return self.first / self.fps

    def add(self, pose: FramePose | None, seconds: float) -> None:
        """`seconds` do not go back, and are 0 for the first frame."""
        before = self.before or (seconds, pose)
        while (at := (self.first + len(self.poses)) / self.fps) <= seconds + 1e-6:
            self.poses.append(pose_between(before, (seconds, pose), at, self.fps))
        self.before = (seconds, pose)

    def forget(self, seconds: float) -> None:
        """All poses before that."""
        number = min(max(round(seconds * self.fps) - self.first, 0), len(self.poses))
        self.first += number
        del self.poses[:number]


def pose_between(
    before: tuple[float, FramePose | None], after: tuple[float, FramePose | None], at: float, fps: float
) -> FramePose | None:
    """The pose at a time from those of the frames around it, (seconds, pose) each."""
    gap = after[0] - before[0]
    share = (at - before[0]) / gap if gap > 0 else 1.0
    if before[1] and after[1] and 1e-6 < share < 1 - 1e-6 and gap <= BRIDGE:
        image = before[1].image_landmarks * (1 - share) + after[1].image_landmarks * share
        world = before[1].world_landmarks * (1 - share) + after[1].world_landmarks * share
        return FramePose(image, world, after[1].region)
    time, pose = after if share > 0.5 else before
    return pose if abs(time - at) <= 0.5 / fps + 1e-6 else None


class SetLog:
    """The segments since the first frame: those that are over, and those of the last answer."""

    def __init__(self) -> None:
        self.over: list[Segment] = []
        self.begun: Segment | None = None  # the part that was let go of a set that goes on
        self.segments: list[Segment] = []  # of the last answer

    def everything(self) -> list[Segment]:
        first, rest = self.segments[:1], self.segments[1:]
        if self.begun and first and first[0].exercise == self.begun.exercise:
            return [*self.over, join(self.begun, first[0]), *rest]
        return [*self.over, *([self.begun] if self.begun else []), *first, *rest]

    def forget(self, seconds: float, fps: float) -> float:
        """Lets go of the segments before that, and gives the time where the next answer begins.

        A set that goes on is cut halfway between two repetitions, so that none is counted twice or not at all.
        """
        across = next((segment for segment in self.segments if segment.start_s < seconds < segment.end_s), None)
        cut = halfway(across.times_s, seconds) if across else seconds
        cut = round(cut * fps) / fps
        older = [segment for segment in self.everything() if segment.start_s < cut]
        self.segments = [segment for segment in self.segments if segment.end_s > cut]
        self.begun = None
        if older and older[-1].end_s > cut:
            self.begun = part(older.pop(), -math.inf, cut)
            self.segments[0] = part(self.segments[0], cut, math.inf)
        self.over = [segment for segment in older if is_set(segment)]
        return cut


def halfway(times: tuple[float, ...], seconds: float) -> float:
    """The middle between the two times around `seconds`, or `seconds`."""
    before, after = ([time for time in times if (time <= seconds) == early] for early in (True, False))
    return (before[-1] + after[0]) / 2 if before and after else seconds


def is_set(segment: Segment) -> bool:
    """Whether somebody exercised in it."""
    return segment.exercise != NONE or bool(segment.repetitions)


def later(segment: Segment, seconds: float) -> Segment:
    return replace(
        segment,
        start_s=round(segment.start_s + seconds, 3),
        end_s=round(segment.end_s + seconds, 3),
        times_s=tuple(round(time + seconds, 2) for time in segment.times_s),
    )


def part(segment: Segment, start: float, end: float) -> Segment:
    """What of it lies in [start, end)."""
    start, end = max(start, segment.start_s), min(end, segment.end_s)
    times = tuple(time for time in segment.times_s if start <= time < end)
    share = (end - start) / max(segment.end_s - segment.start_s, 1e-6)
    return replace(
        segment,
        start_s=start,
        end_s=end,
        times_s=times,
        repetitions=None if segment.repetitions is None else len(times),
        held_s=None if segment.held_s is None else round(segment.held_s * share, 1),
    )


def join(first: Segment, second: Segment) -> Segment:
    """Two parts of one set, the second right after the first."""
    times = first.times_s
    pause = float(np.median(np.diff(times))) / 2 if len(times) > 1 else 0.0
    times += tuple(time for time in second.times_s if not times or time > first.times_s[-1] + pause)
    counted = first.repetitions is not None or second.repetitions is not None
    lengths = [first.end_s - first.start_s, second.end_s - second.start_s]
    confidence = np.average([first.confidence, second.confidence], weights=lengths) if sum(lengths) else 0.0
    parts = [one.held_s for one in (first, second) if one.held_s is not None]
    held = round(sum(parts), 1) if parts and not counted else None
    return Segment(
        first.start_s, second.end_s, first.exercise, float(confidence), len(times) if counted else None, held, times
    )
