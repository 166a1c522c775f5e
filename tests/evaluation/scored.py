"""Scored clips with invented probabilities, of one's own and of the corpus, and evaluations of them."""

from pathlib import Path

import numpy as np

from fitness_tracker.clips.folder import NONE, Clip
from fitness_tracker.evaluation.evaluation import Evaluation
from fitness_tracker.evaluation.scored_clips import ScoredClip
from fitness_tracker.evaluation.scores import corpus_scores, own_scores
from fitness_tracker.models.classifier import Classifier, Prediction

EXERCISES = ["lunge", "squat", NONE]
THRESHOLD = 0.5
CHECKSUM = "ab" * 32
FAMILIES = {"squat": "squat", "lunge": "lunge"}


def scored(name: str, group: str, *frames: tuple[float, float, float], clear: bool = True) -> ScoredClip:
    """A clip of frames with these probabilities of `EXERCISES`; its own are their mean."""
    frames = np.array(frames, np.float32)
    mean = frames.mean(axis=0)
    none_score = 1 - float(mean[:-1].max())
    predicted = NONE if none_score > THRESHOLD else EXERCISES[mean[:-1].argmax()]
    clip, prediction = Clip(name, Path(name)), Prediction(frames, mean)
    confidence = float(mean.max())
    return ScoredClip(clip, group, clip.exercise, prediction, predicted, confidence, none_score, predicted, clear)


OWN = [
    scored("lunge/anna__1", "anna", (0.9, 0.1, 0.0)),
    scored("lunge/bob__1", "bob", (0.2, 0.8, 0.0)),  # taken for a squat
    scored("squat/anna__2", "anna", (0.2, 0.8, 0.0)),
    scored("squat/bob__2", "bob", (0.3, 0.6, 0.1)),
]
CORPUS = [
    scored("lunge/lunge/1", "a", (0.8, 0.1, 0.1)),
    scored("lunge/side_lunge/2", "b", (0.4, 0.3, 0.3)),  # too unsure: none
    scored("squat/squat/3", "c", (0.1, 0.9, 0.0)),
    scored("squat/squat/4", "d", (0.9, 0.1, 0.0), clear=False),  # wrong
    scored("none/crawl/5", "e", (0.1, 0.2, 0.7)),
    scored("none/none/6", "f", (0.6, 0.3, 0.1)),  # named, though nobody exercises
]


def evaluation_of(classifier: Classifier, corpus: list[ScoredClip], own: list[ScoredClip] = OWN) -> Evaluation:
    scores = own_scores(own, EXERCISES) | (corpus_scores(corpus, EXERCISES) if corpus else {})
    return Evaluation(classifier, CHECKSUM, own, corpus, scores, FAMILIES)
