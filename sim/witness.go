package sim

import (
	"slices"

	"veche/raft"
)

// witness is the one who sees all: what every node was told to write, what every
// disk holds, who led, who voted, what is committed. It is fed with what nodes
// do and never asks a core, except for Confirmed.
type witness struct {
	broken  *Broken  // the first, with which the world stops; nil in a lawless one
	found   []Broken // each promise that was broken once, in their order
	lawless bool     // rules are left out that safety rests upon: the world goes on

	mem       []image // by node: all writes, synced or not
	disk      []image // by node: synced writes
	pending   [][]note
	before    [][]image             // by node: what its disk held before it was wiped or damaged
	damaged   []bool                // by node: its disk lost what was confirmed, and is not repaired
	began     []raft.Index          // by node: where the configuration stands that was in force before the turn
	coming    []*raft.Configuration // those that the turn under way appends
	leads     []raft.Term           // by node: the term it leads, 0 if none
	committed []raft.Index          // by node and run: highest commit it told of
	applied   []raft.Index          // by node and run

	leaders map[raft.Term]raft.NodeID
	votes   map[vote]raft.NodeID
	seen    [][]seenEntry      // by index: every entry that ever stood there
	commits []commitment       // by index
	configs []placed           // committed
	own     map[raft.Term]bool // terms in which the leader has committed an entry of its own
	answers []answer           // by index: what applying gave where it was applied first
}

type answer struct {
	known bool
	value uint64
}

type vote struct {
	node raft.NodeID
	term raft.Term
}

type seenEntry struct {
	term   raft.Term
	prefix uint64
	kind   raft.EntryKind
	op     uint64 // of a command: which operation asked for it
}

type commitment struct {
	prefix uint64
	term   raft.Term // of the entry
	by     raft.Term // the term of the leader that committed it
}

// newWitness gives the witness of a world with so many nodes, whose logs begin
// under the initial configuration.
func newWitness(nodes int, initial *raft.Configuration) *witness {
	w := &witness{
		mem: make([]image, nodes), disk: make([]image, nodes), pending: make([][]note, nodes), before: make([][]image, nodes),
		damaged: make([]bool, nodes), began: make([]raft.Index, nodes),
		leads: make([]raft.Term, nodes), committed: make([]raft.Index, nodes),
		applied: make([]raft.Index, nodes),
		leaders: map[raft.Term]raft.NodeID{}, votes: map[vote]raft.NodeID{}, own: map[raft.Term]bool{},
		seen: make([][]seenEntry, 1), commits: make([]commitment, 1), answers: make([]answer, 1),
		configs: []placed{{0, initial}},
	}
	for i := range nodes {
		w.mem[i], w.disk[i] = newImage(initial), newImage(initial)
	}
	return w
}

// must notes a broken promise; the world stops on the first after the step, unless
// rules are left out: then it goes on, to see what else breaks.
func (w *witness) must(ok bool, what Invariant, how func() string) {
	if ok || w.broken != nil || slices.ContainsFunc(w.found, func(b Broken) bool { return b.Invariant == what }) {
		return
	}
	w.found = append(w.found, Broken{what, how()})
	if !w.lawless {
		w.broken = &w.found[0]
	}
}

func (w *witness) commit() raft.Index { return raft.Index(len(w.commits) - 1) }

