"""How well five ways of naming exercises do on people and places that they have never seen: a Markdown table.

Reads params.yaml, FRAMES and LANDMARKS, the outs of those stages, for the same clips. Folds go by group, so nobody
stands on both sides; each fold is tested once for each seed. Every way learns from all groups of the other folds, with
settings that are fixed beforehand: nothing is stopped, chosen or tuned by what is tested.

The last rows take our own way only: calibrated, as the pipeline does it, on a fifth of the training groups; and asked
about an exercise that it was not taught (`none`).
"""

import argparse
import csv
import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import GroupShuffleSplit, StratifiedGroupKFold

from fitness_tracker import pose_training, training
from fitness_tracker.augment import frame_augmenter
from fitness_tracker.clips import Clip, find_clips, group_of
from fitness_tracker.errors import told_plainly
from fitness_tracker.evaluation import calibration_error, macro_f1
from fitness_tracker.landmarks import Landmarks, read_landmarks
from fitness_tracker.models import Novelty, build_cnn, make_deterministic, temper
from fitness_tracker.params import Params, load_params
from fitness_tracker.pose_training import all_windows, answer_windows, fit_novelty, fit_pose_temperature, train_pose
from fitness_tracker.poses import BENDS, Poses, bend, joint, poses_of, window_starts

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
    poses: list[Poses]
    window: int  # frames
    params: Params


Way = Callable[[Material, np.ndarray, np.ndarray, int], np.ndarray]  # learns, tests, seed -> (tests, exercises)


def mean_of(said: np.ndarray, owner: np.ndarray, number: int) -> np.ndarray:
    """(N, K) answers of parts of `number` clips to the clips' means."""
    return np.stack([said[owner == clip].mean(axis=0) for clip in range(number)])


def frame_network(material: Material, learns: np.ndarray, tests: np.ndarray, seed: int) -> np.ndarray:
    """The classic network on pictures."""
    params = dataclasses.replace(material.params.train, seed=seed, epochs=CNN_EPOCHS)
    make_deterministic(seed)
    with training.frame_store(material.clips, material.exercises, material.params.cnn.image_size) as store:
        few = np.arange(0, len(store.labels), FRAMES_EVERY)
        rows = few[np.isin(store.clips[few], learns)]
        network = build_cnn(material.params.cnn, len(material.exercises))
        network.compile(keras.optimizers.Adam(params.learning_rate), "sparse_categorical_crossentropy")
        network.fit(
            training.training_batches(store, rows, params, frame_augmenter(material.params.augment)),
            epochs=CNN_EPOCHS, steps_per_epoch=math.ceil(len(rows) / params.batch_size), shuffle=False, verbose=0,
            class_weight=training.class_weights(store.labels[rows]),
        )  # fmt: skip
        answers = []
        for clip in tests:
            frames = few[store.clips[few] == clip]
            frames = frames if len(frames) else np.flatnonzero(store.clips == clip)[:1]
            answers.append(np.asarray(network(store.read(frames))).mean(axis=0))
    return np.stack(answers)


def pose_vectors(landmarks: Landmarks) -> np.ndarray:
    """(found frames, 23, 3): differences between joints, as the k-NN recipe of MediaPipe's pose classification has it:
    from the hips, over the larger of 2.5 trunks and the furthest joint; depth counts a fifth."""
    points: np.ndarray = landmarks.points[landmarks.found][:, :, :3].astype(np.float64)
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


def nearest_poses(material: Material, learns: np.ndarray, tests: np.ndarray, seed: int) -> np.ndarray:
    """k-NN on normalised poses: of the 30 training frames with the least largest difference the 10 with the least mean
    difference vote; the mirror image counts as well."""
    of = [pose_vectors(one)[ROUND] for one in material.landmarks]
    known = np.concatenate([of[clip] for clip in learns])
    votes = np.repeat(material.labels[learns], [len(of[clip]) for clip in learns])
    answers = []
    for clip in tests:
        said = np.zeros(len(material.exercises))
        for frame in of[clip]:
            both = [np.abs(known - frame * (sign, 1, 1)) for sign in (1, -1)]
            largest = np.minimum(*(one.max(axis=(1, 2)) for one in both))
            near = np.argpartition(largest, 30)[:30]
            mean = np.minimum(*(one[near].mean(axis=(1, 2)) for one in both))
            said += np.bincount(votes[near[np.argsort(mean, kind="stable")[:10]]], minlength=len(said))
        answers.append(said / max(said.sum(), 1))
    return np.stack(answers)


def raw_windows(landmarks: Landmarks, length: int) -> np.ndarray:
    """(N, length, 132): x, y, z over the picture's size and visibility of all landmarks; short clips end in zeros."""
    seen = (landmarks.points / (640, 480, 640, 1)).reshape(len(landmarks.points), -1)
    rows = np.concatenate([seen, np.zeros((max(0, length - len(seen)), seen.shape[1]))])
    return np.stack([rows[start : start + length] for start in window_starts(len(rows), length)]).astype(np.float32)


