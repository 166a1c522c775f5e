"""Fits the pose classifier: for each fold a network on others; one temperature, and one threshold of 'none'."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fitness_tracker.clips.folder import NONE
from fitness_tracker.clips.names import check_exercises
from fitness_tracker.core.params import Params, Pose
from fitness_tracker.corpus.landmarks import landmarks_hash
from fitness_tracker.models.calibration import calibrate
from fitness_tracker.models.checkpoint import Checkpoint, training_key
from fitness_tracker.models.pose.batches import PoseSettings, WindowBatches, one_hot, show_both
from fitness_tracker.models.pose.classifier import PoseClassifier
from fitness_tracker.models.pose.dataset import (
    PAIRS_FOLD,
    PoseData,
    TrainingSet,
    all_windows,
    ask_clip,
    read_training_set,
)
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
    folds: list[int]  # that it must not see
    classes: Sequence[int]  # of each class, the number of its exercise
    settings: PoseSettings
    cache: ResultCache | None = None
    key: str = ""  # of its checkpoint


def fit(data: TrainingData, params: Params, cache: ResultCache | None = None) -> Trained:
    """The pose classifier, from the clips' landmarks and from the corpus. Members are fitted side by side.

    Clips in which hardly anybody is found are left out. Raises `UserError` if landmarks are missing or damaged.
    """
    exercises = taught_exercises(data, params)
    training_set = read_training_set(data, exercises)
    tasks = plan_members(training_set, data, params, cache)
    fitted = fit_members(tasks)
    weights, window = pack_weights([one.weights for one in fitted]), tasks[0].settings.window
    classes = training_set.classes
    graph = make_graph(params.pose, window, classes.exercises, weights)
    outputs = [ask_clip(graph, clip, window) for clip in training_set.data.clips]
    of_clips = [output.probabilities for output in outputs]
    windows = np.repeat(np.arange(len(of_clips)), [len(of_clip) for of_clip in of_clips])
    metrics = member_metrics(
        np.concatenate(of_clips), training_set.exercises[windows],
        [training_set.seen_by(task.folds)[windows] for task in tasks],
        [training_set.held_out(task.folds)[windows] for task in tasks],
    )  # fmt: skip
    held_out = np.stack([training_set.held_out(task.folds) for task in tasks])  # (members, clips)
    which = np.flatnonzero(held_out.any(axis=0))
    calibration = calibrate(
        [np.concatenate(list(of_clips[clip][:, held_out[:, clip]].swapaxes(0, 1))) for clip in which], exercises,
        training_set.exercises[which], training_set.data.groups[which], training_set.clear[which],
        params.none.accepted_share,
    )  # fmt: skip
    metric = fit_metric(outputs, training_set, [task.folds for task in tasks], calibration)
    classifier = PoseClassifier(
        graph=graph, folds=[task.folds for task in tasks], pose=params.pose, window=window, weights=weights,
        pose_networks=dict(data.pose_networks), parameters=build_pose(params.pose, len(classes.labels)).count_params(),
        labels={label: exercises[number] for label, number in zip(*classes, strict=True)},
        metric=metric, **common_fields(data, params, exercises, calibration),
    )  # fmt: skip
    return summarise(classifier, fitted, metrics, [Checkpoint(cache, task.key) for task in tasks])


def taught_exercises(data: TrainingData, params: Params) -> list[str]:
    """Sorted, with 'none' at the end; raises `UserError` if params.yaml names one that no clip shows."""
    shown = ({clip.exercise for clip in data.clips} | {clip.exercise for clip in data.corpus}) - {NONE}
    check_exercises(params.exercises, shown)
    return [*sorted(shown & set(params.exercises or shown)), NONE]


def plan_members(
    training_set: TrainingSet, data: TrainingData, params: Params, cache: ResultCache | None
) -> list[Task]:
    """One member a fold, `pose.members` at most, which sees neither that fold nor the next ones, `pose.unseen_folds` in
    all. It always sees one."""
    files = [*(data.inputs[clip.name] for clip in data.clips), *(clip.path for clip in data.corpus)]
    pairs = [(pair.label, pair.exercise, landmarks_hash(pair.landmarks)) for pair in data.pairs]
    key = training_key((training_params(params), pairs), data.usage, files)
    settings = PoseSettings(params.train, params.pose, params.pose_augmentation, params.extract.fps)
    tested = training_set.folds[training_set.folds != PAIRS_FOLD]
    folds = np.unique(tested).tolist()
    unseen = [
        [folds[(number + step) % len(folds)] for step in range(min(params.pose.unseen_folds, max(len(folds) - 1, 1)))]
        for number in range(min(params.pose.members, len(folds)))
    ]
    return [
        Task(
            train=training_set.data.part(training_set.seen_by(of_member)),
            held_out=training_set.data.part(training_set.held_out(of_member)),
            folds=of_member,
            classes=training_set.classes.exercises,
            settings=replace(settings, member=number),
            cache=cache,
            key=f"{key}-{number}",
        )
        for number, of_member in enumerate(unseen)
    ]


def fit_members(tasks: Sequence[Task]) -> list[FittedMember]:
    """All of them, side by side; each is the same as if it were fitted alone."""
    with epoch_bar(len(tasks), tasks[0].settings.train.epochs) as bar:
        return run_side_by_side(fit_member, tasks, bar.update)


def fit_member(task: Task, tick: Tick) -> FittedMember:
    make_deterministic((task.settings.train.seed + task.settings.member) % 2**32)
    checkpoint = Checkpoint(task.cache, task.key)
    network, history = fit_network(task.train, task.held_out, task.classes, task.settings, checkpoint, tick)
    weights = network.get_weights()
    if task.settings.train.class_weights and show_both(task.train, task.classes):
        weights[-1] = weights[-1] - prior_shift(task.classes, task.settings.pose)
    return FittedMember(weights, history)


def prior_shift(classes: Sequence[int], pose: Pose) -> np.ndarray:
    """(C,) what is taken off the biases of a network's classes, since it was shown nothing taught more often than it
    will be asked about it; `classes` are the numbers of their exercises.

    The odds of two classes change as their frequencies do: Elkan (2001), "The Foundations of Cost-Sensitive Learning",
    theorem 2.
    """
    drawn, asked = (np.log(share / (1 - share)) for share in (pose.untaught_ratio, pose.untaught_prior))
    return np.where(np.array(classes) == classes[-1], drawn - asked, 0).astype(np.float32)


def ask_held_out(fitted: FittedMember, task: Task) -> np.ndarray:
    """The probabilities (clips, exercises) of the task's held out clips, by the graph of the member alone."""
    window = task.settings.window
    graph = make_graph(task.settings.pose, window, task.classes, pack_weights([fitted.weights]))
    return np.stack([ask_clip(graph, clip, window).probabilities[:, 0].mean(axis=0) for clip in task.held_out.clips])


