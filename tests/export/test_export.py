import argparse
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.blazepose.skeleton import LANDMARKS, Landmark
from fitness_tracker.cli import run_export
from fitness_tracker.core.errors import UserError
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.export.formats import FORMATS, export
from fitness_tracker.models.bundle import save_classifier
from fitness_tracker.models.classifier import NONE, Prediction
from fitness_tracker.models.graph import EMBEDDING, PROBABILITIES, Outputs
from fitness_tracker.models.pose.classifier import IMAGE, WORLD, PoseClassifier
from fitness_tracker.models.pose.features import JOINTS, Poses, compute_features, features, median, normalize
from fitness_tracker.models.pose.network import build_pose, make_graph, pack_weights
from fitness_tracker.models.tensorflow_setup import keras
from tests.models.test_bundle import POSE, frame_classifier, pose_classifier
from tests.projects import ROOT, WITHOUT_ROOTS_RIGHTS, run

CHECKSUM = "ab" * 32
AGREE = 2e-3  # of probabilities: the graph's weights are rounded to float16 once more, after normalisation is folded in
OTHERS = sorted(FORMATS.keys() - {"keras"})


def made_up() -> PoseClassifier:
    """Two members with weights and statistics at random, so that answers differ from window to window."""
    rng, members = np.random.default_rng(0), []
    for _ in range(2):
        members.append([
            rng.uniform(0.3, 3, weight.shape) if "variance" in weight.path else rng.normal(0, 0.8, weight.shape)
            for weight in build_pose(POSE, 4).weights
        ])  # fmt: skip
    weights = pack_weights(members)
    return dataclasses.replace(pose_classifier({}), weights=weights, graph=make_graph(POSE, 16, range(4), weights))


def random_motion(windows: int, frames: int) -> list[Landmarks]:
    """Bodies whose points swing at random, each at its own pace, seen at some size at some place."""
    rng, clips = np.random.default_rng(1), []
    time = np.arange(frames)[:, None, None]
    for _ in range(windows):
        rest, swing, phase = rng.normal(0, 0.4, (3, LANDMARKS, 3))
        world = rest + swing * np.sin(rng.uniform(0.05, 0.6, (LANDMARKS, 1)) * time + 9 * phase)
        image = rng.uniform(80, 400) * (world + rng.normal(0, 0.05, world.shape)) + rng.uniform(0, 400, 3)
        seen = np.concatenate([image, np.ones((frames, LANDMARKS, 1))], axis=-1)
        clips.append(clip_of(seen, world))
    return clips


def clip_of(image: np.ndarray, world: np.ndarray) -> Landmarks:
    number = len(image)
    return Landmarks(
        image.astype(np.float32), world.astype(np.float32), np.arange(number) / np.float32(10), np.ones(number, bool)
    )


