// When did it become inevitable? From twenty moments of a run a hundred futures each,
// with other luck: how many of them end as this one did. Drawn under Figure 5.

import { beginning } from "./links.js";
import { say, t } from "./words.js";
import { $, clock, el, toast } from "./dom.js";
import { make, set, write } from "./look.js";
import { chief } from "./run.js";
import { Course, inSlices } from "./many.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./core.js").Core} Core */
/** @typedef {import("./core.js").Image} Image */
/** @typedef {import("./types.js").State} State */
/** @typedef {import("./run.js").Action} Action */

/**
 * How a run ended: whatever one may ask for.
 * @typedef {{lead: number, broken: boolean, committed: Set<string>}} End lead: id, 0 nobody
 */

/**
 * A moment of the run, and what comes after it.
 * @typedef {{at: number, done: number, image: Image, ends: End[]}} Point done: actions so far
 */

export const points = 20, futures = 100;
const finer = 5; // times that the stretch in which it is decided is halved
const latest = 10_000; // ms before the end that are looked at

/** @param {State} s @returns {End} */
function endOf(s) {
  const committed = new Set();
  for (const v of s.servers) for (const e of v.log) if (e.text && e.index <= s.commit && e.index <= v.commit) committed.add(e.text);
  return { lead: chief(s)?.id ?? 0, broken: s.broken.length > 0, committed };
}

/** The questions: "lead 3", "leader", "entry x=1", "broken". @param {string} q @param {End} e */
export function holds(q, e) {
  const [kind, rest] = [q.split(" ", 1)[0], q.slice(q.indexOf(" ") + 1)];
  return kind === "lead" ? e.lead === Number(rest) : kind === "leader" ? e.lead > 0 : kind === "broken" ? e.broken : e.committed.has(rest);
}

/** All of it, without a page. */
export class Odds {
  /** @type {Point[]} */
  points = [];
  /** @type {Point[]} those that were added where it was decided */
  extra = [];
  /** @type {End|null} how the run itself ended */
  end = null;
  done = 0; // futures so far

  /** @param {Core} core @param {import("./links.js").Link} l @param {number} until ms @param {number} [each] futures of a moment */
  constructor(core, l, until, each = futures) {
    this.each = each;
    this.core = core;
    this.l = l;
    this.until = until;
    this.from = Math.max(0, until - latest);
  }

  /** Plays the run itself. @returns {Generator<void, void>} */
  *past() {
    const why = this.core.begin(beginning(this.l));
    if (why) throw new Error(why);
    const course = new Course(this.core, this.l.actions);
    for (let i = 0; i < points; i++) {
      const at = this.from + (i * (this.until - this.from)) / points;
      yield* course.to(at);
      this.points.push({ at, done: course.done, image: this.core.image(), ends: [] });
      yield;
    }
    yield* course.to(this.until);
    this.end = endOf(this.core.state());
  }

  /** The futures of one moment. The script goes on in them, and what was done is done again. @param {Point} p @returns {Generator<void, void>} */
  *of(p) {
    for (let luck = p.ends.length + 1; luck <= this.each; luck++) {
      this.core.restore(p.image);
      this.core.act("luck " + luck);
      const course = new Course(this.core, this.l.actions.slice(p.done), p.at);
      course.strict = false; // a message that is not there cannot be lost
      yield* course.to(this.until);
      p.ends.push(endOf(this.core.state()));
      this.done++;
      yield;
    }
  }

  /** All moments, from left to right. @returns {Generator<void, void>} */
  *all() {
    for (const p of this.points) yield* this.of(p);
  }

  /** Where it was decided, more exactly. @param {string} q @returns {Generator<void, void>} */
  *closer(q) {
    for (let i = 0; i < finer; i++) {
      const s = this.settled(q);
      if (!s || s.since <= this.from) return;
      const list = this.sorted(), k = list.findIndex((p) => p.at === s.since);
      const before = list[(k < 0 ? list.length : k) - 1];
      if (!before || s.since - before.at < 1) return;
      this.core.restore(before.image);
      const at = (before.at + s.since) / 2, course = new Course(this.core, this.l.actions, before.at);
      course.done = before.done;
      yield* course.to(at);
      const p = { at, done: course.done, image: this.core.image(), ends: [] };
      yield* this.of(p);
      this.extra.push(p);
    }
  }

  /** Those moments of which all futures are known. */
  sorted() {
    return [...this.points, ...this.extra].filter((p) => p.ends.length === this.each).sort((a, b) => a.at - b.at);
  }