def fit_network(
    train: PoseData,
    validation: PoseData,
    exercises: Sequence[int],
    settings: PoseSettings,
    checkpoint: Checkpoint | None = None,
    tick: Tick = lambda: None,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """The network of `build_pose`, and its loss, of labels, and accuracy, of exercises, in each epoch.

    `exercises` are the numbers of the classes' exercises. Nothing is chosen by the validation clips: the learning rate
    falls to 0, and the last weights stay.
    """
    network = build_pose(settings.pose, len(exercises))
    batches = WindowBatches(train, exercises, settings)
    rate = keras.optimizers.schedules.CosineDecay(settings.train.learning_rate, settings.train.epochs * len(batches))
    network.compile(
        keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY),
        keras.losses.CategoricalCrossentropy(label_smoothing=settings.pose.label_smoothing),
        metrics=[exercise_accuracy(exercises)],
    )
    windows, owner = all_windows(validation.clips, settings.window)
    checkpoint = checkpoint or Checkpoint()
    batches.epoch = checkpoint.epochs
    network.fit(
        batches,
        epochs=settings.train.epochs,
        initial_epoch=batches.epoch,
        validation_data=(windows, one_hot(validation.classes[owner], len(exercises))),
        callbacks=[checkpoint, tick_callback(tick)],
        shuffle=False,
        verbose=0,
    )
    return network, checkpoint.history


def exercise_accuracy(exercises: Sequence[int]) -> keras.metrics.Metric:
    """The share of windows whose exercise is the likeliest one; of classes, `exercises` are the exercises' numbers."""
    sums = one_hot(np.array(exercises), max(exercises) + 1)

    def accuracy(truth: Any, probabilities: Any) -> Any:
        return keras.metrics.categorical_accuracy(keras.ops.matmul(truth, sums), keras.ops.matmul(probabilities, sums))

    return keras.metrics.MeanMetricWrapper(accuracy, name="accuracy")
