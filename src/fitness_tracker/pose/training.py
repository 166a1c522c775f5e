"""Fits the pose classifier: for each fold a network, a forest and a detector on all others, and one temperature."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import ExtraTreesClassifier
from threadpoolctl import threadpool_limits

from fitness_tracker.classifier import NONE, ClipUsage
from fitness_tracker.clips.folder import Clip
from fitness_tracker.learning import (
    EpochCallback,
    Trained,
    class_weights,
    fit_temperature,
    hash_names,
    log_epoch,
    mean_history,
    part_metrics,
    random_stream,
)
from fitness_tracker.params import Params, Pose, PoseAugmentation, Train
from fitness_tracker.pose.augment import augment_poses, sample_augmented_windows
from fitness_tracker.pose.classifier import Forest, OutOfDistributionDetector, PoseClassifier, PoseMember, PoseModel
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
from fitness_tracker.processing.result_cache import ResultCache
from fitness_tracker.tensorflow_setup import keras

WEIGHT_DECAY = 0.01  # of AdamW
MIN_FOUND = 0.2  # share of frames with a person; clips below are left out of training
IDLE = -1  # in place of a clip's number: a synthetic window of 'none'
ORDER, AUGMENTATION, FOREST = range(3)  # random streams


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
        return max(2, round(self.train.window * self.fps))

    def stream(self, *key: int) -> np.random.Generator:
        return random_stream(self.train.seed, self.member, *key)


class PoseData(NamedTuple):
    """Clips and their labels (clips,) int64, which count the exercises from 0; the last of the classes is 'none'."""

    clips: Sequence[Poses]
    labels: np.ndarray

    def part(self, mask: np.ndarray) -> "PoseData":
        """Those of the clips for which `mask` (clips,) bool is true."""
        return PoseData([self.clips[n] for n in np.flatnonzero(mask)], self.labels[mask])


class HeldOut(NamedTuple):
    """What a member says of the fold that it never saw."""

    probabilities: list[np.ndarray]  # of each clip, (its windows, K)
    foreign: np.ndarray  # (clips,) by the detector
    labels: np.ndarray  # (clips,)


def fit(
    clips: Sequence[Clip],
    usage: Mapping[str, ClipUsage],
    landmarks: Path,
    pose_networks: Path,
    params: Params,
    cache: ResultCache | None = None,
    on_epoch: EpochCallback = log_epoch,
) -> Trained:
    """The pose classifier, from the clips' files in the folder `landmarks`; `pose_networks` is BlazePose's folder.

    Clips in which hardly anybody is found are left out. Raises `UserError` if landmarks are missing or damaged.
    """
    exercises = [*sorted({clip.exercise for clip in clips} - {NONE}), NONE]
    data, folds = read_data(clips, usage, landmarks, exercises)
    key = training_key(params, usage, [landmarks / f"{clip.name}.npz" for clip in clips])
    members, held_out, checkpoints, metrics = [], [], [], []
    chosen = np.unique(folds)[: params.pose.members].tolist()
    for number, fold in enumerate(chosen):
        print(f"train: member {number + 1} of {len(chosen)}", flush=True)
        settings = PoseSettings(params.train, params.pose, params.pose_augmentation, params.extract.fps, number)
        checkpoints.append(Checkpoint(cache, f"{key}-{number}"))
        train, test = data.part(folds != fold), data.part(folds == fold)
        members.append(fit_member(train, test, fold, len(exercises), settings, checkpoints[-1], on_epoch))
        held_out.append(predict_held_out(members[-1], test, settings.window))
        metrics.append(window_metrics(members[-1].model, train, test, settings.window))
    histories = [checkpoint.history for checkpoint in checkpoints]
    classifier = PoseClassifier(
        members=members, exercises=exercises, fit=params.resize.fit, fps=params.extract.fps, group=params.split.group,
        usage=hash_names(usage), temperature=fit_pose_temperature(held_out), pose=params.pose, window=settings.window,
        pose_networks=read_networks(pose_networks),
    )  # fmt: skip
    mean = {name: float(np.mean([one[name] for one in metrics])) for name in metrics[0]}
    epochs = max(len(history["loss"]) for history in histories)
    return Trained(classifier, {**mean, "epochs": epochs}, mean_history(histories), checkpoints)


def read_data(
    clips: Sequence[Clip], usage: Mapping[str, ClipUsage], folder: Path, exercises: list[str]
) -> tuple[PoseData, np.ndarray]:
    """The clips in which somebody is found, and their folds (clips,); all clips if that leaves none."""
    landmarks = [read_landmarks(folder / f"{clip.name}.npz") for clip in clips]
    usable = [n for n, of_clip in enumerate(landmarks) if of_clip.found.mean() >= MIN_FOUND] or range(len(clips))
    labels = [exercises.index(clips[n].exercise) for n in usable]
    folds = [usage[clips[n].name].fold for n in usable]
    return PoseData([poses_from_landmarks(landmarks[n]) for n in usable], np.array(labels)), np.array(folds)


def fit_member(
    train: PoseData,
    held_out: PoseData,
    fold: int,
    classes: int,
    settings: PoseSettings,
    checkpoint: Checkpoint | None = None,
    on_epoch: EpochCallback = log_epoch,
) -> PoseMember:
    """Network, forest and detector from `train`; only the detector's threshold is from `held_out`.

    With a `checkpoint` the network goes on where it was.
    """
    keras.utils.set_random_seed((settings.train.seed + settings.member) % 2**32)
    network, _ = fit_network(train, held_out, classes, settings, checkpoint, on_epoch)
    model = PoseModel(network, fit_forest(train, classes, settings))
    taught, others = (data.part(data.labels < classes - 1) for data in (train, held_out))
    detector = fit_detector(
        model, taught, others.clips or taught.clips, settings.window, settings.pose.false_rejection_rate
    )
    return PoseMember(model, detector, fold)


def predict_held_out(member: PoseMember, data: PoseData, window: int) -> HeldOut:
    windows, owner = all_windows(data.clips, window)
    probabilities, embeddings = member.model.predict_proba(windows)
    foreign = member.detector.probability(clip_means(member.detector.distances(embeddings), owner))
    return HeldOut([probabilities[owner == clip] for clip in range(len(data.clips))], foreign, data.labels)


def fit_pose_temperature(held_out: Sequence[HeldOut]) -> float:
    """Out of fold, over all clips that some member never saw."""
    probabilities = [of_clip for part in held_out for of_clip in part.probabilities]
    labels, foreign = (np.concatenate([getattr(part, name) for part in held_out]) for name in ("labels", "foreign"))
    return fit_temperature(probabilities, labels, foreign)


def window_metrics(model: PoseModel, train: PoseData, held_out: PoseData, window: int) -> dict[str, float]:
    """Accuracy and log loss of windows that were trained on, and of those that were not."""
    metrics: dict[str, float] = {}
    for part, data in (("train", train), ("val", held_out)):
        windows, owner = all_windows(data.clips, window)
        metrics |= part_metrics(part, model.predict_proba(windows)[0], data.labels[owner])
    return metrics


class WindowBatches(keras.utils.PyDataset):
    """Batches (features (N, T, FEATURES), labels (N, K) one-hot, weights (N,)), float32.

    Each depends on nothing but the seed, the epoch and its number in it.
    """

    def __init__(self, data: PoseData, classes: int, settings: PoseSettings) -> None:
        super().__init__()
        self.clips, self.labels, self.classes = PoseSequences(data.clips), data.labels, classes
        self.settings, self.epoch = settings, 0
        pose, number = settings.pose, len(data.labels)
        idle = round(number * pose.windows_per_clip * pose.synthetic_idle_ratio)
        self.rows = np.concatenate([np.repeat(np.arange(number), pose.windows_per_clip), np.full(idle, IDLE)])
        self.weights = class_weights(data.labels) if settings.train.class_weights else {}

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.settings.train.batch_size)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        settings, size = self.settings, self.settings.train.batch_size
        order = settings.stream(ORDER, self.epoch).permutation(self.rows)[number * size :][:size]
        rng = settings.stream(AUGMENTATION, self.epoch, number)
        clips = order[order != IDLE]
        labels = np.full(len(order), self.classes - 1)
        labels[: len(clips)] = self.labels[clips]
        windows, standing = sample_augmented_windows(self.clips, clips, settings.window, settings.augmentation, rng)
        labels[: len(clips)][standing] = self.classes - 1
        batch = [features(windows)]
        if idle := len(order) - len(clips):
            batch.append(sample_idle_features(idle, settings, rng))
        weights = np.ones(len(order), np.float32)
        weights[: len(clips)] = [self.weights.get(label, 1.0) for label in self.labels[clips].tolist()]
        return np.concatenate(batch), one_hot(labels, self.classes), weights

    def on_epoch_end(self) -> None:
        self.epoch += 1


def sample_idle_features(number: int, settings: PoseSettings, rng: np.random.Generator) -> np.ndarray:
    """(number, T, FEATURES) float32 of synthetic people who stand or walk."""
    windows = idle_windows(number, settings.window, settings.fps, rng)
    return features(augment_poses(windows, settings.augmentation, rng))


def fit_network(
    train: PoseData,
    validation: PoseData,
    classes: int,
    settings: PoseSettings,
    checkpoint: Checkpoint | None = None,
    on_epoch: EpochCallback = log_epoch,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """The network of `build_pose`, and its loss and accuracy in each epoch.

    Nothing is chosen by the validation clips: the learning rate falls to 0, and the last weights stay.
    """
    epochs = settings.train.epochs
    network = build_pose(settings.pose, classes)
    learner = keras.Model(network.inputs, network.outputs[0])  # (N, classes)
    batches = WindowBatches(train, classes, settings)
    rate = keras.optimizers.schedules.CosineDecay(settings.train.learning_rate, epochs * len(batches))
    learner.compile(
        keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY),
        keras.losses.CategoricalCrossentropy(label_smoothing=settings.pose.label_smoothing),
        metrics=["accuracy"],
        weighted_metrics=[],
    )
    windows, owner = all_windows(validation.clips, settings.window)
    checkpoint = checkpoint or Checkpoint()
    batches.epoch = checkpoint.epochs
    progress = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: on_epoch(epoch + 1, epochs, logs))
    learner.fit(
        batches,
        epochs=epochs,
        initial_epoch=batches.epoch,
        validation_data=(windows, one_hot(validation.labels[owner], classes)),
        callbacks=[checkpoint, progress],
        shuffle=False,
        verbose=0,
    )
    return network, checkpoint.history


def fit_forest(data: PoseData, classes: int, settings: PoseSettings) -> Forest:
    """Extremely randomised trees (Geurts et al. 2006) on statistics of all windows, and of synthetic idle people."""
    windows, owner = all_windows(data.clips, settings.window)
    pose = settings.pose
    idle = max(1, round(len(data.clips) * pose.windows_per_clip * pose.synthetic_idle_ratio))
    rows = window_statistics(np.concatenate([windows, sample_idle_features(idle, settings, settings.stream(FOREST))]))
    balance = class_weights(data.labels) if settings.train.class_weights else {}
    clip_weights = np.array([balance.get(label, 1.0) for label in data.labels.tolist()]) / np.bincount(owner)
    forest = ExtraTreesClassifier(
        pose.trees, min_samples_leaf=2, max_features=0.2, n_jobs=-1, random_state=settings.train.seed + settings.member
    ).fit(
        rows,
        np.concatenate([data.labels[owner], np.full(idle, classes - 1)]),
        sample_weight=np.concatenate([clip_weights[owner], np.full(idle, 1 / pose.windows_per_clip)]),
    )
    return flatten_forest(forest, classes)


def flatten_forest(forest: ExtraTreesClassifier, classes: int) -> Forest:
    """Scikit-learn's trees with all their nodes in a row."""
    trees = [estimator.tree_ for estimator in forest.estimators_]
    sizes = np.array([tree.node_count for tree in trees])
    roots = np.cumsum(sizes) - sizes
    children = np.concatenate([np.stack([tree.children_left, tree.children_right], axis=1) for tree in trees])
    leaf = children[:, :1] < 0
    counts = np.zeros((len(children), classes), np.float32)
    counts[:, forest.classes_] = np.concatenate([tree.value[:, 0] for tree in trees])
    probabilities = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)
    return Forest(
        roots.astype(np.int32),
        np.where(leaf, np.arange(len(children))[:, None], children + np.repeat(roots, sizes)[:, None]).astype(np.int32),
        np.where(leaf[:, 0], 0, np.concatenate([tree.feature for tree in trees])).astype(np.int32),
        np.concatenate([tree.threshold for tree in trees]),
        np.where(leaf, probabilities, 0).astype(np.float32),
    )


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Labels (N,) int64 to (N, classes) float32."""
    return np.eye(classes, dtype=np.float32)[labels]


def all_windows(clips: Sequence[Poses], length: int) -> tuple[np.ndarray, np.ndarray]:
    """All windows of the clips, plain: features (N, T, FEATURES) float32, and each window's clip number (N,) int64."""
    windows = [features(cut_windows(clip, length)) for clip in clips]
    return np.concatenate(windows), np.repeat(np.arange(len(clips)), [len(of_clip) for of_clip in windows])


