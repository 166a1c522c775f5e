// The classifier: from landmarks to probabilities of each frame and of the clip; see models/pose/classifier.py.

import { classifier } from "../constants.js";
import { clip } from "../numbers.js";
import { cutWindow, tracksOf, windowSpans } from "./features.js";

export const { exercises: EXERCISES, fps: FPS, held: HELD, members: MEMBERS, window: WINDOW } = classifier;
export const NONE = classifier.none;
const { none_threshold: NONE_THRESHOLD, temperature: TEMPERATURE, inputs: INPUTS } = classifier;
const CLASSES = EXERCISES.length;

// Raises to 1/temperature, so that confidence matches accuracy, and takes the mean over members.
const calibratedMean = (probabilities) => {
  const result = new Float64Array(CLASSES);
  for (let member = 0; member < MEMBERS; member++) {
    const logits = Array.from(probabilities.subarray(member * CLASSES, (member + 1) * CLASSES),
      (value) => Math.log(Math.max(value, 1e-12)) / TEMPERATURE);
    const highest = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - highest));
    const total = powers.reduce((one, other) => one + other, 0);
    powers.forEach((power, n) => (result[n] += power / total / MEMBERS));
  }
  return result;
};

const forgetNone = (probabilities) => {
  const known = probabilities.map((value, n) => (n < CLASSES - 1 ? value : 0) + 1e-6);
  const total = known.reduce((one, other) => one + other, 0);
  return known.map((value) => value / total);
};

export class Classifier {
  constructor(graph) {
    this.graph = graph;
  }

  // Of one window; `known` keeps answers by the window's first frame, for who asks about growing clips.
  async askWindow(tracks, span, known) {
    const isWhole = span[1] - span[0] === WINDOW;
    if (known && isWhole && known.has(span[0])) return known.get(span[0]);
    const inputs = INPUTS.map((name) => cutWindow(tracks[name], span, WINDOW));
    const outputs = await this.graph.run(inputs);
    const answer = calibratedMean(outputs.get(MEMBERS * CLASSES));
    if (answer.some(Number.isNaN)) throw new Error("the classifier's answers are no probabilities");
    if (known && isWhole) known.set(span[0], answer);
    return answer;
  }

  // {frames: (T, K) probabilities, probabilities: (K,), landmarks}. `rest` is awaited after each window.
  async predict(landmarks, { known, rest } = {}) {
    const nobody = Float64Array.from(EXERCISES, (_, n) => (n === CLASSES - 1 ? 1 : 0));
    if (!landmarks.isAnybodyFound) {
      return { frames: Array.from({ length: landmarks.length }, () => nobody), probabilities: nobody, landmarks };
    }
    const tracks = tracksOf(landmarks);
    const spans = windowSpans(tracks.shots, WINDOW);
    const longest = Math.max(...spans.map(([start, end]) => end - start));
    const whole = new Float64Array(CLASSES);
    const frames = Array.from({ length: landmarks.length }, () => new Float64Array(CLASSES));
    const counts = new Uint16Array(landmarks.length);
    let total = 0;
    for (const span of spans) {
      const [start, end] = span;
      const found = landmarks.found.subarray(start, end).reduce((one, other) => one + other, 0) / (end - start);
      let answer = nobody;
      if (found > 0) {
        answer = await this.askWindow(tracks, span, known);
        if (landmarks.length === 1) answer = forgetNone(answer);
        const weight = found * ((end - start) / longest);
        answer.forEach((value, n) => (whole[n] += weight * value));
        total += weight;
        if (rest) await rest(end / landmarks.length);
      }
      for (let frame = start; frame < end; frame++) {
        answer.forEach((value, n) => (frames[frame][n] += value));
        counts[frame] += 1;
      }
    }
    frames.forEach((values, frame) => values.forEach((value, n) => (values[n] = value / counts[frame])));
    return { frames, probabilities: whole.map((value) => value / total), landmarks };
  }
}

// 0 to 1, how little probabilities (K,) look like any one exercise.
export const noneScore = (probabilities) =>
  1 - Math.max(...probabilities.map((value, n) => (EXERCISES[n] === NONE ? 0 : value)));

// The likeliest exercise and its probability; or 'none' and its score above `tolerance` times the threshold.
export const decideLabel = (probabilities, tolerance = 1) => {
  const score = noneScore(probabilities);
  if (score > tolerance * NONE_THRESHOLD) return { exercise: NONE, confidence: score };
  const taught = probabilities.map((value, n) => (EXERCISES[n] === NONE ? 0 : value));
  const best = taught.indexOf(Math.max(...taught));
  return { exercise: EXERCISES[best], confidence: clip(probabilities[best], 0, 1) };
};

// The mean (K,) of frames' probabilities.
export const meanOf = (frames) => {
  const result = new Float64Array(CLASSES);
  for (const values of frames) values.forEach((value, n) => (result[n] += value / frames.length));
  return result;
};

