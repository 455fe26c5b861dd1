package raft

// Who may take part. A vote and an acknowledgement are promises kept by a disk.
// A server whose disk came up empty has perhaps forgotten some, so it keeps
// silent until one of two things shows that there were none:
//
//   - a majority, itself included, is as empty as it is, and nobody says
//     otherwise: this is the first start of the cluster;
//   - a committed entry records its incarnation: the cluster knows that under
//     this name nobody else has promised anything.
//
// The configuration records the incarnation of every admitted data directory. A
// second one under the same name is refused: it would be the same voter, voting
// twice.
//
// A disk that lost entries it had confirmed (Damaged) remembers its term and its
// vote. It keeps from voting and from counting, until it holds again whatever its
// lost entries may have helped to commit: the log of a leader that has forgotten
// what this server confirmed before, up to where it ended then (the barrier).
// Every leader elected without this server's vote has what is committed, as a
// majority without this server does.

// announcement is what a member told of its own disk.
type announcement struct {
	id          NodeID
	incarnation Incarnation
	clientAddr  string
	level       Level
	asked       bool // it greeted us, so the address is known
	answered    bool // it answered our own greeting, so empty is known
	empty       bool
}

// mustGreet says whether this server has something to say about itself.
func (c *Core) mustGreet() bool {
	if c.hard.Standing != Admitted {
		return true
	}
	return c.role == Follower && !c.removed && (c.leader != 0 && !c.greeted || c.forgotten())
}

// forgotten: nobody leads this server, and it may not campaign. Perhaps it was
// removed, and nobody could tell it so.
func (c *Core) forgotten() bool { return c.leader == 0 && !c.mayCampaign() }

// greetWhenDue sends what this server has to say about itself.
func (c *Core) greetWhenDue() {
	if !c.mustGreet() || c.now < c.nextGreetAt {
		return
	}
	c.nextGreetAt = c.now + Time(c.cfg.Heartbeat)
	if c.hard.Standing == Admitted && c.forgotten() {
		c.nextGreetAt = c.now + Time(c.cfg.ElectionMax)
		c.greetAll()
		return
	}
	if c.hard.Standing == Admitted {
		if c.recorded() {
			c.greeted = true
			return
		}
		c.greet(c.leader)
		return
	}
	c.noticeAdmission()
	c.foundIfAllEmpty()
	if c.hard.Standing != Admitted {
		c.greetAll()
	}
}

// greetAll also greets a leader that this server's configuration does not know
// yet: it leads a newer one.
func (c *Core) greetAll() {
	for k := range c.config().Members {
		if id := c.config().Members[k].ID; id != c.cfg.Self {
			c.greet(id)
		}
	}
	if c.leader != 0 && !c.config().has(c.leader) {
		c.greet(c.leader)
	}
}

func (c *Core) greet(to NodeID) {
	c.send(Message{Kind: KindGreet, To: to, Greet: Greet{Incarnation: c.cfg.Incarnation,
		Standing: c.hard.Standing, Empty: c.empty(), ClientAddr: c.cfg.ClientAddr, Level: c.cfg.Level,
		ElectionMin: c.cfg.ElectionMin, ElectionMax: c.cfg.ElectionMax, Heartbeat: c.cfg.Heartbeat}})
}

// empty: nothing was ever stored here.
func (c *Core) empty() bool { return c.log.last() == 0 }

// recorded says whether the committed configuration knows this server as it is.
func (c *Core) recorded() bool {
	m, ok := c.committedConfig().Config.Member(c.cfg.Self)
	return !ok || m.Incarnation == c.cfg.Incarnation && m.ClientAddr == c.cfg.ClientAddr && m.Level == c.cfg.Level
}

// onGreet answers another server's account of itself.
func (c *Core) onGreet(m *Message) {
	g := &m.Greet
	if g.Incarnation == 0 {
		c.event(EventMessageIgnored, m.From, 0, ReasonFresh)
		return // every data directory has one; 0 would match an unrecorded member's
	}
	c.noteTiming(m)
	reply := GreetReply{For: g.Incarnation, Incarnation: c.cfg.Incarnation, Standing: c.hard.Standing, Empty: c.empty()}
	known, ok := c.committedConfig().Config.Member(m.From)
	seen := c.announcementOf(m.From)
	switch {
	case !ok:
		// Not in our configuration, but perhaps in a newer one: say what we know.
		reply.Removed = c.removedFor(m.From)
	case known.Incarnation == g.Incarnation:
		reply.Admitted = true
	case known.Incarnation != 0:
		reply.Recorded = known.Incarnation
	case seen != nil && seen.incarnation != 0 && seen.incarnation != g.Incarnation:
		reply.Recorded = seen.incarnation
	}
	if a := c.announcementFor(m.From); a != nil && reply.Recorded == 0 {
		a.incarnation, a.clientAddr, a.level, a.asked = g.Incarnation, g.ClientAddr, g.Level, true
	}
	if g.Standing == Damaged && reply.Admitted {
		reply.Admitted, reply.Barrier, reply.ForBoot = false, c.barrierFor(m.From, m.Boot), m.Boot
	}
	c.send(Message{Kind: KindGreetReply, To: m.From, GreetReply: reply})
	c.recordMembers()
}

