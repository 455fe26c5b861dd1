package raft

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func member(id NodeID) Member { return Member{ID: id, Name: fmt.Sprint("n", id)} }

// changed waits until a change has its outcome, and gives it.
func (c *cluster) changed(n *node, tag uint64) Outcome {
	c.t.Helper()
	c.until(fmt.Sprint("the change has its outcome"), 2000, func() bool { _, ok := n.outcome(tag); return ok })
	o, _ := n.outcome(tag)
	return o
}

// settle waits until the members are recorded, as a cluster is soon after its start.
func (c *cluster) settle() *node {
	c.t.Helper()
	c.elect()
	c.until("the members are recorded", 3000, func() bool {
		l := c.leader()
		return l != nil && l.core.configs[len(l.core.configs)-1].Index <= l.core.commit &&
			!slices.ContainsFunc(l.core.config().Members, func(m Member) bool { return m.Incarnation == 0 })
	})
	return c.leader()
}

func (c *cluster) mustChange(n *node, tag uint64, changes ...Change) {
	c.t.Helper()
	c.change(n, tag, changes...)
	if o := c.changed(n, tag); o.Kind != Committed {
		c.t.Fatalf("the change ended with %d: %s", o.Kind, o.Reason)
	}
}

// refused asks for a change that must be rejected for a reason.
func (c *cluster) refused(n *node, tag uint64, want Reason, changes ...Change) {
	c.t.Helper()
	c.change(n, tag, changes...)
	if o, ok := n.outcome(tag); !ok || o.Kind != Rejected || o.Reason != want {
		c.t.Errorf("the change ended with %d, %s; want: %s", o.Kind, o.Reason, want)
	}
}

func (c *cluster) told(kind EventKind, id NodeID) bool {
	return slices.ContainsFunc(c.trace, func(e Event) bool { return e.Kind == kind && e.Node == id })
}

// Goal: a voter is replaced step by step while clients write: a learner is
// added, catches up, is promoted, the old voter leaves. No election happens.
func TestChange_ReplaceAVoterUnderLoad(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.settle()
	c.write(l, 100, 20)
	term := l.core.Term()
	old := c.node(l.id%3 + 1)
	c.mustChange(l, 1, Change{Kind: ChangeAddLearner, Member: member(4)})
	c.refused(l, 2, ReasonNotCaughtUp, Change{Kind: ChangePromote, Member: member(4)})
	n := c.join(l)
	c.write(l, 200, 20)
	c.until("the learner has caught up", 500, func() bool { return c.told(EventCaughtUp, l.id) && c.equal(l, n) })
	if v := l.core.config().Voters; slices.Contains(v, 4) {
		t.Fatalf("the voters are %v before the promotion", v)
	}
	c.mustChange(l, 3, Change{Kind: ChangePromote, Member: member(4)})
	c.mustChange(l, 4, Change{Kind: ChangeRemove, Member: member(old.id)})
	c.write(l, 300, 20)
	if l.core.Role() != Leader || l.core.Term() != term {
		t.Error("the leader changed")
	}
	c.until("the old one knows", 200, func() bool { return c.told(EventRemoved, old.id) })
	if got := l.core.config(); slices.Contains(got.Voters, old.id) || !slices.Contains(got.Voters, 4) || got.has(old.id) {
		t.Errorf("the configuration is %+v", got)
	}
}

