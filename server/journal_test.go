package server

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"veche/raft"
)

func event(n int) raft.Event {
	return raft.Event{Kind: raft.EventVoteGranted, Node: 1, Peer: 2, Term: raft.Term(n)}
}

// drain reads a journal from after n to its end.
func drain(j *Journal, n uint64) (terms []raft.Term, missed uint64) {
	for {
		entries, m, more := j.after(n)
		missed += m
		for _, e := range entries {
			terms = append(terms, e.Event.Term)
			n = e.Number
		}
		if more != nil {
			return terms, missed
		}
	}
}

// Goal: a reader gets every event once and in order, or is told how many it
// missed. Method: random appends and reads against a plain list.
func TestJournal_LikeAPlainList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j, all, seen := NewJournal(), 0, uint64(0)
		for range rapid.IntRange(1, 20).Draw(t, "rounds") {
			for range rapid.IntRange(0, 700).Draw(t, "events") {
				all++
				j.Record(event(all))
			}
			if rapid.Bool().Draw(t, "read") {
				terms, missed := drain(j, seen)
				if wantMissed := max(0, all-int(seen)-journalRing); missed != uint64(wantMissed) {
					t.Fatalf("missed %d, want %d", missed, wantMissed)
				}
				for i, term := range terms {
					if want := seen + missed + uint64(i) + 1; uint64(term) != want {
						t.Fatalf("event %d where %d belongs", term, want)
					}
				}
				if len(terms)+int(missed) != all-int(seen) {
					t.Fatalf("%d events and %d missed of %d", len(terms), missed, all-int(seen))
				}
				seen = uint64(all)
			}
		}
	})
}

// Goal: who waits is woken by the next event, and only then. Method: ask with
// nothing new, record, look at the channel.
func TestJournal_WakesReaders(t *testing.T) {
	j := NewJournal()
	_, _, more := j.after(0)
	news := j.leaderNews()
	select {
	case <-more:
		t.Fatal("woken by nothing")
	case <-news:
		t.Fatal("a leader out of nothing")
	default:
	}
	j.Record(event(1))
	<-more
	select {
	case <-news:
		t.Fatal("a vote is no leader")
	default:
	}
	j.Record(raft.Event{Kind: raft.EventLeaderKnown, Node: 1, Peer: 2, Term: 3})
	<-news
}

// Goal: commits do not push out what explains an election, and changes of the
// leader are counted once each. Method: record both, look at ring and counts.
func TestJournal_CountsWhatItDoesNotKeep(t *testing.T) {
	j := NewJournal()
	for range 5000 {
		j.Record(raft.Event{Kind: raft.EventCommitted, Node: 1, Term: 1})
	}
	for _, e := range []raft.Event{
		{Kind: raft.EventLeaderKnown, Node: 1, Peer: 2, Term: 3},
		{Kind: raft.EventBecameFollower, Node: 1, Peer: 2, Term: 3}, // the same
		{Kind: raft.EventBecameFollower, Node: 1, Term: 4},          // nobody
		{Kind: raft.EventBecameLeader, Node: 1, Term: 5},
		{Kind: raft.EventKind(200), Node: 1},
	} {
		j.Record(e)
	}
	if terms, missed := drain(j, 0); len(terms) != 5 || missed != 0 {
		t.Errorf("%d events kept, %d missed; want 5 and 0", len(terms), missed)
	}
	kinds, unknown := j.counts()
	if kinds[raft.EventCommitted] != 5000 || unknown != 1 || j.leaderChanges() != 2 {
		t.Errorf("%d commits, %d unknown, %d changes of the leader", kinds[raft.EventCommitted], unknown, j.leaderChanges())
	}
}

// Goal: an id of this run resumes where it was; any other text does not. Method:
// a table, hostile ids among them.
func TestJournal_ResumesItsOwnIDsAlone(t *testing.T) {
	j := NewJournal()
	j.Record(event(1))
	j.Record(event(2))
	for id, want := range map[string]bool{
		j.id(0): true, j.id(1): true, j.id(2): true, j.id(3): false,
		"": false, "-": false, j.run: false, j.run + "-": false, j.run + "-x": false, j.run + "--1": false,
		"00000000-1": j.run == "00000000", fmt.Sprint(j.run, "-", "99999999999999999999999"): false,
	} {
		if _, known := j.resume(id); known != want {
			t.Errorf("%q is known: %v, want %v", id, known, want)
		}
	}
}
