import json
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.errors import UserError
from fitness_tracker.models import Classifier, Split, build_cnn, load_classifier, save_classifier
from fitness_tracker.params import Cnn

CNN = Cnn(image_size=32, filters=[4, 8, 8], dense_units=16, dropout=0.5)


@pytest.fixture
def classifier() -> Classifier:
    split = {"squat/anna__1": Split("train", "anna", "ab" * 32)}
    return Classifier(build_cnn(CNN, 3), ["lunge", "plank", "squat"], CNN, "pad", 10.0, "^(.+?)__", split)


def test_the_classic_network_has_its_parameters() -> None:
    network = build_cnn(Cnn(image_size=64, filters=[16, 32, 64], dense_units=64, dropout=0.5), 8)
    convolutions = (3 * 9 * 16 + 16) + (16 * 9 * 32 + 32) + (32 * 9 * 64 + 64)
    dense = (8 * 8 * 64 * 64 + 64) + (64 * 8 + 8)
    assert network.count_params() == convolutions + dense == 286_312


def test_the_classic_network_has_its_layers() -> None:
    kinds = [type(layer).__name__ for layer in build_cnn(CNN, 3).layers]
    assert kinds == ["Rescaling", *["Conv2D", "MaxPooling2D"] * 3, "Flatten", "Dense", "Dropout", "Dense"]


def test_probabilities_add_up_to_one(classifier: Classifier, noise) -> None:
    found = classifier.classify_frames(noise(70, 480, 640, 3))
    assert found.shape == (70, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_a_classifier_comes_back_as_it_was_saved(classifier: Classifier, tmp_path: Path, noise) -> None:
    save_classifier(classifier, tmp_path)
    loaded = load_classifier(tmp_path)
    frames = noise(3, 480, 640, 3)
    np.testing.assert_array_equal(loaded.classify_frames(frames), classifier.classify_frames(frames))
    for field in ("exercises", "cnn", "fit", "fps", "group", "split"):
        assert getattr(loaded, field) == getattr(classifier, field)


def test_the_same_classifier_is_the_same_bytes(classifier: Classifier, tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_classifier(classifier, tmp_path / name)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    assert len(list((tmp_path / "one").iterdir())) == 2


def test_the_optimizer_is_not_kept(classifier: Classifier, tmp_path: Path, noise) -> None:
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
        content["cnn"]["dense_units"] = 17
        described.write_text(json.dumps(content))
    with pytest.raises(UserError, match="damaged"):
        load_classifier(tmp_path)
