package host

import (
	"errors"
	"testing"

	"veche/raft"
)

// Goal: a snapshot replaces the state before any entry behind it is applied (case
// 60), also when entries have come meanwhile. Method: both wait for the Applier.
func TestGroup_RestoreComesBeforeTheEntriesBehindIt(t *testing.T) {
	w := newWorld(t, 1, nil)
	g := w.nodes[0].group
	g.restoreTo(&raft.Base{Index: 5, Term: 1, Config: w.initial})
	g.commit([]raft.Entry{{Index: 6, Term: 1, Kind: raft.EntryNoop}})
	if b := g.nextBatch(); b.Restore == nil || len(b.Entries) > 0 {
		t.Fatalf("first comes %+v", b)
	}
	if b := g.nextBatch(); b.Restore != nil || b.Last() != 6 {
		t.Fatalf("then comes %+v", b)
	}
}

// Goal: a command that a snapshot may cover is never refused for certain (case
// 42), even when the next leader refuses to take it again.
func TestGroup_CoveredCommandIsNotRefusedForCertain(t *testing.T) {
	w := newWorld(t, 1, nil)
	n := w.elect()
	n.stuck = true
	a := w.propose(n, "x")
	w.turn(n)
	g, r := n.group, &a.Request
	if r.open != 1 {
		t.Fatalf("it was sent %d times: nothing is tested", r.open)
	}
	g.outcome(&raft.Outcome{Kind: raft.Unknown, Tag: r.tag(), Reason: raft.ReasonSnapshot}, w.now, &n.out)
	g.noteSent(r, w.now)
	g.outcome(&raft.Outcome{Kind: raft.Rejected, Tag: r.tag(), Reason: raft.ReasonOverloaded}, w.now, &n.out)
	g.cancel(r, &n.out)
	if d := n.out.Done; len(d) != 1 || !errors.Is(d[0].Result.Err, ErrUnknown) {
		t.Errorf("it ended with %+v", d)
	}
}
