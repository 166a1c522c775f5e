// Starts the page, or says why it cannot; and its language.

import { $, element, say, translateMessage } from "./sections.js";
import { LANGUAGES, language, t, useLanguage } from "./words.js";

const FORMAT = 1; // of page.json
// The smallest module that takes SIMD: a function that returns a vector of 16 bytes
const SIMD = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]);

const translate = () => {
  document.documentElement.lang = language;
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = t(one.dataset.text);
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", t(one.dataset.label));
  translateMessage();
};

$("language").replaceChildren(...Object.entries(LANGUAGES).map(([value, textContent]) =>
  element("option", { value, textContent, lang: value, selected: value === language })));
// The address keeps it, each of those that the way back leads to: this page stores nothing.
const keepLanguage = () => {
  const address = new URL(location.href);
  address.searchParams.set("lang", language);
  history.replaceState(history.state, "", address);
};

$("language").addEventListener("change", () => {
  useLanguage($("language").value);
  keepLanguage();
  addEventListener("popstate", keepLanguage);
  translate();
  dispatchEvent(new Event("languagechange"));
});

const begin = async () => {
  translate();
  if (!globalThis.WebAssembly || !WebAssembly.validate(SIMD)) {
    say("noSimd");
    return;
  }
  const { format } = await (await fetch(new URL("../page.json", import.meta.url))).json();
  if (format === FORMAT) await import("./page.js");
  else say("otherFormat");
};

begin().catch(() => say("notLoaded"));
