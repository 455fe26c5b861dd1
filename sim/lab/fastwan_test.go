package lab

import (
	"slices"
	"testing"

	"veche/raft"
	"veche/sim"
)

// Goal: fast detection does no harm where messages take long against its pauses.
// Method: 200 crashes of the leader with 10 to 15 ms on the wire, so that a round
// trip is longer than a candidate's first pauses, with and without fast detection;
// the terms that it takes until somebody leads, and the time.
func TestFast_FarServersDoNotSplitVotesForLong(t *testing.T) {
	fast, fastTerms := crashFar(t, false)
	slow, slowTerms := crashFar(t, true)
	t.Logf("without a leader, median and p90: %d and %d ms with fast detection, %d and %d without; terms %d and %d, %d and %d",
		fast[100]/raft.Millisecond, fast[180]/raft.Millisecond, slow[100]/raft.Millisecond, slow[180]/raft.Millisecond,
		fastTerms[100], fastTerms[180], slowTerms[100], slowTerms[180])
	if fast[100] > slow[100]*3/2 || fast[180] > slow[180]*2 || fastTerms[180] > 5 {
		t.Error("fast detection makes it much slower")
	}
}

// crashFar crashes 200 leaders, and gives the times and the terms in order.
func crashFar(t *testing.T, slow bool) (gaps []raft.Duration, terms []int) {
	t.Helper()
	for seed := uint64(1); seed <= 200; seed++ {
		w := sim.New(sim.Options{Seed: seed, Nodes: 5, Trial: &sim.Trial{WireMin: 10 * raft.Millisecond, WireMax: 15 * raft.Millisecond,
			SyncMin: raft.Millisecond / 2, SyncMax: raft.Millisecond, Slow: slow}})
		for i := range 5 {
			w.Start(i)
		}
		w.RunUntil(raft.Time(2 * raft.Second))
		old, term, led := w.Leader()
		if !led {
			t.Fatalf("seed %d: nobody leads after two seconds", seed)
		}
		w.Crash(old)
		for began := w.Now(); ; {
			w.RunUntil(w.Now() + raft.Time(raft.Millisecond))
			if i, now, ok := w.Leader(); ok && i != old {
				terms, gaps = append(terms, int(now-term)), append(gaps, raft.Duration(w.Now()-began))
				break
			}
			if w.Broken() != nil || w.Now() > began+raft.Time(10*raft.Second) {
				t.Fatalf("seed %d: nobody leads: %v", seed, w.Broken())
			}
		}
	}
	slices.Sort(terms)
	slices.Sort(gaps)
	return gaps, terms
}
