package raft

// Leases (thesis §6.4.1). A leader may answer a read by itself while it is
// certain that no other server can have been elected. It is so by promises.
//
// A voter with Config.NoFastDetection that hears its leader refuses its vote to
// others for ElectionMin from then on, on its patient clock, and does not
// campaign itself: its timer is drawn from above ElectionMin. With each answer
// it tells this Promise, 0 if it makes none. Let the leader have sent a message
// at s on its eager clock, and the answer promise P. All clocks are within
// ρ = MaxDrift of real time, but for sleeps, which make the patient one slower
// and the eager one faster. The voter received the message after s, so in real
// time it refuses until s + P/(1+ρ) at least. L on the leader's eager clock take
// at most L/(1-ρ) of real time. So with
//
//	L = P·(1-ρ)/(1+ρ)
//
// the voter refuses others until the leader's clock shows s + L. Once a majority
// does so, in both halves of a joint configuration, nobody else is elected: every
// majority that could elect another meets it in a voter that refuses, or in the
// leader, which votes for nobody while it leads. The lease of a single voter has
// no end.
//
// What could go wrong, and why it does not:
//
//   - A voter's clock is slow, or its machine sleeps: it refuses longer. The
//     leader's clock is fast, or its machine sleeps: it believes shorter. The
//     other two cases are what ρ is for.
//   - The leader's process stands still between Step and the reader's look: the
//     Outcome carries the end of the lease, and the host looks at its eager clock
//     afterwards. If that shows less, all of it lies within the lease.
//   - A message or an answer is late or doubled: its s is that of its sending. The
//     voter's promise began later, if anything.
//   - An answer is to an earlier term, boot or membership: its term or session is
//     another, and it counts for nothing.
//   - A voter of this term is told of the next one by somebody else's message,
//     and has no leader then. It keeps its promise all the same; see objection.
//   - A voter restarts: what it promised is lost, so it refuses for ElectionMin
//     from its start (New). Whoever lowers ElectionMin, or turns fast detection
//     on, must therefore leave the server down for the old ElectionMin.
//   - A vote is given because the leader asked for it (Transfer): this leader
//     has no lease from the start of a transfer on, and none in this term once
//     TimeoutNow was sent. TimeoutNow of earlier leaders leads to earlier terms,
//     or to this one, which has its leader.
//   - A voter's disk is damaged or empty: it promises nothing, and does not vote.
//   - A learner's promise does not count. When it becomes a voter, what it
//     promised before counts, for it has refused like any other.
//   - A voter is removed, or one change follows another. Let C be the latest
//     configuration in the leader's log when it answers a read. Only an election
//     before that moment could make the answer stale. Take the first server X
//     elected in a later term. It holds all that this leader has committed, by
//     Leader Completeness: the configuration before C, for a leader appends none
//     with other voters before the last is committed, and this leader's first entry, for without it
//     there is no lease. It holds no entry of a later term than this leader's, for
//     it is the first. By Log Matching its log is then a part of this leader's log
//     from that first entry on, so it goes by C or by the configuration before C.
//     Every majority of the one meets every majority of the other (§6, thesis
//     §4.1), so X's voters meet those that promised. What this leader appends
//     afterwards does not matter.
//
// A read by lease covers what was acknowledged before its InputRead. It must not
// be used for reads that come later, even before its Expiry: a transfer may have
// begun.

// promiseMax bounds what a promise counts for: far above any timeout, far below
// what could overflow when it is multiplied.
const promiseMax = 1000 * Second

// promise is for how long from now this server refuses its vote to others than
// its leader. With automatic timing it may shorten its timeout, so there is none.
func (c *Core) promise() Duration {
	if !c.cfg.NoFastDetection || c.cfg.AutoTiming || c.hard.Standing != Admitted || !c.keeps(ruleCheckQuorum) {
		return 0
	}
	return c.cfg.ElectionMin
}

// addPromise puts it into an answer to the leader, whose message has just reset
// the timers that it rests upon.
func (c *Core) addPromise(m *Message) {
	switch {
	case m.To != c.leader:
	case m.Kind == KindAppendReply:
		m.AppendReply.Promise = c.promise()
	case m.Kind == KindHeartbeatRep:
		m.HeartbeatRep.Promise = c.promise()
	}
}

// keepsPromise says whether this server must refuse its vote, even in a term
// whose leader it does not know, for the sake of one that it has answered.
func (c *Core) keepsPromise() bool {
	return c.promise() > 0 && c.role != Leader && c.leaderAlive()
}

// notePromise takes p's answer to what was sent at sent for what it is worth.
func (c *Core) notePromise(p *peer, sent Time, promise Duration) {
	if promise > 0 {
		p.promised = max(p.promised, min(sent, c.eager)+Time(c.worth(promise)))
	}
}

// worth is L for the promise P.
func (c *Core) worth(promise Duration) Duration {
	drift := Duration(c.cfg.MaxDrift)
	return min(promise, promiseMax) * (million - drift) / (million + drift)
}

// leaseEnd gives the time on the eager clock before which no other server can
// have been elected, as far as this leader knows; 0: it has no lease.
func (c *Core) leaseEnd() Time {
	if !c.cfg.LeaseReads || c.role != Leader || c.fault != "" ||
		c.commit < c.firstOfTerm || c.transfer.to != 0 || c.handedOver {
		return 0
	}
	return Time(c.config().reached(func(id NodeID) uint64 {
		if id == c.cfg.Self {
			return uint64(Never)
		}
		if p := c.peer(id); p != nil {
			return uint64(p.promised)
		}
		return 0
	}))
}

// readByLease answers a read at once, if it can.
func (c *Core) readByLease(tag uint64) bool {
	end := c.leaseEnd()
	if c.eager >= end {
		return false
	}
	c.outcome(Outcome{Kind: ReadReady, Tag: tag, Index: c.commit, Leader: c.leader, Expiry: end})
	return true
}
