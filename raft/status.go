package raft

import "slices"

// Status gives a picture of the core, for people. It allocates.
func (c *Core) Status() (s Status) {
	c.FillStatus(&s)
	return s
}

// FillStatus is Status, into one that may have been filled before: its slices,
// which must be its own, are used again.
func (c *Core) FillStatus(s *Status) {
	config, peers, ballots := s.Config, s.Peers[:0], s.Ballots[:0]
	config.Become(c.config())
	*s = Status{
		Group: c.cfg.Group, Self: c.cfg.Self, Role: c.role, Standing: c.hard.Standing,
		Term: c.hard.Term, Vote: c.hard.Vote, Leader: c.leader,
		Commit: c.commit, LastIndex: c.log.last(), LastTerm: c.log.lastTerm(),
		Persisted: c.disk.persisted, Cut: c.log.base, Snapshot: c.snap.Index,
		LogBytes: c.log.bytes, LogBytesMax: c.cfg.MaxLogBytes, LogFull: c.logFull, Uncommitted: c.uncommitted, Elections: c.elections,
		Deadline: c.deadline, TimeoutDrawn: c.drawn, Transferee: c.transfer.to,
		Config: config, Peers: peers, ConfigIndex: c.configs[len(c.configs)-1].Index,
		Confirmed: c.Confirmed(), Fault: c.fault, Removed: c.removed, Level: c.config().Level(),
		ElectionMin: c.electionMin(), ElectionMax: c.electionMax(), Heartbeat: c.heartbeat(),
	}
	if c.heardEver && c.heardFrom == c.leader {
		s.LeaderHeard = c.heardAt
	}
	s.Ballots = c.ballotsShown(ballots)
	if c.role != Leader {
		return
	}
	s.Deadline, s.Lease = c.heartbeatAt, c.leaseEnd()
	for k := range c.peers {
		p := &c.peers[k]
		s.Peers = append(s.Peers, PeerStatus{ID: p.id, Match: p.match, Next: p.next,
			Probing: p.probing, Inflight: len(p.inflight), LastContact: p.contactAt,
			Learner:  contains(c.config().Learners, p.id),
			Snapshot: p.snapshot.Index, Uncounted: p.uncounted, CaughtUp: c.inStep(p),
			Removed: !c.config().has(p.id), RoundTrip: p.link.trip, OtherTiming: c.timingDiffers(p.id)})
	}
}

// ballotsShown appends what the voters have said in the campaign under way, itself
// among them, in the order of their ids.
func (c *Core) ballotsShown(all []BallotStatus) []BallotStatus {
	if c.role != PreCandidate && c.role != Candidate {
		return all
	}
	for k := range c.config().Members {
		b := BallotStatus{ID: c.config().Members[k].ID}
		if !c.config().votes(b.ID) {
			continue
		}
		if b.ID == c.cfg.Self && (c.role == PreCandidate || c.ownVoteIsDurable()) {
			b.Verdict = BallotGranted
		}
		for _, said := range c.ballots {
			switch {
			case said.id != b.ID:
			case said.granted:
				b.Verdict = BallotGranted
			default:
				b.Verdict, b.Reason = BallotRefused, said.reason
			}
		}
		all = append(all, b)
	}
	return all
}

// Confirmed says whether this server leads, and a majority answered a message
// that was sent less than the minimum election timeout ago. Without fast
// detection and with equal clocks, no other server can have been elected
// meanwhile. It says no while leadership is being handed over.
func (c *Core) Confirmed() bool { return c.ConfirmedAt(c.eager) }

// ConfirmedAt is Confirmed at a time, on the eager clock, that may be later than
// the last Step.
func (c *Core) ConfirmedAt(eager Time) bool {
	if c.role != Leader || c.handedOver || c.fault != "" {
		return false
	}
	sent := c.quorumSent()
	return len(c.peers) == 0 || sent != 0 && max(eager, c.eager)-sent < Time(c.electionMin())
}

// Role, Term, Leader, CommitIndex and Fault spare callers on hot paths a Status.

// Role is what the server is at the moment.
func (c *Core) Role() Role { return c.role }

// Term is the latest term that the server has seen.
func (c *Core) Term() Term { return c.hard.Term }

// Leader is who leads the server's term, as far as it knows; 0 nobody.
func (c *Core) Leader() NodeID { return c.leader }

// CommitIndex is how far the log is known to be committed.
func (c *Core) CommitIndex() Index { return c.commit }

// Fault is the invariant whose breach has halted the group, or "".
func (c *Core) Fault() string { return c.fault }

// Log gives the entries that the server holds, since its cut at index base.
// The entries must not be changed.
func (c *Core) Log() (base Index, baseTerm Term, entries []Entry) {
	return c.log.base, c.log.baseTerm, c.log.slice(c.log.base+1, c.log.last())
}

// Persisted is how far the log is durable on the server's own disk.
func (c *Core) Persisted() Index { return c.disk.persisted }

// Clone gives an independent copy. Log entries, which never change, are shared.
func (c *Core) Clone() *Core {
	n := *c
	n.out = nil
	n.log.entries = c.log.entries[:len(c.log.entries):len(c.log.entries)]
	n.disk.writes = slices.Clone(c.disk.writes)
	n.disk.held = slices.Clone(c.disk.held)
	n.configs = slices.Clone(c.configs)
	n.forwarded = slices.Clone(c.forwarded)
	n.ballots = slices.Clone(c.ballots)
	n.peers = slices.Clone(c.peers)
	for k := range n.peers {
		n.peers[k].inflight = slices.Clone(c.peers[k].inflight)
	}
	n.reads = slices.Clone(c.reads)
	n.pending = slices.Clone(c.pending)
	n.announced = slices.Clone(c.announced)
	n.timings = slices.Clone(c.timings)
	return &n
}
