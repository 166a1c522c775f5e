import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from fitness_tracker.bundle import load_classifier, save_classifier
from fitness_tracker.classifier import NONE, Classifier, ClipUsage, apply_temperature
from fitness_tracker.cnn.classifier import FrameClassifier
from fitness_tracker.cnn.network import build_cnn
from fitness_tracker.errors import UserError
from fitness_tracker.params import Cnn, Pose
from fitness_tracker.pose.classifier import Forest, OutOfDistributionDetector, PoseClassifier, PoseModel
from fitness_tracker.pose.features import FEATURES
from fitness_tracker.pose.network import build_pose
from fitness_tracker.pose.weights import NETWORKS

CNN = Cnn(image_size=32, filters=[4, 8, 8], dense_units=16, dropout=0.5)


POSE = Pose(
    windows_per_clip=1, units=8, dropout=0.2, ensemble_size=2, trees=1, label_smoothing=0.1,
    false_rejection_rate=0.05, synthetic_idle_ratio=0.1,
)
EXERCISES = ["lunge", "plank", "squat"]
SPLIT = {"squat/anna__1": ClipUsage("train", "anna", "ab" * 32)}


# One question, is the mean of the first feature above 0?, and an answer for each case.
STUMP = Forest(
    np.array([0], np.int32),
    np.array([[1, 2], [1, 1], [2, 2]], np.int32),
    np.zeros(3, np.int32),
    np.zeros(3),
    np.array([[0, 0, 0, 0], [0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]], np.float32),
)


def frame_classifier(temperature: float = 1.0) -> FrameClassifier:
    return FrameClassifier(build_cnn(CNN, 3), EXERCISES, "pad", 10.0, "^(.+?)__", SPLIT, temperature, CNN)


def pose_classifier(networks: dict[str, bytes], middle: float = 1e9) -> PoseClassifier:
    """Untaught; `middle` is the distance from which everything is foreign to it."""
    novelty = OutOfDistributionDetector(np.ones((3, 16), np.float32), np.eye(16, dtype=np.float32), middle, 1.0)
    return PoseClassifier(
        build_pose(POSE, 4), [*EXERCISES, NONE], "pad", 10.0, "^(.+?)__", SPLIT, 1.3, POSE, STUMP, 16, novelty, networks
    )


@pytest.fixture(params=["cnn", "pose"])
def classifier(request: pytest.FixtureRequest, networks: dict[str, bytes]) -> Classifier:
    return frame_classifier() if request.param == "cnn" else pose_classifier(networks)


def test_the_classic_network_has_its_parameters() -> None:
    network = build_cnn(Cnn(image_size=64, filters=[16, 32, 64], dense_units=64, dropout=0.5), 8)
    convolutions = (3 * 9 * 16 + 16) + (16 * 9 * 32 + 32) + (32 * 9 * 64 + 64)
    dense = (8 * 8 * 64 * 64 + 64) + (64 * 8 + 8)
    assert network.count_params() == convolutions + dense == 286_312


def test_the_classic_network_has_its_layers() -> None:
    kinds = [type(layer).__name__ for layer in build_cnn(CNN, 3).layers]
    assert kinds == ["Rescaling", *["Conv2D", "MaxPooling2D"] * 3, "Flatten", "Dense", "Dropout", "Dense"]


def test_the_pose_network_has_its_parameters() -> None:
    member = (4 * FEATURES + FEATURES * 128 + 4 * 128 + 128 * 128 + 4 * 128) + (3 * 128 * 128 + 128) + (128 * 11 + 11)
    for members in (1, 3):
        network = build_pose(dataclasses.replace(POSE, units=128, members=members), 11)
        assert network.count_params() == members * member


def test_the_pose_network_is_the_mean_of_its_members(noise) -> None:
    network = build_pose(POSE, 4)
    windows = noise(3, 16, FEATURES).astype(np.float32) / 255
    said, summaries = network(windows)
    each = [keras.Model(network.inputs, network.get_layer(f"exercise{n}").output)(windows) for n in (1, 2)]
    np.testing.assert_allclose(said, (np.asarray(each[0]) + np.asarray(each[1])) / 2, atol=1e-6)
    assert summaries.shape == (3, 2 * POSE.units)


def test_a_tree_is_walked_to_its_leaves() -> None:
    rows = np.array([[-1.0, 5], [1, 5], [0, -5]], np.float32)
    assert STUMP.answer(rows).argmax(axis=1).tolist() == [0, 3, 0]


def test_network_and_forest_count_the_same(noise) -> None:
    network = build_pose(POSE, 4)
    windows = noise(3, 16, FEATURES).astype(np.float32) / 255
    said, summaries = PoseModel(network, STUMP).answer(windows)
    np.testing.assert_allclose(said, (np.asarray(network(windows)[0]) + STUMP.shares[2]) / 2, atol=1e-6)
    assert summaries.shape == (3, 2 * POSE.units)


def test_probabilities_add_up_to_one(classifier: Classifier, noise) -> None:
    found = classifier.judge(noise(70, 480, 640, 3))
    assert found.frames.shape == (70, len(classifier.exercises))
    assert found.frames.dtype == np.float32
    np.testing.assert_allclose(found.frames.sum(axis=1), 1, atol=1e-5)
    assert found.exercises.sum() == pytest.approx(1, abs=1e-5)
    assert 0 <= found.none <= 1


