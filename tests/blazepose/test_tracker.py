"""Landmarks of drawn people."""

import hashlib
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import cv2
import numpy as np
import pytest

from fitness_tracker.blazepose.following import LOOK_BACK
from fitness_tracker.blazepose.landmarks import Landmarks, read_landmarks, write_landmarks
from fitness_tracker.blazepose.regions import CROP_SIZE, turn_back
from fitness_tracker.blazepose.shots import AFTER, BEFORE
from fitness_tracker.blazepose.skeleton import Landmark
from fitness_tracker.blazepose.tracker import PoseTracker, find_landmarks, pose_tracker, refine, sigmoid
from fitness_tracker.video.frames import extract_frames
from tests.projects import ROOT

SHOULDERS = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]
HIPS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
ANKLES = [Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE]
Timed = list[tuple[float, np.ndarray]]


@pytest.fixture(scope="session")
def tracker(networks: dict[str, bytes]) -> PoseTracker:
    return PoseTracker(**networks)


def body_height(found: Landmarks) -> float:
    """Pixels, median over the frames: from the shoulders to the ankles."""
    points = found.image_landmarks[found.found]
    return float(np.median(np.linalg.norm(points[:, SHOULDERS, :2].mean(1) - points[:, ANKLES, :2].mean(1), axis=1)))


def test_drawn_people_are_found(drawn_landmarks: Path) -> None:
    found = [read_landmarks(path).found for path in drawn_landmarks.rglob("*.npz")]
    assert len(found) == 18
    assert np.concatenate(found).mean() >= 0.9


def test_landmarks_have_their_shapes_and_a_person_stands_on_the_feet(squat: Timed, tracker: PoseTracker) -> None:
    found = tracker.track(squat)
    frames = len(squat)
    assert found.image_landmarks.shape == (frames, 33, 4)
    assert found.world_landmarks.shape == (frames, 33, 3)
    assert found.image_landmarks.dtype == found.world_landmarks.dtype == found.times.dtype == np.float32
    assert found.found.all()
    np.testing.assert_allclose(found.times, np.arange(frames) / 10, atol=1e-6)
    assert ((found.image_landmarks[..., 3] >= 0) & (found.image_landmarks[..., 3] <= 1)).all()
    heights = [found.image_landmarks[:, part, 1].mean() for part in (SHOULDERS, HIPS, ANKLES)]
    assert heights == sorted(heights)
    assert np.abs(found.world_landmarks[:, HIPS].mean(axis=1)).max() < 0.1  # metres are from the middle of the hips
    length = found.world_landmarks[0, SHOULDERS].mean(0) - found.world_landmarks[0, ANKLES].mean(0)
    assert 0.9 < np.linalg.norm(length) < 1.8


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_people_who_lie_or_hang_are_found_where_they_are(squat: Timed, tracker: PoseTracker, turns: int) -> None:
    upright = tracker.track(squat[:5])
    turned = tracker.track([(time, np.ascontiguousarray(np.rot90(frame, turns))) for time, frame in squat[:5]])
    assert turned.found.all()
    height, width = squat[0][1].shape[:2]
    for expected, points in zip(upright.image_landmarks, turned.image_landmarks, strict=True):
        back = turn_back(points[:, :2], turns, width, height)
        away = np.linalg.norm(back[11:] - expected[11:, :2], axis=1)
        assert np.median(away) < 0.05 * body_height(upright)


def test_nobody_is_found_where_nobody_is(tracker: PoseTracker, noise) -> None:
    room = cv2.GaussianBlur(noise(480, 640, 3), (0, 0), 20)
    found = tracker.track([(0.0, room), (0.1, room)])
    assert not found.found.any()
    assert not found.image_landmarks.any()
    assert not found.world_landmarks.any()


def test_the_same_person_is_followed_among_two(squat: Timed, tracker: PoseTracker) -> None:
    """Beside a large person stands a small one."""

    def together(frame: np.ndarray) -> np.ndarray:
        picture = np.full((480, 960, 3), 90, np.uint8)
        picture[:, 320:] = frame
        picture[300:480, :240] = cv2.resize(frame, (240, 180), interpolation=cv2.INTER_AREA)
        return picture

    shown = [(time, together(frame)) for time, frame in squat[:12]]
    found = tracker.track(shown)
    assert found.found.all()
    assert (found.image_landmarks[:, HIPS, 0].mean(axis=1) > 400).all()


