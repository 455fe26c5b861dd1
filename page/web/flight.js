// A message on its way, drawn: its shape says which RPC it is, its rim the
// sender's term; an answer is an outline with ✓ or ✗.

import { kit, reached, make, set, write, show, r1, clamp, hue, paths } from "./look.js";

/** @typedef {import("./types.js").Flight} Flight */
/** @typedef {import("./look.js").Mark} Mark */
/** @typedef {import("./disc.js").Place} Place */

/** Which shape, and of which family, a kind of message is; others are a letter. @type {Record<string, [string, string]>} */
const shapes = {
  request_vote: ["diamond", "vote"], vote: ["diamond", "vote"], append: ["bar", "append"], heartbeat: ["dot", "beat"],
  install_snapshot: ["box", "snap"], snapshot_fetch: ["box", "snap"], snapshot_chunk: ["box", "snap"], timeout_now: ["bolt", "vote"],
};
const letters = /** @type {Record<string, string>} */ ({ read_index: "R", propose: "P", greet: "G" });

/** @param {string} kind @returns {[string, string]} */
const shapeOf = (kind) => shapes[kind.replace(/_reply$/, "")] ?? ["letter", "other"];

/** How many entries are drawn one by one. */
const cellsMax = 8;

/**
 * The lane from one place to another: requests and answers keep to the right.
 * @param {Place} a @param {Place} b
 */
export function lane(a, b) {
  const dx = b.x - a.x, dy = b.y - a.y, d = Math.hypot(dx, dy) || 1, ux = dx / d, uy = dy / d, off = a.r * 0.2;
  const gapA = a.r * 1.32, gapB = b.r * 1.32;
  return { x: a.x + ux * gapA - uy * off, y: a.y + uy * gapA + ux * off, dx: ux * (d - gapA - gapB), dy: uy * (d - gapA - gapB), ux, uy };
}

/** One message on the sheet. */
export class Bird {
  /** @param {Element} parent */
  constructor(parent) {
    const k = kit(parent, "v-flight", { hit: "circle.v-hit", trail: "line.v-trail", nose: "path.v-nose", edge: "path.v-edge", shape: "path", text: "text.v-letter", mark: "path.v-verdict" }, reached);
    this.k = k;
    this.g = k.g;
    set(k.hit, { r: 22 });
    set(k.nose, { d: paths.nose });
    /** @type {Mark[]} */ this.cells = [];
    this.look = "";
    this.x = this.y = 0;
  }

  /**
   * @param {Flight} f @param {ReturnType<typeof lane>} l @param {number} now
   * @param {number} unit px, the size of a shape
   * @param {boolean} still motion is not wanted
   */
  draw(f, l, now, unit, still) {
    const p = f.arrives < 0 ? 0.4 : still ? 0.5 : clamp((now - f.sent) / (f.arrives - f.sent || 1), 0, 1);
    this.x = l.x + l.dx * p;
    this.y = l.y + l.dy * p;
    set(this.g, { transform: `translate(${r1(this.x)},${r1(this.y)})` });
    const look = [f.kind, f.pre, f.yes, f.term, f.count, f.entries, unit, f.arrives < 0, f.reply, l.ux, l.uy].join();
    if (look !== this.look) {
      this.look = look;
      this.dress(f, l, unit);
    }
  }

  /** Draws what does not change on the way. @param {Flight} f @param {ReturnType<typeof lane>} l @param {number} u */
  dress(f, l, u) {
    const [shape, family] = shapeOf(f.kind), reply = f.reply;
    const shown = Math.min(f.entries.length, cellsMax), cw = u * 0.95;
    const half = shape === "bar" ? Math.max(u * 1.1, (shown * cw) / 2 + u * 0.3) : u * (shape === "dot" ? 0.52 : shape === "letter" ? 0.8 : 0.95);
    const tall = shape === "bar" ? u * 0.78 : half;
    const d = shape === "bar" ? `M${-half},${-tall}H${half}V${tall}H${-half}Z` : shape === "letter" ? paths.dot : paths[/** @type {"dot"} */ (shape)];
    const scale = shape === "bar" ? null : `scale(${r1(half * 10) / 10})`;
    const pre = f.pre ? "1.5 2.5" : null;
    set(this.g, { class: "v-flight rpc-" + family + (reply ? " v-reply" : "") + (f.arrives < 0 ? " v-held" : "") });
    set(this.k.edge, { d, transform: scale });
    set(this.k.shape, { d, transform: scale, class: "v-shape", stroke: hue(f.term), "stroke-dasharray": pre });
    const tail = Math.min(u * 3.4, Math.hypot(l.dx, l.dy) / 3);
    set(this.k.trail, { x1: -l.ux * tail, y1: -l.uy * tail, x2: 0, y2: 0, stroke: hue(f.term), "stroke-width": u * (shape === "dot" ? 0.25 : 0.4) });
    const front = (Math.abs(l.ux) * half + Math.abs(l.uy) * tall) + u * 0.5;
    set(this.k.nose, { transform: `translate(${r1(l.ux * front)},${r1(l.uy * front)}) rotate(${r1((Math.atan2(l.uy, l.ux) * 180) / Math.PI)}) scale(${r1(u * 0.42)})` });
    while (this.cells.length < shown) {
      const cell = make("rect", { class: "v-mini" });
      this.k.text.before(cell);
      this.cells.push(cell);
    }
    this.cells.forEach((cell, i) => {
      show(cell, i < shown && !reply);
      if (i < shown) set(cell, { x: i * cw - (shown * cw) / 2 + cw * 0.06, y: -tall * 0.62, width: cw * 0.88, height: tall * 1.24, fill: hue(f.entries[i]) });
    });
    const held = f.arrives < 0, letter = held ? "❚❚" : shape === "letter" ? letters[f.kind.replace(/_reply$/, "")] ?? f.kind[0].toUpperCase() : f.count > shown && !reply ? "+" + (f.count - shown) : "";
    show(this.k.text, letter !== "");
    write(this.k.text, letter);
    const beside = held || shape === "bar";
    set(this.k.text, { x: beside ? half + u * 0.25 : 0, y: u * 0.36, "text-anchor": beside ? "start" : "middle", "font-size": u * (held ? 0.8 : 1), class: beside ? "v-letter v-beside" : "v-letter" });
    const verdict = reply && f.yes >= 0 && !(shape === "dot" && f.yes);
    show(this.k.mark, verdict);
    if (verdict) set(this.k.mark, { d: f.yes ? paths.check : paths.cross, transform: `scale(${r1(u * (shape === "dot" ? 0.26 : 0.4) * 10) / 10})` });
  }
}

/** A message that was lost: it turns red and bursts. */
export class Burst {
  /** @param {Element} parent */
  constructor(parent) {
    this.g = make("g", { class: "v-burst" }, parent);
    this.star = make("path", { d: paths.star }, this.g);
  }
  /** @param {number} x @param {number} y @param {number} p 0 to 1 @param {number} u */
  draw(x, y, p, u) {
    set(this.g, { transform: `translate(${r1(x)},${r1(y)}) scale(${r1(u * (0.9 + 1.3 * p) * 10) / 10})`, opacity: r1((1 - p * p) * 10) / 10 });
  }
}

