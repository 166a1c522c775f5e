// Exercises of one's own: taught by what was just seen, kept on this device, listed, saved, added and deleted.

import { constants } from "../constants.js";
import { forgetFile, keepFile, keptFiles } from "../teaching/store.js";
import { ask } from "./client.js";
import { $, element, put, wordsOf } from "./sections.js";
import { held, nameOf, percent, t } from "./words.js";

const { MAX_BYTES } = constants.enrolment;

let urls = []; // of the files that the list offers

const tell = (id, text = "") => {
  put(id, text);
  $(id).hidden = !text;
};

let whenTaught = null; // what is done once it is

// Once what can be taught has been seen.
export const offerTeaching = (done = () => {}) => {
  whenTaught = done;
  $("teach-name").value = "";
  $("teach-anyway").hidden = true;
  tell("teach-said");
  $("teach").hidden = false;
};

const teach = async (isCertain) => {
  const [done, name] = [whenTaught, $("teach-name").value];
  $("teach-anyway").hidden = true;
  tell("teach-said", t("loadingShort"));
  try {
    await keepFile(name, await ask("teach", { name, isCertain }));
    await useMine();
    await done();
    if (done !== whenTaught) return; // something else is shown by now
    $("teach-name").value = "";
    tell("teach-said", t("taught", { name: name.trim() }));
  } catch (problem) {
    const { exercise, confidence } = problem.values ?? {};
    tell("teach-said", exercise ? t("looksLike", { exercise: nameOf(exercise), percent: percent(confidence) }) : wordsOf(problem));
    $("teach-anyway").hidden = !["looksLike", "addTo"].includes(problem.code);
  }
};

// The worker, with the networks and with what one taught.
export const load = async (options) => {
  const loaded = await ask("load", {}, options);
  if (!loaded.knowsMine) await useMine().catch(() => {});
  return loaded;
};

// From now on they are recognised.
export const useMine = async () => {
  const files = await keptFiles();
  const known = await ask("useEnrolled", { files: files.map(({ text }) => text) });
  urls.forEach((url) => URL.revokeObjectURL(url));
  urls = files.map(({ text }) => URL.createObjectURL(new Blob([text], { type: "application/json" })));
  $("mine-list").replaceChildren(...files.map(({ key }, n) => row(key, known[n], urls[n])));
};

// What was shown of an exercise, or why it is of no use; null: its file cannot be read.
const shownOf = (one) => {
  if (!one) return t("notEnrolled");
  if (!one.isUsable) return t("otherClassifier");
  return one.repetitions ? t("repetitions", { n: one.repetitions }) : t("held", { time: held(one.held_s) });
};

const row = (key, one, url) => {
  const name = one?.name ?? key;
  const save = element("a", { className: "button", textContent: t("takeAway"), href: url, download: `${name}.json` });
  const remove = element("button", { className: "button", type: "button", textContent: t("remove") });
  save.setAttribute("aria-label", `${save.textContent}: ${name}`);
  remove.setAttribute("aria-label", `${remove.textContent}: ${name}`);
  remove.addEventListener("click", () => confirm(t("removeAsk", { name })) && change(async () => {
    await forgetFile(key);
    $("mine").firstElementChild.focus();
  }));
  return element("li", {},
    element("span", { className: "name", textContent: name }),
    element("span", { className: "fine", textContent: shownOf(one) }), save, remove);
};

const change = async (work) => {
  tell("mine-said");
  try {
    await work();
    await useMine();
  } catch (problem) {
    tell("mine-said", wordsOf(problem));
  }
};

export const listenToTeaching = () => {
  $("teach").addEventListener("submit", (event) => {
    event.preventDefault();
    teach(false);
  });
  $("teach-anyway").addEventListener("click", () => teach(true));
  $("teach-name").addEventListener("input", () => ($("teach-anyway").hidden = true));
  $("mine-file").addEventListener("change", () => change(async () => {
    const [file] = $("mine-file").files;
    if (!file) return;
    const text = await file.slice(0, MAX_BYTES + 1).text();
    $("mine-file").value = "";
    await keepFile((await ask("addEnrolled", { text })).name, text);
  }));
};
