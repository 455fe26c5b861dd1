// The dialogs: the menu of scenes, free play, and the help. They are loaded when
// they are asked for.

import { json } from "./files.js";
import { lang, t } from "./words.js";
import { el } from "./dom.js";
import { box } from "./more.js";
import { eyes, telling } from "./story.js";

/** @typedef {import("./types.js").SceneInfo} SceneInfo */
/** @typedef {import("./story.js").Telling} Telling */

// The groups of the menu; a scene is found by its id or that of the scene it varies.
/** @type {Record<string, string[]>} */
const groups = {
  mission: ["cluster-start", "node-start", "replica-crash", "master-crash", "split-majority", "split-minority", "two-masters"],
  elections: ["split-vote", "disruptive-return", "transfer", "rolling-restart", "even-sizes"],
  log: ["crash-mid-write", "figure-7", "figure-8", "duplicates", "snapshot"],
  network: ["split-2-2-1", "majority-lost", "deaf-leader", "mute-leader", "slow-leader", "partial-tails", "partial-hub", "partial-chain", "partial-constrained"],
  members: ["membership", "removed-server", "new-server"],
  disks: ["power-cut", "amnesia", "reads"],
  broken: ["challenge", "break-step-down", "break-term-increment", "break-vote-on-disk"],
};

/** Which group a scene stands in. @param {SceneInfo} s @param {SceneInfo[]} all */
function groupOf(s, all) {
  for (const id of [s.id, s.of]) for (const [g, ids] of Object.entries(groups)) if (ids.includes(id)) return g;
  const lead = all.find((x) => x.id !== s.id && s.id.startsWith(x.id.split("-")[0] + "-"));
  for (const [g, ids] of Object.entries(groups)) if (lead && ids.includes(lead.id)) return g;
  return "more";
}

/**
 * Opens the menu of scenes.
 * @param {SceneInfo[]} all
 * @param {string} now the one that is played
 * @param {(id: string) => void} open
 * @param {() => void} recording opens one
 * @param {() => void} find looks for a run
 */
export async function sceneMenu(all, now, open, recording, find) {
  const texts = new Map(await Promise.all(all.map(async (s) => /** @type {[string, Telling]} */ ([s.id, await telling(s.id)]))));
  const title = (/** @type {string} */ id) => texts.get(id)?.title ?? id;
  const take = (/** @type {string} */ id) => () => {
    d.close();
    open(id);
  };
  const parts = [];
  for (const g of [...Object.keys(groups), "more"]) {
    const heads = all.filter((s) => !(s.of && all.some((x) => x.id === s.of)) && groupOf(s, all) === g);
    const order = groups[g] ?? [];
    heads.sort((a, b) => (order.indexOf(a.id) + 99) % 99 - ((order.indexOf(b.id) + 99) % 99));
    if (!heads.length) continue;
    const cards = heads.map((s) =>
      el("div", {},
        el("button", { className: g === "mission" ? "mission" : "", click: take(s.id), "aria-current": String(s.id === now) },
          el("b", {}, title(s.id)), el("span", {}, texts.get(s.id)?.about ?? "")),
        ...all.filter((v) => v.of === s.id).map((v) => el("button", { className: "of", click: take(v.id), "aria-current": String(v.id === now) }, "↳ " + title(v.id)))));
    parts.push(el("h3", {}, t("ui.group." + g)), el("div", { className: "cards" }, ...cards));
  }
  const row = ofRecording(() => d.close(), recording);
  row.prepend(el("button", { click: () => {
    d.close();
    find();
  } }, t("ui.find")), " ");
  const d = box(t("ui.scenes"), row, ...parts);
  /** @type {HTMLElement|null} */ (d.querySelector("[aria-current=true]"))?.focus();
}

/**
 * Opens the form of free play.
 * @param {(nodes: number, seed: number, settings: string[]) => void} open
 */
export function freeForm(open) {
  const number = (/** @type {number} */ value, /** @type {number} */ min, /** @type {number} */ max) => el("input", { type: "number", value, min, max, required: true });
  const pick = (/** @type {string} */ key, /** @type {string[]} */ values) =>
    el("select", {}, ...values.map((v) => el("option", { value: v }, t("ui.free." + key + "." + (v ? v.split(" ").slice(1).join("-") : "usual")))));
  const nodes = number(5, 1, 9);
  const seed = number(1 + Math.floor(Math.random() * 999), 0, 2 ** 32);
  const timing = el("select", {}, el("option", { value: "eye" }, t("ui.free.eye")), el("option", { value: "" }, t("ui.free.real")));
  const fast = pick("fast", ["fast off", "fast on"]);
  const form = el("form", { className: "form", submit: (/** @type {Event} */ e) => {
    e.preventDefault();
    d.close();
    open(Number(nodes.value), Number(seed.value), [...(timing.value ? eyes.slice(0, 3) : []), fast.value]);
  } });
  for (const [key, input] of /** @type {[string, HTMLElement][]} */ ([["ui.free.nodes", nodes], ["ui.free.seed", seed], ["ui.free.timing", timing], ["ui.free.fast", fast]])) {
    input.id = "free-" + key;
    form.append(el("label", { htmlFor: input.id }, t(key)), input);
  }
  form.append(el("span"), el("button", { className: "primary" }, t("ui.free.go")));
  const d = box(t("ui.free.title"), el("p", {}, t("ui.free.about")), form);
}

/** The keys. @returns {HTMLElement} */
function keyList() {
  const list = el("dl", { className: "keys" });
  for (const line of t("ui.keys").split("\n")) {
    const [keys, what] = line.split("\t");
    list.append(el("dt", {}, ...keys.split(" ").flatMap((k) => [el("kbd", {}, k), " "])), el("dd", {}, what ?? ""));
  }
  return list;
}

/** The way to a recording. @param {() => void} close @param {() => void} open @returns {HTMLElement} */
const ofRecording = (close, open) => el("p", {}, el("button", { "data-do": "recording", click: () => { close(); open(); } }, t("ui.replay")), " ", t("ui.replay.tip"));

/** Opens the help: the keys, and what the words mean. @param {() => void} recording opens one */
export async function help(recording) {
  /** @type {Record<string, Record<string, {term: string, means: string}>>} */
  const terms = await json("text/glossary.json");
  const list = Object.values(terms).map((x) => x[lang]).sort((a, b) => a.term.localeCompare(b.term, lang));
  const d = box(t("ui.help"), el("p", {}, t("ui.help.about")), keyList(),
    el("details", {}, el("summary", {}, t("ui.terms")), el("dl", { className: "keys" }, ...list.flatMap((x) => [el("dt", {}, el("b", {}, x.term)), el("dd", {}, x.means)]))),
    ofRecording(() => d.close(), recording));
}
