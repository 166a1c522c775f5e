// A clip's timeline: stretches of one label each, the likeliest path of a hidden Markov model; see answering/timeline.py.

import { constants } from "../constants.js";
import { argmax, stretchesOf, weightedMean } from "../numbers.js";
import { decideLabel, FPS, meanOf, NONE } from "../models/classifier.js";
import { runs } from "./stillness.js";

const { IDLE_CONFIDENCE, MIN_PROBABILITY, NONE_TOLERANCE, PAUSE_COST, REST_S, SWITCH_COST_S } = constants.timeline;
export { IDLE_CONFIDENCE };

// {start, end, exercise, confidence} each, in order and without gaps; neighbours have different labels.
export const findStretches = (prediction, pauses) => {
  const path = findPath(prediction, pauses);
  const parts = stretchesOf(path.length, (n) => path[n] === path[n - 1]);
  if (parts.length === 1 && !pauses.includes(1)) {
    return [{ start: 0, end: path.length, ...decideLabel(prediction.probabilities, prediction.exercises) }];
  }
  const tolerance = parts.length > 1 ? NONE_TOLERANCE : 1;
  return mergeEqual(parts.map(([start, end]) => {
    const frames = prediction.frames.slice(start, end);
    const moving = frames.filter((_, n) => !pauses[start + n]);
    const label = decideLabel(meanOf(moving.length ? moving : frames), prediction.exercises, tolerance);
    if (!moving.length && label.exercise !== NONE) Object.assign(label, { exercise: NONE, confidence: IDLE_CONFIDENCE });
    return { start, end, ...label };
  }));
};

const mergeEqual = (stretches) => {
  const merged = [];
  for (const stretch of stretches) {
    const last = merged.at(-1);
    if (!last || last.exercise !== stretch.exercise) {
      merged.push(stretch);
      continue;
    }
    const lengths = [last.end - last.start, stretch.end - stretch.start];
    const confidence = weightedMean([last.confidence, stretch.confidence], lengths);
    merged[merged.length - 1] = { ...last, end: stretch.end, confidence };
  }
  return merged;
};

// (T,): where somebody is `still` and holds no exercise that is held.
export const findPauses = (still, shots, prediction) => {
  const pauses = still.slice();
  for (const [start, end] of runs(still, shots)) {
    const { exercise } = decideLabel(meanOf(prediction.frames.slice(start, end)), prediction.exercises);
    pauses.fill(prediction.held.includes(exercise) ? 0 : 1, start, end);
  }
  return pauses;
};

// The likeliest sequence of labels (T,), by their numbers.
const findPath = (prediction, pauses) => {
  const pause = prediction.exercises.map((name) => (name === NONE ? 0 : -PAUSE_COST));
  const values = prediction.frames.map((frame, n) =>
    pauses[n] ? pause : Array.from(frame, (value) => Math.log(Math.max(value, MIN_PROBABILITY))));
  if (!pauses.includes(1)) return likeliestPath(values);
  const none = prediction.exercises.length - 1;
  const path = new Array(values.length).fill(none);
  const moves = new Uint8Array(values.length).fill(1);
  for (const [start, end] of runs(pauses)) if (end - start >= REST_S * FPS) moves.fill(0, start, end);
  for (const [start, end] of runs(moves)) likeliestPath(values.slice(start, end)).forEach((label, n) => (path[start + n] = label));
  for (const [start, end] of runs(pauses)) {
    if (start === 0 || end === path.length || path[start - 1] !== path[end]) path.fill(none, start, end);
  }
  return path;
};

// Logarithms (T, K) of the labels' likelihood in each frame to the likeliest sequence of labels.
const likeliestPath = (values) => {
  let score = values[0].map((value) => value / FPS);
  const cameFrom = values.map(() => new Uint16Array(score.length));
  for (let time = 1; time < values.length; time++) {
    const best = argmax(score);
    const least = score[best] - SWITCH_COST_S;
    score.forEach((value, n) => (cameFrom[time][n] = value >= least ? n : best));
    score = score.map((value, n) => Math.max(value, least) + values[time][n] / FPS);
  }
  const path = new Array(values.length);
  path[values.length - 1] = argmax(score);
  for (let time = values.length - 1; time > 0; time--) path[time - 1] = cameFrom[time][path[time]];
  return path;
};
