package raft

import (
	"slices"
	"testing"
)

// Goal: a term that is higher counts even if the vote is refused for the log
// (case 6): otherwise the refuser would answer with its old term for ever.
func TestElection_HigherTermCountsThoughTheVoteIsRefused(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.write(l, 100, 3)
	f := c.node(l.id%3 + 1)
	c.pass(1)
	f.core.leaderGone = true // it has no reason to believe in the leader
	ask := Message{Group: 1, Kind: KindRequestVote, From: (l.id+1)%3 + 1, To: f.id, Term: l.core.Term() + 5,
		RequestVote: RequestVote{Campaign: 1, LastIndex: 1, LastTerm: 1}}
	c.step(f, Input{Kind: InputReceive, Message: &ask})
	if f.core.Term() != ask.Term || f.core.hard.Vote != 0 {
		t.Errorf("term %d, vote for %s", f.core.Term(), f.core.hard.Vote)
	}
}

// Goal: a pre-vote that answers an earlier campaign starts no election, though
// the server asks again in the very same term (case 15).
func TestElection_LatePreVoteBelongsToItsCampaign(t *testing.T) {
	c := newCluster(t, 3)
	for _, n := range c.nodes {
		n.disk.Hard = HardState{Term: 1, Standing: Admitted}
	}
	c.startAll()
	n := c.node(1)
	c.crash(2)
	c.crash(3)
	c.until("it asks", 1000, func() bool { return n.core.Role() == PreCandidate })
	first := n.core.campaign
	c.until("it asks again", 1000, func() bool { return n.core.campaign != first })
	late := Message{Group: 1, Kind: KindVoteReply, From: 2, To: 1, Term: 1, VoteReply: VoteReply{Campaign: first, Pre: true, Granted: true}}
	c.step(n, Input{Kind: InputReceive, Message: &late})
	if n.core.Role() != PreCandidate || n.core.Term() != 1 {
		t.Fatalf("a late pre-vote made it %d in term %d", n.core.Role(), n.core.Term())
	}
	late.VoteReply.Campaign = n.core.campaign
	c.step(n, Input{Kind: InputReceive, Message: &late})
	if n.core.Role() != Candidate {
		t.Error("the pre-vote of this campaign does not count")
	}
}

// Goal: the entry just behind a snapshot is checked against the snapshot's own
// term (case 64).
func TestSnapshot_EntryBehindItIsCheckedAgainstItsTerm(t *testing.T) {
	conf := Configuration{Members: []Member{{ID: 1}, {ID: 2}}, Voters: []NodeID{1, 2}}
	base := Base{Index: 7, Term: 2, Config: conf}
	core, err := New(Config{Group: 1, Self: 1, Boot: 2, Incarnation: 101, Initial: conf},
		Restored{Hard: HardState{Term: 3, Standing: Admitted}, Snapshot: base, Cut: base}, 1)
	if err != nil {
		t.Fatal(err)
	}
	var out Output
	send := func(term Term) AppendReply {
		core.Step(2, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindAppend, From: 2, To: 1, Term: 3,
			Append: Append{PrevIndex: 7, PrevTerm: term, Entries: []Entry{{Index: 8, Term: 3, Kind: EntryNoop}}}}}, &out)
		if out.Write.Seq != 0 {
			core.Step(3, Input{Kind: InputPersisted, Seq: out.Write.Seq}, &out)
		}
		for k := range out.Send {
			if out.Send[k].Kind == KindAppendReply {
				return out.Send[k].AppendReply
			}
		}
		return AppendReply{}
	}
	if r := send(2); r.Rejected || r.Match != 8 {
		t.Errorf("behind the snapshot's own term: %+v", r)
	}
	send(1) // contradicts what is committed: two leaders' majorities did not meet
	if core.Fault() == "" {
		t.Error("a leader that denies a committed entry goes unnoticed")
	}
}

// Goal: a candidate whose host brings it a snapshot stops standing: what it asked
// votes for is not its log any more (case 65).
func TestSnapshot_InstalledByACandidate(t *testing.T) {
	c, l, behind := laggard(t)
	behind.slowly = 5
	c.heal()
	c.until("the offer is out", 200, func() bool { return behind.fetch != nil })
	f := l.files[behind.fetch.Index]
	c.isolate(behind.id)
	c.until("it stands", 2000, func() bool { return behind.core.Role() == PreCandidate })
	behind.keep(f)
	c.step(behind, Input{Kind: InputInstalled, Base: &f.base})
	if behind.core.Role() != Follower || behind.core.log.last() != f.base.Index {
		t.Errorf("role %d, log to %d", behind.core.Role(), behind.core.log.last())
	}
}