// wrote is told of every Write as the core hands it out. led is the term the
// node led both before and after the turn, 0 if it did not.
func (w *witness) wrote(node int, wr *raft.Write, led raft.Term) {
	m := &w.mem[node]
	n := note{seq: wr.Seq, change: wr.HardChanged, hard: wr.Hard}
	if len(wr.Entries) > 0 {
		n.from = wr.Entries[0].Index
		w.must(n.from >= 1 && n.from <= m.last()+1, LogMatching, func() string {
			return name(node) + " leaves a gap: it writes entry " + num(uint64(n.from)) + " after " + num(uint64(m.last()))
		})
		if n.from < 1 || n.from > m.last()+1 {
			return
		}
		if led != 0 {
			w.must(n.from == m.last()+1, LeaderAppendOnly, func() string {
				return name(node) + " leads term " + num(uint64(led)) + " and overwrites its own entry " + num(uint64(n.from))
			})
		}
		w.must(n.from > w.committed[node], CommitNeverBack, func() string {
			return name(node) + " overwrites entry " + num(uint64(n.from)) + ", which it knows to be committed"
		})
		n.prefix = make([]uint64, 0, len(wr.Entries))
		n.terms = make([]raft.Term, 0, len(wr.Entries))
		prefix := m.prefix[n.from-1]
		for i := range wr.Entries {
			e := &wr.Entries[i]
			prefix = chain(prefix, e)
			n.prefix = append(n.prefix, prefix)
			n.terms = append(n.terms, e.Term)
			w.stands(node, e, prefix)
			if e.Kind == raft.EntryConfig {
				w.reconfigures(node, e, &n, led)
			}
		}
	}
	if wr.Snapshot != nil {
		w.records(node, wr.Snapshot, &n)
	}
	m.apply(&n)
	w.pending[node] = append(w.pending[node], n)
}

// reconfigures notes a configuration, and checks the leader that appends it: one
// change at a time, and each next to the one before (§6).
func (w *witness) reconfigures(node int, e *raft.Entry, n *note, led raft.Term) {
	next := new(raft.Configuration)
	w.must(raft.DecodeConfiguration(e.Data, next) == nil, LogMatching, func() string {
		return name(node) + " stores a configuration at " + num(uint64(e.Index)) + " that cannot be read"
	})
	before := w.mem[node].configAt(n.from - 1)
	if k := len(n.configs); k > 0 {
		before = n.configs[k-1]
	}
	n.configs = append(n.configs, placed{e.Index, next})
	if led == 0 {
		return
	}
	w.must(overlap(before.config, next), ConfigsOverlap, func() string {
		return name(node) + " changes from " + describeConfig(before.config) + " to " + describeConfig(next)
	})
	w.must(before.at <= w.commit() && w.own[led], ChangeInTurn, func() string {
		return name(node) + " appends the configuration " + num(uint64(e.Index)) + " in term " + num(uint64(led)) + " behind the one at " +
			num(uint64(before.at)) + ", and " + num(uint64(w.commit())) + " is committed"
	})
	w.must(len(next.Outgoing) == 0 || len(before.config.Outgoing) > 0 || before.config.Level() >= raft.LevelJoint, LevelIsKept, func() string {
		return name(node) + " appends " + describeConfig(next) + ", but the level of the cluster is " + num(uint64(before.config.Level()))
	})
}

// describeConfig says who counts: "1 2 3 with 1 2 4, learners 5".
func describeConfig(c *raft.Configuration) string {
	list := func(ids []raft.NodeID) string {
		out := ""
		for k, id := range ids {
			if k > 0 {
				out += " "
			}
			out += Server(id)
		}
		return out
	}
	s := list(c.Voters)
	if len(c.Outgoing) > 0 {
		s += " with " + list(c.Outgoing)
	}
	if len(c.Learners) > 0 {
		s += ", learners " + list(c.Learners)
	}
	return s
}