def lstm(material: Material, learns: np.ndarray, tests: np.ndarray, seed: int) -> np.ndarray:
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
    labels = np.repeat(material.labels[learns], [len(of[clip]) for clip in learns])
    network.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy")
    network.fit(
        np.concatenate([of[clip] for clip in learns]), labels, batch_size=32, epochs=LSTM_EPOCHS, verbose=0,
        class_weight=training.class_weights(labels),
    )  # fmt: skip
    return np.stack([np.asarray(network(of[clip])).mean(axis=0) for clip in tests])


def statistics(poses: Poses, length: int) -> np.ndarray:
    """(windows, D): mean, deviation, percentiles and change of joints and angles over windows, plain."""
    angles = np.stack([bend(*(joint(poses.body, one) for one in joints)) for joints in BENDS], axis=-1)
    rows = np.concatenate([poses.body.reshape(len(poses.body), -1), angles.reshape(len(angles), -1)], axis=1)
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


def trees(material: Material, learns: np.ndarray, tests: np.ndarray, seed: int) -> np.ndarray:
    """Statistics of windows of normalised landmarks and angles, with ExtraTrees."""
    of = [statistics(one, material.window) for one in material.poses]
    labels = np.repeat(material.labels[learns], [len(of[clip]) for clip in learns])
    forest = ExtraTreesClassifier(400, min_samples_leaf=2, class_weight="balanced", n_jobs=-1, random_state=seed)
    forest.fit(np.concatenate([of[clip] for clip in learns]), labels)
    return np.stack([forest.predict_proba(of[clip]).mean(axis=0) for clip in tests])


def pick(material: Material, which: Sequence[int] | np.ndarray) -> list[Poses]:
    return [material.poses[clip] for clip in which]


def teach(material: Material, learns: np.ndarray, seed: int, labels: np.ndarray, classes: int) -> keras.Model:
    """Our network, without 'none' among the `classes`; `labels` are of all clips."""
    make_deterministic(seed)
    train = dataclasses.replace(material.params.train, seed=seed)
    params = dataclasses.replace(material.params, train=train)
    few = learns[:2]  # is looked at after each epoch, and decides nothing
    poses = pick(material, learns)
    return train_pose(poses, labels[learns], pick(material, few), labels[few], classes + 1, material.window, params)[0]


def ours(material: Material, learns: np.ndarray, tests: np.ndarray, seed: int) -> np.ndarray:
    """The pose network of this project; 'none' is left out of the answers."""
    network = teach(material, learns, seed, material.labels, len(material.exercises))
    windows, owner = all_windows(pick(material, tests), material.window)
    return mean_of(answer_windows(network, windows)[0], owner, len(tests))[:, :-1]


WAYS: dict[str, Way] = {
    "classic frame network": frame_network,
    "k-NN on normalised poses": nearest_poses,
    "BiLSTM on raw landmarks": lstm,
    "window statistics + ExtraTrees": trees,
    "ours": ours,
}


