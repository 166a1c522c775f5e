// Keeps the page for offline use. `make site` fills in the files and their SHA-256: a version is kept whole or not at
// all, and its browsers' tabs see no other until all of it is there.

const FILES = {};
const PREFIX = "fitness-tracker ";
const CACHE = PREFIX + (FILES["page.json"] ?? "");

const integrity = (digest) => {
  const bytes = digest.match(/../g).map((pair) => String.fromCharCode(parseInt(pair, 16)));
  return `sha256-${btoa(bytes.join(""))}`;
};

const keepAll = async () => {
  const cache = await caches.open(CACHE);
  for (const [name, digest] of Object.entries(FILES)) {
    const known = await cache.match(name);
    if (!known) await cache.add(new Request(name, { cache: "no-cache", integrity: integrity(digest) }));
  }
};

const forgetOthers = async () => {
  for (const name of await caches.keys()) if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  await clients.claim();
};

addEventListener("install", (event) => event.waitUntil(keepAll()));
addEventListener("activate", (event) => event.waitUntil(forgetOthers()));
addEventListener("message", ({ data }) => data === "take over" && skipWaiting());
addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== location.origin) return;
  const name = address.pathname.slice(new URL("./", location).pathname.length) || "index.html";
  if (name in FILES) event.respondWith(caches.open(CACHE).then(async (cache) => (await cache.match(name)) ?? fetch(event.request)));
});
