// The dashboard: a real cluster, drawn with what the model is drawn with, from
// what its members say of themselves through the one whose page this is. Whatever
// comes from the cluster becomes text, never markup.

import "./cluster.js";
import "./logs.js";
import "./figure4.js";
import "./figure5.js";
import { ms } from "./matrix.js";
import { $, el, localize, kept } from "./dom.js";
import * as words from "./words.js";
import { Reel, Recording, chatter, lines, oldAfter } from "./recording.js";
import { Faults } from "./faults.js";
import { build } from "./files.js";
import { addTraffic } from "./traffic.js";

const { t, say, setLang, has } = words;
/** @typedef {import("./types.js").Server} Server */
/** @typedef {import("./recording.js").LiveState} LiveState */

/** Between two drawings of the ring while it moves, in ms; the newest events that are listed; what Figure 5 shows. */
const stroke = 50, listed = 200, span = 60_000;
/** Without a frame for so long the page says so. */
const lostAfter = 2500;

/** Whether the page stands alone: then it only opens recordings. */
const alone = location.pathname.endsWith("/replay.html");

const still = matchMedia("(prefers-reduced-motion: reduce)"), dark = matchMedia("(prefers-color-scheme: dark)");

const page = {
  reel: new Reel(),
  viewer: "",
  /** @type {Recording|null} what is replayed instead */ recording: null,
  /** ms of the moment that is shown; -1: the newest */ at: -1,
  view: 0,
  selected: 0,
  picked: false,
  /** when the newest frame came, on the page's own clock */ came: 0,
  told: -1,
  drawn: 0,
  /** @type {State|null} */ state: null,
  /** @type {EventSource|null} */ source: null,
};

/** @typedef {LiveState} State */

/** The moment that is shown. */
function moment() {
  if (page.at >= 0) return page.at;
  return page.reel.end + (page.recording ? 0 : Math.min(performance.now() - page.came, 3_600_000));
}

/** The number of the server whose page this is; 0 in the demo, which is none of them. */
const here = () => [...page.reel.names].find(([, name]) => name === page.viewer)?.[0] ?? 0;

// ---- what is drawn

/** Draws all of it. */
function show() {
  const { reel } = page, at = moment();
  badge(at);
  if (!reel.frames.length) return;
  faults.aim();
  const s = (page.state = reel.state(at, page.view));
  if (!s.servers.some((v) => v.id === page.selected)) page.selected = here() || s.servers[0]?.id || 0;
  views(s);
  $("own").hidden = !here(); // the demo's page is no member's
  draw(s);
  document.body.classList.toggle("many", s.servers.length > 5);
  const merged = page.view ? reel.state(at) : s;
  const h = reel.history;
  for (const id of ["logs", "figure4"]) Object.assign($(id), { history: h, state: s, selected: page.selected });
  const to = Math.max(at, Math.min(reel.end, at + span / 2)), from = Math.max(to - span, Math.min(to - span / 4, reel.first() - 1000));
  Object.assign($("figure5"), { history: page.at < 0 ? { ...h, end: at } : h, now: at, span: { from, to }, state: s, selected: page.selected });
  $("matrix").show(reel, at);
  members(merged, at);
  facts(reel.frame(at), merged, at);
  gauges(merged, at);
  banner(merged);
  elections(at);
  events();
  $("when").textContent = reel.wall(at).toLocaleTimeString(words.lang);
}

/** Draws the ring, which moves between two frames. @param {LiveState} s */
function draw(s) {
  Object.assign($("cluster"), { selected: page.selected, state: s });
}

/** @param {number} at */
function badge(at) {
  const b = $("badge"), quiet = performance.now() - page.came;
  const [as, text] = alone && !page.recording ? ["wait", t("live.badge.alone")] : page.recording ? ["rec", t("live.badge.rec", { name: page.recording.name })]
    : !page.reel.frames.length ? ["wait", t("live.badge.wait")]
    : page.at >= 0 ? ["past", t("live.badge.past", { ago: ms(page.reel.end - at, words) })]
    : quiet > lostAfter ? ["lost", t("live.badge.lost", { name: page.viewer, ago: ms(quiet, words) })] : ["live", t("live.badge.live")];
  b.dataset.as = as;
  if (b.textContent !== text) b.textContent = text;
}

