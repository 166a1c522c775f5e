"""Shots on their side, and people who lie."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.blazepose.landmarks import Landmarks, read_landmarks
from fitness_tracker.blazepose.skeleton import Landmark
from fitness_tracker.blazepose.tracker import PoseTracker
from fitness_tracker.blazepose.upright import MIN_FRAMES, clip_places, quarter_turns, turn, turn_upright
from fitness_tracker.video.ffmpeg import read_frames

SIZE = (640, 480)  # pixels
POINTS = (Landmark.NOSE, Landmark.LEFT_HEEL)


def of_exercise(folder: Path, exercise: str) -> list[Landmarks]:
    return [read_landmarks(path) for path in sorted((folder / exercise).glob("*.npz"))]


def track(content: bytes, networks: dict[str, bytes]) -> Landmarks:
    frames = ((number / 10, frame) for number, frame in enumerate(read_frames(content, 10, "pad")))
    return PoseTracker(**networks).track(frames)


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
    upright, turned = (track(one, networks) for one in (clip.read_bytes(), make_clip("-i", str(clip), "-vf", filters)))
    assert upright.turns.tolist() == [0] * len(upright)
    assert turned.turns.tolist() == [turns] * len(turned)
    assert np.abs(turned.world_landmarks - upright.world_landmarks)[:, 11:, 1].mean() < 0.08
    head, feet = (clip_places(turned, *SIZE)[:, point].mean(axis=0) for point in POINTS)
    up = {1: (1, 0), 3: (-1, 0), 2: (0, 1)}[turns]  # where the head is in the picture as it lies
    assert (head - feet) @ up > 100
    assert (clip_places(turned, *SIZE).mean(axis=(0, 1)) < SIZE).all()


def test_each_shot_is_turned_by_itself(
    drawn: Path, make_clip: Callable[..., bytes], networks: dict[str, bytes]
) -> None:
    """A clip, and the same once more on its side."""
    half = str(drawn / "videos/jumping_jack/person01__1.mp4")
    fit = "scale=640:480:force_original_aspect_ratio=decrease,pad=640:480:-1:-1,setsar=1"
    filters = f"[0]{fit}[up];[1]transpose=clock,{fit}[side];[up][side]concat"
    both = track(make_clip("-i", half, "-i", half, "-filter_complex", filters), networks)
    upright, turned = both.shots()
    assert len(upright) == len(turned)
    assert not upright.turns.any()
    assert (turned.turns == 1).all()
    assert np.abs(turned.world_landmarks - upright.world_landmarks)[:, 11:, 1].mean() < 0.08
    for shot, up in ((upright, (0, -1)), (turned, (1, 0))):  # where the head is in the picture as it lies
        head, feet = (clip_places(both, *SIZE)[both.shot == shot.shot[0], point].mean(axis=0) for point in POINTS)
        assert (head - feet) @ up > 100


def test_people_who_lie_are_not_turned(drawn_landmarks: Path) -> None:
    planks = of_exercise(drawn_landmarks, "plank")
    assert len(planks) == 6
    assert [quarter_turns(plank) for plank in planks] == [0] * 6


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_most_who_stand_are_turned_back_and_nobody_is_turned_to_the_wrong_side(
    drawn_landmarks: Path, turns: int
) -> None:
    standing = of_exercise(drawn_landmarks, "squat") + of_exercise(drawn_landmarks, "jumping_jack")
    assert [quarter_turns(one) for one in standing] == [0] * 12
    found = [quarter_turns(turn(one, turns, *SIZE)) for one in standing]
    assert set(found) <= {0, 4 - turns}
    assert found.count(4 - turns) >= 9


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turning_there_and_back_changes_nothing(drawn_landmarks: Path, turns: int) -> None:
    jacks = of_exercise(drawn_landmarks, "jumping_jack")[0]
    lying = turn(jacks, turns, *SIZE)
    assert (lying.turns == turns).all()
    np.testing.assert_array_equal(clip_places(lying, *SIZE)[jacks.found], jacks.image_landmarks[jacks.found, :, :2])
    back = turn(lying, 4 - turns, *(SIZE if turns == 2 else SIZE[::-1]))
    assert not back.turns.any()
    np.testing.assert_array_equal(back.image_landmarks, jacks.image_landmarks)
    np.testing.assert_array_equal(back.world_landmarks, jacks.world_landmarks)


def test_a_moment_does_not_tell(drawn_landmarks: Path) -> None:
    lying = turn(of_exercise(drawn_landmarks, "jumping_jack")[0], 1, *SIZE)
    assert quarter_turns(lying) == 3
    assert quarter_turns(lying[: MIN_FRAMES - 1]) == 0


def test_nobody_is_not_turned() -> None:
    nobody = Landmarks(np.zeros((20, 33, 4)), np.zeros((20, 33, 3)), np.arange(20) / 10, np.zeros(20, bool))
    assert turn_upright(nobody, *SIZE) is nobody
