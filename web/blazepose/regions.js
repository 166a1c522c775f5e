// Regions of a frame in which a person may be: {centre: [x, y], up: [x, y]}, a circle around the middle of their hips,
// and from there to the point of the circle above the head, in pixels. See fitness_tracker/blazepose/regions.py.

import { constants } from "../constants.js";
import { rint } from "../numbers.js";
import { cutSquare, shrink } from "./pictures.js";

const { CROP_SCALE, CROP_SIZE, DETECTOR_SIZE, GRIDS } = constants.regions;
const { IMAGE_STEPS } = constants.landmarks;

export const distance = ([x, y], [u, v]) => Math.hypot(x - u, y - v);

export const sideOf = ({ up: [x, y] }) => 2 * CROP_SCALE * Math.sqrt(x * x + y * y);

// Pixels of the crop to pixels of the frame.
export const matrixOf = ({ centre, up }) => {
  const [x, y] = up.map((length) => ((2 * CROP_SCALE) / CROP_SIZE) * length);
  const middle = CROP_SIZE / 2;
  return [[-y, -x, centre[0] + (x + y) * middle], [x, -y, centre[1] + (y - x) * middle]];
};

// [x, y] of the middles of the detector's boxes, 0 to 1 of its picture.
export const ANCHORS = GRIDS.flatMap(([cells, boxes]) =>
  Array.from({ length: cells * cells * boxes }, (_, n) => {
    const cell = Math.floor(n / boxes);
    return [((cell % cells) + 0.5) / cells, (Math.floor(cell / cells) + 0.5) / cells];
  }),
);

// The detector's picture of a frame. A point of it times `scale` minus `shift` is the point of the frame.
export const detectorPicture = (frame) => {
  const side = Math.max(frame.width, frame.height);
  const [left, top] = [(side - frame.width) >> 1, (side - frame.height) >> 1];
  const picture = shrink(cutSquare(frame, -left, -top, side), DETECTOR_SIZE, DETECTOR_SIZE);
  return { picture, scale: side / DETECTOR_SIZE, shift: [left, top] };
};

// A point of a frame that was turned by quarter turns, to that of the `width` x `height` frame before.
export const turnBack = ([x, y], turns, width, height) =>
  [[x, y], [width - y, x], [width - x, height - y], [y, height - x]][turns];

// Rounded, so that a last bit in which devices differ does not change all later frames.
export const regionBetween = (centre, rim) => {
  const [middle, above] = [centre, rim].map((point) => point.map((value) => rint(value * IMAGE_STEPS) / IMAGE_STEPS));
  return { centre: middle, up: [above[0] - middle[0], above[1] - middle[1]] };
};

// The best three of regions, of which the likeliest come first: those like `last` if it is given, else large and central.
export const rankDetections = (regions, last, width, height) => {
  const middle = [width / 2, height / 2];
  const rank = (region) =>
    last
      ? -distance(region.centre, last.centre) / sideOf(last) - Math.abs(Math.log(sideOf(region) / sideOf(last)))
      : sideOf(region) * (1 - (0.5 * distance(region.centre, middle)) / Math.hypot(...middle));
  const distinct = [];
  for (const region of regions) {
    const near = distinct.some((known) => distance(region.centre, known.centre) < 0.25 * sideOf(known));
    if (sideOf(region) > 1 && !near) distinct.push(region);
  }
  return distinct.sort((one, other) => rank(other) - rank(one)).slice(0, 3);
};
