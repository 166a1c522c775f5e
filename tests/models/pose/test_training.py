import dataclasses
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.blazepose.landmarks import read_landmarks, write_landmarks
from fitness_tracker.clips.folder import Clip
from fitness_tracker.core.errors import UserError
from fitness_tracker.core.params import Limits, Params, load_params
from fitness_tracker.corpus.pairs import PhotoPair
from fitness_tracker.models import processes
from fitness_tracker.models.calibration import calibrate, fit_none_threshold, fit_temperature, group_weights
from fitness_tracker.models.classifier import NONE, ClipUsage, apply_temperature
from fitness_tracker.models.pose import training
from fitness_tracker.models.pose.batches import PoseSettings, WindowBatches, sampling_weights
from fitness_tracker.models.pose.classifier import IMAGE, WORLD
from fitness_tracker.models.pose.dataset import PAIRS_FOLD, PoseData, TrainingSet, find_classes, read_training_set
from fitness_tracker.models.pose.features import ANKLE, FEATURES, JOINTS, KNEE, WRIST, tracks_from_landmarks
from fitness_tracker.models.pose.network import build_graph, unpack_weights
from fitness_tracker.models.pose.training import (
    Task,
    ask_held_out,
    fit,
    fit_member,
    fit_network,
    plan_members,
    prior_shift,
)
from fitness_tracker.models.processes import run_side_by_side
from fitness_tracker.models.tensorflow_setup import make_deterministic
from fitness_tracker.models.training import TrainingData, deciding_params, random_stream
from tests.models.pose.test_features import figure, landmarks
from tests.projects import ROOT

PARAMS = load_params(ROOT / "params.yaml")
WINDOW = 16


def small(**train: object) -> Params:
    sizes = {"windows_per_epoch": 64, "units": 16, "members": 2, "unseen_folds": 1, "window_s": WINDOW / 10}
    pose = dataclasses.replace(PARAMS.pose, **sizes)
    train = {"batch_size": 16, "learning_rate": 0.005, **train}
    return dataclasses.replace(PARAMS, pose=pose, train=dataclasses.replace(PARAMS.train, **train))


def settings(pose: dict | None = None, **train: object) -> PoseSettings:
    params = small(**train)
    return PoseSettings(
        params.train, dataclasses.replace(params.pose, **pose or {}), params.pose_augmentation, params.extract.fps
    )


def clip(exercise: str, seed: int, frames: int = 30):
    """Landmarks of a figure that squats or presses, at its own pace and with its own proportions."""
    rng = np.random.default_rng(seed)
    effort = (1 - np.cos(np.arange(frames) * rng.uniform(0.3, 0.6) + rng.uniform(0, 6)))[:, None] / 2
    body = np.tile(figure() * rng.uniform(0.9, 1.1, 3), (frames, 1, 1))
    if exercise == "squat":
        body[:, 2 * KNEE : 2 * KNEE + 2] += effort[:, None] * (0, -0.5, -0.6)
        body[:, 2 * ANKLE : 2 * ANKLE + 2] += effort[:, None] * (0, -0.9, 0)
    else:
        body[:, 2 * WRIST : 2 * WRIST + 2] += (0, -1.2, -0.1) + effort[:, None] * (0, -0.7, 0)
    return landmarks(frames, body + rng.normal(0, 0.01, body.shape))


def some(number: int, first: int) -> PoseData:
    labels = np.arange(number) % 2
    tracks = [
        tracks_from_landmarks(clip(("press", "squat")[label], first + n), JOINTS) for n, label in enumerate(labels)
    ]
    return PoseData(tracks, labels, np.arange(number))


@pytest.fixture(scope="module")
def trained():
    data, held_out = some(16, 0), some(8, 100)
    task = Task(data, held_out, [1], range(3), settings({"windows_per_epoch": 128}, epochs=20))
    return fit_member(task, lambda: None), task


def test_the_model_learns_what_is_plain_to_see_of_people_it_never_saw(trained) -> None:
    fitted, task = trained
    said = ask_held_out(fitted, task)
    assert said.shape == (8, 3)
    assert (said.argmax(axis=1) == task.held_out.classes).mean() > 0.9
    assert set(fitted.history) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert len(fitted.history["loss"]) == 20
    assert fitted.history["loss"][-1] < fitted.history["loss"][0]


