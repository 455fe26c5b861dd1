// The controls: the panels that fold, resize and fill the screen, what the keys do,
// and what is clicked, dragged and typed.

import * as words from "./words.js";
import { $, el, icon, kept } from "./dom.js";
import { link } from "./links.js";

const { t } = words;

/** @returns {HTMLElement[]} */
const panels = () => [...document.querySelectorAll(".panel")].map((p) => /** @type {HTMLElement} */ (p));

/** The panels by the keys that show them alone. */
const panelKeys = ["cluster", "logs", "figure4", "figure5", "happened"];

export class Panels {
  /** @param {() => void} changed when something else is to be seen */
  constructor(changed) {
    this.changed = changed;
    this.alone = ""; // the panel that has the screen for itself
    this.tab = "cluster";
    for (const p of panels()) {
      const id = p.dataset.panel ?? "";
      const full = el("button", { className: "icon", click: () => this.show(this.alone ? "" : id) }, icon("full"));
      const fold = el("button", { className: "icon", click: () => this.fold(p) }, icon("fold"));
      full.dataset.tip = "ui.full";
      fold.dataset.tip = "ui.fold";
      p.querySelector("h2")?.append(fold, full);
    }
    $("tabs").setAttribute("role", "tablist");
    for (const id of panelKeys) {
      const b = el("button", { role: "tab", click: () => this.pick(id) });
      b.dataset.t = "ui.tab." + id;
      b.dataset.tab = id;
      $("tabs").append(b);
    }
    splitter($("split-x"), "--split-x", (e) => percent(e.clientX, $("panels").getBoundingClientRect(), "x"), "%", changed);
    splitter($("split-r"), "--split-r", (e) => percent(e.clientY, $("right").getBoundingClientRect(), "y"), "%", changed);
    splitter($("split-y"), "--split-y", (e) => Math.max(90, Math.min(innerHeight * 0.6, $("bottom").getBoundingClientRect().bottom - e.clientY)), "px", changed);
    addEventListener("resize", () => this.apply());
    this.apply();
  }

  /** Shows one panel alone, or all with "". @param {string} id */
  show(id) {
    this.alone = id;
    this.tab = id || "cluster"; // where there is room for one panel only, it is the one to come back to
    this.apply();
  }

  /** Takes a tab of the narrow page. @param {string} id */
  pick(id) {
    this.alone = "";
    this.tab = id;
    this.apply();
  }

  /** @param {HTMLElement} p */
  fold(p) {
    p.classList.toggle("folded");
    this.changed();
  }

  /** Marks where to look. @param {string[]} look */
  look(look) {
    const fill = look.some((l) => ["logs", "figure4", "figure5"].includes(l)) ? [] : ["figure5"];
    for (const p of panels()) {
      const id = p.dataset.panel ?? "";
      p.classList.toggle("look", look.includes(id) || (id === "cluster" && look.includes("clients")));
      p.classList.toggle("on", id === "cluster" || look.includes(id) || fill.includes(id));
    }
  }

  /** Lays out what is to be seen. */
  apply() {
    $("cluster").toggleAttribute("plain", innerWidth < 900 || document.documentElement.classList.contains("talk"));
    document.body.classList.toggle("full", this.alone !== "");
    for (const p of panels()) p.classList.toggle("shown", p.dataset.panel === (this.alone || this.tab));
    for (const b of $("tabs").children) b.setAttribute("aria-selected", String(b.dataset.tab === (this.alone || this.tab)));
    this.changed();
  }
}

/** @param {number} v @param {DOMRect} r @param {"x"|"y"} axis */
function percent(v, r, axis) {
  const part = axis === "x" ? (v - r.left) / r.width : (v - r.top) / r.height;
  return Math.max(15, Math.min(85, 100 * part));
}

/**
 * A line to drag, or to move with the arrow keys.
 * @param {HTMLElement} e
 * @param {string} name of the variable in the style sheet
 * @param {(e: {clientX: number, clientY: number}) => number} value
 * @param {string} unit
 * @param {() => void} changed
 */
