// Find me: looks for a seed with which something happens in the run that is open.

import { beginning, link } from "./links.js";
import { t } from "./words.js";
import { el, toast } from "./dom.js";
import { box } from "./more.js";
import { ENDED } from "./core.js";
import { chief } from "./run.js";
import { Course, Elections, inSlices } from "./many.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Happening} Happening */
/** @typedef {import("./core.js").Core} Core */

/**
 * What looks at a run, from its beginning, and gives the moment at which that came
 * about that is looked for, in ms; -1: not yet.
 * @typedef {Object} Watch
 * @property {(h: Happening) => number} [hear]
 * @property {(s: State, last: boolean) => number} [see] every 100 ms; last: the run is over
 */

const look = 100; // ms of a run after which its state is looked at

/** The questions. n: what a number in it may be, and what it is at first. @type {Record<string, {n?: {least: number, most: number, first: number, step: number}, watch: (n: number) => Watch}>} */
export const questions = {
  split: { n: { least: 1, most: 5, first: 2, step: 1 }, watch: splitVotes },
  gap: { n: { least: 100, most: 10_000, first: 600, step: 50 }, watch: leaderless },
  lost: { watch: () => ({ hear: (h) => (h.kind === "truncated" ? h.at : -1) }) },
  leads: { n: { least: 1, most: 9, first: 3, step: 1 }, watch: (id) => ({ see: (s, last) => (last && chief(s)?.id === id ? s.now : -1) }) },
  two: { watch: twoLeaders },
  breaks: { watch: () => ({ hear: (h) => (h.what === "broken" ? h.at : -1) }) },
};

/** @param {number} n @returns {Watch} */
function splitVotes(n) {
  const e = new Elections();
  return { hear: (h) => {
    e.hear(h);
    return h.kind === "became_candidate" && e.row(h.term) >= n ? h.at : -1;
  } };
}

/** @param {number} ms at least 100, so that none goes by between two looks @returns {Watch} */
function leaderless(ms) {
  let lost = -1; // since when nobody leads
  return {
    see: (s) => {
      lost = s.leaderless > 0 ? s.now - s.leaderless : -1;
      return s.leaderless > ms ? lost + ms : -1;
    },
    hear: (h) => {
      if (h.kind !== "became_leader" || lost < 0) return -1;
      const at = h.at - lost > ms ? lost + ms : -1;
      lost = -1;
      return at;
    },
  };
}

/** @returns {Watch} */
function twoLeaders() {
  /** @type {Map<number, number>} who leads which term */
  const lead = new Map();
  const ends = new Set(["became_follower", "became_candidate", "became_pre_candidate", "started", "removed", "crashed", "power_cut", "stopped", "wiped"]);
  return { hear: (h) => {
    if (h.what !== "event" && h.what !== "fault") return -1;
    if (ends.has(h.kind)) lead.delete(h.node);
    if (h.kind === "became_leader") lead.set(h.node, h.term);
    return new Set(lead.values()).size > 1 ? h.at : -1;
  } };
}

/**
 * What was found, or how much was looked at in vain.
 * @typedef {{seed: number, at: number, tried: number, skipped: number, simulated: number}} Found seed 0: nothing
 */

/**
 * Tries one seed after another.
 * @param {Core} core
 * @param {import("./links.js").Link} l the run: its settings and actions
 * @param {{watch: () => Watch, most: number, length: number}} wanted length: ms of each run
 * @param {Found} f where it says how far it is
 * @returns {Generator<void, Found>}
 */
export function* search(core, l, wanted, f) {
  for (let seed = 1; seed <= wanted.most; seed++) {
    const why = core.begin(beginning({ ...l, seed }));
    if (why) throw new Error(why);
    const w = wanted.watch();
    const course = new Course(core, l.actions);
    let at = -1;
    const hear = (/** @type {Happening} */ h) => (at = w.hear?.(h) ?? -1) >= 0;
    while (course.at < wanted.length && at < 0 && !course.refused) {
      const heard = yield* course.to(Math.min(course.at + look, wanted.length), hear);
      if (!heard && w.see) at = w.see(core.state(), course.at >= wanted.length);
    }
    f.tried++;
    f.simulated += course.at;
    if (course.refused) f.skipped++;
    else if (at >= 0) {
      f.seed = seed;
      f.at = at;
      return f;
    }
    yield;
  }
  return f;
}

