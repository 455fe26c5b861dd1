package host

import (
	"errors"
	"io"
	"slices"

	"veche/raft"
	"veche/wal"
)

// Loop owns the groups of one process and drives their cores. It is synchronous
// and belongs to one goroutine: the methods between Add and Turn note what has
// happened, Turn acts upon all of it, and whoever called Turn carries the
// Effects out.
type Loop struct {
	groups []*Group  // in increasing order of id
	eager  raft.Time // of the turn under way
	in     inbox
	output raft.Output
}

// Effects is what a turn wants done. All of it may be done in any order and in
// parallel, except that Records keep their order from turn to turn, and so do
// the batches and the snapshot works of one group. The slices are used again by the next Turn on the
// same Effects; what they hold may be kept.
type Effects struct {
	// Records go to the log; once they are durable call Loop.Persisted with the
	// largest Seq of each group.
	Records []wal.Record
	// Send goes to the peers, at once.
	Send []raft.Message
	// Apply goes to the Applier of the batch's group; after each batch call
	// Loop.Applied. No more than applyAhead batches of a group are ever out.
	Apply []*ApplyBatch
	// Snapshots go to the Keeper; after each call Loop.Kept.
	Snapshots []*SnapshotWork
	// Done are requests that have ended without the Applier.
	Done []Completion
	// Events say what the cores noticed and decided.
	Events []raft.Event
	// Changed: a role, a leader, a term, a standing or a handover of some group
	// is not what it was.
	Changed bool
	// Wake is when to call Turn again if nothing happens before.
	Wake raft.Time
}

func (e *Effects) reset() {
	clear(e.Records)
	clear(e.Send)
	clear(e.Apply)
	clear(e.Snapshots)
	clear(e.Done)
	e.Records, e.Send, e.Apply = e.Records[:0], e.Send[:0], e.Apply[:0]
	e.Snapshots = e.Snapshots[:0]
	e.Done, e.Events = e.Done[:0], e.Events[:0]
	e.Changed, e.Wake = false, raft.Never
}

var (
	errGroupTwice = errors.New("the group was added already")
	errNoMachine  = errors.New("the group has no state machine")
	errNoBoot     = errors.New("the boot is 0; it must grow with every start of the process")
)

// NewLoop gives a Loop without groups.
func NewLoop() *Loop { return &Loop{} }

// Add starts a group from what the disk held: the Restored of the log, and what
// a Capture wrote if Restored names a snapshot, else nil. sm must be empty. now
// is the current time. The next Turn is due at once.
func (l *Loop) Add(cfg GroupConfig, disk raft.Restored, snapshot io.Reader, sm StateMachine, now raft.Time) (*Group, error) {
	at, found := l.find(cfg.Raft.Group)
	switch {
	case found:
		return nil, errGroupTwice
	case sm == nil:
		return nil, errNoMachine
	case cfg.Raft.Boot == 0:
		return nil, errNoBoot
	}
	g, err := newGroup(cfg, disk, snapshot, sm, now)
	if err != nil {
		return nil, err
	}
	l.groups = slices.Insert(l.groups, at, g)
	return g, nil
}

func (l *Loop) find(id raft.GroupID) (at int, found bool) {
	for at < len(l.groups) && l.groups[at].id < id {
		at++
	}
	return at, at < len(l.groups) && l.groups[at].id == id
}

func (l *Loop) group(id raft.GroupID) *Group {
	if at, found := l.find(id); found {
		return l.groups[at]
	}
	return nil
}

// Receive notes messages from peers. The slice is not kept, its entries are.
func (l *Loop) Receive(ms []raft.Message) { l.in.receive(ms) }

// Persisted notes that all records of the group up to and with seq are durable.
func (l *Loop) Persisted(group raft.GroupID, seq raft.Seq) {
	l.in.persisted = append(l.in.persisted, groupSeq{group, seq})
}

// Applied notes that a batch has been applied: the oldest of its group that was
// not noted yet.
func (l *Loop) Applied(b *ApplyBatch) { l.in.applied = append(l.in.applied, b) }

// Kept notes that the Keeper has done a work.
func (l *Loop) Kept(w *SnapshotWork) { l.in.kept = append(l.in.kept, w) }

// Snapshotted notes that the snapshot of a Capture at index is durable, or with
// an index of 0 that it could not be saved: another is captured after as many
// bytes again.
func (l *Loop) Snapshotted(group raft.GroupID, index raft.Index) {
	l.in.snapshotted = append(l.in.snapshotted, groupIndex{group, index})
}

// PeerDown notes that all connections with that boot of a peer have closed.
func (l *Loop) PeerDown(peer raft.NodeID, boot raft.Boot) {
	l.in.downs = append(l.in.downs, peerDown{peer, boot})
}

