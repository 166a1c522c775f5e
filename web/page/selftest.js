// Runs what the tests run, on any device, and shows a report that a person can send: does this browser answer as Python?

import { Landmarks } from "../blazepose/landmarks.js";
import { version } from "../constants.js";
import { ask } from "./client.js";
import { $, put } from "./sections.js";
import { t } from "./words.js";

const MOST_OFF = 0.001; // of a confidence

const decode = (text, Type) => new Type(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer);

const nobody = new Landmarks(0);

export const landmarksOf = (texts) =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, decode(text, nobody[name].constructor)]));

// What of two answers differs, in words; empty if nothing does.
const differences = (expected, answer) => [
  ...["exercise", "repetitions", "held_s"].filter((name) => expected[name] !== answer[name])
    .map((name) => `${name} ${answer[name]} instead of ${expected[name]}`),
  ...(Math.abs(expected.confidence - answer.confidence) > MOST_OFF ? [`confidence ${answer.confidence} instead of ${expected.confidence}`] : []),
].join(", ");

export const runSelftest = async () => {
  put("selftest-text", t("selftestRuns"));
  const lines = [];
  const report = (line) => {
    lines.push(line);
    $("report").textContent = lines.join("\n");
  };
  report(`page ${version}`);
  report(navigator.userAgent);
  report(`${navigator.hardwareConcurrency ?? "?"} cores, WebCodecs ${typeof VideoDecoder === "undefined" ? "no" : "yes"}, encoder ${typeof VideoEncoder === "undefined" ? "no" : "yes"}`);
  try {
    const begin = performance.now();
    await ask("load");
    report(`loaded in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
    const tests = await fetch(new URL("../selftest/landmarks.json", import.meta.url));
    let failed = 0;
    for (const { name, landmarks, answer } of tests.ok ? await tests.json() : []) {
      const wrong = differences(answer, await ask("askLandmarks", landmarksOf(landmarks)));
      failed += wrong ? 1 : 0;
      report(`from landmarks: ${name}: ${wrong || "as in Python"}`);
    }
    failed += await testClip(report);
    report(failed ? `FAILED: ${failed}` : "all as expected");
  } catch (problem) {
    report(`FAILED: ${problem.code ?? ""} ${problem.text ?? problem}`);
  }
  put("selftest-text", lines.at(-1));
  $("copy-report").hidden = false;
  $("copy-report").onclick = async () => {
    await navigator.clipboard.writeText(lines.join("\n")).catch(() => getSelection().selectAllChildren($("report")));
    put("copy-report", t("copied"));
  };
};

// A clip from its pixels on, and how fast that goes; the number of failures.
const testClip = async (report) => {
  const expected = await fetch(new URL("../selftest/clip.json", import.meta.url));
  if (!expected.ok) return 0;
  const answer = await expected.json();
  const file = await (await fetch(new URL("../selftest/clip.mp4", import.meta.url))).blob();
  const begin = performance.now();
  const result = await ask("askClip", { file: new File([file], "clip.mp4") });
  const rate = result.times.length / ((performance.now() - begin) / 1000);
  const wrong = result.answer.exercise !== answer.exercise || Math.abs((result.answer.repetitions ?? 0) - (answer.repetitions ?? 0)) > 1;
  report(`from pixels: ${result.answer.exercise} ${result.answer.repetitions} (in Python ${answer.exercise} ${answer.repetitions})`);
  report(`${rate.toFixed(1)} frames a second`);
  return wrong ? 1 : 0;
};