def test_a_person_who_comes_late_is_found_then(squat: Timed, tracker: PoseTracker) -> None:
    empty = np.full_like(squat[0][1], 120)
    found = tracker.track([(0.0, empty), (0.1, empty), *((time + 0.2, frame) for time, frame in squat[:4])])
    assert found.found.tolist() == [False, False, True, True, True, True]


def test_the_same_frames_give_the_same_bytes_on_every_cpu(
    squat_clip: Path, networks, networks_folder, tmp_path: Path
) -> None:
    """With AVX2 or more; see older_cpu.py."""
    frames = tmp_path / "frames.zip"
    frames.write_bytes(extract_frames(squat_clip.read_bytes(), 5, 90))
    content = find_landmarks(frames.read_bytes(), **networks)
    assert content == find_landmarks(frames.read_bytes(), **networks)
    older = subprocess.run(
        [sys.executable, ROOT / "tests/older_cpu.py", networks_folder, frames],
        capture_output=True,
        text=True,
        check=False,
    )
    assert older.stdout.strip() == hashlib.sha256(content).hexdigest(), older.stderr
    (tmp_path / "clip.npz").write_bytes(content)
    assert read_landmarks(tmp_path / "clip.npz").found.mean() >= 0.9


def test_a_tracked_clip_is_as_it_will_be_read(squat: Timed, tracker: PoseTracker, tmp_path: Path) -> None:
    tracked = tracker.track(squat[:2])
    (tmp_path / "clip.npz").write_bytes(write_landmarks(tracked))
    for name, values in vars(read_landmarks(tmp_path / "clip.npz")).items():
        np.testing.assert_array_equal(values, getattr(tracked, name))


def test_each_thread_has_one_tracker(networks: dict[str, bytes]) -> None:
    others: list[PoseTracker] = []
    thread = threading.Thread(target=lambda: others.append(pose_tracker(**networks)))
    thread.start()
    thread.join()
    assert pose_tracker(**networks) is pose_tracker(**networks) is not others[0]


def test_who_is_found_late_is_followed_backwards(squat: Timed, tracker: PoseTracker, monkeypatch) -> None:
    detect, calls = tracker.detect, []

    def late(frame, last):
        calls.append(1)
        return detect(frame, last) if len(calls) > 4 else []

    monkeypatch.setattr(tracker, "detect", late)
    monkeypatch.setattr(tracker, "locate_small", lambda frame: None)
    assert tracker.track(squat[:8]).found.all()
    assert len(calls) == 5


def test_frames_without_anybody_do_not_pile_up(tracker: PoseTracker, monkeypatch) -> None:
    monkeypatch.setattr(tracker, "locate", lambda frame, before, last: None)
    monkeypatch.setattr(tracker, "locate_small", lambda frame: None)
    alive: list[weakref.ref] = []

    def frames():
        for number in range(4 * LOOK_BACK):
            frame = np.full((8, 8, 3), 100 + number % 2 * 2, np.uint8)
            alive.append(weakref.ref(frame))
            yield number / 10, frame
            assert sum(frame() is not None for frame in alive) <= LOOK_BACK + BEFORE + 1 + AFTER + 2

    assert len(tracker.track(frames()).found) == 4 * LOOK_BACK


def hip_columns(found: Landmarks) -> np.ndarray:
    """(T,) pixels: where the middle of the hips is."""
    return found.image_landmarks[:, HIPS, 0].mean(axis=1)