// Goal: any change at once goes through a joint configuration, which is left by
// itself; both majorities decide meanwhile (§6; case 48).
func TestChange_JointAndAutomaticLeave(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.settle()
	c.write(l, 100, 5)
	c.mustChange(l, 1, Change{Kind: ChangeAddLearner, Member: member(4)}, Change{Kind: ChangeAddLearner, Member: member(5)})
	c.join(l)
	c.join(l)
	c.until("both have caught up", 500, func() bool {
		return l.core.inStep(l.core.peer(4)) && l.core.inStep(l.core.peer(5))
	})
	var gone []Change
	for id := NodeID(1); id <= 3; id++ {
		if id != l.id {
			gone = append(gone, Change{Kind: ChangeRemove, Member: member(id)})
		}
	}
	all := append(gone, Change{Kind: ChangePromote, Member: member(4)}, Change{Kind: ChangePromote, Member: member(5)})
	c.change(l, 2, all...)
	if conf := l.core.config(); len(conf.Outgoing) != 3 || !conf.AutoLeave || len(conf.Members) != 5 {
		t.Fatalf("the configuration in force is %+v, not joint", conf)
	}
	if o := c.changed(l, 2); o.Kind != Committed {
		t.Fatalf("the change ended with %d: %s", o.Kind, o.Reason)
	}
	want := Configuration{Voters: []NodeID{l.id, 4, 5}}
	if conf := l.core.config(); !slices.Equal(conf.Voters, want.Voters) || len(conf.Outgoing) > 0 || len(conf.Members) != 3 || conf.AutoLeave {
		t.Errorf("the configuration is %+v", conf)
	}
	c.write(l, 300, 5)
}

// Goal: in a joint configuration neither majority alone commits (§6).
func TestChange_JointNeedsBothMajorities(t *testing.T) {
	for _, dead := range [][]NodeID{{2, 3}, {4, 5}} {
		c := newCluster(t, 5)
		conf := Configuration{Voters: []NodeID{1, 4, 5}, Outgoing: []NodeID{1, 2, 3}, AutoLeave: true}
		for id := NodeID(1); id <= 5; id++ {
			conf.Members = append(conf.Members, member(id))
		}
		for _, n := range c.nodes {
			n.cfg.Initial = conf
			n.cfg.Draw = func(least, most Duration) Duration {
				if n.id == 1 {
					return least
				}
				return most
			}
		}
		c.startAll()
		c.pass(20) // they found the cluster together
		for _, id := range dead {
			c.crash(id)
		}
		c.pass(2000)
		if l := c.leader(); l != nil {
			t.Errorf("without %v, %d was elected", dead, l.id)
		}
		for _, id := range dead {
			c.start(id)
		}
		l := c.settle()
		c.until("the joint configuration is left", 500, func() bool {
			return len(l.core.committedConfig().Config.Outgoing) == 0
		})
	}
}

// Goal: the leader dies at any moment of a joint change; whoever leads next
// finishes it or has never heard of it, and never stays joint (case 48).
func TestChange_LeaderDiesInTheMiddle(t *testing.T) {
	for after := range 12 {
		c := newCluster(t, 5).startAll()
		l := c.settle()
		var changes []Change
		for id := NodeID(1); id <= 5 && len(changes) < 2; id++ {
			if id != l.id {
				changes = append(changes, Change{Kind: ChangeDemote, Member: member(id)})
			}
		}
		c.change(l, 1, changes...)
		c.pass(after)
		c.crash(l.id)
		var next *node
		c.until(fmt.Sprint("another leads, after ", after), 5000, func() bool {
			next = nil
			for _, n := range c.nodes {
				if n.core != nil && n.core.Role() == Leader && n.core.commit >= n.core.firstOfTerm {
					next = n
				}
			}
			return next != nil
		})
		c.until("no joint configuration", 1000, func() bool { return len(next.core.committedConfig().Config.Outgoing) == 0 })
		c.start(l.id)
		c.until("the old leader agrees", 2000, func() bool {
			return l.core.configs[len(l.core.configs)-1].Index == next.core.configs[len(next.core.configs)-1].Index
		})
	}
}

// Goal: a leader that is removed manages the cluster until that is committed,
// hands over at once, and knows that it has left (case 49).
func TestChange_RemovalOfTheLeader(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.settle()
	c.write(l, 100, 5)
	c.change(l, 1, Change{Kind: ChangeRemove, Member: member(l.id)})
	if o := c.changed(l, 1); o.Kind != Committed {
		t.Fatalf("the change ended with %d: %s", o.Kind, o.Reason)
	}
	at := c.now
	var next *node
	c.until("another leads", 2000, func() bool {
		next = nil
		for _, n := range c.nodes {
			if n != l && n.core.Role() == Leader {
				next = n
			}
		}
		return next != nil
	})
	if took := Duration(c.now - at); took > 20*Millisecond {
		t.Errorf("nobody led for %d ms", took/Millisecond)
	}
	if !c.told(EventRemoved, l.id) || l.core.Role() == Leader {
		t.Error("the removed leader does not know it")
	}
	c.write(next, 200, 5)
	term := next.core.Term()
	c.pass(3000) // its process goes on, and campaigns no more
	if next.core.Role() != Leader || next.core.Term() != term {
		t.Error("the removed leader disturbed the others")
	}
}