@pytest.mark.slow
def test_members_fitted_side_by_side_are_the_same_as_alone(trained, monkeypatch: pytest.MonkeyPatch) -> None:
    _, task = trained
    tasks = [
        dataclasses.replace(task, settings=dataclasses.replace(task.settings, member=n, train=small(epochs=1).train))
        for n in (0, 1)
    ]
    monkeypatch.setattr(processes, "worker_count", lambda *_: 2)
    epochs: list[int] = []
    beside = run_side_by_side(fit_member, tasks, lambda: epochs.append(1))
    assert len(epochs) == 2
    monkeypatch.setattr(processes, "worker_count", lambda *_: 1)
    alone = run_side_by_side(fit_member, tasks, lambda: epochs.append(1))
    assert len(epochs) == 4
    for one, other in zip(beside, alone, strict=True):
        for weights, same in zip(one.weights, other.weights, strict=True):
            np.testing.assert_array_equal(weights, same)
    assert (beside[0].weights[0] != beside[1].weights[0]).any()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights() -> None:
    data, weights = some(6, 0), []
    for _ in range(2):
        make_deterministic(0)
        weights.append(fit_network(data, data, range(3), settings(epochs=1))[0].get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_epoch_has_its_windows_and_idle_people_among_them() -> None:
    batches = WindowBatches(
        some(6, 0), range(3), settings({"windows_per_epoch": 700, "synthetic_idle_ratio": 0.2}, batch_size=70)
    )
    shown = [batches[number] for number in range(len(batches))]
    assert [features.shape for features, _ in shown] == [(70, WINDOW, FEATURES)] * 10
    truth = np.concatenate([labels for _, labels in shown]).argmax(axis=1)
    assert 0.15 < (truth == 2).mean() < 0.3
    first = shown[0][0]
    np.testing.assert_array_equal(first, batches[0][0])
    batches.on_epoch_end()
    assert (first != batches[0][0]).any()


def test_rare_exercises_and_groups_are_drawn_more_often_but_not_as_often() -> None:
    classes, groups = np.array([0] * 100 + [1] * 4), np.array(["a"] * 99 + ["b"] + ["c", "d", "e", "f"])
    chances = sampling_weights(PoseData([], classes, groups), [0, 1, 2], 0.3)
    assert chances.sum() == pytest.approx(1)
    assert chances[99] / chances[0] == pytest.approx(99**0.5)
    assert 1 < chances[:100].sum() / chances[100:].sum() < 25


def test_labels_of_an_exercise_are_drawn_together_and_each_label_of_nothing_taught_by_itself() -> None:
    classes = np.array([0] * 8 + [1] * 2 + [2] * 8 + [3] * 2)  # two labels of one exercise, two of 'none'
    data = PoseData([], classes, np.arange(20))
    chances = sampling_weights(data, [0, 0, 1, 1], 0.4)
    assert chances[classes >= 2].sum() == pytest.approx(0.4)
    assert chances[0] == chances[9]
    assert chances[19] / chances[10] == pytest.approx(2)
    taught = PoseData([], classes[:10], np.arange(10))
    assert sampling_weights(taught, [0, 0, 1, 1], 0.4).sum() == pytest.approx(1)


def test_answers_are_corrected_for_nothing_taught_being_drawn_more_often_than_it_is_asked() -> None:
    """Odds of 1 in the training are those of a fourth where a fifth of what is asked is nothing taught."""
    pose = dataclasses.replace(PARAMS.pose, untaught_ratio=0.5, untaught_prior=0.2)
    shift = prior_shift([0, 2, 1, 2], pose)
    np.testing.assert_allclose(shift, [0, np.log(4), 0, np.log(4)], rtol=1e-6)
    assert not prior_shift([0, 2, 1, 2], dataclasses.replace(pose, untaught_prior=0.5)).any()


@pytest.mark.slow
@pytest.mark.parametrize(("untaught", "weighed", "shifted"), [(1, True, 2.0), (0, True, 0.0), (1, False, 0.0)])
def test_answers_are_corrected_only_where_the_ratio_was_drawn(untaught: int, weighed: bool, shifted: float) -> None:
    """One's own clips alone show nothing untaught; they were once answered as if every second one did."""
    data = some(8, 0)
    data = data._replace(classes=np.where(np.arange(8) < 2 * untaught, 2, data.classes))
    biases = []
    for prior in (0.5, 0.5 / (0.5 + 0.5 * np.exp(2))):
        chosen = settings({"untaught_ratio": 0.5, "untaught_prior": float(prior)}, epochs=1, class_weights=weighed)
        biases.append(fit_member(Task(data, data, [1], range(3), chosen), lambda: None).weights[-1])
    np.testing.assert_allclose(biases[0] - biases[1], [0, 0, shifted], atol=1e-5)


def test_a_member_sees_nobody_of_its_fold_and_nothing_untaught_that_is_shown_there() -> None:
    """Nor does it see photo pairs of that."""
    names = np.array(["squat", "squat", "press", "crawl", "crawl", NONE, NONE, "squat", "crawl", "jump"])
    folds, untaught = np.array([0, 1, 1, 0, 1, 0, 1, *[PAIRS_FOLD] * 3]), np.isin(names, ("crawl", "jump"))
    classes = find_classes({"squat": "squat", "press": "press", "crawl": NONE, "jump": NONE}, ["press", "squat", NONE])
    assert classes == (["crawl", "jump", "press", "squat", NONE], [2, 2, 0, 1, 2])
    clips = TrainingSet(
        PoseData([], classes.numbers(names), np.arange(10)), classes, folds, untaught, np.ones(10, bool)
    )
    assert clips.seen_by([0]).tolist() == [False, True, True, False, False, False, True, True, False, True]
    assert clips.seen_by([1]).tolist() == [True, False, False, False, False, True, False, True, False, True]
    assert clips.seen_by([0, 1]).tolist() == [False] * 7 + [True, False, True]
    assert clips.exercises.tolist() == [1, 1, 0, 2, 2, 2, 2, 1, 2, 2]


def pair(exercise: str, label: str = "") -> PhotoPair:
    """The first frame of a figure, and its ninth."""
    return PhotoPair(f"{exercise}1", label or exercise, exercise, clip(exercise, 5)[np.array([0, 8])])


def test_a_photo_pair_is_a_movement_there_and_back_that_nobody_is_tested_on(data) -> None:
    exercises = ["press", "squat", NONE]
    found = read_training_set(dataclasses.replace(data, pairs=[pair("squat", "deep_squat")]), exercises)
    assert found.folds[-1] == PAIRS_FOLD
    assert [task.folds for task in plan_members(found, data, small(), None)] == [[0], [1]]
    assert [found.classes.labels[number] for number in found.data.classes[-2:]] == [NONE, "deep_squat"]
    assert (found.exercises[-1], found.clear[-1]) == (1, False)
    moved, photos = found.data.clips[-1], tracks_from_landmarks(pair("squat").landmarks, JOINTS)
    np.testing.assert_allclose(moved.world[[0, -1]], photos.world, atol=1e-6)
    steps = np.linalg.norm(np.diff(moved.world[:, 2 * KNEE], axis=0), axis=-1)
    assert len(steps) == 15  # 1.5 s
    assert steps.argmax() == 7  # fastest in the middle
    assert steps[0] < 0.2 * steps[7]


def test_labels_are_told_apart_and_their_probabilities_add_up_to_exercises(data) -> None:
    make_deterministic(0)
    pairs = [pair("squat", "deep_squat"), pair("press", "push_press")]
    done = fit(dataclasses.replace(data, pairs=pairs), small(epochs=1)).classifier
    assert done.labels == {
        "deep_squat": "squat", "press": "press", "push_press": "press", "squat": "squat", NONE: NONE
    }  # fmt: skip
    assert done.classes == [1, 0, 0, 1, 2]
    assert unpack_weights(done.weights)[0][-1].shape == (5,)
    marks = read_landmarks(data.inputs["squat/p0__1"])
    probabilities = done.graph(
        **{IMAGE: marks.image_landmarks[None, :WINDOW, :, :3], WORLD: marks.world_landmarks[None, :WINDOW]}
    ).probabilities
    assert probabilities.shape == (1, 2, 3)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, atol=1e-5)
    of_labels = build_graph(small().pose, WINDOW, range(5), done.weights)(
        [marks.image_landmarks[None, :WINDOW, :, :3], marks.world_landmarks[None, :WINDOW]]
    )["probabilities"].numpy()
    expected = np.stack([of_labels[..., [1, 2]].sum(-1), of_labels[..., [0, 3]].sum(-1), of_labels[..., 4]], axis=-1)
    np.testing.assert_allclose(probabilities, expected, atol=1e-4)


