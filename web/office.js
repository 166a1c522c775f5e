// What the worker does for the page: loads the graphs, looks at clips and at the camera, draws videos.

import { classifier, fetchFile } from "./constants.js";
import { answerPrediction } from "./answering/answer.js";
import { clipPlace } from "./blazepose/upright.js";
import { Landmarks, POINTS } from "./blazepose/landmarks.js";
import { ClipTracker, DETECTOR_OUTPUTS, LANDMARKER_OUTPUTS, PoseTracker } from "./blazepose/tracker.js";
import { Classifier, decideLabel, FPS } from "./models/classifier.js";
import { loadLiteRt, openGraph } from "./models/graphs.js";
import { loadMetric } from "./models/metric.js";
import { LiveSession, turn } from "./live.js";
import { Problem } from "./problems.js";
import { readEnrolled, writeEnrolled } from "./teaching/enrolment.js";
import { checkFree, checkName, isSameName } from "./teaching/names.js";
import { takeExercise } from "./teaching/take.js";
import { Fitter, fittedBox, HEIGHT, shareOf, WIDTH } from "./video/letterbox.js";
import { openVideo, readFrames, readPictures } from "./video/read.js";
import { writeOverlay } from "./video/write.js";

const fitter = new Fitter();
let [tracker, predictor, session, clip] = [null, null, null, null];
let seen = null; // the landmarks of the last clip, or of the last session at the camera
let frameSeconds = 0.1; // that a frame of a clip takes on this device
let knowsMine = false; // whether it was told what one taught this device
const cancelled = new Set(); // numbers of jobs

const fetchGraph = async (role, sizes) => openGraph(new Uint8Array(await fetchFile(classifier.graphs[role])), sizes);

let loading = null;

const load = async (_, progress = () => {}) => {
  loading ??= loadAll(progress).catch((error) => {
    loading = null;
    console.warn(error);
    throw error instanceof TypeError ? new Problem("notLoaded") : error; // as browsers call a network that fails
  });
  await loading;
  return { frameSeconds, knowsMine };
};

const loadAll = async (progress) => {
  await loadLiteRt();
  progress(0.3);
  const detector = await fetchGraph("detector", DETECTOR_OUTPUTS);
  progress(0.5);
  const landmarker = await fetchGraph("landmarker", LANDMARKER_OUTPUTS);
  progress(0.8);
  tracker = new PoseTracker(detector, landmarker);
  predictor = new Classifier(await fetchGraph("classifier"));
  const black = new ImageData(WIDTH, HEIGHT);
  await tracker.estimate(black, { centre: [WIDTH / 2, HEIGHT / 2], up: [0, -80] }); // the first run takes longest
  const start = performance.now();
  await tracker.estimate(black, { centre: [WIDTH / 2, HEIGHT / 2], up: [0, -80] });
  frameSeconds = (1.4 * (performance.now() - start)) / 1000;
};

const describe = async ({ file }) => {
  const { input, duration } = await openVideo(file);
  input.dispose();
  return { duration };
};

const stopIfCancelled = (job) => {
  if (cancelled.delete(job)) throw new Problem("cancelled");
};

const askClip = async ({ file }, progress, job) => {
  await load();
  const video = await openVideo(file);
  const [frames, times, sizes] = [new ClipTracker(tracker), [], []];
  try {
    await readFrames(video, FPS, async (sample, n, number) => {
      stopIfCancelled(job);
      const size = [sample.displayWidth, sample.displayHeight]; // some change it in the middle
      times.push(sample.timestamp - video.begin);
      sizes.push(size);
      await frames.add(n / FPS, fitter.fit(...size, (...box) => sample.draw(...box)));
      progress(n / number);
    });
  } finally {
    video.input.dispose();
  }
  return finish(await frames.end(), { ...video, times, sizes }, job);
};

// Where WebCodecs cannot decode, the page gives the frames of a <video> one by one.
const beginFrames = async ({ width, height }) => {
  await load();
  clip = { frames: new ClipTracker(tracker), width, height, begin: 0, times: [], sizes: [] };
};

const addFrame = async ({ bitmap, seconds }) => {
  const picture = fitter.fit(clip.width, clip.height, (context, ...box) => context.drawImage(bitmap, ...box));
  bitmap.close();
  await clip.frames.add(clip.times.length / FPS, picture);
  clip.times.push(seconds);
  clip.sizes.push([clip.width, clip.height]);
};

const endFrames = async (_, progress, job) => finish(await clip.frames.end(), clip, job);

