// BlazePose: 33 landmarks of the person in each frame, tracked from frame to frame. See blazepose/tracker.py.

import { constants } from "../constants.js";
import { clip } from "../numbers.js";
import { Follower } from "./following.js";
import { joinLandmarks, POINTS, stackPoses } from "./landmarks.js";
import { cropInto, cutSquare, turnPicture } from "./pictures.js";
import { ANCHORS, detectorPicture, matrixOf, rankDetections, regionBetween, sideOf, turnBack } from "./regions.js";
import { ShotNumberer } from "./shots.js";
import { turnUpright } from "./upright.js";

const { CROP_SIZE, DETECTOR_SIZE } = constants.regions;
const { DETECTION_THRESHOLD, HEATMAP_SIZE, HIPS, OUTPUT_LANDMARKS, PART, PRESENCE_THRESHOLD, RIM, SMALL_SIDE, TURNS } =
  constants.tracker;
const SIZES = { raw: 5 * OUTPUT_LANDMARKS, presence: 1, world: 3 * OUTPUT_LANDMARKS, heat: HEATMAP_SIZE ** 2 * OUTPUT_LANDMARKS };
const BOXES = { logits: ANCHORS.length, boxes: 12 * ANCHORS.length };

export const LANDMARKER_OUTPUTS = Object.values(SIZES);
export const DETECTOR_OUTPUTS = Object.values(BOXES);

const sigmoid = (logit) => 1 / (1 + Math.exp(-clip(logit, -80, 80)));
const LOGIT = Math.log(DETECTION_THRESHOLD / (1 - DETECTION_THRESHOLD));

// A pose is {image: (33, 4), world: (33, 3), region}, `region` where the person is looked for in the next frame.
export class PoseTracker {
  constructor(detector, landmarker) {
    this.detector = detector;
    this.landmarker = landmarker;
  }

  // The person in a frame: tracked from the frame `before`, else detected, like whoever was found `last` if so.
  async locate(frame, before, last) {
    const pose = before && (await this.estimate(frame, before.region));
    if (pose) return pose;
    const regions = await this.detect(frame, last ? last.region : null);
    return this.firstPose(frame, last && !before ? [...regions, last.region] : regions);
  }

  async firstPose(frame, regions) {
    for (const region of regions) {
      const pose = await this.estimate(frame, region);
      if (pose) return pose;
    }
    return null;
  }

  async detect(frame, last, allTurns = TURNS) {
    for (const turns of allTurns) {
      const { picture, scale, shift } = detectorPicture(turnPicture(frame, turns));
      const input = new Float32Array(3 * DETECTOR_SIZE ** 2);
      for (let n = 0; n < DETECTOR_SIZE ** 2; n++) {
        for (let colour = 0; colour < 3; colour++) input[3 * n + colour] = picture.data[4 * n + colour] / 127.5 - 1;
      }
      const outputs = await this.detector.run([input]);
      const [logits, boxes] = [outputs.get(BOXES.logits), outputs.get(BOXES.boxes)];
      const likely = [...ANCHORS.keys()].filter((n) => logits[n] > LOGIT).sort((one, other) => logits[other] - logits[one]);
      if (!likely.length) continue;
      const regions = likely.map((n) => {
        // the middle of the hips, and a point on the circle that the person fills, in pixels of the picture
        const points = [4, 6].map((at) => [0, 1].map((axis) => boxes[12 * n + at + axis] + ANCHORS[n][axis] * DETECTOR_SIZE));
        const inFrame = points.map((point) => point.map((value, axis) => value * scale - shift[axis]));
        return regionBetween(...inFrame.map((point) => turnBack(point, turns, frame.width, frame.height)));
      });
      return rankDetections(regions, last, frame.width, frame.height);
    }
    return [];
  }

  // A person who is too small to be found in the whole frame: the largest one in parts of it.
  async locateSmall(frame) {
    const { width, height } = frame;
    const regions = [];
    for (const top of [0, height - PART]) {
      for (const left of [0, Math.floor((width - PART) / 2), width - PART]) {
        for (const { centre, up } of await this.detect(cutSquare(frame, left, top, PART), null, [0])) {
          regions.push({ centre: [centre[0] + left, centre[1] + top], up });
        }
      }
    }
    const small = regions.filter((region) => sideOf(region) < SMALL_SIDE);
    return this.firstPose(frame, small.sort((one, other) => sideOf(other) - sideOf(one)));
  }

