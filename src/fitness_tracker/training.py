"""Trains the frame network, with memory that does not grow with the number of clips; and what all training shares.

All frames are decoded and shrunk once into a file of raw uint8; batches are read from there while training.
"""

import hashlib
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import joblib
import keras
import numpy as np
import tensorflow as tf
from scipy.optimize import minimize_scalar
from sklearn.utils.class_weight import compute_class_weight

from fitness_tracker import params
from fitness_tracker.augment import frame_augmenter
from fitness_tracker.clips import TRAIN, VALIDATION, Clip, ClipsError, group_of, split_clips
from fitness_tracker.frames import read_zip, shrink
from fitness_tracker.memo import Memo, memo_folder
from fitness_tracker.models import Classifier, FrameClassifier, Split, build_cnn, temper
from fitness_tracker.resuming import Checkpoint, training_key


@dataclass(frozen=True)
class Trained:
    """A classifier and how it came about."""

    classifier: Classifier
    metrics: dict[str, float]
    history: dict[str, list[float]]  # of each epoch
    checkpoint: Checkpoint  # to be forgotten when all is saved


@dataclass(frozen=True)
class FrameStore:
    """Frames of many clips in one file: `frames` rows of (size, size, 3) uint8 RGB, clip after clip."""

    descriptor: int
    size: int
    labels: np.ndarray  # (frames,) int64: which exercise
    clips: np.ndarray  # (frames,) int64: which clip

    def read(self, rows: np.ndarray) -> np.ndarray:
        """(N,) row numbers to (N, size, size, 3) uint8 RGB. Read, not mapped: mapped pages pile up."""
        length = self.size * self.size * 3
        data = b"".join(os.pread(self.descriptor, length, int(row) * length) for row in rows)
        return np.frombuffer(data, np.uint8).reshape(-1, self.size, self.size, 3)


@contextmanager
def frame_store(clips: Sequence[Clip], exercises: list[str], size: int) -> Iterator[FrameStore]:
    """All frames of the clips' zips, shrunk to `size`, in a scratch file that ends with the block."""

    def small(clip: Clip) -> np.ndarray:
        return np.stack([shrink(frame, size) for _, frame in read_zip(clip.path)])

    with tempfile.TemporaryFile(prefix="fitness-tracker-") as file:
        counts = []
        for frames in joblib.Parallel(-1, "threading", return_as="generator")(joblib.delayed(small)(c) for c in clips):
            file.write(frames.tobytes())
            counts.append(len(frames))
        file.flush()
        labels = [exercises.index(clip.exercise) for clip in clips]
        yield FrameStore(file.fileno(), size, np.repeat(labels, counts), np.repeat(np.arange(len(clips)), counts))


def read_split(clips: Sequence[Clip], split: params.Split) -> dict[str, Split]:
    """How each clip is used. Raises `ClipsError` if the same frames would be both learnt from and tested on."""
    used: dict[str, Split] = {}
    first: dict[str, Clip] = {}
    parts = split_clips(clips, split)
    for clip in clips:
        digest = hashlib.sha256(clip.path.read_bytes()).hexdigest()
        other = first.setdefault(digest, clip)
        if parts[other.name] != parts[clip.name]:
            raise ClipsError(
                f"{clip.name}: is the same video as {other.name}, which is in another part of the split; "
                "take one of them away, or give both the same group"
            )
        used[clip.name] = Split(parts[clip.name], group_of(clip, split.group), digest)
    return used


