"""Temperature and threshold of 'none': confidence that matches accuracy, on clips that the members never saw."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from fitness_tracker.clips.folder import NONE
from fitness_tracker.models.classifier import apply_temperature

UNSURE = 0.5  # the likeliest exercise is less likely than not


class Calibration(NamedTuple):
    """What is fitted on clips that were held out."""

    temperature: float  # probabilities are raised to 1/temperature
    none_threshold: float  # the answer is 'none' where its score is above; 1: never


def fit_temperature(
    probabilities: Sequence[np.ndarray], labels: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """The temperature that minimises the negative log likelihood of the labels (clips,) of clips, whose probabilities
    are the means over their rows (N, K); clips weigh `weights` (clips,), or all the same.

    Guo et al. (2017), "On Calibration of Modern Neural Networks", section 4.2. A few clips, all classified correctly,
    would make it 0; so their labels are smoothed to (n + 1) / (n + 2), as in Platt (1999), "Probabilistic Outputs for
    Support Vector Machines", section 2.2.
    """
    right = (len(labels) + 1) / (len(labels) + 2)

    def loss(logarithm: float) -> float:
        means = np.stack([apply_temperature(rows, np.exp(logarithm)).mean(axis=0) for rows in probabilities])
        sure = np.clip(means[np.arange(len(labels)), labels].astype(np.float64), 1e-9, 1 - 1e-9)  # 1e-9 is float64's
        return -float(np.average(right * np.log(sure) + (1 - right) * np.log(1 - sure), weights=weights))

    best = minimize_scalar(loss, bounds=(np.log(0.25), np.log(10)), method="bounded")
    return float(round(np.exp(best.x), 4))


def group_weights(groups: np.ndarray) -> np.ndarray:
    """Weights (N,) with which all groups (N,) count the same."""
    _, place, count = np.unique(groups, return_inverse=True, return_counts=True)
    return 1 / count[place]


def fit_none_threshold(none_scores: np.ndarray, accepted: float, weights: np.ndarray) -> float:
    """The score of 'none' above which clips are called so, from the scores (clips,) of taught clips that were held out.

    The clip of a group that is new lies above in at most 1 - `accepted` of the cases: the quantile of split conformal
    prediction (Angelopoulos and Bates 2021, "A Gentle Introduction to Conformal Prediction", section 1), for groups;
    their clips' `weights` (clips,) sum to 1. `UNSURE` where there are too few of them for it.
    """
    if accepted == 1:
        return 1.0
    groups = weights.sum()
    level = accepted * (groups + 1) / groups
    if level > 1:
        return UNSURE
    threshold = np.quantile(none_scores, level, method="inverted_cdf", weights=weights)
    return math.ceil(threshold * 10_000) / 10_000


def calibrate(
    probabilities: Sequence[np.ndarray],
    exercises: Sequence[str],
    truth: np.ndarray,
    groups: np.ndarray,
    clear: np.ndarray,
    accepted: float,
) -> Calibration:
    """From the predictions of members for clips whose groups they never saw.

    `probabilities` are of each clip (its windows or frames, K), `truth` (clips,) is the place among the `exercises` of
    what it shows. By the clips that show all of it (`clear`), each group counting the same. The threshold is 1, so that
    no clip is 'none', where that is not among the exercises.
    """
    some = np.flatnonzero(clear if clear.any() else np.ones_like(clear))
    temperature = fit_temperature([probabilities[n] for n in some], truth[some], group_weights(groups[some]))
    taught = np.array([name != NONE for name in exercises])
    named = some[taught[truth[some]]]
    if taught.all() or not len(named):
        return Calibration(temperature, 1.0 if taught.all() else UNSURE)
    best = [apply_temperature(probabilities[n], temperature).mean(axis=0)[taught].max() for n in named]
    threshold = fit_none_threshold(1 - np.array(best), accepted, group_weights(groups[named]))
    return Calibration(temperature, threshold)
