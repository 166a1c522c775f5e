// The parts of the page, and what starts them.

import { classifier } from "../constants.js";
import { chooseCamera, leaveCamera, startCamera, stopCamera, translateLive } from "./camera.js";
import { forgetClip, giveClip, translateClip } from "./clip.js";
import { watchVersions } from "./offline.js";
import { listenToTeaching, load, useMine } from "./mine.js";
import { $, element, isShown, say, show } from "./sections.js";
import { runSelftest } from "./selftest.js";
import { language, nameOf } from "./words.js";

const translate = () => {
  const names = classifier.exercises.filter((name) => name !== classifier.none).map(nameOf);
  const items = names.sort(new Intl.Collator(language).compare).map((textContent) => element("li", { textContent }));
  $("known").replaceChildren(...items);
};

addEventListener("languagechange", () => {
  translate();
  translateClip();
  translateLive();
  useMine().catch(() => {}); // its list has words, too
});

const start = () => {
  forgetClip();
  leaveCamera();
  say();
  show("start");
  $("file").value = "";
};

const isBusy = () => isShown("progress") || (isShown("live") && isShown("stop"));

const give = (files) => {
  if (isBusy()) say("busy");
  else if (files.length > 1) say("oneOnly");
  else if (files.length) giveClip(files[0]);
};

// To the start, as the browser's own way back leads there.
const goBack = () => (history.state ? history.back() : start());

addEventListener("popstate", start);
addEventListener("beforeunload", (event) => isBusy() && event.preventDefault());
// The second half of a double tap is for what was there before
addEventListener("click", (event) => {
  if (event.detail < 2 || !event.target.closest("button, .button")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
$("file").addEventListener("change", () => give($("file").files));
$("use-camera").addEventListener("click", () => startCamera(false));
$("cancel").addEventListener("click", goBack);
$("again").addEventListener("click", goBack);
$("leave").addEventListener("click", goBack);
$("live-again").addEventListener("click", () => startCamera(true));
$("stop").addEventListener("click", () => stopCamera());
$("cameras").addEventListener("change", chooseCamera);

// Files may be dropped anywhere, as long as the page is not busy.
let depth = 0; // of nested elements that the file is dragged over
const holdsFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
const over = (change) => {
  depth = Math.max(0, depth + change);
  $("start").classList.toggle("over", depth > 0);
};
addEventListener("dragenter", (event) => holdsFiles(event) && over(1));
addEventListener("dragleave", (event) => holdsFiles(event) && over(-1));
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  over(-depth);
  if (event.dataTransfer) give([...event.dataTransfer.files]);
});

translate();
listenToTeaching();
if (new URLSearchParams(location.search).has("selftest")) {
  show("selftest");
  runSelftest();
} else {
  $("start").hidden = false;
  watchVersions(() => isShown("start") && $("message").hidden);
  load().catch(() => {}); // while one chooses; who needs it is told if it fails
}
