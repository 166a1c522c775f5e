"""Trains the frame network, with memory that does not grow with the number of clips; and what all training shares.

All frames are decoded and shrunk once into a file of raw uint8; batches are read from there while training.
"""

import math
from collections.abc import Sequence

import numpy as np

from fitness_tracker import params
from fitness_tracker.classifier import ClipUsage
from fitness_tracker.clips.folder import Clip
from fitness_tracker.clips.split import TRAIN, VALIDATION
from fitness_tracker.cnn.augment import frame_augmenter
from fitness_tracker.cnn.classifier import FrameClassifier
from fitness_tracker.cnn.network import build_cnn
from fitness_tracker.cnn.store import FrameStore, frame_store, plain_batches, training_batches
from fitness_tracker.learning import (
    Trained,
    class_weights,
    fit_temperature,
    log_epoch,
    preprocessing_fields,
    training_metrics,
)
from fitness_tracker.processing.checkpointing import Checkpoint, training_key
from fitness_tracker.processing.result_cache import ResultCache, cache_folder
from fitness_tracker.tensorflow_setup import keras


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
    told = keras.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: log_epoch(e + 1, train.epochs, logs))
    network.fit(
        training_batches(store, rows, train, frame_augmenter(settings.frame_augmentation), checkpoint.epochs),
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


def fit_frame_classifier(clips: Sequence[Clip], split: dict[str, ClipUsage], settings: params.Params) -> Trained:
    """The frame network, learnt from the clips' zips of frames."""
    exercises = sorted({clip.exercise for clip in clips})
    seen = [clip for clip in clips if split[clip.name].part in (TRAIN, VALIDATION)]
    with frame_store(seen, exercises, settings.cnn.image_size) as store:
        is_train = np.array([split[clip.name].part == TRAIN for clip in seen])[store.clips]
        rows, validation = np.flatnonzero(is_train), np.flatnonzero(~is_train)
        checkpoint = Checkpoint(ResultCache(cache_folder(), settings.cache_gb), training_key(settings, split, []))
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
        network=network,
        exercises=exercises,
        cnn=settings.cnn,
        temperature=temperature,
        **preprocessing_fields(split, settings),
    )
    return Trained(classifier, training_metrics(learnt, checked, history), history, checkpoint)


def score_network(network: keras.Model, store: FrameStore, rows: np.ndarray) -> dict[str, float]:
    """Loss and accuracy of the frames `rows`, without augmentation."""
    return network.evaluate(plain_batches(store, rows, 256), verbose=0, return_dict=True)
