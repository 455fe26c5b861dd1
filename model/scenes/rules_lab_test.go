//go:build lab

package scenes

import (
	"slices"
	"testing"

	"veche/model"
	"veche/raft"
	"veche/sim"
)

// Goal: each rule that is left out breaks what is listed for it, and no more: what
// the random worlds of sim/lab leave open. Method: play all scenes in which this
// rule alone is left out, and collect what breaks of what a reader is shown. What
// Liveness stands for the scenes say in their ends; no promise of Figure 3 may break
// where nothing else is listed.
func TestRulesLab_ScenesBreakWhatIsListed(t *testing.T) {
	for _, r := range raft.LabRules {
		seen := map[string]bool{}
		for _, s := range All() {
			if !slices.Equal(s.Without, []string{r.Name}) {
				continue
			}
			run, err := model.Play(All(), s.ID)
			if err != nil {
				t.Errorf("%s: %v", s.ID, err)
				continue
			}
			for k, b := range shown(run) {
				seen[b] = true
				if !slices.Contains(r.Breaks, b) && (k == 0 || !slices.Contains(r.Follows, b)) {
					t.Errorf("%s, without %s, breaks %s", s.ID, r.Name, b)
				}
			}
		}
		for _, what := range r.Breaks {
			if sim.Invariant(what).Shown() && !seen[what] {
				t.Errorf("no scene without %s breaks %s", r.Name, what)
			}
		}
	}
}

// shown gives the promises that a run has broken and a reader is shown, in order.
func shown(run *model.Session) (all []string) {
	for _, b := range run.AllBroken() {
		if b.Invariant.Shown() {
			all = append(all, string(b.Invariant))
		}
	}
	return all
}
