"""How well several methods name the exercises of people and places that they have never seen: a Markdown table.

Reads params.yaml, FRAMES and LANDMARKS, the outs of those stages, for the same clips. Cross-validation by group; each
fold is tested once for each seed. Every method is fitted on all groups of the other folds for a fixed time. `ours` has
its settings from params.yaml. Its features were designed by people who saw 367 of the clips, its settings chosen by
cross-validation of all that are in the corpus. `--alone` scores the clips of a catalog by themselves too, as far as
their groups are in no other clips.

Intervals (95 %) are by bootstrap over groups, of the first seed; the mean by group weighs every group alike. Then our
classifier as it ships: a member a fold, calibrated out of fold, and `none` among the labels. Then the
out-of-distribution score: exercises that were left out of training in turn, unseen people.
"""

from fitness_tracker.core import environment as environment  # isort: split

import argparse
import csv
import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from fitness_tracker.blazepose.landmarks import Landmarks, read_landmarks
from fitness_tracker.clips.folder import Clip, find_clips, group_of
from fitness_tracker.core.errors import exit_with_message
from fitness_tracker.core.params import Params, load_params
from fitness_tracker.evaluation.intervals import effective_groups, f1_interval, macro_f1
from fitness_tracker.evaluation.scores import calibration_error
from fitness_tracker.models.calibration import calibrate
from fitness_tracker.models.classifier import NONE
from fitness_tracker.models.cnn import store as cnn_store
from fitness_tracker.models.cnn.augment import frame_augmenter
from fitness_tracker.models.cnn.network import build_cnn
from fitness_tracker.models.pose.batches import PoseSettings
from fitness_tracker.models.pose.classifier import PoseClassifier
from fitness_tracker.models.pose.dataset import PoseData, ask_clip
from fitness_tracker.models.pose.features import (
    JOINT_ANGLES,
    JOINTS,
    PointTracks,
    Poses,
    joint,
    joint_angle_cosine,
    poses_from_landmarks,
    tracks_from_landmarks,
    window_starts,
)
from fitness_tracker.models.pose.metric import plain_metric
from fitness_tracker.models.pose.network import make_graph, pack_weights
from fitness_tracker.models.pose.training import fit_network
from fitness_tracker.models.tensorflow_setup import keras, make_deterministic
from fitness_tracker.models.training import class_weights

FRAMES_EVERY = 5  # the frame network takes one frame in so many: neighbours are nearly the same, and time is short
CNN_EPOCHS, LSTM_EPOCHS = 12, 15

ROUND = slice(None, None, 3)  # of the frames that k-NN compares, for the same reason


@dataclasses.dataclass(frozen=True)
class Material:
    """All clips, in one order."""

    clips: list[Clip]
    exercises: list[str]
    labels: np.ndarray  # (clips,) int64
    groups: np.ndarray  # (clips,) str
    landmarks: list[Landmarks]
    tracks: list[PointTracks]
    poses: list[Poses]
    window: int  # frames
    params: Params


# train_idx, test_idx, seed -> by row of the table (test_idx, exercises)
Method = Callable[[Material, np.ndarray, np.ndarray, int], dict[str, np.ndarray]]


def mean_of(probabilities: np.ndarray, owner: np.ndarray, number: int) -> np.ndarray:
    """(N, K) answers of parts of `number` clips to the clips' means."""
    return np.stack([probabilities[owner == clip].mean(axis=0) for clip in range(number)])


