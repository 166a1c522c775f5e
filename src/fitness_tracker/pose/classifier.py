"""The pose classifier: networks on windows of features of the person's landmarks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fitness_tracker.classifier import NONE, Classifier, Prediction, apply_temperature
from fitness_tracker.params import Pose
from fitness_tracker.pose.blazepose import pose_tracker
from fitness_tracker.pose.features import (
    Poses,
    average_windows_per_frame,
    cut_windows,
    features,
    poses_from_landmarks,
    window_starts,
)
from fitness_tracker.pose.landmarks import Landmarks, read_landmarks
from fitness_tracker.pose.network import build_pose
from fitness_tracker.pose.pretrained import read_networks
from fitness_tracker.pose.weights import NETWORKS
from fitness_tracker.tensorflow_setup import keras


class PoseMember(NamedTuple):
    """What was fitted on all folds but one."""

    network: keras.Model
    fold: int  # the one that it never saw

    def predict_proba(self, windows: np.ndarray) -> np.ndarray:
        """Windows (N, T, FEATURES) float32 to probabilities (N, K) float32."""
        return np.concatenate([np.asarray(self.network(windows[i : i + 256])) for i in range(0, len(windows), 256)])


@dataclass(frozen=True)
class PosePrediction(Prediction):
    landmarks: Landmarks  # of the clip's T frames


@dataclass(frozen=True)
class PoseClassifier(Classifier):
    """Networks on windows; a clip's probabilities are the mean over windows and members."""

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
        return [member.network for member in self.members]

    def predict_frames(self, frames: Iterable[np.ndarray], members: Sequence[int] | None = None) -> Prediction:
        timed = ((number / self.fps, frame) for number, frame in enumerate(frames))
        return self.predict_landmarks(pose_tracker(**self.pose_networks).track(timed), members)

    def predict_file(self, path: Path, members: Sequence[int] | None = None) -> Prediction:
        return self.predict_landmarks(read_landmarks(path), members)

    def predict_landmarks(self, landmarks: Landmarks, members: Sequence[int] | None = None) -> PosePrediction:
        """Windows count by the share of their frames in which somebody was found; if nobody ever was, all is 'none'.

        A single picture cannot tell who stands from who begins, so it is 'none' only if nobody is in it.
        """
        number, classes = len(landmarks.found), len(self.exercises)
        if not landmarks.found.any():
            nobody = np.eye(classes, dtype=np.float32)[-1]
            return PosePrediction(np.tile(nobody, (number, 1)), nobody, landmarks)
        windows = features(cut_windows(poses_from_landmarks(landmarks), self.window))
        found = [landmarks.found[start : start + self.window].mean() for start in window_starts(number, self.window)]
        answering = self.members if members is None else [self.members[n] for n in members]
        answers = [apply_temperature(member.predict_proba(windows), self.temperature) for member in answering]
        of_windows = np.mean(answers, axis=0)  # (N, K)
        if number == 1:
            of_windows = forget_none(of_windows)
        frames = average_windows_per_frame(of_windows, number, self.window)
        return PosePrediction(frames, np.average(of_windows, axis=0, weights=found).astype(np.float32), landmarks)

    def build(self) -> keras.Model:
        return build_pose(self.pose, len(self.exercises))

    def describe(self) -> dict[str, Any]:
        return {
            "pose": asdict(self.pose), "window": self.window, "folds": [member.fold for member in self.members]
        }  # fmt: skip

    def save_parts(self, folder: Path) -> None:
        for role, name in NETWORKS.items():
            (folder / name).write_bytes(self.pose_networks[role])


def forget_none(probabilities: np.ndarray) -> np.ndarray:
    """(N, K) probabilities without the last, 'none', which gets a millionth."""
    known = np.concatenate([probabilities[:, :-1] + 1e-6, np.full((len(probabilities), 1), 1e-6)], axis=1)
    return known / known.sum(axis=1, keepdims=True)


def load(folder: Path, description: Mapping[str, Any], common: Mapping[str, Any]) -> PoseClassifier:
    """The classifier in `folder`, its networks without weights; raises `ValueError` if its parts do not fit."""
    pose, classes = Pose(**description["pose"]), len(common["exercises"])
    members = [PoseMember(build_pose(pose, classes), fold) for fold in description["folds"]]
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
