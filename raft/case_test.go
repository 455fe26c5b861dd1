package raft

import (
	"fmt"
	"slices"
	"testing"
)

// tell delivers one message to server 1 of group 1.
func tell(c *Core, out *Output, at Time, m Message) {
	m.Group, m.To = 1, 1
	c.Step(at, Input{Kind: InputReceive, Message: &m}, out)
}

// lead makes server 1 of 3 the leader of the next term, with server 2's votes
// and a disk that confirms at once.
func lead(t *testing.T, c *Core, out *Output) {
	t.Helper()
	now := max(c.now, c.deadline)
	c.Step(now, Input{Kind: InputWake}, out)
	for _, pre := range []bool{true, false} {
		tell(c, out, now, Message{Kind: KindVoteReply, From: 2, Term: c.Term(),
			VoteReply: VoteReply{Campaign: c.campaign, Pre: pre, Granted: true}})
		c.Step(now, Input{Kind: InputPersisted, Seq: c.disk.issued}, out)
	}
	if c.Role() != Leader {
		t.Fatalf("role %d, term %d", c.Role(), c.Term())
	}
}

func noops(first Index, terms ...Term) (es []Entry) {
	for k, term := range terms {
		es = append(es, Entry{Index: first + Index(k), Term: term, Kind: EntryNoop})
	}
	return es
}

// Goal: what one leader verified says nothing about the next leader's log (case
// 28). Method: a follower verifies three entries in term 1, campaigns in term 2,
// and hears that term's leader vouch for the first entry only, with commit 3.
func TestReplication_VerifiedEndsWithTheTerm(t *testing.T) {
	f, out := voter(t, HardState{Term: 1, Standing: Admitted})
	tell(f, out, 1, Message{Kind: KindAppend, From: 2, Term: 1, Append: Append{Entries: noops(1, 1, 1, 1)}})
	f.Step(f.deadline, Input{Kind: InputWake}, out)
	tell(f, out, f.now, Message{Kind: KindVoteReply, From: 3, Term: 1, VoteReply: VoteReply{Campaign: f.campaign, Pre: true, Granted: true}})
	if f.Role() != Candidate || f.Term() != 2 {
		t.Fatalf("role %d, term %d", f.Role(), f.Term())
	}
	tell(f, out, f.now, Message{Kind: KindAppend, From: 3, Term: 2, Append: Append{Entries: noops(1, 1), Commit: 3}})
	if f.commit != 1 {
		t.Fatalf("commit index %d, this term's leader vouched for 1", f.commit)
	}
}

// Goal: an overwritten proposal is not lost while a log somewhere may bring it
// back (case 42). Method: server 1 leads term 1 and proposes; the leader of term
// 2 overwrites the entry here, commits nothing and dies; the leader of term 3
// held the entry all the time and commits it. The twin: term 2 commits.
func TestReplication_OverwrittenIsLostOnlyWhenAnotherIsCommitted(t *testing.T) {
	for _, tc := range []struct {
		name   string
		commit Index // of the leader of term 2
		want   OutcomeKind
	}{
		{"term 2 commits nothing", 1, Committed},
		{"term 2 commits its own entry", 2, Lost},
	} {
		c, out := voter(t, HardState{Standing: Admitted})
		lead(t, c, out)
		mine := []Proposal{{Tag: 7, Data: []byte("x")}}
		c.Step(c.now, Input{Kind: InputPropose, Proposals: mine}, out)
		had := []Entry{{Index: 1, Term: 1, Kind: EntryNoop}, {Index: 2, Term: 1, Kind: EntryCommand, Data: []byte("x")}}
		var all []Outcome
		tell(c, out, c.now, Message{Kind: KindAppend, From: 3, Term: 2, Append: Append{PrevIndex: 1, PrevTerm: 1, Entries: noops(2, 2), Commit: tc.commit}})
		all = append(all, out.Outcomes...)
		if tc.want == Committed {
			if len(all) != 0 {
				t.Fatalf("%s: told %+v while the entry may come back", tc.name, all)
			}
			tell(c, out, c.now, Message{Kind: KindAppend, From: 2, Term: 3,
				Append: Append{Entries: append(had[:2:2], noops(3, 3)...), Commit: 3}})
			all = append(all, out.Outcomes...)
		}
		if len(all) != 1 || all[0].Kind != tc.want || all[0].Tag != 7 {
			t.Fatalf("%s: outcomes %+v, want kind %d", tc.name, all, tc.want)
		}
	}
}