def with_another(squat: Timed, places: list[float]) -> Timed:
    """The squat; before it stands somebody taller in other colours, as many pixels to the right as `places` tell."""
    empty, frames = np.median([frame for _, frame in squat], axis=0).astype(np.uint8), [frame for _, frame in squat]
    body = (cv2.absdiff(frames[0], empty).max(axis=-1) > 10).astype(np.uint8)
    body = cv2.morphologyEx(body, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    back_and_forth = [*frames, *frames[-2:0:-1]]
    shown = []
    for number, place in enumerate(places):
        move = np.array([[1.15, 0, place - 45], [0, 1.15, -40]])
        other, mask = (cv2.warpAffine(picture, move, (640, 480)) for picture in (frames[0][..., [2, 0, 1]], body))
        frame = np.where(mask[..., None] > 0, other, back_and_forth[number % len(back_and_forth)])
        shown.append((number / 10, frame))
    return shown


def test_who_passes_close_does_not_take_the_persons_place(squat: Timed, tracker: PoseTracker) -> None:
    """They stand before the person for a while, then go to the other side and stay."""
    way = [*np.linspace(330, 0, 12), *[0.0] * 15, *np.linspace(0, -240, 20), *[-240.0] * 30]
    found = tracker.track(with_another(squat, [330.0] * 12 + way))
    alone = tracker.track(with_another(squat, [2000.0] * len(found)))
    assert found.found.all()
    np.testing.assert_allclose(hip_columns(found)[-30:], hip_columns(alone)[-30:], atol=8)
    assert found.several.any()
    assert not found.several[-15:].any()
    assert not alone.several.any()


def test_who_stands_beside_is_no_doubt(squat: Timed, tracker: PoseTracker) -> None:
    assert not tracker.track(with_another(squat, [300.0] * 40)).several.any()


def test_a_cut_ends_a_shot(squat: Timed, tracker: PoseTracker) -> None:
    """Nobody is tracked from one shot into another, forwards or backwards."""
    first, second = [frame for _, frame in squat[:10]], [frame for _, frame in squat[10:20]]
    flipped = [np.ascontiguousarray(255 - frame[:, ::-1]) for frame in first]
    empty = [np.full_like(first[0], 200)] * 12  # for less than a second it could be one of few pictures a second
    found = tracker.track([(n / 10, frame) for n, frame in enumerate([*second, *empty, *flipped])])
    assert found.shot.tolist() == [0] * 10 + [1] * 12 + [2] * 10
    assert found.found.tolist() == [True] * 10 + [False] * 12 + [True] * 10
    alone = tracker.track([(n / 10, frame) for n, frame in enumerate(flipped)])
    np.testing.assert_array_equal(found.image_landmarks[22:], alone.image_landmarks)


def test_a_small_person_is_found_where_they_are(squat: Timed, tracker: PoseTracker) -> None:
    shown = []
    for time, frame in squat[:15]:
        picture = np.full_like(frame, 150)
        picture[300:420, 420:580] = cv2.resize(frame, (160, 120), interpolation=cv2.INTER_AREA)
        shown.append((time, picture))
    found, large = tracker.track(shown), tracker.track(squat[:15])
    assert found.found.all()
    places = large.image_landmarks[:, HIPS, :2] / 4 + (420, 300)
    assert np.abs(found.image_landmarks[:, HIPS, :2] - places).max() < 6


def test_one_of_a_hundred_people_is_followed(squat: Timed, tracker: PoseTracker) -> None:
    """All of them alike, each a tenth of the picture."""
    crowd = [(time, np.tile(cv2.resize(frame, (64, 48)), (10, 10, 1))) for time, frame in squat[:30]]
    found = tracker.track(crowd)
    places = found.image_landmarks[found.found][:, HIPS, :2].mean(axis=1)
    assert len(found) == len(crowd)
    assert len(places) == 0 or np.abs(np.diff(places, axis=0)).max() < 64


def test_landmarks_move_to_the_centre_of_the_heat_around_them() -> None:
    places, heatmaps = np.full((39, 2), 130.0), np.full((64, 64, 39), -20.0)
    heatmaps[31, 34, 0] = 20.0  # row, column: 2 cells to the right of 130 / 4 = 32.5, 1 above
    heatmaps[31, 34, 1] = -1.0  # not hot enough
    heatmaps[5, 5, 2] = 20.0  # too far away
    refined = refine(places, heatmaps)
    np.testing.assert_allclose(refined[0], (34 * 4, 31 * 4), atol=0.1)
    np.testing.assert_array_equal(refined[1:], places[1:])


def test_landmarks_are_refined_as_one_by_one() -> None:
    """In the middle, at all edges and outside."""
    random = np.random.default_rng(0)
    places = random.uniform(-40, CROP_SIZE + 40, (39, 2)).astype(np.float32)
    heatmaps = random.normal(-4, 3, (64, 64, 39)).astype(np.float32)
    for number, place in enumerate(refine(places, heatmaps)):
        column, row = (places[number] / 4).astype(int)
        if 0 <= column < 64 and 0 <= row < 64:
            rows, columns = np.mgrid[max(0, row - 3) : min(64, row + 4), max(0, column - 3) : min(64, column + 4)]
            heat = sigmoid(heatmaps[rows, columns, number])
            if heat.max() >= 0.5:
                centre = np.array([(columns * heat).sum(), (rows * heat).sum()]) * 4 / heat.sum()
                np.testing.assert_allclose(place, centre, atol=1e-3)
                continue
        np.testing.assert_array_equal(place, places[number])
