// The model's page: opens a scene, plays it, and draws what is there.

import * as words from "./words.js";
import { Core } from "./core.js";
import { module, build } from "./files.js";
import { Run, Flag, halfWay, measure, measures } from "./run.js";
import { link, read, write, beginning } from "./links.js";
import { $, icon, clock, kept, localize, toast } from "./dom.js";
import { Story, Line, telling, eyes } from "./story.js";
import { connect, Panels } from "./controls.js";
import "./cluster.js";
import "./logs.js";
import "./figure4.js";
import "./figure5.js";
import "./promises.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Happening} Happening */
/** @typedef {import("./run.js").Branch} Branch */
/** @typedef {import("./links.js").Link} Link */
/** @typedef {import("./types.js").SceneInfo} SceneInfo */

const { t, setLang } = words;
const speeds = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const firstScene = "master-crash";
const readingTime = 24; // ms a letter, while a visitor only watches

/** @param {any} e why something that was asked for is not there @returns {string} what to say */
const failed = (e) => t("ui.fail", { why: String(e?.message ?? e) });

export class Model {
  run = /** @type {import("./types.js").Shown} */ (/** @type {unknown} */ (null)); // until the first scene is open
  /** @type {Record<string, WebAssembly.Module>} */
  modules = {};
  /** @type {SceneInfo[]} */
  scenes = [];
  link = link();
  /** @type {SceneInfo|undefined} */
  info;
  /** @type {import("./story.js").Telling} */
  telling = { title: "", about: "", beats: {}, notes: {}, tries: {} };
  playing = false;
  speed = 3;
  stops = true;
  watching = false; // a first visit: beats wait for as long as one reads
  wait = 0; // until then, in ms of the page
  target = 0; // where time has come to, more finely than the run
  last = 0;
  selected = 1;
  /** @type {import("./second.js").Second|null} */
  second = null; // of this run, once it was needed
  /** @type {Branch|null} */
  beside = null;
  /** @type {State|null} */
  shadow = null;
  due = false;
  /** @type {Branch|null} */
  told = null; // the branch that met the challenge
  saving = 0;
  named = false; // the promises beyond the paper's have their names
  /** @type {import("./presenter.js").Presenter|undefined} */
  presenter;
  /** @type {typeof import("./lanes.js")|undefined} */
  lanes; // once a run has had branches
  /** @type {typeof import("./multiples.js")|undefined} */
  side; // once scenes were shown side by side
  build = ""; // the program's id
  asked = 0; // openings so far; an older one that comes late gives way

  constructor() {
    this.elements = ["cluster", "logs", "figure4", "figure5", "promises"].map($);
    this.story = new Story($("events"), (h) => this.seekTo(h), (h) => this.tell(h));
    this.panels = new Panels(() => this.soon());
    this.line = new Line(this);
  }

  /** @returns {State} */
  get state() {
    return this.run.state;
  }

  /** Something else is to be shown: what lies over the scene goes with it. @returns {number} of this opening */
  leave() {
    $("toast").hidden = $("menu").hidden = true;
    $("box").close();
    this.pause();
    return ++this.asked;
  }

