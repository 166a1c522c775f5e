"""Names the exercise by the look of single frames, with the classic network."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fitness_tracker.classifier import Classifier, Prediction
from fitness_tracker.cnn.network import build_cnn
from fitness_tracker.params import Cnn
from fitness_tracker.tensorflow_setup import keras
from fitness_tracker.video.frames import read_zip, shrink

BATCH = 64  # shrunk frames that are held at a time


@dataclass(frozen=True)
class FrameClassifier(Classifier):
    """The classic frame network; a clip's probabilities are the mean over its frames."""

    cnn: Cnn
    kind: ClassVar[str] = "cnn"

    def predict_frames(self, frames: Iterable[np.ndarray]) -> Prediction:
        small = (shrink(frame, self.cnn.image_size) for frame in frames)
        batches = iter(lambda: list(islice(small, BATCH)), [])
        probabilities = self.calibrate(np.concatenate([np.asarray(self.network(np.stack(b))) for b in batches]))
        return Prediction(probabilities, probabilities.mean(axis=0))

    def predict_file(self, path: Path) -> Prediction:
        return self.predict_frames(frame for _, frame in read_zip(path))

    def build(self) -> keras.Model:
        return build_cnn(self.cnn, len(self.exercises))

    def describe(self) -> dict[str, Any]:
        return {"cnn": asdict(self.cnn)}


def load(folder: Path, description: Mapping[str, Any], common: Mapping[str, Any]) -> FrameClassifier:
    """The classifier described, its network without weights."""
    cnn = Cnn(**description["cnn"])
    return FrameClassifier(network=build_cnn(cnn, len(common["exercises"])), cnn=cnn, **common)


def feature_definition() -> bytes:
    """What `shrink` makes of a fixed picture: another way of shrinking is another definition."""
    picture = (np.arange(48 * 64 * 3) * 37 % 251).astype(np.uint8).reshape(48, 64, 3)
    return shrink(picture, 16).tobytes()
