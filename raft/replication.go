package raft

// pendingProposal is an own proposal that has no outcome yet.
type pendingProposal struct {
	index Index
	term  Term
	tag   uint64
}

// becomeLeader takes over the term that was won (§5.2).
func (c *Core) becomeLeader() {
	c.role = Leader
	c.setLeader(c.cfg.Self)
	c.leaderGone = false
	c.ledSince, c.ledFrom, c.graceAt, c.graceFor = c.eager, c.now, 0, 0
	c.transfer, c.handedOver, c.tuned = transfer{}, false, tuning{}
	c.change = changeWait{}
	c.reads = c.reads[:0]
	c.uncommitted, c.logFull = 0, false
	for _, e := range c.log.slice(c.commit+1, c.log.last()) {
		c.uncommitted += entryBytes(&e)
	}
	c.peers = c.peers[:0]
	c.syncPeers()
	// Earlier entries commit, and reads begin, with the first of the own term (§5.4.2, §8).
	c.firstOfTerm = c.log.last() + 1
	c.appendOwn(EntryNoop, nil)
	c.event(EventBecameLeader, 0, c.firstOfTerm, ReasonMajority)
	c.replicate()
	c.beat()
	c.tendAt = c.heartbeatAt
	c.advanceCommit()
}

// stopLeading ends what only a leader does.
func (c *Core) stopLeading(why Reason) {
	if c.transfer.to != 0 && !(c.transfer.sent && why == ReasonHigherTerm) { // otherwise it took over
		c.event(EventTransferAborted, c.transfer.to, 0, why)
	}
	c.transfer = transfer{}
	c.failReads(why)
	c.loseChange(why)
	c.peers = c.peers[:0]
	c.uncommitted, c.logFull = 0, false
	c.heardEver = false
}

// propose appends what clients want, if this server leads.
func (c *Core) propose(ps []Proposal) {
	first := c.log.last() + 1
	for k := range ps {
		p := &ps[k]
		if why := c.refusal(len(p.Data)); why != ReasonNone {
			c.reject(p.Tag, why)
			continue
		}
		i := c.appendOwn(EntryCommand, p.Data)
		c.pending = append(c.pending, pendingProposal{index: i, term: c.hard.Term, tag: p.Tag})
	}
	if c.log.last() >= first {
		c.replicate()
	}
}

// onPropose appends what another member's clients want; all of it, or nothing.
func (c *Core) onPropose(m *Message) {
	q := &m.Propose
	size, why := 0, ReasonNone
	for k := range q.Entries {
		size += len(q.Entries[k].Data)
		if why = c.refusal(len(q.Entries[k].Data)); why != ReasonNone {
			break
		}
	}
	if why == ReasonNone && c.uncommitted+size > c.cfg.MaxUncommittedBytes {
		why = ReasonOverloaded
	}
	if why != ReasonNone {
		c.send(Message{Kind: KindProposeRep, To: m.From, ProposeRep: ProposeReply{
			Batch: q.Batch, Reason: why, Leader: c.leader}})
		return
	}
	for k := range q.Entries {
		c.appendOwn(EntryCommand, q.Entries[k].Data)
	}
	c.replicate()
}

// refusal says why a command of that many bytes is not taken, or ReasonNone.
func (c *Core) refusal(size int) Reason {
	switch {
	case c.role != Leader && c.leader == 0:
		return ReasonNoLeader
	case c.role != Leader:
		return ReasonNotLeader
	case c.transfer.to != 0:
		return ReasonTransferring
	case size > c.cfg.MaxCommandBytes:
		return ReasonTooLarge
	case c.uncommitted+size > c.cfg.MaxUncommittedBytes:
		return ReasonOverloaded
	case c.log.bytes+size > c.cfg.MaxLogBytes:
		c.noteLogFull()
		return ReasonLogFull
	}
	return ReasonNone
}

// noteLogFull tells once that no snapshot allows the log to be cut.
func (c *Core) noteLogFull() {
	if c.logFull {
		return
	}
	c.logFull = true
	c.event(EventLogFull, 0, c.snap.Index, ReasonLogFull)
}

