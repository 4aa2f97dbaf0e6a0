/* What a page does beyond its links and forms: news, keys, ticking clocks, drafts, rows decided in place. */
"use strict";

(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const person = document.body.dataset.person;
  const zh = document.documentElement.lang.startsWith("zh");

  // News: whatever was recorded anywhere, the lists that stand look again. Nobody's typing is disturbed.
  if (person && $("[data-live]") && "EventSource" in window) {
    let source = null;
    let soon = 0;
    let missed = false;
    const busy = () =>
      $("[data-live] form.filled, [data-live] .opened-below, [data-live] input:checked, [data-live] details[open]");
    const look = () => {
      missed = Boolean(busy());
      if (missed) return;
      clearTimeout(soon);
      soon = setTimeout(() => busy() || document.body.dispatchEvent(new CustomEvent("recorded", { detail: { news: true } })), 250);
    };
    // News that comes back after somebody has begun to work waits until they are done.
    document.addEventListener("htmx:beforeSwap", (event) => {
      const asked = event.detail.requestConfig && event.detail.requestConfig.triggeringEvent;
      if (asked && asked.detail && asked.detail.news && busy()) {
        event.detail.shouldSwap = false;
        missed = true;
      }
    });
    setInterval(() => missed && !document.hidden && look(), 2000);
    const listen = () => {
      if (source) return;
      source = new EventSource("/live");
      source.addEventListener("recorded", look);
    };
    const rest = () => {
      if (source) source.close();
      source = null;
    };
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) rest();
      else {
        listen();
        look();
      }
    });
    addEventListener("pagehide", rest);
    listen();
  }

  // Clocks tick once in a while; the words are the server's own.
  const stretch = (minutes) => {
    const units = zh ? ["天", "小时", "分"] : ["d", "h", "min"];
    const parts = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60];
    const said = parts.map((count, at) => (count ? `${count} ${units[at]}` : "")).filter(Boolean);
    return (parts[0] >= 10 ? said.slice(0, 1) : said.slice(0, 2)).join(" ") || `0 ${units[2]}`;
  };
  const tick = () =>
    $$(".chip[data-due]").forEach((chip) => {
      const left = (Date.parse(chip.dataset.due) - Date.now()) / 60000;
      const words = stretch(Math.floor(Math.abs(left)));
      const text = left > 0 ? (zh ? `剩 ${words}` : `${words} left`) : zh ? `超 ${words}` : `${words} over`;
      if (left <= 0) chip.className = "chip late";
      const first = chip.firstChild;
      if (first && first.nodeType === 3) first.data = text + (chip.childElementCount ? " " : "");
    });
  setInterval(tick, 30000);

  // A row is decided where it stands.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-decide], a[data-below]");
    if (!link || event.metaKey || event.ctrlKey || matchMedia("(max-width: 640px)").matches || !window.htmx) return;
    event.preventDefault();
    const row = link.closest("tr");
    const open = row.nextElementSibling;
    const address = link.dataset.below || `${row.dataset.row}/form`;
    if (open && open.classList.contains("opened-below")) {
      open.remove();
      if (open.dataset.address === address) return;
    }
    const below = document.createElement("tr");
    below.className = "opened-below";
    below.dataset.address = address;
    below.innerHTML = `<td colspan="${row.cells.length}"><div data-deciding></div></td>`;
    row.after(below);
    htmx.ajax("GET", address, { target: below.querySelector("[data-deciding]"), swap: "innerHTML" }).then(
      () => {
        const first = $("input:not([type=hidden]), textarea, select", below);
        if (first) first.focus();
      },
    );
  });

  // Keys: / search, j k move, x select, e decide, ? help.
  const rows = () => $$("[data-rows] tr[data-row]");
  let selected = null; // the address of the row, which outlives the row when the list looks again
  const select = (row) => {
    rows().forEach((other) => other.removeAttribute("aria-selected"));
    row.setAttribute("aria-selected", "true");
    selected = row.dataset.row;
  };
  const move = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.getAttribute("aria-selected") === "true");
    const next = all[Math.min(all.length - 1, Math.max(0, at + by))];
    select(next);
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
    const chosen = $("[data-rows] tr[aria-selected=true]");
    const acts = {
      "/": () => $("[data-search]") && $("[data-search]").focus(),
      j: () => move(1),
      k: () => move(-1),
      x: () => chosen && $("input[type=checkbox]", chosen) && $("input[type=checkbox]", chosen).click(),
      e: () => chosen && ($("[data-decide]", chosen) || $("a", chosen)).click(),
      "?": () => $("#keys") && $("#keys").showModal(),
    };
    if (acts[event.key]) {
      event.preventDefault();
      acts[event.key]();
    }
  });

  // The bulk bar shows when something is chosen; without script it stands.
  const barOf = (form) => form && (form.matches("[data-bulk]") ? form : $("[data-bulk]", form));
  const ticks = (form) =>
    [...form.elements].filter((field) => field.type === "checkbox" && field.name && field.closest("tbody"));
  const counted = (form) => {
    const bulk = barOf(form);
    if (!bulk) return;
    const count = ticks(form).filter((tick) => tick.checked).length;
    bulk.hidden = !count;
    $("[data-chosen]", bulk).textContent = count;
  };
  document.addEventListener("change", (event) => {
    const all = event.target.closest("[data-all]");
    if (all) {
      const form = $("tbody input[type=checkbox]", all.closest("table")).form;
      ticks(form).forEach((tick) => (tick.checked = all.checked));
      counted(form);
    } else if (event.target.form) counted(event.target.form);
  });

  // What is typed is kept until it is sent: for this person, in this browser, gone with the session.
  const named = (form) => `draft:${person}:${form.dataset.draft}`;
  const kept = (form) =>
    $$("input, textarea, select", form).filter((field) => field.name && !["hidden", "file", "password"].includes(field.type));
  const restore = (root) =>
    $$("form[data-draft]", root).forEach((form) => {
      if ($(".fault", form)) return;
      let draft = null;
      try {
        draft = JSON.parse(localStorage.getItem(named(form)));
      } catch {
        return;
      }
      if (!draft) return;
      kept(form).forEach((field) => {
        const values = draft[field.name];
        if (!values) return;
        if (["checkbox", "radio"].includes(field.type)) field.checked = values.includes(field.value);
        else field.value = values[0];
      });
    });
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-draft]");
    if (!form || !person) return;
    const draft = {};
    kept(form).forEach((field) => {
      if (["checkbox", "radio"].includes(field.type) && !field.checked) return;
      (draft[field.name] ||= []).push(field.value);
    });
    try {
      localStorage.setItem(named(form), JSON.stringify(draft));
    } catch {
      /* no room: typing goes on */
    }
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("form[data-draft]")) localStorage.removeItem(named(event.target));
  });

  // Going out with something still to be sent: it stays on this phone for its owner, everything else that was kept goes.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches('form[action="/logout"]')) return;
    const waiting = Number(localStorage.getItem(`waiting:${person}`)) || 0;
    if (!waiting) return;
    const words = zh
      ? `还有 ${waiting} 项现场填好的没有发出。退出后它们留在这部手机上，您再登录后才会发出。仍要退出吗？`
      : `${waiting} filled in on site are not sent yet. They stay on this phone and go out once you log in again. Log out?`;
    if (!confirm(words)) {
      event.preventDefault();
      return;
    }
    const keep = Object.assign(document.createElement("input"), { type: "hidden", name: "keep", value: "queue" });
    form.append(keep);
    Object.keys(localStorage).filter((name) => name.startsWith("draft:")).forEach((name) => localStorage.removeItem(name));
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const from = copy.parentElement.querySelector("input");
      from.select();
      // Plain http on an office network has no clipboard of the newer kind.
      const copied = navigator.clipboard
        ? navigator.clipboard.writeText(from.value)
        : Promise.resolve(document.execCommand("copy"));
      copied.then(() => {
        copy.textContent = from.dataset.copied;
      });
    }
  });

  // Which fields the chosen outcome demands.
  const demand = (form) => {
    const chosen = $("input[name=outcome]:checked", form);
    $$("[data-when]", form).forEach((field) => {
      const wanted = chosen && field.dataset.when.split(" ").includes(chosen.value);
      const label = $("label, legend", field);
      if (label) label.classList.toggle("must", Boolean(wanted));
    });
  };
  document.addEventListener("change", (event) => {
    if (event.target.name === "outcome") demand(event.target.form);
  });

  // A signature by finger or pen becomes a picture in the file field beside it.
  const signing = (canvas) => {
    if (canvas.dataset.ready) return;
    canvas.dataset.ready = "yes";
    const input = $(`input[data-signed][name="${canvas.dataset.signing}"]`, canvas.closest("form"));
    const pen = canvas.getContext("2d");
    const size = () => {
      canvas.width = canvas.clientWidth * 2;
      canvas.height = canvas.clientHeight * 2;
      pen.lineWidth = 5;
      pen.lineCap = "round";
      pen.strokeStyle = "#123";
    };
    size();
    let last = null;
    const at = (event) => [event.offsetX * 2, event.offsetY * 2];
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      last = at(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!last) return;
      const next = at(event);
      pen.beginPath();
      pen.moveTo(...last);
      pen.lineTo(...next);
      pen.stroke();
      last = next;
    });
    canvas.addEventListener("pointerup", () => {
      last = null;
      canvas.toBlob((blob) => {
        const files = new DataTransfer();
        files.items.add(new File([blob], "signature.png", { type: "image/png" }));
        input.files = files.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
      });
    });
    const clear = $(`[data-clear="${canvas.dataset.signing}"]`, canvas.closest("form"));
    if (clear)
      clear.addEventListener("click", () => {
        size();
        input.value = "";
      });
  };

  const ready = (root) => {
    $$("[data-bulk]").forEach((bulk) => counted(bulk.closest("form")));
    $$("[data-all]").forEach((all) => (all.hidden = false));
    restore(root);
    $$("canvas[data-signing]", root).forEach(signing);
    $$("form[data-draft]", root).forEach(demand);
    const again = selected && !$("[data-rows] tr[aria-selected=true]") && rows().find((row) => row.dataset.row === selected);
    if (again) select(again);
    tick();
  };
  ready(document);
  document.addEventListener("htmx:load", (event) => ready(event.detail.elt));

  // Only one explanation stands open at a time, and Escape closes it.
  document.addEventListener("toggle", (event) => {
    if (event.target.matches(".clock[open], .clause[open], .me[open]"))
      $$(".clock[open], .clause[open], .me[open]").forEach((other) => {
        if (other !== event.target && !other.contains(event.target)) other.open = false;
      });
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") $$(".clock[open], .clause[open], .me[open]").forEach((each) => (each.open = false));
  });

  // What takes a while says so, and is not sent twice.
  document.addEventListener("submit", (event) => {
    const button = $("button[data-busy]", event.target);
    if (!button) return;
    button.textContent = button.dataset.busy;
    setTimeout(() => (button.disabled = true));
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted && $("button[data-busy][disabled]")) location.reload();
  });
})();
