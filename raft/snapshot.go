package raft

// InstallSnapshot (§7). A member that lacks what the leader has cut from its log
// gets the leader's snapshot. The leader only offers it; the member's host
// fetches the file, at its own pace and from where it stopped, so a leader has
// no state of a transfer that could stick:
//
//	leader                             member
//	  InstallSnapshot (the offer)   →    Output.Fetch: its host pulls the file
//	  … again with every heartbeat  →
//	                                     InputInstalled: checked and durable
//	                                ←  AppendReply: Match is the snapshot's index
//	  AppendEntries behind it       →
//
// Whatever a snapshot holds is committed, so it may be installed in any later
// term, whoever leads then.

// fetch is a snapshot that this server's host has been asked to get.
type fetch struct {
	base  Index // 0: none
	last  Term  // of the entry at base
	offer Message
}

// offer tells p which snapshot to fetch, and goes on telling the same one until
// p has it or says that it is gone: a newer one each time would never arrive.
func (c *Core) offer(p *peer) {
	if p.snapshot.Index == 0 {
		p.snapshot = place{Index: c.snap.Index, Term: c.snap.Term}
		c.event(EventSnapshotOffered, p.id, p.snapshot.Index, ReasonNone)
	}
	p.probeFrom(p.snapshot.Index + 1)
	p.paused = true
	c.sendOffer(p)
}

func (c *Core) sendOffer(p *peer) {
	c.send(Message{Kind: KindInstallSnapshot, To: p.id, Install: InstallSnapshot{
		Session: p.session, Round: c.round, Sent: c.eager, Index: p.snapshot.Index, LastTerm: p.snapshot.Term}})
}

// onInstallSnapshot is InstallSnapshot at the receiver.
func (c *Core) onInstallSnapshot(m *Message) {
	q := &m.Install
	if q.Index == 0 || q.LastTerm == 0 || q.LastTerm > m.Term {
		c.event(EventMessageIgnored, m.From, q.Index, ReasonGap)
		return // no honest leader offers it
	}
	if !c.hearLeader(m) || c.hard.Standing == Fresh {
		return
	}
	f := fetch{base: q.Index, last: q.LastTerm, offer: *m}
	if c.holds(&f) {
		c.stopFetch()
		c.acknowledgeSnapshot(&f)
		return
	}
	c.fetch = f
	c.out.Fetch = &Fetch{From: m.From, Index: q.Index, Term: q.LastTerm}
}

// holds says whether this server has all that the snapshot has: then the log
// behind it is kept (§7, step 6 of Figure 13).
func (c *Core) holds(f *fetch) bool {
	return f.base <= c.commit || c.log.matches(f.base, f.last)
}

// acknowledgeSnapshot answers the offer once the log is durable that far.
func (c *Core) acknowledgeSnapshot(f *fetch) {
	c.verified = max(c.verified, f.base, c.commit) // what is committed, this term's leader holds too (§5.4.3)
	c.learnCommit(f.base, 0)
	if f.offer.Term != c.hard.Term || c.leader != f.offer.From {
		return // another leader's offer: this one asks for itself
	}
	q := &f.offer.Install
	c.holdForLog(Message{Kind: KindAppendReply, To: f.offer.From, AppendReply: c.promising(AppendReply{
		Session: q.Session, Round: q.Round, Sent: q.Sent, Match: c.commit})})
}

// stopFetch: the log has come by itself, or the snapshot is there.
func (c *Core) stopFetch() { c.fetch = fetch{} }

// installed takes the host's word that the snapshot is in its file; or, when b
// is nil, that the one at index is not to be had.
func (c *Core) installed(b *Base, index Index) {
	f := c.fetch
	if f.base == 0 || b == nil && index != f.base || b != nil && (b.Index != f.base || b.Term != f.last) {
		return // not asked for any more
	}
	c.stopFetch()
	switch {
	case b == nil:
		c.refuseSnapshot(&f)
		return
	case c.holds(&f):
	case b.Config.Check() != nil:
		c.event(EventMessageIgnored, f.offer.From, b.Index, ReasonBadChange)
		c.refuseSnapshot(&f)
		return
	default:
		if !c.must(c.role != Leader, "a leader lacks what is committed") {
			return
		}
		c.standOn(b, f.offer.From)
	}
	c.acknowledgeSnapshot(&f)
}

