"""The networks, and the bundle in which a trained one is kept."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fitness_tracker.classifier import NONE, Classifier, Prediction
from fitness_tracker.params import Pose
from fitness_tracker.pose.blazepose import pose_tracker
from fitness_tracker.pose.features import (
    average_windows_per_frame,
    cut_windows,
    features,
    poses_from_landmarks,
    window_statistics,
)
from fitness_tracker.pose.landmarks import Landmarks, read_landmarks
from fitness_tracker.pose.network import build_pose
from fitness_tracker.pose.weights import NETWORKS
from fitness_tracker.tensorflow_setup import keras


@dataclass(frozen=True)
class Forest:
    """Decision trees, all their nodes in a row."""

    roots: np.ndarray  # (trees,) int32: the node where each begins
    children: np.ndarray  # (nodes, 2) int32: where to go if the value is at most the limit, and if not; a leaf stays
    feature_indices: np.ndarray  # (nodes,) int32: which value of the row a node looks at
    thresholds: np.ndarray  # (nodes,) float64
    leaf_probabilities: np.ndarray  # (nodes, K) float32: probabilities

    def answer(self, rows: np.ndarray) -> np.ndarray:
        """(N, D) float32 to (N, K) float32 probabilities: the mean of the leaves."""
        at = np.tile(self.roots, (len(rows), 1))  # (N, trees)
        while True:
            above = np.take_along_axis(rows, self.feature_indices[at], axis=1) > self.thresholds[at]
            after = self.children[at, above.astype(int)]
            if (after == at).all():
                return self.leaf_probabilities[at].mean(axis=1)
            at = after


class PoseModel(NamedTuple):
    """What names windows of poses: the mean of a network and a forest, who err in different places."""

    network: keras.Model
    forest: Forest

    def answer(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Windows (N, T, FEATURES) float32 to probabilities (N, K) and the network's summaries (N, D), float32."""
        said = [self.network(windows[i : i + 256]) for i in range(0, len(windows), 256)]
        shares, summaries = (np.concatenate([np.asarray(one[part]) for one in said]) for part in (0, 1))
        return (shares + self.forest.answer(window_statistics(windows))) / 2, summaries


@dataclass(frozen=True)
class OutOfDistributionDetector:
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
class PoseClassifier(Classifier):
    """The pose network and forest; a clip's answer is the mean over its windows."""

    pose: Pose
    forest: Forest
    window: int  # frames
    novelty: OutOfDistributionDetector
    estimators: dict[str, bytes]  # BlazePose's two networks
    model: ClassVar[str] = "pose"

    def judge(self, frames: Iterable[np.ndarray]) -> Prediction:
        timed = ((number / self.fps, frame) for number, frame in enumerate(frames))
        return self.predict_landmarks(pose_tracker(**self.estimators).track(timed))

    def predict_file(self, path: Path) -> Prediction:
        return self.predict_landmarks(read_landmarks(path))

    def predict_landmarks(self, landmarks: Landmarks) -> Prediction:
        windows = features(cut_windows(poses_from_landmarks(landmarks), self.window))
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
        return Prediction(average_windows_per_frame(said, len(landmarks.found), self.window), mean, float(1 - known))

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
