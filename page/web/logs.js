// <v-logs>: the log of every server, one below the other, entry under entry.

import { Drawing, Sheet, Pool, kit, make, set, write, show, r1, clamp, clip, wide, ink, paths } from "./look.js";
import { being } from "./disc.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Server} Server */
/** @typedef {import("./types.js").Entry} Entry */

/** How long a removed entry falls: the longer of the two, in simulated and in real ms. */
const fall = { simulated: 40, real: 450 };

/** An entry on the sheet. */
class Cell {
  /** @param {Element} parent */
  constructor(parent) {
    this.k = kit(parent, "v-cell", { rect: "rect", tail: "rect", term: "text.v-term", text: "text", sign: "path.v-cellsign", tick: "path.v-celltick", title: "title" });
    this.g = this.k.g;
    set(this.k.tick, { d: paths.check });
    this.look = "";
  }

  /**
   * @param {Entry} e @param {number} w @param {number} h
   * @param {{safe: boolean, applied: boolean, synced: boolean}} is
   * @param {Logs} logs
   */
  draw(e, w, h, is, logs) {
    const look = [e.index, e.term, e.kind, e.text, is.safe, is.applied, is.synced, r1(w), r1(h), logs.words_?.lang].join();
    if (look === this.look) return;
    this.look = look;
    const color = ink(e.term), big = w > h * 1.45, pad = 1.5;
    set(this.g, { class: is.safe ? "v-cell" : "v-cell v-open" });
    set(this.k.rect, { x: pad, y: pad, width: w - 2 * pad, height: h - 2 * pad, fill: logs.sheet.fill(e.term), "stroke-width": is.safe ? 2.6 : 1.4 });
    const size = big ? h * 0.34 : h * 0.46, tx = big ? h * 0.3 : w / 2;
    write(this.k.term, String(e.term));
    set(this.k.term, { x: tx, y: big ? h * 0.42 : h * 0.5, "font-size": size, fill: color });
    const plain = e.kind === "command" || e.kind === "other", small = h * (big ? 0.34 : 0.27);
    const text = e.kind === "noop" ? "∅" : plain ? e.text : "";
    write(this.k.text, clip(text, small, (w - 6) / 1.02));
    set(this.k.text, { x: w / 2, y: h * 0.84, "font-size": small, fill: color, class: plain ? "v-mono v-mid2" : "v-mid2" });
    show(this.k.sign, e.kind === "config");
    if (e.kind === "config") set(this.k.sign, { d: paths.gear, transform: `translate(${r1(w / 2)},${r1(h * 0.73)}) scale(${r1(h * 0.16)})`, fill: color });
    show(this.k.tick, is.applied);
    if (is.applied) set(this.k.tick, { transform: `translate(${r1(w - h * 0.22)},${r1(h * 0.24)}) scale(${r1(h * 0.09)})`, stroke: color });
    show(this.k.tail, !is.synced);
    if (!is.synced) set(this.k.tail, { x: pad, y: h - 6, width: w - 2 * pad, height: 4.5, fill: logs.sheet.hatch("mem", "M-2,10 10,-2M4,16 16,4M-2,4 4,-2M10,16 16,10", "#fff", "#14171c", 2.6) });
    write(this.k.title, logs.t("logs.entry", { index: e.index, term: e.term }) + " · " + (plain ? e.text : logs.t("logs." + e.kind)) + " · " + logs.t(is.safe ? "logs.committed" : "logs.open") + (is.synced ? "" : " · " + logs.t("logs.memory")));
  }
}

