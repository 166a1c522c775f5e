"""What moves, what is held and what the network says make an answer; here what it says is given."""

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from fitness_tracker.answering.answer import Answer, answer_prediction
from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.models.classifier import NONE, Classifier
from fitness_tracker.models.pose.classifier import PosePrediction
from fitness_tracker.models.pose.features import JOINTS
from tests.answering.test_repetitions import FPS, STANDING, raise_arms, waves

NAMES = ["squat", "lateral_raise", "plank", NONE]
PIXELS = 100  # a torso length

Part = tuple[str, np.ndarray]  # what the network says, with 90 %, and joints (T, 12, 3) in torso lengths


def squat(depth: np.ndarray) -> np.ndarray:
    """Somebody who squats, 0 stands; hips stay where they are, so legs and trunk fold towards them."""
    body = np.repeat(STANDING[None], len(depth), axis=0)
    body[:, 10:, 1] -= 0.9 * depth[:, None]
    body[:, 8:10, 1] -= 0.3 * depth[:, None]
    body[:, 8:10, 2] -= 0.6 * depth[:, None]
    return body


def arms(raised: np.ndarray) -> np.ndarray:
    return raise_arms(raised).joints_3d.astype(np.float64)


def stay(seconds: float) -> np.ndarray:
    """Somebody who stands, and breathes."""
    time = np.arange(round(seconds * FPS)) / FPS
    return squat(0.01 + 0.01 * np.sin(time))


def repeat(seconds: float, number: int) -> np.ndarray:
    """(T,) from 0 to 1 and back, so often, without the last frame."""
    return waves(seconds, number)[:-1]


def classifier() -> Classifier:
    fake = SimpleNamespace(exercises=NAMES, none_threshold=0.5, fps=FPS, held=["plank"])
    for name in ("taught", "none_score", "decide_label"):
        setattr(fake, name, getattr(Classifier, name).__get__(fake))
    return fake  # type: ignore[return-value]


def landmarks_of(body: np.ndarray) -> Landmarks:
    """Joints (T, 12, 3) seen by a camera that does not move."""
    world, image = np.zeros((len(body), 33, 3), np.float32), np.ones((len(body), 33, 4), np.float32)
    world[:, JOINTS], image[:, JOINTS, :3] = 0.5 * body, PIXELS * body + (320, 240, 0)
    return Landmarks(world_landmarks=world, image_landmarks=image, times=np.arange(len(body)) / FPS,
                     found=np.ones(len(body), bool))  # fmt: skip


def answer(parts: Sequence[Part], landmarks: Landmarks | None = None, sure: float = 0.9) -> Answer:
    labels = [NAMES.index(name) for name, body in parts for _ in body]
    frames = np.full((len(labels), len(NAMES)), (1 - sure) / (len(NAMES) - 1), np.float32)
    frames[np.arange(len(labels)), labels] = sure
    shown = landmarks or landmarks_of(np.concatenate([body for _, body in parts]))
    return answer_prediction(PosePrediction(frames, frames.mean(axis=0), shown), classifier())


def segments(found: Answer) -> list[tuple[str, int | None]]:
    return [(one.exercise, one.repetitions) for one in found.segments]


def test_a_hold_lasts_as_long_as_it_is_still() -> None:
    """Getting into it is no repetition, and not part of it."""
    enter = arms(0.5 * repeat(2, 2)[:-10])
    found = answer([("plank", np.concatenate([enter, np.repeat(enter[-1:], 100, axis=0)]))])
    assert (found.exercise, found.repetitions) == ("plank", None)
    assert found.held_s == pytest.approx(10, abs=0.5)


@pytest.mark.parametrize("pause", [3, 6, 12])
def test_single_repetitions_are_one_set(pause: float) -> None:
    """Though most frames show somebody who stands."""
    once = [("squat", squat(repeat(2.5, 1))), (NONE, stay(pause))]
    found = answer([(NONE, stay(5)), *once * 5])
    assert segments(found) == [(NONE, None), ("squat", 5), (NONE, None)]
    assert found.segments[1].start_s == pytest.approx(5, abs=1)


