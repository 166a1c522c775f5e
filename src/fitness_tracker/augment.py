"""Varies what is learnt from: frames by imgaug, poses by moving the camera, the body and the clock."""

from collections.abc import Callable

import numpy as np

from fitness_tracker.params import Augment, Vary
from fitness_tracker.poses import ANKLE, ELBOW, HIP, KNEE, SHOULDER, WRIST, Poses, Sequences, stands

LOST = ([KNEE], [ANKLE], [WRIST], [KNEE, ANKLE], [ELBOW, WRIST])  # what a frame's edge or a bench may hide


def frame_augmenter(augment: Augment) -> Callable[[np.ndarray, int], np.ndarray]:
    """A function of frames (N, H, W, 3) uint8 RGB and a seed: the frames mirrored, turned, moved, brighter or darker.

    The same frames and seed give the same result. What moves in from outside is black, like the bars of the letterbox.
    """
    import imgaug.augmenters as iaa  # 1.7 s

    steps = iaa.Sequential(
        [
            iaa.Fliplr(0.5 * augment.mirror),
            iaa.Affine(
                rotate=(-augment.rotate, augment.rotate),
                scale=(1 - augment.scale, 1 + augment.scale),
                translate_percent=(-augment.shift, augment.shift),
            ),
            iaa.Multiply((1 - augment.brightness, 1 + augment.brightness)),
        ]
    )

    def vary(frames: np.ndarray, seed: int) -> np.ndarray:
        steps.seed_(int(seed))
        return steps(images=frames)

    return vary


def varied_windows(
    clips: Sequences, which: np.ndarray, length: int, vary: Vary, rng: np.random.Generator
) -> tuple[Poses, np.ndarray]:
    """A window (length frames) of each of the clips `which` (N,): from anywhere in it, faster or slower, and varied.

    A share `vary.still` is one frame held, so that single pictures can be judged. Which of those show somebody who just
    stands, and so no exercise, says the second result, (N,) bool.
    """
    speed = vary.speed ** rng.uniform(-1, 1, len(which))
    still = rng.random(len(which)) < vary.still
    speed[still] = 0
    start = rng.random(len(which)) * np.maximum(clips.sizes[which] - 1 - (length - 1) * speed, 0)
    windows = clips.windows(which, start, speed, length)
    return vary_poses(windows, vary, rng), still & stands(windows.body[:, 0])


def vary_poses(windows: Poses, vary: Vary, rng: np.random.Generator) -> Poses:
    """Windows (N, T, ...) as another camera might see other people do the same; each window as a whole."""
    number = len(windows.path)
    turn = rotations(rng.uniform(-vary.yaw, vary.yaw, number), 1)
    turn = rotations(rng.normal(0, vary.tilt, number), 0) @ rotations(rng.normal(0, vary.tilt, number), 2) @ turn
    stretch = np.exp(rng.normal(0, vary.stretch, (number, 1, 1, 3)))
    stretch[..., 2] *= np.exp(rng.normal(0, vary.depth, (number, 1, 1)))  # the camera's guess of depth is poor
    lost = lose_joints(windows.body.shape[:3], vary.missing, rng)
    changed = []
    for points in (windows.body, windows.seen):
        moved = np.einsum("ntjd,ned->ntje", points * stretch, turn)
        moved += rng.normal(0, vary.offset, (number, 1, *points.shape[2:])) + rng.normal(0, vary.jitter, points.shape)
        changed.append(np.where(lost[..., None], moved.mean(axis=1, keepdims=True), moved).astype(np.float32))
    path = windows.path * np.exp(rng.normal(0, vary.depth, (number, 1, 1)))
    return Poses(changed[0], changed[1], (path + rng.normal(0, vary.jitter, path.shape)).astype(np.float32))


def rotations(degrees: np.ndarray, axis: int) -> np.ndarray:
    """Angles (N,) to matrices (N, 3, 3) that turn about an axis: 0 nods, 1 turns about the vertical, 2 leans."""
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


def idle_windows(number: int, length: int, fps: float, rng: np.random.Generator) -> Poses:
    """Windows (number, length, ...) of people who stand or walk, as nobody needs to record them: a jointed figure.

    Proportions are Drillis and Contini's (1966) of body segments, in trunks; a walker takes 1.6 to 2.2 steps a second.
    """
    times = np.arange(length) / fps
    walks = rng.random(number) < 0.6
    stride = 2 * np.pi * rng.uniform(0.8, 1.1, (number, 1)) * times + rng.uniform(0, 2 * np.pi, (number, 1))
    force = np.where(walks, rng.uniform(0.4, 1.1, number), rng.uniform(0, 0.06, number))[:, None]
    sway = slow_noise(number, length, 3, rng) * 0.04
    lift, bent = rng.uniform(0, 12, (2, number, 1))  # degrees that arms stand off and elbows are bent
    gesture = np.maximum(slow_noise(number, length, 2, rng), 0) * rng.choice([0, 25], (number, 1, 1), p=[0.6, 0.4])
    body = np.zeros((number, length, 12, 3))
    for side, sign in enumerate((1.0, -1.0)):  # the person's left is on the picture's right
        swing = np.sin(stride + np.pi * side) * force
        arm = -18 * swing + 4
        elbow = 8 + bent + np.maximum(-10 * swing, 0) + gesture[..., side]
        thigh = 26 * swing
        knee = 4 + 50 * np.maximum(np.cos(stride + np.pi * side), 0) * force
        place = {SHOULDER: (sign * 0.45, -1.0, 0.0), HIP: (sign * 0.33, 0.0, 0.0)}
        for root, chain in ((SHOULDER, ((ELBOW, 0.65, arm), (WRIST, 0.51, arm + elbow))),
                            (HIP, ((KNEE, 0.85, thigh), (ANKLE, 0.85, thigh - knee)))):  # fmt: skip
            at = np.tile(np.array(place[root]), (number, length, 1))
            body[:, :, 2 * root + side] = at
            for part, size, angle in chain:
                out = np.sin(np.radians(lift)) * sign * (root == SHOULDER)
                ahead, down = np.sin(np.radians(angle)), np.cos(np.radians(angle))
                at = at + size * np.stack([np.broadcast_to(out, ahead.shape), down, -ahead], axis=-1)
                body[:, :, 2 * part + side] = at
    body[:, :, : 2 * HIP] += sway[:, :, None] * (1, 0.2, 1)
    turn = rotations(rng.uniform(-180, 180, number), 1)
    body = np.einsum("ntjd,ned->ntje", body, turn)
    way = rng.uniform(-0.3, 2.6, (number, 1)) * walks[:, None] * times
    path = np.stack([-way * turn[:, 0, 2:3], 0.04 * np.cos(2 * stride) * force], axis=-1)
    path += np.cumsum(rng.normal(0, 0.004, path.shape), axis=1)
    path -= np.median(path, axis=1, keepdims=True)
    body -= body[:, :, 2 * HIP : 2 * HIP + 2].mean(axis=2, keepdims=True)
    return Poses(body.astype(np.float32), body.astype(np.float32), path.astype(np.float32))


def slow_noise(number: int, length: int, channels: int, rng: np.random.Generator) -> np.ndarray:
    """(number, length, channels) of smooth random ways, about -1 to 1."""
    knots = rng.normal(0, 0.6, (number, 4, channels))
    at = np.linspace(0, 3, length)
    low = np.minimum(at.astype(int), 2)
    share = (1 - np.cos(np.pi * (at - low))) / 2
    return knots[:, low] * (1 - share[:, None]) + knots[:, low + 1] * share[:, None]
