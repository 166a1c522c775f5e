// One clip: it is looked at by the worker, and its answer is shown.

import { classifier } from "../constants.js";
import { ask } from "./client.js";
import { clearOverlay, coloursOf, onNextPicture, paint } from "./draw.js";
import { giveFrames } from "./fallback.js";
import { csvOf, jsonOf } from "./formats.js";
import { load, offerTeaching } from "./mine.js";
import { $, element, explain, put, say, show } from "./sections.js";
import { clock, counted, doing, duration, held, language, percent, summary, t } from "./words.js";

const LONG = 20 * 60; // seconds of a clip, from which on it is asked whether to look at it
const LONGEST_DRAWN = 30 * 60; // seconds of a clip that is drawn on: it is held in memory
const PICTURE_HEIGHT = 96; // pixels of the timeline's pictures, twice as many as are shown
const MOST_PICTURES = 60;

let clip = null; // {file, urls, job, about, result, painting}: the one that is shown

const named = (segment) => doing(segment, classifier.none);
const isSet = ({ exercise, repetitions }) => exercise !== classifier.none || Boolean(repetitions);

export const giveClip = async (file) => {
  forgetClip();
  say();
  const mine = { file, urls: [], job: null };
  clip = mine;
  put("progress-name", file.name);
  put("progress-text", t("loadingShort"));
  $("progress-bar").removeAttribute("value");
  $("progress-bar").hidden = false;
  $("go-on").hidden = true;
  show("progress");
  try {
    const { frameSeconds } = await run(mine, load({ progress: (share) => follow(mine, "loading", share) }));
    if (mine !== clip) return;
    put("progress-text", t("opening"));
    const about = await run(mine, ask("describe", { file })).catch((problem) => {
      if (problem.code !== "cannotDecode") throw problem;
      return null; // <video> may be able to
    });
    const isLookedAt = async ({ duration: length }) => {
      if (mine !== clip) return false;
      mine.about = { duration: length, seconds: length * classifier.fps * frameSeconds };
      return length <= LONG || isWanted(mine);
    };
    if (mine !== clip || (about && !(await isLookedAt(about)))) return;
    const result = await (about ? look(mine)
      : giveFrames(file, (job) => run(mine, job), (share) => follow(mine, "looking", share), isLookedAt));
    if (mine === clip) showAnswer(mine, result);
  } catch (problem) {
    if (mine !== clip) return;
    clip = null;
    show("start");
    explain(problem);
    $("file").value = "";
  }
};

const run = (mine, job) => {
  mine.job = job;
  return job;
};

const look = (mine) => {
  const begin = performance.now();
  const progress = (share) => {
    const left = ((performance.now() - begin) / 1000) * (1 / share - 1);
    follow(mine, "looking", share, left > 5 && share > 0.05 ? `, ${t("remaining", { time: duration(left) })}` : "");
  };
  return run(mine, ask("askClip", { file: mine.file }, { progress }));
};

const follow = (mine, key, share, more = "") => {
  if (mine !== clip) return;
  put("progress-text", t(key, { n: Math.round(100 * share) }) + more);
  $("progress-bar").value = share;
};

const tellLength = ({ about }) =>
  put("progress-text", t("long", { length: duration(about.duration), time: duration(about.seconds) }));

const isWanted = (mine) => {
  tellLength(mine);
  $("progress-bar").hidden = true;
  $("go-on").hidden = false;
  $("go-on").focus();
  return new Promise((resolve) => {
    mine.decide = (isYes) => {
      $("go-on").hidden = true;
      $("progress-bar").hidden = false;
      $("cancel").focus();
      resolve(isYes && mine === clip);
    };
    $("go-on").onclick = () => mine.decide(true);
  });
};

const showAnswer = (mine, result) => {
  mine.result = result;
  tellAnswer(mine);
  showFiles(mine);
  showVideo(mine);
  show("answer");
  if (result.isAnybody) offerTeaching(() => answerAgain(mine));
};

