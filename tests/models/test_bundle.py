import dataclasses
import functools
import json
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.blazepose.tracker import pose_tracker
from fitness_tracker.blazepose.weights import NETWORKS
from fitness_tracker.core.errors import UserError
from fitness_tracker.core.params import Cnn, Pose
from fitness_tracker.models.bundle import checksum, load_classifier, save_classifier, sha256
from fitness_tracker.models.classifier import NONE, Classifier, ClipUsage, apply_temperature, short_hash
from fitness_tracker.models.cnn import network as cnn_network
from fitness_tracker.models.cnn.classifier import BATCH, FrameClassifier, frame_graph
from fitness_tracker.models.cnn.network import build_cnn
from fitness_tracker.models.convert import to_tflite
from fitness_tracker.models.graph import GRAPH, Graph
from fitness_tracker.models.pose.classifier import WEIGHTS, PoseClassifier
from fitness_tracker.models.pose.features import FEATURES
from fitness_tracker.models.pose.metric import METRIC, plain_metric
from fitness_tracker.models.pose.network import build_pose, make_graph, pack_weights
from tests.projects import ROOT, digests, run

CNN = Cnn(image_size=32, filters=[4, 8, 8], dense_units=16, dropout=0.5, members=2, patience_epochs=1)


POSE = Pose(
    windows_per_epoch=1,
    units=8,
    dropout=0.2,
    members=2,
    window_s=1.6,
    label_smoothing=0.1,
    unseen_folds=1,
    untaught_ratio=0.4,
    untaught_prior=0.3,
    synthetic_idle_ratio=0.1,
)
EXERCISES = ["lunge", "plank", "squat"]
HELD, TRAINED_WITH = ["plank"], {"corpus": False, "train": {"seed": 3}}
USAGE = {short_hash("squat/anna__1"): ClipUsage(0, short_hash("anna"), "ab" * 32)}


@functools.cache
def untaught_frame_graph() -> Graph:
    weights = [build_cnn(CNN, 3).get_weights() for _ in range(2)]
    return frame_graph(to_tflite(cnn_network.build_graph(CNN, 3, weights)), CNN, 2, 3)


@functools.cache
def untaught_pose_graph() -> tuple[Graph, bytes]:
    weights = pack_weights([build_pose(POSE, 4).get_weights() for _ in range(2)])
    return make_graph(POSE, 16, range(4), weights), weights


def frame_classifier(temperature: float = 1.0) -> FrameClassifier:
    return FrameClassifier(
        EXERCISES, "pad", 10.0, "^(.+?)__", USAGE, temperature, 1.0, HELD, TRAINED_WITH, 1000, untaught_frame_graph(),
        CNN, [[0, 1], [1, 2]],
    )  # fmt: skip


def pose_classifier(networks: dict[str, bytes], threshold: float = 0.99) -> PoseClassifier:
    """Untaught; what has a higher score of 'none' than `threshold` is none to it."""
    graph, weights = untaught_pose_graph()
    return PoseClassifier(
        [*EXERCISES, NONE], "pad", 10.0, "^(.+?)__", USAGE, 1.3, threshold, HELD, TRAINED_WITH, 1000, graph, POSE,
        [[0], [1]], 16, networks, weights, {name: name for name in (*EXERCISES, NONE)}, plain_metric(2, POSE.units),
    )  # fmt: skip


@pytest.fixture(params=["cnn", "pose"])
def classifier(request: pytest.FixtureRequest, networks: dict[str, bytes]) -> Classifier:
    return frame_classifier() if request.param == "cnn" else pose_classifier(networks)


def test_the_classic_network_has_its_parameters() -> None:
    network = build_cnn(dataclasses.replace(CNN, image_size=64, filters=[16, 32, 64], dense_units=64), 8)
    convolutions = (3 * 9 * 16 + 16) + (16 * 9 * 32 + 32) + (32 * 9 * 64 + 64)
    dense = (8 * 8 * 64 * 64 + 64) + (64 * 8 + 8)
    assert network.count_params() == convolutions + dense == 286_312


