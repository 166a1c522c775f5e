// How alike two movements are, taught or not; see fitness_tracker/models/pose/metric.py. A vector is (M, U), flat.

import { classifier, fetchFile } from "../constants.js";

const { members: MEMBERS, units: UNITS, metric: { file: FILE, slope: SLOPE, middle: MIDDLE, ceiling: CEILING } } = classifier;

let metric = null; // {mean: (M, U), whitening: (M, U, U) lower triangular, row by row}

// Before anything here is used.
export const loadMetric = async () => {
  metric ??= await fetchMetric();
};

const fetchMetric = async () => {
  const bytes = await fetchFile(FILE);
  const size = MEMBERS * UNITS;
  return { mean: new Float32Array(bytes, 0, size), whitening: Float32Array.from(new Uint16Array(bytes, 4 * size), half) };
};

// The bits of a float16 to its value; few browsers have Float16Array.
const half = (bits) => {
  const [exponent, fraction] = [(bits >> 10) & 31, (bits & 1023) / 1024];
  return (bits >> 15 ? -1 : 1) * (exponent ? 2 ** (exponent - 15) * (1 + fraction) : 2 ** -14 * fraction);
};

// An embedding (M, U) of a window to a vector whose members have length 1.
export const vectorOf = (embedding) => {
  const vector = new Float64Array(MEMBERS * UNITS);
  for (let member = 0, at = 0; member < MEMBERS; member++) {
    for (let row = 0; row < UNITS; row++) {
      const value = embedding[member * UNITS + row];
      const centred = Math.sign(value) * Math.sqrt(Math.abs(value)) - metric.mean[member * UNITS + row];
      for (let column = 0; column <= row; column++) vector[member * UNITS + column] += centred * metric.whitening[at++];
    }
  }
  return unitLength(vector);
};

export const unitLength = (vector) => {
  const result = new Float32Array(vector.length);
  for (let begin = 0; begin < vector.length; begin += UNITS) {
    const part = vector.subarray(begin, begin + UNITS);
    const length = Math.max(Math.sqrt(part.reduce((total, value) => total + value * value, 0)), 1e-9);
    result.set(part.map((value) => value / length), begin);
  }
  return result;
};

export const meanVector = (vectors) =>
  unitLength(Float64Array.from(vectors[0], (_, n) => vectors.reduce((total, vector) => total + vector[n], 0) / vectors.length));

// The mean of the members' cosines.
export const similarity = (one, other) => one.reduce((total, value, n) => total + value * other[n], 0) / MEMBERS;

// That the movement is the same.
export const probabilityOf = (cosine) => CEILING / (1 + Math.exp(-SLOPE * (cosine - MIDDLE)));
