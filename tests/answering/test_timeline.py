"""The timeline of a workout, from probabilities whose truth is known."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from fitness_tracker.answering.timeline import REST_S, SWITCH_COST_S, find_pauses, find_stretches, likeliest_path
from fitness_tracker.models.classifier import Classifier, Prediction

FPS = 10.0
SQUAT, LUNGE, NONE = range(3)


def classifier(threshold: float = 0.5) -> Classifier:
    fake = SimpleNamespace(exercises=["squat", "lunge", "none"], none_threshold=threshold, fps=FPS, held=["lunge"])
    fake.taught = lambda values: Classifier.taught(fake, values)
    fake.none_score = lambda prediction: Classifier.none_score(fake, prediction)
    fake.decide_label = lambda *args: Classifier.decide_label(fake, *args)
    return fake  # type: ignore[return-value]


def frames(*parts: tuple[int, float], sure: float = 0.9, seed: int = 0) -> np.ndarray:
    """Noisy probabilities (T, 3) of (label, seconds)."""
    labels = np.concatenate([np.full(round(seconds * FPS), label) for label, seconds in parts])
    values = np.full((len(labels), 3), (1 - sure) / 2)
    values[np.arange(len(labels)), labels] = sure
    values *= np.random.default_rng(seed).uniform(0.5, 1.5, values.shape)
    return (values / values.sum(axis=1, keepdims=True)).astype(np.float32)


def stretches(probabilities: np.ndarray, pauses: np.ndarray | None = None) -> list[tuple[str, float, float]]:
    still = np.zeros(len(probabilities), bool) if pauses is None else pauses
    found = find_stretches(Prediction(probabilities, probabilities.mean(axis=0)), classifier(), still)
    assert [found[0].start, found[-1].end] == [0, len(probabilities)]
    assert all(a.end == b.start and a.exercise != b.exercise for a, b in pairwise(found))
    return [(one.exercise, one.start / FPS, one.end / FPS) for one in found]


def test_a_workout_becomes_its_sets_and_pauses() -> None:
    found = stretches(frames((NONE, 20), (SQUAT, 30), (NONE, 15), (LUNGE, 40), (NONE, 10)))
    assert [name for name, _, _ in found] == ["none", "squat", "none", "lunge", "none"]
    assert [start for _, start, _ in found] == pytest.approx([0, 20, 50, 65, 105], abs=0.3)


@pytest.mark.parametrize("seed", range(5))
def test_a_second_of_another_label_is_noise(seed: int) -> None:
    noisy = frames((SQUAT, 20), (LUNGE, 1), (SQUAT, 20), (NONE, 1), (SQUAT, 20), seed=seed)
    assert stretches(noisy) == [("squat", 0.0, 62.0)]


def test_a_change_costs_so_many_seconds_of_evidence() -> None:
    """Of two labels whose probabilities differ by a factor of e, for so long that it just pays, or just not."""
    for seconds, changes in ((SWITCH_COST_S - 0.2, 0), (SWITCH_COST_S + 0.2, 1)):
        ratio = np.exp([[0.5, -0.5, -5.0]] * 200 + [[-0.5, 0.5, -5.0]] * round(seconds * FPS))
        path = likeliest_path(np.log(ratio / ratio.sum(axis=1, keepdims=True)), FPS)
        assert np.count_nonzero(np.diff(path)) == changes


def test_the_path_is_the_same_at_another_frame_rate() -> None:
    slow = np.log(frames((SQUAT, 10), (NONE, 7), (LUNGE, 12)))
    fast = np.repeat(slow, 3, axis=0)
    assert np.array_equal(np.repeat(likeliest_path(slow, FPS), 3), likeliest_path(fast, 3 * FPS))


def test_a_clip_of_one_label_is_named_as_the_clip() -> None:
    """The threshold of 'none' in a workout is another, but a clip keeps the label that evaluation scores."""
    probabilities = np.tile(np.array([[0.55, 0.05, 0.4]], np.float32), (50, 1))
    clip = Prediction(probabilities, probabilities[0])
    (only,) = find_stretches(clip, classifier(0.5), np.zeros(50, bool))
    assert only == (0, 50, *classifier(0.5).decide_label(clip))
    assert only.exercise == "squat"


def test_nothing_is_lost_of_a_clip_of_one_frame() -> None:
    one = np.array([[0.2, 0.7, 0.1]], np.float32)
    assert stretches(one) == [("lunge", 0.0, 0.1)]


def test_an_hour_is_smoothed_in_a_moment() -> None:
    workout = frames(*[(label, 60.0) for _ in range(20) for label in (NONE, SQUAT, LUNGE)])
    assert len(stretches(workout)) == 60


@pytest.mark.parametrize(("seconds", "one_set"), [(5, True), (REST_S - 1, True), (REST_S, False)])
def test_a_short_pause_belongs_to_its_set_and_a_long_one_is_a_rest(seconds: float, one_set: bool) -> None:
    workout = frames((SQUAT, 10), (NONE, seconds), (SQUAT, 10))
    pauses = np.r_[np.zeros(100, bool), np.ones(round(seconds * FPS), bool), np.zeros(100, bool)]
    assert [name for name, *_ in stretches(workout, pauses)] == (["squat"] if one_set else ["squat", "none", "squat"])


def test_a_pause_between_two_exercises_and_at_the_ends_is_none() -> None:
    workout = frames((SQUAT, 2), (SQUAT, 20), (LUNGE, 2), (LUNGE, 20), (LUNGE, 2))
    pauses = np.repeat([True, False, True, False, True], [20, 200, 20, 200, 20])
    assert [name for name, *_ in stretches(workout, pauses)] == ["none", "squat", "none", "lunge", "none"]


def test_who_is_still_pauses_or_holds() -> None:
    """By what the network says: an exercise that is held, or any other."""
    probabilities = frames((SQUAT, 10), (LUNGE, 10), (NONE, 10))
    still = np.ones(300, bool)
    still[[99, 199]] = False
    pauses = find_pauses(still, np.zeros(300, int), Prediction(probabilities, probabilities.mean(axis=0)), classifier())
    assert [pauses[50], pauses[150], pauses[250]] == [True, False, True]
