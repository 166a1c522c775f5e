"""The clips that poses are learnt from, and which of them a member may see."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from fitness_tracker.blazepose.landmarks import Landmarks, read_landmarks
from fitness_tracker.blazepose.skeleton import LANDMARKS
from fitness_tracker.clips.folder import NONE
from fitness_tracker.core.params import CORPUS_FPS
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.corpus.pairs import PhotoPair
from fitness_tracker.models.classifier import ClipUsage
from fitness_tracker.models.graph import Graph, Outputs
from fitness_tracker.models.pose.classifier import ask, class_order
from fitness_tracker.models.pose.features import (
    JOINTS,
    PointTracks,
    cut_windows,
    tracks_from_landmarks,
    window_features,
)
from fitness_tracker.models.training import TrainingData

MIN_FOUND = 0.2  # share of frames with a person; clips below are left out of training
PAIRS_FOLD = -1  # of photo pairs: no member holds it out
PAIR_SECONDS = 1.5  # from a pair's start to its end: there and back is a repetition of 3 s


class Classes(NamedTuple):
    """What a network tells apart: labels, which are finer than the exercises that they are taught as."""

    labels: list[str]  # see `class_order`
    exercises: list[int]  # of each label, the number of its exercise

    def numbers(self, labels: Iterable[str]) -> np.ndarray:
        """Labels (N,) to their numbers (N,) int64."""
        places = {label: number for number, label in enumerate(self.labels)}
        return np.array([places[label] for label in labels], np.int64)


def find_classes(taught_as: Mapping[str, str], exercises: Sequence[str]) -> Classes:
    """Those of all labels, mapped to exercises; what is not among the taught `exercises` is the last, 'none'."""
    labels, numbers = class_order(taught_as.keys() | {NONE}), {name: number for number, name in enumerate(exercises)}
    return Classes(labels, [numbers.get(taught_as.get(label, NONE), numbers[NONE]) for label in labels])


class PoseData(NamedTuple):
    """Clips, the numbers (clips,) int64 of their classes, the last being 'none', and their groups (clips,)."""

    clips: Sequence[PointTracks]
    classes: np.ndarray
    groups: np.ndarray

    def part(self, mask: np.ndarray) -> "PoseData":
        """The clips for which `mask` (clips,) bool is true."""
        return PoseData([self.clips[n] for n in np.flatnonzero(mask)], self.classes[mask], self.groups[mask])


class TrainingSet(NamedTuple):
    """All clips that there are to learn from."""

    data: PoseData
    classes: Classes
    folds: np.ndarray  # (clips,); `PAIRS_FOLD` of photo pairs
    untaught: np.ndarray  # (clips,) bool: of the corpus, a label that is not taught, for too few groups show it
    clear: np.ndarray  # (clips,) bool: it shows the whole movement

    @property
    def exercises(self) -> np.ndarray:
        """(clips,) int64: the number of the exercise that each shows."""
        return np.array(self.classes.exercises)[self.data.classes]

    @property
    def names(self) -> np.ndarray:
        """(clips,) str: the label of each."""
        return np.array(self.classes.labels)[self.data.classes]

    def held_out(self, folds: Sequence[int]) -> np.ndarray:
        """(clips,) bool: those of these folds."""
        return np.isin(self.folds, folds)

    def seen_by(self, folds: Sequence[int]) -> np.ndarray:
        """(clips,) bool: which clips the member learns from that must not see `folds`.

        Excluded from its training are the groups of those folds and all untaught labels that are shown there, whoever
        shows them: so the member's answers to untaught clips of those folds are its answers to what nobody taught it.
        """
        held_out = self.held_out(folds)
        shown_there = self.data.classes[self.untaught & held_out]
        return ~held_out & ~(self.untaught & np.isin(self.data.classes, shown_there))


def read_training_set(data: TrainingData, exercises: Sequence[str]) -> TrainingSet:
    """The clips in which somebody is found, all clips if that leaves none; and the photo pairs.

    `exercises` are taught, the last being 'none'. Raises `UserError` if landmarks are missing or damaged.
    """
    rows = [
        Row(clip.exercise, clip.exercise, True, True, data.usage[clip.name], read_landmarks(data.inputs[clip.name]))
        for clip in data.clips
    ] + [
        Row(
            clip.label, clip.exercise, False, clip.visibility == "clear", data.usage[clip.name],
            read_corpus_landmarks(clip.path),
        )
        for clip in data.corpus
    ]  # fmt: skip
    rows = [row for row in rows if row.landmarks.found.mean() >= MIN_FOUND] or rows
    pairs = [
        Row(pair.label, pair.exercise, False, False, ClipUsage(PAIRS_FOLD, pair.group, ""), pair.landmarks)
        for pair in data.pairs
    ]
    classes = find_classes({row.label: row.exercise for row in [*pairs, *rows]}, exercises)
    tracks = [tracks_from_landmarks(seen_shots(row.landmarks), JOINTS) for row in rows]
    tracks += [pair_tracks(pair) for pair in data.pairs]
    rows += pairs
    return TrainingSet(
        PoseData(tracks, classes.numbers(row.label for row in rows), np.array([row.usage.group for row in rows])),
        classes,
        np.array([row.usage.fold for row in rows]),
        np.array([not row.own and row.exercise == NONE != row.label for row in rows]),
        np.array([row.clear for row in rows]),
    )


class Row(NamedTuple):
    """A clip or a photo pair, before its landmarks become tracks."""

    label: str
    exercise: str
    own: bool
    clear: bool
    usage: ClipUsage
    landmarks: Landmarks


def pair_tracks(pair: PhotoPair) -> PointTracks:
    """The joints of a pair on their way from the first photo to the second, at `CORPUS_FPS`, along a cosine.

    A window that is longer plays it there and back again.
    """
    photos = tracks_from_landmarks(pair.landmarks, JOINTS)
    share = (1 - np.cos(np.linspace(0, np.pi, round(PAIR_SECONDS * CORPUS_FPS) + 1, dtype=np.float32))) / 2
    share = share[:, None, None]
    return PointTracks(*(points[0] * (1 - share) + points[1] * share for points in (photos.world, photos.image)))


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
