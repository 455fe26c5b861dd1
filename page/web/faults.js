// Buttons that harm: there only under `veche demo`, which says so and gives the
// key in the address that it prints. A server never does.

import { el } from "./dom.js";
import { t, has } from "./words.js";

/** @typedef {import("./types.js").State} State */

export class Faults {
  /**
   * @param {HTMLElement} box
   * @param {() => State|null} state
   * @param {() => number} selected
   * @param {(id: number) => string} name
   */
  constructor(box, state, selected, name) {
    this.box = box;
    this.state = state;
    this.selected = selected;
    this.name = name;
    this.path = "";
    this.key = "";
    /** @type {HTMLElement[]} */ this.buttons = [];
    this.said = el("span", { className: "said", role: "status" });
  }

  /** Takes the key out of the address, so that nobody copies it by accident. */
  unlock() {
    const m = /^#key=([0-9a-f]{16,64})$/.exec(location.hash);
    if (m) {
      sessionStorage.setItem("veche.key", m[1]);
      history.replaceState(null, "", location.pathname + location.search);
    }
    this.key = sessionStorage.getItem("veche.key") ?? "";
  }

  /** The server says where faults are asked for, or nothing. @param {string|undefined} path */
  offer(path) {
    if (!path) return this.hide();
    this.path = path;
    this.unlock();
    this.localize();
  }

  hide() {
    this.path = "";
    this.box.hidden = true;
  }

  localize() {
    if (!this.path) return;
    this.buttons = ["kill", "restart", "cut", "slow", "heal", "write"].map((act) =>
      el("button", { click: () => this.ask(act, act === "heal" || act === "write" ? [] : [this.name(this.selected())]), disabled: !this.key, title: t("live.do." + act + ".tip"), "data-act": act }));
    this.box.hidden = false;
    this.box.replaceChildren(el("b", {}, t("live.do")), ...this.buttons, el("span", { className: "said" }, this.key ? t("live.do.line") : t("live.do.locked")));
    this.aim();
  }

  /** The buttons name the server that is selected. */
  aim() {
    for (const b of this.buttons) {
      const text = t("live.do." + b.dataset.act, { name: this.name(this.selected()) });
      if (b.textContent !== text) b.textContent = text;
    }
  }

  /** A line was drawn across the ring: "split {n1 n2}|{n3}"; the smaller side is cut off. @param {string} command */
  act(command) {
    if (!this.path || !this.key || !command.startsWith("split ")) return;
    const sides = command.slice(6).split("|").map((side) => side.replace(/[{}]/g, "").trim().split(/\s+/));
    this.ask("cut", sides.sort((a, b) => a.length - b.length)[0]);
  }

  /** @param {string} act @param {string[]} nodes */
  async ask(act, nodes) {
    this.box.lastElementChild?.replaceWith(this.said);
    this.said.textContent = "…";
    try {
      const r = await fetch(this.path, { method: "POST", headers: { "Content-Type": "application/json", "X-Veche-Key": this.key }, body: JSON.stringify({ act, nodes }), signal: AbortSignal.timeout(20_000) });
      this.said.textContent = told(await r.json()) ?? String(r.status);
    } catch {
      this.said.textContent = t(has("live.do.failed") ? "live.do.failed" : "live.badge.wait");
    }
  }
}

/**
 * What the demo says, in the language of the page if there are words for it.
 * @param {{said?: string, key?: string, with?: Record<string, string|number|string[]>, message?: string}} answer
 */
function told(answer) {
  const key = "live.said." + answer.key;
  if (!answer.key || !has(key)) return answer.said ?? answer.message;
  const lists = Object.entries(answer.with ?? {}).map(([k, v]) => [k, Array.isArray(v) ? v.join(t("live.said.and")) : v]);
  return t(key, Object.fromEntries(lists));
}
