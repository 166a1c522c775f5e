// Filters over time, edges repeated; see answering/filters.py. Values are flat, (T, width).

import { clip } from "../numbers.js";
import { constants } from "../constants.js";

const { GAUSSIAN_REACH } = constants.filters;

// The maximum (`sign` 1) or minimum (-1) of the `size` frames around each, an odd number.
export const runningExtreme = (values, width, size, sign) => {
  const length = values.length / width;
  const reach = size >> 1;
  const result = new Float64Array(values.length);
  const queue = new Int32Array(length);
  for (let column = 0; column < width; column++) {
    let [first, behind] = [0, 0]; // the queue's frames: those that may yet be the extreme, best first
    for (let frame = 0; frame < length + reach; frame++) {
      if (frame < length) {
        const value = sign * values[frame * width + column];
        while (behind > first && sign * values[queue[behind - 1] * width + column] <= value) behind -= 1;
        queue[behind++] = frame;
      }
      const middle = frame - reach;
      if (middle < 0) continue;
      if (queue[first] < middle - reach) first += 1;
      result[middle * width + column] = values[queue[first] * width + column];
    }
  }
  return result;
};

// Whether any of the `size` frames around each is marked.
export const widened = (marked, size) => Uint8Array.from(runningExtreme(marked, 1, size, 1));

export const runningMedian = (values, width, size) => {
  const length = values.length / width;
  const result = new Float64Array(values.length);
  const reach = size >> 1;
  for (let column = 0; column < width; column++) {
    const at = (frame) => values[clip(frame, 0, length - 1) * width + column];
    const window = Float64Array.from({ length: size }, (_, n) => at(n - reach)).sort();
    for (let frame = 0; frame < length; frame++) {
      result[frame * width + column] = window[reach];
      replace(window, at(frame - reach), at(frame + reach + 1));
    }
  }
  return result;
};

// In a sorted array: one value leaves, one enters.
const replace = (window, leaves, enters) => {
  let at = firstNotBelow(window, leaves);
  for (; at + 1 < window.length && window[at + 1] < enters; at++) window[at] = window[at + 1];
  for (; at > 0 && window[at - 1] > enters; at--) window[at] = window[at - 1];
  window[at] = enters;
};

const firstNotBelow = (ordered, value) => {
  let [low, high] = [0, ordered.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ordered[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
};

// `deviation`: the Gaussian's, in frames.
export const gaussianSmooth = (values, width, deviation) => {
  const length = values.length / width;
  const reach = Math.floor(GAUSSIAN_REACH * deviation + 0.5);
  const kernel = Array.from({ length: 2 * reach + 1 }, (_, n) => Math.exp((-0.5 / deviation ** 2) * (n - reach) ** 2));
  const total = kernel.reduce((one, other) => one + other, 0);
  const result = new Float64Array(values.length);
  for (let frame = 0; frame < length; frame++) {
    kernel.forEach((weight, n) => {
      const from = clip(frame + n - reach, 0, length - 1) * width;
      for (let column = 0; column < width; column++) result[frame * width + column] += (weight / total) * values[from + column];
    });
  }
  return result;
};
