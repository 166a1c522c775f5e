// Which part of the page is seen, and the message above it.

import { hasWords, t } from "./words.js";

export const $ = (id) => document.getElementById(id);

const SECTIONS = ["start", "progress", "answer", "live", "selftest"];

export const show = (section) => {
  for (const id of SECTIONS) $(id).hidden = id !== section;
  $("teach").hidden = true;
};

export const isShown = (section) => !$(section).hidden;

export const put = (id, text) => {
  if ($(id).textContent !== text) $(id).textContent = text;
};

// A message above all, by its key in `words.js`; none without.
export const say = (key) => showMessage(key ? t(key) : "");

const showMessage = (text) => {
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
  if (problem.code !== "cancelled") showMessage(wordsOf(problem));
};

export const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};
