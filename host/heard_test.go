package host

import (
	"slices"
	"testing"

	"veche/raft"
)

// Goal: a member knows whom it heard and when, each direction by itself. Method:
// deafen one member to another, write, and compare rows with what was posted.
func TestHeard_EachDirectionByItself(t *testing.T) {
	w := newWorld(t, 3, nil)
	l, f := w.elect(), w.follower()
	if r := w.end(w.propose(l, "x")); r.Err != nil {
		t.Fatal(r.Err)
	}
	w.run(100*raft.Millisecond, nil) // what was sent before has arrived
	at := w.now
	w.drop = func(m *raft.Message) bool { return m.From == f.id && m.To == l.id }
	w.run(200*raft.Millisecond, nil)
	of := func(n *node, id raft.NodeID) Heard {
		all := n.group.Heard()
		k := slices.IndexFunc(all, func(h Heard) bool { return h.From == id })
		if k < 0 {
			t.Fatalf("%d never heard %d: %+v", n.id, id, all)
		}
		return all[k]
	}
	if h := of(l, f.id); h.At > at+raft.Time(raft.Millisecond) || h.Messages == 0 {
		t.Errorf("the leader is deaf to the follower since %d, and has %+v", at, h)
	}
	if h := of(f, l.id); h.At <= at || h.Appends == 0 || h.Entries < 2 || h.Messages <= h.Appends {
		t.Errorf("the follower hears the leader, and has %+v at %d", h, w.now)
	}
}

// Goal: rows are bounded, and the one that goes was silent for longest. Method:
// more senders than rows, the first of them again in between.
func TestHeard_IsBounded(t *testing.T) {
	g := &Group{}
	for k := range 2 * heardMax {
		g.hear(&raft.Message{From: 1000}, raft.Time(2*k+1))
		g.hear(&raft.Message{From: raft.NodeID(k + 1)}, raft.Time(2*k+2))
	}
	all := g.Heard()
	first := slices.IndexFunc(all, func(h Heard) bool { return h.From == 1000 })
	if len(all) != heardMax || first < 0 || all[first].Messages != 2*heardMax {
		t.Errorf("%d rows of at most %d; the one that spoke most is at %d", len(all), heardMax, first)
	}
	if slices.ContainsFunc(all, func(h Heard) bool { return h.From == 2 }) {
		t.Error("who was silent for long still has a row")
	}
}

// Goal: the tail is the newest of the log, and commands come without stamps.
// Method: more entries than it shows.
func TestTail_IsTheNewestOfTheLog(t *testing.T) {
	w := newWorld(t, 1, nil)
	n := w.elect()
	for range tailMax {
		w.end(w.propose(n, "x"))
	}
	if r := w.end(w.propose(n, "newest")); r.Err != nil {
		t.Fatal(r.Err)
	}
	tail := n.group.Tail()
	last := tail[len(tail)-1]
	command, err := Command(last.Data)
	if len(tail) != tailMax || err != nil || string(command) != "newest" {
		t.Errorf("%d entries, the last is %q (%v)", len(tail), command, err)
	}
	if _, err := Command([]byte{200, 1}); err == nil {
		t.Error("bytes without a stamp are a command")
	}
}
