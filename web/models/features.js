// Poses: landmarks normalised for body size and position, windows of landmarks, and features; see
// fitness_tracker/models/pose/features.py. Arrays over time are flat, frame by frame.

import { constants } from "../constants.js";
import { median, stretchesOf } from "../numbers.js";
import { POINTS } from "../blazepose/landmarks.js";

const { ANKLE, BONES, ELBOW, FEATURES, HIP, JOINT_ANGLES, JOINT_DISTANCES, JOINTS, KNEE, PAIRS, SHOULDER, TINY, WRIST } =
  constants.features;
export { FEATURES };

// Values (T, width) with frames that were not found interpolated between those that were, shot by shot.
const interpolated = (values, width, { length, found, shot }) => {
  const filled = values.slice();
  for (const [start, end] of stretchesOf(length, (n) => found[n] === found[n - 1] && shot[n] === shot[n - 1])) {
    const around = [start - 1, end].filter((frame) => shot[frame] === shot[start]);
    if (found[start] || !around.length) continue; // none around: nobody ever is in this shot
    const [low, high] = [around[0], around.at(-1)];
    for (let frame = start; frame < end; frame++) {
      const share = low === high ? 0 : (frame - low) / (high - low);
      for (let n = 0; n < width; n++) {
        filled[frame * width + n] = values[low * width + n] * (1 - share) + values[high * width + n] * share;
      }
    }
  }
  return filled;
};

// All landmarks of a clip in pixels and in metres, (T, 33, 3) each.
export const tracksOf = (landmarks) => {
  const places = new Float32Array(3 * landmarks.length * POINTS);
  for (let n = 0; n < landmarks.length * POINTS; n++) places.set(landmarks.image.subarray(4 * n, 4 * n + 3), 3 * n);
  return {
    image: interpolated(places, 3 * POINTS, landmarks),
    world: interpolated(landmarks.world, 3 * POINTS, landmarks),
    shots: landmarks.shots(),
  };
};

// The joints (T, 12, 3) of a shot, smoothed over time with weights 1:2:1.
const smoothJoints = (points, [start, end]) => {
  const joints = new Float64Array((end - start) * 36);
  const at = (frame, joint, axis) => points[3 * (frame * POINTS + joint) + axis];
  for (let frame = start, to = 0; frame < end; frame++) {
    const [before, after] = [Math.max(frame - 1, start), Math.min(frame + 1, end - 1)];
    for (const joint of JOINTS) {
      for (let axis = 0; axis < 3; axis++) {
        joints[to++] = 0.25 * at(before, joint, axis) + 0.5 * at(frame, joint, axis) + 0.25 * at(after, joint, axis);
      }
    }
  }
  return joints;
};

// The middle of a left and a right joint in a frame.
const middleOf = (joints, frame, joint) => [0, 1, 2].map((axis) =>
  (joints[36 * frame + 6 * joint + axis] + joints[36 * frame + 6 * joint + 3 + axis]) / 2);

// How far the joints of a frame lie apart in x and y.
const spread = (joints, frame) => {
  let squares = 0;
  for (let axis = 0; axis < 2; axis++) {
    let [total, square] = [0, 0];
    for (let joint = 0; joint < 12; joint++) total += joints[36 * frame + 3 * joint + axis];
    for (let joint = 0; joint < 12; joint++) square += (joints[36 * frame + 3 * joint + axis] - total / 12) ** 2;
    squares += square / 12;
  }
  return Math.sqrt(squares);
};

const centreOnHips = (joints, frames) => {
  const path = frames.map((frame) => middleOf(joints, frame, HIP));
  for (const frame of frames) {
    for (let n = 0; n < 36; n++) joints[36 * frame + n] -= path[frame][n % 3];
  }
  return path;
};