  // The person in a region of the frame, or null if nobody is there.
  async estimate(frame, region) {
    const [matrix, side] = [matrixOf(region), sideOf(region)];
    const crop = new Float32Array(3 * CROP_SIZE ** 2);
    cropInto(frame, matrix, CROP_SIZE, crop);
    const outputs = await this.landmarker.run([crop]);
    if (!(outputs.get(SIZES.presence)[0] >= PRESENCE_THRESHOLD)) return null;
    const [raw, metres] = [outputs.get(SIZES.raw), outputs.get(SIZES.world)];
    const places = refine(raw, outputs.get(SIZES.heat)).map((point) => transform(point, matrix));
    const image = new Float32Array(4 * POINTS);
    const world = new Float32Array(3 * POINTS);
    const upright = matrix.map(([a, b]) => [a, b, 0].map((value) => value * (CROP_SIZE / Math.max(side, 1e-6))));
    for (let n = 0; n < POINTS; n++) {
      image.set([...places[n], raw[5 * n + 2] * (side / CROP_SIZE), sigmoid(raw[5 * n + 3])], 4 * n);
      world.set([...transform(metres.subarray(3 * n, 3 * n + 2), upright), metres[3 * n + 2]], 3 * n);
    }
    const next = regionBetween(places[HIPS], places[RIM]);
    return sideOf(next) > 1 ? { image, world, region: next } : null;
  }
}

const transform = ([x, y], [[a, b, c], [d, e, f]]) => [a * x + b * y + c, d * x + e * y + f];

// Places in pixels of the crop, moved to the centre of the heat in the 7x7 cells around them; see `refine` in Python.
const refine = (raw, heatmaps) => {
  const cell = CROP_SIZE / HEATMAP_SIZE;
  return Array.from({ length: OUTPUT_LANDMARKS }, (_, n) => {
    const place = [raw[5 * n], raw[5 * n + 1]];
    const [column, row] = place.map((value) => Math.trunc(Math.fround(value / cell)));
    const inside = (value) => value >= 0 && value < HEATMAP_SIZE;
    if (!inside(column) || !inside(row)) return place;
    let [total, x, y, hottest] = [0, 0, 0, 0];
    for (let below = Math.max(row - 3, 0); below <= Math.min(row + 3, HEATMAP_SIZE - 1); below++) {
      for (let right = Math.max(column - 3, 0); right <= Math.min(column + 3, HEATMAP_SIZE - 1); right++) {
        const heat = sigmoid(heatmaps[(below * HEATMAP_SIZE + right) * OUTPUT_LANDMARKS + n]);
        hottest = Math.max(hottest, heat);
        total += heat;
        x += heat * right;
        y += heat * below;
      }
    }
    total = Math.max(total, 1e-6);
    return hottest >= 0.5 ? [(x / total) * cell, (y / total) * cell] : place;
  });
};

// The landmarks of a clip: frames go in one by one, of {seconds, picture}; each shot is tracked by itself.
export class ClipTracker {
  constructor(tracker) {
    this.tracker = tracker;
    this.numberer = new ShotNumberer();
    this.shots = [];
    this.follower = null; // of the shot that goes on, with `times` and `number`
  }

  async add(seconds, picture) {
    for (const one of this.numberer.add({ seconds, picture })) await this.follow(one);
  }

  async follow({ seconds, picture, number }) {
    if (this.follower && this.follower.number !== number) this.endShot();
    this.follower ??= Object.assign(new Follower(this.tracker), { times: [], number, size: picture });
    this.follower.times.push(seconds);
    await this.follower.add(picture);
  }

  endShot() {
    const { poses, times, number, several, size } = this.follower;
    const found = stackPoses(poses, times);
    found.shot.fill(number);
    found.several.set(several);
    this.shots.push(turnUpright(found, size.width, size.height));
    this.follower = null;
  }

  async end() {
    for (const one of this.numberer.end()) await this.follow(one);
    if (this.follower) this.endShot();
    return joinLandmarks(this.shots);
  }
}
