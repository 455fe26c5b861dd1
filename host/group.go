package host

import (
	"io"
	"slices"

	"veche/raft"
)

// GroupConfig is what a group is made with.
type GroupConfig struct {
	// Raft is handed to the core; Group, Self, Boot and Incarnation must be set.
	Raft raft.Config
	// SnapshotBytes is how many bytes are applied between two snapshots; 0
	// means 64 MiB.
	SnapshotBytes int
	// ChunkBytes is how much of a snapshot is asked for at a time; 0, or more than
	// that, means 256 KiB. A simulated snapshot is small and shall have several.
	ChunkBytes int
}

// Group is one replica of one group: its core, the commands and reads of this
// member's own clients, and the order in which all of it reaches the Applier.
type Group struct {
	id      raft.GroupID
	self    raft.NodeID
	boot    raft.Boot
	core    *raft.Core
	applier *Applier
	cfg     GroupConfig
	wake    raft.Time // the core's

	// What the core last said of itself; see look.
	role      raft.Role
	leader    raft.NodeID
	term      raft.Term
	standing  raft.Standing
	successor raft.NodeID // to whom it hands over; 0 nobody

	// Commands of this member that have no end yet.
	window   window
	sentTo   place  // to whom window[low … sentNext−1] was sent
	sentNext uint64 // from here on nothing was sent to that place
	retry    raft.Duration
	retryAt  raft.Time // no command is due before
	batch    uint64    // of the latest forwarding
	most     int       // bytes in one forwarding
	due      []*Request
	proposed []raft.Proposal
	resent   uint64 // commands sent more than once

	heard   []heardBatch // of the members that forward to this one
	hears   []Heard      // of whom this member hears anything
	ignored uint64       // forwarded batches that were repeats, late or malformed

	reads reads

	changes   []*Request // of the configuration, without an end
	changeTag uint64

	// What is committed and not handed to the Applier.
	backlog   []raft.Entry
	handed    raft.Index
	config    raft.Configuration // committed at handed
	out       int                // batches handed out and not applied
	fresh     int                // bytes handed out since the latest capture
	capturing bool
	restore   *raft.Base // to be handed out before the backlog; nil: nothing
	restoring bool       // it is handed out, or to be, and not applied

	fetch   fetching
	serving []serving
	serves  int // chunks that the Keeper is reading for peers
}

// batchShift puts the boot before the number of a batch, so that a late refusal
// of an earlier boot's batch is not taken for one of this boot's.
const batchShift = 40

// place is a leader in its term.
type place struct {
	leader raft.NodeID
	term   raft.Term
}

// heardBatch is the latest forwarding that a boot of a member sent here.
type heardBatch struct {
	from  raft.NodeID
	boot  raft.Boot
	batch uint64
}

func newGroup(cfg GroupConfig, disk raft.Restored, snapshot io.Reader, sm StateMachine, now raft.Time) (*Group, error) {
	if cfg.SnapshotBytes == 0 {
		cfg.SnapshotBytes = snapshotBytesDefault
	}
	if cfg.Raft.MaxCommandBytes == 0 {
		cfg.Raft.MaxCommandBytes = commandBytesMax
	}
	if cfg.Raft.ElectionMin == 0 && cfg.Raft.ElectionMax == 0 {
		cfg.Raft.ElectionMin, cfg.Raft.ElectionMax = raft.DefaultElectionMin, raft.DefaultElectionMax
	}
	if cfg.Raft.Heartbeat == 0 {
		cfg.Raft.Heartbeat = raft.DefaultHeartbeat
	}
	core, err := raft.New(cfg.Raft, disk, now)
	if err != nil {
		return nil, err
	}
	g := &Group{
		id: cfg.Raft.Group, self: cfg.Raft.Self, boot: cfg.Raft.Boot, core: core, cfg: cfg, wake: now,
		applier: &Applier{group: cfg.Raft.Group, machine: sm},
		window:  newWindow(), sentNext: 1, retry: cfg.Raft.ElectionMax, retryAt: raft.Never,
		most:   forwardBytesMax,
		reads:  reads{lease: cfg.Raft.LeaseReads, pause: readPause, timeout: 2 * cfg.Raft.ElectionMax},
		config: cfg.Raft.Initial,
	}
	if room := cfg.Raft.MaxUncommittedBytes; room > 0 {
		g.most = min(g.most, room/4) // a leader takes the whole of a forwarding, or nothing
	}
	if disk.Snapshot.Index > 0 {
		if err := g.applier.restore(&disk.Snapshot, snapshot); err != nil {
			return nil, err
		}
		g.handed, g.config = disk.Snapshot.Index, disk.Snapshot.Config
	}
	g.batch = uint64(g.boot) << batchShift
	g.look()
	return g, nil
}

