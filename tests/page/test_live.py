"""The camera's session: what it knows follows from time, not from how many frames came."""

import dataclasses
import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fitness_tracker.answering.answer import Segment
from fitness_tracker.blazepose.regions import RotatedRoi
from fitness_tracker.blazepose.tracker import FramePose
from fitness_tracker.models.classifier import NONE
from fitness_tracker.models.graph import Outputs
from fitness_tracker.models.pose.classifier import PoseClassifier
from fitness_tracker.models.pose.metric import plain_metric
from fitness_tracker.page.live import LOOKING, NOBODY, LandmarkGrid, LiveSession, SetLog, join, later
from fitness_tracker.prediction.predict import predict_clip
from fitness_tracker.video.letterbox import fit_frame, unfit_points
from tests.models.test_bundle import EXERCISES, POSE, frame_classifier

SQUAT = np.array([0.02, 0.02, 0.94, 0.02], np.float32)
BLACK = np.zeros((480, 640, 3), np.uint8)


@pytest.fixture(scope="module")
def squatting(networks: dict[str, bytes]) -> PoseClassifier:
    """To its network everybody squats; who is seen, and how often they move, is real."""

    def graph(image_landmarks: np.ndarray, world_landmarks: np.ndarray) -> Outputs:
        return Outputs(np.tile(SQUAT, (len(image_landmarks), 1, 1)), np.zeros((len(image_landmarks), 1, 8)))

    return PoseClassifier(
        [*EXERCISES, NONE], "pad", 10.0, "", {}, 1.0, 0.99, [], {}, 1000, graph,  # type: ignore[arg-type]
        POSE, [[0]], 16, networks, b"", {name: name for name in (*EXERCISES, NONE)}, plain_metric(1, POSE.units),
    )  # fmt: skip


@pytest.fixture(scope="module")
def circling(squat: list[tuple[float, np.ndarray]]) -> list[np.ndarray]:
    """Somebody who squats on and on, without a leap where the clip begins anew."""
    frames = [frame for _, frame in squat]
    return [*frames, *reversed(frames[1:-1])]


def play(session: LiveSession, frames, fps: float = 10, begin: float = 0):
    state = None
    for number, frame in enumerate(frames):
        state = session.add(frame, begin + number / fps)
    return state


def test_a_session_counts_what_predict_counts(squatting: PoseClassifier, circling: list[np.ndarray]) -> None:
    frames = list(itertools.islice(itertools.cycle(circling), 150))
    session = LiveSession(squatting)
    state = play(session, frames)
    answer = predict_clip(frames, squatting)
    assert state.landmarks.shape == (33, 3)
    assert state.exercise == state.text == "squat"
    last = session.finish()
    assert (last.exercise, last.repetitions) == (answer.exercise, answer.repetitions)
    assert last.repetitions > 2
    assert [done.exercise for done in last.sets] == ["squat"]


def test_lost_and_doubled_frames_do_no_harm(squatting: PoseClassifier, circling: list[np.ndarray]) -> None:
    frames = list(itertools.islice(itertools.cycle(circling), 150))
    answer = predict_clip(frames, squatting)
    rng = np.random.default_rng(1)
    session = LiveSession(squatting)
    for number, frame in enumerate(frames):
        for _ in range(rng.integers(0, 3) if number % 3 else 1):  # none, one or two of the same
            session.add(frame, 1e6 + number / 10)
    assert abs(session.finish().repetitions - answer.repetitions) <= 1


