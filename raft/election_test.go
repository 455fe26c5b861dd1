package raft

import "testing"

// Goal: five empty disks become a cluster with one leader. Method: start all,
// let time pass, count leaders per term.
func TestElection_FiveEmptyServersElectOneLeader(t *testing.T) {
	c := newCluster(t, 5).startAll()
	l := c.elect()
	c.pass(500)
	if c.leader() != l || !l.core.Confirmed() {
		t.Fatalf("leader moved to %v, or is not confirmed", c.leader())
	}
	c.onlyOneLeaderPerTerm()
}

// onlyOneLeaderPerTerm checks Election Safety (Figure 3) over the whole trace.
func (c *cluster) onlyOneLeaderPerTerm() {
	c.t.Helper()
	led := map[Term]NodeID{}
	for _, e := range c.trace {
		if e.Kind != EventBecameLeader {
			continue
		}
		if other, ok := led[e.Term]; ok && other != e.Node {
			c.t.Fatalf("%d and %d both led term %d", other, e.Node, e.Term)
		}
		led[e.Term] = e.Node
	}
}

// Goal: without the leader the rest elects another (§5.2) within two maximum
// timeouts. Method: crash it silently.
func TestElection_CrashOfTheLeaderIsSurvived(t *testing.T) {
	c := newCluster(t, 5).startAll()
	old := c.elect()
	c.crash(old.id)
	began := c.now
	l := c.elect()
	if l.id == old.id || c.now-began > Time(2*DefaultElectionMax) {
		t.Fatalf("leader %d after %d ms", l.id, (c.now-began)/Time(Millisecond))
	}
	c.start(old.id)
	c.until("the old leader follows", 500, func() bool { return c.node(old.id).core.Leader() == l.id })
	c.onlyOneLeaderPerTerm()
}

// Goal: closed connections are as good as a timeout, only sooner. Method: crash
// the leader so that the others see its connections close.
func TestElection_ClosedConnectionsNeedNoTimeout(t *testing.T) {
	for _, n := range []int{3, 5} {
		c := newCluster(t, n)
		c.byClose = true
		c.startAll()
		worst := Time(0)
		for range 20 {
			old := c.elect()
			c.pass(200)
			c.crash(old.id)
			began := c.now
			c.elect()
			worst = max(worst, c.now-began)
			c.start(old.id)
			c.pass(100)
		}
		if worst > Time(100*Millisecond) {
			t.Errorf("%d servers: %d ms without a leader", n, worst/Time(Millisecond))
		}
		c.onlyOneLeaderPerTerm()
	}
}

// Goal: one server whose own connections closed does not depose a leader that
// the others hear. Method: tell a single follower that the leader has gone.
func TestElection_OneClosedConnectionDeposesNobody(t *testing.T) {
	c := newCluster(t, 5).startAll()
	l := c.elect()
	c.pass(200)
	term := l.core.Term()
	f := c.node(l.id%5 + 1)
	c.isolateFrom(l.id, f.id)
	c.step(f, Input{Kind: InputPeerDown, Peer: l.id, Boot: l.boot})
	c.pass(1000)
	if c.leader() != l || l.core.Term() != term {
		t.Fatalf("leader %v in term %d, was %d in term %d", c.leader(), l.core.Term(), l.id, term)
	}
}

// isolateFrom cuts one pair in both directions.
func (c *cluster) isolateFrom(a, b NodeID) {
	c.cut[[2]NodeID{a, b}], c.cut[[2]NodeID{b, a}] = true, true
}

// Goal: a server that was cut off comes back without disturbing anybody
// (thesis §9.6). Method: isolate a follower for twenty seconds.
func TestElection_ReturnAfterLongIsolationDisturbsNobody(t *testing.T) {
	c := newCluster(t, 5).startAll()
	l := c.elect()
	f := c.node(l.id%5 + 1)
	term := l.core.Term()
	c.isolate(f.id)
	c.pass(20_000)
	if f.core.Term() != term {
		t.Fatalf("alone, it went from term %d to %d", term, f.core.Term())
	}
	c.heal()
	c.pass(1000)
	if c.leader() != l || l.core.Term() != term || f.core.Leader() != l.id {
		t.Fatalf("leader %v, term %d, follower follows %d", c.leader(), l.core.Term(), f.core.Leader())
	}
}

