package explore

import (
	"veche/raft"
)

// judge looks at a step of the whole: slot went from l to st.locals[slot]. It
// brings committed and ghost up to date, and gives the promise that is broken,
// or "".
func (w *world) judge(st *state, slot int, l *local, told []raft.Outcome) string {
	n := st.locals[slot]
	if n.s.broken != "" {
		return n.s.broken
	}
	if n != l {
		for k := range w.servers {
			if o := st.locals[k]; k != slot && n.s.led&o.s.led != 0 {
				return "election safety: two servers have led one term"
			}
		}
		if n.s.log != l.s.log {
			if why := w.logsMatch(st, slot); why != "" {
				return why
			}
		}
		if n.role == raft.Leader && (l.role != raft.Leader || l.term != n.term) && raft.Term(st.ghost.field(ghostTerm)) < n.term &&
			!st.committed.begins(n.s.log) {
			return "leader completeness: a new leader lacks a committed entry"
		}
		if why := w.judgeCommit(st, slot, l); why != "" {
			return why
		}
		if !n.s.applied.begins(st.committed) {
			return "state machine safety: a server has applied what is not committed there"
		}
	}
	return w.judgeTold(st, told)
}

// logsMatch: logs that hold the same term at the same index are equal up to
// there (Figure 3).
func (w *world) logsMatch(st *state, slot int) string {
	a := st.locals[slot].s.log
	for k := range w.servers {
		b := st.locals[k].s.log
		if k == slot || a == b {
			continue
		}
		for i := min(a.index, b.index); i > 0; i-- {
			x, y := a.upTo(i), b.upTo(i)
			if x == y {
				break
			}
			if x.term == y.term {
				return "log matching: two logs hold the same term at an index and differ"
			}
		}
	}
	return ""
}

// judgeCommit: what is committed is committed for ever, by a leader whose
// majority holds it on its disks.
func (w *world) judgeCommit(st *state, slot int, l *local) string {
	n := st.locals[slot]
	if n.commit == l.commit {
		return ""
	}
	if n.commit.begins(st.committed) {
		return ""
	}
	if !st.committed.begins(n.commit) {
		return "state machine safety: two servers have committed different entries"
	}
	if n.role != raft.Leader && l.role != raft.Leader { // a leader that the entry removes steps down with it
		return "a server commits what no leader has committed"
	}
	var holders uint
	for k := range w.servers {
		if n.commit.begins(st.locals[k].s.durable) {
			holders |= 1 << k
		}
	}
	if !quorum(n.s.log.config, holders) {
		return "commit: no majority holds on its disks what was committed"
	}
	st.committed = n.commit
	st.ghost = st.ghost.with(ghostTerm, int(n.term))
	for k := range w.servers {
		if o := st.locals[k]; o.role == raft.Leader && o.term > n.term && !n.commit.begins(o.s.log) {
			return "leader completeness: a later leader lacks what is committed now"
		}
	}
	for i := n.commit; i.index > l.commit.index; i = i.parent {
		if i.kind == raft.EntryCommand && len(i.data) > 0 && st.ghost>>ghostLost>>i.data[0]&1 == 1 {
			return "a proposal was told to be lost, and is committed"
		}
	}
	return ""
}

// judgeTold: what clients were told.
func (w *world) judgeTold(st *state, told []raft.Outcome) string {
	for k := range told {
		o := &told[k]
		switch o.Kind {
		case raft.Committed:
			if o.Tag&readTag == 0 {
				n := st.committed.upTo(o.Index)
				if n == nil || n.kind != raft.EntryCommand || n.data[0] != byte(o.Tag) {
					return "a proposal was told to be committed, and is not"
				}
				st.ghost = st.ghost.with(ghostAcked, max(st.ghost.field(ghostAcked), int(o.Index)))
			}
		case raft.Lost:
			for i := st.committed; i.parent != nil; i = i.parent {
				if i.kind == raft.EntryCommand && i.data[0] == byte(o.Tag) {
					return "a proposal was told to be lost, and is committed"
				}
			}
			st.ghost |= 1 << ghostLost << (o.Tag & 15)
		case raft.ReadReady:
			if floor := st.ghost.field(ghostRead + 8*int(o.Tag&1)); int(o.Index) < floor-1 {
				return "linearizability: a read misses a write that was acknowledged before it began"
			}
		}
	}
	return ""
}

// begins a read: it must cover what clients were told so far.
func (g ghost) beginRead(number int) ghost {
	return g.with(ghostRead+8*(number&1), 1+g.field(ghostAcked))
}
