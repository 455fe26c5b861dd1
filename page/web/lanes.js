// The branches of a run: their names, the lanes under Figure 5, and where two part.

import * as words from "./words.js";
import { $, clock, el } from "./dom.js";
import "./more.js";

const { t } = words;

/** @typedef {import("./types.js").Happening} Happening */
/** @typedef {import("./run.js").Run} Run */
/** @typedef {import("./run.js").Branch} Branch */

/** What a branch is called. @param {Branch} b */
export function branchName(b) {
  if (!b.parent) return t("ui.branch.first");
  const own = b.actions.slice(b.own);
  const name = t("ui.branch.if", { what: words.command(own[0]?.command ?? ""), at: clock(b.at) });
  return own.length > 1 ? name + " +" + (own.length - 1) : name;
}

/**
 * Draws the lanes of branches.
 * @param {Run} run
 * @param {Branch|null} beside
 * @param {{x: (at: number) => number}|null} scale of Figure 5
 * @param {(b: Branch, compare: boolean) => void} go
 */
export function lanes(run, beside, scale, go) {
  const box = $("branches");
  const many = run.branches.length > 1;
  const key = run.branches.map((b) => b.actions.length).join() + "|" + run.branch.id + "|" + beside?.id;
  if (box.dataset.key !== key) {
    box.dataset.key = key;
    box.replaceChildren(...(many ? run.branches.map((b) => {
      const name = branchName(b);
      return el("div", { className: "lane" }, el("button", { className: b === beside ? "beside" : "", title: name + " · " + t("ui.branch.tip"), "aria-current": String(b === run.branch),
        click: (/** @type {MouseEvent} */ e) => go(b, e.shiftKey) }, (b.parent ? "↳ " : "") + name));
    }) : []));
    if (many) /** @type {HTMLElement|null} */ (box.querySelector("[aria-current=true]"))?.scrollIntoView({ block: "nearest" });
  }
  if (!many || !scale) return;
  const wide = box.clientWidth;
  run.branches.forEach((b, i) => {
    const button = /** @type {HTMLElement|null} */ (box.children[i]?.firstChild);
    if (!button) return;
    const left = Math.max(0, Math.min(b.parent ? scale.x(b.at) : 0, wide * 0.6));
    button.style.left = left + "px";
    button.style.minWidth = Math.max(0, Math.min(scale.x(b.end), wide - 8) - left) + "px";
  });
}

/**
 * Where two branches part: the place in both lists of the first happening that is
 * not the same, or -1 if none differs yet.
 * @param {Branch} a
 * @param {Branch} b
 */
export function parting(a, b) {
  const n = Math.max(a.happenings.length, b.happenings.length);
  for (let i = 0; i < n; i++) if (!same(a.happenings[i], b.happenings[i])) return i;
  return -1;
}

/** @param {Happening|undefined} a @param {Happening|undefined} b */
const same = (a, b) =>
  a !== undefined && b !== undefined &&
  a.at === b.at && a.what === b.what && a.kind === b.kind && a.node === b.node && a.peer === b.peer &&
  a.term === b.term && a.index === b.index && a.text === b.text && a.reason === b.reason;
