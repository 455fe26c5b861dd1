package raft

import "slices"

// ballot is one voter's answer in the campaign under way.
type ballot struct {
	id      NodeID
	granted bool
	reason  Reason // of a refusal; it decides nothing
}

// resetTimer draws a new election timeout (§5.2).
func (c *Core) resetTimer() {
	if c.cfg.Draw != nil {
		c.drawn = c.cfg.Draw(c.electionMin(), c.electionMax())
	} else {
		c.drawn = c.rng.between(c.electionMin(), c.electionMax())
	}
	c.deadline = c.now + Time(c.drawn)
	c.postponed = false
}

// electionTimeout: a follower or candidate has waited long enough.
func (c *Core) electionTimeout() {
	if late := c.now - c.deadline; late > Time(c.cfg.Heartbeat)/2 && !c.postponed {
		// This process slept through its deadline, and perhaps the whole machine
		// did: what the leader said lies unread, or will be said in a moment.
		c.deadline, c.postponed = c.now+Time(c.cfg.Heartbeat), true
		return
	}
	why := ReasonTimeout
	switch {
	case c.fastPhase():
		why = ReasonConnClosed
	case c.role == Candidate:
		why = ReasonSplit
	}
	c.resetTimer()
	if !c.mayCampaign() {
		c.setLeader(0) // it fell silent
		return
	}
	if !c.keeps(rulePreVote) {
		c.campaignNow(why)
		return
	}
	c.preCampaign(why)
}

// mayCampaign: only a voter whose disk remembers what it promised.
func (c *Core) mayCampaign() bool {
	return c.hard.Standing == Admitted && c.hard.Term < termMax && !c.removed && c.mayBeNeeded()
}

// mayBeNeeded: this server is a voter in a configuration that may be in force
// somewhere: in the latest that it knows to be committed, or in a later one of
// its log. Its removal may stand in no other log: then the others need its vote
// to elect anybody, which it refuses to a shorter log; so it must stand itself,
// and finish what was begun (thesis §4.2.2). After a restart it knows of less that
// is committed than it did, so that the one in the middle counts as well.
func (c *Core) mayBeNeeded() bool {
	for k := len(c.configs) - 1; k >= 0; k-- {
		if c.configs[k].Config.votes(c.cfg.Self) {
			return true
		}
		if c.configs[k].Index <= c.commit {
			break
		}
	}
	return false
}

// preCampaign asks who would vote for this server in the next term, and changes
// nothing yet (thesis §9.6): a server that cannot win disturbs nobody.
func (c *Core) preCampaign(why Reason) {
	c.setLeader(0)
	c.role = PreCandidate
	c.campaignFor = why
	c.event(EventBecamePreCand, 0, 0, why)
	c.ask(true, false)
	c.countVotes()
}

// campaignNow begins an election (§5.2).
func (c *Core) campaignNow(why Reason) {
	c.setHard(HardState{Term: c.electionTerm(), Vote: c.cfg.Self, Standing: c.hard.Standing})
	c.setLeader(0)
	c.role = Candidate
	c.elections++
	c.campaignFor = why
	c.resetTimer()
	c.holdVote()
	if c.fastPhase() {
		// Those who saw the leader's process die compete within milliseconds; a
		// vote they split is decided as fast. Where messages take longer than
		// that, each attempt waits twice as long as the one before.
		c.deadline = c.now + Time(c.rng.between(2*FastSpread, 4*FastSpread))<<c.fastTries
		c.fastTries = min(c.fastTries+1, fastTriesMax)
	}
	c.event(EventBecameCandidate, 0, 0, why)
	c.ask(false, why == ReasonTransferAsked)
	c.countVotes()
}

// holdVote notes that the vote just given may make a leader: for as long as one
// that was heard counts as alive, or until those who compete fast try again.
func (c *Core) holdVote() {
	c.voteHolds = c.now + Time(c.cfg.ElectionMin)
	if c.fastPhase() {
		c.voteHolds = c.now + Time(2*FastSpread)
	}
}

// ask sends RequestVote to every other voter.
func (c *Core) ask(pre, byTransfer bool) {
	c.campaign++
	c.ballots = c.ballots[:0]
	for k := range c.config().Members {
		id := c.config().Members[k].ID
		if id == c.cfg.Self || !c.config().votes(id) {
			continue
		}
		c.send(Message{Kind: KindRequestVote, To: id, RequestVote: RequestVote{
			Campaign: c.campaign, LastIndex: c.log.last(), LastTerm: c.log.lastTerm(),
			Pre: pre, Transfer: byTransfer}})
	}
}

// meetCandidate decides whether a candidate's term concerns this server at all:
// while a leader is heard it does not (thesis §4.2.3), so that a server which
// was cut off cannot depose a leader that the others still hear.
func (c *Core) meetCandidate(m *Message) bool {
	if m.Term > c.hard.Term {
		if c.removedFor(m.From) {
			c.refuseVote(m, ReasonRemoved)
			return false
		}
		if c.keeps(ruleCheckQuorum) && !m.RequestVote.Transfer && c.leaderAlive() {
			c.refuseVote(m, ReasonLeaderAlive)
			return false
		}
		if !c.clings(m.Term) {
			c.becomeFollower(m.Term, 0, ReasonHigherTerm)
		}
	}
	return true
}