// Goal: a snapshot may turn its receiver into a learner, or leave it out: then it
// does not stand; one that only the old half of a joint configuration knows still
// votes (case 61).
func TestSnapshot_ChangesTheReceiversPart(t *testing.T) {
	all := []Member{{ID: 1}, {ID: 2}, {ID: 3}}
	for _, x := range []struct {
		name   string
		config Configuration
		stands bool
		left   bool
	}{
		{"a learner now", Configuration{Members: all, Voters: []NodeID{2, 3}, Learners: []NodeID{1}}, false, false},
		{"removed", Configuration{Members: all[1:], Voters: []NodeID{2, 3}, Removed: []NodeID{1}}, false, true},
		{"in the old half", Configuration{Members: all, Voters: []NodeID{2, 3}, Outgoing: []NodeID{1, 2, 3}, AutoLeave: true}, true, false},
	} {
		c := newCluster(t, 3)
		n := c.node(1)
		n.disk.Hard = HardState{Term: 4, Standing: Admitted}
		c.start(1)
		offer := Message{Group: 1, Kind: KindInstallSnapshot, From: 2, To: 1, Term: 4, Install: InstallSnapshot{Session: 1, Index: 9, LastTerm: 4}}
		c.step(n, Input{Kind: InputReceive, Message: &offer})
		base := Base{Index: 9, Term: 4, Config: x.config}
		n.keep(stateFile{base: base})
		c.step(n, Input{Kind: InputInstalled, Base: &base})
		if n.core.removed != x.left {
			t.Errorf("%s: it believes that it has left: %v", x.name, n.core.removed)
		}
		for range 1000 {
			c.tick()
			c.wire = nil // nobody answers
		}
		stood := slices.ContainsFunc(c.trace, func(e Event) bool { return e.Kind == EventBecamePreCand })
		if stood != x.stands {
			t.Errorf("%s: it stood for election: %v", x.name, stood)
		}
		vote := Message{Group: 1, Kind: KindRequestVote, From: 3, To: 1, Term: 9,
			RequestVote: RequestVote{Campaign: 1, LastIndex: 20, LastTerm: 4}}
		c.step(n, Input{Kind: InputReceive, Message: &vote})
		c.pass(3)
		if n.core.hard.Vote != 3 {
			t.Errorf("%s: it does not vote for one whose configuration may need it", x.name)
		}
	}
}

// Goal: a voter becomes a learner by one entry, and counts no more (case 53).
func TestChange_Demotion(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.settle()
	d := c.node(l.id%3 + 1)
	c.mustChange(l, 1, Change{Kind: ChangeDemote, Member: member(d.id)})
	c.crash(c.node((l.id+1)%3 + 1).id)
	c.propose(l, 7, "x")
	c.pass(200)
	if o, ok := l.outcome(7); ok && o.Kind == Committed {
		t.Error("a learner counted for a commit")
	}
	c.until("without a majority of voters it does not lead", 1000, func() bool { return l.core.Role() != Leader })
	if d.core.Role() != Follower {
		t.Error("a learner stands")
	}
}

// Goal: learners confirm no read, and in a joint configuration both majorities
// must (case 74).
func TestRead_LearnersDoNotConfirm(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.settle()
	c.mustChange(l, 1, Change{Kind: ChangeAddLearner, Member: member(4)})
	n := c.join(l)
	c.until("the learner follows", 500, func() bool { return l.core.inStep(l.core.peer(4)) })
	for id := NodeID(1); id <= 3; id++ {
		if id != l.id {
			c.crash(id)
		}
	}
	c.pass(1)
	c.step(l, Input{Kind: InputRead, Tag: 9})
	c.pass(100)
	if o, ok := l.outcome(9); ok && o.Kind == ReadReady {
		t.Error("a learner's answer confirmed a read")
	}
	c.step(n, Input{Kind: InputRead, Tag: 10})
	c.pass(1000)
	if o, ok := n.outcome(10); !ok || o.Kind != ReadFailed {
		t.Errorf("the learner's own read ended with %+v, %v", o, ok)
	}
}

// Goal: whoever does not lead says so at once, and names the leader it knows
// (case 41).
func TestReplication_ProposalElsewhereIsRejectedAtOnce(t *testing.T) {
	c := newCluster(t, 3).startAll()
	c.propose(c.node(1), 1, "x")
	if o, ok := c.node(1).outcome(1); !ok || o.Kind != Rejected || o.Reason != ReasonNoLeader {
		t.Errorf("without a leader: %+v, %v", o, ok)
	}
	l := c.elect()
	f := c.node(l.id%3 + 1)
	c.propose(f, 2, "x")
	if o, ok := f.outcome(2); !ok || o.Kind != Rejected || o.Reason != ReasonNotLeader || o.Leader != l.id {
		t.Errorf("at a follower: %+v, %v", o, ok)
	}
}

// Goal: reads that wait when a leader steps down fail, and are not answered by
// what comes later (case 69).
func TestRead_WaitingWhenTheLeaderStepsDownFails(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.isolate(l.id)
	c.step(l, Input{Kind: InputRead, Tag: 5})
	c.until("it ends", 2000, func() bool { _, ok := l.outcome(5); return ok })
	if o, _ := l.outcome(5); o.Kind != ReadFailed {
		t.Errorf("it ended with %+v", o)
	}
}
