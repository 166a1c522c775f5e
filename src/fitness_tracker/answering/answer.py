"""From a classifier's prediction to the answer that people get: segments, each with an exercise and a count."""

from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from fitness_tracker.answering.borders import settle_borders
from fitness_tracker.answering.filters import running_max
from fitness_tracker.answering.repetitions import Movement, measure_movement
from fitness_tracker.answering.stillness import MIN_STILL_S, find_still, held_seconds
from fitness_tracker.answering.timeline import IDLE_CONFIDENCE, Stretch, find_pauses, find_stretches
from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.models.classifier import NONE, Classifier, Prediction
from fitness_tracker.models.pose.classifier import PosePrediction
from fitness_tracker.models.pose.features import Poses, poses_from_landmarks

EDGE_S = 0.2  # of a pause that are looked at with the movement beside it


class Named:
    """What a segment and the answer for a whole clip have in common."""

    exercise: str  # 'none' included
    repetitions: int | None

    @property
    def is_unknown_exercise(self) -> bool:
        """Whether somebody clearly repeats an untaught movement: only then 'none' has a count."""
        return self.exercise == NONE and self.repetitions is not None


@dataclass(frozen=True)
class Segment(Named):
    """A stretch of a clip in which one exercise, or none, is done."""

    start_s: float
    end_s: float
    exercise: str
    confidence: float  # 0 to 1, in `exercise`
    repetitions: int | None  # None: no exercise, one that is held, one that lasts too short, or there are no landmarks
    held_s: float | None  # seconds for which an exercise that is held is held still; None: of any other, or nowhere
    times_s: tuple[float, ...]  # when each repetition is counted, seconds from the clip's start
    enrolled: bool = False  # whether the exercise is one's own, which was enrolled

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Answer(Named):
    """What a clip shows. Its own fields are those of its longest exercise; of 'none', if there is no exercise."""

    exercise: str
    confidence: float
    none_score: float  # 0 to 1, how little the clip as a whole looks like any one exercise
    repetitions: int | None
    held_s: float | None
    duration_s: float
    segments: tuple[Segment, ...]
    prediction: Prediction  # what it was made from
    several_people: bool = False  # whether somebody else may have been followed for some time
    turned: int = 0  # degrees, counter-clockwise, by which most of the frames on their side or head were turned upright
    enrolled: bool = False

    def to_json(self) -> dict[str, Any]:
        """The fields of docs/prediction.schema.json, without the path."""
        fields = {name: value for name, value in vars(self).items() if name not in ("prediction", "segments")}
        segments = [{**asdict(segment), "times_s": list(segment.times_s)} for segment in self.segments]
        for part in (fields, *segments):
            part |= {name: round(part[name], 4) for name in ("confidence", "none_score") if name in part}
        return {**fields, "segments": segments}


def answer_prediction(prediction: Prediction, classifier: Classifier) -> Answer:
    """The answer for a clip: its segments, and the exercise that takes most of its time."""
    segments = find_segments(prediction, classifier)
    seconds: dict[str, float] = {}
    for segment in segments:
        seconds[segment.exercise] = seconds.get(segment.exercise, 0) + segment.duration_s
    exercise = max(seconds, key=lambda name: (name != NONE, seconds[name]))
    same = [segment for segment in segments if segment.exercise == exercise]
    counts = [segment.repetitions for segment in same if segment.repetitions is not None]
    held = [segment.held_s for segment in same if segment.held_s is not None]
    landmarks = prediction.landmarks if isinstance(prediction, PosePrediction) else None
    return Answer(
        exercise=exercise,
        confidence=float(np.average([one.confidence for one in same], weights=[one.duration_s for one in same])),
        none_score=classifier.none_score(prediction),
        repetitions=sum(counts) if counts else None,
        held_s=round(sum(held), 1) if held else None,
        duration_s=round(len(prediction.frames) / classifier.fps, 3),
        segments=segments,
        prediction=prediction,
        several_people=bool(landmarks and landmarks.several.any()),
        turned=turned_degrees(landmarks.turns) if landmarks else 0,
    )


