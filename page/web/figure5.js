// <v-figure5>: the paper's Figure 5, terms on a line of time, with a row for each
// server below. It is also where one moves in time.

import { Drawing, Sheet, Pool, kit, make, set, write, show, r1, clamp, clip, wide, hue, ink, paths } from "./look.js";
import { ages } from "./history.js";

/** @typedef {import("./types.js").History} History */
/** @typedef {import("./types.js").Stretch} Stretch */

/** Steps of what is seen at once, in ms; beyond the last the window follows. */
const spans = [1000, 1500, 2000, 3000, 5000, 7000, 10000, 14000, 20000];
const spanMin = 5, spanMax = 3.6e6;

/** Marks of what happened, as paths one unit large. @type {Record<string, string>} */
const signs = {
  crashed: paths.cross, power_cut: paths.bolt, wiped: paths.glass, paused: paths.glass, fault: paths.cross, restart: "M.7,-.7A1,1 0 1 0 1,.2M.85,-1.1V-.5H.2", start: "M.7,-.7A1,1 0 1 0 1,.2M.85,-1.1V-.5H.2", split: "M-1,-1 .8,.9M-1,1 .8,-.9M1,-1V1", cut: "M-1,-1 .8,.9M-1,1 .8,-.9",
  heal: "M-1,0H1M0,-1V1", put: "M-.8,-.8H.8V.8H-.8Z", get: "M-.8,-.8H.8V.8H-.8Z", commit: paths.check, beat: paths.diamond, broken: paths.cross, snapshot_recorded: paths.box, config_appended: paths.gear,
};
const filled = new Set(["put", "beat", "power_cut", "config_appended", "snapshot_recorded"]);

export class Figure5 extends Drawing {
  constructor() {
    super();
    const sheet = (this.sheet = new Sheet({ class: "v-sheet v-time", role: "slider", tabindex: 0 }));
    const svg = sheet.svg;
    this.back = make("rect", { class: "v-back" }, svg);
    const grid = make("g", undefined, svg), bars = make("g", undefined, svg), tops = make("g", undefined, svg), marks = make("g", undefined, svg), names = make("g", undefined, svg);
    this.ticks = new Pool(() => kit(grid, "v-tick", { line: "line", text: "text" }));
    this.bars = new Pool(() => kit(bars, "", { rect: "rect", lines: "path.v-stripes", line: "line", text: "text.v-barword" }));
    this.tops = new Pool(() => kit(tops, "", { election: "rect.v-barbox", lines: "path.v-stripes", normal: "rect.v-barbox", gap: "line.v-gap", text: "text.v-topword", note: "text", note2: "text", edge: "line.v-gap" }));
    this.marks = new Pool(() => kit(marks, "v-mark", { sign: "path", title: "title" }));
    this.rows = new Pool(() => kit(names, "", { text: "text.v-name" }));
    this.all = make("text", { class: "v-small" }, names);
    this.future = make("rect", { class: "v-future" }, svg);
    this.point = kit(svg, "v-now", { line: "line", flag: "path", text: "text" });
    this.parts = [svg];
    this.from = 0;
    this.reach = spans[0];
    this.auto = true;
    this.left = 0;
    this.unit = 16;
    /** How a moment is written, if not in seconds. @type {((ms: number) => string)|null} */
    this.clock = null;
    /** What is shown, if somebody else says so. @type {{from: number, to: number}|null} */
    this.span_ = null;
    this.at_ = -1;
    this.shown = "";
    this.key = "";
    /** @type {History|null} */ this.drawn = null;
    /** @type {import("./history.js").Age[]} */ this.ages = [];
    this.listen();
  }

  /** The moment that is looked at, in ms; by default that of the state, or the end. */
  get now() { return this.at_ >= 0 ? this.at_ : this.now_?.now ?? this.history_?.end ?? 0; }
  set now(at) { this.at_ = at; this.redraw(); }

  /** What is shown, in ms; null: all, and what the pointer makes of it. */
  get span() { return this.span_; }
  set span(s) { this.span_ = s; this.redraw(); }

  /** Where a moment is, in px from the left edge of the element. @param {number} at ms */
  x(at) { return this.left + ((at - this.from) * (this.sheet.w - this.left - 8)) / this.reach; }
  /** Which moment is there. @param {number} px */
  at(px) { return this.from + ((px - this.left) * this.reach) / (this.sheet.w - this.left - 8); }

  /** @param {number} w @param {number} h */
  resized(w, h) {
    this.sheet.size(w, h);
    this.unit = Math.min(this.em, h / 12.5);
  }

