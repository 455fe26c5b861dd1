// Sets the page's elements up as figures that stand alone.

import "/web/figure4.js";
import { stripes } from "/web/figure5.js";
import { Core } from "/web/core.js";
import { module } from "/web/files.js";
import { Past, ages } from "/web/history.js";
import { hue, ink, make, wide, write } from "/web/look.js";
import * as words from "/web/words.js";

/** Plays the paper's example: an election, another, one that nobody wins, and the next. */
async function example() {
  const model = await module("model");
  for (let seed = 1; seed <= 50; seed++) {
    const past = play(new Core(model), seed), none = ages(past).findIndex((a) => a.won === Infinity);
    if (none === 2) return past; // who votes for whom depends on the way of the messages
  }
  throw new Error("no seed splits the votes of term 3");
}

/** One run of it. */
function play(core, seed) {
  const past = new Past();
  const must = (wrong) => { if (wrong) throw new Error(wrong); };
  const hear = () => {
    core.happenings().forEach((h) => past.add(h));
    past.state(core.state());
  };
  const act = (...commands) => commands.forEach((c) => must(core.act(c)));
  const wait = (ms) => {
    for (const end = core.state().now + ms; core.state().now < end; hear()) core.run(Math.min(end, core.state().now + 1));
  };
  const until = (what, ok) => {
    for (let ms = 0; !ok(core.state().servers); ms++) {
      if (ms > 5000) throw new Error("the run does not come to this: " + what);
      wait(1);
    }
  };
  const leads = (id) => (all) => all.some((s) => s.up && s.role === "leader" && (!id || s.id === id));
  must(core.begin(["free", "election 150ms 300ms", "heartbeat 50ms", "wire 10ms 15ms", "fast off", "seed " + seed].join("\n")));
  act("draw S1 160ms", "draw S2 S3 S4 S5 290ms", "start");
  until("S1 leads", leads(1));
  wait(420);
  act("draw S3 170ms", "draw S2 S4 S5 295ms", "crash S1");
  until("S3 leads", leads(3));
  act("restart S1");
  wait(620);
  act("draw S2 S4 170ms", "draw S1 S5 295ms", "crash S3");
  until("somebody stands", (all) => all.some((s) => s.role === "candidate"));
  until("somebody leads again", leads(0));
  wait(60);
  act("restart S3");
  wait(500);
  return past.view;
}

/** Those of the styles of an SVG that a file of its own needs. */
const styled = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "stroke-opacity",
  "opacity", "font-size", "font-weight", "font-style", "font-family", "text-anchor", "paint-order"];

/**
 * The text of a file with that drawing alone: styles are written into it, and
 * what is hidden is left out.
 */
function standalone(svg, back) {
  const copy = svg.cloneNode(true);
  const walk = (from, to, above) => {
    const style = getComputedStyle(from);
    for (const k of styled) {
      const v = style.getPropertyValue(k);
      if (k === "opacity" ? v !== "1" : !above || v !== above.getPropertyValue(k)) to.setAttribute(k, v);
    }
    for (const k of ["class", "tabindex", "role", "aria-label", "data-at"]) to.removeAttribute(k);
    const a = [...from.children], b = [...to.children];
    for (let i = 0; i < a.length; i++)
      if (a[i].getAttribute("display") === "none" || a[i].classList.contains("v-hit")) b[i].remove();
      else walk(a[i], b[i], style);
  };
  walk(svg, copy, null);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.prepend(make("rect", { width: "100%", height: "100%", fill: back }));
  return new XMLSerializer().serializeToString(copy);
}

/** Says below Figure 5 what its shapes mean, and where it comes from. */
function legend(drawing) {
  const { sheet } = drawing, g = make("g", undefined, sheet.svg), p = drawing.plan(run.rows.length), f = p.small, y = p.axis + f * 2.2;
  let x = drawing.left;
  for (const as of ["candidate", "leader", "follower", "pre-candidate", "down"]) {
    const tall = as === "candidate" ? f * 1.4 : as === "leader" ? f * 1.1 : f * 0.3;
    if (as === "pre-candidate" || as === "down") make("line", { x1: x, x2: x + f * 3, y1: y, y2: y, stroke: as === "down" ? null : hue(1), "stroke-width": f * 0.3, class: "v-is-" + as }, g);
    else make("rect", { x, y: y - tall / 2, width: f * 3, height: tall, fill: hue(1), class: "v-barbox" }, g);
    if (as === "candidate") make("path", { class: "v-stripes", d: stripes(x, y - tall / 2, f * 3, tall), stroke: ink(1) }, g);
    const word = (as === "candidate" ? words.t("figure5.election") + ": " : "") + words.t("role." + as);
    write(make("text", { x: x + f * 3.4, y: y + f * 0.35, "font-size": f }, g), word);
    x += f * 5.2 + wide(word, f);
  }
  write(make("text", { class: "v-credit", x: sheet.w - 8, y: sheet.h - f * 0.5, "font-size": f * 0.9 }, g), words.t("figure5.after"));
}

let run;

/** Draws one figure; the file's text comes back. */
window.figure = async (number, lang, theme) => {
  document.documentElement.dataset.theme = theme;
  await words.setLang(lang);
  const main = document.createElement("main"), drawing = document.createElement("v-figure" + number);
  drawing.setAttribute("plain", "");
  main.append(drawing);
  document.body.replaceChildren(main);
  if (number === 5) drawing.history = run ??= await example();
  drawing.words = words;
  if (number === 5) drawing.span = { from: 0, to: run.end };
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  if (number === 5) legend(drawing);
  return standalone(drawing.sheet.svg, getComputedStyle(document.body).backgroundColor);
};
window.ready = true;
