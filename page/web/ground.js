// What lies under the servers: links that are not as they should be, territories
// of a split network, and the clients beside it.

import { kit, reached, make, set, write, show, r1, clamp, clip, fit, paths, wide, Pool } from "./look.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Link} Link */
/** @typedef {import("./look.js").Mark} Mark */
/** @typedef {import("./disc.js").Place} Place */
/** @typedef {Map<number, Place>} Places */
/** @typedef {(key: string, params?: Record<string, string|number>) => string} T */

/**
 * Who can still talk to whom, through others too: groups of ids, or one group.
 * A link that works one way joins.
 * @param {number[]} ids @param {Link[]} links
 */
export function groups(ids, links) {
  const cut = new Set(links.filter((l) => l.cut).map((l) => l.from + ">" + l.to));
  /** @type {number[][]} */
  const all = [];
  const left = new Set(ids);
  for (const first of ids) {
    if (!left.delete(first)) continue;
    const group = [first];
    for (const a of group)
      for (const b of left)
        if (!(cut.has(a + ">" + b) && cut.has(b + ">" + a))) { left.delete(b); group.push(b); }
    all.push(group.sort((a, b) => a - b));
  }
  return all;
}

/** The outline of circles: their hull. @param {{x: number, y: number, r: number}[]} circles */
function outline(circles) {
  /** @type {{x: number, y: number}[]} */
  const ring = [];
  for (const { x, y, r } of circles) for (let i = 0; i < 24; i++) ring.push({ x: x + r * Math.cos((i * Math.PI) / 12), y: y + r * Math.sin((i * Math.PI) / 12) });
  ring.sort((a, b) => a.x - b.x || a.y - b.y);
  const half = (/** @type {{x: number, y: number}[]} */ from) => {
    /** @type {{x: number, y: number}[]} */
    const hull = [];
    for (const p of from) {
      for (let n = hull.length; n > 1 && (hull[n - 1].x - hull[n - 2].x) * (p.y - hull[n - 2].y) <= (hull[n - 1].y - hull[n - 2].y) * (p.x - hull[n - 2].x); n--) hull.pop();
      hull.push(p);
    }
    return hull.slice(0, -1);
  };
  return "M" + [...half(ring), ...half(ring.reverse())].map((p) => r1(p.x) + "," + r1(p.y)).join("L") + "Z";
}

/** Circles about the ends of what is written beside a server. @param {Place} p */
function named({ x, y, r: R, f, side, lift, room }) {
  const long = Math.min(room, f * 4), r = f * 2;
  const left = x + (side === "left" ? -R * 1.42 - long : side === "right" ? R * 1.42 : -long / 2);
  const middle = y + (side === "top" ? -R * 1.6 - f * 1.5 : side === "bottom" ? R * 1.42 + f * 1.5 : f * (lift * (lift < 0 ? 1.6 : 1) + 0.5));
  return [{ x: left + f, y: middle, r }, { x: left + long - f, y: middle, r }];
}

/** The ground on a sheet. */
export class Ground {
  /** @param {import("./look.js").Sheet} sheet */
  constructor(sheet) {
    const at = sheet.svg;
    this.landG = make("g", { class: "v-lands" }, at);
    this.linkG = make("g", undefined, at);
    this.lands = new Pool(() => kit(this.landG, "", { area: "path", count: "text.v-landword", text: "text.v-landword" }));
    this.links = new Pool(() => kit(this.linkG, "v-link", { hit: "path.v-hit v-wire", line: "path.v-wireline", sign: "path.v-wiresign", text: "text.v-small v-mid" }, reached));
    this.key = "";
  }

  /** @param {State} s @param {Places} places @param {T} t @param {Map<number, string>} names */
  draw(s, places, t, names) {
    const key = s.links.map((l) => [l.from, l.to, l.cut, r1(l.slow)].join()).join(";") + [...places].map(([id, p]) => id + ":" + r1(p.x) + "," + r1(p.y)).join() + s.servers.map((v) => v.voters.length + v.part).join() + t("role.leader");
    if (key === this.key) return;
    this.key = key;
    const ids = s.servers.filter((v) => places.has(v.id) && (v.part === "in" || v.part === "lost")).map((v) => v.id);
    const all = groups(ids, s.links);
    this.drawLands(s, all, places, t);
    this.drawLinks(s, all, places, t, names);
  }

