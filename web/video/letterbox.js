// How a picture of any shape is brought to 640x480, and the way back; see fitness_tracker/video/letterbox.py.

import { classifier, constants } from "../constants.js";

export const { HEIGHT, WIDTH } = constants.letterbox;

export const even = (length) => Math.max(2, 2 * Math.round(length / 2));

// Where the whole picture, shown as `width` x `height`, lies in 640x480.
export const fittedBox = (width, height) => {
  if (classifier.fit === "stretch") return { left: 0, top: 0, width: WIDTH, height: HEIGHT };
  const [choose, shape] = [classifier.fit === "crop" ? Math.max : Math.min, width / height];
  const [wide, high] = [even(choose(WIDTH, HEIGHT * shape)), even(choose(HEIGHT, WIDTH / shape))];
  return { left: Math.floor((WIDTH - wide) / 2), top: Math.floor((HEIGHT - high) / 2), width: wide, height: high };
};

// Draws pictures into 640x480 and reads their pixels.
export class Fitter {
  constructor() {
    this.context = new OffscreenCanvas(WIDTH, HEIGHT).getContext("2d", { willReadFrequently: true, alpha: false });
    this.context.imageSmoothingQuality = "high";
  }

  // `draw(context, left, top, width, height)` draws the picture, shown as `width` x `height`.
  fit(width, height, draw) {
    const box = fittedBox(width, height);
    this.context.fillRect(0, 0, WIDTH, HEIGHT);
    draw(this.context, box.left, box.top, box.width, box.height);
    return this.context.getImageData(0, 0, WIDTH, HEIGHT);
  }
}

// A place in 640x480 to shares of the picture's width and height.
export const shareOf = ([x, y], box) => [(x - box.left) / box.width, (y - box.top) / box.height];
