// What is told: the texts of the scenes, the line that tells the beat and what may be
// tried at it, and the list of what happened.

import { json } from "./files.js";
import * as words from "./words.js";
import { $, el, clock, span } from "./dom.js";

const { t, has } = words;

/** @typedef {{title: string, about: string, beats: Record<string, string>, notes: Record<string, string>, tries: Record<string, string>, spread?: string}} Telling */

/** Times slow enough to watch. */
export const eyes = ["election 150ms 300ms", "heartbeat 50ms", "wire 10ms 15ms", "fast off"];

/** @type {Map<string, Promise<Telling>>} */
const tellings = new Map();

/** The texts of a scene in the language that is spoken; its id where there are none. @param {string} id @returns {Promise<Telling>} */
export function telling(id) {
  const key = id + "." + words.lang;
  let p = tellings.get(key);
  if (!p) {
    const none = { title: has("scene." + id) ? t("scene." + id) : id, about: "", beats: {}, notes: {}, tries: {} };
    p = (id === "free" ? Promise.resolve({}) : json("scenes/" + key + ".json").catch(() => ({}))).then((x) => ({ ...none, ...x }));
    tellings.set(key, p);
  }
  return p;
}

/** @typedef {import("./types.js").State} State */

export class Line {
  /** @param {import("./model.js").Model} m */
  constructor(m) {
    this.m = m;
    this.said = ""; // what the line shows
  }

  /** Nothing goes on: that is not broken, but it is worth saying. @param {State} s */
  #gauge(s) {
    const parts = [];
    if (s.leaderless > 0 && s.now > s.leaderless) parts.push(t("ui.leaderless", { d: span(s.leaderless) }));
    if (s.stuck > 300) parts.push(t("ui.stuck", { d: span(s.stuck) }));
    $("gauge").hidden = !parts.length;
    $("gauge").textContent = parts.join(" · ");
  }

  /** The line that tells the beat. @param {State} s */
  show(s) {
    this.#gauge(s);
    const b = this.m.run.branch;
    const key = [s.beat, s.left, s.ended, s.failed, b.id, b.actions.length, words.lang, this.m.link.scene].join("|");
    if (key === this.said) return;
    this.said = key;
    const beats = this.m.info?.beats ?? [];
    const n = beats.indexOf(s.beat) + 1;
    const free = this.m.link.scene === "free";
    $("beat-count").textContent = beats.length ? n + " / " + beats.length : "";
    const text = s.failed ? t("ui.failed", { why: s.failed }) : free ? t("ui.free.hint") : this.m.telling.beats[s.beat] ?? this.m.telling.about;
    const own = b.actions.slice(b.own).map((a) => words.command(a.command));
    $("beat-text").textContent = s.left && !free && !s.failed ? t("ui.left", { what: own.slice(-2).join("; ") }) : text;
    this.m.panels.look(s.look);
    this.#tries(s, b);
    $("scene-title").textContent = free ? t("ui.free") : this.m.telling.title;
    document.title = (free ? t("ui.free") : this.m.telling.title) + " · Raft";
    this.m.presenter?.tell({ lang: words.lang, title: this.m.telling.title, count: n + " / " + beats.length, text,
      note: this.m.telling.notes[s.beat] ?? "", next: this.m.telling.beats[beats[n]] ?? "" });
  }

  /** What may be tried at this beat. @param {State} s @param {Branch} b */
  #tries(s, b) {
    const kids = [];
    if (b.parent) kids.push(el("button", { click: () => this.m.take(/** @type {Branch} */ (b.parent), false) }, "↩ " + t("ui.branch.back")));
    else if (!s.left) {
      for (const x of this.m.info?.tries ?? []) {
        if (x.beat !== s.beat) continue;
        const e = el("button", {
          click: () => {
            this.m.act(x.do);
            if (!this.m.playing) this.m.play();
          },
          mouseenter: () => this.#whatIf(e, x.do), focus: () => this.#whatIf(e, x.do),
          mouseleave: () => this.#unshadow(), blur: () => this.#unshadow(),
        }, "↳ " + (this.m.telling.tries[x.id] ?? x.do.join(", ")));
        kids.push(e);
      }
    }
    const { spread } = this.m.telling;
    if (spread) kids.push(el("button", { click: () => this.m.find(true) }, spread));
    $("tries").replaceChildren(...kids);
  }

  /** Shows what would come of it. @param {HTMLElement} e @param {string[]} lines */
  async #whatIf(e, lines) {
    const [menu, second] = await Promise.all([import("./menu.js"), this.m.aside()]);
    if (this.m.playing || (e !== document.activeElement && !e.matches(":hover"))) return;
    const o = second.ghost(lines);
    e.title = menu.outcome(o, this.m.state.now).join("\n");
    this.m.shadow = o.error ? null : o.state;
    this.m.soon();
  }

  #unshadow() {
    this.m.shadow = null;
    this.m.soon();
  }
}

