// A server, drawn: its term, its role by shape, the time it has left, what its
// peers told it, its disk, and its name.

import { kit, reached, make, set, write, show, r1, clamp, clip, fit, ink, paths, Pool } from "./look.js";

/** @typedef {import("./types.js").Server} Server */
/** @typedef {import("./look.js").Mark} Mark */
/** @typedef {import("./look.js").Sheet} Sheet */
/** @typedef {{x: number, y: number, r: number, f: number, side: "top"|"bottom"|"left"|"right", lift: number, room: number}} Place r: radius, f: size of text, lift: how far a name beside is lower, -1 to 1, room: px for the name */
/** @typedef {{t: (key: string, params?: Record<string, string|number>) => string, names: Map<number, string>, places: Map<number, Place>, middle: {x: number, y: number}, now: number, timeout: number, ghost: Server|null, selected: boolean, sheet: Sheet}} Scene */

/** Data that are older than this, in ms, are shown as old. */
export const oldAfter = 2000;

/** An arc on a circle about the origin, angles in turns from twelve o'clock. @param {number} r @param {number} from @param {number} to */
const arc = (r, from, to) => {
  const a = 2 * Math.PI * (from - 0.25), b = 2 * Math.PI * (to - 0.25);
  return `M${r1(r * Math.cos(a))},${r1(r * Math.sin(a))}A${r},${r} 0 ${to - from > 0.5 ? 1 : 0} 1 ${r1(r * Math.cos(b))},${r1(r * Math.sin(b))}`;
};

/** What a server is, for words and shapes: its role, or why it has none. @param {Server} s */
export function being(s) {
  if (s.age >= oldAfter) return "unknown";
  if (s.part !== "in") return s.part;
  if (!s.up) return "down";
  if (s.paused) return "paused";
  return s.learner && s.role === "follower" ? "learner" : s.role;
}

/** One server on the sheet. */
export class Disc {
  /** @param {Element} parent */
  constructor(parent) {
    const k = (this.k = kit(parent, "v-node", { hit: "circle.v-hit", halo: "circle.v-halo", track: "circle.v-track", timer: "circle.v-timer", rings: "g", disc: "circle.v-disc", over: "circle.v-over", ring: "circle.v-ring", inner: "circle.v-inner",
      crown: "path.v-crown", term: "text.v-term", pips: "g", role: "text.v-role", sign: "path.v-sign", label: "g.v-label" }, reached));
    this.g = k.g;
    set(k.timer, { pathLength: 100, transform: "rotate(-90)" });
    set(k.crown, { d: paths.crown });
    this.quorum = new Pool(() => ({ g: make("path", { class: "v-quorum" }, k.rings) }));
    this.pips = new Pool(() => {
      const pip = kit(k.pips, "", { dot: "circle.v-pip", no: "path.v-pipno", why: "title" });
      set(pip.no, { d: paths.cross });
      return pip;
    });
    this.l = kit(k.label, "", { name: "text.v-name", note: "text.v-small", values: "text.v-small v-mono" });
    this.disk = kit(k.label, "", { safe: "rect.v-disk", tail: "rect.v-tail" });
    this.ghost = kit(k.g, "v-ghost", { disc: "circle", text: "text.v-term", sign: "path.v-sign" });
    this.spoken = "";
  }

  /** Draws the server at its place. @param {Server} s @param {Place} p @param {Scene} c */
  draw(s, p, c) {
    const as = being(s), R = p.r;
    const alive = as !== "unused" && as !== "gone" && as !== "lost" && as !== "down" && as !== "unknown";
    set(this.g, { transform: `translate(${r1(p.x)},${r1(p.y)})`, "data-as": as, "data-server": s.id });
    set(this.k.hit, { r: Math.max(22, R + 12) });
    set(this.k.halo, { r: R * 1.34, display: c.selected ? null : "none" });
    // A candidate is smaller within its ring: between them are the votes.
    const stands = alive && (s.role === "candidate" || s.role === "pre-candidate") && as !== "paused", inside = stands ? R * 0.72 : R;
    set(this.k.disc, { r: inside, fill: as === "unused" || as === "gone" ? "none" : as === "down" || as === "lost" ? null : c.sheet.fill(s.term), class: as === "down" || as === "lost" ? "v-disc v-dead" : "v-disc" });
    show(this.k.over, as === "unknown");
    if (as === "unknown") set(this.k.over, { r: R, fill: c.sheet.hatch("old", "M-2,10 10,-2M4,16 16,4", null, ".v-oldline", 3) });
    const thick = as === "leader" ? 0.13 : as === "candidate" || as === "pre-candidate" ? 0.085 : as === "learner" ? 0.035 : 0.05;
    set(this.k.ring, { r: R, "stroke-width": R * thick });
    show(this.k.inner, as === "learner");
    if (as === "learner") set(this.k.inner, { r: R * 0.88, "stroke-width": R * 0.035 });
    this.drawTime(s, R, c, alive);
    this.drawInside(s, R, inside, c, as);
    this.drawPips(s, p, c, stands);
    this.drawLabel(s, p, c, as);
    this.drawGhost(s, R, c);
  }

