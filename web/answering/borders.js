// Where one exercise ends and the next begins, if there is no pause between; see answering/borders.py.

import { constants } from "../constants.js";
import { clip, rint } from "../numbers.js";
import { NONE } from "../models/classifier.js";
import { clipFeatures, FEATURES } from "../models/features.js";

const { REACH_S } = constants.borders;
const [FIRST, BEHIND] = constants.features.BODY;

// The stretches, the borders between two exercises moved to where the movement changes.
export const settleBorders = (stretches, movements, poses, pauses, fps) => {
  const settled = [...stretches];
  if (stretches.length < 2) return settled;
  const features = clipFeatures(poses);
  const valuesOf = (frame) => features.subarray(frame * FEATURES + FIRST, frame * FEATURES + BEHIND);
  const reach = Math.max(1, rint(REACH_S * fps));
  for (let after = 1; after < settled.length; after++) {
    const pair = settled.slice(after - 1, after + 1);
    const begin = Math.max(pair[0].start + 1, pair[1].start - reach);
    const near = [];
    for (let frame = begin; frame < Math.min(pair[1].end, pair[1].start + reach); frame++) near.push(frame);
    if (pair.some(({ exercise }) => exercise === NONE) || near.some((frame) => pauses[frame])) continue;
    const ways = [after - 1, after].map((n) => wayOf(stretches[n], movements[n], valuesOf, near, fps));
    if (!ways.every(Boolean)) continue;
    let [total, least, border] = [0, Infinity, pair[1].start];
    for (const frame of near) {
      if (total < least) [least, border] = [total, frame];
      total += distance(valuesOf(frame), ...ways[0]) - distance(valuesOf(frame), ...ways[1]);
    }
    settled[after - 1] = { ...pair[0], end: border };
    settled[after] = { ...pair[1], start: border };
  }
  return settled;
};

// The two postures between which a stretch's repetitions go, away from the border; null if it has none.
const wayOf = (stretch, movement, valuesOf, near, fps) => {
  const kinds = (movement ? [movement.starts, movement.times] : []).map((times) =>
    times.map((time) => stretch.start + rint(time * fps)).filter((frame) => !near.includes(frame)));
  if (!kinds.length || !kinds.every((frames) => frames.length)) return null;
  return kinds.map((frames) => {
    const total = new Float64Array(BEHIND - FIRST);
    for (const frame of frames) valuesOf(frame).forEach((value, n) => (total[n] += value / frames.length));
    return total;
  });
};

// How far values are from the straight way between two points.
const distance = (values, start, end) => {
  let [along, whole, squares] = [0, 0, 0];
  for (let n = 0; n < start.length; n++) {
    along += (values[n] - start[n]) * (end[n] - start[n]);
    whole += (end[n] - start[n]) ** 2;
  }
  const share = clip(along / Math.max(whole, 1e-9), 0, 1);
  for (let n = 0; n < start.length; n++) squares += (values[n] - start[n] - share * (end[n] - start[n])) ** 2;
  return Math.sqrt(squares);
};
