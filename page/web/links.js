// A run as a link that a person can read:
// #s=two-masters&seed=7&a=900.4:crash+S1;1200:heal&t=1990&l=ru
// s is the scene ("free" for none), seed what chance goes by, n how many servers
// and set the settings of free play, w the rules that are left out, a what was done
// and when, t the moment to look at (all in ms), l the language, b the program that
// made the link.

/** @typedef {import("./run.js").Action} Action */

/**
 * What a link says.
 * @typedef {Object} Link
 * @property {string} scene     id, or "free"
 * @property {number|null} seed null: the scene's own
 * @property {number} nodes     of free play
 * @property {string[]} settings of free play
 * @property {string[]} without rules that are left out
 * @property {Action[]} actions
 * @property {number|null} at   ms, null: the beginning
 * @property {string} lang      "" if it does not say
 * @property {string} build     "" if it does not say
 * @property {string} bad       the part that makes no sense, or ""
 */

const latest = 3.6e6; // an hour, in ms: what lies later would take too long to come to
const actionsMax = 500; // more than anybody clicks; a bound for what strangers send

/** @param {Partial<Link>} [known] @returns {Link} */
export const link = (known) => ({ scene: "", seed: null, nodes: 5, settings: [], without: [], actions: [], at: null, lang: "", build: "", bad: "", ...known });

/**
 * Reads a link. A part that makes no sense is named in bad, and left out.
 * @param {string} hash of the address, with or without "#"
 * @returns {Link}
 */
export function read(hash) {
  const l = link();
  for (const part of hash.replace(/^#/, "").split("&")) {
    if (!part) continue;
    const i = part.indexOf("=");
    const key = i < 0 ? part : part.slice(0, i);
    try {
      if (!take(l, key, i < 0 ? "" : part.slice(i + 1))) l.bad ||= part;
    } catch {
      l.bad ||= part;
    }
  }
  return l;
}

/** @param {Link} l @param {string} key @param {string} raw @returns {boolean} whether it makes sense */
function take(l, key, raw) {
  switch (key) {
    case "s":
      l.scene = plain(raw);
      return /^[a-z0-9-]{1,40}$/.test(l.scene);
    case "seed":
      l.seed = whole(raw, 0, 2 ** 53 - 1);
      return l.seed !== null;
    case "n": {
      const n = whole(raw, 1, 9);
      l.nodes = n ?? 5;
      return n !== null;
    }
    case "set":
      l.settings = list(raw);
      return l.settings.length < 20;
    case "w":
      l.without = list(raw);
      return l.without.every((w) => /^[a-z-]{1,40}$/.test(w));
    case "a":
      return raw.split(";").every((one) => {
        const i = one.indexOf(":");
        const at = Number(one.slice(0, i));
        const command = plain(one.slice(i + 1)).replace(/\s+/g, " ").trim();
        const fits = i > 0 && at >= (l.actions.at(-1)?.at ?? 0) && at <= latest && command !== "" && command.length <= 300 && l.actions.length < actionsMax;
        if (fits) l.actions.push({ at, command });
        return fits;
      });
    case "t":
      l.at = Number(raw);
      if (raw !== "" && l.at >= 0 && l.at <= latest) return true;
      l.at = null;
      return false;
    case "l":
      l.lang = plain(raw);
      return /^[a-z]{2}$/.test(l.lang);
    case "b":
      l.build = plain(raw);
      return /^[\w.-]{0,40}$/.test(l.build);
  }
  return false;
}

/** Writes a link, with "#". @param {Link} l */
export function write(l) {
  const parts = ["s=" + safe(l.scene)];
  if (l.seed !== null) parts.push("seed=" + l.seed);
  if (l.scene === "free") parts.push("n=" + l.nodes);
  if (l.settings.length) parts.push("set=" + l.settings.map(safe).join(";"));
  if (l.without.length) parts.push("w=" + l.without.map(safe).join(";"));
  if (l.actions.length) parts.push("a=" + l.actions.map((a) => a.at + ":" + safe(a.command)).join(";"));
  if (l.at !== null) parts.push("t=" + l.at);
  if (l.lang) parts.push("l=" + l.lang);
  if (l.build) parts.push("b=" + safe(l.build));
  return "#" + parts.join("&");
}

/** The text that begin of the core takes. @param {Link} l */
export const beginning = (l) =>
  [l.scene === "free" ? "free" : "scene " + l.scene, ...(l.seed === null ? [] : ["seed " + l.seed]),
    ...(l.scene === "free" ? ["nodes " + l.nodes, ...l.settings] : []), ...l.without.map((w) => "without " + w)].join("\n");

/** @param {string} s */
const safe = (s) => s.replace(/[%&;#+"<\x60\u0000-\u001f]/g, (c) => encodeURIComponent(c)).replace(/ /g, "+");
/** @param {string} s */
const plain = (s) => decodeURIComponent(s.replace(/\+/g, " "));
/** @param {string} s */
const list = (s) => s.split(";").map(plain).filter(Boolean);
/** @param {string} s @param {number} min @param {number} max */
const whole = (s, min, max) => (/^\d+$/.test(s) && Number(s) >= min && Number(s) <= max ? Number(s) : null);
