// Small helpers for the elements of the page. Whatever comes from a run becomes
// text, never markup.

import { num, t } from "./words.js";

/** An element of the page by its id. @param {string} id @returns {any} */
export const $ = (id) => document.getElementById(id);

/**
 * Makes an element. Properties with a dash and role become attributes, functions
 * listeners: el("button", {click: f, "aria-label": "x"}, "text").
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Node|string)} kids
 * @returns {any}
 */
export function el(tag, props = {}, ...kids) {
  const e = /** @type {any} */ (document.createElement(tag));
  for (const [k, v] of Object.entries(props)) {
    if (typeof v === "function") e.addEventListener(k, v);
    else if (k === "role" || k.includes("-")) e.setAttribute(k, v);
    else e[k] = v;
  }
  e.append(...kids);
  return e;
}

const ns = "http://www.w3.org/2000/svg";

/** A picture of model.html. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("class", "i");
  const use = document.createElementNS(ns, "use");
  use.setAttribute("href", "#i-" + name);
  svg.append(use);
  return svg;
}

/** Puts the texts into everything that has data-t (its text) or data-tip (its name). */
export function localize() {
  for (const e of document.querySelectorAll("[data-t]")) e.textContent = t(/** @type {HTMLElement} */ (e).dataset.t ?? "");
  for (const e of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-tip]"))) {
    e.title = t(e.dataset.tip ?? "");
    e.setAttribute("aria-label", e.title);
  }
}

/** What the browser keeps for next time; nothing where it keeps nothing. */
export const kept = {
  /** @param {string} key @returns {string} */
  get(key) {
    try {
      return localStorage.getItem("veche." + key) ?? "";
    } catch {
      return "";
    }
  },
  /** @param {string} key @param {string} value */
  set(key, value) {
    try {
      localStorage.setItem("veche." + key, value);
    } catch {
      // A page without storage works as well; it only forgets.
    }
  },
};

/** How a moment is told, if not in seconds. */
export const wall = { clock: /** @type {((ms: number) => string)|null} */ (null) };

/** Time of a run: "1.990 s", in minutes from one on "2:03.5". @param {number} ms */
export function clock(ms) {
  if (wall.clock) return wall.clock(ms);
  return ms < 60_000 ? num(ms / 1000, 3) + " " + t("ui.s") : Math.floor(ms / 60_000) + ":" + num((ms % 60_000) / 1000, 1).padStart(4, "0");
}

/** How long something takes: "640 ms", "2.1 s". @param {number} ms */
export const span = (ms) => (ms < 1000 ? Math.round(ms) + " " + t("ui.ms") : num(ms / 1000, 1) + " " + t("ui.s"));

let hide = 0;

/** Says something for a few seconds. @param {string} text @param {number} [ms] */
export function toast(text, ms = 5000) {
  const e = $("toast");
  e.textContent = text;
  e.hidden = false;
  clearTimeout(hide);
  hide = window.setTimeout(() => (e.hidden = true), ms);
}
