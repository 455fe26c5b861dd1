// <v-links>: what becomes of a cluster whose links fail, with and without the two
// rules that keep it calm. Measured by sim/lab; the figures are in links.json.

import { json } from "./files.js";
import { make } from "./look.js";

/** @typedef {{verdict: string, changes: number, terms: number, committed: number, proposed: number, gap: number}} Cell */
/** @typedef {{id: string, leaders: number[], cut: string, down: number[], back: number, results: Cell[]}} Fault */

const calm = ["stable", "recovered"], stuck = ["split", "leaderless", "powerless"];

class LinkTable extends HTMLElement {
  /** What speaks: the module words.js. @param {import("./look.js").Words} words */
  set words(words) {
    this.show(words);
  }

  /** @param {import("./look.js").Words} w */
  async show(w) {
    /** @type {{seeds: number, nodes: number, watch: number, rules: string[], faults: Fault[]}} */
    const data = await json("links.json");
    const table = document.createElement("table"), about = document.createElement("p");
    about.textContent = w.t("links.about", { watch: data.watch, seeds: data.seeds });
    const head = table.createTHead().insertRow();
    for (const text of ["", ...data.rules.map((r) => w.t("links.rules." + r))]) add(head, "th", text).scope = "col";
    const body = table.createTBody();
    for (const f of data.faults) {
      const row = body.insertRow(), first = add(row, "th", "");
      first.scope = "row";
      first.append(picture(f, data.nodes), w.t("links.fault." + f.id));
      for (const c of f.results) {
        const cell = add(row, "td", (calm.includes(c.verdict) ? "✓ " : stuck.includes(c.verdict) ? "■ " : "▲ ") + w.t("links.verdict." + c.verdict));
        cell.className = calm.includes(c.verdict) ? "v-calm" : "v-poor";
        add(cell, "small", w.t("links.committed", { committed: c.committed, proposed: c.proposed, terms: c.terms, gap: (c.gap / 1000).toLocaleString(w.lang, { maximumFractionDigits: 1 }) }));
      }
    }
    this.replaceChildren(about, table);
  }
}

/** @param {Node} to @param {string} tag @param {string} text @returns {any} */
function add(to, tag, text) {
  const e = document.createElement(tag);
  e.textContent = text;
  to.appendChild(e);
  return e;
}

/**
 * The servers and the links between them: whole, dead (not drawn), dead one way
 * (an arrow the way that lives); a thick ring where the leader may stand.
 * @param {Fault} f @param {number} nodes
 */
function picture(f, nodes) {
  const svg = make("svg", { viewBox: "0 0 100 90", "aria-hidden": "true" });
  const cut = new Set(f.cut.split(" "));
  /** @param {number} n */
  const at = (n) => [50 + 36 * Math.sin(((n - 1) * 2 * Math.PI) / nodes), 48 - 36 * Math.cos(((n - 1) * 2 * Math.PI) / nodes)];
  for (let a = 1; a <= nodes; a++)
    for (let b = 1; b <= nodes; b++) {
      const there = f.back ? true : !cut.has(`S${a}>S${b}`), comes = f.back ? true : !cut.has(`S${b}>S${a}`);
      if (a === b || !there || (comes && a > b) || f.down.includes(a) || f.down.includes(b)) continue;
      const [x, y] = at(a), [u, v] = at(b), dx = u - x, dy = v - y, l = Math.hypot(dx, dy), k = 1 - 15 / l;
      make("path", { class: "v-wire", d: `M${x} ${y}L${x + dx * k} ${y + dy * k}`, "stroke-dasharray": f.back && cut.has(`S${a}>S${b}`) ? "1 4" : null }, svg);
      if (comes) continue;
      const [p, q] = [x + dx * k, y + dy * k], [e, g] = [(dx / l) * 8, (dy / l) * 8];
      make("path", { class: "v-wire", d: `M${p - e - g * 0.5} ${q - g + e * 0.5}L${p} ${q}L${p - e + g * 0.5} ${q - g - e * 0.5}` }, svg);
    }
  for (let n = 1; n <= nodes; n++) {
    const [x, y] = at(n), off = f.down.includes(n);
    make("circle", { class: off ? "v-place v-off" : "v-place", cx: x, cy: y, r: 11, "stroke-width": f.leaders.includes(n) ? 4 : 1.5 }, svg);
    make("text", { x, y: y + 4.5 }, svg).textContent = off ? "✕" : String(n);
  }
  return svg;
}

customElements.define("v-links", LinkTable);