  draw() {
    const h = this.history_, { w } = this.sheet;
    if (!h || !w) return;
    const em = this.unit, end = Math.max(h.end, this.now);
    this.left = Math.min(w * 0.22, Math.max(wide(this.t("figure5.all"), em * 0.8), ...h.rows.map((r) => wide(r.name, em * 0.9, 700))) + em * 0.9);
    if (this.span_) {
      this.from = this.span_.from;
      this.reach = Math.max(spanMin, this.span_.to - this.span_.from);
    } else if (this.auto) {
      this.reach = spans.find((s) => end <= s * 0.985) ?? spans[spans.length - 1];
      // The window moves in steps, not with every frame.
      const step = this.reach / 8;
      if (this.now > this.from + this.reach * 0.985 || this.now < this.from) this.from = Math.max(0, Math.ceil((this.now - this.reach * 0.985) / step) * step);
      if (end <= this.reach * 0.985) this.from = 0;
    } else if (this.now > this.from + this.reach && this.now >= end) this.from = this.now - this.reach * 0.95;
    this.from = r1(this.from);
    const plan = this.plan(h.rows.length);
    set(this.back, { width: w, height: this.sheet.h });
    const key = [this.from, this.reach, this.left, w, this.sheet.h, em, this.words_?.lang, this.selected_, h.marks.length, ...h.rows.map((r) => r.name + r.stretches.length + "," + (r.stretches[0]?.from ?? 0) + "," + (r.stretches.at(-1)?.from ?? 0))].join();
    const anew = key !== this.key || h !== this.drawn;
    this.key = key;
    this.drawn = h;
    if (anew) {
      this.ages = ages(h);
      this.drawTicks(plan);
      this.drawMarks(h, plan);
    }
    this.drawTop(h, plan, anew);
    this.drawRows(h, plan, anew);
    this.drawNow(h, plan);
    const shown = this.from + "," + this.reach + "," + this.left + "," + w;
    if (shown !== this.shown) { this.shown = shown; this.tell("view", { from: this.from, to: this.from + this.reach, left: this.left, right: w - 8 }); }
  }

  /** Where the rows are. @param {number} n */
  plan(n) {
    const em = this.unit, h = this.sheet.h, alone = this.hasAttribute("plain") ? 2 : 1, head = em * 1.15, top = clamp(h * 0.13, em * 1.1, em * 2.6 * alone), foot = em * (alone > 1 ? 6 : 2.2);
    const row = clamp((h - head - top - foot - em * 0.5) / Math.max(1, n), em * 0.7, em * 3 * alone);
    const under = head + top + em * 0.5 + row * n;
    return { head, top, row, rows: head + top + em * 0.5, marks: under + em * 0.55, axis: under + em * 1.9, small: em * 0.76, bottom: under + em * 1.1 };
  }

  /** @param {ReturnType<Figure5["plan"]>} p */
  drawTicks(p) {
    const { w } = this.sheet, room = w - this.left - 8, least = (this.reach * this.unit * 5) / room, tens = 10 ** Math.floor(Math.log10(least));
    const step = [1, 2, 5, 10].map((m) => m * tens).find((s) => s >= least) ?? tens * 10;
    this.ticks.begin();
    for (let at = Math.ceil(this.from / step) * step; at <= this.from + this.reach; at += step) {
      const tick = this.ticks.get(Math.round(at / step) + "/" + step), x = r1(this.x(at));
      set(tick.line, { x1: x, x2: x, y1: p.head, y2: p.bottom });
      write(tick.text, this.told(at, step));
      set(tick.text, { x, y: p.axis, "font-size": p.small, "text-anchor": x > w - this.em * 1.5 ? "end" : "middle" });
    }
    this.ticks.end();
  }

  /** A time in words, as exact as a step needs. @param {number} at @param {number} step */
  told(at, step) {
    return this.clock ? this.clock(at) : step >= 1000 || at === 0 ? this.t("unit.s", { n: Math.round(at / 1000) }) : step >= 100 ? this.t("unit.s", { n: this.num(at / 1000, 1) }) : this.t("unit.ms", { n: at });
  }

