// The live camera: pictures go up, the skeleton, the exercise and the count come back.

import { $, put, say, show } from "./sections.js";
import { counted, doing, held, named, percent } from "./words.js";

const LARGEST = 640; // pixels of a picture's longer side: more than that is not looked at
const PAUSE = 60; // milliseconds between pictures, at least
const IN_FLIGHT = 2; // pictures without an answer, at most: a slow machine gets fewer pictures, not later answers
const VISIBLE = 0.4; // from which a point is drawn
const COLOURS = { middle: "#ffffff", left: "#ffb000", right: "#56beff" }; // as in the drawn videos
const HINTS = { looking: "looking …", "nobody in sight": "nobody in sight" };

const BROKEN = "The connection to the computer that runs this page broke. What was counted is still here.";
const CLOSED = "The camera cannot be watched just now: too many are in use, or the computer that runs this page is gone.";

let live = null; // {stream, socket, bones, inFlight, sent, answered}: the one that runs
let facing = "user";

export const startCamera = async () => {
  say("");
  if (!navigator.mediaDevices) {
    say("Browsers give the camera only to pages of this computer (localhost) or by https.");
    return;
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: facing },
    });
  } catch (error) {
    say(refusal(error));
    return;
  }
  const mine = { stream, inFlight: 0, sent: 0, answered: [], bones: [] };
  live = mine;
  clear();
  show("live");
  $("camera").srcObject = stream;
  $("screen").classList.toggle("mirrored", facing === "user");
  stream.getVideoTracks()[0].addEventListener("ended", () => {
    if (mine === live) stopCamera("The camera was unplugged or taken away. What was counted is still here.");
  });
  navigator.mediaDevices.enumerateDevices().then((devices) => {
    $("turn").hidden = devices.filter(({ kind }) => kind === "videoinput").length < 2;
  });
  connect(mine);
};

const refusal = ({ name }) => {
  if (name === "NotAllowedError") return "The browser was told not to give this page the camera. Allow it beside the address, then try again.";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "No camera was found. Plug one in, or drop a video.";
  return "The camera does not start. Does another program use it?";
};

const clear = () => {
  put("live-exercise", "looking …");
  put("live-count", "–");
  put("live-unit", "");
  put("live-confidence", "Stand so that your whole body is in the picture.");
  put("rate", "");
  $("sets").replaceChildren();
  $("sets-card").hidden = $("leave").hidden = true;
  $("stop").hidden = $("screen").hidden = false;
};

const connect = (mine) => {
  const secure = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${secure}://${location.host}/camera`);
  mine.socket = socket;
  socket.onopen = () => nextFrame(mine);
  socket.onmessage = ({ data }) => receive(mine, JSON.parse(data));
  socket.onclose = () => {
    if (mine === live) end(mine, mine.opened ? BROKEN : CLOSED);
  };
};

const nextFrame = (mine) => {
  if (mine !== live || mine.stopping) return;
  const video = $("camera");
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(() => look(mine));
  else requestAnimationFrame(() => look(mine));
};

const picture = document.createElement("canvas");

const look = (mine) => {
  nextFrame(mine);
  const now = performance.now();
  const video = $("camera");
  if (mine !== live || mine.stopping || !video.videoWidth || mine.inFlight >= IN_FLIGHT || now - mine.sent < PAUSE) return;
  mine.sent = now;
  mine.inFlight += 1;
  const scale = Math.min(1, LARGEST / Math.max(video.videoWidth, video.videoHeight));
  picture.width = Math.round(video.videoWidth * scale);
  picture.height = Math.round(video.videoHeight * scale);
  picture.getContext("2d").drawImage(video, 0, 0, picture.width, picture.height);
  picture.toBlob((jpeg) => {
    if (!jpeg || mine !== live || mine.stopping || mine.socket.readyState !== WebSocket.OPEN) return;
    const time = new DataView(new ArrayBuffer(8));
    time.setFloat64(0, now / 1000, true);
    mine.socket.send(new Blob([time.buffer, jpeg]));
  }, "image/jpeg", 0.85);
};

