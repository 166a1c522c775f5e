"""Counts the repetitions of any movement, taught or not, from the movement itself.

1. The features of the poses (joint angles, heights, distances; see `models.pose.features`) are reduced to one signal:
   the principal component that repeats (`dominant_component`).
2. The turning points of that signal are found with hysteresis (`find_turns`).
3. A repetition is counted at its far end, the turning point away from where the movement starts. The signal does not
   say which of its maxima and minima are the far ends; there are fewer far ends than starts if a clip starts and ends
   at the start, so the rarer kind counts; of as many, the one that comes later, for clips begin at the start. A first
   or last swing that is smaller than the others does not count.

The features do not tell left from right, so alternating sides count one each.

The constants were chosen on real clips that were counted by eye (`benchmarks/repetitions.csv`, part 'tuning').
"""

from dataclasses import dataclass

import numpy as np

from fitness_tracker.answering.filters import gaussian_smooth, running_max, running_median, running_min
from fitness_tracker.models.pose.features import Poses, clip_features

SMOOTHING_STD_S = 0.05
COMPONENTS = 4  # principal components that are looked at
MIN_PERIODICITY = 0.55  # autocorrelation from which a component repeats
MIN_VARIANCE_SHARE = 0.1  # of a component; below it is noise
MIN_CYCLES = 2.5  # in a clip, of any but the first component: the second has twice the period of the first
DRIFT_WINDOW_S = 6.0  # of the running median that takes out cuts and drifts
NEARBY_S = 4.0  # window of the range that `MIN_SWING_NEARBY` is a share of
MIN_SWING_NEARBY = 0.4  # of the signal's range nearby: a smaller swing is no turn
MIN_SWING_OVERALL = 0.2  # of the signal's range as a whole: the same
MIN_END_SWING = 0.78  # of the median swing: a smaller first or last one is not a whole swing
MIN_AWAY_SWING, AWAY_SPACING = 0.5, 1.5  # of the median swing and period: further outside, smaller ones are no swings

# From which an untaught movement is clearly repeated: range of the component, its periodicity, repetitions
REPEATED_RANGE, REPEATED_PERIODICITY, REPEATED_COUNT = 0.8, 0.6, 2


@dataclass(frozen=True)
class Movement:
    """What somebody does in a stretch of a clip."""

    times_s: tuple[float, ...] = ()  # seconds from the stretch's start at which each repetition is counted
    starts_s: tuple[float, ...] = ()  # the same for the turning points between them, where a repetition starts and ends
    amplitude: float = 0.0  # range of the component, in units of the features
    periodicity: float = 0.0  # 0 to 1: its autocorrelation after one period

    @property
    def is_clearly_repeated(self) -> bool:
        """Whether this is exercise even where the classifier says 'none': large, periodic, and done at least twice."""
        return (
            self.amplitude >= REPEATED_RANGE
            and self.periodicity >= REPEATED_PERIODICITY
            and len(self.times_s) >= REPEATED_COUNT
        )


def measure_movement(poses: Poses, fps: float, counted: np.ndarray | None = None) -> Movement:
    """The movement in a stretch of T poses, `fps` of them a second; an empty one if there are fewer than three.

    `counted` (T,) bool are the frames that are looked at, as if those of pauses had been cut out; all if not given.
    """
    number = len(poses.hip_trajectory)
    rows = np.arange(number) if counted is None else np.flatnonzero(counted)
    if len(rows) < 3:
        return Movement()
    values = clip_features(poses).astype(np.float64)
    smooth = gaussian_smooth(values, SMOOTHING_STD_S * fps)
    signal = dominant_component(smooth[rows], fps)
    low, high = np.percentile(signal, [5, 95])
    turns = find_turns(signal, fps, rows)
    kinds = ([index for index, is_maximum in turns if is_maximum is kind] for kind in (True, False))
    rarer_or_later = sorted(kinds, key=lambda frames: (len(frames), -frames[0] if frames else 0))
    far, starts = (tuple((rows[frames] / fps).tolist()) for frames in rarer_or_later)
    return Movement(far, starts, float(high - low), periodicity(signal)[0])


