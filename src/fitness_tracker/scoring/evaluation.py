"""Scores a classifier on clips that its training has never seen, and refuses any other."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score

from fitness_tracker.classifier import Classifier, Prediction
from fitness_tracker.clips.folder import Clip, ClipsError, group_of
from fitness_tracker.clips.split import TEST

BINS = 15  # of confidence


@dataclass(frozen=True)
class ScoredClip:
    """What the classifier says of one clip of a known exercise."""

    clip: Clip
    group: str
    answer: Prediction
    predicted: str  # an exercise, or 'none'
    confidence: float


def unseen_clips(clips: Sequence[Clip], classifier: Classifier) -> list[Clip]:
    """The clips to score: all but the very clips that the classifier was trained or validated on.

    Raises `ClipsError` if one of them is known to training all the same (a copy under another name, or another clip
    of a group that was learnt from), if it shows an exercise that the classifier was not taught, or if none is left.
    """
    learnt = {name: used for name, used in classifier.split.items() if used.part != TEST}
    seen = {used.sha256: name for name, used in sorted(learnt.items())}
    groups = {used.group for used in learnt.values()}
    unseen = []
    for clip in clips:
        digest = hashlib.sha256(clip.path.read_bytes()).hexdigest()
        if clip.name in learnt and learnt[clip.name].sha256 == digest:
            continue
        if digest in seen:
            raise ClipsError(f"{clip.path}: training has seen it, as {seen[digest]}; it cannot be scored")
        if (group := group_of(clip, classifier.group)) in groups:
            raise ClipsError(f"{clip.path}: training has seen other clips of group '{group}'; it cannot be scored")
        if clip.exercise not in classifier.exercises:
            raise ClipsError(f"{clip.path}: the classifier was not taught '{clip.exercise}'; train it again")
        unseen.append(clip)
    if not unseen:
        raise ClipsError("training has seen every clip; add clips of other people to score it on")
    return unseen


def score_clips(clips: Sequence[Clip], classifier: Classifier, made: dict[str, Path]) -> list[ScoredClip]:
    """What the classifier says of each clip; `made` says where what it judges lies, by the clip's name.

    Raises `ClipsError` like `unseen_clips`, and if a clip is missing in `made`.
    """
    scored = []
    for clip in unseen_clips(clips, classifier):
        if clip.name not in made:
            raise ClipsError(f"{clip.path}: its landmarks are missing; run the landmarks stage again")
        answer = classifier.predict_file(made[clip.name])
        scored.append(ScoredClip(clip, group_of(clip, classifier.group), answer, *classifier.decide_label(answer)))
    return scored


def scores(scored: Sequence[ScoredClip], exercises: list[str]) -> dict[str, float]:
    """Accuracy and macro F1 of clips and of single frames, how far confidence is off, and on how many clips and groups
    all that stands."""
    actual = [one.clip.exercise for one in scored]
    guess = [one.predicted for one in scored]
    frame_actual = np.repeat([exercises.index(name) for name in actual], [len(one.answer.frames) for one in scored])
    frame_guess = np.concatenate([one.answer.frames.argmax(axis=1) for one in scored])
    right = np.array(actual) == np.array(guess)
    return {
        "accuracy": float(right.mean()),
        "f1": macro_f1(actual, guess),
        "frame_accuracy": float(accuracy_score(frame_actual, frame_guess)),
        "frame_f1": macro_f1(frame_actual, frame_guess),
        "ece": calibration_error(np.array([one.confidence for one in scored]), right),
        "clips": len(scored),
        "groups": len({one.group for one in scored}),
    }


def calibration_table(confidence: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """One row for each of `BINS` equal bins of confidence (N,) that holds answers: confidence, accuracy, answers."""
    place = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    table = pd.DataFrame({"bin": place, "confidence": confidence, "accuracy": right.astype(float), "answers": 1})
    return table.groupby("bin").agg({"confidence": "mean", "accuracy": "mean", "answers": "sum"}).reset_index(drop=True)


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error: how far confidence (N,) and the share of right answers lie apart, on average.

    Naeini et al. (2015), "Obtaining Well Calibrated Probabilities Using Bayesian Binning", with `BINS` bins.
    """
    table = calibration_table(confidence, right)
    return float(np.average((table["confidence"] - table["accuracy"]).abs(), weights=table["answers"]))


def macro_f1(actual: Sequence | np.ndarray, guess: Sequence | np.ndarray) -> float:
    """The mean of the F1 of every exercise that is there, each counting the same."""
    return float(f1_score(actual, guess, labels=np.unique(actual), average="macro", zero_division=0))


def answers(scored: Sequence[ScoredClip]) -> pd.DataFrame:
    """One row a clip: clip, actual, predicted, confidence."""
    rows = [(one.clip.name, one.clip.exercise, one.predicted, one.confidence) for one in scored]
    return pd.DataFrame(rows, columns=["clip", "actual", "predicted", "confidence"])


def f1_table(table: pd.DataFrame) -> pd.DataFrame:
    """One row an exercise of `answers`: exercise, f1, clips."""
    names = sorted(set(table["actual"]))
    values = f1_score(table["actual"], table["predicted"], labels=names, average=None, zero_division=0)
    counts = table["actual"].value_counts()
    return pd.DataFrame({"exercise": names, "f1": values, "clips": [int(counts[name]) for name in names]})


def worst_mistakes(table: pd.DataFrame, number: int) -> pd.DataFrame:
    """The rows of `answers` that are wrong, the surest first."""
    wrong = table[table["actual"] != table["predicted"]]
    return wrong.sort_values(["confidence", "clip"], ascending=[False, True]).head(number)
