// Counts the repetitions of any movement, taught or not; see answering/repetitions.py.

import { constants } from "../constants.js";
import { median, percentile, sorted } from "../numbers.js";
import { clipFeatures, FEATURES } from "../models/features.js";
import { periodicity, principalComponents } from "./components.js";
import { gaussianSmooth, runningMax, runningMedian, runningMin } from "./filters.js";

const {
  AWAY_SPACING, COMPONENTS, DRIFT_WINDOW_S, MIN_AWAY_SWING, MIN_CYCLES, MIN_END_SWING, MIN_PERIODICITY,
  MIN_SWING_NEARBY, MIN_SWING_OVERALL, MIN_VARIANCE_SHARE, NEARBY_S, REPEATED_COUNT, REPEATED_PERIODICITY,
  REPEATED_RANGE, SMOOTHING_STD_S,
} = constants.repetitions;

const NO_MOVEMENT = { times: [], starts: [], amplitude: 0, strength: 0, isClearlyRepeated: false };

// The movement in a stretch of T poses; `counted` (T,) are the frames that are looked at.
// {times, starts}: seconds from the stretch's start, of the far and of the near turning points; {amplitude, strength}: of
// the component, in units of the features, and how strongly it repeats, 0 to 1.
export const measureMovement = (poses, fps, counted) => {
  const rows = [...Array(poses.length).keys()].filter((frame) => !counted || counted[frame]);
  if (rows.length < 3) return NO_MOVEMENT;
  const smooth = gaussianSmooth(clipFeatures(poses), FEATURES, SMOOTHING_STD_S * fps);
  const values = new Float64Array(rows.length * FEATURES);
  rows.forEach((row, n) => values.set(smooth.subarray(row * FEATURES, (row + 1) * FEATURES), n * FEATURES));
  const signal = dominantComponent(values, fps);
  const ordered = sorted(signal);
  const amplitude = percentile(ordered, 95) - percentile(ordered, 5);
  const turns = findTurns(signal, fps, rows);
  const [maxima, minima] = [true, false].map((kind) => turns.filter(({ isMaximum }) => isMaximum === kind));
  // The rarer kind is the far one; of as many of both, the one that comes later.
  const rarerOrLater = [maxima, minima].sort((one, other) => one.length - other.length || other[0]?.frame - one[0]?.frame);
  const [times, starts] = rarerOrLater.map((kind) => kind.map(({ frame }) => rows[frame] / fps));
  const { strength } = periodicity(signal);
  const isClearlyRepeated = amplitude >= REPEATED_RANGE && times.length >= REPEATED_COUNT && strength >= REPEATED_PERIODICITY;
  return { times, starts, amplitude, strength, isClearlyRepeated };
};

// The first principal component that repeats, (T,); the very first if none does, even without drifts.
const dominantComponent = (values, fps) => {
  const components = principalComponents(values, FEATURES, COMPONENTS);
  if (periodicity(components[0].values).strength >= MIN_PERIODICITY) return components[0].values;
  const repeating = firstRepeating(components.slice(1));
  if (repeating) return repeating;
  const drift = runningMedian(values, FEATURES, Math.floor(DRIFT_WINDOW_S * fps) | 1);
  const without = values.map((value, n) => value - drift[n]);
  return firstRepeating(principalComponents(without, FEATURES, COMPONENTS)) ?? components[0].values;
};

const firstRepeating = (components) => components.find(({ values, share }) => {
  const { strength, period } = periodicity(values);
  return share >= MIN_VARIANCE_SHARE && strength >= MIN_PERIODICITY && period * MIN_CYCLES <= values.length;
})?.values;

// The turning points {frame, isMaximum} of a signal (T,), in order; `rows` (T,) are its frames in the clip.
const findTurns = (signal, fps, rows) => {
  const size = Math.floor(NEARBY_S * fps) | 1;
  const [high, low] = [runningMax, runningMin].map((extreme) => extreme(signal, 1, size));
  const ordered = sorted(signal);
  const overall = MIN_SWING_OVERALL * (percentile(ordered, 98) - percentile(ordered, 2));
  const turns = turningPoints(signal, high.map((value, n) => Math.max(MIN_SWING_NEARBY * (value - low[n]), overall)));
  return trimEnd(trimEnd(turns, signal, rows).reverse(), signal, rows).reverse();
};

// Without the first one if its swing is smaller than most; and without a small movement that is away from the others.
const trimEnd = (turns, signal, rows) => {
  let rest = [...turns];
  for (const [share, spacing] of [[MIN_END_SWING, 0], [MIN_AWAY_SWING, AWAY_SPACING]]) {
    if (rest.length < 4) break;
    const swings = rest.slice(1).map(({ frame }, n) => Math.abs(signal[frame] - signal[rest[n].frame]));
    const periods = rest.slice(2).map(({ frame }, n) => Math.abs(rows[frame] - rows[rest[n].frame]));
    if (swings[0] < share * median(swings.slice(1)) && periods[0] >= spacing * median(periods.slice(1))) rest = rest.slice(1);
  }
  return rest;
};

// Maxima and minima in turn; after each but the last the signal goes back by more than `swing` (T,).
const turningPoints = (signal, swing) => {
  const turns = [];
  let [highest, lowest, rising] = [0, 0, null];
  signal.forEach((value, frame) => {
    if (value > signal[highest]) highest = frame;
    if (value < signal[lowest]) lowest = frame;
    if (rising !== false && signal[highest] - value > swing[frame]) {
      turns.push({ frame: highest, isMaximum: true });
      [rising, lowest] = [false, frame];
    } else if (rising !== true && value - signal[lowest] > swing[frame]) {
      turns.push({ frame: lowest, isMaximum: false });
      [rising, highest] = [true, frame];
    }
  });
  if (rising !== null) turns.push(rising ? { frame: highest, isMaximum: true } : { frame: lowest, isMaximum: false });
  return turns;
};