  /** The election timer, or a leader's quorum. @param {Server} s @param {number} R @param {Scene} c @param {boolean} alive */
  drawTime(s, R, c, alive) {
    const timer = alive && s.role !== "leader" ? s.timer : null;
    show(this.k.timer, !!timer);
    show(this.k.track, !!timer);
    const r = r1(R * 1.17);
    if (timer) {
      const left = r1(100 * clamp(timer.left / (timer.max || 1), 0, 1));
      const soon = timer.left < 0.1 * timer.drawn;
      set(this.k.track, { r, "stroke-width": R * 0.03 });
      set(this.k.timer, { r, "stroke-width": R * (soon ? 0.17 : 0.11), "stroke-dasharray": left + " 100", "stroke-dashoffset": left - 100, class: soon ? "v-timer v-soon" : "v-timer" });
    }
    this.quorum.begin();
    if (alive && s.role === "leader" && s.peers.length) {
      const me = c.places.get(s.id);
      const turn = (/** @type {number} */ id) => {
        const q = c.places.get(id);
        return q && me ? (Math.atan2(q.y - me.y, q.x - me.x) / (2 * Math.PI) + 1.25) % 1 : id / 100;
      };
      const peers = s.peers.map((q) => ({ q, at: turn(q.id) })).sort((a, b) => a.at - b.at);
      const n = peers.length, gap = n > 1 ? 0.016 : 0;
      // The segments are equal; they are turned so that each lies towards its peer.
      let x = 0, y = 0;
      peers.forEach((e, i) => { const off = 2 * Math.PI * (e.at - (i + 0.5) / n); x += Math.cos(off); y += Math.sin(off); });
      const start = Math.atan2(y, x) / (2 * Math.PI);
      peers.forEach(({ q }, i) => {
        const life = q.contact < 0 ? 0 : clamp(1 - q.contact / c.timeout, 0, 1);
        set(this.quorum.get(q.id).g, {
          d: n > 1 ? arc(r, start + i / n + gap, start + (i + 1) / n - gap) : arc(r, 0, 0.5) + arc(r, 0.5, 1),
          "stroke-width": R * 0.11, "stroke-opacity": life > 0 ? r1(0.15 + 0.85 * life) : 0.6, class: life > 0 ? "v-quorum" : "v-quorum v-lost",
        });
      });
    }
    this.quorum.end();
  }

  /** The number of the term, the word of the role, and signs. @param {Server} s @param {number} R @param {number} r @param {Scene} c @param {string} as */
  drawInside(s, R, r, c, as) {
    const dim = as === "down" || as === "lost" || as === "gone" || as === "unused";
    const color = dim ? null : ink(s.term), text = as === "unknown" && !s.term ? "?" : String(s.term);
    show(this.k.term, as !== "unused" && as !== "gone");
    write(this.k.term, text);
    set(this.k.term, { class: dim ? "v-term v-dim" : "v-term", fill: color, y: r * 0.16, "font-size": fit(text, r * 0.8, r * 1.1, 700) });
    const word = c.t("role." + as);
    write(this.k.role, word);
    set(this.k.role, { class: dim ? "v-role v-dim" : r < R ? "v-role v-on" : "v-role", fill: r < R ? null : color, y: R * (as === "unused" || as === "gone" ? 0.1 : r < R ? 0.42 : 0.5), "font-size": fit(word, R * 0.27, R * (r < R ? 1.4 : 1.64), 600) });
    const leads = as === "leader";
    show(this.k.crown, leads);
    if (leads) set(this.k.crown, { transform: `translate(0,${r1(-R * 1.18)}) scale(${r1(R * 0.36)})`, fill: s.confirmed ? null : "none", "stroke-width": 0.16, class: s.confirmed ? "v-crown v-sure" : "v-crown" });
    const sign = as === "down" || as === "lost" ? paths.cross : as === "paused" ? paths.glass : "";
    show(this.k.sign, !!sign);
    if (sign) set(this.k.sign, { d: sign, transform: as === "paused" ? `translate(0,${r1(-R * 0.95)}) scale(${r1(R * 0.26)})` : `scale(${r1(R * 0.6)})`, class: "v-sign v-" + as });
  }

