package sim

import (
	"veche/raft"
	"veche/wal"
)

// told is given every event of a core, after the writes of its turn.
func (w *witness) told(node int, e *raft.Event) {
	switch e.Kind {
	case raft.EventBecameLeader:
		w.elected(node, e.Term)
	case raft.EventBecameFollower, raft.EventBecamePreCand, raft.EventBecameCandidate:
		w.leads[node] = 0
	case raft.EventCommitted:
		w.commitsUpTo(node, e.Term, e.Index)
	case raft.EventRepaired:
		w.damaged[node] = false
	case raft.EventFault:
		w.must(false, NoFault, func() string { return name(node) + " halted" })
	}
}

func (w *witness) elected(node int, term raft.Term) {
	id := raft.NodeID(node + 1)
	before, found := w.leaders[term]
	w.must(!found || before == id, ElectionSafety, func() string {
		return Server(before) + " and " + Server(id) + " both lead term " + num(uint64(term))
	})
	w.leaders[term] = id
	w.leads[node] = term
	w.voted(id, term, id)
	hard := w.disk[node].hard
	w.must(hard.Term == term && hard.Vote == id, VoteIsDurable, func() string {
		return Server(id) + " counts its own vote in term " + num(uint64(term)) + ", which is not on its disk"
	})
	c := w.mem[node].config()
	w.must(agreed(c.config, func(voter raft.NodeID) bool { return w.votes[vote{voter, term}] == id }), ElectedByMajority, func() string {
		return Server(id) + " leads term " + num(uint64(term)) + " without the votes of a majority of " + describeConfig(c.config)
	})
	last := w.commit()
	if w.commits[last].by < term {
		w.complete(node, term, last)
	}
}

// complete checks that the leader of term has the committed entries up to i.
func (w *witness) complete(node int, term raft.Term, i raft.Index) {
	got, ok := w.mem[node].digestOf(i)
	w.must(ok && got == w.commits[i].prefix, LeaderCompleteness, func() string {
		return name(node) + " leads term " + num(uint64(term)) + " without entry " + num(uint64(i)) +
			", which was committed in term " + num(uint64(w.commits[i].by))
	})
}

// commitsUpTo is a leader's word that everything up to i is committed.
func (w *witness) commitsUpTo(node int, term raft.Term, i raft.Index) {
	m := &w.mem[node]
	w.must(i > w.committed[node], CommitNeverBack, func() string {
		return name(node) + " commits " + num(uint64(i)) + " after " + num(uint64(w.committed[node]))
	})
	w.committed[node] = max(w.committed[node], i)
	prefix, ok := m.digestOf(i)
	w.must(ok, CommitOnMajority, func() string { return name(node) + " commits entry " + num(uint64(i)) + ", beyond its own log" })
	if !ok {
		return
	}
	if i <= w.commit() {
		w.must(prefix == w.commits[i].prefix, StateMachineSafety, func() string {
			return name(node) + " commits another entry " + num(uint64(i)) + " than was committed before"
		})
		return
	}
	w.must(w.heldByMajority(node, i, prefix), CommitOnMajority, func() string {
		return name(node) + " commits entry " + num(uint64(i)) + ", which is not on the disks of a majority of " + describeConfig(m.config().config)
	})
	last := w.commit()
	w.must(m.prefix[last] == w.commits[last].prefix, StateMachineSafety, func() string {
		return name(node) + " commits up to " + num(uint64(i)) + " with other entries before it than were committed"
	})
	for j := last + 1; j <= i; j++ {
		w.commits = append(w.commits, commitment{m.prefix[j], m.terms[j], term})
		w.own[term] = w.own[term] || m.terms[j] == term
	}
	for _, c := range m.configs {
		if c.at > last && c.at <= i {
			w.configs = append(w.configs, c)
		}
	}
	for n, leads := range w.leads {
		if leads > term {
			w.complete(n, leads, i)
		}
	}
}

// heldByMajority says whether the log up to i is on the disks of a majority, by
// a configuration that was in force at the leader in this turn. A damaged disk
// counts with what it held before.
func (w *witness) heldByMajority(leader int, i raft.Index, prefix uint64) bool {
	held := func(id raft.NodeID) bool {
		n := int(id - 1)
		if got, ok := w.disk[n].digestOf(i); ok && got == prefix && !w.damaged[n] {
			return true
		}
		for k := range w.before[n] {
			if got, ok := w.before[n][k].digestOf(i); ok && got == prefix {
				return true // it was, when the leader heard of it
			}
		}
		return false
	}
	for _, c := range w.mem[leader].configs {
		if (c.at >= w.began[leader] || c == w.mem[leader].config()) && agreed(c.config, held) {
			return true
		}
	}
	for _, c := range w.coming {
		if agreed(c, held) {
			return true
		}
	}
	return false
}

// brings is told, before the events of a turn, which configurations its writes
// bring: they are in force as soon as they are appended, and may decide already.
func (w *witness) brings(records []wal.Record) {
	w.coming = w.coming[:0]
	for k := range records {
		for i := range records[k].Write.Entries {
			if e := &records[k].Write.Entries[i]; e.Kind == raft.EntryConfig {
				c := new(raft.Configuration)
				if raft.DecodeConfiguration(e.Data, c) == nil {
					w.coming = append(w.coming, c)
				}
			}
		}
	}
}

// begins is told that a node begins a turn.
func (w *witness) begins(node int) { w.began[node] = w.mem[node].config().at }

// applies is told of every entry that node's state machine is given.
func (w *witness) applies(node int, e *raft.Entry) {
	at := w.applied[node]
	w.must(e.Index == at+1, StateMachineSafety, func() string {
		return name(node) + " applies entry " + num(uint64(e.Index)) + " after " + num(uint64(at))
	})
	w.must(e.Index <= w.commit(), StateMachineSafety, func() string {
		return name(node) + " applies entry " + num(uint64(e.Index)) + ", which no leader has committed"
	})
	if e.Index > w.commit() || at > w.commit() {
		return
	}
	w.must(chain(w.commits[at].prefix, e) == w.commits[e.Index].prefix, StateMachineSafety, func() string {
		return name(node) + " applies another entry " + num(uint64(e.Index)) + " than was committed"
	})
	w.applied[node] = e.Index
}

// gave is told what applying an entry gave. It reports whether this is the
// first time that anybody applied it.
func (w *witness) gave(node int, i raft.Index, value uint64) (first bool) {
	for raft.Index(len(w.answers)) <= i {
		w.answers = append(w.answers, answer{})
	}
	a := &w.answers[i]
	if !a.known {
		*a = answer{true, value}
		return true
	}
	w.must(a.value == value, StateMachineSafety, func() string {
		return name(node) + " gets another result from entry " + num(uint64(i)) + " than others got"
	})
	return false
}

// restored is told that node's state machine begins with a snapshot at i.
func (w *witness) restored(node int, i raft.Index) {
	w.must(i <= w.commit(), StateMachineSafety, func() string {
		return name(node) + " starts from a snapshot at " + num(uint64(i)) + ", which nobody committed"
	})
	w.applied[node] = i
}

// name is Server for an index of a node.
func name(node int) string { return Server(raft.NodeID(node + 1)) }

// knows says whether a node's log has the committed entries up to i.
func (w *witness) knows(node int, i raft.Index) bool {
	got, ok := w.mem[node].digestOf(i)
	return i == 0 || ok && i <= w.commit() && got == w.commits[i].prefix
}
