// Sets the page's elements up as figures that stand alone.

import "/web/figure4.js";
import "/web/figure5.js";
import { Core } from "/web/core.js";
import { module } from "/web/files.js";
import { Past, ages } from "/web/history.js";
import { standalone } from "/web/look.js";
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
  return standalone(drawing.sheet.svg, getComputedStyle(document.body).backgroundColor);
};
window.ready = true;
