// The landmarks of one person in the T frames of a clip; all zero in frames where nobody was found.

import { constants } from "../constants.js";
import { clip, rint, stretchesOf } from "../numbers.js";

const { IMAGE_STEPS, VISIBILITY_STEPS, WORLD_STEPS } = constants.landmarks;
export const POINTS = constants.skeleton.LANDMARKS;
const WIDTHS = { image: 4 * POINTS, world: 3 * POINTS, times: 1, found: 1, shot: 1, several: 1, turns: 1 };

export class Landmarks {
  constructor(length) {
    this.length = length;
    this.image = new Float32Array(length * WIDTHS.image); // (T, 33, 4): x, y, z in pixels, visibility 0-1
    this.world = new Float32Array(length * WIDTHS.world); // (T, 33, 3) metres: right, down, away from the camera
    this.times = new Float32Array(length); // seconds
    this.found = new Uint8Array(length);
    this.shot = new Int32Array(length); // the number of each frame's shot, never falling
    this.several = new Uint8Array(length); // somebody else may have been followed
    this.turns = new Uint8Array(length); // quarter turns that put the picture upright; places are in that one
  }

  slice(start, end) {
    const part = new Landmarks(end - start);
    for (const [name, width] of Object.entries(WIDTHS)) part[name].set(this[name].subarray(start * width, end * width));
    return part;
  }

  // Those of some frames, by their numbers.
  take(frames) {
    return joinLandmarks(frames.map((frame) => this.slice(frame, frame + 1)));
  }

  // The frames [start, end) of each shot, in order.
  shots() {
    return stretchesOf(this.length, (n) => this.shot[n] === this.shot[n - 1]);
  }

  get isAnybodyFound() {
    return this.found.includes(1);
  }

  // As they are stored: places in 1/8 pixels, 1/4 mm, visibility in 1/255.
  round() {
    const steps = (value, number, least, most) => clip(rint(value * number), least, most) / number;
    for (let n = 0; n < this.image.length; n++) {
      this.image[n] = n % 4 === 3
        ? steps(this.image[n], VISIBILITY_STEPS, 0, 255) : steps(this.image[n], IMAGE_STEPS, -32768, 32767);
    }
    for (let n = 0; n < this.world.length; n++) this.world[n] = steps(this.world[n], WORLD_STEPS, -32768, 32767);
    return this;
  }
}

export const joinLandmarks = (parts) => {
  const whole = new Landmarks(parts.reduce((total, part) => total + part.length, 0));
  let begin = 0;
  for (const part of parts) {
    for (const [name, width] of Object.entries(WIDTHS)) whole[name].set(part[name], begin * width);
    begin += part.length;
  }
  return whole;
};

// Of frames, {image, world} or null each, rounded as they are stored.
export const stackPoses = (poses, times) => {
  const landmarks = new Landmarks(poses.length);
  landmarks.times.set(times);
  poses.forEach((pose, frame) => {
    if (!pose) return;
    landmarks.found[frame] = 1;
    landmarks.image.set(pose.image, frame * WIDTHS.image);
    landmarks.world.set(pose.world, frame * WIDTHS.world);
  });
  return landmarks.round();
};
