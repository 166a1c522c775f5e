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

// Of a symmetric matrix, of which the upper half is given: it is made tridiagonal by Householder's reflections, and that
// diagonal by the QL method with implicit shifts (Wilkinson and Reinsch 1971, 'tred2' and 'tql2').
const eigenvectors = (upper) => {
  const size = upper.length;
  const vectors = upper.map((_, row) => Float64Array.from({ length: size }, (__, column) => upper[Math.min(row, column)][Math.max(row, column)]));
  const [sizes, beside] = [new Float64Array(size), new Float64Array(size)];
  makeTridiagonal(vectors, sizes, beside);
  makeDiagonal(vectors, sizes, beside);
  return { sizes, vectors: vectors.map((_, n) => vectors.map((row) => row[n])) };
};

const makeTridiagonal = (rows, diagonal, beside) => {
  const size = rows.length;
  for (let i = size - 1; i > 0; i--) {
    const row = rows[i];
    let scale = 0;
    for (let k = 0; k < i; k++) scale += Math.abs(row[k]);
    if (i === 1 || scale === 0) {
      beside[i] = row[i - 1];
      diagonal[i] = 0;
      continue;
    }
    let square = 0;
    for (let k = 0; k < i; k++) {
      row[k] /= scale;
      square += row[k] * row[k];
    }
    const root = row[i - 1] >= 0 ? -Math.sqrt(square) : Math.sqrt(square);
    beside[i] = scale * root;
    square -= row[i - 1] * root;
    row[i - 1] -= root;
    let total = 0;
    for (let j = 0; j < i; j++) {
      rows[j][i] = row[j] / square;
      let product = 0;
      for (let k = 0; k <= j; k++) product += rows[j][k] * row[k];
      for (let k = j + 1; k < i; k++) product += rows[k][j] * row[k];
      beside[j] = product / square;
      total += beside[j] * row[j];
    }
    for (let j = 0; j < i; j++) {
      const value = row[j];
      beside[j] -= (total / (square + square)) * value;
      for (let k = 0; k <= j; k++) rows[j][k] -= value * beside[k] + beside[j] * row[k];
    }
    diagonal[i] = square;
  }
  diagonal[0] = beside[0] = 0;
  for (let i = 0; i < size; i++) {
    if (diagonal[i] !== 0) {
      for (let j = 0; j < i; j++) {
        let product = 0;
        for (let k = 0; k < i; k++) product += rows[i][k] * rows[k][j];
        for (let k = 0; k < i; k++) rows[k][j] -= product * rows[k][i];
      }
    }
    diagonal[i] = rows[i][i];
    rows[i][i] = 1;
    for (let j = 0; j < i; j++) rows[j][i] = rows[i][j] = 0;
  }
};

const makeDiagonal = (rows, diagonal, beside) => {
  const size = rows.length;
  beside.copyWithin(0, 1);
  beside[size - 1] = 0;
  for (let first = 0; first < size; first++) {
    for (let round = 0; round < 60; round++) {
      let last = first;
      while (last < size - 1 && Math.abs(beside[last]) > Number.EPSILON * (Math.abs(diagonal[last]) + Math.abs(diagonal[last + 1]))) last += 1;
      if (last === first) break;
      let shift = (diagonal[first + 1] - diagonal[first]) / (2 * beside[first]);
      const root = Math.hypot(shift, 1);
      shift = diagonal[last] - diagonal[first] + beside[first] / (shift + (shift >= 0 ? root : -root));
      let [sine, cosine, moved, i] = [1, 1, 0, last - 1];
      for (; i >= first; i--) {
        const [part, rest] = [sine * beside[i], cosine * beside[i]];
        const length = Math.hypot(part, shift);
        beside[i + 1] = length;
        if (length === 0) {
          diagonal[i + 1] -= moved;
          beside[last] = 0;
          break;
        }
        sine = part / length;
        cosine = shift / length;
        const value = diagonal[i + 1] - moved;
        const step = (diagonal[i] - value) * sine + 2 * cosine * rest;
        moved = sine * step;
        diagonal[i + 1] = value + moved;
        shift = cosine * step - rest;
        for (let k = 0; k < size; k++) {
          const row = rows[k];
          const other = row[i + 1];
          row[i + 1] = sine * row[i] + cosine * other;
          row[i] = cosine * row[i] - sine * other;
        }
      }
      if (i >= first) continue;
      diagonal[first] -= moved;
      beside[first] = shift;
      beside[last] = 0;
    }
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
