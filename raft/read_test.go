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

// Goal: learners may ask, and their answers never count (case 74). Method: cut
// the leader off from the other voters, and leave it its learners.
func TestRead_LearnersAskAndDoNotCount(t *testing.T) {
	c := newCluster(t, 5)
	for _, n := range c.nodes {
		n.cfg.NoFastDetection, n.cfg.LeaseReads = true, true
		n.cfg.Initial = n.cfg.Initial.Clone()
		n.cfg.Initial.Voters, n.cfg.Initial.Learners = []NodeID{1, 2, 3}, []NodeID{4, 5}
	}
	c.startAll()
	l := c.elect()
	c.pass(200)
	c.propose(l, 1, "x")
	c.until("commit", 100, func() bool { _, ok := l.outcome(1); return ok })
	written, _ := l.outcome(1)
	learner := c.node(4)
	c.read(learner, 2)
	c.until("answer", 100, func() bool { _, ok := learner.outcome(2); return ok })
	if o, _ := learner.outcome(2); o.Kind != ReadReady || o.Index < written.Index {
		t.Fatalf("the learner is told %+v; %d is committed", o, written.Index)
	}
	for id := NodeID(1); id <= 3; id++ {
		if id != l.id {
			c.isolateFrom(l.id, id)
		}
	}
	c.pass(5) // what was on its way has arrived
	c.read(l, 3)
	c.read(learner, 4)
	c.pass(150)
	if end := l.core.leaseEnd(); end > l.core.eager {
		t.Fatalf("with its learners alone it has a lease until %d, at %d", end, l.core.eager)
	}
	for _, n := range []*node{l, learner} {
		for tag := uint64(3); tag <= 4; tag++ {
			if o, ok := n.outcome(tag); ok && o.Kind == ReadReady {
				t.Fatalf("server %d reads %+v without a majority of voters", n.id, o)
			}
		}
	}
}

// Goal: an answer of a leader that is none any more, or to another question, is
// ignored (case 69). Method: ask, let the term end, then deliver it.
func TestRead_AnswerOfAnOldLeaderIsIgnored(t *testing.T) {
	v, out := voter(t, HardState{Term: 3, Standing: Admitted}, 1)
	receive := func(m Message) {
		m.Group, m.To = 1, 1
		v.Step(Time(Second), Input{Kind: InputReceive, Message: &m}, out)
	}
	receive(Message{Kind: KindHeartbeat, From: 2, Term: 3})
	v.Step(Time(Second), Input{Kind: InputRead, Tag: 7}, out)
	if len(out.Send) != 1 || out.Send[0].Kind != KindReadIndex || out.Send[0].To != 2 {
		t.Fatalf("asked %+v", out.Send)
	}
	id := out.Send[0].ReadIndex.ID
	receive(Message{Kind: KindReadIndexRep, From: 2, Term: 3, ReadIndexRep: ReadIndexReply{ID: id + 1, Index: 1}})
	receive(Message{Kind: KindReadIndexRep, From: 2, Term: 2, ReadIndexRep: ReadIndexReply{ID: id, Index: 1}})
	if len(out.Outcomes) != 0 {
		t.Fatalf("an answer of an earlier term, or to another question, ends it: %+v", out.Outcomes)
	}
	receive(Message{Kind: KindHeartbeat, From: 3, Term: 4}) // another leader
	if len(out.Outcomes) != 1 || out.Outcomes[0].Kind != ReadFailed {
		t.Fatalf("at the end of the term it is told %+v", out.Outcomes)
	}
	receive(Message{Kind: KindReadIndexRep, From: 2, Term: 3, ReadIndexRep: ReadIndexReply{ID: id, Index: 1}})
	if len(out.Outcomes) != 0 {
		t.Fatalf("the late answer is told as well: %+v", out.Outcomes)
	}
}

// Goal: in a joint configuration a round needs a majority of both halves (case
// 74). Method: place one by hand, and let all but one half answer.
func TestRead_JointConfigurationNeedsBothMajorities(t *testing.T) {
	for _, silent := range [][]NodeID{{2, 3}, {4, 5}, {}} {
		c := newCluster(t, 5)
		for _, n := range c.nodes {
			n.cfg.Initial = n.cfg.Initial.Clone()
			n.cfg.Initial.Voters, n.cfg.Initial.Outgoing = []NodeID{1, 4, 5}, []NodeID{1, 2, 3}
			n.cfg.Draw = func(least, most Duration) Duration { return most }
		}
		c.node(1).cfg.Draw = func(least, most Duration) Duration { return least }
		c.startAll()
		l := c.elect()
		c.pass(200)
		if l.id != 1 || len(l.core.config().Outgoing) == 0 {
			t.Fatalf("server %d leads %+v", l.id, l.core.config())
		}
		c.isolate(silent...)
		c.pass(5)
		c.read(l, 1)
		c.pass(100)
		o, ok := l.outcome(1)
		if got := ok && o.Kind == ReadReady; got != (len(silent) == 0) {
			t.Errorf("without the answers of %v: %+v", silent, o)
		}
		c.heal()
		c.until("the read ends", 1000, func() bool { _, ok := l.outcome(1); return ok })
	}
}
