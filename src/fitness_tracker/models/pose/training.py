"""Fits the pose classifier: for each fold a network on all others; one temperature, and one threshold of 'none'."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fitness_tracker.clips.folder import NONE
from fitness_tracker.clips.names import check_exercises
from fitness_tracker.core.params import Params
from fitness_tracker.models.calibration import calibrate
from fitness_tracker.models.checkpoint import Checkpoint, training_key
from fitness_tracker.models.pose.batches import PoseSettings, WindowBatches, one_hot
from fitness_tracker.models.pose.classifier import PoseClassifier
from fitness_tracker.models.pose.dataset import PoseData, TrainingSet, all_windows, ask_clip, read_training_set
from fitness_tracker.models.pose.enrolling import fit_metric
from fitness_tracker.models.pose.network import build_pose, make_graph, pack_weights
from fitness_tracker.models.processes import Tick, run_side_by_side
from fitness_tracker.models.tensorflow_setup import keras, make_deterministic
from fitness_tracker.models.training import (
    FittedMember,
    Trained,
    TrainingData,
    common_fields,
    epoch_bar,
    member_metrics,
    summarise,
    tick_callback,
    training_params,
)
from fitness_tracker.processing.result_cache import ResultCache

WEIGHT_DECAY = 0.01  # of AdamW


@dataclass(frozen=True)
class Task:
    """What a process needs to fit one member."""

    train: PoseData
    held_out: PoseData
    fold: int
    classes: int
    settings: PoseSettings
    cache: ResultCache | None = None
    key: str = ""  # of its checkpoint


def fit(data: TrainingData, params: Params, cache: ResultCache | None = None) -> Trained:
    """The pose classifier, from the clips' landmarks and from the corpus. Members are fitted side by side.

    Clips in which hardly anybody is found are left out. Raises `UserError` if landmarks are missing or damaged.
    """
    exercises = taught_exercises(data, params)
    training_set = read_training_set(data, exercises)
    tasks = plan_members(training_set, exercises, data, params, cache)
    fitted = fit_members(tasks)
    weights, window = pack_weights([one.weights for one in fitted]), tasks[0].settings.window
    graph = make_graph(params.pose, window, len(exercises), weights)
    outputs = [ask_clip(graph, clip, window) for clip in training_set.data.clips]
    of_clips = [output.probabilities for output in outputs]
    windows = np.repeat(np.arange(len(of_clips)), [len(of_clip) for of_clip in of_clips])
    metrics = member_metrics(
        np.concatenate(of_clips), training_set.data.labels[windows],
        [training_set.seen_by(task.fold)[windows] for task in tasks],
        [training_set.folds[windows] == task.fold for task in tasks],
    )  # fmt: skip
    held_out = [np.flatnonzero(training_set.folds == task.fold) for task in tasks]
    which = np.concatenate(held_out)
    calibration = calibrate(
        [of_clips[clip][:, member] for member, clips in enumerate(held_out) for clip in clips], exercises,
        training_set.data.labels[which], training_set.data.groups[which], training_set.clear[which],
        params.none.accepted_share,
    )  # fmt: skip
    metric = fit_metric(outputs, training_set, [task.fold for task in tasks], calibration)
    classifier = PoseClassifier(
        graph=graph, folds=[task.fold for task in tasks], pose=params.pose, window=window, weights=weights,
        pose_networks=dict(data.pose_networks), parameters=build_pose(params.pose, len(exercises)).count_params(),
        metric=metric, **common_fields(data, params, exercises, calibration),
    )  # fmt: skip
    return summarise(classifier, fitted, metrics, [Checkpoint(cache, task.key) for task in tasks])


def taught_exercises(data: TrainingData, params: Params) -> list[str]:
    """Sorted, with 'none' at the end; raises `UserError` if params.yaml names one that no clip shows."""
    shown = ({clip.exercise for clip in data.clips} | {clip.exercise for clip in data.corpus}) - {NONE}
    check_exercises(params.exercises, shown)
    return [*sorted(shown & set(params.exercises or shown)), NONE]


def plan_members(
    training_set: TrainingSet, exercises: list[str], data: TrainingData, params: Params, cache: ResultCache | None
) -> list[Task]:
    """One member a fold, `pose.members` at most."""
    files = [*(data.inputs[clip.name] for clip in data.clips), *(clip.path for clip in data.corpus)]
    key = training_key(training_params(params), data.usage, files)
    settings = PoseSettings(params.train, params.pose, params.pose_augmentation, params.extract.fps)
    folds = np.unique(training_set.folds)[: params.pose.members].tolist()
    return [
        Task(
            train=training_set.data.part(training_set.seen_by(fold)),
            held_out=training_set.data.part(training_set.folds == fold),
            fold=fold,
            classes=len(exercises),
            settings=replace(settings, member=number),
            cache=cache,
            key=f"{key}-{number}",
        )
        for number, fold in enumerate(folds)
    ]


def fit_members(tasks: Sequence[Task]) -> list[FittedMember]:
    """All of them, side by side; each is the same as if it were fitted alone."""
    with epoch_bar(len(tasks), tasks[0].settings.train.epochs) as bar:
        return run_side_by_side(fit_member, tasks, bar.update)


def fit_member(task: Task, tick: Tick) -> FittedMember:
    make_deterministic((task.settings.train.seed + task.settings.member) % 2**32)
    checkpoint = Checkpoint(task.cache, task.key)
    network, history = fit_network(task.train, task.held_out, task.classes, task.settings, checkpoint, tick)
    return FittedMember(network.get_weights(), history)


def ask_held_out(fitted: FittedMember, task: Task) -> np.ndarray:
    """The probabilities (clips, K) of the task's held out clips, by the graph of the member alone."""
    window = task.settings.window
    graph = make_graph(task.settings.pose, window, task.classes, pack_weights([fitted.weights]))
    return np.stack([ask_clip(graph, clip, window).probabilities[:, 0].mean(axis=0) for clip in task.held_out.clips])


def fit_network(
    train: PoseData,
    validation: PoseData,
    classes: int,
    settings: PoseSettings,
    checkpoint: Checkpoint | None = None,
    tick: Tick = lambda: None,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """The network of `build_pose`, and its loss and accuracy in each epoch.

    Nothing is chosen by the validation clips: the learning rate falls to 0, and the last weights stay.
    """
    network = build_pose(settings.pose, classes)
    batches = WindowBatches(train, classes, settings)
    rate = keras.optimizers.schedules.CosineDecay(settings.train.learning_rate, settings.train.epochs * len(batches))
    network.compile(
        keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY),
        keras.losses.CategoricalCrossentropy(label_smoothing=settings.pose.label_smoothing),
        metrics=["accuracy"],
    )
    windows, owner = all_windows(validation.clips, settings.window)
    checkpoint = checkpoint or Checkpoint()
    batches.epoch = checkpoint.epochs
    network.fit(
        batches,
        epochs=settings.train.epochs,
        initial_epoch=batches.epoch,
        validation_data=(windows, one_hot(validation.labels[owner], classes)),
        callbacks=[checkpoint, tick_callback(tick)],
        shuffle=False,
        verbose=0,
    )
    return network, checkpoint.history