@pytest.mark.parametrize("exercises", [["press", "squat", NONE], ["press", NONE]])
def test_ones_own_clips_teach_whatever_they_are_called(data, exercises: list[str]) -> None:
    """Where no clip is 'none', the last exercise was once taken for untaught, and kept from everybody."""
    own = [clip for clip in data.clips if clip.exercise != NONE]
    found = read_training_set(dataclasses.replace(data, clips=own), exercises)
    assert not found.untaught.any()
    for fold in (0, 1, 2):
        assert (found.seen_by([fold]) == (found.folds != fold)).all()
    taught = [clip.exercise if clip.exercise in exercises else NONE for clip in own]
    assert [exercises[number] for number in found.exercises] == taught


def test_nine_in_ten_taught_clips_are_named() -> None:
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.3, 1, 200)
    probabilities = [np.array([[one, 0, 1 - one]]) for one in sure]
    groups, clear = np.arange(200), np.ones(200, bool)
    exercises = ["press", "squat", NONE]
    temperature, threshold = calibrate(probabilities, exercises, np.zeros(200, int), groups, clear, 0.9)
    warm = apply_temperature(np.concatenate(probabilities), temperature)[:, :-1].max(axis=1)
    assert (1 - warm <= threshold).mean() == pytest.approx(0.9, abs=0.01)
    assert calibrate(probabilities, ["press", "squat", "plank"], np.zeros(200, int), groups, clear, 0.9)[1] == 1


