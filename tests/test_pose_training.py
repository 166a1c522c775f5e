import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, run
from test_pose_features import figure, landmarks

from fitness_tracker.classifier import NONE, ClipUsage, apply_temperature, raise_none
from fitness_tracker.clips.folder import Clip
from fitness_tracker.errors import UserError
from fitness_tracker.learning import fit_temperature
from fitness_tracker.params import Params, load_params
from fitness_tracker.pose import training
from fitness_tracker.pose.features import (
    ANKLE,
    FEATURES,
    KNEE,
    WRIST,
    Poses,
    features,
    poses_from_landmarks,
    window_statistics,
)
from fitness_tracker.pose.idle import idle_windows
from fitness_tracker.pose.landmarks import write_landmarks
from fitness_tracker.pose.training import (
    PoseData,
    PoseSettings,
    WindowBatches,
    all_windows,
    fit,
    fit_detector,
    fit_forest,
    fit_member,
    fit_network,
    fit_pose_temperature,
    predict_held_out,
    random_stream,
)
from fitness_tracker.processing.checkpointing import Checkpoint
from fitness_tracker.tensorflow_setup import make_deterministic

PARAMS = load_params(ROOT / "params.yaml")
WINDOW = 16


def small(**train: object) -> Params:
    pose = dataclasses.replace(PARAMS.pose, windows_per_clip=4, units=16, members=2, trees=20)
    train = {"batch_size": 16, "learning_rate": 0.005, "window": WINDOW / 10, **train}
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
    poses = [poses_from_landmarks(clip(("press", "squat")[label], first + n)) for n, label in enumerate(labels)]
    return PoseData(poses, labels)


@pytest.fixture(scope="module")
def trained():
    make_deterministic(0)
    data, validation = some(16, 0), some(8, 100)
    checkpoint = Checkpoint()
    return fit_member(data, validation, 1, 3, settings(epochs=20), checkpoint), checkpoint.history, data, validation


def test_the_model_learns_what_is_plain_to_see_of_people_it_never_saw(trained) -> None:
    fitted, history, *_ = trained
    unseen, truth = some(10, 500)
    windows, owner = all_windows(unseen, WINDOW)
    said, summaries = fitted.model.predict_proba(windows)
    assert said.shape == (len(windows), 3)
    assert summaries.shape == (len(windows), 16)
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-5)
    assert (said.argmax(axis=1) == truth[owner]).mean() > 0.9
    assert set(history) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert len(history["loss"]) == 20
    assert history["loss"][-1] < history["loss"][0]


def test_the_forest_is_the_same_twice_and_knows_who_does_nothing() -> None:
    data = some(12, 0)
    chosen = settings({"synthetic_idle_ratio": 0.5, "windows_per_clip": 24, "trees": 60})
    forest, same = fit_forest(data, 3, chosen), fit_forest(data, 3, chosen)
    for one, other in zip(vars(forest).values(), vars(same).values(), strict=True):
        np.testing.assert_array_equal(one, other)
    windows, owner = all_windows(some(6, 300).clips, WINDOW)
    said = forest.predict_proba(window_statistics(windows))
    assert forest.roots.shape == (60,)
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-5)
    assert (said.argmax(axis=1) == np.array([0, 1] * 3)[owner]).mean() > 0.9
    idle = idle_windows(40, WINDOW, 10.0, np.random.default_rng(5))
    assert (forest.predict_proba(window_statistics(features(idle))).argmax(axis=1) == 2).mean() > 0.8


