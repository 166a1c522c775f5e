import pytest

from fitness_tracker.evaluation import intervals
from fitness_tracker.models.classifier import Classifier
from tests.models.test_bundle import pose_classifier


@pytest.fixture(autouse=True)
def few_resamples(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the intervals are not what is tested."""
    if request.path.name != "test_intervals.py":
        monkeypatch.setattr(intervals, "RESAMPLES", 100)


@pytest.fixture(scope="module")
def pose() -> Classifier:
    return pose_classifier({})
