// The line that tells the beat, what may be tried at it, and the gauge that says
// when nothing goes on.

import * as words from "./words.js";
import { $, el } from "./dom.js";
import { outcome } from "./menu.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./run.js").Branch} Branch */

const { t } = words;

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
    $("tries").replaceChildren(...kids);
  }

  /** Shows what would come of it. @param {HTMLElement} e @param {string[]} lines */
  #whatIf(e, lines) {
    if (this.m.playing) return;
    const o = this.m.run.ghost(lines);
    e.title = outcome(o, this.m.state.now).join("\n");
    this.m.shadow = o.error ? null : o.state;
    this.m.soon();
  }

  #unshadow() {
    this.m.shadow = null;
    this.m.soon();
  }
}

/** "640 ms", "2.1 s". @param {number} ms */
const span = (ms) => (ms < 1000 ? Math.round(ms) + " " + t("ui.ms") : (ms / 1000).toFixed(1) + " " + t("ui.s"));