const finish = async (landmarks, { width, height, begin, times, sizes }, job) => {
  seen = landmarks;
  const rest = async () => {
    await turn(); // so that a cancel is heard
    stopIfCancelled(job);
  };
  const answer = answerPrediction(await predictor.predict(landmarks, { rest }));
  return { answer, width, height, begin, times, isAnybody: landmarks.isAnybodyFound, skeleton: skeletonOf(landmarks, sizes) };
};

// (T, 33, 3): x and y as shares of the picture's width and height, visibility 0-1; -1 where nobody was found.
const skeletonOf = (landmarks, sizes) => {
  const points = new Float32Array(3 * POINTS * landmarks.length).fill(-1);
  for (let frame = 0; frame < landmarks.length; frame++) {
    if (!landmarks.found[frame]) continue;
    const box = fittedBox(...sizes[frame]);
    for (let point = 0; point < POINTS; point++) {
      const share = shareOf(clipPlace(landmarks, frame, point, WIDTH, HEIGHT), box);
      points.set([...share, landmarks.image[4 * (frame * POINTS + point) + 3]], 3 * (frame * POINTS + point));
    }
  }
  return points;
};

// The answer for landmarks {image, world, times, found, shot, several, turns} as they are.
const askLandmarks = async (arrays) => {
  await load();
  seen = Object.assign(new Landmarks(0), arrays, { length: arrays.found.length });
  return answerSeen();
};

const answerSeen = async () => answerPrediction(await predictor.predict(seen));

const pictures = async ({ file, times, height }) => {
  const video = await openVideo(file);
  try {
    return await readPictures(video, times, height);
  } finally {
    video.input.dispose();
  }
};

const overlay = async ({ file, painting }, progress, job) =>
  writeOverlay(file, painting, progress, () => stopIfCancelled(job));

// `goesOn`: with the sets that were counted before.
const startLive = async ({ goesOn }) => {
  await load();
  if (!goesOn || !session) session = new LiveSession(tracker, predictor);
};

let looked = Promise.resolve(); // one picture after the other

const look = ({ bitmap, seconds }) => {
  const { width, height } = bitmap;
  const frame = fitter.fit(width, height, (context, ...box) => context.drawImage(bitmap, ...box));
  bitmap.close();
  const state = looked.then(() => session.add(frame, seconds, width, height));
  looked = state.catch(() => {});
  return state;
};

const stopLive = async () => {
  await looked;
  seen = session.landmarks;
  return { ...(await session.finish()), isAnybody: seen.isAnybodyFound };
};

// From now on the exercises of these files are known, too. What is in each; null of those that cannot be read.
const useEnrolled = async ({ files }) => {
  await load();
  const read = await Promise.all(files.map((text) => readEnrolled(text).catch(() => null)));
  predictor.enrolled = read.filter((one) => one?.isUsable);
  knowsMine = true;
  return read;
};

// What is in a file, if it can be added.
const addEnrolled = async ({ text }) => {
  await load();
  const one = await readEnrolled(text);
  checkFree(one.name);
  if (ownOf(one.name)) throw new Problem("nameTaken", { name: one.name });
  return one;
};

// Of what is enrolled, only what is good for this classifier counts.
const ownOf = (name) => predictor.enrolled.find((one) => isSameName(one.name, name));

// The file of an exercise that was just seen, with what was seen of it before; unless `isCertain`, it has to be new.
const teach = async ({ name, isCertain }) => {
  const [tidy, landmarks] = [checkName(name), seen]; // what is seen later is another exercise
  checkFree(tidy);
  const known = ownOf(tidy);
  await loadMetric();
  const shown = await takeExercise(landmarks, predictor);
  if (!isCertain) {
    const { exercises, probabilities } = await predictor.predict(shown.landmarks);
    const { exercise, confidence } = decideLabel(probabilities, exercises);
    if (exercise !== classifier.none && exercise !== known?.name) throw new Problem("looksLike", { exercise, confidence });
    if (known) throw new Problem("addTo", { name: known.name });
  }
  return writeEnrolled(known?.name ?? tidy, shown, known);
};

const JOBS = {
  load, describe, askClip, beginFrames, addFrame, endFrames, askLandmarks, answerSeen, pictures, overlay, startLive, look, stopLive,
  useEnrolled, addEnrolled, teach,
};

export const receive = async ({ job, name, values }) => {
  if (name === "cancel") {
    cancelled.add(values.job);
    return;
  }
  try {
    const result = await JOBS[name](values, (share) => postMessage({ job, share }), job);
    const moved = name === "pictures" ? result.filter(Boolean) : [];
    postMessage({ job, result }, moved);
  } catch (error) {
    if (!(error instanceof Problem)) console.warn(error);
    postMessage({ job, problem: { code: error.code ?? "fault", values: error.values ?? {}, text: String(error) } });
  }
};
