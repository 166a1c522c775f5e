"""Poses: landmarks without what differs between people, cameras and rooms, and the windows that are cut from them.

Lengths are in trunks, from the middle of the hips to the middle of the shoulders, and gravity stays: 'down' is down.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fitness_tracker.pose.landmarks import Landmarks

JOINTS = (11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)  # of BlazePose's 33: the left joint, then the right


SHOULDER, ELBOW, WRIST, HIP, KNEE, ANKLE = range(6)  # places in `JOINTS`, halved


JOINT_ANGLES = ((SHOULDER, ELBOW, WRIST), (ELBOW, SHOULDER, HIP), (SHOULDER, HIP, KNEE), (HIP, KNEE, ANKLE))


BONES = ((SHOULDER, ELBOW), (ELBOW, WRIST), (HIP, KNEE), (KNEE, ANKLE), (HIP, SHOULDER))


JOINT_DISTANCES = (
    (WRIST, SHOULDER), (WRIST, HIP), (WRIST, ANKLE), (WRIST, KNEE), (ANKLE, HIP), (ELBOW, HIP), (SHOULDER, ANKLE),
    (SHOULDER, KNEE),
)  # fmt: skip


FEATURES = 2 * (len(JOINT_ANGLES) + 5 + 2 + len(JOINT_DISTANCES) + len(BONES)) + 7 + 4 * 6  # of `features`


STRAIGHT = (
    (JOINT_ANGLES[0], -0.5),
    (JOINT_ANGLES[2], -0.9),
    (JOINT_ANGLES[3], -0.9),
)  # of who stands: cosines at elbows, hips and knees


TINY = 1e-6


@dataclass(frozen=True)
class Poses:
    """The person of one clip, or the windows of many, in trunks: right, down and, but for `hip_trajectory`, away."""

    joints_3d: (
        np.ndarray
    )  # (..., T, 12, 3) float32: the limbs' joints from the middle of the hips, by the metric landmarks
    joints_image: (
        np.ndarray
    )  # (..., T, 12, 3) float32: the same by the landmarks in the picture, which are surer across it
    hip_trajectory: np.ndarray  # (..., T, 2) float32: the middle of the hips in the picture, from its median

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.joints_3d, self.joints_image, self.hip_trajectory


def poses_from_landmarks(landmarks: Landmarks) -> Poses:
    """The poses of a clip; in between found frames they are interpolated. All zero if nobody was found."""
    body = smooth_121(interpolate_missing(landmarks.world_landmarks[:, JOINTS].astype(np.float64), landmarks.found))
    seen = smooth_121(interpolate_missing(landmarks.image_landmarks[:, JOINTS, :3].astype(np.float64), landmarks.found))
    hips = slice(2 * HIP, 2 * HIP + 2)
    body -= body[:, hips].mean(axis=1, keepdims=True)
    trunk = np.median(np.linalg.norm(body[:, :2].mean(axis=1), axis=-1))
    body /= max(trunk, TINY)
    path = seen[:, hips].mean(axis=1)
    seen -= path[:, None]
    pixels = np.median(spread(seen) / np.maximum(spread(body), TINY))  # a trunk, as large as the person is seen
    seen /= max(pixels, TINY)
    path = (path[:, :2] - np.median(path[:, :2], axis=0)) / max(pixels, TINY)
    return Poses(body.astype(np.float32), seen.astype(np.float32), path.astype(np.float32))


def spread(points: np.ndarray) -> np.ndarray:
    """(T, 12, 3) to (T,): how far the joints lie apart across the picture."""
    flat = points[..., :2] - points[..., :2].mean(axis=1, keepdims=True)
    return np.linalg.norm(flat, axis=(1, 2))


def interpolate_missing(values: np.ndarray, found: np.ndarray) -> np.ndarray:
    """(T, ...) with frames that were not found interpolated between those that were."""
    if found.all() or not found.any():
        return values
    here = np.flatnonzero(found)
    at = np.interp(np.arange(len(values)), here, np.arange(len(here)))
    return interpolate_rows(values[here], at)


def interpolate_rows(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Rows of `values` (T, ...) at the places `at` (N,) in 0..T-1, interpolated."""
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(values) - 1)
    share = (at - low).reshape(-1, *[1] * (values.ndim - 1))
    return values[low] * (1 - share) + values[high] * share


def smooth_121(values: np.ndarray) -> np.ndarray:
    """(T, ...) weighted 1:2:1 with the frames beside."""
    wide = np.concatenate([values[:1], values, values[-1:]])
    return 0.25 * wide[:-2] + 0.5 * wide[1:-1] + 0.25 * wide[2:]


