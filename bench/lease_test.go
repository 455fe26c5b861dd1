package bench

import (
	"fmt"
	"testing"

	etcdraft "go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"veche/raft"
)

// The schedule that both have to stand: three servers whose clocks are equal to
// the nanosecond. The election timeout is ten ticks or more, the heartbeat two.
// After a while the leader is cut off, and the others elect another and write.
const (
	tick           = 10 * raft.Millisecond
	electionTicks  = 10
	heartbeatTicks = 2
	phases         = electionTicks // when, after its last check of the quorum, the leader is cut off
)

// leaseGroup is one implementation under the schedule. Every method acts at once:
// messages take no time.
type leaseGroup interface {
	tick()
	cutOff()              // the leader
	read() (uint64, bool) // what the leader answers by its lease, also when it is cut off
	write() uint64        // what the others have committed, with another write; 0: they have no leader
}

// Goal: show that a lease read of go.etcd.io/raft (ReadOnlyLeaseBased with
// CheckQuorum, as its documentation asks for) is stale although all clocks are
// equal, and that Veche's is not, under the same schedule. Method: cut the
// leader off at each phase, let it read with every tick, and compare what it
// answers with what the others have committed.
func TestLease_StaleInEtcdRaftNotHere(t *testing.T) {
	for _, tc := range []struct {
		name  string
		begin func(*testing.T, uint64) leaseGroup
		stale bool
	}{
		{"go.etcd.io/raft", newEtcdGroup, true},
		{"veche", newVecheGroup, false},
	} {
		answered, stale, first := 0, 0, 0
		for phase := range phases {
			for seed := range uint64(5) {
				g := tc.begin(t, seed)
				for range 5*electionTicks + phase {
					g.tick()
				}
				if _, ok := g.read(); !ok {
					t.Fatalf("%s: a leader that all hear has no lease", tc.name)
				}
				g.cutOff()
				for after := 1; after <= 4*electionTicks; after++ {
					g.tick()
					index, ok := g.read()
					committed := g.write()
					if !ok {
						continue
					}
					answered++
					if committed > index {
						stale++
						if first == 0 || after < first {
							first = after
						}
					}
				}
			}
		}
		told := "none of them stale"
		if stale > 0 {
			told = fmt.Sprintf("%d of them stale, the first %.1f election timeouts after the cut", stale, float64(first)/electionTicks)
		}
		t.Logf("%s: %d reads answered by a leader that is cut off, %s", tc.name, answered, told)
		if answered == 0 || (stale > 0) != tc.stale {
			t.Errorf("%s: %d stale reads, expected %v", tc.name, stale, tc.stale)
		}
	}
}

// etcdGroup drives go.etcd.io/raft.
type etcdGroup struct {
	t       *testing.T
	nodes   []*etcdraft.RawNode
	stores  []*etcdraft.MemoryStorage
	commit  []uint64
	answers []etcdraft.ReadState // of the leader, or of who was it
	lead    int                  // before the cut
	cut     bool
	asked   uint64
}

func newEtcdGroup(t *testing.T, _ uint64) leaseGroup {
	g := &etcdGroup{t: t}
	for k := range members {
		store := etcdraft.NewMemoryStorage()
		one := uint64(1)
		if err := store.ApplySnapshot(&raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{
			Index: &one, Term: &one, ConfState: &raftpb.ConfState{Voters: []uint64{1, 2, 3}}}}); err != nil {
			t.Fatal(err)
		}
		node, err := etcdraft.NewRawNode(&etcdraft.Config{ID: uint64(k + 1), ElectionTick: electionTicks, HeartbeatTick: heartbeatTicks,
			Storage: store, Applied: 1, MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 256, Logger: silent{},
			CheckQuorum: true, PreVote: true, ReadOnlyOption: etcdraft.ReadOnlyLeaseBased})
		if err != nil {
			t.Fatal(err)
		}
		g.nodes, g.stores, g.commit = append(g.nodes, node), append(g.stores, store), append(g.commit, 1)
	}
	if err := g.nodes[0].Campaign(); err != nil {
		t.Fatal(err)
	}
	g.settle()
	if g.commit[0] != 2 {
		t.Fatal("etcd's raft elected no leader")
	}
	return g
}

// settle does what every node wants done until nothing is left.
func (g *etcdGroup) settle() {
	for again := true; again; {
		again = false
		for k, n := range g.nodes {
			for n.HasReady() {
				again = true
				rd := n.Ready()
				if err := g.stores[k].Append(rd.Entries); err != nil {
					g.t.Fatal(err)
				}
				if rd.HardState != nil && !etcdraft.IsEmptyHardState(rd.HardState) {
					if err := g.stores[k].SetHardState(rd.HardState); err != nil {
						g.t.Fatal(err)
					}
				}
				if k == g.lead {
					g.answers = append(g.answers, rd.ReadStates...)
				}
				for _, e := range rd.CommittedEntries {
					g.commit[k] = e.GetIndex()
				}
				for _, m := range rd.Messages {
					to := int(m.GetTo()) - 1
					if !g.cut || to != g.lead && k != g.lead {
						_ = g.nodes[to].Step(m) // what it refuses is lost, as on a network
					}
				}
				n.Advance(rd)
			}
		}
	}
}

