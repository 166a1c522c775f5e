// The live camera: its pictures go to the worker; the skeleton, the exercise and the count come back.

import { classifier } from "../constants.js";
import { Problem } from "../problems.js";
import { ask } from "./client.js";
import { clearOverlay, drawSkeleton, onNextPicture } from "./draw.js";
import { load, offerTeaching } from "./mine.js";
import { $, element, explain, put, say, show } from "./sections.js";
import { counted, doing, held, language, summary, t } from "./words.js";

const IN_FLIGHT = 2; // pictures without an answer, at most: a slow device gets fewer pictures, not later answers

const REFUSALS = { NotAllowedError: "refused", NotFoundError: "noCamera", OverconstrainedError: "noCamera" };

let live = null; // {stream, track, inFlight, answered, drawing, spoken, pausedUntil, lock}: the one that runs
let wish = { facingMode: "user" }; // which camera
let isBegun = false; // whether the worker has the session whose sets are shown
let shown = null; // the last state

// `goesOn`: with the sets that are shown.
export const startCamera = async (goesOn) => {
  say();
  const mine = { inFlight: IN_FLIGHT, answered: [], spoken: "" };
  live = mine;
  isBegun &&= goesOn;
  if (!isBegun) tellState(mine, { points: null, exercise: null, repetitions: null, held_s: null, sets: [] });
  clear();
  show("live");
  setAdvice("loadingShort");
  try {
    mine.stream = await openCamera();
    if (mine !== live) {
      release(mine);
      return;
    }
    watch(mine);
    await load({ progress: (share) => mine === live && put("advice", t("loading", { n: Math.round(100 * share) })) });
    await ask("startLive", { goesOn: isBegun });
    if (mine !== live) return;
    isBegun = true;
  } catch (problem) {
    if (mine !== live) return;
    if (isBegun) end(); // with the sets that are shown
    else {
      leaveCamera();
      show("start");
    }
    explain(problem);
    return;
  }
  mine.inFlight = 0;
  setAdvice(mine.isMuted ? "muted" : "ready");
  nextFrame(mine);
};

const openCamera = async () => {
  if (!navigator.mediaDevices) throw new Problem("insecure");
  const video = { width: { ideal: 1280 }, height: { ideal: 720 }, ...wish };
  return navigator.mediaDevices.getUserMedia({ audio: false, video }).catch(({ name }) => {
    throw new Problem(REFUSALS[name] ?? "cameraBusy");
  });
};

const clear = () => {
  drawState({ points: null });
  put("live-spoken", "");
  put("rate", "");
  $("leave").hidden = $("live-again").hidden = true;
  $("stop").hidden = $("screen").hidden = false;
};

// The camera's own troubles, each with a plain state from which one goes on.
const watch = (mine) => {
  [mine.track] = mine.stream.getVideoTracks();
  $("camera").srcObject = mine.stream;
  $("camera").play().catch(() => {});
  $("screen").classList.toggle("mirrored", (mine.track.getSettings().facingMode ?? "user") === "user");
  mine.track.addEventListener("ended", () => mine === live && stopCamera("unplugged"));
  for (const kind of ["mute", "unmute"]) {
    mine.track.addEventListener(kind, () => {
      mine.isMuted = kind === "mute"; // answers to earlier pictures are still to come
      if (mine === live) setAdvice(mine.isMuted ? "muted" : null);
    });
  }
  keepAwake(mine);
  listCameras(mine);
};

const keepAwake = async (mine) => {
  mine.lock = await navigator.wakeLock?.request("screen").catch(() => null);
  if (mine !== live) release(mine);
};

const listCameras = async (mine) => {
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
  if (mine !== live) return;
  $("camera-choice").hidden = cameras.length < 2;
  const chosen = mine.track.getSettings().deviceId;
  $("cameras").replaceChildren(...cameras.map(({ deviceId, label }, n) =>
    element("option", { value: deviceId, textContent: label || t("cameraNumber", { n: n + 1 }), selected: deviceId === chosen })));
};

export const chooseCamera = () => {
  wish = { deviceId: $("cameras").value }; // another one, where it is gone
  leaveCamera();
  startCamera(true);
  $("cameras").focus();
};

const nextFrame = (mine) => {
  if (mine === live) onNextPicture($("camera"), () => look(mine));
};

