"""Trains the pose network on windows that no epoch sees twice, and measures what it has been taught."""

import math
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from sklearn.covariance import LedoitWolf

from fitness_tracker.augment import idle_windows, varied_windows, vary_poses
from fitness_tracker.clips import TRAIN, VALIDATION, Clip
from fitness_tracker.landmarks import read_landmarks, read_networks
from fitness_tracker.models import NONE, Novelty, PoseClassifier, Split, build_pose
from fitness_tracker.params import Params
from fitness_tracker.poses import Poses, Sequences, cut_windows, features, poses_of
from fitness_tracker.training import Trained, class_weights, describe, fit_temperature, tell, use

WEIGHT_DECAY = 0.01  # of AdamW
IDLE = -1  # stands for a window of somebody who does nothing, where else stands the number of a clip


class WindowBatches(keras.utils.PyDataset):
    """Batches (features (N, T, FEATURES), labels (N, K) one-hot, weights (N,)), float32.

    Each depends on nothing but the seed, the epoch and its number in it.
    """

    def __init__(
        self, clips: Sequence[Poses], labels: np.ndarray, classes: int, seed: int, window: int, settings: Params
    ) -> None:
        super().__init__()
        self.clips, self.labels, self.classes, self.seed, self.window = Sequences(clips), labels, classes, seed, window
        self.settings, self.epoch = settings, 0
        number = len(labels) * settings.pose.windows
        self.rows = np.repeat(np.arange(len(labels)), settings.pose.windows)
        self.rows = np.concatenate([self.rows, np.full(round(number * settings.pose.idle), IDLE)])
        self.weights = class_weights(labels) if settings.train.class_weights else {}

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.settings.train.batch_size)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        size = self.settings.train.batch_size
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.rows)[number * size :][:size]
        rng = np.random.default_rng((self.seed, self.epoch, number))
        busy = order[order != IDLE]
        labels = np.full(len(order), self.classes - 1)
        labels[: len(busy)] = self.labels[busy]
        varied, stands = varied_windows(self.clips, busy, self.window, self.settings.vary, rng)
        labels[: len(busy)][stands] = self.classes - 1
        windows = [features(varied)]
        if idle := len(order) - len(busy):
            still = idle_windows(idle, self.window, self.settings.extract.fps, rng)
            windows.append(features(vary_poses(still, self.settings.vary, rng)))
        weights = np.array([self.weights.get(int(label), 1.0) for label in labels], np.float32)
        return np.concatenate(windows), np.eye(self.classes, dtype=np.float32)[labels], weights

    def on_epoch_end(self) -> None:
        self.epoch += 1


def teach_poses(
    clips: Sequence[Clip], landmarks: Path, networks: Path, split: dict[str, Split], settings: Params
) -> Trained:
    """The pose network, learnt from the clips' landmarks; `networks` is the folder of BlazePose's two.

    Raises `UserError` if landmarks are missing or damaged.
    """
    exercises = [*sorted({clip.exercise for clip in clips} - {NONE}), NONE]
    window = max(2, round(settings.train.window * settings.extract.fps))
    poses, labels = {}, {}
    for part in (TRAIN, VALIDATION):
        chosen = [clip for clip in clips if split[clip.name].part == part]
        poses[part] = [poses_of(read_landmarks(landmarks / f"{clip.name}.npz")) for clip in chosen]
        labels[part] = np.array([exercises.index(clip.exercise) for clip in chosen])
    network, history = train_pose(
        poses[TRAIN], labels[TRAIN], poses[VALIDATION], labels[VALIDATION], len(exercises), window, settings
    )
    learnt, checked = (score_pose(network, poses[part], labels[part], window) for part in (TRAIN, VALIDATION))
    temperature = fit_pose_temperature(network, poses[VALIDATION], labels[VALIDATION], window)
    known = {part: [pose for pose, label in zip(poses[part], labels[part], strict=True) if label < len(exercises) - 1]
             for part in poses}  # fmt: skip
    novelty = fit_novelty(
        network, known[TRAIN], labels[TRAIN][labels[TRAIN] < len(exercises) - 1], known[VALIDATION], window,
        settings.pose.rejected,
    )  # fmt: skip
    classifier = PoseClassifier(
        network=network, exercises=exercises, pose=settings.pose, window=window, novelty=novelty,
        estimators=read_networks(networks), temperature=temperature, **use(split, settings),
    )  # fmt: skip
    return Trained(classifier, describe(learnt, checked, temperature, history), history)


