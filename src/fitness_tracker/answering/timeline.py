"""A clip's timeline: stretches of one label each, the likeliest path of a hidden Markov model (Viterbi 1967).

Its states are the labels, its observations the probabilities of each frame, which are means over windows. A change of
label costs the same between any two, so the label changes only where the probabilities outweigh that cost. Hysteresis
would need two thresholds for each label and looks only back; the model weighs what comes before and after.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from fitness_tracker.models.classifier import Classifier, Prediction

# Both chosen by benchmarks/timeline.py
SWITCH_COST_S = 5.0  # seconds for which the new label must be e times as likely
NONE_TOLERANCE = 0.8  # of the threshold of 'none', which was fitted on clips; in a workout people rest half of the time
MIN_PROBABILITY = 1e-4  # smaller ones count as this, so that one frame cannot forbid a label


class Stretch(NamedTuple):
    """The frames [start, end) of a clip, and their label."""

    start: int
    end: int
    exercise: str  # 'none' included
    confidence: float  # 0 to 1


def find_stretches(prediction: Prediction, classifier: Classifier) -> list[Stretch]:
    """The stretches of a clip, in order and without gaps; neighbours have different labels.

    A stretch is named like a clip, by the mean of its frames. A clip of a single stretch is named as a whole.
    """
    path = likeliest_path(prediction.frames, classifier.fps)
    cuts = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    if len(cuts) == 2:
        return [Stretch(0, len(path), *classifier.decide_label(prediction))]
    stretches: list[Stretch] = []
    for start, end in pairwise(cuts):
        frames = prediction.frames[start:end]
        exercise, confidence = classifier.decide_label(Prediction(frames, frames.mean(axis=0)), NONE_TOLERANCE)
        if stretches and stretches[-1].exercise == exercise:
            before = stretches.pop()
            shares = [before.end - before.start, end - start]
            confidence = float(np.average([before.confidence, confidence], weights=shares))
            start = before.start
        stretches.append(Stretch(start, end, exercise, confidence))
    return stretches


def likeliest_path(frames: np.ndarray, fps: float) -> np.ndarray:
    """Probabilities (T, K) of frames, 0 to 1, to the likeliest sequence of labels (T,) int64, 0 to K - 1."""
    gains = np.log(np.maximum(frames, MIN_PROBABILITY)) / fps
    score, came_from = gains[0], np.zeros(frames.shape, np.int32)
    for time in range(1, len(frames)):
        best = int(score.argmax())
        came_from[time] = np.where(score >= score[best] - SWITCH_COST_S, np.arange(frames.shape[1]), best)
        score = np.maximum(score, score[best] - SWITCH_COST_S) + gains[time]
    path = np.empty(len(frames), np.int64)
    path[-1] = score.argmax()
    for time in range(len(frames) - 1, 0, -1):
        path[time - 1] = came_from[time, path[time]]
    return path
