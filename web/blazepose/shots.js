// The shots of a clip: where a cut puts another picture in place of the one before. See blazepose/shots.py.

import { constants } from "../constants.js";
import { clip, rint } from "../numbers.js";
import { shrink } from "./pictures.js";

const { AFTER, BEFORE, CUT_LEVELS, CUT_TIMES, DARK, MOST_SAME, SAME_LEVELS, SMALL } = constants.shots;

// Gives each frame out again with the number of its shot, two pictures later.
export class ShotNumberer {
  constructor() {
    this.around = new Array(BEFORE + 1 + AFTER).fill(null); // {frames, small, step} each
    this.number = 0;
    this.last = null;
  }

  // `frame`: {seconds, picture}.
  add(frame) {
    const small = shrink(frame.picture, ...SMALL);
    const step = this.last ? difference(this.last.small, small) : 0;
    if (this.last && step < SAME_LEVELS && this.last.frames.length < MOST_SAME) {
      this.last.frames.push(frame);
      return [];
    }
    const given = this.last ? this.push(this.last) : [];
    this.last = { frames: [frame], small, step };
    return given;
  }

  end() {
    const pictures = [...(this.last ? [this.last] : []), ...new Array(AFTER).fill(null)];
    this.last = null;
    return pictures.flatMap((picture) => this.push(picture));
  }

  push(picture) {
    this.around = [...this.around.slice(1), picture];
    const here = this.around[BEFORE];
    if (!here) return [];
    this.number += isCut(this.around) ? 1 : 0;
    return here.frames.map((frame) => ({ ...frame, number: this.number }));
  }
}

const isCut = (pictures) => {
  const [before, [here, ...after]] = [pictures.slice(0, BEFORE).reverse(), pictures.slice(BEFORE)];
  if (here.step < CUT_LEVELS) return false;
  const around = [...take(before, BEFORE), ...take(after, AFTER)];
  const least = Math.max(CUT_LEVELS, CUT_TIMES * (Math.max(0, ...around.map(({ step }) => step)) + 1));
  if (here.step < least) return false;
  const [olds, news] = [take(before, BEFORE - 1), take([here, ...after], 1 + AFTER)];
  return olds.every(({ small: old }) =>
    news.every(({ small }) => difference(old, small) >= least && litDifference(old, small) >= least));
};

// The first pictures, as many as it takes to fill so many frames.
const take = (pictures, frames) => {
  const taken = [];
  let filled = 0;
  for (const picture of pictures) {
    if (!picture || filled >= frames) continue;
    taken.push(picture);
    filled += picture.frames.length;
  }
  return taken;
};

const isSeen = (data, at) => Math.max(data[at], data[at + 1], data[at + 2]) > DARK;

// The mean difference of two pictures in grey levels, where not both are dark; 0 if nowhere.
const difference = ({ data: first }, { data: second }) => {
  let [total, number] = [0, 0];
  for (let at = 0; at < first.length; at += 4) {
    if (!isSeen(first, at) && !isSeen(second, at)) continue;
    number += 1;
    for (let colour = at; colour < at + 3; colour++) total += Math.abs(first[colour] - second[colour]);
  }
  return total / (3 * Math.max(number, 1));
};

// The same after the picture of less contrast got brightness and contrast of the other one.
const litDifference = (first, second) => {
  const [one, other] = [brightness(first), brightness(second)];
  if (one.contrast < other.contrast) return litDifference(second, first);
  if (other.contrast === 0) return difference(first, second);
  const factor = one.contrast / other.contrast;
  const lit = second.data.map((value) => clip(rint((value - other.mean) * factor + one.mean), 0, 255));
  return difference(first, { data: lit });
};

// Mean and standard deviation of the values that are not dark.
const brightness = ({ data }) => {
  let [total, squares, number] = [0, 0, 0];
  for (let at = 0; at < data.length; at += 4) {
    if (!isSeen(data, at)) continue;
    number += 3;
    for (let colour = at; colour < at + 3; colour++) {
      total += data[colour];
      squares += data[colour] ** 2;
    }
  }
  if (!number) return { mean: 0, contrast: 0 };
  return { mean: total / number, contrast: Math.sqrt(squares * number - total * total) / number };
};
