// What is known of a real cluster over time: frames and events as /cluster sends
// them, turned into the State and the History that everything is drawn from. Live
// it is fed by the stream; a file with the same lines can be opened again.

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Server} Server */
/** @typedef {import("./types.js").History} History */
/** @typedef {import("./types.js").Stretch} Stretch */
/** @typedef {import("./types.js").Happening} Happening */
/** @typedef {import("./types.js").Flight} Flight */
/** @typedef {{from: number, to: number, rate: number, beat: number}} Traffic */
/** @typedef {State & {traffic: Traffic[]}} LiveState */
/** @typedef {{at: number, as: Stretch["as"]|"unknown", term: number}} Point */
/** @typedef {{at: number, members: any[]}} Frame a frame of the server, with its time in ms */
/** @typedef {Happening & {key: string, said: string}} Event said: the server's own English sentence */

/** How long frames are kept: all of them for the first, one a second for the second, in ms. */
const fine = 60_000, keep = 600_000;
/** Events are drawn as messages for so long, and so long after they happened. */
export const flying = 700;
/** A member that was not heard for longer is not known any more. */
export const oldAfter = 2000;
const eventsMax = 4000, pointsMax = 3000, linesMax = 100_000, fileMax = 200 << 20;

/** @type {Record<string, Stretch["as"]>} */
const becomes = { __proto__: /** @type {any} */ (null), started: "follower", became_follower: "follower", became_pre_candidate: "pre-candidate", became_candidate: "candidate", became_leader: "leader" };

/** Frames, events and what follows from them. */
export class Reel {
  constructor() {
    /** @type {Frame[]} */ this.frames = [];
    /** @type {Event[]} */ this.events = [];
    /** @type {Map<string, number>} the numbers that drawings know servers by, from 1 */ this.ids = new Map();
    /** @type {Map<number, string>} */ this.names = new Map();
    /** @type {Map<number, string>} */ this.short = new Map();
    /** @type {Map<string, number>} ms by which a member's clock is ahead */ this.clocks = new Map();
    /** @type {Map<number, Point[]>} */ this.points = new Map();
    /** @type {Set<string>} */ this.known = new Set();
    /** @type {any[]} events whose members no frame has named yet */ this.early = [];
    this.zero = 0; // the time of the first frame
    this.end = 0;
    this.n = 0;
  }

  /** The number of a server; 0 for nobody. @param {string} hex */
  id(hex) { return this.ids.get(hex) ?? 0; }

  /** What a server is called, without what all names have in common. @param {number} id */
  name(id) { return this.short.get(id) ?? this.full(id); }

  /** Its whole name. @param {number} id */
  full(id) { return this.names.get(id) ?? "?"; }

  /** Takes a frame as it was sent; frames come in order. @param {any} raw */
  add(raw) {
    const at = Date.parse(raw.at);
    if (!Number.isFinite(at) || !Array.isArray(raw.members)) return;
    this.zero ||= at - keep;
    if (at - this.zero < this.end - 1000) this.zero = at - this.end - 1; // the clock was set back, and time goes on
    const frame = { at: at - this.zero, members: raw.members.filter((/** @type {any} */ m) => m && typeof m.id === "string") };
    const before = this.frames[this.frames.length - 1];
    if (before && frame.at <= before.at) return;
    const fresh = frame.members.filter((/** @type {any} */ m) => !this.ids.has(m.id));
    fresh.sort((/** @type {any} */ a, /** @type {any} */ b) => String(a.name).localeCompare(String(b.name), undefined, { numeric: true }));
    for (const m of fresh) this.ids.set(m.id, this.ids.size + 1);
    for (const m of frame.members) {
      const id = this.id(m.id);
      this.names.set(id, String(m.name || m.look?.status.name || m.id));
      this.clocks.set(m.id, m.clock_ms || 0);
    }
    if (fresh.length) this.short = shortened(this.names);
    if (fresh.length) this.tell(this.early.splice(0));
    for (const m of frame.members) {
      share(m.look, before?.members.find((b) => b.id === m.id)?.look);
      this.note(this.id(m.id), m, frame.at);
    }
    this.frames.push(frame);
    this.end = frame.at;
    this.thin();
  }