// Core is the group's core, to be looked at between turns. Only the Loop steps
// it.
func (g *Group) Core() *raft.Core { return g.core }

// Applier is the half of the group that meets the state machine.
func (g *Group) Applier() *Applier { return g.applier }

// look asks the core who leads, and says whether that, or a handover under way,
// has changed.
func (g *Group) look() bool {
	s := g.core.Status()
	before, role, standing, successor := place{g.leader, g.term}, g.role, g.standing, g.successor
	g.role, g.leader, g.term, g.standing, g.successor = s.Role, s.Leader, s.Term, s.Standing, s.Transferee
	if before == (place{g.leader, g.term}) && role == g.role && standing == g.standing && successor == g.successor {
		return false
	}
	if before != (place{g.leader, g.term}) && g.leader != 0 {
		g.reads.allAgain()
	}
	return true
}

// nextWake is when the group wants the next turn.
func (g *Group) nextWake() raft.Time {
	w := min(g.wake, g.reads.wake(g.leader != 0), g.fetchWake(), g.serveWake())
	if g.leader != 0 && g.window.count > 0 {
		w = min(w, g.retryAt)
	}
	return w
}

// accept stamps a command and takes it into the window.
func (g *Group) accept(r *Request, out *Effects) {
	s := stamp{member: g.self, boot: g.boot, seq: g.window.next, low: g.window.low}
	switch size := len(r.Command) + stampBytesMax; {
	case size > g.cfg.Raft.MaxCommandBytes:
		end(r, ErrTooLarge, out)
		return
	case g.window.full(size):
		end(r, ErrOverloaded, out)
		return
	}
	*r = Request{Command: r.Command, Waiter: r.Waiter, state: requestWaiting, seq: s.seq, due: raft.Never}
	var room [stampBytesMax]byte
	head := s.append(room[:0])
	r.data = append(append(make([]byte, 0, len(head)+len(r.Command)), head...), r.Command...)
	r.Command = nil
	g.window.add(r)
}

func (g *Group) acceptRead(r *Request, out *Effects) {
	if g.reads.count >= readsMax {
		end(r, ErrOverloaded, out)
		return
	}
	*r = Request{Waiter: r.Waiter, Round: r.Round, state: requestWaiting}
	g.reads.count++
	g.reads.next = append(g.reads.next, r)
}

// cancel ends a request that waits inside the group.
func (g *Group) cancel(r *Request, out *Effects) {
	if r.change != 0 { // the core has it
		g.changes = slices.DeleteFunc(g.changes, func(o *Request) bool { return o == r })
		end(r, ErrUnknown, out)
		return
	}
	if r.seq == 0 {
		g.reads.forget()
		end(r, g.absence(ErrUnknown), out)
		return
	}
	g.window.settle(r.seq)
	switch {
	case r.open > 0:
		end(r, ErrUnknown, out)
	case r.attempt == 0:
		end(r, g.absence(ErrNoLeader), out)
	default:
		end(r, g.absence(refusal(r.reason)), out)
	}
}

// absence is why nobody could be asked, or err when there is somebody.
func (g *Group) absence(err error) error {
	switch {
	case g.leader != 0:
		return err
	case g.standing == raft.Fresh:
		return ErrFresh
	}
	return ErrNoLeader
}

// refusal is what a reason means to a client.
func refusal(why raft.Reason) error {
	switch why {
	case raft.ReasonOverloaded:
		return ErrOverloaded
	case raft.ReasonLogFull:
		return ErrLogFull
	case raft.ReasonTooLarge:
		return ErrTooLarge
	}
	return ErrNoLeader
}

