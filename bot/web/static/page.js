// Keeps the page up to date: the server says which sections changed, this fetches them and puts them in place.
// Without it the page works too, and is reloaded by hand.
"use strict";

const root = document.querySelector("[data-live]");
const light = document.getElementById("live");
const EVERY_MINUTE = 60_000; // for the words that pass by themselves, such as "4 min ago"
const waiting = new Set(); // sections that changed while somebody typed in them

function tell(word, on) {
  light.hidden = false;
  light.textContent = word;
  light.classList.toggle("on", on);
}

function isInUse(section) {
  const at = document.activeElement;
  const typing = section.contains(at) && at.matches("input, textarea, select");
  return typing || section.querySelector("details.refuse[open]") !== null;
}

async function renew(section, version) {
  if (isInUse(section)) {
    waiting.add(section);
    return;
  }
  waiting.delete(section);
  const answer = await fetch(section.dataset.from, { headers: { Accept: "text/html" } });
  if (answer.status === 401) {
    tell("signed out: reload", false);
    return;
  }
  if (!answer.ok) return;
  const fresh = document.createElement("template");
  fresh.innerHTML = await answer.text();
  if (isInUse(section)) {
    waiting.add(section);
    return;
  }
  const focused = section.contains(document.activeElement) ? document.activeElement.id : "";
  for (const open of section.querySelectorAll("details[open][id]")) {
    fresh.content.getElementById(open.id)?.setAttribute("open", "");
  }
  const log = section.querySelector("pre.log");
  const atEnd = log && log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  const scrolled = log?.scrollTop;
  section.replaceChildren(fresh.content);
  if (version) section.dataset.version = version;
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  const after = section.querySelector("pre.log");
  if (after) after.scrollTop = atEnd ? after.scrollHeight : scrolled ?? after.scrollHeight;
}

function parts() {
  return document.querySelectorAll("[data-part]");
}

function connect() {
  const events = new EventSource(root.dataset.live);
  events.addEventListener("open", () => tell("live", true));
  events.addEventListener("error", () => tell("not connected", false));
  events.addEventListener("message", (event) => {
    const versions = JSON.parse(event.data);
    for (const section of parts()) {
      const version = versions[section.dataset.part];
      if (version && version !== section.dataset.version) renew(section, version);
    }
  });
}

if (root) {
  connect();
  setInterval(() => {
    if (!document.hidden && light.classList.contains("on")) parts().forEach((section) => renew(section));
  }, EVERY_MINUTE);
  for (const event of ["focusout", "toggle"]) {
    document.addEventListener(event, () => setTimeout(() => waiting.forEach((one) => renew(one)), 50), true);
  }
  const log = document.querySelector("pre.log");
  if (log) log.scrollTop = log.scrollHeight;
}
