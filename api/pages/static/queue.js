/* What was filled in on site and is still to be sent: kept in the browser with its photos, sent in order, each once.
   The page and the service worker share it. An entry is its sender's alone, and its key tells the server which it is. */
"use strict";

self.Queue = (() => {
  const NAME = "guanjia-field";
  const PATIENCE = 60000; // for an answer, photos included, on a weak network
  const DAY = 24 * 3600 * 1000;
  const OPEN = ["waiting", "login"];
  const told = "BroadcastChannel" in self ? new BroadcastChannel(NAME) : null;

  const opened = () =>
    new Promise((resolve, reject) => {
      const asked = indexedDB.open(NAME, 1);
      asked.onupgradeneeded = () => {
        asked.result.createObjectStore("entries", { keyPath: "key" });
        asked.result.createObjectStore("known", { keyPath: "name" });
      };
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });

  // Resolves when the transaction is on disk, not when the browser has merely heard of it.
  const within = async (store, mode, does) => {
    const database = await opened();
    try {
      return await new Promise((resolve, reject) => {
        const transaction = database.transaction(store, mode, { durability: "strict" });
        const asked = does(transaction.objectStore(store));
        transaction.oncomplete = () => resolve(asked.result);
        transaction.onerror = transaction.onabort = () => reject(transaction.error);
      });
    } finally {
      database.close();
    }
  };

  const changed = () => {
    if (told) told.postMessage("changed");
    if (self.document) document.dispatchEvent(new CustomEvent("queue-changed"));
  };
  const put = async (entry) => {
    await within("entries", "readwrite", (store) => store.put(entry));
    changed();
  };
  const drop = async (key) => {
    await within("entries", "readwrite", (store) => store.delete(key));
    changed();
  };
  const of = async (person) => {
    const all = await within("entries", "readonly", (store) => store.getAll());
    return all.filter((entry) => entry.person === person).sort((one, other) => one.at - other.at);
  };
  const one = (key) => within("entries", "readonly", (store) => store.get(key));
  const whose = async () => (await within("known", "readonly", (store) => store.get("person")))?.value;
  const is = (person) => within("known", "readwrite", (store) => store.put({ name: "person", value: person }));

  const answered = async (entry) => {
    const body = new FormData();
    entry.fields.forEach(([name, value]) => body.append(name, value));
    entry.files.forEach(([name, blob, filename]) => body.append(name, blob, filename));
    body.set("once", entry.key);
    body.set("as", entry.person);
    // A contact is told to its case; everything else decides a task.
    const [, contact] = entry.task.match(/^contact\/(.+)$/) || [];
    const to = contact ? `/arrears/${encodeURIComponent(contact)}/contact` : `/tasks/${encodeURIComponent(entry.task)}/decide`;
    const answer = await fetch(to, {
      method: "POST",
      body,
      headers: { Accept: "application/json" },
      redirect: "manual",
      credentials: "same-origin",
      signal: AbortSignal.timeout(PATIENCE),
    });
    if (answer.type === "opaqueredirect") return { status: 401, said: {} };
    let said = {};
    try {
      said = await answer.json();
    } catch {
      /* an answer without words: its status says enough */
    }
    return { status: answer.status, said };
  };

  const later = (entry, changes = {}) => {
    const tries = entry.tries + 1;
    const pause = Math.min(300, 5 * 2 ** Math.min(tries, 6)) * 1000;
    return { ...entry, state: "waiting", tries, next: Date.now() + pause, ...changes };
  };

  // What becomes of an entry: sent, back to its writer, refused for good, or to be tried again.
  const judged = (entry, status, said) => {
    if (status === 401) return { ...entry, state: "login" };
    if (status === 200 || status === 202)
      return { ...entry, state: "sent", taken: said.state, over: Date.now(), fields: [], files: [], faults: {} };
    if (status === 422 && said.faults) return { ...entry, state: "wrong", faults: said.faults };
    if ([400, 403, 404, 409, 413, 422].includes(status))
      return { ...entry, state: "refused", words: said.words || said.message || "", code: status, over: Date.now() };
    return later(entry);
  };

  const sendNow = async (person, patient) => {
    const now = Date.now();
    for (const entry of await of(person)) {
      if (entry.state === "sent" && now - entry.over > DAY) await drop(entry.key);
      if (!OPEN.includes(entry.state) || (patient && entry.next > now)) continue;
      let after;
      try {
        const { status, said } = await answered(entry);
        after = judged(entry, status, said);
      } catch {
        after = later(entry, { unheard: true });
      }
      // Taken back or written anew meanwhile: what stands now has the word, unless this was sent.
      const stands = await one(entry.key);
      if (!stands && after.state !== "sent") continue;
      await put(after);
      if (after.state === "login" || after.unheard) break;
    }
  };

  // One sender at a time, whichever page or worker it is. The server would take each once even so.
  const send = async (person, { patient = false } = {}) => {
    if (!person) return;
    if (!self.navigator.locks) return sendNow(person, patient);
    await self.navigator.locks.request(NAME, { ifAvailable: true }, (lock) => lock && sendNow(person, patient));
  };

  const waits = (entry) => entry.state !== "sent" && entry.state !== "refused";
  return { put, drop, of, one, whose, is, send, waits, told };
})();
