package raft

// transfer is a handing-over under way (thesis §3.10).
type transfer struct {
	to       NodeID // 0: none
	deadline Time
	sent     bool
}

// startTransfer hands leadership to a voter, or to the best one if to is 0.
func (c *Core) startTransfer(to NodeID) {
	if c.role != Leader || c.transfer.to != 0 {
		return // nothing to hand over, or it is being handed over
	}
	if to == 0 {
		to = c.bestSuccessor()
	}
	p := c.peer(to)
	if p == nil || !c.config().votes(to) {
		c.event(EventTransferAborted, to, 0, ReasonNotMember)
		return
	}
	c.transfer = transfer{to: to, deadline: c.now + Time(c.cfg.ElectionMax)}
	c.event(EventTransferStarted, to, 0, ReasonNone)
	c.sendEntries(p)
	c.mayHandOver()
}

// bestSuccessor is the voter with the longest log among those that answer.
func (c *Core) bestSuccessor() NodeID {
	var best *peer
	for k := range c.peers {
		p := &c.peers[k]
		if !c.config().votes(p.id) || !p.answered || c.now-p.contactAt > Time(c.cfg.ElectionMin) {
			continue
		}
		if best == nil || p.match > best.match {
			best = p
		}
	}
	if best == nil {
		return 0
	}
	return best.id
}

// mayHandOver tells the target to campaign once it holds the whole log.
func (c *Core) mayHandOver() {
	if c.role != Leader || c.transfer.to == 0 || c.transfer.sent {
		return
	}
	if p := c.peer(c.transfer.to); p != nil && p.match == c.log.last() {
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
