package sim

import (
	"errors"
	"slices"

	"veche/host"
	"veche/raft"
	"veche/wal"
)

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

// later lets the node take a turn in an event of its own: whoever calls it may
// be in the middle of one.
func (w *World) later(i int) {
	if n := &w.nodes[i]; !n.turnPlanned {
		n.turnPlanned = true
		w.at(w.now, event{kind: evTurn, node: i, run: n.run})
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
	w.witness.begins(i)
	e := &n.effects
	n.loop.Turn(n.clock(w.now), w.eagerNow(i), e)
	led := ledBefore
	for k := range e.Events {
		switch e.Events[k].Kind {
		case raft.EventBecameFollower, raft.EventBecamePreCand, raft.EventBecameCandidate, raft.EventBecameLeader:
			led = 0
		}
	}
	w.witness.brings(e.Records)
	for k := range e.Events { // before the records: what it commits, it has written in an earlier turn
		w.told(i, &e.Events[k])
	}
	facts := fact(0)
	for k := range e.Records {
		facts |= w.written(i, &e.Records[k], led)
	}
	n.unsyncedFacts |= facts
	for k := range e.Send {
		w.witness.sent(i, &e.Send[k], len(e.Records) > 0)
	}
	if w.witness.broken != nil || w.endsInTurn(i, e, facts) {
		return
	}
	for k := range e.Send {
		w.transmit(i, &e.Send[k])
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
	switch {
	case !n.up:
	case n.removed:
		w.witness.must(slices.Contains(w.settled().Removed, raft.NodeID(i+1)), RemovedIsQuiet, func() string {
			return name(i) + " is told that it was removed, but " + describeConfig(w.settled()) + " is in force"
		})
		w.leave(i, partGone)
	case n.refused && !w.opt.Story:
		w.leave(i, partLost)
	default:
		n.draws.look(n, w.now)
		w.planWake(i)
	}
}

// endsInTurn says whether the server has ended in the middle of carrying a turn
// out. What a turn wants may be done in any order, so it may end with any part
// of it done.
func (w *World) endsInTurn(i int, e *host.Effects, written fact) bool {
	s := &w.snares
	if s.waits[atTurn]+s.waits[atWritten]+s.waits[atSent]+s.waits[atHalf] == 0 {
		return false
	}
	facts := factsOfTurn(e, written)
	if w.reached(i, atTurn, facts) {
		return true
	}
	if a := w.snared(i, atWritten, facts); a != nil {
		n := &w.nodes[i]
		if err := n.log.Append(n.unsynced); err != nil {
			w.diskFailed(i, "write its log", err)
		} else {
			w.ends(i, a)
		}
		return true
	}
	sends := len(e.Send)
	a := w.snared(i, atSent, facts)
	if a == nil && sends > 1 {
		a, sends = w.snared(i, atHalf, facts), sends/2
	}
	if a == nil {
		return false
	}
	for k := range e.Send[:sends] {
		w.transmit(i, &e.Send[k])
	}
	w.ends(i, a)
	return true
}

// written notes a write and puts it in line for the disk. It gives the facts of
// the write.
func (w *World) written(i int, r *wal.Record, led raft.Term) fact {
	facts := w.factsOf(i, &r.Write, led)
	w.witness.wrote(i, &r.Write, led)
	w.nodes[i].unsynced = append(w.nodes[i].unsynced, *r)
	rec := Record{Kind: RecordWrite, Node: raft.NodeID(i + 1), A: uint64(len(r.Write.Entries)), B: uint64(r.Write.Seq)}
	if rec.A > 0 {
		rec.Index = r.Write.Entries[0].Index
	}
	w.record(&rec)
	return facts
}

// told passes an event on to the witness and the trace.
func (w *World) told(i int, e *raft.Event) {
	w.record(&Record{Kind: RecordEvent, Node: raft.NodeID(i + 1), Event: *e, Term: e.Term, Index: e.Index})
	if e.Kind == raft.EventFault {
		w.witness.must(false, NoFault, func() string { return name(i) + " halts: " + w.nodes[i].group.Core().Status().Fault })
	}
	w.witness.told(i, e)
	switch n := &w.nodes[i]; e.Kind {
	case raft.EventRefusedDisk:
		n.refused = true
		w.witness.must(n.wiped || w.opt.Story, DiskRemembers, func() string { return name(i) + " is refused, but its disk is the one it always had" })
	case raft.EventRemoved:
		n.removed = true
	}
}

// confirmOne checks that no two leaders are confirmed at once, where clocks are
// equal and voters keep their promise to a leader they heard.
func (w *World) confirmOne(i int) {
	if !w.slow || w.drift > 0 || w.bent || w.witness.leads[i] == 0 {
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
	eager := w.eagerNow(i)
	if eager == 0 {
		eager = n.clock(w.now)
	}
	return n.up && !n.paused && n.group.Core().ConfirmedAt(eager)
}

// startSync writes what waits to the log and begins a sync, if none is running:
// what comes meanwhile goes with the next one (group commit).
func (w *World) startSync(i int) {
	n := &w.nodes[i]
	if n.syncing || len(n.unsynced) == 0 || !n.up {
		return
	}
	if w.diskFailed(i, "write its log", n.log.Append(n.unsynced)) {
		return
	}
	n.syncing, n.upTo = true, n.unsynced[len(n.unsynced)-1].Write.Seq
	n.syncFacts, n.unsyncedFacts = n.unsyncedFacts, 0
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
	if w.tearNow(e.node) || w.reached(e.node, atSync, n.syncFacts) || w.diskFailed(e.node, "sync its log", n.log.Sync()) {
		return
	}
	n.syncing = false
	w.witness.synced(e.node, raft.Seq(e.n))
	w.record(&Record{Kind: RecordSynced, Node: raft.NodeID(e.node + 1), B: e.n})
	if w.reached(e.node, atSynced, n.syncFacts) {
		return
	}
	if n.log.Unprepared() && n.wear.Chance(1, 2) { // half of the rolls find no segment ready
		// A server goes on without a prepared segment, unless its log is dead.
		err := n.log.Prepare()
		if (n.dying != nil || errors.Is(err, wal.ErrDead)) && w.diskFailed(e.node, "prepare a segment", err) {
			return
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
	if w.reached(i, atApply, anything) {
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
		err := w.carryOut(i, b)
		if !n.up {
			return
		}
		if n.dying != nil || n.ills.failed && errors.Is(err, wal.ErrIO) || errors.Is(err, wal.ErrDamaged) {
			w.diskFailed(i, "read a snapshot", err)
			return
		}
		if err != nil {
			w.witness.must(false, StateMachineSafety, func() string { return name(i) + " cannot apply: " + err.Error() })
			return
		}
		if last := b.Last(); last > 0 {
			w.record(&Record{Kind: RecordApply, Node: raft.NodeID(i + 1), Index: last})
		}
		if w.reached(i, atApplied, anything) {
			return
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
	if c == nil || w.reached(e.node, atCapture, anything) {
		return
	}
	index := c.Base.Index
	if err := saveSnapshot(n.log, c); n.dying != nil || err != nil && !n.ills.failed && !n.ills.full {
		w.diskFailed(e.node, "save its snapshot", err)
		return
	} else if err != nil {
		index = 0 // a server goes on, and saves another later
	} else if w.reached(e.node, atSaved, anything) {
		return
	}
	n.loop.Snapshotted(group, index)
	w.turn(e.node)
}