  /** @param {State} s @param {number[][]} all @param {Places} places @param {T} t */
  drawLands(s, all, places, t) {
    this.lands.begin();
    const voters = (s.servers.find((v) => v.role === "leader" && v.up) ?? s.servers.find((v) => v.voters.length))?.voters ?? [];
    let mx = 0, my = 0;
    for (const p of places.values()) { mx += p.x / places.size; my += p.y / places.size; }
    if (all.length > 1)
      all.forEach((group, i) => {
        const land = this.lands.get(group.join()), at = group.flatMap((id) => places.get(id) ?? []);
        const R = at[0].r, f = at[0].f;
        const n = group.filter((id) => voters.includes(id)).length, most = n * 2 > voters.length;
        set(land.area, { d: outline(at.flatMap((p) => [{ x: p.x, y: p.y, r: R * 1.62 }, ...named(p)])), class: "v-land v-land" + (i % 3) + (most ? " v-most" : "") });
        let x = 0, y = 0;
        for (const p of at) { x += p.x / at.length; y += p.y / at.length; }
        // The words stand in the middle of the group, or as far towards the centre as no server is in the way.
        const d = Math.hypot(mx - x, my - y) || 1, list = [...places.values()];
        let wx = x, wy = y;
        for (let i = 0; i < 30 && list.some((p) => Math.hypot((wx - p.x) * 0.72, wy - p.y) < R * 1.2 + f * 1.5); i++) { wx += ((mx - x) / d) * 6; wy += ((my - y) / d) * 6; }
        write(land.count, voters.length ? t("cluster.of", { n, all: voters.length }) : "");
        write(land.text, voters.length ? t(most ? "cluster.most" : "cluster.few") : "");
        set(land.count, { x: wx, y: wy, "font-size": f * 1.1 });
        set(land.text, { x: wx, y: wy + f, "font-size": f * 0.82 });
      });
    this.lands.end();
  }

  /** @param {State} s @param {number[][]} all @param {Places} places @param {T} t @param {Map<number, string>} names */
  drawLinks(s, all, places, t, names) {
    const of = new Map(all.flatMap((group, i) => group.map((id) => /** @type {[number, number]} */ ([id, i]))));
    const by = new Map(s.links.map((l) => [l.from + ">" + l.to, l]));
    const list = [...places];
    this.links.begin();
    for (let i = 0; i < list.length; i++)
      for (let j = i + 1; j < list.length; j++) {
        const [a, p] = list[i], [b, q] = list[j];
        const there = by.get(a + ">" + b), back = by.get(b + ">" + a);
        const cuts = (there?.cut ? 1 : 0) + (back?.cut ? 2 : 0), slow = Math.max(there?.slow ?? 0, back?.slow ?? 0);
        const apart = cuts === 3 && of.get(a) !== of.get(b);
        const link = this.links.get(a + "-" + b), d = Math.hypot(q.x - p.x, q.y - p.y) || 1, ux = (q.x - p.x) / d, uy = (q.y - p.y) / d;
        const g0 = p.r * 1.3, x1 = p.x + ux * g0, y1 = p.y + uy * g0, x2 = q.x - ux * g0, y2 = q.y - uy * g0;
        const straight = `M${r1(x1)},${r1(y1)}L${r1(x2)},${r1(y2)}`;
        const as = apart ? "apart" : cuts === 3 ? "cut" : cuts ? "oneway" : slow ? "slow" : "fine";
        set(link.g, { class: "v-link v-" + as, "aria-label": t("link." + as, { a: names.get(cuts === 2 ? b : a) ?? "", b: names.get(cuts === 2 ? a : b) ?? "", ms: slow }) });
        link.g.what = { kind: "link", id: 0, from: a, to: b };
        set(link.hit, { d: straight });
        set(link.line, { d: as === "slow" ? wavy(x1, y1, x2, y2) : straight });
        const mx = (x1 + x2) / 2, my = (y1 + y2) / 2, u = p.r * 0.24, turn = (Math.atan2(uy, ux) * 180) / Math.PI;
        show(link.sign, as === "cut" || as === "oneway");
        if (as === "cut") set(link.sign, { d: paths.cross, transform: `translate(${r1(mx)},${r1(my)}) scale(${r1(u)})`, "stroke-width": 0.35 });
        // cuts 1: only from b to a; the arrow shows the way that is open, the bar the one that is shut.
        if (as === "oneway") set(link.sign, { d: "M-1.5,0H1.5M.6,-.8 1.5,0 .6,.8M-1.5,-1V1", transform: `translate(${r1(mx)},${r1(my)}) rotate(${r1(turn + (cuts === 1 ? 180 : 0))}) scale(${r1(u)})`, "stroke-width": 0.35 });
        show(link.text, slow > 0 && cuts !== 3);
        if (slow > 0) { write(link.text, "+" + t("unit.ms", { n: Math.round(slow) })); set(link.text, { x: mx, y: my - u * 1.2, "font-size": p.f * 0.8 }); }
      }
    this.links.end();
  }
}

