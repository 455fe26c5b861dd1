// <v-cluster>: the servers in a ring, what flies between them, and the clients.

import { Drawing, Sheet, Pool, make, set, write, show, r1, clamp, hue, paths } from "./look.js";
import { Disc } from "./disc.js";
import { Bird, Burst, lane } from "./flight.js";
import { Ground, Clients } from "./ground.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Happening} Happening */
/** @typedef {import("./look.js").Mark} Mark */
/** @typedef {import("./disc.js").Place} Place */
/** @typedef {{kind: string, id: number, from: number, to: number}} What what the pointer is at */

/** How long a lost message bursts: the longer of the two, in simulated and in real ms. */
const burst = { simulated: 18, real: 450 };
const burstsMax = 60, pressed = 500;

export class Cluster extends Drawing {
  constructor() {
    super();
    const sheet = (this.sheet = new Sheet({ class: "v-sheet", role: "group" }));
    this.back = make("rect", { class: "v-back" }, sheet.svg);
    this.ground = new Ground(sheet);
    // Messages fly below crowns and names.
    const clients = make("g", undefined, sheet.svg), birds = make("g", undefined, sheet.svg), discs = make("g", undefined, sheet.svg), bursts = make("g", undefined, sheet.svg);
    this.clients = new Clients(clients);
    this.discs = new Pool(() => new Disc(discs));
    this.birds = new Pool(() => new Bird(birds));
    this.bursts = new Pool(() => new Burst(bursts));
    this.handing = make("path", { class: "v-handing" }, sheet.svg);
    this.knife = make("line", { class: "v-knife" }, sheet.svg);
    show(this.knife, false);
    /** @type {Map<number, Place>} */ this.places = new Map();
    /** @type {{x: number, y: number, p: number, at: number, key: number}[]} */ this.lost = [];
    /** @type {Map<string, {x: number, y: number}>} */ this.seen = new Map();
    this.past = { now: 0, wall: 0 };
    this.bursted = 0;
    /** @type {string} */ this.shape = "";
    this.narrow = this.flat = false;
    this.middle = { x: 0, y: 0 };
    this.f = 12;
    /** @type {Map<number, string>} */ this.names = new Map();
    /** What a recording shows besides. @type {((s: State) => void)|undefined} */ this.besides = undefined;
    /** @type {Mark|undefined} */ this.focused = undefined;
    /** @type {Mark|undefined} */ this.tabbed = undefined;
    /** Whether a line drawn from anywhere splits; otherwise only from the ground, or with Shift. */
    this.cutting = false;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.legend = document.createElement("div");
    this.legend.className = "v-legend";
    this.parts = [sheet.svg, this.legend];
    this.listen();
  }

  renamed() {
    this.shape = "";
    drawLegend(this.legend, this);
  }

  /** @param {number} w @param {number} h */
  resized(w, h) {
    const below = this.hasAttribute("plain") ? 0 : this.legend.offsetHeight;
    this.sheet.size(w, Math.max(40, h - below));
    this.shape = "";
  }

  /** A message was lost, as a happening tells: it bursts at the cut, or where it was. @param {Happening} h */
  note(h) {
    if (h.what !== "lost" || this.lost.length >= burstsMax || (this.now_ && h.at < this.now_.now - 300)) return;
    const a = this.places.get(h.node), b = this.places.get(h.peer);
    if (!a || !b) return;
    const l = lane(a, b), cut = this.now_?.links.some((k) => k.cut && k.from === h.node && k.to === h.peer);
    const at = cut ? undefined : this.seen.get(h.node + ">" + h.peer + h.kind);
    this.lost.push({ x: at?.x ?? l.x + l.dx / 2, y: at?.y ?? l.y + l.dy / 2, p: 0, at: h.at, key: ++this.bursted });
  }

