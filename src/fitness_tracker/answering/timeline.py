"""A clip's timeline: the stretches of one exercise each, smoothed by a hidden Markov model.

Its states are the labels; what it observes are the probabilities of each frame, which are means over windows. Going
from one label to another costs `SWITCH`, whatever the two, so a label changes only where the probabilities pay for it
(Viterbi 1967). Hysteresis would need two thresholds for each label, and knows only the past; the model weighs what
comes before and after.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from fitness_tracker.models.classifier import Classifier, Prediction

SWITCH = 5.0  # seconds for which the new label must be e times as likely; chosen by benchmarks/timeline.py, as is:
TOLERANCE = 0.8  # of the threshold of 'none': in a workout, people rest half of the time, which the threshold ignores
LEAST = 1e-4  # probability that counts as none at all


class Stretch(NamedTuple):
    start: int  # frames [start, end)
    end: int
    exercise: str
    confidence: float


def find_stretches(prediction: Prediction, classifier: Classifier) -> list[Stretch]:
    """The stretches of a clip, in order and without gaps; neighbours have different labels.

    A stretch is named like a clip, by the mean of its frames. If there is one only, it is named exactly as the clip.
    """
    path = likeliest_path(prediction.frames, classifier.fps)
    cuts = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    if len(cuts) == 2:
        return [Stretch(0, len(path), *classifier.decide_label(prediction))]
    stretches: list[Stretch] = []
    for start, end in pairwise(cuts):
        frames = prediction.frames[start:end]
        exercise, confidence = classifier.decide_label(Prediction(frames, frames.mean(axis=0)), TOLERANCE)
        if stretches and stretches[-1].exercise == exercise:
            before = stretches.pop()
            shares = [before.end - before.start, end - start]
            confidence = float(np.average([before.confidence, confidence], weights=shares))
            start = before.start
        stretches.append(Stretch(start, end, exercise, confidence))
    return stretches


def likeliest_path(frames: np.ndarray, fps: float) -> np.ndarray:
    """Probabilities (T, K) of frames to the likeliest sequence of labels (T,) int64."""
    gains = np.log(np.maximum(frames, LEAST)) / fps
    score, came_from = gains[0], np.zeros(frames.shape, np.int32)
    for time in range(1, len(frames)):
        best = int(score.argmax())
        came_from[time] = np.where(score >= score[best] - SWITCH, np.arange(frames.shape[1]), best)
        score = np.maximum(score, score[best] - SWITCH) + gains[time]
    path = np.empty(len(frames), np.int64)
    path[-1] = score.argmax()
    for time in range(len(frames) - 1, 0, -1):
        path[time - 1] = came_from[time, path[time]]
    return path
