/* The service worker: keeps the shell of the site and a person's field pages for when there is no network, and sends
   what was filled in when the network is back and no page is open. */
"use strict";

importScripts("/static/queue.js");

const SHELL = "shell";
const PAGES = "field:"; // and the person whose pages they are
const PATIENCE = 3000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

const forget = async () => {
  for (const name of await caches.keys()) if (name.startsWith(PAGES)) await caches.delete(name);
};

const ofShell = async (request) => {
  const kept = await caches.match(request, { cacheName: SHELL });
  if (kept && new URL(request.url).searchParams.has("v")) return kept;
  try {
    const answer = await fetch(request);
    if (answer.ok) (await caches.open(SHELL)).put(request, answer.clone());
    return answer;
  } catch (failed) {
    if (kept) return kept;
    throw failed;
  }
};

// A page from the phone says so, and as of when it is.
const keptPage = async (address) => {
  for (const name of await caches.keys()) {
    if (!name.startsWith(PAGES)) continue;
    const kept = await (await caches.open(name)).match(address, { ignoreSearch: true, ignoreVary: true });
    if (!kept) continue;
    const text = (await kept.text()).replace("<body", "<body data-kept");
    return new Response(text, { status: 200, headers: kept.headers });
  }
  return null;
};

const page = async (request, field) => {
  const asked = fetch(request);
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, null));
  const path = new URL(request.url).pathname;
  try {
    const first = await (field ? Promise.race([asked, late]) : asked);
    if (first) return first.status >= 502 && field ? (await keptPage(path)) || first : first;
    const kept = await keptPage(path);
    if (kept) {
      asked.catch(() => {});
      return kept;
    }
    return await asked;
  } catch (failed) {
    const kept = (field && (await keptPage(path))) || (await keptPage("/field/offline"));
    if (kept) return kept;
    throw failed;
  }
};

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (address.origin !== self.location.origin) return;
  if (request.method === "POST" && ["/login", "/logout"].includes(address.pathname)) event.waitUntil(forget());
  if (request.method !== "GET") return;
  if (address.pathname.startsWith("/static/")) event.respondWith(ofShell(request));
  else if (request.mode === "navigate" && !address.pathname.startsWith("/api/"))
    event.respondWith(page(request, address.pathname === "/field" || address.pathname.startsWith("/field/")));
});

self.addEventListener("sync", (event) => {
  if (event.tag === "send") event.waitUntil(Queue.whose().then((person) => Queue.send(person)));
});
