// How things look: the colours of terms, shapes, small helpers for SVG, and the
// measuring of text. Whatever is drawn anywhere is drawn with these.

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").History} History */
/** @typedef {SVGElement & {kept?: Record<string, Value>, said?: string, what?: Object}} Mark an element that remembers what it was given */
/** @typedef {string|number|null|undefined} Value */
/** @typedef {{t: (key: string, params?: Record<string, string|number>) => string, has: (key: string) => boolean, lang: string, rpc: (kind: string) => string, promise: (name: string) => string, because: (reason: string) => string, num: (v: number, digits: number) => string}} Words */

const NS = "http://www.w3.org/2000/svg";

/** Okabe and Ito's colours without black, in an order in which neighbours differ. */
const hues = ["#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#0072b2", "#d55e00"];

/** The colour of a term; terms 8, 15 … have the same ones with a hatch. @param {number} term */
export const hue = (term) => (term > 0 ? hues[(term - 1) % 7] : "#c3c8d0");

/** What can be read on that colour, with a contrast of at least 4.5. @param {number} term */
export const ink = (term) => (term > 0 && term % 7 === 6 ? "#fff" : "#14171c");

/** The font that text is measured in; drawing.css has the same. */
export const font = 'system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", Arial, sans-serif';

/**
 * Makes an SVG element.
 * @param {string} tag
 * @param {Record<string, Value>} [attrs]
 * @param {Element} [parent]
 * @returns {Mark}
 */
export function make(tag, attrs, parent) {
  const e = /** @type {Mark} */ (document.createElementNS(NS, tag));
  if (attrs) set(e, attrs);
  parent?.append(e);
  return e;
}

/**
 * Makes a group of elements, by name: "text.v-small" is a text of that class.
 * @template {string} K
 * @param {Element|undefined} parent
 * @param {string} name of the group's class
 * @param {Record<K, string>} parts
 * @param {Record<string, Value>} [attrs] of the group
 * @returns {Record<K|"g", Mark>}
 */
export function kit(parent, name, parts, attrs) {
  const g = make("g", { class: name || null, ...attrs }, parent), all = /** @type {Record<string, Mark>} */ ({ g });
  for (const k in parts) {
    const [tag, of] = parts[k].split(".");
    all[k] = make(tag, of ? { class: of } : undefined, g);
  }
  return all;
}

/** What the keyboard can go to. */
export const reached = { tabindex: -1, role: "button" };

/** Sets attributes that differ from those set before, numbers rounded; null takes one away. @param {Mark} e @param {Record<string, Value>} attrs */
export function set(e, attrs) {
  const kept = (e.kept ??= {});
  for (const k in attrs) {
    let v = attrs[k];
    if (typeof v === "number") v = Math.round(v * 100) / 100;
    if (kept[k] === v) continue;
    kept[k] = v;
    if (v === null || v === undefined) e.removeAttribute(k);
    else e.setAttribute(k, String(v));
  }
}

/** Sets the text of an element. @param {Mark} e @param {string} text */
export function write(e, text) {
  if (e.said !== text) e.textContent = e.said = text;
}

/** Shows or hides an element. @param {Mark} e @param {boolean} on */
export const show = (e, on) => set(e, { display: on ? null : "none" });

/** A number for an attribute, short. @param {number} v */
export const r1 = (v) => Math.round(v * 10) / 10;

/** @param {number} v @param {number} lo @param {number} hi */
export const clamp = (v, lo, hi) => Math.max(lo, Math.min(hi, v));

/**
 * Things drawn again and again, by key: what is not asked for between begin and
 * end is hidden and used again.
 * @template {{g: Mark}} T
 */
export class Pool {
  /** @param {() => T} build */
  constructor(build) {
    this.build = build;
    /** @type {Map<string|number, {item: T, turn: number}>} */
    this.live = new Map();
    /** @type {T[]} */
    this.free = [];
    this.turn = 0;
  }
  begin() {
    this.turn++;
  }
  /** @param {string|number} key @returns {T} */
  get(key) {
    let held = this.live.get(key);
    if (!held) {
      const item = this.free.pop() ?? this.build();
      show(item.g, true);
      this.live.set(key, (held = { item, turn: 0 }));
    }
    held.turn = this.turn;
    return held.item;
  }
  end() {
    for (const [key, held] of this.live)
      if (held.turn !== this.turn) {
        this.live.delete(key);
        show(held.item.g, false);
        this.free.push(held.item);
      }
  }
}

