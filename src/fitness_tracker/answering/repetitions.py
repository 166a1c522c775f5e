"""Counts the repetitions of any movement, taught or not, from the movement itself.

The features of the poses (joint angles, heights, distances; see `models.pose.features`) are reduced to the one
direction in which they vary most and come back, by principal component analysis; its turning points are found with
hysteresis. A repetition counts when its turning point away from the start is reached. What is a movement's start and
what its far end is not known: the rarer of the two kinds of turning points counts, so a clip that starts at one end
does not count it. A first or last swing that is smaller than the others does not count either. Because features do not
tell left from right, alternating sides count one each.

The constants were chosen on real clips that were counted by eye (`benchmarks/repetitions.csv`, part 'tuning').
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, median_filter, minimum_filter1d

from fitness_tracker.models.pose.features import Poses, features

SMOOTHING = 0.05  # seconds, standard deviation
COMPONENTS = 4  # principal components that are looked at
PERIODIC = 0.55  # autocorrelation from which a component repeats
SHARE = 0.1  # of the variance, below which a component is noise
CYCLES = 2.5  # in the clip at least, for any but the first component: the second has twice the period of the first
DRIFT = 6.0  # seconds of the running median that takes out cuts and drifts
SWING = 0.4  # of the range nearby that a turn takes
LEAST_SWING = 0.2  # and of the range of the whole
NEARBY = 4.0  # seconds
REACH = 0.78  # of the usual swing, from which the first and the last are whole

LEAST_HELD = 1.0  # seconds; in less, or in a picture, nobody can tell who holds still from who moves
STILL = 1.5  # range of the component, below which an exercise is held: 79 % of real planks, 2 % of what moves
UNKNOWN_RANGE, UNKNOWN_PERIODIC, UNKNOWN_COUNT = 0.8, 0.6, 2  # from which somebody does an exercise that is not known


@dataclass(frozen=True)
class Movement:
    """What somebody does in a stretch of a clip."""

    times_s: tuple[float, ...] = ()  # seconds from the stretch's begin at which each repetition is counted
    amplitude: float = 0.0  # range of the component, in units of the features
    periodicity: float = 0.0  # 0 to 1: its autocorrelation after one period

    @property
    def is_held(self) -> bool:
        """Whether an exercise is held still, like a plank."""
        return self.amplitude < STILL

    @property
    def is_exercise(self) -> bool:
        """Whether somebody exercises, if all that is known is that it is no taught exercise."""
        return (
            self.amplitude >= UNKNOWN_RANGE
            and self.periodicity >= UNKNOWN_PERIODIC
            and len(self.times_s) >= UNKNOWN_COUNT
        )


def measure_movement(poses: Poses, fps: float) -> Movement:
    """The movement in a stretch of T poses, `fps` a second."""
    if len(poses.hip_trajectory) < 3:
        return Movement()
    values = features(Poses(*(array[None] for array in poses.arrays())))[0].astype(np.float64)
    signal = dominant_component(gaussian_filter1d(values, SMOOTHING * fps, axis=0, mode="nearest"), fps)
    low, high = np.percentile(signal, [5, 95])
    turns = find_turns(signal, fps)
    far = min(([index for index, is_maximum in turns if is_maximum is kind] for kind in (True, False)), key=len)
    return Movement(tuple(index / fps for index in far), float(high - low), periodicity(signal)[0])


def dominant_component(values: np.ndarray, fps: float) -> np.ndarray:
    """(T, F) to (T,): the first principal component that repeats; the first of all if none does.

    Without one, the same is tried again without drifts: a camera that cuts or a person who sets up first.
    """
    components, shares = principal_components(values)
    if periodicity(components[:, 0])[0] >= PERIODIC:
        return components[:, 0]
    repeating = first_repeating(components[:, 1:], shares[1:])
    if repeating is None:
        drift = median_filter(values, size=(int(DRIFT * fps) | 1, 1), mode="nearest")
        repeating = first_repeating(*principal_components(values - drift))
    return components[:, 0] if repeating is None else repeating


def principal_components(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T, F) to the first components (T, n), and their shares of the variance (n,)."""
    left, sizes, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
    return left[:, :COMPONENTS] * sizes[:COMPONENTS], (sizes**2 / max(float(np.sum(sizes**2)), 1e-12))[:COMPONENTS]


def first_repeating(components: np.ndarray, shares: np.ndarray) -> np.ndarray | None:
    """The first of the components (T, n) that repeats often enough."""
    for component, share in zip(components.T, shares, strict=True):
        strength, period = periodicity(component)
        if share >= SHARE and strength >= PERIODIC and period * CYCLES <= len(component):
            return component
    return None


def periodicity(signal: np.ndarray) -> tuple[float, int]:
    """The autocorrelation of a signal (T,) at its first high peak after it was negative, at most 1, and the peak's lag
    in frames; 0, 0 if there is none. Lags of more than two thirds of T are too uncertain."""
    centred, number = signal - signal.mean(), len(signal)
    spectrum = np.fft.rfft(centred, 2 * number)
    raw = np.fft.irfft(spectrum * np.conj(spectrum))[:number]
    if raw[0] <= 1e-12:
        return 0.0, 0
    correlation = (raw / raw[0] * number / (number - np.arange(number)))[: int(number * 0.67)]
    negative = np.flatnonzero(correlation < 0)
    if not len(negative) or (top := correlation[negative[0] :].max()) <= 0:
        return 0.0, 0
    lag = negative[0] + int(np.argmax(correlation[negative[0] :] >= 0.85 * top))
    while lag + 1 < len(correlation) and correlation[lag + 1] > correlation[lag]:
        lag += 1
    return min(float(correlation[lag]), 1.0), int(lag)


def find_turns(signal: np.ndarray, fps: float) -> list[tuple[int, bool]]:
    """(frame, whether it is a maximum) of the turning points of a signal (T,).

    The first and the last of them lead a swing that the clip may have cut off, or that sets up or lays down. They are
    turning points if this swing is nearly as large as the others.
    """
    size = int(NEARBY * fps) | 1
    nearby = maximum_filter1d(signal, size, mode="nearest") - minimum_filter1d(signal, size, mode="nearest")
    low, high = np.percentile(signal, [2, 98])
    turns = turning_points(signal, np.maximum(SWING * nearby, LEAST_SWING * (high - low)))
    if len(turns) < 3:
        return turns
    swings = np.abs(np.diff([signal[index] for index, _ in turns]))
    first = int(swings[0] < REACH * np.median(swings[1:]))
    last = int(swings[-1] < REACH * np.median(swings[:-1]))
    return turns[first : len(turns) - last]


def turning_points(signal: np.ndarray, swing: np.ndarray) -> list[tuple[int, bool]]:
    """(frame, whether it is a maximum) of the alternating turning points of a signal (T,): after each, the signal goes
    back by more than `swing` (T,), but for the last."""
    turns: list[tuple[int, bool]] = []
    highest = lowest = 0
    rising: bool | None = None
    for index, value in enumerate(signal):
        highest = index if value > signal[highest] else highest
        lowest = index if value < signal[lowest] else lowest
        if rising is not False and signal[highest] - value > swing[index]:
            turns.append((highest, True))
            rising, lowest = False, index
        elif rising is not True and value - signal[lowest] > swing[index]:
            turns.append((lowest, False))
            rising, highest = True, index
    return turns if rising is None else [*turns, (highest, True) if rising else (lowest, False)]
