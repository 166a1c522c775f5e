// Pictures {width, height, data: (H, W, 4) uint8 RGBA}, and what OpenCV does with them in Python.

import { clip, rint } from "../numbers.js";

const emptyPicture = (width, height) => ({ width, height, data: new Uint8ClampedArray(4 * width * height) });

// For each of `size` pixels: the first of the `length` pixels that it covers, and the shares of these.
const areaWeights = (length, size) => {
  const scale = length / size;
  return Array.from({ length: size }, (_, n) => {
    const start = n * scale;
    const end = Math.min(start + scale, length);
    const first = Math.floor(start + 1e-9);
    const shares = [];
    for (let pixel = first; pixel < end - 1e-9; pixel++) {
      shares.push((Math.min(pixel + 1, end) - Math.max(pixel, start)) / (end - start));
    }
    return { first, shares };
  });
};

// Each pixel the mean of the area that it covers: INTER_AREA.
export const shrink = ({ width, height, data }, toWidth, toHeight) => {
  const [columns, rows] = [areaWeights(width, toWidth), areaWeights(height, toHeight)];
  const wide = new Float32Array(3 * toWidth * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (const { first, shares } of columns) {
      let [red, green, blue] = [0, 0, 0];
      for (let n = 0, from = 4 * (y * width + first); n < shares.length; n++, from += 4) {
        red += shares[n] * data[from];
        green += shares[n] * data[from + 1];
        blue += shares[n] * data[from + 2];
      }
      wide[at++] = red;
      wide[at++] = green;
      wide[at++] = blue;
    }
  }
  const small = emptyPicture(toWidth, toHeight);
  const row = new Float32Array(3 * toWidth);
  rows.forEach(({ first, shares }, y) => {
    row.fill(0);
    shares.forEach((share, n) => {
      const from = 3 * toWidth * (first + n);
      for (let at = 0; at < row.length; at++) row[at] += share * wide[from + at];
    });
    for (let x = 0; x < toWidth; x++) {
      const to = 4 * (y * toWidth + x);
      for (let colour = 0; colour < 3; colour++) small.data[to + colour] = rint(row[3 * x + colour]);
      small.data[to + 3] = 255;
    }
  });
  return small;
};

// As `np.rot90` turns it: quarter turns counter-clockwise.
export const turnPicture = (picture, turns) => {
  if (turns === 0) return picture;
  const { width, height } = picture;
  const turned = turns === 2 ? emptyPicture(width, height) : emptyPicture(height, width);
  const [from, to] = [new Uint32Array(picture.data.buffer), new Uint32Array(turned.data.buffer)];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const [row, column] = [null, [width - 1 - x, y], [height - 1 - y, width - 1 - x], [x, height - 1 - y]][turns];
      to[row * turned.width + column] = from[at];
    }
  }
  return turned;
};

// The square of `size` pixels a side from `left` and `top` on; black beyond the picture's edges.
export const cutSquare = ({ width, height, data }, left, top, size) => {
  const square = emptyPicture(size, size);
  const [start, end] = [Math.max(left, 0), Math.min(left + size, width)];
  for (let y = Math.max(top, 0); y < Math.min(top + size, height); y++) {
    square.data.set(data.subarray(4 * (y * width + start), 4 * (y * width + end)), 4 * ((y - top) * size + start - left));
  }
  return square;
};

// The square that an affine `matrix` [[a, b, c], [d, e, f]] takes from a picture, edges repeated, into `target`:
// (size, size, 3) float32 RGB, 0-1. Places count in 1/32 pixels, and colours are whole, as in `cv2.warpAffine`.
export const cropInto = ({ width, height, data }, [[a, b, c], [d, e, f]], size, target) => {
  for (let y = 0, at = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const [across, down] = [Math.round(32 * (a * x + b * y + c)), Math.round(32 * (d * x + e * y + f))];
      const [column, row] = [across >> 5, down >> 5];
      const [right, below] = [(across & 31) / 32, (down & 31) / 32];
      const [left, next] = [clip(column, 0, width - 1), clip(column + 1, 0, width - 1)];
      const [top, under] = [clip(row, 0, height - 1) * width, clip(row + 1, 0, height - 1) * width];
      const [p, q, r, s] = [4 * (top + left), 4 * (top + next), 4 * (under + left), 4 * (under + next)];
      for (let colour = 0; colour < 3; colour++) {
        const upper = data[p + colour] * (1 - right) + data[q + colour] * right;
        const lower = data[r + colour] * (1 - right) + data[s + colour] * right;
        target[at++] = Math.round(upper * (1 - below) + lower * below) / 255;
      }
    }
  }
};