/** Offers whose view there is. @param {LiveState} s */
function views(s) {
  const key = words.lang + s.servers.map((v) => v.name).join("\n"), box = $("view");
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren(el("option", { value: "0" }, t("live.view.all")), ...s.servers.map((v) => el("option", { value: String(v.id) }, t("live.view.as", { name: v.name }))));
  box.value = String(page.view);
}

/** A cell that is only touched when it changes. @param {Element} row @param {number} k @param {string|number} text */
function cell(row, k, text) {
  const c = row.children[k], v = String(text);
  if (c.textContent !== v) c.textContent = v;
  return /** @type {HTMLElement} */ (c);
}

/** @param {LiveState} s @param {number} at */
function members(s, at) {
  const body = $("members"), lead = leader(s);
  while (body.childElementCount > s.servers.length) body.lastElementChild.remove();
  while (body.childElementCount < s.servers.length) body.append(el("tr", { tabIndex: 0 }, ...Array.from({ length: 9 }, (_, k) => el("td", { className: k > 1 && k < 8 ? "n" : "" }))));
  s.servers.forEach((v, i) => {
    const row = body.children[i], p = lead?.peers.find((x) => x.id === v.id && x.contact >= 0), m = raw(v.id, at), old = v.age >= oldAfter || !m?.look;
    row.dataset.id = v.id;
    row.classList.toggle("self", v.id === page.selected);
    row.classList.toggle("old", old);
    const full = page.reel.full(v.id);
    cell(row, 0, v.name + (full === page.viewer ? " " + t("live.m.this") : "")).title = full;
    cell(row, 1, t("role." + as(v))).className = "role " + as(v);
    cell(row, 2, m?.look ? v.term : "–");
    cell(row, 3, p ? p.match : lead === v ? v.last : "–");
    cell(row, 4, p ? Math.max(0, lead ? lead.last - p.match : 0) : lead === v ? 0 : "–");
    cell(row, 5, p && lead ? (lead.last > p.match ? late(page.reel.behind(at, p.match)) : t("live.ms", { n: 0 })) : lead === v ? t("live.ms", { n: 0 }) : "–");
    cell(row, 6, p ? ms(p.contact, words) : lead && lead !== v ? t("live.never") : "–");
    cell(row, 7, m?.look ? ms(Math.max(0, m.age_ms) + at - (page.reel.frame(at)?.at ?? at), words) : t("live.never")).title = m?.trouble ? t("live.trouble." + m.trouble) : "";
    cell(row, 8, m?.client || t("live.unknown"));
  });
  const silent = s.servers.map((v) => raw(v.id, at)).filter((m) => m?.trouble);
  $("hint").textContent = silent.map((m) => t("live.silent", { name: m.name || m.id, why: t("live.trouble." + m.trouble) })).join(" ");
}

/** How late a follower is; frames come every 200 ms, and tell no more exactly. @param {number} v ms */
const late = (v) => (v < 300 ? t("live.ms", { n: "<200" }) : ms(v, words));

/** What a frame has of a server. @param {number} id @param {number} at */
const raw = (id, at) => page.reel.frame(at)?.members.find((m) => page.reel.id(m.id) === id);

/** The leader of the newest term that anybody knows to lead, or none. @param {LiveState} s @returns {Server|undefined} */
function leader(s) {
  return s.servers.filter((v) => v.role === "leader" && v.up && v.age < oldAfter).sort((a, b) => b.term - a.term)[0];
}

/** What a server is, by a word of role.*. @param {Server} v */
function as(v) {
  return v.age >= oldAfter ? "unknown" : v.part !== "in" ? v.part : !v.up ? "down" : v.learner && v.role === "follower" ? "learner" : v.role;
}

