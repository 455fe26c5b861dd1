// What the parts of the page say to each other. No code: only types, for tsc.
//
// The model makes a State from the core in WebAssembly (core.js), the dashboard
// from what real servers tell (live.js). Whatever is drawn is drawn from a State
// and a History, so both look the same.

/**
 * A server. Times are in ms; -1 means never, or not known.
 * @typedef {Object} Server
 * @property {number} id        1, 2 …
 * @property {string} name      "S1", or the name of a real server
 * @property {boolean} up
 * @property {"unused"|"in"|"gone"|"lost"} part  unused: not added yet; gone: removed; lost: refused for its disk
 * @property {boolean} paused
 * @property {"follower"|"pre-candidate"|"candidate"|"leader"} role
 * @property {boolean} learner
 * @property {"admitted"|"fresh"|"damaged"} standing
 * @property {number} term
 * @property {number} vote      id, 0 nobody
 * @property {number} leader    id of whom it believes to lead, 0 nobody
 * @property {boolean} confirmed it leads, and a majority said so a moment ago
 * @property {number} commit
 * @property {number} applied
 * @property {number} persisted up to here the log is on its disk
 * @property {number} snapshot  index of its newest snapshot, 0 none
 * @property {number} first     first index that the log still holds
 * @property {number} last      last index, 0 empty
 * @property {Entry[]} log      a window that ends at last
 * @property {{left:number, drawn:number, max:number}|null} timer  of an election; null for a leader, and while it is down
 * @property {number} beat      ms to its next heartbeat, -1 unless it leads
 * @property {number} lease     ms for which it may answer reads by itself, 0 none
 * @property {Peer[]} peers     what a leader knows of the others; empty otherwise
 * @property {Ballot[]} ballots of a campaign under way, one for each voter with itself; empty otherwise
 * @property {number[]} voters  ids, in force at this server
 * @property {number[]} outgoing ids of the old half of a joint configuration
 * @property {number[]} learners
 * @property {number} transferee id, 0 none
 * @property {number} fetched    share of a snapshot that has arrived, 0 to 1; -1 none
 * @property {string} fault
 * @property {[string,string][]} values what its state machine holds, by key (a few)
 * @property {number} age       ms since this was true; 0 in the model
 * @property {number} heard     ms since it heard a leader, -1 never
 */

/**
 * @typedef {Object} Entry
 * @property {number} index
 * @property {number} term
 * @property {"command"|"noop"|"config"|"other"} kind
 * @property {string} text      of a command: "x=1"; else ""
 */

/**
 * What a leader knows of another server.
 * @typedef {Object} Peer
 * @property {number} id
 * @property {number} match
 * @property {number} next
 * @property {boolean} probing
 * @property {number} inflight
 * @property {number} contact   ms since its last reply, -1 never
 * @property {number} snapshot  index of the snapshot offered to it, 0 none
 */

/**
 * @typedef {Object} Ballot
 * @property {number} id
 * @property {"granted"|"refused"|"unknown"} verdict
 * @property {string} reason    name of the reason of a refusal, or ""
 */

/**
 * A message on its way.
 * @typedef {Object} Flight
 * @property {number} id        for the commands drop-message, hold-message …
 * @property {number} from
 * @property {number} to
 * @property {string} kind      request_vote, vote_reply, append, append_reply, heartbeat, heartbeat_reply, timeout_now, read_index, … propose, greet, install_snapshot, snapshot_fetch, snapshot_chunk …
 * @property {boolean} reply
 * @property {boolean} pre      of a PreVote
 * @property {number} term
 * @property {number} yes       of a reply: 1 yes, 0 no; -1 no reply
 * @property {number[]} entries terms of the entries that it carries (at most 16)
 * @property {number} count     of entries
 * @property {number} index     prev index of an append, match of its reply
 * @property {number} sent      ms since the run began
 * @property {number} arrives   ms; -1: the script holds it back
 */

/**
 * A link that is not as it should be, one direction.
 * @typedef {Object} Link
 * @property {number} from
 * @property {number} to
 * @property {boolean} cut
 * @property {number} slow      ms added
 */

