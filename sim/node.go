package sim

import (
	"io"

	"veche/host"
	"veche/raft"
	"veche/store"
	"veche/wal"
)

// node is one machine: a disk, a clock, and a process that may run on them.
type node struct {
	disk *wal.MemFS
	rand Rand // of its processes: when they start, what their cores draw
	wear Rand // of its disk and its state machine: how long things take

	up     bool
	paused bool
	run    uint32 // grows whenever a process starts or ends

	// Of the process:
	log         *wal.Log
	loop        *host.Loop
	group       *host.Group
	machine     *machine
	effects     host.Effects
	applied     host.Applied
	inbox       []event // what arrived while it was paused
	planned     raft.Time
	wake        raft.Time // on the clock of the node
	refused     bool      // told that its name is recorded with another disk
	removed     bool      // told that it was removed
	turnPlanned bool

	// What waits for the disk, and what the running sync covers.
	unsynced []wal.Record
	dying    *armed // it is about to end in the middle of touching a file
	opening  bool
	ills     ills
	// Facts of unsynced, and of what the running sync covers.
	unsyncedFacts fact
	syncFacts     fact
	syncing       bool
	upTo          raft.Seq
	stall         raft.Duration // added to the next sync
	syncMin       raft.Duration
	syncMax       raft.Duration

	batches  []*host.ApplyBatch
	applying bool
	snapshot *host.Capture
	keeper   *host.Keeper
	works    []*host.SnapshotWork // for the keeper, the oldest under way
	requests map[uint64]*host.Request

	// Of the process that ended last: how its disk was left.
	cut, saved raft.Index

	clocks

	part     part
	initial  raft.Configuration // what this one was told of the members; without members: the world's
	kept     *diskCopy          // what a story has put aside; may be nil
	wiped    bool               // its first disk is gone
	upgraded bool               // it runs the new program
	asleep   bool               // the machine sleeps, and not only the process is paused
	since    raft.Time
}

// waiter is told the end of one request.
type waiter struct {
	world *World
	node  int
	id    uint64
}

// Done passes the result on to the client.
func (a *waiter) Done(res host.Result) {
	delete(a.world.nodes[a.node].requests, a.id)
	a.world.answered(a.node, a.id, res)
}

func (w *World) newNode(i int) {
	n := &w.nodes[i]
	if i >= w.opt.Nodes {
		n.part = partUnused
	}
	n.rand = NewRand(w.opt.Seed, streamNodes+uint64(2*i))
	n.wear = NewRand(w.opt.Seed, streamNodes+uint64(2*i+1))
	n.disk = newDisk(w, i)
	n.syncMin, n.syncMax = w.syncMin, w.syncMax
	n.planned = raft.Never
}

// Start starts the node's process on what its disk holds.
func (w *World) Start(i int) {
	n := &w.nodes[i]
	if n.up || n.part != partIn {
		return
	}
	n.run++
	n.opening, n.ills.failed = true, false
	log, err := openLog(w, i)
	n.opening = false
	n.log, n.up, n.paused, n.refused, n.removed = log, true, false, false, false
	if w.diskFailed(i, "open its log", err) {
		return
	}
	if n.ills.torn {
		n.ills.torn = false
		w.fault(name(i) + " has cut off the torn end of its log")
	}
	disk := log.Restored(group)
	w.witness.restarted(i, &disk, n.ills.rotted)
	w.set(&n.clocks, &n.rand)
	n.loop = host.NewLoop()
	n.requests = map[uint64]*host.Request{}
	n.inbox, n.unsynced, n.batches = n.inbox[:0], n.unsynced[:0], n.batches[:0]
	n.syncing, n.applying, n.turnPlanned, n.snapshot = false, false, false, nil
	n.unsyncedFacts, n.syncFacts = 0, 0
	n.planned, n.wake = raft.Never, raft.Never
	n.keeper, n.works = host.NewKeeper(log), nil
	n.machine = w.newMachine(i)
	var state io.Reader
	if disk.Snapshot.Index > 0 {
		state, err = loadSnapshot(log, disk.Snapshot.Index)
		if w.diskFailed(i, "read its snapshot", err) {
			return
		}
		w.witness.restored(i, disk.Snapshot.Index)
	}
	first := ""
	if log.Boot() == 1 {
		first = " on an empty disk"
	}
	w.fault(name(i) + " starts" + first)
	n.group, err = n.loop.Add(w.groupConfig(i), disk, state, n.machine, n.clock(w.now))
	if err != nil {
		w.witness.must(false, DiskRemembers, func() string { return name(i) + " does not start: " + err.Error() })
		return
	}
	log.Release()
	n.ills.rotten = false
	if !w.reached(i, atOpened, anything) {
		w.turn(i)
	}
}

