// What a clip shows of an exercise: its repetitions, or the position that is held; see prediction/enrol.py.

import { constants } from "../constants.js";
import { mean, median, rint, rounded } from "../numbers.js";
import { measureMovement } from "../answering/repetitions.js";
import { findStill, runs } from "../answering/stillness.js";
import { FPS, WINDOW } from "../models/classifier.js";
import { posesOf, standingOf } from "../models/features.js";
import { meanVector, vectorOf } from "../models/metric.js";
import { Problem } from "../problems.js";

const {
  AWAY, HANDS_HEIGHT, MIN_FOUND, MIN_HELD_S, SMALL_COUNT, SMALL_PERIODICITY, SMALL_RANGE, STRAIGHT_COSINE, UPRIGHT_COSINE,
} = constants.enrol;
const { REPEATED_RANGE } = constants.repetitions;

// {landmarks, repetitions, held_s, vector}.
export const takeExercise = async (landmarks, predictor) => {
  if (!landmarks.length || mean(landmarks.found) < MIN_FOUND) throw new Problem("nobodyShown");
  const poses = posesOf(landmarks);
  const still = findStill(poses, FPS).map((value, frame) => value & landmarks.found[frame]);
  const movement = measureMovement(poses, FPS);
  const held = longestHold(still, poses);
  const times = centralTimes(movement.times);
  let [start, end, repetitions] = [0, 0, 0];
  if (isRepeated(movement) || (!held && times.length && movement.amplitude >= REPEATED_RANGE)) {
    [start, end] = spanOf(times, movement).map((seconds) => rint(seconds * FPS));
    repetitions = times.length;
  } else if (held) {
    [start, end] = held;
  } else {
    throw new Problem("nothingShown");
  }
  const seconds = repetitions ? 0 : rounded((end - start) / FPS, 1);
  const missing = Math.max(0, WINDOW - (end - start)); // to see it as the network does
  start = Math.max(0, Math.min(start - Math.floor(missing / 2), landmarks.length - WINDOW));
  const part = landmarks.slice(start, Math.min(Math.max(end, start + WINDOW), landmarks.length));
  const windows = await predictor.askWindows(part);
  return { landmarks: part, repetitions, held_s: seconds, vector: meanVector(windows.map(({ embedding }) => vectorOf(embedding))) };
};

const isRepeated = ({ amplitude, strength, times, isClearlyRepeated }) =>
  isClearlyRepeated || (amplitude >= SMALL_RANGE && strength >= SMALL_PERIODICITY && times.length >= SMALL_COUNT);

// The longest run of frames in which somebody holds a position that is not just standing; null if it is short.
const longestHold = (still, poses) => {
  const holding = still.map((value, frame) => value & !onlyStands(standingOf(poses, frame)));
  const [start, end] = runs(holding).reduce((best, run) => (run[1] - run[0] > best[1] - best[0] ? run : best), [0, 0]);
  return end - start >= MIN_HELD_S * FPS ? [start, end] : null;
};

const onlyStands = ({ bent, hands, upright }) => bent < STRAIGHT_COSINE && hands < HANDS_HEIGHT && upright > UPRIGHT_COSINE;

// The most repetitions that follow one another without a long pause.
const centralTimes = (times) => {
  if (times.length < 3) return times;
  const gaps = times.slice(1).map((time, n) => time - times[n]);
  const longest = AWAY * median(gaps);
  const cuts = [0, ...[...gaps.keys()].filter((n) => gaps[n] > longest).map((n) => n + 1), times.length];
  const parts = cuts.slice(1).map((end, n) => times.slice(cuts[n], end));
  return parts.reduce((best, part) => (part.length > best.length ? part : best));
};

// Seconds from where the first of the repetitions starts to where the last ends.
const spanOf = (times, { starts }) => {
  const [first, last] = [times[0], times.at(-1)];
  const half = times.length > 1 ? median(times.slice(1).map((time, n) => time - times[n])) / 2 : 1;
  const before = starts.findLast((start) => start < first) ?? first - half;
  const after = starts.find((start) => start > last) ?? last + half;
  return [Math.max(before, first - 2 * half), Math.min(after, last + 2 * half)];
};
