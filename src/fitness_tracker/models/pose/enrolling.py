"""Fits the metric by which movements that nobody taught are told apart.

Its probability is fitted on pairs of clips that members never saw: of one movement that nobody taught, shown by two
groups, against pairs of two different movements.

Tried on the corpus, with no gain: a threshold for each movement, from its similarity to other clips (s-norm); whitening
by the variance within movements; fewer dimensions; the most similar clip or window in place of the mean.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fitness_tracker.models.calibration import Calibration
from fitness_tracker.models.classifier import apply_temperature
from fitness_tracker.models.graph import Outputs
from fitness_tracker.models.pose.dataset import PAIRS_FOLD, TrainingSet
from fitness_tracker.models.pose.metric import Metric, mean_vector, plain_metric, root, similarity, unit_length

SHRINKAGE = 0.3  # of the mean variance, added to the variance in all directions: from 0.1 to 1 it hardly matters
PRIOR = 0.1  # share of the clips that show the enrolled movement: it is enrolled by who does it
ADDED = 0.01  # share of the untaught clips that may get a name because a movement is enrolled
SLOPES = np.arange(4.0, 30.5, 0.5)  # that are tried
CEILINGS = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)  # likewise: some movements are just the same to a camera
NEAR = 0.1  # share of the pairs of different movements whose windows are looked at one by one
UNLIKE = 0.1  # share of the pairs of one movement that are called unlike
FEWEST = 5  # movements of several groups that it takes to calibrate by


@dataclass(frozen=True)
class Shown:
    """The clips that the probability is fitted on."""

    windows: Sequence[np.ndarray]  # of each clip, `Metric.vectors` (N, M, U)
    names: np.ndarray  # (clips,) of the movements
    groups: np.ndarray  # (clips,)
    unseen: np.ndarray  # (M, clips) bool: by which members a clip was never seen
    untaught: np.ndarray  # (clips,) bool: no member that has not seen the clip has seen its movement
    clear: np.ndarray  # (clips,) bool: it shows the whole movement
    named: np.ndarray  # (clips,) bool: it gets the name of a taught exercise, by a member that has not seen it


def fit_metric(
    outputs: Sequence[Outputs], training_set: TrainingSet, folds: Sequence[Sequence[int]], calibration: Calibration
) -> Metric:
    """From the `outputs` for the windows of each clip of the training set, of members that never saw their `folds`.

    Photo pairs whiten, and calibrate nothing.
    Enrolling a movement from one clip gives a name to at most `ADDED` of the untaught clips that have none.
    """
    seen = np.stack([training_set.seen_by(of_member) for of_member in folds])
    unseen = ~seen & (training_set.folds != PAIRS_FOLD)
    embeddings = [output.embedding for output in outputs]
    metric = fit_whitening(embeddings, seen)
    bar = min(max(1 - calibration.none_threshold, 0.05), 0.95)  # from which a clip gets a name
    best = [taught_probability(output, unseen[:, clip], calibration) for clip, output in enumerate(outputs)]
    shown = Shown(
        [metric.vectors(embedding) for embedding in embeddings], training_set.names, training_set.data.groups, unseen,
        training_set.untaught, training_set.clear, np.array(best) >= bar,
    )  # fmt: skip
    return calibrate_metric(metric, shown, bar)


def taught_probability(output: Outputs, members: np.ndarray, calibration: Calibration) -> float:
    """That of a clip's likeliest exercise, by the `members` (M,) bool; 0 if there is none."""
    chosen = output.probabilities[:, members]
    means = apply_temperature(chosen, calibration.temperature).mean(axis=(0, 1)) if members.any() else np.zeros(2)
    return float(means[:-1].max())


def fit_whitening(embeddings: Sequence[np.ndarray], seen: np.ndarray) -> Metric:
    """By the clips that each member has `seen` (M, clips) bool. As it is kept: in float16."""
    rooted = np.stack([root(embedding.mean(axis=0)) for embedding in embeddings]).astype(np.float64)  # (clips, M, U)
    parts = [whiten(rooted[mask, member]) for member, mask in enumerate(seen)]
    mean, whitening = map(np.stack, zip(*parts, strict=True))
    plain = plain_metric(*mean.shape)
    return replace(plain, mean=mean.astype(np.float32), whitening=whitening.astype(np.float16).astype(np.float32))


def calibrate_metric(metric: Metric, shown: Shown, bar: float) -> Metric:
    """The same as it is if too few movements are shown; `bar` is the probability from which a clip gets a name."""
    pairs = find_pairs(shown)
    if len(set(shown.names[pairs.enrolled[pairs.same]])) < FEWEST or not pairs.adds.any():
        return metric
    metric = fit_probability(metric, pairs, bar)
    alike = weighted_quantile(pairs.similarity[pairs.same], pairs.weights[pairs.same], UNLIKE)
    middle = fit_middle(metric, pairs, shown, bar)
    return replace(metric, middle=round(middle, 3), alike=round(alike, 3))