const look = async (mine) => {
  nextFrame(mine);
  if (mine !== live || mine.inFlight >= IN_FLIGHT || mine.isStopping || !$("camera").videoWidth) return;
  mine.inFlight += 1;
  try {
    const bitmap = await createImageBitmap($("camera"));
    const state = await ask("look", { bitmap, seconds: performance.now() / 1000 }, { move: [bitmap] });
    if (mine === live && !mine.isStopping) tell(mine, state);
  } catch (problem) {
    if (mine === live) {
      end();
      explain(problem);
    }
  } finally {
    mine.inFlight -= 1;
  }
};

const tell = (mine, state) => {
  const now = performance.now();
  mine.answered = [...mine.answered.filter((time) => now - time < 2000), now];
  if (mine.answered.length > 2) put("rate", t("rate", { n: Math.round((1000 * (mine.answered.length - 1)) / (now - mine.answered[0])) }));
  cancelAnimationFrame(mine.drawing);
  mine.drawing = requestAnimationFrame(() => mine === live && drawState(state));
  setAdvice(mine.isMuted ? "muted" : now < mine.pausedUntil ? "paused" : state.advice);
  tellState(mine, state);
};

const tellState = (mine, state) => {
  shown = state;
  tellCount(mine, state);
  tellSets(state.sets);
};

// What is shown, again: in another language.
export const translateLive = () => {
  if (live?.track) listCameras(live);
  if (shown) tellState({ ...live, spoken: `${shown.exercise} ${shown.repetitions}` }, shown);
};

const drawState = ({ points }) => {
  const context = clearOverlay($("camera-overlay"), $("camera"));
  if (points) drawSkeleton(context, points);
};

const setAdvice = (key) => {
  const text = key ? t(key) : "";
  if (text && text !== $("advice").textContent) speak(text);
  $("advice").hidden = !key;
  put("advice", text);
};

const tellCount = (mine, { exercise, repetitions, held_s: seconds, sets, isOver }) => {
  const isWorkout = isOver && sets.length > 1;
  const name = exercise ? doing({ exercise, repetitions }, classifier.none) : isOver ? t("nothingCounted") : "–";
  put("live-exercise", isWorkout ? summary(sets) : name);
  put("live-count", isWorkout ? "" : repetitions !== null ? String(repetitions) : seconds !== null ? held(seconds) : "");
  put("live-unit", isWorkout || repetitions === null ? "" : t("reps", { n: repetitions }));
  const said = repetitions ? String(repetitions) : "";
  if (said && `${exercise} ${said}` !== mine.spoken) {
    put("live-spoken", mine.spoken?.startsWith(exercise) ? said : `${name} ${said}`);
    speak(said);
  }
  mine.spoken = `${exercise} ${said}`;
};

const speak = (text) => {
  if (!$("aloud").checked || !globalThis.speechSynthesis) return;
  speechSynthesis.cancel();
  speechSynthesis.speak(Object.assign(new SpeechSynthesisUtterance(text), { lang: language }));
};

const tellSets = (sets) => {
  const lines = sets.filter((set) => set.repetitions || set.held_s).map((set) => `${doing(set, classifier.none)} ${counted(set)}`);
  if (lines.join("") === $("sets").textContent) return;
  $("sets").replaceChildren(...lines.map((line) => element("li", { textContent: line })));
  $("sets-card").hidden = !lines.length;
};

// Asks for the final count; `reason`: the message after it.
export const stopCamera = async (reason) => {
  const mine = live;
  if (!mine || mine.isStopping) return;
  mine.isStopping = true;
  release(mine);
  const state = mine.answered.length ? await ask("stopLive").catch(() => null) : null;
  if (mine !== live) return;
  if (state) tellState(mine, { ...state, isOver: true });
  end();
  if (state?.isAnybody) offerTeaching();
  say(reason);
};

const release = (mine) => {
  mine?.stream?.getTracks().forEach((track) => track.stop());
  mine?.lock?.release().catch(() => {});
};

const end = () => {
  leaveCamera();
  setAdvice(null);
  $("stop").hidden = $("screen").hidden = $("camera-choice").hidden = true;
  $("leave").hidden = $("live-again").hidden = false;
  put("rate", "");
  $("leave").focus();
};

export const leaveCamera = () => {
  release(live);
  live = null;
  $("camera").srcObject = null;
};

// Browsers stop a page that is hidden, and let the screen sleep again.
document.addEventListener("visibilitychange", () => {
  if (!live || live.isStopping) return;
  setAdvice("paused");
  live.pausedUntil = performance.now() + 3000;
  if (document.hidden || !live.stream) return;
  $("camera").play().catch(() => {});
  keepAwake(live);
});
