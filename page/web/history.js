// What became of each server, made out of what happened: Figures 4 and 5 draw it.

/** @typedef {import("./types.js").Happening} Happening */
/** @typedef {import("./types.js").History} History */
/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Stretch} Stretch */
/** @typedef {{id: number, name: string, stretches: Stretch[]}} Row */

/** What the events of a core say about a server's role. @type {Record<string, Stretch["as"]>} */
const roles = { started: "follower", became_follower: "follower", became_pre_candidate: "pre-candidate", became_candidate: "candidate", became_leader: "leader" };

/** What a fault makes of a server. @type {Record<string, Stretch["as"]>} */
const faults = { crashed: "down", power_cut: "down", stopped: "down", wiped: "down", paused: "paused" };

/** Commands whose outcome is a mark of its own, or nothing to be seen. */
const told = new Set(["crash", "power-cut", "wipe", "pause", "elect", "run", "draw"]);

/** Data older than this, in ms, say nothing about now. */
const oldAfter = 2000;

/** The past of one run, or of one branch of it. */
export class Past {
  /** @param {number} [keep] ms; what is older is forgotten */
  constructor(keep = Infinity) {
    this.keep = keep;
    /** What the figures draw; it grows in place. @type {History} */
    this.view = { rows: [], marks: [], end: 0 };
    this.committed = 0;
  }

  /** Adds what happened next. @param {Happening} h */
  add(h) {
    this.reach(h.at);
    if (h.what === "event") {
      const row = h.node ? this.row(h.node) : null, last = row?.stretches.at(-1), as = roles[h.kind];
      if (row && as) this.turn(row, h.at, as, h.kind === "started" ? h.term : Math.max(h.term, last?.term ?? 0));
      else if (row && last && last.as === "follower" && h.term > last.term) this.turn(row, h.at, "follower", h.term);
      if (h.kind === "committed" && h.index > this.committed) {
        this.committed = h.index;
        this.mark(h.at, "commit", String(h.index));
      }
      if (h.kind === "snapshot_recorded" || h.kind === "config_appended" || h.kind === "fault") this.mark(h.at, h.kind, h.text);
    } else if (h.what === "fault") {
      const row = this.row(h.node), last = row.stretches.at(-1), as = faults[h.kind];
      if (as && last) this.turn(row, h.at, as, last.term);
      this.mark(h.at, h.kind, row.name);
    } else if (h.what === "did") {
      const word = h.text.split(" ", 1)[0];
      if (!told.has(word)) this.mark(h.at, word, h.text);
    } else if (h.what === "beat" || h.what === "broken") this.mark(h.at, h.what, h.text);
  }

  /** Takes over what a state at the end of what is known says more: names, who is down or paused. @param {State} s */
  state(s) {
    if (s.now < this.view.end) return;
    this.reach(s.now);
    for (const v of s.servers) {
      if (v.part === "unused") continue;
      const row = this.row(v.id), last = row.stretches.at(-1);
      row.name = v.name;
      /** @type {string} */
      const as = v.age >= oldAfter ? "unknown" : !v.up || v.part !== "in" ? "down" : v.paused ? "paused" : v.role;
      if (!last || last.as !== as || last.term !== v.term) this.turn(row, s.now, /** @type {Stretch["as"]} */ (as), v.term);
    }
  }

  /** The past up to a moment, to go on differently. @param {number} at ms @returns {Past} */
  fork(at) {
    const p = new Past(this.keep), v = this.view;
    p.view.rows = v.rows.map((r) => ({ ...r, stretches: r.stretches.filter((x) => x.from <= at).map((x) => ({ ...x, to: x.to > at ? Infinity : x.to })) }));
    p.view.marks = v.marks.filter((m) => m.at <= at);
    p.view.end = Math.min(at, v.end);
    for (const m of p.view.marks) if (m.what === "commit") p.committed = Math.max(p.committed, Number(m.text));
    return p;
  }

  /** @param {number} id @returns {Row} */
  row(id) {
    const rows = this.view.rows;
    let row = rows.find((r) => r.id === id);
    if (!row) {
      rows.push((row = { id, name: "S" + id, stretches: [] }));
      rows.sort((a, b) => a.id - b.id);
    }
    return row;
  }

  /** A server becomes something else. @param {Row} row @param {number} at @param {Stretch["as"]} as @param {number} term */
  turn(row, at, as, term) {
    const last = row.stretches.at(-1);
    if (last && last.as === as && last.term === term) return;
    if (last) last.to = at;
    row.stretches.push({ from: at, to: Infinity, as, term });
  }

  /** @param {number} at @param {string} what @param {string} text */
  mark(at, what, text) {
    this.view.marks.push({ at, what, text });
  }

  /** Time has come to here; what is too old is forgotten now and then. @param {number} at */
  reach(at) {
    const v = this.view;
    v.end = Math.max(v.end, at);
    if (this.keep === Infinity || (v.marks[0]?.at ?? v.end) > v.end - 2 * this.keep) return;
    v.marks = v.marks.filter((m) => m.at > v.end - this.keep);
    for (const r of v.rows) r.stretches = r.stretches.filter((x) => x.to > v.end - this.keep);
  }
}

/**
 * A term as the top row of Figure 5 has it: an election, and if somebody won it,
 * normal operation until the leader is lost or a new term begins.
 * @typedef {Object} Age
 * @property {number} term
 * @property {number} from
 * @property {number} stood  until when somebody stood for election
 * @property {number} won    Infinity: nobody emerged
 * @property {number} lost   when its leader stopped to lead
 * @property {number} to     when the next term begins
 */

/** The terms of a history, in order. @param {History} h @returns {Age[]} */
export function ages(h) {
  /** @type {Map<number, Age>} */
  const all = new Map();
  for (const row of h.rows)
    for (const x of row.stretches) {
      if ((x.as !== "candidate" && x.as !== "leader") || x.term < 1) continue;
      const age = all.get(x.term) ?? { term: x.term, from: Infinity, stood: -Infinity, won: Infinity, lost: -Infinity, to: Infinity };
      all.set(x.term, age);
      age.from = Math.min(age.from, x.from);
      if (x.as === "candidate") age.stood = Math.max(age.stood, x.to);
      else {
        age.won = Math.min(age.won, x.from);
        age.lost = Math.max(age.lost, x.to);
      }
    }
  const list = [...all.values()].sort((a, b) => a.term - b.term);
  list.forEach((a, i) => (a.to = list[i + 1]?.from ?? Infinity));
  return list.filter((a) => a.to > a.from);
}