export class Logs extends Drawing {
  constructor() {
    super();
    const sheet = (this.sheet = new Sheet({ class: "v-sheet v-logs", role: "img", tabindex: 0 })), svg = sheet.svg;
    const head = make("g", undefined, svg), falls = make("g", undefined, svg), cells = make("g", undefined, svg), names = make("g", undefined, svg);
    this.back = make("rect", { class: "v-back" });
    svg.insertBefore(this.back, head);
    this.heads = new Pool(() => ({ g: make("text", { class: "v-small v-mid2" }, head) }));
    this.cells = new Pool(() => new Cell(cells));
    this.falls = new Pool(() => new Cell(falls));
    this.folds = new Pool(() => kit(cells, "v-fold", { back: "rect", rect: "rect", text: "text.v-mid2", title: "title" }));
    this.rows = new Pool(() => {
      const row = kit(names, "v-logrow", { hit: "rect.v-hit", name: "text.v-name", note: "text.v-small", crown: "path.v-crown", commit: "path.v-commit", got: "rect.v-disk v-got", match: "circle.v-match", next: "path.v-match" });
      set(row.next, { d: "M0,-1 1,.8H-1Z" });
      return row;
    });
    this.start = 1;
    this.follow = true;
    this.column = 0;
    this.left = 0;
    this.seen = new Map(/** @type {[string, Entry][]} */ ([]));
    /** @type {{key: number, of: string, e: Entry, x: number, y: number, at: number, p: number}[]} */ this.falling = [];
    this.fell = 0;
    this.past = { now: 0, wall: 0 };
    this.drawn = this.history_;
    this.newest = document.createElement("button");
    this.newest.className = "v-switch";
    this.newest.type = "button";
    this.newest.addEventListener("click", () => { this.follow = true; this.redraw(); });
    this.legend = document.createElement("div");
    this.legend.className = "v-legend";
    this.parts = [svg, this.newest, this.legend];
    this.listen();
  }

  renamed() {
    this.newest.textContent = this.t("logs.newest") + " →";
    this.legend.replaceChildren();
    for (const [mark, key] of [["▣", "committed"], ["▢", "open"], ["✓", "applied"], ["●", "match"], ["▲", "next"], ["∅", "noop"], ["⚙", "config"], ["▨", "memory"]]) {
      const span = document.createElement("span");
      span.append(mark + "\ufe0e " + this.t("logs." + key));
      this.legend.append(span);
    }
  }

  /** @param {number} w @param {number} h */
  resized(w, h) { this.room = { w, h: Math.max(40, h - (this.hasAttribute("plain") ? 0 : this.legend.offsetHeight)) }; }

  draw() {
    const s = this.now_;
    if (!s || !this.room) return;
    const { w } = this.room, em = this.em, list = s.servers.filter((v) => v.part !== "unused"), n = Math.max(1, list.length);
    const head = em * 1.25, row = clamp((this.room.h - head) / n, em * 2.1, em * 5), h = row * 0.7;
    this.sheet.size(w, Math.max(this.room.h, Math.ceil(head + row * n)));
    set(this.back, { width: w, height: this.sheet.h });
    const size = Math.min(em, row * 0.4), small = Math.min(em * 0.74, row * 0.26);
    this.left = Math.min(w * 0.3, Math.max(wide("S1", size, 700) + size * 1.6, ...list.map((v) => Math.max(wide(v.name, size, 700) + (v.role === "leader" ? size * 1.6 : 0), wide(this.told(v), small)))) + 8);
    const last = 1 + list.reduce((m, v) => Math.max(m, v.last), s.commit), room = w - this.left - 4;
    const least = Math.max(em * 1.9, h * 0.95);
    this.column = clamp(room / last, Math.min(least, room), Math.max(least, em * 5.2));
    const fits = Math.max(1, Math.floor(room / this.column));
    this.end = Math.max(1, last - fits + 1);
    this.start = this.follow ? this.end : clamp(this.start, 1, this.end);
    const from = Math.floor(this.start), to = Math.min(last, from + fits);
    this.newest.hidden = this.follow;
    this.heads.begin();
    const label = wide(String(last), small) + 6, every = [1, 2, 5, 10].find((k) => k * this.column >= label) ?? 20;
    for (let i = from; i <= to && this.x(i + 1) <= w; i++)
      if (i % every === 0) {
        const g = this.heads.get(i).g;
        write(g, String(i));
        set(g, { x: this.x(i) + this.column / 2, y: head * 0.72, "font-size": small });
      }
    this.heads.end();
    const leaders = list.filter((v) => v.role === "leader" && v.up), leader = leaders.find((v) => v.id === this.selected_) ?? leaders.sort((a, b) => b.term - a.term)[0];
    const jumped = s.now < this.past.now || s.now > this.past.now + 2000 || this.history_ !== this.drawn, step = this.step(s);
    this.drawn = this.history_; // of another run nothing falls
    /** @type {Map<string, Entry>} */
    const seen = new Map();
    this.cells.begin();
    this.folds.begin();
    this.rows.begin();
    list.forEach((v, i) => {
      const y = head + row * i;
      this.drawRow(v, y, h, row, size, small, leader);
      this.drawCells(v, y, h, from, to, seen);
    });
    this.cells.end();
    this.folds.end();
    this.rows.end();
    if (!jumped) this.drop(seen, list, head, row);
    this.seen = seen;
    this.drawFalls(jumped, step, h, row);
    set(/** @type {import("./look.js").Mark} */ (/** @type {unknown} */ (this.sheet.svg)), { "aria-label": this.t("logs.aria", { commit: s.commit, last: last - 1 }) });
  }