  /** Who voted for it, at the angles of the peers. @param {Server} s @param {Place} p @param {Scene} c @param {boolean} stands */
  drawPips(s, p, c, stands) {
    this.pips.begin();
    if (stands)
      for (const b of s.ballots) {
        const q = c.places.get(b.id);
        if (!q) continue;
        const far = b.id === s.id ? { x: p.x - c.middle.x, y: p.y - c.middle.y } : { x: q.x - p.x, y: q.y - p.y };
        const d = (p.r * 0.855) / (Math.hypot(far.x, far.y) || 1), size = p.r * 0.11;
        const pip = this.pips.get(b.id);
        set(pip.g, { transform: `translate(${r1(far.x * d)},${r1(far.y * d)})`, class: "v-" + b.verdict });
        set(pip.dot, { r: size });
        set(pip.no, { transform: `scale(${r1(size * 0.95)})` });
        write(pip.why, (c.names.get(b.id) ?? "") + ": " + c.t("vote." + b.verdict) + (b.reason ? ": " + c.t("reason." + b.reason) : ""));
      }
    this.pips.end();
  }

  /** Its name, what it has committed and holds, and its disk. @param {Server} s @param {Place} p @param {Scene} c @param {string} as */
  drawLabel(s, p, c, as) {
    const { r: R, f } = p, small = f * 0.84, bar = f * 0.34, out = as === "unused" || as === "gone";
    const anchor = p.side === "left" ? "end" : p.side === "right" ? "start" : "middle";
    const x = p.side === "left" ? -R * 1.42 : p.side === "right" ? R * 1.42 : 0;
    let y = p.side === "top" ? -R * 1.42 - (as === "leader" ? R * 0.3 : 0) - (2.4 * small + bar * 2.2) : p.side === "bottom" ? R * 1.42 + f * 0.85 : f * (p.lift * (p.lift < 0 ? 1.6 : 1) - 0.4);
    set(this.l.name, { x, y: y, "text-anchor": anchor, "font-size": f });
    write(this.l.name, clip(s.name, f, p.room, 700));
    const notes = [this.told(s, c, as), s.values.slice(0, 3).map(([k, v]) => k + "=" + v).join("  ")];
    [this.l.note, this.l.values].forEach((line, i) => {
      show(line, notes[i] !== "" && !out);
      write(line, clip(notes[i], small, p.room));
      set(line, { x, y: (y += small * 1.2), "text-anchor": anchor, "font-size": small });
    });
    if (!notes[1]) y -= small * 1.2;
    show(this.disk.g, !out && s.last > 0 && as !== "unknown");
    if (out || !s.last) return;
    const unit = R * 0.16, tail = clamp(s.last - s.persisted, 0, 10), safe = Math.min(10, s.last) - tail, w = unit * (safe + tail);
    const left = p.side === "left" ? x - w : p.side === "right" ? x : -w / 2;
    set(this.disk.safe, { x: left, y: y + bar * 1.1, width: safe * unit, height: bar });
    set(this.disk.tail, { x: left + safe * unit, y: y + bar * 1.1, width: tail * unit, height: bar, fill: c.sheet.hatch("tail", "M-2,10 10,-2M4,16 16,4M-2,4 4,-2M10,16 16,10", null, ".v-tailline", 2.4) });
  }

  /** @param {Server} s @param {Scene} c @param {string} as */
  told(s, c, as) {
    if (as === "unknown") return c.t("node.old", { s: s.age / 1000 });
    if (s.fault) return s.fault;
    if (as === "lost" || s.standing !== "admitted") return c.t("node." + (as === "lost" ? "lost" : s.standing));
    if (s.fetched >= 0) return c.t("node.fetched", { percent: Math.round(100 * s.fetched) });
    return c.t("node.commit", { index: s.commit });
  }

  /** What would become of it. @param {Server} s @param {number} R @param {Scene} c */
  drawGhost(s, R, c) {
    const h = c.ghost, on = !!h && (h.term !== s.term || h.role !== s.role || h.up !== s.up);
    show(this.ghost.g, on);
    if (!h || !on) return;
    const r = R * 0.42;
    set(this.ghost.g, { transform: `translate(${r1(R * 0.95)},${r1(R * 0.8)})` });
    set(this.ghost.disc, { r: r, fill: h.up ? c.sheet.fill(h.term) : null, class: h.up ? "v-ring" : "v-ring v-dead" });
    write(this.ghost.text, String(h.term));
    set(this.ghost.text, { y: r * 0.36, "font-size": r, fill: h.up ? ink(h.term) : null });
    const sign = !h.up ? paths.cross : h.role === "leader" ? paths.crown : "";
    show(this.ghost.sign, !!sign);
    if (sign) set(this.ghost.sign, { d: sign, transform: h.up ? `translate(0,${r1(-r * 1.25)}) scale(${r1(r * 0.5)})` : `scale(${r1(r * 0.6)})` });
  }

  /** Says the server in words to who cannot see it. @param {Server} s @param {Scene} c */
  speak(s, c) {
    const as = being(s), key = as + s.term + "," + s.commit + "," + s.last + s.name + c.t("role." + as);
    if (key === this.spoken) return;
    this.spoken = key;
    set(this.g, { "aria-label": c.t("node.aria", { name: s.name, role: c.t("role." + as), term: s.term, commit: s.commit, last: s.last }) });
  }
}