const receive = (mine, state) => {
  mine.opened = true;
  if (mine !== live) return;
  if (state.bones) mine.bones = state.bones;
  else if (state.error) end(mine, state.error);
  else {
    mine.inFlight -= 1;
    tell(mine, state);
    if (state.final) end(mine, mine.reason);
  }
};

const tell = (mine, state) => {
  const now = performance.now();
  mine.answered = mine.answered.filter((time) => now - time < 2000);
  mine.answered.push(now);
  if (mine.answered.length > 2) {
    const rate = (1000 * (mine.answered.length - 1)) / (now - mine.answered[0]);
    put("rate", `${rate.toFixed(0)} frames a second`);
  }
  draw(mine, state.points);
  put("live-exercise", HINTS[state.text] || named(state.text));
  put("live-count", state.repetitions !== null ? String(state.repetitions) : state.held_s !== null ? held(state.held_s) : "–");
  put("live-unit", state.repetitions !== null ? (state.repetitions === 1 ? "repetition" : "repetitions") : state.held_s !== null ? "held" : "");
  put("live-confidence", state.confidence ? `confidence ${percent(state.confidence)}` : "Stand so that your whole body is in the picture.");
  const lines = state.sets.map((set) => [doing(set), counted(set)].filter(Boolean).join(" "));
  if (lines.join("\n") !== mine.lines) {
    mine.lines = lines.join("\n");
    $("sets").replaceChildren(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
    $("sets-card").hidden = !lines.length;
  }
};

// Landmarks of the left side have odd numbers, those of the right side even ones.
const sideOf = ([start, end]) => ((start + end) % 2 ? "middle" : start % 2 ? "left" : "right");

const draw = ({ bones }, points) => {
  const canvas = $("skeleton");
  const { videoWidth, videoHeight } = $("camera");
  if (canvas.width !== videoWidth || canvas.height !== videoHeight) {
    canvas.width = videoWidth;
    canvas.height = videoHeight;
  }
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!points) return;
  const width = Math.max(3, canvas.height / 110);
  const at = ([x, y]) => [x * canvas.width, y * canvas.height];
  context.lineCap = "round";
  const seen = bones.filter((ends) => ends.every((end) => points[end][2] >= VISIBLE));
  const stroke = (colour, wide, drawn) => {
    context.strokeStyle = colour;
    context.lineWidth = wide;
    context.beginPath();
    for (const [start, end] of drawn) {
      context.moveTo(...at(points[start]));
      context.lineTo(...at(points[end]));
    }
    context.stroke();
  };
  stroke("rgba(0, 0, 0, 0.6)", 1.9 * width, seen);
  for (const side of Object.keys(COLOURS)) stroke(COLOURS[side], width, seen.filter((ends) => sideOf(ends) === side));
};

export const turnCamera = () => {
  facing = facing === "user" ? "environment" : "user";
  release(live);
  startCamera();
};

// Asks for the final count; `reason`: what is said after it.
export const stopCamera = (reason) => {
  const mine = live;
  if (!mine || mine.stopping) return;
  mine.stopping = true;
  mine.reason = reason;
  mine.stream.getTracks().forEach((track) => track.stop());
  if (mine.socket.readyState === WebSocket.OPEN) mine.socket.send("stop");
  else end(mine, reason);
};

const release = (mine) => {
  if (!mine) return;
  live = null;
  mine.stream.getTracks().forEach((track) => track.stop());
  mine.socket.close();
  $("camera").srcObject = null;
};

const end = (mine, reason) => {
  if (mine !== live) return;
  release(mine);
  $("stop").hidden = $("turn").hidden = $("screen").hidden = true;
  $("leave").hidden = false;
  put("rate", "");
  say(reason || "");
  $("leave").focus();
};