def test_a_temperature_above_one_makes_answers_less_sure_and_changes_none(noise) -> None:
    sure, modest = frame_classifier(0.5), frame_classifier(3.0)
    modest.network.set_weights(sure.network.get_weights())
    one, other = (known.judge(noise(5, 480, 640, 3)) for known in (sure, modest))
    assert (one.frames.argmax(axis=1) == other.frames.argmax(axis=1)).all()
    assert one.exercises.max() > other.exercises.max()
    np.testing.assert_allclose(apply_temperature(np.array([0.7, 0.2, 0.1]), 1.0), [0.7, 0.2, 0.1], atol=1e-6)


def test_nobody_is_none(networks: dict[str, bytes]) -> None:
    empty = [np.full((480, 640, 3), 128, np.uint8)] * 12
    known = pose_classifier(networks)
    assert known.decide_label(known.judge(empty)) == (NONE, 1.0)
    assert known.decide_label(known.judge(empty[:1])) == (NONE, 1.0)


def test_what_lies_far_from_all_that_was_taught_is_none(networks: dict[str, bytes], squat) -> None:
    frames = [frame for _, frame in squat]
    near, far = pose_classifier(networks, middle=1e9), pose_classifier(networks, middle=-1e9)
    far.network.set_weights(near.network.get_weights())
    assert far.name(far.judge(frames))[0] == NONE
    answer = near.judge(frames)
    assert answer.none == pytest.approx(answer.exercises[-1], abs=1e-4)


def test_a_picture_of_somebody_is_an_exercise(networks: dict[str, bytes], squat) -> None:
    known = pose_classifier(networks)
    answer = known.judge([squat[0][1]])
    assert answer.exercises[-1] < 1e-3
    assert answer.none < 1e-3
    assert known.decide_label(answer)[0] in EXERCISES


def test_a_classifier_comes_back_as_it_was_saved(classifier: Classifier, tmp_path: Path, squat) -> None:
    save_classifier(classifier, tmp_path)
    loaded = load_classifier(tmp_path)
    frames = [frame for _, frame in squat[:5]]
    one, other = loaded.judge(frames), classifier.judge(frames)
    np.testing.assert_array_equal(one.frames, other.frames)
    np.testing.assert_array_equal(one.exercises, other.exercises)
    assert one.none == other.none
    assert type(loaded) is type(classifier)
    for field in ("exercises", "fit", "fps", "group", "split", "temperature"):
        assert getattr(loaded, field) == getattr(classifier, field)


def test_the_same_classifier_is_the_same_bytes(classifier: Classifier, tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_classifier(classifier, tmp_path / name)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    names = {path.name for path in (tmp_path / "one").iterdir()}
    more = {"novelty.npz", "forest.npz", *NETWORKS.values()} if classifier.model == "pose" else set()
    assert names == {"classifier.json", "classifier.weights.h5"} | more


def test_the_optimizer_is_not_kept(tmp_path: Path, noise) -> None:
    classifier = frame_classifier()
    classifier.network.compile("adam", "sparse_categorical_crossentropy")
    classifier.network.fit(noise(4, 32, 32, 3), np.zeros(4), verbose=0)
    save_classifier(classifier, tmp_path)
    weights = 4 * classifier.network.count_params()
    assert (tmp_path / "classifier.weights.h5").stat().st_size < 1.5 * weights + 40_000


def test_a_missing_classifier_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no classifier"):
        load_classifier(tmp_path)


@pytest.mark.parametrize("damage", ["json", "weights", "shape"])
def test_a_damaged_classifier_is_told(classifier: Classifier, tmp_path: Path, damage: str) -> None:
    save_classifier(classifier, tmp_path)
    described = tmp_path / "classifier.json"
    if damage == "json":
        described.write_text("{")
    elif damage == "weights":
        (tmp_path / "classifier.weights.h5").write_bytes(b"no weights")
    else:
        content = json.loads(described.read_text())
        own, key = ("cnn", "dense_units") if classifier.model == "cnn" else ("pose", "units")
        content[own][key] = 17
        described.write_text(json.dumps(content))
    with pytest.raises(UserError, match="damaged"):
        load_classifier(tmp_path)


@pytest.mark.parametrize("damage", ["empty novelty", "no number", "another size", "no forest", "a list", "a network"])
def test_a_damaged_pose_bundle_is_told(networks: dict[str, bytes], tmp_path: Path, damage: str) -> None:
    save_classifier(pose_classifier(networks), tmp_path)
    described = tmp_path / "classifier.json"
    if damage == "empty novelty":
        (tmp_path / "novelty.npz").write_bytes(b"")
    elif damage == "no number":
        np.savez(tmp_path / "novelty.npz", means=np.full((3, 16), np.nan), whiten=np.eye(16))
    elif damage == "another size":
        np.savez(tmp_path / "novelty.npz", means=np.ones((3, 5)), whiten=np.eye(5))
    elif damage == "no forest":
        (tmp_path / "forest.npz").write_bytes(b"no forest")
    elif damage == "a list":
        content = json.loads(described.read_text())
        content["split"] = []
        described.write_text(json.dumps(content))
    else:
        (tmp_path / NETWORKS["landmarker"]).write_bytes(b"no network")
    with pytest.raises(UserError, match=r"the classifier is damaged .*train or fetch it again"):
        load_classifier(tmp_path)
