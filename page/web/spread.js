// How far apart election timeouts should be: the paper's Figure 16, measured here
// and now with the real core, run by run.

import { beginning, link } from "./links.js";
import { num, t } from "./words.js";
import { el, span, toast } from "./dom.js";
import { make, set, write } from "./look.js";
import { box } from "./more.js";
import { Course, Elections, inSlices } from "./many.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./core.js").Core} Core */
/** @typedef {{seed: number, gap: number, splits: number}} One gap: ms without a leader */

export const spreads = [0, 25, 50, 75, 100, 125, 150, 175, 200];
export const seeds = 100;
const longest = 10_000; // ms after which a run is given up

/** When the leader dies: at any moment between two heartbeats. @param {number} seed */
const death = (seed) => 400 + ((seed * 37) % 50);

/** A cluster of five whose leader dies. @param {number} spread ms @param {number} seed */
export const clusterOf = (spread, seed) => link({ scene: "free", nodes: 5, seed,
  settings: ["election 150ms " + (150 + spread) + "ms", "heartbeat 50ms", "wire 10ms 15ms", "fast off"],
  actions: [{ at: 0, command: "start" }, { at: 60, command: "timeout S1" }, { at: death(seed), command: "crash S1" }] });

/**
 * One run: how long nobody leads once the leader is dead.
 * @param {Core} core @param {number} spread @param {number} seed
 * @returns {Generator<void, One>}
 */
function* one(core, spread, seed) {
  const l = clusterOf(spread, seed), dead = death(seed);
  const why = core.begin(beginning(l));
  if (why) throw new Error(why);
  const e = new Elections(), course = new Course(core, l.actions);
  const h = yield* course.to(dead + longest, (h) => {
    e.hear(h);
    return h.kind === "became_leader" && h.at > dead;
  });
  return { seed, gap: h ? h.at - dead : longest, splits: e.splits(h?.term ?? Infinity) };
}

/**
 * All runs: first a few of every spread, so that one sees the whole soon.
 * @param {Core} core
 * @param {One[][]} all by spread, sorted by gap; it grows
 * @returns {Generator<void, One[][]>}
 */
export function* measure(core, all) {
  for (let seed = 1; seed <= seeds; seed++)
    for (const [k, spread] of spreads.entries()) {
      const x = yield* one(core, spread, seed);
      const i = all[k].findIndex((y) => y.gap > x.gap);
      all[k].splice(i < 0 ? all[k].length : i, 0, x);
      yield;
    }
  return all;
}

/** The run in which a share of all had a leader sooner. @param {One[]} list @param {number} share */
export const at = (list, share) => list[Math.min(list.length - 1, Math.floor(share * list.length))];

/** @param {One[]} list */
const splitsOf = (list) => list.reduce((sum, x) => sum + x.splits, 0) / (list.length || 1);

/** "640 ms", "2.1 s", "> 10 s". @param {number} ms */
const gap = (ms) => (ms < longest ? span(ms) : "> " + longest / 1000 + " " + t("ui.s"));

const widest = 760, H = 330, left = 58, right = 14, top = 14, floor = 246, splitRow = 296; // of the chart
const least = 100; // ms: the axis is logarithmic

/** @param {number} ms */
const y = (ms) => floor - ((floor - top) * Math.log(Math.max(ms, least) / least)) / Math.log(longest / least);

