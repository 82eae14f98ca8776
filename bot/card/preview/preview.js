// The page of `bot card preview`: fetches the state when the server says that it is another, and draws it.
// Only the card's HTML is set as HTML, and that the server has sanitized; everything else is set as text.
"use strict";

const $ = (id) => document.getElementById(id);
const SIGNS = { added: "+", removed: "-", same: " ", hunk: "" };
let children = []; // the card's elements and their HTML as it came: [node, html]

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// ---------------------------------------------------------------- theme

const system = matchMedia("(prefers-color-scheme: dark)");

function theme() {
  const chosen = localStorage.getItem("theme") || "auto";
  const dark = chosen === "auto" ? system.matches : chosen === "dark";
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  $("theme").textContent = `Theme: ${chosen}`;
  $("theme").title = "As the system has it, light, or dark";
  for (const source of document.querySelectorAll("#card picture source")) figure(source, dark);
}

// A figure's dark file is chosen by the system's colours; here also by the button.
function figure(source, dark) {
  const media = (source.dataset.media ??= source.media);
  const wanted = /prefers-color-scheme:\s*(dark|light)/.exec(media);
  if (wanted) source.media = (wanted[1] === "dark") === dark ? "all" : "not all";
}

function nextTheme() {
  const order = ["auto", "light", "dark"];
  const chosen = localStorage.getItem("theme") || "auto";
  localStorage.setItem("theme", order[(order.indexOf(chosen) + 1) % 3]);
  theme();
}

// ---------------------------------------------------------------- the card

function drawCard(html) {
  const made = document.createElement("template");
  made.innerHTML = html;
  const now = [...made.content.childNodes].flatMap(block).map((node) => [node, node.outerHTML]);
  const same = (one, other) => one && other && one[1] === other[1];
  let start = 0;
  while (start < now.length && same(now[start], children[start])) start++;
  let end = 0;
  while (end < Math.min(now.length, children.length) - start && same(now.at(-1 - end), children.at(-1 - end))) end++;
  const old = children.slice(start, children.length - end);
  const fresh = now.slice(start, now.length - end);
  const open = new Map(old.flatMap(([node]) => folded(node)).map((each) => [title(each), each.open]));
  const after = end ? children.at(-end)[0] : null;
  for (const [node] of old) node.remove();
  for (const [node] of fresh) {
    $("card").insertBefore(node, after);
    for (const each of folded(node)) if (open.has(title(each))) each.open = open.get(title(each));
    const placed = dress(node);
    if (children.length) placed.classList.add("fresh");
  }
  const placed = fresh.map(([node, before]) => [node.closest("#card > *"), before]);
  children = [...now.slice(0, start).map((_, i) => children[i]), ...placed, ...(end ? children.slice(-end) : [])];
}

// An element as it is; text that stands outside of one, in a span.
const block = (node) => (node.nodeType === 1 ? [node] : node.textContent.trim() ? [element("span", node.textContent)] : []);
const folded = (node) => [...node.querySelectorAll("details"), ...(node.matches("details") ? [node] : [])];
const title = (details) => details.querySelector("summary")?.textContent;

// What the Hub adds to a card: tables that scroll, anchors at headings, buttons to copy.
function dress(node) {
  const all = [node, ...node.querySelectorAll("*")];
  let placed = node;
  for (const each of all) {
    if (each.matches("table")) {
      const wide = element("div", undefined, "wide");
      each.replaceWith(wide);
      wide.append(each);
      if (each === node) placed = wide;
    } else if (each.matches("pre")) {
      each.append(copier(() => each.querySelector("code")?.textContent ?? ""));
    } else if (/^H[1-6]$/.test(each.tagName) && each.id) {
      const anchor = element("a", "#", "anchor");
      anchor.href = `#${each.id}`;
      anchor.setAttribute("aria-label", "Link to this heading");
      each.prepend(anchor);
    } else if (each.matches("a[href]:not([href^='#'])")) {
      each.target = "_blank";
    }
  }
  return placed;
}

function copier(text) {
  const button = element("button", "Copy", "copy");
  button.type = "button";
  button.addEventListener("click", () => copy(button, text()));
  return button;
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed";
  }
  setTimeout(() => (button.textContent = "Copy"), 1200);
}

function drawMetadata(fields) {
  const lines = fields.flatMap(({ name, title, entries }) => {
    const value = element("dd");
    entries.forEach((entry, i) => value.append(...(i ? [", "] : []), linked(entry)));
    const label = element("dt", title);
    label.title = name;
    return [label, value];
  });
  $("fields").replaceChildren(...lines);
  const chips = fields
    .filter(({ name }) => ["pipeline_tag", "library_name", "language", "tags", "license"].includes(name))
    .flatMap(({ name, entries }) => entries.map(({ text }) => [name, text]))
    .filter(([, text], i, all) => all.findIndex((other) => other[1] === text) === i); // the library is also a tag
  $("chips").replaceChildren(...chips.map(([name, text]) => chip(name, text)));
}

