"""The pose classifier as a kind of model."""

from typing import TYPE_CHECKING

from fitness_tracker.core.params import Params
from fitness_tracker.models.pose.classifier import load as load
from fitness_tracker.processing.result_cache import ResultCache

if TYPE_CHECKING:
    from fitness_tracker.models.training import Trained, TrainingData

INPUT, SUFFIX = "landmarks", ".npz"


def fit(data: "TrainingData", params: Params, cache: ResultCache | None = None) -> "Trained":
    """See `training.fit`, which imports TensorFlow."""
    from fitness_tracker.models.pose.training import fit

    return fit(data, params, cache)