/** A wave from one point to another. @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 */
function wavy(x1, y1, x2, y2) {
  const d = Math.hypot(x2 - x1, y2 - y1), n = Math.max(2, Math.round(d / 22)), ux = (x2 - x1) / n, uy = (y2 - y1) / n;
  const a = 9 / (d / n || 1);
  let path = `M${r1(x1)},${r1(y1)}`;
  for (let i = 0; i < n; i++) path += `q${r1(ux / 2 - (i % 2 ? -1 : 1) * uy * a)},${r1(uy / 2 + (i % 2 ? -1 : 1) * ux * a)} ${r1(ux)},${r1(uy)}`;
  return path;
}

/** The clients, as squares at the sides of a sheet. */
export class Clients {
  /** @param {Element} parent */
  constructor(parent) {
    this.root = make("g", undefined, parent);
    this.pool = new Pool(() => kit(this.root, "v-client", { wire: "path.v-clientwire", hit: "rect.v-hit", box: "rect.v-clientbox", name: "text.v-clientname", asked: "text.v-small v-mono", told: "text.v-small" }, reached));
  }

  /**
   * @param {State} s @param {Places} places
   * @param {T} t
   * @param {{w: number, h: number, narrow: boolean, flat: boolean, f: number, width: number}} room
   */
  draw(s, places, t, room) {
    const { f, w, h, narrow } = room, square = f * 2, tall = f * 3, mid = w / 2;
    let lefts = 0, rights = 0;
    this.pool.begin();
    s.clients.slice(0, narrow ? 3 : 6).forEach((c, i) => {
      const p = places.get(c.server);
      if (!p) return;
      const right = narrow || (Math.abs(p.x - mid) < 5 ? i % 2 === 0 : p.x > mid);
      const x = narrow ? 8 + (i * w) / 3 : right ? w - room.width : 6, nth = right ? rights++ : lefts++, y = narrow ? h - tall : room.flat && nth < 2 ? 6 + tall * nth : h - tall * (1 + nth - (room.flat ? 2 : 0)) - 4;
      const it = this.pool.get(c.id), max = (narrow ? w / 3 : room.width) - square - f * 0.9;
      const waiting = c.outcome === "waiting", told = t("client." + c.outcome, { ms: Math.round(s.now - c.since), index: c.index, value: c.value });
      set(it.g, { class: "v-client v-" + c.outcome, "aria-label": "C" + c.id + ": " + c.asked + ", " + told });
      it.g.what = { kind: "client", id: c.id, from: c.server, to: 0 };
      set(it.hit, { x: x - 4, y: y - 4, width: max + square + f, height: Math.max(44, square + 8) });
      set(it.box, { x: x, y: y, width: square, height: square });
      const sign = waiting ? "…" : c.outcome === "done" ? "✓" : c.outcome === "refused" ? "–" : "?";
      write(it.name, "C" + c.id + sign);
      set(it.name, { x: x + square / 2, y: y + square * 0.63, "font-size": Math.min(f * 0.95, (f * 0.95 * square * 0.86) / wide("C" + c.id + sign, f * 0.95, 700)) });
      const line = (/** @type {Mark} */ e, /** @type {string} */ text, /** @type {number} */ dy) => {
        const size = Math.max(f * 0.7, fit(text, f * 0.9, max / 1.1));
        write(e, clip(text, size, max / 1.05));
        set(e, { x: x + square + f * 0.4, y: y + f * dy, "font-size": size });
      };
      line(it.asked, c.asked, 0.85);
      line(it.told, c.outcome === "done" && c.value ? c.value : told, 1.95);
      const beside = right && !narrow, x1 = beside ? x : x + square / 2, y1 = beside ? y + square / 2 : room.flat ? y + square : y;
      const d = Math.hypot(p.x - x1, p.y - y1) || 1, k = clamp((d - p.r * 1.35) / d, 0, 1);
      set(it.wire, { d: `M${r1(x1)},${r1(y1)}L${r1(x1 + (p.x - x1) * k)},${r1(y1 + (p.y - y1) * k)}` });
    });
    this.pool.end();
  }
}
