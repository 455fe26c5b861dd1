package sim

import (
	"veche/host"
	"veche/raft"
	"veche/store"
)

// What a picture of a world shows beyond what it tells anyway. Looking changes
// nothing.

// Part is what the one who runs the cluster means a server to be.
type Part uint8

const (
	PartIn     Part = Part(partIn)     // it is to run
	PartUnused Part = Part(partUnused) // it was never there
	PartLost   Part = Part(partLost)   // refused for its disk
	PartGone   Part = Part(partGone)   // removed
)

// ServerLook is a server at the present moment. Status is that of its core; of a
// server that is down it holds what the disk has: Term, Vote, Standing, LastIndex,
// Cut, Snapshot and Config. Durations count from now; -1 means never.
type ServerLook struct {
	Up, Paused bool
	Part       Part
	Status     raft.Status
	Persisted  raft.Index
	Applied    raft.Index
	Left       raft.Duration   // to the end of the election timeout; of a leader -1
	Drawn      raft.Duration   // how long that timeout is
	Beat       raft.Duration   // to the next heartbeats; only of a leader
	Lease      raft.Duration   // 0: none
	Heard      raft.Duration   // since it heard a leader
	Contact    []raft.Duration // by Status.Peers: since its last reply
	Fetched    float64         // how much of a snapshot has arrived, 0 to 1; -1 none is on its way
}

// Servers is how many servers there are, with those that may join.
func (w *World) Servers() int { return len(w.nodes) }

// Look fills in how a server is. What l holds may be used again for the next one.
func (w *World) Look(i int, l *ServerLook) {
	n := &w.nodes[i]
	was := l.Status
	*l = ServerLook{Up: n.up && n.group != nil, Paused: n.paused, Part: Part(n.part), Left: -1, Beat: -1, Heard: -1, Contact: l.Contact[:0], Fetched: -1}
	l.Persisted, l.Applied = w.witness.disk[i].last(), w.witness.applied[i]
	if !l.Up {
		m := &w.witness.disk[i]
		l.Applied = 0
		was.Config.Become(m.config().config)
		l.Status = raft.Status{Self: raft.NodeID(i + 1), Term: m.hard.Term, Vote: m.hard.Vote, Standing: m.hard.Standing,
			LastIndex: m.last(), Cut: n.cut, Snapshot: n.saved, Config: was.Config, Peers: was.Peers[:0], Ballots: was.Ballots[:0]}
		return
	}
	l.Status = was
	n.group.Core().FillStatus(&l.Status)
	s, now := &l.Status, n.clock(w.now)
	if s.Role == raft.Leader {
		l.Beat = raft.Duration(max(s.Deadline-now, 0))
		l.Lease = raft.Duration(max(s.Lease-now, 0))
	} else {
		l.Left, l.Drawn = raft.Duration(max(s.Deadline-now, 0)), s.TimeoutDrawn
		if n.draws.armed {
			l.Left, l.Drawn = raft.Duration(max(n.draws.target-w.now, 0)), n.draws.want
		}
	}
	if s.LeaderHeard != 0 {
		l.Heard = raft.Duration(max(now-s.LeaderHeard, 0))
	}
	for k := range s.Peers {
		since := raft.Duration(-1)
		if at := s.Peers[k].LastContact; at != 0 {
			since = raft.Duration(max(now-at, 0))
		}
		l.Contact = append(l.Contact, since)
	}
	if f := n.group.Receiving(now); f != nil {
		if l.Fetched = 0; f.Total > 0 {
			l.Fetched = float64(f.Bytes) / float64(f.Total)
		}
	}
}

// StoreMark changes whenever what a server's own store holds may have changed.
func (w *World) StoreMark(i int) (run uint32, revision int64) {
	n := &w.nodes[i]
	if !n.up || n.machine == nil {
		return n.run, -1
	}
	return n.run, int64(n.machine.store.Revision())
}

// Values calls each with the first keys of a server's own store, in their order.
func (w *World) Values(i, most int, each func(key, value []byte)) {
	n := &w.nodes[i]
	if !n.up || n.machine == nil {
		return
	}
	res, err := n.machine.store.Range(&store.Range{Key: []byte{0}, End: []byte{0}, Limit: int64(most)})
	if err != nil {
		return
	}
	for k := range res.KVs {
		each(res.KVs[k].Key, res.KVs[k].Value)
	}
}

// Flight is a message that is on its way, or held back.
type Flight struct {
	ID       uint64 // for drop-message and the like
	From, To int
	Sent     raft.Time
	Arrives  raft.Time // raft.Never: it is held back
	Message  *raft.Message
}

// Flights calls each with every message that is on its way or held back, in no
// order that means anything. The Flight is valid during the call.
func (w *World) Flights(each func(*Flight)) {
	if w.shown == nil {
		w.shown = new(raft.Message)
	}
	show := func(e *event, arrives raft.Time) {
		if e.kind == evDeliver && raft.DecodeMessage(e.data, w.shown) == nil {
			w.flight = Flight{e.seq, e.peer, e.node, e.sent, arrives, w.shown}
			each(&w.flight)
		}
	}
	for k := range w.queue.events {
		show(&w.queue.events[k], w.queue.events[k].at)
	}
	for k := range w.script.held {
		show(&w.script.held[k], raft.Never)
	}
}

// Link says whether nothing gets through from one server to another, and how much
// longer messages take that do.
func (w *World) Link(from, to int) (cut bool, slow raft.Duration) {
	return w.net.cut[from].has(to), w.net.slow[from][to]
}

// Committed is the highest index that anybody knows to be committed.
func (w *World) Committed() raft.Index { return w.witness.commit() }

// NextAt is when the next event happens; raft.Never: nothing will.
func (w *World) NextAt() raft.Time { return w.queue.next() }

// opOf is which operation asked for an entry; 0: none.
func opOf(e *raft.Entry) uint64 {
	if e.Kind != raft.EntryCommand {
		return 0
	}
	command, err := host.Command(e.Data)
	if err != nil || len(command) < 8 {
		return 0
	}
	return getUint64(command)
}

// StandsStill says whether the world has stopped on a broken promise: then nothing
// happens in it any more.
func (w *World) StandsStill() bool { return w.witness.broken != nil }

// Picture says in a line how the servers stand.
func (w *World) Picture() string { return w.picture() }
