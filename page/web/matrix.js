// <v-matrix>: who hears whom, and how long ago. A row hears its columns: so links
// that are cut one way, or between some only, can be seen.

import { el } from "./dom.js";
import { oldAfter } from "./recording.js";

/** @typedef {import("./recording.js").Reel} Reel */
/** @typedef {import("./look.js").Words} Words */

/** Between such two members something is said all the time: one of them leads. */
const heardLately = 1000;

export class Matrix extends HTMLElement {
  constructor() {
    super();
    /** @type {Words|null} */ this.words = null;
    /** @type {HTMLTableElement|null} */ this.table = null;
    /** @type {HTMLTableCellElement[][]} */ this.cells = [];
    this.shape = "";
  }

  /** Makes the rows anew when the members are others. @param {string[]} names @param {Words} w */
  build(names, w) {
    const key = w.lang + names.join("\n");
    if (key === this.shape) return;
    this.shape = key;
    this.cells = names.map(() => names.map(() => el("td")));
    this.table = el("table", {},
      el("thead", {}, el("tr", {}, el("td", { className: "corner" }, w.t("live.matrix.corner")), ...names.map((n) => el("th", { scope: "col", title: n }, el("span", {}, n))))),
      el("tbody", {}, ...names.map((n, i) => el("tr", {}, el("th", { scope: "row", title: n }, el("span", {}, n)), ...this.cells[i]))));
    this.replaceChildren(/** @type {Node} */ (this.table));
  }

  /** Draws what was known at a time. @param {Reel} reel @param {number} at */
  show(reel, at) {
    const w = this.words, f = reel.frame(at);
    if (!w || !f) return;
    const members = [...f.members].sort((a, b) => reel.id(a.id) - reel.id(b.id)), gone = Math.max(0, at - f.at);
    const leads = (/** @type {any} */ m) => m.look?.status.role === "leader" && m.age_ms < oldAfter;
    this.build(members.map((m) => reel.name(reel.id(m.id))), w);
    members.forEach((a, i) => members.forEach((b, j) => {
      const cell = this.cells[i][j], h = a.look?.heard.find((/** @type {any} */ x) => x.id === b.id);
      const old = !a.look || a.trouble && a.age_ms + gone >= oldAfter;
      const ago = h ? h.ago_ms + Math.max(0, a.age_ms) + gone : -1, busy = leads(a) || leads(b);
      const [as, why] = i === j ? ["self", ""] : old ? ["unknown", "live.matrix.unknown"]
        : ago < 0 ? [busy ? "silent" : "quiet", "live.matrix.never"]
        : ago < heardLately ? ["fresh", "live.matrix.heard"]
        : busy ? ["silent", "live.matrix.silent"] : ["quiet", "live.matrix.quiet"];
      const text = i === j ? "" : old ? "?" : ago < 0 ? "–" : ms(ago, w);
      if (cell.dataset.as !== as) cell.dataset.as = as;
      if (cell.textContent !== text) cell.textContent = text;
      const tip = why && w.t(why, { a: reel.name(reel.id(a.id)), b: reel.name(reel.id(b.id)), ago: ms(ago, w) });
      if (cell.title !== tip) cell.title = tip;
    }));
  }
}

/** A time that has passed, short. @param {number} v ms @param {Words} w */
export function ms(v, w) {
  if (v < 0 || !Number.isFinite(v)) return w.t("live.never");
  if (v < 100) return w.t("live.ms", { n: "<100" });
  if (v < 1000) return w.t("live.ms", { n: Math.round(v / 100) * 100 });
  if (v < 60_000) return w.t("live.s", { n: w.num(v / 1000, 1) });
  if (v < 3_600_000) return w.t("live.min", { n: Math.floor(v / 60_000) });
  return w.t("live.h", { n: Math.floor(v / 3_600_000) });
}

customElements.define("v-matrix", Matrix);
