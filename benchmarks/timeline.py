"""How well a workout's timeline is found: workouts stitched from the corpus' clips, with pauses in between.

Three kinds of workouts, each of clips of one fold, so that only the members of CLASSIFIER that never saw these people
answers; folds without a pause are left out:

- sets: SETS sets of different exercises, with pauses: clips of label 'none', of people who stand, walk, sit or set up.
  A clip is played forwards and backwards until it lasts about SECONDS.
- rests: three exercises, two sets each, of about SET_S, with a pause as above of REST_S before each set.
- singles: three exercises of five single repetitions, with PAUSE_S between them in which the person stays as they were
  when the repetition ended. These pauses belong to the set, and no frame of them is scored. The repetitions are those
  of CYCLES (timeline.csv: clip id, first and last frame): the middle one of clips of repetitions.csv, part 'tuning',
  from start to start by the turning points of `answering.repetitions`, where that counts as many as were seen. So
  singles are easy to count by themselves; they test names and borders.

Clips are brought to one size and place, as if one camera had seen one person. Scores: the share of frames that are
labelled rightly, the F1 of segments that overlap a true one of the same exercise by half (IoU >= 0.5; Lea et al. 2017,
"Temporal Convolutional Networks for Action Segmentation"; 'none' is no segment), and for singles the share of sets of
which exactly five repetitions, and four to six, are counted under the right name. Constants are fitted on the even
folds (--fit); the odd ones test them. 95 % intervals are over workouts. Prints a Markdown table; takes minutes.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from repetitions import weighted_mean

from fitness_tracker.answering import timeline
from fitness_tracker.answering.answer import Segment, answer_prediction
from fitness_tracker.blazepose.landmarks import Landmarks, join_landmarks
from fitness_tracker.blazepose.skeleton import Landmark
from fitness_tracker.core.errors import exit_with_message
from fitness_tracker.core.params import CORPUS_FPS
from fitness_tracker.corpus.catalog import CorpusClip, read_corpus
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.evaluation.intervals import weighted_interval
from fitness_tracker.models.bundle import load_classifier
from fitness_tracker.models.classifier import NONE, Classifier, Prediction, short_hash
from fitness_tracker.models.pose.features import JOINTS, spread
from fitness_tracker.models.training import random_stream

SETS = 5
SECONDS = 20  # of a set and of a pause, about
FEW_SETS, SET_S, REST_S = 3, 15, (20, 40)  # of 'rests' and 'singles'
SINGLES, PAUSE_S, STAY_FRAMES = 5, (6, 12), 3  # a pause is made of so many frames from the end of the repetition
WORKOUTS = 12  # of each kind and fold
OVERLAP = 0.5
# What --fit tries, of `answering.timeline`
GRID = {"NONE_TOLERANCE": (0.75, 0.9, 1.0), "SWITCH_COST_S": (5.0, 6.0, 7.0), "PAUSE_COST": (0.05, 0.1, 0.2, 0.4)}
UNSCORED = ""  # label of frames that are not scored
CYCLES = Path(__file__).with_suffix(".csv")
HIPS, SHOULDERS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP], [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]


@dataclass(frozen=True)
class Workout:
    kind: str
    fold: int
    truth: list[str]  # of each frame
    prediction: Prediction


class Part(NamedTuple):
    """A stretch of a workout."""

    landmarks: Landmarks
    label: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=Path("corpus"))
    parser.add_argument("--classifier", type=Path, default=Path("models/classifier"))
    parser.add_argument("--fit", action="store_true", help="try GRID on the even folds; prints the best first")
    parser.add_argument("--workouts", type=int, default=WORKOUTS, help="of each kind and fold")
    args = parser.parse_args()
    with exit_with_message("timeline"):
        classifier = load_classifier(args.classifier)
        workouts = make_workouts(read_corpus(args.corpus), classifier, args.workouts)
    if args.fit:
        print_fit([workout for workout in workouts if workout.fold % 2 == 0], classifier)
        return
    print("| workouts | folds | number | minutes | frames right | segment F1 at 50 % overlap | five counted | 4 to 6 |")
    print("|" + " --- |" * 8)
    for kind in KINDS:
        for name, odd in (("even, chosen on", 0), ("odd, test", 1)):
            some = [workout for workout in workouts if workout.kind == kind and workout.fold % 2 == odd]
            print_row(f"{kind} | {name}", some, classifier)


def print_fit(workouts: Sequence[Workout], classifier: Classifier) -> None:
    """The constants of GRID, with the mean over KINDS of frames right and of segment F1."""
    print(f"| {' | '.join(GRID)} | frames right | segment F1 | mean |\n|{' --- |' * (len(GRID) + 3)}")
    rows = []
    for values in product(*GRID.values()):
        for name, value in zip(GRID, values, strict=True):
            setattr(timeline, name, value)
        scores = [shares(workouts, kind, classifier) for kind in KINDS]
        right, f1 = np.mean(scores, axis=0)
        rows.append((right / 2 + f1 / 2, f"| {' | '.join(map(str, values))} | {right:.3f} | {f1:.3f}"))
    print("\n".join(f"{row} | {mean:.3f} |" for mean, row in sorted(rows, reverse=True)))


def shares(workouts: Sequence[Workout], kind: str, classifier: Classifier) -> tuple[float, float]:
    """Frames right and segment F1 of the workouts of one kind."""
    some = [workout for workout in workouts if workout.kind == kind]
    answers = [answer_prediction(workout.prediction, classifier).segments for workout in some]
    right, scored, found, true, named = np.sum(
        [count(*pair, classifier.fps) for pair in zip(some, answers, strict=True)], axis=0
    )
    return right / scored, 2 * found / (true + named)


def print_row(name: str, workouts: Sequence[Workout], classifier: Classifier) -> None:
    answers = [answer_prediction(workout.prediction, classifier).segments for workout in workouts]
    counts = np.array([count(*pair, classifier.fps) for pair in zip(workouts, answers, strict=True)])
    numbers = np.arange(len(workouts))
    minutes = sum(len(workout.truth) for workout in workouts) / classifier.fps / 60

    def accuracy(weights: np.ndarray) -> float:
        return float((weights @ counts[:, 0]) / (weights @ counts[:, 1]))

    def f1(weights: np.ndarray) -> float:
        found, true, named = weights @ counts[:, 2:]
        return float(2 * found / max(true + named, 1e-9))

    cells = [f"{value:.3f} ({low:.3f} to {high:.3f})" for value, (low, high) in (
        weighted_interval(numbers, accuracy), weighted_interval(numbers, f1)
    )]  # fmt: skip
    if UNSCORED in workouts[0].truth:
        errors = np.array([singles_errors(*pair, classifier.fps) for pair in zip(workouts, answers, strict=True)])
        for hits in (errors == 0, errors <= 1):
            value, (low, high) = weighted_interval(numbers, partial(weighted_mean, hits.mean(axis=1)))
            cells.append(f"{value:.3f} ({low:.3f} to {high:.3f})")
    else:
        cells += ["", ""]
    print(f"| {name} | {len(workouts)} | {minutes:.0f} | {' | '.join(cells)} |")


def singles_errors(workout: Workout, segments: Sequence[Segment], fps: float) -> list[int]:
    """Of each set of singles, by how much the count under its name is wrong; at its ends a second more counts."""
    errors = []
    for exercise, start, end in sets_of(workout.truth):
        times = [time for one in segments if one.exercise == exercise for time in one.times_s]
        errors.append(abs(sum(start - fps <= time * fps <= end + fps for time in times) - SINGLES))
    return errors


def count(workout: Workout, segments: Sequence[Segment], fps: float) -> tuple[int, int, int, int, int]:
    """Frames that are right, frames that are scored; segments that are found, that there are, that are named."""
    named: list[str] = []
    for segment in segments:
        named += [segment.exercise] * (round(segment.end_s * fps) - len(named))
    right = sum(a == b for a, b in zip(workout.truth, named, strict=True))
    true, said = sets_of(workout.truth), spans(named)
    taken: set[int] = set()
    for exercise, start, end in said:
        for place, (other, begin, stop) in enumerate(true):
            shared = min(end, stop) - max(start, begin)
            if exercise == other and place not in taken and shared >= OVERLAP * (max(end, stop) - min(start, begin)):
                taken.add(place)
                break
    return right, len(named) - workout.truth.count(UNSCORED), len(taken), len(true), len(said)


def sets_of(truth: Sequence[str]) -> list[tuple[str, int, int]]:
    """`spans`, where frames that are not scored belong to what is before them."""
    filled: list[str] = []
    for label in truth:
        filled.append(label if label != UNSCORED else filled[-1])
    return spans(filled)


def spans(labels: Sequence[str]) -> list[tuple[str, int, int]]:
    """(exercise, start, end) of the stretches of one label, but 'none'."""
    cuts = [0, *(n for n in range(1, len(labels)) if labels[n] != labels[n - 1]), len(labels)]
    return [(labels[start], start, end) for start, end in pairwise(cuts) if labels[start] != NONE]


def make_workouts(corpus: Sequence[CorpusClip], classifier: Classifier, number: int) -> list[Workout]:
    folds = {clip.group: used.fold for clip in corpus if (used := classifier.usage.get(short_hash(clip.name)))}
    workouts = []
    for fold in sorted(set.union(*classifier.unseen_folds)):
        members = [member for member, unseen in enumerate(classifier.unseen_folds) if fold in unseen]
        some = [clip for clip in corpus if folds.get(clip.group) == fold]
        sets = [clip for clip in some if clip.visibility == "clear" and clip.exercise in classifier.exercises[:-1]]
        pauses = [clip for clip in some if clip.label == NONE and clip.visibility != "not"]
        for stream, (kind, draw) in enumerate(KINDS.items()):
            rng = random_stream(stream, fold)
            for _ in range(number if pauses else 0):
                workouts.append(stitch(kind, draw(sets, pauses, rng), classifier, members, fold))
    return workouts


def sets_with_pauses(sets: Sequence[CorpusClip], pauses: Sequence[CorpusClip], rng: np.random.Generator) -> list[Part]:
    parts = [played(one_of(pauses, rng), SECONDS)]
    for clip in one_of_each(sets, rng)[:SETS]:
        parts += [played(clip, SECONDS), played(one_of(pauses, rng), SECONDS)]
    return parts


def sets_with_rests(sets: Sequence[CorpusClip], pauses: Sequence[CorpusClip], rng: np.random.Generator) -> list[Part]:
    parts = []
    for clip in one_of_each(sets, rng)[:FEW_SETS]:
        for _ in range(2):
            rest = lasting(person_of(one_of(pauses, rng)), rng.uniform(*REST_S))
            parts += [Part(rest, NONE), played(clip, SET_S)]
    return parts


def singles(sets: Sequence[CorpusClip], pauses: Sequence[CorpusClip], rng: np.random.Generator) -> list[Part]:
    cycles = {row.clip: slice(row.first, row.last + 1) for row in pd.read_csv(CYCLES).itertuples()}
    parts = [played(one_of(pauses, rng), SECONDS)]
    for clip in one_of_each([clip for clip in sets if clip.id in cycles], rng)[:FEW_SETS]:
        once = person_of(clip)[cycles[clip.id]]
        for _ in range(SINGLES):
            parts += [Part(once, clip.exercise), Part(lasting(once[-STAY_FRAMES:], rng.uniform(*PAUSE_S)), UNSCORED)]
        parts[-1] = played(one_of(pauses, rng), SECONDS)
    return parts


KINDS = {"sets": sets_with_pauses, "rests": sets_with_rests, "singles": singles}


def one_of(clips: Sequence[CorpusClip], rng: np.random.Generator) -> CorpusClip:
    return rng.choice(clips)  # type: ignore[arg-type]


def one_of_each(clips: Sequence[CorpusClip], rng: np.random.Generator) -> list[CorpusClip]:
    """A clip of each exercise, drawn from all clips, in random order."""
    chosen: dict[str, CorpusClip] = {}
    for clip in rng.permutation(clips):  # type: ignore[arg-type]
        chosen.setdefault(clip.exercise, clip)
    return list(chosen.values())


def person_of(clip: CorpusClip) -> Landmarks:
    return rescaled(read_corpus_landmarks(clip.path))


def played(clip: CorpusClip, seconds: float) -> Part:
    return Part(there_and_back(person_of(clip), seconds * CORPUS_FPS), clip.exercise)


def stitch(kind: str, parts: Sequence[Part], classifier: Classifier, members: list[int], fold: int) -> Workout:
    truth = [part.label for part in parts for _ in part.landmarks.times]
    times = np.arange(len(truth), dtype=np.float32) / np.float32(classifier.fps)
    joined = join_landmarks([part.landmarks for part in parts])
    whole = replace(joined, times=times, shot=np.zeros_like(joined.shot))  # as if it was filmed at once
    return Workout(kind, fold, truth, classifier.predict_landmarks(whole, members))  # type: ignore[attr-defined]


def there_and_back(landmarks: Landmarks, frames: float) -> Landmarks:
    """The clip played forwards and backwards as often as it takes to have so many frames."""
    number = len(landmarks)
    times = max(1, round(frames / number))
    order = np.concatenate([np.arange(number)[:: -1 if n % 2 else 1] for n in range(times)])
    return landmarks[order]


def lasting(landmarks: Landmarks, seconds: float) -> Landmarks:
    """The clip played forwards and backwards for just so long."""
    number = len(landmarks)
    return landmarks[np.resize(np.r_[:number, number - 1 : -1 : -1], round(seconds * CORPUS_FPS))]


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
