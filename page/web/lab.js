// Raft with rules left out: the switches, the mark that it is not Raft any more,
// and the challenge to break what the rules protect.

import { json } from "./files.js";
import * as words from "./words.js";
import { $, el, kept, toast } from "./dom.js";
import { box } from "./more.js";
import { write } from "./links.js";
import "./linktable.js";

const { t, has, promise } = words;

/** @typedef {import("./links.js").Link} Link */
/** @typedef {import("./types.js").State} State */

/**
 * Opens the switches.
 * @param {string[]} without the rules that are left out now
 * @param {(without: string[], scene?: string) => void} play begins anew with these left out, or a scene
 */
export async function labBox(without, play) {
  /** @type {{name: string, breaks: string[], follows: string[], scene: string}[]} */
  const rules = await json("rules.json");
  await words.setLang(words.lang, "lab");
  /** @type {HTMLInputElement[]} */
  const boxes = [];
  const lines = rules.map((r) => {
    const input = el("input", { type: "checkbox", checked: !without.includes(r.name), value: r.name });
    boxes.push(input);
    const breaks = r.breaks.map(promise).join(", ");
    const key = "rule." + r.name;
    return el("label", { className: "rule" }, input, el("span", {}, el("b", {}, t(key + ".name")), " ", t(key),
      el("small", {}, t(key + ".without")), el("small", {}, breaks && t("ui.lab.breaks", { breaks }))),
      r.scene ? el("button", { click: () => {
        d.close();
        play([], r.scene);
      } }, t("ui.lab.show")) : "");
  });
  const d = box(t("ui.lab"), el("p", {}, t("ui.lab.about")), ...lines,
    el("p", { className: "last" }, el("button", { className: "primary", click: () => {
      d.close();
      play(boxes.filter((b) => !b.checked).map((b) => b.value));
    } }, t("ui.lab.go"))),
    el("h3", {}, t("links.title")), el("v-links", { words }));
}

/** Says which rules are left out. @param {string[]} without */
export async function stripes(without) {
  await words.setLang(words.lang, "lab");
  $("stripes-text").textContent = t("ui.without", { rules: without.map((w) => (has("rule." + w + ".name") ? t("rule." + w + ".name") : w)).join(" · ") });
}

/**
 * The challenge: two servers that apply different values. Keeps the shortest run
 * as a link, by how many actions and rules it took. If somebody emptied the disks
 * instead, it says what that means.
 * @param {State} s
 * @param {Link} link of the run
 */
export async function challenge(s, link) {
  await words.setLang(words.lang, "lab");
  if (!link.without.length && link.actions.some((a) => /^(wipe|rot) /.test(a.command))) return toast(t("ui.disks"), 15000);
  if (!s.broken.some((b) => /State Machine/.test(b.promise))) return;
  const cost = link.actions.length + link.without.length;
  const best = Number(kept.get("challenge.cost")) || Infinity;
  if (cost < best) {
    kept.set("challenge.cost", String(cost));
    kept.set("challenge.link", write(link));
  }
  toast(t(cost < best ? "ui.challenge.best" : "ui.challenge.done", { n: cost, best: Math.min(best, cost) }), 9000);
}