// Propose takes a command. Its Waiter is told when it has been applied, or was
// refused for certain; that may take for ever, so whoever has a deadline calls
// Cancel.
func (l *Loop) Propose(group raft.GroupID, r *Request) {
	l.in.requests = append(l.in.requests, groupRequest{group: group, request: r})
}

// Read takes a linearizable read. Its Waiter is told when this member has
// applied all that was committed before the read began; the caller then looks
// at the state machine. If the result has an Expiry, the read rests upon the
// leader's lease: the caller must look at the eager clock afterwards. That may
// take for ever: see Cancel.
func (l *Loop) Read(group raft.GroupID, r *Request) {
	l.in.requests = append(l.in.requests, groupRequest{group: group, request: r, read: true})
}

// Change takes changes of the configuration, all of which come into force
// together. Its Waiter is told when the last entry that they need is committed,
// or with a RefusedError, or with ErrUnknown: then look at the configuration.
func (l *Loop) Change(group raft.GroupID, r *Request, changes []raft.Change) {
	l.in.requests = append(l.in.requests, groupRequest{group: group, request: r, changes: append([]raft.Change{}, changes...)})
}

// Cancel ends a request whose time is over: with ErrNoLeader or ErrFresh when
// it was never handed to a leader and there is none, with what it was refused
// for, or with ErrUnknown. A request that has ended, or that the Applier will
// end at once, is left alone.
func (l *Loop) Cancel(group raft.GroupID, r *Request) {
	l.in.cancels = append(l.in.cancels, groupRequest{group: group, request: r})
}

// Transfer asks the leader, if it is here, to hand over to a member, or to the
// best one if to is 0.
func (l *Loop) Transfer(group raft.GroupID, to raft.NodeID) {
	l.in.transfers = append(l.in.transfers, transferAsked{group, to})
}

// Turn delivers everything that was noted to the cores, wakes those whose time
// has come, and fills out with what is to be done. What had arrived before a
// deadline passed is thus always seen before the deadline acts: a process that
// was held up does not depose a leader whose heartbeat lies in its inbox.
//
// now is the time on the patient clock, and eager that on the eager one: see
// raft.Input. Neither goes back. An eager of 0 says that both go equally.
func (l *Loop) Turn(now, eager raft.Time, out *Effects) {
	out.reset()
	l.eager = eager
	l.deliver(now, out)
	for _, g := range l.groups {
		if now >= g.wake {
			l.step(g, now, raft.Input{Kind: raft.InputWake}, out)
		}
		l.flush(g, now, out)
		g.tendFetch(now, out)
		g.tendServing(now, out)
		g.hand(out)
		out.Wake = min(out.Wake, g.nextWake())
	}
	l.in.empty()
}

// Stop ends every request that is left, for certain refused or unknown; the
// batches that are out still have to be applied or refused. The Loop takes no
// turn afterwards.
func (l *Loop) Stop(out *Effects) {
	out.reset()
	for k := range l.in.requests {
		end(l.in.requests[k].request, ErrStopped, out)
	}
	for _, g := range l.groups {
		g.stop(out)
	}
	l.in.empty()
}

// Held says whether batches wait inside for the Applier: then Applied must be
// followed by a Turn, otherwise it may wait for the next one.
func (l *Loop) Held() bool {
	for _, g := range l.groups {
		if g.held() {
			return true
		}
	}
	return false
}

func (l *Loop) deliver(now raft.Time, out *Effects) {
	in := &l.in
	for _, p := range in.persisted {
		if g := l.group(p.group); g != nil {
			l.step(g, now, raft.Input{Kind: raft.InputPersisted, Seq: p.seq}, out)
		}
	}
	for k := range in.messages {
		if g := l.group(in.messages[k].Group); g != nil {
			l.receive(g, &in.messages[k], now, out)
		}
	}
	for _, b := range in.applied {
		if g := l.group(b.Group); g != nil {
			g.applied(b, now, out)
		}
	}
	for _, w := range in.kept {
		if g := l.group(w.Group); g != nil {
			l.kept(g, w, now, out)
		}
	}
	for _, s := range in.snapshotted {
		if g := l.group(s.group); g != nil {
			g.capturing = false
			if s.index == 0 {
				continue
			}
			l.step(g, now, raft.Input{Kind: raft.InputSnapshotted, Index: s.index}, out)
		}
	}
	for _, d := range in.downs {
		for _, g := range l.groups {
			l.step(g, now, raft.Input{Kind: raft.InputPeerDown, Peer: d.peer, Boot: d.boot}, out)
		}
	}
	for _, t := range in.transfers {
		if g := l.group(t.group); g != nil {
			l.step(g, now, raft.Input{Kind: raft.InputTransfer, Peer: t.to}, out)
		}
	}
	l.deliverRequests(now, out)
}

