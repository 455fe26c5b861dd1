// Goes to the next or the last happening of a kind.

import { Flag } from "./run.js";

const aheadMax = 20_000; // ms of the run

/** @typedef {import("./types.js").Happening} Happening */
/** @typedef {import("./run.js").Run} Run */
/** @typedef {"beat"|"term"|"election"|"commit"|"violation"} Kind */
/** @typedef {(h: Happening, max: number) => boolean} Pick whether it is one; max is the highest term or commit before */

/** @type {Record<Kind, Pick>} */
const kinds = {
  beat: (h) => h.what === "beat",
  term: (h, max) => h.what === "event" && h.term > max,
  election: (h) => h.kind === "became_candidate",
  commit: (h, max) => h.kind === "committed" && h.index > max,
  violation: (h) => h.what === "broken",
};

/** The highest term, or commit, up to and with a happening. @param {Kind} kind @param {number} max @param {Happening} h */
const highest = (kind, max, h) => (kind === "commit" ? (h.kind === "committed" ? Math.max(max, h.index) : max) : Math.max(max, h.term));

/**
 * Goes to the next happening of a kind, looking ahead for it, or to the last one.
 * @param {import("./types.js").Shown} run
 * @param {Kind} kind
 * @param {number} way 1 or -1
 * @returns {boolean} whether there was one
 */
export function jump(run, kind, way) {
  if (run.jump) return run.jump(kind, way);
  const pick = kinds[kind];
  const beat = kind === "beat";
  const now = run.state.now;
  /** @type {Happening|undefined} */
  let found;
  let max = 0;
  for (const h of run.branch.happenings) {
    const is = pick(h, max);
    max = highest(kind, max, h);
    if (!is) continue;
    if (way < 0 && (beat ? h.n < run.heard - 1 : h.at < now)) found = h;
    if (way > 0 && (beat ? h.n >= run.heard : h.at > now)) {
      found = h;
      break;
    }
  }
  if (!found && way > 0) found = ahead(run, kind, max);
  if (found) run.seekTo(found);
  return Boolean(found);
}

/** Looks for something beyond what is known. @param {Run} run @param {Kind} kind @param {number} max */
function ahead(run, kind, max) {
  const b = run.branch;
  const here = run.state.now;
  const known = { end: b.end, past: b.past.fork(b.end), n: b.happenings.length };
  run.seek(b.end);
  const began = performance.now();
  for (let k = b.happenings.length; run.state.now < here + aheadMax && performance.now() - began < 500; ) {
    const flags = run.on(run.state.now + 100, { stop: kind === "beat" });
    for (; k < b.happenings.length; k++) {
      const h = b.happenings[k];
      if (kinds[kind](h, max)) return h;
      max = highest(kind, max, h);
    }
    if (flags & (Flag.broken | Flag.failed)) break;
  }
  b.happenings.length = known.n; // in vain: as if one had never looked
  b.past = known.past;
  b.end = known.end;
  b.frames = b.frames.filter((f) => f.at <= known.end);
  run.seek(here);
  return undefined;
}
