"""The metric by which enrolled movements are told apart: how it is fitted, kept and read."""

from dataclasses import replace

import numpy as np
import pytest

from fitness_tracker.clips.folder import NONE
from fitness_tracker.core.files import npz_bytes
from fitness_tracker.models.calibration import Calibration
from fitness_tracker.models.graph import Outputs
from fitness_tracker.models.pose import enrolling
from fitness_tracker.models.pose.dataset import PAIRS_FOLD, PoseData, TrainingSet, find_classes
from fitness_tracker.models.pose.enrolling import ADDED, Shown, fit_metric, whiten
from fitness_tracker.models.pose.metric import Metric, mean_vector, plain_metric, similarity, unpack_metric

MEMBERS, UNITS, FOLDS = 2, 12, 2
CALIBRATION = Calibration(1.0, 0.5)


def material(movements: int, noise: float = 0.4, seed: int = 0) -> tuple[list[Outputs], TrainingSet]:
    """Two clips of each of four groups for each untaught movement, and as many of one that is taught."""
    rng = np.random.default_rng(seed)
    names = np.repeat([f"m{number:03}" for number in range(movements)] + ["squat"], 8)
    centres = np.repeat(rng.normal(0, 1, (movements + 1, MEMBERS, UNITS)), 8, axis=0)
    outputs = []
    for centre, name in zip(centres, names, strict=True):
        windows = int(rng.integers(1, 6))
        moved = centre + rng.normal(0, noise, centre.shape)
        embedding = np.maximum(moved + rng.normal(0, 0.1, (windows, *centre.shape)), 0) * rng.uniform(0, 9, UNITS)
        squat = 0.9 if name == "squat" else 0.1
        outputs.append(Outputs(np.tile([squat, 1 - squat], (windows, MEMBERS, 1)), embedding.astype(np.float32)))
    groups = np.array([f"g{number // 2}" for number in range(len(names))])  # each shows one movement
    taught_as = {name: name if name == "squat" else NONE for name in names.tolist()}
    classes = find_classes(taught_as, ["squat", NONE])
    folds = np.arange(len(names)) // 2 % FOLDS
    data = PoseData([], classes.numbers(names), groups)
    return outputs, TrainingSet(data, classes, folds, names != "squat", np.ones(len(names), bool))


def fitted(movements: int = 30) -> tuple[Metric, list[Outputs], TrainingSet]:
    outputs, training_set = material(movements)
    return fit_metric(outputs, training_set, [[fold] for fold in range(FOLDS)], CALIBRATION), outputs, training_set


def test_one_enrolled_movement_names_few_clips_of_others_and_most_of_its_own() -> None:
    """Of new movements; the bound holds in the mean over many, and these are 40."""
    metric, *_ = fitted(60)
    outputs, training_set = material(40, seed=1)
    vectors = [metric.vectors(output.embedding) for output in outputs]
    shares: dict[bool, list[float]] = {True: [], False: []}
    for number in range(0, 320, 8):
        enrolled = mean_vector(vectors[number])[None]
        for other in range(320):
            if training_set.data.groups[other] != training_set.data.groups[number]:
                likely = metric.probability(similarity(vectors[other], enrolled)).mean()
                shares[training_set.names[other] == training_set.names[number]].append(likely >= 0.5)
    assert np.mean(shares[False]) <= 2 * ADDED
    assert np.mean(shares[True]) > 0.5


def test_probabilities_rise_with_similarity_and_reach_what_timelines_ask_for() -> None:
    metric, *_ = fitted()
    likely = metric.probability(np.linspace(-1, 1, 50))
    assert (np.diff(likely) >= 0).all()
    assert likely[0] < 0.05
    assert 0.75 < likely[-1] <= 1


def test_too_few_movements_leave_the_numbers_of_the_corpus() -> None:
    metric, *_ = fitted(3)
    plain = plain_metric(MEMBERS, UNITS)
    assert (metric.slope, metric.middle, metric.ceiling) == (plain.slope, plain.middle, plain.ceiling)
    assert not np.array_equal(metric.whitening, plain.whitening)


