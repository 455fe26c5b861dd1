// <v-promises>: what Raft promises, and whether it holds: the five of the paper's
// Figure 3, linearizable reads, and the others that the world watches.

import { json } from "./files.js";
import { lang, setLang } from "./words.js";
import { Drawing } from "./look.js";

/** Those with a chip, by what the core calls them. */
const chips = [["ES", "Election Safety"], ["LA", "Leader Append-Only"], ["LM", "Log Matching"], ["LC", "Leader Completeness"], ["SM", "State Machine Safety"], ["LIN", "Linearizability"]];

/** The others that a world watches; they and their names are fetched when the list is opened. @type {string[]} */
let others = [];

/** Which chip a promise of the world belongs to, where the world watches it under another name. @type {Record<string, string>} */
const under = { "A Read Covers All Acknowledged Writes": "Linearizability", "A Write Stands After All That Were Acknowledged Before It": "Linearizability" };

export class Promises extends Drawing {
  constructor() {
    super();
    this.row = document.createElement("div");
    this.row.className = "v-promises";
    this.row.setAttribute("role", "list");
    this.more = document.createElement("details");
    this.more.className = "v-more";
    this.sum = document.createElement("summary");
    this.list = document.createElement("ul");
    this.more.append(this.sum, this.list);
    this.row.append(this.more);
    /** @type {{chip: HTMLElement, name: string, short: string}[]} */
    this.chips = chips.map(([short, name]) => {
      const chip = document.createElement("span");
      chip.setAttribute("role", "listitem");
      this.more.before(chip);
      return { chip, name, short };
    });
    this.also = document.createElement("span"); // of those that the paper does not name, the first that broke
    this.also.className = "v-broken v-also";
    this.also.tabIndex = 0;
    this.also.hidden = true;
    this.also.setAttribute("role", "listitem");
    this.more.before(this.also);
    this.parts = [this.row];
    this.more.addEventListener("toggle", async () => {
      if (!this.more.open || others.length) return;
      [others] = await Promise.all([json("promises.json"), setLang(lang, "lab")]);
      this.shown = "";
      this.redraw();
    });
    this.shown = "";
    document.addEventListener("click", (e) => { if (this.more.open && !this.contains(/** @type {Node} */ (e.target))) this.more.open = false; });
    this.addEventListener("keydown", (e) => { if (e.key === "Escape" && this.more.open) { this.more.open = false; this.sum.focus(); e.stopPropagation(); } });
  }

  renamed() { this.shown = ""; }

  draw() {
    const s = this.now_, words = this.words_;
    if (!s || !words) return;
    const key = words.lang + s.broken.map((b) => b.promise + b.how).join();
    if (key === this.shown) return;
    this.shown = key;
    const how = new Map(s.broken.map((b) => [b.promise, b.how]));
    for (const b of s.broken) if (under[b.promise] && !how.has(under[b.promise])) how.set(under[b.promise], b.how);
    for (const { chip, name, short } of this.chips) {
      const bad = how.get(name), full = words.promise(name);
      chip.className = bad === undefined ? "v-holds" : "v-broken";
      chip.textContent = (bad === undefined ? "✓ " + short : "✗ " + full);
      chip.title = full + (bad ? ": " + bad : "");
      chip.setAttribute("aria-label", full + ": " + words.t(bad === undefined ? "promises.holds" : "promises.broken") + (bad ? ": " + bad : ""));
    }
    this.sum.textContent = words.t("promises.more");
    const own = [...new Set([...how.keys(), ...others])].filter((n) => !chips.some((c) => c[1] === n)), also = own.find((n) => how.has(n) && !under[n]);
    this.also.hidden = !also || !words.has("promises.also");
    if (also) {
      this.also.textContent = words.t("promises.also", { name: words.promise(also) });
      this.also.title = words.t("promises.own") + " " + how.get(also);
      this.also.setAttribute("aria-label", this.also.textContent + ". " + this.also.title);
    }
    this.list.replaceChildren(...[...chips.map((c) => c[1]), ...own].map((name) => {
      const item = document.createElement("li"), bad = how.get(name);
      item.className = bad === undefined ? "v-holds" : "v-broken";
      item.textContent = (bad === undefined ? "✓ " : "✗ ") + words.promise(name) + (bad ? ": " + bad : "");
      return item;
    }));
  }
}

customElements.define("v-promises", Promises);
