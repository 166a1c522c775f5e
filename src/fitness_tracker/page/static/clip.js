// One clip: it goes up, its progress and its answer come back.

import { $, put, say, show } from "./sections.js";
import { clock, counted, doing, held, megabytes, named, percent, progressText } from "./words.js";

const BROKEN = "The connection to the computer that runs this page broke. Is it still running?";

let clip = null; // {name, upload, events, id, urls}: the one that is shown

export const giveClip = (file) => {
  forgetClip();
  say("");
  const mostMegabytes = Number(document.body.dataset.maxMb);
  if (file.size > mostMegabytes * 1e6) {
    show("start");
    say(`This file is larger than ${mostMegabytes} MB. Cut the video or save it smaller, then try again.`);
    return;
  }
  clip = { name: file.name, urls: [] };
  put("progress-name", file.name);
  put("progress-text", "Sending the video …");
  $("progress-bar").removeAttribute("value");
  show("progress");
  send(clip, file);
};

// XMLHttpRequest, for `fetch` does not tell how much has gone up.
const send = (mine, file) => {
  const upload = new XMLHttpRequest();
  mine.upload = upload;
  upload.upload.onprogress = ({ loaded, total }) => {
    if (mine !== clip) return;
    put("progress-text", `Sending the video: ${megabytes(loaded)} of ${megabytes(total)}`);
    $("progress-bar").value = loaded / total;
  };
  upload.onload = () => {
    const { id, error } = read(upload.responseText);
    if (id) watch(mine, id);
    else fail(mine, error || BROKEN);
  };
  upload.onerror = () => fail(mine, BROKEN);
  upload.open("POST", "/clips");
  upload.send(file);
};

const read = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
};

const watch = (mine, id) => {
  mine.id = id;
  if (mine !== clip) {
    drop(mine);
    return;
  }
  mine.events = new EventSource(`/clips/${id}/events`);
  mine.events.onmessage = ({ data }) => mine === clip && follow(mine, JSON.parse(data));
  mine.events.onerror = () => {
    if (mine.events.readyState === EventSource.CLOSED) fail(mine, BROKEN); // else it connects again by itself
  };
};

const follow = (mine, state) => {
  if (state.stage === "failed") {
    fail(mine, state.error);
    return;
  }
  if (!state.answer) {
    put("progress-text", progressText(state));
    if (state.expected && state.frames) $("progress-bar").value = Math.min(1, state.frames / state.expected);
    else $("progress-bar").removeAttribute("value");
    return;
  }
  if (!mine.answered) showAnswer(mine, state);
  $("drawing-bar").value = state.drawn;
  if (state.stage === "done") {
    mine.events.close();
    showPictures(mine);
  }
};

const fail = (mine, message) => {
  if (mine.events) mine.events.close();
  if (mine !== clip) return;
  clip = null;
  show("start");
  say(message);
  $("file").value = "";
};

const showAnswer = (mine, { answer, person }) => {
  mine.answered = true;
  put("answer-file", mine.name);
  put("answer-exercise", person ? doing(answer) : "nobody in sight");
  note(answer, person);
  const heldOnly = answer.repetitions === null && answer.held_s !== null;
  put("answer-count-name", heldOnly ? "Held" : "Repetitions");
  put("answer-count", heldOnly ? held(answer.held_s) : String(answer.repetitions));
  $("answer-count-fact").hidden = answer.repetitions === null && answer.held_s === null;
  put("answer-confidence", percent(answer.confidence));
  put("answer-length", clock(answer.duration_s));
  $("segments").replaceChildren(...answer.segments.map(row));
  const text = JSON.stringify({ path: mine.name, ...answer }, null, 2);
  put("json", text);
  $("download").href = keep(mine, new Blob([`${text}\n`], { type: "application/json" }));
  $("drawing").hidden = false;
  put("drawing-text", "Drawing the skeleton and the count on the video …");
  $("drawing-bar").hidden = false;
  $("overlay").hidden = $("strip-frame").hidden = true;
  show("answer");
  $("answer-exercise").focus();
};

const note = (answer, person) => {
  let text = "";
  if (!person) text = "No person was found in this video. The whole body should be in the picture.";
  else if (answer.exercise === "none" && answer.repetitions) text = "It repeats, but is none of the exercises that are known here.";
  else if (answer.exercise === "none") text = "Somebody is in sight, but no exercise that is known here was found.";
  put("answer-note", text);
  $("answer-note").hidden = !text;
};

const row = (segment) => {
  const line = document.createElement("tr");
  const seek = document.createElement("button");
  seek.type = "button";
  seek.className = "seek";
  seek.textContent = `${clock(segment.start_s)} – ${clock(segment.end_s)}`;
  seek.setAttribute("aria-label", `Play from ${clock(segment.start_s)} on: ${doing(segment)}`);
  seek.addEventListener("click", () => {
    $("overlay").currentTime = segment.start_s;
    $("overlay").play();
    $("overlay").scrollIntoView({ block: "nearest" });
  });
  line.append(seek, doing(segment), counted(segment), percent(segment.confidence));
  line.replaceChildren(...[...line.childNodes].map((content) => {
    const cell = document.createElement("td");
    cell.append(content);
    return cell;
  }));
  return line;
};

// The browser keeps the pictures itself, and the server is told to delete them.
const showPictures = async (mine) => {
  try {
    for (const [id, name, frame] of [["strip", "strip.png", "strip-frame"], ["overlay", "overlay.mp4", "overlay"]]) {
      const response = await fetch(`/clips/${mine.id}/${name}`);
      if (!response.ok) throw new Error(name);
      const url = keep(mine, await response.blob());
      if (mine !== clip) return;
      $(id).src = url;
      $(frame).hidden = false;
    }
    $("drawing").hidden = true;
    await $("overlay").play().catch(() => {}); // a browser that does not play by itself shows its button
  } catch {
    put("drawing-text", "The pictures did not arrive; the answer above stands.");
    $("drawing-bar").hidden = true;
  } finally {
    drop(mine);
  }
};

const keep = (mine, blob) => {
  const url = URL.createObjectURL(blob);
  mine.urls.push(url);
  return url;
};

const drop = (mine) => {
  if (mine.id) fetch(`/clips/${mine.id}`, { method: "DELETE", keepalive: true }).catch(() => {});
  mine.id = null;
};

export const cancelClip = () => {
  if (!clip) return;
  if (clip.upload) clip.upload.abort();
  if (clip.events) clip.events.close();
  drop(clip);
};

export const forgetClip = () => {
  cancelClip();
  if (clip) clip.urls.forEach((url) => URL.revokeObjectURL(url));
  clip = null;
  for (const id of ["overlay", "strip"]) $(id).removeAttribute("src");
};

$("copy").addEventListener("click", async () => {
  const selection = getSelection();
  selection.selectAllChildren($("json"));
  try {
    await navigator.clipboard.writeText($("json").textContent); // pages without https have none: then it is selected
    put("copy", "Copied");
    setTimeout(() => put("copy", "Copy"), 1500);
  } catch {
    put("copy", "Selected: press Ctrl-C");
  }
});
