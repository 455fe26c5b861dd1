package explore

import (
	"slices"

	"veche/raft"
)

// server is one server: its core, its disk, and what it did that must not be
// forgotten even when it forgets it. A server that is part of a local is never
// changed; inputs are tried on copies.
type server struct {
	slot  uint8
	core  *raft.Core
	clock raft.Time
	wake  raft.Time
	boot  raft.Boot

	// The disk: what is durable, and what was handed to it and is not confirmed.
	image   raft.Restored
	pending []pendingWrite

	log     *logNode // all that was handed to the disk
	durable *logNode // the durable part of it
	kept    *logNode // what the durable snapshot record stands for
	applied *logNode // what the state machine has applied since it started
	file    *logNode // the newest snapshot file
	base    raft.Base
	fetched *logNode // a file that was fetched, and may become file

	campaign uint64         // the latest that it asked votes for; 0 none in this boot
	led      uint16         // terms that it led, by bit
	votes    [termMax]uint8 // by term: whom it voted for, as an id; 0 nobody yet
	broken   string         // a promise that this server alone has broken
}

type pendingWrite struct {
	write raft.Write
	log   *logNode // what the log is with it
	snap  *logNode // what its snapshot record stands for, if it has one
}

// effects are what a step at one server does besides changing it.
type effects struct {
	sends []post
	told  []raft.Outcome
	hears bool // a vote was refused because a leader was heard
}

func (s *server) clone() *server {
	n := *s
	n.core = s.core.Clone()
	n.pending = slices.Clone(s.pending)
	return &n
}

func (w *world) config(slot uint8, boot raft.Boot) raft.Config {
	c := raft.Config{Group: 1, Self: raft.NodeID(slot) + 1, Boot: boot, Incarnation: 1, Initial: w.initial, Seed: uint64(boot),
		Draw: func(_, most raft.Duration) raft.Duration { return most }, TrailBytes: 1}
	if w.scope.OneEntry {
		c.MaxAppendBytes = 1
	}
	return c
}

// start makes a server that has just started for the first time.
func (w *world) start(slot uint8) (*server, error) {
	s := &server{slot: slot, clock: 1, boot: 1, image: raft.Restored{Hard: raft.HardState{Standing: raft.Admitted}},
		log: w.root, durable: w.root, kept: w.root, applied: w.root, file: w.root}
	var err error
	s.core, err = raft.New(w.config(slot, s.boot), s.image, s.clock)
	s.wake = s.clock + raft.Time(raft.DefaultElectionMax)
	return s, err
}

// step gives the core one input and carries out what it wants.
func (w *world) step(s *server, in raft.Input, fx *effects) {
	w.stepOnly(s, in, fx)
	for range wakesMax {
		if s.wake > s.clock || s.core.Status().Deadline <= s.clock {
			return
		}
		w.stepOnly(s, raft.Input{Kind: raft.InputWake}, fx) // due at once, and no timeout
	}
}

func (w *world) stepOnly(s *server, in raft.Input, fx *effects) {
	var out raft.Output
	was, term := s.core.Role(), s.core.Term()
	s.core.Step(s.clock, in, &out)
	s.wake = out.Wake
	w.takeWrite(s, &out)
	w.takeApply(s, &out)
	for k := range out.Send {
		w.takeSend(s, &out.Send[k], fx)
	}
	if out.Fetch != nil {
		fx.sends = append(fx.sends, post{m: raft.Message{Group: 1, Kind: raft.KindSnapshotFetch, From: raft.NodeID(s.slot) + 1, To: out.Fetch.From,
			Fetch: &raft.SnapshotFetch{Index: out.Fetch.Index, Term: out.Fetch.Term}}})
	}
	fx.told = append(fx.told, out.Outcomes...)
	for k := range out.Events {
		e := &out.Events[k]
		refused := e.Kind == raft.EventVoteRefused && in.Kind == raft.InputReceive && in.Message.Term > term || e.Kind == raft.EventPreVoteRefused
		fx.hears = fx.hears || refused && e.Reason == raft.ReasonLeaderAlive
	}
	if s.core.Role() == raft.Leader && was != raft.Leader {
		s.vote(s.core.Term(), raft.NodeID(s.slot)+1)
	}
	if f := s.core.Fault(); f != "" {
		s.breaks("the core halted: " + f)
	}
	for !w.scope.Disk && len(s.pending) > 0 {
		w.persist(s, fx)
	}
}

func (s *server) breaks(what string) {
	if s.broken == "" {
		s.broken = what
	}
}

// vote notes a vote that somebody may count.
func (s *server) vote(t raft.Term, id raft.NodeID) {
	if t >= termMax {
		s.breaks("the scope's terms do not fit")
		return
	}
	if v := s.votes[t]; v != 0 && v != uint8(id) {
		s.breaks("vote once: a server has voted for two candidates of one term")
	}
	s.votes[t] = uint8(id)
}

// takeWrite hands a write to the disk.
func (w *world) takeWrite(s *server, out *raft.Output) {
	if out.Restore != nil {
		s.file, s.base = s.fetched, *out.Restore
		s.log, s.applied = s.file, s.file
	}
	x := &out.Write
	if x.Seq == 0 {
		return
	}
	if len(x.Entries) > 0 {
		n := s.log.upTo(x.Entries[0].Index - 1)
		if n == nil {
			s.breaks("a write leaves a gap in the log")
			return
		}
		for k := range x.Entries {
			n = w.child(n, &x.Entries[k])
			if n.broken != "" {
				s.breaks(n.broken)
			}
		}
		s.log = n
	}
	p := pendingWrite{write: *x, log: s.log}
	if x.Snapshot != nil {
		p.snap = s.file.upTo(x.Snapshot.Index)
		if p.snap == nil {
			s.breaks("a snapshot is recorded that has no file")
			return
		}
	}
	s.pending = append(s.pending, p)
}

