// The parts of the page, and what starts them.

import { chooseCamera, leaveCamera, startCamera, stopCamera } from "./camera.js";
import { forgetClip, giveClip } from "./clip.js";
import { ask } from "./client.js";
import { watchVersions } from "./offline.js";
import { listenToTeaching, useMine } from "./mine.js";
import { $, element, isShown, say, show } from "./sections.js";
import { runSelftest } from "./selftest.js";
import { LANGUAGES, language, nameOf, t, useLanguage } from "./words.js";

const FORMAT = 1; // of page.json
// The smallest module that takes SIMD: a function that returns a vector of 16 bytes
const SIMD = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]);

let exercises = []; // that the classifier was taught

const translate = () => {
  document.documentElement.lang = language;
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = t(one.dataset.text);
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", t(one.dataset.label));
  const names = exercises.map(nameOf).sort(new Intl.Collator(language).compare);
  $("known").textContent = new Intl.ListFormat(language).format(names);
};

const start = () => {
  forgetClip();
  leaveCamera();
  say();
  show("start");
  $("file").value = "";
  $("file").focus();
};

const isBusy = () => isShown("progress") || isShown("live");

const give = (files) => {
  if (isBusy()) return;
  if (files.length > 1) say("oneOnly");
  else if (files.length) giveClip(files[0]);
};

$("language").replaceChildren(...Object.entries(LANGUAGES).map(([value, textContent]) =>
  element("option", { value, textContent, lang: value, selected: value === language })));
$("language").addEventListener("change", () => {
  useLanguage($("language").value);
  const address = new URL(location.href);
  address.searchParams.set("lang", language); // the address keeps it: this page stores nothing
  history.replaceState(null, "", address);
  translate();
  useMine().catch(() => {}); // its list has words, too
});
$("file").addEventListener("change", () => give($("file").files));
$("use-camera").addEventListener("click", startCamera);
$("cancel").addEventListener("click", start);
$("again").addEventListener("click", start);
$("leave").addEventListener("click", start);
$("live-again").addEventListener("click", startCamera);
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

const begin = async () => {
  translate();
  if (!globalThis.WebAssembly || !WebAssembly.validate(SIMD)) {
    say("noSimd");
    return;
  }
  const page = await fetch(new URL("../page.json", import.meta.url)).then((response) => response.json());
  if (page.format !== FORMAT) {
    say("otherFormat");
    return;
  }
  exercises = page.classifier.exercises.filter((name) => name !== page.classifier.none);
  translate();
  if (new URLSearchParams(location.search).has("selftest")) {
    show("selftest");
    await runSelftest(page);
    return;
  }
  show("start");
  watchVersions(() => isShown("start") && $("message").hidden);
  listenToTeaching();
  ask("load").then(useMine).catch(() => {}); // while one chooses; who needs it is told if it fails
};

begin().catch(() => say("notLoaded"));