// Goal: a server that was removed while it was cut off disturbs nobody when it
// comes back, and learns what happened (case 50).
func TestChange_RemovedServerLearnsAndIsQuiet(t *testing.T) {
	c := newCluster(t, 4).startAll()
	l := c.settle()
	away := c.node(l.id%4 + 1)
	c.isolate(away.id)
	c.mustChange(l, 1, Change{Kind: ChangeRemove, Member: member(away.id)})
	term := l.core.Term()
	c.pass(2000)
	c.heal()
	c.until("it knows", 2000, func() bool { return c.told(EventRemoved, away.id) })
	c.pass(2000)
	if l.core.Role() != Leader || l.core.Term() != term {
		t.Error("it disturbed the others")
	}
}

// Goal: a removed learner, too, asks and is told.
func TestChange_RemovedLearnerLearns(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.settle()
	c.mustChange(l, 1, Change{Kind: ChangeAddLearner, Member: member(4)})
	n := c.join(l)
	c.until("it follows", 500, func() bool { return n.core.Leader() == l.id && n.core.hard.Standing == Admitted })
	c.isolate(n.id)
	c.mustChange(l, 2, Change{Kind: ChangeRemove, Member: member(4)})
	c.heal()
	c.until("it knows", 2000, func() bool { return c.told(EventRemoved, n.id) })
}

// Goal: a learner that starts long after it was added catches up also while
// nobody writes, so that no round of replication begins. Method: let time pass
// between the addition and the start.
func TestChange_LearnerCatchesUpWithAnIdleCluster(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.settle()
	c.mustChange(l, 1, Change{Kind: ChangeAddLearner, Member: member(4)})
	c.pass(2000)
	c.join(l)
	c.until("the leader sees it", 1000, func() bool { return c.told(EventCaughtUp, l.id) })
	c.mustChange(l, 2, Change{Kind: ChangePromote, Member: member(4)})
}

// Goal: one change at a time, none before the term's first commit, none that
// leaves too few healthy voters, none that fits no configuration (cases 45, 46, 51).
func TestChange_Refusals(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.settle()
	f := c.node(l.id%3 + 1)
	c.refused(f, 1, ReasonNotLeader, Change{Kind: ChangeAddLearner, Member: member(9)})
	c.refused(l, 2, ReasonBadChange)
	c.refused(l, 3, ReasonBadChange, Change{Kind: ChangeAddLearner, Member: member(f.id)})
	c.refused(l, 4, ReasonBadChange, Change{Kind: ChangePromote, Member: member(f.id)})
	c.refused(l, 5, ReasonBadChange, Change{Kind: ChangeRemove, Member: member(77)})
	c.refused(l, 6, ReasonBadChange, Change{Kind: 99, Member: member(f.id)})
	c.crash(f.id)
	c.pass(700)
	c.refused(l, 7, ReasonTooFewHealthy, Change{Kind: ChangeAddVoter, Member: member(9)})
	c.change(l, 8, Change{Kind: ChangeAddVoter, Member: member(9), Force: true})
	c.refused(l, 9, ReasonChangePending, Change{Kind: ChangeAddLearner, Member: member(10)})
	if _, ok := l.outcome(8); ok {
		t.Error("two of four committed a change")
	}
	c.start(f.id) // before the leader gives up for want of a majority
	if o := c.changed(l, 8); o.Kind != Committed {
		t.Errorf("the forced change ended with %d", o.Kind)
	}
	c.mustChange(l, 10, Change{Kind: ChangeRemove, Member: member(9)})
	c.refused(l, 11, ReasonBadChange, Change{Kind: ChangeAddLearner, Member: member(9)}) // an id is never used again
	c.crash(l.id)
	var next *node
	c.until("another leads, and has committed nothing yet", 3000, func() bool {
		for _, n := range c.nodes[:3] {
			if n.core != nil && n.core.Role() == Leader && n.core.commit < n.core.firstOfTerm {
				next = n
			}
		}
		return next != nil
	})
	c.refused(next, 12, ReasonNotReady, Change{Kind: ChangeAddLearner, Member: member(10)})
}

