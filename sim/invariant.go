package sim

import "veche/raft"

// Invariant names a promise that a world watches.
type Invariant string

// The promises. The first five are Figure 3 of the paper.
const (
	ElectionSafety     Invariant = "Election Safety"
	LeaderAppendOnly   Invariant = "Leader Append-Only"
	LogMatching        Invariant = "Log Matching"
	LeaderCompleteness Invariant = "Leader Completeness"
	StateMachineSafety Invariant = "State Machine Safety"

	VoteOncePerTerm   Invariant = "Vote Once Per Term"
	VoteIsDurable     Invariant = "A Vote Is On Disk Before It Is Told"
	AckIsDurable      Invariant = "An Acknowledged Append Is On Disk"
	CommitOnMajority  Invariant = "A Committed Entry Is On A Majority Of Disks"
	CommitNeverBack   Invariant = "Commit Never Goes Back"
	OneConfirmed      Invariant = "One Confirmed Leader At A Time"
	FreshIsSilent     Invariant = "An Empty Disk Neither Votes Nor Acknowledges"
	DiskRemembers     Invariant = "A Disk Comes Up With What Was Synced"
	NoFault           Invariant = "No Core Halts"
	AppliedOnce       Invariant = "An Acknowledged Command Is Applied Exactly Once"
	RefusedIsRefused  Invariant = "A Refused Command Is Never Applied"
	ReadIsFresh       Invariant = "A Read Covers All Acknowledged Writes"
	OrderIsReal       Invariant = "A Write Stands After All That Were Acknowledged Before It"
	RequestEndsOnce   Invariant = "A Request Ends Once"
	Liveness          Invariant = "Liveness: With All Servers Up There Is A Leader, A Write And A Read"
	Linearizability   Invariant = "Linearizability"
	CodecKeepsMessage Invariant = "A Message Survives Its Encoding"
)

// Broken is what a world stops with: which promise, and how.
type Broken struct {
	Invariant Invariant
	How       string
}

// Error gives both in one sentence.
func (b *Broken) Error() string { return string(b.Invariant) + " is broken: " + b.How }

// image is a log as a node or its disk has it. prefix[i] digests the entries
// 1..i, so that two logs agree up to i if and only if their prefix[i] does.
type image struct {
	hard   raft.HardState
	prefix []uint64
	terms  []raft.Term
}

func newImage() image { return image{prefix: []uint64{0}, terms: []raft.Term{0}} }

func (m *image) last() raft.Index { return raft.Index(len(m.prefix) - 1) }

// digestOf gives the prefix digest up to i; false if the log ends before.
func (m *image) digestOf(i raft.Index) (uint64, bool) {
	if i > m.last() {
		return 0, false
	}
	return m.prefix[i], true
}

func (m *image) clone() image {
	return image{m.hard, append([]uint64(nil), m.prefix...), append([]raft.Term(nil), m.terms...)}
}

// note is the memory of one Write: enough to carry it out on an image.
type note struct {
	seq    raft.Seq
	hard   raft.HardState
	change bool // hard counts
	from   raft.Index
	prefix []uint64
	terms  []raft.Term
}

// apply carries the write out.
func (m *image) apply(n *note) {
	if n.change {
		m.hard = n.hard
	}
	if len(n.prefix) > 0 {
		m.prefix = append(m.prefix[:n.from], n.prefix...)
		m.terms = append(m.terms[:n.from], n.terms...)
	}
}

// chain digests one more entry onto a prefix.
func chain(prefix uint64, e *raft.Entry) uint64 {
	return digest(mix(prefix, uint64(e.Index)<<20^uint64(e.Term)<<4^uint64(e.Kind)), e.Data)
}

// witness is the one who sees all: what every node was told to write, what every
// disk holds, who led, who voted, what is committed. It is fed with what nodes
// do and never asks a core, except for Confirmed.
type witness struct {
	broken *Broken

	quorum    int
	mem       []image // by node: all writes, synced or not
	disk      []image // by node: synced writes
	pending   [][]note
	before    []image      // by node: the disk that a wipe took away
	leads     []raft.Term  // by node: the term it leads, 0 if none
	committed []raft.Index // by node and run: highest commit it told of
	applied   []raft.Index // by node and run

	leaders map[raft.Term]raft.NodeID
	votes   map[vote]raft.NodeID
	seen    [][]seenEntry // by index: every entry that ever stood there
	commits []commitment  // by index
	answers []answer      // by index: what applying gave where it was applied first
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
}

type commitment struct {
	prefix uint64
	by     raft.Term // the term of the leader that committed it
}

func newWitness(nodes int) *witness {
	w := &witness{
		quorum: nodes/2 + 1,
		mem:    make([]image, nodes), disk: make([]image, nodes), pending: make([][]note, nodes), before: make([]image, nodes),
		leads: make([]raft.Term, nodes), committed: make([]raft.Index, nodes),
		applied: make([]raft.Index, nodes),
		leaders: map[raft.Term]raft.NodeID{}, votes: map[vote]raft.NodeID{},
		seen: make([][]seenEntry, 1), commits: make([]commitment, 1), answers: make([]answer, 1),
	}
	for i := range nodes {
		w.mem[i], w.disk[i], w.before[i] = newImage(), newImage(), newImage()
	}
	return w
}

// must notes the first broken promise; the world stops on it after the step.
func (w *witness) must(ok bool, what Invariant, how func() string) {
	if !ok && w.broken == nil {
		w.broken = &Broken{what, how()}
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
		if w.broken != nil {
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
		}
	}
	if wr.Snapshot != nil && wr.Cut != nil {
		w.installs(node, wr.Snapshot, &n)
	}
	m.apply(&n)
	w.pending[node] = append(w.pending[node], n)
}

