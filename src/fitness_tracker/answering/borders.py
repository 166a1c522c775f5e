"""Where one exercise ends and the next begins, if there is no pause between: where no repetition is cut in two."""

from collections.abc import Sequence

import numpy as np

from fitness_tracker.answering.repetitions import Movement
from fitness_tracker.answering.timeline import Stretch
from fitness_tracker.models.classifier import NONE
from fitness_tracker.models.pose.features import BODY, Poses, clip_features

REACH_S = 1.5  # a border is off by at most so much: half a window


def settle_borders(
    stretches: Sequence[Stretch], movements: Sequence[Movement | None], poses: Poses, pauses: np.ndarray, fps: float
) -> list[Stretch]:
    """The stretches of a clip's T poses, the borders between two exercises moved to where the movement changes.

    A repetition goes from one posture to another and back, so each frame near the border is nearer to the way between
    the two postures of the exercise before, or of the one after. `movements` are those of the stretches, `pauses` (T,)
    bool the frames of pauses.
    """
    settled, reach = list(stretches), max(1, round(REACH_S * fps))
    if len(stretches) < 2:
        return settled
    values = clip_features(poses)[:, BODY].astype(np.float64)
    for after in range(1, len(settled)):
        pair = settled[after - 1 : after + 1]
        border = pair[1].start
        near = np.arange(max(pair[0].start + 1, border - reach), min(pair[1].end, border + reach))
        if any(stretch.exercise == NONE for stretch in pair) or pauses[near].any():
            continue
        ways = [
            way_of(*one, values, near, fps)
            for one in zip(stretches[after - 1 : after + 1], movements[after - 1 : after + 1], strict=True)
        ]
        if all(ways):
            before, behind = (distance(values[near], *way) for way in ways if way)
            border = int(near[np.argmin(np.cumsum(before - behind) - (before - behind))])
            settled[after - 1 : after + 1] = pair[0]._replace(end=border), pair[1]._replace(start=border)
    return settled


def way_of(
    stretch: Stretch, movement: Movement | None, values: np.ndarray, near: np.ndarray, fps: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """The two postures (F,) between which a stretch's repetitions go, by the features (T, F) of the clip away from the
    border, `near` (N,); None if it has none."""
    kinds = (movement.starts_s, movement.times_s) if movement else ()
    frames = [[stretch.start + round(time * fps) for time in times] for times in kinds]
    away = [[frame for frame in some if frame not in near] for some in frames]
    return (values[away[0]].mean(axis=0), values[away[1]].mean(axis=0)) if away and all(away) else None


def distance(values: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(N, F) to (N,): how far each is from the straight way between two points (F,)."""
    way = end - start
    share = np.clip(((values - start) * way).sum(axis=1) / max(float((way * way).sum()), 1e-9), 0, 1)
    return np.linalg.norm(values - start - share[:, None] * way, axis=1)
