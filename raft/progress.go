package raft

// peer is what a leader knows of another member (nextIndex and matchIndex of
// Figure 2, and what came back).
type peer struct {
	id      NodeID
	session uint64 // names this membership: an answer to an earlier one counts for nothing
	match   Index
	next    Index
	// probing: the logs are not known to agree at next-1, so one AppendEntries
	// at a time looks for the place; otherwise they are sent ahead of answers.
	probing bool
	paused  bool // while probing: sent, and neither answered nor known lost

	inflight      []flight
	inflightBytes int

	commitSent Index // what it was told of the commit index
	ackedRound uint64
	ackedSent  Time // when the newest message that it answered was sent, on the eager clock
	promised   Time // until when it refuses its vote to others, on the eager clock
	answered   bool // in this term
	contactAt  Time // when its newest answer arrived

	snapshot    place // offered to it, because what it lacks is cut; Index 0: none
	behind      bool  // it stands on a snapshot, and has not come as far as the newest
	uncounted   bool  // its disk is damaged: part of no majority
	damagedBoot Boot  // of the process that said so
	barrier     Index // it is whole again once it holds the log up to here

	leaveBy Time // it has left, and is told so until then; 0: it has not

	// Rounds of replication (thesis §4.2.1): whether a learner has caught up.
	goal     Index
	goalAt   Time
	caughtUp bool

	lost bool // told as EventPeerLost

	link     link
	keepsUp  bool // since keptUpAt; see transfer.go
	keptUpAt Time
}

// place is an entry's place in the log.
type place struct {
	Index Index
	Term  Term
}

// flight is one AppendEntries on its way.
type flight struct {
	last  Index
	bytes int
	sent  Time
}

func (c *Core) peer(id NodeID) *peer {
	for k := range c.peers {
		if c.peers[k].id == id {
			return &c.peers[k]
		}
	}
	return nil
}

// fits says whether another AppendEntries may be sent ahead.
func (p *peer) fits(cfg *Config) bool {
	return len(p.inflight) < cfg.MaxInflight && p.inflightBytes < cfg.MaxInflightBytes
}

func (p *peer) launch(f flight) {
	p.inflight = append(p.inflight, f)
	p.inflightBytes += f.bytes
}

// land frees the window up to and with i.
func (p *peer) land(i Index) {
	k := 0
	for k < len(p.inflight) && p.inflight[k].last <= i {
		p.inflightBytes -= p.inflight[k].bytes
		k++
	}
	if k > 0 {
		p.inflight = append(p.inflight[:0], p.inflight[k:]...)
	}
}

// probeFrom looks anew for the place where the logs agree.
func (p *peer) probeFrom(next Index) {
	p.probing, p.paused = true, false
	p.next = max(next, p.match+1)
	p.inflight, p.inflightBytes = p.inflight[:0], 0
}

// syncPeers makes c.peers follow the configuration in force. Who leaves is sent
// the log until it has been told that this is committed, or does not answer: so
// it learns of it.
func (c *Core) syncPeers() {
	members := c.config().Members
	next := make([]peer, 0, len(members))
	c.leaving = false
	for k := range c.peers {
		p := c.peers[k]
		if c.config().has(p.id) {
			continue
		}
		if p.leaveBy == 0 && !c.committedConfig().Config.has(p.id) {
			p.leaveBy = c.now + Time(c.cfg.ElectionMax)
		}
		if p.leaveBy == 0 || p.leaveBy > c.now && p.commitSent < c.committedConfig().Index {
			next, c.leaving = append(next, p), true
		}
	}
	c.sessions++ // one for all who are new: the place in a list must not tell two members apart
	for k := range members {
		id := members[k].ID
		if id == c.cfg.Self {
			continue
		}
		if p := c.peer(id); p != nil {
			next = append(next, *p)
			continue
		}
		next = append(next, peer{id: id, session: c.sessions, probing: true, next: c.log.last() + 1})
	}
	for i := range next { // a few, so one by one to its place
		for k := i; k > 0 && next[k].id < next[k-1].id; k-- {
			next[k], next[k-1] = next[k-1], next[k]
		}
	}
	c.peers = next
}

// noteAnswer records that p answered a message of this term that was sent at
// sent, in round.
func (c *Core) noteAnswer(p *peer, round uint64, sent Time) {
	p.answered = true
	p.contactAt = c.now
	p.ackedRound = max(p.ackedRound, min(round, c.round))
	p.ackedSent = max(p.ackedSent, min(sent, c.eager))
	if p.lost {
		p.lost = false
		c.event(EventPeerBack, p.id, p.match, ReasonNone)
	}
}

// quorumSent gives the latest time on the eager clock such that a majority answered a message sent
// then or later; 0 when no majority has answered anything in this term.
func (c *Core) quorumSent() Time {
	return Time(c.config().reached(func(id NodeID) uint64 {
		if id == c.cfg.Self {
			return uint64(c.eager)
		}
		if p := c.peer(id); p != nil && p.answered && !p.uncounted {
			return uint64(p.ackedSent)
		}
		return 0
	}))
}

// answeredSince is quorumSent, with the time to get a first answer.
func (c *Core) answeredSince() Time { return max(c.quorumSent(), c.ledSince) }

// quorumBasis is when the time began that a majority has to answer in.
func (c *Core) quorumBasis() Time { return max(c.answeredSince(), c.graceAt) }

// checkQuorum makes a leader that no majority answers give up: it could commit
// nothing, and its clients should look for another (thesis §6.2). One whose
// process slept asked nobody meanwhile: it is not confirmed any more, but before
// it gives up it asks once. Without an answer there is no second grace.
func (c *Core) checkQuorum(slept Duration) {
	if !c.keeps(ruleCheckQuorum) || c.eager-c.quorumBasis() <= Time(c.cfg.ElectionMax) {
		return
	}
	if since := c.answeredSince(); slept > 2*c.cfg.Heartbeat && since != c.graceFor {
		c.graceAt, c.graceFor = c.eager, since
		c.beat()
		return
	}
	c.becomeFollower(c.hard.Term, 0, ReasonNoQuorum)
}

// noticeLost tells once of every peer that stopped answering.
func (c *Core) noticeLost() {
	for k := range c.peers {
		p := &c.peers[k]
		since := max(p.contactAt, c.ledFrom)
		if !p.lost && c.now-since > Time(c.cfg.ElectionMax) {
			p.lost = true
			c.event(EventPeerLost, p.id, p.match, ReasonNone)
		}
	}
}
