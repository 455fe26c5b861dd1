// Several scenes side by side, all at the same moment of simulated time: a small
// ring for each, a table that fills in, and their time lines one above the other.
// The page's own run tells the beats and says what time it is; the others follow.

import * as words from "./words.js";
import { Core } from "./core.js";
import { module, style } from "./files.js";
import { Run, chief, halfWay } from "./run.js";
import { beginning, link, write } from "./links.js";
import { telling } from "./story.js";
import { $, clock, el, span, toast } from "./dom.js";
import { Cluster } from "./cluster.js";
import { Pool, clamp, fit, hue, ink, kit, make, set, wide, write as say } from "./look.js";
import "./more.js";

await style("multiples.css");

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Happening} Happening */
/** @typedef {import("./types.js").SceneInfo} SceneInfo */
/** @typedef {import("./model.js").Model} Model */
/** @typedef {(lane: Lane, now: number) => string} Column */

const { t } = words;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** Lengths of the time line, in ms: the first that has room for what is known. */
const lengths = [1000, 2000, 3000, 5000, 10_000, 20_000, 50_000];
const keyStep = 50; // ms that an arrow key moves it
const slow = 1000; // ms after a split until a cluster that answers nobody has stopped
const row = 1.9, top = 1.5; // em: a time line, and what stands above them

/** The names of rules that a group of scenes may compare. @type {Record<string, string>} */
const rules = { prevote: "PreVote", checkquorum: "CheckQuorum" };

/** <v-ring>: the servers of one scene where there is little room, each with nothing but its name. */
class Ring extends Cluster {
  placed = "";

  /** @param {State} s */
  arrange(s) {
    const { w, h } = this.sheet, n = s.servers.length, asking = s.clients.length > 0;
    const key = [w, h, n, this.em, asking].join();
    if (key === this.placed) return;
    this.placed = key;
    this.lost.length = 0;
    this.seen.clear();
    const R = clamp(Math.min(w / 10, h / (n > 5 ? 12.4 : n > 4 ? 10.3 : 9.3)), 12, this.em * 3.4), f = clamp(R * 0.42, this.em * 0.6, this.em);
    const above = R * 1.95, under = R * 1.42 + f * 1.4 + (asking ? f * 3.4 : 0), angle = (/** @type {number} */ i) => (2 * Math.PI * i) / n - Math.PI / 2;
    const low = Math.max(...s.servers.map((_, i) => Math.sin(angle(i))), 0.01);
    const ry = Math.max(R, (h - above - under) / (1 + low)), rx = Math.max(R, Math.min(ry * 1.3, w / 2 - R * 1.75));
    this.middle = { x: w / 2, y: above + ry };
    this.places.clear();
    s.servers.forEach((v, i) => this.places.set(v.id, { x: w / 2 + rx * Math.cos(angle(i)), y: above + ry + ry * Math.sin(angle(i)), r: R, f, side: "bottom", lift: 0, room: R * 3 }));
    this.classList.toggle("tight", asking || h < 19 * this.em); // no room for words between the servers
    set(this.back, { width: w, height: h });
    this.narrow = true;
    this.flat = false;
    this.f = f;
  }
}

customElements.define("v-ring", Ring);

/** One of the scenes that are shown. */
class Lane {
  /** @param {SceneInfo} info @param {Core} core @param {() => Core} second */
  constructor(info, core, second) {
    this.info = info;
    this.run = new Run(core, second);
    this.name = info.id;
    this.nodes = Number(info.settings.findLast((s) => s.startsWith("nodes "))?.slice(6) ?? 5);
    this.ring = /** @type {Ring} */ (document.createElement("v-ring"));
    this.ring.setAttribute("plain", "");
    this.head = el("button");
    this.sign = el("span", { className: "sign" });
    this.figure = el("figure", {}, el("figcaption", {}, this.head, this.sign), this.ring);
    /** @type {HTMLElement[]} */
    this.cells = [];
  }

  /** What has come to pass. @returns {Happening[]} */
  get past() {
    return this.run.branch.happenings.slice(0, this.run.heard);
  }

  /** Goes to a moment. @param {number} now */
  go(now) {
    const heard = this.run.heard;
    this.run.seek(now);
    for (const h of this.run.branch.happenings.slice(heard, this.run.heard)) if (h.what === "lost") this.ring.note(h);
  }

