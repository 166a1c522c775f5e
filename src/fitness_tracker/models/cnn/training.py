"""Fits the frame network, with memory that does not grow with the number of clips."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fitness_tracker.clips.folder import Clip, ClipsError
from fitness_tracker.core.params import Cnn, FrameAugmentation, Params, Train
from fitness_tracker.corpus.catalog import CorpusClip
from fitness_tracker.models.calibration import calibrate
from fitness_tracker.models.checkpoint import Checkpoint, training_key
from fitness_tracker.models.classifier import ClipUsage
from fitness_tracker.models.cnn.augment import frame_augmenter
from fitness_tracker.models.cnn.classifier import FrameClassifier, FrameMember
from fitness_tracker.models.cnn.network import build_cnn
from fitness_tracker.models.cnn.store import FrameStore, frame_store, plain_batches, training_batches
from fitness_tracker.models.tensorflow_setup import keras
from fitness_tracker.models.training import (
    EpochCallback,
    Trained,
    class_weights,
    hash_names,
    log_epoch,
    mean_history,
    part_metrics,
)
from fitness_tracker.processing.result_cache import ResultCache


def fit(
    clips: Sequence[Clip],
    usage: Mapping[str, ClipUsage],
    frames: Path,
    pose_networks: Path,
    params: Params,
    cache: ResultCache | None = None,
    on_epoch: EpochCallback = log_epoch,
    corpus: Sequence[CorpusClip] = (),
) -> Trained:
    """The frame classifier, from the clips' zips of frames; the corpus has none, so it teaches nothing here.

    A member learns from all folds but two: its own, and the next, which decides when to stop and gives the temperature.
    """
    exercises = sorted({clip.exercise for clip in clips})
    members, checkpoints, metrics, held_out, shown = [], [], [], [], []
    with frame_store(clips, exercises, params.cnn.image_size) as store:
        folds = np.array([usage[clip.name].fold for clip in clips])[store.clips]
        present = np.unique(folds).tolist()
        if len(present) < 3:
            raise ClipsError(
                "two groups are too few: the frame network needs others to learn from, stop by and test on"
            )
        for number, fold in enumerate(present[: params.cnn.members]):
            following = present[(number + 1) % len(present)]
            stop = np.flatnonzero(folds == following)
            train = np.flatnonzero((folds != fold) & (folds != following))
            checkpoints.append(Checkpoint(cache, f"{training_key(params, usage, [])}-{number}"))
            keras.utils.set_random_seed((params.train.seed + number) % 2**32)
            network, _ = fit_network(
                store, train, stop, len(exercises), params.train, params.cnn, params.frame_augmentation, number,
                checkpoints[-1], on_epoch,
            )  # fmt: skip
            members.append(FrameMember(network, [fold, following]))
            of_part = {part: predict_rows(network, store, rows) for part, rows in (("train", train), ("val", stop))}
            metrics.append(
                part_metrics("train", of_part["train"], store.labels[train])
                | part_metrics("val", of_part["val"], store.labels[stop])
            )
            owner = store.clips[stop]
            held_out += [of_part["val"][owner == clip] for clip in np.unique(owner)]
            shown += [clips[clip] for clip in np.unique(owner)]
    histories = [checkpoint.history for checkpoint in checkpoints]
    temperature, threshold = calibrate(
        held_out, exercises, np.array([exercises.index(clip.exercise) for clip in shown]),
        np.array([usage[clip.name].group for clip in shown]), np.ones(len(shown), bool), params.none.accepted_share,
    )  # fmt: skip
    classifier = FrameClassifier(
        members=members, exercises=exercises, fit=params.resize.fit, fps=params.extract.fps, group=params.split.group,
        usage=hash_names(usage), temperature=temperature, none_threshold=threshold, cnn=params.cnn,
    )  # fmt: skip
    mean = {name: float(np.mean([one[name] for one in metrics])) for name in metrics[0]}
    epochs = max(len(history["loss"]) for history in histories)
    return Trained(classifier, {**mean, "epochs": epochs}, mean_history(histories), checkpoints)


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
    on_epoch: EpochCallback = log_epoch,
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
    progress = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: on_epoch(member + 1, epoch + 1, train.epochs, logs)
    )
    network.fit(
        training_batches(store, rows, train, frame_augmenter(augmentation), member, checkpoint.epochs),
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
