"use strict";
// This page shows one member's view. Whatever comes from the cluster becomes a
// text node, never markup.

const shown = 300; // events in the list; the server keeps 1,000
const refresh = 1000; // ms between two looks at the status

const at = (id) => document.getElementById(id);

function element(tag, text, className) {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = String(text);
  if (className) e.className = className;
  return e;
}

function ago(ms) {
  if (ms < 0) return "never";
  if (ms < 1000) return ms + " ms";
  if (ms < 60000) return (ms / 1000).toFixed(1) + " s";
  if (ms < 3600000) return Math.floor(ms / 60000) + " min";
  return Math.floor(ms / 3600000) + " h";
}

function sentence(s) {
  if (s.fault) return "It has halted and takes no part any more.";
  if (s.removed) return "It was removed from the cluster.";
  if (s.standing === "damaged") return "Its disk lost entries; it does not vote until its log is whole again.";
  if (s.fetching) return "It receives a snapshot of " + s.fetching.from.name + (s.fetching.total > 0 ? ", " + Math.floor(100 * s.fetching.bytes / s.fetching.total) + " %." : ".");
  if (s.standing !== "admitted") return "Its disk came up empty; it waits to be admitted by a majority.";
  if (s.role === "leader") {
    return s.confirmed ? "A majority answers it." : "It waits for a majority to answer.";
  }
  if (s.leader.name) return "It follows " + s.leader.name + (s.learner ? " and learns: it counts nowhere yet." : ".");
  return "It knows no leader.";
}

const roles = new Set(["leader", "follower", "candidate", "pre-candidate"]);

function showStatus(s) {
  document.title = s.name + " · " + s.role + " · Veche";
  at("name").textContent = s.name;
  const role = at("role");
  role.textContent = s.role;
  role.className = "badge " + (s.fault ? "bad" : roles.has(s.role) ? s.role : "");
  at("sentence").textContent = sentence(s);
  const facts = [
    ["term", s.term],
    ["leader", s.leader.name || "unknown"],
    ["committed", s.commit],
    ["applied", s.applied + (s.lag > 0 ? " (" + s.lag + " behind)" : "")],
    ["durable", s.persisted + " of " + s.last_index],
    ["leader heard", s.role === "leader" ? "itself" : ago(s.last_contact_ms)],
    ["elections started", s.elections],
    ["election timeout", s.election_timeout_ms.join("–") + " ms" + (s.auto_timing ? ", tuned" : "")],
    ...(s.changing ? [["voters change", s.changing.old.map((m) => m.name).join(", ") + " → " + s.changing.new.map((m) => m.name).join(", ")]] : []),
    ["up for", ago(s.uptime_ms)],
    ["id", s.id],
    ["cluster", s.cluster],
  ];
  at("facts").replaceChildren(...facts.flatMap(([k, v]) => [element("dt", k), element("dd", v)]));
  at("fault").hidden = !s.fault;
  at("fault").textContent = s.fault || "";
  at("version").textContent = "Veche " + s.version;
  showMembers(s);
}

function showMembers(s) {
  const peers = new Map((s.peers || []).map((p) => [p.id, p]));
  const members = [...s.members].sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  at("members").replaceChildren(...members.map((m) => {
    const row = element("tr", undefined, m.id === s.id ? "self" : "");
    const p = peers.get(m.id);
    const self = m.id === s.id;
    const leads = m.id === s.leader.id;
    row.append(element("td", m.name + (self ? " (this one)" : "")));
    const what = element("td");
    if (leads) what.append(element("span", "leader", "badge leader"));
    else what.append(element("span", m.learner ? "learner" : self ? s.role : "", self ? "badge " + s.role : ""));
    row.append(what, element("td", m.client || "unknown"));
    const number = (v) => row.append(element("td", v === undefined ? "–" : v, "n"));
    number(p ? p.match : self ? s.last_index : undefined);
    number(p ? p.lag : undefined);
    number(p ? ago(p.last_contact_ms) : leads && !self ? ago(s.last_contact_ms) : undefined);
    return row;
  }));
  at("hint").textContent = peers.size > 0 ? "" :
    s.leader.name && s.role !== "leader" ? "How far the others are is known to the leader alone; ask " + s.leader.name + "." : "";
}

const colours = {
  became_leader: "up", leader_known: "up", admitted: "up", peer_back: "up", repaired: "up", caught_up: "up", snapshot_installed: "up",
  became_candidate: "vote", became_pre_candidate: "vote", vote_granted: "vote", vote_refused: "vote",
  pre_vote_granted: "vote", pre_vote_refused: "vote", vote_received: "vote", pre_vote_received: "vote",
  fault: "bad", refused_disk: "bad", leader_gone: "bad", peer_lost: "bad", truncated: "bad", log_full: "bad",
  removed: "bad", damaged: "bad", disk_stalled: "bad", timing_differs: "bad",
};

function showEvent(text, when, colour) {
  const list = at("events");
  const item = element("li", undefined, colour);
  const stamp = element("time", when ? when.toTimeString().slice(0, 8) + "." + String(when.getMilliseconds()).padStart(3, "0") : "");
  if (when) stamp.dateTime = when.toISOString();
  item.append(stamp, element("p", text));
  list.prepend(item);
  while (list.childElementCount > shown) list.lastElementChild.remove();
  at("none").hidden = true;
}

function follow() {
  const events = new EventSource("events");
  const link = at("link");
  events.onopen = () => { link.textContent = "live"; link.className = "link live"; };
  events.onerror = () => { link.textContent = "no answer; trying again…"; link.className = "link lost"; };
  events.onmessage = (m) => {
    const e = JSON.parse(m.data);
    showEvent(e.text, new Date(e.at), colours[e.kind] || "");
    look();
  };
  events.addEventListener("gap", (m) => {
    const missed = JSON.parse(m.data).missed;
    showEvent(missed < 0 ? "The process was started anew." : missed + " events were missed meanwhile.", null, "bad");
  });
}

let looking = false;

async function look() {
  if (looking) return;
  looking = true;
  try {
    const response = await fetch("status", { cache: "no-store", signal: AbortSignal.timeout(3000) });
    if (response.ok) showStatus(await response.json());
  } catch {
    // The list of events says that the connection is gone.
  } finally {
    looking = false;
  }
}

setInterval(() => { if (!document.hidden) look(); }, refresh);
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
look();
follow();
