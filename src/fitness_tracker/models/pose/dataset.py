"""The clips that poses are learnt from, and which of them a member may see."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fitness_tracker.blazepose.landmarks import Landmarks, read_landmarks
from fitness_tracker.blazepose.skeleton import LANDMARKS
from fitness_tracker.clips.folder import NONE
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.models.graph import Graph, Outputs
from fitness_tracker.models.pose.classifier import ask
from fitness_tracker.models.pose.features import (
    JOINTS,
    PointTracks,
    cut_windows,
    tracks_from_landmarks,
    window_features,
)
from fitness_tracker.models.training import TrainingData

MIN_FOUND = 0.2  # share of frames with a person; clips below are left out of training


class PoseData(NamedTuple):
    """Clips, their labels (clips,) int64, which count the exercises from 0, the last being 'none', and their groups
    (clips,)."""

    clips: Sequence[PointTracks]
    labels: np.ndarray
    groups: np.ndarray

    def part(self, mask: np.ndarray) -> "PoseData":
        """The clips for which `mask` (clips,) bool is true."""
        return PoseData([self.clips[n] for n in np.flatnonzero(mask)], self.labels[mask], self.groups[mask])


class TrainingSet(NamedTuple):
    """All clips that there are to learn from."""

    data: PoseData
    folds: np.ndarray  # (clips,)
    names: np.ndarray  # (clips,) label of each, also where it is not taught
    untaught: np.ndarray  # (clips,) bool: of the corpus, a label that is not taught, for too few groups show it
    clear: np.ndarray  # (clips,) bool: it shows the whole movement

    def seen_by(self, fold: int) -> np.ndarray:
        """(clips,) bool: which clips the member learns from that must not see `fold`.

        Excluded from its training are the groups of that fold and all untaught labels that are shown there, whoever
        shows them: so the member's answers to untaught clips of that fold are its answers to what nobody taught it.
        """
        shown_there = self.names[self.untaught & (self.folds == fold)]
        return (self.folds != fold) & ~(self.untaught & np.isin(self.names, shown_there))


def read_training_set(data: TrainingData, exercises: Sequence[str]) -> TrainingSet:
    """The clips in which somebody is found; all clips if that leaves none.

    `exercises` are taught, the last being 'none'. Raises `UserError` if landmarks are missing or damaged.
    """
    rows = [(clip, clip.exercise, True, read_landmarks(data.inputs[clip.name])) for clip in data.clips] + [
        (clip, clip.label, clip.visibility == "clear", read_corpus_landmarks(clip.path)) for clip in data.corpus
    ]
    rows = [row for row in rows if row[-1].found.mean() >= MIN_FOUND] or rows
    clips, names, clear, landmarks = zip(*rows, strict=True)
    labels = [exercises.index(clip.exercise if clip.exercise in exercises else NONE) for clip in clips]
    tracks = [tracks_from_landmarks(seen_shots(of_clip), JOINTS) for of_clip in landmarks]
    groups = [data.usage[clip.name].group for clip in clips]
    untaught = [clip.exercise == NONE != name for clip, name in zip(clips, names, strict=True)]
    folds = [data.usage[clip.name].fold for clip in clips]
    return TrainingSet(
        PoseData(tracks, np.array(labels), np.array(groups)),
        np.array(folds), np.array(names), np.array(untaught), np.array(clear),
    )  # fmt: skip


def seen_shots(landmarks: Landmarks) -> Landmarks:
    """The shots in which somebody is found; the whole clip if that leaves none."""
    shots = [np.full(len(shot), shot.found.mean() >= MIN_FOUND) for shot in landmarks.shots()]
    seen = np.concatenate(shots)
    return landmarks[np.flatnonzero(seen)] if seen.any() else landmarks


def all_windows(clips: Sequence[PointTracks], length: int) -> tuple[np.ndarray, np.ndarray]:
    """All windows of the clips, plain: features (N, T, FEATURES) float32, and each window's clip number (N,) int64."""
    windows = [np.concatenate([window_features(part) for part in cut_windows(clip, length)]) for clip in clips]
    return np.concatenate(windows), np.repeat(np.arange(len(clips)), [len(of_clip) for of_clip in windows])


def ask_clip(graph: Graph, clip: PointTracks, length: int) -> Outputs:
    """Joints of a clip to what the graph says of its windows."""
    world, image = (np.zeros((len(points), LANDMARKS, 3), np.float32) for points in (clip.world, clip.image))
    world[:, JOINTS], image[:, JOINTS] = clip.world, clip.image
    parts = [ask(graph, part) for part in cut_windows(PointTracks(world, image, shots=clip.shots), length)]
    return Outputs(*map(np.concatenate, zip(*parts, strict=True)))
