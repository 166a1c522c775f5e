import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.models.pose.augment import rotations
from fitness_tracker.models.pose.features import (
    ANKLE,
    FEATURES,
    HIP,
    JOINTS,
    KNEE,
    SHOULDER,
    WRIST,
    ClipSequences,
    PointTracks,
    Poses,
    average_windows_per_frame,
    cut_windows,
    features,
    interpolate_missing,
    is_standing,
    normalize,
    poses_from_landmarks,
    tracks_from_landmarks,
    window_features,
    window_spans,
    window_starts,
)

RNG = np.random.default_rng(0)
FIRST_FIELDS = ("image_landmarks", "world_landmarks", "times", "found")


def figure() -> np.ndarray:
    """(12, 3) of somebody who stands, arms hanging, facing the camera: right, down, away, in torso lengths."""
    sides = []
    for sign in (1, -1):
        arm = [(0.45 * sign, -1, 0), (0.5 * sign, -0.4, 0.05), (0.5 * sign, 0.1, 0)]
        leg = [(0.33 * sign, 0, 0), (0.33 * sign, 0.85, -0.03), (0.33 * sign, 1.7, 0)]
        sides.append(np.array(arm + leg, float))
    return np.stack(sides, axis=1).reshape(12, 3)


def landmarks(frames: int, metres: np.ndarray, scale: float = 200.0) -> Landmarks:
    """Landmarks of a body (frames, 12, 3) in torso lengths of half a metre, seen `scale` pixels large at (320, 240)."""
    points, world = np.zeros((frames, 33, 4)), np.zeros((frames, 33, 3))
    world[:, JOINTS] = metres * 0.5
    points[:, JOINTS, :3] = metres * scale + (320, 240, 0)
    return Landmarks(points.astype(np.float32), world.astype(np.float32), np.arange(frames) / 10, np.ones(frames, bool))


def moving(frames: int) -> np.ndarray:
    """(frames, 12, 3): the figure bends its knees and lifts one arm."""
    effort = (1 - np.cos(np.linspace(0, 4, frames)))[:, None] / 2
    body = np.tile(figure(), (frames, 1, 1))
    body[:, 2 * WRIST] += effort * (0.1, -1.2, -0.3)
    body[:, 2 * KNEE : 2 * KNEE + 2] += effort[:, None] * (0, -0.3, -0.5)
    body[:, 2 * ANKLE : 2 * ANKLE + 2] += effort[:, None] * (0, -0.6, 0)
    return body


def test_poses_are_in_torso_lengths_from_the_hips() -> None:
    found = poses_from_landmarks(landmarks(30, moving(30)))
    assert [one.shape for one in found.arrays()] == [(30, 12, 3), (30, 12, 3), (30, 2)]
    assert all(one.dtype == np.float32 for one in found.arrays())
    np.testing.assert_allclose(found.joints_3d[0], figure(), atol=0.02)
    np.testing.assert_allclose(found.joints_image[0], figure(), atol=0.02)


@pytest.mark.parametrize("scale", [60.0, 300.0])
def test_how_large_somebody_is_seen_does_not_matter(scale: float) -> None:
    one, other = (
        poses_from_landmarks(landmarks(20, moving(20) + np.array([0.3, 0, 0]), size)) for size in (100.0, scale)
    )
    for first, second in zip(one.arrays(), other.arrays(), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-3)


def test_the_path_is_the_way_of_the_hips_through_the_picture() -> None:
    rising = moving(41)
    marks = landmarks(41, rising)
    marks.image_landmarks[:, :, 1] -= np.linspace(0, 100, 41)[:, None]  # half a torso length, upwards
    path = poses_from_landmarks(marks).hip_trajectory
    assert path[-1, 1] - path[0, 1] == pytest.approx(-0.5, abs=0.02)
    assert np.abs(path[:, 0]).max() < 0.01


def test_frames_without_a_person_are_bridged() -> None:
    values = np.arange(8.0)[:, None] * 2
    found = np.array([False, True, False, False, True, True, False, False])
    filled = interpolate_missing(np.where(found[:, None], values, 0), found)
    np.testing.assert_allclose(filled[:, 0], [2, 2, 4, 6, 8, 10, 10, 10])


def test_a_clip_of_nobody_is_all_zero() -> None:
    empty = Landmarks(np.zeros((5, 33, 4)), np.zeros((5, 33, 3)), np.arange(5) / 10, np.zeros(5, bool))
    found = poses_from_landmarks(empty)
    assert all((one == 0).all() for one in found.arrays())
    (cut,) = cut_windows(tracks_from_landmarks(empty, JOINTS), 8)
    assert np.isfinite(window_features(cut)).all()


