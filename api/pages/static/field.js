/* The field pages beyond their forms: photos made small, a place on a tap, and a form that is kept on the phone first and
   sent from there, so that no network is needed where the water is. */
"use strict";

(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const person = document.body.dataset.person;
  const zh = document.documentElement.lang.startsWith("zh");
  const bar = $("[data-net]");
  if (!person || !bar || !("indexedDB" in window)) return;

  const WORDS = {
    online: ["在线", "Online"],
    offline: ["离线，填好的存在手机上", "Offline: kept on the phone"],
    waiting: ["待发", "To be sent"],
    sending: ["正在发送", "Sending"],
    sent: ["已发", "Sent"],
    pending: ["已发，后台恢复后自动办理", "Sent; carried out when the system is back"],
    wrong: ["要修改", "To be corrected"],
    refused: ["没有记下", "Not recorded"],
    login: ["等重新登录", "Waits for your login"],
    editing: ["正在修改", "Being corrected"],
    expired: ["登录已过期。填好的都在手机上，重新登录后自动发送。", "Your login has ended. All you filled in is on the phone, and goes out once you log in."],
    again: ["重新登录", "Log in"],
    mend: ["修改", "Correct it"],
    back: ["取回修改", "Take it back"],
    gone: ["知道了", "All right"],
    keptFrom: ["没有网络，这是 %s 存在手机上的内容。", "No network: this is what the phone kept at %s."],
    shown: ["这项已经填好，存在这部手机上，有网络时自动发送。", "This is filled in and kept on this phone; it goes out when there is a network."],
    shownSent: ["已经发出，记录在案。", "Sent, and on record."],
    shownPending: ["已经发出；后台一恢复就自动办理。", "Sent; carried out as soon as the system is back."],
    toList: ["回到现场任务", "Back to the field tasks"],
    needed: ["请填写。", "Please fill this in."],
    ticked: ["办结前这一项要完成。", "This must be done before the task can be decided."],
    anyOf: ["至少要有一项：%s", "At least one is needed: %s"],
    choose: ["请选择。", "Please choose."],
    missing: ["还有没填的，请看标出的地方。", "Something is missing; it is marked."],
    located: ["已记下，误差约 %s 米。", "Noted, within about %s m."],
    locating: ["正在定位…", "Finding the place…"],
    noPlace: ["没有取得位置，可以手写地点，也可以不填。", "No place was found: write it by hand, or leave it out."],
    full: ["手机存不下了，这一项没有保存。请先发送已有的，再试一次。", "The phone has no room; this was not kept. Send what waits, then try again."],
    photo: ["照片", "Photo"],
    count: ["%s 项待发", "%s to be sent"],
  };
  const say = (name, ...values) => values.reduce((text, value) => text.replace("%s", value), WORDS[name][zh ? 0 : 1]);
  const made = (tag, text = "", className = "") => {
    const element = document.createElement(tag);
    element.textContent = text;
    if (className) element.className = className;
    return element;
  };
  const clock = (at) =>
    new Date(at).toLocaleTimeString("en-GB", { timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit" });
  const KEPT = document.body.hasAttribute("data-kept");

  // The server's clock, for a phone's may be wrong: how far they are apart, as last heard.
  const SKEW = "clock-skew";
  const skew = () => Number(localStorage.getItem(SKEW)) || 0;
  if (!KEPT) localStorage.setItem(SKEW, String(Math.min(0, Date.parse(bar.dataset.now) - Date.now())));
  const instant = () => new Date(Date.now() + skew()).toISOString();

  // Whether there is a network: what was heard last, not what the phone believes.
  let online = navigator.onLine && !KEPT;
  let sending = false;

  const draw = async () => {
    const entries = await Queue.of(person);
    const waiting = entries.filter(Queue.waits);
    localStorage.setItem(`waiting:${person}`, String(waiting.length));
    bar.classList.toggle("off", !online);
    $("[data-net-words]", bar).textContent = say(online ? "online" : "offline");
    $("[data-net-waiting]", bar).textContent = waiting.length ? say("count", waiting.length) : "";
    const expired = waiting.some((entry) => entry.state === "login");
    $("[data-send]", bar).hidden = !waiting.some((entry) => entry.state === "waiting") || expired;
    const note = $("[data-kept-told]");
    note.hidden = !(expired || KEPT);
    if (expired) {
      const link = made("a", say("again"), "button");
      link.href = `/login?next=${encodeURIComponent(location.pathname)}`;
      $("p", note).replaceChildren(say("expired"), " ", link);
    } else if (KEPT) $("p", note).textContent = say("keptFrom", bar.dataset.drawn);
    listed(entries);
    $$("[data-task]").forEach((card) => {
      const entry = entries.find((each) => each.task === card.dataset.task);
      const state = $("[data-state]", card);
      state.hidden = !entry;
      state.className = entry ? `card-queued ${entry.state}` : "card-queued";
      card.classList.toggle("filled-in", Boolean(entry));
      if (entry) state.textContent = stateOf(entry);
    });
    const here = $("[data-onsite]");
    if (here) standing(here, entries.find((each) => each.task === here.dataset.onsite));
  };

  const stateOf = (entry) => {
    if (entry.state === "waiting" && sending) return say("sending");
    if (entry.state === "sent") return `${say(entry.taken === "pending" ? "pending" : "sent")} ${clock(entry.over)}`;
    return say(entry.state);
  };
  const reason = (entry) => {
    if (entry.state === "refused") return entry.words || String(entry.code || "");
    return entry.state === "wrong" ? Object.values(entry.faults).join(" ") : "";
  };
  const pressed = (label, does) => {
    const button = made("button", label);
    button.type = "button";
    button.addEventListener("click", does);
    return button;
  };

  const listed = (entries) => {
    const list = $("[data-queued]");
    if (!list) return;
    $("[data-queue]").hidden = !entries.length;
    list.replaceChildren(
      ...entries.map((entry) => {
        const item = made("li", "", entry.state);
        const title = made("a", entry.title);
        title.href = `/field/${entry.task}`;
        const mark = made("span", stateOf(entry), `mark ${entry.state}`);
        const photos = entry.files.length ? ` · ${say("photo")} ${entry.files.length}` : "";
        item.append(mark, title, made("span", `${entry.about} · ${clock(entry.at)}${photos}`, "soft small"));
        if (reason(entry)) item.append(made("p", reason(entry), "fault"));
        if (entry.state === "refused") item.append(pressed(say("gone"), () => Queue.drop(entry.key)));
        if (entry.state === "wrong") {
          const link = made("a", say("mend"), "button");
          link.href = `/field/${entry.task}`;
          item.append(link);
        }
        return item;
      }),
    );
  };

  // On a task's own page: how what was filled in stands, in place of the form or above it.
  let mending = null;
  const standing = (here, entry) => {
    const place = $("[data-standing]", here);
    const form = $("form.field-form", here);
    place.hidden = !entry;
    if (form) form.hidden = Boolean(entry) && entry.state !== "wrong" && entry.state !== "editing";
    if (!entry || entry.state === "editing") {
      place.hidden = true;
      return;
    }
    const kind = { sent: "done", refused: "refused", wrong: "refused" }[entry.state] || "pending";
    const box = made("div", "", `told ${kind}`);
    box.append(made("p", `${stateOf(entry)} · ${clock(entry.at)}`, "strong"));
    if (entry.state === "sent") box.append(made("p", say(entry.taken === "pending" ? "shownPending" : "shownSent")));
    else if (reason(entry)) box.append(made("p", reason(entry)));
    else box.append(made("p", say("shown")));
    const acts = made("div", "", "acts");
    if (entry.state === "waiting" || entry.state === "login")
      acts.append(
        pressed(say("back"), async () => {
          await Queue.put({ ...entry, state: "editing" });
          fill(form, entry);
        }),
      );
    if (entry.state === "refused") acts.append(pressed(say("gone"), () => Queue.drop(entry.key)));
    const link = made("a", say("toList"), "button");
    link.href = "/field";
    acts.append(link);
    box.append(acts);
    place.replaceChildren(box);
    if (entry.state === "wrong" && form && mending !== entry.key) fill(form, entry);
  };

  // A form that came back, or was taken back: as it was, its photos too.
  const fill = (form, entry) => {
    mending = entry.key;
    form.reset();
    $$("input, textarea, select", form).forEach((field) => {
      if (field.type === "file") {
        const mine = entry.files.filter(([name]) => name === field.name);
        const files = new DataTransfer();
        mine.forEach(([, blob, filename]) => files.items.add(new File([blob], filename, { type: blob.type })));
        field.files = files.files;
        shown(field);
        return;
      }
      if (field.type === "hidden") return;
      const values = entry.fields.filter(([name]) => name === field.name).map(([, value]) => value);
      if (["checkbox", "radio"].includes(field.type)) field.checked = values.includes(field.value);
      else field.value = values[0] || "";
    });
    const chosen = $("input[name=outcome]:checked", form);
    if (chosen) chosen.dispatchEvent(new Event("change", { bubbles: true }));
    mark(form, entry.faults || {});
  };

  const mark = (form, faults) => {
    $$(".field.wrong", form).forEach((field) => field.classList.remove("wrong"));
    $$(".field > .fault", form).forEach((fault) => fault.remove());
    const general = [];
    let first = null;
    Object.entries(faults).forEach(([name, words]) => {
      const input = name && $(`[name="${name}"]:not([type=hidden])`, form);
      const field = input && input.closest(".field");
      if (!field) {
        general.push(words);
        return;
      }
      field.classList.add("wrong");
      field.append(made("p", words, "fault"));
      if (!first || field.compareDocumentPosition(first) & Node.DOCUMENT_POSITION_FOLLOWING) first = field;
    });
    const box = $("[data-faults]", form);
    box.hidden = !Object.keys(faults).length;
    $("p", box).textContent = general.join(" ") || say("missing");
    if (first) {
      first.scrollIntoView({ block: "center" });
      const input = $("input:not([type=hidden]), textarea, select", first);
      if (input) input.focus({ preventScroll: true });
    }
    return !Object.keys(faults).length;
  };

  // What the server would send back, said before the person has gone home.
  const faultsOf = (form) => {
    const faults = {};
    const rules = JSON.parse(form.dataset.rules);
    const data = new FormData(form);
    const has = (name) =>
      data.getAll(name).some((value) => (typeof value === "string" ? value.trim() : value.size > 0));
    const titled = (name) => {
      const input = $(`[name="${name}"]`, form);
      const label = input && $("label, legend", input.closest(".field") || form);
      return label ? label.textContent.trim() : name;
    };
    $$("[required]", form).forEach((field) => {
      if (!has(field.name)) faults[field.name] = say(field.type === "radio" ? "choose" : "needed");
    });
    $$("input, textarea", form).forEach((field) => {
      if (field.value && !field.validity.valid && !faults[field.name]) faults[field.name] = field.validationMessage;
    });
    rules.ticked.forEach((name) => {
      if ($(`[name="${name}"]`, form) && !has(name)) faults[name] = say("ticked");
    });
    // A page that the phone kept from before says nothing of it.
    const finished = !(rules.unfinished || []).includes(data.get("outcome"));
    (finished ? rules.demanded : []).forEach((name) => {
      const input = $(`[name="${name}"]:not([type=hidden])`, form);
      if (input && !has(name)) faults[name] = say(input.type === "checkbox" ? "ticked" : "needed");
    });
    rules.when
      .filter((rule) => data.get("outcome") === rule.outcome)
      .forEach((rule) => {
        rule.all.filter((name) => !has(name)).forEach((name) => (faults[name] = say("needed")));
        if (rule.any.length && !rule.any.some(has))
          faults[rule.any[0]] = say("anyOf", rule.any.map(titled).join(zh ? "、" : ", "));
      });
    return faults;
  };

  // Photos are made small before they are kept: a weak network carries them.
  const LARGEST = 1600;
  const small = async (file) => {
    let picture;
    try {
      picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    } catch {
      return file; // no picture that this browser can open: the server says what it is
    }
    const scale = Math.min(1, LARGEST / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.8));
    if (!blob || (blob.size >= file.size && scale === 1)) return file;
    return new File([blob], `${file.name.replace(/\.[^.]*$/, "") || "photo"}.jpg`, { type: "image/jpeg" });
  };
  const working = new Set();
  const shrink = async (input) => {
    const files = new DataTransfer();
    for (const file of [...input.files]) files.items.add(await small(file));
    input.files = files.files;
    shown(input);
  };
  const shown = (input) => {
    const field = input.closest(".field");
    let shots = $(".shots", field);
    if (!shots) {
      shots = made("div", "", "shots");
      input.after(shots);
    }
    $$("img", shots).forEach((image) => URL.revokeObjectURL(image.src));
    shots.replaceChildren(
      ...[...input.files].map((file) => {
        const image = made("img");
        image.src = URL.createObjectURL(file);
        image.alt = `${say("photo")} ${Math.ceil(file.size / 1000)} kB`;
        return image;
      }),
    );
  };
  document.addEventListener("change", (event) => {
    if (!event.target.matches("input[data-shot]")) return;
    const work = shrink(event.target).finally(() => working.delete(work));
    working.add(work);
  });

  // A place on a tap, never unasked.
  $$("[data-locate]").forEach((button) => {
    if (!("geolocation" in navigator)) return;
    button.hidden = false;
    const field = button.closest("[data-place]");
    const note = $("[data-located]", field);
    button.addEventListener("click", () => {
      note.textContent = say("locating");
      navigator.geolocation.getCurrentPosition(
        ({ coords }) => {
          $("input", field).value = `${coords.latitude.toFixed(5)}, ${coords.longitude.toFixed(5)} ±${Math.round(coords.accuracy)} m`;
          note.textContent = say("located", Math.round(coords.accuracy));
        },
        () => (note.textContent = say("noPlace")),
        { enableHighAccuracy: true, timeout: 15000, maximumAge: 60000 },
      );
    });
  });

  const fresh = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  const keep = async (form) => {
    const here = form.closest("[data-onsite]");
    await Promise.all(working);
    $$("[data-at]", form).forEach((field) => (field.value = instant()));
    if (!mark(form, faultsOf(form))) return;
    const data = [...new FormData(form)];
    const before = (await Queue.of(person)).filter((entry) => entry.task === here.dataset.onsite);
    const asked = form.elements.once.value;
    const key = asked && !before.some((entry) => entry.key === asked) ? asked : fresh();
    const entry = {
      key,
      person,
      task: here.dataset.onsite,
      title: here.dataset.title,
      about: here.dataset.about,
      at: Date.now(),
      state: "waiting",
      tries: 0,
      next: 0,
      faults: {},
      fields: data.filter(([name, value]) => typeof value === "string" && !["once", "as"].includes(name)),
      files: data.filter(([, value]) => typeof value !== "string" && value.size).map(([name, file]) => [name, file, file.name]),
    };
    try {
      await Queue.put(entry);
    } catch {
      mark(form, { "": say("full") });
      return;
    }
    for (const old of before) if (old.key !== key) await Queue.drop(old.key);
    mending = null;
    localStorage.removeItem(`draft:${person}:${form.dataset.draft}`);
    await draw();
    scrollTo(0, 0);
    background();
    send();
  };
  document.addEventListener(
    "submit",
    (event) => {
      if (!event.target.matches("form.field-form")) return;
      event.preventDefault();
      event.stopImmediatePropagation(); // the draft stays until what it says is kept
      keep(event.target);
    },
    true,
  );
  $$("form.field-form").forEach((form) => (form.noValidate = true));

  const background = async () => {
    try {
      const worker = await navigator.serviceWorker?.ready;
      if (worker?.sync) await worker.sync.register("send");
    } catch {
      /* not every browser has it, and none owes it: pages try by themselves */
    }
  };

  const send = async (how) => {
    sending = true;
    await draw();
    try {
      await Queue.send(person, how);
    } finally {
      sending = false;
    }
    const entries = await Queue.of(person);
    if (entries.some((entry) => entry.unheard && entry.state === "waiting")) online = false;
    else if (navigator.onLine && entries.some((entry) => entry.state === "sent" && Date.now() - entry.over < 5000)) online = true;
    await draw();
  };

  const reachable = async () => {
    try {
      await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(5000) });
      return true;
    } catch {
      return false;
    }
  };

  // The person's pages, kept for where there is no network; another's go.
  const keepPages = async () => {
    if (!("caches" in window) || KEPT) return;
    const mine = `field:${person}`;
    for (const name of await caches.keys()) if (name.startsWith("field:") && name !== mine) await caches.delete(name);
    const shell = await caches.open("shell");
    const parts = $$("link[rel=stylesheet], link[rel=icon], link[rel=manifest], script[src]").map((each) => each.href || each.src);
    for (const part of [...parts, "/static/queue.js"]) if (!(await shell.match(part))) await shell.add(part).catch(() => {});
    for (const request of await shell.keys()) {
      const same = parts.find((part) => new URL(part).pathname === new URL(request.url).pathname);
      if (same && same !== request.url && !request.url.endsWith("/queue.js")) await shell.delete(request);
    }
    const pages = await caches.open(mine);
    const cards = $$("[data-task]");
    const wanted = new Map([["/field/offline", document.documentElement.lang], ["/field", ""]]);
    cards.forEach((card) => wanted.set(`/field/${card.dataset.task}`, card.dataset.version));
    for (const [address, version] of wanted) {
      const kept = await pages.match(address);
      const age = kept ? Date.now() - Number(kept.headers.get("X-Kept-At")) : Infinity;
      if (kept && version && kept.headers.get("X-Version") === version && age < 6 * 3600 * 1000) continue;
      try {
        const answer = await fetch(address, { headers: { Accept: "text/html" } });
        if (!answer.ok || answer.redirected) continue;
        const headers = new Headers(answer.headers);
        headers.set("X-Version", encodeURI(version) === version ? version : "");
        headers.set("X-Kept-At", String(Date.now()));
        await pages.put(address, new Response(await answer.blob(), { headers }));
      } catch {
        return;
      }
    }
    if (!cards.length && location.pathname !== "/field") return;
    for (const request of await pages.keys())
      // An acceptance's items, kept by `items.js`, stay as long as their task does.
      if (!wanted.has(new URL(request.url).pathname.replace(/\/items(\/rows)?$/, ""))) await pages.delete(request);
  };

  const begin = async () => {
    await Queue.is(person).catch(() => {});
    for (const entry of await Queue.of(person)) {
      if (entry.state === "editing") await Queue.put({ ...entry, state: $("[data-onsite]")?.dataset.onsite === entry.task ? "wrong" : "waiting" });
      // Logged in again: what waited for it goes out.
      else if (entry.state === "login" && !KEPT) await Queue.put({ ...entry, state: "waiting", next: 0 });
    }
    await draw();
    if ("serviceWorker" in navigator) await navigator.serviceWorker.register("/offline.js").catch(() => {});
    if (!KEPT) {
      await send();
      if (location.pathname === "/field") await keepPages();
    } else if (await reachable()) {
      online = true;
      await send();
    }
    document.documentElement.dataset.fieldReady = "yes";
  };

  document.addEventListener("queue-changed", draw);
  if (Queue.told) Queue.told.addEventListener("message", draw);
  addEventListener("online", () => {
    online = true;
    send();
  });
  addEventListener("offline", () => {
    online = false;
    draw();
  });
  $("[data-send]", bar).addEventListener("click", () => send());
  setInterval(async () => {
    const waits = (await Queue.of(person)).some((entry) => entry.state === "waiting" && entry.next <= Date.now());
    if (waits) send({ patient: true });
  }, 5000);
  document.addEventListener("visibilitychange", () => document.hidden || send({ patient: true }));
  begin();
})();
