"""Scores a classifier on clips that its training has never seen, and refuses all others."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score

from fitness_tracker.classifier import Classifier, Prediction, short_hash
from fitness_tracker.clips.folder import Clip, ClipsError, group_of
from fitness_tracker.clips.split import TEST
from fitness_tracker.scoring.intervals import f1_interval, macro_f1

BINS = 15  # of confidence


@dataclass(frozen=True)
class ScoredClip:
    """The classifier's prediction for a clip whose exercise is known."""

    clip: Clip
    group: str
    prediction: Prediction
    predicted: str  # an exercise, or 'none'
    confidence: float


def unseen_clips(clips: Sequence[Clip], classifier: Classifier) -> list[Clip]:
    """The clips to score: all but the very clips that the classifier was trained or validated on.

    Raises `ClipsError` if one of them is known to training all the same (a copy under another name, or another clip
    of a group that was learnt from), if it shows an exercise that the classifier was not taught, or if none is left.
    """
    trained_on = {name: used for name, used in classifier.usage.items() if used.part != TEST}
    digests = {used.sha256 for used in trained_on.values()}
    groups = {used.group for used in trained_on.values()}
    unseen = []
    for clip in clips:
        digest = hashlib.sha256(clip.path.read_bytes()).hexdigest()
        known = trained_on.get(short_hash(clip.name))
        if known and known.sha256 == digest:
            continue
        if digest in digests:
            raise ClipsError(f"{clip.path}: training has seen it under another name; it cannot be scored")
        if short_hash(group := group_of(clip, classifier.group)) in groups:
            raise ClipsError(f"{clip.path}: training has seen other clips of group '{group}'; it cannot be scored")
        if clip.exercise not in classifier.exercises:
            raise ClipsError(f"{clip.path}: the classifier was not taught '{clip.exercise}'; train it again")
        unseen.append(clip)
    if not unseen:
        raise ClipsError("training has seen every clip; add clips of other people to score it on")
    return unseen


def score_clips(clips: Sequence[Clip], classifier: Classifier, inputs: dict[str, Path]) -> list[ScoredClip]:
    """The classifier's predictions of the unseen clips; `inputs`: clip name -> what the classifier reads of it.

    Raises `ClipsError` like `unseen_clips`, and if a clip is missing in `inputs`.
    """
    scored = []
    for clip in unseen_clips(clips, classifier):
        if clip.name not in inputs:
            raise ClipsError(f"{clip.path}: its landmarks are missing; run the landmarks stage again")
        prediction = classifier.predict_file(inputs[clip.name])
        label, confidence = classifier.decide_label(prediction)
        scored.append(ScoredClip(clip, group_of(clip, classifier.group), prediction, label, confidence))
    return scored


def scores(scored: Sequence[ScoredClip], exercises: list[str]) -> dict[str, float]:
    """Accuracy and macro F1 of clips, with 95 % intervals, and of single frames; the calibration error; the numbers of
    clips and groups."""
    truth = np.array([clip.clip.exercise for clip in scored])
    answer = np.array([clip.predicted for clip in scored])
    groups = np.array([clip.group for clip in scored])
    frames = [len(clip.prediction.frames) for clip in scored]
    frame_truth = np.repeat([exercises.index(name) for name in truth], frames)
    frame_answer = np.concatenate([clip.prediction.frames.argmax(axis=1) for clip in scored])
    low, high = f1_interval(truth, answer, groups)
    return {
        "accuracy": float((truth == answer).mean()),
        "f1": macro_f1(truth, answer),
        "f1_low": low,
        "f1_high": high,
        "frame_accuracy": float(accuracy_score(frame_truth, frame_answer)),
        "frame_f1": macro_f1(frame_truth, frame_answer),
        "ece": calibration_error(np.array([clip.confidence for clip in scored]), truth == answer),
        "clips": len(scored),
        "groups": len(set(groups)),
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


def answers(scored: Sequence[ScoredClip]) -> pd.DataFrame:
    """One row a clip: clip, actual, predicted, confidence."""
    rows = [(clip.clip.name, clip.clip.exercise, clip.predicted, clip.confidence) for clip in scored]
    return pd.DataFrame(rows, columns=["clip", "actual", "predicted", "confidence"])


def hashed_answers(scored: Sequence[ScoredClip]) -> pd.DataFrame:
    """One row a clip, without names: clip and group as `short_hash`, truth, answer, confidence. For comparisons of
    revisions clip by clip."""
    rows = [
        (short_hash(clip.clip.name), short_hash(clip.group), clip.clip.exercise, clip.predicted, clip.confidence)
        for clip in scored
    ]
    return pd.DataFrame(rows, columns=["clip", "group", "truth", "answer", "confidence"]).sort_values("clip")


def f1_table(table: pd.DataFrame) -> pd.DataFrame:
    """One row an exercise of `answers`: exercise, f1, clips."""
    names = sorted(set(table["actual"]))
    values = f1_score(table["actual"], table["predicted"], labels=names, average=None, zero_division=0)
    counts = table["actual"].value_counts()
    return pd.DataFrame({"exercise": names, "f1": values, "clips": [int(counts[name]) for name in names]})


def worst_mistakes(table: pd.DataFrame, number: int) -> pd.DataFrame:
    """The rows of `answers` that are wrong, the most confident first."""
    wrong = table[table["actual"] != table["predicted"]]
    return wrong.sort_values(["confidence", "clip"], ascending=[False, True]).head(number)