def windows(number: int = 3, length: int = 16) -> Poses:
    clip = tracks_from_landmarks(landmarks(40, moving(40)), JOINTS)
    start = RNG.uniform(0, 20, number)
    cut = ClipSequences([clip]).windows(np.zeros(number, int), start, np.ones(number), length)
    return normalize(cut.world, cut.image)


def test_features_have_their_shape() -> None:
    found = features(windows())
    assert found.shape == (3, 16, FEATURES)
    assert found.dtype == np.float32


def test_features_of_the_body_are_the_same_from_every_side() -> None:
    plain = windows()
    turn = rotations(np.array([35.0]), 1)[0].T
    turned = Poses((plain.joints_3d @ turn).astype(np.float32), plain.joints_image, plain.hip_trajectory)
    np.testing.assert_allclose(features(turned), features(plain), atol=1e-4)


def test_features_of_the_mirror_image_are_the_same() -> None:
    plain = windows()
    swap = np.arange(12).reshape(6, 2)[:, ::-1].ravel()
    flip = np.array([-1, 1, 1])
    mirrored = Poses(
        plain.joints_3d[:, :, swap] * flip, plain.joints_image[:, :, swap] * flip, plain.hip_trajectory * flip[:2]
    )
    np.testing.assert_allclose(features(mirrored), features(plain), atol=1e-5)


def test_features_tell_a_rising_body_under_fixed_hands_from_hands_that_rise() -> None:
    """A pull-up and a press are one movement of the body; in the picture they are two."""
    plain = windows()
    press = Poses(plain.joints_3d, plain.joints_image, np.zeros_like(plain.hip_trajectory))
    lift = np.zeros_like(plain.hip_trajectory)
    lift[..., 1] = -(plain.joints_image[:, :, 2 * WRIST, 1] - plain.joints_image[:, :1, 2 * WRIST, 1])
    pull = Poses(plain.joints_3d, plain.joints_image, lift)
    assert np.abs(features(press) - features(pull)).max() > 0.3


@given(st.integers(1, 300), st.integers(2, 60))
def test_windows_cover_every_frame_and_end_with_the_clip(frames: int, length: int) -> None:
    starts = window_starts(frames, length)
    covered = {frame for start in starts for frame in range(start, start + length)}
    assert covered >= set(range(frames))
    assert max(starts) == max(0, frames - length)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=5), st.integers(2, 30))
def test_no_window_shows_two_shots(shots: list[int], length: int) -> None:
    cuts = np.cumsum([0, *shots])
    spans = window_spans(shots, length)
    for start, end in spans:
        assert np.searchsorted(cuts, start, side="right") == np.searchsorted(cuts, end, side="left")
    assert {frame for start, end in spans for frame in range(start, end)} == set(range(sum(shots)))


def test_each_shot_is_normalised_by_itself() -> None:
    near, far = landmarks(30, moving(30), 100.0), landmarks(20, moving(20), 40.0)
    both = Landmarks(
        *(np.concatenate([getattr(near, name), getattr(far, name)]) for name in FIRST_FIELDS),
        shot=np.repeat([0, 1], [30, 20]).astype(np.int32),
    )
    found = poses_from_landmarks(both)
    assert found.shots == (30, 20)
    for part, alone in ((slice(0, 30), near), (slice(30, 50), far)):
        for array, expected in zip(found.arrays(), poses_from_landmarks(alone).arrays(), strict=True):
            np.testing.assert_array_equal(array[part], expected)


def test_a_window_is_normalised_by_itself() -> None:
    """Who comes nearer during a clip looks the same in each window."""
    near, far = landmarks(30, moving(30), 100.0), landmarks(20, moving(30)[:20], 40.0)
    whole = Landmarks(*(np.concatenate([getattr(near, name), getattr(far, name)]) for name in FIRST_FIELDS))
    ((alone,), (cut,)) = (cut_windows(tracks_from_landmarks(one, JOINTS), 8) for one in (near, whole))
    np.testing.assert_array_equal(window_features(cut)[0], window_features(alone)[0])
    np.testing.assert_allclose(window_features(cut)[-1], window_features(alone)[6], atol=1e-3)