def clip_means(values: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Values (N,) of windows to means (clips,)."""
    return np.bincount(owner, values) / np.bincount(owner)


def fit_detector(
    model: PoseModel, train: PoseData, held_out: Sequence[Poses], window: int, false_rejection_rate: float
) -> OutOfDistributionDetector:
    """Class means and covariance from the embeddings of `train`; a share `false_rejection_rate` of the clips `held_out`
    lies beyond the threshold.

    Of few clips none does, and the curve is so wide that a distance a tenth larger is not rejected at once.
    """
    windows, owner = all_windows(train.clips, window)
    labels, (_, embeddings) = train.labels[owner], model.predict_proba(windows)
    classes = np.unique(labels)
    means = np.stack([embeddings[labels == label].mean(axis=0) for label in classes])
    residuals = embeddings - means[np.searchsorted(classes, labels)]
    with threadpool_limits(1):  # the number of threads decides the order of sums
        precision = LedoitWolf(assume_centered=True).fit(residuals).precision_
        whiten = np.linalg.cholesky(precision).astype(np.float32)
        windows, owner = all_windows(held_out, window)
        bare = OutOfDistributionDetector(means.astype(np.float32), whiten, 0.0, 1.0)
        distances = bare.distances(model.predict_proba(windows)[1])
    clip_distances = clip_means(distances, owner)
    threshold = float(np.quantile(clip_distances, 1 - false_rejection_rate, method="higher"))
    width = max((threshold - float(np.median(clip_distances))) / 2, 0.1 * threshold, 1e-3)
    return OutOfDistributionDetector(bare.means, whiten, threshold + width, width)
