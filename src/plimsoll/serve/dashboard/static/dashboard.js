// What a page does by itself: it hears of changes, loads its pictures, asks what-ifs, follows jobs, answers to keys.
// Every piece of HTML comes from this server, which escapes whatever stands in documents.
"use strict";

const $ = (id) => document.getElementById(id);
const PART = { "X-Plimsoll-Part": "1" };

function banner(words, kind) {
  const place = $("banner");
  if (!words) {
    place.hidden = true;
    return;
  }
  place.className = kind || "";
  place.textContent = words;
  if (kind === "over") {
    const link = document.createElement("a");
    link.href = "/dashboard/login";
    link.textContent = "Log in again";
    place.append(" ", link);
  }
  place.hidden = false;
}

function dot(state, words) {
  const place = $("state");
  if (place) {
    place.dataset.state = state;
    place.textContent = words;
  }
}

// Puts a piece in its place; who stands on a link or a row of it with the keyboard stays there.
function put(id, html) {
  const place = $(id);
  if (!place) return;
  const here = document.activeElement;
  const kept = place.contains(here) ? here.getAttribute("href") : null;
  place.innerHTML = html;
  if (kept !== null) {
    for (const link of place.querySelectorAll("a[href]")) {
      if (link.getAttribute("href") === kept) {
        link.focus({ preventScroll: true });
        break;
      }
    }
  }
}

// Live: the server sends what changed. Silence for more than three signs of life means that it is gone.
function live() {
  if (!$("state")) return;
  const place = document.querySelector("[data-live]");
  const query = new URLSearchParams(location.search);
  query.set("page", place ? place.dataset.live : "");
  const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/dashboard/live?${query}`;
  let wait = 1000;
  let silence = null;

  function connect() {
    const socket = new WebSocket(url);
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => socket.close(), 16000);
    };
    socket.onopen = alive;
    socket.onmessage = (message) => {
      alive();
      wait = 1000;
      const told = JSON.parse(message.data);
      for (const [id, html] of Object.entries(told.parts || {})) put(id, html);
      banner(told.trouble ? `The numbers stand still: ${told.trouble}` : "", "lost");
      dot(told.trouble ? "lost" : "live", told.trouble ? "stale" : place ? "live" : "connected");
    };
    socket.onclose = (end) => {
      clearTimeout(silence);
      if (end.code === 4401) {
        banner("The session is over.", "over");
        dot("lost", "stale");
        return;
      }
      banner("The server does not answer. The numbers on this page are old; trying again …", "lost");
      dot("lost", "stale");
      setTimeout(connect, wait);
      wait = Math.min(2 * wait, 10000);
    };
  }
  connect();
}

async function piece(url, options = {}) {
  try {
    const answer = await fetch(url, { ...options, headers: { ...PART, ...(options.headers || {}) } });
    const html = await answer.text();
    if (answer.status === 401) banner("The session is over.", "over");
    return { ok: answer.ok, html };
  } catch {
    const words = document.createElement("p");
    words.className = "trouble";
    words.textContent = "The server does not answer.";
    return { ok: false, html: words.outerHTML };
  }
}

// Pieces that take a while to compute are loaded after the page.
async function load(place, again) {
  place.setAttribute("aria-busy", "true");
  const url = new URL(place.dataset.load, location.href);
  if (again) url.searchParams.set("again", "1");
  const found = await piece(url);
  place.innerHTML = found.html;
  place.removeAttribute("aria-busy");
  follow(place);
}

async function loadAll(again) {
  for (const place of document.querySelectorAll("[data-load]")) await load(place, again);
}

// A form whose answer stands beside it: at once while one types, or when it is sent.
function forms() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.into) return;
    event.preventDefault();
    await send(form);
  });
  for (const form of document.querySelectorAll("form[data-typing]")) {
    let timer = null;
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => send(form), 200);
    });
  }
}

let turn = 0;

async function send(form) {
  const place = form.dataset.into === "@job" ? form.closest("[data-follow]").parentElement : $(form.dataset.into);
  const mine = ++turn;
  place.setAttribute("aria-busy", "true");
  const found = await piece(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  // an answer that a later question has overtaken is not shown
  if (form.dataset.typing !== undefined && mine !== turn) return;
  place.innerHTML = found.html;
  place.removeAttribute("aria-busy");
  follow(place);
}

// A job says where to ask after it; while it says so it is asked again.
function follow(place) {
  const job = place.querySelector("[data-follow]");
  if (!job) return;
  setTimeout(async () => {
    if (!job.isConnected) return;
    const found = await piece(job.dataset.follow);
    if (!job.isConnected) return;
    const focused = place.contains(document.activeElement);
    place.innerHTML = found.html;
    if (focused) place.querySelector("button, a")?.focus({ preventScroll: true });
    follow(place);
  }, 700);
}

const THEMES = ["", "light", "dark"];

function theme() {
  const root = document.documentElement;
  const next = THEMES[(THEMES.indexOf(root.dataset.theme || "") + 1) % THEMES.length];
  if (next) root.dataset.theme = next;
  else delete root.dataset.theme;
  try {
    if (next) localStorage.setItem("plimsoll-theme", next);
    else localStorage.removeItem("plimsoll-theme");
  } catch {
    // it then holds for this page
  }
}

function step(by) {
  const links = [...document.querySelectorAll("[data-row]")];
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  const to = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by));
  links[to].focus();
  links[to].scrollIntoView({ block: "nearest" });
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const typing = event.target.closest?.("input, select, textarea");
  if (typing) {
    if (event.key === "Escape") typing.blur();
    return;
  }
  const help = $("help");
  if (!help || (help.open && event.key !== "?")) return;
  const acts = {
    "?": () => (help.open ? help.close() : help.showModal()),
    "/": () => document.querySelector("[data-first]")?.focus(),
    j: () => step(1),
    k: () => step(-1),
    r: () => loadAll(true),
    t: theme,
    w: () => $("what-if")?.querySelector("input:not([type=hidden])")?.focus(),
  };
  const act = acts[event.key];
  if (act) {
    event.preventDefault();
    act();
    return;
  }
  document.querySelector(`nav [data-key="${CSS.escape(event.key)}"]`)?.click();
}

document.addEventListener("keydown", keys);
$("theme")?.addEventListener("click", theme);
$("keys")?.addEventListener("click", () => $("help").showModal());
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-go]")) event.target.form.requestSubmit();
});
// Pictures of what moves are drawn again once a minute, while somebody looks.
setInterval(() => {
  if (document.hidden) return;
  for (const place of document.querySelectorAll("[data-every]")) load(place, true);
}, 60000);

forms();
live();
loadAll(false);
