// Whom the tracker follows through a shot: one person, known by place, size and colours. See blazepose/following.py.

import { constants } from "../constants.js";
import { clip, median, rint } from "../numbers.js";
import { distance, sideOf } from "./regions.js";

const { COLOUR_LEVELS, DOUBT, FORGET, GROWTH, LEAP, LIKE, LOOK_BACK, LOOK_EVERY, NEAR, SWITCH, UNLIKE } =
  constants.following;
const { Landmark } = constants.skeleton;

// A person is {region, colours: (2, 3) RGB of the trunk and of the thighs}. 0 for the same.
const unlikeness = (known, other) => {
  const place = distance(known.region.centre, other.region.centre) / sideOf(known.region);
  const size = Math.abs(Math.log(sideOf(known.region) / sideOf(other.region)));
  const colours = known.colours.reduce((total, value, n) => total + Math.abs(value - other.colours[n]), 0);
  return place + size + colours / 6 / COLOUR_LEVELS;
};

// The person where they are now; colours change slowly.
const learn = (known, now) => ({
  region: now.region,
  colours: known.colours.map((value, n) => rint(0.75 * value + 0.25 * now.colours[n])),
});

const describe = (frame, pose) => {
  const [shoulders, hips, knees] = ["SHOULDER", "HIP", "KNEE"].map((name) =>
    ["LEFT", "RIGHT"].map((side) => pose.image.subarray(4 * Landmark[`${side}_${name}`], 4 * Landmark[`${side}_${name}`] + 2)));
  return {
    region: pose.region,
    colours: [...middleColour(frame, shoulders, hips, 0.5), ...middleColour(frame, hips, knees, 0.1)],
  };
};

// The median colour between two pairs of points, left and right; `inwards` of the way from the left to the right.
const middleColour = ({ width, height, data }, start, end, inwards) => {
  const colours = [[], [], []];
  for (let n = 0; n < 8; n++) {
    const share = 0.15 + (0.7 * n) / 7;
    const [left, right] = [0, 1].map((side) => [0, 1].map((axis) => start[side][axis] + (end[side][axis] - start[side][axis]) * share));
    for (const across of [inwards / 2, inwards, 1 - inwards, 1 - inwards / 2]) {
      const [x, y] = [0, 1].map((axis) => rint(left[axis] + (right[axis] - left[axis]) * across));
      const at = 4 * (clip(y, 0, height - 1) * width + clip(x, 0, width - 1));
      colours.forEach((values, colour) => values.push(data[at + colour]));
    }
  }
  return colours.map(median);
};

// Whether two regions are at one place, and of a size.
const isNear = (first, second, share = NEAR) => {
  const [small, large] = [sideOf(first), sideOf(second)].sort((one, other) => one - other);
  return distance(first.centre, second.centre) < share * large && large < GROWTH * small;
};

export class Follower {
  constructor(tracker) {
    this.tracker = tracker;
    this.poses = []; // of each frame, or null
    this.several = []; // of each frame
    this.frames = []; // the last ones
    this.person = null;
    this.last = null; // the pose of whoever was found last
    this.missing = 0; // frames since somebody was found
    this.looked = -1; // the last frame in which all people were looked at,
    this.sure = -1; // and in which it was them
    this.inDoubt = false;
  }

  async add(frame) {
    const before = this.poses.at(-1) ?? null;
    let pose = await this.tracker.locate(frame, before, this.last);
    if (!pose && this.missing && this.missing % LOOK_EVERY === 0) pose = await this.tracker.locateSmall(frame);
    this.frames = [...this.frames.slice(1 - LOOK_BACK), frame];
    this.poses.push(pose);
    this.several.push(this.inDoubt);
    if (!pose) {
      this.missing += 1;
      return;
    }
    const returns = this.missing > 0;
    this.missing = 0;
    const leaps = before && !isNear(before.region, pose.region, LEAP);
    if (returns) await this.goBack(pose);
    this.last = pose;
    if (leaps || (returns && this.person) || this.poses.length - 1 - this.looked >= LOOK_EVERY) await this.look(frame, pose);
  }

  // Tracks whoever has this `pose` in the last frame backwards, through so many frames without them.
  async goBack(pose, frames = LOOK_BACK) {
    const earlier = this.frames.slice(0, -1).reverse().slice(0, frames);
    for (const [n, frame] of earlier.entries()) {
      const at = this.poses.length - 2 - n;
      const known = this.poses[at];
      if (known && (frames === LOOK_BACK || isNear(known.region, pose.region))) return;
      const found = await this.tracker.estimate(frame, pose.region);
      if (!found) return;
      this.poses[at] = pose = found;
    }
  }

  // Compares all people in the last frame with the person; the tracked one has this `pose`.
  async look(frame, pose) {
    this.looked = this.poses.length - 1;
    this.inDoubt = false;
    const tracked = describe(frame, pose);
    if (!this.person || this.looked - this.sure > FORGET) {
      this.person = tracked;
      this.sure = this.looked;
      return;
    }
    const others = await this.others(frame, pose);
    const people = others.map((other) => describe(frame, other));
    const far = unlikeness(this.person, tracked);
    const farOthers = people.map((other) => unlikeness(this.person, other));
    const nearest = Math.min(Infinity, ...farOthers);
    if (nearest < Math.min(LIKE, far - SWITCH)) {
      const best = farOthers.indexOf(nearest);
      this.markDoubt();
      this.poses[this.looked] = this.last = others[best];
      await this.goBack(others[best], this.looked - this.sure - 1);
      this.person = learn(this.person, people[best]);
      this.sure = this.looked;
    } else if (others.length && (far > UNLIKE || nearest < far + DOUBT)) {
      this.inDoubt = true;
      this.markDoubt();
    } else if (far < LIKE) {
      this.person = learn(this.person, tracked);
      this.sure = this.looked;
    }
  }

  // Marks all frames since it was sure who is followed.
  markDoubt() {
    this.several.fill(true, this.sure + 1, this.looked + 1);
  }

  // People in the last frame other than the tracked one, at most three.
  async others(frame, pose) {
    const found = [];
    for (const region of await this.tracker.detect(frame, this.person ? this.person.region : null)) {
      const isKnown = (one) => [pose, ...found].some((known) => isNear(one, known.region));
      if (isKnown(region)) continue;
      const other = await this.tracker.estimate(frame, region);
      if (other && !isKnown(other.region)) found.push(other);
    }
    return found;
  }
}
