// For a talk: large type, only what is being told, and the notes in a window of
// their own, which the talk's window keeps up to date.

import { setLang, t } from "./words.js";
import { $, el, kept } from "./dom.js";
import "./more.js";

/**
 * What the notes window shows.
 * @typedef {Object} Page
 * @property {string} lang
 * @property {string} title
 * @property {string} count  "4 / 9"
 * @property {string} text
 * @property {string} note
 * @property {string} next
 */

const channel = "BroadcastChannel" in window ? new BroadcastChannel("veche") : null;

/** The talk's side. */
export class Presenter {
  /** @param {() => void} changed after it began or ended */
  constructor(changed) {
    this.changed = changed;
    this.began = 0;
    this.opened = -Infinity; // when the notes were: a browser may leave the full screen for them, and the talk goes on
    /** @type {Page|null} */
    this.page = null;
    /** @type {number} */
    this.ticking = 0;
    this.clock = el("output", { id: "talk-clock" });
    channel?.addEventListener("message", (e) => e.data === "hello" && this.page && channel.postMessage(this.page));
    document.addEventListener("fullscreenchange", () => !document.fullscreenElement && this.on && performance.now() > this.opened + 2000 && this.set(false));
  }

  get on() {
    return document.documentElement.classList.contains("talk");
  }

  /** Begins or ends the talk. @param {boolean} on */
  set(on) {
    if (on === this.on) return;
    document.documentElement.classList.toggle("talk", on);
    clearInterval(this.ticking);
    if (on) {
      this.began ||= Date.now();
      const tick = () => (this.clock.textContent = time(this.began));
      this.ticking = window.setInterval(tick, 1000);
      tick();
      $("transport").append(this.clock);
      document.documentElement.requestFullscreen?.().catch(() => {});
    } else {
      this.clock.remove();
      $("blank").hidden = true;
      if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
    }
    this.changed();
  }

  /** Tells the notes window what is shown. @param {Page} page */
  tell(page) {
    this.page = page;
    channel?.postMessage(page);
  }

  /** Opens the notes window. */
  notes() {
    this.began ||= Date.now();
    this.opened = performance.now();
    window.open(location.href.replace(/#.*/, "") + "#notes", "veche-notes", "width=900,height=700");
  }
}

/** The time of day, and the minutes since the talk began. @param {number} began */
function time(began) {
  const s = Math.floor((Date.now() - began) / 1000);
  return new Date().toTimeString().slice(0, 5) + " · " + Math.floor(s / 60) + ":" + String(s % 60).padStart(2, "0");
}

/** Turns this page into the notes window. */
export async function notesWindow() {
  await setLang(kept.get("lang"));
  const began = Date.now();
  const clock = el("span", { className: "big" });
  const body = el("div", {}, t("ui.notes.wait"));
  document.body.replaceChildren(el("main", { id: "notes" }, clock, body));
  const tick = () => (clock.textContent = time(began));
  setInterval(tick, 1000);
  tick();
  channel?.addEventListener("message", async (e) => {
    /** @type {Page} */
    const p = e.data;
    if (typeof p !== "object") return;
    await setLang(p.lang);
    document.documentElement.lang = p.lang;
    document.title = t("ui.notes") + ": " + p.title;
    body.replaceChildren(el("h1", {}, p.title + " · " + p.count), el("p", {}, el("b", {}, p.text)), el("p", {}, p.note || t("ui.notes.none")),
      el("p", { className: "next" }, p.next ? t("ui.notes.next", { next: p.next }) : t("ui.notes.last")));
  });
  channel?.postMessage("hello");
}
