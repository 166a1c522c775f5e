// The classifier: from landmarks to probabilities of each frame and of the clip; see models/pose/classifier.py.

import { classifier, constants } from "../constants.js";
import { argmax, clip, sum } from "../numbers.js";
import { cutWindow, tracksOf, windowSpans } from "./features.js";
import { loadMetric, probabilityOf, similarity, vectorOf } from "./metric.js";

export const { exercises: EXERCISES, fps: FPS, held: HELD, members: MEMBERS, none: NONE, window: WINDOW } = classifier;
const { none_threshold: NONE_THRESHOLD, temperature: TEMPERATURE, inputs: INPUTS } = classifier;
const { LEAST } = constants.enrolment;
const CLASSES = EXERCISES.length;

// Raises to 1/temperature, so that confidence matches accuracy, and takes the mean over members.
const calibratedMean = (probabilities) => {
  const result = new Float64Array(CLASSES);
  for (let member = 0; member < MEMBERS; member++) {
    const logits = Array.from(probabilities.subarray(member * CLASSES, (member + 1) * CLASSES),
      (value) => Math.log(Math.max(value, 1e-12)) / TEMPERATURE);
    const highest = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - highest));
    const total = sum(powers);
    powers.forEach((power, n) => (result[n] += power / total / MEMBERS));
  }
  return result;
};

// A single picture cannot tell who stands from who begins.
const forgetNone = (probabilities) => {
  const known = probabilities.map((value, n) => (n < CLASSES - 1 ? value : 0) + 1e-6);
  const total = sum(known);
  return known.map((value) => value / total);
};

export class Classifier {
  constructor(graph) {
    this.graph = graph;
    this.enrolled = []; // exercises of one's own: {name, isHeld, vector}
  }

  // {probabilities (K,), embedding} of one window; `known` keeps answers by the window's first frame, for who asks about
  // growing clips.
  async askWindow(tracks, span, known) {
    const isWhole = span[1] - span[0] === WINDOW;
    if (known && isWhole && known.has(span[0])) return known.get(span[0]);
    const outputs = await this.graph.run(INPUTS.map((name) => cutWindow(tracks[name], span, WINDOW)));
    const answer = { probabilities: calibratedMean(outputs.get("probabilities")), embedding: outputs.get("embedding") };
    if (answer.probabilities.some(Number.isNaN)) throw new Error("the classifier's answers are no probabilities");
    if (known && isWhole) known.set(span[0], answer);
    return answer;
  }

  // Of all windows of a clip: {span, found: share of the frames with somebody, probabilities, embedding} each.
  async askWindows(landmarks, { known, rest } = {}) {
    const [tracks, windows] = [tracksOf(landmarks), []];
    for (const span of windowSpans(tracks.shots, WINDOW)) {
      const found = sum(landmarks.found.subarray(...span)) / (span[1] - span[0]);
      windows.push({ span, found, ...(await this.askWindow(tracks, span, known)) });
      if (rest) await rest();
    }
    return windows;
  }

  // {exercises, held, frames: (T, K) probabilities, probabilities: (K,), landmarks}. `rest` is awaited after each window.
  async predict(landmarks, options) {
    const windows = landmarks.isAnybodyFound ? await this.askWindows(landmarks, options) : [];
    if (landmarks.length === 1) for (const one of windows) one.probabilities = forgetNone(one.probabilities);
    else if (this.enrolled.length && windows.length) return average(await nameEnrolled(windows, this.enrolled), landmarks);
    return average({ windows, exercises: EXERCISES, held: HELD }, landmarks);
  }
}

// Windows count by how many of their frames show somebody; where nobody was found, all is 'none'.
const average = ({ windows, exercises, held }, landmarks) => {
  const none = new Float64Array(exercises.length).fill(1, -1); // all of it the last label
  if (!windows.length) return { exercises, held, frames: Array(landmarks.length).fill(none), probabilities: none, landmarks };
  const longest = Math.max(...windows.map(({ span: [start, end] }) => end - start));
  const whole = new Float64Array(exercises.length);
  const frames = Array.from({ length: landmarks.length }, () => new Float64Array(exercises.length));
  const counts = new Uint16Array(landmarks.length);
  let total = 0;
  for (const { span: [start, end], found, probabilities } of windows) {
    const weight = found * ((end - start) / longest);
    total += weight;
    probabilities.forEach((value, n) => (whole[n] += weight * value));
    for (let frame = start; frame < end; frame++) {
      (found ? probabilities : none).forEach((value, n) => (frames[frame][n] += value));
      counts[frame] += 1;
    }
  }
  frames.forEach((values, frame) => values.forEach((value, n) => (values[n] = value / counts[frame])));
  return { exercises, held, frames, probabilities: whole.map((value) => value / total), landmarks };
};

// The same with the enrolled exercises among the labels; see `name_enrolled` in prediction/enrolment.py.
const nameEnrolled = async (windows, enrolled) => {
  await loadMetric();
  const likely = windows.map(({ embedding }) => {
    const vector = vectorOf(embedding);
    const cosines = enrolled.map((one) => similarity(vector, one.vector));
    const nearest = argmax(cosines);
    return { nearest, probability: probabilityOf(cosines[nearest]) };
  });
  const shown = enrolled.filter((_, n) => likely.some((one) => one.nearest === n && one.probability >= LEAST));
  const merged = windows.map((one, n) => {
    const own = shown.map((exercise) => (exercise === enrolled[likely[n].nearest] ? likely[n].probability : 0));
    const rest = one.probabilities.map((value) => value * (1 - sum(own)));
    return { ...one, probabilities: Float64Array.of(...rest.subarray(0, -1), ...own, rest.at(-1)) };
  });
  return {
    windows: merged,
    exercises: [...EXERCISES.slice(0, -1), ...shown.map(({ name }) => name), NONE],
    held: [...HELD, ...shown.filter(({ isHeld }) => isHeld).map(({ name }) => name)],
  };
};

// 0 to 1, how little probabilities (K,), of which the last is that of 'none', look like any one exercise.
export const noneScore = (probabilities) => 1 - Math.max(...probabilities.subarray(0, -1));

// The likeliest exercise and its probability; or 'none' and its score above `tolerance` times the threshold.
export const decideLabel = (probabilities, exercises, tolerance = 1) => {
  const score = noneScore(probabilities);
  if (score > tolerance * NONE_THRESHOLD) return { exercise: NONE, confidence: score };
  const best = argmax(probabilities.subarray(0, -1));
  return { exercise: exercises[best], confidence: clip(probabilities[best], 0, 1) };
};

// The mean (K,) of frames' probabilities.
export const meanOf = (frames) => {
  const result = new Float64Array(frames[0].length);
  for (const values of frames) values.forEach((value, n) => (result[n] += value / frames.length));
  return result;
};
