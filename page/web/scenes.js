// What is told about the scenes.

import { json } from "./files.js";
import { t, lang, has } from "./words.js";

/** @typedef {{title: string, about: string, beats: Record<string, string>, notes: Record<string, string>, tries: Record<string, string>}} Telling */

/** Times slow enough to watch. */
export const eyes = ["election 150ms 300ms", "heartbeat 50ms", "wire 10ms 15ms", "fast off"];

/** @type {Map<string, Promise<Telling>>} */
const tellings = new Map();

/** The texts of a scene in the language that is spoken; its id where there are none. @param {string} id @returns {Promise<Telling>} */
export function telling(id) {
  const key = id + "." + lang;
  let p = tellings.get(key);
  if (!p) {
    const none = { title: has("scene." + id) ? t("scene." + id) : id, about: "", beats: {}, notes: {}, tries: {} };
    p = (id === "free" ? Promise.resolve({}) : json("scenes/" + key + ".json").catch(() => ({}))).then((x) => ({ ...none, ...x }));
    tellings.set(key, p);
  }
  return p;
}
