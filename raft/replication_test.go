package raft

import (
	"fmt"
	"slices"
	"testing"
)

// Goal: commands reach every state machine once and in order. Method: propose a
// hundred, compare what was applied.
func TestReplication_EveryServerAppliesTheSame(t *testing.T) {
	c := newCluster(t, 5).startAll()
	l := c.elect()
	var want []string
	for k := range 100 {
		want = append(want, fmt.Sprint("x", k))
		c.propose(l, uint64(k), want[k])
		if k%7 == 0 {
			c.tick()
		}
	}
	c.until("all applied", 500, func() bool {
		for _, n := range c.nodes {
			if !slices.Equal(n.commands(), want) {
				return false
			}
		}
		return true
	})
}

// Goal: lost messages are noticed and sent again. Method: drop a third of all.
func TestReplication_LossIsRepaired(t *testing.T) {
	c := newCluster(t, 5).startAll()
	c.elect()
	rng := random{state: 3}
	c.drop = func(m *Message) bool { return rng.next()%3 == 0 }
	n := uint64(0)
	for range 200 {
		if l := c.leader(); l != nil {
			n++
			c.propose(l, n, fmt.Sprint(n))
		}
		c.pass(10)
	}
	c.drop = nil
	c.elect()
	c.pass(1000)
	for _, o := range c.nodes[1:] {
		if !slices.Equal(o.commands(), c.node(1).commands()) {
			t.Fatalf("server %d applied %d commands, server 1 %d", o.id, len(o.commands()), len(c.node(1).commands()))
		}
	}
	c.onlyOneLeaderPerTerm()
}

// Goal: Figure 7: a leader repairs every kind of log. Method: the seven logs of
// the figure, the leader made to win term 8.
func TestReplication_Figure7(t *testing.T) {
	c := newCluster(t, 7)
	logs := [][]Term{
		{1, 1, 1, 4, 4, 5, 5, 6, 6, 6},
		{1, 1, 1, 4, 4, 5, 5, 6, 6},
		{1, 1, 1, 4},
		{1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6},
		{1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7},
		{1, 1, 1, 4, 4, 4, 4},
		{1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3},
	}
	for k, n := range c.nodes {
		for i, term := range logs[k] {
			n.disk.Entries = append(n.disk.Entries, Entry{Index: Index(i + 1), Term: term, Kind: EntryCommand, Data: []byte{byte(term)}})
		}
		n.disk.Hard = HardState{Term: 7, Standing: Admitted}
		n.cfg.Draw = func(_, most Duration) Duration { return most }
	}
	first := true
	c.node(1).cfg.Draw = func(least, most Duration) Duration {
		if first {
			first = false
			return least
		}
		return most
	}
	c.startAll()
	l := c.elect()
	if l.id != 1 || l.core.Term() != 8 {
		t.Fatalf("server %d leads term %d", l.id, l.core.Term())
	}
	c.until("equal logs", 1000, func() bool {
		for _, n := range c.nodes {
			if n.core.log.last() != l.core.log.last() || !slices.EqualFunc(n.core.log.entries, l.core.log.entries, func(a, b Entry) bool { return a.Term == b.Term && a.Index == b.Index }) {
				return false
			}
		}
		return true
	})
}

// Goal: Figure 8: an entry of an older term is not committed by counting.
// Method: a leader of term 4 finds its entry of term 2 on a majority, while its
// own term's first entry is not.
func TestReplication_Figure8OldTermsDoNotCommitByCounting(t *testing.T) {
	c := newCluster(t, 5)
	for k, n := range c.nodes {
		n.disk.Hard = HardState{Term: 3, Standing: Admitted}
		n.disk.Entries = []Entry{{Index: 1, Term: 1, Kind: EntryNoop}}
		if k < 2 {
			n.disk.Entries = append(n.disk.Entries, Entry{Index: 2, Term: 2, Kind: EntryCommand, Data: []byte("old")})
		}
		n.cfg.Draw = func(_, most Duration) Duration { return most }
	}
	c.node(1).cfg.Draw = func(least, _ Duration) Duration { return least }
	c.drop = func(m *Message) bool { // the term's own first entry gets through to nobody
		if m.Kind == KindAppend {
			for k, e := range m.Append.Entries {
				if e.Term == 4 {
					m.Append.Entries = m.Append.Entries[:k]
					break
				}
			}
		}
		return false
	}
	c.startAll()
	c.until("the old entry is on a majority", 2000, func() bool {
		held := 0
		for _, n := range c.nodes {
			if n.core.log.matches(2, 2) {
				held++
			}
		}
		return held >= 3 && c.node(1).core.Role() == Leader
	})
	c.pass(100)
	if l := c.node(1).core; l.commit >= 2 {
		t.Fatalf("commit index %d: an entry of term 2 was committed by counting in term %d", l.commit, l.Term())
	}
	c.drop = nil
	c.until("committed along with the own term's entry", 2000, func() bool { return c.node(1).core.commit >= 3 })
}

