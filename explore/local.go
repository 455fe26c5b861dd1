package explore

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"veche/raft"
)

// local is the state of one server, kept once. What every input makes of it is
// found once and kept beside it.
type local struct {
	number uint32
	s      *server
	id     uint64 // hash
	role   raft.Role
	term   raft.Term
	solid  raft.Term // the term that is on the disk
	commit *logNode
	twins  [permsMax]*local
	sums   [permsMax]uint64
	made   atomic.Pointer[made] // results by input; replaced when one is added
}

type made struct {
	inputs  []input
	results []*result
}

// result is what an input makes of a local.
type result struct {
	next  *local
	sends []*message
	told  []raft.Outcome
	idle  bool // nothing changed, nothing was sent, nobody was told
	hears bool // it refused a vote because it heard a leader a moment ago
}

// world is what a search shares: everything that is kept once.
type world struct {
	scope     *Scope
	servers   int
	initial   raft.Configuration
	budget    budget
	renamings []renaming
	after     [][]int

	mu        sync.Mutex // guards: all below, for those who add
	root      *logNode
	logs      arena[logNode]
	logBy     map[logKey]*logNode
	locals    arena[local]
	localBy   map[uint64]*local
	messages  arena[message]
	messageBy map[string]*message
	trouble   string // the explorer's own premises are broken
}

func newWorld(scope *Scope) (*world, error) {
	n := scope.Voters + scope.Learners
	if n > serversMax || scope.Voters < 1 {
		return nil, fmt.Errorf("explore: %s: a scope has from 1 to %d servers", scope.Name, serversMax)
	}
	w := &world{scope: scope, servers: n, budget: scope.Budget.pack(), renamings: renamings(n, scope.Alike),
		logBy: map[logKey]*logNode{}, localBy: map[uint64]*local{}, messageBy: map[string]*message{}}
	w.after = compose(w.renamings)
	for k := range n {
		id := raft.NodeID(k) + 1
		w.initial.Members = append(w.initial.Members, raft.Member{ID: id, Incarnation: 1, Level: raft.LevelNow})
		if k < scope.Voters {
			w.initial.Voters = append(w.initial.Voters, id)
		} else {
			w.initial.Learners = append(w.initial.Learners, id)
		}
	}
	w.root = &logNode{config: &w.initial}
	w.logs.add(w.root)
	return w, nil
}

// first gives the servers at their first start.
func (w *world) first() ([]*local, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]*local, w.servers)
	for k := range all {
		orbit := make([]*server, len(w.renamings))
		for g := range orbit {
			s, err := w.start(w.renamings[g][k])
			if err != nil {
				return nil, err
			}
			orbit[g] = s
		}
		all[k] = w.keep(orbit)
	}
	return all, nil
}

// keep gives the local that a server is, with its twins: orbit[g] is the server
// under renaming g. The caller holds w.mu.
func (w *world) keep(orbit []*server) *local {
	if l := w.localBy[orbit[0].hash()]; l != nil {
		return l
	}
	all := make([]*local, len(orbit))
	for g, s := range orbit {
		id := s.hash()
		l := w.localBy[id]
		if l == nil {
			l = &local{s: s, id: id, role: s.core.Role(), term: s.core.Term(), solid: s.image.Hard.Term, commit: s.log.upTo(s.core.CommitIndex())}
			if l.commit == nil {
				s.breaks("more is committed than there is")
				l.commit = w.root
			}
			l.made.Store(&made{})
			l.number = w.locals.add(l)
			w.localBy[id] = l
		}
		all[g] = l
	}
	for g := range all {
		for h := range all {
			t := all[w.after[h][g]]
			all[g].twins[h] = t
			all[g].sums[h] = mix(t.id)
		}
	}
	return all[0]
}

// after an input: the kept result, or the core is run.
func (w *world) outcome(l *local, in input) *result {
	m := l.made.Load()
	for k, have := range m.inputs {
		if have == in {
			return m.results[k]
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.make(l, in)
}

// make runs the core, on l and on its twins when what comes of it is new. The
// caller holds w.mu.
func (w *world) make(l *local, in input) *result {
	m := l.made.Load()
	if k := slices.Index(m.inputs, in); k >= 0 {
		return m.results[k]
	}
	s, fx := w.try(l, in)
	r := &result{told: fx.told, hears: fx.hears}
	for k := range fx.sends {
		r.sends = append(r.sends, w.numberOf(&fx.sends[k]))
	}
	if next := w.localBy[s.hash()]; next != nil {
		r.next = next
	} else {
		orbit := []*server{s}
		for g := 1; g < len(w.renamings); g++ {
			t, tfx := w.try(l.twins[g], w.renamed(in, g))
			w.compare(l, in, g, r.sends, tfx)
			orbit = append(orbit, t)
		}
		r.next = w.keep(orbit)
	}
	r.idle = r.next == l && len(r.sends) == 0 && len(r.told) == 0
	l.made.Store(&made{inputs: append(slices.Clone(m.inputs), in), results: append(slices.Clone(m.results), r)})
	return r
}

func (w *world) try(l *local, in input) (*server, *effects) {
	s, fx := l.s.clone(), &effects{}
	w.run(s, in, fx)
	if s.core.Role() == raft.Leader {
		if t := s.core.Term(); t < termMax {
			s.led |= 1 << t
		}
	}
	return s, fx
}

// compare sees that a twin sent what its names say: the core must not look at
// names otherwise than to tell them apart.
func (w *world) compare(l *local, in input, g int, sends []*message, tfx *effects) {
	same := len(sends) == len(tfx.sends)
	for k := range tfx.sends {
		m := w.numberOf(&tfx.sends[k])
		same = same && slices.ContainsFunc(sends, func(o *message) bool { return o.twins[g] == m })
	}
	if !same && w.trouble == "" {
		w.trouble = fmt.Sprintf("server %d does other things under another name: %s", l.s.slot+1, w.tell(int(l.s.slot), in))
	}
}

// dead says whether m can have no effect at l any more, whatever comes.
func (w *world) dead(m *message, l *local) bool {
	past := m.term < l.solid
	ended := past || m.term <= l.solid && l.role == raft.Follower
	switch m.m.Kind {
	case raft.KindVoteReply:
		r := &m.m.VoteReply
		now := r.Campaign == l.s.campaign && (r.Pre && l.role == raft.PreCandidate || !r.Pre && l.role == raft.Candidate)
		return !now && (m.term <= l.solid || r.Pre && r.Granted)
	case raft.KindAppendReply, raft.KindHeartbeatRep:
		return ended
	case raft.KindReadIndexRep, raft.KindTimeoutNow:
		return past
	case raft.KindRequestVote, raft.KindAppend, raft.KindHeartbeat, raft.KindInstallSnapshot:
		return past && !w.scope.Stale
	case raft.KindSnapshotChunk:
		return m.base.Index <= l.commit.index
	}
	return false
}
