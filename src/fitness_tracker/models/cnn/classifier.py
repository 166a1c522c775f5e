"""Names the exercise by the look of single frames, with the classic network."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from fitness_tracker.core.params import Cnn
from fitness_tracker.models.classifier import Classifier, Prediction, apply_temperature
from fitness_tracker.models.cnn.network import build_cnn
from fitness_tracker.models.tensorflow_setup import keras
from fitness_tracker.video.frames import read_zip, shrink

TwoFolds = Annotated[list[Annotated[StrictInt, Field(ge=0)]], Field(min_length=2, max_length=2)]

MAX_WEIGHTS = 2**28  # of the hidden layer: 1 GB

BATCH = 64  # shrunk frames that are held at a time


class FrameMember(NamedTuple):
    """What was fitted on all folds but these."""

    network: keras.Model
    folds: list[int]  # the one that it never saw, and the next, which decided when to stop


@dataclass(frozen=True)
class FrameClassifier(Classifier):
    """The classic frame network; a clip's probabilities are the mean over its frames and the members."""

    cnn: Cnn
    members: list[FrameMember]
    kind: ClassVar[str] = "cnn"

    @property
    def unseen_folds(self) -> list[set[int]]:
        return [{member.folds[0]} for member in self.members]

    @property
    def networks(self) -> list[keras.Model]:
        return [member.network for member in self.members]

    def predict_frames(self, frames: Iterable[np.ndarray], members: Sequence[int] | None = None) -> Prediction:
        answering = self.networks if members is None else [self.networks[n] for n in members]
        small = (shrink(frame, self.cnn.image_size) for frame in frames)
        batches = (np.stack(batch) for batch in iter(lambda: list(islice(small, BATCH)), []))
        outputs = [np.stack([np.asarray(network(batch)) for network in answering]) for batch in batches]
        probabilities = apply_temperature(np.concatenate(outputs, axis=1), self.temperature).mean(axis=0)
        return Prediction(probabilities, probabilities.mean(axis=0))

    def predict_file(self, path: Path, members: Sequence[int] | None = None) -> Prediction:
        return self.predict_frames((frame for _, frame in read_zip(path)), members)

    def build(self) -> keras.Model:
        return build_cnn(self.cnn, len(self.exercises))

    def describe(self) -> dict[str, Any]:
        return {"cnn": asdict(self.cnn), "folds": [member.folds for member in self.members]}


class CnnFields(BaseModel):
    """What this kind adds to classifier.json."""

    model_config = ConfigDict(extra="forbid")

    cnn: Cnn
    folds: Annotated[list[TwoFolds], Field(min_length=1, max_length=100)]  # of each member


def load(folder: Path, description: Mapping[str, Any], common: Mapping[str, Any]) -> FrameClassifier:
    """The classifier described, its networks without weights."""
    fields = CnnFields.model_validate(description)
    if (fields.cnn.image_size // 8) ** 2 * fields.cnn.filters[-1] * fields.cnn.dense_units > MAX_WEIGHTS:
        raise ValueError("its hidden layer has more weights than any bundle")
    members = [FrameMember(build_cnn(fields.cnn, len(common["exercises"])), folds) for folds in fields.folds]
    return FrameClassifier(cnn=fields.cnn, members=members, **common)


def feature_definition() -> bytes:
    """What `shrink` makes of a fixed picture: another way of shrinking is another definition."""
    picture = (np.arange(48 * 64 * 3) * 37 % 251).astype(np.uint8).reshape(48, 64, 3)
    return shrink(picture, 16).tobytes()
