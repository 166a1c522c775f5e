"""What every training shares: how clips are used, random streams, class weights, progress, metrics."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import accuracy_score, log_loss
from sklearn.utils.class_weight import compute_class_weight

from fitness_tracker.clips.folder import Clip, ClipsError, group_of
from fitness_tracker.clips.split import fold_clips
from fitness_tracker.core.params import Split
from fitness_tracker.corpus.catalog import CorpusClip
from fitness_tracker.models.checkpoint import Checkpoint
from fitness_tracker.models.classifier import Classifier, ClipUsage, short_hash

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
