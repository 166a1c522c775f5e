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

// Where a picture of that ratio lies, whole, in one of `width` x `height`: some change their shape in the middle.
const boxOf = (ratio, width, height) => {
  const [wide, high] = Math.abs(ratio - width / height) < 0.02 ? [width, height] : [Math.min(width, height * ratio), Math.min(height, width / ratio)];
  return { left: (width - wide) / 2, top: (height - high) / 2, width: wide, height: high };
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
        codec, quality: QUALITY_MEDIUM, forceTranscode: true, allowTransformationMetadata: false,
        processedWidth: width, processedHeight: height,
        process: (sample) => {
          check();
          const box = boxOf(sample.displayWidth / sample.displayHeight, width, height);
          context.fillStyle = "#000000";
          context.fillRect(0, 0, width, height);
          sample.draw(context, box.left, box.top, box.width, box.height);
          paint(context, painting, sample.timestamp, true, box); // the output begins where the file does
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