// appendOwn puts an entry of this term at the end of the leader's log.
func (c *Core) appendOwn(kind EntryKind, data []byte) Index {
	e := Entry{Index: c.log.last() + 1, Term: c.hard.Term, Kind: kind, Data: data}
	c.log.append(e)
	c.uncommitted += entryBytes(&e)
	c.logChanged(e.Index)
	return e.Index
}

// replicate sends every peer what it lacks, as far as its window allows.
func (c *Core) replicate() {
	for k := range c.peers {
		c.sendEntries(&c.peers[k])
	}
}

func (c *Core) sendEntries(p *peer) {
	c.setGoal(p)
	switch {
	case p.snapshot.Index != 0:
		return // the offer is repeated with the heartbeats
	case p.next <= c.log.base:
		c.offer(p)
		return
	case p.probing:
		if !p.paused {
			p.paused = true
			c.sendAppend(p, c.log.upTo(p.next, min(probeBytes, c.cfg.MaxAppendBytes)))
		}
		return
	}
	for p.next <= c.log.last() && p.fits(&c.cfg) {
		entries := c.log.upTo(p.next, c.cfg.MaxAppendBytes)
		bytes := 0
		for k := range entries {
			bytes += entryBytes(&entries[k])
		}
		c.sendAppend(p, entries)
		p.next = entries[len(entries)-1].Index + 1
		p.launch(flight{last: p.next - 1, bytes: bytes, sent: c.now})
	}
}

// sendAppend sends one AppendEntries whose entries begin at p.next.
func (c *Core) sendAppend(p *peer, entries []Entry) {
	prev := max(p.next-1, c.log.base)
	term, _ := c.log.term(prev)
	p.commitSent = max(p.commitSent, min(c.commit, prev+Index(len(entries))))
	c.send(Message{Kind: KindAppend, To: p.id, Append: Append{
		Session: p.session, Round: c.round, Sent: c.eager,
		PrevIndex: prev, PrevTerm: term, Commit: c.commit, Cut: c.log.base, Entries: entries}})
}

// leaderWake: a heartbeat is due, or a transfer has taken too long. What a leader
// looks at once in a while has a time of its own: the rounds of reads are
// heartbeats, too, so that under steady reads none is ever due.
func (c *Core) leaderWake() {
	c.expireTransfer()
	if c.role != Leader {
		return
	}
	tend := c.now >= c.tendAt
	if tend {
		c.noticeLost()
		c.tune()
		c.tendAt = c.now + Time(c.heartbeat())
	}
	if c.now >= c.heartbeatAt {
		c.beat()
	}
	if tend {
		c.askTiming()
		c.mayYield()
	}
}

// beat begins a round: every peer is told that the leader lives.
func (c *Core) beat() {
	if c.leaving {
		c.syncPeers()
	}
	c.round++
	c.heartbeatAt = c.now + Time(c.heartbeat())
	for k := range c.peers {
		c.sendHeartbeat(&c.peers[k])
		if c.peers[k].snapshot.Index != 0 {
			c.sendOffer(&c.peers[k])
		}
	}
	c.answerReads() // a single voter needs no answer
}

func (c *Core) sendHeartbeat(p *peer) {
	// Never beyond what this peer acknowledged: its log may differ after that.
	commit := min(c.commit, p.match)
	p.commitSent = max(p.commitSent, commit)
	c.send(Message{Kind: KindHeartbeat, To: p.id, Heartbeat: Heartbeat{
		Session: p.session, Round: c.round, Sent: c.eager, Commit: commit, Cut: c.log.base,
		ElectionMin: c.toldElectionMin()}})
}

