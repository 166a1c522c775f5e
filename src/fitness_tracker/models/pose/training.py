"""Fits the pose classifier: for each fold a network on all others; one temperature, and one threshold of 'none'."""

import math
import multiprocessing
import os
import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import numpy as np
import pandas as pd

from fitness_tracker.blazepose.landmarks import read_landmarks
from fitness_tracker.blazepose.networks import read_networks
from fitness_tracker.clips.folder import Clip
from fitness_tracker.core.errors import UserError
from fitness_tracker.core.params import Params, Pose, PoseAugmentation, Train
from fitness_tracker.corpus.catalog import CorpusClip
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.models.calibration import calibrate
from fitness_tracker.models.checkpoint import Checkpoint, training_key
from fitness_tracker.models.classifier import NONE, ClipUsage
from fitness_tracker.models.pose.augment import augment_poses, sample_augmented_windows
from fitness_tracker.models.pose.classifier import PoseClassifier, PoseMember
from fitness_tracker.models.pose.features import Poses, PoseSequences, cut_windows, features, poses_from_landmarks
from fitness_tracker.models.pose.idle import idle_windows
from fitness_tracker.models.pose.network import build_pose
from fitness_tracker.models.tensorflow_setup import keras, make_deterministic
from fitness_tracker.models.training import (
    EpochCallback,
    Trained,
    hash_names,
    log_epoch,
    mean_history,
    part_metrics,
    random_stream,
)
from fitness_tracker.processing.result_cache import ResultCache

WEIGHT_DECAY = 0.01  # of AdamW
MIN_FOUND = 0.2  # share of frames with a person; clips below are left out of training


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


class PoseData(NamedTuple):
    """Clips, their labels (clips,) int64, which count the exercises from 0, the last being 'none', and their groups
    (clips,)."""

    clips: Sequence[Poses]
    labels: np.ndarray
    groups: np.ndarray

    def part(self, mask: np.ndarray) -> "PoseData":
        """Those of the clips for which `mask` (clips,) bool is true."""
        return PoseData([self.clips[n] for n in np.flatnonzero(mask)], self.labels[mask], self.groups[mask])


class Material(NamedTuple):
    """All that there is to learn from."""

    data: PoseData
    folds: np.ndarray  # (clips,)
    names: np.ndarray  # (clips,) of what is shown, also where it is not taught
    untaught: np.ndarray  # (clips,) bool: an exercise of the corpus that nobody can be taught, for too few show it
    clear: np.ndarray  # (clips,) bool: it shows all of it

    def seen_by(self, fold: int) -> np.ndarray:
        """(clips,) bool: what the member that must not see `fold` learns from.

        Not only the groups of that fold are kept from it, but also all that is untaught and shown there, whoever shows
        it: so what it answers to that fold's untaught clips is what it answers to the unknown.
        """
        shown_there = self.names[self.untaught & (self.folds == fold)]
        return (self.folds != fold) & ~(self.untaught & np.isin(self.names, shown_there))


@dataclass(frozen=True)
class Task:
    """What a process needs to fit one member."""

    train: PoseData
    held_out: PoseData
    fold: int
    classes: int
    settings: PoseSettings
    cache: ResultCache | None
    key: str  # of its checkpoint
    on_epoch: EpochCallback


class Fitted(NamedTuple):
    """A member as it crosses processes, and what it says of the fold that it never saw."""

    weights: list[np.ndarray]
    history: dict[str, list[float]]
    probabilities: list[np.ndarray]  # of each clip held out, (its windows, K)
    metrics: dict[str, float]