// Goal: late, repeated and overlapping AppendEntries never shorten a log
// (§5.3). Method: send old prefixes to a follower that has more.
func TestReplication_OldAppendsTruncateNothing(t *testing.T) {
	f, out := voter(t, HardState{Term: 2, Standing: Admitted}, 1, 1, 2, 2)
	for _, tc := range []struct {
		prev    Index
		term    Term
		entries []Term
	}{{0, 0, nil}, {0, 0, []Term{1}}, {1, 1, []Term{1, 2}}, {4, 2, nil}} {
		a := Append{PrevIndex: tc.prev, PrevTerm: tc.term}
		for k, term := range tc.entries {
			a.Entries = append(a.Entries, Entry{Index: tc.prev + Index(k) + 1, Term: term, Kind: EntryNoop})
		}
		f.Step(1, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindAppend, From: 2, To: 1, Term: 2, Append: a}}, out)
		if f.log.last() != 4 || out.Write.Seq != 0 {
			t.Fatalf("after %+v the log ends at %d", tc, f.log.last())
		}
		if len(out.Send) != 1 || out.Send[0].AppendReply.Rejected || out.Send[0].AppendReply.Match != tc.prev+Index(len(tc.entries)) {
			t.Fatalf("%+v: answered %+v", tc, out.Send)
		}
	}
}

// Goal: a follower commits no further than what this leader's messages verified
// (case 28). Method: a commit index beyond the message's last entry, while the
// follower's log goes on with another leader's entries.
func TestReplication_CommitStopsAtVerifiedEntries(t *testing.T) {
	f, out := voter(t, HardState{Term: 3, Standing: Admitted}, 1, 1, 2, 2)
	f.Step(1, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindAppend, From: 2, To: 1, Term: 3,
		Append: Append{PrevIndex: 1, PrevTerm: 1, Commit: 4, Entries: []Entry{{Index: 2, Term: 1, Kind: EntryNoop}}}}}, out)
	if f.commit != 2 {
		t.Fatalf("commit index %d, verified only 2", f.commit)
	}
	f.Step(2, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindHeartbeat, From: 2, To: 1, Term: 3,
		Heartbeat: Heartbeat{Commit: 4}}}, out)
	if f.commit != 2 {
		t.Fatalf("commit index %d after a heartbeat", f.commit)
	}
}

// Goal: entries are acknowledged only when durable, and an acknowledgement of
// what was overwritten is never sent (cases 33 to 35). Method: hold the disk
// back while a second leader overwrites.
func TestReplication_AcknowledgesWhatIsDurable(t *testing.T) {
	f, out := voter(t, HardState{Term: 1, Standing: Admitted})
	put := func(from NodeID, term Term) Seq {
		f.Step(1, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindAppend, From: from, To: 1, Term: term,
			Append: Append{Entries: []Entry{{Index: 1, Term: term, Kind: EntryNoop}}}}}, out)
		if len(out.Send) != 0 {
			t.Fatalf("acknowledged before the disk: %+v", out.Send)
		}
		return out.Write.Seq
	}
	first := put(2, 1)
	second := put(3, 2)
	f.Step(2, Input{Kind: InputPersisted, Seq: first}, out)
	if len(out.Send) != 0 {
		t.Fatalf("acknowledged what was overwritten: %+v", out.Send)
	}
	f.Step(3, Input{Kind: InputPersisted, Seq: second}, out)
	if len(out.Send) != 1 || out.Send[0].To != 3 || out.Send[0].AppendReply.Match != 1 || out.Send[0].Term != 2 {
		t.Fatalf("sent %+v", out.Send)
	}
}

// Goal: a leader's own entries count only when they are durable (case 33).
// Method: three servers, one down, the leader's disk stalled: nothing commits.
func TestReplication_LeaderCountsItselfWhenDurable(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.pass(100)
	c.crash(l.id%3 + 1)
	l.diskSlow = true
	c.propose(l, 1, "x")
	c.pass(100)
	if _, done := l.outcome(1); done {
		t.Fatal("committed with one durable copy of three")
	}
	l.diskSlow = false
	c.until("commit", 100, func() bool { o, ok := l.outcome(1); return ok && o.Kind == Committed })
}

// Goal: a proposal that another leader overwrote is told as lost; one that
// survived as committed, also when its proposer no longer leads (case 42).
func TestReplication_EveryProposalEndsOnce(t *testing.T) {
	c := newCluster(t, 5).startAll()
	old := c.elect()
	c.pass(100)
	c.isolate(old.id)
	c.propose(old, 1, "nobody will see it")
	c.until("another leader", 3000, func() bool { l := c.leader(); return l != nil && l != old })
	c.heal()
	c.until("lost", 1000, func() bool { o, ok := old.outcome(1); return ok && o.Kind == Lost })
	n := 0
	for _, o := range old.outcomes {
		if o.Tag == 1 {
			n++
		}
	}
	if n != 1 {
		t.Fatalf("%d outcomes", n)
	}
}

