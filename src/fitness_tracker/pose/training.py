"""Trains the pose network on windows that no epoch sees twice, and measures what it has been taught."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import ExtraTreesClassifier
from threadpoolctl import threadpool_limits

from fitness_tracker.classifier import NONE, ClipUsage
from fitness_tracker.clips.folder import Clip
from fitness_tracker.clips.split import TRAIN, VALIDATION
from fitness_tracker.learning import (
    Trained,
    class_weights,
    fit_temperature,
    log_epoch,
    preprocessing_fields,
    training_metrics,
)
from fitness_tracker.params import Params
from fitness_tracker.pose.augment import augment_poses, sample_augmented_windows
from fitness_tracker.pose.classifier import Forest, OutOfDistributionDetector, PoseClassifier, PoseModel
from fitness_tracker.pose.features import (
    Poses,
    PoseSequences,
    cut_windows,
    features,
    poses_from_landmarks,
    window_statistics,
)
from fitness_tracker.pose.idle import idle_windows
from fitness_tracker.pose.landmarks import read_landmarks
from fitness_tracker.pose.network import build_pose
from fitness_tracker.pose.pretrained import read_networks
from fitness_tracker.processing.checkpointing import Checkpoint, training_key
from fitness_tracker.processing.result_cache import ResultCache, cache_folder
from fitness_tracker.tensorflow_setup import keras

WEIGHT_DECAY = 0.01  # of AdamW


HARDLY = 0.2  # of the frames: where somebody is found in fewer, there is nothing to learn


IDLE = -1  # stands for a window of somebody who does nothing, where else stands the number of a clip


class WindowBatches(keras.utils.PyDataset):
    """Batches (features (N, T, FEATURES), labels (N, members, K) one-hot, weights (N, members)), float32.

    Each depends on nothing but the seed, the epoch and its number in it.
    """

    def __init__(self, clips: Sequence[Poses], labels: np.ndarray, classes: int, window: int, settings: Params) -> None:
        super().__init__()
        self.clips, self.labels, self.classes, self.window = PoseSequences(clips), labels, classes, window
        self.settings, self.seed, self.epoch = settings, settings.train.seed, 0
        number = len(labels) * settings.pose.windows_per_clip
        self.rows = np.repeat(np.arange(len(labels)), settings.pose.windows_per_clip)
        self.rows = np.concatenate([self.rows, np.full(round(number * settings.pose.synthetic_idle_ratio), IDLE)])
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
        varied, stands = sample_augmented_windows(self.clips, busy, self.window, self.settings.pose_augmentation, rng)
        labels[: len(busy)][stands] = self.classes - 1
        windows = [features(varied)]
        if idle := len(order) - len(busy):
            still = idle_windows(idle, self.window, self.settings.extract.fps, rng)
            windows.append(features(augment_poses(still, self.settings.pose_augmentation, rng)))
        members = self.settings.pose.ensemble_size
        weights = np.ones((len(order), members), np.float32)
        weights[: len(busy)] = [[self.weights.get(label, 1.0)] for label in self.labels[busy].tolist()]
        return np.concatenate(windows), one_hot(labels, self.classes, members), weights

    def on_epoch_end(self) -> None:
        self.epoch += 1


def fit_pose_classifier(
    clips: Sequence[Clip], landmarks: Path, networks: Path, split: dict[str, ClipUsage], settings: Params
) -> Trained:
    """The pose classifier, learnt from the clips' landmarks; `networks` is the folder of BlazePose's two.

    Clips in which hardly anybody is found are left out. Raises `UserError` if landmarks are missing or damaged.
    """
    exercises = [*sorted({clip.exercise for clip in clips} - {NONE}), NONE]
    taught = {}
    for part in (TRAIN, VALIDATION):
        chosen = [clip for clip in clips if split[clip.name].part == part]
        marks = [read_landmarks(landmarks / f"{clip.name}.npz") for clip in chosen]
        labels = [exercises.index(clip.exercise) for clip in chosen]
        seen = [n for n, one in enumerate(marks) if one.found.mean() >= HARDLY] or range(len(marks))
        taught[part] = [poses_from_landmarks(marks[n]) for n in seen], np.array([labels[n] for n in seen])
    key = training_key(settings, split, [landmarks / f"{clip.name}.npz" for clip in clips])
    checkpoint = Checkpoint(ResultCache(cache_folder(), settings.cache_gb), key)
    learnt = fit_pose_model(*taught[TRAIN], *taught[VALIDATION], len(exercises), settings, checkpoint)
    classifier = PoseClassifier(
        network=learnt.model.network, forest=learnt.model.forest, exercises=exercises, pose=settings.pose,
        window=window_length(settings), novelty=learnt.novelty, temperature=learnt.temperature,
        estimators=read_networks(networks), **preprocessing_fields(split, settings),
    )  # fmt: skip
    known, checked = (score_pose(learnt.model, *taught[part], window_length(settings)) for part in (TRAIN, VALIDATION))
    return Trained(classifier, training_metrics(known, checked, learnt.history), learnt.history, checkpoint)


def window_length(settings: Params) -> int:
    """Frames of a window."""
    return max(2, round(settings.train.window * settings.extract.fps))


class FittedPoseModel(NamedTuple):
    model: PoseModel
    novelty: OutOfDistributionDetector
    temperature: float
    history: dict[str, list[float]]


def fit_pose_model(
    clips: Sequence[Poses],
    labels: np.ndarray,
    validation: Sequence[Poses],
    validation_labels: np.ndarray,
    classes: int,
    settings: Params,
    checkpoint: Checkpoint | None = None,
) -> FittedPoseModel:
    """Network and forest from the training clips; what is foreign to them, and how sure they may be, from the others.

    `labels` (clips,) int64 count the exercises from 0; the last of the `classes` is 'none'. With a `checkpoint` the
    network goes on where it was.
    """
    window = window_length(settings)
    network, history = train_pose(clips, labels, validation, validation_labels, classes, window, settings, checkpoint)
    model = PoseModel(network, fit_forest(clips, labels, classes, window, settings))
    taught = [clip for clip, label in zip(clips, labels, strict=True) if label < classes - 1]
    others = [clip for clip, label in zip(validation, validation_labels, strict=True) if label < classes - 1]
    novelty = fit_out_of_distribution_detector(
        model, taught, labels[labels < classes - 1], others or taught, window, settings.pose.false_rejection_rate
    )
    temperature = fit_pose_temperature(model, validation, validation_labels, window)
    return FittedPoseModel(model, novelty, temperature, history)


def fit_forest(clips: Sequence[Poses], labels: np.ndarray, classes: int, window: int, settings: Params) -> Forest:
    """Extremely randomised trees (Geurts et al. 2006) on statistics of all windows, and of people who do nothing."""
    windows, owner = all_windows(clips, window)
    rng = np.random.default_rng(settings.train.seed)
    number = max(1, round(len(clips) * settings.pose.windows_per_clip * settings.pose.synthetic_idle_ratio))
    idle = augment_poses(idle_windows(number, window, settings.extract.fps, rng), settings.pose_augmentation, rng)
    rows = window_statistics(np.concatenate([windows, features(idle)]))
    truth = np.concatenate([labels[owner], np.full(number, classes - 1)])
    balance = class_weights(labels) if settings.train.class_weights else {}
    share = np.array([balance.get(label, 1.0) for label in labels.tolist()]) / np.bincount(owner)
    weights = np.concatenate([share[owner], np.full(number, 1 / settings.pose.windows_per_clip)])
    grown = ExtraTreesClassifier(
        settings.pose.trees, min_samples_leaf=2, max_features=0.2, n_jobs=-1, random_state=settings.train.seed
    ).fit(rows, truth, sample_weight=weights)
    trees = [one.tree_ for one in grown.estimators_]
    sizes = np.array([tree.node_count for tree in trees])
    roots = np.cumsum(sizes) - sizes
    children = np.concatenate([np.stack([tree.children_left, tree.children_right], axis=1) for tree in trees])
    leaf = children[:, :1] < 0
    nodes = np.arange(len(children))[:, None]
    shares = np.zeros((len(children), classes), np.float32)
    shares[:, grown.classes_] = np.concatenate([tree.value[:, 0] for tree in trees])
    return Forest(
        roots.astype(np.int32),
        np.where(leaf, nodes, children + np.repeat(roots, sizes)[:, None]).astype(np.int32),
        np.where(leaf[:, 0], 0, np.concatenate([tree.feature for tree in trees])).astype(np.int32),
        np.concatenate([tree.threshold for tree in trees]),
        np.where(leaf, shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-12), 0).astype(np.float32),
    )


def score_pose(model: PoseModel, clips: Sequence[Poses], labels: np.ndarray, window: int) -> dict[str, float]:
    """Loss and accuracy of the clips' windows, plain."""
    windows, owner = all_windows(clips, window)
    said, _ = model.answer(windows)
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
    checkpoint: Checkpoint | None = None,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """The network of `models.build_pose`, and the mean losses and accuracies of its members in each epoch.

    `labels` (clips,) int64 count the exercises from 0; the last of the `classes` is 'none'. Nothing is chosen by the
    validation clips: the learning rate falls to 0, and the last weights stay.
    """
    train, members = settings.train, settings.pose.ensemble_size
    network = build_pose(settings.pose, classes)
    answers = [network.get_layer(f"exercise{number}").output for number in range(1, members + 1)]
    learner = keras.Model(network.inputs, keras.ops.stack(answers, axis=1))  # (N, members, classes)
    batches = WindowBatches(clips, labels, classes, window, settings)
    rate = keras.optimizers.schedules.CosineDecay(train.learning_rate, train.epochs * len(batches))
    learner.compile(
        keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY),
        keras.losses.CategoricalCrossentropy(label_smoothing=settings.pose.label_smoothing),
        metrics=["accuracy"],
        weighted_metrics=[],
    )
    checked, owner = all_windows(validation, window)
    checkpoint = checkpoint or Checkpoint()
    batches.epoch = checkpoint.epochs
    told = keras.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: log_epoch(e + 1, train.epochs, logs))
    learner.fit(
        batches,
        epochs=train.epochs,
        initial_epoch=batches.epoch,
        validation_data=(checked, one_hot(validation_labels[owner], classes, members)),
        callbacks=[checkpoint, told],
        shuffle=False,
        verbose=0,
    )
    return network, checkpoint.history


