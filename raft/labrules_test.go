package raft

import (
	"slices"
	"strings"
	"testing"
)

// Goal: whoever asks for a rule to be left out gets what he asked for, or is told
// why not. Method: known, unknown and no names; what a build cannot do it refuses.
func TestLabRules_AreLeftOutByNameOrRefused(t *testing.T) {
	if l, err := LabWithoutNames(nil); err != nil || l != (Lab{}) {
		t.Errorf("no names: %v, %v", l, err)
	}
	if _, err := LabWithoutNames([]string{"gravity"}); err == nil || !strings.Contains(err.Error(), "gravity") {
		t.Errorf("an unknown rule: %v", err)
	}
	for _, r := range LabRules {
		l, err := LabWithoutNames([]string{r.Name})
		safety := slices.ContainsFunc(r.Breaks, func(p string) bool { return p != liveness && p != removedIsQuiet })
		switch {
		case !LabBuild && (err == nil || !strings.Contains(err.Error(), r.Name)):
			t.Errorf("a server would leave out %s: %v", r.Name, err)
		case LabBuild && (err != nil || l == Lab{} || l.Lawless() != safety):
			t.Errorf("%s: %v, lawless %v, %v", r.Name, l, l.Lawless(), err)
		}
	}
}

// Goal: a rule is switched by its own name. Method: the names, in the order of
// the constants.
func TestLabRules_StandInTheOrderOfTheirBits(t *testing.T) {
	want := map[rule]string{rulePreVote: "prevote", ruleCheckQuorum: "checkquorum", ruleElectionRestriction: "election-restriction",
		ruleCurrentTermCommit: "current-term-commit", ruleConsistencyCheck: "consistency-check", ruleTermIncrement: "term-increment",
		ruleStepDown: "step-down", ruleConflictOnly: "conflict-only-truncation", ruleOneVote: "one-vote-per-term", ruleVoteOnDisk: "vote-on-disk"}
	if len(want) != len(LabRules) || int(ruleOwnTimeout) != len(LabRules) {
		t.Fatalf("%d rules, and %d names", len(want), len(LabRules))
	}
	for r, name := range want {
		if LabRules[r].Name != name {
			t.Errorf("rule %d is called %s, not %s", r, LabRules[r].Name, name)
		}
	}
}