// Goal: what cannot be taken is refused with its reason (case 40). Method: small
// bounds.
func TestReplication_BoundsRefuse(t *testing.T) {
	c := newCluster(t, 3)
	for _, n := range c.nodes {
		n.cfg.MaxCommandBytes, n.cfg.MaxUncommittedBytes, n.cfg.MaxLogBytes = 100, 300, 2000
	}
	c.startAll()
	l := c.elect()
	c.pass(200)
	want := func(tag uint64, size int, why Reason) {
		t.Helper()
		c.propose(l, tag, string(make([]byte, size)))
		if o, ok := l.outcome(tag); ok != (why != ReasonNone) || o.Reason != why {
			t.Fatalf("%d bytes: outcome %+v, want reason %d", size, o, why)
		}
	}
	want(1, 101, ReasonTooLarge)
	want(2, 100, ReasonNone)
	want(3, 100, ReasonNone)
	want(4, 100, ReasonOverloaded)
	c.pass(20)
	for tag := uint64(10); ; tag++ {
		c.propose(l, tag, string(make([]byte, 90)))
		c.pass(10)
		if o, _ := l.outcome(tag); o.Kind == Rejected {
			if o.Reason != ReasonLogFull || l.core.log.bytes > 2100 || !l.core.Status().LogFull {
				t.Fatalf("outcome %+v at %d bytes", o, l.core.log.bytes)
			}
			told := 0
			c.propose(l, tag+1, string(make([]byte, 90)))
			for _, e := range c.trace {
				if e.Kind == EventLogFull {
					told++
				}
			}
			if told != 1 {
				t.Fatalf("told %d times that the log is full", told)
			}
			break
		}
	}
	f := c.node(l.id%3 + 1)
	c.propose(f, 5, "x")
	if o, _ := f.outcome(5); o.Reason != ReasonNotLeader || o.Leader != l.id {
		t.Fatalf("a follower answered %+v", o)
	}
}

// Goal: a command that a follower passes on is committed, and a refusal comes back.
func TestReplication_FollowerPassesCommandsOn(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	f := c.node(l.id%3 + 1)
	c.wire = append(c.wire, Message{Group: 1, Kind: KindPropose, From: f.id, To: l.id, Propose: Propose{Batch: 4,
		Entries: []Entry{{Kind: EntryCommand, Data: []byte("x")}}}})
	c.until("applied at the follower", 100, func() bool { return slices.Equal(f.commands(), []string{"x"}) })
	var refused []ProposeReply
	c.wire = append(c.wire, Message{Group: 1, Kind: KindPropose, From: l.id, To: f.id, Propose: Propose{Batch: 5,
		Entries: []Entry{{Kind: EntryCommand, Data: []byte("y")}}}})
	for range 10 {
		c.tick()
		refused = append(refused, l.out.Refused...)
	}
	if len(refused) == 0 || refused[0].Batch != 5 || refused[0].Reason != ReasonNotLeader || refused[0].Leader != l.id {
		t.Fatalf("refused %+v", refused)
	}
}

// Goal: the log is cut behind snapshots, but not what a member still lacks; and
// a restart begins at the snapshot.
func TestDurable_LogIsCutOnlyWhatAllHold(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	lag := c.node(l.id%3 + 1)
	c.pass(100)
	c.crash(lag.id)
	for k := range 50 {
		c.propose(l, uint64(k), fmt.Sprint(k))
		c.pass(3)
	}
	c.pass(100)
	snap := l.core.commit
	for _, n := range c.nodes {
		if n.core != nil {
			c.step(n, Input{Kind: InputSnapshotted, Index: n.core.handed})
		}
	}
	c.pass(200)
	if l.core.log.base >= 10 || l.core.Status().Snapshot != snap {
		t.Fatalf("cut at %d while a member holds less; snapshot at %d", l.core.log.base, l.core.Status().Snapshot)
	}
	c.start(lag.id)
	c.until("cut everywhere but at the one without a snapshot", 1000, func() bool {
		for _, n := range c.nodes {
			if n != lag && n.core.log.base < snap {
				return false
			}
		}
		return true
	})
	if lag.core.log.base != 0 {
		t.Fatal("a server without a snapshot cut its log")
	}
	c.crash(l.id)
	c.start(l.id)
	if got := l.core.Status(); got.Commit != snap || got.Cut != snap {
		t.Fatalf("restarted at commit %d, cut %d, want %d", got.Commit, got.Cut, snap)
	}
	c.elect()
	c.until("all equal", 1000, func() bool {
		return c.node(1).core.log.last() == c.node(2).core.log.last() && c.node(2).core.log.last() == c.node(3).core.log.last()
	})
}
