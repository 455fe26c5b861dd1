package sim

import "veche/raft"

// image is a log as a node or its disk has it. prefix[i] digests the entries
// 1..i, so that two logs agree up to i if and only if their prefix[i] does. It
// remembers the whole log, also what was cut or came as a snapshot.
type image struct {
	hard    raft.HardState
	prefix  []uint64
	terms   []raft.Term
	configs []placed // the first is in force before any entry
}

// placed is a configuration and the entry that brings it.
type placed struct {
	at     raft.Index
	config *raft.Configuration // never changed
}

func newImage(initial *raft.Configuration) image {
	return image{prefix: []uint64{0}, terms: []raft.Term{0}, configs: []placed{{0, initial}}}
}

func (m *image) last() raft.Index { return raft.Index(len(m.prefix) - 1) }

// digestOf gives the prefix digest up to i; false if the log ends before.
func (m *image) digestOf(i raft.Index) (uint64, bool) {
	if i > m.last() {
		return 0, false
	}
	return m.prefix[i], true
}

// config is the one in force: the latest in the log (§6).
func (m *image) config() placed { return m.configs[len(m.configs)-1] }

// configAt is the one in force at i.
func (m *image) configAt(i raft.Index) placed {
	k := len(m.configs) - 1
	for m.configs[k].at > i {
		k--
	}
	return m.configs[k]
}

// upTo is the log without what stands behind i.
func (m *image) upTo(i raft.Index) image {
	k := len(m.configs)
	for m.configs[k-1].at > i {
		k--
	}
	return image{m.hard, append([]uint64(nil), m.prefix[:i+1]...), append([]raft.Term(nil), m.terms[:i+1]...),
		append([]placed(nil), m.configs[:k]...)}
}

func (m *image) clone() image { return m.upTo(m.last()) }

// note is the memory of one Write: enough to carry it out on an image.
type note struct {
	seq     raft.Seq
	hard    raft.HardState
	change  bool // hard counts
	from    raft.Index
	prefix  []uint64
	terms   []raft.Term
	configs []placed
}

// apply carries the write out.
func (m *image) apply(n *note) {
	if n.change {
		m.hard = n.hard
	}
	if len(n.prefix) == 0 {
		return
	}
	m.prefix = append(m.prefix[:n.from], n.prefix...)
	m.terms = append(m.terms[:n.from], n.terms...)
	k := len(m.configs)
	for m.configs[k-1].at >= n.from && k > 1 {
		k--
	}
	m.configs = append(m.configs[:k], n.configs...)
}

// chain digests one more entry onto a prefix.
func chain(prefix uint64, e *raft.Entry) uint64 {
	return digest(mix(prefix, uint64(e.Index)<<20^uint64(e.Term)<<4^uint64(e.Kind)), e.Data)
}

// agreed asks the voters of a configuration, of both halves of a joint one, and
// says whether majorities say yes (§6).
func agreed(c *raft.Configuration, yes func(raft.NodeID) bool) bool {
	for k, voters := range [2][]raft.NodeID{c.Voters, c.Outgoing} {
		n := 0
		for _, id := range voters {
			if yes(id) {
				n++
			}
		}
		if n <= len(voters)/2 && (k == 0 || len(voters) > 0) {
			return false
		}
	}
	return true
}

// votersOf is everybody who counts.
func votersOf(c *raft.Configuration) (all nodeSet) {
	for _, voters := range [2][]raft.NodeID{c.Voters, c.Outgoing} {
		for _, id := range voters {
			all |= 1 << (id - 1)
		}
	}
	return all
}

// overlap says whether any two majorities of two configurations share a server:
// no set of servers decides in the one while all others decide in the other.
func overlap(a, b *raft.Configuration) bool {
	all := votersOf(a) | votersOf(b)
	for side := all; ; side = (side - 1) & all {
		in := func(id raft.NodeID) bool { return side.has(int(id - 1)) }
		out := func(id raft.NodeID) bool { return !side.has(int(id - 1)) }
		if agreed(a, in) && agreed(b, out) {
			return false
		}
		if side == 0 {
			return true
		}
	}
}
