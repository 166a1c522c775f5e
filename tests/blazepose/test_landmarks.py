from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.blazepose.landmarks import Landmarks, read_landmarks, to_integers, write_landmarks
from fitness_tracker.core.errors import UserError


@pytest.fixture
def landmarks() -> Landmarks:
    random = np.random.default_rng(0)
    image = np.concatenate([random.uniform(-100, 1000, (5, 33, 3)), random.uniform(0, 1, (5, 33, 1))], axis=-1)
    world = random.uniform(-2, 2, (5, 33, 3))
    found, shot = np.array([True, False, True, True, True]), np.array([0, 0, 1, 1, 2], np.int32)
    return Landmarks(image, world, np.arange(5, dtype=np.float32) / 10, found, shot, shot == 1, turns=1)


def test_landmarks_are_read_as_they_were_written_to_half_a_step(landmarks: Landmarks, tmp_path: Path) -> None:
    (tmp_path / "clip.npz").write_bytes(write_landmarks(landmarks))
    read = read_landmarks(tmp_path / "clip.npz")
    arrays = [array for name, array in vars(read).items() if name != "turns"]
    assert {array.dtype.name for array in arrays} == {"float32", "bool", "int32"}
    np.testing.assert_allclose(read.image_landmarks[..., :3], landmarks.image_landmarks[..., :3], atol=1 / 16 + 1e-4)
    np.testing.assert_allclose(read.image_landmarks[..., 3], landmarks.image_landmarks[..., 3], atol=1 / 510 + 1e-6)
    np.testing.assert_allclose(read.world_landmarks, landmarks.world_landmarks, atol=1 / 8000 + 1e-6)
    np.testing.assert_array_equal(read.times, landmarks.times)
    for name in ("found", "shot", "several"):
        np.testing.assert_array_equal(getattr(read, name), getattr(landmarks, name))
    assert read.turns == landmarks.turns
    assert write_landmarks(read) == write_landmarks(landmarks)  # rounding twice is rounding once


def test_a_part_and_the_shots_keep_all_that_is_known(landmarks: Landmarks) -> None:
    assert [len(shot) for shot in landmarks.shots()] == [2, 2, 1]
    middle = landmarks.shots()[1]
    assert middle.shot.tolist() == [1, 1]
    assert middle.several.all()
    assert middle.turns == 1
    assert landmarks[np.array([0, 4])].shot.tolist() == [0, 2]


def test_without_more_a_clip_is_one_shot_of_one_person(landmarks: Landmarks) -> None:
    plain = Landmarks(landmarks.image_landmarks, landmarks.world_landmarks, landmarks.times, landmarks.found)
    assert not plain.shot.any()
    assert not plain.several.any()
    assert [len(shot) for shot in plain.shots()] == [5]
    assert len(plain[:0].shots()) == 1


def test_what_is_too_far_away_for_an_integer_is_put_at_its_end(landmarks: Landmarks) -> None:
    landmarks.image_landmarks[0, 0] = (1e9, -1e9, 0, 1)
    integers = to_integers(landmarks)
    assert integers["image"][0, 0].tolist() == [32767, -32768, 0]
    assert integers["visibility"][0, 0] == 255


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK"])
def test_what_holds_no_landmarks_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clip.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"clip\.npz: holds no landmarks; run the landmarks stage again$"):
        read_landmarks(tmp_path / "clip.npz")


@pytest.mark.parametrize(
    "change", [{"image": np.zeros((5, 33, 4), np.int16)}, {"found": np.zeros(4, bool)}, {"world": 0}]
)
def test_arrays_of_another_shape_are_no_landmarks(landmarks: Landmarks, tmp_path: Path, change: dict) -> None:
    np.savez(tmp_path / "clip.npz", **({"format_version": 2} | to_integers(landmarks) | change))
    with pytest.raises(UserError, match=r"clip\.npz: holds no landmarks"):
        read_landmarks(tmp_path / "clip.npz")


def test_landmarks_of_another_format_are_told(landmarks: Landmarks, tmp_path: Path) -> None:
    np.savez(tmp_path / "old.npz", image_landmarks=landmarks.image_landmarks)  # as before there was a version
    np.savez(tmp_path / "new.npz", format_version=3, image=0)
    for name, version in (("old", 0), ("new", 3)):
        with pytest.raises(UserError, match=rf"{name}\.npz: holds landmarks of format {version}, not 2; run the"):
            read_landmarks(tmp_path / f"{name}.npz")
