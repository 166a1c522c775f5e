"""The frames of many clips in one file, and the batches that are read from it.

All frames are decoded and shrunk once into a file of raw uint8; batches are read from there while training.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import joblib
import numpy as np

from fitness_tracker.clips.folder import Clip
from fitness_tracker.core.params import Train
from fitness_tracker.models.tensorflow_setup import tf
from fitness_tracker.video.frames import read_zip, shrink

MEMBERS = 100  # at most


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


def training_batches(
    store: FrameStore,
    rows: np.ndarray,
    train: Train,
    augment: Callable[[np.ndarray, int], np.ndarray],
    member: int = 0,
    first: int = 0,
) -> tf.data.Dataset:
    """Batches (frames, labels) for all epochs from `first` on; order and augmentation depend on seed and epoch."""

    def load(batch: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        return augment(store.read(batch), int(seeds[0]))

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        shuffling, augmenting = (
            tf.stack([tf.constant(train.seed, tf.int64), (2 * epoch + n) * MEMBERS + member]) for n in (0, 1)
        )
        order = tf.random.experimental.stateless_shuffle(tf.constant(rows), shuffling)
        seeds = tf.random.stateless_uniform([len(rows)], augmenting, maxval=2**31 - 1, dtype=tf.int32)
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
