"""Fits the frame network, with memory that does not grow with the number of clips."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fitness_tracker.classifier import ClipUsage
from fitness_tracker.clips.folder import Clip
from fitness_tracker.clips.split import TRAIN, VALIDATION
from fitness_tracker.cnn.augment import frame_augmenter
from fitness_tracker.cnn.classifier import FrameClassifier
from fitness_tracker.cnn.network import build_cnn
from fitness_tracker.cnn.store import FrameStore, frame_store, plain_batches, training_batches
from fitness_tracker.learning import (
    EpochCallback,
    Trained,
    class_weights,
    fit_temperature,
    hash_names,
    log_epoch,
    part_metrics,
)
from fitness_tracker.params import Cnn, FrameAugmentation, Params, Train
from fitness_tracker.processing.checkpointing import Checkpoint, training_key
from fitness_tracker.processing.result_cache import ResultCache
from fitness_tracker.tensorflow_setup import keras


def fit(
    clips: Sequence[Clip],
    usage: Mapping[str, ClipUsage],
    frames: Path,
    pose_networks: Path,
    params: Params,
    cache: ResultCache | None = None,
    on_epoch: EpochCallback = log_epoch,
) -> Trained:
    """The frame classifier, from the clips' zips of frames."""
    exercises = sorted({clip.exercise for clip in clips})
    shown = [clip for clip in clips if usage[clip.name].part in (TRAIN, VALIDATION)]
    with frame_store(shown, exercises, params.cnn.image_size) as store:
        in_train = np.array([usage[clip.name].part == TRAIN for clip in shown])[store.clips]
        parts = {"train": np.flatnonzero(in_train), "val": np.flatnonzero(~in_train)}
        checkpoint = Checkpoint(cache, training_key(params, usage, []))
        network, history = fit_network(
            store, parts["train"], parts["val"], len(exercises), params.train, params.cnn, params.frame_augmentation,
            checkpoint, on_epoch,
        )  # fmt: skip
        metrics: dict[str, float] = {"epochs": len(history["loss"])}
        for part, rows in parts.items():
            probabilities = predict_rows(network, store, rows)
            metrics |= part_metrics(part, probabilities, store.labels[rows])
        owner = store.clips[parts["val"]]  # `probabilities` are those of the validation part
        numbers = np.unique(owner)
        labels = np.array([exercises.index(shown[number].exercise) for number in numbers])
        temperature = fit_temperature([probabilities[owner == number] for number in numbers], labels)
    classifier = FrameClassifier(
        network=network, exercises=exercises, fit=params.resize.fit, fps=params.extract.fps, group=params.split.group,
        usage=hash_names(usage), temperature=temperature, cnn=params.cnn,
    )  # fmt: skip
    return Trained(classifier, metrics, history, checkpoint)


def fit_network(
    store: FrameStore,
    rows: np.ndarray,
    validation: np.ndarray,
    classes: int,
    train: Train,
    cnn: Cnn,
    augmentation: FrameAugmentation,
    checkpoint: Checkpoint | None = None,
    on_epoch: EpochCallback = log_epoch,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """The network of the epoch with the highest validation accuracy, and each epoch's losses and accuracies.

    `rows` and `validation` are row numbers of the store, to learn from and to stop by. With a `checkpoint` training
    goes on where it was.
    """
    network = build_cnn(cnn, classes)
    optimizer = keras.optimizers.Adam(train.learning_rate)
    network.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=train.patience, mode="max", restore_best_weights=True)
    checkpoint = checkpoint or Checkpoint()
    checkpoint.stop = stop
    progress = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: on_epoch(epoch + 1, train.epochs, logs))
    network.fit(
        training_batches(store, rows, train, frame_augmenter(augmentation), checkpoint.epochs),
        epochs=train.epochs,
        initial_epoch=train.epochs if checkpoint.ended else checkpoint.epochs,
        steps_per_epoch=math.ceil(len(rows) / train.batch_size),
        validation_data=plain_batches(store, validation, train.batch_size),
        class_weight=class_weights(store.labels[rows]) if train.class_weights else None,
        callbacks=[stop, checkpoint, progress],
        shuffle=False,
        verbose=0,
    )
    return network, checkpoint.history


def predict_rows(network: keras.Model, store: FrameStore, rows: np.ndarray) -> np.ndarray:
    """Probabilities (N, K) of the frames `rows`, without augmentation."""
    return network.predict(plain_batches(store, rows, 256), verbose=0)