// Goal: a proposal beyond the end of a shortened log is not left without an
// outcome. Method: entries 2 to 9 of term 1 are overwritten by a shorter log,
// whose entry of term 2 is committed: no log with them can win any more.
func TestReplication_ProposalsBeyondAShorterLogAreLost(t *testing.T) {
	c, out := voter(t, HardState{Standing: Admitted})
	lead(t, c, out)
	for tag := uint64(2); tag < 10; tag++ {
		c.Step(c.now, Input{Kind: InputPropose, Proposals: []Proposal{{Tag: tag, Data: []byte("x")}}}, out)
	}
	tell(c, out, c.now, Message{Kind: KindAppend, From: 3, Term: 2, Append: Append{PrevIndex: 1, PrevTerm: 1, Entries: noops(2, 2), Commit: 2}})
	if len(out.Outcomes) != 8 || len(c.pending) != 0 {
		t.Fatalf("%d outcomes, %d pending", len(out.Outcomes), len(c.pending))
	}
	for _, o := range out.Outcomes {
		if o.Kind != Lost {
			t.Fatalf("outcome %+v", o)
		}
	}
}

// Goal: the short timeouts of fast detection end (case 11): on a machine whose
// votes take longer than 60 ms an election must still succeed. Method: connections
// close, a second passes, then a campaign begins; look at its timeout.
func TestElection_FastTimeoutsEnd(t *testing.T) {
	f, out := voter(t, HardState{Term: 1, Standing: Admitted})
	tell(f, out, 1, Message{Kind: KindHeartbeat, From: 2, Boot: 5, Term: 1})
	f.Step(2, Input{Kind: InputPeerDown, Peer: 2, Boot: 5}, out)
	for f.now < Time(Second) {
		f.Step(out.Wake, Input{Kind: InputWake}, out)
	}
	tell(f, out, f.now, Message{Kind: KindVoteReply, From: 3, Term: 1, VoteReply: VoteReply{Campaign: f.campaign, Pre: true, Granted: true}})
	if f.Role() != Candidate {
		t.Fatalf("role %d", f.Role())
	}
	if left := f.deadline - f.now; left < Time(DefaultElectionMin) {
		t.Fatalf("a second after the close the candidate gives its voters %d ms", left/Time(Millisecond))
	}
}

// Goal: an acknowledgement that is lost heals by itself (case 39), without new
// proposals. Method: drop all answers to appends for 60 ms around a proposal.
func TestReplication_LostAcknowledgementHeals(t *testing.T) {
	c := newCluster(t, 3).startAll()
	l := c.elect()
	c.pass(300)
	c.drop = func(m *Message) bool { return m.Kind == KindAppendReply }
	c.propose(l, 1, "x")
	c.pass(60)
	c.drop = nil
	c.until("commit", 500, func() bool { o, ok := l.outcome(1); return ok && o.Kind == Committed })
}

// Goal: what is committed here cannot be overwritten, and an attempt is never
// passed over in silence (case 31): it proves that election safety is broken, so
// the group halts. Method: appends of a later leader that disagree with a
// committed entry, as entry and as previous entry.
func TestReplication_OverwritingTheCommittedHalts(t *testing.T) {
	for name, a := range map[string]Append{
		"as an entry":        {PrevIndex: 1, PrevTerm: 1, Entries: noops(2, 2, 2)},
		"as the previous":    {PrevIndex: 2, PrevTerm: 2, Entries: noops(3, 2)},
		"below the last one": {PrevIndex: 0, Entries: noops(1, 2)},
	} {
		f, out := voter(t, HardState{Term: 1, Standing: Admitted})
		tell(f, out, 1, Message{Kind: KindAppend, From: 2, Term: 1, Append: Append{Entries: noops(1, 1, 1, 1), Commit: 2}})
		tell(f, out, 2, Message{Kind: KindAppend, From: 3, Term: 2, Append: a})
		if f.Fault() == "" || f.log.last() != 3 {
			t.Fatalf("%s: fault %q, log ends at %d", name, f.Fault(), f.log.last())
		}
		if out.Write.Seq != 0 || len(out.Send) != 0 || out.Wake != Never {
			t.Fatalf("%s: a group that halts still does %+v", name, out)
		}
	}
}

// Goal: a term has one leader; a second claimant of the same term is not
// followed, whatever it says. Method: two heartbeats and an append.
func TestElection_SecondClaimantOfATermIsIgnored(t *testing.T) {
	f, out := voter(t, HardState{Term: 1, Standing: Admitted})
	tell(f, out, 1, Message{Kind: KindAppend, From: 2, Term: 1, Append: Append{Entries: noops(1, 1, 1)}})
	tell(f, out, 2, Message{Kind: KindAppend, From: 3, Term: 1, Append: Append{Entries: noops(1, 1), Commit: 2}})
	if f.Leader() != 2 || f.commit != 0 || len(out.Send) != 0 {
		t.Fatalf("follows %d, commit %d, sent %+v", f.Leader(), f.commit, out.Send)
	}
}

