"""The networks, and the bundle in which a trained one is kept."""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fitness_tracker.errors import UserError, quiet
from fitness_tracker.frames import shrink
from fitness_tracker.params import Cnn

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with quiet():  # TensorFlow tells of missing GPUs whatever the level
    import keras
    import tensorflow as tf

# Fixed, because the number of threads decides the order of sums, and so the last bits of the weights.
tf.config.threading.set_intra_op_parallelism_threads(4)
tf.config.threading.set_inter_op_parallelism_threads(1)


def make_deterministic(seed: int) -> None:
    """The same seed gives the same weights, on any number of cores of one kind of CPU. Call first."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def build_cnn(cnn: Cnn, classes: int) -> keras.Model:
    """The classic frame network: (N, size, size, 3) uint8 RGB to (N, classes) probabilities, float32."""
    layers = keras.layers
    convolutions = []
    for number, filters in enumerate(cnn.filters, start=1):
        convolutions += [
            layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"convolution{number}"),
            layers.MaxPooling2D(name=f"pool{number}"),
        ]
    return keras.Sequential(
        [
            keras.Input((cnn.image_size, cnn.image_size, 3), dtype="uint8"),
            layers.Rescaling(1 / 255, name="scale"),
            *convolutions,
            layers.Flatten(name="flatten"),
            layers.Dense(cnn.dense_units, activation="relu", name="hidden"),
            layers.Dropout(cnn.dropout, name="dropout"),
            layers.Dense(classes, activation="softmax", name="exercise"),
        ],
        name="cnn",
    )


@dataclass(frozen=True)
class Split:
    """How one clip was used."""

    part: str  # train, validation or test
    group: str
    sha256: str  # of its zip of frames


@dataclass(frozen=True)
class Classifier:
    """A trained network and all that is needed to use and to judge it."""

    network: keras.Model
    exercises: list[str]  # in the order of the network's outputs
    cnn: Cnn
    fit: str  # how pictures are brought to 640x480
    fps: float  # frames a second that a clip is judged by
    group: str  # the expression that reads a group from a clip's file name
    split: dict[str, Split]  # clip name -> how it was used

    def classify_frames(self, frames: Iterable[np.ndarray]) -> np.ndarray:
        """Probabilities (T, exercises) float32 of T frames (480, 640, 3) uint8 RGB; only the shrunk ones are held."""
        small = np.stack([shrink(frame, self.cnn.image_size) for frame in frames])
        return np.concatenate([np.asarray(self.network(small[i : i + 64])) for i in range(0, len(small), 64)])


def save_classifier(classifier: Classifier, folder: Path) -> None:
    """Writes `classifier.json` and `classifier.weights.h5`: the same classifier gives the same bytes.

    (A `.keras` file carries its date and memory addresses.)
    """
    folder.mkdir(parents=True, exist_ok=True)
    bare = build_cnn(classifier.cnn, len(classifier.exercises))  # without the optimizer, which is twice the weights
    bare.set_weights(classifier.network.get_weights())
    bare.save_weights(folder / "classifier.weights.h5")
    described = {
        "model": "cnn",
        "exercises": classifier.exercises,
        "cnn": asdict(classifier.cnn),
        "fit": classifier.fit,
        "fps": classifier.fps,
        "group": classifier.group,
        "split": {name: asdict(used) for name, used in classifier.split.items()},
    }
    write_json(folder / "classifier.json", described)


def load_classifier(folder: Path) -> Classifier:
    """The classifier in `folder`; raises `UserError` if there is none or it is damaged."""
    try:
        kept = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
        cnn = Cnn(**kept["cnn"])
        network = build_cnn(cnn, len(kept["exercises"]))
        network.load_weights(folder / "classifier.weights.h5")
        split = {name: Split(**used) for name, used in kept["split"].items()}
        return Classifier(network, kept["exercises"], cnn, kept["fit"], kept["fps"], kept["group"], split)
    except FileNotFoundError:
        raise UserError(f"{folder}: holds no classifier; `make repro` trains one, `dvc pull` fetches one") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        first = re.sub(r"\s+", " ", str(error))[:120]
        raise UserError(f"{folder}: the classifier is damaged ({first}); train or fetch it again") from None


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Sorted, indented, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".partial")
    beside.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(beside, path)
