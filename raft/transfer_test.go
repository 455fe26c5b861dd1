package raft

import (
	"slices"
	"testing"
)

// eventsOf gives the events of a kind since the trace was n long.
func (c *cluster) eventsOf(kind EventKind, n int) (all []Event) {
	for _, e := range c.trace[n:] {
		if e.Kind == kind {
			all = append(all, e)
		}
	}
	return all
}

// prefer gives one server a higher priority than the others.
func (c *cluster) prefer(id NodeID) {
	for _, n := range c.nodes {
		n.cfg.Initial = n.cfg.Initial.Clone()
		n.cfg.Initial.Members[id-1].Priority = 10
	}
}

// Goal: leadership is not handed to a learner, a stranger, a removed server or
// one whose disk is damaged, and the reason is told. Method: ask for each.
func TestTransfer_UnfitTargetsAreRefused(t *testing.T) {
	c := newCluster(t, 5)
	for _, n := range c.nodes {
		n.cfg.Initial = n.cfg.Initial.Clone()
		n.cfg.Initial.Voters, n.cfg.Initial.Learners = []NodeID{1, 2, 3, 4}, []NodeID{5}
		n.cfg.Initial.Removed = []NodeID{77}
	}
	c.startAll()
	l := c.elect()
	c.pass(300)
	damaged := l.id%4 + 1
	l.core.peer(damaged).uncounted = true
	for _, tc := range []struct {
		to  NodeID
		why Reason
	}{{5, ReasonNotVoter}, {99, ReasonNotMember}, {77, ReasonRemoved}, {damaged, ReasonDamaged}} {
		from := len(c.trace)
		c.step(l, Input{Kind: InputTransfer, Peer: tc.to})
		aborted := c.eventsOf(EventTransferAborted, from)
		if len(aborted) != 1 || aborted[0].Reason != tc.why || l.core.transfer.to != 0 {
			t.Errorf("transfer to %d: %+v, want %s", tc.to, aborted, tc.why)
		}
	}
	from := len(c.trace)
	c.step(l, Input{Kind: InputTransfer, Peer: l.id})
	if len(c.trace) != from {
		t.Error("a transfer to itself does something")
	}
}

// Goal: a target that becomes unfit while it catches up is not handed anything.
// Method: hold it back, then say that its disk is damaged.
func TestTransfer_TargetThatBecomesUnfitIsGivenUp(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.pass(200)
	f := c.node(l.id%3 + 1)
	c.isolate(f.id)
	c.propose(l, 1, "which it lacks")
	from := len(c.trace)
	c.step(l, Input{Kind: InputTransfer, Peer: f.id})
	l.core.peer(f.id).uncounted = true
	l.core.mayHandOverAt(c, l)
	aborted := c.eventsOf(EventTransferAborted, from)
	if len(aborted) != 1 || aborted[0].Reason != ReasonDamaged || l.core.transfer.to != 0 || l.core.handedOver {
		t.Fatalf("%+v, transfer %+v", aborted, l.core.transfer)
	}
}

// mayHandOverAt calls mayHandOver as within a Step.
func (c *Core) mayHandOverAt(w *cluster, n *node) {
	c.out = &n.out
	n.out.Events = n.out.Events[:0]
	c.mayHandOver()
	w.trace = append(w.trace, n.out.Events...)
	c.out = nil
}

// Goal: a leader whose disk stalls hands over to one whose disk works, and no
// write is lost (case 78). Method: stall its disk under load.
func TestTransfer_AwayFromAStalledDisk(t *testing.T) {
	c := newCluster(t, 5).startAll()
	l := c.elect()
	c.pass(200)
	l.diskSlow = true
	from, began := len(c.trace), c.now
	c.propose(l, 1, "x")
	c.until("another leader", 1300, func() bool { n := c.leader(); return n != nil && n != l })
	started := c.eventsOf(EventTransferStarted, from)
	if len(c.eventsOf(EventDiskStalled, from)) != 1 || len(started) != 1 || started[0].Reason != ReasonDiskStalled {
		t.Fatalf("stalled %+v, started %+v", c.eventsOf(EventDiskStalled, from), started)
	}
	t.Logf("handed over %d ms after its disk stalled", (c.now-began)/Time(Millisecond))
	if o, ok := l.outcome(1); !ok || o.Kind != Committed {
		t.Fatalf("the write that the others hold: %+v", o)
	}
}

// Goal: a leader that is busy with reads sees that its disk stalls as soon as an
// idle one: the rounds of reads put its heartbeats off, and nothing else.
func TestTransfer_AwayFromAStalledDiskUnderReads(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.pass(200)
	l.diskSlow = true
	began := c.now
	c.propose(l, 1, "x")
	for tag := uint64(100); c.leader() == l; tag++ {
		c.step(l, Input{Kind: InputRead, Tag: tag})
		c.pass(5)
		if c.now-began > Time(defaultStallAfter+DefaultElectionMax) {
			t.Fatalf("it still leads %d ms after its disk stalled", (c.now-began)/Time(Millisecond))
		}
	}
}

