package lab

import (
	"slices"
	"strings"
	"testing"

	"veche/raft"
	"veche/sim"
)

// Goal: whatever happens to the links, the cluster as it serves is at work again
// and nobody's term runs away. Method: each fault with the leader at every place
// that matters and ten seeds, both rules on; the bounds are an election or two.
func TestLinks_ProductionComesThroughEveryFault(t *testing.T) {
	seeds := 10
	if testing.Short() {
		seeds = 1
	}
	for _, f := range LinkFaults() {
		got := RunLinks(&f, Rules{PreVote: true, CheckQuorum: true}, seeds)
		if got.Broken != nil {
			t.Errorf("%s: %v", f.Name, got.Broken)
		}
		if got.Verdict > Recovered || got.Changes > 0 {
			t.Errorf("%s: %v, with %d changes of the leader in the last 30 s", f.Name, got.Verdict, got.Changes)
		}
		if got.Terms > 3 {
			t.Errorf("%s: %d terms were used", f.Name, got.Terms)
		}
		if got.Gap > 2*raft.Second || got.Committed < got.Proposed-20 {
			t.Errorf("%s: %d of %d committed, the longest pause was %d ms", f.Name, got.Committed, got.Proposed, got.Gap/raft.Millisecond)
		}
		if got.Runs != seeds*len(f.leaders) || got.Proposed != 600 {
			t.Errorf("%s: %d runs of %d proposals", f.Name, got.Runs, got.Proposed)
		}
	}
}

// Goal: whichever links die both ways, a cluster in which one server still reaches
// a majority is at work again. Method: random links, sparse and dense, cut where
// the leader may stand anywhere; the seven faults are only the famous ones.
func TestLinks_AnyServerWithAMajorityIsFound(t *testing.T) {
	r := sim.NewRand(42, 9)
	tried := 0
	for tried < 30 {
		f := LinkFault{Name: "random", leaders: []int{1}}
		reach := [linkNodes + 1]int{}
		often := 1 + r.Intn(6)
		for a := 1; a <= linkNodes; a++ {
			for b := a + 1; b <= linkNodes; b++ {
				if r.Chance(often, 8) {
					f.dead = append(f.dead, [2]int{a, b}, [2]int{b, a})
				} else {
					reach[a]++
					reach[b]++
				}
			}
		}
		if slices.Max(reach[:]) < linkNodes/2 {
			continue // nobody reaches a majority
		}
		tried++
		got := runLink(&f, Rules{PreVote: true, CheckQuorum: true}, 1, uint64(tried))
		if got.Verdict > Recovered || got.Terms > 3 || got.Broken != nil {
			t.Errorf("without the links %v: %v, %d terms, %v", f.dead, got.Verdict, got.Terms, got.Broken)
		}
	}
}

// Goal: a seed is a result. Method: one fault twice, everything equal.
func TestLinks_SameSeedSameResult(t *testing.T) {
	f := LinkFaults()[0]
	a, b := runLink(&f, Rules{true, true}, 1, 7), runLink(&f, Rules{true, true}, 1, 7)
	if a != b {
		t.Errorf("%+v, and then %+v", a, b)
	}
}

// Goal: each verdict is given for what it says. Method: made-up observations.
func TestLinks_VerdictsSayWhatWasSeen(t *testing.T) {
	for _, c := range []struct {
		res  LinkResult
		want Verdict
	}{
		{LinkResult{Gap: 100 * raft.Millisecond}, Stable},
		{LinkResult{Gap: 400 * raft.Millisecond, Terms: 1}, Recovered},
		{LinkResult{Gap: 100 * raft.Millisecond, Terms: 50}, TermsGrow},
		{LinkResult{Gap: 400 * raft.Millisecond, Terms: 50, Changes: 20}, Restless},
		{LinkResult{Gap: watchFor, Terms: 50}, Split},
		{LinkResult{Gap: watchFor}, Leaderless},
	} {
		x := &linkRun{world: newLinkWorld(1, Rules{true, true}, nil), res: c.res} // nobody has started: nobody leads
		if c.res.Gap < calmFor {
			x.doneAt = 1
		} else {
			x.world.RunUntil(raft.Time(watchFor))
		}
		if x.judge(); x.res.Verdict != c.want {
			t.Errorf("%+v is judged %v, not %v", c.res, x.res.Verdict, c.want)
		}
	}
}

// Goal: the picture is well-formed and has a cell for each fault and rule, and
// links drawn as the fault has them. Method: made-up results; read the XML.
func TestPlotLinks_DrawsEveryCell(t *testing.T) {
	faults, rules := LinkFaults(), []Rules{{true, true}, {}}
	results := make([][]LinkResult, len(faults))
	for i := range results {
		results[i] = []LinkResult{{Committed: 597, Proposed: 600}, {Verdict: Powerless, Proposed: 600}}
	}
	svg := PlotLinks(faults, rules, results)
	wellFormed(t, svg)
	for text, times := range map[string]int{"597 of 600": len(faults), "0 of 600": len(faults), `class="good"`: len(faults), `class="poor"`: len(faults),
		"<circle": 5 * len(faults), `class="tip"`: 8, `class="node down"`: 2, "prefers-color-scheme:dark": 1} {
		if n := strings.Count(svg, text); n < times || n > times && text != "0 of 600" {
			t.Errorf("%q stands in the picture %d times, not %d", text, n, times)
		}
	}
}