// onGreetReply learns what another server remembers.
func (c *Core) onGreetReply(m *Message) {
	r := &m.GreetReply
	switch {
	case r.For != c.cfg.Incarnation:
		c.event(EventMessageIgnored, m.From, 0, ReasonOtherDisk)
		return // meant for a disk that is lost
	case r.Recorded != 0:
		c.event(EventRefusedDisk, m.From, 0, ReasonOtherDisk)
		return
	case r.Removed:
		c.noteRemoved(m.From)
		return
	}
	if r.Barrier != 0 && r.ForBoot == c.cfg.Boot && c.hard.Standing == Damaged && m.Term == c.hard.Term && m.From == c.leader {
		c.barrier = place{Index: r.Barrier, Term: m.Term}
	}
	if a := c.announcementFor(m.From); a != nil {
		if !a.asked {
			a.incarnation = r.Incarnation
		}
		a.answered, a.empty = true, r.Empty
	}
	if r.Admitted {
		c.admit(ReasonEntryCommitted)
	}
	c.foundIfAllEmpty()
}

func (c *Core) announcementOf(id NodeID) *announcement {
	for k := range c.announced {
		if c.announced[k].id == id {
			return &c.announced[k]
		}
	}
	return nil
}

// announcementFor is announcementOf, and makes room for a member that has told
// nothing yet; nil for strangers, so the list is bounded.
func (c *Core) announcementFor(id NodeID) *announcement {
	if a := c.announcementOf(id); a != nil {
		return a
	}
	if _, ok := c.config().Member(id); !ok {
		return nil
	}
	c.announced = append(c.announced, announcement{id: id})
	return &c.announced[len(c.announced)-1]
}

// foundIfAllEmpty: the first start of the cluster is when a majority is empty
// and nobody is known not to be.
func (c *Core) foundIfAllEmpty() {
	if c.hard.Standing != Fresh || !c.empty() || c.cfg.Joining {
		return
	}
	for k := range c.announced {
		if a := &c.announced[k]; a.answered && !a.empty {
			return // the cluster has begun: wait for its leader's word
		}
	}
	all, _ := c.config().decided(func(id NodeID) (yes, no bool) {
		a := c.announcementOf(id)
		return id == c.cfg.Self || a != nil && a.answered, false
	})
	if all {
		c.admit(ReasonAllEmpty)
	}
}

// noticeAdmission sees whether a committed entry has recorded this disk.
func (c *Core) noticeAdmission() {
	if m, ok := c.committedConfig().Config.Member(c.cfg.Self); ok && m.Incarnation == c.cfg.Incarnation {
		c.admit(ReasonEntryCommitted)
	}
}

func (c *Core) admit(why Reason) {
	if c.hard.Standing != Fresh {
		return
	}
	h := c.hard
	h.Standing = Admitted
	c.setHard(h)
	c.event(EventAdmitted, 0, 0, why)
}

// barrierFor forgets what a damaged server acknowledged before it was damaged,
// and gives the end of the log at that moment. 0: this server does not lead.
func (c *Core) barrierFor(id NodeID, boot Boot) Index {
	p := c.peer(id)
	if c.role != Leader || p == nil {
		return 0
	}
	if p.damagedBoot != boot {
		c.sessions++
		*p = peer{id: id, session: c.sessions, probing: true, next: c.log.last() + 1,
			uncounted: true, damagedBoot: boot, barrier: c.log.last(),
			answered: p.answered, contactAt: p.contactAt, ackedSent: p.ackedSent}
	}
	return p.barrier
}

// noticeRepair sees whether a damaged log is whole again.
func (c *Core) noticeRepair() {
	if c.hard.Standing != Damaged || c.barrier.Index == 0 || c.barrier.Term != c.hard.Term ||
		c.verified < c.barrier.Index || c.disk.persisted < c.barrier.Index {
		return
	}
	h := c.hard
	h.Standing = Admitted
	c.setHard(h)
	c.event(EventRepaired, c.leader, c.barrier.Index, ReasonEntryCommitted)
}

// recordMembers makes a leader propose a configuration that records what the
// members, itself included, told of their disks, addresses and programs. It
// waits until an entry of its own term and the previous configuration are
// committed.
func (c *Core) recordMembers() {
	if c.role != Leader || c.commit < c.firstOfTerm || c.transfer.to != 0 ||
		c.configs[len(c.configs)-1].Index > c.commit {
		return
	}
	now := c.config()
	next := now.Clone()
	changed := false
	note := func(id NodeID, incarnation Incarnation, addr string, level Level) {
		for k := range next.Members {
			m := &next.Members[k]
			if m.ID != id || m.Incarnation == incarnation && m.ClientAddr == addr && m.Level == level ||
				m.Incarnation != 0 && m.Incarnation != incarnation {
				continue
			}
			m.Incarnation, m.ClientAddr, m.Level = incarnation, addr, level
			changed = true
		}
	}
	note(c.cfg.Self, c.cfg.Incarnation, c.cfg.ClientAddr, c.cfg.Level)
	for k := range c.announced {
		if a := &c.announced[k]; a.asked {
			note(a.id, a.incarnation, a.clientAddr, a.level)
		}
	}
	if changed {
		c.appendConfig(&next)
	}
}
