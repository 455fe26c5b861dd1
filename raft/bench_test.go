package raft

import "testing"

// BenchmarkPropose measures one command from proposal to commit, in a group
// whose disks and wires cost nothing. Budget: 2 allocations with one voter, 4
// with three.
func BenchmarkPropose(b *testing.B) {
	for _, n := range []int{1, 3, 5} {
		b.Run(map[int]string{1: "voters=1", 3: "voters=3", 5: "voters=5"}[n], func(b *testing.B) {
			g := newBenchGroup(b, n)
			data := make([]byte, 256)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				ps := [1]Proposal{{Tag: uint64(i), Kind: EntryCommand, Data: data}}
				g.step(g.lead, Input{Kind: InputPropose, Proposals: ps[:]})
				g.settle()
				if i%1024 == 1023 { // what a server does behind its snapshots
					for k := range g.cores {
						g.step(k, Input{Kind: InputSnapshotted, Index: g.cores[k].handed})
					}
					g.settle()
				}
			}
		})
	}
}

// BenchmarkHeartbeat measures one round among three servers. Budget: no
// allocation.
func BenchmarkHeartbeat(b *testing.B) {
	g := newBenchGroup(b, 3)
	b.ReportAllocs()
	for b.Loop() {
		g.now += Time(DefaultHeartbeat)
		g.step(g.lead, Input{Kind: InputWake})
		g.settle()
	}
}

// BenchmarkRead measures one read at the leader, its round included. Budget: no
// allocation.
func BenchmarkRead(b *testing.B) {
	g := newBenchGroup(b, 3)
	b.ReportAllocs()
	for b.Loop() {
		g.step(g.lead, Input{Kind: InputRead, Tag: 1})
		g.settle()
	}
}

// benchGroup is a group whose wires and disks take no time.
type benchGroup struct {
	now   Time
	cores []*Core
	outs  []Output
	queue []Message
	lead  int
}

func newBenchGroup(b *testing.B, n int) *benchGroup {
	g := &benchGroup{outs: make([]Output, n), queue: make([]Message, 0, 1024)}
	conf := Configuration{}
	for id := NodeID(1); id <= NodeID(n); id++ {
		conf.Members = append(conf.Members, Member{ID: id, Incarnation: Incarnation(id)})
		conf.Voters = append(conf.Voters, id)
	}
	for id := NodeID(1); id <= NodeID(n); id++ {
		core, err := New(Config{Group: 1, Self: id, Incarnation: Incarnation(id), Initial: conf, Seed: uint64(id)},
			Restored{Hard: HardState{Standing: Admitted}}, 0)
		if err != nil {
			b.Fatal(err)
		}
		g.cores = append(g.cores, core)
	}
	g.now = g.cores[0].deadline
	g.step(0, Input{Kind: InputWake})
	g.settle()
	if g.cores[0].Role() != Leader {
		b.Fatal("no leader")
	}
	return g
}

func (g *benchGroup) step(k int, in Input) {
	o := &g.outs[k]
	g.cores[k].Step(g.now, in, o)
	g.queue = append(g.queue, o.Send...)
	if seq := o.Write.Seq; seq != 0 {
		g.step(k, Input{Kind: InputPersisted, Seq: seq})
	}
}

// settle delivers until nothing is on its way.
func (g *benchGroup) settle() {
	for k := 0; k < len(g.queue); k++ {
		g.step(int(g.queue[k].To)-1, Input{Kind: InputReceive, Message: &g.queue[k]})
	}
	g.queue = g.queue[:0]
}
