"""Out-of-fold predictions: clips are scored by the members of a classifier that never saw them, or refused."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fitness_tracker.answering.answer import answer_prediction
from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.clips.folder import NONE, Clip, ClipsError, group_of, short_hash
from fitness_tracker.corpus.catalog import CorpusClip
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.models.classifier import Classifier, Prediction


@dataclass(frozen=True)
class ScoredClip:
    """The classifier's prediction for a clip whose exercise is known."""

    clip: Clip
    group: str
    truth: str  # the exercise that it shows; 'none' if it is untaught
    prediction: Prediction
    predicted: str  # an exercise, or 'none': what the network alone says
    confidence: float
    none_score: float
    answer: str  # the exercise of the answer that people get, or 'none': what moves and what is held decide, too
    clear: bool = True  # False for clips of the corpus that show their exercise only partly

    @property
    def taught(self) -> bool:
        return self.truth != NONE


def columns(scored: Sequence[ScoredClip]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N,) names each: truth, predicted, group."""
    truth, predicted, groups = zip(*((one.truth, one.predicted, one.group) for one in scored), strict=True)
    return np.array(truth), np.array(predicted), np.array(groups)


def confidences(scored: Sequence[ScoredClip]) -> tuple[np.ndarray, np.ndarray]:
    """(N,) float64 confidence, and (N,) bool whether the prediction is right."""
    return np.array([one.confidence for one in scored]), np.array([one.truth == one.predicted for one in scored])


def unseeing_members(clips: Sequence[Clip], classifier: Classifier) -> dict[str, list[int]]:
    """Clip name to the numbers of the members whose training saw neither the clip nor its group.

    Clips of folds that every member saw are left out. Raises `ClipsError` if such a clip was not in training under its
    name (a copy, another clip of a group that all have seen), if a clip shows an exercise that the classifier was not
    taught, or if none is left.
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
    """The clips that some member never saw; `inputs`: clip name to the file that the classifier reads for it.

    Raises `ClipsError` like `unseeing_members`, and if a clip is missing in `inputs`.
    """
    scored = []
    members = unseeing_members(clips, classifier)
    for clip in (clip for clip in clips if clip.name in members):
        if clip.name not in inputs:
            raise ClipsError(f"{clip.path}: its landmarks are missing; run the landmarks stage again")
        prediction = classifier.predict_file(inputs[clip.name], members[clip.name])
        scored.append(score_clip(clip, group_of(clip, classifier.group), prediction, classifier))
    return scored


def score_corpus(
    corpus: Sequence[CorpusClip], classifier: Classifier, seconds: float | None = None
) -> list[ScoredClip]:
    """The clips of the corpus that training knew; if `seconds` are given, that much from the middle of each.

    Each is scored by the members that saw neither its group nor, where it is untaught, anybody who shows the same.
    Raises `ClipsError` if there is a corpus and training knew none of it.
    """
    scored = []
    for clip in corpus:
        used = classifier.usage.get(short_hash(clip.name))
        members = [n for n, unseen in enumerate(classifier.unseen_folds) if used and used.fold in unseen]
        if members:
            landmarks = read_corpus_landmarks(clip.path)
            if seconds is not None:
                landmarks = middle_part(landmarks, round(seconds * classifier.fps))
            prediction = classifier.predict_landmarks(landmarks, members)  # type: ignore[attr-defined]
            clear = clip.visibility == "clear"
            scored.append(score_clip(Clip(clip.name, clip.path), clip.group, prediction, classifier, clear))
    if corpus and not scored:
        raise ClipsError("the classifier was not trained on this corpus; run the train stage again")
    return scored


def middle_part(landmarks: Landmarks, frames: int) -> Landmarks:
    """So many frames from the middle, or the one there; all, if that is fewer."""
    frames = min(max(frames, 1), len(landmarks))
    start = (len(landmarks) - frames) // 2
    return landmarks[start : start + frames]


def score_clip(
    clip: Clip, group: str, prediction: Prediction, classifier: Classifier, clear: bool = True
) -> ScoredClip:
    """'none' is right where training knew the clip's exercise but was not to teach it."""
    truth = clip.exercise if clip.exercise in classifier.exercises else NONE
    predicted, confidence = classifier.decide_label(prediction)
    none_score, answer = classifier.none_score(prediction), answer_prediction(prediction, classifier).exercise
    return ScoredClip(clip, group, truth, prediction, predicted, confidence, none_score, answer, clear)