def one_hot(labels: np.ndarray, classes: int, members: int) -> np.ndarray:
    """Labels (N,) int64 to (N, members, classes) float32: every member is to say the same."""
    return np.eye(classes, dtype=np.float32)[labels][:, None].repeat(members, axis=1)


def all_windows(clips: Sequence[Poses], length: int) -> tuple[np.ndarray, np.ndarray]:
    """All windows of the clips, plain: features (N, T, FEATURES) float32, and from which clip each is (N,) int64."""
    windows = [features(cut_windows(clip, length)) for clip in clips]
    return np.concatenate(windows), np.repeat(np.arange(len(clips)), [len(one) for one in windows])


def fit_out_of_distribution_detector(
    model: PoseModel,
    clips: Sequence[Poses],
    labels: np.ndarray,
    validation: Sequence[Poses],
    window: int,
    rejected: float,
) -> OutOfDistributionDetector:
    """What the training clips' summaries look like; all but a share `rejected` of the validation clips counts as near.

    Of few clips the furthest is near as well, and what is a tenth further off is not foreign at once.
    """
    windows, owner = all_windows(clips, window)
    _, summaries = model.answer(windows)
    classes = np.unique(labels)
    means = np.stack([summaries[labels[owner] == label].mean(axis=0) for label in classes])
    residuals = summaries - means[np.searchsorted(classes, labels[owner])]
    with threadpool_limits(1):  # the number of threads decides the order of sums
        precision = LedoitWolf(assume_centered=True).fit(residuals).precision_
        whiten = np.linalg.cholesky(precision).astype(np.float32)
        windows, owner = all_windows(validation, window)
        bare = OutOfDistributionDetector(means.astype(np.float32), whiten, 0.0, 1.0)
        distances = bare.distances(model.answer(windows)[1])
    of_clips = np.bincount(owner, distances) / np.bincount(owner)
    near = float(np.quantile(of_clips, 1 - rejected, method="higher"))
    width = max((near - float(np.median(of_clips))) / 2, 0.1 * near, 1e-3)
    return OutOfDistributionDetector(bare.means, whiten, near + width, width)


def fit_pose_temperature(model: PoseModel, clips: Sequence[Poses], labels: np.ndarray, window: int) -> float:
    """The temperature at which the clips' answers are as sure as they are right."""
    windows, owner = all_windows(clips, window)
    said, _ = model.answer(windows)
    return fit_temperature([said[owner == clip] for clip in range(len(clips))], labels)
