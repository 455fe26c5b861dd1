// Many runs, one after another, in a core of their own: in slices, so that the page
// stays usable meanwhile, and by simulated time alone, so that the same question has
// the same answer.

import { AT_BEAT } from "./core.js";
import { style } from "./files.js";
import { lang, setLang } from "./words.js";
import "./more.js";

/** @typedef {import("./core.js").Core} Core */
/** @typedef {import("./types.js").Happening} Happening */
/** @typedef {import("./run.js").Action} Action */

await Promise.all([setLang(lang, "many"), style("many.css")]);

const slice = 12; // ms of computing, then the page has its turn

/**
 * Works in slices until it is done.
 * @template T
 * @param {Generator<unknown, T>} work each step of it takes a few ms
 * @param {() => boolean} off whether nobody waits for it any more
 * @param {() => void} tell after each slice
 * @returns {Promise<T|undefined>} undefined: it was given up
 */
export async function inSlices(work, off, tell) {
  for (;;) {
    const began = performance.now();
    do {
      if (off()) return undefined;
      const step = work.next();
      if (step.done) return step.value;
    } while (performance.now() - began < slice);
    tell();
    await new Promise((next) => setTimeout(next));
  }
}

/** A course of events in a core: where it is, and what is still to be done in it. */
export class Course {
  /** @param {Core} core @param {Action[]} actions those still to be done @param {number} [at] ms */
  constructor(core, actions, at = 0) {
    this.core = core;
    this.actions = actions;
    this.done = 0;
    this.at = at;
    this.refused = ""; // why an action could not be done; it and all later ones were not
    this.strict = true; // the first that cannot be done is the last that is tried
  }

  /**
   * Goes on, in steps, to a moment or until somebody has heard enough.
   * @param {number} until ms
   * @param {(h: Happening) => boolean} [hear] whether that is enough
   * @param {number} [piece] ms of the run at once
   * @returns {Generator<void, Happening|null>} what was enough
   */
  *to(until, hear = () => false, piece = 200) {
    for (;;) {
      const next = this.actions[this.done];
      const to = Math.min(this.at + piece, until, next?.at ?? Infinity);
      while (this.core.run(to) & AT_BEAT);
      this.at = to;
      while (this.actions[this.done]?.at <= to) {
        const why = this.core.act(this.actions[this.done++].command);
        if (!why) continue;
        this.refused ||= why;
        if (this.strict) this.done = this.actions.length;
      }
      for (const h of this.core.happenings()) if (hear(h)) return h;
      if (this.at >= until && !(this.actions[this.done]?.at <= until)) return null;
      yield;
    }
  }
}

/** Hears how elections end. */
export class Elections {
  /** @type {Map<number, Set<number>>} by term: who stood */
  stood = new Map();
  /** @type {Set<number>} terms that have a leader */
  won = new Set();

  /** @param {Happening} h */
  hear(h) {
    if (h.kind === "became_leader") this.won.add(h.term);
    if (h.kind !== "became_candidate") return;
    const who = this.stood.get(h.term) ?? new Set();
    this.stood.set(h.term, who.add(h.node));
  }

  /** Whether the votes of a term were split: several stood, and nobody won. @param {number} term */
  split(term) {
    return (this.stood.get(term)?.size ?? 0) > 1 && !this.won.has(term);
  }

  /** How many votes were split in a row before a term. @param {number} term */
  row(term) {
    let n = 0;
    while (this.split(term - 1 - n)) n++;
    return n;
  }

  /** How many terms before one were split. @param {number} term */
  splits(term) {
    return [...this.stood.keys()].filter((x) => x < term && this.split(x)).length;
  }
}
