package raft

import (
	"fmt"
	"slices"
	"testing"
)

// laggard makes a cluster of three in which server `behind` is cut off while the
// others write so much that the leader cuts what it lacks.
func laggard(t *testing.T) (c *cluster, l, behind *node) {
	t.Helper()
	c = newCluster(t, 3)
	for _, n := range c.nodes {
		n.cfg.TrailBytes = 600
		n.slowly = 5
	}
	c.startAll()
	l = c.elect()
	for _, n := range c.nodes {
		if n != l {
			behind = n
		}
	}
	c.isolate(behind.id)
	c.write(l, 100, 50)
	c.snapshot(l)
	if base, _, _ := l.core.Log(); base <= behind.core.log.last() {
		t.Fatalf("the leader's log begins at %d, which the laggard has: nothing is tested", base)
	}
	return c, l, behind
}

// write lets a leader commit n commands.
func (c *cluster) write(l *node, tag uint64, n int) {
	c.t.Helper()
	for k := range n {
		c.propose(l, tag+uint64(k), fmt.Sprint("w", tag, " ", k))
	}
	last := tag + uint64(n) - 1
	c.until("writes are committed", 1000, func() bool {
		o, ok := l.outcome(last)
		return ok && o.Kind == Committed
	})
}

func (c *cluster) equal(a, b *node) bool { return slices.Equal(a.commands(), b.commands()) }

// Goal: who lacks what the leader has cut gets its snapshot and what follows
// it, and no leader changes (§7).
func TestSnapshot_LaggardIsBroughtUpToDate(t *testing.T) {
	c, l, behind := laggard(t)
	term := l.core.Term()
	c.heal()
	c.until("the laggard has all", 500, func() bool { return c.equal(l, behind) })
	if l.core.Term() != term || l.core.Role() != Leader {
		t.Errorf("the leader changed")
	}
	c.pass(5)
	if behind.disk.Snapshot.Index == 0 || behind.disk.Cut.Index != behind.disk.Snapshot.Index {
		t.Errorf("the disk stands on snapshot %d, cut %d", behind.disk.Snapshot.Index, behind.disk.Cut.Index)
	}
	c.write(l, 500, 5)
	c.until("entries follow", 100, func() bool { return c.equal(l, behind) })
	if s := l.core.Status(); s.Peers[0].Snapshot != 0 || s.Peers[1].Snapshot != 0 {
		t.Errorf("an offer is still open: %+v", s.Peers)
	}
}

// Goal: a receiver that crashes at any moment of a transfer or of the install
// comes back with the old log or the new one, and ends up equal (case 60, 62).
func TestSnapshot_CrashOfTheReceiverAtAnyMoment(t *testing.T) {
	for after := range 16 {
		c, l, behind := laggard(t)
		c.heal()
		c.until("the offer is out", 200, func() bool { return behind.fetch != nil })
		c.pass(after)
		c.crash(behind.id)
		c.pass(20)
		c.start(behind.id)
		c.until(fmt.Sprintf("the laggard has all, crashed after %d ms", after), 1500, func() bool { return c.equal(l, behind) })
	}
}

// Goal: a leader that goes on writing and snapshotting during a slow transfer
// keeps the log behind what it offered, so the laggard needs one snapshot and
// does not begin again for ever (case 63).
func TestSnapshot_FallingBehindDuringTheTransferDoesNotLoop(t *testing.T) {
	c, l, behind := laggard(t)
	behind.slowly = 300
	c.heal()
	for k := range 12 {
		c.write(l, uint64(1000+100*k), 20)
		c.snapshot(l)
		c.pass(20)
	}
	c.until("the laggard has all, by what it was offered first", 150, func() bool { return c.equal(l, behind) })
	installs := 0
	for _, e := range c.trace {
		if e.Kind == EventSnapshotInstalled {
			installs++
		}
	}
	if installs != 1 {
		t.Errorf("%d snapshots were installed, want 1", installs)
	}
}