def test_a_long_rest_parts_two_sets() -> None:
    one_set = ("squat", squat(repeat(2.5, 5)))
    assert segments(answer([one_set, (NONE, stay(20)), one_set])) == [("squat", 5), (NONE, None), ("squat", 5)]


@pytest.mark.parametrize("depth", [0.35, 0.4])
def test_a_small_dip_away_from_the_set_does_not_count(depth: float) -> None:
    parts = [squat(depth * repeat(1.5, 1)), stay(3), squat(repeat(2, 5)), stay(1)]
    for order in (parts, parts[::-1]):
        assert answer([("squat", np.concatenate(order))]).repetitions == 5


def test_two_repetitions_that_are_smaller_count() -> None:
    depths = np.concatenate([repeat(2, 5), 0.8 * repeat(2, 2)])
    assert answer([("squat", squat(depths))]).repetitions == 7


@pytest.mark.parametrize("late_s", [-1.2, -0.5, 0, 0.5, 1.2])
def test_no_repetition_is_cut_in_two_where_one_exercise_follows_another(late_s: float) -> None:
    """However late the network sees it."""
    body = np.concatenate([squat(repeat(2, 6)), arms(repeat(1.6, 6))])
    seen = round((12 + late_s) * FPS)
    found = answer([("squat", body[:seen]), ("lateral_raise", body[seen:])])
    assert segments(found) == [("squat", 6), ("lateral_raise", 6)]
    assert found.segments[1].start_s == pytest.approx(12, abs=0.3)


@pytest.mark.parametrize(("seconds", "size"), [(0.45, 0.25), (0.8, 0.15)])
def test_fast_and_small_repetitions_are_counted(seconds: float, size: float) -> None:
    assert answer([("lateral_raise", arms(size * repeat(seconds, 20)))]).repetitions == 20


@pytest.mark.parametrize("seconds", [0.6, 0.9, 1.2])
def test_a_short_third_exercise_is_answered(seconds: float) -> None:
    """Though the border before was moved."""
    body = np.concatenate([squat(repeat(2, 6)), arms(repeat(1.6, 6)), squat(repeat(2, 1))[: round(seconds * FPS)]])
    found = answer([("squat", body[:106]), ("lateral_raise", body[106:216]), ("squat", body[216:])], sure=0.999)
    assert segments(found)[:2] == [("squat", 6), ("lateral_raise", 6)]


def moved_by_camera(how: str) -> Landmarks:
    """Somebody who stands for 12 s before a camera that moves to and fro."""
    body = stay(12)
    swing = np.sin(2 * np.pi * np.arange(len(body)) / 15)
    angle = np.radians(25) * swing * (how == "tilts")
    turn = np.stack([np.stack([np.cos(angle), -np.sin(angle)]), np.stack([np.sin(angle), np.cos(angle)])])
    body[..., :2] = np.einsum("ijt,tnj->tni", turn, body[..., :2])
    landmarks = landmarks_of(body)
    places = landmarks.image_landmarks[..., :2]
    places *= (1 + 0.4 * swing * (how == "zooms"))[:, None, None]
    places += (80 * swing * (how == "pans"))[:, None, None]
    return landmarks


@pytest.mark.parametrize("how", ["tilts", "zooms", "pans"])
def test_a_camera_that_moves_does_no_exercise(how: str) -> None:
    found = answer([("squat", stay(12))], moved_by_camera(how))
    assert segments(found) == [(NONE, None)]


@pytest.mark.parametrize("sure", [0.55, 0.6, 0.9])
def test_a_clip_of_a_hold_keeps_the_name_that_the_network_gives(sure: float) -> None:
    found = answer([("plank", np.repeat(squat(np.ones(1)), 100, axis=0))], sure=sure)
    assert (found.exercise, found.held_s) == ("plank", 10)