  /** The top row, as in the paper; only what still grows if nothing else is new. @param {History} h @param {ReturnType<Figure5["plan"]>} p @param {boolean} anew */
  drawTop(h, p, anew) {
    const to = this.from + this.reach, em = this.unit, y = p.head, mid = y + p.top / 2;
    set(this.all, { x: 2, y: mid + p.small * 0.35, "font-size": p.small });
    write(this.all, clip(this.t("figure5.all"), p.small, this.left - 4));
    if (anew) this.tops.begin();
    for (const a of anew ? this.ages : this.ages.slice(-1)) {
      if (a.from > to || a.to < this.from) continue;
      const stop = Math.min(a.to, h.end), won = Math.min(a.won === Infinity ? a.stood : a.won, stop), lost = clamp(Math.min(a.lost, stop), won, stop);
      const x0 = this.edge(a.from), x1 = this.edge(won), x2 = this.edge(lost), x3 = this.edge(stop), it = this.tops.get(a.term);
      set(it.election, { x: x0, y: y, width: Math.max(1.5, x1 - x0), height: p.top, fill: hue(a.term) });
      set(it.lines, { d: stripes(x0, y, x1 - x0, p.top), stroke: ink(a.term) });
      show(it.normal, x2 > x1);
      set(it.normal, { x: x1, y: y, width: Math.max(0, x2 - x1), height: p.top, fill: this.sheet.fill(a.term) });
      show(it.gap, x3 > x2 + 1);
      set(it.gap, { x1: x2, x2: x3, y1: mid, y2: mid });
      set(it.edge, { x1: x0, x2: x0, y1: y - em * 0.75, y2: y });
      const room = x3 - x0, size = em * 0.86, long = this.t("figure5.term", { n: a.term }), text = wide(long, size, 700) < room - 4 ? long : wide(String(a.term), size, 700) < room - 2 ? String(a.term) : "";
      write(it.text, text);
      set(it.text, { x: x0 + 3, y: y - em * 0.25, "font-size": size });
      const nobody = a.won === Infinity, f = p.small * (nobody ? 0.82 : 1), bold = nobody ? 700 : 400, full = this.t(nobody ? "figure5.none" : "figure5.normal"), space = (nobody ? x3 - x0 : x2 - x1) - 6;
      const cut = full.indexOf(" ", full.length / 2 - 2), one = wide(full, f, bold) < space, two = !one && p.top > f * 2.6 && cut > 0 && Math.max(wide(full.slice(0, cut), f, bold), wide(full.slice(cut), f, bold)) < space;
      const at = { x: nobody ? (x0 + x3) / 2 : (x1 + x2) / 2, "font-size": f, class: nobody ? "v-barword v-on" : "v-barword", fill: nobody ? null : ink(a.term) };
      write(it.note, one ? full : two ? full.slice(0, cut) : "");
      write(it.note2, two ? full.slice(cut + 1) : "");
      set(it.note, { ...at, y: mid + f * (two ? -0.22 : 0.36) });
      set(it.note2, { ...at, y: mid + f * 0.98 });
    }
    if (anew) this.tops.end();
  }

  /** Where a moment is, but not outside of what is seen. @param {number} at */
  edge(at) { return r1(clamp(this.x(at), this.left, this.sheet.w - 4)); }

  /** @param {History} h @param {ReturnType<Figure5["plan"]>} p @param {boolean} anew */
  drawRows(h, p, anew) {
    const to = this.from + this.reach;
    if (!anew) {
      h.rows.forEach((row, i) => {
        const k = row.stretches.length - 1, x = row.stretches[k], y = p.rows + p.row * (i + 0.5);
        if (x && x.from <= to && this.bars.live.has(row.id + ":" + k)) this.drawStretch(x, row.id + ":" + k, this.edge(x.from), this.edge(Math.min(x.to, h.end)), y, p, row.stretches[k - 1]);
      });
      return;
    }
    this.bars.begin();
    this.rows.begin();
    h.rows.forEach((row, i) => {
      const y = p.rows + p.row * (i + 0.5), name = this.rows.get(row.id), size = Math.min(this.unit * 0.9, p.row * 0.9);
      write(name.text, clip(row.name, size, this.left - 6, 700));
      set(name.text, { x: 2, y: y + size * 0.35, "font-size": size, class: row.id === this.selected_ ? "v-name v-picked" : "v-name" });
      let last = -1, k = first(row.stretches, this.from);
      for (; k < row.stretches.length && row.stretches[k].from <= to; k++) {
        const x = row.stretches[k], x0 = this.edge(x.from), x1 = this.edge(Math.min(x.to, h.end));
        if (x1 - last < 0.7 && x.as !== "leader" && k < row.stretches.length - 1) continue; // too small to be seen
        last = x1;
        this.drawStretch(x, row.id + ":" + k, x0, x1, y, p, row.stretches[k - 1]);
      }
    });
    this.rows.end();
    this.bars.end();
  }

