"""Fits the frame network, with memory that does not grow with the number of clips."""

import math
from typing import NamedTuple

import numpy as np

from fitness_tracker.clips.folder import ClipsError
from fitness_tracker.core.params import Cnn, FrameAugmentation, Params, Train
from fitness_tracker.models.calibration import Calibration, calibrate
from fitness_tracker.models.checkpoint import Checkpoint, training_key
from fitness_tracker.models.cnn.augment import frame_augmenter
from fitness_tracker.models.cnn.classifier import BATCH, FRAMES, FrameClassifier, frame_graph
from fitness_tracker.models.cnn.network import build_cnn, build_graph
from fitness_tracker.models.cnn.store import FrameStore, frame_store, plain_batches, training_batches
from fitness_tracker.models.convert import to_tflite
from fitness_tracker.models.processes import Tick
from fitness_tracker.models.tensorflow_setup import keras
from fitness_tracker.models.training import (
    FittedMember,
    Trained,
    TrainingData,
    class_weights,
    common_fields,
    epoch_bar,
    member_metrics,
    summarise,
    tick_callback,
    training_params,
)
from fitness_tracker.processing.result_cache import ResultCache


class Plan(NamedTuple):
    """Which rows of the store a member learns from, and by which it stops and is calibrated."""

    folds: list[int]  # the one that it never sees, and the next, by which it stops
    train: np.ndarray
    stop: np.ndarray


def fit(data: TrainingData, params: Params, cache: ResultCache | None = None) -> Trained:
    """The frame classifier, from the clips' zips of frames.

    A member learns from all folds but two: its own, and the next, which decides when to stop and gives the temperature.
    """
    exercises = sorted({clip.exercise for clip in data.clips})
    key = training_key(training_params(params), data.usage, [])
    checkpoints = [Checkpoint(cache, f"{key}-{number}") for number in range(params.cnn.members)]
    with frame_store(data.clips, exercises, params.cnn.image_size) as store:
        plans = plan_members(data, store, params.cnn.members)
        with epoch_bar(len(plans), params.train.epochs) as bar:
            fitted = [
                fit_member(store, plan, len(exercises), params, number, checkpoints[number], bar.update)
                for number, plan in enumerate(plans)
            ]
        network = build_graph(params.cnn, len(exercises), [one.weights for one in fitted])
        graph = frame_graph(to_tflite(network), params.cnn, len(plans), len(exercises))
        rows = (np.arange(first, min(first + BATCH, len(store.labels))) for first in range(0, len(store.labels), BATCH))
        probabilities = np.concatenate([graph(**{FRAMES: store.read(part)}).probabilities for part in rows])
        metrics = member_metrics(
            probabilities, store.labels, [plan.train for plan in plans], [plan.stop for plan in plans]
        )
        calibration = calibrate_members(probabilities, plans, store, data, exercises, params.none.accepted_share)
    classifier = FrameClassifier(
        graph=graph, folds=[plan.folds for plan in plans], cnn=params.cnn,
        parameters=build_cnn(params.cnn, len(exercises)).count_params(),
        **common_fields(data, params, exercises, calibration),
    )  # fmt: skip
    return summarise(classifier, fitted, metrics, checkpoints)


def plan_members(data: TrainingData, store: FrameStore, members: int) -> list[Plan]:
    """Of the first folds, `members` at most; raises `ClipsError` if there are not three."""
    folds = np.array([data.usage[clip.name].fold for clip in data.clips])[store.clips]
    present = np.unique(folds).tolist()
    if len(present) < 3:
        raise ClipsError("two groups are too few: the frame network needs others to learn from, stop by and test on")
    pairs = [(fold, present[(number + 1) % len(present)]) for number, fold in enumerate(present[:members])]
    return [
        Plan(
            [own, following], np.flatnonzero((folds != own) & (folds != following)), np.flatnonzero(folds == following)
        )
        for own, following in pairs
    ]


def fit_member(
    store: FrameStore, plan: Plan, classes: int, params: Params, number: int, checkpoint: Checkpoint, tick: Tick
) -> FittedMember:
    keras.utils.set_random_seed((params.train.seed + number) % 2**32)
    network, history = fit_network(
        store, plan.train, plan.stop, classes, params.train, params.cnn, params.frame_augmentation, number,
        checkpoint, tick,
    )  # fmt: skip
    return FittedMember(network.get_weights(), history)


def calibrate_members(
    probabilities: np.ndarray,
    plans: list[Plan],
    store: FrameStore,
    data: TrainingData,
    exercises: list[str],
    accepted: float,
) -> Calibration:
    """`probabilities` (frames, M, K) are of the whole store."""
    held_out = [(member, clip) for member, plan in enumerate(plans) for clip in np.unique(store.clips[plan.stop])]
    clips = [data.clips[number] for _, number in held_out]
    return calibrate(
        [probabilities[store.clips == clip, member] for member, clip in held_out],
        exercises,
        np.array([exercises.index(clip.exercise) for clip in clips]),
        np.array([data.usage[clip.name].group for clip in clips]),
        np.ones(len(clips), bool),
        accepted,
    )


def fit_network(
    store: FrameStore,
    rows: np.ndarray,
    validation: np.ndarray,
    classes: int,
    train: Train,
    cnn: Cnn,
    augmentation: FrameAugmentation,
    member: int = 0,
    checkpoint: Checkpoint | None = None,
    tick: Tick = lambda: None,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """The network of the epoch with the highest validation accuracy, and each epoch's losses and accuracies.

    `rows` and `validation` are row numbers of the store, to learn from and to stop by. With a `checkpoint` training
    goes on where it was.
    """
    network = build_cnn(cnn, classes)
    optimizer = keras.optimizers.Adam(train.learning_rate)
    network.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping(
        "val_accuracy", patience=cnn.patience_epochs, mode="max", restore_best_weights=True
    )
    checkpoint = checkpoint or Checkpoint()
    checkpoint.stop = stop
    network.fit(
        training_batches(store, rows, train, frame_augmenter(augmentation), member, checkpoint.epochs),
        epochs=train.epochs,
        initial_epoch=train.epochs if checkpoint.ended else checkpoint.epochs,
        steps_per_epoch=math.ceil(len(rows) / train.batch_size),
        validation_data=plain_batches(store, validation, train.batch_size),
        class_weight=class_weights(store.labels[rows]) if train.class_weights else None,
        callbacks=[stop, checkpoint, tick_callback(tick)],
        shuffle=False,
        verbose=0,
    )
    return network, checkpoint.history