const pen = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
/** @type {Map<string, number>} */
const widths = new Map();

/** The width of a text in px. @param {string} text @param {number} size px @param {number} [weight] */
export function wide(text, size, weight = 400) {
  const key = weight + text;
  let w = widths.get(key);
  if (w === undefined) {
    if (widths.size > 5000) widths.clear(); // names and keys of a real cluster are without end
    pen.font = weight + " 100px " + font;
    widths.set(key, (w = pen.measureText(text).width));
  }
  return (w * size) / 100;
}

/** The size at which a text fits, at most `size`. @param {string} text @param {number} size @param {number} max px @param {number} [weight] */
export const fit = (text, size, max, weight) => r1(Math.min(size, (size * max) / (wide(text, size, weight) || 1)));

/** The text, with … where it is too long. @param {string} text @param {number} size @param {number} max px @param {number} [weight] */
export function clip(text, size, max, weight) {
  if (wide(text, size, weight) <= max) return text;
  let lo = 0, hi = text.length;
  while (lo < hi) {
    const mid = (lo + hi + 1) >> 1;
    if (wide(text.slice(0, mid) + "…", size, weight) <= max) lo = mid;
    else hi = mid - 1;
  }
  return text.slice(0, lo) + "…";
}

/** Shapes, as paths about the origin, one unit large. */
export const paths = {
  crown: "M-1,.55 -1.15,-.5 -.5,0 0,-.8 .5,0 1.15,-.5 1,.55Z",
  cross: "M-1,-1 1,1M1,-1 -1,1",
  check: "M-1,.1 -.3,.8 1,-.8",
  glass: "M-.75,-1H.75M-.75,1H.75M-.6,-1C-.6,-.2 -.1,-.2 -.1,0S-.6,.2 -.6,1M.6,-1C.6,-.2 .1,-.2 .1,0S.6,.2 .6,1",
  bolt: "M.15,-1.1 -.7,.2H-.05L-.2,1.1 .7,-.25H.05Z",
  diamond: "M0,-1 1.15,0 0,1 -1.15,0Z",
  dot: "M-1,0A1,1 0 1 0 1,0A1,1 0 1 0 -1,0Z",
  box: "M-1,-1H1V1H-1ZM-.4,-.4H.4V.4H-.4Z",
  nose: "M-.5,-.7 .7,0 -.5,.7Z",
  star: "M0,-1 .2,-.35 .7,-.7 .4,-.15 1,0 .4,.2 .7,.7 .15,.4 0,1 -.2,.4 -.7,.7 -.4,.15 -1,0 -.4,-.2 -.7,-.7 -.15,-.4Z",
  gear: gear(),
};

function gear() {
  let d = "";
  for (let i = 0; i < 16; i++) {
    const a = (i * Math.PI) / 8, b = a + Math.PI / 16, r = i % 2 ? 0.72 : 1;
    for (const c of [a - Math.PI / 16, b]) d += (d ? "L" : "M") + r1(10 * r * Math.cos(c)) / 10 + "," + r1(10 * r * Math.sin(c)) / 10;
  }
  return d + "ZM-.34,0A.34,.34 0 1 0 .34,0A.34,.34 0 1 0 -.34,0Z";
}

let made = 0;

/** One SVG, its size in px, and the hatches that it uses. */
export class Sheet {
  /** @param {Record<string, Value>} [attrs] */
  constructor(attrs) {
    this.svg = /** @type {SVGSVGElement} */ (make("svg", attrs));
    this.defs = make("defs", undefined, this.svg);
    this.id = "v" + ++made;
    /** @type {Set<string>} */
    this.has = new Set();
    this.w = 0;
    this.h = 0;
  }