  /** Drops what is old: a frame a second is left of what is older than a minute. */
  thin() {
    const f = this.frames;
    let k = 0;
    while (k < f.length && f[k].at < this.end - keep) k++;
    if (k > 50) f.splice(0, k);
    const edge = f.findIndex((x) => x.at >= this.end - fine);
    if (edge > 1 && f[edge - 1].at - f[edge - 2].at < 900) f.splice(edge - 1, 1);
  }

  /** Takes events as they were sent; each counts once. @param {any[]} list */
  tell(list) {
    let late = false;
    for (const e of list) {
      if (!e || this.known.has(e.id)) continue;
      const node = this.id(e.node?.id ?? "");
      if (!node) {
        if (this.early.length < eventsMax) this.early.push(e);
        continue;
      }
      this.known.add(e.id);
      const at = Date.parse(e.at) - (this.clocks.get(e.node.id) || 0) - this.zero;
      if (!(at >= 0)) continue; // older than what is shown
      /** @type {Event} */
      const h = { n: this.n++, at, step: 0, what: "event", kind: String(e.kind), reason: String(e.reason ?? ""), node, peer: this.id(e.peer?.id ?? ""),
        term: e.term ?? 0, index: e.index ?? 0, text: e.kind === "gap" ? String(e.missed) : "", scripted: false, client: 0, value: "", key: String(e.id), said: String(e.text ?? "") };
      late ||= this.events.length > 0 && at < this.events[this.events.length - 1].at;
      this.events.push(h);
      const as = becomes[h.kind];
      if (as) this.point(node, { at, as, term: h.term });
      else if (h.kind === "removed" || h.kind === "fault") this.point(node, { at, as: "down", term: h.term });
    }
    if (late) this.events.sort((a, b) => a.at - b.at);
    if (this.events.length > eventsMax) for (const h of this.events.splice(0, this.events.length - eventsMax)) this.known.delete(h.key);
  }

  /** Adds a change to a server's life. @param {number} id @param {Point} p */
  point(id, p) {
    let all = this.points.get(id);
    if (!all) this.points.set(id, (all = []));
    let k = all.length;
    while (k > 0 && all[k - 1].at > p.at) k--;
    all.splice(k, 0, p);
    if (all.length > pointsMax) all.splice(0, all.length - pointsMax);
  }

  /** Learns of a server's life from a frame, where no event told of it. @param {number} id @param {any} m @param {number} at */
  note(id, m, at) {
    const last = this.points.get(id)?.at(-1), s = m.look?.status;
    const since = at - Math.max(0, m.age_ms);
    if (!s || m.trouble && m.age_ms >= 1000) {
      if (last?.as !== "unknown" && (!last || last.at < at)) this.point(id, { at: s ? Math.max(since, last ? last.at : 0) : at, as: "unknown", term: s?.term ?? 0 });
      return;
    }
    if (m.trouble || last && (last.at > since || last.as === s.role && last.term === s.term)) return;
    this.point(id, { at: since, as: s.fault || s.removed ? "down" : s.role, term: s.term });
  }

  /** The first moment of which anything is known. */
  first() { return Math.min(this.frames[0]?.at ?? 0, ...[...this.points.values()].map((all) => all[0]?.at ?? Infinity)); }