// Goal: while a transfer goes on, the log does not grow without bound: beyond
// half of MaxLogBytes it is cut, and the laggard is offered a newer snapshot.
func TestSnapshot_KeptLogIsBounded(t *testing.T) {
	c, l, behind := laggard(t)
	l.core.cfg.MaxLogBytes = 8 << 10
	behind.slowly = 1 << 30
	c.heal()
	c.until("the offer is out", 200, func() bool { return behind.fetch != nil })
	for k := range 12 {
		c.write(l, uint64(1000+100*k), 20)
		c.snapshot(l)
	}
	if s := l.core.Status(); s.LogBytes > 8<<10 || s.LogFull {
		t.Errorf("the log has %d bytes, full: %v", s.LogBytes, s.LogFull)
	}
}

// Goal: the leader that offered dies in the middle; the next one offers its own,
// and nothing of the first transfer sticks (case 62).
func TestSnapshot_LeaderChangesInTheMiddle(t *testing.T) {
	c, l, behind := laggard(t)
	behind.slowly = 40
	for _, n := range c.nodes {
		if n != behind && n != l {
			c.snapshot(n)
		}
	}
	c.heal()
	c.until("the offer is out", 200, func() bool { return behind.fetch != nil })
	c.crash(l.id)
	var next *node
	c.until("another leads", 3000, func() bool { next = c.leader(); return next != nil && next != l })
	c.until("the laggard has all", 1500, func() bool { return c.equal(next, behind) })
}

// Goal: a server that has the snapshot's last entry keeps the log behind it, and
// answers at once (§7; case 59).
func TestSnapshot_MatchingSuffixIsKept(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.write(l, 100, 10)
	f := c.node(l.id%3 + 1)
	last := f.core.log.last()
	term, _ := f.core.log.term(last - 3)
	p := l.core.peer(f.id)
	for _, offer := range []InstallSnapshot{
		{Session: p.session, Index: last - 3, LastTerm: term},
		{Session: p.session, Index: 1, LastTerm: 1}, // older than the commit index
	} {
		c.step(f, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindInstallSnapshot, From: l.id, To: f.id,
			Term: l.core.Term(), Install: offer}})
		if f.fetch != nil || f.core.log.last() != last || f.core.snap.Index != 0 {
			t.Fatalf("offer %+v: fetches %v, log to %d, snapshot %d", offer, f.fetch, f.core.log.last(), f.core.snap.Index)
		}
		got := f.out.Send[len(f.out.Send)-1]
		if got.Kind != KindAppendReply || got.AppendReply.Rejected || got.AppendReply.Match < offer.Index {
			t.Fatalf("offer %+v is answered with %+v", offer, got.AppendReply)
		}
	}
}

// Goal: a log that conflicts with the snapshot is dropped whole (case 59), also
// one that reaches beyond it, and nothing of it is applied. Of a proposal that
// the snapshot covers nobody can tell what became of it.
func TestSnapshot_ConflictingLogIsDropped(t *testing.T) {
	for _, n := range []int{1, 60} {
		c, old := deposed(t, n, "never committed", func(c *cluster, old *node) { c.isolate(old.id) })
		for k := range n {
			o, ok := old.outcome(uint64(1000 + k))
			if covered := o.Index < old.core.snap.Index; !ok || covered != (o.Kind == Unknown) || !covered && o.Kind != Lost {
				t.Errorf("%d proposals, number %d: it ended with %+v, %v", n, k, o, ok)
			}
		}
		if slices.Contains(old.commands(), "never committed") {
			t.Errorf("%d proposals: one was applied", n)
		}
		c.crash(old.id)
		c.start(old.id)
		c.until("it has all after a restart", 1500, func() bool { return c.equal(c.leader(), old) })
	}
}

