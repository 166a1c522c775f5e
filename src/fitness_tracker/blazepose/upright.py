"""Pictures that lie on their side: whoever stands or sits upright in such a shot is turned upright, shot by shot.

The tracker follows people in any direction, so their landmarks alone decide. People who lie are along the picture, too:
a turned shot shows somebody who stands on their legs, and does not look like somebody who lies. Where that is not
clear, nothing is turned. So somebody who stays seated, or is filmed without the legs, mostly remains as they are.
"""

from dataclasses import replace

import numpy as np

from fitness_tracker.blazepose.landmarks import Landmarks, from_integers, to_integers
from fitness_tracker.blazepose.regions import turn_back
from fitness_tracker.blazepose.skeleton import Landmark

MIN_FRAMES = 10  # in which the person is found: a picture alone does not tell

# Cosines of the angles between the picture's vertical, after turning, and the trunk, thighs and shins, mean over time
MIN_TRUNK, MIN_THIGH, MIN_SHIN = 0.8, 0.5, 0.5

# Logistic regression on the numbers of `posture`: fitted on 773 clips, of the corpus and of 72 other groups, in which
# the person is as above when the head is turned up; 605 of them are upright as they are, 168 show who lies or hangs.
# With folds by group, dealt in four ways, the score is wrongly above `MIN_SCORE` in one of 1,365 clips, and rightly in
# 61 to 63 % of the 605. The wrong one shows somebody who lies close to the camera, without head and hands. Of the 1,598
# shots of these clips, one is wrongly turned.
WEIGHTS = np.array([-10.61, 10.92, -10.73, 3.5, 5.96, -2.16])
BIAS, MIN_SCORE = -0.38, 3.5


def turn_upright(landmarks: Landmarks, width: int, height: int) -> Landmarks:
    """The landmarks of a shot of `width` x `height` pixels in its upright picture; see `Landmarks.turns`."""
    turns = quarter_turns(landmarks)
    return turn(landmarks, turns, width, height) if turns else landmarks


def quarter_turns(landmarks: Landmarks) -> int:
    """The quarter turns, as those of `np.rot90`, that put the picture of a shot upright; 0 where that is not clear."""
    seen = landmarks[landmarks.found]
    if len(seen) < MIN_FRAMES:
        return 0
    x, y = trunk(seen.world_landmarks.astype(np.float64))[:, :2].mean(axis=0)
    turns = int(np.argmax([-y, x, y, -x]))  # those that bring the head up
    return turns if turns and stands(turn(seen, turns, 0, 0)) else 0


def stands(landmarks: Landmarks) -> bool:
    """Whether somebody who is found in all frames clearly stands, and does not lie in a picture on its side."""
    world = landmarks.world_landmarks.astype(np.float64)
    legs = [unit(middle(world, end) - middle(world, start)) for start, end in (("HIP", "KNEE"), ("KNEE", "ANKLE"))]
    down = [-trunk(world)[:, 1].mean(), *(leg[:, 1].mean() for leg in legs)]
    if any(part < least for part, least in zip(down, (MIN_TRUNK, MIN_THIGH, MIN_SHIN), strict=True)):
        return False
    return float((WEIGHTS * posture(landmarks)).sum()) + BIAS > MIN_SCORE


def posture(landmarks: Landmarks) -> np.ndarray:
    """(6,) what tells who stands from who lies, of somebody who is found in all frames and whose trunk is upright.

    How far the line through the hips tilts, and that through the shoulders lies in the picture: who lies is mostly
    filmed from the side. How much the hips move up and down, and the wrists sideways, in torso lengths; how much the
    trunk's direction changes; and how steep the feet are.
    """
    world, image = (
        points.astype(np.float64) for points in (landmarks.world_landmarks, landmarks.image_landmarks[..., :2])
    )
    torso = max(float(np.median(np.linalg.norm(middle(image, "SHOULDER") - middle(image, "HIP"), axis=-1))), 1e-6)
    feet = unit(pair(world, "FOOT_INDEX") - pair(world, "HEEL"))
    return np.array([
        np.abs(across(world, "HIP")[:, 1]).mean(),
        middle(image, "HIP")[:, 1].std() / torso,
        trunk(world)[:, 1].std(),
        middle(image, "WRIST")[:, 0].std() / torso,
        np.abs(across(world, "SHOULDER")[:, 0]).mean(),
        np.abs(feet[..., 1]).mean(),
    ])  # fmt: skip


def turn(landmarks: Landmarks, turns: int, width: int, height: int) -> Landmarks:
    """The landmarks after the picture, `width` x `height` pixels so far, is turned by 1 to 3 quarter turns."""
    if turns % 2:
        width, height = height, width
    image, world = landmarks.image_landmarks.copy(), landmarks.world_landmarks.copy()
    image[landmarks.found, :, :2] = turn_points(image[landmarks.found, :, :2], 4 - turns, width, height)
    world[..., :2] = turn_points(world[..., :2], 4 - turns, 0, 0)
    turned = replace(landmarks, image_landmarks=image, world_landmarks=world, turns=(landmarks.turns + turns) % 4)
    return from_integers(to_integers(turned))


def turn_points(points: np.ndarray, turns: int, width: int, height: int) -> np.ndarray:
    """`turn_back` for points (..., 2)."""
    return turn_back(points.reshape(-1, 2), turns, width, height).reshape(points.shape)


def clip_places(landmarks: Landmarks, width: int, height: int) -> np.ndarray:
    """(T, 33, 2) float32: x and y in pixels of the clip's own pictures, `width` x `height`, however they lie."""
    places = landmarks.image_landmarks[..., :2].copy()
    for turns in (1, 2, 3):
        turned = landmarks.turns == turns
        places[turned] = turn_points(places[turned], turns, width, height)
    return places


def pair(points: np.ndarray, name: str) -> np.ndarray:
    """(T, 33, D) to (T, 2, D): the left and the right one."""
    return points[:, [Landmark[f"LEFT_{name}"], Landmark[f"RIGHT_{name}"]]]


def middle(points: np.ndarray, name: str) -> np.ndarray:
    return pair(points, name).mean(axis=1)


def across(world: np.ndarray, name: str) -> np.ndarray:
    """(T, 3) of length 1: from the right to the left."""
    left, right = pair(world, name).swapaxes(0, 1)
    return unit(left - right)


def trunk(world: np.ndarray) -> np.ndarray:
    """(T, 3) of length 1: from the hips to the shoulders."""
    return unit(middle(world, "SHOULDER") - middle(world, "HIP"))


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)
