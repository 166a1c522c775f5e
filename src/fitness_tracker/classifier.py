"""The networks, and the bundle in which a trained one is kept."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fitness_tracker.tensorflow_setup import keras

NONE = "none"  # the answer where nobody does an exercise that was taught


@dataclass(frozen=True)
class ClipUsage:
    """How one clip was used."""

    part: str  # train, validation or test
    group: str
    sha256: str  # of its zip of frames


@dataclass(frozen=True)
class Prediction:
    """What a classifier says of one clip."""

    frames: np.ndarray  # (T, exercises) float32 probabilities of each frame
    exercises: np.ndarray  # (exercises,) float32 probabilities of the clip
    none: float  # 0 to 1: how sure it is that nobody does an exercise that it was taught


@dataclass(frozen=True)
class Classifier(ABC):
    """A trained network and all that is needed to use and to judge it."""

    network: keras.Model
    exercises: list[str]  # in the order of the network's outputs
    fit: str  # how pictures are brought to 640x480
    fps: float  # frames a second that a clip is judged by
    group: str  # the expression that reads a group from a clip's file name
    split: dict[str, ClipUsage]  # clip name -> how it was used
    temperature: float  # probabilities are raised to 1/temperature, so that they say how often they are right

    model: ClassVar[str]

    @abstractmethod
    def judge(self, frames: Iterable[np.ndarray]) -> Prediction:
        """What T frames (480, 640, 3) uint8 RGB show, `fps` of them a second; only one at a time is held."""

    @abstractmethod
    def predict_file(self, path: Path) -> Prediction:
        """The same of what the stages made of a clip: its zip of frames, or its landmarks."""

    @abstractmethod
    def build(self) -> keras.Model:
        """The network as it is before training."""

    @abstractmethod
    def own(self) -> dict[str, Any]:
        """What this kind of classifier has beyond the fields above, for `classifier.json`."""

    def save_own(self, folder: Path) -> None:  # noqa: B027
        """Writes what does not fit into `classifier.json`."""

    def decide_label(self, answer: Prediction) -> tuple[str, float]:
        """The exercise, or 'none', and the confidence in it, 0 to 1."""
        likeliest = self.exercises[int(answer.exercises.argmax())]
        if likeliest == NONE or answer.none > 0.5:
            return NONE, answer.none
        return likeliest, float(answer.exercises.max())

    def calibrated(self, probabilities: np.ndarray) -> np.ndarray:
        return apply_temperature(probabilities, self.temperature)


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """(..., K) probabilities with the logits divided by `temperature` (Guo et al. 2017)."""
    logits = np.log(np.maximum(probabilities, 1e-12)) / temperature
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (shares / shares.sum(axis=-1, keepdims=True)).astype(np.float32)