// It may have another name now.
const answerAgain = async (mine) => {
  mine.result.answer = await ask("answerSeen");
  if (mine !== clip) return;
  mine.job?.cancel?.(); // a video that is drawn on with the old name
  tellAnswer(mine);
  showFiles(mine);
};

// What is shown, again: in another language.
export const translateClip = () => {
  if (clip?.result) tellAnswer(clip);
  else if (clip?.about && !$("go-on").hidden) tellLength(clip);
};

const tellAnswer = (mine) => {
  const { answer, isAnybody, skeleton, times, begin } = mine.result;
  const colours = coloursOf(answer.segments, classifier.exercises, classifier.none);
  const segments = answer.segments.map((one, n) => ({ ...one, name: named(one), colour: colours[n] }));
  mine.painting = { points: skeleton, times, begin, segments, duration: answer.duration_s, language };
  const sets = answer.segments.filter(isSet);
  const isWorkout = sets.length > 1;
  put("answer-file", mine.file.name);
  put("answer-exercise", !isAnybody ? t("nobody") : isWorkout ? summary(sets) : named(answer));
  note(answer, isAnybody);
  const heldOnly = answer.repetitions === null && answer.held_s !== null;
  put("answer-count-name", t(heldOnly ? "heldName" : "repetitionsName"));
  put("answer-count", heldOnly ? held(answer.held_s) : String(answer.repetitions));
  $("answer-count-fact").hidden = isWorkout || (answer.repetitions === null && answer.held_s === null);
  $("answer-confidence-fact").hidden = isWorkout || !isAnybody;
  put("answer-confidence", percent(answer.confidence));
  put("answer-length", clock(answer.duration_s));
  $("segments").replaceChildren(...segments.map(row));
  showBar(segments, answer.duration_s);
  if ($("video").paused) drawNow(mine, $("video").currentTime);
  showPictures(mine);
};

const note = (answer, isAnybody) => {
  const isNone = answer.exercise === classifier.none;
  const key = !isAnybody ? "noteNobody" : isNone ? (answer.repetitions ? "noteUnknown" : "noteNone") : answer.several_people ? "noteSeveral" : null;
  put("answer-note", key ? t(key) : "");
  $("answer-note").hidden = !key;
};

const row = (segment) => {
  const seek = element("button", { type: "button", className: "seek", textContent: `${clock(segment.start_s)} – ${clock(segment.end_s)}` });
  seek.setAttribute("aria-label", t("playFrom", { time: seek.textContent, doing: segment.name }));
  seek.addEventListener("click", () => playFrom(segment.start_s + clip.painting.begin)); // by the file's clock
  const line = element("li", { className: isSet(segment) ? "set" : "" },
    element("span", { className: "picture" }),
    element("span", { className: "name", textContent: segment.name }),
    element("span", { className: "times", textContent: counted(segment) }),
    seek,
    element("span", { className: "sure", textContent: t("sure", { percent: percent(segment.confidence) }) }));
  line.style.setProperty("--colour", segment.colour);
  return line;
};

const playFrom = (seconds) => {
  $("video").currentTime = seconds;
  $("video").play().catch(() => {});
  $("player").scrollIntoView({ block: "nearest" });
};

const showBar = (segments, length) => {
  $("bar").replaceChildren(...segments.map(({ start_s: start, end_s: end, colour }) => {
    const part = element("span");
    part.style.setProperty("--colour", colour);
    part.style.flexGrow = String((end - start) / Math.max(length, 1e-3));
    return part;
  }));
};