  /** When somebody led, in their order, up to a moment. @param {number} now */
  reigns(now) {
    return this.run.branch.past.view.rows.flatMap((r) => r.stretches.filter((s) => s.as === "leader" && s.from < now)
      .map((s) => ({ from: s.from, to: Math.min(s.to, now), term: s.term, name: r.name }))).sort((a, b) => a.from - b.from);
  }

  /** The writes and reads that were answered well. @param {"put"|"get"|"local"} kind */
  done(kind) {
    return this.past.filter((h) => h.what === "answered" && h.kind === "done" && h.text.startsWith(kind));
  }
}

/** What the table tells of a scene. @type {Record<string, Column>} */
const columns = {
  majority: (lane) => String(Math.floor(lane.nodes / 2) + 1),
  /** Crashes with which a write was still done. */
  survived(lane) {
    const down = new Set();
    let most = -1;
    for (const h of lane.past) {
      if (h.what === "fault" && h.kind === "crashed") down.add(h.node);
      else if (h.what === "event" && h.kind === "started") down.delete(h.node);
      else if (down.size && h.what === "answered") most = Math.max(most, h.kind === "done" ? down.size : 0);
    }
    return most < 0 ? "" : String(most);
  },
  halves(lane, now) {
    const cut = lane.past.findIndex((h) => h.what === "did" && h.text.startsWith("split"));
    if (cut < 0) return "";
    const at = lane.past[cut].at;
    return lane.past.slice(cut).some((h) => h.what === "answered" && h.kind === "done") ? t("side.goes-on") : now < at + slow ? "…" : t("side.stops");
  },
  writes: (lane) => lane.done("put").length + " / " + lane.past.filter((h) => h.what === "asked" && h.text.startsWith("put")).length,
  leaders: (lane, now) => String(lane.reigns(now).length),
  term: (lane) => String(Math.max(0, ...lane.run.state.servers.map((s) => s.term))),
  gap(lane, now) {
    let end = -1, longest = 0;
    for (const r of lane.reigns(now)) {
      if (end >= 0) longest = Math.max(longest, r.from - end);
      end = Math.max(end, r.to);
    }
    return end < 0 ? "" : span(Math.max(longest, now - end));
  },
  first: (lane, now) => read(lane, now, 0),
  second: (lane, now) => read(lane, now, 1),
};

/** The columns of a group; those of other groups compare what rules do. @type {Record<string, string[]>} */
const tables = {
  "even-sizes": ["majority", "survived", "halves", "writes", "gap"],
  "reads-beside": ["first", "second"],
};
const usual = ["writes", "leaders", "term", "gap"];

/** What became of the n-th read. @param {Lane} lane @param {number} now @param {number} n */
function read(lane, now, n) {
  const asked = lane.past.filter((h) => h.what === "asked" && h.client === 2)[n];
  if (!asked) return "";
  const got = lane.past.find((h) => h.n > asked.n && h.what === "answered" && h.client === 2);
  if (!got) return t("side.waits", { d: span(now - asked.at) });
  const stale = lane.run.state.broken.length > 0 && n === 1;
  return t(stale ? "side.stale" : "side.read", { value: got.value || "–", d: span(got.at - asked.at) });
}

/** The view of one group. */
class Multiples {
  /** @param {Model} model @param {Lane[]} lanes */
  constructor(model, lanes) {
    this.model = model;
    this.lanes = lanes;
    this.lang = "";
    this.columns = tables[/** @type {SceneInfo} */ (model.info).id] ?? usual;
    this.table = el("table");
    this.rings = el("div", { className: "rings" });
    this.rings.dataset.n = String(lanes.length);
    this.times = new Times(lanes);
    this.root = el("section", { id: "side" }, this.rings, el("div", { className: "facts" }, this.table), this.times.box);
    for (const lane of lanes) {
      for (const name of ["pick", "aim", "act"]) lane.figure.addEventListener(name, (/** @type {Event} */ e) => e.stopPropagation());
      lane.ring.addEventListener("pick", () => this.alone(lane)); // by the keyboard
      lane.figure.addEventListener("click", () => this.alone(lane));
      this.rings.append(lane.figure);
    }
  }

  /** Opens one by itself, at the same moment; the browser's way back leads here again. @param {Lane} lane */
  alone(lane) {
    if (!this.root.isConnected) return;
    this.model.pause();
    history.replaceState(null, "", write(this.model.here()));
    location.hash = write(link({ scene: lane.info.id, seed: this.model.link.seed, at: this.model.state.now, lang: words.lang }));
  }

