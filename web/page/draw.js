// Draws an answer on pictures of its clip: skeleton, exercise, confidence, count, and a bar of the timeline.

import { constants } from "../constants.js";
import { clip, mean } from "../numbers.js";
import { percent, t } from "./words.js";

const {
  CROSS_BONES, GREY, LEFT_COLOUR, LIGHT_GREY, MAX_LEAP, MIDDLE_COLOUR, MIN_VISIBILITY, PALETTE, RIGHT_COLOUR, TINTS,
} = constants.drawing;
const { LANDMARKS: POINTS, SIDE_BONES } = constants.skeleton;
const BONES = [...SIDE_BONES, ...CROSS_BONES];
const css = ([red, green, blue]) => `rgb(${red}, ${green}, ${blue})`;
const COLOURS = { middle: css(MIDDLE_COLOUR), left: css(LEFT_COLOUR), right: css(RIGHT_COLOUR) };
const LARGEST = 1280; // pixels of a canvas' longer side
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif";

// The colour of each segment: a grey for 'none', else that of the exercise's place among all, different within a clip.
export const coloursOf = (segments, exercises, none) => {
  const names = [...new Set(segments.map(({ exercise }) => exercise))].filter((name) => name !== none);
  const chosen = new Map();
  const placeOf = (name) => (exercises.includes(name) ? exercises.indexOf(name) : exercises.length);
  for (const name of names.sort().sort((one, other) => placeOf(one) - placeOf(other))) {
    const place = placeOf(name) % PALETTE.length;
    const order = [...PALETTE.slice(place), ...PALETTE.slice(0, place), ...TINTS];
    chosen.set(name, order.find((colour) => ![...chosen.values()].includes(colour)) ?? order[0]);
  }
  return segments.map(({ exercise, repetitions }) => css(chosen.get(exercise) ?? (repetitions ? LIGHT_GREY : GREY)));
};

// Landmarks of the left side have odd numbers, those of the right side even ones.
const sideOf = ([start, end]) => ((start + end) % 2 ? "middle" : start % 2 ? "left" : "right");

// Calls `draw` with the time of the next picture that a video shows.
export const onNextPicture = (video, draw) => {
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback((_, { mediaTime }) => draw(mediaTime));
  else requestAnimationFrame(() => draw(video.currentTime));
};

// The context of a canvas that lies over a video, of the size of its picture or `LARGEST`. To set the size clears it.
export const clearOverlay = (canvas, { videoWidth, videoHeight }) => {
  const scale = Math.min(1, LARGEST / Math.max(videoWidth, videoHeight));
  Object.assign(canvas, { width: Math.round(videoWidth * scale), height: Math.round(videoHeight * scale) });
  return canvas.getContext("2d");
};

// `points` (33, 3): x and y as shares of width and height, visibility; `box`: where the picture lies, if not everywhere.
export const drawSkeleton = (context, points, box) => {
  const { left = 0, top = 0, width, height } = box ?? context.canvas;
  const thickness = Math.max(2, Math.min(width, height) / 130);
  const seen = BONES.filter((ends) => ends.every((end) => points[3 * end + 2] >= MIN_VISIBILITY));
  const stroke = (colour, wide, bones) => {
    context.strokeStyle = colour;
    context.lineWidth = wide;
    context.beginPath();
    for (const [start, end] of bones) {
      context.moveTo(left + points[3 * start] * width, top + points[3 * start + 1] * height);
      context.lineTo(left + points[3 * end] * width, top + points[3 * end + 1] * height);
    }
    context.stroke();
  };
  context.lineCap = "round";
  stroke("rgba(0, 0, 0, 0.6)", 1.9 * thickness, seen);
  for (const side of Object.keys(COLOURS)) stroke(COLOURS[side], thickness, seen.filter((ends) => sideOf(ends) === side));
};

// The points (33, 3) at a time, interpolated between the frames around; null if nobody is found there.
const pointsAt = ({ points, times }, seconds) => {
  let [low, high] = [0, times.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle] <= seconds + 1e-6) low = middle;
    else high = middle - 1;
  }
  const after = Math.min(low + 1, times.length - 1);
  const frame = (n) => points.subarray(3 * POINTS * n, 3 * POINTS * (n + 1));
  const step = times[after] - times[low];
  const share = step > 0 ? clip((seconds - times[low]) / step, 0, 1) : 0;
  const [one, other] = [frame(low), frame(after)];
  const isFound = (values) => values[2] >= 0;
  if (isFound(one) && isFound(other) && !leaps(one, other)) {
    return one.map((value, n) => value * (1 - share) + other[n] * share);
  }
  const nearest = share > 0.5 ? other : one;
  return isFound(nearest) ? nearest : null;
};