def turned_degrees(turns: np.ndarray) -> int:
    """The quarter turns (T,) of frames to the degrees of those that were turned most often; 0 if none was."""
    return 90 * int(np.argmax(np.bincount(turns[turns > 0], minlength=4)))


def find_segments(prediction: Prediction, classifier: Classifier) -> tuple[Segment, ...]:
    """The segments of a clip, in order and without gaps."""
    still = np.zeros(len(prediction.frames), bool)
    if not isinstance(prediction, PosePrediction) or not prediction.landmarks.found.any():
        return tuple(plain_segment(one, classifier.fps) for one in find_stretches(prediction, classifier, still))
    landmarks, fps = prediction.landmarks, classifier.fps
    poses = poses_from_landmarks(landmarks)
    still = find_still(poses, fps)
    pauses = find_pauses(still, landmarks.shot, prediction, classifier)
    stretches = find_stretches(prediction, classifier, pauses)
    moves = partial(measure_stretch, landmarks=landmarks, pauses=pauses, fps=fps)
    movements = {stretch: moves(stretch) for stretch in stretches}
    segments: list[Segment] = []
    for stretch in settle_borders(stretches, list(movements.values()), poses, pauses, fps):
        movement = movements[stretch] if stretch in movements else moves(stretch)
        segment = answer_stretch(stretch, movement, poses, still & landmarks.found, classifier)
        if segments and is_idle(segments[-1]) and is_idle(segment):
            segment = join_idle(segments.pop(), segment)
        segments.append(segment)
    return tuple(segments)


def plain_segment(stretch: Stretch, fps: float) -> Segment:
    """The segment of a stretch in which nothing is counted."""
    start, end, exercise, confidence = stretch
    return Segment(round(start / fps, 3), round(end / fps, 3), exercise, confidence, None, None, ())


def is_idle(segment: Segment) -> bool:
    return segment.exercise == NONE and segment.repetitions is None


def join_idle(first: Segment, second: Segment) -> Segment:
    """Their confidence becomes the mean over time."""
    shares = [first.duration_s, second.duration_s]
    mean = float(np.average([first.confidence, second.confidence], weights=shares))
    return replace(second, start_s=first.start_s, confidence=mean)


def measure_stretch(stretch: Stretch, landmarks: Landmarks, pauses: np.ndarray, fps: float) -> Movement | None:
    """The movement in a stretch, without its pauses (T,); None if nobody is found in it."""
    here = slice(stretch.start, stretch.end)
    if not landmarks.found[here].any():
        return None
    counted = running_max(~pauses[here], 2 * round(EDGE_S * fps) + 1)
    return measure_movement(poses_from_landmarks(landmarks[here]), fps, counted)


def answer_stretch(
    stretch: Stretch, movement: Movement | None, poses: Poses, still: np.ndarray, classifier: Classifier
) -> Segment:
    """The segment of a stretch: its label, and what is repeated or held in it.

    Who repeats nothing does no exercise that is repeated, whatever it looks like; unless it is too short to tell.
    """
    plain, fps = plain_segment(stretch, classifier.fps), classifier.fps
    if not movement:
        return plain
    if plain.exercise in classifier.held:
        return replace(plain, held_s=held_seconds(still, poses, stretch.start, stretch.end, fps) or None)
    if movement.is_clearly_repeated or (movement.times_s and plain.exercise != NONE):
        times = tuple(round(plain.start_s + time, 2) for time in movement.times_s)
        return replace(plain, repetitions=len(times), times_s=times)
    if plain.exercise != NONE and stretch.end - stretch.start >= max(3, MIN_STILL_S * fps):
        return replace(plain, exercise=NONE, confidence=IDLE_CONFIDENCE)
    return plain
