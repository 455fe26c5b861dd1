package wal

import "veche/raft"

// group is what the log remembers of one group while it runs: enough to write
// it at the head of a segment, and to refuse what could not be recovered.
type group struct {
	id       raft.GroupID
	hard     raft.HardState
	snapshot raft.Base
	cut      raft.Base
	last     raft.Index   // of the log; not below cut.Index
	runs     []run        // the terms of the entries after cut, as far as known
	entries  []raft.Entry // while the log is being recovered
	here     raft.Index   // highest index in the segment that is being written
	changed  bool         // hard changed in that segment: its frames repeat it
}

// run is a stretch of entries of one term. It reaches to the next run.
type run struct {
	first raft.Index
	term  raft.Term
}

// term of the entry at i, if it is known.
func (g *group) term(i raft.Index) (raft.Term, bool) {
	if i > g.last {
		return 0, false
	}
	for k := len(g.runs) - 1; k >= 0; k-- {
		if g.runs[k].first <= i {
			return g.runs[k].term, true
		}
	}
	return 0, false
}

// check says in a few words why w cannot follow what the group has, or "". A
// nil group is a new one.
func (g *group) check(w *raft.Write) string {
	var empty group
	if g == nil {
		g = &empty
	}
	if es := w.Entries; len(es) > 0 {
		first := es[0].Index
		switch {
		case first == 0:
			return "an entry has index 0"
		case first <= g.cut.Index:
			return "an entry stands at or before the cut"
		case first > g.last+1 && (w.Cut == nil || w.Cut.Index+1 < first):
			return "there is a gap before the first entry"
		}
		if before, ok := g.term(first - 1); ok && before > es[0].Term {
			return "the first entry is of a smaller term than the one before it"
		}
		for i := range es {
			if k := es[i].Kind; k < raft.EntryCommand || k > raft.EntryConfig {
				return "the kind of an entry is not one that is known"
			}
			if i == 0 {
				continue
			}
			if es[i].Index != es[i-1].Index+1 {
				return "the entries are not in a row"
			}
			if es[i].Term < es[i-1].Term {
				return "an entry is of a smaller term than the one before it"
			}
		}
	}
	if w.Hard.Standing > raft.Damaged {
		return "the standing is not one that is known"
	}
	if w.Snapshot != nil {
		last := g.last
		if n := len(w.Entries); n > 0 {
			last = w.Entries[n-1].Index
		}
		if w.Cut != nil {
			last = max(last, w.Cut.Index)
		}
		if w.Snapshot.Index > last {
			return "the snapshot is beyond the end of the log, and nothing is cut"
		}
	}
	if w.Cut != nil {
		newest := g.snapshot.Index
		if w.Snapshot != nil {
			newest = max(newest, w.Snapshot.Index)
		}
		if w.Cut.Index > newest {
			return "the cut is beyond the newest snapshot"
		}
	}
	return ""
}

// place puts the write's hard state and entries in.
func (g *group) place(w *raft.Write) {
	if w.HardChanged {
		g.hard = w.Hard
	}
	if len(w.Entries) == 0 {
		return
	}
	first := w.Entries[0].Index
	keep := len(g.runs)
	for keep > 0 && (g.runs[keep-1].first >= first || first > g.last+1) {
		keep--
	}
	g.runs = g.runs[:keep]
	for i := range w.Entries {
		e := &w.Entries[i]
		if n := len(g.runs); n == 0 || g.runs[n-1].term != e.Term {
			g.runs = append(g.runs, run{e.Index, e.Term})
		}
	}
	g.last = w.Entries[len(w.Entries)-1].Index
	g.here = max(g.here, g.last)
}

// drops says whether the cut leaves nothing of the log: it ends before the cut,
// or holds another entry there (§7, Figure 13, steps 6 and 7).
func (g *group) drops(cut *raft.Base) bool {
	if cut == nil || cut.Index <= g.cut.Index {
		return false
	}
	if cut.Index >= g.last {
		return true
	}
	term, known := g.term(cut.Index)
	return known && term != cut.Term
}

// settle takes over the write's snapshot and cut. Older ones than it has are
// no news. It says which of the two moved.
func (g *group) settle(w *raft.Write, drop bool) (snapshotMoved, cutMoved bool) {
	if s := w.Snapshot; s != nil && s.Index > g.snapshot.Index {
		g.snapshot = cloneBase(s)
		snapshotMoved = true
	}
	c := w.Cut
	if c == nil || c.Index <= g.cut.Index {
		return snapshotMoved, false
	}
	g.cut = cloneBase(c)
	if drop {
		g.runs, g.last = nil, c.Index
		return snapshotMoved, true
	}
	k := 0
	for k+1 < len(g.runs) && g.runs[k+1].first <= c.Index+1 {
		k++
	}
	g.runs = append(g.runs[:0], g.runs[k:]...)
	return snapshotMoved, true
}

// small is the write that brings an empty group to where g is, but for its
// entries.
func (g *group) small() raft.Write {
	w := raft.Write{HardChanged: true, Hard: g.hard}
	if g.snapshot.Index != 0 {
		w.Snapshot = &g.snapshot
	}
	if g.cut.Index != 0 {
		w.Cut = &g.cut
	}
	return w
}

// cloneBase shares nothing with b: its owner may go on to change it.
func cloneBase(b *raft.Base) raft.Base {
	c := *b
	c.Config.Members = append([]raft.Member(nil), b.Config.Members...)
	c.Config.Voters = append([]raft.NodeID(nil), b.Config.Voters...)
	c.Config.Outgoing = append([]raft.NodeID(nil), b.Config.Outgoing...)
	c.Config.Learners = append([]raft.NodeID(nil), b.Config.Learners...)
	c.Config.Removed = append([]raft.NodeID(nil), b.Config.Removed...)
	return c
}