// removedFor: a committed configuration has removed that server. It cannot win
// under an older one, so it need not disturb anybody, and is told why. What a
// newcomer was told of the configuration does not count: it is in no log.
func (c *Core) removedFor(id NodeID) bool {
	at := c.committedConfig()
	return at.Index > 0 && slices.Contains(at.Config.Removed, id)
}

// leaderAlive says whether this server has reason to believe that a leader
// works: it was heard within the minimum election timeout, and its process has
// not closed its connections; or this server is that leader.
func (c *Core) leaderAlive() bool {
	if c.role == Leader {
		return !c.keeps(ruleCheckQuorum) || c.eager-c.answeredSince() < Time(c.cfg.ElectionMin)
	}
	return c.heardEver && !c.leaderGone && c.now-c.heardAt < Time(c.electionMin())
}

// onRequestVote answers a candidate (§5.2, §5.4.1) or pre-candidate.
func (c *Core) onRequestVote(m *Message) {
	if why := c.objection(m); why != ReasonNone {
		c.refuseVote(m, why)
		return
	}
	reply := Message{Kind: KindVoteReply, To: m.From, VoteReply: VoteReply{
		Campaign: m.RequestVote.Campaign, Pre: m.RequestVote.Pre, Granted: true}}
	if m.RequestVote.Pre {
		c.event(EventPreVoteGranted, m.From, 0, ReasonNone)
		c.send(reply) // promises nothing, changes nothing
		return
	}
	if c.role == PreCandidate {
		c.becomeFollower(c.hard.Term, 0, ReasonVoted) // or it would depose the one it votes for
	}
	c.setHard(HardState{Term: c.hard.Term, Vote: m.From, Standing: c.hard.Standing})
	c.resetTimer()
	c.holdVote()
	c.event(EventVoteGranted, m.From, 0, ReasonNone)
	c.holdForTerm(reply)
}

// objection says why this server would not vote as asked, or ReasonNone.
func (c *Core) objection(m *Message) Reason {
	q := &m.RequestVote
	term := m.Term // the term of the election
	if q.Pre {
		term++
	}
	switch {
	case c.removedFor(m.From):
		return ReasonRemoved
	case c.hard.Standing == Damaged:
		return ReasonDamaged
	case c.hard.Standing != Admitted:
		return ReasonFresh
	case term < c.hard.Term:
		return ReasonStaleTerm
	case q.Pre && term == c.hard.Term && c.hard.Vote != m.From && (c.hard.Vote != 0 || c.leader != 0):
		return ReasonVoted
	case q.Pre && c.hard.Vote != 0 && c.hard.Vote != m.From && c.now < c.voteHolds:
		return ReasonVoted // whom it voted for is about to lead, and would be deposed
	case q.Pre && c.leaderAlive():
		return ReasonLeaderAlive
	case !q.Pre && c.hard.Vote != 0 && c.hard.Vote != m.From && c.keeps(ruleOneVote):
		return ReasonVoted
	case !q.Pre && !q.Transfer && c.hard.Vote == 0 && c.keepsPromise():
		return ReasonLeaderAlive // it may have answered the leader of an earlier term a moment ago
	case !q.Pre && c.hard.Vote == 0 && c.leader != 0:
		return ReasonLeaderAlive // this term has its leader
	case !c.upToDate(q.LastIndex, q.LastTerm) && c.keeps(ruleElectionRestriction):
		return ReasonStaleLog
	}
	return ReasonNone
}

// upToDate compares a candidate's log with ours: the later last term wins, then
// the longer log (§5.4.1).
func (c *Core) upToDate(last Index, term Term) bool {
	own := c.log.lastTerm()
	return term > own || term == own && last >= c.log.last()
}

func (c *Core) refuseVote(m *Message, why Reason) {
	kind := EventVoteRefused
	if m.RequestVote.Pre {
		kind = EventPreVoteRefused
	}
	c.event(kind, m.From, 0, why)
	c.holdForTerm(Message{Kind: KindVoteReply, To: m.From, VoteReply: VoteReply{
		Campaign: m.RequestVote.Campaign, Pre: m.RequestVote.Pre, Reason: why}})
}