class Chart {
  constructor() {
    const W = (this.w = Math.min(widest, innerWidth - 50)), narrow = W < widest * 0.7, x = (/** @type {number} */ k) => this.x(k);
    this.svg = make("svg", { viewBox: `0 0 ${W} ${H}`, class: "spread", role: "img" });
    for (const ms of [100, 200, 500, 1000, 2000, 5000, 10_000]) {
      make("line", { class: "grid", x1: left, x2: W - right, y1: y(ms), y2: y(ms) }, this.svg);
      write(make("text", { class: "small end", x: left - 6, y: y(ms) + 4 }, this.svg), ms >= longest ? gap(ms) : ms >= 1000 ? ms / 1000 + " " + t("ui.s") : ms + " " + t("ui.ms"));
    }
    this.chosen = make("rect", { class: "chosen", y: top - 8, width: this.step, height: H - top }, this.svg);
    if (narrow) write(make("text", { class: "small end", x: left - 6, y: floor + 18 }, this.svg), t("ui.ms"));
    this.columns = spreads.map((spread, k) => {
      write(make("text", { class: "small mid", x: x(k), y: floor + 18 }, this.svg), narrow ? String(spread) : spread + " " + t("ui.ms"));
      return { line: make("line", { class: "reach", x1: x(k), x2: x(k) }, this.svg), cap: make("line", { class: "reach", x1: x(k) - 9, x2: x(k) + 9 }, this.svg),
        dot: make("circle", { class: "median", cx: x(k), r: 6 }, this.svg), splits: make("text", { class: "mid", x: x(k), y: splitRow + 22 }, this.svg) };
    });
    write(make("text", { class: "small", x: narrow ? 0 : left, y: splitRow + 2 }, this.svg), t("spread.splits"));
  }

  /** How far a column is from the next. */
  get step() { return (this.w - left - right) / spreads.length; }

  /** The middle of a column. @param {number} k */
  x(k) { return left + (k + 0.5) * this.step; }

  /** @param {One[][]} all @param {number} k the column that is chosen */
  show(all, k) {
    set(this.chosen, { x: this.x(k) - this.step / 2 });
    for (const [i, c] of this.columns.entries()) {
      const list = all[i];
      if (!list.length) continue;
      const median = at(list, 0.5).gap, nine = at(list, 0.9).gap;
      set(c.line, { y1: y(median), y2: y(nine) });
      set(c.cap, { y1: y(nine), y2: y(nine) });
      set(c.dot, { cy: y(median) });
      write(c.splits, num(splitsOf(list), 1));
    }
    this.svg.setAttribute("aria-label", t("spread.title") + ". " + spreads.map((s, i) => (all[i].length ? s + " " + t("ui.ms") + ": " + gap(at(all[i], 0.5).gap) : "")).filter(Boolean).join("; "));
  }
}

/**
 * Opens the dialog and begins to measure.
 * @param {Model} m
 */
export async function spreadBox(m) {
  m.pause();
  const core = m.run.another();
  /** @type {One[][]} */
  const all = spreads.map(() => []);
  const chart = new Chart();
  const slider = el("input", { type: "range", min: 0, max: spreads.length - 1, step: 1, value: 6, "aria-label": t("spread.slider"), input: () => show() });
  const said = el("p", { className: "said", role: "status" });
  const bar = el("progress", { max: seeds * spreads.length, value: 0, "aria-label": t("find.progress") });
  let off = false;
  const stop = el("button", { click: () => (off = true) }, t("find.stop"));
  const show = () => {
    const k = Number(slider.value), list = all[k];
    chart.show(all, k);
    bar.value = all.reduce((n, x) => n + x.length, 0);
    const p = { spread: spreads[k], most: 150 + spreads[k] };
    slider.setAttribute("aria-valuetext", spreads[k] + " " + t("ui.ms"));
    said.textContent = list.length ? t("spread.said", { ...p, median: gap(at(list, 0.5).gap), nine: gap(at(list, 0.9).gap), splits: num(splitsOf(list), 1), n: list.length }) : t("spread.wait", p);
  };
  const watch = el("button", { className: "primary", click: async () => {
    const k = Number(slider.value), run = at(all[k], 0.5) ?? { seed: 1, gap: 0 };
    d.close();
    await m.begin({ ...clusterOf(spreads[k], run.seed), at: death(run.seed) - 100 });
    if (run.gap) toast(t("spread.watching", { spread: spreads[k], seed: run.seed, gap: gap(run.gap) }), 12_000);
  } }, t("spread.watch"));
  const body = el("div", { className: "spreads" }, chart.svg, slider, said, el("p", { className: "go" }, watch, stop, bar));
  const d = box(t("spread.title"), el("p", {}, t("spread.about", { n: seeds })), body);
  show();
  await inSlices(measure(core, all), () => off || !body.isConnected || !d.open, show);
  stop.disabled = true;
  show();
}
