// Connects what can be clicked, dragged and typed to what the model does.

import * as words from "./words.js";
import { $, kept } from "./dom.js";
import { link } from "./links.js";
import { listen } from "./keys.js";

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
  const free = async () => (await import("./boxes.js")).freeForm((nodes, seed, settings) => m.begin(link({ scene: "free", nodes, seed, settings })));
  on("play", () => m.play());
  on("forward", forward);
  on("back", back);
  on("start", start);
  on("scene", () => m.menu());
  on("free", free);
  on("seed", () => m.begin({ ...m.link, seed: 1 + Math.floor(Math.random() * 9999), actions: [], at: null }));
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
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => m.theme());
  listen({
    play: () => m.play(), forward, back, start, end: () => m.go(() => m.run.seek(m.run.branch.end)),
    by: (ms) => m.go(() => m.run.seek(m.state.now + ms)), beat: (way) => m.beat(way), jump: (k, way) => m.jump(k, way),
    faster: (way) => m.faster(way), panel: (p) => m.panels.show(m.panels.alone === p ? "" : p), act: () => m.actMenu(), cut: () => m.cut(),
    compare: () => m.compare(), undo: () => m.run.branch.parent && m.take(m.run.branch.parent, false), scenes: () => m.menu(), lab: () => m.lab(),
    language, theme, link: () => m.copy(), present, notes: async () => (await m.speaker()).notes(), spot: () => document.documentElement.classList.toggle("spot"), help: () => m.help(),
    server: (id) => {
      if (m.state.servers.some((s) => s.id === id)) m.selected = id;
      m.changed();
    },
    talking: () => Boolean(m.presenter?.on),
  });
}
