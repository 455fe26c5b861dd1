package raft

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// subset draws an increasing list of IDs from 1 to 7.
func subset(t *rapid.T, least int, name string) []NodeID {
	ids := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) NodeID { return NodeID(rapid.IntRange(1, 7).Draw(t, "id")) }),
		least, 7, rapid.ID).Draw(t, name)
	slices.Sort(ids)
	return ids
}

// Goal: votes and indexes are counted as the definition of a majority says, also
// in joint configurations (§6). Method: compare with counting every subset.
func TestQuorum_CountsLikeTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Configuration{Voters: subset(t, 1, "voters"), Outgoing: subset(t, 0, "outgoing")}
		halves := [][]NodeID{c.Voters}
		if len(c.Outgoing) > 0 {
			halves = append(halves, c.Outgoing)
		}
		// everyHalf says whether a strict majority of each half satisfies has.
		everyHalf := func(has func(NodeID) bool) bool {
			for _, half := range halves {
				n := 0
				for _, id := range half {
					if has(id) {
						n++
					}
				}
				if 2*n <= len(half) {
					return false
				}
			}
			return true
		}
		ballot := map[NodeID]int{} // 0 none, 1 yes, 2 no
		value := map[NodeID]uint64{}
		for id := NodeID(1); id <= 7; id++ {
			ballot[id] = rapid.IntRange(0, 2).Draw(t, "ballot")
			value[id] = rapid.Uint64Range(0, 5).Draw(t, "value")
		}
		won, lost := c.decided(func(id NodeID) (yes, no bool) { return ballot[id] == 1, ballot[id] == 2 })
		if want := everyHalf(func(id NodeID) bool { return ballot[id] == 1 }); won != want {
			t.Fatalf("won %v, want %v", won, want)
		}
		if want := !everyHalf(func(id NodeID) bool { return ballot[id] != 2 }); lost != want {
			t.Fatalf("lost %v, want %v", lost, want)
		}
		best := uint64(0)
		for v := uint64(1); v <= 5; v++ {
			if everyHalf(func(id NodeID) bool { return value[id] >= v }) {
				best = v
			}
		}
		if got := c.reached(func(id NodeID) uint64 { return value[id] }); got != best {
			t.Fatalf("reached %d, want %d", got, best)
		}
	})
}

// Goal: any two majorities share a voter, for even sizes too (case 24). Method:
// all pairs of voter sets of up to seven.
func TestQuorum_TwoMajoritiesMeet(t *testing.T) {
	for n := 1; n <= 7; n++ {
		var c Configuration
		for id := NodeID(1); id <= NodeID(n); id++ {
			c.Voters = append(c.Voters, id)
		}
		var winning []int
		for set := range 1 << n {
			if won, _ := c.decided(func(id NodeID) (yes, no bool) { return set>>(id-1)&1 == 1, false }); won {
				winning = append(winning, set)
			}
		}
		for _, a := range winning {
			for _, b := range winning {
				if a&b == 0 {
					t.Fatalf("of %d voters, %b and %b both decide", n, a, b)
				}
			}
		}
	}
}