  /** @param {Stretch} x @param {string} key @param {number} x0 @param {number} x1 @param {number} y @param {ReturnType<Figure5["plan"]>} p @param {Stretch|undefined} before */
  drawStretch(x, key, x0, x1, y, p, before) {
    const it = this.bars.get(key), tall = x.as === "leader" ? p.row * 0.66 : x.as === "candidate" ? p.row * 0.86 : x.as === "follower" ? Math.max(4, p.row * 0.2) : 0;
    show(it.rect, tall > 0);
    show(it.line, !tall);
    show(it.lines, x.as === "candidate");
    if (x.as === "candidate") set(it.lines, { d: stripes(x0, y - tall / 2, x1 - x0, tall), stroke: ink(x.term) });
    const least = x.as === "candidate" ? 2.5 : 0.7;
    if (tall) set(it.rect, { x: x0, y: y - tall / 2, width: Math.max(least, x1 - x0), height: tall, rx: x.as === "leader" ? 2 : null, fill: x.as === "candidate" ? hue(x.term) : this.sheet.fill(x.term), class: x.as === "follower" ? "v-thin" : "v-barbox" });
    else set(it.line, { x1: x0, x2: Math.max(x0 + 0.7, x1), y1: y, y2: y, stroke: x.as === "pre-candidate" ? hue(x.term) : null, "stroke-width": Math.max(3, p.row * 0.2), class: "v-is-" + x.as });
    const small = Math.min(p.small, p.row * 0.62), leads = x.as === "leader", number = String(x.term);
    const text = (leads || x.term !== before?.term || before?.as === "down") && tall && x.term > 0 && wide(number, small, 700) + 4 < x1 - x0 ? (leads && wide(number, small, 700) * 2 + small * 2.6 < x1 - x0 ? number + " ♛" : number) : "";
    write(it.text, text);
    if (text) set(it.text, { x: leads ? r1((x0 + x1) / 2) : x0 + wide(number, small) / 2 + 3, y: leads || x.as === "candidate" ? y + small * 0.36 : y - tall / 2 - small * 0.12, "font-size": small, fill: leads || x.as === "candidate" ? ink(x.term) : null, class: leads ? "v-barword v-bold" : x.as === "candidate" ? "v-barword v-on" : "v-barword v-dim" });
  }

  /** @param {History} h @param {ReturnType<Figure5["plan"]>} p */
  drawMarks(h, p) {
    const size = this.unit * 0.38;
    /** @type {Record<string, number>} */
    const last = {};
    this.marks.begin();
    for (let i = first(h.marks.map((m) => ({ to: m.at })), this.from); i < h.marks.length && h.marks[i].at <= this.from + this.reach; i++) {
      const m = h.marks[i], x = this.x(m.at), minor = m.what === "commit";
      if (x - (last[minor ? "minor" : "major"] ?? -99) < size * (minor ? 2.4 : 1.3) || x < this.left) continue;
      last[minor ? "minor" : "major"] = x;
      const it = this.marks.get(i), sign = signs[m.what] ?? paths.dot;
      set(it.g, { transform: `translate(${r1(x)},${r1(p.marks + (minor ? size * 1.1 : -size * 0.5))}) scale(${r1(size * (minor ? 0.6 : 1))})`, class: "v-mark v-mark-" + m.what + (filled.has(m.what) ? " v-full" : "") });
      set(it.sign, { d: sign });
      write(it.title, this.told(m.at, 1) + "  " + (m.what === "commit" ? this.t("figure5.commit", { index: m.text }) : m.text));
    }
    this.marks.end();
  }

  /** @param {History} h @param {ReturnType<Figure5["plan"]>} p */
  drawNow(h, p) {
    const x = r1(this.x(this.now)), on = x >= this.left - 1 && x <= this.sheet.w, end = this.edge(Math.max(h.end, this.now));
    show(this.point.g, on && !this.hasAttribute("plain"));
    show(this.future, end > x + 1);
    const from = clamp(x, this.left, end);
    set(this.future, { x: from, y: 0, width: Math.max(0, end - from), height: p.bottom });
    if (!on) return;
    set(this.point.line, { x1: x, x2: x, y1: 0, y2: p.bottom + this.unit * 0.2 });
    const size = this.unit * 0.8, text = this.clock ? this.clock(this.now) : this.t("unit.s", { n: this.num(this.now / 1000, 3) }), half = wide(text, size, 700) / 2 + 5;
    const cx = clamp(x, half, this.sheet.w - half), y = p.axis - size * 0.95;
    set(this.point.flag, { d: `M${r1(cx - half)},${r1(y)}h${r1(half * 2)}v${r1(size * 1.35)}h${r1(-half * 2)}Z` });
    for (const { item } of this.ticks.live.values()) show(item.text, Math.abs(Number(item.text.kept?.x) - cx) > half * 1.6); // what the flag would cut
    write(this.point.text, text);
    set(this.point.text, { x: cx, y: p.axis, "font-size": size });
    const svg = /** @type {import("./look.js").Mark} */ (/** @type {unknown} */ (this.sheet.svg));
    set(svg, { "aria-label": this.t("figure5.aria"), "aria-valuemin": 0, "aria-valuemax": Math.round(h.end), "aria-valuenow": Math.round(this.now), "aria-valuetext": text });
  }

