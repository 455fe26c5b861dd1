package explore

import "veche/raft"

// logNode is a whole log from index 1 to this entry; logs that begin alike share
// nodes. The root is the empty log. Two logs are equal exactly if they are the
// same node.
type logNode struct {
	number uint32
	parent *logNode
	index  raft.Index
	term   raft.Term
	kind   raft.EntryKind
	data   string
	config *raft.Configuration // in force here
	sums   [permsMax]uint64    // of this log under each renaming
	broken string              // what is wrong with the chain of configurations
}

type logKey struct {
	parent uint32
	term   raft.Term
	kind   raft.EntryKind
	data   string
}

// upTo gives the node of the first i entries, nil when there are not so many.
func (n *logNode) upTo(i raft.Index) *logNode {
	if i > n.index {
		return nil
	}
	for n.index > i {
		n = n.parent
	}
	return n
}

// begins says whether n is a beginning of other, or all of it.
func (n *logNode) begins(other *logNode) bool { return other.upTo(n.index) == n }

// child gives the log with one more entry. The caller holds w.mu.
func (w *world) child(parent *logNode, e *raft.Entry) *logNode {
	key := logKey{parent.number, e.Term, e.Kind, string(e.Data)}
	if n := w.logBy[key]; n != nil {
		return n
	}
	n := &logNode{parent: parent, index: parent.index + 1, term: e.Term, kind: e.Kind, data: string(e.Data), config: parent.config}
	for g := range w.renamings {
		d := digest(parent.sums[g])
		d.word(uint64(e.Term)<<8 | uint64(e.Kind))
		d.bytes(w.renamings[g].data(e.Kind, e.Data))
		n.sums[g] = uint64(d)
	}
	if e.Kind == raft.EntryConfig {
		var c raft.Configuration
		if raft.DecodeConfiguration(e.Data, &c) != nil {
			n.broken = "a configuration in the log cannot be read"
		} else {
			n.config = &c
			if !w.overlap(parent.config, &c) {
				n.broken = "a configuration has a majority that meets none of the one before it"
			}
		}
	}
	n.number = w.logs.add(n)
	w.logBy[key] = n
	return n
}

// overlap says whether every quorum of a meets every quorum of b.
func (w *world) overlap(a, b *raft.Configuration) bool {
	for set := range uint(1) << w.servers {
		rest := ^set & (1<<w.servers - 1)
		if quorum(a, set) && quorum(b, rest) {
			return false
		}
	}
	return true
}

// quorum says whether the slots of the set decide under c.
func quorum(c *raft.Configuration, set uint) bool {
	return most(c.Voters, set) && (len(c.Outgoing) == 0 || most(c.Outgoing, set))
}

func most(voters []raft.NodeID, set uint) bool {
	n := 0
	for _, id := range voters {
		if set>>(id-1)&1 == 1 {
			n++
		}
	}
	return 2*n > len(voters)
}
