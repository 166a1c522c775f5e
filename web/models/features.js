// Poses: landmarks normalised for body size and position, windows of landmarks, and features; see
// fitness_tracker/models/pose/features.py. Arrays over time are flat, frame by frame.

import { constants } from "../constants.js";
import { median } from "../numbers.js";
import { POINTS } from "../blazepose/landmarks.js";

const { ANKLE, BONES, ELBOW, FEATURES, HIP, JOINT_ANGLES, JOINT_DISTANCES, JOINTS, KNEE, SHOULDER, TINY, WRIST } =
  constants.features;
export { FEATURES };

// Values (T, width) with frames that were not found interpolated between those that were, shot by shot.
const interpolated = (values, width, landmarks) => {
  const filled = values.slice();
  for (const [start, end] of landmarks.shots()) {
    let [before, after] = [-1, start];
    const next = (from) => {
      while (from < end && !landmarks.found[from]) from += 1;
      return from;
    };
    for (let frame = start; frame < end; frame++) {
      if (landmarks.found[frame]) {
        before = frame;
        continue;
      }
      if (after <= frame) after = next(frame);
      if (before < 0 && after === end) break; // nobody ever is in this shot
      const [low, high] = [before < 0 ? after : before, after === end ? before : after];
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
  const poses = { length: landmarks.length, shots: tracks.shots };
  for (const [name, width] of [["body", 36], ["seen", 36], ["path", 2]]) poses[name] = new Float64Array(width * landmarks.length);
  for (const shot of tracks.shots) {
    const one = normalize(tracks, shot);
    for (const [name, width] of [["body", 36], ["seen", 36], ["path", 2]]) poses[name].set(one[name], width * shot[0]);
  }
  return poses;
};

const less = (first, second) => [first[0] - second[0], first[1] - second[1], first[2] - second[2]];
const length = ([x, y, z]) => Math.sqrt(x * x + y * y + z * z);
const direction = (vector) => {
  const size = Math.max(length(vector), TINY);
  return [vector[0] / size, vector[1] / size, vector[2] / size];
};
const dot = (first, second) => first[0] * second[0] + first[1] * second[1] + first[2] * second[2];
const angleCosine = (first, middle, last) => dot(direction(less(first, middle)), direction(less(last, middle)));

// A clip's T poses to (T, FEATURES), in the order of `compute_features` in Python.
export const clipFeatures = (poses) => {
  const features = new Float32Array(poses.length * FEATURES);
  const moved = movedJoints(poses);
  for (let frame = 0; frame < poses.length; frame++) {
    const joint = (part, side) => poses.body.subarray(36 * frame + 6 * part + 3 * side, 36 * frame + 6 * part + 3 * side + 3);
    const place = (part, side, axis) => moved[24 * frame + 4 * part + 2 * side + axis];
    const pairs = [0, 1].map((side) => sideFeatures((part) => joint(part, side)));
    const up = middleOf(poses.body, frame, SHOULDER);
    const acrossChest = less(joint(SHOULDER, 0), joint(SHOULDER, 1));
    const cross = [acrossChest[1] * up[2] - acrossChest[2] * up[1], acrossChest[2] * up[0] - acrossChest[0] * up[2],
      acrossChest[0] * up[1] - acrossChest[1] * up[0]];
    const parts = [SHOULDER, ELBOW, WRIST, HIP, KNEE, ANKLE];
    features.set([
      ...pairs[0].map((value, n) => (value + pairs[1][n]) / 2),
      ...pairs[0].map((value, n) => Math.abs(value - pairs[1][n])),
      -direction(up)[1],
      ...[WRIST, ELBOW, KNEE, ANKLE, SHOULDER].map((part) => length(less(joint(part, 0), joint(part, 1)))),
      direction(cross)[1],
      ...parts.map((part) => place(part, 0, 1) + place(part, 1, 1)),
      ...parts.map((part) => Math.abs(place(part, 0, 1) - place(part, 1, 1))),
      ...parts.map((part) => Math.abs(place(part, 0, 0) - place(part, 1, 0))),
      ...parts.map((part) => Math.abs(place(part, 0, 0) + place(part, 1, 0))),
    ], frame * FEATURES);
  }
  return features;
};

const sideFeatures = (joint) => [
  ...JOINT_ANGLES.map((parts) => angleCosine(...parts.map(joint))),
  ...[SHOULDER, ELBOW, WRIST, KNEE, ANKLE].map((part) => -joint(part)[1]),
  ...[SHOULDER, ELBOW].map((part) => joint(part)[1] - joint(WRIST)[1]),
  ...JOINT_DISTANCES.map(([start, end]) => length(less(joint(start), joint(end)))),
  ...BONES.map(([start, end]) => -direction(less(joint(end), joint(start)))[1]),
];

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
    const frame = start + Math.min(Math.max(folded > last ? 2 * last - folded : folded, 0), last);
    cut.set(points.subarray(frame * width, (frame + 1) * width), n * width);
  }
  return cut;
};
