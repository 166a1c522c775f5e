"""The kinds of model. A third kind is a package of the same shape as `pose/` and `cnn/`, and a function here."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fitness_tracker.core.params import Params
from fitness_tracker.models.classifier import Classifier
from fitness_tracker.processing.result_cache import ResultCache

if TYPE_CHECKING:  # it imports TensorFlow, which answering does without
    from fitness_tracker.models.training import Trained, TrainingData


class ModelKind(Protocol):
    """What the module `kind` of a kind's package holds; a type checker compares the two."""

    INPUT: str  # the folder below data/ that it learns from and answers: 'frames' or 'landmarks'
    SUFFIX: str  # of the files in it

    def fit(self, data: "TrainingData", params: Params, cache: ResultCache | None = None) -> "Trained":
        """A new classifier. A training that was stopped goes on where it was if its state is in the `cache`."""

    def load(self, folder: Path, description: Mapping[str, Any], common: Mapping[str, Any]) -> Classifier:
        """The classifier that classifier.json in `folder` describes.

        `common` are the fields that all kinds share. Raises `ValueError` or `KeyError` if its parts do not fit.
        """


def pose_kind() -> ModelKind:
    from fitness_tracker.models.pose import kind

    return kind


def cnn_kind() -> ModelKind:
    from fitness_tracker.models.cnn import kind

    return kind


MODEL_KINDS: dict[str, Callable[[], ModelKind]] = {"pose": pose_kind, "cnn": cnn_kind}  # name -> what imports it