// Goal: terms near 2^64 do no harm (case 25): the term must never wrap to 0.
// Method: every kind of message with such terms, then timeouts.
func TestCore_ImpossibleTermsAreIgnored(t *testing.T) {
	for kind := KindRequestVote; kind < messageKindsBound; kind++ {
		for _, pre := range []bool{false, true} {
			f, out := voter(t, HardState{Term: 5, Standing: Admitted})
			tell(f, out, 1, Message{Kind: kind, From: 2, Term: 1<<64 - 1, RequestVote: RequestVote{Pre: pre, LastTerm: 1<<64 - 1, LastIndex: 1<<64 - 1}})
			if f.Term() != 5 || f.Fault() != "" {
				t.Fatalf("kind %d: term %d, fault %q", kind, f.Term(), f.Fault())
			}
		}
	}
}

// Goal: what is not for this server goes no further than an event (case 25).
func TestCore_MessagesForOthersAreIgnored(t *testing.T) {
	for name, m := range map[string]Message{
		"another group":  {Group: 2, From: 2, To: 1},
		"another server": {Group: 1, From: 2, To: 3},
		"from itself":    {Group: 1, From: 1, To: 1},
		"from nobody":    {Group: 1, From: 0, To: 1},
	} {
		f, out := voter(t, HardState{Term: 1, Standing: Admitted})
		m.Kind, m.Term = KindHeartbeat, 9
		f.Step(1, Input{Kind: InputWake}, out)
		f.Step(1, Input{Kind: InputReceive, Message: &m}, out)
		if f.Term() != 1 || len(out.Send) != 0 || len(out.Events) != 1 || out.Events[0].Kind != EventMessageIgnored {
			t.Fatalf("%s: term %d, sent %+v, events %+v", name, f.Term(), out.Send, out.Events)
		}
	}
}

// Goal: an entry is sent once to a server that answers. Method: count how often
// the leader's first configuration travels to each server in a quiet cluster.
func TestReplication_SendsAnEntryOnce(t *testing.T) {
	c := newCluster(t, 3)
	sent := map[string]int{}
	c.drop = func(m *Message) bool {
		for _, e := range m.Append.Entries {
			if e.Kind == EntryConfig {
				sent[fmt.Sprint("entry ", e.Index, " of term ", e.Term, " to ", m.To)]++
			}
		}
		return false
	}
	c.startAll()
	c.elect()
	c.pass(500)
	if len(sent) == 0 {
		t.Fatal("no configuration was sent")
	}
	for what, n := range sent {
		if n > 1 {
			t.Errorf("%s: sent %d times", what, n)
		}
	}
}

// Goal: Confirmed holds beside no other leader, also when a voter restarts and
// has forgotten whom it heard (case 72). Method: a leader is confirmed by one
// follower's answer, the follower restarts at once, and a candidate asks it.
func TestElection_RestartKeepsThePromiseToTheLeader(t *testing.T) {
	c := newCluster(t, 3)
	for _, n := range c.nodes {
		n.cfg.NoFastDetection = true
	}
	c.startAll()
	l := c.elect()
	c.pass(200)
	f := c.node(l.id%3 + 1)
	x := c.node(f.id%3 + 1)
	c.crash(f.id)
	c.start(f.id)
	c.isolateFrom(l.id, f.id)
	c.isolateFrom(l.id, x.id)
	c.step(f, Input{Kind: InputReceive, Message: &Message{Group: 1, Kind: KindRequestVote, From: x.id, To: f.id, Term: l.core.Term(),
		RequestVote: RequestVote{Campaign: 1, LastIndex: 1000, LastTerm: l.core.Term(), Pre: true}}})
	for _, m := range f.out.Send {
		if m.Kind == KindVoteReply && m.VoteReply.Granted && l.core.ConfirmedAt(c.now) {
			t.Fatal("it would vote for another while the leader it answered is confirmed")
		}
	}
}

// Goal: an abandoned transfer cannot make a second leader beside a confirmed one
// (case 71), however late its TimeoutNow arrives. Method: hold the message back
// until the leader has given up, then deliver it and watch every millisecond.
func TestTransfer_LateTimeoutNowMakesNoSecondConfirmedLeader(t *testing.T) {
	c := newCluster(t, 3)
	for _, n := range c.nodes {
		n.cfg.NoFastDetection = true
	}
	c.startAll()
	l := c.elect()
	c.pass(200)
	f := c.node(l.id%3 + 1)
	var late []Message
	c.drop = func(m *Message) bool {
		if m.Kind == KindTimeoutNow {
			late = append(late, *m)
			return true
		}
		return false
	}
	c.step(l, Input{Kind: InputTransfer, Peer: f.id})
	c.pass(400)
	c.until("confirmed again", 200, func() bool { return l.core.ConfirmedAt(c.now) && l.core.Role() == Leader })
	c.isolate(l.id)
	for k := range late {
		c.step(f, Input{Kind: InputReceive, Message: &late[k]})
	}
	for range 100 {
		c.tick()
		confirmed := 0
		for _, n := range c.nodes {
			if n.core.ConfirmedAt(c.now) {
				confirmed++
			}
		}
		if confirmed > 1 {
			t.Fatalf("two confirmed leaders, %d TimeoutNow held back", len(late))
		}
	}
}

