package sim

import (
	"strings"
	"testing"

	"veche/raft"
)

// Goal: a story can name rules that are left out only where they can be, and ask
// for promises only that there are. Method: commands, and what they are answered.
func TestPlayer_LeavesOutRulesOnlyInALab(t *testing.T) {
	for _, c := range []struct{ command, want string }{
		{"without gravity", "gravity"},
		{"without step-down", map[bool]string{false: "only a build with the tag lab can"}[raft.LabBuild]},
	} {
		err := Open(func(*Record) {}).Do(c.command)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", c.command, err)
		}
	}
	p := Open(func(*Record) {})
	if err := p.Begin(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		condition string
		fails     bool
	}{{"not broken", false}, {"not broken Election Safety", false}, {"broken promises", true}} {
		if ok, err := p.Holds(c.condition); (err != nil) != c.fails || !ok && !c.fails {
			t.Errorf("%s: %v, %v", c.condition, ok, err)
		}
	}
}

// Goal: where rules are left out the witness goes on, notes each promise once, and
// the first that is shown counts. Method: break three by hand, one of them twice.
func TestWitness_LawlessGoesOn(t *testing.T) {
	s := scene{newWitness(3, &threeServers)}
	s.lawless = true
	w := &World{witness: s.witness}
	s.keep(0, 1, 3, 2)
	s.sent(0, vote3(2), false)
	s.keep(0, 2, 3, 3)
	s.sent(0, vote3(3), false) // twice in term 3
	if w.Broken() != nil || len(w.AllBroken()) != 1 {
		t.Errorf("what guards promises is shown: %v", w.AllBroken())
	}
	s.leadsTerm(1, 3)
	s.leadsTerm(2, 3)
	s.leadsTerm(0, 3)
	s.keep(0, 3, 3, 3, at(1, 1, "a"))
	s.keep(1, 1, 3, 2, at(1, 1, "b"))
	seen := map[Invariant]int{}
	for _, b := range w.AllBroken() {
		seen[b.Invariant]++
	}
	if b := w.Broken(); b == nil || b.Invariant != ElectionSafety || s.broken != nil {
		t.Errorf("the first is %v, and the world stops with %v", b, s.broken)
	}
	if seen[ElectionSafety] != 1 || seen[LogMatching] != 1 || seen[VoteOncePerTerm] != 1 {
		t.Errorf("each promise once: %v", w.AllBroken())
	}
}

// Goal: a read from a log that is not the committed one is not fresh, however long
// that log is. Method: two logs of one length.
func TestWitness_KnowsWhatIsCommitted(t *testing.T) {
	s := scene{newWitness(3, &threeServers)}
	s.keep(0, 1, 1, 1, at(1, 1, "a"))
	s.keep(1, 1, 1, 1, at(1, 1, "a"))
	s.keep(2, 1, 1, 1, at(1, 2, "b"))
	s.leadsTerm(0, 1)
	s.commits(0, 1, 1)
	if !s.knows(1, 1) || s.knows(2, 1) || !s.knows(2, 0) || s.knows(0, 2) {
		t.Errorf("of entry 1: S2 %v, S3 %v; of nothing: S3 %v; of entry 2: S1 %v", s.knows(1, 1), s.knows(2, 1), s.knows(2, 0), s.knows(0, 2))
	}
}