def fit(
    clips: Sequence[Clip],
    usage: Mapping[str, ClipUsage],
    landmarks: Path,
    pose_networks: Path,
    params: Params,
    cache: ResultCache | None = None,
    on_epoch: EpochCallback = log_epoch,
    corpus: Sequence[CorpusClip] = (),
) -> Trained:
    """The pose classifier, from the clips' files in the folder `landmarks` and from the corpus; `pose_networks` is
    BlazePose's folder. Members are fitted side by side, one process for each core.

    Clips in which hardly anybody is found are left out. Raises `UserError` if landmarks are missing or damaged.
    """
    shown = ({clip.exercise for clip in clips} | {clip.exercise for clip in corpus}) - {NONE}
    missing = sorted(set(params.exercises) - shown)
    if missing:
        raise UserError(f"params.yaml: exercises names {', '.join(missing)}, which no clip shows")
    exercises = [*sorted(shown & set(params.exercises or shown)), NONE]
    material = read_material(clips, usage, landmarks, corpus, exercises)
    files = [*(landmarks / f"{clip.name}.npz" for clip in clips), *(clip.path for clip in corpus)]
    key = training_key(params, usage, files)
    chosen = np.unique(material.folds)[: params.pose.members].tolist()
    settings = PoseSettings(params.train, params.pose, params.pose_augmentation, params.extract.fps)
    tasks = [
        Task(
            material.data.part(material.seen_by(fold)), material.data.part(material.folds == fold), fold,
            len(exercises), replace(settings, member=number), cache, f"{key}-{number}", on_epoch,
        ) for number, fold in enumerate(chosen)
    ]  # fmt: skip
    fitted = fit_side_by_side(tasks)
    held_out = np.concatenate([np.flatnonzero(material.folds == fold) for fold in chosen])
    temperature, threshold = calibrate(
        [of_clip for member in fitted for of_clip in member.probabilities], exercises, material.data.labels[held_out],
        material.data.groups[held_out], material.clear[held_out], params.none.accepted_share,
    )  # fmt: skip
    members = [PoseMember(build_pose(params.pose, len(exercises)), fold) for fold in chosen]
    for member, one in zip(members, fitted, strict=True):
        member.network.set_weights(one.weights)
    classifier = PoseClassifier(
        members=members, exercises=exercises, fit=params.resize.fit, fps=params.extract.fps, group=params.split.group,
        usage=hash_names(usage), temperature=temperature, none_threshold=threshold, pose=params.pose,
        window=settings.window, pose_networks=read_networks(pose_networks),
    )  # fmt: skip
    mean = {name: float(np.mean([one.metrics[name] for one in fitted])) for name in fitted[0].metrics}
    history = mean_history([one.history for one in fitted])
    checkpoints = [Checkpoint(cache, task.key) for task in tasks]
    return Trained(classifier, {**mean, "epochs": len(history["loss"])}, history, checkpoints)


def read_material(
    clips: Sequence[Clip],
    usage: Mapping[str, ClipUsage],
    folder: Path,
    corpus: Sequence[CorpusClip],
    exercises: list[str],
) -> Material:
    """The clips in which somebody is found; all clips if that leaves none."""
    rows = [(clip, clip.exercise, True, read_landmarks(folder / f"{clip.name}.npz")) for clip in clips] + [
        (clip, clip.label, clip.visibility == "clear", read_corpus_landmarks(clip.path)) for clip in corpus
    ]
    rows = [row for row in rows if row[-1].found.mean() >= MIN_FOUND] or rows
    shown, names, clear, landmarks = zip(*rows, strict=True)
    labels = [exercises.index(clip.exercise if clip.exercise in exercises else NONE) for clip in shown]
    poses = [poses_from_landmarks(of_clip) for of_clip in landmarks]
    data = PoseData(poses, np.array(labels), np.array([usage[clip.name].group for clip in shown]))
    untaught = [clip.exercise == NONE != name for clip, name in zip(shown, names, strict=True)]
    folds = [usage[clip.name].fold for clip in shown]
    return Material(data, np.array(folds), np.array(names), np.array(untaught), np.array(clear))


def fit_side_by_side(tasks: Sequence[Task]) -> list[Fitted]:
    """All members, as many at once as there are cores. Each is the same as if it were fitted alone.

    Threads of one process would not do: Keras draws the initial weights from generators that all of them share.
    Raises `UserError` if a process dies.
    """
    workers = min(len(tasks), len(os.sched_getaffinity(0)))
    if workers == 1:
        return [fit_task(task) for task in tasks]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=leave_signals_to_parent) as pool:
        try:
            return list(pool.map(fit_task, tasks))
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():  # nobody waits for the others
                process.terminate()
            if isinstance(error, BrokenProcessPool):
                raise UserError("a process of the training was killed, perhaps for memory; run it again") from None
            raise