function linked({ text, url }) {
  if (!url) return text;
  const link = element("a", text);
  link.href = url;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return link;
}

function chip(name, text) {
  const made = element("li");
  if (name === "license") made.append(element("i", "License: "));
  made.append(text);
  return made;
}

function drawRepo(repo) {
  const [name, owner] = repo.split("/").reverse();
  $("repo").replaceChildren(...(owner ? [element("span", `${owner} / `, "owner")] : []), name);
}

// ---------------------------------------------------------------- what is wrong, what has changed

function drawTrouble(trouble, card) {
  $("trouble").hidden = !trouble;
  if (!trouble) return;
  $("trouble-place").textContent = trouble.file ? `${trouble.file}:${trouble.line}` : "";
  $("trouble-sentence").textContent = trouble.sentence;
  $("trouble-source").hidden = !trouble.source.length;
  $("trouble-source").replaceChildren(
    ...trouble.source.map(({ number, text, wrong }) => {
      const line = element("span", undefined, wrong ? "wrong" : "");
      line.append(element("i", number), text || " ");
      return line;
    })
  );
  $("trouble-below").textContent = card
    ? `Below stands the last good card, of ${card.rendered_at}. This box goes when the mistake is mended.`
    : "There is no good card yet.";
}

function drawChanges(published, changes, card) {
  const equal = changes && !changes.lines.length;
  $("published").textContent = published.sentence + (equal ? ": nothing has changed." : "");
  $("count").textContent = changes && !equal ? changes.added + changes.removed : "";
  $("sums").replaceChildren(
    ...(changes && !equal ? [element("span", `+${changes.added}`, "plus"), element("span", `-${changes.removed}`, "minus")] : [])
  );
  $("diff").tBodies[0].replaceChildren(...(card && changes ? changes.lines : []).map(diffLine));
}

function diffLine({ kind, parts, old, new: now }) {
  const row = element("tr", undefined, kind);
  const text = element("td", undefined, "text");
  for (const [piece, changed] of parts) text.append(changed ? element("mark", piece) : piece);
  row.append(element("td", old ?? "", "number"), element("td", now ?? "", "number"));
  row.append(element("td", SIGNS[kind], "sign"), text);
  return row;
}

// ---------------------------------------------------------------- the page

function draw({ facts, example, card, trouble, published, changes }) {
  $("facts").textContent = example || !/\.\w+$/.test(facts) ? facts : facts.split(/[\\/]/).pop();
  $("facts").title = facts;
  $("example").hidden = !example;
  $("waiting").hidden = Boolean(card || trouble);
  $("view-card").classList.toggle("empty", !card);
  if (card) {
    document.title = `${card.title} · card preview`;
    $("template").textContent = card.template;
    $("when").textContent = `${card.rendered_at}, in ${Math.round(card.took * 1000)} ms`;
    $("when").title = "When the card was rendered, and how long that took";
    $("markdown").textContent = card.markdown;
    drawRepo(card.repo);
    drawMetadata(card.metadata);
    drawCard(card.html);
    theme();
  }
  drawTrouble(trouble, card);
  drawChanges(published, changes, card);
}

function show(view) {
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const chosen = tab.dataset.view === view;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
    $(`view-${tab.dataset.view}`).hidden = !chosen;
  }
}

function connected(yes) {
  $("live").classList.toggle("on", yes);
  $("live").title = yes ? "Connected: a save is shown at once" : "Not connected: is bot card preview still running?";
  $("live").setAttribute("aria-label", $("live").title);
}

let asked = 0;

async function fetchState() {
  const mine = ++asked;
  const answer = await fetch("/state");
  const state = answer.ok ? await answer.json() : null;
  if (state && mine === asked) draw(state); // a later answer is newer
}

function move(event) {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
  next.focus();
  show(next.dataset.view);
}

for (const tab of document.querySelectorAll("[role=tab]")) {
  tab.addEventListener("click", () => show(tab.dataset.view));
  tab.addEventListener("keydown", move);
}
$("theme").addEventListener("click", nextTheme);
$("copy-markdown").addEventListener("click", (event) => copy(event.target, $("markdown").textContent));
system.addEventListener("change", theme);
show("card");
theme();

const events = new EventSource("/events");
events.addEventListener("message", fetchState);
events.addEventListener("open", () => connected(true));
events.addEventListener("error", () => connected(false));