// Goal: a proposal that another leader committed, and that its own learns of by a
// snapshot, is not told as lost (case 42). Method: let the others have it, but
// cut the way of their answers.
func TestSnapshot_CoveredProposalIsUnknown(t *testing.T) {
	_, old := deposed(t, 3, "committed by another", func(c *cluster, old *node) {
		for _, n := range c.nodes {
			c.cut[[2]NodeID{n.id, old.id}] = true
		}
	})
	for k := range 3 {
		if o, ok := old.outcome(uint64(1000 + k)); !ok || o.Kind != Unknown {
			t.Errorf("number %d: it ended with %+v, %v", k, o, ok)
		}
	}
	if !slices.Contains(old.commands(), "committed by another") {
		t.Error("it was not committed: nothing is tested")
	}
}

// deposed gives a leader that was cut off, proposed n times with the tags from
// 1000 on, and was brought up to date by a snapshot of the next leader.
func deposed(t *testing.T, n int, data string, cut func(*cluster, *node)) (*cluster, *node) {
	t.Helper()
	c := newCluster(t, 3)
	for _, x := range c.nodes {
		x.cfg.TrailBytes = 1
		x.slowly = 5
	}
	c.startAll()
	old := c.elect()
	cut(c, old)
	for k := range n {
		c.propose(old, uint64(1000+k), data)
	}
	var l *node
	c.until("another leads", 3000, func() bool { l = c.leader(); return l != nil && l != old })
	c.isolate(old.id)
	c.write(l, 100, 10)
	c.snapshot(l)
	c.heal()
	c.until("the old leader has all", 1500, func() bool { return c.equal(l, old) })
	if old.core.snap.Index == 0 {
		t.Fatal("it got no snapshot: nothing is tested")
	}
	return c, old
}

// Goal: a snapshot that its receiver cannot get any more is offered again in its
// newest form.
func TestSnapshot_GoneIsOfferedAgain(t *testing.T) {
	c, l, behind := laggard(t)
	first := l.core.snap.Index
	behind.slowly = 60
	c.heal()
	c.until("the offer is out", 200, func() bool { return behind.fetch != nil })
	c.write(l, 1000, 20)
	c.snapshot(l)
	delete(l.files, first)
	c.until("the laggard has all", 1500, func() bool { return c.equal(l, behind) })
	c.pass(5)
	if behind.disk.Snapshot.Index <= first {
		t.Errorf("it stands on snapshot %d, and %d was gone", behind.disk.Snapshot.Index, first)
	}
}

// Goal: what no honest leader offers changes nothing, and a file that was not
// asked for neither.
func TestSnapshot_NonsenseIsIgnored(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	f := c.node(l.id%3 + 1)
	last, base := f.core.log.last(), Base{Index: 900, Term: 1, Config: f.core.config().Clone()}
	for _, q := range []InstallSnapshot{{Index: 0, LastTerm: 1}, {Index: 5, LastTerm: 0}, {Index: 5, LastTerm: 1 << 40}} {
		c.step(f, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindInstallSnapshot, From: l.id, To: f.id, Term: l.core.Term(), Install: q}})
	}
	c.step(f, Input{Kind: InputInstalled, Base: &base})
	c.step(f, Input{Kind: InputInstalled, Index: 900})
	if f.fetch != nil || f.core.log.last() != last || f.core.snap.Index != 0 {
		t.Errorf("fetches %v, log to %d, snapshot %d", f.fetch, f.core.log.last(), f.core.snap.Index)
	}
}

// Goal: with a state machine that is durable by itself, nothing is restored from
// a snapshot before the log stands on it.
func TestSnapshot_DurableApplyWaitsForTheDisk(t *testing.T) {
	c, l, behind := laggard(t)
	behind.core.cfg.DurableApply = true
	behind.diskSlow = true
	c.heal()
	c.until("it stands on the snapshot in memory", 500, func() bool { return behind.core.snap.Index > 0 })
	c.pass(50)
	if len(behind.applied) > 20 {
		t.Error("the state machine was restored from a snapshot that the log does not stand on yet")
	}
	behind.diskSlow = false
	c.until("the laggard has all", 500, func() bool { return c.equal(l, behind) })
}

