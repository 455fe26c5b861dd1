// The panels: fold, resize, one alone on the screen, and tabs on a phone.

import { t } from "./words.js";
import { $, el, icon, kept } from "./dom.js";

/** @returns {HTMLElement[]} */
const panels = () => [...document.querySelectorAll(".panel")].map((p) => /** @type {HTMLElement} */ (p));

/** The panels by the keys that show them alone. */
export const panelKeys = ["cluster", "logs", "figure4", "figure5", "happened"];

export class Panels {
  /** @param {() => void} changed when something else is to be seen */
  constructor(changed) {
    this.changed = changed;
    this.alone = ""; // the panel that has the screen for itself
    this.tab = "cluster";
    for (const p of panels()) {
      const id = p.dataset.panel ?? "";
      const full = el("button", { className: "icon", click: () => this.show(this.alone ? "" : id) }, icon("full"));
      const fold = el("button", { className: "icon", click: () => this.fold(p) }, icon("fold"));
      full.dataset.tip = "ui.full";
      fold.dataset.tip = "ui.fold";
      p.querySelector("h2")?.append(fold, full);
    }
    $("tabs").setAttribute("role", "tablist");
    for (const id of panelKeys) {
      const b = el("button", { role: "tab", click: () => this.pick(id) });
      b.dataset.t = "ui.tab." + id;
      b.dataset.tab = id;
      $("tabs").append(b);
    }
    splitter($("split-x"), "--split-x", (e) => percent(e.clientX, $("panels").getBoundingClientRect(), "x"), "%", changed);
    splitter($("split-r"), "--split-r", (e) => percent(e.clientY, $("right").getBoundingClientRect(), "y"), "%", changed);
    splitter($("split-y"), "--split-y", (e) => Math.max(90, Math.min(innerHeight * 0.6, $("bottom").getBoundingClientRect().bottom - e.clientY)), "px", changed);
    addEventListener("resize", () => this.apply());
    this.apply();
  }

  /** Shows one panel alone, or all with "". @param {string} id */
  show(id) {
    this.alone = id;
    this.apply();
  }

  /** Takes a tab of the narrow page. @param {string} id */
  pick(id) {
    this.tab = id;
    this.apply();
  }

  /** @param {HTMLElement} p */
  fold(p) {
    p.classList.toggle("folded");
    this.changed();
  }

  /** Marks where to look. @param {string[]} look */
  look(look) {
    const fill = look.some((l) => ["logs", "figure4", "figure5"].includes(l)) ? [] : ["figure5"];
    for (const p of panels()) {
      const id = p.dataset.panel ?? "";
      p.classList.toggle("look", look.includes(id) || (id === "cluster" && look.includes("clients")));
      p.classList.toggle("on", id === "cluster" || look.includes(id) || fill.includes(id));
    }
  }

  /** Lays out what is to be seen. */
  apply() {
    $("cluster").toggleAttribute("plain", innerWidth < 900 || document.documentElement.classList.contains("talk"));
    document.body.classList.toggle("full", this.alone !== "");
    for (const p of panels()) p.classList.toggle("shown", p.dataset.panel === (this.alone || this.tab));
    for (const b of $("tabs").children) b.setAttribute("aria-selected", String(b.dataset.tab === (this.alone || this.tab)));
    if (this.alone) this.tab = this.alone;
    this.changed();
  }
}

/** @param {number} v @param {DOMRect} r @param {"x"|"y"} axis */
function percent(v, r, axis) {
  const part = axis === "x" ? (v - r.left) / r.width : (v - r.top) / r.height;
  return Math.max(15, Math.min(85, 100 * part));
}

/**
 * A line to drag, or to move with the arrow keys.
 * @param {HTMLElement} e
 * @param {string} name of the variable in the style sheet
 * @param {(e: {clientX: number, clientY: number}) => number} value
 * @param {string} unit
 * @param {() => void} changed
 */
function splitter(e, name, value, unit, changed) {
  const root = document.documentElement.style;
  const set = (/** @type {number} */ v) => {
    root.setProperty(name, v.toFixed(1) + unit);
    kept.set(name, v.toFixed(1) + unit);
    changed();
  };
  const was = kept.get(name);
  if (/^[\d.]+(%|px)$/.test(was)) root.setProperty(name, was);
  e.addEventListener("pointerdown", (p) => e.setPointerCapture(p.pointerId));
  e.addEventListener("pointermove", (p) => e.hasPointerCapture(p.pointerId) && set(value(p)));
  e.addEventListener("dblclick", () => {
    root.removeProperty(name);
    kept.set(name, "");
    changed();
  });
  e.addEventListener("keydown", (k) => {
    const way = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[k.key];
    if (!way) return;
    k.preventDefault();
    const r = e.getBoundingClientRect();
    set(value({ clientX: r.left + r.width / 2 + 16 * way, clientY: r.top + r.height / 2 + 16 * way }));
  });
}