  /** Opens what a link says. @param {Link} l @returns {Promise<unknown>} true: it is there now */
  async open(l) {
    const mine = this.leave();
    const scene = this.scenes.find((s) => s.id === l.scene);
    if (this.scenes.length && l.scene !== "free" && !scene) {
      this.warn("ui.bad.scene", { scene: l.scene }, 9000);
      l = link({ scene: firstScene });
    }
    const kind = l.without.length || scene?.without.length ? "lab" : "model";
    let program;
    try {
      program = this.modules[kind] ??= await module(kind);
    } catch (e) {
      return mine === this.asked && this.fail(e);
    }
    if (mine !== this.asked) return;
    let core = new Core(program);
    if (!this.scenes.length || kind === "lab") this.scenes = core.scenes();
    if (kind === "model" && this.scenes.find((s) => s.id === l.scene)?.without.length) return this.open(l); // known only now: it needs the lab
    let error = core.begin(beginning(l));
    if (error) {
      this.warn("ui.bad.begin", { why: error }, 9000);
      l = link({ scene: this.scenes.some((s) => s.id === l.scene) ? l.scene : firstScene });
      core = new Core(program);
      error = core.begin(beginning(l));
      if (error) return this.fail(error);
    }
    const text = await telling(l.scene);
    if (mine !== this.asked) return;
    this.info = this.scenes.find((s) => s.id === l.scene);
    this.telling = text;
    this.link = l;
    this.run?.leave?.();
    this.run = new Run(core, () => new Core(program));
    this.stripes();
    this.second = this.beside = this.shadow = null;
    $("odds")?.remove();
    this.line.said = "";
    this.selected = 1;
    this.story.clear();
    if (l.scene === "free" && !l.actions.length) this.run.act("start");
    if (l.actions.length || l.at !== null) await (await import("./wind.js")).wind(this, l);
    if (mine !== this.asked) return;
    this.target = this.state.now;
    measures.firstState ||= performance.now();
    if (this.side || this.info?.beside.length) (this.side = await import("./multiples.js")).show(this);
    this.changed();
    return mine === this.asked;
  }

  /**
   * Says something that seldom needs to be said, for a few seconds.
   * @param {string} key
   * @param {Record<string, string|number>} [params]
   * @param {number} [ms]
   */
  async warn(key, params, ms) {
    await import("./more.js");
    toast(t(key, params), ms);
  }

  /** @param {any} e */
  fail(e) {
    $("beat-text").textContent = failed(e);
  }

  /** The link of what is seen. @returns {Link} */
  here() {
    const b = this.run.branch;
    return { ...this.link, actions: b.actions, at: this.state.now, lang: words.lang, build: this.build, bad: "" };
  }

  // Time.

  play() {
    if (this.playing) return this.pause();
    this.playing = true;
    this.last = performance.now();
    this.target = this.state.now;
    this.buttons();
    this.soon();
  }

  pause() {
    this.playing = this.watching = false;
    this.wait = 0;
    if (!this.run) return;
    this.buttons();
    this.save();
    this.soon();
  }

  /** Somebody took over. */
  touched() {
    this.watching = false;
    this.wait = 0;
  }

  /** One frame of playing. @param {number} now ms of the page */
  tick(now) {
    const hurry = this.watching && !this.state.beat ? 2 : 1; // a first visitor has not come to see a start
    const passed = Math.min(100, now - this.last) * speeds[this.speed] * hurry;
    this.last = now;
    if (now < this.wait) return;
    this.target += passed;
    const was = this.state;
    const heard = this.run.heard;
    const began = performance.now();
    const flags = this.run.on(Math.floor(this.target * 1000) / 1000, { stop: this.stops || this.watching, wall: 12, lazy: true });
    measure(measures.step, began);
    const s = this.state;
    for (const h of this.run.branch.happenings.slice(heard, this.run.heard)) if (h.what === "lost") $("cluster").note(h);
    if (flags & Flag.beat || s.now > this.target || s.now < this.target - 1) this.target = s.now;
    if (s.broken.length > was.broken.length) this.pause();
    else if (s.failed || (s.ended && !was.ended && !s.left)) {
      const first = this.watching;
      this.pause();
      if (first) toast(t("ui.yours"), 15000);
    } else if (flags & Flag.beat) {
      if (this.watching) this.wait = now + 350 + Math.min(90, (this.telling.beats[s.beat] ?? "").length) * readingTime;
      else if (this.stops) this.pause();
    }
  }

  /** Goes somewhere and stops there. @param {() => void} go */
  go(go) {
    this.touched();
    const began = performance.now();
    go();
    measure(measures.seek, began);
    this.target = this.state.now;
    this.changed();
  }

  /** @param {Happening} h */
  seekTo(h) {
    this.pause();
    this.go(() => this.run.seekTo(h));
  }

