// The principal components of features over time, and how strongly a signal repeats.

import { mean } from "../numbers.js";

// Values (T, width) to at most `count` components {values: (T,), share: 0 to 1 of the variance}, the largest first.
export const principalComponents = (values, width, count) => {
  const length = values.length / width;
  const centred = values.slice();
  for (let column = 0; column < width; column++) {
    let total = 0;
    for (let at = column; at < values.length; at += width) total += values[at];
    for (let at = column; at < values.length; at += width) centred[at] -= total / length;
  }
  const covariance = Array.from({ length: width }, () => new Float64Array(width));
  for (let at = 0; at < centred.length; at += width) {
    for (let row = 0; row < width; row++) {
      for (let column = row; column < width; column++) covariance[row][column] += centred[at + row] * centred[at + column];
    }
  }
  const { sizes, vectors } = eigenvectors(covariance);
  const whole = Math.max(sizes.reduce((total, size) => total + size, 0), 1e-12);
  const order = [...sizes.keys()].sort((one, other) => sizes[other] - sizes[one]);
  return order.slice(0, Math.min(count, length)).map((number) => {
    const signal = new Float64Array(length);
    for (let frame = 0; frame < length; frame++) {
      for (let column = 0; column < width; column++) signal[frame] += centred[frame * width + column] * vectors[number][column];
    }
    return { values: signal, share: Math.max(sizes[number], 0) / whole };
  });
};

// Of a symmetric matrix, of which the upper half is given: Jacobi's rotations, until nothing is left off the diagonal.
const eigenvectors = (upper) => {
  const size = upper.length;
  const matrix = upper.map((_, row) => Float64Array.from({ length: size }, (__, column) => upper[Math.min(row, column)][Math.max(row, column)]));
  const vectors = upper.map((_, row) => Float64Array.from({ length: size }, (__, column) => (row === column ? 1 : 0)));
  const least = 1e-14 * matrix.reduce((total, row, n) => total + Math.abs(row[n]), 0);
  for (let sweep = 0, turned = true; turned && sweep < 30; sweep++) {
    turned = false;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        if (Math.abs(matrix[p][q]) <= least) continue;
        turned = true;
        const slope = (matrix[q][q] - matrix[p][p]) / (2 * matrix[p][q]);
        const tangent = (slope < 0 ? -1 : 1) / (Math.abs(slope) + Math.sqrt(slope * slope + 1));
        const cosine = 1 / Math.sqrt(tangent * tangent + 1);
        rotateColumns(matrix, p, q, cosine, tangent * cosine);
        rotateRows(matrix[p], matrix[q], cosine, tangent * cosine);
        rotateRows(vectors[p], vectors[q], cosine, tangent * cosine);
      }
    }
  }
  return { sizes: matrix.map((row, n) => row[n]), vectors };
};

const rotateRows = (first, second, cosine, sine) => {
  for (let n = 0; n < first.length; n++) {
    const value = first[n];
    first[n] = cosine * value - sine * second[n];
    second[n] = sine * value + cosine * second[n];
  }
};

const rotateColumns = (matrix, p, q, cosine, sine) => {
  for (let n = 0; n < matrix.length; n++) {
    const row = matrix[n];
    const value = row[p];
    row[p] = cosine * value - sine * row[q];
    row[q] = sine * value + cosine * row[q];
  }
};

// How strongly a signal repeats, 0 to 1, and its period in frames; see `periodicity` in answering/repetitions.py.
export const periodicity = (signal) => {
  const number = signal.length;
  const raw = autocorrelation(signal, Math.floor(number * 0.67));
  if (!(raw[0] > 1e-12)) return { strength: 0, period: 0 };
  const correlation = raw.map((value, lag) => ((value / raw[0]) * number) / (number - lag));
  const negative = correlation.findIndex((value) => value < 0);
  const rest = negative < 0 ? [] : correlation.subarray(negative);
  const top = rest.reduce((one, other) => Math.max(one, other), 0);
  if (top <= 0) return { strength: 0, period: 0 };
  let lag = negative + rest.findIndex((value) => value >= 0.85 * top);
  while (lag + 1 < correlation.length && correlation[lag + 1] > correlation[lag]) lag += 1;
  return { strength: Math.min(correlation[lag], 1), period: lag };
};

// Of a signal less its mean, up to so many frames apart.
const autocorrelation = (signal, lags) => {
  const centre = mean(signal);
  const centred = signal.map((value) => value - centre);
  return Float64Array.from({ length: lags }, (_, lag) => {
    let total = 0;
    for (let n = lag; n < centred.length; n++) total += centred[n] * centred[n - lag];
    return total;
  });
};