  /** The share of futures in which it holds. @param {Point} p @param {string} q */
  share(p, q) {
    return p.ends.filter((e) => holds(q, e)).length / (p.ends.length || 1);
  }

  /**
   * Since when all futures end as the run did.
   * @param {string} q
   * @returns {{since: number, open: number}|null} open: the last moment at which it could still come otherwise, -1: none
   */
  settled(q) {
    if (!this.end) return null;
    const final = holds(q, this.end) ? 1 : 0, list = this.sorted();
    let since = this.until, open = -1;
    for (let i = list.length - 1; i >= 0; i--) {
      if (this.share(list[i], q) !== final) {
        open = list[i].at;
        break;
      }
      since = list[i].at;
    }
    return { since, open };
  }

  /** What may be asked about this run, the most telling first. @param {State} s @param {string[]} asked entries that clients wanted */
  questions(s, asked) {
    const e = this.end, servers = s.servers.filter((v) => v.part !== "unused").map((v) => "lead " + v.id);
    const first = e?.lead ? "lead " + e.lead : "leader";
    return [...new Set([first, ...asked.map((x) => "entry " + x), "leader", ...servers, ...(this.l.without.length || e?.broken ? ["broken"] : [])])];
  }
}

/** The words of a question. @param {string} q @param {State} s */
function words(q, s) {
  const [kind, rest] = [q.split(" ", 1)[0], q.slice(q.indexOf(" ") + 1)];
  return t("odds.q." + kind, { n: kind === "lead" ? s.servers.find((v) => v.id === Number(rest))?.name ?? rest : rest });
}

/**
 * Opens the strip under Figure 5, and begins.
 * @param {Model} m
 */
