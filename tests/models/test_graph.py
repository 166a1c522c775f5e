"""What is refused as a graph, and that a graph answers the same everywhere."""

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.core.errors import UserError
from fitness_tracker.models.bundle import load_classifier, save_classifier
from fitness_tracker.models.convert import to_tflite
from fitness_tracker.models.graph import GRAPH, PROBABILITIES
from fitness_tracker.models.pose.classifier import IMAGE, WORLD, pose_graph
from fitness_tracker.models.tensorflow_setup import keras, tf
from tests.models.test_bundle import pose_classifier, replace_graph, untaught_pose_graph
from tests.older_cpu import VARIABLES
from tests.projects import ROOT


@pytest.fixture
def bundle(networks: dict[str, bytes], tmp_path: Path) -> Path:
    save_classifier(pose_classifier(networks), tmp_path / "bundle")
    return tmp_path / "bundle"


def windows(number: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shape = (number, 16, 33, 3)
    return {IMAGE: rng.normal(200, 60, shape).astype(np.float32), WORLD: rng.normal(0, 0.4, shape).astype(np.float32)}


def constant(shape: tuple[int, ...], value: float = 0.25, members: int = 2, classes: int = 4) -> bytes:
    """A graph of landmarks that says the same of every window."""
    inputs = [keras.Input(shape, name=name) for name in (IMAGE, WORLD)]
    first = keras.ops.sum(inputs[0] + inputs[1], axis=(1, 2, 3)) * 0
    said = keras.ops.stack([keras.ops.stack([first + value] * classes, axis=1)] * members, axis=1)
    return to_tflite(keras.Model(inputs, {PROBABILITIES: said, "embedding": said}))


@pytest.mark.parametrize(
    ("members", "classes", "window", "reason"),
    [(3, 4, 16, "other outputs"), (2, 5, 16, "other outputs"), (2, 4, 17, "other inputs")],
)
def test_a_graph_of_other_shapes_is_refused(members: int, classes: int, window: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        pose_graph(untaught_pose_graph()[0].content, window, members, classes)


def test_a_graph_that_gives_no_probabilities_is_told() -> None:
    for value in (float("nan"), 7.0, -1.0):
        graph = pose_graph(constant((16, 33, 3), value), 16, 2, 4)
        with pytest.raises(UserError, match="are no probabilities; train or fetch it again"):
            graph(**windows(3))


@pytest.mark.parametrize("content", [b"", b"no graph", bytes(5000), b"\x1c\0\0\0TFL3" + bytes(100)])
def test_what_is_no_graph_is_refused_in_one_line(bundle: Path, content: bytes) -> None:
    replace_graph(bundle, content)
    with pytest.raises(UserError, match="the classifier is damaged") as error:
        load_classifier(bundle)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [b"Betainc", b"BETAINC"])
def test_an_operation_of_any_name_that_is_not_ours_is_refused(bundle: Path, name: bytes) -> None:
    """Those of TensorFlow, say, which LiteRT can only run with TensorFlow beside it."""

    @tf.function(input_signature=[tf.TensorSpec((None, 16, 33, 3), name=name) for name in (IMAGE, WORLD)])
    def said(image_landmarks: tf.Tensor, world_landmarks: tf.Tensor) -> dict[str, tf.Tensor]:
        values = tf.raw_ops.Betainc(a=image_landmarks, b=world_landmarks, x=image_landmarks)[:, :2, :4, 0]
        return {PROBABILITIES: values, "embedding": values}

    converter = tf.lite.TFLiteConverter.from_concrete_functions([said.get_concrete_function()])
    converter.allow_custom_ops = True
    content = converter.convert()
    assert b"Betainc" in content
    replace_graph(bundle, content.replace(b"Betainc", name))
    with pytest.raises(UserError, match="the classifier is damaged") as error:
        load_classifier(bundle)
    assert "\n" not in str(error.value)


def test_a_graph_that_is_not_the_one_of_the_description_is_refused(bundle: Path) -> None:
    (bundle / GRAPH).write_bytes(constant((16, 33, 3)))
    with pytest.raises(UserError, match=f"{GRAPH} is not what was saved"):
        load_classifier(bundle)


def test_threads_may_share_a_graph() -> None:
    graph, asked = untaught_pose_graph()[0], [windows(number) for number in (1, 7, 40)]
    expected = [graph(**one).probabilities for one in asked]
    wrong: list[int] = []

    def ask(number: int) -> None:
        for _ in range(20):
            if (graph(**asked[number]).probabilities != expected[number]).any():
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_how_many_are_asked_at_once_changes_no_bit() -> None:
    graph, whole = untaught_pose_graph()[0], windows(100)
    together = graph(**whole)
    for size in (1, 3, 64):
        first = graph(**{name: array[:size] for name, array in whole.items()})
        for part, of_all in zip(first, together, strict=True):
            np.testing.assert_array_equal(part, of_all[:size])


CONVERT = """
import hashlib, sys
from fitness_tracker.core import environment
import numpy as np
from tests.models.test_bundle import POSE, pack_weights, build_pose, make_graph
rng = np.random.default_rng(0)
members = [[rng.uniform(0.3, 3, w.shape) if w.ndim == 1 else rng.normal(0, 0.1, w.shape)
            for w in build_pose(POSE, 4).get_weights()] for _ in range(2)]
print(hashlib.sha256(make_graph(POSE, 16, range(4), pack_weights(members)).content).hexdigest())
"""


@pytest.mark.slow
def test_the_same_weights_give_the_same_graph_on_an_older_cpu() -> None:
    older = {
        "ONEDNN_MAX_CPU_ISA": "SSE41", "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
    }  # fmt: skip
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    hashes = [
        subprocess.run(
            [sys.executable, "-c", CONVERT], env=os.environ | {"PYTHONPATH": path} | more, cwd=ROOT, check=True,
            capture_output=True, text=True,
        ).stdout
        for more in ({}, older)
    ]  # fmt: skip
    assert len(hashes[0].strip()) == len(hashlib.sha256().hexdigest())
    assert hashes[0] == hashes[1]


ANSWER = """
import hashlib, sys
from tests.older_cpu import hide_avx512
hide_avx512()
from fitness_tracker.models.pose.classifier import pose_graph
from tests.models.test_graph import windows
said = pose_graph(sys.stdin.buffer.read(), 16, 2, 4)(**windows(100))
print(hashlib.sha256(said.probabilities.tobytes() + said.embedding.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_a_graph_gives_the_same_bits_without_avx512() -> None:
    """Square roots, softmax, and sums of squares did not."""
    graph = untaught_pose_graph()[0]
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    done = subprocess.run(
        [sys.executable, "-c", ANSWER], env=os.environ | VARIABLES | {"PYTHONPATH": path}, cwd=ROOT,
        input=graph.content, capture_output=True, check=True,
    )  # fmt: skip
    said = graph(**windows(100))
    expected = hashlib.sha256(said.probabilities.tobytes() + said.embedding.tobytes()).hexdigest()
    assert done.stdout.decode().strip() == expected


def test_a_mutated_graph_never_ends_the_program() -> None:
    """300 graphs with bytes changed, whose hash fits: refused, or they answer; what LiteRT makes of them is its own."""
    done = subprocess.run(
        [sys.executable, "-c", MUTATE], env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        input=untaught_pose_graph()[0].content, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout == b"300\n"


MUTATE = """
import sys
import numpy as np
from fitness_tracker.core.errors import UserError
from fitness_tracker.models.bundle import DAMAGED
from fitness_tracker.models.pose.classifier import pose_graph
whole, rng, done = sys.stdin.buffer.read(), np.random.default_rng(0), 0
ones = {name: np.ones((2, 16, 33, 3), np.float32) for name in ("image_landmarks", "world_landmarks")}
for number in range(300):
    data = bytearray(whole)
    for _ in range(1 + number % 3):  # every second one in the structure, which is at the end
        place = int(rng.integers(len(data))) if number % 2 else len(data) - 1 - int(rng.integers(60_000))
        data[place] ^= int(rng.integers(1, 256))
    try:
        graph = pose_graph(bytes(data), 16, 2, 4)
    except DAMAGED:
        done += 1
        continue
    try:
        graph(**ones)
    except UserError:
        pass
    done += 1
print(done)
"""
