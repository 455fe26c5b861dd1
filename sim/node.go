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
	turnPlanned bool

	// What waits for the disk, and what the running sync covers.
	unsynced []wal.Record
	syncing  bool
	upTo     raft.Seq
	stall    raft.Duration // added to the next sync
	syncMin  raft.Duration
	syncMax  raft.Duration

	batches  []*host.ApplyBatch
	applying bool
	snapshot *host.Capture
	keeper   *host.Keeper
	works    []*host.SnapshotWork // for the keeper, the oldest under way
	requests map[uint64]*host.Request

	// The clock: start + (now - origin) × (1 + rate/10⁶) + skew.
	origin raft.Time
	start  raft.Time
	rate   int64
	draws  drawn
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
	n.rand = NewRand(w.opt.Seed, streamNodes+uint64(2*i))
	n.wear = NewRand(w.opt.Seed, streamNodes+uint64(2*i+1))
	n.disk = newDisk(w, i)
	n.syncMin, n.syncMax = w.syncMin, w.syncMax
	n.planned = raft.Never
}

// clock is what the node's monotonic clock shows now.
func (n *node) clock(now raft.Time) raft.Time { return n.draws.bend(now, n.raw(now)) }

// raw is the clock before a story bends it.
func (n *node) raw(now raft.Time) raft.Time {
	d := now - n.origin
	return n.start + d + raft.Time(int64(d)*n.rate/1_000_000)
}

// when is the first simulated time at which the node's clock shows t.
func (n *node) when(t raft.Time) raft.Time {
	if t == raft.Never {
		return raft.Never
	}
	if n.rate == 0 {
		return n.origin + t - n.start
	}
	d := int64(t - n.start)
	return n.origin + raft.Time(d*1_000_000/(1_000_000+n.rate)) + 1 // divisions round down
}

