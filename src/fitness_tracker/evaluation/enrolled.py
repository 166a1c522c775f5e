"""How well movements that nobody taught are found once one clip of each is enrolled, by members that never saw them."""

from collections.abc import Sequence

import numpy as np

from fitness_tracker.clips.folder import NONE, short_hash
from fitness_tracker.corpus.catalog import CorpusClip
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.evaluation.intervals import weighted_interval
from fitness_tracker.models.pose.classifier import PoseClassifier, ask
from fitness_tracker.models.pose.features import cut_windows, tracks_from_landmarks
from fitness_tracker.models.pose.metric import unit_length

PASSING = 0.02  # share of the clips of other movements


def enrolled_scores(corpus: Sequence[CorpusClip], classifier: PoseClassifier) -> dict[str, float]:
    """Each clip of an untaught label is enrolled in turn; asked about are the clips of other groups.

    `enrolled_auroc`: how well clips of the same label score above others; `enrolled_recall`: the share of them that
    scores above all others but `PASSING`. Labels count the same; intervals are over the groups that are asked about.
    `enrolled_movements` is the number of labels. Nothing where no label is shown by two groups.
    """
    clips = [clip for clip in corpus if short_hash(clip.name) in classifier.usage]
    unseen = find_unseen(clips, classifier)
    clear = np.array([clip.visibility == "clear" for clip in clips], bool)
    unseen, clips = unseen[:, clear], [clip for clip in clips if clip.visibility == "clear"]
    labels, groups = np.array([clip.label for clip in clips]), np.array([clip.group for clip in clips])
    means = np.array([window_vectors(clip, classifier).mean(axis=0) for clip in clips])  # (clips, M, U)
    found: list[tuple[str, str, float]] = []
    for enrolled in np.flatnonzero([is_untaught(clip, classifier) for clip in clips]):
        members = unseen & unseen[:, enrolled, None]  # (M, clips): by whom a clip may be compared with the enrolled one
        asked = members.any(axis=0) & (groups != groups[enrolled])
        alike = (members * np.einsum("cmu,mu->mc", means, unit_length(means[enrolled]))).sum(axis=0)
        alike /= np.maximum(members.sum(axis=0), 1)
        same = labels == labels[enrolled]
        others = np.sort(alike[asked & ~same])
        for clip in np.flatnonzero(asked & same) if len(others) else ():
            passing = 1 - np.searchsorted(others, alike[clip]) / len(others)
            found.append((labels[clip], groups[clip], passing))
    if not found:
        return {}
    names, asked_groups, shares = (np.array(column) for column in zip(*found, strict=True))
    _, place, count = np.unique(names, return_inverse=True, return_counts=True)
    scores: dict[str, float] = {"enrolled_movements": len(count)}
    for name, values in (("auroc", 1 - shares), ("recall", shares <= PASSING)):

        def mean(weights: np.ndarray, values: np.ndarray = values) -> float:
            return float(np.average(values, weights=weights / count[place]))

        value, (low, high) = weighted_interval(asked_groups, mean)
        scores |= {f"enrolled_{name}": value, f"enrolled_{name}_low": low, f"enrolled_{name}_high": high}
    return scores


def is_untaught(clip: CorpusClip, classifier: PoseClassifier) -> bool:
    return clip.label != NONE and (clip.exercise == NONE or clip.exercise not in classifier.exercises)


def find_unseen(clips: Sequence[CorpusClip], classifier: PoseClassifier) -> np.ndarray:
    """(M, clips) bool: which clips a member never saw: those of its folds, and all of untaught labels that are shown
    there, whoever shows them."""
    folds = np.array([classifier.usage[short_hash(clip.name)].fold for clip in clips])
    labels = np.array([clip.label for clip in clips])
    untaught = np.array([is_untaught(clip, classifier) for clip in clips], bool)
    rows = []
    for of_member in classifier.folds:
        held_out = np.isin(folds, of_member)
        rows.append(held_out | (untaught & np.isin(labels, labels[untaught & held_out])))
    return np.array(rows)


def window_vectors(clip: CorpusClip, classifier: PoseClassifier) -> np.ndarray:
    """(N, M, U) float32: those of the metric, for a clip's windows."""
    windows = cut_windows(tracks_from_landmarks(read_corpus_landmarks(clip.path)), classifier.window)
    return np.concatenate([classifier.metric.vectors(ask(classifier.graph, part).embedding) for part in windows])