  /** What to fill with for a term: its colour, and from term 8 on a hatch over it. @param {number} term */
  fill(term) {
    const turn = Math.min(3, Math.floor((term - 1) / 7));
    if (term <= 0 || turn < 1) return hue(term);
    const d = turn === 1 ? "M-2,10 10,-2M4,16 16,4" : turn === 2 ? "M-2,2 10,14M4,-4 16,8" : "M-2,10 10,-2M4,16 16,4M-2,2 10,14M4,-4 16,8";
    return this.hatch("t" + turn + "-" + (term % 7), d, hue(term), ink(term) === "#fff" ? "#ffffff66" : "#00000038", 2.2);
  }

  /** A hatch of that name, made when it is first asked for. @param {string} name @param {string} d @param {string|null} back @param {string} line a colour, or a class with a dot before it @param {number} [width] */
  hatch(name, d, back, line, width = 1.5) {
    const id = this.id + name;
    if (!this.has.has(name)) {
      this.has.add(name);
      const p = make("pattern", { id, width: 12, height: 12, patternUnits: "userSpaceOnUse" }, this.defs);
      if (back) make("rect", { width: 12, height: 12, fill: back }, p);
      make("path", { d, "stroke-width": width, fill: "none", ...(line[0] === "." ? { class: line.slice(1) } : { stroke: line }) }, p);
    }
    return "url(#" + id + ")";
  }

  /** Sets the size. @param {number} w @param {number} h */
  size(w, h) {
    this.w = w;
    this.h = h;
    set(/** @type {Mark} */ (this.svg), { width: w, height: h, viewBox: "0 0 " + w + " " + h });
  }
}

/** What all drawings have: a state, words, a size that is watched, and events. */
export class Drawing extends HTMLElement {
  constructor() {
    super();
    /** @type {State|null} */ this.now_ = null;
    /** @type {Words|null} */ this.words_ = null;
    /** @type {History|null} */ this.history_ = null;
    this.selected_ = 0;
    /** @type {State|null} */ this.ghost_ = null;
    this.em = 16;
    /** @type {Element[]} */ this.parts = [];
    this.gauge = document.createElement("i"); // its size is 1 em
    this.gauge.className = "v-em";
    this.watch = new ResizeObserver(() => this.measure());
  }

  connectedCallback() {
    if (!this.gauge.parentNode) {
      this.classList.add("v-drawing");
      this.append(this.gauge, ...this.parts);
    }
    this.watch.observe(this);
    this.watch.observe(this.gauge);
    this.measure();
  }

  disconnectedCallback() {
    this.watch.disconnect();
  }

  measure() {
    const em = this.gauge.offsetWidth || 16;
    const w = this.clientWidth, h = this.clientHeight;
    this.em = em;
    if (w && h) this.resized(w, h);
    this.redraw();
  }

  redraw() {
    if (this.words_ && this.isConnected) this.draw();
  }

  /** @returns {State|null} */
  get state() { return this.now_; }
  set state(s) { this.now_ = s; this.redraw(); }
  /** @returns {Words|null} */
  get words() { return this.words_; }
  set words(w) { this.words_ = w; if (w) { this.renamed(); this.measure(); } }
  /** @returns {History|null} */
  get history() { return this.history_; }
  set history(h) { this.history_ = h; } // it and the ghost are drawn with the state that is given next
  get selected() { return this.selected_; }
  set selected(id) { if (id !== this.selected_) { this.selected_ = id; this.redraw(); } }
  /** @returns {State|null} */
  get ghost() { return this.ghost_; }
  set ghost(s) { this.ghost_ = s; }

  /** @param {string} key @param {Record<string, string|number>} [params] */
  t(key, params) { return this.words_ ? this.words_.t(key, params) : key; }

  /** A number as the language writes it. @param {number} v @param {number} digits */
  num(v, digits) { return this.words_?.num(v, digits) ?? ""; }

  /** Tells whoever listens. @param {string} name @param {Object} [detail] */
  tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { bubbles: true, composed: true, detail })); }

  /** A size changed. @param {number} _w @param {number} _h */
  resized(_w, _h) {}
  /** Draws what is. */
  draw() {}
  /** The language changed. */
  renamed() {}
}
