package raft

import (
	"strings"
	"testing"
)

// Goal: people can read every event and every reason. Method: tell all of them.
func TestSentence_EveryEventAndReasonHasWords(t *testing.T) {
	name := func(id NodeID) string { return "S" + decimal(uint64(id)) }
	for k := EventStarted; k < eventKindsBound; k++ {
		if s := (Event{Kind: k, Peer: 2, Term: 3, Index: 4}).Sentence(name); strings.Contains(s, "event") || s == "" {
			t.Errorf("event %d: %q", k, s)
		}
	}
	for r := ReasonNone; r < reasonsBound; r++ {
		if s := r.String(); s == "" || strings.HasPrefix(s, "reason ") {
			t.Errorf("reason %d: %q", r, s)
		}
	}
	if got := (Event{Kind: EventVoteRefused, Peer: 2, Term: 3, Reason: ReasonStaleLog}).Sentence(name); got != "refuses S2 its vote in term 3: the candidate's log is behind" {
		t.Errorf("%q", got)
	}
}
