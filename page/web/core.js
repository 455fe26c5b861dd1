// The model, running: a session of package model in WebAssembly. It is a value
// that changes only when it is told to, so that it can be copied and put back.

import { instantiate } from "./wasi.js";
import { readHappenings, readScenes, readState } from "./wire.js";

/** @typedef {import("./types.js").State} State */
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
const utf8 = new TextEncoder(), text = new TextDecoder();

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
    const bytes = utf8.encode(words), at = exports.input(bytes.length);
    if (at === 0) return "that is too long";
    new Uint8Array(memory.buffer, at).set(bytes);
    const n = exports[what](bytes.length);
    return n === 0 ? "" : text.decode(new Uint8Array(memory.buffer, exports.out(), n));
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