/**
 * @typedef {Object} Client
 * @property {number} id        1, 2 …
 * @property {number} server    whom it asked
 * @property {string} asked     "put x 1", "get x"
 * @property {"waiting"|"done"|"refused"|"unknown"} outcome
 * @property {string} value     what was read, "" otherwise
 * @property {boolean} found    of a read: there was something
 * @property {string} reason    of a refusal: not_running, ""
 * @property {number} index     of the entry, 0 unknown
 * @property {number} since     ms since the run began, when it asked
 * @property {number} ended     ms, -1 while it waits
 */

/**
 * @typedef {Object} Broken
 * @property {string} promise   the name of the invariant, as the core has it
 * @property {string} how
 */

/**
 * A picture of the whole at one moment.
 * @typedef {Object} State
 * @property {number} now       ms since the run began
 * @property {number} steps     events that have happened
 * @property {Server[]} servers
 * @property {Flight[]} flights
 * @property {Link[]} links
 * @property {Client[]} clients the newest request of each client that ever asked
 * @property {Broken[]} broken  promises that were broken, in their order
 * @property {number} commit    highest index known to be committed by anybody
 * @property {number} leaderless ms without a leader that is up, 0 when there is one
 * @property {number} stuck     ms for which nothing was committed though a client waits for the cluster, 0 when none does
 * @property {string} beat      the last beat that was reached, ""
 * @property {string[]} look    panels that the beat points to
 * @property {boolean} ended    the script is over
 * @property {boolean} left     somebody acted, so the script was left
 * @property {string} failed    why the script failed, ""
 * @property {string[]} without rules that are left out; empty in production
 */

/**
 * Something that happened and is worth a line. Heartbeats and the like are not.
 * @typedef {Object} Happening
 * @property {number} n         0, 1, 2 … in a run
 * @property {number} at        ms since the run began
 * @property {number} step
 * @property {"event"|"lost"|"did"|"asked"|"answered"|"beat"|"broken"|"fault"} what
 * @property {string} kind      event: became_leader …, as the server's /events has it; lost: as Flight.kind; asked: put, get,
 *   delete, local; answered: done, refused, unknown; broken: the promise; fault: crashed, power_cut, wiped, paused, resumed, stopped, rotten
 * @property {string} reason    stale_log …; answered: not_running; ""
 * @property {number} node      who noticed, sent, was asked, is struck by the fault; 0 nobody
 * @property {number} peer
 * @property {number} client    asked, answered: 1, 2 …; 0 of a change of members
 * @property {number} term
 * @property {number} index
 * @property {string} text      did: the command; asked, answered: what; beat: its id; broken: how
 * @property {string} value     answered: what was read
 * @property {boolean} scripted did: by the scene, and not by who watches
 */

/**
 * What can be played.
 * @typedef {Object} SceneInfo
 * @property {string} id
 * @property {string} of        the scene that it varies, ""
 * @property {string} breaks    the promise that is broken in the end, ""
 * @property {string[]} settings
 * @property {string[]} without rules that are left out: it needs the lab
 * @property {string[]} beats   ids, in their order
 * @property {{id:string, beat:string, do:string[]}[]} tries
 * @property {string[]} beside  scenes that are shown side by side instead of it
 */

/**
 * A stretch of one server's life in Figure 5.
 * @typedef {Object} Stretch
 * @property {number} from      ms
 * @property {number} to        ms; Infinity while it lasts
 * @property {"down"|"follower"|"pre-candidate"|"candidate"|"leader"|"paused"} as
 * @property {number} term
 */

/**
 * What Figure 5 draws: of each server its stretches, and what else stands on the
 * time line.
 * @typedef {Object} History
 * @property {{id:number, name:string, stretches:Stretch[]}[]} rows
 * @property {{at:number, what:string, text:string}[]} marks  crash, restart, split, heal, put, beat, commit …
 * @property {number} end       ms that are known
 */

/**
 * What a run is asked that is a recording of a real cluster (replay.js).
 * @typedef {Object} Replayed
 * @property {(what?: string) => boolean} refuse says that nothing can be done to it, and gives true
 * @property {() => {title: string, about: string, beats: Record<string, string>, notes: Record<string, string>, tries: Record<string, string>}} telling
 * @property {() => void} leave
 * @property {(kind: "beat"|"term"|"election"|"commit"|"violation", way: number) => boolean} jump
 */

/** What the model shows: a run, or a recording in its place. @typedef {import("./run.js").Run & Partial<Replayed>} Shown */

export {};