const leaps = (one, other) => {
  const along = (points, axis) => points.filter((_, n) => n % 3 === axis);
  const moves = [0, 1].map((axis) => mean(along(other, axis)) - mean(along(one, axis)));
  const sizes = [0, 1].map((axis) => Math.max(...along(one, axis)) - Math.min(...along(one, axis)));
  return Math.hypot(...moves) > MAX_LEAP * Math.hypot(...sizes);
};

// What is counted in a segment until `seconds`, and its unit.
const countAt = (segment, seconds) => {
  if (segment.repetitions !== null) {
    const count = segment.times_s.filter((time) => time <= seconds + 1e-6).length;
    return [String(count), t("reps", { n: count })];
  }
  if (segment.held_s === null) return ["", ""];
  return [`${Math.floor(clip(seconds - segment.start_s, 0, segment.held_s) + 1e-6)}`, "s"];
};

// `painting`: {points, times, segments with `name` and `colour`, duration}; with a bar of the timeline if `hasBar`.
export const paint = (context, painting, seconds, hasBar, box) => {
  const points = pointsAt(painting, seconds);
  if (points) drawSkeleton(context, points, box);
  const segment = painting.segments.findLast(({ start_s: start }) => start <= seconds + 1e-6) ?? painting.segments[0];
  drawLabel(context, segment, seconds);
  if (hasBar) drawBar(context, painting, seconds);
};

const drawLabel = (context, segment, seconds) => {
  const { width, height } = context.canvas;
  const size = Math.max(10, Math.min(width / 17, height / 15));
  const [count, unit] = countAt(segment, seconds);
  const sure = percent(segment.confidence);
  const write = (text, x, y, pixels, weight, colour) => {
    context.font = `${weight} ${pixels}px ${FONT}`;
    context.fillStyle = colour;
    context.fillText(text, x, y);
  };
  const measure = (text, pixels, weight) => {
    context.font = `${weight} ${pixels}px ${FONT}`;
    return context.measureText(text).width;
  };
  const counts = count ? Math.max(measure(count, 1.6 * size, 800), measure("00", 1.6 * size, 800), measure(unit, 0.68 * size, 500)) : 0;
  const room = width - 2.6 * size - counts;
  const named = Math.min(size, (size * room) / Math.max(measure(segment.name, size, 700), 1));
  const words = Math.max(measure(segment.name, named, 700), measure(sure, 0.68 * size, 500));
  const [left, top, box] = [0.5 * size, 0.5 * size, words + counts + (count ? 1.9 : 1.2) * size];
  context.fillStyle = "rgba(18, 22, 28, 0.82)";
  context.fillRect(left, top, box, 2.7 * size);
  context.fillStyle = segment.colour;
  context.fillRect(left, top, 0.25 * size, 2.7 * size);
  write(segment.name, left + 0.7 * size, top + 1.2 * size, named, 700, "#ffffff");
  write(sure, left + 0.7 * size, top + 2.2 * size, 0.68 * size, 500, "#cdd2da");
  if (!count) return;
  context.textAlign = "center";
  const middle = left + box - 0.5 * size - counts / 2;
  write(count, middle, top + 1.5 * size, 1.6 * size, 800, "#ffffff");
  write(unit, middle, top + 2.35 * size, 0.68 * size, 500, "#cdd2da");
  context.textAlign = "start";
};

const drawBar = (context, { segments, duration }, seconds) => {
  const { width, height } = context.canvas;
  const high = Math.max(8, Math.min(width / 17, height / 15));
  const place = (time) => clip(time / Math.max(duration, 1e-3), 0, 1) * width;
  context.fillStyle = "#12161c";
  context.fillRect(0, height - high, width, high);
  for (const { start_s: start, end_s: end, colour } of segments) {
    context.fillStyle = colour;
    context.fillRect(place(start), height - 0.9 * high, Math.max(place(end) - place(start) - 1, 1), 0.8 * high);
  }
  context.fillStyle = "#ffffff";
  context.fillRect(Math.min(place(seconds), width - 3), height - 1.1 * high, 3, 1.1 * high);
};
