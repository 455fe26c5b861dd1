// The model, running: a session of package model in WebAssembly. It is a value
// that changes only when it is told to, so that it can be copied and put back.
// First what others call; then the host of the Go runtime; then what reads the
// pictures that the model gives of itself.

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Server} Server */
/** @typedef {import("./types.js").Flight} Flight */
/** @typedef {import("./types.js").Happening} Happening */
/** @typedef {import("./types.js").SceneInfo} SceneInfo */

/** What run() returns: why it did, and how the run stands. */
export const AT_BEAT = 1, ENDED = 2, BROKEN = 4, FAILED = 8;

/**
 * All of a session. Images share the pages that are equal.
 * @typedef {Object} Image
 * @property {Int32Array[]} pages of the memory
 * @property {(number|bigint)[]} globals beside the memory: Go's stack pointer is one
 * @property {bigint} clock
 * @property {number} bytes what it costs beside the image before it
 */

const PAGE = 1024, GROW = 65536; // words of a page; bytes by which memory grows
const ZERO = new Int32Array(PAGE);
const encoder = new TextEncoder(), decoder = new TextDecoder();

export class Core {
  #module;
  #host;
  /** @type {Int32Array[]} the pages of the latest image, taken or put back */
  #known = [];

  /** @param {WebAssembly.Module} module see module() in files.js */
  constructor(module) {
    this.#module = module;
    this.#host = instantiate(module);
  }

