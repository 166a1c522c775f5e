// What one taught this device: files of `enrolment.js` by name, in the browser's own database.

import { Problem } from "../problems.js";
import { asRead } from "./names.js";

const STORE = "exercises";

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(new Problem("cannotKeep"));
});

const open = async () => {
  const opening = indexedDB.open("fitness-tracker", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  return done(opening);
};

const inStore = async (mode, use) => {
  const database = await open().catch(() => {
    throw new Problem("cannotKeep");
  });
  try {
    const transaction = database.transaction(STORE, mode);
    const isKept = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(new Problem("cannotKeep"));
    });
    const [result] = await Promise.all([use(transaction.objectStore(STORE)), isKept]);
    return result;
  } finally {
    database.close();
  }
};

// {key, text} of each.
export const keptFiles = () => inStore("readonly", async (store) => {
  const [keys, texts] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
  return keys.map((key, n) => ({ key, text: texts[n] }));
});

export const keepFile = async (name, text) => {
  navigator.storage?.persist?.().catch(() => {}); // else a browser that is short of space may forget it; some ask first
  await inStore("readwrite", (store) => done(store.put(text, asRead(name))));
};

export const forgetFile = (key) => inStore("readwrite", (store) => done(store.delete(key)));
