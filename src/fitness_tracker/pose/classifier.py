"""The pose classifier: a network and a forest on windows of features of the person's landmarks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fitness_tracker.classifier import NONE, Classifier, Prediction, apply_temperature, raise_none
from fitness_tracker.files import read_arrays
from fitness_tracker.params import Pose
from fitness_tracker.pose.blazepose import pose_tracker
from fitness_tracker.pose.features import (
    FEATURES,
    Poses,
    average_windows_per_frame,
    cut_windows,
    features,
    poses_from_landmarks,
    window_starts,
    window_statistics,
)
from fitness_tracker.pose.landmarks import Landmarks, read_landmarks
from fitness_tracker.pose.network import build_pose
from fitness_tracker.pose.pretrained import read_networks
from fitness_tracker.pose.weights import NETWORKS
from fitness_tracker.tensorflow_setup import keras


@dataclass(frozen=True)
class Forest:
    """Decision trees, all their nodes in a row. A leaf is its own child; every other child comes after its parent."""

    roots: np.ndarray  # (trees,) int32: the root node of each tree
    children: np.ndarray  # (nodes, 2) int32: the next node if the value is at most the threshold, and if it is above
    feature_indices: np.ndarray  # (nodes,) int32: which value of the row a node looks at
    thresholds: np.ndarray  # (nodes,) float64
    leaf_probabilities: np.ndarray  # (nodes, K) float32

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        """(N, D) float32 to (N, K) float32 probabilities: the mean of the leaves."""
        nodes = np.tile(self.roots, (len(rows), 1))  # (N, trees)
        while True:
            above = np.take_along_axis(rows, self.feature_indices[nodes], axis=1) > self.thresholds[nodes]
            following = self.children[nodes, above.astype(int)]
            if (following == nodes).all():
                return self.leaf_probabilities[nodes].mean(axis=1)
            nodes = following

    def check(self, values: int, classes: int) -> None:
        """Raises `ValueError` unless every row of `values` values ends in a leaf with `classes` probabilities."""
        nodes = np.arange(len(self.children))
        leaf = (self.children == nodes[:, None]).all(axis=1)
        inner = (self.children > nodes[:, None]).all(axis=1) & (self.children < len(nodes)).all(axis=1)
        indices = ((self.feature_indices >= 0) & (self.feature_indices < values)).all()
        roots = len(self.roots) > 0 and ((self.roots >= 0) & (self.roots < len(nodes))).all()
        sums = np.abs(self.leaf_probabilities[leaf].sum(axis=1) - 1) < 1e-3
        shapes = self.thresholds.shape == nodes.shape and self.leaf_probabilities.shape == (len(nodes), classes)
        if not (shapes and roots and indices and (leaf | inner).all() and sums.all()):
            raise ValueError("its forest is no forest")


class PoseModel(NamedTuple):
    """The mean of a network and a forest."""

    network: keras.Model
    forest: Forest

    def predict_proba(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Windows (N, T, FEATURES) float32 to probabilities (N, K) and the network's embeddings (N, D), float32."""
        outputs = [self.network(windows[i : i + 256]) for i in range(0, len(windows), 256)]
        probabilities, embeddings = (np.concatenate([np.asarray(pair[part]) for pair in outputs]) for part in (0, 1))
        return (probabilities + self.forest.predict_proba(window_statistics(windows))) / 2, embeddings


@dataclass(frozen=True)
class OutOfDistributionDetector:
    """The least Mahalanobis distance of an embedding to a class's mean, with one covariance for all classes (Lee et al.
    2018, "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks", equation 1).
    """

    means: np.ndarray  # (classes, D) float32
    whiten: np.ndarray  # (D, D) float32: embeddings times this have covariance 1
    middle: float  # the distance at which the probability is 0.5
    width: float  # of the logistic curve

    def distances(self, embeddings: np.ndarray) -> np.ndarray:
        """(N, D) embeddings to (N,) distances."""
        offsets = (embeddings[:, None] - self.means) @ self.whiten
        return np.sqrt((offsets**2).sum(axis=-1)).min(axis=1)

    def probability(self, distance: np.ndarray | float) -> np.ndarray:
        """0 to 1: that clips of these mean distances show nothing that was taught."""
        return 1 / (1 + np.exp(np.clip((self.middle - np.asarray(distance)) / self.width, -50, 50)))


class PoseMember(NamedTuple):
    """What was fitted on all folds but one."""

    model: PoseModel
    detector: OutOfDistributionDetector
    fold: int  # the one that it never saw

    def predict(self, windows: np.ndarray, weights: np.ndarray, temperature: float) -> tuple[np.ndarray, np.ndarray]:
        """Windows (N, T, FEATURES) of a clip to their probabilities (N, K), and the clip's (K,), windows weighing
        `weights` (N,), with the detector's evidence for 'none'."""
        probabilities, embeddings = self.model.predict_proba(windows)
        probabilities = apply_temperature(probabilities, temperature)
        distance = np.average(self.detector.distances(embeddings), weights=weights)
        mean = np.average(probabilities, axis=0, weights=weights)
        return probabilities, raise_none(mean, self.detector.probability(distance))


