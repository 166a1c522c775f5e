"""The networks, and the bundle in which a trained one is kept."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from fitness_tracker.classifier import NONE, Classifier, Prediction
from fitness_tracker.cnn.network import build_cnn
from fitness_tracker.params import Cnn
from fitness_tracker.tensorflow_setup import keras
from fitness_tracker.video.frames import read_zip, shrink


@dataclass(frozen=True)
class FrameClassifier(Classifier):
    """The classic frame network; a clip's answer is the mean over its frames."""

    cnn: Cnn
    model: ClassVar[str] = "cnn"

    def judge(self, frames: Iterable[np.ndarray]) -> Prediction:
        small = np.stack([shrink(frame, self.cnn.image_size) for frame in frames])
        said = [np.asarray(self.network(small[i : i + 64])) for i in range(0, len(small), 64)]
        probabilities = self.calibrated(np.concatenate(said))
        mean = probabilities.mean(axis=0)
        return Prediction(
            probabilities, mean, float(mean[self.exercises.index(NONE)]) if NONE in self.exercises else 0.0
        )

    def predict_file(self, path: Path) -> Prediction:
        return self.judge(frame for _, frame in read_zip(path))

    def build(self) -> keras.Model:
        return build_cnn(self.cnn, len(self.exercises))

    def own(self) -> dict[str, Any]:
        return {"cnn": asdict(self.cnn)}