// records is told of every snapshot that a write records. One at an index that
// the log does not have makes the log begin behind it: then what stands before
// it is what was committed.
func (w *witness) records(node int, at *raft.Base, n *note) {
	m := &w.mem[node]
	w.must(at.Index <= w.commit(), StateMachineSafety, func() string {
		return name(node) + " records a snapshot at " + num(uint64(at.Index)) + ", which nobody committed"
	})
	if at.Index > w.commit() {
		return
	}
	k := len(w.configs) - 1
	for w.configs[k].at > at.Index {
		k--
	}
	w.must(sameConfig(&at.Config, w.configs[k].config) && at.Term == w.commits[at.Index].term, SnapshotIsTrue, func() string {
		return name(node) + " records a snapshot at " + num(uint64(at.Index)) + " of term " + num(uint64(at.Term)) + " with " + describeConfig(&at.Config) +
			", but entry " + num(uint64(at.Index)) + " is of term " + num(uint64(w.commits[at.Index].term)) + ", and " + describeConfig(w.configs[k].config) + " is in force there"
	})
	if at.Index <= m.last() && m.terms[at.Index] == at.Term {
		return
	}
	n.from = 1
	n.configs = append([]placed(nil), w.configs[1:k+1]...)
	for i := raft.Index(1); i <= at.Index; i++ {
		n.prefix = append(n.prefix, w.commits[i].prefix)
		n.terms = append(n.terms, w.commits[i].term)
	}
	w.committed[node] = max(w.committed[node], at.Index)
}

func sameConfig(a, b *raft.Configuration) bool {
	return string(raft.AppendConfiguration(nil, a)) == string(raft.AppendConfiguration(nil, b))
}

// stands checks Log Matching: an index and a term name one entry, and one log
// before it.
func (w *witness) stands(node int, e *raft.Entry, prefix uint64) {
	for raft.Index(len(w.seen)) <= e.Index {
		w.seen = append(w.seen, nil)
	}
	for _, s := range w.seen[e.Index] {
		if s.term == e.Term && s.prefix == prefix {
			return
		}
		w.must(s.term != e.Term, LogMatching, func() string {
			return name(node) + " has an entry " + num(uint64(e.Index)) + " of term " + num(uint64(e.Term)) +
				" with another content or another log before it than others have"
		})
	}
	w.seen[e.Index] = append(w.seen[e.Index], seenEntry{e.Term, prefix, e.Kind, opOf(e)})
}

// synced is told that node's disk holds every write up to seq.
func (w *witness) synced(node int, seq raft.Seq) {
	done := 0
	for i := range w.pending[node] {
		if w.pending[node][i].seq > seq {
			break
		}
		w.disk[node].apply(&w.pending[node][i])
		done++
	}
	rest := copy(w.pending[node], w.pending[node][done:])
	clear(w.pending[node][rest:])
	w.pending[node] = w.pending[node][:rest]
}

// restarted is told what a disk came up with, and checks that it is all that was
// synced and perhaps some of the writes after it, in order; or, if the disk says
// of itself that it is damaged, a beginning of that. It may say so only if it has
// rotted.
func (w *witness) restarted(node int, got *raft.Restored, rotted bool) {
	try := w.disk[node].clone()
	found := holds(&try, got)
	for i := 0; !found && i < len(w.pending[node]); i++ {
		try.apply(&w.pending[node][i])
		found = holds(&try, got)
	}
	w.must(found, DiskRemembers, func() string {
		return name(node) + " was synced with term " + num(uint64(w.disk[node].hard.Term)) + ", vote " + Server(w.disk[node].hard.Vote) +
			" and " + num(uint64(w.disk[node].last())) + " entries, and came up with term " + num(uint64(got.Hard.Term)) + ", vote " +
			Server(got.Hard.Vote) + " and entries up to " + num(uint64(got.Cut.Index)+uint64(len(got.Entries)))
	})
	w.must(!found || !lossy(&try, got) || rotted, DiskRemembers, func() string {
		return name(node) + " has lost what was synced, though no bit of its disk has changed"
	})
	if found && lossy(&try, got) {
		w.remember(node, try)
		try = try.upTo(got.Cut.Index + raft.Index(len(got.Entries)))
		try.hard = got.Hard
	}
	w.damaged[node] = w.damaged[node] || got.Damaged || got.Hard.Standing == raft.Damaged
	// The disk may hold more than was confirmed; from now on it counts as held.
	w.mem[node], w.disk[node] = try.clone(), try
	w.pending[node] = w.pending[node][:0]
	w.leads[node], w.committed[node], w.applied[node] = 0, 0, 0
}