def score_pose(network: keras.Model, clips: Sequence[Poses], labels: np.ndarray, window: int) -> dict[str, float]:
    """Loss and accuracy of the clips' windows, plain."""
    windows, owner = all_windows(clips, window)
    said, _ = answer_windows(network, windows)
    truth = labels[owner]
    likelihood = np.maximum(said[np.arange(len(truth)), truth], 1e-9)
    return {"loss": float(-np.log(likelihood).mean()), "accuracy": float((said.argmax(axis=1) == truth).mean())}


def train_pose(
    clips: Sequence[Poses],
    labels: np.ndarray,
    validation: Sequence[Poses],
    validation_labels: np.ndarray,
    classes: int,
    window: int,
    settings: Params,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """The network of `models.build_pose`, and the mean losses and accuracies of its members in each epoch.

    `labels` (clips,) int64 count the exercises from 0; the last of the `classes` is 'none'. Nothing is chosen by the
    validation clips: the learning rate falls to 0, and the last weights stay.
    """
    train = settings.train
    network = build_pose(settings.pose, classes)
    checked, owner = all_windows(validation, window)
    truth = np.eye(classes, dtype=np.float32)[validation_labels[owner]]
    histories = []
    for number in range(1, settings.pose.members + 1):
        learner = keras.Model(network.inputs, network.get_layer(f"exercise{number}").output)
        batches = WindowBatches(clips, labels, classes, train.seed * 1000 + number, window, settings)
        rate = keras.optimizers.schedules.CosineDecay(train.learning_rate, train.epochs * len(batches))
        learner.compile(
            keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY),
            keras.losses.CategoricalCrossentropy(label_smoothing=settings.pose.smoothing),
            weighted_metrics=[],
            metrics=["accuracy"],
        )
        told = keras.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: tell(e + 1, train.epochs, logs))
        fitted = learner.fit(
            batches, epochs=train.epochs, validation_data=(checked, truth), callbacks=[told], shuffle=False, verbose=0
        )
        histories.append(fitted.history)
    return network, {key: list(np.mean([one[key] for one in histories], axis=0)) for key in histories[0]}


def all_windows(clips: Sequence[Poses], length: int) -> tuple[np.ndarray, np.ndarray]:
    """All windows of the clips, plain: features (N, T, FEATURES) float32, and from which clip each is (N,) int64."""
    windows = [features(cut_windows(clip, length)) for clip in clips]
    return np.concatenate(windows), np.repeat(np.arange(len(clips)), [len(one) for one in windows])


def answer_windows(network: keras.Model, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, K) and summaries (N, D) of windows, float32."""
    said = [network(windows[i : i + 256]) for i in range(0, len(windows), 256)]
    return tuple(np.concatenate([np.asarray(one[part]) for one in said]) for part in (0, 1))


def fit_novelty(
    network: keras.Model,
    clips: Sequence[Poses],
    labels: np.ndarray,
    validation: Sequence[Poses],
    window: int,
    rejected: float,
) -> Novelty:
    """What the training clips' summaries look like; a share `rejected` of the validation clips counts as novel."""
    windows, owner = all_windows(clips, window)
    _, summaries = answer_windows(network, windows)
    classes = np.unique(labels)
    means = np.stack([summaries[labels[owner] == label].mean(axis=0) for label in classes])
    residuals = summaries - means[np.searchsorted(classes, labels[owner])]
    whiten = np.linalg.cholesky(LedoitWolf(assume_centered=True).fit(residuals).precision_).astype(np.float32)
    windows, owner = all_windows(validation, window)
    bare = Novelty(means.astype(np.float32), whiten, 0.0, 1.0)
    distances = bare.distances(answer_windows(network, windows)[1])
    of_clips = np.bincount(owner, distances) / np.bincount(owner)
    middle = float(np.quantile(of_clips, 1 - rejected))
    return Novelty(bare.means, whiten, middle, max((middle - float(np.median(of_clips))) / 2, 1e-3))


def fit_pose_temperature(network: keras.Model, clips: Sequence[Poses], labels: np.ndarray, window: int) -> float:
    """The temperature at which the clips' answers are as sure as they are right."""
    windows, owner = all_windows(clips, window)
    said, _ = answer_windows(network, windows)
    return fit_temperature([said[owner == clip] for clip in range(len(clips))], labels)
