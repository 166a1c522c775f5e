"""How well a workout's timeline is found: workouts stitched from the corpus' clips, with pauses in between.

The clips of each fold that show all of a taught exercise become workouts of SETS sets of different exercises, drawn
from all clips, with pauses: clips of label 'none', of people who stand, walk, sit or set up. A clip is played forwards
and backwards until it lasts about SECONDS. Only the member of CLASSIFIER that never saw a fold's groups answers its
workouts; folds without a pause are left out. Clips are brought to one size and place, as if one camera had seen one
person. Scores: the share of frames that are labelled rightly, and the F1 of segments that overlap a true one of the
same exercise by half (IoU >= 0.5; Lea et al. 2017, "Temporal Convolutional Networks for Action Segmentation"; 'none'
is no segment). The constant of the smoothing was chosen on the even folds; the odd ones test it. 95 % intervals are
over workouts. Prints a Markdown table; takes a minute.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from fitness_tracker.answering.answer import Segment, answer_prediction
from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.blazepose.skeleton import Landmark
from fitness_tracker.core.errors import exit_with_message
from fitness_tracker.corpus.catalog import CorpusClip, read_corpus
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.evaluation.intervals import weighted_interval
from fitness_tracker.models.bundle import load_classifier
from fitness_tracker.models.classifier import NONE, Classifier, Prediction, short_hash
from fitness_tracker.models.pose.features import JOINTS, spread
from fitness_tracker.models.training import random_stream

SETS = 5
SECONDS = 20  # of a set and of a pause, about
WORKOUTS = 12  # of each fold
OVERLAP = 0.5
HIPS, SHOULDERS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP], [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]


@dataclass(frozen=True)
class Workout:
    fold: int
    truth: list[str]  # of each frame
    prediction: Prediction


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=Path("corpus"))
    parser.add_argument("--classifier", type=Path, default=Path("models/classifier"))
    parser.add_argument("--workouts", type=int, default=WORKOUTS, help="of each fold")
    args = parser.parse_args()
    with exit_with_message("timeline"):
        classifier = load_classifier(args.classifier)
        workouts = make_workouts(read_corpus(args.corpus), classifier, args.workouts)
    print("| folds | workouts | minutes | frames right | segment F1 at 50 % overlap |\n| --- | --- | --- | --- | --- |")
    for name, odd in (("even, chosen on", 0), ("odd, test", 1)):
        print_row(name, [workout for workout in workouts if workout.fold % 2 == odd], classifier)


def print_row(name: str, workouts: Sequence[Workout], classifier: Classifier) -> None:
    counts = np.array([count(workout, answer_prediction(workout.prediction, classifier).segments, classifier.fps)
                       for workout in workouts])  # fmt: skip
    numbers = np.arange(len(workouts))
    minutes = counts[:, 1].sum() / classifier.fps / 60

    def accuracy(weights: np.ndarray) -> float:
        return float((weights @ counts[:, 0]) / (weights @ counts[:, 1]))

    def f1(weights: np.ndarray) -> float:
        found, true, named = weights @ counts[:, 2:]
        return float(2 * found / max(true + named, 1e-9))

    cells = [f"{value:.3f} ({low:.3f} to {high:.3f})" for value, (low, high) in (
        weighted_interval(numbers, accuracy), weighted_interval(numbers, f1)
    )]  # fmt: skip
    print(f"| {name} | {len(workouts)} | {minutes:.0f} | {' | '.join(cells)} |")


def count(workout: Workout, segments: Sequence[Segment], fps: float) -> tuple[int, int, int, int, int]:
    """Frames that are right, frames; segments that are found, that there are, that are named."""
    named: list[str] = []
    for segment in segments:
        named += [segment.exercise] * (round(segment.end_s * fps) - len(named))
    right = sum(a == b for a, b in zip(workout.truth, named, strict=True))
    true, said = spans(workout.truth), spans(named)
    taken: set[int] = set()
    for exercise, start, end in said:
        for place, (other, begin, stop) in enumerate(true):
            shared = min(end, stop) - max(start, begin)
            if exercise == other and place not in taken and shared >= OVERLAP * (max(end, stop) - min(start, begin)):
                taken.add(place)
                break
    return right, len(named), len(taken), len(true), len(said)


def spans(labels: Sequence[str]) -> list[tuple[str, int, int]]:
    """(exercise, start, end) of the stretches of one label, but 'none'."""
    cuts = [0, *(n for n in range(1, len(labels)) if labels[n] != labels[n - 1]), len(labels)]
    return [(labels[start], start, end) for start, end in pairwise(cuts) if labels[start] != NONE]


def make_workouts(corpus: Sequence[CorpusClip], classifier: Classifier, number: int) -> list[Workout]:
    folds = {clip.group: used.fold for clip in corpus if (used := classifier.usage.get(short_hash(clip.name)))}
    workouts = []
    for member, unseen in enumerate(classifier.unseen_folds):
        (fold,) = unseen
        rng = random_stream(0, fold)
        sets = [clip for clip in corpus if folds.get(clip.group) == fold and clip.visibility == "clear"
                and clip.exercise in classifier.exercises[:-1]]  # fmt: skip
        pauses = [clip for clip in corpus if clip.label == NONE and clip.visibility != "not"
                  and folds.get(clip.group) == fold]  # fmt: skip
        for _ in range(number if pauses else 0):
            parts = [rng.choice(pauses)]  # type: ignore[arg-type]
            chosen: dict[str, CorpusClip] = {}
            for clip in rng.permutation(sets):  # type: ignore[arg-type]
                chosen.setdefault(clip.exercise, clip)
            for clip in list(chosen.values())[:SETS]:
                parts += [clip, rng.choice(pauses)]  # type: ignore[arg-type]
            workouts.append(stitch(parts, classifier, member, fold))
    return workouts


def stitch(parts: Sequence[CorpusClip], classifier: Classifier, member: int, fold: int) -> Workout:
    landmarks = [there_and_back(rescaled(read_corpus_landmarks(clip.path)), SECONDS * classifier.fps) for clip in parts]
    truth = [clip.exercise for clip, of_clip in zip(parts, landmarks, strict=True)
             for _ in of_clip.times]  # fmt: skip
    whole = Landmarks(
        np.concatenate([one.image_landmarks for one in landmarks]),
        np.concatenate([one.world_landmarks for one in landmarks]),
        np.arange(len(truth), dtype=np.float32) / np.float32(classifier.fps),
        np.concatenate([one.found for one in landmarks]),
    )
    return Workout(fold, truth, classifier.predict_landmarks(whole, [member]))  # type: ignore[attr-defined]


def there_and_back(landmarks: Landmarks, frames: float) -> Landmarks:
    """The clip played forwards and backwards as often as it takes to have so many frames."""
    number = len(landmarks)
    times = max(1, round(frames / number))
    order = np.concatenate([np.arange(number)[:: -1 if n % 2 else 1] for n in range(times)])
    return landmarks[order]


def rescaled(landmarks: Landmarks) -> Landmarks:
    """The person in the middle of the picture, the torso half a metre long, a metre 200 pixels."""
    image, world = landmarks.image_landmarks.copy(), landmarks.world_landmarks.copy()
    found = landmarks.found
    torso = np.linalg.norm((world[:, HIPS] - world[:, SHOULDERS]).mean(axis=1), axis=-1)
    world *= 0.5 / np.median(torso[found])
    image[..., :3] *= 200 * np.median(spread(world[found][:, JOINTS]) / spread(image[found][:, JOINTS, :3]))
    middle = np.median(image[found][:, HIPS, :2].mean(axis=1), axis=0)
    image[found, :, :2] += np.array([320, 240]) - middle
    return replace(landmarks, image_landmarks=image, world_landmarks=world)


if __name__ == "__main__":
    main()
