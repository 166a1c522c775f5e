import numpy as np

from fitness_tracker.blazepose.skeleton import FACE, PAIRS, Landmark


def test_the_skeleton_has_its_pairs_and_its_face() -> None:
    assert (Landmark.LEFT_HIP, Landmark.RIGHT_FOOT_INDEX) == (23, 32)
    assert (Landmark.LEFT_HIP, Landmark.RIGHT_HIP) in PAIRS
    assert sorted([Landmark.NOSE, *np.ravel(PAIRS)]) == list(range(33))
    assert list(FACE) == list(range(1, 11))