  /** Where everybody stands. @param {State} s */
  arrange(s) {
    const { w, h } = this.sheet, n = s.servers.length, narrow = w < 34 * this.em, asking = s.clients.length > 0;
    const key = [w, h, n, this.em, asking && narrow, s.servers.map((v) => v.name)].join();
    if (key === this.shape) return;
    this.shape = key;
    this.lost.length = 0;
    this.seen.clear();
    const flat = !narrow && h < w * 0.72, many = n > 6;
    const R = clamp(Math.min(w / (many ? 15 : 12.5), h / (many ? 13.5 : 11.2) * (flat ? 1.2 : 1)), 18, this.em * 4.6), f = clamp(R * 0.36, this.em * 0.72, this.em * 1.5);
    const side = narrow ? R * 1.5 : Math.max(R * 1.5 + f * 6.2, w * 0.12);
    const angle = (/** @type {number} */ i) => {
      const a = (2 * Math.PI * i) / n - Math.PI / 2;
      return flat && many ? a + Math.sin(2 * a) / 9 : a; // in a flat ring many would touch at its sides
    };
    let low = 0.01;
    for (let i = 0; i < n; i++) low = Math.max(low, Math.sin(angle(i)));
    const above = R * 1.8 + (flat ? 2 : f * 3.5), under = R * 1.42 + (flat ? f * 0.6 : f * 4) + (asking && narrow ? f * 3.4 : 0);
    const ry = Math.max(R, (h - above - under) / (1 + low)), rx = Math.max(R, Math.min(ry * clamp(flat ? w / h : 0, 1.55, 2.6), w / 2 - side));
    this.places.clear();
    s.servers.forEach((v, i) => {
      const a = angle(i), sin = Math.sin(a), cos = Math.cos(a), x = w / 2 + rx * cos, y = above + ry + ry * sin;
      const where = flat && many && sin < -0.9 ? "bottom" : flat ? (cos > -0.01 ? "right" : "left") : n < 2 || sin < -0.6 ? "top" : sin > 0.55 || narrow ? "bottom" : cos > 0 ? "right" : "left";
      const room = where === "left" ? x - R * 1.5 : where === "right" ? w - x - R * 1.5 : Math.max(R * 2.4, Math.min(x, w - x) * 1.2, (rx * 2) / Math.max(2, n / 2));
      this.places.set(v.id, { x, y, r: R, f, side: where, lift: flat ? sin : 0, room: Math.min(room, f * 14) });
    });
    this.middle = { x: w / 2, y: above + ry };
    set(this.back, { width: w, height: h });
    this.narrow = narrow;
    this.flat = flat;
    this.f = f;
  }

  draw() {
    const s = this.now_;
    if (!s || !this.sheet.w) return;
    this.arrange(s);
    this.names = new Map(s.servers.map((v) => [v.id, v.name]));
    /** @type {(k: string, p?: Record<string, string|number>) => string} */
    const t = (k, p) => this.t(k, p);
    set(/** @type {Mark} */ (this.sheet.svg), { "aria-label": t("cluster.aria") });
    this.ground.draw(s, this.places, t, this.names);
    this.besides?.(s);
    const timeout = s.servers.reduce((m, v) => Math.max(m, v.timer?.max ?? 0), 0) || 1000;
    this.discs.begin();
    for (const v of s.servers) {
      const p = this.places.get(v.id);
      if (!p) continue;
      const d = this.discs.get(v.id), ghost = this.ghost_?.servers.find((g) => g.id === v.id) ?? null;
      const scene = { t, names: this.names, places: this.places, middle: this.middle, now: s.now, timeout, ghost, selected: v.id === this.selected_, sheet: this.sheet };
      d.g.what = { kind: "server", id: v.id, from: v.id, to: 0 };
      d.draw(v, p, scene);
      d.speak(v, scene);
    }
    this.discs.end();
    this.drawFlights(s, t);
    this.drawLost(s);
    const from = s.servers.find((v) => v.up && v.transferee), a = from && this.places.get(from.id), b = from && this.places.get(from.transferee);
    show(this.handing, !!(a && b));
    if (a && b) { const l = lane(a, b); set(this.handing, { d: `M${r1(l.x)},${r1(l.y)}l${r1(l.dx)},${r1(l.dy)}` }); }
    this.clients.draw(s, this.places, t, { w: this.sheet.w, h: this.sheet.h, narrow: this.narrow, flat: this.flat, f: Math.max(this.f, this.em * 0.78), width: clamp(this.sheet.w * 0.2, 110, this.em * 12) });
    this.rove();
  }

  /** @param {State} s @param {(k: string, p?: Record<string, string|number>) => string} t */
  drawFlights(s, t) {
    const unit = clamp((this.places.values().next().value?.r ?? 40) * 0.24, 7, this.em * 1.1);
    if (Math.abs(s.now - this.past.now) > 1000) this.seen.clear();
    this.birds.begin();
    for (const f of s.flights) {
      const a = this.places.get(f.from), b = this.places.get(f.to);
      if (!a || !b || a === b) continue;
      const bird = this.birds.get(f.id);
      bird.draw(f, lane(a, b), s.now, unit, this.still.matches);
      bird.g.what = { kind: "message", id: f.id, from: f.from, to: f.to };
      this.seen.set(f.from + ">" + f.to + f.kind, bird);
      if (bird.g === document.activeElement || bird.g.kept?.["aria-label"] === undefined || bird.g.said !== bird.look + this.words_?.lang)
        set(bird.g, { "aria-label": t("flight.aria", { rpc: this.words_?.rpc(f.kind) ?? f.kind, a: this.names.get(f.from) ?? "", b: this.names.get(f.to) ?? "", term: f.term }) + (f.yes >= 0 ? ", " + t(f.yes ? "flight.yes" : "flight.no") : "") });
      bird.g.said = bird.look + this.words_?.lang;
    }
    this.birds.end();
  }

