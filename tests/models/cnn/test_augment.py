from dataclasses import replace

import numpy as np
import pytest

from fitness_tracker.core.params import FrameAugmentation
from fitness_tracker.models.cnn.augment import frame_augmenter

STILL = FrameAugmentation(mirror=False, rotate_degrees=0, scale=0, shift=0, brightness=0)


@pytest.fixture
def frames(noise) -> np.ndarray:
    return noise(8, 32, 32, 3)


def test_the_same_seed_gives_the_same_frames_and_another_gives_others(frames: np.ndarray) -> None:
    vary = frame_augmenter(FrameAugmentation(mirror=True, rotate_degrees=10, scale=0.1, shift=0.1, brightness=0.2))
    first, other, again = vary(frames, 1), vary(frames, 2), vary(frames, 1)
    assert first.shape == frames.shape
    assert first.dtype == np.uint8
    assert (first == again).all()
    assert (first != other).any()


def test_nothing_to_vary_leaves_the_frames_as_they_are(frames: np.ndarray) -> None:
    assert (frame_augmenter(STILL)(frames, 1) == frames).all()


def test_mirroring_swaps_left_and_right_of_about_half_the_frames(noise) -> None:
    frames = noise(200, 16, 16, 3)
    vary = frame_augmenter(replace(STILL, mirror=True))
    mirrored = (vary(frames, 3) == frames[:, :, ::-1]).all(axis=(1, 2, 3))
    kept = (vary(frames, 3) == frames).all(axis=(1, 2, 3))
    assert (mirrored ^ kept).all()
    assert 60 < mirrored.sum() < 140


def test_what_moves_in_is_black(noise) -> None:
    frames = np.full((4, 40, 40, 3), 200, np.uint8)
    moved = frame_augmenter(replace(STILL, shift=0.4))(frames, 5)
    assert set(np.unique(moved)) <= set(range(201))
    assert (moved == 0).any()


def test_brightness_keeps_within_its_bounds() -> None:
    frames = np.full((50, 8, 8, 3), 100, np.uint8)
    levels = frame_augmenter(replace(STILL, brightness=0.2))(frames, 1)
    assert levels.min() >= 79
    assert levels.max() <= 121
    assert len(np.unique(levels)) > 5


@pytest.mark.parametrize("name", ["rotate_degrees", "scale", "shift"])
def test_each_movement_moves(name: str) -> None:
    frames = np.zeros((6, 40, 40, 3), np.uint8)
    frames[:, 5:12, 24:34] = 250
    some = replace(STILL, **{name: 20 if name == "rotate_degrees" else 0.3})
    assert (frame_augmenter(some)(frames, 1) != frames).any(axis=(1, 2, 3)).sum() >= 5