function splitter(e, name, value, unit, changed) {
  const root = document.documentElement.style;
  const set = (/** @type {number} */ v) => {
    root.setProperty(name, v.toFixed(1) + unit);
    kept.set(name, v.toFixed(1) + unit);
    changed();
  };
  const was = kept.get(name);
  if (/^[\d.]+(%|px)$/.test(was)) root.setProperty(name, was);
  e.addEventListener("pointerdown", (p) => e.setPointerCapture(p.pointerId));
  e.addEventListener("pointermove", (p) => e.hasPointerCapture(p.pointerId) && set(value(p)));
  e.addEventListener("dblclick", () => {
    root.removeProperty(name);
    kept.set(name, "");
    changed();
  });
  e.addEventListener("keydown", (k) => {
    const way = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[k.key];
    if (!way) return;
    k.preventDefault();
    const r = e.getBoundingClientRect();
    set(value({ clientX: r.left + r.width / 2 + 16 * way, clientY: r.top + r.height / 2 + 16 * way }));
  });
}

/** @typedef {import("./jump.js").Kind} Kind */

/**
 * What keys may ask for.
 * @typedef {Object} Commands
 * @property {() => void} play
 * @property {() => void} forward
 * @property {() => void} back
 * @property {(ms: number) => void} by
 * @property {() => void} start
 * @property {() => void} end
 * @property {(way: number) => void} beat
 * @property {(kind: Kind, way: number) => void} jump
 * @property {(way: number) => void} faster
 * @property {(panel: string) => void} panel
 * @property {() => void} act
 * @property {() => void} cut
 * @property {() => void} compare
 * @property {() => void} undo
 * @property {() => void} scenes
 * @property {() => void} lab
 * @property {() => void} language
 * @property {() => void} theme
 * @property {() => void} link
 * @property {() => void} present
 * @property {() => void} notes
 * @property {() => void} spot
 * @property {() => void} help
 * @property {() => void} find
 * @property {(id: number) => void} server
 * @property {() => boolean} talking
 */

/** Listens to the keys. @param {Commands} c */
function listen(c) {
  /** @type {Record<string, () => void>} by KeyboardEvent.code, so that they work in any layout */
  const codes = {
    Space: c.play, KeyK: c.play, ArrowRight: c.forward, ArrowLeft: c.back, Home: c.start, End: c.end,
    PageDown: () => c.beat(1), PageUp: () => c.beat(-1), KeyN: () => c.beat(1), BracketLeft: () => c.faster(-1), BracketRight: () => c.faster(1),
    Minus: () => c.faster(-1), Equal: () => c.faster(1),
    KeyE: () => c.jump("election", 1), KeyT: () => c.jump("term", 1), KeyC: () => c.jump("commit", 1), KeyV: () => c.jump("violation", 1),
    Digit0: () => c.panel(""), KeyA: c.act, KeyX: c.cut, KeyD: c.compare, KeyU: c.undo, KeyM: c.act, KeyO: c.scenes, KeyR: c.lab, KeyL: c.language,
    KeyI: c.theme, KeyY: c.link, KeyP: c.present, KeyS: c.notes, KeyF: c.spot, KeyQ: c.find,
  };
  panelKeys.forEach((p, i) => (codes["Digit" + (i + 1)] = () => c.panel(p)));
  /** @type {Record<string, () => void>} with Shift */
  const shifted = {
    ArrowRight: () => c.by(100), ArrowLeft: () => c.by(-100), KeyN: () => c.beat(-1),
    KeyE: () => c.jump("election", -1), KeyT: () => c.jump("term", -1), KeyC: () => c.jump("commit", -1), KeyV: () => c.jump("violation", -1),
  };
  for (let i = 1; i <= 9; i++) shifted["Digit" + i] = () => c.server(i);
  addEventListener("keydown", (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || $("box").open) return;
    const on = /** @type {HTMLElement} */ (e.target);
    if (on.matches("input:not([type=range],[type=checkbox]),select,textarea")) return;
    const own = e.code === "Space" || e.code === "Enter" || e.code.startsWith("Arrow");
    if (own && !c.talking() && on.matches("button,a,input,select")) return;
    const blank = $("blank");
    if (!blank.hidden || (c.talking() && (e.code === "Period" || e.code === "KeyB"))) {
      blank.hidden = !blank.hidden;
    } else if (e.key === "?") c.help();
    else if (e.code === "Escape") c.talking() ? c.present() : c.panel("");
    else {
      const f = (e.shiftKey ? shifted : codes)[e.code];
      if (!f) return;
      f();
    }
    e.preventDefault();
  });
}

