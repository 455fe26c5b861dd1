// A second core beside the one that is looked at: what would come of something, and
// what another branch looks like at the same moment.

import { Cursor, Flag, best, stepsMax } from "./run.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Happening} Happening */
/** @typedef {import("./run.js").Run} Run */
/** @typedef {import("./run.js").Branch} Branch */

const ghostAhead = 2000; // ms of the run that what-if shows

export class Second {
  /** @param {Run} run */
  constructor(run) {
    this.run = run;
    this.cursor = new Cursor(run.another(), run.state);
  }

  /**
   * What comes of it if that is done now: two seconds ahead, without doing it.
   * @param {string[]} lines
   * @returns {{error: string, state: State, happenings: Happening[]}}
   */
  ghost(lines) {
    const o = this.cursor;
    o.core.restore(this.run.main.core.image());
    o.branch = null;
    o.core.happenings();
    const heard = [];
    for (const line of lines) {
      const error = o.core.act(line);
      if (error) return { error, state: o.core.state(), happenings: [] };
      heard.push(...o.core.happenings());
    }
    const until = this.run.state.now + ghostAhead;
    o.state = o.core.state();
    for (let i = 0; i < 50 && o.state.now < until; i++) heard.push(...o.on(until, stepsMax).heard);
    return { error: "", state: o.state, happenings: heard };
  }

  /** What another branch looks like at this moment. @param {Branch} branch @returns {State} */
  beside(branch) {
    const at = this.run.state.now;
    const o = this.cursor;
    const f = best(branch.frames, (f) => f.at <= at);
    if (o.branch !== branch || o.state.now > at || f.at > o.state.now) o.load(branch, f);
    while (!o.reached(at)) {
      const was = o.state.steps + o.state.now + o.done;
      const { flags } = o.on(at, stepsMax);
      if (!(flags & Flag.beat) && o.state.steps + o.state.now + o.done === was) break;
    }
    return o.state;
  }
}