  /** How far things that fall have fallen since. @param {State} s */
  step(s) {
    const wall = performance.now(), step = Math.min(Math.max(0, s.now - this.past.now) / fall.simulated, (wall - this.past.wall) / fall.real);
    this.past = { now: s.now, wall };
    return step;
  }

  /** The left edge of a column. @param {number} index */
  x(index) { return this.left + (index - this.start) * this.column; }

  /** @param {Server} v */
  told(v) { return v.age >= 2000 ? this.t("node.old", { s: v.age / 1000 }) : this.t("node.commit", { index: v.commit }); }

  /** @param {Server} v @param {number} y @param {number} h @param {number} row @param {number} size @param {number} small @param {Server|undefined} leader */
  drawRow(v, y, h, row, size, small, leader) {
    const it = this.rows.get(v.id), as = being(v), name = clip(v.name, size, this.left - size * 1.8, 700);
    it.g.what = { server: v.id };
    set(it.g, { class: "v-logrow" + (v.id === this.selected_ ? " v-picked" : "") + (as === "down" || as === "gone" || as === "lost" || as === "unknown" ? " v-gone" : "") });
    set(it.hit, { x: 0, y: y, width: this.left, height: row });
    write(it.name, name + (v.up ? "" : " ✕"));
    set(it.name, { x: 4, y: y + h * 0.5, "font-size": size });
    write(it.note, clip(this.told(v), small, this.left - 6));
    set(it.note, { x: 4, y: y + h * 0.5 + small * 1.25, "font-size": small });
    show(it.crown, as === "leader");
    set(it.crown, { d: paths.crown, transform: `translate(${r1(4 + wide(name, size, 700) + size * 0.85)},${r1(y + h * 0.5 - size * 0.3)}) scale(${r1(size * 0.42)})`, "stroke-width": 0.2, class: v.confirmed ? "v-crown v-sure" : "v-crown" });
    const end = Math.min(this.x(v.commit + 1), this.sheet.w - 2), begin = this.x(Math.max(1, this.start)), low = y + h + 2.5;
    show(it.commit, v.commit > 0 && end > begin);
    set(it.commit, { d: `M${r1(begin)},${r1(low)}H${r1(end - 1)}V${r1(low - h * 0.3)}` });
    const peer = leader && leader.id !== v.id ? leader.peers.find((p) => p.id === v.id) : undefined, r = Math.min(row * 0.1, this.column * 0.14), lane = y + h + (row - h) * 0.58;
    const match = peer ? this.x(peer.match) + this.column * (peer.match ? 0.5 : 0.86) : 0, next = peer ? this.x(peer.next) + this.column / 2 : 0;
    show(it.got, v.fetched >= 0); // of a snapshot that is on its way, as far as it goes
    set(it.got, { x: begin, y: low - 1, width: Math.max(0, v.fetched * (this.x((peer?.snapshot || v.last) + 1) - begin)), height: (row - h) * 0.3 });
    show(it.match, !!peer && match > this.left - this.column / 2 && match < this.sheet.w);
    show(it.next, !!peer && next > this.left && next < this.sheet.w);
    if (peer) {
      set(it.match, { cx: match, cy: lane, r: r });
      set(it.next, { transform: `translate(${r1(next)},${r1(lane)}) scale(${r1(r * 1.15)})` });
    }
  }

  /** @param {Server} v @param {number} y @param {number} h @param {number} from @param {number} to @param {Map<string, Entry>} seen */
  drawCells(v, y, h, from, to, seen) {
    const first = v.log.length ? v.log[0].index : v.last + 1;
    if (v.first > 1 && v.first > from) this.fold(v.id + "s", from, v.first - 1, y, h, v.first > 2 ? "1…" + (v.first - 1) : "1", "logs.snapshot", true);
    if (first > Math.max(v.first, from)) this.fold(v.id + "u", Math.max(v.first, from), first - 1, y, h, "…", "logs.elided", false);
    for (const e of v.log) {
      if (e.index < from || e.index > to) continue;
      const key = v.id + ":" + e.index, cell = this.cells.get(key);
      seen.set(key, e);
      set(cell.g, { transform: `translate(${r1(this.x(e.index))},${r1(y)})` });
      cell.draw(e, this.column, h, { safe: e.index <= v.commit, applied: e.index <= v.applied, synced: e.index <= v.persisted }, this);
    }
  }