/** How it stands with the selected server. @param {any} f @param {LiveState} state @param {number} at */
function facts(f, state, at) {
  const m = f?.members.find((/** @type {any} */ x) => page.reel.id(x.id) === page.selected), l = m?.look, s = l?.status;
  const v = state.servers.find((x) => x.id === page.selected);
  $("who").textContent = page.reel.full(page.selected);
  if (!s || !v) {
    $("role").textContent = t("role.unknown");
    $("role").className = "role unknown";
    $("sentence").textContent = m ? t("live.trouble." + (m.trouble || "no_answer")) : "";
    $("facts").replaceChildren();
    return;
  }
  $("role").textContent = t("role." + as(v));
  $("role").className = "role " + as(v);
  $("sentence").textContent = (v.age >= oldAfter ? t("live.lastKnown", { ago: ms(v.age, words) }) + " " : "") + sentence(s);
  const lists = (/** @type {any[]} */ who) => who.map((x) => x.name).join(", ");
  /** @type {[string, string|number][]} */
  const all = [
    ["term", s.term], ["leader", s.leader.name || t("live.nobody")], ["commit", s.commit], ["applied", s.applied + (s.lag > 0 ? " " + t("live.f.behind", { n: s.lag }) : "")],
    ["durable", t("live.f.of", { a: s.persisted, b: s.last_index })], ["snapshot", s.snapshot || "–"], ["heard", s.role === "leader" ? t("live.f.itself") : ms(s.last_contact_ms, words)],
    ["elections", s.elections], ["timeout", t("live.ms", { n: s.election_timeout_ms.join("–") }) + (s.auto_timing ? " " + t("live.f.tuned") : "")],
    ...(s.changing ? [/** @type {[string, string]} */ (["changing", lists(s.changing.old) + " → " + lists(s.changing.new)])] : []),
    ["up", ms(s.uptime_ms, words)], ["clock", Math.abs(m.clock_ms) <= Math.max(2, m.round_trip_us / 1000) ? t("live.f.same") : t("live.ms", { n: (m.clock_ms > 0 ? "+" : "−") + Math.abs(m.clock_ms) })], ["id", s.id], ["cluster", s.cluster],
  ];
  const list = $("facts"), key = words.lang + all.map((x) => x[0]).join();
  if (list.dataset.key !== key) {
    list.dataset.key = key;
    list.replaceChildren(...all.flatMap(([k]) => [el("dt", {}, t("live.f." + k)), el("dd", { "data-fact": k })]));
  }
  all.forEach(([, x], i) => cell(list, 2 * i + 1, x));
  $("fault").hidden = !s.fault;
  $("fault").textContent = s.fault || "";
  $("version").textContent = "Veche " + s.version;
  document.title = page.reel.name(page.selected) + " · " + t("role." + as(v)) + " · Veche";
}

/** @param {any} s */
function sentence(s) {
  if (s.fault) return t("live.says.fault");
  if (s.removed) return t("live.says.removed");
  if (s.standing === "damaged") return t("live.says.damaged");
  if (s.fetching) return t("live.says.fetching", { name: s.fetching.from.name, part: s.fetching.total > 0 ? Math.floor((100 * s.fetching.bytes) / s.fetching.total) : 0 });
  if (s.standing !== "admitted") return t("live.says.fresh");
  if (s.role === "leader") return t(s.confirmed ? "live.says.confirmed" : "live.says.waits");
  if (s.leader.name) return t(s.learner ? "live.says.learns" : "live.says.follows", { name: s.leader.name });
  return t("live.says.alone");
}

/** @param {LiveState} s @param {number} at */
function gauges(s, at) {
  const rate = page.reel.rate(at), changes = page.reel.elections(at).filter((e) => e.at > at - 600_000).length;
  $("rate").textContent = rate < 10 ? words.num(rate, 1) : String(Math.round(rate));
  $("churn").textContent = String(changes);
  $("churn").parentElement.classList.toggle("warn", changes > 3);
  const q = quorum(s)[0];
  $("answer").textContent = q ? t("live.f.of", { a: q.answer, b: q.of }) : "–";
  $("answer").parentElement.classList.toggle("warn", !!q && q.answer < q.need);
}