  /** To the next beat: on the first call by playing, on the second at once. @param {number} way */
  beat(way) {
    this.touched();
    if (way > 0 && !this.playing && !this.run.refuse) {
      this.stops = true;
      $("stops").checked = true;
      return this.play();
    }
    this.jump("beat", way);
  }

  /** @param {import("./jump.js").Kind} kind @param {number} way */
  async jump(kind, way) {
    this.pause();
    const { jump } = await import("./jump.js");
    this.go(() => {
      if (!jump(this.run, kind, way)) this.warn(way > 0 ? "ui.jump.none" : "ui.jump.none-before", { what: t("ui.jump." + kind) }, 2500);
    });
  }

  // Doing.

  /** Whether nothing can be done to what is shown; then that is said. */
  fixed() {
    return this.run.refuse?.() || this.side?.refuse();
  }

  /** @param {string[]} lines */
  act(lines) {
    if (this.fixed()) return;
    this.touched();
    for (const line of lines) {
      const why = this.run.act(line);
      if (why) {
        this.warn("menu.cannot", { why });
        break;
      }
    }
    this.shadow = null;
    this.changed();
  }

  /** @param {import("./menu.js").Aim} aim */
  async aim(aim) {
    if (this.fixed()) return;
    const value = this.run.branch.happenings.filter((h) => h.what === "asked").length + 1;
    if (this.playing) this.pause();
    const [menu, second] = await Promise.all([import("./menu.js"), this.aside()]);
    menu.openMenu(aim, { state: this.state, value, act: (lines) => this.act(lines), ghost: (lines) => second.ghost(lines),
      shadow: (s) => {
        this.shadow = s;
        this.soon();
      } });
  }

  /** The second core of this run. @returns {Promise<import("./second.js").Second>} */
  async aside() {
    const { Second } = await import("./second.js");
    return (this.second ??= new Second(this.run));
  }

  /** Takes another branch, or compares with it. @param {Branch} b @param {boolean} compare */
  async take(b, compare) {
    if (compare) await this.aside();
    if (compare) this.beside = this.beside === b || b === this.run.branch ? null : b;
    else {
      this.pause();
      if (this.beside === b) this.beside = null;
      this.go(() => this.run.seek(Math.min(this.state.now, b.end), b));
    }
    this.changed();
  }

  compare() {
    const b = this.run.branch;
    const other = b.parent ?? this.run.branches.find((x) => x.parent === b);
    if (!other) return this.warn("ui.branch.none", {}, 3000);
    this.take(this.beside ?? other, true);
  }

  // Showing.

  /** @param {Happening} h @returns {string} */
  tell(h) {
    if (h.what === "beat") return (this.telling.beats[h.text] ?? h.text);
    return words.say(h, (id) => this.state.servers.find((s) => s.id === id)?.name ?? "S" + id);
  }

  /** Draws at the next frame. */
  soon() {
    if (this.due || !this.run) return;
    this.due = true;
    requestAnimationFrame((now) => {
      this.due = false;
      if (this.playing) this.tick(now);
      this.draw();
      if (this.run.due) setTimeout(() => this.run.rest());
      if (this.playing) this.soon();
    });
  }

  /** Something is different; the address says so a little later. */
  changed() {
    this.save();
    this.buttons();
    this.soon();
  }

  save() {
    clearTimeout(this.saving);
    this.saving = window.setTimeout(() => {
      if (this.playing || this.watching || this.run.refuse) return;
      const hash = write(this.here());
      if (hash !== location.hash) history.replaceState(null, "", hash);
    }, 300);
  }

