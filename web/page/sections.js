// Which part of the page is seen, and the message above it.

import { hasWords, t } from "./words.js";

export const $ = (id) => document.getElementById(id);

const SECTIONS = ["start", "progress", "answer", "live", "selftest"];

export const show = (section) => {
  for (const id of SECTIONS) $(id).hidden = id !== section;
};

export const isShown = (section) => !$(section).hidden;

export const put = (id, text) => {
  if ($(id).textContent !== text) $(id).textContent = text;
};

// A message above all, by its key in `words.js`; none without.
export const say = (key, values) => {
  put("message", key ? t(key, values) : "");
  $("message").hidden = !key;
  if (key) $("message").scrollIntoView({ block: "nearest" });
};

export const explain = (problem) => {
  if (problem.code === "cancelled") return;
  const isMemory = /memory|allocation/i.test(problem.text ?? problem.message ?? "");
  say(hasWords(problem.code ?? "") ? problem.code : isMemory ? "memory" : "fault");
};

export const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};
