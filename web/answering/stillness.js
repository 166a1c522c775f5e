// Where somebody is still: in a pause, at rest, or holding an exercise; see answering/stillness.py.

import { constants } from "../constants.js";
import { median, rounded, stretchesOf, sum } from "../numbers.js";
import { clipFeatures, FEATURES } from "../models/features.js";
import { runningMax, runningMin, widened } from "./filters.js";

const { MIN_STILL_S, POSTURE_RANGE, STILL_RANGE, WINDOW_S } = constants.stillness;
const { UNMOVED } = constants.features;

const windowFrames = (fps) => Math.max(3, Math.floor(WINDOW_S * fps) | 1);

// (T,) 0 or 1: the frames around which somebody is still, for `MIN_STILL_S` or longer.
export const findStill = (poses, fps) => {
  const features = clipFeatures(poses);
  const still = new Uint8Array(poses.length);
  for (const [start, end] of poses.shots) {
    const values = new Float64Array((end - start) * UNMOVED.length);
    for (let frame = start, to = 0; frame < end; frame++) {
      for (const feature of UNMOVED) values[to++] = features[frame * FEATURES + feature];
    }
    const [high, low] = [runningMax, runningMin].map((extreme) => extreme(values, UNMOVED.length, windowFrames(fps)));
    for (let frame = start; frame < end; frame++) {
      let squares = 0;
      for (let n = (frame - start) * UNMOVED.length, last = n + UNMOVED.length; n < last; n++) squares += (high[n] - low[n]) ** 2;
      still[frame] = Math.sqrt(squares) < STILL_RANGE ? 1 : 0;
    }
  }
  for (const [start, end] of runs(still)) still.fill(end - start >= Math.max(2, MIN_STILL_S * fps) ? 1 : 0, start, end);
  return still;
};

// How long the position is held, in frames [start, end) of a clip, in which somebody is still longest.
export const heldSeconds = (still, poses, start, end, fps) => {
  const features = clipFeatures(poses);
  const held = still.slice(start, end);
  const valuesIn = ([first, behind], feature) =>
    Array.from({ length: behind - first }, (_, n) => features[(start + first + n) * FEATURES + feature]);
  const postures = runs(held).map((run) => ({ run, values: UNMOVED.map((feature) => median(valuesIn(run, feature))) }));
  if (!postures.length) return 0;
  const longest = postures.reduce((best, one) => (one.run[1] - one.run[0] > best.run[1] - best.run[0] ? one : best));
  for (const { run, values } of postures) {
    if (Math.hypot(...values.map((value, n) => value - longest.values[n])) >= POSTURE_RANGE) held.fill(0, ...run);
  }
  return rounded(sum(widened(held, windowFrames(fps))) / fps, 1);
};

// (T,) to the stretches [start, end) that are marked; none beyond its shot if the numbers (T,) are given.
export const runs = (marked, shots) =>
  stretchesOf(marked.length, (n) => marked[n] === marked[n - 1] && (!shots || shots[n] === shots[n - 1]))
    .filter(([start]) => marked[start]);
