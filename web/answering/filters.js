// Filters over time, edges repeated; see answering/filters.py. Values are flat, (T, width).

import { clip, sorted } from "../numbers.js";
import { constants } from "../constants.js";

const { GAUSSIAN_REACH } = constants.filters;

const valueAt = (values, width, frame, column) => values[clip(frame, 0, values.length / width - 1) * width + column];

// The extreme that `pick` takes of the `size` frames around each, an odd number.
const runningExtreme = (values, width, size, pick) => Float64Array.from(values, (value, at) => {
  const [frame, column] = [Math.floor(at / width), at % width];
  for (let n = frame - (size >> 1); n <= frame + (size >> 1); n++) value = pick(value, valueAt(values, width, n, column));
  return value;
});

export const runningMax = (values, width, size) => runningExtreme(values, width, size, Math.max);

export const runningMin = (values, width, size) => runningExtreme(values, width, size, Math.min);

// A sorted window, which one value leaves and one enters a frame.
export const runningMedian = (values, width, size) => {
  const [result, reach] = [new Float64Array(values.length), size >> 1];
  for (let column = 0; column < width; column++) {
    const window = Array.from(sorted(Array.from({ length: size }, (_, n) => valueAt(values, width, n - reach, column))));
    for (let frame = 0; frame < values.length / width; frame++) {
      result[frame * width + column] = window[reach];
      const enters = valueAt(values, width, frame + reach + 1, column);
      window.splice(window.indexOf(valueAt(values, width, frame - reach, column)), 1);
      const place = window.findIndex((value) => value > enters);
      window.splice(place < 0 ? window.length : place, 0, enters);
    }
  }
  return result;
};

// Whether any of the `size` frames around each is marked.
export const widened = (marked, size) => Uint8Array.from(runningMax(marked, 1, size));

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