func (w *World) groupConfig(i int) host.GroupConfig {
	n := &w.nodes[i]
	cfg := host.GroupConfig{SnapshotBytes: w.snapshotBytes, ChunkBytes: w.opt.ChunkBytes, Raft: raft.Config{TrailBytes: w.trailBytes,
		Group: group, Self: raft.NodeID(i + 1), Boot: n.log.Boot(), Incarnation: n.log.Incarnation(),
		ClientAddr: name(i) + ":2379", Initial: w.initial.Clone(),
		Seed: n.rand.Uint64(), NoFastDetection: w.slow,
		MaxAppendBytes: w.appendBytes, MaxInflight: w.inflight,
		LeaseReads: w.leases, MaxDrift: w.maxDrift, Level: w.program(i), Lab: w.opt.Lab,
	}}
	if len(n.initial.Members) > 0 {
		cfg.Raft.Initial, cfg.Raft.Joining = n.initial.Clone(), i >= w.opt.Nodes
	}
	if w.opt.Trial != nil {
		w.opt.Trial.set(&cfg.Raft)
	}
	return cfg
}

// program is the feature level of what a node runs: where programs are upgraded,
// some starts bring the new one, and it stays.
func (w *World) program(i int) raft.Level {
	n := &w.nodes[i]
	if !w.upgrades || n.rand.Chance(1, 3) {
		n.upgraded = true
	}
	if n.upgraded {
		return raft.LevelNow
	}
	return raft.LevelSingle
}

func (w *World) newMachine(i int) *machine {
	return &machine{store: store.New(), applied: func(index raft.Index, op uint64, answer uint64) {
		if w.witness.gave(i, index, mix(op, answer)) && op > 0 && op < uint64(len(w.load.ops)) {
			w.load.ops[op].Applied++
		}
	}}
}

// Crash ends the node's process at once (kill -9). The machine goes on: what was
// written stays, and the peers see the connections close.
func (w *World) Crash(i int) {
	n := &w.nodes[i]
	if !n.up {
		return
	}
	boot := raft.Boot(0)
	if n.log != nil {
		boot = n.log.Boot()
	}
	w.fault(name(i) + " is killed")
	w.stop(i)
	crashDisk(w, i, false)
	for p := range w.nodes {
		if p == i || !w.nodes[p].up {
			continue
		}
		late := raft.Time(w.net.latencyMin) + raft.Time(n.wear.Between(0, int64(2*raft.Millisecond)))
		if w.opt.Story && w.opt.Trial == nil {
			late = raft.Time(w.net.latencyMin)
		}
		w.at(max(w.now+late, w.net.free[i][p]), event{kind: evPeerDown, node: p, peer: i, run: w.nodes[p].run, n: uint64(boot)})
	}
}

// PowerCut stops the node's machine at once. What was not synced is lost, or
// torn; nobody tells the peers.
func (w *World) PowerCut(i int) {
	if !w.nodes[i].up {
		return
	}
	w.fault(name(i) + " loses power")
	w.stop(i)
	crashDisk(w, i, true)
}

// stop forgets the process.
func (w *World) stop(i int) {
	n := &w.nodes[i]
	n.up, n.paused, n.ills.tears = false, false, false
	n.run++
	if n.group != nil {
		s := n.group.Core().Status()
		n.cut, n.saved = s.Cut, s.Snapshot
	}
	w.witness.leads[i] = 0
	n.log, n.loop, n.group, n.snapshot = nil, nil, nil, nil
	for c := range w.load.clients {
		if id := w.load.clients[c].pending; id != 0 && w.load.ops[id].Node == i {
			w.end(&w.load.ops[id], OpUnknown)
		}
	}
}

// Wipe replaces the disk of a node that is down by an empty one.
func (w *World) Wipe(i int) {
	if w.nodes[i].up {
		w.PowerCut(i)
	}
	w.fault(name(i) + " gets an empty disk")
	w.nodes[i].disk = newDisk(w, i)
	w.nodes[i].cut, w.nodes[i].saved, w.nodes[i].ills.torn = 0, 0, false
	w.witness.wiped(i)
}

// Pause stops the node's process for a while, as a stopped virtual machine.
func (w *World) Pause(i int, d raft.Duration) {
	n := &w.nodes[i]
	if !n.up || n.paused {
		return
	}
	w.fault(name(i) + " is paused for " + Millis(raft.Time(d)))
	n.paused, n.asleep, n.since = true, false, w.now
	w.at(w.now+raft.Time(d), event{kind: evResume, node: i, run: n.run})
}

// Sleep suspends the node's machine for a while: its patient clock stands still.
func (w *World) Sleep(i int, d raft.Duration) {
	n := &w.nodes[i]
	if !n.up || n.paused {
		return
	}
	w.Pause(i, d)
	n.asleep = true
	w.note("and its machine sleeps")
}

func (w *World) resume(i int) {
	n := &w.nodes[i]
	n.paused = false
	if n.asleep {
		n.slept(n.since, w.now)
	}
	w.fault(name(i) + " goes on")
	waited := n.inbox
	n.inbox = nil
	for k := range waited {
		w.happen(&waited[k])
	}
	if n.up && w.witness.broken == nil {
		w.turn(i)
	}
}