def test_a_set_longer_than_the_memory_is_counted_to_its_end(
    squatting: PoseClassifier, circling: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fitness_tracker.page.live.MEMORY", 16.0)
    monkeypatch.setattr("fitness_tracker.page.live.FORGET", 5.0)
    frames = list(itertools.islice(itertools.cycle(circling), 400))
    session = LiveSession(squatting)
    play(session, frames)
    assert len(session.grid.poses) <= 170
    last = session.finish()
    assert abs(last.repetitions - predict_clip(frames, squatting).repetitions) <= 1
    assert len(last.sets) == 1


def test_answers_from_another_thread_are_the_same(squatting: PoseClassifier, circling: list[np.ndarray]) -> None:
    frames = list(itertools.islice(itertools.cycle(circling), 80))
    with ThreadPoolExecutor(1) as executor:
        session = LiveSession(squatting, executor)
        play(session, frames)
        assert session.finish().repetitions == predict_clip(frames, squatting).repetitions


def test_two_sessions_do_not_mix(squatting: PoseClassifier, circling: list[np.ndarray]) -> None:
    somebody, nobody = LiveSession(squatting), LiveSession(squatting)
    with ThreadPoolExecutor(2) as threads:
        frames = list(itertools.islice(itertools.cycle(circling), 60))
        states = [threads.submit(play, somebody, frames), threads.submit(play, nobody, [BLACK] * 60)]
        seen, unseen = (state.result() for state in states)
    assert seen.exercise == "squat"
    assert unseen.text == NOBODY
    assert somebody.finish().repetitions == predict_clip(frames, squatting).repetitions
    assert nobody.finish().sets == ()


def test_who_leaves_and_returns_begins_a_new_set(squatting: PoseClassifier, circling: list[np.ndarray]) -> None:
    frames = list(itertools.islice(itertools.cycle(circling), 80))
    session = LiveSession(squatting)
    play(session, frames)
    away = play(session, [BLACK] * 50, begin=8)
    assert (away.text, away.landmarks) == (NOBODY, None)
    assert len(away.sets) == 1
    play(session, frames, begin=13)
    assert len(session.finish().sets) == 2


def test_the_first_frames_say_that_it_looks(squatting: PoseClassifier, squat) -> None:
    assert LiveSession(squatting).add(squat[0][1], 5.0).text == LOOKING


def test_nothing_given_is_nothing_known(squatting: PoseClassifier) -> None:
    assert LiveSession(squatting).finish().sets == ()


@pytest.mark.parametrize(("frame", "seconds"), [(BLACK[0], 0.0), (BLACK, float("nan")), (None, 0.0)])
def test_what_is_no_frame_or_no_time_is_refused(squatting: PoseClassifier, frame, seconds: float) -> None:
    with pytest.raises(ValueError, match="frame"):
        LiveSession(squatting).add(frame, seconds)


def test_a_classifier_of_frames_gives_exercise_and_confidence(noise) -> None:
    session = LiveSession(dataclasses.replace(frame_classifier(), none_threshold=1.0))
    state = play(session, [noise(60, 80, 3)] * 25)
    assert state.exercise in EXERCISES
    assert 1 / 3 <= state.confidence <= 1
    assert (state.landmarks, state.repetitions, state.sets) == (None, None, ())


def pose_at(place: float) -> FramePose:
    return FramePose(np.full((33, 3), place), np.full((33, 3), place), RotatedRoi(np.zeros(2), np.ones(2)))


def test_the_grid_interpolates_between_frames() -> None:
    grid = LandmarkGrid(10)
    for seconds in (0, 0.07, 0.14, 0.3, 0.33):
        grid.add(pose_at(seconds), seconds)
    assert [round(float(pose.image_landmarks[0, 0]), 6) for pose in grid.poses] == [0, 0.1, 0.2, 0.3]


def test_the_grid_bridges_no_long_gap() -> None:
    grid = LandmarkGrid(10)
    grid.add(pose_at(0), 0)
    grid.add(pose_at(1), 1)
    assert [pose is not None for pose in grid.poses] == [True, *[False] * 9, True]
    grid.forget(0.5)
    assert (grid.begin, len(grid.poses)) == (0.5, 6)


def of_squats(start: float, end: float, *times: float) -> Segment:
    return Segment(start, end, "squat", 0.9, len(times), None, times)


def test_the_log_keeps_what_is_let_go() -> None:
    log = SetLog()
    log.segments = [Segment(0, 4, NONE, 0.9, None, None, ()), of_squats(4, 20, 6, 8, 10, 12, 14)]
    cut = log.forget(9.3, 10)
    assert cut == 9
    log.segments = [of_squats(9, 24, 9, 10, 12, 14, 16)]  # 9 is too near to 8 to be another one
    (whole,) = log.everything()
    assert (whole.start_s, whole.end_s, whole.times_s) == (4, 24, (6, 8, 10, 12, 14, 16))


def test_what_is_held_in_two_parts_is_held_as_long_as_both() -> None:
    first, second = (Segment(start, start + 5, "plank", 0.8, None, 5.0, ()) for start in (0, 5))
    assert (join(first, second).held_s, join(first, second).repetitions) == (10.0, None)
    rest = Segment(0, 5, NONE, 0.8, None, None, ())
    assert join(rest, later(rest, 5)).held_s is None


@pytest.mark.parametrize("fit", ["pad", "stretch", "crop"])
@pytest.mark.parametrize("shape", [(480, 640), (640, 360), (240, 700)])
def test_landmarks_are_where_the_frame_as_given_has_them(shape: tuple[int, int], fit: str) -> None:
    frame = np.zeros((*shape, 3), np.uint8)
    x, y = shape[1] // 2 + 20, shape[0] // 2 - 30
    frame[y - 4 : y + 5, x - 4 : x + 5] = 255
    fitted = fit_frame(frame, fit)[..., 0].astype(float)
    rows, columns = np.indices(fitted.shape)
    points = np.array([[(columns * fitted).sum(), (rows * fitted).sum()]]) / fitted.sum()
    assert unfit_points(points, shape[1], shape[0], fit)[0] == pytest.approx([x, y], abs=1)
