// Goes to where a link says: carries out what it has, in slices, so that the page
// lives meanwhile, and says how far it has come.

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./run.js").Run} Run */
/** @typedef {import("./links.js").Link} Link */

const slice = 200; // ms of computing

/** Carries out what a link has, and goes to its moment. @param {Model} m @param {Link} l */
export async function wind(m, l) {
  const run = m.run;
  const all = l.at ?? l.actions.at(-1)?.at ?? 0;
  for (const [i, a] of l.actions.entries()) {
    await goTo(m, run, a.at, all);
    if (run !== m.run) return;
    const why = run.act(a.command);
    if (why) {
      m.warn("ui.bad.action", { n: i + 1, command: a.command, why }, 12000);
      break;
    }
  }
  if (l.at !== null) await goTo(m, run, l.at, all);
}

/** Goes to a moment, unless another run is opened meanwhile. @param {Model} m @param {Run} run @param {number} at @param {number} all ms */
async function goTo(m, run, at, all) {
  for (let was = -1; run === m.run && !run.main.reached(at) && run.state.steps > was; ) {
    was = run.state.steps;
    run.on(at, { wall: slice });
    if (run.main.reached(at)) break;
    m.warn("ui.winding", { percent: Math.floor((100 * run.state.now) / all) }, 1500);
    await new Promise((next) => setTimeout(next, 9));
  }
  if (run === m.run) run.seek(at);
}