// dueCommands gives, in order, the commands that are to be sent now: all of
// them when there is another leader or another term, those that have waited too
// long, and those that are new.
func (g *Group) dueCommands(now raft.Time) []*Request {
	w := &g.window
	clear(g.due)
	g.due = g.due[:0]
	if g.leader == 0 || w.count == 0 {
		return nil // they are held until somebody leads
	}
	if here := (place{g.leader, g.term}); here != g.sentTo {
		g.sentTo, g.sentNext = here, w.low
		g.retry, g.retryAt = g.cfg.Raft.ElectionMax, raft.Never
	}
	g.sentNext = max(g.sentNext, w.low)
	if now >= g.retryAt {
		g.overdue(now)
	}
	for ; g.sentNext < w.next; g.sentNext++ {
		if r := w.at(g.sentNext); r != nil {
			g.due = append(g.due, r)
		}
	}
	for _, r := range g.due {
		g.noteSent(r, now)
	}
	return g.due
}

// overdue collects the commands whose time to be sent again has come.
func (g *Group) overdue(now raft.Time) {
	g.retryAt = raft.Never
	for s := g.window.low; s < g.sentNext; s++ {
		r := g.window.at(s)
		switch {
		case r == nil:
		case r.due <= now:
			g.due = append(g.due, r)
		default:
			g.retryAt = min(g.retryAt, r.due)
		}
	}
	if len(g.due) > 0 {
		g.retry = min(2*g.retry, retryMax)
	}
}

// noteSent is called just before a command is sent.
func (g *Group) noteSent(r *Request, now raft.Time) {
	if r.attempt > 0 {
		g.resent++
	}
	r.attempt = max(1, r.attempt+1) // 0 is for changes
	r.open++
	r.batch = 0
	r.due = raft.Never // a core that leads tells what became of it
	if g.leader != g.self {
		r.due = now + raft.Time(g.retry)
		g.retryAt = min(g.retryAt, r.due)
	}
}

func (g *Group) proposalsOf(due []*Request) []raft.Proposal {
	clear(g.proposed)
	g.proposed = g.proposed[:0]
	for _, r := range due {
		g.proposed = append(g.proposed, raft.Proposal{Tag: r.tag(), Kind: raft.EntryCommand, Data: r.data})
	}
	return g.proposed
}

// forward passes commands on to the leader, in as few messages as their bounds
// allow.
func (g *Group) forward(due []*Request, now raft.Time, out *Effects) {
	for len(due) > 0 {
		n, bytes := 0, 0
		for n < len(due) && n < forwardEntriesMax && (n == 0 || bytes+len(due[n].data) <= g.most) {
			bytes += len(due[n].data)
			n++
		}
		g.batch++
		entries := make([]raft.Entry, n)
		for k, r := range due[:n] {
			entries[k] = raft.Entry{Kind: raft.EntryCommand, Data: r.data}
			r.batch = g.batch
		}
		out.Send = append(out.Send, raft.Message{Group: g.id, Kind: raft.KindPropose, From: g.self, To: g.leader,
			Boot: g.boot, Term: g.term, Propose: raft.Propose{Batch: g.batch, Entries: entries}})
		due = due[n:]
	}
}

// welcome says whether a message may go to the core. Of forwarded commands only
// what is new and well-formed may: the numbers of a boot's batches grow, and
// one that does not was repeated or overtaken on the way. To append a repeat
// would do no harm, but to refuse it would: its sender would take the refusal
// for the first, which may stand in the log. A leader takes only what was meant
// for its own term, because it remembers the batches of that whole term: a
// server that restarts leads in another one.
func (g *Group) welcome(m *raft.Message) bool {
	if m.Kind != raft.KindPropose {
		return true
	}
	if g.core.Role() == raft.Leader && m.Term != g.core.Term() {
		g.ignored++
		return false
	}
	h := g.heardOf(m.From)
	if h == nil || m.Boot < h.boot || m.Boot == h.boot && m.Propose.Batch <= h.batch {
		g.ignored++
		return false
	}
	for k := range m.Propose.Entries {
		e := &m.Propose.Entries[k]
		s, _, err := splitStamp(e.Data)
		if err != nil || e.Kind != raft.EntryCommand || s.member != m.From || s.boot != m.Boot {
			g.ignored++
			return false
		}
	}
	h.boot, h.batch = m.Boot, m.Propose.Batch
	return true
}

