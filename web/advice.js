// What somebody in front of the camera should change, before anything is counted wrongly.

import { constants } from "./constants.js";
import { distance, sideOf } from "./blazepose/regions.js";
import { percentile, sorted } from "./numbers.js";

const { Landmark } = constants.skeleton;
const DARK = 40; // grey levels, 0-255: of the brightest twentieth of a picture in which nobody can be seen well
const OUTSIDE = 0.02; // of the picture's width and height
// Toes, too: in a deep squat BlazePose moves ankles that it cannot see into the picture
const ENDS = ["LEFT_ANKLE", "RIGHT_ANKLE", "LEFT_FOOT_INDEX", "RIGHT_FOOT_INDEX", "NOSE"];
const SMALL = 0.3; // of the picture's height: BlazePose sees people of up to 0.28 in a test picture of colours
const SURE = 0.5; // seconds for which something is amiss before it is said, and is well before it is taken back
const LOOK_EVERY = 1.2; // seconds between looks at all people
const LIKE = 0.6; // of the followed one's size: who is smaller stands in the background
const AWAY = 0.25; // of a region's side: two regions that are closer show one person

export class Adviser {
  constructor(tracker) {
    this.tracker = tracker;
    this.said = null;
    this.thought = null; // what this frame says, and since when
    this.since = 0;
    this.looked = -LOOK_EVERY; // at whoever comes first, at once
    this.isAlone = true;
  }

  // The key of its sentence in `page/words.js`, or null.
  async look(frame, pose, points, { seconds, width, height }) {
    if (pose && seconds - this.looked >= LOOK_EVERY) {
      this.looked = seconds;
      this.isAlone = !(await this.isSomebodyElse(frame, pose));
    }
    const thought = this.think(frame, points, width, height);
    if (thought !== this.thought) [this.thought, this.since] = [thought, seconds];
    if (seconds - this.since >= SURE) this.said = thought;
    return this.said;
  }

  think(frame, points, width, height) {
    if (!points) return isDark(frame) ? "adviceDark" : null;
    if (sizeOf(points, width / height) < SMALL) return "adviceCloser";
    if (isBeyond(points, 0)) return height > width ? "adviceTurn" : "adviceBack";
    if (isBeyond(points, 1)) return "adviceBack";
    return this.isAlone ? null : "adviceSeveral";
  }

  async isSomebodyElse(frame, pose) {
    for (const region of await this.tracker.detect(frame, pose.region, [0])) {
      const isOther = (one) => distance(one.centre, pose.region.centre) > AWAY * Math.max(sideOf(one), sideOf(pose.region));
      if (!isOther(region) || sideOf(region) < LIKE * sideOf(pose.region)) continue;
      const other = await this.tracker.estimate(frame, region);
      if (other && isOther(other.region)) return true;
    }
    return false;
  }
}

// The longer side of the box around somebody, as a share of the picture's height; `ratio`: of its width to its height.
const sizeOf = (points, ratio) => Math.max(...[ratio, 1].map((unit, axis) => {
  const places = points.filter((_, n) => n % 3 === axis);
  return unit * (Math.max(...places) - Math.min(...places));
}));

// Whether a foot or the head is beyond the picture's left or right edge (`axis` 0), or beyond its top or bottom one (1).
const isBeyond = (points, axis) => ENDS.some((name) => {
  const place = points[3 * Landmark[name] + axis];
  return place < -OUTSIDE || place > 1 + OUTSIDE;
});

const isDark = ({ data }) => {
  const levels = [];
  for (let at = 0; at < data.length; at += 4 * 97) levels.push(Math.max(data[at], data[at + 1], data[at + 2]));
  return percentile(sorted(levels), 95) < DARK;
};
