package host

import "veche/raft"

// commit takes newly committed entries. They are parts of the log, which never
// changes them; only a group that lags behind copies them together.
func (g *Group) commit(es []raft.Entry) {
	if len(g.backlog) == 0 {
		g.backlog = es
		return
	}
	g.backlog = append(g.backlog, es...)
}

// restoreTo makes the state begin again at a snapshot. What was committed before
// it and is not handed out yet, the snapshot holds.
func (g *Group) restoreTo(base *raft.Base) {
	g.restore, g.restoring = base, true
	g.backlog = nil
	g.handed, g.config = base.Index, base.Config
	g.fresh = 0
}

// applied notes that a batch is done. After one that restored a snapshot, the
// commands of this member that the snapshot knows have ended: what they brought
// is not known. The others are sent again.
func (g *Group) applied(b *ApplyBatch, now raft.Time, out *Effects) {
	g.out--
	if b.row == nil { // it restored nothing, or could not
		return
	}
	g.restoring = g.restore != nil
	for s := g.window.low; s < g.window.next; s++ {
		switch r := g.window.at(s); {
		case r == nil:
		case b.row.boot == g.boot && b.row.knows(s):
			g.window.settle(s)
			end(r, ErrUnknown, out)
		case r.attempt > 0:
			g.putOff(r, now)
		}
	}
}

// held says whether something waits for the Applier to take it.
func (g *Group) held() bool { return g.out >= applyAhead && g.waits() }

// waits says whether there is something to hand out.
func (g *Group) waits() bool {
	return len(g.backlog) > 0 || g.restore != nil || g.reads.anyReady(g.handed)
}

// hand gives batches to the Applier, as many as may be out.
func (g *Group) hand(out *Effects) {
	for g.out < applyAhead && g.waits() {
		g.out++
		out.Apply = append(out.Apply, g.nextBatch())
	}
}

func (g *Group) nextBatch() *ApplyBatch {
	b := &ApplyBatch{Group: g.id}
	if g.restore != nil {
		b.Restore, g.restore = g.restore, nil
		b.self = g.self
		return b
	}
	n, bytes := 0, 0
	for n < len(g.backlog) && n < applyEntriesMax && (n == 0 || bytes < applyBytesMax) {
		e := &g.backlog[n]
		bytes += len(e.Data) + entryOverhead
		g.take(b, n, e)
		n++
	}
	if n > 0 {
		b.Entries = g.backlog[:n:n]
		if g.backlog = g.backlog[n:]; len(g.backlog) == 0 {
			g.backlog = nil // not to keep a log in memory that was cut
		}
		g.handed = b.Entries[n-1].Index
		g.fresh += bytes
	}
	b.reads = g.reads.takeReady(g.handed)
	if n > 0 && g.fresh >= g.cfg.SnapshotBytes && !g.capturing {
		g.capturing, g.fresh = true, 0
		b.capture = &raft.Base{Index: g.handed, Term: b.Entries[n-1].Term, Config: g.config}
	}
	return b
}

// SnapshotSoon makes the next batch of entries end with a capture, however few
// bytes were applied since the last one.
func (g *Group) SnapshotSoon() { g.fresh = g.cfg.SnapshotBytes }

// take finds the request that an entry ends. The first entry with a stamp of
// this boot is the one that is applied, so it takes the request along; when a
// copy of it comes, the window no longer knows the number.
func (g *Group) take(b *ApplyBatch, at int, e *raft.Entry) {
	switch {
	case e.Kind == raft.EntryConfig:
		var c raft.Configuration
		if raft.DecodeConfiguration(e.Data, &c) == nil { // the core has read it before
			g.config = c
		}
	case e.Kind == raft.EntryCommand && g.window.count > 0:
		s, _, err := splitStamp(e.Data)
		if err != nil || s.member != g.self || s.boot != g.boot {
			return
		}
		if r := g.window.settle(s.seq); r != nil {
			r.state = requestHanded
			g.retry = g.cfg.Raft.ElectionMax // the way to the leader works
			b.waiting = append(b.waiting, waiting{at: at, request: r})
		}
	}
}