const showFiles = (mine) => {
  const stem = mine.file.name.replace(/\.[^.]*$/, "") || "clip";
  const { answer } = mine.result;
  const files = { json: jsonOf(mine.file.name, answer), csv: csvOf(mine.file.name, answer) };
  for (const [kind, text] of Object.entries(files)) {
    $(`save-${kind}`).href = keep(mine, new Blob([text], { type: kind === "csv" ? "text/csv" : "application/json" }));
    $(`save-${kind}`).download = `${stem}.${kind}`;
  }
  $("draw-video").hidden = answer.duration_s > LONGEST_DRAWN || typeof VideoEncoder === "undefined";
  $("save-video").hidden = $("stop-drawing").hidden = $("drawing-text").hidden = $("drawing-bar").hidden = true;
  $("draw-video").onclick = () => drawVideo(mine, `${stem}.overlay.mp4`);
};

const drawVideo = async (mine, name) => {
  $("draw-video").hidden = true;
  $("stop-drawing").hidden = $("drawing-text").hidden = $("drawing-bar").hidden = false;
  $("stop-drawing").focus();
  const progress = (share) => {
    if (mine !== clip) return;
    put("drawing-text", t("drawing", { n: Math.round(100 * share) }));
    $("drawing-bar").value = share;
  };
  progress(0);
  try {
    const job = run(mine, ask("overlay", { file: mine.file, painting: mine.painting }, { progress }));
    $("stop-drawing").onclick = job.cancel;
    const blob = await job;
    if (mine !== clip) return;
    Object.assign($("save-video"), { href: keep(mine, blob), download: name, hidden: false });
    $("save-video").focus();
    $("drawing-text").hidden = true;
    $("save-video").click();
  } catch ({ code }) {
    if (mine !== clip) return;
    $("draw-video").hidden = code !== "cancelled";
    $("drawing-text").hidden = code === "cancelled";
    put("drawing-text", t("cannotEncode"));
    $(code === "cancelled" ? "draw-video" : "save-json").focus();
  }
  $("drawing-bar").hidden = $("stop-drawing").hidden = true;
};

// The player, with the skeleton and the count drawn above it once a frame.
const showVideo = (mine) => {
  const video = $("video");
  $("player").hidden = false;
  $("no-player").hidden = true;
  video.onerror = () => {
    if (mine !== clip || !video.getAttribute("src")) return;
    $("player").hidden = true;
    $("no-player").hidden = false;
  };
  video.onloadedmetadata = () => {
    if (!video.videoWidth) video.onerror();
  };
  video.src = keep(mine, mine.file);
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) video.play().catch(() => {});
  drawAgain(mine);
};

const drawAgain = (mine) => onNextPicture($("video"), (seconds) => {
  if (mine !== clip) return;
  drawNow(mine, seconds);
  drawAgain(mine);
});

const drawNow = ({ painting }, seconds) => {
  if ($("video").videoWidth) paint(clearOverlay($("video-overlay"), $("video")), painting, seconds - painting.begin, false);
};

// Small pictures in the timeline; without them the answer is the same.
const showPictures = async (mine) => {
  const segments = mine.result.answer.segments.slice(0, MOST_PICTURES);
  const times = segments.map(({ start_s: start, end_s: end, times_s: counts }) => counts[counts.length >> 1] ?? (start + end) / 2);
  const pictures = await ask("pictures", { file: mine.file, times, height: PICTURE_HEIGHT }).catch(() => []);
  const isShown = mine === clip && segments[0] === mine.result.answer.segments[0]; // the rows may be others by now
  pictures.forEach((bitmap, n) => {
    if (!isShown) bitmap?.close();
    if (!isShown || !bitmap) return;
    const canvas = element("canvas", { width: bitmap.width, height: bitmap.height });
    canvas.getContext("bitmaprenderer").transferFromImageBitmap(bitmap);
    $("segments").children[n].firstChild.replaceChildren(canvas);
  });
};

const keep = (mine, blob) => {
  const url = URL.createObjectURL(blob);
  mine.urls.push(url);
  return url;
};

export const forgetClip = () => {
  const mine = clip;
  clip = null;
  mine?.job?.cancel?.();
  mine?.decide?.(false);
  mine?.urls.forEach((url) => URL.revokeObjectURL(url));
  $("video").removeAttribute("src");
  $("video").load();
};