/** Connects everything. @param {import("./model.js").Model} m */
export function connect(m) {
  const on = (/** @type {string} */ id, /** @type {() => void} */ f) => $(id).addEventListener("click", f);
  const forward = () => m.go(() => {
    m.pause();
    m.run.stepForward();
  });
  const back = () => m.go(() => {
    m.pause();
    m.run.stepBack();
  });
  const start = () => m.go(() => {
    m.pause();
    m.run.seek(0);
  });
  const kind = () => $("jump").value;
  const language = () => {
    const l = words.lang === "ru" ? "en" : "ru";
    kept.set("lang", l);
    m.language(l);
  };
  const theme = () => m.theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  const present = async () => (await m.speaker()).set(!m.presenter?.on);
  const free = async () => m.run.refuse?.() || (await import("./boxes.js")).freeForm((nodes, seed, settings) => m.begin(link({ scene: "free", nodes, seed, settings })));
  on("play", () => m.play());
  on("forward", forward);
  on("back", back);
  on("start", start);
  on("scene", () => m.menu());
  on("free", free);
  on("seed", () => m.run.refuse?.() || m.begin({ ...m.link, seed: 1 + Math.floor(Math.random() * 9999), actions: [], at: null }));
  on("lab", () => m.lab());
  on("language", language);
  on("theme", theme);
  on("link", () => m.copy());
  on("present", present);
  on("help", () => m.help());
  on("act", () => m.actMenu());
  on("cut", () => m.cut());
  on("beat-prev", () => m.beat(-1));
  on("beat-next", () => m.beat(1));
  on("jump-prev", () => m.jump(kind(), -1));
  on("jump-next", () => m.jump(kind(), 1));
  $("speed").addEventListener("input", () => m.faster(Number($("speed").value) - m.speed));
  $("stops").addEventListener("change", () => {
    m.stops = $("stops").checked;
    m.touched();
  });
  addEventListener("pick", (e) => {
    m.selected = /** @type {CustomEvent} */ (e).detail.server;
    m.changed();
  });
  addEventListener("aim", (e) => m.aim(/** @type {CustomEvent} */ (e).detail));
  addEventListener("act", (e) => {
    $("cluster").cutting = false;
    m.act([/** @type {CustomEvent} */ (e).detail.command]);
  });
  addEventListener("seek", (e) => {
    if (m.playing) m.pause();
    m.go(() => m.run.seek(Math.round(/** @type {CustomEvent} */ (e).detail.at * 1000) / 1000));
  });
  addEventListener("hashchange", () => m.fromAddress());
  addEventListener("dragover", (e) => e.preventDefault());
  addEventListener("drop", (e) => {
    e.preventDefault();
    const file = e.dataTransfer?.files[0];
    if (file) m.recording(file);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => m.theme());
  listen({
    play: () => m.play(), forward, back, start, end: () => m.go(() => m.run.seek(m.run.branch.end)),
    by: (ms) => m.go(() => m.run.seek(m.state.now + ms)), beat: (way) => m.beat(way), jump: (k, way) => m.jump(k, way),
    faster: (way) => m.faster(way), panel: (p) => m.panels.show(m.panels.alone === p ? "" : p), act: () => m.actMenu(), cut: () => m.cut(),
    compare: () => m.compare(), undo: () => m.run.branch.parent && m.take(m.run.branch.parent, false), scenes: () => m.menu(), lab: () => m.lab(),
    language, theme, link: () => m.copy(), present, notes: async () => (await m.speaker()).notes(), spot: () => document.documentElement.classList.toggle("spot"), help: () => m.help(), find: () => m.find(),
    server: (id) => {
      if (m.state.servers.some((s) => s.id === id)) m.selected = id;
      m.changed();
    },
    talking: () => Boolean(m.presenter?.on),
  });
}
