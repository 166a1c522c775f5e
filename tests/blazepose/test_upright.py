"""Clips on their side, and people who lie."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.blazepose.landmarks import Landmarks, read_landmarks
from fitness_tracker.blazepose.skeleton import Landmark
from fitness_tracker.blazepose.tracker import PoseTracker
from fitness_tracker.blazepose.upright import MIN_FRAMES, clip_places, find_turns, turn, turn_upright
from fitness_tracker.video.ffmpeg import read_frames

SIZE = (640, 480)  # pixels


def of_exercise(folder: Path, exercise: str) -> list[Landmarks]:
    return [read_landmarks(path) for path in sorted((folder / exercise).glob("*.npz"))]


@pytest.mark.parametrize(
    ("filters", "turns"),
    [("transpose=clock", 1), ("transpose=cclock", 3), ("hflip,vflip", 2)],
    ids=["cw", "ccw", "half"],
)
def test_a_clip_on_its_side_or_head_is_turned_upright(
    drawn: Path, make_clip: Callable[..., bytes], networks: dict[str, bytes], filters: str, turns: int
) -> None:
    """And `clip_places` are where the person is in the picture as it lies."""
    clip = drawn / "videos/jumping_jack/person01__1.mp4"
    tracker = PoseTracker(**networks)

    def track(content: bytes) -> Landmarks:
        return tracker.track((number / 10, frame) for number, frame in enumerate(read_frames(content, 10, "pad")))

    upright, turned = track(clip.read_bytes()), track(make_clip("-i", str(clip), "-vf", filters))
    assert (upright.turns, turned.turns) == (0, turns)
    assert np.abs(turned.world_landmarks - upright.world_landmarks)[:, 11:, 1].mean() < 0.08
    head, feet = (clip_places(turned, *SIZE)[:, point].mean(axis=0) for point in (Landmark.NOSE, Landmark.LEFT_HEEL))
    up = {1: (1, 0), 3: (-1, 0), 2: (0, 1)}[turns]  # where the head is in the picture as it lies
    assert (head - feet) @ up > 100
    assert (clip_places(turned, *SIZE).mean(axis=(0, 1)) < SIZE).all()


def test_people_who_lie_are_not_turned(drawn_landmarks: Path) -> None:
    planks = of_exercise(drawn_landmarks, "plank")
    assert len(planks) == 6
    assert [find_turns(plank) for plank in planks] == [0] * 6


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_most_who_stand_are_turned_back_and_nobody_is_turned_to_the_wrong_side(
    drawn_landmarks: Path, turns: int
) -> None:
    standing = of_exercise(drawn_landmarks, "squat") + of_exercise(drawn_landmarks, "jumping_jack")
    assert [find_turns(one) for one in standing] == [0] * 12
    found = [find_turns(turn(one, turns, *SIZE)) for one in standing]
    assert set(found) <= {0, 4 - turns}
    assert found.count(4 - turns) >= 9


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turning_there_and_back_changes_nothing(drawn_landmarks: Path, turns: int) -> None:
    jacks = of_exercise(drawn_landmarks, "jumping_jack")[0]
    lying = turn(jacks, turns, *SIZE)
    assert lying.turns == turns
    np.testing.assert_array_equal(clip_places(lying, *SIZE)[jacks.found], jacks.image_landmarks[jacks.found, :, :2])
    back = turn(lying, 4 - turns, *(SIZE if turns == 2 else SIZE[::-1]))
    assert back.turns == 0
    np.testing.assert_array_equal(back.image_landmarks, jacks.image_landmarks)
    np.testing.assert_array_equal(back.world_landmarks, jacks.world_landmarks)


def test_a_moment_does_not_tell(drawn_landmarks: Path) -> None:
    lying = turn(of_exercise(drawn_landmarks, "jumping_jack")[0], 1, *SIZE)
    assert find_turns(lying) == 3
    assert find_turns(lying[: MIN_FRAMES - 1]) == 0


def test_nobody_is_not_turned() -> None:
    nobody = Landmarks(np.zeros((20, 33, 4)), np.zeros((20, 33, 3)), np.arange(20) / 10, np.zeros(20, bool))
    assert turn_upright(nobody, *SIZE) is nobody