/** @typedef {import("./types.js").Happening} Happening */
/** @typedef {import("./run.js").Run} Run */
/** @typedef {import("./run.js").Branch} Branch */

const shownMax = 400; // lines; older ones are on the time line

/** What is told by something else already. */
const minor = new Set(["vote_received", "pre_vote_received", "config_committed", "resumed", "crashed", "power_cut", "wiped", "paused"]);

/** The list of what happened. */
export class Story {
  /**
   * @param {HTMLElement} list
   * @param {(h: Happening) => void} seek
   * @param {(h: Happening) => string} tell
   */
  constructor(list, seek, tell) {
    this.list = list;
    this.tell = tell;
    /** @type {{h: Happening, e: HTMLElement}[]} */
    this.lines = [];
    this.at = 0;
    /** @type {Branch|null} */
    this.branch = null;
    this.parts = -1;
    /** @type {HTMLElement|null} */
    this.current = null;
    list.addEventListener("click", (e) => {
      const line = this.lines.find((l) => l.e === /** @type {HTMLElement} */ (e.target).closest("li"));
      if (line) seek(line.h);
    });
    list.addEventListener("keydown", (e) => {
      const way = { ArrowDown: 1, ArrowUp: -1 }[e.key];
      if (!way) return;
      e.preventDefault();
      const i = this.lines.findIndex((l) => l.e === this.current);
      const to = this.lines[i + way];
      if (to) seek(to.h);
    });
  }

  /** Begins anew, for another branch or language. */
  clear() {
    this.branch = null;
  }

  /**
   * @param {Branch} branch
   * @param {number} heard how many have come to pass
   * @param {Branch|null} beside another branch: the first difference is marked
   * @param {number} parts where that is, or -1
   */
  show(branch, heard, beside, parts) {
    if (branch !== this.branch || parts !== this.parts) {
      this.branch = branch;
      this.parts = parts;
      this.lines = [];
      this.list.replaceChildren();
      this.at = Math.max(0, branch.happenings.length - shownMax);
    }
    for (; this.at < branch.happenings.length; this.at++) this.#add(branch.happenings[this.at], parts, beside);
    while (this.lines.length > shownMax) this.lines.shift()?.e.remove();
    /** @type {HTMLElement|null} */
    let current = null;
    for (const l of this.lines) {
      l.e.classList.toggle("later", l.h.n >= heard);
      if (l.h.n < heard) current = l.e;
    }
    if (current === this.current) return;
    this.current?.removeAttribute("aria-current");
    current?.setAttribute("aria-current", "true");
    this.current = current;
    if (current) {
      const box = this.list.getBoundingClientRect();
      const r = current.getBoundingClientRect();
      if (r.bottom > box.bottom) this.list.scrollTop += r.bottom - box.bottom + 4;
      else if (r.top < box.top) this.list.scrollTop += r.top - box.top - 4;
    }
  }

  /** @param {Happening} h @param {number} parts @param {Branch|null} beside */
  #add(h, parts, beside) {
    const first = parts >= 0 && h.n >= parts && !((this.lines.at(-1)?.h.n ?? -1) >= parts);
    const stage = h.scripted && /^(hold|drop|double|release)\b/.test(h.text) ? "stage" : "";
    if (h.kind === "config_appended" && this.lines.some((l) => l.h.kind === h.kind && l.h.index === h.index)) return; // each server says so
    if (minor.has(h.kind) || (h.scripted && /^(draw|pass|logs)\b/.test(h.text)) || (h.what === "did" && /^(put|get|delete)\b/.test(h.text))) return;
    const text = this.tell(h);
    const e = el("li", { className: [h.what, h.kind, stage, first ? "parts" : ""].join(" ") }, el("span", { className: "at" }, clock(h.at)), el("span", {}, text));
    if (first && beside) {
      const other = beside.happenings[parts];
      e.lastChild.append(el("span", { className: "else" }, " — " + t("ui.beside", { text: other ? this.tell(other) : t("ui.nothing") })));
    }
    this.lines.push({ h, e });
    this.list.append(e);
  }
}
