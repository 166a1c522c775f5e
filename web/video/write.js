// Writes a clip with its answer drawn on it, as MP4, with its sound where that can be copied or encoded.

import {
  BufferTarget, Conversion, getFirstEncodableVideoCodec, Mp4OutputFormat, Output, QUALITY_MEDIUM,
} from "../vendor/mediabunny/mediabunny.js";
import { paint } from "../page/draw.js";
import { useLanguage } from "../page/words.js";
import { Problem } from "../problems.js";
import { even } from "./letterbox.js";
import { openVideo } from "./read.js";

const [LONGER, SHORTER] = [1280, 720]; // pixels: 720p, at which some encoders stop
const SMALLEST = 320; // pixels of the shorter side, so that words can be read
const CODECS = ["avc", "hevc", "vp9", "av1"];

const sizeOf = (width, height) => {
  const [long, short] = [Math.max(width, height), Math.min(width, height)];
  const scale = Math.min(LONGER / long, SHORTER / short, Math.max(1, SMALLEST / short));
  return { width: even(width * scale), height: even(height * scale) };
};

// A Blob of the video; `check` throws to end it.
export const writeOverlay = async (file, painting, progress, check) => {
  useLanguage(painting.language);
  const video = await openVideo(file);
  try {
    const { width, height } = sizeOf(video.width, video.height);
    const codec = await getFirstEncodableVideoCodec(CODECS, { width, height });
    if (!codec) throw new Problem("cannotEncode");
    const context = new OffscreenCanvas(width, height).getContext("2d", { alpha: false });
    const output = new Output({ format: new Mp4OutputFormat({ fastStart: "in-memory" }), target: new BufferTarget() });
    const conversion = await Conversion.init({
      input: video.input, output, showWarnings: false, tracks: "primary",
      video: {
        width, height, fit: "fill", codec, quality: QUALITY_MEDIUM, forceTranscode: true, allowTransformationMetadata: false,
        processedWidth: width, processedHeight: height,
        process: (sample) => {
          check();
          sample.draw(context, 0, 0, width, height);
          paint(context, painting, sample.timestamp - video.begin, true);
          return context.canvas;
        },
      },
    });
    if (!conversion.isValid || !conversion.utilizedTracks.some((track) => track.isVideoTrack())) throw new Problem("cannotEncode");
    conversion.onProgress = progress;
    await conversion.execute();
    return new Blob([output.target.buffer], { type: "video/mp4" });
  } catch (error) {
    throw error instanceof Problem ? error : new Problem("cannotEncode");
  } finally {
    video.input.dispose();
  }
};