// takeApply gives entries to the state machine.
func (w *world) takeApply(s *server, out *raft.Output) {
	for k := range out.Apply {
		if e := &out.Apply[k]; e.Index != s.applied.index+1 {
			s.breaks("entries are applied out of order")
		} else {
			s.applied = w.child(s.applied, e)
		}
	}
}

func (w *world) takeSend(s *server, m *raft.Message, fx *effects) {
	switch m.Kind {
	case raft.KindVoteReply:
		if m.VoteReply.Granted && !m.VoteReply.Pre {
			s.vote(m.Term, m.To)
		}
	case raft.KindRequestVote:
		s.campaign = m.RequestVote.Campaign
	case raft.KindHeartbeat, raft.KindHeartbeatRep:
		if !w.scope.Heartbeats {
			return
		}
	case raft.KindGreet, raft.KindGreetReply:
		return // all disks are known
	}
	n := *m
	// The moment of sending is told anew at delivery: states that differ in time
	// alone are one.
	n.Append.Sent, n.AppendReply.Sent, n.Heartbeat.Sent, n.HeartbeatRep.Sent, n.Install.Sent = 0, 0, 0, 0, 0
	fx.sends = append(fx.sends, post{m: n})
}

// persist makes the oldest pending write durable and tells the core.
func (w *world) persist(s *server, fx *effects) {
	seq := s.sync()
	w.step(s, raft.Input{Kind: raft.InputPersisted, Seq: seq}, fx)
}

// sync makes the oldest pending write durable.
func (s *server) sync() raft.Seq {
	p := s.pending[0]
	s.pending = slices.Clone(s.pending[1:])
	applyWrite(&s.image, &p.write)
	s.durable = p.log
	if p.snap != nil {
		s.kept = p.snap
	}
	return p.write.Seq
}

// applyWrite does to a disk what package wal does.
func applyWrite(r *raft.Restored, x *raft.Write) {
	if x.HardChanged {
		r.Hard = x.Hard
	}
	last := r.Cut.Index + raft.Index(len(r.Entries))
	if len(x.Entries) > 0 {
		var keep []raft.Entry
		if first := x.Entries[0].Index; first <= last+1 {
			for _, e := range r.Entries {
				if e.Index < first {
					keep = append(keep, e)
				}
			}
		}
		r.Entries = append(keep, x.Entries...)
	}
	if x.Snapshot != nil && x.Snapshot.Index > r.Snapshot.Index {
		r.Snapshot = *x.Snapshot
	}
	if x.Cut == nil || x.Cut.Index <= r.Cut.Index {
		return
	}
	same := len(r.Entries) > 0 && r.Entries[0].Index > x.Cut.Index
	var keep []raft.Entry
	for _, e := range r.Entries {
		if e.Index == x.Cut.Index && e.Term == x.Cut.Term {
			same = true
		}
		if e.Index > x.Cut.Index && same {
			keep = append(keep, e)
		}
	}
	r.Cut, r.Entries = *x.Cut, keep
}

// crash ends the server after keep of its pending writes, and starts it anew.
func (w *world) crash(s *server, keep int) {
	for range keep {
		s.sync()
	}
	s.pending = nil
	if w.scope.forgetsVotes {
		s.image.Hard.Vote = 0
	}
	s.boot++
	s.log, s.applied, s.file, s.campaign, s.fetched = s.durable, s.kept, s.kept, 0, nil
	s.base = s.image.Snapshot
	core, err := raft.New(w.config(s.slot, s.boot), s.image, s.clock)
	if err != nil {
		s.breaks("a server does not start again: " + err.Error())
		return
	}
	s.core = core
	s.wake = core.Status().Deadline
}

// hash tells servers apart that may behave differently, or of which one broke a
// promise already.
func (s *server) hash() uint64 {
	d := digest(0)
	d.word(uint64(s.slot))
	d.word(s.core.Hash())
	d.word(uint64(s.boot))
	h := &s.image
	d.word(uint64(h.Hard.Term)<<16 | uint64(h.Hard.Vote)<<8 | uint64(h.Hard.Standing))
	d.word(uint64(h.Snapshot.Index)<<32 | uint64(h.Cut.Index)<<8)
	for k := range s.pending {
		p := &s.pending[k]
		x := &p.write
		d.word(uint64(x.Seq))
		d.word(uint64(len(x.Entries)))
		d.word(p.log.sums[0])
		if x.HardChanged {
			d.word(uint64(x.Hard.Term)<<16 | uint64(x.Hard.Vote)<<8 | uint64(x.Hard.Standing))
		}
		if x.Snapshot != nil {
			d.word(uint64(x.Snapshot.Index))
		}
		if x.Cut != nil {
			d.word(uint64(x.Cut.Index))
		}
	}
	for _, n := range []*logNode{s.log, s.durable, s.kept, s.applied, s.file} {
		d.word(n.sums[0])
	}
	if s.fetched != nil {
		d.word(s.fetched.sums[0])
	}
	d.word(s.campaign)
	d.word(uint64(s.led))
	for t := range s.votes {
		if s.votes[t] != 0 {
			d.word(uint64(t)<<8 | uint64(s.votes[t]))
		}
	}
	d.bytes([]byte(s.broken))
	return uint64(d)
}