/** How many voters answer and how many are needed: of the newest configuration, both halves of a joint one. @param {LiveState} s */
function quorum(s) {
  const best = s.servers.filter((v) => v.voters.length).sort((a, b) => b.term - a.term || b.commit - a.commit)[0];
  if (!best) return [];
  return [best.voters, best.outgoing].filter((g) => g.length).map((ids) => {
    const lost = ids.filter((id) => !s.servers.some((v) => v.id === id && v.up && v.age < oldAfter && v.standing !== "damaged"));
    return { of: ids.length, answer: ids.length - lost.length, need: Math.floor(ids.length / 2) + 1, lost };
  });
}

/** What a person should know before all else. @param {LiveState} s */
function banner(s) {
  /** @type {string[][]} */
  const says = [];
  const names = (/** @type {number[]} */ ids) => ids.map((id) => page.reel.name(id)).join(", ");
  for (const q of quorum(s))
    if (q.answer < q.need) says.push([t("live.quorum", { a: q.answer, b: q.of, need: q.need }), t("live.quorum.do", { lost: names(q.lost), n: q.need - q.answer }), t("live.quorum.last")]);
  const leaders = s.servers.filter((v) => v.role === "leader" && v.up && !v.age).sort((a, b) => a.term - b.term);
  if (leaders.length > 1) {
    const same = new Set(leaders.map((v) => v.term)).size < leaders.length;
    says.push([t("live.leaders", { list: leaders.map((v) => t("live.leaders.one", { name: v.name, term: v.term })).join(", ") }), t(same ? "live.leaders.same" : "live.leaders.safe", { term: leaders[leaders.length - 1].term })]);
  }
  if (!says.length && s.leaderless > oldAfter) says.push([t("live.leaderless", { ago: ms(Math.floor(s.leaderless / 1000) * 1000, words) }), t("live.leaderless.do")]);
  const key = says.flat().join("\n"), box = $("banner");
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.hidden = !says.length;
  box.replaceChildren(...says.map(([first, ...rest]) => el("p", {}, el("strong", {}, first), ...rest.map((x) => " " + x))));
}

/** @param {number} at */
function elections(at) {
  const all = page.reel.elections(at).slice(0, 6), list = $("elections");
  const key = words.lang + all.map((e) => e.at).join();
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  $("no-elections").hidden = all.length > 0;
  list.replaceChildren(...all.map((e) => el("li", { tabIndex: 0, "data-at": String(e.at) }, el("time", {}, wall(e.at)),
    el("p", {}, el("b", {}, t("live.election", { name: page.reel.name(e.node), term: e.term })), " " + t("live.election.how", { votes: e.votes, took: t("live.ms", { n: Math.round(e.took) }) }) + words.because(e.reason)))));
}

/** @param {number} at */
function wall(at) {
  const d = page.reel.wall(at);
  return d.toTimeString().slice(0, 8) + (words.lang === "ru" ? "," : ".") + String(d.getMilliseconds()).padStart(3, "0");
}

/** @type {Record<string, string>} what an event means for the cluster */
const tones = {};
for (const [tone, kinds] of Object.entries({ up: "became_leader admitted peer_back repaired caught_up snapshot_installed", vote: "became_candidate became_pre_candidate vote_granted vote_refused pre_vote_granted pre_vote_refused vote_received pre_vote_received",
  bad: "fault refused_disk leader_gone peer_lost truncated log_full removed damaged disk_stalled timing_differs gap" })) for (const k of kinds.split(" ")) tones[k] = tone;