def test_each_group_counts_the_same_for_the_threshold() -> None:
    scores, groups = np.array([0.1] * 90 + [0.5, 0.6, 0.7]), np.array(["a"] * 90 + ["b", "c", "d"])
    assert fit_none_threshold(scores, 0.5, group_weights(groups)) == 0.6  # 0.5 x 5 / 4 of the groups


def test_a_few_groups_set_no_threshold() -> None:
    """Three sure clips would make it so strict that the next one is none."""
    scores = np.full(9, 0.001)
    assert [fit_none_threshold(scores[:n], 0.9, np.ones(n)) for n in (1, 8, 9)] == [0.5, 0.5, 0.001]


def test_the_temperature_makes_a_boaster_modest_and_a_doubter_sure() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 600)
    guess = np.where(rng.random(600) < 0.7, labels, (labels + 1) % 3)
    boaster = np.full((600, 3), 0.005)
    boaster[np.arange(600), guess] = 0.99
    warm = fit_temperature([row[None] for row in boaster], labels)
    assert warm > 2
    doubter = np.full((600, 3), 0.32)
    doubter[np.arange(600), labels] = 0.36
    assert fit_temperature([row[None] for row in doubter], labels) < 0.5


def test_a_few_clips_that_are_all_right_do_not_make_it_certain() -> None:
    said = [np.array([[0.8, 0.1, 0.1]])] * 8
    few, many = (fit_temperature(said * times, np.zeros(8 * times, int)) for times in (1, 20))
    assert 0.3 < many < few < 1


@pytest.fixture
def data(tmp_path: Path, networks: dict[str, bytes]) -> TrainingData:
    """Landmarks of eight people, squatting, pressing and doing nothing, as the stage writes them."""
    clips, split = [], {}
    for person in range(8):
        for exercise in ("press", "squat", NONE):
            name = f"{exercise}/p{person}__1"
            marks = clip("squat" if exercise == NONE else exercise, 10 * person)
            if exercise == NONE:
                marks.image_landmarks[:], marks.world_landmarks[:] = (
                    marks.image_landmarks[:1],
                    marks.world_landmarks[:1],
                )
            path = tmp_path / "landmarks" / f"{name}.npz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(write_landmarks(marks))
            clips.append(Clip(name, path))
            split[name] = ClipUsage(0 if person > 4 else 1 + person % 2, f"p{person}", "")
    return TrainingData(clips, {clip.name: clip.path for clip in clips}, split, networks)


@pytest.mark.slow
def test_a_folder_named_none_teaches_what_is_no_exercise(data) -> None:
    make_deterministic(0)
    pose = dataclasses.replace(PARAMS.pose, windows_per_epoch=192, units=32, members=1)
    done = fit(data, dataclasses.replace(small(epochs=30), pose=pose))
    assert done.classifier.exercises == ["press", "squat", "none"]
    assert set(done.metrics) == {"epochs", "train_accuracy", "train_log_loss", "val_accuracy", "val_log_loss"}
    assert done.metrics["val_accuracy"] > 0.9
    for exercise in (NONE, "squat"):
        prediction = done.classifier.predict_file(data.inputs[f"{exercise}/p7__1"])
        assert done.classifier.decide_label(prediction)[0] == exercise


