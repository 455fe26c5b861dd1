package raft

// Linearizable reads without a log entry (thesis §6.4): the leader notes its
// commit index, makes sure by a round of heartbeats begun afterwards that it
// still leads, and answers; the reader waits until it has applied that far.

// pendingRead waits at the leader for a round.
type pendingRead struct {
	from  NodeID // who asked: this server itself, or a follower
	id    uint64 // its tag, or the follower's number
	index Index  // commitIndex when its round was chosen
	round uint64 // must be answered by a majority; 0: not chosen before this term's first commit
}

// forwardedRead waits at a follower for the leader's answer.
type forwardedRead struct {
	tag      uint64
	id       uint64
	deadline Time
}

// read is asked by this server's own clients. With lease, the leader's lease
// will do.
func (c *Core) read(tag uint64, lease bool) {
	switch {
	case lease && c.readByLease(tag):
	case c.role == Leader:
		c.askRound(pendingRead{from: c.cfg.Self, id: tag})
	case c.leader == 0:
		c.outcome(Outcome{Kind: ReadFailed, Tag: tag, Reason: ReasonNoLeader})
	case len(c.forwarded) >= forwardedReadsMax:
		c.outcome(Outcome{Kind: ReadFailed, Tag: tag, Reason: ReasonOverloaded})
	default:
		// The number is never used twice, so that an answer to an earlier boot
		// cannot be taken for this one's.
		id := c.rng.next()
		c.forwarded = append(c.forwarded, forwardedRead{tag: tag, id: id,
			deadline: c.now + Time(c.cfg.ElectionMax)})
		c.send(Message{Kind: KindReadIndex, To: c.leader, ReadIndex: ReadIndex{ID: id}})
	}
}

// onReadIndex is asked by a follower's clients.
func (c *Core) onReadIndex(m *Message) {
	if c.role != Leader {
		c.answerRead(pendingRead{from: m.From, id: m.ReadIndex.ID}, ReasonNotLeader)
		return
	}
	c.askRound(pendingRead{from: m.From, id: m.ReadIndex.ID})
}

// askRound queues a read behind a round that is not yet begun. One round is
// under way at a time on behalf of reads; all that come meanwhile share the next.
func (c *Core) askRound(r pendingRead) {
	if len(c.reads) >= leaderReadsMax {
		c.answerRead(r, ReasonOverloaded)
		return
	}
	if c.commit >= c.firstOfTerm {
		r.index, r.round = c.commit, c.round+1
	}
	begin := r.round != 0 && !c.roundUnderWay()
	c.reads = append(c.reads, r)
	if begin {
		c.beat()
	}
}

// roundUnderWay says whether some read waits for a round that has begun.
func (c *Core) roundUnderWay() bool {
	return len(c.reads) > 0 && c.reads[0].round != 0 && c.reads[0].round <= c.round
}

// answerReads answers the reads whose round a majority has answered, and begins
// the next round if others wait for it.
func (c *Core) answerReads() {
	if c.role != Leader || len(c.reads) == 0 || c.commit < c.firstOfTerm {
		return
	}
	for k := range c.reads { // asked before this term's first commit
		if r := &c.reads[k]; r.round == 0 {
			r.index, r.round = c.commit, c.round+1
		}
	}
	confirmed := c.confirmedRound()
	done := 0
	for done < len(c.reads) && c.reads[done].round <= confirmed {
		c.answerRead(c.reads[done], ReasonNone)
		done++
	}
	c.reads = append(c.reads[:0], c.reads[done:]...)
	if len(c.reads) > 0 && c.reads[0].round > c.round {
		c.beat()
	}
}

// confirmedRound is the latest round that a majority has answered.
func (c *Core) confirmedRound() uint64 {
	return c.config().reached(func(id NodeID) uint64 {
		if id == c.cfg.Self {
			return c.round
		}
		if p := c.peer(id); p != nil && !p.uncounted {
			return p.ackedRound
		}
		return 0
	})
}

// answerRead ends a read, here or at the follower that asked.
func (c *Core) answerRead(r pendingRead, why Reason) {
	if r.from != c.cfg.Self {
		c.send(Message{Kind: KindReadIndexRep, To: r.from, ReadIndexRep: ReadIndexReply{
			ID: r.id, Index: r.index, Reason: why}})
		return
	}
	kind := ReadReady
	if why != ReasonNone {
		kind = ReadFailed
	}
	c.outcome(Outcome{Kind: kind, Tag: r.id, Index: r.index, Reason: why, Leader: c.leader})
}

// failReads ends all reads of a leader that steps down: it cannot know whether
// another was elected before its last round.
func (c *Core) failReads(why Reason) {
	for _, r := range c.reads {
		c.answerRead(r, ReasonNotLeader)
	}
	c.reads = c.reads[:0]
}

// onReadIndexReply takes the leader's answer. An answer of an earlier term's
// leader does not come this far.
func (c *Core) onReadIndexReply(m *Message) {
	r := &m.ReadIndexRep
	for k, f := range c.forwarded {
		if f.id != r.ID {
			continue
		}
		c.forwarded = append(c.forwarded[:k], c.forwarded[k+1:]...)
		kind := ReadReady
		if r.Reason != ReasonNone {
			kind = ReadFailed
		}
		c.outcome(Outcome{Kind: kind, Tag: f.tag, Index: r.Index, Reason: r.Reason, Leader: c.leader})
		return
	}
}

func (c *Core) expireForwardedReads() {
	done := 0
	for done < len(c.forwarded) && c.forwarded[done].deadline <= c.now {
		c.outcome(Outcome{Kind: ReadFailed, Tag: c.forwarded[done].tag, Reason: ReasonTimeout, Leader: c.leader})
		done++
	}
	c.forwarded = append(c.forwarded[:0], c.forwarded[done:]...)
}

func (c *Core) failForwardedReads(why Reason) {
	for _, f := range c.forwarded {
		c.outcome(Outcome{Kind: ReadFailed, Tag: f.tag, Reason: why, Leader: c.leader})
	}
	c.forwarded = c.forwarded[:0]
}