  draw() {
    const began = performance.now();
    let s = this.state;
    if (calm.matches) s = halfWay(s);
    s = this.side?.follow(s) ?? s;
    const beside = this.beside && this.second?.beside(this.beside);
    this.line.show(s);
    for (const e of this.elements) {
      if (e.id !== "promises" && !e.offsetParent) continue;
      e.selected = this.selected;
      e.ghost = this.shadow ?? beside ?? null;
      e.history = this.run.branch.past.view;
      e.state = s;
    }
    $("clock").textContent = clock(s.now);
    if ($("events").offsetParent) this.story.show(this.run.branch, this.run.heard, this.beside, (this.beside && this.lanes?.parting(this.run.branch, this.beside)) ?? -1);
    const f5 = $("figure5");
    if (this.lanes) this.lanes.lanes(this.run, this.beside, f5.offsetParent && f5.x ? f5 : null, (b, c) => this.take(b, c));
    else if (this.run.branches.length > 1) import("./lanes.js").then((l) => {
      this.lanes = l;
      this.soon();
    });
    measure(measures.draw, began);
    if (s.broken.length && !this.named) {
      this.named = true;
      setLang(words.lang, "lab").then(() => this.retell());
    }
    if (s.broken.length && (s.left || this.link.scene === "free") && this.told !== this.run.branch) {
      this.told = this.run.branch;
      import("./lab.js").then((lab) => lab.challenge(s, this.here()));
    }
  }

  /** What the buttons and fields show. */
  buttons() {
    const play = $("play");
    play.replaceChildren(icon(this.playing ? "pause" : "play"));
    play.setAttribute("aria-pressed", String(this.playing));
    play.title = t(this.playing ? "ui.pause" : "ui.play");
    play.setAttribute("aria-label", play.title);
    $("speed").value = this.speed;
    const v = speeds[this.speed];
    $("speed-text").textContent = v < 1 ? "1/" + 1 / v + "×" : v + "×";
    $("speed").setAttribute("aria-valuetext", $("speed-text").textContent);
    $("stops").checked = this.stops && !this.watching;
    $("language").textContent = words.lang === "ru" ? "EN" : "RU";
    $("cut").setAttribute("aria-pressed", String(Boolean($("cluster").cutting)));
    $("seed").textContent = this.link.seed === null ? t("ui.seed.other") : t("ui.seed", { n: this.link.seed });
    const name = this.run && this.state.servers.find((s) => s.id === this.selected)?.name;
    $("act").textContent = t("ui.act", { n: name ?? "" }) + " ▾";
  }

  /** @param {string} l */
  async language(l) {
    await setLang(l);
    document.documentElement.lang = words.lang;
    localize();
    if (!this.run) {
      for (const e of this.elements) e.words = words;
      return;
    }
    this.telling = this.run.telling?.() ?? (await telling(this.link.scene));
    this.retell();
  }

  /** Marks the page while rules are left out: at once, and in words as soon as they are there. */
  async stripes() {
    const { without } = this.state;
    $("stripes").hidden = !without.length;
    document.documentElement.classList.toggle("modified", without.length > 0);
    if (without.length) (await import("./lab.js")).stripes(without);
  }

  /** Says all anew: the words have changed. */
  retell() {
    this.stripes();
    for (const e of this.elements) e.words = words;
    this.line.said = "";
    this.story.clear();
    $("branches").dataset.key = "";
    dispatchEvent(new Event("retold"));
    this.changed();
  }

  /** The presenter, who is loaded when he is asked for. */
  async speaker() {
    const { Presenter } = await import("./presenter.js");
    this.presenter ??= new Presenter(() => this.talkChanged());
    this.line.said = "";
    this.soon();
    return this.presenter;
  }

  talkChanged() {
    this.panels.apply();
    if (this.presenter?.on) this.stops = true;
    this.changed();
  }