def test_missing_landmarks_are_told(data) -> None:
    data.inputs["squat/p0__1"].unlink()
    with pytest.raises(UserError, match=r"squat/p0__1\.npz: No such file"):
        fit(data, small())


@pytest.mark.slow
def test_a_fold_without_exercises_is_no_end(data) -> None:
    kept = [clip for clip in data.clips if data.usage[clip.name].fold or clip.exercise == NONE]
    params = small(epochs=1)
    one = dataclasses.replace(params, pose=dataclasses.replace(params.pose, members=1))
    assert fit(dataclasses.replace(data, clips=kept), one).classifier.none_threshold == 0.5


@pytest.mark.slow
@pytest.mark.parametrize(("number", "expected"), [(1, [[0], [1]]), (2, [[0, 1], [1, 2]]), (9, [[0, 1], [1, 2]])])
def test_each_member_learns_from_all_folds_but_its_own(
    data, monkeypatch: pytest.MonkeyPatch, number: int, expected: list[list[int]]
) -> None:
    seen = []

    def spy(function, tasks, tick):
        seen.extend((len(task.train.clips), len(task.held_out.clips), task.settings.member) for task in tasks)
        return [function(task, tick) for task in tasks]

    monkeypatch.setattr(training, "run_side_by_side", spy)
    params = small(epochs=1)
    done = fit(data, dataclasses.replace(params, pose=dataclasses.replace(params.pose, unseen_folds=number)))
    sizes = [sum(used.fold == fold for used in data.usage.values()) for fold in range(3)]
    hidden = [sum(sizes[fold] for fold in folds) for folds in expected]
    assert seen == [(24 - hidden[0], hidden[0], 0), (24 - hidden[1], hidden[1], 1)]
    assert done.classifier.unseen_folds == [set(folds) for folds in expected]
    first, second = unpack_weights(done.classifier.weights)
    assert (first[0] != second[0]).any()


@pytest.mark.parametrize(
    ("kind", "others"), [("pose", {"cnn", "frame_augmentation"}), ("cnn", {"pose", "pose_augmentation"})]
)
def test_the_parameters_of_a_classifier_are_those_that_decide_about_it(kind: str, others: set[str]) -> None:
    params = dataclasses.replace(PARAMS, train=dataclasses.replace(PARAMS.train, model=kind))
    found, everything = deciding_params(params), dataclasses.asdict(params)
    assert found == {name: everything[name] for name in found}
    assert everything.keys() - found.keys() == {"videos", "bad_clips", "cache_gb", "limits"} | others


def test_a_checkpoint_is_of_what_the_training_reads(data) -> None:
    """A changed `cache_gb` once threw hours away."""

    def keys(**changes: object) -> list[str]:
        params, exercises = dataclasses.replace(small(), **changes), ["press", "squat", NONE]
        return [task.key for task in plan_members(read_training_set(data, exercises), data, params, None)]

    assert keys() == keys(cache_gb=1.0) == keys(bad_clips="skip") == keys(limits=Limits(seconds=9))
    assert keys() == keys(none=dataclasses.replace(PARAMS.none, accepted_share=0.5))
    assert not {*keys()} & {*keys(train=dataclasses.replace(PARAMS.train, epochs=3))}


@pytest.mark.slow
def test_only_the_exercises_that_are_named_are_taught(data) -> None:
    params = dataclasses.replace(small(epochs=1), exercises=["squat"])
    assert fit(data, params).classifier.exercises == ["squat", NONE]
    with pytest.raises(UserError, match="exercises names handstand, which no clip shows"):
        fit(data, dataclasses.replace(params, exercises=["handstand"]))


def test_random_streams_are_independent() -> None:
    """Before, an epoch's order and its first batch's augmentation came from one stream."""
    draws = [random_stream(*key).random(4).tolist() for key in ((3,), (3, 0), (3, 1), (3, 1, 0), (3, 0, 1), (4,))]
    assert len({tuple(numbers) for numbers in draws}) == 6
    assert random_stream(3, 1).random() == random_stream(3, 1).random()
