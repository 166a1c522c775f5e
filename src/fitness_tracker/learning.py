"""What every training shares: how clips are used, random streams, class weights, temperature, progress, metrics."""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.metrics import accuracy_score, log_loss
from sklearn.utils.class_weight import compute_class_weight

from fitness_tracker.classifier import Classifier, ClipUsage, apply_temperature, short_hash
from fitness_tracker.clips.corpus import CorpusClip
from fitness_tracker.clips.folder import NONE, Clip, ClipsError, group_of
from fitness_tracker.clips.split import fold_clips
from fitness_tracker.params import Split
from fitness_tracker.processing.checkpointing import Checkpoint

UNSURE = 0.5  # the likeliest exercise is less likely than not

EpochCallback = Callable[[int, int, int, Mapping[str, float]], None]  # member, epoch (both from 1 on), epochs, logs


@dataclass(frozen=True)
class Trained:
    """A classifier, and metrics and history of its training."""

    classifier: Classifier
    metrics: dict[str, float]
    history: dict[str, list[float]]  # of each epoch, the members' mean
    checkpoints: list[Checkpoint]  # to be forgotten when all is saved


def random_stream(seed: int, *key: int) -> np.random.Generator:
    """A generator that is independent of those of all other keys.

    `default_rng((seed, 1))` and `default_rng((seed, 1, 0))` are one stream; spawn keys of another length are another.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def split_and_hash_clips(
    clips: Sequence[Clip], split: Split, corpus: Sequence[CorpusClip] = ()
) -> dict[str, ClipUsage]:
    """The fold and hashes of each clip, one's own and those of the corpus, by name.

    Raises `ClipsError` if the same frames are in two folds.
    """
    named = {clip.name: group_of(clip, split.group) for clip in clips}
    groups = {name: short_hash(group) for name, group in named.items()}
    names = {short_hash(group): group for group in named.values()}  # what is told is told by name
    folds = fold_clips(named | {clip.name: names.get(clip.group, clip.group) for clip in corpus}, split)
    usage = {clip.name: ClipUsage(folds[clip.name], clip.group, clip.sha256) for clip in corpus}
    first: dict[str, Clip] = {}
    for clip in clips:
        digest = hashlib.sha256(clip.path.read_bytes()).hexdigest()
        other = first.setdefault(digest, clip)
        if folds[other.name] != folds[clip.name]:
            raise ClipsError(
                f"{clip.name}: is the same video as {other.name}, which is in another fold; "
                "take one of them away, or give both the same group"
            )
        usage[clip.name] = ClipUsage(folds[clip.name], groups[clip.name], digest)
    return usage


def hash_names(usage: Mapping[str, ClipUsage]) -> dict[str, ClipUsage]:
    """The same by `short_hash` of the clips' names: a classifier that is passed on names nobody."""
    return {short_hash(name): used for name, used in usage.items()}


def class_weights(labels: np.ndarray) -> dict[int, float]:
    """Weights that make every class count the same in the loss."""
    present = np.unique(labels)
    weights = compute_class_weight("balanced", classes=present, y=labels)
    return {int(label): float(weight) for label, weight in zip(present, weights, strict=True)}


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
) -> tuple[float, float]:
    """Temperature and threshold of 'none', from what members said of clips whose groups they never saw.

    `probabilities` are of each clip (its windows or frames, K), `truth` (clips,) is the place among the `exercises` of
    what it shows. By the clips that show all of it (`clear`), each group counting the same. The threshold is 1, so that
    no clip is 'none', where that is not among the exercises.
    """
    some = np.flatnonzero(clear if clear.any() else np.ones_like(clear))
    temperature = fit_temperature([probabilities[n] for n in some], truth[some], group_weights(groups[some]))
    taught = np.array([name != NONE for name in exercises])
    named = some[taught[truth[some]]]
    if taught.all() or not len(named):
        return temperature, 1.0 if taught.all() else UNSURE
    best = [apply_temperature(probabilities[n], temperature).mean(axis=0)[taught].max() for n in named]
    return temperature, fit_none_threshold(1 - np.array(best), accepted, group_weights(groups[named]))


def part_metrics(part: str, probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """`<part>_accuracy` and `<part>_log_loss` of probabilities (N, K) of windows or frames with labels (N,).

    Keras' `loss` and `val_loss` in the history are another number: of networks while they train, smoothed and weighted.
    """
    classes = np.arange(probabilities.shape[1])
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True, dtype=np.float64)
    return {
        f"{part}_accuracy": float(accuracy_score(labels, probabilities.argmax(axis=1))),
        f"{part}_log_loss": float(log_loss(labels, probabilities, labels=classes)),
    }


def mean_history(histories: Sequence[Mapping[str, list[float]]]) -> dict[str, list[float]]:
    """Of each epoch, the mean of those members that had it."""
    epochs = max(len(history["loss"]) for history in histories)
    return {
        name: [float(np.mean([one[name][n] for one in histories if n < len(one[name])])) for n in range(epochs)]
        for name in histories[0]
    }


def log_epoch(member: int, epoch: int, epochs: int, logs: Mapping[str, float]) -> None:
    """Prints the progress line of an epoch."""
    train, validation = (f"loss {logs[p + 'loss']:.3f}, accuracy {logs[p + 'accuracy']:.3f}" for p in ("", "val_"))
    print(f"train: member {member}, epoch {epoch}/{epochs}: {train}; validation: {validation}", flush=True)
