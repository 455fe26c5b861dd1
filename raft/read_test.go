package raft

import "testing"

func (c *cluster) read(n *node, tag uint64) { c.step(n, Input{Kind: InputRead, Tag: tag}) }

// Goal: a read names an index that covers every write acknowledged before it,
// at the leader and at a follower.
func TestRead_CoversAcknowledgedWrites(t *testing.T) {
	c := newCluster(t, 5).startAll()
	l := c.elect()
	c.propose(l, 1, "x")
	c.until("commit", 100, func() bool { _, ok := l.outcome(1); return ok })
	committed, _ := l.outcome(1)
	f := c.node(l.id%5 + 1)
	for k, n := range []*node{l, f} {
		tag := uint64(100 + k)
		c.read(n, tag)
		if o, ok := n.outcome(tag); ok {
			t.Fatalf("answered without asking anybody: %+v", o)
		}
		c.until("answer", 50, func() bool { _, ok := n.outcome(tag); return ok })
		if o, _ := n.outcome(tag); o.Kind != ReadReady || o.Index < committed.Index {
			t.Fatalf("read answered %+v, the write stands at %d", o, committed.Index)
		}
	}
}

// Goal: an old leader serves no read after another was elected (cases 67 to
// 69). Method: isolate it, write elsewhere, read there.
func TestRead_OldLeaderAnswersNone(t *testing.T) {
	c := newCluster(t, 5).startAll()
	old := c.elect()
	c.pass(100)
	c.isolate(old.id)
	c.read(old, 1)
	c.until("another leader", 3000, func() bool {
		if o, ok := old.outcome(1); ok && o.Kind == ReadReady {
			t.Fatalf("the isolated leader answered %+v", o)
		}
		l := c.leader()
		return l != nil && l != old
	})
	c.until("the read fails", 1000, func() bool { o, ok := old.outcome(1); return ok && o.Kind == ReadFailed })
}

// Goal: an acknowledgement of a round begun before the read confirms nothing
// (case 68). Method: hold the answers to the read's own round back.
func TestRead_NeedsARoundBegunAfterIt(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.pass(100)
	asked := l.core.round
	c.drop = func(m *Message) bool { return m.Kind == KindHeartbeatRep && m.HeartbeatRep.Round > asked }
	c.read(l, 1)
	c.pass(100)
	if o, ok := l.outcome(1); ok {
		t.Fatalf("answered %+v with rounds up to %d", o, asked)
	}
	c.drop = nil
	c.until("answer", 200, func() bool { o, ok := l.outcome(1); return ok && o.Kind == ReadReady })
}

// Goal: reads that come while a round is under way share the next one.
func TestRead_RoundsAreShared(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.pass(100)
	before := l.core.round
	for tag := uint64(1); tag <= 100; tag++ {
		c.read(l, tag)
	}
	c.until("all answered", 50, func() bool { _, ok := l.outcome(100); return ok })
	if rounds := l.core.round - before; rounds > 3 {
		t.Fatalf("%d rounds for 100 reads", rounds)
	}
}

// Goal: a follower's read whose answer is lost fails, to be asked again.
func TestRead_LostAnswerFails(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	f := c.node(l.id%3 + 1)
	c.drop = func(m *Message) bool { return m.Kind == KindReadIndexRep }
	c.read(f, 1)
	c.until("failure", 400, func() bool { o, ok := f.outcome(1); return ok && o.Kind == ReadFailed && o.Reason == ReasonTimeout })
}
