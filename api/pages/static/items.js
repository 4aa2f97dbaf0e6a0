/* The list of an acceptance: thousands of rows drawn a screen at a time, one tap to pass, two to fail, and everything
   tapped kept on the phone until the server has it. The last tap on an item stands. */
"use strict";

(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const root = $("[data-items]");
  if (!root || !("indexedDB" in window)) return;
  const zh = document.documentElement.lang.startsWith("zh");
  const task = root.dataset.items;
  const person = root.dataset.person;
  const may = root.dataset.may === "yes";
  const KEPT = document.body.hasAttribute("data-kept");
  const HEIGHT = 84;
  const AHEAD = 8;
  const words = {
    passed: ["合格", "Passed"],
    photo: ["有照片", "photo"],
    waits: ["待发", "to be sent"],
    no: ["第 %s 号", "No. %s"],
    toSend: ["%s 户待发，有网络时自动发送。", "%s to be sent; they go out when there is a network."],
    byRule: ["%s 按规则不合格：%s", "%s fails by the rules: %s"],
    login: ["登录已过期，记录都在手机上，重新登录后自动发送。", "Your login has ended; all is on the phone and goes out once you log in."],
    over: ["%s 没有记下：%s", "%s was not recorded: %s"],
    why: ["请选一个原因，或写出原因。", "Choose a reason, or write one."],
    full: ["手机存不下了，这一户没有保存。", "The phone has no room; this was not kept."],
  };
  const say = (name, ...values) => values.reduce((text, value) => text.replace("%s", value), words[name][zh ? 0 : 1]);

  // What waits to be sent: one entry an item, the last one tapped.
  const opened = () =>
    new Promise((resolve, reject) => {
      const asked = indexedDB.open("guanjia-items", 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore("looks", { keyPath: "key" });
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  let database = null;
  const within = async (mode, does) => {
    database = database || (await opened());
    return new Promise((resolve, reject) => {
      const transaction = database.transaction("looks", mode, { durability: "strict" });
      const asked = does(transaction.objectStore("looks"));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  };
  const keep = (entry) => within("readwrite", (store) => store.put(entry));
  const drop = (entry) =>
    // Tapped again while this was on its way: the newer one stays.
    within("readwrite", (store) => {
      const asked = store.get(entry.key);
      asked.onsuccess = () => asked.result && asked.result.tapped === entry.tapped && store.delete(entry.key);
      return asked;
    });
  const waiting = async () => (await within("readonly", (store) => store.getAll())).filter((entry) => entry.person === person);

  // The rows, and which of them are asked for.
  let rows = [];
  let shown = [];
  let show = new URLSearchParams(location.search).get("show") || "all";
  let building = new URLSearchParams(location.search).get("building") || "";
  const list = $("[data-list]", root);
  const model = $("template[data-row]", root);
  const told = $("[data-told]", root);
  const byNo = new Map();
  const state = (row) => (row.passed === null ? "open" : row.passed ? "passed" : "failed");

  const read = ([no, door, where, meter, seal, start, position, passed, reason, photo, measured]) => ({
    line: [no, door, where, meter, seal, start, position],
    no,
    door: door || say("no", no),
    building: where,
    sub: [meter, seal, start, position].filter((part) => part !== null && part !== "").join(" · "),
    passed,
    reason,
    photo,
    measured,
    waits: false,
  });

  const nodes = new Map();
  const spare = [];
  const fill = (node, row, at) => {
    node.className = row.passed === null ? "item" : row.passed ? "item ok" : "item bad";
    node.style.transform = `translateY(${at * HEIGHT}px)`;
    node.dataset.no = row.no;
    const [door, no, sub, why] = node.parts;
    door.textContent = row.door;
    no.textContent = row.no;
    sub.textContent = row.sub;
    const said = row.passed === null ? [] : [row.passed ? say("passed") : row.reason];
    if (row.photo) said.push(say("photo"));
    if (row.waits) said.push(say("waits"));
    why.textContent = said.join(" · ");
  };
  const fresh = () => {
    const node = spare.pop() || model.content.firstElementChild.cloneNode(true);
    node.parts = node.parts || $$("b, span, small", node);
    if (!may) $$(".pass, .fail", node).forEach((button) => (button.hidden = true));
    return node;
  };
  let top = 0;
  const measure = () => (top = list.getBoundingClientRect().top + scrollY);
  const draw = () => {
    const first = Math.max(0, Math.floor((scrollY - top) / HEIGHT) - AHEAD);
    const last = Math.min(shown.length, Math.ceil((scrollY - top + innerHeight) / HEIGHT) + AHEAD);
    for (const [at, node] of nodes) {
      if (at >= first && at < last) continue;
      nodes.delete(at);
      node.remove();
      spare.push(node);
    }
    const added = document.createDocumentFragment();
    for (let at = first; at < last; at += 1) {
      let node = nodes.get(at);
      if (!node) {
        node = fresh();
        nodes.set(at, node);
        added.append(node);
      } else if (node.row === shown[at] && node.stamp === shown[at].stamp) continue;
      fill(node, shown[at], at);
      node.row = shown[at];
      node.stamp = shown[at].stamp;
    }
    if (added.firstChild) list.append(added);
  };
  let asked = false;
  const soon = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
  const counted = () => {
    const count = { open: 0, passed: 0, failed: 0 };
    rows.forEach((row) => (count[state(row)] += 1));
    $("[data-many]", root).textContent = rows.length;
    $("[data-left]", root).textContent = count.open;
    $("[data-passed]", root).textContent = count.passed;
    $("[data-failed]", root).textContent = count.failed;
  };
  const filter = () => {
    shown = rows.filter((row) => (show === "all" || state(row) === show) && (!building || row.building === building));
    list.style.height = `${shown.length * HEIGHT}px`;
    for (const node of nodes.values()) {
      node.remove();
      spare.push(node);
    }
    nodes.clear();
    $$("[data-show]", root).forEach((link) =>
      link.dataset.show === show ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current"),
    );
    measure();
    draw();
  };

  // A tap: on the screen at once, on the phone next, at the server when there is a network.
  const look = async (row, fields, files = []) => {
    const passed = { yes: true, no: false }[fields.passed] ?? null;
    Object.assign(row, { passed, reason: fields.own || fields.reason || null, waits: true, stamp: (row.stamp || 0) + 1 });
    row.photo = row.photo || files.length > 0;
    counted();
    soon();
    root.dataset.kept = "soon";
    const entry = {
      key: `${task}:${row.no}`,
      task,
      no: row.no,
      person,
      round: root.dataset.round,
      fields,
      files,
      tapped: Date.now() + Math.random(),
    };
    try {
      await keep(entry);
    } catch {
      told.textContent = say("full");
      return;
    }
    send();
  };

  let sending = false;
  let again = false;
  const send = async () => {
    if (sending) {
      again = true;
      return;
    }
    sending = true;
    try {
      do {
        again = false;
        for (const entry of await waiting()) if (!(await sent(entry))) return;
      } while (again);
    } finally {
      sending = false;
      await tell();
      keepRows();
    }
  };
  // The copy for where there is no network is brought up to what the server is known to have.
  let keeping = null;
  const keepRows = () => {
    if (!("caches" in window) || !rows.length) return;
    clearTimeout(keeping);
    root.dataset.kept = "soon";
    keeping = setTimeout(async () => {
      const lines = rows.map((row) => [...row.line, row.passed, row.reason, row.photo, row.measured || {}]);
      const body = JSON.stringify({ round: Number(root.dataset.round), rows: lines });
      const pages = await caches.open(`field:${person}`);
      const headers = { "Content-Type": "application/json" };
      await pages.put(`${ADDRESS}/rows`, new Response(body, { headers }));
      root.dataset.kept = lines.filter((line) => line[7] !== null).length;
    }, 500);
  };
  // Whether the next one should be tried: not without a network, nor once the login has ended.
  const sent = async (entry) => {
    const body = new FormData();
    Object.entries(entry.fields).forEach(([name, value]) => body.append(name, value));
    entry.files.forEach(([blob, name]) => body.append("photo", blob, name));
    body.set("round", entry.round);
    body.set("as", entry.person);
    let answer;
    try {
      answer = await fetch(`/tasks/${encodeURIComponent(entry.task)}/items/${entry.no}`, {
        method: "POST",
        body,
        headers: { Accept: "application/json" },
        redirect: "manual",
        signal: AbortSignal.timeout(60000),
      });
    } catch {
      return false;
    }
    if (answer.status >= 500 || answer.status === 429) return false;
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      told.textContent = say("login");
      return false;
    }
    const said = await answer.json().catch(() => ({}));
    const row = entry.task === task ? byNo.get(entry.no) : null;
    await drop(entry);
    if (row) {
      const newer = (await within("readonly", (store) => store.get(entry.key))) !== undefined;
      if (answer.ok && !newer) {
        Object.assign(row, { passed: said.passed, reason: said.reason, waits: false, stamp: (row.stamp || 0) + 1 });
        if (said.faults.length && entry.fields.passed === "yes") told.textContent = say("byRule", row.door, said.reason);
        else if (said.replaced) told.textContent = `${row.door} ${said.replaced}`;
      } else if (!answer.ok) {
        Object.assign(row, { waits: false, stamp: (row.stamp || 0) + 1 });
        told.textContent = say("over", row.door, said.words || said.message || answer.status);
      }
      counted();
      soon();
    }
    return true;
  };
  const tell = async () => {
    const left = (await waiting()).length;
    root.dataset.waiting = left;
    if (left && !told.textContent) told.textContent = say("toSend", left);
    else if (!left && told.textContent === told.dataset.waits) told.textContent = "";
    told.dataset.waits = left ? say("toSend", left) : told.dataset.waits || "";
    if (left) told.textContent = say("toSend", left);
  };

  // The sheet: reasons, what was measured, a photo.
  const sheet = $("[data-sheet]", root);
  const form = $("[data-sheet-form]", root);
  let about = null;
  const rise = (row) => {
    about = row;
    form.reset();
    $("#sheet-door").textContent = `${row.door} · ${row.no}`;
    Object.entries(row.measured || {}).forEach(([name, value]) => {
      const field = form.elements[name];
      if (field) field.value = value === true ? "yes" : value === false ? "no" : value;
    });
    sheet.showModal();
  };
  const filled = (extra) => {
    const fields = { ...extra };
    for (const [name, value] of new FormData(form))
      if (typeof value === "string" && value.trim() && !(name in fields)) fields[name] = value.trim();
    about.measured = Object.fromEntries(Object.entries(fields).filter(([name]) => !["passed", "reason", "own"].includes(name)));
    const photo = form.elements.photo;
    return [fields, photo && photo.files[0] ? [[photo.files[0], photo.files[0].name]] : []];
  };
  const settle = (extra) => {
    const row = about;
    const [fields, files] = filled(extra);
    sheet.close();
    look(row, fields, files);
  };
  $("[data-reasons]", root).addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) settle({ passed: "no", reason: button.value, own: "" });
  });
  $("[data-sheet-pass]", root).addEventListener("click", () => settle({ passed: "yes", own: "" }));
  $("[data-sheet-fail]", root).addEventListener("click", () => {
    if (!form.elements.own.value.trim()) {
      form.elements.own.setCustomValidity(say("why"));
      form.elements.own.reportValidity();
      form.elements.own.setCustomValidity("");
      return;
    }
    settle({ passed: "no" });
  });
  $("[data-sheet-undo]", root).addEventListener("click", () => settle({ passed: "", own: "" }));

  list.addEventListener("click", (event) => {
    const node = event.target.closest(".item");
    const row = node && byNo.get(Number(node.dataset.no));
    if (!row || !may) return;
    if (event.target.closest("[data-pass]")) look(row, { passed: "yes" });
    else if (event.target.closest("[data-fail], [data-more]")) rise(row);
  });
  $$("[data-show]", root).forEach((link) =>
    link.addEventListener("click", (event) => {
      event.preventDefault();
      show = link.dataset.show;
      remember();
    }),
  );
  const chosen = $("[data-buildings] select", root);
  if (chosen)
    chosen.addEventListener("change", () => {
      building = chosen.value;
      remember();
    });
  const remember = () => {
    const query = new URLSearchParams();
    if (show !== "all") query.set("show", show);
    if (building) query.set("building", building);
    history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
    told.textContent = "";
    filter();
  };

  const ADDRESS = `/field/${encodeURIComponent(task)}/items`;
  const fetched = async () => {
    try {
      const answer = await fetch(`${ADDRESS}/rows`, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      if ("caches" in window && !KEPT) {
        const pages = await caches.open(`field:${person}`);
        await pages.put(`${ADDRESS}/rows`, answer.clone());
        const shell = await caches.open("shell");
        for (const part of $$("link[rel=stylesheet], script[src]", document).map((each) => each.href || each.src))
          if (!(await shell.match(part, { ignoreVary: true }))) await shell.add(part).catch(() => {});
        fetch(ADDRESS, { headers: { Accept: "text/html" } })
          .then((page) => page.ok && !page.redirected && pages.put(ADDRESS, page))
          .catch(() => {});
      }
      return await answer.json();
    } catch {
      const kept = "caches" in window ? await caches.match(`${ADDRESS}/rows`, { ignoreVary: true }) : null;
      return kept ? kept.json() : null;
    }
  };
  const begin = async () => {
    const known = await fetched();
    if (!known) return;
    rows = known.rows.map(read);
    rows.forEach((row) => byNo.set(row.no, row));
    for (const entry of await waiting()) {
      const row = entry.task === task ? byNo.get(entry.no) : null;
      if (!row) continue;
      const passed = { yes: true, no: false }[entry.fields.passed] ?? null;
      Object.assign(row, { passed, reason: entry.fields.own || entry.fields.reason || null, waits: true });
    }
    list.replaceChildren();
    list.classList.add("virtual");
    $("[data-pager]", root).hidden = true;
    counted();
    filter();
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", () => {
      measure();
      soon();
    });
    await send();
    document.documentElement.dataset.itemsReady = "yes";
  };
  addEventListener("online", send);
  setInterval(async () => (await waiting()).length && send(), 5000);
  document.addEventListener("visibilitychange", () => document.hidden || send());
  begin();
})();