def window_starts(frames: int, length: int) -> list[int]:
    """Where windows of `length` frames start in a clip: a quarter of a window apart, the last at the clip's end."""
    if frames <= length:
        return [0]
    return sorted({*range(0, frames - length, max(1, length // 4)), frames - length})


class PoseSequences:
    """Poses of many clips in a row, to cut windows from."""

    def __init__(self, clips: Sequence[Poses]) -> None:
        self.sizes = np.array([len(clip.hip_trajectory) for clip in clips])
        self.first = np.cumsum(self.sizes) - self.sizes
        self.values = [np.concatenate(one) for one in zip(*(clip.arrays() for clip in clips), strict=True)]

    def windows(self, which: np.ndarray, start: np.ndarray, speed: np.ndarray, length: int) -> Poses:
        """Windows (N, length, ...): the n-th from clip `which[n]`, from frame `start[n]` on, `speed[n]` frames a step.

        A clip that is too short is played forwards and backwards.
        """
        last = self.sizes[which, None] - 1.0
        at = np.mod(start[:, None] + np.arange(length) * speed[:, None], np.maximum(2 * last, 1))
        at = np.clip(np.where(at > last, 2 * last - at, at), 0, last)
        rows = (self.first[which, None] + at).ravel()
        return Poses(
            *(interpolate_rows(one, rows).reshape(*at.shape, *one.shape[1:]).astype(np.float32) for one in self.values)
        )


def cut_windows(poses: Poses, length: int) -> Poses:
    """All windows (N, length, ...) of one clip, see `window_starts`."""
    starts = np.array(window_starts(len(poses.hip_trajectory), length), float)
    return PoseSequences([poses]).windows(np.zeros(len(starts), int), starts, np.ones(len(starts)), length)


def average_windows_per_frame(windows: np.ndarray, frames: int, length: int) -> np.ndarray:
    """What is said of each window (N, K) of a clip to what is said of each frame (frames, K): its windows' mean."""
    total, count = np.zeros((frames, windows.shape[1])), np.zeros((frames, 1))
    for start, said in zip(window_starts(frames, length), windows, strict=True):
        total[start : start + length] += said
        count[start : start + length] += 1
    return (total / count).astype(np.float32)


def features(windows: Poses) -> np.ndarray:
    """Windows (N, T, ...) to (N, T, FEATURES) float32, the same for the mirror image; what is of the body is the same
    from every side as well.

    Of each pair of joints, left and right, stand the mean and the difference; of the body: bends of joints (cosines),
    heights above the hips, spans between joints, inclinations of bones; of the picture: where each joint moves,
    measured from its mean over the window, for a wrist that stays where it is while the body rises is no press.
    """
    body = windows.joints_3d
    heights = -body[..., 1]
    pairs = [
        *(joint_angle_cosine(*(joint(body, one) for one in joints)) for joints in JOINT_ANGLES),
        *(joint(heights[..., None], one)[..., 0] for one in (SHOULDER, ELBOW, WRIST, KNEE, ANKLE)),
        *(joint(heights[..., None], WRIST)[..., 0] - joint(heights[..., None], o)[..., 0] for o in (SHOULDER, ELBOW)),
        *(np.linalg.norm(joint(body, one) - joint(body, other), axis=-1) for one, other in JOINT_DISTANCES),
        *(-direction(joint(body, other) - joint(body, one))[..., 1] for one, other in BONES),
    ]
    both = np.stack(pairs, axis=-1)  # (N, T, left and right, pairs)
    up = joint(body, SHOULDER).mean(axis=-2)  # (N, T, 3)
    across = joint(body, SHOULDER)
    breast = direction(np.cross(across[..., 0, :] - across[..., 1, :], up))
    widths = [
        np.linalg.norm(joint(body, one)[..., 0, :] - joint(body, one)[..., 1, :], axis=-1)
        for one in (WRIST, ELBOW, KNEE, ANKLE, SHOULDER)
    ]
    ways = windows.joints_image[..., :2] + windows.hip_trajectory[..., None, :]
    ways = ways - ways.mean(axis=1, keepdims=True)
    left, right = ways[..., 0::2, :], ways[..., 1::2, :]
    return np.concatenate(
        [
            both.mean(axis=-2),
            np.abs(both[..., 0, :] - both[..., 1, :]),
            np.stack([-direction(up)[..., 1], *widths, breast[..., 1]], axis=-1),
            (left + right)[..., 1],
            np.abs(left - right)[..., 1],
            np.abs(left - right)[..., 0],
            np.abs(left + right)[..., 0],
        ],
        axis=-1,
    ).astype(np.float32)


def window_statistics(windows: np.ndarray) -> np.ndarray:
    """Features (N, T, D) to what they are like over the window (N, 7 x D) float32: mean, standard deviation, the 5th,
    25th, 75th and 95th percentile, and the mean change from frame to frame."""
    percentiles = np.percentile(windows, [5, 25, 75, 95], axis=1)
    change = np.abs(np.diff(windows, axis=1, prepend=windows[:, :1])).mean(axis=1)
    return np.concatenate([windows.mean(axis=1), windows.std(axis=1), *percentiles, change], axis=1).astype(np.float32)


def joint(points: np.ndarray, number: int) -> np.ndarray:
    """(..., 12, D) to (..., 2, D): one joint, left and right."""
    return points[..., 2 * number : 2 * number + 2, :]


def direction(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), TINY)


def joint_angle_cosine(first: np.ndarray, middle: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The cosine of the angle at `middle`: -1 is straight."""
    return (direction(first - middle) * direction(last - middle)).sum(axis=-1)


def is_standing(body: np.ndarray) -> np.ndarray:
    """(N, 12, 3) to (N,) bool: upright, the legs straight and the arms hanging, as between exercises."""
    straight = [
        joint_angle_cosine(*(joint(body, one) for one in joints)).max(axis=-1) < limit for joints, limit in STRAIGHT
    ]
    heights = -body[..., 1]
    low = heights[..., 2 * WRIST : 2 * WRIST + 2].max(axis=-1) < 0.35
    return np.all([*straight, low, -direction(joint(body, SHOULDER).mean(axis=-2))[..., 1] > 0.94], axis=0)