def test_the_classic_network_has_its_layers() -> None:
    kinds = [type(layer).__name__ for layer in build_cnn(CNN, 3).layers]
    assert kinds == ["Rescaling", *["Conv2D", "MaxPooling2D"] * 3, "Flatten", "Dense", "Dropout", "Dense"]


def test_the_pose_network_has_its_parameters() -> None:
    network = build_pose(dataclasses.replace(POSE, units=128), 11)
    frames = 4 * FEATURES + FEATURES * 128 + 4 * 128 + 128 * 128 + 4 * 128
    pooled = 3 * 128 + 5 * FEATURES
    assert network.count_params() == frames + (pooled * 128 + 128) + (128 * 11 + 11)


def test_a_classifier_is_the_mean_of_its_members(classifier: Classifier, squat) -> None:
    frames = [frame for _, frame in squat[:5]]
    each = [classifier.predict_frames(frames, [number]).probabilities for number in (0, 1)]
    assert np.abs(each[0] - each[1]).max() > 1e-4
    np.testing.assert_allclose(classifier.predict_frames(frames).probabilities, np.mean(each, axis=0), atol=1e-6)


def test_probabilities_add_up_to_one(classifier: Classifier, noise) -> None:
    found = classifier.predict_frames(noise(70, 480, 640, 3))
    assert found.frames.shape == (70, len(classifier.exercises))
    assert found.frames.dtype == np.float32
    np.testing.assert_allclose(found.frames.sum(axis=1), 1, atol=1e-5)
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_a_temperature_above_one_makes_answers_less_sure_and_changes_none(noise) -> None:
    sure, modest = frame_classifier(0.5), frame_classifier(3.0)
    one, other = (known.predict_frames(noise(5, 480, 640, 3), [0]) for known in (sure, modest))  # a mean may change
    assert (one.frames.argmax(axis=1) == other.frames.argmax(axis=1)).all()
    assert one.probabilities.max() > other.probabilities.max()
    np.testing.assert_allclose(apply_temperature(np.array([0.7, 0.2, 0.1]), 1.0), [0.7, 0.2, 0.1], atol=1e-6)


def test_nobody_is_none(networks: dict[str, bytes]) -> None:
    empty = [np.full((480, 640, 3), 128, np.uint8)] * 12
    known = pose_classifier(networks)
    assert known.decide_label(known.predict_frames(empty)) == (NONE, 1.0)
    assert known.decide_label(known.predict_frames(empty[:1])) == (NONE, 1.0)


def test_what_looks_like_no_one_exercise_is_none(networks: dict[str, bytes], squat) -> None:
    frames = [frame for _, frame in squat]
    easy, strict = pose_classifier(networks, threshold=1.0), pose_classifier(networks, threshold=0.0)
    prediction = easy.predict_frames(frames)
    score = 1 - prediction.probabilities[:-1].max()
    assert easy.none_score(prediction) == pytest.approx(score)
    assert easy.decide_label(prediction) == (
        EXERCISES[prediction.probabilities[:-1].argmax()],
        pytest.approx(1 - score),
    )
    assert strict.decide_label(strict.predict_frames(frames)) == (NONE, pytest.approx(score, abs=1e-5))


def test_who_is_seen_in_few_frames_is_not_none_by_that_alone(networks: dict[str, bytes], squat) -> None:
    """Before, the share of frames without a person counted as evidence for 'none'."""
    known = pose_classifier(networks)
    landmarks = pose_tracker(**networks).track(squat)
    landmarks.found[np.arange(len(landmarks.found)) % 4 != 0] = False
    assert known.decide_label(known.predict_landmarks(landmarks))[0] in EXERCISES


def test_a_picture_of_somebody_is_an_exercise(networks: dict[str, bytes], squat) -> None:
    known = pose_classifier(networks)
    answer = known.predict_frames([squat[0][1]])
    assert answer.probabilities[-1] < 1e-3
    assert known.decide_label(answer)[0] in EXERCISES


