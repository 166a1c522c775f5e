"""The kinds of model. A third kind is an entry here and a package of the same shape as the others.

A package `<name>` has `training.fit`, `classifier.load` and `classifier.feature_definition`; its parameters are the
group `<name>` of params.yaml.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class ModelKind:
    """Where a kind of model lives, and which stage's output it learns from; importing it takes seconds."""

    package: str
    reads: str  # the folder below data/: frames or landmarks
    suffix: str  # of the files in it

    @property
    def fit(self) -> Callable[..., Any]:
        return import_module(f"{self.package}.training").fit

    @property
    def load(self) -> Callable[..., Any]:
        return import_module(f"{self.package}.classifier").load

    @property
    def feature_definition(self) -> Callable[[], bytes]:
        return import_module(f"{self.package}.classifier").feature_definition


MODEL_KINDS = {
    "pose": ModelKind("fitness_tracker.models.pose", "landmarks", ".npz"),
    "cnn": ModelKind("fitness_tracker.models.cnn", "frames", ".zip"),
}
