"""Where somebody is still: in a pause, at rest, or holding an exercise.

Only angles and distances between joints count, so a camera that tilts, pans or zooms moves nobody.
"""

from itertools import pairwise

import numpy as np

from fitness_tracker.answering.filters import running_max, running_min
from fitness_tracker.models.pose.features import UNMOVED, Poses, clip_features

# Chosen by benchmarks/timeline.py
WINDOW_S = 1.6  # somebody is still in the middle of so long a time in which they hardly move
MIN_STILL_S = 1.0  # in less, nobody can tell
STILL_RANGE = 0.7  # of the features, Euclidean: so still are 65 % of the frames of planks in the corpus, 4 % of squats
# Of the same: who is still twice in one position differs by up to 0.7 in the corpus; straight arms from forearms, 1.7
POSTURE_RANGE = 1.0


def find_still(poses: Poses, fps: float) -> np.ndarray:
    """(T,) bool: the frames of a clip's T poses around which somebody is still, for `MIN_STILL_S` or longer."""
    values = clip_features(poses)[:, UNMOVED]
    size = window_frames(fps)
    first = np.cumsum(poses.shot_sizes)[:-1]
    ranges = [
        np.linalg.norm(running_max(shot, size) - running_min(shot, size), axis=1) for shot in np.split(values, first)
    ]
    still = np.concatenate(ranges) < STILL_RANGE
    for start, end in runs(still):
        still[start:end] = end - start >= max(2, MIN_STILL_S * fps)
    return still


def held_seconds(still: np.ndarray, poses: Poses, start: int, end: int, fps: float) -> float:
    """How long the position is held, in frames [start, end) of a clip, in which somebody is still longest.

    `still` (T,) as `find_still` has it, with all frames of its windows. Other positions do not count.
    """
    values, here = clip_features(poses)[start:end, UNMOVED], still[start:end]
    postures = {run: np.median(values[slice(*run)], axis=0) for run in runs(here)}
    if not postures:
        return 0.0
    longest = max(postures, key=lambda run: run[1] - run[0])
    held = np.zeros_like(here)
    for run, posture in postures.items():
        held[slice(*run)] = np.linalg.norm(posture - postures[longest]) < POSTURE_RANGE
    return round(np.count_nonzero(running_max(held, window_frames(fps))) / fps, 1)


def window_frames(fps: float) -> int:
    """An odd number."""
    return max(3, int(WINDOW_S * fps) | 1)


def runs(marked: np.ndarray, shots: np.ndarray | None = None) -> list[tuple[int, int]]:
    """(T,) bool to the stretches [start, end) that are marked; none beyond its shot if the numbers (T,) are given."""
    values = marked.astype(np.int64) if shots is None else np.where(marked, shots + 1, 0)
    cuts = np.flatnonzero(np.diff(np.r_[0, values, 0])).tolist()
    return [(start, end) for start, end in pairwise(cuts) if values[start]]
