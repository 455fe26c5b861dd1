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
export function instantiate(module) {
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
      new Uint8Array(memory.buffer, at).set(new TextEncoder().encode(SETTING));
      return 0;
    },
    fd_write(_fd, list, n, written) {
      let total = 0;
      for (let k = 0; k < n; k++) {
        const at = view().getUint32(list + 8 * k, true), length = view().getUint32(list + 8 * k + 4, true);
        line += new TextDecoder().decode(new Uint8Array(memory.buffer, at, length));
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