def test_photo_pairs_whiten_and_calibrate_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs, training_set = material(30)
    shown: list[Shown] = []

    def spy(metric: Metric, clips: Shown, bar: float) -> Metric:
        shown.append(clips)
        return metric

    monkeypatch.setattr(enrolling, "calibrate_metric", spy)
    folds = training_set.folds.copy()
    folds[:80] = PAIRS_FOLD
    metrics = [
        fit_metric(outputs, one, [[0], [1]], CALIBRATION) for one in (training_set, training_set._replace(folds=folds))
    ]
    assert shown[0].unseen[:, :80].any()
    assert not shown[1].unseen[:, :80].any()
    assert np.array_equal(shown[1].unseen[:, 80:].any(axis=0), shown[0].unseen[:, 80:].any(axis=0))
    assert not np.array_equal(metrics[0].whitening, metrics[1].whitening)


def test_where_all_clips_get_a_name_anyway_there_is_nothing_to_calibrate_by() -> None:
    outputs, training_set = material(30)
    metric = fit_metric(outputs, training_set, [[fold] for fold in range(FOLDS)], Calibration(1.0, 1.0))
    assert metric.middle == plain_metric(MEMBERS, UNITS).middle


def test_the_same_clips_give_the_same_bytes_and_back() -> None:
    metric, *_ = fitted()
    assert metric.pack() == fitted()[0].pack()
    found = unpack_metric(metric.pack(), MEMBERS, UNITS)
    assert np.array_equal(found.whitening, metric.whitening)
    assert np.array_equal(found.mean, metric.mean)
    assert replace(found, mean=0, whitening=0) == replace(metric, mean=0, whitening=0)


def test_ten_members_take_less_than_200_kb() -> None:
    assert len(plain_metric(10, 128).pack()) < 200_000


def test_whitened_values_have_about_the_variance_one_in_all_directions() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(2, 1, (500, 4)) @ rng.normal(0, 1, (4, 4))
    mean, matrix = whiten(values)
    spread = np.linalg.eigvalsh(np.cov(((values - mean) @ matrix).T))
    assert spread.max() < 1.05
    assert spread.max() / spread.min() < np.ptp(np.linalg.eigvalsh(np.cov(values.T))) / 2
    assert np.array_equal(matrix, np.tril(matrix))


def test_one_clip_whitens_without_dividing_by_zero() -> None:
    mean, matrix = whiten(np.ones((1, 3)))
    assert np.isfinite(matrix).all()
    assert (mean == 1).all()


def test_vectors_have_the_length_one_also_of_an_empty_embedding() -> None:
    metric, outputs, _ = fitted()
    vectors = metric.vectors(outputs[0].embedding)
    assert np.allclose(np.linalg.norm(vectors, axis=-1), 1, atol=1e-5)
    assert np.isfinite(plain_metric(1, 4).vectors(np.zeros((2, 1, 4), np.float32))).all()


@pytest.mark.parametrize("change", ["shape", "dtype", "nan", "huge", "missing", "long", "text"])
def test_a_metric_that_does_not_fit_its_graph_is_refused(change: str) -> None:
    plain = plain_metric(MEMBERS, UNITS)
    packed = plain.whitening[:, *np.tril_indices(UNITS)].astype(np.float16)
    arrays = {"mean": plain.mean, "whitening": packed, "calibration": np.array([14.0, 0.4, 0.9, 0.07])}
    arrays |= {
        "shape": {"mean": plain.mean[:1]}, "dtype": {"whitening": packed.astype(np.float32)},
        "nan": {"calibration": np.full(4, np.nan)}, "huge": {"mean": plain.mean + np.float32(1e9)},
        "long": {"more": np.zeros(10**6)}, "text": {"mean": np.array(["a"])}, "missing": {},
    }[change]  # fmt: skip
    if change == "missing":
        del arrays["mean"]
    with pytest.raises((ValueError, KeyError)):
        unpack_metric(npz_bytes(arrays), MEMBERS, UNITS)
