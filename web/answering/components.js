// The principal components of features over time, and how strongly a signal repeats.

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
  const raw = autocorrelation(signal);
  if (raw[0] <= 1e-12) return { strength: 0, period: 0 };
  const last = Math.floor(number * 0.67);
  const correlation = raw.slice(0, last).map((value, lag) => ((value / raw[0]) * number) / (number - lag));
  const negative = correlation.findIndex((value) => value < 0);
  const rest = negative < 0 ? [] : correlation.subarray(negative);
  const top = rest.reduce((one, other) => Math.max(one, other), 0);
  if (top <= 0) return { strength: 0, period: 0 };
  let lag = negative + rest.findIndex((value) => value >= 0.85 * top);
  while (lag + 1 < correlation.length && correlation[lag + 1] > correlation[lag]) lag += 1;
  return { strength: Math.min(correlation[lag], 1), period: lag };
};

// Of a signal less its mean, by the Fourier transform of its power spectrum.
const autocorrelation = (signal) => {
  const mean = signal.reduce((total, value) => total + value, 0) / signal.length;
  let size = 1;
  while (size < 2 * signal.length) size *= 2;
  const [real, imaginary] = [new Float64Array(size), new Float64Array(size)];
  signal.forEach((value, n) => (real[n] = value - mean));
  transform(real, imaginary);
  for (let n = 0; n < size; n++) {
    real[n] = real[n] ** 2 + imaginary[n] ** 2;
    imaginary[n] = 0;
  }
  transform(real, imaginary); // of a symmetric spectrum the inverse is the same, but for the scale
  return real.subarray(0, signal.length).map((value) => value / size);
};

// The discrete Fourier transform in place, of a power of two values (Cooley and Tukey 1965).
const transform = (real, imaginary) => {
  const size = real.length;
  for (let n = 1, reversed = 0; n < size; n++) {
    let bit = size >> 1;
    for (; reversed & bit; bit >>= 1) reversed ^= bit;
    reversed ^= bit;
    if (n < reversed) {
      [real[n], real[reversed]] = [real[reversed], real[n]];
      [imaginary[n], imaginary[reversed]] = [imaginary[reversed], imaginary[n]];
    }
  }
  for (let half = 1; half < size; half *= 2) {
    for (let n = 0; n < half; n++) {
      const angle = (-Math.PI * n) / half;
      const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
      for (let one = n; one < size; one += 2 * half) {
        const other = one + half;
        const [x, y] = [real[other] * cosine - imaginary[other] * sine, real[other] * sine + imaginary[other] * cosine];
        [real[other], imaginary[other]] = [real[one] - x, imaginary[one] - y];
        [real[one], imaginary[one]] = [real[one] + x, imaginary[one] + y];
      }
    }
  }
};