  /**
   * Begins a run; the one that was there is forgotten.
   * @param {string} config lines: "scene two-masters" or "free"; then settings, "seed 7"
   * @returns {string} what is wrong with it; then nothing has changed. "": nothing
   */
  begin(config) { return this.#say("begin", config); }

  /**
   * Does a command of stories now: "crash S1".
   * @param {string} command
   * @returns {string} as begin
   */
  act(command) { return this.#say("act", command); }

  /**
   * Lets time pass.
   * @param {number} until ms since the run began; Infinity has no end
   * @param {number} steps at most so many events
   * @returns {number} AT_BEAT (it returned right after one), ENDED …
   */
  run(until, steps = 0xffffffff) { return this.#host.exports.run(Math.round(until * 1e6), Math.min(steps, 0xffffffff)); }

  /** @returns {State} the present moment */
  state() { return readState(this.#read("state")); }

  /** @returns {Happening[]} what happened since they were asked for last */
  happenings() { return readHappenings(this.#read("happenings")); }

  /** @returns {SceneInfo[]} what can be begun */
  scenes() { return readScenes(this.#read("scenes")); }

  /** @returns {bigint} a digest: equal runs have equal ones */
  hash() { return BigInt.asUintN(64, this.#host.exports.hash()); }

  /** @returns {Image} of the present moment */
  image() {
    const words = new Int32Array(this.#host.memory.buffer), pages = [], known = this.#known;
    let fresh = 0;
    for (let at = 0, k = 0; at < words.length; at += PAGE, k++) {
      const was = known[k] ?? ZERO;
      if (same(words, at, was)) pages.push(was);
      else if (was !== ZERO && same(words, at, ZERO)) pages.push(ZERO);
      else {
        pages.push(words.slice(at, at + PAGE));
        fresh++;
      }
    }
    this.#known = pages;
    return { pages, globals: this.#globals().map((g) => g.value), clock: this.#host.clock, bytes: fresh * PAGE * 4 + pages.length * 8 };
  }

  /**
   * Puts a moment back, of this core or of another one of the same module.
   * @param {Image} image
   */
  restore(image) {
    const size = image.pages.length * PAGE * 4;
    if (this.#host.memory.buffer.byteLength > size) this.#host = instantiate(this.#module);
    const { memory } = this.#host;
    if (memory.buffer.byteLength < size) memory.grow((size - memory.buffer.byteLength) / GROW);
    const words = new Int32Array(memory.buffer);
    image.pages.forEach((page, k) => words.set(page, k * PAGE));
    this.#globals().forEach((g, k) => { g.value = image.globals[k]; });
    this.#host.clock = image.clock;
    this.#known = image.pages;
  }

  /** @returns {WebAssembly.Global[]} model/build exports them */
  #globals() { return Object.values(this.#host.exports).filter((x) => x instanceof WebAssembly.Global); }

  /** @param {string} what @param {string} words */
  #say(what, words) {
    const { exports, memory } = this.#host;
    const bytes = encoder.encode(words), at = exports.input(bytes.length);
    if (at === 0) return "that is too long";
    new Uint8Array(memory.buffer, at).set(bytes);
    const n = exports[what](bytes.length);
    return n === 0 ? "" : decoder.decode(new Uint8Array(memory.buffer, exports.out(), n));
  }

  /** @param {string} what */
  #read(what) {
    const { exports, memory } = this.#host;
    const n = exports[what]();
    return new DataView(memory.buffer, exports.out(), n);
  }
}

/** @param {Int32Array} words @param {number} from @param {Int32Array} page */
function same(words, from, page) {
  for (let k = 0; k < PAGE; k++) if (words[from + k] !== page[k]) return false;
  return true;
}

// What the Go runtime asks of its host: a clock, random bytes, one setting, and a
// place for its last words. All of it is the same in every run; anything else it
// is refused.

const ENOSYS = 52, BADF = 8;
const SETTING = "GOGC=50\0"; // memory is copied for every keyframe: keep it small

/**
 * A library that runs, and the clock that it was shown last.
 * @typedef {{exports: any, memory: WebAssembly.Memory, clock: bigint}} Host
 */

/**
 * The clock goes on by a microsecond whenever it is read: the runtime fails on
 * one that shows zero, and no run may depend on what time it is.
 * @param {WebAssembly.Module} module
 * @returns {Host}
 */
function instantiate(module) {
  let seed = 1;
  /** @type {Host} */
  const self = /** @type {any} */ ({ clock: 0n });
  let line = ""; // of what was written and has no end yet
  /** @type {WebAssembly.Memory} */
  let memory;
  const view = () => new DataView(memory.buffer);
  const two = (/** @type {number} */ a, /** @type {number} */ b, /** @type {number} */ x, /** @type {number} */ y) => {
    view().setUint32(a, x, true);
    view().setUint32(b, y, true);
    return 0;
  };
  /** @type {Record<string, (...args: any[]) => number>} */
  const host = {
    clock_time_get(_id, _precision, at) {
      self.clock += 1000n;
      view().setBigUint64(at, self.clock, true);
      return 0;
    },
    random_get(at, n) {
      const bytes = new Uint8Array(memory.buffer, at, n);
      for (let k = 0; k < n; k++) bytes[k] = (seed = (seed * 48271) % 0x7fffffff) >> 8;
      return 0;
    },
    args_sizes_get: (a, b) => two(a, b, 0, 0),
    args_get: () => 0,
    environ_sizes_get: (a, b) => two(a, b, 1, SETTING.length),
    environ_get(list, at) {
      view().setUint32(list, at, true);
      new Uint8Array(memory.buffer, at).set(encoder.encode(SETTING));
      return 0;
    },
    fd_write(_fd, list, n, written) {
      let total = 0;
      for (let k = 0; k < n; k++) {
        const at = view().getUint32(list + 8 * k, true), length = view().getUint32(list + 8 * k + 4, true);
        line += decoder.decode(new Uint8Array(memory.buffer, at, length));
        total += length;
      }
      const end = line.lastIndexOf("\n") + 1;
      if (end > 1) console.error(line.slice(0, end - 1));
      line = line.slice(end);
      view().setUint32(written, total, true);
      return 0;
    },
    fd_fdstat_get: () => BADF,
    fd_fdstat_set_flags: () => BADF,
    fd_prestat_get: () => BADF,
    sched_yield: () => 0,
    proc_exit(code) { throw new Error("the model has ended with code " + code); },
  };
  /** @type {Record<string, (...args: any[]) => number>} */
  const imports = {};
  for (const { name } of WebAssembly.Module.imports(module)) imports[name] = host[name] ?? (() => ENOSYS);
  self.exports = new WebAssembly.Instance(module, { wasi_snapshot_preview1: imports }).exports;
  self.memory = memory = self.exports.memory;
  self.exports._initialize();
  return self;
}

// What the model says of itself: words of 32 bits, in the order in which
// model/encode.go writes them.

const VERSION = 2;

const PARTS = /** @type {const} */ (["in", "unused", "lost", "gone"]);
const ROLES = /** @type {const} */ (["follower", "pre-candidate", "candidate", "leader"]);
const STANDINGS = /** @type {const} */ (["fresh", "admitted", "damaged"]);
const KINDS = /** @type {const} */ (["other", "command", "noop", "config"]);
const VERDICTS = /** @type {const} */ (["unknown", "granted", "refused"]);
const OUTCOMES = /** @type {const} */ (["waiting", "done", "refused", "unknown"]);
const WHAT = /** @type {const} */ (["event", "lost", "did", "asked", "answered", "beat", "broken", "fault"]);

/** The kinds of messages, by their numbers in package raft. */
const MESSAGES = ["", "request_vote", "vote_reply", "append", "append_reply", "heartbeat", "heartbeat_reply", "timeout_now",
  "read_index", "read_index_reply", "propose", "propose_reply", "greet", "greet_reply", "install_snapshot", "snapshot_fetch", "snapshot_chunk"];

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
    return n === 0 ? "" : decoder.decode(new Uint8Array(this.view.buffer, this.view.byteOffset + at, n));
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
function readState(view) {
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
function readHappenings(view) {
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
function readScenes(view) {
  const r = new Reader(view), text = () => r.text();
  return r.list(() => ({
    id: r.text(), of: r.text(), breaks: r.text(), settings: r.list(text), without: r.list(text), beats: r.list(text),
    tries: r.list(() => ({ id: r.text(), beat: r.text(), do: r.list(text) })), beside: r.list(text),
  }));
}