  /** The newest frame that was made at that time or before. @param {number} at */
  frame(at) {
    let lo = 0, hi = this.frames.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (this.frames[mid].at <= at) lo = mid + 1;
      else hi = mid;
    }
    return this.frames[Math.max(0, lo - 1)];
  }

  /**
   * The picture at a time, for drawing.
   * @param {number} at ms
   * @param {number} [view] as that server sees it; 0: what each says of itself
   * @returns {LiveState}
   */
  state(at, view = 0) {
    const f = this.frame(at);
    const gone = f ? Math.max(0, at - f.at) : 0;
    const members = f?.members ?? [];
    const eye = view ? members.find((m) => this.id(m.id) === view) : undefined;
    let servers = members.map((m) => this.server(m, gone));
    if (eye) servers = servers.map((s) => (s.id === view ? s : this.seen(s, eye, gone)));
    servers.sort((a, b) => a.id - b.id);
    const fresh = servers.filter((s) => s.up && s.age < oldAfter);
    const led = fresh.some((s) => s.role === "leader"), cut = view ? [] : links(servers, members, this, gone);
    return { now: at, steps: 0, servers, flights: this.flights(at), links: cut, clients: [], broken: /** @type {any} */ ([]),
      commit: servers.reduce((c, s) => Math.max(c, s.commit), 0), leaderless: led ? 0 : this.leaderless(at), stuck: 0, beat: "", look: [], ended: false, left: false,
      failed: "", without: [], traffic: view ? [] : this.traffic(at).filter((f) => !cut.some((l) => l.from === f.from && l.to === f.to)) };
  }

  /** A server as it says of itself. @param {any} m @param {number} gone ms since the frame @returns {Server} */
  server(m, gone) {
    const l = m.look, s = l?.status ?? {}, id = (/** @type {any} */ v) => this.id(v?.id ?? v ?? "");
    const age = m.age_ms < 0 ? 0 : tenth(m.trouble ? m.age_ms + gone : Math.max(0, m.age_ms + gone - 1000));
    const passed = Math.max(0, m.age_ms) + gone, members = s.members ?? [], leads = s.role === "leader";
    const heard = !m.trouble && s.leader?.name; // then its timer begins anew all the time
    return { id: this.id(m.id), name: this.name(this.id(m.id)), up: !!l && !s.fault, part: s.removed ? "gone" : "in", paused: false, role: s.role ?? "follower", learner: !!s.learner,
      standing: s.standing ?? "admitted", term: s.term ?? 0, vote: id(s.vote), leader: id(s.leader), confirmed: !!s.confirmed, commit: s.commit ?? 0, applied: s.applied ?? 0,
      persisted: s.persisted ?? 0, snapshot: s.snapshot ?? 0, first: (s.cut ?? 0) + 1, last: s.last_index ?? 0, log: l?.log ?? [],
      timer: l && !leads && !s.learner ? { left: heard ? l.left_ms : Math.max(0, l.left_ms - passed), drawn: l.drawn_ms, max: s.election_timeout_ms[1] } : null, beat: leads ? l.left_ms : -1, lease: s.lease ? 1 : 0,
      peers: (s.peers ?? []).map((/** @type {any} */ p) => ({ id: id(p), match: p.match, next: p.next, probing: p.probing, inflight: p.inflight, contact: p.last_contact_ms, snapshot: p.snapshot })),
      ballots: (l?.ballots ?? []).map((/** @type {any} */ b) => ({ id: id(b), verdict: b.verdict, reason: b.reason ?? "" })),
      voters: (s.changing ? s.changing.new : members.filter((/** @type {any} */ x) => !x.learner)).map(id), outgoing: (s.changing?.old ?? []).map(id),
      learners: members.filter((/** @type {any} */ x) => x.learner).map(id), transferee: id(l?.transferee), fetched: s.fetching ? s.fetching.bytes / (s.fetching.total || Infinity) : -1,
      fault: s.fault ?? "", values: [], age, heard: s.last_contact_ms ?? -1 };
  }

  /** What one server knows of another: little, if it does not lead. @param {Server} s @param {any} eye @param {number} gone @returns {Server} */
  seen(s, eye, gone) {
    const me = this.server(eye, gone), hex = [...this.ids].find(([, id]) => id === s.id)?.[0];
    const heard = (eye.look?.heard ?? []).find((/** @type {any} */ h) => h.id === hex), peer = me.peers.find((p) => p.id === s.id);
    const ago = heard ? heard.ago_ms + me.age : -1, leads = me.leader === s.id, knows = leads || (peer && peer.contact >= 0);
    return { ...s, up: ago >= 0, role: leads ? "leader" : "follower", confirmed: false, learner: me.learners.includes(s.id), standing: "admitted", part: "in", term: knows ? me.term : 0, vote: 0, leader: 0,
      commit: Math.min(peer?.match ?? 0, me.commit), applied: 0, persisted: peer?.match ?? 0, snapshot: 0, first: 1, last: peer?.match ?? 0, log: [], timer: null, beat: -1, lease: 0, peers: [], ballots: [], fetched: -1, fault: "",
      age: tenth(knows ? Math.max(me.age, ago - 1000) : Math.max(ago, oldAfter)), heard: ago };
  }

  /** Votes, snapshots and handovers of that moment, as messages; real ones are faster. @param {number} at @returns {Flight[]} */
  flights(at) {
    /** @type {Flight[]} */
    const all = [];
    for (let k = this.events.length - 1; k >= 0 && this.events[k].at > at - flying && all.length < 60; k--) {
      const e = this.events[k];
      if (e.at > at) continue;
      const fly = (/** @type {number} */ from, /** @type {number} */ to, /** @type {string} */ kind, /** @type {Partial<Flight>} */ more = {}) =>
        all.push({ id: e.n * 16 + to, from, to, kind, reply: false, pre: false, term: e.term, yes: -1, entries: [], count: 0, index: e.index, sent: e.at, arrives: e.at + flying, ...more });
      const pre = e.kind.includes("pre_");
      if (/^(pre_)?vote_(granted|refused)$/.test(e.kind)) fly(e.node, e.peer, "vote_reply", { reply: true, pre, yes: e.kind.endsWith("granted") ? 1 : 0 });
      else if (e.kind === "became_candidate" || e.kind === "became_pre_candidate") for (const id of this.ids.values()) id !== e.node && fly(e.node, id, "request_vote", { pre });
      else if (e.kind === "config_appended") {
        const lead = this.id(this.frame(at)?.members.find((m) => m.look?.status.role === "leader")?.id ?? "");
        if (lead && lead !== e.node) fly(lead, e.node, "append", { count: 1, entries: [e.term] });
      } else if (e.kind === "transfer_sent") fly(e.node, e.peer, "timeout_now");
      else if (e.kind === "snapshot_offered") fly(e.node, e.peer, "install_snapshot");
    }
    return all;
  }

  /** Steady traffic: entries a second from whom to whom, and a pulse of heartbeats. @param {number} at @returns {Traffic[]} */
  traffic(at) {
    const now = this.frame(at), then = this.frame(at - 2000);
    if (!now || !then || then === now) return [];
    /** @type {Traffic[]} */
    const all = [];
    for (const m of now.members) {
      const old = then.members.find((x) => x.id === m.id)?.look?.heard;
      if (!old || m.trouble) continue;
      for (const h of m.look?.heard ?? []) {
        const o = old.find((/** @type {any} */ x) => x.id === h.id), from = this.id(h.id);
        if (!o || !from || h.messages <= o.messages) continue;
        const rate = Math.max(0, (h.entries - o.entries) * 1000 / (now.at - then.at));
        const lead = now.members.some((x) => x.id === h.id && !x.trouble && x.look?.status.role === "leader");
        if (lead || rate > 0) all.push({ from, to: this.id(m.id), rate, beat: (at / 1000) % 1 });
      }
    }
    return all;
  }

  /** Entries committed a second, lately. @param {number} at */
  rate(at) {
    const now = this.frame(at), then = this.frame(at - 3000), commit = (/** @type {Frame} */ f) => f.members.reduce((c, m) => Math.max(c, m.look?.status.commit ?? 0), 0);
    return now && then && now !== then ? Math.max(0, (commit(now) - commit(then)) * 1000 / (now.at - then.at)) : 0;
  }

  /** For how long nobody has led. @param {number} at */
  leaderless(at) {
    let since = at;
    for (let k = this.frames.length - 1; k >= 0; k--) {
      const f = this.frames[k];
      if (f.at > at) continue;
      if (f.members.some((m) => m.look?.status.role === "leader" && m.age_ms < oldAfter)) break;
      since = f.at;
    }
    return at - since;
  }

  /** For how long a server has lacked what its leader has, in ms. @param {number} at @param {number} match */
  behind(at, match) {
    for (let k = this.frames.length - 1; k >= 0; k--) {
      const f = this.frames[k];
      if (f.at <= at && f.members.every((m) => m.look?.status.role !== "leader" || m.look.status.last_index <= match)) return at - f.at;
    }
    return at - this.first();
  }

  /**
   * Elections that ended, newest first: who won, why it stood, how long it took.
   * @param {number} at
   * @returns {{at: number, node: number, term: number, reason: string, took: number, votes: number}[]}
   */
  elections(at) {
    const all = [];
    for (let k = this.events.length - 1; k >= 0; k--) {
      const e = this.events[k];
      if (e.kind !== "became_leader" || e.at > at) continue;
      let reason = "", began = e.at;
      const votes = new Set();
      for (let j = k; j >= 0 && this.events[j].at > e.at - 30_000; j--) {
        const c = this.events[j];
        if (c.node !== e.node) continue;
        if (c.kind === "vote_received" && !c.reason && c.term === e.term) votes.add(c.peer);
        if (j < k && (c.kind === "became_follower" || c.kind === "became_leader" || c.kind === "started")) break;
        if (c.kind === "became_candidate" && !reason || c.kind === "became_pre_candidate") {
          began = c.at;
          if (c.reason !== "pre_votes") reason = c.reason || reason;
        }
      }
      all.push({ at: e.at, node: e.node, term: e.term, reason, took: e.at - began, votes: votes.size + 1 });
    }
    return all;
  }

  /** What Figure 5 draws. @returns {History} */
  get history() {
    const rows = [...this.names].sort((a, b) => a[0] - b[0]).map(([id]) => {
      const points = (this.points.get(id) ?? []).filter((p, k, all) => !k || p.as !== all[k - 1].as || p.term !== all[k - 1].term);
      const stretches = points.map((p, k) => ({ from: p.at, to: points[k + 1]?.at ?? Infinity, as: /** @type {Stretch["as"]} */ (p.as), term: p.term })).filter((s) => s.to > s.from && s.to > this.end - keep);
      return { id, name: this.name(id), stretches };
    });
    const marks = this.events.filter((e) => e.kind === "started" || e.kind === "transfer_started").map((e) => ({ at: e.at, what: e.kind === "started" ? "restart" : "transfer", text: this.name(e.node) }));
    return { rows, marks, end: this.end };
  }

  /** A time as the clock on the wall had it. @param {number} at */
  wall(at) { return new Date(at + this.zero); }
}