/** How long the scene takes as it is told, in ms. @param {Core} core @param {import("./links.js").Link} l */
function lengthOf(core, l) {
  if (core.begin(beginning(l))) return 0;
  for (let at = 100; at < 30_000; at += 100) {
    while (core.run(at) & 1);
    core.happenings();
    if (core.run(at) & ENDED) return at;
  }
  return 0;
}

/**
 * Opens the dialog.
 * @param {Model} m
 */
export function findBox(m) {
  m.pause();
  const core = m.run.another();
  const l = { ...m.here(), at: null };
  const told = l.scene !== "free" && !m.state.left ? lengthOf(core, l) : 0;
  const long = Math.max(told ? told + 1000 : 3000, m.run.branch.end);
  let off = true;
  const gone = () => off || !form.isConnected || !d.open;

  const rows = Object.entries(questions).filter(([key]) => key !== "breaks" || l.without.length || m.info?.without.length).map(([key, q], i) => {
    const radio = el("input", { type: "radio", name: "find", value: key, checked: i === 0 });
    /** @type {HTMLInputElement|HTMLSelectElement|null} */
    let n = null;
    const choose = () => (radio.checked = true);
    if (key === "leads") n = el("select", { change: choose }, ...m.state.servers.map((v) => el("option", { value: String(v.id), selected: v.id === q.n?.first }, v.name)));
    else if (q.n) n = el("input", { type: "number", min: q.n.least, max: q.n.most, step: q.n.step, value: q.n.first, required: true, input: choose });
    n?.setAttribute("aria-label", t("find.number"));
    const [before, after] = t("find.q." + key).split("#");
    return { key, radio, n, line: el("label", {}, radio, el("span", {}, before, ...(n ? [n, after ?? ""] : []))) };
  });
  const length = el("input", { type: "number", min: 0.5, max: 60, step: 0.5, value: Math.min(60, Math.ceil(long / 500) / 2), required: true });
  const most = el("select", {}, ...[100, 1000, 10_000].map((n) => el("option", { value: String(n), selected: n === 1000 }, String(n))));
  const bar = el("progress", { max: 1, value: 0, "aria-label": t("find.progress") });
  const said = el("p", { className: "said", role: "status" });
  const go = el("button", { className: "primary" }, t("find.go"));
  const stop = el("button", { type: "button", disabled: true, click: () => (off = true) }, t("find.stop"));
  const others = [["odds", async () => (await import("./odds.js")).odds(m)], ["spread", async () => (await import("./spread.js")).spreadBox(m)]];

  const form = el("form", { className: "find", submit: async (/** @type {Event} */ e) => {
    e.preventDefault();
    if (!off) return;
    off = false;
    go.disabled = true;
    stop.disabled = false;
    stop.focus(); // what is disabled loses the focus
    const row = rows.find((r) => r.radio.checked) ?? rows[0];
    const wanted = { watch: () => questions[row.key].watch(Number(row.n?.value)), most: Number(most.value), length: Number(length.value) * 1000 };
    /** @type {Found} */
    const f = { seed: 0, at: 0, tried: 0, skipped: 0, simulated: 0 };
    const began = performance.now();
    const tell = () => {
      bar.value = f.tried / wanted.most;
      said.textContent = t("find.so-far", { n: f.tried, s: Math.round(f.simulated / 1000), rate: Math.round((f.tried * 1000) / (performance.now() - began + 1)) });
    };
    const found = await inSlices(search(core, l, wanted, f), gone, tell);
    tell();
    off = true;
    go.disabled = false;
    if (document.activeElement === stop) go.focus();
    stop.disabled = true;
    if (!found) said.textContent += " " + t("find.stopped");
    else if (!found.seed) said.textContent = t("find.none", { n: found.tried }) + (found.skipped ? " " + t("find.skipped", { n: found.skipped }) : "");
    else {
      d.close();
      await m.open(link({ ...l, seed: found.seed, at: found.at }));
      toast(t("find.found", { seed: found.seed }), 12_000);
    }
  } },
    el("div", { className: "questions" }, ...rows.map((r) => r.line)),
    el("p", {}, el("label", {}, t("find.length"), " ", length), " ", el("label", {}, t("find.most"), " ", most)),
    el("p", { className: "go" }, go, stop, bar), said);
  const d = box(t("find.title"), el("p", {}, t("find.about", { scene: l.scene === "free" ? t("ui.free") : m.telling.title, n: l.actions.length })), form,
    el("h3", {}, t("find.others")), el("p", { className: "others" }, ...others.map(([key, open]) => el("button", { click: () => {
      d.close();
      /** @type {() => void} */ (open)();
    } }, t("find." + key)))));
}
