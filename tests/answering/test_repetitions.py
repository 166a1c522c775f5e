"""Repetitions are counted from movement alone."""

import csv
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.answering import repetitions
from fitness_tracker.answering.repetitions import Movement, find_turns, measure_movement
from fitness_tracker.blazepose.landmarks import read_landmarks
from fitness_tracker.models.pose.features import Poses, poses_from_landmarks

FPS = 10.0
STANDING = np.array(  # shoulders, elbows, wrists, hips, knees, ankles; left and right; y is down
    [
        [0.25, -1, 0], [-0.25, -1, 0], [0.3, -0.5, 0], [-0.3, -0.5, 0], [0.3, 0, 0], [-0.3, 0, 0],
        [0.15, 0, 0], [-0.15, 0, 0], [0.15, 0.8, 0], [-0.15, 0.8, 0], [0.15, 1.6, 0], [-0.15, 1.6, 0],
    ]
)  # fmt: skip


def raise_arms(left: np.ndarray, right: np.ndarray | None = None) -> Poses:
    """Somebody whose straight arms are raised by `left` and `right` (T,), 0 to 1, from hanging to overhead."""
    body = np.repeat(STANDING[None], len(left), axis=0)
    for side, raised in enumerate((left, left if right is None else right)):
        angle, outwards = np.pi * raised, 1 - 2 * side
        way = np.stack([outwards * np.sin(angle), np.cos(angle), 0 * angle], axis=-1)
        for joint, length in ((1, 0.5), (2, 1.0)):
            body[:, 2 * joint + side] = body[:, side] + length * way
    body = body.astype(np.float32)
    return Poses(body, body.copy(), np.zeros((len(left), 2), np.float32))


def waves(period: float, number: int) -> np.ndarray:
    """(T,) from 0 to 1 and back, `number` times, `period` seconds each."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(round(period * number * FPS) + 1) / (period * FPS))


def count(poses: Poses) -> int:
    return len(measure_movement(poses, FPS).times_s)


@pytest.mark.parametrize("period", [0.4, 0.6, 1, 2, 4, 8])
@pytest.mark.parametrize("number", [1, 2, 5, 12])
def test_every_repetition_counts(period: float, number: int) -> None:
    assert count(raise_arms(waves(period, number))) == number


def test_the_time_of_a_repetition_is_its_far_end() -> None:
    movement = measure_movement(raise_arms(waves(2, 4)), FPS)
    np.testing.assert_allclose(movement.times_s, [1, 3, 5, 7], atol=0.21)
    np.testing.assert_allclose(movement.starts_s, [0, 2, 4, 6, 8], atol=0.21)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_clip_that_ends_at_a_far_end_has_its_time_too(monkeypatch: pytest.MonkeyPatch, sign: int) -> None:
    """There are as many starts then; and a principal component has whatever sign LAPACK gives it."""
    plain = repetitions.principal_components

    def signed(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        components, shares = plain(values)
        return sign * components, shares

    monkeypatch.setattr(repetitions, "principal_components", signed)
    movement = measure_movement(raise_arms(waves(2, 5)[: round(9 * FPS) + 1]), FPS)
    np.testing.assert_allclose(movement.times_s, [1, 3, 5, 7, 9], atol=0.21)
    np.testing.assert_allclose(movement.starts_s, [0, 2, 4, 6, 8], atol=0.21)


def test_frames_can_be_left_out() -> None:
    """As if they had been cut out, but times are the clip's own."""
    wave = waves(2, 1)
    poses = raise_arms(np.r_[wave, np.zeros(100), wave])
    counted = np.r_[np.ones(24, bool), np.zeros(94, bool), np.ones(24, bool)]
    np.testing.assert_allclose(measure_movement(poses, FPS, counted).times_s, [1, 13.1], atol=0.11)


def test_alternating_sides_count_one_each() -> None:
    wave, still = waves(1.5, 1)[:-1], np.zeros(15)
    left, right = np.tile(np.r_[wave, still], 4), np.tile(np.r_[still, wave], 4)
    assert count(raise_arms(left, right)) == 8


def test_drift_does_not_count() -> None:
    poses = raise_arms(waves(2, 6))
    poses.hip_trajectory[:, 0] = np.linspace(-1, 1, len(poses.hip_trajectory))
    assert count(poses) == 6


def test_a_cut_to_another_view_does_not_count() -> None:
    poses = raise_arms(waves(2, 6))
    poses.joints_image[60:] *= 1.5
    poses.joints_image[60:, :, 0] *= 0.3
    poses.hip_trajectory[60:] += (1.0, 0.5)
    assert count(poses) == 6


def test_a_hold_at_the_far_end_counts_once() -> None:
    wave = waves(3, 1)
    held = np.r_[wave[:16], np.ones(50), wave[16:]]
    assert count(raise_arms(np.r_[held, held])) == 2


@pytest.mark.parametrize("cut", [0.2, 0.3, 0.35])
def test_a_swing_that_the_end_cuts_off_does_not_count(cut: float) -> None:
    """Not even after a single whole one, and neither at the begin."""
    wave = 0.6 * waves(4, 2)
    number = len(wave) // 2 + round(cut * 40)
    assert count(raise_arms(wave[:number])) == 1
    assert count(raise_arms(wave[::-1][-number:])) == 1


def test_noise_does_not_count() -> None:
    noise = np.random.default_rng(0).normal(0, 0.03, (2, 101))
    assert count(raise_arms(waves(2, 5) + noise[0], waves(2, 5) + noise[1])) == 5


def test_who_hardly_moves_repeats_nothing_clearly() -> None:
    assert not measure_movement(raise_arms(0.3 + 0.01 * waves(3, 4)), FPS).is_clearly_repeated


def test_who_repeats_exercises() -> None:
    movement = measure_movement(raise_arms(waves(2, 5)), FPS)
    assert movement.is_clearly_repeated
    assert movement.periodicity > 0.9


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_too_few_frames_have_no_movement(frames: int) -> None:
    assert measure_movement(raise_arms(np.zeros(frames)), FPS) == Movement()


@pytest.mark.parametrize("frames", [3, 4, 100])
def test_nobody_and_nothing_have_no_repetitions(frames: int) -> None:
    nobody = Poses(*(np.zeros((frames, *shape), np.float32) for shape in ((12, 3), (12, 3), (2,))))
    for poses in (nobody, raise_arms(np.zeros(frames))):
        assert measure_movement(poses, FPS) == Movement()


def test_turns_alternate() -> None:
    signal = np.random.default_rng(1).normal(size=500).cumsum()
    turns = find_turns(signal, FPS)
    assert all(one[1] != other[1] and one[0] < other[0] for one, other in pairwise(turns))


def test_upside_down_is_the_same() -> None:
    signal = np.random.default_rng(2).normal(size=500).cumsum()
    assert find_turns(-signal, FPS) == [(index, not is_maximum) for index, is_maximum in find_turns(signal, FPS)]


def test_an_hour_takes_seconds() -> None:
    began = time.process_time()
    assert abs(count(raise_arms(waves(3, 1200))) - 1200) <= 1
    assert time.process_time() - began < 60


def test_drawn_people_are_counted(drawn: Path, drawn_landmarks: Path) -> None:
    with (drawn / "truth.csv").open(newline="") as file:
        truth = {row["clip"]: int(row["repetitions"]) for row in csv.DictReader(file)}
    right = [
        count(poses_from_landmarks(read_landmarks((drawn_landmarks / clip).with_suffix(".npz")))) == number
        for clip, number in truth.items()
        if number
    ]
    assert len(right) > 10
    assert np.mean(right) >= 0.95
