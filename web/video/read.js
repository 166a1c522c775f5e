// Reads the frames of a file with WebCodecs, by mediabunny.

import { ALL_FORMATS, BlobSource, CanvasSink, EncodedPacketSink, Input, VideoSampleSink } from "../vendor/mediabunny/mediabunny.js";
import { Problem } from "../problems.js";

// {input, track, begin, first, duration, width, height, rate}: `begin` of the file by its own clock, which is the player's,
// `first` of its pictures, of which the first is shown until then. Throws `Problem`: 'cannotDecode' where <video> may be
// able to.
export const openVideo = async (file) => {
  if (!file.size) throw new Problem("empty");
  if (typeof VideoDecoder === "undefined") throw new Problem("cannotDecode");
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
  try {
    if (!(await input.canRead())) throw new Problem("noVideo");
    const track = await input.getPrimaryVideoTrack();
    if (!track) throw new Problem("noPictures");
    if (!(await track.canDecode())) throw new Problem("cannotDecode");
    // What is before 0 is cut off, by an edit list
    const [begin, first] = [Math.max(await input.getFirstTimestamp(), 0), await track.getFirstTimestamp()];
    const duration = (await track.computeDuration()) - begin;
    if (!(duration > 0)) throw new Problem("noPictures");
    return {
      input, track, begin, first, duration, width: await track.getDisplayWidth(), height: await track.getDisplayHeight(),
      rate: (await track.computePacketStats(100)).averagePacketRate,
    };
  } catch (error) {
    input.dispose();
    throw error instanceof Problem ? error : new Problem("noVideo");
  }
};

// Frames that are shown at the times 0, 1/fps, …: for each the last of those that are nearest to it. `use(sample, n)`.
// What is damaged looks like what was before it, if something comes after it; else the clip ends there.
export const readFrames = async (video, fps, use) => {
  const number = Math.max(1, Math.ceil(video.duration * fps - 1e-6)); // as the file says; it may be cut off
  let [n, last, failure] = [0, null, null];
  const give = async () => {
    await use(last, n, number).catch((error) => {
      failure = error;
      throw error;
    });
    n += 1;
  };
  const readFrom = async (seconds) => {
    for await (const sample of new VideoSampleSink(video.track).samples(seconds)) {
      try {
        while (last && video.begin + (n + 0.5) / fps - 1e-6 < sample.timestamp) await give();
      } finally {
        last?.close();
        last = sample;
      }
    }
  };
  try {
    for (let start = video.first; start !== null;) {
      const isWhole = await readFrom(start).then(() => true, () => false);
      if (failure) throw failure;
      start = isWhole ? null : await nextKey(video.track, Math.max(start, last?.timestamp ?? start));
    }
    if (!last) throw new Problem("damaged");
    const seconds = last.timestamp + (last.duration || 1 / video.rate) - video.begin;
    while (n < Math.max(1, Math.ceil(seconds * fps - 1e-6))) await give();
  } finally {
    last?.close();
  }
};

// When the next picture is that is decoded by itself; null if none is.
const nextKey = async (track, seconds) => {
  const packets = new EncodedPacketSink(track);
  const before = await packets.getKeyPacket(seconds, { metadataOnly: true }).catch(() => null);
  return (before && (await packets.getNextKeyPacket(before, { metadataOnly: true }).catch(() => null)))?.timestamp ?? null;
};

// Small pictures (ImageBitmap, `height` pixels high) that are shown at `times`; null where there is none.
export const readPictures = async (video, times, height) => {
  const pictures = [];
  const canvases = new CanvasSink(video.track, { height }).canvasesAtTimestamps(times.map((time) => Math.max(video.begin + time, video.first)));
  for await (const drawn of canvases) pictures.push(drawn && drawn.canvas.transferToImageBitmap());
  return pictures;
};
