"""Asking needs no SciPy; what it computes is held against SciPy here."""

import time

import numpy as np
import pytest
from scipy import ndimage

from fitness_tracker.answering.filters import gaussian_smooth, running_max, running_median, running_min

LENGTHS, SIZES = (1, 2, 3, 7, 60, 301), (1, 3, 5, 17, 41, 61, 721)


def signals(length: int) -> list[np.ndarray]:
    """A walk, one of few values (many are equal), and one that jumps: (T, 3)."""
    random = np.random.default_rng(length)
    walk = np.cumsum(random.normal(size=(length, 3)), axis=0)
    return [walk, np.round(walk), np.where(np.arange(length)[:, None] % 9 < 4, walk, -1e6)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("length", LENGTHS)
def test_maximum_minimum_and_median_are_scipys(length: int, size: int) -> None:
    for values in signals(length):
        for given in (values, values.astype(np.float32), values[:, 0]):
            for ours, theirs in ((running_max, ndimage.maximum_filter1d), (running_min, ndimage.minimum_filter1d)):
                found = ours(given, size)
                assert found.dtype == given.dtype
                np.testing.assert_array_equal(found, theirs(given, size, axis=0, mode="nearest"))
        expected = ndimage.median_filter(values, size=(size, 1), mode="nearest")
        np.testing.assert_array_equal(running_median(values, size), expected)


@pytest.mark.parametrize("length", LENGTHS)
def test_marks_grow_as_scipy_has_them(length: int) -> None:
    """SciPy mirrors at the edges where nothing is said; a maximum is the same."""
    for values in signals(length):
        np.testing.assert_array_equal(running_max(values[:, 0] > 0, 17), ndimage.maximum_filter1d(values[:, 0] > 0, 17))


@pytest.mark.parametrize("std", [0.05, 0.1, 0.25, 0.5, 1.5, 6.0])
@pytest.mark.parametrize("length", LENGTHS)
def test_smoothing_is_scipys(length: int, std: float) -> None:
    for values in signals(length):
        expected = ndimage.gaussian_filter1d(values, std, axis=0, mode="nearest")
        np.testing.assert_allclose(
            gaussian_smooth(values, std), expected, rtol=1e-12, atol=1e-12 * np.abs(values).max()
        )


def test_the_median_of_a_long_clip_takes_no_longer_for_a_wide_window() -> None:
    """SciPy's of an hour at 120 frames a second takes minutes."""
    values = signals(20_000)[0][:, :1]
    took = []
    for size in (61, 721):
        started = time.process_time()
        running_median(values, size)
        took.append(time.process_time() - started)
    assert took[1] < 5 * took[0] + 0.05
