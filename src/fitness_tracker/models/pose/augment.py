"""Augmentation of poses: other cameras, bodies and speeds, noise, and lost joints."""

import numpy as np

from fitness_tracker.core.params import PoseAugmentation
from fitness_tracker.models.pose.features import ANKLE, ELBOW, KNEE, WRIST, ClipSequences, Poses, is_standing, normalize

LOST = ([KNEE], [ANKLE], [WRIST], [KNEE, ANKLE], [ELBOW, WRIST])  # what the edge of the frame or a bench may hide


def sample_augmented_windows(
    clips: ClipSequences, which: np.ndarray, length: int, augmentation: PoseAugmentation, rng: np.random.Generator
) -> tuple[Poses, np.ndarray]:
    """A window (length frames) of each of the clips `which` (N,): from anywhere in it, faster or slower, and augmented.

    A share `augmentation.freeze_probability` is a single frame repeated, so that pictures can be classified. The second
    result, (N,) bool, marks those of them that show somebody who just stands, and so no exercise.
    """
    speed = augmentation.speed_factor ** rng.uniform(-1, 1, len(which))
    still = rng.random(len(which)) < augmentation.freeze_probability
    speed[still] = 0
    shot, place = clips.pick_shots(which, rng.random(len(which)))
    start = place * np.maximum(clips.sizes[shot] - 1 - (length - 1) * speed, 0)
    cut = clips.windows(shot, start, speed, length)
    windows = normalize(cut.world, cut.image)
    return augment_poses(windows, augmentation, rng), still & is_standing(windows.joints_3d[:, 0])


def augment_poses(windows: Poses, augmentation: PoseAugmentation, rng: np.random.Generator) -> Poses:
    """Windows (N, T, ...) as seen by another camera, of another body; the same change for a whole window."""
    number = len(windows.hip_trajectory)
    turn = rotations(rng.uniform(-augmentation.yaw_degrees, augmentation.yaw_degrees, number), 1)
    turn = (
        rotations(rng.normal(0, augmentation.tilt_degrees, number), 0)
        @ rotations(rng.normal(0, augmentation.tilt_degrees, number), 2)
        @ turn
    )
    stretch = np.exp(rng.normal(0, augmentation.stretch, (number, 1, 1, 3)))
    stretch[..., 2] *= np.exp(rng.normal(0, augmentation.depth, (number, 1, 1)))  # the camera's guess of depth is poor
    lost = lose_joints(windows.joints_3d.shape[:3], augmentation.joint_dropout, rng)
    changed = []
    for points in (windows.joints_3d, windows.joints_image):
        moved = np.einsum("ntjd,ned->ntje", points * stretch, turn)
        moved += rng.normal(0, augmentation.joint_offset_torsos, (number, 1, *points.shape[2:])) + rng.normal(
            0, augmentation.joint_jitter_torsos, points.shape
        )
        changed.append(np.where(lost[..., None], moved.mean(axis=1, keepdims=True), moved).astype(np.float32))
    path = windows.hip_trajectory * np.exp(rng.normal(0, augmentation.depth, (number, 1, 1)))
    return Poses(
        changed[0], changed[1], (path + rng.normal(0, augmentation.joint_jitter_torsos, path.shape)).astype(np.float32)
    )


def rotations(degrees: np.ndarray, axis: int) -> np.ndarray:
    """Angles (N,) to matrices (N, 3, 3) that turn about an axis: 0 pitch, 1 yaw, 2 roll."""
    matrices = np.tile(np.eye(3), (len(degrees), 1, 1))
    first, second = [(1, 2), (0, 2), (0, 1)][axis]
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrices[:, first, first] = matrices[:, second, second] = cosine
    matrices[:, first, second], matrices[:, second, first] = -sine, sine
    return matrices


def lose_joints(shape: tuple[int, ...], share: float, rng: np.random.Generator) -> np.ndarray:
    """(N, T, 12) bool: in a `share` of the windows a joint or a limb is lost, on one side or on both."""
    number, _, joints = shape
    lost = np.zeros((number, joints), bool)
    for window in np.flatnonzero(rng.random(number) < share):
        sides = ((0,), (1,), (0, 1))[rng.integers(3)]
        for part in LOST[rng.integers(len(LOST))]:
            lost[window, [2 * part + side for side in sides]] = True
    return np.broadcast_to(lost[:, None], shape)