  /** @param {State} s */
  drawLost(s) {
    const wall = performance.now(), passed = s.now - this.past.now;
    if (passed < 0 || passed > 2000) this.lost.length = 0;
    const step = Math.min(Math.max(0, passed) / burst.simulated, (wall - this.past.wall) / burst.real);
    this.past = { now: s.now, wall };
    const unit = (this.places.values().next().value?.r ?? 40) * 0.24;
    this.bursts.begin();
    for (const l of this.lost) {
      if (l.p < 1 && s.now <= l.at + 6 * burst.simulated) this.bursts.get(l.key).draw(l.x, l.y, l.p, unit);
      l.p = s.now > l.at + 6 * burst.simulated ? 1 : l.p + step;
    }
    this.bursts.end();
    if (this.lost.some((l) => l.p >= 1)) this.lost = this.lost.filter((l) => l.p < 1);
  }

  /** What an event is at, if at anything. @param {Event} e @returns {{what: What, g: Mark}|null} */
  at(e) {
    for (let n = /** @type {(Mark & Element)|null} */ (e.target); n && /** @type {Element} */ (n) !== this; n = /** @type {Mark|null} */ (/** @type {Element} */ (n).parentElement))
      if (n.what) return { what: /** @type {What} */ (n.what), g: n };
    return null;
  }

  /** @param {What} what @param {number} x @param {number} y */
  aim(what, x, y) {
    this.tell("aim", { ...what, x, y });
  }

  listen() {
    const svg = this.sheet.svg;
    /** @type {{x: number, y: number, on: boolean, id: number}|null} */ let line = null;
    let held = 0, cutting = false;
    const here = (/** @type {PointerEvent|MouseEvent} */ e) => { const b = svg.getBoundingClientRect(); return { x: e.clientX - b.left, y: e.clientY - b.top }; };
    svg.addEventListener("pointerdown", (e) => {
      const at = this.at(e);
      clearTimeout(held);
      if (e.button === 0 && (this.cutting || e.shiftKey || !at || at.what.kind === "link")) line = { ...here(e), on: false, id: e.pointerId };
      if (at && e.pointerType !== "mouse") held = window.setTimeout(() => { line = null; cutting = true; this.aim(at.what, e.clientX, e.clientY); }, pressed);
    });
    svg.addEventListener("pointermove", (e) => {
      if (!line) return;
      const p = here(e);
      if (!line.on && Math.hypot(p.x - line.x, p.y - line.y) > 12) { line.on = true; clearTimeout(held); svg.setPointerCapture(line.id); show(this.knife, true); }
      if (line.on) { set(this.knife, { x1: line.x, y1: line.y, x2: p.x, y2: p.y }); e.preventDefault(); }
    });
    const done = (/** @type {PointerEvent} */ e) => {
      clearTimeout(held);
      show(this.knife, false);
      if (line?.on && e.type === "pointerup") this.split(line, here(e));
      // The click that follows a line or a long press is not meant for what is below.
      cutting ||= !!line?.on;
      window.setTimeout(() => (cutting = false), 0);
      line = null;
    };
    svg.addEventListener("pointerup", done);
    svg.addEventListener("pointercancel", done);
    // Nor is the click that a browser makes of a long touch: it would hit the menu.
    svg.addEventListener("touchend", (e) => { if (cutting && e.cancelable) e.preventDefault(); }, { passive: false });
    svg.addEventListener("click", (e) => {
      const at = cutting ? null : this.at(e);
      if (at?.what.kind === "server") this.tell("pick", { server: at.what.id });
      else if (at) this.aim(at.what, e.clientX, e.clientY);
    });
    svg.addEventListener("contextmenu", (e) => {
      const at = this.at(e);
      e.preventDefault();
      if (e.clientX || e.clientY) this.aim(at?.what ?? { kind: "all", id: 0, from: 0, to: 0 }, e.clientX, e.clientY);
    });
    svg.addEventListener("keydown", (e) => this.key(e));
    svg.addEventListener("focusin", (e) => { this.focused = this.at(e)?.g ?? this.focused; this.rove(); });
  }

  /** Splits the network along a line. @param {{x: number, y: number}} a @param {{x: number, y: number}} b */
  split(a, b) {
    if (!this.now_ || Math.hypot(b.x - a.x, b.y - a.y) < 40) return;
    /** @type {string[][]} */ const sides = [[], []];
    for (const s of this.now_.servers) {
      const p = this.places.get(s.id);
      if (p && s.part === "in") sides[(b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x) > 0 ? 1 : 0].push(s.name);
    }
    if (sides[0].length && sides[1].length) this.tell("act", { command: "split {" + sides[0].join(" ") + "}|{" + sides[1].join(" ") + "}" });
  }