  /** Puts all texts in. */
  async name() {
    this.lang = words.lang;
    const compared = Object.keys(rules).filter((r) => this.lanes.some((l) => l.info.without.includes(r)));
    const sizes = this.columns[0] === "majority";
    for (const lane of this.lanes) {
      const title = (await telling(lane.info.id)).title;
      lane.name = sizes ? t("side.servers", { n: lane.nodes }) : compared.length
        ? compared.map((r) => (lane.info.without.includes(r) ? "✗ " : "✓ ") + rules[r]).join("  ") : title.slice(title.indexOf(":") + 1).trim();
      lane.head.textContent = lane.name;
      lane.head.title = t("side.open", { title });
      lane.ring.words = words;
    }
    const names = this.lanes.map((lane) => el("th", { scope: "row" }, lane.name));
    this.table.replaceChildren(
      el("thead", {}, el("tr", {}, el("th"), ...this.columns.map((c) => el("th", { scope: "col" }, t("side.column." + c))))),
      el("tbody", {}, ...this.lanes.map((lane, i) => {
        lane.cells = this.columns.map(() => el("td"));
        return el("tr", {}, names[i], ...lane.cells);
      })));
    this.times.name();
    this.model.soon();
  }

  /** Shows the moment of the page's own run. @param {State} s @returns {State} with the promises that any of them broke */
  follow(s) {
    if (this.lang !== words.lang) this.name();
    const broken = [...s.broken];
    for (const lane of this.lanes) {
      lane.go(s.now);
      const own = lane.run.state;
      broken.push(...own.broken);
      lane.ring.state = { ...(calm.matches ? halfWay(own) : own), clients: lane.ring.clientWidth < 16 * lane.ring.em ? [] : own.clients };
      const lead = chief(own);
      const sign = own.broken.length ? "broken" : lead ? "" : "nobody";
      lane.sign.className = "sign " + sign;
      put(lane.sign, own.broken.length ? "✗ " + words.promise(own.broken[0].promise) : lead ? t("side.leads", { name: lead.name, term: lead.term }) : t("side.nobody"));
      lane.cells.forEach((cell, i) => put(cell, columns[this.columns[i]](lane, s.now) || "–"));
    }
    this.times.draw(s, this.model.run.branch.happenings);
    return { ...s, broken };
  }
}