func (g *etcdGroup) tick() {
	for _, n := range g.nodes {
		n.Tick()
	}
	g.settle()
}

func (g *etcdGroup) cutOff() { g.cut = true }

func (g *etcdGroup) read() (uint64, bool) {
	g.answers = g.answers[:0]
	if g.nodes[g.lead].BasicStatus().RaftState != etcdraft.StateLeader {
		return 0, false
	}
	g.asked++
	g.nodes[g.lead].ReadIndex(fmt.Append(nil, g.asked))
	g.settle()
	if len(g.answers) == 0 {
		return 0, false
	}
	return g.answers[0].Index, true
}

func (g *etcdGroup) write() uint64 {
	for k, n := range g.nodes {
		if k != g.lead && n.BasicStatus().RaftState == etcdraft.StateLeader {
			if err := n.Propose([]byte("x")); err != nil {
				g.t.Fatal(err)
			}
			g.settle()
			return g.commit[k]
		}
	}
	return 0
}

// silent is a logger that says nothing.
type silent struct{}

func (silent) Debug(...any)            {}
func (silent) Debugf(string, ...any)   {}
func (silent) Info(...any)             {}
func (silent) Infof(string, ...any)    {}
func (silent) Warning(...any)          {}
func (silent) Warningf(string, ...any) {}
func (silent) Error(...any)            {}
func (silent) Errorf(string, ...any)   {}
func (silent) Fatal(v ...any)          { panic(fmt.Sprint(v...)) }
func (silent) Fatalf(f string, v ...any) {
	panic(fmt.Sprintf(f, v...))
}
func (silent) Panic(v ...any)            { panic(fmt.Sprint(v...)) }
func (silent) Panicf(f string, v ...any) { panic(fmt.Sprintf(f, v...)) }

// vecheGroup drives veche/raft.
type vecheGroup struct {
	t     *testing.T
	now   raft.Time
	cores []*raft.Core
	wakes []raft.Time
	queue []raft.Message
	last  []raft.Outcome // of the latest step
	lead  int
	cut   bool
}

func newVecheGroup(t *testing.T, seed uint64) leaseGroup {
	g := &vecheGroup{t: t, now: raft.Time(raft.Second)}
	conf := raft.Configuration{}
	for id := raft.NodeID(1); id <= members; id++ {
		conf.Members = append(conf.Members, raft.Member{ID: id, Incarnation: raft.Incarnation(id), Level: raft.LevelNow})
		conf.Voters = append(conf.Voters, id)
	}
	for id := raft.NodeID(1); id <= members; id++ {
		core, err := raft.New(raft.Config{Group: 1, Self: id, Incarnation: raft.Incarnation(id), Initial: conf, Seed: seed<<8 + uint64(id),
			ElectionMin: electionTicks * tick, ElectionMax: 2 * electionTicks * tick, Heartbeat: heartbeatTicks * tick,
			NoFastDetection: true, LeaseReads: true},
			raft.Restored{Hard: raft.HardState{Standing: raft.Admitted}}, g.now)
		if err != nil {
			t.Fatal(err)
		}
		g.cores, g.wakes = append(g.cores, core), append(g.wakes, g.now)
	}
	for g.lead = -1; g.lead < 0; g.tick() {
		for k, c := range g.cores {
			if c.Role() == raft.Leader {
				g.lead = k
			}
		}
	}
	return g
}

func (g *vecheGroup) step(k int, in raft.Input) {
	var out raft.Output
	g.cores[k].Step(g.now, in, &out)
	g.wakes[k] = out.Wake
	g.last = append(g.last[:0], out.Outcomes...)
	g.queue = append(g.queue, out.Send...)
	if seq := out.Write.Seq; seq != 0 {
		g.step(k, raft.Input{Kind: raft.InputPersisted, Seq: seq})
	}
}

func (g *vecheGroup) settle() {
	for len(g.queue) > 0 {
		m := g.queue[0]
		g.queue = g.queue[1:]
		if from, to := int(m.From)-1, int(m.To)-1; !g.cut || from != g.lead && to != g.lead {
			g.step(to, raft.Input{Kind: raft.InputReceive, Message: &m})
		}
	}
}

func (g *vecheGroup) tick() {
	g.now += raft.Time(tick)
	for k := range g.cores {
		if g.wakes[k] <= g.now {
			g.step(k, raft.Input{Kind: raft.InputWake})
		}
	}
	g.settle()
}

func (g *vecheGroup) cutOff() { g.cut = true }

func (g *vecheGroup) read() (uint64, bool) {
	g.step(g.lead, raft.Input{Kind: raft.InputRead, Tag: 1, Lease: true})
	for _, o := range g.last {
		if o.Kind == raft.ReadReady && o.Expiry > g.now {
			return uint64(o.Index), true
		}
	}
	g.settle()
	return 0, false
}

func (g *vecheGroup) write() uint64 {
	for k, c := range g.cores {
		if k != g.lead && c.Role() == raft.Leader {
			g.step(k, raft.Input{Kind: raft.InputPropose, Proposals: []raft.Proposal{{Tag: 2, Kind: raft.EntryCommand, Data: []byte("x")}}})
			g.settle()
			return uint64(c.CommitIndex())
		}
	}
	return 0
}