def fit_probability(metric: Metric, pairs: "Pairs", bar: float) -> Metric:
    """The same with the slope and ceiling of the least log loss, among those that let as many clips pass."""
    passes = weighted_quantile(pairs.similarity[pairs.adds], pairs.weights[pairs.adds], 1 - ADDED / pairs.share_adding)
    shares = np.where(pairs.same, PRIOR, 1 - PRIOR) * pairs.weights
    tried = [
        replace(metric, slope=slope, ceiling=ceiling, middle=passes - math.log(bar / (ceiling - bar)) / slope)
        for slope in SLOPES.tolist() for ceiling in CEILINGS if ceiling > (1 + bar) / 2  # timelines ask for more
    ]  # fmt: skip
    losses = [log_loss(one.probability(pairs.similarity), pairs.same, shares) for one in tried]
    return tried[int(np.argmin(losses))]


def whiten(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (N, U) to their mean (U,) and a lower triangular matrix (U, U) that whitens them, from the right.

    Any root of the inverse covariance gives the same cosines; a triangular one is half as large.
    """
    mean = values.mean(axis=0)
    centred = values - mean
    covariance = centred.T @ centred / len(values)
    floor = SHRINKAGE * np.trace(covariance) / len(mean) + 1e-6
    return mean, np.linalg.cholesky(np.linalg.inv(covariance + floor * np.eye(len(mean))))


@dataclass(frozen=True)
class Pairs:
    """P pairs of clips of two groups that a member never saw: one as if enrolled, and one that is asked about."""

    enrolled: np.ndarray  # (P,) number of the clip
    asked: np.ndarray  # (P,)
    same: np.ndarray  # (P,) bool: both show the same movement
    adds: np.ndarray  # (P,) bool: they do not, and what is asked about is untaught and has no name so far
    similarity: np.ndarray  # (P,) of the means of their windows
    weights: np.ndarray  # (P,) all enrolled movements count the same; those of `same` pairs, and of others, sum to 1
    share_adding: float  # share of `adds` among the pairs of two movements with an untaught clip asked about


def find_pairs(shown: Shown) -> Pairs:
    """Enrolled are clips of movements that no member knows which has not seen the clip, and that show all of it."""
    means = np.stack([of_clip.mean(axis=0) for of_clip in shown.windows])  # (clips, M, U)
    rows = np.flatnonzero(shown.untaught & shown.clear)
    total = np.zeros((len(rows), len(means)), np.float32)
    shared = np.zeros_like(total)  # how many members saw neither
    for member, mask in enumerate(shown.unseen):
        both = mask[rows, None] & mask
        total += both * (unit_length(means[rows, member]) @ means[:, member].T)
        shared += both
    alike = shown.names[rows, None] == shown.names
    compared = (shared > 0) & (shown.groups[rows, None] != shown.groups) & (~alike | shown.clear)
    row, asked = np.nonzero(compared)
    same, untaught = alike[row, asked], shown.untaught[asked]
    weights = even_weights(shown.names[rows[row]], same)
    adds = ~same & untaught & ~shown.named[asked]
    share = float(weights[adds].sum() / max(weights[~same & untaught].sum(), 1e-9))
    return Pairs(rows[row], asked, same, adds, (total / np.maximum(shared, 1))[row, asked], weights, share)


def even_weights(names: np.ndarray, same: np.ndarray) -> np.ndarray:
    weights = np.zeros(len(same))
    for kind in (same, ~same):
        _, place, count = np.unique(names[kind], return_inverse=True, return_counts=True)
        weights[kind] = 1 / count[place] / len(count)
    return weights


def weighted_quantile(values: np.ndarray, weights: np.ndarray, level: float) -> float:
    return float(np.quantile(values, max(level, 0.0), method="inverted_cdf", weights=weights))


def log_loss(probabilities: np.ndarray, same: np.ndarray, weights: np.ndarray) -> float:
    likely = np.clip(probabilities, 1e-9, 1 - 1e-9)
    return -float(np.average(np.log(np.where(same, likely, 1 - likely)), weights=weights))


def fit_middle(metric: Metric, pairs: Pairs, shown: Shown, bar: float) -> float:
    """The least `middle` at which at most `ADDED` of the untaught clips get a name by another movement's clip.

    A clip's probability is the mean over its windows, so the nearest pairs are looked at window by window.
    """
    adding = np.flatnonzero(pairs.adds)
    near = adding[np.argsort(-pairs.similarity[adding], kind="stable")[: math.ceil(NEAR * len(adding))]]
    cosines = []
    for enrolled, asked in zip(pairs.enrolled[near], pairs.asked[near], strict=True):
        members = shown.unseen[:, enrolled] & shown.unseen[:, asked]
        cosines.append(
            similarity(shown.windows[asked][:, members], mean_vector(shown.windows[enrolled])[None, members])[:, 0]
        )
    lengths, values = np.array([len(of_clip) for of_clip in cosines]), np.concatenate(cosines)
    first, all_adding = np.cumsum(lengths) - lengths, pairs.weights[adding].sum()
    low, high = -1.0, 2.0
    for _ in range(20):
        middle = (low + high) / 2
        named = np.add.reduceat(replace(metric, middle=middle).probability(values), first) / lengths >= bar
        added = pairs.weights[near][named].sum() / all_adding * pairs.share_adding
        low, high = (middle, high) if added > ADDED else (low, middle)
    return high