// Goal: a leader that no majority answers gives up, and is never confirmed while
// another one is (thesis §6.2). Method: isolate it with one follower and watch
// every millisecond.
func TestElection_MinorityLeaderStepsDownAndIsNeverConfirmedBesideAnother(t *testing.T) {
	c := newCluster(t, 5)
	for _, n := range c.nodes {
		n.cfg.NoFastDetection = true
	}
	c.startAll()
	old := c.elect()
	c.pass(300)
	c.isolate(old.id, old.id%5+1)
	c.until("another leader", 2000, func() bool {
		confirmed := 0
		for _, n := range c.nodes {
			if n.core.ConfirmedAt(c.now) {
				confirmed++
			}
		}
		if confirmed > 1 {
			t.Fatal("two confirmed leaders")
		}
		return old.core.Role() != Leader && c.leader() != nil
	})
}

// Goal: a leader that can speak but not hear gives up (CheckQuorum). Method: cut
// all links towards it.
func TestElection_DeafLeaderIsReplaced(t *testing.T) {
	c := newCluster(t, 5).startAll()
	old := c.elect()
	c.pass(200)
	for _, n := range c.nodes {
		if n != old {
			c.cut[[2]NodeID{n.id, old.id}] = true
		}
	}
	c.until("another leader", 3000, func() bool { l := c.leader(); return l != nil && l != old })
	c.onlyOneLeaderPerTerm()
}

// Goal: the log decides who may win: last term first, then length (§5.4.1).
// Method: ask one voter on behalf of candidates with various logs.
func TestElection_LogRecencyDecides(t *testing.T) {
	for _, tc := range []struct {
		name  string
		last  Index
		term  Term
		grant bool
	}{
		{"equal logs", 3, 2, true},
		{"longer, equal term", 4, 2, true},
		{"shorter, later term", 1, 3, true},
		{"longer, older term", 9, 1, false},
		{"shorter, equal term", 2, 2, false},
	} {
		v, out := voter(t, HardState{Term: 3, Standing: Admitted}, 1, 1, 2)
		v.Step(Time(Second), Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindRequestVote, From: 2, To: 1, Term: 4,
			RequestVote: RequestVote{Campaign: 9, LastIndex: tc.last, LastTerm: tc.term}}}, out)
		if len(out.Send) != 0 {
			t.Fatalf("%s: answered before the disk did", tc.name)
		}
		if v.Term() != 4 {
			t.Fatalf("%s: a candidate's higher term was not taken over", tc.name)
		}
		v.Step(Time(Second), Input{Kind: InputPersisted, Seq: out.Write.Seq}, out)
		if len(out.Send) != 1 || out.Send[0].VoteReply.Granted != tc.grant {
			t.Errorf("%s: answered %+v, want granted %v", tc.name, out.Send, tc.grant)
		}
	}
}

// voter makes server 1 of 3 with a log of the given terms.
func voter(t *testing.T, h HardState, terms ...Term) (*Core, *Output) {
	t.Helper()
	c := newCluster(t, 3)
	var d Restored
	d.Hard = h
	for k, term := range terms {
		d.Entries = append(d.Entries, Entry{Index: Index(k + 1), Term: term, Kind: EntryNoop})
	}
	v, err := New(c.node(1).cfg, d, 0)
	if err != nil {
		t.Fatal(err)
	}
	return v, &Output{}
}

func requestVote(from NodeID, term Term, q RequestVote) Input {
	return Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindRequestVote, From: from, To: 1, Term: term, RequestVote: q}}
}

// Goal: one vote per term, also after a restart (Figure 2). Method: two
// candidates of one term ask; between them the voter loses its memory but not
// its disk.
func TestElection_OneVotePerTermAlsoAfterRestart(t *testing.T) {
	v, out := voter(t, HardState{Standing: Admitted})
	v.Step(1, requestVote(2, 1, RequestVote{Campaign: 1}), out)
	hard := out.Write.Hard
	v.Step(2, requestVote(3, 1, RequestVote{Campaign: 2}), out)
	v.Step(3, Input{Kind: InputPersisted, Seq: 1}, out)
	granted := 0
	for _, m := range out.Send {
		if m.VoteReply.Granted {
			granted++
		}
	}
	if granted != 1 {
		t.Fatalf("%d votes in one term", granted)
	}
	v, out = voter(t, hard)
	v.Step(4, requestVote(3, 1, RequestVote{Campaign: 3}), out)
	if len(out.Send) != 1 || out.Send[0].VoteReply.Granted || out.Send[0].VoteReply.Reason != ReasonVoted {
		t.Fatalf("after the restart it answered %+v", out.Send)
	}
	v.Step(5, requestVote(2, 1, RequestVote{Campaign: 4}), out)
	if len(out.Send) != 1 || !out.Send[0].VoteReply.Granted {
		t.Fatalf("the one it voted for may ask again, got %+v", out.Send)
	}
}

