// A run that can be watched at any moment: the core in WebAssembly, images of its
// memory to go back to, and branches for everything that somebody did in the past.
//
// A run is a scene and a seed (the text of begin) and actions: (time, command). It
// always comes out the same, so a moment is found again by running on from an image.

import { Past } from "./history.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Happening} Happening */
/** @typedef {import("./core.js").Core} Core */
/** @typedef {import("./core.js").Image} Image */
/** @typedef {{at: number, command: string}} Action */

/**
 * A moment of a branch with the memory of the core.
 * @typedef {{at: number, steps: number, n: number, done: number, beat: boolean, image: Image}} Frame
 */

/**
 * One course of events. actions, happenings and frames begin with its parent's.
 * @typedef {Object} Branch
 * @property {number} id
 * @property {Branch|null} parent
 * @property {number} at      ms where it leaves its parent
 * @property {number} own     how many actions it shares with its parent
 * @property {Action[]} actions
 * @property {Happening[]} happenings
 * @property {Frame[]} frames in order
 * @property {Past} past      for Figure 5
 * @property {number} end     ms that are known
 */

/** What run() of the core says; several may be set. */
export const Flag = { beat: 1, ended: 2, broken: 4, failed: 8 };

const frameSteps = 2800; // events after which a moment is kept
const nanosecond = 1e-6; // in ms: times are whole ones
const frameBytes = 48e6; // that images may take before every second one goes
export const stepsMax = 1400; // events at once; what happened in them is not forgotten by the core

/** What tests and curious people may look at. */
export const measures = { firstState: 0, step: /** @type {number[]} */ ([]), draw: /** @type {number[]} */ ([]), seek: /** @type {number[]} */ ([]) };

/** @param {number[]} list @param {number} began */
export function measure(list, began) {
  list.push(performance.now() - began);
  if (list.length > 1000) list.shift();
}

/** A place to run in: a core, and where it stands on which branch. */
export class Cursor {
  /** @param {Core} core @param {State} state what it is at */
  constructor(core, state) {
    this.core = core;
    /** @type {Branch|null} */
    this.branch = null;
    this.done = 0; // actions that are carried out
    this.n = 0; // happenings so far
    this.work = 0; // events since the last frame
    this.state = state;
  }

  /** Goes to a kept moment. @param {Branch} branch @param {Frame} frame */
  load(branch, frame) {
    this.core.restore(frame.image);
    this.branch = branch;
    this.done = frame.done;
    this.n = frame.n;
    this.work = 0;
    this.state = this.core.state();
  }

  /**
   * Runs until a moment or for some events, with the actions on the way; comes
   * back earlier when a beat is reached.
   * @param {number} until ms
   * @param {number} steps
   * @returns {{flags: number, heard: Happening[]}}
   */
  on(until, steps) {
    const next = this.branch?.actions[this.done];
    const first = this.state.steps;
    let flags = this.core.run(next ? Math.min(next.at, until) : until, steps);
    this.state = this.core.state();
    const spent = this.state.steps - first;
    if (next && !(flags & Flag.beat) && spent < steps && next.at <= until) {
      this.core.act(next.command);
      this.done++;
      this.state = this.core.state();
    }
    const heard = this.core.happenings();
    this.n += heard.length;
    this.work += spent;
    return { flags, heard };
  }

  /** Whether there is nothing left to do up to a moment. @param {number} at */
  reached(at) {
    const next = this.branch?.actions[this.done];
    return this.state.now > at - nanosecond && !(next && next.at <= at);
  }
}

/** The moment in whole nanoseconds, as the core counts. @param {number} ms */
const whole = (ms) => Math.round(ms * 1e6) / 1e6;

export class Run {
  /**
   * @param {Core} core   that begin has been called on
   * @param {() => Core} another makes another core of the same program
   */
  constructor(core, another) {
    this.another = another;
    this.main = new Cursor(core, core.state());
    /** @type {Branch[]} */
    this.branches = [];
    this.frameSteps = frameSteps;
    this.taken = 0; // bytes of images, about
    this.due = 0; // a moment is to be kept; above 0: one with a beat, after so many happenings
    this.flags = 0;
    const past = new Past();
    /** @type {Branch} */
    const root = { id: 0, parent: null, at: 0, own: 0, actions: [], happenings: [], frames: [], past, end: 0 };
    this.branches.push(root);
    this.main.branch = root;
    this.#hear(core.happenings());
    this.#keep(false);
    past.state(this.main.state);
  }