def test_the_same_seed_gives_the_same_weights() -> None:
    data, weights = some(6, 0), []
    for _ in range(2):
        make_deterministic(0)
        weights.append(fit_network(data, data, 3, settings(epochs=1))[0].get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_epoch_shows_every_clip_as_often_and_idle_people_beside() -> None:
    batches = WindowBatches(some(6, 0), 3, settings(batch_size=7))
    shown = [batches[number] for number in range(len(batches))]
    assert all(features.shape[1:] == (WINDOW, FEATURES) for features, *_ in shown)
    truth = np.concatenate([labels for _, labels, _ in shown]).argmax(axis=1)
    idle = round(24 * PARAMS.pose.synthetic_idle_ratio)
    assert len(truth) == 24 + idle
    assert (truth == 2).sum() >= idle
    first = shown[0][0]
    np.testing.assert_array_equal(first, batches[0][0])
    batches.on_epoch_end()
    assert (first != batches[0][0]).any()


def test_rare_exercises_weigh_more() -> None:
    data = PoseData(some(4, 0).clips, np.array([0, 0, 0, 1]))
    batches = WindowBatches(data, 3, settings(batch_size=100))
    _, labels, weights = batches[0]
    label = labels.argmax(axis=1)
    assert set(weights[label == 1].ravel()) == {2.0}
    assert set(weights[label == 0].ravel()) == {np.float32(4 / 6)}
    plain = WindowBatches(data, 3, settings(batch_size=100, class_weights=False))
    assert set(plain[0][2].ravel()) == {1.0}


def test_a_movement_that_was_not_taught_is_further_away(trained) -> None:
    fitted, *_ = trained
    strange = []
    for seed in range(5):  # lies on the back and kicks: nothing like the others
        marks = clip("squat", seed)
        marks.world_landmarks[:] = marks.world_landmarks[..., [0, 2, 1]]
        marks.image_landmarks[..., :3] = marks.image_landmarks[..., [0, 2, 1]]
        strange.append(poses_from_landmarks(marks))

    def distance(poses: Poses) -> float:
        return float(fitted.detector.distances(fitted.model.predict_proba(all_windows([poses], WINDOW)[0])[1]).mean())

    known = [distance(one) for one in some(8, 700).clips]
    untaught = [distance(one) for one in strange]
    assert min(untaught) > max(known)
    assert fitted.detector.probability(min(untaught)) > fitted.detector.probability(np.median(known))
    assert fitted.detector.probability(fitted.detector.middle) == pytest.approx(0.5)


@pytest.mark.parametrize("number", [1, 8])
def test_no_clip_of_a_small_validation_part_is_rejected(trained, number: int) -> None:
    fitted, _, data, validation = trained
    detector = fit_detector(fitted.model, data, validation.clips[:number], WINDOW, 0.03)
    windows, owner = all_windows(validation.clips[:number], WINDOW)
    distances = detector.distances(fitted.model.predict_proba(windows)[1])
    for one in range(number):
        assert detector.probability(float(distances[owner == one].mean())) < 0.3


def test_the_detector_does_not_depend_on_the_number_of_cores(tmp_path: Path) -> None:
    """At the size of the default network, where the number of threads would change the last bits."""
    program = """
import hashlib, sys, numpy as np
from fitness_tracker.pose import training as pose_training
rng = np.random.default_rng(0)
class Model:
    def predict_proba(self, windows):
        return None, windows[:, 0, :1] @ np.linspace(-1, 1, 384)[None].astype(np.float32) + noise[: len(windows)]
noise = rng.normal(size=(3000, 384)).astype(np.float32)
pose_training.all_windows = lambda clips, length: (noise[:, None], np.arange(3000))
found = pose_training.fit_detector(Model(), pose_training.PoseData([], np.arange(3000) % 10), [], 16, 0.03)
print(hashlib.sha256(found.whiten.tobytes() + repr((found.middle, found.width)).encode()).hexdigest())
"""
    path = tmp_path / "program.py"
    path.write_text(program)
    told = {
        run(tmp_path, sys.executable, str(path), cores=cores, PYTHONPATH=str(ROOT / "src")).stdout
        for cores in ("0", "0,1")
    }
    assert len(told) == 1
    assert len(told.pop()) == 65


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


def test_the_temperature_makes_the_held_out_clips_likelier(trained) -> None:
    fitted, *_, data = trained
    held_out = predict_held_out(fitted, data, WINDOW)

    def loss(temperature: float) -> float:
        means = [apply_temperature(of_clip, temperature).mean(axis=0) for of_clip in held_out.probabilities]
        return -np.log(raise_none(np.stack(means), held_out.foreign)[np.arange(len(means)), data.labels]).mean()

    assert loss(fit_pose_temperature([held_out])) <= loss(1.0)


@pytest.fixture
def folder(tmp_path: Path) -> tuple[list[Clip], Path, dict[str, ClipUsage]]:
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
    return clips, tmp_path / "landmarks", split


def test_a_folder_named_none_teaches_what_is_no_exercise(folder, networks_folder: Path) -> None:
    clips, landmarks_folder, usage = folder
    make_deterministic(0)
    pose = dataclasses.replace(PARAMS.pose, windows_per_clip=8, units=32, members=1, trees=50)
    done = fit(clips, usage, landmarks_folder, networks_folder, dataclasses.replace(small(epochs=30), pose=pose))
    assert done.classifier.exercises == ["press", "squat", "none"]
    assert set(done.metrics) == {"epochs", "train_accuracy", "train_log_loss", "val_accuracy", "val_log_loss"}
    assert done.metrics["val_accuracy"] > 0.9
    for exercise in (NONE, "squat"):
        prediction = done.classifier.predict_file(landmarks_folder / f"{exercise}/p7__1.npz")
        assert done.classifier.decide_label(prediction)[0] == exercise


def test_missing_landmarks_are_told(folder, networks_folder: Path) -> None:
    clips, landmarks_folder, usage = folder
    (landmarks_folder / "squat/p0__1.npz").unlink()
    with pytest.raises(UserError, match=r"squat/p0__1\.npz: No such file"):
        fit(clips, usage, landmarks_folder, networks_folder, small())


def test_a_fold_without_exercises_is_no_end(folder, networks_folder: Path) -> None:
    clips, landmarks_folder, usage = folder
    kept = [clip for clip in clips if usage[clip.name].fold or clip.exercise == NONE]
    done = fit(kept, usage, landmarks_folder, networks_folder, small(epochs=1))
    assert all(np.isfinite(member.detector.middle) for member in done.classifier.members)


def test_each_member_learns_from_all_folds_but_its_own(
    folder, networks_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips, landmarks_folder, usage = folder
    seen = []

    def spy(train, held_out, fold, *rest):
        seen.append((fold, len(train.clips), len(held_out.clips), rest[1].member))
        return fit_member(train, held_out, fold, *rest)

    monkeypatch.setattr(training, "fit_member", spy)
    done = fit(clips, usage, landmarks_folder, networks_folder, small(epochs=1))
    sizes = [sum(used.fold == fold for used in usage.values()) for fold in range(3)]
    assert seen == [(fold, 24 - sizes[fold], sizes[fold], fold) for fold in (0, 1)]
    assert done.classifier.unseen_folds == [{0}, {1}]
    first, second = (network.get_weights()[0] for network in done.classifier.networks)
    assert (first != second).any()


def test_random_streams_are_independent() -> None:
    """Before, an epoch's order and its first batch's augmentation came from one stream."""
    draws = [random_stream(*key).random(4).tolist() for key in ((3,), (3, 0), (3, 1), (3, 1, 0), (3, 0, 1), (4,))]
    assert len({tuple(numbers) for numbers in draws}) == 6
    assert random_stream(3, 1).random() == random_stream(3, 1).random()
