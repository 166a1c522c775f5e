// Pictures that lie on their side: whoever stands in such a shot is turned upright. See blazepose/upright.py.

import { constants } from "../constants.js";
import { argmax, mean, median, standardDeviation } from "../numbers.js";
import { POINTS } from "./landmarks.js";
import { turnBack } from "./regions.js";

const { BIAS, MIN_FRAMES, MIN_SCORE, MIN_SHIN, MIN_THIGH, MIN_TRUNK, WEIGHTS } = constants.upright;
const { Landmark } = constants.skeleton;

export const turnUpright = (landmarks, width, height) => {
  const turns = quarterTurns(landmarks);
  return turns ? turn(landmarks, turns, width, height) : landmarks;
};

const quarterTurns = (landmarks) => {
  const seen = landmarks.take([...landmarks.found.keys()].filter((n) => landmarks.found[n]));
  if (seen.length < MIN_FRAMES) return 0;
  const trunks = placesOf(seen.world, 3, 3).map(trunk);
  const [x, y] = [0, 1].map((axis) => mean(trunks.map((vector) => vector[axis])));
  const turns = argmax([-y, x, y, -x]); // those that bring the head up
  return turns && stands(turn(seen, turns, 0, 0)) ? turns : 0;
};

// For each frame, from a landmark's name to its place: the first `axes` of the `width` values that it has.
const placesOf = (values, width, axes) => Array.from({ length: values.length / width / POINTS }, (_, frame) => (name) => {
  const at = width * (frame * POINTS + Landmark[name]);
  return values.subarray(at, at + axes);
});

const less = (first, second) => Array.from(first, (value, axis) => value - second[axis]);
const middle = (point, name) => Array.from(point(`LEFT_${name}`), (value, axis) => (value + point(`RIGHT_${name}`)[axis]) / 2);
const unit = (vector) => {
  const length = Math.max(Math.hypot(...vector), 1e-6);
  return vector.map((value) => value / length);
};
const across = (point, name) => unit(less(point(`LEFT_${name}`), point(`RIGHT_${name}`)));
const trunk = (point) => unit(less(middle(point, "SHOULDER"), middle(point, "HIP")));

// Whether somebody who is found in all frames clearly stands, and does not lie in a picture on its side.
const stands = (landmarks) => {
  const points = placesOf(landmarks.world, 3, 3);
  const down = (vector) => mean(points.map((point) => vector(point)[1]));
  const leg = (start, end) => (point) => unit(less(middle(point, end), middle(point, start)));
  if (-down(trunk) < MIN_TRUNK || down(leg("HIP", "KNEE")) < MIN_THIGH || down(leg("KNEE", "ANKLE")) < MIN_SHIN) return false;
  return posture(landmarks).reduce((total, value, n) => total + WEIGHTS[n] * value, BIAS) > MIN_SCORE;
};

// Six numbers that tell who stands from who lies; see `posture` in Python.
const posture = (landmarks) => {
  const [world, image] = [placesOf(landmarks.world, 3, 3), placesOf(landmarks.image, 4, 2)];
  const lengths = image.map((point) => Math.hypot(...less(middle(point, "SHOULDER"), middle(point, "HIP"))));
  const torso = Math.max(median(lengths), 1e-6);
  const foot = (point, side) => unit(less(point(`${side}_FOOT_INDEX`), point(`${side}_HEEL`)))[1];
  return [
    mean(world.map((point) => Math.abs(across(point, "HIP")[1]))),
    standardDeviation(image.map((point) => middle(point, "HIP")[1])) / torso,
    standardDeviation(world.map((point) => trunk(point)[1])),
    standardDeviation(image.map((point) => middle(point, "WRIST")[0])) / torso,
    mean(world.map((point) => Math.abs(across(point, "SHOULDER")[0]))),
    mean(world.flatMap((point) => ["LEFT", "RIGHT"].map((side) => Math.abs(foot(point, side))))),
  ];
};

// After the picture, `width` x `height` pixels so far, is turned by 1 to 3 quarter turns.
const turn = (landmarks, turns, width, height) => {
  const turned = landmarks.slice(0, landmarks.length);
  const [wide, high] = turns % 2 ? [height, width] : [width, height];
  for (let n = 0; n < landmarks.length * POINTS; n++) {
    const frame = Math.floor(n / POINTS);
    if (landmarks.found[frame]) turned.image.set(turnBack(landmarks.image.subarray(4 * n, 4 * n + 2), 4 - turns, wide, high), 4 * n);
    turned.world.set(turnBack(landmarks.world.subarray(3 * n, 3 * n + 2), 4 - turns, 0, 0), 3 * n);
  }
  for (let frame = 0; frame < turned.length; frame++) turned.turns[frame] = (landmarks.turns[frame] + turns) % 4;
  return turned.round();
};

// [x, y] of a landmark in pixels of the clip's own picture, `width` x `height`, however it lies.
export const clipPlace = (landmarks, frame, point, width, height) => {
  const at = 4 * (frame * POINTS + point);
  return turnBack(landmarks.image.subarray(at, at + 2), landmarks.turns[frame], width, height);
};