// remember keeps what a disk has lost: a leader may have heard of it before.
func (w *witness) remember(node int, m image) {
	w.before[node] = append(w.before[node], m)
}

// wiped is told that node's disk was replaced by an empty one.
func (w *witness) wiped(node int) {
	w.remember(node, w.disk[node])
	w.mem[node], w.disk[node] = newImage(w.configs[0].config), newImage(w.configs[0].config)
	w.pending[node] = nil
}

// lossy says whether a disk tells that it has lost something that the image has.
func lossy(m *image, got *raft.Restored) bool {
	return got.Damaged || got.Hard.Standing == raft.Damaged && m.hard.Standing != raft.Damaged
}

// holds tells whether a restored log is the image, or, of a damaged disk, its
// beginning.
func holds(m *image, got *raft.Restored) bool {
	last := got.Cut.Index + raft.Index(len(got.Entries))
	hard := m.hard
	if lossy(m, got) && got.Hard.Standing == raft.Damaged {
		hard.Standing = raft.Damaged
	}
	if got.Hard != hard || last > m.last() || last < m.last() && !lossy(m, got) {
		return false
	}
	prefix := m.prefix[got.Cut.Index]
	for i := range got.Entries {
		prefix = chain(prefix, &got.Entries[i])
	}
	return prefix == m.prefix[last]
}

// sent is told of every message that leaves node. wrote says that the same turn
// also wrote: then the log may have moved on after what m acknowledges.
func (w *witness) sent(node int, m *raft.Message, wrote bool) {
	d := &w.disk[node]
	switch {
	case m.Kind == raft.KindVoteReply && m.VoteReply.Granted && !m.VoteReply.Pre:
		w.voted(m.From, m.Term, m.To)
		w.must(d.hard.Term > m.Term || d.hard.Term == m.Term && d.hard.Vote == m.To, VoteIsDurable, func() string {
			return Server(m.From) + " tells " + Server(m.To) + " its vote in term " + num(uint64(m.Term)) + ", but its disk holds term " +
				num(uint64(d.hard.Term)) + " and vote " + Server(d.hard.Vote)
		})
		w.must(d.hard.Standing != raft.Fresh, FreshIsSilent, func() string { return Server(m.From) + " votes with an empty disk" })
		w.must(d.hard.Standing == raft.Admitted && !w.damaged[node], DamagedIsSilent, func() string { return Server(m.From) + " votes with a damaged disk" })
	case m.Kind == raft.KindAppendReply && !m.AppendReply.Rejected && m.AppendReply.Match > 0:
		match := m.AppendReply.Match
		onDisk, ok := d.digestOf(match)
		inMem, _ := w.mem[node].digestOf(match)
		w.must(ok && (wrote || onDisk == inMem), AckIsDurable, func() string {
			return Server(m.From) + " acknowledges entry " + num(uint64(match)) + " to " + Server(m.To) + ", but its disk has it only up to " + num(uint64(d.last()))
		})
		w.must(d.hard.Standing != raft.Fresh, FreshIsSilent, func() string { return Server(m.From) + " acknowledges with an empty disk" })
		w.must(d.hard.Standing == raft.Admitted && !w.damaged[node] || m.AppendReply.Uncounted, DamagedIsSilent, func() string {
			return Server(m.From) + " acknowledges with a damaged disk, as if it counted"
		})
	}
}

// voted checks that a node, whatever happened to its disk, votes once per term.
func (w *witness) voted(node raft.NodeID, term raft.Term, to raft.NodeID) {
	before, found := w.votes[vote{node, term}]
	w.must(!found || before == to, VoteOncePerTerm, func() string {
		return Server(node) + " voted for " + Server(before) + " in term " + num(uint64(term)) + " and now votes for " + Server(to)
	})
	w.votes[vote{node, term}] = to
}
