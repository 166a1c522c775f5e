"""A clip's timeline: stretches of one label each, the likeliest path of a hidden Markov model (Viterbi 1967).

Its states are the labels, its observations the probabilities of each frame, which are means over windows. A change of
label costs the same between any two, so the label changes only where the probabilities outweigh that cost. Hysteresis
would need two thresholds for each label and looks only back; the model weighs what comes before and after.

What somebody does shows in movement, or in an exercise that is held. A frame of a pause tells nothing of the exercise
around it. It only costs a little to call it one, so that short pauses belong to their set; a long one is a rest, which
parts what comes before from what comes after.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from fitness_tracker.answering.stillness import runs
from fitness_tracker.models.classifier import NONE, Classifier, Prediction

# All chosen by benchmarks/timeline.py, on the even folds (--fit)
SWITCH_COST_S = 6.0  # seconds for which the new label must be e times as likely
REST_S = 15.0  # from which a pause is a rest, whatever is done before and after
PAUSE_COST = 0.2  # a second of a pause, against as much a second for a label that is e times as likely
NONE_TOLERANCE = 0.9  # of the threshold of 'none', which was fitted on clips; people rest for half of a workout
MIN_PROBABILITY = 1e-4  # smaller ones count as this, so that one frame cannot forbid a label
# In 'none' where somebody only pauses, or repeats nothing, though it looks like an exercise: true of 17 of 17 clips
IDLE_CONFIDENCE = 0.9


class Stretch(NamedTuple):
    """The frames [start, end) of a clip, and their label."""

    start: int
    end: int
    exercise: str  # 'none' included
    confidence: float  # 0 to 1


def find_stretches(prediction: Prediction, classifier: Classifier, pauses: np.ndarray) -> list[Stretch]:
    """The stretches of a clip, in order and without gaps; neighbours have different labels.

    `pauses` (T,) bool are those of `find_pauses`. A stretch is named by the mean of its frames, without pauses if there
    are others. A clip of a single stretch without any is named as a whole.
    """
    path = find_path(prediction, classifier, pauses)
    cuts = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    if len(cuts) == 2 and not pauses.any():
        return [Stretch(0, len(path), *classifier.decide_label(prediction))]
    stretches: list[Stretch] = []
    tolerance = NONE_TOLERANCE if len(cuts) > 2 else 1.0
    for start, end in pairwise(cuts):
        frames, moves = prediction.frames[start:end], ~pauses[start:end]
        seen = frames[moves if moves.any() else slice(None)]
        exercise, confidence = classifier.decide_label(Prediction(frames, seen.mean(axis=0)), tolerance)
        if not moves.any() and exercise != NONE:
            exercise, confidence = NONE, IDLE_CONFIDENCE
        stretches.append(Stretch(start, end, exercise, confidence))
    return merge_equal(stretches)


def merge_equal(stretches: list[Stretch]) -> list[Stretch]:
    """The same, with neighbours of one label made one; their confidence is the mean over time."""
    merged = stretches[:1]
    for stretch in stretches[1:]:
        start, end, exercise, confidence = merged[-1]
        if stretch.exercise != exercise:
            merged.append(stretch)
            continue
        lengths = [end - start, stretch.end - stretch.start]
        mean = float(np.average([confidence, stretch.confidence], weights=lengths))
        merged[-1] = Stretch(start, stretch.end, exercise, mean)
    return merged


def find_pauses(still: np.ndarray, shots: np.ndarray, prediction: Prediction, classifier: Classifier) -> np.ndarray:
    """(T,) bool: where somebody is `still` (T,) and holds no exercise that is held; `shots` (T,) are their numbers."""
    pauses = still.copy()
    for start, end in runs(still, shots):
        frames = prediction.frames[start:end]
        exercise, _ = classifier.decide_label(Prediction(frames, frames.mean(axis=0)))
        pauses[start:end] = exercise not in classifier.held
    return pauses


def find_path(prediction: Prediction, classifier: Classifier, pauses: np.ndarray) -> np.ndarray:
    """The likeliest sequence of labels (T,) int64 in a clip with `pauses` (T,) bool."""
    values = np.log(np.maximum(prediction.frames, MIN_PROBABILITY))
    if not pauses.any():
        return likeliest_path(values, classifier.fps)
    none = classifier.exercises.index(NONE)
    values[pauses] = [-PAUSE_COST * (name != NONE) for name in classifier.exercises]
    path = np.full(len(values), none)
    rests = np.zeros(len(values), bool)
    for start, end in runs(pauses):
        rests[start:end] = end - start >= REST_S * classifier.fps
    for start, end in runs(~rests):
        path[start:end] = likeliest_path(values[start:end], classifier.fps)
    for start, end in runs(pauses):
        if start == 0 or end == len(path) or path[start - 1] != path[end]:
            path[start:end] = none
    return path


def likeliest_path(values: np.ndarray, fps: float) -> np.ndarray:
    """Logarithms (T, K) of the labels' likelihood in each frame to the likeliest sequence of labels (T,) int64."""
    gains = values / fps
    score, came_from = gains[0], np.zeros(values.shape, np.int32)
    for time in range(1, len(values)):
        best = int(score.argmax())
        came_from[time] = np.where(score >= score[best] - SWITCH_COST_S, np.arange(values.shape[1]), best)
        score = np.maximum(score, score[best] - SWITCH_COST_S) + gains[time]
    path = np.empty(len(values), np.int64)
    path[-1] = score.argmax()
    for time in range(len(values) - 1, 0, -1):
        path[time - 1] = came_from[time, path[time]]
    return path
