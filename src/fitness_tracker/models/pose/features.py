"""Poses: landmarks normalised for body size and position, the windows that are cut from them, and their features.

Lengths are in torso lengths, from the middle of the hips to the middle of the shoulders. The vertical axis is kept.

What takes `xp` is written once for arrays and for graphs: `xp` is NumPy, or `keras.ops` for a graph, whose tensors have
operators and slices but no methods. A graph gives the same bits on CPUs with AVX2 and with AVX-512: it avoids square
roots, softmax, and sums over many values of the last axis, for which XNNPACK has code that rounds otherwise.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.blazepose.skeleton import Landmark

NAMES = ("SHOULDER", "ELBOW", "WRIST", "HIP", "KNEE", "ANKLE")
JOINTS = [Landmark[f"{side}_{name}"] for name in NAMES for side in ("LEFT", "RIGHT")]
SHOULDER, ELBOW, WRIST, HIP, KNEE, ANKLE = range(6)  # places in `JOINTS`, halved

JOINT_ANGLES = ((SHOULDER, ELBOW, WRIST), (ELBOW, SHOULDER, HIP), (SHOULDER, HIP, KNEE), (HIP, KNEE, ANKLE))
BONES = ((SHOULDER, ELBOW), (ELBOW, WRIST), (HIP, KNEE), (KNEE, ANKLE), (HIP, SHOULDER))
JOINT_DISTANCES = (
    (WRIST, SHOULDER), (WRIST, HIP), (WRIST, ANKLE), (WRIST, KNEE), (ANKLE, HIP), (ELBOW, HIP), (SHOULDER, ANKLE),
    (SHOULDER, KNEE),
)  # fmt: skip
PAIRS = len(JOINT_ANGLES) + 5 + 2 + len(JOINT_DISTANCES) + len(BONES)  # features of a left and a right joint
FEATURES = 2 * PAIRS + 7 + 4 * 6  # of `features`

BODY = slice(2 * PAIRS + 7)  # those of `features` that come from the body alone, not from its place in the picture
# Those that a moving camera does not change: angles and distances between joints
UNMOVED = np.r_[: len(JOINT_ANGLES), len(JOINT_ANGLES) + 7 : PAIRS - len(BONES)]
UNMOVED = np.r_[UNMOVED, PAIRS + UNMOVED, 2 * PAIRS + 1 : 2 * PAIRS + 6]

STRAIGHT = (
    (JOINT_ANGLES[0], -0.5),
    (JOINT_ANGLES[2], -0.9),
    (JOINT_ANGLES[3], -0.9),
)  # of who stands: cosines at elbows, hips and knees
TINY = 1e-6
PART = 256  # windows that are cut at a time


@dataclass(frozen=True)
class PointTracks:
    """Points of the person of one clip, or windows of many, as BlazePose finds them: landmarks, or some of them."""

    world: np.ndarray  # (..., T, P, 3) float32: metres from the middle of the hips
    image: np.ndarray  # (..., T, P, 3) float32: pixels

    # Frames of each shot of a clip; not given: it is a single one
    shots: tuple[int, ...] = field(default=(), kw_only=True)

    @property
    def shot_sizes(self) -> tuple[int, ...]:
        """Of a clip: the frames of each shot."""
        return self.shots or (len(self.world),)


@dataclass(frozen=True)
class Poses:
    """The person of one clip, or windows of many, in torso lengths: x right, y down, z away from the camera.

    Each shot of a clip, and each window, is normalised by itself: sizes and places of two do not compare.
    """

    joints_3d: np.ndarray  # (..., T, 12, 3) float32: from the middle of the hips, by the world landmarks
    joints_image: np.ndarray  # (..., T, 12, 3) float32: the same by the image landmarks, which err less in x and y
    hip_trajectory: np.ndarray  # (..., T, 2) float32: the middle of the hips in the picture, from its median

    # Frames of each shot of a clip; not given: it is a single one
    shots: tuple[int, ...] = field(default=(), kw_only=True)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.joints_3d, self.joints_image, self.hip_trajectory

    @property
    def shot_sizes(self) -> tuple[int, ...]:
        """Of a clip: the frames of each shot."""
        return self.shots or (len(self.hip_trajectory),)


def poses_from_landmarks(landmarks: Landmarks) -> Poses:
    """The poses of a clip, interpolated where nobody was found; all zero in shots in which nobody ever was."""
    shots = [poses_from_shot(tracks_from_landmarks(shot, JOINTS)) for shot in landmarks.shots()]
    arrays = zip(*(shot.arrays() for shot in shots), strict=True)
    return Poses(*map(np.concatenate, arrays), shots=tuple(len(shot.hip_trajectory) for shot in shots))


def poses_from_shot(tracks: PointTracks) -> Poses:
    poses = normalize(tracks.world.astype(np.float64), tracks.image.astype(np.float64))
    return Poses(*(array.astype(np.float32) for array in poses.arrays()))


def tracks_from_landmarks(landmarks: Landmarks, points: Sequence[int] | slice = slice(None)) -> PointTracks:
    """All landmarks of a clip, or those numbered `points`, interpolated where nobody was found, each shot by itself."""
    shots = landmarks.shots()
    world, image = (
        np.concatenate([
            interpolate_missing(getattr(shot, name)[:, points, :3].astype(np.float64), shot.found) for shot in shots
        ]).astype(np.float32)
        for name in ("world_landmarks", "image_landmarks")
    )  # fmt: skip
    return PointTracks(world, image, shots=tuple(len(shot.found) for shot in shots))


def normalize(world: Any, image: Any, xp: Any = np) -> Poses:
    """Joints (..., T, 12, 3) of clips, in metres and in pixels, to poses: smoothed, in torso lengths from the hips."""
    body, seen = smooth_121(world, xp), smooth_121(image, xp)
    hips = slice(2 * HIP, 2 * HIP + 2)
    body = body - xp.mean(body[..., hips, :], axis=-2, keepdims=True)
    torso = median(length(xp.mean(body[..., :2, :], axis=-2), xp), xp)
    body = body / xp.maximum(torso, TINY)[..., None, None]
    path = xp.mean(seen[..., hips, :], axis=-2)  # (..., T, 3)
    seen = seen - path[..., None, :]
    pixels = median(spread(seen, xp) / xp.maximum(spread(body, xp), TINY), xp)  # per torso length
    pixels = xp.maximum(pixels, TINY)[..., None]
    path = xp.stack([path[..., axis] - median(path[..., axis], xp) for axis in (0, 1)], axis=-1)
    return Poses(body, seen / pixels[..., None], path / pixels)


def median(values: Any, xp: Any = np) -> Any:
    """(..., T) to (..., 1): the median over time."""
    ordered, length = xp.sort(values, axis=-1), values.shape[-1]
    return xp.mean(ordered[..., (length - 1) // 2 : length // 2 + 1], axis=-1, keepdims=True)


def spread(points: Any, xp: Any = np) -> Any:
    """(..., 12, 3) to (...): how far the joints lie apart in x and y."""
    flat = points[..., :2] - xp.mean(points[..., :2], axis=-2, keepdims=True)
    squares = xp.mean(xp.maximum(flat * flat, 1e-24), axis=-2)  # no sum of squares, which XNNPACK takes as one step
    return square_root(squares[..., 0] + squares[..., 1], xp)


def length(vectors: Any, xp: Any = np) -> Any:
    """(..., D) to (...), for D up to 3, of which every CPU takes the sum in the same order."""
    return square_root(xp.sum(vectors * vectors, axis=-1), xp)


def square_root(values: Any, xp: Any = np) -> Any:
    """Of values that are not negative; in a graph with a relative error of 10^-6."""
    return np.sqrt(values) if xp is np else xp.exp(xp.log(xp.maximum(values, 1e-24)) / 2)


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


def smooth_121(values: Any, xp: Any = np) -> Any:
    """(..., T, 12, 3) smoothed over time with weights 1:2:1."""
    wide = xp.concatenate([values[..., :1, :, :], values, values[..., -1:, :, :]], axis=-3)
    return 0.25 * wide[..., :-2, :, :] + 0.5 * wide[..., 1:-1, :, :] + 0.25 * wide[..., 2:, :, :]


def window_starts(frames: int, length: int) -> list[int]:
    """Where windows of `length` frames start in a shot: a quarter of a window apart, the last at the shot's end."""
    if frames <= length:
        return [0]
    return sorted({*range(0, frames - length, max(1, length // 4)), frames - length})


def window_spans(shots: Sequence[int], length: int) -> list[tuple[int, int]]:
    """The frames [start, end) of a clip that each of its windows shows, of `length` frames or of a whole shorter shot.

    `shots` are the frames of each shot: no window shows two.
    """
    first = np.cumsum(shots) - shots
    return [
        (int(begin) + start, int(begin) + min(start + length, frames))
        for begin, frames in zip(first, shots, strict=True)
        for start in window_starts(frames, length)
    ]


class ClipSequences:
    """The tracks of many clips in a row, shot by shot, to cut windows from."""

    def __init__(self, clips: Sequence[PointTracks]) -> None:
        self.sizes = np.array([size for clip in clips for size in clip.shot_sizes])
        self.first = np.cumsum(self.sizes) - self.sizes
        self.arrays = [
            np.concatenate(arrays) for arrays in zip(*((clip.world, clip.image) for clip in clips), strict=True)
        ]
        self.shots = np.array([len(clip.shot_sizes) for clip in clips])  # of each clip
        self.first_shot = np.cumsum(self.shots) - self.shots

    def pick_shots(self, clips: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Clips (N,) and places `at` (N,) in them, 0 to 1, to the numbers of the shots there, and the places in these.

        So a shot is as likely as it is long.
        """
        begin, last = self.first[self.first_shot[clips]], self.first_shot[clips] + self.shots[clips] - 1
        row = begin + at * (self.first[last] + self.sizes[last] - begin)
        shot = np.minimum(np.searchsorted(self.first, row, side="right") - 1, last)
        within = np.clip((row - self.first[shot]) / self.sizes[shot], 0, 1)
        return shot, np.where(self.shots[clips] > 1, within, at)

    def windows(self, which: np.ndarray, start: np.ndarray, speed: np.ndarray, length: int) -> PointTracks:
        """Windows (N, length, ...): the n-th from shot `which[n]`, from frame `start[n]` on, `speed[n]` frames a step.

        A shot that is too short is played forwards and backwards.
        """
        last = self.sizes[which, None] - 1.0
        at = np.mod(start[:, None] + np.arange(length) * speed[:, None], np.maximum(2 * last, 1))
        at = np.clip(np.where(at > last, 2 * last - at, at), 0, last)
        rows = (self.first[which, None] + at).ravel()
        cut = (interpolate_rows(array, rows).reshape(*at.shape, *array.shape[1:]) for array in self.arrays)
        return PointTracks(*(array.astype(np.float32) for array in cut))


def cut_windows(clip: PointTracks, length: int) -> Iterator[PointTracks]:
    """All windows (N, length, ...) of one clip, see `window_spans`; in order, `PART` at a time."""
    starts = [window_starts(frames, length) for frames in clip.shot_sizes]
    shots = np.repeat(np.arange(len(starts)), [len(of_shot) for of_shot in starts])
    places, sequences = np.concatenate(starts).astype(float), ClipSequences([clip])
    for part in (slice(first, first + PART) for first in range(0, len(shots), PART)):
        yield sequences.windows(shots[part], places[part], np.ones(len(shots[part])), length)


def average_windows_per_frame(windows: np.ndarray, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """Probabilities (N, K) of a clip's windows to (T, K): for each frame the mean of the windows that show it.

    `spans` are the frames [start, end) of each window, see `window_spans`.
    """
    frames = max(end for _, end in spans)
    total, count = np.zeros((frames, windows.shape[1])), np.zeros((frames, 1))
    for (start, end), probabilities in zip(spans, windows, strict=True):
        total[start:end] += probabilities
        count[start:end] += 1
    return (total / count).astype(np.float32)


def features(windows: Poses) -> np.ndarray:
    """Windows (N, T, ...) to (N, T, FEATURES) float32; see `compute_features`."""
    return compute_features(windows).astype(np.float32)


def window_features(windows: PointTracks) -> np.ndarray:
    """Windows (N, T, 12, 3) of joints, each normalised by itself, to (N, T, FEATURES) float32."""
    return features(normalize(windows.world, windows.image))


def clip_features(poses: Poses) -> np.ndarray:
    """A clip's T poses to (T, FEATURES) float32."""
    return features(Poses(*(array[None] for array in poses.arrays())))[0]


def compute_features(windows: Poses, xp: Any = np) -> Any:
    """Windows (N, T, ...) to (N, T, FEATURES), invariant to mirroring; what comes from the body is invariant to
    yaw as well.

    For each left and right joint: the mean of the two and their absolute difference. From the body: joint angles
    (cosines), heights above the hips, distances between joints, bone inclinations. From the picture: each joint's
    position relative to its mean over the window, which tells a press from a body that moves below resting wrists.
    """
    body = windows.joints_3d
    heights = -body[..., 1]
    pairs = [
        *(joint_angle_cosine(joint(body, a), joint(body, b), joint(body, c), xp) for a, b, c in JOINT_ANGLES),
        *(joint(heights[..., None], part)[..., 0] for part in (SHOULDER, ELBOW, WRIST, KNEE, ANKLE)),
        *(joint(heights[..., None], WRIST)[..., 0] - joint(heights[..., None], o)[..., 0] for o in (SHOULDER, ELBOW)),
        *(length(joint(body, start) - joint(body, end), xp) for start, end in JOINT_DISTANCES),
        *(-direction(joint(body, end) - joint(body, start), xp)[..., 1] for start, end in BONES),
    ]
    both = xp.stack(pairs, axis=-1)  # (N, T, 2, pairs)
    up = xp.mean(joint(body, SHOULDER), axis=-2)  # (N, T, 3)
    across = joint(body, SHOULDER)
    chest = direction(cross(across[..., 0, :] - across[..., 1, :], up, xp), xp)
    widths = [
        length(joint(body, part)[..., 0, :] - joint(body, part)[..., 1, :], xp)
        for part in (WRIST, ELBOW, KNEE, ANKLE, SHOULDER)
    ]
    moved = windows.joints_image[..., :2] + windows.hip_trajectory[..., None, :]
    moved = moved - xp.mean(moved, axis=1, keepdims=True)
    left, right = moved[..., 0::2, :], moved[..., 1::2, :]
    return xp.concatenate(
        [
            xp.mean(both, axis=-2),
            xp.abs(both[..., 0, :] - both[..., 1, :]),
            xp.stack([-direction(up, xp)[..., 1], *widths, chest[..., 1]], axis=-1),
            (left + right)[..., 1],
            xp.abs(left - right)[..., 1],
            xp.abs(left - right)[..., 0],
            xp.abs(left + right)[..., 0],
        ],
        axis=-1,
    )


def joint(points: Any, number: int) -> Any:
    """(..., 12, D) to (..., 2, D): one joint, left and right."""
    return points[..., 2 * number : 2 * number + 2, :]


def direction(vectors: Any, xp: Any = np) -> Any:
    return vectors / xp.maximum(length(vectors, xp), TINY)[..., None]


def cross(first: Any, second: Any, xp: Any = np) -> Any:
    """The cross product of vectors (..., 3); `ops.cross` has no counterpart in LiteRT."""
    (a, b, c), (d, e, f) = ([vectors[..., axis] for axis in range(3)] for vectors in (first, second))
    return xp.stack([b * f - c * e, c * d - a * f, a * e - b * d], axis=-1)


def joint_angle_cosine(first: Any, middle: Any, last: Any, xp: Any = np) -> Any:
    """The cosine of the angle at `middle`: -1 is straight."""
    return xp.sum(direction(first - middle, xp) * direction(last - middle, xp), axis=-1)


def is_standing(body: np.ndarray) -> np.ndarray:
    """(N, 12, 3) to (N,) bool: upright, the legs straight and the arms hanging, as between exercises."""
    straight = [
        joint_angle_cosine(*(joint(body, part) for part in joints)).max(axis=-1) < limit for joints, limit in STRAIGHT
    ]
    heights = -body[..., 1]
    low = heights[..., 2 * WRIST : 2 * WRIST + 2].max(axis=-1) < 0.35
    return np.all([*straight, low, -direction(joint(body, SHOULDER).mean(axis=-2))[..., 1] > 0.94], axis=0)
