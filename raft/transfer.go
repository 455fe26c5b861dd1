package raft

import "slices"

// Handing leadership over (thesis §3.10): because somebody asks, because the
// leader's disk stalls, or because a voter of higher priority is ready.
//
// Priorities change no vote and no timer, so they can prevent no election:
// whoever wins leads, and hands over later. It does so only to a voter that has
// kept up for a while, and waits twice as long after each attempt.

const (
	// keptUpFor is how many election timeouts a preferred voter must have
	// answered and kept up, without a gap, before it is handed leadership.
	keptUpFor = 10
	// preferWaits bounds how long attempts for a preferred voter lie apart, in
	// multiples of keptUpFor election timeouts.
	preferWaits = 64
	// lossyFrom is the loss of rounds, in millionths, from which on a link is too
	// bad to lead over.
	lossyFrom = 50_000
	// stallWaits is how many election timeouts lie between two attempts to hand
	// over because of a stalled disk.
	stallWaits = 4
)

// transfer is a handing-over under way.
type transfer struct {
	to       NodeID // 0: none
	deadline Time
	sent     bool
}

// yielding is what a server remembers of its attempts to hand over by itself.
type yielding struct {
	stalled    bool // told as EventDiskStalled
	stallAt    Time // no attempt because of the disk before
	preferAt   Time // no attempt for a preferred voter before
	preferWait Duration
	settled    Index // the commit index of the last heartbeat
}

// startTransfer hands leadership to a voter, or to the best one if to is 0.
func (c *Core) startTransfer(to NodeID, why Reason) {
	if c.role != Leader || c.transfer.to != 0 || to == c.cfg.Self {
		return // nothing to hand over, or it is being handed over
	}
	if to == 0 {
		to = c.bestSuccessor()
	}
	if not := c.unfit(to); not != ReasonNone {
		c.event(EventTransferAborted, to, 0, not)
		return
	}
	c.transfer = transfer{to: to, deadline: c.now + Time(c.cfg.ElectionMax)}
	c.event(EventTransferStarted, to, 0, why)
	c.sendEntries(c.peer(to))
	c.mayHandOver()
}

// unfit says why a server cannot be handed leadership, or ReasonNone.
func (c *Core) unfit(to NodeID) Reason {
	p := c.peer(to)
	switch {
	case to == 0:
		return ReasonTooFewHealthy
	case slices.Contains(c.config().Removed, to):
		return ReasonRemoved
	case p == nil || !c.config().has(to):
		return ReasonNotMember
	case !contains(c.config().Voters, to): // in Outgoing alone it is about to leave
		return ReasonNotVoter
	case p.uncounted:
		return ReasonDamaged
	}
	return ReasonNone
}

// bestSuccessor is the voter with the longest log among those that answer, and
// of these the one with the highest priority.
func (c *Core) bestSuccessor() NodeID {
	var best *peer
	for k := range c.peers {
		p := &c.peers[k]
		if c.unfit(p.id) != ReasonNone || !p.answered || c.now-p.contactAt > Time(c.cfg.ElectionMin) {
			continue
		}
		if best == nil || p.match > best.match || p.match == best.match && c.priority(p.id) > c.priority(best.id) {
			best = p
		}
	}
	if best == nil {
		return 0
	}
	return best.id
}

func (c *Core) priority(id NodeID) uint8 {
	m, _ := c.config().Member(id)
	return m.Priority
}

// mayHandOver tells the target to campaign once it holds the whole log.
func (c *Core) mayHandOver() {
	if c.role != Leader || c.transfer.to == 0 || c.transfer.sent {
		return
	}
	if not := c.unfit(c.transfer.to); not != ReasonNone {
		c.event(EventTransferAborted, c.transfer.to, 0, not)
		c.transfer = transfer{}
		return
	}
	if p := c.peer(c.transfer.to); p.match == c.log.last() {
		c.transfer.sent, c.handedOver = true, true
		c.event(EventTransferSent, p.id, 0, ReasonNone)
		c.send(Message{Kind: KindTimeoutNow, To: p.id})
	}
}

