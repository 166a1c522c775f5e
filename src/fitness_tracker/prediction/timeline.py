"""A clip's timeline: from the probabilities of its frames to stretches of one exercise each."""

from itertools import pairwise

import numpy as np


def find_stretches(frames: np.ndarray, fps: float) -> list[tuple[int, int]]:
    """Probabilities (T, K) of frames to the stretches [start, end) of one label each, in order, without gaps."""
    labels = frames.argmax(axis=1)
    cuts = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    return list(pairwise(cuts))