// advanceCommit moves commitIndex to the largest index that a majority holds
// durably, if it is of the own term: older entries commit only along with one
// of the own term (§5.4.2, Figure 8).
func (c *Core) advanceCommit() {
	if c.role != Leader {
		return
	}
	n := Index(c.config().reached(func(id NodeID) uint64 {
		if id == c.cfg.Self {
			return uint64(c.disk.persisted)
		}
		if p := c.peer(id); p != nil && !p.uncounted {
			return uint64(p.match)
		}
		return 0
	}))
	if n <= c.commit {
		return
	}
	if t, held := c.log.term(n); t != c.hard.Term && (!held || c.keeps(ruleCurrentTermCommit)) {
		return
	}
	c.setCommit(n)
	c.event(EventCommitted, 0, n, ReasonNone)
	for k := range c.peers {
		p := &c.peers[k]
		if min(c.commit, p.match) > p.commitSent {
			c.sendHeartbeat(p) // whoever passed a command on waits to see it committed
		}
	}
	c.answerReads()
	c.tendMembership()
}

// setCommit also ends the proposals that are decided by it.
func (c *Core) setCommit(n Index) {
	if !c.must(n <= c.log.last(), "the commit index moves beyond the end of the log") {
		return
	}
	before := c.commit
	if c.role == Leader { // also when a late snapshot tells it what is committed; see installed
		for _, e := range c.log.slice(before+1, n) {
			c.uncommitted -= entryBytes(&e)
		}
	}
	c.commit = n
	c.endProposals()
	if c.configAt(n).Index > before {
		c.configCommitted()
	}
}

// endProposals ends the proposals that the commit index decides. An entry that
// was overwritten here is not lost by that: a server that still holds it may win
// a later election and commit it. It is lost when another entry is committed at
// its index, or one of a later term anywhere: terms only grow along a log, so no
// log with both can be, and every later leader's log has the committed one. What
// a snapshot covers cannot be told any more.
func (c *Core) endProposals() {
	term, _ := c.log.term(c.commit)
	keep := c.pending[:0]
	for _, p := range c.pending {
		switch {
		case c.log.matches(p.index, p.term) && p.index <= c.commit:
			c.outcome(Outcome{Kind: Committed, Tag: p.tag, Index: p.index, Leader: c.leader})
		case p.index < c.log.base:
			c.outcome(Outcome{Kind: Unknown, Tag: p.tag, Index: p.index, Reason: ReasonSnapshot, Leader: c.leader})
		case p.index <= c.commit || p.term < term:
			c.outcome(Outcome{Kind: Lost, Tag: p.tag, Index: p.index, Reason: ReasonOverwritten, Leader: c.leader})
		default:
			keep = append(keep, p)
		}
	}
	c.pending = keep
}

// onAppend is AppendEntries at the receiver (§5.3).
func (c *Core) onAppend(m *Message) {
	a := &m.Append
	if !wellFormed(m) {
		c.event(EventMessageIgnored, m.From, a.PrevIndex, ReasonGap)
		return
	}
	if !c.hearLeader(m) || c.hard.Standing == Fresh {
		return // a fresh disk acknowledges nothing
	}
	prev, entries := a.PrevIndex, a.Entries
	if !c.must(c.agreesBelowCommit(a) || c.recants(a), "a leader overwrites a committed entry") {
		return
	}
	if prev < c.commit { // what is committed here, the leader holds as well (§5.4.3)
		skip := min(int(c.commit-prev), len(entries))
		prev += Index(skip)
		entries = entries[skip:]
	}
	if prev >= c.commit {
		if t, held := c.log.term(prev); !held || prev == a.PrevIndex && t != a.PrevTerm && c.keeps(ruleConsistencyCheck) {
			c.refuseAppend(m, held)
			return
		}
	}
	c.dropTail(prev, entries)
	if !c.store(entries) {
		return
	}
	end := max(prev+Index(len(entries)), c.commit)
	c.verified = max(c.verified, end)
	c.learnCommit(min(a.Commit, c.verified), a.Cut)
	c.holdForLog(Message{Kind: KindAppendReply, To: m.From, AppendReply: c.promising(AppendReply{
		Session: a.Session, Round: a.Round, Sent: a.Sent, Match: end})})
}