/** Lists what happened, in the order of the members' own clocks; what a server does again and again is counted. */
function events() {
  const all = page.reel.events, every = $("every").checked, key = words.lang + every + all.length + "/" + all.at(-1)?.key;
  const list = $("events");
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  /** @type {{e: import("./recording.js").Event, times: number}[]} */
  const told = [];
  /** @type {Map<number, {e: import("./recording.js").Event, times: number}>} */
  const last = new Map();
  for (let k = all.length - 1; k >= 0 && told.length < listed; k--) {
    const e = all[k], later = last.get(e.node);
    if (!every && chatter.test(e.kind)) continue;
    if (!every && later?.e.kind === e.kind && later.e.peer === e.peer && later.e.reason === e.reason) {
      later.times++;
      continue;
    }
    told.push({ e, times: 1 });
    last.set(e.node, told[told.length - 1]);
  }
  $("none").hidden = told.length > 0;
  /** @type {Map<string|undefined, Element>} */
  const there = new Map([...list.children].map((c) => [c.dataset.key, c]));
  list.replaceChildren(...told.map(({ e, times }) => {
    const id = words.lang + e.key + times, had = there.get(id);
    if (had) return had;
    const name = (/** @type {number} */ k) => (k ? page.reel.name(k) : t("live.nobody"));
    const text = e.kind === "gap" ? t(e.text === "-1" ? "live.anew" : "live.gap", { name: name(e.node), n: Number(e.text) }) : has("event." + e.kind) ? say(e, name) : e.said;
    return el("li", { className: tones[e.kind] ?? "", "data-key": id, "data-at": String(e.at), title: t("live.clockOf", { name: name(e.node) }) }, el("time", {}, wall(e.at)), el("p", {}, text, times > 1 ? el("small", {}, " ×" + times) : ""));
  }));
}

// ---- what a person does

/** Shows another moment; the newest with -1. @param {number} at */
function seek(at) {
  const first = page.reel.frames[0]?.at ?? 0;
  page.at = at < 0 || (!page.recording && at >= page.reel.end) ? -1 : Math.max(first, Math.min(at, page.reel.end));
  show();
}

addTraffic($("cluster"));

async function speak(/** @type {string} */ l) {
  await setLang(l, "live");
  document.documentElement.lang = words.lang;
  localize();
  $("lang").textContent = words.lang === "ru" ? "EN" : "RU";
  $("lang").title = t("live.lang");
  for (const id of ["cluster", "logs", "figure4", "figure5", "matrix"]) $(id).words = words;
  faults.localize();
  show();
}

function dress() {
  const chosen = kept.get("theme");
  document.documentElement.dataset.theme = chosen || (dark.matches ? "dark" : "light");
}

