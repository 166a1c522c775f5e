"""The pose classifier: networks on windows of features of the person's landmarks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from fitness_tracker.blazepose.landmarks import Landmarks, read_landmarks
from fitness_tracker.blazepose.networks import read_networks
from fitness_tracker.blazepose.tracker import pose_tracker
from fitness_tracker.blazepose.weights import NETWORKS
from fitness_tracker.core.params import Pose
from fitness_tracker.models.classifier import NONE, Classifier, Prediction, apply_temperature
from fitness_tracker.models.pose.features import (
    Poses,
    PoseSequences,
    average_windows_per_frame,
    cut_windows,
    features,
    poses_from_landmarks,
    window_spans,
    window_starts,
)
from fitness_tracker.models.pose.network import build_pose
from fitness_tracker.models.tensorflow_setup import keras

WHOLE, PART = 300, 100  # frames, see `window_parts`


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
        """Windows count by how many of their frames show somebody; where nobody was found, all is 'none'.

        A single picture cannot tell who stands from who begins, so it is 'none' only if nobody is in it.
        """
        number = len(landmarks.found)
        nobody = np.eye(len(self.exercises), dtype=np.float32)[-1]
        if not landmarks.found.any():
            return PosePrediction(np.tile(nobody, (number, 1)), nobody, landmarks)
        answering = self.members if members is None else [self.members[n] for n in members]
        of_windows = np.concatenate(
            [self.predict_windows(part, answering) for part in window_parts(landmarks, self.window)]
        )
        if number == 1:
            of_windows = forget_none(of_windows)
        spans = window_spans([len(shot) for shot in landmarks.shots()], self.window)
        found = np.array([landmarks.found[start:end].mean() for start, end in spans])
        lengths = np.array([end - start for start, end in spans])
        weights = found * (lengths / lengths.max())
        probabilities = np.average(of_windows, axis=0, weights=weights).astype(np.float32)
        frames = average_windows_per_frame(np.where(found[:, None] > 0, of_windows, nobody), spans)
        return PosePrediction(frames, probabilities, landmarks)

    def predict_windows(self, windows: Poses, members: Sequence[PoseMember]) -> np.ndarray:
        """Windows (N, T, ...) to probabilities (N, K), the mean of the members'."""
        values = features(windows)
        return np.mean([apply_temperature(one.predict_proba(values), self.temperature) for one in members], axis=0)

    def build(self) -> keras.Model:
        return build_pose(self.pose, len(self.exercises))

    def describe(self) -> dict[str, Any]:
        return {
            "pose": asdict(self.pose), "window": self.window, "folds": [member.fold for member in self.members]
        }  # fmt: skip

    def files(self) -> dict[str, bytes]:
        return {name: self.pose_networks[role] for role, name in NETWORKS.items()}


def window_parts(landmarks: Landmarks, length: int) -> Iterator[Poses]:
    """All windows (N, length, ...) of a clip, in order, some at a time."""
    for shot in landmarks.shots():
        yield from shot_parts(shot, length)


def shot_parts(landmarks: Landmarks, length: int) -> Iterator[Poses]:
    """All windows (N, length, ...) of a shot, in order, some at a time.

    A shot of up to `WHOLE` frames is normalised as a whole, as in training. In a longer one people come and go, near
    and far, so each stretch of `PART` frames is normalised together with `PART // 2` more on each side.
    """
    number = len(landmarks.found)
    if number <= WHOLE:
        yield cut_windows(poses_from_landmarks(landmarks), length)
        return
    starts = np.array(window_starts(number, length))
    for begin in range(0, int(starts[-1]) + 1, PART):
        first = max(0, begin - PART // 2)
        last = min(number, begin + PART + length + PART // 2)
        here = starts[(starts >= begin) & (starts < begin + PART)] - first
        poses = poses_from_landmarks(landmarks[first:last])
        yield PoseSequences([poses]).windows(np.zeros(len(here), int), here.astype(float), np.ones(len(here)), length)


def forget_none(probabilities: np.ndarray) -> np.ndarray:
    """(N, K) probabilities without the last, 'none', which gets a millionth."""
    known = np.concatenate([probabilities[:, :-1] + 1e-6, np.full((len(probabilities), 1), 1e-6)], axis=1)
    return known / known.sum(axis=1, keepdims=True)


class PoseFields(BaseModel):
    """What this kind adds to classifier.json."""

    model_config = ConfigDict(extra="forbid")

    pose: Pose
    window: Annotated[StrictInt, Field(ge=2, le=10_000)]  # frames
    folds: Annotated[list[Annotated[StrictInt, Field(ge=0)]], Field(min_length=1, max_length=100)]


def load(folder: Path, description: Mapping[str, Any], common: Mapping[str, Any]) -> PoseClassifier:
    """The classifier in `folder`, its networks without weights; raises `ValueError` if its parts do not fit."""
    fields = PoseFields.model_validate(description)
    members = [PoseMember(build_pose(fields.pose, len(common["exercises"])), fold) for fold in fields.folds]
    if common["exercises"][-1] != NONE:
        raise ValueError("its last label is not 'none'")
    return PoseClassifier(
        pose=fields.pose, members=members, window=fields.window, pose_networks=read_networks(folder), **common
    )


def feature_definition() -> bytes:
    """What `features` make of a fixed movement, to three digits: other features are another definition."""
    time, offset = np.arange(8)[None, :, None, None], np.array([0, 0.2, 0.1])
    joints = np.sin(0.7 * time + np.arange(12)[:, None] * np.array([1.0, 1.7, 2.3])) + offset
    windows = Poses(joints, 0.9 * joints, np.cos(0.3 * time[..., 0] + np.arange(2)))
    return np.round(features(windows).astype(np.float64), 3).tobytes()