// agreesBelowCommit says whether what this term's leader sent agrees with what is
// committed here. If not, two leaders' majorities did not overlap.
func (c *Core) agreesBelowCommit(a *Append) bool {
	i, term := a.PrevIndex, a.PrevTerm
	for k := 0; i <= c.commit; k++ {
		if have, held := c.log.term(i); held && have != term {
			return false
		}
		if k == len(a.Entries) {
			return true
		}
		i, term = a.Entries[k].Index, a.Entries[k].Term
	}
	return true
}

// wellFormed says whether an honest leader could have sent this AppendEntries.
func wellFormed(m *Message) bool {
	prev, term := m.Append.PrevIndex, m.Append.PrevTerm
	for k := range m.Append.Entries {
		e := &m.Append.Entries[k]
		if e.Index != prev+1 || e.Term < term || e.Term > m.Term {
			return false
		}
		if e.Kind == EntryConfig && DecodeConfiguration(e.Data, &Configuration{}) != nil {
			return false
		}
		prev, term = e.Index, e.Term
	}
	return true
}

// store adds entries behind the one that was checked. Only a real conflict
// truncates: a late or repeated message must not shorten the log (§5.3).
func (c *Core) store(entries []Entry) bool {
	for k := range entries {
		e := &entries[k]
		if c.log.matches(e.Index, e.Term) {
			continue
		}
		if e.Index <= c.log.last() {
			if !c.must(e.Index > c.commit, "a leader overwrites a committed entry") {
				return false
			}
			c.truncate(e.Index)
		}
		return c.appendReceived(entries[k:])
	}
	return true
}

func (c *Core) appendReceived(entries []Entry) bool {
	for k := range entries {
		e := &entries[k]
		if !c.must(e.Term >= c.log.lastTerm() && e.Term <= c.hard.Term || c.lawless(), "a received entry's term does not fit behind the log") {
			return false
		}
		if err := c.noteConfig(e); !c.must(err == nil, "a configuration that was checked cannot be read") {
			return false
		}
		c.log.append(*e)
	}
	c.logChanged(entries[0].Index)
	return true
}

// truncate drops everything from first on, with the configurations there.
func (c *Core) truncate(first Index) {
	c.event(EventTruncated, 0, first, ReasonConflict)
	c.log.truncate(first)
	c.rollBackConfigs(first)
	c.logChanged(first)
}

// promising says in an answer whether it counts: a damaged disk's does not. The
// promise itself is added where answers are held; see addPromise.
func (c *Core) promising(r AppendReply) AppendReply {
	r.Uncounted = c.hard.Standing != Admitted
	return r
}

// refuseAppend tells the leader where to look: at the end of a log that is too
// short, or below the entries that cannot agree.
func (c *Core) refuseAppend(m *Message, held bool) {
	why := ReasonGap
	if held {
		why = ReasonConflict
	}
	hint, term := c.log.agreement(m.Append.PrevIndex, m.Append.PrevTerm)
	c.event(EventAppendRefused, m.From, m.Append.PrevIndex, why)
	c.holdForTerm(Message{Kind: KindAppendReply, To: m.From, AppendReply: c.promising(AppendReply{
		Session: m.Append.Session, Round: m.Append.Round, Sent: m.Append.Sent,
		Rejected: true, Reason: why, PrevIndex: m.Append.PrevIndex, HintIndex: hint, HintTerm: term})})
}

// learnCommit takes over what the leader says is committed, as far as this log
// is known to be the leader's.
func (c *Core) learnCommit(commit, cut Index) {
	if commit > c.commit {
		c.setCommit(commit)
	}
	if c.fetch.base != 0 && c.fetch.base <= c.commit {
		c.stopFetch()
	}
	c.toldCut = max(c.toldCut, cut)
	if c.role != Leader {
		c.trim()
	}
}

// onHeartbeat: the leader lives.
func (c *Core) onHeartbeat(m *Message) {
	if !c.hearLeader(m) || c.hard.Standing == Fresh {
		return
	}
	h := &m.Heartbeat
	if c.adoptTiming(h.ElectionMin) {
		c.resetTimer()
	}
	c.learnCommit(min(h.Commit, c.verified), h.Cut)
	// Waits for the term alone: a slow disk must not look like a dead server.
	c.holdForTerm(Message{Kind: KindHeartbeatRep, To: m.From, HeartbeatRep: HeartbeatReply{
		Session: h.Session, Round: h.Round, Sent: h.Sent, Received: c.verified,
		Uncounted: c.hard.Standing != Admitted}})
}

