// What somebody in front of the camera should change, before anything is counted wrongly.

import { constants } from "./constants.js";
import { distance, sideOf } from "./blazepose/regions.js";
import { clip, percentile, sorted } from "./numbers.js";

const { Landmark } = constants.skeleton;
const DARK = 40; // grey levels, 0-255: of the brightest twentieth of a picture in which nobody can be seen well
const OUTSIDE = 0.02; // of the picture's width and height
// Toes, too: in a deep squat BlazePose moves ankles that it cannot see into the picture
const ENDS = ["LEFT_ANKLE", "RIGHT_ANKLE", "LEFT_FOOT_INDEX", "RIGHT_FOOT_INDEX", "NOSE"];
const SMALL = 0.3; // of the picture's height: BlazePose sees people of up to 0.28 in a test picture of colours
const SURE = 0.5; // seconds for which something is amiss before it is said,
const WELL = 1; // and is well before it is taken back
const [LOOK_EVERY, LOOK_AGAIN] = [1.2, 0.3]; // seconds between looks at all people; where there were several: one look may err
const LIKE = 0.75; // of the followed one's size: who is smaller stands in the background
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
    if (pose && seconds - this.looked >= (this.isAlone ? LOOK_EVERY : LOOK_AGAIN)) {
      this.looked = seconds;
      this.isAlone = !(await this.isSomebodyElse(frame, pose));
    }
    const thought = this.think(frame, points, width, height);
    if (thought !== this.thought) [this.thought, this.since] = [thought, seconds];
    if (seconds - this.since >= (thought ? SURE : WELL)) this.said = thought;
    return this.said;
  }

  think(frame, points, width, height) {
    if (!points) return isDark(frame) ? "adviceDark" : null;
    if (sizeOf(points, width / height) < SMALL) return "adviceCloser";
    if (isBeyond(points, 0)) return height > width ? "adviceTurn" : "adviceBack";
    if (isBeyond(points, 1)) return "adviceBack";
    return this.isAlone ? null : "adviceSeveral";
  }

  // The detector finds whoever is plainest: so it looks where the followed one is not.
  async isSomebodyElse(frame, pose) {
    const rest = withoutPerson(frame, pose);
    const isOther = (one) => distance(one.centre, pose.region.centre) > AWAY * Math.max(sideOf(one), sideOf(pose.region));
    for (const region of await this.tracker.detect(rest, null, [0])) {
      if (!isOther(region) || sideOf(region) < LIKE * sideOf(pose.region)) continue;
      const other = await this.tracker.estimate(rest, region);
      if (other && isOther(other.region)) return true;
    }
    return false;
  }
}

// The picture with a black box over somebody, and a tenth of their height around it.
const withoutPerson = ({ width, height, data }, { image }) => {
  const places = [0, 1].map((axis) => image.filter((_, n) => n % 4 === axis));
  const [low, high] = [places.map((some) => Math.min(...some)), places.map((some) => Math.max(...some))];
  const around = 0.1 * Math.max(high[0] - low[0], high[1] - low[1]);
  const [left, top, right, bottom] = [low[0] - around, low[1] - around, high[0] + around, high[1] + around].map(Math.round);
  const rest = data.slice();
  const [from, to] = [clip(left, 0, width), clip(right, 0, width)];
  for (let y = clip(top, 0, height); y < clip(bottom, 0, height); y++) rest.fill(0, 4 * (y * width + from), 4 * (y * width + to));
  return { width, height, data: rest };
};

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
