// What one can do to a server, a link, a message, or as a client: a menu of
// commands. While it is open it shows what would come of each, before it is taken.

import { say, t } from "./words.js";
import { $, el, clock } from "./dom.js";
import { chief } from "./run.js";
import "./more.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Server} Server */
/** @typedef {import("./types.js").Happening} Happening */
/** @typedef {{kind: string, id: number, from: number, to: number, x: number, y: number}} Aim */
/** @typedef {{label: string, lines: string[]}|null} Item null: a line between groups */
/** @typedef {{error: string, state: State, happenings: Happening[]}} Outcome */
/** @typedef {{state: State, value: number, act: (lines: string[]) => void, ghost: (lines: string[]) => Outcome, shadow: (s: State|null) => void}} Host */

/** Closes the menu: what it showed ahead goes, and the focus back to where it was. */
function close() {
  const m = $("menu");
  if (m.hidden) return;
  m.hidden = true;
  m.gone();
  m.back?.focus();
}

$("menu").addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => {
  const all = [...$("menu").querySelectorAll("button")];
  const i = all.indexOf(document.activeElement);
  const to = { ArrowDown: i + 1, ArrowUp: i - 1 + all.length, Home: 0, End: all.length - 1 }[e.key];
  e.stopPropagation(); // whatever it is, the page does not see it
  if (e.key === "Enter" || e.key === " ") return;
  if (to !== undefined) all[to % all.length].focus();
  else if (e.key === "Escape" || e.key === "Tab") close();
  else return;
  e.preventDefault();
});
addEventListener("pointerdown", (e) => !$("menu").contains(/** @type {Node} */ (e.target)) && close(), true);

/** @param {string} key @param {Record<string, string|number>} p @param {...string} lines @returns {Item} */
const item = (key, p, ...lines) => ({ label: t("menu." + key, p), lines });

/** What one may do to a server. @param {State} s @param {Server} v @param {number} value @returns {Item[]} */
function ofServer(s, v, value) {
  const n = v.name;
  const lead = chief(s);
  const at = "@" + (lead ?? v).name;
  if (v.part === "unused") return [item("join", { n }, "join " + n)];
  if (!v.up) return [item("restart", { n }, "restart " + n), item("wipe", { n }, "wipe " + n), item("wipe-restart", { n }, "wipe " + n, "restart " + n), ...all(s, false, "start", "start")];
  /** @type {Item[]} */
  const items = [item("crash", {}, "crash " + n), item("power-cut", {}, "power-cut " + n), item("tear", {}, "tear " + n), item("pause", {}, "pause " + n + " 800ms"), ...(v.role === "leader" ? [] : [item("timeout", {}, "timeout " + n)]), null,
    item("put", { value }, "put x " + value + " @" + n), item("get", {}, "get x @" + n), null,
    item("deaf", {}, "cut *>" + n), item("mute", {}, "cut " + n + ">*"), item("alone", {}, "cut *>" + n + " " + n + ">*"), item("heal", {}, "heal")];
  if (v.role === "leader") {
    items.push(null);
    for (const x of s.servers) if (x.id !== v.id && x.up && v.voters.includes(x.id)) items.push(item("transfer", { to: x.name }, "transfer " + x.name + " @" + n));
  }
  items.push(null);
  if (v.learner) items.push(item("promote", {}, "change promote " + n + " " + at));
  else items.push(item("demote", {}, "change demote " + n + " " + at));
  items.push(item("remove", {}, "change remove " + n + " " + at), item("slow-disk", {}, "slow-disk " + n + " 400ms"));
  for (const x of s.servers) {
    if (x.part === "unused") items.push(item("join", { n: x.name }, "join " + x.name));
    else if (lead && x.part === "in" && !lead.voters.includes(x.id) && !lead.learners.includes(x.id)) {
      items.push(item("add-learner", { n: x.name }, "change add-learner " + x.name + " " + at), item("add-voter", { n: x.name }, "change add-voter " + x.name + " " + at));
    }
  }
  return items;
}

/** One thing done to all servers that run, or to all that do not. @param {State} s @param {boolean} up @param {string} key @param {string} word @returns {Item[]} */
function all(s, up, key, word) {
  const who = s.servers.filter((v) => v.up === up && v.part === "in").map((v) => v.name);
  return who.length ? [item(key, {}, word + " " + who.join(" "))] : [];
}

/** @param {string} a @param {string} b @returns {Item[]} */
const ofLink = (a, b) => [
  item("cut-both", {}, `cut ${a}>${b} ${b}>${a}`), item("cut-one", { a, b }, `cut ${a}>${b}`), item("cut-one", { a: b, b: a }, `cut ${b}>${a}`),
  item("slow", {}, `slow-link ${a}>${b} 100ms`, `slow-link ${b}>${a} 100ms`), item("heal-link", {}, `heal ${a}>${b} ${b}>${a}`), item("heal", {}, "heal")];

