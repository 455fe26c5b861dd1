package check

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"veche/raft"
	"veche/sim"
)

// TestShrink_FindsWhatMatters shrinks a made-up failure that needs two faults of
// forty, two clients, three servers and 5 s, and wants just these left.
func TestShrink_FindsWhatMatters(t *testing.T) {
	plan := sim.Plan{Faults: make([]sim.Fault, 40)}
	struck := make([]int, 40)
	for i := range plan.Faults {
		plan.Faults[i] = sim.Fault{Number: i + 1, At: raft.Time(i) * raft.Time(raft.Second), Class: sim.Class(i % sim.Classes)}
		struck[i] = i + 1
	}
	worlds := 0
	fails := func(o sim.Options) *Failure {
		worlds++
		f := &Failure{Options: o, At: raft.Time(30 * raft.Second), Broken: &sim.Broken{Invariant: sim.LogMatching}, Plan: plan, Struck: struck, Clients: 7}
		if o.Clients > 0 {
			f.Clients = o.Clients
		}
		if o.Only != nil {
			f.Struck = o.Only
		}
		if !slices.Contains(f.Struck, 7) || !slices.Contains(f.Struck, 29) || f.Clients < 2 || o.Nodes < 3 || o.Run < 5*raft.Second {
			return nil
		}
		return f
	}
	s := shrinker{best: fails(sim.Options{Seed: 1, Nodes: 5, Run: 60 * raft.Second}), left: 300, run: fails}
	s.shrink()
	o := s.best.Options
	if !slices.Equal(o.Only, []int{7, 29}) || o.Clients != 2 || o.Nodes != 3 || o.Run >= 10*raft.Second {
		t.Errorf("after %d worlds: %+v", worlds, o)
	}
	s = shrinker{best: fails(sim.Options{Seed: 1, Nodes: 5, Run: 60 * raft.Second}), left: 3, run: fails}
	worlds = 0
	if s.shrink(); worlds > 3 {
		t.Errorf("%d worlds were run, 3 were allowed", worlds)
	}
}

// TestShrink_IsAsTheWholeSeedWithoutLeavingOut runs a seed as it is, and with
// all its faults named, and wants the same hash: names change nothing. With half
// of them left out the others are planned as they were.
func TestShrink_IsAsTheWholeSeedWithoutLeavingOut(t *testing.T) {
	run := func(only []int) (*sim.World, uint64) {
		w := sim.New(sim.Options{Seed: 3, Run: 20 * raft.Second, Only: only})
		if b := w.Run(); b != nil {
			t.Fatal(b)
		}
		return w, w.Hash()
	}
	w, whole := run(nil)
	all := w.Struck()
	if len(all) < 3 {
		t.Fatalf("the seed has only %d faults", len(all))
	}
	if _, hash := run(all); hash != whole {
		t.Error("naming all faults of a seed changes it")
	}
	less, hash := run(all[len(all)/2:])
	if hash == whole {
		t.Error("leaving faults out changes nothing")
	}
	if !reflect.DeepEqual(less.Plan(), w.Plan()) {
		t.Error("leaving faults out changes the plan of the others")
	}
}

// TestKept_SeedsHold runs every seed that failed in the past.
func TestKept_SeedsHold(t *testing.T) {
	names, err := filepath.Glob("testdata/seeds/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no seed is kept (%v)", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		o, err := Kept(string(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, _, f := Seed(o); f != nil {
			t.Errorf("%s fails again: %v", name, f)
		}
	}
}

// TestKept_ReadsBack keeps a failure and reads it back; a line that is wrong is
// named.
func TestKept_ReadsBack(t *testing.T) {
	storms := []sim.Storm{{From: 1, To: 9_876_543_210}}
	faults := []sim.Fault{{Number: 3, Class: sim.FaultDrift}, {Number: 17, At: 1_234_567_891, Class: sim.FaultFullDisk}}
	f := &Failure{Options: sim.Options{Seed: 1<<63 + 5, Nodes: 5, Run: 12_345_678_901, Clients: 2, Only: []int{3, 17}}, Broken: &sim.Broken{Invariant: sim.LogMatching, How: "so\nand so"},
		Plan: sim.Plan{Storms: storms, Faults: append(slices.Clone(faults), sim.Fault{Number: 18})}}
	want := f.Options
	want.Only, want.Plan = nil, &sim.Plan{Storms: storms, Faults: faults}
	if got, err := Kept(f.Text()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v (%v) from\n%s", got, err, f.Text())
	}
	for _, c := range []struct{ text, want string }{
		{"nodes 3\n", "no line names the seed"},
		{"seed 1\nfaults 3\n", "line 2: faults is not known"},
		{"seed 1\nstorm 3\n", "line 2: write storm"},
		{"seed 1\nfault 3 0.5 rain\n", "line 2: \"rain\" is not a class"},
		{"seed 1 2\n", "line 1: seed takes one number"},
		{"# x\n\nseed 1\nfault x 3 partitions\n", "line 4: \"x\" is not the number of a fault"},
	} {
		if _, err := Kept(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}
