package server

import (
	"strings"
	"testing"
	"unicode/utf8"

	"veche/raft"
)

// lastKind and lastReason are the newest of raft's lists. When they grow, these
// tests fail until the sentences have grown too.
const (
	lastKind   = raft.EventTimingTuned
	lastReason = raft.ReasonNotVoter
)

// Goal: every event and every reason has a sentence and a word of its own, and
// none is forgotten when raft gets new ones. Method: go through all numbers up
// to the newest; the one after it must be unknown.
func TestDescribe_CoversEverything(t *testing.T) {
	names := map[raft.NodeID]string{1: "n1", 2: "n2"}
	sentences, words := map[string]bool{}, map[string]bool{}
	for k := raft.EventStarted; k <= lastKind; k++ {
		text := Describe(raft.Event{Kind: k, Node: 1, Peer: 2, Term: 4, Index: 9}, names)
		if !strings.HasPrefix(text, "n1 ") || strings.Contains(text, "tells event") || strings.HasSuffix(text, ".") {
			t.Errorf("kind %d: %q", k, text)
		}
		if sentences[text] || words[k.Word()] {
			t.Errorf("kind %d says the same as another: %q, %q", k, text, k.Word())
		}
		sentences[text], words[k.Word()] = true, true
		if strings.HasPrefix(k.Word(), "unknown") {
			t.Errorf("kind %d has no word", k)
		}
	}
	reasons, words := map[string]bool{}, map[string]bool{}
	for r := raft.ReasonStaleTerm; r <= lastReason; r++ {
		text := r.String()
		if strings.HasPrefix(text, "reason ") || reasons[text] || words[r.Word()] || r.Word() == "" {
			t.Errorf("reason %d: %q, %q", r, text, r.Word())
		}
		reasons[text], words[r.Word()] = true, true
		with := Describe(raft.Event{Kind: raft.EventVoteRefused, Reason: r, Node: 1, Peer: 2, Term: 4}, names)
		if !strings.HasSuffix(with, ": "+text) {
			t.Errorf("reason %d is not in %q", r, with)
		}
	}
	if got := Describe(raft.Event{Kind: lastKind + 1, Node: 1}, names); !strings.Contains(got, "tells event") {
		t.Errorf("raft has a newer kind of event than this test: %q", got)
	}
	if got := raft.EventKinds; got != int(lastKind)+1 {
		t.Errorf("%d words for %d kinds", got, lastKind)
	}
}

// Goal: the sentences read well. Method: a table of the most common.
func TestDescribe_Sentences(t *testing.T) {
	names := map[raft.NodeID]string{1: "n1", 2: "n2", 3: "n3"}
	for _, c := range []struct {
		e    raft.Event
		want string
	}{
		{raft.Event{Kind: raft.EventVoteRefused, Node: 3, Peer: 2, Term: 4, Reason: raft.ReasonStaleLog}, "n3 refuses n2 its vote in term 4: the candidate's log is behind"},
		{raft.Event{Kind: raft.EventBecameFollower, Node: 1, Peer: 2, Term: 5, Reason: raft.ReasonLeaderHeard}, "n1 follows n2 in term 5: the leader of this term spoke"},
		{raft.Event{Kind: raft.EventVoteGranted, Node: 1, Peer: 0xbeef, Term: 5}, "n1 votes for beef in term 5"},
	} {
		if got := Describe(c.e, names); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// Goal: no name can break a line or hide what follows. Method: hostile names.
func TestDescribe_NamesAreMadeSafe(t *testing.T) {
	for _, name := range []string{"a\nb", "a\x1b[31m", "a\u202eb", "a\xffb", strings.Repeat("ё", 4000), "<script>alert(1)</script>"} {
		got := Describe(raft.Event{Kind: raft.EventLeaderKnown, Node: 1, Peer: 2, Term: 1}, map[raft.NodeID]string{1: name, 2: "n2"})
		if strings.ContainsAny(got, "\n\x1b\u202e") || !utf8.ValidString(got) || len(got) > 1000 {
			t.Errorf("%q becomes %q", name, got)
		}
	}
}