  /** One cell for many entries. @param {string} key @param {number} from @param {number} to @param {number} y @param {number} h @param {string} text @param {string} title @param {boolean} snapshot */
  fold(key, from, to, y, h, text, title, snapshot) {
    const it = this.folds.get(key), x = this.x(from) + 1.5, w = Math.max(4, this.x(to + 1) - x - 3);
    show(it.back, snapshot);
    set(it.back, { x: x + 2.5, y: y - 1, width: w, height: h - 4 });
    set(it.rect, { x: x, y: y + 1.5, width: w, height: h - 3 });
    const size = Math.min(h * 0.42, (h * 0.42 * (w - 4)) / wide(text, h * 0.42, 700));
    write(it.text, text);
    set(it.text, { x: x + w / 2, y: y + h / 2 + size * 0.35, "font-size": size });
    write(it.title, this.t(title, { to }));
  }

  /** Entries that were there a moment ago and are not, or have another term now, fall. @param {Map<string, Entry>} seen @param {Server[]} list @param {number} head @param {number} row */
  drop(seen, list, head, row) {
    for (const [key, e] of this.seen) {
      if (seen.get(key)?.term === e.term) continue;
      const i = list.findIndex((v) => key.startsWith(v.id + ":")), v = list[i];
      if (v && (v.last < e.index || seen.has(key)) && v.first <= e.index && this.falling.length < 40) this.falling.push({ key: ++this.fell, of: key, e, x: this.x(e.index), y: head + row * i, at: this.past.now, p: 0 });
    }
  }

  /** @param {boolean} jumped @param {number} step @param {number} h @param {number} row */
  drawFalls(jumped, step, h, row) {
    if (jumped) this.falling.length = 0;
    this.falls.begin();
    for (const f of this.falling) {
      f.p = this.past.now > f.at + 6 * fall.simulated ? 1 : f.p + step;
      if (f.p >= 1) continue;
      const cell = this.falls.get(f.key);
      // It shrinks into the gap below its row; one that another has taken the place of is only a strip there.
      const replaced = this.seen.has(f.of), k = replaced ? 0.25 : 1 - 0.7 * f.p, gap = row - h, y = replaced ? h + f.p * gap : h * (1 - k) + f.p * gap * 0.7;
      cell.draw(f.e, this.column, h, { safe: false, applied: false, synced: true }, this);
      set(cell.g, { transform: `translate(${r1(f.x)},${r1(f.y + y)}) scale(1,${r1(k * 10) / 10})`, opacity: 1 - f.p, class: replaced ? "v-cell v-open v-strip" : "v-cell v-open" });
    }
    this.falls.end();
    this.falling = this.falling.filter((f) => f.p < 1);
  }

  /** @param {number} columns */
  slide(columns) {
    this.start = clamp(this.start + columns, 1, this.end ?? 1);
    this.follow = this.start >= (this.end ?? 1);
    this.redraw();
  }

  listen() {
    const svg = this.sheet.svg;
    let x = NaN;
    svg.addEventListener("wheel", (e) => {
      if ((this.end ?? 1) <= 1) return;
      e.preventDefault();
      this.slide(((e.deltaX || e.deltaY) / this.column) * 0.7);
    }, { passive: false });
    svg.addEventListener("pointerdown", (e) => { if (e.button === 0) { x = e.clientX; svg.setPointerCapture(e.pointerId); } });
    svg.addEventListener("pointermove", (e) => { if (!isNaN(x) && Math.abs(e.clientX - x) > 2) { this.slide((x - e.clientX) / this.column); x = e.clientX; } });
    for (const kind of ["pointerup", "pointercancel"]) svg.addEventListener(kind, () => (x = NaN));
    svg.addEventListener("click", (e) => {
      const b = svg.getBoundingClientRect();
      const hit = document.elementsFromPoint(e.clientX, e.clientY).map((n) => /** @type {import("./look.js").Mark|null} */ (n.closest(".v-logrow"))?.what).find((what) => what);
      if (hit && e.clientX - b.left < this.left) this.tell("pick", hit);
    });
    svg.addEventListener("keydown", (e) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9 }[e.key];
      if (!step || e.ctrlKey || e.metaKey || e.altKey) return;
      this.slide(step);
      e.preventDefault();
      e.stopPropagation();
    });
  }
}

customElements.define("v-logs", Logs);
