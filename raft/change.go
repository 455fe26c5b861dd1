package raft

import (
	"errors"
	"slices"
)

// Changing the configuration (§6). A change goes from one configuration to any
// other. If at most one voter differs, every majority of the one meets every
// majority of the other, and one entry does it (thesis §4.1). Otherwise the
// change goes through a joint configuration, in which both majorities decide:
//
//	C_old  →  C_old,new: Voters new, Outgoing old  →  C_new
//
// Whoever leads once the joint entry is committed appends C_new by itself, also
// if it is not the leader that began. One change at a time, and none before the
// leader has committed an entry of its own term: Ongaro's correction of 2015.

// changeWait is a change that this leader was asked for and that has no outcome.
type changeWait struct {
	waits bool
	tag   uint64
	index Index // of the latest entry it needs
}

// With gives the configuration after all the changes, without a joint phase. The
// error says which change does not fit, and why.
func (c *Configuration) With(changes []Change) (Configuration, error) {
	next := c.Clone()
	for k := range changes {
		if err := next.change(&changes[k]); err != nil {
			return Configuration{}, err
		}
	}
	return next, next.Check()
}

func (c *Configuration) change(x *Change) error {
	id := x.Member.ID
	at, found := slices.BinarySearchFunc(c.Members, id, func(m Member, id NodeID) int {
		switch {
		case m.ID < id:
			return -1
		case m.ID > id:
			return 1
		}
		return 0
	})
	switch {
	case x.Kind == ChangeAddLearner || x.Kind == ChangeAddVoter:
		return c.add(x, at, found)
	case !found:
		return errors.New("change: there is no member " + id.String())
	}
	switch x.Kind {
	case ChangePromote:
		if !contains(c.Learners, id) {
			return errors.New("change: " + id.String() + " is no learner, so it cannot be promoted")
		}
		c.Learners, c.Voters = without(c.Learners, id), with(c.Voters, id)
	case ChangeDemote:
		if !contains(c.Voters, id) {
			return errors.New("change: " + id.String() + " is no voter, so it cannot be demoted")
		}
		c.Voters, c.Learners = without(c.Voters, id), with(c.Learners, id)
	case ChangeRemove:
		c.Voters, c.Learners = without(c.Voters, id), without(c.Learners, id)
		c.drop(at)
	case ChangeUpdate:
		c.update(at, &x.Member)
	default:
		return errors.New("change: its kind is unknown")
	}
	return nil
}

func (c *Configuration) add(x *Change, at int, found bool) error {
	id := x.Member.ID
	switch {
	case found:
		return errors.New("change: " + id.String() + " is a member already")
	case slices.Contains(c.Removed, id):
		return errors.New("change: " + id.String() + " was removed; an id is never used again, so choose another")
	}
	m := x.Member
	m.Incarnation, m.Level = 0, 0 // its disk and its program tell
	c.Members = slices.Insert(c.Members, at, m)
	if x.Kind == ChangeAddVoter {
		c.Voters = with(c.Voters, id)
	} else {
		c.Learners = with(c.Learners, id)
	}
	return nil
}

func (c *Configuration) update(at int, to *Member) {
	m := &c.Members[at]
	for _, p := range []struct{ have, want *string }{
		{&m.Name, &to.Name}, {&m.PeerAddr, &to.PeerAddr}, {&m.ClientAddr, &to.ClientAddr},
	} {
		if *p.want != "" {
			*p.have = *p.want
		}
	}
	m.Priority = to.Priority
}

// drop forgets a member, and remembers that it was one.
func (c *Configuration) drop(at int) {
	c.Removed = append(c.Removed, c.Members[at].ID)
	if over := len(c.Removed) - removedMax; over > 0 {
		c.Removed = slices.Clone(c.Removed[over:])
	}
	c.Members = slices.Delete(c.Members, at, at+1)
}