/** @param {HTMLElement} e @param {string} text */
function put(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

/** The time lines, which are dragged like one. */
class Times {
  /** @param {Lane[]} lanes */
  constructor(lanes) {
    this.lanes = lanes;
    this.svg = /** @type {SVGSVGElement & import("./look.js").Mark} */ (make("svg", { role: "slider", tabindex: 0, "aria-valuemin": 0 }));
    this.box = el("div", { className: "times" }, this.svg);
    const rows = make("g", undefined, this.svg), reigns = make("g", undefined, this.svg), beats = make("g", undefined, this.svg);
    this.rows = lanes.map(() => kit(rows, "", { back: "rect.nobody", name: "text.own" }));
    this.reigns = new Pool(() => kit(reigns, "", { bar: "rect", name: "text" }));
    this.beats = new Pool(() => kit(beats, "", { line: "line", name: "text.v-small v-mid" }));
    this.now = make("line", { class: "now" }, this.svg);
    this.length = lengths[0];
    this.left = this.wide = this.at = 0;
    const seek = (/** @type {number} */ at) => {
      this.at = Math.max(0, Math.min(this.length, at));
      dispatchEvent(new CustomEvent("seek", { detail: { at: this.at } }));
    };
    const to = (/** @type {PointerEvent} */ e) => seek(((e.clientX - this.svg.getBoundingClientRect().left - this.left) / this.wide) * this.length);
    this.svg.addEventListener("pointerdown", (e) => {
      this.svg.setPointerCapture(e.pointerId);
      to(e);
    });
    this.svg.addEventListener("pointermove", (e) => this.svg.hasPointerCapture(e.pointerId) && to(e));
    this.svg.addEventListener("keydown", (e) => {
      const way = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
      if (!way || e.shiftKey || e.ctrlKey || e.metaKey || e.altKey) return;
      seek(this.at + way * keyStep);
      e.preventDefault();
    });
  }

  name() {
    set(this.svg, { "aria-label": t("side.time") });
    this.lanes.forEach((lane, i) => say(this.rows[i].name, lane.name));
  }

  /** @param {State} s @param {Happening[]} happenings of the page's own run */
  draw(s, happenings) {
    const w = this.box.clientWidth, em = parseFloat(getComputedStyle(this.box).fontSize);
    if (!w) return;
    const end = Math.max(s.now, ...this.lanes.map((l) => l.run.branch.end), happenings.at(-1)?.at ?? 0);
    this.length = lengths.find((l) => l >= end) ?? end;
    this.left = Math.min(Math.max(...this.lanes.map((l) => wide(l.name, em * 0.93, 600))) + 1.3 * em, w * 0.3);
    this.wide = w - this.left - 0.8 * em;
    this.at = s.now;
    const high = (top + row * this.lanes.length) * em, x = (/** @type {number} */ at) => this.left + (at / this.length) * this.wide;
    set(this.svg, { width: w, height: high, viewBox: `0 0 ${w} ${high}`, "aria-valuemax": this.length, "aria-valuenow": Math.round(s.now), "aria-valuetext": clock(s.now) });
    this.reigns.begin();
    this.lanes.forEach((lane, i) => {
      const y = (top + row * i) * em, thick = (row - 0.5) * em, { back, name } = this.rows[i];
      set(back, { x: x(0), y, width: x(s.now) - x(0), height: thick });
      set(name, { x: this.left - 0.6 * em, y: y + thick * 0.75, "font-size": fit(lane.name, em * 0.93, this.left - 1.2 * em, 600) });
      let last = -1;
      for (const r of lane.reigns(s.now)) {
        const both = r.from < last; // two lead at once: the later one has the lower half
        const it = this.reigns.get(i + "," + r.name + r.from), width = x(r.to) - x(r.from);
        set(it.bar, { x: x(r.from), y: both ? y + thick / 2 : y, width: Math.max(1, width), height: both ? thick / 2 : thick, fill: hue(r.term) });
        say(it.name, width > 2.2 * em && !both ? r.name : "");
        set(it.name, { x: x(r.from) + 0.4 * em, y: y + thick * 0.75, "font-size": em * 0.87, fill: ink(r.term) });
        last = Math.max(last, r.to);
      }
    });
    this.reigns.end();
    this.beats.begin();
    let n = 0;
    for (const h of happenings) {
      if (h.what !== "beat") continue;
      const it = this.beats.get(++n);
      set(it.line, { x1: x(h.at), x2: x(h.at), y1: top * em * 0.75, y2: high });
      say(it.name, String(n));
      set(it.name, { x: x(h.at), y: em, "font-size": em * 0.87 });
    }
    this.beats.end();
    set(this.now, { x1: x(s.now), x2: x(s.now), y1: em * 0.3, y2: high });
  }
}

/** @type {Multiples|null} */
let shown = null;

/** Shows the scenes beside the one that the page has opened, or nothing if it has none. @param {Model} model */
export async function show(model) {
  const info = model.info;
  const wanted = info?.beside.map((id) => model.scenes.find((s) => s.id === id)).filter((s) => s !== undefined) ?? [];
  shown?.root.remove();
  shown = null;
  document.body.classList.toggle("sides", wanted.length > 0);
  if (!wanted.length) return;
  try {
    await place(model, wanted);
  } catch (e) {
    if (model.info === info) document.body.classList.remove("sides"); // the page's own run is there, at least
    throw e;
  }
}

/** @param {Model} model @param {SceneInfo[]} wanted */
async function place(model, wanted) {
  const info = model.info;
  const { seed, without } = model.link; // whatever was asked for holds for all of them
  const kind = without.length || wanted.some((s) => s.without.length) ? "lab" : "model";
  const program = (model.modules[kind] ??= await module(kind));
  if (kind === "lab") await words.setLang(words.lang, "lab"); // a promise may break
  if (model.info !== info) return; // another scene was opened meanwhile
  const lanes = [];
  for (const s of wanted) {
    const core = new Core(program), why = core.begin(beginning(link({ scene: s.id, seed, without })));
    if (why) throw new Error(why);
    lanes.push(new Lane(s, core, () => new Core(program)));
  }
  for (const old of document.querySelectorAll("#side")) old.remove(); // of an opening at the same time
  const many = (shown = new Multiples(model, lanes));
  $("panels").before(many.root);
  await many.name();
}

/** Takes all of them to the moment of the page's own run. @param {State} s @returns {State} with the promises that any of them broke */
export const follow = (s) => shown?.follow(s) ?? s;

/** Nothing can be done to all of them at once, and it says so. @returns {boolean} whether they are shown */
export function refuse() {
  if (shown) toast(t("side.refuse"), 7000);
  return shown !== null;
}

/** The runs that are shown, by their scenes. @returns {Map<string, Run>} */
export const runs = () => new Map(shown?.lanes.map((lane) => [lane.info.id, lane.run]));