def corpus_windows(windows: int, frames: int) -> list[Landmarks]:
    """The middle of so many clips of the corpus, each by other people than the one before where possible."""
    paths = sorted((ROOT / "corpus/landmarks").rglob("*.npz"))
    clips = []
    for path in paths[:: max(1, len(paths) // (3 * windows))]:
        whole = read_corpus_landmarks(path)
        start = (len(whole.found) - frames) // 2
        if start >= 0 and whole.found[start : start + frames].all():
            part = slice(start, start + frames)
            clips.append(clip_of(whole.image_landmarks[part], whole.world_landmarks[part]))
    return clips[:windows]


def batch(clips: list[Landmarks]) -> dict[str, np.ndarray]:
    return {
        IMAGE: np.stack([clip.image_landmarks[..., :3] for clip in clips]),
        WORLD: np.stack([clip.world_landmarks for clip in clips]),
    }


def run_graph(path: Path, windows: dict[str, np.ndarray]) -> Outputs:
    """By the format's own runtime."""
    if path.suffix == ".keras":
        found = keras.models.load_model(path)(windows)
        return Outputs(*(keras.ops.convert_to_numpy(found[name]) for name in (PROBABILITIES, EMBEDDING)))
    if path.suffix == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        return Outputs(**Interpreter(str(path)).get_signature_runner()(**windows))
    import onnxruntime

    return Outputs(*onnxruntime.InferenceSession(path).run([PROBABILITIES, EMBEDDING], windows))


@pytest.fixture(scope="module")
def known() -> PoseClassifier:
    return made_up()


@pytest.fixture(scope="module", params=["keras", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)])
def graph(request: pytest.FixtureRequest, known: PoseClassifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(known, CHECKSUM, request.param, tmp_path_factory.mktemp("export") / "new" / "folder")


@pytest.mark.parametrize("frames", [2, 5, 16, 33])
def test_features_of_a_graph_are_those_of_arrays(frames: int) -> None:
    """The formulas are the same source; this holds NumPy's functions and those of keras.ops together."""
    windows, numpy = batch(random_motion(4, frames)), keras.ops.convert_to_numpy
    world, image = (windows[name][:, :, JOINTS] for name in (WORLD, IMAGE))
    exact = normalize(world.astype(np.float64), image.astype(np.float64))
    poses, tensors = Poses(*(array.astype(np.float32) for array in exact.arrays())), normalize(world, image, keras.ops)
    for array, tensor in zip(poses.arrays(), tensors.arrays(), strict=True):
        np.testing.assert_allclose(array, numpy(tensor), atol=2e-5, rtol=2e-5)
    np.testing.assert_allclose(features(poses), numpy(compute_features(tensors, keras.ops)), atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("frames", [1, 2, 5, 16])
def test_the_median_is_numpys(frames: int) -> None:
    values = np.random.default_rng(frames).normal(size=(7, frames))
    np.testing.assert_array_equal(median(values)[..., 0], np.median(values, axis=-1))


@pytest.fixture(scope="module")
def asked(known: PoseClassifier) -> tuple[dict[str, np.ndarray], Outputs]:
    """Windows of random motion and of people, and what the bundle's graph says of them."""
    clips = random_motion(30, known.window) + corpus_windows(30, known.window)
    assert len(clips) == 60
    return batch(clips), known.graph(**batch(clips))


def test_each_runtime_says_what_the_bundles_graph_says(graph: Path, asked: tuple[dict, Outputs]) -> None:
    windows, expected = asked
    found = run_graph(graph, windows)
    assert expected.probabilities[:30].std(axis=0).max() > 0.1  # not the same answer to all
    assert found.probabilities.dtype == np.float32
    assert found.embedding.shape == (60, 2, POSE.units)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=AGREE, rtol=0)
    np.testing.assert_allclose(found.embedding, expected.embedding, atol=0.05)  # up to 40


def test_the_graph_for_litert_is_the_bundles_own(known: PoseClassifier, tmp_path: Path) -> None:
    assert export(known, CHECKSUM, "tflite", tmp_path / "new").read_bytes() == known.graph.content


def test_a_window_alone_gets_the_answer_that_it_gets_among_others(graph: Path, known: PoseClassifier) -> None:
    clips = random_motion(3, known.window)
    together = run_graph(graph, batch(clips)).probabilities
    for clip, expected in zip(clips, together, strict=True):
        np.testing.assert_allclose(run_graph(graph, batch([clip])).probabilities[0], expected, atol=1e-5)


def test_somebody_without_size_has_an_answer(graph: Path, known: PoseClassifier) -> None:
    shape = (1, known.window, LANDMARKS, 3)
    found = run_graph(graph, {IMAGE: np.zeros(shape, np.float32), WORLD: np.zeros(shape, np.float32)})
    np.testing.assert_allclose(found.probabilities.sum(axis=-1), 1, atol=1e-5)


def test_the_metadata_say_what_is_needed_to_run_it(graph: Path, known: PoseClassifier) -> None:
    metadata = json.loads((graph.parent / "metadata.json").read_text())
    assert metadata["file"] == graph.name
    assert metadata["labels"] == known.exercises
    assert metadata["none_threshold"] == known.none_threshold
    assert metadata["window_frames"] == known.window
    assert metadata["frames_per_second"] == known.fps
    assert metadata["classifier_checksum"] == CHECKSUM
    assert metadata["landmarks"][Landmark.LEFT_KNEE] == "LEFT_KNEE"
    assert len(metadata["landmarks"]) == LANDMARKS
    assert {one["name"]: one["shape"] for one in metadata["inputs"]} == {
        name: ["N", known.window, LANDMARKS, 3] for name in (IMAGE, WORLD)
    }
    assert [one["shape"] for one in metadata["outputs"]] == [["N", 2, 4], ["N", 2, POSE.units]]
    assert metadata["temperature"] == known.temperature


def test_nothing_else_is_left_in_the_folder(graph: Path) -> None:
    assert {path.name for path in graph.parent.iterdir()} == {"README.md", "metadata.json", graph.name}


@pytest.mark.slow
def test_the_readme_has_lines_that_run_anywhere(graph: Path, known: PoseClassifier) -> None:
    lines = (graph.parent / "README.md").read_text().splitlines()
    assert len(lines) == 11
    program = "\n".join(lines[lines.index("```python") + 1 : lines.index("```")])
    assert "fitness_tracker" not in program
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=graph.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    ones = np.ones((known.window, LANDMARKS, 4))
    prediction = known.predict_landmarks(clip_of(ones, ones[..., :3]))
    label, _, answers = done.stdout.partition(" ")
    assert label == known.decide_label(prediction)[0]
    said = json.loads(answers.replace("'", '"'))
    assert list(said) == known.exercises
    np.testing.assert_allclose(list(said.values()), prediction.probabilities, atol=AGREE)


def test_the_rule_of_none_is_the_classifiers(known: PoseClassifier) -> None:
    """As README.md has it, on answers around the threshold."""
    rng = np.random.default_rng(2)
    for said in rng.dirichlet([0.05] * len(known.exercises), 200).astype(np.float32):
        answer = dict(zip(known.exercises, map(float, said), strict=True))
        best = max(answer.keys() - {NONE}, key=lambda name: answer[name])
        label = best if 1 - answer[best] <= known.none_threshold else NONE
        assert label == known.decide_label(Prediction(said[None], said))[0]


@pytest.mark.slow
def test_the_same_classifier_gives_the_same_answers(graph: Path, known: PoseClassifier, tmp_path: Path) -> None:
    windows, other = batch(random_motion(10, known.window)), export(known, CHECKSUM, graph.suffix[1:], tmp_path / "new")
    for one, same in zip(run_graph(graph, windows), run_graph(other, windows), strict=True):
        np.testing.assert_array_equal(one, same)


def test_a_frame_network_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="only 'pose' can be exported"):
        export(frame_classifier(), CHECKSUM, "keras", tmp_path / "export")
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize("weights", [b"", b"PK", pack_weights([[np.zeros(3)]]), pack_weights([])])
def test_weights_that_do_not_fit_are_refused(known: PoseClassifier, tmp_path: Path, weights: bytes) -> None:
    with pytest.raises(UserError, match=r"weights.npz of the classifier does not fit") as error:
        export(dataclasses.replace(known, weights=weights), CHECKSUM, "keras", tmp_path / "new")
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "new").iterdir())


