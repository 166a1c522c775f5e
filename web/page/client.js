// The page's side of the worker.

import { Problem } from "../problems.js";

const waiting = new Map(); // number of a job -> {resolve, reject, progress}
let [worker, last] = [null, 0];

const start = () => {
  worker = new Worker(new URL("../worker.js", import.meta.url));
  worker.onmessage = ({ data: { job, result, share, problem } }) => {
    const one = waiting.get(job);
    if (!one) return;
    if (share !== undefined) {
      one.progress?.(share);
      return;
    }
    waiting.delete(job);
    if (problem) one.reject(Object.assign(new Problem(problem.code, problem.values), { text: problem.text }));
    else one.resolve(result);
  };
  worker.onerror = (event) => {
    event.preventDefault?.();
    for (const one of waiting.values()) one.reject(Object.assign(new Problem("notLoaded"), { text: event.message }));
    waiting.clear();
    worker.terminate();
    worker = null; // the next job begins anew
  };
};

// The result of a job of `office.js`; `cancel()` of the promise ends it.
export const ask = (name, values = {}, { progress, move = [] } = {}) => {
  if (!worker) start();
  last += 1;
  const job = last;
  const promise = new Promise((resolve, reject) => {
    waiting.set(job, { resolve, reject, progress });
    worker.postMessage({ job, name, values }, move);
  });
  return Object.assign(promise, { cancel: () => worker?.postMessage({ name: "cancel", values: { job } }) });
};