def test_windows_of_two_shots_are_those_of_each_alone() -> None:
    near, far = landmarks(30, moving(30), 100.0), landmarks(20, moving(20), 40.0)
    both = Landmarks(
        *(np.concatenate([getattr(near, name), getattr(far, name)]) for name in FIRST_FIELDS),
        shot=np.repeat([0, 1], [30, 20]).astype(np.int32),
    )
    (cut, of_near, of_far) = (next(cut_windows(tracks_from_landmarks(one), 8)) for one in (both, near, far))
    np.testing.assert_array_equal(cut.image, np.concatenate([of_near.image, of_far.image]))


def test_windows_of_a_long_clip_come_in_parts() -> None:
    clip = PointTracks(*(np.arange(3000.0)[:, None, None] * np.ones((1, 1, 3)) for _ in range(2)))
    parts = list(cut_windows(clip, 8))
    assert len(parts) > 1
    assert max(len(part.world) for part in parts) <= 256
    starts = np.concatenate([part.world[:, 0, 0, 0] for part in parts])
    assert starts.tolist() == window_starts(3000, 8)


def points_of(values: np.ndarray, **more: tuple[int, ...]) -> PointTracks:
    """Twelve points of which all coordinates are the frame's value."""
    points = np.tile(values[:, None, None], (1, 12, 3))
    return PointTracks(points, points, **more)


def test_windows_that_are_drawn_show_one_shot_each_as_often_as_it_is_long() -> None:
    shots = np.repeat([0.0, 1.0, 2.0], [30, 10, 60])
    clips = [points_of(np.full(5, 9.0)), points_of(shots, shots=(30, 10, 60))]
    sequences = ClipSequences(clips)
    at = RNG.random(2000)
    which, place = sequences.pick_shots(np.repeat([0, 1], 1000), at)
    np.testing.assert_array_equal(place[:1000], at[:1000])  # a clip of one shot is as if there were no shots
    assert ((place >= 0) & (place <= 1)).all()
    start = place * np.maximum(sequences.sizes[which] - 8, 0)
    drawn = sequences.windows(which, start, np.ones(2000), 8).world[..., 0, 0]
    assert (drawn == drawn[:, :1]).all()
    assert (drawn[:1000] == 9).all()
    np.testing.assert_allclose(np.bincount(drawn[1000:, 0].astype(int)) / 1000, [0.3, 0.1, 0.6], atol=0.06)


def test_a_short_clip_is_played_forwards_and_backwards() -> None:
    (found,) = cut_windows(points_of(np.arange(3.0)), 8)
    assert found.world[0, :, 0, 0].tolist() == [0, 1, 2, 1, 0, 1, 2, 1]


def test_a_clip_of_one_frame_is_held() -> None:
    (found,) = cut_windows(points_of(np.ones(1)), 5)
    assert (found.image == 1).all()
    assert found.image.shape == (1, 5, 12, 3)


def test_windows_of_one_clip_hold_nothing_of_the_next() -> None:
    clips = [points_of(np.full(n, float(n))) for n in (3, 5, 9)]
    which = np.repeat([0, 1, 2], 20)
    found = ClipSequences(clips).windows(which, RNG.uniform(0, 9, 60), RNG.uniform(0.5, 2, 60), 12)
    for clip, size in enumerate((3, 5, 9)):
        assert (found.world[which == clip] == size).all()


def test_a_frame_is_judged_by_the_windows_that_show_it() -> None:
    said = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert window_starts(12, 8) == [0, 2, 4]
    found = average_windows_per_frame(np.concatenate([said, said[1:]]), window_spans([12], 8))
    assert found.shape == (12, 2)
    assert found[0].tolist() == [1, 0]
    assert found[11].tolist() == [0, 1]
    np.testing.assert_allclose(found[3], [0.5, 0.5])
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_who_stands_is_known_from_who_bends_or_lifts() -> None:
    standing, lifting, bending = figure(), figure(), figure()
    lifting[2 * WRIST] = (0.5, -1.2, 0)
    bending[2 * SHOULDER : 2 * SHOULDER + 2] = [(0.45, -0.5, -0.85), (-0.45, -0.5, -0.85)]
    sitting = figure()
    sitting[2 * KNEE : 2 * KNEE + 2] = [(0.33, 0.1, -0.85), (-0.33, 0.1, -0.85)]
    assert sitting[2 * HIP, 1] == 0
    assert is_standing(np.stack([standing, lifting, bending, sitting])).tolist() == [True, False, False, False]
