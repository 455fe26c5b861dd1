// Steady traffic of a real cluster: who sends entries to whom, how many a second,
// and the pulse of heartbeats. Whoever draws recordings adds it to the cluster.

import { kit, set, show, write, Pool } from "./look.js";

/** @typedef {{from: number, to: number, rate: number, beat: number}} Flow */

/** Adds traffic to a cluster: what its states have of it, between ground and servers. @param {import("./cluster.js").Cluster} cluster */
export function addTraffic(cluster) {
  if (cluster.besides) return;
  const flows = new Pool(() => {
    const flow = kit(cluster.ground.linkG, "", { line: "line", beat: "circle", text: "text.v-small v-mid" });
    set(flow.line, { stroke: "var(--rpc-append)", "stroke-linecap": "round" });
    set(flow.beat, { fill: "var(--rpc-beat)" });
    return flow;
  });
  cluster.besides = (s) => {
    flows.begin();
    for (const f of /** @type {{traffic?: Flow[]}} */ (s).traffic ?? []) {
      const p = cluster.places.get(f.from), q = cluster.places.get(f.to);
      if (!p || !q) continue;
      const flow = flows.get(f.from + ">" + f.to), d = Math.hypot(q.x - p.x, q.y - p.y) || 1, ux = (q.x - p.x) / d, uy = (q.y - p.y) / d, g0 = p.r * 1.3, off = p.r * 0.2;
      const x1 = p.x + ux * g0 - uy * off, y1 = p.y + uy * g0 + ux * off, len = d - 2 * g0;
      set(flow.line, { x1: x1, y1: y1, x2: x1 + ux * len, y2: y1 + uy * len, "stroke-width": 1 + Math.log2(1 + f.rate) / 2, "stroke-opacity": f.rate > 0 ? 0.75 : 0.25 });
      show(flow.beat, f.beat >= 0 && f.beat <= 1);
      set(flow.beat, { cx: x1 + ux * len * f.beat, cy: y1 + uy * len * f.beat, r: p.r * 0.1 });
      show(flow.text, f.rate >= 1);
      if (f.rate >= 1) {
        write(flow.text, cluster.t("unit.persecond", { n: Math.round(f.rate) }));
        set(flow.text, { x: x1 + ux * len * 0.5 - uy * off, y: y1 + uy * len * 0.5 + ux * off + p.f * 0.3, "font-size": p.f * 0.8 });
      }
    }
    flows.end();
  };
}
