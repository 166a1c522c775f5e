// Where WebCodecs cannot decode a file, its frames come from a <video>.

import { classifier } from "../constants.js";
import { Problem } from "../problems.js";
import { ask } from "./client.js";

const PATIENCE = 10_000; // milliseconds to wait for a frame

const happens = async (target, name) => {
  const listening = new AbortController();
  const { signal } = listening;
  const late = AbortSignal.timeout(PATIENCE);
  try {
    await new Promise((resolve, reject) => {
      target.addEventListener(name, resolve, { signal });
      target.addEventListener("error", reject, { signal });
      late.addEventListener("abort", reject, { signal });
    });
  } catch {
    throw new Problem("cannotDecode");
  } finally {
    listening.abort();
  }
};

// As `askClip` gives it. `run` remembers the job that goes on, so that it can be cancelled; `isWanted(about)` asks whether
// to look at a long one.
export const giveFrames = async (file, run, progress, isWanted) => {
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, preload: "auto" });
  const url = URL.createObjectURL(file);
  let isCancelled = false;
  run({ cancel: () => (isCancelled = true) });
  try {
    const ready = happens(video, "loadeddata");
    video.src = url;
    await ready;
    if (!video.videoWidth || !Number.isFinite(video.duration)) throw new Problem("cannotDecode");
    if (!(await isWanted({ duration: video.duration }))) throw new Problem("cancelled");
    await ask("beginFrames", { width: video.videoWidth, height: video.videoHeight });
    const number = Math.max(1, Math.ceil(video.duration * classifier.fps - 1e-6));
    for (let n = 0; n < number; n++) {
      const seconds = Math.min((n + 0.5) / classifier.fps - 1e-3, Math.max(video.duration - 1e-3, 0));
      const found = happens(video, "seeked");
      video.currentTime = seconds;
      await found;
      if (isCancelled) break;
      const bitmap = await createImageBitmap(video);
      await ask("addFrame", { bitmap, seconds }, { move: [bitmap] });
      progress((n + 1) / number);
    }
    if (isCancelled) throw new Problem("cancelled");
    return await ask("endFrames");
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  }
};
