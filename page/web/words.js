// What the page says, in the language of whoever looks at it: English or Russian.

import { json } from "./files.js";

/** @typedef {import("./types.js").Happening} Happening */

/** The languages that there are. */
export const langs = ["en", "ru"];

/** The language that is spoken now; change it with setLang. */
export let lang = "en";

/** @type {Record<string, string>} */
let texts = {};
let plural = new Intl.PluralRules("en");

/** Which texts are wanted beside those of every page: "live.", "lab.", "more." and "many.". @type {Set<string>} */
const parts = new Set([""]);

/**
 * Speaks a language from now on; the promise is kept once its texts are there.
 * @param {string} l "en" or "ru"; anything else becomes English
 * @param {...("live"|"lab"|"more"|"many")} also texts that are wanted too
 */
export async function setLang(l, ...also) {
  l = langs.includes(l) ? l : "en";
  for (const part of also) parts.add(part + ".");
  texts = Object.assign({}, ...(await Promise.all([...parts].map((part) => json("text/" + part + l + ".json")))));
  lang = l;
  plural = new Intl.PluralRules(l);
}

/**
 * The text of a key. {name} is replaced by that parameter, and {n:entry|entries}
 * by the form of the word that goes with the number n. A key that is not there is
 * given back as it is, so that one sees which it was.
 * @param {string} key
 * @param {Record<string, string|number>} [params]
 * @returns {string}
 */
export function t(key, params) {
  return (texts[key] ?? key).replace(/\{(\w+)(?::([^}]*))?\}/g, (all, name, forms) => {
    const v = params?.[name];
    return v === undefined ? all : forms ? form(Number(v), forms.split("|")) : typeof v === "number" ? comma(String(v)) : v;
  });
}

/** A number with a fraction as the language writes it. @param {string} n */
const comma = (n) => (lang === "ru" ? n.replace(".", ",") : n);

/** A number with so many digits behind the point, or the comma. @param {number} v @param {number} digits */
export const num = (v, digits) => comma(v.toFixed(digits));

/** Whether there is a text of that key. @param {string} key */
export const has = (key) => key in texts;

/** The form of a word that goes with a number. @param {number} n @param {string[]} forms */
function form(n, forms) {
  const order = lang === "ru" ? ["one", "few", "many"] : ["one", "other"];
  const i = order.indexOf(plural.select(n));
  return forms[i < 0 ? Math.min(1, forms.length - 1) : i] ?? forms[forms.length - 1];
}

/**
 * A message's name as papers write it: "request_vote" is RequestVote. These stay
 * English in every language.
 * @param {string} kind
 */
export function rpc(kind) {
  if (kind === "append") return "AppendEntries";
  if (kind === "append_reply") return "AppendEntriesReply";
  return kind.replace(/(^|_)(\w)/g, (_, __, c) => c.toUpperCase());
}

/**
 * Tells what happened in one sentence without a full stop.
 * @param {Happening} h
 * @param {(id: number) => string} [name] what a server is called; S1 … if it is not given
 * @returns {string}
 */
export function say(h, name = (id) => "S" + id) {
  const p = { node: name(h.node), peer: name(h.peer), term: h.term, index: h.index, text: h.text, rest: "", kind: h.kind, rpc: rpc(h.kind), client: h.client, value: h.value };
  switch (h.what) {
    case "event": {
      let key = "event." + h.kind;
      if (h.peer && has(key + ".peer")) key += ".peer";
      if (h.reason && has(key + ".not")) key += ".not";
      return t(has(key) ? key : "say.other", p) + because(h.reason);
    }
    case "did":
      return command(h.text);
    case "broken":
      return t("say.broken", { text: promise(h.kind) + ": " + h.text });
    case "beat":
      return h.text;
    case "answered":
      return t("say." + (h.client ? h.kind === "done" && h.value ? "read" : h.kind : "change." + h.kind), p) + because(h.reason);
    case "fault":
      return t("fault." + h.kind, p);
  }
  return t("say." + h.what, p);
}

/** The second half of a sentence, or nothing without a reason. @param {string} reason */
export const because = (reason) => (reason ? ": " + (has("reason." + reason) ? t("reason." + reason) : reason.replaceAll("_", " ")) : "");

/** What a promise is called; those without a name of their own keep the core's. @param {string} name */
export const promise = (name) => {
  const key = "promise." + name.toLowerCase().replace(/[^a-z]+/g, "-");
  return has(key) ? t(key) : name;
};

/**
 * A command in words: "crash S1" is "S1: the process is killed".
 * @param {string} line
 */
export function command(line) {
  const at = (line + " ").indexOf(" ");
  const key = "did." + line.slice(0, at);
  return has(key) ? t(key, { rest: line.slice(at + 1) }).trim() : line;
}
