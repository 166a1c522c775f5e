"""The pose classifier: networks on windows of the person's landmarks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from fitness_tracker.blazepose.landmarks import Landmarks, read_landmarks
from fitness_tracker.blazepose.networks import read_networks
from fitness_tracker.blazepose.skeleton import LANDMARKS
from fitness_tracker.blazepose.tracker import pose_tracker
from fitness_tracker.blazepose.weights import NETWORKS
from fitness_tracker.core.params import Pose
from fitness_tracker.models.classifier import NONE, Classifier, Prediction
from fitness_tracker.models.graph import GRAPH, Graph, Outputs
from fitness_tracker.models.pose.features import (
    PointTracks,
    average_windows_per_frame,
    cut_windows,
    tracks_from_landmarks,
    window_spans,
)
from fitness_tracker.models.pose.metric import METRIC, Metric, unpack_metric

IMAGE, WORLD = "image_landmarks", "world_landmarks"  # the graph's inputs
WEIGHTS = "weights.npz"  # of all members' networks, for exports that are no copy of the graph


@dataclass(frozen=True)
class PosePrediction(Prediction):
    landmarks: Landmarks  # of the clip's T frames


@dataclass(frozen=True)
class PoseClassifier(Classifier):
    """Networks on windows; a clip's probabilities are the mean over windows and members."""

    pose: Pose
    folds: list[list[int]]  # of each member, those that it never saw
    window: int  # frames
    pose_networks: dict[str, bytes]  # BlazePose's two
    weights: bytes  # of `WEIGHTS`
    labels: dict[str, str]  # of each class of the networks, see `class_order`: label -> exercise, or 'none'
    metric: Metric  # by which enrolled movements are found
    kind: ClassVar[str] = "pose"

    @property
    def classes(self) -> list[int]:
        """Of each class of the networks, the number of its exercise."""
        return [self.exercises.index(self.labels[label]) for label in class_order(self.labels)]

    @property
    def unseen_folds(self) -> list[set[int]]:
        return [set(folds) for folds in self.folds]

    def predict_frames(self, frames: Iterable[np.ndarray], members: Sequence[int] | None = None) -> Prediction:
        timed = ((number / self.fps, frame) for number, frame in enumerate(frames))
        return self.predict_landmarks(pose_tracker(**self.pose_networks).track(timed), members)

    def predict_file(self, path: Path, members: Sequence[int] | None = None) -> Prediction:
        return self.predict_landmarks(read_landmarks(path), members)

    def predict_landmarks(self, landmarks: Landmarks, members: Sequence[int] | None = None) -> PosePrediction:
        """Windows count by how many of their frames show somebody; where nobody was found, all is 'none'.

        A single picture cannot tell who stands from who begins, so it is 'none' only if nobody is in it.
        """
        number = len(landmarks.found)
        nobody = np.eye(len(self.exercises), dtype=np.float32)[-1]
        if not landmarks.found.any():
            return PosePrediction(np.tile(nobody, (number, 1)), nobody, landmarks)
        tracks = tracks_from_landmarks(landmarks)
        parts = (ask(self.graph, part).probabilities for part in cut_windows(tracks, self.window))
        of_windows = np.concatenate([self.mean_of(part, members) for part in parts])
        if number == 1:
            of_windows = forget_none(of_windows)
        return self.average(of_windows, landmarks)

    def average(self, of_windows: np.ndarray, landmarks: Landmarks) -> PosePrediction:
        """Probabilities (N, K) of a clip's windows, the last that of 'none', to the clip's."""
        nobody = np.eye(of_windows.shape[1], dtype=np.float32)[-1]
        spans = window_spans([len(shot) for shot in landmarks.shots()], self.window)
        found = np.array([landmarks.found[start:end].mean() for start, end in spans])
        lengths = np.array([end - start for start, end in spans])
        weights = found * (lengths / lengths.max())
        probabilities = np.average(of_windows, axis=0, weights=weights).astype(np.float32)
        frames = average_windows_per_frame(np.where(found[:, None] > 0, of_windows, nobody), spans)
        return PosePrediction(frames, probabilities, landmarks)

    def describe(self) -> dict[str, Any]:
        return {"pose": asdict(self.pose), "window": self.window, "folds": self.folds, "labels": self.labels}

    def files(self) -> dict[str, bytes]:
        of_pose = {name: self.pose_networks[role] for role, name in NETWORKS.items()}
        return {**super().files(), WEIGHTS: self.weights, METRIC: self.metric.pack(), **of_pose}


def class_order(labels: Iterable[str]) -> list[str]:
    """The labels in the order of the networks' classes: sorted, 'none' at the end."""
    return sorted(labels, key=lambda label: (label == NONE, label))


def ask(graph: Graph, windows: PointTracks) -> Outputs:
    """What the graph says of windows of all landmarks."""
    return graph(**{IMAGE: windows.image, WORLD: windows.world})


def pose_graph(content: bytes, window: int, members: int, classes: int) -> Graph:
    """Raises `ValueError` if `content` is no graph from landmarks to that many labels."""
    return Graph(content, dict.fromkeys((IMAGE, WORLD), (np.float32, (window, LANDMARKS, 3))), members, classes)


def forget_none(probabilities: np.ndarray) -> np.ndarray:
    """(N, K) probabilities without the last, 'none', which gets a millionth."""
    known = np.concatenate([probabilities[:, :-1] + 1e-6, np.full((len(probabilities), 1), 1e-6)], axis=1)
    return known / known.sum(axis=1, keepdims=True)


Folds = Annotated[list[Annotated[StrictInt, Field(ge=0)]], Field(min_length=1, max_length=100)]


class PoseFields(BaseModel):
    """What this kind adds to classifier.json."""

    model_config = ConfigDict(extra="forbid")

    pose: Pose
    window: Annotated[StrictInt, Field(ge=2, le=10_000)]  # frames
    folds: Annotated[list[Folds], Field(min_length=1, max_length=100)]
    labels: Annotated[dict[str, str], Field(min_length=1, max_length=10_000)]


def load(folder: Path, description: Mapping[str, Any], common: Mapping[str, Any]) -> PoseClassifier:
    """The classifier in `folder`; raises `ValueError` if its parts do not fit."""
    fields = PoseFields.model_validate(description)
    if common["exercises"][-1] != NONE:
        raise ValueError("its last label is not 'none'")
    if not set(fields.labels.values()) <= set(common["exercises"]):
        raise ValueError("a label is of none of its exercises")
    graph = pose_graph((folder / GRAPH).read_bytes(), fields.window, len(fields.folds), len(common["exercises"]))
    return PoseClassifier(
        pose=fields.pose, folds=fields.folds, window=fields.window, pose_networks=read_networks(folder),
        weights=(folder / WEIGHTS).read_bytes(), labels=fields.labels,
        metric=unpack_metric((folder / METRIC).read_bytes(), graph.members, graph.units), graph=graph, **common,
    )  # fmt: skip