// expireTransfer gives up a transfer that took an election timeout, so that
// clients are not refused for ever. A TimeoutNow that is still on its way could
// make its receiver the next leader at any later moment of this term, past the
// voters' refusal that Confirmed rests upon. So the term ends with it: this
// server has itself elected in the next one, as a transfer to itself.
func (c *Core) expireTransfer() {
	if c.transfer.to == 0 || c.now < c.transfer.deadline {
		return
	}
	sent := c.transfer.sent
	c.event(EventTransferAborted, c.transfer.to, 0, ReasonTransferTimeout)
	c.transfer = transfer{}
	if sent && c.mayCampaign() {
		c.becomeFollower(c.hard.Term, 0, ReasonTransferTimeout)
		c.campaignNow(ReasonTransferAsked)
	}
}

// onTimeoutNow campaigns at once: the leader of this very term asks for it. A
// late or repeated one finds another term, or no follower.
func (c *Core) onTimeoutNow(m *Message) {
	if c.role != Follower || c.leader != m.From || !c.mayCampaign() {
		return
	}
	c.campaignNow(ReasonTransferAsked)
}

// mayYield looks, with every heartbeat, whether another server should lead.
func (c *Core) mayYield() {
	c.noteKeepingUp()
	stalled := c.diskStalled()
	if stalled && !c.yield.stalled {
		c.event(EventDiskStalled, 0, c.disk.persisted, ReasonDiskStalled)
	}
	c.yield.stalled = stalled
	if c.transfer.to != 0 {
		return
	}
	if stalled {
		c.yieldToDisk()
	} else if to := c.preferred(); to != 0 {
		c.yieldToPreferred(to)
	}
}

// diskStalled: the oldest write has waited too long for the disk.
func (c *Core) diskStalled() bool {
	w := c.disk.writes
	return len(w) > 0 && c.now-w[0].at > Time(c.cfg.StallAfter)
}

// yieldToDisk hands over to a voter whose disk holds what this one's does not.
func (c *Core) yieldToDisk() {
	to := c.bestSuccessor()
	if c.now < c.yield.stallAt || to == 0 || c.peer(to).match < max(c.disk.persisted, c.disk.writes[0].last) {
		return
	}
	c.yield.stallAt = c.now + Time(stallWaits*c.cfg.ElectionMax)
	c.startTransfer(to, ReasonDiskStalled)
}

// noteKeepingUp notes since when each voter answers, has what is committed, and
// loses little on the way.
func (c *Core) noteKeepingUp() {
	for k := range c.peers {
		p := &c.peers[k]
		switch {
		case c.unfit(p.id) != ReasonNone || !p.answered || c.now-p.contactAt > Time(c.cfg.ElectionMin) ||
			p.probing || p.match < c.yield.settled || p.link.loss >= lossyFrom:
			p.keepsUp = false
		case !p.keepsUp:
			p.keepsUp, p.keptUpAt = true, c.now
		}
	}
	c.yield.settled = c.commit
}

// preferred is the voter of the highest priority above this server's own that
// has kept up long enough; 0: none.
func (c *Core) preferred() NodeID {
	last := &c.configs[len(c.configs)-1]
	if c.now < c.yield.preferAt || c.commit < c.firstOfTerm || last.Index > c.commit || len(last.Config.Outgoing) > 0 {
		return 0
	}
	to, most := NodeID(0), c.priority(c.cfg.Self)
	for k := range c.peers {
		p := &c.peers[k]
		if v := c.priority(p.id); v > most && p.keepsUp && c.now-p.keptUpAt >= Time(keptUpFor*c.cfg.ElectionMax) {
			to, most = p.id, v
		}
	}
	return to
}

// yieldToPreferred also chooses when the next attempt may be: one that fails, or
// does not last, makes the pause longer.
func (c *Core) yieldToPreferred(to NodeID) {
	y, least := &c.yield, keptUpFor*c.cfg.ElectionMax
	if c.now-y.preferAt > Time(preferWaits*least) {
		y.preferWait = 0 // the last attempt is long ago
	}
	y.preferWait = min(max(2*y.preferWait, least), preferWaits*least)
	y.preferAt = c.now + Time(y.preferWait)
	c.startTransfer(to, ReasonPreferred)
}