// Goal: what waits for a stalled disk stays small. Method: a follower whose disk
// does not answer hears a hundred thousand heartbeats and repeated appends.
func TestDurable_StalledDiskHoldsLittle(t *testing.T) {
	f, out := voter(t, HardState{Term: 1, Standing: Admitted})
	for k := range 10_000 {
		tell(f, out, Time(k), Message{Kind: KindHeartbeat, From: 2, Term: 2, Heartbeat: Heartbeat{Round: uint64(k)}})
		tell(f, out, Time(k), Message{Kind: KindAppend, From: 2, Term: 2, Append: Append{Entries: noops(1, 2)}})
		tell(f, out, Time(k), Message{Kind: KindRequestVote, From: 3, Term: 2, RequestVote: RequestVote{Campaign: uint64(k)}})
	}
	if n := len(f.disk.held); n > 16 {
		t.Fatalf("%d messages are held", n)
	}
	f.Step(f.now, Input{Kind: InputPersisted, Seq: f.disk.issued}, out)
	for _, m := range out.Send {
		if m.Kind == KindHeartbeatRep && m.HeartbeatRep.Round == 9999 {
			return
		}
	}
	t.Fatalf("the answer to the newest heartbeat is not among %d", len(out.Send))
}

// Goal: an address that no follower could store is refused at the start: as an
// entry it would stop replication for ever.
func TestConfig_AddressTooLong(t *testing.T) {
	c := newCluster(t, 1)
	cfg := c.node(1).cfg
	cfg.ClientAddr = string(make([]byte, textMax+1))
	if _, err := New(cfg, Restored{}, 0); err == nil {
		t.Fatal("accepted")
	}
}

// Goal: a failed read of a leader that stepped down does not send the client to
// the very same server. Method: a pending read, then a higher term.
func TestRead_FailureDoesNotNameTheOldLeader(t *testing.T) {
	c, out := voter(t, HardState{Standing: Admitted})
	lead(t, c, out)
	c.Step(c.now, Input{Kind: InputRead, Tag: 3}, out)
	tell(c, out, c.now, Message{Kind: KindHeartbeat, From: 2, Term: 9})
	if len(out.Outcomes) != 1 || out.Outcomes[0].Kind != ReadFailed || out.Outcomes[0].Leader != 2 {
		t.Fatalf("outcomes %+v", out.Outcomes)
	}
}

// Goal: a server that may not campaign forgets a leader that fell silent, so that
// its clients get a clear answer. Method: a fresh server hears one heartbeat.
func TestElection_FreshServerForgetsASilentLeader(t *testing.T) {
	f, out := voter(t, HardState{})
	tell(f, out, 1, Message{Kind: KindHeartbeat, From: 2, Term: 1})
	if f.Leader() != 2 {
		t.Fatal("no leader known")
	}
	for f.now < Time(Second) {
		f.Step(out.Wake, Input{Kind: InputWake}, out)
	}
	f.Step(f.now, Input{Kind: InputPropose, Proposals: []Proposal{{Tag: 1}}}, out)
	if len(out.Outcomes) != 1 || out.Outcomes[0].Reason != ReasonNoLeader {
		t.Fatalf("outcomes %+v", out.Outcomes)
	}
}

// Goal: whoever gives its vote gives up its own pre-campaign, or it would depose
// the one it voted for a moment later (case 1).
func TestElection_GrantEndsThePreCampaign(t *testing.T) {
	f, out := voter(t, HardState{Term: 1, Standing: Admitted})
	f.Step(f.deadline, Input{Kind: InputWake}, out)
	own := f.campaign
	f.Step(f.now, requestVote(2, 1, RequestVote{Campaign: 9}), out)
	tell(f, out, f.now, Message{Kind: KindVoteReply, From: 3, Term: 1, VoteReply: VoteReply{Campaign: own, Pre: true, Granted: true}})
	if f.Role() != Follower || f.Term() != 1 {
		t.Fatalf("role %d, term %d", f.Role(), f.Term())
	}
}