// Goal: a disk that lost entries it had confirmed neither votes nor counts until
// its log is whole again; then it does (case 36, 75).
func TestDamage_NeitherVotesNorCountsUntilWhole(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.write(l, 100, 10)
	d, other := c.node(l.id%3+1), c.node((l.id+1)%3+1)
	c.crash(d.id)
	d.disk.Entries = d.disk.Entries[:4]
	d.disk.Damaged = true
	// Alone with a server that lacks nothing, it must not elect anybody.
	c.crash(l.id)
	c.start(d.id)
	d.disk.Damaged = false // the fact is in its hard state now
	c.pass(2000)
	if c.leader() != nil || d.core.hard.Standing != Damaged {
		t.Fatalf("a leader was elected with the vote of a damaged disk, or it stands as %d", d.core.hard.Standing)
	}
	// It does not count for a commit either.
	c.start(l.id)
	c.until("a leader by the votes of the two", 3000, func() bool { return c.leader() != nil })
	now := c.leader()
	if now == d {
		t.Fatal("the damaged one leads")
	}
	c.until("it is whole", 1000, func() bool { return d.core.hard.Standing == Admitted && d.disk.Hard.Standing == Admitted })
	if got := d.core.log.last(); got < d.core.barrier.Index {
		t.Errorf("it was admitted with a log up to %d", got)
	}
	third := l
	if now == l {
		third = other
	}
	c.crash(third.id)
	c.write(now, 900, 3) // needs its acknowledgement
	if !c.equal(now, d) {
		c.until("it applies", 200, func() bool { return c.equal(now, d) })
	}
}

// Goal: a damaged disk that knows its barrier stays out until it holds the log up
// to there (case 36). Method: let the leader's word arrive, and no entries.
func TestDamage_WaitsForTheBarrier(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.write(l, 100, 10)
	d := c.node(l.id%3 + 1)
	c.crash(d.id)
	d.disk.Entries, d.disk.Damaged = d.disk.Entries[:4], true
	c.drop = func(m *Message) bool { return m.Kind == KindAppend && m.To == d.id }
	c.start(d.id)
	c.until("it knows its barrier", 500, func() bool { return d.core.barrier.Index > 0 })
	c.pass(500)
	if d.core.hard.Standing != Damaged {
		t.Error("it takes part again, though its log is not whole")
	}
	c.drop = nil
	c.until("it is whole", 1500, func() bool { return d.core.hard.Standing == Admitted && c.equal(l, d) })
}

// Goal: what a damaged server acknowledged before the damage is forgotten by the
// leader, and late answers of its earlier boot count for nothing (case 37).
func TestDamage_EarlierAcknowledgementsAreForgotten(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.write(l, 100, 10)
	d, other := c.node(l.id%3+1), c.node((l.id+1)%3+1)
	late := Message{Group: 1, Kind: KindAppendReply, From: d.id, To: l.id, Boot: d.boot, Term: l.core.Term(),
		AppendReply: AppendReply{Session: l.core.peer(d.id).session, Match: l.core.log.last() + 1}}
	c.crash(d.id)
	d.disk.Entries, d.disk.Damaged = d.disk.Entries[:4], true
	c.crash(other.id)
	d.slowly = 0
	c.start(d.id)
	c.until("the leader knows", 200, func() bool { return l.core.peer(d.id).uncounted })
	commit := l.core.commit
	c.propose(l, 700, "x")
	c.step(l, Input{Kind: InputReceive, Message: &late})
	if l.core.commit > commit {
		t.Fatal("an acknowledgement of what the disk has lost was counted")
	}
	c.until("whole again, it counts", 1500, func() bool { o, ok := l.outcome(700); return ok && o.Kind == Committed })
	if d.core.hard.Standing != Admitted {
		t.Error("it counted before it was whole")
	}
}