def leave_signals_to_parent() -> None:
    """A process of the pool ends when the process that started it says so, or ends, in whatever way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is sent to all of them
    parent = multiprocessing.parent_process()
    assert parent is not None
    Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()


def fit_task(task: Task) -> Fitted:
    make_deterministic((task.settings.train.seed + task.settings.member) % 2**32)
    checkpoint = Checkpoint(task.cache, task.key)
    network, history = fit_network(task.train, task.held_out, task.classes, task.settings, checkpoint, task.on_epoch)
    member = PoseMember(network, task.fold)
    windows, owner = all_windows(task.held_out.clips, task.settings.window)
    probabilities = member.predict_proba(windows)
    of_clips = [probabilities[owner == clip] for clip in range(len(task.held_out.clips))]
    return Fitted(network.get_weights(), history, of_clips, window_metrics(member, task))


def window_metrics(member: PoseMember, task: Task) -> dict[str, float]:
    """Accuracy and log loss of windows that were trained on, and of those that were not."""
    metrics: dict[str, float] = {}
    for part, data in (("train", task.train), ("val", task.held_out)):
        windows, owner = all_windows(data.clips, task.settings.window)
        metrics |= part_metrics(part, member.predict_proba(windows), data.labels[owner])
    return metrics


def sampling_weights(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(clips,) probabilities with which clips are drawn: the frequency of an exercise, and of a group in it, counts by
    its square root, half way between all clips the same and all exercises, and groups, the same."""
    table = pd.DataFrame({"label": labels, "group": groups})
    weights = table.groupby(["label", "group"])["group"].transform("size").to_numpy() ** -0.5
    weights *= pd.Series(weights).groupby(labels).transform("sum").to_numpy() ** -0.5
    return weights / weights.sum()


class WindowBatches(keras.utils.PyDataset):
    """Batches (features (N, T, FEATURES), labels (N, K) one-hot), float32.

    Each depends on nothing but the seed, the epoch and its number in it.
    """

    def __init__(self, data: PoseData, classes: int, settings: PoseSettings) -> None:
        super().__init__()
        self.clips, self.labels, self.classes = PoseSequences(data.clips), data.labels, classes
        self.settings, self.epoch = settings, 0
        even = np.full(len(data.labels), 1 / len(data.labels))
        self.chances = sampling_weights(data.labels, data.groups) if settings.train.class_weights else even

    def __len__(self) -> int:
        return math.ceil(self.settings.pose.windows_per_epoch / self.settings.train.batch_size)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        settings, size = self.settings, self.settings.train.batch_size
        rng = settings.stream(self.epoch, number)
        idle = rng.binomial(size, settings.pose.synthetic_idle_ratio)
        clips = rng.choice(len(self.labels), size - idle, p=self.chances)
        windows, standing = sample_augmented_windows(self.clips, clips, settings.window, settings.augmentation, rng)
        labels = np.where(standing, self.classes - 1, self.labels[clips])
        labels = np.concatenate([labels, np.full(idle, self.classes - 1)])
        return np.concatenate([features(windows), sample_idle_features(idle, settings, rng)]), one_hot(
            labels, self.classes
        )

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
    batches = WindowBatches(train, classes, settings)
    rate = keras.optimizers.schedules.CosineDecay(settings.train.learning_rate, epochs * len(batches))
    network.compile(
        keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY),
        keras.losses.CategoricalCrossentropy(label_smoothing=settings.pose.label_smoothing),
        metrics=["accuracy"],
    )
    windows, owner = all_windows(validation.clips, settings.window)
    checkpoint = checkpoint or Checkpoint()
    batches.epoch = checkpoint.epochs
    progress = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: on_epoch(settings.member + 1, epoch + 1, epochs, logs)
    )
    network.fit(
        batches,
        epochs=epochs,
        initial_epoch=batches.epoch,
        validation_data=(windows, one_hot(validation.labels[owner], classes)),
        callbacks=[checkpoint, progress],
        shuffle=False,
        verbose=0,
    )
    return network, checkpoint.history


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Labels (N,) int64 to (N, classes) float32."""
    return np.eye(classes, dtype=np.float32)[labels]


def all_windows(clips: Sequence[Poses], length: int) -> tuple[np.ndarray, np.ndarray]:
    """All windows of the clips, plain: features (N, T, FEATURES) float32, and each window's clip number (N,) int64."""
    windows = [features(cut_windows(clip, length)) for clip in clips]
    return np.concatenate(windows), np.repeat(np.arange(len(clips)), [len(of_clip) for of_clip in windows])