def dominant_component(values: np.ndarray, fps: float) -> np.ndarray:
    """Features (T, F) to a signal (T,): the first principal component that repeats; the very first if none does.

    If none repeats, drifts are taken out and the components are looked at once more: drifts come from cuts, and from
    people who set up first.
    """
    components, shares = principal_components(values)
    if periodicity(components[:, 0])[0] >= MIN_PERIODICITY:
        return components[:, 0]
    repeating = first_repeating(components[:, 1:], shares[1:])
    if repeating is None:
        drift = running_median(values, int(DRIFT_WINDOW_S * fps) | 1)
        repeating = first_repeating(*principal_components(values - drift))
    return components[:, 0] if repeating is None else repeating


def principal_components(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features (T, F) to their first components (T, n), n <= `COMPONENTS`, and the shares of variance (n,), 0 to 1."""
    left, sizes, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
    return left[:, :COMPONENTS] * sizes[:COMPONENTS], (sizes**2 / max(float(np.sum(sizes**2)), 1e-12))[:COMPONENTS]


def first_repeating(components: np.ndarray, shares: np.ndarray) -> np.ndarray | None:
    """The first of the components (T, n) that repeats often enough, (T,); None if none does."""
    for component, share in zip(components.T, shares, strict=True):
        strength, period = periodicity(component)
        if share >= MIN_VARIANCE_SHARE and strength >= MIN_PERIODICITY and period * MIN_CYCLES <= len(component):
            return component
    return None


def periodicity(signal: np.ndarray) -> tuple[float, int]:
    """How strongly a signal (T,) repeats, 0 to 1, and its period in frames; 0, 0 if it does not repeat.

    That is the value and the lag of the autocorrelation's first high peak after it was negative. Lags of more than two
    thirds of T are too uncertain.
    """
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


def find_turns(signal: np.ndarray, fps: float, rows: np.ndarray | None = None) -> list[tuple[int, bool]]:
    """The turning points of a signal (T,), each as (frame, whether it is a maximum), in order.

    `rows` (T,) are the frames of the clip that the signal is of, if some were cut out. The clip may cut off the first
    and the last swing, or somebody sets up or lays down in them. Their outer turning points count if the swing is
    nearly as large as the others.
    """
    size = int(NEARBY_S * fps) | 1
    nearby = running_max(signal, size) - running_min(signal, size)
    low, high = np.percentile(signal, [2, 98])
    turns = turning_points(signal, np.maximum(MIN_SWING_NEARBY * nearby, MIN_SWING_OVERALL * (high - low)))
    rows = np.arange(len(signal)) if rows is None else rows
    return trim_end(trim_end(turns, signal, rows)[::-1], signal, rows)[::-1]


def trim_end(turns: list[tuple[int, bool]], signal: np.ndarray, rows: np.ndarray) -> list[tuple[int, bool]]:
    """The turning points without the first one if its swing is smaller than most; and without a small movement that is
    away from the others, such as that of who takes a bar from a rack."""
    for share, spacing in ((MIN_END_SWING, 0.0), (MIN_AWAY_SWING, AWAY_SPACING)):
        if len(turns) < 4:
            break
        frames = [index for index, _ in turns]
        swings, periods = np.abs(np.diff(signal[frames])), np.abs(rows[frames[2:]] - rows[frames[:-2]])
        if swings[0] < share * np.median(swings[1:]) and periods[0] >= spacing * np.median(periods[1:]):
            turns = turns[1:]
    return turns


def turning_points(signal: np.ndarray, swing: np.ndarray) -> list[tuple[int, bool]]:
    """The turning points of a signal (T,), each as (frame, whether it is a maximum): maxima and minima in turn. After
    each but the last the signal goes back by more than `swing` (T,)."""
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