// Goal: what is persisted is right after truncations with several writes under
// way (cases 34, 35). Method: two leaders write over each other while the disk is
// held back, then it confirms write by write.
func TestDurable_PersistedAfterTruncationsUnderWay(t *testing.T) {
	f, out := voter(t, HardState{Term: 1, Standing: Admitted}, 1)
	var seqs []Seq
	put := func(from NodeID, term Term, es []Entry) {
		tell(f, out, 1, Message{Kind: KindAppend, From: from, Term: term, Append: Append{PrevIndex: 1, PrevTerm: 1, Entries: es}})
		seqs = append(seqs, out.Write.Seq)
	}
	put(2, 1, noops(2, 1, 1, 1, 1)) // log: 1 1 1 1 1
	put(3, 2, noops(2, 1, 1, 2))    // log: 1 1 1 2
	put(2, 3, noops(2, 1, 3))       // log: 1 1 3
	for k, want := range []Index{2, 2, 3} {
		f.Step(2, Input{Kind: InputPersisted, Seq: seqs[k]}, out)
		if f.Persisted() != want || f.Fault() != "" {
			t.Fatalf("after write %d: persisted up to %d, want %d; fault %q", k+1, f.Persisted(), want, f.Fault())
		}
		for _, m := range out.Send {
			if m.Term != 3 || m.AppendReply.Match != 3 {
				t.Fatalf("after write %d: sent %+v", k+1, m)
			}
		}
	}
}

// Goal: the election timer starts anew on a granted vote and on every word of the
// term's leader, also if refused; never on a vote that is refused, a pre-vote, or
// a word of an old leader (case 10). Method: a table of messages.
func TestElection_WhatResetsTheTimer(t *testing.T) {
	for _, tc := range []struct {
		name  string
		m     Message
		reset bool
	}{
		{"granted vote", Message{Kind: KindRequestVote, From: 2, Term: 5, RequestVote: RequestVote{LastIndex: 9, LastTerm: 5}}, true},
		{"refused vote", Message{Kind: KindRequestVote, From: 2, Term: 5}, false},
		{"refused vote of a later term", Message{Kind: KindRequestVote, From: 2, Term: 6}, false},
		{"granted pre-vote", Message{Kind: KindRequestVote, From: 2, Term: 5, RequestVote: RequestVote{LastIndex: 9, LastTerm: 5, Pre: true}}, false},
		{"heartbeat", Message{Kind: KindHeartbeat, From: 2, Term: 5}, true},
		{"append that is refused", Message{Kind: KindAppend, From: 2, Term: 5, Append: Append{PrevIndex: 50, PrevTerm: 5}}, true},
		{"old leader's heartbeat", Message{Kind: KindHeartbeat, From: 2, Term: 4}, false},
		{"old leader's append", Message{Kind: KindAppend, From: 2, Term: 4}, false},
		{"vote reply", Message{Kind: KindVoteReply, From: 2, Term: 5, VoteReply: VoteReply{Granted: true}}, false},
	} {
		f, out := voter(t, HardState{Term: 5, Standing: Admitted}, 1, 5)
		was := f.deadline
		tell(f, out, Time(100*Millisecond), tc.m)
		if reset := f.deadline != was; reset != tc.reset {
			t.Errorf("%s: timer reset %v, want %v", tc.name, reset, tc.reset)
		}
	}
}

// Goal: a sender of an old term learns of ours (case 7), or a leader that nobody
// follows would go on for ever. Method: every kind of request of term 4 to a
// server of term 5; and a leader that hears the answer steps down.
func TestElection_OldTermsAreAnswered(t *testing.T) {
	for _, kind := range []MessageKind{KindAppend, KindHeartbeat, KindRequestVote} {
		f, out := voter(t, HardState{Term: 5, Standing: Admitted})
		tell(f, out, 1, Message{Kind: kind, From: 2, Term: 4})
		if len(out.Send) != 1 || out.Send[0].Term != 5 || out.Send[0].To != 2 {
			t.Fatalf("kind %d: answered %+v", kind, out.Send)
		}
		l, lout := voter(t, HardState{Term: 3, Standing: Admitted})
		lead(t, l, lout)
		back := out.Send[0]
		back.From = 2
		tell(l, lout, l.now, back)
		if l.Role() != Follower || l.Term() != 5 {
			t.Fatalf("kind %d: the old leader has role %d in term %d", kind, l.Role(), l.Term())
		}
	}
}

