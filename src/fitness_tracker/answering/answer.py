"""From a classifier's prediction to the answer that people get: segments, each with an exercise and a count."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fitness_tracker.answering.repetitions import MIN_HELD_S, measure_movement
from fitness_tracker.answering.timeline import Stretch, find_stretches
from fitness_tracker.models.classifier import NONE, Classifier, Prediction
from fitness_tracker.models.pose.classifier import PosePrediction
from fitness_tracker.models.pose.features import poses_from_landmarks


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
    held_s: float | None  # seconds for which an exercise is held still, at least `MIN_HELD_S`; None where it moves
    times_s: tuple[float, ...]  # when each repetition is counted, seconds from the clip's start

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

    def to_json(self) -> dict[str, Any]:
        """The fields of docs/prediction.schema.json, without the path."""
        fields = {name: value for name, value in vars(self).items() if name not in ("prediction", "segments")}
        segments = [{**asdict(segment), "times_s": list(segment.times_s)} for segment in self.segments]
        for part in (fields, *segments):
            part |= {name: round(part[name], 4) for name in ("confidence", "none_score") if name in part}
        return {**fields, "segments": segments}


def answer_prediction(prediction: Prediction, classifier: Classifier) -> Answer:
    """The answer for a clip: its segments, and the exercise that takes most of its time."""
    stretches = find_stretches(prediction, classifier)
    segments = tuple(answer_stretch(prediction, stretch, classifier.fps) for stretch in stretches)
    seconds: dict[str, float] = {}
    for segment in segments:
        seconds[segment.exercise] = seconds.get(segment.exercise, 0) + segment.duration_s
    exercise = max(seconds, key=lambda name: (name != NONE, seconds[name]))
    same = [segment for segment in segments if segment.exercise == exercise]
    counts = [segment.repetitions for segment in same if segment.repetitions is not None]
    held = [segment.held_s for segment in same if segment.held_s is not None]
    return Answer(
        exercise=exercise,
        confidence=float(np.average([one.confidence for one in same], weights=[one.duration_s for one in same])),
        none_score=classifier.none_score(prediction),
        repetitions=sum(counts) if counts else None,
        held_s=round(sum(held), 1) if held else None,
        duration_s=round(len(prediction.frames) / classifier.fps, 3),
        segments=segments,
        prediction=prediction,
        several_people=isinstance(prediction, PosePrediction) and bool(prediction.landmarks.several.any()),
    )


def answer_stretch(prediction: Prediction, stretch: Stretch, fps: float) -> Segment:
    """The segment of a stretch: its label, and what is repeated or held in it if the prediction has landmarks."""
    start, end, exercise, confidence = stretch
    times: tuple[float, ...] | None = None
    held = None
    if isinstance(prediction, PosePrediction) and prediction.landmarks.found[start:end].any():
        movement = measure_movement(poses_from_landmarks(prediction.landmarks[start:end]), fps)
        if exercise != NONE and movement.is_held:
            held = round((end - start) / fps, 1) if end - start >= MIN_HELD_S * fps else None
        elif exercise != NONE or movement.is_clearly_repeated:
            times = tuple(round(start / fps + time, 2) for time in movement.times_s)
    return Segment(
        start_s=round(start / fps, 3),
        end_s=round(end / fps, 3),
        exercise=exercise,
        confidence=confidence,
        repetitions=None if times is None else len(times),
        held_s=held,
        times_s=times or (),
    )