// receive brings a message to the core, or to whoever carries snapshots.
func (l *Loop) receive(g *Group, m *raft.Message, now raft.Time, out *Effects) {
	g.hear(m, now)
	switch {
	case m.Kind == raft.KindSnapshotFetch && m.Fetch != nil:
		g.serve(m, now, out)
	case m.Kind == raft.KindSnapshotChunk && m.Chunk != nil:
		if g.takeChunk(m, now, out) {
			l.step(g, now, raft.Input{Kind: raft.InputInstalled, Index: m.Chunk.Index}, out)
		}
	case g.welcome(m):
		l.step(g, now, raft.Input{Kind: raft.InputReceive, Message: m}, out)
	}
}

// kept takes an answer of the Keeper.
func (l *Loop) kept(g *Group, w *SnapshotWork, now raft.Time, out *Effects) {
	switch w.kind {
	case workRead:
		g.served(w, out)
	case workOpen, workWrite, workFinish:
		if base := g.fetchKept(w, now, out); base != nil {
			l.step(g, now, raft.Input{Kind: raft.InputInstalled, Base: base, Index: base.Index}, out)
		}
	}
}

// deliverRequests only takes requests in; flush sends those of a whole turn
// together.
func (l *Loop) deliverRequests(now raft.Time, out *Effects) {
	for _, q := range l.in.requests {
		g := l.group(q.group)
		switch {
		case g == nil:
			end(q.request, ErrStopped, out)
		case q.changes != nil:
			l.change(g, q.request, q.changes, now, out)
		case q.read:
			g.acceptRead(q.request, out)
		default:
			g.accept(q.request, out)
		}
	}
	for _, q := range l.in.cancels {
		if g := l.group(q.group); g != nil && q.request.state == requestWaiting {
			g.cancel(q.request, out)
		}
	}
}

// step gives one input to a core and takes its output apart.
func (l *Loop) step(g *Group, now raft.Time, in raft.Input, out *Effects) {
	o := &l.output
	in.Eager = l.eager
	g.core.Step(now, in, o)
	g.wake = o.Wake
	if o.Write.Seq != 0 {
		out.Records = append(out.Records, wal.Record{Group: g.id, Write: o.Write})
	}
	out.Send = append(out.Send, o.Send...)
	clear(o.Send) // what it refers to of the log may be cut
	out.Events = append(out.Events, o.Events...)
	if o.Write.HardChanged || moved(o.Events) {
		out.Changed = g.look() || out.Changed // before the answers: they are judged by it
	}
	for k := range o.Events {
		if e := &o.Events[k]; e.Kind == raft.EventSnapshotOffered {
			g.pinSnapshot(e, now, out)
		}
	}
	if o.Restore != nil {
		g.restoreTo(o.Restore)
	}
	g.commit(o.Apply)
	if o.Fetch != nil {
		g.wantSnapshot(*o.Fetch, now, out)
	}
	for k := range o.Outcomes {
		g.outcome(&o.Outcomes[k], now, out)
	}
	for k := range o.Refused {
		g.refusedBatch(&o.Refused[k], now, out)
	}
}

// moved says whether events tell of a new role, leader or standing.
func moved(events []raft.Event) bool {
	for k := range events {
		switch events[k].Kind {
		case raft.EventBecameFollower, raft.EventBecamePreCand, raft.EventBecameCandidate, raft.EventBecameLeader,
			raft.EventLeaderKnown, raft.EventLeaderGone, raft.EventAdmitted, raft.EventFault,
			raft.EventTransferStarted, raft.EventTransferAborted:
			return true
		}
	}
	return false
}

// flush sends commands and asks for reads. A core may lose its leadership in
// the very step that brings it commands; the second pass then notes that they
// must go elsewhere.
func (l *Loop) flush(g *Group, now raft.Time, out *Effects) {
	for range 2 {
		l.flushCommands(g, now, out)
		l.flushReads(g, now, out)
	}
}

func (l *Loop) flushCommands(g *Group, now raft.Time, out *Effects) {
	due := g.dueCommands(now)
	switch {
	case len(due) == 0:
	case g.leader == g.self:
		l.step(g, now, raft.Input{Kind: raft.InputPropose, Proposals: g.proposalsOf(due)}, out)
	default:
		g.forward(due, now, out)
	}
}

func (l *Loop) flushReads(g *Group, now raft.Time, out *Effects) {
	if tag, lease, ok := g.reads.ask(g.leader != 0, now); ok {
		l.step(g, now, raft.Input{Kind: raft.InputRead, Tag: tag, Lease: lease}, out)
	}
}

// end ends a request that no batch carries.
func end(r *Request, err error, out *Effects) {
	r.state = requestEnded
	out.Done = append(out.Done, Completion{Request: r, Result: Result{Err: err}})
}
