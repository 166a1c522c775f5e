// Reads the frames of a file with WebCodecs, by mediabunny.

import { ALL_FORMATS, BlobSource, CanvasSink, Input, VideoSampleSink } from "../vendor/mediabunny/mediabunny.js";
import { Problem } from "../problems.js";

const LATEST_START_S = 10; // a film that begins later does so on purpose

// {track, width, height, begin, duration}. Throws `Problem`: 'cannotDecode' where <video> may be able to.
export const openVideo = async (file) => {
  if (!file.size) throw new Problem("empty");
  if (typeof VideoDecoder === "undefined") throw new Problem("cannotDecode");
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
  try {
    if (!(await input.canRead())) throw new Problem("noVideo");
    const track = await input.getPrimaryVideoTrack();
    if (!track) throw new Problem("noPictures");
    if (!(await track.canDecode())) throw new Problem("cannotDecode");
    const [first, end] = [await track.getFirstTimestamp(), await track.computeDuration()];
    const begin = first >= 0 && first <= LATEST_START_S ? first : 0;
    if (!(end > begin)) throw new Problem("noPictures");
    return {
      input, track, begin, duration: end - begin, width: await track.getDisplayWidth(), height: await track.getDisplayHeight(),
      rate: (await track.computePacketStats(100)).averagePacketRate,
    };
  } catch (error) {
    input.dispose();
    throw error instanceof Problem ? error : new Problem("noVideo");
  }
};

// Frames that are shown at the times 0, 1/fps, …: for each the last of those that are nearest to it. `use(sample, n)`.
export const readFrames = async (video, fps, use) => {
  const number = Math.max(1, Math.ceil(video.duration * fps - 1e-6));
  const times = Array.from({ length: number }, (_, n) => video.begin + (n + 0.5) / fps - 1e-6);
  const samples = new VideoSampleSink(video.track).samplesAtTimestamps(times);
  let last = null;
  try {
    for (let n = 0; ; n++) {
      const { done, value } = await next(samples, last);
      if (done) break;
      if (value) {
        last?.close();
        last = value;
      }
      if (last) await use(last, n, number);
    }
  } finally {
    last?.close();
    await samples.return();
  }
  if (!last) throw new Problem("noPictures");
};

// Where a file is damaged in its middle, what could be read counts: the `last` sample, if there is one.
const next = async (samples, last) => {
  try {
    return await samples.next();
  } catch {
    if (!last) throw new Problem("cannotDecode");
    return { done: true };
  }
};

// Small pictures (ImageBitmap, `height` pixels high) that are shown at `times`; null where there is none.
export const readPictures = async (video, times, height) => {
  const pictures = [];
  const canvases = new CanvasSink(video.track, { height }).canvasesAtTimestamps(times.map((time) => video.begin + time));
  for await (const drawn of canvases) pictures.push(drawn && drawn.canvas.transferToImageBitmap());
  return pictures;
};