function save() {
  const { reel, viewer } = page, stamp = reel.wall(reel.end).toISOString().slice(0, 19).replace(/[:T]/g, "-");
  const url = URL.createObjectURL(new Blob(lines(reel, viewer), { type: "application/x-ndjson" }));
  el("a", { href: url, download: "veche-" + stamp + ".jsonl" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** What the tabs that were opened for it may ask for. @type {Map<MessageEventSource, {recording: Blob, at: number}>} */
const handed = new Map();

/** Hands what is known over to the model in a tab of its own, from the minute that is looked at; nothing is put on a disk. */
function hand() {
  for (const tab of handed.keys()) if (/** @type {Window} */ (tab).closed) handed.delete(tab);
  const { reel, viewer } = page, from = page.at < 0 ? reel.end - span : page.at;
  const tab = window.open($("model").href + "#recording");
  if (tab) handed.set(tab, { recording: new Blob(lines(reel, page.recording?.name ?? viewer)), at: reel.wall(from).getTime() });
}

/** @param {File} file */
async function load(file) {
  try {
    page.recording = await Recording.from(file);
    page.reel = page.recording.reel;
    page.view = page.selected = 0;
    $("view").dataset.key = $("events").dataset.key = "";
    page.source?.close();
    faults.hide();
    const box = $("banner");
    seek(page.recording.start);
    box.hidden = false;
    box.dataset.key = "recording";
    box.replaceChildren(el("p", {}, el("strong", {}, t("live.rec")), " " + t("live.rec.noBranch")));
  } catch (e) {
    const key = /** @type {Error} */ (e).message;
    $("banner").replaceChildren(el("p", {}, el("strong", {}, t(has(key) ? key : "live.rec.notOne"))));
    $("banner").hidden = false;
  }
}

/** Back to what happens now. */
function live() {
  if (alone && !page.recording) return $("file").click();
  if (page.recording) return location.reload();
  seek(-1);
}

const faults = new Faults($("faults"), () => page.state, () => page.selected, (id) => page.reel.full(id));

function listen() {
  $("figure5").clock = (/** @type {number} */ at) => page.reel.wall(at).toTimeString().slice(0, 8);
  $("badge").onclick = live;
  $("view").onchange = () => { page.view = Number($("view").value); show(); };
  $("lang").onclick = () => { const l = words.lang === "ru" ? "en" : "ru"; kept.set("lang", l); speak(l); };
  $("theme").onclick = () => { kept.set("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark"); dress(); };
  $("save").onclick = save;
  $("hand").onclick = hand;
  addEventListener("message", (e) => {
    const it = e.origin === location.origin && e.data === "veche-recording" && e.source && handed.get(e.source);
    if (it) e.source.postMessage(it, { targetOrigin: e.origin });
  });
  build().then((id) => ($("hand").hidden = !id)); // without the model there is nobody to hand it to
  $("every").onchange = events;
  $("load").onclick = () => $("file").click();
  document.addEventListener("dragover", (e) => e.preventDefault());
  document.addEventListener("drop", (e) => { e.preventDefault(); const f = e.dataTransfer?.files[0]; if (f) load(f); });
  $("file").onchange = () => { const f = $("file").files[0]; if (f) load(f); };
  dark.addEventListener("change", dress);
  document.addEventListener("pick", (e) => { page.selected = /** @type {CustomEvent} */ (e).detail.server; show(); });
  document.addEventListener("seek", (e) => seek(/** @type {CustomEvent} */ (e).detail.at));
  document.addEventListener("act", (e) => faults.act(/** @type {CustomEvent} */ (e).detail.command));
  $("members").onclick = (/** @type {MouseEvent} */ e) => { const id = Number(/** @type {HTMLElement} */ (e.target).closest("tr")?.dataset.id); if (id) { page.selected = id; show(); } };
  for (const id of ["elections", "events"]) $(id).onclick = (/** @type {MouseEvent} */ e) => { const at = Number(/** @type {HTMLElement} */ (e.target).closest("li")?.dataset.at); if (at) seek(at); };
  document.addEventListener("keydown", (e) => {
    if (e.key === "Enter") /** @type {HTMLElement|null} */ (/** @type {HTMLElement} */ (e.target).closest("li[tabindex], tr[tabindex]"))?.click();
    if (/** @type {HTMLElement} */ (e.target).closest("input, select, textarea, v-cluster, v-figure5") || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "ArrowLeft" || e.key === "ArrowRight") seek(Math.max(0, moment() + (e.key === "ArrowLeft" ? -1000 : 1000)));
    else if (e.key === "End") live();
    else if (e.key === " " && /** @type {HTMLElement} */ (e.target).tagName !== "BUTTON") seek(page.at < 0 ? page.reel.end - 1 : -1);
    else return;
    e.preventDefault();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) show(); });
}

/** Follows the cluster through the server whose page this is. */
function follow() {
  const source = (page.source = new EventSource("cluster"));
  const data = (/** @type {Event} */ e) => JSON.parse(/** @type {MessageEvent} */ (e).data);
  source.addEventListener("hello", (e) => {
    const h = data(e);
    page.viewer = h.viewer;
    $("name").textContent = h.viewer;
    faults.offer(h.faults);
  });
  source.onerror = () => { if (source.readyState === EventSource.CLOSED && !page.recording) setTimeout(follow, 3000); }; // refused: too many pages look
  source.addEventListener("events", (e) => page.reel.tell(data(e)));
  source.addEventListener("frame", (e) => {
    page.reel.add(data(e));
    page.came = performance.now();
    if (!document.hidden && page.at < 0) show();
  });
}

/** Lets the ring move between two frames, and ages grow when none come. */
function tick() {
  const now = performance.now();
  if (!document.hidden && page.state && page.at < 0 && !page.recording && now - page.drawn >= (still.matches ? 1000 : stroke)) {
    page.drawn = now;
    if (now - page.came > 500) show();
    else if (!still.matches) draw((page.state = page.reel.state(moment(), page.view)));
  }
  requestAnimationFrame(tick);
}

dress();
listen();
await speak(kept.get("lang") || (navigator.language.startsWith("ru") ? "ru" : "en"));
if (alone) {
  $("own").hidden = true;
  $("model").href = "./";
} else follow();
requestAnimationFrame(tick);
