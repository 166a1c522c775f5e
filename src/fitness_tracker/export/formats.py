"""Exports a pose classifier as one file for Keras, LiteRT or ONNX, with metadata and a README that says how to run it.

The file loads without this package and runs no code of it. That for LiteRT is the bundle's own, byte for byte; the
others are of the same weights.
"""

import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from fitness_tracker.blazepose.skeleton import LANDMARKS, Landmark
from fitness_tracker.core.errors import UserError, printable
from fitness_tracker.core.files import staging_path, write_bytes, write_json, write_text
from fitness_tracker.models.classifier import NONE, Classifier
from fitness_tracker.models.graph import EMBEDDING, GRAPH, PROBABILITIES
from fitness_tracker.models.pose.classifier import IMAGE, WEIGHTS, WORLD, PoseClassifier

METADATA_VERSION = 2  # of metadata.json; 1 had the members' mean, with the temperature applied
OPSET = 17  # of ONNX; onnxruntime reads it from 1.12 (2022) on


class Format(NamedTuple):
    """How one format is written, and how people run it."""

    file: str
    write: Callable[[PoseClassifier, Path], None]
    install: str  # packages for `pip install`
    import_line: str
    run: str  # a Python expression of the probabilities (N, M, K) of `window`, a dict of input name to array


def export(classifier: Classifier, checksum: str, name: str, folder: Path) -> Path:
    """Writes the graph in the format `name` of `FORMATS`, `metadata.json` and `README.md`; returns the graph's path.

    `checksum` is the bundle's. Raises `UserError` if it is no pose classifier, or `folder` is not empty.
    """
    check_empty(folder)
    if not isinstance(classifier, PoseClassifier):
        raise UserError(
            f"a classifier of kind '{classifier.kind}' has no landmarks to read; only 'pose' can be exported"
        )
    chosen = FORMATS[name]
    metadata = graph_metadata(classifier, checksum, name)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, suffix=".partial") as made:  # fails now rather than after a minute
        path = Path(made) / chosen.file
        chosen.write(classifier, path)
        os.replace(path, folder / chosen.file)
    write_text(folder / "README.md", readme(metadata, chosen))
    write_json(folder / "metadata.json", metadata)
    return folder / chosen.file


def check_empty(folder: Path) -> None:
    """Raises `UserError` if it is there and not an empty folder."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; name a folder that is empty or not there yet")
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder}: is not empty; name a folder that is empty or not there yet")


def graph_metadata(classifier: PoseClassifier, checksum: str, name: str) -> dict[str, Any]:
    """The content of metadata.json: all that is needed to run the graph and read its output."""
    shape = ["N", classifier.window, LANDMARKS, 3]
    axes = "window, frame, landmark, (x, y, z)"
    pixels = "pixels of the frame: x right, y down; z from the hips, < 0 nearer the camera"
    metres = "metres from the middle of the hips: right, down, away from the camera"
    return {
        "format_version": METADATA_VERSION,
        "format": name,
        "file": FORMATS[name].file,
        "classifier_checksum": checksum,
        "labels": classifier.exercises,
        "members": classifier.graph.members,
        "temperature": classifier.temperature,
        "answer_rule": "each member's probabilities to the power of 1 / temperature, divided by their sum; "
        "their mean over members and windows",
        "none_threshold": classifier.none_threshold,
        "none_rule": f"'{NONE}' where 1 - (the largest probability of the other labels) > none_threshold; "
        f"else the likeliest of the other labels, even where '{NONE}' is likelier",
        "window_frames": classifier.window,
        "window_step_frames": max(1, classifier.window // 4),
        "frames_per_second": classifier.fps,
        "frame_fit": classifier.fit,
        "frame_size": [640, 480],
        "inputs": [
            {"name": IMAGE, "shape": shape, "dtype": "float32", "axes": axes, "unit": pixels},
            {"name": WORLD, "shape": shape, "dtype": "float32", "axes": axes, "unit": metres},
        ],
        "missing_frames": "the graph takes every frame as found: interpolate the landmarks of those that are not",
        "outputs": [
            {
                "name": PROBABILITIES,
                "shape": ["N", classifier.graph.members, len(classifier.exercises)],
                "dtype": "float32",
                "axes": "window, member, label",
            },
            {
                "name": EMBEDDING,
                "shape": ["N", classifier.graph.members, classifier.pose.units],
                "dtype": "float32",
                "axes": "window, member, unit of the last hidden layer",
            },
        ],
        "landmarks": [landmark.name for landmark in Landmark],
    }


def write_tflite(classifier: PoseClassifier, path: Path) -> None:
    write_bytes(path, classifier.graph.content)


def keras_network(classifier: PoseClassifier) -> Any:
    """A `keras.Model` that gives what the graph gives, of the weights that the graph was made of.

    Raises `UserError` if they are not such weights.
    """
    from fitness_tracker.models.pose.network import build_graph, unpack_weights  # imports TensorFlow

    try:
        if (members := len(unpack_weights(classifier.weights))) != classifier.graph.members:
            raise ValueError(f"it has {members} members")
        return build_graph(classifier.pose, classifier.window, classifier.classes, classifier.weights)
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = printable(" ".join(str(error).split())[:120])
        raise UserError(f"{WEIGHTS} of the classifier does not fit its description ({reason})") from None


def write_keras(classifier: PoseClassifier, path: Path) -> None:
    keras_network(classifier).save(path)


def write_onnx(classifier: PoseClassifier, path: Path) -> None:
    import onnx

    network = keras_network(classifier)
    signature = [network.inputs]  # one argument: the list of the two
    network.export(staging_path(path), format="onnx", verbose=False, input_signature=signature, opset_version=OPSET)
    model = onnx.load(staging_path(path))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.checker.check_model(model)
    onnx.save(model, path)


FORMATS = {
    "keras": Format(
        "classifier.keras", write_keras, "keras tensorflow", "import keras",
        'keras.models.load_model("classifier.keras").predict(window, verbose=0)["probabilities"]',
    ),
    "tflite": Format(
        GRAPH, write_tflite, "ai-edge-litert", "from ai_edge_litert.interpreter import Interpreter",
        'Interpreter("classifier.tflite").get_signature_runner()(**window)["probabilities"]',
    ),
    "onnx": Format(
        "classifier.onnx", write_onnx, "onnxruntime", "import onnxruntime",
        'onnxruntime.InferenceSession("classifier.onnx").run(["probabilities"], window)[0]',
    ),
}  # fmt: skip


def readme(metadata: dict[str, Any], chosen: Format) -> str:
    """README.md: how to install and run the graph, in a dozen lines."""
    frames, labels = metadata["window_frames"], len(metadata["labels"])
    return f"""# {chosen.file}: BlazePose landmarks of {frames} frames to probabilities of {labels} labels
`pip install numpy {chosen.install}`; `metadata.json` has labels, units and rules. Put your landmarks in place of `ones`. Longer clips: the mean over windows {metadata["window_step_frames"]} frames apart.
```python
import json, numpy; {chosen.import_line}
known = json.load(open("metadata.json"))
window = {{one["name"]: numpy.ones((1, *one["shape"][1:]), "float32") for one in known["inputs"]}}
members = numpy.asarray({chosen.run})[0] ** (1 / known["temperature"])
answer = dict(zip(known["labels"], map(float, (members / members.sum(axis=1, keepdims=True)).mean(axis=0))))
best = max(answer.keys() - {{"{NONE}"}}, key=answer.get)
print(best if 1 - answer[best] <= known["none_threshold"] else "{NONE}", answer)
```
"""  # noqa: E501
