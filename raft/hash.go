package raft

// digest mixes words into 64 bits; not for adversaries.
type digest uint64

func (d *digest) word(v uint64) {
	h := (uint64(*d) ^ v) * 0x9e3779b97f4a7c15
	*d = digest(h ^ h>>29)
}

func (d *digest) flag(b bool) {
	if b {
		d.word(1)
	} else {
		d.word(2)
	}
}

func (d *digest) text(s string) {
	d.word(uint64(len(s)))
	for len(s) >= 8 {
		d.word(uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56)
		s = s[8:]
	}
	for k := 0; k < len(s); k++ {
		d.word(uint64(s[k]))
	}
}

func (d *digest) entry(e *Entry) {
	d.word(uint64(e.Index))
	d.word(uint64(e.Term))
	d.word(uint64(e.Kind))
	d.text(string(e.Data))
}

func (d *digest) config(c *Configuration) { d.text(string(AppendConfiguration(nil, c))) }

// Hash gives a digest of all state that influences what the core will do. Equal
// cores have equal hashes; times count relative to the latest Step, each on its
// own clock, so that two runs that differ only in when they began are equal too.
func (c *Core) Hash() uint64 {
	d := digest(0xcbf29ce484222325)
	at := func(t Time) { d.word(uint64(t - c.now)) }
	d.word(c.rng.state)
	d.flag(c.begun)
	d.text(c.fault)
	d.word(uint64(c.hard.Term))
	d.word(uint64(c.hard.Vote))
	d.word(uint64(c.hard.Standing))
	d.word(uint64(c.log.base))
	d.word(uint64(c.log.baseTerm))
	for k := range c.log.entries {
		d.entry(&c.log.entries[k])
	}
	d.word(uint64(c.snap.Index))
	c.hashDisk(&d)
	d.word(c.sessions)
	d.word(c.round)
	d.word(uint64(c.campaignFor))
	d.word(uint64(c.role))
	d.word(uint64(c.commit))
	d.word(uint64(c.handed))
	d.word(uint64(c.verified))
	for k := range c.configs {
		d.word(uint64(c.configs[k].Index))
		d.config(&c.configs[k].Config)
	}
	d.word(uint64(c.leader))
	d.word(uint64(c.heardFrom))
	d.word(uint64(c.heardBoot))
	d.flag(c.heardEver)
	d.flag(c.leaderGone)
	d.flag(c.greeted)
	at(c.heardAt)
	at(c.goneAt)
	d.word(uint64(c.fastTries))
	at(c.voteHolds)
	at(c.deadline)
	d.flag(c.postponed)
	at(c.nextGreetAt)
	for _, f := range c.forwarded {
		d.word(f.tag)
		d.word(f.id)
		at(f.deadline)
	}
	d.word(c.campaign)
	if c.role == PreCandidate || c.role == Candidate {
		for _, b := range c.ballots {
			d.word(uint64(b.id))
			d.flag(b.granted)
		}
	}
	d.word(uint64(c.toldCut))
	d.word(uint64(c.barrier.Index))
	d.word(uint64(c.barrier.Term))
	d.flag(c.change.waits)
	d.word(c.change.tag)
	d.word(uint64(c.change.index))
	d.flag(c.removed)
	d.word(uint64(c.fetch.base))
	d.word(uint64(c.fetch.last))
	d.word(c.fetch.offer.Install.Session)
	d.flag(c.install != nil)
	c.hashLeader(&d)
	c.hashTiming(&d)
	for _, p := range c.pending {
		d.word(uint64(p.index))
		d.word(uint64(p.term))
		d.word(p.tag)
	}
	for _, a := range c.announced {
		d.word(uint64(a.id))
		d.word(uint64(a.incarnation))
		d.word(uint64(a.level))
		d.text(a.clientAddr)
		d.flag(a.asked)
		d.flag(a.answered)
		d.flag(a.empty)
	}
	return uint64(d)
}

func (c *Core) hashDisk(d *digest) {
	d.word(uint64(c.disk.issued))
	d.word(uint64(c.disk.hardSeq))
	d.word(uint64(c.disk.durable))
	d.word(uint64(c.disk.persisted))
	for _, w := range c.disk.writes {
		d.word(uint64(w.seq))
		d.word(uint64(w.last))
		d.word(uint64(w.at - c.now))
	}
	for k := range c.disk.held {
		h := &c.disk.held[k]
		d.word(uint64(h.gate))
		d.text(string(AppendMessage(nil, &h.m)))
	}
}

func (c *Core) hashLeader(d *digest) {
	if c.role != Leader {
		return
	}
	at := func(t Time) { d.word(uint64(t - c.now)) }
	d.word(uint64(c.firstOfTerm))
	d.word(uint64(c.uncommitted))
	d.flag(c.logFull)
	believed := func(t Time) { d.word(uint64(t - c.eager)) }
	believed(c.ledSince)
	believed(c.graceAt)
	believed(c.graceFor)
	at(c.ledFrom)
	at(c.heartbeatAt)
	at(c.tendAt)
	d.word(uint64(c.transfer.to))
	d.flag(c.transfer.sent)
	d.flag(c.handedOver)
	at(c.transfer.deadline)
	for k := range c.peers {
		p := &c.peers[k]
		d.word(uint64(p.id))
		d.word(p.session)
		d.word(uint64(p.match))
		d.word(uint64(p.next))
		d.flag(p.probing)
		d.flag(p.paused)
		for _, f := range p.inflight {
			d.word(uint64(f.last))
			d.word(uint64(f.bytes))
			at(f.sent)
		}
		d.word(uint64(p.commitSent))
		d.word(p.ackedRound)
		d.flag(p.answered)
		d.flag(p.lost)
		believed(p.ackedSent)
		d.word(uint64(p.snapshot.Index))
		d.flag(p.behind)
		at(p.leaveBy)
		d.flag(p.uncounted)
		d.word(uint64(p.damagedBoot))
		d.word(uint64(p.barrier))
		d.word(uint64(p.goal))
		at(p.goalAt)
		d.flag(p.caughtUp)
		believed(p.promised)
		p.link.hash(d)
		d.flag(p.keepsUp)
		at(p.keptUpAt)
		at(p.contactAt)
	}
	for _, r := range c.reads {
		d.word(uint64(r.from))
		d.word(r.id)
		d.word(uint64(r.index))
		d.word(r.round)
	}
}

func (c *Core) hashTiming(d *digest) {
	at := func(t Time) { d.word(uint64(t - c.now)) }
	y := &c.yield
	d.flag(y.stalled)
	at(y.stallAt)
	at(y.preferAt)
	d.word(uint64(y.preferWait))
	d.word(uint64(y.settled))
	d.word(uint64(c.tuned.least))
	d.word(uint64(c.tuned.beat))
	d.word(uint64(c.tuned.peak))
	at(c.tuned.peakAt)
	for _, t := range c.timings {
		d.word(uint64(t.id))
		d.word(uint64(t.least))
		d.word(uint64(t.most))
		d.word(uint64(t.beat))
	}
}

func (l *link) hash(d *digest) {
	d.word(uint64(l.trip))
	d.word(uint64(l.dev))
	d.word(uint64(l.loss))
	d.word(l.round)
	d.word(uint64(l.samples))
	d.word(uint64(l.boot))
	d.flag(l.told)
}
