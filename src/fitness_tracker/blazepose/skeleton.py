"""BlazePose's 33 landmarks by name, in the order in which the landmark network gives them."""

from enum import IntEnum, auto
from itertools import pairwise


class Landmark(IntEnum):
    """Row of a landmark in arrays (..., 33, D); left and right are the person's own."""

    NOSE = 0
    LEFT_EYE_INNER = auto()
    LEFT_EYE = auto()
    LEFT_EYE_OUTER = auto()
    RIGHT_EYE_INNER = auto()
    RIGHT_EYE = auto()
    RIGHT_EYE_OUTER = auto()
    LEFT_EAR = auto()
    RIGHT_EAR = auto()
    MOUTH_LEFT = auto()
    MOUTH_RIGHT = auto()
    LEFT_SHOULDER = auto()
    RIGHT_SHOULDER = auto()
    LEFT_ELBOW = auto()
    RIGHT_ELBOW = auto()
    LEFT_WRIST = auto()
    RIGHT_WRIST = auto()
    LEFT_PINKY = auto()
    RIGHT_PINKY = auto()
    LEFT_INDEX = auto()
    RIGHT_INDEX = auto()
    LEFT_THUMB = auto()
    RIGHT_THUMB = auto()
    LEFT_HIP = auto()
    RIGHT_HIP = auto()
    LEFT_KNEE = auto()
    RIGHT_KNEE = auto()
    LEFT_ANKLE = auto()
    RIGHT_ANKLE = auto()
    LEFT_HEEL = auto()
    RIGHT_HEEL = auto()
    LEFT_FOOT_INDEX = auto()
    RIGHT_FOOT_INDEX = auto()


LANDMARKS = len(Landmark)  # 33

# All of the head but the nose
FACE = tuple(point for point in Landmark if Landmark.NOSE < point <= Landmark.MOUTH_RIGHT)

# (left, right) of the 16 pairs of landmarks
PAIRS = tuple((left, Landmark[left.name.replace("LEFT", "RIGHT")]) for left in Landmark if "LEFT" in left.name)

# (start, end) of the bones of each side; none goes from the left to the right
CHAINS = (("SHOULDER", "ELBOW", "WRIST", "INDEX"), ("SHOULDER", "HIP", "KNEE", "ANKLE", "HEEL", "FOOT_INDEX"))
SIDE_BONES = tuple(
    (Landmark[f"{side}_{start}"], Landmark[f"{side}_{end}"])
    for side in ("LEFT", "RIGHT")
    for chain in CHAINS
    for start, end in pairwise(chain)
)