// installs: a write that brings a snapshot together with a cut makes its log
// begin behind it, if the log does not have it. Then what stands before it is
// what was committed.
func (w *witness) installs(node int, at *raft.Base, n *note) {
	m := &w.mem[node]
	w.must(at.Index <= w.commit(), StateMachineSafety, func() string {
		return name(node) + " installs a snapshot at " + num(uint64(at.Index)) + ", which nobody committed"
	})
	if w.broken != nil || at.Index <= m.last() && m.terms[at.Index] == at.Term {
		return
	}
	for k := range w.mem {
		if got, ok := w.mem[k].digestOf(at.Index); ok && got == w.commits[at.Index].prefix {
			n.from = 1
			n.prefix = append([]uint64(nil), w.mem[k].prefix[1:at.Index+1]...)
			n.terms = append([]raft.Term(nil), w.mem[k].terms[1:at.Index+1]...)
			return
		}
	}
	w.must(false, CommitOnMajority, func() string {
		return name(node) + " installs a snapshot at " + num(uint64(at.Index)) + ", and no server has that log"
	})
}

// stands checks Log Matching: an index and a term name one entry, and one log
// before it.
func (w *witness) stands(node int, e *raft.Entry, prefix uint64) {
	for raft.Index(len(w.seen)) <= e.Index {
		w.seen = append(w.seen, nil)
	}
	for _, s := range w.seen[e.Index] {
		if s.term == e.Term {
			w.must(s.prefix == prefix, LogMatching, func() string {
				return name(node) + " has an entry " + num(uint64(e.Index)) + " of term " + num(uint64(e.Term)) +
					" with another content or another log before it than others have"
			})
			return
		}
	}
	w.seen[e.Index] = append(w.seen[e.Index], seenEntry{e.Term, prefix})
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
// synced and perhaps some of the writes after it, in order.
func (w *witness) restarted(node int, got *raft.Restored) {
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
	// The disk may hold more than was confirmed; from now on it counts as held.
	w.mem[node], w.disk[node] = try.clone(), try
	w.pending[node] = w.pending[node][:0]
	w.leads[node], w.committed[node], w.applied[node] = 0, 0, 0
}

// wiped is told that node's disk was replaced by an empty one.
func (w *witness) wiped(node int) {
	w.before[node] = w.disk[node]
	w.mem[node], w.disk[node] = newImage(), newImage()
	w.pending[node] = nil
}

// holds tells whether a restored log is the image.
func holds(m *image, got *raft.Restored) bool {
	if got.Hard != m.hard || got.Cut.Index+raft.Index(len(got.Entries)) != m.last() {
		return false
	}
	prefix := m.prefix[got.Cut.Index]
	for i := range got.Entries {
		prefix = chain(prefix, &got.Entries[i])
	}
	return prefix == m.prefix[m.last()]
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
		w.must(d.hard.Standing == raft.Admitted, FreshIsSilent, func() string { return Server(m.From) + " votes with an empty disk" })
	case m.Kind == raft.KindAppendReply && !m.AppendReply.Rejected && m.AppendReply.Match > 0:
		match := m.AppendReply.Match
		onDisk, ok := d.digestOf(match)
		inMem, _ := w.mem[node].digestOf(match)
		w.must(ok && (wrote || onDisk == inMem), AckIsDurable, func() string {
			return Server(m.From) + " acknowledges entry " + num(uint64(match)) + " to " + Server(m.To) + ", but its disk has it only up to " + num(uint64(d.last()))
		})
		w.must(d.hard.Standing == raft.Admitted, FreshIsSilent, func() string { return Server(m.From) + " acknowledges with an empty disk" })
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

// told is given every event of a core, after the writes of its turn.
func (w *witness) told(node int, e *raft.Event) {
	switch e.Kind {
	case raft.EventBecameLeader:
		w.elected(node, e.Term)
	case raft.EventBecameFollower, raft.EventBecamePreCand, raft.EventBecameCandidate:
		w.leads[node] = 0
	case raft.EventCommitted:
		w.commitsUpTo(node, e.Term, e.Index)
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
	holders := 0
	for n := range w.disk {
		if got, ok := w.disk[n].digestOf(i); ok && got == prefix {
			holders++
		} else if got, ok := w.before[n].digestOf(i); ok && got == prefix {
			holders++ // it was, when the leader heard of it
		}
	}
	w.must(holders >= w.quorum, CommitOnMajority, func() string {
		return name(node) + " commits entry " + num(uint64(i)) + ", which is on " + count(uint64(holders), "disk", "disks")
	})
	last := w.commit()
	w.must(m.prefix[last] == w.commits[last].prefix, StateMachineSafety, func() string {
		return name(node) + " commits up to " + num(uint64(i)) + " with other entries before it than were committed"
	})
	for j := last + 1; j <= i; j++ {
		w.commits = append(w.commits, commitment{m.prefix[j], term})
	}
	for n, leads := range w.leads {
		if leads > term {
			w.complete(n, leads, i)
		}
	}
}

// applies is told of every entry that node's state machine is given.
func (w *witness) applies(node int, e *raft.Entry) {
	at := w.applied[node]
	w.must(e.Index == at+1, StateMachineSafety, func() string {
		return name(node) + " applies entry " + num(uint64(e.Index)) + " after " + num(uint64(at))
	})
	w.must(e.Index <= w.commit(), StateMachineSafety, func() string {
		return name(node) + " applies entry " + num(uint64(e.Index)) + ", which no leader has committed"
	})
	if w.broken != nil {
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