def test_a_classifier_comes_back_as_it_was_saved(classifier: Classifier, tmp_path: Path, squat) -> None:
    save_classifier(classifier, tmp_path)
    loaded = load_classifier(tmp_path)
    frames = [frame for _, frame in squat[:5]]
    one, other = loaded.predict_frames(frames), classifier.predict_frames(frames)
    np.testing.assert_array_equal(one.frames, other.frames)
    np.testing.assert_array_equal(one.probabilities, other.probabilities)
    assert type(loaded) is type(classifier)
    for field in (
        "exercises",
        "fit",
        "fps",
        "group",
        "usage",
        "temperature",
        "none_threshold",
        "held",
        "params",
        "parameters",
    ):
        assert getattr(loaded, field) == getattr(classifier, field)


def test_the_same_classifier_is_the_same_bytes(classifier: Classifier, tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_classifier(classifier, tmp_path / name)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    names = {path.name for path in (tmp_path / "one").iterdir()}
    more = {METRIC, WEIGHTS, *NETWORKS.values()} if classifier.kind == "pose" else set()
    assert names == {"classifier.json", GRAPH} | more


FULL = """
import resource, signal, sys
from pathlib import Path
from fitness_tracker.core.errors import exit_with_message
from fitness_tracker.models.bundle import load_classifier, save_classifier
classifier = load_classifier(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))  # no file may become larger: as little room as on a full disk
with exit_with_message("train"):
    save_classifier(classifier, Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_disk_that_fills_ends_in_one_line_and_the_old_bundle_stays(classifier: Classifier, tmp_path: Path) -> None:
    """HDF5 ended in a segmentation fault."""
    folder = tmp_path / "classifier"
    save_classifier(classifier, folder)
    before = digests(folder)
    done = run(tmp_path, sys.executable, "-c", FULL, str(folder), PYTHONPATH=str(ROOT / "src"))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"train: {folder}.partial/classifier.tflite: File too large; ")
    assert "Traceback" not in done.stderr
    assert digests(tmp_path) == {f"classifier/{name}": digest for name, digest in before.items()}


def test_a_missing_classifier_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no classifier"):
        load_classifier(tmp_path)


def test_a_description_names_nobody(tmp_path: Path) -> None:
    save_classifier(frame_classifier(), tmp_path)
    text = (tmp_path / "classifier.json").read_text()
    assert "anna" not in text
    assert short_hash("squat/anna__1") in text


def edit_description(folder: Path, **fields: object) -> None:
    """Changes fields as somebody would who knows the format: the checksum fits."""
    path = folder / "classifier.json"
    description = json.loads(path.read_text()) | fields
    path.write_text(json.dumps(description | {"checksum": checksum(description)}))


def test_a_bundle_of_another_version_is_refused(classifier: Classifier, tmp_path: Path) -> None:
    save_classifier(classifier, tmp_path)
    edit_description(tmp_path, format_version=1)
    with pytest.raises(UserError, match="format 1, this program reads 8") as error:
        load_classifier(tmp_path)
    assert "\n" not in str(error.value)


def replace_graph(folder: Path, content: bytes) -> None:
    """As somebody would who knows the format: hash and checksum fit."""
    (folder / GRAPH).write_bytes(content)
    hashes = json.loads((folder / "classifier.json").read_text())["sha256"]
    edit_description(folder, sha256=hashes | {GRAPH: sha256(content)})


HOSTILE = "10,metadata=print:file=/tmp/x,fps=10"  # in a filter graph, it once emptied the file


@pytest.mark.parametrize(
    "fields",
    [
        {"usage": []}, {"sha256": {}},
        {"sha256": {}, "pose": {}, "cnn": {}}, {"exercises": []}, {"exercises": ["squat", ""]},
        {"fps": HOSTILE}, {"fps": "10"}, {"fps": 0}, {"fps": 1e9}, {"fps": True}, {"fps": [10.0]}, {"fit": HOSTILE},
        {"fit": "../pad"}, {"group": "("}, {"group": "(a)(b)"}, {"temperature": 0}, {"temperature": -1.0},
        {"temperature": "1"}, {"none_threshold": 2}, {"none_threshold": None}, {"window": 1}, {"window": 2.5},
        {"window": 10**9}, {"folds": []}, {"folds": "01"}, {"folds": [[-1], [0]]}, {"folds": [0, 1]},
        {"labels": {}}, {"labels": {"squat": "hop"}}, {"params": []}, {"surprise": 1}, {"held": "plank"},
        {"usage": {"a": {"fold": "0", "group": "", "sha256": ""}}},
    ],
)  # fmt: skip
def test_a_description_that_does_not_fit_is_refused(classifier: Classifier, tmp_path: Path, fields: dict) -> None:
    save_classifier(classifier, tmp_path)
    edit_description(tmp_path, **fields)
    with pytest.raises(UserError, match=r"the classifier is damaged .*train or fetch it again"):
        load_classifier(tmp_path)


def test_300_spoilt_bundles_answer_or_are_refused_in_one_line(
    networks: dict[str, bytes], tmp_path: Path, squat
) -> None:
    """Bytes of one file changed, cut off or put in; 150 bundles of each kind."""
    rng, landmarks = np.random.default_rng(0), pose_tracker(**networks).track(squat[:5])
    answered = 0
    for classifier in (frame_classifier(), pose_classifier(networks)):
        whole = tmp_path / classifier.kind
        save_classifier(classifier, whole)
        names = sorted(path.name for path in whole.iterdir())
        for number in range(150):
            name = names[number % len(names)] if number % 2 else "classifier.json"
            data = bytearray((whole / name).read_bytes())
            place = int(rng.integers(len(data)))
            change = number // 2 % 3
            if change == 0:
                data[place] ^= int(rng.integers(1, 256))
            elif change == 1:
                del data[place:]
            else:
                data[place:place] = rng.bytes(int(rng.integers(1, 20)))
            original = (whole / name).read_bytes()
            (whole / name).write_bytes(data)
            message, loaded = "", None
            try:
                loaded = load_classifier(whole)
            except UserError as error:
                message = str(error)
            assert "\n" not in message
            if loaded:
                answered += 1
                pose = isinstance(loaded, PoseClassifier)
                found = loaded.predict_landmarks(landmarks) if pose else loaded.predict_frames([squat[0][1]])
                assert found.probabilities.sum() == pytest.approx(1, abs=1e-5)
            (whole / name).write_bytes(original)
        load_classifier(whole)
    assert answered < 10  # white space in the description at most


@pytest.mark.slow
def test_the_bundle_loads_in_a_program_that_has_used_tensorflow(tmp_path: Path) -> None:
    """Before, importing us raised RuntimeError: thread settings come too late then."""
    save_classifier(frame_classifier(), tmp_path)
    program = (
        "import sys, tensorflow as tf; from pathlib import Path; tf.constant(1) + 1\n"
        "from fitness_tracker.models.bundle import load_classifier\n"
        "print(load_classifier(Path(sys.argv[1])).kind)"
    )
    done = run(tmp_path, sys.executable, "-c", program, str(tmp_path), PYTHONPATH=str(ROOT / "src"))
    assert done.stdout == "cnn\n", done.stderr


def test_the_frame_network_holds_one_frame_at_a_time() -> None:
    """Before, it held every frame of the clip, shrunk."""
    alive: list[weakref.ref] = []

    def frames():
        for _ in range(3 * BATCH):
            frame = np.zeros((480, 640, 3), np.uint8)
            alive.append(weakref.ref(frame))
            yield frame
            del frame
            assert sum(reference() is not None for reference in alive) <= 2

    assert len(frame_classifier().predict_frames(frames()).frames) == 3 * BATCH
