// Where WebCodecs cannot decode a file, its frames come from a <video>.

import { classifier } from "../constants.js";
import { Problem } from "../problems.js";
import { ask } from "./client.js";

const PATIENCE = 10_000; // milliseconds to wait for a frame

const happens = (target, name) => new Promise((resolve, reject) => {
  const late = setTimeout(() => reject(new Problem("cannotDecode")), PATIENCE);
  target.addEventListener(name, () => (clearTimeout(late), resolve()), { once: true });
  target.addEventListener("error", () => (clearTimeout(late), reject(new Problem("cannotDecode"))), { once: true });
});

// As `askClip` gives it. `run` remembers the job that goes on, so that it can be cancelled.
export const giveFrames = async (file, run, progress) => {
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, preload: "auto" });
  const url = URL.createObjectURL(file);
  let isCancelled = false;
  run({ cancel: () => (isCancelled = true) });
  try {
    const ready = happens(video, "loadeddata");
    video.src = url;
    await ready;
    if (!video.videoWidth || !Number.isFinite(video.duration)) throw new Problem("cannotDecode");
    await ask("beginFrames", { width: video.videoWidth, height: video.videoHeight });
    const number = Math.max(1, Math.ceil(video.duration * classifier.fps - 1e-6));
    for (let n = 0; n < number; n++) {
      if (isCancelled) throw new Problem("cancelled");
      const seconds = Math.min((n + 0.5) / classifier.fps - 1e-3, Math.max(video.duration - 1e-3, 0));
      const found = happens(video, "seeked");
      video.currentTime = seconds;
      await found;
      const bitmap = await createImageBitmap(video);
      await ask("addFrame", { bitmap, seconds }, { move: [bitmap] });
      progress((n + 1) / number);
    }
    return await ask("endFrames");
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  }
};
