"""Filters over time, for which asking needs no SciPy: the same values as `scipy.ndimage` has them, edges repeated."""

from bisect import bisect_left, insort
from collections.abc import Callable

import numpy as np

GAUSSIAN_REACH = 4.0  # standard deviations, where the kernel ends


def running_max(values: np.ndarray, size: int) -> np.ndarray:
    """(T, ...) to the same shape: the maximum of the `size` frames around each, an odd number, as far as there are."""
    return running_extreme(values, size, np.maximum)


def running_min(values: np.ndarray, size: int) -> np.ndarray:
    return running_extreme(values, size, np.minimum)


def running_extreme(values: np.ndarray, size: int, extreme: Callable) -> np.ndarray:
    """In log2(size) steps: the extreme of 2n frames is that of two stretches of n; the last two overlap."""
    result, width = pad_edges(values, size // 2), 1
    while width < size:
        step = min(width, size - width)
        result, width = extreme(result[:-step], result[step:]), width + step
    return result


def running_median(values: np.ndarray, size: int) -> np.ndarray:
    """(T, F) float64 to the same shape: the median of the `size` frames around each, an odd number."""
    return np.stack([median_of_column(column, size) for column in values.T], axis=1)


def median_of_column(column: np.ndarray, size: int) -> list[float]:
    """A sorted window, which one value leaves and one enters a frame: 1 us each, where sorting 721 anew takes 10."""
    padded = pad_edges(column, size // 2).tolist()
    window = sorted(padded[:size])
    medians = [window[size // 2]]
    for leaves, enters in zip(padded, padded[size:], strict=False):
        del window[bisect_left(window, leaves)]
        insort(window, enters)
        medians.append(window[size // 2])
    return medians


def gaussian_smooth(values: np.ndarray, std: float) -> np.ndarray:
    """(T, ...) float64 to the same shape, smoothed over time by a Gaussian of standard deviation `std` in frames."""
    reach = int(GAUSSIAN_REACH * std + 0.5)
    kernel = np.exp(-0.5 / std**2 * np.arange(-reach, reach + 1) ** 2)
    kernel /= kernel.sum()
    padded, number = pad_edges(values, reach), len(values)
    result = kernel[reach] * values
    for offset in range(reach):  # in SciPy's order, the far ends first
        result += kernel[offset] * (padded[offset : offset + number] + padded[2 * reach - offset :][:number])
    return result


def pad_edges(values: np.ndarray, frames: int) -> np.ndarray:
    """(T, ...) to (frames + T + frames, ...), the first and the last repeated."""
    return np.pad(values, [(frames, frames), *[(0, 0)] * (values.ndim - 1)], mode="edge")
