// Where the page finds what it loads beside its modules: on the server that
// serves it, on any web host, or within itself when it is a single file.

/**
 * The contents of a page that is a single file, by path; unpack.js makes it.
 * @type {Map<string, Uint8Array<ArrayBuffer>> | undefined}
 */
const within = /** @type {any} */ (globalThis).vecheFiles;

/**
 * @param {string} path from the folder above this one: "web/text/en.json"
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
async function bytes(path) {
  const own = within && within.get(path);
  if (own) return own;
  if (within) throw new Error(`${path} is not in this file`);
  const r = await fetch(new URL("../" + path, import.meta.url));
  if (!r.ok) throw new Error(`${path}: ${r.status} ${r.statusText}`);
  return new Uint8Array(await r.arrayBuffer());
}

/**
 * A text of the page: json("text/en.json"), json("scenes/two-masters.ru.json").
 * @param {string} path from this folder
 * @returns {Promise<any>} fails when it does not exist
 */
export async function json(path) {
  return JSON.parse(new TextDecoder().decode(await bytes("web/" + path)));
}

/** The style sheets that were added. @type {Map<string, Promise<void>>} */
const added = new Map();

/**
 * Adds a style sheet of the page after those that it has; once, however often it
 * is asked for.
 * @param {string} path from this folder: "more.css"
 * @returns {Promise<void>} fails when it does not exist
 */
export function style(path) {
  const add = async () => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(new TextDecoder().decode(await bytes("web/" + path)));
    document.adoptedStyleSheets.push(sheet);
  };
  return added.get(path) ?? added.set(path, add()).get(path) ?? Promise.resolve();
}

/**
 * The model, compiled. It is stored as gzip; our server says so and the browser
 * unpacks it, other hosts leave that to us.
 * @param {"model" | "lab"} name lab: with rules that can be left out
 * @returns {Promise<WebAssembly.Module>}
 */
export async function module(name) {
  let b = await bytes(`built/${name}.wasm.gz`);
  if (b[0] === 0x1f) {
    const plain = new Blob([b]).stream().pipeThrough(new DecompressionStream("gzip"));
    b = new Uint8Array(await new Response(plain).arrayBuffer());
  }
  return WebAssembly.compile(b);
}

/** A short name of exactly this model, for links; "" when it is not built. */
export const build = async () => {
  try {
    return /** @type {string} */ (JSON.parse(new TextDecoder().decode(await bytes("built/build.json"))).id);
  } catch {
    return "";
  }
};