// Start starts the node's process on what its disk holds.
func (w *World) Start(i int) {
	n := &w.nodes[i]
	if n.up {
		return
	}
	n.run++
	log, err := openLog(w, i)
	if err != nil {
		w.witness.must(false, DiskRemembers, func() string { return name(i) + " cannot open its log: " + err.Error() })
		return
	}
	n.log, n.up, n.paused, n.refused = log, true, false, false
	disk := log.Restored(group)
	w.witness.restarted(i, &disk)
	n.origin, n.start, n.rate = w.now, raft.Time(n.rand.Between(int64(raft.Second), int64(1000*raft.Second))), 0
	if w.drift {
		n.rate = n.rand.Between(-30_000, 30_000)
	}
	n.loop = host.NewLoop()
	n.requests = map[uint64]*host.Request{}
	n.inbox, n.unsynced, n.batches = n.inbox[:0], n.unsynced[:0], n.batches[:0]
	n.syncing, n.applying, n.turnPlanned, n.snapshot = false, false, false, nil
	n.planned, n.wake = raft.Never, raft.Never
	n.keeper, n.works = host.NewKeeper(log), nil
	n.machine = w.newMachine(i)
	var state io.Reader
	if disk.Snapshot.Index > 0 {
		if state, err = loadSnapshot(log, disk.Snapshot.Index); err != nil {
			w.witness.must(false, DiskRemembers, func() string { return name(i) + " cannot read its snapshot: " + err.Error() })
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
	w.turn(i)
}

func (w *World) groupConfig(i int) host.GroupConfig {
	n := &w.nodes[i]
	cfg := host.GroupConfig{SnapshotBytes: w.snapshotBytes, Raft: raft.Config{TrailBytes: w.trailBytes,
		Group: group, Self: raft.NodeID(i + 1), Boot: n.log.Boot(), Incarnation: n.log.Incarnation(),
		ClientAddr: name(i) + ":2379", Initial: w.initial.Clone(),
		Seed: n.rand.Uint64(), NoFastDetection: w.slow,
		MaxAppendBytes: w.appendBytes, MaxInflight: w.inflight,
	}}
	if w.opt.Trial != nil {
		w.opt.Trial.set(&cfg.Raft)
	}
	return cfg
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
	boot := n.log.Boot()
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
	n.up, n.paused = false, false
	n.run++
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
	w.witness.wiped(i)
}

// Pause stops the node's process for a while, as a stopped virtual machine.
func (w *World) Pause(i int, d raft.Duration) {
	n := &w.nodes[i]
	if !n.up || n.paused {
		return
	}
	w.fault(name(i) + " is paused for " + Millis(raft.Time(d)))
	n.paused = true
	w.at(w.now+raft.Time(d), event{kind: evResume, node: i, run: n.run})
}

func (w *World) resume(i int) {
	n := &w.nodes[i]
	n.paused = false
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

// ask hands a request to a node: a read when command is nil.
func (w *World) ask(i int, id uint64, command []byte) {
	n := &w.nodes[i]
	r := &host.Request{Command: command, Waiter: &waiter{w, i, id}}
	n.requests[id] = r
	if command == nil {
		n.loop.Read(group, r)
	} else {
		n.loop.Propose(group, r)
	}
	w.soon(i)
}

// expire: a client has waited long enough.
func (w *World) expire(id uint64) {
	o := &w.load.ops[id]
	if o.Outcome != OpPending {
		return
	}
	n := &w.nodes[o.Node]
	if r := n.requests[id]; r != nil && n.up && !n.paused && n.run == o.run {
		n.loop.Cancel(group, r)
		w.turn(o.Node)
	}
	if o.Outcome == OpPending {
		w.end(o, OpUnknown)
	}
}

// soon lets the node take a turn: now, or in a moment with what else comes.
func (w *World) soon(i int) {
	n := &w.nodes[i]
	switch {
	case n.paused:
	case w.turnDelay == 0:
		w.turn(i)
	case !n.turnPlanned:
		n.turnPlanned = true
		w.at(w.now+raft.Time(n.wear.Between(0, int64(w.turnDelay))), event{kind: evTurn, node: i, run: n.run})
	}
}

// woken: a planned wake has come.
func (w *World) woken(e *event) {
	n := &w.nodes[e.node]
	if e.at != n.planned {
		return // an earlier one has been planned since
	}
	n.planned = raft.Never
	if n.paused {
		return
	}
	if n.clock(w.now) >= n.wake {
		w.turn(e.node)
	} else {
		w.planWake(e.node)
	}
}

func (w *World) planWake(i int) {
	n := &w.nodes[i]
	at := max(n.when(n.wake), w.now)
	if n.clock(w.now) < n.wake {
		at = max(at, w.now+1)
	}
	at = n.draws.shift(w.now, at)
	if n.wake == raft.Never || at >= n.planned {
		return
	}
	n.planned = at
	w.at(at, event{kind: evWake, node: i, run: n.run})
}

// turn lets the node's loop act upon what it was told, and carries out what it
// wants, as the goroutines of a server do.
func (w *World) turn(i int) {
	n := &w.nodes[i]
	if w.turnsAt != w.now {
		w.turnsAt, w.turns = w.now, 0
	}
	if w.turns++; w.turns > turnMax {
		w.witness.must(false, NoFault, func() string { return name(i) + " takes turns without end" })
		return
	}
	ledBefore := w.witness.leads[i]
	e := &n.effects
	n.loop.Turn(n.clock(w.now), e)
	led := ledBefore
	for k := range e.Events {
		switch e.Events[k].Kind {
		case raft.EventBecameFollower, raft.EventBecamePreCand, raft.EventBecameCandidate, raft.EventBecameLeader:
			led = 0
		}
	}
	for k := range e.Records {
		w.written(i, &e.Records[k], led)
	}
	for k := range e.Events {
		w.told(i, &e.Events[k])
	}
	for k := range e.Send {
		w.transmit(i, &e.Send[k], len(e.Records) > 0)
	}
	if w.witness.broken != nil {
		return
	}
	n.batches = append(n.batches, e.Apply...)
	w.keep(i, e.Snapshots)
	n.wake = e.Wake
	for k := range e.Done {
		d := e.Done[k]
		d.Request.Waiter.Done(d.Result)
	}
	w.confirmOne(i)
	w.startSync(i)
	w.startApply(i)
	if n.up {
		n.draws.look(n, w.now)
		w.planWake(i)
	}
}

// written notes a write and puts it in line for the disk.
func (w *World) written(i int, r *wal.Record, led raft.Term) {
	w.witness.wrote(i, &r.Write, led)
	w.nodes[i].unsynced = append(w.nodes[i].unsynced, *r)
	rec := Record{Kind: RecordWrite, Node: raft.NodeID(i + 1), A: uint64(len(r.Write.Entries)), B: uint64(r.Write.Seq)}
	if rec.A > 0 {
		rec.Index = r.Write.Entries[0].Index
	}
	w.record(&rec)
}

// told passes an event on to the witness and the trace.
func (w *World) told(i int, e *raft.Event) {
	w.record(&Record{Kind: RecordEvent, Node: raft.NodeID(i + 1), Event: *e, Term: e.Term, Index: e.Index})
	if e.Kind == raft.EventFault {
		w.witness.must(false, NoFault, func() string { return name(i) + " halts: " + w.nodes[i].group.Core().Status().Fault })
	}
	w.witness.told(i, e)
	if e.Kind == raft.EventRefusedDisk {
		w.nodes[i].refused = true
	}
}

// confirmOne checks that no two leaders are confirmed at once, where clocks are
// equal and voters keep their promise to a leader they heard.
func (w *World) confirmOne(i int) {
	if !w.slow || w.drift || w.witness.leads[i] == 0 {
		return
	}
	for p := range w.nodes {
		if p == i || w.witness.leads[p] == 0 {
			continue
		}
		if w.confirmed(i) && w.confirmed(p) {
			w.witness.must(false, OneConfirmed, func() string {
				return name(i) + " and " + name(p) + " are both confirmed, in terms " + num(uint64(w.witness.leads[i])) + " and " + num(uint64(w.witness.leads[p]))
			})
		}
	}
}

func (w *World) confirmed(i int) bool {
	n := &w.nodes[i]
	return n.up && !n.paused && n.group.Core().ConfirmedAt(n.clock(w.now))
}

// startSync writes what waits to the log and begins a sync, if none is running:
// what comes meanwhile goes with the next one (group commit).
func (w *World) startSync(i int) {
	n := &w.nodes[i]
	if n.syncing || len(n.unsynced) == 0 || !n.up {
		return
	}
	if err := n.log.Append(n.unsynced); err != nil {
		w.witness.must(false, DiskRemembers, func() string { return name(i) + " cannot write its log: " + err.Error() })
		return
	}
	n.syncing, n.upTo = true, n.unsynced[len(n.unsynced)-1].Write.Seq
	clear(n.unsynced)
	n.unsynced = n.unsynced[:0]
	took := raft.Duration(n.wear.Between(int64(n.syncMin), int64(n.syncMax))) + n.stall
	n.stall = 0
	w.at(w.now+raft.Time(took), event{kind: evSynced, node: i, run: n.run, n: uint64(n.upTo)})
}

// syncEnded: the disk has done what startSync began. A paused process learns of
// it when it goes on.
func (w *World) syncEnded(e *event) {
	n := &w.nodes[e.node]
	if n.paused {
		n.inbox = append(n.inbox, *e)
		return
	}
	if err := n.log.Sync(); err != nil {
		w.witness.must(false, DiskRemembers, func() string { return name(e.node) + " cannot sync its log: " + err.Error() })
		return
	}
	n.syncing = false
	w.witness.synced(e.node, raft.Seq(e.n))
	w.record(&Record{Kind: RecordSynced, Node: raft.NodeID(e.node + 1), B: e.n})
	if n.log.Unprepared() && n.wear.Chance(1, 2) { // half of the rolls find no segment ready
		if err := n.log.Prepare(); err != nil {
			w.witness.must(false, DiskRemembers, func() string { return name(e.node) + " cannot prepare a segment: " + err.Error() })
		}
	}
	n.loop.Persisted(group, raft.Seq(e.n))
	w.turn(e.node)
}

// startApply lets the applier begin with what waits, now or a little later.
func (w *World) startApply(i int) {
	n := &w.nodes[i]
	if n.applying || len(n.batches) == 0 || !n.up {
		return
	}
	if w.applyMax == 0 {
		w.applyNext(i)
		return
	}
	n.applying = true
	w.at(w.now+raft.Time(n.wear.Between(0, int64(w.applyMax))), event{kind: evApplied, node: i, run: n.run})
}

// applyNext applies everything that waits.
func (w *World) applyNext(i int) {
	n := &w.nodes[i]
	if n.paused {
		n.inbox = append(n.inbox, event{kind: evApplied, node: i, run: n.run})
		return
	}
	n.applying = true
	for len(n.batches) > 0 && n.up && w.witness.broken == nil {
		b := n.batches[0]
		n.batches = append(n.batches[:0], n.batches[1:]...)
		for k := range b.Entries {
			w.witness.applies(i, &b.Entries[k])
		}
		if w.witness.broken != nil {
			return
		}
		if err := w.carryOut(i, b); err != nil {
			w.witness.must(false, StateMachineSafety, func() string { return name(i) + " cannot apply: " + err.Error() })
			return
		}
		if last := b.Last(); last > 0 {
			w.record(&Record{Kind: RecordApply, Node: raft.NodeID(i + 1), Index: last})
		}
		if c := n.applied.Capture; c != nil {
			n.snapshot = c
			late := raft.Time(n.wear.Between(0, int64(20*raft.Millisecond)))
			w.at(w.now+late, event{kind: evSnapshot, node: i, run: n.run})
		}
		done := n.applied.Done
		for k := range done {
			done[k].Request.Waiter.Done(done[k].Result)
		}
		n.loop.Applied(b)
		if b.Restore != nil {
			w.soon(i) // its answer says which requests have ended
		}
	}
	n.applying = false
	if n.up && n.loop.Held() {
		w.turn(i)
	}
}

// snapshotSaved: the snapshot that was captured is written and durable.
func (w *World) snapshotSaved(e *event) {
	n := &w.nodes[e.node]
	if n.paused {
		n.inbox = append(n.inbox, *e)
		return
	}
	c := n.snapshot
	n.snapshot = nil
	if c == nil {
		return
	}
	if err := saveSnapshot(n.log, c); err != nil {
		w.witness.must(false, DiskRemembers, func() string { return name(e.node) + " cannot save its snapshot: " + err.Error() })
		return
	}
	n.loop.Snapshotted(group, c.Base.Index)
	w.turn(e.node)
}

// transmit gives a message to the network, encoded.
func (w *World) transmit(from int, m *raft.Message, wrote bool) {
	w.witness.sent(from, m, wrote)
	rec := w.recordOf(RecordSend, m)
	w.record(rec)
	to := int(m.To) - 1
	if to < 0 || to >= len(w.nodes) || to == from {
		w.witness.must(false, CodecKeepsMessage, func() string { return name(from) + " sends to " + Server(m.To) })
		return
	}
	w.messages++
	copies := 1
	if w.opt.Story {
		if copies = w.script.judge(w, from, to, m); copies == 0 {
			return
		}
	}
	for ; copies > 0; copies-- {
		f := w.net.send(w.now, from, to)
		if f.lost != "" {
			rec.Kind, rec.Note = RecordLost, f.lost
			w.record(rec)
			return
		}
		w.at(f.at, event{kind: evDeliver, node: to, peer: from, data: w.encode(m)})
		if f.again != 0 {
			w.at(f.again, event{kind: evDeliver, node: to, peer: from, data: w.encode(m)})
		}
	}
}

// encode uses the buffer of a message that has arrived again.
func (w *World) encode(m *raft.Message) []byte {
	var b []byte
	if k := len(w.free); k > 0 {
		b, w.free = w.free[k-1][:0], w.free[:k-1]
	}
	return raft.AppendMessage(b, m)
}

// recordOf describes a message for the trace.
func (w *World) recordOf(kind RecordKind, m *raft.Message) *Record {
	r := &Record{Kind: kind, Node: m.From, Peer: m.To, Message: m.Kind, Term: m.Term}
	switch m.Kind {
	case raft.KindAppend:
		r.Index, r.A = m.Append.PrevIndex, uint64(len(m.Append.Entries))
	case raft.KindAppendReply:
		r.Index = m.AppendReply.Match
		if !m.AppendReply.Rejected {
			r.A = 1
		} else {
			r.Index = m.AppendReply.PrevIndex
		}
	case raft.KindVoteReply:
		if m.VoteReply.Granted {
			r.A = 1
		}
		if m.VoteReply.Pre {
			r.B = 1
		}
	case raft.KindRequestVote:
		r.Index = m.RequestVote.LastIndex
		if m.RequestVote.Pre {
			r.B = 1
		}
	}
	return r
}

// deliver brings a message to its node; one that is down loses it.
func (w *World) deliver(e *event) {
	n := &w.nodes[e.node]
	if n.up && n.paused {
		e.run = n.run
		n.inbox = append(n.inbox, *e)
		return
	}
	var one [1]raft.Message
	if err := raft.DecodeMessage(e.data, &one[0]); err != nil {
		w.witness.must(false, CodecKeepsMessage, func() string { return "a message of " + name(e.peer) + " does not decode: " + err.Error() })
		return
	}
	w.free = append(w.free, e.data)
	rec := w.recordOf(RecordDeliver, &one[0])
	rec.Node, rec.Peer = raft.NodeID(e.node+1), raft.NodeID(e.peer+1)
	switch {
	case !n.up:
		rec.Kind, rec.Node, rec.Peer, rec.Note = RecordLost, rec.Peer, rec.Node, "the process is not running"
		w.record(rec)
		return
	case w.net.cut[e.peer].has(e.node):
		rec.Kind, rec.Node, rec.Peer, rec.Note = RecordLost, rec.Peer, rec.Node, "the link is cut"
		w.record(rec)
		return
	}
	w.record(rec)
	n.loop.Receive(one[:])
	w.soon(e.node)
}