/** @param {number} id @param {boolean} held @returns {Item[]} */
const ofMessage = (id, held) => [
  item("drop", {}, "drop-message " + id), item("delay", {}, `delay-message ${id} 100ms`), item("double", {}, "double-message " + id),
  held ? item("release", {}, "release-message " + id) : item("hold", {}, "hold-message " + id)];

/**
 * Opens the menu for what is aimed at.
 * @param {Aim} aim
 * @param {Host} host
 */
export function openMenu(aim, host) {
  const s = host.state;
  const name = (/** @type {number} */ id) => s.servers.find((v) => v.id === id)?.name ?? "S" + id;
  const v = s.servers.find((v) => v.id === aim.id);
  const f = s.flights.find((f) => f.id === aim.id);
  let title = t("menu.everything");
  /** @type {Item[]} */
  let items = [item("heal", {}, "heal"), ...all(s, false, "start", "start"), ...all(s, true, "power-all", "power-cut")];
  if (aim.kind === "server" && v) [title, items] = [v.name, ofServer(s, v, host.value)];
  if (aim.kind === "link") [title, items] = [name(aim.from) + " – " + name(aim.to), ofLink(name(aim.from), name(aim.to))];
  if (aim.kind === "message" && f) [title, items] = [t("menu.message", { a: name(f.from), b: name(f.to) }), ofMessage(aim.id, f.arrives < 0)];
  if (aim.kind === "client") {
    title = t("menu.client");
    items = s.servers.filter((x) => x.up).flatMap((x) => [item("put-at", { n: x.name, value: host.value }, `put x ${host.value} @${x.name}`), item("get-at", { n: x.name }, "get x @" + x.name)]);
  }
  show(aim, title, items, host);
}

/** @param {Aim} aim @param {string} title @param {Item[]} items @param {Host} host */
function show(aim, title, items, host) {
  const m = $("menu");
  const aside = el("aside", { "aria-live": "polite" }, t("menu.hover"));
  let wait = 0;
  /** @type {Item} */ let tapped = null; // a finger cannot hover: its first tap shows, the second does
  const list = el("div", { className: "items" }, el("h3", {}, title));
  for (const it of items) {
    if (!it) {
      list.append(el("hr"));
      continue;
    }
    const look = () => {
      clearTimeout(wait);
      wait = window.setTimeout(() => !m.hidden && preview(aside, it.lines, host), 90);
    };
    list.append(el("button", { role: "menuitem", tabIndex: -1, focus: look, mouseenter: (/** @type {MouseEvent} */ e) => /** @type {HTMLElement} */ (e.target).focus(), click: (/** @type {PointerEvent} */ e) => {
      if (e.pointerType === "touch" && tapped !== it) {
        clearTimeout(wait);
        tapped = it;
        preview(aside, it.lines, host);
        aside.prepend(el("p", {}, el("b", {}, t("menu.again"))));
        return;
      }
      close();
      host.act(it.lines);
    } }, it.label));
  }
  if (m.hidden) m.back = document.activeElement;
  m.gone = () => {
    clearTimeout(wait);
    host.shadow(null);
  };
  m.replaceChildren(list, aside);
  m.hidden = false;
  m.style.left = Math.max(8, Math.min(aim.x, innerWidth - m.offsetWidth - 8)) + "px";
  m.style.top = Math.max(8, Math.min(aim.y, innerHeight - m.offsetHeight - 8)) + "px";
  list.querySelector("button")?.focus();
}

/** Two seconds ahead, in a few sentences. @param {HTMLElement} aside @param {string[]} lines @param {Host} host */
function preview(aside, lines, host) {
  const o = host.ghost(lines);
  host.shadow(o.error ? null : o.state);
  aside.replaceChildren(el("b", {}, t("menu.ahead")), ...outcome(o, host.state.now).map((x) => el("p", {}, x)));
}

const telling = ["became_leader", "truncated", "became_candidate", "removed", "snapshot_installed", "leader_gone", "repaired"];

/** The sentences that tell what comes of something. @param {Outcome} o @param {number} now @returns {string[]} */
export function outcome(o, now) {
  if (o.error) return [t("menu.cannot", { why: o.error })];
  const name = (/** @type {number} */ id) => o.state.servers.find((v) => v.id === id)?.name ?? "S" + id;
  const told = o.happenings.filter((h) => h.what === "broken" || h.what === "answered" || telling.includes(h.kind));
  const lines = told.slice(0, 6).map((h) => "+" + clock(h.at - now) + "  " + say(h, name));
  const lead = chief(o.state);
  lines.push(lead ? t("menu.then", { n: lead.name, term: lead.term, commit: o.state.commit }) : t("menu.then-nobody"));
  return lines;
}
