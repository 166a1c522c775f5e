"""The windows that a pose network is shown: drawn at random, augmented, with synthetic idle people among them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fitness_tracker.core.params import Pose, PoseAugmentation, Train
from fitness_tracker.models.pose.augment import augment_poses, sample_augmented_windows
from fitness_tracker.models.pose.dataset import PoseData
from fitness_tracker.models.pose.features import ClipSequences, features
from fitness_tracker.models.pose.idle import idle_windows
from fitness_tracker.models.tensorflow_setup import keras
from fitness_tracker.models.training import random_stream


@dataclass(frozen=True)
class PoseSettings:
    """The parameters of a member's training, its number, and the frame rate that they are for."""

    train: Train
    pose: Pose
    augmentation: PoseAugmentation
    fps: float
    member: int = 0

    @property
    def window(self) -> int:
        """Frames of a window."""
        return max(2, round(self.pose.window_s * self.fps))

    def stream(self, *key: int) -> np.random.Generator:
        return random_stream(self.train.seed, self.member, *key)


class WindowBatches(keras.utils.PyDataset):
    """Batches (features (N, T, FEATURES), classes (N, C) one-hot), float32.

    Each depends on nothing but the seed, the epoch and its number in it.
    """

    def __init__(self, data: PoseData, exercises: Sequence[int], settings: PoseSettings) -> None:
        """`exercises` are the numbers of the classes' exercises."""
        super().__init__()
        self.clips, self.shown, self.classes = ClipSequences(data.clips), data.classes, len(exercises)
        self.settings, self.epoch = settings, 0
        even = np.full(len(data.classes), 1 / len(data.classes))
        weigh = settings.train.class_weights
        self.chances = sampling_weights(data, exercises, settings.pose.untaught_ratio) if weigh else even

    def __len__(self) -> int:
        return math.ceil(self.settings.pose.windows_per_epoch / self.settings.train.batch_size)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        settings, size = self.settings, self.settings.train.batch_size
        rng = settings.stream(self.epoch, number)
        idle = rng.binomial(size, settings.pose.synthetic_idle_ratio)
        clips = rng.choice(len(self.shown), size - idle, p=self.chances)
        windows, standing = sample_augmented_windows(self.clips, clips, settings.window, settings.augmentation, rng)
        classes = np.where(standing, self.classes - 1, self.shown[clips])
        classes = np.concatenate([classes, np.full(idle, self.classes - 1)])
        values = np.concatenate([features(windows), sample_idle_features(idle, settings, rng)])
        return values, one_hot(classes, self.classes)

    def on_epoch_end(self) -> None:
        self.epoch += 1


def sampling_weights(data: PoseData, exercises: Sequence[int], untaught_ratio: float) -> np.ndarray:
    """(clips,) probabilities with which clips are drawn.

    Clips of nothing taught are drawn with probability `untaught_ratio`, where there are both. The frequency of an
    exercise, or of a label of nothing taught, and of a group in it, counts by its square root: half way between all
    clips the same and all exercises, and groups, the same.
    """
    untaught, shown = are_untaught(data, exercises), np.array(exercises)[data.classes]
    weights = np.where(untaught, rare_more_often(data.classes, data.groups), rare_more_often(shown, data.groups))
    if show_both(data, exercises):
        for part, share in ((untaught, untaught_ratio), (~untaught, 1 - untaught_ratio)):
            weights[part] *= share / weights[part].sum()
    return weights / weights.sum()


def are_untaught(data: PoseData, exercises: Sequence[int]) -> np.ndarray:
    """(clips,) bool: which show nothing taught; `exercises` are the numbers of the classes' exercises."""
    return np.array(exercises)[data.classes] == exercises[-1]


def show_both(data: PoseData, exercises: Sequence[int]) -> bool:
    """Whether some clips show something taught, and some nothing: only then there is a ratio of the two."""
    return len(set(are_untaught(data, exercises).tolist())) == 2


def rare_more_often(kinds: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(clips,) weights by the square root of the frequency of each kind, and of each group in it."""
    table = pd.DataFrame({"kind": kinds, "group": groups})
    weights = table.groupby(["kind", "group"])["group"].transform("size").to_numpy() ** -0.5
    return weights * pd.Series(weights).groupby(kinds).transform("sum").to_numpy() ** -0.5


def sample_idle_features(number: int, settings: PoseSettings, rng: np.random.Generator) -> np.ndarray:
    """(number, T, FEATURES) float32 of synthetic people who stand or walk."""
    windows = idle_windows(number, settings.window, settings.fps, rng)
    return features(augment_poses(windows, settings.augmentation, rng))


def one_hot(numbers: np.ndarray, classes: int) -> np.ndarray:
    """Numbers (N,) int64 to (N, classes) float32."""
    return np.eye(classes, dtype=np.float32)[numbers]