  /** What the keyboard walks over: servers, links, messages, clients. @returns {Mark[][]} */
  rows() {
    const of = (/** @type {Pool<{g: Mark}>} */ pool) => [...pool.live.values()].map((v) => v.item.g);
    return [of(/** @type {Pool<{g: Mark}>} */ (/** @type {unknown} */ (this.discs))), of(this.ground.links), of(/** @type {Pool<{g: Mark}>} */ (/** @type {unknown} */ (this.birds))), of(this.clients.pool)].filter((r) => r.length);
  }

  /** Keeps one thing in the order of Tab. */
  rove() {
    const all = this.rows().flat();
    const focus = all.find((g) => g === this.focused) ?? all[0];
    if (this.focused && focus !== this.focused && this.focused === document.activeElement) /** @type {SVGElement|undefined} */ (focus)?.focus(); // a message has arrived
    if (focus === this.tabbed) return;
    if (this.tabbed) set(this.tabbed, { tabindex: -1 });
    if (focus) set(focus, { tabindex: 0 });
    this.tabbed = focus;
    this.focused = focus;
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    const at = this.at(e);
    if (!at || e.ctrlKey || e.metaKey || e.altKey) return;
    const rows = this.rows(), y = rows.findIndex((r) => r.includes(/** @type {Mark} */ (at.g))), x = rows[y]?.indexOf(/** @type {Mark} */ (at.g)) ?? 0;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key], jump = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step && rows[y]) rows[y][(x + step + rows[y].length) % rows[y].length].focus();
    else if (jump) rows[(y + jump + rows.length) % rows.length][0].focus();
    else if (e.key === "Enter" && at.what.kind === "server") this.tell("pick", { server: at.what.id });
    else if (e.key === "Enter" || e.key === "ContextMenu" || e.key === "m" || (e.key === "F10" && e.shiftKey)) {
      const b = at.g.getBoundingClientRect();
      this.aim(at.what, b.left + b.width / 2, b.top + b.height / 2);
    } else return;
    e.preventDefault();
    e.stopPropagation();
  }
}

/** The legend: each shape with its word. @param {HTMLElement} root @param {Drawing} d */
function drawLegend(root, d) {
  root.replaceChildren();
  const one = (/** @type {string} */ key, /** @type {(svg: Element) => void} */ paint, w = 22) => {
    const item = document.createElement("span"), svg = make("svg", { width: w, height: 18, viewBox: `${-w / 2} -9 ${w} 18`, "aria-hidden": "true" });
    paint(svg);
    item.append(svg, d.t("legend." + key));
    root.append(item);
  };
  const still = { x: 0, y: 0, dx: 0, dy: 0, ux: 0, uy: 0 };
  const shape = (/** @type {string} */ kind, /** @type {number[]} */ entries, yes = -1) => (/** @type {Element} */ at) => {
    const bird = new Bird(at);
    bird.dress({ id: 0, from: 0, to: 0, kind, reply: yes >= 0, pre: false, term: 1, yes, entries, count: entries.length, index: 0, sent: 0, arrives: 0 }, still, 7.5);
    show(bird.k.nose, false);
  };
  one("term", (at) => { make("circle", { r: 8, fill: hue(2), class: "v-ring" }, at); write(make("text", { class: "v-term", y: 4, "font-size": 11, fill: "#14171c" }, at), "2"); });
  one("timer", (at) => { make("circle", { r: 7, class: "v-track" }, at); make("circle", { r: 7, class: "v-timer", pathLength: 100, "stroke-dasharray": "65 100", "stroke-dashoffset": -35, transform: "rotate(-90)", "stroke-width": 3 }, at); });
  one("quorum", (at) => make("path", { class: "v-quorum", d: "M-6.5,-2.5A7,7 0 0 1 -1.5,-6.8M1.5,-6.8A7,7 0 0 1 6.5,-2.5M6.5,2.5A7,7 0 0 1 1.5,6.8M-1.5,6.8A7,7 0 0 1 -6.5,2.5", "stroke-width": 3 }, at));
  one("vote", shape("request_vote", []));
  one("append", shape("append", [1, 2]), 24);
  one("beat", shape("heartbeat", []));
  one("snapshot", shape("install_snapshot", []));
  one("reply", shape("append", [], 1), 24);
  one("lost", (at) => make("path", { class: "v-burst", d: paths.star, transform: "scale(8)" }, at));
  one("disk", (at) => { make("rect", { class: "v-disk", x: -10, y: -3, width: 12, height: 6 }, at); make("path", { class: "v-tailline", d: "M3,3 9,-3M6,3 12,-3M2,0 5,-3", "stroke-width": 1.5 }, at); });
}

customElements.define("v-cluster", Cluster);

