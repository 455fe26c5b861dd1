// <v-figure4>: the paper's Figure 4, the states of a server, with the servers in
// them; or the states that our code has.

import { Drawing, Sheet, Pool, kit, make, set, write, show, r1, clamp, clip, wide, hue, ink } from "./look.js";
import { being } from "./disc.js";
import { json } from "./files.js";

/** @typedef {import("./types.js").Server} Server */
/** @typedef {import("./types.js").History} History */
/** @typedef {import("./types.js").Stretch} Stretch */
/** @typedef {import("./look.js").Mark} Mark */

/**
 * A state: where its oval is, in hundredths of the width and height.
 * @typedef {{x: number, y: number}} Oval
 * An arrow: between which ovals (or from a point), how it bends, at which angles
 * in degrees it leaves and enters, and on which side of its middle its words are.
 * @typedef {{from: string, to: string, out: number, in: number, bend: number, side: "up"|"down"|"left"|"right", room: number, start?: [number, number], along?: number}} Arrow
 * @typedef {{rx: number, ry: number, size: number, ovals: Record<string, Oval>, arrows: Record<string, Arrow>}} Plan
 */

/** As in the paper. @type {Plan} */
const paper = {
  rx: 12.4, ry: 15.5, size: 50,
  ovals: { follower: { x: 14, y: 49 }, candidate: { x: 50, y: 49 }, leader: { x: 86, y: 49 } },
  arrows: {
    start: { from: "", to: "follower", out: 0, in: 245, bend: 0, start: [4.5, 10], side: "right", room: 14 },
    timeout: { from: "follower", to: "candidate", out: 308, in: 232, bend: 14, side: "up", room: 19 },
    again: { from: "candidate", to: "candidate", out: 250, in: 290, bend: 18, side: "up", room: 17.5 },
    win: { from: "candidate", to: "leader", out: 308, in: 232, bend: 14, side: "up", room: 19 },
    discover: { from: "candidate", to: "follower", out: 128, in: 52, bend: 8, side: "down", room: 21 },
    higher: { from: "leader", to: "follower", out: 64, in: 116, bend: 28, side: "down", room: 44 },
  },
};

/** As in our code; it is fetched when it is asked for. @type {Plan} */
let ours = paper;

/** Which change of role takes which arrow in our code. @type {Record<string, string>} */
const steps = { ">follower": "start", "follower>pre-candidate": "timeout", "follower>candidate": "told", "pre-candidate>candidate": "would", "pre-candidate>follower": "heard", "candidate>leader": "win",
  "candidate>pre-candidate": "again", "candidate>candidate": "again", "candidate>follower": "discover", "leader>follower": "higher" };

/** For how long an arrow that fired is lit, in ms. */
const litFor = 350;

/**
 * The arrows that a server took. In the paper a pre-candidate is still what it was
 * before: a follower, or a candidate whose election timed out.
 * @param {Stretch[]} list @param {boolean} code
 * @returns {{at: number, arrow: string}[]}
 */
export function taken(list, code) {
  /** @type {{at: number, arrow: string}[]} */
  const all = [];
  let role = "", term = 0;
  for (const x of list) {
    /** @type {string} */
    const as = x.as;
    if (as === "paused" || as === "unknown" || (!code && as === "pre-candidate" && role !== "")) continue;
    if (as === "down") {
      if (code && role) all.push({ at: x.from, arrow: "crash" });
      role = "";
      continue;
    }
    const step = role + ">" + as;
    const arrow = !code && step === "follower>candidate" ? "timeout" : step === "candidate>candidate" && x.term === term ? "" : steps[step];
    if (arrow) all.push({ at: x.from, arrow });
    role = as;
    term = x.term;
  }
  return all;
}

