// A recording of a real cluster in the model's page: it stands where a run stands,
// and can be looked at as one. It cannot be acted on, because a real run does not
// come out the same again.

import { style } from "./files.js";
import { Recording, chatter } from "./recording.js";
import { lang, has, setLang, t } from "./words.js";
import { $, el, localize, toast, wall } from "./dom.js";
import { link } from "./links.js";
import { addTraffic } from "./traffic.js";
import "./more.js";

/** @typedef {import("./types.js").Happening} Happening */
/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Server} Server */
/** @typedef {import("./types.js").Replayed} Replayed */
/** @typedef {import("./jump.js").Kind} Kind */
/** @typedef {import("./model.js").Model} Model */

await Promise.all([setLang(lang, "live"), style("replay.css")]);
addTraffic($("cluster"));

/** With nothing happening for so long before and after, in ms, a recording plays so many times as fast. */
const calmBefore = 1500, calmAfter = 2500, hurry = 10;
/** How many happenings beyond the present one are listed at least, and how often the list is made anew. */
const ahead = 100, part = 200;
/** What is older than so many ms before a frame is in the frame. */
const newest = 3000;
/** Which of the model's speeds a recording begins with: as it was. */
const asItWas = 6;
/** How long the page that opened this one is waited for, in ms. */
const patience = 4000;
/** How long a name may be in a sentence. */
const nameMax = 24;

/** What a recording is asked that stands in the place of a run. @implements {Replayed} */
export class Replay {
  /** @param {Recording} recording @param {Model} m */
  constructor(recording, m) {
    const { reel, start, end } = recording;
    this.recording = recording;
    this.m = m;
    this.was = { speed: m.speed, stops: m.stops }; // of the scene before
    this.due = 0; // of a run: moments to be kept
    /** @type {Happening[]} in order of time, and n is the place */
    this.all = recording.happenings.filter((h) => h.at > start && h.at <= end && !chatter.test(h.kind))
      .map((h, n) => ({ ...h, n, kind: h.kind === "gap" && h.text === "-1" ? "anew" : h.kind }));
    this.past = { view: recording.history };
    this.listed = -1;
    for (const f of reel.frames) recording.state(f.at); // what cannot be drawn shows now, and not while it plays
    this.state = this.#at(start, 0);
    this.heard = 0;
    /** @type {any} */
    this.branch = this.#window();
  }