// joint gives C_old,new. Those who leave stay members until C_new.
func (c *Configuration) joint(next *Configuration) Configuration {
	j := next.Clone()
	j.Outgoing, j.AutoLeave = slices.Clone(c.Voters), true
	j.Removed = slices.Clone(c.Removed)
	for k := range c.Members {
		m := c.Members[k]
		if _, stays := j.Member(m.ID); !stays {
			at := 0
			for at < len(j.Members) && j.Members[at].ID < m.ID {
				at++
			}
			j.Members = slices.Insert(j.Members, at, m)
		}
	}
	return j
}

// left gives C_new of C_old,new.
func (c *Configuration) left() Configuration {
	next := c.Clone()
	next.Outgoing, next.AutoLeave = nil, false
	for k := len(next.Members) - 1; k >= 0; k-- {
		if id := next.Members[k].ID; !contains(next.Voters, id) && !contains(next.Learners, id) {
			next.drop(k)
		}
	}
	return next
}

// differing counts the ids that are in one of the two lists only.
func differing(a, b []NodeID) int { return len(a) + len(b) - 2*shared(a, b) }

func with(ids []NodeID, id NodeID) []NodeID {
	at, found := slices.BinarySearch(ids, id)
	if found {
		return ids
	}
	return slices.Insert(slices.Clone(ids), at, id)
}

func without(ids []NodeID, id NodeID) []NodeID {
	return slices.DeleteFunc(slices.Clone(ids), func(o NodeID) bool { return o == id })
}

// Level is the lowest feature level among the members. A voter that has not told
// its own counts as the lowest; a learner that has not will tell before it takes
// part.
func (c *Configuration) Level() Level {
	lowest := LevelNow
	for k := range c.Members {
		switch m := &c.Members[k]; {
		case m.Level != 0:
			lowest = min(lowest, m.Level)
		case c.votes(m.ID):
			return LevelSingle
		}
	}
	return lowest
}

// changeConfig begins a change that somebody asked for.
func (c *Core) changeConfig(tag uint64, changes []Change) {
	next, why := c.nextConfig(changes)
	if why != ReasonNone {
		c.reject(tag, why)
		return
	}
	if differing(c.config().Voters, next.Voters) > 1 {
		next = c.config().joint(&next)
	}
	c.appendConfig(&next)
	c.change = changeWait{waits: true, tag: tag, index: c.log.last()}
	c.advanceCommit() // a single voter needs no answer
}

// nextConfig gives what the changes lead to, or why they may not be begun.
func (c *Core) nextConfig(changes []Change) (Configuration, Reason) {
	switch {
	case c.role != Leader && c.leader == 0:
		return Configuration{}, ReasonNoLeader
	case c.role != Leader:
		return Configuration{}, ReasonNotLeader
	case c.transfer.to != 0:
		return Configuration{}, ReasonTransferring
	case c.commit < c.firstOfTerm:
		return Configuration{}, ReasonNotReady
	case c.configs[len(c.configs)-1].Index > c.commit || len(c.config().Outgoing) > 0:
		return Configuration{}, ReasonChangePending
	}
	next, err := c.config().With(changes)
	switch {
	case err != nil || len(changes) == 0:
		return Configuration{}, ReasonBadChange
	case differing(c.config().Voters, next.Voters) > 1 && c.config().Level() < LevelJoint:
		return Configuration{}, ReasonLevel
	}
	if !c.admittedSuffice(&next) {
		return Configuration{}, ReasonNewcomer
	}
	return next, c.prudent(&next, changes)
}

// admittedSuffice: the servers that have acknowledged something in this term are
// a majority of the next voters. If newcomers were needed for one that know of no
// entry yet by which they may vote, nobody could be elected to record or tell
// them, should this leader die first: a newcomer is a learner before.
func (c *Core) admittedSuffice(next *Configuration) bool {
	suffice, _ := next.decided(func(id NodeID) (yes, no bool) {
		p := c.peer(id)
		return id == c.cfg.Self || p != nil && p.answered && !p.uncounted, false
	})
	return suffice || differing(c.config().Voters, next.Voters) == 0
}

