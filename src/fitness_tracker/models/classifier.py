"""What all classifiers share: the prediction for a clip, its calibration, and the label 'none'."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fitness_tracker.clips.folder import NONE
from fitness_tracker.clips.folder import short_hash as short_hash  # imported from here, too
from fitness_tracker.models.graph import GRAPH, Graph


@dataclass(frozen=True)
class ClipUsage:
    """Where one clip was in training."""

    __pydantic_config__ = {"extra": "forbid", "strict": True}  # where pydantic reads it from classifier.json  # noqa: RUF012

    fold: int
    group: str  # `short_hash` of it
    sha256: str  # of its zip of frames


@dataclass(frozen=True)
class Prediction:
    """A classifier's prediction for one clip; K labels in the classifier's order."""

    frames: np.ndarray  # (T, K) float32 probabilities of each frame
    probabilities: np.ndarray  # (K,) float32 probabilities of the clip; they sum to 1, 'none' included


@dataclass(frozen=True)
class Classifier(ABC):
    """What all kinds have in common: a list of members, each fitted on all folds but some, whose mean answers.

    `members` (subsets of all, by number) in the methods below: who answers; all if not given.
    """

    exercises: list[str]  # in the order of the network's outputs; 'none' may be among them
    fit: str  # how pictures are brought to 640x480
    fps: float  # frames a second at which a clip is sampled
    group: str  # the expression that reads a group from a clip's file name
    usage: dict[str, ClipUsage]  # `short_hash` of a clip's name -> where it was in training
    temperature: float  # probabilities are raised to 1/temperature, so that confidence matches accuracy
    none_threshold: float  # the answer is 'none' where `none_score` is above; 1: never
    held: list[str]  # exercises that are held still, not repeated; may name some that are not among `exercises`
    params: dict[str, Any]  # those of params.yaml that it was trained with
    parameters: int  # of a member's network: weights and what normalises
    graph: Graph  # all members' networks

    kind: ClassVar[str]

    @abstractmethod
    def predict_frames(self, frames: Iterable[np.ndarray], members: Sequence[int] | None = None) -> Prediction:
        """The prediction for T frames (480, 640, 3) uint8 RGB, `fps` of them a second; one at a time is in memory."""

    @abstractmethod
    def predict_file(self, path: Path, members: Sequence[int] | None = None) -> Prediction:
        """The same for a stage's output for a clip: its zip of frames, or its landmarks."""

    @property
    @abstractmethod
    def unseen_folds(self) -> list[set[int]]:
        """Of each member, the folds that its training did not look at in any way."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """The fields of this kind of classifier, for `classifier.json`."""

    def files(self) -> dict[str, bytes]:
        """Name and content of what does not fit into `classifier.json`."""
        return {GRAPH: self.graph.content}

    def mean_of(self, probabilities: np.ndarray, members: Sequence[int] | None) -> np.ndarray:
        """Probabilities (N, M, K) of a graph to (N, K): the mean of those of the `members`, calibrated."""
        chosen = probabilities if members is None else probabilities[:, list(members)]
        return apply_temperature(chosen, self.temperature).mean(axis=1)

    def decide_label(self, prediction: Prediction, tolerance: float = 1.0) -> tuple[str, float]:
        """The likeliest exercise and its probability; or 'none' and `none_score` where that is too large: above
        `tolerance` times the threshold."""
        score = self.none_score(prediction)
        if score > tolerance * self.none_threshold:
            return NONE, score
        best = int(self.taught(prediction.probabilities).argmax())
        return self.exercises[best], float(prediction.probabilities[best])

    def none_score(self, prediction: Prediction) -> float:
        """0 to 1, how little a clip looks like any one exercise: 1 less the probability of the likeliest."""
        return 1 - float(self.taught(prediction.probabilities).max())

    def taught(self, probabilities: np.ndarray) -> np.ndarray:
        """(..., K) probabilities with 0 in place of that of 'none'."""
        return probabilities * np.array([name != NONE for name in self.exercises])


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """(..., K) probabilities with the logits divided by `temperature` (Guo et al. 2017)."""
    logits = np.log(np.maximum(probabilities, 1e-12)) / temperature
    scaled = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (scaled / scaled.sum(axis=-1, keepdims=True)).astype(np.float32)
