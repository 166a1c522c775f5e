// Which part of the page is seen, and the message above it.

import { hasWords, t } from "./words.js";

export const $ = (id) => document.getElementById(id);

const SECTIONS = ["start", "progress", "answer", "live", "selftest"];

const FOCUS = { start: "file", progress: "cancel", answer: "answer-exercise", live: "stop", selftest: "report" };

// The browser's way back leads to the start.
export const show = (section) => {
  for (const id of SECTIONS) $(id).hidden = id !== section;
  $("teach").hidden = true;
  $(FOCUS[section]).focus();
  if (section !== "start" && !history.state) history.pushState({ section }, "");
};

export const isShown = (section) => !$(section).hidden;

export const put = (id, text) => {
  if ($(id).textContent !== text) $(id).textContent = text;
};

let words = () => ""; // those of the message above all

// By its key in `words.js`; none without.
export const say = (key) => showMessage(() => (key ? t(key) : ""));

export const translateMessage = () => showMessage(words);

const showMessage = (message) => {
  words = message;
  const text = words();
  put("message", text);
  $("message").hidden = !text;
  if (text) $("message").scrollIntoView({ block: "nearest" });
};

// What a person is told about a problem.
export const wordsOf = (problem) => {
  const isMemory = /memory|allocation/i.test(problem.text ?? problem.message ?? "");
  return t(hasWords(problem.code ?? "") ? problem.code : isMemory ? "memory" : "fault", problem.values);
};

export const explain = (problem) => {
  if (problem.code !== "cancelled") showMessage(() => wordsOf(problem));
};

export const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};