// Goal: a pre-vote changes nothing at the voter (thesis §9.6). Method: compare
// its persistent state around one.
func TestElection_PreVoteHasNoSideEffect(t *testing.T) {
	v, out := voter(t, HardState{Term: 3, Vote: 2, Standing: Admitted}, 1)
	deadline := v.deadline
	v.Step(1, requestVote(3, 7, RequestVote{Campaign: 1, LastIndex: 5, LastTerm: 7, Pre: true}), out)
	if out.Write.Seq != 0 || v.Term() != 3 || v.deadline != deadline {
		t.Fatalf("write %+v, term %d", out.Write, v.Term())
	}
	if len(out.Send) != 1 || !out.Send[0].VoteReply.Granted {
		t.Fatalf("answered %+v", out.Send)
	}
	v.Step(1, requestVote(3, 1, RequestVote{Campaign: 2, LastIndex: 5, LastTerm: 7, Pre: true}), out)
	if len(out.Send) != 1 || out.Send[0].VoteReply.Granted || out.Send[0].Term != 3 {
		t.Fatalf("a pre-candidate of an old term must learn of ours, got %+v", out.Send)
	}
}

// Goal: who has just voted sends nobody into the next term against the one it
// voted for, but not longer than that one may still come to lead. Method: vote,
// and be asked for a pre-vote by another after each of what ends it.
func TestElection_VoterWaitsForTheOneItVotedFor(t *testing.T) {
	for _, c := range []struct {
		name    string
		then    func(v *Core, out *Output) Time
		granted bool
	}{
		{"at once", func(*Core, *Output) Time { return 2 }, false},
		{"a moment before the minimum timeout", func(v *Core, _ *Output) Time { return Time(v.cfg.ElectionMin) }, false},
		{"after the minimum timeout", func(v *Core, _ *Output) Time { return Time(v.cfg.ElectionMin) + 1 }, true},
		{"its process has died", func(v *Core, out *Output) Time {
			v.Step(2, Input{Kind: InputPeerDown, Peer: 2, Boot: 1}, out)
			return 3
		}, true},
		{"it led, and its process has died", func(v *Core, out *Output) Time {
			v.Step(2, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindHeartbeat, From: 2, To: 1, Term: 1, Boot: 1}}, out)
			v.Step(3, Input{Kind: InputPeerDown, Peer: 2, Boot: 1}, out)
			return 4
		}, true},
	} {
		v, out := voter(t, HardState{Standing: Admitted})
		v.Step(1, requestVote(2, 1, RequestVote{Campaign: 1}), out)
		v.Step(1, Input{Kind: InputPersisted, Seq: 1}, out)
		if len(out.Send) != 1 || !out.Send[0].VoteReply.Granted {
			t.Fatalf("%s: answered %+v", c.name, out.Send)
		}
		at := c.then(v, out)
		v.Step(at, requestVote(3, 1, RequestVote{Campaign: 1, Pre: true}), out)
		if len(out.Send) != 1 || out.Send[0].VoteReply.Granted != c.granted {
			t.Errorf("%s: answered %+v", c.name, out.Send)
		}
		v.Step(at, requestVote(2, 1, RequestVote{Campaign: 2, Pre: true}), out)
		if len(out.Send) != 1 || !out.Send[0].VoteReply.Granted {
			t.Errorf("%s: the one it voted for may ask again, got %+v", c.name, out.Send)
		}
	}
}

// Goal: a candidate does not lead before its own vote is durable, even with all
// other votes. Method: give it the votes first, the disk later.
func TestElection_OwnVoteMustBeDurable(t *testing.T) {
	v, out := voter(t, HardState{Standing: Admitted})
	v.Step(v.deadline, Input{Kind: InputWake}, out)
	if v.Role() != PreCandidate {
		t.Fatalf("role %d after the timeout", v.Role())
	}
	reply := func(pre bool) {
		for _, from := range []NodeID{2, 3} {
			v.Step(v.now, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindVoteReply, From: from, To: 1, Term: v.Term(),
				VoteReply: VoteReply{Campaign: v.campaign, Pre: pre, Granted: true}}}, out)
		}
	}
	v.Step(v.now, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindVoteReply, From: 2, To: 1,
		VoteReply: VoteReply{Campaign: v.campaign - 1, Pre: true, Granted: true}}}, out)
	if v.Role() != PreCandidate {
		t.Fatal("an answer to another campaign was counted")
	}
	v.Step(v.now, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindVoteReply, From: 2, To: 1,
		VoteReply: VoteReply{Campaign: v.campaign, Pre: true, Granted: true}}}, out)
	write := out.Write.Seq
	if v.Role() != Candidate || write == 0 {
		t.Fatalf("role %d, write %d", v.Role(), write)
	}
	reply(false)
	if v.Role() != Candidate {
		t.Fatal("it leads a term that its disk does not know")
	}
	v.Step(v.now, Input{Kind: InputPersisted, Seq: write}, out)
	if v.Role() != Leader {
		t.Fatalf("role %d after its own vote was durable", v.Role())
	}
}

