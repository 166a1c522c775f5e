"""Names the exercise by the look of single frames, with the classic network."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from fitness_tracker.core.params import Cnn
from fitness_tracker.models.classifier import Classifier, Prediction
from fitness_tracker.models.graph import GRAPH, Graph
from fitness_tracker.video.frames import read_zip, shrink

TwoFolds = Annotated[list[Annotated[StrictInt, Field(ge=0)]], Field(min_length=2, max_length=2)]

FRAMES = "frames"  # the graph's input
BATCH = 64  # shrunk frames that are held at a time


@dataclass(frozen=True)
class FrameClassifier(Classifier):
    """The classic frame network; a clip's probabilities are the mean over its frames and the members."""

    cnn: Cnn
    folds: list[list[int]]  # of each member: the one that it never saw, and the next, which decided when to stop
    kind: ClassVar[str] = "cnn"

    @property
    def unseen_folds(self) -> list[set[int]]:
        return [{own} for own, _ in self.folds]

    def predict_frames(self, frames: Iterable[np.ndarray], members: Sequence[int] | None = None) -> Prediction:
        small = (shrink(frame, self.cnn.image_size) for frame in frames)
        batches = (np.stack(batch) for batch in iter(lambda: list(islice(small, BATCH)), []))
        probabilities = np.concatenate(
            [self.mean_of(self.graph(**{FRAMES: batch}).probabilities, members) for batch in batches]
        )
        return Prediction(probabilities, probabilities.mean(axis=0))

    def predict_file(self, path: Path, members: Sequence[int] | None = None) -> Prediction:
        return self.predict_frames((frame for _, frame in read_zip(path)), members)

    def describe(self) -> dict[str, Any]:
        return {"cnn": asdict(self.cnn), "folds": self.folds}


class CnnFields(BaseModel):
    """What this kind adds to classifier.json."""

    model_config = ConfigDict(extra="forbid")

    cnn: Cnn
    folds: Annotated[list[TwoFolds], Field(min_length=1, max_length=100)]  # of each member


def load(folder: Path, description: Mapping[str, Any], common: Mapping[str, Any]) -> FrameClassifier:
    """The classifier described; raises `ValueError` if its graph is another."""
    fields = CnnFields.model_validate(description)
    graph = frame_graph((folder / GRAPH).read_bytes(), fields.cnn, len(fields.folds), len(common["exercises"]))
    return FrameClassifier(cnn=fields.cnn, folds=fields.folds, graph=graph, **common)


def frame_graph(content: bytes, cnn: Cnn, members: int, classes: int) -> Graph:
    return Graph(content, {FRAMES: (np.uint8, (cnn.image_size, cnn.image_size, 3))}, members, classes)