/** An age as people read it, in tenths of a second. @param {number} ms */
const tenth = (ms) => Math.round(ms / 100) * 100;

/**
 * Names without the words that all begin and end with, if they are long:
 * "eu-1-node-7.example" becomes "node-7".
 * @param {Map<number, string>} names
 */
function shortened(names) {
  const all = [...names.values()], mark = /[^\p{L}\p{N}]/u;
  if (all.length < 2 || all.every((n) => n.length <= 12)) return new Map(names);
  const least = Math.min(...all.map((n) => n.length)), same = (/** @type {number} */ k) => all.every((n) => n.at(k) === all[0].at(k));
  let a = 0, z = 0;
  while (a < least && same(a)) a++;
  while (z < least - a && same(-1 - z)) z++;
  const word = () => { while (a > 0 && !mark.test(all[0][a - 1])) a--; }; // only whole words go
  word();
  if (a > 0 && all.every((n) => /^\d+$/.test(n.slice(a, n.length - z).split(mark)[0]))) { // "node-7" says more than "7"
    a--;
    word();
  }
  while (z > 0 && !mark.test(all[0].at(-z) ?? "")) z--;
  return new Map([...names].map(([id, n]) => [id, n.slice(a, n.length - z) || n]));
}

/** Lets equal entries of two looks be the same objects: a log changes little. @param {any} look @param {any} before */
function share(look, before) {
  if (!look?.log || !before?.log?.length) return;
  const first = before.log[0].index;
  look.log = look.log.map((/** @type {any} */ e) => {
    e.text ??= "";
    const b = before.log[e.index - first];
    return b && b.index === e.index && b.term === e.term && b.text === e.text ? b : e;
  });
}

