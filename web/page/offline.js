// The service worker keeps the page for offline use; a new version takes the place of the old one as a whole.

import { $ } from "./sections.js";

// `isIdle()`: whether nothing would be lost by loading the page again.
export const watchVersions = async (isIdle) => {
  if (!navigator.serviceWorker) return;
  const before = navigator.serviceWorker.controller;
  let isWanted = false;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (before && (isWanted || isIdle())) location.reload(); // another tab may have asked for it while this one counts
  });
  try {
    const registration = await navigator.serviceWorker.register(new URL("../service-worker.js", import.meta.url));
    const offer = () => {
      const waiting = registration.waiting;
      if (!waiting || !before) return;
      if (isIdle()) waiting.postMessage("take over");
      $("update").hidden = false;
      $("use-update").onclick = () => {
        isWanted = true;
        waiting.postMessage("take over");
      };
    };
    registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", offer));
    offer();
    await navigator.serviceWorker.ready;
    $("offline").hidden = false;
  } catch {
    // It works all the same, but not without a network.
  }
};
