// Arithmetic as NumPy and Python have it.

// To the nearest whole number, halves to the even one.
export const rint = (value) => {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
};

export const rounded = (value, digits) => Number(value.toFixed(digits));

export const clip = (value, least, most) => Math.min(Math.max(value, least), most);

export const sum = (values) => values.reduce((total, value) => total + value, 0);

export const mean = (values) => sum(values) / values.length;

export const weightedMean = (values, weights) =>
  values.reduce((total, value, n) => total + value * weights[n], 0) / sum(weights);

export const sorted = (values) => Float64Array.from(values).sort();

export const median = (values) => {
  const ordered = sorted(values);
  const half = ordered.length >> 1;
  return ordered.length % 2 ? ordered[half] : (ordered[half - 1] + ordered[half]) / 2;
};

// The value below which `percent` of the values lie, interpolated.
export const percentile = (ordered, percent) => {
  const at = (percent / 100) * (ordered.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, ordered.length - 1);
  return ordered[low] + (ordered[high] - ordered[low]) * (at - low);
};

export const argmax = (values) => {
  let best = 0;
  for (let n = 1; n < values.length; n++) if (values[n] > values[best]) best = n;
  return best;
};

export const standardDeviation = (values) => {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
};

// The stretches [start, end) in which `same(n)` holds between n - 1 and n.
export const stretchesOf = (length, same) => {
  const cuts = [0];
  for (let n = 1; n < length; n++) if (!same(n)) cuts.push(n);
  return cuts.map((start, n) => [start, n + 1 < cuts.length ? cuts[n + 1] : length]);
};
