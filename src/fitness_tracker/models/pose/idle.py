"""Synthetic poses of people who stand or walk: training windows of 'none'."""

import numpy as np

from fitness_tracker.models.pose.augment import rotations
from fitness_tracker.models.pose.features import ANKLE, ELBOW, HIP, KNEE, SHOULDER, WRIST, Poses


def idle_windows(number: int, length: int, fps: float, rng: np.random.Generator) -> Poses:
    """Windows (number, length, ...) of synthetic people who stand or walk, so that nobody needs to record them.

    A jointed figure with the proportions of Drillis and Contini (1966), in torso lengths; 1.6 to 2.2 steps a second.
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
    """(number, length, channels) of smooth random curves, about -1 to 1."""
    knots = rng.normal(0, 0.6, (number, 4, channels))
    at = np.linspace(0, 3, length)
    low = np.minimum(at.astype(int), 2)
    share = (1 - np.cos(np.pi * (at - low))) / 2
    return knots[:, low] * (1 - share[:, None]) + knots[:, low + 1] * share[:, None]
