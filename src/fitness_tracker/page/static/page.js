// The parts of the page, and what starts them.

import { startCamera, stopCamera, turnCamera } from "./camera.js";
import { cancelClip, forgetClip, giveClip } from "./clip.js";
import { $, say, show } from "./sections.js";

const start = () => {
  forgetClip();
  say("");
  show("start");
  $("file").value = "";
  $("file").focus();
};

$("file").addEventListener("change", () => $("file").files.length && giveClip($("file").files[0]));
$("use-camera").addEventListener("click", startCamera);
$("cancel").addEventListener("click", () => {
  cancelClip();
  start();
});
$("again").addEventListener("click", start);
$("leave").addEventListener("click", start);
$("stop").addEventListener("click", () => stopCamera(""));
$("turn").addEventListener("click", turnCamera);

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
  const busy = !$("progress").hidden || !$("live").hidden;
  const files = event.dataTransfer ? event.dataTransfer.files : [];
  if (!busy && files.length > 1) say("One video at a time, please.");
  else if (!busy && files.length) giveClip(files[0]);
});
addEventListener("pagehide", () => {
  cancelClip();
  stopCamera("");
});