export class Figure4 extends Drawing {
  constructor() {
    super();
    const sheet = (this.sheet = new Sheet({ class: "v-sheet v-states", role: "group" }));
    this.root = make("g", undefined, sheet.svg);
    this.chipG = make("g", undefined, sheet.svg);
    this.chips = new Pool(() => kit(this.chipG, "v-chip", { box: "rect", text: "text.v-name v-mid2" }, { role: "button" }));
    this.button = document.createElement("button");
    this.button.className = "v-switch";
    this.button.type = "button";
    this.button.addEventListener("click", () => { this.code = !this.code; });
    this.parts = [sheet.svg, this.button];
    this.code_ = false;
    /** @type {Map<string, {g: Mark, count: Mark, n: number, last: number}>} */ this.arrows = new Map();
    /** @type {Map<string, {oval: Mark, name: Mark, inner: Mark, y: number}>} */ this.ovals = new Map();
    /** @type {{at: number, arrow: string, id: number, name: string}[]} */ this.fires = [];
    this.fired = "";
    this.upto = -1;
    this.shape = "";
    this.f = 14;
    sheet.svg.addEventListener("click", (e) => this.act(e));
    sheet.svg.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { this.act(e); e.preventDefault(); } });
  }

  /** Whether it shows the states of our code. */
  get code() { return this.code_; }
  set code(on) {
    this.code_ = on;
    this.shape = this.fired = "";
    if (!on || ours !== paper) this.redraw();
    else json("states.json").then((plan) => { ours = plan; this.shape = ""; this.redraw(); });
  }

  renamed() { this.shape = ""; }
  /** @param {number} w @param {number} h */
  resized(w, h) { this.sheet.size(w, h); this.shape = ""; }

  /** @param {Event} e */
  act(e) {
    const g = /** @type {Element} */ (e.target).closest(".v-arrow, .v-chip"), what = /** @type {{arrow?: string, server?: number}|undefined} */ (/** @type {Mark|null} */ (g)?.what);
    if (what?.server) this.tell("pick", { server: what.server });
    if (!what?.arrow) return;
    const now = this.now_?.now ?? Infinity, last = this.fires.findLast((f) => f.arrow === what.arrow && f.at < now - 0.5) ?? this.fires.findLast((f) => f.arrow === what.arrow);
    if (last) this.tell("seek", { at: last.at });
  }

  draw() {
    const { w, h } = this.sheet;
    if (!w) return;
    const still = this.hasAttribute("plain"), key = [w, h, this.em, this.words_?.lang, this.code_, still].join();
    if (key !== this.shape) { this.shape = key; this.lay(w, h, still); }
    if (this.history_) this.count(this.history_);
    this.light();
    this.seat();
  }

  /** Draws what stays: ovals, arrows and their words. @param {number} w @param {number} h @param {boolean} still */
  lay(w, h, still) {
    const plan = this.code_ ? ours : paper, f = (this.f = clamp(Math.min(w / plan.size, (h * 50) / plan.size / 18.5), this.em * 0.6, this.em * (still ? 9 : 1.5)));
    this.root.replaceChildren();
    this.arrows.clear();
    this.upto = -1;
    this.ovals.clear();
    const free = h - (this.code_ ? 0 : f * 1.2), H = Math.min(free, w * (w < 36 * this.em ? 0.85 : 0.56)), y0 = (free - H) / 2; // the source stands below
    const X = (/** @type {number} */ v) => (v * w) / 100, Y = (/** @type {number} */ v) => y0 + (v * H) / 100;
    const rx = X(plan.rx), ry = Math.min((plan.ry * H) / 100, rx * 0.72);
    for (const [id, a] of Object.entries(plan.arrows)) {
      const to = plan.ovals[a.to], from = plan.ovals[a.from];
      const on = (/** @type {Oval} */ o, /** @type {number} */ deg, k = 1) => [X(o.x) + rx * k * Math.cos((deg * Math.PI) / 180), Y(o.y) + ry * k * Math.sin((deg * Math.PI) / 180)];
      const [x1, y1] = a.start ? [X(a.start[0]), Y(a.start[1])] : on(from, a.out), [x2, y2] = on(to, a.in, 1.03);
      const up = (/** @type {number} */ deg) => (Math.sin((deg * Math.PI) / 180) < 0 ? -1 : 1), b = (a.bend * H) / 75;
      const self = a.from === a.to ? rx * 0.75 : 0;
      const lean = (x2 - x1) * (a.bend > 15 && !self ? 0.01 : 0.2);
      const c1 = [x1 + lean - self, y1 + up(a.out) * b], c2 = [x2 - lean + self, y2 + up(a.in) * b];
      const bent = a.bend > 0, d = bent ? `M${r1(x1)},${r1(y1)}C${r1(c1[0])},${r1(c1[1])} ${r1(c2[0])},${r1(c2[1])} ${r1(x2)},${r1(y2)}` : `M${r1(x1)},${r1(y1)}L${r1(x2)},${r1(y2)}`;
      const g = make("g", { class: "v-arrow", tabindex: still ? null : 0, role: "button" }, this.root);
      g.what = { arrow: id };
      make("path", { class: "v-hit v-wire", d }, g);
      make("path", { class: "v-arrowline", d, "stroke-width": f * 0.12 }, g);
      const turn = (Math.atan2(y2 - (bent ? c2[1] : y1), x2 - (bent ? c2[0] : x1)) * 180) / Math.PI;
      make("path", { class: "v-arrowhead", d: "M-1,-.55 0,0 -1,.55Z", transform: `translate(${r1(x2)},${r1(y2)}) rotate(${r1(turn)}) scale(${r1(f * 0.8)})` }, g);
      const mx = bent ? (x1 + x2) / 8 + (c1[0] + c2[0]) * 0.375 : x1 + (x2 - x1) * (a.along ?? 0.5), my = bent ? (y1 + y2) / 8 + (c1[1] + c2[1]) * 0.375 : y1 + (y2 - y1) * (a.along ?? 0.5);
      const lines = wrap(this.t("figure4." + id), f, X(a.room)), n = lines.length, long = Math.max(...lines.map((l) => wide(l, f))), gap = f * 1.12;
      const tx = a.side === "left" ? mx - long / 2 - f * 0.6 : a.side === "right" ? mx + long / 2 + f * 0.6 : mx;
      const top = a.side === "up" ? my - f * 0.5 - (n - 1) * gap : a.side === "down" ? my + f * 1.1 : my - ((n - 1) * gap) / 2 + f * 0.35;
      make("rect", { class: "v-hit", x: tx - long / 2, y: top - f, width: long, height: n * gap + f * 0.3 }, g);
      lines.forEach((line, i) => write(make("text", { class: "v-arrowword", x: tx, y: top + i * gap, "font-size": f }, g), line));
      const end = wide(lines[n - 1], f) / 2;
      const count = make("text", { class: "v-count", x: Math.min(tx + end + f * 0.35, w - f * 1.8), y: top + (n - 1) * gap, "font-size": f * 0.9 }, g);
      const title = make("title", undefined, g);
      for (const kind of ["pointerenter", "focus"]) g.addEventListener(kind, () => write(title, this.whom(id)));
      this.arrows.set(id, { g, count, n: 0, last: -Infinity });
    }
    for (const [id, o] of Object.entries(plan.ovals)) {
      const g = make("g", { transform: `translate(${r1(X(o.x))},${r1(Y(o.y))})` }, this.root);
      const oval = make("ellipse", { class: "v-oval", rx: rx, ry: ry, "stroke-width": f * 0.14 }, g), inner = make("ellipse", { class: "v-oval", rx: rx - f * 0.3, ry: ry - f * 0.3, "stroke-width": f * 0.1 }, g);
      show(inner, false);
      const word = this.t("figure4.state." + id), size = Math.min(f * 1.35, (f * 1.35 * rx * 1.7) / wide(word, f * 1.35, 700)), y = still ? size * 0.35 : -ry * 0.3;
      const name = make("text", { class: "v-ovalname", y: y, "font-size": size }, g);
      write(name, word);
      this.ovals.set(id, { oval, name, inner, y: Y(o.y) - ry * 0.3 });
    }
    if (!this.code_) write(make("text", { class: "v-credit", x: w - f * 0.4, y: h - f * 0.4, "font-size": Math.max(f * 0.72, this.em * 0.6) }, this.root), this.t("figure4.after"));
    this.button.textContent = this.t(this.code_ ? "figure4.paper" : "figure4.code");
    this.button.hidden = still;
  }

  /** Who took which arrow, and when. @param {History} h */
  count(h) {
    const key = h.rows.map((r) => r.id + r.name + r.stretches.length + "," + (r.stretches.at(-1)?.from ?? 0)).join();
    if (key === this.fired) return;
    this.fired = key;
    this.upto = -1;
    this.fires = h.rows.flatMap((r) => taken(r.stretches, this.code_).map((f) => ({ ...f, id: r.id, name: r.name }))).sort((a, b) => a.at - b.at);
  }

  light() {
    const now = this.now_?.now ?? Infinity;
    let n = this.fires.length;
    while (n && this.fires[n - 1].at > now) n--;
    if (n !== this.upto) {
      this.upto = n;
      for (const a of this.arrows.values()) { a.n = 0; a.last = -Infinity; }
      for (const f of this.fires.slice(0, n)) {
        const a = this.arrows.get(f.arrow);
        if (a) { a.n++; a.last = f.at; }
      }
      for (const [id, a] of this.arrows) {
        write(a.count, a.n ? "×" + a.n : "");
        set(a.g, { "aria-label": this.t("figure4." + id) + (a.n ? " ×" + a.n : "") });
      }
    }
    for (const a of this.arrows.values()) set(a.g, { class: now - a.last < litFor ? "v-arrow v-lit" : "v-arrow" });
  }

  /** Whom an arrow concerns, and when. @param {string} id */
  whom(id) {
    return this.fires.slice(0, this.upto).filter((f) => f.arrow === id).slice(-8).map((f) => f.name + "  " + this.t("unit.s", { n: this.num(f.at / 1000, 3) })).join("\n");
  }

  /** Which oval a server is in. @param {Server} s */
  place(s) {
    const as = being(s);
    if (this.code_) return as === "leader" && s.transferee ? "transferring" : as === "paused" ? (s.learner ? "learner" : s.role) : as === "lost" || as === "unknown" ? "down" : as;
    return as === "paused" ? s.role : as === "learner" || as === "pre-candidate" ? "follower" : as;
  }

  /** Seats the servers in the ovals. */
  seat() {
    /** @type {Map<string, Server[]>} */
    const by = new Map();
    for (const s of this.now_?.servers ?? []) {
      const p = this.place(s);
      if (this.ovals.has(p)) by.set(p, [...(by.get(p) ?? []), s]);
      else if (p === "down" || p === "unknown" || p === "lost") by.set("", [...(by.get("") ?? []), s]);
    }
    const { w, h } = this.sheet, plan = this.code_ ? ours : paper, rx = (plan.rx * w) / 100, chosen = this.now_?.servers.find((s) => s.id === this.selected_);
    this.chips.begin();
    for (const [id, list] of by) {
      const o = plan.ovals[id], f = this.f * (id && list.length > 4 ? 0.86 : 1), tall = f * 1.3, gap = f * 0.3, space = id ? rx * 1.6 : w * 0.5, need = Math.max(f * 2.1, ...list.map((s) => wide(s.name + (id ? "" : " ✕"), f, 700) + f * 0.6));
      const most = Math.max(1, list.length > 4 ? 3 : 2, Math.floor((space + gap) / (need + gap))), per = Math.ceil(list.length / Math.ceil(list.length / most)), cell = Math.min(need, (space + gap) / per - gap);
      list.forEach((s, i) => {
        const row = Math.floor(i / per), in_ = Math.min(per, list.length - row * per);
        const x = id ? (o.x * w) / 100 + (i % per - (in_ - 1) / 2) * (cell + gap) : f * 0.6 + cell / 2 + i * (cell + gap), y = id ? (this.ovals.get(id)?.y ?? 0) + f * 1.2 + row * (tall + gap * 0.7) : h - tall;
        const chip = this.chips.get(s.id), gone = !s.up || !id;
        chip.g.what = { server: s.id };
        set(chip.g, { transform: `translate(${r1(x)},${r1(y)})`, class: "v-chip" + (s.id === this.selected_ ? " v-picked" : "") + (gone ? " v-gone" : "") });
        set(chip.box, { x: -cell / 2, y: -tall / 2, width: cell, height: tall, rx: tall / 2, fill: gone ? null : this.sheet.fill(s.term), stroke: gone ? null : hue(s.term) });
        write(chip.text, clip(s.name + (id ? "" : " ✕"), f, cell - f * 0.4, 700));
        set(chip.text, { y: f * 0.36, "font-size": f, fill: gone ? null : ink(s.term) });
      });
    }
    this.chips.end();
    for (const [id, o] of this.ovals) {
      const on = !!chosen && this.place(chosen) === id;
      set(o.oval, { class: on ? "v-oval v-on" : "v-oval" });
      set(o.name, { class: on ? "v-ovalname v-inverse" : "v-ovalname" });
    }
  }
}

/** Breaks a text into as few lines as fit, of about the same length. @param {string} text @param {number} size @param {number} max px @returns {string[]} */
function wrap(text, size, max) {
  const words = text.split(" ");
  const within = (/** @type {number} */ room) => words.slice(1).reduce((lines, word) => {
    const longer = lines[lines.length - 1] + " " + word;
    if (wide(longer, size) > room) lines.push(word);
    else lines[lines.length - 1] = longer;
    return lines;
  }, [words[0]]);
  const n = within(max).length;
  let room = wide(text, size) / n;
  while (room < max && within(room).length > n) room += size / 2;
  return within(room);
}

customElements.define("v-figure4", Figure4);
