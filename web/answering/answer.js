// From a prediction to the answer that people get: segments, each with an exercise and a count; see answering/answer.py.

import { constants } from "../constants.js";
import { argmax, rint, rounded, sum, weightedMean } from "../numbers.js";
import { EXERCISES, FPS, NONE, noneScore } from "../models/classifier.js";
import { posesOf } from "../models/features.js";
import { settleBorders } from "./borders.js";
import { widened } from "./filters.js";
import { measureMovement } from "./repetitions.js";
import { findStill, heldSeconds } from "./stillness.js";
import { findPauses, findStretches, IDLE_CONFIDENCE } from "./timeline.js";

const { EDGE_S } = constants.answer;
const { MIN_STILL_S } = constants.stillness;

// The fields of docs/prediction.schema.json, without the path.
export const answerPrediction = (prediction) => {
  const { landmarks } = prediction;
  const segments = findSegments(prediction);
  const seconds = new Map();
  for (const one of segments) seconds.set(one.exercise, (seconds.get(one.exercise) ?? 0) + one.end_s - one.start_s);
  const named = [...seconds].filter(([exercise]) => exercise !== NONE);
  const [longest] = (named.length ? named : [...seconds]).reduce((best, one) => (one[1] > best[1] ? one : best));
  const same = segments.filter(({ exercise }) => exercise === longest);
  const durations = same.map(({ start_s: start, end_s: end }) => end - start);
  return {
    exercise: longest,
    confidence: rounded(weightedMean(same.map(({ confidence }) => confidence), durations), 4),
    none_score: rounded(noneScore(prediction.probabilities), 4),
    repetitions: totalOf(same, "repetitions"),
    held_s: totalOf(same, "held_s"),
    duration_s: rounded(landmarks.length / FPS, 3),
    several_people: landmarks.several.includes(1),
    turned: turnedDegrees(landmarks.turns),
    enrolled: isOnesOwn(longest),
    segments: segments.map((one) => ({ ...one, confidence: rounded(one.confidence, 4), enrolled: isOnesOwn(one.exercise) })),
  };
};

const isOnesOwn = (exercise) => !EXERCISES.includes(exercise);

const totalOf = (segments, name) => {
  const values = segments.map((one) => one[name]).filter((value) => value !== null);
  return values.length ? rounded(sum(values), 1) : null;
};

// The degrees by which the frames were turned that were turned most often; 0 if none was.
const turnedDegrees = (turns) => {
  const counts = [0, 0, 0, 0];
  for (const one of turns) if (one > 0) counts[one] += 1;
  return 90 * argmax(counts);
};

// In order and without gaps.
export const findSegments = (prediction) => {
  const { landmarks } = prediction;
  if (!landmarks.isAnybodyFound) {
    return findStretches(prediction, new Uint8Array(landmarks.length)).map(plainSegment);
  }
  const poses = posesOf(landmarks);
  const still = findStill(poses, FPS);
  const pauses = findPauses(still, landmarks.shot, prediction);
  const stretches = findStretches(prediction, pauses);
  const moves = (stretch) => measureStretch(stretch, landmarks, pauses);
  const movements = stretches.map(moves);
  const settled = settleBorders(stretches, movements, poses, pauses, FPS);
  const stillAndFound = still.map((value, frame) => value & landmarks.found[frame]);
  const segments = [];
  settled.forEach((stretch, n) => {
    const isMoved = stretch.start !== stretches[n].start || stretch.end !== stretches[n].end;
    const segment = answerStretch(stretch, isMoved ? moves(stretch) : movements[n], poses, stillAndFound, prediction.held);
    if (segments.length && isIdle(segments.at(-1)) && isIdle(segment)) segments.push(joinIdle(segments.pop(), segment));
    else segments.push(segment);
  });
  return segments;
};

const plainSegment = ({ start, end, exercise, confidence }) => ({
  start_s: rounded(start / FPS, 3), end_s: rounded(end / FPS, 3), exercise, confidence, repetitions: null, held_s: null, times_s: [],
});

const isIdle = ({ exercise, repetitions }) => exercise === NONE && repetitions === null;

const joinIdle = (first, second) => {
  const lengths = [first, second].map(({ start_s: start, end_s: end }) => end - start);
  return { ...second, start_s: first.start_s, confidence: weightedMean([first.confidence, second.confidence], lengths) };
};

// The movement in a stretch, without its pauses; null if nobody is found in it.
const measureStretch = ({ start, end }, landmarks, pauses) => {
  const here = landmarks.slice(start, end);
  if (!here.isAnybodyFound) return null;
  const moving = pauses.slice(start, end).map((value) => 1 - value);
  return measureMovement(posesOf(here), FPS, widened(moving, 2 * rint(EDGE_S * FPS) + 1));
};

// Who repeats nothing does no exercise that is repeated, whatever it looks like; unless it is too short to tell.
const answerStretch = (stretch, movement, poses, still, held) => {
  const plain = plainSegment(stretch);
  if (!movement) return plain;
  if (held.includes(plain.exercise)) {
    return { ...plain, held_s: heldSeconds(still, poses, stretch.start, stretch.end, FPS) || null };
  }
  if (movement.isClearlyRepeated || (movement.times.length && plain.exercise !== NONE)) {
    const times = movement.times.map((time) => rounded(plain.start_s + time, 2));
    return { ...plain, repetitions: times.length, times_s: times };
  }
  if (plain.exercise !== NONE && stretch.end - stretch.start >= Math.max(3, MIN_STILL_S * FPS)) {
    return { ...plain, exercise: NONE, confidence: IDLE_CONFIDENCE };
  }
  return plain;
};