def training_batches(
    store: FrameStore,
    rows: np.ndarray,
    train: params.Train,
    vary: Callable[[np.ndarray, int], np.ndarray],
    first: int = 0,
) -> tf.data.Dataset:
    """Batches (frames, labels) for all epochs from `first` on; order and augmentation depend on seed and epoch."""

    def load(batch: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        return vary(store.read(batch), int(seeds[0]))

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        seed = tf.stack([tf.constant(train.seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(tf.constant(rows), seed)
        seeds = tf.random.stateless_uniform([len(rows)], seed, maxval=2**31 - 1, dtype=tf.int32)
        return tf.data.Dataset.from_tensor_slices((order, seeds)).batch(train.batch_size)

    return tf.data.Dataset.range(first, train.epochs).flat_map(one_epoch).map(with_labels(store, load)).prefetch(2)


def plain_batches(store: FrameStore, rows: np.ndarray, batch_size: int) -> tf.data.Dataset:
    """Batches (frames, labels), once, in order, as they are."""
    rows_only = tf.data.Dataset.from_tensor_slices((rows, rows)).batch(batch_size)
    return rows_only.map(with_labels(store, lambda batch, _: store.read(batch))).prefetch(2)


def with_labels(store: FrameStore, load: Callable) -> Callable:
    labels = tf.constant(store.labels)

    def fetch(batch: tf.Tensor, seeds: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        frames = tf.numpy_function(load, [batch, seeds], tf.uint8)
        return tf.ensure_shape(frames, (None, store.size, store.size, 3)), tf.gather(labels, batch)

    return fetch


def train_cnn(
    store: FrameStore,
    rows: np.ndarray,
    validation: np.ndarray,
    classes: int,
    settings: params.Params,
    checkpoint: Checkpoint | None = None,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """The network of the epoch with the highest validation accuracy, and each epoch's losses and accuracies.

    `rows` and `validation` are the row numbers of the store to learn from and to stop by. With a `checkpoint`
    training goes on where it was.
    """
    train = settings.train
    network = build_cnn(settings.cnn, classes)
    optimizer = keras.optimizers.Adam(train.learning_rate)
    network.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=train.patience, mode="max", restore_best_weights=True)
    checkpoint = checkpoint or Checkpoint()
    checkpoint.stop = stop
    told = keras.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: tell(e + 1, train.epochs, logs))
    network.fit(
        training_batches(store, rows, train, frame_augmenter(settings.augment), checkpoint.epochs),
        epochs=train.epochs,
        initial_epoch=train.epochs if checkpoint.ended else checkpoint.epochs,
        steps_per_epoch=math.ceil(len(rows) / train.batch_size),
        validation_data=plain_batches(store, validation, train.batch_size),
        class_weight=class_weights(store.labels[rows]) if train.class_weights else None,
        callbacks=[stop, checkpoint, told],
        shuffle=False,
        verbose=0,
    )
    return network, checkpoint.history


def teach_frames(clips: Sequence[Clip], split: dict[str, Split], settings: params.Params) -> Trained:
    """The frame network, learnt from the clips' zips of frames."""
    exercises = sorted({clip.exercise for clip in clips})
    seen = [clip for clip in clips if split[clip.name].part in (TRAIN, VALIDATION)]
    with frame_store(seen, exercises, settings.cnn.image_size) as store:
        is_train = np.array([split[clip.name].part == TRAIN for clip in seen])[store.clips]
        rows, validation = np.flatnonzero(is_train), np.flatnonzero(~is_train)
        checkpoint = Checkpoint(Memo(memo_folder(), settings.memo_gb), training_key(settings, split, []))
        network, history = train_cnn(store, rows, validation, len(exercises), settings, checkpoint)
        learnt, checked = score_network(network, store, rows), score_network(network, store, validation)
        owner = store.clips[validation]
        said = [
            np.concatenate([np.asarray(network(store.read(part))) for part in np.array_split(of, len(of) // 256 + 1)])
            for of in (validation[owner == clip] for clip in np.unique(owner))
        ]
        temperature = fit_temperature(
            said, np.array([store.labels[validation[owner == c][0]] for c in np.unique(owner)])
        )
    classifier = FrameClassifier(
        network=network, exercises=exercises, cnn=settings.cnn, temperature=temperature, **use(split, settings)
    )
    return Trained(classifier, describe(learnt, checked, history), history, checkpoint)


def use(split: dict[str, Split], settings: params.Params) -> dict[str, Any]:
    """What every classifier keeps of the parameters that it was made with."""
    return {
        "split": split, "fit": settings.resize.fit, "fps": settings.extract.fps, "group": settings.split.group,
    }  # fmt: skip


def describe(learnt: dict[str, float], checked: dict[str, float], history: dict[str, list[float]]) -> dict[str, float]:
    """The metrics of a training from the scores on what was learnt from and on the validation part."""
    parts = {"train": learnt, "val": checked}
    scores = {f"{part}_{name}": value for part, found in parts.items() for name, value in found.items()}
    return {**scores, "epochs": len(history["loss"])}


def fit_temperature(said: Sequence[np.ndarray], labels: np.ndarray) -> float:
    """The temperature at which clips, each the mean over its rows (N, K) of probabilities, are as sure as they are
    right: the one with the least negative log likelihood of their labels (clips,).

    Guo et al. (2017), "On Calibration of Modern Neural Networks", section 4.2. A few clips that are all right would
    make it 0; so they count as right to (n + 1) / (n + 2) only, as in Platt (1999), "Probabilistic Outputs for Support
    Vector Machines", section 2.2.
    """
    right = (len(labels) + 1) / (len(labels) + 2)

    def loss(logarithm: float) -> float:
        means = np.stack([temper(rows, np.exp(logarithm)).mean(axis=0) for rows in said])
        sure = np.clip(means[np.arange(len(labels)), labels], 1e-9, 1 - 1e-9)
        return -float((right * np.log(sure) + (1 - right) * np.log(1 - sure)).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.25), np.log(10)), method="bounded")
    return float(round(np.exp(found.x), 4))


def class_weights(labels: np.ndarray) -> dict[int, float]:
    """Weights that make every class count the same in the loss."""
    present = np.unique(labels)
    weights = compute_class_weight("balanced", classes=present, y=labels)
    return {int(label): float(weight) for label, weight in zip(present, weights, strict=True)}


def tell(epoch: int, epochs: int, logs: dict[str, float]) -> None:
    """The progress line of an epoch."""
    learnt, seen = (f"loss {logs[p + 'loss']:.3f}, accuracy {logs[p + 'accuracy']:.3f}" for p in ("", "val_"))
    print(f"train: epoch {epoch}/{epochs}: {learnt}; validation: {seen}", flush=True)


def score_network(network: keras.Model, store: FrameStore, rows: np.ndarray) -> dict[str, float]:
    """Loss and accuracy of the frames `rows`, without augmentation."""
    return network.evaluate(plain_batches(store, rows, 256), verbose=0, return_dict=True)
