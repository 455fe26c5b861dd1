package explore

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// testStates is how many states of each scope the tests walk.
const testStates = 40_000

// Goal: no promise of Figure 3 breaks in any scope. Method: walk each breadth
// first, within a small budget; `make explore` goes on from there.
func TestExplore_ScopesHold(t *testing.T) {
	for _, scope := range Scopes() {
		r, err := Run(scope, testStates, 0)
		if err != nil {
			t.Fatal(err)
		}
		if r.Broken != "" {
			t.Errorf("%s: %s\n%s\nrepeat it with: go run ./cmd/veche sim explore --scope %s", r.Scope, r.Broken, strings.Join(r.Trace, "\n"), r.Scope)
		}
		if !r.Complete && r.States < testStates || r.Transitions < r.States-1 {
			t.Errorf("%s: %d states and %d steps, and not complete", r.Scope, r.States, r.Transitions)
		}
	}
}

// small is a scope that is complete in a moment.
func small() Scope {
	return Scope{Name: "small", Voters: 3, Alike: []int{1, 2, 3}, Channel: 2, Budget: Budget{Campaigns: 2, Crashes: 1}}
}

func mustRun(t *testing.T, s Scope, workers int) Result {
	t.Helper()
	r, err := Run(s, 5_000_000, workers)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Goal: the reductions leave nothing out. Method: a small scope to its end, with
// both orders of steps that commute and with one, with one worker and with two:
// the same states; without symmetry more of them, at most six times as many.
func TestExplore_ReductionsLeaveNothingOut(t *testing.T) {
	want := mustRun(t, small(), 1)
	if !want.Complete || want.Broken != "" || want.Skipped == 0 {
		t.Fatalf("%+v", want)
	}
	both := small()
	both.bothOrders = true
	if r := mustRun(t, both, 1); r.States != want.States || r.Depth != want.Depth || r.Transitions <= want.Transitions || r.Skipped != 0 {
		t.Errorf("with both orders %d states, %d deep, in %d steps; with one %d, %d, %d", r.States, r.Depth, r.Transitions, want.States, want.Depth, want.Transitions)
	}
	if r := mustRun(t, small(), 2); r.States != want.States || r.Depth != want.Depth || !r.Complete {
		t.Errorf("two workers find %d states, one %d", r.States, want.States)
	}
	named := small()
	named.Alike = nil
	if r := mustRun(t, named, 1); r.States <= 4*want.States || r.States > 6*want.States || r.Depth != want.Depth {
		t.Errorf("with names %d states, %d deep; without %d, %d", r.States, r.Depth, want.States, want.Depth)
	}
}

// Goal: a vote that a crash loses is found, and told in the fewest steps. Method:
// plant it into the disk of the explorer; replay the trace, with the fault and
// without.
func TestExplore_FindsALostVote(t *testing.T) {
	s, _ := Find("election")
	s.forgetsVotes = true
	r := mustRun(t, s, 0)
	if !strings.Contains(r.Broken, "two candidates of one term") || len(r.Trace) != r.Depth+1 {
		t.Fatalf("%q, trace %q, depth %d", r.Broken, r.Trace, r.Depth)
	}
	t.Logf("after %d states:\n%s", r.States, strings.Join(r.Trace, "\n"))
	again, err := Replay(s, r.Trace)
	if err != nil || again != r.Broken {
		t.Errorf("the replay gives %q, %v", again, err)
	}
	s.forgetsVotes = false
	if again, err := Replay(s, r.Trace); again != "" {
		t.Errorf("without the fault the replay gives %q, %v", again, err)
	}
}

// Goal: Figure 8 is found. Method: build the exam with a core that commits an
// entry of an older term by counting, and let it judge from
// the two leaders on.
func TestExplore_FindsFigure8(t *testing.T) {
	const rule = "\tif t, held := c.log.term(n); t != c.hard.Term && (!held || c.keeps(ruleCurrentTermCommit)) {\n\t\treturn\n\t}\n"
	r := examine(t, "figure8-guided", "replication.go", rule, "")
	if !strings.Contains(r.Broken, "leader") && !strings.Contains(r.Broken, "state machine") {
		t.Fatalf("the exam finds %q after %d states", r.Broken, r.States)
	}
	t.Logf("scope %s, after %d states: %s\n%s", r.Scope, r.States, r.Broken, strings.Join(r.Trace, "\n"))
}

// examine runs the exam on a core in one of whose files old text is replaced.
func examine(t *testing.T, scope, name, before, after string) Result {
	t.Helper()
	real, err := filepath.Abs(filepath.Join("..", "raft", name))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(real)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), before) != 1 {
		t.Fatalf("the rule does not stand in %s as this test knows it", name)
	}
	dir := t.TempDir()
	harmed, overlay, exam := filepath.Join(dir, name), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "exam")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{real: harmed}})
	if err != nil {
		t.Fatal(err)
	}
	for file, b := range map[string][]byte{harmed: []byte(strings.Replace(string(text), before, after, 1)), overlay: list} {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, "-o", exam, "./exam").CombinedOutput(); err != nil {
		t.Fatalf("the exam does not build: %v\n%s", err, out)
	}
	out, err := exec.Command(exam, "2000000", scope).Output()
	if err != nil {
		t.Fatal(err)
	}
	var r Result
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return r
}