// prudent says why a change that is safe would still do harm, unless forced.
func (c *Core) prudent(next *Configuration, changes []Change) Reason {
	for k := range changes {
		x := &changes[k]
		if x.Force {
			return ReasonNone
		}
		if p := c.peer(x.Member.ID); x.Kind == ChangePromote && (p == nil || !c.inStep(p)) {
			return ReasonNotCaughtUp
		}
	}
	if differing(c.config().Voters, next.Voters) == 0 {
		return ReasonNone
	}
	if enough, _ := next.decided(func(id NodeID) (yes, no bool) {
		p := c.peer(id)
		return id == c.cfg.Self || p != nil && c.answers(p), false
	}); !enough {
		return ReasonTooFewHealthy
	}
	return ReasonNone
}

// answers says whether p was heard a moment ago, and counts.
func (c *Core) answers(p *peer) bool {
	return p.answered && !p.uncounted && c.now-p.contactAt <= Time(c.cfg.ElectionMax)
}

// setGoal begins a round of replication to a learner (thesis §4.2.1).
func (c *Core) setGoal(p *peer) {
	if p.match >= p.goal && c.log.last() > p.goal {
		p.goal, p.goalAt = c.log.last(), c.now
	}
}

// noteRound ends it: a learner has caught up when one took less than an election
// timeout, so that its promotion makes nobody wait longer than that; or when it
// holds the whole log, which nothing may be added to for long.
func (c *Core) noteRound(p *peer) {
	if p.match < p.goal {
		return
	}
	quick := c.now-p.goalAt <= Time(c.cfg.ElectionMin) || p.match == c.log.last()
	if quick && !p.caughtUp && contains(c.config().Learners, p.id) {
		c.event(EventCaughtUp, p.id, p.match, ReasonNone)
	}
	p.caughtUp = quick
}

// inStep says whether a learner may be promoted without harm.
func (c *Core) inStep(p *peer) bool {
	return p.caughtUp && c.answers(p) && (p.match >= p.goal || c.now-p.goalAt <= Time(c.cfg.ElectionMin))
}

// tendMembership does what a leader does of itself once the configuration in
// force is committed: it leaves a joint one, steps down if it is no voter any
// more, forgets who has left, and records what members told of themselves.
func (c *Core) tendMembership() {
	if c.role != Leader || c.commit < c.firstOfTerm {
		return
	}
	if last := &c.configs[len(c.configs)-1]; last.Index <= c.commit {
		switch {
		case last.Config.AutoLeave:
			next := last.Config.left()
			c.appendConfig(&next)
			c.change.index = c.log.last()
			c.advanceCommit()
			return
		case !last.Config.votes(c.cfg.Self):
			c.endChange()
			c.retire()
			return
		}
		c.endChange()
		if c.leaving {
			c.syncPeers()
		}
	}
	c.recordMembers()
}

// endChange tells who asked for the change that it is done.
func (c *Core) endChange() {
	if c.change.waits && c.change.index <= c.commit {
		c.outcome(Outcome{Kind: Committed, Tag: c.change.tag, Index: c.change.index, Leader: c.leader})
		c.change = changeWait{}
	}
}

// loseChange is endChange for a leader that steps down: its successor may finish
// the change, or overwrite it.
func (c *Core) loseChange(why Reason) {
	if c.change.waits {
		c.outcome(Outcome{Kind: Unknown, Tag: c.change.tag, Index: c.change.index, Reason: why, Leader: c.leader})
		c.change = changeWait{}
	}
}

// retire ends the term of a leader that the configuration, now committed, does
// not count (§6). It has managed the cluster up to here without counting itself;
// the best of the others need not wait for a timeout.
func (c *Core) retire() {
	if to := c.bestSuccessor(); to != 0 {
		c.event(EventTransferSent, to, 0, ReasonRemoved)
		c.send(Message{Kind: KindTimeoutNow, To: to})
	}
	c.becomeFollower(c.hard.Term, 0, ReasonRemoved)
}