def folds(material: Material, number: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    split = StratifiedGroupKFold(number, shuffle=True, random_state=seed)
    return list(split.split(material.labels, material.labels, material.groups))


def out_of_fold(material: Material, way: Way, number: int, seed: int) -> np.ndarray:
    """(clips, exercises): what is said of each clip by the one that never saw its group."""
    answers = np.zeros((len(material.clips), len(material.exercises)))
    for learns, tests in folds(material, number, seed):
        answers[tests] = way(material, learns, tests, seed)
    return answers


def calibrated(material: Material, number: int, seed: int) -> tuple[float, float, float, float]:
    """Accuracy, macro F1, ECE before and after the temperature, when a fifth of the training groups is held back."""
    before, after = (np.zeros((len(material.clips), len(material.exercises))) for _ in range(2))
    for learns, tests in folds(material, number, seed):
        inner = GroupShuffleSplit(1, test_size=0.2, random_state=seed).split(learns, groups=material.groups[learns])
        first, held = (learns[part] for part in next(inner))
        network = teach(material, first, seed, material.labels, len(material.exercises))
        warmth = fit_pose_temperature(network, pick(material, held), material.labels[held], material.window)
        windows, owner = all_windows(pick(material, tests), material.window)
        said, _ = answer_windows(network, windows)
        before[tests] = mean_of(said, owner, len(tests))[:, :-1]
        after[tests] = mean_of(temper(said, warmth), owner, len(tests))[:, :-1]
    right = after.argmax(axis=1) == material.labels
    errors = [calibration_error(one.max(axis=1), one.argmax(axis=1) == material.labels) for one in (before, after)]
    return float(right.mean()), macro_f1(material.labels, after.argmax(axis=1)), errors[0], errors[1]


def foreign(material: Material, others: list[Poses], number: int, seed: int) -> tuple[list[float], float]:
    """AUROC of the score of 'none': each exercise left out of training in turn, against unseen clips of the others; and
    the mean for the clips `others`, of exercises that are never taught."""
    left_out, never = [], []
    for exercise in range(len(material.exercises)):
        learns, tests = folds(material, number, seed)[exercise % number]
        learns, known = (part[material.labels[part] != exercise] for part in (learns, tests))
        strangers = np.flatnonzero(material.labels == exercise)
        inner = GroupShuffleSplit(1, test_size=0.2, random_state=seed).split(learns, groups=material.groups[learns])
        first, held = (learns[part] for part in next(inner))
        labels = material.labels - (material.labels > exercise)
        network = teach(material, first, seed, labels, len(material.exercises) - 1)
        novelty = fit_novelty(
            network, pick(material, first), labels[first], pick(material, held), material.window,
            material.params.pose.rejected,
        )  # fmt: skip
        scores = [none_score(network, novelty, poses, material.window) for poses in pick(material, known)]
        strange = [none_score(network, novelty, poses, material.window) for poses in pick(material, strangers)]
        left_out.append(float(roc_auc_score([0] * len(scores) + [1] * len(strange), scores + strange)))
        if others:
            strange = [none_score(network, novelty, poses, material.window) for poses in others]
            never.append(float(roc_auc_score([0] * len(scores) + [1] * len(strange), scores + strange)))
    return left_out, float(np.mean(never)) if never else math.nan


def none_score(network: keras.Model, novelty: Novelty, poses: Poses, window: int) -> float:
    windows, _ = all_windows([poses], window)
    said, summaries = answer_windows(network, windows)
    distance = float(novelty.distances(summaries).mean())
    return 1 - (1 - float(said[:, -1].mean())) * (1 - novelty.share(distance))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=Path, nargs="?", default=Path("data/frames"))
    parser.add_argument("landmarks", type=Path, nargs="?", default=Path("data/landmarks"))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", choices=sorted(WAYS), default=list(WAYS), metavar="WAY")
    parser.add_argument("--alone", type=Path, metavar="CATALOG", help="score the clips of this catalog also alone")
    parser.add_argument("--others", type=Path, metavar="LANDMARKS", help="clips of exercises that are never taught")
    args = parser.parse_args()
    pose_training.tell = lambda *_: None
    with told_plainly("unseen"):
        params = load_params()
        clips = find_clips(args.frames, (".zip",))
        exercises = sorted({clip.exercise for clip in clips})
        landmarks = [read_landmarks(args.landmarks / f"{clip.name}.npz") for clip in clips]
        others = (
            [poses_of(read_landmarks(clip.path)) for clip in find_clips(args.others, (".npz",))] if args.others else []
        )
    material = Material(
        clips, exercises, np.array([exercises.index(clip.exercise) for clip in clips]),
        np.array([group_of(clip, params.split.group) for clip in clips]), landmarks,
        [poses_of(one) for one in landmarks], max(2, round(params.train.window * params.extract.fps)), params,
    )  # fmt: skip
    alone: np.ndarray = np.zeros(len(clips), bool)
    if args.alone:
        with args.alone.open(encoding="utf-8") as file:
            names = {row["clip"].rsplit(".", 1)[0] for row in csv.DictReader(file)}
        alone = np.array([clip.name in names for clip in clips])
    told = f"{len(clips)} clips, {len(set(material.groups))} groups, {args.folds} folds, {args.seeds} seeds"
    print(f"{told}\n\n| way | accuracy | macro F1 | {'macro F1 alone | ' * bool(args.alone)}", flush=True)
    print("| --- | --- | --- |" + " --- |" * bool(args.alone))
    for way in args.ways:
        rows = []
        for seed in range(args.seeds):
            guess = out_of_fold(material, WAYS[way], args.folds, seed).argmax(axis=1)
            rows.append([accuracy_score(material.labels, guess), macro_f1(material.labels, guess)])
            rows[-1] += [macro_f1(material.labels[alone], guess[alone])] if args.alone else []
        cells = [f"{mean:.3f} ± {spread:.3f}" for mean, spread in zip(np.mean(rows, 0), np.std(rows, 0), strict=True)]
        print(f"| {way} | {' | '.join(cells)} |", flush=True)
    if "ours" in args.ways:
        accuracy, f1, before, after = calibrated(material, args.folds, 0)
        print(f"\nwith a fifth held back: accuracy {accuracy:.3f}, macro F1 {f1:.3f}", flush=True)
        print(f"ECE {before:.3f} as trained, {after:.3f} with the temperature")
        left_out, never = foreign(material, others, args.folds, 0)
        each = ", ".join(f"{name} {value:.2f}" for name, value in zip(exercises, left_out, strict=True))
        print(f"none: AUROC {np.mean(left_out):.3f} (left out in turn: {each}); exercises never taught {never:.3f}")


if __name__ == "__main__":
    main()