  /** @param {number} at @param {number} heard @returns {State} */
  #at(at, heard) {
    const { reel, end } = this.recording, s = this.recording.state(at), frame = reel.frame(at);
    // A frame is taken now and then; who became what since then is known by the events.
    const told = new Set();
    for (let k = heard - 1; k >= 0 && this.all[k].at > frame.at - newest; k--) {
      const h = this.all[k], v = s.servers.find((v) => v.id === h.node), m = frame.members.find((m) => reel.id(m.id) === h.node);
      if (!v || !m || !roles[h.kind] || told.has(h.node)) continue;
      told.add(h.node);
      if (h.at > frame.at - Math.max(0, m.age_ms)) become(v, h);
    }
    return { ...s, steps: heard, ended: at >= end };
  }

  /** @param {number} at ms @param {number} [heard] how much has come to pass, if not all up to then */
  #to(at, heard = this.#before((h) => h.at > at)) {
    at = Math.max(this.recording.start, Math.min(at, this.recording.end));
    if (at === this.state.now && heard === this.heard) return;
    this.heard = heard;
    this.state = this.#at(at, heard);
    this.branch = this.#window();
  }

  /** How many there are before the first of a kind. @param {(h: Happening) => boolean} later */
  #before(later) {
    const n = this.all.findIndex(later);
    return n < 0 ? this.all.length : n;
  }

  /** What happened around now, as the one branch that there is: long recordings are listed in parts. @returns {any} a Branch */
  #window() {
    const until = Math.min(this.all.length, Math.floor(this.heard / part) * part + part + ahead);
    if (until === this.listed) return this.branch;
    this.listed = until;
    return { id: 0, parent: null, at: 0, own: 0, actions: [], happenings: this.all.slice(0, until), frames: [], past: this.past, end: this.recording.end };
  }

  get branches() {
    return [this.branch];
  }

  /** @param {number} until ms @returns {number} no flags */
  on(until) {
    const now = this.state.now, next = this.all[this.heard]?.at ?? this.recording.end, last = this.all[this.heard - 1]?.at ?? 0;
    const quiet = this.m.stops && now - last > calmBefore && next - now > calmAfter;
    document.body.classList.toggle("hurrying", quiet);
    if (quiet) until = Math.max(until, Math.min(now + (until - now) * hurry, next - calmBefore));
    this.#to(until);
    follow(this.state.now);
    return 0;
  }

  /** @param {number} at ms */
  seek(at) {
    this.#to(at);
  }

  /** @param {Happening} h */
  seekTo(h) {
    this.#to(h.at, h.n + 1);
    follow(this.state.now);
  }

  stepForward() {
    const h = this.all[this.heard];
    if (h) this.seekTo(h);
    else this.#to(this.recording.end);
  }

  stepBack() {
    const h = this.all[this.heard - 2];
    if (h && this.heard > 1) this.seekTo(h);
    else this.#to(this.recording.start, 0);
    follow(this.state.now);
  }

  /** @param {Kind} kind @param {number} way @returns {boolean} always: what there was not is told here */
  jump(kind, way) {
    const h = kind === "commit" ? undefined : this.#event(kind, way);
    const at = kind === "commit" ? this.#commit(way) : -1;
    if (h) this.seekTo(h);
    else if (at >= 0) this.#to(at);
    else toast(t("replay.none"), 2500);
    follow(this.state.now);
    return true;
  }

  /** The next or the last event of a kind; several may have one time. @param {Kind} kind @param {number} way @returns {Happening|undefined} */
  #event(kind, way) {
    /** @type {Happening|undefined} */
    let found;
    let max = Math.max(0, ...this.recording.state(this.recording.start).servers.map((s) => s.term));
    for (const h of this.all) {
      const is = kind === "election" ? h.kind === "became_candidate" : kind === "term" ? h.term > max : kind === "beat" && h.kind === "became_leader";
      max = Math.max(max, h.term);
      if (is && way > 0 && h.n >= this.heard) return h;
      if (is && way < 0 && h.n < this.heard - 1) found = h;
    }
    return found;
  }

  /** When more was committed next or last, as frames say, because servers do not tell of each; -1 if never. @param {number} way @returns {number} ms */
  #commit(way) {
    const now = this.state.now;
    let found = -1, max = Infinity;
    for (const f of this.recording.reel.frames) {
      const commit = f.members.reduce((c, m) => Math.max(c, m.look?.status?.commit ?? 0), 0);
      if (commit > max && way > 0 && f.at > now) return f.at;
      if (commit > max && way < 0 && f.at < now) found = f.at;
      max = commit;
    }
    return found;
  }

  /** @param {string} [what] @returns {boolean} */
  refuse(what) {
    toast(t(what ? "replay.refuse." + what : "replay.refuse"), 7000);
    return true;
  }

  /** What the texts about it need. */
  #facts() {
    const { reel, start, end, name } = this.recording;
    const at = (/** @type {number} */ ms) => time(reel.wall(ms), false);
    const names = [...reel.names.keys()].sort((a, b) => a - b).map((id) => reel.name(id));
    return { names: names.slice(0, 5).map(brief).join(", ") + (names.length > 5 ? " …" : ""), viewer: brief(name || "?"), from: at(start), to: at(end),
      date: day(reel.wall(start)) };
  }

  /** What a scene's texts would say. */
  telling() {
    const facts = this.#facts();
    $("recorded").title = t("replay.mark") + " " + t("replay.when", facts);
    $("recorded").replaceChildren(el("b", {}, "● " + t("replay.mark")), " ", el("span", {}, t("replay.when", facts)));
    return { title: t("replay.title", facts), about: t("replay.about", facts), beats: {}, notes: {}, tries: {} };
  }

  /** Gives the page back. */
  leave() {
    document.body.classList.remove("recorded");
    $("recorded").remove();
    wall.clock = null;
    for (const [e, what, , key] of labels()) e.dataset[what] = key;
    localize();
    Object.assign($("figure5"), { clock: null, auto: true, from: 0 });
    Object.assign(this.m, this.was);
  }
}

/** Roles by the events that begin them. @type {Record<string, Server["role"]>} */
const roles = { started: "follower", became_follower: "follower", became_pre_candidate: "pre-candidate", became_candidate: "candidate", became_leader: "leader" };

/** Lets a server be what an event says, if it is not that already. @param {Server} v @param {Happening} h */
function become(v, h) {
  const role = roles[h.kind];
  if (h.term < v.term || (h.term === v.term && role === v.role)) return;
  if (role === "leader") Object.assign(v, { leader: v.id, timer: null, beat: 0 });
  else Object.assign(v, { leader: 0, peers: [], beat: -1 });
  Object.assign(v, { role, term: h.term, confirmed: false, ballots: [] });
}

/** The day, as it is written in every language. @param {Date} d */
const day = (d) => [d.getFullYear(), d.getMonth() + 1, d.getDate()].map((n) => String(n).padStart(2, "0")).join("-");

