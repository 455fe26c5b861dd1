package raft

// must holds what has to be true whatever arrives. The first broken one halts
// this group for good: going on could only spread the damage. In a lab that has
// left out what safety rests upon, none does: the damage is what it shows.
func (c *Core) must(holds bool, what string) bool {
	if !holds && c.fault == "" && !c.lawless() {
		c.fault = what
		if c.out != nil {
			c.event(EventFault, 0, c.commit, ReasonFault)
		}
	}
	return holds
}

// checkInvariants looks at what Figure 3 and Figure 2 promise of one server.
// What concerns several servers, the simulator checks.
func (c *Core) checkInvariants() {
	last := c.log.last()
	c.must(c.commit <= last, "the commit index is beyond the end of the log")
	c.must(c.handed <= c.commit, "an entry was handed out before it was committed")
	c.must(c.log.base <= c.snap.Index, "the log was cut beyond the newest snapshot")
	c.must(c.snap.Index <= c.handed, "a snapshot holds what was never handed out")
	c.must(c.disk.persisted <= last, "more is persisted than there is")
	c.must(c.disk.durable <= c.disk.issued, "more writes are confirmed than were handed out")
	c.must(c.verified <= last, "more is verified than there is")
	c.must(c.log.lastTerm() <= c.hard.Term, "the log holds an entry of a term to come")
	c.must(c.role == Follower || c.hard.Standing == Admitted, "a server campaigns whose disk came up empty")
	c.must(c.role == Follower || c.role == Leader || c.mayBeNeeded(), "a server campaigns that is no voter")
	if c.role == Leader {
		c.must(c.leader == c.cfg.Self, "a leader follows another")
		c.must(c.hard.Vote == c.cfg.Self, "a leader did not vote for itself")
		c.must(c.firstOfTerm <= last, "a leader has lost the first entry of its term")
		c.must(c.uncommitted >= 0, "fewer than no bytes are uncommitted")
	} else {
		c.must(c.leader != c.cfg.Self, "a server follows itself")
		c.must(len(c.reads) == 0, "reads wait for a leader that is none")
	}
}