// Goal: one server becomes two, then three, and goes back to one, also when the
// others are dead (cases 24, 52).
func TestChange_OneToThreeAndBack(t *testing.T) {
	c := newCluster(t, 1).startAll()
	l := c.settle()
	c.write(l, 100, 3)
	c.refused(l, 9, ReasonNewcomer, Change{Kind: ChangeAddVoter, Member: member(2), Force: true})
	c.mustChange(l, 10, Change{Kind: ChangeAddLearner, Member: member(2)})
	n := c.join(l)
	c.until("the second has caught up", 500, func() bool { return l.core.inStep(l.core.peer(2)) })
	c.mustChange(l, 1, Change{Kind: ChangePromote, Member: member(2)})
	c.until("the second has all", 500, func() bool { return c.equal(l, n) && n.core.hard.Standing == Admitted })
	c.mustChange(l, 2, Change{Kind: ChangeAddLearner, Member: member(3)})
	c.join(l)
	c.until("the third has caught up", 500, func() bool { return l.core.inStep(l.core.peer(3)) })
	c.mustChange(l, 3, Change{Kind: ChangePromote, Member: member(3)})
	c.write(l, 200, 3)
	c.crash(3)
	c.pass(700)
	c.mustChange(l, 4, Change{Kind: ChangeRemove, Member: member(3)})
	c.crash(2)
	c.mustChange(l, 5, Change{Kind: ChangeRemove, Member: member(2)})
	c.write(l, 300, 3)
}

// Goal: joint changes wait until every member's program knows them; a cluster of
// two levels changes one voter at a time meanwhile.
func TestChange_LowestLevelDecides(t *testing.T) {
	c := newCluster(t, 5)
	c.node(2).cfg.Level = LevelSingle
	c.startAll()
	l := c.settle()
	c.until("all are recorded", 500, func() bool { return l.core.config().Member0(5).Level != 0 && l.core.config().Member0(2).Level != 0 })
	c.pass(100)
	var two []Change
	for id := NodeID(3); id <= 5 && len(two) < 2; id++ {
		if id != l.id {
			two = append(two, Change{Kind: ChangeDemote, Member: member(id)})
		}
	}
	c.refused(l, 1, ReasonLevel, two...)
	c.mustChange(l, 2, two[0])
	if got := l.core.Status().Level; got != LevelSingle {
		t.Errorf("the cluster's level is %d", got)
	}
	c.crash(2)
	c.node(2).cfg.Level = LevelJoint // upgraded
	c.start(2)
	c.until("the upgrade is known", 1000, func() bool { l = c.leader(); return l != nil && l.core.Status().Level == LevelJoint })
	c.pass(50)
	c.mustChange(l, 3, Change{Kind: ChangePromote, Member: two[0].Member, Force: true}, Change{Kind: ChangeDemote, Member: two[1].Member})
}

// Member0 is Member for a test that knows the member is there.
func (c *Configuration) Member0(id NodeID) Member {
	m, _ := c.Member(id)
	return m
}

// Goal: a configuration that falls out of the log is not in force any more, also
// across a restart (case 47).
func TestChange_RolledBackOnTruncation(t *testing.T) {
	c := newCluster(t, 3).startAll()
	old := c.settle()
	c.isolate(old.id)
	c.change(old, 1, Change{Kind: ChangeAddLearner, Member: member(9)})
	if !old.core.config().has(9) {
		t.Fatal("it is not in force on append")
	}
	c.pass(5)
	c.crash(old.id)
	c.start(old.id)
	if !old.core.config().has(9) {
		t.Fatal("it is not in force after a restart")
	}
	c.until("another leads", 3000, func() bool { l := c.leader(); return l != nil && l != old })
	c.heal()
	c.until("it is rolled back", 2000, func() bool { return !old.core.config().has(9) })
}

