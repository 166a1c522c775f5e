"""The networks, and the bundle in which a trained one is kept."""

import json
import os
import re
import warnings
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fitness_tracker.errors import UserError, quiet
from fitness_tracker.frames import read_zip, shrink
from fitness_tracker.landmarks import NETWORKS, Landmarks, estimator, read_landmarks, read_networks
from fitness_tracker.params import Cnn, Pose
from fitness_tracker.poses import FEATURES, cut_windows, features, over_frames, poses_of, statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with quiet():  # TensorFlow tells of missing GPUs whatever the level
    import keras
    import tensorflow as tf

# Fixed, because the number of threads decides the order of sums, and so the last bits of the weights.
tf.config.threading.set_intra_op_parallelism_threads(4)
tf.config.threading.set_inter_op_parallelism_threads(1)

NONE = "none"  # the answer where nobody does an exercise that was taught


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


def build_pose(pose: Pose, classes: int) -> keras.Model:
    """`pose.members` networks side by side: windows (N, T, FEATURES) float32 of any length T to the mean of their
    probabilities (N, classes) and all their summaries (N, members x units), float32.

    What two layers see in each frame is pooled over the window: its mean, maximum and standard deviation. The layer
    `exercise<n>` is the answer of member n alone.
    """
    layers, ops = keras.layers, keras.ops
    windows = keras.Input((None, FEATURES), name="windows")
    answers, summaries = [], []
    for n in range(1, pose.members + 1):  # every layer has its name: one that Keras counts up would change the file
        frames = layers.BatchNormalization(name=f"scale{n}")(windows)
        for place in ("first", "second"):
            frames = layers.Dense(pose.units, use_bias=False, name=f"{place}{n}")(frames)
            frames = ops.relu(layers.BatchNormalization(name=f"{place}_scale{n}")(frames))
            frames = layers.SpatialDropout1D(pose.dropout / 3, name=f"{place}_dropout{n}")(frames)
        pools = [ops.mean(frames, axis=1), ops.max(frames, axis=1), ops.sqrt(ops.var(frames, axis=1) + 1e-4)]
        pooled = layers.Dropout(pose.dropout, name=f"pooled_dropout{n}")(ops.concatenate(pools, axis=-1))
        summaries.append(layers.Dense(pose.units, activation="relu", name=f"summary{n}")(pooled))
        last = layers.Dropout(pose.dropout, name=f"summary_dropout{n}")(summaries[-1])
        answers.append(layers.Dense(classes, activation="softmax", name=f"exercise{n}")(last))
    return keras.Model(windows, [sum(answers) / pose.members, ops.concatenate(summaries, axis=-1)], name="pose")


@dataclass(frozen=True)
class Split:
    """How one clip was used."""

    part: str  # train, validation or test
    group: str
    sha256: str  # of its zip of frames


@dataclass(frozen=True)
class Answer:
    """What a classifier says of one clip."""

    frames: np.ndarray  # (T, exercises) float32 probabilities of each frame
    exercises: np.ndarray  # (exercises,) float32 probabilities of the clip
    none: float  # 0 to 1: how sure it is that nobody does an exercise that it was taught


@dataclass(frozen=True)
class Forest:
    """Decision trees, all their nodes in a row."""

    roots: np.ndarray  # (trees,) int32: the node where each begins
    children: np.ndarray  # (nodes, 2) int32: where to go if the value is at most the limit, and if not; a leaf stays
    values: np.ndarray  # (nodes,) int32: which value of the row a node looks at
    limits: np.ndarray  # (nodes,) float64
    shares: np.ndarray  # (nodes, K) float32: probabilities

    def answer(self, rows: np.ndarray) -> np.ndarray:
        """(N, D) float32 to (N, K) float32 probabilities: the mean of the leaves."""
        at = np.tile(self.roots, (len(rows), 1))  # (N, trees)
        while True:
            above = np.take_along_axis(rows, self.values[at], axis=1) > self.limits[at]
            after = self.children[at, above.astype(int)]
            if (after == at).all():
                return self.shares[at].mean(axis=1)
            at = after


