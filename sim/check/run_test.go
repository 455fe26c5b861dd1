package check

import (
	"strings"
	"testing"
	"time"

	"veche/raft"
	"veche/sim"
)

// TestSeeds_HoldInvariants runs many seeds of a whole cluster among faults on
// all processors, and wants every promise kept in each: safety after every step,
// linearizability, and liveness once the faults are over.
func TestSeeds_HoldInvariants(t *testing.T) {
	seeds := 1000
	if testing.Short() {
		seeds = 100
	}
	totals, failure := Run(Options{First: 1, Seeds: seeds, Repeat: 50})
	t.Log(totals.String())
	if failure != nil {
		failure = Shrink(failure, 200)
		kept, err := failure.Keep("testdata/seeds")
		t.Fatalf("%v\nit is kept in %s (%v):\n%s", failure, kept, err, failure.Text())
	}
	if totals.Seeds != seeds || totals.OperationsPerSecond() < 20 || totals.FaultsPerMinute() < 25 {
		t.Errorf("the seeds did too little: %s", &totals)
	}
}

// TestSeeds_OtherSizesOfClusters runs a few seeds of one, two, three, four and
// seven servers.
func TestSeeds_OtherSizesOfClusters(t *testing.T) {
	for _, nodes := range []int{1, 2, 3, 4, 7} {
		if totals, failure := Run(Options{First: 1, Seeds: 10, Nodes: nodes, Run: 20 * raft.Second}); failure != nil {
			t.Fatalf("%d servers: %v", nodes, failure)
		} else if totals.Done == 0 {
			t.Errorf("%d servers carried nothing out", nodes)
		}
	}
}

// TestLinearizable_SeesWhatCannotBe gives small histories by hand: those that an
// order explains, and those that none does.
func TestLinearizable_SeesWhatCannotBe(t *testing.T) {
	op := func(id uint64, kind sim.OpKind, call, end int64, value uint64) sim.Op {
		return sim.Op{ID: id, Client: int(id), Kind: kind, Key: 1, Call: raft.Time(call), Return: raft.Time(end), Outcome: sim.OpDone, Value: value, Applied: 1}
	}
	unknown := func(o sim.Op) sim.Op { o.Outcome = sim.OpUnknown; return o }
	lost := func(o sim.Op) sim.Op { o.Outcome, o.Applied = sim.OpUnknown, 0; return o }
	swap := func(o sim.Op, old uint64, did bool) sim.Op { o.Old, o.Swapped = old, did; return o }
	for _, c := range []struct {
		name string
		ops  []sim.Op
		ok   bool
	}{
		{"read what was written", []sim.Op{op(1, sim.OpPut, 0, 10, 0), op(2, sim.OpGet, 20, 30, 1)}, true},
		{"stale read", []sim.Op{op(1, sim.OpPut, 0, 10, 0), op(2, sim.OpGet, 20, 30, 0)}, false},
		{"read at the same time, old value", []sim.Op{op(1, sim.OpPut, 0, 25, 0), op(2, sim.OpGet, 20, 30, 0)}, true},
		{"the value goes back", []sim.Op{op(1, sim.OpPut, 0, 50, 0), op(2, sim.OpGet, 10, 20, 1), op(3, sim.OpGet, 30, 40, 0)}, false},
		{"unknown write is seen late", []sim.Op{unknown(op(1, sim.OpPut, 0, 10, 0)), op(2, sim.OpGet, 20, 30, 0), op(3, sim.OpGet, 40, 50, 1)}, true},
		{"a write that the log never held is seen", []sim.Op{lost(op(1, sim.OpPut, 0, 10, 0)), op(2, sim.OpGet, 20, 30, 1)}, false},
		{"two swaps of one value", []sim.Op{swap(op(1, sim.OpSwap, 0, 10, 0), 0, true), swap(op(2, sim.OpSwap, 20, 30, 0), 0, true)}, false},
		{"delete", []sim.Op{op(1, sim.OpPut, 0, 10, 0), op(2, sim.OpDelete, 20, 30, 0), op(3, sim.OpGet, 40, 50, 0)}, true},
	} {
		if _, _, err := Linearizable(c.ops); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestTotals_SayWhatAFullRunLacks asks an empty run, and one that did enough.
func TestTotals_SayWhatAFullRunLacks(t *testing.T) {
	var none Totals
	if wants := none.Wants(); len(wants) < 3+sim.Points+sim.Classes {
		t.Errorf("a run that did nothing wants only %q", wants)
	}
	much := Totals{Simulated: 3600 * raft.Second, Processor: time.Second, Done: 1e6, Leased: 1, Changed: 1}
	for c := range much.Faults {
		much.Faults[c] = 1e4
	}
	for p := range much.Ends {
		much.Ends[p] = 1
	}
	if wants := much.Wants(); wants != nil {
		t.Errorf("a run that did enough wants %q", wants)
	}
}

// TestFailure_SaysHowToRepeatIt formats a failure by hand.
func TestFailure_SaysHowToRepeatIt(t *testing.T) {
	f := &Failure{Options: sim.Options{Seed: 7, Nodes: 3, Run: 20 * raft.Second, Only: []int{2}, Clients: 1}, Step: 9, At: raft.Time(raft.Second),
		Plan:   sim.Plan{Faults: []sim.Fault{{Number: 1}, {Number: 2, At: raft.Time(raft.Second), Class: sim.FaultPartition}}},
		Broken: &sim.Broken{Invariant: sim.ElectionSafety, How: "S1 and S2 both lead term 2"}, Tail: []sim.Record{{Kind: sim.RecordFault, Note: "the net splits"}}}
	for _, want := range []string{"seed 7, step 9, 1000.0 ms", "Election Safety", "the net splits", "2, at 1000.0 ms: partitions",
		"veche sim run --seed 7 --verbose --nodes 3 --seconds 20 --clients 1 --only 2"} {
		if !strings.Contains(f.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, f)
		}
	}
}