// Goal: a snapshot taken in a joint configuration brings it back whole, so that
// its receiver can finish the change as a leader (cases 58, 66).
func TestChange_SnapshotHoldsTheJointConfiguration(t *testing.T) {
	conf := Configuration{Voters: []NodeID{1, 2}, Outgoing: []NodeID{1, 3}, AutoLeave: true, Removed: []NodeID{9}}
	for id := NodeID(1); id <= 3; id++ {
		conf.Members = append(conf.Members, member(id))
	}
	base := Base{Index: 7, Term: 2, Config: conf}
	core, err := New(Config{Group: 1, Self: 1, Boot: 2, Incarnation: 101, Initial: conf},
		Restored{Hard: HardState{Term: 3, Standing: Admitted}, Snapshot: base, Cut: base}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := core.committedConfig().Config; len(got.Outgoing) != 2 || !got.AutoLeave || len(got.Removed) != 1 {
		t.Errorf("the committed configuration is %+v", got)
	}
}

// Goal: the algebra of changes. Whatever changes fit, the joint configuration of
// old and new is valid, decides with both majorities, and leaving it gives the
// new voters and learners and remembers who left.
func TestConfiguration_ChangesFitTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := genConfiguration(t)
		old.Outgoing, old.AutoLeave, old.Removed = nil, false, nil
		for k := len(old.Members) - 1; k >= 0; k-- {
			if id := old.Members[k].ID; !contains(old.Voters, id) && !contains(old.Learners, id) {
				old.Members = slices.Delete(old.Members, k, k+1)
			}
		}
		var changes []Change
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			id := old.Members[rapid.IntRange(0, len(old.Members)-1).Draw(t, "whom")].ID
			kind := ChangeKind(rapid.Uint8Range(1, 6).Draw(t, "kind"))
			if kind <= ChangeAddVoter {
				id = NodeID(rapid.Uint64Range(1, 1<<62).Draw(t, "id"))
			}
			changes = append(changes, Change{Kind: kind, Member: Member{ID: id, Name: "x"}})
		}
		next, err := old.With(changes)
		if err != nil {
			return
		}
		joint := old.joint(&next)
		if err := joint.Check(); err != nil {
			t.Fatalf("joint: %v\nold %+v\nnew %+v", err, old, next)
		}
		if err := DecodeConfiguration(AppendConfiguration(nil, &joint), new(Configuration)); err != nil {
			t.Fatalf("joint: %v", err)
		}
		left := joint.left()
		if err := left.Check(); err != nil {
			t.Fatalf("left: %v", err)
		}
		if !slices.Equal(left.Voters, next.Voters) || !slices.Equal(left.Learners, next.Learners) || !slices.Equal(left.Members, next.Members) {
			t.Fatalf("left  %+v\nwant  %+v", left, next)
		}
		for _, m := range old.Members {
			if !left.has(m.ID) && !slices.Contains(left.Removed, m.ID) {
				t.Fatalf("%s left and is forgotten", m.ID)
			}
		}
		if slices.Equal(old.Voters, next.Voters) && differing(old.Voters, next.Voters) != 0 {
			t.Fatal("equal lists differ")
		}
	})
}

// Goal: what a server was told by members that have left is forgotten, or members
// that come and go would fill its memory.
func TestChange_WhoLeftIsForgotten(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.settle()
	old := l.id%3 + 1
	c.until("all have told their timing", 3000, func() bool { return l.core.timingOf(old) != nil && l.core.announcementOf(old) != nil })
	c.mustChange(l, 1, Change{Kind: ChangeRemove, Member: member(old)})
	c.pass(1000)
	if l.core.timingOf(old) != nil || l.core.announcementOf(old) != nil {
		t.Error("the leader remembers who left")
	}
}
