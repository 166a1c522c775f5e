// What a live session remembers: poses at the classifier's pace, and the segments since the first frame.

import { clip, median, rounded, rint, sum, weightedMean } from "./numbers.js";
import { NONE } from "./models/classifier.js";

const BRIDGE = 0.5; // seconds between frames up to which the landmarks between them are interpolated

// Poses at the times begin, begin + 1/fps, …, from frames at any times, of which some may be lost or doubled.
export class LandmarkGrid {
  constructor(fps) {
    this.fps = fps;
    this.first = 0; // the first one's number, from the first frame on
    this.poses = [];
    this.before = null; // {seconds, pose} of the last frame
  }

  get begin() {
    return this.first / this.fps;
  }

  // `seconds` do not go back, and are 0 for the first frame.
  add(pose, seconds) {
    const [before, after] = [this.before ?? { seconds, pose }, { seconds, pose }];
    for (;;) {
      const at = (this.first + this.poses.length) / this.fps;
      if (at > seconds + 1e-6) break;
      this.poses.push(poseBetween(before, after, at, this.fps));
    }
    this.before = after;
  }

  forget(seconds) {
    const number = clip(rint(seconds * this.fps) - this.first, 0, this.poses.length);
    this.first += number;
    this.poses.splice(0, number);
  }
}

const poseBetween = (before, after, at, fps) => {
  const gap = after.seconds - before.seconds;
  const share = gap > 0 ? (at - before.seconds) / gap : 1;
  if (before.pose && after.pose && share > 1e-6 && share < 1 - 1e-6 && gap <= BRIDGE) {
    const [image, world] = ["image", "world"].map((name) =>
      before.pose[name].map((value, n) => value * (1 - share) + after.pose[name][n] * share));
    return { image, world, region: after.pose.region };
  }
  const { seconds, pose } = share > 0.5 ? after : before;
  return Math.abs(seconds - at) <= 0.5 / fps + 1e-6 ? pose : null;
};

// Those that are over, and those of the last answer.
export class SetLog {
  constructor() {
    this.over = [];
    this.begun = null; // the part that was let go of a set that goes on
    this.segments = [];
  }

  everything() {
    const [first, ...rest] = this.segments;
    if (this.begun && first && first.exercise === this.begun.exercise) return [...this.over, join(this.begun, first), ...rest];
    return [...this.over, ...(this.begun ? [this.begun] : []), ...this.segments];
  }

  // Lets go of the segments before that, and gives the time where the next answer begins. A set that goes on is cut
  // halfway between two repetitions, so that none is counted twice or not at all.
  forget(seconds, fps) {
    const across = this.segments.find((one) => one.start_s < seconds && seconds < one.end_s);
    const cut = rint((across ? halfway(across.times_s, seconds) : seconds) * fps) / fps;
    const older = this.everything().filter((one) => one.start_s < cut);
    this.segments = this.segments.filter((one) => one.end_s > cut);
    this.begun = null;
    if (older.length && older.at(-1).end_s > cut) {
      this.begun = partOf(older.pop(), -Infinity, cut);
      this.segments[0] = partOf(this.segments[0], cut, Infinity);
    }
    this.over = older.filter(isSet);
    return cut;
  }
}

const halfway = (times, seconds) => {
  const [before, after] = [times.filter((time) => time <= seconds), times.filter((time) => time > seconds)];
  return before.length && after.length ? (before.at(-1) + after[0]) / 2 : seconds;
};

// Whether somebody exercised in it.
export const isSet = ({ exercise, repetitions }) => exercise !== NONE || Boolean(repetitions);

export const laterBy = (segment, seconds) => ({
  ...segment,
  start_s: rounded(segment.start_s + seconds, 3),
  end_s: rounded(segment.end_s + seconds, 3),
  times_s: segment.times_s.map((time) => rounded(time + seconds, 2)),
});

// What of it lies in [start, end).
const partOf = (segment, start, end) => {
  const [from, to] = [Math.max(start, segment.start_s), Math.min(end, segment.end_s)];
  const times = segment.times_s.filter((time) => from <= time && time < to);
  const share = (to - from) / Math.max(segment.end_s - segment.start_s, 1e-6);
  return {
    ...segment, start_s: from, end_s: to, times_s: times,
    repetitions: segment.repetitions === null ? null : times.length,
    held_s: segment.held_s === null ? null : rounded(segment.held_s * share, 1),
  };
};

// Two parts of one set, the second right after the first.
const join = (first, second) => {
  const steps = first.times_s.slice(1).map((time, n) => time - first.times_s[n]);
  const pause = steps.length ? median(steps) / 2 : 0;
  const times = [...first.times_s, ...second.times_s.filter((time) => !first.times_s.length || time > first.times_s.at(-1) + pause)];
  const isCounted = first.repetitions !== null || second.repetitions !== null;
  const lengths = [first, second].map((one) => one.end_s - one.start_s);
  const held = [first.held_s, second.held_s].filter((value) => value !== null);
  return {
    ...first, end_s: second.end_s, times_s: times,
    confidence: lengths[0] + lengths[1] > 0 ? weightedMean([first.confidence, second.confidence], lengths) : 0,
    repetitions: isCounted ? times.length : null,
    held_s: held.length && !isCounted ? rounded(sum(held), 1) : null,
  };
};
