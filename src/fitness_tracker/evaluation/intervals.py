"""How sure a score is: 95 % bootstrap intervals over groups, of one classifier and of the difference of two.

Clips of one group (a person, a shoot) are right or wrong together, so whole groups are resampled, not clips: the
cluster bootstrap (Field and Welsh 2007, "Bootstrapping clustered data"), with percentiles. Truth, answers and groups
are sequences of names, one a clip, (N,); an answer may be no exercise at all, like 'none'. Where fewer than two
groups stand behind a number, its interval is the whole range that it can have: one group says nothing about others.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

RESAMPLES = 2000
LEVEL = 0.95
TINY = 1e-12  # weight of a clip that a resample does not hold, so that a class never vanishes
BLOCK = 100  # resamples drawn at once: 8 MB of weights for 10,000 groups

Names = Sequence[str] | np.ndarray
Interval = tuple[float, float]


def macro_f1(truth: Names, answer: Names) -> float:
    """The unweighted mean of the F1 of every exercise that `truth` holds; in [0, 1].

    An answer that `truth` holds nowhere is a miss, but has no F1 of its own.
    """
    return float(f1_of_counts(counts_by_group(truth, answer, np.zeros(len(truth))).sum(axis=0)).mean())


def f1_interval(truth: Names, answer: Names, groups: Names, seed: int = 0) -> Interval:
    """Of macro F1. A resample's mean is over the exercises that the resample holds."""
    values = np.nanmean(resampled_f1(truth, answer, groups, seed), axis=1)
    return percentiles(values, len(set(groups)), (0.0, 1.0))


def f1_difference_interval(truth: Names, answer_a: Names, answer_b: Names, groups: Names, seed: int = 0) -> Interval:
    """Of macro F1 of `answer_b` less that of `answer_a`, paired: each resample scores both on the same clips.

    The two differ by more than noise if 0 lies outside.
    """
    old, new = (np.nanmean(resampled_f1(truth, answer, groups, seed), axis=1) for answer in (answer_a, answer_b))
    return percentiles(new - old, len(set(groups)), (-1.0, 1.0))


def accuracy_interval(truth: Names, answer: Names, groups: Names, seed: int = 0) -> Interval:
    """Of the share of clips whose answer is right."""
    sums = resample(counts_by_group(truth, answer, groups), seed)  # (RESAMPLES, 3, exercises)
    return percentiles(sums[:, 0].sum(axis=1) / sums[:, 1].sum(axis=1), len(set(groups)), (0.0, 1.0))


def weighted_interval(groups: Names, statistic: Callable[[np.ndarray], float], seed: int = 0) -> tuple[float, Interval]:
    """Any statistic of clips, given weights (N,), and its interval."""
    members, place = np.unique(groups, return_inverse=True)
    rng, even = np.random.default_rng(seed), np.full(len(members), 1 / len(members))
    values = [statistic(rng.multinomial(len(members), even)[place] + TINY) for _ in range(RESAMPLES)]
    return float(statistic(np.ones(len(place)))), percentiles(np.array(values), len(members), (0.0, 1.0))


def f1_by_exercise(truth: Names, answer: Names, groups: Names, seed: int = 0) -> pd.DataFrame:
    """One row an exercise of `truth`, sorted: exercise, f1, low, high, clips, groups (that show it)."""
    counts = counts_by_group(truth, answer, groups)
    return by_exercise(
        truth, groups, f1_of_counts(counts.sum(axis=0)), resampled_f1(truth, answer, groups, seed), (0.0, 1.0)
    )


def f1_differences_by_exercise(
    truth: Names, answer_a: Names, answer_b: Names, groups: Names, seed: int = 0
) -> pd.DataFrame:
    """Like `f1_by_exercise`, of the F1 of `answer_b` less that of `answer_a`, paired."""
    old, new = (f1_of_counts(counts_by_group(truth, answer, groups).sum(axis=0)) for answer in (answer_a, answer_b))
    resampled = resampled_f1(truth, answer_b, groups, seed) - resampled_f1(truth, answer_a, groups, seed)
    return by_exercise(truth, groups, new - old, resampled, (-1.0, 1.0))


def effective_groups(groups: Names) -> float:
    """How many groups of one size would say as much: (Σn)² / Σn² over the numbers n of their clips (Kish 1965)."""
    sizes = np.unique(groups, return_counts=True)[1]
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def counts_by_group(truth: Names, answer: Names, groups: Names) -> np.ndarray:
    """(groups, 3, exercises) int64, both sorted by name: true positives, clips that show it, clips that are named so.

    Raises `ValueError` if there are no clips, or not one answer and group for each.
    """
    if not 0 < len(truth) == len(answer) == len(groups):
        raise ValueError(f"{len(truth)} clips, {len(answer)} answers, {len(groups)} groups")
    exercises = np.unique(truth)
    shows, named = (np.asarray(names)[:, np.newaxis] == exercises for names in (truth, answer))
    names, group = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), 3, len(exercises)), np.int64)
    np.add.at(counts, group, np.stack([shows & named, shows, named], axis=1))
    return counts


def f1_of_counts(counts: np.ndarray) -> np.ndarray:
    """(…, exercises) float64 F1 of counts (…, 3, exercises); NaN for an exercise that no clip shows."""
    right, shown, named = np.moveaxis(counts, -2, 0)
    return np.where(shown > 0, 2 * right / np.maximum(shown + named, 1), np.nan)


def resample(counts: np.ndarray, seed: int) -> np.ndarray:
    """(RESAMPLES, …) int64: sums of counts (groups, …) over as many groups, drawn with replacement."""
    rng = np.random.default_rng(seed)
    number = len(counts)
    flat = counts.reshape(number, -1).astype(np.float64)  # float64 products run in BLAS, and are exact below 2**53
    even = np.full(number, 1 / number)
    sums = [rng.multinomial(number, even, BLOCK).astype(np.float64) @ flat for _ in range(RESAMPLES // BLOCK)]
    return np.concatenate(sums).astype(np.int64).reshape(RESAMPLES, *counts.shape[1:])


def resampled_f1(truth: Names, answer: Names, groups: Names, seed: int) -> np.ndarray:
    """(RESAMPLES, exercises) float64; NaN where a resample does not hold an exercise. A seed draws the same groups."""
    return f1_of_counts(resample(counts_by_group(truth, answer, groups), seed))


def percentiles(values: np.ndarray, groups: int, whole: Interval) -> Interval:
    if groups < 2:
        return whole
    low, high = np.nanquantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def by_exercise(truth: Names, groups: Names, f1: np.ndarray, resampled: np.ndarray, whole: Interval) -> pd.DataFrame:
    shown = pd.DataFrame({"exercise": truth, "group": groups}).groupby("exercise")["group"].agg(["size", "nunique"])
    rows = [
        (name, value, *percentiles(column, in_groups, whole), clips, in_groups)
        for (name, clips, in_groups), value, column in zip(shown.itertuples(), f1, resampled.T, strict=True)
    ]
    return pd.DataFrame(rows, columns=["exercise", "f1", "low", "high", "clips", "groups"])