  /** Shows so much, around a moment that stays where it is. @param {number} factor @param {number} at */
  zoom(factor, at) {
    const span = clamp(this.reach * factor, spanMin, spanMax);
    this.from = Math.max(0, at - ((at - this.from) * span) / this.reach);
    this.reach = span;
    this.auto = false;
    this.span_ = null;
    this.redraw();
  }

  /** Shows all again. */
  whole() { this.auto = true; this.redraw(); }

  /** @param {number} at */
  seek(at) { this.tell("seek", { at: clamp(at, 0, Math.max(this.history_?.end ?? 0, this.now)) }); }

  listen() {
    const svg = this.sheet.svg;
    /** @type {Map<number, number>} */
    const fingers = new Map();
    const px = (/** @type {MouseEvent} */ e) => e.clientX - svg.getBoundingClientRect().left;
    const apart = () => { const [a, b] = [...fingers.values()]; return { d: Math.max(20, Math.abs(a - b)), mid: (a + b) / 2 }; };
    svg.addEventListener("pointerdown", (e) => {
      if (e.button !== 0) return;
      fingers.set(e.pointerId, px(e));
      svg.setPointerCapture(e.pointerId);
      if (fingers.size === 1 && px(e) > this.left) this.seek(this.at(px(e)));
    });
    svg.addEventListener("pointermove", (e) => {
      const was = fingers.get(e.pointerId);
      if (was === undefined) return;
      if (fingers.size === 1 && e.shiftKey) { this.from = Math.max(0, this.from - this.at(px(e)) + this.at(was)); this.auto = false; fingers.set(e.pointerId, px(e)); this.redraw(); }
      else if (fingers.size === 1) this.seek(this.at(px(e)));
      else { const old = apart(); fingers.set(e.pointerId, px(e)); const now = apart(); this.zoom(old.d / now.d, this.at(now.mid)); }
    });
    for (const kind of ["pointerup", "pointercancel"]) svg.addEventListener(kind, (e) => fingers.delete(/** @type {PointerEvent} */ (e).pointerId));
    svg.addEventListener("wheel", (e) => {
      e.preventDefault();
      if (Math.abs(e.deltaX) > Math.abs(e.deltaY) || e.shiftKey) { this.from = Math.max(0, this.from + ((e.deltaX || e.deltaY) * this.reach) / this.sheet.w); this.auto = false; this.redraw(); }
      else this.zoom(Math.exp(clamp(e.deltaY, -200, 200) * 0.002), this.at(px(e)));
    }, { passive: false });
    svg.addEventListener("dblclick", () => this.whole());
    svg.addEventListener("keydown", (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey) return;
      const step = (this.reach / 100) * (e.shiftKey ? 10 : 1);
      const to = { ArrowRight: this.now + step, ArrowUp: this.now + step, ArrowLeft: this.now - step, ArrowDown: this.now - step, Home: 0, End: this.history_?.end ?? 0 }[e.key];
      if (to !== undefined) this.seek(to);
      else if (e.key === "+" || e.key === "=") this.zoom(0.5, this.now);
      else if (e.key === "-") this.zoom(2, this.now);
      else if (e.key === "*") this.whole();
      else return;
      e.preventDefault();
      e.stopPropagation();
    });
  }
}

/** The stripes of an election. @param {number} x @param {number} y @param {number} w @param {number} h */
export function stripes(x, y, w, h) {
  let d = "";
  for (let at = 4; at < w - 1; at += 6) d += `M${r1(x + at)},${r1(y)}v${r1(h)}`;
  return d || "M0,0";
}

/** The first of them, in order of time, that is not over at a moment. @param {{to: number}[]} list @param {number} at */
function first(list, at) {
  let lo = 0, hi = list.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (list[mid].to < at) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}

customElements.define("v-figure5", Figure5);