// Goal: a single voter elects itself and commits after its own disk only.
func TestElection_SingleServer(t *testing.T) {
	c := newCluster(t, 1).startAll()
	l := c.elect()
	l.diskSlow = true
	c.propose(l, 1, "x")
	c.pass(50)
	if _, done := l.outcome(1); done {
		t.Fatal("committed before it was durable")
	}
	l.diskSlow = false
	c.until("commit", 100, func() bool { o, ok := l.outcome(1); return ok && o.Kind == Committed })
}

// Goal: a minority never elects, whatever it tries. Method: two of five alone
// for a minute.
func TestElection_MinorityElectsNobody(t *testing.T) {
	c := newCluster(t, 5).startAll()
	c.elect()
	for id := NodeID(3); id <= 5; id++ {
		c.crash(id)
	}
	c.pass(1000)
	term := c.node(1).core.Term()
	c.pass(60_000)
	for id := NodeID(1); id <= 2; id++ {
		if n := c.node(id).core; n.Role() == Leader || n.Term() > term {
			t.Fatalf("server %d: role %d, term %d → %d", id, n.Role(), term, n.Term())
		}
	}
}

// Goal: handing over takes round trips, not a timeout (thesis §3.10). Method:
// transfer and count milliseconds; then to a server that is down.
func TestTransfer_IsQuickAndGivesUp(t *testing.T) {
	c := newCluster(t, 5).startAll()
	old := c.elect()
	c.pass(200)
	began := c.now
	c.step(old, Input{Kind: InputTransfer})
	c.until("another leader", 20, func() bool { l := c.leader(); return l != nil && l != old })
	l := c.leader()
	t.Logf("handed over in %d ms", (c.now-began)/Time(Millisecond))
	c.pass(200)
	dead := c.node(l.id%5 + 1)
	c.crash(dead.id)
	c.step(l, Input{Kind: InputTransfer, Peer: dead.id})
	c.propose(l, 7, "refused meanwhile")
	if o, _ := l.outcome(7); o.Kind != Rejected || o.Reason != ReasonTransferring {
		t.Fatalf("outcome %+v", o)
	}
	c.pass(400)
	c.propose(l, 8, "taken again")
	c.until("commit", 100, func() bool { o, ok := l.outcome(8); return ok && o.Kind == Committed })
	if c.leader() != l {
		t.Fatal("a failed transfer cost the leader its place")
	}
}

// Goal: a TimeoutNow that is late, repeated or from nobody's leader is ignored
// (case 21). Method: send them.
func TestTransfer_StaleTimeoutNowIsIgnored(t *testing.T) {
	v, out := voter(t, HardState{Term: 5, Standing: Admitted})
	for _, term := range []Term{4, 5} {
		v.Step(1, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindTimeoutNow, From: 2, To: 1, Term: term}}, out)
		if v.Role() != Follower || v.Term() != 5 {
			t.Fatalf("TimeoutNow of term %d: role %d, term %d", term, v.Role(), v.Term())
		}
	}
}

// Goal: a pause of the whole machine costs nobody the leadership. Method: stop
// all five servers for 400 ms of their clocks, again and again.
func TestElection_PauseOfTheWholeMachineChangesNoLeader(t *testing.T) {
	c := newCluster(t, 5).startAll()
	l := c.elect()
	c.pass(300)
	term := l.core.Term()
	for range 10 {
		c.now += Time(400 * Millisecond)
		c.tick()
		if l.core.ConfirmedAt(c.now) {
			t.Fatal("confirmed by answers to messages from before the pause")
		}
		c.pass(400)
	}
	if c.leader() != l || l.core.Term() != term || !l.core.Confirmed() {
		t.Fatalf("leader %v in term %d, was %d in term %d", c.leader(), l.core.Term(), l.id, term)
	}
}

// Goal: a leader that slept and finds no majority gives up one election timeout
// later. Method: pause it, with all links cut.
func TestElection_SleeperWithoutMajorityGivesUp(t *testing.T) {
	c := newCluster(t, 5).startAll()
	l := c.elect()
	c.pass(300)
	c.isolate(l.id)
	c.now += Time(400 * Millisecond)
	for range 20 { // it goes on sleeping in the meantime
		c.step(l, Input{Kind: InputWake})
		c.now += Time(120 * Millisecond)
	}
	if l.core.Role() == Leader {
		t.Fatal("it leads on without a majority")
	}
}