/** A name in a sentence: of the longest its beginning. @param {string} name */
const brief = (name) => (name.length > nameMax ? name.slice(0, nameMax - 1) + "…" : name);

/** The time of day, to the ms where that can be seen. @param {Date} d @param {boolean} exact */
const time = (d, exact) => d.toTimeString().slice(0, 8) + (exact ? (lang === "ru" ? "," : ".") + String(d.getMilliseconds()).padStart(3, "0") : "");

/** What is called otherwise while a recording is shown: which text, then, and else. @returns {[HTMLElement, string, string, string][]} */
const labels = () => [[$("stops").nextElementSibling, "t", "replay.hurry", "ui.stops"], [$("beat-prev"), "tip", "replay.prev", "ui.beat.prev"], [$("beat-next"), "tip", "replay.next", "ui.beat.next"]];

/** Keeps a moment in the part of Figure 5 that somebody has enlarged. @param {number} now */
function follow(now) {
  const f = $("figure5");
  if (now < f.from || now > f.from + f.reach) f.from = now - f.reach / 20;
}

/** The recording that was opened last: the browser's Back and Forward lead away from it and to it. @type {Replay|null} */
let last = null;

/** Shows a recording in the place of the run. @param {Model} m @param {Replay} r */
function show(m, r) {
  m.leave(); // a scene that is being opened gives way
  m.run?.leave?.();
  last = r;
  r.was = { speed: m.speed, stops: m.stops };
  const { reel, start, end } = r.recording;
  document.body.classList.add("recorded");
  $("gauge").before(el("span", { id: "recorded", role: "status" }));
  for (const [e, what, key] of labels()) e.dataset[what] = key;
  localize();
  wall.clock = (at) => time(reel.wall(at), true);
  const f5 = $("figure5");
  f5.clock = (/** @type {number} */ at) => time(reel.wall(at), f5.reach < 12_000);
  whole(start, end);
  m.run = /** @type {any} */ (r);
  m.info = undefined;
  m.link = link({ scene: "recording" });
  m.telling = r.telling();
  m.beside = m.shadow = null;
  m.side?.show(m);
  m.selected = r.state.servers.find((s) => s.role === "leader")?.id ?? 1;
  m.speed = asItWas;
  m.stops = true;
  m.target = r.state.now;
  if (location.hash !== "#recording") history.pushState(null, "", "#recording");
  m.retell();
}

/** Lets Figure 5 show all of it. @param {number} start @param {number} end */
function whole(start, end) {
  const room = Math.max(200, (end - start) / 60);
  const f5 = $("figure5");
  Object.assign(f5, { auto: false, from: start - room, reach: end - start + 2 * room });
  f5.redraw();
}

/** Opens a recording, or says why it cannot be opened and leaves the page as it was. @param {Model} m @param {Blob} file @param {number} [at] what to look at first, on the wall's clock */
async function load(m, file, at) {
  try {
    const r = new Replay(await Recording.from(file), m);
    show(m, r);
    if (at) r.seek(at - r.recording.reel.zero);
    m.target = r.state.now;
    if (r.recording.cut) toast(t("replay.cut"), 7000);
  } catch (e) {
    const key = /** @type {Error} */ (e).message;
    toast(t(has(key) ? key : "live.rec.notOne"), 9000);
  }
}

/** Opens a recording out of a file; without one somebody is asked for it. @param {Model} m @param {Blob} [file] */
export async function open(m, file) {
  if (file) return load(m, file);
  const known = $("recording-file");
  const input = known ?? el("input", { id: "recording-file", type: "file", accept: ".jsonl,application/json", hidden: true });
  input.onchange = () => {
    if (input.files[0]) load(m, input.files[0]);
    input.value = ""; // the same file may be chosen again
  };
  if (!known) document.body.append(input);
  input.click();
}

/** Shows the recording that the address speaks of: the last one of this page, or what the dashboard hands over that opened it. @param {Model} m */
export async function receive(m) {
  if (last) return show(m, last);
  const it = await handed();
  if (it) return load(m, it.recording, it.at);
  toast(t("replay.gone"), 9000);
  if (!m.playing) m.play();
}

/** What the page hands over that opened this one; null if there is none, or it has nothing. @returns {Promise<{recording: Blob, at: number}|null>} */
function handed() {
  return new Promise((done) => {
    if (!opener || opener.closed || location.origin === "null") return done(null);
    addEventListener("message", (e) => {
      if (e.origin === location.origin && e.source === opener && e.data?.recording instanceof Blob) done(e.data);
    });
    setTimeout(() => done(null), patience);
    opener.postMessage("veche-recording", location.origin);
  });
}

$("figure5").addEventListener("dblclick", () => last && document.body.classList.contains("recorded") && whole(last.recording.start, last.recording.end));