/** Links on which a leader is not heard, or does not hear. @param {Server[]} servers @param {any[]} members @param {Reel} reel @param {number} gone */
function links(servers, members, reel, gone) {
  const all = [];
  for (const l of servers)
    for (const f of servers) {
      if (l === f || l.role !== "leader" || l.age || f.age || !l.up || !f.up) continue;
      const max = (f.timer?.max ?? 1000) * 2, ago = (/** @type {Server} */ a, /** @type {Server} */ b) => {
        const look = members.find((m) => reel.id(m.id) === a.id)?.look, h = look?.heard.find((/** @type {any} */ x) => reel.id(x.id) === b.id);
        return h ? h.ago_ms + gone : look && look.status.uptime_ms > 5000 ? Infinity : 0;
      };
      if (ago(f, l) > max) all.push({ from: l.id, to: f.id, cut: true, slow: 0 });
      if (ago(l, f) > max) all.push({ from: f.id, to: l.id, cut: true, slow: 0 });
    }
  return all;
}

/** Kinds of events that a list which is to be read leaves out: messages one by one, and bookkeeping. */
export const chatter = /^(pre_)?vote_received$|^pre_vote_|^leader_known$|^config_|^message_ignored$|^snapshot_recorded$|^cut$|^timing_tuned$|^append_refused$/;