// onVoteReply counts an answer to the campaign under way.
func (c *Core) onVoteReply(m *Message) {
	r := &m.VoteReply
	if r.Campaign != c.campaign || r.Pre != (c.role == PreCandidate) ||
		c.role != PreCandidate && c.role != Candidate {
		return // an answer to a campaign that is over
	}
	if r.Granted && !r.Pre && m.Term != c.hard.Term {
		return // a vote counts in its own term only
	}
	if !c.config().votes(m.From) {
		return // no voter of ours: its word decides nothing
	}
	for k := range c.ballots {
		if c.ballots[k].id == m.From {
			return // said already
		}
	}
	c.ballots = append(c.ballots, ballot{m.From, r.Granted, r.Reason})
	kind := EventVoteReceived
	if r.Pre {
		kind = EventPreVoteReceived
	}
	c.event(kind, m.From, 0, r.Reason)
	if r.Reason == ReasonRemoved {
		c.noteRemoved(m.From)
		c.becomeFollower(c.hard.Term, 0, ReasonRemoved)
		return
	}
	if !r.Granted && r.Pre && c.fastPhase() {
		c.deadline = min(c.deadline, c.now+Time(FastRetry)) // the voter may not have seen the close yet
	}
	c.countVotes()
}

// fastPhase: the leader's process is known to have died a moment ago.
func (c *Core) fastPhase() bool {
	return c.leaderGone && c.now-c.goneAt < Time(c.cfg.ElectionMax)
}

// ownVoteIsDurable says whether a candidate may count the vote that it gave itself.
func (c *Core) ownVoteIsDurable() bool {
	return c.disk.hardSeq <= c.disk.durable && !c.disk.hardChanged
}

// countVotes decides the campaign under way, if it can be decided.
func (c *Core) countVotes() {
	ownIsDurable := c.ownVoteIsDurable()
	won, lost := c.config().decided(func(id NodeID) (yes, no bool) {
		if id == c.cfg.Self {
			return c.role == PreCandidate || ownIsDurable, false
		}
		for k := range c.ballots {
			if c.ballots[k].id == id {
				return c.ballots[k].granted, !c.ballots[k].granted
			}
		}
		return false, false
	})
	switch {
	case won && c.role == PreCandidate:
		c.campaignNow(c.campaignFor)
	case won && ownIsDurable:
		// Not before: a leader whose term is not on its own disk could lead the
		// same term twice, with two logs.
		c.becomeLeader()
	case lost:
		c.loseCampaign()
	}
}

// loseCampaign waits for another timeout, a short one after a fast start.
func (c *Core) loseCampaign() {
	if !c.keeps(ruleOwnTimeout) {
		return
	}
	c.becomeFollower(c.hard.Term, 0, ReasonRefused)
	c.resetTimer()
	c.voteHolds = 0 // its own vote will not make one
	if c.fastPhase() {
		c.deadline = c.now + Time(FastRetry+c.rng.between(0, FastRetry))<<c.fastTries
	}
}

// becomeFollower also serves to move to a later term in whatever role.
func (c *Core) becomeFollower(term Term, leader NodeID, why Reason) {
	was, moved := c.role, term > c.hard.Term
	if moved {
		c.setHard(HardState{Term: term, Standing: c.hard.Standing})
	}
	c.role = Follower
	if was != Follower || moved {
		c.event(EventBecameFollower, leader, 0, why)
	}
	c.setLeader(leader)
	if was == Leader {
		c.stopLeading(why) // tells waiting clients whom to ask now
	}
	if c.restartsTimer(was) {
		c.resetTimer()
	}
}

// setLeader notes who leads this term, as far as this server knows. Reads that
// were asked of another leader are asked again by the host.
func (c *Core) setLeader(id NodeID) {
	if id == c.leader {
		return
	}
	c.leader = id
	c.failForwardedReads(ReasonNoLeader)
	if id != 0 && id != c.cfg.Self {
		c.event(EventLeaderKnown, id, 0, ReasonNone)
		c.nextGreetAt = c.now
	}
}

// hearLeader notes a message of this term's leader: the election timer starts
// anew, and candidates give up (§5.2). False: no such leader can be.
func (c *Core) hearLeader(m *Message) bool {
	if c.sharesOffice(m) {
		return true
	}
	if c.leader != 0 && c.leader != m.From {
		c.event(EventMessageIgnored, m.From, 0, ReasonStaleTerm)
		return false // election safety says that it is forged, or meant for another
	}
	if c.leader != m.From {
		c.becomeFollower(c.hard.Term, m.From, ReasonLeaderHeard)
	}
	c.role = Follower
	c.heardFrom, c.heardBoot, c.heardAt, c.heardEver = m.From, m.Boot, c.now, true
	c.leaderGone, c.voteHolds = false, 0
	c.resetTimer()
	return true
}

// peerDown: all connections with one boot of a peer have closed. If it was the
// leader's process, the rest need not wait for their timeouts.
func (c *Core) peerDown(id NodeID, boot Boot) {
	if id == c.hard.Vote {
		c.voteHolds = 0 // it will not lead
	}
	if c.cfg.NoFastDetection || c.role == Leader || !c.heardEver || c.heardFrom != id || c.heardBoot != boot || c.leaderGone {
		return
	}
	c.leaderGone, c.goneAt, c.fastTries = true, c.now, 0
	c.event(EventLeaderGone, id, 0, ReasonConnClosed)
	if c.role != Candidate && (c.leader == id || c.leader == 0) {
		c.setLeader(0)
		c.deadline = min(c.deadline, c.now+Time(c.rng.between(0, FastSpread)))
	}
}