// refuseSnapshot asks the leader for another one.
func (c *Core) refuseSnapshot(f *fetch) {
	if f.offer.Term != c.hard.Term || c.leader != f.offer.From {
		return
	}
	q := &f.offer.Install
	c.holdForTerm(Message{Kind: KindAppendReply, To: f.offer.From, AppendReply: c.promising(AppendReply{
		Session: q.Session, Round: q.Round, Sent: q.Sent,
		Rejected: true, Reason: ReasonSnapshot, PrevIndex: f.base, HintIndex: c.log.last(), HintTerm: c.log.lastTerm()})})
}

// standOn throws the whole log away and begins behind the snapshot (§7, step 7
// of Figure 13). Snapshot and cut are one write: a crash leaves all of the old
// log, or all of the new.
func (c *Core) standOn(b *Base, from NodeID) {
	base := Base{Index: b.Index, Term: b.Term, Config: b.Config.Clone()}
	c.snap, c.cutB = base, base
	c.log = log{base: base.Index, baseTerm: base.Term}
	c.configs = []placedConfig{{Index: base.Index, Config: base.Config}}
	c.disk.snapshot, c.disk.cut, c.disk.from = &base, &base, 0
	c.disk.forgetEntries(c.commit)
	c.install = &base
	c.commit, c.handed, c.verified = base.Index, base.Index, base.Index
	c.event(EventSnapshotInstalled, from, base.Index, ReasonNone)
	c.endProposals()
	c.configCommitted()
	if c.role != Follower { // a candidate; its campaign went out with another log and configuration
		c.becomeFollower(c.hard.Term, 0, ReasonSnapshot)
	}
}

// forgetEntries: no write that is under way adds to the log any more. Up to
// commit, what the disk holds is what the snapshot holds.
func (d *disk) forgetEntries(commit Index) {
	for k := range d.writes {
		d.writes[k].last = 0
	}
	d.persisted = min(d.persisted, commit)
}

// snapshotted takes the host's word that the state machine's snapshot at i is
// in its file, and records it, so that a restart begins there.
func (c *Core) snapshotted(i Index) {
	if i <= c.snap.Index {
		return // an older one, finished late
	}
	t, ok := c.log.term(i)
	if !c.must(ok && i <= c.handed, "a snapshot lies beyond what was handed out to be applied") || c.lawless() && i > c.commit {
		return
	}
	b := Base{Index: i, Term: t, Config: c.configAt(i).Config}
	c.snap = b
	c.disk.snapshot = &b
	c.event(EventSnapshotRecorded, 0, i, ReasonNone)
	c.trim()
}

// trim forgets the log as far as the newest snapshot allows: what every member
// holds, and of the rest whatever is more than TrailBytes. Who lacks that gets
// the snapshot. While some member fetches one, and until it has caught up behind
// it, the log that it will need is kept, so that it need not begin again; but not
// beyond half of what the log may hold.
func (c *Core) trim() {
	i := min(c.heldByAll(), c.snap.Index)
	if c.log.bytes > c.cfg.TrailBytes {
		i = max(i, min(c.log.after(c.cfg.TrailBytes), c.snap.Index, c.awaited()))
	}
	if i <= c.log.base {
		return
	}
	t, _ := c.log.term(i)
	b := Base{Index: i, Term: t, Config: c.configAt(i).Config}
	c.cutB = b
	c.logFull = false
	c.disk.cut = &b
	c.log.cut(i)
	c.forgetConfigs(i)
	c.event(EventCut, 0, i, ReasonNone)
}

// awaited is where the log begins that members need behind their snapshots.
func (c *Core) awaited() Index {
	oldest := c.snap.Index
	if c.log.bytes > c.cfg.MaxLogBytes/2 {
		return oldest
	}
	for k := range c.peers {
		p := &c.peers[k]
		switch {
		case c.now-p.contactAt > Time(awaitMax):
		case p.snapshot.Index != 0:
			oldest = min(oldest, p.snapshot.Index)
		case p.behind:
			oldest = min(oldest, p.match)
		}
	}
	return oldest
}

// heldByAll is how far every member is known to hold the log durably: what the
// leader sees, or told last.
func (c *Core) heldByAll() Index {
	if c.role != Leader {
		return min(c.toldCut, c.commit)
	}
	all := c.disk.persisted
	for k := range c.peers {
		if _, member := c.config().Member(c.peers[k].id); member {
			all = min(all, c.peers[k].match)
		}
	}
	return all
}
