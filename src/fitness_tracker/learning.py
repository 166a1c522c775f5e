"""The networks, and the bundle in which a trained one is kept."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.utils.class_weight import compute_class_weight

from fitness_tracker import params
from fitness_tracker.classifier import Classifier, ClipUsage, apply_temperature
from fitness_tracker.clips.folder import Clip, ClipsError, group_of
from fitness_tracker.clips.split import split_clips
from fitness_tracker.processing.checkpointing import Checkpoint


@dataclass(frozen=True)
class Trained:
    """A classifier and how it came about."""

    classifier: Classifier
    metrics: dict[str, float]
    history: dict[str, list[float]]  # of each epoch
    checkpoint: Checkpoint  # to be forgotten when all is saved


def split_and_hash_clips(clips: Sequence[Clip], split: params.Split) -> dict[str, ClipUsage]:
    """How each clip is used. Raises `ClipsError` if the same frames would be both learnt from and tested on."""
    used: dict[str, ClipUsage] = {}
    first: dict[str, Clip] = {}
    parts = split_clips(clips, split)
    for clip in clips:
        digest = hashlib.sha256(clip.path.read_bytes()).hexdigest()
        other = first.setdefault(digest, clip)
        if parts[other.name] != parts[clip.name]:
            raise ClipsError(
                f"{clip.name}: is the same video as {other.name}, which is in another part of the split; "
                "take one of them away, or give both the same group"
            )
        used[clip.name] = ClipUsage(parts[clip.name], group_of(clip, split.group), digest)
    return used


def preprocessing_fields(split: dict[str, ClipUsage], settings: params.Params) -> dict[str, Any]:
    """What every classifier keeps of the parameters that it was made with."""
    return {
        "split": split, "fit": settings.resize.fit, "fps": settings.extract.fps, "group": settings.split.group,
    }  # fmt: skip


def training_metrics(
    learnt: dict[str, float], checked: dict[str, float], history: dict[str, list[float]]
) -> dict[str, float]:
    """The metrics of a training from the scores on what was learnt from and on the validation part."""
    parts = {"train": learnt, "val": checked}
    scores = {f"{part}_{name}": value for part, found in parts.items() for name, value in found.items()}
    return {**scores, "epochs": len(history["loss"])}


def fit_temperature(said: Sequence[np.ndarray], labels: np.ndarray) -> float:
    """The temperature at which clips, each the mean over its rows (N, K) of probabilities, are as sure as they are
    right: the one with the least negative log likelihood of their labels (clips,).

    Guo et al. (2017), "On Calibration of Modern Neural Networks", section 4.2. A few clips that are all right would
    make it 0; so they count as right to (n + 1) / (n + 2) only, as in Platt (1999), "Probabilistic Outputs for Support
    Vector Machines", section 2.2.
    """
    right = (len(labels) + 1) / (len(labels) + 2)

    def loss(logarithm: float) -> float:
        means = np.stack([apply_temperature(rows, np.exp(logarithm)).mean(axis=0) for rows in said])
        sure = np.clip(means[np.arange(len(labels)), labels], 1e-9, 1 - 1e-9)
        return -float((right * np.log(sure) + (1 - right) * np.log(1 - sure)).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.25), np.log(10)), method="bounded")
    return float(round(np.exp(found.x), 4))


def class_weights(labels: np.ndarray) -> dict[int, float]:
    """Weights that make every class count the same in the loss."""
    present = np.unique(labels)
    weights = compute_class_weight("balanced", classes=present, y=labels)
    return {int(label): float(weight) for label, weight in zip(present, weights, strict=True)}


def log_epoch(epoch: int, epochs: int, logs: dict[str, float]) -> None:
    """The progress line of an epoch."""
    learnt, seen = (f"loss {logs[p + 'loss']:.3f}, accuracy {logs[p + 'accuracy']:.3f}" for p in ("", "val_"))
    print(f"train: epoch {epoch}/{epochs}: {learnt}; validation: {seen}", flush=True)
