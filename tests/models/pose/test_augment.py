import dataclasses

import numpy as np
import pytest

from fitness_tracker.core.params import PoseAugmentation, load_params
from fitness_tracker.models.pose.augment import augment_poses, lose_joints, sample_augmented_windows
from fitness_tracker.models.pose.features import (
    ANKLE,
    HIP,
    JOINTS,
    KNEE,
    SHOULDER,
    ClipSequences,
    Poses,
    is_standing,
    joint,
    joint_angle_cosine,
    normalize,
    tracks_from_landmarks,
)
from fitness_tracker.models.pose.idle import idle_windows, slow_noise
from tests.models.pose.test_features import figure, landmarks, moving
from tests.projects import ROOT

AUGMENTATION = load_params(ROOT / "params.yaml").pose_augmentation
NOTHING = PoseAugmentation(0, 0, 0, 0, 1, 0, 0, 0, 0)


def clips() -> ClipSequences:
    still = np.tile(figure(), (30, 1, 1))
    return ClipSequences(
        [tracks_from_landmarks(one, JOINTS) for one in (landmarks(40, moving(40)), landmarks(30, still))]
    )


def plain_windows() -> Poses:
    cut = clips().windows(np.zeros(5, int), np.arange(5.0), np.ones(5), 16)
    return normalize(cut.world, cut.image)


def windows(vary: PoseAugmentation, seed: int = 0, number: int = 40) -> Poses:
    which = np.zeros(number, int)
    return sample_augmented_windows(clips(), which, 16, vary, np.random.default_rng(seed))[0]


def test_the_same_seed_varies_the_same_way() -> None:
    for one, same, other in zip(*(windows(AUGMENTATION, seed).arrays() for seed in (0, 0, 1)), strict=True):
        np.testing.assert_array_equal(one, same)
        assert (one != other).any()


def test_without_variation_windows_stay_as_they_are() -> None:
    plain = plain_windows()
    varied = augment_poses(plain, NOTHING, np.random.default_rng(0))
    for one, other in zip(plain.arrays(), varied.arrays(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_another_camera_keeps_lengths_and_heights() -> None:
    plain = plain_windows()
    turned = augment_poses(plain, dataclasses.replace(NOTHING, yaw_degrees=90), np.random.default_rng(0))
    np.testing.assert_allclose(turned.joints_3d[..., 1], plain.joints_3d[..., 1], atol=1e-5)
    np.testing.assert_allclose(
        np.linalg.norm(turned.joints_3d, axis=-1), np.linalg.norm(plain.joints_3d, axis=-1), atol=1e-5
    )
    assert np.abs(turned.joints_3d[..., 0] - plain.joints_3d[..., 0]).max() > 0.1


@pytest.mark.parametrize("name", ["tilt_degrees", "stretch", "depth", "joint_offset_torsos", "joint_jitter_torsos"])
def test_every_variation_changes_the_body(name: str) -> None:
    plain = plain_windows()
    changed = augment_poses(plain, dataclasses.replace(NOTHING, **{name: 0.1}), np.random.default_rng(0))
    assert np.abs(changed.joints_3d - plain.joints_3d).max() > 1e-4


def test_what_is_lost_does_not_move() -> None:
    lost = lose_joints((200, 16, 12), 0.5, np.random.default_rng(0))
    assert 0.4 < lost.any(axis=(1, 2)).mean() < 0.6
    assert lost[:, 0].sum(axis=1).max() == 4  # a limb on both sides
    varied = windows(dataclasses.replace(NOTHING, joint_dropout=1.0))
    frozen = (np.abs(np.diff(varied.joints_3d, axis=1)).max(axis=(1, 3)) == 0).sum(axis=1)
    assert (frozen >= 1).all()


def test_a_held_frame_of_who_stands_is_no_exercise_and_of_who_bends_is_one() -> None:
    held = dataclasses.replace(NOTHING, freeze_probability=1.0)
    which = np.repeat([0, 1], 50)
    shown, idle = sample_augmented_windows(clips(), which, 16, held, np.random.default_rng(0))
    assert np.abs(np.diff(shown.joints_3d, axis=1)).max() == 0
    assert idle[which == 1].all()
    assert not idle[which == 0].all()
    assert not sample_augmented_windows(clips(), which, 16, NOTHING, np.random.default_rng(0))[1].any()


def test_faster_and_slower_stay_within_the_clip() -> None:
    fast = dataclasses.replace(NOTHING, speed_factor=2.0)
    assert np.isfinite(windows(fast).joints_3d).all()


def test_people_who_do_nothing_stand_or_walk_upright() -> None:
    idle = idle_windows(300, 32, 10.0, np.random.default_rng(0))
    assert idle.joints_3d.shape == (300, 32, 12, 3)
    body = idle.joints_3d
    np.testing.assert_allclose(joint(body, HIP).mean(axis=-2), 0, atol=1e-5)
    assert (joint(body, SHOULDER)[..., 1] < -0.8).all()
    knees = joint_angle_cosine(joint(body, HIP), joint(body, KNEE), joint(body, ANKLE))
    assert knees.max() < -0.3  # nobody squats
    moves = np.abs(np.diff(joint(body, ANKLE), axis=1)).max(axis=(1, 2, 3))
    assert 0.4 < (moves > 0.08).mean() < 0.8  # that many walk
    assert is_standing(body[moves < 0.02].reshape(-1, 12, 3)).mean() > 0.5


def test_slow_noise_has_no_jumps() -> None:
    noise = slow_noise(50, 40, 2, np.random.default_rng(0))
    assert noise.shape == (50, 40, 2)
    assert np.abs(np.diff(noise, axis=1)).max() < 0.4