/** The first line of a file. */
const head = "veche-recording";

/** A reel out of a file; it is replayed, and cannot be branched: real runs are not deterministic. */
export class Recording {
  /** @param {Reel} reel @param {string} name */
  constructor(reel, name) {
    this.reel = reel;
    this.name = name;
    this.start = reel.frames[0]?.at ?? 0;
    this.end = reel.end;
    this.cut = false; // the file ends in the middle of a line
  }

  /** @param {number} at */
  state(at) { return this.reel.state(at); }
  get history() { return this.reel.history; }
  get happenings() { return this.reel.events; }

  /**
   * Reads a file that `lines` made.
   * @param {Blob} file
   * @returns {Promise<Recording>} fails with the key of a sentence for people
   */
  static async from(file) {
    if (file.size > fileMax) throw new Error("live.rec.tooLarge");
    const lines = (await file.text()).split("\n");
    let first;
    try { first = JSON.parse(lines[0]); } catch { throw new Error("live.rec.notOne"); }
    if (first?.[head] !== 1) throw new Error("live.rec.notOne");
    const reel = new Reel();
    let cut = false;
    for (const line of lines.slice(1, linesMax)) {
      if (!line) continue;
      let x;
      try { x = JSON.parse(line); } catch { cut = true; continue; } // the end of a file that was cut short
      if (x.frame) reel.add(x.frame);
      if (Array.isArray(x.events)) reel.tell(x.events);
    }
    if (!reel.frames.length) throw new Error("live.rec.empty");
    const recording = new Recording(reel, String(first.viewer ?? ""));
    recording.cut = cut;
    return recording;
  }
}

/**
 * The lines of a recording: frames as they are kept, and all events.
 * @param {Reel} reel
 * @param {string} viewer
 * @returns {string[]}
 */
export function lines(reel, viewer) {
  const hex = new Map([...reel.ids].map(([h, id]) => [id, h]));
  const named = (/** @type {number} */ id) => (id ? { id: hex.get(id), name: reel.full(id) } : undefined);
  const out = [JSON.stringify({ [head]: 1, viewer, saved: new Date() })];
  for (const f of reel.frames) out.push(JSON.stringify({ frame: { at: reel.wall(f.at), members: f.members } }));
  out.push(JSON.stringify({ events: reel.events.map((e) => ({ id: e.key, at: new Date(e.at + reel.zero + (reel.clocks.get(hex.get(e.node) ?? "") ?? 0)), kind: e.kind, reason: e.reason, node: named(e.node),
    peer: named(e.peer), term: e.term, index: e.index, text: e.said, missed: e.kind === "gap" ? Number(e.text) : undefined })) }));
  return out.map((l) => l + "\n");
}