// A shot in torso lengths: `body` and `seen` (T, 12, 3) from the middle of the hips, `path` (T, 2) of these.
const normalize = (tracks, shot) => {
  const frames = [...Array(shot[1] - shot[0]).keys()];
  const [body, seen] = [smoothJoints(tracks.world, shot), smoothJoints(tracks.image, shot)];
  centreOnHips(body, frames);
  const torso = Math.max(median(frames.map((frame) => Math.hypot(...middleOf(body, frame, SHOULDER)))), TINY);
  for (let n = 0; n < body.length; n++) body[n] /= torso;
  const way = centreOnHips(seen, frames);
  const pixels = Math.max(median(frames.map((frame) => spread(seen, frame) / Math.max(spread(body, frame), TINY))), TINY);
  for (let n = 0; n < seen.length; n++) seen[n] /= pixels;
  const middles = [0, 1].map((axis) => median(way.map((point) => point[axis])));
  return { body, seen, path: Float64Array.from(way.flatMap((point) => [0, 1].map((axis) => (point[axis] - middles[axis]) / pixels))) };
};

// The poses of a clip: {length, body, seen, path, shots}.
export const posesOf = (landmarks) => {
  const tracks = tracksOf(landmarks);
  const parts = tracks.shots.map((shot) => normalize(tracks, shot));
  const poses = { length: landmarks.length, shots: tracks.shots };
  for (const [name, width] of [["body", 36], ["seen", 36], ["path", 2]]) {
    poses[name] = new Float64Array(width * landmarks.length);
    parts.forEach((part, n) => poses[name].set(part[name], width * tracks.shots[n][0]));
  }
  return poses;
};

// From here on a point is a place in an array: that of its x.
const lengthOf = (x, y, z) => Math.sqrt(x * x + y * y + z * z);
const distanceOf = (body, one, other) => lengthOf(body[one] - body[other], body[one + 1] - body[other + 1], body[one + 2] - body[other + 2]);
const inclination = (body, start, end) => (body[start + 1] - body[end + 1]) / Math.max(distanceOf(body, start, end), TINY);
const angleCosine = (body, first, middle, last) => {
  let product = 0;
  for (let axis = 0; axis < 3; axis++) product += (body[first + axis] - body[middle + axis]) * (body[last + axis] - body[middle + axis]);
  return product / Math.max(distanceOf(body, first, middle), TINY) / Math.max(distanceOf(body, last, middle), TINY);
};

// Of a frame: the largest cosine at hips and knees, how high the higher hand is above the hips, how upright the trunk is.
export const standingOf = ({ body }, frame) => {
  const sides = [36 * frame, 36 * frame + 3];
  const [x, y, z] = middleOf(body, frame, SHOULDER);
  return {
    bent: Math.max(...sides.flatMap((side) => JOINT_ANGLES.slice(2).map((parts) => angleCosine(body, ...parts.map((part) => side + 6 * part))))),
    hands: Math.max(...sides.map((side) => -body[side + 6 * WRIST + 1])),
    upright: -y / Math.max(lengthOf(x, y, z), TINY),
  };
};

const PARTS = [SHOULDER, ELBOW, WRIST, HIP, KNEE, ANKLE];
const known = new WeakMap(); // features of poses: they are asked for several times

// A clip's T poses to (T, FEATURES), in the order of `compute_features` in Python.
export const clipFeatures = (poses) => {
  if (known.has(poses)) return known.get(poses);
  const features = new Float32Array(poses.length * FEATURES);
  const [moved, sides] = [movedJoints(poses), [new Float64Array(PAIRS), new Float64Array(PAIRS)]];
  for (let frame = 0; frame < poses.length; frame++) {
    const out = features.subarray(frame * FEATURES, (frame + 1) * FEATURES);
    for (const side of [0, 1]) sideFeatures(poses.body, 36 * frame + 3 * side, sides[side]);
    for (let n = 0; n < PAIRS; n++) {
      out[n] = (sides[0][n] + sides[1][n]) / 2;
      out[PAIRS + n] = Math.abs(sides[0][n] - sides[1][n]);
    }
    trunkFeatures(poses.body, frame, out, 2 * PAIRS);
    for (let n = 0, from = 24 * frame, to = 2 * PAIRS + 7; n < 6; n++, from += 4, to++) {
      out[to] = moved[from + 1] + moved[from + 3];
      out[to + 6] = Math.abs(moved[from + 1] - moved[from + 3]);
      out[to + 12] = Math.abs(moved[from] - moved[from + 2]);
      out[to + 18] = Math.abs(moved[from] + moved[from + 2]);
    }
  }
  known.set(poses, features);
  return features;
};

