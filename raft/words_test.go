package raft

import "testing"

// Goal: a stream never says two things by one word, nor one without a word.
// Method: all kinds of events, reasons and messages.
func TestWords_EachKindHasItsOwn(t *testing.T) {
	seen := map[string]bool{}
	word := func(of string, k int, w string) {
		if w == "" || len(w) > 8 && w[:8] == "unknown_" || seen[of+w] {
			t.Errorf("%s %d has the word %q", of, k, w)
		}
		seen[of+w] = true
	}
	for k := EventStarted; k < eventKindsBound; k++ {
		word("event ", int(k), k.Word())
	}
	for r := ReasonStaleTerm; r < reasonsBound; r++ {
		word("reason ", int(r), r.Word())
	}
	for k := KindRequestVote; k < messageKindsBound; k++ {
		word("message ", int(k), k.Word())
	}
	if ReasonNone.Word() != "" || eventKindsBound.Word() != "unknown_40" {
		t.Errorf("no reason is %q, a kind of the future %q", ReasonNone.Word(), eventKindsBound.Word())
	}
}
