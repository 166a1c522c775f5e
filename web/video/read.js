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

const FEW = 10; // frames that are asked for where something is damaged: what was decoded ahead of it is lost

// Frames that are shown at the times 0, 1/fps, …: for each the last of those that are nearest to it. `use(sample, n)`.
// What is damaged looks like what was before it, if something comes after it; else the clip ends there.
export const readFrames = async (video, fps, use) => {
  const number = Math.max(1, Math.ceil(video.duration * fps - 1e-6));
  const times = Array.from({ length: number }, (_, n) => Math.max(video.begin + (n + 0.5) / fps - 1e-6, video.first));
  const packets = new EncodedPacketSink(video.track);
  let [n, used, last, failure] = [0, 0, null, null];
  const give = async (sample) => {
    try {
      for (; used < n; used++) await use(last ?? sample, used, number);
      await use(sample, used++, number);
    } catch (error) {
      failure = error;
      throw error;
    }
  };
  const isMissing = async (sample) =>
    sample.timestamp === last?.timestamp && (await packets.getPacket(times[n], { metadataOnly: true }))?.timestamp > sample.timestamp;
  const readOn = async (most) => {
    for await (const sample of new VideoSampleSink(video.track).samplesAtTimestamps(times.slice(n, n + most))) {
      if (sample && (await isMissing(sample))) {
        sample.close();
        throw new Error("the file ends before its pictures do");
      }
      if (sample) {
        await give(sample);
        last?.close();
        last = sample;
      }
      n += 1;
    }
  };
  let most = Infinity;
  try {
    while (n < number) {
      const before = n;
      try {
        await readOn(most);
      } catch {
        if (failure) throw failure;
        const isStuck = n === before && most === FEW;
        if (isStuck) n = Math.max(n + 1, await nextKey(packets, times, n));
        most = isStuck ? Infinity : FEW;
      }
    }
  } finally {
    last?.close();
  }
  if (!last) throw new Problem("damaged");
};

// The number of the first frame that is decoded by itself after a damaged one.
const nextKey = async (packets, times, n) => {
  const before = await packets.getKeyPacket(times[n], { metadataOnly: true }).catch(() => null);
  const key = before && (await packets.getNextKeyPacket(before, { metadataOnly: true }).catch(() => null));
  const number = key ? times.findIndex((time) => time >= key.timestamp) : -1;
  return number < 0 ? times.length : number;
};

// Small pictures (ImageBitmap, `height` pixels high) that are shown at `times`; null where there is none.
export const readPictures = async (video, times, height) => {
  const pictures = [];
  const canvases = new CanvasSink(video.track, { height }).canvasesAtTimestamps(times.map((time) => Math.max(video.begin + time, video.first)));
  for await (const drawn of canvases) pictures.push(drawn && drawn.canvas.transferToImageBitmap());
  return pictures;
};