// Angles, heights, distances and inclinations of one side of a body, whose shoulder is at `first`.
const sideFeatures = (body, first, out) => {
  let to = 0;
  for (const [start, middle, end] of JOINT_ANGLES) out[to++] = angleCosine(body, first + 6 * start, first + 6 * middle, first + 6 * end);
  const height = (part) => -body[first + 6 * part + 1];
  for (const part of PARTS) if (part !== HIP) out[to++] = height(part);
  for (const part of [SHOULDER, ELBOW]) out[to++] = height(WRIST) - height(part);
  for (const [start, end] of JOINT_DISTANCES) out[to++] = distanceOf(body, first + 6 * start, first + 6 * end);
  for (const [start, end] of BONES) out[to++] = inclination(body, first + 6 * start, first + 6 * end);
};

// How upright the trunk is, how far left and right are apart, and where the chest faces.
const trunkFeatures = (body, frame, out, to) => {
  const left = 36 * frame + 6 * SHOULDER;
  const [x, y, z] = middleOf(body, frame, SHOULDER);
  const [u, v, w] = [left, left + 1, left + 2].map((at) => body[at] - body[at + 3]);
  out[to] = -y / Math.max(lengthOf(x, y, z), TINY);
  [WRIST, ELBOW, KNEE, ANKLE, SHOULDER].forEach((part, n) => {
    out[to + 1 + n] = distanceOf(body, 36 * frame + 6 * part, 36 * frame + 6 * part + 3);
  });
  const cross = [v * z - w * y, w * x - u * z, u * y - v * x];
  out[to + 6] = cross[1] / Math.max(lengthOf(...cross), TINY);
};

// (T, 12, 2): x and y of each joint in the picture, from its mean over time.
const movedJoints = ({ seen, path, length: frames }) => {
  const moved = new Float64Array(24 * frames);
  for (let n = 0; n < 24; n++) {
    const at = (frame) => seen[36 * frame + 3 * (n >> 1) + (n & 1)] + path[2 * frame + (n & 1)];
    let total = 0;
    for (let frame = 0; frame < frames; frame++) total += at(frame);
    for (let frame = 0; frame < frames; frame++) moved[24 * frame + n] = at(frame) - total / frames;
  }
  return moved;
};

// Where windows of `size` frames start in a shot: a quarter of a window apart, the last at the shot's end.
const windowStarts = (frames, size) => {
  if (frames <= size) return [0];
  const starts = [];
  for (let start = 0; start < frames - size; start += Math.max(1, Math.floor(size / 4))) starts.push(start);
  return [...starts, frames - size];
};

// The frames [start, end) of a clip that each of its windows shows, of `size` frames or of a whole shorter shot.
export const windowSpans = (shots, size) => shots.flatMap(([begin, end]) =>
  windowStarts(end - begin, size).map((start) => [begin + start, begin + Math.min(start + size, end - begin)]));

// A window (size, 33, 3) of tracks; a shot that is too short is played forwards and backwards.
export const cutWindow = (points, [start, end], size) => {
  const width = 3 * POINTS;
  const cut = new Float32Array(size * width);
  const last = end - start - 1;
  for (let n = 0; n < size; n++) {
    const folded = n % Math.max(2 * last, 1);
    const frame = start + (folded > last ? 2 * last - folded : folded);
    cut.set(points.subarray(frame * width, (frame + 1) * width), n * width);
  }
  return cut;
};