@dataclass(frozen=True)
class PoseClassifier(Classifier):
    """Networks and forests on windows; a clip's probabilities are the mean over windows and members."""

    pose: Pose
    members: list[PoseMember]
    window: int  # frames
    pose_networks: dict[str, bytes]  # BlazePose's two
    kind: ClassVar[str] = "pose"

    @property
    def unseen_folds(self) -> list[set[int]]:
        return [{member.fold} for member in self.members]

    @property
    def networks(self) -> list[keras.Model]:
        return [member.model.network for member in self.members]

    def predict_frames(self, frames: Iterable[np.ndarray], members: Sequence[int] | None = None) -> Prediction:
        timed = ((number / self.fps, frame) for number, frame in enumerate(frames))
        return self.predict_landmarks(pose_tracker(**self.pose_networks).track(timed), members)

    def predict_file(self, path: Path, members: Sequence[int] | None = None) -> Prediction:
        return self.predict_landmarks(read_landmarks(path), members)

    def predict_landmarks(self, landmarks: Landmarks, members: Sequence[int] | None = None) -> Prediction:
        """Windows count by the share of their frames in which somebody was found; if nobody ever was, all is 'none'.

        A single picture cannot tell who stands from who begins, so it is 'none' only if nobody is in it.
        """
        number, classes = len(landmarks.found), len(self.exercises)
        if not landmarks.found.any():
            nobody = np.eye(classes, dtype=np.float32)[-1]
            return Prediction(np.tile(nobody, (number, 1)), nobody)
        windows = features(cut_windows(poses_from_landmarks(landmarks), self.window))
        found = [landmarks.found[start : start + self.window].mean() for start in window_starts(number, self.window)]
        answering = self.members if members is None else [self.members[n] for n in members]
        answers = [member.predict(windows, np.array(found), self.temperature) for member in answering]
        of_windows, of_clip = (np.mean(parts, axis=0) for parts in zip(*answers, strict=True))
        if number == 1:
            of_windows = forget_none(np.mean([probabilities for probabilities, _ in answers], axis=0))
            of_clip = of_windows[0]
        frames = average_windows_per_frame(of_windows, number, self.window)
        return Prediction(frames, of_clip.astype(np.float32))

    def build(self) -> keras.Model:
        return build_pose(self.pose, len(self.exercises))

    def describe(self) -> dict[str, Any]:
        detectors = [{"middle": one.detector.middle, "width": one.detector.width} for one in self.members]
        folds = [member.fold for member in self.members]
        return {"pose": asdict(self.pose), "window": self.window, "detectors": detectors, "folds": folds}

    def save_parts(self, folder: Path) -> None:
        for role, name in NETWORKS.items():
            (folder / name).write_bytes(self.pose_networks[role])
        for number, member in enumerate(self.members):
            arrays = {"means": member.detector.means, "whiten": member.detector.whiten, **vars(member.model.forest)}
            np.savez_compressed(folder / f"member{number}.npz", **arrays)


def forget_none(probabilities: np.ndarray) -> np.ndarray:
    """(N, K) probabilities without the last, 'none', which gets a millionth."""
    known = np.concatenate([probabilities[:, :-1] + 1e-6, np.full((len(probabilities), 1), 1e-6)], axis=1)
    return known / known.sum(axis=1, keepdims=True)


def load(folder: Path, description: Mapping[str, Any], common: Mapping[str, Any]) -> PoseClassifier:
    """The classifier in `folder`, its networks without weights; raises `ValueError` if its parts do not fit."""
    pose, classes = Pose(**description["pose"]), len(common["exercises"])
    members = []
    for number, (fold, scale) in enumerate(zip(description["folds"], description["detectors"], strict=True)):
        arrays = read_arrays(folder / f"member{number}.npz")
        detector = OutOfDistributionDetector(arrays.pop("means"), arrays.pop("whiten"), **scale)
        forest = Forest(**arrays)
        forest.check(7 * FEATURES, classes)
        if detector.whiten.shape != (pose.units, pose.units):
            raise ValueError("its parts do not belong together")
        members.append(PoseMember(PoseModel(build_pose(pose, classes), forest), detector, fold))
    if not members or common["exercises"][-1] != NONE:
        raise ValueError("its parts do not belong together")
    return PoseClassifier(
        pose=pose, members=members, window=description["window"], pose_networks=read_networks(folder), **common
    )


def feature_definition() -> bytes:
    """What `features` make of a fixed movement, to three digits: other features are another definition."""
    time, offset = np.arange(8)[None, :, None, None], np.array([0, 0.2, 0.1])
    joints = np.sin(0.7 * time + np.arange(12)[:, None] * np.array([1.0, 1.7, 2.3])) + offset
    windows = Poses(joints, 0.9 * joints, np.cos(0.3 * time[..., 0] + np.arange(2)))
    return np.round(features(windows).astype(np.float64), 3).tobytes()
