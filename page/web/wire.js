// Reads what the model says of itself: words of 32 bits, in the order in which
// model/encode.go writes them.

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Server} Server */
/** @typedef {import("./types.js").Flight} Flight */
/** @typedef {import("./types.js").Happening} Happening */
/** @typedef {import("./types.js").SceneInfo} SceneInfo */

const VERSION = 1;

const PARTS = /** @type {const} */ (["in", "unused", "lost", "gone"]);
const ROLES = /** @type {const} */ (["follower", "pre-candidate", "candidate", "leader"]);
const STANDINGS = /** @type {const} */ (["fresh", "admitted", "damaged"]);
const KINDS = /** @type {const} */ (["other", "command", "noop", "config"]);
const VERDICTS = /** @type {const} */ (["unknown", "granted", "refused"]);
const OUTCOMES = /** @type {const} */ (["waiting", "done", "refused", "unknown"]);
const WHAT = /** @type {const} */ (["event", "lost", "did", "asked", "answered", "beat", "broken", "fault"]);

/** The kinds of messages, by their numbers in package raft. */
export const MESSAGES = ["", "request_vote", "vote_reply", "append", "append_reply", "heartbeat", "heartbeat_reply", "timeout_now",
  "read_index", "read_index_reply", "propose", "propose_reply", "greet", "greet_reply", "install_snapshot", "snapshot_fetch", "snapshot_chunk"];

const utf8 = new TextDecoder();

/** Reads one thing after another. */
class Reader {
  /** @param {DataView} view */
  constructor(view) {
    this.view = view;
    this.at = 0;
    const version = this.word();
    if (version !== VERSION) throw new Error(`the model speaks version ${version}, the page ${VERSION}: reload it`);
  }

  word() {
    const v = this.view.getUint32(this.at, true);
    this.at += 4;
    return v;
  }

  /** A count, or a difference, of two words. */
  long() {
    const low = this.word(), high = this.word() | 0;
    return high * 4294967296 + low;
  }

  /** ms; -1 for never. */
  time() {
    const ns = this.long();
    return ns < 0 ? -1 : ns / 1e6;
  }

  text() {
    const n = this.word(), at = this.at;
    this.at += (n + 3) & ~3;
    return n === 0 ? "" : utf8.decode(new Uint8Array(this.view.buffer, this.view.byteOffset + at, n));
  }

  /**
   * @template T
   * @param {() => T} each
   * @returns {T[]}
   */
  list(each) {
    const n = this.word(), all = [];
    for (let k = 0; k < n; k++) all.push(each());
    return all;
  }
}

/**
 * @param {DataView} view
 * @returns {State}
 */
export function readState(view) {
  const r = new Reader(view), word = () => r.word(), text = () => r.text();
  const now = r.time(), steps = r.long(), commit = r.word(), leaderless = r.time(), stuck = r.time(), flags = r.word();
  return {
    now, steps, commit, leaderless, stuck,
    ended: (flags & 1) !== 0,
    left: (flags & 2) !== 0,
    beat: r.text(),
    look: r.list(text),
    failed: r.text(),
    without: r.list(text),
    broken: r.list(() => ({ promise: r.text(), how: r.text() })),
    servers: r.list(() => server(r, word, text)),
    flights: r.list(() => flight(r, word)),
    links: r.list(() => ({ from: r.word(), to: r.word(), cut: r.word() === 1, slow: r.time() })),
    clients: r.list(() => {
      const id = r.word(), asked = r.word(), outcome = OUTCOMES[r.word()], f = r.word();
      return { id, server: asked, outcome, found: (f & 1) !== 0, reason: f & 2 ? "not_running" : "",
        index: r.word(), since: r.time(), ended: r.time(), asked: r.text(), value: r.text() };
    }),
  };
}

/**
 * @param {Reader} r
 * @param {() => number} word
 * @param {() => string} text
 * @returns {Server}
 */
function server(r, word, text) {
  const id = r.word(), flags = r.word();
  const part = PARTS[r.word()], role = ROLES[r.word()], standing = STANDINGS[r.word()];
  const [term, vote, leader, commit, applied, persisted, snapshot, first, last, transferee] = Array.from({ length: 10 }, word);
  const left = r.time(), drawn = r.time(), max = r.time(), beat = r.time(), lease = r.time(), heard = r.time();
  const fetched = r.word();
  return {
    id, name: "S" + id, part, role, standing,
    up: (flags & 1) !== 0, paused: (flags & 2) !== 0, learner: (flags & 4) !== 0, confirmed: (flags & 8) !== 0,
    term, vote, leader, commit, applied, persisted, snapshot, first, last, transferee,
    timer: left < 0 ? null : { left, drawn, max },
    beat, lease, heard, age: 0,
    fetched: fetched === 0xffffffff ? -1 : fetched / 1000,
    fault: r.text(),
    voters: r.list(word), outgoing: r.list(word), learners: r.list(word),
    log: r.list(() => ({ index: r.word(), term: r.word(), kind: KINDS[r.word()] ?? "other", text: r.text() })),
    peers: r.list(() => ({ id: r.word(), match: r.word(), next: r.word(), probing: r.word() === 1,
      inflight: r.word(), contact: r.time(), snapshot: r.word() })),
    ballots: r.list(() => ({ id: r.word(), verdict: VERDICTS[r.word()], reason: r.text() })),
    values: r.list(() => /** @type {[string, string]} */ ([text(), text()])),
  };
}

/**
 * @param {Reader} r
 * @param {() => number} word
 * @returns {Flight}
 */
function flight(r, word) {
  const id = r.word(), from = r.word(), to = r.word(), kind = MESSAGES[r.word()], flags = r.word();
  return {
    id, from, to, kind, reply: (flags & 1) !== 0, pre: (flags & 2) !== 0,
    term: r.word(), yes: r.word() | 0, index: r.word(), sent: r.time(), arrives: r.time(), count: r.word(), entries: r.list(word),
  };
}

/**
 * @param {DataView} view
 * @returns {Happening[]}
 */
export function readHappenings(view) {
  const r = new Reader(view);
  return r.list(() => ({
    n: r.word(), at: r.time(), step: r.long(), what: WHAT[r.word()], node: r.word(), peer: r.word(), client: r.word(),
    term: r.word(), index: r.word(), scripted: r.word() === 1, kind: r.text(), reason: r.text(), text: r.text(), value: r.text(),
  }));
}

/**
 * @param {DataView} view
 * @returns {SceneInfo[]}
 */
export function readScenes(view) {
  const r = new Reader(view), text = () => r.text();
  return r.list(() => ({
    id: r.text(), of: r.text(), breaks: r.text(), settings: r.list(text), without: r.list(text), beats: r.list(text),
    tries: r.list(() => ({ id: r.text(), beat: r.text(), do: r.list(text) })),
  }));
}