def test_nobody_holds_while_nobody_is_found() -> None:
    body = np.repeat(squat(np.ones(1)), 200, axis=0)
    landmarks = landmarks_of(body)
    landmarks.found[100:150] = False
    assert answer([("plank", body)], landmarks).held_s == pytest.approx(15, abs=1.7)


def test_getting_into_a_position_and_resting_after_it_are_not_held() -> None:
    """Two seconds with arms up before it, and two that are still in another way after it; it wobbles in between."""
    ready, held, rest = (np.repeat(body, round(number * FPS), axis=0) for body, number in (
        (arms(np.ones(1)), 2), (squat(np.ones(1)), 6), (squat(np.zeros(1)), 2),
    ))  # fmt: skip
    wobble = squat(1 - 0.3 * waves(2, 1))
    found = answer([("plank", np.concatenate([ready, squat(np.linspace(0, 1, 10)), held, wobble, held, rest]))])
    assert [one.exercise for one in found.segments] == ["plank"]
    assert found.held_s == pytest.approx(12, abs=2.1)
    assert answer([("plank", np.concatenate([held, wobble, held]))]).held_s == pytest.approx(12, abs=2.1)


@pytest.mark.parametrize("fps", [0.5, 1, 2, 120])
def test_any_rate_of_frames_has_an_answer(fps: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow one cannot count, but does not take everybody for still; nor is a single picture."""
    monkeypatch.setitem(globals(), "FPS", fps)
    time = np.arange(round(80 * fps)) / fps
    assert answer([("squat", squat(0.5 - 0.5 * np.cos(2 * np.pi * time / 9)))]).exercise == "squat"
    assert answer([("squat", squat(np.ones(1)))]).exercise == "squat"


def test_who_stays_still_does_no_exercise_that_is_repeated() -> None:
    """Such as who kneels in a lunge, or stands with a bar."""
    still = np.repeat(squat(np.ones(1)), 100, axis=0)
    assert segments(answer([("squat", still)])) == [(NONE, None)]
    assert answer([("plank", still)]).held_s == 10


def test_a_moment_is_too_short_to_tell() -> None:
    assert answer([("squat", stay(0.5))]).exercise == "squat"


def test_an_untaught_movement_is_counted_if_it_is_clear() -> None:
    assert segments(answer([(NONE, arms(repeat(2, 5)))])) == [(NONE, 5)]
    assert segments(answer([(NONE, stay(10))])) == [(NONE, None)]


def test_a_thousand_repetitions_are_counted() -> None:
    found = answer([("squat", squat(repeat(2, 1000)))])
    assert segments(found) == [("squat", 1000)]


def test_a_cut_every_second_leaves_an_answer() -> None:
    body = squat(repeat(2, 15))
    landmarks = landmarks_of(body)
    landmarks.shot[:] = np.arange(len(body)) // FPS
    found = answer([("squat", body)], landmarks)
    assert segments(found) == [("squat", 15)]


def test_a_cut_parts_a_pause_from_a_hold() -> None:
    body = np.concatenate([stay(10), np.repeat(arms(np.ones(1)), 100, axis=0)])
    landmarks = landmarks_of(body)
    landmarks.shot[100:] = 1
    found = answer([(NONE, body[:100]), ("plank", body[100:])], landmarks)
    assert [(one.exercise, one.held_s) for one in found.segments] == [(NONE, None), ("plank", 10)]


def test_it_says_how_most_shots_that_were_turned_lay() -> None:
    body = stay(7)
    landmarks = landmarks_of(body)
    landmarks.turns[:] = np.repeat([0, 0, 0, 0, 1, 3, 3], 10)
    assert answer([(NONE, body)], landmarks).turned == 270
    assert answer([(NONE, body)]).turned == 0


def test_nobody_is_none() -> None:
    body = stay(5)
    nobody = Landmarks(np.zeros((50, 33, 4)), np.zeros((50, 33, 3)), np.arange(50) / FPS, np.zeros(50, bool))
    assert segments(answer([(NONE, body)], nobody)) == [(NONE, None)]
