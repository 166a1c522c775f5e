"""Scores a classifier on clips that its training has never seen, and refuses all others."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score

from fitness_tracker.clips.folder import NONE, Clip, ClipsError, group_of
from fitness_tracker.evaluation.intervals import f1_interval, macro_f1
from fitness_tracker.models.classifier import Classifier, Prediction, short_hash

BINS = 15  # of confidence


@dataclass(frozen=True)
class ScoredClip:
    """The classifier's prediction for a clip whose exercise is known."""

    clip: Clip
    group: str
    truth: str  # the exercise that it shows; 'none' if it was not to be taught
    prediction: Prediction
    predicted: str  # an exercise, or 'none'
    confidence: float
    none_score: float


def unseeing_members(clips: Sequence[Clip], classifier: Classifier) -> dict[str, list[int]]:
    """Clip name to the numbers of the members whose training saw neither the clip nor its group; clips of folds that
    every member saw are left out.

    Raises `ClipsError` if such a clip was not in training under its name (a copy, another clip of a group that all have
    seen), if a clip shows an exercise that the classifier was not taught, or if none is left.
    """
    by_group = {used.group: used.fold for used in classifier.usage.values()}
    by_digest = {used.sha256: used.fold for used in classifier.usage.values()}
    members: dict[str, list[int]] = {}
    for clip in clips:
        group, digest = group_of(clip, classifier.group), hashlib.sha256(clip.path.read_bytes()).hexdigest()
        folds = {by_group[short_hash(group)]} if short_hash(group) in by_group else set()
        folds |= {by_digest[digest]} if digest in by_digest else set()
        unseeing = [number for number, unseen in enumerate(classifier.unseen_folds) if folds <= unseen]
        known = classifier.usage.get(short_hash(clip.name))
        if not unseeing and known and known.sha256 == digest:
            continue
        if not unseeing and digest in by_digest:
            raise ClipsError(f"{clip.path}: training has seen it under another name; it cannot be scored")
        if not unseeing:
            raise ClipsError(f"{clip.path}: training has seen other clips of group '{group}'; it cannot be scored")
        if clip.exercise not in classifier.exercises and not known:
            raise ClipsError(f"{clip.path}: the classifier was not taught '{clip.exercise}'; train it again")
        members[clip.name] = unseeing
    if not members:
        raise ClipsError("training has seen every clip; add clips of other people to score it on")
    return members


def score_clips(clips: Sequence[Clip], classifier: Classifier, inputs: dict[str, Path]) -> list[ScoredClip]:
    """Out-of-fold predictions of the clips that some member never saw; `inputs`: clip name -> what the classifier reads
    of it.

    Raises `ClipsError` like `unseeing_members`, and if a clip is missing in `inputs`.
    """
    scored = []
    members = unseeing_members(clips, classifier)
    for clip in (clip for clip in clips if clip.name in members):
        if clip.name not in inputs:
            raise ClipsError(f"{clip.path}: its landmarks are missing; run the landmarks stage again")
        prediction = classifier.predict_file(inputs[clip.name], members[clip.name])
        scored.append(score_clip(clip, group_of(clip, classifier.group), clip.exercise, prediction, classifier))
    return scored


def score_clip(clip: Clip, group: str, exercise: str, prediction: Prediction, classifier: Classifier) -> ScoredClip:
    """`exercise` is what it shows; 'none' is right where training knew that but was not to teach it."""
    truth = exercise if exercise in classifier.exercises else NONE
    label, confidence = classifier.decide_label(prediction)
    return ScoredClip(clip, group, truth, prediction, label, confidence, classifier.none_score(prediction))


def scores(scored: Sequence[ScoredClip], exercises: list[str]) -> dict[str, float]:
    """Accuracy and macro F1 of clips, with 95 % intervals, and of single frames; the calibration error; the numbers of
    clips and groups."""
    truth = np.array([clip.truth for clip in scored])
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
    rows = [(clip.clip.name, clip.truth, clip.predicted, clip.confidence) for clip in scored]
    return pd.DataFrame(rows, columns=["clip", "actual", "predicted", "confidence"])


def hashed_answers(scored: Sequence[ScoredClip]) -> pd.DataFrame:
    """One row a clip, without names: clip and group as `short_hash`, truth, answer, confidence. For comparisons of
    revisions clip by clip."""
    rows = [
        (short_hash(clip.clip.name), short_hash(clip.group), clip.truth, clip.predicted, clip.confidence)
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