// Goal: a voter answers whoever asks, in or out of its own configuration, since
// the asker's may be newer (cases 8, 9); what it answers does not depend on its own
// standing there. Method: a stranger asks a voter; a server asks one that is only a
// learner by its own log.
func TestElection_OwnViewOfMembershipDecidesNoVote(t *testing.T) {
	f, out := voter(t, HardState{Term: 1, Standing: Admitted})
	f.Step(1, requestVote(42, 2, RequestVote{Campaign: 1}), out)
	f.Step(1, Input{Kind: InputPersisted, Seq: out.Write.Seq}, out)
	if len(out.Send) != 1 || !out.Send[0].VoteReply.Granted {
		t.Fatalf("a stranger was answered %+v", out.Send)
	}
	cfg := newCluster(t, 3).node(1).cfg
	cfg.Initial.Voters, cfg.Initial.Learners = []NodeID{2, 3}, []NodeID{1}
	l, err := New(cfg, Restored{Hard: HardState{Term: 1, Standing: Admitted}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	l.Step(1, requestVote(2, 2, RequestVote{Campaign: 1}), out)
	l.Step(1, Input{Kind: InputPersisted, Seq: out.Write.Seq}, out)
	if len(out.Send) != 1 || !out.Send[0].VoteReply.Granted {
		t.Fatalf("a learner by its own view answered %+v", out.Send)
	}
	for k := 0; k < 10; k++ {
		l.Step(out.Wake, Input{Kind: InputWake}, out)
	}
	if l.Role() != Follower || l.Term() != 2 {
		t.Fatalf("a learner campaigns: role %d, term %d", l.Role(), l.Term())
	}
}

// Goal: clusters of even size and of two elect, commit, and stop without a
// majority (case 24). Method: for 2, 4 and 6 servers take down just too many.
func TestElection_EvenSizes(t *testing.T) {
	for _, n := range []int{2, 4, 6} {
		c := newCluster(t, n).startAll()
		l := c.elect()
		c.pass(100)
		for k := 1; k <= n/2; k++ { // half of them: the rest is no majority
			c.crash((l.id+NodeID(k)-1)%NodeID(n) + 1)
		}
		c.propose(l, 1, "x")
		c.pass(1000)
		if o, ok := l.outcome(1); ok && o.Kind == Committed || c.leader() != nil {
			t.Fatalf("%d servers: half of them commit or lead", n)
		}
		c.start(l.id%NodeID(n) + 1)
		c.elect()
		c.onlyOneLeaderPerTerm()
	}
}

// Goal: two candidates of one term, with logs that could both win: each voter
// votes once, and only one leads (case 1). Method: four servers, two of them time
// out in the same millisecond, over and over.
func TestElection_SplitVotesEnd(t *testing.T) {
	for seed := range uint64(20) {
		c := newCluster(t, 4)
		for k, n := range c.nodes {
			first := k < 2
			n.cfg.Seed = seed*100 + uint64(k)
			rng := random{state: n.cfg.Seed}
			n.cfg.Draw = func(least, most Duration) Duration {
				if first {
					first = false
					return least
				}
				return rng.between(least, most)
			}
		}
		c.startAll()
		c.elect()
		c.onlyOneLeaderPerTerm()
	}
}

// Goal: a server that led a moment ago takes part in the next election at once,
// as voter and as candidate (case 13). Method: it steps down by a higher term,
// then is asked, then asks.
func TestElection_DeposedLeaderTakesPart(t *testing.T) {
	l, out := voter(t, HardState{Standing: Admitted})
	lead(t, l, out)
	tell(l, out, l.now, Message{Kind: KindAppendReply, From: 3, Term: 7, AppendReply: AppendReply{Rejected: true}})
	tell(l, out, l.now, Message{Kind: KindRequestVote, From: 3, Term: 7, RequestVote: RequestVote{LastIndex: 9, LastTerm: 7, Pre: true}})
	if len(out.Send) != 1 || !out.Send[0].VoteReply.Granted {
		t.Fatalf("answered %+v", out.Send)
	}
	l.Step(l.deadline, Input{Kind: InputWake}, out)
	if l.Role() != PreCandidate || len(out.Send) != 2 {
		t.Fatalf("role %d, sent %+v", l.Role(), out.Send)
	}
}

// Goal: stale or impossible answers move no follower's progress (cases 32, 37).
// Method: a leader knows that server 2 holds entries up to 1, then hears them.
func TestReplication_StaleAnswersMoveNothing(t *testing.T) {
	for _, tc := range []struct {
		name string
		r    AppendReply
	}{
		{"refusal at the match", AppendReply{Rejected: true, PrevIndex: 1}},
		{"refusal below the match", AppendReply{Rejected: true, PrevIndex: 0}},
		{"another session", AppendReply{Session: 99, Match: 2}},
		{"older match", AppendReply{Match: 0}},
		{"match beyond the log", AppendReply{Match: 1 << 60}},
	} {
		l, out := voter(t, HardState{Standing: Admitted})
		lead(t, l, out)
		answer := func(r AppendReply) {
			if r.Session == 0 {
				r.Session = l.peer(2).session
			}
			tell(l, out, l.now, Message{Kind: KindAppendReply, From: 2, Term: 1, AppendReply: r})
		}
		answer(AppendReply{Match: 1})
		was := *l.peer(2)
		answer(tc.r)
		if p := l.peer(2); p.match != 1 || p.next != was.next || p.probing != was.probing || l.Fault() != "" {
			t.Errorf("%s: match %d next %d probing %v, was next %d; fault %q", tc.name, p.match, p.next, p.probing, was.next, l.Fault())
		}
	}
}

// Goal: a heartbeat tells each follower no more of the commit index than it
// acknowledged (case 29), and a step-down frees the quota of proposals (case 40).
func TestReplication_HeartbeatCommitAndQuota(t *testing.T) {
	l, out := voter(t, HardState{Standing: Admitted})
	lead(t, l, out)
	tell(l, out, l.now, Message{Kind: KindAppendReply, From: 2, Term: 1, AppendReply: AppendReply{Session: l.peer(2).session, Match: 1}})
	if l.commit != 1 || l.uncommitted != l.sumUncommitted() {
		t.Fatalf("commit %d, %d bytes uncommitted", l.commit, l.uncommitted)
	}
	l.Step(l.heartbeatAt, Input{Kind: InputWake}, out)
	for _, m := range out.Send {
		if want := map[NodeID]Index{2: 1, 3: 0}[m.To]; m.Kind == KindHeartbeat && m.Heartbeat.Commit != want {
			t.Fatalf("server %d is told commit %d, want %d", m.To, m.Heartbeat.Commit, want)
		}
	}
	l.Step(l.now, Input{Kind: InputPropose, Proposals: []Proposal{{Tag: 1, Data: make([]byte, 500)}}}, out)
	tell(l, out, l.now, Message{Kind: KindHeartbeat, From: 3, Term: 9})
	if l.uncommitted != 0 {
		t.Fatalf("%d bytes are still counted after the step-down", l.uncommitted)
	}
}

func (c *Core) sumUncommitted() (n int) {
	for _, e := range c.log.slice(c.commit+1, c.log.last()) {
		n += entryBytes(&e)
	}
	return n
}

// Goal: configurations that make no sense are refused with a sentence (case 55).
func TestConfiguration_CheckRefuses(t *testing.T) {
	ms := []Member{{ID: 1}, {ID: 2}, {ID: 3}}
	for name, c := range map[string]Configuration{
		"empty":                   {},
		"no voter":                {Members: ms},
		"voter not a member":      {Members: ms, Voters: []NodeID{4}},
		"voter twice":             {Members: ms, Voters: []NodeID{1, 1}},
		"voters not in order":     {Members: ms, Voters: []NodeID{2, 1}},
		"voter and learner":       {Members: ms, Voters: []NodeID{1, 2}, Learners: []NodeID{2}},
		"removed and a member":    {Members: ms, Voters: []NodeID{1}, Removed: []NodeID{3}},
		"removed twice":           {Members: ms, Voters: []NodeID{1}, Removed: []NodeID{5, 5}},
		"member twice":            {Members: []Member{{ID: 1}, {ID: 1}}, Voters: []NodeID{1}},
		"member 0":                {Members: []Member{{ID: 0}, {ID: 1}}, Voters: []NodeID{1}},
		"outgoing not a member":   {Members: ms, Voters: []NodeID{1}, Outgoing: []NodeID{9}},
		"more than it can count":  {Members: make([]Member, membersMax+1), Voters: []NodeID{1}},
		"name longer than stored": {Members: []Member{{ID: 1, Name: string(make([]byte, textMax+1))}}, Voters: []NodeID{1}},
	} {
		if c.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Goal: what a restart cannot trust, it refuses (case 75): a gap, terms that go
// back, a term that the hard state does not know, a cut beyond the snapshot.
func TestCore_RestoreRefusesWhatDoesNotFit(t *testing.T) {
	for name, d := range map[string]Restored{
		"gap":             {Hard: HardState{Term: 2}, Entries: noops(2, 1)},
		"terms go back":   {Hard: HardState{Term: 2}, Entries: noops(1, 2, 1)},
		"unknown term":    {Hard: HardState{Term: 1}, Entries: noops(1, 2)},
		"cut, no snap":    {Hard: HardState{Term: 1}, Cut: Base{Index: 3, Term: 1}},
		"snapshot beyond": {Hard: HardState{Term: 1}, Snapshot: Base{Index: 3, Term: 1}, Entries: noops(1, 1)},
		"term near 2^64":  {Hard: HardState{Term: 1<<64 - 1}},
	} {
		if _, err := New(newCluster(t, 3).node(1).cfg, d, 0); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Goal: after a long pause a leader doubts itself before it does anything else,
// and a clock that goes back changes nothing (case 79). Method: a second without a
// Step, then a proposal and a read: neither succeeds, it is not confirmed, and it
// gives up when its next round is not answered; then a Step at an earlier time.
func TestElection_LeaderThatSleptChecksItsQuorumFirst(t *testing.T) {
	for _, in := range []Input{{Kind: InputPropose, Proposals: []Proposal{{Tag: 1}}}, {Kind: InputRead, Tag: 1}} {
		l, out := voter(t, HardState{Standing: Admitted})
		lead(t, l, out)
		l.Step(l.now+Time(Second), in, out)
		if l.Confirmed() || len(out.Outcomes) != 0 {
			t.Fatalf("confirmed %v, outcomes %+v", l.Confirmed(), out.Outcomes)
		}
		l.Step(l.now+Time(DefaultElectionMax)+1, Input{Kind: InputWake}, out)
		if l.Role() != Follower {
			t.Fatalf("role %d", l.Role())
		}
		was := l.now
		l.Step(5, Input{Kind: InputWake}, out)
		if l.now != was {
			t.Fatal("time went back")
		}
	}
}

// Goal: two leaders of different terms both take proposals, only the newer may
// commit, and the older tells the truth when it learns of it (case 20).
func TestElection_TwoLeadersOneCommits(t *testing.T) {
	c := newCluster(t, 5).startAll()
	old := c.elect()
	c.pass(200)
	c.isolate(old.id)
	c.node(old.id%5 + 1).core.deadline = c.now // a quick successor, while the old one still leads
	for _, n := range c.nodes {
		if n != old {
			c.step(n, Input{Kind: InputPeerDown, Peer: old.id, Boot: old.boot})
		}
	}
	c.until("two leaders", 100, func() bool { l := c.leader(); return l != nil && l != old && old.core.Role() == Leader })
	l := c.leader()
	c.propose(old, 1, "old")
	c.propose(l, 2, "new")
	c.until("the newer commits", 100, func() bool { o, ok := l.outcome(2); return ok && o.Kind == Committed })
	if o, ok := old.outcome(1); ok {
		t.Fatalf("the older tells %+v", o)
	}
	c.heal()
	c.until("the older learns", 1000, func() bool { o, ok := old.outcome(1); return ok && o.Kind == Lost })
	c.onlyOneLeaderPerTerm()
}

// Goal: a transfer goes only to a voter that is known, and a step-down clears it
// (case 22). Method: nobody, itself, a stranger; then a higher term while one is
// under way.
func TestTransfer_RefusesAndClears(t *testing.T) {
	for _, to := range []NodeID{0, 1, 42} { // 0: nobody has answered yet, so there is no best one
		l, out := voter(t, HardState{Standing: Admitted})
		lead(t, l, out)
		l.Step(l.now, Input{Kind: InputTransfer, Peer: to}, out)
		if l.transfer.to != 0 {
			t.Fatalf("hands over to %d when asked for %d", l.transfer.to, to)
		}
	}
	l, out := voter(t, HardState{Standing: Admitted})
	lead(t, l, out)
	l.Step(l.now, Input{Kind: InputTransfer, Peer: 2}, out)
	tell(l, out, l.now, Message{Kind: KindHeartbeat, From: 3, Term: 9})
	if l.transfer != (transfer{}) || l.Status().Transferee != 0 {
		t.Fatalf("after the step-down: %+v", l.transfer)
	}
}

// Goal: while a leader is heard, a candidate of a later term changes nothing here
// (cases 12, 17, 50), except when that leader asked for the election or its
// connections closed. Method: the same request after a heartbeat, three ways.
func TestElection_CandidateBesideALeaderThatIsHeard(t *testing.T) {
	for _, tc := range []struct {
		name     string
		transfer bool
		closed   bool
		later    Time
		grant    bool
	}{
		{name: "leader heard"},
		{name: "transfer", transfer: true, grant: true},
		{name: "connections closed", closed: true, grant: true},
		{name: "minimum timeout passed", later: Time(DefaultElectionMin), grant: true},
	} {
		for _, pre := range []bool{false, true} {
			f, out := voter(t, HardState{Term: 1, Standing: Admitted})
			tell(f, out, 1, Message{Kind: KindHeartbeat, From: 2, Boot: 5, Term: 1})
			if tc.closed {
				f.Step(2, Input{Kind: InputPeerDown, Peer: 2, Boot: 5}, out)
			}
			term := Term(2)
			if pre {
				term = 1
			}
			f.Step(2+tc.later, requestVote(3, term, RequestVote{Campaign: 1, Pre: pre, Transfer: tc.transfer && !pre}), out)
			sent := slices.Clone(out.Send)
			if out.Write.Seq != 0 {
				f.Step(f.now, Input{Kind: InputPersisted, Seq: out.Write.Seq}, out)
				sent = append(sent, out.Send...)
			}
			want := tc.grant && !(tc.transfer && pre)
			if len(sent) != 1 || sent[0].VoteReply.Granted != want || !want && (f.Term() != 1 || f.Leader() != 2) {
				t.Errorf("%s, pre-vote %v: answered %+v in term %d, follows %d", tc.name, pre, sent, f.Term(), f.Leader())
			}
		}
	}
}
