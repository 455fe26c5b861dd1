package raft

// What must wait for the disk waits in here (thesis §3.8). A Step that changed
// the hard state or the log ends in one Write; messages that promise something
// are held until the writes they rest upon are confirmed.

// disk is what the core knows of its own disk.
type disk struct {
	issued    Seq // the latest write handed out
	hardSeq   Seq // the latest write that carried the hard state
	durable   Seq // everything up to here is confirmed
	persisted Index
	writes    []pendingWrite // handed out, not confirmed
	held      []heldMessage

	// Collected during a Step.
	hardChanged bool
	from        Index // entries from here on changed; 0 none
	snapshot    *Base
	cut         *Base
}

// pendingWrite remembers which entries a write makes durable.
type pendingWrite struct {
	seq  Seq
	last Index // 0: no entries
	at   Time  // when it was handed out
}

// heldMessage waits for gate to be durable. Until the Step ends its gate is not
// known yet, only what it rests upon.
type heldMessage struct {
	gate    Seq // 0: this Step's
	restLog bool
	m       Message
}

// setHard changes the hard state, to be written with this Step.
func (c *Core) setHard(h HardState) {
	if h.Term != c.hard.Term {
		c.dropHeld()
		// What one leader vouched for, the next one need not hold; what is
		// committed, every later leader holds (§5.4.3).
		c.verified = c.commit
	}
	if h != c.hard {
		c.hard = h
		c.disk.hardChanged = true
	}
}

// logChanged notes that entries from first on are new, to be written with this Step.
func (c *Core) logChanged(first Index) {
	d := &c.disk
	if d.from == 0 || first < d.from {
		d.from = first
	}
	if d.persisted >= first { // what was there is overwritten
		d.persisted = first - 1
	}
	for k := range d.writes {
		d.writes[k].last = min(d.writes[k].last, first-1)
	}
}

// holdForTerm sends m once the hard state as it is now is durable: a vote, or
// an answer that tells our term (Figure 2: "updated on stable storage before
// responding").
func (c *Core) holdForTerm(m Message) { c.hold(m, false) }

// holdForLog sends m once the log as it is now is durable as well: an
// acknowledgement of entries.
func (c *Core) holdForLog(m Message) { c.hold(m, true) }

func (c *Core) hold(m Message, restLog bool) {
	m.Group, m.From, m.Boot, m.Term = c.cfg.Group, c.cfg.Self, c.cfg.Boot, c.hard.Term
	c.addPromise(&m)
	c.disk.held = append(c.disk.held, heldMessage{restLog: restLog, m: m})
}

// dropHeld forgets answers of a term that is over: nobody counts them, and
// dropping a message is always safe.
func (c *Core) dropHeld() {
	clear(c.disk.held)
	c.disk.held = c.disk.held[:0]
}

// issueWrite hands out what this Step changed as one atomic unit.
func (c *Core) issueWrite() {
	d := &c.disk
	if !d.hardChanged && d.from == 0 && d.snapshot == nil && d.cut == nil {
		return
	}
	d.issued++
	w := &c.out.Write
	w.Seq, w.Snapshot, w.Cut = d.issued, d.snapshot, d.cut
	if d.hardChanged {
		w.HardChanged, w.Hard = true, c.hard
		d.hardSeq = d.issued
	}
	p := pendingWrite{seq: d.issued, at: c.now}
	if d.from != 0 {
		w.Entries = c.log.slice(d.from, c.log.last())
		p.last = c.log.last()
	} else if d.snapshot != nil && d.snapshot.Index == c.log.last() {
		p.last = c.log.last() // the whole log is replaced; see standOn
	}
	d.writes = append(d.writes, p)
	d.hardChanged, d.from, d.snapshot, d.cut = false, 0, nil, nil
}

// releaseHeld sends what no longer has to wait.
func (c *Core) releaseHeld() {
	d := &c.disk
	keep := d.held[:0]
	for k := range d.held {
		h := &d.held[k]
		isNew := h.gate == 0
		if isNew {
			h.gate = d.hardSeq
			if h.restLog {
				h.gate = d.issued
			}
		}
		switch {
		case h.gate <= d.durable || h.m.Kind == KindVoteReply && !c.keeps(ruleVoteOnDisk):
			c.out.Send = append(c.out.Send, h.m)
		case !isNew || !replaceHeld(keep, h):
			keep = append(keep, *h)
		}
	}
	clear(d.held[len(keep):])
	d.held = keep
}

// replaceHeld puts h in the place of an answer of its kind to the same server
// that waits for the same write, if there is one: the newer says all that the
// older does. So a stalled disk holds few answers per server and write, however
// long it stalls.
func replaceHeld(held []heldMessage, h *heldMessage) bool {
	for k := range held {
		o := &held[k]
		if o.gate != h.gate || o.m.Kind != h.m.Kind || o.m.To != h.m.To || o.m.AppendReply.Rejected != h.m.AppendReply.Rejected {
			continue
		}
		// A repeated old AppendEntries must not take back what a newer one showed.
		h.m.AppendReply.Match = max(h.m.AppendReply.Match, o.m.AppendReply.Match)
		*o = *h
		return true
	}
	return false
}

// onPersisted takes the disk's word that everything up to seq is durable.
func (c *Core) onPersisted(seq Seq) {
	d := &c.disk
	if !c.must(seq <= d.issued, "the disk confirmed a write that was never handed out") || seq <= d.durable {
		return
	}
	d.durable = seq
	done := 0
	for done < len(d.writes) && d.writes[done].seq <= seq {
		d.persisted = max(d.persisted, d.writes[done].last)
		done++
	}
	d.writes = append(d.writes[:0], d.writes[done:]...)
	switch c.role {
	case Candidate:
		c.countVotes() // its own vote counts from now on
	case Leader:
		c.advanceCommit() // its own entries count from now on
	}
}