// Goal: with a stalled disk and nobody better it goes on, and does not try all
// the time. Method: stall all disks, then cut all others off for a while.
func TestTransfer_StalledDiskWithoutSuccessorChangesNothing(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.pass(200)
	for _, n := range c.nodes {
		n.diskSlow = true
	}
	from := len(c.trace)
	c.propose(l, 1, "x")
	c.pass(3000)
	if c.leader() != l || len(c.eventsOf(EventTransferStarted, from)) != 0 || len(c.eventsOf(EventDiskStalled, from)) != 1 {
		t.Fatalf("leader %v, transfers %+v, told %d times", c.leader(), c.eventsOf(EventTransferStarted, from), len(c.eventsOf(EventDiskStalled, from)))
	}
	for _, n := range c.nodes {
		n.diskSlow = false
	}
	c.pass(200)
	if l.core.yield.stalled {
		t.Fatal("it holds its disk for stalled after the disk went on")
	}
	l.diskSlow = true // attempts that fail: the target never hears TimeoutNow
	c.drop = func(m *Message) bool { return m.Kind == KindTimeoutNow || m.Kind == KindRequestVote }
	from = len(c.trace)
	c.propose(l, 2, "y")
	c.pass(2000)
	if n := len(c.eventsOf(EventTransferStarted, from)); n == 0 || n > 2 {
		t.Fatalf("%d attempts in two seconds", n)
	}
}

// Goal: a voter of higher priority leads in the end, once it has kept up for ten
// election timeouts, wherever leadership began.
func TestPriority_PreferredLeadsInTheEnd(t *testing.T) {
	c := newCluster(t, 5)
	c.prefer(4)
	c.node(4).cfg.Draw = func(least, most Duration) Duration { return most } // it does not win by itself
	c.startAll()
	l := c.elect()
	if l.id == 4 {
		t.Fatal("the test is about a handing-over")
	}
	began := c.now
	c.until("the preferred one leads", 5000, func() bool { n := c.leader(); return n != nil && n.id == 4 })
	if c.now-began < Time(keptUpFor*DefaultElectionMax) {
		t.Fatalf("after %d ms already", (c.now-began)/Time(Millisecond))
	}
	from := len(c.trace)
	c.pass(10_000)
	if c.leader().id != 4 || len(c.eventsOf(EventTransferStarted, from)) != 0 {
		t.Fatal("it does not stay")
	}
	c.onlyOneLeaderPerTerm()
}

// Goal: a preferred server that is dead, isolated, flapping or behind a lossy
// link prevents no election and costs next to no leadership (case 23; NuRaft 30
// and 51). Method: each of them for a minute, during which the leader crashes
// once; the cluster must have a confirmed leader again within three timeouts, and
// hand over rarely.
func TestPriority_NeverPreventsAnElection(t *testing.T) {
	lossy := random{state: 5}
	for _, tc := range []struct {
		name string
		// each is called every millisecond
		each      func(*cluster, int)
		transfers int // at most, in a minute
	}{
		{"dead", func(c *cluster, ms int) {
			if ms == 0 {
				c.crash(4)
			}
		}, 0},
		{"isolated", func(c *cluster, ms int) { c.isolate(4) }, 0},
		{"flapping", func(c *cluster, ms int) {
			if ms%2000 < 1000 {
				c.isolate(4)
			} else {
				c.heal()
			}
		}, 0},
		{"flapping slowly", func(c *cluster, ms int) {
			if ms%8000 < 1000 {
				c.isolate(4)
			} else {
				c.heal()
			}
		}, 7}, // each leader after it begins to count anew
		{"lossy", func(c *cluster, ms int) {
			c.drop = func(m *Message) bool { return (m.To == 4 || m.From == 4) && lossy.next()%8 == 0 }
		}, 0},
	} {
		c := newCluster(t, 5)
		c.prefer(4)
		c.node(4).cfg.Draw = func(least, most Duration) Duration { return most }
		c.startAll()
		tc.each(c, 0)
		c.elect()
		from := len(c.trace)
		without, longest := 0, 0
		for ms := 1; ms < 60_000; ms++ {
			tc.each(c, ms)
			if l := c.leader(); ms == 30_500 && l != nil && l.id != 4 {
				c.crash(l.id)
			}
			c.tick()
			if l := c.leader(); l == nil || !l.core.Confirmed() {
				without++
				longest = max(longest, without)
			} else {
				without = 0
			}
		}
		transfers := len(c.eventsOf(EventTransferStarted, from))
		t.Logf("%s: %d transfers, at most %d ms without a leader", tc.name, transfers, longest)
		if transfers > tc.transfers || longest > 3*int(DefaultElectionMax/Millisecond) {
			t.Errorf("%s: %d transfers, at most %d; %d ms without a leader", tc.name, transfers, tc.transfers, longest)
		}
		c.onlyOneLeaderPerTerm()
	}
}

// Goal: attempts for a preferred voter that fail lie further and further apart.
// Method: let every TimeoutNow to it be lost for ten minutes.
func TestPriority_FailedAttemptsBackOff(t *testing.T) {
	c := newCluster(t, 3)
	c.prefer(2)
	c.node(2).cfg.Draw = func(least, most Duration) Duration { return most }
	c.startAll()
	c.elect()
	c.drop = func(m *Message) bool { return m.Kind == KindTimeoutNow && m.To == 2 }
	from := len(c.trace)
	c.pass(600_000)
	var gaps []Time
	started := c.eventsOf(EventTransferStarted, from)
	for k := 1; k < len(started); k++ {
		gaps = append(gaps, started[k].At-started[k-1].At)
	}
	if len(started) < 3 || len(started) > 12 || !slices.IsSorted(gaps[:min(5, len(gaps))]) {
		t.Fatalf("%d attempts in ten minutes, with pauses of %v ns", len(started), gaps)
	}
}