// halfTold makes a cluster of three in which f, whom a leader of the next term
// offered a snapshot, got the log up to it by itself, but was not told that it is
// committed. The others are dead. first is what stands in that log before the
// snapshot's last entry.
func halfTold(t *testing.T, kind EntryKind, data func(f *node) []byte) (c *cluster, f *node, b *Base) {
	t.Helper()
	c = newCluster(t, 3).startAll()
	l := c.settle()
	f = c.node(l.id%3 + 1)
	c.until("it has all", 100, func() bool { return f.core.commit == l.core.log.last() })
	for _, n := range c.nodes {
		if n != f {
			c.crash(n.id)
		}
	}
	term, last := f.core.Term()+1, f.core.log.last()
	prevTerm, _ := f.core.log.term(last)
	b = &Base{Index: last + 2, Term: term, Config: f.core.config().Clone()}
	from := func(m Message) {
		m.Group, m.From, m.To, m.Term = 1, l.id, f.id, term
		c.step(f, Input{Kind: InputReceive, Message: &m})
	}
	from(Message{Kind: KindInstallSnapshot, Install: InstallSnapshot{Index: b.Index, LastTerm: b.Term}})
	f.fetch = nil // its host is slow
	from(Message{Kind: KindAppend, Append: Append{PrevIndex: last, PrevTerm: prevTerm, Commit: last, Entries: []Entry{
		{Index: last + 1, Term: term, Kind: kind, Data: data(f)}, {Index: last + 2, Term: term, Kind: EntryCommand, Data: []byte("x")}}}})
	c.until("it stands for election", 1000, func() bool { return f.core.role == PreCandidate })
	return c, f, b
}

// vote lets every other server grant what f asks for.
func (c *cluster) vote(f *node) {
	for _, n := range c.nodes {
		if n != f {
			c.step(f, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindVoteReply, From: n.id, To: f.id, Term: f.core.Term(),
				VoteReply: VoteReply{Campaign: f.core.campaign, Pre: f.core.role == PreCandidate, Granted: true}}})
		}
	}
}

// Goal: a leader whose host only now has the snapshot that an earlier leader
// offered learns by it what is committed, and counts that as uncommitted no more:
// otherwise it would refuse writes for ever.
func TestSnapshot_ArrivesWhenItsReceiverLeads(t *testing.T) {
	c, f, b := halfTold(t, EntryCommand, func(*node) []byte { return []byte("y") })
	c.vote(f)
	c.pass(2)
	c.vote(f)
	c.until("it leads", 10, func() bool { return f.core.role == Leader })
	c.step(f, Input{Kind: InputInstalled, Base: b, Index: b.Index})
	want := 0
	for _, e := range f.core.log.slice(f.core.commit+1, f.core.log.last()) {
		want += entryBytes(&e)
	}
	if f.core.commit != b.Index || f.core.uncommitted != want {
		t.Errorf("commit %d, want %d; uncommitted bytes %d, want %d", f.core.commit, b.Index, f.core.uncommitted, want)
	}
}

// Goal: a candidate learns by a snapshot that arrives late that it is a voter no
// more: it gives up, and does not halt.
func TestSnapshot_ArrivesWhenItsReceiverStandsAndIsNoVoter(t *testing.T) {
	c, f, b := halfTold(t, EntryConfig, func(f *node) []byte {
		next, err := f.core.config().With([]Change{{Kind: ChangeDemote, Member: member(f.id)}})
		if err != nil {
			t.Fatal(err)
		}
		return AppendConfiguration(nil, &next)
	})
	c.step(f, Input{Kind: InputInstalled, Base: b, Index: b.Index})
	if f.core.role != Follower || f.core.commit != b.Index {
		t.Errorf("role %d, commit %d", f.core.role, f.core.commit)
	}
}