def frame_network(material: Material, train_idx: np.ndarray, test_idx: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """The classic network on pictures."""
    params = dataclasses.replace(material.params.train, seed=seed, epochs=CNN_EPOCHS)
    make_deterministic(seed)
    with cnn_store.frame_store(material.clips, material.exercises, material.params.cnn.image_size) as store:
        few = np.arange(0, len(store.labels), FRAMES_EVERY)
        rows = few[np.isin(store.clips[few], train_idx)]
        network = build_cnn(material.params.cnn, len(material.exercises))
        network.compile(keras.optimizers.Adam(params.learning_rate), "sparse_categorical_crossentropy")
        network.fit(
            cnn_store.training_batches(store, rows, params, frame_augmenter(material.params.frame_augmentation)),
            epochs=CNN_EPOCHS, steps_per_epoch=math.ceil(len(rows) / params.batch_size), shuffle=False, verbose=0,
            class_weight=class_weights(store.labels[rows]),
        )  # fmt: skip
        answers = []
        for clip in test_idx:
            frames = few[store.clips[few] == clip]
            frames = frames if len(frames) else np.flatnonzero(store.clips == clip)[:1]
            answers.append(np.asarray(network(store.read(frames))).mean(axis=0))
    return {"classic frame network, one frame in 5, 12 epochs": np.stack(answers)}


def pose_vectors(landmarks: Landmarks) -> np.ndarray:
    """(found frames, 23, 3): differences between joints, as the k-NN recipe of MediaPipe's pose classification has it:
    from the hips, over the larger of 2.5 trunks and the furthest joint; depth counts a fifth."""
    points: np.ndarray = landmarks.image_landmarks[landmarks.found][:, :, :3].astype(np.float64)
    hips: np.ndarray = points[:, 23:25].mean(axis=1)
    shoulders = points[:, 11:13].mean(axis=1)
    points[:] -= hips[:, None]
    trunk = 2.5 * np.linalg.norm((shoulders - hips)[:, :2], axis=1)
    points /= np.maximum(trunk, np.linalg.norm(points[..., :2], axis=2).max(axis=1))[:, None, None] + 1e-9
    one = [(11, 13), (12, 14), (13, 15), (14, 16), (23, 25), (24, 26), (25, 27), (26, 28)]
    two = [(11, 15), (12, 16), (23, 27), (24, 28)]
    more = [(23, 15), (24, 16), (11, 27), (12, 28), (27, 15), (28, 16)]
    across = [(13, 14), (25, 26), (15, 16), (27, 28)]
    pairs = np.array(one + two + more + across)
    middle = points[:, 11:13].mean(axis=1) - points[:, 23:25].mean(axis=1)
    vectors = points[:, pairs[:, 1]] - points[:, pairs[:, 0]]
    return (np.concatenate([middle[:, None], vectors], axis=1) * (1, 1, 0.2)).astype(np.float32)


def nearest_poses(material: Material, train_idx: np.ndarray, test_idx: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """k-NN on normalised poses: of the 30 training frames with the least largest difference the 10 with the least mean
    difference vote; the mirror image counts as well."""
    of = [pose_vectors(one)[ROUND] for one in material.landmarks]
    known = np.concatenate([of[clip] for clip in train_idx])
    votes = np.repeat(material.labels[train_idx], [len(of[clip]) for clip in train_idx])
    answers = []
    for clip in test_idx:
        probabilities = np.zeros(len(material.exercises))
        for frame in of[clip]:
            both = [np.abs(known - frame * (sign, 1, 1)) for sign in (1, -1)]
            largest = np.minimum(*(one.max(axis=(1, 2)) for one in both))
            near = np.argpartition(largest, 30)[:30]
            mean = np.minimum(*(one[near].mean(axis=(1, 2)) for one in both))
            probabilities += np.bincount(
                votes[near[np.argsort(mean, kind="stable")[:10]]], minlength=len(probabilities)
            )
        answers.append(probabilities / max(probabilities.sum(), 1))
    return {"k-NN on normalised poses": np.stack(answers)}


def raw_windows(landmarks: Landmarks, length: int) -> np.ndarray:
    """(N, length, 132): x, y, z over the picture's size and visibility of all landmarks; short clips end in zeros."""
    seen = (landmarks.image_landmarks / (640, 480, 640, 1)).reshape(len(landmarks.image_landmarks), -1)
    rows = np.concatenate([seen, np.zeros((max(0, length - len(seen)), seen.shape[1]))])
    return np.stack([rows[start : start + length] for start in window_starts(len(rows), length)]).astype(np.float32)


def lstm(material: Material, train_idx: np.ndarray, test_idx: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Two bidirectional LSTM layers on raw landmarks."""
    make_deterministic(seed)
    of = [raw_windows(one, material.window) for one in material.landmarks]
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((material.window, 132)),
            layers.Bidirectional(layers.LSTM(64, return_sequences=True)),
            layers.Bidirectional(layers.LSTM(32)),
            layers.Dropout(0.3),
            layers.Dense(64, activation="relu"),
            layers.Dense(len(material.exercises), activation="softmax"),
        ]
    )
    labels = np.repeat(material.labels[train_idx], [len(of[clip]) for clip in train_idx])
    network.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy")
    network.fit(
        np.concatenate([of[clip] for clip in train_idx]), labels, batch_size=32, epochs=LSTM_EPOCHS, verbose=0,
        class_weight=class_weights(labels),
    )  # fmt: skip
    return {"BiLSTM on raw landmarks": np.stack([np.asarray(network(of[clip])).mean(axis=0) for clip in test_idx])}


def plain_statistics(poses: Poses, length: int) -> np.ndarray:
    """(windows, D): mean, deviation, percentiles and change of joints and angles over windows, plain."""
    angles = np.stack(
        [joint_angle_cosine(*(joint(poses.joints_3d, one) for one in joints)) for joints in JOINT_ANGLES], axis=-1
    )
    rows = np.concatenate([poses.joints_3d.reshape(len(poses.joints_3d), -1), angles.reshape(len(angles), -1)], axis=1)
    parts = [rows[start : start + length] for start in window_starts(len(rows), length)]
    return np.stack(
        [
            np.concatenate(
                [
                    part.mean(axis=0), part.std(axis=0), *np.percentile(part, [5, 25, 75, 95], axis=0),
                    np.abs(np.diff(part, axis=0, prepend=part[:1])).mean(axis=0),
                ]
            )
            for part in parts
        ]
    )  # fmt: skip


def window_statistics(windows: np.ndarray) -> np.ndarray:
    """Features (N, T, D) to their statistics over the window (N, 7 x D) float32: mean, standard deviation, the 5th,
    25th, 75th and 95th percentile, and the mean change from frame to frame."""
    percentiles = np.percentile(windows, [5, 25, 75, 95], axis=1)
    change = np.abs(np.diff(windows, axis=1, prepend=windows[:, :1])).mean(axis=1)
    return np.concatenate([windows.mean(axis=1), windows.std(axis=1), *percentiles, change], axis=1).astype(np.float32)


def trees(material: Material, train_idx: np.ndarray, test_idx: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Statistics of windows of normalised landmarks and angles, with ExtraTrees."""
    of = [plain_statistics(one, material.window) for one in material.poses]
    labels = np.repeat(material.labels[train_idx], [len(of[clip]) for clip in train_idx])
    forest = ExtraTreesClassifier(400, min_samples_leaf=2, class_weight="balanced", n_jobs=-1, random_state=seed)
    forest.fit(np.concatenate([of[clip] for clip in train_idx]), labels)
    return {
        "window statistics + ExtraTrees": np.stack([forest.predict_proba(of[clip]).mean(axis=0) for clip in test_idx])
    }


def ours(material: Material, train_idx: np.ndarray, test_idx: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """What this project does, forced to choose: 'none' is left out of the answers."""
    weights = one_member(material, train_idx, test_idx[:2], material.labels, len(material.exercises) + 1, seed, 0)
    graph = classifier_of(material, [weights], material.exercises, 1.0, 1.0).graph
    answers = [
        ask_clip(graph, material.tracks[clip], material.window).probabilities[:, 0].mean(axis=0) for clip in test_idx
    ]
    return {"ours": np.stack(answers)[:, :-1]}


def pose_settings(params: Params, seed: int) -> PoseSettings:
    train = dataclasses.replace(params.train, seed=seed)
    return PoseSettings(train, params.pose, params.pose_augmentation, params.extract.fps)


METHODS: dict[str, Method] = {
    "cnn": frame_network,
    "knn": nearest_poses,
    "lstm": lstm,
    "trees": trees,
    "ours": ours,
}


def folds(material: Material, number: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    split = StratifiedGroupKFold(number, shuffle=True, random_state=seed)
    return list(split.split(material.labels, material.labels, material.groups))


def out_of_fold(material: Material, method: Method, number: int, seed: int) -> dict[str, np.ndarray]:
    """By row of the table: out-of-fold probabilities (clips, exercises)."""
    rows: dict[str, np.ndarray] = {}
    for train_idx, test_idx in folds(material, number, seed):
        for name, probabilities in method(material, train_idx, test_idx, seed).items():
            rows.setdefault(name, np.zeros((len(material.clips), len(material.exercises))))[test_idx] = probabilities
    return rows


def data_of(material: Material, which: np.ndarray, labels: np.ndarray) -> PoseData:
    return PoseData([material.tracks[clip] for clip in which], labels[which], material.groups[which])


def one_member(
    material: Material, train_idx: np.ndarray, test_idx: np.ndarray, labels: np.ndarray, classes: int, seed: int, n: int
) -> list[np.ndarray]:
    """The weights of member `n`; `labels` are of all clips.

    The clips `test_idx` are looked at after each epoch and decide nothing.
    """
    make_deterministic(seed)
    settings = dataclasses.replace(pose_settings(material.params, seed), member=n)
    train, held_out = (data_of(material, which, labels) for which in (train_idx, test_idx))
    return fit_network(train, held_out, range(classes), settings)[0].get_weights()


def classifier_of(
    material: Material, members: list[list[np.ndarray]], exercises: list[str], temperature: float, threshold: float
) -> PoseClassifier:
    """`members` are the weights of each."""
    weights, pose = pack_weights(members), material.params.pose
    graph = make_graph(pose, material.window, range(len(exercises) + 1), weights)
    return PoseClassifier(
        exercises=[*exercises, NONE], folds=[[n] for n in range(len(members))], pose=pose, window=material.window,
        temperature=temperature, none_threshold=threshold, pose_networks={}, usage={}, fit=material.params.resize.fit,
        fps=material.params.extract.fps, group=material.params.split.group, held=[], params={}, parameters=1,
        weights=weights, graph=graph, metric=plain_metric(graph.members, graph.units),
        labels={name: name for name in (*exercises, NONE)},
    )  # fmt: skip


def shipped(material: Material, number: int, seed: int) -> str:
    """Scores of a classifier like that of the train stage, a member a fold: each clip by the one that never saw it."""
    members, member_of = [], np.zeros(len(material.clips), int)
    for n, (train_idx, test_idx) in enumerate(folds(material, number, seed)):
        members.append(one_member(material, train_idx, test_idx, material.labels, len(material.exercises) + 1, seed, n))
        member_of[test_idx] = n
    classifier = classifier_of(material, members, material.exercises, 1.0, 1.0)
    held_out = [
        ask_clip(classifier.graph, tracks, material.window).probabilities[:, n]
        for tracks, n in zip(material.tracks, member_of, strict=True)
    ]
    calibration = calibrate(
        held_out,
        [*material.exercises, NONE],
        material.labels,
        material.groups,
        np.ones(len(held_out), bool),
        material.params.none.accepted_share,
    )
    classifier = dataclasses.replace(classifier, **calibration._asdict())
    predictions = [classifier.predict_landmarks(one, [n]) for one, n in zip(material.landmarks, member_of, strict=True)]
    named, sure = zip(*map(classifier.decide_label, predictions), strict=True)
    truth = np.array([material.exercises[label] for label in material.labels])
    right = np.array(named) == truth
    low, high = f1_interval(truth, np.array(named), material.groups)
    return (
        f"as shipped: accuracy {right.mean():.3f}, macro F1 {macro_f1(truth, np.array(named)):.3f} ({low:.3f} to "
        f"{high:.3f}), ECE {calibration_error(np.array(sure), right):.3f}, "
        f"called none {(np.array(named) == NONE).mean():.3f}"
    )


def none_score(classifier: PoseClassifier, landmarks: Landmarks) -> float:
    return classifier.none_score(classifier.predict_landmarks(landmarks))


def score_none(material: Material, others: list[Landmarks], number: int, seed: int) -> str:
    """AUROC of the score of 'none': clips of an exercise that was left out of training against clips of the others, all
    of unseen groups, for each exercise in turn; and for `others`, of exercises that are never taught, whose groups may
    have been seen."""
    left_out, never = {}, []
    for exercise, name in enumerate(material.exercises):
        train_idx, test_idx = folds(material, number, seed)[exercise % number]
        train_idx = train_idx[material.labels[train_idx] != exercise]
        rest = [one for one in material.exercises if one != name]
        labels, untaught = material.labels - (material.labels > exercise), material.labels[test_idx] == exercise
        weights = one_member(material, train_idx, test_idx[~untaught], labels, len(rest) + 1, seed, 0)
        classifier = classifier_of(material, [weights], rest, 1.0, 1.0)
        scores = np.array([none_score(classifier, material.landmarks[clip]) for clip in test_idx])
        left_out[name] = float(roc_auc_score(untaught, scores)) if untaught.any() else math.nan
        if others:
            never_taught = [none_score(classifier, landmarks) for landmarks in others]
            truth = [0] * int((~untaught).sum()) + [1] * len(never_taught)
            never.append(float(roc_auc_score(truth, [*scores[~untaught], *never_taught])))
    each = ", ".join(f"{name} {value:.2f}" for name, value in left_out.items())
    told = f"; of {len(others)} clips of exercises never taught {np.mean(never):.3f}" if never else ""
    return f"AUROC of none: {np.nanmean(list(left_out.values())):.3f}, left out in turn ({each}){told}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=Path, nargs="?", default=Path("data/frames"))
    parser.add_argument("landmarks", type=Path, nargs="?", default=Path("data/landmarks"))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", choices=sorted(METHODS), default=list(METHODS), metavar="WAY")
    parser.add_argument("--alone", type=Path, metavar="CATALOG", help="score the clips of this catalog also alone")
    parser.add_argument("--others", type=Path, metavar="LANDMARKS", help="clips of exercises that are never taught")
    args = parser.parse_args()
    with exit_with_message("unseen"):
        params = load_params()
        clips = find_clips(args.frames, (".zip",))
        exercises = sorted({clip.exercise for clip in clips})
        landmarks = [read_landmarks(args.landmarks / f"{clip.name}.npz") for clip in clips]
        others = [read_landmarks(clip.path) for clip in find_clips(args.others, (".npz",))] if args.others else []
    material = Material(
        clips, exercises, np.array([exercises.index(clip.exercise) for clip in clips]),
        np.array([group_of(clip, params.split.group) for clip in clips]), landmarks,
        [tracks_from_landmarks(one, JOINTS) for one in landmarks], [poses_from_landmarks(one) for one in landmarks],
        pose_settings(params, 0).window, params,
    )  # fmt: skip
    alone: np.ndarray = np.zeros(len(clips), bool)
    if args.alone:
        with args.alone.open(encoding="utf-8") as file:
            names = {row["clip"].rsplit(".", 1)[0] for row in csv.DictReader(file)}
        alone = np.array([clip.name in names for clip in clips])
        alone &= ~np.isin(material.groups, material.groups[~alone])
    effective = effective_groups(material.groups)
    print(f"{len(clips)} clips of {len(set(material.groups))} groups (effective number {effective:.1f}), ", end="")
    print(f"{args.folds} folds, {args.seeds} seeds\n")
    print("| method | accuracy | mean by group | macro F1 (95 %) |" + " alone (95 %) |" * bool(args.alone))
    print("| --- | --- | --- | --- |" + " --- |" * bool(args.alone), flush=True)
    for method in args.methods:
        guesses: dict[str, list[np.ndarray]] = {}
        for seed in range(args.seeds):
            for name, probabilities in out_of_fold(material, METHODS[method], args.folds, seed).items():
                guesses.setdefault(name, []).append(probabilities.argmax(axis=1))
        for name, of_seeds in guesses.items():
            everything = np.ones(len(clips), bool)
            cells = [
                f1_cell(material, of_seeds, part) for part in ([everything, alone] if args.alone else [everything])
            ]
            right = np.mean([guess == material.labels for guess in of_seeds], axis=0)
            by_group = np.mean([right[material.groups == group].mean() for group in sorted(set(material.groups))])
            print(f"| {name} | {right.mean():.3f} | {by_group:.3f} | {' | '.join(cells)} |", flush=True)
    if "ours" in args.methods:
        print(f"\n{shipped(material, args.folds, 0)}\n{score_none(material, others, args.folds, 0)}")


def f1_cell(material: Material, of_seeds: list[np.ndarray], part: np.ndarray) -> str:
    """The seeds' mean macro F1 of the clips `part` (clips,) bool, and the interval of the first seed's."""
    labels, groups = material.labels[part], material.groups[part]
    low, high = f1_interval(labels, of_seeds[0][part], groups)
    return f"{np.mean([macro_f1(labels, guess[part]) for guess in of_seeds]):.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
