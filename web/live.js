// Names and counts an exercise while it is done: a camera's frames go in one by one, what is known so far comes out.
//
// Every frame is tracked. Landmarks are kept at the classifier's own pace, whatever the camera's, and about once a second
// the answer for the last minute is made anew, as for a clip, between frames. What is older is remembered as sets.
// Frames in which something is amiss (see `Adviser`) count as if nobody were there.

import { POINTS, stackPoses } from "./blazepose/landmarks.js";
import { Adviser } from "./advice.js";
import { clip } from "./numbers.js";
import { LandmarkGrid, laterBy, isSet, SetLog } from "./sets.js";
import { FPS } from "./models/classifier.js";
import { fittedBox, shareOf } from "./video/letterbox.js";

const ANSWER_EVERY = 0.7; // seconds between answers, at the least
const [MEMORY, FORGET] = [60, 15]; // seconds that an answer looks back on, and how many are let go at once
const FIRST_LOOK = 1; // seconds that are seen before the first answer
const [UNSEEN, LEFT] = [1, 3]; // seconds after which a person who is not found is gone, and their set is over
const LONGEST_STEP = 2; // seconds between two frames, at the most: a page that slept goes on

// Lets the worker take the next frame first.
export const turn = () => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = resolve;
  port2.postMessage(null);
});

let segmenter = null; // a worker, kept from one session to the next

const segmentsOf = ({ landmarks, ...prediction }) => {
  segmenter ??= new Worker(new URL("./answering/worker.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    segmenter.onmessage = ({ data: { segments, problem } }) => (problem ? reject(new Error(problem)) : resolve(segments));
    segmenter.onerror = (event) => {
      event.preventDefault(); // else it ends the worker that asks, too
      segmenter = null; // the next session begins anew
      reject(new Error(event.message));
    };
    segmenter.postMessage({ prediction, arrays: { ...landmarks } });
  });
};

export class LiveSession {
  constructor(tracker, classifier) {
    Object.assign(this, { tracker, classifier });
    this.grid = new LandmarkGrid(FPS);
    this.log = new SetLog();
    this.adviser = new Adviser(tracker);
    this.pose = this.last = this.given = null;
    this.clock = this.found = this.answered = 0; // seconds from the first frame: now, last found, last answer
    this.pending = null; // the promise of an answer
    this.windows = new Map(); // answers for windows, by the number of their first frame
  }

  // `frame`: a picture of 640x480, of one that is `width` x `height`, taken at `seconds` by any clock.
  async add(frame, seconds, width, height) {
    if (this.problem) {
      const { problem } = this;
      this.problem = null; // one may go on
      throw problem;
    }
    const step = this.given === null ? 0 : clip(seconds - this.given, 0, LONGEST_STEP);
    this.given = seconds;
    this.clock += step;
    this.pose = await this.tracker.locate(frame, this.pose, this.last);
    const points = this.pose && pointsOf(this.pose, fittedBox(width, height));
    const advice = await this.adviser.look(frame, this.pose, points, { seconds: this.clock, width, height });
    const isGood = this.pose && !advice && !this.adviser.thought; // what is amiss in this frame may not be said yet
    this.grid.add(isGood ? this.pose : null, this.clock);
    if (this.pose) this.last = this.pose;
    if (isGood) {
      const returns = this.clock - this.found > LEFT;
      this.found = this.clock;
      if (returns) await this.letGo(this.clock);
    }
    if (this.clock - this.grid.begin > MEMORY) await this.letGo(this.grid.begin + FORGET);
    if (!this.pending && !this.isGone && this.clock >= Math.max(FIRST_LOOK, this.answered + ANSWER_EVERY)) this.askNow();
    return this.state(points, advice);
  }

  // The state after an answer to everything that was given.
  async finish() {
    await this.pending;
    await this.askNow();
    return this.state(null, null);
  }

  get isGone() {
    return this.clock - this.found > UNSEEN;
  }

  askNow() {
    this.answered = this.clock;
    this.pending = this.answer()
      .then((segments) => (this.log.segments = segments), (error) => (this.problem = error))
      .finally(() => (this.pending = null));
    return this.pending;
  }

  // Up to where somebody was found: who left does not hold still.
  get landmarks() {
    const poses = [...this.grid.poses];
    while (poses.length > 1 && !poses.at(-1)) poses.pop();
    return stackPoses(poses, poses.map((_, n) => n / FPS));
  }

  async answer() {
    const [landmarks, { begin }] = [this.landmarks, this.grid];
    if (!landmarks.length) return []; // all was let go just now
    const prediction = await this.classifier.predict(landmarks, { known: this.windows, rest: turn });
    return (await segmentsOf(prediction)).map((segment) => laterBy(segment, begin));
  }

  // Of all that was before that; later answers begin there.
  async letGo(seconds) {
    await this.pending;
    this.grid.forget(this.log.forget(seconds, FPS));
    this.windows.clear();
  }

  state(points, advice) {
    const everything = this.log.everything();
    const now = everything.findLast(isSet) ?? (this.isGone ? null : everything.at(-1)); // who walks up to the page reads the set
    const nobody = this.last ? "adviceNobody" : "ready";
    return {
      points,
      advice: advice ?? (this.pose || (this.last && !this.isGone) ? null : nobody),
      exercise: now?.exercise ?? null,
      repetitions: now?.repetitions ?? null,
      held_s: now?.held_s ?? null,
      sets: everything.filter(isSet),
    };
  }
}

// (33, 3): x and y as shares of the picture's width and height, visibility 0-1.
const pointsOf = ({ image }, box) => {
  const points = new Float32Array(3 * POINTS);
  for (let n = 0; n < POINTS; n++) points.set([...shareOf([image[4 * n], image[4 * n + 1]], box), image[4 * n + 3]], 3 * n);
  return points;
};