class PoseModel(NamedTuple):
    """What names windows of poses: the mean of a network and a forest, who err in different places."""

    network: keras.Model
    forest: Forest

    def answer(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Windows (N, T, FEATURES) float32 to probabilities (N, K) and the network's summaries (N, D), float32."""
        said = [self.network(windows[i : i + 256]) for i in range(0, len(windows), 256)]
        shares, summaries = (np.concatenate([np.asarray(one[part]) for one in said]) for part in (0, 1))
        return (shares + self.forest.answer(statistics(windows))) / 2, summaries


@dataclass(frozen=True)
class Novelty:
    """How far a window lies from all that was taught: the least Mahalanobis distance of its summary to a class's mean,
    with one covariance for all classes (Lee et al. 2018, "A Simple Unified Framework for Detecting Out-of-Distribution
    Samples and Adversarial Attacks", equation 1)."""

    means: np.ndarray  # (classes, D) float32
    whiten: np.ndarray  # (D, D) float32: summaries times this have covariance 1
    middle: float  # the distance at which 'none' is as likely as not
    width: float  # how fast that changes

    def distances(self, summaries: np.ndarray) -> np.ndarray:
        """(N, D) summaries to (N,) distances."""
        away = (summaries[:, None] - self.means) @ self.whiten
        return np.sqrt((away**2).sum(axis=-1)).min(axis=1)

    def share(self, distance: float) -> float:
        """0 to 1: how sure a clip of this mean distance shows nothing that was taught."""
        return float(1 / (1 + np.exp(np.clip((self.middle - distance) / self.width, -50, 50))))


@dataclass(frozen=True)
class Classifier(ABC):
    """A trained network and all that is needed to use and to judge it."""

    network: keras.Model
    exercises: list[str]  # in the order of the network's outputs
    fit: str  # how pictures are brought to 640x480
    fps: float  # frames a second that a clip is judged by
    group: str  # the expression that reads a group from a clip's file name
    split: dict[str, Split]  # clip name -> how it was used
    temperature: float  # probabilities are raised to 1/temperature, so that they say how often they are right

    model: ClassVar[str]

    @abstractmethod
    def judge(self, frames: Iterable[np.ndarray]) -> Answer:
        """What T frames (480, 640, 3) uint8 RGB show, `fps` of them a second; only one at a time is held."""

    @abstractmethod
    def judge_file(self, path: Path) -> Answer:
        """The same of what the stages made of a clip: its zip of frames, or its landmarks."""

    @abstractmethod
    def build(self) -> keras.Model:
        """The network as it is before training."""

    @abstractmethod
    def own(self) -> dict[str, Any]:
        """What this kind of classifier has beyond the fields above, for `classifier.json`."""

    def save_own(self, folder: Path) -> None:  # noqa: B027
        """Writes what does not fit into `classifier.json`."""

    def name(self, answer: Answer) -> tuple[str, float]:
        """The exercise, or 'none', and the confidence in it, 0 to 1."""
        likeliest = self.exercises[int(answer.exercises.argmax())]
        if likeliest == NONE or answer.none > 0.5:
            return NONE, answer.none
        return likeliest, float(answer.exercises.max())

    def calibrated(self, probabilities: np.ndarray) -> np.ndarray:
        return temper(probabilities, self.temperature)


def temper(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """(..., K) probabilities with the logits divided by `temperature` (Guo et al. 2017)."""
    logits = np.log(np.maximum(probabilities, 1e-12)) / temperature
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (shares / shares.sum(axis=-1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True)
class FrameClassifier(Classifier):
    """The classic frame network; a clip's answer is the mean over its frames."""

    cnn: Cnn
    model: ClassVar[str] = "cnn"

    def judge(self, frames: Iterable[np.ndarray]) -> Answer:
        small = np.stack([shrink(frame, self.cnn.image_size) for frame in frames])
        said = [np.asarray(self.network(small[i : i + 64])) for i in range(0, len(small), 64)]
        probabilities = self.calibrated(np.concatenate(said))
        mean = probabilities.mean(axis=0)
        return Answer(probabilities, mean, float(mean[self.exercises.index(NONE)]) if NONE in self.exercises else 0.0)

    def judge_file(self, path: Path) -> Answer:
        return self.judge(frame for _, frame in read_zip(path))

    def build(self) -> keras.Model:
        return build_cnn(self.cnn, len(self.exercises))

    def own(self) -> dict[str, Any]:
        return {"cnn": asdict(self.cnn)}


@dataclass(frozen=True)
class PoseClassifier(Classifier):
    """The pose network and forest; a clip's answer is the mean over its windows."""

    pose: Pose
    forest: Forest
    window: int  # frames
    novelty: Novelty
    estimators: dict[str, bytes]  # BlazePose's two networks
    model: ClassVar[str] = "pose"

    def judge(self, frames: Iterable[np.ndarray]) -> Answer:
        timed = ((number / self.fps, frame) for number, frame in enumerate(frames))
        return self.judge_landmarks(estimator(**self.estimators).follow(timed))

    def judge_file(self, path: Path) -> Answer:
        return self.judge_landmarks(read_landmarks(path))

    def judge_landmarks(self, landmarks: Landmarks) -> Answer:
        windows = features(cut_windows(poses_of(landmarks), self.window))
        said, summaries = PoseModel(self.network, self.forest).answer(windows)
        none, found = self.exercises.index(NONE), float(landmarks.found.mean())
        picture = len(landmarks.found) == 1
        if picture:  # does not tell who stands from who begins
            said[:, none] = 0
            said = (said + 1e-6) / (said + 1e-6).sum(axis=1, keepdims=True)
        said = self.calibrated(said)
        mean = said.mean(axis=0)
        foreign = 0.0 if picture else self.novelty.share(float(self.novelty.distances(summaries).mean()))
        known = (1 - mean[none]) * (1 - foreign) * found
        return Answer(over_frames(said, len(landmarks.found), self.window), mean, float(1 - known))

    def build(self) -> keras.Model:
        return build_pose(self.pose, len(self.exercises))

    def own(self) -> dict[str, Any]:
        return {
            "pose": asdict(self.pose),
            "window": self.window,
            "novelty": {"middle": self.novelty.middle, "width": self.novelty.width},
        }

    def save_own(self, folder: Path) -> None:
        for role, name in NETWORKS.items():
            (folder / name).write_bytes(self.estimators[role])
        np.savez(folder / "novelty.npz", means=self.novelty.means, whiten=self.novelty.whiten)
        np.savez_compressed(folder / "forest.npz", **vars(self.forest))


def save_classifier(classifier: Classifier, folder: Path) -> None:
    """Writes `classifier.json`, `classifier.weights.h5` and what else it is made of: the same classifier gives the same
    bytes. (A `.keras` file carries its date and memory addresses.)"""
    folder.mkdir(parents=True, exist_ok=True)
    bare = classifier.build()  # without the optimizer, which is twice the weights
    bare.set_weights(classifier.network.get_weights())
    bare.save_weights(folder / "classifier.weights.h5")
    classifier.save_own(folder)
    described = {
        "model": classifier.model,
        "exercises": classifier.exercises,
        "fit": classifier.fit,
        "fps": classifier.fps,
        "group": classifier.group,
        "split": {name: asdict(used) for name, used in classifier.split.items()},
        "temperature": classifier.temperature,
        **classifier.own(),
    }
    write_json(folder / "classifier.json", described)


DAMAGED = (
    OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, UserWarning, UserError, zipfile.BadZipFile
)  # fmt: skip


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file; raises `ValueError` if a number in them is none."""
    with np.load(path) as kept:
        arrays = {name: kept[name] for name in kept.files}
    if not all(np.isfinite(one).all() for one in arrays.values()):
        raise ValueError(f"{path.name} holds what is no number")
    return arrays


def load_classifier(folder: Path) -> Classifier:
    """The classifier in `folder`; raises `UserError` if there is none or it is damaged."""
    try:
        kept = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
        common = {name: kept[name] for name in ("exercises", "fit", "fps", "group", "temperature")}
        common["split"] = {name: Split(**used) for name, used in kept["split"].items()}
        if kept["model"] == "cnn":
            cnn = Cnn(**kept["cnn"])
            network = build_cnn(cnn, len(kept["exercises"]))
            classifier: Classifier = FrameClassifier(network=network, cnn=cnn, **common)
        else:
            pose = Pose(**kept["pose"])
            network = build_pose(pose, len(kept["exercises"]))
            near = read_arrays(folder / "novelty.npz")
            novelty = Novelty(near["means"], near["whiten"], **kept["novelty"])
            forest = Forest(**read_arrays(folder / "forest.npz"))
            size = pose.members * pose.units
            if novelty.whiten.shape != (size, size) or forest.shares.shape[1] != len(kept["exercises"]):
                raise ValueError("its parts do not belong together")
            classifier = PoseClassifier(
                network=network, pose=pose, forest=forest, window=kept["window"], novelty=novelty,
                estimators=read_networks(folder), **common,
            )  # fmt: skip
        with warnings.catch_warnings(action="error"):  # Keras only warns of weights that are not there
            network.load_weights(folder / "classifier.weights.h5")
        return classifier
    except FileNotFoundError:
        raise UserError(f"{folder}: holds no classifier; `make repro` trains one, `dvc pull` fetches one") from None
    except DAMAGED as error:
        first = re.sub(r"\s+", " ", str(error))[:120]
        raise UserError(f"{folder}: the classifier is damaged ({first}); train or fetch it again") from None


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Sorted, indented, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".partial")
    beside.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(beside, path)