export async function odds(m) {
  m.pause();
  $("odds")?.remove();
  const run = m.run, branch = run.branch, f5 = $("figure5");
  if (branch.end < 50) return toast(t("odds.short"), 6000);
  const o = new Odds(run.another(), { ...m.here(), at: null }, branch.end);
  const asked = branch.happenings.filter((h) => h.what === "asked" && h.kind === "put").map((h) => h.text.split(" ")).map((w) => w[1] + "=" + w[2]).slice(-8);
  const name = (/** @type {number} */ id) => m.state.servers.find((v) => v.id === id)?.name ?? "S" + id;
  let off = false;
  const gone = () => off || !strip.isConnected || m.run !== run;

  const pick = el("select", { change: () => closer() }), label = el("span");
  const said = el("p", { role: "status" });
  const bar = el("progress", { max: points * futures });
  const stop = el("button", { click: () => (off = true) });
  const svg = make("svg", { class: "odds" });
  const strip = el("div", { id: "odds" }, el("div", { className: "row" }, el("label", {}, label, " ", pick), bar, stop, el("button", { className: "icon", click: () => strip.remove() }, "✕")), svg, said);
  f5.after(strip);
  const life = new AbortController(), { signal } = life;
  new MutationObserver((_, it) => {
    if (strip.isConnected) return;
    it.disconnect();
    life.abort();
  }).observe(strip.parentElement, { childList: true });
  if (!f5.offsetParent) m.panels.show("figure5");

  const draw = () => {
    if (m.run !== run) return strip.remove();
    bar.value = o.done;
    if (!strip.isConnected || !f5.x) return;
    const q = pick.value, w = strip.clientWidth, h = svg.clientHeight || 44, base = h - 2, high = h - 8;
    const list = o.sorted(), s = o.settled(q), last = o.end && holds(q, o.end) ? 1 : 0;
    const on = [...svg.querySelectorAll(".odd")].indexOf(/** @type {SVGElement} */ (document.activeElement)); // drawn anew, it keeps the focus
    set(svg, { viewBox: `0 0 ${w} ${h}` });
    svg.replaceChildren();
    make("line", { class: "grid", x1: f5.x(o.from), x2: f5.x(o.until), y1: base, y2: base }, svg);
    make("line", { class: "grid", x1: f5.x(o.from), x2: f5.x(o.until), y1: base - high, y2: base - high }, svg);
    for (const [share, y] of [["0", base], [String(futures), base - high + 9]]) write(make("text", { class: "small end", x: f5.x(o.from) - 4, y: Number(y) }, svg), String(share));
    let d = "";
    const wide = Math.max(2, Math.min(9, (f5.x(o.until) - f5.x(o.from)) / points / 2));
    for (const p of list) {
      const v = o.share(p, q), x = f5.x(p.at), it = make("g", { class: "odd", tabindex: 0, role: "button" }, svg);
      write(make("title", {}, it), t("odds.tip", { at: clock(p.at), n: Math.round(v * futures), all: futures }));
      make("rect", { class: "hit", x: x - wide, y: 0, width: 2 * wide, height: h }, it);
      if (!o.extra.includes(p)) make("rect", { class: "bar", x: x - wide / 2, y: base - v * high, width: wide, height: Math.max(1, v * high) }, it);
      it.addEventListener("click", () => other(p, q));
      it.addEventListener("keydown", (/** @type {Event} */ e) => /** @type {KeyboardEvent} */ (e).key === "Enter" && other(p, q));
      d += (d ? "L" : "M") + x + "," + (base - v * high);
    }
    if (on >= 0) /** @type {SVGElement|undefined} */ (svg.querySelectorAll(".odd")[on])?.focus();
    const ready = o.end !== null && list.length >= points;
    if (ready) d += `L${f5.x(o.until)},${base - last * high}`;
    if (d) make("path", { class: "line", d }, svg);
    if (!s || !ready || s.since <= o.from || s.since >= o.until) return;
    make("line", { class: "settled", x1: f5.x(s.since), x2: f5.x(s.since), y1: 0, y2: h }, svg);
    make("path", { class: "settled", d: `M${f5.x(s.since) - 5},0h10l-5,7z` }, svg);
  };

  /** One future that ends otherwise, or else the first, as a branch. @param {Point} p @param {string} q */
  const other = (p, q) => {
    const want = o.end ? !holds(q, o.end) : true, k = p.ends.findIndex((e) => holds(q, e) === want), rest = branch.actions.slice(p.done);
    m.pause();
    m.go(() => {
      run.seek(p.at, branch);
      run.act("luck " + ((k < 0 ? 0 : k) + 1));
      const b = run.branch;
      for (const a of rest) {
        run.seek(a.at);
        run.act(a.command);
      }
      run.seek(o.until);
      run.seek(p.at, b);
    });
    toast(t(k < 0 ? "odds.same" : "odds.other", { n: (k < 0 ? 0 : k) + 1 }), 9000);
  };

  const tell = () => {
    const q = pick.value, s = o.settled(q);
    if (!s || !o.end || o.sorted().length < points) return void (said.textContent = t(off ? "odds.stopped" : "odds.about", { points, all: futures }));
    const yes = holds(q, o.end), what = words(q, m.state), all = { what, all: futures };
    if (s.since >= o.until) said.textContent = t("odds.never", all);
    else if (s.open < 0) said.textContent = t(yes ? "odds.always" : "odds.hopeless", { ...all, at: clock(s.since) });
    else {
      const told = ["became_leader", "became_candidate", "committed", "truncated", "became_follower", "vote_granted"];
      const near = branch.happenings.filter((h) => h.at > s.open && h.at <= s.since);
      const h = near.find((h) => h.what === "did" || h.what === "fault" || told.includes(h.kind));
      said.textContent = t(yes ? "odds.since" : "odds.lost", { ...all, at: clock(s.since) }) + " " + (h ? t("odds.then", { what: say(h, name) }) : t("odds.quiet")) + (o.from > 0 ? " " + t("odds.last", { s: latest / 1000 }) : "");
    }
  };

  /** Whether somebody works at the questions already: they share one core. */
  let busy = true;
  const closer = async () => {
    draw();
    tell();
    if (busy || o.sorted().length < points) return;
    busy = true;
    stop.hidden = off = false;
    for (let q = ""; q !== pick.value && !gone(); ) {
      q = pick.value;
      await inSlices(o.closer(q), gone, draw);
    }
    busy = false;
    stop.hidden = true;
    draw();
    tell();
  };

  /** Puts all texts in. */
  const texts = () => {
    label.textContent = t("odds.label");
    stop.textContent = t("find.stop");
    const x = strip.querySelector(".icon");
    for (const [e, key] of [[pick, "odds.pick"], [bar, "find.progress"], [x, "ui.close"]]) e.setAttribute("aria-label", t(key));
    x.title = t("ui.close");
    for (const it of pick.options) it.textContent = words(it.value, m.state);
    draw();
    tell();
  };

  f5.addEventListener("view", () => draw(), { signal });
  addEventListener("retold", texts, { signal });
  texts();
  await inSlices(o.past(), gone, draw);
  if (o.end) {
    for (const q of o.questions(m.state, asked)) pick.append(el("option", { value: q }, words(q, m.state)));
    draw();
    await inSlices(o.all(), gone, draw);
  }
  busy = false;
  if (strip.isConnected && m.run === run) {
    await closer();
    stop.hidden = bar.hidden = true;
  }
}