// heardOf finds the row of a member, or nil for a stranger.
func (g *Group) heardOf(id raft.NodeID) *heardBatch {
	for k := range g.heard {
		if g.heard[k].from == id {
			return &g.heard[k]
		}
	}
	for k := range g.config.Members {
		if g.config.Members[k].ID == id {
			g.heard = append(g.heard, heardBatch{from: id})
			return &g.heard[len(g.heard)-1]
		}
	}
	return nil
}

// outcome takes the core's word for a proposal or a read. That a command was
// committed says nothing here: it ends when it is applied.
func (g *Group) outcome(o *raft.Outcome, now raft.Time, out *Effects) {
	if o.Tag>>attemptShift == 0 && o.Kind != raft.ReadReady && o.Kind != raft.ReadFailed && g.changed(o, out) {
		return
	}
	switch o.Kind {
	case raft.ReadReady, raft.ReadFailed:
		g.reads.answer(o, now)
	case raft.Unknown: // it may stand in the log, or in a snapshot: it is sent again, and never refused for certain
		if r := g.proposedAs(o.Tag); r != nil {
			g.putOff(r, now)
		}
	case raft.Rejected, raft.Lost: // neither stands in any log that a leader will have
		if r := g.proposedAs(o.Tag); r != nil {
			g.refused(r, o.Reason, now, out)
		}
	}
}

// proposedAs finds the command whose latest sending was that proposal here.
func (g *Group) proposedAs(tag uint64) *Request {
	r := g.window.at(tag & (1<<attemptShift - 1))
	if r == nil || r.tag() != tag || r.batch != 0 {
		return nil
	}
	return r
}

func (g *Group) putOff(r *Request, due raft.Time) {
	r.due = due
	g.retryAt = min(g.retryAt, due)
}

// refusedBatch is outcome for commands that were passed on.
func (g *Group) refusedBatch(p *raft.ProposeReply, now raft.Time, out *Effects) {
	for s := g.window.low; s < g.window.next; s++ {
		if r := g.window.at(s); r != nil && r.batch == p.Batch {
			r.batch = 0
			if !byLeader(p.Reason) {
				// It may have led when a first copy came, and restarted since.
				r.open++
			}
			g.refused(r, p.Reason, now, out)
		}
	}
}

// byLeader says whether only a leader refuses for that reason.
func byLeader(why raft.Reason) bool {
	switch why {
	case raft.ReasonOverloaded, raft.ReasonLogFull, raft.ReasonTooLarge, raft.ReasonTransferring:
		return true
	}
	return false
}

// refused: the latest sending of r is known not to be in any log, nor ever to
// be. When the same is true of all earlier ones, the refusal may be told.
func (g *Group) refused(r *Request, why raft.Reason, now raft.Time, out *Effects) {
	r.open--
	r.reason = why
	switch why {
	case raft.ReasonOverloaded, raft.ReasonLogFull, raft.ReasonTooLarge:
		if r.open == 0 {
			g.window.settle(r.seq)
			end(r, refusal(why), out)
			return
		}
		g.putOff(r, now+raft.Time(g.retry))
	default:
		// The leader is another, or will be: the core hears of it by a heartbeat.
		g.putOff(r, now+raft.Time(g.cfg.Raft.Heartbeat))
	}
}

// stop ends what waits inside the group.
func (g *Group) stop(out *Effects) {
	for s := g.window.low; s < g.window.next; s++ {
		r := g.window.settle(s)
		switch {
		case r == nil:
		case r.open > 0:
			end(r, ErrUnknown, out)
		default:
			end(r, ErrStopped, out)
		}
	}
	g.reads.all(func(r *Request) { end(r, ErrStopped, out) })
	for _, r := range g.changes {
		end(r, ErrUnknown, out)
	}
}
