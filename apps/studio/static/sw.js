/**
 * Keeps the page itself for use without a network: all files of one build in one cache, older builds' caches removed once no page
 * uses them any more; pictures that are not among them join it once they were fetched. The engine and the models are kept by the page (Cache Storage "adaattn"). The build fills in the two marks.
 */
const CACHE = "studio-/* version */";
const FILES = ["/* files */"];

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(FILES.map((file) => new Request(file, { cache: "reload" }))))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => names.filter((name) => name.startsWith("studio-") && name !== CACHE))
      .then((old) => Promise.all(old.map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  const key = request.mode === "navigate" ? "./" : request;
  event.respondWith(
    caches.open(CACHE).then(async (cache) => {
      const kept = await cache.match(key, { ignoreSearch: request.mode === "navigate" });
      if (kept !== undefined) return kept;
      const response = await fetch(request);
      if (response.ok && url.pathname.includes("/pictures/")) await cache.put(request, response.clone());
      return response;
    }),
  );
});
