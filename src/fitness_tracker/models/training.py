"""What every training shares: how clips are used, random streams, class weights, progress, metrics."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, log_loss
from sklearn.utils.class_weight import compute_class_weight
from tqdm import tqdm

from fitness_tracker.clips.folder import Clip, ClipsError, group_of
from fitness_tracker.clips.split import fold_clips
from fitness_tracker.core.errors import printable
from fitness_tracker.core.params import Params, Split
from fitness_tracker.corpus.catalog import CorpusClip, all_groups
from fitness_tracker.corpus.pairs import PhotoPair, read_pairs
from fitness_tracker.corpus.teaching import corpus_to_teach
from fitness_tracker.models.calibration import Calibration
from fitness_tracker.models.checkpoint import Checkpoint
from fitness_tracker.models.classifier import Classifier, ClipUsage, short_hash
from fitness_tracker.models.processes import Tick
from fitness_tracker.models.tensorflow_setup import keras


@dataclass(frozen=True)
class TrainingData:
    """What a classifier learns from."""

    clips: Sequence[Clip]  # one's own, by their zips of frames
    inputs: Mapping[str, Path]  # clip name -> the file of it that this kind of model reads
    usage: Mapping[str, ClipUsage]  # name -> fold, group and hash of each clip, those of the corpus included
    pose_networks: Mapping[str, bytes]  # BlazePose's two, which a classifier of poses takes along
    corpus: Sequence[CorpusClip] = ()  # a kind that reads frames leaves it out, for it has none
    pairs: Sequence[PhotoPair] = ()  # likewise; what they show teaches, and is never held out


class FittedMember(NamedTuple):
    """A member's network as it crosses processes."""

    weights: list[np.ndarray]
    history: dict[str, list[float]]


@dataclass(frozen=True)
class Trained:
    """A classifier, and metrics and history of its training."""

    classifier: Classifier
    metrics: dict[str, float]
    history: dict[str, list[float]]  # of each epoch, the members' mean
    checkpoints: Sequence[Checkpoint]  # to be forgotten when all is saved


def prepare_data(
    clips: Sequence[Clip],
    inputs: Mapping[str, Path],
    corpus: Path | None,
    pose_networks: Mapping[str, bytes],
    split: Split,
) -> TrainingData:
    """What to learn from; `corpus` is its folder, if it is learnt from. Prints what `corpus_to_teach` tells.

    Raises `ClipsError` if the clips cannot be split, `UserError` if a file of the corpus is damaged.
    """
    taught = (
        corpus_to_teach(corpus, inputs, lambda line: print(f"train: {printable(line)}", flush=True)) if corpus else []
    )
    pairs = read_pairs(corpus, {clip.exercise for clip in clips}) if corpus else []
    return TrainingData(clips, inputs, split_and_hash_clips(clips, split, taught), pose_networks, taught, pairs)


def common_fields(data: TrainingData, params: Params, exercises: list[str], calibration: Calibration) -> dict[str, Any]:
    """The fields that classifiers of all kinds share, by name."""
    return {
        "exercises": exercises,
        "fit": params.resize.fit,
        "fps": params.extract.fps,
        "group": params.split.group,
        "usage": hash_names(data.usage),
        "held": params.held,
        "params": deciding_params(params),
        **calibration._asdict(),
    }


def training_params(params: Params) -> dict[str, Any]:
    """Those of `deciding_params` that a member's training reads: a checkpoint is of them."""
    found, model = deciding_params(params), params.train.model
    unread = ("none", "held") if model == "pose" else ("none", "held", "corpus", "exercises")
    members = {model: {name: value for name, value in found[model].items() if name != "members"}}
    return {name: value for name, value in (found | members).items() if name not in unread}


def deciding_params(params: Params) -> dict[str, Any]:
    """Those that decide about a classifier, as in params.yaml."""
    kind = ("pose", "pose_augmentation") if params.train.model == "pose" else ("cnn", "frame_augmentation")
    groups = {name: asdict(getattr(params, name)) for name in ("resize", "extract", "split", "train", "none", *kind)}
    return {**groups, "corpus": params.corpus, "exercises": params.exercises, "held": params.held}


def summarise(
    classifier: Classifier,
    fitted: Sequence[FittedMember],
    metrics: Sequence[Mapping[str, float]],
    checkpoints: Sequence[Checkpoint],
) -> Trained:
    """Metrics and history are the members' means."""
    means = {name: float(np.mean([one[name] for one in metrics])) for name in metrics[0]}
    history = mean_history([one.history for one in fitted])
    return Trained(classifier, {**means, "epochs": len(history["loss"])}, history, checkpoints)


def member_metrics(
    probabilities: np.ndarray, labels: np.ndarray, train: Sequence[np.ndarray], val: Sequence[np.ndarray]
) -> list[dict[str, float]]:
    """Of each member the metrics of what it learnt from and of what was held out: `part_metrics`.

    `probabilities` (N, M, K) and `labels` (N,) are of windows or frames, `train` and `val` each member's masks or rows.
    """
    return [
        part_metrics("train", probabilities[learnt, member], labels[learnt])
        | part_metrics("val", probabilities[held_out, member], labels[held_out])
        for member, (learnt, held_out) in enumerate(zip(train, val, strict=True))
    ]


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
    groups = {clip.name: group_of(clip, split.group) for clip in clips}
    folds = fold_clips(all_groups(groups, corpus), split)
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
        usage[clip.name] = ClipUsage(folds[clip.name], short_hash(groups[clip.name]), digest)
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


def write_history(history: Mapping[str, list[float]], path: Path) -> None:
    """One row an epoch."""
    epochs = pd.RangeIndex(1, len(history["loss"]) + 1, name="epoch")
    pd.DataFrame({name: history[name] for name in sorted(history)}, index=epochs).to_csv(path, float_format="%.4f")


def epoch_bar(members: int, epochs: int) -> tqdm:
    """The progress of a training, on a terminal: one bar for all members; one that stops early does not fill it."""
    return tqdm(desc="train", total=members * epochs, unit="epoch", disable=None)


def tick_callback(tick: Tick) -> keras.callbacks.Callback:
    """What calls `tick` after each epoch."""
    return keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: tick())