  /** @param {string} [next] */
  theme(next) {
    const root = document.documentElement.dataset;
    if (next) kept.set("theme", next);
    root.theme = kept.get("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    for (const e of this.elements) e.words = words;
    this.soon();
  }

  /** @param {number} way */
  faster(way) {
    this.speed = Math.max(0, Math.min(speeds.length - 1, this.speed + way));
    this.buttons();
  }

  async menu() {
    this.pause();
    (await import("./boxes.js")).sceneMenu(this.scenes, this.link.scene, (id) => this.begin(link({ scene: id })), () => this.recording(), () => this.find());
  }

  /** Opens a recording of a real cluster. @param {Blob} [file] without it somebody is asked */
  async recording(file) {
    (await import("./replay.js")).open(this, file);
  }

  /** Opens a scene and plays it to its first beat. @param {Link} l */
  async begin(l) {
    if ((await this.open(l)) && !this.playing) this.play();
  }

  /** A link to what is seen. */
  address() {
    return location.href.replace(/#.*/, "") + write(this.here());
  }

  copy() {
    if (this.run.refuse?.("link")) return;
    const url = this.address();
    history.replaceState(null, "", write(this.here()));
    const done = () => this.warn("ui.link.done");
    if (navigator.clipboard) navigator.clipboard.writeText(url).then(done, () => toast(url, 15000));
    else toast(url, 15000);
  }

  cut() {
    if (this.fixed()) return;
    $("cluster").cutting = !$("cluster").cutting;
    this.buttons();
  }

  async lab() {
    if (this.run.refuse?.()) return;
    this.pause();
    (await import("./lab.js")).labBox(this.state.without, (without, scene) => this.begin(scene ? link({ scene, without }) : { ...this.link, without, actions: [], at: null }));
  }

  actMenu() {
    const r = $("p-cluster").getBoundingClientRect(); // beside it: there one sees what would come of it
    this.aim({ kind: "server", id: this.selected, from: 0, to: 0, x: r.right + 4, y: r.top });
  }

  /** Looks for a run; or shows how far apart timeouts should be. @param {boolean} [spread] */
  async find(spread) {
    if (this.fixed()) return;
    if (spread) (await import("./spread.js")).spreadBox(this);
    else (await import("./find.js")).findBox(this);
  }

  async help() {
    this.pause();
    (await import("./boxes.js")).help(() => this.recording());
  }

  /** Opens what the address says; a first visitor sees a scene play by itself. */
  async fromAddress() {
    if (location.hash === "#recording") {
      if (!this.run) await this.open(link({ scene: firstScene }));
      return (await import("./replay.js")).receive(this);
    }
    const l = read(location.hash);
    if (l.lang && l.lang !== words.lang) await this.language(l.lang);
    if (l.build && l.build !== this.build) this.warn("ui.build", { build: l.build }, 9000);
    if (l.bad) this.warn("ui.bad.part", { part: l.bad.slice(0, 80) }, 9000);
    const first = !location.hash;
    l.scene ||= firstScene;
    if (l.actions.length || l.at !== null) await this.open(l);
    else await this.begin(l);
    if (first) {
      this.watching = true;
      this.wait = performance.now() + 300;
      this.buttons();
    }
  }

  async start() {
    this.theme();
    this.build = await build();
    const known = read(location.hash).lang || kept.get("lang") || navigator.language.slice(0, 2);
    await this.language(known);
    await this.fromAddress();
    if (this.run) connect(this);
  }
}

if (location.hash === "#notes") import("./presenter.js").then((p) => p.notesWindow());
else {
  const model = new Model();
  addEventListener("unhandledrejection", (e) => toast(failed(e.reason), 12000)); // what was asked for does not load
  const opened = async (/** @type {Link} */ l, /** @type {string|undefined} */ lang) => {
    if (lang) await model.language(lang);
    await model.open(l);
  };
  /** @type {any} */ (globalThis).veche = {
    measures,
    get run() {
      return model.run;
    },
    open: (/** @type {string} */ scene, /** @type {{seed?: number, lang?: string}} */ { seed, lang } = {}) => opened(link({ scene, seed: seed ?? null }), lang),
    openFree: (/** @type {{nodes: number, seed: number, settings?: string[]}} */ { nodes, seed, settings = eyes }) => opened(link({ scene: "free", nodes, seed, settings }), ""),
    link: () => model.address(),
    frame: () => model.draw(),
  };
  model.start();
}