def test_a_folder_in_use_is_left_alone(known: PoseClassifier, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    for place, reason in ((tmp_path, "is not empty"), (tmp_path / "mine", "is a file")):
        with pytest.raises(UserError, match=reason) as error:
            export(known, CHECKSUM, "keras", place)
        assert "\n" not in str(error.value)
    assert (tmp_path / "mine").read_text() == "mine"


def test_the_command_exports_a_bundle(
    networks: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_classifier(pose_classifier(networks), tmp_path / "bundle")
    folder = tmp_path / "export"
    assert run_export(argparse.Namespace(to="keras", folder=folder, classifier=tmp_path / "bundle")) == 0
    assert f"export: {folder / 'classifier.keras'}" in capsys.readouterr().out
    checksum = json.loads((tmp_path / "bundle/classifier.json").read_text())["checksum"]
    assert json.loads((folder / "metadata.json").read_text())["classifier_checksum"] == checksum


@pytest.mark.slow
def test_what_cannot_be_done_is_one_line(networks: dict[str, bytes], tmp_path: Path) -> None:
    save_classifier(pose_classifier(networks), tmp_path / "bundle")
    (tmp_path / "locked").mkdir(mode=0o500)
    command = [*WITHOUT_ROOTS_RIGHTS, sys.executable, "-m", "fitness_tracker.cli", "export", "--to", "onnx"]
    for folder, bundle, reason in (("locked", "bundle", "Permission denied"), ("new", "absent", "holds no classifier")):
        done = run(tmp_path, *command, folder, "--classifier", bundle, PYTHONPATH=str(ROOT / "src"))
        assert done.returncode == 1
        assert reason in done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
    assert not (tmp_path / "new").exists()