  /** @returns {Branch} the branch that is looked at */
  get branch() {
    return /** @type {Branch} */ (this.main.branch);
  }

  /** @returns {State} what is looked at */
  get state() {
    return this.main.state;
  }

  /** How many happenings have come to pass. */
  get heard() {
    return this.main.n;
  }

  /** Adds what is new to the branch. @param {Happening[]} heard */
  #hear(heard) {
    const b = this.branch;
    for (const h of heard) {
      if (h.n < b.happenings.length) continue;
      b.happenings.push(h);
      b.past.add(h);
    }
    this.main.n = Math.max(this.main.n, heard.length ? heard[heard.length - 1].n + 1 : 0);
    const s = this.main.state;
    if (s.now >= b.end) {
      b.end = s.now;
      b.past.state(s);
    }
  }

  /** Keeps this moment to come back to. @param {boolean} beat */
  #keep(beat) {
    const m = this.main;
    const frames = this.branch.frames;
    m.work = 0;
    let i = frames.length;
    while (i > 0 && after(frames[i - 1], m)) i--;
    const before = frames[i - 1];
    if (before && !after(m, before)) {
      before.beat ||= beat;
      return;
    }
    const image = m.core.image();
    frames.splice(i, 0, { at: m.state.now, steps: m.state.steps, n: m.n, done: m.done, beat, image });
    this.taken += image.bytes;
    if (this.taken < frameBytes) return;
    if (this.memory > frameBytes * 0.8) this.#thin();
    this.taken = this.memory;
  }

  /** Forgets every second image but those of beats; fewer are made from now on. */
  #thin() {
    this.frameSteps *= 2;
    const kept = new Map();
    let k = 0;
    for (const b of this.branches) {
      b.frames = b.frames.filter((f, i) => {
        if (!kept.has(f)) kept.set(f, i === 0 || f.beat || k++ % 2 === 0);
        return kept.get(f);
      });
    }
  }

  /** Bytes that all images take; they share the pages that are equal. */
  get memory() {
    const frames = new Set(this.branches.flatMap((b) => b.frames));
    const pages = new Set();
    for (const f of frames) for (const p of f.image.pages) pages.add(p);
    let sum = 0;
    for (const p of pages) sum += p.byteLength;
    return sum;
  }

  /**
   * Runs on. With stop it comes back at the first beat that lies ahead.
   * @param {number} until ms
   * @param {{steps?: number, stop?: boolean, wall?: number, lazy?: boolean}} [how] wall: ms of computing at most;
   *   lazy: moments are not kept at once, but when rest() is called
   * @returns {number} flags
   */
  on(until, { steps = Infinity, stop = false, wall = Infinity, lazy = false } = {}) {
    const m = this.main;
    until = whole(until);
    const began = performance.now();
    const last = m.state.steps + steps;
    let flags = 0;
    do {
      const wasAt = m.state.now;
      const wasDone = m.done;
      const wasSteps = m.state.steps;
      const left = Math.min(last - m.state.steps, stepsMax);
      const r = m.on(until, left);
      flags |= r.flags;
      this.#hear(r.heard);
      if (r.flags & Flag.beat || m.work >= this.frameSteps) {
        if (lazy) this.due = r.flags & Flag.beat ? m.n : this.due || -1;
        else this.#keep(Boolean(r.flags & Flag.beat));
      }
      if (stop && flags & (Flag.beat | Flag.broken | Flag.failed)) break;
      if (m.state.now === wasAt && m.state.steps === wasSteps && m.done === wasDone && !(r.flags & Flag.beat)) break; // the world stands still
      if (steps < Infinity && (m.state.steps >= last || m.done > wasDone)) break;
    } while (!m.reached(until) && performance.now() - began < wall);
    this.flags = flags;
    return flags;
  }

  /** Keeps the moment that is due, while nobody waits for the next frame. */
  rest() {
    if (this.due) this.#keep(this.due === this.main.n);
    this.due = 0;
  }

  /**
   * Goes to a moment, back or ahead, on the branch that is looked at or another.
   * @param {number} at ms
   * @param {Branch} [branch]
   */
  seek(at, branch = this.branch) {
    at = whole(Math.max(0, at));
    const m = this.main;
    const f = best(branch.frames, (f) => f.at <= at);
    if (m.branch !== branch || m.state.now > at || f.at > m.state.now) m.load(branch, f);
    if (!m.reached(at)) this.on(at);
  }

  /** Goes to right after something that happened. @param {Happening} h */
  seekTo(h) {
    const f = this.branch.frames.find((f) => f.n === h.n + 1 && f.beat);
    if (f) this.main.load(this.branch, f);
    else this.seek(h.at);
  }

  /** One event forwards. */
  stepForward() {
    return this.on(Infinity, { steps: 1 });
  }

  /** One event back; at the beginning it stays there. */
  stepBack() {
    const m = this.main;
    const want = Math.max(0, m.state.steps - 1);
    m.load(this.branch, best(this.branch.frames, (f) => f.steps <= want));
    for (let was = -1; m.state.steps < want && m.state.steps + m.done > was; ) {
      was = m.state.steps + m.done;
      this.on(Infinity, { steps: want - m.state.steps });
    }
  }

  /**
   * Does something now. In the past, or while the scene's script is still
   * followed, that begins a branch; otherwise it belongs to the branch at hand.
   * @param {string} line a command
   * @returns {string} empty, or why it cannot be done
   */
  act(line) {
    const m = this.main;
    const parent = this.branch;
    const at = m.state.now;
    const scripted = parent.parent === null && !m.state.left && parent.happenings.some((h) => h.what === "beat" || h.scripted);
    const error = m.core.act(line);
    if (error) return error;
    const actions = [...parent.actions.slice(0, m.done), { at, command: line }];
    if (scripted || at < parent.end || m.done < parent.actions.length) {
      const past = parent.past.fork(at);
      /** @type {Branch} */
      const b = {
        id: this.branches.length,
        parent,
        at,
        own: m.done,
        actions,
        happenings: parent.happenings.slice(0, m.n),
        frames: parent.frames.filter((f) => !after(f, m)),
        past,
        end: at,
      };
      this.branches.push(b);
      m.branch = b;
    } else parent.actions = actions;
    m.done++;
    m.state = m.core.state();
    const heard = m.core.happenings();
    m.n += heard.length;
    this.#hear(heard);
    return "";
  }

  /** A digest of the present moment: equal runs have equal ones. */
  hash() {
    return this.main.core.hash().toString(16).padStart(16, "0");
  }
}

/** Whether a lies after b. @param {Place} a @param {Place} b */
function after(a, b) {
  const at = (/** @type {Place} */ p) => p.at ?? p.state?.now ?? 0;
  const steps = (/** @type {Place} */ p) => p.steps ?? p.state?.steps ?? 0;
  return at(a) > at(b) || (at(a) === at(b) && (a.n > b.n || a.done > b.done || steps(a) > steps(b)));
}
/** @typedef {{at?: number, steps?: number, state?: State, n: number, done: number}} Place */

/** Who leads: of several the one with the highest term. @param {State} s */
export const chief = (s) => s.servers.filter((v) => v.up && v.role === "leader").sort((a, b) => b.term - a.term)[0];

/** For who wants no motion: each message is half way, until it is there. @param {State} s @returns {State} */
export const halfWay = (s) => ({ ...s, flights: s.flights.map((f) => (f.arrives < 0 ? f : { ...f, sent: s.now - 1, arrives: s.now + 1 })) });

/** The last frame that fits; the first one always does. @param {Frame[]} frames @param {(f: Frame) => boolean} fits */
export function best(frames, fits) {
  let i = frames.length - 1;
  while (i > 0 && !fits(frames[i])) i--;
  return frames[i];
}