// onAppendReply moves a peer's progress (§5.3).
func (c *Core) onAppendReply(m *Message) {
	r := &m.AppendReply
	p := c.peer(m.From)
	if c.role != Leader || p == nil || p.session != r.Session {
		return // an answer to an earlier leadership or membership
	}
	counts := p.uncounted && !r.Uncounted // from now on
	p.uncounted = r.Uncounted
	c.noteAnswer(p, r.Round, r.Sent)
	c.notePromise(p, r.Sent, r.Promise)
	if r.Rejected {
		c.onRejected(p, r)
	} else {
		c.onMatched(p, r.Match)
	}
	if counts {
		c.advanceCommit()
	}
	c.answerReads()
}

func (c *Core) onRejected(p *peer, r *AppendReply) {
	switch {
	case r.Reason == ReasonSnapshot:
		if r.PrevIndex == p.snapshot.Index {
			p.snapshot = place{} // it is gone: offer the newest
			c.offer(p)
		}
		return
	case p.snapshot.Index != 0, r.PrevIndex <= p.match, p.probing && r.PrevIndex != p.next-1:
		return // an answer to a message that was overtaken
	}
	agree, _ := c.log.agreement(min(r.HintIndex, r.PrevIndex-1), r.HintTerm)
	if min(r.HintIndex, r.PrevIndex-1) < c.log.base {
		agree = c.log.base - 1 // nobody here can say any more where the logs agree
	}
	p.probeFrom(agree + 1)
	c.sendEntries(p)
}

func (c *Core) onMatched(p *peer, match Index) {
	id := p.id
	if match > c.log.last() {
		c.event(EventMessageIgnored, p.id, match, ReasonGap)
		return // no honest follower of this term says so
	}
	if p.snapshot.Index != 0 && match >= p.snapshot.Index {
		p.snapshot, p.behind = place{}, true
	}
	p.behind = p.behind && match < c.snap.Index
	if match >= p.match && p.probing && p.snapshot.Index == 0 {
		p.probing, p.paused = false, false
		p.next = match + 1
	}
	if match > p.match {
		p.match = match
		p.next = max(p.next, match+1)
		p.land(match)
		c.noteRound(p)
		c.advanceCommit()
		c.trim()
		c.mayHandOver()
	}
	if p = c.peer(id); p == nil { // a commit may have changed the configuration, and c.peers with it
		return
	}
	c.sendEntries(p)
	if min(c.commit, p.match) > p.commitSent {
		c.sendHeartbeat(p) // its clients wait for the commit that its late answer did not decide
	}
}

// onHeartbeatReply notices what was lost on the way.
func (c *Core) onHeartbeatReply(m *Message) {
	r := &m.HeartbeatRep
	p := c.peer(m.From)
	if c.role != Leader || p == nil || p.session != r.Session {
		return
	}
	counts := p.uncounted && !r.Uncounted // from now on
	p.uncounted = r.Uncounted
	c.noteAnswer(p, r.Round, r.Sent)
	c.notePromise(p, r.Sent, r.Promise)
	c.measure(p, m)
	switch {
	case p.snapshot.Index != 0:
	case p.probing:
		p.paused = false
	case r.Received < p.match:
		p.probeFrom(p.match + 1) // it restarted: show it again where the logs agree
	case len(p.inflight) > 0 && c.now-p.inflight[0].sent > Time(2*c.cfg.Heartbeat):
		// Sent long ago and not acknowledged: what was not received is sent again;
		// if all was, an empty probe asks for the acknowledgement, which was lost.
		p.probeFrom(min(r.Received, c.log.last()) + 1)
	}
	c.sendEntries(p)
	if counts {
		c.advanceCommit() // what it has acknowledged meanwhile
	}
	c.answerReads()
}
